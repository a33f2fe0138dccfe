"""The demonstration from begin to end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from zorgid_card.cli.console import TerminalKeyboard
from zorgid_card.cli.demo.acts import ACTS, Play
from zorgid_card.cli.demo.holder import Desk, InteractiveHolder, ScriptedHolder
from zorgid_card.cli.demo.stage import DemonstrationStoppedError, Stage
from zorgid_card.cli.demo.world import PASSPHRASE, World
from zorgid_card.cli.display import Display
from zorgid_card.errors import DeclinedError, StorageError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may be chosen."""

    interactive: bool = False
    keep: Path | None = None
    key_algorithm: str = "RSA2048"


def run(display: Display, options: Options) -> None:
    """Play all acts and show the summary.

    Raises:
        ZorgIDError: something did not go as it must; nothing is left behind but what ``keep`` asks for, which is told.
    """
    desk: Desk = InteractiveHolder(display, TerminalKeyboard()) if options.interactive else ScriptedHolder(display)
    with directory_for(options.keep) as directory:
        try:
            play(display, desk, directory, options.key_algorithm)
        except BaseException:
            if options.keep is not None:
                with suppress(OSError):
                    _tell_left(display, directory)
            raise
        if options.keep is not None:
            _tell_kept(display, directory)


def play(display: Display, desk: Desk, directory: Path, key_algorithm: str) -> World:
    """Play all acts in an empty directory; returns the world, closed.

    Raises:
        DemonstrationStoppedError: the person wants no more of it; the summary was shown.
    """
    stage = Stage(display)
    stage.title()
    stage.preparation()
    world = World.build(directory, key_algorithm)
    try:
        shared = Play(world, stage, desk)
        for number, act in enumerate(ACTS):
            if number:
                desk.go_on()
            act(shared)
        stage.summary()
    except DeclinedError as error:
        stage.summary()
        raise DemonstrationStoppedError from error
    finally:
        display.pause()
        world.close()
    return world


@contextmanager
def directory_for(keep: Path | None) -> Iterator[Path]:
    """The directory to keep, which must be new or empty; without one, one that goes away.

    Raises:
        StorageError, UsageError: it cannot be used, or is not empty.
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="zorgid-card-demo-") as temporary:
            yield Path(temporary)
        return
    try:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        occupied = any(keep.iterdir())
    except OSError as error:
        raise StorageError(f"{keep} cannot be used", reason=str(error.strerror), path=str(keep)) from error
    if occupied:
        raise UsageError(f"the directory {keep} is not empty", reason="not empty", path=str(keep))
    yield keep


def _tell_left(display: Display, directory: Path) -> None:
    """What an unfinished demonstration leaves behind; a directory in which there is nothing goes away."""
    names = _names(directory)
    if names:
        display.say("summary.left", "yellow", path=directory, names=names)
    else:
        directory.rmdir()


def _names(directory: Path) -> str:
    return ", ".join(sorted(path.name for path in directory.iterdir()))


def _tell_kept(display: Display, directory: Path) -> None:
    display.console.print()
    display.say("summary.kept", "dim", path=directory, names=_names(directory))
    display.say("summary.passphrase", "dim", passphrase=PASSPHRASE.decode())
