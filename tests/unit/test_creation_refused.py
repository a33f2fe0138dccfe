"""Every kind of card that is not taken for a blank: it was only read, and its tries are what they were (CRD-5)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from world import CARD_PIN, WORKER, World
from zorgid_card.cards import ZorgIDCard, open_channel
from zorgid_card.errors import NotBlankError, ResidencyError, WrongPINError
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.workflows.policy import CreationPolicy

POLICY = CreationPolicy(key_algorithm="ECCP256", residency=frozenset({"attested", "channel"}))
WRONG, FACTORY_PIN, FACTORY_PUK = b"902714", b"123456", b"12345678"


def made(world: World, blank: VirtualPIVCard) -> VirtualCard:
    world.create(world.worker(blank))
    return blank


def altered(world: World, blank: VirtualPIVCard, alter: Callable[[ZorgIDCard], object]) -> VirtualCard:
    world.reader.insert(blank)
    card = world.card()
    with card.session():
        alter(card)
    return blank


def own_key(card: ZorgIDCard) -> None:
    """Somebody's card of the same maker, for something else."""
    card.authenticate_administration(card.factory_secrets()[2])
    card.generate(0x9A, "ECCP256")


KINDS: dict[str, Callable[[World], VirtualCard]] = {
    "UZI pass, Z": lambda world: world.doctor_pass,
    "UZI pass, N": lambda world: world.pki_person("Piet", "Jansen", "900000055"),
    "UZI pass, M": lambda world: world.uzi_pass(WORKER, "M"),
    "in use, yubico": lambda world: made(world, world.maker.blank()),
    "in use, nist": lambda world: made(world, world.nist_blank()),
    "another's key": lambda world: altered(world, world.maker.blank(), own_key),
    "PIN changed": lambda world: altered(
        world, world.maker.blank(), lambda card: card.change_pin(Secret.of(FACTORY_PIN), Secret.of(CARD_PIN))
    ),
    "PUK changed": lambda world: altered(
        world,
        world.maker.blank(),
        lambda card: card.change_puk(Secret.of(FACTORY_PUK), Secret.of(b"58392011"), last_try_allowed=True),
    ),
    "batch unknown, nist": lambda world: world.maker.nist_blank(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_crd_5_a_refused_card_of_every_kind_is_as_it_was_and_so_are_its_tries(tmp_path: Path, kind: str) -> None:
    """One of which was spent before."""
    world = World(tmp_path, creation=POLICY)
    world.validated()
    card = KINDS[kind](world)
    world.reader.remove()
    world.reader.insert(card)
    with pytest.raises(WrongPINError):
        open_channel(world.reader.connect()).verify_pin(Secret.of(WRONG))
    before = saved(card, tmp_path / "card")
    with pytest.raises((NotBlankError, ResidencyError)):
        world.create(world.worker(card))
    assert saved(card, tmp_path / "card") == before


def saved(card: VirtualCard, path: Path) -> bytes:
    """All that a simulated card keeps, its tries too."""
    assert isinstance(card, VirtualPIVCard | VirtualUZIPass)
    card.save(path)
    return path.read_bytes()
