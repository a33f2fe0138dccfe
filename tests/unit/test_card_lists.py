"""Lists of cards: the same on SQLite and PostgreSQL, a page after another, whatever is searched for, and always from an index."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_world import NOW, OTHER_URA, URA, add_card, add_organisation, add_person
from zorgid_card.adapters import sql_search
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import UsageError
from zorgid_card.ports.registry import CardLink, FoundCard, Person, SmartCard, Unit

PEOPLE = {
    "jan": ("Jan", "de Vries"),
    "zoe": ("Zoë", "el Amrani"),
    "anne": ("Anne-Marie", "Jansen"),
    "jan2": ("Jan Willem", "Janssen"),
    "soren": ("Søren", "Straße"),
}


def person(unit: Unit, name: str, given_names: str, surname: str, uzi_number: str) -> Person:
    made = replace(
        add_person(unit, name, uzi_number=uzi_number),
        given_names=given_names,
        surname=surname,
        user_name=f"{name}.{uzi_number}",
    )
    unit.replace(made)
    return made


def fill(unit: Unit) -> None:
    for number, (name, (given_names, surname)) in enumerate(PEOPLE.items(), start=1):
        person(unit, name, given_names, surname, f"90000{number:04d}")
        add_card(
            unit, f"S-{number:03d}", name, certificate=f"c{number}", state="suspended" if number == 2 else "active"
        )


def serials(found: list[FoundCard]) -> list[str]:
    return [card.card.serial for card in found]


def searched(registry: SQLRegistry, search: str, ura: str | None = URA, **more: Any) -> list[str]:
    with registry.begin() as unit:
        return serials(unit.cards(ura, at=NOW, search=search, **more))


def test_adm_1_cards_are_listed_by_their_holders_names(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        fill(unit)
        found = unit.cards(URA, at=NOW)
    assert [card.person.surname for card in found] == ["de Vries", "el Amrani", "Jansen", "Janssen", "Straße"]
    assert found[0].link == CardLink(id=f"l-S-001-{URA}", card_serial="S-001", ura=URA, until=None)
    assert found[0].not_after == NOW + timedelta(days=1000)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("vries", ["S-001"]),
        ("JAN", ["S-001", "S-004", "S-003"]),  # the whole word first; S-004 has it twice
        ("jan wil", ["S-004"]),
        ("de vries, jan", ["S-001"]),
        ("vries jans", []),
        ("zoe", ["S-002"]),
        ("zoë el", ["S-002"]),
        ("marie", ["S-003"]),
        ("ansen", []),  # no word begins so
        ("soren strasse", ["S-005"]),
        ("900000004", ["S-004"]),
        ("90000", ["S-001", "S-002", "S-003", "S-004", "S-005"]),
        ("jan2.900000004", ["S-004"]),
        ("s-003", ["S-003"]),
        ("003", ["S-003"]),
        ("%", []),
        ("_", []),
        ("  ", ["S-001", "S-002", "S-003", "S-004", "S-005"]),
        ("x" * 1000, []),
        (" ".join(["jan"] * 100), ["S-001", "S-004", "S-003"]),
    ],
)
def test_adm_1_each_word_searched_for_begins_a_word_of_the_card(
    registry: SQLRegistry, search: str, found: list[str]
) -> None:
    with registry.begin() as unit:
        fill(unit)
    assert searched(registry, search) == found
    assert searched(registry, search, None) == found
    assert searched(registry, search, OTHER_URA) == []


def test_adm_1_a_state_is_a_filter_of_list_and_search(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        fill(unit)
    assert searched(registry, "", state="suspended") == ["S-002"]
    assert searched(registry, "amrani", state="suspended") == ["S-002"]
    assert searched(registry, "amrani", state="active") == []
    with registry.begin() as unit:
        unit.replace(replace(unit.get(SmartCard, "S-002"), state="active"))
        assert unit.cards(URA, at=NOW, state="suspended") == []  # in the same transaction already
    assert searched(registry, "amrani", state="active") == ["S-002"]


def test_crd_13_a_guest_is_listed_as_long_as_the_link_lasts(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        fill(unit)
        add_organisation(unit, OTHER_URA)
        until = NOW + timedelta(days=1)
        unit.add(CardLink(id="guest", card_serial="S-001", ura=OTHER_URA, until=until))
        assert serials(unit.cards(OTHER_URA, at=NOW)) == ["S-001"]
        assert serials(unit.cards(OTHER_URA, at=until)) == []
        unit.remove(unit.get(CardLink, "guest"))
        assert unit.cards(OTHER_URA, at=NOW, search="jan") == []
        assert serials(unit.cards(None, at=NOW, search="vries")) == ["S-001"]


def test_a_new_name_is_found_and_the_old_one_is_not(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        fill(unit)
    with registry.begin() as unit:
        unit.replace(replace(unit.get(Person, "jan"), surname="Bakker"))
    assert searched(registry, "bakker") == ["S-001"]
    assert searched(registry, "vries") == []
    with registry.begin() as unit:
        unit.remove(unit.get(SmartCard, "S-001"))
    assert searched(registry, "bakker") == []
    assert "S-001" not in searched(registry, "", None)


def test_pages_follow_each_other_though_cards_come_and_go(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        for number in range(40):
            person(unit, f"p{number}", "Jan", f"Jansen{number % 5}", f"{number:09d}")
            add_card(unit, f"{number:04d}", f"p{number}", certificate=f"c{number}")
    for search in ("", "jan", "jansen jan"):
        seen: list[str] = []
        after = ""
        while True:
            with registry.begin() as unit:
                page = unit.cards(URA, at=NOW, search=search, after=after, limit=7)
            if not page:
                break
            seen += serials(page)
            after = page[-1].mark
        assert len(seen) == len(set(seen)) == 40, search
    with registry.begin() as unit:
        first = unit.cards(URA, at=NOW, limit=7)
        unit.remove(first[-1].card)  # the card at the page's end has gone: the list goes on behind its place
        assert serials(unit.cards(URA, at=NOW, after=first[-1].mark, limit=1)) == ["0035"]


def test_crd_13_a_page_is_full_though_the_links_of_many_have_ended(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        for number in range(40):
            until = None if number % 8 == 7 else NOW
            person(unit, f"p{number}", "Jan", "Jansen", f"{number:09d}")
            add_card(unit, f"{number:04d}", f"p{number}", certificate=f"c{number}", until=until)
        for search in ("", "jan"):
            assert serials(unit.cards(URA, at=NOW, search=search, limit=3)) == ["0007", "0015", "0023"]
            after = unit.cards(URA, at=NOW, search=search, limit=3)[-1].mark
            assert serials(unit.cards(URA, at=NOW, search=search, after=after, limit=3)) == ["0031", "0039"]


def test_what_is_written_back_as_it_was_costs_the_words_nothing(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        fill(unit)
    statements: list[str] = []
    sa.event.listen(registry.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    with registry.begin() as unit:
        unit.replace(replace(unit.get(SmartCard, "S-001"), last_used_at=NOW))
    assert not [statement for statement in statements if "zorgid_card_word" in statement]
    with registry.begin() as unit:
        card = unit.get(SmartCard, "S-001")
        unit.replace(replace(card, state="revoked"))
        unit.replace(card)  # back again, without a look
        link = unit.get(CardLink, f"l-S-001-{URA}")
        unit.replace(replace(link, card_serial="S-002"))
    assert searched(registry, "vries", state="active") == []
    assert searched(registry, "vries", None, state="active") == ["S-001"]


@pytest.mark.parametrize("bad", [{"limit": 0}, {"limit": 501}, {"after": "x"}, {"after": "1:z"}, {"after": "1:jan\0"}])
def test_what_cannot_be_a_page_is_refused(registry: SQLRegistry, bad: dict[str, Any]) -> None:
    with registry.begin() as unit, pytest.raises(UsageError):
        unit.cards(URA, at=NOW, search="jan", **bad)


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_every_text_is_split_into_words_that_are_split_no_further(text: str) -> None:
    words = sql_search.split(text)
    assert all(sql_search.split(word) == [word] for word in words)
    assert all(0 < len(word) <= 64 for word in words)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"], ids=["nul", "nul inside", "half a pair"])
def test_text_that_one_database_could_not_keep_is_refused_by_both(registry: SQLRegistry, text: str) -> None:
    with registry.begin() as unit:
        fill(unit)
        with pytest.raises(UsageError):
            unit.get(Person, text)
        with pytest.raises(UsageError):
            person(unit, "x", text, "Jansen", "1")
        assert unit.cards(URA, at=NOW, search=text + "zzz") == []
        assert len(unit.cards(URA, at=NOW)) == 5  # the transaction goes on


def plan(registry: SQLRegistry, **asked: Any) -> str:
    """How the database would find a page."""
    asked = {"ura": URA, "search": "", "state": None, "after": "", **asked}
    page = sql_search.page_of(limit=50, **asked)
    assert page is not None
    statement = page if registry.engine.dialect.name == "postgresql" else sql_search.shown(page, asked["ura"], NOW)
    compiled = statement.compile(registry.engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN " if registry._sqlite else "EXPLAIN "
    with registry.engine.connect() as connection:
        rows = connection.exec_driver_sql((explain + str(compiled)).replace("%", "%%")).all()
    return "\n".join(str(row[-1]) for row in rows)


def test_no_list_reads_a_whole_table_or_sorts(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        add_organisation(unit)
        for number in range(300):
            person(unit, f"p{number}", f"Jan{number % 7}", f"Vries{number % 5}", f"{number:09d}")
            state = "active" if number % 30 else "suspended"
            add_card(unit, f"{number:04d}", f"p{number}", certificate=f"c{number}", state=state)
    with registry.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
        if not registry._sqlite:
            connection.exec_driver_sql("ALTER ROLE portal SET enable_seqscan = off")  # so small a table is read whole
            connection.exec_driver_sql("ALTER ROLE portal SET enable_sort = off")
            connection.exec_driver_sql("ALTER ROLE portal SET enable_bitmapscan = off")
    registry.close()  # the next connection is told
    for ura, search, state, more in itertools.product(
        (URA, None), ("", "jan", "jan vries"), (None, "suspended"), (False, True)
    ):
        after = f"0001:{sql_search.split(search)[-1] if search else ' vries'}" if more else ""
        found = plan(registry, ura=ura, search=search, state=state, after=after)
        name = "zorgid_card_word_by_state" if state else "zorgid_card_word_by_word"
        assert name in found, found
        for slow in ("SCAN zorgid", "TEMP B-TREE", "Seq Scan", "Sort"):
            assert slow not in found, found
