"""Simulated cards through OpenSC's PKCS#11 module, over a real pcscd: the middleware route end to end, openssl checking.

OpenSC knows no UZI pass; ``opensc.conf`` maps its ATR to the MaskTech driver, which signs only (see test_uzi_card).
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from softhsm import spki
from world import CARD_PIN, PASS_PIN, World
from zorgid_card.adapters.pcsc import readers
from zorgid_card.adapters.pkcs11 import PKCS11Module
from zorgid_card.cards import CardKind, LastTry, PINRequest, TokenCard, TryState
from zorgid_card.cards.token import open_token_card
from zorgid_card.errors import (
    LastTryError,
    NoCardError,
    NotOfferedError,
    PINBlockedError,
    ReaderError,
    WrongPINError,
)
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import ATR, VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES
from zorgid_card.testkit.vpcd import VPCDCard
from zorgid_card.workflows.card_side import log_in
from zorgid_card.workflows.policy import CreationPolicy

Insert = Callable[[VirtualCard], str]
MODULES = ("/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "/usr/lib/opensc-pkcs11.so")
MODULE = next((path for path in MODULES if Path(path).exists()), None)
needs_opensc = pytest.mark.skipif(MODULE is None, reason="opensc-pkcs11.so is not installed")
pytestmark = [pytest.mark.blackbox, needs_opensc]


@pytest.fixture(autouse=True)
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    configuration = tmp_path / "opensc.conf"
    shown = ":".join(f"{byte:02X}" for byte in ATR)
    configuration.write_text(
        f"""app default {{
  card_atr {shown} {{ driver = "MaskTech"; }}
  reader_driver pcsc {{ max_send_size = 255; max_recv_size = 256; }}
  framework pkcs15 {{ use_file_caching = no; }}
}}
"""
    )
    monkeypatch.setenv("OPENSC_CONF", str(configuration))
    return configuration


@pytest.fixture(scope="module", params=["ECCP256", "RSA2048"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    now = datetime.now(UTC).replace(microsecond=0)
    world = World(tmp_path_factory.mktemp("world"), creation=CreationPolicy(key_algorithm=request.param), now=now)
    world.validated()
    return world


@pytest.fixture(scope="module")
def made(world: World) -> VirtualCard:
    """A ZORG-ID Smartcard, made in the process."""
    world.create(world.worker())
    card = world.reader.remove()
    assert card is not None
    return card


@pytest.fixture
def module(pcscd: None) -> Iterator[PKCS11Module]:
    with PKCS11Module(MODULE) as opened:
        yield opened


def the_card(module: PKCS11Module) -> TokenCard:
    (info,) = module.tokens()
    return open_token_card(module.open(info.slot))


def verified(der: bytes, signature: bytes, data: bytes, place: Path, *options: str) -> None:
    (place / "key.pem").write_bytes(spki(der))
    (place / "signature").write_bytes(signature)
    command = ["openssl", "dgst", "-sha256", "-verify", place / "key.pem", "-signature", place / "signature", *options]
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    assert b"Verified OK" in done.stdout, done.stderr


def test_aut_1_a_zorgid_smartcard_logs_in_through_its_middleware(
    insert: Insert, made: VirtualCard, module: PKCS11Module, world: World
) -> None:
    insert(made)
    nonce = world.log_in.challenge("browser")
    card = the_card(module)
    assert card.kind is CardKind.ZORGID
    signer = card.authentication_signer(lambda _: Secret.of(CARD_PIN))
    token = log_in(signer, card.authentication_certificate(), origin=world.portal.origin, nonce=nonce)
    assert world.log_in.verify(token, binding="browser").common_name


def test_aut_3_a_zorgid_smartcard_signs_through_its_middleware(
    insert: Insert, made: VirtualCard, module: PKCS11Module, tmp_path: Path
) -> None:
    insert(made)
    card = the_card(module)
    asked = []

    def provider(request: object) -> Secret:
        asked.append(request)
        return Secret.of(CARD_PIN)

    for data in (b"first", b"second"):
        signature = card.sign("authenticity", data, pin=provider)
        verified(card.authentication_certificate(), signature, data, tmp_path)
    assert len(asked) == 1


def test_pin_1_opensc_tells_what_is_left(insert: Insert, made: VirtualCard, module: PKCS11Module) -> None:
    insert(made)
    card = the_card(module)
    told = [card.tries().state]
    for _ in range(2):
        with pytest.raises(WrongPINError):
            card.verify_pin(Secret.of(b"999999"), last_try_allowed=True)
        told.append(card.tries().state)
    # OpenSC 0.23 keeps silent about the first wrong PIN of a PIV card: it does not know how many tries there were
    assert told == [TryState.KNOWN, TryState.UNKNOWN, TryState.FINAL]
    with pytest.raises(LastTryError):
        card.sign("authenticity", b"text", pin=lambda _: Secret.of(CARD_PIN))
    card.sign("authenticity", b"text", pin=lambda _: LastTry(Secret.of(CARD_PIN)))


def test_pin_2_the_pin_of_a_zorgid_smartcard_is_changed(
    insert: Insert, made: VirtualCard, module: PKCS11Module
) -> None:
    insert(made)
    card = the_card(module)
    card.change_pin(Secret.of(CARD_PIN), Secret.of(b"654321"))
    with pytest.raises(WrongPINError):
        card.verify_pin(Secret.of(CARD_PIN))
    card.change_pin(Secret.of(b"654321"), Secret.of(CARD_PIN), last_try_allowed=True)
    card.verify_pin(Secret.of(CARD_PIN))


def test_pin_3_opensc_unblocks_no_piv_card_and_that_is_said(
    insert: Insert, made: VirtualCard, module: PKCS11Module
) -> None:
    insert(made)
    card = the_card(module)
    for use in (
        lambda: card.unblock_pin(Secret.of(b"12345678"), Secret.of(b"654321")),
        lambda: card.change_puk(Secret.of(b"12345678"), Secret.of(b"87654321")),
    ):
        with pytest.raises(NotOfferedError):
            use()
    card.verify_pin(Secret.of(CARD_PIN))


def test_a_card_pulled_out_says_so_and_can_be_used_when_it_is_back(made: VirtualCard, module: PKCS11Module) -> None:
    (reader,) = (reader for reader in readers() if reader.name.endswith("00 00"))
    with VPCDCard(made):
        reader.wait(present=True, timeout=10)
        card = the_card(module)
        card.verify_pin(Secret.of(CARD_PIN))
        certificate = card.authentication_certificate()
    reader.wait(present=False, timeout=10)
    with pytest.raises(ReaderError):
        card.sign("authenticity", b"text", pin=lambda _: Secret.of(CARD_PIN))
    with pytest.raises(NoCardError):
        card.tries()
    with VPCDCard(made):
        reader.wait(present=True, timeout=10)
        assert card.authentication_certificate() == certificate
        assert card.sign("authenticity", b"text", pin=lambda _: Secret.of(CARD_PIN))
    reader.wait(present=False, timeout=10)
    time.sleep(0.6)  # vpcd looks every 0.4 s; the next test must not meet this card


@pytest.fixture(scope="module")
def contents() -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")


@pytest.fixture(params=[LAYOUT_A, LAYOUT_B], ids=["A", "B"])
def uzi_pass(insert: Insert, contents: PassContents, request: pytest.FixtureRequest) -> VirtualUZIPass:
    card = VirtualUZIPass(contents, layout=request.param, pin=PASS_PIN, puk=b"87654321")
    insert(card)
    return card


def test_aut_3_a_uzi_pass_signs_with_each_key(
    uzi_pass: VirtualUZIPass, module: PKCS11Module, contents: PassContents, tmp_path: Path
) -> None:
    card = the_card(module)
    assert card.kind is CardKind.UZI_PASS
    assert card.certificates() == {usage.value: der for usage, der in contents.certificates.items()}
    assert sorted(card.chain()) == sorted(contents.chain)
    asked: list[int] = []

    def provider(request: PINRequest) -> Secret:
        asked.append(request.reference)
        return Secret.of(PASS_PIN)

    for usage, times in (("authenticity", 1), ("signature", 3)):
        for data in (b"first", b"second", b"third"):
            signature = card.sign(usage, data, pin=provider)
            verified(card.certificates()[usage], signature, data, tmp_path)
        assert len(asked) == times
        asked.clear()
    assert uzi_pass.tries_left == (3, 3)


def test_pin_2_and_a_pin_that_is_blocked_on_a_uzi_pass(uzi_pass: VirtualUZIPass, module: PKCS11Module) -> None:
    card = the_card(module)
    card.change_pin(Secret.of(PASS_PIN), Secret.of(b"654321"))
    for left in (2, 1, 0):
        with pytest.raises(WrongPINError):
            card.verify_pin(Secret.of(PASS_PIN), last_try_allowed=True)
        assert uzi_pass.tries_left == (left, 3)
    assert card.tries().state is TryState.LOCKED
    with pytest.raises(PINBlockedError):
        card.verify_pin(Secret.of(b"654321"), last_try_allowed=True)


def test_pin_3_what_opensc_does_not_offer_is_said(uzi_pass: VirtualUZIPass, module: PKCS11Module) -> None:
    """OpenSC unblocks with C_InitPIN only where it is configured to, and its MaskTech driver looks for the PUK under a reference
    of its own (83): with this pass it never can."""
    card = the_card(module)
    with pytest.raises(NotOfferedError):
        card.unblock_pin(Secret.of(b"87654321"), Secret.of(b"654321"))
    card.verify_pin(Secret.of(PASS_PIN))
    assert uzi_pass.tries_left == (3, 3)
