"""Authentication with a UZI pass that begins a session of the card side (AUT-2). Log-in is :mod:`zorgid_card.workflows.log_in`."""

from __future__ import annotations

import base64
from datetime import datetime

from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.identity import UZIIdentity, read_uzi_identity
from zorgid_card.pki.statement import SESSION, verify_statement
from zorgid_card.pki.verifier import CertificateVerifier
from zorgid_card.workflows.portal import Context, Services
from zorgid_card.workflows.session import Authenticate, Authenticated, session_statement


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

    Whether it is revoked may have to be asked on the network: nobody's transaction waits for that.

    Raises:
        SignatureError: the pass did not sign this session's key for this portal.
    """
    identity = context.outside(
        lambda: accept_pass(context.services, message.certificate, message.chain, context.now), alone=False
    )
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
