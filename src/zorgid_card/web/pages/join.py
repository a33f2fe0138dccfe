"""Who shows a UZI pass joins its organisation: a new person, or one who was known, with their cards (ORG-8, CRD-11)."""

from __future__ import annotations

from datetime import date
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.errors import UsageError, UserError
from zorgid_card.web.render import Form, Page, page

_PATH: Final = "/me/join"
_DATE: Final = ("year", "month", "day")


@page(needs="pass")
def begin(page: Page) -> Response:
    """The birth date is asked."""
    return page.render("join.html", state="begin", error=None)


@page(needs="pass")
def identify(page: Page) -> Response:
    """Who pass and birth date name, to be confirmed; what does not match is told beside the form."""
    form = page.form()
    try:
        found = page.acting().identify(_birth_date(form))
    except UserError as error:
        return page.render("join.html", status=page.status_of(error), state="begin", error=error)
    return page.render("join.html", state="who", found=found, given={name: form[name] for name in _DATE})


@page(needs="pass")
def join(page: Page) -> Response:
    """The person has said: that is me."""
    form = page.form()
    found = page.acting().join(_birth_date(form), form["person"])
    return page.render("join.html", state="done", found=found)


def _birth_date(form: Form) -> date:
    """As it was entered; raises UsageError."""
    try:
        return date(*(int(form[name]) for name in _DATE))
    except (ValueError, OverflowError) as error:
        raise UsageError("no date", reason="birth date") from error


ROUTES: Final[list[BaseRoute]] = [
    Route(_PATH, begin),
    Route(_PATH, identify, methods=["POST"]),
    Route(f"{_PATH}/confirm", join, methods=["POST"]),
]
