"""An organisation's cards, or one's own: listed, shown, blocked, unblocked, revoked (ADM-1 to ADM-4)."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.web import changes, marks
from zorgid_card.web.changes import Thing, full_name
from zorgid_card.web.lists import events, pager
from zorgid_card.web.render import Page, page
from zorgid_card.web.shown import day, moment
from zorgid_card.workflows.management import CardPage, CardRow
from zorgid_card.workflows.people import HOLDER
from zorgid_card.workflows.states import CARD

_LIST: Final = "/manage/cards"
_STATES: Final = ("active", "suspended", "revoked", "creating", "renewing", "abandoned", "scrapped")
_EXPIRING: Final = "expiring"
_EVENTS: Final = ("block", "unblock", "revoke")


@page(needs="log-in")
def cards(page: Page) -> Response:
    """All cards in reach, a page at a time; searched, in one state, or soon to expire."""
    search, state = page.query.get("search", ""), page.query.get("state", "")
    found = _found(page, search, state)
    return page.render(
        "manage/cards.html",
        rows=found.rows,
        search=search,
        state=state,
        states=(*_STATES, _EXPIRING),
        own=page.session.role == HOLDER,
        pager=pager(page, found.after and marks.seal(page.session.secret, found.after)),
    )


def _found(page: Page, search: str, state: str) -> CardPage:
    if state == _EXPIRING:
        return CardPage(page.acting().expiring(), None)
    after = marks.opened(page.session.secret, page.query.get("after", ""))
    return page.acting().list_cards(search=search, state=state or None, after=after)


@page(needs="log-in")
def card(page: Page) -> Response:
    """One card: its holder, state and dates, what happened to it, and what may be done."""
    acting, serial = page.acting(), page.path["subject"]
    row = acting.show(serial)
    offered = [event for event in _EVENTS if _offered(page, row, event)]
    return page.render(
        "manage/card.html",
        row=row,
        facts=_facts(page, row)[1:],
        events=events(page, acting.card_events(serial)),
        offered=offered,
        own=page.session.role == HOLDER,
    )


def _offered(page: Page, row: CardRow, event: str) -> bool:
    """Whether the page offers this: a guest's card is managed by its own organisation, and by its holder (CRD-13)."""
    managed = not row.guest or page.session.role == HOLDER
    return managed and changes.may(page, f"card.{event}") and (row.card.state, event) in CARD


def _thing(page: Page) -> Thing:
    row = page.acting().show(page.path["subject"])
    return Thing(row.card.serial, full_name(row.person), _facts(page, row), f"{_LIST}/{row.card.serial}")


def _facts(page: Page, row: CardRow) -> changes.Facts:
    card, person, link = row.card, row.person, row.link
    return (
        ("card", card.serial),
        ("holder", full_name(person)),
        ("user", person.user_name),
        ("uzi_number", person.uzi_number),
        ("state", page.texts(f"state.{card.state}")),
        ("reason", card.reason),
        ("until", moment(link.until) if link is not None and link.until is not None else ""),
        ("made", moment(card.created_at)),
        ("activated", moment(card.activated_at) if card.activated_at else ""),
        ("valid", day(row.not_after) if row.not_after else ""),
        ("used", moment(card.last_used_at) if card.last_used_at else page.texts("web.manage.never")),
    )


ROUTES: Final[list[BaseRoute]] = [
    Route(_LIST, cards),
    Route(_LIST + "/{subject}", card),
    *changes.routes(_LIST, "card", _thing),
]
