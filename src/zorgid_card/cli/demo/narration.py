"""Telling the steps of a workflow as they are done, and moving the simulated cards as they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.cli.demo.stage import Stage
from zorgid_card.errors import ZorgIDError
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.workflows.holder import Cue, Holder, Progress, Question
from zorgid_card.workflows.pin import PINPolicy

Rules: TypeAlias = Mapping[str, tuple[str, ...]]
"""The rules that each step of a workflow shows, by the last part of its sentence's key."""

REGISTER: Rules = {
    "insert-pass": ("ORG-3",),
    "grant-access": ("ORG-3",),
    "pin": ("ORG-3",),
    "second-pin": ("ORG-4",),
    "pass-data": ("ORG-2", "ORG-3"),
    "organisation-data": ("ORG-3",),
    "validated": ("ORG-3",),
    "birth-date": ("ORG-4", "ORG-8"),
    "consent-administrator": ("ORG-4",),
    "compare-code": ("ORG-6",),
}
CREATE: Rules = {
    "insert-pass": ("CRD-4",),
    "grant-access": ("CRD-4",),
    "pin": ("CRD-4",),
    "pass-data": ("CRD-1", "CRD-2"),
    "birth-date": ("CRD-4", "ORG-8"),
    "remove-pass": ("CRD-5",),
    "insert-blank": ("CRD-3", "CRD-5"),
    "insert-again": ("CRD-8",),
    "empty-card": ("CRD-8",),
    "new-pin": ("CRD-6",),
    "show-puk": ("CRD-9",),
    "step.empty": ("CRD-8",),
    "step.generate": ("CRD-7",),
    "step.certify": ("CRD-7",),
    "step.write": ("CRD-7",),
    "step.verify": ("CRD-7",),
    "step.pin": ("CRD-6",),
    "step.puk": ("CRD-9",),
    "step.activate": ("CRD-10",),
}


LATE = frozenset({"birth-date"})
"""Steps of the registration of which the portal says at its end only that they are right."""
_EXTRA = frozenset({"insert-again", "empty-card", "step.empty"})
_QUESTIONS = frozenset({*REGISTER, *CREATE}) - frozenset(Cue)
_ASK_AGAIN = "ask-again"


@dataclass(frozen=True, slots=True)
class Hands:
    """Move the cards of one act."""

    reader: SimulatedReader
    uzi_pass: VirtualCard
    blank: VirtualCard | None = None

    def move(self, cue: Cue) -> None:
        """Do what the person was asked to do."""
        if cue is Cue.REMOVE_PASS:
            self.reader.remove()
        elif cue is Cue.INSERT_PASS:
            self.reader.insert(self.uzi_pass)
        elif self.blank is not None:
            self.reader.insert(self.blank)


class NarratedHolder:
    """Passes everything on to a holder, and tells each step when it is done (:class:`~zorgid_card.workflows.holder.Holder`).

    What was entered is done when the card and the portal have taken it: that shows when the workflow comes with the next thing,
    or returns. Where it fails instead, nothing is told.

    Args:
        holder: who answers.
        stage: where it is told.
        hands: move the cards.
        prefix: begins the keys of the sentences.
        rules: what each step shows.
        acts: a step before which a new act begins: what ends the act before, and the new act's key.
        late: steps of which only the workflow's return shows that they are done.
        values: fill the sentences.
    """

    def __init__(
        self,
        holder: Holder,
        stage: Stage,
        hands: Hands,
        prefix: str,
        rules: Rules,
        *,
        acts: Mapping[str, tuple[str, str]] | None = None,
        late: frozenset[str] = frozenset(),
        **values: object,
    ) -> None:
        self._holder = holder
        self._stage = stage
        self._hands = hands
        self._prefix = prefix
        self._rules = rules
        self._acts = dict(acts or {})
        self._values = values
        self._late = late
        self._begun: list[str] = []
        self._withdrawn: list[str] = []
        self._pins = 0

    def begin(self) -> None:
        """A workflow begins, perhaps once more: what the one before had begun was not done."""
        self._begun, self._withdrawn, self._pins = [], [], 0

    def cue(self, cue: Cue) -> None:
        """Ask, move the card; a pass that is put in again is a new beginning."""
        self._settle()
        self._pins = 0
        self._holder.cue(cue)
        self._hands.move(cue)
        self._begun.append(cue)

    def pin(self, request: PINRequest) -> Secret | LastTry:
        """Ask."""
        self._settle()
        pin = self._holder.pin(request)
        self._pins += 1
        self._begun.append("pin" if self._pins == 1 else "second-pin")
        return pin

    def birth_date(self) -> date:
        """Ask; a new act may begin with it."""
        self._settle()
        if "birth-date" in self._acts:
            last, act = self._acts["birth-date"]
            self._done(last)
            self._stage.act(act)
        found = self._holder.birth_date()
        self._begun.append("birth-date")
        return found

    def confirm(self, question: Question) -> None:
        """Ask; to ask the portal again is to go on with what was withdrawn."""
        self._settle()
        self._holder.confirm(question)
        if question.code == _ASK_AGAIN:
            self._begun = self._withdrawn
        elif question.code in _QUESTIONS:
            self._begun.append(question.code)

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """Ask; it was accepted when the first step begins."""
        self._settle()
        found = self._holder.new_pin(policy)
        self._begun.append("new-pin")
        return found

    def refused(self, error: ZorgIDError) -> None:
        """Pass on; what had begun is not done."""
        self._begun, self._withdrawn = [], self._begun
        self._holder.refused(error)

    def show_puk(self, puk: Secret) -> None:
        """Show, tell; the step that writes it goes on."""
        self._holder.show_puk(puk)
        self._done("show-puk")

    def progress(self, progress: Progress) -> None:
        """The step before is done, where another begins."""
        step = f"step.{progress.step}"
        if step not in self._begun:
            self._settle()
            self._begun.append(step)
        self._holder.progress(progress)

    def finish(self, **values: object) -> None:
        """The workflow has returned: all that had begun is done."""
        self._values.update(values)
        self._settle(frozenset())

    def _settle(self, late: frozenset[str] | None = None) -> None:
        waiting = self._late if late is None else late
        for step in [step for step in self._begun if step not in waiting]:
            self._begun.remove(step)
            self._done(step)

    def _done(self, step: str) -> None:
        tell = self._stage.tell if step in _EXTRA else self._stage.done_once
        tell(f"{self._prefix}.{step}", *self._rules.get(step, ()), **self._values)
