"""Transcripts: what crossed is recorded without any PIN, PUK or key, and played back as it was."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from scp03_card import static, strict_card
from zorgid_card import open_card
from zorgid_card.adapters import pcsc
from zorgid_card.cards import UZIPass, ZorgIDCard
from zorgid_card.cli import app
from zorgid_card.cli.simulate import Options, Simulated, obtain
from zorgid_card.codec.apdu import CommandAPDU, SecretField
from zorgid_card.codec.exchange import PhysicalCommands
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardRemovedError,
    NoCardError,
    ReaderError,
    StorageError,
    WrongPINError,
    ZorgIDError,
)
from zorgid_card.protocol import globalplatform, piv
from zorgid_card.protocol.iso7816 import change_reference_data, reset_retry_counter, select, verify
from zorgid_card.secret import Secret
from zorgid_card.testkit.faults import Fault, FaultyReader, Kind
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.replay import Event, ReplayError, ReplayReader, read_transcript
from zorgid_card.testkit.scp03 import ChannelKeys
from zorgid_card.testkit.transcript import RecordingChannel, RecordingReader, Transcript
from zorgid_card.workflows import pin
from zorgid_card.workflows.card_side import log_in
from zorgid_card.workflows.pin import PINPolicy

NEW_PIN, NEW_PUK = b"27182845", b"31415926"
NONCE = "n" * 44
KINDS = ("zorgid", "uzi-n")
VERSION, WRONG = bytes.fromhex("00FD000000"), bytes.fromhex("0020008008303030303030FFFF")


@pytest.fixture(scope="module")
def made() -> dict[str, Simulated]:
    return {kind: obtain(Options(kind=kind, key_algorithm="RSA2048")) for kind in (*KINDS, "blank")}


class Desk:
    """A fresh copy of a card in a recorded reader."""

    def __init__(self, made: Simulated, kind: str, directory: Path) -> None:
        made.card.save(directory / "card.json")
        self.simulated = obtain(Options(kind=kind, state=directory / "card.json"))
        self.slot = SimulatedReader("Reader 00")
        self.slot.insert(self.simulated.card)
        self.path = directory / "trace.jsonl"
        self.transcript = Transcript(self.path)
        self.reader = RecordingReader(self.slot, self.transcript)

    @property
    def text(self) -> str:
        self.transcript.close()
        return self.path.read_text()


@pytest.fixture(params=KINDS)
def desk(request: pytest.FixtureRequest, made: dict[str, Simulated], tmp_path: Path) -> Desk:
    return Desk(made[request.param], request.param, tmp_path)


def secrets_of(simulated: Simulated) -> list[bytes]:
    return [simulated.pin, simulated.puk, NEW_PIN, NEW_PUK]


def assert_absent(text: str, *secrets: bytes) -> None:
    for secret in secrets:
        assert secret.hex() not in text.lower()
        assert secret.decode("latin-1") not in text


def logs_in(desk: Desk, reader: RecordingReader | ReplayReader) -> str:
    with open_card(reader, memory=None) as card:
        signer = card.authentication_signer(lambda _: Secret.of(desk.simulated.pin))
        return log_in(signer, card.authentication_certificate(), origin="https://portal.example", nonce=NONCE)


def changes_pin(desk: Desk, reader: RecordingReader | ReplayReader) -> tuple[int | None, ...]:
    policy = PINPolicy(minimum=6, maximum=8)
    with open_card(reader, memory=None) as card:
        before = card.tries().left
        with pytest.raises(WrongPINError):
            card.verify_pin(Secret.of(b"99887766"))
        between = card.tries().left
        old = Secret.of(desk.simulated.pin)
        pin.change_pin(card, old, Secret.of(NEW_PIN), Secret.of(NEW_PIN), policy=policy)
        return before, between, card.tries().left


# --- recorded, and played back


@pytest.mark.parametrize("work", [logs_in, changes_pin])
def test_what_was_recorded_is_replayed_with_the_same_outcome(desk: Desk, work: Callable[[Desk, Any], object]) -> None:
    outcome = work(desk, desk.reader)
    assert_absent(desk.text, *secrets_of(desk.simulated))
    replayed = ReplayReader.open(desk.path)
    assert work(desk, replayed) == outcome
    replayed.require_finished()


def test_inspect_is_replayed_with_the_same_outcome(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def inspected(reader: object) -> str:
        monkeypatch.setattr(pcsc, "readers", lambda: [reader])
        app.run(["inspect", "--json", "--at", "2026-11-25"])
        return capsys.readouterr().out

    outcome = inspected(desk.reader)
    assert json.loads(outcome)["certificates"]
    assert_absent(desk.text, *secrets_of(desk.simulated))
    assert inspected(ReplayReader.open(desk.path, "Reader 00")) == outcome


@pytest.mark.parametrize("meanwhile", ["reset", "out", "another"])
def test_what_other_hands_did_between_two_operations_is_replayed(desk: Desk, meanwhile: str) -> None:
    def moves() -> None:
        if meanwhile == "reset":
            desk.slot.reset()
        else:
            desk.slot.remove()
        if meanwhile == "another":
            desk.slot.insert(Maker.create().blank())

    def works(reader: RecordingReader | ReplayReader) -> tuple[object, str]:
        with open_card(reader, memory=None) as card:
            certificate = card.authentication_certificate()
            if reader is desk.reader:
                moves()
            try:
                return card.tries(), certificate.hex()
            except ZorgIDError as error:
                return error.code, certificate.hex()

    outcome = works(desk.reader)
    desk.transcript.close()
    replayed = ReplayReader.open(desk.path)
    assert works(replayed) == outcome
    replayed.require_finished()
    assert '"event": "begin", "error": ' in desk.path.read_text()


def test_another_pin_of_the_same_length_replays_too(desk: Desk) -> None:
    with open_card(desk.reader, memory=None) as card:
        card.verify_pin(Secret.of(desk.simulated.pin))
    desk.transcript.close()
    replayed = ReplayReader.open(desk.path)
    with open_card(replayed, memory=None) as card:
        card.verify_pin(Secret.of(bytes(reversed(desk.simulated.pin))))
    replayed.require_finished()


def test_what_differs_is_refused_and_told_masked(desk: Desk) -> None:
    channel = desk.reader.connect()
    channel.transmit(VERSION)
    channel.close()
    desk.transcript.close()
    replayed = ReplayReader.open(desk.path).connect()
    with pytest.raises(ReplayError, match=r"line 2 .* expected command 00 FD .* came command 00 20") as caught:
        replayed.transmit(WRONG)
    assert caught.value.line == 2
    assert "30 30" not in str(caught.value)
    assert "FF FF FF FF FF FF" in str(caught.value.found)
    assert replayed.transmit(VERSION), "a refusal takes nothing away"


def test_more_or_less_than_was_recorded_is_refused(desk: Desk) -> None:
    channel = desk.reader.connect()
    channel.transmit(VERSION)
    channel.close()
    desk.transcript.close()
    reader = ReplayReader.open(desk.path)
    reader.wait(present=True)
    replayed = reader.connect()
    with pytest.raises(ReplayError, match="expected command 00 FD 00 00 00, but came end"):
        reader.require_finished()
    assert replayed.transmit(VERSION)
    replayed.close()
    replayed.close()
    reader.require_finished()
    with pytest.raises(CardRemovedError):
        replayed.transmit(VERSION)
    with pytest.raises(ReplayError, match="expected end, but came connect"):
        reader.connect()
    with pytest.raises(ReplayError, match=r"line 1 .* expected end, but came connect"):
        ReplayReader([]).connect()


HARMLESS = st.tuples(
    st.sampled_from([0x00, 0x10, 0x80]),
    st.sampled_from([0xA4, 0xB0, 0xC0, 0xCA, 0xCB, 0xF7, 0xF8, 0xFD]),
    st.integers(0, 255),
    st.integers(0, 255),
    st.sampled_from([b"", b"\x05\x5c\x03\x5f\xc1\x05", b"\x05\xa0\x00\x00\x03\x08"]),
).map(lambda parts: bytes(parts[:4]) + parts[4])


@settings(max_examples=50, deadline=None)
@given(commands=st.lists(HARMLESS, max_size=20), connections=st.integers(1, 3))
def test_whatever_was_asked_is_answered_the_same_again(
    made: dict[str, Simulated], tmp_path_factory: pytest.TempPathFactory, commands: list[bytes], connections: int
) -> None:
    def play(reader: RecordingReader | ReplayReader) -> list[bytes]:
        answers = []
        for _ in range(connections):
            channel = reader.connect(exclusive=True)
            answers += [channel.atr, *map(channel.transmit, commands)]
            channel.close()
        return answers

    path = tmp_path_factory.mktemp("trace") / "trace.jsonl"
    slot, transcript = SimulatedReader(), Transcript(path)
    slot.insert(made["blank"].card)
    answers = play(RecordingReader(slot, transcript))
    transcript.close()
    assert transcript.count == connections * len(commands)
    replayed = ReplayReader.open(path)
    assert play(replayed) == answers
    replayed.require_finished()


@pytest.mark.parametrize("kind", Kind)
def test_faults_are_recorded_and_replayed(desk: Desk, kind: Kind) -> None:
    faulty = RecordingReader(FaultyReader(desk.slot, Fault(2, kind)), desk.transcript)
    channel = faulty.connect()
    channel.transmit(VERSION)
    with pytest.raises(ReaderError) as recorded:
        channel.transmit(WRONG)
    channel.close()
    desk.transcript.close()
    replayed = ReplayReader.open(desk.path).connect()
    replayed.transmit(VERSION)
    with pytest.raises(type(recorded.value)) as caught:
        replayed.transmit(WRONG)
    assert type(caught.value) is type(recorded.value)
    replayed.close()


def test_a_reader_of_several_is_chosen_by_name(tmp_path: Path, made: dict[str, Simulated]) -> None:
    transcript = Transcript(tmp_path / "trace.jsonl")
    for name, kind in (("A", "zorgid"), ("B", "uzi-n")):
        slot = SimulatedReader(name)
        slot.insert(made[kind].card)
        RecordingReader(slot, transcript).connect().close()
    transcript.close()
    atrs = [ReplayReader.open(tmp_path / "trace.jsonl", name).connect().atr for name in (None, "A", "B")]
    assert atrs == [made[kind].card.atr for kind in ("zorgid", "zorgid", "uzi-n")]


# --- nothing secret in it


def test_pin_7_no_pin_puk_or_key_of_a_zorgid_card_is_in_it(tmp_path: Path, made: dict[str, Simulated]) -> None:
    desk = Desk(made["blank"], "blank", tmp_path)
    key = bytes(range(0x40, 0x58))
    with open_card(desk.reader, memory=None) as card:
        assert isinstance(card, ZorgIDCard)
        pin_, puk, factory = card.factory_secrets()
        card.authenticate_administration(factory)
        card.set_administration_key(Secret.of(key))
        card.authenticate_administration(Secret.of(key))
        card.change_pin(pin_, Secret.of(NEW_PIN))
        card.change_puk(puk, Secret.of(NEW_PUK))
        card.unblock_pin(Secret.of(NEW_PUK), Secret.of(NEW_PIN))
        card.verify_pin(Secret.of(NEW_PIN))
        card.generate(0x9D, "RSA2048")
        card.write_chuid(bytes(16), date(2030, 1, 1))
    assert_absent(desk.text, b"123456", b"12345678", bytes(range(1, 9)), key, NEW_PIN, NEW_PUK)
    assert key[:8].hex() not in desk.text


def test_pin_7_what_a_pass_deciphers_is_not_in_it(tmp_path: Path, made: dict[str, Simulated]) -> None:
    desk = Desk(made["uzi-n"], "uzi-n", tmp_path)
    session_key = bytes(range(0x60, 0x80))
    with open_card(desk.reader, memory=None) as card:
        assert isinstance(card, UZIPass)
        public = x509.load_der_x509_certificate(card.certificates()["confidentiality"]).public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        cryptogram = public.encrypt(session_key, padding.PKCS1v15())
        assert card.decipher(cryptogram, pin=lambda _: Secret.of(desk.simulated.pin)) == session_key
    assert_absent(desk.text, session_key, session_key[:8], desk.simulated.pin)


def test_pin_7_nothing_of_a_secure_channel_is_in_it(tmp_path: Path) -> None:
    keys = ChannelKeys(bytes(range(0x40, 0x50)), bytes(range(0x50, 0x60)), 0x30)
    slot, path = SimulatedReader(), tmp_path / "trace.jsonl"
    slot.insert(strict_card(keys))
    transcript = Transcript(path)
    link = Link(RecordingReader(slot, transcript).connect())
    link.run(select(globalplatform.ISSUER_SECURITY_DOMAIN))
    link.secure = link.run(globalplatform.open_channel(static(keys)))
    link.run(select(piv.AID))
    link.run(change_reference_data(0x80, Secret.of(b"123456"), Secret.of(NEW_PIN)))
    link.run(reset_retry_counter(0x80, Secret.of(b"12345678"), Secret.of(NEW_PIN)))
    link.run(verify(0x80, Secret.of(NEW_PIN)))
    transcript.close()
    assert_absent(path.read_text(), keys.enc, keys.mac, b"123456", b"12345678", NEW_PIN)


class Echo:
    """A card that repeats what it is told, in pieces: the worst that a card can do to a transcript."""

    atr = b"\x3b\x00"

    def __init__(self) -> None:
        self.left = b""

    def transmit(self, command: Any, /) -> bytes:
        raw = bytes(command)
        if raw[1] != 0xC0:
            self.left = raw[4:]
        part, self.left = self.left[:200], self.left[200:]
        return part + (bytes([0x61, min(255, len(self.left))]) if self.left else b"\x90\x00")

    def transaction(self) -> Any:
        raise NotImplementedError

    def close(self, *, reset: bool = False) -> None:
        pass


SECRET_COMMANDS = [
    *((ins, p1, p2) for ins in (0x20, 0x21, 0x24, 0x25, 0x2C, 0x2D) for p1 in (0, 1) for p2 in (0x00, 0x80, 0x81)),
    (0x87, 0x03, 0x9B),
    (0x87, 0x0A, 0x9B),
    (0x86, 0x0A, 0x9B),
    (0xFF, 0xFF, 0xFF),
    (0xFF, 0xFF, 0xFE),
    (0xFE, 0x07, 0x9D),
    (0xD8, 0x00, 0x81),
    (0xE2, 0x80, 0x00),
    (0xDA, 0x00, 0xD3),
    (0xDB, 0x00, 0xD5),
    (0x2A, 0x86, 0x80),
]
KEYS = st.binary(min_size=8, max_size=40).filter(lambda key: len(set(key)) > 5)


@pytest.mark.parametrize("header", SECRET_COMMANDS)
@settings(max_examples=20, deadline=None)
@given(
    cla=st.sampled_from([0x00, 0x04, 0x0C, 0x80, 0x84, 0x40]),
    keys=st.lists(KEYS, min_size=1, max_size=12),
    form=st.sampled_from(["short", "extended", "either"]),
    in_pages=st.booleans(),
    le=st.sampled_from([None, 0]),
)
def test_pin_7_whatever_the_form_no_secret_is_written(
    tmp_path_factory: pytest.TempPathFactory,
    header: tuple[int, int, int],
    cla: int,
    keys: list[bytes],
    form: str,
    in_pages: bool,
    le: int | None,
) -> None:
    """Short and extended, chained, by template or in plain bytes, to a card that repeats it all."""
    path = tmp_path_factory.mktemp("trace") / "trace.jsonl"
    transcript = Transcript(path)
    channel = RecordingChannel(Echo(), "Reader 00", transcript)
    data, fields = b"".join(keys), []
    if in_pages:
        offset = 0
        for key in keys:
            fields.append(SecretField(offset, Secret.of(key)))
            offset += len(key)
        data = bytes(offset)
    command = CommandAPDU(cla, *header, data, le, tuple(fields), form == "extended")
    physical = PhysicalCommands(command, extended=form == "either")
    try:
        while physical.waiting is not None:
            physical.feed(channel.transmit(physical.waiting))
    except Exception:  # the echo is not always an answer: only what was written counts
        assert path.stat().st_size
    finally:
        physical.wipe()
    transcript.close()
    text = path.read_text()
    assert transcript.count >= 1
    for key in keys:
        for start in range(len(key) - 7):
            assert key[start : start + 8].hex() not in text


# --- the file


def test_only_its_owner_reads_it_and_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    for _ in range(2):
        transcript = Transcript(path)
        transcript.connected("Reader", b"\x3b\x00")
        transcript.close()
        transcript.connected("Reader", b"\x3b\x00")
        transcript.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["event"], line["atr"]) for line in lines] == [("connect", "3b00")] * 2


def test_a_file_that_cannot_be_opened_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        Transcript(tmp_path / "missing" / "trace.jsonl")
    assert str(caught.value.path).endswith("trace.jsonl")


def test_a_full_disk_is_told_at_the_end_and_the_cards_work_is_done(desk: Desk) -> None:
    full = Transcript(Path("/dev/full"))
    reader = RecordingReader(desk.slot, full)
    assert changes_pin(desk, reader)[0] == 3  # type: ignore[arg-type]
    assert full.count > 5
    with pytest.raises(StorageError, match="/dev/full cannot be written"):
        full.close()
    full.close()
    with open_card(desk.slot) as card:
        card.verify_pin(Secret.of(NEW_PIN))


@given(st.binary(max_size=200))
def test_a_file_that_is_no_transcript_is_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("trace") / "trace.jsonl"
    path.write_bytes(content)
    try:
        assert read_transcript(path) == []
    except StorageError as error:
        assert error.reason == "foreign"


VALUES = st.none() | st.integers() | st.text(max_size=8) | st.lists(st.integers(), max_size=2)
LINES = st.dictionaries(
    st.sampled_from(["reader", "event", "atr", "command", "response", "error", "reason", "longest", "keypad"]),
    VALUES | st.sampled_from(["connect", "equipment", "begin", "keypad", "close", "00", "9000", "reader.card_removed"]),
)


@given(st.lists(LINES, max_size=4))
def test_lines_of_a_strange_transcript_are_refused_or_played(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("trace") / "trace.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    try:
        events = read_transcript(path)
    except StorageError as error:
        assert error.reason == "foreign"
        assert 1 <= int(str(error.line)) <= len(lines)
    else:
        assert all(isinstance(event, Event) for event in events)


def test_what_is_not_there_cannot_be_replayed(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        ReplayReader.open(tmp_path / "absent.jsonl")


def test_a_recorded_reader_is_otherwise_the_reader(desk: Desk) -> None:
    desk.reader.wait(present=True, timeout=0)
    assert desk.reader.name == "Reader 00"
    desk.slot.remove()
    with pytest.raises(NoCardError):
        desk.reader.connect()
    desk.slot.insert(desk.simulated.card)
    channel = desk.reader.connect()
    desk.slot.remove()
    with pytest.raises(CardRemovedError):
        channel.transmit(VERSION)
    assert '"error": "reader.card_removed"' in desk.text
