"""The steps that a page can have done: the card side's workflows, each with the person asked where they should be, and no more."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

from zorgid_card.adapters.origin import spoken_origin
from zorgid_card.adapters.qr import qr_svg
from zorgid_card.agent import messages
from zorgid_card.agent.messages import (
    CodesResult,
    CreatedResult,
    LoggedIn,
    OtherCard,
    PhoneOffered,
    PINStatusResult,
    ReaderSeen,
    ReadersSeen,
    RegisteredResult,
    Result,
    Start,
    StartCreate,
    StartLogIn,
    StartPINChange,
    StartPINStatus,
    StartPINUnblock,
    StartPUKChange,
    StartReaders,
    StartRegister,
    StartRenew,
    TriesLeft,
)
from zorgid_card.agent.page_holder import Own, Page, PageHolder, Prompts, Stop
from zorgid_card.agent.slots import Claims, Search, Slot, holds_card, kind_in
from zorgid_card.cards import Card, CardKind, Tries
from zorgid_card.errors import CancelledError, CardUnfinishedError, DeclinedError, PortalError
from zorgid_card.opening import open_card
from zorgid_card.ports.card import Reader
from zorgid_card.ports.journal import Journal
from zorgid_card.ports.seam import Seam
from zorgid_card.texts import Texts
from zorgid_card.workflows import codes
from zorgid_card.workflows.card_side import log_in
from zorgid_card.workflows.creation import CardCreation, Made, Replaced, last_write_done
from zorgid_card.workflows.escrow import KeyOfficer
from zorgid_card.workflows.holder import Cue, Question
from zorgid_card.workflows.registration import Registration
from zorgid_card.workflows.renewal import CardRenewal
from zorgid_card.workflows.session import PortalClient
from zorgid_card.workflows.stopping import StoppableHolder

VERSION: Final = version("zorgid-card")
_PATIENCE: Final = 2.0
"""Seconds for which another program that has the card is waited for."""
_PASS: Final = (CardKind.UZI_PASS,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What stands beside the agent.

    Attributes:
        readers: gives the readers of this computer, now.
        seam: gives a way to the portal of an origin.
        own: gives the agent's own prompts, for a page's origin.
        journal: where it is kept how far each card is.
        officer: whose key PUKs are sealed for, where the portal keeps them.
        middleware: as :func:`zorgid_card.opening.open_card` takes it.
        hands: moves the cards that are asked for, where no person does.
    """

    readers: Callable[[], Sequence[Reader]]
    seam: Callable[[str], Seam]
    own: Callable[[str, Texts], Own]
    journal: Journal
    officer: KeyOfficer | None = None
    middleware: str | None = ""
    hands: Callable[[Cue], None] | None = None
    prompts: Prompts = field(default_factory=Prompts)
    claims: Claims = field(default_factory=Claims)


class Step:
    """One step of one page, in a thread of its own.

    Args:
        desk: what it is done with.
        origin: the page's, from the transport.
        page: the page.
        stop: set when it is to end.
        texts: in the page's language.
    """

    def __init__(self, desk: Desk, origin: str, page: Page, stop: Stop, texts: Texts) -> None:
        self._desk = desk
        self._origin = origin
        self._page = page
        self._stop = stop
        self._slot: Slot | None = None
        asked = PageHolder(page, desk.own(origin, texts), desk.prompts, stop, texts, self._expect)
        self.holder = StoppableHolder(asked, stop)

    def run(self, start: Start) -> Result:
        """Do it.

        Raises:
            ZorgIDError: what stood in the way.
        """
        return _STEPS[type(start)](self, start)

    def _expect(self, cue: Cue) -> None:
        if self._slot is not None:
            self._slot.expect(cue)
        if self._desk.hands is not None:
            self._desk.hands(cue)

    def _other(self, kind: CardKind) -> None:
        self._page.tell(OtherCard, kind=kind.value)

    @contextmanager
    def _at(self, start: Start, cue: Cue, kinds: Sequence[CardKind]) -> Iterator[Slot]:
        """The reader of this step, this step's alone."""
        if start.reader is None and len(self._desk.readers()) > 1:
            self.holder.cue(cue)
        reader = Search(self._desk.readers, self._desk.claims, self._stop, self._other).reader(start.reader, kinds)
        with self._desk.claims.claim(reader):
            self._slot = Slot(reader, self._stop, self._other)
            yield self._slot

    @contextmanager
    def _card(self, start: Start) -> Iterator[tuple[str, Card]]:
        """The UZI pass or ZORG-ID Smartcard of whoever sits there, as soon as it is in."""
        with self._at(start, Cue.INSERT_CARD, codes.PERSONAL) as slot:
            if not holds_card(slot) or kind_in(slot) not in codes.PERSONAL:
                self.holder.cue(Cue.INSERT_CARD)
            slot.expect(Cue.INSERT_CARD, codes.PERSONAL)
            slot.wait(present=True)
            with open_card(slot, timeout=_PATIENCE, middleware=self._desk.middleware) as card:
                codes.require_personal(card)
                yield slot.name, card

    # --- the steps ------------------------------------------------------------------------------------------------

    def readers(self, _: StartReaders) -> ReadersSeen:
        """Names of the readers, and what is in them; at one where a step goes on, only that a card is in."""
        return ReadersSeen(readers=tuple(map(self._seen, self._desk.readers())))

    def _seen(self, reader: Reader) -> ReaderSeen:
        there = holds_card(reader)
        kind = self._desk.claims.kind_in(reader) if there else None
        return ReaderSeen(name=reader.name[:200], card=there, kind=None if kind is None else kind.value)

    def log_in(self, start: StartLogIn) -> LoggedIn:
        """Sign the portal's challenge, for the origin of the connection, when the person has seen it (AUT-1)."""
        with self._card(start) as (_, card):
            certificate = card.authentication_certificate()
            self.holder.confirm(Question("log-in", (("origin", spoken_origin(self._origin)),)))
            signer = card.authentication_signer(self.holder.pin)
            return LoggedIn(token=json.loads(log_in(signer, certificate, origin=self._origin, nonce=start.nonce)))

    def register(self, start: StartRegister) -> RegisteredResult:
        """ORG-3 to ORG-6."""
        with self._at(start, Cue.INSERT_PASS, _PASS) as slot:
            registration = Registration(slot, self._client(), self.holder)
            registered = registration.register(platform=platform.system(), client_version=VERSION, ura=start.ura)
            offered = registration.offer_phone()
            self._page.tell(PhoneOffered, qr_svg=qr_svg(offered.qr).decode(), expires_at=offered.expires_at.isoformat())
            linked = registration.link_phone(offered, wait=self._pause)
        return RegisteredResult(
            ura=registered.ura,
            name=registered.name,
            person=registered.person,
            user_name=registered.user_name,
            phone=linked.phone,
        )

    def create(self, start: StartCreate) -> CreatedResult:
        """CRD-1 to CRD-10; what an interruption has left of another card is finished first (CRD-8)."""
        given = start.replaces
        replaces = None if given is None else Replaced(cause=given.cause, serial=given.serial or "")
        with self._at(start, Cue.INSERT_PASS, _PASS) as slot:
            finished = self._finished(slot)
            if finished is not None:
                return _created(finished)
            making = CardCreation(
                slot,
                self._client(),
                self.holder,
                self._desk.journal,
                officer=self._desk.officer,
                replaces=replaces,
            )
            return _created(making.run(platform=platform.system(), client_version=VERSION))

    def renew(self, start: StartRenew) -> CreatedResult:
        """New keys on the card; if its old ones are lost in an interruption, it is made anew."""
        with self._at(start, Cue.INSERT_PASS, _PASS) as slot:
            making = CardRenewal(slot, self._client(), self.holder, self._desk.journal, officer=self._desk.officer)
            return _created(making.run(platform=platform.system(), client_version=VERSION), made_anew=making.made_anew)

    def _finished(self, slot: Slot) -> Made | None:
        """What only wants its commit is activated; a card that must be there for it is asked for, and then it is this step's."""
        for making in self._desk.journal.unfinished():
            if making.origin != self._origin or not making.commit:
                continue
            needed = not last_write_done(making)
            with suppress(CardUnfinishedError, DeclinedError, PortalError):  # it keeps nobody from making another
                if needed:
                    self.holder.confirm(Question("finish-card", (("serial", making.serial),)))
                made = CardCreation(slot, self._client(), self.holder, self._desk.journal).resume(making)
                if needed:
                    return made
        return None

    def pin_status(self, start: StartPINStatus) -> PINStatusResult:
        """PIN-1."""
        with self._card(start) as (name, card):
            status = codes.read_status(name, card)
        expires = None if status.expiry is None else status.expiry.not_after.date().isoformat()
        return PINStatusResult(
            reader=name[:200],
            kind=status.kind.value,
            pin=_left(status.pin),
            puk=_left(status.puk),
            expires=expires,
        )

    def pin_change(self, start: StartPINChange) -> CodesResult:
        """PIN-2."""
        return self._changed(start, lambda card: codes.change_pin(card, self.holder))

    def pin_unblock(self, start: StartPINUnblock) -> CodesResult:
        """PIN-3."""
        return self._changed(start, lambda card: codes.unblock_pin(card, self.holder))

    def puk_change(self, start: StartPUKChange) -> CodesResult:
        """PIN-4: drawn, and shown by the agent."""
        return self._changed(start, lambda card: codes.draw_puk(card, self.holder))

    def _changed(self, start: Start, act: Callable[[Card], None]) -> CodesResult:
        with self._card(start) as (_, card):
            act(card)
            return CodesResult(kind=card.kind.value, pin=_left(card.tries()), puk=_left(card.puk_tries()))

    # --- what they have in common ---------------------------------------------------------------------------------

    def _client(self) -> PortalClient:
        return PortalClient(self._desk.seam(self._origin))

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise CancelledError


_STEPS: Final[Mapping[type[Start], Callable[[Step, Any], Result]]] = {
    StartReaders: Step.readers,
    StartLogIn: Step.log_in,
    StartRegister: Step.register,
    StartCreate: Step.create,
    StartRenew: Step.renew,
    StartPINStatus: Step.pin_status,
    StartPINChange: Step.pin_change,
    StartPINUnblock: Step.pin_unblock,
    StartPUKChange: Step.puk_change,
}


def _left(tries: Tries) -> TriesLeft:
    return TriesLeft(state=tries.state.value, left=tries.left)


def _created(made: Made, *, made_anew: bool | None = None) -> messages.CreatedResult:
    return CreatedResult(serial=made.serial, user_name=made.user_name, ura=made.ura, made_anew=made_anew)
