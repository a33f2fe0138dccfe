"""Every sentence that people read, in Dutch and English, under one key.

A sentence may hold ``{placeholders}``; a part between ``[[`` and ``]]`` is left out where a placeholder in it has no value.
Whatever fills a placeholder may come from a card or from the network: characters that do not print are replaced. What a parser or
the operating system says is put in words of its own (:mod:`zorgid_card.texts.details`); where there are none, it is shown in
English only, the language it is in.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Mapping, Sequence
from enum import StrEnum

from zorgid_card.errors import ZorgIDError
from zorgid_card.texts import (
    activation,
    acts,
    agent,
    auditing,
    create,
    database,
    demo,
    details,
    documents,
    errors,
    expiry,
    housekeeping,
    keys,
    login,
    management,
    phone,
    pinentry,
    puks,
    readers,
    refusals,
    renewal,
    revocation,
    tools,
    trust,
    web,
    web_eid,
    web_journeys,
    web_manage,
    web_own,
    web_phone,
)
from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    **errors.TEXTS,
    **refusals.TEXTS,
    **details.TEXTS,
    **tools.TEXTS,
    **readers.TEXTS,
    **expiry.TEXTS,
    **activation.TEXTS,
    **demo.TEXTS,
    **acts.TEXTS,
    **documents.TEXTS,
    **trust.TEXTS,
    **login.TEXTS,
    **keys.TEXTS,
    **create.TEXTS,
    **database.TEXTS,
    **renewal.TEXTS,
    **management.TEXTS,
    **revocation.TEXTS,
    **puks.TEXTS,
    **phone.TEXTS,
    **pinentry.TEXTS,
    **auditing.TEXTS,
    **housekeeping.TEXTS,
    **web.TEXTS,
    **web_journeys.TEXTS,
    **web_manage.TEXTS,
    **web_own.TEXTS,
    **web_phone.TEXTS,
    **web_eid.TEXTS,
    **agent.TEXTS,
}
"""All of them."""

LONGEST_VALUE = 300
"""Characters of one value that are shown."""

_OPTIONAL = re.compile(r"\[\[(.*?)\]\]")
_ABSENT = (None, "")
_VARIANTS = ("what", "rule", "expected", "state", "reason", "card", "purpose", "tries_left", "action")
"""Details of an error by whose value a sentence of its own may be chosen: ``error.<code>:<value>``; the first one counts."""
_TECHNICAL = re.compile(r"[0-9A-F]{2,8}|[0-9]+(\.[0-9]+)*")
"""A number of a system or standard: the same in every language."""
_TAG = re.compile(r"(?:^|[,\s])(nl|en)\b")
_OURS = ("error", "demo")
"""Faults of this program itself: their message is there to be reported, in the language it is in."""


class Language(StrEnum):
    """A language of the command line."""

    NL = "nl"
    EN = "en"

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Language:
        """Dutch where the environment's locale for messages is a Dutch one (POSIX: LC_ALL, LC_MESSAGES, LANG), else English."""
        names = ("LC_ALL", "LC_MESSAGES", "LANG")
        chosen = next((environment[name] for name in names if environment.get(name)), "")
        return cls.NL if chosen.lower().startswith("nl") else cls.EN

    @classmethod
    def of_header(cls, tags: str) -> Language:
        """The first of ours in an Accept-Language header (RFC 9110, 12.5.4), whatever its weight; Dutch if there is none."""
        found = _TAG.search(tags.lower())
        return cls(found[1]) if found else cls.NL


def explain(error: ZorgIDError, accept_language: str = "") -> str:
    """One sentence for people in Dutch or English: what is wrong, and what to do.

    Args:
        error: any of this library's.
        accept_language: what the browser's header of that name says; Dutch if it names neither.
    """
    return Texts(Language.of_header(accept_language)).error(error)


class Texts:
    """The sentences in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence of this key, filled in."""
        return self._fill(TEXTS[key], values)

    def error(self, error: ZorgIDError) -> str:
        """One sentence for people: what is wrong, and what to do."""
        codes = [str(kind.code) for kind in type(error).__mro__ if hasattr(kind, "code")]
        values = {name: self.detail(name, value, codes) for name, value in error.details.items()}
        values["bounds"] = self.bounds(error.details.get("minimum"), error.details.get("maximum"))
        values["message"] = str(error) if self.language is Language.EN or error.code in _OURS else values.get("reason")
        known = {name for name, value in values.items() if value not in _ABSENT}
        variants = [_word(error.details[name]) for name in _VARIANTS if error.details.get(name) not in _ABSENT]
        for code in codes:
            for key in (*(f"error.{code}:{variant}" for variant in variants), f"error.{code}"):
                if key in TEXTS and required(TEXTS[key].nl) <= known:
                    return self._fill(TEXTS[key], values)
        return self._fill(TEXTS["error.error"], values)

    def detail(self, name: str, value: object, codes: Sequence[str] = ()) -> object:
        """A detail as people read it: a code by its words, an ISO time by its date, anything else as it is."""
        word = _word(value)
        for key in (*(f"detail.{code}.{name}:{word}" for code in codes), f"detail.{name}:{word}"):
            if key in TEXTS:
                return self(key)
        if name in ("not_after", "not_before", "since") and isinstance(value, str):
            return value[:10]
        if name == "sw" and isinstance(value, int):
            return f"{value:04X}"
        if name == "reason" and self.language is not Language.EN:
            return value if _TECHNICAL.fullmatch(str(value)) else None
        return value

    def bounds(self, minimum: object, maximum: object) -> str | None:
        """How long a PIN may be; None where that is not known."""
        if minimum is None or maximum is None:
            return None
        return str(minimum) if minimum == maximum else self("bounds", minimum=minimum, maximum=maximum)

    def _fill(self, text: Text, values: Mapping[str, object]) -> str:
        template = getattr(text, self.language.value)
        known = {name: printable(value) for name, value in values.items() if value not in _ABSENT}
        chosen = _OPTIONAL.sub(lambda part: part[1] if known.keys() >= placeholders(part[1]) else "", template)
        return chosen.format_map(known)


def _word(value: object) -> str:
    return details.word_of(str(value))


def required(template: str) -> set[str]:
    """The placeholders without which a sentence cannot be said: those outside its optional parts."""
    return placeholders(_OPTIONAL.sub("", template))


def placeholders(template: str) -> set[str]:
    """The names between braces in a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def printable(value: object) -> str:
    """A value as a terminal may show it: no control characters, no escape sequences, not endless."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value)[:LONGEST_VALUE])
