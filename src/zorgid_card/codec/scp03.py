"""GlobalPlatform SCP03, the off-card end (Card Specification 2.3, Amendment D, version 1.2); the C core's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from zorgid_card._native import ffi, lib, octets
from zorgid_card.codec.apdu import CommandAPDU
from zorgid_card.codec.messaging import SecureMessaging, check
from zorgid_card.secret import Secret


class SecurityLevel(IntFlag):
    """P1 of EXTERNAL AUTHENTICATE (7.1.2.1); R-MAC wants C-MAC, R-ENCRYPTION everything."""

    C_MAC = 0x01
    C_DECRYPTION = 0x02
    R_MAC = 0x10
    R_ENCRYPTION = 0x20
    FULL = 0x33


@dataclass(frozen=True, slots=True)
class StaticKeys:
    """The keys that card and issuer share: AES keys of one length, 16, 24 or 32 bytes each.

    Args:
        enc: Key-ENC.
        mac: Key-MAC.
        version: key version number, 1 to 127; 0 for the card's first.
    """

    enc: Secret
    mac: Secret
    version: int = 0


class SCP03(SecureMessaging):
    """A channel whose card has proven to know the static keys.

    Send :meth:`authenticate` next; from then on commands can be wrapped.

    Args:
        keys: the static keys.
        host_challenge: as sent with INITIALIZE UPDATE: 8 bytes for S8 mode, 16 for S16 mode.
        update: the data of the answer to it.

    Raises:
        SecureChannelError: the answer is not one, or the card has other keys; ``reason``.
        ValueError: keys or challenge of a wrong length.
    """

    __slots__ = ()

    def __init__(self, keys: StaticKeys, host_challenge: bytes, update: bytes) -> None:
        super().__init__(lib.ZC_SECURE_SCP03, "scp03")
        if len(keys.enc) != len(keys.mac):
            raise ValueError("static keys of different lengths")
        with keys.enc.expose() as enc, keys.mac.expose() as mac:
            status = lib.zc_scp03_begin(
                self._of,
                octets(enc),
                octets(mac),
                len(enc),
                0,
                octets(host_challenge),
                len(host_challenge),
                octets(update),
                len(update),
            )
        check(status)

    def authenticate(self, level: SecurityLevel = SecurityLevel.FULL) -> CommandAPDU:
        """EXTERNAL AUTHENTICATE (7.1.2), which opens the channel; if the card does not answer 9000, :meth:`close` it.

        Raises:
            SecureChannelError: it was sent before, or the channel is closed.
            ValueError: not a level of table 7-4.
        """
        out, length = ffi.new("uint8_t[]", lib.ZC_SCP03_AUTHENTICATE_MAX), ffi.new("size_t *")
        with self.held():
            check(lib.zc_scp03_authenticate(self._of, int(level), out, length))
        return CommandAPDU.parse(bytes(ffi.buffer(out, length[0])))

    @property
    def level(self) -> SecurityLevel:
        """The security level; 0 before :meth:`authenticate` and once the channel is closed."""
        return SecurityLevel(self._of.level)

    @property
    def hides_commands(self) -> bool:
        """Whether the level has C-DECRYPTION."""
        return SecurityLevel.C_DECRYPTION in self.level
