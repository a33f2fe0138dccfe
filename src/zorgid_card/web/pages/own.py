"""One's own card: what the portal knows of it, and by the agent its PIN and PUK, and new keys (PIN-1 to PIN-4)."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.web.render import Page, page
from zorgid_card.web.site import NEEDS
from zorgid_card.workflows.management import CardRow


@page()
def me(page: Page) -> Response:
    """What can be done with one's card: without being logged in, for who has a blocked PIN cannot log in with it."""
    return page.render("own.html", cards=_cards(page))


def _cards(page: Page) -> tuple[CardRow, ...] | None:
    """The cards of who is logged in; None where the records know nobody."""
    return page.acting().own_cards() if page.session.role in NEEDS["person"] else None


ROUTES: Final[list[BaseRoute]] = [Route("/me", me)]
