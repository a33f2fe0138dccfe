"""Making a ZORG-ID Smartcard, the card side (CRD-1 to CRD-10).

The order is such that nothing valid exists before the card works: the certificates are issued on hold, written, read back; the PIN
is set; a signature made with it on the card verifies, and with that the commit message is sealed; the PUK is shown, acknowledged,
and written as the last write; only then the commit message activates. The steps are a table (:mod:`zorgid_card.workflows.bench`);
what is begun, and what has ended, stands in a journal, so that a fresh process knows what to do (:meth:`CardCreation.resume`).

Whatever fails before the commit, the portal is told, and revokes what it issued; if it cannot be told, it revokes by itself when
the commit does not come in time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date

from zorgid_card.cards import CardKind, PIVCard, ZorgIDCard, open_channel
from zorgid_card.codec.link import Observer
from zorgid_card.errors import (
    CardNotSupportedError,
    CardRemovedError,
    CardResetError,
    CardUnfinishedError,
    CommitLateError,
    DeclinedError,
    NoCardError,
    NotBlankError,
    NotFoundError,
    PINMismatchError,
    PINPolicyError,
    PortalUnreachableError,
    ProofError,
    SessionError,
    StorageError,
    TransportError,
    UsageError,
    WrongCardError,
    ZorgIDError,
)
from zorgid_card.ports.card import Channel, Reader
from zorgid_card.ports.journal import Journal, Making
from zorgid_card.secret import Secret
from zorgid_card.workflows.bench import (
    EMPTYING,
    FINISHING,
    PREPARING,
    Bench,
    Stage,
    carry_out,
    issued_of,
    puk_written,
    require_sound,
    require_written,
)
from zorgid_card.workflows.course import Course
from zorgid_card.workflows.creation_messages import (
    AbandonCard,
    CardAbandoned,
    CardAccepted,
    CardActive,
    CardsListed,
    CardToGo,
    ListCards,
    MatchPerson,
    OfferCard,
    PersonMatched,
    ReplaceCard,
)
from zorgid_card.workflows.escrow import Escrow, KeyOfficer
from zorgid_card.workflows.holder import Cue, Holder, Question, Step
from zorgid_card.workflows.organisation import CREATE
from zorgid_card.workflows.pin import PINPolicy, check_new_pin
from zorgid_card.workflows.session import UNHEARD, PortalClient
from zorgid_card.workflows.uzi_desk import authenticate, present_pass

_PIN_ROUNDS = 3
TORN = (CardRemovedError, CardResetError, NoCardError, PortalUnreachableError, TransportError, WrongCardError)
"""After these the card may be put in again."""
_OVER = ("expired", "unknown")
_ALL = (*(stage.step for stage in (*PREPARING, *FINISHING)), Step.ACTIVATE)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished card; ``certificates`` are DER, that of 9A first."""

    serial: str
    certificates: tuple[bytes, ...]
    user_name: str
    ura: str

    @property
    def certificate(self) -> bytes:
        """The certificate one logs in with (9A)."""
        return self.certificates[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The card that a new one is to replace.

    Args:
        cause: why: lost, stolen, broken, unused.
        serial: which; empty where the person has one card.
    """

    cause: str
    serial: str = ""


class CardCreation:
    """One holder's way from a valid UZI pass to a working ZORG-ID Smartcard. Many may go on at once, each in a thread of its own.

    Args:
        reader: the slot in which pass and blank are put, one after the other.
        client: a session with the portal that is not open yet.
        holder: the person at the desk.
        journal: where it is kept how far each card has come; many creations share it.
        observer: sees every physical APDU, masked.
        card_timeout: seconds to wait for a card; None waits for ever.
        officer: whose key the PUK is sealed for, if the portal's policy is that one is (docs/pin.md); None: nobody but the holder
            ever has it.
        replaces: the card whose place the new one takes; it is revoked, or suspended, when the new one works, and never before.
    """

    def __init__(
        self,
        reader: Reader,
        client: PortalClient,
        holder: Holder,
        journal: Journal,
        *,
        observer: Observer | None = None,
        card_timeout: float | None = None,
        officer: KeyOfficer | None = None,
        replaces: Replaced | None = None,
    ) -> None:
        self._reader = reader
        self._officer = officer
        self._escrow: Escrow | None = None
        self._replaces = replaces
        self._client = client
        self._holder = holder
        self._journal = journal
        self._observer = observer
        self._timeout = card_timeout
        self._birth_date: date | None = None
        self._sealed: Making | None = None
        self._owed: AbandonCard | None = None

    def run(self, *, platform: str, client_version: str) -> Made:
        """All of it; a card that is pulled or torn may be put in again, in the same session: it is finished, or made anew (CRD-8).

        Raises:
            ZorgIDError: what stands in the way; nothing that was issued stays valid.
        """
        self._client.open(CREATE, platform=platform, client_version=client_version)
        self.identify()
        self.change_cards()
        while True:
            try:
                return self.make()
            except (*TORN, NotBlankError) as error:
                if self._sealed is None and isinstance(error, NotBlankError):
                    raise
                self._insert_again(error)

    def identify(self) -> PersonMatched:
        """The pass proves who makes the card: certificate, session key, birth date (CRD-1, CRD-2, CRD-4).

        Raises:
            CertificateError: the pass is expired, revoked, or of another chain.
            NotFoundError, UsageError: it cannot be told which card is to be replaced.
            PassTypeError, OrganisationUnknownError, BirthDateError: the portal refuses.
        """
        with present_pass(self._reader, self._holder, observer=self._observer, timeout=self._timeout) as card:
            authenticate(card, self._client, self._holder)
        self._birth_date = self._holder.birth_date()
        matched = self._client.ask(MatchPerson(birth_date=self._birth_date), PersonMatched)
        if self._replaces is not None:
            serial = self._replaces.serial or self._only_card()
            self._client.ask(ReplaceCard(serial=serial, cause=self._replaces.cause), CardToGo)
        return matched

    def _only_card(self) -> str:
        serials = self._client.ask(ListCards(), CardsListed).serials
        if len(serials) == 1:
            return serials[0]
        if serials:
            raise UsageError(f"which card? {', '.join(serials)}", reason="which-card", serials=", ".join(serials))
        raise NotFoundError("there is no card to replace", what="SmartCard")

    def change_cards(self) -> None:
        """The pass out, the blank in (CRD-5)."""
        self._change_to(Cue.INSERT_BLANK)

    def _change_to(self, cue: Cue) -> None:
        self._holder.cue(Cue.REMOVE_PASS)
        self._reader.wait(present=False, timeout=self._timeout)
        self._holder.cue(cue)
        self._reader.wait(present=True, timeout=self._timeout)

    def make(self) -> Made:
        """Make the card in the reader, or finish it if it was torn after its commit was sealed (CRD-5 to CRD-10).

        Raises:
            NotBlankError: it is another card; it was left untouched.
            CardRemovedError, CardResetError, TransportError: it was torn; put it in and call this again.
            PortalUnreachableError: the portal is away; call this again.
            WrongCardError: another one was torn, and this is no blank to make instead; it was only read.
            ZorgIDError: anything else; what was issued is revoked.
        """
        with self._card() as card:
            serial = card.serial
            if self._sealed is not None:
                if self._sealed.serial == serial:
                    with suppress(CardUnfinishedError):
                        return self._finish(self._bench(card, self._sealed, _ALL, resumed=True))
                else:
                    self._abandon(_instead(card, self._sealed.serial))
            return self._finish(self._prepare(card, serial))

    def resume(self, making: Making) -> Made:
        """Finish a card of which only the commit was missing when another process ended: without the pass, in its session's life.

        Args:
            making: one of :meth:`zorgid_card.ports.journal.Journal.unfinished`.

        Raises:
            CardUnfinishedError: more was missing: make it anew, with the pass (:meth:`run`).
            CommitLateError: it comes too late: likewise.
            WrongCardError: another card is in the reader.
        """
        if making.origin != self._client.origin:
            raise CardUnfinishedError(reason="origin", serial=making.serial)
        if not making.commit:
            raise CardUnfinishedError(reason="unsealed", serial=making.serial)
        if not last_write_done(making):
            self._holder.cue(Cue.INSERT_AGAIN)
            self._reader.wait(present=True, timeout=self._timeout)
            with self._card() as card:
                making = self._require_finished(card, making)
        return self._activate(self._bench_course(making, (Step.ACTIVATE,)), making)

    def _require_finished(self, card: ZorgIDCard, making: Making) -> Making:
        """Only the commit is missing: a PUK is shown to nobody who has not shown a pass."""
        if card.serial != making.serial:
            raise WrongCardError(expected=making.serial, found=card.serial)
        bench = self._bench(card, making, (Step.PUK,), resumed=True)
        _require_unchanged(bench)
        if not puk_written(bench):
            bench.note(commit=b"")
            raise CardUnfinishedError(reason="puk", serial=making.serial)
        bench.note(step=Step.PUK.value, done=True)
        return bench.making

    # --- parts of making ------------------------------------------------------------------------------------------

    @contextmanager
    def _card(self) -> Iterator[ZorgIDCard]:
        """The card in the reader, nobody else's while this lasts."""
        channel = self._reader.connect(exclusive=True)
        try:
            yield _personalisable(channel, self._observer)
        finally:
            channel.close(reset=True)

    def _prepare(self, card: ZorgIDCard, serial: str) -> Bench:
        """From the card in the reader to the sealed commit."""
        accepted = self._offer(card, serial)
        try:
            require_sound(accepted)
            self._escrow = Escrow.wanted(accepted.key_officer, self._officer, self._client)
            emptying = EMPTYING if accepted.renew else ()
            bench = self._begin(card, serial, accepted, (*emptying, *PREPARING, *FINISHING))
            carry_out(bench, EMPTYING)
            policy = PINPolicy(minimum=accepted.pin_minimum, maximum=accepted.pin_maximum)
            with self._choose_pin(policy) as chosen:
                bench.chosen = chosen
                carry_out(bench, PREPARING)
        except BaseException as error:
            self._abandon(error)
            raise
        self._sealed = bench.making
        return bench

    def _offer(self, card: ZorgIDCard, serial: str) -> CardAccepted:
        factory = card.profile.factory
        if factory is None:
            raise NotBlankError("not a blank ZORG-ID Smartcard", found=card.kind.value)
        offer = OfferCard(
            serial=serial,
            dialect=factory.dialect,
            firmware=card.firmware,
            found=card.kind.value,
            channel=card.secure_channel,
        )
        self._tell_owed()
        return self._client.ask(offer, CardAccepted)

    def _begin(
        self,
        card: ZorgIDCard,
        serial: str,
        accepted: CardAccepted,
        stages: Sequence[Stage],
        *,
        renewal: bool = False,
    ) -> Bench:
        """A new making, in place of what was known of this card; only a PUK that may lie about is remembered."""
        before = self._journal.find(serial)
        dialect = card.profile.factory.dialect if card.profile.factory is not None else ""
        making = Making(
            serial=serial,
            kind=f"{dialect} {','.join(accepted.algorithms)}",
            origin=self._client.origin,
            session=self._client.session,
            step="",
            done=True,
            puk_shown=before is not None and before.puk_shown,
            renewal=renewal,
        )
        self._journal.write(making)
        steps = (*(stage.step for stage in stages), Step.ACTIVATE)
        bench = self._bench(card, making, steps, resumed=False)
        bench.accepted = accepted
        return bench

    def _bench(self, card: ZorgIDCard, making: Making, steps: tuple[Step, ...], *, resumed: bool) -> Bench:
        course = self._bench_course(making, steps)
        return Bench(card, self._client, self._holder, self._journal, course, making, resumed, escrow=self._escrow)

    def _bench_course(self, making: Making, steps: tuple[Step, ...]) -> Course:
        return Course(self._holder, steps, self._journal.usual(making.kind))

    def _finish(self, bench: Bench) -> Made:
        """The PUK, and the commit. A card that is torn here keeps its sealed commit; of anything else the portal is told."""
        try:
            if bench.resumed:
                _require_unchanged(bench)
            carry_out(bench, FINISHING)
            self._sealed = bench.making
        except TORN:
            self._sealed = bench.making
            raise
        except BaseException as error:
            self._abandon(error)
            raise
        return self._activate(bench.course, bench.making)

    def _activate(self, course: Course, making: Making) -> Made:
        """The card is finished: there is nothing to abandon any more, only an answer to wait for.

        Raises:
            DeclinedError: the person does not want to ask again. What the portal did not hear of, it revokes by itself.
            StorageError: the portal cannot keep it now; try again (:meth:`resume`).
            CommitLateError: the portal has revoked it.
            PortalError: it refuses; what it issued is revoked.
        """
        making = replace(making, step=Step.ACTIVATE.value, done=False)
        self._journal.write(making)
        course.begin(Step.ACTIVATE)
        try:
            active = self._commit(course, making)
        except (DeclinedError, StorageError):
            raise
        except ZorgIDError as error:  # the portal's word is final
            if making.session == self._client.session:
                self._abandon(error)
            self._journal.write(replace(making, commit=b""))
            raise
        self._sealed = None
        self._journal.finish(making, took=course.took)
        return Made(making.serial, issued_of(making).certificates, active.user_name, active.ura)

    def _commit(self, course: Course, making: Making) -> CardActive:
        while True:
            try:
                return self._client.deliver(making.commit, CardActive)
            except UNHEARD as error:
                self._holder.refused(error)
                with course.asking():
                    self._holder.confirm(Question("ask-again"))
            except SessionError as error:
                if error.details.get("reason") not in _OVER:
                    raise
                raise CommitLateError(serial=making.serial) from error

    def _choose_pin(self, policy: PINPolicy) -> Secret:
        for _ in range(_PIN_ROUNDS - 1):
            try:
                return self._chosen(policy)
            except (PINMismatchError, PINPolicyError) as error:
                self._holder.refused(error)
        return self._chosen(policy)

    def _chosen(self, policy: PINPolicy) -> Secret:
        first, second = self._holder.new_pin(policy)
        with second:
            try:
                check_new_pin(first, second, policy, self._birth_date)
            except (PINMismatchError, PINPolicyError):
                first.wipe()
                raise
        return first

    def _insert_again(self, error: ZorgIDError) -> None:
        """Ask for the card that was torn, or, where the portal was away, whether to go on with it.

        Raises:
            DeclinedError: the person does not want to; what was issued is revoked.
            NoCardError: none came in time.
        """
        self._holder.refused(error)
        portal = isinstance(error, PortalUnreachableError)
        try:
            self._holder.confirm(Question("portal-again" if portal else "insert-again"))
        except DeclinedError:
            if self._sealed is not None:
                self._abandon(error)
            raise
        if not portal:
            self._holder.cue(Cue.INSERT_AGAIN)
        self._reader.wait(present=True, timeout=self._timeout)

    def _abandon(self, error: BaseException) -> None:
        """The portal is told, and what was sealed is forgotten.

        The first error is the one to tell; if the portal cannot be reached, it revokes by itself in time.
        """
        code = error.code if isinstance(error, ZorgIDError) else "interrupted"
        sealed, self._sealed = self._sealed, None
        self._owed = AbandonCard(code=code)
        with suppress(ZorgIDError):
            self._tell_owed()
        with suppress(ZorgIDError):
            known = None if sealed is None else self._journal.find(sealed.serial)
            if known is not None:
                self._journal.write(replace(known, commit=b""))

    def _tell_owed(self) -> None:
        """Tell the portal of a card that was given up; until it has heard, that goes before the offer of another.

        Raises:
            PortalUnreachableError, PortalTLSError, PortalAnswerError: it has not heard.
        """
        if self._owed is not None:
            with suppress(SessionError):  # nothing was begun: there is nothing to give up
                self._client.ask(self._owed, CardAbandoned)
            self._owed = None


def last_write_done(making: Making) -> bool:
    """Whether only the commit is missing: no card is needed to finish it (:meth:`CardCreation.resume`)."""
    last = Step.VERIFY if making.renewal else Step.PUK
    return making.step == Step.ACTIVATE or (making.step == last and making.done)


def _require_unchanged(bench: Bench) -> None:
    """While the card was out of hand, nobody changed it."""
    try:
        require_written(bench)
    except ProofError as error:
        raise CardUnfinishedError(reason="changed", serial=bench.making.serial) from error


def _instead(card: ZorgIDCard, expected: str) -> WrongCardError:
    """A blank may take the place of a card that was torn, which is given up; any other card was put in by mistake.

    Raises:
        WrongCardError: it is no blank.
    """
    wrong = WrongCardError(expected=expected, found=card.serial)
    if card.kind is not CardKind.BLANK:
        raise wrong
    return wrong


def _personalisable(channel: Channel, observer: Observer | None) -> ZorgIDCard:
    """The card, if it is one that may become a ZORG-ID Smartcard: a blank, or one that the portal may know as left half made.

    Raises:
        NotBlankError: another card; ``found`` says what. It was only read.
    """
    try:
        card = open_channel(channel, observer=observer)
    except CardNotSupportedError as error:
        raise NotBlankError(f"not a blank ZORG-ID Smartcard: {error}", found=CardKind.UNKNOWN.value) from error
    if isinstance(card, ZorgIDCard) and card.profile.factory is not None:
        return card
    if isinstance(card, PIVCard) and card.profile.factory is not None:
        return ZorgIDCard(card.link, card.profile, kind=card.kind)
    raise NotBlankError("not a blank ZORG-ID Smartcard", found=card.kind.value)
