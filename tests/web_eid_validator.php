<?php
// Has Web eID's own validator for PHP judge tokens, as docs/login.md tells. Argument: the folder of web-eid-authtoken-validation-php.
// In: a JSON list of {token, origin, nonce, trusted (PEM)}. Out: of each "accepted" or the name of the exception, and whose it is.

declare(strict_types=1);

use GuzzleHttp\Psr7\Uri;
use phpseclib3\File\X509;
use web_eid\web_eid_authtoken_validation_php\validator\AuthTokenValidatorBuilder;

error_reporting(E_ALL & ~E_DEPRECATED);
$folder = $argv[1];
if (is_file("$folder/vendor/autoload.php")) {
    require "$folder/vendor/autoload.php";
} else { // not installed with Composer: its dependencies are Debian's
    require '/usr/share/php/phpseclib3/autoload.php';
    require '/usr/share/php/GuzzleHttp/Psr7/autoload.php';
    require '/usr/share/php/Psr/Log/autoload.php';
    spl_autoload_register(function (string $name) use ($folder): void {
        $file = $folder . '/src' . str_replace(['web_eid\\web_eid_authtoken_validation_php', '\\'], ['', '/'], $name) . '.php';
        if (is_file($file)) {
            require $file;
        }
    });
    require "$folder/src/util/CollectionsUtil.php"; // several classes in one file, as its composer.json says
}

function certificate(string $pem): X509
{
    $found = new X509();
    $found->loadX509($pem);
    return $found;
}

function answer(array $case): array
{
    $validator = (new AuthTokenValidatorBuilder())
        ->withSiteOrigin(new Uri($case['origin']))
        ->withTrustedCertificateAuthorities(...array_map('certificate', $case['trusted']))
        ->withoutUserCertificateRevocationCheckWithOcsp()
        ->build();
    try {
        $holder = $validator->validate($validator->parse($case['token']), $case['nonce']);
        return ['accepted', $holder->getDNProp('id-at-commonName')[0]];
    } catch (Exception $refusal) { // not Error: a fault of the validator's own judges nothing
        return [(new ReflectionClass($refusal))->getShortName(), null];
    }
}

echo json_encode(array_map('answer', json_decode(stream_get_contents(STDIN), true)), JSON_THROW_ON_ERROR);
