"""Where a list goes on, in the address of its next page: sealed, for a name may be in it, and addresses are logged."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zorgid_card.errors import UsageError

_NONCE: Final = 12
_KEY: Final = b"zorgid-card list mark v1 "


def seal(secret: str, mark: str) -> str:
    """The mark as it stands in an address; only the same browser session can open it.

    Args:
        secret: the session's.
        mark: ``after`` of a page.
    """
    nonce = secrets.token_bytes(_NONCE)
    return base64.urlsafe_b64encode(nonce + _cipher(secret).encrypt(nonce, mark.encode(), None)).decode().rstrip("=")


def opened(secret: str, sealed: str) -> str | None:
    """The mark, or None where there is none.

    Raises:
        UsageError: it was sealed for another session, or is none of ours.
    """
    if not sealed:
        return None
    try:
        octets = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        return _cipher(secret).decrypt(octets[:_NONCE], octets[_NONCE:], None).decode()
    except (binascii.Error, InvalidTag, ValueError) as error:
        raise UsageError("no page ends there", reason="after") from error


def _cipher(secret: str) -> AESGCM:
    return AESGCM(hashlib.sha256(_KEY + secret.encode()).digest())
