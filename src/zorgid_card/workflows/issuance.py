"""Making a ZORG-ID Smartcard, the portal side (CRD-1 to CRD-10): decides, certifies, records, activates, revokes."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from cryptography import x509

from zorgid_card.errors import (
    CardInUseError,
    CardScrappedError,
    CommitLateError,
    MessageError,
    NotBlankError,
    PassTypeError,
    SessionError,
)
from zorgid_card.pki.authority import new_serial
from zorgid_card.pki.csr import request_template, verify_csr
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.pki.profile import PROFILES
from zorgid_card.pki.revocation import ON_HOLD
from zorgid_card.pki.statement import CARD_PROOF, verify_statement
from zorgid_card.ports.authority import SubjectData
from zorgid_card.ports.registry import (
    CardAttempt,
    CardLink,
    IssuedCertificate,
    Person,
    SmartCard,
    Unit,
)
from zorgid_card.workflows import audit, organisation, people, residency, revocation_list
from zorgid_card.workflows.authentication import (
    about,
    accept_pass,
    authenticated_session,
    session_identity,
    session_pass,
)
from zorgid_card.workflows.creation_messages import (
    AbandonCard,
    AdministrationKey,
    CardAbandoned,
    CardAccepted,
    CardActive,
    CertificatesIssued,
    CommitCard,
    FetchAdministrationKey,
    MatchPerson,
    OfferCard,
    PersonMatched,
    Relay,
    RequestCertificates,
    ScrapCard,
    proof_fields,
)
from zorgid_card.workflows.portal import Context, Steps
from zorgid_card.workflows.sealing import ADMINISTRATION_KEY, seal
from zorgid_card.workflows.session import Authenticate, Authenticated
from zorgid_card.workflows.states import move

_BLANK: Final = "blank"
_SERIAL = re.compile(r"[0-9]{1,20}")
_LABEL = 80
_REASON_LENGTH = 80


def authenticate(context: Context, message: Authenticate) -> Authenticated:
    """CRD-1, CRD-2: a valid pass of an accepted type, of a registered organisation."""
    identity = authenticated_session(context, message)
    accepted = context.services.policy.creation.pass_types
    if identity.pass_type not in accepted:
        raise PassTypeError(found=identity.pass_type, expected=", ".join(sorted(accepted)))
    organisation.registered(context.unit, identity.ura)
    return about(identity)


def match_person(context: Context, message: MatchPerson) -> PersonMatched:
    """CRD-4, ORG-8: the birth date fits the person of the pass; CRD-12: who has no other means.

    A new person is taken up when their card is finished, and not before: a birth date that was mistyped is not kept.
    """
    person = _person(context, message.birth_date, keep=False)
    context.facts.update(person=person.id, birth_date=message.birth_date.isoformat())
    return PersonMatched(user_name=person.user_name)


def _person(context: Context, birth_date: date, *, keep: bool) -> Person:
    identity = session_identity(context)
    return people.match_person(context.unit, identity, birth_date, context.now, means=people.SMARTCARD, keep=keep)


def offer_card(context: Context, message: OfferCard) -> CardAccepted:
    """CRD-5: the card is blank, or is ours without a live certificate. Only the attempt is recorded: see :func:`_take_up`."""
    identity, policy = session_identity(context), context.services.policy.creation
    organisation.registered(context.unit, identity.ura)
    people.require_one_means(context.unit, context.facts["person"], people.SMARTCARD, context.now)
    if not _SERIAL.fullmatch(message.serial):
        raise MessageError("not a hardware serial", field="serial")
    known = _require_free(context, message.serial, message.found)
    how, over_channel = residency.choose(context, message)
    if known is not None and known.state == "creating" and known.person_id == context.facts["person"]:
        _give_up(context, known, "abandon", "begun anew")  # a commit that is under way comes too late from here on
    _begin(context, message.serial)
    guid, expires = uuid.uuid4(), (context.now + policy.validity).date()
    for old in ("relay", "emptied", "keys", "certificates", "written"):
        context.facts.pop(old, None)
    context.facts.update(
        card=message.serial,
        dialect=message.dialect,
        firmware=message.firmware[:_LABEL],
        found=message.found,
        renew=_yes(message.found != _BLANK),
        residency=how,
        channel=_yes(over_channel),
        guid=guid.hex,
        expires=expires.isoformat(),
    )
    return CardAccepted(
        renew=message.found != _BLANK,
        channel=over_channel,
        residency=how,
        slots=policy.slots,
        algorithms=tuple(map(policy.algorithm_of, policy.slots)),
        requests=tuple(request_template(PROFILES[slot], _subject(identity), guid.bytes) for slot in policy.slots),
        administration_algorithm=policy.administration_algorithm,
        guid=guid.bytes,
        expires=expires,
        pin_minimum=policy.pin.minimum,
        pin_maximum=policy.pin.maximum,
        pin_tries=policy.pin_tries or 0,
        puk_tries=policy.puk_tries or 0,
    )


def _yes(flag: bool) -> str:
    """Facts are text."""
    return "yes" if flag else ""


def _subject(identity: UZIIdentity) -> SubjectData:
    return SubjectData(
        uzi_number=identity.uzi_number,
        given_names=identity.given_names or "",
        surname=identity.surname or "",
        common_name=identity.common_name,
    )


def _begin(context: Context, serial: str) -> None:
    """Remember, before anything is written on the card, that this person makes it: a later attempt finds it half made."""
    unit, person = context.unit, context.facts["person"]
    attempt = CardAttempt(id=f"{serial}:{person}", card_serial=serial, person_id=person, begun_at=context.now)
    known = any(unit.find(CardAttempt, id=attempt.id))
    (unit.replace if known else unit.add)(attempt)
    _audit(context, "card.offer", serial)


def _require_free(context: Context, serial: str, found: str) -> SmartCard | None:
    """The card may be made; returns what is known of it.

    Free is a card that we do not know, if it is blank or this person has begun it; one whose certificate is dead; and of this
    person's own: a half-made one, and one that was reset to factory state, for its key is gone. A half-made card of somebody
    else is free when its time is over. A blocked card stays blocked.

    Raises:
        NotBlankError, CardInUseError, CardScrappedError: it is not free.
    """
    unit, person = context.unit, context.facts["person"]
    card = next(unit.find(SmartCard, serial=serial), None)
    if card is None:
        if found != _BLANK and not any(unit.find(CardAttempt, id=f"{serial}:{person}")):
            raise NotBlankError("the card is in use, and not known here", found=found)
        return None
    if card.state == "scrapped":
        raise CardScrappedError(serial=serial)
    own = card.person_id == person
    late = context.now >= card.created_at + context.services.policy.creation.commit_within
    half_made = card.state == "creating" and (own or late)
    emptied = card.state == "active" and own and found == _BLANK
    if card.state in ("revoked", "abandoned") or half_made or emptied:
        return card
    if found == _BLANK:
        raise CardInUseError(serial=serial)
    raise NotBlankError("the card is in use", found=found)


def request_certificates(context: Context, message: RequestCertificates) -> CertificatesIssued:
    """CRD-7: certificates on hold for keys proven to be on this card; what was judged at the start is judged once more.

    The CA is asked outside the transaction, however long it takes.
    """
    services, policy = context.services, context.services.policy.creation
    identity = accept_pass(services, *session_pass(context), context.now)
    organisation.registered(context.unit, identity.ura)
    people.require_one_means(context.unit, context.facts["person"], people.SMARTCARD, context.now)
    _count_certificate(context)
    keys = tuple(map(verify_csr, message.csrs))
    firmware = residency.require_resident(context, message, keys)
    _require_free(context, context.facts["card"], context.facts["found"])
    ders = context.outside(lambda: _certificates(context, identity, keys, message.csrs))
    _take_up(context, ders, keys, firmware)
    context.facts["certificates"] = " ".join(base64.b64encode(der).decode() for der in ders)
    return CertificatesIssued(slots=policy.slots, certificates=ders, chain=services.authority.chain)


def _certificates(
    context: Context, identity: UZIIdentity, keys: tuple[bytes, ...], csrs: tuple[bytes, ...]
) -> tuple[bytes, ...]:
    """What the CA issues; touches nothing of the registry."""
    policy = context.services.policy.creation
    return tuple(
        context.services.authority.issue(
            PROFILES[slot],
            _subject(identity),
            key,
            serial=new_serial(),
            not_before=context.now - timedelta(minutes=1),
            not_after=context.now + policy.validity,
            guid=bytes.fromhex(context.facts["guid"]),
            request=csr,
        )
        for slot, key, csr in zip(policy.slots, keys, csrs, strict=True)
    )


def _count_certificate(context: Context) -> None:
    issued = int(context.facts.get("issued", "0")) + 1
    if issued > context.services.policy.creation.certificates_per_session:
        raise SessionError("this session has made too many certificates", reason="certificates")
    context.facts["issued"] = str(issued)


def _take_up(context: Context, ders: tuple[bytes, ...], keys: tuple[bytes, ...], firmware: str) -> None:
    """Record the card, which was shown to be at hand. What it was before is over, its links too (CRD-11)."""
    unit, now, facts = context.unit, context.now, context.facts
    known = _require_free(context, facts["card"], facts["found"])
    if known is not None:
        known = _retired(context, known)
    certificates = [x509.load_der_x509_certificate(der) for der in ders]
    card = SmartCard(
        serial=facts["card"],
        dialect=facts["dialect"],
        firmware=firmware,
        guid=facts["guid"],
        person_id=facts["person"],
        state="creating" if known is None else move("card", known.state, "create"),
        residency=facts["residency"],
        certificate_serial=f"{certificates[0].serial_number:x}",
        created_at=now,
        activated_at=None,
        last_used_at=None,
        reason=None,
        key_generation=context.services.administration.generation,
    )
    (unit.add if known is None else unit.replace)(card)
    for certificate, der, key in zip(certificates, ders, keys, strict=True):
        issued = IssuedCertificate(
            serial=f"{certificate.serial_number:x}",
            card_serial=card.serial,
            der=der,
            key_hash=hashlib.sha256(key).digest(),
            status="hold",
            reason=ON_HOLD,
            changed_at=now,
            commit_by=now + context.services.policy.creation.commit_within,
            not_after=certificate.not_valid_after_utc,
        )
        revocation_list.hold(unit, issued)
        _audit(context, "card.issue", card.serial, certificate=issued.serial, residency=card.residency)


def _retired(context: Context, card: SmartCard) -> SmartCard:
    for link in list(context.unit.find(CardLink, card_serial=card.serial)):
        context.unit.remove(link)
    if card.state == "creating":
        return _give_up(context, card, "abandon", "begun anew")
    if card.state == "active":
        return _give_up(context, card, "revoke", "reset to factory state")
    return card


def _card_of_session(context: Context) -> SmartCard:
    """The card that this session makes; raises CardInUseError when another session has taken it up since."""
    card = next(context.unit.find(SmartCard, serial=context.facts["card"]), None)
    if card is None or card.state != "creating" or card.guid != context.facts["guid"]:
        raise CardInUseError("another attempt has taken this card up", serial=context.facts["card"])
    return card


def administration_key(context: Context, message: FetchAdministrationKey) -> AdministrationKey:
    """The card's own administration key, for the card that this session was issued for."""
    algorithm = context.services.policy.creation.administration_algorithm
    card = _card_of_session(context)
    if context.facts["channel"]:
        raise SessionError("the portal sets this card's key itself, over the channel", reason="order")
    with context.services.administration.derive(card.serial, algorithm, card.key_generation) as key:
        return AdministrationKey(sealed=seal(message.recipient, key, ADMINISTRATION_KEY, card=card.serial))


def commit_card(context: Context, message: CommitCard) -> CardActive:
    """CRD-10: the card signed this session's proof; certificate and card become active, linked to person and organisation."""
    unit, now = context.unit, context.now
    identity, card = session_identity(context), _card_of_session(context)
    organisation.registered(unit, identity.ura)
    if context.facts["channel"] and not context.facts.get("written"):
        raise SessionError("the card is not written yet", reason="order")
    ders = tuple(base64.b64decode(text) for text in context.facts["certificates"].split())
    issued = unit.get(IssuedCertificate, card.certificate_serial)
    if issued.commit_by is None or now >= issued.commit_by:
        raise CommitLateError(serial=card.serial)
    fields = proof_fields(
        session=context.session.id, origin=context.session.origin, serial=card.serial, certificates=ders
    )
    verify_statement(issued.der, CARD_PROOF, fields, message.signature, message.algorithm)
    person = _person(context, date.fromisoformat(context.facts["birth_date"]), keep=True)
    unit.replace(replace(card, state=move("card", card.state, "commit"), activated_at=now))
    revocation_list.change_all(unit, card.serial, "release", None, now)
    _link(unit, card, identity.ura)
    for attempt in list(unit.find(CardAttempt, card_serial=card.serial)):
        unit.remove(attempt)
    _audit(context, "card.activate", card.serial, certificate=issued.serial)
    return CardActive(serial=card.serial, user_name=person.user_name, ura=identity.ura, not_after=issued.not_after)


def _link(unit: Unit, card: SmartCard, ura: str) -> None:
    """Link the card to the organisation, as the person is (CRD-10, CRD-11)."""
    unit.add(CardLink(id=uuid.uuid4().hex, card_serial=card.serial, ura=ura, until=None))


def abandon_card(context: Context, message: AbandonCard) -> CardAbandoned:
    """CRD-8: what was issued for this card in this session is revoked."""
    card = next(context.unit.find(SmartCard, serial=context.facts["card"]), None)
    if card is not None and card.state == "creating" and card.guid == context.facts["guid"]:
        _give_up(context, card, "abandon", message.code)
    return CardAbandoned()


def scrap_card(context: Context, message: ScrapCard) -> CardAbandoned:
    """CRD-8: the card cannot be made a blank again; what it had is revoked, and it is never taken again."""
    serial = context.facts["card"]
    card = next(context.unit.find(SmartCard, serial=serial), None)
    if card is not None and card.person_id == context.facts["person"]:
        _give_up(context, card, "scrap", "cannot be made a blank again")
    else:
        _audit(context, "card.scrap", serial)
    return CardAbandoned()


def _give_up(context: Context, card: SmartCard, event: str, why: str) -> SmartCard:
    """The card has no working key any more: its certificates are revoked."""
    unit, why = context.unit, why[:_REASON_LENGTH]
    given_up = replace(card, state=move("card", card.state, event), reason=why)
    unit.replace(given_up)
    revocation_list.change_all(unit, card.serial, "revoke", revocation_list.UNFINISHED, context.now)
    _audit(context, f"card.{event}", card.serial, certificate=card.certificate_serial, why=why)
    return given_up


def _audit(context: Context, action: str, subject: str, **detail: str) -> None:
    identity = session_identity(context)
    audit.record(context.unit, context.now, identity.uzi_number, identity.ura, action, subject, None, **detail)


STEPS: Steps = {
    ("opened", Authenticate): (authenticate, "authenticated"),
    ("authenticated", MatchPerson): (match_person, "matched"),
    ("matched", OfferCard): (offer_card, "offered"),
    ("offered", Relay): (residency.relay, "offered"),
    ("offered", RequestCertificates): (request_certificates, "issued"),
    ("issued", Relay): (residency.relay, "issued"),
    ("issued", FetchAdministrationKey): (administration_key, "issued"),
    ("issued", CommitCard): (commit_card, "committed"),
    ("offered", AbandonCard): (abandon_card, "matched"),
    ("issued", AbandonCard): (abandon_card, "matched"),
    ("offered", ScrapCard): (scrap_card, "matched"),
}
"""CRD-1 to CRD-10 as a table; the session's states are its steps."""
