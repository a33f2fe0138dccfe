"""The card side of a log-in (AUT-1, AUT-2). Nothing of a portal is loaded for it."""

from __future__ import annotations

from collections.abc import Callable

from zorgid_card.pki.web_eid import make_token
from zorgid_card.ports.card import Signer
from zorgid_card.ports.portal import PortalDoor


def log_in(signer: Signer, certificate: bytes, *, origin: str, nonce: str) -> str:
    """The card side of a log-in: a Web eID authentication token, format web-eid:1.0.

    Whoever calls this answers for the origin. :func:`answer_challenge` takes it from the transport instead.

    Args:
        signer: the card's authenticity key.
        certificate: its certificate, DER.
        origin: the portal's origin as the transport knows it, never as a page claims it.
        nonce: the portal's challenge, 44 to 128 characters.
    """
    return make_token(signer, certificate, origin, nonce)


def answer_challenge(door: PortalDoor, signer: Signer, certificate: bytes, *, confirm: Callable[[str], None]) -> str:
    """Have a portal's challenge signed: the origin that is signed is the one that the transport is connected to.

    Hand the token in with ``door.log_in(token)``, once the card is let go of: nothing on the network should keep its PIN verified.

    Args:
        door: a session at the portal, such as :class:`zorgid_card.adapters.portal.HTTPSDoor`.
        signer: the card's authenticity key.
        certificate: its certificate, DER.
        confirm: shows the person the origin, and raises DeclinedError unless they want to log in there; the card is asked to
            sign after that, never before.

    Raises:
        DeclinedError: the person does not want to; nothing was signed.
        ZorgIDError: as :class:`~zorgid_card.ports.portal.PortalDoor` and the card raise.
    """
    nonce = door.challenge()
    confirm(door.origin)
    return log_in(signer, certificate, origin=door.origin, nonce=nonce)
