"""The commands of ``zorgid-card agent``; what they do is in ``cli.beside``."""

from __future__ import annotations

from typing import Any

import click

from zorgid_card.cli import agent_native
from zorgid_card.cli.display import Display, console
from zorgid_card.cli.options import (
    color_option,
    file_name,
    guarded,
    json_option,
    key_officer_options,
    lang_option,
    simulated_option,
    texts_of,
)

_origin = click.argument("origin", metavar="ORIGIN")


@click.group(invoke_without_command=True)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=47480, show_default=True, help="Where pages look for it; 0: any."
)
@click.option(
    "--prompt",
    type=click.Choice(("pinentry", "terminal")),
    default="pinentry",
    show_default=True,
    help="What asks for PINs, and shows the PUK.",
)
@click.option("--pinentry", metavar="PROGRAM", help="The program, where it is not pinentry.")
@click.option(
    "--ca",
    type=file_name,
    metavar="FILE",
    help="CA certificates (PEM) for portals' TLS, besides the system's.",
)
@click.option("--journal", type=file_name, metavar="FILE", help="Where it is kept how far each card is.")
@simulated_option
@key_officer_options
@click.option("--json", "as_data", is_flag=True, help="One JSON object on a line when it is ready.")
@lang_option
@color_option
@click.pass_context
def agent(context: click.Context, /, as_data: bool, lang: str | None, no_color: bool, **options: Any) -> int:
    """Stand beside the reader: do what pages of allowed portals ask, with cards, until Ctrl-C.

    PIN, PUK and consent are asked here, never on a page. A page of a portal that is not on the list yet shows a code, and you are
    asked whether you see the same.
    """
    if context.invoked_subcommand is not None:
        return 0
    from zorgid_card.cli.beside import run  # noqa: PLC0415  # loads the workflows, which other commands do not need

    texts = texts_of(lang)
    display = Display(console(no_color=no_color), texts)
    return guarded(texts, lambda: run.run(display, run.AgentOptions(**options), as_data=as_data))


@agent.command(name="allow")
@_origin
@lang_option
@color_option
def allow_command(origin: str, lang: str | None, no_color: bool) -> int:
    """Let pages of ORIGIN (https://host or https://host:port) use the agent, without pairing."""
    from zorgid_card.cli.beside import run  # noqa: PLC0415  # as above

    texts = texts_of(lang)
    return guarded(texts, lambda: run.allow(Display(console(no_color=no_color), texts), origin))


@agent.command(name="forget")
@_origin
@lang_option
@color_option
def forget_command(origin: str, lang: str | None, no_color: bool) -> int:
    """Take ORIGIN off your list again."""
    from zorgid_card.cli.beside import run  # noqa: PLC0415  # as above

    texts = texts_of(lang)
    return guarded(texts, lambda: run.forget(Display(console(no_color=no_color), texts), origin))


@agent.command(name="list")
@json_option
@lang_option
@color_option
def list_command(as_data: bool, lang: str | None, no_color: bool) -> int:
    """List whose pages may use the agent: those you paired, and those of this computer's administrator."""
    from zorgid_card.cli.beside import run  # noqa: PLC0415  # as above

    texts = texts_of(lang)
    return guarded(texts, lambda: run.show(Display(console(no_color=no_color), texts), as_data=as_data))


@agent.command(name="protocol")
def protocol_command() -> int:
    """Print what a page and the agent say to each other, as Markdown."""
    from zorgid_card.cli.beside import run  # noqa: PLC0415  # as above

    return guarded(texts_of(None), run.protocol)


for _command in agent_native.COMMANDS:
    agent.add_command(_command)
