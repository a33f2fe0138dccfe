"""A second phone, written from docs/mobile-protocol.md alone: it shares no code with the library, nor with the testkit's phone.

The standard library and pyca/cryptography are all that it stands on; a test holds it to that.
"""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

ACTIONS = {
    *("card.block", "card.unblock", "card.revoke", "person.appoint", "person.unlink", "person.approve-uzi-number"),
    *("phone.block", "phone.unblock", "phone.revoke"),
}


class Refused(Exception):
    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer["message"])
        self.code = answer["code"]
        self.details = dict(zip(answer["names"], (json.loads(value) for value in answer["values"]), strict=True))


class NotOurs(Exception):
    """What the page says that an app does not do."""


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def unb64(text: str) -> bytes:
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64(octets) != text:
        raise NotOurs("base64url")
    return octets


SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(text: str) -> str:
    return '"' + "".join(SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text) + '"'


def canonical(fields: dict[str, str]) -> str:
    return "{" + ",".join(f"{quoted(name)}:{quoted(fields[name])}" for name in sorted(fields)) + "}"


def statement(kind: str, fields: dict[str, str]) -> bytes:
    return f"zorgid-card statement v1\n{kind}\n{canonical(fields)}\n".encode()


def scan(text: str) -> tuple[str, bytes, str, bytes]:
    """Origin, fingerprint, phone, secret."""
    address, _, fragment = text.partition("#")
    parts = fragment.split(".")
    if not address.endswith("/phone") or urlsplit(address).scheme != "https" or len(parts) != 4 or parts[0] != "1":
        raise NotOurs("this is no QR code for linking")
    return address[: -len("/phone")], unb64(parts[1]), parts[2], unb64(parts[3])


def stretch(digits: bytes, device_secret: bytes) -> bytes:
    return Scrypt(salt=device_secret, length=32, n=2**14, r=8, p=1).derive(digits)


def offer_key(secret: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, b"zorgid-card phone offer v1").derive(secret)


def said(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def mac(key: bytes, domain: bytes, octets: bytes) -> bytes:
    return hmac.new(key, domain + octets, hashlib.sha256).digest()


def short_code(key: bytes, octets: bytes) -> str:
    number = int.from_bytes(mac(key, b"zorgid-card phone code v1", octets)[:8], "big")
    return str(number % 1_000_000).zfill(6)


def pinned_https(origin: str, trusted: tuple[bytes, ...], body: bytes) -> bytes:
    where = urlsplit(origin)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(where.hostname or "", where.port, timeout=20, context=context)
    try:
        connection.connect()
        shown = connection.sock.getpeercert(binary_form=True)
        key = x509.load_der_x509_certificate(shown).public_key()
        spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        if hashlib.sha256(spki).digest() not in trusted:
            raise NotOurs("another TLS key")
        connection.request("POST", "/phone/v1", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        octets = response.read(65537)
        kind = (response.getheader("Content-Type") or "").partition(";")[0]
        if response.status != 200 or kind != "application/json" or len(octets) > 65536:
            raise NotOurs("no answer")
        return octets
    finally:
        connection.close()


class SecondPhone:
    def __init__(
        self,
        digits: bytes,
        carry: Callable[[str, tuple[bytes, ...], bytes], bytes] = pinned_https,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.carry, self.clock = carry, clock
        self.device_secret = secrets.token_bytes(32)
        self.verifier = stretch(digits, self.device_secret)
        self.key = ec.generate_private_key(ec.SECP256R1())

    def link(self, qr_text: str, device: str = "Tweede telefoon") -> str:
        self.origin, fingerprint, self.phone, secret = scan(qr_text)
        self.trusted: tuple[bytes, ...] = (fingerprint,)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self.phone)])
        request = x509.CertificateSigningRequestBuilder(name).sign(self.key, hashes.SHA256())
        csr = request.public_bytes(serialization.Encoding.DER)
        key = offer_key(secret)
        transcript = said(self.phone.encode(), csr, self.verifier, device.encode())
        self.send(
            "phone-claim",
            csr=b64(csr),
            verifier=b64(self.verifier),
            device=device,
            mac=b64(mac(key, b"zorgid-card phone claim v1", transcript)),
        )
        return short_code(key, transcript)

    def poll(self) -> tuple[str, str | None, dict[str, str]]:
        """State, kind of what waits, its fields."""
        at = self.clock().strftime("%Y-%m-%dT%H:%M:%S+00:00")
        signature = self.sign("phone-poll", origin=self.origin, phone=self.phone, at=at)
        answer = self.send("phone-poll", at=at, signature=signature)
        self.trusted = tuple(unb64(one) for one in answer["fingerprints"])
        if answer["statement"] is None:
            return answer["state"], None, {}
        return answer["state"], answer["statement"], json.loads(answer["fields"])

    def approve(self, kind: str, fields: dict[str, str], number: str, digits: bytes) -> None:
        if kind not in ("phone-log-in", "phone-approval") or fields["origin"] != self.origin:
            raise NotOurs(kind)
        if fields["phone"] != self.phone or (kind == "phone-approval" and fields["action"] not in ACTIONS):
            raise NotOurs(kind)
        signature = self.sign(kind, **fields, number=number)
        verifier = b64(stretch(digits, self.device_secret))
        self.send("phone-approve", nonce=fields["nonce"], number=number, verifier=verifier, signature=signature)

    def refuse(self, fields: dict[str, str]) -> None:
        signature = self.sign("phone-refusal", origin=self.origin, phone=self.phone, nonce=fields["nonce"])
        self.send("phone-refuse", nonce=fields["nonce"], signature=signature)

    def sign(self, kind: str, **fields: str) -> str:
        return b64(self.key.sign(statement(kind, fields), ec.ECDSA(hashes.SHA256())))

    def send(self, kind: str, **fields: Any) -> dict[str, Any]:
        body = json.dumps({"kind": kind, "phone": self.phone, **fields}).encode()
        answer: dict[str, Any] = json.loads(self.carry(self.origin, self.trusted, body))
        if answer["kind"] == "refusal":
            raise Refused(answer)
        return answer
