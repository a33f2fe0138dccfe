"""The messages between card side and portal side: what is encoded is decoded, what does not fit is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zorgid_card.errors import (
    BirthDateError,
    DecryptionError,
    MessageError,
    PortalError,
    UsageError,
    WrongPINError,
    ZorgIDError,
)
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.seam import LIMIT
from zorgid_card.secret import Secret
from zorgid_card.workflows.creation_messages import AdministrationKey, MatchPerson, OfferCard
from zorgid_card.workflows.messages import Message, Refusal, canonical, from_json, parse, to_json
from zorgid_card.workflows.sealing import ADMINISTRATION_KEY, PUK, Receiver, seal
from zorgid_card.workflows.session import Authenticate, Authenticated


def through(message: Message) -> Message:
    return from_json(parse(canonical(to_json(message))))


OCTETS = st.binary(min_size=1, max_size=1024)
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(
    st.builds(
        Authenticate,
        certificate=OCTETS,
        chain=st.lists(OCTETS, max_size=4).map(tuple),
        algorithm=WORDS,
        signature=OCTETS,
    )
)
def test_octets_and_tuples_come_through(message: Authenticate) -> None:
    assert through(message) == message


@given(
    st.builds(OfferCard, serial=WORDS, dialect=WORDS, firmware=WORDS, found=WORDS),
    st.dates().map(lambda d: MatchPerson(birth_date=d)),
)
def test_text_flags_and_dates_come_through(offer: OfferCard, match: MatchPerson) -> None:
    assert through(offer) == offer
    assert through(match) == match


def test_times_come_through_in_utc() -> None:
    names = {f.name: "x" for f in fields(Authenticated) if f.name != "not_after"}
    message = Authenticated(not_after=datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC), **names)
    assert through(message) == message


def test_pin_7_the_administration_key_crosses_sealed() -> None:
    receiver, key = Receiver(), bytes(range(24))
    message = AdministrationKey(sealed=seal(receiver.public, Secret.of(key), ADMINISTRATION_KEY, card="7"))
    received = through(message)
    assert isinstance(received, AdministrationKey)
    assert key[:4] not in received.sealed
    with receiver.open(received.sealed, ADMINISTRATION_KEY, card="7") as opened, opened.expose() as octets:
        assert bytes(octets) == key
    for purpose, card in ((ADMINISTRATION_KEY, "8"), (PUK, "7")):
        with pytest.raises(DecryptionError):
            receiver.open(received.sealed, purpose, card=card)
    with pytest.raises(DecryptionError):
        Receiver().open(received.sealed, ADMINISTRATION_KEY, card="7")


@pytest.mark.parametrize("recipient", [b"", b"\x30\x00", SoftwareSigner.generate("RS256").public_key])
def test_a_key_that_nothing_can_be_sealed_for_is_refused(recipient: bytes) -> None:
    with pytest.raises(MessageError):
        seal(recipient, Secret.of(b"12345678"), PUK)


@given(st.binary(min_size=1, max_size=256), st.data())
def test_what_was_sealed_opens_unchanged_or_not_at_all(secret: bytes, data: st.DataObject) -> None:
    receiver = Receiver()
    sealed = bytearray(seal(receiver.public, Secret.of(secret), PUK, card="7"))
    with receiver.open(bytes(sealed), PUK, card="7").expose() as octets:
        assert bytes(octets) == secret
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    for changed in (bytes(sealed), bytes(sealed[:at])):
        with pytest.raises(DecryptionError):
            receiver.open(changed, PUK, card="7")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "no-such-kind"}, "kind"),
        ({"kind": None}, "kind"),
        ({"extra": 1}, "extra"),
        ({"serial": 5}, "serial"),
        ({"found": 1}, "found"),
        ({"found": True}, "found"),
        ({"firmware": None}, "firmware"),
        ({"firmware": "5.7\x00"}, "firmware"),
    ],
)
def test_what_does_not_fit_is_refused_and_named(change: dict[str, object], field: str) -> None:
    good = to_json(OfferCard(serial="1", dialect="d", firmware="5", found="blank", channel=False))
    with pytest.raises(MessageError) as caught:
        from_json({**good, **change})  # type: ignore[dict-item]
    assert caught.value.details["field"] == field


def test_a_missing_field_is_named() -> None:
    good = to_json(OfferCard(serial="1", dialect="d", firmware="5", found="blank", channel=False))
    del good["dialect"]
    with pytest.raises(MessageError) as caught:
        from_json(good)
    assert caught.value.details["field"] == "dialect"


@pytest.mark.parametrize("text", ["AA==", "A", "AB", "a+/=", "é", "A A A A"])
def test_only_the_one_base64url_form_of_octets_is_read(text: str) -> None:
    good = to_json(Authenticate(certificate=b"", chain=(), algorithm="RS256", signature=b""))
    with pytest.raises(MessageError):
        from_json({**good, "signature": text})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"a":1,"a":2}',
        b'{"a":1.5}',
        b'{"a":NaN}',
        b"\xff",
        b'"' + b"x" * LIMIT + b'"',
        b"[" * 60_000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
    ids=repr,
)
def test_what_is_no_message_gets_a_typed_error(raw: bytes) -> None:
    with pytest.raises(MessageError):
        parse(raw)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_hostile_octets_get_typed_errors_only(raw: bytes) -> None:
    try:
        from_json(parse(raw))
    except ZorgIDError:
        return


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(st.sampled_from(sorted(Message._kinds)), st.dictionaries(st.text(max_size=8), _JSON), st.data())
def test_hostile_fields_get_typed_errors_only(kind: str, extra: dict[str, object], data: st.DataObject) -> None:
    names = [f.name for f in fields(Message._kinds[kind])]  # type: ignore[arg-type]
    body = {"kind": kind, **{name: data.draw(_JSON) for name in names}, **extra}
    try:
        message = from_json(json.loads(json.dumps(body)))
    except ZorgIDError:
        return
    assert message.kind == body["kind"]


def test_a_refusal_carries_the_typed_error() -> None:
    error = Refusal.of(UsageError("too long", reason="length", maximum=6)).error()
    assert isinstance(error, UsageError)
    assert (str(error), error.details) == ("too long", {"reason": "length", "maximum": 6})


CODES = sorted(ZorgIDError._by_code)
NOT_A_PORTALS = [code for code in CODES if code.startswith(("reader", "card", "user"))]
SAID_OF_WHAT_WAS_SENT = {
    "card.not_blank",
    "card.scrapped",
    "card.not_offered",
    "user.birth_date",
    "user.too_many_tries",
    "user.usage",
}


@pytest.mark.parametrize("code", [*NOT_A_PORTALS, "portal.unreachable", "portal.tls", "portal.answer"])
def test_a_portal_speaks_for_no_card_reader_person_or_way(code: str) -> None:
    """That a card was pulled, that a PIN is wrong or that somebody declined, the card side knows by itself."""
    error = Refusal(code=code, message="so it says", names=("tries",), values=("1",)).error()
    assert (type(error) is PortalError) is (code not in SAID_OF_WHAT_WAS_SENT)
    assert (str(error), error.details) == ("so it says", {"tries": 1})


def test_a_refusal_of_an_unknown_code_is_the_portals() -> None:
    refusal = Refusal(code="portal.of-tomorrow", message="no", names=("a",), values=('"b"',))
    assert type(refusal.error()) is PortalError
    assert refusal.error().details == {"a": "b"}


def test_a_refusal_that_lies_about_its_details_is_refused() -> None:
    with pytest.raises(MessageError):
        Refusal(code="portal", message="", names=("a",), values=("{",)).error()


def test_counted_errors_are_those_that_spend_a_try() -> None:
    assert BirthDateError.counted
    assert not WrongPINError.counted


def test_two_messages_cannot_share_a_kind() -> None:
    with pytest.raises(TypeError):

        @dataclass(frozen=True)
        class Other(Message):
            kind: ClassVar[str] = OfferCard.kind


def test_orders_of_fields_do_not_change_the_canonical_form() -> None:
    assert canonical({"b": 1, "a": [True, None, "é"]}) == '{"a":[true,null,"é"],"b":1}'.encode()


def test_a_date_is_not_a_time() -> None:
    with pytest.raises(MessageError):
        from_json({"kind": "match-person", "birth_date": "1980-01-01T00:00:00Z"})
    assert through(MatchPerson(birth_date=date(1980, 1, 1))) == MatchPerson(birth_date=date(1980, 1, 1))
