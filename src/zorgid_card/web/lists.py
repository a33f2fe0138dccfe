"""Lists on pages: where the next page is, and what happened as people read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from zorgid_card.texts import TEXTS, Texts
from zorgid_card.web.render import Page
from zorgid_card.web.shown import moment
from zorgid_card.workflows.management import EventRow

AFTER: Final = "after"


@dataclass(frozen=True, slots=True)
class Pager:
    """Addresses of other pages of a list; empty: there is none."""

    first: str
    next: str


def pager(page: Page, after: str | None) -> Pager:
    """The other pages of the list that is shown, searched and filtered as it is.

    Args:
        page: the request.
        after: where the next page begins; None: this is the last.
    """
    asked = {name: value for name, value in page.query.items() if value and name != AFTER}
    here = page.request.url.path
    return Pager(
        first=_address(here, asked) if page.query.get(AFTER) else "",
        next=_address(here, asked | {AFTER: after}) if after else "",
    )


def _address(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


# --- what happened ------------------------------------------------------------------------------------------------------

_SHOWN: Final = ("role", "cause", "uzi_number", "until", "to")
"""What of an event's detail people can read."""


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """Something that happened, in words."""

    number: int
    at: str
    what: str
    who: str
    of: str
    address: str
    why: str


def events(page: Page, rows: Iterable[EventRow]) -> list[ShownEvent]:
    """What happened, in words of the page's language."""
    pages = page.session.ura is not None
    return [_event(page.texts, row, pages) for row in rows]


def _event(texts: Texts, row: EventRow, pages: bool) -> ShownEvent:
    details = [_detail(texts, name, str(row.detail[name])) for name in _SHOWN if name in row.detail]
    return ShownEvent(
        number=row.number,
        at=moment(row.at),
        what=_word(texts, f"web.event.{row.action}", row.action),
        who=row.actor_name or _word(texts, f"web.event.actor.{row.actor}", row.actor or texts("web.manage.erased")),
        of=_subject(texts, row),
        address=_place(row) if pages else "",
        why="; ".join(part for part in (row.reason, *details) if part),
    )


def _word(texts: Texts, key: str, otherwise: str) -> str:
    return texts(key) if key in TEXTS else otherwise


def _detail(texts: Texts, name: str, value: str) -> str:
    if name == "role":
        return _word(texts, f"role.{value}", value)
    if name == "cause":
        return _word(texts, f"web.manage.cause.{value}", value)
    return f"{texts(f'web.manage.detail.{name}')} {value[:10]}"


def _subject(texts: Texts, row: EventRow) -> str:
    """A card by its serial and holder, a person by name; the rest is known by who did it, or has a number nobody reads."""
    if not row.subject:
        return texts("web.manage.erased")
    thing = row.action.partition(".")[0]
    if thing in ("card", "puk"):
        return texts("web.manage.what.card", subject=row.subject, about=row.subject_name)
    if thing == "phone":
        return texts("web.manage.what.phone", about=row.subject_name)
    return row.subject_name or ""


def _place(row: EventRow) -> str:
    """The page of the thing, where there is one and it is known by name."""
    thing = row.action.partition(".")[0]
    if row.subject_name and thing in ("card", "puk"):
        return f"/manage/cards/{row.subject}"
    if row.subject_name and thing in ("person", "administrator") and row.action != "person.link-guest":
        return f"/manage/people/{row.subject}"
    return ""
