"""The card's end of GlobalPlatform SCP03 (Card Specification 2.3, Amendment D, version 1.2), written from the standard over
`cryptography`: it shares nothing with the off-card end in the C core.

As on Yubico's cards, the channel belongs to the card as a whole: INITIALIZE UPDATE is answered whatever application is
selected, and a protected SELECT keeps the channel. An unprotected SELECT ends it; any other unprotected command while it is open
is refused and ends it too. A long command is protected whole and then chained; or, as on Java Cards, each command of its chain is
protected by itself.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from zorgid_card.codec import tlv
from zorgid_card.codec.apdu import INS, SW, CommandAPDU, ResponseAPDU
from zorgid_card.testkit.card import SECURE_MESSAGING, Refused

ISSUER_SECURITY_DOMAIN = bytes.fromhex("A000000151000000")
TEST_KEY = bytes.fromhex("404142434445464748494A4B4C4D4E4F")
"""The key that blank cards of many makers come with."""

INITIALIZE_UPDATE, EXTERNAL_AUTHENTICATE = (0x80, 0x50), (0x84, 0x82)
PROPRIETARY_MESSAGING = 0x04
C_DECRYPTION, R_MAC, R_ENCRYPTION = 0x02, 0x10, 0x20
LEVELS = frozenset({0x01, 0x03, 0x11, 0x13, 0x33})
AUTHENTICATION_FAILED = 0x6300
CARD_DATA, GET_DATA = 0x0066, 0xCA
GLOBALPLATFORM = bytes.fromhex("2A864886FC6B")
"""1.2.840.114283 (2.3.1, H.2)."""
SCP03_IDENTIFIER, R_MAC_AND_R_ENCRYPTION, S16_MODE = 0x03, 0x60, 0x01

Plain: TypeAlias = Callable[[CommandAPDU], ResponseAPDU]


@dataclass(frozen=True, slots=True)
class ChannelKeys:
    """A card's static keys: AES keys of one length, 16, 24 or 32 bytes.

    Args:
        enc: Key-ENC.
        mac: Key-MAC.
        version: key version number, 1 to 127.
    """

    enc: bytes = field(default=TEST_KEY, repr=False)
    mac: bytes = field(default=TEST_KEY, repr=False)
    version: int = 0x01


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC (SP 800-38B)."""
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()


def derive(key: bytes, constant: int, context: bytes, length: int) -> bytes:
    """Data derivation (4.1.5): counter mode of SP 800-108, ``length`` in bytes."""
    blocks = b""
    for counter in range(1, -(-length // 16) + 1):
        fixed = bytes(11) + bytes([constant, 0]) + (8 * length).to_bytes(2, "big") + bytes([counter])
        blocks += cmac(key, fixed + context)
    return blocks[:length]


@dataclass(slots=True)
class CardSession:
    """A channel seen from the card: session keys, chaining value, counter.

    Args:
        keys: the static keys.
        host: host challenge; its length, 8 or 16, is that of MACs and cryptograms.
        card: card challenge, as long.
    """

    keys: ChannelKeys
    host: bytes
    card: bytes
    level: int = 0
    counter: int = 0
    chain: bytes = bytes(16)

    @property
    def size(self) -> int:
        """8 in S8 mode, 16 in S16 mode."""
        return len(self.host)

    def _key(self, constant: int) -> bytes:
        static = self.keys.enc if constant == 0x04 else self.keys.mac
        return derive(static, constant, self.host + self.card, len(static))

    def cryptogram(self, constant: int) -> bytes:
        """The card's (00) or the host's (01) cryptogram (6.2.2)."""
        return derive(self._key(0x06), constant, self.host + self.card, self.size)

    def check_mac(self, command: CommandAPDU) -> bytes:
        """The command's data without their C-MAC (6.2.4); refuses with 6982."""
        data, mac = command.data[: -self.size], command.data[-self.size :]
        count = len(command.data)
        wide = command.extended or count > 255
        head = bytes([command.cla & 0xFC, command.ins, command.p1, command.p2])
        head += b"\x00" + count.to_bytes(2, "big") if wide else bytes([count])
        chain = cmac(self._key(0x06), self.chain + head + data)
        if not hmac.compare_digest(chain[: self.size], mac):
            raise Refused(SW.SECURITY_STATUS)
        self.chain = chain
        return data

    def unwrap(self, command: CommandAPDU) -> CommandAPDU:
        """The plain command (6.2.4, 6.2.6); refuses with 6982 what is not authentic or not padded."""
        data = self.check_mac(command)
        self.counter += 1
        if self.level & C_DECRYPTION and data:
            data = self._decrypted(data)
        cla = command.cla & ~SECURE_MESSAGING
        return CommandAPDU(cla, command.ins, command.p1, command.p2, data, command.le, extended=command.extended)

    def wrap(self, response: ResponseAPDU) -> ResponseAPDU:
        """The protected response (6.2.5, 6.2.7); an error goes bare and without data."""
        if response.sw != SW.OK and response.sw >> 8 not in {0x62, 0x63}:
            return ResponseAPDU(b"", response.sw)
        data = response.data
        if self.level & R_ENCRYPTION and data:
            padded = data + b"\x80" + bytes(-(len(data) + 1) % 16)
            encryptor = self._cipher(0x80).encryptor()
            data = encryptor.update(padded) + encryptor.finalize()
        if self.level & R_MAC:
            data += cmac(self._key(0x07), self.chain + data + response.sw.to_bytes(2, "big"))[: self.size]
        return ResponseAPDU(data, response.sw)

    def _decrypted(self, data: bytes) -> bytes:
        if len(data) % 16:
            raise Refused(SW.SECURITY_STATUS)
        decryptor = self._cipher(0x00).decryptor()
        plain, mark, rest = (decryptor.update(data) + decryptor.finalize()).rpartition(b"\x80")
        if not mark or rest.strip(b"\x00") or len(rest) > 15:
            raise Refused(SW.SECURITY_STATUS)
        return plain

    def _cipher(self, first: int) -> Cipher[CBC]:
        """CBC with the encrypted counter as initialization vector; its first byte tells the direction."""
        key = self._key(0x04)
        encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305
        vector = encryptor.update(bytes([first]) + self.counter.to_bytes(15, "big")) + encryptor.finalize()
        return Cipher(AES(key), CBC(vector))


class SCP03Layer:
    """What a card with these keys does before its applications see a command.

    Args:
        keys: the static keys.
        s16: whether the card has S16 mode beside S8 mode.
        by_part: whether each command of a chain is protected by itself.
        challenge: makes card challenges of a given length; tests may hand out known ones.
    """

    def __init__(
        self,
        keys: ChannelKeys,
        *,
        s16: bool = True,
        by_part: bool = False,
        challenge: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._keys = keys
        self._s16 = s16
        self._by_part = by_part
        self._hidden = False
        self._challenge = challenge
        self._session: CardSession | None = None

    @property
    def by_part(self) -> bool:
        """Whether each command of a chain is protected by itself."""
        return self._by_part

    @property
    def options(self) -> int:
        """The "i" parameter: R-MAC and R-encryption, and S16 mode where the card has it (5.1)."""
        return R_MAC_AND_R_ENCRYPTION | (S16_MODE if self._s16 else 0)

    @property
    def hidden(self) -> bool:
        """Whether the command that an application answers just now came authenticated and encrypted."""
        return self._hidden

    @property
    def level(self) -> int:
        """The security level of the open channel, 0 without one."""
        return 0 if self._session is None else self._session.level

    def reset(self) -> None:
        """End the channel."""
        self._session = None

    def takes(self, command: CommandAPDU) -> bool:
        """Whether the command is the channel's business: its own two, protected ones, and all while it is open."""
        return (
            command.cla & SECURE_MESSAGING == PROPRIETARY_MESSAGING
            or (command.cla, command.ins) == INITIALIZE_UPDATE
            or self.level != 0
        )

    def process(self, command: CommandAPDU, plain: Plain) -> ResponseAPDU:
        """Answer the command; ``plain`` is the card without this layer. Any failure ends the channel."""
        session, self._session = self._session, None
        if (command.cla, command.ins) == INITIALIZE_UPDATE:
            return self._initialize_update(command)
        if not command.cla & SECURE_MESSAGING:
            if session is not None and command.ins != INS.SELECT:
                raise Refused(SW.SECURITY_STATUS)
            return plain(command)
        if session is None:
            raise Refused(SW.SECURITY_STATUS)
        if (command.cla, command.ins) == EXTERNAL_AUTHENTICATE and session.level == 0:
            return self._external_authenticate(session, command)
        if session.level == 0:
            raise Refused(SW.SECURITY_STATUS)
        inner = session.unwrap(command)
        self._hidden = bool(session.level & C_DECRYPTION)
        try:
            response = session.wrap(plain(inner))
        finally:
            self._hidden = False
        self._session = session
        return response

    def _initialize_update(self, command: CommandAPDU) -> ResponseAPDU:
        """INITIALIZE UPDATE (7.1.1)."""
        if command.p1 not in {0, self._keys.version}:
            raise Refused(SW.REF_NOT_FOUND)
        if command.p2 != 0:
            raise Refused(SW.WRONG_P1P2)
        size = len(command.data)
        if size != 8 and not (size == 16 and self._s16):
            raise Refused(SW.WRONG_LENGTH)
        self._session = session = CardSession(self._keys, command.data, self._challenge(size))
        information = bytes([self._keys.version, SCP03_IDENTIFIER, self.options])
        return ResponseAPDU(bytes(10) + information + session.card + session.cryptogram(0x00), SW.OK)

    def _external_authenticate(self, session: CardSession, command: CommandAPDU) -> ResponseAPDU:
        """EXTERNAL AUTHENTICATE (7.1.2); its answer has no MAC."""
        cryptogram = session.check_mac(command)
        if command.p1 not in LEVELS or command.p2 != 0:
            raise Refused(SW.WRONG_P1P2)
        if not hmac.compare_digest(cryptogram, session.cryptogram(0x01)):
            raise Refused(AUTHENTICATION_FAILED)
        session.level = command.p1
        self._session = session
        return ResponseAPDU(b"", SW.OK)


class SecurityDomain:
    """The issuer security domain as an application: it can be selected, and the channel be opened from there; without a key it
    tells which channel (2.3.1, 11.3).

    Args:
        options: the "i" parameter of the card's SCP03.
    """

    def __init__(self, options: int) -> None:
        self._objects = {CARD_DATA: card_data(options)}

    @property
    def aid(self) -> bytes:
        """A0 00 00 01 51 00 00 00 (2.3.1, H.1.3)."""
        return ISSUER_SECURITY_DOMAIN

    def select(self, command: CommandAPDU) -> ResponseAPDU:
        """File control information: its AID, and the longest command data (2.3.1, table 11-82)."""
        information = tlv.encode(0x84, self.aid) + tlv.encode(0xA5, tlv.encode(0x9F65, b"\xff"))
        return ResponseAPDU(tlv.encode(0x6F, information), SW.OK)

    def deselect(self) -> None:
        """It keeps nothing."""

    def reset(self) -> None:
        """It keeps nothing."""

    def process(self, command: CommandAPDU) -> ResponseAPDU:
        """GET DATA; it has no other command but the channel's."""
        if command.ins != GET_DATA:
            raise Refused(SW.INS_UNKNOWN)
        if command.cla not in {0x00, 0x80}:
            raise Refused(SW.CLA_UNKNOWN)
        found = self._objects.get(command.p1 << 8 | command.p2)
        if found is None:
            raise Refused(SW.REF_NOT_FOUND)
        return ResponseAPDU(found, SW.OK)


def card_data(options: int) -> bytes:
    """Tag 66 with the card recognition data: GlobalPlatform 2.3.1, SCP03 (2.3.1, H.2 and H.3)."""

    def oid(*rest: int) -> bytes:
        return tlv.encode(0x06, GLOBALPLATFORM + bytes(rest))

    recognition = (
        oid(0x01),
        tlv.encode(0x60, oid(0x02, 0x02, 0x03, 0x01)),
        tlv.encode(0x63, oid(0x03)),
        tlv.encode(0x64, oid(0x04, 0x03, options)),
    )
    return tlv.encode(CARD_DATA, tlv.encode(0x73, *recognition))
