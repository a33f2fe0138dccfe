"""A PostgreSQL server of the tests' own: in a temporary directory, on a Unix socket only, gone when the tests are.

The unit tests of a process share one, the fixture ``server``; a test that restarts it takes one of its own, ``running()``. Each
makes a database for itself: ``server.registry()``, with all tables. Two workers that share it have the same keys:
``SQLRegistry(server.database(), keys)``.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zorgid_card.adapters.data_keys import MemoryDataKeys
from zorgid_card.adapters.sql import SQLRegistry

_PLACES = "/usr/lib/postgresql"
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # a server that is killed loses nothing: what was written is in the kernel
    "shared_buffers": "32MB",
    "max_connections": "40",
    "deadlock_timeout": "50ms",
}


class Server:
    """A running server; every database of it is empty at first.

    Args:
        directory: for everything; it is the server's alone.
        settings: of postgresql.conf, beside those that keep it small and local.
        socket: where its socket is, if not there: a socket's path has 107 octets at most.
    """

    def __init__(self, directory: Path, settings: dict[str, str] | None = None, *, socket: Path | None = None) -> None:
        self._directory, self._data, self._socket = directory, directory / "data", socket or directory
        self._options = [f"-c{name}={value}" for name, value in (_SETTINGS | (settings or {})).items()]
        self._numbers = itertools.count(1)

    def make(self) -> None:
        """Make the cluster; the person who asks for a connection is believed: only the directory's owner can."""
        _run(
            "initdb",
            "--no-sync",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--username=portal",
            self._pgdata,
        )

    @property
    def made(self) -> bool:
        """Whether the cluster is there."""
        return (self._data / "PG_VERSION").exists()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = " ".join([f"-k {self._socket}", *self._options])
        _run(
            "pg_ctl",
            "start",
            "--wait",
            "--silent",
            f"--log={self._directory}/log",
            f"--options={options}",
            self._pgdata,
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``fast`` rolls back what is open, ``immediate`` is a crash."""
        _run("pg_ctl", "stop", "--wait", "--silent", f"--mode={mode}", self._pgdata)

    def restart(self, mode: str = "fast") -> None:
        """Stop it and start it again: whoever is connected loses the connection."""
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """Kill the server's first process, as one with the machine."""
        os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def database(self, name: str | None = None) -> str:
        """The URL of a new, empty database."""
        name = name or f"d{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}", "postgres")
        return self.url(name)

    def registry(self) -> SQLRegistry:
        """A registry in a new database, with keys of its own."""
        made = SQLRegistry(self.database(), MemoryDataKeys())
        made.create()
        return made

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql+psycopg://portal@/{name}?host={self._socket}"

    def sql(self, statement: str, name: str) -> str:
        """What psql prints for a statement, values only."""
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self._socket), "-U", "portal", "-d", name]
        return _run(*command, "-c", statement)

    @property
    def _pgdata(self) -> str:
        return f"--pgdata={self._data}"


@contextmanager
def running(settings: dict[str, str] | None = None) -> Iterator[Server]:
    """A server for as long as the block runs; skips the tests where PostgreSQL is not installed."""
    require()
    with tempfile.TemporaryDirectory(prefix="pg-") as name:  # short: a socket's path has 107 octets
        server = Server(owned(Path(name)), settings)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")


def require() -> None:
    """Skip, with the reason, unless a server can be run here."""
    import pytest

    if (why := missing()) is not None:
        pytest.skip(why)


def missing() -> str | None:
    """What is missing to run a server; None: nothing."""
    if _program("initdb") is None:
        return "PostgreSQL's server is not installed (Debian: postgresql)"
    return "psycopg is not installed" if importlib.util.find_spec("psycopg") is None else None


def owned(directory: Path) -> Path:
    """The directory, as one of the user as whom the server runs: it refuses to run as root."""
    if (user := _user()) is not None:
        account = pwd.getpwnam(user)
        os.chown(directory, account.pw_uid, account.pw_gid)
    return directory


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    return next(name for name in ("postgres", "nobody") if name in {account.pw_name for account in pwd.getpwall()})


def _program(name: str) -> str | None:
    newest = sorted(Path(_PLACES).glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]), reverse=True)
    return str(newest[0]) if newest else shutil.which(name)


def _run(program: str, *arguments: str) -> str:
    user = _user()
    as_user = {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    done = subprocess.run(
        [_program(program) or program, *arguments],
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if program == "psql" else subprocess.DEVNULL,  # a server keeps what it was given open
        stderr=subprocess.STDOUT if program == "psql" else subprocess.DEVNULL,
        timeout=120,
        cwd="/",
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        **as_user,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, f"{program}: {done.stdout}"
    return str(done.stdout or "").strip()
