"""Directory files of ISO/IEC 7816-15, made by hand, and two cards of files that hold them."""

from __future__ import annotations

from zorgid_card.codec.tlv import encode

AID = "A000000063504B43532D3135"
CERTIFICATE = encode(0x30, b"certificate " * 60)
ISSUER = encode(0x30, b"issuer " * 90)

# EF.DIR of "Test vectors for PKCS #15 v1.1", RSA Laboratories, 1.1 (an EID profile).
RSA_LABORATORIES_DIR = bytes.fromhex(
    "61354F0CA000000063504B43532D31355007525341204453495104" + "3F005015"
    "7316060A2A864886F70D010F040130080406" + "3F0050154320"
)


def sequence(*parts: bytes) -> bytes:
    return encode(0x30, *parts)


def path(value: str, index: int | None = None, length: int | None = None) -> bytes:
    parts = [encode(0x04, bytes.fromhex(value))]
    if index is not None and length is not None:
        parts += [encode(0x02, index.to_bytes(2, "big")), encode(0x80, length.to_bytes(2, "big"))]
    return sequence(*parts)


def utf8(text: str) -> bytes:
    return encode(0x0C, text.encode())


def a_pin(*, reference: bytes = b"\x00\x81", flags: str = "0250", extra: bytes = b"") -> bytes:
    """flags 0250: bits 1 (local) and 3; 024C adds 4 and 5 (initialized, needs-padding)."""
    attributes = sequence(
        encode(0x03, bytes.fromhex(flags)),
        encode(0x0A, b"\x01"),
        *(encode(0x02, bytes([number])) for number in (6, 12, 8)),
        encode(0x80, reference),
        encode(0x04, b"\x00"),
        extra,
    )
    common = sequence(utf8("PIN"), encode(0x03, b"\x06\xc0"), encode(0x04, b"\x02"))
    return sequence(common, sequence(encode(0x04, b"\x01")), encode(0xA1, attributes))


def a_key(identifier: bytes, *, where: bytes, reference: int = 0x11, consent: bool = False) -> bytes:
    common = [utf8("key"), encode(0x03, b"\x06\xc0"), encode(0x04, b"\x01")]
    if consent:
        common.append(encode(0x02, b"\x01"))
    own = sequence(
        encode(0x04, identifier),
        encode(0x03, b"\x06\x20\x40"),
        encode(0x01, b"\xff"),
        encode(0x03, b"\x03\xb8"),
        encode(0x02, reference.to_bytes(2, "big")),
        encode(0xA1, encode(0x02, b"\x05")),
    )
    kind = encode(0xA1, sequence(where, encode(0x02, b"\x08\x00")))
    return sequence(sequence(*common), own, encode(0xA0, sequence()), kind)


def a_certificate(identifier: bytes, value: bytes, *, authority: bool = False) -> bytes:
    own = [encode(0x04, identifier)] + ([encode(0x01, b"\xff")] if authority else [])
    return sequence(sequence(utf8("certificate")), sequence(*own), encode(0xA1, sequence(value)))


def card_info(*, algorithm: int = 0x02) -> bytes:
    info = sequence(
        encode(0x02, b"\x05"),
        encode(0x02, b"\x01"),
        encode(0x05),
        encode(0x03, b"\x02\x44"),
        encode(0x06, bytes.fromhex("2A864886F70D010101")),
        encode(0x02, bytes([algorithm])),
    )
    return sequence(
        encode(0x02, b"\x01"), encode(0x04, b"\x12\x34"), utf8("maker"), encode(0x03, b"\x04\x10"), encode(0xA2, info)
    )


def absolute_card() -> dict[str, bytes]:
    """Absolute paths, one file for each certificate, padding behind everything."""
    return {
        "3F002F00": RSA_LABORATORIES_DIR + bytes(20),
        "3F0050155031": encode(0xA0, path("3F0050154401"))
        + encode(0xA4, path("3F0050154402"))
        + encode(0xA5, path("3F0050154403"))
        + encode(0xA8, path("3F0050154404"))
        + b"\xff" * 30,
        "3F0050155032": card_info(),
        "3F0050154401": a_key(b"\x45", where=path("3F0050154B01"), consent=True) + bytes(9),
        "3F0050154402": a_certificate(b"\x45", path("3F0050154D01")),
        "3F0050154403": a_certificate(b"\x99", path("3F0050154D02"), authority=True),
        "3F0050154404": a_pin(),
        "3F0050154D01": CERTIFICATE + b"left over from a longer one",
        "3F0050154D02": ISSUER + bytes(64),
    }


def relative_card() -> dict[str, bytes]:
    """Relative paths, both certificates in one file, keys and PIN in the ODF itself; EF.DIR has no path."""
    return {
        "3F002F00": encode(0x61, encode(0x4F, bytes.fromhex(AID)), encode(0x50, b"pass")),
        "3F00DF205031": encode(0xA0, encode(0xA0, a_key(b"\x45", where=path(""), reference=0x85)))
        + encode(0xA4, path("E001", 4, 200))
        + encode(0xA8, encode(0xA0, a_pin(reference=b"\x81", extra=path("DF20")))),
        "3F00DF20E001": b"\x00" * 4
        + a_certificate(b"\x45", path("E002", 3, len(CERTIFICATE)))
        + a_certificate(b"\x46", path("E002", 3 + len(CERTIFICATE), len(ISSUER))),
        "3F00DF20E002": b"\xaa\xbb\xcc" + CERTIFICATE + ISSUER,
    }
