"""What is on a card of PKCS#15 that a person uses: keys with their certificates and PINs, by usage."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
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
class Pair:
    """A key, and where its certificate is."""

    key: PrivateKey
    certificate: Certificate

    @property
    def supposed(self) -> str | None:
        """What the key is for by its own description (7816-15, 8.4.3); the certificate decides."""
        return next((usage for use, usage in _USES if use in self.key.usage), None)


@dataclass(slots=True)
class Contents:
    """What was found on the card, read as far as it was needed: it does not change while the card is powered.

    Attributes:
        layout: what is where.
        others: certificates that belong to no key of the card; not read.
        usages: the keys whose certificates were read.
        unread: the other keys.
        marked: the first that was read, by which this card is told from others.
    """

    layout: Layout
    others: tuple[Certificate, ...]
    unread: list[Pair]
    usages: dict[str, KeyOnCard] = field(default_factory=dict)
    marked: tuple[Pair, bytes] | None = None


def contents_of(layout: Layout) -> Contents:
    """The keys and their certificates, which have their key's identifier (7816-15, 8.7.1); nothing is read yet."""
    keys = {key.identifier: key for key in layout.keys}
    pairs: list[Pair] = []
    others: list[Certificate] = []
    for certificate in layout.certificates:
        key = None if certificate.authority else keys.get(certificate.identifier)
        if key is None:
            others.append(certificate)
        else:
            pairs.append(Pair(key, certificate))
    return Contents(layout, tuple(others), pairs)


def look_for(contents: Contents, usage: str | None) -> Exchange[None]:
    """Read certificates until the key for ``usage`` is known, the likeliest first; None: all of them."""
    while contents.unread and (usage is None or usage not in contents.usages):
        pair = next((one for one in contents.unread if one.supposed == usage), contents.unread[0])
        der = yield from pkcs15.read_certificate(contents.layout, pair.certificate)
        contents.unread.remove(pair)
        contents.marked = contents.marked or (pair, der)
        pin = contents.layout.guard(pair.key)
        purpose = _purpose(der, pair)
        # A key that something else than a password guards is not one to be used here.
        if purpose is not None and (pin is not None or pair.key.auth_id is None):
            contents.usages.setdefault(purpose, KeyOnCard(pair.key, der, pin))


def read_again(pair: Pair) -> Exchange[bytes]:
    """The certificate of a key, from the card that is in the reader now."""
    layout = yield from pkcs15.discover()
    return (yield from pkcs15.read_certificate(layout, pair.certificate))


def _purpose(der: bytes, pair: Pair) -> str | None:
    """By the certificate; where that is broken (who verifies it will say so), by the key's own description."""
    with suppress(CertificateMalformedError):
        return usage_of(der)
    return pair.supposed
