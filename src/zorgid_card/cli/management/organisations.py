"""``zorgid-card org``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from zorgid_card.cli.management.counter import Counter, day
from zorgid_card.errors import NotFoundError
from zorgid_card.ports.registry import Organisation, Request


@dataclass(frozen=True, slots=True)
class _Shown:
    organisation: Organisation | None
    requests: tuple[Request, ...]


def request(counter: Counter, **form: Any) -> None:
    """File a request (ORG-1)."""
    filed = counter.anybody().request(
        organisation_name=form["name"], contact_name=form["contact"], contact_email=form["email"], key=form["key"]
    )
    counter.done("org.filed", filed, id=filed.id)


def list_requests(counter: Counter, **options: Any) -> None:
    """Requests, a page at a time."""
    page = counter.acting().requests(**options)
    heads = ("fact.request", "fact.ura", "fact.organisation", "cards.state", "fact.filed")
    rows = (
        (one.id, one.ura, one.organisation_name, counter.state("state.request", one.state), day(one.filed_at))
        for one in page.rows
    )
    counter.page(page, heads, rows)


def list_organisations(counter: Counter, **options: Any) -> None:
    """Organisations, a page at a time."""
    page = counter.acting().organisations(**options)
    heads = ("fact.ura", "fact.organisation", "cards.state", "fact.validated")
    rows = (
        (one.ura, one.name, counter.state("state.organisation", one.state), day(one.validated_at)) for one in page.rows
    )
    counter.page(page, heads, rows)


def show(counter: Counter, name: str | None) -> None:
    """An organisation with its requests, or one request."""
    if name is not None and not re.fullmatch("[0-9]{8}", name):
        found = counter.acting().show_request(name)
        counter.show(found, _facts(counter, found))
        return
    if name is not None:
        counter.ura = name
    acting = counter.acting()
    try:
        organisation = acting.organisation()
    except NotFoundError:
        organisation = None
    filed = acting.requests(limit=200).rows if counter.is_operator else ()
    facts: list[tuple[str, str]] = []
    if organisation is not None:
        facts += [("organisation", organisation.name), ("ura", organisation.ura)]
        facts += [("state", counter.state("state.organisation", organisation.state))]
        facts += [("validated", day(organisation.validated_at))]
    for one in filed:
        facts += _facts(counter, one)
    counter.show(_Shown(organisation, filed), facts)


def decide(counter: Counter, event: str, request_id: str, *, reason: str, yes: bool, key: str | None) -> None:
    """Approve or reject a request."""
    acting = counter.acting()
    found = acting.show_request(request_id)
    counter.confirm(f"org-{event}", tuple(_facts(counter, found)), yes=yes)
    decided = (acting.approve if event == "approve" else acting.reject)(request_id, reason, key=key)
    counter.done(f"org.{event}", decided, name=found.organisation_name)


def change(counter: Counter, event: str, *, reason: str, yes: bool, key: str | None) -> None:
    """Suspend or resume an organisation."""
    acting = counter.acting()
    found = acting.organisation()
    counter.confirm(f"org-{event}", (("organisation", found.name), ("ura", found.ura)), yes=yes)
    changed = (acting.suspend if event == "suspend" else acting.resume)(reason, key=key)
    counter.done(f"org.{event}", changed, name=found.name)


def _facts(counter: Counter, found: Request) -> list[tuple[str, str]]:
    return [
        ("request", found.id),
        ("organisation", found.organisation_name),
        ("ura", found.ura),
        ("contact", f"{found.contact_name} <{found.contact_email}>"),
        ("state", counter.state("state.request", found.state)),
        ("filed", day(found.filed_at)),
        ("decided", day(found.decided_at)),
        ("reason", found.reason or ""),
    ]
