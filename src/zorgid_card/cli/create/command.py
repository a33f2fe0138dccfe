"""``zorgid-card create``: what the command line says, and how it is carried out."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import click

from zorgid_card.adapters import pcsc
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.cli.console import TerminalHolder
from zorgid_card.cli.create.counter import LINGER, Counter, PlaceHolder
from zorgid_card.cli.create.telling import Board, JSONLines, Teller
from zorgid_card.cli.create.trial import chosen_places
from zorgid_card.cli.display import Display
from zorgid_card.cli.login import keyboard
from zorgid_card.cli.officer import officer_of
from zorgid_card.cli.recording import chosen_reader, recording
from zorgid_card.errors import (
    CardUnfinishedError,
    CommitLateError,
    DeclinedError,
    NoReaderError,
    StorageError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.ports.card import Reader
from zorgid_card.ports.journal import Journal, Making
from zorgid_card.ports.seam import Seam
from zorgid_card.texts import printable
from zorgid_card.workflows.bureau import Bureau, Outcome, Place
from zorgid_card.workflows.creation import CardCreation, Replaced, last_write_done
from zorgid_card.workflows.escrow import KeyOfficer
from zorgid_card.workflows.holder import Cue, Holder, Question
from zorgid_card.workflows.session import PortalClient


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOptions:
    """What the command line says.

    Attributes:
        portal: address of the portal.
        path: where at the portal messages are taken.
        ca: CA certificates for its TLS, in the place of the system's.
        readers: names of readers; none: the only one.
        all_readers: all of them.
        again: after each card the next person's turn comes.
        journal: where it is kept how far each card has come.
        trace: where all APDUs are written.
        simulated: directory of simulated cards, in the place of readers.
        interactive: whether the simulated people's answers are typed.
        replace: why the new card replaces another: lost, stolen, broken, unused.
        replaced_card: which; None where the person has one.
        key_officer: public key for which PUKs are sealed, where the portal keeps them; None: for nobody's.
        key_officer_name: as the holder is shown it.
    """

    portal: str
    path: str
    ca: Path | None = None
    readers: tuple[str, ...] = ()
    all_readers: bool = False
    again: bool = False
    journal: Path | None = None
    trace: Path | None = None
    simulated: Path | None = None
    interactive: bool = False
    replace: str | None = None
    replaced_card: str | None = None
    key_officer: Path | None = None
    key_officer_name: str | None = None


@dataclass(frozen=True, slots=True)
class _Desk:
    """One reader on the command line, and who answers there."""

    reader: Reader
    holder: Holder
    move: Callable[[Cue], None] | None = None
    """Moves the cards, where they are simulated."""


def run(display: Display, err: Display, options: CreateOptions, *, as_data: bool) -> None:
    """Finish what another process has left, then make cards.

    Args:
        display: for what is told.
        err: for what is asked and told meanwhile, where standard output is for a program.
        options: what the command line says.
        as_data: as lines of JSON, on standard output.

    Raises:
        ZorgIDError: what stood in the way at the first place where no card was made.
    """
    lines = JSONLines(display.texts) if as_data else None
    try:
        with SQLiteJournal(options.journal or default_journal()) as journal:
            outcomes = _create(display, err if as_data else display, options, journal, lines)
    except ZorgIDError as error:
        if lines is not None:
            lines.stopped(error)
        raise
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    if lines is not None:
        lines.total(len(outcomes) - len(failed), len(failed))
    elif len(outcomes) > 1:
        display.say("create.total", made=len(outcomes) - len(failed), failed=len(failed))
    if failed:
        raise failed[0]


def default_journal() -> Path:
    """The journal of this user.

    Raises:
        StorageError: its directory cannot be made.
    """
    directory = Path(click.get_app_dir("zorgid-card"))
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{directory} cannot be made", reason=str(error.strerror), path=str(directory)) from error
    return directory / "journal.db"


def _create(
    display: Display, asking: Display, options: CreateOptions, journal: Journal, lines: JSONLines | None
) -> list[Outcome]:
    seam, replaces = seam_of(options), _replaced(options)
    officer = officer_of(options.key_officer, options.key_officer_name)
    with ExitStack() as held:
        desks = [*_desks(asking, options, held)]
        names = [desk.reader.name for desk in desks]
        asking.say("create.at", "bold", origin=seam.origin, readers=", ".join(map(printable, names)))
        finished = _resumed(asking, desks, seam, journal, lines)
        if finished:
            return finished
        teller: Teller = lines or held.enter_context(Board(display, names))
        unattended = options.simulated is not None and not options.interactive
        bureau = _bureau(seam, journal, replaces, officer)
        return _made(asking, desks, teller, bureau, again=options.again, unattended=unattended)


def _bureau(seam: Seam, journal: Journal, replaces: Replaced | None, officer: KeyOfficer | None) -> Bureau:
    return Bureau(
        lambda: seam,
        journal,
        platform=platform.system(),
        client_version=version("zorgid-card"),
        replaces=replaces,
        officer=officer,
    )


def _replaced(options: CreateOptions) -> Replaced | None:
    if options.replace is None:
        if options.replaced_card is not None:
            raise UsageError("--replaced-card goes with --replace", reason="replaced-card")
        return None
    return Replaced(cause=options.replace, serial=options.replaced_card or "")


def seam_of(options: CreateOptions) -> Seam:
    """The way to the portal.

    Raises:
        UsageError: an optional library is missing, or the address is none.
    """
    try:
        from zorgid_card.adapters.seam import HTTPSSeam  # noqa: PLC0415  # an extra
    except ModuleNotFoundError as error:
        raise UsageError("httpx is missing; pip install 'zorgid-card[http]'", reason="httpx") from error
    return HTTPSSeam(options.portal, path=options.path, ca=options.ca)


# --- places -----------------------------------------------------------------------------------------------------------


def _desks(display: Display, options: CreateOptions, held: ExitStack) -> Iterator[_Desk]:
    if options.all_readers and options.readers:
        raise UsageError("either --reader or --all-readers", reason="both")
    if options.simulated is not None:
        yield from _simulated(display, options, options.simulated, held)
        return
    readers = readers_of(options)
    if options.trace is not None and len(readers) > 1:
        raise UsageError("--trace shows the APDUs of one reader", reason="trace-one")
    recorded = held.enter_context(recording(options.trace, display.texts))
    for reader in readers:
        yield _Desk(recorded(reader), TerminalHolder(display, keyboard()))


def readers_of(options: CreateOptions) -> list[Reader]:
    """The readers that the command line names, at least one; raises ReaderError."""
    known: list[Reader] = [*pcsc.readers()]
    if options.all_readers:
        if not known:
            raise NoReaderError
        return known
    if options.readers:
        chosen = {reader.name: reader for reader in map(chosen_reader, options.readers)}
        return [*chosen.values()]
    return known if len(known) == 1 else [chosen_reader(None)]


def _simulated(display: Display, options: CreateOptions, directory: Path, held: ExitStack) -> Iterator[_Desk]:
    places = chosen_places(directory, options.readers, every=options.all_readers)
    for place in places:
        held.callback(place.keep)
        holder = place.holder(display, interactive=options.interactive, alone=len(places) == 1)
        yield _Desk(place.reader, holder, place.move)


# --- making -----------------------------------------------------------------------------------------------------------


def _made(
    display: Display, desks: Sequence[_Desk], teller: Teller, bureau: Bureau, *, again: bool, unattended: bool
) -> list[Outcome]:
    outcomes: list[Outcome] = []

    def told(outcome: Outcome) -> None:
        outcomes.append(outcome)
        teller.ended(outcome)

    heading = _nothing if len(desks) == 1 or unattended else partial(_head, display)
    counter = Counter(teller, heading, linger=0 if unattended else LINGER)
    places = [
        Place(desk.reader, PlaceHolder(desk.reader.name, desk.holder, counter, teller, desk.move)) for desk in desks
    ]
    with bureau, _closing(counter, bureau):
        ends = bureau.begin(places, told, again=again)
        counter.serve(ends)
        for end in ends:
            end.result()
    return outcomes


@contextmanager
def _closing(counter: Counter, bureau: Bureau) -> Iterator[None]:
    """Whatever ends it, nobody waits for an answer that will not come."""
    try:
        yield
    except BaseException:
        bureau.stop()
        raise
    finally:
        counter.close()


def _nothing(reader: str) -> None:
    """Where there is one reader, nobody asks which."""


def _head(display: Display, reader: str) -> None:
    display.console.print()
    display.line(display.texts("create.reader", reader=reader), "bold cyan")


# --- resuming ---------------------------------------------------------------------------------------------------------


def _resumed(
    display: Display, desks: Sequence[_Desk], seam: Seam, journal: Journal, lines: JSONLines | None
) -> list[Outcome]:
    """Cards of which another process has left nothing but the commit, or the last write, to be done (CRD-8).

    Returns:
        Those for which somebody has come with their card: that is what the command was called for.
    """
    found: list[Outcome] = []
    for making in journal.unfinished():
        if making.origin != seam.origin or not making.commit:
            continue
        needs_card = not last_write_done(making)
        if needs_card and (len(desks) > 1 or not _wanted(desks[0], making)):
            continue
        if needs_card and desks[0].move is not None:
            desks[0].move(Cue.INSERT_AGAIN)
        creation = CardCreation(desks[0].reader, PortalClient(seam), desks[0].holder, journal)
        try:
            made = creation.resume(making)
        except (CardUnfinishedError, CommitLateError, DeclinedError) as error:
            display.line(display.texts.error(error), "yellow")
            continue
        finally:
            display.pause()
        display.say("create.made", "green", serial=made.serial, user_name=made.user_name)
        outcome = Outcome(desks[0].reader.name, made=made)
        if lines is not None:
            lines.ended(outcome)
        if needs_card:
            found.append(outcome)
    return found


def _wanted(desk: _Desk, making: Making) -> bool:
    try:
        desk.holder.confirm(Question("finish-card", (("serial", making.serial),)))
    except DeclinedError:
        return False
    return True
