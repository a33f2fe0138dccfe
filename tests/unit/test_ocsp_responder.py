"""The OCSP responder: questions of all kinds, each answered as RFC 6960, RFC 9654 and RFC 5019 say, and none too strange."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from asn1crypto import ocsp as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import example, given
from hypothesis import strategies as st

from pki_world import make
from publication_world import DAY, Publications
from zorgid_card.codec.tlv import encode
from zorgid_card.errors import OnHoldError, StorageError, UsageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CLOCK_SKEW
from zorgid_card.pki.ocsp import Answer, Question, is_not_checked
from zorgid_card.pki.ocsp_responder import (
    GOOD,
    LIFETIME,
    MAX_REQUEST,
    MOST_ASKED,
    CertID,
    Questions,
    Responder,
    compose,
    parse_questions,
)
from zorgid_card.workflows.ocsp_service import FOLLOWED_WITHIN, MAX_AGE, OCSPService


@pytest.fixture(scope="module")
def world() -> Iterator[Publications]:
    made = Publications()
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def holder(world: Publications) -> Certificate:
    return world.issue()


def status_of(der: bytes) -> str:
    return ocsp.load_der_ocsp_response(der).response_status.name.lower()


def question(world: Publications, certificate: Certificate, nonce: bytes | None = None, digest: str = "SHA1") -> bytes:
    return Question(certificate, world.issuer, nonce, digest).der  # type: ignore[arg-type]


def asking(der: bytes, change: object) -> bytes:
    """The question, changed by asn1crypto: ``change`` gets the OCSPRequest."""
    request = asn1.OCSPRequest.load(der)
    change(request)  # type: ignore[operator]
    octets: bytes = request.dump(force=True)
    return octets


@given(st.integers(1, (1 << 159) - 1), st.binary(max_size=128), st.sampled_from(["SHA1", "SHA256"]))
def test_the_short_way_to_a_good_answer_leads_where_the_long_one_does(
    world: Publications, serial: int, nonce: bytes, digest: str
) -> None:
    responder = world.ocsp.responder
    asked = responder.certificate_id(serial)
    if digest == "SHA256":
        asked = parse_questions(question(world, world.responder_certificate, None, digest)).asked[0]
    both = (
        responder.good(asked.der, nonce, world.now),
        responder.answer(Questions((asked,), nonce or None), [GOOD], world.now),
    )
    short, long = (ocsp.load_der_ocsp_response(der).tbs_response_bytes for der in both)
    assert short == long


# --- who answers ------------------------------------------------------------------------------------------------------


def test_the_responders_certificate_is_delegated_short_lived_and_not_to_be_asked_about(world: Publications) -> None:
    certificate = world.responder_certificate
    certificate.require_signed_by(world.issuer)
    assert certificate.extended_key_usage == (ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string,)
    assert certificate.key_usage == {"digital_signature"}
    assert is_not_checked(certificate)
    assert not certificate.is_ca
    assert certificate.not_after - certificate.not_before == timedelta(days=30)


def test_the_ca_may_answer_itself(world: Publications, holder: Certificate) -> None:
    root = make("CA")
    leaf, issuer = make("Leaf", root, ca=False), Certificate.parse(root.der)
    responder, asked = Responder(issuer, root.key), Question(Certificate.parse(leaf.der), issuer, b"n" * 32)
    service = OCSPService(world.store, responder, lambda: world.now)
    answer = Answer.parse(service.answer(asked.der).der)
    answer.verify(asked, world.now)
    assert answer.responder is None


def test_a_certificate_of_another_key_is_refused(world: Publications) -> None:
    with pytest.raises(UsageError):
        Responder(world.issuer, ec.generate_private_key(ec.SECP256R1()), world.responder_certificate)


def test_a_responder_whose_certificate_is_over_says_so(world: Publications, holder: Certificate) -> None:
    later = OCSPService(world.store, world.ocsp.responder, lambda: world.now + 31 * DAY)
    assert status_of(later.answer(question(world, holder)).der) == "internal_error"


# --- what is asked ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digest", ["SHA1", "SHA256"])
@pytest.mark.parametrize("octets", [1, 16, 32, 33, 127, 128])
def test_rfc_9654_a_nonce_of_1_to_128_octets_comes_back(
    world: Publications, holder: Certificate, octets: int, digest: str
) -> None:
    nonce = os.urandom(octets)
    for _ in range(2):  # the second time its form is known
        answer = ocsp.load_der_ocsp_response(world.ocsp.answer(question(world, holder, nonce, digest)).der)
        assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce


@pytest.mark.parametrize("octets", [0, 129, 1000])
def test_rfc_9654_other_nonces_are_malformed(world: Publications, holder: Certificate, octets: int) -> None:
    der = question(world, holder, bytes(octets))
    assert status_of(world.ocsp.answer(der).der) == "malformed_request"


def test_several_certificates_in_one_question(world: Publications) -> None:
    certificates = [world.issue() for _ in range(3)]
    world.change(certificates[1], "block")
    world.forward(seconds=2)
    asked = [parse_questions(question(world, one)).asked[0] for one in certificates]
    for nonce in (None, b"n" * 32):
        response = ocsp.load_der_ocsp_response(world.ocsp.answer(compose(Questions(tuple(asked), nonce))).der)
        told = [(single.serial_number, single.certificate_status.name) for single in response.responses]
        assert told == [(c.serial, s) for c, s in zip(certificates, ("GOOD", "REVOKED", "GOOD"), strict=True)]


def test_another_cas_certificates(world: Publications, holder: Certificate) -> None:
    root = make("Another CA")
    foreign = Question(Certificate.parse(make("Leaf", root, ca=False).der), Certificate.parse(root.der))
    assert status_of(world.ocsp.answer(foreign.der).der) == "unauthorized"
    both = Questions((parse_questions(foreign.der).asked[0], parse_questions(question(world, holder)).asked[0]), None)
    response = ocsp.load_der_ocsp_response(world.ocsp.answer(compose(both)).der)
    assert [single.certificate_status.name for single in response.responses] == ["UNKNOWN", "GOOD"]


def test_a_digest_without_parameters_is_the_same(world: Publications, holder: Certificate) -> None:
    plain = question(world, holder)
    bare = plain.replace(bytes.fromhex("300906052b0e03021a0500"), bytes.fromhex("300706052b0e03021a"))
    bare = b"".join(bytes((octet - 2,)) if at in (1, 3, 5, 7, 9) else bytes((octet,)) for at, octet in enumerate(bare))
    assert parse_questions(bare).asked[0].serial == holder.serial
    single = next(iter(ocsp.load_der_ocsp_response(world.ocsp.answer(bare).der).responses))
    assert single.certificate_status is ocsp.OCSPCertStatus.GOOD


def name_requestor(request: asn1.OCSPRequest) -> None:
    request["tbs_request"]["requestor_name"] = asn1.GeneralName("dns_name", "client.example")


def critical(oid: str, *, of_one: bool = False) -> object:
    def change(request: asn1.OCSPRequest) -> None:
        extension = {"extn_id": oid, "critical": True, "extn_value": b"\x05\x00"}
        place = request["tbs_request"]["request_list"][0] if of_one else request["tbs_request"]
        place["single_request_extensions" if of_one else "request_extensions"] = [extension]

    return change


def too_many(request: asn1.OCSPRequest) -> None:
    for _ in range(MOST_ASKED):
        request["tbs_request"]["request_list"].append(request["tbs_request"]["request_list"][0])


def nothing(request: asn1.OCSPRequest) -> None:
    request["tbs_request"]["request_list"] = []


def test_a_requestors_name_is_passed_over(world: Publications, holder: Certificate) -> None:
    der = asking(question(world, holder), name_requestor)
    assert status_of(world.ocsp.answer(der).der) == "successful"


@pytest.mark.parametrize(
    "change", [critical("1.2.3.4"), critical("1.2.3.4", of_one=True), too_many, nothing],
    ids=["critical extension", "critical extension of one", "too many", "nothing asked"],
)  # fmt: skip
def test_what_cannot_be_answered_is_malformed(world: Publications, holder: Certificate, change: object) -> None:
    der = asking(question(world, holder), change)
    assert status_of(world.ocsp.answer(der).der) == "malformed_request"


@given(st.binary(max_size=300))
def test_any_octets_are_answered(world: Publications, octets: bytes) -> None:
    assert status_of(world.ocsp.answer(octets).der) in ("malformed_request", "unauthorized")


@given(st.data())
def test_a_question_with_an_octet_changed_is_read_alike_whether_its_form_is_known(
    world: Publications, holder: Certificate, data: st.DataObject
) -> None:
    """The fast way and the thorough way never differ."""
    der = bytearray(question(world, holder, data.draw(st.sampled_from([None, b"n" * 32]))))
    responder = world.ocsp.responder
    responder.read(bytes(der))
    assert responder.plain(bytes(der)) is not None
    for at in data.draw(st.lists(st.integers(0, len(der) - 1), max_size=2)):
        der[at] = data.draw(st.integers(0, 255))
    plain = responder.plain(bytes(der))
    if plain is not None:
        ((asked,), nonce) = parse_questions(bytes(der))
        assert (asked.serial, asked.der, nonce or b"") == plain
        assert asked.issuer in responder.issuers


def test_a_name_that_holds_a_question_teaches_nothing(world: Publications, holder: Certificate) -> None:
    """Whoever puts a CertID where a name stands does not move where serial numbers are looked for."""
    other = world.issue()
    inner = parse_questions(question(world, holder)).asked[0].der

    def named(asked: Certificate) -> bytes:
        requests = encode(0x30, encode(0x30, parse_questions(question(world, asked)).asked[0].der))
        return encode(0x30, encode(0x30, encode(0xA1, encode(0xA4, inner)), requests))

    responder = world.service().responder
    for certificate in (holder, other, holder):
        assert responder.read(named(certificate)).asked[0].serial == certificate.serial
        assert responder.plain(named(certificate)) is None


@pytest.mark.parametrize("octets", [b"\x80", b"\0\0\x80", b"\xff\x80", b"\xff\0", b"\0"])
def test_no_serial_number_teaches_a_wrong_form(world: Publications, holder: Certificate, octets: bytes) -> None:
    """-2 to the power 8n-1 is the one number that has fewer octets than a positive one of as many bits."""
    service, asked = world.service(), question(world, holder)
    issuer = parse_questions(asked).asked[0].issuer
    size = (holder.serial.bit_length() >> 3) + 1
    crooked = encode(0x30, issuer, encode(0x02, octets.ljust(size, b"\0")))
    service.answer(compose(Questions((CertID(issuer, 0, crooked),), None)))
    answer = ocsp.load_der_ocsp_response(service.answer(asked).der)
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD


def test_too_long(world: Publications) -> None:
    assert status_of(world.ocsp.answer(bytes(MAX_REQUEST + 1)).der) == "malformed_request"
    assert world.ocsp.respond("POST", "/", "application/ocsp-request", bytes(MAX_REQUEST + 1)).status == 413


# --- what is known ----------------------------------------------------------------------------------------------------


def said(world: Publications, service: OCSPService, certificate: Certificate) -> str:
    response = ocsp.load_der_ocsp_response(service.answer(question(world, certificate)).der)
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return response.response_status.name
    single = next(iter(response.responses))
    reason = single.revocation_reason
    return reason.value if reason else single.certificate_status.name


def test_adm_2_every_worker_tells_of_a_change_within_a_second(world: Publications) -> None:
    certificate, workers = world.issue(), [world.service(), world.service()]
    world.forward(seconds=2)
    for event, expected in (("block", "certificateHold"), ("release", "GOOD"), ("revoke", "keyCompromise")):
        before = [said(world, one, certificate) for one in workers]
        world.change(certificate, event)
        assert [said(world, one, certificate) for one in workers] == before  # not looked yet
        world.now += FOLLOWED_WITHIN
        assert [said(world, one, certificate) for one in workers] == [expected] * 2


def test_what_is_issued_is_known_at_once_where_it_was_unknown(world: Publications) -> None:
    serial = 1 << 120 | 7
    made = world.issue(registered=False, serial=serial)
    service = world.service()
    assert said(world, service, made) == "UNKNOWN"
    world.issue(serial=serial)
    world.forward(seconds=2)
    assert said(world, service, made) == "GOOD"


def test_an_answer_is_signed_once_and_anew_at_half_its_life(world: Publications) -> None:
    certificate, service = world.issue(), world.service()
    asked = question(world, certificate)
    world.forward(seconds=2)
    first = service.answer(asked)
    world.now += LIFETIME / 2 - timedelta(seconds=2)
    assert service.answer(asked).der == first.der
    world.forward(seconds=5)
    assert service.answer(asked).der != first.der
    with_nonce = question(world, certificate, b"n" * 32)
    assert service.answer(with_nonce).der != service.answer(with_nonce).der


def test_answers_signed_ahead_are_those_that_clients_ask_for(world: Publications) -> None:
    certificates, service = [world.issue() for _ in range(3)], world.service()
    world.change(certificates[2], "block")
    world.forward(seconds=2)
    assert service.sign_ahead(one.serial for one in certificates) == 3
    service._sign = None  # type: ignore[method-assign,assignment]  # nothing is signed any more
    told = [said(world, service, one) for one in certificates]
    assert told == ["GOOD", "GOOD", "certificateHold"]


def test_a_registry_that_is_away_is_asked_later(world: Publications, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, service = world.issue(), world.service()

    def away() -> None:
        raise StorageError("gone", reason="unreachable")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "begin", away)
        assert said(world, service, certificate) == "TRY_LATER"
    assert said(world, service, certificate) == "GOOD"


def test_a_change_that_somebody_has_changed_is_no_crash(world: Publications, holder: Certificate) -> None:
    service, asked = world.service(), question(world, holder)
    assert status_of(service.answer(asked).der) == "successful"
    world.change(world.issue(), "block")
    world.forward(seconds=2)
    last = "SELECT max(id) FROM zorgid_status_change"
    with world.store.engine.begin() as connection:
        (serial,) = connection.execute(sa.text(f"SELECT serial FROM zorgid_status_change WHERE id = ({last})")).one()
        change = sa.text(f"UPDATE zorgid_status_change SET serial = :serial WHERE id = ({last})")
        connection.execute(change, {"serial": "no number"})
    assert status_of(service.answer(asked).der) == "try_later"
    with world.store.engine.begin() as connection:
        connection.execute(change, {"serial": serial})
    assert status_of(service.answer(asked).der) == "successful"


def test_a_follower_that_was_away_too_long_begins_anew(world: Publications) -> None:
    from zorgid_card.ports.registry import StatusChange

    certificate, service = world.issue(), world.service()
    assert said(world, service, certificate) == "GOOD"
    world.change(certificate, "block")
    with world.store.begin() as unit:
        for change in list(unit.find(StatusChange)):
            unit.remove(change)
    world.issue()
    world.forward(seconds=2)
    assert said(world, service, certificate) == "certificateHold"


def test_threads_hear_of_a_block_that_was_committed_before(world: Publications) -> None:
    """Whoever asks after a block was committed, and after a look at the journal, never hears "good"."""
    service, certificate = world.service(followed_within=timedelta(0)), world.issue()
    asked, blocked, wrong = question(world, certificate), threading.Event(), []

    def ask() -> None:
        for _ in range(50):
            certain = blocked.is_set()
            try:
                Answer.parse(service.answer(asked).der).status()
                if certain:
                    wrong.append("good")
            except OnHoldError:
                pass

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    world.change(certificate, "block")
    blocked.set()
    for asker in askers:
        asker.join()
    assert wrong == []
    assert said(world, service, certificate) == "certificateHold"


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_rfc_5019_a_plain_answer_may_be_cached_and_says_how_long(world: Publications, holder: Certificate) -> None:
    path = "/" + quote(base64.b64encode(question(world, holder)).decode(), safe="")
    answer = world.ocsp.respond("GET", path, "", b"")
    headers = dict(answer.headers)
    assert (answer.status, headers["Content-Type"]) == (200, "application/ocsp-response")
    seconds = int(MAX_AGE.total_seconds())
    assert headers["Cache-Control"] == f"max-age={seconds}, public, no-transform, must-revalidate"
    begins, ends = (parsedate_to_datetime(headers[name]) for name in ("Last-Modified", "Expires"))
    assert ends - begins == LIFETIME
    assert headers["ETag"].startswith('"')
    post = world.ocsp.respond("POST", "/", "application/ocsp-request", question(world, holder))
    assert post.body == answer.body


def test_an_answer_with_nonce_or_without_signature_is_not_cached(world: Publications, holder: Certificate) -> None:
    for body in (question(world, holder, b"n" * 32), b"nonsense"):
        answer = world.ocsp.respond("POST", "/", "application/ocsp-request", body)
        assert answer.status == 200
        assert dict(answer.headers)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("safe", ["", "/", "/+="])
def test_appendix_a_1_base64_in_a_path_however_it_is_written(
    world: Publications, holder: Certificate, safe: str
) -> None:
    for nonce in (None, b"\xff" * 32, b"\xfb" * 32):
        path = "/" + quote(base64.b64encode(question(world, holder, nonce)).decode(), safe=safe)
        assert status_of(world.ocsp.respond("GET", path, "", b"").body) == "successful"


@pytest.mark.parametrize(
    ("method", "kind", "status"),
    [("PUT", "application/ocsp-request", 405), ("HEAD", "", 405), ("POST", "text/plain", 415), ("POST", "", 415)],
)
def test_other_requests_are_refused(world: Publications, method: str, kind: str, status: int) -> None:
    assert world.ocsp.respond(method, "/", kind, b"").status == status


@given(st.text(max_size=60))
@example("/\ud800")
def test_any_path_is_answered(world: Publications, path: str) -> None:
    assert world.ocsp.respond("GET", path, "", b"").status == 200


def test_the_exposure_is_what_it_says(world: Publications) -> None:
    assert world.ocsp.exposure() == FOLLOWED_WITHIN + LIFETIME
    assert CLOCK_SKEW > FOLLOWED_WITHIN


def test_the_answer_holds_the_responders_certificate_and_no_other(world: Publications, holder: Certificate) -> None:
    response = ocsp.load_der_ocsp_response(world.ocsp.answer(question(world, holder)).der)
    assert [c.public_bytes(Encoding.DER) for c in response.certificates] == [bytes(world.responder_certificate.der)]
    assert isinstance(response.signature_hash_algorithm, hashes.SHA256)
    assert response.responder_key_hash is not None
