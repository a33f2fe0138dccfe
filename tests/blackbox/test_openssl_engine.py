"""OpenSSL uses the key on the card through its pkcs11 engine and OpenSC: signatures, and a log-in to a TLS server."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from made_card import MadeCard, made_card, opensc_module, pem, run, tries_left, wait_for
from world import CARD_PIN
from zorgid_card.pki.authority import Authority
from zorgid_card.secret import Secret

pytestmark = pytest.mark.blackbox

ENGINE = Path("/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so")
KEY = ("-engine", "pkcs11", "-keyform", "engine")
URI = "pkcs11:id=%01;type=private"
REQUEST, ANSWER = "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 ok"


@pytest.fixture(scope="module", params=["RSA2048", "ECCP256"])
def case(request: pytest.FixtureRequest, pcscd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeCard]:
    with made_card(request.param, tmp_path_factory.mktemp(request.param)) as case:
        yield case


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which openssl finds the engine, the module and the PIN."""
    if not ENGINE.exists():
        pytest.skip("the engine is not installed (Debian package libengine-pkcs11-openssl)")
    configuration = tmp_path_factory.mktemp("engine") / "openssl.cnf"
    configuration.write_text(
        f"""openssl_conf = start
[start]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = {ENGINE}
MODULE_PATH = {opensc_module()}
PIN = {CARD_PIN.decode()}
init = 0
"""
    )
    return {"OPENSSL_CONF": str(configuration)}


PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")


@pytest.mark.parametrize(
    ("case", "options"),
    [("RSA2048", ()), ("RSA2048", PSS), ("ECCP256", ())],
    indirect=["case"],
    ids=["RS256", "PS256", "ES256"],
)
def test_aut_3_openssl_verifies_what_the_engine_signs(
    case: MadeCard, engine: dict[str, str], options: tuple[str, ...]
) -> None:
    text, signature, public = (case.directory / name for name in ("text", "signature", "public.pem"))
    text.write_bytes(b"what the care worker signs\n" * 100)
    run("openssl", "dgst", *KEY, "-sha256", "-sign", URI, *options, "-out", signature, text, env=engine)
    public.write_text(run("openssl", "x509", "-inform", "DER", "-in", case.certificate, "-noout", "-pubkey"))
    check = ("openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, *options, text)
    assert "Verified OK" in run(*check)
    text.write_bytes(b"something else")
    run(*check, fails=True)


@dataclass
class Server:
    """``openssl s_server``, which asks each client for a certificate of one CA."""

    port: int
    log: Path

    def told(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def server(directory: Path, authority: Path, version: str) -> Iterator[Server]:
    """A server with a certificate of its own, that ends the handshake where the client's is not the CA's."""
    key, certificate, log = (directory / name for name in ("server.key", "server.pem", "server.log"))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run("openssl", "req", "-x509", *curve, "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-days", "2")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-key", key, "-cert", certificate]
    command += ["-Verify", "3", "-verify_return_error", "-CAfile", authority, "-no-CApath", "-no-CAstore"]
    command += [f"-{version}", "-www", "-naccept", "1"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_for(log, "ACCEPT")
        yield Server(port, log)
        process.wait(10)
    finally:
        process.kill()
        process.wait(10)


def visit(at: Server, *card: str | Path, engine: dict[str, str] | None = None, fails: bool = False) -> str:
    """A TLS client asks for a page."""
    command = ("openssl", "s_client", "-connect", f"127.0.0.1:{at.port}", "-CAfile", at.log.parent / "server.pem")
    return run(*command, "-verify_return_error", *card, "-ign_eof", given=REQUEST, env=engine, fails=fails)


def visit_with_card(case: MadeCard, engine: dict[str, str], at: Server, *, fails: bool = False) -> str:
    """The same with the key and the certificate on the card."""
    certificate = case.directory / "certificate.pem"
    certificate.write_bytes(pem(case.made.certificate))
    card = (*KEY, "-key", URI, "-cert", certificate, "-cert_chain", case.authority)
    return visit(at, *card, engine=engine, fails=fails)


versions = pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])


@versions
def test_aut_3_the_card_logs_in_to_a_tls_server(
    case: MadeCard, engine: dict[str, str], version: str, tmp_path: Path
) -> None:
    with server(tmp_path, case.authority, version) as at:
        page = visit_with_card(case, engine, at)
    assert ANSWER in page
    assert f"Protocol  : {version.replace('tls', 'TLSv').replace('_', '.')}\n" in page
    _, _, presented = page.partition("\nClient certificate\n")  # as the server saw it
    assert x509.load_pem_x509_certificate(presented.encode()).public_bytes(Encoding.DER) == case.made.certificate
    verified = at.told()[at.told().index("depth=0") :].splitlines()
    assert "serialNumber = 900000022" in verified[0]
    assert verified[1] == "verify return:1"
    assert tries_left() == (3, 3)


@versions
def test_aut_3_a_server_that_trusts_another_ca_refuses_the_card(
    case: MadeCard, engine: dict[str, str], version: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    theirs = Authority.create(tmp_path / "ca", Secret.of(b"another passphrase"), now=datetime.now(UTC))
    other.write_bytes(b"".join(pem(der) for der in theirs.chain))
    with server(tmp_path, other, version) as at:
        page = visit_with_card(case, engine, at, fails=True)
    assert ANSWER not in page
    assert "certificate verify failed" in at.told()
    assert tries_left() == (3, 3)


@versions
def test_aut_3_a_server_refuses_who_has_no_card(case: MadeCard, version: str, tmp_path: Path) -> None:
    with server(tmp_path, case.authority, version) as at:
        page = visit(at, fails=True)
    assert ANSWER not in page
    assert "peer did not return a certificate" in at.told()
