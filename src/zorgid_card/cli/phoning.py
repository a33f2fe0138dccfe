"""The commands of ``zorgid-card phone``; what they do is in ``cli.phone.run``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.options import color_option, file_name, guarded, lang_option, texts_of
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import UsageError, ZorgIDError

if TYPE_CHECKING:
    from zorgid_card.cli.phone.run import Telling

_state = click.option(
    "--state", type=file_name, required=True, metavar="FILE", help="The phone: where it keeps its key and its ID."
)
_codes = click.option(
    "--codes-fd",
    "codes",
    type=click.IntRange(0),
    metavar="N",
    help="For programs: read the six digits from file descriptor N.",
)
_portal = click.option(
    "--portal", required=True, metavar="URL", help="The demonstration's portal, as demo-portal names it."
)
_ca = click.option("--ca", type=file_name, metavar="FILE", help="CA certificates (PEM) for the portal's TLS.")
_session = click.option("--session", type=file_name, metavar="FILE", help="Where the browser session is kept.")
_json = click.option("--json", "as_data", is_flag=True, help="One JSON object on a line for each thing that happens.")


def _telling(command: Callable[..., None]) -> Callable[..., int]:
    """The options of every command that tells what happens; ``command`` gets them as ``telling``."""

    @_json
    @lang_option
    @color_option
    @wraps(command)
    def told(as_data: bool, lang: str | None, no_color: bool, **others: Any) -> int:
        from zorgid_card.cli.phone.run import Telling  # noqa: PLC0415  # other commands do not need it

        telling = Telling(Display(console(no_color=no_color), texts_of(lang)), as_data)

        def action() -> None:
            try:
                command(telling=telling, **others)
            except ZorgIDError as error:
                if as_data:
                    click.echo(dump({"ok": False, "error": error_as_json(error, telling.display.texts)}, indent=None))
                raise
            if as_data:
                click.echo(dump({"ok": True}, indent=None))

        return guarded(telling.display.texts, action)

    command_: Callable[..., int] = told
    return command_


@click.group()
def phone() -> None:
    """A simulated phone with a mobile ID: link it, log in with it, sign changes with it.

    With --db, the phones of the organisation --ura in its registry: list, block, unblock, revoke.
    """


@phone.command(name="link")
@click.argument("qr", required=False, metavar="[QR]")
@_state
@click.option("--device", default="Simulated phone", show_default=True, metavar="NAME", help="The phone's name.")
@click.option("--portal", metavar="URL", help="Without QR: the demonstration's portal, whose page is played too.")
@_ca
@_codes
@_telling
def link_command(
    telling: Telling, qr: str | None, state: Path, device: str, portal: str | None, ca: Path | None, codes: int | None
) -> None:
    """Choose six digits, scan the QR code with the text QR, and show the code that the page is to show too.

    With --portal the page is played as well: it logs the administrator in with a simulated UZI pass, shows its QR code, and
    confirms.
    """
    from zorgid_card.cli.phone import run  # noqa: PLC0415  # other commands do not need it
    from zorgid_card.cli.phone.browser import Browser  # noqa: PLC0415  # as above

    if (qr is None) is (portal is None):
        raise UsageError("either a QR code or a portal", reason="qr")
    if portal is not None:
        run.link_with_page(telling, run.keyboard(codes), state, device, Browser(portal, ca))
        return
    run.link(telling, run.keyboard(codes), state, qr or "", device)
    telling.say("phone.confirm")


@phone.command(name="show")
@_state
@_telling
def show_command(telling: Telling, state: Path) -> None:
    """Tell what the portal says of the phone, and what it is asked to sign."""
    from zorgid_card.cli.phone import run  # noqa: PLC0415  # other commands do not need it

    run.show(telling, state)


@phone.command(name="approve")
@_state
@click.option("--number", metavar="NN", help="The number that the portal's page shows; without it, it is asked.")
@_codes
@_telling
def approve_command(telling: Telling, state: Path, number: str | None, codes: int | None) -> None:
    """Sign what the phone is asked to sign, with the page's number and the six digits."""
    from zorgid_card.cli.phone import run  # noqa: PLC0415  # other commands do not need it

    run.approve(telling, run.keyboard(codes), state, number)


@phone.command(name="refuse")
@_state
@_telling
def refuse_command(telling: Telling, state: Path) -> None:
    """Say no to what the phone is asked to sign."""
    from zorgid_card.cli.phone import run  # noqa: PLC0415  # other commands do not need it

    run.refuse(telling, state)


@phone.command(name="log-in")
@_portal
@_ca
@_session
@click.option("--user-name", required=True, metavar="NAME", help="Who logs in.")
@click.option("--ura", required=True, metavar="URA", help="For which organisation.")
@_telling
def log_in_command(
    telling: Telling, portal: str, ca: Path | None, session: Path | None, user_name: str, ura: str
) -> None:
    """Play the browser: ask for a log-in, show the number, and wait until the phone approves."""
    from zorgid_card.cli.phone import run  # noqa: PLC0415  # other commands do not need it
    from zorgid_card.cli.phone.browser import Browser  # noqa: PLC0415  # as above

    run.log_in(telling, Browser(portal, ca, session), user_name, ura)


@phone.command(name="change")
@click.argument("action")
@click.argument("subject")
@_portal
@_ca
@_session
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
@click.option("--role", metavar="ROLE", help="With person.appoint: holder, manager or administrator.")
@_telling
def change_command(
    telling: Telling,
    action: str,
    subject: str,
    portal: str,
    ca: Path | None,
    session: Path | None,
    reason: str,
    role: str | None,
) -> None:
    """Play the browser that is logged in: have ACTION (such as card.block) on SUBJECT signed on the phone, and do it."""
    from zorgid_card.cli.phone import run  # noqa: PLC0415  # other commands do not need it
    from zorgid_card.cli.phone.browser import Browser  # noqa: PLC0415  # as above

    detail = {} if role is None else {"role": role}
    run.change(telling, Browser(portal, ca, session), action, subject, reason, detail)


@phone.command(name="protocol")
@click.option("--vectors", is_flag=True, help="The test vectors, as JSON.")
def protocol_command(vectors: bool) -> int:
    """Print the tables of the protocol between phone and portal as Markdown, or its test vectors."""
    from zorgid_card.workflows import phone_protocol  # noqa: PLC0415  # other commands do not need it

    click.echo(dump(phone_protocol.vectors()) if vectors else phone_protocol.page(), nl=vectors)
    return 0
