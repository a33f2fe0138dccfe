"""A smart card in the process: power, application selection, and the transport rules of ISO/IEC 7816-4.

The card answers every octet string with a status word and never raises on what a terminal sends. What an application
does is its own affair: it gets one *logical* command at a time (chains put together, secure messaging and channels
already refused) and answers with all its data; the card cuts the answer into what the terminal asked for (61xx).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from zorgid_card.codec.apdu import INS, SW, CommandAPDU, ResponseAPDU
from zorgid_card.errors import APDUError
from zorgid_card.ports.card import Octets

CHAINING = 0x10  # CLA bit 5, ISO/IEC 7816-4, 5.4.1
SECURE_MESSAGING = 0x0C
CHANNEL = 0x03
SELECT_BY_NAME = 0x04
OCCURRENCE, FIRST, NEXT = 0x03, 0x00, 0x02  # P2 of SELECT, ISO/IEC 7816-4, 11.2.2


class Refused(Exception):
    """What an application raises inside itself to answer with a status word and no data."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


class Application(Protocol):
    """What is selected on a card: it gets logical commands and answers them whole (ISO/IEC 7816-4, 12.2).

    Any method but :meth:`reset` and :meth:`deselect` may raise :class:`Refused`.
    """

    @property
    def aid(self) -> bytes:
        """Its application identifier, 5 to 16 bytes."""
        ...

    def select(self, command: CommandAPDU, /) -> ResponseAPDU:
        """Answer its own SELECT by name (P1 = 04); it becomes current if the status word is 9000, 61xx or 62xx."""
        ...

    def deselect(self) -> None:
        """Forget what was verified: another application was selected (whether its own SELECT forgets is for itself)."""
        ...

    def reset(self) -> None:
        """Forget all volatile state: the card was powered up or reset."""
        ...

    def process(self, command: CommandAPDU, /) -> ResponseAPDU:
        """Answer any other command; chaining bit cleared, data complete, never a GET RESPONSE."""
        ...


class Messaging(Protocol):
    """Secure messaging of a card: it sees each command before any application does (ISO/IEC 7816-4, 10)."""

    @property
    def by_part(self) -> bool:
        """Whether it protects each command of a chain by itself, as Java Cards do, and not the logical command as a whole."""
        ...

    def reset(self) -> None:
        """Forget the session: the card was powered up or reset."""
        ...

    def takes(self, command: CommandAPDU, /) -> bool:
        """Whether this command is its business; with a class that indicates secure messaging, only if it knows it."""
        ...

    def process(self, command: CommandAPDU, plain: Callable[[CommandAPDU], ResponseAPDU], /) -> ResponseAPDU:
        """Answer the command; ``plain`` answers an unprotected one. May raise :class:`Refused`."""
        ...


class VirtualCard:
    """A card with its applications (ISO/IEC 7816-4).

    Args:
        atr: answer to reset, 2 to 33 bytes.
        applications: those that SELECT by (partial) name finds, in this order.
        default: current after a reset; it also gets every SELECT that finds no other application (a file system).
        extended: whether the card takes extended length fields; if not they are answered with 6700.
        le_optional: whether a command without Le field gets its answer's data at once, as if Le were 00; by the
            standard it gets 61xx.
        command_limit: most bytes that a chain may carry; more is answered with 6700 and the chain is dropped.
        messaging: its secure messaging; a card without refuses protected commands with 6882.
    """

    def __init__(
        self,
        atr: bytes,
        applications: Sequence[Application] = (),
        *,
        default: Application | None = None,
        extended: bool = True,
        le_optional: bool = False,
        command_limit: int = 16384,
        messaging: Sequence[Messaging] = (),
    ) -> None:
        self._atr = atr
        self._applications = tuple(applications)
        self._default = default
        self._extended = extended
        self._le_optional = le_optional
        self._command_limit = command_limit
        self._messaging = tuple(messaging)
        self._lock = threading.RLock()
        self._powered = False
        self._current: Application | None = None
        self._chain: CommandAPDU | None = None
        self._pending = b""
        self._pending_sw = int(SW.OK)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ATR {self._atr.hex().upper()}>"

    @property
    def atr(self) -> bytes:
        """Answer to reset (ISO/IEC 7816-3, 8)."""
        return self._atr

    @property
    def powered(self) -> bool:
        """Whether the card has power; without it every command is answered with 6F00."""
        return self._powered

    def power_on(self) -> bytes:
        """Give the card power if it has none, and return its ATR."""
        with self._lock:
            if not self._powered:
                self._powered = True
                self._clear()
            return self._atr

    def power_off(self) -> None:
        """Take the power away; all volatile state is lost."""
        with self._lock:
            self._clear()
            self._powered = False

    def reset(self) -> bytes:
        """Warm reset: volatile state is lost, the power stays; returns the ATR."""
        with self._lock:
            self._powered = True
            self._clear()
            return self._atr

    def transmit(self, raw: Octets, /) -> bytes:
        """Answer one physical command APDU; bad input gets a status word (ISO/IEC 7816-4, 5.6), never an exception."""
        with self._lock:
            if not self._powered:
                return ResponseAPDU(b"", SW.UNKNOWN).encode()
            try:
                return self._answer(CommandAPDU.parse(bytes(raw))).encode()
            except APDUError:
                self._drop()
                return ResponseAPDU(b"", SW.WRONG_LENGTH).encode()
            except Refused as refusal:
                return ResponseAPDU(b"", refusal.sw).encode()

    def _clear(self) -> None:
        self._drop()
        for application in self._everybody():
            application.reset()
        for messaging in self._messaging:
            messaging.reset()
        self._current = self._default

    def _everybody(self) -> tuple[Application, ...]:
        if self._default is None or self._default in self._applications:
            return self._applications
        return (*self._applications, self._default)

    def _drop(self) -> None:
        self._chain = None
        self._pending = b""

    def _answer(self, command: CommandAPDU) -> ResponseAPDU:
        self._check_class(command.cla)
        if command.extended and not self._extended:
            self._drop()
            raise Refused(SW.WRONG_LENGTH)
        if command.ins == INS.GET_RESPONSE:
            self._chain = None
            return self._get_response(command)
        self._pending = b""
        by_part = next((one for one in self._messaging if one.by_part and one.takes(command)), None)
        whole = command if by_part is not None else self._gather(command)
        if whole is None:
            return ResponseAPDU(b"", SW.OK)
        response = self._dispatch(whole) if by_part is None else self._part(by_part, command)
        self._pending, self._pending_sw = response.data, response.sw
        return self._portion(self._most(whole))

    def _part(self, messaging: Messaging, command: CommandAPDU) -> ResponseAPDU:
        """One command of a chain, or a whole one, that is protected by itself."""

        def plain(command: CommandAPDU) -> ResponseAPDU:
            whole = self._gather(command)
            return ResponseAPDU(b"", SW.OK) if whole is None else self._plain(whole)

        if not command.cla & SECURE_MESSAGING:
            self._chain = None  # a new channel, or the end of one: a chain has all its parts from one
        try:
            return messaging.process(command, plain)
        except Refused as refusal:
            self._chain = None
            return ResponseAPDU(b"", refusal.sw)

    def _check_class(self, cla: int) -> None:
        """Refuse what this card has not: further channels, secure messaging, reserved classes (ISO/IEC 7816-4, 5.4.1)."""
        if cla == 0xFF or cla & 0x60 == 0x20:
            self._drop()
            raise Refused(SW.CLA_UNKNOWN)
        if cla & 0x40 or cla & CHANNEL:
            self._drop()
            raise Refused(SW.CHANNEL_UNKNOWN)
        if cla & SECURE_MESSAGING and not self._messaging:
            self._drop()
            raise Refused(SW.SECURE_MESSAGING_UNKNOWN)

    def _gather(self, command: CommandAPDU) -> CommandAPDU | None:
        """Put a chain together; None while more is to come (ISO/IEC 7816-4, 5.3.3).

        Another command ends a chain without effect, and is answered itself (SP 800-73-5 part 2, 3.2.4).
        """
        begun, self._chain = self._chain, None
        if begun is not None and _header(begun) != _header(command):
            begun = None
        data = (begun.data if begun else b"") + command.data
        if len(data) > self._command_limit:
            raise Refused(SW.WRONG_LENGTH)
        whole = CommandAPDU(
            command.cla & ~CHAINING,
            command.ins,
            command.p1,
            command.p2,
            data,
            command.le,
            extended=command.extended,
        )
        if command.cla & CHAINING:
            self._chain = whole
            return None
        return whole

    def _dispatch(self, command: CommandAPDU) -> ResponseAPDU:
        try:
            for messaging in self._messaging:
                if messaging.takes(command):
                    return messaging.process(command, self._plain)
        except Refused as refusal:
            return ResponseAPDU(b"", refusal.sw)
        return self._plain(command)

    def _plain(self, command: CommandAPDU) -> ResponseAPDU:
        if command.cla & SECURE_MESSAGING:
            return ResponseAPDU(b"", SW.SECURE_MESSAGING_UNKNOWN)
        try:
            if command.cla == 0 and command.ins == INS.SELECT and command.p1 == SELECT_BY_NAME:
                return self._select(command)
            if self._current is None:
                raise Refused(SW.NOT_FOUND if command.ins == INS.SELECT else SW.INS_UNKNOWN)
            return self._current.process(command)
        except Refused as refusal:
            return ResponseAPDU(b"", refusal.sw)

    def _select(self, command: CommandAPDU) -> ResponseAPDU:
        """SELECT by name; if it fails, what was current stays so (ISO/IEC 7816-4, 11.2.2)."""
        found = self._named(command.data, command.p2 & OCCURRENCE)
        response = found.select(command)
        if response.sw == SW.OK or response.sw >> 8 in {0x61, 0x62}:
            if self._current is not None and self._current is not found:
                self._current.deselect()
            self._current = found
        return response

    def _named(self, name: bytes, occurrence: int) -> Application:
        """The first application whose AID begins with ``name``, or the next after the current one; else the default."""
        matching = [a for a in self._applications if name and a.aid.startswith(name)]
        if occurrence == NEXT:
            matching = matching[matching.index(self._current) + 1 :] if self._current in matching else matching
        elif occurrence != FIRST:
            raise Refused(SW.FUNC_NOT_SUPPORTED)
        elif not matching and self._default is not None:
            return self._default
        if not matching:
            raise Refused(SW.NOT_FOUND)
        return matching[0]

    def _get_response(self, command: CommandAPDU) -> ResponseAPDU:
        if command.cla & ~CHAINING or command.data or command.p1 or command.p2:
            raise Refused(SW.WRONG_P1P2)
        if not self._pending:
            raise Refused(SW.CONDITIONS)
        return self._portion(self._most(command))

    def _portion(self, most: int) -> ResponseAPDU:
        """The next part of the answer; 61xx says how much is left, 6100 that it is 256 or more (5.3.4)."""
        part, self._pending = self._pending[:most], self._pending[most:]
        left = len(self._pending)
        if left == 0:
            return ResponseAPDU(part, self._pending_sw)
        return ResponseAPDU(part, 0x6100 | (left if left < 0x100 else 0))

    def _most(self, command: CommandAPDU) -> int:
        """Ne: how many data bytes the terminal takes (ISO/IEC 7816-4, 5.2)."""
        if command.le:
            return command.le
        if command.le is None and not self._le_optional:
            return 0
        return 0x10000 if command.extended else 0x100


def _header(command: CommandAPDU) -> tuple[int, int, int, int]:
    return command.cla & ~CHAINING, command.ins, command.p1, command.p2
