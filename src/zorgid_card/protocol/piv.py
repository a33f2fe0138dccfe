"""The PIV card application: SP 800-73-5 part 1 (objects) and part 2 (commands), SP 800-78-5 (algorithms)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.codec.apdu import INS, SW, CommandAPDU
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.tlv import Index, encode
from zorgid_card.errors import CardResponseError, UsageError
from zorgid_card.protocol.signature import check_ecdsa_signature

AID: Final = bytes.fromhex("A000000308000010000100")
"""The PIV card application, version 1.0 (part 1, 2.2); 11 bytes."""

AIDS: Final = (AID, AID[:5])
"""Names to select it by, in this order: part 2, 3.1.1 wants every card to know the first; some only know NIST's RID."""

PIN: Final = 0x80
PUK: Final = 0x81
ADMINISTRATION: Final = 0x9B
AUTHENTICATION: Final = 0x9A
SIGNATURE: Final = 0x9C
KEY_MANAGEMENT: Final = 0x9D
CARD_AUTHENTICATION: Final = 0x9E
RETIRED: Final = tuple(range(0x82, 0x96))

CCC: Final = 0x5FC107
CHUID: Final = 0x5FC102
DISCOVERY: Final = 0x7E

_MAX_CERTIFICATE: Final = 0x4000
_EXPONENT: Final = 65537


# --- keys and their names ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyAlgorithm:
    """An asymmetric algorithm (SP 800-78-5, table 8): its identifier on the card, and its length in bits."""

    name: str
    identifier: int
    kind: Literal["RSA", "EC"]
    bits: int

    @property
    def octets(self) -> int:
        """Length in bytes of the modulus, or of a coordinate."""
        return self.bits // 8


_KEY_ALGORITHMS: Final = (
    KeyAlgorithm("RSA2048", 0x07, "RSA", 2048),
    KeyAlgorithm("RSA3072", 0x05, "RSA", 3072),
    KeyAlgorithm("ECCP256", 0x11, "EC", 256),
    KeyAlgorithm("ECCP384", 0x14, "EC", 384),
)

_CURVES: Final[Mapping[int, ec.EllipticCurve]] = {256: ec.SECP256R1(), 384: ec.SECP384R1()}

CERTIFICATE_OBJECTS: Final[Mapping[int, int]] = {
    AUTHENTICATION: 0x5FC105,
    SIGNATURE: 0x5FC10A,
    KEY_MANAGEMENT: 0x5FC10B,
    CARD_AUTHENTICATION: 0x5FC101,
    **{slot: 0x5FC10D + slot - RETIRED[0] for slot in RETIRED},
}
"""Key reference to the data object with its certificate (part 1, table 3)."""


def key_algorithm(name: str) -> KeyAlgorithm:
    """The algorithm called ``name``.

    Raises:
        UsageError: none of RSA2048, RSA3072, ECCP256, ECCP384.
    """
    for algorithm in _KEY_ALGORITHMS:
        if algorithm.name == name:
            return algorithm
    raise UsageError(f"{name!r} is not a key algorithm of these cards", reason="algorithm")


def key_algorithm_of(identifier: int) -> KeyAlgorithm:
    """The algorithm with this identifier on the card.

    Raises:
        CardResponseError: one that this library does not use.
    """
    for algorithm in _KEY_ALGORITHMS:
        if algorithm.identifier == identifier:
            return algorithm
    raise CardResponseError(f"key algorithm {identifier:02X} is not one of SP 800-78-5", algorithm=identifier)


def certificate_object(slot: int) -> int:
    """The tag of the data object that holds the certificate of ``slot``.

    Raises:
        UsageError: no key has this reference.
    """
    try:
        return CERTIFICATE_OBJECTS[slot]
    except KeyError:
        raise UsageError(f"{slot:02X} is not a key of PIV", reason="slot") from None


# --- data objects -----------------------------------------------------------------------------------------


def get_data(tag: int) -> Exchange[bytes | None]:
    """GET DATA (part 2, 3.1.2).

    Args:
        tag: the object's tag: 3 bytes 5FC1xx, or 7E for the discovery object.

    Returns:
        what stands in the object, without its outer tag; None when it is absent or empty.
    """
    name = _tag_bytes(tag)
    response = yield CommandAPDU(0x00, INS.GET_DATA, 0x3F, 0xFF, encode(0x5C, name), le=0)
    if response.sw == SW.NOT_FOUND:
        return None
    data = response.require(SW.OK, operation="get data")
    return Index(data).first(DISCOVERY if tag == DISCOVERY else 0x53) or None


def put_data(tag: int, value: bytes) -> Exchange[None]:
    """PUT DATA (part 2, 3.3.2); needs the administration key. An empty ``value`` empties the object."""
    data = encode(tag, value) if tag == DISCOVERY else encode(0x5C, _tag_bytes(tag)) + encode(0x53, value)
    response = yield CommandAPDU(0x00, INS.PUT_DATA, 0x3F, 0xFF, data)
    response.require(SW.OK, operation="put data")


def _tag_bytes(tag: int) -> bytes:
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big")


def encode_certificate(der: bytes) -> bytes:
    """Contents of a certificate object: 70 certificate, 71 CertInfo (not compressed), FE (part 1, table
    10).
    """
    return encode(0x70, der) + encode(0x71, b"\x00") + encode(0xFE)


def decode_certificate(content: bytes) -> bytes:
    """The certificate in a certificate object, decompressed if it was; DER, at most 16 KiB.

    Raises:
        TLVError: not a certificate object.
        CardResponseError: unknown CertInfo, or a compressed certificate that is broken or too long.
    """
    index = Index(content, opaque=(0x70, 0x71))
    certificate = index.first(0x70)
    info = index.optional(0x71) or b"\x00"
    if info == b"\x00":
        return certificate
    # Part 1 calls the bit CompressionTypeMsb(0): cards set 80, or 01 as older text had it.
    if info in (b"\x01", b"\x80"):
        return _gunzip(certificate)
    raise CardResponseError(f"certificate with CertInfo {info[:4].hex().upper()}")


def _gunzip(data: bytes) -> bytes:
    """RFC 1952, never more than a certificate can be."""
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data, _MAX_CERTIFICATE)
    except zlib.error as error:
        raise CardResponseError("a compressed certificate that is not gzip") from error
    if not inflater.eof or inflater.unused_data:
        raise CardResponseError("a compressed certificate that is cut off, too long, or followed by something")
    return plain


# --- key pairs --------------------------------------------------------------------------------------------


def generate(
    slot: int, algorithm: KeyAlgorithm, pin_policy: int | None = None, touch_policy: int | None = None
) -> Exchange[bytes]:
    """GENERATE ASYMMETRIC KEY PAIR (part 2, 3.3.1); needs the administration key, and replaces the key
    that was there.

    Args:
        slot: key reference: 9A, 9C, 9D, 9E or 82 to 95.
        algorithm: what to generate.
        pin_policy: tag AA of the Yubico dialect; None leaves it to the card.
        touch_policy: tag AB of the Yubico dialect; None leaves it to the card.

    Returns:
        the public key, SubjectPublicKeyInfo DER.
    """
    request = encode(0x80, algorithm.identifier.to_bytes(1, "big"))
    for tag, policy in ((0xAA, pin_policy), (0xAB, touch_policy)):
        request += b"" if policy is None else encode(tag, policy.to_bytes(1, "big"))
    response = yield CommandAPDU(0x00, INS.GENERATE_ASYMMETRIC_KEY_PAIR, 0x00, slot, encode(0xAC, request), le=0)
    answer = response.require(SW.OK, operation="generate asymmetric key pair")
    return decode_public_key(Index(answer).first(0x7F49), algorithm)


def decode_public_key(template: bytes, algorithm: KeyAlgorithm) -> bytes:
    """SubjectPublicKeyInfo DER from what stands in a public key template (7F49; part 2, table 11).

    Args:
        template: 81 modulus and 82 exponent, or 86 point.
        algorithm: what the key must be.

    Raises:
        CardResponseError: another length, an exponent other than 65537, a point that is not on the curve.
    """
    index = Index(template)
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    try:
        if algorithm.kind == "RSA":
            key = _rsa_key(index.first(0x81), index.first(0x82), algorithm)
        else:
            key = _ec_key(index.first(0x86), algorithm)
    except ValueError as error:
        raise CardResponseError(f"the card's public key is not one of {algorithm.name}") from error
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _rsa_key(modulus: bytes, exponent: bytes, algorithm: KeyAlgorithm) -> rsa.RSAPublicKey:
    n, e = int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
    # SP 800-78-5, 3.1 allows this exponent only.
    if n.bit_length() != algorithm.bits or not n & 1 or e != _EXPONENT:
        raise ValueError("modulus or exponent")
    return rsa.RSAPublicNumbers(e, n).public_key()


def _ec_key(point: bytes, algorithm: KeyAlgorithm) -> ec.EllipticCurvePublicKey:
    if len(point) != 1 + 2 * algorithm.octets or point[0] != 0x04:
        raise ValueError("point")
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[algorithm.bits], point)


def key_algorithm_of_spki(public_key: object) -> KeyAlgorithm:
    """The algorithm of a public key that ``cryptography`` has loaded.

    Raises:
        CardResponseError: one that this library does not use.
    """
    for algorithm in _KEY_ALGORITHMS:
        if algorithm.kind == "RSA":
            if isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size == algorithm.bits:
                return algorithm
        elif isinstance(public_key, ec.EllipticCurvePublicKey) and (
            public_key.curve.name == _CURVES[algorithm.bits].name
        ):
            return algorithm
    raise CardResponseError("the key on the card is not one of SP 800-78-5")


# --- GENERAL AUTHENTICATE ---------------------------------------------------------------------------------


def sign_raw(slot: int, algorithm: KeyAlgorithm, block: bytes) -> Exchange[bytes]:
    """GENERAL AUTHENTICATE: the bare private-key operation (part 2, 3.2.4 and appendix A.4).

    Args:
        slot: key reference.
        algorithm: the key's.
        block: RSA: the padded block, as long as the modulus. EC: the digest, at most as long as the order.

    Returns:
        RSA: as many bytes as the modulus. EC: DER of ECDSA-Sig-Value.

    Raises:
        CardResponseError: the answer is neither.
    """
    answer = yield from _general_authenticate(slot, algorithm, encode(0x82) + encode(0x81, block), "sign")
    if algorithm.kind == "EC":
        return check_ecdsa_signature(answer, algorithm.bits)
    if len(answer) != algorithm.octets:
        raise CardResponseError(
            f"a signature of {len(answer)} bytes by a key of {algorithm.octets}", length=len(answer)
        )
    return answer


def key_agreement(slot: int, algorithm: KeyAlgorithm, point: bytes) -> Exchange[bytes]:
    """GENERAL AUTHENTICATE: elliptic-curve Diffie-Hellman (part 2, appendix A.5).

    Args:
        slot: key reference, 9D or 82 to 95.
        algorithm: the key's; an elliptic curve.
        point: the other party's public key, uncompressed (04, x, y).

    Returns:
        the x coordinate of the shared point: 32 or 48 bytes.
    """
    answer = yield from _general_authenticate(slot, algorithm, encode(0x82) + encode(0x85, point), "key agreement")
    if len(answer) != algorithm.octets:
        raise CardResponseError(f"a shared secret of {len(answer)} bytes", length=len(answer))
    return answer


def _general_authenticate(slot: int, algorithm: KeyAlgorithm, template: bytes, operation: str) -> Exchange[bytes]:
    data = encode(0x7C, template)
    response = yield CommandAPDU(0x00, INS.GENERAL_AUTHENTICATE, algorithm.identifier, slot, data, le=0)
    return Index(response.require(SW.OK, operation=operation)).first(0x7C, 0x82)
