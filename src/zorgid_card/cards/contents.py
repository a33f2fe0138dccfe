"""What is on a card of PKCS#15 that a person uses: keys with their certificates and PINs, by usage."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from zorgid_card.cards.certificates import public_key_of, usage_of
from zorgid_card.cards.keys import AUTHENTICITY, CONFIDENTIALITY, SIGNATURE
from zorgid_card.codec.link import Exchange
from zorgid_card.errors import CertificateMalformedError
from zorgid_card.protocol import pkcs15
from zorgid_card.protocol.piv import KeyAlgorithm, key_algorithm
from zorgid_card.protocol.pkcs15 import PIN, Certificate, Layout, PrivateKey
from zorgid_card.protocol.pkcs15_objects import KeyUse

_USES: Final = (
    (KeyUse.NON_REPUDIATION, SIGNATURE),
    (KeyUse.SIGN, AUTHENTICITY),
    (KeyUse.DECRYPT, CONFIDENTIALITY),
    (KeyUse.UNWRAP, CONFIDENTIALITY),
    (KeyUse.DERIVE, CONFIDENTIALITY),
)


@dataclass(frozen=True, slots=True)
class KeyOnCard:
    """A key with its certificate, and the PIN that guards it; None: it wants none."""

    key: PrivateKey
    certificate: bytes
    pin: PIN | None

    @property
    def algorithm(self) -> KeyAlgorithm:
        """What kind of key it is: by its certificate; where that is broken (who verifies it will say so), by its own description.

        Raises:
            CertificateMalformedError: neither tells.
        """
        try:
            return public_key_of(self.certificate)[1]
        except CertificateMalformedError:
            if self.key.bits is None:
                raise
            return key_algorithm(f"RSA{self.key.bits}")


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found on the card; read once, for it does not change while the card is powered."""

    layout: Layout
    usages: Mapping[str, KeyOnCard]
    others: tuple[Certificate, ...]
    """Certificates that belong to no key of the card; not read yet."""

    @property
    def mark(self) -> bytes:
        """The card's own certificates, which are no other's."""
        return b"".join(found.certificate for found in self.usages.values())


def read_contents(layout: Layout | None) -> Exchange[Contents]:
    """Find the layout unless it is known, and read the certificates of the card's keys, which have their key's identifier
    (7816-15, 8.7.1).
    """
    layout = layout or (yield from pkcs15.discover())
    keys = {key.identifier: key for key in layout.keys}
    usages: dict[str, KeyOnCard] = {}
    others: list[Certificate] = []
    for certificate in layout.certificates:
        key = None if certificate.authority else keys.get(certificate.identifier)
        if key is None:
            others.append(certificate)
            continue
        der = yield from pkcs15.read_certificate(layout, certificate)
        usage, pin = purpose_of(der, key), layout.pin(key.auth_id)
        # A key that something else than a password guards is not one to be used here.
        if usage is not None and (pin is not None or key.auth_id is None):
            usages.setdefault(usage, KeyOnCard(key, der, pin))
    return Contents(layout, usages, tuple(others))


def purpose_of(der: bytes, key: PrivateKey) -> str | None:
    """By the certificate; where that is broken, by the key's own description."""
    with suppress(CertificateMalformedError):
        return usage_of(der)
    return next((usage for use, usage in _USES if use in key.usage), None)
