"""A whole portal on PostgreSQL: the same procedures as on SQLite, by several workers that share nothing but the database."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from postgres import Server
from world import DESKTOP, ORIGIN, WORKER, World, card_token, serial_of
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import OnHoldError
from zorgid_card.ports.registry import IssuedCertificate, Person, SmartCard
from zorgid_card.workflows import enrolment, issuance, organisation
from zorgid_card.workflows.management.roles import Operator
from zorgid_card.workflows.portal import Portal


class Workers:
    """Portals that answer in turns."""

    origin = ORIGIN

    def __init__(self, portals: list[Portal]) -> None:
        self._turns = itertools.cycle(portals)

    def ask(self, request: bytes, /) -> bytes:
        return next(self._turns).ask(request)


def test_crd_10_a_card_is_made_by_workers_that_share_a_database_and_logs_in_until_it_is_blocked(
    server: Server, tmp_path: Path
) -> None:
    registry = server.registry()
    world = World(tmp_path, registry=registry)
    world.approve()
    world.register()
    others = [SQLRegistry(registry.engine.url, registry.keys) for _ in range(2)]
    steps = {organisation.CREATE: issuance.STEPS, organisation.REGISTER: enrolment.STEPS}
    portals = [Portal(replace(world.services, registry=each), steps) for each in others]
    made = world.creation(world.worker(), Workers(portals)).run(**DESKTOP)
    with registry.begin() as unit:
        card = unit.get(SmartCard, made.serial)
        assert card.state == "active"
        assert unit.get(IssuedCertificate, serial_of(made.certificate)).status == "good"
        assert WORKER.birth_date in {person.birth_date for person in unit.find(Person)}
        assert [found.card for found in unit.cards(None, at=world.now, search="amrani")] == [card]
    nonce = world.log_in.challenge(binding="b")
    assert world.log_in.verify(card_token(world, nonce), binding="b").uzi_number == WORKER.uzi_number
    world.management.acting_as(Operator("ann")).block(made.serial, "lost")
    nonce = world.log_in.challenge(binding="b")
    with pytest.raises(OnHoldError):
        world.log_in.verify(card_token(world, nonce), binding="b")
    for each in (*others, registry):
        each.close()
