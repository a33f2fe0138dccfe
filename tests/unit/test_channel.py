"""The portal's end of the channel: what a card vouches for is believed, and nothing else (CRD-7)."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_desk import CERTIFICATE, EXPIRY, GUID, MAKER, Desk, making, recorded
from piv_card import FACTORY_KEY
from scp03_card import pair
from zorgid_card.cards import CardKind, detect
from zorgid_card.cards.profile import NIST_PIV, ChannelRules
from zorgid_card.codec.apdu import CommandAPDU
from zorgid_card.codec.scp03 import SecurityLevel
from zorgid_card.errors import (
    CardRemovedError,
    MessageError,
    NotOfferedError,
    ResidencyError,
    StatusWordError,
    UsageError,
)
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv_keys import Algorithm
from zorgid_card.testkit.scp03 import ChannelKeys
from zorgid_card.workflows import channel
from zorgid_card.workflows.channel import CardChannel, initialize_update

DIALECTS = pytest.mark.parametrize("dialect", ["nist", "yubico"])
READ_CHUID = CommandAPDU(0x00, 0xCB, 0x3F, 0xFF, bytes.fromhex("5C035FC102"), 0)
READ_DISCOVERY = CommandAPDU(0x00, 0xCB, 0x3F, 0xFF, bytes.fromhex("5C017E"), 0)
VERIFY = CommandAPDU(0x00, 0x20, 0x00, 0x80, b"123456\xff\xff")
RULES = ChannelRules(administers=True, by_part=True)
HARMLESS = (READ_DISCOVERY, VERIFY, READ_DISCOVERY, CommandAPDU(0x00, 0xCB, 0x3F, 0xFF, bytes.fromhex("5C017E"), 0))


# --- the whole way


@DIALECTS
def test_crd_7_a_card_is_made_over_the_channel_and_its_keys_are_the_ones_on_it(dialect: str) -> None:
    desk = Desk(dialect)
    opened, first = desk.administered()
    with Secret.random(32) as key:
        answers = opened.unwrap(desk.card.relay(opened.wrap((*first, *making(desk.factory, key)))))[len(first) :]
        signing, other = channel.generated(answers[0], "ECCP256"), channel.generated(answers[1], "RSA2048")
        on_card = desk.simulated._state.keys
        assert isinstance(on_card[0x9A].private, ec.EllipticCurvePrivateKey)
        assert isinstance(on_card[0x9C].private, rsa.RSAPrivateKey)
        assert load_der_public_key(signing) == on_card[0x9A].private.public_key()
        assert load_der_public_key(other) == on_card[0x9C].private.public_key()
        assert desk.card.certificate(0x9A) == CERTIFICATE
        assert desk.card.inventory().chuid
        with pytest.raises(StatusWordError):
            desk.card.authenticate_administration(Secret.of(FACTORY_KEY), "AES192")
        desk.card.authenticate_administration(key, "AES256")


@DIALECTS
def test_crd_7_a_portal_that_was_started_anew_judges_the_answers(dialect: str) -> None:
    desk, wrapped, answers = recorded(dialect, HARMLESS)
    later = desk.again()
    assert later.wrap(HARMLESS) == wrapped
    assert [answer.data for answer in later.unwrap(answers)][1] == b""


@DIALECTS
def test_batches_follow_one_another_also_over_a_restart(dialect: str) -> None:
    desk = Desk(dialect)
    opened = desk.begin()
    first = desk.card.relay(opened.wrap(HARMLESS))
    opened.unwrap(first)
    second = desk.card.relay(opened.wrap([READ_DISCOVERY]))
    later = desk.again()
    later.wrap(HARMLESS)
    later.unwrap(first)
    later.wrap([READ_DISCOVERY])
    assert later.unwrap(second) == opened.unwrap(second)


def test_a_long_command_goes_in_a_chain_as_the_dialect_has_it() -> None:
    for dialect, classes in (
        ("nist", [0x84, 0x14, 0x14, 0x14, 0x14, 0x14, 0x04]),
        ("yubico", [0x84, *[0x14] * 5, 0x04]),
    ):
        desk = Desk(dialect)
        wrapped = desk.begin().wrap([CommandAPDU(0x00, 0xDB, 0x3F, 0xFF, bytes(1310), None)])
        assert [raw[0] for raw in wrapped] == classes
        assert all(len(raw) <= 261 for raw in wrapped)


@DIALECTS
def test_secrets_cross_the_card_side_encrypted(dialect: str) -> None:
    desk = Desk(dialect)
    opened = desk.begin()
    key = secrets.token_bytes(24)
    with Secret.of(key) as secret:
        wrapped = opened.wrap(channel.set_administration_key(desk.factory, "AES192", secret))
    assert not any(key in raw for raw in wrapped)


# --- hostile card sides


@functools.cache
def session(dialect: str) -> tuple[Desk, tuple[bytes, ...]]:
    """A batch with answers of several lengths, of which a long one goes in a chain of commands that are refused without 9B."""
    desk, _, answers = recorded(dialect, HARMLESS)
    return desk, answers


def judged(desk: Desk, answers: Sequence[bytes]) -> ResidencyError:
    """How answers are refused."""
    opened = desk.again()
    opened.wrap(HARMLESS)
    with pytest.raises(ResidencyError) as caught:
        opened.unwrap(answers)
    with pytest.raises(ResidencyError):
        opened.unwrap(answers)  # there is no second try: what was awaited is gone, and the channel closed
    return caught.value


@DIALECTS
@settings(max_examples=60)
@given(data=st.data())
def test_crd_7_a_changed_octet_anywhere_is_found(dialect: str, data: st.DataObject) -> None:
    desk, answers = session(dialect)
    which = data.draw(st.integers(0, len(answers) - 1))
    where = data.draw(st.integers(0, len(answers[which]) - 1))
    changed = bytearray(answers[which])
    changed[where] ^= data.draw(st.integers(1, 255))
    assert judged(desk, [*answers[:which], bytes(changed), *answers[which + 1 :]]).reason == "channel"


@DIALECTS
@settings(max_examples=40)
@given(data=st.data())
def test_crd_7_answers_in_another_order_dropped_doubled_or_cut_are_found(dialect: str, data: st.DataObject) -> None:
    desk, answers = session(dialect)
    how = data.draw(st.sampled_from(["order", "drop", "double", "replay", "cut", "none", "bare"]))
    which = data.draw(st.integers(0, len(answers) - 1))
    other = data.draw(st.integers(0, len(answers) - 1).filter(lambda index: index != which))
    changed = list(answers)
    if how == "order":
        changed[which], changed[other] = changed[other], changed[which]
    elif how == "drop":
        del changed[which]
    elif how == "double":
        changed.insert(which, changed[which])
    elif how == "replay":
        changed[which] = changed[other]
    elif how == "cut":
        changed[which] = changed[which][: data.draw(st.integers(0, len(changed[which]) - 1))]
    elif how == "none":
        changed = []
    else:
        which = max(which, 1)
        changed[which] = b"\x90\x00"
    assert judged(desk, changed).reason == "channel"


@DIALECTS
@settings(max_examples=40)
@given(answers=st.lists(st.binary(max_size=300), max_size=8))
def test_whatever_comes_back_is_refused_with_one_error(dialect: str, answers: list[bytes]) -> None:
    assert judged(session(dialect)[0], answers).reason == "channel"


@DIALECTS
def test_crd_7_another_cards_and_another_sessions_answers_are_refused(dialect: str) -> None:
    desk, answers = session(dialect)
    for other in (Desk(dialect), Desk(dialect, challenge=desk.challenge)):
        theirs = other.card.relay(other.begin().wrap(HARMLESS))
        assert judged(desk, theirs).reason == "channel"
        assert judged(other, answers).reason == "channel"
    again = other.card.relay(
        other.begin().wrap(HARMLESS)
    )  # the same card and host challenge; the card's own is another
    assert again != theirs
    assert judged(other, theirs).reason == "channel"


@DIALECTS
def test_crd_7_the_answers_to_another_batch_are_refused(dialect: str) -> None:
    desk, answers = session(dialect)
    opened = desk.again()
    opened.wrap((READ_CHUID, *HARMLESS[1:]))
    with pytest.raises(ResidencyError, match="card"):
        opened.unwrap(answers)


@settings(max_examples=60)
@given(answer=st.binary(max_size=60))
def test_whatever_answers_initialize_update_is_refused_with_one_error(answer: bytes) -> None:
    keys = Secret.random(16), Secret.random(16)
    for update in (answer, answer + b"\x90\x00", bytes(10) + b"\x01\x03\x60" + answer[:16].ljust(16) + b"\x90\x00"):
        with pytest.raises(ResidencyError) as caught:
            CardChannel.open(keys, bytes(8), update, RULES)
        assert caught.value.reason == "channel"


@DIALECTS
def test_crd_7_a_card_with_other_keys_is_refused_before_anything_is_done_to_it(dialect: str) -> None:
    desk = Desk(dialect)
    desk.begin()
    for keys in ((Secret.random(16), Secret.random(16)), desk.keys()[::-1]):
        with pytest.raises(ResidencyError) as caught:
            CardChannel.open((keys[0], keys[1]), desk.challenge, desk.answer, desk.rules)
        assert caught.value.reason == "channel"


@pytest.mark.parametrize("length", [16, 24, 32])
@pytest.mark.parametrize("which", [0, 1])
def test_crd_7_public_test_keys_are_refused_though_the_card_knows_them(length: int, which: int) -> None:
    public = bytes(range(0x40, 0x40 + length)) if which else (bytes(range(0x40, 0x50)) * 2)[:length]
    keys = ChannelKeys(public, public)
    _, card = pair(keys, SecurityLevel.FULL, 8)
    update = bytes(10) + bytes([keys.version, 3, 0x60]) + card.card + card.cryptogram(0) + b"\x90\x00"
    with pytest.raises(ResidencyError, match="public") as caught:
        CardChannel.open((Secret.of(public), Secret.of(public)), card.host, update, RULES)
    assert caught.value.reason == "channel"
    with pytest.raises(ResidencyError, match="public"):
        CardChannel.open((Secret.random(length), Secret.of(public)), card.host, update, RULES)


@DIALECTS
@pytest.mark.parametrize("how", ["changed", "order", "dropped", "doubled"])
def test_crd_7_a_card_does_nothing_that_the_portal_did_not_ask(dialect: str, how: str) -> None:
    """The card side changes the commands: the card refuses, and the portal sees that its batch was not done."""
    desk = Desk(dialect)
    opened = desk.begin()
    wrapped = list(opened.wrap(HARMLESS))
    if how == "changed":
        wrapped[2] = wrapped[2][:8] + bytes([wrapped[2][8] ^ 1]) + wrapped[2][9:]
    elif how == "order":
        wrapped[1], wrapped[2] = wrapped[2], wrapped[1]
    elif how == "dropped":
        del wrapped[1]
    else:
        wrapped.insert(2, wrapped[1])
    answers = desk.card.relay(wrapped)
    assert answers[-1] == bytes.fromhex("6982")
    with pytest.raises(ResidencyError) as caught:
        opened.unwrap(answers)
    assert caught.value.reason == "channel"


def test_a_refusal_of_the_card_is_told_with_its_status_word() -> None:
    desk = Desk("nist")
    opened = desk.begin()
    with pytest.raises(ResidencyError) as caught:
        opened.unwrap(desk.card.relay(opened.wrap([READ_CHUID, READ_DISCOVERY])))
    assert caught.value.details["sw"] == 0x6A82


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@DIALECTS
def test_crd_8_a_card_pulled_at_any_command_is_made_over_a_new_channel(dialect: str, done: bool) -> None:
    """No part of a torn batch is in the way of the next; what a chain was to write is there whole, or not at all."""
    desk, after = Desk(dialect), 0

    def batch() -> tuple[CardChannel, tuple[bytes, ...]]:
        opened, first = desk.administered()
        return opened, opened.wrap((*first, *channel.write({0x9A: CERTIFICATE}, bytes([after]) * 16, EXPIRY)))

    opened, wrapped = batch()
    assert len(wrapped) > 6
    while after < len(wrapped):
        desk.reader.tear(after=after, done=done)
        with pytest.raises(CardRemovedError):
            desk.card.relay(wrapped)
        desk.insert()
        assert desk.card.certificate(0x9A) in {None, CERTIFICATE}
        after += 1
        opened, wrapped = batch()
    opened.unwrap(desk.card.relay(wrapped))
    assert desk.card.certificate(0x9A) == CERTIFICATE


# --- what goes into a batch


def test_pin_5_codes_and_limits_are_set_over_the_channel_without_the_old_codes() -> None:
    desk = Desk("nist")
    desk.card.change_pin(Secret.of(b"123456"), Secret.of(b"314159"))
    desk.card.change_puk(Secret.of(b"12345678"), Secret.of(b"27182818"), last_try_allowed=True)
    opened = desk.begin()
    commands = (*channel.set_retries(desk.factory, 5, 4), *channel.reset_codes(desk.factory))
    opened.unwrap(desk.card.relay(opened.wrap(commands)))
    assert desk.card.tries().left == 5
    desk.card.verify_pin(Secret.of(b"123456"))
    desk.card.change_puk(Secret.of(b"12345678"), Secret.of(b"27182818"), last_try_allowed=True)
    assert desk.simulated._state.puk.tries == 4


def test_what_a_dialect_has_not_is_said() -> None:
    yubico, nist = Desk("yubico"), Desk("nist")
    with pytest.raises(NotOfferedError):
        channel.reset_codes(yubico.factory)
    with pytest.raises(NotOfferedError):
        channel.empty(yubico.factory, [0x9A])
    with Secret.random(24) as key, nist.card.session():
        for refused in (
            lambda: nist.card.generate(0x9A, "ECCP256"),
            lambda: nist.card.set_administration_key(key),
            lambda: nist.card.write_certificate(0x9A, b"\x30\x00"),
            lambda: nist.card.write_chuid(GUID, EXPIRY),
            nist.card.write_ccc,
            lambda: nist.card.set_retries(3, 3),
            nist.card.factory_reset,
            nist.card.attest,
            nist.card.attestation_intermediate,
        ):
            with pytest.raises(NotOfferedError):
                refused()
    assert nist.card.tries().left == 3


def test_crd_8_a_card_without_reset_is_blank_again_by_the_channel() -> None:
    desk = Desk("nist")
    opened = desk.begin()
    with Secret.random(32) as key:
        opened.unwrap(desk.card.relay(opened.wrap(making(desk.factory, key))))
    desk.card.change_pin(Secret.of(b"123456"), Secret.of(b"314159"))
    before = dict(desk.simulated._state.keys)
    assert detect(desk.card.link).kind is not CardKind.BLANK
    again = desk.begin()
    again.unwrap(desk.card.relay(again.wrap(channel.empty(desk.factory, [0x9A, 0x9C]))))
    assert detect(desk.card.link).kind is CardKind.BLANK
    desk.card.verify_pin(Secret.of(b"123456"))
    desk.card.authenticate_administration(Secret.of(FACTORY_KEY), "AES192")
    for slot in (0x9A, 0x9C):
        assert desk.simulated._state.keys[slot] is not before[slot]
        assert desk.simulated._state.keys[slot].algorithm is Algorithm.ECCP256


@pytest.mark.parametrize("algorithm", ["RSA2048", "RSA3072", "ECCP256", "ECCP384"])
def test_each_algorithm_comes_back_whole_and_as_no_other(algorithm: str) -> None:
    desk = Desk("nist")
    opened = desk.begin()
    (answer,) = opened.unwrap(desk.card.relay(opened.wrap(channel.generate(0x9D, algorithm))))
    assert channel.generated(answer, algorithm)
    other = "ECCP384" if algorithm != "ECCP384" else "RSA2048"
    with pytest.raises(ResidencyError) as caught:
        channel.generated(answer, other)
    assert caught.value.reason == "channel"


def test_arguments_that_cannot_be_are_told_before_anything_is_wrapped() -> None:
    with pytest.raises(UsageError):
        channel.generate(0x9A, "RSA1024")
    with pytest.raises(UsageError):
        channel.write({0x99: b""}, GUID, EXPIRY)
    with pytest.raises(UsageError):
        channel.write({}, b"short", EXPIRY)
    assert NIST_PIV.factory is not None
    with pytest.raises(UsageError):
        channel.set_administration_key(NIST_PIV.factory, "AES256", Secret.random(16))


# --- the relay


@pytest.mark.parametrize(
    "raw",
    [
        "00200080083132333435360000",
        "002000800831323334353637FF",
        "00A404000BA00000030800001000010000",
        "8050",
        "",
        "80CA9F7F00",
        "0CDB3FFF00",
        "84820100000001AA",
    ],
)
def test_the_card_side_relays_nothing_but_a_channel(raw: str) -> None:
    desk = Desk("nist")
    before = desk.card.link.count
    with pytest.raises(MessageError):
        desk.card.relay([initialize_update(bytes(8)), bytes.fromhex(raw)])
    assert desk.card.link.count == before


def test_nothing_is_relayed_under_secure_messaging_before_the_card_has_accepted_the_portal() -> None:
    """Cards there are that take such a command as a plain one where no channel is open."""
    desk = Desk("nist")
    guess = bytes.fromhex("0420008008") + b"111111\xff\xff"
    for before in (
        [],
        [initialize_update(bytes(8))],
        [initialize_update(bytes(8)), bytes.fromhex("8482330010") + bytes(16)],
    ):
        sent = desk.card.link.count
        if len(before) == 2:
            assert desk.card.relay([*before, guess])[-1] != b"\x90\x00"
        else:
            with pytest.raises(MessageError):
                desk.card.relay([*before, guess])
        assert desk.card.link.count <= sent + 1 + len(before)
        with pytest.raises(MessageError):
            desk.card.relay([guess])
    opened = desk.begin()
    wrapped = opened.wrap([READ_DISCOVERY, READ_DISCOVERY])
    assert len(desk.card.relay(wrapped[:2])) == 2
    assert desk.card.tries().left == 3  # another operation: the channel is over
    with pytest.raises(MessageError):
        desk.card.relay(wrapped[2:])


def test_the_relay_stops_at_the_first_refusal_and_tells_it() -> None:
    desk = Desk("nist")
    wrapped = desk.begin().wrap([READ_CHUID, READ_DISCOVERY])
    before = desk.card.link.count
    assert desk.card.relay(wrapped)[1:] == (bytes.fromhex("6A82"),)
    assert desk.card.link.count == before + 2


def test_the_serial_is_the_makers_and_no_two_cards_have_the_same() -> None:
    desks = [Desk(dialect) for dialect in ("nist", "nist", "yubico", "yubico")]
    numbers = {desk.card.serial for desk in desks}
    assert numbers == {str(desk.simulated.serial) for desk in desks}
    assert len(numbers) == 4
    assert all(number.isdigit() and len(number) <= 20 for number in numbers)
    assert MAKER.channel_keys(int(desks[0].card.serial)) != MAKER.channel_keys(int(desks[1].card.serial))
