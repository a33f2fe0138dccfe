"""An organisation's people and their roles; who is linked, and unlinked (ADM-5, ADM-6, CRD-11, ORG-8)."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zorgid_card.errors import OrganisationUnknownError, UsageError, ZorgIDError
from zorgid_card.web import changes
from zorgid_card.web.changes import Thing, full_name, may
from zorgid_card.web.lists import events, pager
from zorgid_card.web.render import Page, page
from zorgid_card.web.shown import moment
from zorgid_card.workflows.management import CardRow, PersonRow, PhoneRow
from zorgid_card.workflows.people import ROLES

_LIST: Final = "/manage/people"
_OFFER: Final = "/manage/offer"
_CHANGES: Final = ("appoint", "unlink", "approve-uzi-number")
_MOST: Final = 200


@page(needs="log-in")
def people(page: Page) -> Response:
    """The organisation's people, a page at a time; searched, or of one role."""
    search, role = page.query.get("search", ""), page.query.get("role", "")
    found = page.acting().list_people(
        search=search, role=role or None, guests=False, after=page.query.get("after") or None
    )
    return page.render(
        "manage/people.html",
        rows=found.rows,
        search=search,
        role=role,
        roles=ROLES,
        pager=pager(page, found.after),
        may={action: may(page, action) for action in ("person.link", "person.link-guest", "person.offer")},
    )


@page(needs="log-in")
def person(page: Page) -> Response:
    """One person: role, cards, phones, what happened, and what may be done."""
    acting = page.acting()
    row = acting.show_person(page.path["subject"])
    return page.render(
        "manage/person.html",
        row=row,
        facts=_facts(page, row),
        cards=_cards(page, row),
        phones=_phones(page, row),
        events=events(page, acting.person_events(row.person.id)),
        offered=[event for event in _CHANGES if may(page, f"person.{event}") and not (row.guest and event != "unlink")],
    )


def _cards(page: Page, row: PersonRow) -> list[CardRow]:
    """A person's cards here: few, and found by the UZI number."""
    found = page.acting().list_cards(search=row.person.uzi_number, limit=_MOST).rows
    return [card for card in found if card.person.id == row.person.id]


def _phones(page: Page, row: PersonRow) -> list[PhoneRow]:
    if not may(page, "phone.list"):
        return []
    return [phone for phone in page.acting().phones() if phone.person_id == row.person.id]


def _thing(page: Page) -> Thing:
    row = page.acting().show_person(page.path["subject"])
    back, now = f"{_LIST}/{row.person.id}", {"role": row.membership.role}
    return Thing(row.person.id, full_name(row.person), _facts(page, row), back, now)


def _facts(page: Page, row: PersonRow) -> changes.Facts:
    person = row.person
    return (
        ("name", full_name(person)),
        ("user", person.user_name),
        ("uzi_number", person.uzi_number),
        ("role", page.texts("role.guest" if row.guest else f"role.{row.membership.role}")),
        ("until", moment(row.membership.until) if row.guest else ""),
    )


# --- linking ------------------------------------------------------------------------------------------------------------

_NEW: Final = Thing("", "", (), _LIST)


@page(needs="log-in")
def link(page: Page) -> Response:
    """Which code did the person give?"""
    return changes.confirm(page, "person.link", _NEW)


@page(needs="log-in")
def linked(page: Page) -> Response:
    """The person of the code is linked, with all cards (CRD-11)."""
    return changes.submit(page, "person.link", _NEW)


@page(needs="log-in")
def offer(page: Page) -> Response:
    """To which organisation does one give leave to link oneself (CRD-11)?"""
    return _offer(page)


@page(needs="log-in")
def offered(page: Page) -> Response:
    """The code, shown once."""
    ura = page.form()["ura"].strip()
    try:
        found = page.acting().offer_link(ura)
    except (UsageError, OrganisationUnknownError) as error:
        return _offer(page, ura, error)
    return page.render("manage/offered.html", offered=found)


def _offer(page: Page, ura: str = "", error: ZorgIDError | None = None) -> Response:
    return page.render("manage/offer.html", status=200 if error is None else 400, ura=ura, error=error)


ROUTES: Final[list[BaseRoute]] = [
    Route(_LIST, people),
    Route(_LIST + "/link", link),
    Route(_LIST + "/link", linked, methods=["POST"]),
    Route(_LIST + "/{subject}", person),
    *changes.routes(_LIST, "person", _thing),
    Route(_OFFER, offer),
    Route(_OFFER, offered, methods=["POST"]),
]
