"""Every command line that the documentation shows exists, with each of its options."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from zorgid_card.cli.app import main

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "README.md", *ROOT.glob("docs/*.md")))
NAMES = {"statement", "message", "sealed", "master", "batch", "root", "issuing", "9B", "SCP03", "data"}
"""What follows ``zorgid-card`` in the first line of what is signed or sealed, and in the label of a key."""

SHOWN = re.compile(r"(?:^|(?<=`)|(?<=\$ )|(?<=  ))zorgid-card ((?:[^`#\n\\]|\\\n)+)", re.MULTILINE)


def shown(page: str) -> list[str]:
    found = (line.replace("\\\n", " ").strip() for line in SHOWN.findall((ROOT / page).read_text()))
    return [line for line in found if line.split()[0] not in NAMES]


def unknown(line: str) -> str | None:
    """The first word that the command line does not know."""
    command: click.Command = main
    words = line.split()
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        if name.startswith("-"):
            break
        for choice in name.split("|"):
            if choice not in command.commands:
                return choice
        command = command.commands[name.split("|")[0]]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    written = re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", line)
    return next((name for name in written if name not in options | {"--help", "--version"}), None)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_has_one_type_is_there_to_be_typed(page: str) -> None:
    assert {line: unknown(line) for line in shown(page) if unknown(line)} == {}


def test_the_pages_show_every_command() -> None:
    lines = [line.split() for page in PAGES for line in shown(page)]
    assert set(main.commands) <= {words[0] for words in lines}
