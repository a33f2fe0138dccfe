"""What a browser does at a trial's portal with phones, as JSON: ``zorgid-card phone`` plays the browser.

They stand beside the portal's own pages, and call the same doors (docs/mobile-protocol.md). A press of the button for a QR code is
here a log-in of the administrator with a simulated UZI pass; a program has no agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from zorgid_card import recipes
from zorgid_card.cli.create.trial import PASS
from zorgid_card.errors import MessageError, UsageError
from zorgid_card.secret import Secret
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.web.render import Page, page
from zorgid_card.workflows import card_side
from zorgid_card.workflows.browser_sessions import phone_log_in
from zorgid_card.workflows.management import Acting
from zorgid_card.workflows.phone_requests import Asked

PATH: Final = "/page/"
"""What follows names the page."""

ADMINISTRATOR: Final = "administrator"
"""Directory of the administrator's pass."""

Given: TypeAlias = Mapping[str, str]
Told: TypeAlias = dict[str, Any]

_CHANGES: Final[Mapping[str, Callable[[Acting, Given], Any]]] = {
    "card.block": lambda acting, given: acting.block(given["subject"], given["reason"]),
    "card.unblock": lambda acting, given: acting.unblock(given["subject"], given["reason"]),
    "card.revoke": lambda acting, given: acting.revoke(given["subject"], given["reason"], cause=given["cause"]),
    "person.appoint": lambda acting, given: acting.appoint(given["subject"], given["role"], given["reason"]),
    "phone.block": lambda acting, given: acting.block_phone(given["subject"], given["reason"]),
    "phone.unblock": lambda acting, given: acting.unblock_phone(given["subject"], given["reason"]),
    "phone.revoke": lambda acting, given: acting.revoke_phone(given["subject"], given["reason"]),
}


def pages(directory: Path) -> Callable[[Any], Any]:
    """The endpoint of all of them, for a trial in ``directory``."""

    @page()
    def answer(page: Page) -> Any:
        name, given = page.path["name"], page.json()
        if not all(isinstance(value, str) for value in given.values()):
            raise MessageError("a page is given texts", field="page")
        if name not in _PAGES and name != "offer":
            return page.told(404)
        try:
            told = _offer(page, directory) if name == "offer" else _PAGES[name](page, given)
        except KeyError as error:
            raise MessageError(f"{name}: {error.args[0]} is missing", field=str(error.args[0])) from error
        return page.answer(told, headers={"X-CSRF-Token": page.session.csrf})

    return answer


# --- linking ----------------------------------------------------------------------------------------------------------


def _offer(page: Page, directory: Path) -> Told:
    door, session = page.portal.log_in, page.session.name
    nonce = door.challenge(session)
    reader = SimulatedReader("the administrator's")
    reader.insert(VirtualUZIPass.load(directory / ADMINISTRATOR / PASS))
    with recipes.open_card(reader) as card:
        signer = card.authentication_signer(lambda request: Secret.of(DEFAULT_PIN))
        certificate = card.authentication_certificate()
        token = card_side.log_in(signer, certificate, origin=page.portal.seam.origin, nonce=nonce)
    who = door.verify(token, binding=session)
    offer = page.portal.phones.offer(who.uzi_number, who.ura, binding=session, authentication=nonce)
    return {"phone": offer.mobile_id, "qr": offer.qr_text, "expires_at": offer.expires_at.isoformat()}


def _progress(page: Page, given: Given) -> Told:
    found = page.portal.phones.progress(given["phone"], binding=page.session.name)
    return {"state": found.state, "code": found.code}


def _confirm(page: Page, given: Given) -> Told:
    return {"state": page.portal.phones.confirm(given["phone"], given["code"], binding=page.session.name).state}


# --- logging in -------------------------------------------------------------------------------------------------------


def _ask(page: Page, given: Given) -> Told:
    user_name, ura = given["user_name"], given["ura"]
    return _shown(page.portal.phones.ask(user_name, ura, binding=page.session.name, client=page.client))


def _status(page: Page, given: Given) -> Told:
    return {"state": page.portal.phones.status(given["nonce"], binding=page.session.name)}


def _finish(page: Page, given: Given) -> Told:
    found = page.portal.phones.finish(given["nonce"], binding=page.session.name)
    if found is None:
        raise UsageError("the phone has not approved yet", reason="asked")
    who = phone_log_in(page.portal.services.registry, found)
    page.log_in(who)
    return {"person": who.person_id, "name": who.name, "role": found.membership.role, "ura": who.ura}


# --- managing ---------------------------------------------------------------------------------------------------------


def _cards(page: Page, given: Given) -> Told:
    rows = page.acting().list_cards().rows
    return {
        "cards": [
            {
                "serial": row.card.serial,
                "holder": f"{row.person.given_names} {row.person.surname}",
                "state": row.card.state,
            }
            for row in rows
        ]
    }


def _ask_change(page: Page, given: Given) -> Told:
    who, session = page.who, page.session.name
    if who.person_id is None or who.ura is None:
        raise UsageError("a phone signs for who has one", reason="person")
    return _shown(page.portal.phones.ask_approval(who.person_id, who.ura, binding=session, **given))


def _change(page: Page, given: Given) -> Told:
    change = _CHANGES.get(given["action"])
    if change is None:
        raise UsageError("no such change here", reason="action")
    return {"state": getattr(change(page.acting(), given), "state", "done")}


def _shown(asked: Asked) -> Told:
    return {"nonce": asked.nonce, "number": asked.number, "expires_at": asked.expires_at.isoformat()}


_PAGES: Final[Mapping[str, Callable[[Page, Given], Told]]] = {
    "progress": _progress,
    "confirm": _confirm,
    "log-in": _ask,
    "status": _status,
    "finish": _finish,
    "cards": _cards,
    "ask": _ask_change,
    "change": _change,
}
