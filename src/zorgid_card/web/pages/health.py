"""How the portal is doing: for a load balancer, which learns no more than that; for Prometheus and operators all of it."""

from __future__ import annotations

import hmac
from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from zorgid_card.errors import NotAllowedError
from zorgid_card.web.render import Page, page
from zorgid_card.web.site import NEEDS
from zorgid_card.workflows.health import FAILING, prometheus

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


@page(quiet=True)
def health(page: Page) -> Response:
    """``ok``, ``warning`` or ``failing``; what that is about only an operator is told."""
    found = page.health()
    told: dict[str, object] = {"state": found.state}
    if page.session.role in NEEDS["operator"]:
        told["checks"] = [
            {"name": check.name, "about": check.about, "value": check.value, "state": check.state}
            for check in found.checks
        ]
    return page.answer(told, status=503 if found.state == FAILING else 200)


@page(quiet=True)
def metrics(page: Page) -> Response:
    """What Prometheus reads, of this process and of the registry."""
    if page.session.role not in NEEDS["operator"]:
        _require_token(page)
    counts = page.settings.counts
    return PlainTextResponse(
        prometheus(page.health(), counts.counts() if counts else None),
        media_type=_TEXT,
    )


def _require_token(page: Page) -> None:
    wanted = page.settings.metrics_token
    given = page.request.headers.get("authorization", "").removeprefix("Bearer ")
    if not wanted or not hmac.compare_digest(wanted.encode(), given.encode()):
        raise NotAllowedError("metrics are for operators, and for who has the token", action="metrics")


ROUTES: Final[list[BaseRoute]] = [Route("/health", health), Route("/metrics", metrics)]
