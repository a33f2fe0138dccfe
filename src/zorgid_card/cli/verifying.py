"""The commands that verify: a certificate, a log-in token, a signature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zorgid_card.cli.display import Display
from zorgid_card.cli.options import Name, file_name, judged, signing_key_option, type_option

if TYPE_CHECKING:
    from zorgid_card.cli.judging import Judging

_authorities = click.argument("authorities", nargs=-1, type=Name(path_type=Path), metavar="[CA]...")


@click.command(name="verify-certificate")
@click.argument("file", type=file_name)
@_authorities
@click.option(
    "--usage",
    type=click.Choice(["authenticity", "signature", "confidentiality", "server"]),
    default="authenticity",
    show_default=True,
    help="What it would be used for.",
)
@judged
def certificate(file: Path, usage: str, judging: Judging, display: Display, as_data: bool) -> None:
    """Verify a certificate of the UZI register, or with --issuer of a ZORG-ID Smartcard, as a portal does, step by step.

    FILE is PEM or DER. The CA certificates come from CA (files or folders), or without one from FILE's folder; the roots among them
    are pinned by fingerprint.
    """
    from zorgid_card.cli.verify_certificate import Question, verify_certificate  # noqa: PLC0415  # other commands do not need it

    verify_certificate(display, Question(file=file, usage=usage, judging=judging), as_data=as_data)


@click.command(name="verify-token")
@click.argument("token", metavar="FILE")
@_authorities
@click.option("--origin", required=True, metavar="URL", help="The portal's own origin.")
@click.option("--nonce", required=True, metavar="TEXT", help="The challenge that was to be answered.")
@judged
def token(token: str, origin: str, nonce: str, judging: Judging, display: Display, as_data: bool) -> None:
    """Judge a log-in token (Web eID 1.0, JSON) as a portal does, and tell who signed it. FILE may be -.

    The CA certificates come from CA (files or folders), or without one from FILE's folder; the roots among them are pinned by
    fingerprint.
    """
    from zorgid_card.cli import verify_token  # noqa: PLC0415  # other commands do not need it

    question = verify_token.Question(token=token, origin=origin, nonce=nonce, judging=judging)
    verify_token.run(display, question, as_data=as_data)


@click.command(name="verify-signature")
@click.argument("path", type=file_name, metavar="FILE")
@click.argument("signature", type=file_name, required=False)
@signing_key_option
@type_option
@click.option("--ca", "authorities", multiple=True, type=Name(path_type=Path), metavar="FILE", help="CA certificates.")
@judged
def signature(
    path: Path,
    signature: Path | None,
    usage: str,
    typ: str | None,
    judging: Judging,
    display: Display,
    as_data: bool,
) -> None:
    """Tell who signed FILE: the signature is SIGNATURE, or FILE.p7s or FILE.jws, or FILE itself if it is a JWS.

    The chain leads to a root that is pinned by fingerprint; CA certificates come with the signature, from its folder, or from --ca.
    """
    from zorgid_card.cli.documents import verify  # noqa: PLC0415  # other commands do not need it

    inquiry = verify.Inquiry(path=path, signature=signature, usage=usage, typ=typ, judging=judging)
    verify.run(display, inquiry, as_data=as_data)


COMMANDS = (certificate, token, signature)
