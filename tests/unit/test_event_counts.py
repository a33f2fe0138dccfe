"""What a portal's monitoring is told of the work that is no call of the services: cards made, people logged in."""

from __future__ import annotations

from pathlib import Path

import pytest

from world import DESKTOP, ORIGIN, World, card_token, pass_token
from zorgid_card.errors import BirthDateError, ReplayError


class Kept:
    """A way to the portal that keeps what went over it."""

    origin = ORIGIN

    def __init__(self, world: World) -> None:
        self.world, self.sent = world, [b""]

    def ask(self, request: bytes, /) -> bytes:
        self.sent.append(request)
        return self.world.portal.ask(request)


def counted(world: World, *names: str) -> list[int]:
    found = world.counts.counts()
    return [found.get(name, 0) for name in names]


def test_crd_10_a_card_that_was_made_is_counted_once_whatever_is_sent_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    way = Kept(world)
    world.creation(world.worker(), way).run(**DESKTOP)
    before = counted(world, "commit-card", "match-person")
    assert before == [1, 1]
    world.portal.ask(way.sent[-1])
    assert counted(world, "commit-card", "match-person", "message-refused") == [1, 1, 0]


def test_org_8_what_is_refused_is_counted_as_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    world.create(world.worker())
    holder = world.worker()
    holder.born = holder.born.replace(year=1901)
    with pytest.raises(BirthDateError):
        world.create(holder)
    assert counted(world, "match-person", "message-refused") == [1, 1]


def test_aut_1_log_ins_are_counted_by_what_was_shown(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.validated()
    world.create(world.worker())
    world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")
    token = pass_token(world, world.log_in.challenge("b"))
    who = world.log_in.verify(token, binding="b")
    with pytest.raises(ReplayError):
        world.log_in.verify(token, binding="b")
    world.log_in.recheck(who)
    assert counted(world, "log-in.zorgid-smartcard", "log-in.uzi-pass", "log-in.refused") == [1, 1, 1]
