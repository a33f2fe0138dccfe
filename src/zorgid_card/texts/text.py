"""A sentence in both languages."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """The same sentence twice; both have the same placeholders."""

    nl: str
    en: str
