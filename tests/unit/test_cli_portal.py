"""``zorgid-card portal``, as who runs it does: processes of their own, TLS, a first start and the next ones, workers that die."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from docs_examples import example
from portal_pages import forms
from postgres import running
from proxies import free_port
from terminal import Terminal
from zorgid_card.adapters.portal import HTTPSDoor
from zorgid_card.cli.app import run
from zorgid_card.cli.portal.trial import self_signed
from zorgid_card.errors import MessageError
from zorgid_card.recipes import open_card
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.workflows.card_side import log_in

PROGRAM = [sys.executable, "-m", "zorgid_card.cli", "portal"]
PASSPHRASE = b"correct horse battery staple"


@dataclass
class Running:
    """A portal in processes of its own."""

    process: subprocess.Popen[str]
    told: dict[str, Any]
    tls: Path

    @property
    def origin(self) -> str:
        return str(self.told["origin"])

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        context = ssl.create_default_context(cafile=self.tls)
        try:
            with urlopen(Request(self.origin + path, headers=headers), context=context) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()


@contextmanager
def serving(tls: Path, *options: str, passphrase: bytes | None = None) -> Iterator[Running]:
    with descriptor(passphrase) as given:
        command = [*PROGRAM, *options, "--json", "--lang", "en", *given]
        passed = [int(given[1])] if given else []
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=passed)
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        assert line, "it does not start"
        yield Running(process, json.loads(line), tls)
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(60) == (0 if line else process.returncode)


@contextmanager
def descriptor(passphrase: bytes | None) -> Iterator[list[str]]:
    if passphrase is None:
        yield []
        return
    reading, writing = os.pipe()
    os.write(writing, passphrase + b"\n")
    os.close(writing)
    try:
        yield ["--passphrase-fd", str(reading)]
    finally:
        os.close(reading)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two workers, on PostgreSQL."""
    directory = tmp_path_factory.mktemp("trial") / "portal"
    token = directory.with_name("token")
    token.write_text("metrics-token\n")
    with running() as server:
        options = ["--trial", "--dir", str(directory), "--db", str(server.database()), "--workers", "2"]
        more = [
            "--holders",
            "1",
            "--key-algorithm",
            "ECCP256",
            "--port",
            str(free_port()),
            "--metrics-token",
            str(token),
        ]
        with serving(directory / "tls.pem", *options, *more) as portal:
            yield portal


def test_the_first_start_makes_everything_and_the_next_need_the_directory_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    self_signed(tmp_path)
    (tmp_path / "maker.der").write_bytes(Maker.create().root)
    (tmp_path / "crls").mkdir()
    port, directory = str(free_port()), tmp_path / "portal"
    origin = f"https://localhost:{port}"
    first = ["--dir", str(directory), "--port", port, "--origin", f"{origin}/", "--cert", str(tmp_path / "tls.pem")]
    first += [
        "--key",
        str(tmp_path / "tls-key.pem"),
        "--maker",
        str(tmp_path / "maker.der"),
        "--crl",
        str(tmp_path / "crls"),
    ]
    with serving(tmp_path / "tls.pem", *first, passphrase=PASSPHRASE) as portal:
        assert portal.origin == origin
        assert portal.get("/")[0] == 200
        assert portal.get("/page/offer")[0] == 404  # a trial's alone
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "portal.json").stat().st_mode & 0o777 == 0o600
    with serving(tmp_path / "tls.pem", "--dir", str(directory), "--port", port, passphrase=PASSPHRASE) as portal:
        assert portal.get("/health") == (200, '{"state":"ok"}')
    there = sorted(path.name for path in directory.iterdir())
    assert run(["portal", "--trial", "--dir", str(directory), "--port", port, "--lang", "en"]) == 3
    assert "in use" in capfd.readouterr().err
    assert sorted(path.name for path in directory.iterdir()) == there
    with descriptor(b"another passphrase") as given:
        assert run(["portal", "--dir", str(directory), "--port", port, *given, "--lang", "en"]) == 8
    assert "passphrase" in capfd.readouterr().err


def test_a_new_passphrase_is_typed_twice_and_what_to_do_next_is_told(tmp_path: Path) -> None:
    self_signed(tmp_path)
    port = str(free_port())
    options = [
        "--dir",
        str(tmp_path / "portal"),
        "--port",
        port,
        "--origin",
        f"https://localhost:{port}",
        "--lang",
        "en",
    ]
    files = ["--cert", str(tmp_path / "tls.pem"), "--key", str(tmp_path / "tls-key.pem"), "--crl", str(tmp_path)]
    for again, told in ((b"another", "differ"), (PASSPHRASE, "--uzi-ca")):
        terminal = Terminal([*PROGRAM, *options, *files])
        terminal.expect("New passphrase")
        terminal.answer(PASSPHRASE)
        terminal.expect("once more")
        terminal.answer(again)
        terminal.expect(told)
        assert (tmp_path / "portal" / "ca").exists() is (again == PASSPHRASE)
    terminal.expect("zorgid-card portal operator NAME --dir")
    assert terminal.interrupt() == 0
    assert b"closed" in terminal.shown


@contextmanager
def nginx(directory: Path, port: int, portal: int) -> Iterator[None]:
    """As docs/portal-reference.md has it, before the portal."""
    text = example("docs/portal-reference.md", "nginx")
    for said, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/portal/chain.pem", str(directory / "tls.pem")),
        ("/etc/portal/key.pem", str(directory / "tls-key.pem")),
        ("127.0.0.1:8443", f"127.0.0.1:{portal}"),
    ):
        assert said in text
        text = text.replace(said, here)
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/log;\n"
        f"events {{}}\nhttp {{ access_log off; client_body_temp_path {directory}/body;\n{text}\n}}\n"
    )
    process = subprocess.Popen(["nginx", "-p", str(directory), "-c", str(configuration), "-g", "daemon off;"])
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed (Debian package nginx-light)")
def test_nginx_ends_tls_before_it_and_tells_who_asks(tmp_path: Path) -> None:
    self_signed(tmp_path)
    (tmp_path / "token").write_text("t")
    front, port, directory = free_port(), str(free_port()), tmp_path / "portal"
    options = [
        "--dir",
        str(directory),
        "--port",
        port,
        "--origin",
        f"https://localhost:{front}",
        "--behind",
        "127.0.0.1",
    ]
    files = ["--cert", str(tmp_path / "tls.pem"), "--crl", str(tmp_path), "--metrics-token", str(tmp_path / "token")]
    with (
        serving(tmp_path / "tls.pem", *options, *files, passphrase=PASSPHRASE) as portal,
        nginx(tmp_path, front, int(port)),
        HTTPSDoor(portal.origin, ca=tmp_path / "tls.pem") as door,
    ):
        until_it_listens(front)
        assert portal.get("/log-in")[0] == 200
        assert portal.get("/", Host="evil.example")[0] == 421
        assert len(door.challenge()) == 44
        with pytest.raises(MessageError):
            door.log_in("{}")  # it came through with the session and its token, and is no token of a card


def until_it_listens(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "--dir"),
        (["--dir", "{}"], "--origin"),
        (["--dir", "{}", "--origin", "https://portal.example"], "--cert"),
        (["--dir", "{}", "--origin", "https://portal.example", "--cert", "{}/tls.pem"], "--key"),
        (
            ["--dir", "{}", "--origin", "http://portal.example", "--cert", "{}/tls.pem", "--key", "{}/tls-key.pem"],
            "http",
        ),
    ],
)
def test_what_is_missing_is_told_with_what_to_give(
    tmp_path: Path, options: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    self_signed(tmp_path)
    assert run(["portal", *(option.format(tmp_path) for option in options), "--lang", "en"]) == 3
    assert told in capfd.readouterr().err
    assert not (tmp_path / "ca").exists()


def test_tls_that_cannot_be_served_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    self_signed(tmp_path)
    (tmp_path / "other.pem").write_text("nothing")
    options = ["--dir", str(tmp_path / "p"), "--origin", "https://localhost", "--cert", str(tmp_path / "tls.pem")]
    with descriptor(PASSPHRASE) as given:
        command = [
            "portal",
            *options,
            "--key",
            str(tmp_path / "other.pem"),
            "--port",
            str(free_port()),
            "--lang",
            "en",
            *given,
        ]
        assert run(command) == 8
    assert "tls.pem" in capfd.readouterr().err


def test_a_worker_that_dies_is_replaced_and_the_other_serves_meanwhile(trial: Running) -> None:
    assert len(set(trial.told["workers"])) == 2
    os.kill(trial.told["workers"][0], signal.SIGKILL)
    assert [trial.get("/")[0] for _ in range(20)] == [200] * 20
    assert trial.process.poll() is None


def test_workers_end_when_their_parent_was_killed(tmp_path: Path) -> None:
    port = free_port()
    options = [
        "--trial",
        "--dir",
        str(tmp_path / "p"),
        "--holders",
        "1",
        "--port",
        str(port),
        "--workers",
        "2",
        "--json",
    ]
    process = subprocess.Popen([*PROGRAM, *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "ready"
    process.kill()
    process.wait()
    assert process.stdout.read() == ""  # it ends when all that have it open have ended
    process.stdout.close()
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_an_operator_comes_in_by_the_link_that_is_printed(trial: Running, capfd: pytest.CaptureFixture[str]) -> None:
    directory = trial.told["directory"]
    assert run(["portal", "operator", "Ria", "--dir", directory, "--json"]) == 0
    link = json.loads(capfd.readouterr().out)["link"]
    assert link.startswith(f"{trial.origin}/operator/log-in#")  # in no request, and so in no proxy's log
    status, page = trial.get("/operator/log-in")
    assert (status, "/operator/log-in" in [form.action for form in forms(page)]) == (200, True)
    assert run(["portal", "operator", "Ria", "--dir", directory, "--lang", "nl"]) == 0
    assert "één keer" in capfd.readouterr().out
    assert run(["portal", "operator", "", "--dir", directory]) == 3
    assert run(["portal", "operator", "Ria", "--dir", str(trial.tls.parent / "cards"), "--lang", "en"]) == 3
    assert "none was started" in capfd.readouterr().err


def test_aut_1_a_pass_logs_in_over_tls_as_the_command_line_does(trial: Running) -> None:
    reader = SimulatedReader()
    reader.insert(VirtualUZIPass.load(Path(trial.told["cards"]) / "01" / "pass.json"))
    with HTTPSDoor(trial.origin, ca=trial.tls) as portal, open_card(reader) as card:
        signer = card.authentication_signer(lambda request: Secret.of(DEFAULT_PIN))
        nonce = portal.challenge()
        token = log_in(signer, card.authentication_certificate(), origin=portal.origin, nonce=nonce)
        assert portal.log_in(token)["name"].startswith("Fatima")


def test_metrics_tell_who_has_the_token_how_long_the_servers_certificate_lasts(trial: Running) -> None:
    assert trial.get("/metrics")[0] == 403
    status, told = trial.get("/metrics", Authorization="Bearer metrics-token")
    assert status == 200
    assert re.search(r'zorgid_certificate_left_seconds\{about="tls"\} [1-9]', told)
