"""Keys that sign and decrypt, certificates for them, a judge that looks at nothing, and OpenSSL."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from asn1crypto import cms as asn1
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pki_world import NOW, Node, make
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.pki.signing import PrivateKey, SoftwareSigner
from zorgid_card.testkit.keys import KeyPool

CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
WHO: Any = object()
"""Whom the judge names."""


class Judge:
    """Names the same one whoever signed, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Certificate, str, datetime, list[bytes]]] = []

    def verify(
        self, certificate: Certificate, *, usage: str, at: datetime, intermediates: Iterable[bytes] = ()
    ) -> UZIIdentity:
        self.asked.append((certificate, usage, at, list(intermediates)))
        return WHO  # type: ignore[no-any-return]


@functools.cache
def root() -> Node:
    return make("Root")


@functools.cache
def ca() -> Node:
    return make("CA", root())


def holder(algorithm: str = "RS256", usage: str = "content_commitment") -> Node:
    """A holder with a key for the algorithm, always the same one."""
    return _holder(algorithm, usage)


@functools.cache
def _holder(algorithm: str, usage: str) -> Node:
    curve = CURVES.get(algorithm)
    key: PrivateKey = ec.generate_private_key(curve) if curve else KeyPool.shared().key(f"holder {usage}")
    return make(f"Holder {algorithm} {usage}", ca(), ca=False, usages=(usage,), key=key)


def signer(algorithm: str = "RS256") -> SoftwareSigner:
    return SoftwareSigner(holder(algorithm).key, algorithm)


def save(node: Node, directory: Path) -> tuple[Path, Path]:
    """Certificate and key, PEM."""
    certificate, key = directory / "holder.pem", directory / "holder.key"
    certificate.write_bytes(node.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(node.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (directory / "root.pem").write_bytes(root().certificate.public_bytes(Encoding.PEM))
    (directory / "ca.pem").write_bytes(ca().certificate.public_bytes(Encoding.PEM))
    return certificate, key


def openssl(*arguments: str | Path, fails: bool = False) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, timeout=60, check=False)
    told = (done.stdout + done.stderr).decode(errors="replace")
    assert (done.returncode != 0) is fails, told
    return told


# --- forging ---------------------------------------------------------------------------------------------


def forged(
    signature: bytes,
    change: Callable[[asn1.SignedData], None] = lambda _: None,
    attributes: Callable[[list[bytes]], list[bytes]] | None = None,
    algorithm: str = "RS256",
) -> bytes:
    """A SignedData with something changed, and signed anew by its holder, so that this is all that is wrong with it.

    Args:
        signature: of the holder of ``algorithm``.
        change: of the structure.
        attributes: of the DER of the signed attributes, which are then encoded in this very order.
    """
    info = asn1.ContentInfo.load(signature)
    data = info["content"].copy()
    change(data)
    one = data["signer_infos"][0]
    if attributes is not None:
        encoded = b"".join(attributes([attribute.dump() for attribute in one["signed_attrs"]]))
        old = one["signed_attrs"].dump()
        new = tlv(0xA0, encoded)
        one["signature"] = signer(algorithm).sign(b"\x31" + new[1:])
        made = asn1.ContentInfo({"content_type": "signed_data", "content": data}).dump(force=True)
        return replaced(made, old, new)
    one["signature"] = signer(algorithm).sign(b"\x31" + one["signed_attrs"].dump(force=True)[1:])
    return bytes(asn1.ContentInfo({"content_type": "signed_data", "content": data}).dump(force=True))


def tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    length = bytes([size]) if size < 0x80 else bytes([0x80 | len(octets)]) + octets
    return bytes([tag]) + length + value


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """The DER with one element exchanged, and all lengths around it put right."""
    if data == old:
        return new
    at = data.find(old)
    assert at > 0
    tag, start, end, position = data[0], *content_of(data, 0), 0
    parts, position = [], start
    while position < end:
        inner_start, inner_end = content_of(data, position)
        element = data[position:inner_end]
        parts.append(replaced(element, old, new) if position <= at < inner_end else element)
        position = inner_end
        del inner_start
    return tlv(tag, b"".join(parts))


def content_of(data: bytes, at: int) -> tuple[int, int]:
    """Where the value of the element begins and ends."""
    first = data[at + 1]
    if first < 0x80:
        return at + 2, at + 2 + first
    size = int.from_bytes(data[at + 2 : at + 2 + (first & 0x7F)], "big")
    start = at + 2 + (first & 0x7F)
    return start, start + size


def certificate_of(node: Node) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(node.der)


def parsed(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


__all__ = [
    "CURVES",
    "NOW",
    "WHO",
    "Judge",
    "Node",
    "ca",
    "certificate_of",
    "forged",
    "holder",
    "openssl",
    "parsed",
    "replaced",
    "root",
    "rsa",
    "save",
    "signer",
    "tlv",
]
