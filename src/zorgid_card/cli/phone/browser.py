"""The browser beside a simulated phone: a trial's pages (``zorgid-card demo-portal``), its session perhaps kept in a file."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from zorgid_card.adapters.origin import origin_of
from zorgid_card.errors import (
    CertificateMalformedError,
    PortalAnswerError,
    PortalTLSError,
    PortalUnreachableError,
    StorageError,
    ZorgIDError,
)
from zorgid_card.ports.seam import CONTENT_TYPE, LIMIT
from zorgid_card.testkit.piv_state import read_json, write_json

_SECONDS: Final = 30.0
_FORM: Final = "zorgid-card demonstration session v2"
_COOKIE: Final = "__Host-zorgid"
_TOKEN: Final = "X-CSRF-Token"
_NO_PAGE: Final = "missing"


class Browser:
    """One browser session at a demonstration's portal.

    Args:
        address: ``https://host[:port]``.
        ca: PEM file with the certificates to trust in the place of the system's.
        kept: file in which the session is kept between commands; None: it ends with this process.

    Raises:
        UsageError: ``address`` is none.
        StorageError, CertificateMalformedError: a file cannot be read, or holds something else.
    """

    def __init__(self, address: str, ca: Path | None, kept: Path | None = None) -> None:
        self.origin = origin_of(address)
        self._context = _context(ca)
        self._kept = kept
        self._session = self._token = ""
        if kept is not None and kept.exists():
            known = read_json(kept, _FORM)
            self._session, self._token = str(known.get("session", "")), str(known.get("token", ""))

    def ask(self, page: str, **given: str) -> dict[str, Any]:
        """What the page answers.

        Raises:
            PortalUnreachableError, PortalTLSError: the portal does not answer, or somebody else does.
            PortalAnswerError: what answers is no demonstration's portal.
            ZorgIDError: the portal refuses.
        """
        if not self._token:
            self._send("GET", "/auth/challenge")
        return self._answer(*self._send("POST", f"/page/{page}", json.dumps(given)))

    def _send(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        where = urlsplit(self.origin)
        connection = http.client.HTTPSConnection(
            where.hostname or "", where.port, timeout=_SECONDS, context=self._context
        )
        headers = {"Accept": CONTENT_TYPE, "Accept-Language": "en", "Origin": self.origin}
        headers |= {"Content-Type": CONTENT_TYPE, _TOKEN: self._token} if body is not None else {}
        headers |= {"Cookie": f"{_COOKIE}={self._session}"} if self._session else {}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            octets = response.read(LIMIT + 1)
        except ssl.SSLError as error:
            raise PortalTLSError(f"TLS: {error.reason}", origin=self.origin, reason=str(error.reason)) from error
        except (OSError, http.client.HTTPException) as error:
            raise PortalUnreachableError(f"no connection: {error}", origin=self.origin, reason="connection") from error
        finally:
            connection.close()
        self._keep(response)
        return response.status, octets

    def _answer(self, status: int, octets: bytes) -> dict[str, Any]:
        try:
            found = json.loads(octets)
            if status == http.HTTPStatus.OK and isinstance(found, dict):
                return found
            if found["code"] != _NO_PAGE:
                raise ZorgIDError.of(str(found["code"]), str(found["message"]), dict(found["details"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        raise PortalAnswerError(
            f"{self.origin} is no demonstration", origin=self.origin, reason="status", status=status
        )

    def _keep(self, response: http.client.HTTPResponse) -> None:
        name, _, value = (response.getheader("Set-Cookie") or "").partition(";")[0].partition("=")
        known = self._session, self._token
        if name == _COOKIE:
            self._session = value
        self._token = response.getheader(_TOKEN) or self._token
        if self._kept is not None and known != (self._session, self._token):
            write_json({"format": _FORM, "session": self._session, "token": self._token}, self._kept)


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise CertificateMalformedError(f"{ca} holds no certificate", field="PEM", reason=str(error.reason)) from error
    except OSError as error:
        raise StorageError(f"{ca} cannot be read", reason=str(error.strerror), path=str(ca)) from error
