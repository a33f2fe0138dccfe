"""A vendor's documents and messages: signed with the card's keys, decrypted with them (AUT-3).

These are typed operations: what the key signs is always the input of CMS or of JWS, which is nothing else that it signs
(``docs/statements.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from zorgid_card.cards.access import PINProvider
from zorgid_card.cards.card import Card
from zorgid_card.cards.keys import CONFIDENTIALITY
from zorgid_card.errors import CertificateError, SignatureError, UsageError
from zorgid_card.pki import cms, enveloped, jws
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.signatory import MAX_CHAIN, SIGNATURE, require_usage


def sign_document(
    card: Card, content: cms.Content, pin: PINProvider | None, *, at: datetime, usage: str = SIGNATURE
) -> bytes:
    """Sign a document with a card: CMS, detached, level B of CAdES (:func:`zorgid_card.pki.cms.sign_detached`).

    Args:
        card: in the reader, or behind its middleware.
        content: the document, whole or in pieces; it is hashed before the PIN is asked.
        pin: asked for the PIN; with the signature key of a UZI pass at each signature.
        at: the time that the signature states, with a time zone.
        usage: ``signature``, the holder's will; or ``authenticity``, who sends.

    Returns:
        DER, to be kept beside the document as ``.p7s``.

    Raises:
        UsageError: the card has no such key.
        UserError, CardError, ReaderError: as the card's own ``signer``.
    """
    certificate, issuers = _certificates(card, usage)
    signer = card.signer(usage, pin)
    return cms.sign_detached(signer, certificate.der, content, chain=issuers, signing_time=at)


def sign_message(
    card: Card,
    payload: bytes,
    pin: PINProvider | None,
    *,
    typ: str,
    usage: str = SIGNATURE,
    detached: bool = False,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Sign a message with a card: JWS in compact form with ``x5c`` (:func:`zorgid_card.pki.jws.sign`).

    Args:
        card, pin, usage: as for :func:`sign_document`.
        payload: at most 16 MiB.
        typ: what kind of message it is; who verifies names the same.
        detached: leave the payload out.
        header: further members of the header.

    Raises:
        JWSError: type, payload or header are not of their form; nothing was signed.
        UsageError, UserError, CardError, ReaderError: as :func:`sign_document`.
    """
    certificate, issuers = _certificates(card, usage)
    signer = card.signer(usage, pin)
    return jws.sign(signer, certificate.der, payload, typ=typ, chain=issuers, detached=detached, header=header)


def decrypt(card: Card, message: bytes, pin: PINProvider | None) -> bytes:
    """Decrypt a CMS message with the card's confidentiality key (:func:`zorgid_card.pki.enveloped.decrypt`).

    Args:
        card, pin: as for :func:`sign_document`. The PIN is asked only when the message is for this card.
        message: at most 64 MiB.

    Raises:
        CMSError, RecipientError, DecryptionError: the message.
        UsageError, UserError, CardError, ReaderError: the card.
    """
    return enveloped.decrypt(message, decryption_key(card, pin))


def decryption_key(card: Card, pin: PINProvider | None) -> enveloped.DecryptionKey:
    """The card's confidentiality key.

    Raises:
        UsageError: it has none.
    """
    return enveloped.DecryptionKey(
        certificate=require_certificate(card, CONFIDENTIALITY).der,
        decipher=lambda cryptogram: card.decipher(cryptogram, pin),
        decipher_raw=lambda cryptogram: card.decipher_raw(cryptogram, pin),
        key_agreement=lambda peer: card.key_agreement(peer, pin),
    )


def _certificates(card: Card, usage: str) -> tuple[Certificate, list[bytes]]:
    require_usage(usage)
    certificate = require_certificate(card, usage)
    return certificate, issuers_of(certificate, card.chain())


def require_certificate(card: Card, usage: str) -> Certificate:
    """The card's certificate for ``usage``, as it says itself.

    Raises:
        UsageError: it has none.
    """
    found = card.certificates().get(usage)
    if found is None:
        raise UsageError(f"the card has no key for {usage!r}", reason="usage", usage=usage)
    return Certificate.parse(found)


def issuers_of(leaf: Certificate, candidates: Iterable[bytes]) -> list[bytes]:
    """The CA certificates above ``leaf``, each the issuer of the one before it, less the root, which a verifier has: DER.

    Nothing is judged, but that each was signed by the next; what cannot be read is passed over.
    """
    known, last = _readable(candidates), leaf
    found: list[Certificate] = []
    while len(found) < MAX_CHAIN - 1:
        issuer = next((one for one in known if one.issuer != one.subject and _issued(one, last)), None)
        if issuer is None or issuer in found:
            break
        found.append(issuer)
        last = issuer
    return [one.der for one in found]


def _readable(candidates: Iterable[bytes]) -> list[Certificate]:
    found = []
    for data in candidates:
        try:
            found.append(Certificate.parse(data))
        except CertificateError:
            continue
    return found


def _issued(issuer: Certificate, certificate: Certificate) -> bool:
    if issuer.subject != certificate.issuer:
        return False
    try:
        certificate.require_signed_by(issuer)
    except (SignatureError, CertificateError):
        return False
    return True
