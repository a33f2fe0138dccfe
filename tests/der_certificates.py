"""Certificates octet by octet, each part replaceable: what no well-behaved library would issue."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from asn1crypto import core
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Extension = tuple[str, bool, bytes]

RS256, RS1, ES256 = "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.5", "1.2.840.10045.4.3.2"
RS_MD5 = "1.2.840.113549.1.1.4"
SAN, KU, EKU, BC, CP, NC, AKI, SKI = (f"2.5.29.{arc}" for arc in (17, 15, 37, 19, 32, 30, 35, 14))
CLIENT_AUTH, EMAIL, SERVER_AUTH = (f"1.3.6.1.5.5.7.3.{arc}" for arc in (2, 4, 1))


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes((tag, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def seq(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def oid(dotted: str) -> bytes:
    return bytes(core.ObjectIdentifier(dotted).dump())


def bits(*numbers: int) -> bytes:
    """A BIT STRING of named bits, DER."""
    value = sum(0x8000 >> number for number in numbers).to_bytes(2, "big").rstrip(b"\0")
    unused = 7 - max(numbers) % 8 if numbers else 0
    return tlv(0x03, bytes((unused,)), value)


def name(*attributes: tuple[str, str]) -> bytes:
    return seq(*(tlv(0x31, seq(oid(kind), tlv(_string(kind), text.encode()))) for kind, text in attributes))


def _string(kind: str) -> int:
    return 0x13 if kind in ("2.5.4.6", "2.5.4.5") else 0x0C


def other_name(type_id: str, value: bytes) -> bytes:
    return tlv(0xA0, oid(type_id), tlv(0xA0, value))


def algorithm(dotted: str) -> bytes:
    return seq(oid(dotted)) if dotted.startswith("1.2.840.10045") else seq(oid(dotted), b"\x05\x00")


def spki(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@lru_cache(maxsize=64)
def key_id(public: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA1())
    digest.update(public)
    return digest.finalize()


def extension(kind: str, value: bytes, *, critical: bool = False) -> bytes:
    return seq(oid(kind), b"\x01\x01\xff" if critical else b"", tlv(0x04, value))


def key_usage(*numbers: int) -> Extension:
    return KU, True, bits(*numbers)


def purposes(*oids: str, critical: bool = False) -> Extension:
    return EKU, critical, seq(*map(oid, oids))


def policies(*oids: str, critical: bool = False) -> Extension:
    return CP, critical, seq(*(seq(oid(one)) for one in oids))


def basic_constraints(*, ca: bool, path_length: int | None = None) -> Extension:
    length = b"" if path_length is None else tlv(0x02, bytes((path_length,)))
    return BC, True, seq(b"\x01\x01\xff" if ca else b"", length)


def time(moment: datetime) -> bytes:
    return tlv(0x17, moment.astimezone(UTC).strftime("%y%m%d%H%M%SZ").encode())


@dataclass(frozen=True, kw_only=True, repr=False)
class Plan:
    """A certificate to be made. ``extensions`` in their order; ``signed``: the OID outside, if another than inside."""

    issuer: bytes
    subject: bytes
    public: bytes
    key: Key
    extensions: tuple[Extension, ...] = ()
    serial: bytes = b"\x02\x04\x12\x34\x56\x78"
    version: bytes | None = b"\xa0\x03\x02\x01\x02"
    start: datetime
    end: datetime
    algorithm: str = RS256
    signed: str | None = None
    trailer: bytes = b""
    """After the certificate."""

    def __repr__(self) -> str:
        return f"Plan({self.der().hex()})"

    def with_(self, *changed: Extension) -> Plan:
        """The same, with these extensions in the place of those of their kind."""
        fresh = {one[0]: one for one in changed}
        kept = tuple(fresh.pop(one[0], one) for one in self.extensions)
        return replace(self, extensions=(*kept, *fresh.values()))

    def without(self, *kinds: str) -> Plan:
        return replace(self, extensions=tuple(one for one in self.extensions if one[0] not in kinds))

    def and_(self, *added: Extension) -> Plan:
        return replace(self, extensions=(*self.extensions, *added))

    def tbs(self) -> bytes:
        listed = seq(*(extension(kind, value, critical=critical) for kind, critical, value in self.extensions))
        return seq(
            self.version or b"",
            self.serial,
            algorithm(self.algorithm),
            self.issuer,
            seq(time(self.start), time(self.end)),
            self.subject,
            self.public,
            tlv(0xA3, listed) if self.extensions and self.version else b"",
        )

    def der(self) -> bytes:
        tbs = self.tbs()
        return self.put_together(tbs, sign(self.key, tbs, self.algorithm))

    def put_together(self, tbs: bytes, signature: bytes) -> bytes:
        return seq(tbs, algorithm(self.signed or self.algorithm), tlv(0x03, b"\0", signature)) + self.trailer


def sign(key: Key, tbs: bytes, dotted: str) -> bytes:
    digest = {RS1: hashes.SHA1(), RS_MD5: hashes.MD5()}.get(dotted, hashes.SHA256())
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(tbs, padding.PKCS1v15(), digest)
    return key.sign(tbs, ec.ECDSA(digest))


def pem(certificates: Iterable[bytes]) -> str:
    return "".join(
        f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(der).decode()}-----END CERTIFICATE-----\n"
        for der in certificates
    )
