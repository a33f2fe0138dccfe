"""PIV secure messaging: the core's end against the simulated card, which share no code, and the certificate between them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from piv_card import FACTORY_KEY, MAKER, key_maker
from zorgid_card.codec import tlv
from zorgid_card.codec.apdu import SW, CommandAPDU, ResponseAPDU, SecretField
from zorgid_card.codec.link import Link
from zorgid_card.codec.piv_messaging import CipherSuite, Establishment, PIVMessaging
from zorgid_card.errors import (
    CardResponseError,
    CertificateMalformedError,
    SecureChannelError,
    SignatureError,
    StatusWordError,
)
from zorgid_card.pki.cvc import read_cvc
from zorgid_card.protocol import piv
from zorgid_card.protocol.administration import administration_algorithm, authenticate_administration
from zorgid_card.protocol.iso7816 import select, verify
from zorgid_card.protocol.piv_messaging import establish
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv import PIV_AID
from zorgid_card.testkit.piv_messaging import CS2, CS7, CardMessagingSession, MessagingKey, Suite, agreed, point_of
from zorgid_card.testkit.reader import SimulatedReader

SIGNERS = {CS2: ec.generate_private_key(ec.SECP256R1()), CS7: ec.generate_private_key(ec.SECP384R1())}
KEYS = {suite: MessagingKey.create(signer, suite) for suite, signer in SIGNERS.items()}
SUITES = pytest.mark.parametrize("suite", [CS2, CS7], ids=["CS2", "CS7"])


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def trusting(signer: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    def judge(raw: bytes) -> bytes:
        certificate = read_cvc(raw)
        certificate.verify(spki(signer))
        return certificate.point

    return judge


class Wire:
    """The card behind a reader; notes commands and changes answers as a test asks."""

    def __init__(self, key: MessagingKey, *, extended: bool) -> None:
        reader = SimulatedReader()
        reader.insert(MAKER.blank(4711, key_maker=key_maker, extended=extended, dialect=False, messaging=key))
        self._channel = reader.connect()
        self.atr = self._channel.atr
        self.sent: list[bytes] = []
        self.change: Any = lambda answer: answer
        self.transaction = self._channel.transaction
        self.close = self._channel.close

    def transmit(self, command: Any, /) -> bytes:
        self.sent.append(bytes(command))
        changed: bytes = self.change(self._channel.transmit(command))
        return changed


def opened(suite: Suite = CS2, *, extended: bool = False) -> tuple[Link, Wire]:
    wire = Wire(KEYS[suite], extended=extended)
    link = Link(wire, extended=extended)
    template = link.run(select(PIV_AID))
    assert bytes([0x80, 0x01, suite.identifier]) in template
    link.secure = link.run(establish(CipherSuite(suite.identifier), trusting(SIGNERS[suite])))
    return link, wire


@SUITES
@pytest.mark.parametrize("extended", [False, True], ids=["chained", "extended"])
def test_a_card_is_used_over_the_session(suite: Suite, extended: bool) -> None:
    link, wire = opened(suite, extended=extended)
    link.run(verify(0x80, Secret.of(b"123456")))
    link.run(authenticate_administration(administration_algorithm("AES192"), Secret.of(FACTORY_KEY)))
    link.run(piv.generate(0x9A, piv.key_algorithm("ECCP256")))
    for count in (1, 12, 15, 16, 200, 240, 250, 1500):
        link.run(piv.put_data(0x5FC105, bytes(count)))
        assert link.run(piv.get_data(0x5FC105)) == bytes(count)
    assert link.run(piv.get_data(0x5FC107)) is None  # a protected 6A82
    protected = [raw for raw in wire.sent[2:] if raw[1] != 0xC0]
    assert all(raw[0] & 0x0C == 0x0C for raw in protected[-20:])
    assert not any(b"123456" in raw for raw in wire.sent)


def test_a_wrong_pin_is_told_under_protection() -> None:
    link, _ = opened()
    wrong = CommandAPDU(0, 0x20, 0, 0x80, b"\xff" * 8, secrets=(SecretField(0, Secret.of(b"654321")),))
    assert link.transmit(wrong) == ResponseAPDU(b"", 0x63C2)


def test_a_changed_answer_ends_the_session_and_nothing_follows_in_clear() -> None:
    link, wire = opened()
    wire.change = lambda answer: answer[:3] + bytes([answer[3] ^ 1]) + answer[4:]
    with pytest.raises(SecureChannelError, match="MAC"):
        link.run(verify(0x80, Secret.of(b"123456")))
    count = len(wire.sent)
    with pytest.raises(SecureChannelError):
        link.run(verify(0x80, Secret.of(b"123456")))
    assert len(wire.sent) == count


def test_a_bare_success_is_not_believed() -> None:
    link, wire = opened()
    wire.change = lambda answer: b"\x90\x00"
    with pytest.raises(SecureChannelError, match="MAC"):
        link.run(verify(0x80, Secret.of(b"123456")))


def test_a_replayed_command_ends_the_cards_session() -> None:
    link, wire = opened()
    link.transmit(CommandAPDU(0, 0x20, 0, 0x80))
    assert wire.transmit(wire.sent[-1]) == b"\x69\x88"
    assert link.transmit(CommandAPDU(0, 0x20, 0, 0x80)).sw == SW.SECURE_MESSAGING_WRONG
    with pytest.raises(SecureChannelError):
        link.transmit(CommandAPDU(0, 0x20, 0, 0x80))


def test_commands_that_lack_their_objects_are_refused() -> None:
    _, wire = opened()
    assert wire.transmit(bytes.fromhex("0C20008000")) == b"\x69\x87"
    assert wire.transmit(bytes.fromhex("0C200080028E0000")) == b"\x69\x88"


def test_a_card_with_another_key_than_its_certificate_is_refused() -> None:
    key = MessagingKey(CS2, ec.generate_private_key(ec.SECP256R1()), KEYS[CS2].certificate)
    link = Link(Wire(key, extended=False))
    link.run(select(PIV_AID))
    with pytest.raises(SecureChannelError, match="other keys"):
        link.run(establish(CipherSuite.CS2, trusting(SIGNERS[CS2])))


def test_a_certificate_of_another_signer_is_refused() -> None:
    link = Link(Wire(KEYS[CS2], extended=False))
    link.run(select(PIV_AID))
    with pytest.raises(SignatureError):
        link.run(establish(CipherSuite.CS2, trusting(ec.generate_private_key(ec.SECP256R1()))))


def test_another_suite_than_the_cards_is_refused() -> None:
    link = Link(Wire(KEYS[CS2], extended=False))
    with pytest.raises(StatusWordError):
        link.run(establish(CipherSuite.CS7, trusting(SIGNERS[CS7])))


@pytest.mark.parametrize("answer", ["7C028200", "7C03820100", "7C2382210100112233445566778899AABBCCDDEEFF" + "00" * 16])
def test_answers_of_another_form_are_refused(answer: str) -> None:
    exchange = establish(CipherSuite.CS2, lambda raw: raw)
    next(exchange)
    with pytest.raises(CardResponseError):
        exchange.send(ResponseAPDU(bytes.fromhex(answer), SW.OK))


def test_a_point_off_the_curve_is_refused() -> None:
    exchange = establish(CipherSuite.CS2, lambda raw: b"\x04" + bytes(64))
    next(exchange)
    with pytest.raises(CardResponseError, match="point"):
        exchange.send(ResponseAPDU(tlv.encode(0x7C, tlv.encode(0x82, bytes(40))), SW.OK))


# --- wrapping against wrapping


def pair(suite: Suite) -> tuple[PIVMessaging, CardMessagingSession]:
    key, host, nonce = KEYS[suite], ec.generate_private_key(suite.curve), bytes(range(suite.nonce_length))
    session, cryptogram = agreed(key, host.public_key(), b"hostname", nonce)
    established = Establishment(
        CipherSuite(suite.identifier),
        Secret.of(host.exchange(ec.ECDH(), key.private.public_key())),
        b"hostname",
        point_of(host.public_key()),
        hashlib.sha256(key.certificate).digest()[:8],
        nonce,
    )
    return PIVMessaging(established, cryptogram), session


TURNS = st.lists(
    st.tuples(
        st.binary(max_size=300) | st.binary(min_size=90, max_size=130),
        st.integers(0, 255),
        st.binary(max_size=300),
        st.sampled_from([0x9000, 0x63C2, 0x6A82]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=100)
@given(suite=st.sampled_from([CS2, CS7]), turns=TURNS)
def test_the_card_understands_what_the_core_wraps(suite: Suite, turns: list[tuple[bytes, int, bytes, int]]) -> None:
    host, card = pair(suite)
    for data, ins, answer, sw in turns:
        command = CommandAPDU(0x00, ins, 0x3F, 0xFF, data, 0)
        assert card.unwrap(host.wrap(command)) == command
        assert host.unwrap(card.wrap(ResponseAPDU(answer, sw))) == ResponseAPDU(answer, sw)


def test_fields_of_a_wrong_length_are_refused() -> None:
    with pytest.raises(ValueError, match="wrong length"):
        PIVMessaging(
            Establishment(CipherSuite.CS2, Secret.of(bytes(31)), bytes(8), bytes(65), bytes(8), bytes(16)), bytes(16)
        )
    with pytest.raises(ValueError, match="16 bytes"):
        PIVMessaging(
            Establishment(CipherSuite.CS2, Secret.of(bytes(32)), bytes(8), bytes(65), bytes(8), bytes(16)), bytes(15)
        )


# --- the certificate


@SUITES
def test_a_certificate_is_read_and_verified(suite: Suite) -> None:
    certificate = read_cvc(KEYS[suite].certificate)
    certificate.verify(spki(SIGNERS[suite]))
    assert certificate.point == point_of(KEYS[suite].private.public_key())
    assert certificate.public_key == spki(KEYS[suite].private)
    assert (certificate.role, certificate.subject, len(certificate.issuer)) == (0, bytes(16), 8)


@given(position=st.integers(min_value=0), change=st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(position: int, change: int) -> None:
    raw = bytearray(KEYS[CS2].certificate)
    raw[position % len(raw)] ^= change
    with pytest.raises((CertificateMalformedError, SignatureError)):
        read_cvc(bytes(raw)).verify(spki(SIGNERS[CS2]))


@given(raw=st.binary(max_size=60))
def test_other_bytes_are_no_certificate(raw: bytes) -> None:
    with pytest.raises(CertificateMalformedError):
        read_cvc(raw)
