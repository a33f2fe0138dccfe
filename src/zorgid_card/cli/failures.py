"""Where an error becomes one sentence and an exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from zorgid_card.errors import (
    CardError,
    CertificateError,
    EncodingError,
    PortalError,
    ReaderError,
    StorageError,
    UserError,
    ZorgIDError,
)
from zorgid_card.texts import Texts

EXIT_CODES: Mapping[type[ZorgIDError], int] = {
    UserError: 3,
    CardError: 4,
    ReaderError: 5,
    CertificateError: 6,
    PortalError: 7,
    StorageError: 8,
    EncodingError: 9,
}
"""Who erred, as a number; 1: this program itself, 2: the command line, 130: interrupted."""

INTERRUPTED = 130
PIPE_CLOSED = 141
"""Whoever read the output wants no more of it (128 + SIGPIPE, as shells count)."""


def tell(texts: Texts, sentence: str) -> None:
    """One sentence on standard error."""
    click.echo(f"zorgid-card: {sentence}", err=True)


@contextmanager
def about(**known: str) -> Iterator[None]:
    """Add to the errors that pass what the command line knows, so that their sentence can say it.

    Args:
        known: ``card``: ``uzi-pass`` or ``zorgid``, which certificates are judged; ``purpose``: ``register``; ``what``: ``puk``,
            ``transcript``.
    """
    try:
        yield
    except ZorgIDError as error:
        for name, value in known.items():
            error.details.setdefault(name, value)
        raise


def as_storage_error(error: OSError) -> StorageError:
    """What the system says of a file or of the output, as an error of ours."""
    reason = error.strerror or type(error).__name__
    if isinstance(error.filename, str):
        return StorageError(str(error), reason=reason, path=error.filename)
    return StorageError(str(error), reason=reason, what="output")


def exit_code(error: ZorgIDError) -> int:
    """The exit code of an error."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)


def exit_codes(texts: Texts) -> str:
    """The table of exit codes, for the help."""
    rows = ((0, "ok"), (1, "program"), (2, "usage"), *((code, kind.code) for kind, code in EXIT_CODES.items()))
    return ", ".join(f"{code} {texts(f'exit.{name}')}" for code, name in (*rows, (INTERRUPTED, "interrupted")))
