"""The agent does what a page may have done, whole: over a real WebSocket, to a real TLS portal, with simulated cards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from world import CARD_PIN, DOCTOR, PRACTICE, WORKER
from zorgid_card.errors import WrongPINError
from zorgid_card.secret import Secret

pytest.importorskip("websockets")
from agent_world import AgentWorld, Hands, Page, agent_world
from zorgid_card.agent import steps
from zorgid_card.ports.registry import MobileID


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[AgentWorld]:
    """At a portal that knows no organisation."""
    with agent_world(tmp_path) as made:
        yield made


@pytest.fixture
def desk(empty: AgentWorld) -> AgentWorld:
    empty.world.validated()
    return empty


def created(desk: AgentWorld, page: Page) -> dict[str, Any]:
    done = desk.worker(page).drive(page.start("create"))
    assert done["type"] == "done", done
    result: dict[str, Any] = done["result"]
    return result


def test_crd_10_a_page_has_a_card_made_and_sees_all_of_it_but_the_codes(desk: AgentWorld) -> None:
    with desk.page() as page:
        result = created(desk, page)
    assert result["ura"] == PRACTICE.ura
    assert result["serial"] == desk.world.card().serial
    desk.world.card().verify_pin(Secret.of(CARD_PIN))
    told = json.dumps(page.seen)
    assert [code for code in (CARD_PIN, desk.person.puk) if code.decode() in told] == []
    events = [message.get("event") for message in page.seen]
    assert events.index("progress") < len(events)
    cues = [message["cue"] for message in page.seen if message.get("event") == "cue"]
    assert cues == ["insert-pass", "remove-pass", "insert-blank"]
    prompts = [message["what"] for message in page.seen if message.get("event") == "prompting"]
    assert prompts == ["consent", "pin", "new-pin", "puk"]
    assert desk.person.asked == [(desk.origin, what) for what in ("grant-access", "pin", "new-pin", "show-puk")]


def test_aut_1_the_origin_that_is_signed_is_that_of_the_connection(desk: AgentWorld) -> None:
    with desk.page() as page:
        created(desk, page)
        nonce = desk.world.log_in.challenge("browser")
        done = Hands(desk.world, page, desk.world.worker_pass).drive(page.start("log-in", nonce=nonce))
    assert desk.person.asked[-2:] == [(desk.origin, "log-in"), (desk.origin, "pin")]
    assert dict(desk.person.questions[-1].facts) == {"origin": desk.origin}
    who = desk.world.log_in.verify(json.dumps(done["result"]["token"]), binding="browser")
    assert who.ura == PRACTICE.ura


def test_aut_1_who_does_not_want_to_log_in_there_signs_nothing(desk: AgentWorld) -> None:
    desk.person.declines.add("log-in")
    with desk.page() as page:
        desk.world.reader.insert(desk.world.worker_pass)
        failed = Hands(desk.world, page, desk.world.worker_pass).drive(page.start("log-in", nonce="n" * 44))
    assert (failed["type"], failed["error"]["code"]) == ("failed", "user.declined")
    assert ("pin" not in dict(desk.person.asked).values()) and "nothing was signed" in failed["error"]["message"]


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a camera reads on the page; that the picture says it is proven elsewhere."""
    texts: list[str] = []
    made = steps.qr_svg
    monkeypatch.setattr(steps, "qr_svg", lambda text: (texts.append(text), made(text))[1])
    return texts


def linking(desk: AgentWorld, page: Page, scanned: list[str], typed: list[str]) -> dict[str, Any]:
    """Register an administrator, whose phone scans what the page shows; ``typed`` goes before the phone's own code."""
    phone = desk.world.phone()

    def scan(told: dict[str, Any]) -> None:
        assert len(json.dumps(told)) < 65_536
        phone.set_digits(Secret.of(b"202611"))
        phone.scan(scanned[-1])
        typed.append(phone.link())

    def type_code(told: dict[str, Any]) -> None:
        assert told["facts"] == []
        page.answer(told, typed.pop(0))
        hands.on["compare-code"] = type_code

    hands = desk.doctor(page, on={"phone": scan, "compare-code": type_code})
    desk.world.approve()
    return hands.drive(page.start("register", ura=PRACTICE.ura))


def test_org_6_a_page_registers_an_administrator_whose_phone_scans_what_it_shows(
    empty: AgentWorld, scanned: list[str]
) -> None:
    with empty.page() as page:
        done = linking(empty, page, scanned, ["000 000"])
    assert done["type"] == "done", done
    assert done["result"]["ura"] == PRACTICE.ura
    assert DOCTOR.surname.casefold() in done["result"]["user_name"].casefold()
    assert [told["error"]["code"] for told in page.seen if told.get("event") == "refused"] == ["user.usage"]
    asked = [what for _, what in empty.person.asked]
    assert asked == ["grant-access", "pin", "consent-administrator", "pin"]


def test_org_6_who_types_other_codes_links_no_phone(empty: AgentWorld, scanned: list[str]) -> None:
    with empty.page() as page:
        failed = linking(empty, page, scanned, ["000000", "", "999999"])
    assert (failed["type"], failed["error"]["code"]) == ("failed", "user.declined")
    with empty.world.registry.begin() as unit:
        assert [phone.state for phone in unit.find(MobileID)] == ["offered"]


def test_pin_2_a_page_begins_a_change_and_learns_the_tries(desk: AgentWorld) -> None:
    with desk.page() as page:
        created(desk, page)
        desk.person.new = (b"271845", b"271845")
        hands = Hands(desk.world, page, desk.world.worker_pass)
        done = hands.drive(page.start("pin-change"))
        assert done["result"]["pin"]["left"] == 3
        with pytest.raises(WrongPINError):
            desk.world.card().verify_pin(Secret.of(CARD_PIN))
        status = hands.drive(page.start("pin-status"))
    assert status["result"]["kind"] == "zorgid"
    assert status["result"]["pin"] == {"state": "known", "left": 2}
    assert WORKER.surname not in json.dumps(status)
