"""The PC/SC adapter against a library of our own making: every code it can answer, and nothing left open."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from pcsc_stub import Stub
from zorgid_card.adapters.pcsc import LIBRARY_VARIABLE, PCSCChannel, PCSCReader, forget_insertions, readers
from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU, SecretField
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CancelledError,
    CardRemovedError,
    CardResetError,
    CardResponseError,
    NoCardError,
    NoReaderError,
    PCSCUnavailableError,
    ReaderBusyError,
    ReaderError,
    TransportError,
    ZorgIDError,
)
from zorgid_card.ports.card import Channel, Reader
from zorgid_card.secret import Secret

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")


@pytest.fixture
def reader(stub: Stub) -> PCSCReader:
    return readers(library=stub.path)[0]


@pytest.fixture
def channel(reader: PCSCReader) -> Iterator[PCSCChannel]:
    channel = reader.connect()
    yield channel
    channel.close()


def test_readers_are_listed_and_keep_the_ports_promises(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [reader.name for reader in readers(library=stub.path)] == ["Stub Reader 00 00", "Stub Reader 01 00"]
    monkeypatch.setenv(LIBRARY_VARIABLE, stub.path)
    first: Reader = readers()[0]
    assert repr(first) == "PCSCReader('Stub Reader 00 00')"
    channel: Channel = first.connect()
    assert channel.atr == bytes.fromhex("3B026202")
    channel.close()


def test_no_reader_is_an_empty_list(stub: Stub) -> None:
    stub.fail("list", 0x8010002E)
    assert readers(library=stub.path) == []
    ctypes.memset(stub.address("readers"), 0, 1)
    stub["readers_length"] = 1
    assert readers(library=stub.path) == []


def test_a_list_that_fails_or_never_settles_is_an_error(stub: Stub) -> None:
    stub.fail("list", 0x80100014)
    with pytest.raises(TransportError, match="80100014"):
        readers(library=stub.path)
    stub["growing"] = 1
    with pytest.raises(ReaderError, match="keeps changing"):
        readers(library=stub.path)


@pytest.mark.parametrize("library", ["/nowhere/libpcsclite.so.1", "libm.so.6"])
def test_a_missing_library_says_what_to_install(library: str) -> None:
    with pytest.raises(PCSCUnavailableError) as caught:
        readers(library=library)
    assert caught.value.reason == "library"
    assert "libpcsclite1" in str(caught.value.advice)


@pytest.mark.parametrize("code", [0x8010001D, 0x8010001E])
def test_a_missing_service_says_what_to_start(stub: Stub, code: int) -> None:
    stub.fail("establish", code)
    with pytest.raises(PCSCUnavailableError) as caught:
        readers(library=stub.path)
    assert caught.value.reason == "service"
    assert "pcscd" in str(caught.value.advice)


@pytest.mark.parametrize(
    ("platform", "starts"), [("linux", "systemctl"), ("darwin", "launchctl"), ("win32", "net start")]
)
def test_each_platform_is_told_what_to_install_and_what_to_start(
    stub: Stub, platform: str, starts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    stub.fail("establish", 0x8010001D)
    with pytest.raises(PCSCUnavailableError) as caught:
        readers(library=stub.path)
    assert starts in str(caught.value.advice)
    with pytest.raises(PCSCUnavailableError) as caught:
        readers(library="/nowhere/pcsc")
    assert caught.value.advice


def test_who_is_kept_out_is_told_so(stub: Stub) -> None:
    stub.fail("establish", 0x8010006A)
    with pytest.raises(PCSCUnavailableError) as caught:
        readers(library=stub.path)
    assert caught.value.reason == "access"
    assert "polkit" in str(caught.value.advice)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (0x80100009, NoReaderError),
        (0x8010000B, ReaderBusyError),
        (0x8010000C, NoCardError),
        (0x80100017, NoReaderError),
        (0x80100066, CardResponseError),
        (0x80100069, CardRemovedError),
        (0x8010000F, TransportError),
        (0x80100013, TransportError),
        (0x80109999, TransportError),
    ],
)
def test_what_connecting_answers_is_a_typed_error(
    stub: Stub, reader: PCSCReader, code: int, error: type[ZorgIDError]
) -> None:
    stub.fail("connect", code)
    with pytest.raises(error, match=f"{code:08X}"):
        reader.connect()
    forget_insertions()
    assert stub["contexts"] == 0


def test_a_card_that_goes_while_connecting_leaves_nothing_open(stub: Stub, reader: PCSCReader) -> None:
    stub.fail("status", 0x80100069)
    with pytest.raises(CardRemovedError):
        reader.connect()
    forget_insertions()
    assert (stub["contexts"], stub["cards"]) == (0, 0)


@pytest.mark.parametrize(("exclusive", "share"), [(False, 2), (True, 1)])
def test_a_card_is_shared_unless_asked_otherwise(stub: Stub, reader: PCSCReader, exclusive: bool, share: int) -> None:
    channel = reader.connect(exclusive=exclusive)
    assert stub["share"] == share
    channel.close()


@pytest.mark.parametrize(("reset", "disposition"), [(False, 0), (True, 1)])
def test_closing_is_done_once_and_resets_when_asked(
    stub: Stub, reader: PCSCReader, reset: bool, disposition: int
) -> None:
    channel = reader.connect()
    channel.close(reset=reset)
    channel.close()
    assert stub["disposition"] == disposition
    assert (stub.calls("disconnect"), stub["cards"]) == (1, 0)
    with pytest.raises(CardRemovedError, match="closed"):
        channel.transmit(b"\x00\xa4\x04\x00")


def test_closing_a_card_that_is_gone_does_not_raise(stub: Stub, reader: PCSCReader) -> None:
    channel = reader.connect()
    stub.fail("disconnect", 0x80100069)
    channel.close()


def test_a_channel_that_nobody_closed_is_reset(stub: Stub, reader: PCSCReader) -> None:
    channel = reader.connect()
    del channel
    gc.collect()
    assert stub["disposition"] == 1


def test_bytes_go_there_and_back(stub: Stub, channel: PCSCChannel) -> None:
    stub.respond(bytes(range(256)) * 256 + b"\x90\x00")
    assert channel.transmit(b"\x00\xb0\x00\x00\x00\x00\x00") == bytes(range(256)) * 256 + b"\x90\x00"
    assert stub.command == b"\x00\xb0\x00\x00\x00\x00\x00"
    assert stub["sent_protocol"] == 2


@pytest.mark.parametrize(
    ("code", "error"), [(0x80100069, CardRemovedError), (0x80100016, TransportError), (0x80100067, CardResetError)]
)
def test_a_failed_transmit_is_typed_and_not_repeated(
    stub: Stub, channel: PCSCChannel, code: int, error: type[ZorgIDError]
) -> None:
    stub.fail("transmit", code)
    with pytest.raises(error):
        channel.transmit(b"\x00\xa4\x04\x00")
    assert stub.calls("transmit") == 1


@pytest.mark.parametrize("response", [b"", b"\x90"])
def test_less_than_a_status_word_is_a_broken_transport(stub: Stub, channel: PCSCChannel, response: bytes) -> None:
    stub.respond(response)
    with pytest.raises(TransportError, match="status word"):
        channel.transmit(b"\x00\xa4\x04\x00")


def test_no_answer_at_all_is_a_card_that_was_torn_and_none_that_is_broken(stub: Stub, channel: PCSCChannel) -> None:
    stub.respond(b"")
    with pytest.raises(TransportError, match="80100016"):
        Link(channel).transmit(CommandAPDU(0, 0xA4, 0x04, 0x00))


def test_a_response_longer_than_any_is_an_error(stub: Stub, channel: PCSCChannel) -> None:
    stub["response_length"] = 65539
    with pytest.raises(TransportError, match="80100008"):
        channel.transmit(b"\x00\xa4\x04\x00")


def test_a_reset_by_another_program_is_told_once(stub: Stub, channel: PCSCChannel) -> None:
    stub.fail("transmit", 0x80100068)
    with pytest.raises(CardResetError):
        channel.transmit(b"\x00\xa4\x04\x00")
    assert stub.calls("reconnect") == 1
    assert channel.transmit(b"\x00\xa4\x04\x00") == b"\x90\x00"


def test_a_transaction_ends_whatever_happens(stub: Stub, channel: PCSCChannel) -> None:
    def work() -> None:
        with channel.transaction():
            assert stub["transactions"] == 1
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert stub["transactions"] == 0


def test_a_transaction_on_a_card_that_was_reset_does_not_begin(stub: Stub, channel: PCSCChannel) -> None:
    stub.fail("begin", 0x80100068)
    with pytest.raises(CardResetError):
        channel.transaction().__enter__()
    assert stub.calls("end") == 0


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        ("00200080", "0020008000"),
        ("00A4040000", "00A4040000"),
        ("00A40400023F00", "00A40400023F00"),
        ("00A40400023F0000", "00A40400023F00"),
    ],
)
def test_over_t0_commands_get_the_form_t0_carries(stub: Stub, reader: PCSCReader, command: str, sent: str) -> None:
    stub["protocol"] = 1
    channel = reader.connect()
    channel.transmit(bytes.fromhex(command))
    assert stub.command == bytes.fromhex(sent)
    with pytest.raises(ValueError, match="T=0"):
        channel.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(300)).encode())
    channel.close()


def test_a_pin_goes_from_page_to_reader(stub: Stub, channel: PCSCChannel) -> None:
    fields = (SecretField(0, Secret.of(b"314159")),)
    Link(channel).transmit(CommandAPDU(0, 0x20, 0, 0x80, b"\xff" * 8, secrets=fields))
    assert stub.command == bytes.fromhex("0020008008") + b"314159\xff\xff"


@pytest.mark.parametrize("present", [True, False])
def test_waiting_ends_when_the_card_comes_or_goes(stub: Stub, reader: PCSCReader, present: bool) -> None:
    stub["state"] = 0x10 if present else 0x30
    reader.wait(present=present)
    assert stub.calls("wait") == 2
    reader.wait(present=present)
    assert stub.calls("wait") == 3


def test_waiting_has_an_end(stub: Stub, reader: PCSCReader) -> None:
    stub.fail("wait", 0x8010000A, times=1000)
    with pytest.raises(NoCardError, match="time to wait"):
        reader.wait(present=True, timeout=0)
    assert stub["timeout"] == 0


def test_waiting_for_a_reader_that_is_unplugged_ends(stub: Stub, reader: PCSCReader) -> None:
    stub["state"] = 0x04
    with pytest.raises(NoReaderError):
        reader.wait(present=True)
    stub.fail("wait", 0x80100009)
    with pytest.raises(ReaderError):
        reader.wait(present=True)


# --- whole logical commands, in the core -----------------------------------------------------------------------------


def test_a_whole_command_is_one_call_of_the_core(stub: Stub, channel: PCSCChannel) -> None:
    link = Link(channel)
    assert link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(600))) == ResponseAPDU(b"", 0x9000)
    assert link.count == channel.carrier.count == stub.calls("transmit") == 3
    assert stub.command == bytes.fromhex("00DB3FFF5A") + bytes(90)
    stub.respond(b"abc\x90\x00")
    assert link.transmit(CommandAPDU(0, 0xCB, 0x3F, 0xFF, le=0)) == ResponseAPDU(b"abc", 0x9000)
    assert channel.transmit(b"\x00\xa4\x04\x00") == b"abc\x90\x00"
    assert (link.count, channel.carrier.count) == (5, 5)


@pytest.mark.parametrize("failing", [1, 2, 3])
@pytest.mark.parametrize(("code", "error"), [(0x80100069, CardRemovedError), (0x80100016, TransportError)])
def test_nothing_is_sent_again_after_an_error_anywhere_in_a_chain(
    stub: Stub, channel: PCSCChannel, failing: int, code: int, error: type[ZorgIDError]
) -> None:
    link = Link(channel)
    stub.fail("transmit", code, passing=failing - 1)
    with pytest.raises(error):
        link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(600)))
    assert stub.calls("transmit") == link.count == failing


def test_a_reset_in_a_whole_command_is_acknowledged_and_told_once(stub: Stub, channel: PCSCChannel) -> None:
    link = Link(channel)
    stub.fail("transmit", 0x80100068)
    with pytest.raises(CardResetError):
        link.transmit(CommandAPDU(0, 0xA4, 4, 0))
    assert stub.calls("reconnect") == 1
    assert link.transmit(CommandAPDU(0, 0xA4, 4, 0)).sw == 0x9000
    assert link.count == channel.carrier.count == 2


def test_an_answer_longer_than_asked_is_the_cards_error(stub: Stub, channel: PCSCChannel) -> None:
    stub.respond(bytes(300) + b"\x90\x00")
    with pytest.raises(CardResponseError, match="longer"):
        Link(channel).transmit(CommandAPDU(0, 0xCB, 0x3F, 0xFF, le=0))


def test_cancelling_stops_the_next_command_once_and_never_a_chain(stub: Stub, channel: PCSCChannel) -> None:
    link = Link(channel)
    link.cancel()
    with pytest.raises(CancelledError):
        link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(600)))
    assert stub.calls("transmit") == 0
    assert not channel.carrier.cancelled
    assert link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(600))).sw == 0x9000
    assert stub.calls("transmit") == 3


def test_a_secret_that_does_not_fit_or_was_wiped_sends_nothing(stub: Stub, channel: PCSCChannel) -> None:
    wiped = Secret.of(b"314159")
    wiped.wipe()
    for secrets in (
        (SecretField(4, Secret.of(b"314159")),),
        (SecretField(-1, Secret.of(b"1")),),
        (SecretField(0, wiped),),
    ):
        with pytest.raises(ValueError, match=r"fit|range|wiped"):
            Link(channel).transmit(CommandAPDU(0, 0x20, 0, 0x80, b"\xff" * 8, secrets=secrets))
    assert stub.calls("transmit") == 0


def test_over_t0_what_was_to_be_extended_goes_as_a_chain(stub: Stub, reader: PCSCReader) -> None:
    stub["protocol"] = 1
    channel = reader.connect()
    link = Link(channel, extended=True)
    assert link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(300))).sw == 0x9000
    assert stub.calls("transmit") == link.count == 2
    assert channel.carrier.refused
    with pytest.raises(ValueError, match="T=0"):
        link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(300), extended=True))
    channel.close()


def test_extended_goes_whole_where_the_card_takes_it(stub: Stub, channel: PCSCChannel) -> None:
    stub.respond(bytes(65536) + b"\x90\x00")
    link = Link(channel, extended=True)
    assert link.transmit(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(65535), le=0)).data == bytes(65536)
    assert (link.count, stub["command_length"]) == (1, 65544)


def test_a_closed_channel_carries_nothing(stub: Stub, reader: PCSCReader) -> None:
    channel = reader.connect()
    link = Link(channel)
    channel.close()
    with pytest.raises(CardRemovedError, match="closed"):
        link.transmit(CommandAPDU(0, 0xA4, 4, 0))
    assert stub.calls("transmit") == 0


def test_other_threads_run_while_the_reader_works(stub: Stub, channel: PCSCChannel) -> None:
    """The stub waits in SCardTransmit until this thread lets it go on, which it cannot if the GIL is held."""
    stub["hold"] = 1
    answers: list[ResponseAPDU] = []
    worker = threading.Thread(target=lambda: answers.append(Link(channel).transmit(CommandAPDU(0, 0xA4, 4, 0))))
    worker.start()
    while not stub.calls("transmit"):
        time.sleep(0.001)
    stub["hold"] = 0
    worker.join()
    assert answers == [ResponseAPDU(b"", 0x9000)]
