"""OpenSSL uses the key on the card through its pkcs11 engine and OpenSC: signatures, and a log-in to a TLS server."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from made_card import made_card, pem, run, tries_left, wait_for, wait_for_card
from openssl import FROM_CARD, engine
from world import CARD_PIN, PASS_PIN
from zorgid_card.pki.authority import Authority
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import ATR, VirtualUZIPass
from zorgid_card.testkit.uzi_layout import LAYOUT_A
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage
from zorgid_card.testkit.vpcd import VPCDCard

pytestmark = pytest.mark.blackbox

PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
PKCS1_ONLY = ("tls1_2",)  # a UZI pass pads by PKCS #1 v1.5 alone; TLS 1.3 wants RSASSA-PSS (RFC 8446, 4.2.3)
REQUEST, ANSWER = "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 ok"


@dataclass
class Presented:
    """The card in the reader: the key that logs in, and what a server needs to know of it."""

    certificate: bytes
    authorities: Sequence[bytes]
    key: str
    holder: str
    directory: Path
    environment: dict[str, str]
    signs: Sequence[tuple[str, ...]] = ((),)
    """Options of ``openssl dgst`` for each way in which the key signs."""
    versions: Sequence[str] = ("tls1_2", "tls1_3")
    client: tuple[str, ...] = ()
    """Options of ``openssl s_client``."""

    @property
    def authority(self) -> Path:
        """PEM."""
        return written(self.directory / "authority.pem", *self.authorities)


def written(path: Path, *certificates: bytes) -> Path:
    path.write_bytes(b"".join(map(pem, certificates)))
    return path


@pytest.fixture(scope="module", params=["RSA2048", "ECCP256", "UZI"])
def card(request: pytest.FixtureRequest, pcscd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Presented]:
    """A ZORG-ID Smartcard that the library made, or a UZI pass."""
    directory = tmp_path_factory.mktemp(request.param)
    with uzi_pass(directory) if request.param == "UZI" else zorgid_card(request.param, directory) as presented:
        yield presented


@contextmanager
def zorgid_card(algorithm: str, directory: Path) -> Iterator[Presented]:
    with made_card(algorithm, directory) as case:
        yield Presented(
            case.made.certificate,
            case.world.authority.chain,
            key="pkcs11:id=%01;type=private",
            holder="900000022",
            directory=directory,
            environment=engine(directory, CARD_PIN),
            signs=((), PSS) if algorithm == "RSA2048" else ((),),
        )


@contextmanager
def uzi_pass(directory: Path) -> Iterator[Presented]:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    contents = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")
    driver = directory / "opensc.conf"  # none of OpenSC's drivers claims a UZI pass (see test_uzi_card)
    driver.write_text(f'app default {{ card_atr {ATR.hex(":")} {{ driver = "MaskTech"; }} }}')
    environment = {**engine(directory, PASS_PIN), "OPENSC_CONF": str(driver)}
    with VPCDCard(VirtualUZIPass(contents, pin=PASS_PIN, layout=LAYOUT_A)):
        wait_for_card()
        yield Presented(
            contents.certificates[Usage.AUTHENTICITY],
            pki.chain("Z"),
            key="pkcs11:id=%45;type=private",
            holder=JAN_DE_VRIES.uzi_number,
            directory=directory,
            environment=environment,
            versions=PKCS1_ONLY,
            client=("-sigalgs", "ECDSA+SHA256:RSA+SHA256"),
        )
    time.sleep(0.6)  # vpcd looks every 0.4 s; the next card must not meet this one


def test_aut_3_openssl_verifies_what_the_engine_signs(card: Presented) -> None:
    text, signature, public = (card.directory / name for name in ("text", "signature", "public.pem"))
    certificate = written(card.directory / "card.pem", card.certificate)
    public.write_text(run("openssl", "x509", "-in", certificate, "-noout", "-pubkey"))
    key = (*FROM_CARD, "-sign", card.key)
    for options in card.signs:
        text.write_bytes(b"what the care worker signs\n" * 100)
        run("openssl", "dgst", "-sha256", *key, *options, "-out", signature, text, env=card.environment)
        check = ("openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, *options, text)
        assert "Verified OK" in run(*check)
        text.write_bytes(b"something else")
        run(*check, fails=True)
    assert tries_left() == (3, 3)


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


def visit(at: Server, card: Presented | None, *, fails: bool = False) -> str:
    """A TLS client asks for a page, with the key and the certificate on the card."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{at.port}", "-CAfile", at.log.parent / "server.pem"]
    if card is not None:
        certificate = written(card.directory / "card.pem", card.certificate)
        command += [*FROM_CARD, "-key", card.key, "-cert", certificate, "-cert_chain", card.authority, *card.client]
    environment = None if card is None else card.environment
    return run(*command, "-verify_return_error", "-ign_eof", given=REQUEST, env=environment, fails=fails)


def test_aut_3_the_card_logs_in_to_a_tls_server(card: Presented, tmp_path: Path) -> None:
    for version in card.versions:
        with server(tmp_path, card.authority, version) as at:
            page = visit(at, card)
        assert ANSWER in page
        assert f"Protocol  : {version.replace('tls', 'TLSv').replace('_', '.')}\n" in page
        _, _, presented = page.partition("\nClient certificate\n")  # as the server saw it
        assert x509.load_pem_x509_certificate(presented.encode()).public_bytes(Encoding.DER) == card.certificate
        verified = at.told()[at.told().index("depth=0") :].splitlines()
        assert f"serialNumber = {card.holder}" in verified[0]
        assert verified[1] == "verify return:1"
    assert tries_left() == (3, 3)


def test_aut_3_a_server_that_trusts_another_ca_refuses_the_card(card: Presented, tmp_path: Path) -> None:
    for version in card.versions:
        with server(tmp_path, another_authority(tmp_path / version), version) as at:
            page = visit(at, card, fails=True)
        assert ANSWER not in page
        assert "certificate verify failed" in at.told()
    assert tries_left() == (3, 3)


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_aut_3_a_server_refuses_who_has_no_card(version: str, tmp_path: Path) -> None:
    with server(tmp_path, another_authority(tmp_path / "ca"), version) as at:
        page = visit(at, None, fails=True)
    assert ANSWER not in page
    assert "peer did not return a certificate" in at.told()


def another_authority(directory: Path) -> Path:
    """Its certificates, PEM."""
    theirs = Authority.create(directory, Secret.of(b"another passphrase"), now=datetime.now(UTC))
    return written(directory / "authority.pem", *theirs.chain)
