"""What a simulated PIV card remembers without power: PIN, PUK, administration key, keys and data objects.

It can be written to a file and read back, so that a demonstration may be continued. **Such a file holds the PIN, the PUK
and the private keys in clear**: it is for simulated cards, which have nothing to protect, and for nothing else.
"""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from zorgid_card.errors import StorageError
from zorgid_card.testkit.piv_keys import CardKey, Origin, PINPolicy, PrivateKey, TouchPolicy, algorithm_of
from zorgid_card.testkit.piv_objects import DISCOVERY
from zorgid_card.testkit.scp03 import ChannelKeys

PIN, PUK, ADMINISTRATION, ATTESTATION = (
    0x80,
    0x81,
    0x9B,
    0xF9,
)  # key references (SP 800-73-5 part 1, 4); F9 is Yubico's

FACTORY_PIN = b"123456\xff\xff"
FACTORY_PUK = b"12345678"
FACTORY_ADMINISTRATION_KEY = bytes(range(1, 9)) * 3
FACTORY_TRIES = 3
MOST_SHOWN = 15  # 63CX has one hexadecimal digit for the tries left

PIV_AID = bytes.fromhex("A000000308000010000100")
FACTORY_DISCOVERY = bytes.fromhex("7E124F0BA0000003080000100001005F2F024000")


class AdministrationAlgorithm(IntEnum):
    """Algorithm identifiers of the administration key 9B (SP 800-78-5, table 9; 3DES: SP 800-78-4)."""

    TDES = 0x03
    AES128 = 0x08
    AES192 = 0x0A
    AES256 = 0x0C

    @property
    def key_size(self) -> int:
        """Length of the key in bytes."""
        return {self.AES128: 16, self.AES256: 32}.get(self, 24)

    @property
    def block_size(self) -> int:
        """Length of challenge, witness and response in bytes."""
        return 8 if self is AdministrationAlgorithm.TDES else 16


@dataclass(slots=True)
class Reference:
    """Reference data with a retry counter: the PIN (80) or the PUK (81), padded to 8 bytes."""

    value: bytes
    tries: int = FACTORY_TRIES
    left: int = FACTORY_TRIES

    def __repr__(self) -> str:
        return f"<Reference, {self.left} of {self.tries} tries left>"

    def matches(self, value: bytes) -> bool:
        """Spend a try, compare, and give the tries back if equal: in that order, so that pulling the card gains nothing."""
        if self.left == 0:
            return False
        self.left -= 1
        if not hmac.compare_digest(self.value, value):
            return False
        self.left = self.tries
        return True

    def replace(self, value: bytes) -> None:
        """Take new reference data and set the counter to its reset value."""
        self.value, self.left = value, self.tries


@dataclass(slots=True)
class AdministrationKey:
    """The PIV Card Application Administration Key, 9B."""

    algorithm: AdministrationAlgorithm
    value: bytes
    touch_policy: TouchPolicy = TouchPolicy.NEVER

    def __repr__(self) -> str:
        return f"<AdministrationKey, {self.algorithm.name}>"

    def encrypt(self, block: bytes) -> bytes:
        """One block under the key (SP 800-73-5 part 2, A.1)."""
        cipher = TripleDES if self.algorithm is AdministrationAlgorithm.TDES else AES
        encryptor = Cipher(cipher(self.value), ECB()).encryptor()  # noqa: S305  # a random block, as the standard says
        return encryptor.update(block) + encryptor.finalize()

    @property
    def is_factory(self) -> bool:
        """Whether it is the key that every card leaves the maker with."""
        return self.value == FACTORY_ADMINISTRATION_KEY


@dataclass(frozen=True, slots=True)
class Production:
    """What the chip's maker and the batch leave in a card (CPLC); the serial is the state's."""

    fabricator: int
    batch: int

    def number(self, serial: int) -> int:
        """One number for the card: fabricator, batch and serial, 64 bits (docs/card-profile.md)."""
        return self.fabricator << 48 | self.batch << 32 | serial


@dataclass(slots=True)
class PIVState:
    """Everything that survives a power-off.

    ``channel`` are the static keys of SCP03, where the card has it; ``production`` is there on a card of the NIST dialect.
    """

    serial: int
    firmware: tuple[int, int, int]
    administration: AdministrationKey
    factory_administration: AdministrationAlgorithm
    pin: Reference = field(default_factory=lambda: Reference(FACTORY_PIN))
    puk: Reference = field(default_factory=lambda: Reference(FACTORY_PUK))
    keys: dict[int, CardKey] = field(default_factory=dict)
    objects: dict[int, bytes] = field(default_factory=lambda: {DISCOVERY: FACTORY_DISCOVERY})
    channel: ChannelKeys | None = None
    production: Production | None = None

    def __repr__(self) -> str:
        return f"<PIVState of card {self.serial}>"

    @property
    def number(self) -> int:
        """The hardware serial number, by which a portal knows the card."""
        return self.serial if self.production is None else self.production.number(self.serial)

    @classmethod
    def factory(cls, serial: int, firmware: tuple[int, int, int], administration: AdministrationAlgorithm) -> PIVState:
        """A card as its maker ships it, before the attestation key is put in."""
        key = AdministrationKey(administration, FACTORY_ADMINISTRATION_KEY)
        return cls(serial, firmware, key, administration)


_FORMAT = "zorgid-card simulated PIV card; keys, PIN and PUK in clear, for simulation only"


def save_state(state: PIVState, path: Path) -> None:
    """Write a card to a file, readable by its owner only; an existing file is replaced whole or not at all.

    Raises:
        StorageError: the file could not be written.
    """
    write_json(_to_json(state), path)


def load_state(path: Path) -> PIVState:
    """Read a card from a file that :func:`save_state` wrote.

    Raises:
        StorageError: the file could not be read, or is not such a file.
    """
    loaded = read_json(path, _FORMAT)
    try:
        return _from_json(loaded)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise StorageError(f"{path} is not a simulated card", reason=type(error).__name__) from None


def write_json(value: dict[str, Any], path: Path) -> None:
    """Write JSON beside ``path`` and move it there.

    Raises:
        StorageError: the file could not be written.
    """
    beside = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StorageError(f"{path} could not be written", reason=str(error.strerror)) from error


def read_json(path: Path, form: str) -> dict[str, Any]:
    """Read JSON whose ``format`` is ``form``.

    Raises:
        StorageError: the file could not be read, or is another kind of file.
    """
    try:
        loaded = json.loads(path.read_bytes())
    except OSError as error:
        raise StorageError(f"{path} could not be read", reason=str(error.strerror)) from error
    except (ValueError, RecursionError):
        loaded = None
    if not isinstance(loaded, dict) or loaded.get("format") != form:
        raise StorageError(f"{path} is not of this kind", reason=form)
    return loaded


def _to_json(state: PIVState) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "serial": state.serial,
        "firmware": list(state.firmware),
        "factory_administration": state.factory_administration.name,
        "administration": {
            "algorithm": state.administration.algorithm.name,
            "value": state.administration.value.hex(),
            "touch": state.administration.touch_policy.name,
        },
        "pin": _reference_to_json(state.pin),
        "puk": _reference_to_json(state.puk),
        "keys": {f"{slot:02X}": _key_to_json(key) for slot, key in sorted(state.keys.items())},
        "objects": {f"{tag:X}": content.hex() for tag, content in sorted(state.objects.items())},
        **_optional_to_json(state),
    }


def _optional_to_json(state: PIVState) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if state.channel is not None:
        keys = state.channel
        found["channel"] = {"enc": keys.enc.hex(), "mac": keys.mac.hex(), "version": keys.version}
    if state.production is not None:
        found["production"] = {"fabricator": state.production.fabricator, "batch": state.production.batch}
    return found


def _channel_from_json(loaded: dict[str, Any] | None) -> ChannelKeys | None:
    if loaded is None:
        return None
    keys = ChannelKeys(bytes.fromhex(loaded["enc"]), bytes.fromhex(loaded["mac"]), int(loaded["version"]))
    if len(keys.enc) not in {16, 24, 32} or len(keys.mac) != len(keys.enc):
        raise ValueError("channel keys")
    return keys


def _production_from_json(loaded: dict[str, Any] | None) -> Production | None:
    if loaded is None:
        return None
    production = Production(int(loaded["fabricator"]), int(loaded["batch"]))
    if not (0 <= production.fabricator < 1 << 16 and 0 <= production.batch < 1 << 16):
        raise ValueError("production")
    return production


def _from_json(loaded: dict[str, Any]) -> PIVState:
    administration = loaded["administration"]
    algorithm = AdministrationAlgorithm[administration["algorithm"]]
    value = bytes.fromhex(administration["value"])
    if len(value) != algorithm.key_size:
        raise ValueError("administration key")
    major, minor, patch = (int(part) for part in loaded["firmware"])
    return PIVState(
        serial=int(loaded["serial"]),
        firmware=(major, minor, patch),
        administration=AdministrationKey(algorithm, value, TouchPolicy[administration["touch"]]),
        factory_administration=AdministrationAlgorithm[loaded["factory_administration"]],
        pin=_reference_from_json(loaded["pin"]),
        puk=_reference_from_json(loaded["puk"]),
        keys={int(slot, 16): _key_from_json(key) for slot, key in loaded["keys"].items()},
        objects={int(tag, 16): bytes.fromhex(content) for tag, content in loaded["objects"].items()},
        channel=_channel_from_json(loaded.get("channel")),
        production=_production_from_json(loaded.get("production")),
    )


def _reference_to_json(reference: Reference) -> dict[str, Any]:
    return {"value": reference.value.hex(), "tries": reference.tries, "left": reference.left}


def _reference_from_json(loaded: dict[str, Any]) -> Reference:
    reference = Reference(bytes.fromhex(loaded["value"]), int(loaded["tries"]), int(loaded["left"]))
    if len(reference.value) != 8 or not 0 <= reference.left <= reference.tries <= MOST_SHOWN:
        raise ValueError("reference")
    return reference


def private_to_hex(key: PrivateKey) -> str:
    """A private key as unencrypted PKCS#8, hexadecimal."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()).hex()


def private_from_hex(text: str) -> PrivateKey:
    """A private key of :func:`private_to_hex`.

    Raises:
        ValueError: it is none, or not RSA or EC.
    """
    key = load_der_private_key(bytes.fromhex(text), None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("kind of key")  # a wrong file, not a programming error
    return key


def _key_to_json(key: CardKey) -> dict[str, Any]:
    return {
        "private": private_to_hex(key.private),
        "pin_policy": key.pin_policy.name,
        "touch_policy": key.touch_policy.name,
        "origin": key.origin.name,
    }


def _key_from_json(loaded: dict[str, Any]) -> CardKey:
    private = private_from_hex(loaded["private"])
    return CardKey(
        algorithm_of(private),
        private,
        PINPolicy[loaded["pin_policy"]],
        TouchPolicy[loaded["touch_policy"]],
        Origin[loaded["origin"]],
    )
