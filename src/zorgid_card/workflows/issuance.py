"""Making a ZORG-ID Smartcard, the portal side (CRD-1 to CRD-10): decides, certifies, records, activates, revokes."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import replace
from datetime import date, timedelta

from cryptography import x509

from zorgid_card.errors import (
    CardInUseError,
    MessageError,
    NotBlankError,
    PassTypeError,
    ResidencyError,
    SessionError,
)
from zorgid_card.pki.attestation import AttestedKey, verify_attestation
from zorgid_card.pki.authority import SubjectData, new_serial
from zorgid_card.pki.csr import verify_csr
from zorgid_card.pki.profile import PROFILES
from zorgid_card.pki.revocation import ON_HOLD
from zorgid_card.pki.signing import key_algorithm
from zorgid_card.pki.statement import CARD_PROOF, verify_statement
from zorgid_card.ports.registry import (
    CardAttempt,
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
from zorgid_card.workflows.sealing import ADMINISTRATION_KEY, seal
from zorgid_card.workflows.session import Authenticate, Authenticated
from zorgid_card.workflows.states import move

_BLANK = "blank"
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
    _require_free(context, message.serial, message.found)
    _begin(context, message.serial)
    guid = uuid.uuid4()
    context.facts.update(card=message.serial, dialect=message.dialect[:_LABEL], found=message.found, guid=guid.hex)
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
        NotBlankError, CardInUseError: it is not free.
    """
    unit, person = context.unit, context.facts["person"]
    card = next(unit.find(SmartCard, serial=serial), None)
    if card is None:
        if found != _BLANK and not any(unit.find(CardAttempt, id=f"{serial}:{person}")):
            raise NotBlankError("the card is in use, and not known here", found=found)
        return None
    own = card.person_id == person
    late = context.now >= card.created_at + context.services.policy.creation.commit_within
    half_made = card.state == "creating" and (own or late)
    emptied = card.state == "active" and own and found == _BLANK
    if card.state in ("revoked", "abandoned") or half_made or emptied:
        return card
    if found == _BLANK:
        raise CardInUseError(serial=serial)
    raise NotBlankError("the card is in use", found=found)


def request_certificate(context: Context, message: RequestCertificate) -> CertificateIssued:
    """CRD-7: a certificate on hold for a key proven to be on this card; what was judged at the start is judged once more."""
    services, policy = context.services, context.services.policy.creation
    identity = accept_pass(services, *session_pass(context), context.now)
    organisation.registered(context.unit, identity.ura)
    people.require_one_means(context.unit, context.facts["person"], people.SMARTCARD, context.now)
    _count_certificate(context)
    public_key = verify_csr(message.csr)
    attested = _attested(context, message, public_key)
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
        not_before=context.now - timedelta(minutes=1),
        not_after=context.now + policy.validity,
        guid=bytes.fromhex(context.facts["guid"]),
    )
    _take_up(context, der, public_key, attested)
    return CertificateIssued(certificate=der, chain=services.authority.chain)


def _count_certificate(context: Context) -> None:
    issued = int(context.facts.get("issued", "0")) + 1
    if issued > context.services.policy.creation.certificates_per_session:
        raise SessionError("this session has made too many certificates", reason="certificates")
    context.facts["issued"] = str(issued)


def _attested(context: Context, message: RequestCertificate, public_key: bytes) -> AttestedKey:
    """The key was generated on this card, for this slot, with the algorithm and the firmware that the policy wants; and is new."""
    services, policy = context.services, context.services.policy.creation
    if "attested" not in policy.residency:
        raise ResidencyError("no accepted proof of residency", reason="policy")
    attested = verify_attestation(
        message.attestation,
        message.intermediate,
        services.makers,
        public_key=public_key,
        slot=policy.slot,
        at=context.now,
        serial=context.facts["card"],
    )
    if key_algorithm(public_key) != policy.key_algorithm:
        raise ResidencyError(f"a key of {policy.key_algorithm} is wanted", reason="algorithm")
    if organisation.numbers_of(attested.firmware) < organisation.numbers_of(policy.minimum_firmware):
        raise ResidencyError(f"firmware {attested.firmware} is too old", reason="firmware")
    if any(context.unit.find(IssuedCertificate, key_hash=hashlib.sha256(public_key).digest())):
        raise ResidencyError("this key has been certified before", reason="used")
    return attested


def _take_up(context: Context, der: bytes, public_key: bytes, attested: AttestedKey) -> None:
    """Record the card, which attestation has shown to be at hand. What it was before is over, its links too (CRD-11)."""
    unit, now, facts = context.unit, context.now, context.facts
    known = _require_free(context, facts["card"], facts["found"])
    if known is not None:
        known = _retired(context, known)
    certificate = x509.load_der_x509_certificate(der)
    card = SmartCard(
        serial=attested.serial,
        dialect=facts["dialect"],
        firmware=attested.firmware,
        guid=facts["guid"],
        person_id=facts["person"],
        state="creating" if known is None else move("card", known.state, "create"),
        residency="attested",
        certificate_serial=f"{certificate.serial_number:x}",
        created_at=now,
        activated_at=None,
        last_used_at=None,
        reason=None,
    )
    (unit.add if known is None else unit.replace)(card)
    issued = IssuedCertificate(
        serial=card.certificate_serial,
        card_serial=card.serial,
        der=der,
        key_hash=hashlib.sha256(public_key).digest(),
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
    _card_of_session(context)
    card = context.facts["card"]
    with context.services.administration.derive(card, algorithm) as key:
        return AdministrationKey(sealed=seal(message.recipient, key, ADMINISTRATION_KEY, card=card))


def commit_card(context: Context, message: CommitCard) -> CardActive:
    """CRD-10: the card signed this session's proof; certificate and card become active, linked to person and organisation."""
    unit, now = context.unit, context.now
    identity, card = session_identity(context), _card_of_session(context)
    organisation.registered(unit, identity.ura)
    issued = unit.get(IssuedCertificate, card.certificate_serial)
    if issued.commit_by is None or now >= issued.commit_by:
        raise SessionError("the card was not finished in time", reason="expired")
    fields = proof_fields(
        session=context.session.id,
        origin=context.session.origin,
        serial=card.serial,
        certificate_serial=issued.serial,
    )
    verify_statement(issued.der, CARD_PROOF, fields, message.signature, message.algorithm)
    person = _person(context, date.fromisoformat(context.facts["birth_date"]), keep=True)
    unit.replace(replace(card, state=move("card", card.state, "commit"), activated_at=now))
    revocation_list.change(unit, issued, "release", None, now)
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
