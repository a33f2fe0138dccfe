"""The portal's OCSP responder (RFC 6960, RFC 5019): it follows the registry, answers from stock what it can, and signs the rest.

What a certificate's status is comes from the registry when it is first asked about, and is then remembered until the journal
tells of a change (:mod:`~zorgid_card.workflows.status_journal`), which is looked at once a second. An answer without nonce is kept,
as its client may have it from a cache too, and given again to the same question until half its life is over or the status changes.
So no worker says "good" more than a second after another has committed a block. How long caches on the way to the client go on
saying so is bounded by ``max_age``; what somebody can do who keeps newer answers away from the client, by nextUpdate.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from zorgid_card.errors import CertificateError, StorageError
from zorgid_card.pki.crl import UNSPECIFIED
from zorgid_card.pki.ocsp_responder import (
    GOOD,
    MAX_REQUEST,
    UNKNOWN,
    CertID,
    Questions,
    Refusal,
    Responder,
    Standing,
    compose,
    refuse,
)
from zorgid_card.ports.http import HTTPAnswer
from zorgid_card.ports.registry import IssuedCertificate, Registry, StatusChange, Unit
from zorgid_card.workflows.status_journal import changes_after, last_change, serial_of

FOLLOWED_WITHIN: Final = timedelta(seconds=1)
"""How often the journal is looked at: a change is in the answers after this time."""

MAX_AGE: Final = timedelta(minutes=5)
"""How long caches on the way may give an answer without nonce again."""

ROOM: Final = 100_000
"""Certificates whose status is remembered, and answers that are kept: some 100 MB."""

_LONGEST_KEPT: Final = 255
"""Octets of a question to which the answer is kept: more than a plain one has."""

_ZERO: Final = timedelta(0)
_KIND: Final = "application/ocsp-response"
_QUESTION: Final = "application/ocsp-request"
_UNCACHED: Final = (("Content-Type", _KIND), ("Cache-Control", "no-store"))


class Answered(NamedTuple):
    """An OCSPResponse, DER; ``begins`` and ``renew``: from when to when it is given again, None where it is not."""

    der: bytes
    begins: datetime | None = None
    renew: datetime | None = None


class OCSPService:
    """Answers OCSP requests about the portal's certificates (:class:`~zorgid_card.ports.http.HTTPService`). Serves many threads.

    Args:
        registry: the portal's store; it is only read.
        responder: signs.
        clock: UTC.
        followed_within: see :data:`FOLLOWED_WITHIN`; zero: before each answer.
        max_age: see :data:`MAX_AGE`.
        room: see :data:`ROOM`.
    """

    limit = MAX_REQUEST

    def __init__(
        self,
        registry: Registry,
        responder: Responder,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        followed_within: timedelta = FOLLOWED_WITHIN,
        max_age: timedelta = MAX_AGE,
        room: int = ROOM,
    ) -> None:
        self._registry, self._responder, self._clock = registry, responder, clock
        self._within, self._max_age, self._room = followed_within, max_age, room
        self._lock = threading.Lock()
        self._change = -1
        self._followed = datetime.min.replace(tzinfo=UTC)
        self._standings: OrderedDict[int, Standing] = OrderedDict()
        self._stock: OrderedDict[bytes, Answered] = OrderedDict()
        self._kept_for: dict[int, set[bytes]] = {}

    @property
    def responder(self) -> Responder:
        """Who signs; set another when its certificate is renewed."""
        return self._responder

    @responder.setter
    def responder(self, responder: Responder) -> None:
        with self._lock:
            self._responder = responder
            self._stock.clear()
            self._kept_for.clear()

    def exposure(self) -> timedelta:
        """How long at most a client hears "good" of a certificate that was blocked, though somebody keeps newer answers away."""
        return self._within + self._responder.lifetime

    # --- answers ---

    def answer(self, request: bytes) -> Answered:
        """Answer a request, DER, whatever it is.

        Returns:
            A signed answer; or unsigned ``malformedRequest``, ``unauthorized`` (about other CAs' certificates only),
            ``tryLater`` (the registry or the key cannot be reached) or ``internalError`` (the responder's certificate is not
            valid).
        """
        now = self._clock()
        try:
            if not _ZERO <= now - self._followed < self._within:
                self._follow(now)
            found = self._stock.get(request)
            if found is not None and found.renew is not None and now < found.renew:
                return found
            return self._sign(request, now)
        except CertificateError:
            return _refused("malformedRequest")
        except StorageError:
            return _refused("tryLater")

    def _sign(self, request: bytes, now: datetime) -> Answered:
        responder, change, as_of = self._responder, self._change, self._followed
        ends = as_of + responder.lifetime / 2
        if not responder.begins <= now <= responder.ends:
            return _refused("internalError")
        plain = responder.plain(request)
        if plain is not None:
            serial, certificate, nonce = plain
            standing = self._standings.get(serial) or self._look_up(serial)
            if standing is GOOD:
                der = responder.good(certificate, nonce, now, as_of)
            else:
                questions = Questions((CertID(b"", serial, certificate),), nonce or None)
                der = responder.answer(questions, (standing,), now, as_of)
            return Answered(der) if nonce else self._keep(request, serial, Answered(der, as_of, ends), change)
        questions = responder.read(request)
        ours = [asked.issuer in responder.issuers for asked in questions.asked]
        if not any(ours):
            return _refused("unauthorized")
        standings = [
            self._standings.get(asked.serial) or self._look_up(asked.serial) if mine else UNKNOWN
            for asked, mine in zip(questions.asked, ours, strict=True)
        ]
        der = responder.answer(questions, standings, now, as_of)
        if questions.nonce is not None or len(standings) > 1 or len(request) > _LONGEST_KEPT:
            return Answered(der)
        return self._keep(request, questions.asked[0].serial, Answered(der, as_of, ends), change)

    def _look_up(self, serial: int) -> Standing:
        """Held against following, so that what was read is not older than what was followed."""
        with self._lock:
            found = self._registry.run(lambda unit: list(unit.find(IssuedCertificate, serial=f"{serial:x}")))
            standing = _standing_of(found[0] if found else None)
            self._standings[serial] = standing
            if len(self._standings) > self._room:
                self._standings.popitem(last=False)
            return standing

    def _keep(self, request: bytes, serial: int, answered: Answered, change: int) -> Answered:
        with self._lock:
            if change != self._change:  # it was signed before what was learned meanwhile
                return answered
            self._stock[request] = answered
            self._kept_for.setdefault(serial, set()).add(request)
            while len(self._stock) > self._room:
                old, _ = self._stock.popitem(last=False)
                self._drop(old)
            return answered

    def _drop(self, request: bytes) -> None:
        """What was kept longest is no longer remembered by its certificate."""
        serial = self._responder.read(request).asked[0].serial
        kept = self._kept_for.get(serial, set())
        kept.discard(request)
        if not kept:
            self._kept_for.pop(serial, None)

    def _follow(self, now: datetime) -> None:
        """Learn what has changed since, and forget what was known of it."""
        with self._lock:
            if _ZERO < now - self._followed < self._within:  # another thread was quicker
                return
            changes, last = self._registry.run(self._new)
            if changes is None:
                self._standings.clear()
                self._stock.clear()
                self._kept_for.clear()
            for changed in changes or ():
                serial = serial_of(changed)
                self._standings.pop(serial, None)
                for request in self._kept_for.pop(serial, ()):
                    self._stock.pop(request, None)
            self._change, self._followed = last, now

    def _new(self, unit: Unit) -> tuple[list[StatusChange] | None, int]:
        changes = None if self._change < 0 else changes_after(unit, self._change)
        return changes, last_change(unit) if changes is None else self._change + len(changes)

    def sign_ahead(self, serials: Iterable[int]) -> int:
        """Sign answers before they are asked for: without nonce, by SHA-1, as RFC 5019 has clients ask.

        Returns:
            How many.

        Raises:
            StorageError: the registry cannot be read.
        """
        signed = 0
        for serial in serials:
            asked = self._responder.certificate_id(serial)
            signed += self.answer(compose(Questions((asked,), None))).renew is not None
        return signed

    # --- over HTTP ---

    def respond(self, method: str, path: str, content_type: str, body: bytes) -> HTTPAnswer:
        """Answer over HTTP (RFC 6960, appendix A; RFC 5019, 5 and 6).

        Args:
            method: GET or POST.
            path: of a GET, the request in base64, percent-encoded.
            content_type: of a POST, ``application/ocsp-request``.
            body: of a POST, the request, DER.
        """
        if method == "GET":
            request = _from_path(path)
        elif method != "POST":
            return HTTPAnswer(405, (("Allow", "GET, POST"), ("Cache-Control", "no-store")))
        elif content_type.partition(";")[0].strip().lower() != _QUESTION:
            return HTTPAnswer(415, (("Accept", _QUESTION), ("Cache-Control", "no-store")))
        else:
            request = body
        if len(request) > MAX_REQUEST:
            return HTTPAnswer(413, (("Cache-Control", "no-store"),))
        answered = self.answer(request)
        return HTTPAnswer(200, self._headers(answered), answered.der)

    def _headers(self, answered: Answered) -> tuple[tuple[str, str], ...]:
        """RFC 5019, 6.2: as long as the answer is the newest, and ``max_age`` allows."""
        if answered.begins is None or answered.renew is None:
            return _UNCACHED
        ends = answered.begins + self._responder.lifetime
        left = max(timedelta(0), min(self._max_age, ends - self._clock()))
        return (
            ("Content-Type", _KIND),
            ("Cache-Control", f"max-age={int(left.total_seconds())}, public, no-transform, must-revalidate"),
            ("Last-Modified", format_datetime(answered.begins.replace(microsecond=0), usegmt=True)),
            ("Expires", format_datetime(ends.replace(microsecond=0), usegmt=True)),
            ("ETag", f'"{hashlib.sha256(answered.der).hexdigest()}"'),
        )


def _refused(why: Refusal) -> Answered:
    return Answered(refuse(why))


def _standing_of(issued: IssuedCertificate | None) -> Standing:
    if issued is None:
        return UNKNOWN
    if issued.status == "good":
        return GOOD
    return Standing(True, issued.reason or UNSPECIFIED, issued.changed_at)


def _from_path(path: str) -> bytes:
    """Empty if it is no base64. Some clients leave its slashes and plus signs as they are."""
    try:
        return base64.b64decode(unquote_to_bytes(path.removeprefix("/")), validate=True)
    except ValueError:  # binascii.Error is one; so is half a surrogate pair, where a server makes text of the path
        return b""
