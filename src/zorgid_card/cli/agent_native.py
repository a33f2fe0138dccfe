"""``zorgid-card agent native-messaging`` and ``install``: the host of Web eID's browser extension, and telling browsers of it."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.options import color_option, guarded, json_option, lang_option, texts_of
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import PinentryError, ZorgIDError
from zorgid_card.texts import Texts

_BROWSERS = ("chromium", "chrome", "edge", "firefox")
_extensions = click.option(
    "--extension",
    "extensions",
    multiple=True,
    metavar="ID",
    help="An extension beside Web eID's own; may be repeated.",
)
_pinentry = click.option("--pinentry", default="pinentry", show_default=True, metavar="PROGRAM", help="Asks for PINs.")


@click.command(name="native-messaging", context_settings={"ignore_unknown_options": True})
@_pinentry
@_extensions
@lang_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def native_messaging_command(
    pinentry: str, extensions: tuple[str, ...], lang: str | None, arguments: tuple[str, ...]
) -> int:
    """Serve a browser's Web eID extension on standard input and output; a browser starts this.

    ARGUMENTS are the browser's: which extension calls.
    """
    texts = texts_of(lang)
    return guarded(texts, lambda: _serve(texts, pinentry, extensions, arguments))


def _serve(texts: Texts, pinentry: str, extensions: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    from zorgid_card.agent import native_messaging  # noqa: PLC0415  # what other commands do not need

    known = (*native_messaging.CHROMIUM_EXTENSIONS, *native_messaging.FIREFOX_EXTENSIONS, *extensions)
    native_messaging.require_caller(arguments, known)
    browser = native_messaging.standard_streams()
    browser.greet()
    from zorgid_card.adapters import core_dumps  # noqa: PLC0415  # after the greeting, which is waited for
    from zorgid_card.adapters.pinentry import Pinentry  # noqa: PLC0415  # as above
    from zorgid_card.agent import web_eid  # noqa: PLC0415  # as above
    from zorgid_card.agent.pairing import Rollout, rollout_file  # noqa: PLC0415  # as above
    from zorgid_card.agent.pinentry_holder import PinentryHolder  # noqa: PLC0415  # as above
    from zorgid_card.opening import open_card  # noqa: PLC0415  # as above

    core_dumps.forbid()
    program = Pinentry(pinentry)
    desk = web_eid.Desk(
        card=lambda: open_card(timeout=_PATIENCE),
        prompts=lambda origin, language: PinentryHolder(program, language, origin=origin),
        texts=texts,
        signing=lambda: Rollout.load(rollout_file()).signing,
    )
    web_eid.serve(browser, desk)


_PATIENCE = 2.0
"""Seconds for which another program that has the card is waited for."""


@click.command(name="install")
@click.option(
    "--browser",
    "browsers",
    multiple=True,
    type=click.Choice(_BROWSERS),
    help="For this browser; may be repeated; by default all.",
)
@click.option("--system", is_flag=True, help="For all users of this computer.")
@click.option("--replace", is_flag=True, help="Take the place of another program, such as Web eID's own.")
@click.option("--remove", is_flag=True, help="Take away again what this command wrote.")
@_pinentry
@_extensions
@json_option
@lang_option
@color_option
def install_command(as_data: bool, lang: str | None, no_color: bool, **options: Any) -> int:
    """Tell browsers that the Web eID extension works with this program and its cards."""
    texts = texts_of(lang)
    display = Display(console(no_color=no_color), texts)
    return guarded(texts, lambda: _install(display, as_data=as_data, **options))


def _install(
    display: Display,
    *,
    browsers: tuple[str, ...],
    system: bool,
    replace: bool,
    remove: bool,
    pinentry: str,
    extensions: tuple[str, ...],
    as_data: bool,
) -> None:
    from zorgid_card.agent import browsers as known  # noqa: PLC0415  # as above

    here, chosen = known.usual(everybody=system), browsers or known.BROWSERS
    try:
        if remove:
            written = known.remove(here, chosen)
        else:
            command = host_command(pinentry, extensions)
            written = known.install(here, chosen, command, extensions, replace=replace)
    except ZorgIDError as error:
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, display.texts)}))
        raise
    if as_data:
        click.echo(dump({"files": [str(path) for path in written], "ok": True, "error": None}))
        return
    for path in written:
        display.entry(str(path))
    display.say("web_eid.removed" if remove else "web_eid.installed", "green")


def host_command(pinentry: str, extensions: tuple[str, ...]) -> list[str]:
    """What the launcher runs: this Python and this library, wherever a browser starts it.

    Raises:
        PinentryError: there is no such pinentry here.
        UsageError: no such extension can be.
    """
    from zorgid_card.agent.native_messaging import is_chromium  # noqa: PLC0415  # as above

    program = shutil.which(pinentry)
    if program is None:
        raise PinentryError(reason="missing", program=pinentry)
    for name in extensions:
        is_chromium(name)
    more = [word for name in extensions for word in ("--extension", name)]
    # -P: nothing is loaded from the directory in which the browser starts it
    return [sys.executable, "-P", "-m", "zorgid_card.cli", "agent", "native-messaging", "--pinentry", program, *more]


COMMANDS = (native_messaging_command, install_command)
