"""Which portals' pages may have steps done: a list of the computer's administrator, and one of its user, to which pairing adds.

The administrator's is a TOML file that says ``origins = ["https://portal.example"]``, with ``pairing = false`` that no other
page may ask to be paired, and with ``signing`` in ``[web-eid]`` which portals may have hashes signed. The user's is a private file
of this program's.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from zorgid_card.adapters import private_file
from zorgid_card.adapters.origin import origin_of
from zorgid_card.agent.transport import Rate
from zorgid_card.errors import StorageError, UsageError

_DIGITS: Final = 4
_VERSION: Final = 1
_LIMIT: Final = 1_000_000
_MOST: Final = 1000

ASKED_AT_MOST, ASKED_FOR_ONE, ASKED_WITHIN = 6, 3, 600.0
"""So often, for pages of all origins and of one, within so many seconds, the person is asked to pair."""
REFUSED_FOR: Final = 300.0
"""For so many seconds after a no, a page of that origin cannot have the person asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """What the computer's administrator has laid down.

    Attributes:
        origins: may have steps done without being paired.
        pairing: whether a person may pair others.
        signing: may have hashes signed by Web eID's extension (docs/adr/0019); nobody adds others.
    """

    origins: frozenset[str] = frozenset()
    pairing: bool = True
    signing: frozenset[str] = frozenset()

    @classmethod
    def load(cls, path: Path) -> Rollout:
        """Read the file; where there is none, nothing was laid down.

        Raises:
            StorageError: it cannot be read, others than its owner may write it, or it says something else than it may.
        """
        try:
            given = tomllib.loads(_content(path).decode())
        except FileNotFoundError:
            return cls()
        except ValueError as error:
            raise _malformed(path) from error
        pairing, web_eid = given.pop("pairing", True), given.pop("web-eid", {})
        if given.keys() - {"origins"} or type(pairing) is not bool:
            raise _malformed(path)
        if not isinstance(web_eid, dict) or web_eid.keys() - {"signing"}:
            raise _malformed(path)
        signing = _origins(path, web_eid.get("signing", []))
        return cls(origins=_origins(path, given.get("origins", [])), pairing=pairing, signing=signing)


def rollout_file(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the administrator's list lies on this system."""
    if platform == "win32":
        return Path(environment.get("ProgramData", r"C:\ProgramData")) / "zorgid-card" / "agent.toml"
    if platform == "darwin":
        return Path("/Library/Application Support/zorgid-card/agent.toml")
    return Path("/etc/zorgid-card/agent.toml")


class Origins:
    """The origins whose pages may have steps done; read anew at each look, so that what is forgotten is gone at once.

    Args:
        path: the user's own list; its directory exists.
        rollout: what the administrator has laid down.
    """

    def __init__(self, path: Path, rollout: Rollout | None = None) -> None:
        self._path = path
        self.rollout = rollout or Rollout()
        self._turn = threading.Lock()

    def allows(self, origin: str) -> bool:
        """Whether this page's portal is on a list.

        Raises:
            StorageError: the user's list cannot be relied on.
        """
        return origin in self.rollout.origins or origin in self.own()

    def own(self) -> dict[str, str]:
        """The user's own: each origin, and when it was added (ISO 8601, UTC)."""
        try:
            given: Any = json.loads(_content(self._path))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError) as error:
            raise _malformed(self._path) from error
        if (
            not isinstance(given, dict)
            or given.get("version") != _VERSION
            or not isinstance(given.get("origins"), dict)
        ):
            raise _malformed(self._path)
        return {_origin(self._path, one): str(when)[:40] for one, when in given["origins"].items()}

    def add(self, origin: str, *, now: datetime | None = None) -> None:
        """Put an origin on the user's list.

        Raises:
            UsageError: it is none, or pairing is the administrator's alone here.
            StorageError: the list cannot be written.
        """
        origin = origin_of(origin)
        if not self.rollout.pairing:
            raise UsageError(
                "the administrator of this computer decides which portals may use the agent", reason="rollout"
            )
        with self._turn, private_file.alone(self._path):
            known = self.own()
            if len(known) >= _MOST:
                raise StorageError("the list is full", reason="full", path=str(self._path))
            self._write({**known, origin: (now or datetime.now(UTC)).isoformat(timespec="seconds")})

    def remove(self, origin: str) -> bool:
        """Take an origin off the user's list; tells whether it was there. What the administrator allows stays.

        Raises:
            UsageError: it is none.
            StorageError: the list cannot be written.
        """
        origin = origin_of(origin)
        with self._turn, private_file.alone(self._path):
            known = self.own()
            if origin not in known:
                return False
            del known[origin]
            self._write(known)
        return True

    def _write(self, origins: Mapping[str, str]) -> None:
        text = json.dumps({"version": _VERSION, "origins": origins}, indent=2)
        private_file.write(self._path, text.encode(), new=False)


def _content(path: Path) -> bytes:
    """A file that nobody else may write.

    Raises:
        FileNotFoundError: there is none.
        StorageError: it cannot be read, or cannot be relied on.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if os.name == "posix" and (
                status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid())
            ):
                raise StorageError(f"others may write {path}", reason="writable", path=str(path))
            content = file.read(_LIMIT + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    if len(content) > _LIMIT:
        raise _malformed(path)
    return content


def _origins(path: Path, given: object) -> frozenset[str]:
    if not isinstance(given, list):
        raise _malformed(path)
    return frozenset(_origin(path, one) for one in given)


def _origin(path: Path, given: object) -> str:
    try:
        if isinstance(given, str) and origin_of(given) == given:
            return given
    except UsageError:
        pass
    raise _malformed(path)


def _malformed(path: Path) -> StorageError:
    return StorageError(f"{path} is no list of portals for the agent", reason="agent-list", path=str(path))


# --- asking -----------------------------------------------------------------------------------------------------------


def new_code() -> str:
    """Four digits, shown by the page and by the agent: who sees them the same knows which page asks."""
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"


class Asking:
    """How often pages may have a person asked whether to pair: one at a time, and none again and again.

    Args:
        clock: gives seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = Rate(ASKED_AT_MOST, ASKED_WITHIN, clock)
        self._each: dict[str, Rate] = {}
        self._refused: dict[str, float] = {}
        self._asked = ""

    def begin(self, origin: str) -> bool:
        """Whether a page of this origin may have the person asked now; then :meth:`end` follows."""
        now = self._clock()
        self._refused = {one: since for one, since in self._refused.items() if now - since < REFUSED_FOR}
        if self._asked or origin in self._refused or self._all.full:
            return False
        if not self._each.setdefault(origin, Rate(ASKED_FOR_ONE, ASKED_WITHIN, self._clock)).take():
            return False
        self._all.take()
        self._each = {one: rate for one, rate in self._each.items() if not rate.idle}
        self._asked = origin
        return True

    def end(self, *, refused: bool) -> None:
        """The person answered, or the page is gone."""
        if refused:
            self._refused[self._asked] = self._clock()
        self._asked = ""
