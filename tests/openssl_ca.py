"""A CA whose records OpenSSL keeps: its ``ca -gencrl`` makes the lists, its ``ocsp`` answers, in a file or on a port."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pki_world import Node

CONFIGURATION = """
[ca]
default_ca = this
[this]
database = {place}/index.txt
crlnumber = {place}/crlnumber
certificate = {place}/ca.pem
private_key = {place}/ca.key
default_md = sha256
default_crl_hours = 48
crl_extensions = list
[list]
authorityKeyIdentifier = keyid
{extensions}
"""


def openssl(*arguments: object) -> str:
    """Run openssl; what it says on both streams. Where there is none, the test is skipped, and says so."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    done = subprocess.run(["openssl", *map(str, arguments)], check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def write_pem(node: Node, place: Path, name: str) -> tuple[Path, Path]:
    """A certificate and its key, as files."""
    certificate, key = place / f"{name}.pem", place / f"{name}.key"
    certificate.write_bytes(node.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(node.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, key


class OpenSSLCA:
    """OpenSSL's view of one CA: what it has issued, and what became of that."""

    def __init__(self, ca: Node, place: Path) -> None:
        openssl("version")
        place.mkdir(exist_ok=True)
        self.ca, self.place = ca, place
        write_pem(ca, place, "ca")
        (place / "crlnumber").write_text("01\n")
        (place / "index.txt.attr").write_text("unique_subject = no\n")
        self._status: dict[int, str] = {}
        self._write()

    def issued(self, node: Node) -> None:
        self._status[node.certificate.serial_number] = "V\t{end}\t"
        self._write()

    def revoke(self, node: Node, reason: str = "keyCompromise", since: str = "261101000000Z") -> None:
        self._status[node.certificate.serial_number] = f"R\t{{end}}\t{since},{reason}"
        self._write()

    def _write(self) -> None:
        lines = [
            f"{status.format(end='391231000000Z')}\t{serial:0{len(f'{serial:x}') + 1 & ~1}X}\tunknown\t/CN=x\n"
            for serial, status in self._status.items()
        ]
        (self.place / "index.txt").write_text("".join(lines))

    def crl(self, *options: str, number: int | None = None, extensions: str = "") -> bytes:
        """A list as ``openssl ca -gencrl`` makes it, DER."""
        if number is not None:
            (self.place / "crlnumber").write_text(f"{number:0{len(f'{number:x}') + 1 & ~1}X}\n")
        configuration, out = self.place / "openssl.cnf", self.place / "crl.pem"
        configuration.write_text(CONFIGURATION.format(place=self.place, extensions=extensions))
        openssl("ca", "-gencrl", "-config", configuration, "-out", out, *options)
        der = self.place / "crl.der"
        openssl("crl", "-in", out, "-outform", "DER", "-out", der)
        return der.read_bytes()

    def answer(self, request: bytes, *options: object, signer: Node | None = None) -> bytes:
        """What OpenSSL's responder answers to a request, DER."""
        question, answered = self.place / "request.der", self.place / "answer.der"
        question.write_bytes(request)
        answered.unlink(missing_ok=True)
        openssl("ocsp", *self._responder(signer), "-reqin", question, "-respout", answered, "-nmin", "60", *options)
        return answered.read_bytes()

    def _responder(self, signer: Node | None) -> list[object]:
        certificate, key = write_pem(signer or self.ca, self.place, "signer")
        ca = self.place / "ca.pem"
        return ["-index", self.place / "index.txt", "-CA", ca, "-rsigner", certificate, "-rkey", key, "-rmd", "sha256"]

    @contextmanager
    def responder(self, port: int, *options: object, signer: Node | None = None) -> Iterator[str]:
        """OpenSSL's responder on a port of its own; its address."""
        command = ["openssl", "ocsp", "-port", str(port), *map(str, self._responder(signer)), "-nmin", "60"]
        process = subprocess.Popen(
            [*command, *map(str, options)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        try:  # it says when it listens; a connection to find that out would keep it busy
            while "waiting for" not in (line := process.stderr.readline()):
                assert line, "openssl ocsp has ended"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate(timeout=10)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def now() -> datetime:
    return datetime.now(UTC)
