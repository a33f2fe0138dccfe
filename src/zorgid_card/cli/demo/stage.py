"""What the demonstration shows and counts: acts, their steps with the rules they prove, APDUs and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from zorgid_card.cli.display import WIDTH, Display
from zorgid_card.errors import DeclinedError, ZorgIDError

_RULES_WIDTH = 14
_TIME = "{:.1f} s"


class DemonstrationStoppedError(DeclinedError):
    """The person does not want to go on with the demonstration."""

    code = "demo.stopped"


class DemonstrationError(ZorgIDError):
    """The demonstration did not go as it must: a refusal that had to come did not, or openssl disagrees."""

    code = "demo"


@dataclass(slots=True)
class Act:
    """One act, as the summary tells of it."""

    key: str
    title: str
    steps: int = 0
    apdus: int = 0
    seconds: float = 0.0
    rules: set[str] = field(default_factory=set)


class Stage:
    """Shows the acts and counts.

    Args:
        display: where it is shown.
    """

    def __init__(self, display: Display) -> None:
        self.display = display
        self.texts = display.texts
        self.acts: list[Act] = []
        self._told: set[str] = set()
        self._began = self._act_began = time.monotonic()

    def observe(self, command: bytes, response: bytes, seconds: float) -> None:
        """Count a physical APDU; the observer of every link (:data:`zorgid_card.codec.link.Observer`)."""
        if self.acts:
            self.acts[-1].apdus += 1

    def title(self) -> None:
        """Say what this is, and what in it is simulated."""
        self.display.console.print()
        self.display.line(self.texts("demo.title"), "bold")
        self.display.say("demo.simulated", "dim")

    def act(self, key: str) -> None:
        """Begin an act; the one before ends. An act that is tried again just goes on."""
        if self.acts and self.acts[-1].key == key:
            return
        self._end()
        self.acts.append(Act(key, self.texts(f"act.{key}")))
        console = self.display.console
        console.print()
        console.print(Rule(Text(f"{len(self.acts)} · {self.acts[-1].title}", "bold cyan"), align="left", style="cyan"))
        self.display.say(f"act.{key}.intro", "dim")

    def preparation(self) -> None:
        """Begin what comes before the first act."""
        self.display.say("demo.preparing", "dim")

    def done(self, key: str, *rules: str, **values: object) -> None:
        """A step is done: its sentence, and the rules it shows."""
        self.acts[-1].steps += 1
        self.tell(key, *rules, **values)

    def done_once(self, key: str, *rules: str, **values: object) -> None:
        """A step that may be done again, because something was entered wrong: it counts the first time."""
        if key not in self._told:
            self._told.add(key)
            self.acts[-1].steps += 1
        self.tell(key, *rules, **values)

    def tell(self, key: str, *rules: str, **values: object) -> None:
        """A step that a demonstration has only where something went wrong; it does not count."""
        self.display.pause()
        self.acts[-1].rules.update(rules)
        self._step("✓", "green", self.texts(key, **values), rules)

    @contextmanager
    def refusal(self, expected: type[ZorgIDError], key: str, *rules: str) -> Iterator[None]:
        """The block must be refused with exactly this error, whose sentence is shown.

        Raises:
            DemonstrationError: it was not refused, or with another error.
        """
        try:
            yield
        except ZorgIDError as error:
            if type(error) is not expected:
                raise
            self.done_once(key, *rules)
            self.display.say("demo.refused", "dim", why=self.texts.error(error))
        else:
            raise DemonstrationError(self.texts("demo.not_refused", expected=expected.code))

    def summary(self) -> None:
        """The table at the end."""
        self._end()
        console = self.display.console
        table = Table(box=None, padding=(0, 2, 0, 0), show_footer=True, pad_edge=False)
        table.add_column(self.texts("summary.act"), self.texts("summary.total"), min_width=46)
        table.add_column(self.texts("summary.steps"), str(sum(act.steps for act in self.acts)), justify="right")
        table.add_column(self.texts("summary.apdus"), str(sum(act.apdus for act in self.acts)), justify="right")
        seconds = time.monotonic() - self._began
        table.add_column(self.texts("summary.time"), _TIME.format(seconds), justify="right")
        before = seconds - sum(act.seconds for act in self.acts)
        table.add_row(self.texts("summary.preparation"), "", "", _TIME.format(before), style="dim")
        for number, act in enumerate(self.acts, start=1):
            table.add_row(f"{number} {act.title}", str(act.steps), str(act.apdus), _TIME.format(act.seconds))
        console.print()
        console.print(Rule(Text(self.texts("summary.title"), "bold cyan"), align="left", style="cyan"))
        console.print(Padding(table, (0, 0, 0, 4)))

    def _end(self) -> None:
        """Close the act that runs; what an act took is what passed since it began."""
        now = time.monotonic()
        if self.acts:
            self.acts[-1].seconds = now - self._act_began
        self._act_began = now

    def _step(self, mark: str, style: str, sentence: str, rules: tuple[str, ...]) -> None:
        table = Table.grid(padding=0)
        table.add_column(width=4)
        table.add_column(width=WIDTH - 4 - _RULES_WIDTH)
        table.add_column(width=_RULES_WIDTH, justify="right")
        table.add_row(Text(f"  {mark}", style), Text(sentence), Text(" ".join(rules), "dim"))
        self.display.console.print(table)
