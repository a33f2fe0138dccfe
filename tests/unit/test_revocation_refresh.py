"""How seldom servers are asked and how early, by how many at once; deltas; and what exposure is promised (AUT-2)."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openssl_ca import OpenSSLCA, now
from pki_world import END, make
from revocation_world import DAY, HOUR, RevocationWorld, policy_of
from web import body, serving, status, versioned
from zorgid_card.adapters.disk_cache import DiskCache
from zorgid_card.errors import OnHoldError, RevocationUnknownError, RevokedError, UsageError
from zorgid_card.ports.fetch import Kept
from zorgid_card.workflows.revocation_policy import (
    AUTHORITIES,
    CRLPolicy,
    Grace,
    IssuerPolicy,
    OCSPPolicy,
    RevocationPolicy,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RevocationWorld]:
    with serving() as web:
        yield RevocationWorld(web, tmp_path)


# --- how seldom, how early -------------------------------------------------------------------------------------------


def test_a_list_is_asked_for_again_after_the_policys_time_and_then_only_if_it_changed(world: RevocationWorld) -> None:
    world.web.routes["/ca.crl"] = versioned(world.records.crl(), '"1"')
    checking = world.status(policy_of("crl"))
    for minutes, asked in ((0, 1), (14, 1), (16, 2), (20, 2), (32, 3)):
        world.later = timedelta(minutes=minutes)
        world.check(checking)
        assert world.web.count("/ca.crl") == asked
    assert world.web.asked[-1].headers["if-none-match"] == '"1"'
    world.later = 49 * HOUR  # "not modified" does not make it fresh, and is not asked for
    assert refused_by(world, checking).reason == "stale"
    assert "if-none-match" not in world.web.asked[-1].headers


def refused_by(world: RevocationWorld, checking: object) -> RevocationUnknownError:
    with pytest.raises(RevocationUnknownError) as caught:
        world.check(checking)  # type: ignore[arg-type]
    return caught.value


def test_a_list_is_asked_for_before_its_end_whatever_the_policys_time_is(world: RevocationWorld) -> None:
    checking = world.status(policy_of("crl", crl=CRLPolicy(refresh_after=30 * DAY)))
    for hours, asked in ((0, 1), (35, 1), (37, 2), (37.001, 2), (37.1, 3)):
        world.later = hours * HOUR
        world.check(checking)
        assert world.web.count("/ca.crl") == asked


def test_a_timer_keeps_every_log_in_from_waiting(world: RevocationWorld) -> None:
    timed = world.status(policy_of("crl"))
    (done,) = [d for d in timed.refresh([world.chain]) if d.issuer == "CA"]
    assert (done.url, done.problem) == (world.web.url("/ca.crl"), None)
    assert done.next_update is not None
    for minutes in range(0, 60, 10):
        world.later = timedelta(minutes=minutes)
        timed.refresh()
        before = len(world.web.asked)
        world.check(timed)
        world.check(world.status(policy_of("crl")))  # another process
        assert len(world.web.asked) == before
    assert world.web.count("/ca.crl") == 6


def test_what_a_timer_cannot_fetch_is_told_and_not_raised(world: RevocationWorld) -> None:
    world.web.routes["/ca.crl"] = status(500)
    (done,) = [d for d in world.status(policy_of("crl")).refresh([world.chain]) if d.issuer == "CA"]
    assert done.this_update is None
    assert "500" in (done.problem or "")


def test_a_server_that_is_down_delays_one_log_in_and_not_each(world: RevocationWorld) -> None:
    for path in ("/ocsp", "/ca.crl"):
        world.web.routes[path] = status(500)
    checking = world.status()
    for seconds, asked in ((0, 1), (1, 1), (29, 1), (31, 2)):
        world.later = timedelta(seconds=seconds)
        refused_by(world, checking)
        assert (world.web.count("/ocsp"), world.web.count("/ca.crl")) == (asked, asked)
    world.later = timedelta(seconds=62)
    world.publish()
    world.check(checking)


def test_an_answer_is_used_again_as_long_as_the_policy_says(world: RevocationWorld) -> None:
    policy = policy_of("ocsp", ocsp=OCSPPolicy(refresh_after=timedelta(minutes=5), nonce="required"))
    for minutes, asked in ((0, 1), (4, 1), (6, 2)):
        world.later = timedelta(minutes=minutes)
        world.check(world.status(policy))
        assert world.web.count("/ocsp") == asked


# --- many at once ----------------------------------------------------------------------------------------------------


def test_many_threads_fetch_once(world: RevocationWorld) -> None:
    checking = world.status(policy_of("crl"))
    barrier = threading.Barrier(12)

    def check(_: int) -> None:
        barrier.wait()
        world.check(checking)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(check, range(12)))
    assert (world.web.count("/ca.crl"), world.web.count("/root.crl")) == (1, 1)


def test_while_one_thread_waits_for_a_newer_list_the_others_go_on(world: RevocationWorld) -> None:
    checking = world.status(policy_of("crl"))
    world.check(checking)
    asked, let_go = threading.Event(), threading.Event()
    good = world.web.routes["/ca.crl"]

    def slowly(connection: object, request: object) -> None:
        asked.set()
        let_go.wait(9)
        good(connection, request)  # type: ignore[arg-type]

    world.web.routes["/ca.crl"] = slowly
    world.later = HOUR
    first = threading.Thread(target=world.check, args=(checking,))
    first.start()
    assert asked.wait(5)
    begun = now()
    world.check(checking)
    world.check(world.status(policy_of("crl")))  # another process shares what is at hand, and does not ask either
    assert now() - begun < timedelta(seconds=3)
    let_go.set()
    first.join()
    assert world.web.count("/ca.crl") == 2


PROCESS = """
import pathlib, sys
from datetime import UTC, datetime
from zorgid_card import OnlineRevocation
from zorgid_card.pki.certificate import Certificate
from zorgid_card.workflows.revocation_policy import IssuerPolicy, RevocationPolicy
place = pathlib.Path(sys.argv[1])
chain = [Certificate.parse((place / name).read_bytes()) for name in ("0.cer", "1.cer", "2.cer")]
sys.stdin.readline()
policy = RevocationPolicy(holders=IssuerPolicy(order=("crl",)))
OnlineRevocation(place / "cache", policy).check(chain, datetime.now(UTC))
print("good")
"""


def test_several_processes_share_what_one_has_fetched(world: RevocationWorld) -> None:
    for number, certificate in enumerate(world.chain):
        (world.place / f"{number}.cer").write_bytes(certificate.der)
    good = world.web.routes["/ca.crl"]

    def slowly(connection: object, request: object) -> None:
        threading.Event().wait(0.5)
        good(connection, request)  # type: ignore[arg-type]

    world.web.routes["/ca.crl"] = slowly
    command = [sys.executable, "-c", PROCESS, str(world.place)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(6)]  # type: ignore[call-overload]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=30)[0] for process in processes] == ["good\n"] * 6
    assert (world.web.count("/ca.crl"), world.web.count("/root.crl")) == (1, 1)


def test_a_damaged_cache_is_fetched_anew(world: RevocationWorld, caplog: pytest.LogCaptureFixture) -> None:
    world.check(world.status(policy_of("crl")))
    for path in (world.place / "cache").rglob("*.kept"):
        path.write_bytes(path.read_bytes()[:-7])
    world.check(world.status(policy_of("crl")))
    assert world.web.count("/ca.crl") == 2
    assert "passed over" in caplog.text


def test_what_is_read_back_is_verified_again(world: RevocationWorld) -> None:
    """A sound file is worth nothing if its list is not signed by the issuer: here, one of an impostor in each place."""
    world.check(world.status(policy_of("crl")))
    impostor = OpenSSLCA(make("CA"), world.place / "impostor").crl(number=99)
    cache = DiskCache(world.place / "cache")
    for path in (world.place / "cache" / "crl").glob("*.kept"):
        key = json.loads(path.read_bytes().split(b"\n")[2])["key"]
        cache.put(key, Kept(impostor, {"asked": world.clock().isoformat()}))
    world.records.revoke(world.leaf)
    world.publish()
    with pytest.raises(RevokedError):
        world.check(world.status(policy_of("crl")))


def test_without_a_cache_a_process_remembers_for_itself(world: RevocationWorld) -> None:
    checking = world.status(policy_of("crl"), cache=False)
    for _ in range(3):
        world.check(checking)
    assert world.web.count("/ca.crl") == 1
    assert not (world.place / "cache").exists()


# --- deltas ----------------------------------------------------------------------------------------------------------


def publish_base(world: RevocationWorld) -> None:
    freshest = f"freshestCRL = URI:{world.web.url('/delta.crl')}"
    world.web.routes["/ca.crl"] = body(world.records.crl(number=1, extensions=freshest))


def publish_delta(world: RevocationWorld, number: int) -> None:
    delta = world.records.crl(number=number, extensions="2.5.29.27 = critical,ASN1:INTEGER:1")
    world.web.routes["/delta.crl"] = body(delta)


def test_a_delta_is_fetched_where_the_list_says_and_decides(world: RevocationWorld) -> None:
    policy = policy_of("crl", crl=CRLPolicy(refresh_after=timedelta(minutes=1)))
    world.records.revoke(world.leaf, "holdInstruction,holdInstructionNone")
    publish_base(world)
    checking = world.status(policy)
    with pytest.raises(OnHoldError):
        world.check(checking)  # no delta is there yet
    world.records.revoke(world.leaf, "removeFromCRL")
    publish_delta(world, 2)
    world.later = timedelta(minutes=2)
    world.check(checking)
    world.check(world.status(policy))
    world.records.revoke(world.leaf)
    publish_delta(world, 3)
    world.later = timedelta(minutes=4)
    for process in (checking, world.status(policy)):
        with pytest.raises(RevokedError) as caught:
            world.check(process)
        assert not isinstance(caught.value, OnHoldError)


def test_a_base_older_than_the_policy_lets_count_is_not_fetched_at_every_turn(world: RevocationWorld) -> None:
    """Weekly lists, hourly deltas, and a portal that wants news of six hours: the delta is what counts."""
    freshest = f"freshestCRL = URI:{world.web.url('/delta.crl')}"
    week_old = (world.clock() - 5 * DAY).strftime("%Y%m%d%H%M%SZ")
    base = world.records.crl("-crl_lastupdate", week_old, "-crlhours", "240", number=1, extensions=freshest)
    world.web.routes["/ca.crl"] = versioned(base, '"base"')
    publish_delta(world, 2)
    checking = world.status(policy_of("crl", crl=CRLPolicy(max_age=6 * HOUR)))
    for seconds in range(0, 60, 10):
        world.later = timedelta(seconds=seconds)
        world.check(checking)
    assert (world.web.count("/ca.crl"), world.web.count("/delta.crl")) == (2, 1)
    assert world.web.asked[-1].headers["if-none-match"] == '"base"'


@pytest.mark.parametrize("state", ["good", "revoked"])
def test_a_delta_that_goes_stale_before_its_list_leaves_that_and_what_it_revoked(
    world: RevocationWorld, state: str
) -> None:
    policy = policy_of("crl", crl=CRLPolicy(refresh_after=timedelta(minutes=1)))
    freshest = f"freshestCRL = URI:{world.web.url('/delta.crl')}"
    world.web.routes["/ca.crl"] = body(world.records.crl("-crlhours", "40", number=1, extensions=freshest))
    if state == "revoked":
        world.records.revoke(world.leaf)
    delta = world.records.crl("-crlhours", "2", number=2, extensions="2.5.29.27 = critical,ASN1:INTEGER:1")
    world.web.routes["/delta.crl"] = body(delta)
    checking = world.status(policy)
    for hours in (0, 3):
        world.later = hours * HOUR
        if state == "good":
            world.check(checking)
        else:
            with pytest.raises(RevokedError):
                world.check(checking)
        world.web.routes["/delta.crl"] = status(500)


def test_a_delta_that_does_not_fit_leaves_the_list_to_its_own_age(world: RevocationWorld) -> None:
    publish_base(world)
    delta = world.records.crl(number=9, extensions="2.5.29.27 = critical,ASN1:INTEGER:5")
    impostors = OpenSSLCA(make("CA"), world.place / "impostor").crl()
    for route in (body(delta), status(404), body(b"garbage"), body(impostors)):
        world.web.routes["/delta.crl"] = route
        world.check(world.status(policy_of("crl"), cache=False))
    world.later = 49 * HOUR
    with pytest.raises(RevocationUnknownError):
        world.check(world.status(policy_of("crl"), cache=False))


# --- what is promised ------------------------------------------------------------------------------------------------


def test_the_exposure_is_told_before_anything_happens(caplog: pytest.LogCaptureFixture, world: RevocationWorld) -> None:
    policy = RevocationPolicy()
    assert policy.exposure() == timedelta(hours=48, minutes=5)
    assert IssuerPolicy(order=("ocsp",)).exposure == timedelta(hours=1, minutes=5)
    assert IssuerPolicy(grace=Grace(DAY)).exposure == timedelta(days=3, minutes=5)
    assert AUTHORITIES.exposure == timedelta(days=366, minutes=5)
    own = RevocationPolicy(issuers={"CA": IssuerPolicy(order=("ocsp",), ocsp=OCSPPolicy(max_age=HOUR / 2))})
    assert own.exposure("CA") == timedelta(minutes=35)
    assert own.exposure("Another") == own.exposure() == timedelta(hours=48, minutes=5)
    with caplog.at_level(logging.INFO):
        world.status(policy)
    assert "revocation of a holder is seen after 2 days, 0:05:00 at most, by ocsp then crl" in caplog.text


@given(
    ages=st.tuples(*[st.timedeltas(HOUR / 60, 100 * DAY)] * 2),
    order=st.permutations(["ocsp", "crl"]),
    grace=st.none() | st.timedeltas(HOUR, 7 * DAY),
)
def test_the_exposure_is_that_of_the_laxest_method(
    ages: tuple[timedelta, timedelta], order: list[str], grace: timedelta | None
) -> None:
    for methods in (order, order[:1]):
        policy = IssuerPolicy(
            order=tuple(methods),  # type: ignore[arg-type]
            ocsp=OCSPPolicy(max_age=ages[0]),
            crl=CRLPolicy(max_age=ages[1]),
            grace=Grace(grace) if grace else None,
        )
        longest = max(ages[["ocsp", "crl"].index(method)] for method in methods)
        assert policy.exposure == longest + HOUR / 12 + (grace or timedelta())


@pytest.mark.parametrize("order", [(), ("ocsp", "ocsp"), ("ldap",)])
def test_an_order_that_makes_no_sense(order: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        IssuerPolicy(order=order)  # type: ignore[arg-type]


def test_a_moment_without_a_time_zone_and_a_chain_of_one_are_not_judged(world: RevocationWorld) -> None:
    with pytest.raises(UsageError):
        world.status().check(world.chain, world.clock().replace(tzinfo=None))
    with pytest.raises(RevocationUnknownError):
        world.status().check(world.chain[:1], world.clock())
    assert world.clock() < END
