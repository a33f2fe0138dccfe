"""An X.509 v3 certificate as a value (RFC 5280, 4.1): decoded whole by :meth:`Certificate.parse`, and immutable.

It says what the certificate says; whether that is to be believed is for :mod:`zorgid_card.pki.chain` to judge. Object
identifiers are dotted text (``"2.5.29.32.0"``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeAlias, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from zorgid_card.codec.certificate import DecodedCertificate
from zorgid_card.errors import CertificateMalformedError, SignatureError
from zorgid_card.pki import _x509
from zorgid_card.pki.signing import ALGORITHMS, RSA_BITS, PublicKey, load_public_key, rsa_padding, verify_with
from zorgid_card.ports.card import Octets

KEY_USAGES = (
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
"""The bits of keyUsage (RFC 5280, 4.2.1.3) in their order, by ``cryptography``'s names."""

COMMON_NAME: Final = "2.5.4.3"
"""The attribute type CN."""

_PEM: Final = b"-----BEGIN "
_EXPONENTS: Final = range(65537, 1 << 32, 2)
_RSA: Final = 1
_SEQUENCE: Final = 0x30

_Schemes: TypeAlias = Mapping[str, tuple[Any, ...]]
"""By an algorithm's name, what a key's ``verify`` takes behind signature and data."""

_RSA_SCHEMES: Final[_Schemes] = {n: (rsa_padding(a), a.digest) for n, a in ALGORITHMS.items() if a.family != "ES"}
_EC_SCHEMES: Final[_Schemes] = {n: (ec.ECDSA(a.digest),) for n, a in ALGORITHMS.items() if a.family == "ES"}
_CURVE_SCHEMES: Final[Mapping[int, _Schemes]] = {
    256: {"ES256": _EC_SCHEMES["ES256"]},
    384: {"ES384": _EC_SCHEMES["ES384"]},
    521: {"ES512": _EC_SCHEMES["ES512"]},
}
"""By the bits of a curve: JOSE's ES256 is one on P-256 (RFC 7518, 3.4), a certificate's ecdsa-with-SHA256 one on any curve."""
_NO_SCHEMES: Final[_Schemes] = {}


class Certificate(DecodedCertificate):
    """One certificate. Made by :meth:`parse`; equal to another of the same DER."""

    __slots__ = ("_public_key",)

    _public_key: PublicKey | None

    @classmethod
    def parse(cls, data: Octets | Certificate) -> Certificate:
        """Decode one certificate and every part of it that is named here.

        Args:
            data: exactly one, DER or PEM, at most 64 KiB; a certificate that was decoded before is returned as it is.

        Raises:
            CertificateMalformedError: not a certificate of X.509 version 3, or a part of it is malformed; ``field``.
        """
        if isinstance(data, Certificate):
            return data
        octets = bytes(data)
        if not 0 < len(octets) <= _x509.MAX_CERTIFICATE:
            _x509.require_size(octets, _x509.MAX_CERTIFICATE, "certificate")
        made = cls(octets if octets[0] == _SEQUENCE else _from_pem(octets))
        made._public_key = None
        return made

    @classmethod
    def from_der(cls, der: bytes) -> Certificate:
        """As :meth:`parse`, where a format has room for DER alone (RFC 7515, 4.1.6; RFC 9440, 2.1).

        Raises:
            CertificateMalformedError: as :meth:`parse`; or it is PEM.
        """
        found = cls.parse(der)
        if found.der != der:
            raise CertificateMalformedError("the certificate is not DER", field="certificate", reason="PEM")
        return found

    @property
    def serial_hex(self) -> str:
        """serialNumber, hexadecimal, lower case, without leading zeros."""
        return f"{self.serial:x}"

    @property
    def issuer_common_name(self) -> str:
        """The issuer's CN, or all its attributes where it has none."""
        return _name(self.issuer_attributes)

    @property
    def common_name(self) -> str:
        """The subject's CN, or all its attributes where it has none."""
        return _name(self.subject_attributes)

    @property
    def not_before(self) -> datetime:
        """The first moment of validity, UTC."""
        return datetime.fromtimestamp(self.begins, UTC)

    @property
    def not_after(self) -> datetime:
        """The last moment of validity, UTC."""
        return datetime.fromtimestamp(self.ends, UTC)

    @property
    def public_key(self) -> PublicKey:
        """The subject's key, made once: RSA of 2048 to 4096 bits, or EC on P-256, P-384 or P-521.

        Raises:
            CertificateMalformedError: not a key, or one too weak or of another kind.
        """
        key = self._public_key
        if key is None:
            key = self._public_key = self._load_public_key()
        return key

    def _load_public_key(self) -> PublicKey:
        """As :func:`load_public_key`, but the decoder knows already what a plain RSA key is."""
        kind, bits, exponent = self.key
        if kind != _RSA or not RSA_BITS[0] <= bits <= RSA_BITS[1] or exponent not in _EXPONENTS:
            return load_public_key(self.spki)
        try:
            return cast("rsa.RSAPublicKey", load_der_public_key(self.spki))
        except ValueError as error:
            raise CertificateMalformedError("not a public key", field="publicKey", reason=str(error)[:200]) from error

    @property
    def key_algorithm(self) -> str:
        """The kind of :attr:`public_key`: RSA2048, RSA3072, RSA4096, ECCP256, ECCP384 or ECCP521.

        Raises:
            CertificateMalformedError: as :attr:`public_key`.
        """
        _ = self.public_key
        kind, bits, _ = self.key
        return f"RSA{bits}" if kind == _RSA else f"ECCP{bits}"

    @property
    def key_usage(self) -> frozenset[str] | None:
        """The bits that are set, by the names of :data:`KEY_USAGES`; None without the extension."""
        return _key_usage(self.usage_bits)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER, 64 hexadecimal characters, upper case."""
        return hashlib.sha256(self.der).hexdigest().upper()

    def require_signed_by(self, issuer: Certificate) -> None:
        """Verify that ``issuer``'s key made the signature; names, dates and usages are not looked at.

        Raises:
            SignatureError: it did not, or with an algorithm that is not accepted (no SHA-1).
            CertificateMalformedError: the issuer's key is not acceptable.
        """
        name = self.signature_algorithm
        verify: Callable[..., None] = issuer.public_key.verify
        schemes = _RSA_SCHEMES if issuer.key[0] == _RSA else _EC_SCHEMES
        try:
            verify(self.signature, self.tbs, *schemes[name])
        except KeyError as error:
            raise SignatureError("the algorithm is not accepted, or not the key's", algorithm=name) from error
        except (InvalidSignature, ValueError) as error:
            raise SignatureError("the certificate's signature does not verify", algorithm=name) from error

    def require_signature(self, algorithm: str, data: bytes, signature: bytes) -> None:
        """Verify that this certificate's key made a signature over ``data``.

        Args:
            algorithm: JOSE name; it must fit the key.
            data: what was signed; hashed here.
            signature: ECDSA as DER ``ECDSA-Sig-Value``, RSA as many octets as the modulus.

        Raises:
            SignatureError: it did not, or the algorithm does not fit the key.
            CertificateMalformedError: the key is not acceptable.
        """
        verify: Callable[..., None] = self.public_key.verify
        kind, bits, _ = self.key
        schemes = _RSA_SCHEMES if kind == _RSA else _CURVE_SCHEMES.get(bits, _NO_SCHEMES)
        if algorithm not in schemes or (kind == _RSA and len(signature) != (bits + 7) // 8):
            return verify_with(self.public_key, algorithm, data, signature)  # which says what does not fit
        try:
            verify(signature, data, *schemes[algorithm])
        except (InvalidSignature, ValueError) as error:
            raise SignatureError("the signature does not verify", algorithm=algorithm) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"Certificate({self.common_name!r}, serial {self.serial_hex})"

    def __reduce__(self) -> tuple[object, ...]:
        return Certificate.parse, (self.der,)


def _from_pem(data: bytes) -> bytes:
    """The DER of the one certificate in PEM."""
    if not data.lstrip().startswith(_PEM):
        raise CertificateMalformedError("neither DER nor PEM", field="certificate", reason="not a certificate")
    with _x509.decoding("certificate"):
        found = x509.load_pem_x509_certificates(data)
        if len(found) != 1:
            raise ValueError(f"{len(found)} certificates in the file, expected one")
        return found[0].public_bytes(Encoding.DER)


def _name(attributes: Mapping[str, tuple[str, ...]]) -> str:
    try:
        return attributes[COMMON_NAME][0]
    except KeyError:
        return ", ".join(f"{oid}={text}" for oid, texts in attributes.items() for text in texts)


@cache
def _key_usage(bits: int) -> frozenset[str] | None:
    """Of at most 512 combinations; a certificate sets at least one bit, if it has the extension."""
    return frozenset(name for bit, name in enumerate(KEY_USAGES) if bits >> bit & 1) or None
