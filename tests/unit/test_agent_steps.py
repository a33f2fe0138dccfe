"""The agent does what a page may have done, whole: over a real WebSocket, to a real TLS portal, with simulated cards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from world import CARD_PIN, DOCTOR, PRACTICE, WORKER, World
from zorgid_card.errors import WrongPINError
from zorgid_card.secret import Secret

pytest.importorskip("websockets")
from agent_world import PATIENCE, AgentWorld, Hands, Page, Portal, agent_at, portal_world, served
from zorgid_card.agent import steps
from zorgid_card.ports.registry import IssuedCertificate, MobileID, SmartCard
from zorgid_card.testkit.reader import SimulatedReader

Beside = tuple[World, Portal]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    with portal_world(tmp_path_factory.mktemp("portal")) as made:
        yield made


@pytest.fixture
def desk(portal: Beside, tmp_path: Path) -> Iterator[AgentWorld]:
    with agent_at(*portal, tmp_path) as made:
        yield made


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[AgentWorld]:
    """At a portal that knows no organisation."""
    world = World(tmp_path)
    with served(world, tmp_path) as portal, agent_at(world, portal, tmp_path) as made:
        yield made


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
    assert "nothing was signed" in failed["error"]["message"]
    assert desk.person.asked == [(desk.origin, "log-in")]


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
    assert asked == ["grant-access", "pin", "consent-administrator"]


def test_org_6_who_types_other_codes_links_no_phone(empty: AgentWorld, scanned: list[str]) -> None:
    with empty.page() as page:
        failed = linking(empty, page, scanned, ["000000", "", "999999"])
    assert (failed["type"], failed["error"]["code"]) == ("failed", "user.declined")
    with empty.world.registry.begin() as unit:
        assert [phone.state for phone in unit.find(MobileID)] == ["linking"]


def test_pin_2_a_page_begins_a_change_and_learns_the_tries(desk: AgentWorld) -> None:
    with desk.page() as page:
        created(desk, page)
        desk.person.new = [(b"271845", b"271845")]
        hands = Hands(desk.world, page, desk.world.worker_pass)
        done = hands.drive(page.start("pin-change"))
        assert done["result"]["pin"]["left"] == 3
        with pytest.raises(WrongPINError):
            desk.world.card().verify_pin(Secret.of(CARD_PIN))
        status = hands.drive(page.start("pin-status"))
    assert status["result"]["kind"] == "zorgid"
    assert status["result"]["pin"] == {"state": "known", "left": 2}
    assert WORKER.surname not in json.dumps(status)


def test_pin_3_a_page_begins_an_unblocking_and_never_sees_the_puk(desk: AgentWorld) -> None:
    with desk.page() as page:
        created(desk, page)
        hands = Hands(desk.world, page, desk.world.worker_pass)
        desk.person.card_pin = b"900001"
        failed = [hands.drive(page.start("pin-change"))["error"] for _ in range(2)]
        assert [(error["code"], error["details"]["tries_left"]) for error in failed] == [
            ("user.wrong_pin", 2),
            ("user.wrong_pin", 1),
        ]
        desk.person.new = [(b"271845", b"271845")]
        done = hands.drive(page.start("pin-unblock"))
        assert done["result"]["pin"] == {"state": "known", "left": 3}
        puk = desk.person.puk
        assert hands.drive(page.start("puk-change"))["type"] == "done"
    assert desk.person.puk not in (puk, b"")
    assert not any(code.decode() in json.dumps(page.seen) for code in (puk, desk.person.puk))


def test_crd_6_two_pins_that_differ_are_refused_and_asked_again(desk: AgentWorld) -> None:
    desk.person.new = [(b"271845", b"271846"), (CARD_PIN, CARD_PIN)]
    with desk.page() as page:
        created(desk, page)
    refused = [told["error"]["code"] for told in page.seen if told.get("event") == "refused"]
    assert refused == ["user.pin_mismatch"] == [error.code for error in desk.person.errors]


def test_crd_8_a_card_that_is_pulled_is_put_in_again_on_the_page_s_word(desk: AgentWorld) -> None:
    def pull(_: dict[str, Any]) -> None:
        desk.world.reader.remove()

    with desk.page() as page:
        done = desk.worker(page, on={"progress": pull}).drive(page.start("create"))
    assert done["type"] == "done", done
    events = [told.get("code") or told.get("cue") for told in page.seen if told.get("event") in ("question", "cue")]
    assert events[-2:] == ["insert-again", "insert-again"]


def test_crd_5_another_card_is_told_of_and_the_wanted_one_waited_for(desk: AgentWorld) -> None:
    def wrong(_: dict[str, Any]) -> None:
        desk.world.reader.insert(desk.world.maker.blank())

    def right(told: dict[str, Any]) -> None:
        kinds.append(told["kind"])
        desk.world.reader.remove()
        desk.world.reader.insert(desk.world.worker_pass)

    kinds: list[str] = []
    with desk.page() as page:
        hands = desk.worker(page, on={"insert-pass": wrong, "other-card": right})
        assert hands.drive(page.start("create"))["type"] == "done"
    assert kinds == ["blank"]


def test_crd_5_the_pass_put_back_in_the_place_of_the_blank_is_told_of(desk: AgentWorld) -> None:
    def put_back(_: dict[str, Any]) -> None:
        desk.world.reader.insert(desk.world.worker_pass)

    def swap(told: dict[str, Any]) -> None:
        kinds.append(told["kind"])
        desk.world.reader.remove()
        assert hands.blank is not None
        desk.world.reader.insert(hands.blank)

    kinds: list[str] = []
    with desk.page() as page:
        hands = desk.worker(page, on={"insert-blank": put_back, "other-card": swap})
        assert hands.drive(page.start("create"))["type"] == "done"
    assert kinds == ["uzi-pass"]


def test_a_card_is_renewed_and_keeps_its_codes(desk: AgentWorld) -> None:
    with desk.page() as page:
        result = created(desk, page)
        card = desk.world.reader.remove()
        done = desk.worker(page, card).drive(page.start("renew"))
    assert done["result"] == {**result, "made_anew": False}
    desk.world.card().verify_pin(Secret.of(CARD_PIN))


def test_adm_4_the_card_that_is_replaced_is_revoked(desk: AgentWorld) -> None:
    with desk.page() as page:
        lost = created(desk, page)["serial"]
        desk.world.reader.remove()
        done = desk.worker(page).drive(page.start("create", replaces={"cause": "lost", "serial": lost}))
    assert done["type"] == "done", done
    with desk.world.registry.begin() as unit:
        states = {card.serial: card.state for card in unit.find(SmartCard)}
    assert (states[lost], states[done["result"]["serial"]]) == ("revoked", "active")


# --- what stands in the way -------------------------------------------------------------------------------------------


def refusal(desk: AgentWorld, step: str = "create", **given: Any) -> dict[str, Any]:
    with desk.page() as page:
        failed = desk.worker(page).drive(page.start(step, **given))
    assert failed["type"] == "failed", failed
    error: dict[str, Any] = failed["error"]
    return error


def test_crd_2_a_portal_s_refusal_is_told_in_the_page_s_language(empty: AgentWorld) -> None:
    error = refusal(empty)
    assert (error["code"], error["retryable"]) == ("portal.organisation_unknown", False)
    assert "organisation" in error["message"]


def test_crd_14_an_agent_that_is_too_old_is_refused_before_anything_starts(empty: AgentWorld) -> None:
    world = empty.world
    world.services = replace(world.services, policy=replace(world.services.policy, minimum_client="99.0"))
    world.portal = world._portal()
    assert refusal(empty)["code"] == "portal.client_too_old"
    assert empty.person.asked == []
    assert world.reader.card is None


def test_no_reader_is_said(portal: Beside, tmp_path: Path) -> None:
    with agent_at(*portal, tmp_path, readers=lambda: ()) as desk:
        assert refusal(desk)["code"] == "reader.none"
        with desk.page() as page:
            assert Hands(desk.world, page, desk.world.worker_pass).drive(page.start("readers"))["result"] == {
                "readers": []
            }


def test_a_reader_of_no_such_name_is_said(desk: AgentWorld) -> None:
    assert refusal(desk, reader="Nobody's")["code"] == "reader.none"


def test_another_program_in_the_way_is_said(desk: AgentWorld) -> None:
    desk.world.reader.insert(desk.world.worker_pass)
    channel = desk.world.reader.connect(exclusive=True)
    try:
        assert refusal(desk)["code"] == "reader.busy"
    finally:
        channel.close()


def test_a_wrong_pin_is_said_with_the_tries_that_are_left(desk: AgentWorld) -> None:
    desk.person.pass_pin = b"900001"
    error = refusal(desk)
    assert (error["code"], error["details"]["tries_left"]) == ("user.wrong_pin", 2)


def test_a_portal_that_is_away_is_said(desk: AgentWorld) -> None:
    desk.portal.away = True
    assert refusal(desk)["code"] == "portal.unreachable"


# --- readers ----------------------------------------------------------------------------------------------------------


def test_readers_are_told_with_what_is_in_them(desk: AgentWorld) -> None:
    desk.world.reader.insert(desk.world.worker_pass)
    with desk.page() as page:
        done = Hands(desk.world, page, desk.world.worker_pass).drive(page.start("readers"))
    assert done["result"]["readers"] == [{"name": desk.world.reader.name, "card": True, "kind": "uzi-pass"}]
    assert desk.person.asked == []


def test_of_several_readers_it_is_the_one_where_the_pass_is_put(portal: Beside, tmp_path: Path) -> None:
    first, second = SimulatedReader("First"), SimulatedReader("Second")
    with agent_at(*portal, tmp_path, readers=lambda: (first, second)) as desk, desk.page() as page:
        first.insert(desk.world.maker.blank())
        hands = Hands(desk.world, page, desk.world.worker_pass)
        hands.on["insert-card"] = lambda _: None
        hands.on["other-card"] = lambda _: second.insert(desk.world.worker_pass)
        done = hands.drive(page.start("log-in", nonce="n" * 44))
        assert done["type"] == "done", done
        assert [told["kind"] for told in page.seen if told.get("event") == "other-card"] == ["blank"]


# --- the end of a connection ------------------------------------------------------------------------------------------

POINTS = ("insert-pass", "consent", "pin", "birth-date", "insert-blank", "new-pin", "progress", "puk")


CUTS = [("closed", point) for point in POINTS]
CUTS += [("cancelled", "pin"), ("cancelled", "birth-date"), ("cancelled", "progress"), ("dropped", "puk")]


@pytest.mark.parametrize(("how", "point"), CUTS)
def test_crd_8_a_page_that_goes_away_ends_its_step_and_nothing_stays_valid(
    desk: AgentWorld, point: str, how: str
) -> None:
    before = states(desk)
    desk.person.stays = {{"consent": "grant-access", "puk": "show-puk"}.get(point, point)}
    with desk.page() as page:
        name = reach(desk, page, point)
        if how == "cancelled":
            page.say(type="cancel", id=name)
            failed = page.until("failed")
            assert failed["error"]["code"] == "user.cancelled"
        elif how == "dropped":
            page.socket.socket.close()
        else:
            page.socket.close()
    desk.idle()
    assert {state for serial, state in states(desk).items() if serial not in before} <= {"revoked"}
    desk.person.stays.clear()
    desk.person.released.clear()
    desk.world.reader.remove()
    with desk.page() as page:
        assert created(desk, page)["ura"] == PRACTICE.ura


def states(desk: AgentWorld) -> dict[str, str]:
    """Each certificate that was issued, and what becomes of it."""
    with desk.world.registry.begin() as unit:
        return {issued.serial: issued.status for issued in unit.find(IssuedCertificate)}


def reach(desk: AgentWorld, page: Page, point: str) -> str:
    """Begin a creation, and leave it where this comes."""
    hands, name = desk.worker(page), page.start("create")
    while True:
        told = page.hear()
        assert told["type"] == "event", told
        what = told.get("code") or told.get("cue") or told.get("what") or told["event"]
        if point in (what, told["event"]):
            return name
        hands.do(told)


def test_crd_8_a_finished_card_whose_commit_was_not_heard_is_finished_by_the_next_page(desk: AgentWorld) -> None:
    """The page is closed while it is asked whether to try again: the commit is kept, not taken back."""
    with desk.page() as page:
        hands = desk.worker(page)

        def away(told: dict[str, Any]) -> None:
            if told["step"] == "activate":
                return
            hands.on["progress"] = away
            if told["step"] == "puk":
                desk.portal.away = True

        def leave(_: dict[str, Any]) -> None:
            page.socket.close()
            raise EOFError

        hands.on = {"progress": away, "ask-again": leave}
        with pytest.raises(EOFError):
            hands.drive(page.start("create"))
    desk.idle()
    desk.portal.away = False
    (making,) = (making for making in desk.world.journal.unfinished() if making.commit)
    with desk.page() as page:
        name = page.start("create")
        page.until("insert-pass")
        page.say(type="cancel", id=name)
        page.until("failed")
    with desk.world.registry.begin() as unit:
        assert [card.state for card in unit.find(SmartCard) if card.serial == making.serial] == ["active"]


# --- two tabs ---------------------------------------------------------------------------------------------------------


def test_of_two_tabs_one_has_the_reader_and_the_other_is_told(desk: AgentWorld) -> None:
    with desk.page() as first, desk.page() as second:
        reach(desk, first, "birth-date")
        failed = desk.worker(second).drive(second.start("create"))
        assert failed["error"]["code"] == "reader.busy"
        assert "another window" in failed["error"]["message"]
        done = Hands(desk.world, second, desk.world.worker_pass).drive(second.start("readers"))
        assert done["result"]["readers"] == [{"name": desk.world.reader.name, "card": True}]
        first.socket.close()
        desk.idle(pages=1)
        assert created(desk, second)["ura"] == PRACTICE.ura


def test_of_two_readers_two_pages_have_one_each_and_prompts_come_one_by_one(portal: Beside, tmp_path: Path) -> None:
    first, second = SimulatedReader("First"), SimulatedReader("Second")
    several = agent_at(*portal, tmp_path, readers=lambda: (first, second))
    with several as desk, desk.page() as one, desk.page() as two:
        for reader, page in ((first, one), (second, two)):
            reader.insert(desk.world.uzi_pass(WORKER, "N"))
            page.start("log-in", nonce="n" * 44, reader=reader.name)
        assert [page.until("done")["type"] for page in (one, two)] == ["done", "done"]
        assert len(desk.person.asked) == 4
        assert desk.person.most == 1


# --- the end of the agent ---------------------------------------------------------------------------------------------


def test_crd_8_an_agent_that_is_told_to_end_leaves_nothing_half_done(portal: Beside, tmp_path: Path) -> None:
    with agent_at(*portal, tmp_path) as desk, desk.page() as page:
        before = states(desk)
        reach(desk, page, "progress")
    assert desk.agent.visits == 0
    assert {state for serial, state in states(desk).items() if serial not in before} <= {"revoked"}


def test_crd_10_an_agent_that_is_told_to_end_still_activates_a_finished_card(portal: Beside, tmp_path: Path) -> None:
    with agent_at(*portal, tmp_path) as desk, desk.page() as page:
        before, hands, name = states(desk), desk.worker(page), page.start("create")
        while (told := page.hear()).get("step") != "activate":
            hands.do(told)
        assert told["id"] == name
    assert [state for serial, state in states(desk).items() if serial not in before] == ["good"]


def test_a_card_that_is_pulled_while_the_person_decides_is_said(desk: AgentWorld) -> None:
    desk.person.stays.add("log-in")
    desk.world.reader.insert(desk.world.worker_pass)
    with desk.page() as page:
        page.start("log-in", nonce="n" * 44)
        assert desk.person.shown.acquire(timeout=PATIENCE)
        desk.world.reader.remove()
        desk.person.released.set()
        failed = page.until("failed")
    assert (failed["error"]["code"], failed["error"]["retryable"]) == ("reader.card_removed", True)
