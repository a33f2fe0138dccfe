"""Who is at the other end of a TLS connection that a proxy ended, from the headers that the proxy set (AUT-2).

The proxy asked for a certificate in the handshake, and the client proved that it has the key; the portal gets the certificate
in a header. A header is text that anybody can send, so the portal says which peers are its proxies and which one header those
set. The proxy's verdict spares no check: a certificate is judged here as at a log-in (:mod:`zorgid_card.pki.verifier`).
How to set up nginx, Apache httpd and HAProxy, and what all this does not prove, stands in docs/portal-tls.md.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from zorgid_card.errors import NoClientCertificateError, NotAProxyError, TLSHeaderError, UsageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.pki.verifier import CertificateVerifier

UNIX_SOCKET = "unix"
"""The peer of a request that came over a Unix domain socket, which has no address."""

X_HEADER = "X-SSL-Client-Cert"
"""By custom: the certificate as nginx (``$ssl_client_escaped_cert``), Apache httpd (``SSL_CLIENT_CERT``) or HAProxy
(``ssl_c_der,base64``) gives it.
"""

VERIFY_HEADER = "X-SSL-Client-Verify"
"""By custom: the proxy's own verdict. Its refusal counts, its consent does not."""

CLIENT_CERT, CLIENT_CERT_CHAIN = "Client-Cert", "Client-Cert-Chain"
"""Certificate and chain by RFC 9440."""

MAX_CERTIFICATE = 16 * 1024
"""Characters of a certificate in a header. That of a UZI pass has about 3,000."""

MAX_CHAIN = 64 * 1024
"""Characters of ``Client-Cert-Chain``, all its lines together."""

MAX_CHAIN_LENGTH = 8
"""Certificates in ``Client-Cert-Chain``. UZI passes have three CAs above them."""

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_PEM = re.compile(rf"{_BEGIN}([A-Za-z0-9+/=\s]+){_END}\s*", re.ASCII)
_ESCAPED = re.compile(r"-----BEGIN%20CERTIFICATE-----(?:[A-Za-z0-9_.~+/=-]|%[0-9A-Fa-f]{2})*")
_ACCEPTED = {"SUCCESS", "0"}  # nginx and Apache httpd, HAProxy
_APACHE_ABSENT = "(null)"


class ClientCertificate(NamedTuple):
    """What the client presented in the handshake. Nothing of it is judged yet."""

    certificate: Certificate
    chain: tuple[Certificate, ...]
    """The CA certificates that came along; the proxy may leave them out."""


class TLSProxy:
    """The proxies in front of a portal, and the header in which they give the client's certificate.

    Args:
        peers: addresses or networks of the proxies, such as ``10.0.0.5`` or ``2001:db8::/64``; :data:`UNIX_SOCKET` for any
            process that can open the portal's socket.
        header: the one that the proxies always set or remove, whatever the client sent: :data:`X_HEADER`,
            :data:`CLIENT_CERT`, or a name of your own.

    Raises:
        UsageError: a peer is no address, network or :data:`UNIX_SOCKET`; there is none; or it is everybody.
    """

    __slots__ = ("_networks", "_unix", "header")

    def __init__(self, peers: Iterable[str], header: str = X_HEADER) -> None:
        named = {peers} if isinstance(peers, str) else set(peers)
        self._unix = UNIX_SOCKET in named
        self.header = header
        try:
            self._networks = [ip_network(peer) for peer in named - {UNIX_SOCKET}]
        except ValueError as error:
            raise UsageError(f"not a proxy's address: {error}", reason="peers") from error
        if not named or any(network.prefixlen == 0 for network in self._networks):
            raise UsageError("name the addresses of the proxies", reason="peers")

    def require(self, peer: str) -> None:
        """Raise unless a request comes from a proxy.

        Args:
            peer: the other end of the connection by which the request came, from the transport: an IP address, or
                :data:`UNIX_SOCKET`. Never from a header such as ``X-Forwarded-For``.

        Raises:
            NotAProxyError: it does not.
        """
        if not (self._unix if peer == UNIX_SOCKET else self._has(peer)):
            raise NotAProxyError(peer=peer[:64])

    def _has(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # a socket for both families tells IPv4 peers so
        return any(address in network for network in self._networks)


def identity_from_tls(
    headers: Iterable[tuple[str, str]], *, peer: str, proxy: TLSProxy, verifier: CertificateVerifier, at: datetime
) -> UZIIdentity:
    """Whom the client's certificate names, judged as at a log-in.

    Args:
        headers: all headers of the request as pairs of name and value, those that stand twice twice.
        peer: where the request came from, by the transport (:meth:`TLSProxy.require`).
        proxy: the portal's configuration.
        verifier: judges the certificate: chain, usage, revocation and type of pass.
        at: now, with a time zone.

    Raises:
        NotAProxyError: the request did not come from a proxy.
        NoClientCertificateError: the client showed no certificate.
        TLSHeaderError: a header stands twice, is malformed or too long, contradicts another, or tells of a refusal.
        CertificateError: the certificate is malformed, expired, untrusted, revoked, or of the wrong usage.
        PassTypeError: passes of this type are not accepted.
    """
    shown = client_certificate(headers, peer=peer, proxy=proxy)
    chain = [certificate.der for certificate in shown.chain]
    return verifier.verify(shown.certificate, usage="authenticity", at=at, intermediates=chain)


def client_certificate(headers: Iterable[tuple[str, str]], *, peer: str, proxy: TLSProxy) -> ClientCertificate:
    """The certificate that the client presented, unjudged; arguments and errors are those of :func:`identity_from_tls`."""
    proxy.require(peer)
    told = _Told(headers, (proxy.header, X_HEADER, VERIFY_HEADER, CLIENT_CERT, CLIENT_CERT_CHAIN))
    _require_verdict(told.one(VERIFY_HEADER))
    value = told.one(proxy.header)
    if not value:
        raise NoClientCertificateError(header=proxy.header)
    certificate = _certificate(proxy.header, value)
    for other in (X_HEADER, CLIENT_CERT):
        twin = told.one(other)
        if twin and _certificate(other, twin) != certificate:
            raise TLSHeaderError(header=other, reason=f"another certificate than in {proxy.header}")
    return ClientCertificate(certificate, _chain(told.all(CLIENT_CERT_CHAIN)))


class _Told:
    """The values of the headers that matter. ``-`` and ``_`` are one, as to WSGI and CGI: a client might send the other."""

    def __init__(self, headers: Iterable[tuple[str, str]], names: Iterable[str]) -> None:
        self._values: dict[str, list[str]] = {_folded(name): [] for name in names}
        for name, value in headers:
            found = self._values.get(_folded(name))
            if found is not None:
                found.append(value.strip(" \t"))

    def one(self, name: str) -> str:
        """The value; empty where the header is absent. Raises TLSHeaderError where it stands twice."""
        values = self.all(name)
        if len(values) > 1:
            raise TLSHeaderError(header=name, reason="stands twice")
        return "" if values == [_APACHE_ABSENT] else "".join(values)

    def all(self, name: str) -> list[str]:
        return self._values[_folded(name)]


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")


def _require_verdict(verdict: str) -> None:
    if verdict == "NONE":
        raise NoClientCertificateError(header=VERIFY_HEADER)
    if verdict and verdict not in _ACCEPTED:
        raise TLSHeaderError(header=VERIFY_HEADER, reason="the proxy refused the certificate")


def _certificate(header: str, value: str) -> Certificate:
    """Every form tells itself by how it begins, and nothing is of two forms."""
    if len(value) > MAX_CERTIFICATE:
        raise TLSHeaderError(header=header, reason=f"longer than {MAX_CERTIFICATE} characters")
    if _folded(header) == _folded(CLIENT_CERT):
        return _parsed(header, _byte_sequence(header, value))
    if _ESCAPED.fullmatch(value):
        value = unquote_to_bytes(value).decode("latin-1")
    pem = _PEM.fullmatch(value)
    return _parsed(header, "".join(pem[1].split()) if pem else value)


def _byte_sequence(header: str, value: str) -> str:
    """Between the colons of a Byte Sequence (RFC 8941, 3.3.5). RFC 9440 gives it no parameters."""
    if len(value) < 2 or value[0] != ":" or value[-1] != ":":
        raise TLSHeaderError(header=header, reason="no byte sequence")
    return value[1:-1]


def _parsed(header: str, text: str) -> Certificate:
    try:
        der = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise TLSHeaderError(header=header, reason="no certificate in a known form") from error
    return Certificate.from_der(der)


def _chain(lines: Sequence[str]) -> tuple[Certificate, ...]:
    """``Client-Cert-Chain`` may stand on several lines (RFC 9440, 2.3): it only helps to build a path that is judged anyhow."""
    if sum(map(len, lines)) > MAX_CHAIN:
        raise TLSHeaderError(header=CLIENT_CERT_CHAIN, reason=f"longer than {MAX_CHAIN} characters")
    members = [member.strip(" \t") for line in lines if line for member in line.split(",")]
    if len(members) > MAX_CHAIN_LENGTH:
        raise TLSHeaderError(header=CLIENT_CERT_CHAIN, reason=f"more than {MAX_CHAIN_LENGTH} certificates")
    return tuple(_parsed(CLIENT_CERT_CHAIN, _byte_sequence(CLIENT_CERT_CHAIN, member)) for member in members)
