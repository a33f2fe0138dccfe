"""A PIN, a PUK or a key, in memory of its own that is wiped.

The bytes live in one locked page of the C core: not swapped, not dumped, empty in a forked child. Python
never makes an object of them: no ``str``, no ``bytes``. A command carries a template and a reference to a
:class:`Secret`; the link fills it in, inside another locked page (:mod:`zorgid_card.codec.link`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NoReturn

from zorgid_card._native import ffi, lib, octets, reason
from zorgid_card.errors import DeclinedError, PINMismatchError, PINPolicyError, UsageError, ZorgIDError

CAPACITY = 256
"""The most bytes a secret holds: room for a PIN, a passphrase, or any symmetric key."""

_CONTENTS = ffi.offsetof("zc_secret", "bytes")
_LINE_FEED, _CARRIAGE_RETURN = 0x0A, 0x0D
_TERMINAL: dict[int, type[ZorgIDError]] = {
    lib.ZC_E_NO_TERMINAL: UsageError,
    lib.ZC_E_END: DeclinedError,
    lib.ZC_E_CAPACITY: PINPolicyError,
}


def _open(length: int) -> Any:
    if not 0 <= length <= CAPACITY:
        raise ValueError(f"a secret has 0 to {CAPACITY} bytes, not {length}")
    out = ffi.new("zc_secret **")
    status = lib.zc_secret_open(length, out)
    if status != lib.ZC_OK:
        raise MemoryError(reason(status))
    return ffi.gc(out[0], lib.zc_secret_close)


def _line(descriptor: int, room: memoryview) -> tuple[int, bool]:
    """The length of the line that was read into ``room``, whose end is wiped; and whether the file ended."""
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        for at in range(len(room)):
            got = file.readinto(room[at : at + 1])
            if not got or room[at] == _LINE_FEED:
                length = at - (at > 0 and room[at - 1] == _CARRIAGE_RETURN)
                room[length : at + 1] = bytes(at + 1 - length)
                return length, not got
    return len(room), False


class Secret:
    """Bytes that are never shown: its length is all that it tells.

    Made by :meth:`take`, :meth:`seize`, :meth:`of`, :meth:`random`, :meth:`random_digits`, :meth:`from_terminal` or
    :meth:`from_descriptor`. Used as a context manager it is wiped when the block ends; otherwise when it is collected. A wiped
    secret raises ``ValueError`` on every use; in a forked child of its process, where it is empty, ``UsageError`` (``reason``
    "fork").
    """

    __slots__ = ("__weakref__", "_length", "_pointer", "_process")

    def __init__(self, length: int) -> None:
        """Make a secret of ``length`` zero bytes, 0 to 256."""
        self._pointer = _open(length)
        self._length, self._process = length, os.getpid()

    @classmethod
    def take(cls, buffer: bytearray | memoryview) -> Secret:
        """Copy ``buffer`` (1 byte per item, writable, at most 256) and wipe it.

        Raises:
            ValueError: too long; the buffer is wiped all the same.
        """
        source = ffi.from_buffer("uint8_t[]", buffer, require_writable=True)
        try:
            secret = cls(len(source))
            lib.zc_secret_write(secret._pointer, 0, source, len(source))
        finally:
            lib.zc_wipe(source, len(source))
        return secret

    @classmethod
    def of(cls, data: bytes) -> Secret:
        """Copy ``data``, which cannot be wiped: for factory constants and tests, never what people enter."""
        secret = cls(len(data))
        lib.zc_secret_write(secret._pointer, 0, octets(data), len(data))
        return secret

    @classmethod
    def seize(cls, data: bytes) -> Secret:
        """Copy ``data`` and wipe it where it lies, although Python calls it immutable: for what a library has just made and handed
        over, which nobody else holds. One byte, or none, is Python's own to share, and is only copied.

        Raises:
            ValueError: too long; it is wiped all the same.
        """
        source = ffi.from_buffer("uint8_t[]", data)
        try:
            secret = cls(len(data))
            lib.zc_secret_write(secret._pointer, 0, source, len(data))
        finally:
            if len(data) > 1:
                lib.zc_wipe(source, len(data))
        return secret

    @classmethod
    def random(cls, length: int) -> Secret:
        """Draw ``length`` random bytes from the operating system's generator."""
        return cls._drawn(length, lib.zc_secret_random)

    @classmethod
    def random_digits(cls, length: int) -> Secret:
        """Draw ``length`` random ASCII digits, each equally likely."""
        return cls._drawn(length, lib.zc_secret_random_digits)

    @classmethod
    def _drawn(cls, length: int, draw: Any) -> Secret:
        secret = cls(length)
        status = draw(secret._pointer)
        if status != lib.ZC_OK:
            raise OSError(reason(status))
        return secret

    @classmethod
    def from_terminal(cls, prompt: str) -> Secret:
        """Ask on the process's terminal, without echo; the line's bytes go straight into locked memory.

        Backspace and Ctrl-U edit. The terminal is restored in every case.

        Raises:
            UsageError: the process has no terminal.
            DeclinedError: the person pressed Ctrl-D, or closed the terminal.
            PINPolicyError: the line is longer than 256 bytes (``rule`` "length").
            KeyboardInterrupt: Ctrl-C.
        """
        secret = cls(CAPACITY)
        status = lib.zc_secret_read_terminal(secret._pointer, prompt.encode())
        if status == lib.ZC_E_INTERRUPTED:
            raise KeyboardInterrupt
        if status in _TERMINAL:
            raise _TERMINAL[status](reason(status), reason=reason(status), rule="length")
        secret._length = secret._pointer.length
        return secret

    @classmethod
    def from_descriptor(cls, descriptor: int) -> Secret:
        """Read one line from an open file descriptor, byte by byte, straight into locked memory; what follows it is left there.

        The line ends with a line feed, before which a carriage return is dropped, or with the end of the file.

        Raises:
            UsageError: no such descriptor is open for reading, or nothing is left in it (``reason`` "descriptor").
            PINPolicyError: the line is longer than 256 bytes (``rule`` "length").
        """
        secret = cls(CAPACITY)
        page = memoryview(ffi.buffer(secret._pointer, _CONTENTS + CAPACITY))
        try:
            length, ended = _line(descriptor, page[_CONTENTS:])
        except (OSError, ValueError) as error:
            secret.wipe()
            raise UsageError("no code can be read there", reason="descriptor", descriptor=descriptor) from error
        if length == CAPACITY:
            secret.wipe()
            raise PINPolicyError(rule="length")
        if length == 0 and ended:
            raise UsageError("no code is left there", reason="descriptor", descriptor=descriptor)
        secret._length = secret._pointer.length = length
        return secret

    def _alive(self) -> Any:
        if lib.zc_secret_check(self._pointer) != lib.ZC_OK:
            if self._process != os.getpid():
                raise UsageError("the secret was made before a fork: make it in the child", reason="fork")
            raise ValueError("the secret was wiped")
        return self._pointer

    @property
    def locked(self) -> bool:
        """Whether the system locked the page into memory (it may refuse: RLIMIT_MEMLOCK)."""
        return bool(self._alive().locked)

    @contextmanager
    def expose(self) -> Iterator[memoryview]:
        """Look at the bytes in place: a read-only view on the locked memory, released when the block ends.

        Whoever copies from it owns the copy's fate.
        """
        whole = memoryview(ffi.buffer(self._alive(), _CONTENTS + self._length))
        view = whole[_CONTENTS:].toreadonly()
        try:
            yield view
        finally:
            view.release()
            whole.release()

    def insert_into(self, page: Any, offset: int) -> None:
        """Copy the secret into another page of the C core (a ``zc_secret *``) at ``offset``; for the link.

        Raises:
            ValueError: it does not fit, or one of the two was wiped.
        """
        status = lib.zc_secret_insert(page, offset, self._alive())
        if status != lib.ZC_OK:
            raise ValueError(reason(status))

    def place(self, fill: Any, offset: int) -> None:
        """Let a ``zc_fill`` of the C core name this secret, which must outlive it; for the link.

        Raises:
            ValueError: the offset is negative, or the secret was wiped.
        """
        if offset < 0:
            raise ValueError("a secret does not fit its template")
        fill.secret, fill.offset = self._alive(), offset

    def require_equal(self, other: Secret) -> None:
        """Compare in constant time.

        Raises:
            PINMismatchError: they differ.
        """
        if lib.zc_secret_compare(self._alive(), other._alive()) != lib.ZC_OK:
            raise PINMismatchError

    def check_digits(self, minimum: int, maximum: int) -> None:
        """Require ``minimum`` to ``maximum`` ASCII digits and nothing else.

        Raises:
            PINPolicyError: ``rule`` says "length" or "digits".
        """
        pointer = self._alive()
        if not minimum <= self._length <= maximum:
            raise PINPolicyError(rule="length", minimum=minimum, maximum=maximum)
        if lib.zc_secret_check_digits(pointer) != lib.ZC_OK:
            raise PINPolicyError(rule="digits")

    def padded(self, width: int = 8, filler: int = 0xFF) -> Secret:
        """The PIN block of SP 800-73-5 part 2, 2.4.3: the characters, then ``filler`` up to ``width`` bytes; a secret too.

        Raises:
            PINPolicyError: no characters, or more than ``width`` (``rule`` "length").
        """
        block = Secret(width)
        status = lib.zc_pin_pad(self._alive().bytes, self._length, filler, block._pointer.bytes, width)
        if status != lib.ZC_OK:
            raise PINPolicyError(rule="length", maximum=width)
        return block

    def format_2(self) -> Secret:
        """The PIN block of ISO 9564-1:2017, 9.3.3, format 2 (PC/SC part 10), 8 bytes, of 4 to 12 ASCII digits.

        Raises:
            PINPolicyError: ``rule`` says "length" or "digits".
        """
        block = Secret(lib.ZC_PIN_BLOCK)
        status = lib.zc_pin_format_2(self._alive().bytes, self._length, block._pointer.bytes)
        if status == lib.ZC_E_RANGE:
            raise PINPolicyError(rule="length", minimum=lib.ZC_PIN_FORMAT_2_MIN, maximum=lib.ZC_PIN_FORMAT_2_MAX)
        if status != lib.ZC_OK:
            block.wipe()
            raise PINPolicyError(rule="digits")
        return block

    def wipe(self) -> None:
        """Zero the bytes now. Wiping twice is fine."""
        lib.zc_secret_wipe(self._pointer)

    def __enter__(self) -> Secret:
        self._alive()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wipe()

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"Secret({self._length} bytes)"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("compare secrets with require_equal")

    def __hash__(self) -> NoReturn:
        raise TypeError("a secret has no hash")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be copied or pickled")
