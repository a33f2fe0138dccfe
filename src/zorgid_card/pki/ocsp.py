"""OCSP (RFC 6960): the question, and an answer that is believed only when everything about it holds.

An answer is about exactly one certificate, the one asked for; it is signed by the issuing CA, or by a responder whose
certificate this CA itself has issued for id-kp-OCSPSigning; and it repeats the question's nonce, as far as the policy asks.
A CA certificate is no responder's, whatever its extendedKeyUsage says: on the UZI register's issuing CAs that lists
id-kp-OCSPSigning, to let them certify responders of their own, and not to let one CA answer for its siblings.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from asn1crypto import keys
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from zorgid_card.errors import CertificateError, RevocationUnknownError, SignatureError
from zorgid_card.pki import _signed, _x509
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CLOCK_SKEW, UNSPECIFIED, revoked

MAX_RESPONSE = 64 * 1024
"""Octets; an answer with a responder's certificate of RSA-4096 has about 3 KiB."""

NONCE_OCTETS = 32
"""Of a nonce that we make (RFC 9654, 2.1)."""

NO_CHECK: Final = "1.3.6.1.5.5.7.48.1.5"
"""id-pkix-ocsp-nocheck: the responder's certificate is not to be asked about (RFC 6960, 4.2.2.2.1)."""

Digest = Literal["SHA1", "SHA256"]
"""What a CertID names the issuer with. SHA1 is what responders know (RFC 5019, 2.1.1); nothing rests on its strength: whoever
answers for another issuer of the same digests would still have to sign as this one.
"""

NoncePolicy = Literal["required", "if-given", "none"]
"""``required``: an answer without our nonce is refused. ``if-given``: a nonce is sent, and one in the answer must be ours; an
answer without is taken, and its age bounds what a replay is worth. ``none``: none is sent, for responders that answer from stock.
"""

_MAX_CERTIFICATES = 4
_DIGESTS: Final[dict[Digest, hashes.HashAlgorithm]] = {"SHA1": hashes.SHA1(), "SHA256": hashes.SHA256()}  # noqa: S303
_SIGNS = frozenset({"digital_signature", "content_commitment"})


@dataclass(frozen=True, slots=True)
class Question:
    """What a responder is asked: the status of ``certificate``, which ``issuer`` has issued."""

    certificate: Certificate
    issuer: Certificate
    nonce: bytes | None = None
    """1 to 32 octets, or none."""
    digest: Digest = "SHA1"

    @property
    def der(self) -> bytes:
        """OCSPRequest (RFC 6960, 4.1.1), DER, not signed."""
        name, key = self.issuer_hashes
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
            name, key, self.certificate.serial, _DIGESTS[self.digest]
        )
        if self.nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(self.nonce), critical=False)
        return builder.build().public_bytes(Encoding.DER)

    @property
    def issuer_hashes(self) -> tuple[bytes, bytes]:
        """issuerNameHash and issuerKeyHash of the CertID."""
        name = hashlib.new(self.digest, self.certificate.issuer, usedforsecurity=False).digest()
        return name, hashlib.new(self.digest, key_octets(self.issuer), usedforsecurity=False).digest()


def key_octets(certificate: Certificate) -> bytes:
    """The value of the BIT STRING subjectPublicKey, without its count of unused bits."""
    with _x509.decoding("subjectPublicKeyInfo"):
        return bytes(keys.PublicKeyInfo.load(certificate.spki)["public_key"].contents[1:])


class Answer:
    """A responder's answer. Made by :meth:`parse`; what it says counts only after :meth:`verify`, and while it is
    fresh (:class:`~zorgid_card.pki.freshness.Freshness`).
    """

    __slots__ = ("_response", "_single", "responder")

    def __init__(self, response: ocsp.OCSPResponse, single: ocsp.OCSPSingleResponse) -> None:
        self._response = response
        self._single = single
        self.responder: Certificate | None = None
        """The certificate of a delegated responder, once verified; None where the CA itself has signed."""

    @classmethod
    def parse(cls, data: bytes) -> Answer:
        """Decode an OCSPResponse (RFC 6960, 4.2.1), at most 64 KiB of DER.

        Raises:
            CertificateMalformedError: it is none, or has a critical extension.
            RevocationUnknownError: the responder declines to answer, ``reason`` ``ocsp status``, or the answer is not about exactly
                one certificate, ``responses``.
            SignatureError: the signature's algorithm is not accepted.
        """
        _x509.require_size(data, MAX_RESPONSE, "OCSP response")
        with _x509.decoding("OCSP response"):
            response = ocsp.load_der_ocsp_response(bytes(data))
            if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                name = response.response_status.name.lower().replace("_", " ")
                raise RevocationUnknownError(f"the OCSP responder answers: {name}", reason="ocsp status", status=name)
            singles = list(response.responses)
            if len(singles) != 1:
                told = f"the OCSP answer is about {len(singles)} certificates"
                raise RevocationUnknownError(told, reason="responses")
            _decode(response, singles[0])
        _signed.require_accepted(response.signature_algorithm_oid, "OCSP answer")
        return cls(response, singles[0])

    @property
    def this_update(self) -> datetime:
        """The latest moment of which the responder says that it is so, UTC."""
        return self._single.this_update_utc

    @property
    def next_update(self) -> datetime | None:
        """When there will be newer information, UTC; None: at any time."""
        return self._single.next_update_utc

    @property
    def produced_at(self) -> datetime:
        """When it was signed, UTC."""
        return self._response.produced_at_utc

    @property
    def nonce(self) -> bytes | None:
        """The nonce that it repeats; None without."""
        found = [item.value.nonce for item in self._response.extensions if isinstance(item.value, x509.OCSPNonce)]
        return found[0] if found else None

    def verify(self, question: Question, at: datetime, *, nonce: NoncePolicy = "required") -> None:
        """Verify that the answer is to this question, by who may answer it.

        Args:
            question: what was asked.
            at: the moment at which a delegated responder's certificate must be valid, and the answer have been signed, with a time
                zone.
            nonce: what is asked of the nonce.

        Raises:
            RevocationUnknownError: ``reason`` is ``certID``, ``nonce``, ``producedAt`` or ``responder``.
            SignatureError: a signature does not verify.
        """
        self._require_certificate(question)
        self._require_nonce(question, nonce)
        moment = _x509.utc(at)
        if self.produced_at > moment + CLOCK_SKEW or self.this_update > self.produced_at + CLOCK_SKEW:
            raise RevocationUnknownError("the OCSP answer was signed at an impossible time", reason="producedAt")
        signer = self._signer(question.issuer, moment)
        response = self._response
        _signed.require_signature(
            signer.public_key,
            response.signature_algorithm_oid,
            response.signature,
            response.tbs_response_bytes,
            "OCSP answer",
        )
        self.responder = None if signer is question.issuer else signer

    def _require_certificate(self, question: Question) -> None:
        single = self._single
        told = single.hash_algorithm.name, single.issuer_name_hash, single.issuer_key_hash, single.serial_number
        asked = _DIGESTS[question.digest].name, *question.issuer_hashes, question.certificate.serial
        if told != asked:
            raise RevocationUnknownError("the OCSP answer is about another certificate", reason="certID")

    def _require_nonce(self, question: Question, policy: NoncePolicy) -> None:
        given, sent = self.nonce, question.nonce
        if policy == "required" and (given is None or sent is None):
            raise RevocationUnknownError("the OCSP answer has no nonce", reason="nonce")
        if given is not None and sent is not None and not hmac.compare_digest(given, sent):
            raise RevocationUnknownError("the OCSP answer is to another question", reason="nonce")

    def _signer(self, issuer: Certificate, at: datetime) -> Certificate:
        """The CA, or the first of the certificates that came with the answer that it has made a responder's."""
        if self._names(issuer):
            return issuer
        problem: CertificateError | None = None
        for candidate in self._candidates():
            try:
                _require_responder(candidate, issuer, at)
            except CertificateError as error:
                problem = error
            else:
                return candidate
        told = str(problem) if problem else "none of its certificates is the one it names"
        raise RevocationUnknownError(
            f"the OCSP answer is not signed by a responder of the CA: {told}", reason="responder"
        )

    def _candidates(self) -> Iterator[Certificate]:
        for item in self._response.certificates[:_MAX_CERTIFICATES]:
            certificate = Certificate.parse(item.public_bytes(Encoding.DER))
            if self._names(certificate):
                yield certificate

    def _names(self, certificate: Certificate) -> bool:
        """Whether responderID names this certificate, by its subject or by the SHA-1 of its key."""
        name, key = self._response.responder_name, self._response.responder_key_hash
        if name is not None:
            return name.public_bytes() == certificate.subject
        return key == hashlib.sha1(key_octets(certificate), usedforsecurity=False).digest()

    def status(self) -> None:
        """Raise unless the status is good.

        Raises:
            OnHoldError, RevokedError: it is revoked; ``serial`` (hexadecimal), ``reason``, ``since``.
            RevocationUnknownError: the responder does not know the certificate, ``reason`` ``unknown``: one that its CA has not
                issued, or a responder of another environment.
        """
        single = self._single
        if single.certificate_status is ocsp.OCSPCertStatus.GOOD:
            return
        since = single.revocation_time_utc
        if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN or since is None:
            serial = f"{single.serial_number:x}"
            raise RevocationUnknownError(
                "the OCSP responder does not know the certificate", reason="unknown", serial=serial
            )
        reason = single.revocation_reason
        raise revoked(single.serial_number, reason.value if reason else UNSPECIFIED, since)


def _decode(response: ocsp.OCSPResponse, single: ocsp.OCSPSingleResponse) -> None:
    """Ask for every part at once: ``cryptography`` decodes some only then."""
    _ = response.produced_at_utc, response.responder_name, response.responder_key_hash, response.certificates
    _ = response.signature_algorithm_oid, response.tbs_response_bytes, response.signature
    _ = single.this_update_utc, single.next_update_utc, single.certificate_status, single.revocation_time_utc
    _ = single.revocation_reason, single.hash_algorithm, single.serial_number
    for item in (*response.extensions, *response.single_extensions):
        if item.critical:
            raise ValueError(f"critical extension {item.oid.dotted_string}")


def _require_responder(certificate: Certificate, issuer: Certificate, at: datetime) -> None:
    """RFC 6960, 4.2.2.2: issued directly by the CA, for this purpose; and valid.

    Raises:
        CertificateError: it is not.
    """
    usage = certificate.key_usage
    if certificate.issuer != issuer.subject:
        raise SignatureError("it is of another issuer")
    if certificate.is_ca or ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string not in (
        certificate.extended_key_usage or ()
    ):
        raise RevocationUnknownError("its certificate is not a responder's", reason="responder")
    if (usage is not None and not usage & _SIGNS) or certificate.unknown_critical:
        raise RevocationUnknownError("its certificate may not sign", reason="responder")
    if not certificate.not_before <= at <= certificate.not_after:
        raise RevocationUnknownError("its certificate is not valid now", reason="responder")
    certificate.require_signed_by(issuer)


def is_not_checked(responder: Certificate) -> bool:
    """Whether the CA says that its responder's certificate is not to be asked about: it is short-lived instead."""
    return responder.extension(NO_CHECK) is not None
