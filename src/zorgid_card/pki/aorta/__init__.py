"""AORTA tokens: SAML 2.0 assertions that a UZI pass or a ZORG-ID Smartcard signs (AUT-4; docs/aorta-tokens.md).

:func:`sign_with_card` makes one, :func:`verify_token` judges one. The kinds are :class:`Transactietoken`, :class:`Inschrijftoken`
and :class:`Mandaattoken`. Needs the extra ``saml``.
"""

from zorgid_card.pki.aorta.replay import IDsInMemory, UsedIDs
from zorgid_card.pki.aorta.sign import sign_token, sign_with_card, signing_input
from zorgid_card.pki.aorta.tokens import (
    DEFAULT,
    KINDS,
    Acting,
    Content,
    Inschrijftoken,
    Kind,
    Lifetime,
    Mandaattoken,
    Profile,
    Transactietoken,
)
from zorgid_card.pki.aorta.verify import VerifiedToken, require_mandate, verify_token

__all__ = [
    "DEFAULT",
    "KINDS",
    "Acting",
    "Content",
    "IDsInMemory",
    "Inschrijftoken",
    "Kind",
    "Lifetime",
    "Mandaattoken",
    "Profile",
    "Transactietoken",
    "UsedIDs",
    "VerifiedToken",
    "require_mandate",
    "sign_token",
    "sign_with_card",
    "signing_input",
    "verify_token",
]
