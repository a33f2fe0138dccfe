"""What is measured with: a certificate, and a CRL of a hundred thousand entries. The same on every run."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from zorgid_card.pki.signing import PrivateKey
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage

ENTRIES = 100_000
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_KEY = ec.derive_private_key(0x5EED, ec.SECP256R1())
_CA = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")])


def crl(path: Path, issuer: x509.Name = _CA, key: PrivateKey = _KEY, size: int = ENTRIES) -> bytes:
    """A CRL with serial numbers of 16 bytes, as the UZI register's, every second entry with a reason; made once."""
    if path.exists():
        return path.read_bytes()
    chance = random.Random(4711)
    entries = []
    for number in range(size):
        entry = x509.RevokedCertificateBuilder().serial_number(chance.getrandbits(127) | 1 << 126)
        entry = entry.revocation_date(_BEGIN - timedelta(minutes=number))
        if number % 2:
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        entries.append(entry.build())
    builder = x509.CertificateRevocationListBuilder(issuer, _BEGIN, _BEGIN + timedelta(days=2), (), entries)
    der = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(der)
    return der


@cache
def certificate() -> bytes:
    """The authenticity certificate of a simulated UZI pass: the fields of a real one, some 2 KB."""
    pki = UZITestPKI("production", ca_bits=4096, now=_BEGIN)
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015").certificates[Usage.AUTHENTICITY]
