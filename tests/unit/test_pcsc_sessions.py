"""Before and between sessions on a card over PC/SC: it was reset, was out, or is another."""

from __future__ import annotations

import sys
from contextlib import nullcontext

import pytest

from met_cards import tries_left
from pcsc_sessions_world import CHANGING, NEW_PIN, PIN, SELECT, break_off, close, made, provider, recorded
from pcsc_stub import NOT_TRANSACTED, REMOVED_CARD, RESET_CARD, Stub
from uzi_card import powered as powered_pass
from zorgid_card.adapters.pcsc import readers
from zorgid_card.cards import PINRequest, Tries, UZIPass
from zorgid_card.codec.apdu import INS
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardRemovedError,
    CardResetError,
    PINNeededError,
    WrongCardError,
)
from zorgid_card.protocol.signature import signature_algorithm
from zorgid_card.secret import Secret

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")


def test_a_session_begins_anew_on_a_card_that_was_reset(stub: Stub) -> None:
    _, card = made(stub)
    card.verify_pin(Secret.of(PIN))
    stub.reset()
    assert card.tries() == Tries.known(3)
    assert stub.calls("reconnect") == 1
    with pytest.raises(PINNeededError):  # what was verified is lost, and not verified again by itself
        card.sign(0x9A, b"x", "ES256")
    asked: list[PINRequest] = []
    stub.reset()
    card.sign(0x9A, b"x", "ES256", provider(asked))
    assert len(asked) == 1
    close(card)


def test_a_session_gives_up_when_the_card_is_reset_again_and_again(stub: Stub) -> None:
    _, card = made(stub)
    stub.on_call(lambda call, slot: RESET_CARD if call == "begin" else 0)
    with pytest.raises(CardResetError):
        card.tries()
    stub.on_call(None)
    assert card.tries() == Tries.known(3)
    close(card)


def test_a_card_that_was_out_goes_on_when_it_is_the_same(stub: Stub) -> None:
    simulated, card = made(stub)
    card.authentication_certificate()
    stub.remove()
    for _ in range(2):
        with pytest.raises(CardRemovedError):
            card.tries()
    stub.insert(simulated)
    assert card.tries() == Tries.known(3)
    close(card)


def test_pin_1_another_card_of_the_kind_is_refused_before_a_pin_is_sent_to_it_however_often_it_is_tried(
    stub: Stub,
) -> None:
    _, card = made(stub)
    card.authentication_certificate()
    key = card.key(0x9A)
    other, second = made(stub)
    close(second)
    stub.remove()
    stub.insert(other)
    seen = recorded(stub)
    asked: list[PINRequest] = []
    for use in (
        lambda: card.verify_pin(Secret.of(b"999999")),
        lambda: card.sign(0x9A, b"x", "ES256", provider(asked)),
        lambda: card.signer(0x9A, provider(asked)).sign(b"x"),
        card.tries,
        lambda: card._sign(key, b"x", signature_algorithm("ES256"), provider(asked)),
        lambda: card._sign(key, b"x", signature_algorithm("ES256"), None),
    ):
        for _ in range(2):
            with pytest.raises(WrongCardError):
                use()
    assert asked == []
    assert not CHANGING - {INS.VERIFY} & set(seen)
    assert tries_left(other) == 3
    close(card)


def test_a_card_of_which_nothing_was_read_is_to_be_opened_anew(stub: Stub) -> None:
    simulated, card = made(stub)
    card.tries()
    stub.remove()
    stub.insert(simulated)
    with pytest.raises(WrongCardError, match="open it anew"):
        card.tries()
    close(card)


def test_pin_1_a_reset_does_not_hide_that_another_card_was_put_in_before_it(stub: Stub) -> None:
    """PC/SC tells what happened last alone."""
    _, card = made(stub)
    card.authentication_certificate()
    other, second = made(stub)
    close(second)
    stub.remove()
    stub.insert(other)
    stub.reset()
    seen = recorded(stub)
    for _ in range(2):
        with pytest.raises(WrongCardError):
            card.verify_pin(Secret.of(b"999999"))
    assert not CHANGING & set(seen)
    close(card)


@pytest.mark.parametrize("depth", [0, 1])
def test_pin_1_a_card_exchanged_after_a_reset_was_told_is_not_taken_for_the_same(stub: Stub, depth: int) -> None:
    first, card = made(stub)
    card.authentication_certificate()
    other, second = made(stub)
    close(second)
    stub.hold(first)
    card.tries()
    channel = card.link.channel
    break_off(stub, "reset before", 1)
    with channel.transaction() if depth else nullcontext(), pytest.raises(CardResetError):
        channel.transmit(SELECT)
    del stub.answer
    stub.remove()
    stub.insert(other)
    seen = recorded(stub)
    with pytest.raises(WrongCardError):
        card.verify_pin(Secret.of(b"999999"))
    assert not CHANGING & set(seen)
    close(card)


def test_pin_1_where_insertions_are_not_counted_a_reset_may_be_another_card(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zorgid_card.adapters.pcsc.slots.NOTIFIES", False)  # macOS
    _, card = made(stub)
    stub.reset()
    with pytest.raises(WrongCardError, match="open it anew"):
        card.tries()
    close(card)


def test_another_kind_of_card_is_refused_by_its_answer_to_reset(stub: Stub) -> None:
    simulated, card = made(stub)
    card.authentication_certificate()
    stub.remove()
    stub.insert(powered_pass())
    stub.hold(powered_pass())
    seen = recorded(stub)
    with pytest.raises(WrongCardError) as caught:
        card.tries()
    assert caught.value.expected == simulated.atr.hex()
    assert seen == []
    stub.remove()
    stub.hold(simulated)
    stub.insert(simulated)
    assert card.tries() == Tries.known(3)
    close(card)


def test_a_pass_that_was_out_is_told_from_another(stub: Stub) -> None:
    simulated, other = powered_pass(), powered_pass(kind="M")
    stub.hold(simulated)
    card = UZIPass(Link(readers(library=stub.path)[0].connect()))
    card.tries()
    stub.remove()
    stub.insert(simulated)
    assert card.tries() == Tries.known(3)
    stub.remove()
    stub.insert(other)
    with pytest.raises(WrongCardError):
        card.verify_pin(Secret.of(PIN))
    assert other.tries_left == (3, 3)
    close(card)


@pytest.mark.parametrize("code", [RESET_CARD, NOT_TRANSACTED, REMOVED_CARD])
def test_what_was_done_stands_when_ending_the_transaction_fails(stub: Stub, code: int) -> None:
    _, card = made(stub)
    card.authentication_certificate()
    stub.fail("end", code)
    card.change_pin(Secret.of(PIN), Secret.of(NEW_PIN))
    card.verify_pin(Secret.of(NEW_PIN))
    close(card)
