"""A change on the management pages: confirmed, signed on the phone, made once, whatever the browser does (ADM-2 to ADM-7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from manage_pages import (
    CARD,
    OTHER_CARD,
    REASON,
    ManagePages,
    change,
    go_on,
    number,
    text,
    waiting,
)
from portal_pages import DIGITS, URA, approve, forms
from postgres import Server
from registry_world import OTHER_URA
from second_phone import SecondPhone
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import ZorgIDError
from zorgid_card.ports.registry import Membership, MobileID
from zorgid_card.secret import Secret
from zorgid_card.web.app import portal_app
from zorgid_card.workflows.pairing import offer
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy

BLOCK = f"/manage/cards/{CARD}/block"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ManagePages]:
    made = ManagePages(tmp_path)
    yield made
    made.store.close()


def test_adm_2_a_card_is_blocked_once_the_phone_has_signed(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    shown = text(anna.get(BLOCK))
    assert f"Blokkeren: kaart {CARD} van Carla Jansen" in shown
    assert "De kaart werkt niet meer totdat iemand haar deblokkeert" in shown
    address = waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
    assert world.card().state == "active"
    asked = world.phones["anna"].question()
    assert asked is not None
    assert (asked.action, asked.fields["subject"], asked.reason) == ("card.block", CARD, REASON)
    approve(world.phones["anna"], number(anna.get(address)))
    assert world.card().state == "active", "to load the page changes nothing"
    done = go_on(anna, address)
    assert f"Kaart {CARD} van Carla Jansen is geblokkeerd." in text(done)
    assert world.card().state == "suspended"
    [event] = world.events("card.block")
    assert (event.actor, event.reason) == ("anna", REASON)


def test_adm_2_the_second_phone_signs_what_the_page_asks(world: ManagePages) -> None:
    """A phone that shares no code with the library, written from docs/mobile-protocol.md."""
    anna = world.as_person(world.anna)
    with world.store.begin() as unit:
        made = offer(unit, world.portal.services.identity, world.anna, URA, "browser", world.clock())
    seam = world.portal.phones.seam
    phone = SecondPhone(DIGITS, carry=lambda origin, trusted, body: seam.ask(body), clock=world.clock)
    code = phone.link(made.qr_text)
    world.portal.phones.confirm(made.mobile_id, code, binding="browser")
    assert anna.get("/manage/cards").status_code == 409, "the phone that she logged in with is replaced"
    anna = world.as_linked(world.anna, made.mobile_id)
    address = waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
    _, kind, fields = phone.poll()
    assert kind == "phone-approval"
    phone.approve(kind, fields, number(anna.get(address)), DIGITS)
    assert "is geblokkeerd" in text(go_on(anna, address))


def test_adm_4_to_revoke_is_told_to_be_final_and_its_cause_is_signed(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    path = f"/manage/cards/{CARD}/revoke"
    assert "Intrekken is definitief" in text(anna.get(path))
    done = text(change(world, anna, path, {"cause": "keyCompromise"}))
    assert f"Kaart {CARD} van Carla Jansen is ingetrokken." in done
    assert "gestolen, of in andere handen" in done
    assert world.card().state == "revoked"
    assert '"cause":"keyCompromise"' in world.events("card.revoke")[0].detail
    offered = text(anna.get(f"/manage/cards/{CARD}"))
    assert "Wat u kunt doen" not in offered


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/manage/people/bob/appoint", {"role": "administrator"}, "De nieuwe rol van Bob Jansen geldt nu."),
        ("/manage/people/bob/unlink", {}, "De persoon is ontkoppeld: Bob Jansen."),
        ("/manage/people/carla/approve-uzi-number", {"uzi_number": "900000999"}, "toegestaan voor Carla Jansen"),
        ("/manage/phones/{bob}/block", {}, "De telefoon van Bob Jansen is geblokkeerd."),
        ("/manage/phones/{bob}/revoke", {}, "De telefoon van Bob Jansen is ingetrokken"),
    ],
)
def test_adm_5_to_adm_7_people_and_phones_are_changed_likewise(
    world: ManagePages, path: str, fields: dict[str, str], said: str
) -> None:
    phone = world.quick_phone(world.bob)
    anna = world.as_person(world.anna)
    path = path.format(bob=phone.mobile_id)
    assert said in text(change(world, anna, path, fields))
    action = path.removeprefix("/manage/").split("/")
    kind = {"people": "person", "phones": "phone"}[action[0]]
    assert [event.actor for event in world.events(f"{kind}.{action[2]}")] == ["anna"]


def test_a_phone_that_was_blocked_is_unblocked(world: ManagePages) -> None:
    phone = world.quick_phone(world.bob)
    anna = world.as_person(world.anna)
    change(world, anna, f"/manage/phones/{phone.mobile_id}/block")
    assert "werkt weer" in text(change(world, anna, f"/manage/phones/{phone.mobile_id}/unblock"))
    with world.store.begin() as unit:
        assert unit.get(MobileID, phone.mobile_id).state == "linked"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001, "a\nb"])
def test_without_a_reason_nothing_is_asked_of_the_phone(world: ManagePages, reason: str) -> None:
    anna = world.as_person(world.anna)
    again = anna.send(BLOCK, {"reason": reason}, action=BLOCK)
    assert again.status_code == 400
    assert "Er is een reden nodig" in text(again)
    assert 'aria-invalid="true"' in again.text
    assert world.phones["anna"].question() is None


@pytest.mark.parametrize("fields", [{"cause": "removeFromCRL"}, {"cause": ""}])
def test_what_was_entered_wrongly_is_told_beside_what_was_entered(world: ManagePages, fields: dict[str, str]) -> None:
    anna = world.as_person(world.anna)
    again = anna.send(
        f"/manage/cards/{CARD}/revoke", {"reason": "<b>weg</b>", **fields}, action=f"/manage/cards/{CARD}/revoke"
    )
    assert again.status_code == 400
    assert 'value="&lt;b&gt;weg&lt;/b&gt;"' in again.text
    assert "kies er een uit de lijst" in text(again)


@pytest.mark.parametrize("what", ["block", "revoke", "unlink"])
def test_adm_7_who_ends_their_own_session_is_told_what_was_done_before_they_are_logged_out(
    world: ManagePages, what: str
) -> None:
    with world.store.begin() as unit:
        [member] = unit.find(Membership, person_id="bob")
        unit.replace(replace(member, role="administrator"))
    anna = world.as_person(world.anna)
    path = (
        "/manage/people/anna/unlink" if what == "unlink" else f"/manage/phones/{world.phones['anna'].mobile_id}/{what}"
    )
    address = waiting(anna.send(path, {"reason": REASON}, action=path))
    shown = anna.get(address)
    approve(world.phones["anna"], number(shown))
    done = anna.post(address, forms_of(shown))
    assert (done.status_code, "Gedaan" in text(done)) == (200, True)
    assert anna.get("/manage/cards").status_code in (403, 409)
    assert anna.get("/manage/cards").headers["location"].startswith("/log-in")


# --- the phone says no ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("refuse", "Op de telefoon is geweigerd; er is niets gewijzigd."),
        ("number", "Op de telefoon is een ander getal ingevuld; er is niets gewijzigd."),
        ("digits", "Op de telefoon zijn verkeerde cijfers ingevuld; er is niets gewijzigd. Pogingen over: 4."),
        ("late", "Er is niet op tijd ondertekend; er is niets gewijzigd."),
        ("late to go on", "Er is niet op tijd ondertekend; er is niets gewijzigd."),
    ],
)
def test_adm_2_what_the_phone_did_not_sign_is_told_changes_nothing_and_can_be_asked_again(
    world: ManagePages, answer: str, said: str
) -> None:
    anna = world.as_person(world.anna)
    address = waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
    phone, shown = world.phones["anna"], number(anna.get(address))
    asked = phone.question()
    assert asked is not None
    other = f"{(int(shown) + 1) % 100:02d}"
    if answer == "refuse":
        phone.refuse(asked)
    elif answer == "number":
        assert refused(lambda: phone.approve(asked, number=other, digits=Secret.of(DIGITS)))
    elif answer == "digits":
        assert refused(lambda: phone.approve(asked, number=shown, digits=Secret.of(b"000000")))
    elif answer == "late to go on":
        phone.approve(asked, number=shown, digits=Secret.of(DIGITS))
    if answer.startswith("late"):
        world.clock.forward(minutes=2)
    told = anna.get(address)
    assert said in text(told)
    assert "data-poll" not in told.text
    assert "data-go" not in told.text, "it would load itself for ever"
    assert f'data-go="{address}"' in anna.get(address, X_Live="1").text
    assert said in text(anna.post(address, forms_of(told)) and anna.get(address))
    assert world.card().state == "active"
    again = next(form for form in forms(told.text) if form.action == BLOCK)
    second = waiting(anna.post(again.action, again.hidden))
    approve(phone, number(anna.get(second)))
    assert "is geblokkeerd" in text(go_on(anna, second))
    assert len(world.events("card.block")) == 1


def forms_of(page: object) -> dict[str, str]:
    html = getattr(page, "text", "")
    return next(form.hidden for form in forms(html) if form.action != "/log-out")


def refused(call: object) -> bool:

    try:
        call()  # type: ignore[operator]
    except ZorgIDError:
        return True
    return False


def test_adm_7_too_many_wrong_digits_block_the_phone_and_end_the_session(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    phone = world.phones["anna"]
    for _ in range(5):
        address = waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
        asked, shown = phone.question(), number(anna.get(address))
        assert asked is not None
        assert refused(lambda asked=asked, shown=shown: phone.approve(asked, number=shown, digits=Secret.of(b"000000")))
    assert anna.get(address).status_code == 409
    assert anna.get("/manage/cards").headers["location"].startswith("/log-in"), "logged out"
    assert world.card().state == "active"


# --- the browser -----------------------------------------------------------------------------------------------------------


def test_adm_2_the_form_sent_twice_and_again_from_the_button_back_is_done_once(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    form = next(form for form in forms(anna.get(BLOCK).text) if form.action == BLOCK)
    first = waiting(anna.post(BLOCK, {**form.hidden, "reason": REASON}))
    second = waiting(anna.post(BLOCK, {**form.hidden, "reason": REASON}))
    assert "intussen iets anders" in text(anna.get(first))
    approve(world.phones["anna"], number(anna.get(second)))
    done = go_on(anna, second)
    for _ in range(2):
        assert "is geblokkeerd" in text(anna.post(BLOCK, {**form.hidden, "reason": REASON})), "the answer that it got"
    for address in (second, second):
        assert text(anna.get(address)) == text(done)
        assert anna.post(address, {**form.hidden}).status_code == 303
    assert len(world.events("card.block")) == 1
    assert world.phones["anna"].question() is None


def test_adm_2_the_button_pressed_twice_makes_the_change_once(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    address = waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
    shown = anna.get(address)
    approve(world.phones["anna"], number(shown))
    sent = forms_of(shown)
    for _ in range(3):
        assert anna.post(address, sent).status_code == 303
    assert len(world.events("card.block")) == 1


def test_adm_2_the_button_pressed_in_three_tabs_at_the_same_moment_makes_one_change(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    address = waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
    shown = anna.get(address)
    approve(world.phones["anna"], number(shown))
    tabs = [world.same(anna) for _ in range(3)]
    with ThreadPoolExecutor(len(tabs)) as pool:
        answers = list(pool.map(lambda tab: tab.post(address, forms_of(shown)), tabs))
    assert {answer.status_code for answer in answers} == {303}
    assert len(world.events("card.block")) == len(world.events("phone.sign")) == 1
    assert "is geblokkeerd" in text(tabs[0].get(address))


def test_adm_2_any_worker_on_postgresql_serves_any_step(server: Server, tmp_path: Path) -> None:
    world = ManagePages(tmp_path, registry=server.registry())
    other = SQLRegistry(world.store.engine.url, world.store.keys)
    anna = world.as_person(world.anna)
    beside = world.same(anna, portal_app(world.opened(other)))
    address = waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
    shown = beside.get(address)
    approve(world.phones["anna"], number(shown))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda tab: tab.post(address, forms_of(shown)), (anna, beside)))
    assert {answer.status_code for answer in answers} == {303}
    assert len(world.events("card.block")) == len(world.events("phone.sign")) == 1
    for tab in (anna, beside):
        assert "is geblokkeerd" in text(tab.get(address))
        assert "Kaart geblokkeerd Anna Jansen" in text(tab.get(f"/manage/cards/{CARD}"))
        assert "Kaart geblokkeerd" in text(tab.get("/manage/audit?thing=card&since=2026-11-01&until=2026-11-30"))
    for store in (other, world.store):
        store.close()


def test_adm_2_whose_phone_is_asked_too_often_waits(tmp_path: Path) -> None:
    world = ManagePages(tmp_path, phones=PhonePolicy(asks_per_name=2))
    anna = world.as_person(world.anna)
    for _ in range(2):
        waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
    told = anna.send(BLOCK, {"reason": REASON}, action=BLOCK)
    assert (told.status_code, told.headers["retry-after"]) == (429, "600")
    assert "te vaak iets aan de telefoon gevraagd" in text(told)
    world.store.close()


def test_adm_2_who_manages_with_a_card_and_has_no_phone_is_told_to_link_one(tmp_path: Path) -> None:
    world = ManagePages(tmp_path, one_means=False)
    with world.store.begin() as unit:
        [member] = unit.find(Membership, person_id="carla")
        unit.replace(replace(member, role="manager"))
    path = f"/manage/cards/{OTHER_CARD}/block"
    told = world.as_holder(world.carla).send(path, {"reason": REASON}, action=path)
    assert (told.status_code, "koppel er eerst een met uw UZI-pas" in text(told)) == (403, True)
    assert world.card(OTHER_CARD).state == "active"
    world.store.close()


def test_adm_2_two_tabs_ask_for_two_changes_and_the_later_one_is_signed(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    other = f"/manage/cards/{OTHER_CARD}/block"
    first = waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
    second = waiting(anna.send(other, {"reason": REASON}, action=other))
    assert "misschien in een ander tabblad" in text(anna.get(first))
    approve(world.phones["anna"], number(anna.get(second)))
    assert f"Kaart {OTHER_CARD}" in text(go_on(anna, second))
    assert (world.card().state, world.card(OTHER_CARD).state) == ("active", "suspended")


def test_adm_2_what_cannot_be_is_told_before_the_phone_is_asked(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    refused = anna.send(BLOCK.replace("block", "unblock"), {"reason": REASON}, action=BLOCK.replace("block", "unblock"))
    assert refused.status_code == 409
    assert "niet geblokkeerd" in text(refused)
    assert world.phones["anna"].question() is None


def test_adm_5_the_last_administrator_stays_and_no_manager_has_a_smartcard(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    path = "/manage/people/anna/appoint"
    assert "Er blijft altijd één administrator" in text(
        anna.send(path, {"reason": REASON, "role": "holder"}, action=path)
    )
    path = "/manage/people/carla/appoint"
    assert "niet allebei" in text(anna.send(path, {"reason": REASON, "role": "manager"}, action=path))
    assert world.phones["anna"].question() is None


def test_adm_2_what_another_has_changed_meanwhile_is_told(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    address = waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
    shown = anna.get(address)
    approve(world.phones["anna"], number(shown))
    world.operator().send(f"/manage/cards/{CARD}/revoke", {"reason": "gestolen", "cause": "unspecified"},
                          action=f"/manage/cards/{CARD}/revoke")  # fmt: skip
    told = anna.post(address, forms_of(shown))
    assert told.status_code == 409
    assert "ingetrokken" in text(told)
    assert world.card().state == "revoked"


@pytest.mark.parametrize("what", ["another session", "another address", "nobody"])
def test_adm_2_a_change_is_shown_to_the_session_that_asked_alone(world: ManagePages, what: str) -> None:
    anna = world.as_person(world.anna)
    address = waiting(anna.send(BLOCK, {"reason": REASON}, action=BLOCK))
    shown = number(anna.get(address))
    if what == "another address":
        address = re.sub(r"/[^/?]+\?", "/" + "A" * 43 + "?", address)
        answer = anna.get(address)
    elif what == "another session":
        answer = world.as_person(world.bob).get(address)
    else:
        answer = world.browser().get(address)
    assert answer.status_code in (404, 303)
    assert shown not in re.sub(r"<time.*?</time>", "", text(answer))


def test_a_form_of_another_site_or_without_its_token_changes_nothing(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    form = next(form for form in forms(anna.get(BLOCK).text) if form.action == BLOCK)
    fields = {**form.hidden, "reason": REASON}
    assert anna.post(BLOCK, fields, origin="https://evil.example").status_code == 403
    assert anna.post(BLOCK, fields | {"csrf": "0" * 64}).status_code == 403
    assert anna.post(BLOCK, {name: value for name, value in fields.items() if name != "key"}).status_code == 400
    assert world.phones["anna"].question() is None


def test_a_key_that_served_another_change_is_refused(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    form = next(form for form in forms(anna.get(BLOCK).text) if form.action == BLOCK)
    address = waiting(anna.post(BLOCK, {**form.hidden, "reason": REASON}))
    approve(world.phones["anna"], number(anna.get(address)))
    go_on(anna, address)
    other = anna.post(f"/manage/cards/{OTHER_CARD}/block", {**form.hidden, "reason": REASON})
    assert other.status_code == 409
    assert world.card(OTHER_CARD).state == "active"


# --- who signs nothing ------------------------------------------------------------------------------------------------------


def test_operators_sign_nothing_and_reach_all_cards(world: ManagePages) -> None:
    ria = world.operator()
    done = ria.send(BLOCK, {"reason": REASON}, action=BLOCK)
    assert f"Kaart {CARD} van Carla Jansen is geblokkeerd." in text(done)
    assert world.events("card.block")[0].actor == "Ria"


def test_a_portal_whose_managers_have_no_phones_asks_for_no_signature(tmp_path: Path) -> None:
    world = ManagePages(tmp_path, phones=PhonePolicy(signed=UNSIGNED))
    anna = world.as_person(world.anna)
    form = next(form for form in forms(anna.get(BLOCK).text) if form.action == BLOCK)
    for _ in range(2):
        assert "is geblokkeerd" in text(anna.post(BLOCK, {**form.hidden, "reason": REASON}))
    assert len(world.events("card.block")) == 1
    world.store.close()


def test_adm_3_a_card_that_others_block_too_stays_blocked_and_that_is_told(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    world.operator().send(BLOCK, {"reason": "onderzoek"}, action=BLOCK)
    assert "Ook blokkeren" in text(anna.get(f"/manage/cards/{CARD}"))
    change(world, anna, BLOCK)
    path = f"/manage/cards/{CARD}/unblock"
    assert "maar zij blijft geblokkeerd" in text(change(world, anna, path))
    again = anna.send(path, {"reason": REASON}, action=path)
    assert again.status_code == 403
    assert "alleen die kan haar deblokkeren" in text(again)


# --- linking ----------------------------------------------------------------------------------------------------------------


def test_crd_11_a_person_gives_leave_and_another_organisation_links_them(world: ManagePages) -> None:
    shown = world.as_person(world.bob).send("/manage/offer", {"ura": OTHER_URA}, action="/manage/offer")
    code = re.search(r'class="code"><strong>([A-Z2-7-]+)<', shown.text)
    assert code is not None
    eva = world.as_person(world.eva, OTHER_URA)
    wrong = eva.send(
        "/manage/people/link", {"reason": REASON, "code": "AAAA-AAAA-AAAA-AAAA"}, action="/manage/people/link"
    )
    assert (wrong.status_code, "vraag de persoon om een nieuwe" in text(wrong)) == (400, True)
    done = eva.send("/manage/people/link", {"reason": REASON, "code": code[1].lower()}, action="/manage/people/link")
    assert "De persoon is gekoppeld" in text(done)
    assert "Bob Jansen" in text(eva.get("/manage/people"))


@pytest.mark.parametrize("ura", ["", "1234", "90009999", "x" * 300])
def test_crd_11_leave_for_an_organisation_that_is_not_there_is_refused_in_the_form(
    world: ManagePages, ura: str
) -> None:
    told = world.as_person(world.bob).send("/manage/offer", {"ura": ura}, action="/manage/offer")
    assert told.status_code == 400
    assert 'aria-invalid="true"' in told.text


def test_crd_13_a_guest_is_linked_until_the_end_of_a_day_and_managed_by_their_own(world: ManagePages) -> None:
    anna = world.as_person(world.anna)
    path, fields = (
        "/manage/guests/link",
        {"uzi_number": "900000105", "card": "99999999", "until": "2026-12-31", "reason": REASON},
    )
    for bad in (
        {"until": "2026-11-22"},
        {"until": "gisteren"},
        {"until": "9999-12-31"},
        {"card": CARD},
        {"uzi_number": "1"},
    ):
        told = anna.send(path, fields | bad, action=path)
        assert told.status_code == 400, text(told)
    assert "De kaart van de gast werkt hier nu." in text(anna.send(path, fields, action=path))
    assert "Frans Jansen" in text(anna.get("/manage/guests"))
    assert "Frans Jansen" not in text(anna.get("/manage/people"))
    with world.store.begin() as unit:
        [member] = unit.find(Membership, person_id="frans", ura=URA)
    assert member.until is not None
    assert member.until.isoformat() == "2026-12-31T23:00:00+00:00", "midnight in Amsterdam"
    shown = text(anna.get("/manage/cards/99999999"))
    assert "Wat u kunt doen" not in shown
    refused = anna.send("/manage/cards/99999999/block", {"reason": REASON}, action="/manage/cards/99999999/block")
    assert (refused.status_code, "alleen de eigen organisatie" in text(refused)) == (403, True)
