"""``zorgid-card people``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from zorgid_card.cli.management.counter import Counter, Facts, day
from zorgid_card.workflows.management import PersonRow


def list_people(counter: Counter, **options: Any) -> None:
    """People, a page at a time."""
    page = counter.acting().list_people(**options)
    heads = ("fact.user", "fact.name", "fact.uzi-number", "fact.function", "fact.until")
    rows = (
        (row.person.user_name, name_of(row), row.person.uzi_number, _role(counter, row), day(row.membership.until))
        for row in page.rows
    )
    counter.page(page, heads, rows)


def show(counter: Counter, user: str) -> None:
    """One person."""
    row = counter.acting().named(user)
    counter.show(row, _facts(counter, row))


def appoint(counter: Counter, *, user: str, role: str, reason: str, yes: bool, key: str | None) -> None:
    """Give a person a role."""
    acting = counter.acting()
    row = acting.named(user)
    new = ("new-function", counter.state("role", role))
    counter.confirm("person-appoint", (*_facts(counter, row), new), yes=yes)
    done = acting.appoint(row.person.id, role, reason, key=key)
    counter.done("people.appoint", done, name=name_of(row), role=counter.state("role", role))


def offer(counter: Counter, *, user: str | None, to: str) -> None:
    """A code with which another organisation may link a person."""
    acting = counter.acting()
    offered = acting.offer_link(to, None if user is None else counter.person_id(user))
    counter.done("people.offer", offered, code=offered.code, ura=to, until=day(offered.expires_at))


def link(counter: Counter, *, code: str, reason: str, yes: bool, key: str | None) -> None:
    """Link who gave their leave. Who that is shows only then: the code is theirs."""
    acting = counter.acting()
    counter.confirm("person-link", (("ura", counter.ura or ""),), yes=yes)
    member = acting.link(code, reason, key=key)
    counter.done("people.link", member, name=name_of(acting.show_person(member.person_id)))


def guest(
    counter: Counter, *, number: str, serial: str, until: datetime, reason: str, yes: bool, key: str | None
) -> None:
    """Link another organisation's person with their card, for a time."""
    acting = counter.acting()
    counter.confirm("person-guest", (("uzi-number", number), ("serial", serial), ("until", day(until))), yes=yes)
    link = acting.link_guest(number, serial, until, reason, key=key)
    counter.done("people.guest", link, serial=serial, until=day(link.until))


def unlink(counter: Counter, *, user: str, reason: str, yes: bool, key: str | None) -> None:
    """Unlink a person."""
    acting = counter.acting()
    if not yes:
        counter.confirm("person-unlink", _facts(counter, acting.named(user)), yes=yes)
    acting.unlink(counter.person_id(user), reason, key=key)  # with its key, also where it was done before
    counter.done("people.unlink", None, name=user)


def approve_uzi(counter: Counter, *, user: str, number: str, reason: str, yes: bool, key: str | None) -> None:
    """Let a person come with another UZI number."""
    acting = counter.acting()
    row = acting.named(user)
    counter.confirm("person-uzi", (*_facts(counter, row), ("new-uzi-number", number)), yes=yes)
    leave = acting.approve_uzi_number(row.person.id, number, reason, key=key)
    counter.done("people.uzi", leave, name=name_of(row), number=number)


def name_of(row: PersonRow) -> str:
    """A person's name."""
    return f"{row.person.given_names} {row.person.surname}"


def _role(counter: Counter, row: PersonRow) -> str:
    return counter.state("role", "guest" if row.membership.until is not None else row.membership.role)


def _facts(counter: Counter, row: PersonRow) -> Facts:
    return (
        ("user", row.person.user_name),
        ("name", name_of(row)),
        ("uzi-number", row.person.uzi_number),
        ("function", _role(counter, row)),
        ("until", day(row.membership.until)),
    )
