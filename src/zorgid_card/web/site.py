"""What all requests of a portal share: its services, who may see what, and where."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from zorgid_card.recipes import PortalSide
from zorgid_card.web.settings import Settings
from zorgid_card.workflows.browser_sessions import BrowserSessions
from zorgid_card.workflows.health import Health
from zorgid_card.workflows.management.roles import OPERATOR, PASS_HOLDER
from zorgid_card.workflows.people import ADMINISTRATOR, HOLDER, MANAGER

MOMENT: Final = 5.0
"""Seconds for which what :class:`Lately` has found is as good as new."""

NEEDS: Final[Mapping[str, frozenset[str]]] = {
    "log-in": frozenset((HOLDER, MANAGER, ADMINISTRATOR, PASS_HOLDER, OPERATOR)),
    "person": frozenset((HOLDER, MANAGER, ADMINISTRATOR)),
    "pass": frozenset((PASS_HOLDER,)),
    "manager": frozenset((MANAGER, ADMINISTRATOR)),
    "administrator": frozenset((ADMINISTRATOR,)),
    "operator": frozenset((OPERATOR,)),
}
"""Whom a page is for. What they may do there is judged by the services, at each call."""

NAVIGATION: Final = (
    ("/me", "web.nav.me", NEEDS["person"] | NEEDS["pass"]),
    ("/manage/cards", "web.nav.cards", NEEDS["manager"] | NEEDS["operator"]),
    ("/manage/people", "web.nav.people", NEEDS["manager"]),
    ("/manage/guests", "web.nav.guests", NEEDS["manager"]),
    ("/manage/phones", "web.nav.phones", NEEDS["administrator"]),
    ("/manage/audit", "web.nav.audit", NEEDS["administrator"] | NEEDS["operator"]),
    ("/operator", "web.nav.operator", NEEDS["operator"]),
)


@dataclass(frozen=True, slots=True)
class Site:
    """What all requests share; ``app.state.site``."""

    portal: PortalSide
    settings: Settings
    sessions: BrowserSessions
    addresses: frozenset[str]
    """Of pages that there are."""
    health: Callable[[], Health]


class Lately:
    """What was found a moment ago, lest whoever asks again and again keeps the database busy."""

    def __init__(self, look: Callable[[], Health]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._found: tuple[float, Health] | None = None

    def __call__(self) -> Health:
        """Look, unless somebody did in the last :data:`MOMENT` seconds."""
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > MOMENT:
                self._found = time.monotonic(), self._look()
            return self._found[1]
