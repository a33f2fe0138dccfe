"""Guest use: other organisations' people who work here for some time with their own cards (CRD-13)."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.web import changes
from zorgid_card.web.changes import Thing, may
from zorgid_card.web.lists import pager
from zorgid_card.web.render import Page, page

_LIST: Final = "/manage/guests"
_LINK: Final = _LIST + "/link"
_ACTION: Final = "person.link-guest"
_NEW: Final = Thing("", "", (), _LIST)


@page(needs="log-in")
def guests(page: Page) -> Response:
    """Who is a guest here, and until when."""
    search = page.query.get("search", "")
    found = page.acting().list_people(search=search, guests=True, after=page.query.get("after") or None)
    return page.render(
        "manage/guests.html",
        rows=found.rows,
        search=search,
        pager=pager(page, found.after),
        linkable=may(page, _ACTION),
    )


@page(needs="log-in")
def link(page: Page) -> Response:
    """Who, with which card, until which day?"""
    return changes.confirm(page, _ACTION, _NEW)


@page(needs="log-in")
def linked(page: Page) -> Response:
    """The guest is linked, with the card."""
    return changes.submit(page, _ACTION, _NEW)


ROUTES: Final[list[BaseRoute]] = [Route(_LIST, guests), Route(_LINK, link), Route(_LINK, linked, methods=["POST"])]
