"""The request to register an organisation (ORG-1): anybody files it, an operator decides."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.errors import UsageError
from zorgid_card.web.render import Page, page

FIELDS: Final = ("organisation_name", "contact_name", "contact_email")


@page()
def blank(page: Page) -> Response:
    """The form."""
    return page.render("request.html", given={}, wrong=None)


@page()
def file(page: Page) -> Response:
    """File it; what cannot be is told beside the form, and nothing that was typed is lost."""
    page.limit("request")
    form = page.form()
    ura = form["ura"].strip()
    try:
        acting = page.portal.management.acting_as(None, ura)
        filed = acting.request(**{name: form[name].strip() for name in FIELDS}, key=form["key"])
    except UsageError as error:
        return page.render("request.html", status=page.status_of(error), given=form, wrong=error)
    return page.render("request_filed.html", filed=filed)


ROUTES: Final[list[BaseRoute]] = [
    Route("/organisation/request", blank),
    Route("/organisation/request", file, methods=["POST"]),
]
