"""``zorgid-card org``, ``people`` and ``cards``, on a registry in a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from management_world import CARD, FOREIGN, World
from registry_world import NOW, OTHER_URA, URA
from terminal import Terminal
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cli import app
from zorgid_card.ports.registry import AuditEvent, IssuedCertificate, Membership, SmartCard

MANAGER, ADMINISTRATOR, HOLDER = "manager0.900000100", "administrator0.900000000", "holder0.900000200"
OPERATOR = ("--operator", "Ria")


class Command:
    """The commands on one registry."""

    def __init__(self, world: World, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.world, self.url, self._capsys = world, url, capsys

    def __call__(self, *words: str, lang: str = "en") -> tuple[int, str, str]:
        code = app.run([*words, "--db", self.url, "--lang", lang, "--no-color"])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def told(self, *words: str) -> Any:
        code, out, err = self(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    def refused(self, *words: str, lang: str = "en") -> str:
        code, out, err = self(*words, lang=lang)
        assert (code in (3, 7), out) == (True, "")
        return err


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    store = SQLRegistry.file(tmp_path / "registry.db")
    store.create()
    world = World(store)
    yield Command(world, f"sqlite:///{tmp_path}/registry.db", capsys)
    store.close()


def as_(user: str, ura: str = URA) -> tuple[str, ...]:
    return ("--as", user, "--ura", ura)


# --- org --------------------------------------------------------------------------------------------------------------

FORM = ("--ura", "90000777", "--name", "Praktijk De Linde", "--contact", "J. Jansen", "--email", "j@delinde.example")


def test_org_1_a_request_is_filed_listed_shown_and_approved(command: Command) -> None:
    filed = command.told("org", "request", *FORM)
    assert (filed["state"], filed["ura"]) == ("filed", "90000777")
    code, out, _ = command("org", "list", "--requests", "--state", "filed", *OPERATOR)
    assert code == 0
    assert all(part in out for part in ("90000777", "filed"))
    assert "De Linde" in command("org", "show", filed["id"], *OPERATOR)[1]
    assert (
        command.told("org", "approve", filed["id"], "--reason", "in order", "--yes", *OPERATOR)["state"] == "approved"
    )
    shown = command.told("org", "show", "90000777", *OPERATOR)
    assert shown["organisation"]["state"] == "approved"
    assert [one["reason"] for one in shown["requests"]] == ["in order"]
    assert "decided already" in command.refused("org", "reject", filed["id"], "--reason", "no", "--yes", *OPERATOR)


def test_org_1_a_rejected_request_makes_no_organisation(command: Command) -> None:
    filed = command.told("org", "request", *FORM)
    code, out, _ = command("org", "reject", filed["id"], "--reason", "unknown there", "--yes", *OPERATOR, lang="nl")
    assert (code, "afgewezen" in out) == (0, True)
    listed = command.told("org", "list", *OPERATOR)["rows"]
    assert [one["ura"] for one in listed] == [URA, OTHER_URA]


def test_the_same_request_with_its_key_is_filed_once(command: Command) -> None:
    first = command.told("org", "request", *FORM, "--key", "k1")
    assert command.told("org", "request", *FORM, "--key", "k1") == first
    changed = ["Another" if word == "Praktijk De Linde" else word for word in FORM]
    assert "another" in command.refused("org", "request", *changed, "--key", "k1")


def test_an_organisation_is_suspended_and_resumed(command: Command) -> None:
    assert command.told("org", "suspend", "--ura", URA, "--reason", "x", "--yes", *OPERATOR)["state"] == "suspended"
    assert "geblokkeerd" in command.refused("cards", "list", *as_(MANAGER), lang="nl")
    assert command.told("org", "resume", "--ura", URA, "--reason", "x", "--yes", *OPERATOR)["state"] == "validated"


# --- cards ------------------------------------------------------------------------------------------------------------


def test_adm_1_cards_are_listed_searched_filtered_and_paged(command: Command) -> None:
    code, out, _ = command("cards", "list", *as_(MANAGER), lang="nl")
    assert (code, CARD in out, FOREIGN in out, "actief" in out) == (0, True, False, True)
    assert [
        row["card"]["serial"] for row in command.told("cards", "list", *OPERATOR, "--search", "holder1")["rows"]
    ] == [FOREIGN]
    assert command.told("cards", "list", *as_(MANAGER), "--state", "revoked")["rows"] == []
    assert "Nothing was found" in command("cards", "list", *as_(MANAGER), "--search", "nobody")[1]
    page = command.told("cards", "list", *OPERATOR, "--limit", "1")
    rest = command.told("cards", "list", *OPERATOR, "--limit", "1", "--after", page["after"])
    assert {page["rows"][0]["card"]["serial"], rest["rows"][0]["card"]["serial"]} == {CARD, FOREIGN}
    assert rest["after"] is None
    assert "birth" not in json.dumps([page, rest])


def test_adm_2_3_4_a_card_is_blocked_unblocked_and_revoked(command: Command) -> None:
    change = ("--reason", "mislaid", "--yes", *as_(MANAGER))
    assert command.told("cards", "block", CARD, *change)["state"] == "suspended"
    assert "blocked already" in command.refused("cards", "block", CARD, *change)
    assert "al geblokkeerd" in command.refused("cards", "block", CARD, *change, lang="nl")
    assert command.told("cards", "show", CARD, *as_(MANAGER))["card"]["reason"] == "mislaid"
    assert "works again" in command("cards", "unblock", CARD, *change)[1]
    revoked = command.told("cards", "revoke", CARD, "--cause", "keyCompromise", *change)
    assert revoked["state"] == "revoked"
    assert command.world.get(IssuedCertificate, "aa01").reason == "keyCompromise"
    with command.world.store.begin() as unit:
        acts = [(event.actor, event.action) for event in unit.find(AuditEvent)]
    assert acts == [("manager0", "card.block"), ("manager0", "card.unblock"), ("manager0", "card.revoke")]


def test_a_card_that_another_blocks_too_is_told_to_stay_blocked(command: Command) -> None:
    command.told("cards", "block", CARD, "--reason", "x", "--yes", *OPERATOR)
    command.told("cards", "block", CARD, "--reason", "x", "--yes", *as_(MANAGER))
    assert "stays blocked" in command("cards", "unblock", CARD, "--reason", "x", "--yes", *as_(MANAGER))[1]


def test_another_organisations_card_is_not_found(command: Command) -> None:
    for words in (("show", FOREIGN), ("block", FOREIGN, "--reason", "x", "--yes")):
        assert "not this organisation's" in command.refused("cards", *words, *as_(MANAGER))
    assert command.world.get(SmartCard, FOREIGN).state == "active"


def test_revoking_is_asked_first_and_no_is_no(command: Command) -> None:
    words = ["cards", "revoke", CARD, "--reason", "gone", "--db", command.url, "--lang", "en", *as_(HOLDER)]
    for answer, code, state in ((b"n", 3, "active"), (b"y", 0, "revoked")):
        terminal = Terminal([sys.executable, "-m", "zorgid_card.cli", *words])
        terminal.expect("for good")
        assert "Holder0 Jansen" in terminal.text
        terminal.answer(answer)
        assert terminal.end() == code
        assert command.world.get(SmartCard, CARD).state == state


def test_without_a_terminal_nothing_is_done_unasked(command: Command) -> None:
    words = ("cards", "revoke", CARD, "--reason", "gone", *as_(MANAGER))
    assert "--yes" in command.refused(*words, "--json")
    code, out, err = command(*words)
    assert (code, "terminal" in err, "--yes" in err, "Holder0 Jansen" in out) == (3, True, True, True)
    assert command.world.get(SmartCard, CARD).state == "active"


# --- people -----------------------------------------------------------------------------------------------------------


def test_adm_5_people_are_listed_shown_and_appointed(command: Command) -> None:
    assert len(command.told("people", "list", *as_(MANAGER))["rows"]) == 3
    assert "pashouder" in command("people", "show", HOLDER, *as_(HOLDER), lang="nl")[1]
    appoint = ("people", "appoint", MANAGER, "administrator", "--reason", "stands in", "--yes")
    assert "not allowed" in command.refused(*appoint, *as_(MANAGER))
    assert command.told(*appoint, *as_(ADMINISTRATOR))["role"] == "administrator"
    command.told("people", "appoint", ADMINISTRATOR, "holder", "--reason", "retires", "--yes", *as_(MANAGER))
    last = ("people", "unlink", MANAGER, "--reason", "leaves", "--yes", *as_(MANAGER))
    assert "One administrator always remains" in command.refused(*last)


def test_crd_13_a_guest_is_linked_with_their_card_for_a_time(command: Command) -> None:
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    guest = ("people", "guest", "900000200", CARD, "--until", until, "--reason", "holidays", "--yes",
             *as_("administrator1.900001000", OTHER_URA))  # fmt: skip
    assert command.told(*guest)["until"].startswith(until)
    assert "guest" in command("cards", "list", *as_("manager1.900001100", OTHER_URA))[1]
    assert "has this card in use" in command.refused(*("11111112" if word == CARD else word for word in guest))
    for end in ("2020-01-01", "2099-01-01"):
        assert "later than the policy allows" in command.refused(*(end if word == until else word for word in guest))


def test_crd_11_a_person_is_unlinked_and_linked_elsewhere_by_an_operators_code(command: Command) -> None:
    unlink = ("people", "unlink", HOLDER, "--reason", "left", "--yes", "--key", "k", *as_(ADMINISTRATOR))
    assert command.told(*unlink) == {"done": True} == command.told(*unlink)
    offered = command.told("people", "offer", HOLDER, "--to", OTHER_URA, *OPERATOR)
    theirs = as_("administrator1.900001000", OTHER_URA)
    assert (
        "Holder0 Jansen is linked" in command("people", "link", offered["code"], "--reason", "x", "--yes", *theirs)[1]
    )
    with command.world.store.begin() as unit:
        assert [member.ura for member in unit.find(Membership, person_id="holder0")] == [OTHER_URA]


def test_org_8_another_uzi_number_is_approved(command: Command) -> None:
    words = ("people", "approve-uzi", HOLDER, "900000055", "--reason", "new pass", "--yes", *as_(ADMINISTRATOR))
    assert command.told(*words)["uzi_number"] == "900000055"
    assert "allowed already" in command.refused(*words)


# --- phones -----------------------------------------------------------------------------------------------------------


def test_adm_7_a_lost_phone_is_listed_blocked_unblocked_and_revoked(command: Command) -> None:
    command.world.add_phone("AAECAwQFBgcICQoLDA0ODw", "manager0")
    change = ("--reason", "lost", "--yes", *as_(ADMINISTRATOR))
    code, out, _ = command("phone", "list", *as_(ADMINISTRATOR))
    assert (code, "Manager0 Jansen" in out, "linked" in out, f"{NOW.date()}" in out) == (0, True, True, True)
    [row] = command.told("phone", "list", *OPERATOR, "--ura", URA)["rows"]
    assert (row["id"], "verifier" in row, "public_key" in row) == ("AAECAwQFBgcICQoLDA0ODw", False, False)
    assert command.told("phone", "block", row["id"], *change)["state"] == "blocked"
    assert "al geblokkeerd" in command.refused("phone", "block", row["id"], *change, lang="nl")
    assert "works again" in command("phone", "unblock", row["id"], *change)[1]
    assert command.told("phone", "revoke", row["id"], *change)["state"] == "revoked"
    assert "list of phones" in command.refused("phone", "block", "nobodys", *change)
    assert "not this organisation's" in command.refused(
        "phone", "block", row["id"], "--reason", "x", "--yes", *OPERATOR, "--ura", OTHER_URA
    )
    assert "not allowed" in command.refused("phone", "list", *as_(MANAGER))


def test_org_1_the_number_of_a_request_can_be_copied_from_the_list(command: Command) -> None:
    filed = command.told("org", "request", *FORM)
    assert filed["id"] in command("org", "list", "--requests", *OPERATOR)[1]


# --- who acts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--operator"),
        (("--operator", "Ria", "--as", MANAGER, "--ura", URA), "--operator"),
        (("--as", MANAGER), "--ura"),
        (("--as", "nobody", "--ura", URA), "user name"),
        (("--as", MANAGER, "--ura", OTHER_URA), "not allowed"),
        (("--as", MANAGER, "--ura", "00000000"), "00000000"),
        (("--operator", " "), "operator"),
    ],
)
def test_who_acts_must_be_said(command: Command, words: tuple[str, ...], said: str) -> None:
    assert said in command.refused("cards", "list", *words)


def test_a_database_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = f"sqlite:///{tmp_path}/none.db"
    assert app.run(["cards", "list", "--db", where, *OPERATOR, "--lang", "en"]) == 8
    said = capsys.readouterr()
    assert (said.out, f"{tmp_path}/none.db" in said.err) == ("", True)
    assert not (tmp_path / "none.db").exists()
