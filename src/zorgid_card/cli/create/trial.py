"""``--simulated DIR``: passes and blanks that ``zorgid-card demo-portal`` has laid there, in the place of readers and people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.cli.console import TerminalKeyboard
from zorgid_card.cli.demo.holder import Desk, InteractiveHolder, KeepingHolder, ScriptedHolder, unseen
from zorgid_card.cli.demo.narration import Hands
from zorgid_card.cli.display import Display
from zorgid_card.errors import NoReaderError, StorageError, UsageError, ZorgIDError
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_profile import Function, Person
from zorgid_card.workflows.holder import Cue, Progress, Question
from zorgid_card.workflows.pin import PINPolicy

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

    @property
    def person(self) -> Person:
        """Whose pass it is.

        Raises:
            UsageError: nobody's.
        """
        person = self.uzi_pass.contents.holder
        if isinstance(person, Function):
            raise UsageError("a pass of nobody makes no card", reason="person")
        return person

    def holder(self, display: Display, *, interactive: bool, alone: bool) -> Desk:
        """The pass's person: at the keyboard, or played by a script, seen where it is the only one."""
        desk: Desk
        if interactive:
            desk = InteractiveHolder(display, TerminalKeyboard())
        else:
            desk = ScriptedHolder(display) if alone else KeepingHolder(unseen())
        desk.sit(self.person, DEFAULT_PIN)
        return desk

    def keep(self) -> None:
        """Write the card as it is now, for ``zorgid-card simulate zorgid --state FILE``.

        Raises:
            StorageError: it cannot be written.
        """
        self.card.save(self.directory / CARD)


class PlaceHolder:
    """The person at one place, whose cards move as they are asked for (:class:`~zorgid_card.workflows.holder.Holder`): their
    pass has the usual PIN, their card the one that they chose when it was made, perhaps in another process.
    """

    def __init__(self, place: SimulatedPlace, desk: Desk) -> None:
        self._place, self._desk = place, desk

    def cue(self, cue: Cue) -> None:
        """Asked, and done."""
        self._desk.cue(cue)
        self._place.move(cue)
        self._desk.sit(self._place.person, DEFAULT_PIN if cue is Cue.INSERT_PASS else self._place.card.pin)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        """Of the card that was put in last."""
        return self._desk.pin(request)

    def birth_date(self) -> date:
        """Passed on, as all that follows."""
        return self._desk.birth_date()

    def confirm(self, question: Question) -> None:
        """Passed on."""
        self._desk.confirm(question)

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """Passed on."""
        return self._desk.new_pin(policy)

    def refused(self, error: ZorgIDError) -> None:
        """Passed on."""
        self._desk.refused(error)

    def show_puk(self, puk: Secret) -> None:
        """Passed on."""
        self._desk.show_puk(puk)

    def progress(self, progress: Progress) -> None:
        """Passed on."""
        self._desk.progress(progress)


def chosen_places(directory: Path, names: Sequence[str], *, every: bool = False) -> list[SimulatedPlace]:
    """Those of these names, else every one or the first.

    Raises:
        StorageError: no simulated cards are there.
        NoReaderError: none has such a name.
    """
    places = simulated_places(directory)
    if names:
        places = [place for place in places if place.directory.name in names]
    elif not every:
        places = places[:1]
    if not places:
        raise NoReaderError(f"no simulated reader {names[0]}", name=names[0])
    return places


def simulated_places(directory: Path) -> list[SimulatedPlace]:
    """All that were laid in a directory.

    Raises:
        StorageError: there is none.
    """
    found = [SimulatedPlace.load(path.parent) for path in sorted(directory.glob(f"*/{PASS}"))]
    if not found:
        raise StorageError(f"{directory} holds no simulated cards", reason="cards", path=str(directory))
    return found
