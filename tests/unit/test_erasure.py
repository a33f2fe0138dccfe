"""A person who has left is erased, and what has been kept long enough: nothing of them is left, and the log stays verifiable."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_world import Log
from management_world import CARD, CERTIFICATE, World
from registry_world import NOW, OTHER_URA, URA, add_card, add_person
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.adapters.sql_tables import TABLES
from zorgid_card.errors import NotAllowedError, NotFoundError
from zorgid_card.ports import registry as records
from zorgid_card.ports.registry import (
    Adoption,
    AuditEvent,
    IssuedCertificate,
    Membership,
    MobileID,
    Notice,
    Person,
    Request,
    SmartCard,
    TryCount,
)
from zorgid_card.workflows import audit, organisation, outbox, people
from zorgid_card.workflows.audit import ERASE, Ranges
from zorgid_card.workflows.erasure import Erased, erase_person
from zorgid_card.workflows.housekeeping import Kept, Retention, apply, remove_expired
from zorgid_card.workflows.management import Operator

HOLDER, UZI = "holder0", "900000200"


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """A holder who has left: the card revoked, the link gone, and traces everywhere."""
    if request.param == "sqlite":
        store = SQLRegistry.file(tmp_path / "registry.db")
        store.create()
    else:
        store = request.getfixturevalue("server").registry()
    world = World(store)
    operator = world.management.acting_as(Operator(name="Ria"), URA)
    operator.block(CARD, "Holder0 Jansen lost it in the train")
    with store.begin() as unit:
        audit.record(unit, NOW, UZI, URA, "card.create", CARD, certificate=CERTIFICATE)
        audit.record(unit, NOW, "administrator0", URA, "person.approve-uzi-number", "holder1", None, was=UZI)
        audit.record(unit, NOW, "manager0", URA, "card.block", "another", f"instead of that of {UZI}")
        unit.add(TryCount(id=f"birth-date:{UZI}:2026-11-02", count=1))
    world.add_phone("m-holder", HOLDER, state="revoked")
    operator.revoke(CARD, "as asked by Mr Jansen")
    operator.unlink(HOLDER, "Mr Jansen has retired")
    return world


def events(world: World) -> list[AuditEvent]:
    with world.store.begin() as unit:
        return list(unit.find(AuditEvent))


def everything(world: World) -> str:
    """All rows of all tables, as text."""
    with world.store.engine.connect() as connection:
        return "\n".join(str(row) for table in TABLES.values() for row in connection.execute(table.select()))


def test_nothing_of_an_erased_person_is_left_and_the_log_is_whole(world: World, tmp_path: Path) -> None:
    log = Log(world.store)
    log.export()
    before = len(events(world))
    assert UZI in everything(world)
    erased = erase_person(world.store, HOLDER, "Ria", NOW)
    assert erased.events >= 6
    left = everything(world)
    for trace in (HOLDER, UZI, "train", "Mr Jansen"):
        assert trace not in left
    assert log.verify().erased == erased.events
    assert log.verify().proven == before
    log.export()
    assert log.verify().proven == log.verify().events
    world.store.close()
    if world.store._sqlite:
        assert UZI.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("registry.db*"))


def test_org_8_nothing_is_left_of_the_numbers_that_an_erased_person_had_before(world: World) -> None:
    person = world.get(Person, HOLDER)
    with world.store.begin() as unit:
        for number in ("900066666", "900077777"):
            audit.record(
                unit, NOW, "administrator0", URA, "person.approve-uzi-number", HOLDER, "married", uzi_number=number
            )
            audit.record(unit, NOW, number, URA, "card.create", "another")
        unit.replace(dataclasses.replace(person, uzi_number="900077777"))
    erase_person(world.store, HOLDER, "Ria", NOW)
    left = everything(world)
    assert [trace for trace in (UZI, "900066666", "900077777") if trace in left] == []


def test_who_allows_a_person_their_own_number_is_not_erased_with_that_person(world: World) -> None:
    rogue = world.get(Person, "administrator0").uzi_number
    with world.store.begin() as unit:
        unit.add(Adoption(id="x", person_id=HOLDER, ura=URA, uzi_number=rogue, approved_by="administrator0", at=NOW))
        kept = audit.record(unit, NOW, rogue, URA, "card.create", "another", "for me", certificate="aa")
    erase_person(world.store, HOLDER, "Ria", NOW)
    assert world.get(AuditEvent, kept.id) == kept


def test_what_others_did_stays(world: World) -> None:
    erase_person(world.store, HOLDER, "Ria", NOW)
    found = events(world)
    block = next(event for event in found if event.action == "card.block" and event.subject == CARD)
    assert (block.actor, block.reason) == ("Ria", None)
    approval = next(event for event in found if event.action == "person.approve-uzi-number")
    assert (approval.actor, approval.subject, approval.detail) == ("administrator0", "holder1", "")
    other = next(event for event in found if event.subject == "another")
    assert (other.actor, other.reason) == ("manager0", None)
    with world.store.begin() as unit:
        assert unit.get(Person, "manager0").uzi_number == "900000100"


def test_adm_4_a_revoked_certificate_stays_on_the_list_by_its_serial_until_it_would_have_ended(world: World) -> None:
    erase_person(world.store, HOLDER, "Ria", NOW)
    issued = world.get(IssuedCertificate, CERTIFICATE)
    assert (issued.status, issued.der) == ("revoked", b"")
    with pytest.raises(NotFoundError):
        world.get(SmartCard, CARD)


def test_an_erasure_is_recorded_and_nothing_leads_back_from_it(world: World) -> None:
    erased = erase_person(world.store, HOLDER, "Ria", NOW)
    told = [event for event in events(world) if event.action in (ERASE, "person.erase")]
    assert [(event.actor, event.ura) for event in told] == [("portal", URA), ("Ria", None)]
    numbers = json.loads(told[0].detail)["fields"]
    assert set(numbers) == {"actor", "subject", "reason", "detail"}
    assert json.loads(told[1].detail) == {"records": erased.records}
    with pytest.raises(NotFoundError):
        erase_person(world.store, HOLDER, "Ria", NOW)


def test_an_erasure_that_was_cut_short_is_done_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(world.store)
    log.export()
    with monkeypatch.context() as broken:
        broken.setattr("zorgid_card.workflows.erasure._erase_records", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_person(world.store, HOLDER, "Ria", NOW)
    assert log.findings() == []
    assert erase_person(world.store, HOLDER, "Ria", NOW) == Erased(0, 4)
    assert log.findings() == []


def refused(world: World, person: str = HOLDER) -> None:
    before = everything(world)
    with pytest.raises(NotAllowedError):
        erase_person(world.store, person, "Ria", NOW)
    assert everything(world) == before


def test_adm_6_who_has_not_left_is_not_erased(world: World) -> None:
    refused(world, "manager0")
    with world.store.begin() as unit:
        unit.add(Membership(id="guest", person_id=HOLDER, ura=OTHER_URA, role="holder", until=NOW + timedelta(days=1)))
    refused(world)


def test_who_has_a_card_or_a_phone_that_works_is_not_erased(world: World) -> None:
    with world.store.begin() as unit:
        add_person(unit, "nomad", uzi_number="900000777", ura=None)
        add_card(unit, "777", "nomad", certificate="cc01", ura=None, state="suspended", status="hold")
    refused(world, "nomad")
    world.change(dataclasses.replace(world.get(MobileID, "m-holder"), state="blocked"))
    refused(world)


# --- retention --------------------------------------------------------------------------------------------------------


def kept(world: World, **later: float) -> Kept:
    return apply(world.store, Retention(), NOW + timedelta(**later))


def test_what_events_say_is_removed_after_its_time_and_the_chain_stays(world: World) -> None:
    log = Log(world.store)
    log.export()
    written = len(events(world))
    assert kept(world, days=5 * 365).events == 0
    assert kept(world, days=5 * 365 + 1).events == written
    assert [event.action for event in events(world)] == [ERASE]
    assert kept(world, days=5 * 365 + 1).events == 0
    assert log.verify().proven == written
    log.write(600)
    assert kept(world, days=4000).events == 600
    assert log.findings() == []


def test_who_filed_a_request_is_forgotten_a_year_after_its_decision(world: World) -> None:
    with world.store.begin() as unit:
        for ura in ("90000501", "90000502"):
            organisation.file_request(
                unit, ura=ura, organisation_name="x", contact_name="Kees", contact_email="k@x.example", now=NOW
            )
        decided = next(unit.find(Request, ura="90000501"))
        organisation.reject(unit, decided.id, operator="Ria", reason="no", now=NOW)
    assert kept(world, days=365).contacts == 0
    assert kept(world, days=366).contacts == 1
    with world.store.begin() as unit:
        assert [(r.ura, r.contact_name) for r in unit.find(Request)] in (
            [("90000501", ""), ("90000502", "Kees")],
            [("90000502", "Kees"), ("90000501", "")],
        )


def test_notices_go_a_month_after_they_were_sent_or_given_up(world: World) -> None:
    with world.store.begin() as unit:
        for state in (outbox.WAITING, outbox.SENT, outbox.DEAD):
            values = {"organisation": "x", "contact": "x", "ura": URA, "reason": "x"}
            made = outbox.put(unit, NOW, "request.approve", "k@x.example", **values)
            unit.replace(dataclasses.replace(made, state=state, done_at=None if state == outbox.WAITING else NOW))
    assert kept(world, days=30).notices == 0
    assert kept(world, days=31).notices == 2
    with world.store.begin() as unit:
        assert [notice.state for notice in unit.find(Notice)] == [outbox.WAITING]


def test_org_8_tries_are_forgotten_the_day_after(world: World) -> None:
    with world.store.begin() as unit:
        unit.remove(unit.get(TryCount, f"birth-date:{UZI}:2026-11-02"))
        people._count(unit, UZI, NOW)
    assert remove_expired(world.store, NOW + timedelta(hours=12)) == 0
    assert remove_expired(world.store, NOW + timedelta(hours=16)) == 1


# --- which were erased ------------------------------------------------------------------------------------------------


@given(st.sets(st.integers(1, 60)), st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9))))
@settings(max_examples=300, deadline=None, database=None)
def test_what_is_beyond_what_was_told(numbers: set[int], told: list[tuple[int, int]]) -> None:
    ranges = Ranges()
    for number in sorted(numbers):
        ranges.add(number)
    covered = {n for first, more in told for n in range(first, first + more)}
    pairs: list[Any] = [(first, first + more - 1) for first, more in told]
    assert ranges.beyond(pairs) == min(numbers - covered, default=0)


def test_every_kind_of_record_is_known_to_have_a_person_or_not() -> None:
    """Whoever adds a record that names a person has it erased, too."""
    naming = {
        kind.__name__
        for kind in vars(records).values()
        if dataclasses.is_dataclass(kind) and any(field.name == "person_id" for field in dataclasses.fields(kind))
    }
    assert naming == {
        "Membership", "MobileID", "PhoneRequest", "LinkOffer", "Consent", "Adoption", "CardAttempt", "SmartCard",
    }  # fmt: skip
