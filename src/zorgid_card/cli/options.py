"""What commands have in common on the command line: options, names of files, moments, and errors as sentences."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.failures import INTERRUPTED, PIPE_CLOSED, as_storage_error, exit_code, tell
from zorgid_card.errors import UsageError, ZorgIDError
from zorgid_card.texts import Language, Texts

F = TypeVar("F", bound=Callable[..., Any])


def guarded(texts: Texts, action: Callable[[], int | None]) -> int:
    """Do it; whatever typed error comes out becomes one sentence on standard error, and an exit code."""
    try:
        return action() or 0
    except ZorgIDError as error:
        tell(texts, texts.error(error))
        return exit_code(error)
    except BrokenPipeError:
        return PIPE_CLOSED
    except OSError as error:
        return guarded(texts, partial(fail, as_storage_error(error)))
    except KeyboardInterrupt:
        tell(texts, texts("interrupted"))
        return INTERRUPTED


def fail(error: Exception) -> int:
    """Raise it."""
    raise error


def texts_of(lang: str | None) -> Texts:
    """The texts in a language; by default that of the environment."""
    return Texts(Language(lang) if lang else Language.of_environment())


class Name(click.Path):
    """A file or directory that has a name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse the empty name, which the system takes for the current directory."""
        if value == "":
            self.fail("the name is empty.", param, ctx)
        return super().convert(value, param, ctx)


def birth_date_of(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    """A birth date of the command line, as people write it."""
    from zorgid_card.workflows.uzi_desk import parse_birth_date  # noqa: PLC0415  # loads what other commands do not need

    try:
        return None if value is None else parse_birth_date(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def moment(text: str | None) -> datetime:
    """A date of the command line; now without one.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is not a date", reason="date", value=text) from error


LANGUAGES = click.Choice([language.value for language in Language])
json_option = click.option("--json", "as_data", is_flag=True, help="One JSON object on standard output.")
file_name = Name(dir_okay=False, path_type=Path)
_reader_option = click.option(
    "--reader", metavar="NAME", help="PC/SC reader, or a part of its name; by default the only one that holds a card."
)
_trace_option = click.option(
    "--trace",
    type=Name(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Append all APDUs to FILE as JSON lines; PINs, PUKs and keys are masked.",
)
_pkcs11_option = click.option(
    "--pkcs11",
    "module",
    is_flag=False,
    flag_value="",
    metavar="[MODULE]",
    help="The card behind its middleware: path of a PKCS#11 module; without one, SafeSign's.",
)
_key_officer = (
    click.option(
        "--key-officer",
        type=file_name,
        metavar="FILE",
        help="Public key (PEM) for which the PUK is sealed, where the portal keeps PUKs for its key officer.",
    ),
    click.option("--key-officer-name", metavar="TEXT", help="The officer's name, for the holder; by default FILE's."),
)


def key_officer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Whose key PUKs are sealed for: configured here, never by the portal."""
    for option in reversed(_key_officer):
        command = option(command)
    return command


lang_option = click.option("--lang", type=LANGUAGES, help="Language; by default that of the environment.")
color_option = click.option("--no-color", is_flag=True, help="No colours.")


def on_a_card(command: Callable[..., int]) -> Callable[..., int]:
    """The options of every command that works with the card in a reader; ``command`` gets a display for the last two."""

    @_reader_option
    @_trace_option
    @_pkcs11_option
    @lang_option
    @color_option
    @wraps(command)
    def with_display(lang: str | None, no_color: bool, **others: Any) -> int:
        return command(display=Display(console(no_color=no_color), texts_of(lang)), **others)

    return with_display


signing_key_option = click.option(
    "--usage",
    type=click.Choice(("signature", "authenticity")),
    default="signature",
    show_default=True,
    help="Key: signature is the holder's will, authenticity says who sends.",
)
type_option = click.option("--type", "typ", metavar="TYPE", help="What kind of message a JWS is.")


simulated_option = click.option(
    "--simulated",
    type=Name(file_okay=False, path_type=Path),
    metavar="DIR",
    help="To try it: the cards that demo-portal, or portal --trial, has laid in DIR, in the place of readers.",
)


def on_simulated_cards(command: F) -> F:
    """The options of what can be tried without a reader."""
    command = click.option(
        "--interactive", is_flag=True, help="With --simulated: type PINs, choose and confirm yourself."
    )(command)
    return simulated_option(command)


def with_codes(what: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """The options of a command to which a PIN or PUK is given; it gets them as ``codes``.

    Args:
        what: which codes, in their order.
    """

    def options(command: Callable[..., int]) -> Callable[..., int]:
        @click.option("--last-try", is_flag=True, help="A last try, or one of an unknown number, may be spent.")
        @click.option(
            "--codes-fd",
            type=click.IntRange(0),
            metavar="N",
            help=f"For programs: read the codes from file descriptor N, a line each: {what}.",
        )
        @wraps(command)
        def with_options(codes_fd: int | None, last_try: bool, **others: Any) -> int:
            from zorgid_card.cli.console import Codes  # noqa: PLC0415  # loads the workflows, which other commands do not need

            return command(codes=Codes(descriptor=codes_fd, last_try=last_try), **others)

        return with_options

    return options


_JUDGED_BY = ("environment", "authorities", "crls", "online", "issuers", "hierarchies", "roots")


def judged(command: Callable[..., None]) -> Callable[..., int]:
    """The options of every command that judges a certificate; ``command`` gets them as ``judging``, and a display."""

    @click.option(
        "--environment",
        type=click.Choice(["production", "test"]),
        default="production",
        show_default=True,
        help="Whose roots.",
    )
    @click.option("--at", metavar="DATE", help="Judge at this date (ISO 8601, UTC) instead of now.")
    @_files("--crl", "crls", help="Revocation list; may be repeated.")
    @click.option(
        "--online",
        is_flag=True,
        help="Ask the issuers whether it is revoked (OCSP, CRL). Without this and --crl, revocation is not judged.",
    )
    @_files(
        "--issuer", "issuers", help="CA certificates, root included, of who issues ZORG-ID Smartcards: judge those too."
    )
    @_files("--hierarchy", "hierarchies", help="One more generation of CAs, as TOML; may be repeated.")
    @_files("--root", "roots", help="For developers: trust this root as well, such as that of simulated passes.")
    @json_option
    @lang_option
    @color_option
    @wraps(command)
    def with_judging(at: str | None, lang: str | None, no_color: bool, **others: Any) -> int:
        display = Display(console(no_color=no_color), texts_of(lang))

        def action() -> None:
            from zorgid_card.cli.judging import Judging  # noqa: PLC0415  # loads what judges, which other commands do not need

            by = {name: others.pop(name) for name in _JUDGED_BY}
            command(display=display, judging=Judging(at=moment(at), **by), **others)

        return guarded(display.texts, action)

    judging: Callable[..., int] = with_judging
    return judging


def _files(option: str, name: str, *, help: str) -> Callable[..., Any]:  # click's own word
    return click.option(option, name, multiple=True, type=file_name, metavar="FILE", help=help)
