"""What the command does: look, show, and say by the exit code whether all holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from zorgid_card.cli.display import Display
from zorgid_card.cli.inspect.card import read_card
from zorgid_card.cli.inspect.certificate import Authorities, authorities_in, examine, neighbours, read_certificates
from zorgid_card.cli.inspect.report import Report, as_json, dump, error_as_json, show
from zorgid_card.errors import StorageError, ZorgIDError
from zorgid_card.recipes import find_reader

_PATHLIKE = frozenset({".cer", ".crt", ".der", ".pem", ".p7b"})


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
    if source is not None and source != "-":
        path = Path(source)
        if path.is_file():
            return _file(path, authorities, at)
        if path.parent != Path() or path.suffix.lower() in _PATHLIKE:
            raise StorageError(f"there is no file {source}", reason="missing", path=source)
    return _reader(None if source == "-" else source, authorities, at)


def _file(path: Path, given: Sequence[bytes], at: datetime) -> Report:
    found = read_certificates(path)
    chosen = Authorities(found=[*neighbours(path), *found[1:]], given=given)
    labels = [path.name] if len(found) == 1 else [f"{path.name} {number}" for number in range(1, len(found) + 1)]
    examined = [examine(data, chosen, at) for data in found]
    return Report(name=str(path), certificates=dict(zip(labels, examined, strict=True)))


def _reader(name: str | None, given: Sequence[bytes], at: datetime) -> Report:
    card = read_card(find_reader(name))
    chosen = Authorities(found=card.authorities, given=given)
    examined = {label: examine(data, chosen, at) for label, data in card.certificates.items()}
    return Report(name=card.reader, card=card, certificates=examined)
