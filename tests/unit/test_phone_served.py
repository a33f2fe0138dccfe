"""The phone's page as the portal serves it: the same for everybody, strict, installable, with all its sentences and icons."""

from __future__ import annotations

import html
import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import phone_icons
from docs_examples import ROOT
from phone_page import MODULES
from portal_pages import PortalPages
from zorgid_card.texts import TEXTS
from zorgid_card.web.pages import phone

TEMPLATE = (ROOT / "src/zorgid_card/web/templates/phone.html").read_text()
SCRIPTS = {path.name: path.read_text() for path in MODULES.glob("*.js")}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalPages]:
    made = PortalPages(tmp_path_factory.mktemp("portal"))
    yield made
    made.store.close()


def test_the_page_is_the_same_whoever_is_logged_in_and_whoever_leads_to_it(world: PortalPages) -> None:
    stranger, somebody = world.browser(), world.browser()
    assert world.log_in_by_phone(somebody, world.phone()).status_code == 303
    shown = stranger.get("/phone")
    assert shown.status_code == 200
    assert somebody.get("/phone").text == shown.text
    assert stranger.get("/phone", sec_fetch_site="cross-site", sec_fetch_mode="navigate").text == shown.text
    assert "csrf" not in shown.text
    assert "set-cookie" not in shown.headers


def test_its_policy_allows_nothing_but_its_own_origin_and_nothing_inline(world: PortalPages) -> None:
    shown = world.browser().get("/phone")
    policy = dict(part.strip().split(" ", 1) for part in shown.headers["content-security-policy"].split(";"))
    assert {name: value for name, value in policy.items() if value != "'self'"} == {
        "default-src": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert re.findall(r"<script\b[^>]*>(?!</script>)|<style|\sstyle=|\son\w+=|javascript:", shown.text) == []
    assert set(re.findall(r'(?:src|href)="([^"]*)"', shown.text)) >= {
        "/static/phone/page.js",
        "/phone/manifest.webmanifest",
    }
    assert all(found.startswith("/") for found in re.findall(r'(?:src|href)="([^"]*)"', shown.text))


def test_all_that_the_page_names_is_served(world: PortalPages) -> None:
    browser = world.browser()
    named = set(re.findall(r'(?:src|href)="(/(?:static|phone)[^"]*)"', browser.get("/phone").text))
    named |= {
        f"/static/phone/{name}" for source in SCRIPTS.values() for name in re.findall(r'from "\./([^"]+)"', source)
    }
    manifest = browser.get("/phone/manifest.webmanifest")
    assert manifest.headers["content-type"] == "application/manifest+json"
    named |= {icon["src"] for icon in manifest.json()["icons"]}
    assert len(named) > 12
    for address in named:
        assert browser.get(address).status_code == 200, address


def test_the_service_worker_is_for_the_page_alone(world: PortalPages) -> None:
    served = world.browser().get("/phone/worker.js")
    assert served.headers["service-worker-allowed"] == "/phone"
    assert served.headers["content-type"].startswith("text/javascript")
    assert served.text == SCRIPTS["worker.js"]
    assert 'scope: "/phone"' in SCRIPTS["page.js"]


def test_the_page_carries_all_sentences_that_its_modules_say_and_no_others(world: PortalPages) -> None:
    browser = world.browser()
    browser.get("/language/en")
    carried = re.search(r'data-texts="([^"]*)"', browser.get("/phone").text)
    assert carried is not None
    texts = json.loads(html.unescape(carried[1]))
    assert texts == phone.texts_of(phone.Language.EN)
    literal = {key for source in SCRIPTS.values() for key in re.findall(r'"([a-z_]+(?:\.[a-z_]+)*)"', source)}
    made = {f"done.{name}{part}" for name in ("approved", "refused", "over") for part in ("", ".text")}
    made |= {f"state.{state}" for state in ("linking", "linked", "blocked", "revoked", "expired", "unknown")}
    made |= {"failed.version", "failed.origin"}
    in_template = set(re.findall(r't\("web\.phone\.([a-z_0-9.]+)"', TEMPLATE))
    own = {key.removeprefix("web.phone.") for key in TEXTS if key.startswith("web.phone.")}
    in_manifest = {"app_short"}
    assert made <= own
    assert in_template <= own
    assert own - in_template - made - in_manifest <= literal, "said by nobody"
    said = {key for source in SCRIPTS.values() for key in re.findall(r'say\("([^"]+)"', source)}
    assert said <= own, "without a sentence"


def test_the_icons_are_those_that_are_drawn() -> None:
    assert (MODULES / "icon.svg").read_text() == phone_icons.svg()
    for size in phone_icons.SIZES:
        png = (MODULES / f"icon-{size}.png").read_bytes()
        assert struct.unpack(">II", png[16:24]) == (size, size)
        at = png.index(b"IDAT")
        (length,) = struct.unpack(">I", png[at - 4 : at])
        held = zlib.decompress(png[at + 4 : at + 4 + length])
        assert len(held) == size * (3 * size + 1)
        for number in range(0, size, 23):
            begin = number * (3 * size + 1)
            assert held[begin : begin + 3 * size + 1] == b"\0" + phone_icons.row(size, number), (
                "python tests/phone_icons.py"
            )


def test_the_document_tells_of_every_module() -> None:
    page = (ROOT / "docs/phone-page.md").read_text()
    assert {name for name in SCRIPTS if f"`{name}`" not in page} == set()
    assert all((ROOT / name).exists() for name in re.findall(r"`(tests/[\w/.]+)`", page))
    assert all(Path(ROOT, "docs", name).exists() for name in re.findall(r"\]\(([\w.-]+\.md)", page))
