/* SPDX-License-Identifier: Apache-2.0
 * Algorithms and keys in a certificate (RFC 5280, 4.1.1.2 and 4.1.2.7; RFC 4055; RFC 5480). */
#include "x509.h"

#include <string.h>

#define PKCS1 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01 /* 1.2.840.113549.1.1 */
#define SHA2 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02
#define PSS(hash, salt)                                                                              \
    {                                                                                                \
        0x30, 0x34, 0xA0, 0x0F, SHA2, hash, 0x05, 0x00,                                              \
        0xA1, 0x1C, 0x30, 0x1A, 0x06, 0x09, PKCS1, 0x08, SHA2, hash, 0x05, 0x00, 0xA2, 0x03, 0x02, 0x01, salt \
    }

/* The digest of RSASSA-PSS is also that of MGF1, and the salt is as long (RFC 7518, 3.5); other parameters are another algorithm. */
static uint8_t pss_kind(zc_span parameters)
{
    static const uint8_t known[][54] = {PSS(0x01, 0x20), PSS(0x02, 0x30), PSS(0x03, 0x40)};

    for (uint8_t i = 0; i < 3; i++)
        if (zc_left(parameters) == sizeof known[i] && memcmp(parameters.at, known[i], sizeof known[i]) == 0)
            return (uint8_t)(ZC_SIGNED_PS256 + i);
    return ZC_SIGNED_OTHER;
}

/* The last number of an OID in one of the two families, pkcs-1 and ecdsa-with-SHA2; 0 for another. */
static uint8_t in_family(zc_span oid, const uint8_t *family, size_t length)
{
    return zc_left(oid) == length + 1 && memcmp(oid.at, family, length) == 0 ? oid.end[-1] : 0;
}

static const uint8_t pkcs1[] = {PKCS1}, ecdsa[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03}, null[] = {ZC_NULL, 0};

enum { RSA_KEY = 1, RSA_PSS = 10, RSA_SHA256 = 11, RSA_SHA512 = 13, ECDSA_SHA256 = 2, ECDSA_SHA512 = 4 };

zc_status zc_x509_parameters(zc_span oid, zc_span parameters)
{
    uint8_t rsa = in_family(oid, pkcs1, sizeof pkcs1), ec = in_family(oid, ecdsa, sizeof ecdsa);
    int is_null = zc_left(parameters) == sizeof null && memcmp(parameters.at, null, sizeof null) == 0;

    if (rsa == RSA_KEY)
        return is_null ? ZC_OK : ZC_E_VALUE;
    if (rsa == RSA_PSS)
        return zc_left(parameters) == 0 || zc_next_is(parameters, ZC_SEQUENCE) ? ZC_OK : ZC_E_VALUE;
    if (rsa >= RSA_SHA256 && rsa <= RSA_SHA512)
        return zc_left(parameters) == 0 || is_null ? ZC_OK : ZC_E_VALUE;
    if (ec >= ECDSA_SHA256 && ec <= ECDSA_SHA512)
        return zc_left(parameters) == 0 ? ZC_OK : ZC_E_VALUE;
    return ZC_OK;
}

uint8_t zc_x509_signed_by(zc_span oid, zc_span parameters)
{
    uint8_t rsa = in_family(oid, pkcs1, sizeof pkcs1), ec = in_family(oid, ecdsa, sizeof ecdsa);

    if (ec >= ECDSA_SHA256 && ec <= ECDSA_SHA512)
        return (uint8_t)(ZC_SIGNED_ES256 + ec - ECDSA_SHA256);
    if (rsa == RSA_PSS)
        return pss_kind(parameters);
    if (rsa >= RSA_SHA256 && rsa <= RSA_SHA512)
        return (uint8_t)(ZC_SIGNED_RS256 + rsa - RSA_SHA256);
    return ZC_SIGNED_OTHER;
}

static unsigned bits_of(zc_span number)
{
    unsigned bits = (unsigned)zc_left(number) * 8;

    for (uint8_t top = *number.at; bits > 0 && !(top & 0x80); top = (uint8_t)(top << 1))
        bits--;
    return bits;
}

/* RSAPublicKey (RFC 8017, A.1.1) */
static zc_status read_rsa(zc_span key, zc_certificate *certificate)
{
    zc_span numbers, modulus, exponent;
    zc_status status = zc_der_take(&key, ZC_SEQUENCE, &numbers);

    if (status == ZC_OK)
        status = zc_der_unsigned(&numbers, ZC_INTEGER, UINT16_MAX / 8, &modulus);
    if (status == ZC_OK)
        status = zc_der_unsigned(&numbers, ZC_INTEGER, UINT16_MAX / 8, &exponent);
    if (status != ZC_OK)
        return status;
    if (zc_left(key) != 0 || zc_left(numbers) != 0)
        return ZC_E_TRAILING;
    if (*modulus.at == 0 || *exponent.at == 0)
        return ZC_E_VALUE;
    certificate->key_kind = ZC_KEY_RSA;
    certificate->key_bits = (uint16_t)bits_of(modulus);
    if (zc_left(exponent) <= sizeof certificate->key_exponent)
        while (zc_left(exponent) > 0)
            certificate->key_exponent = certificate->key_exponent << 8 | *exponent.at++;
    return ZC_OK;
}

/* Whether the point lies on the curve is a matter of who loads the key. */
static zc_status read_ec(zc_span parameters, zc_span point, zc_certificate *certificate)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    static const uint8_t secg[] = {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00}; /* and 34 for P-384, 35 for P-521 */
    zc_span curve = parameters, oid;
    unsigned bits = 0;

    if (zc_der_oid(&curve, &oid) != ZC_OK || zc_left(curve) != 0) /* RFC 5480, 2.1.1: a named curve */
        return ZC_E_VALUE;
    if (zc_left(parameters) == sizeof p256 && memcmp(parameters.at, p256, sizeof p256) == 0)
        bits = 256;
    else if (zc_left(parameters) == sizeof secg + 1 && memcmp(parameters.at, secg, sizeof secg) == 0)
        bits = parameters.end[-1] == 34 ? 384 : parameters.end[-1] == 35 ? 521 : 0;
    if (bits == 0)
        return ZC_OK;
    if (zc_left(point) == 0)
        return ZC_E_TRUNCATED;
    certificate->key_kind = ZC_KEY_EC;
    certificate->key_bits = (uint16_t)bits;
    return ZC_OK;
}

zc_status zc_x509_key(const uint8_t *der, zc_span *from, zc_certificate *certificate)
{
    static const uint8_t ec[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01};
    zc_span whole = *from, key, algorithm, oid, bits;
    unsigned unused;
    zc_status status = zc_der_take(from, ZC_SEQUENCE, &key);

    if (status == ZC_OK)
        status = zc_der_take(&key, ZC_SEQUENCE, &algorithm);
    if (status == ZC_OK)
        status = zc_der_oid(&algorithm, &oid);
    if (status == ZC_OK)
        status = zc_der_bits(&key, ZC_BIT_STRING, &bits, &unused);
    if (status != ZC_OK)
        return status;
    whole.end = from->at;
    certificate->spki = zc_x509_part(der, whole);
    if (zc_left(key) != 0)
        return ZC_E_TRAILING;
    status = zc_x509_parameters(oid, algorithm);
    if (status == ZC_OK && in_family(oid, pkcs1, sizeof pkcs1) == RSA_KEY)
        return unused != 0 ? ZC_E_VALUE : read_rsa(bits, certificate);
    if (zc_left(oid) == sizeof ec && memcmp(oid.at, ec, sizeof ec) == 0)
        return unused != 0 ? ZC_E_VALUE : read_ec(algorithm, bits, certificate);
    return status;
}
