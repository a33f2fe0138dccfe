"""``zorgid-card protocol``: what card side and portal say to each other, for those who write one of them anew."""

from __future__ import annotations

import click

from zorgid_card.cli.shown import dump
from zorgid_card.workflows import protocol


def run(*, vectors: bool) -> None:
    """Print the tables as Markdown, or the test vectors as JSON."""
    click.echo(dump(protocol.vectors()) if vectors else protocol.page(), nl=vectors)
