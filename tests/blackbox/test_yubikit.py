"""Yubico's yubikit, over pyscard and a real pcscd, personalises a blank card (AES) and uses it; OpenSSL checks its results."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

import openssl
from made_card import run, tries_left
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.maker import Maker

pytestmark = pytest.mark.blackbox

CLIENT = Path(__file__).parent.parent / "yubikit_client.py"


@pytest.fixture
def yubikit(insert: Callable[[VirtualCard], str]) -> Callable[..., None]:
    """Runs yubikit on a blank card, a program for each command."""
    missing = [name for name in ("smartcard", "ykman", "fido2") if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed (pyscard is built from the PC/SC headers, libpcsclite-dev)")
    reader = insert(Maker.create().blank())

    def client(command: str, *arguments: str | Path) -> None:
        assert f"{command} done, firmware 5.7.1" in run(sys.executable, CLIENT, reader, command, *arguments)

    return client


@pytest.mark.parametrize("algorithm", list(openssl.DIGESTS))
def test_openssl_verifies_what_yubikit_signs(yubikit: Callable[..., None], algorithm: str, tmp_path: Path) -> None:
    public, text, signature = (tmp_path / name for name in ("public.pem", "text", "signature"))
    text.write_bytes(b"to be signed")
    yubikit("generate", "SIGNATURE", algorithm, public)
    yubikit("certify", "SIGNATURE", openssl.certificate_for(public))
    yubikit("sign", "SIGNATURE", algorithm, text, signature)
    openssl.check_signature(public, signature, text, algorithm)


def test_yubikit_deciphers_what_openssl_encrypted(yubikit: Callable[..., None], tmp_path: Path) -> None:
    public, text, cryptogram, again = (tmp_path / name for name in ("public.pem", "text", "cryptogram", "again"))
    text.write_bytes(b"for the card alone")
    yubikit("generate", "KEY_MANAGEMENT", "RSA2048", public)
    run("openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", public, "-in", text, "-out", cryptogram)
    yubikit("decipher", "KEY_MANAGEMENT", cryptogram, again)
    assert again.read_bytes() == text.read_bytes()


@pytest.mark.parametrize("algorithm", list(openssl.CURVES))
def test_openssl_and_yubikit_agree_on_a_key(yubikit: Callable[..., None], algorithm: str, tmp_path: Path) -> None:
    public, secret = tmp_path / "public.pem", tmp_path / "secret"
    yubikit("generate", "KEY_MANAGEMENT", algorithm, public)
    private, other = openssl.key_pair(algorithm, tmp_path)
    yubikit("agree", "KEY_MANAGEMENT", other, secret)
    assert secret.read_bytes() == openssl.shared_secret(private, public)


def test_pin_2_and_3_by_yubikit(yubikit: Callable[..., None]) -> None:
    yubikit("pins")
    assert tries_left() == (3, 3)
