"""Linking a phone, and logging in with it (ORG-5 to ORG-7, ADM-7). This page is the protocol, for whoever
writes a phone app.

*Offer.* Right after a UZI authentication the portal makes an offer and shows it once, as a QR code:
``<origin>/phone#<fingerprint>.<id>.<secret>``; the fingerprint is the SHA-256 of the portal's TLS key
(SubjectPublicKeyInfo), id and secret are 16 random octets each, all three in base64url without padding. The
offer lives two minutes and serves once. The portal keeps ``K = HKDF-SHA256(secret, salt=none,
info="zorgid-card phone offer v1", 32 octets)``, from which the secret cannot be found.

*Link.* The phone checks the fingerprint against the portal it talks to. It has its person choose six
digits, makes a P-256 key and 32 random octets (the *device secret*), both of which never leave it, and
derives ``verifier = scrypt(digits, salt=device secret, n=16384, r=8, p=1, 32 octets)``. With ``T`` the
length-prefixed parts (two octets, big-endian, before each) of id (as text), public key
(SubjectPublicKeyInfo, DER) and verifier, it sends public key, verifier and ``HMAC-SHA256(K, "zorgid-card
phone link v1" | T)``. Neither digits nor secret travel. The portal keeps ``HMAC-SHA256(salt, verifier)``
with a random salt of 16 octets.

*Confirm.* Phone and page show the same code: the first 8 octets of ``HMAC-SHA256(K, "zorgid-card phone code
v1" | T)``, big-endian, modulo 1,000,000, as six digits. Only when the session that made the offer confirms
this code is the phone linked: whoever else read the QR code first has another key, hence another code, and
the phone of the person is refused.

*Log in.* The page shows a number of two digits; the phone asks for it and for its digits, and signs (ES256)
the statement ``phone-log-in`` with the fields of :func:`login_statement`, encoded as
:mod:`zorgid_card.pki.statement` says. It sends the signature, the number and the verifier. A log-in
lives 30 seconds and serves once; a wrong number ends it; five wrong entries of the digits in a row block
the phone, and the portal counts them, not the phone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_der_public_key

from zorgid_card.errors import (
    NotFoundError,
    NotLinkedError,
    PairingError,
    PhoneDigitsError,
    PhoneNumberError,
    ReplayError,
    SessionError,
    TransitionError,
)
from zorgid_card.pki.statement import PHONE_LOG_IN, verify_statement
from zorgid_card.ports.phone import PhoneAnswer, PhoneClaim, PhoneQuestion
from zorgid_card.ports.registry import Membership, MobileID, Person, PhoneLogin, Unit
from zorgid_card.workflows import audit, people
from zorgid_card.workflows.organisation import registered
from zorgid_card.workflows.states import move

OFFER_LIFETIME = timedelta(minutes=2)
LOGIN_LIFETIME = timedelta(seconds=30)
TRIES = 5

_VERIFIER = 32
_BEGUN = ("offered", "linking")
_ALGORITHM = "ES256"


@dataclass(frozen=True, slots=True)
class PortalIdentity:
    """How a phone knows the portal: its origin, and the SHA-256 (32 octets) of its TLS key's
    SubjectPublicKeyInfo.
    """

    origin: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer, just made. ``qr_text`` holds the secret: it is shown once and kept nowhere."""

    mobile_id: str
    qr_text: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Offer(mobile_id={self.mobile_id!r}, expires_at={self.expires_at!r})"


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
    lifetime: timedelta = OFFER_LIFETIME,
) -> Offer:
    """Offer a person's phone to be linked; earlier offers that were not finished end (ORG-5).

    To be called right after the person was authenticated with a UZI pass: there is no other way to a new QR
    code.

    Args:
        unit: the open transaction.
        portal: the portal as the phone is to know it.
        person: the person.
        ura: the organisation for which the phone will log in.
        binding: names the browser session that shows the code; only that session can confirm.
        now: UTC.
        one_means: the policy of CRD-12.
        lifetime: of the offer.

    Raises:
        NotLinkedError: the person is not linked to the organisation.
        OneMeansError: the person has a ZORG-ID Smartcard.
    """
    _member(unit, person.id, ura, now)
    if one_means:
        people.require_one_means(unit, person.id, people.PHONE, now)
    expire_offers(unit, now)
    for earlier in unit.find(MobileID, person_id=person.id, ura=ura):
        if earlier.state in _BEGUN:
            unit.replace(_ended(earlier, "revoke"))
    mobile_id, secret = _text(secrets.token_bytes(16)), secrets.token_bytes(16)
    made = MobileID(
        id=mobile_id,
        person_id=person.id,
        ura=ura,
        state="offered",
        secret_hash=_offer_key(secret),
        expires_at=now + lifetime,
        public_key=None,
        salt=secrets.token_bytes(16),
        verifier=None,
        tries_left=TRIES,
        last_used_at=None,
        binding=binding,
        code=None,
    )
    unit.add(made)
    audit.record(unit, now, person.id, ura, "phone.offer", mobile_id)
    text = f"{portal.origin}/phone#{_text(portal.fingerprint)}.{mobile_id}.{_text(secret)}"
    return Offer(mobile_id, text, made.expires_at)


def expire_offers(unit: Unit, now: datetime) -> None:
    """End the offers of which the time has passed, and forget what was kept of their secrets."""
    for state in _BEGUN:
        for phone in unit.find(MobileID, state=state):
            if phone.expires_at <= now:
                unit.replace(_ended(phone, "expire"))


def _ended(phone: MobileID, event: str) -> MobileID:
    return replace(phone, state=move("mobile", phone.state, event), secret_hash=b"", code=None)


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _offer_key(secret: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"zorgid-card phone offer v1").derive(secret)


# --- ORG-6: link and confirm --------------------------------------------------------------------------------


def link(unit: Unit, claim: PhoneClaim, now: datetime) -> None:
    """Take the phone's claim; it waits for :func:`confirm` (ORG-6).

    Raises:
        PairingError: ``reason``: ``unknown``, ``expired``, ``used`` (a second scan), ``mac``, ``key``. The
            offer is unharmed.
    """
    phone = _offered(unit, claim.mobile_id)
    if phone.state != "offered":
        raise PairingError("this QR code has been used", reason="expired" if phone.state == "expired" else "used")
    if now >= phone.expires_at:
        raise PairingError("this QR code has expired", reason="expired")
    transcript = _transcript(claim.mobile_id, claim.public_key, claim.verifier)
    expected = _keyed(phone.secret_hash, b"zorgid-card phone link v1", transcript)
    if len(claim.verifier) != _VERIFIER or not hmac.compare_digest(expected, claim.mac):
        raise PairingError("the phone did not read this QR code", reason="mac")
    _require_p256(claim.public_key)
    unit.replace(
        replace(
            phone,
            state=move("mobile", phone.state, "link"),
            public_key=claim.public_key,
            verifier=_salted(phone.salt, claim.verifier),
            secret_hash=b"",
            code=_code(phone.secret_hash, transcript),
        )
    )


def progress(unit: Unit, mobile_id: str, binding: str, now: datetime) -> tuple[str, str | None]:
    """For the page that waits: the phone's state, and the code to compare once the phone has sent its claim.

    Raises:
        PairingError: ``reason`` ``unknown``: no such offer of this browser session.
    """
    phone = _of_session(unit, mobile_id, binding)
    if phone.state in _BEGUN and now >= phone.expires_at:
        return "expired", None
    return phone.state, phone.code


def confirm(unit: Unit, mobile_id: str, binding: str, code: str, now: datetime) -> MobileID:
    """The session that made the offer confirms the code that the phone shows: the phone is linked.

    The person's other phones for this organisation are revoked: a new one replaces them (ORG-7).

    Raises:
        PairingError: ``reason``: ``unknown``, ``expired``, ``code``, ``used`` (no phone waits for a
            confirmation).
    """
    phone = _of_session(unit, mobile_id, binding)
    if phone.state != "linking":
        raise PairingError("no phone waits for this confirmation", reason="used")
    if now >= phone.expires_at:
        raise PairingError("the phone came too late", reason="expired")
    if not hmac.compare_digest((phone.code or "").encode(), code.encode()):
        raise PairingError("phone and page show different codes", reason="code")
    for other in unit.find(MobileID, person_id=phone.person_id, ura=phone.ura):
        if other.state in ("linked", "blocked"):
            unit.replace(replace(other, state=move("mobile", other.state, "revoke")))
            audit.record(unit, now, phone.person_id, phone.ura, "phone.revoke", other.id, "replaced by another phone")
    linked = replace(phone, state=move("mobile", phone.state, "confirm"), code=None, binding="")
    unit.replace(linked)
    audit.record(unit, now, phone.person_id, phone.ura, "phone.link", phone.id)
    return linked


def _offered(unit: Unit, mobile_id: str) -> MobileID:
    try:
        return unit.get(MobileID, mobile_id)
    except NotFoundError as error:
        raise PairingError("this QR code is unknown", reason="unknown") from error


def _of_session(unit: Unit, mobile_id: str, binding: str) -> MobileID:
    phone = _offered(unit, mobile_id)
    if not binding or not hmac.compare_digest(phone.binding.encode(), binding.encode()):
        raise PairingError("this QR code is not of this session", reason="unknown")
    return phone


def _transcript(mobile_id: str, public_key: bytes, verifier: bytes) -> bytes:
    return b"".join(
        len(part).to_bytes(2, "big") + part for part in (mobile_id.encode(), public_key[:65535], verifier[:65535])
    )


def _keyed(key: bytes, domain: bytes, transcript: bytes) -> bytes:
    return hmac.digest(key, domain + transcript, "sha256")


def _code(key: bytes, transcript: bytes) -> str:
    octets = _keyed(key, b"zorgid-card phone code v1", transcript)[:8]
    return f"{int.from_bytes(octets, 'big') % 1_000_000:06d}"


def _salted(salt: bytes, verifier: bytes) -> bytes:
    return hmac.digest(salt, verifier, "sha256")


def _require_p256(public_key: bytes) -> None:
    try:
        key = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PairingError("the phone's key cannot be read", reason="key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise PairingError("the phone's key is not of P-256", reason="key")


# --- ORG-7: log in ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """A log-in that waits for the phone. The page shows ``number`` and asks again with ``nonce`` until it
    is approved.
    """

    nonce: str
    number: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PhoneLoggedIn:
    """Who logged in with a phone, and for which organisation in which role."""

    person: Person
    membership: Membership
    mobile_id: str


def login_statement(
    *, origin: str, ura: str, mobile_id: str, nonce: str, number: str, expires_at: datetime
) -> dict[str, str]:
    """The fields of the statement that the phone signs (kind ``phone-log-in``)."""
    return {
        "origin": origin,
        "ura": ura,
        "phone": mobile_id,
        "nonce": nonce,
        "number": number,
        "expires": expires_at.isoformat(),
    }


def ask(
    unit: Unit,
    portal: PortalIdentity,
    user_name: str,
    ura: str,
    binding: str,
    now: datetime,
    *,
    lifetime: timedelta = LOGIN_LIFETIME,
) -> Asked:
    """Ask a person's phone to approve a log-in (ORG-7); an earlier one that still waits is over.

    Args:
        unit: the open transaction.
        portal: the portal; its origin is what the phone shows and signs.
        user_name: as the person entered it.
        ura: the organisation to act for.
        binding: names the browser session; only it can finish.
        now: UTC.
        lifetime: of the question.

    Raises:
        NotLinkedError: no phone that can be asked is linked for this name and organisation.
        OrganisationUnknownError: the organisation is not registered, or suspended.
    """
    registered(unit, ura)
    phone = _usable_phone(unit, user_name, ura)
    _member(unit, phone.person_id, ura, now)
    for earlier in unit.find(PhoneLogin, mobile_id=phone.id, state="asked"):
        unit.replace(replace(earlier, state="refused"))
    asked = PhoneLogin(
        nonce=_text(secrets.token_bytes(32)),
        mobile_id=phone.id,
        person_id=phone.person_id,
        ura=ura,
        origin=portal.origin,
        binding=binding,
        number=f"{secrets.randbelow(100):02d}",
        state="asked",
        expires_at=now + lifetime,
    )
    unit.add(asked)
    return Asked(asked.nonce, asked.number, asked.expires_at)


def _usable_phone(unit: Unit, user_name: str, ura: str) -> MobileID:
    for person in unit.find(Person, user_name=user_name):
        for phone in unit.find(MobileID, person_id=person.id, ura=ura, state="linked"):
            return phone
    raise NotLinkedError("no phone is linked for this name and organisation", ura=ura)


def _member(unit: Unit, person_id: str, ura: str, now: datetime) -> Membership:
    try:
        return people.membership(unit, person_id, ura, now)
    except NotFoundError as error:
        raise NotLinkedError(ura=ura) from error


def waiting(unit: Unit, mobile_id: str, now: datetime) -> PhoneQuestion | None:
    """The log-in that waits for this phone, for the phone to show; without the number."""
    for asked in unit.find(PhoneLogin, mobile_id=mobile_id, state="asked"):
        if now < asked.expires_at:
            name = registered(unit, asked.ura).name
            return PhoneQuestion(
                nonce=asked.nonce,
                origin=asked.origin,
                ura=asked.ura,
                organisation=name,
                expires_at=asked.expires_at,
            )
    return None


def answer(unit: Unit, given: PhoneAnswer, now: datetime) -> None:
    """Judge the phone's answer (ORG-7). Wrong digits and a wrong number are *counted* errors: the
    transaction is kept.

    The signature is judged first, so that nobody without the phone's key can spend its tries.

    Args:
        unit: the open transaction; nothing else may be written in it before this.
        given: the phone's answer.
        now: UTC.

    Raises:
        ReplayError: this log-in is not open: answered before, or unknown.
        SessionError: it has expired.
        TransitionError: the phone is not linked, or blocked.
        SignatureError: not signed by this phone for this log-in.
        PhoneNumberError: not the number on the page; this log-in is over.
        PhoneDigitsError: wrong digits; ``tries_left``; at 0 the phone is blocked.
    """
    asked, phone = _open_login(unit, given, now)
    fields = login_statement(
        origin=asked.origin,
        ura=asked.ura,
        mobile_id=phone.id,
        nonce=asked.nonce,
        number=given.number,
        expires_at=asked.expires_at,
    )
    verify_statement(phone.public_key or b"", PHONE_LOG_IN, fields, given.signature, _ALGORITHM)
    if not hmac.compare_digest(asked.number.encode(), given.number.encode()):
        unit.replace(replace(asked, state="refused"))
        raise PhoneNumberError
    if not hmac.compare_digest(_salted(phone.salt, given.verifier), phone.verifier or b""):
        unit.replace(replace(asked, state="refused"))
        raise PhoneDigitsError(tries_left=_spend_try(unit, phone, now))
    unit.replace(replace(asked, state="approved"))
    unit.replace(replace(phone, tries_left=TRIES, last_used_at=now))


def _open_login(unit: Unit, given: PhoneAnswer, now: datetime) -> tuple[PhoneLogin, MobileID]:
    asked = next(unit.find(PhoneLogin, nonce=given.nonce, mobile_id=given.mobile_id), None)
    if asked is None or asked.state != "asked":
        raise ReplayError("this log-in is not open", what="log-in")
    if now >= asked.expires_at:
        raise SessionError("this log-in has expired", reason="expired")
    phone = unit.get(MobileID, given.mobile_id)
    if phone.state != "linked":
        raise TransitionError(f"this phone is {phone.state}", what="mobile", state=phone.state, event="log-in")
    return asked, phone


def _spend_try(unit: Unit, phone: MobileID, now: datetime) -> int:
    left = phone.tries_left - 1
    blocked = left <= 0
    unit.replace(
        replace(phone, tries_left=left, state=move("mobile", phone.state, "block") if blocked else phone.state)
    )
    if blocked:
        audit.record(unit, now, "portal", phone.ura, "phone.block", phone.id, "too many wrong digits")
    return left


def finish(unit: Unit, nonce: str, binding: str, now: datetime) -> PhoneLoggedIn | None:
    """The page asks whether the phone has approved; None: not yet. A log-in serves once.

    Raises:
        ReplayError: no such log-in of this browser session, or it has served.
        SessionError: ``reason`` ``expired`` or ``refused``.
        NotLinkedError, OrganisationUnknownError: the person or the organisation is not what it was when
            asked.
    """
    asked = next(unit.find(PhoneLogin, nonce=nonce), None)
    if asked is None or not hmac.compare_digest(asked.binding.encode(), binding.encode()) or asked.state == "used":
        raise ReplayError("this log-in is not open", what="log-in")
    if asked.state == "refused":
        raise SessionError("the phone refused this log-in", reason="refused")
    if now >= asked.expires_at:
        raise SessionError("this log-in has expired", reason="expired")
    if asked.state == "asked":
        return None
    registered(unit, asked.ura)
    if unit.get(MobileID, asked.mobile_id).state != "linked":
        raise SessionError("the phone was blocked meanwhile", reason="refused")
    found = PhoneLoggedIn(
        unit.get(Person, asked.person_id), _member(unit, asked.person_id, asked.ura, now), asked.mobile_id
    )
    unit.replace(replace(asked, state="used"))
    audit.record(unit, now, asked.person_id, asked.ura, "phone.log-in", asked.mobile_id)
    return found


def fingerprint(public_key: bytes) -> bytes:
    """SHA-256 of a SubjectPublicKeyInfo: what :class:`PortalIdentity` and the QR code carry."""
    return hashlib.sha256(public_key).digest()
