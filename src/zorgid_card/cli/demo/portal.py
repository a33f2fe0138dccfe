"""``zorgid-card demo-portal``: the reference portal to try, its organisation registered, for commands in another window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zorgid_card.cli.demo.run import directory_for
from zorgid_card.cli.display import Display
from zorgid_card.cli.portal import command
from zorgid_card.cli.portal.plan import Plan
from zorgid_card.cli.portal.trial import CARDS, Trial
from zorgid_card.testkit.uzi_profile import DE_LINDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may be chosen."""

    keep: Path | None = None
    port: int = 8443
    holders: int = 2
    key_algorithm: str = "RSA2048"


def serve(display: Display, options: Options) -> None:
    """Make the portal and its cards, and serve it until Ctrl-C or SIGTERM.

    Raises:
        StorageError: the directory cannot be written, or the port is taken.
        UsageError: the directory is not empty.
    """
    with directory_for(options.keep) as directory:
        order = command.Order(
            directory=directory.resolve(),
            given={},
            host="127.0.0.1",
            port=options.port,
            trial=Trial(holders=options.holders, key_algorithm=options.key_algorithm),
            registered=True,
            told=lambda plan, user_name: _tell(display, plan, user_name),
        )
        command.run(display, order)


def _tell(display: Display, plan: Plan, user_name: str) -> None:
    page = f"--portal {plan.origin} --ca {plan.certificate}"
    where = f"{page} --simulated {plan.path / CARDS}"
    display.say("portal.try")
    display.entry(f"  zorgid-card create {where}")
    display.entry(f"  zorgid-card create {where} --reader 02 --interactive")
    display.entry(f"  zorgid-card create {where} --all-readers")
    display.entry(f"  zorgid-card renew {where}")
    display.entry(f"  zorgid-card reset {where}")
    display.say("portal.try_phone")
    phone, session = f"--state {plan.path / 'phone.json'}", f"--session {plan.path / 'browser.json'}"
    display.entry(f"  zorgid-card phone link {page} {phone}")
    display.entry(f"  zorgid-card phone log-in {page} {session} --user-name {user_name} --ura {DE_LINDE.ura}")
    display.entry(f"  zorgid-card phone approve {phone}")
    display.entry(f"  zorgid-card phone change {page} {session} card.block CARD --reason lost")
