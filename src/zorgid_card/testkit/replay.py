"""A transcript played back: a reader whose card answers what was recorded, and refuses whatever was not asked then.

So a fault that somebody met with their card becomes a test: record it with ``zorgid-card … --trace FILE``, or with
:class:`~zorgid_card.testkit.transcript.RecordingReader`, and run the same operation on a :class:`ReplayReader`.

What was masked is matched by its masked form: any PIN of the same length will do. What the card answered in secret (a deciphered
key, the challenges of an administration key) is not in the transcript, so an operation that needs it cannot be replayed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zorgid_card.codec.masking import Masker
from zorgid_card.errors import CardRemovedError, ReaderError, StorageError, ZorgIDError
from zorgid_card.ports.card import Keypad, Octets, PINEntry

LIMIT: Final = 64 << 20
"""Bytes of a transcript that are read, at most."""

_STATUS: Final = 2


class ReplayError(ReaderError):
    """What was asked is not what was recorded; ``line`` of the transcript, ``expected`` and ``found``, both masked."""

    code = "reader.replay"
    retryable = False


@dataclass(frozen=True, slots=True)
class Event:
    """One line.

    Attributes:
        line: its number.
        kind: ``connect``, ``equipment``, ``begin``, ``command``, ``keypad`` or ``close``.
        data: the ATR, the command, or its header.
        answer: bytes, or an error's code.
        reason: the error's, if it had one.
        longest, keypad: what the reader told of itself.
    """

    line: int
    kind: str
    data: bytes = b""
    answer: bytes | str = b""
    reason: str | None = None
    longest: int | None = None
    keypad: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.data.hex(' ').upper()}".strip()


def read_transcript(path: Path, reader: str | None = None) -> list[Event]:
    """The events of one reader.

    Args:
        path: a file that :class:`~zorgid_card.testkit.transcript.Transcript` wrote.
        reader: the reader's name; None for the first one in the file.

    Raises:
        StorageError: it cannot be read, or holds something else; ``line`` says where.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LIMIT + 1)
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    if len(text) > LIMIT:
        raise StorageError(f"{path} is too long for a transcript", reason="foreign", path=str(path))
    found: list[Event] = []
    for number, line in enumerate(text.splitlines(), 1):
        name, event = _parse(path, number, line)
        reader = name if reader is None else reader
        if name == reader:
            found.append(event)
    return found


def _parse(path: Path, number: int, line: bytes) -> tuple[str, Event]:
    try:
        return _event(number, json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StorageError(
            f"{path}:{number} is no line of a transcript", reason="foreign", path=str(path), line=number
        ) from error


def _event(number: int, fields: dict[str, Any]) -> tuple[str, Event]:
    name = str(fields["reader"])
    kind = str(fields.get("event", "command"))
    if kind == "equipment":
        longest = fields["longest"]
        return name, Event(
            number, kind, longest=None if longest is None else int(longest), keypad=bool(fields["keypad"])
        )
    if kind in ("begin", "command", "keypad"):
        data = b"" if kind == "begin" else bytes.fromhex(fields["command"])
        if kind == "begin" or "error" in fields:
            reason = fields.get("reason")
            return name, Event(number, kind, data, str(fields["error"]), None if reason is None else str(reason))
        return name, Event(number, kind, data, _response(kind, fields))
    kind = {"connect": "connect", "close": "close"}[kind]
    return name, Event(number, kind, bytes.fromhex(fields.get("atr", "")))


def _response(kind: str, fields: dict[str, Any]) -> bytes:
    response = bytes.fromhex(fields["response"])
    if kind == "keypad" and len(response) != _STATUS:
        raise ValueError("a reader tells a status word of what was entered on it")
    return response


class ReplayReader:
    """A reader that plays a transcript (:class:`zorgid_card.ports.card.Reader`). It serves one thread at a time.

    Cards met before are remembered in this process, and are then asked less than was recorded: open the card of a transcript with
    ``open_card(reader, memory=None)``, or with a :class:`~zorgid_card.cards.memory.CardMemory` as new as the recording's was.

    Args:
        events: what :func:`read_transcript` found.
        name: the reader's name.
    """

    def __init__(self, events: Sequence[Event], name: str = "Replay 00 00") -> None:
        self._events = list(events)
        self._next = 0
        self._name = name

    @classmethod
    def open(cls, path: Path, reader: str | None = None) -> ReplayReader:
        """A reader that plays a file (:func:`read_transcript`).

        Raises:
            StorageError: it is no transcript.
        """
        return cls(read_transcript(path, reader), reader or "Replay 00 00")

    @property
    def name(self) -> str:
        """The reader's name."""
        return self._name

    def connect(self, **options: Any) -> ReplayChannel:
        """Open the next channel of the transcript; nobody else is there, so no option makes a difference.

        Raises:
            ReplayError: none was opened then.
        """
        atr = self.expect("connect").data
        return ReplayChannel(self, atr, self._equipment())

    def _equipment(self) -> Event:
        """What the reader told of itself, whenever that was, while the channel that is opened now was open."""
        for event in self._events[self._next :]:
            if event.kind == "equipment":
                return event
            if event.kind == "connect":
                break
        return Event(0, "equipment")

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        """Return at once: cards came and went as the transcript says."""

    def require_finished(self) -> None:
        """All that was recorded was asked again.

        Raises:
            ReplayError: something was not.
        """
        if self._due().kind != "end":
            raise self._differs("end")

    def expect(self, kind: str, data: bytes | None = None) -> Event:
        """The next event, if it is this one.

        Raises:
            ReplayError: it is not.
        """
        event = self._due()
        if event.kind != kind or (data is not None and event.data != data):
            raise self._differs(str(Event(0, kind, data or b"")))
        self._next += 1
        return event

    def begin(self) -> None:
        """A transaction begins, unless it could not then.

        Raises:
            ZorgIDError: the error that was recorded here.
        """
        if self._due().kind == "begin":
            self.answer("begin")

    def answer(self, kind: str, data: bytes | None = None) -> bytes:
        """What was recorded as the answer to this.

        Raises:
            ReplayError: something else was recorded here.
            ZorgIDError: the error that was recorded here.
        """
        event = self.expect(kind, data)
        if isinstance(event.answer, str):
            details = {"reader": self.name} if event.reason is None else {"reader": self.name, "reason": event.reason}
            raise ZorgIDError.of(event.answer, f"as recorded: {event.answer}", {**details})
        return event.answer

    def closed(self) -> None:
        """The channel was closed; that it was done earlier than recorded shows at the next command, or at the end."""
        if self._due().kind == "close":
            self._next += 1

    def _due(self) -> Event:
        while self._next < len(self._events) and self._events[self._next].kind == "equipment":
            self._next += 1
        if self._next < len(self._events):
            return self._events[self._next]
        return Event(self._events[-1].line + 1 if self._events else 1, "end")

    def _differs(self, found: str) -> ReplayError:
        due = self._due()
        message = f"line {due.line} of the transcript: expected {due}, but came {found}"
        return ReplayError(message, line=due.line, expected=str(due), found=found)


class ReplayChannel:
    """A channel to the card of a transcript (:class:`zorgid_card.ports.card.EquippedChannel`)."""

    def __init__(self, reader: ReplayReader, atr: bytes, equipment: Event) -> None:
        self._reader = reader
        self._atr = atr
        self._equipment = equipment
        self._masker = Masker()
        self._depth = 0
        self._open = True

    @property
    def atr(self) -> bytes:
        """Answer to reset, as recorded."""
        return self._atr

    def transmit(self, command: Octets, /) -> bytes:
        """The recorded response to this command.

        Raises:
            ReplayError: another command was recorded here.
            ZorgIDError: the error that was recorded here.
        """
        if not self._open:
            raise CardRemovedError("the channel is closed", reason="closed")
        return self._reader.answer("command", self._masker.command(command))

    @property
    def keypad(self) -> Keypad | None:
        """A keypad, if the reader had one: at it everything is entered that was entered then."""
        return _ReplayKeypad(self._reader) if self._equipment.keypad else None

    @property
    def longest(self) -> int | None:
        """Most bytes of data that the reader carried."""
        return self._equipment.longest

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Nobody else is there; what stood in the way then does so now.

        Raises:
            ZorgIDError: the error that was recorded here.
        """
        if self._depth == 0:
            self._reader.begin()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def close(self, *, reset: bool = False) -> None:
        """Let go of the card. Never raises."""
        if self._open:
            self._open = False
            self._reader.closed()


class _ReplayKeypad:
    """The keypad of a transcript (:class:`zorgid_card.ports.card.Keypad`)."""

    def __init__(self, reader: ReplayReader) -> None:
        self._reader = reader

    def enter(self, entry: PINEntry, /) -> int:
        return int.from_bytes(self._reader.answer("keypad", entry.header), "big")
