"""``--reader NAME``, and ``--trace FILE``: all that crosses, secrets masked, for :mod:`zorgid_card.testkit.replay`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from zorgid_card.cli.failures import about, tell
from zorgid_card.errors import NoReaderError, StorageError
from zorgid_card.ports.card import Reader
from zorgid_card.recipes import find_reader
from zorgid_card.testkit.transcript import RecordingReader, Transcript
from zorgid_card.texts import Texts

Recorded: TypeAlias = Callable[[Reader], Reader]
"""Makes of a reader one whose cards are recorded."""


@contextmanager
def recording(path: Path | None, texts: Texts) -> Iterator[Recorded]:
    """Record into a file what happens in the block, if there is a file.

    What was done with the card counts, whatever becomes of the file: an error of the block passes, and that the file is incomplete
    is then told beside it.

    Raises:
        StorageError: the file cannot be opened: then nothing was done yet; or it could not be written to its end.
    """
    if path is None:
        yield lambda reader: reader
        return
    transcript = Transcript(path)
    try:
        yield lambda reader: RecordingReader(reader, transcript)
    except BaseException:
        try:
            _end(transcript)
        except StorageError as lost:
            tell(texts, texts.error(lost))
        raise
    _end(transcript)


def chosen_reader(name: str | None) -> Reader:
    """The reader that ``--reader`` names; None or ``-``: the only one that holds a card.

    Raises:
        NoReaderError: the name is empty, or nobody's.
        ReaderError, UsageError: see :func:`zorgid_card.recipes.find_reader`.
    """
    if name == "":
        raise NoReaderError("the name is empty", reason="no name")
    return find_reader(None if name == "-" else name)


def _end(transcript: Transcript) -> None:
    with about(what="transcript"):
        transcript.close()
