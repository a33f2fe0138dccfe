"""A card in the place of another, and a card made blank again (CRD-8, CRD-10 to CRD-14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewal_world import blank_of, card_of, holder_of, made, records, renewal, statuses, works, world_with
from world import CARD_PIN, DESKTOP, PRACTICE, ScriptedHolder, World
from zorgid_card.errors import (
    CardInUseError,
    DeclinedError,
    NotBlankError,
    NotFoundError,
    OneMeansError,
    PlatformError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.ports.registry import CardLink, IssuedCertificate, Organisation, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.faults import Fault, FaultyReader, Kind
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.workflows import people
from zorgid_card.workflows.creation import CardCreation, Made, Replaced
from zorgid_card.workflows.management import Operator
from zorgid_card.workflows.policy import CreationPolicy
from zorgid_card.workflows.renewal import CardRenewal, CardReset

TWO = pytest.mark.parametrize("dialect", ["yubico", "nist"])
ELSEWHERE = "90000456"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_with(tmp_path)


def replacing(world: World, holder: ScriptedHolder, cause: str = "lost", serial: str = "", **given: Any) -> Made:
    reader = given.get("reader", world.reader)
    creation = CardCreation(
        reader, world.client(), holder, world.journal, card_timeout=1, replaces=Replaced(cause=cause, serial=serial)
    )
    return creation.run(**DESKTOP)


def guest(world: World, serial: str, *, until: Any) -> None:
    """The card and its person are linked to another organisation, for a time (CRD-13)."""
    with world.registry.begin() as unit:
        if not any(unit.find(Organisation, ura=ELSEWHERE)):
            unit.add(Organisation(ura=ELSEWHERE, name="Elders", state="validated", validated_at=world.now))
        unit.add(CardLink(id=f"guest {serial}", card_serial=serial, ura=ELSEWHERE, until=until))
        people.link(unit, unit.get(SmartCard, serial).person_id, ELSEWHERE, world.now, until=until)


def links(world: World, serial: str) -> dict[str, Any]:
    return {link.ura: link.until for link in records(world, CardLink) if link.card_serial == serial}


# --- replacement ------------------------------------------------------------------------------------------------------


@TWO
@pytest.mark.parametrize(
    ("cause", "reason"), [("lost", "keyCompromise"), ("stolen", "keyCompromise"), ("broken", "superseded")]
)
def test_crd_8_the_replaced_card_is_revoked_at_the_commit_of_the_new_one(
    world: World, dialect: str, cause: str, reason: str
) -> None:
    before, _ = made(world, dialect)
    blank = blank_of(world, dialect)
    after = replacing(world, holder_of(world, blank), cause)
    works(world, blank, after.certificate)
    assert card_of(world, before.serial).state == "revoked"
    (old,) = [c for c in records(world, IssuedCertificate) if c.card_serial == before.serial]
    assert (old.status, old.reason) == ("revoked", reason)


def test_crd_8_by_policy_the_replaced_card_is_blocked_and_serves_again_when_it_is_found(tmp_path: Path) -> None:
    world = world_with(tmp_path, replaced="suspend")
    administrator = world.register().person
    before, card = made(world, "yubico")
    replacing(world, holder_of(world, world.maker.blank()))
    assert card_of(world, before.serial).state == "suspended"
    assert list(statuses(world, before.serial).values()) == ["hold"]
    world.now += timedelta(hours=1)
    world.revocation.current()
    assert list(statuses(world, before.serial).values()) == ["hold"]
    world.management.acting_as(administrator, PRACTICE.ura).unblock(before.serial, "found")
    works(world, card, before.certificate)


def test_crd_8_a_policy_of_replacement_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError):
        CreationPolicy(replaced="forget")


@TWO
def test_crd_8_until_the_commit_the_replaced_card_stays_active_whatever_becomes_of_the_new_one(
    world: World, dialect: str
) -> None:
    before, card = made(world, dialect)
    counted = FaultyReader(world.reader)  # type: ignore[arg-type]
    replacing(world, holder_of(world, blank_of(world, dialect)), serial=before.serial, reader=counted)
    before, card = made(world, dialect)
    cut = 0
    for at in range(20, counted.count, 9):
        reader = FaultyReader(world.reader, Fault(at=at, kind=Kind.REMOVE))  # type: ignore[arg-type]
        holder = holder_of(world, blank_of(world, dialect), declines={"insert-again"})
        try:
            replacing(world, holder, serial=before.serial, reader=reader)
        except ZorgIDError:
            cut += 1
            world.reader.remove()
            works(world, card, before.certificate)
        else:  # the commit was sealed, and nothing was wanted of the card any more
            assert card_of(world, before.serial).state == "revoked"
            break
        world.reader.remove()
    assert cut > 3


def test_crd_8_without_a_serial_the_only_card_is_replaced_and_of_two_it_is_asked_which(world: World) -> None:
    first, _ = made(world, "yubico")
    second = replacing(world, holder_of(world, world.maker.blank()))
    assert card_of(world, first.serial).state == "revoked"
    world.reader.remove()
    third, _ = made(world, "yubico")
    with pytest.raises(UsageError, match=f"{second.serial}|{third.serial}"):
        replacing(world, holder_of(world, world.maker.blank()))


def test_crd_8_somebody_elses_card_cannot_be_replaced_or_retired(world: World) -> None:
    before, card = made(world, "yubico")
    other = ScriptedHolder(world.reader, world.pki_person("Anna", "Bakker", "900000033"), world.maker.blank())
    for serial in (before.serial, "99"):
        with pytest.raises(NotFoundError):
            replacing(world, other, serial=serial)
        world.reader.remove()
    with pytest.raises(NotFoundError):
        replacing(world, other)
    works(world, card, before.certificate)


def test_crd_11_crd_13_the_new_card_serves_where_the_replaced_one_did_and_as_long(world: World) -> None:
    before, _ = made(world, "yubico")
    until = world.now + timedelta(days=30)
    guest(world, before.serial, until=until)
    after = replacing(world, holder_of(world, world.maker.blank()))
    assert links(world, after.serial) == {PRACTICE.ura: None, ELSEWHERE: until}
    again = replacing(world, holder_of(world, world.maker.blank()), serial=after.serial)
    world.now += timedelta(days=31)
    last = replacing(world, holder_of(world, world.maker.blank()), serial=again.serial)
    assert links(world, last.serial) == {PRACTICE.ura: None}


def test_adm_4_where_a_card_that_is_revoked_meanwhile_served_its_successor_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _ = made(world, "yubico")
    guest(world, before.serial, until=None)
    holder = holder_of(world, world.maker.blank())
    show_puk = holder.show_puk

    def revoked_first(puk: Secret) -> None:
        world.management.acting_as(Operator("operator")).revoke(before.serial, "left")
        show_puk(puk)

    monkeypatch.setattr(holder, "show_puk", revoked_first)
    after = replacing(world, holder)
    assert links(world, after.serial) == {PRACTICE.ura: None}


def test_crd_11_by_policy_the_new_card_serves_at_the_passs_organisation_alone(tmp_path: Path) -> None:
    world = world_with(tmp_path, replacement_links=False)
    before, _ = made(world, "yubico")
    guest(world, before.serial, until=None)
    after = replacing(world, holder_of(world, world.maker.blank()))
    assert links(world, after.serial) == {PRACTICE.ura: None}


def test_crd_13_a_renewed_card_keeps_its_guest_links_and_so_does_one_that_was_made_anew_in_its_renewal(
    world: World,
) -> None:
    before, card = made(world, "yubico")
    until = world.now + timedelta(days=300)
    guest(world, before.serial, until=until)
    renewal(world, holder_of(world, card)).run(**DESKTOP)
    assert links(world, before.serial) == {PRACTICE.ura: None, ELSEWHERE: until}
    world.reader.remove()
    counted = FaultyReader(world.reader)  # type: ignore[arg-type]
    renewal(world, holder_of(world, card), reader=counted).run(**DESKTOP)
    world.reader.remove()
    reader = FaultyReader(world.reader, Fault(at=counted.count - 5, after=True))  # type: ignore[arg-type]
    holder = holder_of(world, card)
    renewal(world, holder, reader=reader).run(**DESKTOP)
    assert "new-pin" in holder.asked
    assert links(world, before.serial) == {PRACTICE.ura: None, ELSEWHERE: until}
    world.reader.remove()
    reader = FaultyReader(world.reader, Fault(at=counted.count - 5, after=True))  # type: ignore[arg-type]
    with pytest.raises(DeclinedError):
        renewal(world, holder_of(world, card, declines={"insert-again"}), reader=reader).run(**DESKTOP)
    world.reader.remove()
    later = renewal(world, holder_of(world, card))
    later.run(**DESKTOP)
    assert later.made_anew
    assert links(world, before.serial) == {PRACTICE.ura: None, ELSEWHERE: until}


@pytest.mark.parametrize("what", ["replacement", "renewal"])
def test_crd_12_who_got_a_phone_meanwhile_gets_no_other_card(world: World, what: str) -> None:
    before, card = made(world, "yubico")
    with world.registry.begin() as unit:  # the policy is that of the door; what has come past it is refused here
        person = unit.get(SmartCard, before.serial).person_id
        people.link(unit, person, PRACTICE.ura, world.now, role=people.MANAGER)
    begin = {
        "replacement": lambda: replacing(world, holder_of(world, world.maker.blank())),
        "renewal": lambda: renewal(world, holder_of(world, card)).run(**DESKTOP),
    }[what]
    with pytest.raises(OneMeansError):
        begin()
    works(world, card, before.certificate)


def test_crd_12_the_policy_may_leave_people_both_means(tmp_path: Path) -> None:
    world = world_with(tmp_path)
    object.__setattr__(world.services, "policy", replace(world.services.policy, one_means=False))
    before, _ = made(world, "yubico")
    with world.registry.begin() as unit:
        person = unit.get(SmartCard, before.serial).person_id
        people.link(unit, person, PRACTICE.ura, world.now, role=people.MANAGER)
    blank = world.maker.blank()
    works(world, blank, replacing(world, holder_of(world, blank)).certificate)


@TWO
def test_crd_12_who_has_a_card_that_is_being_renewed_gets_no_phone(world: World, dialect: str) -> None:
    before, _ = made(world, dialect)
    with world.registry.begin() as unit:
        card = unit.get(SmartCard, before.serial)
        unit.replace(replace(card, state="renewing"))
        with pytest.raises(OneMeansError):
            people.require_one_means(unit, card.person_id, people.PHONE, world.now)


@pytest.mark.parametrize("what", ["replacement", "renewal", "reset"])
def test_crd_14_a_platform_that_makes_no_cards_replaces_renews_and_empties_none(world: World, what: str) -> None:
    before, card = made(world, "yubico")
    holder = holder_of(world, card)
    elsewhere, parts = {**DESKTOP, "platform": "Darwin"}, (world.reader, world.client(), holder, world.journal)
    begin: Any = {
        "replacement": CardCreation(*parts, replaces=Replaced(cause="lost")).run,
        "renewal": CardRenewal(*parts).run,
        "reset": CardReset(*parts).run_reset,
    }[what]
    with pytest.raises(PlatformError):
        begin(**elsewhere)
    assert holder.asked == []
    works(world, card, before.certificate)


# --- reset ------------------------------------------------------------------------------------------------------------


def reset(world: World, holder: ScriptedHolder, reader: Any = None) -> str:
    return CardReset(reader or world.reader, world.client(), holder, world.journal, card_timeout=1).run_reset(**DESKTOP)


def is_blank(world: World, card: VirtualPIVCard) -> None:
    """It reads as a blank, has its maker's codes, no key that a certificate was for; and somebody else makes a card of it."""
    world.reader.remove()
    world.reader.insert(card)
    world.card().require_blank()
    assert set(statuses(world, str(card._state.number)).values()) <= {"revoked"}
    world.reader.remove()
    stranger = ScriptedHolder(world.reader, world.pki_person("Anna", "Bakker", "900000033"), card)
    done = world.create(stranger)
    works(world, card, done.certificate)


@TWO
def test_crd_8_a_holders_own_card_is_revoked_with_their_word_and_then_made_blank(world: World, dialect: str) -> None:
    before, card = made(world, dialect)
    holder = holder_of(world, card)
    assert reset(world, holder) == before.serial
    assert holder.asked.index("retire-card") < holder.asked.index("empty-card")
    assert card_of(world, before.serial).state == "revoked"
    (old,) = records(world, IssuedCertificate)
    assert (old.status, old.reason) == ("revoked", "cessationOfOperation")
    assert world.journal.unfinished() == ()
    is_blank(world, card)


@TWO
@pytest.mark.parametrize("word", ["retire-card", "empty-card"])
def test_crd_8_without_the_holders_word_nothing_is_emptied(world: World, dialect: str, word: str) -> None:
    before, card = made(world, dialect)
    with pytest.raises(DeclinedError):
        reset(world, holder_of(world, card, declines={word}))
    world.reader.remove()
    world.reader.insert(card)
    assert world.card().certificate() == before.certificate
    world.card().signer("authenticity", lambda _: Secret.of(CARD_PIN)).sign(b"x")
    assert card_of(world, before.serial).state == ("active" if word == "retire-card" else "revoked")


@TWO
def test_crd_8_anybody_with_a_pass_empties_a_card_that_is_revoked_and_nobody_one_that_is_somebodys(
    world: World, dialect: str
) -> None:
    administrator = world.register().person
    before, card = made(world, dialect)
    other = ScriptedHolder(world.reader, world.pki_person("Anna", "Bakker", "900000033"), card)
    with pytest.raises(NotBlankError):
        reset(world, other)
    world.reader.remove()
    works(world, card, before.certificate)
    world.reader.remove()
    world.management.acting_as(administrator, PRACTICE.ura).revoke(before.serial, "left")
    reset(world, other)
    is_blank(world, card)


def test_adm_2_a_blocked_card_is_not_emptied(world: World) -> None:
    administrator = world.register().person
    before, card = made(world, "yubico")
    world.management.acting_as(administrator, PRACTICE.ura).block(before.serial, "lost")
    with pytest.raises((NotBlankError, CardInUseError)):
        reset(world, holder_of(world, card))
    assert card_of(world, before.serial).state == "suspended"
    assert world.card().certificate() == before.certificate


@TWO
def test_crd_8_a_card_torn_while_it_is_emptied_is_emptied_by_the_next_attempt(world: World, dialect: str) -> None:
    _, card = made(world, dialect)
    counted = FaultyReader(world.reader)  # type: ignore[arg-type]
    reset(world, holder_of(world, card), counted)
    world.reader.remove()
    for back in range(2, 22, 5):
        before, card = made(world, dialect)
        reader = FaultyReader(world.reader, Fault(at=counted.count - back, after=bool(back % 2)))  # type: ignore[arg-type]
        with pytest.raises(ZorgIDError):
            reset(world, holder_of(world, card), reader)
        assert set(statuses(world, before.serial).values()) == {"revoked"}
        world.reader.remove()
        reset(world, holder_of(world, card))
        world.reader.remove()
        world.reader.insert(card)
        world.card().require_blank()
        world.reader.remove()


# --- expiring cards ---------------------------------------------------------------------------------------------------


def test_adm_1_a_manager_sees_which_cards_expire_soon_the_first_first_and_no_guests(tmp_path: Path) -> None:
    world = world_with(tmp_path, validity=timedelta(days=100))
    manager = world.management.acting_as(world.register().person, PRACTICE.ura)
    first, card = made(world, "yubico")
    second, _ = made(world, "yubico")
    with world.registry.begin() as unit:
        unit.add(CardLink(id="guest", card_serial=first.serial, ura=ELSEWHERE, until=world.now + timedelta(days=200)))
    assert manager.expiring() == ()
    assert [row.card.serial for row in manager.expiring(within=timedelta(days=100))] == [first.serial, second.serial]
    world.now += timedelta(days=50)
    assert [row.card.serial for row in manager.expiring()] == [first.serial, second.serial]
    manager.revoke(second.serial, "left")
    world.reader.remove()
    assert [row.card.serial for row in manager.expiring()] == [first.serial]
    renewal(world, holder_of(world, card)).run(**DESKTOP)
    assert manager.expiring() == ()
