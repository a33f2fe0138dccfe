"""The commands: what may be written on the command line, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.failures import INTERRUPTED, exit_code, exit_codes
from zorgid_card.cli.texts import Language, Texts
from zorgid_card.errors import UsageError, ZorgIDError

_LANGUAGES = click.Choice([language.value for language in Language])
_KINDS = ("blank", "zorgid", "uzi-z", "uzi-n", "uzi-m")
_ALGORITHMS = ("RSA2048", "ECCP256")
_EPILOG = f"Exit codes: {exit_codes(Texts(Language.EN))}."


def run(arguments: list[str]) -> int:
    """Run a command line; returns its exit code."""
    try:
        return int(main.main(args=arguments, prog_name="zorgid-card", standalone_mode=False) or 0)
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code


def guarded(texts: Texts, action: Callable[[], int | None]) -> int:
    """Do it; whatever typed error comes out becomes one sentence on standard error, and an exit code."""
    try:
        return action() or 0
    except ZorgIDError as error:
        tell(texts, texts.error(error))
        return exit_code(error)
    except KeyboardInterrupt:
        tell(texts, texts("interrupted"))
        return INTERRUPTED


def tell(texts: Texts, sentence: str) -> None:
    """One sentence on standard error."""
    click.echo(f"zorgid-card: {sentence}", err=True)


def _texts(lang: str | None) -> Texts:
    return Texts(Language(lang) if lang else Language.of_environment())


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(package_name="zorgid-card", prog_name="zorgid-card")
def main() -> None:
    """UZI passes and ZORG-ID Smartcards: look at them, simulate them, see how they are made."""


@main.command()
@click.option("--lang", type=_LANGUAGES, default="nl", show_default=True, help="Language.")
@click.option("--interactive", is_flag=True, help="Type PINs, choose and confirm yourself.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Leave registry, CA, CRL, certificates and transcript in DIR (new or empty).",
)
@click.option(
    "--key-algorithm", type=click.Choice(_ALGORITHMS), default="RSA2048", show_default=True, help="Key of the new card."
)
@click.option("--no-color", is_flag=True, help="No colours.")
def demo(lang: str, interactive: bool, keep: Path | None, key_algorithm: str, no_color: bool) -> int:
    """Register an organisation, make a ZORG-ID Smartcard, log in with it, manage it: on simulated cards, the rest real."""
    from zorgid_card.cli.demo import run as demonstration  # noqa: PLC0415  # needs SQLAlchemy, which other commands do not

    texts = _texts(lang)
    display = Display(console(no_color=no_color), texts)
    options = demonstration.Options(interactive=interactive, keep=keep, key_algorithm=key_algorithm)
    return guarded(texts, lambda: demonstration.run(display, options))


@main.command(name="inspect")
@click.argument("source", required=False, metavar="[FILE|READER]")
@click.option("--json", "as_data", is_flag=True, help="One JSON object on standard output.")
@click.option("--at", metavar="DATE", help="Judge at this date (ISO 8601, UTC) instead of now.")
@click.option(
    "--ca",
    "authorities",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CA certificates to judge with; may be repeated.",
)
@click.option("--lang", type=_LANGUAGES, help="Language; by default that of the environment.")
@click.option("--no-color", is_flag=True, help="No colours.")
def inspect_command(
    source: str | None, as_data: bool, at: str | None, authorities: tuple[Path, ...], lang: str | None, no_color: bool
) -> int:
    """Tell what a certificate FILE (PEM or DER), or the card in a READER, is, and whether its chain holds.

    READER is the name of a PC/SC reader or a part of it; without it, or with -, the only reader that holds a card. No PIN is ever
    tried. Chains lead to roots that are pinned by fingerprint; the CA certificates come from the card, from FILE's folder, or
    from --ca. Whether a certificate is revoked is not judged.
    """
    from zorgid_card.cli.inspect.command import inspect  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need

    texts = _texts(lang)
    display = Display(console(no_color=no_color), texts)
    return guarded(texts, lambda: inspect(display, source, authorities, _moment(at), as_data=as_data))


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a date", reason="date", value=text) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@main.command(name="simulate")
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--host", default="127.0.0.1", show_default=True, help="Where vpcd listens.")
@click.option(
    "--port", type=click.IntRange(1, 65534), default=35963, show_default=True, help="Port of vpcd's first slot."
)
@click.option("--slot", type=click.IntRange(0, 1), default=0, show_default=True, help="Slot of vpcd.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the card's state in FILE from run to run (keys in clear); for zorgid, the CA goes to FILE.ca.pem.",
)
@click.option(
    "--key-algorithm",
    type=click.Choice(_ALGORITHMS),
    default="RSA2048",
    show_default=True,
    help="Key of a new zorgid card.",
)
@click.option("--lang", type=_LANGUAGES, help="Language; by default that of the environment.")
@click.option("--no-color", is_flag=True, help="No colours.")
def simulate_command(
    kind: str, host: str, port: int, slot: int, state: Path | None, key_algorithm: str, lang: str | None, no_color: bool
) -> int:
    """Put a simulated card behind vpcd, pcscd's virtual reader, until Ctrl-C.

    KIND: blank (a blank ZORG-ID Smartcard), zorgid (one that was made), uzi-z, uzi-n, uzi-m (UZI passes of a test PKI).
    """
    from zorgid_card.cli.simulate import Options, simulate  # noqa: PLC0415  # loads the testkit, which other commands do not need

    texts = _texts(lang)
    options = Options(kind=kind, host=host, port=port, slot=slot, state=state, key_algorithm=key_algorithm)
    return guarded(texts, lambda: simulate(Display(console(no_color=no_color), texts), options))
