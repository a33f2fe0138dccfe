"""A change that somebody makes on a page (ADM-2 to ADM-7): confirmed in a form, signed on the phone where need be, done once.

The form is sent; the change is tried. Where the services want the phone's signature first, they say so (NotSignedError) and have
changed nothing: the phone is asked, and the page shows the number that the person copies, until the phone has answered. Then the
change is made with what was signed, and with the form's idempotency key. So the form may be sent twice, or again from the button
*back*: what is done already gets the answer that it got, and what is asked already is asked anew, and done once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeAlias
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.errors import NotAllowedError, NotFoundError, NotSignedError, UsageError, ZorgIDError
from zorgid_card.pki.revocation import UNSPECIFIED
from zorgid_card.web.render import Page, page
from zorgid_card.web.sessions import PhoneLogIn
from zorgid_card.web.shown import ZONE
from zorgid_card.workflows.management import CAUSES, TABLE, Acting, Colleague
from zorgid_card.workflows.people import ROLES
from zorgid_card.workflows.phone_pending import PendingChange

CHANGES: Final = "/manage/changes"
Facts: TypeAlias = tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class Thing:
    """What is to be changed, as the person sees it.

    Attributes:
        subject: serial of a card, id of a person or of a phone; empty: not there yet.
        about: whose it is, or who it is.
        facts: what is shown of it; keys of ``web.manage.fact.``, and values, of which empty ones are left out.
        back: the address where one came from.
    """

    subject: str
    about: str
    facts: Facts
    back: str
    now: Mapping[str, str] = field(default_factory=dict)
    """What is so already, by the names of the form's fields."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change, as the form or the phone's signature has it."""

    action: str
    subject: str
    reason: str
    detail: Mapping[str, str] = field(default_factory=dict)


Make: TypeAlias = Callable[[Acting, Change, str], object]

MAKE: Final[Mapping[str, Make]] = {
    "card.block": lambda acting, change, key: acting.block(change.subject, change.reason, key=key),
    "card.unblock": lambda acting, change, key: acting.unblock(change.subject, change.reason, key=key),
    "card.revoke": lambda acting, change, key: acting.revoke(
        change.subject, change.reason, cause=change.detail["cause"], key=key
    ),
    "person.appoint": lambda acting, change, key: acting.appoint(
        change.subject, change.detail["role"], change.reason, key=key
    ),
    "person.unlink": lambda acting, change, key: acting.unlink(change.subject, change.reason, key=key),
    "person.approve-uzi-number": lambda acting, change, key: acting.approve_uzi_number(
        change.subject, change.detail["uzi_number"], change.reason, key=key
    ),
    "person.link": lambda acting, change, key: acting.link(change.detail["code"], change.reason, key=key),
    "person.link-guest": lambda acting, change, key: acting.link_guest(
        change.detail["uzi_number"], change.detail["card"], end_of(change.detail["until"]), change.reason, key=key
    ),
    "phone.block": lambda acting, change, key: acting.block_phone(change.subject, change.reason, key=key),
    "phone.unblock": lambda acting, change, key: acting.unblock_phone(change.subject, change.reason, key=key),
    "phone.revoke": lambda acting, change, key: acting.revoke_phone(change.subject, change.reason, key=key),
}
"""Which service makes which change of the table of roles."""

DETAILS: Final[Mapping[str, tuple[str, ...]]] = {
    "card.revoke": ("cause",),
    "person.appoint": ("role",),
    "person.approve-uzi-number": ("uzi_number",),
    "person.link": ("code",),
    "person.link-guest": ("uzi_number", "card", "until"),
}
"""What a form asks besides the reason; named as in the change's event in the audit log, which is what is signed."""

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "cause": tuple(sorted(CAUSES, key=lambda cause: (cause != UNSPECIFIED, cause))),
    "role": ROLES,
}


def full_name(person: Colleague) -> str:
    """A person's name, as it is shown."""
    return f"{person.given_names} {person.surname}"


def may(page: Page, action: str) -> bool:
    """Whether the person's role reaches this at all, so that a page offers it; the service judges."""
    return page.session.role in TABLE[action]


def day_of(text: str, field: str) -> datetime:
    """The beginning of a day, as a form's field of that name has it; raises UsageError."""
    try:
        return datetime.combine(date.fromisoformat(text), time.min, ZONE).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{field}: a day is needed", reason=field) from error


def end_of(text: str, field: str = "until") -> datetime:
    """The end of a day; as :func:`day_of`."""
    try:
        return day_of((date.fromisoformat(text) + timedelta(days=1)).isoformat(), field)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{field}: a day is needed", reason=field) from error


def routes(place: str, kind: str, thing_of: Callable[[Page], Thing]) -> list[BaseRoute]:
    """The form of each change of such things, and where it is sent: ``<place>/<subject>/<event>``.

    Args:
        place: the address of the list.
        kind: what stands before the dot of an action.
        thing_of: what the address names; raises NotFoundError.
    """

    @page(needs="log-in")
    def asked(page: Page) -> Response:
        return confirm(page, _action(page, kind), thing_of(page))

    @page(needs="log-in")
    def sent(page: Page) -> Response:
        return submit(page, _action(page, kind), thing_of(page))

    path = place + "/{subject}/{event}"
    return [Route(path, asked), Route(path, sent, methods=["POST"])]


def _action(page: Page, kind: str) -> str:
    action = f"{kind}.{page.path['event']}"
    if action not in MAKE:
        raise NotFoundError("no such page", what="page")
    return action


# --- the form -----------------------------------------------------------------------------------------------------------


def confirm(
    page: Page, action: str, thing: Thing, values: Mapping[str, str] | None = None, error: ZorgIDError | None = None
) -> Response:
    """The form: what is about to be done with what, what that means, and why.

    Args:
        page: the request.
        action: of :data:`MAKE`.
        thing: what is to be changed.
        values: what was entered before.
        error: what is wrong with it.

    Raises:
        NotAllowedError: not in this role.
    """
    if not may(page, action):
        raise NotAllowedError("not in this role", action=action)
    return page.render(
        "manage/change.html",
        status=200 if error is None else 400,
        action=action,
        thing=thing,
        details=DETAILS.get(action, ()),
        choices=CHOICES,
        values=values or {},
        error=error,
    )


def submit(page: Page, action: str, thing: Thing) -> Response:
    """The form was sent: make the change, or ask the phone for its signature; what was entered wrongly is asked again."""
    form = page.form()
    detail = {name: form[name].strip() for name in DETAILS.get(action, ())}
    change = Change(action, thing.subject, form["reason"].strip(), detail)
    entered = UsageError if thing.subject else (UsageError, NotFoundError)
    try:
        return _made(page, change, thing, form["key"])
    except entered as error:
        return confirm(page, action, thing, form, error)


def _made(page: Page, change: Change, thing: Thing, key: str) -> Response:
    try:
        answer = MAKE[change.action](page.acting(), change, key)
    except NotSignedError:
        return page.redirect(_ask(page, change, key))
    return done(page, change, thing.about, thing.back if not thing.subject else _after(change), answer)


def done(page: Page, change: Change, about: str, back: str, answer: object = None, *, signed: bool = False) -> Response:
    """The page that says what was done.

    Args:
        page: the request.
        change: that was made.
        about: whose card or phone it was, or who.
        back: where to go on.
        answer: the service's; an unblocked card may still be blocked by others.
        signed: whether the phone has signed it.
    """
    others = change.action == "card.unblock" and getattr(answer, "state", None) == "suspended"
    facts = _said(page, change)
    return page.render(
        "manage/done.html", change=change, about=about, back=back, others=others, signed=signed, facts=facts
    )


def _said(page: Page, change: Change) -> Facts:
    """What was entered, in words."""
    words = {"role": "role.", "cause": "web.manage.cause."}
    told = [
        (name, page.texts(words[name] + value) if name in words else value)
        for name, value in change.detail.items()
        if name != "code"
    ]
    return (*told, ("reason", change.reason))


# --- the phone ----------------------------------------------------------------------------------------------------------


def _ask(page: Page, change: Change, key: str) -> str:
    """Ask the phone; the address of the page that waits for it."""
    asked = page.portal.phones.ask_approval(
        str(page.who.actor),
        page.who.ura or "",
        binding=page.session.name,
        action=change.action,
        subject=change.subject,
        reason=change.reason,
        **change.detail,
    )
    return _waiting(asked.nonce, key)


def _waiting(nonce: str, key: str) -> str:
    return f"{CHANGES}/{nonce}?{urlencode({'key': key})}"


def waited(page: Page) -> Response:
    """The page with the number, which waits for the phone; once the change is made, it says so, however often it is loaded."""
    asked = page.portal.phones.pending(page.path["nonce"], binding=page.session.name)
    change = _asked(asked)
    if asked.state == "used":
        return done(page, change, asked.about, _after(change), _now(page, change), signed=True)
    return page.render(
        "manage/pending.html",
        asked=asked,
        facts=_said(page, change),
        address=_waiting(asked.nonce, page.query.get("key", "")),
        form=_form_of(change),
        form_key=page.query.get("key", ""),
        back=_place_of(change),
    )


def go_on(page: Page) -> Response:
    """The phone has perhaps signed: then the change is made, just as it was signed, and once."""
    asked = page.portal.phones.pending(page.path["nonce"], binding=page.session.name)
    key = page.form()["key"] or asked.nonce
    if asked.state == "approved":
        change = _asked(asked)
        MAKE[change.action](page.acting(), change, key)
        if _ends_session(page, change):  # this is the last page that it can be told on
            return done(page, change, asked.about, "/", signed=True)
    return page.redirect(_waiting(asked.nonce, key))


def _asked(asked: PendingChange) -> Change:
    return Change(asked.action, asked.subject, asked.reason, asked.detail)


def _ends_session(page: Page, change: Change) -> bool:
    """Whether who made it is logged in no more: it was their own phone, or themselves."""
    own = {"person.unlink": page.who.person_id, "phone.block": _phone_of(page), "phone.revoke": _phone_of(page)}
    return own.get(change.action) == change.subject


def _phone_of(page: Page) -> str | None:
    return page.who.phone if isinstance(page.who, PhoneLogIn) else None


def _now(page: Page, change: Change) -> object:
    """The card as it is now; None: that plays no part, or it cannot be seen any more."""
    if change.action != "card.unblock":
        return None
    try:
        return page.acting().show(change.subject).card
    except NotFoundError:
        return None


_PLACES: Final[Mapping[str, str]] = {"card": "/manage/cards", "person": "/manage/people", "phone": "/manage/phones"}


def _form_of(change: Change) -> str:
    """The address of the form that asks for this change."""
    thing, _, event = change.action.partition(".")
    return f"{_PLACES[thing]}/{change.subject}/{event}"


def _place_of(change: Change) -> str:
    """The page of what is changed; phones have none of their own."""
    thing = change.action.partition(".")[0]
    return _PLACES[thing] if thing == "phone" else f"{_PLACES[thing]}/{change.subject}"


def _after(change: Change) -> str:
    """Where one goes on when it is done; who is unlinked has no page any more."""
    return _PLACES["person"] if change.action == "person.unlink" else _place_of(change)
