"""The view of the portal's own operators: who has asked for an organisation to be registered, and how they come in (ORG-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.errors import NotFoundError
from zorgid_card.web.render import Page, page

STATES: Final = ("filed", "approved", "rejected")


@page()
def arrive(page: Page) -> Response:
    """The link of an operator: nothing is used up before the button is pressed, lest a preview of the link does so.

    What lets in stands behind the #, so that it is in no request for an address: a script, or the person, puts it into the form.
    """
    return page.render("operator_log_in.html")


@page()
def enter(page: Page) -> Response:
    """The link is taken: a session begins."""
    page.limit("operator")
    page.log_in(page.sessions.take_operator(page.form()["token"].strip().rpartition("#")[2]))
    return page.redirect("/operator")


@page(needs="operator")
def requests(page: Page) -> Response:
    """The requests in one state, a page at a time."""
    state = page.query.get("state", STATES[0])
    if state not in STATES:
        raise NotFoundError("no such state", what="state")
    found = page.acting().requests(state=state, after=page.query.get("after"))
    return page.render("operator.html", found=found, state=state, states=STATES)


@page(needs="operator")
def request(page: Page) -> Response:
    """One request, and what can be decided."""
    return page.render("operator_request.html", found=page.acting().show_request(page.path["id"]))


@page(needs="operator")
def decide(page: Page) -> Response:
    """Approve or reject it, with a reason."""
    form, acting = page.form(), page.acting()
    made = _chosen(page.path["decision"], approve=acting.approve, reject=acting.reject)
    made(page.path["id"], form["reason"], key=form["key"])
    return page.redirect(f"/operator/requests/{page.path['id']}")


@page(needs="operator")
def organisations(page: Page) -> Response:
    """The organisations, a page at a time."""
    found = page.acting().organisations(after=page.query.get("after"))
    return page.render("operator_organisations.html", found=found)


@page(needs="operator")
def change(page: Page) -> Response:
    """Suspend an organisation, or let it work again."""
    form = page.form()
    acting = page.portal.management.acting_as(page.who.actor, page.path["ura"])
    made = _chosen(page.path["decision"], suspend=acting.suspend, resume=acting.resume)
    made(form["reason"], key=form["key"])
    return page.redirect("/operator/organisations")


def _chosen(name: str, **decisions: Callable[..., object]) -> Callable[..., object]:
    if name not in decisions:
        raise NotFoundError("no such decision", what="decision")
    return decisions[name]


ROUTES: Final[list[BaseRoute]] = [
    Route("/operator", requests),
    Route("/operator/log-in", arrive),
    Route("/operator/log-in", enter, methods=["POST"]),
    Route("/operator/requests/{id}", request),
    Route("/operator/requests/{id}/{decision}", decide, methods=["POST"]),
    Route("/operator/organisations", organisations),
    Route("/operator/organisations/{ura}/{decision}", change, methods=["POST"]),
]
