"""The card's end of PIV secure messaging (SP 800-73-5 part 2, 4), written from the standard over `cryptography`."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zorgid_card.codec import tlv
from zorgid_card.codec.apdu import INS, SW, CommandAPDU, ResponseAPDU
from zorgid_card.errors import TLVError
from zorgid_card.testkit.card import SECURE_MESSAGING, Refused
from zorgid_card.testkit.scp03 import cmac

KEY_REFERENCE = 0x04
Plain: TypeAlias = Callable[[CommandAPDU], ResponseAPDU]


@dataclass(frozen=True, slots=True, eq=False)
class Suite:
    """A cipher suite (4.1.4); lengths in bytes."""

    identifier: int
    curve: ec.EllipticCurve
    hash: HashAlgorithm
    key_length: int
    nonce_length: int
    algorithm: int
    curve_oid: bytes
    signature_oid: bytes


CS2 = Suite(
    0x27, ec.SECP256R1(), SHA256(), 16, 16, 0x09, bytes.fromhex("2A8648CE3D030107"), bytes.fromhex("2A8648CE3D040302")
)
CS7 = Suite(
    0x2E, ec.SECP384R1(), SHA384(), 32, 24, 0x0D, bytes.fromhex("2B81040022"), bytes.fromhex("2A8648CE3D040303")
)


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """04, x and y."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True, slots=True)
class MessagingKey:
    """A card's secure messaging key with its card verifiable certificate."""

    suite: Suite
    private: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: bytes

    @classmethod
    def create(cls, signer: ec.EllipticCurvePrivateKey, suite: Suite = CS2, *, guid: bytes = bytes(16)) -> MessagingKey:
        """A new key, certified by ``signer`` (4.1.5)."""
        private = ec.generate_private_key(suite.curve)
        public = tlv.encode(0x06, suite.curve_oid) + tlv.encode(0x86, point_of(private.public_key()))
        issuer = hashlib.sha256(point_of(signer.public_key())).digest()[:8]
        body = (
            tlv.encode(0x5F29, b"\x80")
            + tlv.encode(0x42, issuer)
            + tlv.encode(0x5F20, guid)
            + tlv.encode(0x7F49, public)
            + tlv.encode(0x5F4C, b"\x00")
        )
        signature = signer.sign(body, ec.ECDSA(suite.hash))
        algorithm = tlv.encode(0x30, tlv.encode(0x06, suite.signature_oid))
        wrapped = tlv.encode(0x30, algorithm, tlv.encode(0x03, b"\x00" + signature))
        return cls(suite, private, tlv.encode(0x7F21, body, tlv.encode(0x5F37, wrapped)))


@dataclass(slots=True)
class CardMessagingSession:
    """The session keys and what changes with each command."""

    mac: bytes
    enc: bytes
    rmac: bytes
    counter: int = 0
    command_chain: bytes = bytes(16)
    response_chain: bytes = bytes(16)

    def unwrap(self, command: CommandAPDU) -> CommandAPDU:
        """The plain command (4.2.4); refuses with 6987 what lacks objects, with 6988 what is not authentic."""
        try:
            items = tlv.Index(command.data).items()
        except TLVError:
            raise Refused(SW.SECURE_MESSAGING_WRONG) from None
        tags = [tag for tag, _ in items]
        if tags[-1:] != [0x8E] or tags[:-1] not in ([], [0x87], [0x97], [0x87, 0x97]):
            raise Refused(SW.SECURE_MESSAGING_MISSING)
        values = dict(items)
        header = bytes([0x0C, command.ins, command.p1, command.p2, 0x80]) + bytes(11)
        covered = b"".join(tlv.encode(tag, value) for tag, value in items[:-1])
        self.command_chain = cmac(self.mac, self.command_chain + header + covered)
        if not hmac.compare_digest(self.command_chain[:8], values[0x8E]):
            raise Refused(SW.SECURE_MESSAGING_WRONG)
        self.counter += 1
        data = self._decrypted(values[0x87]) if 0x87 in values else b""
        le = int.from_bytes(values[0x97], "big") if 0x97 in values else None
        return CommandAPDU(0x00, command.ins, command.p1, command.p2, data, le, extended=command.extended)

    def _decrypted(self, value: bytes) -> bytes:
        if value[:1] != b"\x01" or len(value) % 16 != 1 or len(value) == 1:
            raise Refused(SW.SECURE_MESSAGING_WRONG)
        decryptor = self._cipher(0x00).decryptor()
        plain, mark, rest = (decryptor.update(value[1:]) + decryptor.finalize()).rpartition(b"\x80")
        if not mark or rest.strip(b"\x00") or len(rest) > 15:
            raise Refused(SW.SECURE_MESSAGING_WRONG)
        return plain

    def wrap(self, response: ResponseAPDU) -> ResponseAPDU:
        """The protected response (4.2.6)."""
        objects = b""
        if response.data:
            encryptor = self._cipher(0x80).encryptor()
            padded = response.data + b"\x80" + bytes(-(len(response.data) + 1) % 16)
            objects = tlv.encode(0x87, b"\x01", encryptor.update(padded) + encryptor.finalize())
        objects += tlv.encode(0x99, response.sw.to_bytes(2, "big"))
        self.response_chain = cmac(self.rmac, self.response_chain + objects)
        return ResponseAPDU(objects + tlv.encode(0x8E, self.response_chain[:8]), SW.OK)

    def _cipher(self, first: int) -> Cipher[CBC]:
        """CBC whose initialization vector is the encrypted counter (4.2.2)."""
        encryptor = Cipher(AES(self.enc), ECB()).encryptor()  # noqa: S305
        vector = encryptor.update(bytes([first]) + self.counter.to_bytes(15, "big")) + encryptor.finalize()
        return Cipher(AES(self.enc), CBC(vector))


class PIVMessagingLayer:
    """What a card with such a key does before its applications see a command. Unprotected commands stay possible.

    Args:
        key: the secure messaging key.
    """

    by_part = False

    def __init__(self, key: MessagingKey) -> None:
        self._key = key
        self._session: CardMessagingSession | None = None

    def reset(self) -> None:
        """Forget the session keys."""
        self._session = None

    def takes(self, command: CommandAPDU) -> bool:
        """Protected commands, and the key establishment."""
        establishing = command.ins == INS.GENERAL_AUTHENTICATE and command.p2 == KEY_REFERENCE and command.cla == 0
        return establishing or command.cla & SECURE_MESSAGING == SECURE_MESSAGING

    def process(self, command: CommandAPDU, plain: Plain) -> ResponseAPDU:
        """Answer the command; ``plain`` is the card without this layer. Any failure ends the session (4.2.7)."""
        session, self._session = self._session, None
        if not command.cla & SECURE_MESSAGING:
            return self._establish(command)
        if session is None:
            raise Refused(SW.SECURE_MESSAGING_WRONG)
        response = session.wrap(plain(session.unwrap(command)))
        self._session = session
        return response

    def _establish(self, command: CommandAPDU) -> ResponseAPDU:
        """GENERAL AUTHENTICATE (4.1.2, 4.1.8)."""
        suite = self._key.suite
        if command.p1 != suite.identifier:
            raise Refused(SW.WRONG_P1P2)
        try:
            index = tlv.Index(command.data)
            request = index.first(0x7C, 0x81)
            point = ec.EllipticCurvePublicKey.from_encoded_point(suite.curve, request[9:])
        except (TLVError, ValueError):
            raise Refused(SW.WRONG_DATA) from None
        if request[0] != 0x00 or index.optional(0x7C, 0x82) != b"":
            raise Refused(SW.WRONG_DATA)
        nonce = secrets.token_bytes(suite.nonce_length)
        self._session, cryptogram = agreed(self._key, point, request[1:9], nonce)
        answer = b"\x00" + nonce + cryptogram + self._key.certificate
        return ResponseAPDU(tlv.encode(0x7C, tlv.encode(0x82, answer)), SW.OK)


def agreed(
    key: MessagingKey, host: ec.EllipticCurvePublicKey, host_id: bytes, nonce: bytes
) -> tuple[CardMessagingSession, bytes]:
    """The session keys (4.1.6) and the card's cryptogram (4.1.7)."""
    suite = key.suite
    card_id = hashlib.sha256(key.certificate).digest()[:8]
    point = point_of(host)[1:]
    fields = (bytes([suite.algorithm]) * 4, host_id, b"\x00", point[:16], card_id, nonce, b"\x00")
    information = b"".join(bytes([len(part)]) + part for part in fields)
    derivation = ConcatKDFHash(suite.hash, 4 * suite.key_length, information)
    keys = derivation.derive(key.private.exchange(ec.ECDH(), host))
    confirm, mac, enc, rmac = (keys[i * suite.key_length :][: suite.key_length] for i in range(4))
    return CardMessagingSession(mac, enc, rmac), cmac(confirm, b"KC_1_V" + card_id + host_id + point)
