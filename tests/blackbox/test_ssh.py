"""OpenSSH logs in with the key on the card, through OpenSC, to an sshd of our own on loopback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from made_card import MadeCard, made_card, need, opensc_module, run, tries_left, wait_for
from world import CARD_PIN

pytestmark = pytest.mark.blackbox

SSHD = "/usr/sbin/sshd"
SEPARATION = Path("/run/sshd")  # compiled into Debian's sshd


@pytest.fixture(scope="module", params=["RSA2048", "ECCP256"])
def case(request: pytest.FixtureRequest, pcscd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeCard]:
    with made_card(request.param, tmp_path_factory.mktemp(request.param)) as case:
        yield case


@pytest.fixture(scope="module")
def host_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("sshd", "ssh", "ssh-keygen")
    key = tmp_path_factory.mktemp("ssh") / "host"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    return key


@pytest.fixture
def sshd(host_key: Path, tmp_path: Path) -> Iterator[int]:
    """The port of an sshd that lets in who is named in ``authorized_keys`` beside it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration, log = tmp_path / "sshd_config", tmp_path / "sshd.log"
    configuration.write_text(
        f"""ListenAddress 127.0.0.1:{port}
HostKey {host_key}
AuthorizedKeysFile {tmp_path}/authorized_keys
AuthenticationMethods publickey
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
"""
    )
    with a_place_for(SEPARATION), sshd_of(configuration, log):
        yield port


@contextmanager
def a_place_for(directory: Path) -> Iterator[None]:
    """An empty directory; removed again if it was not there."""
    if directory.exists():
        yield
        return
    directory.mkdir()
    yield
    directory.rmdir()


@contextmanager
def sshd_of(configuration: Path, log: Path) -> Iterator[None]:
    log.touch()
    process = subprocess.Popen([SSHD, "-D", "-f", configuration, "-E", log], stdin=subprocess.DEVNULL)
    try:
        wait_for(log, "Server listening")
        yield
    finally:
        process.terminate()
        process.wait(10)


def ssh(port: int, host_key: Path, pin: str, *command: str, fails: bool = False) -> str:
    """Runs a command there; the PIN is typed by a program, as a desktop's dialog would."""
    place = host_key.parent
    known, ask = place / "known_hosts", place / "ask"
    known.write_text(f"[127.0.0.1]:{port} {host_key.with_suffix('.pub').read_text()}")
    ask.write_text(f"#!/bin/sh\necho asked >>{place}/asked\necho {pin}\n")
    ask.chmod(0o700)
    (place / "asked").unlink(missing_ok=True)
    options = {
        "PKCS11Provider": opensc_module(),
        "UserKnownHostsFile": known,
        "IdentityFile": "none",
        "IdentityAgent": "none",
        "PreferredAuthentications": "publickey",
        "NumberOfPasswordPrompts": "1",
        "ConnectTimeout": "20",
    }
    told = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    environment = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    there = ("-p", str(port), "root@127.0.0.1")
    return run("ssh", "-F", "none", *told, *there, *command, env=environment, fails=fails)


def openssh_key(case: MadeCard) -> str:
    """The public key in the certificate as OpenSSH writes it."""
    key = x509.load_der_x509_certificate(case.made.certificate).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_ssh_keygen_lists_the_key_of_the_certificate(case: MadeCard) -> None:
    need("ssh-keygen")
    listed = run("ssh-keygen", "-D", opensc_module())
    assert openssh_key(case) in [" ".join(line.split()[:2]) for line in listed.splitlines()]


def test_aut_3_the_card_logs_in_by_ssh(case: MadeCard, sshd: int, host_key: Path, tmp_path: Path) -> None:
    (tmp_path / "authorized_keys").write_text(openssh_key(case) + "\n")
    shown = ssh(sshd, host_key, CARD_PIN.decode(), "expr 6 '*' 7")
    assert "42" in shown.splitlines()
    assert (host_key.parent / "asked").read_text() == "asked\n"
    assert tries_left() == (3, 3)


def test_aut_3_another_key_is_not_let_in(case: MadeCard, sshd: int, host_key: Path, tmp_path: Path) -> None:
    (tmp_path / "authorized_keys").write_text(host_key.with_suffix(".pub").read_text())
    shown = ssh(sshd, host_key, CARD_PIN.decode(), "expr 6 '*' 7", fails=True)
    assert "42" not in shown.splitlines()
    assert "Permission denied" in shown


def test_a_wrong_pin_costs_one_try_and_does_not_log_in(
    case: MadeCard, sshd: int, host_key: Path, tmp_path: Path
) -> None:
    (tmp_path / "authorized_keys").write_text(openssh_key(case) + "\n")
    ssh(sshd, host_key, "000000", "expr 6 '*' 7", fails=True)
    assert tries_left() == (2, 3)
    ssh(sshd, host_key, CARD_PIN.decode(), "true")
    assert tries_left() == (3, 3)
