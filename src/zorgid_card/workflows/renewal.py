"""New keys for a card in use, and its end, the card side (CRD-5 to CRD-10); with the steps of creation (docs/renewal.md).

The card shows with its present key that it is the card, the UZI pass that its holder still is who they were. The new keys are
generated where the old ones are. So what is interrupted ends in one of three ways: the card still has its old keys, and is active
with them; it has new ones, and is active with those; or it has neither, nothing is valid, and it is made anew.
"""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType

from zorgid_card.cards import CardKind, ZorgIDCard
from zorgid_card.cards.access import LastTry, OnKeypad, PINRequest, spoken
from zorgid_card.errors import (
    CertificateError,
    CommitLateError,
    DeclinedError,
    MessageError,
    NotFoundError,
    ProofError,
    StatusWordError,
    WrongCardError,
    ZorgIDError,
)
from zorgid_card.pki.statement import CARD_RENEWAL, sign_statement, verify_statement
from zorgid_card.ports.journal import Making
from zorgid_card.protocol.administration import administration_algorithm_of
from zorgid_card.secret import Secret
from zorgid_card.workflows.bench import EMPTYING, RENEWING, Bench, carry_out, require_sound
from zorgid_card.workflows.creation import TORN, CardCreation, Made
from zorgid_card.workflows.creation_messages import (
    AbandonCard,
    CardAbandoned,
    CardAccepted,
    CardsListed,
    CardToGo,
    ListCards,
    RenewCard,
    RetireCard,
    renewal_fields,
)
from zorgid_card.workflows.holder import Cue, Holder, Question, Step
from zorgid_card.workflows.organisation import CREATE
from zorgid_card.workflows.policy import AUTHENTICITY


class CardRenewal(CardCreation):
    """One holder's way from a card that expires to the same card with new keys; arguments as :class:`CardCreation`."""

    _after: bytes = b""
    """GUID of what the portal accepted last, in this session."""
    made_anew = False
    """The card's old keys were lost in an interruption: it was emptied, and has a new PIN and PUK."""
    _gone = False
    """The old keys are surely gone."""

    def run(self, *, platform: str, client_version: str) -> Made:
        """All of it. A card that is torn may be put in again: it is renewed, or if its old keys are gone made anew (CRD-8).

        Raises:
            ZorgIDError: what stands in the way. If the card still has its keys, it is as it was before; otherwise nothing that was
                issued for it stays valid.
        """
        self._client.open(CREATE, platform=platform, client_version=client_version)
        self.identify()
        self.change_cards()
        while True:
            try:
                return self.make() if self.made_anew else self.renew()
            except TORN as error:
                if isinstance(error, WrongCardError) and not self._after:
                    raise
                self._insert_again(error)
                if self._gone and not self.made_anew:
                    self._make_anew(error)
            except _KeysGoneError as gone:
                self._make_anew(gone.cause)

    def change_cards(self) -> None:
        """The pass out, the card in."""
        self._change_to(Cue.INSERT_CARD)

    def renew(self) -> Made:
        """Renew the card in the reader.

        Raises:
            WrongCardError: it is no ZORG-ID Smartcard.
            NotFoundError: it is not a card of this person's.
            TransitionError: it is blocked.
            CertificateExpiredError: it is to be made anew (:class:`CardCreation`).
            CardRemovedError, CardResetError, TransportError: it was torn; put it in and call this again.
        """
        with self._card() as card, _KeptPIN(self._holder) as pin:
            if card.kind is not CardKind.ZORGID:
                raise WrongCardError(expected=CardKind.ZORGID.value, found=card.kind.value)
            making = self._renewed(card, pin)
        return self._activate(self._bench_course(making, (Step.ACTIVATE,)), making)

    def _renewed(self, card: ZorgIDCard, pin: _KeptPIN) -> Making:
        """From the card in the reader to the sealed commit; after that nothing is wanted of the card any more."""
        accepted = self._show_keys(card, pin)
        bench: Bench | None = None
        try:
            require_sound(accepted)
            _require_codes_kept(accepted)
            bench = self._begin(card, card.serial, accepted, RENEWING, renewal=True)
            bench.pin = pin
            carry_out(bench, RENEWING)
        except TORN:
            self._gone = bench is not None and bench.making.step not in ("", Step.GENERATE)
            raise
        except BaseException as error:
            self._give_up(card, pin, error)
            raise
        return bench.making

    def _show_keys(self, card: ZorgIDCard, pin: _KeptPIN) -> CardAccepted:
        """The card's present keys show that it is the card, and that it has them.

        Raises:
            _KeysGoneError: they are gone, in a renewal that was begun, perhaps by another process.
        """
        try:
            accepted = self._client.ask(self._shown(card, pin), CardAccepted)
        except (StatusWordError, CertificateError, ProofError, NotFoundError, CommitLateError) as error:
            known = self._journal.find(card.serial)
            if known is not None and known.renewal:
                raise _KeysGoneError(error) from error
            raise
        self._after = accepted.guid
        return accepted

    def _shown(self, card: ZorgIDCard, pin: _KeptPIN) -> RenewCard:
        serial, factory = card.serial, card.profile.factory
        certificate = card.certificate(AUTHENTICITY) or b""
        fields = renewal_fields(
            session=self._client.session, origin=self._client.origin, serial=serial, after=self._after
        )
        signed = sign_statement(card.signer(AUTHENTICITY, pin), CARD_RENEWAL, **fields)
        verify_statement(certificate, CARD_RENEWAL, fields, signed.signature, signed.algorithm)
        algorithm = card.inventory().administration_algorithm
        return RenewCard(
            serial=serial,
            dialect=factory.dialect if factory is not None else "",
            firmware=card.firmware,
            channel=card.secure_channel,
            administration_algorithm="" if algorithm is None else administration_algorithm_of(algorithm).name,
            algorithm=signed.algorithm,
            signature=signed.signature,
        )

    def _make_anew(self, error: BaseException) -> None:
        self._abandon(error)
        self.made_anew = True

    def _give_up(self, card: ZorgIDCard, pin: _KeptPIN, error: BaseException) -> None:
        """A card that still has its keys is active with them; otherwise the portal revokes what it had."""
        with suppress(ZorgIDError, _KeysGoneError):
            self._show_keys(card, pin)
            known = self._journal.find(card.serial)
            if known is not None:
                self._journal.finish(known)
        self._abandon(error)

    def _insert_again(self, error: ZorgIDError) -> None:
        try:
            super()._insert_again(error)
        except DeclinedError:
            self._abandon(error)
            raise


class CardReset(CardCreation):
    """A card made blank again: one that is of no use any more, or its holder's own, which is revoked first; arguments likewise."""

    def run_reset(self, *, platform: str, client_version: str) -> str:
        """All of it.

        Returns:
            the card's serial.

        Raises:
            NotBlankError, CardInUseError: it is somebody's, or blocked; it was only read.
            CardScrappedError: its dialect has no way back to a blank.
            DeclinedError: the holder does not want to.
        """
        self._client.open(CREATE, platform=platform, client_version=client_version)
        self.identify()
        self.change_cards()
        return self.reset()

    def change_cards(self) -> None:
        """The pass out, the card in."""
        self._change_to(Cue.INSERT_CARD)

    def reset(self) -> str:
        """Make the card in the reader blank; raises as :meth:`run_reset`, and when it is torn: put it in and call this again."""
        with self._card() as card:
            serial = card.serial
            self._retire(serial)
            accepted = self._offer(card, serial)
            try:
                require_sound(accepted)
                bench = self._begin(card, serial, accepted, EMPTYING)
                carry_out(bench, EMPTYING)
            except BaseException as error:
                self._abandon(error)
                raise
        with suppress(ZorgIDError):  # the card is blank, whatever the portal hears of it
            self._client.ask(AbandonCard(code="reset"), CardAbandoned)
        self._journal.finish(bench.making)
        return serial

    def _retire(self, serial: str) -> None:
        """Before anything on it is touched, the holder's own card is revoked, with their word."""
        listed = self._client.ask(ListCards(), CardsListed)
        states = dict(zip(listed.serials, listed.states, strict=False))
        if states.get(serial) in ("active", "renewing"):
            self._holder.confirm(Question("retire-card", (("serial", serial),)))
            self._client.ask(RetireCard(serial=serial, cause="unused"), CardToGo)


def _require_codes_kept(accepted: CardAccepted) -> None:
    """A renewal gives new keys: who sets the tries of a card in use sets its PIN and PUK to the maker's with them.

    Raises:
        MessageError: the portal wants that.
    """
    if accepted.pin_tries or accepted.puk_tries:
        raise MessageError("a card in use keeps its PIN and PUK", field="pin_tries")


class _KeysGoneError(Exception):
    """The card does not have the keys any more with which its renewal was begun."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause


class _KeptPIN:
    """Asks for the card's PIN once, keeps it for the signatures of one renewal, and wipes it."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._kept: Secret | None = None

    def __call__(self, request: PINRequest) -> Secret | LastTry:
        if self._kept is not None and not request.retrying:
            return self._kept
        given = self._holder.pin(request)
        secret, _ = spoken(given)
        if not isinstance(secret, OnKeypad):
            self._kept = secret
        return given

    def __enter__(self) -> _KeptPIN:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._kept is not None:
            self._kept.wipe()
