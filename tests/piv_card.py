"""Driving the simulated PIV card by hand: commands as octets, not by the library's own client."""

from __future__ import annotations

import functools

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_keys import Algorithm, PrivateKey, make_key

PIN, PUK = b"123456\xff\xff", b"12345678"
FACTORY_KEY = bytes(range(1, 9)) * 3
SELECT = "00A404000BA00000030800001000010000"
GENERATE_P256 = "00470000{slot}05AC0380011100"
MAKER = Maker.create()


@functools.cache
def key_maker(algorithm: Algorithm) -> PrivateKey:
    return make_key(algorithm)


def send(card: VirtualPIVCard, command: str | bytes) -> tuple[bytes, int]:
    """One command with its GET RESPONSEs, by hand: not with the library's own link."""
    answer = card.transmit(bytes.fromhex(command) if isinstance(command, str) else command)
    data, sw = answer[:-2], int.from_bytes(answer[-2:], "big")
    while sw >> 8 == 0x61:
        answer = card.transmit(bytes([0x00, 0xC0, 0, 0, sw & 0xFF]))
        data, sw = data + answer[:-2], int.from_bytes(answer[-2:], "big")
    return data, sw


def sw(card: VirtualPIVCard, command: str | bytes) -> int:
    return send(card, command)[1]


def verify(card: VirtualPIVCard, pin: bytes = PIN) -> int:
    return sw(card, b"\x00\x20\x00\x80\x08" + pin)


def administer(card: VirtualPIVCard, key: bytes = FACTORY_KEY, algorithm: int = 0x0A) -> int:
    """The administration key by challenge (part 2, A.1)."""
    data, status = send(card, bytes([0, 0x87, algorithm, 0x9B, 4, 0x7C, 2, 0x81, 0, 0]))
    if status != 0x9000:
        return status
    cipher = (TripleDES if algorithm == 3 else AES)(key)
    encryptor = Cipher(cipher, ECB()).encryptor()
    response = encryptor.update(data[4:]) + encryptor.finalize()
    size = len(response)
    return sw(card, bytes([0, 0x87, algorithm, 0x9B, size + 4, 0x7C, size + 2, 0x82, size]) + response)


def put(card: VirtualPIVCard, tag: str, content: bytes) -> int:
    tag_bytes = bytes.fromhex(tag)
    body = bytes([0x5C, len(tag_bytes)]) + tag_bytes + bytes([0x53, len(content)]) + content
    return sw(card, b"\x00\xdb\x3f\xff" + bytes([len(body)]) + body)


def get(card: VirtualPIVCard, tag: str) -> tuple[bytes, int]:
    tag_bytes = bytes.fromhex(tag)
    return send(card, b"\x00\xcb\x3f\xff" + bytes([len(tag_bytes) + 2, 0x5C, len(tag_bytes)]) + tag_bytes + b"\0")


def generate(card: VirtualPIVCard, slot: int, algorithm: int, policies: bytes = b"") -> bytes:
    body = b"\x80\x01" + bytes([algorithm]) + policies
    body = b"\xac" + bytes([len(body)]) + body
    data, status = send(card, bytes([0, 0x47, 0, slot, len(body)]) + body + b"\0")
    assert status == 0x9000, hex(status)
    assert data[:2] == b"\x7f\x49"
    return data


def p256_key(answer: bytes) -> ec.EllipticCurvePublicKey:
    assert answer[:5] == bytes.fromhex("7F49438641")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), answer[5:])


def sign(card: VirtualPIVCard, slot: int, algorithm: int, block: bytes, tag: int = 0x81) -> tuple[bytes, int]:
    inner = b"\x82\x00" + bytes([tag]) + _length(len(block)) + block
    body = b"\x7c" + _length(len(inner)) + inner
    header = bytes([0, 0x87, algorithm, slot, 0]) + len(body).to_bytes(2, "big")
    return send(card, header + body + b"\0\0")


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    return b"\x81" + bytes([size]) if size < 0x100 else b"\x82" + size.to_bytes(2, "big")
