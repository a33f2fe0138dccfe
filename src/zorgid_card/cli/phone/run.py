"""What the commands of ``zorgid-card phone`` do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from zorgid_card.adapters.phone import PinnedSeam
from zorgid_card.adapters.qr import qr_lines
from zorgid_card.cli.console import DescriptorKeyboard, Keyboard, TerminalKeyboard
from zorgid_card.cli.display import Display
from zorgid_card.cli.phone.browser import Browser
from zorgid_card.cli.shown import dump
from zorgid_card.errors import PINPolicyError, SessionError
from zorgid_card.pki.statement import PHONE_LOG_IN
from zorgid_card.ports.seam import Seam
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import DIGITS, PhoneAsked, PhoneView, SimulatedPhone
from zorgid_card.texts import TEXTS

_POLL: Final = 0.5
_HIDDEN: Final = frozenset({"nonce", "phone", "expires"})
_FIRST: Final = ("origin", "organisation", "ura", "person", "name", "client", "action", "subject", "about", "reason")


@dataclass(frozen=True, slots=True)
class Telling:
    """Where things are shown: as sentences, or as JSON, one object on a line for each thing that happens."""

    display: Display
    as_data: bool

    def event(self, name: str, /, **found: Any) -> None:
        """Tell a program."""
        if self.as_data:
            click.echo(dump({"event": name, **found}, indent=None))

    def say(self, key: str, style: str = "", /, **values: object) -> None:
        """Tell a person."""
        if not self.as_data:
            self.display.say(key, style, **values)

    def facts(self, names: str, found: Mapping[str, object]) -> None:
        """Show values by name; ``names`` is the beginning of the names' keys."""
        if not self.as_data:
            texts = self.display.texts
            self.display.facts((texts(f"{names}.{name}"), str(value)) for name, value in found.items())


def keyboard(codes: int | None) -> Keyboard:
    """Where digits come from: the terminal, or a file descriptor of a program's."""
    return TerminalKeyboard() if codes is None else DescriptorKeyboard(codes)


def _connect(origin: str, fingerprints: tuple[bytes, ...]) -> Seam:
    return PinnedSeam(origin, fingerprints)


def _digits(keys: Keyboard, telling: Telling, key: str) -> Secret:
    digits = keys.secret(telling.display.texts(key))
    if len(digits) != DIGITS:
        raise PINPolicyError("six digits are needed", what="phone")
    return digits


# --- the phone --------------------------------------------------------------------------------------------------------


def link(telling: Telling, keys: Keyboard, state: Path, qr_text: str, device: str) -> SimulatedPhone:
    """Scan a QR code and add the ID (ORG-6); the page's session is to confirm.

    Raises:
        PairingError: the portal refuses, or it is not the portal of the QR code.
    """
    phone = SimulatedPhone(_connect, device=device)
    phone.set_digits(_digits(keys, telling, "phone.ask.new_digits"))
    phone.scan(qr_text)
    code = phone.link()
    phone.save(state)
    telling.event("claimed", code=code, origin=phone.origin)
    telling.say("phone.shows", "bold", code=code)
    return phone


def link_with_page(telling: Telling, keys: Keyboard, state: Path, device: str, browser: Browser) -> None:
    """The same with the page beside it: it shows its QR code, and confirms the code if both are the same (ORG-5, ORG-6).

    Raises:
        PairingError: as :func:`link`; or the codes differ.
    """
    offer = browser.ask("offer")
    telling.event("offered", qr=offer["qr"], phone=offer["phone"], expires_at=offer["expires_at"])
    telling.say("phone.page.qr")
    if not telling.as_data:
        telling.display.code(qr_lines(str(offer["qr"])))
    phone = link(telling, keys, state, str(offer["qr"]), device)
    progress = browser.ask("progress", phone=offer["phone"])
    telling.say("phone.page.code", "bold", code=progress["code"])
    linked = browser.ask("confirm", phone=offer["phone"], code=phone.code)
    telling.event("linked", state=linked["state"])
    telling.say("phone.page.linked", "green")


def show(telling: Telling, state: Path) -> None:
    """What the portal says of the phone, and what it is asked."""
    phone = SimulatedPhone.load(state, _connect)
    view = phone.view()
    phone.save(state)
    telling.event("state", origin=phone.origin, code=phone.code, **_as_data(view))
    telling.facts("phone.fact", {"origin": phone.origin})
    telling.say(f"phone.state.{view.state}", tries=view.tries_left)
    _tell_asked(telling, view.asked)


def approve(telling: Telling, keys: Keyboard, state: Path, number: str | None) -> None:
    """Show what is asked, and sign it with the page's number and the digits (ORG-7).

    Raises:
        SessionError: nothing waits.
        PhoneNumberError, PhoneDigitsError: the portal refuses what was entered.
    """
    phone, asked = _waiting(telling, state)
    if number is None:
        number = keys.line(telling.display.texts("demo.ask.number"))
    phone.approve(asked, number=number, digits=_digits(keys, telling, "demo.ask.digits"))
    telling.event("approved", statement=asked.kind)
    telling.say("phone.approved", "green")


def refuse(telling: Telling, state: Path) -> None:
    """Say no to what is asked; raises SessionError where nothing waits."""
    phone, asked = _waiting(telling, state)
    phone.refuse(asked)
    telling.event("refused", statement=asked.kind)
    telling.say("phone.refused")


def _waiting(telling: Telling, state: Path) -> tuple[SimulatedPhone, PhoneAsked]:
    phone = SimulatedPhone.load(state, _connect)
    view = phone.view()
    phone.save(state)
    if view.asked is None:
        raise SessionError("nothing waits for this phone", reason="nothing")
    telling.event("asked", **_as_data(view))
    _tell_asked(telling, view.asked)
    return phone, view.asked


def _as_data(view: PhoneView) -> dict[str, Any]:
    asked = None if view.asked is None else {"statement": view.asked.kind, "fields": dict(view.asked.fields)}
    return {"state": view.state, "tries_left": view.tries_left, "asked": asked}


def _tell_asked(telling: Telling, asked: PhoneAsked | None) -> None:
    """All that would be signed, but for what only programs read."""
    if asked is None:
        telling.say("phone.nothing", "dim")
        return
    telling.say("phone.asked.log_in" if asked.kind == PHONE_LOG_IN else "phone.asked.change", "bold")
    fields = asked.fields
    names = [name for name in _FIRST if fields.get(name)] + sorted(fields.keys() - {*_FIRST, *_HIDDEN})
    if not telling.as_data:
        telling.display.facts((_name(telling, name), _value(telling, name, str(fields[name]))) for name in names)
    telling.say("phone.until", "dim", time=_clock(str(fields.get("expires", ""))))


def _name(telling: Telling, name: str) -> str:
    key = f"phone.fact.{name}"
    return telling.display.texts(key) if key in TEXTS else name


def _value(telling: Telling, name: str, value: str) -> str:
    key = f"action.{value}"
    return telling.display.texts(key) if name == "action" and key in TEXTS else value


def _clock(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return text


# --- the browser ------------------------------------------------------------------------------------------------------


def log_in(telling: Telling, browser: Browser, user_name: str, ura: str) -> None:
    """Ask for a log-in as the portal's page does, show its number, and wait for the phone (ORG-7).

    Raises:
        SessionError: refused on the phone, or nobody approved in time.
        PhoneLimitError: asked too often.
    """
    asked = browser.ask("log-in", user_name=user_name, ura=ura)
    _wait(telling, browser, asked)
    found = browser.ask("finish", nonce=asked["nonce"])
    telling.event("logged-in", **found)
    telling.say("phone.page.logged_in", "green", name=found["name"], role=found["role"])
    cards = browser.ask("cards")["cards"] if found["role"] != "holder" else []
    telling.event("cards", cards=cards)
    for card in cards:
        telling.say("phone.page.card", serial=card["serial"], holder=card["holder"], state=card["state"])


def change(
    telling: Telling, browser: Browser, action: str, subject: str, reason: str, detail: Mapping[str, str]
) -> None:
    """Have one change signed on the phone, and make it (ADM-2 to ADM-7).

    Raises:
        SessionError: refused on the phone, or not signed in time; nothing was changed.
        PortalError: the portal refuses.
    """
    if action == "card.revoke":
        detail = {"cause": "unspecified", **detail}
    given = {**detail, "action": action, "subject": subject, "reason": reason}
    _wait(telling, browser, browser.ask("ask", **given))
    found = browser.ask("change", **given)
    telling.event("changed", action=action, subject=subject, state=found["state"])
    telling.say("phone.page.changed", "green", subject=subject, state=found["state"])


def _wait(
    telling: Telling, browser: Browser, asked: Mapping[str, Any], pause: Callable[[float], None] = time.sleep
) -> None:
    telling.event("asked", number=asked["number"], expires_at=asked["expires_at"])
    telling.say("phone.page.number", "bold", number=asked["number"])
    while (state := browser.ask("status", nonce=asked["nonce"])["state"]) == "asked":
        pause(_POLL)
    if state != "approved":
        raise SessionError("the phone did not approve", reason="refused" if state == "refused" else "expired")
