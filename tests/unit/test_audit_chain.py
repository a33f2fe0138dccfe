"""The audit log's chains: they never fork, and whatever is changed in them behind the library's back is found."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_world import Log, filled
from postgres import Server
from registry_world import NOW, OTHER_URA, URA, registry
from zorgid_card.adapters.audit_files import FileAuditKey, FileStatements, public_key_of
from zorgid_card.adapters.data_keys import MemoryDataKeys
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.adapters.sql_tables import TABLES
from zorgid_card.codec import audit as codec
from zorgid_card.errors import AuditError, StorageError
from zorgid_card.ports.registry import AuditEvent, AuditHead, AuditLink
from zorgid_card.workflows import audit, audit_heads
from zorgid_card.workflows.audit_verification import Verified, verify

LINKS, EVENTS, HEADS = (TABLES[kind] for kind in (AuditLink, AuditEvent, AuditHead))
CHAINS = (URA, OTHER_URA, "portal")
EXPORTED = 5


@pytest.fixture(params=["sqlite", "postgresql"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[SQLRegistry, SQLRegistry]:
    """Two workers of a portal."""
    keys = MemoryDataKeys()
    in_file = request.param == "sqlite"
    where = f"sqlite:///{tmp_path}/registry.db" if in_file else request.getfixturevalue("server").database()
    workers = SQLRegistry(where, keys), SQLRegistry(where, keys)
    workers[0].create()
    return workers


# --- written ----------------------------------------------------------------------------------------------------------


def test_a_whole_log_is_verified_up_to_what_was_exported() -> None:
    log = filled(registry())
    assert log.verify() == Verified(chains=3, events=17, proven=15, erased=0)
    assert audit_heads.unexported(log.store) == 2
    assert log.export() == 1
    assert audit_heads.unexported(log.store) == 0
    assert log.verify().proven == 17
    assert log.export() == 0


def test_the_chain_is_what_the_page_says_by_hashlib_alone() -> None:
    """Written from docs/audit.md, without the library's own codec."""
    log = Log(registry())
    log.write(2)
    with log.store.begin() as unit:
        events, links = list(unit.find(AuditEvent)), list(unit.find(AuditLink))
    digest = bytes(32)
    for event, link in zip(events, links, strict=True):
        what = json.dumps([event.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), event.ura, event.action], separators=(",", ":"))
        values = {
            "event": what, "actor": event.actor, "subject": event.subject, "reason": event.reason, "detail": event.detail,
        }  # fmt: skip
        committed = b""
        for n, (name, value) in enumerate(values.items()):
            text = b"\0" if value is None else b"\1" + value.encode()
            committed += hmac.digest(event.salts[16 * n : 16 * n + 16], name.encode() + text, "sha256")
        digest = hashlib.sha256(b"zorgid-card audit link 1" + digest + committed + event.id.encode()).digest()
        assert (link.commitments, link.digest) == (committed, digest)


def test_what_is_rolled_back_leaves_no_trace_in_the_chain() -> None:
    log = filled(registry())
    with pytest.raises(KeyError), log.store.begin() as unit:  # noqa: PT012
        audit.record(unit, NOW, "p1", URA, "card.block", "S-9")
        raise KeyError
    log.write(1)
    assert log.verify().events == 18


def test_writers_that_come_together_never_fork_a_chain(two: tuple[SQLRegistry, SQLRegistry]) -> None:
    went_wrong: list[Exception] = []

    def work(worker: SQLRegistry, ura: str | None) -> None:
        try:
            Log(worker).write(15, ura)
        except Exception as error:
            went_wrong.append(error)

    threads = [threading.Thread(target=work, args=(worker, ura)) for worker in two for ura in (URA, URA, None)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert went_wrong == []
    assert verify(two[0]) == Verified(chains=2, events=90, proven=0, erased=0)


def test_a_log_is_verified_while_others_write(two: tuple[SQLRegistry, SQLRegistry]) -> None:
    log, over = filled(two[0]), threading.Event()

    def write() -> None:
        while not over.is_set():
            Log(two[1]).write(1, OTHER_URA)
            Log(two[1]).write(1, f"{threading.get_ident() % 10**8:08d}")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(8):
            assert log.findings() == []
            log.export()
    finally:
        over.set()
        thread.join()
    log.export()
    assert log.verify().proven == log.verify().events


# --- changed by SQL ---------------------------------------------------------------------------------------------------


def execute(log: Log, *statements: Any) -> None:
    with log.store.engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def name(chain: str, number: int) -> str:
    return f"{chain}:{number:012d}"


def edit(log: Log, chain: str, number: int, table: str, column: str) -> None:
    it = EVENTS if table == "event" else LINKS
    with log.store.engine.begin() as connection:
        old = connection.execute(sa.select(it.c[column]).where(it.c.id == name(chain, number))).scalar_one()
        if isinstance(old, bytes):
            new: Any = bytes([old[0] ^ 1]) + old[1:]
        elif column == "at":
            new = old.replace(year=2020)
        else:
            new = f"{old or ''}x"
        connection.execute(it.update().where(it.c.id == name(chain, number)).values({column: new}))


def delete(log: Log, chain: str, number: int) -> None:
    execute(log, *(it.delete().where(it.c.id == name(chain, number)) for it in (LINKS, EVENTS)))


def delete_event(log: Log, chain: str, number: int) -> None:
    execute(log, EVENTS.delete().where(EVENTS.c.id == name(chain, number)))


def swap(log: Log, chain: str, number: int) -> None:
    """Two events that follow each other change places, links and all."""
    one, two, aside = name(chain, number), name(chain, number % EXPORTED + 1), "aside"
    for it in (LINKS, EVENTS):
        for old, new in ((one, aside), (two, one), (aside, two)):
            execute(log, it.update().where(it.c.id == old).values(id=new))


def insert(log: Log, chain: str, number: int) -> None:
    """One more between two, the later ones moved up."""
    with log.store.begin() as unit:
        last = unit.get(AuditHead, chain).number
    for it in (LINKS, EVENTS):
        for n in range(last, number - 1, -1):
            execute(log, it.update().where(it.c.id == name(chain, n)).values(id=name(chain, n + 1)))
        with log.store.engine.begin() as connection:
            row = dict(connection.execute(sa.select(it).where(it.c.id == name(chain, number + 1))).mappings().one())
            connection.execute(it.insert().values(row | {"id": name(chain, number)}))
    execute(log, HEADS.update().where(HEADS.c.chain == chain).values(number=last + 1))


def cut(log: Log, chain: str, number: int) -> None:
    """Everything from this one on, with a head as if it had never been."""
    with log.store.engine.begin() as connection:
        before = connection.execute(sa.select(LINKS.c.digest).where(LINKS.c.id == name(chain, number - 1))).scalar()
        for it in (LINKS, EVENTS):
            connection.execute(it.delete().where(it.c.id >= name(chain, number), it.c.id < f"{chain};"))
        if before is None:
            connection.execute(HEADS.delete().where(HEADS.c.chain == chain))
        else:
            connection.execute(HEADS.update().where(HEADS.c.chain == chain).values(number=number - 1, digest=before))


def forge(log: Log, chain: str, number: int) -> None:
    """As :func:`cut`, and a chain of one's own from there on: whole in itself, and longer than before."""
    cut(log, chain, number)
    log.write(9, None if chain == "portal" else chain, "forged")


def forget(log: Log, chain: str, number: int) -> None:
    """An erasure that nothing tells of."""
    with log.store.begin() as unit:
        salts = unit.get(AuditEvent, name(chain, number)).salts
    blank = {"reason": "", "salts": salts[:48] + bytes(16) + salts[64:]}
    execute(log, EVENTS.update().where(EVENTS.c.id == name(chain, number)).values(blank))


PLACES = st.tuples(st.sampled_from(CHAINS), st.integers(1, EXPORTED))
COLUMNS = [("event", c.name) for c in EVENTS.columns if c.name not in ("id", "ura")] + [
    ("link", "commitments"), ("link", "digest"),
]  # fmt: skip
ACTS = st.one_of(
    st.builds(lambda place, column: (edit, *place, *column), PLACES, st.sampled_from(COLUMNS)),
    st.builds(
        lambda act, place: (act, *place),
        st.sampled_from([delete, delete_event, swap, insert, cut, forge, forget]),
        PLACES,
    ),
)


@settings(max_examples=120, deadline=None, database=None)
@given(ACTS)
def test_any_change_before_an_exported_head_is_found(act: tuple[Any, ...]) -> None:
    log = filled(registry())
    assert log.findings() == []
    act[0](log, *act[1:])
    found = log.findings()
    assert found
    assert {finding.chain for finding in found} == {act[1]}
    log.store.close()


@pytest.mark.parametrize("act", [delete, delete_event, swap, cut, forge, forget], ids=lambda act: act.__name__)
def test_on_postgresql_too(server: Server, act: Any) -> None:
    log = filled(server.registry())
    act(log, OTHER_URA, 3)
    assert {finding.chain for finding in log.findings()} == {OTHER_URA}


@pytest.mark.parametrize(
    ("act", "what", "number"),
    [
        (lambda log: edit(log, URA, 2, "event", "reason"), "event", 2),
        (lambda log: edit(log, URA, 2, "link", "commitments"), "changed", 2),
        (lambda log: delete(log, URA, 2), "missing", 2),
        (lambda log: delete_event(log, URA, 2), "erased", 2),
        (lambda log: cut(log, URA, 5), "cut", 5),
        (lambda log: cut(log, URA, 1), "cut", 1),
        (lambda log: forge(log, URA, 4), "rewritten", 5),
        (lambda log: delete(log, URA, 7), "head", 6),
        (lambda log: execute(log, LINKS.insert().values(id="stray", commitments=b"", digest=b"")), "extra", 0),
    ],
    ids=["edit", "link", "delete", "event", "cut", "gone", "forge", "last", "stray"],
)
def test_a_finding_says_what_and_where(act: Any, what: str, number: int) -> None:
    log = filled(registry())
    act(log)
    found = log.findings()
    assert (found[0].what, found[0].number) == (what, number)
    with pytest.raises(AuditError) as error:
        log.verify()
    assert (error.value.what, error.value.number, error.value.findings) == (what, number, len(found))


def test_without_exported_heads_a_forger_is_not_found_and_nothing_is_said_to_be_proven() -> None:
    log = filled(registry())
    forge(log, URA, 4)
    assert verify(log.store).proven == 0


def test_what_was_written_after_the_last_exported_head_may_be_forged() -> None:
    """This is what the log does not prove, and docs/audit.md says so."""
    log = filled(registry())
    forge(log, URA, EXPORTED + 1)
    assert log.verify().proven == 15


def test_a_head_that_was_signed_twice_shows_that_one_was_made_anew_in_between() -> None:
    log = filled(registry())
    cut(log, URA, EXPORTED)
    log.write(1, URA, "forged")
    log.export()
    assert ("rewritten", EXPORTED) in {(finding.what, finding.number) for finding in log.findings()}


def test_what_the_database_says_was_signed_keeps_nothing_from_being_signed() -> None:
    log = filled(registry())
    execute(log, HEADS.update().values(exported=HEADS.c.number))
    assert log.export() == 1
    assert log.verify().proven == 17


def test_an_erasure_says_nothing_of_what_was_to_come() -> None:
    log = Log(registry())
    with log.store.begin() as unit:
        audit.record(unit, NOW, "portal", URA, audit.ERASE, URA, fields={"reason": [[1, 10**12]]})
    log.write(3)
    log.export()
    forget(log, URA, 2)
    assert {(finding.what, finding.number) for finding in log.findings()} == {("erased", 2)}


@pytest.mark.parametrize("told", ['{"fields":{"reason":[[1e999,1]]}}', "[" * 100_000], ids=["infinite", "deep"])
def test_an_erasure_that_a_forger_wrote_is_a_finding_and_no_crash(told: str) -> None:
    log = filled(registry())
    event = log.store.run(lambda unit: audit.record(unit, NOW, "portal", URA, audit.ERASE, URA))
    forged = replace(event, detail=told)
    link = log.store.run(lambda unit: unit.get(AuditLink, event.id))
    committed = audit.commitments(forged)
    with log.store.begin() as unit:
        before = unit.get(AuditLink, name(URA, 7)).digest
        digest = codec.link(before, event.id, committed)
        unit.replace(forged)
        unit.replace(replace(link, commitments=committed, digest=digest))
        unit.replace(replace(unit.get(AuditHead, URA), digest=digest))
    assert [(found.what, found.number) for found in log.findings()] == [("event", 8)]


# --- statements -------------------------------------------------------------------------------------------------------


def _edited(line: str, old: str, new: str) -> str:
    return line.replace(old, new, 1)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda kept: kept.pop(0), 1),
        (lambda kept: kept.pop(1), 2),
        (lambda kept: kept.insert(1, kept[0]), 2),
        (lambda kept: kept.reverse(), 1),
        (lambda kept: kept.__setitem__(0, _edited(kept[0], ",5,", ",4,")), 1),
        (lambda kept: kept.__setitem__(2, "{}"), 3),
        (lambda kept: kept.__setitem__(2, "[" * 5000), 3),
        (lambda kept: kept.__setitem__(2, "x" * 2_000_000), 3),
    ],
    ids=["first", "middle", "twice", "reversed", "edited", "empty", "deep", "long"],
)
def test_statements_are_relied_on_only_as_they_were_made(change: Any, number: int) -> None:
    log = filled(registry())
    log.export()
    log.write(1)
    log.export()
    assert len(audit_heads.read(log.kept.kept, log.key.public_key)) == 3
    change(log.kept.kept)
    with pytest.raises(AuditError) as error:
        log.verify()
    assert (error.value.what, error.value.number) == ("statement", number)


def test_a_statement_of_another_key_or_for_another_purpose_is_none() -> None:
    log = filled(registry())
    with pytest.raises(AuditError):
        audit_heads.read(log.kept.kept, Log(log.store).key.public_key)
    outer = json.loads(log.kept.kept[0])
    outer["signature"] = base64.b64encode(log.key.sign(outer["told"].encode())).decode()
    with pytest.raises(AuditError):
        audit_heads.read([json.dumps(outer)], log.key.public_key)


def test_who_says_in_the_database_that_a_chain_was_signed_does_not_keep_it_from_being_signed() -> None:
    log = filled(registry())
    execute(log, HEADS.update().values(exported=HEADS.c.number))
    assert log.export() == 1
    assert log.verify().proven == 17


def test_a_chain_written_anew_and_signed_again_as_long_as_it_was_is_found() -> None:
    log = filled(registry())
    cut(log, URA, 4)
    log.write(2, URA, "forged")
    execute(log, HEADS.update().where(HEADS.c.chain == URA).values(exported=0))
    log.export()
    assert [(found.what, found.number) for found in log.findings()] == [("rewritten", 5)]


def test_what_was_signed_but_not_noted_is_noted_later() -> None:
    log = filled(registry())
    log.export()
    execute(log, HEADS.update().values(exported=0))
    assert log.export() == 0
    assert audit_heads.unexported(log.store) == 0


def test_an_export_that_ended_half_way_is_made_again() -> None:
    log = filled(registry())
    log.write(1)

    def no_room(line: str) -> None:
        raise StorageError("full", reason="full")

    keep, log.kept.append = log.kept.append, no_room  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        log.export()
    log.kept.append = keep  # type: ignore[method-assign]
    assert log.export() == 1
    assert log.verify().proven == 18


def test_key_and_statements_in_files(tmp_path: Path) -> None:
    log = filled(registry())
    key = FileAuditKey.create(tmp_path / "audit.key")
    with pytest.raises(StorageError):
        FileAuditKey.create(tmp_path / "audit.key")
    assert (tmp_path / "audit.key").stat().st_mode & 0o777 == 0o600
    assert FileAuditKey.open(tmp_path / "audit.key").public_key == key.public_key
    kept = FileStatements(tmp_path / "heads.jsonl")
    assert list(kept.lines()) == []
    audit_heads.export(log.store, key, kept, NOW)
    (tmp_path / "heads.jsonl").open("a").write('{"told":"half a l')
    log.write(1)
    audit_heads.export(log.store, key, kept, NOW)
    assert verify(log.store, audit_heads.read(kept.lines(), key.public_key)).proven == 18


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "audit.key").write_bytes(content)
    for read in (FileAuditKey.open, public_key_of):
        with pytest.raises(StorageError) as error:
            read(tmp_path / "audit.key")
        assert error.value.reason == "malformed"
