"""A transaction in which a spent try stays spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from zorgid_card.errors import ZorgIDError
from zorgid_card.ports.registry import Registry, Unit

T = TypeVar("T")


@contextmanager
def turn(registry: Registry) -> Iterator[Unit]:
    """One transaction, for callers that use the services without the portal's door.

    It is kept when the block ends, and also when a *counted* error ends it (see
    :attr:`ZorgIDError.counted`): what was written before such an error is the count of the try. Any other
    error rolls everything back.
    """
    counted: ZorgIDError | None = None
    with registry.begin() as unit:
        try:
            yield unit
        except ZorgIDError as error:
            if not error.counted:
                raise
            counted = error
    if counted is not None:
        raise counted


def in_turn(registry: Registry, work: Callable[[Unit], T]) -> T:
    """Do ``work`` as in :func:`turn`, and again from its beginning where another transaction came between."""

    def counting(unit: Unit) -> T | _Counted:
        try:
            return work(unit)
        except ZorgIDError as error:
            if not error.counted:
                raise
            return _Counted(error)

    outcome = registry.run(counting)
    if isinstance(outcome, _Counted):
        raise outcome.error
    return outcome


class _Counted:
    def __init__(self, error: ZorgIDError) -> None:
        self.error = error
