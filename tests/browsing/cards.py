"""Simulated UZI passes and blanks, of a register and a maker that the portal trusts in the place of the real ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_keys import Algorithm, PrivateKey, make_key
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, JAN_DE_VRIES, Person

PASS_PIN: Final = DEFAULT_PIN
REPRESENTATIVE: Final = JAN_DE_VRIES
WORKER: Final = FATIMA_EL_AMRANI
ORGANISATION: Final = DE_LINDE
SERIAL: Final = 20_000_001
"""Of the first blank, so that pictures show the same number at each run."""


class Cards:
    """Makes passes and blanks; laid beside the portal before it starts.

    Args:
        directory: the portal's.
    """

    def __init__(self, directory: Path) -> None:
        self._pool = KeyPool.shared()
        self.pki = UZITestPKI(pool=self._pool)
        self.maker = Maker.create(first_serial=SERIAL)
        self._numbers = itertools.count(1)
        self.pki.trust("Z", "N", "M")
        self.pki.save(directory / "uzi")
        root = load_der_x509_certificate(self.maker.root).public_bytes(Encoding.PEM)
        (directory / "maker.pem").write_bytes(root)
        self.maker.save(directory / "maker.json")

    def professional(self, person: Person = REPRESENTATIVE) -> VirtualUZIPass:
        """A UZI zorgverlenerpas, type Z."""
        return VirtualUZIPass(self.pki.pass_(person, ORGANISATION, "Z", role="01.015", title="Huisarts"))

    def employee(self, person: Person = WORKER) -> VirtualUZIPass:
        """A UZI medewerkerpas op naam, type N."""
        return VirtualUZIPass(self.pki.pass_(person, ORGANISATION, "N"))

    def blank(self) -> VirtualPIVCard:
        """A blank ZORG-ID Smartcard; its keys come out of the pool."""
        number = next(self._numbers)
        keys = self._keys(number)
        return self.maker.blank(
            key_maker=lambda algorithm: next(keys) if algorithm is Algorithm.RSA2048 else make_key(algorithm)
        )

    def _keys(self, number: int) -> Iterator[PrivateKey]:
        return (self._pool.key(f"browser/blank-{number}-{turn}") for turn in itertools.count())


def somebody(number: int) -> Person:
    """A worker of the practice whom nothing has happened to yet."""
    return Person(
        "Kim",
        f"Bakker{chr(ord('a') + number % 26)}",
        str(900001000 + number),
        birth_date=date(1990, 1, 1 + number % 28),
    )
