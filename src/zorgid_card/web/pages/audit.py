"""What happened at an organisation: shown, and handed out as JSON lines with NEN 7513's names (docs/audit.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from zorgid_card.errors import UsageError
from zorgid_card.web.changes import day_of, end_of
from zorgid_card.web.lists import events, pager
from zorgid_card.web.render import Form, Page, page
from zorgid_card.workflows.management import EventPage

_LIST: Final = "/manage/audit"
_THINGS: Final = ("card", "person", "administrator", "phone", "organisation", "request", "puk", "audit", "operator")
_LINES: Final = 100
"""Events that are sent at once."""


@page(needs="log-in")
def audit(page: Page) -> Response:
    """What happened, the newest first; of one kind of things, or in some days."""
    asked = {name: page.query.get(name, "") for name in ("thing", "since", "until")}
    error: UsageError | None = None
    found = EventPage((), None)
    try:
        since, until = _span(asked)
        after = page.query.get("after") or None
        found = page.acting().events(thing=asked["thing"] or None, since=since, until=until, after=after)
    except UsageError as refused:
        error = refused
    return page.render(
        "manage/audit.html",
        status=200 if error is None else 400,
        rows=events(page, found.rows),
        asked=asked,
        things=_THINGS,
        pager=pager(page, found.after),
        error=error,
    )


@page(needs="log-in")
def export(page: Page) -> Response:
    """All of it, or of some days, as a download that is made while it is read."""
    form = page.form()
    since, until = _span(form)
    source = urlsplit(page.portal.services.identity.origin).netloc
    lines = page.acting().export_events(source, since=since, until=until)
    name = f"zorgid-audit-{page.session.ura or 'all'}-{page.portal.services.clock().date().isoformat()}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_joined(lines), media_type="application/jsonl; charset=utf-8", headers=headers)


def _joined(lines: Iterator[str]) -> Iterator[bytes]:
    while some := list(islice(lines, _LINES)):
        yield "".join(f"{line}\n" for line in some).encode()


def _span(asked: dict[str, str] | Form) -> tuple[datetime | None, datetime | None]:
    """From the beginning of the first day to the end of the last; raises UsageError."""
    since, until = asked.get("since", ""), asked.get("until", "")
    return day_of(since, "since") if since else None, end_of(until) if until else None


ROUTES: Final[list[BaseRoute]] = [Route(_LIST, audit), Route(_LIST + "/export", export, methods=["POST"])]
