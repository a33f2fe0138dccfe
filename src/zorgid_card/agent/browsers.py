"""Where browsers look for native-messaging hosts, and telling them of this one.

A manifest names a program and who may start it (Chrome, "Native messaging"; MDN, "Native manifests"). A browser gives the program
no arguments of ours, so what the manifest names is a launcher of a line or two, which does.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, Final

from zorgid_card.agent.native_messaging import CHROMIUM_EXTENSIONS, FIREFOX_EXTENSIONS, is_chromium
from zorgid_card.errors import StorageError, UsageError

NAME: Final = "eu.webeid"
"""By which the Web eID extension asks for its host."""
BROWSERS: Final = ("chromium", "chrome", "edge", "firefox")

_LINUX: Final = {
    "chromium": (".config/chromium/NativeMessagingHosts", "/etc/chromium/native-messaging-hosts"),
    "chrome": (".config/google-chrome/NativeMessagingHosts", "/etc/opt/chrome/native-messaging-hosts"),
    "edge": (".config/microsoft-edge/NativeMessagingHosts", "/etc/opt/edge/native-messaging-hosts"),
    "firefox": (".mozilla/native-messaging-hosts", "/usr/lib/mozilla/native-messaging-hosts"),
}
_SUPPORT: Final = "Library/Application Support/"
_MACOS: Final = {
    "chromium": (_SUPPORT + "Chromium/NativeMessagingHosts", "/" + _SUPPORT + "Chromium/NativeMessagingHosts"),
    "chrome": (_SUPPORT + "Google/Chrome/NativeMessagingHosts", "/Library/Google/Chrome/NativeMessagingHosts"),
    "edge": (_SUPPORT + "Microsoft Edge/NativeMessagingHosts", "/Library/Microsoft/Edge/NativeMessagingHosts"),
    "firefox": (_SUPPORT + "Mozilla/NativeMessagingHosts", "/" + _SUPPORT + "Mozilla/NativeMessagingHosts"),
}
_REGISTRY: Final = {
    "chromium": r"Software\Chromium\NativeMessagingHosts",
    "chrome": r"Software\Google\Chrome\NativeMessagingHosts",
    "edge": r"Software\Microsoft\Edge\NativeMessagingHosts",
    "firefox": r"Software\Mozilla\NativeMessagingHosts",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """For whom, and where.

    Attributes:
        everybody: all users of this computer.
        platform: as Python names it.
        root: before every path; for a package that is being made.
        home: the user's directory.
        data_home: where a user's programs keep what is theirs (``XDG_DATA_HOME``).
    """

    everybody: bool = False
    platform: str = sys.platform
    root: Path = Path("/")
    home: Path = Path()
    data_home: Path | None = None

    def _below(self, path: str) -> Path:
        return self.root / path.lstrip("/") if self.everybody else self.home / path

    def manifest(self, browser: str) -> Path:
        """Where this browser's manifest is.

        Raises:
            UsageError: that is not known here.
        """
        if self.platform == "win32":
            return self.launcher.with_name(f"{NAME}.{'firefox' if browser == 'firefox' else 'chromium'}.json")
        known = _MACOS if self.platform == "darwin" else _LINUX
        if browser not in known:
            raise UsageError("no such browser", reason="browser", value=browser[:40])
        user, all_users = known[browser]
        return self._below(all_users if self.everybody else user) / f"{NAME}.json"

    @property
    def launcher(self) -> Path:
        """What the manifests name."""
        if self.platform == "win32":
            return self._windows() / "web-eid-host.bat"
        if self.everybody:
            return self._below("/usr/local/lib/zorgid-card/web-eid-host")
        if self.platform == "darwin":
            return self.home / _SUPPORT / "zorgid-card/web-eid-host"
        return (self.data_home or self.home / ".local/share") / "zorgid-card/web-eid-host"

    def _windows(self) -> Path:
        variable = "ProgramData" if self.everybody else "LOCALAPPDATA"
        return Path(os.environ.get(variable, str(self.home))) / "zorgid-card"


def usual(environment: Mapping[str, str] = os.environ, *, everybody: bool = False) -> System:
    """This computer, and this user."""
    data_home = environment.get("XDG_DATA_HOME")
    return System(everybody=everybody, home=Path.home(), data_home=Path(data_home) if data_home else None)


def manifest(browser: str, launcher: Path, extensions: Collection[str] = ()) -> dict[str, Any]:
    """What a browser is told: who may start what.

    Args:
        browser: one of :data:`BROWSERS`.
        launcher: path of the program.
        extensions: identifiers of extensions beside Web eID's own.
    """
    told = {
        "name": NAME,
        "description": "UZI passes and ZORG-ID Smartcards for Web eID",
        "path": str(launcher),
        "type": "stdio",
    }
    if browser == "firefox":
        more = [name for name in extensions if not is_chromium(name)]
        return {**told, "allowed_extensions": [*FIREFOX_EXTENSIONS, *more]}
    more = [name for name in extensions if is_chromium(name)]
    return {**told, "allowed_origins": [f"chrome-extension://{name}/" for name in (*CHROMIUM_EXTENSIONS, *more)]}


def launcher_text(command: Sequence[str], platform: str) -> str:
    """A program that runs this command with what the browser gives it."""
    if platform == "win32":
        return "@echo off\r\n" + " ".join(f'"{word}"' for word in command) + " %*\r\n"
    return f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'


def install(
    system: System,
    browsers: Collection[str],
    command: Sequence[str],
    extensions: Collection[str] = (),
    *,
    replace: bool = False,
) -> list[Path]:
    """Write the launcher and the manifests.

    Args:
        system: for whom.
        browsers: some of :data:`BROWSERS`.
        command: that runs the host.
        extensions: as :func:`manifest` takes them.
        replace: take the place of another program, such as Web eID's own.

    Returns:
        The files that were written.

    Raises:
        UsageError: another program is there (``reason`` "web-eid"); nothing was written.
        StorageError: a file cannot be written.
    """
    manifests = {browser: system.manifest(browser) for browser in browsers}
    if not replace:
        for path in manifests.values():
            _require_ours(path, system.launcher)
    shown = _shown(system, system.launcher)
    _write(system.launcher, launcher_text(command, system.platform), 0o755)
    for browser, path in manifests.items():
        _write(path, json.dumps(manifest(browser, shown, extensions), indent=2) + "\n", 0o644)
        if system.platform == "win32":
            _register(browser, path, everybody=system.everybody)
    return [system.launcher, *dict.fromkeys(manifests.values())]


def remove(system: System, browsers: Collection[str]) -> list[Path]:
    """Take away what :func:`install` wrote, and nothing of another program; the files that were there.

    Raises:
        StorageError: a file cannot be removed.
    """
    gone: list[Path] = []
    for browser in browsers:
        path = system.manifest(browser)
        if _program_of(path) == str(_shown(system, system.launcher)):
            gone += _unlinked(path)
    if not any(_program_of(system.manifest(browser)) == str(_shown(system, system.launcher)) for browser in BROWSERS):
        gone += _unlinked(system.launcher)
    return gone


def _shown(system: System, path: Path) -> Path:
    """As it will be called once a package is installed."""
    return Path("/") / path.relative_to(system.root) if system.everybody and system.platform != "win32" else path


def _require_ours(path: Path, launcher: Path) -> None:
    found = _program_of(path)
    if found is not None and PureWindowsPath(found).name != PureWindowsPath(str(launcher)).name:
        raise UsageError("another program is there", reason="web-eid", value=found[:200])


def _program_of(path: Path) -> str | None:
    """The program that a manifest names; None: there is no manifest."""
    try:
        told = json.loads(path.read_bytes()[:100_000])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError):
        return str(path)
    found = told.get("path") if isinstance(told, dict) else None
    return found if isinstance(found, str) else str(path)


def _write(path: Path, text: str, mode: int) -> None:
    """Whole, or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(text.encode())
        fresh.chmod(mode)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise StorageError(f"{path} cannot be written", reason=str(error.strerror), path=str(path)) from error


def _unlinked(path: Path) -> Iterator[Path]:
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"{path} cannot be removed", reason=str(error.strerror), path=str(path)) from error
    yield path


def _register(browser: str, path: Path, *, everybody: bool) -> None:
    """Windows finds manifests by its registry."""
    if sys.platform == "win32":
        import winreg  # noqa: PLC0415  # there alone

        root = winreg.HKEY_LOCAL_MACHINE if everybody else winreg.HKEY_CURRENT_USER
        with winreg.CreateKey(root, f"{_REGISTRY[browser]}\\{NAME}") as key:
            winreg.SetValueEx(key, "", 0, winreg.REG_SZ, str(path))
