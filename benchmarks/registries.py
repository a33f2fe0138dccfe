"""Registries of 10,000 and of 1,000,000 cards, on SQLite and on PostgreSQL: made once, and kept in build/bench.

Names are drawn from a list, so that common ones are common; one organisation has 5,000 cards in each, the others a hundred.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

import postgres  # noqa: E402  # the tests' server serves here as well
from zorgid_card.adapters import sql_search  # noqa: E402
from zorgid_card.adapters.data_keys import FileDataKeys  # noqa: E402
from zorgid_card.adapters.sql import SQLRegistry  # noqa: E402
from zorgid_card.adapters.sql_tables import FIELDS, TABLES, WORDS  # noqa: E402
from zorgid_card.ports.registry import (  # noqa: E402
    CardLink,
    IssuedCertificate,
    Membership,
    Organisation,
    Person,
    SmartCard,
)

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
LARGE, LARGE_CARDS, SMALL_CARDS = "90000001", 5_000, 100
MANAGER = "manager"
PLACE = ROOT / "build" / "bench" / "registries"
GIVEN = [
    "Jan", "Johannes", "Maria", "Anna", "Peter", "Willem", "Hendrik", "Elisabeth", "Cornelis", "Fatima", "Mohamed",
    "Zoë", "José", "Sanne", "Daan", "Emma", "Lucas", "Julia", "Noor", "Thijs", "Bram", "Lotte", "Sem", "Fleur",
    "Ruben", "Iris", "Lars", "Femke", "Koen", "Marit", "Joost", "Anouk", "Tim", "Eva", "Stijn", "Lisa", "Niels",
    "Nina", "Wouter", "Saskia",
]  # fmt: skip
SURNAMES = [
    "de Vries", "Jansen", "de Jong", "van den Berg", "Bakker", "van Dijk", "Visser", "Smit", "Meijer", "de Boer",
    "Mulder", "de Groot", "Bos", "Vos", "Peters", "Hendriks", "van Leeuwen", "Dekker", "Brouwer", "de Wit",
    "Dijkstra", "Smits", "de Graaf", "van der Meer", "el Amrani", "Yılmaz", "Şahin", "van der Linden", "Kok",
    "Jacobs", "de Haan", "Vermeulen", "van den Heuvel", "van der Veen", "van den Broek", "de Bruijn", "de Bruin",
    "van der Heijden", "Schouten", "van Beek", "Willems", "van Vliet", "van de Ven", "Hoekstra", "Maas",
    "Verhoeven", "Koster", "van Dam", "van der Wal", "Prins", "Blom", "Huisman", "Peeters", "de Jonge", "Kuipers",
    "van Veen", "Post", "Kuiper", "Veenstra", "Kramer", "van den Brink", "Scholten", "van Wijk", "Postma",
    "Martens", "Vink", "Molenaar", "Timmermans", "Groen", "Gerritsen",
]  # fmt: skip
_CERTIFICATE = hashlib.shake_256(b"a certificate").digest(900)
_PAGE = 20_000

Write = Callable[[str, Sequence[str], Sequence[tuple[Any, ...]]], None]


def serial(number: int) -> str:
    """Of the card with this number; cards with neighbouring serials are no neighbours in the list."""
    return f"{10_000_000 + number}"


def certificate(number: int) -> str:
    """The serial of its certificate: random, as a CA's are."""
    return hashlib.sha256(f"certificate {number}".encode()).hexdigest()[:32]


def ura(number: int) -> str:
    """Whose card it is."""
    return LARGE if number < LARGE_CARDS else f"{90_000_002 + (number - LARGE_CARDS) // SMALL_CARDS}"


def registries(count: int) -> Iterator[tuple[str, SQLRegistry]]:
    """A registry of ``count`` cards on each database, by its name; made where it is not there yet."""
    PLACE.mkdir(parents=True, exist_ok=True)
    keys = FileDataKeys(PLACE / "data.keys")
    if not keys.there:
        keys.create()
    yield "SQLite", _made(SQLRegistry.file(PLACE / f"{count}.db", keys), count)
    if _server is not None:
        yield "PostgreSQL", _made(SQLRegistry(_database(_server, f"cards{count}"), keys), count)


_server: postgres.Server | None = None


@contextmanager
def server() -> Iterator[str | None]:
    """A PostgreSQL server for as long as the block runs; gives what is missing for that, if something is."""
    global _server  # noqa: PLW0603  # one for the whole run
    if (why := postgres.missing()) is not None:
        yield why
        return
    place = PLACE / "postgres"
    place.mkdir(parents=True, exist_ok=True)
    socket = Path(tempfile.mkdtemp(prefix="pg-"))
    _server = postgres.Server(
        postgres.owned(place),
        {"fsync": "on", "shared_buffers": "1GB", "maintenance_work_mem": "512MB", "max_wal_size": "8GB"},
        socket=postgres.owned(socket),
    )
    if not _server.made:
        _server.make()
    _server.start()
    try:
        yield None
    finally:
        _server.stop()
        _server = None
        shutil.rmtree(socket)


def _database(running: postgres.Server, name: str) -> str:
    if running.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'", "postgres") == "1":
        return running.url(name)
    return running.database(name)


def _made(registry: SQLRegistry, count: int) -> SQLRegistry:
    registry.create()
    with registry.begin() as unit:
        if unit.count(SmartCard) == count:
            return registry
    began = time.monotonic()
    print(
        f"a registry of {count:,} cards on {registry.engine.dialect.name} is made once...", file=sys.stderr, flush=True
    )
    with registry.engine.begin() as connection:
        kinds = (Organisation, Person, Membership, SmartCard, CardLink, IssuedCertificate)
        tables = [*(TABLES[kind] for kind in kinds), WORDS]
        for table in tables:
            connection.execute(table.delete())
            for index in table.indexes:
                index.drop(connection)
        _fill(registry, _writer(connection), count)
        for table in tables:
            for index in table.indexes:
                index.create(connection)
    with registry.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    print(f"... in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return registry


def _writer(connection: Any) -> Write:
    cursor = connection.connection.cursor()

    def insert(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        cursor.executemany(f"INSERT INTO {table} ({','.join(columns)}) VALUES ({','.join('?' * len(columns))})", rows)

    def copy(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        with cursor.copy(f"COPY {table} ({','.join(columns)}) FROM STDIN") as into:
            for row in rows:
                into.write_row(row)

    return insert if connection.dialect.name == "sqlite" else copy


def _fill(registry: SQLRegistry, write: Write, count: int) -> None:
    random = Random(1)
    organisations = [Organisation(ura=it, name=f"Praktijk {it}", state="validated", validated_at=NOW)
                     for it in dict.fromkeys(map(ura, range(count)))]  # fmt: skip
    _write(registry, write, organisations)
    for first in range(0, count, _PAGE):
        made = [_card(random, number) for number in range(first, min(count, first + _PAGE))]
        for records in zip(*made, strict=True):
            _write(registry, write, records)
        _write_words(write, made)
    _write(registry, write, [Membership(id="manager", person_id=MANAGER, ura=LARGE, role="manager", until=None)])


def _card(random: Random, number: int) -> tuple[Person, Membership, SmartCard, CardLink, IssuedCertificate]:
    given, surname = random.choice(GIVEN), random.choice(SURNAMES)
    state = random.choices(("active", "suspended", "revoked"), (88, 2, 10))[0]
    person = hashlib.sha256(f"person {number}".encode()).hexdigest()[:32]
    uzi_number = f"{900_000_000 + number}"
    plain = ".".join(sql_search.split(given)) + "." + "-".join(sql_search.split(surname))
    return (
        Person(id=person, user_name=f"{plain}.{uzi_number}", given_names=given, surname=surname,
               birth_date=date(1960, 1, 1) + timedelta(days=random.randrange(15_000)), uzi_number=uzi_number,
               role_code="01.015"),
        Membership(id=f"m{number}", person_id=person, ura=ura(number), role="holder", until=None),
        SmartCard(serial=serial(number), dialect="yubico", firmware="5.7.1", guid=certificate(number), person_id=person,
                  state=state, residency="attested", certificate_serial=certificate(number), created_at=NOW, activated_at=NOW,
                  last_used_at=NOW, reason=None),
        CardLink(id=f"l{number}", card_serial=serial(number), ura=ura(number), until=None),
        IssuedCertificate(serial=certificate(number), card_serial=serial(number), der=_CERTIFICATE,
                          key_hash=hashlib.sha256(person.encode()).digest(),
                          status={"active": "good", "suspended": "hold"}.get(state, state), reason=None, changed_at=NOW,
                          commit_by=None, not_after=NOW + timedelta(days=1000)),
    )  # fmt: skip


def _write(registry: SQLRegistry, write: Write, records: Sequence[Any]) -> None:
    kind = type(records[0])
    fields = [column.name for column in FIELDS[kind]]
    sealed = registry.sealer.sealed(kind, records[0], "")
    columns = [*(name for name in fields if name not in sealed), *sealed]
    rows = []
    for record in records:
        values = dict(zip(fields, astuple(record), strict=True))
        values |= registry.sealer.sealed(kind, record, values[fields[0]])
        rows.append(tuple(_raw(registry, values[name]) for name in columns))
    write(TABLES[kind].name, columns, rows)


def _raw(registry: SQLRegistry, value: Any) -> Any:
    if isinstance(value, datetime) and registry.engine.dialect.name == "sqlite":
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


def _write_words(
    write: Write, made: Sequence[tuple[Person, Membership, SmartCard, CardLink, IssuedCertificate]]
) -> None:
    rows = []
    for person, _, card, link, _ in made:
        words = sql_search.words_of(
            card.serial, person.surname, person.given_names, person.user_name, person.uzi_number
        )
        rows += [(card.serial, scope, word, card.state) for scope in ("", link.ura) for word in sorted(words)]
    write(WORDS.name, ("card_serial", "scope", "word", "state"), rows)
