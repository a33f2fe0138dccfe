"""A call that comes again because its answer was lost is not done again: it gets the answer that was kept (idempotency)."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from zorgid_card.errors import MessageError, ReplayError, StorageError, UsageError
from zorgid_card.ports.registry import Reply
from zorgid_card.workflows.management.call import Call
from zorgid_card.workflows.messages import JSON, canonical, parse

T = TypeVar("T")

KEPT_FOR = timedelta(hours=24)
"""How long an answer is kept for the caller's idempotency key."""

_LONGEST = 200


def once(call: Call, key: str, kind: type[T] | None, request: Mapping[str, JSON], work: Callable[[Call], T]) -> T:
    """Do it, or give the answer that the same request got before, in the same transaction.

    Args:
        call: who acts, and what for: another actor, or another organisation, has keys of its own.
        key: the caller's name for this one request, 1 to 200 printable characters.
        kind: the dataclass of the answer; None: there is none.
        request: all that the caller asked.
        work: does it.

    Raises:
        UsageError: not a key.
        ReplayError: the key served another request.
        StorageError: the answer that was kept is none (``corrupt``).
    """
    if not 1 <= len(key) <= _LONGEST or not key.isprintable():
        raise UsageError(f"an idempotency key has 1 to {_LONGEST} printable characters", reason="key")
    scope = canonical([type(call.actor).__name__, call.actor_name, call.ura, key])
    name, digest = f"call:{hashlib.sha256(scope).hexdigest()}", _digest(call.action, request)
    kept = next(call.unit.find(Reply, id=name), None)
    if kept is not None and call.now < kept.expires_at:
        if kept.request_hash != digest:
            raise ReplayError("this idempotency key served another request", what="idempotency key")
        return cast(T, None if kind is None else _record(kind, kept.answer))
    done = work(call)
    answer = b"{}" if kind is None else canonical(as_json(done))
    reply = Reply(id=name, request_hash=digest, answer=answer, expires_at=call.now + KEPT_FOR)
    (call.unit.add if kept is None else call.unit.replace)(reply)
    return done


def _digest(action: str, request: Mapping[str, JSON]) -> bytes:
    return hashlib.sha256(canonical({"action": action, "request": dict(request)})).digest()


def as_json(value: Any) -> JSON:
    """Records, and what is made of them, as JSON: times in ISO 8601, octets in hexadecimal."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | list):
        return [as_json(part) for part in value]
    return cast(JSON, value)


def _record(kind: type[T], answer: bytes) -> T:
    hints = get_type_hints(kind)
    try:
        return kind(**{name: _value(hints[name], value) for name, value in parse(answer).items()})
    except (
        MessageError,
        ValueError,
        KeyError,
        TypeError,
    ) as error:  # somebody has changed it, or it is of another version
        raise StorageError("an answer in the registry cannot be read", reason="corrupt") from error


def _value(hint: Any, value: JSON) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(part for part in get_args(hint) if part is not type(None))
    if isinstance(value, str) and hint is datetime:
        return datetime.fromisoformat(value)
    if isinstance(value, str) and hint is bytes:
        return bytes.fromhex(value)
    if value is not None and type(value) is not hint:
        raise TypeError(f"no {hint}")
    return value
