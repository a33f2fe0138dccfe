"""Log-in at a portal that has no registry and no CA of ours (AUT-1, AUT-2, AUT-5)."""

from __future__ import annotations

import json
import threading
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from login_world import NOW, ORIGIN, OTHER_PRACTICE, PRACTICE, WORKER, StandAlone
from world import World, card_token, pass_token
from zorgid_card.adapters.challenges import SQLChallenges
from zorgid_card.errors import (
    AnotherPersonError,
    CertificateExpiredError,
    MessageError,
    NotLinkedError,
    NotUZIError,
    OnHoldError,
    OrganisationUnknownError,
    PassTypeError,
    ReplayError,
    RevokedError,
    SignatureError,
    ZorgIDError,
)
from zorgid_card.ports.registry import CardLink, Membership, Organisation, Person, SmartCard
from zorgid_card.recipes import registry_log_in
from zorgid_card.testkit.uzi_profile import Function
from zorgid_card.workflows.log_in import LoggedIn, LogIn


@pytest.fixture
def portal() -> StandAlone:
    return StandAlone()


def logged_in(portal: StandAlone, **options: Any) -> LoggedIn:
    return portal.log_in.verify(portal.token(portal.log_in.challenge("browser"), **options), binding="browser")


def test_aut_2_a_pass_logs_in_without_registry_or_ca(portal: StandAlone) -> None:
    who = logged_in(portal)
    assert (who.means, who.uzi_number, who.common_name) == ("uzi-pass", "900000022", "Zoë el Amrani")
    assert (who.ura, who.organisation, who.role) == (PRACTICE.ura, PRACTICE.name, "00.000")
    assert (who.at, who.origin, who.until) == (NOW, ORIGIN, who.identity.not_after)
    with pytest.raises(FrozenInstanceError):
        who.at = NOW  # type: ignore[misc]


def test_aut_2_types_of_pass_are_the_portals_choice(portal: StandAlone) -> None:
    door = portal.opened(pass_types=frozenset("Z"))
    with pytest.raises(PassTypeError) as error:
        door.verify(portal.token(door.challenge("b")), binding="b")
    assert (error.value.found, error.value.expected) == ("N", "Z")
    assert door.verify(portal.token(door.challenge("b"), holder=portal.doctor), binding="b").role == "01.015"


def test_aut_2_a_pass_in_nobodys_name_logs_in_where_it_may(portal: StandAlone) -> None:
    holder = portal.pki.pass_(Function("Balie", "900000033"), PRACTICE, "M")
    door = portal.opened(trust=portal.pki.trust("M"))
    who = door.verify(portal.token(door.challenge("b"), holder=holder), binding="b")
    assert (who.common_name, who.uzi_number) == ("Balie", "900000033")
    assert LoggedIn.from_json(json.loads(json.dumps(who.to_json()))) == who


def test_aut_2_a_zorgid_card_is_refused_where_nobody_tells_its_links(portal: StandAlone, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    world.create(world.worker())
    with pytest.raises(NotUZIError):
        portal.log_in.verify(card_token(world, portal.log_in.challenge("b")), binding="b")


def test_cards_without_links_are_a_mistake_of_the_portal(tmp_path: Path) -> None:
    door = World(tmp_path).log_in
    with pytest.raises(ValueError, match="links"):
        LogIn(origin=ORIGIN, passes=door._passes, challenges=door._challenges, cards=door._cards)


@pytest.mark.parametrize("origin", ["https://portal.example/", "http://portal.example", "https://PORTAL.example", ""])
def test_aut_1_a_portal_is_configured_with_an_origin_or_not_at_all(portal: StandAlone, origin: str) -> None:
    with pytest.raises(MessageError) as error:
        portal.opened(origin=origin)
    assert error.value.field == "origin"


# --- challenges ------------------------------------------------------------------------------------------------------


def test_aut_1_the_clock_at_expiry(portal: StandAlone) -> None:
    token = portal.token(portal.log_in.challenge("b"))
    portal.now = NOW + timedelta(minutes=5) - timedelta(microseconds=1)
    portal.log_in.verify(token, binding="b")
    portal.now = NOW
    token = portal.token(portal.log_in.challenge("b"))
    portal.now = NOW + timedelta(minutes=5)
    with pytest.raises(ReplayError) as error:
        portal.log_in.verify(token, binding="b")
    assert (error.value.what, error.value.reason) == ("challenge", "expired")
    portal.now = NOW  # even if the clock goes back, it is gone
    with pytest.raises(ReplayError) as error:
        portal.log_in.verify(token, binding="b")
    assert error.value.reason == "none"


@pytest.mark.parametrize("kind", ["memory", "sql", "registry"])
def test_aut_1_of_two_log_ins_at_once_with_one_challenge_one_wins(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path)
    world.validated()
    door = world.log_in
    if kind != "registry":
        portal = StandAlone()
        sql = SQLChallenges(f"sqlite:///{tmp_path}/portal.db")
        sql.create()
        door = portal.opened(challenges=sql) if kind == "sql" else portal.log_in
    outcomes: list[str] = []
    for _ in range(5):
        nonce = door.challenge("b")
        token = pass_token(world, nonce) if kind == "registry" else portal.token(nonce)
        barrier = threading.Barrier(2)

        def knock(token: str = token, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            try:
                outcomes.append(door.verify(token, binding="b").uzi_number)
            except ReplayError as error:
                outcomes.append(str(error.reason))

        threads = [threading.Thread(target=knock) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(outcomes) == ["900000022"] * 5 + ["none"] * 5


def test_aut_1_two_portals_that_share_a_store_do_not_share_challenges(portal: StandAlone) -> None:
    other = portal.opened(origin="https://other.example")
    nonce = portal.log_in.challenge("b")
    with pytest.raises(ReplayError) as error:
        other.verify(portal.token(nonce), binding="b")
    assert error.value.reason == "none"
    portal.log_in.verify(portal.token(nonce), binding="b")


def test_aut_1_who_reads_the_store_finds_no_browser_session_in_it(portal: StandAlone) -> None:
    portal.log_in.challenge("secret-session")
    ((binding, (kept, _)),) = portal.challenges._kept.items()
    assert "secret-session" not in f"{binding} {kept}"
    assert len(binding) == 43


def test_aut_1_challenges_are_32_random_octets(portal: StandAlone) -> None:
    found = {portal.log_in.challenge(f"b{number}") for number in range(100)}
    assert len(found) == 100
    assert {len(nonce) for nonce in found} == {44}


# --- the same person once more ---------------------------------------------------------------------------------------


def test_aut_1_the_same_person_comes_back(portal: StandAlone) -> None:
    who = logged_in(portal)
    portal.now += timedelta(hours=1)
    again = portal.log_in.reauthenticate(portal.token(portal.log_in.challenge("browser")), binding="browser", who=who)
    assert (again.uzi_number, again.at) == (who.uzi_number, portal.now)


def test_aut_1_somebody_elses_card_does_not_do(portal: StandAlone) -> None:
    who = logged_in(portal)
    token = portal.token(portal.log_in.challenge("browser"), holder=portal.doctor)
    with pytest.raises(AnotherPersonError):
        portal.log_in.reauthenticate(token, binding="browser", who=who)
    with pytest.raises(ReplayError):
        portal.log_in.reauthenticate(token, binding="browser", who=who)


def test_aut_1_nor_does_ones_own_pass_of_another_organisation(portal: StandAlone) -> None:
    who = logged_in(portal)
    elsewhere = portal.pki.pass_(WORKER, OTHER_PRACTICE, "N")
    token = portal.token(portal.log_in.challenge("browser"), holder=elsewhere)
    with pytest.raises(NotLinkedError):
        portal.log_in.reauthenticate(token, binding="browser", who=who)


def test_aut_1_a_person_may_come_back_with_their_other_card(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    world.create(world.worker())
    token = card_token(world, world.log_in.challenge("b"))
    by_card = world.log_in.verify(token, binding="b")
    token = pass_token(world, world.log_in.challenge("b"))
    by_pass = world.log_in.reauthenticate(token, binding="b", who=by_card)
    assert (by_card.means, by_pass.means) == ("zorgid-smartcard", "uzi-pass")


# --- an open session -------------------------------------------------------------------------------------------------


def test_aut_2_an_open_session_ends_when_the_pass_is_revoked_or_expires(portal: StandAlone) -> None:
    who = logged_in(portal)
    portal.now += timedelta(minutes=1)
    assert portal.log_in.recheck(who) == who
    portal.now = who.until
    assert portal.log_in.recheck(who) == who
    portal.now = who.until + timedelta(seconds=1)
    with pytest.raises(CertificateExpiredError):
        portal.log_in.recheck(who)
    portal.now = NOW
    portal.pki.revoke(portal.worker, at=NOW)
    with pytest.raises(RevokedError):
        portal.log_in.recheck(who)


def test_adm_2_an_open_session_ends_when_the_card_is_blocked_or_the_person_unlinked(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    administrator = world.register().person
    made = world.create(world.worker())
    who = world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")
    assert world.log_in.recheck(who) == who
    manager = world.management.acting_as(administrator, PRACTICE.ura)
    manager.block(made.serial, "kwijt")
    with pytest.raises(OnHoldError):
        world.log_in.recheck(who)
    manager.unblock(made.serial, "gevonden")
    assert world.log_in.recheck(who) == who
    with world.registry.begin() as unit:
        for link in list(unit.find(CardLink)):
            unit.remove(link)
    with pytest.raises(NotLinkedError):
        world.log_in.recheck(who)


def test_adm_1_judging_an_open_session_is_no_use_of_the_card(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    made = world.create(world.worker())
    who = world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")
    world.now += timedelta(minutes=1)
    world.log_in.recheck(who)
    with world.registry.begin() as unit:
        assert unit.get(SmartCard, made.serial).last_used_at == NOW


def test_crd_13_a_guest_is_logged_in_until_the_link_ends(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    world.create(world.worker())
    ends = NOW + timedelta(days=1), NOW + timedelta(days=2)
    with world.registry.begin() as unit:
        person = next(unit.find(Person))
        for member in list(unit.find(Membership, person_id=person.id)):
            unit.replace(replace(member, until=ends[0]))
        for link in list(unit.find(CardLink)):
            unit.replace(replace(link, until=ends[1]))
    who = world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")
    assert who.until == ends[0]
    assert LoggedIn.from_json(who.to_json()) == who
    world.now = ends[0] - timedelta(microseconds=1)
    assert world.log_in.recheck(who) == who
    world.now = ends[0]
    with pytest.raises(NotLinkedError):
        world.log_in.recheck(who)


def test_org_1_a_suspended_organisation_logs_nobody_in(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    who = world.log_in.verify(pass_token(world, world.log_in.challenge("b")), binding="b")
    with world.registry.begin() as unit:
        unit.replace(replace(unit.get(Organisation, PRACTICE.ura), state="suspended"))
    for refused in (
        lambda: world.log_in.recheck(who),
        lambda: world.log_in.verify(pass_token(world, world.log_in.challenge("b")), binding="b"),
    ):
        with pytest.raises(OrganisationUnknownError) as error:
            refused()
        assert error.value.state == "suspended"


def test_org_1_where_only_the_registered_may_log_in_others_are_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    policy = replace(world.services.policy, login_registered_only=True)
    door = registry_log_in(replace(world.services, policy=policy), world.revocation)
    with pytest.raises(OrganisationUnknownError) as error:
        door.verify(pass_token(world, door.challenge("b")), binding="b")
    assert error.value.state == "unknown"


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_aut_2_who_logged_in_goes_through_json_and_back(portal: StandAlone, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    world.create(world.worker())
    by_card = world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")
    for who in (logged_in(portal), logged_in(portal, holder=portal.doctor), by_card):
        back = LoggedIn.from_json(json.loads(json.dumps(who.to_json())))
        assert back == who
        assert back.to_json() == who.to_json()


CHANGES: dict[str, Any] = {
    "means": "zorgid-smartcard", "uzi_number": "900000011", "common_name": "Jan de Vries", "ura": "90000456", "role": "01.015",
    "pass_type": "Z", "environment": "test", "agb": "01234567", "person_id": "x", "card_serial": "x",
    "guest_until": "2030-01-01T00:00:00+00:00", "until": "2030-01-01T00:00:00+00:00", "certificate": "AAAA", "at": "gisteren",
    "origin": 1, "organisation": None, "surname": 3, "given_names": [],
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_aut_2_a_field_that_contradicts_the_certificate_is_refused(portal: StandAlone, name: str) -> None:
    """Of a pass everything but origin and moment stands in its certificate."""
    kept = logged_in(portal).to_json()
    with pytest.raises(ZorgIDError):
        LoggedIn.from_json(kept | {name: CHANGES[name]})
    with pytest.raises(MessageError):
        LoggedIn.from_json({key: value for key, value in kept.items() if key != name})
    with pytest.raises(MessageError):
        LoggedIn.from_json(kept | {f"{name}_": CHANGES[name]})


KEPT = logged_in(StandAlone()).to_json()


@given(
    st.dictionaries(
        st.sampled_from(sorted(KEPT)), st.none() | st.integers() | st.text(max_size=20) | st.lists(st.text())
    )
)
def test_json_of_any_form_gives_an_identity_or_a_typed_error(changes: dict[str, Any]) -> None:
    try:
        LoggedIn.from_json(KEPT | changes)
    except ZorgIDError:
        return


@pytest.mark.parametrize("value", [None, [], "x", 3, {}, {"means": "uzi-pass"}, {1: 2}])
def test_what_is_no_log_in_at_all_is_refused(value: object) -> None:
    with pytest.raises(MessageError):
        LoggedIn.from_json(value)


def test_aut_1_the_signature_is_over_the_configured_origin(portal: StandAlone) -> None:
    token = portal.token(portal.log_in.challenge("b"), origin="https://portal.example:8443")
    with pytest.raises(SignatureError):
        portal.log_in.verify(token, binding="b")
