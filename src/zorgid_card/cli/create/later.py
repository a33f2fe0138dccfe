"""``zorgid-card renew``, ``reset`` and ``recover``: how they are carried out, at one reader."""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.cli.console import TerminalHolder
from zorgid_card.cli.create.command import CreateOptions, default_journal, readers_of, seam_of
from zorgid_card.cli.create.telling import made_as_json
from zorgid_card.cli.create.trial import PlaceHolder, chosen_places
from zorgid_card.cli.display import Display
from zorgid_card.cli.login import keyboard
from zorgid_card.cli.officer import officer_of
from zorgid_card.cli.recording import recording
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import CardUnfinishedError, CommitLateError, ZorgIDError
from zorgid_card.ports.card import Reader
from zorgid_card.ports.journal import Journal
from zorgid_card.ports.seam import Seam
from zorgid_card.workflows.creation import Made, last_write_done
from zorgid_card.workflows.escrow import KeyOfficer
from zorgid_card.workflows.holder import Holder
from zorgid_card.workflows.recovery import CardRecovery
from zorgid_card.workflows.renewal import CardRenewal, CardReset
from zorgid_card.workflows.session import PortalClient


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterOptions:
    """What the command line says; as in :class:`zorgid_card.cli.create.command.CreateOptions`."""

    portal: str
    path: str
    ca: Path | None = None
    reader: str | None = None
    journal: Path | None = None
    trace: Path | None = None
    key_officer: Path | None = None
    key_officer_name: str | None = None
    simulated: Path | None = None
    interactive: bool = False

    @property
    def readers(self) -> tuple[str, ...]:
        """The reader that is named, if one is."""
        return () if self.reader is None else (self.reader,)


@dataclass(frozen=True, slots=True)
class _Desk:
    reader: Reader
    holder: Holder
    seam: Seam
    journal: Journal
    asking: Display
    officer: KeyOfficer | None

    def parts(self) -> tuple[Reader, PortalClient, Holder, Journal]:
        """What a workflow takes: each in a session of its own."""
        return self.reader, PortalClient(self.seam), self.holder, self.journal


def run(what: str, display: Display, err: Display, options: LaterOptions, *, as_data: bool) -> None:
    """Renew a card, make one blank, or give one back to its holder alone.

    Args:
        what: ``renew``, ``reset`` or ``recover``.
        display: for what is told.
        err: for what is asked and told meanwhile, where standard output is for a program.
        options: what the command line says.
        as_data: as JSON, on standard output.

    Raises:
        ZorgIDError: what stands in the way; as data it was told on standard output, too.
    """
    asking = err if as_data else display
    work = {"renew": _renew, "reset": _reset, "recover": _recover}[what]
    try:
        told = _at_desk(options, asking, work)
    except ZorgIDError as error:
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, display.texts)}))
        raise
    if as_data:
        click.echo(dump(told | {"ok": True, "error": None}))


def _at_desk(options: LaterOptions, asking: Display, work: Callable[[_Desk], dict[str, Any]]) -> dict[str, Any]:
    officer = officer_of(options.key_officer, options.key_officer_name)
    places = CreateOptions(portal=options.portal, path=options.path, ca=options.ca, readers=options.readers)
    with (
        SQLiteJournal(options.journal or default_journal()) as journal,
        recording(options.trace, asking.texts) as recorded,
        ExitStack() as held,
    ):
        reader, holder = _at(places, options, asking, held)
        return work(_Desk(recorded(reader), holder, seam_of(places), journal, asking, officer))


def _at(places: CreateOptions, options: LaterOptions, asking: Display, held: ExitStack) -> tuple[Reader, Holder]:
    """The reader, and who sits there; a simulated card is kept as it is in the end, whatever that is."""
    if options.simulated is None:
        return readers_of(places)[0], TerminalHolder(asking, keyboard())
    (place,) = chosen_places(options.simulated, options.readers)
    held.callback(place.keep)
    return place.reader, PlaceHolder(place, place.holder(asking, interactive=options.interactive, alone=True))


def _renew(desk: _Desk) -> dict[str, Any]:
    desk.asking.say("renew.at", "bold", origin=desk.seam.origin)
    workflow = CardRenewal(*desk.parts(), officer=desk.officer)
    made = _left(desk) or workflow.run(platform=platform.system(), client_version=version("zorgid-card"))
    desk.asking.pause()
    key = "renew.anew" if workflow.made_anew else "renew.done"
    desk.asking.say(key, "green", serial=made.serial, user_name=made.user_name)
    return made_as_json(made) | {"made_anew": workflow.made_anew}


def _left(desk: _Desk) -> Made | None:
    """A card of which another process has left nothing but the commit to be done (CRD-8)."""
    for making in desk.journal.unfinished():
        if making.renewal and making.commit and making.origin == desk.seam.origin and last_write_done(making):
            with suppress(CardUnfinishedError, CommitLateError):
                return CardRenewal(*desk.parts()).resume(making)
    return None


def _reset(desk: _Desk) -> dict[str, Any]:
    desk.asking.say("reset.at", "bold", origin=desk.seam.origin)
    workflow = CardReset(*desk.parts())
    serial = workflow.run_reset(platform=platform.system(), client_version=version("zorgid-card"))
    desk.asking.pause()
    desk.asking.say("reset.done", "green", serial=serial)
    return {"serial": serial}


def _recover(desk: _Desk) -> dict[str, Any]:
    desk.asking.say("recover.at", "bold", origin=desk.seam.origin)
    workflow = CardRecovery(*desk.parts(), officer=desk.officer)
    recovered = workflow.run_recovery(platform=platform.system(), client_version=version("zorgid-card"))
    desk.asking.pause()
    desk.asking.say("recover.done", "green", serial=recovered.serial)
    return {"serial": recovered.serial, "state": recovered.state}
