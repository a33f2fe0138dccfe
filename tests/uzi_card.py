"""A simulated UZI pass under test, spoken to in raw APDUs and read by hand: nothing of the library's client is used."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from asn1crypto import parser
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, Layout
from zorgid_card.testkit.uzi_profile import DE_LINDE, FRONT_DESK, JAN_DE_VRIES, Usage

layouts = pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])

SELECT_APPLICATION = "00A404000CA000000063504B43532D313500"
PIN, PUK = b"123456", b"87654321"
SHA256_INFO = bytes.fromhex("3031300D060960864801650304020105000420")


@functools.cache
def contents(kind: str) -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime(2026, 3, 1, tzinfo=UTC))
    if kind == "M":
        return pki.pass_(FRONT_DESK, DE_LINDE, "M")
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")


def powered(layout: Layout = LAYOUT_A, kind: str = "Z", *, extended: bool = False) -> VirtualUZIPass:
    card = VirtualUZIPass(contents(kind), layout=layout, extended=extended)
    card.power_on()
    return card


def opened(layout: Layout = LAYOUT_A, kind: str = "Z") -> VirtualUZIPass:
    card = powered(layout, kind)
    assert sw(card, SELECT_APPLICATION) == 0x9000
    return card


def send(card: VirtualUZIPass, command: str | bytes) -> tuple[bytes, int]:
    """One command with its GET RESPONSEs, by hand: not with the library's own link."""
    answer = card.transmit(bytes.fromhex(command) if isinstance(command, str) else command)
    data, status = answer[:-2], int.from_bytes(answer[-2:], "big")
    while status >> 8 == 0x61:
        answer = card.transmit(bytes([0x00, 0xC0, 0, 0, status & 0xFF]))
        data, status = data + answer[:-2], int.from_bytes(answer[-2:], "big")
    return data, status


def sw(card: VirtualUZIPass, command: str | bytes) -> int:
    return send(card, command)[1]


def chained(card: VirtualUZIPass, header: bytes, data: bytes) -> tuple[bytes, int]:
    while len(data) > 255:
        part, data = data[:255], data[255:]
        assert sw(card, bytes([0x10]) + header + bytes([255]) + part) == 0x9000
    return send(card, b"\x00" + header + bytes([len(data)]) + data + b"\x00")


def read(card: VirtualUZIPass, path: bytes) -> bytes:
    """All bytes of the file at a path from the master file."""
    assert sw(card, b"\x00\xa4\x08\x0c" + bytes([len(path)]) + path) == 0x9000
    content = b""
    while True:
        part, status = send(card, b"\x00\xb0" + len(content).to_bytes(2, "big") + b"\x00")
        if status == 0x6B00:
            return content
        assert status == 0x9000
        content += part


def coded(card: VirtualUZIPass, pin: bytes) -> bytes:
    return card.layout.pin_format.encode(pin)


def command(ins: int, p1: int, p2: int, data: bytes) -> bytes:
    return bytes([0, ins, p1, p2, len(data)]) + data if data else bytes([0, ins, p1, p2])


def verify(card: VirtualUZIPass, pin: bytes = PIN) -> int:
    return sw(card, command(0x20, 0, card.layout.pin, coded(card, pin)))


def status(card: VirtualUZIPass) -> int:
    return sw(card, command(0x20, 0, card.layout.pin, b""))


def choose(card: VirtualUZIPass, usage: Usage, template: int = 0xB6) -> int:
    return sw(card, command(0x22, 0x41, template, bytes([0x84, 1, card.layout.key_references[usage]])))


def sign(card: VirtualUZIPass, data: bytes = b"text") -> tuple[bytes, int]:
    return send(card, command(0x2A, 0x9E, 0x9A, SHA256_INFO + hashlib.sha256(data).digest()) + b"\x00")


def public(kind: str, usage: Usage) -> rsa.RSAPublicKey:
    key = x509.load_der_x509_certificate(contents(kind).certificates[usage]).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


@dataclass(frozen=True)
class Node:
    """One DER element, whatever its tag."""

    tag: int
    content: bytes

    @classmethod
    def all(cls, raw: bytes) -> list[Node]:
        """The elements of some bytes, up to the unused ones of a card's file."""
        found = []
        while raw.strip(b"\0"):
            _, _, tag, header, content, trailer = parser.parse(raw, strict=False)
            found.append(cls(tag, content))
            raw = raw[len(header) + len(content) + len(trailer) :]
        return found

    def at(self, *path: int) -> Node:
        """A descendant by position."""
        here = self
        for position in path:
            here = here.children[position]
        return here

    @property
    def children(self) -> list[Node]:
        return Node.all(self.content)

    @property
    def number(self) -> int:
        return int.from_bytes(self.content, "big")

    @property
    def bits(self) -> list[int]:
        """The numbers of the bits set in a BIT STRING."""
        value = self.content[1:]
        return [i for i in range(len(value) * 8) if value[i // 8] >> (7 - i % 8) & 1]


def place(card: VirtualUZIPass, path: Node) -> bytes:
    """What a Path leads to."""
    identifiers, *part = path.children
    whole = identifiers.content.startswith(b"\x3f\x00")
    df = card.layout.df.to_bytes(2, "big")
    content = read(card, identifiers.content[2:] if whole else df + identifiers.content)
    return content[part[0].number :][: part[1].number] if part else content


def objects(card: VirtualUZIPass) -> dict[int, list[Node]]:
    """The entries of all directory files, found from EF.OD as a client must."""
    directory = Node.all(read(card, card.layout.df.to_bytes(2, "big") + b"\x50\x31"))
    return {kind.tag: Node.all(place(card, kind.at(0))) for kind in directory}
