"""The portal side of the seam: one door for all messages.

:class:`Portal` opens the envelope, finds the session, checks its signature and number, lets the one handler that this message
has in this state of this purpose act in one transaction, and keeps the answer in the same transaction. The handlers stand in
the workflow modules; each module's ``STEPS`` table says which message is served in which state, and which state follows.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn, TypeAlias, TypeVar

from zorgid_card.errors import (
    EnrolmentPendingError,
    FetchError,
    MessageError,
    NotFoundError,
    SessionError,
    SignatureError,
    StorageError,
    ZorgIDError,
)
from zorgid_card.pki.revocation import Revocation
from zorgid_card.pki.signing import verify_signature
from zorgid_card.pki.trust import TrustStore
from zorgid_card.ports.authority import CertificateAuthority
from zorgid_card.ports.keys import AdministrationKeys, ChannelKeys
from zorgid_card.ports.notices import Events
from zorgid_card.ports.registry import Registry, Reply, Session, Unit
from zorgid_card.workflows import organisation
from zorgid_card.workflows.messages import JSON, Message, Refusal, canonical, from_json, parse, to_json
from zorgid_card.workflows.pairing import PortalIdentity
from zorgid_card.workflows.policy import Policy
from zorgid_card.workflows.session import (
    COMMITS_KEPT,
    COMMITTED,
    NOT_TAKEN,
    VERSION,
    OpenSession,
    SessionOpened,
    signed_part,
)

T = TypeVar("T")
_log = logging.getLogger(__name__)

OUTSIDE_FOR: Final = timedelta(minutes=2)
"""How long what is done outside a transaction keeps the same message waiting, if this process does not come back from it."""

REFUSED: Final = "message-refused"
"""What is counted of a message of the card side that was refused, for whatever reason."""

_BUSY_SECONDS: Final = 2
_TOLD: Final = ("reason", "retry_after")
_CLAIM: Final = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the portal side stands on; a portal builds this once."""

    registry: Registry
    authority: CertificateAuthority
    uzi: TrustStore
    """Pinned roots of the UZI register."""
    uzi_revocation: Revocation
    """Tells whether a certificate of the register is revoked."""
    makers: tuple[bytes, ...]
    """Attestation roots of the makers whose blanks are accepted, DER."""
    administration: AdministrationKeys
    identity: PortalIdentity
    """Origin and TLS key of the portal, as card side and phones know them."""
    policy: Policy = field(default_factory=Policy)
    channels: ChannelKeys | None = None
    """Keys of the makers' batches, for blanks that prove residency by SCP03; None: no such blank is taken."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    events: Events | None = None
    """Is told of messages that were served, by their kind, and of phones that logged in."""

    def happened(self, name: str) -> None:
        """Tell it, if somebody counts."""
        if self.events is not None:
            self.events.happened(name)


@dataclass(slots=True)
class Context:
    """One turn of a session: what a handler acts with."""

    services: Services
    unit: Unit
    session: Session
    now: datetime
    facts: dict[str, str] = field(default_factory=dict)
    """What the session has established; kept with it."""
    done: tuple[Any, ...] = ()
    """What :meth:`outside` gave, when the handler is run for the second time."""
    serving: bool = False
    """Something was done outside for this very turn, which goes on."""

    def outside(self, work: Callable[[], T], *counted: str, alone: bool = True) -> T:
        """Do what takes long, or waits for others, outside any transaction: a handler calls this once, and changes nothing before.

        The handler ends here; what it has judged is committed to no more than that this message is being served. Then ``work`` is
        done, and the handler is run from its beginning in a new transaction, in which this gives what ``work`` gave.

        Args:
            work: touches nothing of the registry.
            counted: facts that are kept now, whatever becomes of the message: what is limited is counted before it is done.
            alone: the same message that comes again meanwhile is told to wait. False: it harms nobody if it is done twice.

        Raises:
            ZorgIDError: as ``work`` does; the message is refused with it.
        """
        if not self.done:
            raise _OutsideError(work, None, {name: self.facts[name] for name in counted}, alone=alone)
        return self.done[0]  # type: ignore[no-any-return]  # work's own

    def outside_for_good(
        self, work: Callable[[], T], keep: Callable[[Unit, T], dict[str, str]], *counted: str
    ) -> NoReturn:
        """As :meth:`outside`, but what ``work`` gives is kept at once, also where the message is refused after that, or this
        process ends. The handler finds it by the session's facts, and may do more of it, one after the other.

        Args:
            work: touches nothing of the registry.
            keep: keeps what it gave, whatever has become of the session meanwhile; gives facts, which the session gets if it still
                waits for this message.
            counted: as above.

        Raises:
            ZorgIDError: as ``work`` does; the message is refused with it.
        """
        raise _OutsideError(work, keep, {name: self.facts[name] for name in counted}, alone=True)


Handler: TypeAlias = Callable[[Context, Any], Message]
Steps: TypeAlias = Mapping[tuple[str, type[Message]], tuple[Handler, str]]
"""(state of the session, message) -> (handler, state that follows)."""


@dataclass(frozen=True, slots=True)
class _Call:
    session: str
    sequence: int
    body: Message
    envelope: dict[str, JSON]
    digest: bytes

    @classmethod
    def parse(cls, request: bytes) -> _Call:
        envelope = parse(request)
        names = {"version", "session", "sequence", "body", "signature"}
        for name in envelope.keys() ^ names:
            raise MessageError(f"envelope: field {name!r} is {'missing' if name in names else 'unknown'}", field=name)
        if envelope["version"] != VERSION:
            raise MessageError(f"this portal speaks version {VERSION}", field="version")
        session, sequence = envelope["session"], envelope["sequence"]
        if not isinstance(session, str) or "\0" in session or type(sequence) is not int:
            raise MessageError("envelope: session or sequence has the wrong type", field="session")
        body = from_json(envelope["body"])
        return cls(session, sequence, body, envelope, hashlib.sha256(canonical(envelope["body"])).digest())

    def verify(self, key: bytes) -> None:
        """The envelope is signed by the session key; raises SessionError."""
        signature = self.envelope["signature"]
        try:
            octets = bytes.fromhex(signature if isinstance(signature, str) else "?")
            verify_signature(key, "ES256", signed_part(self.envelope), octets)
        except (ValueError, SignatureError) as error:
            raise SessionError("the message is not signed by the session's key", reason="signature") from error


class _RefusedError(Exception):
    """Carries a refusal out of the transaction that it rolls back."""

    def __init__(self, error: ZorgIDError) -> None:
        super().__init__()
        self.error = error


class _OutsideError(Exception):
    """Carries what is to be done outside the transaction out of a handler."""

    def __init__(
        self,
        work: Callable[[], Any],
        keep: Callable[[Unit, Any], dict[str, str]] | None,
        counted: dict[str, str],
        *,
        alone: bool,
    ) -> None:
        super().__init__()
        self.work, self.keep, self.counted, self.alone = work, keep, counted, alone


@dataclass(frozen=True, slots=True)
class _Answer:
    """``happened``: what is to be counted; empty at a repetition."""

    octets: bytes
    happened: str = ""


class Portal:
    """The portal side: answers requests, each in one transaction, or in two (:meth:`Context.outside`).

    It has no state of its own but what it is built with.
    """

    def __init__(self, services: Services, purposes: Mapping[str, Steps]) -> None:
        self.services = services
        self._purposes = purposes

    @property
    def origin(self) -> str:
        """The portal's origin; makes the portal a :class:`~zorgid_card.ports.seam.Seam` for a card side in its process."""
        return self.services.identity.origin

    def ask(self, request: bytes, /) -> bytes:
        """Answer one request. Never raises a :class:`ZorgIDError`: a refusal is an answer."""
        try:
            call = _Call.parse(request)
            if isinstance(call.body, OpenSession):
                return canonical(to_json(self._open(call, call.body)))
            return self._serve(call)
        except ZorgIDError as error:
            return canonical(to_json(_refusal(error)))

    def _open(self, call: _Call, message: OpenSession) -> Message:
        call.verify(message.session_key)
        policy, now = self.services.policy, self.services.clock()
        if message.purpose not in self._purposes:
            raise MessageError("unknown purpose", field="purpose")
        organisation.require_client(policy, message.client_version)
        if message.purpose == organisation.CREATE:
            organisation.require_platform(policy, message.platform)
        session = Session(
            id=secrets.token_urlsafe(16),
            purpose=message.purpose,
            state="opened",
            origin=self.services.identity.origin,
            nonce=secrets.token_urlsafe(32),
            key=message.session_key,
            sequence=0,
            expires_at=now + policy.session_lifetime,
            data="{}",
        )
        self.services.registry.run(lambda unit: unit.add(session))
        return SessionOpened(session=session.id, expires_at=session.expires_at)

    def _serve(self, call: _Call) -> bytes:
        """The same message that comes again while something is done for it is told to wait; another one takes its number."""
        outside: _OutsideError | None = None
        done: tuple[Any, ...] = ()
        try:
            while True:
                try:
                    return self._turn(call, done, serving=outside is not None)
                except _OutsideError as found:
                    outside = found
                done = self._do_outside(call, outside)
        except _RefusedError as refused:
            return self._refuse(call, refused.error)
        except BaseException as error:
            if outside is None:
                raise
            if isinstance(error, ZorgIDError) and not isinstance(error, NOT_TAKEN):
                return self._refuse(call, error)
            self._release(call)
            raise

    def _turn(self, call: _Call, done: tuple[Any, ...] = (), *, serving: bool) -> bytes:
        """One transaction. It ends with an answer, or with what is to be done for this message outside it, and perhaps a claim."""

        def work(unit: Unit) -> _Answer | _OutsideError:
            session = self._admit(unit, call)
            if _served(session, call):
                return _Answer(_repeat(unit, session, call))
            try:
                return self._act(unit, session, call, done, serving=serving)
            except _OutsideError as outside:
                if outside.alone:
                    unit.replace(_claimed(session, call, self.services.clock(), outside.counted))
                return outside

        return self._told(self.services.registry.run(work))

    def _told(self, answer: _Answer | _OutsideError) -> bytes:
        """What has happened is counted when the transaction is over."""
        if isinstance(answer, _OutsideError):
            raise answer
        if answer.happened:
            self.services.happened(answer.happened)
        return answer.octets

    def _do_outside(self, call: _Call, outside: _OutsideError) -> tuple[Any, ...]:
        found, keep = outside.work(), outside.keep
        if keep is None:
            return (found,)

        def work(unit: Unit) -> None:
            facts = keep(unit, found)
            session = next(unit.find(Session, id=call.session), None)
            if session is not None and _claim_of(session)[0] == call.digest.hex():
                unit.replace(_with(session, facts))

        self.services.registry.run(work)
        return ()

    def _refuse(self, call: _Call, error: ZorgIDError) -> bytes:
        def work(unit: Unit) -> _Answer:
            session = self._admit(unit, call)  # as it is now: the same message may have been served meanwhile
            if _served(session, call):
                return _Answer(_repeat(unit, session, call))
            return _Answer(_keep(unit, _unclaimed(session), call, _refusal(error)), REFUSED)

        return self._told(self.services.registry.run(work))

    def _release(self, call: _Call) -> None:
        """The claim is given up: the message may be sent again at once."""

        def work(unit: Unit) -> None:
            session = self._admit(unit, call)
            if not _served(session, call):
                unit.replace(_unclaimed(session))

        self.services.registry.run(work)

    def _admit(self, unit: Unit, call: _Call) -> Session:
        try:
            session = unit.get(Session, call.session)
        except NotFoundError as error:
            raise SessionError("no such session", reason="unknown") from error
        call.verify(session.key or b"")
        if self.services.clock() >= session.expires_at and not _served(session, call):
            raise SessionError("the session has expired", reason="expired")
        if call.sequence not in (session.sequence, session.sequence + 1):
            raise SessionError("the message is out of order", reason="order")
        return session

    def _act(self, unit: Unit, session: Session, call: _Call, done: tuple[Any, ...], *, serving: bool) -> _Answer:
        step = self._purposes[session.purpose].get((session.state, type(call.body)))
        if step is None:
            raise SessionError(f"{call.body.kind} is not expected in state {session.state}", reason="order")
        handler, following = step
        context = Context(self.services, unit, session, self.services.clock(), json.loads(session.data), done, serving)
        _require_unclaimed(context, call)
        try:
            answer = handler(context, call.body)
        except NOT_TAKEN:
            raise
        except ZorgIDError as error:
            if not error.counted:
                raise _RefusedError(error) from error
            return _Answer(_keep(unit, session, call, _refusal(error)), REFUSED)
        data = canonical({name: context.facts[name] for name in context.facts}).decode()
        return _Answer(_keep(unit, replace(session, state=following, data=data), call, answer), call.body.kind)


def _refusal(error: ZorgIDError) -> Refusal:
    """What the card side is told: of what the portal itself stands on, where it lies and how it answers, no more than the kind."""
    if isinstance(error, StorageError | FetchError):
        _log.warning("%s: %s", error.code, error)
        error = type(error)(**{name: error.details[name] for name in _TOLD if name in error.details})
    return Refusal.of(error)


def _served(session: Session, call: _Call) -> bool:
    return session.sequence == call.sequence and not call.body.volatile


def _claimed(session: Session, call: _Call, now: datetime, kept: dict[str, str]) -> Session:
    until = (now + OUTSIDE_FOR).isoformat()
    return _with(session, kept | {_CLAIM: f"{call.digest.hex()} {until}"})


def _with(session: Session, facts: dict[str, str]) -> Session:
    return replace(session, data=canonical(json.loads(session.data) | facts).decode())


def _claim_of(session: Session) -> tuple[str, str]:
    """The digest of the message that is being served, and until when; empty where none is."""
    digest, _, until = json.loads(session.data).get(_CLAIM, "").partition(" ")
    return digest, until


def _unclaimed(session: Session) -> Session:
    facts = json.loads(session.data)
    facts.pop(_CLAIM, None)
    return replace(session, data=canonical(facts).decode())


def _require_unclaimed(context: Context, call: _Call) -> None:
    """Nobody else is serving this message now; the claim is no fact of the session.

    Raises:
        EnrolmentPendingError: somebody is: the same message is to be sent again.
    """
    context.facts.pop(_CLAIM, None)
    digest, until = _claim_of(context.session)
    if not context.serving and digest == call.digest.hex() and context.now < datetime.fromisoformat(until):
        raise EnrolmentPendingError("this message is being served", retry_after=_BUSY_SECONDS)


def _keep(unit: Unit, session: Session, call: _Call, answer: Message) -> bytes:
    octets = canonical(to_json(answer))
    unit.replace(replace(session, sequence=call.sequence))
    stored = b"" if call.body.volatile else octets
    until = session.expires_at + (COMMITS_KEPT if session.state == COMMITTED else timedelta(0))
    kept = Reply(id=session.id, request_hash=call.digest, answer=stored, expires_at=until)
    if call.sequence == 1:
        unit.add(kept)
    else:
        unit.replace(kept)
    return octets


def _repeat(unit: Unit, session: Session, call: _Call) -> bytes:
    if session.sequence == 0:
        raise SessionError("the message is out of order", reason="order")
    kept = unit.get(Reply, session.id)
    if kept.request_hash != call.digest or not kept.answer:
        raise SessionError("the same number with other contents", reason="replay")
    return kept.answer
