"""One's own phone, linked with the UZI pass: the first of who was appointed, or one in the place of a lost one (ORG-5, ADM-7)."""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.adapters.qr import qr_svg
from zorgid_card.errors import PairingError
from zorgid_card.web.render import Page, page
from zorgid_card.web.sessions import CardLogIn
from zorgid_card.workflows.log_in import UZI_PASS

_PATH: Final = "/me/phone"
_LINKING: Final = f"{_PATH}/linking"
_GOING: Final = ("offered", "linking", "linked")


@page()
def begin(page: Page) -> Response:
    """What will be done; who has not logged in with a UZI pass does so first."""
    return _shown(page, "begin")


@page(needs="log-in")
def offer(page: Page) -> Response:
    """The QR code, shown once: sent again, this asks for a new log-in."""
    if not isinstance(page.who, CardLogIn):
        return _shown(page, "begin")
    try:
        offered = page.portal.phones.offer_after(page.who.card, binding=page.session.name)
    except PairingError as error:
        return _shown(page, "begin", error=error)
    image = "data:image/svg+xml;base64," + base64.b64encode(qr_svg(offered.qr_text)).decode()
    return _shown(page, "offered", offer=offered, qr=image, phone=offered.mobile_id)


@page(needs="log-in", quiet=True)
def linking(page: Page) -> Response:
    """How far it is: waiting for the phone, for the digits that it shows, or done."""
    return _progress(page)


@page(needs="log-in")
def confirm(page: Page) -> Response:
    """The digits were typed over."""
    phone, code = page.query.get("phone", ""), "".join(page.form()["code"].split())
    try:
        page.portal.phones.confirm(phone, code, binding=page.session.name)
    except PairingError as error:
        return _progress(page, error)
    return page.redirect(_address(phone))


def _progress(page: Page, error: PairingError | None = None) -> Response:
    phone = page.query.get("phone", "")
    found = page.portal.phones.progress(phone, binding=page.session.name)
    state = found.state if found.state in _GOING else "over"
    return _shown(page, state, error=error, phone=phone, user_name=found.user_name)


def _shown(page: Page, state: str, *, error: PairingError | None = None, phone: str = "", **values: object) -> Response:
    by_pass = isinstance(page.session.who, CardLogIn) and page.session.who.card.means == UZI_PASS
    shown = {"offer": None, "state": state, "error": error, "by_pass": by_pass, "address": _address(phone), **values}
    return page.render("own_phone.html", status=page.status_of(error) if error else 200, **shown)


def _address(phone: str) -> str:
    return f"{_LINKING}?{urlencode({'phone': phone})}"


ROUTES: Final[list[BaseRoute]] = [
    Route(_PATH, begin),
    Route(_PATH, offer, methods=["POST"]),
    Route(_LINKING, linking),
    Route(_LINKING, confirm, methods=["POST"]),
]
