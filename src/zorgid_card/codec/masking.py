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
ADMINISTRATION_KEY: Final = 0x9B
_HEADER: Final = 4

# The instructions whose data are PINs, PUKs or keys, with their odd twins (ISO/IEC 7816-4:2020, 5.4.2) and
# Yubico's two.
_HIDDEN_COMMANDS: Final = frozenset(
    {
        INS.VERIFY,
        INS.VERIFY | 1,
        INS.CHANGE_REFERENCE_DATA,
        INS.CHANGE_REFERENCE_DATA | 1,
        INS.RESET_RETRY_COUNTER,
        INS.RESET_RETRY_COUNTER | 1,
        IMPORT_KEY,
        SET_MANAGEMENT_KEY,
    }
)
# PIV keys that agree or decipher: key management and its retired keys (SP 800-73-5 part 1, table 4b).
_KEY_MANAGEMENT: Final = frozenset({0x9D, *range(0x82, 0x96)})
_DECIPHER: Final = (0x80, 0x86)


def _hides_command(header: bytes) -> bool:
    ins, p2 = header[1], header[3]
    return ins in _HIDDEN_COMMANDS or (ins == INS.GENERAL_AUTHENTICATE and p2 == ADMINISTRATION_KEY)


def _hides_response(header: bytes) -> bool:
    ins, p1, p2 = header[1:4]
    if ins == INS.GENERAL_AUTHENTICATE:
        return p2 == ADMINISTRATION_KEY or p2 in _KEY_MANAGEMENT
    return ins == INS.PSO and (p1, p2) == _DECIPHER


def mask_command(raw: Octets) -> bytes:
    """A physical command APDU, fit to be written down.

    What is not a command APDU but begins as one that holds a secret is hidden from its fifth byte on.
    """
    header = bytes(raw[:_HEADER])
    if len(header) < _HEADER or not _hides_command(header):
        return bytes(raw)
    try:
        head = parse_head(raw)
        start, count = int(head.data_offset), int(head.nc)
    except APDUError:
        start, count = _HEADER, len(raw) - _HEADER
    return bytes(raw[:start]) + b"\xff" * count + bytes(raw[start + count :])


def mask_response(command: Octets, raw: Octets) -> bytes:
    """The response to the physical command ``command``, fit to be written down; the status word stays."""
    header = bytes(command[:_HEADER])
    if len(header) < _HEADER or not _hides_response(header):
        return bytes(raw)
    return b"\xff" * max(0, len(raw) - 2) + bytes(raw[-2:])


class Masker:
    """Masks an exchange from begin to end: it remembers which command a GET RESPONSE goes on with."""

    def __init__(self) -> None:
        self._header = bytes(_HEADER)

    def mask(self, command: Octets, response: Octets) -> tuple[bytes, bytes]:
        """One physical command and its response, both fit to be written down."""
        header = bytes(command[:_HEADER])
        if len(header) == _HEADER and header[1] != INS.GET_RESPONSE:
            self._header = header
        return mask_command(command), mask_response(self._header, response)
