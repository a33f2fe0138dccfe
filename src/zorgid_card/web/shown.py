"""How values are shown in templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup


def _zone() -> tzinfo:
    """That of the people who read it; where the system has no time zones, UTC, and it says so."""
    try:
        return ZoneInfo("Europe/Amsterdam")
    except ZoneInfoNotFoundError:
        return UTC


ZONE: Final = _zone()


def moment(value: datetime | None) -> Markup:
    """Day and time, as the clock on the wall says: ``25-11-2026 09:30``."""
    return _time(value, "%d-%m-%Y %H:%M" if ZONE is not UTC else "%d-%m-%Y %H:%M UTC")


def day(value: date | datetime | None) -> Markup:
    """A day: ``25-11-2026``."""
    return _time(value, "%d-%m-%Y")


def _time(value: date | datetime | None, form: str) -> Markup:
    if value is None:
        return Markup("—")
    local = value.astimezone(ZONE) if isinstance(value, datetime) else value
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(), local.strftime(form))


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {"moment": moment, "day": day}
