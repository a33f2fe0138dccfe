"""Statements, and that nothing a key signs can be taken for something else that it signs (AUT-1)."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from pki_world import make
from zorgid_card.errors import CertificateMalformedError, MessageError, SignatureError
from zorgid_card.pki.signing import SoftwareSigner, verify_signature
from zorgid_card.pki.statement import (
    CARD_PROOF,
    CONSENT,
    DOMAIN,
    PHONE_APPROVAL,
    PHONE_LOG_IN,
    PHONE_POLL,
    PHONE_REFUSAL,
    REQUIRED,
    SESSION,
    Fields,
    encode,
    sign_statement,
    verify_statement,
)
from zorgid_card.pki.web_eid import make_token, signed_input, verify_token

ORIGIN = "https://portal.example"
NONCE = base64.b64encode(bytes(range(32))).decode()
COMMON = {"session": "s-1", "origin": ORIGIN, "expires": "2026-06-01T12:15:00+00:00"}
FIELDS: dict[str, dict[str, str | int]] = {
    CONSENT: {**COMMON, "action": "register-administrator", "ura": "90000123"},
    SESSION: {**COMMON, "key": "AAAA"},
    CARD_PROOF: {**COMMON, "card": "20000001"},
    PHONE_LOG_IN: {**COMMON, "ura": "90000123", "phone": "p-1", "nonce": NONCE, "number": "42"},
    PHONE_APPROVAL: {
        **COMMON,
        "ura": "90000123",
        "phone": "p-1",
        "nonce": NONCE,
        "number": "42",
        "person": "p",
        "action": "card.block",
        "subject": "20000001",
        "reason": "lost",
    },
    PHONE_REFUSAL: {**COMMON, "phone": "p-1", "nonce": NONCE},
    PHONE_POLL: {**COMMON, "phone": "p-1", "at": "2026-06-01T12:00:00+00:00"},
}
KINDS = list(FIELDS)


@pytest.fixture(scope="module")
def signer() -> SoftwareSigner:
    return SoftwareSigner.generate("ES256")


def test_the_encoding_is_written_down() -> None:
    assert encode(SESSION, {"origin": "https://é.example", "session": "1", "key": "A/+=", "expires": 7}) == (
        b'zorgid-card statement v1\nsession\n{"expires":7,"key":"A/+=","origin":"https://\xc3\xa9.example","session":"1"}\n'
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_verifies_with_key_and_certificate(kind: str) -> None:
    holder = make("holder", ca=False)
    signed = sign_statement(holder.signer, kind, **FIELDS[kind])
    pem = holder.certificate.public_bytes(Encoding.PEM)
    for key in (holder.signer.public_key, holder.der, pem):
        verify_statement(key, kind, FIELDS[kind], signed.signature, signed.algorithm)
    assert dict(signed.fields) == FIELDS[kind]


@pytest.mark.parametrize("signed_as", KINDS)
@pytest.mark.parametrize("taken_for", KINDS)
def test_aut_1_no_kind_is_taken_for_another(signer: SoftwareSigner, signed_as: str, taken_for: str) -> None:
    """Even with one and the same set of fields, which holds what every kind requires."""
    everything: dict[str, str | int] = {name: value for fields in FIELDS.values() for name, value in fields.items()}
    signed = sign_statement(signer, signed_as, **everything)
    if signed_as == taken_for:
        verify_statement(signer.public_key, taken_for, everything, signed.signature, signed.algorithm)
        return
    with pytest.raises(SignatureError):
        verify_statement(signer.public_key, taken_for, everything, signed.signature, signed.algorithm)


@pytest.mark.parametrize("kind", KINDS)
def test_aut_1_a_log_in_is_not_taken_for_a_statement(kind: str) -> None:
    holder = make("holder", ca=False, usages=("digital_signature",))
    token = make_token(holder.signer, holder.der, ORIGIN, NONCE)
    verify_token(token, origin=ORIGIN, nonce=NONCE)
    signature = holder.signer.sign(signed_input(ORIGIN, NONCE, "ES256"))
    with pytest.raises(SignatureError):
        verify_statement(holder.der, kind, FIELDS[kind], signature, "ES256")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_aut_1_a_statement_is_not_taken_for_a_log_in(kind: str, algorithm: str) -> None:
    """Not with any algorithm: the input of a log-in has another length and another beginning."""
    signer = SoftwareSigner.generate(algorithm)
    signed = sign_statement(signer, kind, **FIELDS[kind])
    expected = signed_input(ORIGIN, NONCE, algorithm)
    assert len(expected) in (64, 96, 128)
    assert not expected.startswith(DOMAIN)
    with pytest.raises(SignatureError):
        verify_signature(signer.public_key, algorithm, expected, signed.signature)


@pytest.mark.parametrize("field", sorted(FIELDS[CONSENT]))
def test_every_field_is_bound(signer: SoftwareSigner, field: str) -> None:
    signed = sign_statement(signer, CONSENT, **FIELDS[CONSENT])
    changed: Fields = FIELDS[CONSENT] | {field: "another"}
    with pytest.raises(SignatureError):
        verify_statement(signer.public_key, CONSENT, changed, signed.signature, signed.algorithm)
    with pytest.raises(SignatureError):
        verify_statement(
            signer.public_key, CONSENT, FIELDS[CONSENT] | {"more": "x"}, signed.signature, signed.algorithm
        )


def test_a_number_is_not_its_text(signer: SoftwareSigner) -> None:
    signed = sign_statement(signer, CARD_PROOF, **FIELDS[CARD_PROOF] | {"card": 20000001})
    with pytest.raises(SignatureError):
        verify_statement(signer.public_key, CARD_PROOF, FIELDS[CARD_PROOF], signed.signature, signed.algorithm)


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind in KINDS for field in sorted(REQUIRED[kind])])
def test_a_statement_without_a_required_field_is_not_signed(kind: str, field: str) -> None:
    class Never(SoftwareSigner):
        def sign(self, data: bytes, /) -> bytes:
            raise AssertionError("signed")

    key = Never.generate("ES256")
    fields = {name: value for name, value in FIELDS[kind].items() if name != field}
    with pytest.raises(MessageError) as refused:
        sign_statement(key, kind, **fields)
    assert refused.value.field == field


@pytest.mark.parametrize("value", [True, None, 1.5, b"x", ["x"], {"x": 1}, 2**53, -(2**53), "\ud800"])
def test_values_that_are_refused(value: object) -> None:
    with pytest.raises(MessageError) as refused:
        encode(CARD_PROOF, FIELDS[CARD_PROOF] | {"card": value})  # type: ignore[arg-type]
    assert refused.value.field == "card"


def test_kinds_names_and_sizes_that_are_refused() -> None:
    with pytest.raises(MessageError):
        encode("log-in", FIELDS[CONSENT])
    for name in ("", "é", 'a"', "a b"):
        with pytest.raises(MessageError):
            encode(CARD_PROOF, FIELDS[CARD_PROOF] | {name: "x"})
    with pytest.raises(MessageError):
        encode(CARD_PROOF, FIELDS[CARD_PROOF] | {"card": "x" * 17_000})


def test_a_key_that_is_none_is_told() -> None:
    with pytest.raises(CertificateMalformedError):
        verify_statement(b"garbage", CARD_PROOF, FIELDS[CARD_PROOF], b"", "ES256")


values = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.integers(-(2**53) + 1, 2**53 - 1))
extra = st.dictionaries(st.from_regex(r"x[a-z_]{0,8}", fullmatch=True), values, max_size=5)


@given(extra, extra, st.sampled_from(KINDS), st.sampled_from(KINDS))
def test_the_encoding_is_one_to_one(first: Fields, second: Fields, kind: str, other: str) -> None:
    """Equal octets, equal statements; and the order of the fields does not matter."""
    one, two = {**FIELDS[kind], **first}, {**FIELDS[other], **second}
    assert (encode(kind, one) == encode(other, two)) is (kind == other and one == two)
    assert encode(kind, dict(reversed(one.items()))) == encode(kind, one)
