"""Phones and pages that come at the same moment, on both databases: one is first, and nothing is done twice (ORG-5 to ADM-7)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from phone_signing_world import CARD, REASON, Signing
from registry_world import URA
from zorgid_card.adapters.data_keys import MemoryDataKeys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import ZorgIDError
from zorgid_card.secret import Secret
from zorgid_card.workflows.policy import PhonePolicy, Policy

AT_ONCE = 4


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Signing]:
    if request.param == "sqlite":
        store = SQLRegistry(f"sqlite:///{tmp_path}/registry.db", MemoryDataKeys())
        store.create()
    else:
        store = request.getfixturevalue("server").registry()
    made = Signing(store)
    yield made
    store.close()


def together(*actions: Callable[[], object]) -> list[str]:
    """Do all at one moment; what came of each: ``done``, or the code of its error."""
    start, found = threading.Barrier(len(actions)), list[str]()

    def act(action: Callable[[], object]) -> None:
        start.wait()
        try:
            found.append("done" if action() is not None else "nothing")
        except ZorgIDError as error:
            found.append(error.code)

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def test_org_5_of_phones_that_scan_at_once_one_is_taken(world: Signing) -> None:
    offer = world.offer()
    phones = [world.phone(offer) for _ in range(AT_ONCE)]
    assert together(*(phone.link for phone in phones)) == ["done"] + ["portal.pairing"] * (AT_ONCE - 1)
    [first] = [phone for phone in phones if phone.code]
    assert world.progress(offer) == ("linking", first.code)


def test_org_6_a_page_that_confirms_twice_at_once_links_once(world: Signing) -> None:
    offer = world.offer()
    code = world.phone(offer).link()
    assert together(*(lambda: world.confirm(offer, code) for _ in range(AT_ONCE))) == ["done"] * AT_ONCE
    assert world.mobile(offer.mobile_id).state == "linked"
    assert world.mobile(world.mobile_.id).state == "revoked"


def test_org_7_a_log_in_that_is_fetched_at_once_serves_once(world: Signing) -> None:
    asked = world.ask()
    world.approve(world.phone_, asked.number)
    came = together(*(lambda: world.finish(asked) for _ in range(AT_ONCE)))
    assert came == ["done"] + ["portal.replay"] * (AT_ONCE - 1)


def test_org_7_wrong_digits_at_once_are_each_counted_or_refused(world: Signing) -> None:
    asked = world.ask()
    shown = world.phone_.question()
    assert shown is not None

    def enter() -> object:
        return world.phone_.approve(shown, number=asked.number, digits=Secret.of(b"000000"))

    assert together(*(enter for _ in range(AT_ONCE))) == ["portal.phone_digits"] + ["portal.replay"] * (AT_ONCE - 1)
    assert world.mobile(world.mobile_.id).tries_left == 4


def test_adm_2_one_signature_serves_one_of_two_administrators_calls(world: Signing) -> None:
    world.sign()
    calls = [lambda: world.manager().block(CARD, REASON) for _ in range(2)]
    assert together(*calls) in (["done", "portal.not_signed"], ["done", "portal.transition"])


def test_org_7_names_asked_at_once_are_limited_all_the_same(world: Signing) -> None:
    world.services.policy = Policy(phones=PhonePolicy(asks_per_name=2))  # type: ignore[misc]

    def ask() -> object:
        return world.door.ask("nobody", URA, binding="b")

    assert together(*(ask for _ in range(AT_ONCE))) == ["done"] * 2 + ["portal.phone_limit"] * 2
