"""What ``zorgid-card crl`` and ``zorgid-card ocsp`` do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import click

from zorgid_card import recipes
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cli.console import DescriptorKeyboard, Keyboard, TerminalKeyboard
from zorgid_card.cli.display import Display
from zorgid_card.cli.ocsp_server import listening
from zorgid_card.cli.simulate import interruptible
from zorgid_card.errors import PassphraseError, PINMismatchError, StorageError, UsageError
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.ocsp_file import read_responder, write_responder
from zorgid_card.pki.profile import AUTHENTICITY
from zorgid_card.workflows.ocsp_service import OCSPService
from zorgid_card.workflows.revocation_list import Publication, RevocationList

_LOOK_EVERY: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be published, and where."""

    portal: Path
    out: Path | None
    crl_url: str | None
    delta_url: str | None
    shards: int
    every: int | None
    descriptor: int | None
    as_data: bool

    @property
    def points(self) -> tuple[tuple[str, str | None], ...]:
        """The distribution points; raises UsageError if two lists would have one address."""
        crl_url = self.crl_url or AUTHENTICITY.crl_url
        return replace(AUTHENTICITY, crl_url=crl_url, delta_url=self.delta_url, crl_shards=self.shards).points


def _keyboard(descriptor: int | None) -> Keyboard:
    return TerminalKeyboard() if descriptor is None else DescriptorKeyboard(descriptor)


def _authority(display: Display, portal: Path, keyboard: Keyboard) -> Authority:
    with keyboard.secret(display.texts("crl.passphrase")) as passphrase:
        return Authority.open(portal / "ca", passphrase)


# --- crl --------------------------------------------------------------------------------------------------------------


def publish(display: Display, registry: SQLRegistry, order: Order) -> None:
    """Sign and write the CRLs that are due."""
    points = order.points
    authority = _authority(display, order.portal, _keyboard(order.descriptor))
    write = partial(recipes.publish_crl, order.out or order.portal)
    lists = RevocationList(registry, authority, lambda: datetime.now(UTC), write, points=points)
    tell = _tell_data if order.as_data else partial(_tell_lists, display)
    if order.every is None:
        tell(lists.refresh())
        return
    with interruptible():
        _again(display, lists, order.every, tell)


def _again(
    display: Display, lists: RevocationList, seconds: int, tell: Callable[[tuple[Publication, ...]], None]
) -> None:
    """What is new is told; a registry that is away is tried again."""
    told: dict[str, Publication] = {}
    pause = threading.Event()
    try:
        while True:
            try:
                made = lists.refresh()
            except StorageError as error:
                display.line(display.texts.error(error), "red")
            else:
                tell(tuple(one for one in made if told.get(one.name) != one))
                told = {one.name: one for one in made}
            pause.wait(seconds)
    except KeyboardInterrupt:
        return


def _tell_data(made: tuple[Publication, ...]) -> None:
    rows = [
        {
            "file": one.name,
            "number": one.number,
            "base": one.base,
            "entries": one.entries,
            "this_update": one.this_update.isoformat(),
            "next_update": one.next_update.isoformat(),
        }
        for one in made
    ]
    if rows:
        click.echo(json.dumps({"lists": rows}))


def _tell_lists(display: Display, made: tuple[Publication, ...]) -> None:
    texts = display.texts
    heads = [texts(f"crl.{name}") for name in ("file", "number", "kind", "entries", "next")]
    rows = [
        (
            one.name,
            str(one.number),
            texts("crl.full") if one.base is None else texts("crl.delta", base=one.base),
            str(one.entries),
            one.next_update.strftime("%Y-%m-%d %H:%M"),
        )
        for one in made
    ]
    if rows:
        display.table(heads, rows)


# --- ocsp -------------------------------------------------------------------------------------------------------------


def certify(display: Display, *, file: Path, portal: Path, days: int, descriptor: int | None, as_data: bool) -> None:
    """Make the file of a responder."""
    keyboard = _keyboard(descriptor)
    authority = _authority(display, portal, keyboard)
    with keyboard.secret(display.texts("ocsp.new_passphrase")) as passphrase:
        if descriptor is None:
            _repeat(display, keyboard, passphrase.require_equal)
        made = write_responder(file, authority, passphrase, datetime.now(UTC), timedelta(days=days))
    if as_data:
        click.echo(
            json.dumps({"file": str(file), "serial": f"{made.serial:x}", "not_after": made.not_after.isoformat()})
        )
    else:
        display.say("ocsp.certified", "green", file=file, until=made.not_after.date().isoformat())


def _repeat(display: Display, keyboard: Keyboard, require_equal: Callable[..., None]) -> None:
    with keyboard.secret(display.texts("keys.again")) as again:
        try:
            require_equal(again)
        except PINMismatchError as error:
            raise UsageError("the two passphrases differ", reason="passphrases") from error


def serve(
    display: Display,
    registry: SQLRegistry,
    *,
    responder: Path,
    host: str,
    port: int,
    descriptor: int | None,
    as_data: bool,
) -> None:
    """Serve the responder until Ctrl-C or SIGTERM."""
    with _keyboard(descriptor).secret(display.texts("ocsp.passphrase")) as passphrase:
        service = OCSPService(registry, read_responder(responder, passphrase))
        with registry.begin():  # a registry that is not there is told now, and not as tryLater to each client
            pass
        try:
            with interruptible(), listening(service, host, port) as url:
                _ready(display, url, service, as_data=as_data)
                _wait(display, lambda: setattr(service, "responder", read_responder(responder, passphrase)), responder)
        except KeyboardInterrupt:
            if not as_data:
                display.say("ocsp.stopped", "dim")


def _ready(display: Display, url: str, service: OCSPService, *, as_data: bool) -> None:
    until = service.responder.certificate.not_after
    if as_data:
        click.echo(json.dumps({"url": url, "not_after": until.isoformat()}))
    else:
        display.say("ocsp.ready", "bold", url=url, until=until.date().isoformat())
        display.console.file.flush()


def _wait(display: Display, renew: Callable[[], None], path: Path) -> None:
    """Until Ctrl-C; a file that was renewed is read anew, one that cannot be read leaves the responder as it is."""
    known, pause = path.stat().st_mtime_ns, threading.Event()
    while True:
        pause.wait(_LOOK_EVERY)
        try:
            if path.stat().st_mtime_ns != known:
                known = path.stat().st_mtime_ns
                renew()
        except OSError:
            continue
        except (StorageError, PassphraseError) as error:
            display.line(display.texts.error(error), "red")
