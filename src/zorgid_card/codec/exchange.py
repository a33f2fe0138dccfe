"""One logical command as physical ones: the C core's state machine, which is fed bytes and gives bytes.

Command chaining (ISO/IEC 7816-4:2020, 5.3.3), 61xx with GET RESPONSE (5.3.4), 6Cxx (5.6), and bounds on all
of it. No I/O here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final, NoReturn

from zorgid_card._native import ffi, lib, octets, reason
from zorgid_card.codec.apdu import EXTENDED_NE, CommandAPDU, ResponseAPDU, SecretField, native_command
from zorgid_card.codec.messaging import CHANNEL, OVERHEAD, SecureMessaging, check, copied
from zorgid_card.codec.template import CONTENTS, filled_page
from zorgid_card.errors import CancelledError, CardResponseError
from zorgid_card.ports.card import Octets

SHORT: Final = lib.ZC_SHORT
EITHER: Final = lib.ZC_EITHER
"""Forms of a command's length fields: short ones, or extended ones with short ones to fall back on."""

ANSWER_LIMIT: Final = EXTENDED_NE
"""The longest answer taken from a card, in bytes."""

_COMMAND_SHORT: Final = lib.ZC_COMMAND_SHORT_MAX
_COLLECTING: Final = 1
_uncleared: Final = ffi.new_allocator(should_clear_after_alloc=False)


_ASKED: Final = frozenset({lib.ZC_E_RANGE, lib.ZC_E_WIPED, lib.ZC_E_MEMORY})


def fail_exchange(status: int) -> NoReturn:
    """Raise what a status of the core says of an exchange that did not end well.

    Raises:
        CardResponseError: the answer cannot be one: too short, longer than asked, endless; ``reason``.
        CancelledError: stopped between two commands.
        SecureChannelError: the answer is not authentic, or the channel was closed.
        ValueError: the command cannot be sent.
    """
    if status in CHANNEL:
        check(status)
    why = reason(status)
    if status == lib.ZC_E_CANCELLED:
        raise CancelledError
    if status in _ASKED:
        raise ValueError(why)
    raise CardResponseError(f"the card's answer: {why}", reason=why)


def fills(secrets: Sequence[SecretField]) -> Any:
    """``zc_fill`` structures for :class:`zorgid_card._native.Carrier`; they are of use while the secrets live.

    Raises:
        ValueError: an offset is negative, or a secret was wiped.
    """
    native = ffi.new("zc_fill[]", len(secrets))
    for fill, (offset, secret) in zip(native, secrets, strict=True):
        secret.place(fill, offset)
    return ffi.buffer(native)


class PhysicalCommands:
    """The physical commands of one logical command, one at a time.

    Send :attr:`waiting`, :meth:`feed` what the card answers, until nothing is waiting; then :attr:`response`
    is the outcome. A command with secrets is put together, and wrapped, in a locked page; :attr:`waiting` is then a view on
    that page, and :meth:`wipe` ends it.

    Args:
        command: the logical command.
        extended: use extended length fields where they help, and go back to short ones and a chain when the
            card answers 6700; without, more than 255 bytes go as a chain.
        secure: wraps the command before it is cut into physical ones, and unwraps the answer put together.

    Raises:
        ValueError: a field does not fit, a secret does not fit its template, or a secret was wiped.
        SecureChannelError: the channel is closed.
    """

    __slots__ = (
        "_answer",
        "_capacity",
        "_command",
        "_data",
        "_length",
        "_out",
        "_outcome",
        "_page",
        "_room",
        "_secure",
        "_state",
        "waiting",
    )

    waiting: Octets | None

    def __init__(self, command: CommandAPDU, *, extended: bool = False, secure: SecureMessaging | None = None) -> None:
        form = lib.ZC_EXTENDED if command.extended else lib.ZC_EITHER if extended else lib.ZC_SHORT
        self._command = native_command(command, command.ne_in_form(form), form)
        self._secure = secure
        self._room = len(command.data) + (0 if secure is None else OVERHEAD)
        self._capacity = _COMMAND_SHORT + (len(command.data) if form else 0)
        self._outcome = (0, 0)
        self._page: Any = None
        self._place(command)
        self._answer = _uncleared("uint8_t[]", ANSWER_LIMIT)
        self._state, self._length = ffi.new("zc_exchange *"), ffi.new("size_t *")
        try:
            self._begin()
        except BaseException:
            self.wipe()
            raise
        self.waiting = self._written()

    def _place(self, command: CommandAPDU) -> None:
        """The data, and room for one physical command; with secrets both in one locked page."""
        if command.secrets:
            self._page = filled_page(command, self._room + self._capacity)
            self._data, self._out = self._page.bytes, self._page.bytes + self._room
            return
        self._data = octets(command.data) if self._secure is None else copied(command, self._room)
        self._out = _uncleared("uint8_t[]", self._capacity)

    def _begin(self) -> None:
        out = ANSWER_LIMIT, self._out, self._capacity, self._length
        if self._secure is None:
            status = lib.zc_exchange_begin(self._state, self._command, self._data, *out)
        else:
            with self._secure.held() as secure:
                status = lib.zc_exchange_begin_secure(self._state, secure, self._command, self._data, self._room, *out)
        if status != lib.ZC_OK:
            fail_exchange(status)

    def _written(self) -> Octets:
        size = self._length[0]
        if self._page is None:
            return bytes(ffi.buffer(self._out, size))
        start = CONTENTS + self._room
        return memoryview(ffi.buffer(self._page, start + size))[start:].toreadonly()

    def feed(self, response: Octets) -> None:
        """Take the card's response to :attr:`waiting`.

        Raises:
            CardResponseError: it cannot be the answer: too short, longer than asked, endless; ``reason``.
            SecureChannelError: the answer is not authentic; the channel is closed.
        """
        with nullcontext(ffi.NULL) if self._secure is None else self._secure.held() as secure:
            status = lib.zc_exchange_feed(
                self._state,
                secure,
                self._data,
                octets(response),
                len(response),
                self._answer,
                self._out,
                self._capacity,
                self._length,
            )
        if status == lib.ZC_MORE:
            self.waiting = self._written()
            return
        self.waiting = None
        if status != lib.ZC_OK:
            fail_exchange(status)
        self._outcome = self._state.received, self._state.sw

    @property
    def collecting(self) -> bool:
        """Whether GET RESPONSE is waiting: the card has done the command."""
        return bool(self._state.phase == _COLLECTING)

    @property
    def fell_back(self) -> bool:
        """Whether the card refused extended length fields, so that the next command may be spared the attempt."""
        return bool(self._state.fell_back)

    @property
    def response(self) -> ResponseAPDU:
        """The whole answer and the last status word."""
        length, sw = self._outcome
        return ResponseAPDU(bytes(ffi.buffer(self._answer, length)), sw)

    def wipe(self) -> None:
        """Wipe the page that held the secrets, if there was one."""
        if self._page is not None:
            lib.zc_secret_wipe(self._page)
