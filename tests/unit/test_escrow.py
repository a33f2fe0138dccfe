"""PUK escrow: off by default, sealed for a pinned key, released by two people, and of use once (PIN-3, PIN-4)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from management_world import CARD, FOREIGN
from management_world import World as Managed
from registry_world import OTHER_URA, URA
from world import DESKTOP, PRACTICE, World
from zorgid_card.errors import (
    DeclinedError,
    DecryptionError,
    NotAllowedError,
    NotFoundError,
    PINMismatchError,
    TransitionError,
    UsageError,
    WrongPUKError,
)
from zorgid_card.ports.registry import AuditEvent, CardLink, EscrowedPUK, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.escrow import Escrow, EscrowRoom, KeyOfficer, open_sealed
from zorgid_card.workflows.pin import unblock_pin
from zorgid_card.workflows.recovery import recover

KEY = ec.generate_private_key(ec.SECP256R1())
DER = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
OFFICER = KeyOfficer.pinned("Sleutelbeheer De Linde", DER, hashlib.sha256(DER).digest())
NEW = b"86420975"


def test_a_key_that_is_not_pinned_gets_no_puk() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(UsageError):
        KeyOfficer.pinned("", der, hashlib.sha256(DER).digest())


# --- the card side


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


def test_by_default_nothing_is_escrowed_and_nothing_asked(world: World) -> None:
    holder = world.worker()
    world.create(holder)
    assert "escrow-puk" not in holder.asked


def test_an_escrowed_puk_is_told_to_the_holder_opened_by_the_officer_and_changed_after_use(world: World) -> None:
    kept: dict[str, bytes] = {}
    escrow = Escrow(OFFICER, kept.__setitem__)
    holder = world.worker()
    CardCreation(world.reader, world.client(), holder, world.journal, escrow=escrow).run(**DESKTOP)
    asked = next(question for question in holder.questions if question.code == "escrow-puk")
    assert asked.facts == (("key-officer", OFFICER.name),)
    assert holder.asked.index("escrow-puk") < holder.asked.index("puk"), "told before it is shown"
    card = world.card()
    serial, old = card.serial, holder.puk
    assert old not in kept[serial]
    with open_sealed(KEY, serial, kept[serial]) as puk:
        with puk.expose() as digits:
            assert bytes(digits) == old
        holder.pins = [(NEW, NEW)]
        recover(card, serial, puk, holder, escrow=escrow)
    card.verify_pin(Secret.of(NEW))
    with pytest.raises(WrongPUKError):
        unblock_pin(card, Secret.of(old), Secret.of(NEW), Secret.of(NEW))
    unblock_pin(card, Secret.of(holder.puk), Secret.of(NEW), Secret.of(NEW))
    with open_sealed(KEY, serial, kept[serial]) as puk, puk.expose() as digits:
        assert bytes(digits) == holder.puk != old


def test_without_the_holders_word_nothing_is_tried(world: World) -> None:
    holder = world.worker()
    world.create(holder)
    card, escrow = world.card(), Escrow(OFFICER, lambda *_: pytest.fail("nothing is kept"))
    holder.declines = {"escrow-puk"}
    with pytest.raises(DeclinedError):
        recover(card, card.serial, Secret.of(holder.puk), holder, escrow=escrow)
    holder.declines, holder.pins = set(), [(NEW, b"86420976")]
    with pytest.raises(PINMismatchError):
        recover(card, card.serial, Secret.of(holder.puk), holder, escrow=escrow)
    assert (card.tries().left, card.puk_tries().left) == (3, 3)


def test_what_is_sealed_for_one_card_does_not_open_as_another_s() -> None:
    kept: list[bytes] = []
    Escrow(OFFICER, lambda _, sealed: kept.append(sealed)).take("11", Secret.of(NEW))
    for key, serial in ((KEY, "12"), (ec.generate_private_key(ec.SECP256R1()), "11")):
        with pytest.raises(DecryptionError):
            open_sealed(key, serial, kept[0])


# --- the portal


class Room(Managed):
    """Two organisations, and their escrow."""

    def __init__(self) -> None:
        super().__init__()
        self.room = EscrowRoom(self.store, self.management, self.clock)
        self.room.keep(CARD, b"sealed")

    @property
    def state(self) -> str:
        return str(self.get(SmartCard, CARD).state)

    def audited(self) -> list[tuple[str, str]]:
        with self.store.begin() as unit:
            events = sorted(unit.find(AuditEvent, subject=CARD), key=lambda event: event.at)
            return [(event.action, event.actor) for event in events]


def test_two_people_release_a_puk_and_the_card_is_suspended_until_another_is_kept() -> None:
    world = Room()
    world.room.ask("manager0", URA, CARD, "forgotten at home")
    assert world.state == "active"
    assert world.room.release("administrator0", URA, CARD) == b"sealed"
    assert world.state == "suspended"
    with pytest.raises(NotAllowedError):
        world.acting().unblock(CARD, "done")
    world.room.keep(CARD, b"another")
    world.acting().unblock(CARD, "done")
    assert world.state == "active"
    told = world.audited()
    for event in (("puk.ask", "manager0"), ("puk.release", "administrator0"), ("card.block", "administrator0")):
        assert event in told
    with pytest.raises(NotAllowedError):
        world.room.release("administrator0", URA, CARD)
    assert world.get(EscrowedPUK, CARD).asked_by is None


@pytest.mark.parametrize("asking", ["administrator0", None])
def test_one_person_alone_gets_no_puk(asking: str | None) -> None:
    world = Room()
    if asking:
        world.room.ask(asking, URA, CARD, "forgotten")
    with pytest.raises(NotAllowedError):
        world.room.release("administrator0", URA, CARD)
    assert world.state == "active"
    assert ("puk.release", "administrator0") not in world.audited()


@pytest.mark.parametrize(
    ("person", "ura", "error"),
    [("holder0", URA, NotAllowedError), ("manager1", URA, NotAllowedError), ("manager1", OTHER_URA, NotFoundError)],
)
def test_who_does_not_manage_the_card_gets_no_puk(person: str, ura: str, error: type[Exception]) -> None:
    world = Room()
    with pytest.raises(error):
        world.room.ask(person, ura, CARD, "curious")
    world.room.ask("administrator0", URA, CARD, "forgotten")
    for who in ("manager0", person):
        with pytest.raises((error, NotAllowedError)):
            world.room.release(who, ura, CARD)


def test_what_is_not_kept_is_not_found_and_a_reason_is_needed() -> None:
    world = Room()
    with pytest.raises(NotFoundError):
        world.room.ask("manager1", OTHER_URA, FOREIGN, "forgotten")
    with pytest.raises(UsageError):
        world.room.ask("manager0", URA, CARD, " ")
    for sealed in (b"", bytes(1025)):
        with pytest.raises(UsageError):
            world.room.keep(CARD, sealed)


def test_a_revoked_card_is_not_brought_back() -> None:
    world = Room()
    world.room.ask("manager0", URA, CARD, "forgotten")
    world.change(replace(world.get(SmartCard, CARD), state="revoked"))
    assert world.room.release("administrator0", URA, CARD) == b"sealed"
    world.room.keep(CARD, b"another")
    with pytest.raises(TransitionError):
        world.acting().unblock(CARD, "done")


def guest_at(world: Room, ura: str) -> None:
    """The card serves at another organisation too, for a while."""
    until = world.clock() + timedelta(days=7)
    with world.store.begin() as unit:
        unit.add(CardLink(id="guest", card_serial=CARD, ura=ura, until=until))


def test_crd_13_where_a_card_is_a_guest_nobody_gets_its_puk() -> None:
    world = Room()
    guest_at(world, OTHER_URA)
    world.acting().block(CARD, "holder is away")  # what is suspended already needs no block
    with pytest.raises(NotAllowedError):
        world.room.ask("manager1", OTHER_URA, CARD, "curious")
    world.room.ask("manager0", URA, CARD, "forgotten")
    with pytest.raises(NotAllowedError):
        world.room.release("administrator1", OTHER_URA, CARD)
    assert world.get(EscrowedPUK, CARD).released_at is None


def test_who_asked_and_manages_no_more_is_no_second_person() -> None:
    world = Room()
    world.room.ask("manager0", URA, CARD, "forgotten")
    world.acting("administrator0").appoint("manager0", "holder", "left the desk")
    with pytest.raises(NotAllowedError):
        world.room.release("administrator0", URA, CARD)
    assert world.state == "active"


def test_a_card_that_is_made_anew_has_no_puk_of_its_life_before_in_escrow(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    administrator = world.register().person
    room = EscrowRoom(world.registry, world.management, lambda: world.now)
    blank = world.maker.blank()
    creation = CardCreation(
        world.reader,
        world.client(),
        world.worker(blank),
        world.journal,
        card_timeout=1,
        escrow=Escrow(OFFICER, room.keep),
    )
    made = creation.run(**DESKTOP)
    world.management.acting_as(administrator, PRACTICE.ura).revoke(made.serial, "left")
    world.reader.remove()
    assert world.create(world.worker(blank)).serial == made.serial
    with pytest.raises(NotFoundError):
        room.ask(administrator, PRACTICE.ura, made.serial, "forgotten")
