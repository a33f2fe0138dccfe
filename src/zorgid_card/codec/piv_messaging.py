"""PIV secure messaging, the host's end (SP 800-73-5 part 2, 4); the C core's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from zorgid_card._native import ffi, lib, octets
from zorgid_card.codec.messaging import SecureMessaging, check
from zorgid_card.secret import Secret


class CipherSuite(IntEnum):
    """P1 of GENERAL AUTHENTICATE (part 2, 4.1.4): CS2 is P-256, SHA-256 and AES-128, CS7 is P-384, SHA-384 and AES-256."""

    CS2 = lib.ZC_PIV_CS2
    CS7 = lib.ZC_PIV_CS7

    @property
    def field_length(self) -> int:
        """Bytes of a coordinate, and of what ECDH gives."""
        return 32 if self is CipherSuite.CS2 else 48

    @property
    def nonce_length(self) -> int:
        """Bytes of the card's nonce N_ICC."""
        return 16 if self is CipherSuite.CS2 else 24


@dataclass(frozen=True, slots=True)
class Establishment:
    """What both parties know after ECDH (part 2, 4.1.1).

    Args:
        suite: the cipher suite.
        secret: Z, 32 or 48 bytes.
        host_id: ID_sH, 8 bytes.
        host_point: Q_eH, uncompressed, 65 or 97 bytes.
        card_id: ID_sICC, 8 bytes.
        nonce: N_ICC, 16 or 24 bytes.
    """

    suite: CipherSuite
    secret: Secret
    host_id: bytes
    host_point: bytes
    card_id: bytes
    nonce: bytes

    def check_lengths(self) -> None:
        """Every field has its length.

        Raises:
            ValueError: one has not.
        """
        field = self.suite.field_length
        found = [len(part) for part in (self.secret, self.host_id, self.host_point, self.card_id, self.nonce)]
        if found != [field, 8, 2 * field + 1, 8, self.suite.nonce_length]:
            raise ValueError("a field of the key establishment has a wrong length")


class PIVMessaging(SecureMessaging):
    """A session whose card has proven to know the keys; commands can be wrapped at once.

    Args:
        established: what both parties know.
        cryptogram: AuthCryptogram_ICC, 16 bytes.

    Raises:
        SecureChannelError: the card does not know the keys.
        ValueError: a field of a wrong length.
    """

    __slots__ = ()

    def __init__(self, established: Establishment, cryptogram: bytes) -> None:
        super().__init__(lib.ZC_SECURE_PIV, "piv")
        established.check_lengths()
        if len(cryptogram) != 16:
            raise ValueError("an authentication cryptogram has 16 bytes")
        with established.secret.expose() as secret:
            kept = [
                octets(part)
                for part in (
                    secret,
                    established.host_id,
                    established.host_point,
                    established.card_id,
                    established.nonce,
                )
            ]
            parties = ffi.new("zc_piv_parties *", (established.suite, 0, 0, *kept))
            status = lib.zc_piv_begin(self._of, parties, 0, octets(cryptogram))
            for buffer in kept:
                ffi.release(buffer)
        check(status)

    @property
    def hides_commands(self) -> bool:
        """Always."""
        return True
