"""The first page: what can be done here."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.web.render import Page, page


@page()
def home(page: Page) -> Response:
    """What can be done here, and who is logged in."""
    return page.render("home.html")


ROUTES: Final[list[BaseRoute]] = [Route("/", home)]
