"""ZORG-ID Smartcards as a portal leaves them, made in the process without one (docs/card-profile.md)."""

from __future__ import annotations

import secrets
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.codec.tlv import encode
from zorgid_card.pki.authority import Authority, new_serial
from zorgid_card.pki.profile import PROFILES
from zorgid_card.ports.authority import SubjectData
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.nist import VirtualNISTCard
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_keys import Algorithm, CardKey, KeyMaker, Origin, PINPolicy, TouchPolicy, make_key
from zorgid_card.testkit.piv_objects import CCC, CHUID
from zorgid_card.testkit.uzi_profile import Person

PIN: Final = b"314159"
PUK: Final = b"27182818"
"""Of every card made here; they protect nothing."""

_AUTHENTICATION = 0x9A
_CERTIFICATE_9A = 0x5FC105
_VALIDITY = timedelta(days=3 * 365)
# FASC-N of agency 9999, as docs/card-profile.md has it.
_FASC_N = bytes.fromhex("d4e739da739ced39ce739d836858210842108421c84210c3eb")
_CARD_NUMBER = bytes.fromhex("A000000116FF02")
_CAPABILITIES = bytes.fromhex("F10121F20121F300F40100F50110F600F700FA00FB00FC00FD00FE00")


class ZorgIDTestIssuer:
    """Issues ZORG-ID Smartcards from a CA and a maker of its own.

    Args:
        maker: whose blanks are made into cards; a new one if None.
        key_maker: makes private keys; tests may hand out ready-made ones.
        now: the moment from which the CA is valid; the computer's clock if None.
    """

    def __init__(
        self, *, maker: Maker | None = None, key_maker: KeyMaker = make_key, now: datetime | None = None
    ) -> None:
        self.maker = maker or Maker.create()
        self._key_maker = key_maker
        self._now = now or datetime.now(UTC)
        with tempfile.TemporaryDirectory(prefix="zorgid-card-issuer-") as directory, Secret.random(16) as passphrase:
            self.authority = Authority.create(Path(directory) / "ca", passphrase, now=self._now - timedelta(days=1))

    def card(self, holder: Person, *, algorithm: str = "ECCP256", nist: bool = False) -> VirtualPIVCard:
        """A card with a key and a certificate in 9A, its PIN :data:`PIN`, its PUK :data:`PUK`.

        Args:
            holder: the person.
            algorithm: ``ECCP256``, ``ECCP384`` or ``RSA2048``.
            nist: on a blank of the NIST dialect, instead of Yubico's.
        """
        kind = Algorithm[algorithm]
        private, guid, expiry = self._key_maker(kind), secrets.token_bytes(16), self._now + _VALIDITY
        spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        certificate = self.certificate(holder, spki, guid, expiry)
        state = self.maker.nist_state() if nist else self.maker.blank_state()
        state.keys[_AUTHENTICATION] = CardKey(kind, private, PINPolicy.ONCE, TouchPolicy.NEVER, Origin.GENERATED)
        state.objects[_CERTIFICATE_9A] = encode(0x70, certificate) + bytes.fromhex("710100FE00")
        state.objects[CHUID] = _chuid(guid, expiry)
        state.objects[CCC] = encode(0xF0, _CARD_NUMBER + secrets.token_bytes(14)) + _CAPABILITIES
        state.pin.replace(PIN.ljust(8, b"\xff"))
        state.puk.replace(PUK)
        state.administration.value = secrets.token_bytes(24)
        return (VirtualNISTCard if nist else VirtualPIVCard)(state, key_maker=self._key_maker)

    def certificate(self, holder: Person, spki: bytes, guid: bytes, expiry: datetime | None = None) -> bytes:
        """A certificate for key 9A of a card that is made elsewhere, DER.

        Args:
            holder: the person.
            spki: the public key, SubjectPublicKeyInfo DER.
            guid: of the card's CHUID, 16 bytes.
            expiry: three years from now if None.
        """
        subject = SubjectData(
            uzi_number=holder.uzi_number,
            given_names=holder.given_names,
            surname=holder.full_surname,
            common_name=holder.common_name,
        )
        profile = PROFILES[_AUTHENTICATION]
        return self.authority.issue(
            profile,
            subject,
            spki,
            serial=new_serial(),
            not_before=self._now,
            not_after=expiry or self._now + _VALIDITY,
            guid=guid,
        )


def _chuid(guid: bytes, expiry: datetime) -> bytes:
    fields = ((0x30, _FASC_N), (0x34, guid), (0x35, expiry.strftime("%Y%m%d").encode()), (0x3E, b""), (0xFE, b""))
    return b"".join(encode(tag, value) for tag, value in fields)
