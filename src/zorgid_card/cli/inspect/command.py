"""What the command does: look, show, and say by the exit code whether all holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from zorgid_card.adapters import pcsc
from zorgid_card.cli.display import Display
from zorgid_card.cli.inspect.card import read_card
from zorgid_card.cli.inspect.certificate import Authorities, authorities_in, examine, neighbours, read_certificates
from zorgid_card.cli.inspect.report import Report, as_json, dump, error_as_json, show
from zorgid_card.errors import NoReaderError, PCSCUnavailableError, StorageError, ZorgIDError
from zorgid_card.ports.card import Reader
from zorgid_card.recipes import find_reader

_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}")
"""What files' names end with, and readers' do not."""


def inspect(display: Display, source: str | None, given: Sequence[Path], at: datetime, *, as_data: bool) -> None:
    """Look at a file or at the card in a reader, and show the report.

    Raises:
        ZorgIDError: there is nothing to look at, or what was found does not hold; it was shown all the same.
    """
    try:
        report = look(source, given, at)
    except ZorgIDError as error:
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, display.texts)}))
        raise
    if as_data:
        click.echo(as_json(report, display.texts))
    else:
        show(report, display)
    if report.error is not None:
        raise report.error


def look(source: str | None, given: Sequence[Path], at: datetime) -> Report:
    """The report on a file, if there is one of this name, or on the card in a reader."""
    authorities = authorities_in(given)
    if source is None or source == "-":
        return _reader(find_reader(), authorities, at)
    if not source:
        raise NoReaderError("the name is empty", reason="no name")
    path = Path(source)
    if path.is_file():
        return _file(path, authorities, at)
    if path.exists():
        why = "directory" if path.is_dir() else "special"
        raise StorageError(f"{source} is no ordinary file", reason=why, path=source)
    if path.parent != Path() or _ENDING.fullmatch(path.suffix):
        raise StorageError(f"there is no file {source}", reason="missing", path=source)
    return _reader(_named(source), authorities, at)


def _named(name: str) -> Reader:
    """The reader of this name; it was seen already that no file has it.

    Raises:
        NoReaderError, PCSCUnavailableError: none; ``reason`` is ``no file``.
    """
    try:
        known = pcsc.readers()
    except PCSCUnavailableError as error:
        raise PCSCUnavailableError(
            str(error), reason="no file", name=name, advice=error.details.get("advice")
        ) from error
    try:
        return find_reader(name, known)
    except NoReaderError as error:
        names = ", ".join(reader.name for reader in known)
        raise NoReaderError(f"no file and no reader {name}", reason="no file", name=name, names=names) from error


def _file(path: Path, given: Sequence[bytes], at: datetime) -> Report:
    found = read_certificates(path)
    chosen = Authorities(found=[*neighbours(path), *found[1:]], given=given)
    labels = [path.name] if len(found) == 1 else [f"{path.name} {number}" for number in range(1, len(found) + 1)]
    examined = [examine(data, chosen, at) for data in found]
    return Report(name=str(path), certificates=dict(zip(labels, examined, strict=True)))


def _reader(reader: Reader, given: Sequence[bytes], at: datetime) -> Report:
    card = read_card(reader)
    chosen = Authorities(found=card.authorities, given=given)
    examined = {label: examine(data, chosen, at) for label, data in card.certificates.items()}
    return Report(name=card.reader, card=card, certificates=examined)
