"""An error as a page that says what is wrong and what to do, or as JSON for who asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zorgid_card.errors import (
    CertificateError,
    Detail,
    EncodingError,
    FetchError,
    FormError,
    MessageError,
    NotAllowedError,
    NotFoundError,
    NotLinkedError,
    NotLoggedInError,
    NotSignedError,
    PhoneLimitError,
    RateLimitError,
    ReplayError,
    RevocationUnknownError,
    SessionError,
    StorageError,
    TransitionError,
    UserError,
    ZorgIDError,
)

UNAVAILABLE: Final = 503
STATUS: Final[Mapping[type[ZorgIDError], int]] = {
    NotLoggedInError: 401,
    FormError: 403,
    NotAllowedError: 403,
    NotLinkedError: 403,
    NotFoundError: 404,
    ReplayError: 409,
    TransitionError: 409,
    NotSignedError: 409,
    SessionError: 409,
    PhoneLimitError: 429,
    RateLimitError: 429,
    RevocationUnknownError: UNAVAILABLE,
    StorageError: UNAVAILABLE,
    FetchError: UNAVAILABLE,
    MessageError: 400,
    UserError: 400,
    CertificateError: 403,
    EncodingError: 400,
    ZorgIDError: 403,
}
"""HTTP's word for each kind of error; the nearest of its classes counts (RFC 9110, 15.5; RFC 6585, 4)."""

_HIDDEN: Final = frozenset(("path", "module", "program"))
_KINDS: Final[Mapping[int, str]] = {
    400: "input",
    401: "log-in",
    403: "refused",
    404: "missing",
    405: "missing",
    409: "state",
    413: "input",
    429: "limit",
    500: "fault",
    UNAVAILABLE: "unavailable",
}


def status_of(error: ZorgIDError) -> int:
    """The HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def kind_of(status: int) -> str:
    """What a status is called in the sentences: ``web.error.<kind>`` and ``web.error.<kind>.do``."""
    return _KINDS.get(status, "refused")


def told_of(error: ZorgIDError) -> dict[str, Detail]:
    """The details that whoever asks may know: none that name files or programs of the portal's machine."""
    return {name: value for name, value in error.details.items() if name not in _HIDDEN}


def retry_after(error: ZorgIDError) -> dict[str, str]:
    """When to come again, where the error knows (RFC 9110, 10.2.3)."""
    seconds = error.details.get("retry_after")
    return {} if seconds is None else {"Retry-After": str(seconds)}
