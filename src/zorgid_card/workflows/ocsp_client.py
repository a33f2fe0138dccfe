"""OCSP responders asked over HTTP; the last good answers are kept, for as long as the policy lets them count."""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from zorgid_card.errors import CertificateError, FetchError, RevocationUnknownError, ZorgIDError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.ocsp import MAX_RESPONSE, NONCE_OCTETS, Answer, Question
from zorgid_card.ports.fetch import Cache, Fetcher, Kept, Request
from zorgid_card.workflows.revocation_policy import OCSPPolicy

TYPE: Final = "application/ocsp-response"
"""RFC 6960, A.2."""

_log = logging.getLogger(__name__)


class Answered(NamedTuple):
    """The newest answer at hand, if any, and what went wrong when it was last asked for."""

    answer: Answer | None
    problem: ZorgIDError | None


class OCSPClient:
    """Serves many threads; through its cache processes share what was answered.

    Args:
        fetcher: fetches.
        cache: keeps answers; None: none is kept.
        clock: UTC.
        retry_after: a responder that could not be reached is left alone this long.
    """

    def __init__(
        self, fetcher: Fetcher, cache: Cache | None, clock: Callable[[], datetime], retry_after: timedelta
    ) -> None:
        self._fetcher = fetcher
        self._cache = cache
        self._clock = clock
        self._retry_after = retry_after
        self._down: dict[str, tuple[datetime, FetchError]] = {}
        self._lock = threading.Lock()

    def ask(self, url: str, certificate: Certificate, issuer: Certificate, policy: OCSPPolicy) -> Answered:
        """Ask for the status of a certificate, unless it was answered so lately that the policy lets that count."""
        now = self._clock()
        key = _key(url, certificate, issuer)
        kept = self._kept(key, certificate, issuer, policy, now)
        if kept is not None and timedelta() <= kept[1] < policy.refresh_after:
            return Answered(kept[0], None)
        try:
            answer, nonce, der = self._fetch(url, certificate, issuer, policy, now)
            if answer.this_update > now + policy.ahead:
                raise RevocationUnknownError("the OCSP answer is of a time to come", reason="not yet valid")
            if kept is not None and answer.this_update < kept[0].this_update:
                raise RevocationUnknownError("the OCSP answer is older than one seen before", reason="rollback")
        except (FetchError, CertificateError) as error:
            _log.warning("no OCSP answer about %s from %s: %s", certificate.serial_hex, url, error)
            return Answered(kept[0] if kept else None, error)
        if self._cache is not None:
            facts = {"asked": now.isoformat(), "nonce": nonce.hex() if nonce else ""}
            self._cache.put(key, Kept(der, facts))
        return Answered(answer, None)

    def _kept(
        self, key: str, certificate: Certificate, issuer: Certificate, policy: OCSPPolicy, now: datetime
    ) -> tuple[Answer, timedelta] | None:
        """A kept answer, verified as when it came, and how long ago that was."""
        kept = self._cache.get(key) if self._cache is not None else None
        if kept is None:
            return None
        try:
            nonce = bytes.fromhex(kept.facts["nonce"]) or None
            answer = Answer.parse(kept.data)
            answer.verify(Question(certificate, issuer, nonce, policy.digest), now, nonce=policy.nonce)
            return answer, now - datetime.fromisoformat(kept.facts["asked"])
        except (CertificateError, KeyError, ValueError, TypeError) as error:
            _log.info("the OCSP answer about %s in the cache is passed over: %s", certificate.serial_hex, error)
            return None

    def _fetch(
        self, url: str, certificate: Certificate, issuer: Certificate, policy: OCSPPolicy, now: datetime
    ) -> tuple[Answer, bytes | None, bytes]:
        nonce = None if policy.nonce == "none" else secrets.token_bytes(NONCE_OCTETS)
        question = Question(certificate, issuer, nonce, policy.digest)
        der = self._post(url, question.der, now)
        answer = Answer.parse(der)
        answer.verify(question, now, nonce=policy.nonce)
        return answer, nonce, der

    def _post(self, url: str, body: bytes, now: datetime) -> bytes:
        with self._lock:
            until, problem = self._down.get(url, (now, None))
        if problem is not None and now < until <= now + self._retry_after:
            raise problem
        request = Request(
            url=url, limit=MAX_RESPONSE, types=frozenset({TYPE}), body=body, body_type="application/ocsp-request"
        )
        try:
            answer = self._fetcher.fetch(request)
        except FetchError as error:
            with self._lock:
                self._down[url] = now + self._retry_after, error
            raise
        with self._lock:
            self._down.pop(url, None)
        return answer.body or b""


def _key(url: str, certificate: Certificate, issuer: Certificate) -> str:
    return f"ocsp:{hashlib.sha256(issuer.spki).hexdigest()}:{certificate.serial_hex}:{url}"
