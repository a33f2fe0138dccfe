"""A program that drives the card in a reader with Yubico's yubikit, over pyscard: one session for each command.

``python yubikit_client.py READER COMMAND ARGUMENT…``; PIN 123456, and the factory's administration key, whose kind the card tells.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from smartcard.System import readers
from ykman.pcsc import ScardYubiKeyDevice
from yubikit.core.smartcard import SmartCardConnection
from yubikit.piv import KEY_TYPE, MANAGEMENT_KEY_TYPE, SLOT, InvalidPinError, PivSession

PIN = "123456"
FACTORY_KEY = bytes(range(1, 9)) * 3
HASHES = {KEY_TYPE.ECCP384: SHA384()}


def administer(piv: PivSession) -> None:
    assert piv.management_key_type == MANAGEMENT_KEY_TYPE.AES192
    piv.authenticate(FACTORY_KEY)


def generate(piv: PivSession, slot: str, kind: str, public: str) -> None:
    administer(piv)
    key = piv.generate_key(SLOT[slot], KEY_TYPE[kind])
    Path(public).write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def certify(piv: PivSession, slot: str, certificate: str) -> None:
    administer(piv)
    piv.put_certificate(SLOT[slot], x509.load_pem_x509_certificate(Path(certificate).read_bytes()))


def sign(piv: PivSession, slot: str, kind: str, source: str, target: str) -> None:
    piv.verify_pin(PIN)
    digest = HASHES.get(KEY_TYPE[kind], SHA256())
    Path(target).write_bytes(piv.sign(SLOT[slot], KEY_TYPE[kind], Path(source).read_bytes(), digest, PKCS1v15()))


def decipher(piv: PivSession, slot: str, source: str, target: str) -> None:
    piv.verify_pin(PIN)
    Path(target).write_bytes(piv.decrypt(SLOT[slot], Path(source).read_bytes(), PKCS1v15()))


def agree(piv: PivSession, slot: str, other: str, target: str) -> None:
    piv.verify_pin(PIN)
    Path(target).write_bytes(piv.calculate_secret(SLOT[slot], load_pem_public_key(Path(other).read_bytes())))


def pins(piv: PivSession) -> None:
    """Change the PIN and the PUK, block the PIN, unblock it; the PIN is the same at the end."""
    piv.change_pin(PIN, "87654321")
    piv.change_puk("12345678", "11223344")
    for left in (2, 1, 0):
        try:
            piv.verify_pin("000000")
        except InvalidPinError as error:
            assert error.attempts_remaining == left
        else:
            raise AssertionError("a wrong PIN was taken")
        assert piv.get_pin_attempts() == left
    piv.unblock_pin("11223344", PIN)
    piv.verify_pin(PIN)


COMMANDS = {function.__name__: function for function in (generate, certify, sign, decipher, agree, pins)}

if __name__ == "__main__":
    name, command, *arguments = sys.argv[1:]
    (reader,) = (reader for reader in readers() if reader.name == name)
    with ScardYubiKeyDevice(reader).open_connection(SmartCardConnection) as connection:
        session = PivSession(connection)
        COMMANDS[command](session, *arguments)
        print(f"{command} done, firmware {session.version}")  # noqa: T201  # a program
