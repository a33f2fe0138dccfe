"""An organisation's phones, with their last use: blocked, unblocked, revoked (ADM-7)."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.web import changes
from zorgid_card.web.changes import Thing, full_name, may
from zorgid_card.web.lists import pager
from zorgid_card.web.render import Page, page
from zorgid_card.web.shown import moment
from zorgid_card.workflows.management import PhoneShown
from zorgid_card.workflows.states import MOBILE

_LIST: Final = "/manage/phones"
_STATES: Final = ("linked", "blocked", "revoked", "offered", "linking", "expired")
_EVENTS: Final = ("block", "unblock", "revoke")


@page(needs="log-in")
def phones(page: Page) -> Response:
    """The organisation's phones, a page at a time; or those in one state."""
    state = page.query.get("state", "")
    found = page.acting().list_phones(state=state or None, after=page.query.get("after") or None)
    rows = [(row, [event for event in _EVENTS if _offered(page, row, event)]) for row in found.rows]
    return page.render("manage/phones.html", rows=rows, state=state, states=_STATES, pager=pager(page, found.after))


def _offered(page: Page, row: PhoneShown, event: str) -> bool:
    return may(page, f"phone.{event}") and (row.phone.state, event) in MOBILE


def _thing(page: Page) -> Thing:
    row = page.acting().show_phone(page.path["subject"])
    whose = "" if row.person is None else full_name(row.person)
    facts = (
        ("person", whose),
        ("device", row.phone.device),
        ("state", page.texts(f"state.phone.{row.phone.state}")),
        ("linked", moment(row.phone.linked_at)),
        ("used", moment(row.phone.last_used_at) if row.phone.last_used_at else page.texts("web.manage.never")),
        ("tries", str(row.phone.tries_left)),
    )
    return Thing(row.phone.id, whose, facts, _LIST)


ROUTES: Final[list[BaseRoute]] = [Route(_LIST, phones), *changes.routes(_LIST, "phone", _thing)]
