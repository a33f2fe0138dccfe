"""Hide what must not be written down, before a line of a log or transcript exists.

Masking goes by instruction, whatever the class byte, so that the parts of a command chain are hidden too.
Lengths stay: what is hidden becomes as many bytes FF.
"""

from __future__ import annotations

from typing import Final

from zorgid_card.codec.apdu import INS, parse_head
from zorgid_card.errors import APDUError
from zorgid_card.ports.card import Octets

SET_MANAGEMENT_KEY: Final = 0xFF
IMPORT_KEY: Final = 0xFE
PUT_KEY: Final = 0xD8
STORE_DATA: Final = 0xE2
ADMINISTRATION_KEY: Final = 0x9B
DISABLE_VERIFICATION: Final = 0x26
ENABLE_VERIFICATION: Final = 0x28
ENVELOPE: Final = 0xC2
_HEADER: Final = 4
_CHAINING: Final = 0x10

# The instructions whose data are PINs, PUKs or keys, or any command (ENVELOPE), with their odd twins (ISO/IEC 7816-4:2020, 5.4.2),
# Yubico's two, and those with which GlobalPlatform personalises (Card Specification 2.3.1, 11.8 and 11.11).
_HIDDEN_COMMANDS: Final = frozenset(
    {
        INS.VERIFY,
        INS.VERIFY | 1,
        INS.CHANGE_REFERENCE_DATA,
        INS.CHANGE_REFERENCE_DATA | 1,
        INS.RESET_RETRY_COUNTER,
        INS.RESET_RETRY_COUNTER | 1,
        DISABLE_VERIFICATION,
        DISABLE_VERIFICATION | 1,
        ENABLE_VERIFICATION,
        ENABLE_VERIFICATION | 1,
        ENVELOPE,
        ENVELOPE | 1,
        IMPORT_KEY,
        SET_MANAGEMENT_KEY,
        PUT_KEY,
        STORE_DATA,
    }
)
_GENERAL_AUTHENTICATE: Final = (0x86, 0x87)
_PSO: Final = (0x2A, 0x2B)
_PUT_DATA: Final = (0xDA, 0xDB)
_PIV_OBJECT: Final = (0xDB, 0x3F, 0xFF)
_GET_OBJECT: Final = (0xCB, 0x3F, 0xFF)
_TAG_LIST: Final = 0x5C
_GUARDED: Final = tuple(bytes.fromhex(f"5C035FC1{number}") for number in ("03", "08", "09", "21"))
"""Tag lists of the objects that only the PIN lets read (SP 800-73-5 part 1, table 2): fingerprints, face, printed information,
in which Yubico's programs keep an administration key, and irises."""
_BEGINNING: Final = 5
# PIV keys that agree or decipher: key management and its retired keys (SP 800-73-5 part 1, table 4b); and 00, the key that was set
# before, of which the command does not tell what it does (ISO/IEC 7816-4, 11.6.3).
_KEY_MANAGEMENT: Final = frozenset({0x00, 0x9D, *range(0x82, 0x96)})
_PLAIN_VALUE: Final = 0x80
"""P1 of PSO: DECIPHER, P2 of PSO: ENCIPHER: what comes out, or goes in, is the plain value (ISO/IEC 7816-8:2021)."""


def _hides_command(header: bytes, beginning: bytes) -> bool:
    """Whether the data of a command are hidden; ``beginning``: their first 5 bytes."""
    ins, p2 = header[1], header[3]
    if ins in _PUT_DATA:
        # PIV's form of it writes an object by its tag, and few objects are secret; other cards take PINs and keys so.
        written = tuple(header[1:4]) == _PIV_OBJECT and beginning[:1] == bytes([_TAG_LIST])
        return not written or len(beginning) < _BEGINNING or beginning in _GUARDED
    if ins in _PSO:
        return p2 == _PLAIN_VALUE
    return ins in _HIDDEN_COMMANDS or (ins in _GENERAL_AUTHENTICATE and p2 == ADMINISTRATION_KEY)


def _hides_response(header: bytes, beginning: bytes) -> bool:
    ins, p1, p2 = header[1:4]
    if (ins, p1, p2) == _GET_OBJECT:
        return beginning in _GUARDED
    if ins in _GENERAL_AUTHENTICATE:
        return p2 == ADMINISTRATION_KEY or p2 in _KEY_MANAGEMENT
    # A card that repeats what it was told would give it away.
    return ins in _HIDDEN_COMMANDS or (ins in _PSO and p1 == _PLAIN_VALUE)


def mask_command(raw: Octets) -> bytes:
    """A physical command APDU, fit to be written down; of a chain the first part.

    What is not a command APDU but begins as one that holds a secret is hidden from its fifth byte on.
    """
    header = bytes(raw[:_HEADER])
    if len(header) < _HEADER:
        return bytes(raw)
    start, count = _data(raw)
    return _masked(raw, start, count) if _hides_command(header, _begun(raw, start, count)) else bytes(raw)


def _data(raw: Octets) -> tuple[int, int]:
    """Where the data field begins, and its length; all behind the header where it is no command APDU."""
    try:
        head = parse_head(raw)
    except APDUError:
        return _HEADER, len(raw) - _HEADER
    return int(head.data_offset), int(head.nc)


def _begun(raw: Octets, start: int, count: int) -> bytes:
    """Only where they may be a tag list: a PIN is not copied."""
    put = raw[1] in _PUT_DATA or raw[1] == _GET_OBJECT[0]
    return bytes(raw[start : start + min(count, _BEGINNING)]) if put else b""


def _masked(raw: Octets, start: int, count: int) -> bytes:
    return bytes(raw[:start]) + b"\xff" * count + bytes(raw[start + count :])


def mask_response(command: Octets, raw: Octets) -> bytes:
    """The response to the physical command ``command``, fit to be written down; the status word stays."""
    header = bytes(command[:_HEADER])
    if len(header) < _HEADER:
        return bytes(raw)
    return _only_status(raw) if _hides_response(header, _begun(command, *_data(command))) else bytes(raw)


def _only_status(raw: Octets) -> bytes:
    return b"\xff" * max(0, len(raw) - 2) + bytes(raw[-2:])


class Masker:
    """Masks what crosses from begin to end: it remembers which command a GET RESPONSE goes on with, and what chain is under way."""

    def __init__(self) -> None:
        self._header = bytes(_HEADER)
        self._hiding = self._hiding_answer = False
        self._chained = False

    def command(self, raw: Octets) -> bytes:
        """The next physical command, fit to be written down. Every part of a chain is hidden that its first part says is."""
        header = bytes(raw[:_HEADER])
        if len(header) < _HEADER or header[1] == INS.GET_RESPONSE:
            return bytes(raw)
        start, count = _data(raw)
        going_on = self._chained and header[1:] == self._header[1:]
        if not going_on:
            beginning = _begun(raw, start, count)
            self._hiding = _hides_command(header, beginning)
            self._hiding_answer = self._hiding or _hides_response(header, beginning)
        self._header, self._chained = header, bool(header[0] & _CHAINING)
        return _masked(raw, start, count) if self._hiding else bytes(raw)

    def response(self, raw: Octets) -> bytes:
        """What the card answered to it."""
        return _only_status(raw) if self._hiding_answer else bytes(raw)

    def mask(self, command: Octets, response: Octets) -> tuple[bytes, bytes]:
        """One physical command and its response, both fit to be written down."""
        return self.command(command), self.response(response)
