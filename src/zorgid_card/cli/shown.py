"""What several commands show alike: tries left, errors, JSON."""

from __future__ import annotations

import json
from typing import Any

from zorgid_card.cards import Tries, TryState
from zorgid_card.errors import ZorgIDError
from zorgid_card.texts import Texts


def dump(value: dict[str, Any], *, indent: int | None = 2) -> str:
    """JSON text for people and programs; what no terminal should be given is escaped (a reader's name may be anything)."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "".join(letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in text)


def error_as_json(error: ZorgIDError | None, texts: Texts) -> dict[str, Any] | None:
    """An error: its stable code, its sentence, its public details."""
    if error is None:
        return None
    return {"code": error.code, "message": texts.error(error), "details": error.details}


def tries_as_json(tries: Tries) -> dict[str, Any]:
    """Tries left: what is known of them, and their number where the card tells one."""
    return {"state": tries.state.value, "left": tries.left}


def tries_in_words(tries: Tries, texts: Texts) -> str:
    """Tries left, as people read it."""
    words = texts(f"tries.{tries.state}")
    if tries.left is None:
        return words
    return str(tries.left) if tries.state is TryState.KNOWN else f"{tries.left} ({words})"
