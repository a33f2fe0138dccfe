"""Who is logged in at a portal's own pages: begun by a log-in, judged anew at each request, and ended by what ends the right to it.

The browser keeps a random secret in a cookie; the registry keeps a record under its hash, so that any number of workers share it.
Nothing is kept of who is not logged in: their secret serves to bind a log-in and a form to their browser alone.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from zorgid_card.errors import (
    MessageError,
    NotFoundError,
    NotLoggedInError,
    RateLimitError,
    RevokedError,
    StorageError,
    TransitionError,
    ZorgIDError,
)
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.links import PresentedCard
from zorgid_card.ports.registry import BrowserSession, MobileID, OperatorLink, Organisation, Registry, Unit
from zorgid_card.workflows import audit, registry_links, tallies
from zorgid_card.workflows.log_in import LoggedIn, LogIn
from zorgid_card.workflows.management.call import role_of
from zorgid_card.workflows.management.roles import Actor, Operator
from zorgid_card.workflows.messages import canonical
from zorgid_card.workflows.organisation import printable_text
from zorgid_card.workflows.phone_requests import PhoneLoggedIn
from zorgid_card.workflows.turn import in_turn

LINK_LIFETIME: Final = timedelta(minutes=10)
"""How long an operator's link serves."""

SEEN_EVERY: Final = timedelta(minutes=1)
"""A request does not write unless the last one that did is so long ago."""

MOST_KEPT: Final = 8
"""What a session keeps of its pages at once; the oldest goes."""

_NAME = 200
_SUPERSEDED: Final = "superseded"
_PLACES, _IN_ONE_PLACE = 16, 75


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """How long somebody stays logged in at the pages, and how often what a card proved is judged from the beginning."""

    idle: timedelta = timedelta(minutes=30)
    """Without a request."""
    longest: timedelta = timedelta(hours=10)
    """In all; a working day."""
    recheck: timedelta = timedelta(minutes=1)
    """Chain, dates and revocation of a card (:meth:`~zorgid_card.workflows.log_in.LogIn.recheck`); records at each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneLogIn:
    """Logged in with a phone (ORG-7)."""

    person_id: str
    name: str
    ura: str
    organisation: str
    phone: str
    """Id of the phone."""

    @property
    def actor(self) -> Actor:
        """Who acts (:meth:`~zorgid_card.workflows.management.Management.acting_as`)."""
        return self.person_id

    def until(self, now: datetime, policy: SessionPolicy) -> datetime:
        """When it ends at the latest."""
        return now + policy.longest


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLogIn:
    """Logged in with a UZI pass or a ZORG-ID Smartcard (AUT-2)."""

    card: LoggedIn

    @property
    def actor(self) -> Actor:
        """Who acts: the person of a ZORG-ID Smartcard, or who has shown a UZI pass."""
        identity = self.card.identity
        return identity if isinstance(identity, UZIIdentity) else self.card.person_id

    @property
    def person_id(self) -> str | None:
        """Of a ZORG-ID Smartcard."""
        return self.card.person_id

    @property
    def name(self) -> str:
        """The person's."""
        return self.card.common_name

    @property
    def ura(self) -> str:
        """The organisation acted for."""
        return self.card.ura

    @property
    def organisation(self) -> str:
        """Its name."""
        return self.card.organisation

    def until(self, now: datetime, policy: SessionPolicy) -> datetime:
        """When it ends at the latest: with the card, or a guest's link."""
        return min(now + policy.longest, self.card.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorLogIn:
    """One of the portal's own operators, who came by a link."""

    name: str
    ura: None = None
    organisation: None = None
    person_id: None = None

    @property
    def actor(self) -> Actor:
        """Who acts, for all organisations."""
        return Operator(self.name)

    def until(self, now: datetime, policy: SessionPolicy) -> datetime:
        """When it ends at the latest."""
        return now + policy.longest


Who: TypeAlias = PhoneLogIn | CardLogIn | OperatorLogIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """Somebody who is logged in now, in the role that the records say at this moment."""

    who: Who
    role: str
    kept: dict[str, str]
    left: int = 0
    """Seconds until it ends if nothing more is asked."""


class BrowserSessions:
    """The sessions of a portal's pages, in its registry. Serves many threads.

    Args:
        registry: the portal's store.
        log_in: the door by which cards came.
        clock: UTC.
        policy: how long.
        registered_only: as for :class:`~zorgid_card.workflows.registry_links.RegistryLinks`.
    """

    def __init__(
        self,
        registry: Registry,
        log_in: LogIn,
        clock: Callable[[], datetime],
        policy: SessionPolicy | None = None,
        *,
        registered_only: bool = False,
    ) -> None:
        self._registry = registry
        self._log_in = log_in
        self._clock = clock
        self._registered_only = registered_only
        self.policy = policy or SessionPolicy()

    def begin(self, secret: str, who: Who, *, before: str = "") -> None:
        """Somebody has just logged in.

        Args:
            secret: of the new session: a new random one, never one that the browser had.
            who: as a door of the portal has verified it.
            before: the secret that the browser had until now; whoever was logged in with it is so no more.
        """
        now = self._clock()
        record = BrowserSession(
            id=name_of(secret),
            means=_MEANS[type(who)],
            who=_written(who),
            kept="{}",
            seen_at=now,
            checked_at=now,
            expires_at=who.until(now, self.policy),
        )

        def work(unit: Unit) -> None:
            if before:
                _remove(unit, name_of(before))
            unit.add(record)

        self._registry.run(work)

    def judge(self, secret: str, *, seen: bool = True) -> Current | None:
        """Who is logged in; None: nobody was.

        A session whose right has ended is removed, and what ended it raised: a card that is blocked, revoked or unlinked, a phone
        likewise, a role that was taken away, an organisation that is suspended.

        Args:
            secret: of the browser.
            seen: whether the person has done something; a page that polls by itself keeps no session alive.

        Raises:
            NotLoggedInError: the session has ended by its time (``reason`` ``idle`` or ``over``), or the card has other keys than
                those with which it began (``renewed``).
            ZorgIDError: what ended it; where it is retryable the session goes on, and it could just not be judged.
        """
        name, now = name_of(secret), self._clock()
        try:
            found = self._registry.run(lambda unit: self._judged(unit, name, now))
            if found is None:
                return None
            record, current = found
            checked = self._checked(record, current.who, now)
        except ZorgIDError as error:
            if not error.retryable or isinstance(error, NotLoggedInError):
                self.end(secret)
            if isinstance(error, RevokedError) and error.details.get("reason") == _SUPERSEDED:
                raise NotLoggedInError(
                    reason="renewed"
                ) from error  # the card is no worse: its holder logs in with it as it is
            raise
        ends = self._noted(record, checked, now if seen else None)
        return replace(current, left=(ends - now) // timedelta(seconds=1))

    def end(self, secret: str) -> None:
        """Log out; nothing happens where nobody was logged in."""
        self._registry.run(lambda unit: _remove(unit, name_of(secret)))

    def keep(self, secret: str, name: str, value: str | None) -> None:
        """Keep something for the pages of this session; None: no more.

        Raises:
            NotLoggedInError: nobody is logged in.
        """

        def work(unit: Unit) -> None:
            record = next(unit.find(BrowserSession, id=name_of(secret)), None)
            if record is None:
                raise NotLoggedInError(reason="none")
            kept = _kept(record)
            kept.pop(name, None)
            if value is not None:
                kept[name] = value
            newest = dict(list(kept.items())[-MOST_KEPT:])
            unit.replace(replace(record, kept=json.dumps(newest)))

        self._registry.run(work)

    def count(self, what: str, most: int, window: timedelta) -> None:
        """Count one more of what pages are asked for, among all workers.

        A large number is counted in several places, one of them at random, lest all wait for one row: it may be refused a little
        early, and never late.

        Args:
            what: of which client.
            most: how often in ``window``.
            window: begins with the first.

        Raises:
            RateLimitError: ``retry_after`` seconds.
        """
        now, places = self._clock(), max(1, min(_PLACES, most // _IN_ONE_PLACE))
        name = f"page:{what}:{secrets.randbelow(places)}"
        in_turn(
            self._registry,
            lambda unit: tallies.count(unit, name, most // places, window, now, error=RateLimitError),
        )

    # operators

    def take_operator(self, token: str) -> OperatorLogIn:
        """Take the link: it serves once.

        Raises:
            NotFoundError: there is none, it was taken, or it has expired.
        """

        def work(unit: Unit) -> OperatorLogIn:
            now = self._clock()
            link = next(unit.find(OperatorLink, id=name_of(token)), None)
            if link is None or now >= link.expires_at:
                raise NotFoundError("no such link", what="OperatorLink")
            unit.remove(link)
            audit.record(unit, now, link.name, None, "operator.log-in", link.name)
            return OperatorLogIn(name=link.name)

        return self._registry.run(work)

    # judging

    def _judged(self, unit: Unit, name: str, now: datetime) -> tuple[BrowserSession, Current] | None:
        record = next(unit.find(BrowserSession, id=name), None)
        if record is None:
            return None
        if now >= record.expires_at:
            raise NotLoggedInError(reason="over")
        if now >= record.seen_at + self.policy.idle:
            raise NotLoggedInError(reason="idle")
        who = _read(record)
        if isinstance(who, PhoneLogIn):
            _require_phone(unit, who)
        elif isinstance(who, CardLogIn):
            _require_card(unit, who.card, now, registered_only=self._registered_only)
        role = role_of(unit, now, who.actor, who.ura)
        return record, Current(who=who, role=role, kept=_kept(record))

    def _checked(self, record: BrowserSession, who: Who, now: datetime) -> datetime:
        """When a card was judged from the beginning: a while ago, or now."""
        if not isinstance(who, CardLogIn) or now < record.checked_at + self.policy.recheck:
            return record.checked_at
        self._log_in.recheck(who.card)
        return now

    def _noted(self, record: BrowserSession, checked: datetime, seen: datetime | None) -> datetime:
        """Note what is worth a write; returns when the session ends if nothing more is asked."""
        known = record.seen_at
        if seen is not None and seen >= known + SEEN_EVERY:
            known = seen
        if (known, checked) != (record.seen_at, record.checked_at):
            self._registry.run(lambda unit: _note(unit, record.id, known, checked))
        return min(record.expires_at, known + self.policy.idle)


def offer_operator(registry: Registry, token: str, name: str, now: datetime) -> datetime:
    """Make a link for an operator, which serves once; returns until when.

    Args:
        registry: the portal's store.
        token: what the link holds, at random; a hash of it is kept.
        name: goes into the record of what they do, 1 to 200 characters.
        now: UTC.

    Raises:
        UsageError: no name.
    """
    printable_text(name, "operator", _NAME)
    link = OperatorLink(id=name_of(token), name=name, expires_at=now + LINK_LIFETIME)
    registry.run(lambda unit: unit.add(link))
    return link.expires_at


def phone_log_in(registry: Registry, found: PhoneLoggedIn) -> PhoneLogIn:
    """Who the phone's door has let in."""
    ura, person = found.membership.ura, found.person
    organisation = registry.run(lambda unit: unit.get(Organisation, ura))
    return PhoneLogIn(
        person_id=person.id,
        name=f"{person.given_names} {person.surname}",
        ura=ura,
        organisation=organisation.name,
        phone=found.mobile_id,
    )


def name_of(secret: str) -> str:
    """What names the session of this secret: a hash of it, to which log-ins are bound."""
    return hashlib.sha256(b"zorgid-card browser session v1 " + secret.encode()).hexdigest()


def _require_phone(unit: Unit, who: PhoneLogIn) -> None:
    phone = next(unit.find(MobileID, id=who.phone), None)
    state = "revoked" if phone is None else phone.state
    if state != "linked":
        raise TransitionError(f"this phone is {state}", what="mobile", state=state, event="act")


def _require_card(unit: Unit, card: LoggedIn, now: datetime, *, registered_only: bool) -> None:
    if card.link is None:
        registry_links.require_admitted(unit, card.ura, registered_only=registered_only)
        return
    serial = Certificate.parse(card.certificate).serial_hex
    presented = PresentedCard(certificate=card.certificate, serial=serial, uzi_number=card.uzi_number)
    registry_links.acting_for(unit, presented, ura=card.ura, at=now, used=False)


def _note(unit: Unit, name: str, seen: datetime, checked: datetime) -> None:
    """Times only grow, whichever worker comes last."""
    for record in unit.find(BrowserSession, id=name):
        unit.replace(replace(record, seen_at=max(record.seen_at, seen), checked_at=max(record.checked_at, checked)))


def _remove(unit: Unit, name: str) -> None:
    for record in unit.find(BrowserSession, id=name):
        with suppress(NotFoundError):  # somebody else was quicker
            unit.remove(record)


# --- as it is written -------------------------------------------------------------------------------------------------

_MEANS: Final[dict[type[Who], str]] = {PhoneLogIn: "phone", CardLogIn: "card", OperatorLogIn: "operator"}


def _written(who: Who) -> str:
    if isinstance(who, CardLogIn):
        return who.card.to_json()
    return canonical({name: value for name, value in asdict(who).items() if value is not None}).decode()


def _read(record: BrowserSession) -> Who:
    with _sound():
        if record.means == "card":
            return CardLogIn(card=LoggedIn.from_json(record.who, lenient=True))
        fields = json.loads(record.who)
        return PhoneLogIn(**fields) if record.means == "phone" else OperatorLogIn(**fields)


def _kept(record: BrowserSession) -> dict[str, str]:
    with _sound():
        return {str(name): str(value) for name, value in json.loads(record.kept).items()}


@contextmanager
def _sound() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, AttributeError, MessageError) as error:  # somebody has changed it
        raise StorageError("a session cannot be read", reason="corrupt") from error
