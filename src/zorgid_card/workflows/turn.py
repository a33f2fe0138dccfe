"""A transaction in which a spent try stays spent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from zorgid_card.errors import ZorgIDError
from zorgid_card.ports.registry import Registry, Unit


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
