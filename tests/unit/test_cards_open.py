"""Opening a card over PC/SC and letting go of it: extended length where card and reader take it, and logging out."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pcsc_stub import INSUFFICIENT_BUFFER, INVALID_PARAMETER, RESET_CARD, Stub, over_t0
from simulated_keypad import TLV_PROPERTIES, SimulatedKeypad
from uzi_card import contents
from uzi_card import powered as powered_pass
from zorgid_card import recipes
from zorgid_card.adapters.pcsc import PCSCReader, readers
from zorgid_card.cards import PIVCard, UZIPass, ZorgIDCard
from zorgid_card.cards.capability import extended_length
from zorgid_card.cli.inspect.card import read_card
from zorgid_card.codec.apdu import INS
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardNotSupportedError,
    CardRemovedError,
    PINNeededError,
    TransportError,
)
from zorgid_card.ports.card import Reader
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.replay import ReplayReader
from zorgid_card.testkit.transcript import RecordingReader, Transcript
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, Layout

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")

MAKER = Maker.create()
# Historical bytes with card capabilities (7816-4, 12.1.1.9): extended length, none, and none told.
EXTENDED = bytes.fromhex("3B8501807300004037")
SHORT_ONLY = bytes.fromhex("3B8501807300000077")
SILENT = bytes.fromhex("3B800181")
INFORMATION = "00B081"
ROOT = bytes.fromhex("00A4000C023F00")


@pytest.fixture
def simulated() -> VirtualPIVCard:
    return MAKER.blank()


@pytest.fixture
def reader(stub: Stub, simulated: VirtualPIVCard) -> PCSCReader:
    stub.hold(simulated)
    return readers(library=stub.path)[0]


@pytest.fixture
def sent(stub: Stub) -> list[bytes]:
    """All commands that reach a card."""
    commands: list[bytes] = []
    answer = stub.answer

    def watched(slot: int, command: bytes) -> bytes:
        commands.append(command)
        return answer(slot, command)

    stub.answer = watched  # type: ignore[method-assign]  # a test stands between reader and card
    return commands


def equip(stub: Stub, longest: int | None) -> None:
    keypad = SimulatedKeypad(bytes, features=(TLV_PROPERTIES,))
    keypad.tlv = b"" if longest is None else b"\x0a\x04" + longest.to_bytes(4, "little")
    stub.on_control(keypad)


def is_long(command: bytes) -> bool:
    return len(command) > 5 and command[4] == 0


def informed(stub: Stub, content: str, sw: str = "9000") -> None:
    """The card has this EF.ATR/INFO."""
    answer = stub.answer

    def watched(slot: int, command: bytes) -> bytes:
        return bytes.fromhex(content + sw) if command.hex().upper().startswith(INFORMATION) else answer(slot, command)

    stub.answer = watched  # type: ignore[method-assign]  # a test stands between reader and card


# --- extended length ---------------------------------------------------------------------------------------------------


def personalise(reader: PCSCReader) -> None:
    """A certificate of more than 256 bytes is written, and read back."""
    with recipes.open_card(reader) as card:
        assert isinstance(card, ZorgIDCard)
        with card.session():
            card.authenticate_administration(card.factory_secrets()[2])
            card.generate(0x9A, "ECCP256")
            certificate = card.attest(0x9A)
            card.write_certificate(0x9A, certificate)
        assert len(certificate) > 300


@pytest.mark.parametrize("longest", [None, 0x10000, 4096])
def test_extended_length_is_used_where_card_and_reader_take_it(
    stub: Stub, reader: PCSCReader, sent: list[bytes], longest: int | None
) -> None:
    stub._fill("atr", EXTENDED)
    if longest is not None:
        equip(stub, longest)
    personalise(reader)
    written = [command for command in sent if command[1] == 0xDB]
    assert [is_long(command) for command in written] == [True]
    assert not any(command[0] & 0x10 or command[1] == 0xC0 for command in sent)
    assert sum(len(command) > 261 for command in sent) == (1 if longest else 2)


@pytest.mark.parametrize("longest", [0, 261, 1024])
def test_a_reader_that_tells_of_a_limit_gets_short_commands_and_chains(
    stub: Stub, reader: PCSCReader, sent: list[bytes], longest: int
) -> None:
    stub._fill("atr", EXTENDED)
    stub["limit"] = 261
    equip(stub, longest)
    personalise(reader)
    assert not any(map(is_long, sent))
    assert sum(command[0] & 0x10 for command in sent)


@pytest.mark.parametrize("breaks", [False, True])
def test_a_card_is_inspected_with_extended_length_unless_long_answers_are_broken_off(
    stub: Stub, reader: PCSCReader, sent: list[bytes], breaks: bool
) -> None:
    stub._fill("atr", EXTENDED)
    personalise(reader)
    sent.clear()
    if breaks:
        stub["limit"] = 310  # the command that tries it goes through; the answer with the certificate does not
    report = read_card(reader)
    assert len(report.certificates["9A"]) > 300
    assert any(command[1] == INS.GET_RESPONSE for command in sent) is breaks


@pytest.mark.parametrize("longest", [None, 0x10000, 261])
def test_a_recorded_reader_is_asked_for_extended_length_as_any_and_so_is_its_transcript(
    stub: Stub, reader: PCSCReader, sent: list[bytes], longest: int | None, tmp_path: Path
) -> None:
    def reads(reader: Reader) -> bytes | None:
        sent.clear()
        with recipes.open_card(reader, memory=None) as card:
            assert isinstance(card, PIVCard)
            return card.certificate(0x9A)

    stub._fill("atr", EXTENDED)
    if longest is not None:
        equip(stub, longest)
    personalise(reader)
    certificate, plain = reads(reader), sent[:]
    transcript = Transcript(tmp_path / "trace.jsonl")
    assert reads(RecordingReader(reader, transcript)) == certificate
    transcript.close()
    assert sent == plain
    assert any(map(is_long, sent)) is (longest != 261)
    replayed = ReplayReader.open(tmp_path / "trace.jsonl")
    assert reads(replayed) == certificate
    replayed.require_finished()


@pytest.mark.parametrize("code", [INSUFFICIENT_BUFFER, INVALID_PARAMETER])
def test_a_readers_limit_that_it_does_not_tell_is_found_by_a_harmless_read(
    stub: Stub, reader: PCSCReader, sent: list[bytes], code: int
) -> None:
    stub._fill("atr", EXTENDED)
    stub["limit"], stub["limit_code"] = 261, code
    personalise(reader)
    assert not any(map(is_long, sent))


def test_a_reader_that_breaks_off_long_answers_only_gets_short_commands(stub: Stub, reader: PCSCReader) -> None:
    stub._fill("atr", EXTENDED)
    personalise(reader)
    answer = stub.answer

    def narrow(slot: int, command: bytes) -> bytes:
        response = answer(slot, command)
        return response if len(response) <= 258 else bytes(70000)

    stub.answer = narrow  # type: ignore[method-assign]  # a test stands between reader and card
    with recipes.open_card(reader) as card:
        assert len(card.authentication_certificate()) > 300


def test_a_card_that_says_nothing_or_no_gets_short_commands(stub: Stub, reader: PCSCReader, sent: list[bytes]) -> None:
    for atr in (SILENT, SHORT_ONLY, b"\x3b\x02"):
        stub._fill("atr", atr)
        with recipes.open_card(reader):
            pass
    assert not any(map(is_long, sent))


@pytest.mark.parametrize(
    ("content", "sw", "takes"),
    [
        ("7F6608 02021000 02021000", "9000", True),
        ("4703000040 7F660A 0203010000 0203010000", "9000", True),
        ("7F6608 02020105 02021000", "9000", False),
        ("4703000040", "6282", True),
        ("4703000000", "9000", False),
        ("47020040", "9000", False),
        ("", "9000", False),
        ("7F66", "9000", False),
        ("", "6A82", False),
        ("7F6608 02021000 02021000", "6982", False),
    ],
)
def test_the_cards_file_tells_where_its_answer_to_reset_is_silent(
    stub: Stub, reader: PCSCReader, content: str, sw: str, takes: bool
) -> None:
    stub._fill("atr", SILENT)
    informed(stub, content, sw)
    channel = reader.connect()
    assert extended_length(Link(channel)) is takes
    channel.close()


def test_a_pass_that_says_so_in_its_file_alone_gets_extended_length_by_default(stub: Stub, sent: list[bytes]) -> None:
    """Once for each kind of card: with every default of ``open_card``, cards met before among them."""
    simulated = VirtualUZIPass(contents("Z"), layout=LAYOUT_A, extended=True)
    stub.hold(simulated)
    stub.insert(simulated)
    stub["state"], stub["tells_atr"] = 0x20, 1
    stub._fill("atr", SILENT)
    informed(stub, "7F66080202FFFF0202FFFF")
    reader = readers(library=stub.path)[0]
    assert reader.insertion() is not None
    for first in (True, False):
        sent.clear()
        with recipes.open_card(reader) as card:
            assert isinstance(card, UZIPass)
            card.authentication_certificate()
        assert any(map(is_long, sent))
        assert (ROOT in sent) is first


def test_a_card_that_refuses_extended_length_after_all_is_believed(stub: Stub) -> None:
    stub.hold(MAKER.blank(extended=False))
    stub._fill("atr", EXTENDED)
    personalise(readers(library=stub.path)[0])


def test_a_card_that_goes_while_it_is_asked_is_gone(stub: Stub, reader: PCSCReader) -> None:
    stub._fill("atr", EXTENDED)
    stub.answer = lambda slot, command: stub.remove() or b"\x90\x00"  # type: ignore[method-assign, func-returns-value]  # pulled
    with pytest.raises(CardRemovedError), recipes.open_card(reader):
        pass


def test_a_broken_line_is_tried_again_only_where_long_commands_may_be_to_blame(stub: Stub, reader: PCSCReader) -> None:
    stub.fail("transmit", 0x80100016, times=99)
    with pytest.raises(TransportError), recipes.open_card(reader):
        pass
    assert stub.calls("transmit") == 2


def test_opening_waits_for_the_transaction_of_another_program(stub: Stub, reader: PCSCReader) -> None:
    stub._fill("atr", EXTENDED)
    equip(stub, 0x10000)
    other = reader.connect()

    def use() -> int | None:
        with recipes.open_card(reader) as card:
            return card.tries().left

    with ThreadPoolExecutor(1) as pool:
        with other.transaction():
            waiting = pool.submit(use)
            while stub.calls("begin") < 2 and not waiting.done():
                time.sleep(0.001)
            assert not waiting.done()
        assert waiting.result() == 3
    other.close()


# --- T=0 ---------------------------------------------------------------------------------------------------------------


def test_over_t0_a_card_is_made_and_used(stub: Stub, reader: PCSCReader, simulated: VirtualPIVCard) -> None:
    stub["protocol"] = 1
    stub._fill("atr", EXTENDED)
    stub.answer = over_t0(simulated)  # type: ignore[method-assign]  # a test stands between reader and card
    personalise(reader)
    with recipes.open_card(reader) as card:
        assert isinstance(card, PIVCard)
        assert len(card.authentication_certificate()) > 300
        assert card.sign(0x9A, b"x", "ES256", lambda request: Secret.of(b"123456"))[0] == 0x30
        card.change_pin(Secret.of(b"123456"), Secret.of(b"654321"))
        card.verify_pin(Secret.of(b"654321"))
    assert stub["disposition"] == 0


@pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])
def test_over_t0_a_pass_is_used(stub: Stub, layout: Layout) -> None:
    simulated = powered_pass(layout)
    stub.hold(simulated)
    stub["protocol"] = 1
    stub.answer = over_t0(simulated)  # type: ignore[method-assign]  # a test stands between reader and card
    with recipes.open_card(readers(library=stub.path)[0]) as card:
        assert isinstance(card, UZIPass)
        for usage in ("authenticity", "signature"):
            assert len(card.sign(usage, b"x", "RS256", lambda request: Secret.of(b"123456"))) == 256
    assert stub["disposition"] == 0


# --- letting go --------------------------------------------------------------------------------------------------------


def test_a_verified_pin_is_logged_out_and_the_card_not_reset(stub: Stub, reader: PCSCReader, sent: list[bytes]) -> None:
    other = reader.connect()
    with recipes.open_card(reader) as card:
        card.verify_pin(Secret.of(b"123456"))
    assert sent[-1] == bytes.fromhex("0020FF80")
    assert stub["disposition"] == 0
    assert other.transmit(bytes.fromhex("00200080"))[-2:] == b"\x63\xc3"
    other.close()


def test_where_nothing_was_tried_there_is_nothing_to_log_out(stub: Stub, reader: PCSCReader, sent: list[bytes]) -> None:
    with recipes.open_card(reader) as card:
        card.tries()
    assert bytes.fromhex("0020FF80") not in sent
    assert stub["disposition"] == 0


@pytest.mark.parametrize("usage", ["authenticity", "signature"])
@pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])
def test_a_pass_is_logged_out(stub: Stub, layout: Layout, usage: str) -> None:
    simulated = powered_pass(layout)
    stub.hold(simulated)
    reader = readers(library=stub.path)[0]
    with recipes.open_card(reader) as card:
        assert isinstance(card, UZIPass)
        card.sign(usage, b"x", "RS256", lambda request: Secret.of(b"123456"))
    assert stub["disposition"] == 0
    channel = reader.connect()
    with pytest.raises(PINNeededError):
        UZIPass(Link(channel)).sign(usage, b"x")
    channel.close()


def test_a_card_that_cannot_log_out_is_reset(stub: Stub, reader: PCSCReader) -> None:
    answer = stub.answer

    def without(slot: int, command: bytes) -> bytes:
        return b"\x6a\x86" if command[1:3] == b"\x20\xff" else answer(slot, command)

    stub.answer = without  # type: ignore[method-assign]  # a test stands between reader and card
    with recipes.open_card(reader) as card:
        card.verify_pin(Secret.of(b"123456"))
    assert stub["disposition"] == 1


def test_an_administration_key_is_logged_out_by_a_reset(stub: Stub, reader: PCSCReader) -> None:
    with recipes.open_card(reader) as card:
        assert isinstance(card, ZorgIDCard)
        card.authenticate_administration(card.factory_secrets()[2])
    assert stub["disposition"] == 1


def test_a_card_that_was_reset_or_is_out_is_let_go_of_as_it_is(
    stub: Stub, reader: PCSCReader, simulated: VirtualPIVCard
) -> None:
    with recipes.open_card(reader) as card:
        card.verify_pin(Secret.of(b"123456"))
        stub.fail("begin", RESET_CARD, times=9)
    assert stub["disposition"] == 0
    stub.fail("begin", 0, times=0)
    with recipes.open_card(reader) as card:
        card.verify_pin(Secret.of(b"123456"))
        stub.remove()
    assert stub["disposition"] == 0
    stub.insert(simulated)
    with recipes.open_card(reader) as card:
        assert isinstance(card, ZorgIDCard)
        card.authenticate_administration(card.factory_secrets()[2])
        stub.remove()
        stub.insert(MAKER.blank())
        with pytest.raises(Exception, match="open it anew"):
            card.tries()
    # the card that is there now was authenticated by nobody, but a reset hurts it no more than it would the first
    assert stub["disposition"] == 1


def test_what_is_not_our_card_is_closed_as_it_was_found(stub: Stub, reader: PCSCReader) -> None:
    stub.answer = lambda slot, command: b"\x6a\x82"  # type: ignore[method-assign]  # a test stands between reader and card
    with pytest.raises(CardNotSupportedError), recipes.open_card(reader):
        pass
    assert stub["disposition"] == 0
    assert stub["cards"] == 0
