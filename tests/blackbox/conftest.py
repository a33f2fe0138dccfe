"""A private pcscd with vpcd's virtual readers, into which the tests put simulated cards.

``make test-blackbox`` makes the place that it needs. Where it cannot run, the tests are skipped and say why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.pcscd import PrivatePCSCD, private_pcscd, why_not


@pytest.fixture(scope="session")
def pcscd() -> Iterator[PrivatePCSCD]:
    """A pcscd of our own with two empty virtual slots; ``pcscd.resized(8)`` has more for a while."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with private_pcscd() as daemon:
        yield daemon


@pytest.fixture
def insert(pcscd: PrivatePCSCD) -> Iterator[Callable[[VirtualCard], str]]:
    """Puts a card into the next free slot (there are two) and gives the reader's name; it is taken out at the end."""

    def put(card: VirtualCard) -> str:
        free = next((slot for slot in pcscd.slots if slot.card is None), None)
        assert free is not None, f"there are {len(pcscd.slots)} slots"
        free.insert(card)
        return free.name

    yield put
    for slot in pcscd.slots:
        slot.remove()
