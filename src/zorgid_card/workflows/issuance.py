"""Making a ZORG-ID Smartcard, the portal side (CRD-1 to CRD-10): decides, certifies, records, activates, revokes."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography import x509

from zorgid_card.errors import (
    CardInUseError,
    PassTypeError,
    ResidencyError,
    WrongCardError,
)
from zorgid_card.pki.attestation import verify_attestation
from zorgid_card.pki.authority import CertificateProfile, SubjectData
from zorgid_card.pki.csr import verify_csr
from zorgid_card.pki.statement import verify_statement
from zorgid_card.ports.registry import (
    CardLink,
    IssuedCertificate,
    Person,
    SmartCard,
    Unit,
)
from zorgid_card.workflows import audit, organisation, people
from zorgid_card.workflows.authentication import about, accept_pass, authenticated_session, session_identity, session_pass
from zorgid_card.workflows.creation_messages import (
    PROOF,
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

_NEVER_PIN = 1
"""PIN policy ``never`` in an attestation: such a key would serve whoever finds the card."""


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
    unit, policy = context.unit, context.services.policy.creation
    known = next(unit.find(SmartCard, serial=message.serial), None)
    if known is not None:
        _release(context, known)
    elif not message.blank:
        raise CardInUseError("the card is in use, and not known here", serial=message.serial)
    context.facts.update(
        card=message.serial,
        dialect=message.dialect,
        firmware=message.firmware,
        guid=uuid.uuid4().hex,
    )
    return CardAccepted(
        reset=not message.blank,
        slot=policy.slot,
        key_algorithm=policy.key_algorithm,
        guid=bytes.fromhex(context.facts["guid"]),
        expires=(context.now + policy.validity).date(),
        pin_minimum=policy.pin.minimum,
        pin_maximum=policy.pin.maximum,
    )


def _release(context: Context, card: SmartCard) -> None:
    """A card that we know may be made anew if it has no live certificate; the holder's own half-made one is given up."""
    own = card.person_id == context.facts["person"]
    if card.state == "creating" and own:
        give_up(context.unit, card, "superseded", context)
    elif card.state not in ("revoked", "abandoned"):
        raise CardInUseError(serial=card.serial)


def request_certificate(context: Context, message: RequestCertificate) -> CertificateIssued:
    """CRD-7: a certificate on hold for a key proven to be on this card; the pass's revocation is judged once more."""
    services, now = context.services, context.now
    identity = accept_pass(services, *session_pass(context), now)
    public_key = verify_csr(message.csr)
    residency = _residency(context, message, public_key)
    policy = services.policy.creation
    serial = secrets.randbits(127) | 1 << 126
    der = services.authority.issue(
        CertificateProfile.AUTHENTICITY,
        SubjectData(
            uzi_number=identity.uzi_number,
            given_names=identity.given_names,
            surname=identity.surname,
            common_name=identity.common_name,
        ),
        public_key,
        serial=serial,
        not_before=now - timedelta(minutes=1),
        not_after=now + policy.validity,
    )
    _record(context, der, residency)
    return CertificateIssued(certificate=der, chain=services.authority.chain)


def _residency(context: Context, message: RequestCertificate, public_key: bytes) -> str:
    services = context.services
    if "attested" not in services.policy.creation.residency:
        raise ResidencyError("no accepted proof of residency", reason="policy")
    attested = verify_attestation(
        message.attestation,
        message.intermediate,
        services.makers,
        public_key=public_key,
        slot=services.policy.creation.slot,
        at=context.now,
    )
    if attested.serial != context.facts["card"]:
        raise WrongCardError(expected=context.facts["card"], found=attested.serial)
    if attested.pin_policy <= _NEVER_PIN:
        raise ResidencyError("the key can be used without the PIN", reason="pin-policy")
    return "attested"


def _record(context: Context, der: bytes, residency: str) -> None:
    unit, now, facts = context.unit, context.now, context.facts
    certificate = x509.load_der_x509_certificate(der)
    serial = f"{certificate.serial_number:x}"
    card = SmartCard(
        serial=facts["card"],
        dialect=facts["dialect"],
        firmware=facts["firmware"],
        guid=facts["guid"],
        person_id=facts["person"],
        state="creating",
        residency=residency,
        certificate_serial=serial,
        created_at=now,
        activated_at=None,
        last_used_at=None,
        reason=None,
    )
    known = next(unit.find(SmartCard, serial=card.serial), None)
    if known is None:
        unit.add(card)
    else:
        unit.replace(replace(card, state=move("card", known.state, "create")))
    unit.add(
        IssuedCertificate(
            serial=serial,
            card_serial=card.serial,
            der=der,
            status="hold",
            reason="certificateHold",
            changed_at=now,
            commit_by=now + context.services.policy.creation.commit_within,
            not_after=certificate.not_valid_after_utc,
        )
    )
    _audit(context, "card.issue", card.serial, certificate=serial, residency=residency)


def administration_key(context: Context, message: FetchAdministrationKey) -> AdministrationKey:
    """The card's own administration key, for the card that this session was issued for."""
    key = context.services.administration.derive(context.facts["card"], message.algorithm)
    return AdministrationKey(key=key)


def commit_card(context: Context, message: CommitCard) -> CardActive:
    """CRD-10: the card signed this session's proof; certificate and card become active, linked to person and organisation."""
    unit, now = context.unit, context.now
    card = unit.get(SmartCard, context.facts["card"])
    issued = unit.get(IssuedCertificate, card.certificate_serial)
    fields = proof_fields(session=context.session.id, serial=card.serial, certificate_serial=issued.serial)
    verify_statement(issued.der, PROOF, fields, message.signature, message.algorithm)
    unit.replace(replace(card, state=move("card", card.state, "commit"), activated_at=now))
    unit.replace(
        replace(
            issued,
            status=move("certificate", issued.status, "commit"),
            reason=None,
            changed_at=now,
            commit_by=None,
        )
    )
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
    known = next(context.unit.find(SmartCard, serial=context.facts["card"]), None)
    if known is not None and known.state == "creating":
        give_up(context.unit, known, message.code, context)
    return CardAbandoned()


def give_up(unit: Unit, card: SmartCard, why: str, context: Context) -> None:
    """A card that was not finished: its certificate is revoked, it may be made anew."""
    issued = unit.get(IssuedCertificate, card.certificate_serial)
    unit.replace(replace(card, state=move("card", card.state, "abandon"), reason=why[:80]))
    unit.replace(
        replace(
            issued,
            status=move("certificate", issued.status, "abandon"),
            reason="cessationOfOperation",
            changed_at=context.now,
            commit_by=None,
        )
    )
    _audit(context, "card.abandon", card.serial, certificate=issued.serial, why=why[:80])


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
