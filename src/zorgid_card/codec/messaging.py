"""Secure messaging: logical commands wrapped and responses unwrapped, apart from any transmission.

Where the channel ends is up to the caller: at the card side, :attr:`zorgid_card.codec.link.Link.secure` wraps whatever the link
carries; at a portal, :meth:`SecureMessaging.wrap` gives a command that the card side relays as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from zorgid_card._native import ffi, lib, octets, reason, unwrap, wrap
from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU, native_command
from zorgid_card.codec.template import CONTENTS, filled_page, locked_page
from zorgid_card.errors import CardResponseError, SecureChannelError

OVERHEAD: Final = int(lib.ZC_SM_OVERHEAD)
"""Most bytes by which wrapping lengthens a data field."""

CHANNEL: Final = frozenset({lib.ZC_E_MAC, lib.ZC_E_PADDING, lib.ZC_E_CRYPTOGRAM, lib.ZC_E_PROTOCOL, lib.ZC_E_CLOSED})
"""What the core says of a channel, not of a command or an answer."""

_uncleared: Final = ffi.new_allocator(should_clear_after_alloc=False)


def _error(status: int) -> Exception:
    why = reason(status)
    if status in CHANNEL:
        return SecureChannelError(f"secure channel: {why}", reason=why)
    if status == lib.ZC_E_RANGE:
        return ValueError(f"a command that cannot be wrapped: {why}")
    return CardResponseError(f"the card's answer: {why}", reason=why)


def check(status: int) -> None:
    """Raise what a status of the core's secure messaging means.

    Raises:
        SecureChannelError: with ``reason``.
        CardResponseError: an authentic response that cannot be the answer.
        ValueError: the command cannot be wrapped.
    """
    if status != lib.ZC_OK:
        raise _error(status)


def _le(ne: int, form: int) -> int | None:
    """Le of a wrapped command, where 256 and 65,536 are 00."""
    if ne == 0:
        return None
    return 0 if ne == (65536 if form else 256) else ne


class SecureMessaging(ABC):
    """One channel with session keys, which live in a locked page. It serves one thread at a time.

    A wrong or missing MAC closes it for good; what is sent afterwards raises, and never goes out in clear.
    """

    __slots__ = ("_of", "_page", "_secret", "_secure")

    def __init__(self, kind: int, member: str) -> None:
        size = ffi.sizeof("zc_secure")
        self._secret = locked_page(size)
        self._secure: Any = ffi.cast("zc_secure *", self._secret.bytes)
        self._secure.kind = kind
        self._of: Any = ffi.addressof(self._secure.of, member)
        self._page = memoryview(ffi.buffer(self._secret, CONTENTS + size))[CONTENTS:]

    @property
    @abstractmethod
    def hides_commands(self) -> bool:
        """Whether command data are encrypted, not only authenticated."""

    @property
    def page(self) -> memoryview:
        """The ``zc_secure`` that the C core works with; for a link."""
        return self._page

    def wrap(self, command: CommandAPDU) -> CommandAPDU:
        """The wrapped command; send it as it is, with chaining where its data exceed 255 bytes.

        Raises:
            SecureChannelError: the channel is closed.
            ValueError: the command cannot be wrapped, or it has secrets and the channel does not encrypt commands.
        """
        if command.secrets:
            return self._wrap_secrets(command)
        outcome = wrap(self._page, command)
        if isinstance(outcome, int):
            raise _error(outcome)
        return outcome

    def _wrap_secrets(self, command: CommandAPDU) -> CommandAPDU:
        if not self.hides_commands:
            raise ValueError("a command with secrets leaves this process only over an encrypting channel")
        room = len(command.data) + OVERHEAD
        head = native_command(command, command.ne_in_form(command.extended), command.extended)
        page = filled_page(command, room)
        try:
            with self.held() as secure:
                check(lib.zc_secure_wrap(secure, head, page.bytes, room))
            data = bytes(ffi.buffer(page.bytes, head.nc))
        finally:
            lib.zc_secret_wipe(page)
        le = _le(head.ne, head.extended)
        return CommandAPDU(head.cla, head.ins, head.p1, head.p2, data, le, (), head.extended == 1)

    def unwrap(self, response: ResponseAPDU) -> ResponseAPDU:
        """The plain response to the command wrapped last.

        Raises:
            SecureChannelError: it is not authentic, and the channel closed; or no response is awaited.
            CardResponseError: authentic, but longer than asked.
        """
        outcome = unwrap(self._page, response)
        if isinstance(outcome, int):
            raise _error(outcome)
        return outcome

    def close(self) -> None:
        """Wipe the session keys; closing twice is fine. A command under way in another thread is carried to its end first."""
        self._secure.doomed = 1
        if not self._secure.busy:
            lib.zc_secret_wipe(self._secret)

    @contextmanager
    def held(self) -> Iterator[Any]:
        """The ``zc_secure *`` for work that lets other threads run; until it ends, nobody else works with the channel or closes it.

        Raises:
            ValueError: another thread works with it.
        """
        if self._secure.busy:
            raise ValueError("another thread works with the channel")
        self._secure.busy = 1
        try:
            yield self._secure
        finally:
            self._secure.busy = 0
            if self._secure.doomed:
                self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def copied(command: CommandAPDU, room: int) -> Any:
    """The command's data at the beginning of a fresh ``uint8_t[room]``."""
    data = _uncleared("uint8_t[]", room)
    ffi.memmove(data, octets(command.data), len(command.data))
    return data
