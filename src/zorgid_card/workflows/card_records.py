"""What the portal keeps of the cards that are made (CRD-5 to CRD-10): which may be made, what becomes of them, who is told."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Final

from zorgid_card.errors import CardInUseError, CardScrappedError, NotBlankError, SessionError
from zorgid_card.pki.csr import request_template
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.authority import SubjectData
from zorgid_card.ports.registry import CardAttempt, CardLink, IssuedCertificate, SmartCard, Unit
from zorgid_card.workflows import audit, people, revocation_list
from zorgid_card.workflows.authentication import session_identity
from zorgid_card.workflows.creation_messages import CardAccepted, OfferCard, RenewCard
from zorgid_card.workflows.portal import Context
from zorgid_card.workflows.states import move

BLANK: Final = "blank"
SERIAL: Final = re.compile(r"[0-9]{1,20}")

_LABEL = 80
_REASON_LENGTH = 80


def accept(
    context: Context,
    message: OfferCard | RenewCard,
    how: str,
    over_channel: bool,
    *,
    found: str,
    pin_tries: int | None = None,
    puk_tries: int | None = None,
    **more: str,
) -> CardAccepted:
    """What is wanted of this card, and in the session's facts that it is; ``more`` are further facts."""
    policy, identity = context.services.policy.creation, session_identity(context)
    offers = int(context.facts.get("offers", "0")) + 1
    if offers > policy.offers_per_session:
        raise SessionError("this session has offered too many cards", reason="offers")
    key_officer = b"" if more else policy.key_officer  # a renewed card keeps its PUK
    guid, expires = uuid.uuid4(), (context.now + policy.validity).date()
    renew = found != BLANK and not more
    for old in (
        "relay",
        "emptied",
        "keys",
        "certificates",
        "written",
        "asked",
        "pending",
        "renewal",
        "present",
        "present_algorithm",
        "escrow",
        "escrowed",
    ):
        context.facts.pop(old, None)
    context.facts.update(
        card=message.serial,
        dialect=message.dialect,
        firmware=message.firmware[:_LABEL],
        found=found,
        renew=yes(renew),
        residency=how,
        channel=yes(over_channel),
        guid=guid.hex,
        expires=expires.isoformat(),
        escrow=yes(bool(key_officer)),
        offers=str(offers),
        **more,
    )
    return CardAccepted(
        renew=renew,
        channel=over_channel,
        residency=how,
        slots=policy.slots,
        algorithms=tuple(map(policy.algorithm_of, policy.slots)),
        requests=tuple(request_template(policy.profiles[slot], subject(identity), guid.bytes) for slot in policy.slots),
        administration_algorithm=policy.administration_algorithm,
        guid=guid.bytes,
        expires=expires,
        pin_minimum=policy.pin.minimum,
        pin_maximum=policy.pin.maximum,
        pin_tries=pin_tries or 0,
        puk_tries=puk_tries or 0,
        key_officer=key_officer,
    )


def require_one_means(context: Context) -> None:
    """CRD-12, where the policy has it: this session's person logs in with no phone, and does not manage; raises OneMeansError."""
    if context.services.policy.one_means:
        people.require_one_means(context.unit, context.facts["person"], people.SMARTCARD, context.now)


def yes(flag: bool) -> str:
    """Facts are text."""
    return "yes" if flag else ""


def subject(identity: UZIIdentity) -> SubjectData:
    """The person of a certificate."""
    return SubjectData(
        uzi_number=identity.uzi_number,
        given_names=identity.given_names or "",
        surname=identity.surname or "",
        common_name=identity.common_name,
    )


def require_free(context: Context, serial: str, found: str) -> SmartCard | None:
    """The card may be made; returns what is known of it.

    Free is a card that we do not know, if it is blank or this person has begun it; one whose certificate is dead; and of this
    person's own: a half-made one, one whose certificate has expired, and one that was reset to factory state, for its key is
    gone. A half-made card of somebody else is free when its time is over. A blocked card stays blocked.

    Raises:
        NotBlankError, CardInUseError, CardScrappedError: it is not free.
    """
    unit, person = context.unit, context.facts["person"]
    card = next(unit.find(SmartCard, serial=serial), None)
    if card is None:
        if found != BLANK and not any(unit.find(CardAttempt, id=f"{serial}:{person}")):
            raise NotBlankError("the card is in use, and not known here", found=found)
        return None
    if card.state == "scrapped":
        raise CardScrappedError(serial=serial)
    own = card.person_id == person
    late = context.now >= card.created_at + context.services.policy.creation.commit_within
    half_made = (card.state == "creating" and (own or late)) or (card.state == "renewing" and own)
    over = card.state == "active" and own and (found == BLANK or has_expired(context, card))
    if card.state in ("revoked", "abandoned") or half_made or over:
        return card
    if found == BLANK:
        raise CardInUseError(serial=serial)
    raise NotBlankError("the card is in use", found=found)


def has_expired(context: Context, card: SmartCard) -> bool:
    """Whether the card's certificate has had its time."""
    return context.unit.get(IssuedCertificate, card.certificate_serial).not_after <= context.now


def card_of_session(context: Context) -> SmartCard:
    """The card that this session makes; raises CardInUseError when another session has taken it up since."""
    card = next(context.unit.find(SmartCard, serial=context.facts["card"]), None)
    if card is None or card.state != "creating" or card.guid != context.facts["guid"]:
        raise CardInUseError("another attempt has taken this card up", serial=context.facts["card"])
    return card


def link(unit: Unit, serial: str, ura: str, until: datetime | None, now: datetime) -> CardLink:
    """Link a card to an organisation, as the person is (CRD-10, CRD-11); a link that holds as long stays as it is."""
    for known in unit.find(CardLink, card_serial=serial, ura=ura):
        if not people.is_current(known.until, now):
            continue
        if known.until is not None and (until is None or known.until < until):
            unit.replace(longer := replace(known, until=until))
            return longer
        return known
    made = CardLink(id=uuid.uuid4().hex, card_serial=serial, ura=ura, until=until)
    unit.add(made)
    return made


def give_up(context: Context, card: SmartCard, event: str, why: str) -> SmartCard:
    """The card has no working key any more: its certificates are revoked."""
    unit, why = context.unit, why[:_REASON_LENGTH]
    given_up = replace(card, state=move("card", card.state, event), reason=why)
    unit.replace(given_up)
    revocation_list.change_all(unit, card.serial, "revoke", revocation_list.UNFINISHED, context.now)
    audited(context, f"card.{event}", card.serial, certificate=card.certificate_serial, why=why)
    return given_up


def audited(context: Context, action: str, about: str, **detail: str) -> None:
    """Put on record what was done for the person of this session."""
    identity = session_identity(context)
    audit.record(context.unit, context.now, identity.uzi_number, identity.ura, action, about, None, **detail)
