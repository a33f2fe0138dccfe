"""The portal: a real process of its own, with SQLite, its own CA, and TLS under its public name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from browsing.place import ADDRESS, HOST
from browsing.programs import Service
from browsing.tls import Site

PORT: Final = 8443
ORIGIN: Final = f"https://{HOST}:{PORT}"


class Portal:
    """The process, and its directory."""

    def __init__(self, directory: Path, site: Site) -> None:
        self.directory = directory
        self._site = site
        self._service: Service | None = None

    def start(self) -> None:
        """Start it, and wait until it serves."""
        command = [
            sys.executable,
            "/tmp/b8portal.py",
            str(self.directory),
            ORIGIN,
            ADDRESS,
            str(PORT),
            str(self._site.certificate),
            str(self._site.key),
        ]
        self._service = Service(command, self.directory / "log")
        self._service.until("running on")

    def stop(self) -> None:
        """End it."""
        assert self._service is not None
        self._service.end()

    @property
    def log(self) -> str:
        """What it told its keeper."""
        return (self.directory / "log").read_text(errors="replace")

    def operator_link(self, name: str) -> str:
        """The link by which an operator comes in, once."""
        import secrets
        from datetime import UTC, datetime

        from zorgid_card.adapters.sql import SQLRegistry
        from zorgid_card.workflows.browser_sessions import offer_operator

        registry = SQLRegistry.file(self.directory / "registry.db")
        token = secrets.token_urlsafe(32)
        offer_operator(registry, token, name, datetime.now(UTC))
        registry.close()
        return f"{ORIGIN}/operator/log-in?token={token}"


@contextmanager
def portal(directory: Path, site: Site) -> Iterator[Portal]:
    """A portal for as long as the block runs."""
    found = Portal(directory, site)
    found.start()
    try:
        yield found
    finally:
        found.stop()
