"""The choice of a language: a cookie, and back to where one was."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.errors import NotFoundError
from zorgid_card.web.render import LANGUAGES, Page, local, page
from zorgid_card.web.security import LANGUAGE_COOKIE

_YEAR: Final = int(timedelta(days=365).total_seconds())


@page()
def choose(page: Page) -> Response:
    """Show all pages in this language from now on."""
    chosen = page.path["language"]
    if chosen not in LANGUAGES:
        raise NotFoundError("no such language", what="language")
    response = page.redirect(local(page.query.get("back", "")))
    response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_YEAR, path="/", secure=True, httponly=True, samesite="strict")
    return response


ROUTES: Final[list[BaseRoute]] = [Route("/language/{language}", choose)]
