"""PIN-6: a PIN entered on the reader's keypad reaches the card, and never this process."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcsc_stub import RESET_CARD, Stub
from simulated_keypad import CANCEL, GET_FEATURES, MODIFY, PROPERTIES, TLV_PROPERTIES, VERIFY, SimulatedKeypad
from uzi_card import contents
from uzi_card import powered as powered_pass
from zorgid_card import open_card
from zorgid_card.adapters import pcsc
from zorgid_card.adapters.pcsc import LIBRARY_VARIABLE, readers
from zorgid_card.cards import LastTry, OnKeypad, PINRequest, Tries, UZIPass, ZorgIDCard
from zorgid_card.cli import app
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardResetError,
    DeclinedError,
    KeypadTimeoutError,
    LastTryError,
    PINFormError,
    PINMismatchError,
    ReaderError,
    TransportError,
    UsageError,
    UserError,
    WrongCardError,
    WrongPINError,
    ZorgIDError,
)
from zorgid_card.ports.card import Reader, equipped
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.replay import ReplayReader, read_transcript
from zorgid_card.testkit.transcript import RecordingReader, Transcript
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, Layout

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")

MAKER = Maker.create()


@pytest.fixture
def keypad(stub: Stub) -> SimulatedKeypad:
    def card(command: bytes) -> bytes:
        return stub.cards[0].transmit(command)

    keypad = SimulatedKeypad(card)
    stub.on_control(keypad)
    return keypad


@pytest.fixture
def card(stub: Stub) -> Iterator[ZorgIDCard]:
    stub.hold(MAKER.blank())
    channel = readers(library=stub.path)[0].connect()
    yield ZorgIDCard(Link(channel))
    channel.close()


def on_keypad(request: PINRequest) -> Secret:
    return OnKeypad()


def test_pin_6_a_pin_is_verified_on_the_keypad(stub: Stub, keypad: SimulatedKeypad, card: ZorgIDCard) -> None:
    assert card.keypad is not None
    keypad.presses = ["123456"]
    with card.session():
        card.verify_pin(OnKeypad())
        assert stub["transactions"] == 1
    assert keypad.sent == [bytes.fromhex("0020008008") + b"123456\xff\xff"]
    (asked,) = keypad.asked
    assert asked == struct.pack(
        "=BBBBBHBBHB3sI", 30, 30, 0x82, 8, 0, 0x0608, 2, 1, 0x0413, 0, bytes(3), 13
    ) + bytes.fromhex("0020008008FFFFFFFFFFFFFFFF")


def test_pin_6_a_key_is_used_with_a_pin_from_the_keypad(keypad: SimulatedKeypad, card: ZorgIDCard) -> None:
    with card.session():
        card.authenticate_administration(card.factory_secrets()[2])
        card.generate(0x9A, "ECCP256")
    keypad.presses = ["123456"]
    assert card.sign(0x9A, b"x", "ES256", on_keypad)[0] == 0x30
    assert keypad.presses == []


def test_pin_6_the_pin_is_changed_on_the_keypad(keypad: SimulatedKeypad, card: ZorgIDCard) -> None:
    keypad.presses = ["123456", "6543210", "6543210"]
    card.change_pin(OnKeypad(), OnKeypad())
    assert keypad.sent == [bytes.fromhex("0024008010") + b"123456\xff\xff6543210\xff"]
    assert (keypad.structure["old"], keypad.structure["new"]) == (0, 8)
    card.verify_pin(Secret.of(b"6543210"))


def test_pin_6_a_pin_is_unblocked_on_the_keypad(keypad: SimulatedKeypad, card: ZorgIDCard) -> None:
    keypad.presses = ["12345678", "246810", "246810"]
    card.unblock_pin(OnKeypad(), OnKeypad())
    card.verify_pin(Secret.of(b"246810"))
    keypad.presses = ["12345678", "87654321", "87654321"]
    card.change_puk(OnKeypad(), OnKeypad())
    card.change_puk(Secret.of(b"87654321"), Secret.of(b"12345678"))


@pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])
def test_pin_6_a_pass_takes_its_pin_from_the_keypad(stub: Stub, keypad: SimulatedKeypad, layout: Layout) -> None:
    """Layout A pads the PIN to eight bytes, B sends its characters alone."""
    simulated = powered_pass(layout)
    stub.hold(simulated)
    channel = readers(library=stub.path)[0].connect()
    card = UZIPass(Link(channel))
    keypad.presses = ["123456"]
    assert len(card.sign("signature", b"x", "RS256", on_keypad)) == 256
    assert keypad.sent[0][4] == (8 if layout is LAYOUT_A else 6)
    keypad.presses = ["123456", "654321", "654321"]
    card.change_pin(OnKeypad(), OnKeypad())
    card.verify_pin(Secret.of(b"654321"))
    assert simulated.tries_left == (3, 3)
    channel.close()


@pytest.mark.parametrize(
    ("presses", "error"),
    [
        ([], KeypadTimeoutError),
        ([CANCEL], DeclinedError),
        (["123456", CANCEL], DeclinedError),
        (["123"], PINFormError),
        (["123456", "654321", "654322"], PINMismatchError),
    ],
)
def test_pin_6_what_goes_wrong_at_the_keypad_costs_no_try(
    keypad: SimulatedKeypad, card: ZorgIDCard, presses: list[str], error: type[UserError]
) -> None:
    keypad.presses = list(presses)
    with pytest.raises(error):
        card.change_pin(OnKeypad(), OnKeypad())
    assert keypad.sent == []
    assert card.tries() == Tries.known(3)


def test_pin_1_a_wrong_pin_from_the_keypad_costs_one_try_and_the_last_is_not_spent_unasked(
    keypad: SimulatedKeypad, card: ZorgIDCard
) -> None:
    keypad.presses = ["999999"] * 4
    for left in (2, 1):
        with pytest.raises(WrongPINError) as caught:
            card.verify_pin(OnKeypad())
        assert caught.value.tries_left == left
    with pytest.raises(LastTryError):
        card.verify_pin(OnKeypad())
    assert len(keypad.presses) == 2
    keypad.presses = ["123456"]
    card.verify_pin(LastTry(OnKeypad()).secret, last_try_allowed=True)


def test_a_reader_without_display_shows_no_messages_and_one_with_limits_keeps_them(
    keypad: SimulatedKeypad, card: ZorgIDCard
) -> None:
    keypad.display = False
    keypad.tlv = bytes.fromhex("060104 070107 0102")  # 4 to 7 digits; then a tag that is cut off
    keypad.presses = ["123456"]
    card.verify_pin(OnKeypad())
    assert keypad.structure["limits"] == 0x0607
    with pytest.raises(UsageError, match="this length"):
        card.change_puk(OnKeypad(), OnKeypad())


@pytest.mark.parametrize(
    ("command", "presses"),
    [
        ("pin change", ["271828", "314159", "314159"]),
        ("pin unblock", ["87654321", "314159", "314159"]),
        ("pin change-puk", ["87654321", "31415926", "31415926"]),
    ],
)
def test_pin_6_the_command_line_lets_the_reader_ask(
    stub: Stub,
    keypad: SimulatedKeypad,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    presses: list[str],
) -> None:
    simulated = VirtualUZIPass(contents("N"), pin=b"271828", puk=b"87654321")
    stub.hold(simulated)
    stub["state"] = 0x20
    monkeypatch.setenv(LIBRARY_VARIABLE, stub.path)
    keypad.presses = presses
    assert app.run([*command.split(), "--reader", "Stub Reader 00", "--lang", "en"]) == 0
    assert "on the card reader" in capsys.readouterr().out
    assert keypad.presses == []
    assert simulated.tries_left == (3, 3)
    assert len(keypad.sent) == 1


def test_pin_6_a_traced_command_lets_the_reader_ask_and_the_trace_has_no_digit(
    stub: Stub, keypad: SimulatedKeypad, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(*options: str) -> int:
        return app.run(["pin", "change", "--reader", "Reader 00", *options])

    simulated = VirtualUZIPass(contents("N"), pin=b"271828", puk=b"87654321")
    stub.hold(simulated)
    stub["state"] = 0x20
    monkeypatch.setenv(LIBRARY_VARIABLE, stub.path)
    keypad.presses = ["314159", "314159", "314159"]
    trace = tmp_path / "trace.jsonl"
    assert run("--trace", str(trace)) != 0  # a wrong PIN
    keypad.presses = ["271828", "314159", "314159"]
    trace.unlink()
    assert run("--trace", str(trace)) == 0
    assert keypad.presses == []
    text = trace.read_text()
    for pin in (b"271828", b"314159"):
        assert pin.decode() not in text
        assert pin.hex() not in text
    (entry,) = [event for event in read_transcript(trace) if event.kind == "keypad"]
    assert (entry.data, entry.answer) == (keypad.sent[-1][:4], b"\x90\x00")
    monkeypatch.setattr(pcsc, "readers", lambda: [ReplayReader.open(trace)])
    assert app.run(["pin", "change"]) == 0


@pytest.mark.parametrize("outcome", [CANCEL, "654321"])
def test_pin_6_what_came_of_an_entry_is_replayed(
    stub: Stub, keypad: SimulatedKeypad, tmp_path: Path, outcome: str
) -> None:
    def tried(reader: Reader) -> ZorgIDError:
        with open_card(reader, memory=None) as card, pytest.raises(ZorgIDError) as told:
            card.verify_pin(OnKeypad())
        return told.value

    stub.hold(MAKER.blank())
    keypad.presses = [outcome]
    transcript = Transcript(tmp_path / "trace.jsonl")
    error = tried(RecordingReader(readers(library=stub.path)[0], transcript))
    transcript.close()
    replayed = ReplayReader.open(tmp_path / "trace.jsonl")
    assert tried(replayed).code == error.code
    replayed.require_finished()


@pytest.mark.parametrize("features", [(), (PROPERTIES, TLV_PROPERTIES), (MODIFY,)])
def test_a_reader_without_keypad_says_so(keypad: SimulatedKeypad, card: ZorgIDCard, features: tuple[int, ...]) -> None:
    keypad.features = features
    assert card.keypad is None
    with pytest.raises(UsageError, match="keypad"):
        card.verify_pin(OnKeypad())
    assert card.tries() == Tries.known(3)


def test_a_keypad_that_only_verifies_changes_nothing(keypad: SimulatedKeypad, card: ZorgIDCard) -> None:
    keypad.features = (VERIFY,)
    with pytest.raises(UsageError, match="keypad"):
        card.change_pin(OnKeypad(), OnKeypad())


def test_a_reader_that_is_asked_nothing_by_itself_has_no_keypad(stub: Stub, card: ZorgIDCard) -> None:
    assert card.keypad is None
    assert card._link.channel.longest is None  # type: ignore[attr-defined]  # of the PC/SC channel


def test_a_channel_without_a_reader_of_its_own_has_no_keypad() -> None:
    slot = SimulatedReader()
    slot.insert(MAKER.blank())
    assert ZorgIDCard(Link(slot.connect())).keypad is None


@pytest.mark.parametrize("answer", [b"", b"\x90", b"\x90\x00\x00", b"\x6b\x80"])
def test_what_a_reader_cannot_answer_is_its_error(
    stub: Stub, keypad: SimulatedKeypad, card: ZorgIDCard, answer: bytes
) -> None:
    card.tries()
    assert card.keypad is not None
    stub.on_control(lambda slot, code, data: (0, answer))
    with pytest.raises(ReaderError):
        card.verify_pin(OnKeypad())


def test_a_pin_that_is_entered_here_and_there_is_sent_nowhere(keypad: SimulatedKeypad, card: ZorgIDCard) -> None:
    with pytest.raises(UsageError, match="both"):
        card.change_pin(OnKeypad(), Secret.of(b"654321"))
    assert keypad.asked == []
    with pytest.raises(ValueError, match="wiped"):
        OnKeypad().padded()


def test_a_reset_while_the_person_enters_the_pin_is_told(stub: Stub, keypad: SimulatedKeypad, card: ZorgIDCard) -> None:
    assert card.keypad is not None
    stub.fail("control", RESET_CARD)
    with pytest.raises(CardResetError):
        card.verify_pin(OnKeypad())
    assert keypad.sent == []
    keypad.presses = ["123456"]
    card.verify_pin(OnKeypad())


def test_pin_1_a_card_exchanged_before_the_reader_was_asked_for_a_keypad_is_not_taken_for_the_same(
    stub: Stub, card: ZorgIDCard
) -> None:
    card.tries()
    stub.remove()
    stub.insert(MAKER.blank())
    with pytest.raises(CardResetError):
        _ = card.keypad
    with pytest.raises(WrongCardError):
        card.verify_pin(Secret.of(b"999999"))


def test_a_broken_line_to_the_keypad_is_no_missing_one(stub: Stub, keypad: SimulatedKeypad, card: ZorgIDCard) -> None:
    assert card.keypad is not None
    stub.fail("control", 0x80100016)
    with pytest.raises(TransportError):
        card.verify_pin(OnKeypad())


@pytest.mark.parametrize(
    ("features", "tlv"),
    [
        (bytes.fromhex("0608 4233000642330006"), b""),
        (bytes.fromhex("06FF") + bytes(255), b""),
        (bytes.fromhex("0604 42330006 1204 42330012"), bytes.fromhex("0202 0001")),
        (bytes.fromhex("0604 42330006 1204 42330012"), bytes.fromhex("0208 FFFFFFFFFFFFFFFF 0AFF") + bytes(242)),
        (bytes.fromhex("0604 42330006 1204 42330012"), bytes.fromhex("0604 FFFFFFFF 0704 FFFFFFFF")),
    ],
)
def test_numbers_of_a_reader_that_cannot_be_are_its_error_or_nothing(
    stub: Stub, card: ZorgIDCard, features: bytes, tlv: bytes
) -> None:
    replies = {GET_FEATURES: features, 0x42330012: tlv, 0x42330006: b"\x63\xc2"}
    stub.on_control(lambda slot, code, data: (0, replies[code]))
    with pytest.raises((UsageError, WrongPINError)):
        card.verify_pin(OnKeypad())
    assert equipped(card.link.channel)
    assert card.link.channel.longest is None
