"""Logging in: with the phone (ORG-7), or with a card in the reader (AUT-1); and logging out."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.errors import MessageError, PortalError, ZorgIDError
from zorgid_card.web.render import Page, local, page
from zorgid_card.web.security import require_same_site
from zorgid_card.web.sessions import CardLogIn
from zorgid_card.web.site import NEEDS
from zorgid_card.workflows.browser_sessions import phone_log_in

_NEXT: Final = "next"


@page()
def choice(page: Page) -> Response:
    """Phone or card?"""
    return page.render("log_in.html", next=_next(page.query.get(_NEXT, "")))


# --- with the phone ---------------------------------------------------------------------------------------------------


@page()
def ask(page: Page) -> Response:
    """The phone is asked; the page shows the number, and waits."""
    form = page.form()
    name, ura = form["user_name"].strip(), form["ura"].strip()
    try:
        asked = page.portal.phones.ask(name, ura, binding=page.session.name, client=page.client)
    except PortalError as error:
        return _again(page, error, form["next"], name, ura)
    values: dict[str, Any] = {
        "nonce": asked.nonce,
        "number": asked.number,
        "next": _next(form["next"]),
        "state": "asked",
    }
    return page.render("log_in_phone.html", **values)


@page(quiet=True)
def wait(page: Page) -> Response:
    """Whether the phone has approved; a part of the page."""
    state = page.portal.phones.status(page.query.get("nonce", ""), binding=page.session.name)
    values: dict[str, Any] = {
        "nonce": page.query.get("nonce", ""),
        "next": _next(page.query.get(_NEXT, "")),
        "state": state,
    }
    return page.partial("log_in_wait.html", **values)


@page()
def finish(page: Page) -> Response:
    """The phone has approved: a session begins."""
    form = page.form()
    try:
        found = page.portal.phones.finish(form["nonce"], binding=page.session.name)
    except ZorgIDError as error:
        return _again(page, error, form["next"])
    if found is None:
        values: dict[str, Any] = {
            "nonce": form["nonce"],
            "number": form["number"],
            "next": _next(form["next"]),
            "state": "asked",
        }
        return page.render("log_in_phone.html", **values)
    page.log_in(phone_log_in(page.portal.services.registry, found))
    return page.redirect(_next(form["next"]) or _start(found.membership.role))


def _again(page: Page, error: ZorgIDError, target: str, name: str = "", ura: str = "") -> Response:
    """The form once more, with what is wrong."""
    said = page.texts.error(error)
    return page.render("log_in.html", status=page.status_of(error), next=_next(target), said=said, name=name, ura=ura)


# --- with a card ------------------------------------------------------------------------------------------------------


@page()
def challenge(page: Page) -> Response:
    """A challenge for this browser session, as docs/portal.md has it; other programs find the form's token in a header."""
    require_same_site(page.request.headers)
    page.limit("challenge")
    nonce = page.portal.log_in.challenge(page.session.name, client=page.client)
    return page.answer({"nonce": nonce}, headers={"X-CSRF-Token": page.session.csrf})


@page()
def log_in(page: Page) -> Response:
    """The card's token is judged: a session begins."""
    page.limit("log-in")
    given = page.json()
    token, ura = given.get("auth-token"), given.get("ura")
    if not isinstance(token, dict) or not isinstance(ura, str | None):
        raise MessageError("an object with auth-token", field="auth-token")
    found = page.portal.log_in.verify(json.dumps(token), binding=page.session.name, ura=ura)
    page.log_in(CardLogIn(card=found))
    return page.answer({"name": found.common_name, "ura": found.ura, "organisation": found.organisation})


@page()
def log_out(page: Page) -> Response:
    """Nobody is logged in any more."""
    page.log_out()
    return page.redirect("/")


@page(needs="log-in", quiet=True)
def left(page: Page) -> Response:
    """How long the session lasts if nothing is done, in seconds."""
    return page.answer({"left": page.session.left})


@page(needs="log-in")
def stay(page: Page) -> Response:
    """The same, by a person who wants to go on."""
    return page.answer({"left": page.session.left})


def _next(path: str) -> str:
    """Where a page leads that nobody may have asked for: empty, where the role says."""
    return local(path, "")


def _start(role: str) -> str:
    """What most people of this role come for."""
    return "/manage/cards" if role in NEEDS["manager"] else "/me"


ROUTES: Final[list[BaseRoute]] = [
    Route("/log-in", choice),
    Route("/log-in/phone", ask, methods=["POST"]),
    Route("/log-in/phone/wait", wait),
    Route("/log-in/phone/finish", finish, methods=["POST"]),
    Route("/log-in/card", log_in, methods=["POST"]),
    Route("/auth/challenge", challenge),
    Route("/auth/login", log_in, methods=["POST"]),
    Route("/log-out", log_out, methods=["POST"]),
    Route("/session", left),
    Route("/session", stay, methods=["POST"]),
]
