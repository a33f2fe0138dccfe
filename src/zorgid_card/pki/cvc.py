"""Card verifiable certificates of PIV secure messaging (SP 800-73-5 part 2, 4.1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.codec.tlv import Index, encode
from zorgid_card.errors import CertificateMalformedError, TLVError
from zorgid_card.pki.signing import verify_signature

_CURVES: Final[dict[bytes, ec.EllipticCurve]] = {
    bytes.fromhex("2A8648CE3D030107"): ec.SECP256R1(),
    bytes.fromhex("2B81040022"): ec.SECP384R1(),
}
_ALGORITHMS: Final = {
    bytes.fromhex("2A8648CE3D040302"): "ES256",
    bytes.fromhex("2A8648CE3D040303"): "ES384",
    bytes.fromhex("2A864886F70D01010B"): "RS256",
}
_BODY: Final = [0x5F29, 0x42, 0x5F20, 0x7F49, 0x5F4C]
_SIGNATURE: Final = 0x5F37
_PROFILE: Final = b"\x80"


@dataclass(frozen=True, slots=True)
class CardVerifiableCertificate:
    """One certificate, read but not yet trusted.

    Args:
        issuer: issuer identification number, 8 bytes: of the signer's subject key identifier.
        subject: 16 bytes of the card's GUID, or 8 of an intermediate's key identifier.
        role: 00 card application, 12 intermediate.
        point: public key, uncompressed, 65 or 97 bytes.
        curve: the curve it is on.
        algorithm: of the signature, as JOSE names it: ES256, ES384 or RS256.
        signature: of ``signed``.
        signed: what the signature covers.
    """

    issuer: bytes
    subject: bytes
    role: int
    point: bytes
    curve: ec.EllipticCurve
    algorithm: str
    signature: bytes
    signed: bytes

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER: of an intermediate, what :meth:`verify` of the next takes."""
        key = ec.EllipticCurvePublicKey.from_encoded_point(self.curve, self.point)
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, signer: bytes) -> None:
        """The signature is that of ``signer``, a SubjectPublicKeyInfo in DER.

        Raises:
            SignatureError: it is not, or the key is of another kind than the signature.
            CertificateMalformedError: not a public key.
        """
        verify_signature(signer, self.algorithm, self.signed, self.signature)


def read_cvc(raw: bytes) -> CardVerifiableCertificate:
    """Read a card verifiable certificate, tag 7F21.

    Raises:
        CertificateMalformedError: with ``field``.
    """
    try:
        return _read(raw)
    except TLVError as error:
        raise _malformed("structure", str(error)) from None


def _malformed(field: str, reason: str = "") -> CertificateMalformedError:
    return CertificateMalformedError(f"card verifiable certificate: {field}", field=field, reason=reason or field)


def _read(raw: bytes) -> CardVerifiableCertificate:
    index = Index(raw, der=True, descend={_SIGNATURE})
    items = index.items(0x7F21)
    if [tag for tag, _ in index.items()] != [0x7F21] or [tag for tag, _ in items] != [*_BODY, _SIGNATURE]:
        raise _malformed("order of the data objects")
    values = dict(items)
    curve = _CURVES.get(index.first(0x7F21, 0x7F49, 0x06))
    if values[0x5F29] != _PROFILE or len(values[0x5F4C]) != 1:
        raise _malformed("profile or role")
    if curve is None:
        raise _malformed("curve")
    algorithm = _ALGORITHMS.get(index.first(0x7F21, _SIGNATURE, 0x30, 0x30, 0x06))
    bits = index.first(0x7F21, _SIGNATURE, 0x30, 0x03)
    if algorithm is None or bits[:1] != b"\x00":
        raise _malformed("signature")
    point = index.first(0x7F21, 0x7F49, 0x86)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError:
        raise _malformed("public key") from None
    signed = b"".join(encode(tag, values[tag]) for tag in _BODY)
    role = values[0x5F4C][0]
    return CardVerifiableCertificate(values[0x42], values[0x5F20], role, point, curve, algorithm, bits[1:], signed)
