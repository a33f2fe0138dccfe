"""A PKCS#11 module: found, loaded once, initialised while it is in use, and anew in a forked child."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from zorgid_card.adapters.pkcs11 import codes
from zorgid_card.adapters.pkcs11.binding import declared
from zorgid_card.errors import CardRemovedError, CardResponseError, MiddlewareMissingError

_OS_LOCKING_OK: Final = 0x2
_LISTS: Final = 3  # attempts at a list that keeps growing
_SAFESIGN: Final = {
    "win32": ("{SystemRoot}/System32/aetpkss1.dll",),
    "darwin": (
        "/usr/local/lib/libaetpkss.dylib",
        "/Applications/tokenadmin.app/Contents/Frameworks/libaetpkss.dylib",
    ),
    "linux": (
        "/usr/lib/libaetpkss.so.3",
        "/usr/lib64/libaetpkss.so.3",
        "/usr/lib/x86_64-linux-gnu/libaetpkss.so.3",
        "/usr/local/lib/libaetpkss.so.3",
    ),
}


def usual_places() -> list[Path]:
    """Where SafeSign, the middleware of UZI passes, puts its module on this platform, as its users report."""
    root = os.environ.get("SystemRoot", "C:/Windows")  # noqa: SIM112  # Windows spells it so
    return [Path(place.replace("{SystemRoot}", root)) for place in _SAFESIGN.get(sys.platform, ())]


def find_module(path: Path | str | None = None, places: Iterable[Path] | None = None) -> Path:
    """The module at ``path``, or SafeSign's at one of its usual ``places``.

    Never searched by bare name: the first library of that name in some directory might be anybody's.

    Raises:
        MiddlewareMissingError: ``reason`` is "not found".
    """
    candidates = list(usual_places() if places is None else places) if path is None else [Path(path)]
    found = next((place for place in candidates if place.is_file()), None)
    if found is None:
        looked = ", ".join(map(str, candidates))
        raise MiddlewareMissingError(f"no PKCS#11 module: {looked}", reason="not found", path=looked)
    return found.resolve()


class Library:
    """One loaded module with its function list. It is never unloaded: modules do not bear that.

    Attributes:
        lock: held over each call if the module does not lock by itself, else None.
        era: counts initialisations; what was opened in another era is gone.
    """

    def __init__(self, path: Path) -> None:
        self.ffi = declared()
        self.path = path
        self.lock: threading.RLock | None = None
        self.era = 0
        self._guard = threading.Lock()
        self._users = 0
        self._stale = False
        self._initialised_here = False
        self._handle, self._functions = self._load()

    def _load(self) -> tuple[Any, Any]:
        try:
            handle = self.ffi.dlopen(str(self.path))
            entry = handle.C_GetFunctionList
        except (OSError, AttributeError) as error:
            raise self._unfit("cannot be loaded", str(error)) from error
        out = self.ffi.new("CK_FUNCTION_LIST **")
        rv = int(entry(out))
        if rv != codes.OK or not out[0]:
            raise self._unfit("gives no functions", codes.name(rv))
        if out[0].version.major not in (2, 3):
            raise self._unfit("is of another version", f"{out[0].version.major}.{out[0].version.minor}")
        return handle, out[0]

    def _unfit(self, what: str, why: str) -> MiddlewareMissingError:
        return MiddlewareMissingError(f"{self.path} {what}: {why}", reason=what, path=str(self.path))

    def call(self, function: str, *arguments: Any) -> int:
        """One function of the module, by its name without ``C_``; the GIL is released meanwhile."""
        pointer = getattr(self._functions, f"C_{function}")
        if not pointer:
            return codes.FUNCTION_NOT_SUPPORTED
        if self.lock is None:
            return int(pointer(*arguments))
        with self.lock:
            return int(pointer(*arguments))

    def acquire(self) -> int:
        """Initialise the module if nobody uses it yet; gives the era."""
        with self._guard:
            if self._users == 0:
                self._initialise()
                self.era += 1
            self._users += 1
            return self.era

    def release(self, era: int) -> None:
        """Let go of it; the last one finalises what this library initialised. Nothing to do in a forked child."""
        with self._guard:
            if era != self.era or self._users == 0:
                return
            self._users -= 1
            if self._users == 0:
                self.era += 1
                if self._initialised_here:
                    self.call("Finalize", self.ffi.NULL)

    def _initialise(self) -> None:
        self.lock = None
        rv = self._initialised(_OS_LOCKING_OK)
        if rv == codes.ALREADY_INITIALIZED and self._stale:
            self.call("Finalize", self.ffi.NULL)  # the parent's, which this child has inherited (2.40, 5.4)
            rv = self._initialised(_OS_LOCKING_OK)
        if rv == codes.CANT_LOCK:
            self.lock = threading.RLock()
            rv = self._initialised(0)
        self._stale = False
        self._initialised_here = rv == codes.OK
        if rv != codes.ALREADY_INITIALIZED:  # else by another part of this program, whose it stays
            codes.check("initialise", rv)

    def _initialised(self, flags: int) -> int:
        arguments = self.ffi.new("CK_C_INITIALIZE_ARGS *", {"flags": flags})
        return self.call("Initialize", arguments)

    def forget(self) -> None:
        """Begin anew in a forked child: sessions and locks are the parent's."""
        self._guard = threading.Lock()
        self.lock = None
        self._stale = self._users > 0 and self._initialised_here
        self._users = 0
        self.era += 1

    def require(self, era: int) -> None:
        """Is what was opened in ``era`` still there?

        Raises:
            CardRemovedError: it was closed, or opened before a fork.
        """
        if era != self.era:
            raise CardRemovedError("the middleware was closed, or this process forked", reason="closed")

    def numbers(self, operation: str, function: str, *before: Any, limit: int) -> list[int]:
        """A list of numbers that the module gives in two calls: how many, and which.

        Raises:
            CardResponseError: more than ``limit``, or it keeps growing.
        """
        ffi, count = self.ffi, self.ffi.new("CK_ULONG *")
        for _ in range(_LISTS):
            codes.check(operation, self.call(function, *before, ffi.NULL, count))
            room = _bounded(operation, int(count[0]), limit)
            listed = ffi.new("CK_ULONG[]", max(room, 1))
            rv = self.call(function, *before, listed, count)
            if rv != codes.BUFFER_TOO_SMALL:
                codes.check(operation, rv)
                return list(listed[0 : _bounded(operation, int(count[0]), room)])
        raise CardResponseError(f"{operation}: the list keeps growing", reason="unsettled")


def _bounded(operation: str, told: int, limit: int) -> int:
    if told > limit:
        raise CardResponseError(f"{operation}: the middleware tells of {told}, at most {limit} can be", reason="count")
    return told


_libraries: dict[Path, Library] = {}
_loading = threading.Lock()


def load(path: Path) -> Library:
    """The module at this place, loaded once in the process.

    Raises:
        MiddlewareMissingError: it cannot be loaded, or is no PKCS#11 module.
    """
    with _loading:
        if path not in _libraries:
            _libraries[path] = Library(path)
        return _libraries[path]


def _after_fork() -> None:
    global _loading  # noqa: PLW0603  # another thread of the parent may have held it
    _loading = threading.Lock()
    for library in _libraries.values():
        library.forget()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork)


class Hold:
    """A hold on an initialised module; it is let go of once, at the latest when this is collected."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.era = library.acquire()
        self._end = weakref.finalize(self, library.release, self.era)

    def close(self) -> None:
        """Let go; a second time does nothing."""
        self._end()
