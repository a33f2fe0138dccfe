"""Recording what crosses between terminal and card, as JSON lines, with secrets masked before they are written.

One line is one event of one reader, ``t`` seconds after the transcript began::

    {"t": 0.01, "reader": "Reader 00", "event": "connect", "atr": "3b8b80…"}
    {"t": 0.02, "reader": "Reader 00", "event": "equipment", "longest": 65535, "keypad": true}
    {"t": 0.03, "reader": "Reader 00", "command": "00a40400…", "response": "9000"}
    {"t": 0.04, "reader": "Reader 00", "event": "keypad", "command": "00200080", "response": "9000"}
    {"t": 0.05, "reader": "Reader 00", "command": "00cb3fff…", "error": "reader.card_removed"}
    {"t": 0.06, "reader": "Reader 00", "event": "begin", "error": "reader.card_reset", "reason": "inserted"}
    {"t": 0.07, "reader": "Reader 00", "event": "close"}

``equipment`` is what the reader told of itself, when it was asked first. At ``keypad`` a person entered PINs on the reader, which
sent them to the card in a command of this header: no more of it is known here. ``begin`` is a transaction that could not begin.

:mod:`zorgid_card.testkit.replay` plays it back. Certificates, and so names, are in it; PINs, PUKs and keys are not.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from zorgid_card.codec.masking import Masker
from zorgid_card.errors import StorageError, ZorgIDError
from zorgid_card.ports.card import Channel, Keypad, Octets, PINEntry, Reader


class Transcript:
    """A file of events; safe to use from several threads.

    What cannot be written any more (the disk is full) is lost, and :meth:`close` says so: the card's work goes on, for half of it
    would be worse.

    Args:
        path: the file to append to, made with mode 0600; None only counts.

    Raises:
        StorageError: the file cannot be opened.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._count = 0
        self._path = path
        self._file: TextIO | None = None
        self._failure: OSError | None = None
        if path is not None:
            try:
                self._file = os.fdopen(
                    os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="ascii"
                )
            except OSError as error:
                raise _unwritten(path, error) from error

    @property
    def count(self) -> int:
        """Physical APDUs seen so far."""
        return self._count

    def exchanged(self, reader: str, command: bytes, response: bytes) -> None:
        """Note a command and its response, both masked."""
        self._note(reader, command=command.hex(), response=response.hex())

    def broken(self, reader: str, command: bytes, error: ZorgIDError) -> None:
        """Note a command, masked, to which no response came."""
        self._note(reader, command=command.hex(), **_why(error))

    def unbegun(self, reader: str, error: ZorgIDError) -> None:
        """Note that a transaction could not begin."""
        self._note(reader, event="begin", **_why(error))

    def equipped(self, reader: str, longest: int | None, keypad: bool) -> None:
        """Note what the reader can do."""
        self._note(reader, event="equipment", longest=longest, keypad=keypad)

    def entered(self, reader: str, header: bytes, outcome: int | ZorgIDError) -> None:
        """Note that PINs were entered on the keypad, for a command of this header; the status word, or why none came."""
        if isinstance(outcome, ZorgIDError):
            self._note(reader, event="keypad", command=header.hex(), **_why(outcome))
        else:
            self._note(reader, event="keypad", command=header.hex(), response=f"{outcome:04x}")

    def connected(self, reader: str, atr: bytes) -> None:
        """Note that a channel was opened."""
        self._note(reader, event="connect", atr=atr.hex())

    def closed(self, reader: str) -> None:
        """Note that it was closed."""
        self._note(reader, event="close")

    def _note(self, reader: str, **fields: str | int | None) -> None:
        with self._lock:
            self._count += "command" in fields
            if self._file is None or self._failure is not None:
                return
            line = {"t": round(time.monotonic() - self._began, 6), "reader": reader, **fields}
            try:
                self._file.write(json.dumps(line) + "\n")
                self._file.flush()
            except OSError as error:
                self._failure = error

    def close(self) -> None:
        """Close the file; further events are counted only.

        Raises:
            StorageError: something could not be written.
        """
        with self._lock:
            file, self._file = self._file, None
            if file is None or self._path is None:
                return
            try:
                file.close()
            except OSError as error:
                self._failure = self._failure or error
            if self._failure is not None:
                raise _unwritten(self._path, self._failure) from self._failure


def _why(error: ZorgIDError) -> dict[str, str]:
    reason = error.details.get("reason")
    return {"error": error.code} if reason is None else {"error": error.code, "reason": str(reason)}


def _unwritten(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be written", reason=str(error.strerror), path=str(path))


class RecordingReader:
    """A reader whose cards' every exchange goes into a transcript (:class:`zorgid_card.ports.card.Reader`).

    It does not count insertions: a card that was met before is read again, as it is when the transcript is played back.

    Args:
        reader: the reader.
        transcript: where it is noted.
    """

    def __init__(self, reader: Reader, transcript: Transcript) -> None:
        self._reader = reader
        self._transcript = transcript

    @property
    def name(self) -> str:
        """The reader's name."""
        return self._reader.name

    def connect(self, **options: Any) -> RecordingChannel:
        """Power the card and open a channel to it; options as those of the reader itself.

        Raises:
            NoCardError: the slot is empty.
            ReaderBusyError: another program holds the card.
        """
        channel = self._reader.connect(**options)
        self._transcript.connected(self.name, channel.atr)
        return RecordingChannel(channel, self.name, self._transcript)

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        """Return as soon as a card is (or is not) in the slot.

        Raises:
            NoCardError: ``timeout`` seconds passed.
        """
        self._reader.wait(present=present, timeout=timeout)


class RecordingChannel:
    """A channel whose exchanges are recorded (:class:`zorgid_card.ports.card.EquippedChannel`)."""

    def __init__(self, channel: Channel, reader: str, transcript: Transcript) -> None:
        self._channel = channel
        self._reader = reader
        self._transcript = transcript
        self._masker = Masker()
        self._told = False

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2 to 33 bytes."""
        return self._channel.atr

    def transmit(self, command: Octets, /) -> bytes:
        """Send one physical command APDU, return the response APDU.

        Raises:
            CardRemovedError, CardResetError, TransportError: the exchange did not complete.
        """
        masked = self._masker.command(command)
        try:
            response = self._channel.transmit(command)
        except ZorgIDError as error:
            self._transcript.broken(self._reader, masked, error)
            raise
        self._transcript.exchanged(self._reader, masked, self._masker.response(response))
        return response

    @property
    def keypad(self) -> Keypad | None:
        """The reader's keypad, if it has one; that something was entered is recorded, not what."""
        keypad = self._equipment()[1]
        return None if keypad is None else _RecordingKeypad(keypad, self._reader, self._transcript)

    @property
    def longest(self) -> int | None:
        """Most bytes of data that the reader carries; None: it does not tell."""
        return self._equipment()[0]

    def _equipment(self) -> tuple[int | None, Keypad | None]:
        longest: int | None = getattr(self._channel, "longest", None)
        keypad: Keypad | None = getattr(self._channel, "keypad", None)
        if not self._told and (longest is not None or keypad is not None):
            self._told = True
            self._transcript.equipped(self._reader, longest, keypad is not None)
        return longest, keypad

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep other programs off the card over consecutive commands; that it cannot begin is recorded."""
        with ExitStack() as begun:
            try:
                begun.enter_context(self._channel.transaction())
            except ZorgIDError as error:
                self._transcript.unbegun(self._reader, error)
                raise
            yield

    def close(self, *, reset: bool = False) -> None:
        """Let go of the card. Never raises."""
        self._channel.close(reset=reset)
        self._transcript.closed(self._reader)


class _RecordingKeypad:
    """A keypad at which every entry is recorded (:class:`zorgid_card.ports.card.Keypad`)."""

    def __init__(self, keypad: Keypad, reader: str, transcript: Transcript) -> None:
        self._keypad = keypad
        self._reader = reader
        self._transcript = transcript

    def enter(self, entry: PINEntry, /) -> int:
        try:
            outcome = self._keypad.enter(entry)
        except ZorgIDError as error:
            self._transcript.entered(self._reader, entry.header, error)
            raise
        self._transcript.entered(self._reader, entry.header, outcome)
        return outcome
