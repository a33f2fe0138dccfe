"""What a browser does at the demonstration's portal with phones, as JSON: ``zorgid-card phone`` plays the browser.

A portal's own pages call the same doors (docs/mobile-protocol.md). Here a press of the button for a QR code is a log-in of the
administrator with a simulated UZI pass, and who is logged in is kept in this process, as long as the demonstration lasts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from zorgid_card import recipes
from zorgid_card.cli.demo.world import World
from zorgid_card.errors import MessageError, NotAllowedError, UsageError
from zorgid_card.secret import Secret
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES
from zorgid_card.workflows import card_side
from zorgid_card.workflows.management import Acting
from zorgid_card.workflows.phone_requests import Asked

PATH: Final = "/page/"
"""What follows names the page."""

Given: TypeAlias = Mapping[str, str]
Page: TypeAlias = Callable[[str, Given, str], dict[str, Any]]

_CHANGES: Final[Mapping[str, Callable[[Acting, Given], Any]]] = {
    "card.block": lambda acting, given: acting.block(given["subject"], given["reason"]),
    "card.unblock": lambda acting, given: acting.unblock(given["subject"], given["reason"]),
    "card.revoke": lambda acting, given: acting.revoke(given["subject"], given["reason"], cause=given["cause"]),
    "person.appoint": lambda acting, given: acting.appoint(given["subject"], given["role"], given["reason"]),
    "phone.block": lambda acting, given: acting.block_phone(given["subject"], given["reason"]),
    "phone.unblock": lambda acting, given: acting.unblock_phone(given["subject"], given["reason"]),
    "phone.revoke": lambda acting, given: acting.revoke_phone(given["subject"], given["reason"]),
}


class Pages:
    """The pages of the demonstration's portal. It serves many threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._portal = world.portal
        self._lock = threading.Lock()
        self._people: dict[str, tuple[str, str]] = {}
        self._pages: Mapping[str, Page] = {
            "offer": self._offer,
            "progress": self._progress,
            "confirm": self._confirm,
            "log-in": self._ask,
            "status": self._status,
            "finish": self._finish,
            "cards": self._cards,
            "ask": self._ask_change,
            "change": self._change,
        }

    def answer(self, page: str, session: str, given: Any, client: str) -> dict[str, Any] | None:
        """Serve one page; None: there is none of this name.

        Args:
            page: its name.
            session: names the browser session.
            given: what the page was given: a JSON object of texts.
            client: from where.

        Raises:
            ZorgIDError: as the portal's doors do.
        """
        if page not in self._pages:
            return None
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise MessageError("a page is given texts", field="page")
        try:
            return self._pages[page](session, given, client)
        except KeyError as error:
            raise MessageError(f"{page}: {error.args[0]} is missing", field=str(error.args[0])) from error

    # linking

    def _offer(self, session: str, given: Given, client: str) -> dict[str, Any]:
        door = self._portal.log_in
        nonce = door.challenge(session)
        reader = SimulatedReader("the administrator's")
        contents = self._world.pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", role="01.015", title="Huisarts")
        reader.insert(VirtualUZIPass(contents))
        with recipes.open_card(reader) as card:
            signer = card.authentication_signer(lambda request: Secret.of(DEFAULT_PIN))
            certificate = card.authentication_certificate()
            token = card_side.log_in(signer, certificate, origin=self._portal.seam.origin, nonce=nonce)
        who = door.verify(token, binding=session)
        offer = self._portal.phones.offer(who.uzi_number, who.ura, binding=session, authentication=nonce)
        return {"phone": offer.mobile_id, "qr": offer.qr_text, "expires_at": offer.expires_at.isoformat()}

    def _progress(self, session: str, given: Given, client: str) -> dict[str, Any]:
        found = self._portal.phones.progress(given["phone"], binding=session)
        return {"state": found.state, "code": found.code}

    def _confirm(self, session: str, given: Given, client: str) -> dict[str, Any]:
        return {"state": self._portal.phones.confirm(given["phone"], given["code"], binding=session).state}

    # logging in

    def _ask(self, session: str, given: Given, client: str) -> dict[str, Any]:
        return _shown(self._portal.phones.ask(given["user_name"], given["ura"], binding=session, client=client))

    def _status(self, session: str, given: Given, client: str) -> dict[str, Any]:
        return {"state": self._portal.phones.status(given["nonce"], binding=session)}

    def _finish(self, session: str, given: Given, client: str) -> dict[str, Any]:
        found = self._portal.phones.finish(given["nonce"], binding=session)
        if found is None:
            raise UsageError("the phone has not approved yet", reason="asked")
        with self._lock:
            self._people[session] = found.person.id, found.membership.ura
        name = f"{found.person.given_names} {found.person.surname}"
        return {"person": found.person.id, "name": name, "role": found.membership.role, "ura": found.membership.ura}

    # managing

    def _acting(self, session: str) -> Acting:
        return self._portal.management.acting_as(*self._who(session))

    def _who(self, session: str) -> tuple[str, str]:
        with self._lock:
            found = self._people.get(session)
        if found is None:
            raise NotAllowedError("log in first", action="manage")
        return found

    def _cards(self, session: str, given: Given, client: str) -> dict[str, Any]:
        rows = self._acting(session).list_cards().rows
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

    def _ask_change(self, session: str, given: Given, client: str) -> dict[str, Any]:
        person, ura = self._who(session)
        return _shown(self._portal.phones.ask_approval(person, ura, binding=session, **given))

    def _change(self, session: str, given: Given, client: str) -> dict[str, Any]:
        change = _CHANGES.get(given["action"])
        if change is None:
            raise UsageError("no such change here", reason="action")
        return {"state": getattr(change(self._acting(session), given), "state", "done")}


def _shown(asked: Asked) -> dict[str, Any]:
    return {"nonce": asked.nonce, "number": asked.number, "expires_at": asked.expires_at.isoformat()}
