"""``zorgid-card agent``: the agent, and the list of portals whose pages may use it."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zorgid_card.adapters import core_dumps, pcsc
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.agent.page_holder import Own
from zorgid_card.agent.pairing import Origins, Rollout, rollout_file
from zorgid_card.agent.protocol import page
from zorgid_card.cards.access import LastTry, PINRequest
from zorgid_card.cli.console import TerminalHolder, TerminalKeyboard
from zorgid_card.cli.create.command import default_journal
from zorgid_card.cli.create.counter import Counter
from zorgid_card.cli.display import Display
from zorgid_card.cli.officer import officer_of
from zorgid_card.cli.shown import dump
from zorgid_card.cli.simulate import interruptible
from zorgid_card.errors import PinentryError, UsageError, ZorgIDError
from zorgid_card.ports.seam import Seam
from zorgid_card.secret import Secret
from zorgid_card.texts import Texts
from zorgid_card.workflows.holder import Cue, Progress, Question
from zorgid_card.workflows.pin import PINPolicy

if TYPE_CHECKING:
    from zorgid_card.cli.beside.simulated import SimulatedDesk

_LIST = "agent.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """What the command line says.

    Attributes:
        port: where pages look for it.
        prompt: what asks for PINs: pinentry or terminal.
        pinentry: the program; None: as it is found.
        ca: CA certificates for portals' TLS, besides the system's.
        journal: where it is kept how far each card is.
        key_officer, key_officer_name: whose key PUKs are sealed for.
        simulated: directory of one person's simulated cards, in the place of readers.
    """

    port: int
    prompt: str = "pinentry"
    pinentry: str | None = None
    ca: Path | None = None
    journal: Path | None = None
    key_officer: Path | None = None
    key_officer_name: str | None = None
    simulated: Path | None = None


def origins() -> Origins:
    """The lists of this computer and of this user.

    Raises:
        StorageError: one of them cannot be relied on.
    """
    return Origins(default_journal().with_name(_LIST), Rollout.load(rollout_file()))


# --- the agent --------------------------------------------------------------------------------------------------------


def run(display: Display, options: AgentOptions, *, as_data: bool) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        UsageError: an optional library is missing, or nobody could be asked.
        StorageError: the port is taken, or a list cannot be relied on.
    """
    try:
        from zorgid_card.agent.server import Agent  # noqa: PLC0415  # an extra
        from zorgid_card.agent.steps import Desk  # noqa: PLC0415  # as above
    except ModuleNotFoundError as error:
        raise UsageError("websockets is missing; pip install 'zorgid-card[agent]'", reason="websockets") from error
    screen = Screen(display)
    officer = officer_of(options.key_officer, options.key_officer_name)
    cards = None if options.simulated is None else _simulated(options.simulated)
    with SQLiteJournal(options.journal or default_journal()) as journal:
        desk = Desk(
            readers=pcsc.readers if cards is None else cards.readers,
            hands=None if cards is None else cards.move,
            seam=_seams(options.ca),
            own=_prompts(display, screen, options),
            journal=journal,
            officer=officer,
        )
        agent = Agent(desk, origins(), port=options.port)
        with agent.running() as port, interruptible(), screen.closing():
            core_dumps.forbid()
            if as_data:
                click.echo(dump({"event": "listening", "port": port}, indent=None))
            else:
                display.say("agent.listening", port=port)
            try:
                screen.serve()
            except KeyboardInterrupt:
                if not as_data:
                    display.say("agent.stopped", "dim")
            finally:
                if cards is not None:
                    cards.keep()


def _simulated(directory: Path) -> SimulatedDesk:
    from zorgid_card.cli.beside.simulated import SimulatedDesk  # noqa: PLC0415  # the testkit, which no real desk needs

    return SimulatedDesk(directory)


def _seams(ca: Path | None) -> Callable[[str], Seam]:
    from zorgid_card.adapters.portal import tls_context  # noqa: PLC0415  # an extra
    from zorgid_card.adapters.seam import HTTPSSeam  # noqa: PLC0415  # as above

    context = tls_context(ca, system=True)
    return lambda origin: HTTPSSeam(origin, tls=context)


def _prompts(display: Display, screen: Screen, options: AgentOptions) -> Callable[[str, Texts], Own]:
    if options.prompt == "terminal":
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("no terminal to ask on", reason="prompt")
        return lambda origin, texts: TerminalOwn(screen, Display(display.console, texts), origin)
    from zorgid_card.adapters.pinentry import Pinentry  # noqa: PLC0415  # not needed with a terminal
    from zorgid_card.agent.pinentry_holder import PinentryHolder  # noqa: PLC0415  # as above

    program = options.pinentry or "pinentry"
    if shutil.which(program) is None:
        raise PinentryError(reason="missing", program=program)
    pinentry = Pinentry(program)
    return lambda origin, texts: PinentryHolder(pinentry, texts, origin=origin)


# --- prompts in the terminal ------------------------------------------------------------------------------------------


class _Silent:
    """Nothing moves on the screen while something is asked (:class:`zorgid_card.cli.create.telling.Teller`)."""

    aside = nullcontext()

    def cued(self, reader: str, cue: Cue) -> None:
        """Told by the page."""

    def refused(self, reader: str, error: ZorgIDError) -> None:
        """Told by the page."""

    def progress(self, reader: str, progress: Progress) -> None:
        """Told by the page."""

    def ended(self, outcome: object) -> None:
        """Told by the page."""


class Screen:
    """The terminal, which belongs to the main thread: what steps ask is asked there."""

    def __init__(self, display: Display) -> None:
        self.counter = Counter(_Silent(), lambda origin: display.say("agent.for", "bold", origin=origin), linger=0)
        self._end: Future[None] = Future()

    def serve(self) -> None:
        """Ask what is asked, until it is interrupted."""
        self.counter.serve([self._end])

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Nobody waits for an answer that will not come."""
        try:
            yield
        finally:
            self.counter.close()


class TerminalOwn:
    """The agent's own prompts in the terminal (:class:`zorgid_card.agent.page_holder.Own`).

    Args:
        screen: the terminal.
        display: in the page's language.
        origin: of the page.
    """

    def __init__(self, screen: Screen, display: Display, origin: str) -> None:
        self._screen = screen
        self._holder = TerminalHolder(display, TerminalKeyboard())
        self._origin = origin
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """What stands on the terminal cannot be taken away: its answer is for nobody any more."""
        self._cancelled.set()

    def cue(self, cue: Cue) -> None:
        """Told by the page."""

    def progress(self, progress: Progress) -> None:
        """Told by the page."""

    def refused(self, error: ZorgIDError) -> None:
        """Why the last answer was refused."""
        self._ask(lambda: self._holder.refused(error))

    def pin(self, request: PINRequest) -> Secret | LastTry:
        """In turn."""
        found: Secret | LastTry = self._ask(lambda: self._holder.pin(request))
        return found

    def birth_date(self) -> date:
        """In turn."""
        found: date = self._ask(self._holder.birth_date)
        return found

    def confirm(self, question: Question) -> None:
        """In turn."""
        self._ask(lambda: self._holder.confirm(question))

    def new_pin(self, policy: PINPolicy) -> tuple[Secret, Secret]:
        """In turn, both times at once."""
        found: tuple[Secret, Secret] = self._ask(lambda: self._holder.new_pin(policy))
        return found

    def show_puk(self, puk: Secret) -> None:
        """In turn."""
        self._ask(lambda: self._holder.show_puk(puk))

    def _ask(self, question: Callable[[], Any]) -> Any:
        return self._screen.counter.ask(self._origin, question)


# --- the lists --------------------------------------------------------------------------------------------------------


def allow(display: Display, origin: str) -> None:
    """Put an origin on the user's list."""
    origins().add(origin)
    display.say("agent.allowed", "green", origin=origin)


def forget(display: Display, origin: str) -> None:
    """Take an origin off the user's list."""
    lists = origins()
    gone = lists.remove(origin)
    if origin in lists.rollout.origins:
        display.say("agent.laid_down", "yellow", origin=origin)
    else:
        display.say("agent.forgotten" if gone else "agent.unknown", "green" if gone else "yellow", origin=origin)


def show(display: Display, *, as_data: bool) -> None:
    """The origins whose pages may use the agent, and who allowed them."""
    lists = origins()
    own, laid_down = lists.own(), sorted(lists.rollout.origins)
    if as_data:
        by = [{"origin": origin, "by": "administrator", "since": None} for origin in laid_down]
        by += [{"origin": origin, "by": "user", "since": since} for origin, since in sorted(own.items())]
        click.echo(dump({"origins": by, "pairing": lists.rollout.pairing, "ok": True, "error": None}))
        return
    texts = display.texts
    rows = [(origin, texts("agent.by_administrator")) for origin in laid_down]
    rows += [(origin, texts("agent.since", when=since[:10])) for origin, since in sorted(own.items())]
    display.facts(rows)
    if not rows:
        display.say("agent.none")
    if not lists.rollout.pairing:
        display.say("agent.closed_list")


def protocol() -> None:
    """The tables of the protocol, as Markdown."""
    click.echo(page(), nl=False)
