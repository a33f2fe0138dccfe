"""A simulated phone with the ZORG-ID app, written from the protocol's page
(:mod:`zorgid_card.workflows.pairing`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zorgid_card.errors import MessageError, PairingError
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.statement import PHONE_LOG_IN, sign_statement
from zorgid_card.ports.phone import PhoneAnswer, PhoneClaim, PhonePortal, PhoneQuestion
from zorgid_card.secret import Secret

DIGITS = 6


@dataclass(frozen=True, slots=True)
class _Scanned:
    origin: str
    fingerprint: bytes
    mobile_id: str
    key: bytes

    @classmethod
    def parse(cls, text: str) -> _Scanned:
        where, _, fragment = text.partition("#")
        parts = fragment.split(".")
        if not where.endswith("/phone") or len(parts) != 3:
            raise MessageError("this QR code is not one of ZORG-ID", field="qr")
        try:
            fingerprint, _, secret = (base64.b64decode(p + "=" * (-len(p) % 4), b"-_", validate=True) for p in parts)
        except ValueError as error:
            raise MessageError("this QR code cannot be read", field="qr") from error
        key = HKDF(hashes.SHA256(), 32, salt=None, info=b"zorgid-card phone offer v1").derive(secret)
        return cls(where.removesuffix("/phone"), fingerprint, parts[1], key)


class SimulatedPhone:
    """One phone with one ID. Its key and its device secret are made in it and never leave it.

    Args:
        portal: the phone's way to the portal.
        portal_key: SubjectPublicKeyInfo of the key at which that way ends (in TLS the server's), as the
            phone itself sees it.
    """

    def __init__(self, portal: PhonePortal, portal_key: bytes) -> None:
        self._portal = portal
        self._portal_key = portal_key
        self._signer = SoftwareSigner.generate("ES256")
        self._device_secret = secrets.token_bytes(32)
        self._scanned: _Scanned | None = None
        self._verifier: bytes | None = None

    def set_digits(self, digits: Secret) -> None:
        """The person chooses six digits; only what is derived from them is kept (ORG-6)."""
        if len(digits) != DIGITS:
            raise MessageError("six digits are needed", field="digits")
        self._verifier = self._derive(digits)

    def scan(self, qr_text: str) -> None:
        """Read the QR code on the portal's page (ORG-5).

        Raises:
            MessageError: not a QR code of ZORG-ID.
            PairingError: ``reason`` ``portal``: the way does not end at the portal that the QR code names.
        """
        scanned = _Scanned.parse(qr_text)
        if not hmac.compare_digest(scanned.fingerprint, hashlib.sha256(self._portal_key).digest()):
            raise PairingError("this is not the portal that shows the QR code", reason="portal")
        self._scanned = scanned

    def link(self) -> str:
        """Add the ID: send the claim; returns the code that the phone shows, to be compared with the page
        (ORG-6).

        Raises:
            PairingError: the portal refuses.
        """
        scanned, verifier = self._ready()
        parts = (scanned.mobile_id.encode(), self._signer.public_key, verifier)
        transcript = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
        mac = hmac.digest(scanned.key, b"zorgid-card phone link v1" + transcript, "sha256")
        claim = PhoneClaim(mobile_id=scanned.mobile_id, public_key=self._signer.public_key, verifier=verifier, mac=mac)
        self._portal.link(claim)
        code = hmac.digest(scanned.key, b"zorgid-card phone code v1" + transcript, "sha256")
        return f"{int.from_bytes(code[:8], 'big') % 1_000_000:06d}"

    def question(self) -> PhoneQuestion | None:
        """The log-in that waits for this phone, as shown to the person: origin and organisation (ORG-7)."""
        return self._portal.waiting(self._ready()[0].mobile_id)

    def approve(self, question: PhoneQuestion, *, number: str, digits: Secret) -> None:
        """The person enters the number from the page and the digits.

        Raises:
            PairingError: ``reason`` ``portal``: the question is not of the portal that this phone is linked
                with.
            PhoneDigitsError, PhoneNumberError, PortalError: the portal refuses.
        """
        scanned, _ = self._ready()
        if question.origin != scanned.origin:
            raise PairingError("this log-in is of another portal", reason="portal")
        fields = {
            "origin": scanned.origin,
            "ura": question.ura,
            "phone": scanned.mobile_id,
            "nonce": question.nonce,
            "number": number,
            "expires": question.expires_at.isoformat(),
        }
        signature = sign_statement(self._signer, PHONE_LOG_IN, **fields).signature
        self._portal.answer(
            PhoneAnswer(
                mobile_id=scanned.mobile_id,
                nonce=question.nonce,
                number=number,
                verifier=self._derive(digits),
                signature=signature,
            )
        )

    def _ready(self) -> tuple[_Scanned, bytes]:
        if self._scanned is None or self._verifier is None:
            raise PairingError("choose digits and scan the QR code first", reason="order")
        return self._scanned, self._verifier

    def _derive(self, digits: Secret) -> bytes:
        with digits.expose() as octets:
            return hashlib.scrypt(octets, salt=self._device_secret, n=16384, r=8, p=1, dklen=32)
