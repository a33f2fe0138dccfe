"""A simulated phone with the ZORG-ID app, written from the protocol's page (docs/mobile-protocol.md).

What it knows lies in one file, if that is asked for: its keys protect nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zorgid_card.errors import (
    MessageError,
    PairingError,
    PortalAnswerError,
    PortalUnreachableError,
    StorageError,
    TransportError,
    ZorgIDError,
)
from zorgid_card.pki.csr import build_csr, named_template
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.statement import PHONE_APPROVAL, PHONE_LOG_IN, PHONE_POLL, PHONE_REFUSAL, sign_statement
from zorgid_card.ports.phone import QR_PATH, VERSION
from zorgid_card.ports.seam import Seam
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv_state import read_json, write_json

DIGITS = 6
ATTEMPTS = 3
"""How often one message is sent when the way to the portal breaks."""

Connect: TypeAlias = Callable[[str, tuple[bytes, ...]], Seam]
"""Gives the way to the portal of an origin, whose TLS key has one of these fingerprints; raises PairingError (``portal``)."""

_FORMAT: Final = "zorgid-card simulated phone v1"
_KINDS: Final = (PHONE_LOG_IN, PHONE_APPROVAL)


def direct(seam: Seam, portal_key: bytes) -> Connect:
    """The way to a portal in the same process.

    Args:
        seam: the portal's door for phones.
        portal_key: SubjectPublicKeyInfo of the key at which that way ends, as the phone itself sees it.
    """

    def connect(origin: str, fingerprints: tuple[bytes, ...]) -> Seam:
        if origin != seam.origin or hashlib.sha256(portal_key).digest() not in fingerprints:
            raise PairingError("this is not the portal that shows the QR code", reason="portal")
        return seam

    return connect


@dataclass(frozen=True, slots=True)
class PhoneAsked:
    """What the phone is asked to sign, as it shows it; the number is on the portal's page only."""

    kind: str
    fields: Mapping[str, str | int]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True, slots=True)
class PhoneView:
    """What the portal says of the phone."""

    state: str
    tries_left: int
    asked: PhoneAsked | None


@dataclass(frozen=True, slots=True)
class _Link:
    """The ID in the phone: where it belongs, and what it knows."""

    origin: str
    fingerprints: tuple[bytes, ...]
    phone: str
    offer_key: bytes
    code: str = ""

    @classmethod
    def parse(cls, text: str) -> _Link:
        where, _, fragment = text.partition("#")
        parts = fragment.split(".")
        if not where.startswith("https://") or not where.endswith(QR_PATH) or len(parts) != 4:
            raise MessageError("this QR code is not one of ZORG-ID", field="qr")
        if parts[0] != str(VERSION):
            raise MessageError("this QR code is of another version of the app", field="version")
        try:
            fingerprint, phone, secret = (_octets(part) for part in parts[1:])
        except ValueError as error:
            raise MessageError("this QR code cannot be read", field="qr") from error
        if (len(fingerprint), len(phone), len(secret)) != (32, 16, 16):
            raise MessageError("this QR code cannot be read", field="qr")
        key = HKDF(hashes.SHA256(), 32, salt=None, info=b"zorgid-card phone offer v1").derive(secret)
        return cls(where.removesuffix(QR_PATH), (fingerprint,), parts[2], key)


class SimulatedPhone:
    """One phone with one ID. Its key and its device secret are made in it and never leave it.

    Args:
        connect: the phone's way to a portal.
        device: its name, for its person to know it by; at most 40 characters.
        clock: UTC.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        device: str = "Simulated phone",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connect = connect
        self.device = device
        self._clock = clock
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._device_secret = secrets.token_bytes(32)
        self._link: _Link | None = None
        self._verifier: bytes | None = None

    # linking

    def set_digits(self, digits: Secret) -> None:
        """The person chooses six digits; only what is derived from them is kept (ORG-6)."""
        with digits.expose() as octets:
            if len(octets) != DIGITS or not bytes(octets).isdigit():
                raise MessageError("six digits are needed", field="digits")
        self._verifier = self._derive(digits)

    def scan(self, qr_text: str) -> None:
        """Read the QR code on the portal's page (ORG-5).

        Raises:
            MessageError: not a QR code of ZORG-ID.
            PairingError: ``reason`` ``portal``: the way does not end at the portal that the QR code names.
        """
        link = _Link.parse(qr_text)
        self._connect(link.origin, link.fingerprints)
        self._link = link

    def link(self) -> str:
        """Add the ID: send the claim; returns the code that the phone shows, to be compared with the page
        (ORG-6).

        Raises:
            PairingError: the portal refuses.
        """
        link = self._linked()
        if self._verifier is None:
            raise PairingError("choose digits first", reason="order")
        csr = build_csr(SoftwareSigner(self._key), named_template(link.phone))
        parts = (link.phone.encode(), csr, self._verifier, self.device.encode())
        said = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
        mac = hmac.digest(link.offer_key, b"zorgid-card phone claim v1" + said, "sha256")
        self._ask("phone-claim", csr=csr, verifier=self._verifier, device=self.device, mac=mac)
        code = hmac.digest(link.offer_key, b"zorgid-card phone code v1" + said, "sha256")
        shown = f"{int.from_bytes(code[:8], 'big') % 1_000_000:06d}"
        self._link = replace(link, offer_key=b"", code=shown)
        return shown

    # afterwards

    def view(self) -> PhoneView:
        """Ask the portal for what is there: the phone's state, and what it is asked to sign.

        Raises:
            PairingError: ``unknown``: the portal knows no such phone.
            PortalAnswerError: what it asks is not for this phone, or not known to this app.
        """
        link, at = self._linked(), self._clock().isoformat(timespec="seconds")
        signature = self._sign(PHONE_POLL, origin=link.origin, phone=link.phone, at=at)
        answer = self._ask("phone-poll", at=at, signature=signature)
        try:
            self._link = replace(link, fingerprints=tuple(map(_octets, answer["fingerprints"])))
            asked = None if answer["fields"] is None else PhoneAsked(answer["statement"], json.loads(answer["fields"]))
            view = PhoneView(answer["state"], answer["tries_left"], asked)
        except (KeyError, ValueError, TypeError) as error:
            raise PortalAnswerError("this is no answer to a phone", origin=link.origin, reason="type") from error
        if asked is not None:
            self._require_ours(asked)
        return view

    def question(self) -> PhoneAsked | None:
        """What waits for this phone, as shown to the person: origin, organisation, and what is to be done (ORG-7)."""
        return self.view().asked

    def approve(self, asked: PhoneAsked, *, number: str, digits: Secret) -> None:
        """The person enters the number from the page and the digits.

        Raises:
            PortalAnswerError: what is asked is not of the portal that this phone is linked with.
            PhoneDigitsError, PhoneNumberError, PortalError: the portal refuses.
        """
        self._require_ours(asked)
        signature = self._sign(asked.kind, **{**asked.fields, "number": number})
        verifier = self._derive(digits)
        self._ask("phone-approve", nonce=asked.nonce, number=number, verifier=verifier, signature=signature)

    def refuse(self, asked: PhoneAsked) -> None:
        """The person says no."""
        link = self._linked()
        signature = self._sign(PHONE_REFUSAL, origin=link.origin, phone=link.phone, nonce=asked.nonce)
        self._ask("phone-refuse", nonce=asked.nonce, signature=signature)

    @property
    def code(self) -> str:
        """The code that the phone shows until the page has confirmed it."""
        return self._linked().code

    @property
    def origin(self) -> str:
        """The portal with which it is linked."""
        return self._linked().origin

    def _require_ours(self, asked: PhoneAsked) -> None:
        """It is what this app knows, of the portal that this phone is linked with, and for this phone."""
        link = self._linked()
        if asked.kind not in _KINDS or (asked.fields.get("origin"), asked.fields.get("phone")) != (
            link.origin,
            link.phone,
        ):
            raise PortalAnswerError("this is not for this phone to sign", origin=link.origin, reason="foreign")

    def _sign(self, kind: str, **fields: str | int) -> bytes:
        return sign_statement(SoftwareSigner(self._key), kind, **fields).signature

    def _derive(self, digits: Secret) -> bytes:
        with digits.expose() as octets:
            return hashlib.scrypt(octets, salt=self._device_secret, n=16384, r=8, p=1, dklen=32)

    def _linked(self) -> _Link:
        if self._link is None:
            raise PairingError("scan the QR code first", reason="order")
        return self._link

    def _ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        link = self._linked()
        plain = {name: _text(value) if isinstance(value, bytes) else value for name, value in fields.items()}
        request = json.dumps({"kind": kind, "phone": link.phone, **plain}).encode()
        octets = self._carried(link, request)
        try:
            answer: dict[str, Any] = json.loads(octets)
            if answer["kind"] != "refusal":
                return answer
            details = dict(zip(answer["names"], map(json.loads, answer["values"]), strict=True))
            refused = ZorgIDError.of(answer["code"], answer["message"], details)
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise PortalAnswerError("this is no answer to a phone", origin=link.origin, reason="type") from error
        raise refused

    def _carried(self, link: _Link, request: bytes) -> bytes:
        """The answer; where the way breaks the same octets are sent again, for a repetition changes nothing."""
        for left in reversed(range(ATTEMPTS)):
            try:
                return self._connect(link.origin, link.fingerprints).ask(request)
            except TransportError as error:
                if not left:
                    message = f"{link.origin} cannot be reached"
                    raise PortalUnreachableError(message, origin=link.origin, reason="connection") from error
        raise AssertionError

    # its file

    def save(self, path: Path) -> None:
        """Write the phone to a file, readable by its owner only.

        Raises:
            StorageError: it cannot be written.
        """
        link = self._linked()
        key = self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kept = {
            "device": self.device,
            "key": key.hex(),
            "device_secret": self._device_secret.hex(),
            "origin": link.origin,
            "fingerprints": [fingerprint.hex() for fingerprint in link.fingerprints],
            "phone": link.phone,
            "code": link.code,
        }
        write_json({"format": _FORMAT, **kept}, path)

    @classmethod
    def load(cls, path: Path, connect: Connect) -> SimulatedPhone:
        """The phone that :meth:`save` wrote.

        Raises:
            StorageError: the file cannot be read, or is not such a file.
        """
        kept = read_json(path, _FORMAT)
        try:
            phone = cls(connect, device=kept["device"])
            key = serialization.load_der_private_key(bytes.fromhex(kept["key"]), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise TypeError
            phone._key = key
            phone._device_secret = bytes.fromhex(kept["device_secret"])
            fingerprints = tuple(map(bytes.fromhex, kept["fingerprints"]))
            phone._link = _Link(kept["origin"], fingerprints, kept["phone"], b"", kept["code"])
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise StorageError(
                f"{path} is not a simulated phone", reason=type(error).__name__, path=str(path)
            ) from None
        return phone


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _octets(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
