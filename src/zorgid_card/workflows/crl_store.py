"""The CRLs that were fetched: in memory for this process, in a cache for the others, and never exchanged for older ones.

A list is kept when its CA has signed it and it is not older than the one at hand, so a bad answer of a server harms nothing.
Whether it is fresh enough to decide anything is judged when it is used.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from zorgid_card.errors import CertificateError, FetchError, RevocationUnknownError, ZorgIDError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CLOCK_SKEW, CRL
from zorgid_card.ports.fetch import Answer, Cache, Fetcher, Kept, Request
from zorgid_card.workflows.revocation_policy import CRLPolicy

TYPES: Final = frozenset(
    {"application/pkix-crl", "application/x-pkcs7-crl", "application/octet-stream", "binary/octet-stream"}
)
"""RFC 2585, 4.2; what common servers say of ``.crl``; and what they say of anything."""

WAIT: Final = 15.0
"""Seconds to wait for another thread or process that fetches the same list."""

_EARLY = 4  # a list is asked for again when a quarter of its life is left
_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """The newest list at hand, if any, and what went wrong when a newer one was last asked for."""

    crl: CRL | None
    problem: ZorgIDError | None


@dataclass(slots=True)
class _State:
    """One list in this process."""

    url: str
    issuer: Certificate
    policy: CRLPolicy
    delta: bool
    lock: threading.Lock = field(default_factory=threading.Lock)
    crl: CRL | None = None
    facts: dict[str, str] = field(default_factory=dict)
    asked: datetime | None = None
    """When a server last said that this is the newest."""
    tried: datetime | None = None
    problem: ZorgIDError | None = None

    @property
    def key(self) -> str:
        return f"crl:{hashlib.sha256(self.issuer.spki).hexdigest()}:{self.url}"

    def due(self, now: datetime, share: float = 1.0) -> bool:
        """Whether it is time to ask for a newer one: after the policy's time, or when the end of this one is near."""
        if self.crl is None or self.asked is None or now < self.asked:
            return True
        return now >= self.asked + self.policy.refresh_after * share or self.ending(now)

    def ending(self, now: datetime) -> bool:
        """Whether the end of the list at hand is near."""
        crl = self.crl
        return crl is not None and now >= crl.next_update - (crl.next_update - crl.this_update) / _EARLY


class CRLStore:
    """Serves many threads, and through its cache many processes.

    Args:
        fetcher: fetches.
        cache: shared with others; None: this process remembers alone.
        clock: UTC.
        retry_after: after a failure a list is left alone this long.
    """

    def __init__(
        self, fetcher: Fetcher, cache: Cache | None, clock: Callable[[], datetime], retry_after: timedelta
    ) -> None:
        self._fetcher = fetcher
        self._cache = cache
        self._clock = clock
        self._retry_after = retry_after
        self._states: dict[tuple[str, bytes], _State] = {}
        self._lock = threading.Lock()

    def newest(
        self, url: str, issuer: Certificate, policy: CRLPolicy, usable: Callable[[CRL], bool], *, delta: bool = False
    ) -> Found:
        """The newest list, or delta, at this address that ``issuer`` has signed.

        While one thread or process asks for a newer list, the others go on with the one at hand if it is ``usable``, and wait for
        the answer if it is not.
        """
        state = self._state(url, issuer, policy, delta)
        at_hand = state.crl is not None and usable(state.crl)
        if at_hand and not state.due(self._clock()):
            return Found(state.crl, None)
        if state.lock.acquire(timeout=0 if at_hand else WAIT):
            try:
                self._renew(state, usable)
            finally:
                state.lock.release()
        elif not at_hand:
            told = f"{url}: another thread has not got an answer yet"
            return Found(state.crl, FetchError(told, reason="timeout", url=url))
        return Found(state.crl, state.problem)

    def refresh(self) -> Iterator[tuple[str, Certificate, Found]]:
        """Ask anew for each list that was asked for before, if half of the policy's time has passed: so nobody who needs it
        waits.
        """
        for state in list(self._states.values()):
            with state.lock:
                self._renew(state, lambda _: True, share=0.5)
            yield state.url, state.issuer, Found(state.crl, state.problem)

    def _state(self, url: str, issuer: Certificate, policy: CRLPolicy, delta: bool) -> _State:
        with self._lock:
            state = self._states.setdefault((url, issuer.spki), _State(url, issuer, policy, delta))
            state.policy = policy
            return state

    def _renew(self, state: _State, usable: Callable[[CRL], bool], share: float = 1.0) -> None:
        """Ask for a newer list, unless another has done so meanwhile, or it failed a moment ago."""
        if not self._wanted(state, usable, share):
            return
        self._take_kept(state)
        if not self._wanted(state, usable, share):
            return
        at_hand = state.crl is not None and usable(state.crl)
        with self._alone(state.key, 0 if at_hand else WAIT) as alone:
            self._take_kept(state)
            if self._wanted(state, usable, share) and (alone or not at_hand):
                self._ask(state, usable)

    def _wanted(self, state: _State, usable: Callable[[CRL], bool], share: float) -> bool:
        now = self._clock()
        if state.tried is not None and state.tried <= now < state.tried + self._retry_after:
            return False
        return state.crl is None or not usable(state.crl) or state.due(now, share)

    @contextmanager
    def _alone(self, key: str, wait: float) -> Iterator[bool]:
        if self._cache is None:
            yield True
            return
        with self._cache.alone(key, wait) as alone:
            yield alone

    def _take_kept(self, state: _State) -> None:
        """What another process, or this one before, has kept: verified as if it came from the network."""
        kept = self._cache.get(state.key) if self._cache is not None else None
        if kept is None:
            return
        try:
            asked = datetime.fromisoformat(kept.facts["asked"])
            if state.asked is None or asked > state.asked:
                self._take(state, kept.data, self._clock())
                state.asked, state.facts, state.problem = asked, dict(kept.facts), None
        except (CertificateError, KeyError, ValueError, TypeError) as error:
            _log.warning("the CRL of %s in the cache is passed over: %s", state.url, error)

    def _take(self, state: _State, der: bytes, now: datetime) -> None:
        """Take a list in place of the one at hand.

        Raises:
            CertificateError: it is no list of this issuer, a delta where a full one is wanted or the reverse, older than the one at
                hand, or of a time to come: kept, it would keep out those that come before it.
        """
        if state.crl is not None and state.crl.der == der:
            return
        crl = CRL.parse(der)
        crl.verify(state.issuer)
        if state.delta is (crl.base_number is None):
            raise RevocationUnknownError("a full CRL where a delta should be, or the reverse", reason="delta")
        if crl.this_update > now + CLOCK_SKEW:
            raise RevocationUnknownError("the CRL is of a time to come", reason="not yet valid")
        if state.crl is not None:
            _require_not_older(crl, state.crl)
        state.crl = crl

    def _ask(self, state: _State, usable: Callable[[CRL], bool]) -> None:
        now = self._clock()
        try:
            answer = self._fetcher.fetch(_request(state, now))
            if answer.body is not None:
                self._take(state, answer.body, now)
            elif state.crl is None:
                raise FetchError(f"{state.url}: not modified, but nothing is at hand", reason="broken", url=state.url)
        except (FetchError, CertificateError) as error:
            state.problem, state.tried = error, now
            _log.warning("no newer CRL of %s from %s: %s", state.issuer.common_name, state.url, error)
            return
        known = state.facts if answer.body is None else {}
        state.problem, state.asked, state.facts = None, now, known | _facts(answer, now)
        # A server that gives the same list close to its end is not asked at every turn.
        usable_now = state.crl is not None and usable(state.crl)
        state.tried = now if state.ending(now) or not usable_now else None
        self._keep(state)

    def _keep(self, state: _State) -> None:
        if self._cache is not None and state.crl is not None:
            self._cache.put(state.key, Kept(state.crl.der, state.facts))


def _request(state: _State, now: datetime) -> Request:
    """What is past its end is asked for whole: "not modified" would not help."""
    known = state.facts if state.crl is not None and now < state.crl.next_update else {}
    return Request(
        url=state.url,
        limit=state.policy.limit,
        types=TYPES,
        etag=known.get("etag"),
        last_modified=known.get("last_modified"),
    )


def _facts(answer: Answer, now: datetime) -> dict[str, str]:
    facts = {"asked": now.isoformat(), "etag": answer.etag, "last_modified": answer.last_modified}
    return {name: value for name, value in facts.items() if value}


def _require_not_older(new: CRL, known: CRL) -> None:
    """CRL numbers and dates only grow (RFC 5280, 5.2.3): whoever shows an older list hides what came since."""
    back = new.number is not None and known.number is not None and new.number < known.number
    if back or new.this_update < known.this_update:
        numbers = f"number {new.number} after {known.number}"
        raise RevocationUnknownError(f"the CRL is older than one seen before: {numbers}", reason="rollback")
