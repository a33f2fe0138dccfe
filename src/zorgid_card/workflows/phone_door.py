"""The portal's two doors for phones: the page's, and the phone's; each call is one transaction, with the tries that it spends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias, TypeVar

from zorgid_card.errors import (
    CertificateError,
    MessageError,
    NotLinkedError,
    PairingError,
    SessionError,
    ZorgIDError,
)
from zorgid_card.pki.statement import PHONE_POLL, verify_statement
from zorgid_card.ports.registry import MobileID, Person, Tally, Unit
from zorgid_card.workflows import pairing, phone_pending, phone_requests
from zorgid_card.workflows.log_in import UZI_PASS, LoggedIn
from zorgid_card.workflows.messages import Message, Refusal, canonical, from_json, parse, to_json
from zorgid_card.workflows.pairing import LinkProgress, Offer
from zorgid_card.workflows.phone_messages import (
    ApprovePhone,
    ClaimPhone,
    PhoneClaimed,
    PhoneDone,
    PhoneState,
    PollPhone,
    RefusePhone,
)
from zorgid_card.workflows.phone_pending import PendingChange
from zorgid_card.workflows.phone_requests import Asked, PhoneLoggedIn
from zorgid_card.workflows.portal import Services
from zorgid_card.workflows.turn import in_turn

T = TypeVar("T")

CLOCKS_APART: Final = timedelta(minutes=2)
"""How far a phone's clock may be from the portal's: so long a poll is fresh."""

PhoneMessage: TypeAlias = ClaimPhone | PollPhone | ApprovePhone | RefusePhone


class PhoneDoor:
    """What a portal's pages do with phones (ORG-5 to ORG-7, ADM-7). ``binding`` names the browser session everywhere."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def seam(self) -> PhoneSeam:
        """The phone's own door."""
        return PhoneSeam(self._services)

    # linking

    def offer(self, uzi_number: str, ura: str, *, binding: str, authentication: str) -> Offer:
        """A QR code for a person who has just authenticated with a UZI pass (ORG-5, ADM-7).

        Administrators come by registration (:mod:`zorgid_card.workflows.enrolment`); this is for whom they appointed, and for a
        phone in the place of a lost one.

        Args:
            uzi_number: of the pass, as :class:`~zorgid_card.workflows.log_in.LoggedIn` says.
            ura: the organisation of the pass.
            binding: the browser session that shows the code, and is to confirm.
            authentication: names this very authentication, such as its challenge: each serves for one code.

        Raises:
            NotLinkedError: the person is not known here, or not linked to the organisation.
            OrganisationUnknownError: the organisation is not registered, or suspended.
            PairingError: ``reason`` ``used``: this authentication has served.
            OneMeansError: the person has a ZORG-ID Smartcard (CRD-12).
        """
        services, policy = self._services, self._services.policy

        def work(unit: Unit, now: datetime) -> Offer:
            person = next(unit.find(Person, uzi_number=uzi_number), None)
            if person is None:
                raise NotLinkedError(ura=ura)
            _use_authentication(unit, authentication, now + policy.session_lifetime)
            means, phones = policy.one_means, policy.phones
            return pairing.offer(unit, services.identity, person, ura, binding, now, one_means=means, policy=phones)

        return self._do(work)

    def offer_after(self, who: LoggedIn, *, binding: str) -> Offer:
        """:meth:`offer` for who has just logged in with a UZI pass: a log-in serves for one QR code, and for as long as a session.

        Args:
            who: as the log-in told.
            binding: the browser session that shows the code, and is to confirm.

        Raises:
            PairingError: ``reason`` ``log-in``: it was with another card, or too long ago; ``used``: it has served.
            ZorgIDError: as :meth:`offer`.
        """
        services = self._services
        if who.means != UZI_PASS or services.clock() - who.at > services.policy.session_lifetime:
            raise PairingError("a QR code needs a log-in with the UZI pass just before", reason="log-in")
        authentication = f"{who.uzi_number} {who.at.isoformat()}"
        return self.offer(who.uzi_number, who.ura, binding=binding, authentication=authentication)

    def progress(self, mobile_id: str, *, binding: str) -> LinkProgress:
        """How far the linking is, for a page that waits; changes nothing, and tells a stranger nothing."""
        return self._do(lambda unit, now: pairing.progress(unit, mobile_id, binding, now))

    def confirm(self, mobile_id: str, code: str, *, binding: str) -> MobileID:
        """The code that the phone shows was entered, or confirmed, on the page; raises what :func:`pairing.confirm` raises."""
        linked = self._do(lambda unit, now: pairing.confirm(unit, mobile_id, binding, code, now))
        self._services.happened("phone.linked")
        return linked

    # logging in, signing

    def ask(self, user_name: str, ura: str, *, binding: str, client: str = "") -> Asked:
        """The page asks a person's phone to approve a log-in; raises what :func:`phone_requests.ask_log_in` raises."""
        portal, policy = self._services.identity, self._services.policy.phones
        return self._do(
            lambda unit, now: phone_requests.ask_log_in(
                unit, portal, user_name, ura, binding, now, client=client, policy=policy
            )
        )

    def ask_approval(
        self, person_id: str, ura: str, *, binding: str, action: str, subject: str, reason: str, **detail: str
    ) -> Asked:
        """The page asks for the signature under one change; raises what :func:`phone_requests.ask_approval` raises."""
        portal, policy = self._services.identity, self._services.policy.phones
        return self._do(
            lambda unit, now: phone_requests.ask_approval(
                unit,
                portal,
                person_id,
                ura,
                binding,
                now,
                action=action,
                subject=subject,
                reason=reason,
                detail=detail,
                policy=policy,
            )
        )

    def status(self, nonce: str, *, binding: str) -> str:
        """``asked``, ``approved``, ``refused`` or ``over``, for a page that waits; it changes nothing, strangers learn nothing."""
        return self._do(lambda unit, now: phone_requests.status(unit, nonce, binding, now))

    def pending(self, nonce: str, *, binding: str) -> PendingChange:
        """What this session asked with :meth:`ask_approval`, for the page that waits; raises NotFoundError."""
        return self._do(lambda unit, now: phone_pending.pending(unit, nonce, binding, now))

    def finish(self, nonce: str, *, binding: str) -> PhoneLoggedIn | None:
        """The page asks who has logged in; None: not yet. Raises what :func:`phone_requests.finish_log_in` raises."""
        found = self._do(lambda unit, now: phone_requests.finish_log_in(unit, nonce, binding, now))
        if found is not None:
            self._services.happened("log-in.phone")
        return found

    def _do(self, work: Callable[[Unit, datetime], T]) -> T:
        return in_turn(self._services.registry, lambda unit: work(unit, self._services.clock()))


def _use_authentication(unit: Unit, name: str, until: datetime) -> None:
    tally = Tally(id=f"phone-offer:{pairing.bound(name)}", count=1, expires_at=until)
    if any(unit.find(Tally, id=tally.id)):
        raise PairingError("a new QR code needs a new UZI authentication", reason="used")
    unit.add(tally)


class PhoneSeam:
    """The phone's door (:class:`~zorgid_card.ports.seam.Seam`): one message there, one answer back; docs/mobile-protocol.md."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def origin(self) -> str:
        """The portal's origin."""
        return self._services.identity.origin

    def ask(self, request: bytes, /) -> bytes:
        """Answer one message. Never raises a :class:`ZorgIDError`: a refusal is an answer."""
        try:
            message = from_json(parse(request))
            if not isinstance(message, PhoneMessage):
                raise MessageError(f"{message.kind} is no message of a phone", field="kind")
            answer = in_turn(self._services.registry, partial(self._answer, message))
        except ZorgIDError as error:
            answer = Refusal.of(error)
        return canonical(to_json(answer))

    def _answer(self, message: PhoneMessage, unit: Unit) -> Message:
        services, now = self._services, self._services.clock()
        if isinstance(message, ClaimPhone):
            return PhoneClaimed(expires_at=pairing.claim(unit, message, now))
        if isinstance(message, PollPhone):
            return self._state(unit, message, now)
        if isinstance(message, ApprovePhone):
            phone_requests.approve(unit, message, now, policy=services.policy.phones)
        else:
            phone_requests.refuse(unit, message, self.origin, now)
        return PhoneDone()

    def _state(self, unit: Unit, message: PollPhone, now: datetime) -> PhoneState:
        identity = self._services.identity
        phone = self._polling(unit, message)
        if abs(now - message.at) > CLOCKS_APART:
            raise SessionError("the phone's clock is not right", reason="clock", now=now.isoformat())
        known = (identity.fingerprint, identity.next_fingerprint)
        asked = phone_requests.waiting(unit, phone.id, now) if phone.state == "linked" else None
        return PhoneState(
            state="expired" if phone.state == "linking" and now >= phone.expires_at else phone.state,
            tries_left=phone.tries_left,
            fingerprints=tuple(one for one in known if one is not None),
            statement=None if asked is None else asked.kind,
            fields=None if asked is None else asked.content,
        )

    def _polling(self, unit: Unit, message: PollPhone) -> MobileID:
        """The phone that polls; raises PairingError (``unknown``) alike for no such phone and for somebody else."""
        phone = next(unit.find(MobileID, id=message.phone), None)
        fields = {"origin": self.origin, "phone": message.phone, "at": message.at.isoformat()}
        try:
            if phone is not None and phone.public_key:
                verify_statement(phone.public_key, PHONE_POLL, fields, message.signature, phone_requests.ALGORITHM)
                return phone
        except CertificateError:
            pass
        raise PairingError("no such phone", reason="unknown")
