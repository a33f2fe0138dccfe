"""The data objects of a PIV card and who may read them (SP 800-73-5 part 1, tables 2 and 3).

Writing any of them takes the administration key (part 2, table 2). An object without content is not found, as on a card
fresh from its maker.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Read(Enum):
    """The security condition for GET DATA over the contact interface."""

    ALWAYS = "always"
    PIN = "PIN"


class DataObject(NamedTuple):
    """One row of the table: BER-TLV tag, name, condition for reading."""

    tag: int
    name: str
    read: Read


DISCOVERY = 0x7E
BIOMETRIC_TEMPLATES = 0x7F61
CHUID = 0x5FC102
CCC = 0x5FC107
ATTESTATION_CERTIFICATE = 0x5FFF01
OWN_TEMPLATE = frozenset({DISCOVERY, BIOMETRIC_TEMPLATES})  # given back as they are, not inside tag 53

_STANDARD = (
    DataObject(CCC, "card capability container", Read.ALWAYS),
    DataObject(CHUID, "card holder unique identifier", Read.ALWAYS),
    DataObject(0x5FC105, "certificate for PIV authentication, 9A", Read.ALWAYS),
    DataObject(0x5FC103, "cardholder fingerprints", Read.PIN),
    DataObject(0x5FC106, "security object", Read.ALWAYS),
    DataObject(0x5FC108, "cardholder facial image", Read.PIN),
    DataObject(0x5FC101, "certificate for card authentication, 9E", Read.ALWAYS),
    DataObject(0x5FC10A, "certificate for digital signature, 9C", Read.ALWAYS),
    DataObject(0x5FC10B, "certificate for key management, 9D", Read.ALWAYS),
    DataObject(0x5FC109, "printed information", Read.PIN),
    DataObject(DISCOVERY, "discovery object", Read.ALWAYS),
    DataObject(0x5FC10C, "key history object", Read.ALWAYS),
    DataObject(0x5FC121, "cardholder iris images", Read.PIN),
    DataObject(BIOMETRIC_TEMPLATES, "biometric information templates group", Read.ALWAYS),
    DataObject(0x5FC122, "secure messaging certificate signer", Read.ALWAYS),
    DataObject(0x5FC123, "pairing code reference data", Read.PIN),
)
_RETIRED = tuple(
    DataObject(
        0x5FC10D + index,
        f"retired certificate for key management {index + 1}, {0x82 + index:02X}",
        Read.ALWAYS,
    )
    for index in range(20)
)
_MAKER = (
    DataObject(0x5FFF00, "maker's administrative data", Read.ALWAYS),
    DataObject(ATTESTATION_CERTIFICATE, "certificate of the attestation key, F9", Read.ALWAYS),
    *(DataObject(0x5FFF10 + index, f"container map {index}", Read.ALWAYS) for index in range(6)),
)

OBJECTS: dict[int, DataObject] = {row.tag: row for row in (*_STANDARD, *_RETIRED, *_MAKER)}
"""Every data object that the card knows, by tag; GET DATA and PUT DATA of any other tag are refused."""
