"""What the command does: look, show, and say by the exit code whether all holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from zorgid_card.adapters import pcsc
from zorgid_card.cards import CardKind, TokenCard
from zorgid_card.cli.display import Display
from zorgid_card.cli.inspect.card import CardReport, read_card, read_token
from zorgid_card.cli.inspect.certificate import Authorities, authorities_in, examine, neighbours
from zorgid_card.cli.inspect.report import Report, as_json, show
from zorgid_card.cli.place import Place
from zorgid_card.cli.recording import Recorded, chosen_reader, recording
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import NoReaderError, PCSCUnavailableError, StorageError, ZorgIDError
from zorgid_card.pki.trust import read_certificates
from zorgid_card.ports.card import Reader
from zorgid_card.recipes import find_reader, open_card

_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}")
"""What files' names end with, and readers' do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is looked at, and how.

    Attributes:
        source: a file, or else the name of a reader.
        reader: the name of a reader.
        authorities: files with CA certificates.
        at: the moment at which is judged.
        trace: where all APDUs are written.
        module: the card's middleware (:class:`zorgid_card.cli.place.Place`), behind which ``source`` or ``reader`` names a card.
    """

    source: str | None = None
    reader: str | None = None
    authorities: Sequence[Path] = ()
    at: datetime
    trace: Path | None = None
    module: str | None = None


def inspect(display: Display, look: Look, *, as_data: bool) -> None:
    """Look at a file or at the card in a reader, and show the report.

    Raises:
        ZorgIDError: there is nothing to look at, or what was found does not hold; it was shown all the same.
    """
    with recording(look.trace, display.texts) as recorded:
        _inspect(display, look, recorded, as_data=as_data)


def _inspect(display: Display, look: Look, recorded: Recorded, *, as_data: bool) -> None:
    try:
        report = _report(look, recorded)
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


def _report(look: Look, recorded: Recorded) -> Report:
    """The report on a file, if there is one of this name, or on the card in a reader."""
    authorities = authorities_in(look.authorities)
    if look.module is not None:
        place = Place(name=look.source or look.reader, trace=look.trace, module=look.module)
        with place.token() as token:
            return _reported(read_token(token), authorities, look.at)
    path = None if look.source in (None, "-") else _path(look.source or "")
    if path is not None and path.is_file():
        return _file(path, authorities, look.at)
    reader = chosen_reader(look.reader) if path is None else _named(str(look.source))
    return _reader(recorded(reader), authorities, look.at, traced=look.trace is not None)


def _path(source: str) -> Path:
    """The name as that of a file, which it may yet not be.

    Raises:
        NoReaderError: it is empty.
        StorageError: it can only be that of a file, and is not.
    """
    if not source:
        raise NoReaderError("the name is empty", reason="no name")
    path = Path(source)
    if path.is_file():
        return path
    if path.exists():
        why = "directory" if path.is_dir() else "special"
        raise StorageError(f"{source} is no ordinary file", reason=why, path=source)
    if path.parent != Path() or _ENDING.fullmatch(path.suffix):
        raise StorageError(f"there is no file {source}", reason="missing", path=source)
    return path


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


def _reader(reader: Reader, given: Sequence[bytes], at: datetime, *, traced: bool) -> Report:
    """The card in a reader; what this library does not know may be known to a middleware, whose commands cannot be traced."""
    report = read_card(reader)
    if report.found.kind is CardKind.UNKNOWN and not traced:
        with suppress(ZorgIDError), open_card(reader) as card:
            report = read_token(card) if isinstance(card, TokenCard) else report
    return _reported(report, given, at)


def _reported(card: CardReport, given: Sequence[bytes], at: datetime) -> Report:
    chosen = Authorities(found=card.authorities, given=given)
    examined = {label: examine(data, chosen, at) for label, data in card.certificates.items()}
    return Report(name=card.reader, card=card, certificates=examined)
