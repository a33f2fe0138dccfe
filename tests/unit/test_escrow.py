"""PUK escrow: off by default, sealed for a pinned key, released by two people, and of use once (PIN-3, PIN-4)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from management_world import CARD, FOREIGN
from management_world import World as Managed
from registry_world import OTHER_URA, URA
from world import DESKTOP, PRACTICE, ScriptedHolder, World
from zorgid_card.errors import (
    DeclinedError,
    DecryptionError,
    NotAllowedError,
    NotFoundError,
    SessionError,
    TransitionError,
    UsageError,
)
from zorgid_card.ports.registry import AuditEvent, CardLink, EscrowedPUK, IssuedCertificate, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.creation_messages import EscrowPUK, PUKEscrowed
from zorgid_card.workflows.escrow import EscrowRoom, KeyOfficer, open_sealed
from zorgid_card.workflows.messages import Message
from zorgid_card.workflows.pin import unblock_pin
from zorgid_card.workflows.policy import CreationPolicy
from zorgid_card.workflows.portal import Portal
from zorgid_card.workflows.session import PortalClient

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
    """A portal whose policy is that PUKs are sealed for the officer."""
    policy = CreationPolicy(
        key_algorithm="ECCP256", residency=frozenset({"attested", "channel"}), key_officer=OFFICER.fingerprint
    )
    world = World(tmp_path, creation=policy)
    world.validated()
    return world


def making(
    world: World, holder: ScriptedHolder, officer: KeyOfficer | None = OFFICER, seam: Any = None
) -> CardCreation:
    return CardCreation(world.reader, world.client(seam), holder, world.journal, card_timeout=1, officer=officer)


def kept(world: World, serial: str) -> EscrowedPUK:
    with world.registry.begin() as unit:
        return next(unit.find(EscrowedPUK, card_serial=serial))


def opened(serial: str, sealed: bytes) -> bytes:
    with open_sealed(KEY, serial, sealed) as puk, puk.expose() as digits:
        return bytes(digits)


@pytest.mark.parametrize("officer", [OFFICER, None])
def test_by_default_nothing_is_escrowed_and_nothing_asked(tmp_path: Path, officer: KeyOfficer | None) -> None:
    world = World(tmp_path)
    world.validated()
    holder = world.worker()
    making(world, holder, officer).run(**DESKTOP)
    assert "escrow-puk" not in holder.asked
    with world.registry.begin() as unit:
        assert [*unit.find(EscrowedPUK)] == []


@pytest.mark.parametrize("dialect", ["yubico", "nist"])
def test_an_escrowed_puk_is_told_to_the_holder_kept_before_it_is_written_and_opened_by_the_officer(
    world: World, dialect: str
) -> None:
    holder = world.worker(world.nist_blank() if dialect == "nist" else None)
    made = making(world, holder).run(**DESKTOP)
    asked = next(question for question in holder.questions if question.code == "escrow-puk")
    assert asked.facts == (("key-officer", OFFICER.name),)
    assert holder.asked.index("escrow-puk") < holder.asked.index("puk"), "told before it is shown"
    sealed = kept(world, made.serial).sealed
    assert holder.puk not in sealed
    assert opened(made.serial, sealed) == holder.puk
    unblock_pin(world.card(), Secret.of(holder.puk), Secret.of(NEW), Secret.of(NEW), last_try_allowed=True)


def test_a_portal_gets_no_puk_sealed_for_a_key_that_is_not_pinned_here(world: World) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for officer in (None, KeyOfficer.pinned("", der, hashlib.sha256(der).digest())):
        holder = world.worker()
        with pytest.raises(UsageError) as caught:
            making(world, holder, officer).run(**DESKTOP)
        assert caught.value.details["reason"] == "key officer"
        assert "new-pin" not in holder.asked
        assert world.card().factory_puk() is True
        world.card().require_blank()
        world.reader.remove()


def test_a_holder_who_does_not_want_it_gets_no_card(world: World) -> None:
    holder = world.worker()
    holder.declines = {"escrow-puk"}
    with pytest.raises(DeclinedError):
        making(world, holder).run(**DESKTOP)
    assert "puk" not in holder.asked
    with world.registry.begin() as unit:
        assert {c.status for c in unit.find(IssuedCertificate)} == {"revoked"}
        assert [*unit.find(EscrowedPUK)] == []


class Skipping:
    """A card side that says it has escrowed the PUK, and has not: the message goes nowhere."""

    def __init__(self, client: PortalClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def ask(self, message: Message, expected: Any) -> Any:
        return PUKEscrowed() if isinstance(message, EscrowPUK) else self._client.ask(message, expected)


def test_a_card_whose_puk_was_not_kept_is_not_activated(world: World) -> None:
    client: Any = Skipping(world.client())
    creation = CardCreation(world.reader, client, world.worker(), world.journal, card_timeout=1, officer=OFFICER)
    with pytest.raises(SessionError):
        creation.run(**DESKTOP)
    with world.registry.begin() as unit:
        assert {c.status for c in unit.find(IssuedCertificate)} <= {"hold", "revoked"}


class Losing:
    """A way to the portal on which every answer to one kind of message is lost, once or for good."""

    def __init__(self, portal: Portal, kind: str, times: int, *, heard: bool) -> None:
        self._portal, self.kind, self.times, self.heard, self.origin = portal, kind, times, heard, portal.origin

    def ask(self, request: bytes, /) -> bytes:
        if json.loads(request)["body"]["kind"] == self.kind and self.times > 0:
            self.times -= 1
            if self.heard:
                self._portal.ask(request)
            raise OSError("lost")
        return self._portal.ask(request)


@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("kind", ["escrow-puk", "commit-card"])
def test_crd_8_whatever_is_lost_on_the_way_the_puk_that_is_kept_is_the_cards(
    world: World, kind: str, times: int, heard: bool
) -> None:
    """After three times the holder is asked, and goes on: in the same session, with another PUK where none was written."""
    holder = world.worker()
    made = making(world, holder, seam=Losing(world.portal, kind, times, heard=heard)).run(**DESKTOP)
    assert opened(made.serial, kept(world, made.serial).sealed) == holder.puk
    unblock_pin(world.card(), Secret.of(holder.puk), Secret.of(NEW), Secret.of(NEW))


def test_what_is_sealed_for_one_card_does_not_open_as_another_s(world: World) -> None:
    made = making(world, world.worker()).run(**DESKTOP)
    sealed = kept(world, made.serial).sealed
    for key, serial in ((KEY, "12"), (ec.generate_private_key(ec.SECP256R1()), made.serial)):
        with pytest.raises(DecryptionError):
            open_sealed(key, serial, sealed)


# --- the portal


class Room(Managed):
    """Two organisations, and their escrow."""

    def __init__(self) -> None:
        super().__init__()
        self.room = EscrowRoom(self.store, self.management, self.clock)
        self.keep(b"sealed")

    def keep(self, sealed: bytes) -> None:
        kept = EscrowedPUK(
            card_serial=CARD, sealed=sealed, kept_at=self.clock(), asked_by=None, reason=None, released_at=None
        )
        with self.store.begin() as unit:
            unit.add(kept)

    @property
    def state(self) -> str:
        return str(self.get(SmartCard, CARD).state)

    def audited(self) -> list[tuple[str, str]]:
        with self.store.begin() as unit:
            events = sorted(unit.find(AuditEvent, subject=CARD), key=lambda event: event.at)
            return [(event.action, event.actor) for event in events]


def test_two_people_release_a_puk_and_the_card_is_suspended_with_that() -> None:
    world = Room()
    world.room.ask("manager0", URA, CARD, "forgotten at home")
    assert world.state == "active"
    assert world.room.release("administrator0", URA, CARD) == (b"sealed",)
    assert world.state == "suspended"
    with pytest.raises(NotAllowedError):
        world.acting().unblock(CARD, "done")
    told = world.audited()
    for event in (("puk.ask", "manager0"), ("puk.release", "administrator0"), ("card.block", "administrator0")):
        assert event in told


@pytest.mark.parametrize("state", ["creating", "renewing"])
def test_of_a_card_that_is_under_way_no_puk_is_released(state: str) -> None:
    """It would become active by itself, without a manager who could be stopped."""
    world = Room()
    world.room.ask("manager0", URA, CARD, "forgotten")
    world.change(replace(world.get(SmartCard, CARD), state=state))
    with pytest.raises(TransitionError):
        world.room.release("administrator0", URA, CARD)
    assert world.get(EscrowedPUK, CARD).released_at is None


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


def test_a_revoked_card_is_not_brought_back() -> None:
    world = Room()
    world.room.ask("manager0", URA, CARD, "forgotten")
    world.change(replace(world.get(SmartCard, CARD), state="revoked"))
    assert world.room.release("administrator0", URA, CARD) == (b"sealed",)
    with pytest.raises(NotAllowedError):
        world.acting().unblock(CARD, "done")
    world.change(replace(world.get(SmartCard, CARD), puk_disclosed=None))
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


def test_a_card_that_is_made_anew_has_no_puk_of_its_life_before_in_escrow(world: World) -> None:
    administrator = world.register().person
    room = EscrowRoom(world.registry, world.management, lambda: world.now)
    blank = world.maker.blank()
    made = making(world, world.worker(blank)).run(**DESKTOP)
    world.management.acting_as(administrator, PRACTICE.ura).revoke(made.serial, "left")
    world.reader.remove()
    world.services = world._services(CreationPolicy(key_algorithm="ECCP256"))
    world.portal = world._portal()
    assert world.create(world.worker(blank)).serial == made.serial
    with pytest.raises(NotFoundError):
        room.ask(administrator, PRACTICE.ura, made.serial, "forgotten")
