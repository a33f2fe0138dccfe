"""Reading ASN.1 of ISO/IEC 7816-15 field by field, strictly and with bounds, on the codec's index."""

from __future__ import annotations

from typing import Final

from zorgid_card.codec.tlv import Index
from zorgid_card.errors import CardResponseError, TLVError, TLVMissingError

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
ENUMERATED: Final = 0x0A
UTF8_STRING: Final = 0x0C
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30

_INDEFINITE: Final = 0x80
_MAX_LENGTH_OCTETS: Final = 2
_MAX_OBJECTS: Final = 64


class Fields:
    """The fields of a SEQUENCE in their order, taken one after another."""

    def __init__(self, content: bytes) -> None:
        """Take the fields from a SEQUENCE's contents."""
        self._items = Index(content).items()
        self._at = 0

    def take(self, tag: int) -> bytes | None:
        """The next field's contents when its tag is ``tag``, else None (the field is optional and absent)."""
        if self._at < len(self._items) and self._items[self._at][0] == tag:
            self._at += 1
            return self._items[self._at - 1][1]
        return None

    def need(self, tag: int) -> bytes:
        """The next field's contents; its tag must be ``tag``.

        Raises:
            TLVMissingError: it is not.
        """
        value = self.take(tag)
        if value is None:
            raise TLVMissingError(f"field {tag:02X} is missing", path=f"{tag:02X}")
        return value

    def rest(self) -> list[tuple[int, bytes]]:
        """All fields that were not taken: tag and contents."""
        return self._items[self._at :]


def objects(content: bytes) -> list[tuple[int, bytes]]:
    """Tag and contents of the data objects that stand one after another in a file; padding of 00 or FF is
    skipped.

    Raises:
        TLVError: not data objects.
        CardResponseError: more than a card can have.
    """
    found = Index(content, padding=True).items()
    if len(found) > _MAX_OBJECTS:
        raise CardResponseError("more objects in a file than a card can have", count=len(found))
    return found


def first_object(content: bytes) -> bytes:
    """The first data object with its tag and length; what follows it in the file is left alone.

    Raises:
        TLVError: no tag of one byte, no definite length of at most 64 KiB, or it reaches over the end.
    """
    extra = content[1] & 0x7F if len(content) > 1 and content[1] & 0x80 else 0
    head = 2 + extra
    if len(content) < head or extra > _MAX_LENGTH_OCTETS or content[1] == _INDEFINITE:
        raise TLVError("an object without a definite length", reason="length", offset=0)
    end = head + (int.from_bytes(content[2:head], "big") if extra else content[1])
    if end > len(content):
        raise TLVError("an object reaches over the end of the file", reason="truncated", offset=0)
    return content[:end]


def integer(value: bytes, low: int, high: int) -> int:
    """A whole number between ``low`` and ``high``.

    Raises:
        TLVError: outside, or not a number.
    """
    number = int.from_bytes(value[:9], "big", signed=True)
    if not value or len(value) > 8 or not low <= number <= high:
        raise TLVError(f"a number that is not between {low} and {high}", reason="number", offset=0)
    return number


def reference(value: bytes) -> int:
    """A reference of 0 to 255; some cards encode 80 to FF in one byte, as if negative (ISO/IEC 7816-15,
    8.2).
    """
    return integer(value, -128, 255) & 0xFF


def bits(value: bytes) -> frozenset[int]:
    """The positions of the bits that are set in a BIT STRING; at most 32.

    Raises:
        TLVError: no count of unused bits, or one above 7.
    """
    if not 1 <= len(value) <= 5 or value[0] > 7:
        raise TLVError("not a BIT STRING of flags", reason="flags", offset=0)
    return frozenset(8 * at + bit for at, octet in enumerate(value[1:]) for bit in range(8) if octet & (0x80 >> bit))


def text(value: bytes | None) -> str:
    """A label; octets that are not UTF-8 become U+FFFD, for labels decide nothing."""
    return (value or b"").decode("utf-8", "replace")
