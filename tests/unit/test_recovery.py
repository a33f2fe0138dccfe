"""A PUK that is lost is reset over the portal's channel, where the dialect can (PIN-3): the card is suspended meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from channel_desk import Desk
from management_world import World as Managed
from registry_world import OTHER_URA, URA, add_card
from zorgid_card.cards import TryState
from zorgid_card.errors import (
    NotAllowedError,
    NotFoundError,
    NotOfferedError,
    ResidencyError,
    UserError,
)
from zorgid_card.ports.registry import AuditEvent, CardLink, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.workflows.channel import initialize_update, reset_puk
from zorgid_card.workflows.pin import unblock_pin
from zorgid_card.workflows.recovery import PUKReset

PIN, NEW, PUK = b"271828", b"86420975", b"97531864"


class Lost(Managed):
    """A card at a desk, whose PIN is blocked and whose PUK is lost, and which the portal knows."""

    def __init__(self, dialect: str = "nist") -> None:
        super().__init__()
        self.desk = Desk(dialect)
        card, factory = self.desk.card, self.desk.factory
        card.change_puk(Secret.of(factory.puk), Secret.of(PUK), last_try_allowed=True)
        for _ in range(3):
            with suppress(UserError):
                card.verify_pin(Secret.of(PIN), last_try_allowed=True)
        self.serial = card.serial
        with self.store.begin() as unit:
            added = add_card(unit, self.serial, "holder0", certificate="bb01")
            unit.replace(replace(added, dialect=dialect))

    def channel(self, serial: str) -> tuple[Secret, Secret]:
        if serial != self.serial:
            raise NotFoundError("no batch key", what="batch")
        return self.desk.keys()

    def reset(self, person: str = "manager0", ura: str = URA, relay: object = None) -> None:
        carry = relay or self.desk.card.relay
        PUKReset(self.store, self.management, self, self.clock).reset(person, ura, self.serial, carry, "PUK lost")  # type: ignore[arg-type]

    @property
    def state(self) -> str:
        return str(self.get(SmartCard, self.serial).state)


def test_pin_3_a_lost_puk_is_reset_by_the_portal_and_the_card_cannot_be_unblocked_with_it() -> None:
    lost = Lost()
    lost.reset()
    assert lost.state == "suspended", "until its PUK is no public one any more"
    lost.desk.insert()
    card, factory = lost.desk.card, lost.desk.factory
    assert card.tries().state is TryState.LOCKED, "the PIN is not touched"
    unblock_pin(card, Secret.of(factory.puk), Secret.of(NEW), Secret.of(NEW), last_try_allowed=True)
    with pytest.raises(NotAllowedError):
        lost.acting().unblock(lost.serial, "it works again")
    lost.acting().revoke(lost.serial, "nobody came")


def test_where_the_dialect_cannot_nothing_is_changed() -> None:
    lost = Lost("yubico")
    with pytest.raises(NotOfferedError):
        lost.reset()
    assert lost.state == "active"


@pytest.mark.parametrize("person", ["holder0", "manager1"])
def test_who_does_not_manage_the_card_resets_nothing(person: str) -> None:
    lost = Lost()
    with pytest.raises(NotAllowedError):
        lost.reset(person)
    assert lost.state == "active"


def test_another_card_or_none_at_the_other_end_is_not_taken_for_this_one() -> None:
    other = Desk("nist")

    def cut(commands: Sequence[bytes]) -> Sequence[bytes]:
        return lost.desk.card.relay(commands)[:-1]

    def late(commands: Sequence[bytes]) -> Sequence[bytes]:
        answers = lost.desk.card.relay(commands)
        return answers if len(commands) == 1 else answers[:-1]

    for relay in (other.card.relay, lambda _: (), lambda commands: (b"\x69\x82",) * len(commands), cut, late):
        lost = Lost()
        with pytest.raises(ResidencyError):
            lost.reset(relay=relay)
        assert lost.state == "suspended"
        with lost.store.begin() as unit:
            assert not [event for event in unit.find(AuditEvent, subject=lost.serial) if event.action == "puk.reset"]
        if relay is not late:
            lost.acting().unblock(lost.serial, "the right card, next time")
            continue
        with pytest.raises(NotAllowedError):  # the card may have carried it out
            lost.acting().unblock(lost.serial, "the right card, next time")


def test_what_would_be_typed_from_a_telephone_is_long() -> None:
    """docs/pin.md says so: the card's challenge and cryptogram one way; host cryptogram, code and their MACs the other."""
    desk = Desk("nist")
    opened = desk.begin()
    commands = opened.wrap(reset_puk(desk.factory))
    assert sum(command[4] for command in commands) == 40
    assert len(initialize_update(desk.challenge)) == 5 + 8 + 1
    assert len(desk.answer) - 2 == 29


def test_crd_13_where_a_card_is_a_guest_nobody_resets_its_puk() -> None:
    lost = Lost()
    with lost.store.begin() as unit:
        unit.add(CardLink(id="guest", card_serial=lost.serial, ura=OTHER_URA, until=lost.clock() + timedelta(days=7)))
    lost.acting().block(lost.serial, "holder is away")  # what is suspended already needs no block
    asked: list[object] = []
    with pytest.raises(NotAllowedError):
        lost.reset("manager1", OTHER_URA, relay=lambda commands: asked.append(commands) or ())
    assert asked == []
