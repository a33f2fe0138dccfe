"""A phone's way to its portal: HTTPS to the very TLS key that the QR code names (docs/mobile-protocol.md)."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import ssl
import threading
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.adapters.origin import origin_of
from zorgid_card.errors import PairingError, PortalAnswerError, TransportError
from zorgid_card.ports.phone import PATH
from zorgid_card.ports.seam import CONTENT_TYPE, LIMIT

_HEADERS: Final = {"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE, "User-Agent": "zorgid-card"}


class PinnedSeam:
    """A portal over HTTPS (:class:`zorgid_card.ports.seam.Seam`), known by its key alone: no certificate authority plays a part.

    Args:
        origin: ``https://host[:port]``.
        fingerprints: SHA-256 of each SubjectPublicKeyInfo that is trusted, 32 octets.
        timeout: seconds that the portal may be silent.
        total: seconds for the whole answer.

    Raises:
        UsageError: ``origin`` is none.
    """

    def __init__(
        self, origin: str, fingerprints: tuple[bytes, ...], *, timeout: float = 10.0, total: float = 30.0
    ) -> None:
        self._origin = origin_of(origin)
        self._fingerprints = fingerprints
        self._timeout, self._total = timeout, total
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.check_hostname = False  # the key is known, whatever its certificate says
        self._context.verify_mode = ssl.CERT_NONE

    @property
    def origin(self) -> str:
        """The origin to which this connects."""
        return self._origin

    def ask(self, request: bytes, /) -> bytes:
        """Carry one message; see the port. Nothing is sent before the portal has shown its key.

        Raises:
            PairingError: ``portal``: another key answers.
            TransportError: the portal cannot be reached, or its answer does not arrive.
            PortalAnswerError: what answers takes no messages of a phone; ``reason``.
        """
        where = urlsplit(self._origin)
        connection = http.client.HTTPSConnection(
            where.hostname or "", where.port, timeout=self._timeout, context=self._context
        )
        timer = threading.Timer(self._total, _end, (connection,))
        timer.daemon = True
        timer.start()
        try:
            connection.connect()
            self._require_key(connection)
            connection.request("POST", PATH, request, _HEADERS)
            return self._read(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            raise TransportError(f"{self._origin}: {error}", reason=type(error).__name__) from error
        finally:
            timer.cancel()
            connection.close()

    def _require_key(self, connection: http.client.HTTPSConnection) -> None:
        """Whoever answers has the key of the QR code: TLS has proven that it is theirs."""
        shown = connection.sock.getpeercert(binary_form=True)
        try:
            key = x509.load_der_x509_certificate(shown or b"").public_key()
        except ValueError as error:
            raise PairingError("whoever answers shows no key", reason="portal") from error
        digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        if not any(hmac.compare_digest(digest, known) for known in self._fingerprints):
            raise PairingError("this is not the portal that shows the QR code", reason="portal")

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        octets = response.read(LIMIT + 1)
        if len(octets) <= LIMIT and response.length:
            raise http.client.IncompleteRead(octets, response.length)
        kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
        for reason, wrong in (
            ("status", response.status != http.HTTPStatus.OK),
            ("type", kind != CONTENT_TYPE),
            ("length", len(octets) > LIMIT),
        ):
            if wrong:
                message = f"{self._origin} takes no messages of a phone ({reason})"
                raise PortalAnswerError(message, origin=self._origin, reason=reason, status=response.status)
        return octets


def _end(connection: http.client.HTTPSConnection) -> None:
    """One that sends an octet now and then is given up too."""
    with suppress(OSError, AttributeError):  # it is over, or was never there
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
