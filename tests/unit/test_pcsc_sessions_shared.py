"""Prompts and time in a session, and a card that others share."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pcsc_sessions_world import MAKER, NEW_PIN, PIN, SELECT, break_off, close, made, mend, provider
from pcsc_stub import Stub
from uzi_card import powered as powered_pass
from zorgid_card.adapters.pcsc import readers
from zorgid_card.adapters.pcsc.sharing import holders
from zorgid_card.cards import PINRequest, Tries, UZIPass, let_go
from zorgid_card.codec.apdu import INS
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CancelledError,
    CardRemovedError,
    CardResetError,
    CryptogramError,
    ReaderBusyError,
    WrongPINError,
    WrongPUKError,
)
from zorgid_card.secret import Secret

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")


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
