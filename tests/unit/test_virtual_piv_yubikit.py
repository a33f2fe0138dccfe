"""The simulated card against an independent client: Yubico's own yubikit (yubikey-manager, installed without its dependencies)."""

from __future__ import annotations

import functools
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_keys import Algorithm, PrivateKey, make_key

pytest.importorskip("yubikit.piv", reason="yubikit is missing: pip install --no-deps yubikey-manager")

from yubikit.core import TRANSPORT
from yubikit.core.smartcard import ApduError, SmartCardConnection
from yubikit.piv import (
    KEY_TYPE,
    MANAGEMENT_KEY_TYPE,
    OBJECT_ID,
    PIN_POLICY,
    SLOT,
    TOUCH_POLICY,
    InvalidPinError,
    PivSession,
)

FACTORY_KEY = bytes(range(1, 9)) * 3
MAKER = Maker.create(attestation="RSA-2048")


@functools.cache
def key_maker(algorithm: Algorithm) -> PrivateKey:
    return make_key(algorithm)


class Connection(SmartCardConnection):
    """yubikit's way to the card: USB means extended length fields, NFC short ones and chains."""

    def __init__(self, card: VirtualPIVCard, kind: TRANSPORT) -> None:
        self._card = card
        self._kind = kind
        card.power_on()

    @property
    def transport(self) -> TRANSPORT:
        return self._kind

    def close(self) -> None:
        self._card.power_off()

    def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
        answer = self._card.transmit(apdu)
        return answer[:-2], int.from_bytes(answer[-2:], "big")


@pytest.fixture(params=[TRANSPORT.USB, TRANSPORT.NFC], ids=["extended", "chained"])
def session(request: pytest.FixtureRequest) -> PivSession:
    card = MAKER.blank(4711, key_maker=key_maker, extended=request.param is TRANSPORT.USB)
    return PivSession(Connection(card, request.param))


@pytest.fixture
def administered(session: PivSession) -> PivSession:
    session.authenticate(FACTORY_KEY)
    return session


def test_version_serial_and_factory_metadata(session: PivSession) -> None:
    assert tuple(session.version) == (5, 7, 1)
    assert session.get_serial() == 4711
    pin, puk = session.get_pin_metadata(), session.get_puk_metadata()
    assert (pin.default_value, pin.total_attempts, pin.attempts_remaining) == (True, 3, 3)
    assert (puk.default_value, puk.total_attempts, puk.attempts_remaining) == (True, 3, 3)
    key = session.get_management_key_metadata()
    assert (key.key_type, key.default_value, key.touch_policy) == (MANAGEMENT_KEY_TYPE.AES192, True, TOUCH_POLICY.NEVER)


def test_pin_and_puk_life(session: PivSession) -> None:
    session.verify_pin("123456")
    session.change_pin("123456", "87654321")
    session.change_puk("12345678", "11223344")
    assert not session.get_pin_metadata().default_value
    assert not session.get_puk_metadata().default_value
    for left in (2, 1, 0, 0):
        with pytest.raises(InvalidPinError) as caught:
            session.verify_pin("123456")
        assert caught.value.attempts_remaining == left
    with pytest.raises(InvalidPinError) as caught:
        session.unblock_pin("12345678", "123456")
    assert caught.value.attempts_remaining == 2
    session.unblock_pin("11223344", "123456")
    session.verify_pin("123456")
    assert session.get_pin_attempts() == 3


def test_pin_attempts_are_set_and_values_go_back_to_factory(administered: PivSession) -> None:
    administered.change_pin("123456", "87654321")
    administered.verify_pin("87654321")
    administered.set_pin_attempts(8, 4)
    assert administered.get_pin_metadata().total_attempts == 8
    assert administered.get_puk_metadata().total_attempts == 4
    administered.verify_pin("123456")


@pytest.mark.parametrize("kind", list(MANAGEMENT_KEY_TYPE))
def test_administration_keys_of_all_kinds(session: PivSession, kind: MANAGEMENT_KEY_TYPE) -> None:
    with pytest.raises(ApduError):
        session.set_management_key(kind, bytes(kind.key_len))
    session.authenticate(FACTORY_KEY)
    key = bytes(range(64, 64 + kind.key_len))
    session.set_management_key(kind, key, require_touch=True)
    found = session.get_management_key_metadata()
    assert (found.key_type, found.default_value, found.touch_policy) == (kind, False, TOUCH_POLICY.ALWAYS)
    with pytest.raises(ApduError):
        session.authenticate(bytes(kind.key_len))
    with pytest.raises(ApduError):
        session.put_object(OBJECT_ID.CHUID, b"x")
    session.authenticate(key)
    session.put_object(OBJECT_ID.CHUID, b"x")


def test_3des_factory_profile() -> None:
    session = PivSession(Connection(MAKER.blank(administration="3DES"), TRANSPORT.USB))
    assert session.management_key_type == MANAGEMENT_KEY_TYPE.TDES
    session.authenticate(FACTORY_KEY)
    session.put_object(OBJECT_ID.CHUID, b"x")


@pytest.mark.parametrize("kind", [KEY_TYPE.RSA2048, KEY_TYPE.RSA3072, KEY_TYPE.ECCP256, KEY_TYPE.ECCP384])
@pytest.mark.parametrize("slot", [SLOT.AUTHENTICATION, SLOT.SIGNATURE])
def test_generate_sign_and_attest(administered: PivSession, slot: SLOT, kind: KEY_TYPE) -> None:
    public = administered.generate_key(slot, kind, PIN_POLICY.DEFAULT, TOUCH_POLICY.DEFAULT)
    found = administered.get_slot_metadata(slot)
    assert (found.key_type, found.generated, found.public_key) == (kind, True, public)
    assert found.pin_policy == (PIN_POLICY.ALWAYS if slot is SLOT.SIGNATURE else PIN_POLICY.ONCE)
    with pytest.raises(ApduError):
        administered.sign(slot, kind, b"text", hashes.SHA256(), padding.PKCS1v15())
    administered.verify_pin("123456")
    if isinstance(public, rsa.RSAPublicKey):
        signature = administered.sign(slot, kind, b"text", hashes.SHA256(), padding.PKCS1v15())
        public.verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())
    else:
        digest = hashes.SHA256() if kind == KEY_TYPE.ECCP256 else hashes.SHA384()
        signature = administered.sign(slot, kind, b"text", digest)
        public.verify(signature, b"text", ec.ECDSA(digest))
    attestation = administered.attest_key(slot)
    assert attestation.public_key() == public
    attestation.verify_directly_issued_by(administered.get_certificate(SLOT.ATTESTATION))


@pytest.mark.parametrize("kind", [KEY_TYPE.ECCP256, KEY_TYPE.ECCP384])
def test_key_agreement(administered: PivSession, kind: KEY_TYPE) -> None:
    public = administered.generate_key(SLOT.KEY_MANAGEMENT, kind)
    mine = ec.generate_private_key(public.curve)
    administered.verify_pin("123456")
    assert administered.calculate_secret(SLOT.KEY_MANAGEMENT, mine.public_key()) == mine.exchange(ec.ECDH(), public)


def test_rsa_decryption(administered: PivSession) -> None:
    public = administered.generate_key(SLOT.KEY_MANAGEMENT, KEY_TYPE.RSA2048)
    administered.verify_pin("123456")
    for scheme in (padding.PKCS1v15(), padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)):
        assert administered.decrypt(SLOT.KEY_MANAGEMENT, public.encrypt(b"text", scheme), scheme) == b"text"


@pytest.mark.parametrize("algorithm", list(Algorithm), ids=lambda a: a.name)
def test_imported_keys_work_but_are_not_attested(administered: PivSession, algorithm: Algorithm) -> None:
    private = key_maker(algorithm)
    kind = administered.put_key(SLOT.AUTHENTICATION, private, PIN_POLICY.NEVER)
    found = administered.get_slot_metadata(SLOT.AUTHENTICATION)
    assert (found.generated, found.pin_policy, found.public_key) == (False, PIN_POLICY.NEVER, private.public_key())
    signature = administered.sign(SLOT.AUTHENTICATION, kind, b"text", hashes.SHA256(), padding.PKCS1v15())
    if isinstance(private, rsa.RSAPrivateKey):
        private.public_key().verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(ApduError):
        administered.attest_key(SLOT.AUTHENTICATION)


@pytest.mark.parametrize("compress", [False, True])
def test_certificates(administered: PivSession, compress: bool) -> None:
    key = key_maker(Algorithm.RSA2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2034, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    for slot in (SLOT.AUTHENTICATION, SLOT.RETIRED20):
        administered.put_certificate(slot, certificate, compress)
        assert administered.get_certificate(slot) == certificate
        administered.delete_certificate(slot)
        with pytest.raises(ApduError):
            administered.get_certificate(slot)


def test_move_delete_and_reset(administered: PivSession) -> None:
    public = administered.generate_key(SLOT.AUTHENTICATION, KEY_TYPE.ECCP256)
    administered.move_key(SLOT.AUTHENTICATION, SLOT.RETIRED1)
    assert administered.get_slot_metadata(SLOT.RETIRED1).public_key == public
    administered.delete_key(SLOT.RETIRED1)
    administered.set_management_key(MANAGEMENT_KEY_TYPE.AES256, bytes(32))
    administered.reset()
    assert administered.management_key_type == MANAGEMENT_KEY_TYPE.AES192
    assert administered.get_pin_metadata().attempts_remaining == 3
    administered.authenticate(FACTORY_KEY)
