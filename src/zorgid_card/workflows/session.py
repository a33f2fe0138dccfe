"""A session of the card side with the portal: its messages, its envelope, and the card side's end of it.

The card side makes an ephemeral P-256 key and opens a session with its public half. The pass, while it is in the reader, signs
that key together with the session's id, the portal's origin and the expiry; every message is signed by the key. That ties all
that follows to the UZI authentication after the pass is out.

Messages are numbered from 1. The number is the idempotency key: the same number with the same contents gets the same answer
again, with other contents it is refused. So the card side may repeat a message whose answer was lost, and nothing is done twice.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from zorgid_card.errors import (
    EnrolmentPendingError,
    MessageError,
    PortalAnswerError,
    PortalTLSError,
    PortalUnreachableError,
    SessionError,
    StorageError,
    TransportError,
)
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.statement import SESSION, sign_statement
from zorgid_card.ports.card import Signer
from zorgid_card.ports.seam import Seam
from zorgid_card.workflows.messages import (
    JSON,
    Certificate,
    Chain,
    Line,
    M,
    Message,
    PublicKey,
    Refusal,
    Signature,
    Word,
    canonical,
    from_json,
    parse,
    to_json,
)

VERSION = 3
"""Version of this protocol; a portal refuses others."""

COMMITTED = "committed"
"""State of a session whose card is active: nothing follows it, and its answer is kept for long (:data:`COMMITS_KEPT`)."""

COMMITS_KEPT = timedelta(days=30)
"""How long a commit that is sent again gets its answer: a card side that ended before it was written down asks so."""

ATTEMPTS = 3
"""How often one message is sent when the way to the portal breaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession(Message):
    """Card side: begin. ``purpose``: register-organisation or create-card; ``session_key``: SubjectPublicKeyInfo, P-256."""

    kind: ClassVar[str] = "open-session"
    purpose: Word
    platform: Word
    client_version: Word
    session_key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(Message):
    """Portal: the session's id, and until when it lives."""

    kind: ClassVar[str] = "session-opened"
    session: Word
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate(Message):
    """Card side: the pass's certificate (DER), its chain, and its signature over the session's statement."""

    kind: ClassVar[str] = "authenticate"
    certificate: Certificate
    chain: Chain
    algorithm: Word
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated(Message):
    """Portal: who the pass says its holder is, to be shown and confirmed."""

    kind: ClassVar[str] = "authenticated"
    pass_type: Word
    uzi_number: Word
    given_names: Line
    surname: Line
    common_name: Line
    ura: Word
    organisation: Line
    role: Word
    role_name: Line
    not_after: datetime


def session_statement(*, session: str, origin: str, session_key: bytes, expires_at: datetime) -> dict[str, str]:
    """What the pass signs to bind the session key (statement kind ``session``)."""
    return {
        "session": session,
        "origin": origin,
        "expires": expires_at.isoformat(),
        "key": base64.b64encode(session_key).decode(),
    }


def signed_part(envelope: dict[str, JSON]) -> bytes:
    """The octets that the session key signs: all of the envelope but the signature, under a domain of its own."""
    return b"zorgid-card message v1\n" + canonical({k: v for k, v in envelope.items() if k != "signature"})


NOT_TAKEN = (StorageError, SessionError, MessageError, EnrolmentPendingError)
"""Refusals of a message that the portal did not number: the next message takes the same number."""


UNHEARD = (PortalUnreachableError, PortalTLSError, PortalAnswerError)
"""What is not the portal's word: whether it has heard the message is not known."""


class PortalClient:
    """The card side's end of one session."""

    def __init__(self, seam: Seam) -> None:
        self._seam = seam
        self._key = SoftwareSigner.generate("ES256")
        self._session = ""
        self._sequence = 0
        self._expires_at: datetime | None = None
        self._unanswered: tuple[Message, bytes] | None = None

    @property
    def session(self) -> str:
        """The session's id; empty before :meth:`open`."""
        return self._session

    @property
    def expires_at(self) -> datetime:
        """Until when the open session lives.

        Raises:
            SessionError: none is open.
        """
        if self._expires_at is None:
            raise SessionError("no session is open", reason="closed")
        return self._expires_at

    @property
    def origin(self) -> str:
        """The portal's origin, as the transport knows it."""
        return self._seam.origin

    def open(self, purpose: str, *, platform: str, client_version: str) -> SessionOpened:
        """Begin a session.

        Raises:
            ClientTooOldError, PlatformError: the portal's policy refuses, before anything has started.
        """
        opened = self.ask(
            OpenSession(
                purpose=purpose,
                platform=platform,
                client_version=client_version,
                session_key=self._key.public_key,
            ),
            SessionOpened,
        )
        self._session, self._sequence, self._expires_at = opened.session, 0, opened.expires_at
        return opened

    def authenticate(self, signer: Signer, certificate: bytes, chain: tuple[bytes, ...]) -> Authenticated:
        """Have the pass sign the session's key, and show the portal its certificate.

        Raises:
            CertificateError, PortalError: the portal does not accept the pass.
        """
        fields = session_statement(
            session=self._session,
            origin=self.origin,
            session_key=self._key.public_key,
            expires_at=self.expires_at,
        )
        signature = sign_statement(signer, SESSION, **fields).signature
        return self.ask(
            Authenticate(certificate=certificate, chain=chain, algorithm=signer.algorithm, signature=signature),
            Authenticated,
        )

    def ask(self, message: Message, expected: type[M]) -> M:
        """Send one message, return its answer.

        A broken way, and an answer that nobody can read, is tried again with the very same octets: the portal answers a repetition
        with the first answer.

        Raises:
            ZorgIDError: the typed error with which the portal refuses.
            PortalUnreachableError, PortalTLSError, PortalAnswerError: it could not be reached, or something else answers.
            MessageError: the answer is not one to this message.
        """
        if self._unanswered is not None and self._unanswered[0] != message:
            self._settle(*self._unanswered)
        answer = self._settle(message, self._unanswered[1] if self._unanswered else self.seal(message))
        return _require(answer, expected, message)

    def seal(self, message: Message) -> bytes:
        """The octets with which ``message`` goes, if it is the next: numbered, and signed by the session's key.

        Whoever has them may :meth:`deliver` them, also when this process is gone. Another message that is sent before makes them
        worthless.
        """
        envelope: dict[str, JSON] = {
            "version": VERSION,
            "session": self._session,
            "sequence": self._sequence + 1,
            "body": to_json(message),
        }
        envelope["signature"] = self._key.sign(signed_part(envelope)).hex()
        return canonical(envelope)

    def seal_again(self, sealed: bytes) -> bytes:
        """What was sealed in this session, sealed as the next message: another one has been sent since."""
        return self.seal(from_json(parse(sealed).get("body")))

    def deliver(self, sealed: bytes, expected: type[M]) -> M:
        """Send what was sealed, perhaps by another process; raises as :meth:`ask`."""
        envelope = parse(sealed)
        message = from_json(envelope.get("body"))
        answer = self._settle(message, sealed) if envelope.get("session") == self._session else self._send(sealed)
        return _require(answer, expected, message)

    def _settle(self, message: Message, sealed: bytes) -> Message:
        """Send a message until it is answered. One whose answer was lost has taken its number: it goes before all others."""
        self._unanswered = message, sealed
        answer = self._send(sealed)
        self._unanswered = None
        if not (isinstance(answer, Refusal) and isinstance(answer.error(), NOT_TAKEN)):
            self._sequence += 1
        return answer

    def _send(self, request: bytes) -> Message:
        cause: Exception | None = None
        for _ in range(ATTEMPTS):
            try:
                return from_json(parse(self._seam.ask(request)))
            except (OSError, TransportError, MessageError) as error:
                cause = error
        if isinstance(cause, MessageError):
            raise PortalAnswerError(f"no message: {cause}", origin=self.origin, reason="type") from cause
        reason = "timeout" if getattr(cause, "details", {}).get("reason") == "timeout" else "connection"
        message = f"the portal cannot be reached: {cause}"
        raise PortalUnreachableError(message, origin=self.origin, reason=reason) from cause


def _require(answer: Message, expected: type[M], message: Message) -> M:
    if isinstance(answer, Refusal):
        raise answer.error()
    if not isinstance(answer, expected):
        raise MessageError(f"{answer.kind} is no answer to {message.kind}", field="kind")
    return answer
