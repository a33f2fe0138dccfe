"""Public data from the network, and where it is kept: CRLs and OCSP answers. Both are judged by signature, whoever brought them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to fetch, and how much of it at most."""

    url: str
    """``http`` or ``https``."""
    limit: int
    """Octets of the body; an answer that has more is given up as soon as that shows."""
    types: frozenset[str]
    """Media types that are accepted, in lower case, without parameters."""
    body: bytes | None = None
    """Sent by POST; None is a GET."""
    body_type: str = ""
    etag: str | None = None
    """Validators of what is at hand (RFC 9110, 8.8): the server may answer that it has not changed."""
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came: the body, or None where what is at hand has not changed (RFC 9110, 15.4.5)."""

    body: bytes | None
    etag: str | None = None
    last_modified: str | None = None


class Fetcher(Protocol):
    """Fetches over HTTP. Serves many threads."""

    def fetch(self, request: Request, /) -> Answer:
        """One request, one answer: no second try, no redirect, in bounded time.

        Raises:
            FetchError: no answer of the right kind came; ``reason``, ``url``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """Octets that were kept, with what whoever kept them wanted to know later."""

    data: bytes
    facts: Mapping[str, str] = field(default_factory=dict)


class Cache(Protocol):
    """Keeps fetched data, for this process and for others. It may forget anything at any time; it serves many threads.

    A key is ``<kind>:<rest>``; what is of one kind is bounded in size together.
    """

    def get(self, key: str, /) -> Kept | None:
        """What was last kept under this key, whole; None if there is nothing, or nothing sound. It never raises."""
        ...

    def put(self, key: str, kept: Kept, /) -> None:
        """Keep it, in place of what was there. Where that is impossible it is logged and nothing else: the data are at hand."""
        ...

    def alone(self, key: str, wait: float, /) -> AbstractContextManager[bool]:
        """Keep others, in any process, from fetching the same. Gives False if another still does so after ``wait`` seconds."""
        ...
