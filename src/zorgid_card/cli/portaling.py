"""``zorgid-card portal``: what may be written on the command line by whoever runs the reference portal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.options import Name, color_option, guarded, json_option, lang_option, texts_of

_directory = Name(file_okay=False, path_type=Path, resolve_path=True)
_file = Name(dir_okay=False, path_type=Path, resolve_path=True)
_anything = Name(path_type=Path, resolve_path=True)
_ALGORITHMS = ("RSA2048", "ECCP256")
_SERVED = (
    click.option("--origin", metavar="URL", help="As browsers have it: https://host or https://host:port."),
    click.option("--cert", "certificate", type=_file, metavar="FILE", help="TLS certificate and its chain, PEM."),
    click.option("--key", type=_file, metavar="FILE", help="Its private key, PEM."),
    click.option(
        "--next-cert",
        "next_certificate",
        type=_file,
        metavar="FILE",
        help="With another key, which will follow: phones learn it while the present one serves.",
    ),
    click.option(
        "--behind",
        metavar="ADDRESS",
        help="TLS ends at the proxy of this address, which alone tells who asks (X-Forwarded-For); then no --key.",
    ),
    click.option(
        "--db", metavar="URL", help="The registry; by default SQLite in DIR. PostgreSQL: postgresql+psycopg://…"
    ),
    click.option("--data-keys", type=_file, metavar="FILE", help="Keys of the personal data, for PostgreSQL."),
    click.option(
        "--uzi-ca",
        "authorities",
        multiple=True,
        type=_anything,
        metavar="PATH",
        help="CA certificates of the UZI register, a file or a folder; may be repeated.",
    ),
    click.option(
        "--uzi",
        "environment",
        type=click.Choice(("production", "test")),
        help="Whose passes log in; test: the register's TEST passes, never beside real data.",
    ),
    click.option(
        "--crl", "crls", type=_directory, metavar="DIR", help="CRLs of the UZI register; without, it is asked itself."
    ),
    click.option(
        "--maker",
        "makers",
        multiple=True,
        type=_file,
        metavar="FILE",
        help="Attestation root of a maker whose blanks are accepted; may be repeated.",
    ),
    click.option(
        "--status-url",
        metavar="URL",
        help="Where certificates say that their CRL and OCSP responder are; by default the origin. Best an http:// address.",
    ),
    click.option("--smtp", metavar="HOST[:PORT]", help="Mail server for notices; without, they wait."),
    click.option("--sender", metavar="ADDRESS", help="Where notices come from."),
    click.option("--metrics-token", "metrics", type=_file, metavar="FILE", help="Who has this token reads /metrics."),
    click.option("--support", metavar="TEXT", help="Whom to call when something does not work; on each page."),
    click.option(
        "--agent-port", type=click.IntRange(1, 65535), help="Where the agent listens on each desk's computer."
    ),
    click.option(
        "--per-client",
        type=click.IntRange(1, 1000),
        help="Factor on how often one address may ask: more for many people behind one.",
    ),
)


def _served(command: Any) -> Any:
    for option in reversed(_SERVED):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@click.option(
    "--dir", "directory", type=_directory, metavar="DIR", help="CA, keys, CRLs and database; made at the first start."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option("--port", type=click.IntRange(1, 65535), default=8443, show_default=True, help="Where it listens.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that serve.")
@click.option(
    "--passphrase-fd",
    "descriptor",
    type=click.IntRange(0),
    metavar="N",
    help="For programs: read the passphrase from file descriptor N.",
)
@_served
@click.option(
    "--trial", is_flag=True, help="Try it: simulated passes and blanks, a certificate for this computer alone."
)
@click.option("--holders", type=click.IntRange(1, 16), default=2, show_default=True, help="Of a trial: people.")
@click.option(
    "--key-algorithm", type=click.Choice(_ALGORITHMS), default="RSA2048", show_default=True, help="Of new cards."
)
@click.option(
    "--registered", is_flag=True, help="Of a trial: its organisation and administrator are registered already."
)
@json_option
@lang_option
@color_option
@click.pass_context
def portal(ctx: click.Context, /, lang: str | None, no_color: bool, **options: Any) -> int:
    """Serve the reference portal in browsers: pages, card sides, phones, CRL and OCSP.

    The first start makes DIR with a CA, keys and a database; the next ones need no more than --dir.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    texts = texts_of(lang)
    return guarded(texts, lambda: _run(Display(console(no_color=no_color), texts), options))


def _run(display: Display, options: dict[str, Any]) -> None:
    from zorgid_card.cli.portal import command  # noqa: PLC0415  # needs the extra web, which other commands do not
    from zorgid_card.cli.portal.trial import Trial  # noqa: PLC0415  # as above
    from zorgid_card.errors import UsageError  # noqa: PLC0415  # as above

    chosen = {name: options.pop(name) for name in ("directory", "host", "port", "workers", "descriptor", "as_data")}
    tried, registered = options.pop("trial"), options.pop("registered")
    trial = Trial(holders=options.pop("holders"), key_algorithm=options["key_algorithm"])
    if chosen["directory"] is None and not tried:
        raise UsageError("a portal has a directory", reason="portal-dir")
    given = {name: _plain(value) for name, value in options.items() if value not in (None, ())}
    order = command.Order(**chosen, given=given, trial=trial if tried else None, registered=registered and tried)
    command.run(display, order)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(str, value))
    return str(value) if isinstance(value, Path) else value


@portal.command(name="operator")
@click.argument("name")
@click.option("--dir", "directory", type=_directory, metavar="DIR", required=True, help="Of a portal that was started.")
@json_option
@lang_option
@color_option
def operator(name: str, directory: Path, as_data: bool, lang: str | None, no_color: bool) -> int:
    """Print a link by which the operator NAME comes into the portal's pages: it serves once, for ten minutes."""
    texts = texts_of(lang)

    def action() -> None:
        from zorgid_card.cli.portal import command  # noqa: PLC0415  # as above

        command.operator(Display(console(no_color=no_color), texts), directory, name, as_data=as_data)

    return guarded(texts, action)
