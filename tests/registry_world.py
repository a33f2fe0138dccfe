"""What the tests of registry and workflows begin with: a registry in memory, a clock, passes, people and cards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.adapters.sql_tables import METADATA
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.registry import (
    CardLink,
    IssuedCertificate,
    Membership,
    Organisation,
    Person,
    SmartCard,
    Unit,
)

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
URA = "90000382"
OTHER_URA = "90000999"
BORN = date(1980, 5, 17)


class Clock:
    """A clock that tests set."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now


def registry() -> SQLRegistry:
    made = SQLRegistry("sqlite://")
    made.create()
    return made


@contextmanager
def in_file(directory: Path) -> Iterator[SQLRegistry]:
    """One in a file there."""
    made = SQLRegistry.file(directory / "registry.db")
    made.create()
    yield made
    made.close()


@contextmanager
def emptied(registry: SQLRegistry) -> Iterator[SQLRegistry]:
    """This one, whose tables are emptied in the end."""
    yield registry
    with registry.engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {', '.join(METADATA.tables)}"))


def uzi_pass(
    uzi_number: str = "900016528",
    *,
    pass_type: str = "Z",
    ura: str = URA,
    role: str = "01.000",
    given_names: str | None = "José Maria",
    surname: str | None = "de Vries",
    organisation: str = "Tést Zorginstelling 03",
) -> UZIIdentity:
    return UZIIdentity(
        uzi_number=uzi_number,
        pass_type=pass_type,
        ura=ura,
        role=role,
        role_name="Arts",
        agb=None,
        organisation=organisation,
        given_names=given_names,
        surname=surname,
        common_name=f"{given_names} {surname}",
        title="Arts",
        oid_ca="2.16.528.1.1007.99.217",
        environment="test",
        usage="authenticity",
        not_before=NOW - timedelta(days=100),
        not_after=NOW + timedelta(days=900),
        issuer_cn="TEST UZI-register Zorgverlener CA G3",
        certificate=b"",
    )


def add_organisation(unit: Unit, ura: str = URA, *, state: str = "validated") -> Organisation:
    organisation = Organisation(ura=ura, name=f"Praktijk {ura}", state=state, validated_at=NOW)
    unit.add(organisation)
    return organisation


def add_person(
    unit: Unit,
    person_id: str,
    *,
    uzi_number: str,
    ura: str | None = URA,
    role: str = "holder",
    until: datetime | None = None,
) -> Person:
    person = Person(
        id=person_id,
        user_name=f"{person_id}.{uzi_number}",
        given_names=person_id.title(),
        surname="Jansen",
        birth_date=BORN,
        uzi_number=uzi_number,
        role_code="00.000",
    )
    unit.add(person)
    if ura is not None:
        unit.add(Membership(id=f"m-{person_id}-{ura}", person_id=person_id, ura=ura, role=role, until=until))
    return person


def add_card(
    unit: Unit,
    serial: str,
    person_id: str,
    *,
    certificate: str,
    ura: str | None = URA,
    state: str = "active",
    status: str = "good",
    commit_by: datetime | None = None,
    until: datetime | None = None,
) -> SmartCard:
    card = SmartCard(
        serial=serial,
        dialect="yubico",
        firmware="5.7.1",
        guid="00" * 16,
        person_id=person_id,
        state=state,
        residency="attested",
        certificate_serial=certificate,
        created_at=NOW,
        activated_at=NOW,
        last_used_at=None,
        reason=None,
    )
    unit.add(card)
    unit.add(
        IssuedCertificate(
            serial=certificate,
            card_serial=serial,
            key_hash=b"",
            der=b"0",
            status=status,
            reason="certificateHold" if status == "hold" else None,
            changed_at=NOW,
            commit_by=commit_by,
            not_after=NOW + timedelta(days=1000),
        )
    )
    if ura is not None:
        unit.add(CardLink(id=f"l-{serial}-{ura}", card_serial=serial, ura=ura, until=until))
    return card
