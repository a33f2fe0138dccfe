"""What ``zorgid-card puk`` does."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.cards import ZorgIDCard
from zorgid_card.cli.console import TerminalHolder, TerminalKeyboard
from zorgid_card.cli.display import Display
from zorgid_card.cli.files import read_limited, require_new, write_new
from zorgid_card.cli.management.counter import unsigned
from zorgid_card.cli.place import Place
from zorgid_card.cli.shown import dump, error_as_json
from zorgid_card.errors import StorageError, WrongCardError, ZorgIDError
from zorgid_card.workflows.escrow import EscrowRoom, open_sealed
from zorgid_card.workflows.recovery import PUKReset

if TYPE_CHECKING:
    from zorgid_card.cli.database import Database

_LIMIT: Final = 16 * 1024
_MOST: Final = 2
"""Sealed PUKs of one card: two, where a recovery was interrupted."""


def told(display: Display, action: Callable[[], dict[str, Any]], *, as_data: bool) -> None:
    """Do it, and with ``as_data`` tell what came of it on standard output.

    Raises:
        ZorgIDError: what stands in the way; as data it was told on standard output, too.
    """
    try:
        found = action()
    except ZorgIDError as error:
        if as_data:
            click.echo(dump({"ok": False, "error": error_as_json(error, display.texts)}))
        raise
    if as_data:
        click.echo(dump(found | {"ok": True, "error": None}))


# --- who manages --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Who acts on which card, as the command line says.

    Who may run this command may write in the registry: that ``person`` is the one at the keyboard is for that place to see to.
    """

    serial: str
    db: str
    data_keys: Path | None
    person: str
    ura: str

    def ask(self, display: Display, reason: str) -> dict[str, Any]:
        """The first person asks."""
        with self._database() as database:
            EscrowRoom(database.registry, unsigned(database.registry)).ask(self.person, self.ura, self.serial, reason)
        display.say("puk.asked", "green", serial=self.serial)
        return self._about()

    def release(self, display: Display, out: Path) -> dict[str, Any]:
        """The second has it released, into a new file."""
        require_new(out)
        with self._database() as database:
            room = EscrowRoom(database.registry, unsigned(database.registry))
            sealed = room.release(self.person, self.ura, self.serial)
        text = [base64.b64encode(one).decode() for one in sealed]
        write_new(out, dump({"serial": self.serial, "sealed": text}).encode() + b"\n", private=True)
        display.say("puk.released", "green", serial=self.serial, path=str(out))
        return self._about() | {"file": str(out), "sealed": len(sealed)}

    def reset(self, display: Display, reason: str, keys: Path, reader: str | None) -> dict[str, Any]:
        """The portal sets it to the maker's."""
        with TerminalKeyboard().secret(display.texts("keys.passphrase")) as passphrase:
            store = FileKeyStore.open(keys, passphrase)
        with self._database() as database, Place(name=reader).card(display.texts) as (_, card):
            if not isinstance(card, ZorgIDCard):
                raise WrongCardError(expected="zorgid", found=card.kind.value)
            workflow = PUKReset(database.registry, unsigned(database.registry), store)
            workflow.reset(self.person, self.ura, self.serial, card.relay, reason)
        display.say("puk.reset", "green", serial=self.serial)
        return self._about()

    def _about(self) -> dict[str, Any]:
        return {"serial": self.serial, "person": self.person, "ura": self.ura}

    def _database(self) -> Database:
        from zorgid_card.cli.database import Database  # noqa: PLC0415  # needs SQLAlchemy, an extra

        return Database.of(self.db, self.data_keys)


# --- the key officer ----------------------------------------------------------------------------------------------------


def open_released(display: Display, path: Path, key_file: Path, descriptor: int | None) -> dict[str, Any]:
    """Open what was released, and show it, or write it to a descriptor."""
    serial, sealed = _released(path)
    key = _private_key(display, key_file)
    holder = TerminalHolder(display, TerminalKeyboard())
    for number, one in enumerate(sealed, 1):
        with open_sealed(key, serial, one) as puk:
            if descriptor is not None:
                with puk.expose() as digits:
                    os.write(descriptor, digits)
                os.write(descriptor, b"\n")
                continue
            if len(sealed) > 1:
                display.say("puk.one_of", number=number, total=len(sealed))
            holder.show_puk(puk)
    display.say("puk.opened", "green", serial=serial)
    return {"serial": serial, "opened": len(sealed)}


def _released(path: Path) -> tuple[str, tuple[bytes, ...]]:
    try:
        found = json.loads(read_limited(path, _LIMIT))
        serial, texts = found["serial"], found["sealed"]
        if not isinstance(serial, str) or not isinstance(texts, list) or not 1 <= len(texts) <= _MOST:
            raise ValueError("fields")
        return serial, tuple(base64.b64decode(text, validate=True) for text in texts)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise StorageError(f"{path} holds no released PUK", reason="malformed", path=str(path)) from error


def _private_key(display: Display, path: Path) -> ec.EllipticCurvePrivateKey:
    octets = read_limited(path, _LIMIT)
    try:
        if b"ENCRYPTED" not in octets:
            return _of_p256(load_pem_private_key(octets, None))
        with TerminalKeyboard().secret(display.texts("keys.key_passphrase")) as typed, typed.expose() as passphrase:
            return _of_p256(load_pem_private_key(octets, bytes(passphrase)))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StorageError(f"{path} holds no key that opens a PUK", reason="malformed", path=str(path)) from error


def _of_p256(key: object) -> ec.EllipticCurvePrivateKey:
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError("not a P-256 key")
    return key
