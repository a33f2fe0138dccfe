"""**Hazardous.** Signing a digest that somebody else computed.

.. warning::
    Whoever chooses the digest chooses what the holder signs: a log-in to any portal, a consent, a session key, a prescription. A
    digest does not tell what it is of, so neither this library nor the holder can see it, and a digest of one of this library's
    own statements cannot be told from any other and is **not** refused. Everything that keeps statements apart
    (``docs/statements.md``) ends here.

Use it only in a program that runs on the holder's computer, that made the digest itself a moment ago from data which it showed to
the holder, and for which no typed operation will do: :func:`zorgid_card.pki.cms.sign_detached`, :func:`zorgid_card.pki.jws.sign`.
Never let a digest come from a page, a server, a message or a relay.

Nothing of this library imports this module, and it is not exported from :mod:`zorgid_card`: a linter sees to both.
"""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from zorgid_card.cards.access import PINProvider
from zorgid_card.cards.certificates import public_key_of
from zorgid_card.errors import UsageError
from zorgid_card.protocol.signature import SignatureAlgorithm, prehashed

__all__ = ["sign_digest"]

_BITS: Final = {"sha256": 256, "sha384": 384, "sha512": 512}
_USAGES: Final = ("authenticity", "signature")


class SigningCard(Protocol):
    """A card with keys that sign, whatever drives it."""

    def certificates(self) -> dict[str, bytes]:
        """The certificates of the card's own keys by usage, DER."""
        ...

    def sign(self, usage: str, data: bytes, algorithm: SignatureAlgorithm, pin: PINProvider | None = None, /) -> bytes:
        """Sign with the key of ``usage``."""
        ...


def sign_digest(
    card: SigningCard,
    usage: str,
    digest: bytes,
    digest_algorithm: str,
    pin: PINProvider | None = None,
    *,
    pss: bool = False,
) -> bytes:
    """**Hazardous**: sign a digest with a card's key (PKCS #1 v1.5 or PSS of RFC 8017, 8; ECDSA of FIPS 186-5, 6.4).

    Args:
        card: from :func:`zorgid_card.open_card` or :func:`zorgid_card.open_token`.
        usage: ``authenticity`` or ``signature``.
        digest: 32, 48 or 64 bytes, made in this program from what the holder saw.
        digest_algorithm: ``sha256``, ``sha384`` or ``sha512``; on a curve the one of its size.
        pin: asked for the PIN when the key wants it.
        pss: RSASSA-PSS in place of PKCS #1 v1.5.

    Returns:
        RSA: as many bytes as the modulus. ECDSA: DER ECDSA-Sig-Value. It is not verified here.

    Raises:
        UsageError: another algorithm or usage, or the digest has another length; nothing was signed.
        CardError, ReaderError, UserError: as the card's own ``sign``.
    """
    bits = _BITS.get(digest_algorithm)
    if bits is None:
        raise UsageError(f"no digest {digest_algorithm[:20]!r} is signed", reason="algorithm")
    if len(digest) != hashlib.new(digest_algorithm).digest_size:
        raise UsageError(f"a {digest_algorithm} digest of {len(digest)} bytes", reason="digest")
    certificate = card.certificates().get(usage) if usage in _USAGES else None
    if certificate is None:
        raise UsageError(f"the card signs nothing with a key for {usage[:20]!r}", reason="usage", usage=usage)
    _, kind = public_key_of(certificate)
    if kind.kind == "EC" and (kind.bits != bits or pss):
        raise UsageError(f"{digest_algorithm} does not suit a key of {kind.name}", reason="algorithm")
    family = "ES" if kind.kind == "EC" else "PS" if pss else "RS"
    return card.sign(usage, bytes(digest), prehashed(f"{family}{bits}"), pin)
