"""ZORG-ID Smartcards made by hand in a moment, readers that count what crosses, and a log-in with them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from zorgid_card import recipes
from zorgid_card.cards import CardMemory, LastTry, PINRequest, PIVCard, UZIPass, ZorgIDCard
from zorgid_card.cards.profile import ZORGID_IDENTITY
from zorgid_card.codec.link import Link
from zorgid_card.codec.tlv import encode
from zorgid_card.ports.card import Channel, Octets
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.scp03 import ChannelKeys

MAKER = Maker.create()
PIN, OTHER_PIN = b"314159", b"271828"
FACTORY_PIN = b"123456"
_ISSUER = ec.generate_private_key(ec.SECP256R1())


def certificate_for(public_key: bytes) -> bytes:
    """A certificate with the identity of a ZORG-ID Smartcard, as long as a real one."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Zoë el Amrani")])
    policy = x509.PolicyInformation(x509.ObjectIdentifier("2.16.528.1.1"), ["https://zorg-id.example/" + "x" * 600])
    identity = x509.OtherName(x509.ObjectIdentifier(ZORGID_IDENTITY), encode(0x16, b"1-900000022"))
    key = load_der_public_key(public_key)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return (
        x509.CertificateBuilder(name, name, key, x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2029, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([identity]), critical=False)
        .add_extension(x509.CertificatePolicies([policy]), critical=False)
        .sign(_ISSUER, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def personalise(card: VirtualPIVCard, *, guid: bytes | None = None, key: bool = True) -> bytes:
    """Give a card (another) key, certificate and CHUID, as another program might; returns the certificate."""
    reader = SimulatedReader("at the maker's")
    reader.insert(card)
    channel = reader.connect()
    made = ZorgIDCard(Link(channel))
    with made.session():
        made.authenticate_administration(made.factory_secrets()[2])
        certificate = certificate_for(made.generate(0x9A, "ECCP256") if key else made.public_key(0x9A))
        made.write_certificate(0x9A, certificate)
        made.write_chuid(guid or secrets.token_bytes(16), date(2029, 1, 1))
    channel.close(reset=True)
    return certificate


def a_card(pin: bytes = PIN, *, guid: bytes | None = None, **options: ChannelKeys) -> VirtualPIVCard:
    """A ZORG-ID Smartcard of P-256 with this PIN."""
    card = MAKER.blank(**options)  # type: ignore[arg-type]
    personalise(card, guid=guid)
    reader = SimulatedReader("at the desk")
    reader.insert(card)
    ZorgIDCard(Link(reader.connect())).change_pin(Secret.of(FACTORY_PIN), Secret.of(pin))
    card.power_off()
    return card


def tries_left(card: VirtualPIVCard) -> int:
    """By the card itself; nothing is sent."""
    return card._state.pin.left


@dataclass
class Noted:
    """A channel that notes each physical command, and where transactions begin and end."""

    channel: Channel
    notes: list[str]

    @property
    def atr(self) -> bytes:
        return self.channel.atr

    def transmit(self, command: Octets, /) -> bytes:
        self.notes.append(_name(bytes(command)))
        return self.channel.transmit(command)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.channel.transaction():
            self.notes.append("[")
            yield
        self.notes.append("]")

    def close(self, *, reset: bool = False) -> None:
        self.channel.close(reset=reset)


_NAMES = {0xA4: "SELECT", 0xC0: "GET RESPONSE", 0x87: "GENERAL AUTHENTICATE", 0xCB: "GET DATA", 0xF7: "GET METADATA"}


def _name(command: bytes) -> str:
    if command[1] == 0x20:
        return "VERIFY" if command[4:] else "VERIFY?"
    return "CHUID" if command[5:] == bytes.fromhex("5C035FC10200") else _NAMES.get(command[1], command[:4].hex())


class NotingReader(SimulatedReader):
    """Notes what crosses, in order, with transactions in brackets."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def connect(self, **options: Any) -> Noted:  # type: ignore[override]
        return Noted(super().connect(**options), self.notes)


@dataclass
class Person:
    """Gives the PIN, remembers what was asked, and lets something happen before the answer."""

    pin: bytes = PIN
    word: bool = False
    meanwhile: Callable[[], object] = lambda: None
    asked: list[PINRequest] = field(default_factory=list)

    def __call__(self, request: PINRequest) -> Secret | LastTry:
        self.asked.append(request)
        self.meanwhile()
        secret = Secret.of(self.pin)
        return LastTry(secret) if self.word else secret


@dataclass(frozen=True)
class LoggedIn:
    """The certificate shown, whose key made the signature, and what had crossed by then, transactions in brackets."""

    certificate: bytes
    notes: list[str]

    @property
    def commands(self) -> list[str]:
        return [note for note in self.notes if note in {*_NAMES.values(), "CHUID", "VERIFY", "VERIFY?"}]


def sign_in(
    reader: NotingReader, memory: CardMemory | None, person: Person | None = None, *, data: bytes = b"nonce"
) -> LoggedIn:
    """Open the card, take its certificate, sign; the signature is verified here by the certificate shown."""
    reader.notes.clear()
    with recipes.open_card(reader, memory=memory) as card:
        assert isinstance(card, (PIVCard, UZIPass))
        certificate = card.authentication_certificate()
        signature = card.authentication_signer(person or Person()).sign(data)
        notes = list(reader.notes)
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    return LoggedIn(certificate, notes)
