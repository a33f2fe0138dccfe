"""Who comes to the portal in ``make load``: browsers without a browser, which log in with cards, and manage with phones.

What is sent is what a page would send; what is not answered is asked again, a change with its idempotency key.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from typing import Any, TypeVar

import httpx
from load_world import DIGITS, Administrator, Card

from zorgid_card.errors import ZorgIDError
from zorgid_card.pki.web_eid import make_token
from zorgid_card.secret import Secret

T = TypeVar("T")
_SECONDS = 120.0
_PAUSE = 0.2
_FIELD = re.compile(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">')
_NUMBER = re.compile(r'class="number"><strong>(\d+)<')


@dataclass(frozen=True, slots=True)
class Done:
    """Something that somebody did: when it began and ended, and how many tries went without an answer."""

    what: str
    begun: float
    ended: float
    unanswered: int


@dataclass(slots=True)
class Action:
    """A change that an administrator made; ``reason`` is its own, and stands in the audit log."""

    name: str
    serial: str
    reason: str
    key: str


@dataclass
class Log:
    """What everybody did, and was told."""

    done: list[Done] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    """Those that were acknowledged."""
    open: list[Browser] = field(default_factory=list)
    """Whose session must be there in the end."""
    begun: int = 0
    """Log-ins of which the answer did not come: their session may be there."""
    unanswered: int = 0
    """Requests without an answer, of all kinds."""
    refused: list[str] = field(default_factory=list)
    """Answers that nobody should get."""
    deadline: float = float("inf")
    """When all must be over."""


class UnansweredError(Exception):
    """No answer, or one of somebody who does not know: a proxy's, or a worker's that stops."""


class Browser:
    """One person's: a cookie, and one connection that is kept."""

    def __init__(self, origin: str, context: ssl.SSLContext, log: Log) -> None:
        self.origin, self._log = origin, log
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=15)
        self._client = httpx.AsyncClient(
            base_url=origin,
            verify=context,
            timeout=_SECONDS,
            limits=limits,
            trust_env=False,
            headers={"Origin": origin},
        )

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; raises UnansweredError."""
        if time.monotonic() > self._log.deadline:
            raise SystemExit("the portal does not answer any more")
        try:
            answer = await self._client.request(method, path, **options)
        except httpx.TransportError as error:
            self._log.unanswered += 1
            raise UnansweredError(type(error).__name__) from error
        if answer.status_code >= 500:
            self._log.unanswered += 1
            raise UnansweredError(f"HTTP {answer.status_code}")
        return answer

    async def close(self) -> None:
        await self._client.aclose()


async def patiently(ask: Callable[[], Awaitable[T]]) -> tuple[T, int]:
    """Ask until there is an answer; also how often there was none."""
    unanswered = 0
    while True:
        try:
            return await ask(), unanswered
        except UnansweredError:
            unanswered += 1
            await asyncio.sleep(_PAUSE)


def fields(page: httpx.Response) -> dict[str, str]:
    """The hidden fields of a page's forms, as they are sent along."""
    return {name: unescape(value) for name, value in _FIELD.findall(page.text)}


# --- people with cards ------------------------------------------------------------------------------------------------


async def come_with_card(card: Card, browser: Browser, log: Log, until: float) -> None:
    """Log in, look, log out, again and again; the last time one stays."""
    while True:
        begun = time.monotonic()
        unanswered = 0
        while not await _log_in(card, browser, log):
            unanswered += 1
            log.begun += 1
            await asyncio.sleep(_PAUSE)
        log.done.append(Done(card.kind, begun, time.monotonic(), unanswered))
        page = await _timed("page", log, lambda: browser.ask("GET", "/manage/cards"))
        if page.status_code not in (200, 403):  # a pass alone manages nothing
            log.refused.append(f"{card.kind}: {page.status_code} {page.text[:300]}")
        if time.monotonic() >= until:
            log.open.append(browser)
            return
        await _timed("log-out", log, partial(_log_out, browser))


async def _timed(what: str, log: Log, ask: Callable[[], Awaitable[T]]) -> T:
    begun = time.monotonic()
    answer, unanswered = await patiently(ask)
    log.done.append(Done(what, begun, time.monotonic(), unanswered))
    return answer


async def _log_out(browser: Browser) -> None:
    home = await browser.ask("GET", "/")
    await browser.ask("POST", "/log-out", data=fields(home))


async def _log_in(card: Card, browser: Browser, log: Log) -> bool:
    """A challenge, a signature, a session; False: somewhere there was no answer, and a new challenge is asked for."""
    try:
        asked = await browser.ask("GET", "/auth/challenge")
        nonce = asked.json()["nonce"]
        token = make_token(card.signer, card.certificate, browser.origin, nonce)
        sent = {"json": {"auth-token": json.loads(token)}, "headers": {"X-CSRF-Token": asked.headers["X-CSRF-Token"]}}
        answer = await browser.ask("POST", "/auth/login", **sent)
    except UnansweredError:
        return False
    if answer.status_code != 200:
        log.refused.append(f"{card.kind}: {answer.status_code} {answer.text[:300]}")
    return True


# --- administrators ---------------------------------------------------------------------------------------------------


class Manager:
    """An administrator at the pages, with a phone in the other hand."""

    def __init__(self, administrator: Administrator, browser: Browser, log: Log) -> None:
        self._who, self._browser, self._log = administrator, browser, log
        self._made = 0

    async def manage(self, until: float) -> None:
        """Log in; then block and unblock one card after the other."""
        await self._log_in()
        while time.monotonic() < until:
            for serial in self._who.cards:
                for event in ("block", "unblock"):
                    await self._change(event, serial)
                if time.monotonic() >= until:
                    break
        self._log.open.append(self._browser)

    async def _log_in(self) -> None:
        begun, unanswered = time.monotonic(), 0
        while True:
            try:
                await self._try_to_log_in()
                break
            except UnansweredError:
                unanswered += 1
                await asyncio.sleep(_PAUSE)
        self._log.done.append(Done("phone log-in", begun, time.monotonic(), unanswered))

    async def _try_to_log_in(self) -> None:
        ask = self._browser.ask
        form = fields(await ask("GET", "/log-in"))
        page = await ask("POST", "/log-in/phone", data={**form, "user_name": self._who.user_name, "ura": self._who.ura})
        form, number = fields(page), self._number(page)
        await asyncio.to_thread(self._sign, number)
        page = await ask("POST", "/log-in/phone/finish", data=form)
        if page.status_code != 303:
            self._log.refused.append(f"phone log-in: {page.status_code} {page.text[:300]}")

    async def _change(self, event: str, serial: str) -> None:
        """Fill in the form and send it, sign on the phone, go on; what is not answered is sent again with the form's key."""
        begun, place = time.monotonic(), f"/manage/cards/{serial}/{event}"
        self._made += 1
        reason = f"load {self._who.number} {self._made}"
        page, unanswered = await patiently(lambda: self._browser.ask("GET", place))
        form = {**fields(page), "reason": reason}
        action = Action(f"card.{event}", serial, reason, form["key"])
        while not await self._send(place, form):
            unanswered += 1
            await asyncio.sleep(_PAUSE)
        self._log.actions.append(action)
        self._log.done.append(Done("change signed on the phone", begun, time.monotonic(), unanswered))

    async def _send(self, place: str, form: Mapping[str, str]) -> bool:
        """Once through; False: somewhere there was no answer."""
        ask = self._browser.ask
        try:
            sent = await ask("POST", place, data=form)
            if sent.status_code == 200:  # it was done, and the answer lost
                return True
            if sent.status_code != 303:
                self._log.refused.append(f"{place}: {sent.status_code} {sent.text[:300]}")
                return True
            waiting = sent.headers["Location"]
            page = await ask("GET", waiting)
            await asyncio.to_thread(self._sign, self._number(page))
            gone = await ask("POST", waiting, data=fields(page))
            told = await ask("GET", gone.headers["Location"])
        except UnansweredError:
            return False
        if _NUMBER.search(told.text) or told.status_code != 200:
            self._log.refused.append(f"{place}: not done: {told.status_code} {told.text[:300]}")
        return True

    def _number(self, page: httpx.Response) -> str:
        found = _NUMBER.search(page.text)
        if found is None:
            self._log.refused.append(f"no number: {page.status_code} {page.text[:2000]}")
            raise UnansweredError("no number")
        return found[1]

    def _sign(self, number: str) -> None:
        """On the phone: see what is asked, enter the number and the digits."""
        try:
            asked = self._who.phone.question()
            if asked is None:
                raise UnansweredError("nothing is asked")
            with Secret.of(DIGITS) as digits:
                self._who.phone.approve(asked, number=number, digits=digits)
        except ZorgIDError as error:
            raise UnansweredError(error.code) from error
