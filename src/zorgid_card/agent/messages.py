"""What a page and the agent say to each other: typed messages, strict JSON, one to a text frame (docs/agent.md).

A message is a frozen dataclass with a ``type``; an event of a step has an ``event`` besides, a step that is begun its ``step``. A
field that may be absent has a default of None, and is left out where it is None. Decoding refuses what does not fit: an unknown
type, step or field, a missing one, a wrong type, what is too long.

No message of a page has a field for a PIN, a PUK, an origin, a command of a card or a digest; none of the agent's has one for a
PIN or a PUK.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from zorgid_card.errors import MessageError
from zorgid_card.workflows.messages import JSON, Length, Line, Word, canonical, parse, plain, typed

PROTOCOL: Final = 1
"""Version of this protocol; it goes up when a page of before would not be understood."""
LIMIT: Final = 65_536
"""Octets of one message, either way."""

Name: TypeAlias = Annotated[str, Length(1, 64)]
"""What a page calls a step it began: anything, once on a connection."""
Nonce: TypeAlias = Annotated[str, Length(44, 128)]
"""A portal's challenge (Web eID)."""
Sentence: TypeAlias = Annotated[str, Length(0, 2000)]
"""What people read, in the page's language."""
Answered: TypeAlias = Annotated[str, Length(0, 40)]
"""What a person typed in answer to a question."""


# --- from the page ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """Which card the new one replaces; without ``serial`` the only one that its holder has."""

    cause: Literal["lost", "stolen", "broken", "unused"]
    serial: Word | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Begin a step; without ``reader`` at the only reader, or where the wanted card is put."""

    type: ClassVar[str] = "start"
    step: ClassVar[str]
    id: Name
    lang: Literal["nl", "en"]
    reader: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartReaders(Start):
    """Which readers there are, and what is in them; nobody is asked anything."""

    step: ClassVar[str] = "readers"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartLogIn(Start):
    """Log in at the page's origin, with a UZI pass or a ZORG-ID Smartcard (AUT-1)."""

    step: ClassVar[str] = "log-in"
    nonce: Nonce


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRegister(Start):
    """Validate an organisation, register its administrator, link a phone (ORG-3 to ORG-6); ``ura``: the approved one."""

    step: ClassVar[str] = "register"
    ura: Word | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCreate(Start):
    """Make a ZORG-ID Smartcard (CRD-1 to CRD-10)."""

    step: ClassVar[str] = "create"
    replaces: Replaced | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRenew(Start):
    """Give a ZORG-ID Smartcard new keys."""

    step: ClassVar[str] = "renew"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPINStatus(Start):
    """Tries left of PIN and PUK; none is spent (PIN-1)."""

    step: ClassVar[str] = "pin-status"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPINChange(Start):
    """Change the PIN (PIN-2)."""

    step: ClassVar[str] = "pin-change"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPINUnblock(Start):
    """Set a new PIN with the PUK (PIN-3)."""

    step: ClassVar[str] = "pin-unblock"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPUKChange(Start):
    """Have a new PUK drawn, shown by the agent, and set (PIN-4)."""

    step: ClassVar[str] = "puk-change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the person answered to a question; null is no."""

    type: ClassVar[str] = "answer"
    id: Name
    question: int
    value: Answered | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """End a step, as closing the connection does."""

    type: ClassVar[str] = "cancel"
    id: Name


FromPage: TypeAlias = Start | Answer | Cancel

STARTS: Final[tuple[type[Start], ...]] = (
    StartReaders,
    StartLogIn,
    StartRegister,
    StartCreate,
    StartRenew,
    StartPINStatus,
    StartPINChange,
    StartPINUnblock,
    StartPUKChange,
)
"""The steps; a page can have nothing else done."""
_STARTS: Final = {kind.step: kind for kind in STARTS}


# --- from the agent ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message. Not paired: the page shows ``code``, the agent asks the person whether it is the one they see."""

    type: ClassVar[str] = "hello"
    version: Word
    protocol: int
    paired: bool
    code: Word | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The person agreed: steps may be begun."""

    type: ClassVar[str] = "paired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong: a stable code, a sentence that says what to do, whether doing it again can help, public details."""

    code: Word
    message: Sentence
    retryable: bool
    details: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happens in a step."""

    type: ClassVar[str] = "event"
    event: ClassVar[str]
    id: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Cued(Event):
    """The person is to do this with the cards."""

    event: ClassVar[str] = "cue"
    cue: Literal["insert-pass", "remove-pass", "insert-blank", "insert-card", "insert-again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCard(Event):
    """Another card than the wanted one was put in; the wanted one is still waited for."""

    event: ClassVar[str] = "other-card"
    kind: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompting(Event):
    """The person is to look at the agent, or at the reader's keypad: it asks there, and not on the page."""

    event: ClassVar[str] = "prompting"
    what: Literal["pin", "new-pin", "puk", "consent", "keypad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed(Event):
    """The making of a card goes on; the card must stay in."""

    event: ClassVar[str] = "progress"
    step: Word
    share: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Event):
    """A question for the page to ask; ``question`` numbers it, ``code`` names the sentence, ``facts`` are shown with it."""

    event: ClassVar[str] = "question"
    question: int
    code: Word
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Event):
    """Why the last answer was refused; the same is asked again."""

    event: ClassVar[str] = "refused"
    error: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneOffered(Event):
    """The QR code, once (ORG-5), as an SVG document."""

    event: ClassVar[str] = "phone"
    qr_svg: Annotated[str, Length(1, 60_000)]
    expires_at: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned(Event):
    """A phone has scanned the code, and shows six digits; the question for them follows (ORG-6)."""

    event: ClassVar[str] = "scanned"


EVENTS: Final[tuple[type[Event], ...]] = (
    Cued,
    OtherCard,
    Prompting,
    Progressed,
    Asked,
    Refused,
    PhoneOffered,
    Scanned,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSeen:
    """A reader; ``kind`` where a card is in it that can be told."""

    name: Line
    card: bool
    kind: Word | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadersSeen:
    """Result of ``readers``."""

    readers: tuple[ReaderSeen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Result of ``log-in``: a Web eID token, which the page gives its portal."""

    token: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredResult:
    """Result of ``register``."""

    ura: Word
    name: Line
    person: Word
    user_name: Line
    phone: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedResult:
    """Result of ``create`` and ``renew``; ``made_anew``: a renewal in which the old keys were lost, PIN and PUK are new."""

    serial: Word
    user_name: Line
    ura: Word
    made_anew: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriesLeft:
    """What is known of the tries left, and how many; none is spent to know it."""

    state: Word
    left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PINStatusResult:
    """Result of ``pin-status``."""

    reader: Line
    kind: Word
    pin: TriesLeft
    puk: TriesLeft
    expires: Word | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodesResult:
    """Result of ``pin-change``, ``pin-unblock`` and ``puk-change``: the tries left of both."""

    kind: Word
    pin: TriesLeft
    puk: TriesLeft


Result: TypeAlias = ReadersSeen | LoggedIn | RegisteredResult | CreatedResult | PINStatusResult | CodesResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step has ended well."""

    type: ClassVar[str] = "done"
    id: Name
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A step has ended otherwise."""

    type: ClassVar[str] = "failed"
    id: Name
    error: Problem


FromAgent: TypeAlias = Hello | Paired | Event | Done | Failed


# --- on the wire ------------------------------------------------------------------------------------------------------


def encode(message: FromAgent) -> str:
    """The text frame of a message of the agent's."""
    return canonical(_written({**_named(type(message)), **_fields(message)})).decode()


def decode(text: str | bytes) -> FromPage:
    """The message of a page that a frame holds.

    Raises:
        MessageError: it is none; ``field`` names what does not fit.
    """
    if isinstance(text, bytes):
        raise MessageError("a frame that is not text", field="")
    try:
        octets = text.encode()
    except UnicodeEncodeError as error:
        raise MessageError("text that no encoding has", field="") from error
    if len(octets) > LIMIT:
        raise MessageError(f"{len(octets)} octets; at most {LIMIT} are accepted", field="")
    given = parse(octets)
    kind = _kind_of(given)
    found: FromPage = _read(kind, {name: part for name, part in given.items() if name not in _named(kind)})
    return found


def _kind_of(given: dict[str, JSON]) -> type[FromPage]:
    named = given.get("type")
    if named == Start.type:
        step = given.get("step")
        if not isinstance(step, str) or step not in _STARTS:
            raise MessageError("no such step", field="step")
        return _STARTS[step]
    if named == Answer.type:
        return Answer
    if named == Cancel.type:
        return Cancel
    raise MessageError("no message of a page's", field="type")


def _named(kind: type) -> dict[str, str]:
    """What a kind of message is called on the wire."""
    return {
        name: getattr(kind, name) for name in ("type", "step", "event") if isinstance(getattr(kind, name, None), str)
    }


def _fields(message: Any) -> dict[str, Any]:
    """The fields that are there."""
    return {
        field.name: value
        for field in fields(message)
        if (value := getattr(message, field.name)) is not None or field.default is not None
    }


def _written(value: Any) -> JSON:
    if is_dataclass(value):
        return _written(_fields(value))
    if isinstance(value, dict):
        return {name: _written(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_written(part) for part in value]
    return value if isinstance(value, float) else plain(value)  # type: ignore[return-value]  # a number, all the same


@cache
def hints_of(kind: type) -> dict[str, Any]:
    """The fields of a kind of message, with their types."""
    known = get_type_hints(kind, include_extras=True)
    return {field.name: known[field.name] for field in fields(kind)}


def _read(kind: Any, given: dict[str, JSON]) -> Any:
    hints = hints_of(kind)
    needed = {field.name for field in fields(kind) if field.default is not None}
    for name in (*(needed - given.keys()), *(given.keys() - hints.keys())):
        raise MessageError(f"field {name[:40]!r} is {'missing' if name in needed else 'unknown'}", field=name[:40])
    return kind(**{name: _value(hints[name], part, name) for name, part in given.items()})


def _value(hint: Any, value: JSON, name: str) -> Any:
    """A value by its type; of several types the first that fits."""
    if get_origin(hint) in (Union, UnionType):
        plain_types = [part for part in get_args(hint) if part is not type(None)]
        if value is None and len(plain_types) < len(get_args(hint)):
            return None
        fitting = [part for part in plain_types if isinstance(value, bool) is (part is bool)]
        return _value((fitting or plain_types)[0], value, name)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise MessageError(f"field {name!r} is none of its values", field=name)
        return value
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise MessageError(f"field {name!r} is no object", field=name)
        return _read(hint, value)
    return typed(hint, value, name)
