"""``zorgid-card agent --simulated DIR``: one person's simulated cards, in the place of a reader and of hands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zorgid_card.cli.create.trial import CARD, PASS
from zorgid_card.cli.demo.narration import Hands
from zorgid_card.errors import StorageError
from zorgid_card.ports.card import Reader
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_state import FACTORY_PIN
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.workflows.holder import Cue


class SimulatedDesk:
    """A reader whose cards move as a page is told that they should.

    Args:
        directory: with the person's pass, and the card that is made for them if they get one, as ``portal --trial`` lays them.

    Raises:
        StorageError: no pass is there, or a file cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        if not (directory / PASS).exists():
            raise StorageError(f"{directory} holds no simulated cards", reason="cards", path=str(directory))
        self._directory = directory
        self._pass = VirtualUZIPass.load(directory / PASS)
        self._card = VirtualPIVCard.load(directory / CARD) if (directory / CARD).exists() else None
        self._reader = SimulatedReader(f"Simulated Reader {directory.name}")
        self._hands = Hands(self._reader, self._pass, self._card)

    def readers(self) -> Sequence[Reader]:
        """The one."""
        return [self._reader]

    def move(self, cue: Cue) -> None:
        """Do what the person is asked to do; where any card of theirs will do, it is the pass until their card is made."""
        made = self._card is not None and self._card.pin != FACTORY_PIN.rstrip(b"\xff")
        self._hands.move(Cue.INSERT_PASS if cue is Cue.INSERT_CARD and not made else cue)
        self.keep()

    def keep(self) -> None:
        """Write both as they are now; raises StorageError."""
        self._pass.save(self._directory / PASS)
        if self._card is not None:
            self._card.save(self._directory / CARD)
