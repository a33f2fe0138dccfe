"""A change that waits for the phone, and the page that says that it is made (:mod:`zorgid_card.web.changes`)."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.web import changes
from zorgid_card.web.render import Page, page


@page(needs="log-in")
def waited(page: Page) -> Response:
    """The number that the person copies, until the phone has signed; then what was done."""
    return changes.waited(page)


@page(needs="log-in")
def go_on(page: Page) -> Response:
    """The phone has signed: the change is made."""
    return changes.go_on(page)


_PATH: Final = changes.CHANGES + "/{nonce}"

ROUTES: Final[list[BaseRoute]] = [Route(_PATH, waited), Route(_PATH, go_on, methods=["POST"])]
