"""One logical command as physical ones: the C core's state machine, which is fed bytes and gives bytes.

Command chaining (ISO/IEC 7816-4:2020, 5.3.3), 61xx with GET RESPONSE (5.3.4), 6Cxx (5.6), and bounds on all
of it. No I/O here.
"""

from __future__ import annotations

from typing import Any, Final

from zorgid_card._native import ffi, lib, octets, reason
from zorgid_card.codec.apdu import EXTENDED_NE, SHORT_NE, CommandAPDU, ResponseAPDU, native_command
from zorgid_card.errors import CardResponseError
from zorgid_card.ports.card import Octets

ANSWER_LIMIT: Final = EXTENDED_NE
"""The longest answer taken from a card, in bytes."""

_SHORT: Final = lib.ZC_COMMAND_SHORT_MAX
_LENGTHS: Final = 10
_CONTENTS: Final = ffi.offsetof("zc_secret", "bytes")
_uncleared: Final = ffi.new_allocator(should_clear_after_alloc=False)


class PhysicalCommands:
    """The physical commands of one logical command, one at a time.

    Send :attr:`waiting`, :meth:`feed` what the card answers, until nothing is waiting; then :attr:`response`
    is the outcome. A command with secrets is put together in a locked page; :attr:`waiting` is then a view on
    that page, and :meth:`wipe` ends it.

    Args:
        command: the logical command.
        extended: the card and the reader take extended length fields; without, more than 255 bytes go as a
            chain.

    Raises:
        ValueError: a field does not fit, a secret does not fit its template, or a secret was wiped.
    """

    __slots__ = ("_answer", "_capacity", "_command", "_data", "_length", "_out", "_page", "_state", "waiting")

    waiting: Octets | None

    def __init__(self, command: CommandAPDU, *, extended: bool = False) -> None:
        long_form = command.extended or (
            extended and (command.le == 0 or command.ne > SHORT_NE or len(command.data) > 255)
        )
        self._command = native_command(command, _ne(command, long_form), long_form)
        self._capacity = len(command.data) + _LENGTHS if long_form else _SHORT
        self._page: Any = None
        if command.secrets:
            self._fill_page(command)
        else:
            self._data, self._out = octets(command.data), _uncleared("uint8_t[]", self._capacity)
        self._answer = _uncleared("uint8_t[]", ANSWER_LIMIT)
        self._state, self._length = ffi.new("zc_exchange *"), ffi.new("size_t *")
        status = lib.zc_exchange_begin(
            self._state, self._command, self._data, ANSWER_LIMIT, self._out, self._capacity, self._length
        )
        if status != lib.ZC_OK:
            self.wipe()
            raise ValueError(reason(status))
        self.waiting = self._written()

    def _fill_page(self, command: CommandAPDU) -> None:
        """Template, then room for one physical command, in one locked page."""
        size = len(command.data)
        page = ffi.new("zc_secret **")
        status = lib.zc_secret_open(size + self._capacity, page)
        if status != lib.ZC_OK:
            raise ValueError(f"a command with secrets: {reason(status)}")
        self._page = ffi.gc(page[0], lib.zc_secret_close)
        self._data, self._out = self._page.bytes, self._page.bytes + size
        lib.zc_secret_write(self._page, 0, octets(command.data), size)
        try:
            for field in command.secrets:
                if field.offset < 0 or field.offset + len(field.secret) > size:
                    raise ValueError("a secret does not fit its template")
                field.secret.insert_into(self._page, field.offset)
        except BaseException:
            self.wipe()
            raise

    def _written(self) -> Octets:
        size = self._length[0]
        if self._page is None:
            return bytes(ffi.buffer(self._out, size))
        start = _CONTENTS + self._command.nc
        return memoryview(ffi.buffer(self._page, start + size))[start:].toreadonly()

    def feed(self, response: Octets) -> None:
        """Take the card's response to :attr:`waiting`.

        Raises:
            CardResponseError: it cannot be the answer: too short, longer than asked, endless; ``reason``.
        """
        status = lib.zc_exchange_feed(
            self._state,
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
            raise CardResponseError(f"the card's answer: {reason(status)}", reason=reason(status))

    @property
    def response(self) -> ResponseAPDU:
        """The whole answer and the last status word."""
        return ResponseAPDU(bytes(ffi.buffer(self._answer, self._state.received)), self._state.sw)

    def wipe(self) -> None:
        """Wipe the page that held the secrets, if there was one."""
        if self._page is not None:
            lib.zc_secret_wipe(self._page)


def _ne(command: CommandAPDU, long_form: bool) -> int:
    if command.le == 0:
        return EXTENDED_NE if long_form else SHORT_NE
    return command.ne
