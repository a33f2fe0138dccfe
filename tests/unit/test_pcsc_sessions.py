"""Sessions on a card over PC/SC, while others reset and pull it: a log-in and a PIN change broken off at every command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path

import pytest

from met_cards import tries_left
from pcsc_stub import NOT_TRANSACTED, REMOVED_CARD, RESET_CARD, Stub
from uzi_card import powered as powered_pass
from zorgid_card.adapters.pcsc import readers
from zorgid_card.adapters.pcsc.sharing import holders
from zorgid_card.cards import PINRequest, Tries, UZIPass, ZorgIDCard, let_go
from zorgid_card.codec.apdu import INS
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CancelledError,
    CardRemovedError,
    CardResetError,
    CryptogramError,
    PINNeededError,
    ReaderBusyError,
    ReaderError,
    TransportError,
    WrongCardError,
    WrongPINError,
    WrongPUKError,
)
from zorgid_card.protocol.signature import signature_algorithm
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_keys import Algorithm, PrivateKey, make_key

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")

PIN, NEW_PIN = b"123456", b"654321"
CHANGING = {INS.VERIFY, INS.CHANGE_REFERENCE_DATA, INS.GENERATE_ASYMMETRIC_KEY_PAIR, INS.PUT_DATA}
MAKER = Maker.create()
SELECT = bytes.fromhex("00A4040005A00000030800")


@cache
def key_of(algorithm: Algorithm) -> PrivateKey:
    return make_key(algorithm)


def made(stub: Stub) -> tuple[VirtualPIVCard, ZorgIDCard]:
    """A simulated card with key and certificate 9A in the first slot, and it opened."""
    simulated = MAKER.blank(key_maker=key_of)
    stub.hold(simulated)
    card = opened(stub)
    with card.session():
        card.authenticate_administration(card.factory_secrets()[2])
        card.generate(0x9A, "ECCP256")
        card.write_certificate(0x9A, card.attest(0x9A))
    card._link.channel.close(reset=True)
    return simulated, opened(stub)


def opened(stub: Stub) -> ZorgIDCard:
    return ZorgIDCard(Link(readers(library=stub.path)[0].connect()))


def close(card: ZorgIDCard | UZIPass) -> None:
    card._link.channel.close()


def provider(asked: list[PINRequest]) -> Callable[[PINRequest], Secret]:
    def provide(request: PINRequest) -> Secret:
        asked.append(request)
        return Secret.of(PIN)

    return provide


def recorded(stub: Stub) -> list[int]:
    """The instructions that reach the card from here on."""
    seen: list[int] = []
    answer = stub.answer

    def watched(slot: int, command: bytes) -> bytes:
        seen.append(command[1])
        return answer(slot, command)

    stub.answer = watched  # type: ignore[method-assign]  # a test stands between reader and card
    return seen


# --- before and between sessions ---------------------------------------------------------------------------------------


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


# --- in the middle of one ----------------------------------------------------------------------------------------------

FAULTS = ["reset before", "reset after", "removed before", "removed after", "lost before", "lost after"]


def break_off(stub: Stub, fault: str, at: int) -> None:
    """At the command of this number, counted from here, the card is reset or pulled, or the transport loses command or answer."""
    answer, left = stub.answer, [at]
    event = {"reset": stub.reset, "removed": stub.remove}.get(fault.split(maxsplit=1)[0])

    def faulty(slot: int, command: bytes) -> bytes:
        left[0] -= 1
        if left[0] != 0:
            return answer(slot, command)
        response = answer(slot, command) if fault.endswith("after") else b""
        if event is not None:
            event()
            return response
        return bytes(70000)  # longer than any answer: SCardTransmit fails

    stub.answer = faulty  # type: ignore[method-assign]  # a test stands between reader and card


def mend(stub: Stub, card: VirtualCard) -> None:
    del stub.answer
    if not card.powered:
        stub.insert(card)


def commands_of(stub: Stub, operation: Callable[[], object]) -> int:
    before = stub.calls("transmit")
    operation()
    return stub.calls("transmit") - before


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


# --- prompts, and time -------------------------------------------------------------------------------------------------


def test_a_person_may_think_for_a_minute_where_windows_resets_an_idle_card(stub: Stub) -> None:
    """Which it does after five seconds in a transaction: the PIN is asked for outside of any."""
    _simulated, card = made(stub)
    stub["idle"] = 5000

    def think(request: PINRequest) -> Secret:
        assert stub["transactions"] == 0
        stub["clock"] += 60_000
        return Secret.of(PIN)

    card.sign(0x9A, b"x", "ES256", think)
    assert stub.calls("reconnect") == 0
    with card.session():
        card.tries()
        stub["clock"] += 5000
        with pytest.raises(CardResetError):
            card.tries()
    card.sign(0x9A, b"x", "ES256", think)
    close(card)


@pytest.mark.parametrize("usage", ["authenticity", "signature"])
def test_a_pass_asks_for_its_pin_outside_of_any_transaction(stub: Stub, usage: str) -> None:
    stub.hold(powered_pass())
    card = UZIPass(Link(readers(library=stub.path)[0].connect()))
    asked: list[int] = []

    def note(request: PINRequest) -> Secret:
        asked.append(stub["transactions"])
        return Secret.of(PIN)

    card.sign(usage, b"x", "RS256", note)
    assert asked == [0]
    card.log_out()
    with suppress(CryptogramError):
        card.decipher(bytes(256), note)
    assert asked == [0, 0]
    close(card)


def test_a_key_that_takes_a_minute_to_generate_is_waited_for(stub: Stub) -> None:
    _, card = made(stub)
    stub["idle"] = 5000
    answer = stub.answer

    def slow(slot: int, command: bytes) -> bytes:
        if command[1] == INS.GENERATE_ASYMMETRIC_KEY_PAIR:
            stub["clock"] += 60_000
        return answer(slot, command)

    stub.answer = slow  # type: ignore[method-assign]  # a test stands between reader and card
    with card.session():
        card.authenticate_administration(card.factory_secrets()[2])
        card.generate(0x9C, "ECCP256")
        card.write_ccc()
    assert stub.calls("reconnect") == 0
    close(card)


# --- sharing -----------------------------------------------------------------------------------------------------------


def test_a_card_held_alone_is_waited_for(stub: Stub) -> None:
    """Another program holds the card, and lets go of it while we wait."""
    stub.hold(MAKER.blank())
    reader = readers(library=stub.path)[0]
    holder = reader.connect(exclusive=True)
    tries: list[str] = []

    def let_go(call: str, slot: int) -> int:
        tries.append(call)
        if tries.count("connect") == 3:
            holder.close()
        return 0

    with pytest.raises(ReaderBusyError) as caught:
        reader.connect()
    assert caught.value.reader == reader.name
    stub.on_call(let_go)
    channel = reader.connect(exclusive=True, timeout=60)
    stub.on_call(None)
    with pytest.raises(ReaderBusyError) as caught:
        reader.connect(timeout=0.3)
    assert caught.value.retryable
    channel.close()


def test_a_card_that_others_share_is_not_had_alone(stub: Stub) -> None:
    stub.hold(MAKER.blank())
    reader = readers(library=stub.path)[0]
    first, second = reader.connect(), reader.connect()
    with pytest.raises(ReaderBusyError):
        reader.connect(exclusive=True, timeout=0)
    first.close()
    second.close()
    reader.connect(exclusive=True).close()


def test_who_may_hold_a_card_is_told_as_far_as_it_can_be_seen(tmp_path: Path) -> None:
    for number, (name, maps) in enumerate(
        [("scdaemon", "/usr/lib/libpcsclite.so.1"), ("bash", "/usr/lib/libc.so.6"), ("firefox", "libpcsclite.so.1.0.0")]
    ):
        process = tmp_path / str(1000 + number)
        process.mkdir()
        (process / "maps").write_text(f"7f00-7f01 r-xp 00000000 fe:01 1 {maps}\n")
        (process / "comm").write_text(f"{name}\n")
    (tmp_path / "1003").mkdir()
    (tmp_path / "1003" / "maps").mkdir()  # cannot be read
    ours = tmp_path / str(os.getpid())
    ours.mkdir()
    (ours / "maps").write_text("libpcsclite")
    assert holders(tmp_path) == "firefox, scdaemon"
    assert holders(tmp_path / "1000") is None


def test_pin_1_a_pin_that_was_not_tried_is_not_called_wrong(stub: Stub) -> None:
    _, card = made(stub)
    asked: list[PINRequest] = []
    card.link.cancel()
    with pytest.raises(CancelledError):
        card.verify_pin(Secret.of(PIN))
    with pytest.raises(WrongPUKError):
        card.unblock_pin(Secret.of(b"99999999"), Secret.of(NEW_PIN))
    break_off(stub, "reset before", 3)
    with pytest.raises(CardResetError):
        card.verify_pin(Secret.of(PIN))
    mend(stub, stub.cards[0])
    card.sign(0x9A, b"x", "ES256", provider(asked))
    with pytest.raises(WrongPINError):
        card.verify_pin(Secret.of(b"999999"))
    card.sign(0x9A, b"x", "ES256", provider(asked))
    assert [request.retrying for request in asked] == [False, True]
    close(card)


def test_a_forked_child_sends_nothing_over_its_parents_connection(stub: Stub) -> None:
    """pcscd's client would mix up what the two say."""
    _, card = made(stub)
    before = stub.calls("begin")
    child = os.fork()
    if child == 0:
        try:
            card.tries()
        except CardRemovedError:
            os._exit(stub.calls("begin") - before)
        os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert card.tries() == Tries.known(3)
    close(card)


def test_a_log_out_that_ctrl_c_breaks_off_leaves_no_pin_verified(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated, card = made(stub)
    card.verify_pin(Secret.of(PIN))

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(card, "_log_out", interrupted)
    with pytest.raises(KeyboardInterrupt):
        let_go(card.link.channel, card)
    assert stub["cards"] == 0
    simulated.transmit(SELECT)
    assert simulated.transmit(b"\x00\x20\x00\x80") == b"\x63\xc3"
