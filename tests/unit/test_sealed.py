"""Birth dates lie sealed in the database, whatever is done with them, and the keys can be changed while portals go on."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import pytest

import softhsm
from registry_world import BORN, NOW, URA, add_organisation, add_person, uzi_pass
from world import WORKER, World
from zorgid_card.adapters import private_file
from zorgid_card.adapters.data_keys import FileDataKeys
from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.adapters.pkcs11.hsm import HSM, HSMKeyStore
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.adapters.sql_sealed import generation_of
from zorgid_card.adapters.sql_tables import SEALED
from zorgid_card.errors import BirthDateError, NotFoundError, PINMismatchError, StorageError
from zorgid_card.ports.registry import Consent, MobileID, Person, Session
from zorgid_card.secret import Secret
from zorgid_card.workflows import people
from zorgid_card.workflows.creation_messages import MatchPerson
from zorgid_card.workflows.phone_messages import ApprovePhone, ClaimPhone
from zorgid_card.workflows.registration_messages import PhoneOffered, RegisterAdministrator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest.fixture
def keys(tmp_path: Path) -> FileDataKeys:
    made = FileDataKeys(tmp_path / "data.keys")
    made.create()
    return made


@pytest.fixture
def registry(path: Path, keys: FileDataKeys) -> Iterator[SQLRegistry]:
    made = SQLRegistry.file(path, keys)
    made.create()
    yield made
    made.close()


def sealed(path: Path) -> dict[str, bytes]:
    with sqlite3.connect(path) as connection:
        return dict(connection.execute("SELECT id, birth_date FROM zorgid_person"))


def test_no_birth_date_is_in_the_database_after_a_card_was_made(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.approve()
    world.register()
    world.create(world.worker())
    with world.registry.begin() as unit:
        people_there = list(unit.find(Person))
        assert WORKER.birth_date in {person.birth_date for person in people_there}
        assert list(unit.find(Consent))
        assert list(unit.find(Session))
    written = b"".join(file.read_bytes() for file in tmp_path.glob("registry.db*"))
    for born in {person.birth_date for person in people_there}:
        for form in ("%Y-%m-%d", "%d-%m-%Y", "%Y%m%d", "%d%m%Y"):
            assert born.strftime(form).encode() not in written


def test_org_8_a_person_is_matched_by_a_sealed_birth_date(registry: SQLRegistry) -> None:
    def match(born: date) -> Person:
        with registry.begin() as unit:
            return people.match_person(unit, uzi_pass(), born, NOW, means=people.PHONE)

    with registry.begin() as unit:
        add_organisation(unit)
    first = match(BORN)
    assert match(BORN).id == first.id
    with pytest.raises(BirthDateError):
        match(date(1980, 5, 18))
    with registry.begin() as unit:
        assert [person.id for person in unit.find(Person, birth_date=BORN)] == [first.id]
        assert list(unit.find(Person, birth_date=date(1980, 5, 18))) == []


def test_equal_dates_lie_there_in_unequal_octets(registry: SQLRegistry, path: Path) -> None:
    with registry.begin() as unit:
        add_person(unit, "a", uzi_number="1")
        add_person(unit, "b", uzi_number="2")
    octets = sealed(path)
    assert octets["a"] != octets["b"]
    assert len(octets["a"]) == len(octets["b"]) == 1 + 4 + 12 + 10 + 16


@pytest.mark.parametrize("how", ["another's", "another record's field", "cut", "changed"])
def test_a_sealed_value_opens_only_where_it_was_put(registry: SQLRegistry, path: Path, how: str) -> None:
    with registry.begin() as unit:
        add_person(unit, "a", uzi_number="1")
        add_person(unit, "b", uzi_number="2")
        unit.add(Consent(id="a", person_id="a", ura=URA, evidence=b"1980-05-17", at=NOW))
    octets = sealed(path)
    with sqlite3.connect(path) as connection:
        consent = connection.execute("SELECT evidence FROM zorgid_consent").fetchone()[0]
        flipped = octets["a"][:-1] + bytes([octets["a"][-1] ^ 1])
        forged = {
            "another's": octets["b"],
            "another record's field": consent,
            "cut": octets["a"][:20],
            "changed": flipped,
        }
        connection.execute("UPDATE zorgid_person SET birth_date = ? WHERE id = 'a'", (forged[how],))
    with pytest.raises(StorageError) as error, registry.begin() as unit:
        unit.get(Person, "a")
    assert error.value.reason == "keys"


def test_without_its_keys_the_rest_of_the_registry_serves(registry: SQLRegistry, path: Path, tmp_path: Path) -> None:
    with registry.begin() as unit:
        add_organisation(unit)
        add_person(unit, "a", uzi_number="1")
    lost = SQLRegistry.file(path, FileDataKeys(tmp_path / "lost"))
    lost.create()
    assert not (tmp_path / "lost").exists()  # others do not help
    with pytest.raises(StorageError) as error, lost.begin() as unit:
        unit.get(Person, "a")
    assert error.value.reason == "no_keys"
    (tmp_path / "other").mkdir()
    others = FileDataKeys(tmp_path / "other" / "data.keys")
    others.create()
    with pytest.raises(StorageError) as error, SQLRegistry.file(path, others).begin() as unit:
        unit.get(Person, "a")
    assert error.value.reason == "keys"


def test_what_is_sealed_is_not_searched_for(registry: SQLRegistry) -> None:
    with registry.begin() as unit, pytest.raises(TypeError):
        unit.find(Session, data="{}")


# --- keys -----------------------------------------------------------------------------------------------------------


def test_rotated_keys_seal_everything_anew_and_older_ones_can_be_given_up(
    registry: SQLRegistry, path: Path, keys: FileDataKeys, tmp_path: Path
) -> None:
    with registry.begin() as unit:
        for number in range(1203):
            add_person(unit, f"p{number:04d}", uzi_number=f"{number:09d}")
        unit.add(Consent(id="c", person_id="a", ura=URA, evidence=b"signed", at=NOW))
    told: list[tuple[int, int]] = []
    another_worker = SQLRegistry.file(path, FileDataKeys(tmp_path / "data.keys"))
    assert keys.rotate() == 2
    with another_worker.begin() as unit:
        born = {person.id for person in unit.find(Person, birth_date=BORN)}
        assert len(born) == 1203  # by the marks of both keys
        add_person(unit, "new", uzi_number="x")
    assert generation_of(sealed(path)["new"]) == 2
    assert registry.reseal(lambda done, of: told.append((done, of))) == 1204
    assert told[-1] == (1205, 1205)
    assert registry.reseal() == 0
    keys.retire()
    assert keys.generations() == (2,)
    for worker in (registry, another_worker):
        with worker.begin() as unit:
            assert unit.get(Person, "p0007").birth_date == BORN
            assert unit.get(Consent, "c").evidence == b"signed"
            assert len(list(unit.find(Person, birth_date=BORN))) == 1204


def test_two_that_rotate_at_once_lose_no_key(keys: FileDataKeys, tmp_path: Path) -> None:
    other = FileDataKeys(tmp_path / "data.keys")
    with private_file.alone(tmp_path / "data.keys"), pytest.raises(StorageError) as error:
        keys.rotate()
    assert error.value.reason == "lock"
    assert [keys.rotate(), other.rotate(), keys.rotate()] == [2, 3, 4]
    assert other.generations() == (1, 2, 3, 4)


def test_a_key_store_with_a_passphrase_provides_the_keys(path: Path, tmp_path: Path) -> None:
    with Secret.of(b"a long passphrase") as passphrase:
        store = FileKeyStore.create(tmp_path / "master.key", passphrase)
    registry = SQLRegistry.file(path, store)
    registry.create()
    with registry.begin() as unit:
        add_person(unit, "a", uzi_number="1")
    assert store.rotate() == 2
    assert registry.reseal() == 1
    assert generation_of(sealed(path)["a"]) == 2
    with registry.begin() as unit:
        assert unit.get(Person, "a").birth_date == BORN
    with pytest.raises(NotFoundError):
        store.data_key("seal", 3)


@pytest.mark.skipif(softhsm.module() is None, reason="SoftHSM is not installed (Debian package softhsm2)")
def test_an_hsm_provides_the_keys(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(tmp_path)))
    softhsm.initialise("portal")
    with Secret.of(softhsm.PIN) as pin, HSM(Path(str(softhsm.module())), "portal", pin) as hsm:
        registry = SQLRegistry.file(path, HSMKeyStore.create(hsm))
        registry.create()
        with registry.begin() as unit:
            add_person(unit, "a", uzi_number="1")
        again = SQLRegistry.file(path, HSMKeyStore(hsm))
        with again.begin() as unit:
            assert [person.birth_date for person in unit.find(Person, birth_date=BORN)] == [BORN]


def test_the_key_file_is_its_owners_alone_and_says_no_key(keys: FileDataKeys, tmp_path: Path) -> None:
    file = tmp_path / "data.keys"
    key = json.loads(file.read_bytes())["keys"][0]["key"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert key not in repr(keys)
    with keys.data_key("seal", 1) as seal, keys.data_key("mark", 1) as mark, pytest.raises(PINMismatchError):
        seal.require_equal(mark)


@pytest.mark.parametrize("octets", [b"", b"{}", b"[1]", b'{"version":2,"keys":[]}', b'{"version":1,"keys":[]}',
                                    b'{"version":1,"keys":[{"generation":1,"key":"00"}]}', b"[" * 100_000,
                                    *(b'{"version":1,"keys":[{"generation":%b,"key":"%b"}]}' % (one, b"00" * 32)
                                      for one in (b"0", b"-1", b"4294967296", b"1e999", b"true", b'"1"'))])  # fmt: skip
def test_a_file_that_holds_no_keys_is_told_as_that(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "bad").write_bytes(octets)
    with pytest.raises(StorageError) as error:
        FileDataKeys(tmp_path / "bad").generations()
    assert error.value.reason == "malformed"


def test_what_is_sealed_in_the_database_is_in_no_repr() -> None:
    """A portal logs what it has at hand, and a traceback shows it."""
    secret = {(kind, name) for kind, names in SEALED.items() for name in names}
    secret |= {(MobileID, name) for name in ("secret_hash", "salt", "verifier", "code", "claim_hash")}
    secret |= {(ClaimPhone, "verifier"), (ApprovePhone, "verifier"), (PhoneOffered, "qr")}
    secret |= {(MatchPerson, "birth_date"), (RegisterAdministrator, "birth_date")}
    shown = {(kind, field.name) for kind in {kind for kind, _ in secret} for field in fields(kind) if field.repr}
    assert not secret & shown
    assert len(secret) == 17


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_key_file_that_others_may_write_is_refused(keys: FileDataKeys, tmp_path: Path, mode: int) -> None:
    (tmp_path / "data.keys").chmod(mode)
    with pytest.raises(StorageError) as error:
        FileDataKeys(tmp_path / "data.keys").generations()
    assert error.value.reason == "permissions"


def test_a_pipe_in_the_place_of_the_key_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data.keys")
    with pytest.raises(StorageError) as error:
        FileDataKeys(tmp_path / "data.keys").generations()
    assert error.value.reason == "special"


def test_workers_forked_from_one_process_read_and_write(registry: SQLRegistry) -> None:
    with registry.begin() as unit:
        add_person(unit, "a", uzi_number="1")
    registry.close()
    if (child := os.fork()) == 0:
        try:
            with registry.begin() as unit:
                unit.replace(replace(unit.get(Person, "a"), given_names="Forked"))
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    with registry.begin() as unit:
        assert unit.get(Person, "a") == replace(unit.get(Person, "a"), given_names="Forked", birth_date=BORN)
