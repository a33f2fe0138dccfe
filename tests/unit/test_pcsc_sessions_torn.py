"""A session broken off in the middle, at any command: nothing is sent twice, and the card stays usable."""

from __future__ import annotations

import sys
from contextlib import suppress

import pytest

from pcsc_sessions_world import (
    FAULTS,
    NEW_PIN,
    PIN,
    break_off,
    close,
    commands_of,
    made,
    mend,
    opened,
    provider,
    recorded,
)
from pcsc_stub import Stub
from zorgid_card.cards import PINRequest, Tries
from zorgid_card.codec.apdu import INS
from zorgid_card.errors import (
    CardRemovedError,
    CardResetError,
    ReaderError,
    TransportError,
    WrongPINError,
)
from zorgid_card.secret import Secret

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_log_in_broken_off_at_any_command_sends_nothing_again_and_leaves_the_card_usable(
    stub: Stub, fault: str
) -> None:
    simulated, card = made(stub)
    card.authentication_certificate()
    last = commands_of(stub, lambda: card.sign(0x9A, b"x", "ES256", provider([])))
    close(card)
    for at in range(1, last + 1):
        card = opened(stub)
        card.authentication_certificate()
        stub.reset()  # the PIN is not verified
        seen = recorded(stub)
        break_off(stub, fault, at)
        asked: list[PINRequest] = []
        with pytest.raises(ReaderError) as caught:
            card.sign(0x9A, b"x", "ES256", provider(asked))
        assert isinstance(
            caught.value, {"rese": CardResetError, "remo": CardRemovedError}.get(fault[:4], TransportError)
        )
        assert seen.count(INS.VERIFY) <= 3, "two looks at the counter and one try"
        assert len(asked) <= 1
        mend(stub, simulated)
        card.sign(0x9A, b"x", "ES256", provider(asked))
        assert card.tries() == Tries.known(3)
        close(card)
        simulated.reset()


@pytest.mark.parametrize("fault", FAULTS)
def test_pin_2_a_change_broken_off_at_any_command_is_never_sent_twice(stub: Stub, fault: str) -> None:
    simulated, card = made(stub)
    card.authentication_certificate()
    pins = [PIN, NEW_PIN]
    last = commands_of(stub, lambda: card.change_pin(Secret.of(pins[0]), Secret.of(pins[1])))
    pins.reverse()
    for at in range(1, last + 1):
        seen = recorded(stub)
        break_off(stub, fault, at)
        with pytest.raises(ReaderError):
            card.change_pin(Secret.of(pins[0]), Secret.of(pins[1]))
        assert seen.count(INS.CHANGE_REFERENCE_DATA) <= 1
        mend(stub, simulated)
        try:
            card.verify_pin(Secret.of(pins[1]))
            assert INS.CHANGE_REFERENCE_DATA in seen
            pins.reverse()
        except WrongPINError:
            card.verify_pin(Secret.of(pins[0]))
        assert card.tries() == Tries.known(3)
    close(card)


def test_after_a_reset_nothing_of_the_same_session_reaches_the_card(stub: Stub) -> None:
    _, card = made(stub)
    with suppress(CardResetError), card.session():
        card.verify_pin(Secret.of(PIN))
        stub.reset()
        seen = recorded(stub)
        for _ in range(2):
            with pytest.raises(CardResetError):
                card.sign(0x9A, b"x", "ES256")
        with pytest.raises(CardResetError):
            card.verify_pin(Secret.of(PIN))
        assert seen == []
    assert card.tries() == Tries.known(3)
    close(card)


def test_a_signature_broken_off_is_done_again_when_the_caller_lets_the_pin_be_asked_again(stub: Stub) -> None:
    simulated, card = made(stub)
    asked_at: list[int] = []

    def provide(request: PINRequest) -> Secret:
        asked_at.append(stub.calls("transmit") - before)
        return Secret.of(PIN)

    before = stub.calls("transmit")
    last = commands_of(stub, lambda: card.sign(0x9A, b"x", "ES256", provide))
    (prompt,) = asked_at
    for allowed in (False, True):
        card.ask_again = allowed
        for at in range(prompt + 1, last + 1):
            simulated.reset()
            asked_at.clear()
            break_off(stub, "reset after", at)
            if allowed:
                card.sign(0x9A, b"x", "ES256", provide)
            else:
                with pytest.raises(CardResetError):
                    card.sign(0x9A, b"x", "ES256", provide)
            assert len(asked_at) == (2 if allowed else 1)
            mend(stub, simulated)
    assert card.tries() == Tries.known(3)
    close(card)


def test_a_pin_that_another_program_logged_out_meanwhile_is_asked_for(stub: Stub) -> None:
    """Between the look at the PIN's status, which says verified, and the use of the key."""
    simulated, card = made(stub)
    card.verify_pin(Secret.of(PIN))
    answer = stub.answer

    def meddling(slot: int, command: bytes) -> bytes:
        response = answer(slot, command)
        if command == bytes.fromhex("00200080") and response == b"\x90\x00":
            simulated.transmit(bytes.fromhex("0020FF80"))
        return response

    stub.answer = meddling  # type: ignore[method-assign]  # a test stands between reader and card
    asked: list[PINRequest] = []
    card.sign(0x9A, b"x", "ES256", provider(asked))
    assert len(asked) == 1
    close(card)
