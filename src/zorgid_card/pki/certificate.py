"""An X.509 v3 certificate as a value (RFC 5280, 4.1): decoded whole by :meth:`Certificate.parse`, and immutable.

It says what the certificate says; whether that is to be believed is for :mod:`zorgid_card.pki.chain` to judge. Object
identifiers are dotted text (``"2.5.29.32.0"``).
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cached_property

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID, SignatureAlgorithmOID

from zorgid_card.errors import SignatureError
from zorgid_card.pki import _x509
from zorgid_card.pki.signing import ALGORITHMS, PublicKey, key_algorithm, load_public_key, rsa_padding

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

KNOWN_EXTENSIONS = frozenset(
    oid.dotted_string
    for oid in (
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    )
)
"""The extensions that :class:`Certificate` decodes."""

_ALGORITHMS = {
    SignatureAlgorithmOID.RSA_WITH_SHA256: "RS256",
    SignatureAlgorithmOID.RSA_WITH_SHA384: "RS384",
    SignatureAlgorithmOID.RSA_WITH_SHA512: "RS512",
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: "ES256",
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: "ES384",
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: "ES512",
}


class Certificate:
    """One certificate. Made by :meth:`parse`; equal to another of the same DER."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self._x509 = certificate
        self.der = certificate.public_bytes(Encoding.DER)
        """The whole, DER."""

    @classmethod
    def parse(cls, data: bytes) -> Certificate:
        """Decode one certificate and every part of it.

        Args:
            data: exactly one, DER or PEM, at most 64 KiB.

        Raises:
            CertificateMalformedError: not a certificate of X.509 version 3, or a part of it is malformed; ``field``.
        """
        return cls(_x509.load_certificate(data))

    @cached_property
    def tbs(self) -> bytes:
        """What is signed: the tbsCertificate, DER."""
        return self._x509.tbs_certificate_bytes

    @cached_property
    def signature(self) -> bytes:
        """The issuer's signature; ECDSA as DER."""
        return self._x509.signature

    @cached_property
    def signature_algorithm(self) -> str:
        """JOSE's name, where ES256, ES384 and ES512 say the digest alone, not the curve; the OID of any other."""
        oid = self._x509.signature_algorithm_oid
        return _ALGORITHMS.get(oid, oid.dotted_string)

    @cached_property
    def serial(self) -> int:
        """serialNumber."""
        return self._x509.serial_number

    @cached_property
    def serial_hex(self) -> str:
        """serialNumber, hexadecimal, lower case, without leading zeros."""
        return f"{self.serial:x}"

    @cached_property
    def issuer(self) -> bytes:
        """The issuer's Name, DER."""
        return self._x509.issuer.public_bytes()

    @cached_property
    def subject(self) -> bytes:
        """The subject's Name, DER."""
        return self._x509.subject.public_bytes()

    @cached_property
    def issuer_attributes(self) -> dict[str, tuple[str, ...]]:
        """The texts of the issuer's Name by the attribute's type, in their order."""
        return _attributes(self._x509.issuer)

    @cached_property
    def subject_attributes(self) -> dict[str, tuple[str, ...]]:
        """The texts of the subject's Name by the attribute's type, in their order."""
        return _attributes(self._x509.subject)

    @cached_property
    def issuer_common_name(self) -> str:
        """The issuer's CN, or its whole RFC 4514 text where it has none."""
        return _x509.common_name(self._x509.issuer)

    @cached_property
    def common_name(self) -> str:
        """The subject's CN, or its whole RFC 4514 text where it has none."""
        return _x509.common_name(self._x509.subject)

    @cached_property
    def not_before(self) -> datetime:
        """The first moment of validity, UTC."""
        return self._x509.not_valid_before_utc

    @cached_property
    def not_after(self) -> datetime:
        """The last moment of validity, UTC."""
        return self._x509.not_valid_after_utc

    @cached_property
    def spki(self) -> bytes:
        """subjectPublicKeyInfo, DER."""
        return self._x509.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @cached_property
    def public_key(self) -> PublicKey:
        """The subject's key, made once.

        Raises:
            CertificateMalformedError: of a kind that is not accepted, or too weak (RSA under 2048 bits).
        """
        return load_public_key(self.spki)

    @cached_property
    def key_algorithm(self) -> str:
        """The kind of :attr:`public_key`: RSA2048, RSA3072, RSA4096, ECCP256, ECCP384 or ECCP521.

        Raises:
            CertificateMalformedError: as :attr:`public_key`.
        """
        return key_algorithm(self.spki)

    @cached_property
    def key_usage(self) -> frozenset[str] | None:
        """The bits that are set, by the names of :data:`KEY_USAGES`; None without the extension."""
        value = _x509.extension(self._x509, x509.KeyUsage)
        if value is None:
            return None
        agreement = {"encipher_only", "decipher_only"}
        return frozenset(n for n in KEY_USAGES if (n not in agreement or value.key_agreement) and getattr(value, n))

    @cached_property
    def extended_key_usage(self) -> tuple[str, ...] | None:
        """The purposes; None without the extension."""
        value = _x509.extension(self._x509, x509.ExtendedKeyUsage)
        return None if value is None else tuple(purpose.dotted_string for purpose in value)

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """The certificate policies; none without the extension."""
        value = _x509.extension(self._x509, x509.CertificatePolicies) or ()
        return tuple(item.policy_identifier.dotted_string for item in value)

    @cached_property
    def is_ca(self) -> bool:
        """basicConstraints says cA."""
        value = _x509.extension(self._x509, x509.BasicConstraints)
        return value is not None and value.ca

    @cached_property
    def path_length(self) -> int | None:
        """pathLenConstraint: how many CA certificates may follow on the way to a leaf; None: any number."""
        value = _x509.extension(self._x509, x509.BasicConstraints)
        return None if value is None else value.path_length

    @cached_property
    def subject_key_identifier(self) -> bytes | None:
        """subjectKeyIdentifier."""
        value = _x509.extension(self._x509, x509.SubjectKeyIdentifier)
        return None if value is None else value.digest

    @cached_property
    def authority_key_identifier(self) -> bytes | None:
        """The keyIdentifier in authorityKeyIdentifier."""
        value = _x509.extension(self._x509, x509.AuthorityKeyIdentifier)
        return None if value is None else value.key_identifier

    @cached_property
    def name_constraints(self) -> bytes | None:
        """The DER value of nameConstraints; None without the extension."""
        return self.extension(ExtensionOID.NAME_CONSTRAINTS.dotted_string)

    @cached_property
    def crl_urls(self) -> tuple[str, ...]:
        """The URIs in the full names of cRLDistributionPoints, less points for some reasons only or of another issuer."""
        points = _x509.extension(self._x509, x509.CRLDistributionPoints) or ()
        names = [n for p in points if not p.reasons and not p.crl_issuer for n in p.full_name or ()]
        return tuple(n.value for n in names if isinstance(n, x509.UniformResourceIdentifier))

    @cached_property
    def ocsp_urls(self) -> tuple[str, ...]:
        """The URIs of OCSP responders (authorityInfoAccess)."""
        access = _x509.extension(self._x509, x509.AuthorityInformationAccess) or ()
        names = [d.access_location for d in access if d.access_method == AuthorityInformationAccessOID.OCSP]
        return tuple(n.value for n in names if isinstance(n, x509.UniformResourceIdentifier))

    @cached_property
    def dns_names(self) -> tuple[str, ...]:
        """The dNSNames of subjectAltName."""
        names = _x509.extension(self._x509, x509.SubjectAlternativeName) or ()
        return tuple(n.value for n in names if isinstance(n, x509.DNSName))

    @cached_property
    def uris(self) -> tuple[str, ...]:
        """The uniformResourceIdentifiers of subjectAltName."""
        names = _x509.extension(self._x509, x509.SubjectAlternativeName) or ()
        return tuple(n.value for n in names if isinstance(n, x509.UniformResourceIdentifier))

    def other_names(self, type_id: str) -> tuple[bytes, ...]:
        """The DER values of the otherNames of this type in subjectAltName."""
        names = _x509.extension(self._x509, x509.SubjectAlternativeName) or ()
        found = [n for n in names if isinstance(n, x509.OtherName)]
        return tuple(n.value for n in found if n.type_id.dotted_string == type_id)

    def extension(self, oid: str) -> bytes | None:
        """The DER value of any extension, decoded here or not; None where the certificate has none of this type."""
        for item in self._x509.extensions:
            if item.oid.dotted_string == oid:
                return bytes(item.value.public_bytes())
        return None

    @cached_property
    def unknown_critical(self) -> tuple[str, ...]:
        """The critical extensions that are not in :data:`KNOWN_EXTENSIONS`: who does not know them refuses the certificate."""
        critical = [item.oid.dotted_string for item in self._x509.extensions if item.critical]
        return tuple(oid for oid in critical if oid not in KNOWN_EXTENSIONS)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the DER, 64 hexadecimal characters, upper case."""
        return hashlib.sha256(self.der).hexdigest().upper()

    def require_signed_by(self, issuer: Certificate) -> None:
        """Verify that ``issuer``'s key made the signature; names, dates and usages are not looked at.

        Raises:
            SignatureError: it did not, or with an algorithm that is not accepted (no SHA-1).
            CertificateMalformedError: the issuer's key is not acceptable.
        """
        algorithm, key = ALGORITHMS.get(self.signature_algorithm), issuer.public_key
        is_rsa = isinstance(key, rsa.RSAPublicKey)
        if algorithm is None or is_rsa is (algorithm.family == "ES"):
            raise SignatureError("the algorithm is not accepted, or not the key's", algorithm=self.signature_algorithm)
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(self.signature, self.tbs, rsa_padding(algorithm), algorithm.digest)
            else:
                key.verify(self.signature, self.tbs, ec.ECDSA(algorithm.digest))
        except (InvalidSignature, ValueError) as error:
            raise SignatureError("the certificate's signature does not verify", algorithm=algorithm.name) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"Certificate({self.common_name!r}, serial {self.serial_hex})"

    def __reduce__(self) -> tuple[object, ...]:
        return Certificate.parse, (self.der,)


def _attributes(name: x509.Name) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for item in name:
        if isinstance(item.value, str):
            oid = item.oid.dotted_string
            found[oid] = (*found.get(oid, ()), item.value)
    return found
