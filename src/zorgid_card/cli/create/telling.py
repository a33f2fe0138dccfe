"""What is told of the places at which cards are made: one line each on a screen, plain lines in a log, or lines of JSON."""

from __future__ import annotations

import base64
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import click
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from zorgid_card.cli.display import Display
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import ZorgIDError
from zorgid_card.texts import Texts, printable
from zorgid_card.workflows.bureau import Outcome
from zorgid_card.workflows.creation import Made
from zorgid_card.workflows.holder import Cue, Progress

_NAME = 24
_BAR = 12


class Teller(Protocol):
    """Is told, by the thread of each place, what goes on there."""

    def cued(self, reader: str, cue: Cue) -> None:
        """A card is waited for."""
        ...

    def refused(self, reader: str, error: ZorgIDError) -> None:
        """An answer, or a card, was refused; the same is asked again."""
        ...

    def progress(self, reader: str, progress: Progress) -> None:
        """The making goes on."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """A card is made, or will not be."""
        ...

    @property
    def aside(self) -> Any:
        """A context in which something else may be shown and asked."""
        ...


# --- for programs -----------------------------------------------------------------------------------------------------


class JSONLines:
    """One JSON object on a line of standard output for each thing that happens."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._writing = threading.Lock()

    def cued(self, reader: str, cue: Cue) -> None:
        """A card is waited for."""
        self._tell("cue", reader, cue=cue.value)

    def refused(self, reader: str, error: ZorgIDError) -> None:
        """An answer was refused."""
        self._tell("refused", reader, error=error_as_json(error, self._texts))

    def progress(self, reader: str, progress: Progress) -> None:
        """The making goes on."""
        left = None if progress.seconds_left is None else round(progress.seconds_left, 1)
        self._tell("progress", reader, step=progress.step.value, share=round(progress.share, 3), seconds_left=left)

    def ended(self, outcome: Outcome) -> None:
        """A card is made, or will not be."""
        if outcome.made is None:
            self._tell("failed", outcome.reader, error=error_as_json(outcome.error, self._texts))
        else:
            self._tell("made", outcome.reader, **made_as_json(outcome.made))

    @property
    @contextmanager
    def aside(self) -> Iterator[None]:
        """Questions go to another stream."""
        yield

    def total(self, made: int, failed: int) -> None:
        """The last line."""
        self._tell("end", None, made=made, failed=failed, ok=failed == 0)

    def stopped(self, error: ZorgIDError) -> None:
        """The last line, where nothing could be begun."""
        self._tell("end", None, ok=False, error=error_as_json(error, self._texts))

    def _tell(self, event: str, reader: str | None, **facts: Any) -> None:
        named = {} if reader is None else {"reader": reader}
        with self._writing:
            click.echo(dump({"event": event, **named, **facts}, indent=None))


def made_as_json(made: Made) -> dict[str, Any]:
    """A finished card."""
    certificates = [base64.b64encode(der).decode() for der in made.certificates]
    return {"serial": made.serial, "user_name": made.user_name, "ura": made.ura, "certificates": certificates}


# --- for people -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Line:
    sentence: str = ""
    style: str = ""
    share: float | None = None
    left: float | None = None
    failed: bool = False


class Board:
    """One line for each reader; on a terminal they move, in a log each change has its line.

    Args:
        display: where it is shown.
        readers: their names, in the order of the lines.
    """

    def __init__(self, display: Display, readers: Sequence[str]) -> None:
        self._display = display
        self._texts = display.texts
        self._changing = threading.RLock()
        self._lines = {reader: _Line(self._texts("create.idle"), "dim") for reader in readers}
        self._live: Live | None = None
        self._names = _short(readers)

    def __enter__(self) -> Board:
        self._show()
        return self

    def __exit__(self, *_: object) -> None:
        """The lines stay as they were last, and what went wrong is told whole."""
        with self._changing:
            self._hide()
            if self._display.console.is_terminal:
                self._display.console.print(self._table())
                if len(self._lines) > 1:
                    self._tell_failures()

    def _tell_failures(self) -> None:
        for reader, line in self._lines.items():
            if line.failed:
                self._display.line(f"{printable(reader)}: {line.sentence}", "red")

    def cued(self, reader: str, cue: Cue) -> None:
        """A card is waited for."""
        if len(self._lines) == 1:
            with self.aside:
                self._display.say(f"cue.{cue}", "bold")
        else:
            self._change(reader, _Line(self._texts(f"create.{cue}"), "bold"))

    def refused(self, reader: str, error: ZorgIDError) -> None:
        """An answer was refused."""
        self._change(reader, _Line(self._texts("create.again"), "yellow"))

    def progress(self, reader: str, progress: Progress) -> None:
        """The making goes on."""
        sentence = self._texts(f"step.{progress.step}")
        self._change(reader, _Line(sentence, "", progress.share, progress.seconds_left))

    def ended(self, outcome: Outcome) -> None:
        """A card is made, or will not be."""
        if outcome.made is not None:
            sentence = self._texts("create.made", serial=outcome.made.serial, user_name=outcome.made.user_name)
            self._change(outcome.reader, _Line(sentence, "green", 1.0))
        elif outcome.error is not None:
            self._change(outcome.reader, _Line(self._texts.error(outcome.error), "red", failed=True))

    @property
    @contextmanager
    def aside(self) -> Iterator[None]:
        """The lines make room, and come back; meanwhile the places go on, and their lines change unseen."""
        with self._changing:
            self._hide()
        try:
            yield
        finally:
            with self._changing:
                self._show()

    def _change(self, reader: str, line: _Line) -> None:
        with self._changing:
            before, self._lines[reader] = self._lines[reader], line
            if self._live is not None:
                self._live.update(self._table())
            elif not self._display.console.is_terminal and before.sentence != line.sentence:
                share = "" if line.share is None else f"{line.share:4.0%} "
                self._display.entry(f"{self._names[reader]}: {share}{printable(line.sentence)}")

    def _show(self) -> None:
        if self._display.console.is_terminal:
            self._live = Live(self._table(), console=self._display.console, transient=True, refresh_per_second=4)
            self._live.start()

    def _hide(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(style="dim", no_wrap=True, min_width=2 + max(map(len, self._names.values())))
        table.add_column(width=_BAR)
        table.add_column(overflow="ellipsis", no_wrap=True)
        for reader, line in self._lines.items():
            bar = "" if line.share is None else ProgressBar(total=1.0, completed=line.share, width=_BAR)
            left = ""
            if line.left is not None:
                left = f" ({self._texts('progress.left', seconds=math.ceil(line.left))})"
            table.add_row(f"  {self._names[reader]}", bar, Text(printable(line.sentence) + left, line.style))
        return table


def _short(readers: Sequence[str]) -> dict[str, str]:
    """Names of readers, cut where they need not be whole to be told apart: what differs is often at the end."""
    shown = {reader: printable(reader) for reader in readers}
    return {
        reader: name if len(name) <= _NAME else f"{name[: _NAME // 2 - 1]}…{name[-_NAME // 2 :]}"
        for reader, name in shown.items()
    }
