"""Small certificates of any shape, and the real ones where they are at hand: what the tests of pki stand on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from zorgid_card.pki.signing import PrivateKey, SoftwareSigner

START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SHARED = Path(os.environ.get("ZORGID_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


def shared(name: str) -> bytes:
    """A file of the shared data; the test is skipped, and says so, where it is not at hand."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not at hand (ZORGID_SHARED_DATA)")
    return path.read_bytes()


def test_chain() -> list[bytes]:
    """The CA certificates above the real TEST pass."""
    names = ("test-uzi-register-zorgverlener-ca-g3", "test-zorg-csp-level-2-persoon-ca-g3", "test-zorg-csp-root-ca-g3")
    return [shared(f"uzi-test-card/{name}.cer") for name in names]


test_chain.__test__ = False  # type: ignore[attr-defined]


def key_usage(*names: str) -> x509.KeyUsage:
    bits = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{bit: bit in names for bit in bits})


@dataclass
class Node:
    """A certificate with its key, which can sign others."""

    name: str
    key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificate: x509.Certificate = field(init=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def signer(self) -> SoftwareSigner:
        return SoftwareSigner(self.key)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make(
    text: str,
    issuer: Node | None = None,
    *,
    ca: bool | None = True,
    path_length: int | None = None,
    usages: Iterable[str] | None = ("key_cert_sign", "crl_sign"),
    purposes: Iterable[x509.ObjectIdentifier] = (),
    policies: Iterable[str] = (),
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    start: datetime = START,
    end: datetime = END,
    subject: x509.Name | None = None,
    key: PrivateKey | None = None,
    key_ids: bool = True,
    serial: int | None = None,
) -> Node:
    """One certificate, as told; without issuer it signs itself."""
    node = Node(text, key) if key else Node(text)
    signer = issuer or node
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject or name(text))
        .issuer_name(issuer.certificate.subject if issuer else subject or name(text))
        .public_key(node.key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    added = list(extensions)
    if ca is not None:
        added.append((x509.BasicConstraints(ca, path_length if ca else None), True))
    if usages is not None:
        added.append((key_usage(*usages), True))
    if purposes:
        added.append((x509.ExtendedKeyUsage(list(purposes)), False))
    if policies:
        items = [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in policies]
        added.append((x509.CertificatePolicies(items), False))
    if key_ids:
        added.append((x509.SubjectKeyIdentifier.from_public_key(node.key.public_key()), False))
        added.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), False))
    for value, critical in added:
        builder = builder.add_extension(value, critical)
    node.certificate = builder.sign(signer.key, hashes.SHA256())
    return node
