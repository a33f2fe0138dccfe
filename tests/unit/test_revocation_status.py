"""Revocation asked of the network: whom, in which order, and what becomes of it when servers fail or lie (AUT-2)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from openssl_ca import OpenSSLCA, free_port, now, openssl, write_pem
from pki_world import START, Node, make
from revocation_world import DAY, HOUR, OCSP_KIND, QUICK, RevocationWorld, addresses, policy_of, refused
from web import FAULTS, Route, answering, body, serving, status
from zorgid_card.errors import OnHoldError, RevocationUnknownError, RevokedError, UsageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.ocsp import Question
from zorgid_card.workflows.revocation_policy import (
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
    world.timeouts = QUICK
    error = refused(world, policy_of(method))  # type: ignore[arg-type]
    assert error.reason == reason
    assert getattr(error, method) == reason
    assert error.retryable
    assert "GRACE" not in str(error)


def test_where_nobody_listens(world: RevocationWorld) -> None:
    for method in ("ocsp", "crl"):
        nowhere = (f"http://127.0.0.1:{free_port()}/",)
        error = refused(world, policy_of(method, ocsp=OCSPPolicy(urls=nowhere), crl=CRLPolicy(urls=nowhere)))  # type: ignore[arg-type]
        assert (error.reason, getattr(error, method)) == ("unreachable", "unreachable")


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


@pytest.mark.parametrize("fault", FAULTS)
def test_grace_lets_a_stale_list_count_within_its_bound_and_says_so(
    world: RevocationWorld, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    policy = policy_of("crl", grace=12 * HOUR)
    world.check(world.status(policy))
    world.web.routes["/ca.crl"], reason = FAULTS[fault]
    world.timeouts = QUICK
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
