"""What a portal asks of its registry, at 1,000,000 cards and at 10,000: the cost may be no more than twice as much.

A page has 50 cards, and each time another place of the list is asked for; blocking and asking are the whole of what a portal calls,
role, revocation and audit included.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import registries
from harness import Case, Result, run
from registries import GIVEN, LARGE, LARGE_CARDS, MANAGER, NOW, SURNAMES

from zorgid_card.adapters import sql_search
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.workflows.management import Management
from zorgid_card.workflows.management.roles import Actor, Operator
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy, Policy

FEW, MANY = 10_000, 1_000_000
PAGE = 50
LEAST = 0.5
OPERATOR = Operator("bench")
ROUNDS = 41
skipped: list[str] = []

Work = Callable[[SQLRegistry], Callable[[], Any]]
"""What is timed, of a registry."""


@contextmanager
def _pairs() -> Iterator[list[tuple[str, SQLRegistry, SQLRegistry]]]:
    with registries.server() as why:
        if why is not None and why not in skipped:
            skipped.append(why)
        pairs = [
            (name, few, many)
            for (name, few), (_, many) in zip(registries.registries(FEW), registries.registries(MANY), strict=True)
        ]
        yield pairs
        for _, few, many in pairs:
            few.close()
            many.close()


def _compared(works: dict[str, Work], least: float | None = LEAST) -> Iterator[Result]:
    with _pairs() as pairs:
        for (name, few, many), (what, work) in itertools.product(pairs, works.items()):
            case = Case(
                f"{what}, {name}, {MANY:,} cards",
                work(many),
                f"{FEW:,} cards",
                work(few),
                least=least,
                rounds=ROUNDS,
            )
            yield run(case)


def _listing(actor: Actor, ura: str | None, places: list[dict[str, Any]]) -> Work:
    def work(registry: SQLRegistry) -> Callable[[], Any]:
        acting, turns = Management(registry, lambda: NOW).acting_as(actor, ura), itertools.cycle(places)

        def page() -> None:
            place = {"limit": PAGE, **next(turns)}
            if len(acting.list_cards(**place).rows) < place["limit"] and ura is None:
                raise SystemExit("a page is not full: the two cannot be compared")

        for _ in places:  # what is measured is the database's work, not the disk's
            page()
        return page

    return work


def _places(**more: str) -> list[dict[str, Any]]:
    """Behind 40 surnames, drawn once."""
    names = Random(2).sample(SURNAMES, 40)
    return [
        {"after": f"0:{' ' + ' '.join(sql_search.split(name))}", **more}
        for name in names
        if sql_search.split(name)[0] < "k"
    ]


def cards_page() -> Iterator[Result]:
    """A page from somewhere in the list."""
    yield from _compared(
        {
            "cards-page, one organisation": _listing(MANAGER, LARGE, _places()),
            "cards-page, all": _listing(OPERATOR, None, _places()),
            "cards-page, all that are suspended": _listing(OPERATOR, None, _places(state="suspended")),
        }
    )


def cards_search() -> Iterator[Result]:
    """The first page of a search."""
    names = [{"search": " ".join(sql_search.split(name))} for name in (*GIVEN, *SURNAMES)]
    both = [{"search": f"{name} {surname}"} for name, surname in zip(GIVEN, SURNAMES, strict=False)]
    yield from _compared(
        {
            "cards-search, one organisation, a name": _listing(MANAGER, LARGE, names),
            "cards-search, one organisation, both names": _listing(MANAGER, LARGE, both),
            "cards-search, all, a name": _listing(OPERATOR, None, names[: len(GIVEN)]),
            "cards-search, all, a number": _listing(OPERATOR, None, [{"search": f"90000{n}"} for n in range(4)]),
        }
    )
    yield from _compared({"cards-search, all, both names": _listing(OPERATOR, None, _as_many(both))})


def _as_many(searches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of 10,000 cards a handful has both names, of 1,000,000 more than a page: as many are asked for as both can give."""
    with _pairs() as pairs:
        acting = Management(pairs[0][1], lambda: NOW).acting_as(OPERATOR)
        found = [len(acting.list_cards(limit=PAGE, **search).rows) for search in searches]
    return [{**search, "limit": number} for search, number in zip(searches, found, strict=True) if number]


def _managed(act: Callable[[Any, Iterator[str]], Callable[[], Any]]) -> Work:
    def work(registry: SQLRegistry) -> Callable[[], Any]:
        manager = Management(registry, lambda: NOW, Policy(phones=PhonePolicy(signed=UNSIGNED))).acting_as(
            MANAGER, LARGE
        )
        numbers = Random(3).sample(range(LARGE_CARDS), 500)
        with registry.begin() as unit:
            active = [
                it for it in map(registries.serial, numbers) if unit.get(registries.SmartCard, it).state == "active"
            ]
        return act(manager, itertools.cycle(active))

    return work


def card_block() -> Iterator[Result]:
    """Block a card and unblock it again."""

    def act(manager: Any, serials: Iterator[str]) -> Callable[[], Any]:
        def block_and_unblock() -> None:
            serial = next(serials)
            manager.block(serial, "lost")
            manager.unblock(serial, "found")

        return block_and_unblock

    yield from _compared({"card-block, and unblock": _managed(act)})


def card_status() -> Iterator[Result]:
    """Show a card with its holder, its link and its certificate's end."""

    def act(manager: Any, serials: Iterator[str]) -> Callable[[], Any]:
        return lambda: manager.show(next(serials))

    yield from _compared({"card-status": _managed(act)})


GROUPS = (cards_page, cards_search, card_block, card_status)
