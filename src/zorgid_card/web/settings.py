"""What a portal's pages are told: how long sessions last, how often what may be asked, where the agent is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from zorgid_card.errors import UsageError
from zorgid_card.ports.http import HTTPService
from zorgid_card.workflows.browser_sessions import SessionPolicy
from zorgid_card.workflows.health import EventCounts

AGENT_PORT: Final = 47480

LIMITS: Final[Mapping[str, int]] = {"challenge": 1200, "log-in": 600, "request": 20, "operator": 20}
"""How often one client may ask for what, in :attr:`Settings.window`; many people sit behind the address of one hospital."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of the pages; rules are the portal's :class:`~zorgid_card.workflows.policy.Policy`."""

    sessions: SessionPolicy = field(default_factory=SessionPolicy)
    limits: Mapping[str, int] = field(default_factory=lambda: dict(LIMITS))
    window: timedelta = timedelta(minutes=10)
    agent_port: int = AGENT_PORT
    """Where the agent listens on each desk's own computer."""
    ocsp: HTTPService | None = None
    """The responder (:class:`~zorgid_card.workflows.ocsp_service.OCSPService`), if this portal serves one at ``/ocsp``."""
    counts: EventCounts | None = None
    """What ``/metrics`` tells of this process; also the portal's ``events``."""
    metrics_token: str = field(default="", repr=False)
    """Who asks for ``/metrics`` with this as a bearer token gets them, besides operators; empty: nobody else does."""
    certificates: Mapping[str, bytes] = field(default_factory=dict)
    """Certificates whose end ``/health`` and ``/metrics`` tell besides the CA's, such as the server's; DER, by a name."""
    support: str = ""
    """Whom to call or write to when something does not work, as it is to be shown."""

    def __post_init__(self) -> None:
        """A limit whose name is mistyped would limit nothing.

        Raises:
            UsageError: ``reason`` names the field.
        """
        if set(self.limits) != set(LIMITS):
            raise UsageError(f"limits are of {', '.join(sorted(LIMITS))}", reason="limits")
