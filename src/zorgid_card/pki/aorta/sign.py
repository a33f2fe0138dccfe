"""Making tokens: the card is the signer (AUT-4).

Everything that can be wrong with the certificate is found before the signer is called, so that no PIN is asked for in vain.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from zorgid_card.errors import ProofError, SignatureError, UsageError
from zorgid_card.pki import _x509
from zorgid_card.pki.aorta import _xml
from zorgid_card.pki.aorta.build import Form, build, key_info, new_id
from zorgid_card.pki.aorta.holder import read_holder
from zorgid_card.pki.aorta.tokens import DEFAULT, Acting, Content, Profile
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.chain import require_valid_at
from zorgid_card.pki.signing import require_algorithm, verify_signature
from zorgid_card.ports.card import Signer

ALGORITHM: Final = "RS256"
"""RSA, PKCS #1 v1.5, SHA-256: the only signature that AORTA takes."""

_SECOND: Final = timedelta(seconds=1)


def sign_token(
    content: Content,
    signer: Signer,
    certificate: bytes,
    *,
    at: datetime,
    lifetime: timedelta | None = None,
    acting: Acting | None = None,
    profile: Profile = DEFAULT,
    enclosed: bool = True,
    token_reference: bool = False,
) -> bytes:
    """Make a token and have it signed. Who signs, for which organisation and in which role are the certificate's to say.

    Args:
        content: the kind of token, and what it says.
        signer: the key of ``content.kind.usage``; called once, when nothing is wrong with the rest.
        certificate: that key's, DER or PEM.
        at: now, with a time zone; the token holds from this moment.
        lifetime: for how long, at most the profile's longest for this kind. None: the profile's usual. A token of a kind that may
            not outlive its certificate ends with it.
        acting: what the registry says of the holder of a ZORG-ID Smartcard; of a UZI pass it may be left out, and must agree if
            given.
        profile: the values of the guides.
        enclosed: send the certificate along in KeyInfo; else it is named there only.
        token_reference: wrap what names it into a wsse:SecurityTokenReference, as the X.509 token profile of WS-Security does.

    Returns:
        The assertion, exclusive canonical XML in UTF-8; embed it unchanged.

    Raises:
        CertificateUsageError: the certificate is that of another key of the card; nothing was signed, as for all but the last.
        PassTypeError, NotLinkedError, OrganisationMismatchError: the holder may not sign this, or the registry's word is missing.
        CertificateExpiredError, CertificateNotYetValidError: at ``at``.
        CertificateError: otherwise not of a card.
        UsageError: another algorithm, another key's certificate, or a lifetime out of bounds.
        ModuleNotFoundError: the extra ``saml`` is not installed.
        ProofError: what the card signed does not verify.
        CardError, UserError, ReaderError: of the card, the PIN, the reader.
    """
    loaded, now = Certificate.parse(certificate), _x509.utc(at).replace(microsecond=0)
    holder = read_holder(loaded, content.kind, acting)
    require_valid_at(loaded, now)
    _require_key(signer, loaded)
    form = Form(
        content=content,
        holder=holder,
        certificate=loaded,
        issued=now,
        ends=_end(content, loaded, now, lifetime, profile),
        profile=profile,
        enclosed=enclosed,
        token_reference=token_reference,
    )
    return _signed(form, signer)


def _require_key(signer: Signer, certificate: Certificate) -> None:
    if certificate.spki != signer.public_key:
        raise UsageError("the certificate is not that of the signer's key", reason="certificate")
    try:
        require_algorithm(certificate.public_key, ALGORITHM)
    except SignatureError as error:
        raise UsageError("AORTA takes RSA alone; this card has another kind of key", reason="algorithm") from error
    if signer.algorithm != ALGORITHM:
        raise UsageError(f"AORTA takes {ALGORITHM} alone, not {signer.algorithm}", reason="algorithm")


def _end(
    content: Content, certificate: Certificate, now: datetime, lifetime: timedelta | None, profile: Profile
) -> datetime:
    bounds = profile.lifetimes[content.kind.name]
    chosen = bounds.usual if lifetime is None else lifetime
    if not _SECOND <= chosen <= bounds.longest:
        raise UsageError(f"a {content.kind.name} holds for 1 second to {bounds.longest}", reason="lifetime")
    end = (now + chosen).replace(microsecond=0)
    last = certificate.not_after + _SECOND  # that second is included (RFC 5280, 4.1.2.5)
    return min(end, last) if content.kind.within_certificate else end


def _signed(form: Form, signer: Signer) -> bytes:
    module = _xml.signxml()
    identifier = new_id()
    xml_signer = module.XMLSigner(
        method=module.methods.enveloped,
        signature_algorithm=module.SignatureMethod.RSA_SHA256,
        digest_algorithm=module.DigestAlgorithm.SHA256,
        c14n_algorithm=module.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    named = key_info(form.certificate, enclosed=form.enclosed, token_reference=form.token_reference)
    root = xml_signer.sign(
        build(form, identifier),
        key=_CardKey(signer),
        key_info=named,
        reference_uri=f"#{identifier}",
        id_attribute="ID",
    )
    token = _xml.canonical(root)
    _prove(token, signer)
    return token


class _CardKey:
    """A :class:`Signer` in the shape of the private keys that signxml takes."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def sign(self, data: bytes, *, padding: Any, algorithm: Any) -> bytes:
        """Sign by PKCS #1 v1.5 and SHA-256; whatever else is asked for would be another signature than the card makes."""
        if not (isinstance(padding, _PKCS1) and isinstance(algorithm, hashes.SHA256)):
            raise UsageError("another signature was asked for than AORTA's", reason="algorithm")
        return self._signer.sign(data)


_PKCS1: Final = padding.PKCS1v15


def _prove(token: bytes, signer: Signer) -> None:
    root = _xml.parse(token)
    try:
        verify_signature(signer.public_key, ALGORITHM, _xml.signed_info(root), signature_of(root))
    except SignatureError as error:
        raise ProofError("what the card signed does not verify") from error


def signature_of(root: _xml.Element) -> bytes:
    """The octets of a parsed token's SignatureValue."""
    return _xml.octets(root.find(f"{_xml.ds('Signature')}/{_xml.ds('SignatureValue')}"))


def signing_input(token: bytes) -> bytes:
    """The octets that a token's signature is over: its canonical SignedInfo, which begins with ``<`` (3C).

    Raises:
        SAMLError: it is no token.
    """
    return _xml.signed_info(_xml.parse(token))


class SigningCard(Protocol):
    """A card with keys by usage, such as :class:`zorgid_card.cards.UZIPass`."""

    def certificates(self) -> Mapping[str, bytes]:
        """The certificates by usage, DER."""
        ...

    def signer(self, usage: str, pin: Any, /) -> Signer:
        """The key of ``usage``; ``pin`` is asked when it wants the PIN."""
        ...


def sign_with_card(content: Content, card: SigningCard, pin: Any, *, at: datetime, **options: Any) -> bytes:
    """Make a token with the key of a card that its kind wants; see :func:`sign_token` for the options and errors.

    Args:
        content: the kind of token, and what it says.
        card: as ``open_card()`` gives it.
        pin: a PIN provider; asked once where the key wants the PIN, and only when nothing else is wrong.
        at: now, with a time zone.
        options: as :func:`sign_token` takes them.

    Raises:
        UsageError: the card has no key of that usage.
    """
    usage = content.kind.usage
    certificate = card.certificates().get(usage)
    if certificate is None:
        raise UsageError(f"the card has no certificate for {usage}", reason="usage", usage=usage)
    return sign_token(content, card.signer(usage, pin), certificate, at=at, **options)
