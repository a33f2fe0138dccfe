"""Web eID's own validator for PHP judges the tokens that our cards make (AUT-1): docs/login.md tells how to run it.

It is in no package registry, so its folder is named by ``ZORGID_WEB_EID_PHP``; nothing of it is in this repository.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki_world import make
from zorgid_card import Secret, log_in, open_card
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.web_eid import make_token
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, JAN_DE_VRIES, Usage
from zorgid_card.testkit.zorgid import PIN, ZorgIDTestIssuer

FOLDER = os.environ.get("ZORGID_WEB_EID_PHP", "")
pytestmark = [
    pytest.mark.blackbox,
    pytest.mark.skipif(not FOLDER, reason="ZORGID_WEB_EID_PHP names no folder of web-eid-authtoken-validation-php"),
    pytest.mark.skipif(shutil.which("php") is None, reason="php is missing: apt install php-cli"),
]

DRIVER = Path(__file__).parents[1] / "web_eid_validator.php"
ORIGIN = "https://portal.example"
SECONDS = 60
FORGED = "AuthTokenSignatureValidationException"

Answer = tuple[str, str | None]


def nonce() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def case(token: str, nonce: str, chain: Iterable[bytes], origin: str = ORIGIN) -> dict[str, Any]:
    trusted = [x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode() for der in chain]
    return {"token": token, "origin": origin, "nonce": nonce, "trusted": trusted}


def judged(*cases: Mapping[str, Any]) -> list[Answer]:
    """What the validator says of each."""
    command = ["php", str(DRIVER), FOLDER]
    done = subprocess.run(command, input=json.dumps(cases).encode(), capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [(verdict, whose) for verdict, whose in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def pki() -> UZITestPKI:
    return UZITestPKI(pool=KeyPool.shared())


@pytest.fixture(scope="module")
def contents(pki: UZITestPKI) -> PassContents:
    return pki.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N")


def from_card(reader: str, pin: bytes, nonce: str, origin: str = ORIGIN) -> str:
    """A token by the card in a reader of pcscd."""
    with open_card(reader) as card:
        signer = card.authentication_signer(lambda request: Secret.of(pin))
        return log_in(signer, card.authentication_certificate(), origin=origin, nonce=nonce)


def test_aut_1_a_token_of_a_uzi_pass_is_accepted(contents: PassContents, insert: Callable[[VirtualCard], str]) -> None:
    challenge = nonce()
    token = from_card(insert(VirtualUZIPass(contents)), DEFAULT_PIN, challenge)
    assert json.loads(token)["algorithm"] == "RS256"
    elsewhere = case(token, challenge, contents.chain, "https://elsewhere.example")
    assert judged(
        case(token, challenge, contents.chain),
        case(token, nonce(), contents.chain),
        elsewhere,
        case(token.replace("web-eid:1.0", "web-eid:2.0"), challenge, contents.chain),
        case(token, challenge, ZorgIDTestIssuer().authority.chain),
    ) == [
        ("accepted", FATIMA_EL_AMRANI.common_name),
        (FORGED, None),
        (FORGED, None),
        ("AuthTokenParseException", None),
        ("CertificateNotTrustedException", None),
    ]


@pytest.mark.parametrize(("key", "algorithm"), [("ECCP256", "ES256"), ("ECCP384", "ES384"), ("RSA2048", "RS256")])
def test_aut_1_a_token_of_a_zorg_id_smartcard_is_accepted(
    key: str, algorithm: str, insert: Callable[[VirtualCard], str]
) -> None:
    issuer, challenge = ZorgIDTestIssuer(), nonce()
    token = from_card(insert(issuer.card(FATIMA_EL_AMRANI, algorithm=key)), PIN, challenge)
    assert json.loads(token)["algorithm"] == algorithm
    chain = issuer.authority.chain
    assert judged(case(token, challenge, chain), case(token, nonce(), chain)) == [
        ("accepted", FATIMA_EL_AMRANI.common_name),
        (FORGED, None),
    ]


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256"])
def test_aut_1_each_way_to_sign_with_rsa_is_accepted(algorithm: str, contents: PassContents) -> None:
    challenge, key = nonce(), contents.keys[Usage.AUTHENTICITY]
    token = make_token(SoftwareSigner(key, algorithm), contents.certificates[Usage.AUTHENTICITY], ORIGIN, challenge)
    assert judged(case(token, challenge, contents.chain)) == [("accepted", FATIMA_EL_AMRANI.common_name)]


def test_aut_1_origins_with_a_port_and_of_an_international_name_are_accepted(contents: PassContents) -> None:
    challenge, signer = nonce(), SoftwareSigner(contents.keys[Usage.AUTHENTICITY])
    origins = ("https://portal.example:8443", "https://xn--zrg-gna.example")
    tokens = [make_token(signer, contents.certificates[Usage.AUTHENTICITY], origin, challenge) for origin in origins]
    cases = [case(token, challenge, contents.chain, origin) for token, origin in zip(tokens, origins, strict=True)]
    assert [verdict for verdict, _ in judged(*cases)] == ["accepted"] * 2


@pytest.mark.parametrize("place", [0, 32], ids=["r", "s"])
def test_aut_1_a_number_with_a_leading_zero_is_accepted(place: int) -> None:
    authority, key = make("Test CA"), ec.generate_private_key(ec.SECP256R1())
    usage = {"usages": ("digital_signature",), "purposes": [ExtendedKeyUsageOID.CLIENT_AUTH]}
    holder = make("Holder", authority, ca=False, key=key, **usage)

    def signed() -> tuple[str, str]:
        challenge = nonce()
        return make_token(SoftwareSigner(key), holder.der, ORIGIN, challenge), challenge

    def has_zero(token: str) -> bool:
        return base64.b64decode(json.loads(token)["signature"])[place] == 0

    token, challenge = next(found for found in iter(signed, None) if has_zero(found[0]))  # one in 256
    assert judged(case(token, challenge, [authority.der])) == [("accepted", "Holder")]


def test_aut_1_what_does_not_hold_is_refused_there_too(pki: UZITestPKI, contents: PassContents) -> None:
    challenge, signer = nonce(), SoftwareSigner(contents.keys[Usage.AUTHENTICITY])
    token = json.loads(make_token(signer, contents.certificates[Usage.AUTHENTICITY], ORIGIN, challenge))
    colleague = pki.pass_(JAN_DE_VRIES, DE_LINDE, "N").certificates
    octets = bytearray(base64.b64decode(token["signature"]))
    octets[7] ^= 1
    changed = [
        {"unverifiedCertificate": base64.b64encode(colleague[Usage.AUTHENTICITY]).decode()},
        {"signature": base64.b64encode(octets).decode()},
        {"algorithm": "RS512"},
        {"unverifiedCertificate": base64.b64encode(contents.certificates[Usage.SIGNATURE]).decode()},
        {"algorithm": "none"},
    ]
    cases = [case(json.dumps(token | change), challenge, contents.chain) for change in changed]
    assert [verdict for verdict, _ in judged(*cases)] == [
        FORGED,
        FORGED,
        FORGED,
        "UserCertificateWrongPurposeException",
        "AuthTokenParseException",
    ]
