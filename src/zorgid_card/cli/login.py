"""``zorgid-card login``: log in at a portal with the card in the reader (AUT-1). The origin comes from the connection.

Only ``--nonce``, for developers, takes it from the command line, and prints the token instead of using it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zorgid_card.adapters.origin import spoken_origin
from zorgid_card.cards import Card, CardKind
from zorgid_card.cards.expiry import expiry_of
from zorgid_card.cli.console import Codes, Keyboard, TerminalHolder, TerminalKeyboard
from zorgid_card.cli.display import Display
from zorgid_card.cli.expiry import expiry_as_json, expiry_in_words
from zorgid_card.cli.failures import tell
from zorgid_card.cli.place import Place
from zorgid_card.cli.shown import dump, error_as_json, tries_as_json, tries_in_words
from zorgid_card.errors import DeclinedError, UsageError, WrongCardError, ZorgIDError
from zorgid_card.pki.web_eid import require_origin
from zorgid_card.workflows.card_side import answer_challenge, log_in
from zorgid_card.workflows.holder import Question

if TYPE_CHECKING:
    from zorgid_card.adapters.portal import HTTPSDoor

_SHOWN = ("common_name", "uzi_number", "organisation", "ura", "role")
"""What a portal may say of who logged in, and is shown by name."""
_LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInOptions:
    """What the command line says.

    Attributes:
        origin: address of the portal.
        ca: CA certificates to trust in the place of the system's.
        nonce: a developer's challenge: no portal is asked.
        challenge_path, login_path: where the portal's door is.
        yes: confirmed beforehand.
        codes: where the PIN comes from.
    """

    origin: str
    ca: Path | None = None
    nonce: str | None = None
    challenge_path: str = "/auth/challenge"
    login_path: str = "/auth/login"
    yes: bool = False
    codes: Codes = field(default_factory=Codes)


def run(display: Display, err: Display, place: Place, options: LogInOptions, *, as_data: bool) -> None:
    """Log in, or make a token for a developer.

    Args:
        display: for what is found.
        err: for what is asked and told meanwhile, where standard output is for a program.
        place: where the card is.
        options: what the command line says.
        as_data: as JSON, on standard output.

    Raises:
        ZorgIDError: what stands in the way; as data it was told on standard output, too.
    """
    try:
        if options.nonce is not None:
            _print_token(err, place, options, options.nonce)
        else:
            _log_in(display, err if as_data else display, place, options, as_data=as_data)
    except ZorgIDError as error:
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, display.texts)}))
        raise


def _print_token(err: Display, place: Place, options: LogInOptions, nonce: str) -> None:
    """The developer's switch: whoever gives the origin of another portal makes a token that is good there."""
    origin = options.origin
    require_origin(origin)
    tell(err.texts, err.texts("login.developer", origin=origin))
    with place.card(err.texts) as (reader, card):
        holder, certificate = _prepared(err, reader, card, options.codes)
        token = log_in(card.authentication_signer(holder.pin), certificate, origin=origin, nonce=nonce)
    click.echo(token)


def _log_in(display: Display, asking: Display, place: Place, options: LogInOptions, *, as_data: bool) -> None:
    with _door(options) as door:
        with place.card(asking.texts) as (reader, card):
            holder, certificate = _prepared(asking, reader, card, options.codes)
            signer, tries = card.authentication_signer(holder.pin), card.tries()
            token = answer_challenge(door, signer, certificate, confirm=_agreed if options.yes else _confirmed(holder))
        found = door.log_in(token)
    if as_data:
        told = {"origin": door.origin, "reader": reader, "kind": card.kind.value, "tries": tries_as_json(tries)}
        expiry = expiry_as_json(expiry_of([certificate], datetime.now(UTC)))
        click.echo(dump(told | {"expiry": expiry, "portal": found, "ok": True, "error": None}))
        return
    display.say("login.done", "green", origin=door.origin)
    display.facts(_facts(display, found))


def _prepared(display: Display, reader: str, card: Card, codes: Codes) -> tuple[TerminalHolder, bytes]:
    """Say which card it is, the tries left and whether it expires soon; give who answers, and the certificate."""
    texts = display.texts
    if card.kind not in (CardKind.UZI_PASS, CardKind.ZORGID):
        raise WrongCardError("not a card that a person logs in with", expected="pin-card", found=card.kind.value)
    certificate = card.authentication_certificate()
    display.line(texts("code.card", kind=texts(f"kind.{card.kind}"), reader=reader), "bold")
    display.facts([(texts("code.pin_tries"), tries_in_words(card.tries(), texts))])
    sentence = expiry_in_words(expiry_of([certificate], datetime.now(UTC)), texts)
    if sentence is not None:
        display.line(sentence, "yellow")
    return codes.holder(display, keyboard), certificate


class _Aside(TerminalKeyboard):
    """The terminal's keyboard, asked on standard error: standard output may be a program's."""

    def line(self, prompt: str, /) -> str:
        """A line of text; as :meth:`TerminalKeyboard.line`."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError("questions need a terminal", reason="terminal")
        click.echo(prompt, nl=False, err=True)
        found = sys.stdin.readline()
        if not found:
            raise DeclinedError
        return found.strip()


def keyboard() -> Keyboard:
    """Where answers come from."""
    return _Aside()


def _door(options: LogInOptions) -> HTTPSDoor:
    try:
        from zorgid_card.adapters.portal import DoorPlan, HTTPSDoor  # noqa: PLC0415  # an extra
    except ModuleNotFoundError as error:
        raise UsageError("httpx is missing; pip install 'zorgid-card[http]'", reason="httpx") from error
    plan = DoorPlan(challenge=options.challenge_path, login=options.login_path)
    return HTTPSDoor(options.origin, ca=options.ca, plan=plan)


def _agreed(origin: str) -> None:
    """The person has said so on the command line, where the origin is, too; a redirection to another is not followed."""


def _confirmed(holder: TerminalHolder) -> Callable[[str], None]:
    """The person sees where they log in, and says so, before the card is asked to sign."""
    return lambda origin: holder.confirm(Question("log-in", (("origin", spoken_origin(origin)),)))


def _facts(display: Display, found: Mapping[str, Any]) -> list[tuple[str, str]]:
    texts = display.texts
    return [
        (texts(f"login.{name}"), found[name][:_LONGEST])
        for name in _SHOWN
        if isinstance(found.get(name), str) and found[name]
    ]
