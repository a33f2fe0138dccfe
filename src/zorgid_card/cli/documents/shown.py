"""What the three commands show alike: whose key, errors as data."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click

from zorgid_card.cli.display import Display, console
from zorgid_card.cli.failures import as_storage_error
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import CertificateError, ZorgIDError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity, read_uzi_identity
from zorgid_card.texts import Texts


def whose(certificate: bytes) -> dict[str, str]:
    """Whom a certificate names, as far as it tells; nothing is judged."""
    found = Certificate.parse(certificate)
    known = {"name": found.common_name}
    with suppress(CertificateError):  # that of a ZORG-ID Smartcard has its name alone
        known |= of_identity(read_uzi_identity(certificate))
    return {**known, "certificate_serial": found.serial_hex, "valid_until": found.not_after.date().isoformat()}


def of_identity(identity: UZIIdentity | ZorgIDIdentity) -> dict[str, str]:
    """What of an identity is shown beside a signature; a ZORG-ID Smartcard names no organisation."""
    person = {"name": identity.common_name, "uzi_number": identity.uzi_number}
    if isinstance(identity, ZorgIDIdentity):
        return person
    return {**person, "organisation": identity.organisation, "ura": identity.ura}


def facts(known: dict[str, str], texts: Texts) -> list[tuple[str, str]]:
    """Pairs of name and value for people."""
    return [(texts(f"fact.{fact_name(name)}"), value) for name, value in known.items()]


def fact_name(name: str) -> str:
    """The name of a field of JSON as texts have it."""
    return name.replace("_", "-")


def aside(display: Display, *, as_data: bool) -> Display:
    """Where people are told and asked things while standard output belongs to a program."""
    return Display(console(no_color=display.console.no_color, stderr=True), display.texts) if as_data else display


def told(texts: Texts, *, as_data: bool, action: Callable[[], dict[str, Any]]) -> None:
    """Do it, and print what comes of it as one object where a program wants to know; errors too."""
    try:
        result = _done(action)
    except ZorgIDError as error:
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, texts)}))
        raise
    if as_data:
        click.echo(dump({**result, "ok": True, "error": None}))


def _done(action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return action()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise as_storage_error(error) from error
