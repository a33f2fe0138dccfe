"""What ``zorgid-card outbox``, ``db tidy`` and ``db erase-person`` do."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from zorgid_card.cli.console import TerminalHolder, TerminalKeyboard
from zorgid_card.cli.display import Display
from zorgid_card.errors import NotFoundError, UsageError
from zorgid_card.ports.registry import Notice, Person, Registry
from zorgid_card.workflows import housekeeping, outbox
from zorgid_card.workflows.erasure import erase_person as erase
from zorgid_card.workflows.holder import Question
from zorgid_card.workflows.organisation import printable_text

_NAME = 200
_SHOWN = ("id", "kind", "state", "tries", "made_at", "due_at", "error")


def list_notices(display: Display, registry: Registry, state: str, after: str, limit: int, *, as_data: bool) -> None:
    """List notices."""
    with registry.begin() as unit:
        found = unit.page(Notice, after=after, limit=limit, state=state)
    rows = [{name: _text(getattr(notice, name)) for name in _SHOWN} for notice in found]
    if as_data:
        print(json.dumps({"notices": rows, "after": found[-1].id if len(found) == limit else None}))
    elif not rows:
        display.say("outbox.none", state=display.texts(f"outbox.state.{state}"))
    else:
        names = ("id", "kind", "tries", "made_at", "error")
        display.table(
            [display.texts(f"outbox.head.{name}") for name in names], [[str(r[n] or "") for n in names] for r in rows]
        )


def retry(display: Display, registry: Registry, notice_id: str, *, as_data: bool) -> None:
    """Have a notice tried anew."""
    notice = registry.run(lambda unit: outbox.again(unit, notice_id, datetime.now(UTC)))
    if as_data:
        print(json.dumps({"id": notice.id, "state": notice.state}))
    else:
        display.say("outbox.again", "green")


def tidy(
    display: Display, registry: Registry, audit_years: int, contact_days: int, notice_days: int, *, as_data: bool
) -> None:
    """Remove what has served its time."""
    now = datetime.now(UTC)
    retention = housekeeping.Retention(
        audit=timedelta(days=365 * audit_years),
        contacts=timedelta(days=contact_days),
        notices=timedelta(days=notice_days),
    )
    expired = housekeeping.remove_expired(registry, now)
    kept = housekeeping.apply(registry, retention, now)
    if as_data:
        print(json.dumps({"expired": expired, **asdict(kept)}))
    else:
        display.say("db.tidied", "green", expired=expired, **asdict(kept))


def erase_person(display: Display, registry: Registry, user: str, operator: str, *, yes: bool, as_data: bool) -> None:
    """Erase a person who has left.

    Raises:
        NotFoundError: nobody has this user name.
        NotAllowedError: the person has not left.
        DeclinedError: not to be done.
        UsageError: nobody is there to answer.
    """
    operator = printable_text(operator, "operator", _NAME)
    with registry.begin() as unit:
        person = next(unit.find(Person, user_name=user), None)
    if person is None:
        raise NotFoundError("nobody has this user name", what="Person")
    if not yes:
        facts = (("name", f"{person.given_names} {person.surname}"),)
        if as_data:
            raise UsageError("with --json nothing is asked", reason="yes")
        TerminalHolder(display, TerminalKeyboard()).confirm(Question("person-erase", facts))
    erased = erase(registry, person.id, operator, datetime.now(UTC))
    if as_data:
        print(json.dumps(asdict(erased)))
    else:
        display.say("db.erased", "green", **asdict(erased))


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
