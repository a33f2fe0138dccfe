"""How things look on the terminal: quiet, at most 80 columns, readable without colours and in a log."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from zorgid_card.secret import Secret
from zorgid_card.texts import Texts, printable

WIDTH = 80
_MARGIN = 2
_BOX = 66
_GROUP = 4
_WHOLE, _SHORT = 40, 10


class _Screen(Console):
    """A console that leaves it to the command line what a pipe closed by its reader means."""

    def on_broken_pipe(self) -> None:
        """Pass on the error that is being handled."""
        raise BrokenPipeError


def console(*, no_color: bool = False, stderr: bool = False) -> Console:
    """A console of at most 80 columns that interprets no markup, highlights nothing and, without a terminal, has no colours."""
    found = _Screen(no_color=no_color, stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)
    found.width = min(found.width, WIDTH)
    return found


class Display:
    """What both the unattended and the interactive holder show."""

    def __init__(self, out: Console, texts: Texts) -> None:
        self.console = out
        self.texts = texts
        self._progress: Progress | None = None
        self._told = ""
        self._task = TaskID(0)

    def line(self, text: str, style: str = "") -> None:
        """One paragraph, indented."""
        self.console.print(Padding(Text(text, style), (0, _MARGIN, 0, 2 * _MARGIN), expand=False))

    def entry(self, text: str) -> None:
        """One line, however long, so that programs can read line by line."""
        self.console.print(Text(" " * 2 * _MARGIN + text), soft_wrap=True)

    def say(self, key: str, style: str = "", **values: object) -> None:
        """One sentence by its key."""
        self.line(self.texts(key, **values), style)

    def facts(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Names and values, one pair to a line."""
        table = Table.grid(padding=(0, 3, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in pairs:
            table.add_row(name, Text(printable(value)))
        self.console.print(Padding(table, (0, 0, 0, 3 * _MARGIN), expand=False))

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table with heads. What is in the first column stays on one line, as what the next command wants to be given; short
        columns do, too.
        """
        table, rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim"), list(rows)
        for number, head in enumerate(heads):
            longest = max(len(cell) for cell in (head, *(row[number] for row in rows)))
            table.add_column(head, overflow="fold", no_wrap=longest <= (_WHOLE if number == 0 else _SHORT))
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        self.console.print(Padding(table, (0, 0, 0, 3 * _MARGIN), expand=False))

    def code(self, lines: Iterable[str]) -> None:
        """A QR code: light modules are the blocks, so it is shown light on dark whatever the terminal's colours are."""
        for line in lines:
            self.console.print(Text(" " * 2 * _MARGIN).append(line, "bright_white on black"), soft_wrap=True)

    def progress(self, sentence: str, share: float, seconds_left: float | None = None) -> None:
        """How far something has come, 0 to 1; on a terminal one bar moves, in a log each sentence has its line."""
        if not self.console.is_terminal:
            if sentence != self._told:
                self.line(f"{share:4.0%} {sentence}", "dim")
            self._told = sentence
            return
        if seconds_left is not None:
            sentence = f"{sentence} ({self.texts('progress.left', seconds=math.ceil(seconds_left))})"
        if self._progress is None:
            self._progress = self._bar()
            self._task = self._progress.add_task(sentence, total=1.0)
            self._progress.update(self._task, completed=share)
            self._progress.start()
        self._progress.update(self._task, completed=share, description=sentence)

    def _bar(self) -> Progress:
        columns = (
            TextColumn("    "),
            BarColumn(24),
            TaskProgressColumn(),
            SpinnerColumn("line"),
            TextColumn("{task.description}", markup=False),
        )
        return Progress(*columns, console=self.console, transient=True)

    def pause(self) -> None:
        """Take the bar away, because something else is to be shown or asked, or all is done."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def puk(self, puk: Secret) -> None:
        """The PUK in a box. Its digits go from locked memory to the terminal; into a log they never go (PIN-7)."""
        self.pause()
        title = f"─ {self.texts('puk.title')} "
        self._row(f"╭{title}{'─' * (_BOX - len(title))}╮")
        if self.console.is_terminal:
            self._digits(puk)
        else:
            self._row(f"│{('•' * len(puk) + ' ' + self.texts('puk.hidden')).center(_BOX)}│")
        for line in textwrap.wrap(self.texts("puk.keep"), _BOX - 2):
            self._row(f"│{line.center(_BOX)}│")
        self._row(f"╰{'─' * _BOX}╯")

    def spell(self, puk: Secret) -> None:
        """Each digit of the PUK as a word, on a terminal. Only which word comes next is looked up, and written out at once."""
        words = [f"{self.texts(f'digit.{digit}')} ".encode() for digit in range(10)]
        margin = b" " * 3 * _MARGIN
        self.console.file.flush()
        out = self.console.file.fileno()
        with puk.expose() as octets:
            for at, octet in enumerate(octets):
                os.write(out, margin if at % _GROUP == 0 else b"")
                os.write(out, words[octet - ord("0")])
                os.write(out, b"\n" if at % _GROUP == _GROUP - 1 else b"")

    def _row(self, text: str, end: str = "\n") -> None:
        self.console.print(Text(" " * 2 * _MARGIN + text, "yellow"), end=end, soft_wrap=True)

    def _digits(self, puk: Secret) -> None:
        shown = len(puk) + (len(puk) - 1) // _GROUP
        left = (_BOX - shown) // 2
        self._row("│" + " " * left, end="")
        self.console.file.flush()
        out = self.console.file.fileno()
        with puk.expose() as octets:
            for start in range(0, len(octets), _GROUP):
                os.write(out, b" " if start else b"")
                os.write(out, octets[start : start + _GROUP])
        self.console.print(Text(" " * (_BOX - left - shown) + "│", "yellow"), soft_wrap=True)
