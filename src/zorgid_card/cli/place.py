"""Where the card of a command is: in a reader (``--reader``, ``--trace``), or behind its middleware (``--pkcs11``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zorgid_card import recipes
from zorgid_card.cards import Card, TokenCard
from zorgid_card.cli.recording import chosen_reader, recording
from zorgid_card.errors import UsageError
from zorgid_card.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the card is.

    Attributes:
        name: of the reader, or of a card behind the middleware; None or ``-``: the only one.
        trace: where all APDUs are written.
        module: the middleware: path of a PKCS#11 module, empty for SafeSign's; None: the card is driven directly.
    """

    name: str | None = None
    trace: Path | None = None
    module: str | None = None

    @contextmanager
    def token(self) -> Iterator[TokenCard]:
        """The card behind its middleware.

        Raises:
            UsageError: its APDUs are the middleware's own, and cannot be written.
            ZorgIDError: see :func:`zorgid_card.recipes.open_token`.
        """
        if self.trace is not None:
            raise UsageError("--trace shows nothing of a card behind --pkcs11", reason="trace")
        with recipes.open_token(self.module or None, token=None if self.name == "-" else self.name) as card:
            yield card

    @contextmanager
    def card(self, texts: Texts) -> Iterator[tuple[str, Card]]:
        """The reader's name, and the card."""
        if self.module is not None:
            with self.token() as token:
                yield token.reader, token
            return
        with recording(self.trace, texts) as recorded:
            reader = recorded(chosen_reader(self.name))
            # What the middleware sends cannot be recorded, so a card that is traced is driven directly.
            with recipes.open_card(reader, middleware="" if self.trace is None else None) as card:
                yield reader.name, card
