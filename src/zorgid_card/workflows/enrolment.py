"""Registering an organisation, the portal side of the seam (ORG-3 to ORG-6)."""

from __future__ import annotations

from zorgid_card.errors import NotAllowedError, PairingError
from zorgid_card.pki.statement import CONSENT, encode, verify_statement
from zorgid_card.ports.registry import Person
from zorgid_card.workflows import organisation, pairing, people
from zorgid_card.workflows.authentication import about, authenticated_session, session_identity, session_pass
from zorgid_card.workflows.messages import canonical
from zorgid_card.workflows.portal import Context, Steps
from zorgid_card.workflows.registration_messages import (
    AdministratorRegistered,
    AskPhone,
    ConfirmOrganisation,
    ConfirmPhone,
    OfferPhone,
    OrganisationValidated,
    PhoneLinked,
    PhoneOffered,
    PhoneScanned,
    RegisterAdministrator,
    consent_fields,
)
from zorgid_card.workflows.session import Authenticate, Authenticated


def authenticate(context: Context, message: Authenticate) -> Authenticated:
    """ORG-2, ORG-3: a valid pass of a representative, of the organisation that was approved."""
    identity = authenticated_session(context, message)
    accepted = context.services.policy.organisation_pass_types
    organisation.require_representative(context.unit, identity, pass_types=accepted)
    return about(identity)


def confirm_organisation(context: Context, message: ConfirmOrganisation) -> OrganisationValidated:
    """ORG-3: what was shown is what the pass says, and is validated."""
    validated = organisation.validate_organisation(
        context.unit,
        session_identity(context),
        context.now,
        ura=message.ura,
        pass_types=context.services.policy.organisation_pass_types,
    )
    return OrganisationValidated(ura=validated.ura, name=validated.name)


def register_administrator(context: Context, message: RegisterAdministrator) -> AdministratorRegistered:
    """ORG-4: the consent is signed by the pass of this session, over these very data; kept as evidence."""
    identity = session_identity(context)
    fields = consent_fields(
        session=context.session.id,
        origin=context.session.origin,
        expires_at=context.session.expires_at,
        ura=identity.ura,
        uzi_number=identity.uzi_number,
        birth_date=message.birth_date,
    )
    certificate, _ = session_pass(context)
    verify_statement(certificate, CONSENT, fields, message.signature, message.algorithm)
    evidence = canonical(
        {
            "statement": encode(CONSENT, fields).decode(),
            "algorithm": message.algorithm,
            "signature": message.signature.hex(),
            "certificate": certificate.hex(),
        }
    )
    person, _ = organisation.register_administrator(
        context.unit,
        identity,
        message.birth_date,
        evidence,
        context.now,
        one_means=context.services.policy.one_means,
    )
    context.facts["person"] = person.id
    return AdministratorRegistered(person=person.id, user_name=person.user_name)


def offer_phone(context: Context, message: OfferPhone) -> PhoneOffered:
    """ORG-5: one QR code for this UZI authentication."""
    person, ura = _administrator(context)
    offer = pairing.offer(
        context.unit,
        context.services.identity,
        person,
        ura,
        context.session.id,
        context.now,
        one_means=context.services.policy.one_means,
        policy=context.services.policy.phones,
    )
    context.facts["phone"] = offer.mobile_id
    return PhoneOffered(qr=offer.qr_text, expires_at=offer.expires_at)


def ask_phone(context: Context, message: AskPhone) -> PhoneScanned:
    """ORG-6: has a phone scanned the code?"""
    phone = context.facts["phone"]
    found = pairing.progress(context.unit, phone, context.session.id, context.now)
    if found.state not in ("offered", "linking"):
        raise PairingError("the QR code was not scanned in time", reason=found.state)
    return PhoneScanned(code=found.code)


def confirm_phone(context: Context, message: ConfirmPhone) -> PhoneLinked:
    """ORG-6: only the phone whose code the person sees on this session's screen is linked."""
    _administrator(context)
    phone = context.facts["phone"]
    linked = pairing.confirm(context.unit, phone, context.session.id, message.code, context.now)
    return PhoneLinked(phone=linked.id)


def _administrator(context: Context) -> tuple[Person, str]:
    """The person of this session, if they are administrator still; raises NotAllowedError, OrganisationUnknownError."""
    ura = organisation.registered(context.unit, session_identity(context).ura).ura
    person = context.unit.get(Person, context.facts["person"])
    if person.id not in people.administrators(context.unit, ura, context.now):
        raise NotAllowedError("no administrator of this organisation any more", action="phone")
    return person, ura


STEPS: Steps = {
    ("opened", Authenticate): (authenticate, "authenticated"),
    ("authenticated", ConfirmOrganisation): (confirm_organisation, "validated"),
    ("validated", RegisterAdministrator): (register_administrator, "registered"),
    ("registered", OfferPhone): (offer_phone, "offered"),
    ("offered", AskPhone): (ask_phone, "offered"),
    ("offered", ConfirmPhone): (confirm_phone, "linked"),
}
"""ORG-3 to ORG-6 as a table; the session's states are its steps."""
