"""Agents that are not as they should be, and other programs in their place: each has a part of the page that says what to do.

The agent's end of the connection is played here, for what no agent of this version says.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from browsing.looks import look
from browsing.world import World

pytestmark = pytest.mark.blackbox

AGENT = "ws://127.0.0.1:47480/agent/v1"
HELLO = {"type": "hello", "version": "0.1.0", "protocol": 1, "paired": True}
PAIRING = {**HELLO, "paired": False, "code": "4821"}
READERS = {"readers": [{"name": "Desk", "card": False}]}


def played(page: Page, *said: dict[str, Any] | str | int, then: tuple[dict[str, Any] | int, ...] = ()) -> None:
    """The agent says this at first, and ``then`` when a step is begun; a number closes the connection."""

    def say(socket: WebSocketRoute, line: dict[str, Any] | str | int, step: str = "") -> None:
        if isinstance(line, int):
            socket.close(code=line)
        else:
            socket.send(line if isinstance(line, str) else json.dumps({**line, **({"id": step} if step else {})}))

    def hear(socket: WebSocketRoute, text: str) -> None:
        asked = json.loads(text)
        if asked["type"] == "start" and asked["step"] == "readers":
            say(socket, {"type": "done", "result": READERS}, asked["id"])
        elif asked["type"] == "start":
            for line in then:
                say(socket, line, asked["id"])

    def met(socket: WebSocketRoute) -> None:
        socket.on_message(lambda text: hear(socket, str(text)))
        for line in said:
            say(socket, line)

    page.route_web_socket(AGENT, met)


@pytest.mark.parametrize(
    ("said", "heading"),
    [
        ([{**HELLO, "protocol": 0, "version": "0.0.1"}], "Het ZORG-ID-programma is te oud"),
        ([{**HELLO, "protocol": 2}], "Het ZORG-ID-programma is nieuwer dan deze pagina"),
        ([PAIRING, 4403], "Dit portaal mag het ZORG-ID-programma niet gebruiken"),
        ([4429], "Het ZORG-ID-programma is te vaak gevraagd"),
        (["220 smtp.example ESMTP"], "Het ZORG-ID-programma is niet gevonden"),
    ],
    ids=["old", "new", "refused", "too often", "another program"],
)
def test_what_is_wrong_with_the_agent_is_told_with_what_to_do(
    world: World, said: list[dict[str, Any] | str | int], heading: str
) -> None:
    with world.person() as person:
        page = person.context.new_page()
        played(page, *said)
        page.goto("/card/create")
        expect(page.get_by_role("heading", name=heading)).to_be_focused()
        look(page)
        played(page, HELLO)
        page.get_by_role("button", name="Opnieuw beginnen").click()
        expect(page.get_by_role("button", name="Beginnen")).to_be_enabled()


def test_org_2_an_agent_older_than_the_policy_is_told_before_anything_starts(world: World) -> None:
    with world.person() as person:
        page = person.context.new_page()
        played(page, {**HELLO, "version": "0.0.9"})
        page.goto("/card/create")
        expect(page.get_by_text("versie 0.0.9 is te oud")).to_be_visible()
        expect(page.get_by_role("button", name="Beginnen")).to_be_disabled()
        look(page)


@pytest.mark.parametrize(
    ("then", "heading"),
    [
        (({"type": "event", "event": "cue", "cue": "insert-pass"}, 1006), "De verbinding met het ZORG-ID-programma"),
        (({"type": "failed", "error": {"code": "portal.session", "message": "Verlopen."}},), "De sessie is verlopen"),
        (({"type": "failed", "error": {"code": "portal.pairing", "message": "Verlopen."}},), "De smartphone is niet"),
        (({"type": "failed", "error": {"code": "user.too_many_tries"}},), "Vandaag is te vaak geprobeerd"),
        (({"type": "failed", "error": {"code": "from.the.future", "message": "Nieuw."}},), "Niet gelukt"),
    ],
    ids=["lost", "session expired", "code expired", "too many tries", "an error of a newer agent"],
)
def test_what_ends_a_step_is_told_with_what_to_do(
    world: World, then: tuple[dict[str, Any] | int, ...], heading: str
) -> None:
    with world.person() as person:
        page = person.context.new_page()
        played(page, HELLO, then=then)
        page.goto("/organisation/validate")
        page.get_by_role("button", name="Beginnen").click()
        expect(page.get_by_role("heading", name=heading)).to_be_focused()
        look(page)


def test_what_an_agent_says_is_text_and_nothing_else(world: World) -> None:
    markup = "<img src=x onerror=alert(1)><b>!</b>"
    facts = [[markup, markup], ["name", markup]]
    asked = {"type": "event", "event": "question", "question": 1, "code": "pass-data", "facts": facts}
    drawing = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"
    shown = {"type": "event", "event": "phone", "qr_svg": drawing, "expires_at": markup}
    with world.person() as person:
        page = person.context.new_page()
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        played(page, HELLO, then=({"type": "event", "event": "other-card", "kind": markup}, asked, shown))
        page.goto("/organisation/validate")
        page.get_by_role("button", name="Beginnen").click()
        expect(page.locator("[data-qr]")).to_be_visible()
        assert page.locator("[data-question=pass-data] dd").all_text_contents() == [markup, markup]
        assert page.locator("main b, main img:not([data-qr])").count() == 0
