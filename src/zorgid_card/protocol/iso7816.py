"""ISO/IEC 7816-4: files and PINs. The expected status words stand beside each command."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from zorgid_card.codec.apdu import INS, SW, CommandAPDU, ResponseAPDU, SecretField
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.tlv import Index
from zorgid_card.errors import (
    CardResponseError,
    PINBlockedError,
    PINPolicyError,
    PUKBlockedError,
    StatusWordError,
    UserError,
    WrongPINError,
    WrongPUKError,
)
from zorgid_card.secret import Secret

MAX_FILE = 0x7FFF
"""Largest file that READ BINARY with a 15-bit offset reaches (7816-4, 11.3.3), in bytes."""

MASTER_FILE = bytes.fromhex("3F00")

_MAX_READS = 1024
_BY_SHORT = 0x80
_NOT_THIS_WAY = (SW.WRONG_P1P2, SW.FUNC_NOT_SUPPORTED)
_TRIES = 0x63C0


class Credential(Enum):
    """Whose try it is: decides which error a refusal becomes."""

    PIN = "pin"
    PUK = "puk"

    def wrong(self, tries_left: int | None) -> UserError:
        """The error for a wrong value; ``tries_left`` is None when the card does not say."""
        return (WrongPINError if self is Credential.PIN else WrongPUKError)(tries_left=tries_left)

    def blocked(self) -> UserError:
        """The error for a value whose tries are used up."""
        return (PINBlockedError if self is Credential.PIN else PUKBlockedError)(tries_left=0)


class Coding(Enum):
    """How the characters of a PIN become bytes (7816-15, 8.9.2, PasswordType)."""

    CHARACTERS = "characters"
    BCD = "bcd"
    """Two digits in a byte, the first in the upper half."""
    HALF_NIBBLE = "half nibble"
    """A digit in the lower half of a byte, all ones in the upper."""
    ISO_9564_2 = "iso 9564 format 2"


class Padding(NamedTuple):
    """How a PIN fills its field: up to ``width`` bytes with ``octet``; None sends its characters alone.

    A field of ISO 9564-1, format 2, is filled by that format: 8 bytes.
    """

    width: int | None = 8
    octet: int = 0xFF
    coding: Coding = Coding.CHARACTERS

    def coded(self, pin: Secret) -> Secret:
        """The PIN's bytes, not yet padded; itself where its characters are sent.

        Raises:
            PINPolicyError: ``rule`` is "digits", or "length": what it is coded in has digits only, and room for so many.
        """
        if self.coding is Coding.CHARACTERS:
            return pin
        if self.coding is Coding.ISO_9564_2:
            return pin.format_2()
        pin.check_digits(1, len(pin))
        with pin.expose() as digits:
            return Secret.take(bytearray(self._packed(digits)))

    def _packed(self, digits: memoryview) -> Iterator[int]:
        if self.coding is Coding.HALF_NIBBLE:
            yield from (0xF0 | digit & 0x0F for digit in digits)
            return
        for at in range(0, len(digits), 2):
            last = digits[at + 1] if at + 1 < len(digits) else self.octet
            yield (digits[at] & 0x0F) << 4 | last & 0x0F


class PINStatus(NamedTuple):
    """What VERIFY without data tells: ``tries_left`` is None when verified, or when the card does not say."""

    verified: bool
    tries_left: int | None


EIGHT_BYTES = Padding()
"""Eight bytes, filled up with FF: every PIN and PUK of PIV (SP 800-73-5 part 2, 2.4.3)."""


# --- applications and files -------------------------------------------------------------------------------


def select(aid: bytes) -> Exchange[bytes]:
    """SELECT an application by its name (7816-4, 11.2.2, P1=04).

    Args:
        aid: application identifier, 5 to 16 bytes, or the start of one.

    Returns:
        the card's answer, possibly empty.
    """
    response = yield CommandAPDU(0x00, INS.SELECT, 0x04, 0x00, aid, le=0)
    return response.require(SW.OK, operation="select application")


def select_file(path: bytes) -> Exchange[int | None]:
    """SELECT a file by its path from the master file (7816-4, 11.2.2, P1=08).

    A card that does not know this form is walked one file identifier at a time (P1=00).

    Args:
        path: file identifiers of 2 bytes each; a leading 3F00 is allowed.

    Returns:
        the file's size in bytes as its control parameters give it (7816-4, 7.4), or None.
    """
    inner = path.removeprefix(MASTER_FILE)
    if not inner:
        return (yield from _select_by(0x00, MASTER_FILE))
    try:
        return (yield from _select_by(0x08, inner))
    except StatusWordError as error:
        if error.sw not in _NOT_THIS_WAY:
            raise
    yield from _select_by(0x00, MASTER_FILE)
    for at in range(0, len(inner) - 2, 2):
        yield from _select_by(0x00, inner[at : at + 2])
    return (yield from _select_by(0x00, inner[-2:]))


def select_below(path: bytes) -> Exchange[int | None]:
    """SELECT a file by its path from the current directory (7816-4, 11.2.2: P1=02 for one identifier, else
    09).

    Returns:
        the file's size in bytes, or None.
    """
    return (yield from _select_by(0x02 if len(path) == 2 else 0x09, path))


def _select_by(p1: int, data: bytes) -> Exchange[int | None]:
    """P2=04 asks for the control parameters; a card that does not give them is asked for none (0C)."""
    response = yield CommandAPDU(0x00, INS.SELECT, p1, 0x04, data, le=0)
    if response.sw in _NOT_THIS_WAY:
        response = yield CommandAPDU(0x00, INS.SELECT, p1, 0x0C, data)
    return _size(response.require(SW.OK, operation="select file"))


def _size(control: bytes) -> int | None:
    if not control:
        return None
    index = Index(control)
    for template in (0x62, 0x6F):
        size = index.optional(template, 0x80)
        if size is not None:
            return _bounded(int.from_bytes(size, "big"))
    return None


def _bounded(size: int) -> int:
    if size > MAX_FILE:
        raise CardResponseError(f"the card claims a file of {size} bytes", size=size)
    return size


def read_binary_all(size: int | None, *, start: int = 0, short: int | None = None) -> Exchange[bytes]:
    """READ BINARY the current file, 256 bytes at a time (7816-4, 11.3.3).

    Args:
        size: bytes wanted; None reads to the end of the file.
        start: offset in bytes of the first.
        short: short identifier of the file that is read, and is the current one from then on; ``start`` is below 256 then.

    Returns:
        what the file holds there: ``size`` bytes, or fewer when the file ends sooner.

    Raises:
        CardResponseError: more bytes than asked for, or more parts than a file can have.
    """
    end = MAX_FILE if size is None else min(start + size, MAX_FILE)
    content = bytearray()
    for _ in range(_MAX_READS):
        offset = start + len(content)
        if offset >= end:
            return bytes(content)
        wanted = min(256, end - offset)
        p1 = offset >> 8 if short is None or content else _BY_SHORT | short
        response = yield CommandAPDU(0x00, INS.READ_BINARY, p1, offset & 0xFF, le=wanted & 0xFF)
        if response.sw == SW.WRONG_OFFSET and (content or size is None):
            return bytes(content)
        part = response.require(SW.OK, SW.WARNING_END_OF_FILE, operation="read binary")
        if len(part) > wanted:
            raise CardResponseError("the card gave more of the file than was asked for")
        content += part
        if response.sw == SW.WARNING_END_OF_FILE or not part or (size is None and len(part) < wanted):
            return bytes(content)
    raise CardResponseError("the card gives its file in endless small parts")


def read_records(limit: int = 32) -> Exchange[list[bytes]]:
    """READ RECORD the current file from its first record to its last, at most ``limit`` of them (7816-4,
    11.4.3).
    """
    records: list[bytes] = []
    for number in range(1, limit + 1):
        response = yield CommandAPDU(0x00, INS.READ_RECORD, number, 0x04, le=0)
        if response.sw == SW.RECORD_NOT_FOUND:
            break
        records.append(response.require(SW.OK, SW.WARNING_END_OF_FILE, operation="read record"))
    return records


# --- PIN and PUK ------------------------------------------------------------------------------------------


def verify_status(reference: int) -> Exchange[PINStatus]:
    """VERIFY without data: is the PIN verified, and if not, how many tries are left? Costs no try (7816-4,
    11.6.6).
    """
    response = yield CommandAPDU(0x00, INS.VERIFY, 0x00, reference)
    if response.sw == SW.AUTH_BLOCKED:
        return PINStatus(verified=False, tries_left=0)
    if response.sw & 0xFFF0 == _TRIES:
        return PINStatus(verified=False, tries_left=response.sw & 0x0F)
    if response.sw == SW.WARNING_NVM:
        return PINStatus(verified=False, tries_left=None)
    response.require(SW.OK, operation="verify (status)")
    return PINStatus(verified=True, tries_left=None)


def verify(
    reference: int,
    pin: Secret,
    *,
    padding: Padding = EIGHT_BYTES,
    credential: Credential = Credential.PIN,
) -> Exchange[None]:
    """VERIFY: present the PIN (7816-4, 11.6.6).

    Args:
        reference: P2; bit 8 set means local to the selected application.
        pin: its characters, at most as many as the field has.
        padding: how they fill the field.
        credential: whose error a refusal becomes.

    Raises:
        WrongPINError: 63CX, with ``tries_left``.
        PINBlockedError: 6983.
    """
    template, fields = _fill((pin, padding))
    response = yield CommandAPDU(0x00, INS.VERIFY, 0x00, reference, template, secrets=fields)
    _judge(response, credential, "verify")


def log_out(reference: int) -> Exchange[None]:
    """VERIFY with P1=FF: forget that the PIN was verified (7816-4, 11.6.6; SP 800-73-5 part 2, 3.2.1)."""
    response = yield CommandAPDU(0x00, INS.VERIFY, 0xFF, reference)
    response.require(SW.OK, operation="log out")


def change_reference_data(
    reference: int,
    old: Secret,
    new: Secret,
    *,
    padding: Padding = EIGHT_BYTES,
    credential: Credential = Credential.PIN,
) -> Exchange[None]:
    """CHANGE REFERENCE DATA: the old value, then the new one (7816-4, 11.6.7, P1=00).

    Raises:
        WrongPINError, WrongPUKError: 63CX: the old value is wrong.
        PINBlockedError, PUKBlockedError: 6983.
    """
    template, fields = _fill((old, padding), (new, padding))
    response = yield CommandAPDU(0x00, INS.CHANGE_REFERENCE_DATA, 0x00, reference, template, secrets=fields)
    _judge(response, credential, "change reference data")


def reset_retry_counter(
    reference: int,
    puk: Secret,
    new: Secret,
    *,
    puk_padding: Padding = EIGHT_BYTES,
    padding: Padding = EIGHT_BYTES,
) -> Exchange[None]:
    """RESET RETRY COUNTER: the PUK, then a new PIN (7816-4, 11.6.10, P1=00).

    Raises:
        WrongPUKError: 63CX.
        PUKBlockedError: 6983.
    """
    template, fields = _fill((puk, puk_padding), (new, padding))
    response = yield CommandAPDU(0x00, INS.RESET_RETRY_COUNTER, 0x00, reference, template, secrets=fields)
    _judge(response, Credential.PUK, "reset retry counter")


def _fill(*parts: tuple[Secret, Padding]) -> tuple[bytes, tuple[SecretField, ...]]:
    """The template, pad bytes in place, and where in it each secret goes."""
    fields: list[SecretField] = []
    template = b""
    for given, padding in parts:
        secret = padding.coded(given)
        width = len(secret) if padding.width is None else padding.width
        if not 0 < len(secret) <= width:
            raise PINPolicyError(f"at most {width} characters fit on the card", rule="length", maximum=width)
        fields.append(SecretField(len(template), secret))
        template += bytes([padding.octet]) * width
    return template, tuple(fields)


def _judge(response: ResponseAPDU, credential: Credential, operation: str) -> None:
    if response.sw == SW.AUTH_BLOCKED:
        raise credential.blocked()
    if response.sw & 0xFFF0 == _TRIES:
        raise credential.wrong(response.sw & 0x0F)
    if response.sw == SW.WARNING_NVM:
        raise credential.wrong(None)
    response.require(SW.OK, operation=operation)
