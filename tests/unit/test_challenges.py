"""The stores of challenges: one taker, no sooner lost than their time, no memory without bound (AUT-1)."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from zorgid_card.adapters.challenges import SQLChallenges
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import StorageError
from zorgid_card.ports.challenges import Challenges, LogInChallenge
from zorgid_card.workflows.challenges import MemoryChallenges, RegistryChallenges

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIFETIME = timedelta(minutes=5)


def challenge(binding: str, nonce: str = "", *, at: datetime = NOW) -> LogInChallenge:
    nonce = (nonce or binding).ljust(44, "A")
    return LogInChallenge(binding=binding, origin="https://portal.example", nonce=nonce, expires_at=at + LIFETIME)


def sql(directory: Path) -> SQLChallenges:
    store = SQLChallenges(f"sqlite:///{directory}/challenges.db")
    store.create()
    return store


def registry(directory: Path) -> RegistryChallenges:
    kept = SQLRegistry.file(directory / "registry.db")
    kept.create()
    return RegistryChallenges(kept)


STORES: dict[str, Callable[[Path], Challenges]] = {
    "memory": lambda directory: MemoryChallenges(),
    "sql": sql,
    "registry": registry,
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Challenges:
    return STORES[request.param](tmp_path)


def test_aut_1_what_is_taken_is_gone(store: Challenges) -> None:
    kept = challenge("a")
    store.put(kept, at=NOW)
    assert store.take("b") is None
    assert store.take("a") == kept
    assert store.take("a") is None


def test_aut_1_a_new_challenge_takes_the_place_of_the_old(store: Challenges) -> None:
    store.put(challenge("a", "old"), at=NOW)
    store.put(challenge("a", "new"), at=NOW)
    assert store.take("a") == challenge("a", "new")
    assert store.take("a") is None


def test_aut_1_an_expired_one_is_given_to_be_judged_and_removed_by_the_housekeeping(store: Challenges) -> None:
    store.put(challenge("a"), at=NOW)
    store.put(challenge("b", at=NOW + timedelta(seconds=1)), at=NOW)
    assert store.remove_expired(NOW + LIFETIME - timedelta(microseconds=1)) == 0
    assert store.remove_expired(NOW + LIFETIME) == 1
    assert store.take("a") is None
    assert store.take("b") is not None


def test_times_come_back_to_the_microsecond(store: Challenges) -> None:
    at = NOW + timedelta(microseconds=1)
    store.put(challenge("a", at=at), at=at)
    found = store.take("a")
    assert found is not None
    assert found.expires_at == at + LIFETIME


# --- one taker -------------------------------------------------------------------------------------------------------

THREADS, ROUNDS = 8, 25


def test_aut_1_of_many_threads_that_take_one_challenge_one_gets_it(store: Challenges) -> None:
    barrier, won, failed = threading.Barrier(THREADS), [0] * THREADS, []

    def run(number: int) -> None:
        for round_ in range(ROUNDS):
            if number == 0:
                store.put(challenge(f"r{round_}"), at=NOW)
            barrier.wait()
            try:
                won[number] += store.take(f"r{round_}") is not None
            except StorageError as error:
                failed.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert sum(won) == ROUNDS
    assert failed == []


TAKER = """
import sys
from pathlib import Path
from zorgid_card.adapters.challenges import SQLChallenges
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.workflows.challenges import RegistryChallenges

kind, directory = sys.argv[1:]
if kind == "sql":
    store = SQLChallenges(f"sqlite:///{directory}/challenges.db")
else:
    store = RegistryChallenges(SQLRegistry.file(Path(directory) / "registry.db"))
print("ready", flush=True)
sys.stdin.readline()
print(*[name for name in (f"b{number}" for number in range(60)) if store.take(name)])
"""


@pytest.mark.parametrize("kind", ["sql", "registry"])
def test_aut_1_of_two_processes_that_take_the_same_challenges_each_goes_to_one(kind: str, tmp_path: Path) -> None:
    store = STORES[kind](tmp_path)
    names = [f"b{number}" for number in range(60)]
    for name in names:
        store.put(challenge(name), at=NOW)
    command = [sys.executable, "-c", TAKER, kind, str(tmp_path)]
    takers = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) for _ in range(2)]
    for taker in takers:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:
        assert taker.stdin is not None
        taker.stdin.write("go\n")
        taker.stdin.flush()
    taken = [taker.communicate(timeout=60)[0].split() for taker in takers]
    assert sorted(taken[0] + taken[1]) == sorted(names)


def test_two_tabs_of_one_browser_session_that_ask_at_once_leave_one_challenge(tmp_path: Path) -> None:
    store = sql(tmp_path)
    threads = [threading.Thread(target=store.put, args=(challenge("a", str(n)),), kwargs={"at": NOW}) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.take("a") is not None
    assert store.take("a") is None


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_aut_1_who_asks_for_many_pushes_out_their_own_and_nobody_elses() -> None:
    store = MemoryChallenges(100)
    people = [f"person {number}" for number in range(40)]
    for person in people:
        store.put(challenge(person), at=NOW, client=f"192.0.2.{person[7:]}")
    for number in range(1000):
        store.put(challenge(f"attack {number}"), at=NOW, client="203.0.113.1")
        assert len(store) <= 100
    assert all(store.take(person) is not None for person in people)
    assert store.take("attack 0") is None
    assert store.take("attack 999") is not None


def test_aut_1_without_clients_the_oldest_goes() -> None:
    store = MemoryChallenges(3)
    for name in "abcd":
        store.put(challenge(name), at=NOW)
    assert [store.take(name) is not None for name in "abcd"] == [False, True, True, True]


def test_aut_1_a_challenge_takes_less_than_two_kilobytes_whoever_asks() -> None:
    store = MemoryChallenges()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(5000):
            binding = str(number).ljust(43, "x")
            store.put(challenge(binding, binding), at=NOW, client=str(number).ljust(1000, "x"))
        assert tracemalloc.get_traced_memory()[0] - before < 5000 * 2000
    finally:
        tracemalloc.stop()


def test_what_has_expired_makes_room_first() -> None:
    store = MemoryChallenges(2)
    store.put(challenge("a"), at=NOW, client="one")
    later = NOW + timedelta(minutes=4)
    store.put(challenge("b", at=later), at=later, client="two")
    after = NOW + LIFETIME
    store.put(challenge("c", at=after), at=after, client="two")
    assert len(store) == 2
    assert store.take("b") is not None


def test_the_sql_store_forgets_what_has_expired_whenever_one_is_put(tmp_path: Path) -> None:
    store = sql(tmp_path)
    for number in range(50):
        store.put(challenge(f"b{number}"), at=NOW)
    store.put(challenge("late", at=NOW + LIFETIME), at=NOW + LIFETIME)
    with sa.create_engine(f"sqlite:///{tmp_path}/challenges.db").begin() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM zorgid_log_in_challenge")).scalar() == 1


def test_a_store_without_its_table_says_so(tmp_path: Path) -> None:
    store = SQLChallenges(f"sqlite:///{tmp_path}/empty.db")
    for refused in (
        lambda: store.put(challenge("a"), at=NOW),
        lambda: store.take("a"),
        lambda: store.remove_expired(NOW),
    ):
        with pytest.raises(StorageError) as error:
            refused()
        assert error.value.reason == "not_created"


# --- every order of events -------------------------------------------------------------------------------------------


@contextmanager
def opened(kind: str) -> Iterator[Challenges]:
    with TemporaryDirectory() as directory:
        yield STORES[kind](Path(directory))


class StoreMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order, a store does what a dictionary would."""

    kind = "memory"
    bindings = Bundle("bindings")

    def __init__(self) -> None:
        super().__init__()
        self._opened = opened(self.kind)
        self.store = self._opened.__enter__()
        self.model: dict[str, LogInChallenge] = {}
        self.now = NOW
        self.count = 0

    @rule(target=bindings, name=st.integers(0, 20))
    def browser(self, name: int) -> str:
        return f"browser {name}"

    @rule(binding=bindings, client=st.sampled_from(["", "one", "two"]))
    def put(self, binding: str, client: str) -> None:
        self.count += 1
        new = challenge(binding, f"nonce {self.count}", at=self.now)
        self.store.put(new, at=self.now, client=client)
        self.model[binding] = new

    @rule(binding=bindings)
    def take(self, binding: str) -> None:
        expected, found = self.model.pop(binding, None), self.store.take(binding)
        if expected is not None and expected.expires_at > self.now:
            assert found == expected
        else:  # one that has expired may be gone, and is never another one
            assert found in (None, expected)

    @rule(seconds=st.integers(0, 400))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def clean(self) -> None:
        expired = {name for name, kept in self.model.items() if kept.expires_at <= self.now}
        assert self.store.remove_expired(self.now) <= len(expired)
        for name in expired:
            del self.model[name]
            assert self.store.take(name) is None

    def teardown(self) -> None:
        self._opened.__exit__(None, None, None)


class SQLMachine(StoreMachine):
    kind = "sql"


class RegistryMachine(StoreMachine):
    kind = "registry"


class BoundedMachine(RuleBasedStateMachine):
    """A small memory that is always full: the largest client gives way, its oldest first, and the counts stay right."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryChallenges(6)
        self.model: dict[str, str] = {}
        self.count = 0

    @rule(client=st.sampled_from(["a", "b", "c", "d"]))
    def put(self, client: str) -> None:
        self.count += 1
        binding = f"b{self.count}"
        full, holders = len(self.model) == 6, list(self.model.values())
        self.store.put(challenge(binding), at=NOW, client=client)
        if full:
            (lost,) = self.model.keys() - self.store._kept.keys()
            assert holders.count(self.model[lost]) == max(map(holders.count, holders))
            assert next(old for old, whose in self.model.items() if whose == self.model[lost]) == lost
            del self.model[lost]
        self.model[binding] = client

    @rule(number=st.integers(0, 5))
    def take(self, number: int) -> None:
        if number < len(self.model):
            binding = list(self.model)[number]
            assert self.store.take(binding) == challenge(binding)
            del self.model[binding]

    @invariant()
    def bounded(self) -> None:
        assert len(self.store) == len(self.model) <= 6
        assert self.store._most == max((list(self.model.values()).count(name) for name in "abcd"), default=0)


TestMemory = StoreMachine.TestCase
TestSQL = SQLMachine.TestCase
TestRegistry = RegistryMachine.TestCase
TestBounded = BoundedMachine.TestCase
TestMemory.settings = settings(max_examples=100, deadline=None)
TestSQL.settings = settings(max_examples=15, deadline=None, stateful_step_count=25)
TestRegistry.settings = settings(max_examples=8, deadline=None, stateful_step_count=20)
TestBounded.settings = settings(max_examples=100, deadline=None)
