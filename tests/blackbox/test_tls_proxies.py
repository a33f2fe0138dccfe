"""Log-in over TLS behind nginx, Apache httpd and HAProxy, each with the configuration that docs/portal-tls.md shows (AUT-2)."""

from __future__ import annotations

import base64
import http.client
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from docs_examples import example
from made_card import pem, run, tries_left, wait_for_card
from opensc import OpenSC
from openssl import FROM_CARD, engine
from proxies import HOST, PAGE, PROGRAMS, Site, site
from world import PASS_PIN
from zorgid_card.pki.tls import CLIENT_CERT, UNIX_SOCKET, X_HEADER, TLSProxy
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUT_A
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Person, Usage
from zorgid_card.testkit.vpcd import VPCDCard

pytestmark = pytest.mark.blackbox

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VICTIM = Person("Vera", "Bakker", "900000077")
REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
NOBODY = "portal.no_client_certificate"


@pytest.fixture(scope="module")
def pki() -> UZITestPKI:
    return UZITestPKI(pool=KeyPool.shared(), now=datetime.now(UTC) - timedelta(days=30))


@pytest.fixture(scope="module")
def doctor(pki: UZITestPKI) -> PassContents:
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")


@pytest.fixture(scope="module")
def victim(pki: UZITestPKI) -> bytes:
    """The certificate, which is no secret, of somebody whose pass the attacker does not have."""
    return pki.pass_(VICTIM, DE_LINDE, "Z", "01.015").certificates[Usage.AUTHENTICITY]


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def portal(request: pytest.FixtureRequest, pki: UZITestPKI) -> Iterator[Site]:
    with site(request.param, pki, TLSProxy([UNIX_SOCKET])) as portal:
        yield portal


def forged(certificate: bytes) -> dict[str, str]:
    """All that a client can think of to be taken for the holder of a certificate."""
    text = base64.b64encode(certificate).decode()
    names = {X_HEADER: text, "x-ssl-client-cert": text, CLIENT_CERT: f":{text}:"}
    return {**names, "X-SSL-Client-Verify": "SUCCESS"}


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3], ids=lambda version: version.name)
def test_aut_2_a_pass_logs_in_behind_each_proxy(portal: Site, doctor: PassContents, version: ssl.TLSVersion) -> None:
    with portal.connect(doctor, version=version) as connection:
        assert connection.version() == version.name.replace("_", ".")
        assert portal.ask(connection) == {"uzi_number": JAN_DE_VRIES.uzi_number, "ura": DE_LINDE.ura}


def test_aut_2_who_shows_no_pass_is_told_so(portal: Site) -> None:
    for version in (TLS_1_2, TLS_1_3):
        assert portal.get(version=version)["error"] == NOBODY


@pytest.mark.parametrize("name", [*sorted(forged(b"")), "X_SSL_Client_Cert", "X-SSL_Client-Cert", "Client_Cert"])
def test_aut_2_a_header_that_the_client_sent_is_overwritten(portal: Site, victim: bytes, name: str) -> None:
    text = base64.b64encode(victim).decode()
    values = [text, f":{text}:", pem(victim).decode().replace("\n", " ")]
    for value in ["SUCCESS", "0", "NONE"] if "Verify" in name else values:
        assert portal.get(headers={name: value}).get("error") in {NOBODY, "portal.tls_header"}
        assert victim_is_not_named(portal, victim)


def victim_is_not_named(portal: Site, victim: bytes) -> bool:
    text = base64.b64encode(victim).decode()
    named = [name for name, value in portal.upstream.seen if text in value or text in "".join(value.split())]
    return all("_" in name for name in named)  # one that a proxy lets through is told apart from the portal's own


def test_aut_2_all_forged_headers_at_once_name_nobody(portal: Site, victim: bytes) -> None:
    assert portal.get(headers=forged(victim))["error"] == NOBODY
    twice = [(name, value) for name, value in forged(victim).items() for _ in range(2)]
    answer = portal.get(headers=twice)
    assert answer.get("error") == NOBODY or answer == {"status": 400}


def test_aut_2_a_pass_of_ones_own_does_not_help_to_be_somebody_else(
    portal: Site, doctor: PassContents, victim: bytes
) -> None:
    assert portal.get(doctor, forged(victim)) == {"uzi_number": JAN_DE_VRIES.uzi_number, "ura": DE_LINDE.ura}


def test_aut_2_a_header_named_in_connection_names_nobody_else(
    portal: Site, doctor: PassContents, victim: bytes
) -> None:
    """A client may name headers that are to go no further (RFC 9110, 7.6.1): the proxy's own among them, to put its twin in."""
    twin = {"X_SSL_Client_Cert": base64.b64encode(victim).decode()}
    hostile = {"Connection": f"close, {X_HEADER}, X-SSL-Client-Verify", **twin}
    assert portal.get(headers=hostile)["error"] == NOBODY
    answer = portal.get(doctor, hostile)
    assert answer.get("error") == NOBODY or answer["uzi_number"] == JAN_DE_VRIES.uzi_number


def test_aut_2_a_revoked_pass_is_refused_though_the_proxy_accepts_it(portal: Site, pki: UZITestPKI) -> None:
    revoked = pki.pass_(Person("Rik", "Jansen", "900000088"), DE_LINDE, "N")
    assert portal.get(revoked)["uzi_number"] == "900000088"
    pki.revoke(revoked)
    assert portal.get(revoked)["error"] == "certificate.revoked"


def test_aut_2_a_certificate_of_another_usage_is_refused(portal: Site, pki: UZITestPKI, doctor: PassContents) -> None:
    """The key of the same pass's signature certificate: the proxy may not see that it is not for logging in, the portal does."""
    other = replace(
        doctor,
        keys={Usage.AUTHENTICITY: doctor.keys[Usage.SIGNATURE]},
        certificates={Usage.AUTHENTICITY: doctor.certificates[Usage.SIGNATURE]},
    )
    try:
        answer = portal.get(other)
    except (ssl.SSLError, ConnectionError, http.client.HTTPException):
        return  # the proxy ended the handshake: OpenSSL's purpose check
    assert answer.get("error") == "certificate.usage" or answer.get("status") == 400


def test_aut_2_a_pass_of_another_hierarchy_does_not_reach_the_portal(portal: Site) -> None:
    other = UZITestPKI("test", pool=KeyPool.shared(), now=datetime.now(UTC)).pass_(
        JAN_DE_VRIES, DE_LINDE, "Z", "01.015"
    )
    try:
        answer = portal.get(other)
    except (ssl.SSLError, ConnectionError, http.client.HTTPException):
        return
    assert answer == {"status": 400}


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3], ids=lambda version: version.name)
def test_aut_2_no_session_is_resumed(portal: Site, doctor: PassContents, version: ssl.TLSVersion) -> None:
    context = portal.context(doctor, version)
    with portal.connect(context=context) as connection:
        portal.ask(connection)
        session = connection.session
    with portal.connect(context=context, session=session) as connection:
        assert not connection.session_reused
        assert portal.ask(connection)["uzi_number"] == JAN_DE_VRIES.uzi_number


def test_aut_2_a_proxy_that_resumes_sessions_would_name_who_proved_no_key_anew(
    pki: UZITestPKI, doctor: PassContents
) -> None:
    def resuming(text: str) -> str:
        return "".join(line for line in text.splitlines(keepends=True) if "ssl_session" not in line)

    with site("nginx", pki, TLSProxy([UNIX_SOCKET]), resuming) as portal:
        context = portal.context(doctor, TLS_1_2)
        with portal.connect(context=context) as connection:
            portal.ask(connection)
            session = connection.session
        with portal.connect(context=context, session=session) as connection:
            assert connection.session_reused
            assert portal.ask(connection)["uzi_number"] == JAN_DE_VRIES.uzi_number


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_aut_2_the_key_on_a_card_logs_in(program: str, pcscd: None, pki: UZITestPKI, tmp_path: Path) -> None:
    """OpenSSL as the client, with the pass in a reader; this pass pads by PKCS #1 v1.5 alone, which TLS 1.3 does not take."""
    contents = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")
    opensc = OpenSC(tmp_path)
    environment = {**engine(tmp_path, PASS_PIN), **opensc.environment}
    certificate = tmp_path / "pass.pem"
    certificate.write_bytes(pem(contents.certificates[Usage.AUTHENTICITY]))
    with site(program, pki, TLSProxy([UNIX_SOCKET])) as portal, VPCDCard(pass_in(contents)):
        wait_for_card()
        client = ["openssl", "s_client", "-connect", f"127.0.0.1:{portal.port}", "-servername", HOST, "-quiet"]
        client += ["-CAfile", str(portal.directory / "site-ca.pem"), "-verify_return_error", "-cert", str(certificate)]
        client += [*FROM_CARD, "-key", "pkcs11:id=%45;type=private"]
        pkcs1 = ("-sigalgs", "ECDSA+SHA256:RSA+SHA256")
        told = run(*client, "-tls1_2", *pkcs1, given=REQUEST, env=environment)
        assert JAN_DE_VRIES.uzi_number in told
        portal.upstream.seen = []
        run(*client, "-tls1_3", *pkcs1, given=REQUEST, env=environment, fails=True)
        assert portal.upstream.seen == []
        assert tries_left() == (3, 3)
    time.sleep(0.6)  # vpcd looks every 0.4 s; the next card must not meet this one


def pass_in(contents: PassContents) -> VirtualUZIPass:
    return VirtualUZIPass(contents, pin=PASS_PIN, layout=LAYOUT_A)


def test_aut_2_who_comes_past_the_proxy_is_refused(portal: Site, victim: bytes) -> None:
    """The portal also listens on TCP, which the configuration does not name as a proxy's."""
    connection = http.client.HTTPConnection("127.0.0.1", portal.upstream.port, timeout=10)
    connection.request("GET", "/", headers=forged(victim))
    assert b"portal.not_a_proxy" in connection.getresponse().read()
    connection.close()


def test_aut_2_haproxy_hands_on_a_certificate_by_rfc_9440(pki: UZITestPKI, doctor: PassContents, victim: bytes) -> None:
    def by_the_standard(text: str) -> str:
        lines = [line for line in text.splitlines() if "set-header X-SSL" not in line]
        before = next(i for i, line in enumerate(lines) if "default_backend" in line)
        return "\n".join([*lines[:before], example(PAGE, "rfc9440").rstrip(), *lines[before:], ""])

    with site("haproxy", pki, TLSProxy([UNIX_SOCKET], CLIENT_CERT), by_the_standard) as portal:
        for version in (TLS_1_2, TLS_1_3):
            assert portal.get(doctor, forged(victim), version=version)["uzi_number"] == JAN_DE_VRIES.uzi_number
            assert portal.get(headers=forged(victim), version=version)["error"] == NOBODY
        assert [name.lower() for name, _ in portal.upstream.seen if "cert" in name.lower()] == []


def test_aut_2_a_proxy_that_forgets_to_overwrite_is_why_the_header_is_named(
    pki: UZITestPKI, doctor: PassContents, victim: bytes
) -> None:
    """A configuration that leaves the client's Client-Cert alone: beside the proxy's own header it contradicts, and is refused."""

    def careless(text: str) -> str:
        return "\n".join(line for line in text.splitlines() if "Client-Cert" not in line or "X-SSL" in line) + "\n"

    with site("nginx", pki, TLSProxy([UNIX_SOCKET]), careless) as portal:
        client_cert = {CLIENT_CERT: forged(victim)[CLIENT_CERT]}
        assert portal.get(headers=client_cert)["error"] == NOBODY
        answer = portal.get(doctor, client_cert)
        assert answer["error"] == "portal.tls_header"
        assert answer["header"] == CLIENT_CERT
