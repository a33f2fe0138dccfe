"""Yubico's personalisation dialect: what SP 800-73 leaves to a maker, as Yubico's firmware 5.7 does it.

Instructions F6 (move), F7 (metadata), F8 (serial), F9 (attest), FA (retries), FB (reset), FD (version), FE (import), FF (set
administration key); https://docs.yubico.com/yesdk/users-manual/application-piv/commands.html and
https://developers.yubico.com/PIV/Introduction/PIV_attestation.html. A simulated card is never touched, so that touch
policies are kept and shown, but wait for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from zorgid_card.codec import tlv
from zorgid_card.codec.apdu import SW, CommandAPDU
from zorgid_card.testkit.card import Refused
from zorgid_card.testkit.piv_keys import CardKey, Origin, TouchPolicy, asymmetric, import_key
from zorgid_card.testkit.piv_objects import ATTESTATION_CERTIFICATE
from zorgid_card.testkit.piv_state import (
    ADMINISTRATION,
    ATTESTATION,
    FACTORY_PIN,
    FACTORY_PUK,
    MOST_SHOWN,
    PIN,
    PUK,
    AdministrationAlgorithm,
    AdministrationKey,
    PIVState,
    Reference,
)

if TYPE_CHECKING:
    from zorgid_card.testkit.piv import PIVApplication

FORM_FACTOR = 0x01
EXTENSION_FIRMWARE = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.3")
EXTENSION_SERIAL = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.7")
EXTENSION_POLICIES = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.8")
EXTENSION_FORM_FACTOR = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.9")
NO_ALGORITHM = 0xFF
TOUCH_NEVER, TOUCH_ALWAYS = 0xFF, 0xFE


class YubicoDialect:
    """The dialect's instructions for one card application; :attr:`handlers` is the table."""

    def __init__(self, application: PIVApplication) -> None:
        self._application = application
        self.handlers: dict[int, Callable[[CommandAPDU], bytes]] = {
            0xF6: self._move,
            0xF7: self._metadata,
            0xF8: self._serial,
            0xF9: self._attest,
            0xFA: self._set_tries,
            0xFB: self._reset,
            0xFD: self._version,
            0xFE: self._import,
            0xFF: self._set_administration_key,
        }

    @property
    def _state(self) -> PIVState:
        return self._application.state

    def _version(self, command: CommandAPDU) -> bytes:
        """GET VERSION: major, minor, patch."""
        _require(command, 0x00, 0x00)
        return bytes(self._state.firmware)

    def _serial(self, command: CommandAPDU) -> bytes:
        """GET SERIAL NUMBER: 4 bytes, big-endian."""
        _require(command, 0x00, 0x00)
        return self._state.serial.to_bytes(4, "big")

    def _metadata(self, command: CommandAPDU) -> bytes:
        """GET METADATA of the PIN, the PUK, the administration key or a slot."""
        if command.p1 != 0x00:
            raise Refused(SW.WRONG_P1P2)
        if command.p2 == PIN:
            return _reference_metadata(self._state.pin, FACTORY_PIN)
        if command.p2 == PUK:
            return _reference_metadata(self._state.puk, FACTORY_PUK)
        if command.p2 == ADMINISTRATION:
            return _administration_metadata(self._state.administration)
        key = self._state.keys.get(command.p2)
        if key is None:
            raise Refused(SW.REF_NOT_FOUND)
        return _key_metadata(key)

    def _attest(self, command: CommandAPDU) -> bytes:
        """ATTEST: a certificate by the F9 key for a key that was generated on the card."""
        if command.p2 != 0x00 or command.p1 == ATTESTATION:
            raise Refused(SW.WRONG_P1P2)
        self._application.require_slot(command.p1)
        key, signer = self._state.keys.get(command.p1), self._state.keys.get(ATTESTATION)
        if key is None or signer is None:
            raise Refused(SW.REF_NOT_FOUND)
        if key.origin is not Origin.GENERATED:
            raise Refused(SW.WRONG_DATA)
        return _attestation(self._state, command.p1, key, signer, self._attestation_issuer())

    def _attestation_issuer(self) -> x509.Certificate:
        """The certificate of the F9 key, as stored: tag 70 within object 5FFF01."""
        content = self._state.objects.get(ATTESTATION_CERTIFICATE, b"")
        try:
            return x509.load_der_x509_certificate(tlv.Index(content, opaque={0x71}).first(0x70))
        except ValueError:
            raise Refused(SW.CONDITIONS) from None

    def _set_tries(self, command: CommandAPDU) -> bytes:
        """SET PIN RETRIES: new limits; PIN and PUK get their factory values. Wants the administrator and the PIN."""
        self._application.require_administrator()
        if not self._application.session.pin:
            raise Refused(SW.SECURITY_STATUS)
        if not (0 < command.p1 <= MOST_SHOWN and 0 < command.p2 <= MOST_SHOWN):
            raise Refused(SW.WRONG_P1P2)
        self._state.pin = Reference(FACTORY_PIN, command.p1, command.p1)
        self._state.puk = Reference(FACTORY_PUK, command.p2, command.p2)
        self._application.session.pin = False
        return b""

    def _reset(self, command: CommandAPDU) -> bytes:
        """RESET: back to the factory state, once PIN and PUK are both blocked; the attestation key stays."""
        _require(command, 0x00, 0x00)
        state = self._state
        if state.pin.left or state.puk.left:
            raise Refused(SW.CONDITIONS)
        factory = PIVState.factory(state.serial, state.firmware, state.factory_administration)
        state.pin, state.puk, state.administration = factory.pin, factory.puk, factory.administration
        state.keys = {slot: key for slot, key in state.keys.items() if slot == ATTESTATION}
        kept = {tag: content for tag, content in state.objects.items() if tag == ATTESTATION_CERTIFICATE}
        state.objects = factory.objects | kept
        self._application.reset()
        return b""

    def _set_administration_key(self, command: CommandAPDU) -> bytes:
        """SET MANAGEMENT KEY: algorithm, then the key in tag 9B; it crosses in clear."""
        self._application.require_administrator()
        if command.p1 != 0xFF or command.p2 not in {TOUCH_NEVER, TOUCH_ALWAYS}:
            raise Refused(SW.WRONG_P1P2)
        try:
            algorithm = AdministrationAlgorithm(command.data[0] if command.data else 0)
        except ValueError:
            raise Refused(SW.WRONG_DATA) from None
        parts = tlv.Index(command.data[1:]).items()
        if [tag for tag, _ in parts] != [ADMINISTRATION] or len(parts[0][1]) != algorithm.key_size:
            raise Refused(SW.WRONG_DATA)
        touch = TouchPolicy.ALWAYS if command.p2 == TOUCH_ALWAYS else TouchPolicy.NEVER
        self._state.administration = AdministrationKey(algorithm, parts[0][1], touch)
        return b""

    def _import(self, command: CommandAPDU) -> bytes:
        """IMPORT ASYMMETRIC KEY: a key made elsewhere; it can never be attested."""
        application = self._application
        application.require_administrator()
        application.require_slot(command.p2)
        algorithm = asymmetric(command.p1, SW.WRONG_P1P2)
        parts = dict(tlv.Index(command.data, opaque={0xAA, 0xAB}).items())
        private = import_key(algorithm, parts)
        policies = application.policies(command.p2, parts)
        self._state.keys[command.p2] = CardKey(algorithm, private, *policies, Origin.IMPORTED)
        return b""

    def _move(self, command: CommandAPDU) -> bytes:
        """MOVE KEY from slot P2 to slot P1, or delete it (P1 = FF)."""
        self._application.require_administrator()
        self._application.require_slot(command.p2)
        if command.p1 != 0xFF:
            self._application.require_slot(command.p1)
            if command.p1 in self._state.keys or ATTESTATION in {command.p1, command.p2}:
                raise Refused(SW.WRONG_P1P2)
        if command.p2 not in self._state.keys:
            raise Refused(SW.REF_NOT_FOUND)
        key = self._state.keys.pop(command.p2)
        if command.p1 != 0xFF:
            self._state.keys[command.p1] = key
        return b""


def _require(command: CommandAPDU, p1: int, p2: int) -> None:
    if (command.p1, command.p2) != (p1, p2):
        raise Refused(SW.WRONG_P1P2)


def _reference_metadata(reference: Reference, factory: bytes) -> bytes:
    return (
        tlv.encode(0x01, bytes([NO_ALGORITHM]))
        + tlv.encode(0x05, bytes([reference.value == factory]))
        + tlv.encode(0x06, bytes([reference.tries, reference.left]))
    )


def _administration_metadata(key: AdministrationKey) -> bytes:
    return (
        tlv.encode(0x01, bytes([key.algorithm]))
        + tlv.encode(0x02, bytes([0x00, key.touch_policy]))
        + tlv.encode(0x05, bytes([key.is_factory]))
    )


def _key_metadata(key: CardKey) -> bytes:
    return (
        tlv.encode(0x01, bytes([key.algorithm]))
        + tlv.encode(0x02, bytes([key.pin_policy, key.touch_policy]))
        + tlv.encode(0x03, bytes([key.origin]))
        + tlv.encode(0x04, key.public_objects())
    )


def _attestation(state: PIVState, slot: int, key: CardKey, signer: CardKey, issuer: x509.Certificate) -> bytes:
    """The attestation certificate: the key, and in extensions what the card says of itself and of the key."""
    serial = state.serial.to_bytes(state.serial.bit_length() // 8 + 1, "big")
    extensions = {
        EXTENSION_FIRMWARE: bytes(state.firmware),
        EXTENSION_SERIAL: tlv.encode(0x02, serial),
        EXTENSION_POLICIES: bytes([key.pin_policy, key.touch_policy]),
        EXTENSION_FORM_FACTOR: bytes([FORM_FACTOR]),
    }
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"PIV Attestation {slot:02x}")]))
        .issuer_name(issuer.subject)
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .serial_number(x509.random_serial_number())
        .public_key(key.private.public_key())
    )
    for oid, value in extensions.items():
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder.sign(signer.private, digest_for(signer)).public_bytes(Encoding.DER)


def digest_for(key: CardKey) -> hashes.SHA256 | hashes.SHA384:
    """The hash that goes with a signing key: SHA-384 for P-384, else SHA-256."""
    if isinstance(key.private, ec.EllipticCurvePrivateKey) and key.private.curve.key_size > 256:
        return hashes.SHA384()
    return hashes.SHA256()
