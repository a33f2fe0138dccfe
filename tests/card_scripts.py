"""Cards that say what a test wants: exchanges driven by hand, scripted channels, simulated cards that are tampered with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU
from zorgid_card.codec.link import Exchange, Link
from zorgid_card.ports.card import Channel, Octets
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.reader import SimulatedReader

T = TypeVar("T")

Answer = tuple[str, int]
"""Response data in hexadecimal, and the status word."""


def drive(exchange: Exchange[T], *answers: Answer) -> tuple[T, list[CommandAPDU]]:
    """Run an exchange against these answers, all of which must be used; its outcome and the commands it sent."""
    left = list(answers)
    sent: list[CommandAPDU] = []
    try:
        command = next(exchange)
        while True:
            sent.append(command)
            data, sw = left.pop(0)
            command = exchange.send(ResponseAPDU(bytes.fromhex(data), sw))
    except StopIteration as done:
        assert not left, "the exchange ended early"
        return done.value, sent


def refuse(exchange: Exchange[object], *answers: Answer) -> Exception:
    """The error with which an exchange ends against these answers."""
    try:
        drive(exchange, *answers)
    except Exception as error:
        return error
    raise AssertionError("the exchange did not fail")


@dataclass
class ScriptedChannel:
    """A channel whose card answers by a function; counts what it was sent."""

    answer: Callable[[bytes], bytes]
    atr: bytes = bytes.fromhex("3B8001")
    sent: list[bytes] = field(default_factory=list)
    in_transaction: bool = False

    def transmit(self, command: Octets, /) -> bytes:
        self.sent.append(bytes(command))
        return self.answer(self.sent[-1])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        assert not self.in_transaction, "transactions do not nest"
        self.in_transaction = True
        try:
            yield
        finally:
            self.in_transaction = False

    def close(self, *, reset: bool = False) -> None:
        """Nothing to let go of."""


def files(contents: dict[str, bytes], *, aids: dict[str, str] | None = None) -> Callable[[bytes], bytes]:
    """A card of files only (path in hexadecimal, from 3F00, to contents): SELECT by AID, path and identifier; READ BINARY."""
    current = ["3F00"]
    known = aids or {}

    def answer(command: bytes) -> bytes:
        ins, p1, p2, data = command[1], command[2], command[3], command[5 : 5 + command[4]] if command[4:] else b""
        if ins == 0xA4:
            name = data.hex().upper()
            wanted = {
                0x00: "3F00" if name == "3F00" else "",
                0x02: current[0] + name,
                0x04: known.get(name, ""),
                0x08: "3F00" + name,
                0x09: current[0] + name,
            }.get(p1, "")
            directories = {path[:at] for path in contents for at in range(4, len(path), 4)} | set(known.values())
            if wanted in contents:
                current[:] = [wanted[:-4], wanted]
                size = len(contents[wanted]).to_bytes(2, "big")
                return bytes.fromhex("62048002") + size + b"\x90\x00"
            if wanted in directories:
                current[:] = [wanted]
                return bytes.fromhex("6203820138 9000")
            return b"\x6a\x82"
        if ins == 0xB0:
            if len(current) < 2:
                return b"\x69\x86"
            content, offset = contents[current[1]], p1 << 8 | p2
            if offset >= len(content):
                return b"\x6b\x00"
            part = content[offset : offset + (command[4] or 256)]
            return part + b"\x90\x00"
        return b"\x6d\x00"

    return answer


@dataclass
class Tampered:
    """A channel that changes one of the card's answers."""

    channel: Channel
    at: int
    change: Callable[[bytes], bytes]
    count: int = 0

    @property
    def atr(self) -> bytes:
        return self.channel.atr

    def transmit(self, command: Octets, /) -> bytes:
        answer = self.channel.transmit(command)
        self.count += 1
        return self.change(answer) if self.count == self.at else answer

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.channel.transaction():
            yield

    def close(self, *, reset: bool = False) -> None:
        self.channel.close(reset=reset)


def powered(card: VirtualCard) -> tuple[SimulatedReader, Link]:
    """A simulated card in a simulated reader, and a link to it."""
    reader = SimulatedReader()
    reader.insert(card)
    return reader, Link(reader.connect())


@dataclass
class Instructions:
    """A channel that notes the headers of what is sent through it."""

    channel: Channel
    headers: list[bytes] = field(default_factory=list)

    @property
    def atr(self) -> bytes:
        return self.channel.atr

    def transmit(self, command: Octets, /) -> bytes:
        self.headers.append(bytes(command[:4]))
        return self.channel.transmit(command)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.channel.transaction():
            yield

    def close(self, *, reset: bool = False) -> None:
        self.channel.close(reset=reset)

    def after(self, start: int) -> Sequence[int]:
        """The instructions sent since."""
        return [header[1] for header in self.headers[start:]]
