"""The card side of the hygiene tests: a process of its own, whose card, keypad and portal live in another.

Codes are given to it as people give them, or programs: at a terminal, in a ``bytearray``, through a descriptor, on the reader's
keypad. It does what it is told, says when it is done, and holds still while it is looked through.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from renewal_world import KEYS
from zorgid_card.adapters import pcsc
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.adapters.pcsc.keypad import PCSCKeypad, ask
from zorgid_card.cards import Card, LastTry, OnKeypad, PINRequest, open_card
from zorgid_card.codec.link import Link
from zorgid_card.errors import UserError
from zorgid_card.ports.card import Octets
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.testkit.transcript import RecordingReader, Transcript
from zorgid_card.workflows import pin as codes
from zorgid_card.workflows.card_side import log_in
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.escrow import KeyOfficer
from zorgid_card.workflows.holder import Cue, Progress, Question
from zorgid_card.workflows.pin import PINPolicy
from zorgid_card.workflows.recovery import CardRecovery
from zorgid_card.workflows.renewal import CardRenewal, CardReset
from zorgid_card.workflows.session import PortalClient


class Parent:
    """The other process: one question, one answer. What it is sent goes out of the memory it lies in, uncopied."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)

    def ask(self, kind: bytes, data: Octets = b"") -> bytes:
        self._socket.sendall(kind + len(data).to_bytes(4, "big"))
        self._socket.sendall(data)
        return self._exactly(int.from_bytes(self._exactly(4), "big"))

    def _exactly(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            part = self._socket.recv(count - len(octets))
            if not part:
                sys.exit(9)
            octets += part
        return octets


class RemoteChannel:
    """A card over there."""

    def __init__(self, parent: Parent, *, keypad: bool) -> None:
        self._parent = parent
        self.atr = parent.ask(b"P")
        self.longest = None
        self.keypad = PCSCKeypad(ask(self._control), self._control) if keypad else None

    def transmit(self, command: Octets, /) -> bytes:
        return self._parent.ask(b"T", command)

    def _control(self, code: int, data: bytes) -> bytes:
        return self._parent.ask(b"K", code.to_bytes(4, "big") + data)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def close(self, *, reset: bool = False) -> None:
        self._parent.ask(b"X", b"reset" if reset else b"")


class RemoteReader:
    """The slot over there."""

    name = "Remote Reader"

    def __init__(self, parent: Parent, *, keypad: bool) -> None:
        self._parent, self._keypad = parent, keypad

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> RemoteChannel:
        return RemoteChannel(self._parent, keypad=self._keypad)

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        """The other side has moved the card by then."""


class RemotePortal:
    """The portal over there."""

    origin = "https://portal.example"

    def __init__(self, parent: Parent) -> None:
        self._parent = parent

    def ask(self, request: bytes, /) -> bytes:
        return self._parent.ask(b"S", request)


class Person:
    """Gives codes in one way (:class:`zorgid_card.workflows.holder.Holder`)."""

    def __init__(self, parent: Parent, way: str) -> None:
        self._parent, self._way = parent, way

    def code(self, name: str) -> Secret:
        """Told which one is wanted, the other side types it, writes it, or presses it."""
        if self._way == "keypad":
            self._parent.ask(b"N", name.encode())
            return OnKeypad()
        self._parent.ask(b"N", name.encode())
        if self._way == "prompt":
            return Secret.from_terminal(f"{name}? ")
        if self._way == "descriptor":
            return Secret.from_descriptor(0)
        entered = bytearray(8)
        os.readv(0, [entered])
        return Secret.take(entered)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        if request.what is Credential.PUK:
            return LastTry(self.code("puk"))
        return self.code("pin" if request.reference in KEYS else "pass-pin")

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        return self.code("pin"), self.code("pin")

    def show_puk(self, puk: Secret) -> None:
        with puk.expose() as digits:
            self._parent.ask(b"U", digits)

    def cue(self, cue: Cue) -> None:
        self._parent.ask(b"C", cue.value.encode())

    def birth_date(self) -> date:
        return date(1985, 6, 7)

    def confirm(self, question: Question) -> None:
        pass

    def refused(self, error: Exception) -> None:
        raise error

    def progress(self, progress: Progress) -> None:
        pass


Workflow = TypeVar("Workflow", bound=CardCreation)


class CardSide:
    """What it can be told to do."""

    def __init__(self, parent: Parent, way: str, directory: Path) -> None:
        self.parent, self.way = parent, way
        self.person = Person(parent, way)
        self.reader: Any = RemoteReader(parent, keypad=way == "keypad")
        self.directory = directory

    @contextmanager
    def card(self) -> Iterator[Card]:
        channel = self.reader.connect()
        try:
            yield open_card(Link(channel))
        finally:
            channel.close(reset=True)

    @contextmanager
    def workflow(self, kind: type[Workflow]) -> Iterator[Workflow]:
        with SQLiteJournal(self.directory / "journal.db") as journal:
            client = PortalClient(RemotePortal(self.parent))
            yield kind(self.reader, client, self.person, journal, officer=self.officer)

    @property
    def officer(self) -> KeyOfficer | None:
        """Whose key PUKs are sealed for, where the other side wants that."""
        file = self.directory / "officer.der"
        if not file.exists():
            return None
        der = file.read_bytes()
        return KeyOfficer.pinned("key officer", der, hashlib.sha256(der).digest())

    def create(self) -> None:
        with self.workflow(CardCreation) as creation:
            creation.run(platform="Linux", client_version="0.1")

    def renew(self) -> None:
        with self.workflow(CardRenewal) as renewal:
            renewal.run(platform="Linux", client_version="0.1")

    def reset(self) -> None:
        with self.workflow(CardReset) as emptying:
            emptying.run_reset(platform="Linux", client_version="0.1")

    def recover(self) -> None:
        """With a PUK that others know; the new one goes to escrow."""
        with self.workflow(CardRecovery) as recovery:
            recovery.run_recovery(platform="Linux", client_version="0.1")

    def log_in(self) -> None:
        with self.card() as card, self.person.code("pin") as pin:
            signer = card.authentication_signer(lambda _: pin)
            log_in(signer, card.authentication_certificate(), origin="https://portal.example", nonce="n" * 44)

    def sign(self) -> None:
        with self.card() as card, self.person.code("pin") as pin:
            card.authentication_signer(lambda _: pin).sign(datetime.now(UTC).isoformat().encode())

    def wrong(self) -> None:
        """A wrong PIN, and all that can be told of the error, with the values of all variables."""
        with self.card() as card, self.person.code("wrong") as pin:
            try:
                card.verify_pin(pin)
            except UserError as error:
                self._report(error)

    def refuse(self) -> None:
        """A new PIN that the policy refuses."""
        if self.way == "keypad":
            return
        with self.person.code("weak") as first, self.person.code("weak") as second:
            try:
                codes.check_new_pin(first, second, PINPolicy(), date(1985, 6, 7))
            except UserError as error:
                self._report(error)

    def _report(self, error: Exception) -> None:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        report = "".join(told.format())
        logging.getLogger("hygiene").error("%s %r", report, error, exc_info=error)
        (self.directory / "exception.txt").write_text(report)

    def change_pin(self) -> None:
        self._change(codes.change_pin, "pin", "new-pin")

    def unblock(self) -> None:
        with self.card() as card:
            for _ in range(3):
                with Secret.of(b"000000") as wrong, suppress(UserError):
                    card.verify_pin(wrong, last_try_allowed=True)
        self._change(codes.unblock_pin, "puk", "pin")

    def change_puk(self) -> None:
        self._change(codes.change_puk, "puk", "new-puk")

    def _change(self, change: Callable[..., None], old: str, new: str) -> None:
        with (
            self.card() as card,
            self.person.code(old) as present,
            self.person.code(new) as first,
            self.person.code(new) as second,
        ):
            change(card, present, first, second, last_try_allowed=True)

    def plant(self) -> None:
        """What must not be: codes and a key left lying, in the forms that the other side asks for."""
        self.planted = [
            bytearray(self.parent.ask(b"L", bytes([number]))) for number in range(int(self.parent.ask(b"L")))
        ]

    def forget(self) -> None:
        """Take it back."""
        for octets in self.planted:
            octets[:] = bytes(len(octets))


def main() -> None:
    descriptor, way, directory = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    logging.basicConfig(filename=directory / "log.txt", level=logging.DEBUG)
    side = CardSide(Parent(descriptor), way, directory)
    transcript = Transcript(directory / "trace.jsonl")
    if sys.argv[4]:
        side.reader = next(reader for reader in pcsc.readers() if reader.name == sys.argv[4])
    plain = side.reader
    while task := side.parent.ask(b"D").decode():
        name, _, traced = task.partition(" ")
        side.reader = RecordingReader(plain, transcript) if traced else plain
        getattr(side, name)()
    transcript.close()
    os.abort()


if __name__ == "__main__":
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)
    main()
