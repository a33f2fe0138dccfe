"""A remote CA by EST (RFC 7030): the server proven with strongSwan's client, then our client against it, with faults on the way."""

from __future__ import annotations

import base64
import logging
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from est_server import PASSWORD, PKCS7, USER, ESTServer, Handler, est_server, issue, pem
from pki_world import Node, make
from zorgid_card.adapters.est import Credentials, ESTClient, decode
from zorgid_card.adapters.http import Timeouts
from zorgid_card.errors import (
    CertificateIssuedError,
    CertificateMalformedError,
    EnrolmentPendingError,
    FetchError,
    NotOfferedError,
    StorageError,
    UsageError,
)
from zorgid_card.pki.csr import build_csr, request_template
from zorgid_card.pki.identity import read_zorgid_identity
from zorgid_card.pki.naming import alternative_names, subject_name
from zorgid_card.pki.profile import AUTHENTICITY
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.authority import RemoteAuthority, SubjectData
from zorgid_card.secret import Secret
from zorgid_card.workflows.remote_authority import RemoteCA

JAN = SubjectData(uzi_number="900000015", given_names="Zoë Renée", surname="de Vries", common_name="Zoë Renée de Vries")
GUID = bytes(range(16))
STRONGSWAN = pytest.mark.skipif(
    shutil.which("pki") is None, reason="strongSwan's pki is not installed (strongswan-pki)"
)
NO_BATTERIES = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ESTServer]:
    with est_server(tmp_path_factory.mktemp("est")) as server:
        yield server


@pytest.fixture
def server(running: ESTServer) -> ESTServer:
    running.pending, running.fault, running.build = [], None, None
    running.seen.clear()
    return running


@pytest.fixture(scope="module")
def card() -> SoftwareSigner:
    """The key of a card."""
    return SoftwareSigner(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def request_of_card(card: SoftwareSigner) -> bytes:
    return build_csr(card, request_template(AUTHENTICITY, JAN, GUID))


BASIC = Credentials(user=USER, password=Secret.of(PASSWORD))


def client(server: ESTServer, credentials: Credentials = BASIC, **options: Any) -> ESTClient:
    return ESTClient(server.address, anchors=server.anchors, credentials=credentials, **options)


def remote(server: ESTServer, told: list[Any] | None = None, **options: Any) -> RemoteCA:
    record = [] if told is None else told
    return RemoteCA(client(server, **options), server.chain, tell=lambda *given: record.append(given))


def enrol(ca: RemoteCA, card: SoftwareSigner, request: bytes, **changed: Any) -> bytes:
    now = datetime.now(UTC)
    asked: dict[str, Any] = {"serial": 1 << 80, "not_before": now, "not_after": now + timedelta(days=365), "guid": GUID}
    return ca.issue(AUTHENTICITY, JAN, card.public_key, **asked | {"request": request} | changed)


# --- the server is sound: somebody else's client says so -------------------------------------------------------------


def strongswan(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["pki", *arguments], capture_output=True, timeout=60, check=False)


def openssl_request(directory: Path) -> Path:
    """strongSwan's own parser takes no otherName of a type that it does not know, so its request is a plain one."""
    path = directory / "request.der"
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(directory / "key.pem")]
    command = ["openssl", "req", "-new", *key, "-subj", "/CN=card", "-outform", "DER", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path


@STRONGSWAN
def test_the_test_server_serves_strongswan(server: ESTServer, tmp_path: Path) -> None:
    where = ["--url", server.address, "--cacert", str(server.anchors)]
    ran = strongswan("--estca", *where, "--caout", str(tmp_path / "ca.der"))
    assert ran.returncode == 0, ran.stderr
    assert {(tmp_path / name).read_bytes() for name in ("ca.der", "ca-1.der")} == set(server.chain)
    above = [part for name in ("ca.der", "ca-1.der") for part in ("--cacert", str(tmp_path / name))]
    given = ["--in", str(openssl_request(tmp_path)), "--interval", "1", "--maxpolltime", "20"]
    server.pending.append("1")
    ran = strongswan("--est", *where, *above, *given, "--userpass", f"{USER}:{PASSWORD.decode()}")
    assert ran.returncode == 0, ran.stderr
    assert b"EST request pending" in ran.stderr
    assert b"Issued certificate is trusted" in ran.stderr
    assert x509.load_der_x509_certificate(ran.stdout) == server.issued[-1]


@STRONGSWAN
def test_the_test_server_refuses_strongswan_with_a_wrong_password(server: ESTServer, tmp_path: Path) -> None:
    (tmp_path / "root.der").write_bytes(server.root.der)
    issued = len(server.issued)
    given = [
        "--cacert",
        str(server.anchors),
        "--cacert",
        str(tmp_path / "root.der"),
        "--in",
        str(openssl_request(tmp_path)),
    ]
    ran = strongswan("--est", "--url", server.address, *given, "--userpass", f"{USER}:wrong")
    assert ran.returncode != 0
    assert [path for path, *_ in server.seen] == ["/.well-known/est/simpleenroll"]
    assert len(server.issued) == issued


# --- the client ------------------------------------------------------------------------------------------------------


def test_crd_7_a_remote_ca_issues_for_the_key_and_person_of_the_card(
    server: ESTServer, card: SoftwareSigner, request_of_card: bytes
) -> None:
    told: list[Any] = []
    ca = remote(server, told)
    assert isinstance(ca, RemoteAuthority)
    der = enrol(ca, card, request_of_card)
    identity = read_zorgid_identity(der)
    assert (identity.uzi_number, identity.guid, identity.usage) == ("900000015", GUID, "authenticity")
    assert [(serial, status) for serial, status, *_ in told] == [(int(identity.serial, 16), "hold")]
    assert ca.chain == server.chain


def test_est_2_the_client_shows_itself_by_a_tls_certificate(server: ESTServer, request_of_card: bytes) -> None:
    found = client(server, Credentials(certificate=server.client)).enrol(request_of_card)
    assert x509.load_der_x509_certificate(found) == server.issued[-1]
    assert "Authorization" not in server.seen[-1][1]
    with pytest.raises(FetchError) as caught:
        client(server, Credentials()).enrol(request_of_card)
    assert (caught.value.reason, caught.value.status) == ("http status", 401)


def test_est_2_the_key_of_the_tls_certificate_may_be_sealed(
    server: ESTServer, request_of_card: bytes, tmp_path: Path
) -> None:
    node = make(
        "registrar", server.root, ca=False, usages=("digital_signature",), purposes=[ExtendedKeyUsageOID.CLIENT_AUTH]
    )
    (tmp_path / "cert.pem").write_bytes(node.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(pem(node.key, b"open sesame"))
    paths = {"certificate": tmp_path / "cert.pem", "key": tmp_path / "key.pem"}
    assert client(server, Credentials(**paths, passphrase=Secret.of(b"open sesame"))).enrol(request_of_card)
    for wrong in (Secret.of(b"open sesam"), None):
        with pytest.raises(StorageError):
            client(server, Credentials(**paths, passphrase=wrong))


def test_est_4_1_the_ca_certificates_and_4_5_the_wanted_attributes(server: ESTServer) -> None:
    asking = client(server)
    assert set(asking.ca_certificates()) == set(server.chain)
    assert asking.csr_attributes() == ("1.2.840.10045.2.1", "1.2.840.113549.1.9.14")
    server.fault = lambda handler, body: handler.reply(204, "text/plain", b"")
    assert asking.csr_attributes() == ()


@pytest.mark.parametrize("attributes", ["30023000", "30043002" + "3000", "3003020101", "30820000"])
def test_est_4_5_attributes_that_are_none_are_a_typed_error(server: ESTServer, attributes: str) -> None:
    server.fault = replying(200, "application/csrattrs", base64.b64encode(bytes.fromhex(attributes)))
    with suppress(FetchError):
        assert client(server).csr_attributes() == ()


def test_est_4_2_2_renewal_is_asked_for_at_its_own_address(server: ESTServer, request_of_card: bytes) -> None:
    assert client(server).reenrol(request_of_card)
    assert server.seen[-1][0].endswith("/.well-known/est/simplereenroll")


def test_est_3_2_2_a_label_names_one_ca_of_several(server: ESTServer) -> None:
    with pytest.raises(FetchError) as caught:
        client(server, label="cards").ca_certificates()
    assert caught.value.status == 404
    assert server.seen[-1][0] == "/.well-known/est/cards/cacerts"
    for label in ("cacerts", "a/b", "", "../x"):
        with pytest.raises(FetchError, match="label"):
            client(server, label=label)


@pytest.mark.parametrize(
    "address", ["http://localhost", "https://localhost/path", "https://user:pw@localhost", "localhost", ""]
)
def test_est_3_3_an_address_is_of_https_and_has_no_path(address: str) -> None:
    with pytest.raises(FetchError) as caught:
        ESTClient(address)
    assert caught.value.reason == "url"


# --- later -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "expected"),
    [("5", 5), ("0", 1), ("", 60), ("soon", 60), ("-3", 60), ("9" * 40, 604800), ("Wed, 21 Oct 2015 07:28:00 GMT", 1)],
)
def test_est_4_2_3_a_certificate_that_comes_later_is_asked_for_again_with_the_same_request(
    server: ESTServer, card: SoftwareSigner, request_of_card: bytes, told: str, expected: int
) -> None:
    server.pending.append(told)
    ca = remote(server)
    with pytest.raises(EnrolmentPendingError) as caught:
        enrol(ca, card, request_of_card)
    assert caught.value.retry_after == expected
    assert caught.value.retryable
    assert read_zorgid_identity(enrol(ca, card, request_of_card)).uzi_number == "900000015"
    assert server.seen[-1][2] == server.seen[-2][2]


def test_est_4_2_3_retry_after_may_be_a_date(server: ESTServer, request_of_card: bytes) -> None:
    server.pending.append((datetime.now(UTC) + timedelta(hours=2)).strftime("%a, %d %b %Y %H:%M:%S GMT"))
    with pytest.raises(EnrolmentPendingError) as caught:
        client(server).enrol(request_of_card)
    assert 3600 < int(caught.value.retry_after or 0) <= 7200


# --- faults ----------------------------------------------------------------------------------------------------------


def body_of(server: ESTServer) -> bytes:
    return base64.b64encode(pkcs7.serialize_certificates([server.issuing.certificate], Encoding.DER))


def of_no_version(handler: Handler, body: bytes) -> None:
    """A certificate that says it is of version 10."""
    octets = base64.b64decode(body_of(handler.est)).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09")
    handler.reply(200, PKCS7, base64.b64encode(octets))


def truncated(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", PKCS7)
    handler.send_header("Content-Length", "9999")
    handler.end_headers()
    handler.wfile.write(body_of(handler.est)[:100])
    handler.close_connection = True


def endless(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", PKCS7)
    handler.send_header("Connection", "close")
    handler.end_headers()
    with suppress(OSError):
        while True:
            handler.wfile.write(b"A" * 65536)


def dripping(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", PKCS7)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    with suppress(OSError):
        while True:
            handler.wfile.write(b"A")
            handler.connection.recv(1)  # a byte at a time, until the client goes away


def silent(handler: Handler, body: bytes) -> None:
    with suppress(OSError):
        handler.connection.recv(1)
    handler.close_connection = True


def replying(status: int, kind: str, body: bytes, *headers: tuple[str, str]) -> Callable[[Handler, bytes], None]:
    return lambda handler, _: handler.reply(status, kind, body, *headers)


FAULTS: dict[str, tuple[Callable[[Handler, bytes], None], str]] = {
    "silent": (silent, "timeout"),
    "dripping": (dripping, "timeout"),
    "truncated": (truncated, "broken"),
    "endless": (endless, "too big"),
    "no HTTP": (lambda handler, _: (handler.wfile.write(b"\x00\x01 what?\r\n\r\n"), handler.connection.close())[0], "broken"),
    "wrong content type": (replying(200, "text/html", b"<html>"), "content type"),
    "no content type": (replying(200, "", b""), "content type"),
    "redirect": (replying(302, "text/plain", b"", ("Location", "https://localhost:1/")), "http status"),
    "error": (replying(500, PKCS7, b"x"), "http status"),
    "forbidden": (replying(403, PKCS7, b"x"), "http status"),
    "compressed": (replying(200, PKCS7, b"x", ("Content-Encoding", "gzip")), "encoding"),
    "not base64": (replying(200, PKCS7, b"\xff\xfe!"), "contents"),
    "empty": (replying(200, PKCS7, b""), "contents"),
    "not PKCS #7": (replying(200, PKCS7, base64.b64encode(b"\x30\x03\x02\x01\x01")), "contents"),
    "no certificate": (replying(200, PKCS7, base64.b64encode(bytes.fromhex("302306092a864886f70d010702a0163014020101310030"
                                                                      "0b06092a864886f70d010701a1003100"))), "contents"),
    "no version": (of_no_version, "contents"),
    "two certificates": (lambda handler, _: handler.certificates(
        [handler.est.issuing.certificate, handler.est.root.certificate]), "contents"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_server_is_a_typed_error(server: ESTServer, request_of_card: bytes, name: str) -> None:
    server.fault, reason = FAULTS[name]
    quick = Timeouts(connect=2.0, read=0.3, total=1.0)
    with pytest.raises(FetchError) as caught:
        client(server, timeouts=quick).enrol(request_of_card)
    assert caught.value.reason == reason
    assert PASSWORD.decode() not in str(caught.value)


def test_a_server_with_a_wrong_tls_chain_gets_no_request(
    server: ESTServer, request_of_card: bytes, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(make("Another TLS root").certificate.public_bytes(Encoding.PEM))
    asking = ESTClient(server.address, anchors=other, credentials=BASIC)
    with pytest.raises(FetchError) as caught:
        asking.enrol(request_of_card)
    assert caught.value.reason == "tls"
    with pytest.raises(FetchError) as caught:
        ESTClient(server.address.replace("localhost", "127.0.0.1"), anchors=server.anchors).enrol(request_of_card)
    assert caught.value.reason == "tls"
    assert server.seen == []


def test_nobody_at_the_address(tmp_path: Path, server: ESTServer, request_of_card: bytes) -> None:
    with pytest.raises(FetchError) as caught:
        ESTClient("https://localhost:1", anchors=server.anchors).enrol(request_of_card)
    assert caught.value.reason == "unreachable"


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_bytes(b"none")
    with pytest.raises(StorageError):
        ESTClient("https://localhost", anchors=tmp_path / "none.pem")
    with pytest.raises(StorageError):
        ESTClient("https://localhost", credentials=Credentials(certificate=tmp_path / "missing.pem"))


@NO_BATTERIES
@given(octets=st.binary(max_size=400), data=st.data())
def test_whatever_stands_in_an_answer_is_a_certificate_or_a_typed_error(
    server: ESTServer, request_of_card: bytes, octets: bytes, data: st.DataObject
) -> None:
    sound = base64.b64decode(body_of(server))
    place = data.draw(st.integers(0, len(sound) - 1))
    spoilt = data.draw(st.sampled_from([octets, sound[:place], sound[:place] + octets + sound[place:]]))
    for asked, kind in ((ESTClient.ca_certificates, PKCS7), (ESTClient.csr_attributes, "application/csrattrs")):
        server.fault = replying(200, kind, base64.b64encode(spoilt))
        with suppress(FetchError):
            assert all(asked(client(server)))


@given(octets=st.binary(min_size=1), blanks=st.lists(st.tuples(st.integers(0, 400), st.sampled_from(" \r\n\t"))))
def test_rfc_8951_base64_is_read_with_any_line_ends(octets: bytes, blanks: list[tuple[int, str]]) -> None:
    text = base64.b64encode(octets).decode()
    for place, blank in blanks:
        text = text[:place] + blank + text[place:]
    assert decode("https://localhost", text.encode()) == octets


# --- a CA that issues something else ---------------------------------------------------------------------------------


Build = Callable[[x509.CertificateSigningRequest, Node], x509.Certificate]


def changed(**parts: Any) -> Build:
    return lambda request, issuer: issue(request, issuer, **parts)


def by_another(request: x509.CertificateSigningRequest, issuer: Node) -> x509.Certificate:
    return issue(request, issuer, signer=make("Test EST CA"))


def other_names(**parts: Any) -> Build:
    return changed(names=alternative_names(AUTHENTICITY, replace(JAN, **parts), GUID))


MORE = x509.SubjectAlternativeName(
    [*alternative_names(AUTHENTICITY, JAN, GUID), x509.RFC822Name("somebody@example.org")]
)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
ISSUED: dict[str, tuple[Build, str]] = {
    "signed by another": (by_another, "signature"),
    "another key": (changed(public_key=ec.generate_private_key(ec.SECP256R1()).public_key()), "public key"),
    "another person": (
        changed(
            subject=subject_name(replace(JAN, uzi_number="900000023")),
            names=alternative_names(AUTHENTICITY, replace(JAN, uzi_number="900000023"), GUID),
        ),
        "subject",
    ),
    "another name": (changed(subject=subject_name(replace(JAN, surname="Jansen"))), "subject"),
    "another number in subjectAltName": (other_names(uzi_number="900000023"), "certificate"),
    "another card": (changed(names=alternative_names(AUTHENTICITY, JAN, bytes(16))), "subjectAltName"),
    "one more name": (changed(names=MORE), "subjectAltName"),
    "a CA": (changed(ca=True), "basicConstraints"),
    "more usages": (changed(usages=("digital_signature", "key_cert_sign")), "keyUsage"),
    "more purposes": (
        changed(purposes=(ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)),
        "extKeyUsage",
    ),
    "no purpose": (changed(purposes=()), "extKeyUsage"),
    "another policy": (changed(policies=("1.2.3",)), "certificate"),
    "one more policy": (changed(policies=(AUTHENTICITY.policy, "1.2.3")), "certificatePolicies"),
    "valid for longer": (changed(days=400), "validity"),
    "valid later": (changed(start=timedelta(days=3), days=30), "validity"),
    "expired": (changed(start=timedelta(days=-40), days=30), "validity"),
    "an unknown critical extension": (changed(extensions=((UNKNOWN, True),)), "extensions"),
}


@pytest.mark.parametrize("name", ISSUED)
def test_crd_7_a_certificate_that_was_not_asked_for_is_not_used(
    server: ESTServer, card: SoftwareSigner, request_of_card: bytes, name: str
) -> None:
    server.build, field = ISSUED[name]
    told: list[Any] = []
    with pytest.raises(CertificateIssuedError) as caught:
        enrol(remote(server, told), card, request_of_card)
    assert caught.value.field == field
    assert told == []


def test_crd_7_an_extension_that_is_not_critical_does_no_harm(
    server: ESTServer, card: SoftwareSigner, request_of_card: bytes
) -> None:
    server.build = changed(extensions=((UNKNOWN, False),), days=30)
    assert read_zorgid_identity(enrol(remote(server), card, request_of_card)).guid == GUID


def test_crd_7_a_request_for_another_key_or_person_is_not_sent(
    server: ESTServer, card: SoftwareSigner, request_of_card: bytes
) -> None:
    another = SoftwareSigner(ec.generate_private_key(ec.SECP256R1()))
    ca = remote(server)
    with pytest.raises(UsageError):
        enrol(ca, another, request_of_card)
    with pytest.raises(CertificateMalformedError):
        enrol(ca, card, build_csr(card))
    with pytest.raises(CertificateMalformedError):
        enrol(ca, card, request_of_card, guid=bytes(16))
    with pytest.raises(CertificateMalformedError):
        enrol(ca, card, b"")
    assert server.seen == []


def test_crd_7_a_certificate_that_cannot_be_put_on_hold_is_not_handed_out(
    server: ESTServer, card: SoftwareSigner, request_of_card: bytes
) -> None:
    def tell(*told: object) -> None:
        raise FetchError("the CA's own interface is down", reason="unreachable")

    with pytest.raises(FetchError):
        enrol(RemoteCA(client(server), server.chain, tell=tell), card, request_of_card)


def test_a_remote_ca_signs_its_own_crls(server: ESTServer) -> None:
    with pytest.raises(NotOfferedError):
        remote(server).sign_crl((), 1, datetime.now(UTC), datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(UsageError):
        RemoteCA(client(server), server.chain[:1], tell=None)


def test_the_password_stands_in_no_log_and_no_repr(
    server: ESTServer, request_of_card: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asking = client(server)
    assert asking.enrol(request_of_card)
    sent = server.seen[-1][1]["Authorization"].removeprefix("Basic ")
    assert "httpcore" in {
        record.name.partition(".")[0] for record in caplog.records
    }  # so there was something to be seen
    for text in (caplog.text, repr(asking), repr(BASIC)):
        assert PASSWORD.decode() not in text
        assert sent not in text


def test_the_secrets_of_tls_go_into_no_file(
    server: ESTServer, request_of_card: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads them and listens reads the portal's password."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "secrets"))
    assert client(server).enrol(request_of_card)
    assert not (tmp_path / "secrets").exists()
