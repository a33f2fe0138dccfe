"""The client certificate in a proxy's headers: which are believed, in which forms, and what becomes of all others (AUT-2)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from docs_examples import example
from zorgid_card.errors import (
    CertificateError,
    CertificateMalformedError,
    CertificateUsageError,
    NoClientCertificateError,
    NotAProxyError,
    RevokedError,
    TLSHeaderError,
    UntrustedError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.pki import tls
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.tls import CLIENT_CERT, CLIENT_CERT_CHAIN, UNIX_SOCKET, VERIFY_HEADER, X_HEADER, TLSProxy
from zorgid_card.pki.verifier import CertificateVerifier
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Person, Usage

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PKI = UZITestPKI(pool=KeyPool.shared(), now=NOW - timedelta(days=30))
PASS = PKI.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")
DER = PASS.certificates[Usage.AUTHENTICITY]
OTHER = PKI.pass_(Person("Vera", "Bakker", "900000077"), DE_LINDE, "Z", "01.015").certificates[Usage.AUTHENTICITY]
VERIFIER = CertificateVerifier(PKI.trust("Z", "N"), CRLs(lambda issuer: [PKI.crl(issuer, NOW)]))
PROXY = TLSProxy([UNIX_SOCKET, "10.0.0.0/29", "2001:db8::5"])

Headers = list[tuple[str, str]]


def pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def escaped(der: bytes) -> str:
    """As nginx writes it."""
    return quote(pem(der), safe="")


def spaced(der: bytes) -> str:
    """As Apache httpd writes it: with spaces for ends of lines."""
    return pem(der).replace("\n", " ")


def plain(der: bytes) -> str:
    """As HAProxy writes it."""
    return base64.b64encode(der).decode()


def item(der: bytes) -> str:
    """A Byte Sequence of RFC 8941."""
    return f":{plain(der)}:"


FORMS: dict[str, tuple[str, Callable[[bytes], str]]] = {
    "nginx": (X_HEADER, escaped),
    "apache": (X_HEADER, spaced),
    "haproxy": (X_HEADER, plain),
    "rfc9440": (CLIENT_CERT, item),
}


def identity(headers: Headers, peer: str = UNIX_SOCKET, proxy: TLSProxy = PROXY) -> str:
    return tls.identity_from_tls(headers, peer=peer, proxy=proxy, verifier=VERIFIER, at=NOW).uzi_number


def refused(error: type[ZorgIDError], headers: Headers, proxy: TLSProxy = PROXY) -> ZorgIDError:
    with pytest.raises(ZorgIDError) as caught:
        identity(headers, proxy=proxy)
    assert type(caught.value) is error
    return caught.value


@pytest.mark.parametrize("form", FORMS)
def test_aut_2_every_proxys_form_names_the_holder(form: str) -> None:
    name, written = FORMS[form]
    proxy = TLSProxy([UNIX_SOCKET], name)
    assert identity([(name, written(DER))], proxy=proxy) == JAN_DE_VRIES.uzi_number
    assert identity([(name.upper(), f" {written(DER)}\t"), ("Host", "x")], proxy=proxy) == JAN_DE_VRIES.uzi_number


@pytest.mark.parametrize(
    "peer", [UNIX_SOCKET, "10.0.0.0", "10.0.0.7", "::ffff:10.0.0.3", "2001:db8::5", "2001:DB8:0::5"]
)
def test_aut_2_a_configured_proxy_is_believed(peer: str) -> None:
    assert identity([(X_HEADER, plain(DER))], peer) == JAN_DE_VRIES.uzi_number


@pytest.mark.parametrize(
    "peer",
    [
        "",
        "10.0.0.8",
        "127.0.0.1",
        "::ffff:10.0.0.8",
        "2001:db8::6",
        "::1",
        "unix:",
        "UNIX",
        "10.0.0.3 ",
        "10.0.0.3:80",
        "x" * 500,
    ],
)
def test_aut_2_nobody_else_is_believed(peer: str) -> None:
    with pytest.raises(NotAProxyError) as caught:
        identity([(X_HEADER, plain(DER))], peer)
    assert len(str(caught.value)) < 200


def test_aut_2_a_unix_socket_is_believed_only_where_it_is_named() -> None:
    with pytest.raises(NotAProxyError):
        identity([(X_HEADER, plain(DER))], UNIX_SOCKET, TLSProxy(["10.0.0.1"]))
    with pytest.raises(NotAProxyError):
        identity([(X_HEADER, plain(DER))], "10.0.0.1", TLSProxy([UNIX_SOCKET]))


@pytest.mark.parametrize("peers", [[], "", ["nginx"], ["10.0.0.1/29"], ["0.0.0.0/0"], ["::/0"], ["10.0.0.1", ""]])
def test_aut_2_a_configuration_that_believes_everybody_or_nobody_is_refused(peers: list[str] | str) -> None:
    with pytest.raises(UsageError):
        TLSProxy(peers)


def test_one_peer_may_be_given_as_text() -> None:
    assert identity([(X_HEADER, plain(DER))], "10.0.0.1", TLSProxy("10.0.0.1")) == JAN_DE_VRIES.uzi_number


@pytest.mark.parametrize("headers", [[], [("Host", "x")], [(X_HEADER, "")], [(X_HEADER, "(null)")]])
def test_aut_2_without_a_certificate_there_is_nobody(headers: Headers) -> None:
    assert refused(NoClientCertificateError, headers).header == X_HEADER


def test_aut_2_only_the_header_that_the_proxy_sets_names_anybody() -> None:
    """The proxy sets X-SSL-Client-Cert; that there is a Client-Cert without it is a client's doing."""
    refused(NoClientCertificateError, [(CLIENT_CERT, item(DER))])
    refused(NoClientCertificateError, [(X_HEADER, plain(DER))], TLSProxy([UNIX_SOCKET], CLIENT_CERT))
    refused(NoClientCertificateError, [(X_HEADER, plain(DER))], TLSProxy([UNIX_SOCKET], "X-Pass"))


@pytest.mark.parametrize("twin", [X_HEADER, X_HEADER.lower(), "X_SSL_Client_Cert", "x-ssl_client-cert"])
@pytest.mark.parametrize("second", [plain(DER), plain(OTHER), ""])
def test_aut_2_a_header_that_stands_twice_is_refused(twin: str, second: str) -> None:
    for headers in ([(X_HEADER, plain(DER)), (twin, second)], [(twin, second), (X_HEADER, plain(DER))]):
        assert refused(TLSHeaderError, headers).reason == "stands twice"


def test_aut_2_what_a_server_joined_is_refused() -> None:
    """WSGI servers join what stands twice with a comma."""
    for first, second in ((DER, OTHER), (OTHER, DER), (DER, DER)):
        for written in (plain, escaped, spaced):
            refused(TLSHeaderError, [(X_HEADER, f"{written(first)},{written(second)}")])
        refused(TLSHeaderError, [(CLIENT_CERT, f"{item(first)}, {item(second)}")], TLSProxy([UNIX_SOCKET], CLIENT_CERT))


def test_aut_2_two_forms_must_agree() -> None:
    assert identity([(X_HEADER, escaped(DER)), (CLIENT_CERT, item(DER))]) == JAN_DE_VRIES.uzi_number
    error = refused(TLSHeaderError, [(X_HEADER, escaped(DER)), (CLIENT_CERT, item(OTHER))])
    assert error.header == CLIENT_CERT
    assert str(error.reason).startswith("another certificate")
    refused(TLSHeaderError, [(X_HEADER, escaped(DER)), (CLIENT_CERT, plain(DER))])
    by_the_standard = TLSProxy([UNIX_SOCKET], CLIENT_CERT)
    assert (
        refused(TLSHeaderError, [(CLIENT_CERT, item(DER)), (X_HEADER, plain(OTHER))], by_the_standard).header
        == X_HEADER
    )
    refused(TLSHeaderError, [("X-Pass", plain(DER)), (X_HEADER, plain(OTHER))], TLSProxy([UNIX_SOCKET], "X-Pass"))


@pytest.mark.parametrize("verdict", ["SUCCESS", "0", ""])
def test_aut_2_the_proxys_consent_spares_no_check(verdict: str) -> None:
    assert identity([(X_HEADER, plain(DER)), (VERIFY_HEADER, verdict)]) == JAN_DE_VRIES.uzi_number
    stranger = UZITestPKI(now=NOW - timedelta(days=30), pool=KeyPool()).pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")
    headers = [(X_HEADER, plain(stranger.certificates[Usage.AUTHENTICITY])), (VERIFY_HEADER, verdict)]
    refused(UntrustedError, headers)
    refused(CertificateUsageError, [(X_HEADER, plain(PASS.certificates[Usage.SIGNATURE])), (VERIFY_HEADER, verdict)])


@pytest.mark.parametrize(
    "verdict", ["FAILED:certificate has expired", "GENEROUS", "10", "success", "SUCCESS,SUCCESS", "1"]
)
def test_aut_2_the_proxys_refusal_counts(verdict: str) -> None:
    assert refused(TLSHeaderError, [(X_HEADER, plain(DER)), (VERIFY_HEADER, verdict)]).header == VERIFY_HEADER


def test_aut_2_a_certificate_beside_the_word_that_there_is_none_is_nobodys() -> None:
    refused(NoClientCertificateError, [(X_HEADER, plain(DER)), (VERIFY_HEADER, "NONE")])


def test_aut_2_a_revoked_pass_is_refused() -> None:
    revoked = PKI.pass_(Person("Rik", "Jansen", "900000088"), DE_LINDE, "N")
    headers = [(X_HEADER, plain(revoked.certificates[Usage.AUTHENTICITY]))]
    assert identity(headers) == "900000088"
    PKI.revoke(revoked, at=NOW)
    refused(RevokedError, headers)


def test_aut_2_a_chain_that_came_along_helps_to_build_a_path() -> None:
    trust = type(VERIFIER._trust)
    bare = CertificateVerifier(
        trust(anchors=PKI.chain("Z")[-1:], hierarchies=VERIFIER._trust.hierarchies),
        CRLs(lambda issuer: [PKI.crl(issuer, NOW)]),
    )
    above = [item(der) for der in PKI.chain("Z")[:-1]]
    proxy = TLSProxy([UNIX_SOCKET], CLIENT_CERT)

    def who(*chain: str) -> str:
        headers = [(CLIENT_CERT, item(DER)), *((CLIENT_CERT_CHAIN, line) for line in chain)]
        return tls.identity_from_tls(headers, peer=UNIX_SOCKET, proxy=proxy, verifier=bare, at=NOW).uzi_number

    with pytest.raises(UntrustedError):
        who()
    assert who(", ".join(above)) == who(*above) == who(f"{above[0]},{above[1]}") == JAN_DE_VRIES.uzi_number


@pytest.mark.parametrize(
    "chain",
    [
        plain(DER),
        f"{item(DER)},",
        f"{item(DER)};a=1",
        ", ".join([item(DER)] * 9),
        ":" + "A" * tls.MAX_CHAIN + ":",
        "::",
        ":é:",
    ],
    ids=["bare", "empty member", "parameter", "nine", "long", "no octets", "no ASCII"],
)
def test_a_malformed_chain_is_refused(chain: str) -> None:
    with pytest.raises((TLSHeaderError, CertificateMalformedError)):
        identity([(X_HEADER, plain(DER)), (CLIENT_CERT_CHAIN, chain)])


def test_aut_2_the_pages_example_is_a_program() -> None:
    names: dict[str, Any] = {"verifier": VERIFIER, "NOW": NOW}
    exec(example("docs/portal-tls.md", "tls").replace("datetime.now(UTC)", "NOW"), names)
    for peer in ("", "10.0.0.5"):
        assert names["who_is_there"]([(X_HEADER, plain(DER))], peer).uzi_number == JAN_DE_VRIES.uzi_number
    with pytest.raises(NotAProxyError):
        names["who_is_there"]([(X_HEADER, plain(DER))], "192.0.2.7")


HOSTILE = {
    "text": "hello",
    "PEM in base64": base64.b64encode(pem(DER).encode()).decode(),
    "two in one PEM": spaced(DER) + " " + spaced(OTHER),
    "another label": spaced(DER).replace("CERTIFICATE", "PUBLIC KEY"),
    "no end": spaced(DER).rsplit("-----END")[0],
    "half escaped": escaped(DER)[:-1] + "%",
    "escaped twice": quote(escaped(DER), safe=""),
    "base64 with a space": plain(DER)[:100] + " " + plain(DER)[100:],
    "base64 of the URL": plain(DER).translate(str.maketrans("+/", "-_")) + "-",
    "padding inside": plain(DER)[:8] + "=" + plain(DER)[8:],
    "a Byte Sequence in the X header": item(DER),
    "not ASCII": plain(DER) + "é",
    "too long": "A" * (tls.MAX_CERTIFICATE + 4),
    "empty PEM": "-----BEGIN CERTIFICATE----- -----END CERTIFICATE-----",
    "null": "null",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_aut_2_a_malformed_header_is_refused(name: str) -> None:
    with pytest.raises((TLSHeaderError, CertificateMalformedError)) as caught:
        identity([(X_HEADER, HOSTILE[name])])
    assert len(str(caught.value)) < 300  # what a stranger sent is not repeated


def test_sizes_are_looked_at_before_anything_is_decoded() -> None:
    long = "A" * (tls.MAX_CERTIFICATE + 4)
    for header, value in ((X_HEADER, long), (CLIENT_CERT, f":{long}:")):
        error = refused(TLSHeaderError, [(header, value)], TLSProxy([UNIX_SOCKET], header))
        assert str(error.reason).startswith("longer than")
    lines = [(CLIENT_CERT_CHAIN, item(DER))] * (tls.MAX_CHAIN // len(item(DER)) + 1)
    error = refused(TLSHeaderError, [(X_HEADER, plain(DER)), *lines])
    assert str(error.reason).startswith("longer than")


@pytest.mark.parametrize("value", [f":{plain(DER)};", f":{plain(DER)}", f"{plain(DER)}:", ":", "", f'"{plain(DER)}"'])
def test_aut_2_a_byte_sequence_stands_between_colons(value: str) -> None:
    with pytest.raises((TLSHeaderError, NoClientCertificateError)):
        identity([(CLIENT_CERT, value)], proxy=TLSProxy([UNIX_SOCKET], CLIENT_CERT))


@pytest.mark.parametrize("name", ["truncated", "trailing", "a CSR"])
def test_aut_2_octets_that_are_no_certificate_are_refused(name: str) -> None:
    octets = {"truncated": DER[:-1], "trailing": DER + b"\0", "a CSR": b"\x30\x03\x02\x01\x00"}[name]
    for header, written in FORMS.values():
        if written in (plain, item):
            refused(CertificateMalformedError, [(header, written(octets))], TLSProxy([UNIX_SOCKET], header))


RFC_9440 = (  # RFC 9440, appendix A: the end-entity certificate and its issuer
    "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAe"
    "Fw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalR"
    "hebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0Z"
    "aSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUC"
    "IBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=",
    "MIIB5jCCAYugAwIBAgIBFjAKBggqhkjOPQQDAjBWMQswCQYDVQQGEwJVUzEbMBkGA1UECgwSTGV0J3MgQXV0aGVudGljYXRlMSowKAYDVQQDDCFMZXQncyBB"
    "dXRoZW50aWNhdGUgUm9vdCBBdXRob3JpdHkwHhcNMjAwMTE0MjEzMjMwWhcNMzAwMTExMjEzMjMwWjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUx"
    "GzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJf+aA54RC5pyLAR5yfXVYmNpgd+CGUTDp2KOGhc0gK91zxh"
    "HesEYkdXkpS2UN8Kati+yHtWCV3kkhCngGyv7RqjZjBkMB0GA1UdDgQWBBRm3WjLa38lbEYCuiCPct0ZaSED2DAfBgNVHSMEGDAWgBTEA2Q6eecKu9g9yb5g"
    "lbkhhVINGDASBgNVHRMBAf8ECDAGAQH/AgEAMA4GA1UdDwEB/wQEAwIBhjAKBggqhkjOPQQDAgNJADBGAiEA5pLvaFwRRkxomIAtDIwg9D7gC1xzxBl4r28E"
    "zmSO1pcCIQCJUShpSXO9HDIQMUgH69fNDEMHXD3RRX5gP7kuu2KGMg==",
)


def test_aut_2_the_example_of_rfc_9440_is_read_and_names_nobody_of_the_register() -> None:
    leaf, issuer = RFC_9440
    headers = [("Client-Cert", f":{leaf}:"), ("Client-Cert-Chain", f":{issuer}:")]
    proxy = TLSProxy([UNIX_SOCKET], CLIENT_CERT)
    shown = tls.client_certificate(headers, peer=UNIX_SOCKET, proxy=proxy)
    assert shown.certificate.common_name == "BC"
    assert [one.common_name for one in shown.chain] == ["LA Intermediate CA"]
    shown.certificate.require_signed_by(shown.chain[0])
    with pytest.raises(CertificateError):
        identity(headers, proxy=proxy)


NAMES = st.sampled_from([X_HEADER, CLIENT_CERT, CLIENT_CERT_CHAIN, VERIFY_HEADER, "X_SSL_Client_Cert", "Host", ""])
VALUES = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=200).map(plain),
    st.binary(max_size=200).map(item),
    st.sampled_from([written(der) for der in (DER, OTHER) for _, written in FORMS.values()]),
    st.sampled_from(["SUCCESS", "NONE", "0", "(null)", "FAILED:x"]),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.sampled_from([X_HEADER, CLIENT_CERT]))
def test_aut_2_whatever_is_sent_only_the_proxys_own_header_names_somebody(headers: Headers, header: str) -> None:
    try:
        found = identity(headers, proxy=TLSProxy([UNIX_SOCKET], header))
    except ZorgIDError:
        return
    mine = [value for name, value in headers if name.lower().replace("_", "-") == header.lower()]
    (value,) = mine
    expected = DER if found == JAN_DE_VRIES.uzi_number else OTHER
    assert value.strip(" \t") in {written(expected).strip(" ") for _, written in FORMS.values()}


@given(st.integers(0, len(DER) - 1), st.integers(1, 255))
def test_aut_2_a_certificate_with_one_octet_changed_names_nobody(at: int, change: int) -> None:
    changed = bytearray(DER)
    changed[at] ^= change
    with pytest.raises(CertificateError):
        identity([(X_HEADER, plain(bytes(changed)))])


@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=300))
def test_any_text_is_an_address_a_proxy_or_refused(peer: str) -> None:
    try:
        PROXY.require(peer)
    except NotAProxyError:
        return
    assert peer == UNIX_SOCKET or peer.startswith(("10.0.0.", "2001:", "::ffff:"))
