"""The management pages: what is shown to whom, and that nothing of another organisation's is (ADM-1, ADM-5 to ADM-7, CRD-13)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from manage_pages import CARD, FOREIGN, OTHER_CARD, REASON, ManagePages, change, links, text
from portal_pages import NOW, URA, Browser
from registry_world import OTHER_URA, add_card, add_person
from zorgid_card import web, workflows
from zorgid_card.ports.registry import Person, SmartCard
from zorgid_card.texts import TEXTS
from zorgid_card.workflows import audit
from zorgid_card.workflows.audit_export import lines
from zorgid_card.workflows.management import TABLE

LISTS = ("/manage/cards", "/manage/people", "/manage/guests", "/manage/phones", "/manage/audit")
FORMS = (
    f"/manage/cards/{CARD}/block",
    f"/manage/cards/{CARD}/revoke",
    "/manage/people/bob/appoint",
    "/manage/people/bob/unlink",
    "/manage/people/carla/approve-uzi-number",
    "/manage/people/link",
    "/manage/guests/link",
    "/manage/offer",
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagePages]:
    """For tests that change nothing."""
    made = ManagePages(tmp_path_factory.mktemp("portal"))
    yield made
    made.store.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ManagePages]:
    made = ManagePages(tmp_path)
    yield made
    made.store.close()


# --- who sees what ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("anna", (200, 200, 200, 200, 200)),
        ("bob", (200, 200, 200, 403, 403)),
        ("carla", (200, 403, 403, 403, 403)),
    ],
)
def test_adm_5_each_role_sees_what_the_table_lets_it_see(shared: ManagePages, who: str, seen: tuple[int, ...]) -> None:
    browser = as_who(shared, who)
    assert tuple(browser.get(path).status_code for path in LISTS) == seen


@pytest.mark.parametrize("path", [*LISTS, *FORMS, f"/manage/cards/{CARD}", "/manage/people/bob"])
def test_who_is_not_logged_in_logs_in_first(shared: ManagePages, path: str) -> None:
    assert shared.browser().get(path).headers["location"].startswith("/log-in?next=/manage")


def as_who(world: ManagePages, who: str) -> Browser:
    if who == "ria":
        return world.operator()
    return world.as_holder(world.carla) if who == "carla" else world.as_person(getattr(world, who))


@pytest.mark.parametrize("who", ["anna", "bob", "carla", "ria"])
def test_adm_5_pages_offer_what_the_role_may_do_and_no_more(shared: ManagePages, who: str) -> None:
    browser = as_who(shared, who)
    role = {"anna": "administrator", "bob": "manager", "carla": "holder", "ria": "operator"}[who]
    offered = {link.rpartition("/")[2] for link in links(browser.get(f"/manage/cards/{CARD}")) if f"{CARD}/" in link}
    assert offered == {event for event in ("block", "revoke") if role in TABLE[f"card.{event}"]}
    if role in ("administrator", "manager"):
        page = links(browser.get("/manage/people/bob"))
        offered = {link.rpartition("/")[2] for link in page if link.startswith("/manage/people/bob/")}
        assert offered == {
            event for event in ("appoint", "unlink", "approve-uzi-number") if role in TABLE[f"person.{event}"]
        }


def test_adm_5_what_the_role_may_not_do_is_refused_and_changes_nothing(world: ManagePages) -> None:
    bob, carla = world.as_person(world.bob), world.as_holder(world.carla)
    anna = world.as_person(world.anna)
    before = world.everything()
    guest = {"uzi_number": "900000105", "card": FOREIGN, "until": "2026-12-01"}
    fields = {**token(bob), "reason": REASON, "role": "manager", "code": "A", **guest}
    for path in ("people/carla/unlink", "people/carla/appoint", "people/link", "guests/link"):
        assert bob.get(f"/manage/{path}").status_code == 403
        assert bob.post(f"/manage/{path}", fields).status_code == 403
    for path in (f"/manage/cards/{CARD}/unblock", "/manage/people/carla/unlink"):
        assert carla.post(path, {**token(carla), "reason": REASON}).status_code == 403
    assert bob.post("/manage/audit/export", token(bob)).status_code == 403
    assert world.everything() == before
    assert anna.get("/manage/audit").status_code == 200


def test_operators_see_all_cards_and_the_portals_own_log(shared: ManagePages) -> None:
    ria = shared.operator()
    assert {"/manage/cards", "/manage/audit"} <= set(links(ria.get("/operator")))
    listed = text(ria.get("/manage/cards"))
    assert CARD in listed
    assert FOREIGN in listed
    page = ria.get(f"/manage/cards/{FOREIGN}")
    assert not [link for link in links(page) if link.startswith("/manage/people")], "people are an organisation's"
    assert "Portaalbeheer ingelogd" in text(ria.get("/manage/audit"))
    assert ria.get("/manage/people").status_code == 400


def token(browser: Browser) -> dict[str, str]:
    found = re.search(r'name="csrf" content="([^"]*)"', browser.get("/").text)
    assert found is not None
    return {"csrf": found[1], "key": "k" * 20}


def test_adm_1_a_holder_sees_and_blocks_their_own_card_without_a_phone(world: ManagePages) -> None:
    carla = world.as_holder(world.carla)
    assert {f"/manage/cards/{CARD}", "/manage/offer"} <= set(links(carla.get("/me")))
    listed = text(carla.get("/manage/cards"))
    assert "Mijn kaarten" in listed
    assert CARD in listed
    assert OTHER_CARD not in listed
    for path in (f"/manage/cards/{OTHER_CARD}", f"/manage/cards/{OTHER_CARD}/block"):
        assert carla.get(path).status_code == 404
    done = carla.send(f"/manage/cards/{CARD}/block", {"reason": REASON}, action=f"/manage/cards/{CARD}/block")
    assert "is geblokkeerd" in text(done)
    assert [event.actor for event in world.events("card.block")] == ["carla"]
    gone = carla.get("/manage/cards")
    assert gone.status_code == 403, "the card that she logged in with is blocked"


# --- another organisation's -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        f"/manage/cards/{FOREIGN}",
        f"/manage/cards/{FOREIGN}/block",
        "/manage/people/frans",
        "/manage/people/eva/appoint",
        "/manage/people/eva/unlink",
        "/manage/phones/{eva}/block",
    ],
)
def test_what_is_another_organisations_is_not_found_as_what_does_not_exist(shared: ManagePages, path: str) -> None:
    phone = shared.quick_phone(shared.eva, OTHER_URA).mobile_id
    anna = shared.as_person(shared.anna)
    told = anna.get(path.format(eva=phone))
    nothing = anna.get(re.sub(f"{FOREIGN}|frans|eva|{{eva}}", "nobody", path))
    assert told.status_code == nothing.status_code == 404
    assert text(told) == text(nothing)
    assert "Frans" not in told.text
    assert "Eva" not in told.text


def test_lists_and_searches_have_nothing_of_another_organisations(shared: ManagePages) -> None:
    anna = shared.as_person(shared.anna)
    for path in (*LISTS, "/manage/cards?search=frans", f"/manage/cards?search={FOREIGN}", "/manage/people?search=eva"):
        page = anna.get(path)
        assert page.status_code == 200
        shown = text(page)
        assert FOREIGN not in shown
        assert "Frans" not in shown
        assert "Eva" not in shown


# --- lists --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagePages]:
    """120 more people with cards."""
    made = ManagePages(tmp_path_factory.mktemp("crowd"))
    with made.store.begin() as unit:
        for n in range(120):
            add_person(unit, f"holder{n:03d}", uzi_number=f"90001{n:04d}", ura=URA)
            add_card(unit, f"5{n:07d}", f"holder{n:03d}", certificate=f"cc{n:03d}", ura=URA,
                     state="suspended" if n % 3 == 0 else "active")  # fmt: skip
    yield made
    made.store.close()


def walk(browser: Browser, path: str) -> list[str]:
    """All rows of a list, page by page, by the links."""
    rows, pages = [], 0
    while path:
        page = browser.get(path)
        assert page.status_code == 200, text(page)
        rows += re.findall(r'<th scope="row">(?:<a href="[^"]*">)?([^<]*)', page.text)
        following = re.search(r'<a rel="next" href="([^"]*)"', page.text)
        path = following[1].replace("&amp;", "&") if following else ""
        pages += 1
        assert pages < 20
    return rows


def test_adm_1_all_cards_are_reached_page_by_page_each_once(crowd: ManagePages) -> None:
    anna = crowd.as_person(crowd.anna)
    rows = walk(anna, "/manage/cards")
    assert len(rows) == len(set(rows)) == 122
    blocked = walk(anna, "/manage/cards?state=suspended")
    assert set(blocked) == {f"5{n:07d}" for n in range(0, 120, 3)}
    assert len(walk(anna, "/manage/cards?search=holder")) == 120
    assert walk(anna, "/manage/cards?search=holder007&state=active") == ["50000007"]


def test_adm_1_no_name_is_in_the_address_of_the_next_page_and_no_other_session_opens_it(crowd: ManagePages) -> None:
    anna, bob = crowd.as_person(crowd.anna), crowd.as_person(crowd.bob)
    [following] = re.findall(r'rel="next" href="([^"]*)"', anna.get("/manage/cards").text)
    assert "jansen" not in following.lower()
    assert anna.get(following).status_code == 200
    for address in (
        following[:-4] + "AAAA",
        "/manage/cards?after=%00",
        "/manage/cards?after=é",
        "/manage/cards?after=AAAA",
    ):
        told = anna.get(address)
        assert (told.status_code, "begin bij de eerste" in text(told)) == (400, True)
    assert bob.get(following).status_code == 400


def test_people_are_searched_and_paged_and_filtered_by_role(crowd: ManagePages) -> None:
    anna = crowd.as_person(crowd.anna)
    assert len(walk(anna, "/manage/people")) == 124
    assert walk(anna, "/manage/people?role=manager") == ["Bob Jansen"]
    assert walk(anna, "/manage/people?search=900010042") == ["Holder042 Jansen"]
    assert "Er is niets gevonden." in text(anna.get("/manage/people?search=nobody"))
    assert anna.get("/manage/people?role=king").status_code == 400


def test_cards_that_expire_soon_are_listed_by_themselves(world: ManagePages) -> None:
    world.clock.now = NOW + timedelta(days=990)
    anna = world.as_person(world.anna)
    shown = text(anna.get("/manage/cards?state=expiring"))
    assert "de pashouder verlengt ze zelf" in shown
    assert CARD in shown


def test_phones_are_listed_by_state_with_their_last_use(world: ManagePages) -> None:
    phone = world.quick_phone(world.bob)
    anna = world.as_person(world.anna)
    change(world, anna, f"/manage/phones/{phone.mobile_id}/revoke")
    assert "Bob Jansen" not in text(anna.get("/manage/phones?state=linked"))
    shown = anna.get("/manage/phones?state=revoked")
    assert "Bob Jansen" in text(shown)
    assert f"/manage/phones/{phone.mobile_id}/" not in shown.text, "nothing is left to be done with it"
    person = text(anna.get("/manage/people/bob"))
    assert "ingetrokken" in person


# --- one thing ----------------------------------------------------------------------------------------------------------------


def test_adm_1_a_card_has_its_states_dates_and_history(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    change(world, anna, f"/manage/cards/{CARD}/block")
    change(world, anna, f"/manage/cards/{CARD}/unblock")
    change(world, anna, f"/manage/cards/{CARD}/revoke", {"cause": "keyCompromise"})
    page = anna.get(f"/manage/cards/{CARD}")
    shown = text(page)
    for part in ("Carla Jansen", "900000102", "ingetrokken", "Geldig tot 29-07-2029", "Laatst gebruikt nooit"):
        assert part in shown
    history = shown.partition("Geschiedenis")[2]
    places = [history.index(part) for part in ("Kaart ingetrokken", "Kaart gedeblokkeerd", "Kaart geblokkeerd")]
    assert places == sorted(places), "the newest first"
    assert "Anna Jansen kaart kwijt; gestolen, of in andere handen" in history


def test_a_card_that_another_organisation_links_too_shows_each_its_own_history(world: ManagePages) -> None:
    with world.store.begin() as unit:
        made = unit.get(SmartCard, FOREIGN)
    world.portal.management.acting_as("anna", URA).link_guest("900000105", FOREIGN, NOW + timedelta(days=3), "valt in")
    eva = world.as_person(world.eva, OTHER_URA)
    change(world, eva, f"/manage/cards/{made.serial}/block", {"reason": "intern"}, by="eva")
    shown = text(world.as_person(world.anna).get(f"/manage/cards/{FOREIGN}"))
    assert "Kaart geblokkeerd" not in shown
    assert "Als gast gekoppeld" in shown


def test_a_person_has_role_cards_phones_and_history(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    change(world, anna, "/manage/people/bob/appoint", {"role": "administrator"})
    bob = text(anna.get("/manage/people/bob"))
    assert "Rol administrator" in bob
    assert "Rol gegeven Anna Jansen kaart kwijt; administrator" in bob.replace("  ", " ")
    carla = text(anna.get("/manage/people/carla"))
    assert CARD in carla
    assert OTHER_CARD not in carla
    assert "Telefoons" in text(anna.get("/manage/people/anna"))


# --- the audit log --------------------------------------------------------------------------------------------------------------


def test_the_audit_log_is_read_page_by_page_the_newest_first(world: ManagePages) -> None:
    with world.store.begin() as unit:
        for n in range(130):
            what = ("card.block", CARD) if n % 10 else ("person.unlink", "bob")
            audit.record(unit, NOW + timedelta(hours=n), "anna", URA, *what)
    anna = world.as_person(world.anna)
    numbers = [int(row) for row in walk(anna, "/manage/audit")]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) >= 130
    assert len(walk(anna, "/manage/audit?thing=person")) == 13
    days = walk(anna, "/manage/audit?since=2026-11-24&until=2026-11-24")
    assert len(days) == 24, "a day, as the clock in Amsterdam has it"
    assert anna.get("/manage/audit?since=gisteren").status_code == 400
    assert anna.get("/manage/audit?after=x").status_code == 400


def test_the_audit_log_is_exported_with_the_names_of_nen_7513_and_that_is_recorded(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    change(world, anna, f"/manage/cards/{CARD}/block")
    sent = anna.send("/manage/audit", {"since": "", "until": ""}, action="/manage/audit/export")
    assert sent.status_code == 200
    assert sent.headers["content-disposition"] == f'attachment; filename="zorgid-audit-{URA}-2026-11-23.jsonl"'
    told = [json.loads(line) for line in sent.text.splitlines()]
    assert sent.text.splitlines() == list(lines(world.store, source="portal.example", ura=URA))
    assert {one["AuditEnterpriseSiteID"] for one in told} == {URA}
    [block] = [one for one in told if one["EventID"] == "card.block"]
    assert (block["UserID"], block["ParticipantObjectID"], block["zorgid"]["reason"]) == ("anna", CARD, REASON)
    assert told[-1]["EventID"] == "audit.export"
    assert "Logboek gedownload" in text(anna.get("/manage/audit"))
    nothing = anna.send("/manage/audit", {"since": "2030-01-01", "until": ""}, action="/manage/audit/export")
    assert (nothing.status_code, nothing.text) == (200, "")
    wrong = anna.send("/manage/audit", {"since": "x", "until": ""}, action="/manage/audit/export")
    assert wrong.status_code == 400


def test_what_was_erased_is_told_as_erased(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    change(world, anna, "/manage/people/bob/unlink")
    [event] = world.events("person.unlink")
    with world.store.begin() as unit:
        unit.replace(audit.blank(event, ["actor", "subject", "reason", "detail"]))
    assert "(gewist)" in text(anna.get("/manage/audit?thing=person"))


# --- pages as pages -----------------------------------------------------------------------------------------------------------


class Structure(HTMLParser):
    """What a screen reader goes by."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.labels: set[str] = set()
        self.fields: set[str] = set()
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "label":
            self.labels.add(given.get("for", ""))
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            self.fields.add(given.get("id", ""))
        if tag == "th" and given.get("scope") not in ("row", "col"):
            self.wrong.append("th without scope")
        if tag == "table":
            self.open.append("table")
        if tag == "caption" and self.open:
            self.open.pop()
        if "style" in given or any(name.startswith("on") for name in given):
            self.wrong.append("inline, which the policy forbids")

    def check(self) -> None:
        assert self.wrong == []
        assert self.open == [], "a table without a caption"
        assert len(self.ids) == len(set(self.ids))
        assert self.fields <= self.labels
        assert self.headings[0] == 1
        assert self.headings.count(1) == 1
        assert all(after <= before + 1 for before, after in zip(self.headings, self.headings[1:], strict=False))


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_page_has_one_heading_labels_captions_and_scopes_in_both_languages(
    world: ManagePages, language: str
) -> None:
    anna = world.as_person(world.anna)
    change(world, anna, f"/manage/cards/{OTHER_CARD}/block")
    anna.get(f"/language/{language}")
    for path in (*LISTS, *FORMS, f"/manage/cards/{OTHER_CARD}", "/manage/people/bob", "/manage/cards?state=expiring"):
        page = anna.get(path)
        assert page.status_code == 200, path
        assert f'<html lang="{language}">' in page.text
        Structure(page.text).check()


HOSTILE = '<script>alert("1")</script>'


def test_what_people_are_called_and_write_is_text_and_no_markup(world: ManagePages) -> None:
    with world.store.begin() as unit:
        unit.replace(
            Person(id="carla", user_name="carla.900000102", given_names=HOSTILE, surname="'\"&", birth_date=world.carla.birth_date,
                   uzi_number="900000102", role_code="00.000")
        )  # fmt: skip
    anna = world.as_person(world.anna)
    path = f"/manage/cards/{CARD}/block"
    done = change(world, anna, path, {"reason": HOSTILE})
    for page in (done, *(anna.get(p) for p in (*LISTS, path, f"/manage/cards/{CARD}", "/manage/people/carla"))):
        assert "<script>alert" not in page.text
    assert HOSTILE in text(anna.get("/manage/audit"))


@pytest.mark.parametrize(
    "query", ["search=%00", "search=" + "x" * 3000, "state=nothing", "search=%ff%fe", "after=", "search=&state=", "x=1"]
)
def test_whatever_is_asked_of_a_list_is_answered(shared: ManagePages, query: str) -> None:
    anna = shared.as_person(shared.anna)
    for path in LISTS:
        assert anna.get(f"{path}?{query}").status_code in (200, 400)


@pytest.mark.parametrize(
    "path",
    [
        "/manage/cards/%00",
        "/manage/cards/%2e%2e",
        "/manage/people/%ff",
        "/manage/phones/x/block",
        f"/manage/cards/{CARD}/explode",
        "/manage/changes/%00",
        "/manage/cards/" + "9" * 3000,
    ],
)
def test_addresses_that_name_nothing_are_not_found(shared: ManagePages, path: str) -> None:
    assert shared.as_person(shared.anna).get(path).status_code in (400, 404)


# --- texts ----------------------------------------------------------------------------------------------------------------------


def test_every_sentence_that_the_pages_use_is_there_and_every_one_that_is_there_is_used() -> None:
    root = Path(str(web.__file__)).parent
    sources = [path.read_text() for path in (*root.rglob("*.py"), *(root / "templates" / "manage").glob("*.html"))]
    said = "\n".join(sources)
    used = set(re.findall(r'"(web\.manage\.[a-z0-9_.-]*[a-z0-9_])"', said))
    assert used - TEXTS.keys() == set()
    begun = (*re.findall(r'"(web\.manage\.[a-z_.]*\.)"', said), "web.manage.detail.")
    unused = {key for key in TEXTS if key.startswith("web.manage.") and key not in used and not key.startswith(begun)}
    assert unused == set()


def test_everything_that_is_recorded_has_words() -> None:
    root = Path(str(workflows.__file__)).parent
    sources = "\n".join(path.read_text() for path in root.rglob("*.py"))
    recorded = set(re.findall(r'(?:record|audited)\([^"]*"([a-z]+\.[a-z-]+)"', sources))
    recorded |= {action for action in TABLE if not action.endswith((".list", ".show", ".identify"))}
    recorded |= {f"request.{event}" for event in ("approve", "reject")}
    assert len(recorded) > 35
    assert {f"web.event.{action}" for action in recorded} - TEXTS.keys() == set()
