"""Making a ZORG-ID Smartcard, the portal side (CRD-1 to CRD-10): decides, certifies, records, activates, revokes."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography import x509

from zorgid_card.errors import (
    CardInUseError,
    NotBlankError,
    PassTypeError,
    ResidencyError,
)
from zorgid_card.pki.attestation import verify_attestation
from zorgid_card.pki.authority import SubjectData, new_serial
from zorgid_card.pki.csr import verify_csr
from zorgid_card.pki.profile import PROFILES
from zorgid_card.pki.revocation import ON_HOLD
from zorgid_card.pki.statement import CARD_PROOF, verify_statement
from zorgid_card.ports.registry import (
    CardLink,
    IssuedCertificate,
    Person,
    SmartCard,
    Unit,
)
from zorgid_card.workflows import audit, organisation, people, revocation_list
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
    CertificateIssued,
    CommitCard,
    FetchAdministrationKey,
    MatchPerson,
    OfferCard,
    PersonMatched,
    RequestCertificate,
    proof_fields,
)
from zorgid_card.workflows.portal import Context, Steps
from zorgid_card.workflows.session import Authenticate, Authenticated
from zorgid_card.workflows.states import move

_BLANK = "blank"
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
    """CRD-4, ORG-8: the birth date fits the person of the pass; CRD-12: who has no other means."""
    identity = session_identity(context)
    person = people.match_person(context.unit, identity, message.birth_date, context.now, means=people.SMARTCARD)
    context.facts["person"] = person.id
    return PersonMatched(user_name=person.user_name)


def offer_card(context: Context, message: OfferCard) -> CardAccepted:
    """CRD-5: the card is blank, or is ours without a live certificate."""
    policy = context.services.policy.creation
    guid = uuid.uuid4()
    _take_up(context, message, guid.hex)
    context.facts.update(card=message.serial, guid=guid.hex)
    return CardAccepted(
        reset=message.found != _BLANK,
        slot=policy.slot,
        key_algorithm=policy.key_algorithm,
        administration_algorithm=policy.administration_algorithm,
        guid=guid.bytes,
        expires=(context.now + policy.validity).date(),
        pin_minimum=policy.pin.minimum,
        pin_maximum=policy.pin.maximum,
    )


def _take_up(context: Context, offered: OfferCard, guid: str) -> None:
    """Record the card as being made, before anything is written on it: a later attempt can tell whose half-made card it is."""
    unit = context.unit
    known = next(unit.find(SmartCard, serial=offered.serial), None)
    if known is not None:
        known = _released(context, known, offered.found)
    elif offered.found != _BLANK:
        raise NotBlankError("the card is in use, and not known here", found=offered.found)
    card = SmartCard(
        serial=offered.serial,
        dialect=offered.dialect,
        firmware=offered.firmware,
        guid=guid,
        person_id=context.facts["person"],
        state="creating" if known is None else move("card", known.state, "create"),
        residency="",
        certificate_serial="",
        created_at=context.now,
        activated_at=None,
        last_used_at=None,
        reason=None,
    )
    if known is None:
        unit.add(card)
    else:
        unit.replace(card)


def _released(context: Context, card: SmartCard, found: str) -> SmartCard:
    """A card that we know may be made anew if it has no live certificate.

    A half-made card is given up if it is the holder's own, or if it was not finished in time; and so is the holder's own card
    that somebody has reset to factory state: its key is gone. A blocked card stays blocked, and somebody else's card is for an
    administrator to revoke first.
    """
    if card.state in ("revoked", "abandoned"):
        return card
    own = card.person_id == context.facts["person"]
    late = context.now >= card.created_at + context.services.policy.creation.commit_within
    if card.state == "creating" and (own or late):
        return _give_up(context, card, "abandon", "begun anew")
    if card.state == "active" and own and found == _BLANK:
        return _give_up(context, card, "revoke", "reset to factory state")
    if found == _BLANK:
        raise CardInUseError(serial=card.serial)
    raise NotBlankError("the card is in use", found=found)


def _card_of_session(context: Context) -> SmartCard:
    """The card that this session makes; raises CardInUseError when another session has taken it up since."""
    card = context.unit.get(SmartCard, context.facts["card"])
    if card.state != "creating" or card.guid != context.facts["guid"]:
        raise CardInUseError("another attempt has taken this card up", serial=card.serial)
    return card


def request_certificate(context: Context, message: RequestCertificate) -> CertificateIssued:
    """CRD-7: a certificate on hold for a key proven to be on this card; the pass's revocation is judged once more."""
    services, now = context.services, context.now
    identity = accept_pass(services, *session_pass(context), now)
    _card_of_session(context)
    public_key = verify_csr(message.csr)
    residency = _residency(context, message, public_key)
    policy = services.policy.creation
    der = services.authority.issue(
        PROFILES[policy.slot],
        SubjectData(
            uzi_number=identity.uzi_number,
            given_names=identity.given_names or "",
            surname=identity.surname or "",
            common_name=identity.common_name,
        ),
        public_key,
        serial=new_serial(),
        not_before=now - timedelta(minutes=1),
        not_after=now + policy.validity,
        guid=bytes.fromhex(context.facts["guid"]),
    )
    _record(context, der, residency)
    return CertificateIssued(certificate=der, chain=services.authority.chain)


def _residency(context: Context, message: RequestCertificate, public_key: bytes) -> str:
    services = context.services
    if "attested" not in services.policy.creation.residency:
        raise ResidencyError("no accepted proof of residency", reason="policy")
    verify_attestation(
        message.attestation,
        message.intermediate,
        services.makers,
        public_key=public_key,
        slot=services.policy.creation.slot,
        at=context.now,
        serial=context.facts["card"],
    )
    return "attested"


def _record(context: Context, der: bytes, residency: str) -> None:
    unit, now = context.unit, context.now
    certificate = x509.load_der_x509_certificate(der)
    card = replace(
        _card_of_session(context),
        certificate_serial=f"{certificate.serial_number:x}",
        residency=residency,
    )
    unit.replace(card)
    revocation_list.hold(
        unit,
        IssuedCertificate(
            serial=card.certificate_serial,
            card_serial=card.serial,
            der=der,
            status="hold",
            reason=ON_HOLD,
            changed_at=now,
            commit_by=now + context.services.policy.creation.commit_within,
            not_after=certificate.not_valid_after_utc,
        ),
    )
    _audit(context, "card.issue", card.serial, certificate=card.certificate_serial, residency=residency)


def administration_key(context: Context, message: FetchAdministrationKey) -> AdministrationKey:
    """The card's own administration key, for the card that this session was issued for."""
    algorithm = context.services.policy.creation.administration_algorithm
    key = context.services.administration.derive(context.facts["card"], algorithm)
    return AdministrationKey(key=key)


def commit_card(context: Context, message: CommitCard) -> CardActive:
    """CRD-10: the card signed this session's proof; certificate and card become active, linked to person and organisation."""
    unit, now = context.unit, context.now
    card = _card_of_session(context)
    issued = unit.get(IssuedCertificate, card.certificate_serial)
    fields = proof_fields(
        session=context.session.id,
        origin=context.session.origin,
        serial=card.serial,
        certificate_serial=issued.serial,
    )
    verify_statement(issued.der, CARD_PROOF, fields, message.signature, message.algorithm)
    unit.replace(replace(card, state=move("card", card.state, "commit"), activated_at=now))
    revocation_list.change(unit, issued, "release", None, now)
    person = unit.get(Person, card.person_id)
    ura = session_identity(context).ura
    _link(unit, card, ura, now)
    _audit(context, "card.activate", card.serial, certificate=issued.serial)
    return CardActive(serial=card.serial, user_name=person.user_name, ura=ura, not_after=issued.not_after)


def _link(unit: Unit, card: SmartCard, ura: str, now: datetime) -> None:
    """Link the person and the card to the organisation (CRD-10, CRD-11); what is linked stays so."""
    people.link(unit, card.person_id, ura, now)
    if not any(unit.find(CardLink, card_serial=card.serial, ura=ura)):
        unit.add(CardLink(id=uuid.uuid4().hex, card_serial=card.serial, ura=ura, until=None))


def abandon_card(context: Context, message: AbandonCard) -> CardAbandoned:
    """CRD-8: what was issued for this card in this session is revoked."""
    card = context.unit.get(SmartCard, context.facts["card"])
    if card.state == "creating" and card.guid == context.facts["guid"]:
        _give_up(context, card, "abandon", message.code)
    return CardAbandoned()


def _give_up(context: Context, card: SmartCard, event: str, why: str) -> SmartCard:
    """The card has no working key any more: its certificate is revoked, it may be made anew."""
    unit, why = context.unit, why[:_REASON_LENGTH]
    given_up = replace(card, state=move("card", card.state, event), reason=why)
    unit.replace(given_up)
    for issued in unit.find(IssuedCertificate, serial=card.certificate_serial):
        revocation_list.change(unit, issued, "revoke", revocation_list.UNFINISHED, context.now)
    _audit(context, f"card.{event}", card.serial, certificate=card.certificate_serial, why=why)
    return given_up


def _audit(context: Context, action: str, subject: str, **detail: str) -> None:
    identity = session_identity(context)
    audit.record(context.unit, context.now, identity.uzi_number, identity.ura, action, subject, None, **detail)


STEPS: Steps = {
    ("opened", Authenticate): (authenticate, "authenticated"),
    ("authenticated", MatchPerson): (match_person, "matched"),
    ("matched", OfferCard): (offer_card, "offered"),
    ("offered", RequestCertificate): (request_certificate, "issued"),
    ("issued", FetchAdministrationKey): (administration_key, "issued"),
    ("issued", CommitCard): (commit_card, "committed"),
    ("offered", AbandonCard): (abandon_card, "matched"),
    ("issued", AbandonCard): (abandon_card, "matched"),
}
"""CRD-1 to CRD-10 as a table; the session's states are its steps."""
