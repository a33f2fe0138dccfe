"""``zorgid-card crl`` and ``zorgid-card ocsp``, as whoever runs a portal uses them; OpenSSL is the client."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from openssl_ca import openssl
from publication_world import ONE, Publications
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cli import app
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CRL
from zorgid_card.secret import Secret

CA, FILE = b"passphrase of the CA", b"passphrase of the file"


class Portal:
    """A portal's directory as ``open_portal`` makes it, and a card of it."""

    def __init__(self, place: Path, ca: Path, authority: Authority) -> None:
        self.place = place
        self.db = f"sqlite:///{place / 'registry.db'}"
        self.world = Publications(ONE, url="sqlite://")
        self.world.authority = authority
        shutil.copytree(ca, place / "ca")
        self.world.store = SQLRegistry(self.db)
        self.world.store.create()
        self.card = self.world.issue()

    def run(self, *arguments: str | Path, passphrases: bytes = CA + b"\n") -> int:
        reading, writing = os.pipe()
        os.write(writing, passphrases)
        os.close(writing)
        try:
            return app.run([*map(str, arguments), "--passphrases-fd", str(reading), "--lang", "en", "--no-color"])
        finally:
            os.close(reading)

    def crl(self, *more: str) -> int:
        return self.run("crl", "--db", self.db, "--portal", self.place, *more)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Authority]:
    place = tmp_path_factory.mktemp("ca") / "ca"
    return place, Authority.create(place, Secret.of(CA))


@pytest.fixture
def portal(tmp_path: Path, ca: tuple[Path, Authority]) -> Iterator[Portal]:
    made = Portal(tmp_path, *ca)
    yield made
    made.world.store.close()


def test_adm_2_the_crls_are_written_where_the_portal_is(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    portal.world.change(portal.card, "block")
    assert portal.crl("--json", "--delta-url", "http://crl.example/delta.crl") == 0
    lists = {one["file"]: one for one in json.loads(capsys.readouterr().out)["lists"]}
    assert {name: (one["number"], one["base"], one["entries"]) for name, one in lists.items()} == {
        "delta-crl.der": (1, 1, 0), "crl.der": (1, None, 1), "root-crl.der": (1, None, 0),
    }  # fmt: skip
    crl = CRL.parse((portal.place / "crl.der").read_bytes())
    crl.verify(Certificate.parse(portal.world.authority.certificate))
    assert portal.card.serial in crl.entries
    portal.world.change(portal.card, "release")
    assert portal.crl("--delta-url", "http://crl.example/delta.crl") == 0
    assert "delta on 1" in capsys.readouterr().out
    assert CRL.parse((portal.place / "crl.der").read_bytes()).entries == {}


def test_shards_and_another_directory(portal: Portal, tmp_path: Path) -> None:
    (out := tmp_path / "www").mkdir()
    assert portal.crl("--out", str(out), "--crl-url", "http://crl.example/{shard}.crl", "--shards", "2") == 0
    assert sorted(path.name for path in out.iterdir()) == ["0.crl", "1.crl", "root-crl.der"]


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (["--shards", "2"], 3, "have an address each"),
        (["--db", "nonsense"], 3, "This database cannot be used"),
        (["--db", "sqlite:////no/such/registry.db"], 8, "no such file"),
        (["--out", "/no/such/directory"], 8, "no such file"),
    ],
)
def test_what_goes_wrong_is_told(
    portal: Portal, capsys: pytest.CaptureFixture[str], more: list[str], code: int, told: str
) -> None:
    assert portal.crl(*more) == code
    assert told in capsys.readouterr().err


def test_the_wrong_passphrase(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    assert portal.run("crl", "--db", portal.db, "--portal", portal.place, passphrases=b"wrong\n") == 8
    assert "passphrase" in capsys.readouterr().err


@contextmanager
def running(portal: Portal, *arguments: str, passphrase: bytes) -> Iterator[Iterator[Any]]:
    """A command in a process of its own, which prints a line of JSON now and then."""
    reading, writing = os.pipe()
    os.write(writing, passphrase + b"\n")
    os.close(writing)
    command = [sys.executable, "-m", "zorgid_card.cli", *arguments, "--passphrases-fd", str(reading), "--json"]
    process = subprocess.Popen(command, pass_fds=[reading], stdout=subprocess.PIPE, text=True)
    os.close(reading)
    assert process.stdout is not None
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        yield map(json.loads, process.stdout)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()


def test_crl_again_and_again_signs_what_changes_meanwhile(portal: Portal) -> None:
    with running(
        portal, "crl", "--db", portal.db, "--portal", str(portal.place), "--every", "1", passphrase=CA
    ) as told:
        assert {one["file"]: one["entries"] for one in next(told)["lists"]} == {"crl.der": 0, "root-crl.der": 0}
        portal.world.change(portal.card, "revoke")
        assert [(one["file"], one["entries"]) for one in next(told)["lists"]] == [("crl.der", 1)]


def test_ocsp_is_certified_and_served(portal: Portal, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ocsp.pem"
    certify = ("ocsp", "certify", file, "--portal", portal.place, "--days", "10", "--json")
    assert portal.run(*certify, passphrases=CA + b"\n" + FILE + b"\n") == 0
    told = json.loads(capsys.readouterr().out)
    assert file.stat().st_mode & 0o777 == 0o600
    assert CA not in file.read_bytes()
    names = {"ca": portal.world.authority.certificate, "root": portal.world.authority.root, "leaf": portal.card.der}
    paths = {name: tmp_path / f"{name}.pem" for name in names}
    for name, der in names.items():
        paths[name].write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    asking = (
        "ocsp",
        "-issuer",
        paths["ca"],
        "-cert",
        paths["leaf"],
        "-CAfile",
        paths["root"],
        "-verify_other",
        paths["ca"],
    )
    serve = ("ocsp", "serve", "--db", portal.db, "--responder", str(file), "--port", "0")
    with running(portal, *serve, passphrase=FILE) as lines:
        ready = next(lines)
        assert ready["not_after"] == told["not_after"]
        assert f"{paths['leaf']}: good" in openssl(*asking, "-url", ready["url"])
    portal.world.change(portal.card, "block")
    with running(portal, *serve, passphrase=FILE) as lines:
        assert "Reason: certificateHold" in openssl(*asking, "-url", next(lines)["url"])


def test_ocsp_serve_says_what_is_wrong_before_it_listens(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    file = portal.place / "ocsp.pem"
    serve = ("ocsp", "serve", "--db", portal.db, "--responder", file)
    assert portal.run(*serve, passphrases=FILE) == 8
    assert portal.run("ocsp", "certify", file, "--portal", portal.place, passphrases=CA + b"\n" + FILE + b"\n") == 0
    assert portal.run(*serve, passphrases=b"wrong\n") == 8
    file.write_bytes(b"nonsense")
    assert portal.run(*serve, passphrases=FILE) == 8
    capsys.readouterr()
