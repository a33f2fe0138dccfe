"""What a page and the agent say to each other, as tables made of the types; ``docs/agent.md`` shows them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from zorgid_card.agent.messages import (
    EVENTS,
    LIMIT,
    PROTOCOL,
    STARTS,
    Answer,
    Cancel,
    CodesResult,
    CreatedResult,
    Done,
    Failed,
    Hello,
    LoggedIn,
    Paired,
    PINStatusResult,
    Problem,
    ReaderSeen,
    ReadersSeen,
    RegisteredResult,
    Replaced,
    TriesLeft,
    hints_of,
)
from zorgid_card.agent.page_holder import PAGE_ASKS
from zorgid_card.agent.transport import PATH, PORT
from zorgid_card.workflows.protocol import table

_NAMES: Final = {str: "text", int: "number", float: "number", bool: "true, false", object: "any value"}
_PARTS: Final = {
    Replaced: "replaces",
    Problem: "error",
    TriesLeft: "tries",
    ReaderSeen: "reader",
}
_RESULTS: Final = (ReadersSeen, LoggedIn, RegisteredResult, CreatedResult, PINStatusResult, CodesResult)


def page() -> str:
    """All tables, as Markdown."""
    heads = ("message", "field", "value", "")
    asked = ", ".join(f"`{code}`" for code in sorted(PAGE_ASKS))
    parts = (
        f"Version {PROTOCOL}, at `ws://127.0.0.1:{PORT}{PATH}`; text frames of JSON, at most {LIMIT:,} octets each.",
        "### From the page",
        table(heads, [*_rows("start", STARTS, "step"), *_rows("", (Answer, Cancel), "type")]),
        "### From the agent",
        table(
            heads,
            [*_rows("", (Hello, Paired), "type"), *_rows("event", EVENTS, "event"), *_rows("", (Done, Failed), "type")],
        ),
        f"The page asks, and nothing else is asked there: {asked}.",
        "### Results, and other parts",
        table(("part", *heads[1:]), [row for kind in (*_RESULTS, *_PARTS) for row in _part(kind)]),
    )
    return "\n\n".join(parts).replace("``", "`") + "\n"


def _rows(type_: str, kinds: Iterable[type], name: str) -> Iterator[tuple[str, ...]]:
    for kind in kinds:
        named = getattr(kind, name)
        yield from _lines(f"`{type_}` `{named}`" if type_ else f"`{named}`", kind)


def _part(kind: type) -> Iterator[tuple[str, ...]]:
    named = _PARTS.get(kind)
    return _lines(
        f"`{named}`" if named else (inspect.getdoc(kind) or "").partition(";")[0].partition(":")[0].rstrip("."), kind
    )


def _lines(named: str, kind: type) -> Iterator[tuple[str, ...]]:
    """A line that says what it is, and one for each field."""
    hints, said = hints_of(kind), " ".join((inspect.getdoc(kind) or "").split())
    if kind in _RESULTS:
        said = ""
    shown = [(field.name, _described(hints[field.name]), field.default is None) for field in fields(kind)]
    rows: Sequence[tuple[str, str, str]] = [
        (f"`{name}`", value.removesuffix(" or null") if optional else value, "may be absent" if optional else "")
        for name, value, optional in shown
    ]
    yield named, "", "", said
    for row in rows:
        yield "", *row


def _described(hint: Any) -> str:
    """A type, as people read it."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return _one_of(parts)
    if kind is Annotated:
        return f"{_described(parts[0])}, {parts[1].least} to {parts[1].most}"
    if kind is Literal:
        return ", ".join(f"`{value}`" for value in parts)
    if kind is tuple:
        return f"array of {_described(parts[0])}"
    return f"`{_PARTS[hint]}`" if hint in _PARTS else _NAMES.get(hint, "object")


def _one_of(parts: Sequence[Any]) -> str:
    if all(is_dataclass(part) for part in parts):
        return "by its step, below"
    found = [_described(part) for part in parts if part is not NoneType]
    return " or ".join((*found, *(("null",) if NoneType in parts else ())))
