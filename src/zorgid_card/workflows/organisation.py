"""An organisation's way in: request, decision, validation, administrator (ORG-1 to ORG-4), and what is
needed (ORG-2).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime

from zorgid_card.errors import (
    ClientTooOldError,
    MessageError,
    NotAllowedError,
    NotFoundError,
    OrganisationMismatchError,
    OrganisationUnknownError,
    PassTypeError,
    PlatformError,
    TransitionError,
    UsageError,
)
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.registry import Consent, Membership, Organisation, Person, Request, Unit
from zorgid_card.workflows import audit, outbox, people
from zorgid_card.workflows.policy import Policy
from zorgid_card.workflows.states import move

REGISTER = "register-organisation"
CREATE = "create-card"

_URA = re.compile(r"[0-9]{8}")
# What RFC 5322 has as specials (3.2.3) stands for itself in no address that people have, and in a header it is a comment, a second
# address or nonsense.
_MAIL = re.compile(r"""[^@\s()<>[\]:;,\\"]{1,64}@[^@\s()<>[\]:;,\\".]+(\.[^@\s()<>[\]:;,\\".]+)+""")
_MAIL_LENGTH = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
_NAME_LENGTH = 200
_REASON_LENGTH = 1000


# --- ORG-1: request -----------------------------------------------------------------------------------------


def file_request(
    unit: Unit, *, ura: str, organisation_name: str, contact_name: str, contact_email: str, now: datetime
) -> Request:
    """File a request to register an organisation (ORG-1); it waits for an operator.

    Anybody may file one: a second request for the same organisation is filed beside the first, lest a false
    one keep the true one out. The operator decides.

    Args:
        unit: the open transaction.
        ura: the organisation, 8 digits.
        organisation_name: 1 to 200 characters.
        contact_name: 1 to 200 characters.
        contact_email: an address for the notice that the request has been processed.
        now: UTC.

    Raises:
        UsageError: ``reason`` names the value that does not fit.
    """
    if not _URA.fullmatch(ura):
        raise UsageError("a URA has 8 digits", reason="ura")
    if len(contact_email) > _MAIL_LENGTH or not contact_email.isprintable() or not _MAIL.fullmatch(contact_email):
        raise UsageError("not an e-mail address", reason="contact_email")
    request = Request(
        id=secrets.token_hex(16),
        ura=ura,
        organisation_name=printable_text(organisation_name, "organisation_name", _NAME_LENGTH),
        contact_name=printable_text(contact_name, "contact_name", _NAME_LENGTH),
        contact_email=contact_email,
        state="filed",
        reason=None,
        filed_at=now,
        decided_at=None,
    )
    unit.add(request)
    audit.record(unit, now, "applicant", ura, "request.file", request.id)
    return request


def approve(unit: Unit, request_id: str, *, operator: str, reason: str, now: datetime) -> Organisation:
    """Approve a request: the organisation may now be validated (ORG-3).

    Raises:
        NotFoundError: no such request.
        TransitionError: it is decided already, or the organisation is registered already.
        UsageError: no reason is given.
    """
    request = _decide(unit, request_id, "approve", operator, reason, now)
    known = next(unit.find(Organisation, ura=request.ura), None)
    if known is not None:
        message = "this organisation is registered already"
        raise TransitionError(message, what="organisation", state=known.state, event="approve")
    organisation = Organisation(ura=request.ura, name=request.organisation_name, state="approved", validated_at=None)
    unit.add(organisation)
    return organisation


def reject(unit: Unit, request_id: str, *, operator: str, reason: str, now: datetime) -> Request:
    """Reject a request, with a reason; raises what :func:`approve` raises."""
    return _decide(unit, request_id, "reject", operator, reason, now)


def _decide(unit: Unit, request_id: str, event: str, operator: str, reason: str, now: datetime) -> Request:
    reason = printable_text(reason, "reason", _REASON_LENGTH)
    operator = printable_text(operator, "operator", _NAME_LENGTH)
    request = unit.get(Request, request_id)
    decided = replace(request, state=move("request", request.state, event), reason=reason, decided_at=now)
    unit.replace(decided)
    audit.record(unit, now, operator, request.ura, f"request.{event}", request.id, reason)
    outbox.put(
        unit,
        now,
        f"request.{event}",
        request.contact_email,
        organisation=request.organisation_name,
        contact=request.contact_name,
        ura=request.ura,
        reason=reason,
    )
    return decided


def suspend(unit: Unit, ura: str, *, operator: str, reason: str, now: datetime) -> Organisation:
    """Suspend an organisation: nothing is made, managed or logged in for it until :func:`resume`.

    Raises:
        NotFoundError: no such organisation.
        TransitionError: it is not validated.
        UsageError: no reason is given.
    """
    return _change(unit, ura, "suspend", operator, reason, now)


def resume(unit: Unit, ura: str, *, operator: str, reason: str, now: datetime) -> Organisation:
    """Undo :func:`suspend`; raises what it raises."""
    return _change(unit, ura, "resume", operator, reason, now)


def _change(unit: Unit, ura: str, event: str, operator: str, reason: str, now: datetime) -> Organisation:
    reason = printable_text(reason, "reason", _REASON_LENGTH)
    operator = printable_text(operator, "operator", _NAME_LENGTH)
    organisation = unit.get(Organisation, ura)
    changed = replace(organisation, state=move("organisation", organisation.state, event))
    unit.replace(changed)
    audit.record(unit, now, operator, ura, f"organisation.{event}", ura, reason)
    return changed


def printable_text(value: str, field: str, longest: int) -> str:
    """Text of a person, without the blanks around it; raises UsageError, with ``field`` as its reason."""
    value = value.strip()
    if not 1 <= len(value) <= longest or not value.isprintable():
        raise UsageError(f"{field}: 1 to {longest} printable characters are needed", reason=field)
    return value


# --- ORG-2, CRD-14: what is needed --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is needed: ``name`` is the key of its sentence, ``met`` whether it is there (None: not
    known yet).
    """

    name: str
    met: bool | None
    found: str = ""
    needed: str = ""


def requirements(
    purpose: str,
    policy: Policy,
    *,
    client_version: str,
    platform: str,
    has_reader: bool | None = None,
    pass_type: str | None = None,
    has_phone: bool | None = None,
    has_blank: bool | None = None,
) -> tuple[Requirement, ...]:
    """What is needed for a purpose, and whether it is there, to be shown before anything starts (ORG-2,
    CRD-1, CRD-3, CRD-14).

    This is information for people; what must hold is enforced by :func:`require_client`,
    :func:`require_platform`, and by the steps themselves.

    Args:
        purpose: :data:`REGISTER` or :data:`CREATE`.
        policy: the portal's.
        client_version: of the client program, numbers joined by dots.
        platform: as :func:`platform.system` names it.
        has_reader: a reader is connected.
        pass_type: type of the pass in the reader (Z, N, M), None if none was seen.
        has_phone: the person says so.
        has_blank: the person says so.
    """
    accepted = policy.organisation_pass_types if purpose == REGISTER else policy.creation.pass_types
    reader = Requirement("reader", has_reader)
    uzi_pass = Requirement(
        "pass",
        None if pass_type is None else pass_type in accepted,
        pass_type or "",
        ", ".join(sorted(accepted)),
    )
    recent = numbers_of(client_version) >= numbers_of(policy.minimum_client)
    client = Requirement("client", recent, client_version, policy.minimum_client)
    if purpose == REGISTER:
        return (Requirement("phone", has_phone), reader, uzi_pass, client)
    platforms = policy.creation.platforms
    allowed = Requirement("platform", platform in platforms, platform, ", ".join(sorted(platforms)))
    return (uzi_pass, Requirement("blank", has_blank), reader, client, allowed)


def require_client(policy: Policy, version: str) -> None:
    """The client program is recent enough (ORG-2); raises ClientTooOldError, or MessageError for what is no
    version.
    """
    if numbers_of(version) < numbers_of(policy.minimum_client):
        raise ClientTooOldError(found=version, needed=policy.minimum_client)


def require_platform(policy: Policy, platform: str) -> None:
    """Cards may be made on this platform (CRD-14); raises PlatformError."""
    if platform not in policy.creation.platforms:
        raise PlatformError(platform=platform)


def numbers_of(text: str) -> tuple[int, ...]:
    """The numbers of a version, to be compared; raises MessageError for what is no version."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){0,9}", text):
        raise MessageError("not a version", field="version")
    numbers = [int(part) for part in text.split(".")]
    while numbers and numbers[-1] == 0:  # 1.0 is no newer than 1
        numbers.pop()
    return tuple(numbers)


# --- ORG-3: validate ----------------------------------------------------------------------------------------


def registered(unit: Unit, ura: str) -> Organisation:
    """The organisation, which is registered and validated (CRD-2); raises OrganisationUnknownError."""
    try:
        organisation = unit.get(Organisation, ura)
    except NotFoundError as error:
        raise OrganisationUnknownError(ura=ura, state="unknown") from error
    if organisation.state != "validated":
        raise OrganisationUnknownError(ura=ura, state=organisation.state)
    return organisation


def require_representative(
    unit: Unit, identity: UZIIdentity, *, ura: str | None = None, pass_types: frozenset[str] = frozenset("Z")
) -> Organisation:
    """The organisation that the holder of this pass may validate (ORG-2, ORG-3); nothing is changed.

    Args:
        unit: the open transaction.
        identity: as the pass, just authenticated, says.
        ura: the organisation that was approved, where the caller knows it; otherwise the pass says which.
        pass_types: accepted types.

    Raises:
        PassTypeError: another type of pass.
        OrganisationMismatchError: the pass is of another organisation.
        OrganisationUnknownError: not approved, or suspended; ``state`` says which.
    """
    if identity.pass_type not in pass_types:
        raise PassTypeError(found=identity.pass_type, expected=", ".join(sorted(pass_types)))
    if ura is not None and identity.ura != ura:
        raise OrganisationMismatchError(ura=identity.ura, expected=ura)
    try:
        organisation = unit.get(Organisation, identity.ura)
    except NotFoundError as error:
        raise OrganisationUnknownError(ura=identity.ura, state="unknown") from error
    if organisation.state not in ("approved", "validated"):
        raise OrganisationUnknownError(ura=identity.ura, state=organisation.state)
    return organisation


def validate_organisation(
    unit: Unit,
    identity: UZIIdentity,
    now: datetime,
    *,
    ura: str | None = None,
    pass_types: frozenset[str] = frozenset("Z"),
) -> Organisation:
    """Validate the organisation by the pass of its representative, who has confirmed what the pass says
    (ORG-3).

    The name is the one on the pass from now on. An organisation that is validated already is given as it
    is: its administrator comes this way again for a new phone (ORG-7). Args and Raises as
    :func:`require_representative`.
    """
    organisation = require_representative(unit, identity, ura=ura, pass_types=pass_types)
    if organisation.state == "validated":
        return organisation
    state = move("organisation", organisation.state, "validate")
    validated = replace(organisation, name=identity.organisation, state=state, validated_at=now)
    unit.replace(validated)
    audit.record(unit, now, identity.uzi_number, validated.ura, "organisation.validate", validated.ura)
    return validated


# --- ORG-4: administrator -----------------------------------------------------------------------------------


def register_administrator(
    unit: Unit,
    identity: UZIIdentity,
    birth_date: date,
    consent: bytes,
    now: datetime,
    *,
    one_means: bool = True,
) -> tuple[Person, Membership]:
    """Register the representative as administrator of the validated organisation (ORG-4, ADM-5).

    Once there is an administrator, only administrators come this way, for a new phone; others are appointed
    by one of them.

    Args:
        unit: the open transaction; nothing else may be written in it before this (see
            :func:`people.match_person`).
        identity: as the pass, just authenticated, says.
        birth_date: as entered.
        consent: the statement and its signature by the pass, as verified by the caller; kept as evidence.
        now: UTC.
        one_means: the policy of CRD-12.

    Raises:
        OrganisationUnknownError: the organisation is not validated.
        NotAllowedError: the organisation has another administrator.
        BirthDateError, OtherPersonError, TooManyTriesError, OneMeansError: see :func:`people.match_person`.
    """
    organisation = registered(unit, identity.ura)
    administrators = people.administrators(unit, organisation.ura, now)
    # judged before the birth date is: who may not come this way learns nothing about it
    if administrators and not people.answers_to(unit, identity, administrators):
        raise NotAllowedError("the organisation has an administrator, who may appoint others", action="register")
    person = people.match_person(unit, identity, birth_date, now, means=people.PHONE, one_means=one_means)
    if administrators and person.id not in administrators:
        raise NotAllowedError("the organisation has an administrator, who may appoint others", action="register")
    member = people.link(unit, person.id, organisation.ura, now, role=people.ADMINISTRATOR)
    evidence = Consent(id=secrets.token_hex(16), person_id=person.id, ura=organisation.ura, evidence=consent, at=now)
    unit.add(evidence)
    digest = hashlib.sha256(consent).hexdigest()
    audit.record(unit, now, person.id, organisation.ura, "administrator.register", person.id, consent=digest)
    return person, member
