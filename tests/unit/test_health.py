"""What a portal's keeper should see before others do, as data and for Prometheus."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from audit_world import Log
from management_world import CARD, World
from registry_world import NOW, URA, registry
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import TransitionError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CRL
from zorgid_card.ports.registry import PublishedCRL
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.workflows import outbox
from zorgid_card.workflows.health import EventCounts, Health, health, prometheus
from zorgid_card.workflows.management import Management
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy, Policy

VALUES = {"organisation": "x", "contact": "x", "ura": "90000382", "reason": "x"}


def states(found: Health) -> dict[str, str]:
    return {f"{check.name} {check.about}".strip(): check.state for check in found.checks}


def values(found: Health) -> dict[str, float]:
    return {f"{check.name} {check.about}".strip(): check.value for check in found.checks}


def test_a_new_portal_is_well() -> None:
    found = health(registry(), NOW)
    assert found.state == "ok"
    assert values(found) == {
        "database_up": 1, "outbox_waiting": 0, "outbox_dead": 0, "outbox_oldest_seconds": 0,
        "audit_unexported": 0, "audit_unexported_seconds": 0,
    }  # fmt: skip


def test_a_database_that_cannot_be_used_is_told_and_not_raised(tmp_path: Path) -> None:
    found = health(SQLRegistry.file(tmp_path / "nowhere.db"), NOW)
    assert states(found) == {"database_up": "failing"}
    assert found.state == "failing"


def test_notices_that_wait_too_long_and_dead_ones_are_told() -> None:
    store = registry()
    with store.begin() as unit:
        for _ in range(3):
            made = outbox.put(unit, NOW, "request.approve", "k@x.example", **VALUES)
    found = health(store, NOW + timedelta(minutes=30))
    assert (values(found)["outbox_waiting"], values(found)["outbox_oldest_seconds"]) == (3, 1800)
    assert found.state == "ok"
    assert states(health(store, NOW + timedelta(minutes=61)))["outbox_oldest_seconds"] == "warning"
    with store.begin() as unit:
        unit.replace(replace(made, state="dead", done_at=NOW))
    found = health(store, NOW)
    assert (values(found)["outbox_waiting"], values(found)["outbox_dead"]) == (2, 1)
    assert states(found)["outbox_dead"] == "warning"


def test_events_that_are_in_no_signed_head_for_a_day_are_told() -> None:
    log = Log(registry())
    log.write(3)
    log.write(2, None)
    found = health(log.store, NOW + timedelta(hours=2))
    assert (values(found)["audit_unexported"], values(found)["audit_unexported_seconds"]) == (5, 7200)
    assert found.state == "ok"
    assert health(log.store, NOW + timedelta(hours=25)).state == "warning"
    log.export()
    assert health(log.store, NOW + timedelta(hours=25)).state == "ok"
    log.write(3)  # as of 09:00:00, 09:00:01 and 09:00:02
    assert values(health(log.store, NOW + timedelta(hours=25)))["audit_unexported"] == 3


def test_crls_and_certificates_are_told_before_they_end() -> None:
    pki = UZITestPKI()
    certificate = pki.chain()[0]
    octets = pki.crl(certificate, NOW)
    crl, end = CRL.parse(octets), Certificate.parse(certificate).not_after

    def state_of(hours: float = 0, days: float = 0) -> tuple[str, str]:
        at_crl = health(registry(), crl.next_update - timedelta(hours=hours), crls={"x": octets})
        at_end = health(registry(), end - timedelta(days=days), certificates={"x": certificate})
        return states(at_crl)["crl_left_seconds x"], states(at_end)["certificate_left_seconds x"]

    assert state_of(hours=12, days=60) == ("ok", "ok")
    assert state_of(hours=11, days=59) == ("warning", "warning")
    assert state_of() == ("failing", "failing")
    aged = values(health(registry(), crl.this_update + timedelta(hours=3), crls={"x": octets}))
    assert aged["crl_age_seconds x"] == 3 * 3600


@pytest.mark.parametrize("octets", [b"", b"no CRL", b"\x30\x80" * 500])
def test_what_is_no_crl_and_no_certificate_is_failing(octets: bytes) -> None:
    found = health(registry(), NOW, crls={"x": octets}, certificates={"y": octets})
    assert states(found)["crl_left_seconds x"] == "failing"
    assert states(found)["certificate_left_seconds y"] == "failing"


def test_prometheus_reads_what_is_written_for_it() -> None:
    counts = EventCounts()
    for _ in range(3):
        counts.happened("notice.sent")
    counts.happened("notice.failed", 40)
    found = health(registry(), NOW, crls={'odd "name"\n\\': b""})
    families = {family.name: family for family in text_string_to_metric_families(prometheus(found, counts.counts()))}
    assert families["zorgid_database_up"].samples[0].value == 1
    (sample,) = families["zorgid_crl_left_seconds"].samples
    assert sample.labels == {"about": 'odd "name"\n\\'}
    assert {s.labels["event"]: s.value for s in families["zorgid_events"].samples} == {
        "notice.sent": 3, "notice.failed": 40,
    }  # fmt: skip
    assert all(family.documentation for family in families.values())


def test_crls_that_this_portals_workers_made_last_are_told() -> None:
    store = registry()
    with store.begin() as unit:
        unit.add(
            PublishedCRL(name="crl", number=1, change=0, this_update=NOW, next_update=NOW + timedelta(hours=48), base_number=1,
                         base_change=0, base_at=NOW, der=b"")
        )  # fmt: skip
    found = health(store, NOW + timedelta(hours=40))
    assert (values(found)["crl_age_seconds crl"], states(found)["crl_left_seconds crl"]) == (40 * 3600, "warning")


def test_what_the_services_did_is_counted_and_what_they_refused_is_not() -> None:
    world, counts = World(), EventCounts()
    acting = Management(world.store, world.clock, Policy(phones=PhonePolicy(signed=UNSIGNED)), counts).acting_as
    acting("manager0", URA).block(CARD, "lost", key="k1")
    acting("manager0", URA).unblock(CARD, "found")
    with pytest.raises(TransitionError):
        acting("manager0", URA).unblock(CARD, "again")
    acting("manager0", URA).list_cards()
    assert counts.counts() == {"card.block": 1, "card.unblock": 1, "card.list": 1}
    world.store.close()
