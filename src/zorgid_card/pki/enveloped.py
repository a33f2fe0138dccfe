"""Decrypting with the confidentiality key (AUT-3): CMS EnvelopedData (RFC 5652, 6) and AuthEnvelopedData (RFC 5083).

Key transport by RSAES-PKCS1-v1_5 and, where the card computes bare RSA, RSAES-OAEP (RFC 8017, 7); key agreement by
ephemeral-static ECDH (RFC 5753, 3.1); content in AES-CBC or AES-GCM (RFC 3565, RFC 5084).

A card that tells good padding from bad can be made to decrypt by asking often (Bleichenbacher). So a content key that does not come
out in its form is replaced by a random one, as RFC 3218, 2.3 has it, and everything after that goes wrong in one way with one
error. What CBC gives is not authenticated all the same: whoever could change the message may learn from what is done with the
result. Ask senders for AES-GCM, and do not answer to what was only encrypted.

Everything is in memory: the message (at most 64 MiB), and the content once more.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple

from asn1crypto import cms, core
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from zorgid_card.errors import (
    CardError,
    CardResponseError,
    CryptogramError,
    DecryptionError,
    MiddlewareError,
    RecipientError,
    StatusWordError,
)
from zorgid_card.pki import _ber, _cms
from zorgid_card.pki._cms import decoding, require
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.signing import PublicKey, dump_public_key

MAX_ENVELOPE: Final = 64 * 1024 * 1024
"""Octets of a message."""

MAX_RECIPIENTS: Final = 256
"""Recipients of one message; and of one of its ephemeral keys."""

_SET_OF: Final = b"\x31"
_PEM_LABEL: Final = "CMS"
_BLOCK: Final = 16
_TAG: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DecryptionKey:
    """A confidentiality key, usually on a card: its certificate, and what can be done with it.

    Attributes:
        certificate: DER; recipients are told by it.
        decipher: RSA with the padding of PKCS #1 v1.5 taken off.
        decipher_raw: bare RSA: as many octets as the modulus, padding and all.
        key_agreement: ECDH with another's SubjectPublicKeyInfo (DER); the x coordinate.
    """

    certificate: bytes = field(repr=False)
    decipher: Callable[[bytes], bytes] | None = field(default=None, repr=False)
    decipher_raw: Callable[[bytes], bytes] | None = field(default=None, repr=False)
    key_agreement: Callable[[bytes], bytes] | None = field(default=None, repr=False)


class _ContentCipher(NamedTuple):
    mode: str
    key_size: int


_CONTENT: Final = {
    "2.16.840.1.101.3.4.1.2": _ContentCipher("CBC", 16),
    "2.16.840.1.101.3.4.1.22": _ContentCipher("CBC", 24),
    "2.16.840.1.101.3.4.1.42": _ContentCipher("CBC", 32),
    "2.16.840.1.101.3.4.1.6": _ContentCipher("GCM", 16),
    "2.16.840.1.101.3.4.1.26": _ContentCipher("GCM", 24),
    "2.16.840.1.101.3.4.1.46": _ContentCipher("GCM", 32),
}
"""Of NIST's AES; DES and RC2 are not accepted."""

_WRAPS: Final = {"2.16.840.1.101.3.4.1.5": 16, "2.16.840.1.101.3.4.1.25": 24, "2.16.840.1.101.3.4.1.45": 32}
"""AES key wrap (RFC 3565, 2.3.2), and the length of its key."""

_AGREEMENTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "1.3.133.16.840.63.0.2": hashes.SHA1(),  # noqa: S303  # OpenSSL's default; as a KDF it stands on no collision
    "1.3.132.1.11.1": hashes.SHA256(),
    "1.3.132.1.11.2": hashes.SHA384(),
    "1.3.132.1.11.3": hashes.SHA512(),
}
"""dhSinglePass-stdDH-…kdf-scheme (RFC 5753, 7.1.4), and the digest of its key derivation."""

_OAEP_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {"sha1": hashes.SHA1(), **_cms.DIGESTS}  # noqa: S303  # as above


class _GCMParameters(core.Sequence):  # type: ignore[misc]
    """RFC 5084, 3.2."""

    _fields: ClassVar = [("nonce", core.OctetString), ("icv_len", core.Integer, {"default": 12})]


class _SharedInfo(core.Sequence):  # type: ignore[misc]
    """ECC-CMS-SharedInfo (RFC 5753, 7.2)."""

    _fields: ClassVar = [
        ("key_info", core.Any),
        ("entity_u_info", core.OctetString, {"explicit": 0, "optional": True}),
        ("supp_pub_info", core.OctetString, {"explicit": 2}),
    ]


class _KeyIdentifier(core.Sequence):  # type: ignore[misc]
    """AlgorithmIdentifier whose parameters are not looked into."""

    _fields: ClassVar = [("algorithm", core.ObjectIdentifier), ("parameters", core.Any, {"optional": True})]


class _OriginatorKey(core.Sequence):  # type: ignore[misc]
    """OriginatorPublicKey (RFC 5652, 6.2.2)."""

    _fields: ClassVar = [("algorithm", _KeyIdentifier), ("public_key", core.OctetBitString)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sealed:
    """The encrypted content, judged in form."""

    cipher: _ContentCipher
    nonce: bytes
    text: bytes
    tag: bytes = b""
    associated: bytes = b""


def decrypt(message: bytes, key: DecryptionKey) -> bytes:
    """Decrypt a message that names the key's certificate among its recipients.

    Args:
        message: a ContentInfo with EnvelopedData or AuthEnvelopedData; DER, BER or PEM; at most 64 MiB.
        key: the recipient's. A PIN that it wants is asked when it is used.

    Returns:
        The content.

    Raises:
        CMSError: not such a message, or an algorithm that is not accepted.
        RecipientError: it is for other recipients, or the card cannot take it off.
        DecryptionError: it cannot be decrypted; why is not told.
        ZorgIDError: what the card or its reader says before it tries: a wrong PIN, a card taken out.
    """
    _cms.require_size(message, MAX_ENVELOPE, "message")
    data = _cms.unwrapped(bytes(message), _PEM_LABEL, "message")
    with decoding("message"):
        data = _ber.definite(data)
    name, envelope = _cms.load_content(data, "enveloped_data", "authenticated_enveloped_data")
    certificate = Certificate.parse(key.certificate)
    with decoding("envelopedData"):
        sealed = _sealed(name, envelope)
        unwrap = _unwrapping(envelope["recipient_infos"], certificate, key)
    return _open(sealed, _content_key(unwrap, sealed.cipher.key_size))


def _content_key(unwrap: Callable[[], bytes], size: int) -> bytes:
    """The content key, or a random one where there is none of this size."""
    substitute = secrets.token_bytes(size)
    try:
        found = unwrap()
    except (CryptogramError, StatusWordError, CardResponseError, MiddlewareError) as error:
        if _is_not_about_the_message(error):
            raise
        return substitute
    except (InvalidUnwrap, ValueError):
        return substitute
    return found if len(found) == size else substitute


def _is_not_about_the_message(error: CardError) -> bool:
    """A refusal whatever the message: the PIN was not verified (6982), or is blocked (6983)."""
    details = error.details
    return details.get("sw") in (0x6982, 0x6983) or details.get("reason") == "CKR_USER_NOT_LOGGED_IN"


# --- recipients ------------------------------------------------------------------------------------------


def _unwrapping(infos: Any, certificate: Certificate, key: DecryptionKey) -> Callable[[], bytes]:
    """How the content key is got out, for the first recipient that is this certificate."""
    _require_few(infos)
    own = _cms.Named.of(certificate.der)
    for info in infos:
        if info.name == "ktri" and own.is_meant_by(info.chosen["rid"]):
            return _transported(info.chosen, key)
        if info.name == "kari":
            _require_few(info.chosen["recipient_encrypted_keys"])
            for one in info.chosen["recipient_encrypted_keys"]:
                if own.is_meant_by(one["rid"]):
                    return _agreed(info.chosen, bytes(one["encrypted_key"].native), certificate.public_key, key)
    raise RecipientError("the message is for other recipients", reason="recipient")


def _require_few(recipients: Any) -> None:
    require(0 < len(recipients) <= MAX_RECIPIENTS, "recipientInfos", f"{len(recipients)} recipients")


def _transported(info: Any, key: DecryptionKey) -> Callable[[], bytes]:
    """KeyTransRecipientInfo (RFC 5652, 6.2.1)."""
    cryptogram, name = bytes(info["encrypted_key"].native), info["key_encryption_algorithm"]["algorithm"].native
    if name == "rsaes_oaep":
        digests, label = _oaep_parameters(info["key_encryption_algorithm"]["parameters"])
        raw = key.decipher_raw
        if raw is None:
            raise RecipientError("this card does not decrypt by OAEP", reason="OAEP")
        return lambda: _take_off_oaep(raw(cryptogram), digests, label)
    require(name == "rsaes_pkcs1v15", "keyEncryptionAlgorithm", f"{name} is not accepted")
    decipher = key.decipher
    if decipher is None:
        raise RecipientError("this card does not decrypt by RSA", reason="RSA")
    return lambda: decipher(cryptogram)


def _agreed(info: Any, wrapped: bytes, own: PublicKey, key: DecryptionKey) -> Callable[[], bytes]:
    """KeyAgreeRecipientInfo with an ephemeral key of the originator (RFC 5753, 3.1)."""
    agreement, field = key.key_agreement, "keyEncryptionAlgorithm"
    if agreement is None or not isinstance(own, ec.EllipticCurvePublicKey):
        raise RecipientError("this card does not agree on keys", reason="ECDH")
    scheme = _KeyIdentifier.load(info["key_encryption_algorithm"].dump())
    digest = _AGREEMENTS.get(scheme["algorithm"].dotted)
    wrap = _KeyIdentifier.load(scheme["parameters"].dump())
    size = _WRAPS.get(wrap["algorithm"].dotted)
    if digest is None or size is None:
        raise _cms.malformed(field, "not accepted")
    peer = dump_public_key(_ephemeral(info["originator"], own.curve))
    shared = _SharedInfo(
        {
            "key_info": wrap,
            "entity_u_info": info["ukm"].native,
            "supp_pub_info": (8 * size).to_bytes(4, "big"),
        }
    ).dump()
    return lambda: aes_key_unwrap(X963KDF(digest, size, bytes(shared)).derive(agreement(peer)), wrapped)


def _ephemeral(originator: Any, curve: ec.EllipticCurve) -> ec.EllipticCurvePublicKey:
    """The originator's key, on the recipient's curve: a point beside it would give the recipient's key away."""
    require(originator.name == "originator_key", "originator", "no ephemeral key")
    found = _OriginatorKey.load(b"\x30" + originator.chosen.untag().dump()[1:])
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, bytes(found["public_key"].native))


# --- OAEP ------------------------------------------------------------------------------------------------


def _oaep_parameters(parameters: Any) -> tuple[tuple[hashes.HashAlgorithm, hashes.HashAlgorithm], bytes]:
    """The digests of label and mask, and the label (RFC 4055, 4.1)."""
    field = "keyEncryptionAlgorithm"
    mask, source = parameters["mask_gen_algorithm"], parameters["p_source_algorithm"]
    require(mask["algorithm"].native == "mgf1", field, "not MGF1")
    names = [str(one["algorithm"].native) for one in (parameters["hash_algorithm"], mask["parameters"])]
    require(all(name in _OAEP_DIGESTS for name in names), field, f"digests {', '.join(names)} are not accepted")
    label = source["parameters"].native or b""
    return (_OAEP_DIGESTS[names[0]], _OAEP_DIGESTS[names[1]]), bytes(label)


def _take_off_oaep(block: bytes, digests: tuple[hashes.HashAlgorithm, hashes.HashAlgorithm], label: bytes) -> bytes:
    """EME-OAEP decoding (RFC 8017, 7.1.2, step 3); every fault is found at the end, and none is told apart (Manger).

    Raises:
        ValueError: it is not in this form.
    """
    digest, mask = digests
    size = digest.digest_size
    if len(block) < 2 * size + 2:
        raise ValueError
    first, seed, masked = block[0], block[1 : 1 + size], block[1 + size :]
    seed = _exclusive_or(seed, _mgf1(mask, masked, size))
    data = _exclusive_or(masked, _mgf1(mask, seed, len(masked)))
    found, separator = data[:size], data.find(b"\x01", size)
    good = secrets.compare_digest(found, _digest(digest, label)) & (first == 0) & (separator >= 0)
    if not good or any(data[size:separator]):
        raise ValueError
    return data[separator + 1 :]


def _mgf1(digest: hashes.HashAlgorithm, seed: bytes, length: int) -> bytes:
    """RFC 8017, B.2.1."""
    count = -(-length // digest.digest_size)
    return b"".join(_digest(digest, seed + counter.to_bytes(4, "big")) for counter in range(count))[:length]


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _exclusive_or(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


# --- content ---------------------------------------------------------------------------------------------


def _sealed(name: str, envelope: Any) -> _Sealed:
    authenticated = name == "authenticated_enveloped_data"
    info = envelope["auth_encrypted_content_info" if authenticated else "encrypted_content_info"]
    identifier = _KeyIdentifier.load(info["content_encryption_algorithm"].dump())
    cipher = _CONTENT.get(identifier["algorithm"].dotted)
    if cipher is None or (cipher.mode == "GCM") is not authenticated:
        raise _cms.malformed("contentEncryptionAlgorithm", "not accepted")
    require(not _cms.is_absent(info["encrypted_content"]), "encryptedContent", "missing")
    text = bytes(info["encrypted_content"].native)
    if not authenticated:
        nonce = bytes(core.OctetString.load(identifier["parameters"].dump()).native)
        require(len(nonce) == _BLOCK, "contentEncryptionAlgorithm", "the initialisation vector is not a block")
        require(len(text) > 0 and len(text) % _BLOCK == 0, "encryptedContent", "not whole blocks")
        return _Sealed(cipher=cipher, nonce=nonce, text=text)
    parameters = _GCMParameters.load(identifier["parameters"].dump())
    nonce, tag = bytes(parameters["nonce"].native), bytes(envelope["mac"].native)
    require(len(nonce) == 12, "contentEncryptionAlgorithm", "the nonce is not of 12 octets")
    require(parameters["icv_len"].native == len(tag) == _TAG, "mac", "not of 16 octets")
    return _Sealed(cipher=cipher, nonce=nonce, text=text, tag=tag, associated=_associated(envelope["auth_attrs"]))


def _associated(attributes: Any) -> bytes:
    """The authenticated attributes as the DER of a SET OF (RFC 5083, 2.2); nothing where there are none."""
    if _cms.is_absent(attributes):
        return b""
    return _SET_OF + bytes(cms.CMSAttributes(attributes.untag()).dump(force=True))[1:]


def _open(sealed: _Sealed, key: bytes) -> bytes:
    """The content; every fault is one error."""
    try:
        if sealed.cipher.mode == "GCM":
            return AESGCM(key).decrypt(sealed.nonce, sealed.text + sealed.tag, sealed.associated)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(sealed.nonce)).decryptor()
        padded = decryptor.update(sealed.text) + decryptor.finalize()
        remover = padding.PKCS7(8 * _BLOCK).unpadder()
        return remover.update(padded) + remover.finalize()
    except (InvalidTag, ValueError):
        raise DecryptionError("the message cannot be decrypted") from None
