"""The seam over HTTPS, the portal's end: for any web framework, and with no state of its own.

A framework gives what came, and sends what this returns; TLS, and how many are served at once, are its affair. A repetition may
come to another process than the first message did: what is remembered stands in the registry.
"""

from __future__ import annotations

from typing import Final

from zorgid_card.ports.http import HTTPAnswer
from zorgid_card.ports.seam import CONTENT_TYPE, LIMIT, Seam

__all__ = ["HTTPAnswer", "SeamService", "answer_http"]

_HEADERS: Final = (("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store"))
_REFUSED: Final = (("Cache-Control", "no-store"),)


def answer_http(seam: Seam, method: str, content_type: str, body: bytes) -> HTTPAnswer:
    """Answer one request.

    A message that the portal refuses is answered like any other, with status 200: the refusal is signed for by TLS, and typed.

    Args:
        seam: the portal (:class:`zorgid_card.workflows.portal.Portal`).
        method: of the request.
        content_type: its header of that name; empty if it has none.
        body: at most one octet more than :data:`~zorgid_card.ports.seam.LIMIT` need be read: longer ones are refused.

    Returns:
        200 with the answer; 405, 413 or 415 without one (RFC 9110, 15.5).
    """
    if method != "POST":
        return HTTPAnswer(405, (("Allow", "POST"), *_REFUSED))
    if content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        return HTTPAnswer(415, (("Accept", CONTENT_TYPE), *_REFUSED))
    if len(body) > LIMIT:
        return HTTPAnswer(413, _REFUSED)
    return HTTPAnswer(200, _HEADERS, seam.ask(body))


class SeamService:
    """A seam at an address of its own, as a service (:class:`~zorgid_card.ports.http.HTTPService`)."""

    limit = LIMIT

    def __init__(self, seam: Seam) -> None:
        self._seam = seam

    def respond(self, method: str, path: str, content_type: str, body: bytes) -> HTTPAnswer:
        """See the port."""
        return answer_http(self._seam, method, content_type, body)
