"""Which portals' pages may use the agent: the administrator's list, the user's, and how often a person is asked."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zorgid_card.agent.pairing import (
    ASKED_AT_MOST,
    ASKED_FOR_ONE,
    ASKED_WITHIN,
    REFUSED_FOR,
    Asking,
    Origins,
    Rollout,
    new_code,
    rollout_file,
)
from zorgid_card.errors import StorageError, UsageError

ORIGIN = "https://portal.example"


def test_what_is_added_is_allowed_until_it_is_removed(tmp_path: Path) -> None:
    origins = Origins(tmp_path / "agent.json")
    assert not origins.allows(ORIGIN)
    origins.add("https://Portal.example:443/", now=datetime(2026, 11, 25, tzinfo=UTC))
    assert Origins(tmp_path / "agent.json").own() == {ORIGIN: "2026-11-25T00:00:00+00:00"}
    assert origins.allows(ORIGIN)
    assert not origins.allows("https://portal.example:8443")
    assert (origins.remove(ORIGIN), origins.remove(ORIGIN), origins.allows(ORIGIN)) == (True, False, False)


def test_the_user_s_list_is_the_user_s_alone(tmp_path: Path) -> None:
    origins = Origins(tmp_path / "agent.json")
    origins.add(ORIGIN)
    assert (tmp_path / "agent.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "agent.json").chmod(0o620)
    with pytest.raises(StorageError) as refused:
        origins.allows(ORIGIN)
    assert refused.value.reason == "writable"


@pytest.mark.parametrize("origin", ["http://portal.example", "portal.example", "https://portal.example/x", "null", "*"])
def test_only_origins_of_https_are_added(tmp_path: Path, origin: str) -> None:
    with pytest.raises(UsageError):
        Origins(tmp_path / "agent.json").add(origin)
    assert not (tmp_path / "agent.json").exists()


def test_many_threads_add_and_none_is_lost(tmp_path: Path) -> None:
    origins = Origins(tmp_path / "agent.json")
    names = [f"https://portal{number}.example" for number in range(8)]
    threads = [threading.Thread(target=origins.add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(origins.own()) == set(names)


MALFORMED = (
    *(
        "",
        "{",
        "[]",
        "{}",
        '{"version":2,"origins":{}}',
        '{"version":1,"origins":[]}',
        '{"version":1,"origins":{"x":""}}',
    ),
    *('{"version":1,"origins":{"https://portal.example/":""}}', "[" * 100_000),
)


@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
def test_a_list_that_says_something_else_is_a_typed_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "agent.json").write_text(text)
    (tmp_path / "agent.json").chmod(0o600)
    with pytest.raises(StorageError) as refused:
        Origins(tmp_path / "agent.json").allows(ORIGIN)
    assert refused.value.reason == "agent-list"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_whatever_a_list_says_it_is_one_or_a_typed_error(tmp_path: Path, octets: bytes) -> None:
    for name in ("agent.json", "agent.toml"):
        (tmp_path / name).write_bytes(octets)
        (tmp_path / name).chmod(0o600)
    with pytest.raises(StorageError):
        Origins(tmp_path / "agent.json").allows(ORIGIN)
    try:
        assert Rollout.load(tmp_path / "agent.toml").origins == frozenset()
    except StorageError as refused:
        assert refused.reason == "agent-list"


# --- the administrator's ----------------------------------------------------------------------------------------------


def laid_down(path: Path, text: str) -> Rollout:
    path.write_text(text)
    path.chmod(0o644)
    return Rollout.load(path)


def test_the_administrator_s_list_holds_for_all_users(tmp_path: Path) -> None:
    rollout = laid_down(tmp_path / "agent.toml", f'origins = ["{ORIGIN}"]\npairing = false\n[web-eid]\nsigning = []\n')
    origins = Origins(tmp_path / "agent.json", rollout)
    assert origins.allows(ORIGIN)
    with pytest.raises(UsageError) as refused:
        origins.add("https://other.example")
    assert refused.value.reason == "rollout"
    assert not origins.remove(ORIGIN)
    assert origins.allows(ORIGIN)


def test_aut_1_which_portals_may_have_hashes_signed_the_administrator_alone_says(tmp_path: Path) -> None:
    rollout = laid_down(tmp_path / "agent.toml", f'[web-eid]\nsigning = ["{ORIGIN}"]\n')
    assert rollout == Rollout(signing=frozenset((ORIGIN,)))
    origins = Origins(tmp_path / "agent.json", rollout)
    origins.add("https://other.example")
    assert not origins.allows(ORIGIN)
    assert origins.rollout.signing == {ORIGIN}


def test_without_the_administrator_s_list_people_pair(tmp_path: Path) -> None:
    assert Rollout.load(tmp_path / "none.toml") == Rollout(origins=frozenset(), pairing=True)


@pytest.mark.parametrize(
    "text",
    [
        'origins = "https://portal.example"',
        'origins = ["http://portal.example"]',
        "origins = [1]",
        'pairing = "no"',
        "pairing = 0",
        "parings = false",
        "[pairing]",
        "web-eid = true",
        '[web-eid]\nsigning = "https://portal.example"',
        '[web-eid]\nsigning = ["*"]',
        "[web-eid]\nsign = []",
        "[web_eid]\nsigning = []",
        "origins = [",
    ],
)
def test_a_slip_in_the_administrator_s_list_is_told_and_not_passed_over(tmp_path: Path, text: str) -> None:
    with pytest.raises(StorageError):
        laid_down(tmp_path / "agent.toml", text)


def test_an_administrator_s_list_that_all_may_write_is_not_relied_on(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("")
    (tmp_path / "agent.toml").chmod(0o666)
    with pytest.raises(StorageError):
        Rollout.load(tmp_path / "agent.toml")


def test_each_system_has_its_place_for_it() -> None:
    assert str(rollout_file("linux")) == "/etc/zorgid-card/agent.toml"
    assert str(rollout_file("darwin")) == "/Library/Application Support/zorgid-card/agent.toml"
    assert rollout_file("win32", {"ProgramData": "P"}).parts[-3:] == ("P", "zorgid-card", "agent.toml")


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_code_is_four_digits() -> None:
    codes = {new_code() for _ in range(50)}
    assert {len(code) for code in codes} == {4}
    assert all(code.isdecimal() for code in codes)
    assert len(codes) > 1


def asked(asking: Asking, origin: str, *, refused: bool = False) -> bool:
    if not asking.begin(origin):
        return False
    asking.end(refused=refused)
    return True


def test_one_is_asked_at_a_time() -> None:
    asking = Asking(lambda: 0.0)
    assert asking.begin(ORIGIN)
    assert not asking.begin("https://other.example")
    asking.end(refused=False)
    assert asking.begin("https://other.example")


def test_a_no_holds_for_a_while_and_for_that_origin_alone() -> None:
    now = [0.0]
    asking = Asking(lambda: now[0])
    assert asked(asking, ORIGIN, refused=True)
    now[0] = REFUSED_FOR - 1
    assert not asked(asking, ORIGIN)
    assert asked(asking, "https://other.example")
    now[0] = REFUSED_FOR
    assert asked(asking, ORIGIN)


def test_an_origin_and_all_of_them_have_a_limit() -> None:
    now = [0.0]
    asking = Asking(lambda: now[0])
    assert [asked(asking, ORIGIN) for _ in range(ASKED_FOR_ONE + 1)] == [True] * ASKED_FOR_ONE + [False]
    others = [asked(asking, f"https://portal{number}.example") for number in range(ASKED_AT_MOST)]
    left = ASKED_AT_MOST - ASKED_FOR_ONE
    assert others == [True] * left + [False] * (ASKED_AT_MOST - left)
    now[0] = ASKED_WITHIN
    assert asked(asking, ORIGIN)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 400)), max_size=40))
def test_however_pages_come_no_one_is_asked_more_than_that(visits: list[tuple[int, bool, int]]) -> None:
    now, times = [0.0], []
    asking = Asking(lambda: now[0])
    for number, refused, later in visits:
        now[0] += later
        if asked(asking, f"https://portal{number}.example", refused=refused):
            times.append((now[0], number))
    for since, _ in times:
        within = [number for at, number in times if since <= at < since + ASKED_WITHIN]
        assert len(within) <= ASKED_AT_MOST
        assert all(within.count(number) <= ASKED_FOR_ONE for number in within)
