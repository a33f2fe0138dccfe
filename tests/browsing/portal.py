"""The portal: a real process of its own, with SQLite, its own CA, and TLS under its public name."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from browsing.place import ADDRESS, HOST
from browsing.programs import COMMAND, Service
from browsing.tls import Site

PORT: Final = 8443
ORIGIN: Final = f"https://{HOST}:{PORT}"


class Portal:
    """The process, and its directory."""

    origin = ORIGIN

    def __init__(self, directory: Path, site: Site) -> None:
        self.directory = directory
        self._site = site
        self._service: Service | None = None

    def start(self) -> None:
        """Start it, and wait until it serves."""
        place = ("--dir", str(self.directory), "--host", ADDRESS, "--port", str(PORT), "--origin", ORIGIN)
        tls = ("--cert", str(self._site.certificate), "--key", str(self._site.key))
        self._service = Service([*COMMAND, "portal", "--trial", *place, *tls, "--json"], self.directory / "log")
        self._service.until('"event": "ready"')

    def stop(self) -> None:
        """End it."""
        assert self._service is not None
        self._service.end()

    @property
    def log(self) -> str:
        """What it told its keeper."""
        return (self.directory / "log").read_text(errors="replace")

    def operator_link(self, name: str) -> str:
        """The link that is printed for an operator, by which they come in, once."""
        command = [*COMMAND, "portal", "operator", name, "--dir", str(self.directory), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return str(json.loads(done.stdout)["link"])


@contextmanager
def portal(directory: Path, site: Site) -> Iterator[Portal]:
    """A portal for as long as the block runs."""
    found = Portal(directory, site)
    found.start()
    try:
        yield found
    finally:
        found.stop()
