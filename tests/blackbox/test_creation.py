"""A ZORG-ID Smartcard made over a real pcscd, through the library's PC/SC adapter, then used by other people's programs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from world import CARD_PIN, DESKTOP, World
from zorgid_card import find_reader, open_card
from zorgid_card.adapters.pcsc import PCSCChannel, readers
from zorgid_card.cards import ZorgIDCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.vpcd import VPCDCard
from zorgid_card.workflows.authentication import log_in
from zorgid_card.workflows.creation import Made
from zorgid_card.workflows.policy import CreationPolicy

pytestmark = pytest.mark.blackbox

MODULE = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
TIMEOUT = 60


class VirtualSlot:
    """A virtual reader of pcscd: cards are moved through vpcd, and seen through PC/SC."""

    def __init__(self) -> None:
        (self._reader,) = (reader for reader in readers() if reader.name.endswith("00 00"))
        self._serving: VPCDCard | None = None
        self.card: VirtualCard | None = None

    @property
    def name(self) -> str:
        return self._reader.name

    def connect(self, *, exclusive: bool = False, timeout: float = 0) -> PCSCChannel:
        return self._reader.connect(exclusive=exclusive, timeout=timeout)

    def wait(self, *, present: bool, timeout: float | None = None) -> None:
        self._reader.wait(present=present, timeout=10)

    def insert(self, card: VirtualCard) -> None:
        self.remove()
        self._serving, self.card = VPCDCard(card), card
        self._serving.start()
        self._reader.wait(present=True, timeout=10)

    def remove(self) -> VirtualCard | None:
        card, self.card = self.card, None
        if self._serving is not None:
            self._serving.stop()
            self._serving = None
            self._reader.wait(present=False, timeout=10)
        return card


class Case:
    def __init__(self, world: World, made: Made, slot: VirtualSlot, algorithm: str, directory: Path) -> None:
        self.world, self.made, self.slot, self.algorithm, self.directory = world, made, slot, algorithm, directory
        self.certificate = directory / "certificate.der"
        self.certificate.write_bytes(made.certificate)


@pytest.fixture(scope="module", params=["RSA2048", "ECCP256"])
def case(request: pytest.FixtureRequest, pcscd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    directory = tmp_path_factory.mktemp(request.param)
    slot = VirtualSlot()
    now = datetime.now(UTC).replace(microsecond=0)
    world = World(directory, creation=CreationPolicy(key_algorithm=request.param), reader=slot, now=now)
    world.validated()
    made = world.create(world.worker())
    yield Case(world, made, slot, request.param, directory)
    slot.remove()
    time.sleep(0.6)  # vpcd looks every 0.4 s; the next card must not meet this one


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_crd_10_the_card_made_over_pcsc_logs_in_over_pcsc(case: Case) -> None:
    nonce = case.world.log_in.challenge("browser")
    with open_card(find_reader("Virtual PCD 00 00")) as card:
        assert isinstance(card, ZorgIDCard)
        assert card.serial == case.made.serial
        signer = card.authentication_signer(lambda _: Secret.of(CARD_PIN))
        token = log_in(signer, card.authentication_certificate(), origin=case.world.portal.origin, nonce=nonce)
    assert case.world.log_in.verify(token, binding="browser").card_serial == case.made.serial


def test_crd_7_opensc_reads_the_certificate_that_was_issued(case: Case) -> None:
    read = case.directory / "read.der"
    run("pkcs11-tool", "--module", MODULE, "--read-object", "--type", "cert", "--id", "01", "-o", str(read))
    assert read.read_bytes() == case.made.certificate
    shown = run("openssl", "x509", "-inform", "DER", "-in", str(read), "-noout", "-subject", "-nameopt", "utf8")
    assert "900000022" in shown


# pkcs11-tool 0.23 tests RSA keys only; the curve is covered by the signature below
@pytest.mark.parametrize("case", ["RSA2048"], indirect=True)
def test_aut_3_pkcs11_tool_finds_no_error_and_skips_no_key(case: Case) -> None:
    told = run("pkcs11-tool", "--module", MODULE, "--login", "--pin", CARD_PIN.decode(), "--test")
    assert "No errors" in told
    assert "skipping" not in told.lower()


def test_aut_3_a_signature_by_pkcs11_tool_verifies_with_openssl(case: Case) -> None:
    data, signature, key = (case.directory / name for name in ("data", "signature", "key.pem"))
    data.write_bytes(b"what the care worker signs\n" * 100)
    mechanism = "SHA256-RSA-PKCS" if case.algorithm == "RSA2048" else "ECDSA-SHA256"
    extra = [] if case.algorithm == "RSA2048" else ["--signature-format", "openssl"]
    run("pkcs11-tool", "--module", MODULE, "--login", "--pin", CARD_PIN.decode(), "--sign", "--id", "01",
        "--mechanism", mechanism, *extra, "-i", str(data), "-o", str(signature))  # fmt: skip
    public = run("openssl", "x509", "-inform", "DER", "-in", str(case.certificate), "-noout", "-pubkey")
    key.write_text(public)
    assert "Verified OK" in run(
        "openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(signature), str(data)
    )
    data.write_bytes(b"something else")
    refused = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(signature), str(data)],
        capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert refused.returncode != 0


def test_crd_5_a_used_card_is_refused_over_pcsc_and_keeps_its_tries(case: Case) -> None:
    from zorgid_card.errors import NotBlankError

    used = case.slot.card
    assert used is not None
    with pytest.raises(NotBlankError):
        case.world.creation(case.world.worker(used)).run(**DESKTOP)
    case.slot.insert(used)
    with open_card(find_reader("Virtual PCD 00 00")) as card:
        assert card.tries().left == 3
