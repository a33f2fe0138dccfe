"""``zorgid-card org``, ``people``, ``cards``, and phones in a registry: for who has access to the database."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from zorgid_card.cli.display import Display
from zorgid_card.cli.options import json_option, moment
from zorgid_card.cli.storing import on_a_database

if TYPE_CHECKING:
    from zorgid_card.cli.database import Database
    from zorgid_card.cli.management.counter import Counter

_ROLES: Final = ("holder", "manager", "administrator")
_CAUSES: Final = (
    "unspecified",
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
)
_CARD_STATES: Final = ("creating", "active", "renewing", "suspended", "revoked", "abandoned", "scrapped")


def _at_the_counter(command: Callable[..., None]) -> Callable[..., int]:
    """The options that say who acts, and for which organisation; ``command`` gets a counter, at which that actor is served."""

    @click.option(
        "--operator", metavar="NAME", help="Act as an operator of the portal; the name goes into the records."
    )
    @click.option("--as", "person", metavar="USER", help="Act as a person, by their user name; needs --ura.")
    @click.option("--ura", metavar="URA", help="The organisation acted for, 8 digits; an operator may leave it out.")
    @json_option
    @on_a_database
    @wraps(command)
    def at_counter(
        display: Display,
        database: Database,
        operator: str | None,
        person: str | None,
        ura: str | None,
        as_data: bool,
        **others: Any,
    ) -> None:
        from zorgid_card.cli.management.counter import Counter  # noqa: PLC0415  # needs SQLAlchemy, which other commands do not

        command(counter=Counter(display, database.registry, operator, person, ura, as_data=as_data), **others)

    found: Callable[..., int] = at_counter
    return found


def _changes(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of what changes something."""
    for option in (
        click.option(
            "--key", metavar="TEXT", help="Idempotency key: the same command again within a day is done once."
        ),
        click.option("--yes", is_flag=True, help="Do not ask whether this is to be done."),
        click.option("--reason", required=True, metavar="TEXT", help="Why, for the records."),
    ):
        command = option(command)
    return command


def _pages(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of what lists."""
    for option in (
        click.option("--after", metavar="TEXT", help="Where the page before said that the next one begins."),
        click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="Rows of a page."),
    ):
        command = option(command)
    return command


def _search(what: str) -> Callable[..., Any]:
    return click.option("--search", default="", metavar="TEXT", help=what)


# --- org --------------------------------------------------------------------------------------------------------------


@click.group()
def org() -> None:
    """Organisations: requests to register one, and what becomes of them.

    Who acts is said by --operator NAME, or by --as USER with --ura. Nobody is asked for a password: whoever can open the database
    can act as anybody.
    """


@org.command(name="request")
@click.option("--name", required=True, help="Name of the organisation.")
@click.option("--contact", required=True, metavar="NAME", help="Who asks.")
@click.option("--email", required=True, metavar="ADDRESS", help="Where the notice goes that the request was processed.")
@click.option("--key", metavar="TEXT", help="Idempotency key: the same command again within a day is done once.")
@_at_the_counter
def org_request(counter: Counter, **form: str | None) -> None:
    """File a request to register the organisation --ura. Anybody may."""
    from zorgid_card.cli.management import organisations  # noqa: PLC0415  # as above

    organisations.request(counter, **form)


@org.command(name="list")
@click.option("--requests", "listed", is_flag=True, help="Requests, in the place of organisations.")
@click.option("--state", metavar="STATE", help="filed, approved, rejected; or approved, validated, suspended.")
@_pages
@_at_the_counter
def org_list(counter: Counter, listed: bool, **options: Any) -> None:
    """List organisations, or requests."""
    from zorgid_card.cli.management import organisations  # noqa: PLC0415  # as above

    (organisations.list_requests if listed else organisations.list_organisations)(counter, **options)


@org.command(name="show")
@click.argument("name", metavar="[URA|REQUEST]", required=False)
@_at_the_counter
def org_show(counter: Counter, name: str | None) -> None:
    """Show an organisation with its requests, or one request; by default the organisation --ura."""
    from zorgid_card.cli.management import organisations  # noqa: PLC0415  # as above

    organisations.show(counter, name)


def _decision(name: str, explanation: str) -> None:
    @org.command(name=name, help=explanation)
    @click.argument("request", metavar="REQUEST")
    @_changes
    @_at_the_counter
    def command(counter: Counter, request: str, **options: Any) -> None:
        from zorgid_card.cli.management import organisations  # noqa: PLC0415  # as above

        organisations.decide(counter, name, request, **options)


_decision("approve", "Approve a request: the organisation may then be validated with a UZI pass. For operators.")
_decision("reject", "Reject a request. For operators.")


def _change(name: str, explanation: str) -> None:
    @org.command(name=name, help=explanation)
    @_changes
    @_at_the_counter
    def command(counter: Counter, **options: Any) -> None:
        from zorgid_card.cli.management import organisations  # noqa: PLC0415  # as above

        organisations.change(counter, name, **options)


_change("suspend", "Suspend the organisation --ura: nothing is made, managed or logged in for it. For operators.")
_change("resume", "Let a suspended organisation work again; no card is unblocked by it. For operators.")


# --- people -----------------------------------------------------------------------------------------------------------


@click.group()
def people() -> None:
    """People of the organisation --ura: their roles, and where they are linked. USER is a user name.

    Who acts is said by --operator NAME, or by --as USER with --ura.
    """


@people.command(name="list")
@_search("Part of a name, user name or UZI number.")
@click.option("--role", type=click.Choice(_ROLES), help="Only people with this role.")
@_pages
@_at_the_counter
def people_list(counter: Counter, **options: Any) -> None:
    """List people and their roles."""
    from zorgid_card.cli.management import people as acts  # noqa: PLC0415  # as above

    acts.list_people(counter, **options)


@people.command(name="show")
@click.argument("user", metavar="USER")
@_at_the_counter
def people_show(counter: Counter, user: str) -> None:
    """Show a person."""
    from zorgid_card.cli.management import people as acts  # noqa: PLC0415  # as above

    acts.show(counter, user)


@people.command(name="appoint")
@click.argument("user", metavar="USER")
@click.argument("role", type=click.Choice(_ROLES))
@_changes
@_at_the_counter
def people_appoint(counter: Counter, **options: Any) -> None:
    """Give a person a role. One administrator always remains."""
    from zorgid_card.cli.management import people as acts  # noqa: PLC0415  # as above

    acts.appoint(counter, **options)


@people.command(name="offer")
@click.argument("user", metavar="[USER]", required=False)
@click.option("--to", "to", required=True, metavar="URA", help="The organisation that may link the person.")
@_at_the_counter
def people_offer(counter: Counter, **options: Any) -> None:
    """Make a code with which another organisation may link a person: oneself, or, for operators, USER."""
    from zorgid_card.cli.management import people as acts  # noqa: PLC0415  # as above

    acts.offer(counter, **options)


@people.command(name="link")
@click.argument("code", metavar="CODE")
@_changes
@_at_the_counter
def people_link(counter: Counter, **options: Any) -> None:
    """Link the person who had this CODE made, with their cards, to the organisation --ura."""
    from zorgid_card.cli.management import people as acts  # noqa: PLC0415  # as above

    acts.link(counter, **options)


@people.command(name="guest")
@click.argument("number", metavar="UZI-NUMBER")
@click.argument("serial", metavar="CARD")
@click.option("--until", required=True, metavar="DATE", help="The end, ISO 8601, UTC.")
@_changes
@_at_the_counter
def people_guest(counter: Counter, until: str, **options: Any) -> None:
    """Link another organisation's person with their CARD for a time; their own organisation goes on to manage it."""
    from zorgid_card.cli.management import people as acts  # noqa: PLC0415  # as above

    acts.guest(counter, until=moment(until), **options)


@people.command(name="unlink")
@click.argument("user", metavar="USER")
@_changes
@_at_the_counter
def people_unlink(counter: Counter, **options: Any) -> None:
    """Unlink a person, with their cards and phones. The cards stay valid: they are the person's."""
    from zorgid_card.cli.management import people as acts  # noqa: PLC0415  # as above

    acts.unlink(counter, **options)


@people.command(name="approve-uzi")
@click.argument("user", metavar="USER")
@click.argument("number", metavar="NUMBER")
@_changes
@_at_the_counter
def people_approve_uzi(counter: Counter, **options: Any) -> None:
    """Let a person come with another UZI NUMBER, once."""
    from zorgid_card.cli.management import people as acts  # noqa: PLC0415  # as above

    acts.approve_uzi(counter, **options)


# --- cards ------------------------------------------------------------------------------------------------------------


@click.group()
def cards() -> None:
    """ZORG-ID Smartcards of the organisation --ura; for an operator without --ura, all.

    Who acts is said by --operator NAME, or by --as USER with --ura.
    """


@cards.command(name="list")
@_search("Beginnings of the holder's names, user name or UZI number, or of the card's serial.")
@click.option("--state", type=click.Choice(_CARD_STATES), help="Only cards in this state.")
@_pages
@_at_the_counter
def cards_list(counter: Counter, **options: Any) -> None:
    """List cards."""
    from zorgid_card.cli.management import cards as acts  # noqa: PLC0415  # as above

    acts.list_cards(counter, **options)


@cards.command(name="show")
@click.argument("serial", metavar="SERIAL")
@_at_the_counter
def cards_show(counter: Counter, serial: str) -> None:
    """Show a card."""
    from zorgid_card.cli.management import cards as acts  # noqa: PLC0415  # as above

    acts.show(counter, serial)


def _card_change(name: str, explanation: str, option: Callable[..., Any] = lambda command: command) -> None:
    @cards.command(name=name, help=explanation)
    @click.argument("serial", metavar="SERIAL")
    @option
    @_changes
    @_at_the_counter
    def command(counter: Counter, serial: str, **options: Any) -> None:
        from zorgid_card.cli.management import cards as acts  # noqa: PLC0415  # as above

        acts.change(counter, name, serial, **options)


_card_change("block", "Block a card, until it is unblocked.")
_card_change("unblock", "Unblock a card; it stays blocked while another party blocks it too.")
_card_change(
    "revoke",
    "Revoke a card, for good.",
    click.option("--cause", type=click.Choice(_CAUSES), default="unspecified", show_default=True, help="For the CRL."),
)

# --- phones -----------------------------------------------------------------------------------------------------------


@click.command(name="list")
@_at_the_counter
def phone_list(counter: Counter) -> None:
    """List the phones of the organisation --ura, with their last use."""
    from zorgid_card.cli.management import phones as acts  # noqa: PLC0415  # as above

    acts.list_phones(counter)


def _phone_change(name: str, explanation: str) -> click.Command:
    @click.command(name=name, help=explanation)
    @click.argument("phone", metavar="ID")
    @_changes
    @_at_the_counter
    def command(counter: Counter, phone: str, **options: Any) -> None:
        from zorgid_card.cli.management import phones as acts  # noqa: PLC0415  # as above

        acts.change(counter, name, phone, **options)

    return command


PHONES: Final = (
    phone_list,
    _phone_change("block", "Block a phone of the organisation --ura that is lost, until it is unblocked."),
    _phone_change("unblock", "Unblock a phone, with all its tries."),
    _phone_change("revoke", "Revoke a phone, for good; another is linked with the UZI pass."),
)
"""What ``zorgid-card phone`` does in a registry."""

COMMANDS: Final = (org, people, cards)
