"""What ``zorgid-card keys`` does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from zorgid_card.adapters.diversified import LENGTHS, administration_label, channel_label, counter_mode
from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.cli.console import TerminalHolder, TerminalKeyboard
from zorgid_card.cli.display import Display
from zorgid_card.errors import PassphraseError, PINMismatchError, UsageError
from zorgid_card.pki.authority import Authority
from zorgid_card.ports.keys import Batch, KeyStore
from zorgid_card.secret import Secret
from zorgid_card.workflows.holder import Question
from zorgid_card.workflows.key_generations import require_unused

_DIGITS: Final = {ord(digit): value for value, pair in enumerate(zip("0123456789abcdef", "0123456789ABCDEF", strict=True))
                  for digit in pair}  # fmt: skip
_BLANKS: Final = b" \t-:"
_CHECK_OCTETS: Final = 3
_EXAMPLE_SERIALS: Final = ("10000001", "10999999")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the keys are: in a file, or in an HSM."""

    file: Path | None
    module: Path | None
    token: str

    @classmethod
    def of(cls, file: Path | None, module: Path | None, token: str | None) -> Place:
        """From the command line.

        Raises:
            UsageError: it names no place, or two.
        """
        named = (file is not None, module is not None, token is not None)
        if named not in ((True, False, False), (False, True, True)):
            raise UsageError("name a key file, or module and token of an HSM", reason="store")
        return cls(file, module, token or "")

    @contextmanager
    def opened(self, display: Display, *, make: bool = False) -> Iterator[KeyStore]:
        """The key store; passphrase or PIN is asked for."""
        if self.file is not None:
            yield (_created if make else _opened)(self.file, display)
            return
        from zorgid_card.adapters.pkcs11.hsm import HSM, HSMKeyStore  # noqa: PLC0415  # loads cffi's parser

        assert self.module is not None  # noqa: S101  # see of()
        with (
            TerminalKeyboard().secret(display.texts("keys.hsm_pin")) as pin,
            HSM(self.module, self.token, pin) as hsm,
        ):
            yield HSMKeyStore.create(hsm) if make else HSMKeyStore(hsm)


def _opened(path: Path, display: Display) -> FileKeyStore:
    with TerminalKeyboard().secret(display.texts("keys.passphrase")) as passphrase:
        return FileKeyStore.open(path, passphrase)


def _created(path: Path, display: Display) -> FileKeyStore:
    with _chosen(display) as passphrase:
        return FileKeyStore.create(path, passphrase)


@contextmanager
def _chosen(display: Display) -> Iterator[Secret]:
    """A new passphrase, typed twice."""
    keyboard = TerminalKeyboard()
    with (
        keyboard.secret(display.texts("keys.new_passphrase")) as passphrase,
        keyboard.secret(display.texts("keys.again")) as again,
    ):
        try:
            passphrase.require_equal(again)
        except PINMismatchError as error:
            raise UsageError("the two passphrases differ", reason="passphrases") from error
        yield passphrase


def create(display: Display, place: Place) -> None:
    """Make the key store."""
    with place.opened(display, make=True):
        display.say("keys.created", "green")


def show(display: Display, place: Place, *, as_data: bool) -> None:
    """Which keys there are."""
    with place.opened(display) as store:
        masters, batches = store.masters(), store.batches()
    if as_data:
        told = {
            "masters": [{"generation": m.generation, "made": m.made.isoformat() if m.made else None} for m in masters],
            "batches": [{"first": batch.first, "last": batch.last} for batch in batches],
        }
        click.echo(json.dumps(told))
        return
    texts = display.texts
    newest = masters[-1].generation if masters else 0
    display.table(
        [texts("keys.master"), texts("keys.made"), texts("keys.use")],
        [
            (
                str(master.generation),
                master.made.date().isoformat() if master.made else texts("keys.unknown"),
                texts("keys.newest" if master.generation == newest else "keys.older"),
            )
            for master in masters
        ],
    )
    display.facts((texts("keys.batch"), f"{batch.first} – {batch.last}") for batch in batches)


def rotate(display: Display, place: Place) -> None:
    """Make a master key of a new generation."""
    with place.opened(display) as store:
        display.say("keys.rotated", "green", generation=store.rotate())


def passphrase(display: Display, place: Place) -> None:
    """Change the passphrase of a key file, and of the CA's keys beside it, as a portal keeps them.

    Interrupted, each file opens by one of the two passphrases: done again, it goes on with the rest.
    """
    if place.file is None:
        raise UsageError("an HSM has its own tool for that", reason="hsm-passphrase")
    ca = place.file.parent / "ca"
    with_ca = (ca / "root.key.pem").exists()
    with TerminalKeyboard().secret(display.texts("keys.passphrase")) as present, _chosen(display) as new:
        try:
            store = FileKeyStore.open(place.file, present)
        except PassphraseError:
            store = FileKeyStore.open(place.file, new)  # it was changed before
        if with_ca:
            Authority.change_passphrase(ca, present, new)
        store.change_passphrase(new)
    display.say("keys.passphrase_changed", "green", ca=str(ca) if with_ca else None)


def retire(display: Display, place: Place, generation: int, db: str | None, data_keys: Path | None) -> None:
    """Take away a master key that no card needs any more."""
    with place.opened(display) as store:
        if db is not None:
            _require_unused(db, data_keys, generation)
        else:
            question = Question("retire-key", (("generation", str(generation)),))
            TerminalHolder(display, TerminalKeyboard()).confirm(question)
        store.retire(generation)
    display.say("keys.retired", "green", generation=generation)


def _require_unused(db: str, data_keys: Path | None, generation: int) -> None:
    from zorgid_card.cli.database import Database  # noqa: PLC0415  # needs SQLAlchemy, which other commands do not

    with Database.of(db, data_keys) as database:
        require_unused(database.registry, generation)


def add_batch(display: Display, place: Place, first: str, last: str) -> None:
    """Keep a batch key."""
    batch = Batch(first, last)
    with (
        place.opened(display) as store,
        TerminalKeyboard().secret(display.texts("keys.batch_key")) as typed,
        secret_of_hex(typed) as key,
    ):
        store.add_batch(batch, key)
        display.say("keys.added", "green", check=check_value(key))


def secret_of_hex(text: Secret) -> Secret:
    """The key that was typed in hexadecimal, with blanks or without.

    Raises:
        UsageError: it is no AES key.
    """
    with text.expose() as typed:
        digits = [_DIGITS.get(octet, -1) for octet in typed if octet not in _BLANKS]
    if -1 in digits or len(digits) // 2 not in LENGTHS.values() or len(digits) % 2:
        raise UsageError("not a key in hexadecimal", reason="hex")
    return Secret.take(bytearray(16 * high + low for high, low in zip(digits[::2], digits[1::2], strict=True)))


def check_value(key: Secret) -> str:
    """Key check value of an AES key (GlobalPlatform Card Specification 2.3.1, B.6): of a block of 01, the first 3 octets."""
    with key.expose() as octets:
        cipher = Cipher(algorithms.AES(bytes(octets)), modes.ECB()).encryptor()  # noqa: S305  # one block, as it is defined
    return cipher.update(b"\x01" * 16)[:_CHECK_OCTETS].hex().upper()


def vectors(display: Display, *, as_data: bool) -> None:
    """Test vectors: of public keys that nobody uses."""
    found = [*_channel_vectors(), *_administration_vectors()]
    if as_data:
        click.echo(json.dumps({"kdf": "SP 800-108r1 counter mode, AES-CMAC, r = 32, L in 32 bits", "vectors": found}))
        return
    for vector in found:
        display.facts(vector.items())
        display.line("")


def _channel_vectors() -> Iterator[dict[str, str]]:
    for length in LENGTHS.values():
        for serial in _EXAMPLE_SERIALS:
            for use in ("ENC", "MAC"):
                yield _vector(bytes(range(length)), channel_label(use, length), serial, length)


def _administration_vectors() -> Iterator[dict[str, str]]:
    for algorithm, length in LENGTHS.items():
        yield _vector(bytes(range(32)), administration_label(algorithm), _EXAMPLE_SERIALS[0], length)


def _vector(key: bytes, label: bytes, serial: str, length: int) -> dict[str, str]:
    def prf(data: bytes) -> bytes:
        mac = CMAC(algorithms.AES(key))
        mac.update(data)
        return mac.finalize()

    with counter_mode(prf, label, serial.encode(), length).expose() as derived:
        return {"key": key.hex(), "label": label.decode(), "serial": serial, "derived": bytes(derived).hex()}
