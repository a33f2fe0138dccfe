"""A catalogue of hostile tokens, each with one fault: refused with its own code and reason, none crashes, and the challenge is
spent exactly when it should be (AUT-1, AUT-2).

Everything goes through the portal's door as a portal uses it. A case changes a good token; what it must raise stands beside it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from login_world import NOW, ORIGIN, OTHER_PRACTICE, PRACTICE, WORKER, StandAlone, signer, text
from pki_world import make
from zorgid_card.pki.signing import SoftwareSigner, ecdsa_der, verify_signature
from zorgid_card.pki.statement import CONSENT, SESSION, sign_statement, verify_statement
from zorgid_card.pki.web_eid import make_token, signed_input
from zorgid_card.testkit.uzi_profile import Usage

Spoil = Callable[[StandAlone, str], str]
"""Makes a token that answers this nonce, and has one fault."""


@dataclass(frozen=True)
class Case:
    """One hostile token: who sends it, and what comes of it.

    ``code`` and ``about`` (the details that must be there) are what is raised. ``binding``: from which browser session it is sent.
    ``spent``: whether the challenge of the *honest* session is gone afterwards.
    """

    spoil: Spoil
    code: str
    about: dict[str, Any]
    said: str = ""
    binding: str = "browser"
    spent: bool = True
    wait: timedelta = timedelta()


def field(**changes: Any) -> Spoil:
    """The good token with fields replaced; a function gets the old value."""

    def spoil(portal: StandAlone, nonce: str) -> str:
        fields = portal.fields(nonce)
        for name, value in changes.items():
            fields[name] = value(fields[name]) if callable(value) else value
        return json.dumps(fields)

    return spoil


def without(name: str) -> Spoil:
    def spoil(portal: StandAlone, nonce: str) -> str:
        return json.dumps({key: value for key, value in portal.fields(nonce).items() if key != name})

    return spoil


def octets(change: Callable[[bytes], bytes], name: str = "signature") -> Spoil:
    """The good token with the octets of a base64 field changed."""
    return field(**{name: lambda old: text(change(base64.b64decode(old)))})


def signed_over(build: Callable[[str], bytes], algorithm: str = "RS256") -> Spoil:
    """The pass really signs, but something else than the token's input."""

    def spoil(portal: StandAlone, nonce: str) -> str:
        fields = portal.fields(nonce, algorithm=algorithm)
        signature = signer(portal.worker, algorithm=algorithm).sign(build(nonce))
        return json.dumps(fields | {"signature": text(signature)})

    return spoil


def origin(written: str) -> Spoil:
    """The card side signed another spelling of the origin than the portal's: no token of ours does."""
    return signed_over(lambda nonce: sha256(written) + sha256(nonce))


def sha256(part: str | bytes) -> bytes:
    return hashlib.sha256(part.encode() if isinstance(part, str) else part).digest()


def other_usage(usage: Usage) -> Spoil:
    """The same person's other key and certificate."""

    def spoil(portal: StandAlone, nonce: str) -> str:
        return make_token(signer(portal.worker, usage), portal.worker.certificates[usage], ORIGIN, nonce)

    return spoil


def colleague(portal: StandAlone, nonce: str) -> str:
    """The worker's signature under the doctor's certificate."""
    return json.dumps(
        portal.fields(nonce) | {"unverifiedCertificate": text(portal.doctor.certificates[Usage.AUTHENTICITY])}
    )


def server(portal: StandAlone, nonce: str) -> str:
    contents = portal.pki.server("portal.example", PRACTICE, "900000099")
    return make_token(SoftwareSigner(contents.key), contents.certificate, ORIGIN, nonce)


def issuing_ca(portal: StandAlone, nonce: str) -> str:
    return json.dumps(portal.fields(nonce) | {"unverifiedCertificate": text(portal.worker.chain[0])})


def pem(portal: StandAlone, nonce: str) -> str:
    """The certificate as PEM, in base64 once more: its signature is good, and Web eID says DER."""
    der = x509.load_der_x509_certificate(portal.worker.certificates[Usage.AUTHENTICITY])
    return json.dumps(portal.fields(nonce) | {"unverifiedCertificate": text(der.public_bytes(Encoding.PEM))})


def other_curve(portal: StandAlone, nonce: str) -> str:
    """A key on secp256k1, and ES256 said of it."""
    return elliptic(ec.SECP256K1(), "ES256", nonce)


def wrong_curve(portal: StandAlone, nonce: str) -> str:
    """A key on P-384, and ES256 said of it."""
    return elliptic(ec.SECP384R1(), "ES256", nonce)


def elliptic(curve: ec.EllipticCurve, algorithm: str, nonce: str) -> str:
    key = ec.generate_private_key(curve)
    node = make("holder", ca=False, usages=("digital_signature",), key=key)
    r_s = key.sign(signed_input(ORIGIN, nonce, algorithm), ec.ECDSA(hashes.SHA256()))
    raw = b"".join(number.to_bytes(48, "big")[-32:] for number in decode_dss_signature(r_s))
    return token_of(node.der, algorithm, raw)


def token_of(certificate: bytes, algorithm: str, signature: bytes) -> str:
    fields = {"unverifiedCertificate": text(certificate), "algorithm": algorithm, "signature": text(signature)}
    return json.dumps(fields | {"format": "web-eid:1.0"})


EC_KEY = ec.generate_private_key(ec.SECP256R1())
EC_HOLDER = make("holder", ca=False, usages=("digital_signature",), key=EC_KEY)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def raw(change: Callable[[bytes], bytes]) -> Spoil:
    """A good ES256 signature of 64 octets, changed. Its certificate is no UZI pass's: the form is judged before that."""

    def spoil(portal: StandAlone, nonce: str) -> str:
        fields = json.loads(make_token(SoftwareSigner(EC_KEY), EC_HOLDER.der, ORIGIN, nonce))
        return json.dumps(fields | {"signature": text(change(base64.b64decode(fields["signature"])))})

    return spoil


def lost_zero(portal: StandAlone, nonce: str) -> str:
    """A signature whose r begins with a zero octet that was lost on the way, as some cards' middleware does."""
    data = signed_input(ORIGIN, nonce, "ES256")
    while True:
        fields = json.loads(make_token(SoftwareSigner(EC_KEY), EC_HOLDER.der, ORIGIN, nonce))
        found = base64.b64decode(fields["signature"])
        verify_signature(SoftwareSigner(EC_KEY).public_key, "ES256", data, ecdsa_der(found, "ES256"))
        if found[0] == 0:
            return json.dumps(fields | {"signature": text(found[1:])})


def short_salt(portal: StandAlone, nonce: str) -> str:
    """PS256 with a salt of 20 octets: RFC 7518, 3.5 wants it as long as the digest."""
    key, data = portal.worker.keys[Usage.AUTHENTICITY], signed_input(ORIGIN, nonce, "PS256")
    signature = key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 20), hashes.SHA256())
    return token_of(portal.worker.certificates[Usage.AUTHENTICITY], "PS256", signature)


def other_mask(portal: StandAlone, nonce: str) -> str:
    """PS256 whose mask is made with SHA-384."""
    key, data = portal.worker.keys[Usage.AUTHENTICITY], signed_input(ORIGIN, nonce, "PS256")
    signature = key.sign(data, padding.PSS(padding.MGF1(hashes.SHA384()), 32), hashes.SHA256())
    return token_of(portal.worker.certificates[Usage.AUTHENTICITY], "PS256", signature)


def rsa_lost_zero(portal: StandAlone, nonce: str) -> str:
    """An RSA signature that begins with a zero octet, without it; PSS is random, so that one is found."""
    pss = signer(portal.worker, algorithm="PS256")
    while True:
        signature = pss.sign(signed_input(ORIGIN, nonce, "PS256"))
        if signature[0] == 0:
            return token_of(portal.worker.certificates[Usage.AUTHENTICITY], "PS256", signature[1:])


def statement(kind: str, **fields: str) -> Spoil:
    """What the pass signed as a statement, handed in as a log-in over the same origin and nonce."""

    def spoil(portal: StandAlone, nonce: str) -> str:
        known = {"session": nonce, "origin": ORIGIN, "expires": "2026-11-23T12:05:00Z"} | fields
        signed = sign_statement(signer(portal.worker), kind, **known)
        verify_statement(portal.worker.certificates[Usage.AUTHENTICITY], kind, known, signed.signature, "RS256")
        return json.dumps(portal.fields(nonce) | {"signature": text(signed.signature)})

    return spoil


def jws(nonce: str) -> bytes:
    """The signing input of a JWS (RFC 7515, 5.1) whose payload is a log-in's input."""
    header = json.dumps({"alg": "RS256", "nonce": nonce}).encode()
    payload = sha256(ORIGIN) + sha256(nonce)
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))


def cms_attributes(nonce: str) -> bytes:
    """The signed attributes of CMS (RFC 5652, 5.4) over a log-in's input: what a signature over a document covers."""
    digest = sha256(sha256(ORIGIN) + sha256(nonce))
    attributes = cms.CMSAttributes([
        cms.CMSAttribute({"type": "content_type", "values": ["data"]}),
        cms.CMSAttribute({"type": "message_digest", "values": [digest]}),
    ])  # fmt: skip
    return bytes(attributes.untag().dump())


def signed_info(nonce: str) -> bytes:
    """The canonical SignedInfo of an XML signature over SAML (W3C XML Signature, 4.4)."""
    digest = text(sha256(sha256(ORIGIN) + sha256(nonce)))
    return (
        '<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod '
        'Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:CanonicalizationMethod><ds:SignatureMethod '
        'Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod><ds:Reference URI="#token">'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    ).encode()


def another_session(portal: StandAlone, nonce: str) -> str:
    """The victim's own token, for the victim's own challenge, sent from the attacker's browser."""
    portal.log_in.challenge("attacker")
    return portal.token(nonce)


def anothers_nonce(portal: StandAlone, nonce: str) -> str:
    """A token that answers the challenge of another session of the same person."""
    return portal.token(portal.log_in.challenge("elsewhere"))


def earlier_nonce(portal: StandAlone, nonce: str) -> str:
    """The challenge was asked once more since (another tab): the former one is over."""
    portal.log_in.challenge("browser")
    return portal.token(nonce)


def used_nonce(portal: StandAlone, nonce: str) -> str:
    """It logged the person in a moment ago."""
    token = portal.token(nonce)
    portal.log_in.verify(token, binding="browser")
    return token


def revoked(portal: StandAlone, nonce: str) -> str:
    portal.pki.revoke(portal.worker, at=NOW)
    return portal.token(nonce)


def on_hold(portal: StandAlone, nonce: str) -> str:
    portal.pki.hold(portal.worker, at=NOW)
    return portal.token(nonce)


def expired_pass(portal: StandAlone, nonce: str) -> str:
    holder = portal.pki.pass_(WORKER, PRACTICE, "N", not_after=NOW - timedelta(seconds=1))
    return portal.token(nonce, holder=holder)


def pass_of_tomorrow(portal: StandAlone, nonce: str) -> str:
    holder = portal.pki.pass_(WORKER, PRACTICE, "N", not_before=NOW + timedelta(seconds=1))
    return portal.token(nonce, holder=holder)


def foreign_pass(portal: StandAlone, nonce: str) -> str:
    """A pass of the register's test environment, which has the same people and other roots."""
    other = type(portal.pki)("test", now=NOW - timedelta(days=30), pool=portal.pki._pool)
    return portal.token(nonce, holder=other.pass_(WORKER, OTHER_PRACTICE, "N"))


def self_signed(portal: StandAlone, nonce: str) -> str:
    """A certificate that says it is the doctor, made by an attacker under the CA's own name."""
    doctor = x509.load_der_x509_certificate(portal.doctor.certificates[Usage.AUTHENTICITY])
    key = portal.worker.keys[Usage.CONFIDENTIALITY]
    builder = (
        x509.CertificateBuilder()
        .subject_name(doctor.subject)
        .issuer_name(doctor.issuer)
        .public_key(key.public_key())
        .serial_number(doctor.serial_number)
        .not_valid_before(doctor.not_valid_before_utc)
        .not_valid_after(doctor.not_valid_after_utc)
    )
    for item in doctor.extensions:
        builder = builder.add_extension(item.value, item.critical)
    forged = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    return make_token(SoftwareSigner(key), forged, ORIGIN, nonce)


def twice(name: str) -> Spoil:
    """A field given twice; the last one is good."""

    def spoil(portal: StandAlone, nonce: str) -> str:
        good = json.dumps(portal.fields(nonce))
        return "{" + json.dumps(name) + ': "web-eid:1.0", ' + good[1:]

    return spoil


def padded(length: int) -> Spoil:
    def spoil(portal: StandAlone, nonce: str) -> str:
        good = portal.token(nonce)
        return good + " " * (length - len(good))

    return spoil


def as_is(token: str) -> Spoil:
    return lambda portal, nonce: token


MALFORMED, SIGNATURE, USAGE = "encoding.message", "certificate.signature", "certificate.usage"
LOST = timedelta(minutes=5)

CASES: dict[str, Case] = {
    # the algorithm
    "no algorithm at all: none": Case(field(algorithm="none"), MALFORMED, {"field": "algorithm"}, "unknown algorithm"),
    "none, and no signature": Case(field(algorithm="none", signature=""), MALFORMED, {"field": "algorithm"}),
    "an algorithm of a shared secret": Case(field(algorithm="HS256"), MALFORMED, {"field": "algorithm"}),
    "SHA-1": Case(field(algorithm="RS1"), MALFORMED, {"field": "algorithm"}),
    "in lower case": Case(field(algorithm="rs256"), MALFORMED, {"field": "algorithm"}),
    "a surrogate for a name": Case(field(algorithm="\ud800"), MALFORMED, {"field": "algorithm"}),
    "ECDSA said of an RSA key": Case(field(algorithm="ES256"), SIGNATURE, {"algorithm": "ES256"}, "256 octets, expected 64"),
    "another digest than was signed": Case(field(algorithm="RS384"), SIGNATURE, {"algorithm": "RS384"}),
    "another padding than was signed": Case(field(algorithm="PS256"), SIGNATURE, {"algorithm": "PS256"}),
    "RSA said of an EC key": Case(
        lambda portal, nonce: json.dumps(json.loads(raw(lambda r_s: r_s)(portal, nonce)) | {"algorithm": "RS256"}),
        SIGNATURE, {"algorithm": "RS256"}, "does not fit the key"),
    "a key on P-384 under ES256": Case(wrong_curve, SIGNATURE, {"algorithm": "ES256"}, "does not fit the key"),
    "a key on secp256k1": Case(other_curve, "certificate.malformed", {"field": "publicKey"}),
    # the signature's form
    "r and s with a lost zero": Case(lost_zero, SIGNATURE, {"algorithm": "ES256"}, "63 octets, expected 64"),
    "r and s as DER": Case(raw(lambda r_s: ecdsa_der(r_s, "ES256")), SIGNATURE, {"algorithm": "ES256"}, "expected 64"),
    "r and s with an octet more": Case(raw(lambda r_s: r_s + b"\0"), SIGNATURE, {"algorithm": "ES256"}, "65 octets"),
    "r and s exchanged": Case(raw(lambda r_s: r_s[32:] + r_s[:32]), SIGNATURE, {"algorithm": "ES256"}, "does not verify"),
    "s = 0": Case(raw(lambda r_s: r_s[:32] + bytes(32)), SIGNATURE, {"algorithm": "ES256"}, "does not verify"),
    "r = 0": Case(raw(lambda r_s: bytes(32) + r_s[32:]), SIGNATURE, {"algorithm": "ES256"}, "does not verify"),
    "r = s = 0": Case(raw(lambda r_s: bytes(64)), SIGNATURE, {"algorithm": "ES256"}, "does not verify"),
    "r = n": Case(raw(lambda r_s: P256_ORDER.to_bytes(32, "big") + r_s[32:]), SIGNATURE, {"algorithm": "ES256"}),
    "s = n": Case(raw(lambda r_s: r_s[:32] + P256_ORDER.to_bytes(32, "big")), SIGNATURE, {"algorithm": "ES256"}),
    "r and s above n": Case(raw(lambda r_s: b"\xff" * 64), SIGNATURE, {"algorithm": "ES256"}),
    "an RSA signature of length 0": Case(field(signature="===="), MALFORMED, {"field": "signature"}, "not base64"),
    "an RSA signature without its leading zero": Case(rsa_lost_zero, SIGNATURE, {"algorithm": "PS256"}),
    "an RSA signature with a zero before it": Case(octets(lambda old: b"\0" + old), SIGNATURE, {"algorithm": "RS256"}),
    "an RSA signature of 0": Case(octets(lambda old: bytes(256)), SIGNATURE, {"algorithm": "RS256"}),
    "an RSA signature of 1": Case(octets(lambda old: bytes(255) + b"\1"), SIGNATURE, {"algorithm": "RS256"}),
    "an RSA signature as large as can be": Case(octets(lambda old: b"\xff" * 256), SIGNATURE, {"algorithm": "RS256"}),
    "PS256 with a short salt": Case(short_salt, SIGNATURE, {"algorithm": "PS256"}),
    "PS256 with another mask": Case(other_mask, SIGNATURE, {"algorithm": "PS256"}),
    "one bit changed": Case(octets(lambda old: old[:-1] + bytes([old[-1] ^ 1])), SIGNATURE, {"algorithm": "RS256"}),
    # what was signed
    "another origin": Case(origin("https://evil.example"), SIGNATURE, {"algorithm": "RS256"}),
    "the origin with a slash": Case(origin(f"{ORIGIN}/"), SIGNATURE, {"algorithm": "RS256"}),
    "the origin with the default port": Case(origin(f"{ORIGIN}:443"), SIGNATURE, {"algorithm": "RS256"}),
    "the origin in upper case": Case(origin(ORIGIN.upper()), SIGNATURE, {"algorithm": "RS256"}),
    "the origin with a user": Case(origin("https://user@portal.example"), SIGNATURE, {"algorithm": "RS256"}),
    "the origin without TLS": Case(origin("http://portal.example"), SIGNATURE, {"algorithm": "RS256"}),
    "the origin with a dot": Case(origin(f"{ORIGIN}."), SIGNATURE, {"algorithm": "RS256"}),
    "the nonce as octets": Case(
        signed_over(lambda nonce: sha256(ORIGIN) + sha256(base64.b64decode(nonce))), SIGNATURE, {"algorithm": "RS256"}),
    "the two digests exchanged": Case(
        signed_over(lambda nonce: sha256(nonce) + sha256(ORIGIN)), SIGNATURE, {"algorithm": "RS256"}),
    "origin and nonce not hashed": Case(signed_over(lambda nonce: (ORIGIN + nonce).encode()), SIGNATURE, {"algorithm": "RS256"}),
    "one digest of both": Case(signed_over(lambda nonce: sha256(ORIGIN + nonce)), SIGNATURE, {"algorithm": "RS256"}),
    "the nonce alone": Case(signed_over(sha256), SIGNATURE, {"algorithm": "RS256"}),
    # what the same key signed for another purpose
    "a consent": Case(statement(CONSENT, action="register"), SIGNATURE, {"algorithm": "RS256"}),
    "a session": Case(statement(SESSION, key="AAAA"), SIGNATURE, {"algorithm": "RS256"}),
    "a JWS": Case(signed_over(jws), SIGNATURE, {"algorithm": "RS256"}),
    "a CMS signature": Case(signed_over(cms_attributes), SIGNATURE, {"algorithm": "RS256"}),
    "a SAML token": Case(signed_over(signed_info), SIGNATURE, {"algorithm": "RS256"}),
    # the challenge
    "a nonce that was used": Case(used_nonce, "portal.replay", {"what": "challenge", "reason": "none"}),
    "a nonce that has expired": Case(
        lambda portal, nonce: portal.token(nonce), "portal.replay", {"what": "challenge", "reason": "expired"}, wait=LOST),
    "a nonce of another session": Case(anothers_nonce, SIGNATURE, {"algorithm": "RS256"}),
    "a nonce that another took the place of": Case(earlier_nonce, SIGNATURE, {"algorithm": "RS256"}),
    "a token from another session": Case(another_session, SIGNATURE, {"algorithm": "RS256"}, binding="attacker", spent=False),
    "a token without any session": Case(
        lambda portal, nonce: portal.token(nonce), "portal.replay", {"reason": "none"}, binding="nobody", spent=False),
    "a token with an empty session": Case(
        lambda portal, nonce: portal.token(nonce), "portal.replay", {"reason": "none"}, binding="", spent=False),
    # the format
    "format 1 and a 0": Case(field(format="web-eid:10"), MALFORMED, {"field": "format"}, "unknown format"),
    "format 1.0x": Case(field(format="web-eid:1.0x"), MALFORMED, {"field": "format"}, "unknown format"),
    "format 2": Case(field(format="web-eid:2.0"), MALFORMED, {"field": "format"}, "unknown format"),
    "format 1.": Case(field(format="web-eid:1."), MALFORMED, {"field": "format"}, "unknown format"),
    "format with a line end": Case(field(format="web-eid:1.0\n"), MALFORMED, {"field": "format"}, "unknown format"),
    "format in other digits": Case(field(format="web-eid:1.٠"), MALFORMED, {"field": "format"}, "unknown format"),
    "format in capitals": Case(field(format="WEB-EID:1.0"), MALFORMED, {"field": "format"}, "unknown format"),
    # the fields
    **{f"without {name}": Case(without(name), MALFORMED, {"field": name}, "missing")
       for name in ("format", "algorithm", "signature", "unverifiedCertificate")},
    **{f"{name} is {value!r}": Case(field(**{name: value}), MALFORMED, {"field": name}, "no text")
       for name in ("format", "algorithm", "signature", "unverifiedCertificate") for value in (None, 7, [], {}, True, "")},
    **{f"{name} twice": Case(twice(name), MALFORMED, {"field": "token"}, "not JSON")
       for name in ("format", "algorithm", "signature", "unverifiedCertificate", "appVersion")},
    # the text
    "10,001 characters": Case(padded(10_001), MALFORMED, {"field": "token"}, "10001 characters"),
    "99 characters": Case(as_is('{"format":"web-eid:1.0"}'.ljust(99)), MALFORMED, {"field": "token"}, "99 characters"),
    "nothing": Case(as_is(""), MALFORMED, {"field": "token"}, "0 characters"),
    "no JSON": Case(as_is("x" * 200), MALFORMED, {"field": "token"}, "not JSON"),
    "a list": Case(as_is("[" + " " * 200 + "]"), MALFORMED, {"field": "token"}, "not a JSON object"),
    "deep lists": Case(as_is("[" * 9_999), MALFORMED, {"field": "token"}, "not JSON"),
    "deep objects": Case(as_is('{"a":' * 1_900), MALFORMED, {"field": "token"}, "not JSON"),
    "deep under an unknown field": Case(
        lambda portal, nonce: portal.token(nonce)[:-1] + ',"x":' + "[" * 3_000 + "]" * 3_000 + "}",
        MALFORMED, {"field": "token"}, "not JSON"),
    "a giant integer": Case(as_is('{"format":' + "9" * 5_000 + "}"), MALFORMED, {"field": "token"}, "not JSON"),
    "a number without end": Case(field(algorithm=float("inf")), MALFORMED, {"field": "algorithm"}, "no text"),
    "a byte order mark": Case(lambda portal, nonce: "\ufeff" + portal.token(nonce), MALFORMED, {"field": "token"}, "not JSON"),
    "a null behind it": Case(lambda portal, nonce: portal.token(nonce) + "\0", MALFORMED, {"field": "token"}, "not JSON"),
    "two tokens": Case(lambda portal, nonce: portal.token(nonce) * 2, MALFORMED, {"field": "token"}, "not JSON"),
    "a half surrogate for a signature": Case(field(signature="\udfff"), MALFORMED, {"field": "signature"}, "not base64"),
    "a half surrogate for a certificate": Case(
        field(unverifiedCertificate="\ud800"), MALFORMED, {"field": "unverifiedCertificate"}, "not base64"),
    # base64
    "a signature in base64url": Case(
        field(signature=lambda old: "-_" + old[2:]),
        MALFORMED, {"field": "signature"}, "not base64"),
    "white space within a signature": Case(
        field(signature=lambda old: old[:40] + "\n" + old[40:]), MALFORMED, {"field": "signature"}, "not base64"),
    "white space after a certificate": Case(
        field(unverifiedCertificate=lambda old: old + " "), MALFORMED, {"field": "unverifiedCertificate"}, "not base64"),
    "a signature without its padding": Case(
        field(signature=lambda old: old.rstrip("=")), MALFORMED, {"field": "signature"}, "not base64"),
    "something behind the padding": Case(
        field(signature=lambda old: old + "AAAA"), MALFORMED, {"field": "signature"}, "not base64"),
    # the certificate
    "no certificate": Case(field(unverifiedCertificate="AAAA"), "certificate.malformed", {"reason": "not a certificate"}),
    "a certificate as PEM": Case(pem, "certificate.malformed", {"field": "certificate"}, "not DER"),
    "an octet behind the certificate": Case(
        octets(lambda old: old + b"\0", "unverifiedCertificate"), "certificate.malformed", {"reason": "bytes after the end"}),
    "half a certificate": Case(
        octets(lambda old: old[: len(old) // 2], "unverifiedCertificate"), "certificate.malformed", {"reason": "ends too early"}),
    "an RSA key of 1024 bits": Case(lambda portal, nonce: weak_key(nonce), "certificate.malformed", {"field": "publicKey"}),
    "a colleague's certificate": Case(colleague, SIGNATURE, {"algorithm": "RS256"}, "does not verify"),
    "the signature certificate": Case(other_usage(Usage.SIGNATURE), USAGE, {"usage": "authenticity"}),
    "the confidentiality certificate": Case(other_usage(Usage.CONFIDENTIALITY), USAGE, {"usage": "authenticity"}),
    "a server certificate": Case(server, "certificate.untrusted", {"reason": "policy"}),
    "the certificate of a CA": Case(issuing_ca, USAGE, {"usage": "authenticity"}),
    "a certificate made by an attacker": Case(self_signed, "certificate.untrusted", {"reason": "signature"}),
    "a certificate of another CA altogether": Case(raw(lambda r_s: r_s), "certificate.not_uzi", {}),
    "a pass of the test environment": Case(foreign_pass, "certificate.untrusted", {"reason": "policy"}),
    "a revoked pass": Case(revoked, "certificate.revoked", {"reason": "keyCompromise"}),
    "a pass on hold": Case(on_hold, "certificate.on_hold", {}),
    "a pass that has expired": Case(expired_pass, "certificate.expired", {}),
    "a pass that is not valid yet": Case(pass_of_tomorrow, "certificate.not_yet_valid", {}),
}  # fmt: skip


def weak_key(nonce: str) -> str:
    key = rsa.generate_private_key(65537, 1024)
    node = make("holder", ca=False, usages=("digital_signature",), key=key)
    data = signed_input(ORIGIN, nonce, "RS256")
    return token_of(node.der, "RS256", key.sign(data, padding.PKCS1v15(), hashes.SHA256()))
