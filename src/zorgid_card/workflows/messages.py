"""What card side and portal side say to each other: typed messages, strict UTF-8 JSON.

A message is a frozen dataclass with a ``kind``. On the wire it is ``{"kind": ..., field: value, ...}``: octets as base64url
without padding, dates and times as ISO 8601 (times in UTC), tuples as arrays, absent optional values as null. Decoding
refuses what does not fit: an unknown kind or field, a missing one, a wrong type, U+0000 in text, what is shorter or longer
than its field may be (:class:`Length`), more than :data:`LIMIT` octets in all.

No message has a field for a PIN, a PUK or a CA key. The one secret that may cross is a card's own administration key, where
the card's dialect can only be given it in clear, and it crosses sealed (:mod:`zorgid_card.workflows.sealing`): text that JSON was
read from, or written to, cannot be wiped. So a :class:`~zorgid_card.secret.Secret` is no type of a field.
"""

from __future__ import annotations

import base64
import binascii
import json
import types
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Final, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from zorgid_card.errors import Detail, MessageError, PortalError, ZorgIDError
from zorgid_card.ports.seam import LIMIT

JSON: TypeAlias = "str | int | bool | list[JSON] | dict[str, JSON] | None"
M = TypeVar("M", bound="Message")


@dataclass(frozen=True, slots=True)
class Length:
    """How long a field may be, from ``least`` to ``most``: characters of text, octets, or items; part of the field's type."""

    least: int
    most: int


Word: TypeAlias = Annotated[str, Length(1, 40)]
"""A name that programs give things."""
Line: TypeAlias = Annotated[str, Length(0, 200)]
"""What people read."""
Certificate: TypeAlias = Annotated[bytes, Length(1, 8192)]
"""X.509, DER."""
PublicKey: TypeAlias = Annotated[bytes, Length(1, 1024)]
"""SubjectPublicKeyInfo, DER."""
Signature: TypeAlias = Annotated[bytes, Length(1, 1024)]
"""RSA: as many octets as the modulus; ECDSA: DER."""
Chain: TypeAlias = Annotated[tuple[Certificate, ...], Length(0, 6)]
"""CA certificates, each of the one before."""


class Message:
    """Base of all messages; a subclass names its ``kind`` and is a frozen dataclass of simple fields."""

    __slots__ = ()
    kind: ClassVar[str]
    volatile: ClassVar[bool] = False
    """The request changes nothing and its answer is not kept: a repetition is served anew."""
    _kinds: ClassVar[dict[str, type[Message]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        known = Message._kinds.setdefault(cls.kind, cls)
        if known.__qualname__ != cls.__qualname__:
            raise TypeError(f"message kind {cls.kind!r} is taken by {known.__qualname__}")
        Message._kinds[cls.kind] = cls  # dataclass(slots=True) makes the class anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Message):
    """The portal refuses; the card side raises the same typed error."""

    kind: ClassVar[str] = "refusal"
    code: str
    message: str
    names: tuple[str, ...]
    values: tuple[str, ...]

    @classmethod
    def of(cls, error: ZorgIDError) -> Refusal:
        """Carry ``error``: its code, its English sentence and its public details."""
        shown = {name: json.dumps(value) for name, value in error.details.items()}
        return cls(code=error.code, message=str(error), names=tuple(shown), values=tuple(shown.values()))

    def error(self) -> ZorgIDError:
        """The error that this refusal carries; a :class:`PortalError` where that is none for a portal to tell."""
        details: dict[str, Detail] = {}
        for name, text in zip(self.names, self.values, strict=False):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise MessageError("a refusal's detail is not JSON", field=name) from error
            details[name] = value if isinstance(value, str | int) or value is None else str(value)
        if not _portals(self.code):
            return PortalError(self.message, **details)
        return ZorgIDError.of(self.code, self.message, details)


_PORTALS: Final = ("portal", "certificate", "encoding", "storage", "fetch")
_PORTALS_TOO: Final = frozenset(
    ("card.not_blank", "card.scrapped", "card.not_offered", "user.birth_date", "user.too_many_tries", "user.usage")
)
_OF_THE_WAY: Final = frozenset(("portal.unreachable", "portal.tls", "portal.answer"))


def _portals(code: str) -> bool:
    """Whether a portal may say so. It cannot speak for the card, the reader or the person, nor for the way to itself."""
    return code in _PORTALS_TOO or (code.partition(".")[0] in _PORTALS and code not in _OF_THE_WAY)


def canonical(value: JSON) -> bytes:
    """The one encoding of a JSON value that is hashed and signed: sorted names, no spaces, UTF-8 (as in RFC 8785)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse(raw: bytes) -> dict[str, JSON]:
    """A JSON object from the wire.

    Raises:
        MessageError: longer than :data:`LIMIT`, not UTF-8, not JSON, not an object, a name given twice, or a number that is
            not an integer.
    """
    if len(raw) > LIMIT:
        raise MessageError(f"a message of {len(raw)} octets; at most {LIMIT} are accepted", field="")
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_once, parse_float=_no_float, parse_constant=_no_float)
        canonical(value)  # an escape may name half a surrogate pair, which no encoding of text has
    except (ValueError, RecursionError) as error:
        raise MessageError("not a message: not JSON", field="") from error
    if not isinstance(value, dict):
        raise MessageError("not a message: not a JSON object", field="")
    return value


def to_json(message: Message) -> dict[str, JSON]:
    """The message as a JSON object."""
    return {"kind": message.kind, **{name: plain(getattr(message, name)) for name in _hints(message.kind)}}


def from_json(value: JSON) -> Message:
    """The message that a JSON object holds.

    Raises:
        MessageError: ``field`` names what does not fit.
    """
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise MessageError("a message without a kind", field="kind")
    kind = Message._kinds.get(str(value["kind"]))
    if kind is None:
        raise MessageError(f"unknown kind of message {value['kind']!r}", field="kind")
    hints = _hints(kind.kind)
    given = {name: part for name, part in value.items() if name != "kind"}
    for name in given.keys() ^ hints.keys():
        raise MessageError(f"{kind.kind}: field {name!r} is {'missing' if name in hints else 'unknown'}", field=name)
    return kind(**{name: typed(hints[name], part, name) for name, part in given.items()})


@cache
def _hints(kind: str) -> dict[str, Any]:
    """The fields of a kind of message with their types: all annotations that are no ClassVar."""
    return {
        name: hint
        for name, hint in get_type_hints(Message._kinds[kind], include_extras=True).items()
        if get_origin(hint) is not ClassVar
    }


def plain(value: Any) -> JSON:
    """A field's value as JSON has it."""
    if isinstance(value, bytes):
        return _base64(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value  # type: ignore[no-any-return]


def typed(hint: Any, value: JSON, name: str) -> Any:
    """A field's value by its type.

    Raises:
        MessageError: it does not fit; ``field`` is ``name``.
    """
    if get_origin(hint) is Annotated:
        bare, length = get_args(hint)
        found = typed(bare, value, name)
        if not length.least <= len(found) <= length.most:
            raise MessageError(f"field {name!r} is {len(found)} long", field=name)
        return found
    if get_origin(hint) in (Union, types.UnionType):
        return None if value is None else typed(next(a for a in get_args(hint) if a is not type(None)), value, name)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise MessageError(f"field {name!r} is not a list", field=name)
        return tuple(typed(get_args(hint)[0], part, name) for part in value)
    if hint in (str, int, bool):
        if type(value) is not hint:
            raise MessageError(f"field {name!r} is not {hint.__name__}", field=name)
        if isinstance(value, str) and "\0" in value:  # which not every registry can keep
            raise MessageError(f"field {name!r} holds U+0000", field=name)
        return value
    if not isinstance(value, str):
        raise MessageError(f"field {name!r} is not text", field=name)
    try:
        return _READ[hint](value)
    except (ValueError, OverflowError, binascii.Error) as error:
        raise MessageError(f"field {name!r} cannot be read", field=name) from error


def _base64(octets: bytes | memoryview) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _octets(text: str) -> bytes:
    octets = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _base64(octets) != text:
        raise ValueError("not the one base64url encoding of these octets")
    return octets


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)


_READ: dict[type, Any] = {bytes: _octets, date: date.fromisoformat, datetime: _moment}


def _once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name given twice")
    return result


def _no_float(text: str) -> int:
    raise ValueError(f"{text} is not an integer")
