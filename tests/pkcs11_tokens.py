"""Tokens of SoftHSM like a UZI pass, who gives them a PIN, and openssl, which judges what they sign."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import softhsm
from softhsm import PIN, certificate, private_key, spki
from zorgid_card.adapters.pkcs11 import PKCS11Module
from zorgid_card.cards import LastTry, PINRequest
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import Person, Subscriber, Usage

HOLDER = Person("Zoë", "Amrani", "900000022", prefixes="el", birth_date=date(1985, 6, 7))
SUBSCRIBER = Subscriber("Huisartsenpraktijk De Linde", "90000123")
IDENTIFIERS = {Usage.AUTHENTICITY: b"\x45", Usage.SIGNATURE: b"\x46", Usage.CONFIDENTIALITY: b"\x47"}


def make_token(label: str, *objects: softhsm.Attributes) -> int:
    """One more token with these objects; gives its slot."""
    softhsm.initialise(label)
    with PKCS11Module(softhsm.module()) as module:
        (slot,) = (info.slot for info in module.tokens() if info.label == label)
    softhsm.fill(str(softhsm.module()), slot, objects)
    return slot


def uzi_objects(contents: PassContents) -> list[softhsm.Attributes]:
    """Labels that mislead, and the certificates before the keys and in another order: nothing may depend on that."""
    certificates = [
        certificate(IDENTIFIERS[usage], contents.certificates[usage], f"not {usage}") for usage in reversed(IDENTIFIERS)
    ]
    issuers = [certificate(b"\xf0" + bytes([number]), der) for number, der in enumerate(contents.chain)]
    keys = [
        private_key(identifier, contents.keys[usage], "key", always=usage is Usage.SIGNATURE)
        for usage, identifier in IDENTIFIERS.items()
    ]
    return [*issuers, *certificates, *keys]


class Keyboard:
    """What is typed, in its order."""

    def __init__(self, answers: Iterable[str | bytes]) -> None:
        self._left = list(answers)

    def line(self, prompt: str, /) -> str:
        return str(self._left.pop(0))

    def secret(self, prompt: str, /) -> Secret:
        return Secret.of(self._left.pop(0))  # type: ignore[arg-type]


class Provider:
    """Gives a PIN, and remembers what was asked."""

    def __init__(self, pin: bytes = PIN, *, last_try: bool = False) -> None:
        self.pin, self.last_try = pin, last_try
        self.asked: list[PINRequest] = []

    def __call__(self, request: PINRequest) -> Secret | LastTry:
        self.asked.append(request)
        return LastTry(Secret.of(self.pin)) if self.last_try else Secret.of(self.pin)


def openssl(*arguments: str | Path, given: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *map(str, arguments)], input=given, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def verify(der: bytes, signature: bytes, data: bytes, directory: Path, *options: str) -> None:
    """openssl says whether this is a signature over SHA-256 of the data."""
    key, place = directory / "key.pem", directory / "signature"
    key.write_bytes(spki(der))
    place.write_bytes(signature)
    told = openssl("dgst", "-sha256", "-verify", key, "-signature", place, *options, given=data)
    assert b"Verified OK" in told
