"""What the black-box tests ask of OpenSSL: certificates for keys of cards, and a second opinion on what cards computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_card import opensc_module, run

DIGESTS = {"RSA2048": "sha256", "ECCP256": "sha256", "ECCP384": "sha384"}
ENGINE = Path("/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so")
FROM_CARD = ("-engine", "pkcs11", "-keyform", "engine")
CURVES = {"ECCP256": "P-256", "ECCP384": "P-384"}


def certificate_for(public: Path, subject: str = "card") -> Path:
    """A certificate for a public key, PEM, of a CA that is made for it; both beside the key."""
    place = public.parent
    certificate, ca, ca_key = (place / f"{public.stem}-{name}" for name in ("card.pem", "ca.pem", "ca.key"))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run("openssl", "req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-subj", "/CN=test CA", "-days", "2")
    issue = ("-new", "-force_pubkey", public, "-CA", ca, "-CAkey", ca_key, "-subj", f"/CN={subject}", "-days", "1")
    run("openssl", "x509", *issue, "-out", certificate)
    return certificate


def digest_of(text: Path, algorithm: str = "RSA2048") -> Path:
    """The digest of a file, as goes with keys of this algorithm."""
    digest = text.with_suffix(f".{DIGESTS[algorithm]}")
    run("openssl", "dgst", f"-{DIGESTS[algorithm]}", "-binary", "-out", digest, text)
    return digest


def check_signature(public: Path, signature: Path, text: Path, algorithm: str = "RSA2048") -> None:
    """The signature is of this text by this key, and not of another text."""
    other = text.with_suffix(".other")
    other.write_bytes(text.read_bytes() + b"!")
    check = ("openssl", "dgst", f"-{DIGESTS[algorithm]}", "-verify", public, "-signature", signature)
    assert "Verified OK" in run(*check, text)
    run(*check, other, fails=True)


def key_pair(algorithm: str, directory: Path) -> tuple[Path, Path]:
    """A new key on a curve, and its public key, PEM."""
    private, public = directory / "other.key", directory / "other.pem"
    curve = f"ec_paramgen_curve:{CURVES[algorithm]}"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out", private)
    run("openssl", "pkey", "-in", private, "-pubout", "-out", public)
    return private, public


def shared_secret(private: Path, public: Path) -> bytes:
    """What ECDH gives with somebody's public key."""
    secret = private.with_suffix(".secret")
    run("openssl", "pkeyutl", "-derive", "-inkey", private, "-peerkey", public, "-out", secret)
    return secret.read_bytes()


def engine(directory: Path, pin: bytes) -> dict[str, str]:
    """The environment in which openssl finds the engine, the module and the PIN."""
    if not ENGINE.exists():
        pytest.skip("the engine is not installed (Debian package libengine-pkcs11-openssl)")
    configuration = directory / "openssl.cnf"
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
PIN = {pin.decode()}
init = 0
"""
    )
    return {"OPENSSL_CONF": str(configuration)}
