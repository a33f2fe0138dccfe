"""The card side of a log-in (AUT-1, AUT-2). Nothing of a portal is loaded for it."""

from __future__ import annotations

from zorgid_card.pki.web_eid import make_token
from zorgid_card.ports.card import Signer


def log_in(signer: Signer, certificate: bytes, *, origin: str, nonce: str) -> str:
    """The card side of a log-in: a Web eID authentication token, format web-eid:1.0.

    Args:
        signer: the card's authenticity key.
        certificate: its certificate, DER.
        origin: the portal's origin as the transport knows it, never as a page claims it.
        nonce: the portal's challenge, 44 to 128 characters.
    """
    return make_token(signer, certificate, origin, nonce)
