"""The pages of both manuals, one's own card, and help with the agent; and the modules behind them, in node."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

import zorgid_card.web
from docs_examples import ROOT, example
from fake_agent import HELLO, FakeAgent, Script, Wanted, fake_agent
from portal_pages import URA, PortalPages
from registry_world import add_card, add_person
from zorgid_card.cards import CardKind
from zorgid_card.errors import ZorgIDError
from zorgid_card.workflows.holder import Cue, Step
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy

STATIC = Path(zorgid_card.web.__path__[0]) / "static"
NODE = Path(__file__).parents[1] / "node"


def start(step: str, **fields: Any) -> Wanted:
    return Wanted({"type": "start", "step": step, "lang": "nl", **fields})


def answer(question: int, value: Any) -> Wanted:
    return Wanted({"type": "answer", "question": question, "value": value})


def event(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "event", "id": "$id", "event": name, **fields}


def question(number: int, code: str, *facts: list[str]) -> dict[str, Any]:
    return event("question", question=number, code=code, facts=list(facts))


def done(**result: Any) -> dict[str, Any]:
    return {"type": "done", "id": "$id", "result": result}


def problem(code: str, message: str = "") -> dict[str, Any]:
    return {"code": code, "message": message, "retryable": True, "details": {}}


def failed(code: str, message: str = "") -> dict[str, Any]:
    return {"type": "failed", "id": "$id", "error": problem(code, message)}


TOKEN = {
    "unverifiedCertificate": "MII…",
    "algorithm": "RS256",
    "signature": "c2ln",
    "format": "web-eid:1.0",
    "appVersion": "https://web-eid.eu/web-eid-app/releases/v2.5.0",
}
READERS = done(readers=[{"name": "Desk 1", "card": False}])
PASS = (["name", "Jan de Vries"], ["ura", "90000382"])

CONNECTING: dict[str, Script] = {
    "known": [HELLO],
    "pairing": [{**HELLO, "paired": False, "code": "4821"}, {"type": "paired"}],
    "refused": [{**HELLO, "paired": False, "code": "4821"}, 4403],
    "too-often": [4429],
    "old": [{**HELLO, "protocol": 0, "version": "0.0.1"}],
    "new": [{**HELLO, "protocol": 2}],
    "other-program": [{"type": "welcome"}],
    "no-json": ["220 smtp.example ESMTP"],
    "too-long": ['{"type":"hello","padding":"' + "x" * 65_536 + '"}'],
    "paired-first": [{"type": "paired"}],
    "silent-end": [1000],
}
STEPS: dict[str, Script] = {
    "two-steps": [
        HELLO, start("readers"), done(readers=[]), start("pin-status"), failed("reader.none", "Er is geen paslezer."),
    ],
    "goes-away": [HELLO, start("create"), event("cue", cue="insert-pass"), 1001],
    "register": [
        HELLO, start("register"), event("cue", cue="insert-pass"), event("prompting", what="consent"),
        event("prompting", what="pin"), question(1, "pass-data", *PASS), answer(1, True),
        question(2, "organisation-data", ["ura", "90000382"]), answer(2, True), question(3, "birth-date"),
        answer(3, "1980-12-31"), event("refused", error=problem("user.usage")), question(4, "birth-date"),
        answer(4, "1980-12-31"), event("prompting", what="consent"), event("prompting", what="pin"),
        event("phone", qr_svg="<svg/>", expires_at="2026-11-25T12:02:00+00:00"), event("scanned"),
        question(5, "compare-code"), answer(5, "123456"),
        done(ura="90000382", name="De Linde", person="p", user_name="jan.de.vries", phone="f"),
    ],
    "create": [
        HELLO, start("readers"), READERS, start("create", reader="Desk 1", replaces={"cause": "lost"}),
        event("cue", cue="insert-pass"), event("other-card", kind="blank"), event("prompting", what="consent"),
        event("prompting", what="pin"), event("refused", error=problem("user.wrong_pin")),
        event("prompting", what="pin"), question(1, "birth-date"), answer(1, "1980-12-31"),
        event("cue", cue="remove-pass"), event("cue", cue="insert-blank"), event("prompting", what="new-pin"),
        event("progress", step="generate", share=0.25, seconds_left=None),
        event("refused", error=problem("reader.card_removed")), question(2, "insert-again"), answer(2, True),
        event("cue", cue="insert-again"), event("progress", step="puk", share=0.9, seconds_left=2.0),
        event("prompting", what="puk"), done(serial="0001", user_name="jan", ura="90000382"),
    ],
    "declined": [
        HELLO, start("register"), question(1, "pass-data", *PASS), answer(1, None), failed("user.declined"),
    ],
    "overtaken": [HELLO, start("create"), question(1, "birth-date"), failed("portal.session")],
    "newer": [HELLO, start("pin-status"), event("weather", what="rain"), {"type": "advert"}, done(kind="zorgid")],
    "stopped": [HELLO, start("create"), Wanted({"type": "cancel"}), failed("user.cancelled")],
    "goes-away-early": [HELLO, start("readers"), READERS, start("create"), 1001],
    "again": [HELLO, start("readers"), READERS, start("create"), done(serial="0002")],
    "log-in-stopped": [
        HELLO, Wanted({"step": "log-in"}), event("cue", cue="insert-card"), Wanted({"type": "cancel"}),
        failed("user.cancelled"),
    ],
    "log-in": [
        HELLO, start("log-in", nonce="n" * 44), event("cue", cue="insert-card"), event("prompting", what="consent"),
        event("prompting", what="pin"), done(token=TOKEN),
    ],
}  # fmt: skip


@pytest.fixture
def agent() -> Iterator[FakeAgent]:
    with fake_agent({**CONNECTING, **STEPS}) as running:
        yield running


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("name", ["agent", "card", "forms"])
def test_the_modules_of_the_pages_in_node(agent: FakeAgent, name: str) -> None:
    where = {"STATIC": STATIC.as_uri(), "AGENT": f"ws://127.0.0.1:{agent.port}"}
    command = [
        "node",
        "--experimental-websocket",
        "--test",
        "--test-timeout=20000",
        "--test-reporter=spec",
        str(NODE / f"{name}.test.mjs"),
    ]
    found = subprocess.run(
        command, check=False, env={**os.environ, **where}, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert agent.wrong == []


# --- the pages, as they are served ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalPages]:
    made = PortalPages(tmp_path_factory.mktemp("portal"))
    yield made
    made.store.close()


PAGES = ("/", "/organisation/validate", "/card/create", "/card/create/puk", "/me", "/help/agent", "/log-in")
WITH_STEPS = {"/organisation/validate": "register", "/card/create": "create", "/me": "own", "/help/agent": "help"}


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_served_to_anybody_in_both_languages(world: PortalPages, path: str, language: str) -> None:
    browser = world.browser()
    browser.get(f"/language/{language}")
    shown = browser.get(path)
    assert shown.status_code == 200
    assert f'<html lang="{language}">' in shown.text
    assert shown.text.count("<h1>") == 1
    assert "{" not in re.sub(r'(data-left|data-other-card|pattern)="[^"]*"', "", shown.text), (
        "a sentence that was not filled in"
    )


def test_the_first_page_leads_to_the_manuals_two_procedures_in_their_words(world: PortalPages) -> None:
    shown = world.browser().get("/").text
    assert re.search(r'href="/organisation/validate">Ik wil een organisatie valideren<', shown)
    assert re.search(r'href="/card/create">Ik wil een ZORG-ID Smartcard aanmaken<', shown)


def headings(shown: str) -> list[str]:
    return re.findall(r'<li data-steps="[^"]*">([^<]*)</li>', shown)


def test_org_2_to_org_7_the_steps_are_the_manuals_in_their_order(world: PortalPages) -> None:
    assert headings(world.browser().get("/organisation/validate").text) == [
        "Dit hebt u nodig",
        "Valideren organisatie: UZI-pas",
        "Valideren organisatie: gegevens",
        "Registreren administrator",
        "Koppelen smartphone",
        "Gelukt!",
    ]


def test_crd_3_to_crd_10_the_steps_are_the_manuals_in_their_order(world: PortalPages) -> None:
    shown = world.browser().get("/card/create").text
    assert headings(shown) == [
        "Dit hebt u nodig",
        "UZI-pas en pincode",
        "Geboortedatum",
        "Lege ZORG-ID Smartcard in de paslezer",
        "Pincode kiezen",
        "Aanmaken",
        "Pukcode bewaren",
        "Gelukt!",
    ]
    assert "Haal de ZORG-ID Smartcard er niet uit tot het proces is afgerond!" in shown


def test_how_long_the_portal_gives_is_its_policy_s_to_say(tmp_path: Path) -> None:
    phones = PhonePolicy(signed=UNSIGNED, offer_lifetime=timedelta(minutes=3))
    slow = PortalPages(tmp_path, session_lifetime=timedelta(minutes=25), phones=phones)
    browser = slow.browser()
    assert "die 3 minuten geldig is" in browser.get("/organisation/validate").text
    assert "Rond alles binnen 25 minuten af." in browser.get("/card/create").text
    slow.store.close()


@pytest.mark.parametrize(("path", "name"), WITH_STEPS.items())
def test_a_page_with_steps_has_all_that_its_module_looks_for(world: PortalPages, path: str, name: str) -> None:
    shown = world.browser().get(path).text
    assert f'data-journey="{name}" data-agent="ws://127.0.0.1:47480/agent/v1"' in shown
    for step in re.findall(r"<section[^>]*data-step[^>]*>(.*?)</section>", shown, re.DOTALL):
        assert re.search(r'<h[23][^>]*tabindex="-1"', step), "the focus goes to the heading of the part that is shown"
    for wanted in ("data-live", "data-alert", "data-stop", "data-again", "data-wait"):
        assert wanted in shown


@pytest.mark.parametrize("path", PAGES)
def test_no_page_asks_for_a_pin_or_a_puk(world: PortalPages, path: str) -> None:
    shown = world.browser().get(path).text
    names = set(re.findall(r'<(?:input|select|textarea)[^>]*\bname="([^"]*)"', shown))
    assert names <= {"reader", "cause", "serial", "day", "month", "year", "code", "csrf", "next", "user_name", "ura"}
    assert 'type="password"' not in shown


@pytest.mark.parametrize("path", PAGES)
def test_nothing_on_a_page_is_inline_and_no_id_is_there_twice(world: PortalPages, path: str) -> None:
    shown = world.browser().get(path).text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", shown)
    ids = re.findall(r'\bid="([^"]*)"', shown)
    assert len(ids) == len(set(ids))
    for name in re.findall(r'\b(?:for|aria-describedby|aria-labelledby)="([^"]*)"', shown):
        assert set(name.split()) <= set(ids)


ERRORS = sorted(code for code in ZorgIDError._by_code if code != "demo.stopped")


@pytest.mark.parametrize("path", [*WITH_STEPS, "/log-in"])
def test_every_error_has_a_part_and_no_part_is_about_an_error_that_is_none(world: PortalPages, path: str) -> None:
    shown = world.browser().get(path).text
    parts = {code for codes in re.findall(r'data-failure="([^"]*)"', shown) for code in codes.split()}
    scripts = "".join(file.read_text() for file in STATIC.glob("*.js"))
    own = set(re.findall(r'"((?:agent|extension)\.[a-z-]+)"', scripts))
    assert len(own) > 8
    assert "any" in parts
    known = {code for code in parts if not code.startswith(("agent.", "extension")) and code != "any"}
    assert {code for code in known if not any(name == code or name.startswith(f"{code}.") for name in ERRORS)} == set()
    assert own - parts <= {code for code in own if code.startswith("extension.")}


def test_what_the_agent_tells_has_a_place_on_the_pages(world: PortalPages) -> None:
    register, create, own = (
        world.browser().get(path).text for path in ("/organisation/validate", "/card/create", "/me")
    )
    for cue in Cue:
        assert f'data-cue="{cue}"' in register + create + own
    for step in Step:
        assert f'data-making="{step}"' in create
        assert f'data-making="{step}"' in own
    for what in ("pin", "new-pin", "puk", "consent", "keypad"):
        assert all(f'data-prompt="{what}"' in page for page in (register, create, own))
    for code in ("pass-data", "organisation-data", "birth-date", "compare-code"):
        assert f'data-question="{code}"' in register
    for code in ("pass-data", "birth-date", "insert-again", "portal-again", "ask-again"):
        assert all(f'data-question="{code}"' in page for page in (create, own))
    for kind in CardKind:
        assert f'data-word="kind.{kind}"' in create


@pytest.mark.parametrize("path", ["/me", "/log-in", "/help/agent"])
def test_no_button_can_be_pressed_before_its_module_is_there(world: PortalPages, path: str) -> None:
    buttons = re.findall(r"<button[^>]*data-start[^>]*>", world.browser().get(path).text)
    assert buttons
    assert all(" disabled" in button for button in buttons)


# --- what is needed ---------------------------------------------------------------------------------------------------


def needed(world: PortalPages, purpose: str, **seen: str) -> list[tuple[bool, str, str]]:
    """Whether it is in the way, how it is marked, and what is said."""
    shown = world.browser().get(f"/needs/{purpose}?{urlencode(seen)}")
    assert shown.status_code == 200, shown.text
    lines = re.findall(r'<li( data-in-the-way)? class="(\w+)">(.*?)</li>', shown.text)
    return [(way != "", mark, re.sub(r"<[^>]*>", "", unescape(said)).strip()) for way, mark, said in lines]


SEEN = {"version": "0.1.0", "platform": "Windows", "readers": "1"}


def test_org_2_what_is_needed_is_told_and_whether_it_is_there(world: PortalPages) -> None:
    assert needed(world, "register", **SEEN) == [
        (False, "later", "Smartphone: houd hem bij de hand"),
        (False, "met", "Computer met paslezer: aanwezig"),
        (False, "later", "Geldige UZI-zorgverlenerspas: gaat zo in de paslezer"),
        (False, "met", "Laatste versie van het ZORG-ID-programma: aanwezig (0.1.0)"),
    ]
    assert (False, "later", "Geldige UZI-zorgverlenerspas: een UZI-pas zit in de paslezer") in needed(
        world, "register", **SEEN, kinds="blank uzi-pass"
    )


def test_org_2_without_a_reader_or_with_an_old_program_nothing_is_begun(world: PortalPages) -> None:
    found = needed(world, "register", version="0.0.9", platform="Windows", readers="0")
    assert [way for way, _, _ in found] == [False, True, False, True]
    assert "versie 0.0.9 is te oud: installeer versie 0.1 of nieuwer" in found[3][2]


def test_crd_14_where_no_card_can_be_made_is_told_before_anything_starts(world: PortalPages) -> None:
    found = needed(world, "create", **{**SEEN, "platform": "Darwin"})
    assert [said for way, _, said in found if way] == [
        "Een computer waarop een ZORG-ID Smartcard kan worden aangemaakt: op Darwin kan dat niet: Linux, Windows"
    ]
    assert not any(way for way, _, _ in needed(world, "create", **SEEN))


@pytest.mark.parametrize(
    ("address", "status"), [("/needs/else?version=1", 404), ("/needs/create", 400), ("/needs/create?version=x", 400)]
)
def test_what_no_page_asks_is_refused(world: PortalPages, address: str, status: int) -> None:
    assert world.browser().get(address).status_code == status


# --- one's own card ---------------------------------------------------------------------------------------------------


def test_pin_2_to_pin_4_one_s_card_is_at_hand_without_being_logged_in(world: PortalPages) -> None:
    shown = world.browser().get("/me").text
    assert re.findall(r'data-start="([^"]*)"', shown) == [
        "pin-status",
        "pin-change",
        "pin-unblock",
        "puk-change",
        "renew",
    ]
    assert "Kaartnummer" not in shown.partition("data-journey")[0]


def test_adm_1_who_is_logged_in_sees_their_own_cards_and_nobody_else_s(world: PortalPages) -> None:
    browser = world.browser()
    world.log_in_by_phone(browser, world.phone())
    with world.store.begin() as unit:
        other = add_person(unit, "bert", uzi_number="900020002", ura=URA, role="holder")
        add_card(unit, "aa01", world.anna.id, certificate="0a", ura=URA)
        add_card(unit, "bb02", other.id, certificate="0b", ura=URA)
    shown = browser.get("/me").text
    assert "aa01" in shown
    assert "bb02" not in shown


# --- docs/pages.md ----------------------------------------------------------------------------------------------------

PAGE = "docs/pages.md"


def test_the_page_names_the_parts_and_codes_that_there_are(world: PortalPages) -> None:
    shown = world.browser().get("/card/create").text
    told = re.findall(r"^\| [a-z-]+ \| (`[^|]*`) \|$", (ROOT / PAGE).read_text(), re.MULTILINE)
    assert [codes.replace("`", "").replace(",", "") for codes in told] == re.findall(r'data-failure="([^"]*)"', shown)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_example_of_a_page_of_one_s_own_works_as_written(tmp_path: Path) -> None:
    script: Script = [
        {**HELLO, "paired": False, "code": "4821"},
        {"type": "paired"},
        start("pin-change"),
        event("cue", cue="insert-card"),
        event("prompting", what="pin"),
        done(kind="zorgid"),
    ]
    with fake_agent({"agent/v1": script}) as agent:
        source = example(PAGE, "own-page").replace("127.0.0.1:47480", f"127.0.0.1:{agent.port}")
        module = tmp_path / "page.mjs"
        shutil.copy(STATIC / "agent.js", tmp_path / "agent.mjs")
        told = "const said = [];\nconst result = await changePIN((line) => said.push(line));\n"
        printed = "console.log(JSON.stringify([...said, result.kind]));\n"
        module.write_text(source.replace("./agent.js", "./agent.mjs") + told + printed)
        command = ["node", "--experimental-websocket", "--no-warnings", str(module)]
        found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert found.returncode == 0, found.stderr
        assert agent.wrong == []
    pairing = "The agent asks whether this page may use it: is the code 4821?"
    assert json.loads(found.stdout) == [pairing, "insert-card", "pin", "zorgid"]
