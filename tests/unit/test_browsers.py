"""Browsers are told of the native-messaging host, and of nobody but known extensions that may start it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from zorgid_card.agent.browsers import BROWSERS, NAME, System, install, launcher_text, manifest, remove, usual
from zorgid_card.agent.native_messaging import CHROMIUM_EXTENSIONS, FIREFOX_EXTENSIONS
from zorgid_card.errors import StorageError, UsageError

OURS, OWN = "abcdefghijklmnopabcdefghijklmnop", "tests@example.org"
ECHO = [sys.executable, "-c", "import sys; print(sys.argv[1:])", "a b", "c'd"]


@pytest.fixture(params=[False, True], ids=["user", "everybody"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> System:
    return System(everybody=request.param, platform="linux", root=tmp_path / "root", home=tmp_path / "home")


def test_each_browser_finds_a_manifest_that_names_who_may_start_what(system: System) -> None:
    written = install(system, BROWSERS, ECHO, [OURS, OWN])
    assert len(written) == 5
    for browser in BROWSERS:
        told = json.loads(system.manifest(browser).read_text())
        assert told["name"] == NAME
        assert told["type"] == "stdio"
        path = Path(told["path"])
        assert path.is_absolute()
        assert path == (Path("/usr/local/lib/zorgid-card/web-eid-host") if system.everybody else system.launcher)
        assert ("allowed_extensions" in told) == (browser == "firefox")
        assert ("allowed_origins" in told) == (browser != "firefox")
    chromium = json.loads(system.manifest("chromium").read_text())
    assert chromium["allowed_origins"] == [f"chrome-extension://{name}/" for name in (*CHROMIUM_EXTENSIONS, OURS)]
    assert manifest("firefox", Path("/x"), [OURS, OWN])["allowed_extensions"] == [*FIREFOX_EXTENSIONS, OWN]


def test_the_launcher_hands_on_what_the_browser_gives_and_cannot_be_written_by_others(system: System) -> None:
    install(system, ["chromium"], ECHO)
    given = ["chrome-extension://x/", "--parent-window=0", "$(id)"]
    done = subprocess.run([system.launcher, *given], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == repr(["a b", "c'd", *given])
    assert system.launcher.stat().st_mode & 0o777 == 0o755
    assert system.manifest("chromium").stat().st_mode & 0o777 == 0o644


def test_another_program_is_left_alone_unless_its_place_is_to_be_taken(system: System) -> None:
    path = system.manifest("chromium")
    path.parent.mkdir(parents=True)
    path.write_text('{"name": "eu.webeid", "path": "/usr/bin/web-eid"}')
    with pytest.raises(UsageError) as caught:
        install(system, BROWSERS, ECHO)
    assert caught.value.details == {"reason": "web-eid", "value": "/usr/bin/web-eid"}
    assert not system.manifest("firefox").exists()
    assert not system.launcher.exists()
    assert remove(system, BROWSERS) == []
    assert "web-eid" in path.read_text()
    install(system, BROWSERS, ECHO, replace=True)
    install(system, BROWSERS, ECHO)  # over itself
    assert len(remove(system, BROWSERS)) == 5
    assert not path.exists()
    assert not system.launcher.exists()


def test_what_is_taken_away_for_one_browser_stays_for_another(system: System) -> None:
    install(system, BROWSERS, ECHO)
    assert remove(system, ["edge"]) == [system.manifest("edge")]
    assert system.launcher.exists()
    assert remove(system, BROWSERS)[-1] == system.launcher


@pytest.mark.parametrize("octets", [b"", b"\xff", b"[]", b'{"path": 5}', b"[" * 100_000])
def test_a_manifest_that_is_none_is_another_programs(system: System, octets: bytes) -> None:
    path = system.manifest("chrome")
    path.parent.mkdir(parents=True)
    path.write_bytes(octets)
    with pytest.raises(UsageError):
        install(system, ["chrome"], ECHO)
    assert path.read_bytes() == octets


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("a file in the way")
    with pytest.raises(StorageError) as caught:
        install(System(home=tmp_path, platform="linux"), ["chromium"], ECHO)
    assert ".config/chromium" in str(caught.value.path)


@pytest.mark.parametrize("extension", ["ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP", "abc", "*", "https://x/", "a b@c", ""])
def test_only_what_is_an_extensions_name_is_written(system: System, extension: str) -> None:
    with pytest.raises(UsageError):
        install(system, ["chromium"], ECHO, [extension])


def test_where_browsers_look_on_other_systems() -> None:
    mac = System(platform="darwin", home=Path("/Users/jan"))
    assert mac.manifest("chrome").parts[-3:] == ("Chrome", "NativeMessagingHosts", "eu.webeid.json")
    assert str(System(platform="darwin", everybody=True).manifest("firefox")) == (
        "/Library/Application Support/Mozilla/NativeMessagingHosts/eu.webeid.json"
    )
    assert launcher_text(["C:\\Program Files\\python.exe", "-m"], "win32") == (
        '@echo off\r\n"C:\\Program Files\\python.exe" "-m" %*\r\n'
    )
    assert usual({"XDG_DATA_HOME": "/data"}).launcher == Path("/data/zorgid-card/web-eid-host")
