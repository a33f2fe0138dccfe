"""The cache on disk: what was kept comes back whole or not at all, and of several processes one fetches."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zorgid_card.adapters.disk_cache import DiskCache
from zorgid_card.errors import StorageError
from zorgid_card.ports.fetch import Kept

KEPT = Kept(b"\x00octets\n\xff", {"asked": "2026-06-01T00:00:00+00:00", "etag": '"é\n1"'})


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    return DiskCache(tmp_path / "cache")


def files(tmp_path: Path, kind: str = "crl") -> list[Path]:
    return sorted((tmp_path / "cache" / kind).glob("*.kept"))


def test_what_was_kept_comes_back_in_this_process_and_in_others(cache: DiskCache, tmp_path: Path) -> None:
    assert cache.get("crl:x") is None
    cache.put("crl:x", KEPT)
    for other in (cache, DiskCache(tmp_path / "cache")):
        assert other.get("crl:x") == KEPT
    cache.put("crl:x", Kept(b"newer"))
    assert cache.get("crl:x") == Kept(b"newer", {})
    assert cache.get("crl:y") is None
    assert cache.get("ocsp:x") is None


def test_the_directory_is_its_owners_alone(cache: DiskCache, tmp_path: Path) -> None:
    cache.put("crl:x", KEPT)
    with cache.alone("crl:x", 0):
        pass
    for path in (tmp_path / "cache").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_where_others_may_write_nothing_is_kept(tmp_path: Path, mode: int) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    with pytest.raises(StorageError) as refused:
        DiskCache(tmp_path / "open")
    assert refused.value.reason == "permissions"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_another_users_directory_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(StorageError):
        DiskCache(tmp_path / "theirs")


def test_a_place_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        DiskCache(tmp_path / "file")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_passed_over(cache: DiskCache, tmp_path: Path, data: st.DataObject) -> None:
    cache.put("crl:x", KEPT)
    (path,) = files(tmp_path)
    octets = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del octets[data.draw(st.integers(0, len(octets) - 1)) :]
    path.write_bytes(bytes(octets))
    assert cache.get("crl:x") is None
    cache.put("crl:x", KEPT)
    assert cache.get("crl:x") == KEPT


def test_a_file_of_another_key_is_passed_over(
    cache: DiskCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("crl:x", KEPT)
    (mine,) = files(tmp_path)
    cache.put("crl:y", Kept(b"theirs"))
    (theirs,) = [path for path in files(tmp_path) if path != mine]
    theirs.replace(mine)
    with caplog.at_level(logging.WARNING):
        assert cache.get("crl:x") is None
    assert "passed over" in caplog.text


def test_a_file_of_any_form_is_passed_over(cache: DiskCache, tmp_path: Path) -> None:
    """Its digest is right: whoever can write there can make one."""
    cache.put("crl:x", KEPT)
    (path,) = files(tmp_path)
    for head in (b"[" * 100_000, b"9" * 5000, b"{}", b'{"key": "crl:x", "facts": []}', b"\xff"):
        rest = head + b"\n"
        path.write_bytes(b"zorgid-card cache 1\n" + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)
        assert cache.get("crl:x") is None


def test_a_full_disk_is_logged_and_nothing_else(
    cache: DiskCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache" / "crl").write_text("a file where a directory should be")
    cache.put("crl:x", KEPT)
    assert "cannot be written" in caplog.text
    assert cache.get("crl:x") is None
    with cache.alone("crl:x", 0) as alone:
        assert alone


def test_what_was_written_longest_ago_goes_first_and_each_kind_for_itself(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache", limit=100_000)
    cache.put("crl:list", Kept(bytes(50_000)))
    for number in range(40):
        cache.put(f"ocsp:{number}", Kept(bytes(5_000)))
        for path in files(tmp_path, "ocsp"):
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10))
    total = sum(path.stat().st_size for path in files(tmp_path, "ocsp"))
    assert 50_000 < total <= 125_000
    assert cache.get("ocsp:39") is not None
    assert cache.get("ocsp:0") is None
    assert cache.get("crl:list") is not None


def test_what_is_larger_than_the_limit_is_kept_all_the_same(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache", limit=1_000)
    cache.put("crl:x", Kept(bytes(5_000)))
    assert cache.get("crl:x") is not None


def test_one_at_a_time_between_threads(cache: DiskCache) -> None:
    inside: list[str] = []
    holding, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with cache.alone("crl:x", 5) as alone:
            inside.append(str(alone))
            holding.set()
            let_go.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(5)
    with cache.alone("crl:x", 0.1) as alone:
        assert not alone
    with cache.alone("crl:y", 0.1) as alone:
        assert alone
    let_go.set()
    thread.join()
    with cache.alone("crl:x", 1) as alone:
        assert alone


def test_the_lock_of_a_process_that_was_killed_is_free(cache: DiskCache, tmp_path: Path) -> None:
    program = """
import sys, time, pathlib
from zorgid_card.adapters.disk_cache import DiskCache
with DiskCache(pathlib.Path(sys.argv[1])).alone("crl:x", 5):
    print("held", flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "cache")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with cache.alone("crl:x", 0.1) as alone:
            assert not alone
        holder.kill()
        with cache.alone("crl:x", 5) as alone:
            assert alone
