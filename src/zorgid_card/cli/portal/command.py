"""What ``zorgid-card portal`` and ``zorgid-card portal operator`` do."""

from __future__ import annotations

import json
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from zorgid_card.adapters import private_file
from zorgid_card.adapters.origin import origin_of
from zorgid_card.cli.console import DescriptorKeyboard, TerminalKeyboard
from zorgid_card.cli.demo.pages import ADMINISTRATOR
from zorgid_card.cli.demo.world import PASSPHRASE
from zorgid_card.cli.display import Display
from zorgid_card.cli.portal import trial as trials
from zorgid_card.cli.portal.logs import log_to_stderr
from zorgid_card.cli.portal.plan import Opened, Plan, fields_of, make_registry
from zorgid_card.cli.portal.workers import supervise
from zorgid_card.cli.simulate import interruptible
from zorgid_card.errors import PINMismatchError, StorageError, UsageError
from zorgid_card.secret import Secret
from zorgid_card.web.server import listen
from zorgid_card.workflows import browser_sessions

PLAN: Final = "portal.json"
_FORMAT: Final = "zorgid-card portal v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be served, and how.

    Attributes:
        directory: the portal's; None: of a trial, one that goes away.
        given: of :class:`~zorgid_card.cli.portal.plan.Plan`, what is told now; all else is as at the last start.
        host: where it listens.
        port: of that.
        workers: how many processes; 1: this one.
        descriptor: where the passphrase is read; None: from the terminal.
        trial: with simulated cards; None: a real one.
        registered: the trial's organisation and administrator are registered already.
        as_data: for programs.
    """

    directory: Path | None
    given: Mapping[str, Any]
    host: str
    port: int
    workers: int = 1
    descriptor: int | None = None
    trial: trials.Trial | None = None
    registered: bool = False
    as_data: bool = False
    told: Callable[[Plan, str], None] = field(default=lambda plan, user_name: None)
    """Says what more there is to say once it serves, with the administrator's user name of a trial."""


def run(display: Display, order: Order) -> None:
    """Serve the portal until Ctrl-C or SIGTERM.

    Raises:
        UsageError: something is missing to serve it with.
        StorageError: a file, the database or the port cannot be used.
    """
    log_to_stderr()
    with ExitStack() as stack:
        directory = order.directory or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="zorgid-card-portal-"))
        )
        plan = _planned(display, directory, order)
        listening = stack.enter_context(listen(order.host, order.port))
        with suppress(KeyboardInterrupt), interruptible(), _passphrase(display, plan, order) as passphrase:
            _serve(display, plan, order, passphrase, listening)
        if not order.as_data:
            display.say("portal.stopped", "dim")


def _serve(display: Display, plan: Plan, order: Order, passphrase: Secret, listening: socket.socket) -> None:
    opened = Opened.of(plan, passphrase)  # what is wrong is told now, once, and not by each worker
    try:
        user_name = trials.registered(opened, plan.path) if order.registered else ""
        _save(plan)

        def ready(workers: list[int]) -> None:
            _tell(display, plan, order, user_name, workers)

        if order.workers == 1:
            opened.serve(listening, lambda: ready([os.getpid()]))
        else:
            opened.registry.close()
            supervise(plan, passphrase, listening, order.workers, ready)
    finally:
        opened.registry.close()


# --- the plan ---------------------------------------------------------------------------------------------------------


def _planned(display: Display, directory: Path, order: Order) -> Plan:
    if order.trial is not None:
        if not order.as_data:
            display.say("portal.making", "dim", count=order.trial.holders)
        trials.lay(directory, order.trial)
        origin = f"https://{trials.HOST}:{order.port}"
        return replace(trials.plan_of(directory, origin, order.trial), **order.given)
    known = {**_saved(directory), **_either(order.given), "directory": str(directory)}
    for name in ("origin", "certificate"):
        if not known.get(name):
            raise UsageError(f"{name} is missing", reason=f"portal-{name}")
    known["origin"] = origin_of(known["origin"])
    known.setdefault("status_url", known["origin"])
    plan = Plan(**known)
    if not plan.key and not plan.behind:
        raise UsageError("TLS ends neither here nor before", reason="portal-key")
    plan.tls().require_usable()
    return plan


def _either(given: Mapping[str, Any]) -> dict[str, Any]:
    """Where TLS ends is told anew by one of two options; what was said of the other is over then."""
    named = [name for name in ("key", "behind") if name in given]
    return {**(dict.fromkeys(("key", "behind"), "") if named else {}), **given}


def _saved(directory: Path) -> dict[str, Any]:
    """As at the last start; nothing at the first."""
    path = directory / PLAN
    try:
        found = json.loads(path.read_text())
        if found.pop("format") != _FORMAT:
            raise ValueError
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    except (ValueError, KeyError, AttributeError) as error:
        raise StorageError(f"{path} is no plan of a portal", reason="malformed", path=str(path)) from error
    return fields_of(found)


def _save(plan: Plan) -> None:
    """For the next start, and for other commands; the database's URL may hold a password."""
    text = json.dumps({"format": _FORMAT, **asdict(plan)}, indent=2)
    private_file.write(plan.path / PLAN, text.encode(), new=False)


# --- the passphrase ---------------------------------------------------------------------------------------------------


@contextmanager
def _passphrase(display: Display, plan: Plan, order: Order) -> Iterator[Secret]:
    """Opens the keys; a new one is typed twice."""
    if order.trial is not None:
        with Secret.of(PASSPHRASE) as known:
            yield known
        return
    keyboard = TerminalKeyboard() if order.descriptor is None else DescriptorKeyboard(order.descriptor)
    new = not (plan.path / "ca").exists()
    with keyboard.secret(display.texts("portal.new_passphrase" if new else "portal.passphrase")) as passphrase:
        if new and order.descriptor is None:
            with keyboard.secret(display.texts("keys.again")) as again:
                _require_equal(passphrase, again)
        yield passphrase


def _require_equal(passphrase: Secret, again: Secret) -> None:
    try:
        passphrase.require_equal(again)
    except PINMismatchError as error:
        raise UsageError("the two passphrases differ", reason="passphrases") from error


# --- what is told -----------------------------------------------------------------------------------------------------


def _tell(display: Display, plan: Plan, order: Order, user_name: str, workers: list[int]) -> None:
    cards = str(plan.path / trials.CARDS) if order.trial is not None else None
    if order.as_data:
        told = {"event": "ready", "origin": plan.origin, "directory": plan.directory, "workers": workers}
        click.echo(json.dumps({**told, "cards": cards, "user_name": user_name or None}))
        return
    display.say("portal.ready", "bold", origin=plan.origin)
    if order.trial is None and not plan.authorities:
        display.say("portal.no_roots", "yellow")
    display.say("portal.operator", directory=plan.directory)
    display.entry(f"  zorgid-card portal operator NAME --dir {plan.directory}")
    if order.trial is not None:
        display.say("portal.agent")
        agent = f"  zorgid-card agent --ca {plan.certificate} --prompt terminal --simulated"
        display.entry(f"{agent} {plan.path / ADMINISTRATOR}")
        display.entry(f"{agent} {cards}/01")
    order.told(plan, user_name)
    display.say("portal.stop", "dim")
    with suppress(OSError):
        display.console.file.flush()


# --- operators --------------------------------------------------------------------------------------------------------


def operator(display: Display, directory: Path, name: str, *, as_data: bool) -> None:
    """Print a link by which an operator comes in, once.

    Raises:
        UsageError: no portal was started in this directory, or no name.
    """
    saved = _saved(directory)
    if not saved:
        raise UsageError("no portal was started there", reason="portal-dir", value=str(directory))
    plan = Plan(**saved)
    registry = plan.registry()
    try:
        make_registry(registry)
        token = secrets.token_urlsafe(32)
        until = browser_sessions.offer_operator(registry, token, name, datetime.now(UTC))
    finally:
        registry.close()
    link = f"{plan.origin}/operator/log-in#{token}"  # behind the #: in no log of a proxy
    if as_data:
        click.echo(json.dumps({"link": link, "until": until.isoformat()}))
    else:
        display.say("portal.link", time=until.astimezone().strftime("%H:%M"))
        display.entry(link)
