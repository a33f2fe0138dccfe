"""The Yubico personalisation dialect: what SP 800-73-5 leaves open, in instructions F7 to FF of the PIV
application.

Sources: Yubico's public description of the PIV extensions. Instructions: F7 GET METADATA, F8 GET SERIAL,
F9 ATTEST, FA SET PIN RETRIES, FB RESET, FD GET VERSION, FF SET MANAGEMENT KEY.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zorgid_card.codec.apdu import SW, CommandAPDU, SecretField
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.tlv import Index
from zorgid_card.errors import CardResponseError
from zorgid_card.protocol.administration import AdministrationAlgorithm, check_key
from zorgid_card.protocol.piv import ADMINISTRATION
from zorgid_card.secret import Secret

ATTESTATION: Final = 0xF9
"""The slot of the card's own attestation key."""

ATTESTATION_CERTIFICATE: Final = 0x5FFF01
"""The data object with the certificate of the attestation key."""

PIN_NEVER: Final = 1
PIN_ONCE: Final = 2
PIN_ALWAYS: Final = 3
MATCH_ALWAYS: Final = 5

_GET_METADATA: Final = 0xF7
_GET_SERIAL: Final = 0xF8
_ATTEST: Final = 0xF9
_SET_RETRIES: Final = 0xFA
_RESET: Final = 0xFB
_GET_VERSION: Final = 0xFD
_SET_MANAGEMENT_KEY: Final = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What the card tells of a key, the PIN or the PUK; None where it tells nothing."""

    algorithm: int | None
    """Identifier of the key's algorithm (SP 800-78-5, table 8)."""
    pin_policy: int | None
    """0 default, 1 never, 2 once, 3 always; 4 and 5 with a fingerprint."""
    generated: bool | None
    """True when the key was generated on the card, False when it was imported."""
    public_key: bytes | None
    """Contents of the public key template: 81 and 82, or 86."""
    default: bool | None
    """True when PIN, PUK or administration key still has its factory value."""
    tries_left: int | None


def version() -> Exchange[tuple[int, int, int]]:
    """GET VERSION (FD): the firmware's version."""
    response = yield CommandAPDU(0x00, _GET_VERSION, 0x00, 0x00, le=0)
    data = response.require(SW.OK, operation="get version")
    if len(data) != 3:
        raise CardResponseError(f"a version of {len(data)} bytes", length=len(data))
    return data[0], data[1], data[2]


def serial() -> Exchange[int]:
    """GET SERIAL (F8): the card's hardware serial number."""
    response = yield CommandAPDU(0x00, _GET_SERIAL, 0x00, 0x00, le=0)
    data = response.require(SW.OK, operation="get serial")
    if len(data) != 4:
        raise CardResponseError(f"a serial number of {len(data)} bytes", length=len(data))
    return int.from_bytes(data, "big")


def metadata(reference: int) -> Exchange[Metadata | None]:
    """GET METADATA (F7). Costs no try.

    Args:
        reference: a key reference, 80 for the PIN, 81 for the PUK, 9B for the administration key.

    Returns:
        what the card tells, or None when there is no key.
    """
    response = yield CommandAPDU(0x00, _GET_METADATA, 0x00, reference, le=0)
    if response.sw in (SW.REF_NOT_FOUND, SW.NOT_FOUND):
        return None
    # Tag 02 to 06 are short primitive objects; 04 holds the public key's own objects.
    index = Index(response.require(SW.OK, operation="get metadata"))
    tries = index.optional(0x06)
    return Metadata(
        algorithm=_first(index.optional(0x01)),
        pin_policy=_first(index.optional(0x02)),
        generated=_flag(index.optional(0x03)),
        public_key=index.optional(0x04),
        default=_flag(index.optional(0x05)),
        tries_left=None if tries is None or len(tries) != 2 else tries[1],
    )


def _first(value: bytes | None) -> int | None:
    return value[0] if value else None


def _flag(value: bytes | None) -> bool | None:
    return value[0] == 1 if value else None


def attest(slot: int) -> Exchange[bytes]:
    """ATTEST (F9): a certificate, signed by the card's attestation key, that the key in ``slot`` was
    generated there; DER.
    """
    response = yield CommandAPDU(0x00, _ATTEST, slot, 0x00, le=0)
    certificate = response.require(SW.OK, operation="attest")
    if not certificate:
        raise CardResponseError("the card gave an empty attestation")
    return certificate


def set_retries(pin: int, puk: int) -> Exchange[None]:
    """SET PIN RETRIES (FA): also puts PIN and PUK back to their factory values. Needs the administration
    key and the PIN.

    Args:
        pin: tries of the PIN, 1 to 15.
        puk: tries of the PUK, 1 to 15.
    """
    response = yield CommandAPDU(0x00, _SET_RETRIES, pin, puk)
    response.require(SW.OK, operation="set retries")


def set_management_key(algorithm: AdministrationAlgorithm, key: Secret) -> Exchange[None]:
    """SET MANAGEMENT KEY (FF, no touch asked): a new administration key, in clear. Needs the present one."""
    check_key(algorithm, key)
    head = bytes([algorithm.identifier, ADMINISTRATION, algorithm.key_length])
    data, field = head + bytes(algorithm.key_length), SecretField(len(head), key)
    response = yield CommandAPDU(0x00, _SET_MANAGEMENT_KEY, 0xFF, 0xFF, data, secrets=(field,))
    response.require(SW.OK, operation="set management key")


def reset() -> Exchange[None]:
    """RESET (FB): factory state; the card does it only when PIN and PUK are both blocked."""
    response = yield CommandAPDU(0x00, _RESET, 0x00, 0x00)
    response.require(SW.OK, operation="reset")
