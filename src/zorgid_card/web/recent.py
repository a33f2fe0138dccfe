"""What was found a moment ago, told again to whoever asks all the time: nobody can keep the portal busy with looking at itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

KEPT: Final = 2.0
"""Seconds for which it is told again."""


class Recent:
    """How the portal was; serves many threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._at = float("-inf")
        self._state = ""

    def state(self, look: Callable[[], str]) -> str:
        """As it was found at most :data:`KEPT` seconds ago, or while another looks, just before."""
        if not self._turn.acquire(blocking=not self._state):
            return self._state
        try:
            if monotonic() - self._at >= KEPT:
                self._state = look()
                self._at = monotonic()
            return self._state
        finally:
            self._turn.release()
