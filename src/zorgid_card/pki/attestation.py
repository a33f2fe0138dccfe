"""Attestation: proof that a key was generated on a card and is still there (CRD-7).

The form is Yubico's: the card signs, with its attestation key, an X.509 certificate for the key in a slot;
the attestation key's own certificate (slot F9) is signed by the maker. Read off Yubico's documentation and
certificates: the leaf's issuer is the subject of F9, its dates are copied from it, its serial number is
random, it has no key identifiers, and its CN ends in the slot. The F9 key may be shared by a whole batch of
cards, so a sound chain says "a card of this maker"; *which* card is said by the serial number alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from zorgid_card.codec.tlv import Index
from zorgid_card.errors import CertificateError, ResidencyError, TLVError
from zorgid_card.pki import _x509
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.chain import build_path, require_valid_at
from zorgid_card.pki.signing import dump_public_key, load_public_key

FIRMWARE = "1.3.6.1.4.1.41482.3.3"
SERIAL = "1.3.6.1.4.1.41482.3.7"
POLICY = "1.3.6.1.4.1.41482.3.8"
FORM_FACTOR = "1.3.6.1.4.1.41482.3.9"

PIN_POLICIES: Mapping[int, str] = {
    1: "never",
    2: "once",
    3: "always",
    4: "match-once",
    5: "match-always",
}
"""First octet of the policy extension."""

TOUCH_POLICIES: Mapping[int, str] = {1: "never", 2: "always", 3: "cached"}
"""Second octet of the policy extension."""

GUARDED = ("once", "always", "match-once", "match-always")
"""The PIN policies under which a key is of no use to whoever finds the card."""

_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_SUBJECT = re.compile(r"(?:[ -~]{1,40} )?PIV Attestation ([0-9a-fA-F]{2})")
_INTEGER = 0x02


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedKey:
    """What the card's maker vouches for. ``firmware`` as ``5.7.4``, ``serial`` decimal, ``form_factor`` a
    number or None.
    """

    serial: str
    firmware: str
    pin_policy: str
    touch_policy: str
    form_factor: int | None


def verify_attestation(
    attestation: bytes,
    intermediate: bytes,
    trust_roots: Iterable[bytes],
    *,
    public_key: bytes,
    slot: int,
    at: datetime,
    serial: str | None = None,
    intermediates: Iterable[bytes] = (),
    pin_policies: Collection[str] = GUARDED,
) -> AttestedKey:
    """Verify that ``public_key`` lives in ``slot`` of a card of a trusted maker.

    Args:
        attestation: the card's certificate for the key, DER.
        intermediate: the certificate of its attestation key (slot F9), DER.
        trust_roots: the makers' roots, DER.
        public_key: SubjectPublicKeyInfo, DER, as in the certification request.
        slot: PIV key reference, such as 0x9A.
        at: the moment of judgement, with a time zone.
        serial: the card that it must be, decimal; None leaves the comparison to the caller, who must make it.
        intermediates: the maker's CAs between its root and F9, DER.
        pin_policies: the PIN policies to accept.

    Raises:
        ResidencyError: ``reason`` is ``malformed``, ``signature``, ``chain``, ``expired``, ``slot``, ``key``,
            ``firmware``, ``serial``, ``policy`` or ``pin_policy``.
        CertificateMalformedError: ``public_key`` or a root is not what it should be.
    """
    expected = dump_public_key(load_public_key(public_key))
    roots = [_x509.load_certificate(root) for root in trust_roots]
    leaf, card = _load(attestation, "attestation"), _load(intermediate, "intermediate")
    between = [_load(data, "intermediate") for data in intermediates]
    _require_signed(leaf, card)
    _require_chain(leaf, card, between, roots, _x509.utc(at))
    _require_slot(leaf, slot)
    if leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != expected:
        raise _refused("key", "the attestation is for another key")
    attested = _read(leaf)
    if serial is not None and attested.serial != serial:
        raise _refused("serial", f"attested on card {attested.serial}, expected {serial}")
    if attested.pin_policy not in pin_policies:
        raise _refused("pin_policy", f"PIN policy {attested.pin_policy} is not accepted")
    return attested


def _refused(reason: str, why: str) -> ResidencyError:
    return ResidencyError(f"the key is not proven to be on the card: {why}", reason=reason)


def _load(data: bytes, what: str) -> x509.Certificate:
    try:
        return _x509.load_certificate(data)
    except CertificateError as error:
        raise _refused("malformed", f"{what}: {error}") from error


def _require_signed(leaf: x509.Certificate, card: x509.Certificate) -> None:
    try:
        leaf.verify_directly_issued_by(card)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise _refused("signature", "not signed by the card's attestation key") from error
    if not isinstance(leaf.signature_hash_algorithm, _DIGESTS):
        raise _refused("signature", "signed with a weak digest")


def _require_chain(
    leaf: x509.Certificate,
    card: x509.Certificate,
    between: list[x509.Certificate],
    roots: list[x509.Certificate],
    at: datetime,
) -> None:
    constraints = _x509.extension(card, x509.BasicConstraints)
    usage = _x509.extension(card, x509.KeyUsage)
    if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
        raise _refused("chain", "the certificate in slot F9 is not a CA's")
    try:
        require_valid_at(_judged(leaf), at)
        build_path(_judged(card), [*map(_judged, roots)], [*map(_judged, between)], at)
    except CertificateError as error:
        expired = error.code in ("certificate.expired", "certificate.not_yet_valid")
        raise _refused("expired" if expired else "chain", str(error)) from error


def _judged(certificate: x509.Certificate) -> Certificate:
    return Certificate.parse(_x509.der(certificate))


def _require_slot(leaf: x509.Certificate, slot: int) -> None:
    names = _x509.attributes(leaf.subject, NameOID.COMMON_NAME)
    match = _SUBJECT.fullmatch(names[0]) if len(names) == 1 else None
    if match is None or int(match[1], 16) != slot:
        raise _refused("slot", f"not an attestation of slot {slot:02X}")


def _octets(leaf: x509.Certificate, oid: str) -> bytes | None:
    for item in leaf.extensions:
        if item.oid.dotted_string == oid and isinstance(item.value, x509.UnrecognizedExtension):
            return item.value.value
    return None


def _read(leaf: x509.Certificate) -> AttestedKey:
    firmware, policy = _octets(leaf, FIRMWARE), _octets(leaf, POLICY)
    form = _octets(leaf, FORM_FACTOR)
    if firmware is None or len(firmware) != 3:
        raise _refused("firmware", "the firmware version is not three octets")
    if policy is None or len(policy) != 2 or policy[0] not in PIN_POLICIES or policy[1] not in TOUCH_POLICIES:
        raise _refused("policy", "PIN and touch policy are not two known octets")
    return AttestedKey(
        serial=_serial(leaf),
        firmware=".".join(str(octet) for octet in firmware),
        pin_policy=PIN_POLICIES[policy[0]],
        touch_policy=TOUCH_POLICIES[policy[1]],
        form_factor=form[0] if form else None,
    )


def _serial(leaf: x509.Certificate) -> str:
    value = _octets(leaf, SERIAL)
    try:
        items = Index(value or b"", der=True).items()
    except TLVError as error:
        raise _refused("serial", f"the serial number is not DER: {error}") from error
    if len(items) != 1 or items[0][0] != _INTEGER or not 1 <= len(items[0][1]) <= 8:
        raise _refused("serial", "the serial number is not one INTEGER")
    number = int.from_bytes(items[0][1], "big", signed=True)
    if number < 0:
        raise _refused("serial", "the serial number is negative")
    return str(number)
