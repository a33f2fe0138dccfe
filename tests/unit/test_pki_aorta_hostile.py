"""AORTA tokens of another kind, key, holder or time, what else the key signed, and octets of any kind (AUT-4)."""

from __future__ import annotations

import base64
import re
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import signxml
from hypothesis import given, settings
from hypothesis import strategies as st

from aorta_world import (
    CONTENTS,
    ENROLMENT,
    MANDATE,
    NAMES,
    NOW,
    TRANSACTION,
    Key,
    doctor,
    dumped,
    etree,
    issuer,
    key_of,
    one,
    parsed,
    pki,
    resigned,
    signed,
    token,
    verified,
    worker,
)
from card_scripts import powered
from hostile_aorta import CONFIRMED, KINDS, NAME_ID, NAMED, element, evil, refusal, replaced, saml, sound
from zorgid_card.cards import open_card
from zorgid_card.errors import ZorgIDError
from zorgid_card.pki.aorta import Inschrijftoken, Mandaattoken, Transactietoken, sign_token
from zorgid_card.pki.aorta.build import key_info
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.statement import CONSENT, SESSION, encode, verify_statement
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES


@pytest.mark.parametrize("presented", KINDS)
@pytest.mark.parametrize("expected", KINDS)
def test_aut_4_no_kind_passes_for_another(presented: str, expected: str) -> None:
    if presented == expected:
        verified(token(presented), KINDS[expected])
    else:
        assert refusal(token(presented), KINDS[expected]) == saml("kind Assertion")


def by(key: Key, kind: str, **changes: str) -> bytes:
    """A token signed with a key that may not, its certificate named and enclosed."""
    root = parsed(token(kind))
    donor = parsed(signed_for(key))
    for path in (NAMED, CONFIRMED):
        for old in root.xpath(path, namespaces=NAMES):
            new = deepcopy(one(donor, NAMED))
            if path == CONFIRMED:
                new.remove(one(new, "ds:X509Certificate"))
            old.getparent().replace(old, new)
    for path, value in changes.items():
        one(root, path).text = value
    return resigned(dumped(root), key)


def signed_for(key: Key) -> bytes:
    """Any document with the KeyInfo of this key."""
    root = sound()
    old = one(root, "/*/ds:Signature/ds:KeyInfo")
    made = key_info(Certificate.parse(key.certificate), enclosed=True, token_reference=False)
    old.getparent().replace(old, made)
    return dumped(root)


@pytest.mark.parametrize(
    ("kind", "usage"),
    [
        ("transactietoken", "signature"),
        ("transactietoken", "confidentiality"),
        ("inschrijftoken", "signature"),
        ("mandaattoken", "authenticity"),
        ("mandaattoken", "confidentiality"),
    ],
)
def test_aut_4_another_key_of_the_same_pass_signs_nothing(kind: str, usage: str) -> None:
    assert refusal(by(key_of(doctor(), usage), kind), KINDS[kind])[0] == "certificate.usage"


def test_aut_4_an_employee_gives_no_mandate() -> None:
    assert refusal(by(key_of(worker(), "signature"), "mandaattoken"), Mandaattoken) == ("portal.pass_type", "N")


@pytest.mark.parametrize("kind", ["transactietoken", "mandaattoken"])
def test_aut_4_a_holder_signs_in_nobody_elses_name(kind: str) -> None:
    other = pki().pass_(worker().holder, DE_LINDE, "Z", "01.015")
    code, field = refusal(by(key_of(other, CONTENTS[kind].kind.usage), kind), KINDS[kind])
    assert (code, field) == ("certificate.token_holder", "NameID" if kind == "transactietoken" else "Issuer")


@pytest.mark.parametrize("kind", KINDS)
def test_aut_4_anothers_certificate_does_not_fit_the_signature(kind: str) -> None:
    """The token names the doctor's certificate, and is signed with the key of an employee."""
    usage = CONTENTS[kind].kind.usage
    assert refusal(resigned(token(kind), key_of(worker(), usage)), KINDS[kind]) == ("certificate.signature", "")


def test_aut_4_a_pass_of_another_pki_is_not_trusted() -> None:
    foreign = UZITestPKI("production", pool=KeyPool(), now=datetime(2026, 3, 1, tzinfo=UTC))
    contents = foreign.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")
    code, _ = refusal(signed(TRANSACTION, contents), intermediates=foreign.chain("Z"))
    assert code == "certificate.untrusted"


def test_aut_4_an_ec_certificate_verifies_no_rsa_signature() -> None:
    _, link = powered(issuer().card(worker().holder))
    card: Any = open_card(link)
    root = sound()
    made = key_info(Certificate.parse(card.certificates()["authenticity"]), enclosed=True, token_reference=False)
    old = one(root, "/*/ds:Signature/ds:KeyInfo")
    old.getparent().replace(old, made)
    with pytest.raises(ZorgIDError, match="RS256 does not fit the key"):
        verified(dumped(root), Transactietoken)


def test_aut_4_nothing_is_read_but_what_the_signature_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the library for signatures says was signed: another element, or the same with another ID, is not the token."""
    genuine = signxml.XMLVerifier.verify
    for covered in (element("Subject"), evil(), None):

        def deceived(*given_: Any, covered: Any = covered, **options: Any) -> Any:
            return replace(genuine(*given_, **options), signed_xml=covered)

        monkeypatch.setattr(signxml.XMLVerifier, "verify", deceived)
        with pytest.raises(ZorgIDError, match="covers something else"):
            verified(token("transactietoken"), Transactietoken)


def test_aut_4_a_certificate_that_is_not_at_hand_is_no_certificate() -> None:
    data = signed(TRANSACTION, enclosed=False)
    assert refusal(data) == ("certificate.untrusted", "unknown certificate")
    assert refusal(data, certificates=worker().certificates.values()) == (
        "certificate.untrusted",
        "unknown certificate",
    )
    assert refusal(data, certificates=[b"none"])[0] == "certificate.malformed"
    assert refusal(data, certificates=[worker().certificates["authenticity"]] * 65)[0] == "user.usage"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bsn", ["999911121", "12345678", "urn:999911120", " 999911120"])
def test_aut_4_a_patient_without_bsn_is_refused(kind: str, bsn: str) -> None:
    root = parsed(token(kind))
    one(root, NAME_ID).text = bsn
    data = resigned(dumped(root), key_of(doctor(), CONTENTS[kind].kind.usage))
    assert refusal(data, KINDS[kind])[0] == "encoding.saml"


def test_aut_4_a_mandate_without_context_is_refused() -> None:
    root = parsed(token("mandaattoken"))
    one(root, "//saml:Attribute").set("Name", "context")
    data = resigned(dumped(root), key_of(doctor(), "signature"))
    assert refusal(data, Mandaattoken) == saml("context missing AttributeStatement")


# --- time -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(minutes=-2), None),
        (timedelta(minutes=-2, seconds=-1), "early"),
        (timedelta(minutes=7, seconds=-1), None),
        (timedelta(minutes=7), "expired"),
    ],
)
def test_aut_4_a_token_holds_for_its_time_and_two_minutes_of_clocks(after: timedelta, expected: str | None) -> None:
    if expected is None:
        verified(token("transactietoken"), Transactietoken, at=NOW + after)
    else:
        assert refusal(token("transactietoken"), at=NOW + after) == ("portal.token_conditions", expected)


def test_aut_4_an_enrolment_of_an_expired_pass_holds_only_where_the_caller_says_so() -> None:
    short = pki().pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", not_after=NOW + timedelta(days=1))
    data = signed(ENROLMENT, short)
    later = NOW + timedelta(days=30)
    assert refusal(data, Inschrijftoken, at=later)[0] == "certificate.expired"
    assert verified(data, Inschrijftoken, at=later, certificate_at="issue").identity.uzi_number == "900000015"
    old = signed(MANDATE, lifetime=timedelta(days=1))
    assert refusal(old, Mandaattoken, at=later, certificate_at="issue") == ("portal.token_conditions", "expired")


# --- one key, many statements (AUT-1) ------------------------------------------------------------------------------


def with_signature(value: bytes) -> bytes:
    return re.sub(
        rb"(SignatureValue>)[^<]*", lambda found: found[1] + base64.b64encode(value), token("transactietoken"), count=1
    )


def test_aut_1_no_other_statement_of_the_key_is_a_token_nor_the_reverse() -> None:
    key = key_of(doctor(), "authenticity")
    consent = {"session": "s", "origin": "o", "expires": "e", "action": "a"}
    session = {"session": "s", "origin": "o", "expires": "e", "key": "k"}
    others = [encode(CONSENT, consent), encode(SESSION, session), b"\x31" + bytes(100), bytes(64), b"eyJ.e30"]
    for octets in others:
        assert refusal(with_signature(key.signer.sign(octets))) == ("certificate.signature", "")
    value = re.search(rb"SignatureValue>([^<]*)", token("transactietoken"))
    assert value is not None
    with pytest.raises(ZorgIDError):
        verify_statement(key.certificate, CONSENT, consent, base64.b64decode(value[1]), "RS256")


@pytest.mark.parametrize("size", [0, 1, 255, 257, 512])
def test_aut_4_a_signature_of_another_length_is_refused(size: int) -> None:
    expected = saml("empty SignatureValue") if size == 0 else ("certificate.signature", "")
    assert refusal(with_signature(bytes(size))) == expected


def test_aut_4_base64_with_rubbish_in_it_is_refused() -> None:
    data = replaced(b"SignatureValue>", b"SignatureValue>!")
    assert refusal(data) == saml("base64 SignatureValue")
    assert refusal(replaced(b"SignatureValue>", b"SignatureValue>A")) == saml("base64 SignatureValue")


# --- whatever comes --------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.data())
def test_aut_4_no_change_of_octets_gets_past_or_crashes(data: st.DataObject) -> None:
    sound_ = token("transactietoken")
    at = data.draw(st.integers(0, len(sound_) - 1))
    new = data.draw(st.binary(max_size=3))
    length = data.draw(st.integers(0, 3))
    other = sound_[:at] + new + sound_[at + length :]
    try:
        found = verified(other, Transactietoken)
    except ZorgIDError:
        return
    assert (found.content, found.identity.uzi_number) == (TRANSACTION, "900000015")


@given(st.binary(max_size=200))
def test_aut_4_no_octets_crash(data: bytes) -> None:
    refusal(data)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_aut_4_no_element_moved_doubled_or_dropped_gets_past(data: st.DataObject) -> None:
    root = sound()
    elements = list(root.iter())
    moved = data.draw(st.sampled_from(elements[1:]))
    target = data.draw(st.sampled_from(elements))
    action = data.draw(st.sampled_from(["double", "move", "drop"]))
    if action != "drop" and moved in (target, *target.iterancestors()):
        return
    if action == "drop":
        moved.getparent().remove(moved)
    else:
        child = deepcopy(moved) if action == "double" else moved
        target.insert(data.draw(st.integers(0, len(target))), child)
    if etree.tostring(root, method="c14n", exclusive=True) == token("transactietoken"):
        return
    with pytest.raises(ZorgIDError):
        verified(dumped(root), Transactietoken)


def test_white_space_that_fills_a_token_is_refused() -> None:
    data = replaced(b"SignatureValue>", b"SignatureValue>" + b" " * 59000 + b"!")
    assert refusal(data) == saml("base64 SignatureValue")


def test_what_is_signed_by_sign_token_is_one_octet_string_per_token() -> None:
    key = key_of(doctor(), "authenticity")
    first, second = (sign_token(TRANSACTION, key.signer, key.certificate, at=NOW) for _ in range(2))
    assert first != second
