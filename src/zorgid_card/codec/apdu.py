"""Command and response APDUs (ISO/IEC 7816-3:2006, 12.1; ISO/IEC 7816-4:2020, 5)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from zorgid_card._native import ffi, lib, octets, reason
from zorgid_card.errors import APDUError, StatusWordError
from zorgid_card.ports.card import Octets
from zorgid_card.secret import Secret

SHORT_NE = 256
EXTENDED_NE = 65536


class INS(IntEnum):
    """Instruction bytes (ISO/IEC 7816-4:2020, table 5; 7816-8:2021, table 1)."""

    VERIFY = 0x20
    MSE = 0x22
    CHANGE_REFERENCE_DATA = 0x24
    PSO = 0x2A
    RESET_RETRY_COUNTER = 0x2C
    GENERATE_ASYMMETRIC_KEY_PAIR = 0x47
    GET_CHALLENGE = 0x84
    GENERAL_AUTHENTICATE = 0x87
    INTERNAL_AUTHENTICATE = 0x88
    SELECT = 0xA4
    READ_BINARY = 0xB0
    READ_RECORD = 0xB2
    GET_RESPONSE = 0xC0
    GET_DATA = 0xCB
    PUT_DATA = 0xDB


class SW(IntEnum):
    """Status words (ISO/IEC 7816-4:2020, 5.6). A card may answer others; a response keeps the number."""

    OK = 0x9000
    WARNING_END_OF_FILE = 0x6282
    WARNING_DEACTIVATED = 0x6283
    WARNING_NVM = 0x6300
    MEMORY_FAILURE = 0x6581
    WRONG_LENGTH = 0x6700
    CHANNEL_UNKNOWN = 0x6881
    SECURE_MESSAGING_UNKNOWN = 0x6882
    LAST_IN_CHAIN_EXPECTED = 0x6883
    CHAINING_UNKNOWN = 0x6884
    SECURITY_STATUS = 0x6982
    AUTH_BLOCKED = 0x6983
    REFERENCE_DATA_UNUSABLE = 0x6984
    CONDITIONS = 0x6985
    NO_CURRENT_FILE = 0x6986
    SECURE_MESSAGING_MISSING = 0x6987
    SECURE_MESSAGING_WRONG = 0x6988
    WRONG_DATA = 0x6A80
    FUNC_NOT_SUPPORTED = 0x6A81
    NOT_FOUND = 0x6A82
    RECORD_NOT_FOUND = 0x6A83
    NO_SPACE = 0x6A84
    WRONG_P1P2 = 0x6A86
    REF_NOT_FOUND = 0x6A88
    WRONG_OFFSET = 0x6B00
    INS_UNKNOWN = 0x6D00
    CLA_UNKNOWN = 0x6E00
    UNKNOWN = 0x6F00


class SecretField(NamedTuple):
    """Where in a command's template a secret goes: from ``offset`` on, for the secret's length."""

    offset: int
    secret: Secret


class CommandAPDU(NamedTuple):
    """One command, logical or physical. The C core takes it as the tuple that it is.

    Args:
        cla, ins, p1, p2: the header, 0 to 255 each.
        data: the command data field, 0 to 65,535 bytes; with ``secrets``, the template into which they are
            filled.
        le: the most response bytes asked for, None for no Le field, 0 for as much as there is.
        secrets: what is to be filled into ``data``; the link does, in locked memory.
        extended: use extended length fields even where short ones would do.
    """

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None
    secrets: tuple[SecretField, ...] = ()
    extended: bool = False

    @property
    def ne(self) -> int:
        """Ne: the most response bytes asked for, 0 to 65,536 (ISO/IEC 7816-3:2006, 12.1.1)."""
        if self.le is None:
            return 0
        if self.le == 0:
            return EXTENDED_NE if self.extended or len(self.data) > 255 else SHORT_NE
        return self.le

    def ne_in_form(self, form: int) -> int:
        """Ne where the length fields have this form: 0 short, anything else extended, at least at first."""
        if self.le == 0:
            return EXTENDED_NE if form else SHORT_NE
        return self.le or 0

    def encode(self) -> bytes:
        """The command as one physical APDU, extended if ``extended``, if the data exceed 255 bytes or Ne 256.

        Raises:
            ValueError: the command has secrets (their bytes must not become a Python object), or a value is
            out of range.
        """
        if self.secrets:
            raise ValueError("a command with secrets is sent by a link only")
        capacity = len(self.data) + 10
        out, length = ffi.new("uint8_t[]", capacity), ffi.new("size_t *")
        status = lib.zc_command_encode(
            native_command(self, self.ne, self.extended), octets(self.data), out, capacity, length
        )
        if status != lib.ZC_OK:
            raise ValueError(reason(status))
        return bytes(ffi.buffer(out, length[0]))

    @classmethod
    def parse(cls, raw: Octets) -> CommandAPDU:
        """Read one physical command APDU (ISO/IEC 7816-3:2006, 12.1.3).

        Raises:
            APDUError: with ``reason`` and ``offset``.
        """
        head = parse_head(raw)
        start = head.data_offset
        le = None if head.ne == 0 else head.ne
        if le == (EXTENDED_NE if head.extended else SHORT_NE):
            le = 0
        data = bytes(raw[start : start + head.nc])
        return cls(head.cla, head.ins, head.p1, head.p2, data, le, (), bool(head.extended))


def native_command(command: CommandAPDU, ne: int, extended: bool) -> Any:
    """``command`` as the core's ``zc_command *``; raises ``ValueError`` where a field does not fit."""
    head = ffi.new("zc_command *")
    try:
        head[0] = (command.cla, command.ins, command.p1, command.p2, extended, 0, len(command.data), ne)
    except OverflowError:
        raise ValueError(reason(lib.ZC_E_RANGE)) from None
    return head


def parse_head(raw: Octets) -> Any:
    """Header and lengths of one physical command APDU as a ``zc_command *``; its data are not copied.

    Raises:
        APDUError: with ``reason`` and ``offset``.
    """
    head, offset = ffi.new("zc_command *"), ffi.new("size_t *")
    status = lib.zc_command_parse(octets(raw), len(raw), head, offset)
    if status != lib.ZC_OK:
        why = reason(status)
        raise APDUError(f"command APDU: {why} at offset {offset[0]}", reason=why, offset=offset[0])
    return head


class ResponseAPDU(NamedTuple):
    """One response: the data field (0 to 65,536 bytes) and the status word SW1-SW2."""

    data: bytes
    sw: int

    def encode(self) -> bytes:
        """Data field and status word, as a card sends them."""
        return self.data + self.sw.to_bytes(2, "big")

    @classmethod
    def parse(cls, raw: Octets) -> ResponseAPDU:
        """Read one physical response APDU.

        Raises:
            APDUError: it is shorter than a status word or longer than 65,538 bytes.
        """
        if not 2 <= len(raw) <= EXTENDED_NE + 2:
            why = "ends too early" if len(raw) < 2 else "too long"
            raise APDUError(f"response APDU: {why}", reason=why, offset=min(len(raw), EXTENDED_NE + 2))
        return cls(bytes(raw[:-2]), int.from_bytes(raw[-2:], "big"))

    def require(self, *expected: int, operation: str = "") -> bytes:
        """The data field, if the status word is one of ``expected``.

        Raises:
            StatusWordError: it is another; the error keeps it raw.
        """
        if self.sw not in expected:
            raise StatusWordError(operation=operation, sw=self.sw)
        return self.data
