"""The portal side of a log-in with a card (AUT-1, AUT-2). It needs no registry and no CA of ours.

What a log-in gives is who logged in, never a verdict: everything that does not hold raises. The order is always the same:
the challenge is taken, and is gone whatever follows; then form, usage and signature of the token; then the certificate, its chain
and its revocation; then what the portal's policy and records say.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from zorgid_card.errors import (
    AnotherPersonError,
    MessageError,
    NotLinkedError,
    NotUZIError,
    ReplayError,
    ZorgIDError,
)
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.hierarchy import KNOWN, Hierarchy
from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity
from zorgid_card.pki.tls import TLSProxy, client_certificate
from zorgid_card.pki.verifier import CertificateVerifier, SmartcardVerifier
from zorgid_card.pki.web_eid import require_origin, verify_token
from zorgid_card.ports.challenges import Challenges, LogInChallenge
from zorgid_card.ports.links import Link, Links, PresentedCard
from zorgid_card.ports.notices import Events

UZI_PASS = "uzi-pass"
SMARTCARD = "zorgid-smartcard"

LIFETIME = timedelta(minutes=5)
"""How long a challenge may be answered (the Web eID architecture's figure)."""

LOG_IN_REFUSED = "log-in.refused"

LOGGED_IN_LIMIT = 200_000
"""Characters of a :class:`LoggedIn` as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Who logged in, and for which organisation. From a UZI pass all of it; from a ZORG-ID Smartcard by the portal's records.

    Attributes:
        identity: what the certificate says, and the certificate.
        link: what the portal's records say, for a ZORG-ID Smartcard.
        origin: where.
        at: when, UTC.
    """

    identity: UZIIdentity | ZorgIDIdentity
    link: Link | None
    origin: str
    at: datetime

    @property
    def means(self) -> str:
        """``uzi-pass`` or ``zorgid-smartcard``."""
        return UZI_PASS if isinstance(self.identity, UZIIdentity) else SMARTCARD

    @property
    def certificate(self) -> bytes:
        """The card's certificate, DER."""
        return self.identity.certificate

    @property
    def uzi_number(self) -> str:
        """9 digits."""
        return self.identity.uzi_number

    @property
    def common_name(self) -> str:
        """The person's name, or that of the function on a pass that is in nobody's name (type M)."""
        return self.identity.common_name

    @property
    def ura(self) -> str:
        """The organisation acted for, 8 digits."""
        return self.identity.ura if isinstance(self.identity, UZIIdentity) else self._linked.ura

    @property
    def organisation(self) -> str:
        """Its name."""
        return self.identity.organisation if isinstance(self.identity, UZIIdentity) else self._linked.organisation

    @property
    def role(self) -> str:
        """Role code, ``NN.NNN``."""
        return self.identity.role if isinstance(self.identity, UZIIdentity) else self._linked.role

    @property
    def agb(self) -> str | None:
        """AGB code of a UZI pass, 8 digits, if it has one."""
        return self.identity.agb if isinstance(self.identity, UZIIdentity) else None

    @property
    def person_id(self) -> str | None:
        """The person in the portal's records, of a ZORG-ID Smartcard."""
        return self.link.person_id if self.link else None

    @property
    def card_serial(self) -> str | None:
        """Hardware serial of a ZORG-ID Smartcard."""
        return self.link.card_serial if self.link else None

    @property
    def until(self) -> datetime:
        """When this log-in ends at the latest: with the certificate, or with a guest's link (CRD-13)."""
        ends = [self.identity.not_after, self.link.until if self.link else None]
        return min(end for end in ends if end is not None)

    @property
    def _linked(self) -> Link:
        if self.link is None:
            raise ValueError("a ZORG-ID Smartcard logs in by a link")
        return self.link

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it: moments in ISO 8601, UTC; ``identity`` as the identity's own ``to_dict`` gives it."""
        return {
            "means": self.means,
            "uzi_number": self.uzi_number,
            "common_name": self.common_name,
            "ura": self.ura,
            "organisation": self.organisation,
            "role": self.role,
            "agb": self.agb,
            "until": self.until.isoformat(),
            "origin": self.origin,
            "at": self.at.isoformat(),
            "link": _shown(self.link),
            "identity": self.identity.to_dict(),
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON text: for a session's store, or for another service."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, *, lenient: bool = False, hierarchies: Iterable[Hierarchy] = KNOWN) -> LoggedIn:
        """What :meth:`to_json` gave. The certificate is read again, and all else must say the same; nothing is judged anew: see
        :meth:`LogIn.recheck`.

        Args:
            text: JSON.
            lenient, hierarchies: as for :func:`~zorgid_card.pki.identity.read_uzi_identity`.

        Raises:
            MessageError: not such JSON, or it contradicts itself; ``field``.
            CertificateError: its certificate cannot be read.
        """
        known = _fields(text)
        identity: UZIIdentity | ZorgIDIdentity
        if known["means"] == UZI_PASS:
            identity = UZIIdentity.from_json(json.dumps(known["identity"]), lenient=lenient, hierarchies=hierarchies)
        else:
            identity = ZorgIDIdentity.from_json(json.dumps(known["identity"]))
        link = _link(known["link"]) if known["means"] == SMARTCARD else None
        found = cls(identity=identity, link=link, origin=_text(known, "origin"), at=_moment(known, "at"))
        for name, said in found.to_dict().items():
            if name != "identity" and known[name] != said:
                raise MessageError(f"{name} is not what the rest says", field=name)
        return found


_NAMES = frozenset({
    "means", "uzi_number", "common_name", "ura", "organisation", "role", "agb", "until", "origin", "at", "link", "identity",
})  # fmt: skip
_LINK = frozenset(field.name for field in fields(Link))


def _fields(text: str) -> dict[str, Any]:
    if not isinstance(text, str) or len(text) > LOGGED_IN_LIMIT:
        raise MessageError("a log-in is JSON text", field="")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageError("a log-in is JSON", field="") from error
    known = _named(value, _NAMES, "")
    if known["means"] not in (UZI_PASS, SMARTCARD):
        raise MessageError("unknown means of logging in", field="means")
    return known


def _named(value: object, names: frozenset[str], field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MessageError("not a JSON object", field=field)
    for name in value.keys() ^ names:
        raise MessageError(f"{name!r} is {'missing' if name in names else 'unknown'}", field=str(name)[:40])
    return value


def _text(known: dict[str, Any], name: str) -> str:
    if not isinstance(known[name], str):
        raise MessageError(f"{name} is not text", field=name)
    return str(known[name])


def _moment(known: dict[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(known, name))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise MessageError(f"{name} is not a time", field=name) from error


def _shown(link: Link | None) -> dict[str, str | None] | None:
    return None if link is None else asdict(link) | {"until": link.until.isoformat() if link.until else None}


def _link(value: object) -> Link:
    known = _named(value, _LINK, "link")
    until = None if known["until"] is None else _moment(known, "until")
    return Link(until=until, **{name: _text(known, name) for name in _LINK - {"until"}})


class LogIn:
    """The portal's door.

    Args:
        origin: the portal's own, from its configuration: ``https://host[:port]``.
        passes: judges certificates of UZI passes, and says which types of pass are accepted.
        challenges: where challenges are kept, shared by all processes that serve this origin.
        cards: judges certificates of ZORG-ID Smartcards; None: such cards are refused.
        links: tells for whom the holder of such a card acts, and which organisations are admitted; needed with ``cards``.
        lifetime: how long a challenge may be answered.
        clock: UTC.
        events: is told of each log-in: ``log-in.uzi-pass``, ``log-in.zorgid-smartcard``, ``log-in.refused``.

    Raises:
        MessageError: ``origin`` is none.
    """

    def __init__(
        self,
        *,
        origin: str,
        passes: CertificateVerifier,
        challenges: Challenges,
        cards: SmartcardVerifier | None = None,
        links: Links | None = None,
        lifetime: timedelta = LIFETIME,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        events: Events | None = None,
    ) -> None:
        require_origin(origin)
        if cards is not None and links is None:
            raise ValueError("a ZORG-ID certificate does not say for whom its holder acts: links are needed")
        self.origin = origin
        self._passes = passes
        self._challenges = challenges
        self._cards = cards
        self._links = links
        self._lifetime = lifetime
        self._clock = clock
        self._events = events

    def challenge(self, binding: str, *, client: str = "") -> str:
        """A new single-use challenge, in the place of an earlier one of the same browser session.

        Args:
            binding: names the browser session and nothing else: the session's identifier, never one that a request chose.
            client: who asks, as far as the portal can tell, such as the network address (of IPv6 the first 64 bits).

        Returns:
            The nonce: 44 characters, base64 of 32 random octets.

        Raises:
            StorageError: the store cannot be written.
            ValueError: ``binding`` is empty: everybody without a session would share one challenge.
        """
        if not binding:
            raise ValueError("a challenge is bound to a browser session: begin one first")
        now = self._clock()
        nonce = base64.b64encode(secrets.token_bytes(32)).decode()
        challenge = LogInChallenge(
            binding=self._bound(binding), origin=self.origin, nonce=nonce, expires_at=now + self._lifetime
        )
        self._challenges.put(challenge, at=now, client=client)
        return nonce

    def verify(self, token: str, *, binding: str, ura: str | None = None) -> LoggedIn:
        """Judge a token: signature over origin and challenge, certificate chain, revocation, policy and records.

        Args:
            token: the token's JSON text.
            binding: names the browser session for which the challenge was made.
            ura: the organisation the person acts for; needed where a ZORG-ID Smartcard is linked to more than one.

        Raises:
            ReplayError: no challenge is open for this browser session (``reason`` is ``none``: it was used, or never made), or
                it has expired (``expired``).
            MessageError: not a token.
            SignatureError: not signed over this origin and this challenge.
            CertificateError: expired, untrusted, on hold, revoked, or of the wrong usage.
            PassTypeError, OrganisationUnknownError, NotLinkedError: policy or records refuse.
        """
        now = self._clock()
        with self._refusals():
            nonce = self._take(binding, now)
            certificate = verify_token(token, origin=self.origin, nonce=nonce)
            return self._admitted(certificate, ura, now)

    def over_tls(
        self, headers: Iterable[tuple[str, str]], *, peer: str, proxy: TLSProxy, ura: str | None = None
    ) -> LoggedIn:
        """Judge who shows a card in the TLS handshake with the portal's proxy, in the place of a challenge and a token.

        Args:
            headers, peer, proxy: as for :func:`~zorgid_card.pki.tls.identity_from_tls`.
            ura: as for :meth:`verify`.

        Raises:
            NotAProxyError, NoClientCertificateError, TLSHeaderError: there is no certificate, or no relying on the headers.
            ZorgIDError: as :meth:`verify` raises for certificate, policy and records.
        """
        with self._refusals():
            shown = client_certificate(headers, peer=peer, proxy=proxy)
            return self._admitted(shown.certificate, ura, self._clock())

    def reauthenticate(self, token: str, *, binding: str, who: LoggedIn) -> LoggedIn:
        """Have the person who is logged in prove it once more, for the same organisation; with whichever of their cards.

        Raises:
            AnotherPersonError: somebody else's card signed.
            ZorgIDError: as for :meth:`verify`.
        """
        found = self.verify(token, binding=binding, ura=who.ura)
        if found.uzi_number != who.uzi_number:
            raise AnotherPersonError("another person's card signed")
        return found

    def recheck(self, who: LoggedIn) -> LoggedIn:
        """Judge an open session again, without the card: it ends when this raises (blocked, unlinked, revoked, expired).

        Returns:
            The same with what the records say now; ``at`` stays the moment of the log-in.

        Raises:
            ZorgIDError: as :meth:`verify` raises for certificate, policy and records.
        """
        return replace(self._judge(Certificate.parse(who.certificate), who.ura, self._clock(), used=False), at=who.at)

    def _bound(self, binding: str) -> str:
        """Stands for a session of this origin; who reads the store cannot take over a session with it."""
        digest = hashlib.sha256(json.dumps([self.origin, binding]).encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _take(self, binding: str, now: datetime) -> str:
        """Remove first, then judge: a challenge serves one try."""
        challenge = self._challenges.take(self._bound(binding))
        if challenge is None or challenge.origin != self.origin:
            raise ReplayError("no challenge is open for this session", what="challenge", reason="none")
        if now >= challenge.expires_at:
            raise ReplayError("the challenge has expired", what="challenge", reason="expired")
        return challenge.nonce

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except ZorgIDError:
            if self._events is not None:
                self._events.happened(LOG_IN_REFUSED)
            raise

    def _admitted(self, certificate: Certificate, ura: str | None, now: datetime) -> LoggedIn:
        found = self._judge(certificate, ura, now, used=True)
        if self._events is not None:
            self._events.happened(f"log-in.{found.means}")
        return found

    def _judge(self, certificate: Certificate, ura: str | None, now: datetime, *, used: bool) -> LoggedIn:
        try:
            identity = self._passes.verify(certificate, at=now)
        except NotUZIError:
            if self._cards is None or self._links is None:
                raise
            return self._smartcard(self._cards, self._links, certificate, ura, now, used=used)
        return self._pass(identity, ura, now)

    def _pass(self, identity: UZIIdentity, ura: str | None, now: datetime) -> LoggedIn:
        if ura not in (None, identity.ura):
            raise NotLinkedError(ura=ura)
        if self._links is not None:
            self._links.require_admitted(identity.ura)
        return LoggedIn(identity=identity, link=None, origin=self.origin, at=now)

    def _smartcard(
        self,
        cards: SmartcardVerifier,
        links: Links,
        certificate: Certificate,
        ura: str | None,
        now: datetime,
        *,
        used: bool,
    ) -> LoggedIn:
        identity = cards.verify(certificate, at=now)
        presented = PresentedCard(
            certificate=certificate.der, serial=certificate.serial_hex, uzi_number=identity.uzi_number
        )
        link = links.acting_for(presented, ura=ura, at=now, used=used)
        return LoggedIn(identity=identity, link=link, origin=self.origin, at=now)
