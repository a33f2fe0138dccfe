"""``--simulated DIR``: passes and blanks that ``zorgid-card demo-portal`` has laid there, in the place of readers and people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zorgid_card.cli.console import TerminalKeyboard
from zorgid_card.cli.demo.holder import Desk, InteractiveHolder, KeepingHolder, ScriptedHolder, unseen
from zorgid_card.cli.demo.narration import Hands
from zorgid_card.cli.display import Display
from zorgid_card.errors import StorageError, UsageError
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_profile import Function
from zorgid_card.workflows.holder import Cue, Holder

PASS, CARD = "pass.json", "card.json"
"""Names of the files of one place: its person's pass, and the card that is made for them."""


@dataclass(frozen=True, slots=True)
class SimulatedPlace:
    """A simulated reader with its two cards."""

    directory: Path
    reader: SimulatedReader
    uzi_pass: VirtualUZIPass
    card: VirtualPIVCard

    @classmethod
    def load(cls, directory: Path) -> SimulatedPlace:
        """The place that was laid in a directory.

        Raises:
            StorageError: there is none.
        """
        uzi_pass, card = VirtualUZIPass.load(directory / PASS), VirtualPIVCard.load(directory / CARD)
        return cls(directory, SimulatedReader(f"Simulated Reader {directory.name}"), uzi_pass, card)

    @property
    def move(self) -> Callable[[Cue], None]:
        """Puts in and takes out what is asked for."""
        return Hands(self.reader, self.uzi_pass, self.card).move

    def holder(self, display: Display, *, interactive: bool, alone: bool) -> Holder:
        """The pass's person: at the keyboard, or played by a script, seen where it is the only one."""
        desk: Desk
        if interactive:
            desk = InteractiveHolder(display, TerminalKeyboard())
        else:
            desk = ScriptedHolder(display) if alone else KeepingHolder(unseen())
        person = self.uzi_pass.contents.holder
        if isinstance(person, Function):
            raise UsageError("a pass of nobody makes no card", reason="person")
        desk.sit(person, DEFAULT_PIN)
        return desk

    def keep(self) -> None:
        """Write the card as it is now, for ``zorgid-card simulate zorgid --state FILE``.

        Raises:
            StorageError: it cannot be written.
        """
        self.card.save(self.directory / CARD)


def simulated_places(directory: Path) -> list[SimulatedPlace]:
    """All that were laid in a directory.

    Raises:
        StorageError: there is none.
    """
    found = [SimulatedPlace.load(path.parent) for path in sorted(directory.glob(f"*/{PASS}"))]
    if not found:
        raise StorageError(f"{directory} holds no simulated cards", reason="cards", path=str(directory))
    return found
