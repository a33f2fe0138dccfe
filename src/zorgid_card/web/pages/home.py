"""The first page: what can be done here; and help with the program beside the reader."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.web.needs import needs
from zorgid_card.web.render import Page, page


@page()
def home(page: Page) -> Response:
    """What can be done here, and who is logged in."""
    return page.render("home.html")


@page()
def help_agent(page: Page) -> Response:
    """What the agent is, how it is installed, and what to do when it is not found."""
    return page.render("help_agent.html", needed=page.portal.services.policy.minimum_client)


@page(quiet=True)
def needed(page: Page) -> Response:
    """What is needed, and whether it is there (ORG-2); a part of a page."""
    return page.partial("needs.html", needs=needs(page))


ROUTES: Final[list[BaseRoute]] = [
    Route("/", home),
    Route("/help/agent", help_agent),
    Route("/needs/{purpose}", needed),
]
