"""From version to version: the same schema as the records ask for, all data along, one worker at a time, the whole or nothing."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from postgres import Server
from registry_world import BORN, NOW, URA
from zorgid_card.adapters import migrations
from zorgid_card.adapters.data_keys import FileDataKeys, MemoryDataKeys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.adapters.sql_sealed import Sealer
from zorgid_card.adapters.sql_tables import METADATA
from zorgid_card.errors import StorageError
from zorgid_card.ports.keys import KeyProvider
from zorgid_card.ports.registry import Consent, Organisation, Person, Session, Suspension
from zorgid_card.workflows import audit
from zorgid_card.workflows.audit_verification import Verified, verify

AT = "2026-11-02T09:00:00.000000Z"
OLD: dict[str, dict[str, Any]] = {
    "zorgid_organisation": {"ura": URA, "name": "Praktijk", "state": "validated", "validated_at": AT},
    "zorgid_person": {
        "id": "p1", "user_name": "zoe.amrani.900000022", "given_names": "Zoë", "surname": "el Amrani",
        "birth_date": BORN.isoformat(), "uzi_number": "900000022", "role_code": "01.000",
    },
    "zorgid_session": {
        "id": "s1", "purpose": "create", "state": "opened", "origin": "https://portal.example", "nonce": "n", "key": None,
        "sequence": 0, "expires_at": AT, "data": '{"birth_date":"1980-05-17"}',
    },
    "zorgid_consent": {"id": "c1", "person_id": "p1", "ura": URA, "evidence": b"born 1980-05-17", "at": AT},
    "zorgid_smart_card": {
        "serial": "S-1", "dialect": "yubico", "firmware": "5.7.1", "guid": "00", "person_id": "p1", "state": "suspended",
        "residency": "attested", "certificate_serial": "c1", "created_at": AT, "activated_at": AT, "last_used_at": None,
        "reason": None, "blocked_by": URA, "key_generation": 1,
    },
    "zorgid_issued_certificate": {
        "serial": "c1", "card_serial": "S-1", "der": b"0", "key_hash": b"0", "status": "hold", "reason": "certificateHold",
        "changed_at": AT, "commit_by": None, "not_after": AT, "told": None,
    },
    "zorgid_card_link": {"id": "l1", "card_serial": "S-1", "ura": URA, "until": None},
    "zorgid_audit_event": {
        "id": f"{URA}:000000000001", "at": AT, "actor": "p1", "ura": URA, "action": "card.block", "subject": "S-1",
        "reason": "lost", "detail": "{}",
    },
}  # fmt: skip
"""Rows as version 0001 wrote them."""


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        (tmp_path / "registry.db").touch()
        return f"sqlite:///{tmp_path}/registry.db"
    return str(request.getfixturevalue("server").database())


@pytest.fixture
def keys(tmp_path: Path) -> KeyProvider:
    made = FileDataKeys(tmp_path / "data.keys")
    made.create()
    return made


def migrated(where: str, keys: KeyProvider, version: str) -> SQLRegistry:
    """A registry that the migrations made, one after another."""
    registry = SQLRegistry(where, keys)
    with registry.engine.begin() as connection:
        command.upgrade(migrations.configuration(connection, sealer=Sealer(keys), words=False), version)
    return registry


def old(where: str, keys: KeyProvider) -> SQLRegistry:
    registry = migrated(where, keys, "0001")
    with registry.engine.begin() as connection:
        for table, row in OLD.items():
            values = row if registry._sqlite else {name: typed(name, value) for name, value in row.items()}
            connection.execute(sa.text(f"INSERT INTO {table} ({','.join(row)}) VALUES (:{',:'.join(row)})"), values)
    return registry


def typed(name: str, value: Any) -> Any:
    return date.fromisoformat(value) if name == "birth_date" else NOW if value == AT else value


def test_head_is_the_last_migration(where: str, keys: KeyProvider) -> None:
    with SQLRegistry(where, keys).engine.begin() as connection:
        scripts = ScriptDirectory.from_config(migrations.configuration(connection))
        assert scripts.get_heads() == [migrations.HEAD]


def test_the_migrated_schema_is_that_of_the_records(where: str, keys: KeyProvider) -> None:
    registry = migrated(where, keys, "head")
    with registry.engine.begin() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": migrations.is_ours, "version_table": migrations.VERSION_TABLE}
        )
        assert compare_metadata(context, METADATA) == []
        if not registry._sqlite:
            told = "SELECT DISTINCT collation_name FROM information_schema.columns WHERE data_type = 'text'"
            mine = f"{told} AND table_name LIKE 'zorgid%'"
            assert list(connection.scalars(sa.text(mine))) == ["C"]


def test_an_upgrade_brings_all_data_along(where: str, keys: KeyProvider) -> None:
    registry = old(where, keys)
    assert registry.create() == ("0001", migrations.HEAD)
    with registry.begin() as unit:
        assert unit.get(Person, "p1").birth_date == BORN
        assert [person.id for person in unit.find(Person, birth_date=BORN)] == ["p1"]
        assert unit.get(Session, "s1").data == '{"birth_date":"1980-05-17"}'
        assert unit.get(Consent, "c1").evidence == b"born 1980-05-17"
        assert [card.card.serial for card in unit.cards(URA, at=NOW, search="amrani")] == ["S-1"]
        assert [(one.card_serial, one.cause, one.since) for one in unit.find(Suspension)] == [("S-1", URA, NOW)]
    assert verify(registry) == Verified(chains=1, events=1)
    with registry.begin() as unit:
        assert audit.record(unit, NOW, "p1", URA, "card.unblock", "S-1").id == f"{URA}:000000000002"
    assert verify(registry) == Verified(chains=1, events=2)
    assert registry.create() == (migrations.HEAD, migrations.HEAD)
    registry.close()


def test_a_registry_from_before_versions_were_written_down_is_upgraded(where: str, keys: KeyProvider) -> None:
    registry = old(where, keys)
    with registry.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE zorgid_version")
    assert registry.create() == ("0001", migrations.HEAD)
    with registry.begin() as unit:
        assert unit.get(Organisation, URA).name == "Praktijk"


def test_an_upgraded_file_has_a_key_beside_it_and_no_birth_date_in_it(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    path.touch()
    old(f"sqlite:///{path}", MemoryDataKeys()).close()
    assert b"1980-05-17" in path.read_bytes()
    registry = SQLRegistry.file(path)
    registry.create()
    with registry.begin() as unit:
        assert unit.get(Person, "p1").birth_date == BORN
    registry.close()
    with registry.engine.connect() as connection:
        connection.connection.cursor().execute("VACUUM")
    registry.close()
    assert {file.name for file in tmp_path.iterdir()} == {"registry.db", "registry.db.keys"}
    assert b"1980-05-17" not in path.read_bytes()


def test_a_failed_upgrade_changes_nothing(where: str, keys: KeyProvider, tmp_path: Path) -> None:
    old(where, keys).close()
    broken = SQLRegistry(where, FileDataKeys(tmp_path / "lost.keys"))
    broken._make_keys = lambda connection: None  # type: ignore[method-assign]
    with pytest.raises(StorageError) as error:
        broken.create()
    assert error.value.reason == "no_keys"
    with broken.engine.begin() as connection:
        assert migrations.version(connection) == "0001"
        assert str(connection.exec_driver_sql("SELECT birth_date FROM zorgid_person").scalar_one()) == "1980-05-17"
        assert "zorgid_card_word" not in sa.inspect(connection).get_table_names()
    assert SQLRegistry(where, keys).create() == ("0001", migrations.HEAD)


def test_workers_that_start_together_upgrade_once(where: str, keys: KeyProvider) -> None:
    old(where, keys).close()
    came: list[Any] = []

    def work() -> None:
        worker = SQLRegistry(where, keys)
        came.append(worker.create())
        with worker.begin() as unit:
            came.append(unit.get(Person, "p1").birth_date)
        worker.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert came.count(BORN) == 4
    assert came.count(("0001", migrations.HEAD)) == 1
    assert came.count((migrations.HEAD, migrations.HEAD)) == 3


def test_workers_that_start_together_make_one_registry(where: str, keys: KeyProvider) -> None:
    came: list[Any] = []
    threads = [threading.Thread(target=lambda: came.append(SQLRegistry(where, keys).create())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came, key=str) == [(migrations.HEAD, migrations.HEAD)] * 3 + [(None, migrations.HEAD)]


def test_workers_that_start_together_make_one_key(where: str, tmp_path: Path) -> None:
    came: list[Any] = []

    def work() -> None:
        keys = FileDataKeys(tmp_path / "made.keys")
        SQLRegistry(where, keys).create()
        came.append(keys.generations())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert came == [(1,)] * 4


def test_another_version_is_not_served(where: str, keys: KeyProvider) -> None:
    registry = old(where, keys)
    with pytest.raises(StorageError) as error, registry.begin():
        pass
    assert error.value.reason == "version"
    with registry.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE zorgid_version SET version_num = '9999'")
    for act in (registry.create, lambda: registry.run(lambda unit: None)):
        with pytest.raises(StorageError) as error:
            act()
        assert error.value.reason == "version"


def test_the_tables_may_have_a_schema_of_their_own(server: Server, keys: KeyProvider) -> None:
    where = server.database()
    name = where.partition("@/")[2].partition("?")[0]
    server.sql("CREATE SCHEMA zorgid", name)
    server.sql("CREATE TABLE public.zorgid_version (not_ours int)", name)
    registry = old(f"{where}&options=-csearch_path%3Dzorgid", keys)
    assert registry.create() == ("0001", migrations.HEAD)
    with registry.begin() as unit:
        assert unit.get(Person, "p1").birth_date == BORN
    told = "SELECT DISTINCT table_schema FROM information_schema.tables WHERE table_name LIKE 'zorgid_person%'"
    assert server.sql(told, name) == "zorgid"


def test_a_portal_upgrades_in_a_transaction_of_its_own(where: str, keys: KeyProvider) -> None:
    registry = old(where, keys)
    with registry.engine.connect() as connection:
        if not registry._sqlite:
            connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin() as transaction:
            assert registry.upgrade(connection) == ("0001", migrations.HEAD)
            transaction.rollback()
        with connection.begin():
            assert migrations.version(connection) == "0001"
            registry.upgrade(connection)
    with registry.begin() as unit:
        assert unit.get(Person, "p1").birth_date == BORN
