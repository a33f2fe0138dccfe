"""Linking a phone: offer, claim, confirmation (ORG-5, ORG-6). What is said, and why, is told in docs/mobile-protocol.md.

The functions act in a transaction of the caller's; :class:`~zorgid_card.workflows.phone_door.PhoneDoor` gives each one of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zorgid_card.errors import CertificateError, NotFoundError, NotLinkedError, PairingError
from zorgid_card.pki.csr import require_common_name, verify_csr
from zorgid_card.pki.signing import key_algorithm
from zorgid_card.ports.phone import QR_PATH, VERSION
from zorgid_card.ports.registry import Membership, MobileID, Person, Unit
from zorgid_card.workflows import audit, people
from zorgid_card.workflows.organisation import registered
from zorgid_card.workflows.phone_messages import ClaimPhone
from zorgid_card.workflows.policy import PhonePolicy
from zorgid_card.workflows.states import move

PHONES = PhonePolicy()

_BEGUN = ("offered", "linking")
_LIVE = ("linked", "blocked")


@dataclass(frozen=True, slots=True)
class PortalIdentity:
    """How a phone knows the portal: its origin, and the SHA-256 (32 octets) of its TLS key's SubjectPublicKeyInfo.

    ``next_fingerprint`` is that of the key which will follow: linked phones learn it while the present one still serves.
    """

    origin: str
    fingerprint: bytes
    next_fingerprint: bytes | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer, just made. ``qr_text`` holds the secret: it is shown once and kept nowhere."""

    mobile_id: str
    qr_text: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Offer(mobile_id={self.mobile_id!r}, expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True)
class LinkProgress:
    """How far the linking is: ``offered``, ``linking``, ``linked``, ``expired``, ``revoked``, ``blocked``; ``unknown`` to anybody
    but the session that made the offer. ``code`` is to be compared with the phone's; ``user_name``: by which the person logs in.
    """

    state: str
    code: str | None = None
    user_name: str = ""


# --- ORG-5: offer -------------------------------------------------------------------------------------------


def offer(
    unit: Unit,
    portal: PortalIdentity,
    person: Person,
    ura: str,
    binding: str,
    now: datetime,
    *,
    one_means: bool = True,
    policy: PhonePolicy = PHONES,
) -> Offer:
    """Offer a person's phone to be linked; earlier offers that were not finished end (ORG-5).

    To be called right after the person was authenticated with a UZI pass: there is no other way to a new QR
    code.

    Args:
        unit: the open transaction.
        portal: the portal as the phone is to know it.
        person: the person.
        ura: the organisation for which the phone will log in.
        binding: names the browser session that shows the code; only that session can confirm. A hash of it is kept.
        now: UTC.
        one_means: the policy of CRD-12.
        policy: lifetime and tries.

    Raises:
        NotLinkedError: the person is not linked to the organisation.
        OrganisationUnknownError: the organisation is not registered, or suspended.
        OneMeansError: the person has a ZORG-ID Smartcard.
    """
    member(unit, person.id, ura, now)
    registered(unit, ura)
    if one_means:
        people.require_one_means(unit, person.id, people.PHONE, now)
    expire_offers(unit, now)
    for earlier in unit.find(MobileID, person_id=person.id, ura=ura):
        if earlier.state in _BEGUN:
            unit.replace(_ended(earlier, "revoke"))
    mobile_id, secret = text_of(secrets.token_bytes(16)), secrets.token_bytes(16)
    made = MobileID(
        id=mobile_id,
        person_id=person.id,
        ura=ura,
        state="offered",
        secret_hash=offer_key(secret),
        expires_at=now + policy.offer_lifetime,
        public_key=None,
        salt=secrets.token_bytes(16),
        verifier=None,
        tries_left=policy.tries,
        last_used_at=None,
        binding=bound(binding),
        code=None,
    )
    unit.add(made)
    audit.record(unit, now, person.id, ura, "phone.offer", mobile_id)
    parts = (str(VERSION), text_of(portal.fingerprint), mobile_id, text_of(secret))
    return Offer(mobile_id, f"{portal.origin}{QR_PATH}#{'.'.join(parts)}", made.expires_at)


def expire_offers(unit: Unit, now: datetime) -> None:
    """End the offers of which the time has passed, and forget what was kept of their secrets."""
    for state in _BEGUN:
        for phone in unit.find(MobileID, state=state):
            if phone.expires_at <= now:
                unit.replace(_ended(phone, "expire"))


def member(unit: Unit, person_id: str, ura: str, now: datetime) -> Membership:
    """The person's link with the organisation, as long as it holds; raises NotLinkedError."""
    try:
        return people.membership(unit, person_id, ura, now)
    except NotFoundError as error:
        raise NotLinkedError(ura=ura) from error


def bound(binding: str) -> str:
    """What is kept of a browser session's name: from it nobody takes the session over."""
    return hashlib.sha256(b"zorgid-card phone binding v1" + binding.encode()).hexdigest()


def text_of(octets: bytes) -> str:
    """base64url without padding (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def fingerprint(public_key: bytes) -> bytes:
    """SHA-256 of a SubjectPublicKeyInfo: what :class:`PortalIdentity` and the QR code carry."""
    return hashlib.sha256(public_key).digest()


def _ended(phone: MobileID, event: str) -> MobileID:
    return replace(phone, state=move("mobile", phone.state, event), secret_hash=b"", code=None, claim_hash=b"")


def offer_key(secret: bytes) -> bytes:
    """What is kept of an offer's secret, and keys its MAC and its code; the secret cannot be found from it."""
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"zorgid-card phone offer v1").derive(secret)


# --- ORG-6: the phone's claim -------------------------------------------------------------------------------


def claim(unit: Unit, made: ClaimPhone, now: datetime) -> datetime:
    """Take the phone's claim; it waits for :func:`confirm` (ORG-6). The very same claim may come again: its answer was lost.

    Returns:
        until when it can be confirmed.

    Raises:
        PairingError: ``reason``: ``unknown``, ``expired``, ``used`` (a second scan), ``mac``, ``csr`` (it is not signed by its key,
            or was made for another offer), ``key``. The offer is unharmed.
    """
    phone = _offered(unit, made.phone)
    if phone.state in _BEGUN and now >= phone.expires_at:
        raise PairingError("this QR code has expired", reason="expired")
    said = transcript(made.phone, made.csr, made.verifier, made.device)
    digest = hashlib.sha256(said + made.mac).digest()
    if phone.state == "linking" and hmac.compare_digest(phone.claim_hash, digest):
        return phone.expires_at
    if phone.state != "offered":
        raise PairingError("this QR code has been used", reason="expired" if phone.state == "expired" else "used")
    if not hmac.compare_digest(mac_of(phone.secret_hash, said), made.mac):
        raise PairingError("the phone did not read this QR code", reason="mac")
    linking = replace(
        phone,
        state=move("mobile", phone.state, "link"),
        public_key=_key_of(made),
        verifier=salted(phone.salt, made.verifier),
        secret_hash=b"",
        code=code_of(phone.secret_hash, said),
        claim_hash=digest,
        device="".join(c for c in made.device if c.isprintable()).strip(),
    )
    unit.replace(linking)
    return linking.expires_at


def _offered(unit: Unit, mobile_id: str) -> MobileID:
    try:
        return unit.get(MobileID, mobile_id)
    except NotFoundError as error:
        raise PairingError("this QR code is unknown", reason="unknown") from error


def transcript(mobile_id: str, csr: bytes, verifier: bytes, device: str) -> bytes:
    """What the claim's MAC and the short code are made over: each part with its length in two octets before it."""
    parts = (mobile_id.encode(), csr, verifier, device.encode())
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def mac_of(key: bytes, said: bytes) -> bytes:
    """The claim's MAC: whoever made it has read the QR code."""
    return hmac.digest(key, b"zorgid-card phone claim v1" + said, "sha256")


def code_of(key: bytes, said: bytes) -> str:
    """The six digits that phone and page show."""
    octets = hmac.digest(key, b"zorgid-card phone code v1" + said, "sha256")[:8]
    return f"{int.from_bytes(octets, 'big') % 1_000_000:06d}"


def salted(salt: bytes, verifier: bytes) -> bytes:
    """What is kept of the verifier that a phone derives from its digits."""
    return hmac.digest(salt, verifier, "sha256")


def _key_of(made: ClaimPhone) -> bytes:
    """The key of the claim's request: P-256, signed by itself, for this offer alone."""
    try:
        key = verify_csr(made.csr)
        require_common_name(made.csr, made.phone)
    except CertificateError as error:
        raise PairingError("the phone's request is not for this QR code", reason="csr") from error
    if key_algorithm(key) != "ECCP256":
        raise PairingError("the phone's key is not of P-256", reason="key")
    return key


# --- ORG-6: the page's side ---------------------------------------------------------------------------------


def progress(unit: Unit, mobile_id: str, binding: str, now: datetime) -> LinkProgress:
    """For the page that waits; changes nothing. A stranger gets the same answer as there would be to no offer at all."""
    phone = next(unit.find(MobileID, id=mobile_id), None)
    if phone is None or not _is_of(phone, binding):
        return LinkProgress("unknown")
    if phone.state in _BEGUN and now >= phone.expires_at:
        return LinkProgress("expired")
    return LinkProgress(phone.state, phone.code, unit.get(Person, phone.person_id).user_name)


def confirm(unit: Unit, mobile_id: str, binding: str, code: str, now: datetime) -> MobileID:
    """The session that made the offer confirms the code that the phone shows: the phone is linked.

    The person's other phones for this organisation are revoked: a new one replaces them (ORG-7). The same confirmation may come
    again while the offer lasts: its answer was lost.

    Raises:
        PairingError: ``reason``: ``unknown``, ``expired``, ``code``, ``used`` (no phone waits for a
            confirmation).
        OrganisationUnknownError: the organisation was suspended meanwhile.
    """
    phone = _of_session(unit, mobile_id, binding)
    if phone.state not in ("linking", "linked") or phone.code is None:
        raise PairingError("no phone waits for this confirmation", reason="used")
    if now >= phone.expires_at:
        raise PairingError("the phone came too late", reason="expired")
    if not hmac.compare_digest(phone.code.encode(), code.encode()):
        raise PairingError("phone and page show different codes", reason="code")
    if phone.state == "linked":
        return phone
    registered(unit, phone.ura)
    _replace_others(unit, phone, now)
    linked = replace(phone, state=move("mobile", phone.state, "confirm"), claim_hash=b"", linked_at=now)
    unit.replace(linked)
    audit.record(unit, now, phone.person_id, phone.ura, "phone.link", phone.id)
    return linked


def _replace_others(unit: Unit, phone: MobileID, now: datetime) -> None:
    for other in unit.find(MobileID, person_id=phone.person_id, ura=phone.ura):
        if other.state in _LIVE:
            unit.replace(replace(other, state=move("mobile", other.state, "revoke"), code=None))
            audit.record(unit, now, phone.person_id, phone.ura, "phone.revoke", other.id, "replaced by another phone")


def _of_session(unit: Unit, mobile_id: str, binding: str) -> MobileID:
    phone = _offered(unit, mobile_id)
    if not _is_of(phone, binding):
        raise PairingError("this QR code is not of this session", reason="unknown")
    return phone


def _is_of(phone: MobileID, binding: str) -> bool:
    return bool(binding) and hmac.compare_digest(phone.binding.encode(), bound(binding).encode())
