"""The commands: what may be written on the command line, and what comes of it."""

from __future__ import annotations

import os
import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zorgid_card.cli import (
    agent,
    auditing,
    housekeeping,
    keeping,
    managing,
    phoning,
    portaling,
    puks,
    renewing,
    revoking,
    storing,
    verifying,
)
from zorgid_card.cli.display import Display, console
from zorgid_card.cli.failures import INTERRUPTED, PIPE_CLOSED, exit_codes
from zorgid_card.cli.options import (
    LANGUAGES,
    Name,
    birth_date_of,
    color_option,
    fail,
    file_name,
    guarded,
    json_option,
    key_officer_options,
    lang_option,
    moment,
    on_a_card,
    on_simulated_cards,
    signing_key_option,
    texts_of,
    type_option,
    with_codes,
)
from zorgid_card.errors import UsageError
from zorgid_card.texts import Language, Texts

if TYPE_CHECKING:
    from zorgid_card.cli.console import Codes

_KINDS = ("blank", "blank-nist", "zorgid", "zorgid-nist", "uzi-z", "uzi-n", "uzi-m")
_ALGORITHMS = ("RSA2048", "ECCP256")
_EPILOG = f"Exit codes: {exit_codes(Texts(Language.EN))}."


def run(arguments: list[str]) -> int:
    """Run a command line; returns its exit code."""
    try:
        return guarded(
            texts_of(None), lambda: int(main.main(args=arguments, prog_name="zorgid-card", standalone_mode=False) or 0)
        )
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SystemExit:  # how click says that the reader of its help has gone
        return PIPE_CLOSED


def settled(code: int) -> int:
    """Write out what is still to be written at the end of the program; returns the exit code, which a failure may change."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # What cannot be written would be tried again at the very end, with a traceback: it goes nowhere instead.
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if code == 0:
            return guarded(texts_of(None), partial(fail, error))
    return code


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(package_name="zorgid-card", prog_name="zorgid-card")
def main() -> None:
    """UZI passes and ZORG-ID Smartcards: look at them, change their PIN, simulate them, see how they are made."""


_KEEPERS = (keeping.keys, puks.puk, storing.db, revoking.crl, revoking.ocsp, auditing.audit, housekeeping.outbox)
for _command in (*verifying.COMMANDS, *_KEEPERS, *managing.COMMANDS, phoning.phone, agent.agent):
    main.add_command(_command)
main.add_command(portaling.portal)
for _command in managing.PHONES:
    phoning.phone.add_command(_command)


@main.command()
@click.option("--lang", type=LANGUAGES, default="nl", show_default=True, help="Language.")
@click.option("--interactive", is_flag=True, help="Type PINs, choose and confirm yourself.")
@click.option(
    "--keep",
    type=Name(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Leave registry, CA, CRL, certificates and transcript in DIR (new or empty).",
)
@click.option(
    "--key-algorithm", type=click.Choice(_ALGORITHMS), default="RSA2048", show_default=True, help="Key of the new card."
)
@color_option
def demo(lang: str, interactive: bool, keep: Path | None, key_algorithm: str, no_color: bool) -> int:
    """Register an organisation, make a ZORG-ID Smartcard, log in with it, manage it: on simulated cards, the rest real."""
    from zorgid_card.cli.demo import run as demonstration  # noqa: PLC0415  # needs SQLAlchemy, which other commands do not

    texts = texts_of(lang)
    display = Display(console(no_color=no_color), texts)
    options = demonstration.Options(interactive=interactive, keep=keep, key_algorithm=key_algorithm)
    return guarded(texts, lambda: demonstration.run(display, options))


@main.command(name="inspect")
@click.argument("source", required=False, metavar="[FILE|READER]")
@json_option
@click.option("--at", metavar="DATE", help="Judge at this date (ISO 8601, UTC) instead of now.")
@click.option(
    "--ca",
    "authorities",
    multiple=True,
    type=Name(path_type=Path),
    metavar="FILE",
    help="CA certificates to judge with; may be repeated.",
)
@on_a_card
def inspect_command(
    source: str | None,
    as_data: bool,
    at: str | None,
    authorities: tuple[Path, ...],
    reader: str | None,
    trace: Path | None,
    module: str | None,
    display: Display,
) -> int:
    """Tell what a certificate FILE (PEM or DER), or the card in a READER, is, and whether its chain holds.

    READER is as for --reader, where no file has that name; without, or with -, the only reader that holds a card. No PIN is ever
    tried. Chains lead to roots that are pinned by fingerprint; the CA certificates come from the card, from FILE's folder, or
    from --ca. Whether a certificate is revoked is not judged.
    """
    from zorgid_card.cli.inspect.command import Look, inspect  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need

    def action() -> None:
        if source is not None and reader is not None:
            raise UsageError("either a name or --reader", reason="both")
        look = Look(source=source, reader=reader, authorities=authorities, at=moment(at), trace=trace, module=module)
        inspect(display, look, as_data=as_data)

    return guarded(display.texts, action)


@main.group()
def pin() -> None:
    """PIN and PUK of the UZI pass or ZORG-ID Smartcard in a reader: tries left, change, unblock."""


@pin.command(name="status")
@json_option
@on_a_card
def pin_status(as_data: bool, reader: str | None, trace: Path | None, module: str | None, display: Display) -> int:
    """Tell the tries left of PIN and PUK, and what to do. No try is spent."""
    from zorgid_card.cli.codes import status  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need
    from zorgid_card.cli.place import Place  # noqa: PLC0415  # as above

    place = Place(name=reader, trace=trace, module=module)
    return guarded(display.texts, lambda: status.run(display, place, as_data=as_data))


def _code_command(name: str, explanation: str, *, choosing: bool = False) -> None:
    """Add a command that changes a PIN or PUK; ``choosing``: the new code may be drawn, or chosen."""

    @pin.command(name=name, help=explanation)
    @with_codes("the present one, then the new one")
    @json_option
    @on_a_card
    def command(  # what may be written on the command line
        reader: str | None,
        trace: Path | None,
        module: str | None,
        display: Display,
        codes: Codes,
        as_data: bool,
        choose: bool = False,
        birth_date: date | None = None,
    ) -> int:
        from zorgid_card.cli.codes import change  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need
        from zorgid_card.cli.place import Place  # noqa: PLC0415  # as above

        place = Place(name=reader, trace=trace, module=module)
        order = change.Order(codes=codes, birth_date=birth_date, as_data=as_data)
        action = change.ACTIONS["choose-puk" if choosing and (choose or codes.descriptor is not None) else name]
        return guarded(display.texts, lambda: change.run(display, place, action, order))

    if choosing:
        command.params.append(
            click.Option(["--choose"], is_flag=True, help="Choose the new one instead of having it drawn.")
        )
    else:
        command.params.append(
            click.Option(
                ["--birth-date"],
                callback=birth_date_of,
                metavar="DATE",
                help="The holder's: a PIN that holds it is refused.",
            )
        )


_code_command("change", "Change the PIN.")
_code_command("unblock", "Set a new PIN with the PUK, also where the PIN is blocked.")
_code_command(
    "change-puk",
    "Change the PUK: a new one is drawn, shown once, and set when you have written it down.",
    choosing=True,
)


@main.command(name="activate")
@with_codes("the PIN")
@on_a_card
def activate_command(reader: str | None, trace: Path | None, module: str | None, display: Display, codes: Codes) -> int:
    """Activate a new UZI pass, once, with its PIN; say what it means where it was activated before."""
    from zorgid_card.cli import activate  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need
    from zorgid_card.cli.place import Place  # noqa: PLC0415  # as above

    place = Place(name=reader, trace=trace, module=module)
    return guarded(display.texts, lambda: activate.run(display, place, codes))


@main.command(name="login")
@click.option("--origin", required=True, metavar="URL", help="The portal: https://host or https://host:port.")
@click.option(
    "--ca",
    type=Name(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="CA certificates (PEM) for the portal's TLS, in the place of the system's.",
)
@click.option(
    "--challenge-path", default="/auth/challenge", show_default=True, help="Where the portal gives a challenge."
)
@click.option("--login-path", default="/auth/login", show_default=True, help="Where the portal takes the token.")
@click.option(
    "--nonce",
    metavar="TEXT",
    help="For developers: print a token for this challenge and --origin, asking no portal. Whoever gets it can log in as you.",
)
@click.option("--yes", is_flag=True, help="Do not ask whether to log in there.")
@with_codes("the PIN")
@json_option
@on_a_card
def login_command(
    as_data: bool,
    reader: str | None,
    trace: Path | None,
    module: str | None,
    display: Display,
    **given: Any,
) -> int:
    """Log in at a portal with the UZI pass or ZORG-ID Smartcard in a reader.

    The connection to the portal is verified by TLS, and its origin is what the card signs; you are asked before it does.
    """
    from zorgid_card.cli import login  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need
    from zorgid_card.cli.place import Place  # noqa: PLC0415  # as above

    place = Place(name=reader, trace=trace, module=module)
    options = login.LogInOptions(**given)
    err = Display(console(no_color=True, stderr=True), display.texts)
    return guarded(display.texts, lambda: login.run(display, err, place, options, as_data=as_data))


@main.command(name="sign")
@click.argument("path", type=file_name, metavar="FILE")
@click.option("--cms", "form", flag_value="cms", default="cms", help="CMS, detached, CAdES baseline B (the default).")
@click.option("--jws", "form", flag_value="jws", help="JWS with the certificates in x5c; needs --type.")
@signing_key_option
@type_option
@click.option("--detached", is_flag=True, help="A JWS without its payload.")
@click.option("--out", type=file_name, help="Where the signature goes, a new file; by default FILE.p7s or FILE.jws.")
@click.option("--yes", is_flag=True, help="Do not ask whether this is to be signed.")
@with_codes("the PIN")
@json_option
@on_a_card
def sign_command(
    as_data: bool, reader: str | None, trace: Path | None, module: str | None, display: Display, **options: Any
) -> int:
    """Sign FILE with the card in a reader. What is signed, and with whose key, is shown first."""
    from zorgid_card.cli.documents import sign  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need
    from zorgid_card.cli.place import Place  # noqa: PLC0415  # as above

    order, place = sign.Order(**options), Place(name=reader, trace=trace, module=module)
    return guarded(display.texts, lambda: sign.run(display, place, order, as_data=as_data))


@main.command(name="decrypt")
@click.argument("path", type=file_name, metavar="FILE")
@click.option(
    "--out", type=file_name, required=True, help="Where the content goes: a new file, for its owner's eyes only."
)
@with_codes("the PIN")
@json_option
@on_a_card
def decrypt_command(
    path: Path,
    out: Path,
    as_data: bool,
    reader: str | None,
    trace: Path | None,
    module: str | None,
    display: Display,
    codes: Codes,
) -> int:
    """Decrypt FILE, a CMS message (DER or PEM) for the confidentiality key of the card in a reader."""
    from zorgid_card.cli.documents import decrypt  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need
    from zorgid_card.cli.place import Place  # noqa: PLC0415  # as above

    place = Place(name=reader, trace=trace, module=module)
    return guarded(display.texts, lambda: decrypt.run(display, place, path, out, codes, as_data=as_data))


@main.command(name="simulate")
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--host", default="127.0.0.1", show_default=True, help="Where vpcd listens.")
@click.option(
    "--port", type=click.IntRange(1, 65534), default=35963, show_default=True, help="Port of vpcd's first slot."
)
@click.option("--slot", type=click.IntRange(0, 1), default=0, show_default=True, help="Slot of vpcd.")
@click.option(
    "--state",
    type=Name(dir_okay=False, path_type=Path),
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
@click.option("--not-activated", is_flag=True, help="A new pass, which its holder has yet to activate.")
@lang_option
@color_option
def simulate_command(
    kind: str,
    host: str,
    port: int,
    slot: int,
    state: Path | None,
    key_algorithm: str,
    not_activated: bool,
    lang: str | None,
    no_color: bool,
) -> int:
    """Put a simulated card behind vpcd, pcscd's virtual reader, until Ctrl-C.

    KIND: blank (a blank ZORG-ID Smartcard), zorgid (one that was made), both also with -nist (of the NIST dialect, administered
    over SCP03); uzi-z, uzi-n, uzi-m (UZI passes of a test PKI).
    """
    from zorgid_card.cli.simulate import Options, simulate  # noqa: PLC0415  # loads the testkit, which other commands do not need

    texts = texts_of(lang)
    options = Options(
        kind=kind,
        host=host,
        port=port,
        slot=slot,
        state=state,
        key_algorithm=key_algorithm,
        activated=not not_activated,
    )
    return guarded(texts, lambda: simulate(Display(console(no_color=no_color), texts), options))


@main.command(name="readers")
@click.option("--watch", is_flag=True, help="One line for each reader and card that comes or goes, until Ctrl-C.")
@click.option("--json", "as_data", is_flag=True, help="One JSON object; with --watch one on each line.")
@lang_option
@color_option
def readers_command(watch: bool, as_data: bool, lang: str | None, no_color: bool) -> int:
    """List the card readers of this computer, and what is in them."""
    from zorgid_card.cli.readers import readers  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need

    texts = texts_of(lang)
    return guarded(texts, lambda: readers(Display(console(no_color=no_color), texts), watch=watch, as_data=as_data))


@main.command(name="protocol")
@click.option("--vectors", is_flag=True, help="Test vectors, as one JSON object.")
def protocol_command(vectors: bool) -> int:
    """Print what card side and portal say to each other: messages, states and lengths, as Markdown."""
    from zorgid_card.cli import protocol  # noqa: PLC0415  # loads both sides, which other commands do not need

    return guarded(texts_of(None), lambda: protocol.run(vectors=vectors))


@main.command(name="create")
@click.option("--portal", required=True, metavar="URL", help="The portal: https://host or https://host:port.")
@click.option(
    "--ca",
    type=file_name,
    metavar="FILE",
    help="CA certificates (PEM) for the portal's TLS, in the place of the system's.",
)
@click.option("--path", default="/card-side", show_default=True, help="Where the portal takes messages.")
@click.option(
    "--reader", "readers", multiple=True, metavar="NAME", help="A reader, or a part of its name; may be repeated."
)
@click.option("--all-readers", is_flag=True, help="A card at each reader, at the same time.")
@click.option("--again", is_flag=True, help="After each card the next person's turn comes, until Ctrl-C.")
@click.option(
    "--journal",
    type=file_name,
    metavar="FILE",
    help="Where it is kept how far each card is.",
)
@click.option("--trace", type=file_name, metavar="FILE", help="Append all APDUs to FILE as JSON lines, secrets masked.")
@on_simulated_cards
@click.option(
    "--replace",
    type=click.Choice(("lost", "stolen", "broken", "unused")),
    help="The card replaces another of the same person's, which is then revoked; and why.",
)
@click.option(
    "--replaced-card", metavar="SERIAL", help="With --replace, where the person has more than one card: which."
)
@key_officer_options
@click.option("--json", "as_data", is_flag=True, help="One JSON object on a line for each thing that happens.")
@lang_option
@color_option
def create_command(as_data: bool, lang: str | None, no_color: bool, **options: Any) -> int:
    """Make a ZORG-ID Smartcard for the holder of a UZI pass: the pass goes into the reader, then a blank card.

    What another process has left unfinished is finished first, if only the last step was missing.
    """
    from zorgid_card.cli.create import command  # noqa: PLC0415  # loads PC/SC's adapter, which other commands do not need

    texts = texts_of(lang)
    display, err = Display(console(no_color=no_color), texts), Display(console(no_color=no_color, stderr=True), texts)
    chosen = command.CreateOptions(**options)
    return guarded(texts, lambda: command.run(display, err, chosen, as_data=as_data))


main.add_command(renewing.renew_command)
main.add_command(renewing.reset_command)
main.add_command(renewing.recover_command)


@main.command(name="demo-portal")
@click.option(
    "--keep", type=Name(file_okay=False, path_type=Path), metavar="DIR", help="Leave everything in DIR (new or empty)."
)
@click.option("--port", type=click.IntRange(1, 65535), default=8443, show_default=True, help="Port of this computer.")
@click.option(
    "--holders",
    type=click.IntRange(1, 16),
    default=2,
    show_default=True,
    help="Simulated people, each with a pass and a blank.",
)
@click.option(
    "--key-algorithm",
    type=click.Choice(_ALGORITHMS),
    default="RSA2048",
    show_default=True,
    help="Keys of the new cards.",
)
@lang_option
@color_option
def demo_portal_command(lang: str | None, no_color: bool, **options: Any) -> int:
    """Serve the demonstration's portal over HTTPS on this computer, for create in another window."""
    from zorgid_card.cli.demo import portal  # noqa: PLC0415  # needs SQLAlchemy, which other commands do not

    texts = texts_of(lang)
    chosen = portal.Options(**options)
    return guarded(texts, lambda: portal.serve(Display(console(no_color=no_color), texts), chosen))
