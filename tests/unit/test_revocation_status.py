"""Revocation asked of the network: whom, in which order, and what becomes of it when servers fail or lie (AUT-2)."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from openssl_ca import OpenSSLCA, free_port, now, openssl, write_pem
from pki_world import END, START, Node, make
from revocation_world import RevocationWorld, addresses, policy_of
from web import FAULTS, Route, answering, body, drip, serving, status, versioned
from zorgid_card.adapters.disk_cache import DiskCache
from zorgid_card.errors import OnHoldError, RevocationUnknownError, RevokedError, UsageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.ocsp import Question
from zorgid_card.ports.fetch import Kept
from zorgid_card.workflows.revocation_policy import (
    AUTHORITIES,
    CRLPolicy,
    Grace,
    IssuerPolicy,
    OCSPPolicy,
    RevocationPolicy,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CRL_KIND, OCSP_KIND = "application/pkix-crl", "application/ocsp-response"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RevocationWorld]:
    with serving() as web:
        yield RevocationWorld(web, tmp_path)


def refused(world: RevocationWorld, policy: RevocationPolicy | None = None) -> RevocationUnknownError:
    with pytest.raises(RevocationUnknownError) as caught:
        world.check(world.status(policy))
    return caught.value


# --- a real responder, on a port of its own --------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["good", "revoked", "unknown"])
@pytest.mark.parametrize("delegated", [False, True], ids=["CA", "delegated"])
def test_aut_2_what_openssls_responder_says_decides(world: RevocationWorld, state: str, delegated: bool) -> None:
    if state == "revoked":
        world.records.revoke(world.leaf)
    elif state == "unknown":
        world.leaf = make("Stranger", world.ca, ca=False, extensions=addresses(world.web.url("/ca.crl")))
    port = free_port()
    policy = policy_of(ocsp=OCSPPolicy(urls=(f"http://127.0.0.1:{port}",), nonce="required"))
    with world.records.responder(port, signer=world.responder() if delegated else None):
        if state == "good":
            world.check(world.status(policy))
        elif state == "revoked":
            with pytest.raises(RevokedError):
                world.check(world.status(policy))
        else:
            with pytest.raises(RevocationUnknownError) as unknown:
                world.check(world.status(policy))
            assert unknown.value.reason == "unknown"
    assert world.web.count("/ca.crl") == 0, "the list need not be asked"


SIGNERS: list[tuple[str, Callable[[RevocationWorld], Node], str]] = [
    ("of another CA", lambda world: make("Other"), "responder"),
    ("expired", lambda world: world.responder(end=START + DAY), "responder"),
    ("without the purpose", lambda world: world.responder(purposes=()), "responder"),
    ("of the CA's name", lambda world: make("CA"), "certificate.signature"),
]


@pytest.mark.parametrize(("signer", "reason"), [row[1:] for row in SIGNERS], ids=[row[0] for row in SIGNERS])
def test_a_responder_that_may_not_answer_is_as_good_as_none(
    world: RevocationWorld, signer: Callable[[RevocationWorld], Node], reason: str
) -> None:
    port, node = free_port(), signer(world)
    ocsp_policy = OCSPPolicy(urls=(f"http://127.0.0.1:{port}",))
    with world.records.responder(port, signer=node):
        error = refused(world, policy_of("ocsp", ocsp=ocsp_policy))
        assert (error.reason, error.issuer) == (reason, "CA")
        world.check(world.status(policy_of("ocsp", "crl", ocsp=ocsp_policy)))


def test_a_responder_whose_certificate_is_revoked_is_not_believed(world: RevocationWorld) -> None:
    signer = world.responder(extensions=addresses(world.web.url("/ca.crl")))
    world.web.routes["/ocsp"] = answering(lambda request: world.records.answer(request, signer=signer))
    world.check(world.status(policy_of("ocsp")))
    assert world.web.count("/ca.crl") == 1, "the CA did not exempt it from checking"
    world.records.revoke(signer)
    world.publish()
    (world.place / "cache").rename(world.place / "old")
    assert refused(world, policy_of("ocsp")).reason == "responder"


def test_a_responder_that_nobody_can_check_is_not_believed(world: RevocationWorld) -> None:
    signer = world.responder(extensions=())
    world.web.routes["/ocsp"] = answering(lambda request: world.records.answer(request, signer=signer))
    assert refused(world, policy_of("ocsp")).reason == "responder"


# --- whom to ask -----------------------------------------------------------------------------------------------------


def test_the_order_is_the_policys_and_a_ca_is_looked_up_in_its_issuers_list(world: RevocationWorld) -> None:
    world.check(world.status(policy_of("ocsp", "crl")))
    assert [world.web.count(path) for path in ("/ocsp", "/ca.crl", "/root.crl")] == [1, 0, 1]
    world.check(world.status(policy_of("crl", "ocsp")))
    assert [world.web.count(path) for path in ("/ocsp", "/ca.crl", "/root.crl")] == [1, 1, 1]


def test_a_policy_of_one_issuer_goes_before_that_for_all(world: RevocationWorld) -> None:
    own = IssuerPolicy(order=("crl",), crl=CRLPolicy(urls=(world.web.url("/elsewhere.crl"),)))
    world.web.routes["/elsewhere.crl"] = world.web.routes["/ca.crl"]
    world.check(world.status(policy_of("ocsp", issuers={"CA": own, "Another CA": IssuerPolicy()})))
    assert [world.web.count(path) for path in ("/elsewhere.crl", "/ocsp", "/ca.crl")] == [1, 0, 0]


def test_a_revoked_ca_is_refused(world: RevocationWorld) -> None:
    world.root_records.revoke(world.ca, "CACompromise")
    world.publish()
    with pytest.raises(RevokedError) as caught:
        world.check()
    assert caught.value.reason == "cACompromise"


def test_on_hold_and_released_again(world: RevocationWorld) -> None:
    for order in (("ocsp",), ("crl",)):
        policy = policy_of(*order, crl=CRLPolicy(refresh_after=timedelta()))  # type: ignore[arg-type]
        world.records.revoke(world.leaf, "holdInstruction,holdInstructionNone")
        world.publish()
        with pytest.raises(OnHoldError):
            world.check(world.status(policy))
        world.records.issued(world.leaf)
        world.publish()
        world.check(world.status(policy))


def test_a_certificate_that_names_no_address_cannot_be_judged(world: RevocationWorld) -> None:
    world.leaf = world.holder(None, None)
    error = refused(world)
    assert (error.reason, error.ocsp, error.crl) == ("missing", "missing", "missing")


def test_only_hosts_that_the_policy_allows_are_asked(world: RevocationWorld) -> None:
    asked = len(world.web.asked)
    holders = IssuerPolicy(hosts=frozenset({"crl.example"}))
    error = refused(world, RevocationPolicy(holders=holders))
    assert (error.reason, len(world.web.asked)) == ("host", asked)
    world.check(world.status(RevocationPolicy(holders=replace(holders, hosts=frozenset({"127.0.0.1"})))))


def test_the_nonce_as_each_responders_policy_asks(world: RevocationWorld) -> None:
    """A responder that answers from stock: without nonce, or with that of another question."""
    stock = world.records.answer(question(world, None))
    foreign = world.records.answer(question(world, bytes(32)))
    for answer, policy, reason in (
        (stock, "required", "nonce"), (stock, "if-given", None), (stock, "none", None),
        (foreign, "required", "nonce"), (foreign, "if-given", "nonce"),
    ):  # fmt: skip
        world.web.routes["/ocsp"] = body(answer, OCSP_KIND)
        asked = policy_of("ocsp", ocsp=OCSPPolicy(nonce=policy))  # type: ignore[arg-type]
        if reason is None:
            world.check(world.status(asked, cache=False))
        else:
            with pytest.raises(RevocationUnknownError) as caught:
                world.check(world.status(asked, cache=False))
            assert caught.value.reason == reason
    sent = [ocsp.load_der_ocsp_request(asked.body) for asked in world.web.asked if asked.target == "/ocsp"]
    nonces = [e.value.nonce for request in sent for e in request.extensions if isinstance(e.value, x509.OCSPNonce)]
    assert len(set(nonces)) == len(nonces) == 4


def question(world: RevocationWorld, nonce: bytes | None) -> bytes:
    leaf, ca, _ = world.chain
    return Question(leaf, ca, nonce).der


# --- faults: closed, each with its reason ----------------------------------------------------------------------------


def wrong_certificate(world: RevocationWorld) -> Route:
    other = world.holder()
    answer = world.records.answer(question_of(world, other))
    return body(answer, OCSP_KIND)


def question_of(world: RevocationWorld, node: Node) -> bytes:
    return Question(Certificate.parse(node.der), world.chain[1]).der


def two_answers(world: RevocationWorld) -> Route:
    ca, _ = write_pem(world.ca, world.place, "issuer")
    first, second = (write_pem(node, world.place, f"leaf{n}")[0] for n, node in enumerate((world.leaf, world.holder())))
    request = world.place / "two.der"
    openssl("ocsp", "-issuer", ca, "-cert", first, "-cert", second, "-no_nonce", "-reqout", request)
    return body(world.records.answer(request.read_bytes()), OCSP_KIND)


def lists_of(name: str) -> Callable[[RevocationWorld], Route]:
    def make_route(world: RevocationWorld) -> Route:
        other = make(name)
        return body(OpenSSLCA(other, world.place / "other").crl())

    return make_route


def lone_delta(world: RevocationWorld) -> Route:
    return body(world.records.crl(number=9, extensions="2.5.29.27 = critical,ASN1:INTEGER:1"))


def tomorrows(world: RevocationWorld) -> Route:
    when = (now() + DAY).strftime("%Y%m%d%H%M%SZ")
    return body(world.records.crl("-crl_lastupdate", when, "-crlhours", "96"))


LIES: dict[str, tuple[str, Callable[[RevocationWorld], Route], str]] = {
    "an answer about another certificate": ("ocsp", wrong_certificate, "certID"),
    "two answers": ("ocsp", two_answers, "responses"),
    "garbage for an answer": ("ocsp", lambda _: body(b"garbage", OCSP_KIND), "malformed"),
    "a list for an answer": ("ocsp", lambda world: body(world.records.crl(), OCSP_KIND), "malformed"),
    "try later": ("ocsp", lambda _: body(b"\x30\x03\x0a\x01\x03", OCSP_KIND), "ocsp status"),
    "a list of another CA": ("crl", lists_of("Other"), "issuer"),
    "a list of another CA of this name": ("crl", lists_of("CA"), "certificate.signature"),
    "garbage for a list": ("crl", lambda _: body(b"garbage"), "malformed"),
    "an empty list": ("crl", lambda _: body(b""), "malformed"),
    "a list of tomorrow": ("crl", tomorrows, "not yet valid"),
    "a delta for a list": ("crl", lone_delta, "delta"),
}


def spoil(world: RevocationWorld, method: str, route: Route) -> None:
    world.web.routes["/ocsp" if method == "ocsp" else "/ca.crl"] = route


@pytest.mark.parametrize("name", LIES)
def test_what_is_not_true_is_refused_with_its_reason(world: RevocationWorld, name: str) -> None:
    method, make_route, reason = LIES[name]
    spoil(world, method, make_route(world))
    error = refused(world, policy_of(method))  # type: ignore[arg-type]
    assert error.reason == reason
    other = {"ocsp": "crl", "crl": "ocsp"}[method]
    world.later += timedelta(minutes=1)
    world.check(world.status(policy_of(method, other)))  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["ocsp", "crl"])
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_a_server_closes_with_its_reason(world: RevocationWorld, method: str, fault: str) -> None:
    route, reason = FAULTS[fault]
    spoil(world, method, route)
    error = refused(world, policy_of(method))  # type: ignore[arg-type]
    assert error.reason == reason
    assert getattr(error, method) == reason
    assert error.retryable
    assert "GRACE" not in str(error)


def test_when_both_fail_both_reasons_are_told_the_first_methods_first(world: RevocationWorld) -> None:
    spoil(world, "ocsp", status(500))
    spoil(world, "crl", body(b"", "text/html"))
    error = refused(world)
    assert (error.reason, error.ocsp, error.crl) == ("http status", "http status", "content type")


# --- stale, replayed, rolled back ------------------------------------------------------------------------------------


def test_a_stale_list_and_a_stale_answer_decide_nothing(world: RevocationWorld) -> None:
    stock = world.records.answer(question(world, None))
    spoil(world, "ocsp", body(stock, OCSP_KIND))
    world.later = 49 * HOUR
    error = refused(world)
    assert (error.ocsp, error.crl) == ("stale", "stale")


def test_an_answer_that_is_older_than_the_policy_lets_count_is_stale_before_its_next_update(
    world: RevocationWorld,
) -> None:
    strict = policy_of("crl", crl=CRLPolicy(max_age=3 * HOUR))
    world.check(world.status(strict))
    world.later = 3 * HOUR + timedelta(minutes=1)
    assert refused(world, strict).reason == "stale"
    world.check(world.status(policy_of("crl")))


@pytest.mark.parametrize("same_process", [True, False])
def test_a_list_older_than_one_seen_is_a_rollback(
    world: RevocationWorld, same_process: bool, caplog: pytest.LogCaptureFixture
) -> None:
    before = world.records.crl(number=7)
    world.records.revoke(world.leaf)
    world.web.routes["/ca.crl"] = body(world.records.crl(number=8))
    policy = policy_of("crl", crl=CRLPolicy(refresh_after=timedelta()))
    seeing = world.status(policy)
    with pytest.raises(RevokedError):
        world.check(seeing)
    world.web.routes["/ca.crl"] = body(before)
    with pytest.raises(RevokedError):
        world.check(seeing if same_process else world.status(policy))
    assert "older than one seen before" in caplog.text
    world.later = 49 * HOUR
    world.web.routes["/ca.crl"] = body(world.records.crl("-crl_lastupdate", stamp(world), "-crlhours", "99", number=7))
    with pytest.raises(RevokedError):
        world.check(seeing if same_process else world.status(policy))


def stamp(world: RevocationWorld) -> str:
    return world.clock().strftime("%Y%m%d%H%M%SZ")


def test_a_list_of_a_good_holder_that_is_rolled_back_to_closes_once_the_newer_one_is_stale(
    world: RevocationWorld,
) -> None:
    before = world.records.crl("-crlhours", "99", number=7)
    world.web.routes["/ca.crl"] = body(world.records.crl(number=8))
    policy = policy_of("crl", crl=CRLPolicy(refresh_after=timedelta(), max_age=99 * HOUR), retry_after=timedelta())
    world.check(world.status(policy))
    world.web.routes["/ca.crl"] = body(before)
    world.check(world.status(policy))  # on the newer one, which is at hand
    world.later = 49 * HOUR
    assert refused(world, policy).reason == "rollback"


def test_an_old_answer_replayed_does_not_undo_a_newer_one(
    world: RevocationWorld, caplog: pytest.LogCaptureFixture
) -> None:
    good_then = world.records.answer(question(world, None))
    policy = policy_of("ocsp")
    time.sleep(1.1)  # answers are dated to the second
    world.records.revoke(world.leaf)
    with pytest.raises(RevokedError):
        world.check(world.status(policy))
    spoil(world, "ocsp", body(good_then, OCSP_KIND))
    with pytest.raises(RevokedError):
        world.check(world.status(policy))
    assert "older than one seen before" in caplog.text


# --- grace -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*FAULTS, "nobody listens"])
def test_grace_lets_a_stale_list_count_within_its_bound_and_says_so(
    world: RevocationWorld, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    policy = policy_of("crl", grace=12 * HOUR)
    world.check(world.status(policy))
    world.web.routes["/ca.crl"] = FAULTS[fault][0] if fault in FAULTS else drip
    reason = FAULTS[fault][1] if fault in FAULTS else "timeout"
    world.later = 59 * HOUR
    with caplog.at_level(logging.WARNING):
        world.check(world.status(policy))
    (told,) = [record.getMessage() for record in caplog.records if "GRACE" in record.getMessage()]
    serial = f"{world.leaf.certificate.serial_number:x}"
    assert serial in told
    assert "stale for 11:0" in told
    assert "at most 12:00:00" in told
    world.later = 61 * HOUR
    assert refused(world, policy).reason == reason
    without = policy_of("crl")
    world.later = 49 * HOUR
    assert refused(world, without).reason == reason


def test_grace_makes_up_no_answer(world: RevocationWorld) -> None:
    spoil(world, "crl", status(500))
    spoil(world, "ocsp", status(500))
    assert refused(world, policy_of(grace=DAY)).reason == "http status"


def test_grace_never_overrules_a_stale_revoked_or_hold(world: RevocationWorld) -> None:
    for reason, error in (("keyCompromise", RevokedError), ("holdInstruction,holdInstructionNone", OnHoldError)):
        world.leaf = world.holder()
        world.records.revoke(world.leaf, reason)
        world.publish()
        for method in ("ocsp", "crl"):
            policy = policy_of(method, grace=7 * DAY, crl=CRLPolicy(refresh_after=timedelta()))  # type: ignore[arg-type]
            world.later = timedelta()
            with pytest.raises(error):
                world.check(world.status(policy))
            world.later = 60 * HOUR
            kept = dict(world.web.routes)
            spoil(world, method, status(500))
            with pytest.raises(error):
                world.check(world.status(policy))
            world.web.routes = kept


def test_grace_never_lets_an_unknown_certificate_in(world: RevocationWorld) -> None:
    world.leaf = make(
        "Stranger", world.ca, ca=False, extensions=addresses(world.web.url("/ca.crl"), world.web.url("/ocsp"))
    )
    assert refused(world, policy_of(grace=DAY)).reason == "unknown"


def test_grace_holds_for_answers_too(world: RevocationWorld, caplog: pytest.LogCaptureFixture) -> None:
    policy = policy_of("ocsp", grace=4 * HOUR)
    world.check(world.status(policy))
    spoil(world, "ocsp", status(500))
    world.later = HOUR / 2
    world.check(world.status(policy))
    assert "GRACE" not in caplog.text, "it is fresh enough still"
    world.later = 4 * HOUR
    world.check(world.status(policy))
    assert "GRACE" in caplog.text
    world.later = 6 * HOUR
    assert refused(world, policy).reason == "http status"


@pytest.mark.parametrize("bound", [timedelta(), -HOUR, timedelta(days=7, seconds=1), timedelta.max])
def test_a_grace_without_bound_is_none(bound: timedelta) -> None:
    with pytest.raises(UsageError):
        Grace(bound)


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
    spoil(world, "crl", status(500))
    (done,) = [d for d in world.status(policy_of("crl")).refresh([world.chain]) if d.issuer == "CA"]
    assert done.this_update is None
    assert "500" in (done.problem or "")


def test_a_server_that_is_down_delays_one_log_in_and_not_each(world: RevocationWorld) -> None:
    for method in ("ocsp", "crl"):
        spoil(world, method, status(500))
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
        let_go.wait(5)
        good(connection, request)  # type: ignore[arg-type]

    world.web.routes["/ca.crl"] = slowly
    world.later = HOUR
    first = threading.Thread(target=world.check, args=(checking,))
    first.start()
    assert asked.wait(5)
    begun = now()
    world.check(checking)
    world.check(world.status(policy_of("crl")))  # another process shares what is at hand, and does not ask either
    assert now() - begun < timedelta(seconds=0.3)
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


def test_a_delta_that_does_not_fit_leaves_the_list_to_its_own_age(world: RevocationWorld) -> None:
    publish_base(world)
    delta = world.records.crl(number=9, extensions="2.5.29.27 = critical,ASN1:INTEGER:5")
    for route in (body(delta), status(404), body(b"garbage"), lists_of("CA")(world)):
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
