"""A network of our own in which the portal has a public address and a name, as on the internet.

A page from a public address that opens a connection to this computer itself is what browsers ask the person about (Local Network
Access): with a portal on 127.0.0.1 that would go untested. The address is one of those for documentation (RFC 5737).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zorgid_card.testkit.pcscd import RUN
from zorgid_card.testkit.pcscd import why_not as why_no_pcscd

HOST: Final = "portaal.zorgid.example"
ELSEWHERE: Final = "elders.example"
"""Another site, that is none of ours."""
ADDRESS: Final = "203.0.113.8"
CHROMIUM: Final = Path("/usr/bin/chromium")
_PINENTRY: Final = Path("/usr/bin/pinentry-tty")


def why_not() -> str | None:
    """Why the browser tests cannot run here, in one sentence; None if they can."""
    if (reason := why_no_pcscd()) is not None:
        return reason
    if not RUN.is_mount():
        return f"another file is put over /etc/hosts, so the mounts are to be our own: `unshare -n -m`, with a tmpfs on {RUN}"
    for path, package in (
        (CHROMIUM, "chromium"),
        (_PINENTRY, "pinentry-tty"),
        (Path("/usr/bin/certutil"), "libnss3-tools"),
    ):
        if not path.exists():
            return f"{path} is not there (Debian package {package})"
    return None


@contextmanager
def settled(directory: Path) -> Iterator[None]:
    """The portal's address and name, for as long as the block runs."""
    hosts = directory / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} {HOST} {ELSEWHERE}\n")
    _run("ip", "address", "replace", f"{ADDRESS}/32", "dev", "lo")
    _run("mount", "--bind", str(hosts), "/etc/hosts")
    try:
        yield
    finally:
        _run("umount", "/etc/hosts")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=30)
