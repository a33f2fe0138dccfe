"""What has expired is removed, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from world import DESKTOP, World
from zorgid_card.ports.registry import CardAttempt, Challenge, Reply, Session
from zorgid_card.workflows.creation_messages import CardAccepted, OfferCard
from zorgid_card.workflows.housekeeping import ATTEMPTS_KEPT, remove_expired


def counts(world: World) -> list[int]:
    with world.registry.begin() as unit:
        return [len(list(unit.find(kind))) for kind in (Session, Reply, Challenge, CardAttempt)]


def test_crd_8_what_has_expired_goes_and_a_half_made_card_stays_known(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    creation = world.creation(world.worker())
    creation._client.open("create-card", **DESKTOP)
    creation.identify()
    creation._client.ask(
        OfferCard(serial="4711", dialect="yubico", firmware="5.7", found="blank", channel=False), CardAccepted
    )
    for number in range(600):
        world.log_in.challenge(f"browser {number}")
    assert counts(world) == [1, 1, 600, 1]
    assert remove_expired(world.registry, world.now) == 0
    world.now += timedelta(minutes=5)
    assert remove_expired(world.registry, world.now) == 600
    world.now += timedelta(minutes=10)
    assert remove_expired(world.registry, world.now) == 2
    assert counts(world) == [0, 0, 0, 1]
    world.now += ATTEMPTS_KEPT
    assert remove_expired(world.registry, world.now) == 1
