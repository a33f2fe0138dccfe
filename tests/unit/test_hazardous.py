"""Signing bare digests (AUT-3): possible for a local program, marked, and out of reach of everything else."""

from __future__ import annotations

import ast
import functools
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

import softhsm
import zorgid_card
from zorgid_card import hazardous
from zorgid_card.adapters.pkcs11 import PKCS11Module
from zorgid_card.cards import TokenCard, UZIPass, open_card
from zorgid_card.cards.token import open_token_card
from zorgid_card.codec.link import Link
from zorgid_card.errors import NotOfferedError, UsageError, WrongPINError
from zorgid_card.hazardous import sign_digest
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage

DIGESTS = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
USAGES = ("authenticity", "signature")
TEXT = b"what the holder saw"


@functools.cache
def contents() -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", role="01.015")


def pin(secret: bytes = DEFAULT_PIN) -> object:
    return lambda _: Secret.of(secret)


@pytest.fixture
def card() -> UZIPass:
    reader = SimulatedReader()
    reader.insert(VirtualUZIPass(contents()))
    found = open_card(Link(reader.connect()))
    assert isinstance(found, UZIPass)
    return found


def check(certificate: bytes, signature: bytes, digest: bytes, name: str, *, pss: bool = False) -> None:
    key = x509.load_der_x509_certificate(certificate).public_key()
    algorithm = DIGESTS[name]
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, digest, ec.ECDSA(Prehashed(algorithm)))
        return
    assert isinstance(key, rsa.RSAPublicKey)
    chosen = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size) if pss else padding.PKCS1v15()
    key.verify(signature, digest, chosen, Prehashed(algorithm))


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize("name", DIGESTS)
def test_aut_3_a_pass_signs_a_digest(card: UZIPass, usage: str, name: str) -> None:
    digest = hashlib.new(name, TEXT).digest()
    signature = sign_digest(card, usage, digest, name, pin())
    check(card.certificates()[usage], signature, digest, name)
    if usage == "authenticity":  # the same signature as over the text: a digest does not tell what it is of
        assert signature == card.sign(usage, TEXT, f"RS{name[3:]}", pin())


@pytest.mark.parametrize(
    ("usage", "digest", "name"),
    [
        ("confidentiality", bytes(32), "sha256"),
        ("server", bytes(32), "sha256"),
        ("", bytes(32), "sha256"),
        ("authenticity", bytes(20), "sha1"),
        ("authenticity", bytes(16), "md5"),
        ("authenticity", bytes(32), "sha384"),
        ("authenticity", b"", "sha256"),
        ("authenticity", TEXT, "sha256"),
        ("authenticity", bytes(64), "SHA512"),
    ],
    ids=str,
)
def test_aut_3_what_is_no_digest_is_not_signed(card: UZIPass, usage: str, digest: bytes, name: str) -> None:
    def never(_: object) -> Secret:
        raise AssertionError("asked")

    with pytest.raises(UsageError):
        sign_digest(card, usage, digest, name, never)


def test_aut_3_a_wrong_pin_signs_nothing(card: UZIPass) -> None:
    with pytest.raises(WrongPINError):
        sign_digest(card, "signature", bytes(32), "sha256", pin(b"271828"))


# --- behind middleware -----------------------------------------------------------------------------------

MODULE = softhsm.module()


@contextmanager
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *objects: softhsm.Attributes) -> Iterator[TokenCard]:
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(tmp_path)))
    softhsm.initialise("pass")
    with PKCS11Module(MODULE) as module:
        (slot,) = (info.slot for info in module.tokens() if info.label == "pass")
    softhsm.fill(str(MODULE), slot, objects)
    with PKCS11Module(MODULE) as module, closing(module.open(slot)) as opened:
        yield open_token_card(opened)


@pytest.mark.skipif(MODULE is None, reason="SoftHSM is not installed (Debian package softhsm2)")
def test_aut_3_a_token_signs_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = contents().certificates[Usage.AUTHENTICITY]
    key = contents().keys[Usage.AUTHENTICITY]
    objects = softhsm.certificate(b"\x45", certificate), softhsm.private_key(b"\x45", key)
    with token(tmp_path, monkeypatch, *objects) as card:
        for name in DIGESTS:
            digest = hashlib.new(name, TEXT).digest()
            for pss in (False, True):
                signature = sign_digest(card, "authenticity", digest, name, pin(softhsm.PIN), pss=pss)
                check(certificate, signature, digest, name, pss=pss)


@pytest.mark.skipif(MODULE is None, reason="SoftHSM is not installed (Debian package softhsm2)")
def test_aut_3_middleware_that_hashes_by_itself_does_not_hash_a_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zorgid_card.ports.token import Mechanism

    certificate, key = contents().certificates[Usage.AUTHENTICITY], contents().keys[Usage.AUTHENTICITY]
    objects = softhsm.certificate(b"\x45", certificate), softhsm.private_key(b"\x45", key)
    with token(tmp_path, monkeypatch, *objects) as card:
        monkeypatch.setattr(card._token, "mechanisms", lambda: frozenset({Mechanism.SHA256_RSA_PKCS}))
        card.sign("authenticity", TEXT, "RS256", pin(softhsm.PIN))
        with pytest.raises(NotOfferedError):
            sign_digest(card, "authenticity", bytes(32), "sha256", pin(softhsm.PIN))


# --- out of reach ----------------------------------------------------------------------------------------


def test_aut_3_nothing_imports_it() -> None:
    root = Path(zorgid_card.__file__).parent
    named = []
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = getattr(node, "module", None) or ""
            if any("hazardous" in name for name in (*names, module)):
                named.append(path.name)
    assert named == ["hash_signing.py"], "the one module that sets its bounds (docs/adr/0019)"
    assert "sign_digest" not in zorgid_card.__all__
    assert "hazardous" not in zorgid_card.__all__


def test_aut_3_the_whole_library_loads_without_it() -> None:
    program = (
        "import importlib, pkgutil, sys, zorgid_card\n"
        "for module in pkgutil.walk_packages(zorgid_card.__path__, 'zorgid_card.'):\n"
        "    if not module.name.endswith(('__main__', 'hazardous')):\n"
        "        importlib.import_module(module.name)\n"
        "assert len([name for name in sys.modules if name.startswith('zorgid_card.')]) > 100\n"
        "assert 'zorgid_card.hazardous' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_aut_3_no_name_of_an_algorithm_leads_to_it(card: UZIPass) -> None:
    """A caller who may name an algorithm, by whatever text, has what is signed hashed."""
    for name in ("RS256 prehashed", "prehashed", "RS256-prehashed", "none", "RAW", "NONEwithRSA"):
        with pytest.raises(UsageError):
            card.signer("authenticity", pin(), algorithm=name).sign(bytes(32))


def test_aut_3_it_says_that_it_is_hazardous() -> None:
    assert (hazardous.__doc__ or "").startswith("**Hazardous.**")
    assert ".. warning::" in (hazardous.__doc__ or "")
    assert (sign_digest.__doc__ or "").startswith("**Hazardous**")
    assert hazardous.__all__ == ["sign_digest"]
