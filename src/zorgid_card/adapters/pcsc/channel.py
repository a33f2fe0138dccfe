"""One card, connected through PC/SC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from zorgid_card._native import Carrier, ffi, lib, reason
from zorgid_card.adapters.pcsc.context import CARD_RESET, LEAVE, RESET, Context, check
from zorgid_card.codec.exchange import fail_exchange
from zorgid_card.errors import CardRemovedError, TransportError
from zorgid_card.ports.card import Octets


class PCSCChannel:
    """One card, connected through PC/SC (:class:`zorgid_card.ports.card.Channel`). It serves one thread at a time.

    When another program has reset the card, the operation raises :class:`CardResetError` once; the channel is connected again by
    then, and what was selected or verified is lost.
    """

    def __init__(self, context: Context, protocol: int, share: int) -> None:
        self._context = context
        self._pcsc = context.pcsc
        self._carrier = Carrier(ffi.buffer(self._pcsc), context.card, protocol)
        self._transmit = self._carrier.transmit
        self._share = share
        self._atr = self._read_atr()

    def _read_atr(self) -> bytes:
        raw, length = ffi.new("uint8_t[]", lib.ZC_PCSC_ATR_MAX), ffi.new("uint32_t *")
        self._checked("status", lib.zc_pcsc_atr(self._pcsc, self._context.card, raw, length))
        return bytes(ffi.buffer(raw, length[0]))

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2 to 33 bytes."""
        return self._atr

    def _checked(self, operation: str, code: int) -> None:
        if self._carrier.protocol == 0:
            raise CardRemovedError("the channel is closed", reason="closed")
        if code == CARD_RESET:
            self._acknowledge_reset()
        check(operation, code)

    def _acknowledge_reset(self) -> None:
        """Until it is acknowledged by reconnecting, PC/SC answers everything with the same code."""
        protocol = ffi.new("uint32_t *")
        check(
            "reconnect",
            lib.zc_pcsc_reconnect(self._pcsc, self._context.card, self._share, LEAVE, protocol),
        )
        self._carrier.protocol = int(protocol[0])

    def transmit(self, command: Octets, /) -> bytes:
        """Send one command APDU, return the response APDU.

        Raises:
            CardRemovedError, CardResetError, TransportError: see :meth:`zorgid_card.ports.card.Channel.transmit`.
            ValueError: an extended command over T=0, which has no form for it.
        """
        answer = self._transmit(command)
        if answer.__class__ is bytes:
            return answer
        self._checked("transmit", answer)
        raise TransportError("transmit: no status word", reason=reason(lib.ZC_E_ANSWER_SHORT))

    @property
    def carrier(self) -> Carrier:
        """What carries logical commands in one call of the C core (:class:`zorgid_card.codec.link.LogicalChannel`)."""
        return self._carrier

    def failed(self, status: int, code: int) -> NoReturn:
        """Raise what an exchange that did not end well means.

        Raises:
            CardResponseError: the card's answer is longer than asked, endless, or no answer at all.
            SecureChannelError: the answer is not authentic, or the channel of secure messaging was closed.
            CancelledError: it was cancelled.
            CardRemovedError, CardResetError, TransportError: the exchange did not complete; nothing is sent again.
            ValueError: the command cannot be sent.
        """
        if status == lib.ZC_E_TRANSPORT:
            if code == lib.ZC_TRANSMIT_REFUSED:
                raise ValueError("T=0 carries no extended length")
            self._checked("transmit", code)
        fail_exchange(status)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep other programs off the card while the block runs (SCardBeginTransaction; it waits for theirs to end)."""
        self._checked("begin transaction", lib.zc_pcsc_begin(self._pcsc, self._context.card))
        card = self._context.card
        try:
            yield
        finally:
            # A card that is gone or was reset says so at the next operation; here it would only hide the block's own error.
            lib.zc_pcsc_end(self._pcsc, card, LEAVE)

    def close(self, *, reset: bool = False) -> None:
        """Disconnect; ``reset`` powers the card down and up first."""
        self._carrier.protocol = 0  # first: the card's handle may be another card's once it is let go of
        self._context.close(RESET if reset else LEAVE)
