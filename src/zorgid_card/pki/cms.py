"""Signatures of documents: CMS SignedData (RFC 5652) at baseline level B of CAdES (ETSI EN 319 122-1, 6), detached.

What the key signs is the DER of the signed attributes: a SET OF (31) with the content's digest, the certificate's digest, and,
unless it is left out, the time. The content itself is only hashed, in as many pieces as its owner likes to give, so its size does
not matter.

Verification is strict where the standard leaves room by which signatures have been forged: exactly one signer, DER throughout,
signed attributes always, each of them once, no digest below SHA-256, and the certificate bound by ESS signing-certificate-v2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any, Final, TypeAlias

from asn1crypto import algos, cms
from cryptography.hazmat.primitives import hashes

from zorgid_card.codec.tlv import Index
from zorgid_card.errors import CMSError, SignatureError, TLVError, UsageError
from zorgid_card.pki import _ber, _cms, _x509
from zorgid_card.pki._cms import check_signature, decoding, malformed, require
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.signatory import (
    MAX_CHAIN,
    SIGNATURE,
    I,
    Signatory,
    require_key,
    require_usage,
)
from zorgid_card.pki.signing import Algorithm, require_algorithm
from zorgid_card.pki.verifier import Verifier
from zorgid_card.ports.card import Signer

Content: TypeAlias = bytes | Iterable[bytes]
"""What is signed: its octets, or pieces of them one after another."""

MAX_SIGNATURE: Final = 256 * 1024
"""Octets of a SignedData; one with the chain of a UZI pass has about 5,000."""

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far the signatory's clock may be ahead of the verifier's."""

_SET_OF: Final = b"\x31"
_PEM_LABEL: Final = "CMS"
_ONCE: Final = ("content_type", "message_digest", "signing_certificate_v2")
_AT_MOST_ONCE: Final = ("signing_time", "cms_algorithm_protection")


# --- signing ---------------------------------------------------------------------------------------------


def sign_detached(
    signer: Signer,
    certificate: bytes,
    content: Content,
    *,
    chain: Iterable[bytes] = (),
    signing_time: datetime | None,
) -> bytes:
    """Sign content with a card's signature or authenticity key.

    Args:
        signer: the key.
        certificate: its certificate, DER.
        content: hashed piece by piece, before the signer is called.
        chain: the CA certificates to send along, DER.
        signing_time: the signatory's clock, with a time zone. Level B asks for it; None leaves it out, where a policy says so.

    Returns:
        A ContentInfo with SignedData, DER, that holds the certificates and not the content. It was verified with the certificate's
        key.

    Raises:
        UsageError: the certificate is another key's, or there are too many; nothing was signed.
        SignatureError: the algorithm does not fit the key, or the signature made does not verify.
        CertificateMalformedError: a certificate is none.
    """
    leaf = Certificate.parse(certificate)
    key = require_key(signer, leaf)
    algorithm = require_algorithm(key, signer.algorithm)
    sent = dict.fromkeys([leaf.der, *(Certificate.parse(data).der for data in chain)])
    if len(sent) > MAX_CHAIN:
        raise UsageError(f"{len(sent)} certificates with one signature, at most {MAX_CHAIN}", reason="certificates")
    attributes = _attributes(algorithm, leaf.der, digest_of(content, algorithm.digest), signing_time)
    encoded = bytes(attributes.dump())
    signature = signer.sign(encoded)
    check_signature(key, algorithm, encoded, signature)
    return _signed_data(algorithm, leaf.der, list(sent), attributes, signature)


def digest_of(content: Content, algorithm: hashes.HashAlgorithm) -> bytes:
    """The digest of content that may come in pieces."""
    digest = hashes.Hash(algorithm)
    pieces: Iterable[bytes] = (content,) if isinstance(content, bytes | bytearray) else content
    for piece in pieces:
        digest.update(piece)
    return digest.finalize()


def _attributes(algorithm: Algorithm, leaf: bytes, digest: bytes, signing_time: datetime | None) -> cms.CMSAttributes:
    """The signed attributes of level B, and CMSAlgorithmProtection (RFC 6211): no other algorithm can be put beside them."""
    bound = hashes.Hash(hashes.SHA256())
    bound.update(leaf)
    values: dict[str, Any] = {
        "content_type": "data",
        "message_digest": digest,
        "signing_certificate_v2": _cms.SigningCertificateV2({"certs": [{"cert_hash": bound.finalize()}]}),
        "cms_algorithm_protection": {
            "digest_algorithm": {"algorithm": algorithm.digest.name},
            "signature_algorithm": _cms.signature_identifier(algorithm),
        },
    }
    if signing_time is not None:
        values["signing_time"] = cms.Time(_time(_x509.utc(signing_time)))
    return cms.CMSAttributes([{"type": name, "values": [value]} for name, value in values.items()])


def _time(at: datetime) -> dict[str, datetime]:
    """UTCTime up to 2049, GeneralizedTime after that (RFC 5652, 11.3); whole seconds."""
    return {"utc_time" if at.year < 2050 else "general_time": at.replace(microsecond=0)}


def _signed_data(
    algorithm: Algorithm, leaf: bytes, certificates: list[bytes], attributes: cms.CMSAttributes, signature: bytes
) -> bytes:
    digest, own = algos.DigestAlgorithm({"algorithm": algorithm.digest.name}), _cms.certificate_of(leaf)
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": {"issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number}},
            "digest_algorithm": digest,
            "signed_attrs": attributes,
            "signature_algorithm": _cms.signature_identifier(algorithm),
            "signature": signature,
        }
    )
    content = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [digest],
            "encap_content_info": {"content_type": "data"},
            "certificates": [cms.CertificateChoices("certificate", _cms.certificate_of(der)) for der in certificates],
            "signer_infos": [signer],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": content}).dump())


# --- verifying -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """A SignedData whose form was judged; nothing is verified yet."""

    attributes: bytes
    """What was signed: the DER of the signed attributes as SET OF."""
    signature: bytes
    message_digest: bytes
    certificate: Certificate
    others: tuple[bytes, ...]
    algorithm: Algorithm
    salt_length: int | None
    signed_at: datetime | None


def verify_detached(
    signature: bytes, content: Content, *, judge: Verifier[I], at: datetime, usage: str = SIGNATURE
) -> Signatory[I]:
    """Verify a detached signature over content, and find out whose it is.

    In order: form and signed attributes; the signature over these; the content's digest; the time that is claimed; the certificate.
    The content is read only once the signature over its digest holds. Time stamps and other unsigned attributes are not judged.

    Args:
        signature: a ContentInfo with SignedData, DER or PEM; at most 256 KiB.
        content: the same octets that were signed.
        judge: of the signatory's certificate.
        at: the moment at which the certificate is judged, with a time zone.
        usage: of the key: ``signature``; ``authenticity`` where the parties agreed on that.

    Raises:
        CMSError: not a signature of this form; ``field`` names where.
        SignatureError: the signature is not over this content, or not by the key of its certificate.
        CertificateError: the certificate cannot be relied on for this, at this moment.
        UsageError: there is no such usage.
    """
    require_usage(usage)
    at = _x509.utc(at)
    signed = _parse(signature)
    check_signature(
        signed.certificate.public_key, signed.algorithm, signed.attributes, signed.signature, signed.salt_length
    )
    if not compare_digest(signed.message_digest, digest_of(content, signed.algorithm.digest)):
        raise SignatureError("the signature is over other content", reason="content")
    if signed.signed_at is not None and signed.signed_at - at > CLOCK_SKEW:
        raise SignatureError("the signature says that it was made later than now", reason="signing time")
    identity = judge.verify(signed.certificate, usage=usage, at=at, intermediates=signed.others)
    return Signatory(
        identity=identity,
        certificate=signed.certificate,
        usage=usage,
        algorithm=signed.algorithm.name,
        signed_at=signed.signed_at,
    )


def _parse(signature: bytes) -> _Signed:
    _cms.require_size(signature, MAX_SIGNATURE, "signature")
    data = _cms.unwrapped(bytes(signature), _PEM_LABEL, "signature")
    _require_der(data)
    _, signed_data = _cms.load_content(data, "signed_data")
    with decoding("signedData"):
        info = _only_signer(signed_data)
        own, others = _certificates(signed_data["certificates"], info["sid"])
    certificate = Certificate.parse(own)
    with decoding("signerInfo"):
        digest = _cms.digest_name(info["digest_algorithm"], "digestAlgorithm")
        stated = [_cms.digest_name(one, "digestAlgorithms") for one in signed_data["digest_algorithms"]]
        require(stated == [digest], "digestAlgorithms", "another than the signer's")
        identifier = info["signature_algorithm"]
        algorithm, salt_length = _cms.signature_algorithm(identifier, digest, certificate.public_key)
        encoded, values = _signed_attributes(info["signed_attrs"])
        message_digest = _judge_attributes(values, info, own)
        return _Signed(
            attributes=encoded,
            signature=bytes(info["signature"].native),
            message_digest=message_digest,
            certificate=certificate,
            others=others,
            algorithm=algorithm,
            salt_length=salt_length,
            signed_at=_signing_time(values),
        )


def _require_der(data: bytes) -> None:
    """No indefinite and no needlessly long lengths: what was signed has one encoding (X.690, 10.1)."""
    try:
        items = Index(data, der=True).items()
    except TLVError as error:
        raise malformed("signature", f"not DER: {error.details.get('reason')}") from error
    require(len(items) == 1, "signature", "something follows it")
    with decoding("signature"):
        _ber.require_bounded(data)


def _only_signer(signed_data: Any) -> Any:
    encapsulated = signed_data["encap_content_info"]
    require(encapsulated["content_type"].native == "data", "eContentType", "not id-data")
    require(
        _cms.is_absent(encapsulated["content"]), "eContent", "the content is inside; a detached signature is expected"
    )
    infos = signed_data["signer_infos"]
    require(len(infos) == 1, "signerInfos", f"{len(infos)} signers, expected one")
    return infos[0]


def _certificates(choices: Any, identifier: Any) -> tuple[bytes, tuple[bytes, ...]]:
    """The signatory's certificate, and the others that came along."""
    require(0 < len(choices) <= MAX_CHAIN, "certificates", f"{len(choices)} certificates, expected 1 to {MAX_CHAIN}")
    found = [bytes(choice.chosen.dump()) for choice in choices if choice.name == "certificate"]
    own = [der for der in found if _cms.Named.of(der).is_meant_by(identifier)]
    require(len(own) == 1, "sid", f"{len(own)} certificates are the signer's, expected one")
    return own[0], tuple(der for der in found if der != own[0])


def _signed_attributes(attributes: Any) -> tuple[bytes, dict[str, Any]]:
    """The octets that are signed, and the one value of each attribute by its name."""
    require(not _cms.is_absent(attributes) and len(attributes) > 0, "signedAttrs", "missing")
    encodings = [bytes(attribute.dump()) for attribute in attributes]
    require(encodings == sorted(encodings), "signedAttrs", "not in the order of DER")
    names = [str(attribute["type"].native) for attribute in attributes]
    require(len(set(names)) == len(names), "signedAttrs", "an attribute stands twice")
    known = dict(zip(names, attributes, strict=True))
    for name in _ONCE:
        require(name in known, "signedAttrs", f"{name} is missing")
    values = {name: known[name]["values"] for name in (*_ONCE, *_AT_MOST_ONCE) if name in known}
    for name, several in values.items():
        require(len(several) == 1, "signedAttrs", f"{len(several)} values of {name}")
    return _SET_OF + bytes(attributes.dump())[1:], {name: several[0] for name, several in values.items()}


def _judge_attributes(values: dict[str, Any], info: Any, certificate: bytes) -> bytes:
    """What the attributes bind holds of the rest; the content's digest, which is yet to be compared."""
    require(values["content_type"].native == "data", "contentType", "not id-data")
    _require_bound(values["signing_certificate_v2"], certificate)
    protection = values.get("cms_algorithm_protection")
    if protection is not None:
        for name in ("digest_algorithm", "signature_algorithm"):
            require(_contents(protection[name]) == _contents(info[name]), "cmsAlgorithmProtection", "other algorithms")
    return bytes(values["message_digest"].native)


def _contents(identifier: Any) -> tuple[str, object]:
    """Algorithm and parameters; the tag of the identifier is another there."""
    return str(identifier["algorithm"].native), identifier["parameters"].native


def _require_bound(attribute: Any, certificate: bytes) -> None:
    """ESS signing-certificate-v2 (RFC 5035, 3): its first identifier is the signatory's certificate."""
    identifiers = attribute["certs"]
    require(0 < len(identifiers) <= MAX_CHAIN, "signingCertificateV2", f"{len(identifiers)} identifiers")
    first = identifiers[0]
    digest = _cms.DIGESTS[_cms.digest_name(first["hash_algorithm"], "signingCertificateV2")]
    if not compare_digest(bytes(first["cert_hash"].native), digest_of(certificate, digest)):
        raise SignatureError("the signature is bound to another certificate", reason="certificate")
    issuer_serial = first["issuer_serial"]
    if _cms.is_absent(issuer_serial):
        return
    own, names = _cms.certificate_of(certificate), issuer_serial["issuer"]
    is_same = (
        len(names) == 1 and names[0].name == "directory_name" and names[0].chosen.untag().dump() == own.issuer.dump()
    )
    if not is_same or issuer_serial["serial_number"].native != own.serial_number:
        raise SignatureError("the signature is bound to another certificate", reason="certificate")


def _signing_time(values: dict[str, Any]) -> datetime | None:
    if "signing_time" not in values:
        return None
    found = values["signing_time"].native
    if not isinstance(found, datetime):
        raise CMSError("signingTime: not a time", field="signingTime", reason="form")
    return found.astimezone(UTC)
