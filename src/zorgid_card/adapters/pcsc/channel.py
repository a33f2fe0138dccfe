"""One card, connected through PC/SC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

from zorgid_card._native import Carrier, ffi, lib, octets, reason
from zorgid_card.adapters.pcsc.context import CARD_REMOVED, CARD_UNPOWERED, LEAVE, LOST, NO_CARD, RESET, Context, check
from zorgid_card.adapters.pcsc.kept import Stay
from zorgid_card.adapters.pcsc.keypad import Features, PCSCKeypad, ask
from zorgid_card.adapters.pcsc.slots import comings
from zorgid_card.codec.exchange import fail_exchange
from zorgid_card.errors import CardRemovedError, CardResetError, TransportError, WrongCardError
from zorgid_card.ports.card import Octets

_T0: Final = 1
_CONTROL_ROOM: Final = 264


class PCSCChannel:
    """One card, connected through PC/SC (:class:`zorgid_card.ports.card.Channel`). It serves one thread at a time.

    When another program has reset the card, the operation raises :class:`CardResetError`, and so does every further one of the
    same transaction, for what was selected or verified is lost, and the transaction with it. Outside a transaction, and once
    it has ended, the channel is connected anew.

    Args:
        context: with the card connected.
        protocol, share: how.
        stay: of the card in its reader, as it was seen after connecting; None: not seen, so the card is asked.
    """

    def __init__(self, context: Context, protocol: int, share: int, stay: Stay | None = None) -> None:
        self._context = context
        self._pcsc = context.pcsc
        self._carrier = Carrier(ffi.buffer(self._pcsc), context.card, protocol)
        self._transmit = self._carrier.transmit
        self._protocol = protocol
        self._share = share
        self._depth = 0
        self._lost: int | None = None  # why the card must be connected anew; then nothing is carried
        # before anything is known of the card
        self._stay = stay if stay is not None and stay.atr else Stay(None, self._read_atr(), comings(context))
        self._comings = self._stay.comings
        self._atr = self._stay.atr

    def _read_atr(self) -> bytes:
        raw, length = ffi.new("uint8_t[]", lib.ZC_PCSC_ATR_MAX), ffi.new("uint32_t *")
        check("status", lib.zc_pcsc_atr(self._pcsc, self._context.card, raw, length))
        return bytes(ffi.buffer(raw, length[0]))

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2 to 33 bytes."""
        return self._atr

    @property
    def insertion(self) -> int | None:
        """The number of the card's insertion (:meth:`PCSCReader.insertion`), asked when it was connected."""
        return self._stay.number

    def _checked(self, operation: str, code: int) -> None:
        if self._carrier.protocol == 0:
            self._require_open()
        if code in LOST:
            self._lose(code)
            if self._depth == 0 and code != CARD_REMOVED and not self._reconnect():
                self._lose(CARD_REMOVED)  # which the next transaction tells
        check(operation, code)

    def _lose(self, code: int) -> None:
        """Carry nothing more: until it is connected anew PC/SC answers everything with this code, and afterwards nothing that
        the transaction relied on holds.
        """
        self._lost = code
        self._carrier.protocol = 0

    def _reconnect(self) -> bool:
        """Connect the card anew, without resetting it; one that lost its power gets it again.

        Returns:
            whether it was in the reader all the time. PC/SC tells what happened last alone: that a card was reset hides that
            another one was put in before.

        Raises:
            CardRemovedError: no card is in the reader.
            WrongCardError: another kind of card is.
        """
        protocol, how = ffi.new("uint32_t *"), RESET if self._lost == CARD_UNPOWERED else LEAVE
        code = lib.zc_pcsc_reconnect(self._pcsc, self._context.card, self._share, how, protocol)
        check("reconnect", CARD_REMOVED if code == NO_CARD else code)
        self._require_same_atr()
        self._protocol = self._carrier.protocol = int(protocol[0])
        self._lost = None
        before, self._comings = self._comings, comings(self._context)
        return before is not None and before == self._comings

    def _require_same_atr(self) -> None:
        found = self._read_atr()
        if found != self._atr:
            self._lost = CARD_REMOVED
            raise WrongCardError("another card is in the reader", expected=self._atr.hex(), found=found.hex())

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

    def _require_open(self) -> None:
        """The card is connected, and nothing has happened to it.

        Raises:
            CardRemovedError: the channel is closed, or the card is gone.
            CardResetError: it was reset.
        """
        _ = self._context.card
        check("transmit", self._lost or 0)

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

    def control(self, code: int, data: bytes = b"") -> bytes:
        """Ask the reader itself (SCardControl): a control code that it told, or a number of PC/SC part 10, and data.

        Raises:
            CardRemovedError, CardResetError: as :meth:`transmit`.
            TransportError: the reader knows no such function.
        """
        check("control", self._lost or 0)
        room, length = ffi.new("uint8_t[]", _CONTROL_ROOM), ffi.new("size_t *")
        card = self._context.card
        self._checked(
            "control", lib.zc_pcsc_control(self._pcsc, card, code, octets(data), len(data), room, _CONTROL_ROOM, length)
        )
        return bytes(ffi.buffer(room, length[0]))

    @property
    def _features(self) -> Features:
        """Asked once in a card's stay."""
        if self._stay.features is None:
            with self.transaction():  # outside of one PC/SC refuses while another program is in its own
                self._stay.features = ask(self.control)
        return self._stay.features

    @property
    def keypad(self) -> PCSCKeypad | None:
        """The reader's keypad, if it has one."""
        return PCSCKeypad(self._features, self.control) if self._features.keypad else None

    @property
    def longest(self) -> int | None:
        """Most bytes of data that card and reader carry in one command or response; 0: short APDUs alone; None: not told."""
        return 0 if self._protocol == _T0 else self._features.longest

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep other programs off the card while the block runs (SCardBeginTransaction; it waits for theirs to end).

        Raises:
            CardResetError: the card was reset, or (``reason`` "inserted") taken out and put in again, or it cannot be told which,
                before anything was sent: the channel is connected anew, and the transaction may be begun again.
            CardRemovedError, WrongCardError: no card, or another one, is in the reader.
        """
        if self._depth == 0:
            self._begin()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._end()

    def _begin(self) -> None:
        code = self._lost or lib.zc_pcsc_begin(self._pcsc, self._context.card)
        if code not in LOST:
            check("begin transaction", code)
            return
        self._lose(code)
        if not self._reconnect() or code == CARD_REMOVED:
            raise CardResetError("the card was taken out, and one like it was put in", reason="inserted")
        check("begin transaction", code)

    def _end(self) -> None:
        """What the block did stands, whatever PC/SC says here (a reset, no transaction): it would only hide the block's own
        error. That the card is lost shows when the next transaction begins.
        """
        with suppress(CardRemovedError):  # closed meanwhile
            code = lib.zc_pcsc_end(self._pcsc, self._context.card, LEAVE)
            if code in LOST and self._lost is None:
                self._lose(code)

    def close(self, *, reset: bool = False) -> None:
        """Disconnect; ``reset`` powers the card down and up first, unless that has happened, or another card is there."""
        self._carrier.protocol = 0  # first: the card's handle may be another card's once it is let go of
        self._context.close(RESET if reset and self._lost is None else LEAVE)
