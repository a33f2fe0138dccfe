"""The Web eID token, both ways, with the traps of its issue trackers (AUT-1, AUT-2)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pki_world import Node, make, shared
from zorgid_card.errors import (
    CertificateError,
    CertificateMalformedError,
    CertificateUsageError,
    MessageError,
    SignatureError,
    ZorgIDError,
)
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.signing import SoftwareSigner, ecdsa_der
from zorgid_card.pki.web_eid import make_token, require_origin, signed_input, verify_token
from zorgid_card.testkit.keys import KeyPool

ORIGIN = "https://portal.example"
NONCE = base64.b64encode(bytes(range(32))).decode()
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


def holder(algorithm: str = "ES256", **options: Any) -> tuple[Node, SoftwareSigner]:
    key = ec.generate_private_key(CURVES[algorithm]) if algorithm in CURVES else KeyPool.shared().key("web-eid")
    given: dict[str, Any] = {"ca": False, "usages": ("digital_signature",), "key": key} | options
    return make("holder", **given), SoftwareSigner(key, algorithm)


@pytest.fixture(scope="module")
def node() -> tuple[Node, SoftwareSigner]:
    return holder()


@pytest.fixture(scope="module")
def token(node: tuple[Node, SoftwareSigner]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(make_token(node[1], node[0].der, ORIGIN, NONCE))
    return found


def verify(token: dict[str, Any], **changed: Any) -> Certificate:
    return verify_token(json.dumps(token), **({"origin": ORIGIN, "nonce": NONCE} | changed))


# --- both ways -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_aut_1_a_token_verifies_with_every_algorithm(algorithm: str) -> None:
    node, signer = holder(algorithm)
    text = make_token(signer, node.der, ORIGIN, NONCE)
    assert verify_token(text, origin=ORIGIN, nonce=NONCE).der == node.der
    assert json.loads(text)["algorithm"] == algorithm
    assert json.loads(text)["format"] == "web-eid:1.0"


@pytest.mark.parametrize(("algorithm", "name"), [("ES256", "sha256"), ("RS384", "sha384"), ("PS512", "sha512")])
def test_the_input_is_two_digests_of_text(algorithm: str, name: str) -> None:
    """The nonce is hashed as text: it is not base64-decoded first."""
    expected = b"".join(hashlib.new(name, text.encode()).digest() for text in (ORIGIN, NONCE))
    assert signed_input(ORIGIN, NONCE, algorithm) == expected


def test_an_ecdsa_signature_is_raw_with_its_leading_zeros(node: tuple[Node, SoftwareSigner]) -> None:
    """64 octets whatever the numbers; one in 128 tokens has a leading zero somewhere."""
    lengths, zeros = set(), 0
    for count in range(600):
        nonce = base64.b64encode(count.to_bytes(32, "big")).decode()
        text = make_token(node[1], node[0].der, ORIGIN, nonce)
        raw = base64.b64decode(json.loads(text)["signature"])
        lengths.add(len(raw))
        if raw[0] == 0 or raw[32] == 0:
            zeros += 1
            verify_token(text, origin=ORIGIN, nonce=nonce)
    assert lengths == {64}
    assert zeros


@pytest.mark.parametrize("spoil", [
    lambda raw: raw[1:],
    lambda raw: raw + b"\x00",
    lambda raw: b"",
    lambda raw: bytes(64),
    lambda raw: b"\xff" * 64,
    lambda raw: ecdsa_der(raw, "ES256"),
    lambda raw: raw[32:] + raw[:32],
    lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
])  # fmt: skip
def test_signatures_that_are_refused(token: dict[str, Any], spoil: Callable[[bytes], bytes]) -> None:
    spoilt = base64.b64encode(spoil(base64.b64decode(token["signature"]))).decode() or "AA=="
    with pytest.raises(SignatureError):
        verify(token | {"signature": spoilt})


def test_a_leading_zero_that_was_lost_is_refused() -> None:
    with pytest.raises(SignatureError):
        ecdsa_der(bytes(63), "ES256")
    assert ecdsa_der(b"\x00" * 31 + b"\x01" + b"\x00" * 31 + b"\x02", "ES256") == encode_dss_signature(1, 2)


# --- replay ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", ["https://portal.example:8443", "https://other.example", "https://portal.example.evil.example"]
)
def test_aut_1_a_token_for_another_origin_is_refused(token: dict[str, Any], origin: str) -> None:
    with pytest.raises(SignatureError):
        verify(token, origin=origin)


def test_aut_1_a_token_for_another_challenge_is_refused(token: dict[str, Any]) -> None:
    with pytest.raises(SignatureError):
        verify(token, nonce=base64.b64encode(bytes(32)).decode())


def test_a_certificate_put_in_place_of_the_signers_is_refused(token: dict[str, Any]) -> None:
    other = base64.b64encode(holder()[0].der).decode()
    with pytest.raises(SignatureError):
        verify(token | {"unverifiedCertificate": other})


# --- form ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["web-eid:1", "web-eid:1.0", "web-eid:1.1", "web-eid:1.10"])
def test_formats_that_are_accepted(token: dict[str, Any], version: str) -> None:
    assert verify(token | {"format": version, "unknown": {"field": [1]}})


@pytest.mark.parametrize(
    "version",
    [
        "web-eid:10",
        "web-eid:1.",
        "web-eid:2.0",
        "web-eid:1.0\n",
        "web-eid:1.a",
        " web-eid:1",
        "Web-eid:1",
        "web-eid:1.٣",
        "x",
        "",
        None,
        1,
    ],
)
def test_formats_that_are_refused(token: dict[str, Any], version: object) -> None:
    with pytest.raises(MessageError) as refused:
        verify(token | {"format": version})
    assert refused.value.field == "format"


@pytest.mark.parametrize("text", [
    "", "x" * 99, "x" * 10_001, "x" * 200, "[" * 5000, json.dumps(["x" * 200]),
    "1" * 5000, json.dumps("x" * 200), "null" + " " * 100,
])  # fmt: skip
def test_texts_that_are_no_token(text: str) -> None:
    with pytest.raises(MessageError) as refused:
        verify_token(text, origin=ORIGIN, nonce=NONCE)
    assert refused.value.field == "token"


def test_a_name_that_stands_twice_is_refused(token: dict[str, Any]) -> None:
    text = json.dumps(token)
    with pytest.raises(MessageError):
        verify_token(text[:-1] + ', "algorithm": "ES256"}', origin=ORIGIN, nonce=NONCE)


@pytest.mark.parametrize("field", ["unverifiedCertificate", "algorithm", "signature", "format"])
@pytest.mark.parametrize("value", [None, "", 7, ["x"], "é", "A A="])
def test_fields_that_are_missing_or_no_text(token: dict[str, Any], field: str, value: object) -> None:
    with pytest.raises((MessageError, SignatureError)) as refused:
        verify(token | {field: value})
    if isinstance(refused.value, MessageError):
        assert refused.value.field == field


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES257", "es256", "ES384", "RS256", "PS256"])
def test_algorithms_that_are_unknown_or_do_not_fit_the_key(token: dict[str, Any], algorithm: str) -> None:
    with pytest.raises((MessageError, SignatureError)):
        verify(token | {"algorithm": algorithm})


def test_an_algorithm_of_the_other_padding_is_refused() -> None:
    node, signer = holder("RS256")
    token = json.loads(make_token(signer, node.der, ORIGIN, NONCE))
    with pytest.raises(SignatureError):
        verify(token | {"algorithm": "PS256"})


# --- certificate -----------------------------------------------------------------------------------------------------


def test_a_certificate_that_is_none_is_refused(token: dict[str, Any]) -> None:
    with pytest.raises(CertificateMalformedError):
        verify(token | {"unverifiedCertificate": "AAAA"})


@pytest.mark.parametrize("options", [
    {"usages": None},
    {"usages": ("content_commitment",)},
    {"usages": ("key_encipherment",)},
    {"purposes": [ExtendedKeyUsageOID.SERVER_AUTH]},
    {"ca": True, "usages": ("digital_signature", "key_cert_sign")},
], ids=["no keyUsage", "nonRepudiation", "keyEncipherment", "serverAuth", "CA"])  # fmt: skip
def test_certificates_that_are_not_for_logging_in(options: dict[str, Any]) -> None:
    node, signer = holder(**options)
    with pytest.raises(CertificateUsageError):
        verify_token(make_token(signer, node.der, ORIGIN, NONCE), origin=ORIGIN, nonce=NONCE)


def test_policies_that_are_disallowed() -> None:
    node, signer = holder(policies=("1.2.3", "1.2.4"))
    text = make_token(signer, node.der, ORIGIN, NONCE)
    assert verify_token(text, origin=ORIGIN, nonce=NONCE, disallowed_policies=["1.2.5"])
    with pytest.raises(CertificateUsageError):
        verify_token(text, origin=ORIGIN, nonce=NONCE, disallowed_policies=["1.2.4"])


def test_the_real_test_pass_has_the_usages_for_logging_in() -> None:
    """Its key is not here, so its token fails at the signature and not before."""
    certificate = x509.load_pem_x509_certificate(shared("uzi-test-card/authenticity.cer"))
    _, signer = holder("RS256")
    text = make_token(signer, certificate.public_bytes(Encoding.DER), ORIGIN, NONCE)
    with pytest.raises(SignatureError):
        verify_token(text, origin=ORIGIN, nonce=NONCE)


# --- origin and nonce ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [
    "https://portal.example", "https://a", "https://localhost:8443", "https://xn--zrg-5qa.example", "https://192.0.2.1", "https://[2001:db8::1]:8443",
])  # fmt: skip
def test_origins_that_are_accepted(origin: str) -> None:
    require_origin(origin)


@pytest.mark.parametrize("origin", [
    "https://portal.example/", "https://portal.example/login", "https://portal.example?x", "https://portal.example#x",
    "http://portal.example", "portal.example", "https://", "https://:8443", "https://Portal.example", "HTTPS://portal.example",
    "https://zórg.example", "https://user@portal.example", "https://portal.example:", "https://portal.example:443",
    "https://portal.example:0", "https://portal.example:65536", "https://portal.example:080", "https://portal..example",
    "https://-portal.example", "https://portal-.example", "https://portal.example.", "https://portal.example\n",
    "https://" + "a" * 64 + ".example", "https://" + "a." * 127 + "example", "https://[::1", "https://[::g]",
    "https://[1.2.3.4]", "",
])  # fmt: skip
def test_origins_that_are_refused(node: tuple[Node, SoftwareSigner], token: dict[str, Any], origin: str) -> None:
    for refused in (
        lambda: require_origin(origin),
        lambda: make_token(node[1], node[0].der, origin, NONCE),
        lambda: verify(token, origin=origin),
    ):
        with pytest.raises(MessageError) as error:
            refused()
        assert error.value.field == "origin"


@pytest.mark.parametrize("nonce", ["", "A" * 43, "A" * 129, "A" * 43 + "\n", "A" * 43 + " ", "=" * 44, "A" * 43 + "é"])
def test_nonces_that_are_refused(node: tuple[Node, SoftwareSigner], token: dict[str, Any], nonce: str) -> None:
    for refused in (lambda: make_token(node[1], node[0].der, ORIGIN, nonce), lambda: verify(token, nonce=nonce)):
        with pytest.raises(MessageError) as error:
            refused()
        assert error.value.field == "nonce"


# --- hostile ---------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["unverifiedCertificate", "algorithm", "signature", "format", "x"]), json_values),
    st.text(max_size=120),
)
def test_random_tokens_give_typed_errors(fields: dict[str, Any], padding: str) -> None:
    for text in (json.dumps(fields | {"pad": "x" * 100}), padding):
        with pytest.raises(ZorgIDError):
            verify_token(text, origin=ORIGIN, nonce=NONCE)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_tokens_changed_at_random_log_nobody_else_in(data: st.DataObject) -> None:
    text = KEPT_TOKEN
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.characters(codec="utf-8")) + text[place + 1 :]
    try:
        found = verify_token(changed, origin=ORIGIN, nonce=NONCE)
    except (MessageError, CertificateError):
        return
    key = found.public_key
    assert key == KEPT.key.public_key()


KEPT, _signer = holder()
KEPT_TOKEN = make_token(_signer, KEPT.der, ORIGIN, NONCE)
