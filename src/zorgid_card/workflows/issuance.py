"""Making a ZORG-ID Smartcard, the portal side (CRD-1 to CRD-10): decides, certifies, records, activates, revokes."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import date, timedelta

from cryptography import x509

from zorgid_card.errors import (
    CommitLateError,
    MessageError,
    PassTypeError,
    SessionError,
)
from zorgid_card.pki.authority import new_serial
from zorgid_card.pki.csr import verify_csr
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.pki.revocation import ON_HOLD
from zorgid_card.pki.statement import CARD_PROOF, verify_statement
from zorgid_card.ports.registry import (
    CardAttempt,
    CardLink,
    EscrowedPUK,
    IssuedCertificate,
    Person,
    SmartCard,
    Unit,
)
from zorgid_card.workflows import (
    card_records,
    organisation,
    people,
    puk_records,
    residency,
    revocation_list,
    succession,
)
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
    RelayCommands,
    RequestCertificates,
    ScrapCard,
    proof_fields,
)
from zorgid_card.workflows.portal import Context, Steps
from zorgid_card.workflows.sealing import ADMINISTRATION_KEY, seal
from zorgid_card.workflows.session import COMMITTED, Authenticate, Authenticated
from zorgid_card.workflows.states import move

NO_CARD = ""
"""Where a certificate is that is issued, and not taken up yet."""


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
    return people.match_person(
        context.unit,
        identity,
        birth_date,
        context.now,
        means=people.SMARTCARD,
        one_means=context.services.policy.one_means,
        keep=keep,
    )


def offer_card(context: Context, message: OfferCard) -> CardAccepted:
    """CRD-5: the card is blank, or is ours without a live certificate. Only the attempt is recorded: see :func:`_take_up`."""
    identity, policy = session_identity(context), context.services.policy.creation
    organisation.registered(context.unit, identity.ura)
    card_records.require_one_means(context)
    if not card_records.SERIAL.fullmatch(message.serial):
        raise MessageError("not a hardware serial", field="serial")
    known = card_records.require_free(context, message.serial, message.found)
    how, over_channel = residency.choose(context, message)
    if known is not None and known.state in ("creating", "renewing") and known.person_id == context.facts["person"]:
        card_records.give_up(
            context, known, "abandon", "begun anew"
        )  # a commit that is under way comes too late from here on
    _begin(context, message.serial)
    return card_records.accept(
        context, message, how, over_channel, found=message.found, pin_tries=policy.pin_tries, puk_tries=policy.puk_tries
    )


def _begin(context: Context, serial: str) -> None:
    """Remember, before anything is written on the card, that this person makes it: a later attempt finds it half made."""
    unit, person = context.unit, context.facts["person"]
    attempt = CardAttempt(id=f"{serial}:{person}", card_serial=serial, person_id=person, begun_at=context.now)
    known = any(unit.find(CardAttempt, id=attempt.id))
    (unit.replace if known else unit.add)(attempt)
    card_records.audited(context, "card.offer", serial)


def request_certificates(context: Context, message: RequestCertificates) -> CertificatesIssued:
    """CRD-7: certificates on hold for keys proven to be on this card; what was judged at the start is judged once more.

    Whether the pass is revoked, and the CA, are asked outside the transaction, however long it takes.
    """
    services, policy = context.services, context.services.policy.creation
    identity = session_identity(context)
    organisation.registered(context.unit, identity.ura)
    card_records.require_one_means(context)
    _count_certificate(context, message)
    keys = tuple(map(verify_csr, message.csrs))
    firmware = residency.require_resident(context, message, keys)
    succession.require_renewing(context)
    card_records.require_free(context, context.facts["card"], context.facts["found"])
    each = zip(policy.slots, keys, message.csrs, strict=True)
    issued = tuple(_certificate(context, identity, slot, key, csr) for slot, key, csr in each)
    ders = tuple(certificate.der for certificate in issued)
    _take_up(context, issued, firmware)
    context.facts["certificates"] = " ".join(base64.b64encode(der).decode() for der in ders)
    return CertificatesIssued(slots=policy.slots, certificates=ders, chain=services.authority.chain)


def _certificate(context: Context, identity: UZIIdentity, slot: int, key: bytes, csr: bytes) -> IssuedCertificate:
    """The one that the CA has issued in this session for this key; if there is none yet, it is asked, and the pass judged.

    Each is kept as soon as it is issued: a CA that wants to be asked for the next one later (RFC 7030, 4.2.3) is not asked for this
    one again, and what is issued and never taken up is revoked in time like any other.
    """
    key_hash, pending = hashlib.sha256(key).digest(), context.facts.get("pending", "").split()
    for issued in context.unit.find(IssuedCertificate, key_hash=key_hash):
        if issued.serial in pending:
            return _require_on_hold(context, issued)
    services, policy, now = context.services, context.services.policy.creation, context.now
    guid = bytes.fromhex(context.facts["guid"])

    def issue() -> bytes:
        accept_pass(services, *session_pass(context), now)
        return services.authority.issue(
            policy.profiles[slot],
            card_records.subject(identity),
            key,
            serial=new_serial(),
            not_before=now - timedelta(minutes=1),
            not_after=now + policy.validity,
            guid=guid,
            request=csr,
        )

    def keep(unit: Unit, der: bytes) -> dict[str, str]:
        certificate = x509.load_der_x509_certificate(der)
        issued = IssuedCertificate(
            serial=f"{certificate.serial_number:x}",
            card_serial=NO_CARD,
            der=der,
            key_hash=key_hash,
            status="hold",
            reason=ON_HOLD,
            changed_at=now,
            commit_by=now + policy.commit_within,
            not_after=certificate.not_valid_after_utc,
        )
        revocation_list.hold(unit, issued)
        return {"pending": " ".join((*pending, issued.serial))}

    return context.outside_for_good(issue, keep, "issued", "asked")


def _require_on_hold(context: Context, issued: IssuedCertificate) -> IssuedCertificate:
    if issued.status != "hold":
        raise CommitLateError(serial=context.facts["card"])
    return issued


def _count_certificate(context: Context, message: RequestCertificates) -> None:
    """Each making once, before the CA is asked, which may have to be asked often (RFC 7030, 4.2.3)."""
    asked = hashlib.sha256(b"".join(message.csrs)).hexdigest()
    if context.facts.get("asked") == asked:
        return
    issued = int(context.facts.get("issued", "0")) + 1
    if issued > context.services.policy.creation.certificates_per_session:
        raise SessionError("this session has made too many certificates", reason="certificates")
    context.facts.update(issued=str(issued), asked=asked)


def _take_up(context: Context, certificates: tuple[IssuedCertificate, ...], firmware: str) -> None:
    """Record the card, which was shown to be at hand. What it was before is over (CRD-11), its PUK in escrow too.

    Its links too, but for those of the same person's card that was left half renewed.
    """
    unit, now, facts = context.unit, context.now, context.facts
    known = card_records.require_free(context, facts["card"], facts["found"])
    if known is not None:
        known = _retired(context, known)
    card = SmartCard(
        serial=facts["card"],
        dialect=facts["dialect"],
        firmware=firmware,
        guid=facts["guid"],
        person_id=facts["person"],
        state="creating" if known is None else move("card", known.state, "create"),
        residency=facts["residency"],
        certificate_serial=certificates[0].serial,
        created_at=now,
        activated_at=None,
        last_used_at=None,
        reason=None,
        key_generation=context.services.administration.generation,
    )
    (unit.add if known is None else unit.replace)(card)
    commit_by = now + context.services.policy.creation.commit_within
    for issued in certificates:
        unit.replace(replace(issued, card_serial=card.serial, commit_by=commit_by))
        card_records.audited(context, "card.issue", card.serial, certificate=issued.serial, residency=card.residency)


def _retired(context: Context, card: SmartCard) -> SmartCard:
    if context.facts.get("renewal"):  # its new keys are proven to be where the old ones were
        revocation_list.change_all(context.unit, card.serial, "revoke", "superseded", context.now)
        return card
    for kept in list(context.unit.find(EscrowedPUK, card_serial=card.serial)):
        context.unit.remove(kept)
    if card.person_id != context.facts["person"] or card.state in ("active", "revoked"):
        for link in list(context.unit.find(CardLink, card_serial=card.serial)):
            context.unit.remove(link)
    if card.state in ("creating", "renewing"):
        return card_records.give_up(context, card, "abandon", "begun anew")
    if card.state == "active":
        return card_records.give_up(context, card, "revoke", "reset to factory state, or expired")
    return card


def administration_key(context: Context, message: FetchAdministrationKey) -> AdministrationKey:
    """The card's own administration key, for the card that this session was issued for."""
    algorithm = context.services.policy.creation.administration_algorithm
    card = card_records.card_of_session(context)
    if context.facts["channel"]:
        raise SessionError("the portal sets this card's key itself, over the channel", reason="order")
    with context.services.administration.derive(card.serial, algorithm, card.key_generation) as key:
        return AdministrationKey(sealed=seal(message.recipient, key, ADMINISTRATION_KEY, card=card.serial))


def commit_card(context: Context, message: CommitCard) -> CardActive:
    """CRD-10: the card signed this session's proof; certificate and card become active, linked to person and organisation."""
    unit, now = context.unit, context.now
    identity, card = session_identity(context), card_records.card_of_session(context)
    organisation.registered(unit, identity.ura)
    if context.facts["channel"] and not context.facts.get("written"):
        raise SessionError("the card is not written yet", reason="order")
    puk_records.require_escrowed(context)
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
    card_records.link(unit, card.serial, identity.ura, None, now)
    succession.succeed(context, card)
    for attempt in list(unit.find(CardAttempt, card_serial=card.serial)):
        unit.remove(attempt)
    card_records.audited(context, "card.activate", card.serial, certificate=issued.serial)
    context.facts.clear()  # the session is kept for its answer's sake, not for the birth date's
    return CardActive(serial=card.serial, user_name=person.user_name, ura=identity.ura, not_after=issued.not_after)


def abandon_card(context: Context, message: AbandonCard) -> CardAbandoned:
    """CRD-8: what was issued for this card in this session is revoked."""
    card = next(context.unit.find(SmartCard, serial=context.facts["card"]), None)
    if card is not None and (_makes(context, card) or succession.renews(context, card)):
        card_records.give_up(context, card, "abandon", message.code)
    return CardAbandoned()


def _makes(context: Context, card: SmartCard) -> bool:
    return card.state == "creating" and card.guid == context.facts["guid"]


def relay(context: Context, message: Relay) -> RelayCommands:
    """CRD-7: one turn of the portal's own channel to the card; see :mod:`zorgid_card.workflows.residency`."""
    if context.session.state == "offered":
        succession.overwriting(context)
    return residency.relay(context, message)


def scrap_card(context: Context, message: ScrapCard) -> CardAbandoned:
    """CRD-8: the card cannot be made a blank again; what it had is revoked, and it is never taken again."""
    serial = context.facts["card"]
    card = next(context.unit.find(SmartCard, serial=serial), None)
    if card is not None and card.person_id == context.facts["person"]:
        card_records.give_up(context, card, "scrap", "cannot be made a blank again")
    else:
        card_records.audited(context, "card.scrap", serial)
    return CardAbandoned()


STEPS: Steps = {
    ("opened", Authenticate): (authenticate, "authenticated"),
    ("authenticated", MatchPerson): (match_person, "matched"),
    ("matched", OfferCard): (offer_card, "offered"),
    ("offered", Relay): (relay, "offered"),
    ("offered", RequestCertificates): (request_certificates, "issued"),
    ("issued", Relay): (relay, "issued"),
    ("issued", FetchAdministrationKey): (administration_key, "issued"),
    ("issued", CommitCard): (commit_card, COMMITTED),
    ("offered", AbandonCard): (abandon_card, "matched"),
    ("issued", AbandonCard): (abandon_card, "matched"),
    ("offered", ScrapCard): (scrap_card, "matched"),
    **succession.STEPS,
    **puk_records.STEPS,
}
"""CRD-1 to CRD-10 as a table; the session's states are its steps."""
