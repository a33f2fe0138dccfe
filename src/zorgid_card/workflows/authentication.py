"""Authentication with a card: a pass that begins a session, and log-in to a portal (AUT-1, AUT-2).

The card side is :func:`log_in`; the portal side :class:`LogIn` and :func:`accept_pass`. What a log-in gives is an identity, never
a verdict: everything that does not hold raises.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509

from zorgid_card.errors import (
    NotFoundError,
    NotLinkedError,
    NotUZIError,
    OnHoldError,
    OrganisationUnknownError,
    PassTypeError,
    ReplayError,
    RevokedError,
    UntrustedError,
)
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.identity import UZIIdentity, read_uzi_identity, read_zorgid_identity
from zorgid_card.pki.revocation import Revocation
from zorgid_card.pki.statement import SESSION, verify_statement
from zorgid_card.pki.trust import TrustStore
from zorgid_card.pki.verifier import CertificateVerifier
from zorgid_card.pki.web_eid import verify_token
from zorgid_card.ports.registry import (
    CardLink,
    Challenge,
    IssuedCertificate,
    Membership,
    Organisation,
    Person,
    SmartCard,
    Unit,
)
from zorgid_card.workflows.card_side import log_in
from zorgid_card.workflows.portal import Context, Services
from zorgid_card.workflows.session import Authenticate, Authenticated, session_statement

__all__ = [
    "LogIn",
    "LoggedIn",
    "about",
    "accept_pass",
    "authenticated_session",
    "log_in",
    "session_identity",
    "session_pass",
]

_LOG_IN = "log-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Who logged in, and for which organisation. From a UZI pass all of it; from a ZORG-ID Smartcard by the registry."""

    means: str
    """``uzi-pass`` or ``zorgid-smartcard``."""
    uzi_number: str
    common_name: str
    ura: str
    organisation: str
    role: str
    agb: str | None
    person_id: str | None
    card_serial: str | None
    at: datetime


class LogIn:
    """The portal side of a log-in."""

    def __init__(self, services: Services, card_revocation: Revocation) -> None:
        self._services = services
        self._card_revocation = card_revocation
        authority = services.authority
        self._cards = TrustStore(anchors=authority.chain[-1:], intermediates=authority.chain[:-1])

    def challenge(self, binding: str) -> str:
        """A new single-use challenge for the browser session that ``binding`` names; 44 characters, base64 of 32 octets."""
        nonce = base64.b64encode(secrets.token_bytes(32)).decode()
        with self._services.registry.begin() as unit:
            for earlier in list(unit.find(Challenge, binding=binding, purpose=_LOG_IN)):
                unit.remove(earlier)
            unit.add(
                Challenge(
                    nonce=nonce,
                    purpose=_LOG_IN,
                    origin=self._services.identity.origin,
                    binding=binding,
                    expires_at=self._services.clock() + self._services.policy.challenge_lifetime,
                )
            )
        return nonce

    def verify(self, token: str, *, binding: str, ura: str | None = None) -> LoggedIn:
        """Judge a token: signature over origin and challenge, certificate chain, revocation, and the registry.

        Args:
            token: the token's JSON text.
            binding: names the browser session for which the challenge was made.
            ura: the organisation the person acts for; needed where a ZORG-ID Smartcard is linked to more than one.

        Raises:
            ReplayError: no challenge is open for this browser session: it was used, or has expired.
            SignatureError: not signed over this origin and this challenge.
            CertificateError: expired, untrusted, on hold, revoked, or of the wrong usage.
            PassTypeError, NotLinkedError: the policy or the registry refuses.
        """
        now = self._services.clock()
        challenge = self._take(binding, now)
        certificate = verify_token(token, origin=challenge.origin, nonce=challenge.nonce).der
        try:
            return self._uzi(certificate, now, ura)
        except NotUZIError:
            return self._smartcard(certificate, now, ura)

    def _take(self, binding: str, now: datetime) -> Challenge:
        """Remove first, then judge: a challenge serves one try."""
        with self._services.registry.begin() as unit:
            challenge = next(unit.find(Challenge, binding=binding, purpose=_LOG_IN), None)
            if challenge is None:
                raise ReplayError("no challenge is open for this session", what="challenge")
            unit.remove(challenge)
        if now >= challenge.expires_at:
            raise ReplayError("the challenge has expired", what="challenge")
        return challenge

    def _uzi(self, certificate: bytes, now: datetime, ura: str | None) -> LoggedIn:
        identity = accept_pass(self._services, certificate, (), now)
        accepted = self._services.policy.login_pass_types
        if identity.pass_type not in accepted:
            raise PassTypeError(found=identity.pass_type, expected=", ".join(sorted(accepted)))
        if ura not in (None, identity.ura):
            raise NotLinkedError(ura=ura)
        self._require_organisation(identity.ura)
        return LoggedIn(
            means="uzi-pass",
            uzi_number=identity.uzi_number,
            common_name=identity.common_name,
            ura=identity.ura,
            organisation=identity.organisation,
            role=identity.role,
            agb=identity.agb,
            person_id=None,
            card_serial=None,
            at=now,
        )

    def _require_organisation(self, ura: str) -> None:
        """A suspended organisation logs nobody in; one that is not registered here does if the policy says so."""
        with self._services.registry.begin() as unit:
            known = next(unit.find(Organisation, ura=ura), None)
        state = "unknown" if known is None else known.state
        if state == "suspended" or (self._services.policy.login_registered_only and state != "validated"):
            raise OrganisationUnknownError(ura=ura, state=state)

    def _smartcard(self, certificate: bytes, now: datetime, ura: str | None) -> LoggedIn:
        chain = self._cards.verify(certificate, at=now, usage="authenticity")
        self._card_revocation.check(chain, now)
        identity = read_zorgid_identity(certificate)
        with self._services.registry.begin() as unit:
            card = _live_card(unit, certificate)
            person = unit.get(Person, card.person_id)
            organisation = _acting_for(unit, card, now, ura)
            unit.replace(replace(card, last_used_at=now))
        return LoggedIn(
            means="zorgid-smartcard",
            uzi_number=identity.uzi_number,
            common_name=identity.common_name,
            ura=organisation.ura,
            organisation=organisation.name,
            role=person.role_code,
            agb=None,
            person_id=person.id,
            card_serial=card.serial,
            at=now,
        )


def _live_card(unit: Unit, certificate: bytes) -> SmartCard:
    serial = f"{x509.load_der_x509_certificate(certificate).serial_number:x}"
    try:
        issued = unit.get(IssuedCertificate, serial)
        card = unit.get(SmartCard, issued.card_serial)
    except NotFoundError as error:
        raise UntrustedError("the certificate is not in the registry", reason="unknown serial") from error
    if issued.der != certificate:
        raise UntrustedError("another certificate has this serial", reason="serial")
    if issued.status == "hold":
        raise OnHoldError(serial=serial, since=issued.changed_at.isoformat())
    if issued.status != "good" or card.certificate_serial != serial:
        raise RevokedError(serial=serial, reason=issued.reason, since=issued.changed_at.isoformat())
    return card


def _acting_for(unit: Unit, card: SmartCard, now: datetime, ura: str | None) -> Organisation:
    cards = _current(unit.find(CardLink, card_serial=card.serial), now)
    people = _current(unit.find(Membership, person_id=card.person_id), now)
    linked = cards & people
    chosen = ura if ura is not None else next(iter(linked)) if len(linked) == 1 else None
    if chosen not in linked or chosen is None:
        raise NotLinkedError(ura=ura)
    organisation = unit.get(Organisation, chosen)
    if organisation.state != "validated":
        raise NotLinkedError(ura=chosen)
    return organisation


def _current(links: Iterable[CardLink | Membership], now: datetime) -> set[str]:
    return {link.ura for link in links if link.until is None or now < link.until}


def accept_pass(
    services: Services, certificate: bytes | Certificate, chain: tuple[bytes, ...], now: datetime
) -> UZIIdentity:
    """A UZI certificate that may authenticate its holder now: see :class:`~zorgid_card.pki.verifier.CertificateVerifier`.

    Raises:
        NotUZIError: a certificate of somebody else.
        CertificateError: malformed, of another usage, expired, untrusted, revoked, or its revocation cannot be told.
    """
    return CertificateVerifier(services.uzi, services.uzi_revocation).verify(certificate, intermediates=chain, at=now)


def authenticated_session(context: Context, message: Authenticate) -> UZIIdentity:
    """The pass is accepted and has signed this session's key; kept in the session's facts.

    Raises:
        SignatureError: the pass did not sign this session's key for this portal.
    """
    identity = accept_pass(context.services, message.certificate, message.chain, context.now)
    session = context.session
    fields = session_statement(
        session=session.id,
        origin=session.origin,
        session_key=session.key or b"",
        expires_at=session.expires_at,
    )
    verify_statement(message.certificate, SESSION, fields, message.signature, message.algorithm)
    context.facts["pass"] = base64.b64encode(message.certificate).decode()
    context.facts["pass_chain"] = " ".join(base64.b64encode(der).decode() for der in message.chain)
    return identity


def session_pass(context: Context) -> tuple[bytes, tuple[bytes, ...]]:
    """The certificate of the pass that authenticated this session, and the chain that came with it, DER."""
    chain = context.facts["pass_chain"].split()
    return base64.b64decode(context.facts["pass"]), tuple(base64.b64decode(der) for der in chain)


def session_identity(context: Context) -> UZIIdentity:
    """Whom the pass of this session names."""
    return read_uzi_identity(session_pass(context)[0])


def about(identity: UZIIdentity) -> Authenticated:
    """What the card side is told of a pass, to be shown to its holder."""
    return Authenticated(
        pass_type=identity.pass_type,
        uzi_number=identity.uzi_number,
        given_names=identity.given_names or "",
        surname=identity.surname or "",
        common_name=identity.common_name,
        ura=identity.ura,
        organisation=identity.organisation,
        role=identity.role,
        role_name=identity.role_name or "",
        not_after=identity.not_after,
    )
