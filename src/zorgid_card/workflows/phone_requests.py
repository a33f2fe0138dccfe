"""What a phone is asked to sign: a log-in (ORG-7), or one change that somebody is about to make (ADM-2 to ADM-7).

Who asks shows a number, and the phone's person copies it; the phone signs the statement of what was asked, with that number, and
sends what it derives from the six digits along. All of it is judged here; what was approved serves once, for just what was signed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from zorgid_card.errors import (
    MessageError,
    NotFoundError,
    NotLinkedError,
    NotSignedError,
    PhoneDigitsError,
    PhoneNumberError,
    ReplayError,
    SessionError,
    SignatureError,
    StorageError,
    TransitionError,
    UsageError,
)
from zorgid_card.pki.statement import (
    PHONE_APPROVAL,
    PHONE_LOG_IN,
    PHONE_REFUSAL,
    SignedStatement,
    Value,
    encode,
    verify_statement,
)
from zorgid_card.ports.registry import (
    CardLink,
    Consent,
    Membership,
    MobileID,
    Person,
    PhoneRequest,
    SmartCard,
    Unit,
)
from zorgid_card.workflows import audit, tallies
from zorgid_card.workflows.messages import canonical, parse
from zorgid_card.workflows.organisation import registered
from zorgid_card.workflows.pairing import PHONES, PortalIdentity, bound, member, salted, text_of
from zorgid_card.workflows.phone_messages import ApprovePhone, RefusePhone
from zorgid_card.workflows.policy import ACTIONS, CARD_ACTIONS, PHONE_ACTIONS, PhonePolicy
from zorgid_card.workflows.states import move

ALGORITHM: Final = "ES256"
DENIED: Final = frozenset({"refused", "mismatched", "failed", "replaced"})
"""States of what was asked and will not be signed."""

_CLIENT, _NAME = 100, 200
_REASON = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What waits for the phone. The page shows ``number`` and asks again with ``nonce`` until it is approved."""

    nonce: str
    number: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PhoneLoggedIn:
    """Who logged in with a phone, and for which organisation in which role."""

    person: Person
    membership: Membership
    mobile_id: str


# --- asking -------------------------------------------------------------------------------------------------


def ask_log_in(
    unit: Unit,
    portal: PortalIdentity,
    user_name: str,
    ura: str,
    binding: str,
    now: datetime,
    *,
    client: str = "",
    policy: PhonePolicy = PHONES,
) -> Asked:
    """Ask a person's phone to approve a log-in (ORG-7); an earlier one that still waits is over.

    Whether there is such a person, and a phone, is not told: nobody is asked then, and the request expires like any other.

    Args:
        unit: the open transaction.
        portal: the portal; its origin is what the phone shows and signs.
        user_name: as the person entered it.
        ura: the organisation to act for.
        binding: names the browser session; only it can finish. A hash of it is kept.
        now: UTC.
        client: from where the page was asked for, such as an address; the phone shows it, and it is limited how often it asks.
        policy: lifetimes and limits.

    Raises:
        OrganisationUnknownError: the organisation is not registered, or suspended.
        PhoneLimitError: asked too often without one being approved; ``retry_after``.
    """
    organisation = registered(unit, ura)
    user_name = _printable(user_name)[:_NAME]
    tallies.count(unit, _asked_of(ura, user_name), policy.asks_per_name, policy.window, now)
    if client:
        tallies.count(unit, f"client:{_printable(client)}", policy.asks_per_client, policy.window, now)
    phone = _phone_of(unit, user_name, ura, now)
    fields = {"organisation": organisation.name, "client": _printable(client)[:_CLIENT], "person": user_name}
    return _ask(unit, PHONE_LOG_IN, portal, phone, ura, binding, fields, now, policy.log_in_lifetime)


def ask_approval(
    unit: Unit,
    portal: PortalIdentity,
    person_id: str,
    ura: str,
    binding: str,
    now: datetime,
    *,
    action: str,
    subject: str,
    reason: str,
    detail: dict[str, str] | None = None,
    policy: PhonePolicy = PHONES,
) -> Asked:
    """Ask the phone of somebody who is logged in to sign a change that they are about to make (ADM-2 to ADM-7).

    Nothing is judged of whether they may: that is for the service which makes the change.

    Args:
        unit: the open transaction.
        portal: the portal.
        person_id: who makes the change.
        ura: the organisation for which they act.
        binding: names their browser session.
        now: UTC.
        action: one of :data:`ACTIONS`.
        subject: serial of the card, id of the person or of the phone.
        reason: in their words, 1 to 1000 characters.
        detail: what else belongs to the change, as the service's audit event names it, such as ``role``.
        policy: lifetimes.

    Raises:
        UsageError: no such action, or no reason.
        NotFoundError: the organisation has no such card, person or phone.
        NotLinkedError: the person is not linked to the organisation, or has no phone that can be asked.
        OrganisationUnknownError: the organisation is not registered, or suspended.
        PhoneLimitError: asked too often without one being signed; ``retry_after``.
    """
    if action not in ACTIONS:
        raise UsageError("nothing that a phone signs", reason="action")
    reason = reason.strip()
    if not 1 <= len(reason) <= _REASON:
        raise UsageError(f"a reason is needed, of at most {_REASON} characters", reason="reason")
    organisation = registered(unit, ura)
    member(unit, person_id, ura, now)
    phone = next(unit.find(MobileID, person_id=person_id, ura=ura, state="linked"), None)
    if phone is None:
        raise NotLinkedError("no phone is linked that could sign", ura=ura, reason="phone")
    tallies.count(unit, _asked_of(ura, person_id), policy.asks_per_name, policy.window, now)
    fields = {
        **(detail or {}),
        "organisation": organisation.name,
        "person": person_id,
        "name": _name(unit, person_id),
        "action": action,
        "subject": subject,
        "about": _about(unit, ura, action, subject, now),
        "reason": reason,
    }
    return _ask(unit, PHONE_APPROVAL, portal, phone, ura, binding, fields, now, policy.approval_lifetime)


def _ask(
    unit: Unit,
    kind: str,
    portal: PortalIdentity,
    phone: MobileID | None,
    ura: str,
    binding: str,
    fields: dict[str, str],
    now: datetime,
    lifetime: timedelta,
) -> Asked:
    if phone is not None:
        for earlier in unit.find(PhoneRequest, mobile_id=phone.id, state="asked", kind=kind):
            _end(unit, earlier, "replace")
    nonce, expires_at = text_of(secrets.token_bytes(32)), now + lifetime
    content = fields | {
        "origin": portal.origin,
        "ura": ura,
        "phone": phone.id if phone else "",
        "nonce": nonce,
        "expires": expires_at.isoformat(),
    }
    encode(kind, content | {"number": "00"})  # what cannot be signed is not asked
    asked = PhoneRequest(
        nonce=nonce,
        mobile_id=phone.id if phone else "",
        person_id=phone.person_id if phone else "",
        ura=ura,
        kind=kind,
        content=canonical({**content}).decode(),
        binding=bound(binding),
        number=f"{secrets.randbelow(100):02d}",
        state="asked",
        expires_at=expires_at,
    )
    unit.add(asked)
    return Asked(asked.nonce, asked.number, asked.expires_at)


def _phone_of(unit: Unit, user_name: str, ura: str, now: datetime) -> MobileID | None:
    for person in unit.find(Person, user_name=user_name):
        for phone in unit.find(MobileID, person_id=person.id, ura=ura, state="linked"):
            try:
                member(unit, person.id, ura, now)
            except NotLinkedError:
                return None
            return phone
    return None


def _about(unit: Unit, ura: str, action: str, subject: str, now: datetime) -> str:
    """Whose card or phone it is, or who the person is, for the phone to show; raises NotFoundError."""
    person_id = subject
    if action in CARD_ACTIONS:
        if next(unit.find(CardLink, card_serial=subject, ura=ura), None) is None:
            raise NotFoundError("no such card", what="SmartCard")
        person_id = unit.get(SmartCard, subject).person_id
    elif action in PHONE_ACTIONS:
        phone = next(unit.find(MobileID, id=subject, ura=ura), None)
        if phone is None:
            raise NotFoundError("no such phone", what="MobileID")
        person_id = phone.person_id
    elif next(unit.find(Membership, person_id=subject, ura=ura), None) is None:
        raise NotFoundError("this person is not linked to the organisation", what="Membership")
    return _name(unit, person_id)


def _name(unit: Unit, person_id: str) -> str:
    person = unit.get(Person, person_id)
    return f"{person.given_names} {person.surname}"


def _asked_of(ura: str, person: str) -> str:
    """What is limited: log-ins of one name, and changes of one person."""
    return f"asked:{ura}:{person}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


# --- the phone ----------------------------------------------------------------------------------------------


def waiting(unit: Unit, mobile_id: str, now: datetime) -> PhoneRequest | None:
    """What this phone is asked now; the one that ends first."""
    open_ones = [r for r in unit.find(PhoneRequest, mobile_id=mobile_id, state="asked") if now < r.expires_at]
    return min(open_ones, key=lambda request: request.expires_at, default=None)


def approve(unit: Unit, given: ApprovePhone, now: datetime, *, policy: PhonePolicy = PHONES) -> None:
    """Judge the phone's approval (ORG-7). Wrong digits and a wrong number are *counted* errors: the transaction is kept.

    The signature is judged first, so that nobody without the phone's key can spend its tries. The very same approval may come
    again: its answer was lost.

    Args:
        unit: the open transaction; nothing else may be written in it before this.
        given: what the phone sent.
        now: UTC.
        policy: tries, and how long a change can be made with it.

    Raises:
        ReplayError: this is not open: answered before, or unknown.
        SessionError: it has expired.
        TransitionError: the phone is not linked, or blocked.
        SignatureError: not signed by this phone for just this.
        PhoneNumberError: not the number on the page; this request is over.
        PhoneDigitsError: wrong digits; ``tries_left``; at 0 the phone is blocked. This request is over.
    """
    asked = _request_of(unit, given.phone, given.nonce)
    if asked.signature is not None and hmac.compare_digest(asked.signature, given.signature):
        return
    phone = _open(unit, asked, now)
    fields = fields_of(asked, given.number)
    verify_statement(phone.public_key or b"", asked.kind, fields, given.signature, ALGORITHM)
    if not hmac.compare_digest(asked.number.encode(), given.number.encode()):
        _end(unit, asked, "mismatch")
        raise PhoneNumberError
    if not hmac.compare_digest(salted(phone.salt, given.verifier), phone.verifier or b""):
        _end(unit, asked, "fail")
        raise PhoneDigitsError(tries_left=_spend_try(unit, phone, now))
    until = now + policy.approval_lifetime if asked.kind == PHONE_APPROVAL else asked.expires_at
    approved = move("phone-request", asked.state, "approve")
    unit.replace(replace(asked, state=approved, signature=given.signature, expires_at=until))
    unit.replace(replace(phone, tries_left=policy.tries, last_used_at=now))
    tallies.forgive(unit, _asked_of(asked.ura, str(fields["person"])))


def refuse(unit: Unit, given: RefusePhone, origin: str, now: datetime) -> None:
    """The phone's person refuses; it is audited. Raises as :func:`approve`; what is refused already stays so."""
    asked = _request_of(unit, given.phone, given.nonce)
    phone = unit.get(MobileID, asked.mobile_id)
    fields = {"origin": origin, "phone": phone.id, "nonce": asked.nonce}
    verify_statement(phone.public_key or b"", PHONE_REFUSAL, fields, given.signature, ALGORITHM)
    if asked.state in DENIED:
        return
    if asked.state != "asked":
        raise ReplayError("this is not open", what="phone-request")
    _end(unit, asked, "refuse")
    audit.record(unit, now, phone.person_id, asked.ura, "phone.refuse", phone.id, kind=asked.kind)


def _request_of(unit: Unit, mobile_id: str, nonce: str) -> PhoneRequest:
    asked = next(unit.find(PhoneRequest, nonce=nonce, mobile_id=mobile_id), None) if mobile_id else None
    if asked is None:
        raise ReplayError("this is not open", what="phone-request")
    return asked


def _open(unit: Unit, asked: PhoneRequest, now: datetime) -> MobileID:
    if asked.state != "asked":
        raise ReplayError("this is not open", what="phone-request")
    if now >= asked.expires_at:
        raise SessionError("this has expired", reason="expired")
    phone = unit.get(MobileID, asked.mobile_id)
    if phone.state != "linked":
        raise TransitionError(f"this phone is {phone.state}", what="mobile", state=phone.state, event="sign")
    return phone


def fields_of(asked: PhoneRequest, number: str) -> dict[str, Value]:
    """What is signed with this number; raises StorageError."""
    try:
        return {**parse(asked.content.encode()), "number": number}  # type: ignore[dict-item]
    except MessageError as error:  # somebody has changed it
        raise StorageError("a question to a phone cannot be read", reason="corrupt") from error


def _end(unit: Unit, asked: PhoneRequest, event: str) -> None:
    unit.replace(replace(asked, state=move("phone-request", asked.state, event)))


def _spend_try(unit: Unit, phone: MobileID, now: datetime) -> int:
    left = phone.tries_left - 1
    blocked = left <= 0
    state = move("mobile", phone.state, "block") if blocked else phone.state
    unit.replace(replace(phone, tries_left=left, state=state))
    if blocked:
        audit.record(unit, now, "portal", phone.ura, "phone.block", phone.id, "too many wrong digits")
    return left


# --- the page -----------------------------------------------------------------------------------------------


def status(unit: Unit, nonce: str, binding: str, now: datetime) -> str:
    """For the page that waits: ``asked``, ``approved``, ``refused`` or ``over``; changes nothing.

    ``over`` is what there is to say of what has expired or served, and to a stranger.
    """
    asked = next(unit.find(PhoneRequest, nonce=nonce), None)
    if asked is None or not is_of(asked, binding) or asked.state == "used" or now >= asked.expires_at:
        return "over"
    return "refused" if asked.state in DENIED else asked.state


def finish_log_in(unit: Unit, nonce: str, binding: str, now: datetime) -> PhoneLoggedIn | None:
    """The page asks whether the phone has approved; None: not yet. A log-in serves once.

    Raises:
        ReplayError: no such log-in of this browser session, or it has served.
        SessionError: ``reason`` ``expired`` or ``refused``.
        NotLinkedError, OrganisationUnknownError: the person or the organisation is not what it was when
            asked.
    """
    asked = next(unit.find(PhoneRequest, nonce=nonce, kind=PHONE_LOG_IN), None)
    if asked is None or not is_of(asked, binding) or asked.state == "used":
        raise ReplayError("this log-in is not open", what="log-in")
    if asked.state in DENIED:
        raise SessionError("the phone refused this log-in", reason="refused")
    if now >= asked.expires_at:
        raise SessionError("this log-in has expired", reason="expired")
    if asked.state == "asked":
        return None
    registered(unit, asked.ura)
    if unit.get(MobileID, asked.mobile_id).state != "linked":
        raise SessionError("the phone was blocked meanwhile", reason="refused")
    found = PhoneLoggedIn(
        unit.get(Person, asked.person_id), member(unit, asked.person_id, asked.ura, now), asked.mobile_id
    )
    unit.replace(replace(asked, state=move("phone-request", asked.state, "use")))
    audit.record(unit, now, asked.person_id, asked.ura, "phone.log-in", asked.mobile_id)
    return found


def is_of(asked: PhoneRequest, binding: str) -> bool:
    """Whether this browser session has asked it."""
    return hmac.compare_digest(asked.binding.encode(), bound(binding).encode())


# --- the service that makes the change ----------------------------------------------------------------------


def require_signed(
    unit: Unit, now: datetime, actor: str, ura: str, action: str, subject: str, reason: str | None, **detail: str
) -> None:
    """The actor's phone has signed just this change, a moment ago; the signature is used up, and kept as evidence.

    To be called in the transaction of the change, with what its audit event says: when this raises, nothing is changed.

    Args:
        unit: the open transaction.
        now: UTC.
        actor: id of the person who makes the change.
        ura: the organisation for which they act.
        action: as :func:`ask_approval`.
        subject: as :func:`ask_approval`.
        reason: as :func:`ask_approval`.
        detail: as :func:`ask_approval`.

    Raises:
        NotSignedError: no signature over just this that is fresh, unused, and of a phone that is still linked; ``action``.
    """
    wanted = detail | {"action": action, "subject": subject, "reason": (reason or "").strip(), "person": actor}
    for asked, phone in _signed(unit, actor, ura, now):
        fields = fields_of(asked, asked.number)
        if {name: value for name, value in fields.items() if name not in PORTALS} != wanted:
            continue
        try:
            verify_statement(phone.public_key or b"", PHONE_APPROVAL, fields, asked.signature or b"", ALGORITHM)
        except SignatureError:
            continue
        _use(unit, asked, phone, fields, now)
        return
    raise NotSignedError("the phone has not signed this change", action=action)


PORTALS: Final = frozenset({"origin", "ura", "organisation", "phone", "nonce", "number", "expires", "name", "about"})
"""Fields that the portal itself adds to what is asked."""


def _signed(unit: Unit, actor: str, ura: str, now: datetime) -> Iterator[tuple[PhoneRequest, MobileID]]:
    for asked in unit.find(PhoneRequest, person_id=actor, state="approved", ura=ura, kind=PHONE_APPROVAL):
        phone = unit.get(MobileID, asked.mobile_id)
        if now < asked.expires_at and phone.state == "linked":
            yield asked, phone


def _use(unit: Unit, asked: PhoneRequest, phone: MobileID, fields: dict[str, Value], now: datetime) -> None:
    signed = SignedStatement(PHONE_APPROVAL, fields, ALGORITHM, asked.signature or b"")
    evidence = canonical(
        {
            "statement": encode(signed.kind, signed.fields).decode(),
            "algorithm": signed.algorithm,
            "signature": signed.signature.hex(),
            "public_key": (phone.public_key or b"").hex(),
        }
    )
    unit.replace(replace(asked, state=move("phone-request", asked.state, "use")))
    unit.add(Consent(id=asked.nonce, person_id=asked.person_id, ura=asked.ura, evidence=evidence, at=now))
    digest = hashlib.sha256(evidence).hexdigest()
    audit.record(unit, now, asked.person_id, asked.ura, "phone.sign", phone.id, consent=digest)
