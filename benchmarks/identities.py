"""Log-ins to be verified: passes under RSA-4096 CAs and under P-256 ones, their tokens, and a CRL of a hundred thousand entries."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import material
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from zorgid_card.pki.hierarchy import UZI_G3
from zorgid_card.pki.revocation import CRL, CRLs
from zorgid_card.pki.signing import PrivateKey, SoftwareSigner
from zorgid_card.pki.trust import CASignatures, TrustStore
from zorgid_card.pki.verifier import CertificateVerifier
from zorgid_card.pki.web_eid import make_token
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage

ORIGIN = "https://portaal.example"
PASSES = 50
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_HERE = Path("build/bench")

Keys = Callable[[str, int], PrivateKey]


class LogIn(NamedTuple):
    """A token, and the nonce that it was made for."""

    token: str
    nonce: str


class World(NamedTuple):
    """CA certificates, issuing CA first and root last; the log-ins of as many passes; the CRLs of each CA."""

    chain: Sequence[bytes]
    log_ins: Sequence[LogIn]
    crls: dict[bytes, list[CRL]]

    def verifier(self, ca_signatures: CASignatures) -> CertificateVerifier:
        """What a portal makes once."""
        hierarchy = UZI_G3.with_root(self.chain[-1])
        store = TrustStore.of([hierarchy], self.chain, ca_signatures=ca_signatures)
        return CertificateVerifier(store, CRLs(self.crls.__getitem__), pass_types=frozenset("ZN"))


@cache
def rsa_keys() -> Keys:
    """Leaves of RSA-2048 under CAs of RSA-4096, as the register has them; made once, and kept."""
    _HERE.mkdir(parents=True, exist_ok=True)
    pool = KeyPool(_HERE / "keys.json")
    return pool.key


@cache
def ec_keys() -> Keys:
    """P-256 throughout."""
    return lambda name, bits: ec.derive_private_key(int.from_bytes(name.encode(), "big") + 1, ec.SECP256R1())


@cache
def world(kind: str) -> World:
    """The names, extensions and lengths of the UZI register's, with other keys; ``kind``: ``RSA`` or ``P-256``."""
    keys = {"RSA": rsa_keys, "P-256": ec_keys}[kind]()
    template = UZITestPKI("production", now=_BEGIN).pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")
    ca_keys = [keys(f"ca {number}", 4096) for number in range(len(template.chain))]
    issuers = [*pairwise(ca_keys), (ca_keys[-1], ca_keys[-1])]
    chain = [_certify(der, *pair) for der, pair in zip(template.chain, issuers, strict=True)]
    chance = random.Random(kind)
    log_ins = []
    for number in range(PASSES):
        key = keys(f"leaf {number}", 2048)
        leaf = _certify(template.certificates[Usage.AUTHENTICITY], key, ca_keys[0])
        nonce = base64.b64encode(chance.randbytes(32)).decode()
        log_ins.append(LogIn(make_token(SoftwareSigner(key), leaf, ORIGIN, nonce), nonce))
    return World(chain, log_ins, _crls(kind, chain, ca_keys))


def _certify(template: bytes, key: PrivateKey, issuer: PrivateKey) -> bytes:
    """The same certificate for another key, signed by another."""
    like = x509.load_der_x509_certificate(template)
    builder = x509.CertificateBuilder(like.issuer, like.subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(like.not_valid_before_utc).not_valid_after(like.not_valid_after_utc)
    for item in like.extensions:
        value = item.value
        if isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        elif isinstance(value, x509.AuthorityKeyIdentifier):
            value = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
        builder = builder.add_extension(value, item.critical)
    return builder.sign(issuer, hashes.SHA256()).public_bytes(Encoding.DER)


def _crls(kind: str, chain: Sequence[bytes], keys: Sequence[PrivateKey]) -> dict[bytes, list[CRL]]:
    """A hundred thousand entries in that of the issuing CA, kept in a file; none in those of the CAs above."""
    found = {}
    for number, (der, key) in enumerate(zip(chain, keys, strict=True)):
        name = x509.load_der_x509_certificate(der).subject
        path = _HERE / f"crl-{kind}-{number}.der"
        found[der] = [CRL.parse(material.crl(path, name, key, 0 if number else material.ENTRIES))]
    return found
