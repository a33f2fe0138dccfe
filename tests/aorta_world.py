"""AORTA tokens under test: passes and a card that sign, judges that know them, and other people's signatures over the same form."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from zorgid_card.errors import NotLinkedError
from zorgid_card.pki.aorta import (
    Acting,
    Content,
    Inschrijftoken,
    Mandaattoken,
    Transactietoken,
    VerifiedToken,
    sign_token,
    verify_token,
)
from zorgid_card.pki.profile import POLICIES
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.trust import TrustStore
from zorgid_card.pki.verifier import CertificateVerifier, SmartcardVerifier
from zorgid_card.ports.links import Link, PresentedCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, JAN_DE_VRIES, Usage
from zorgid_card.testkit.zorgid import ZorgIDTestIssuer

etree = pytest.importorskip("lxml.etree", reason="lxml is not installed (extra saml)")
pytest.importorskip("signxml", reason="signxml is not installed (extra saml)")

ISSUED = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BSN = "999911120"
ACTING = Acting(ura="90000123", role="00.000")

TRANSACTION = Transactietoken(
    attributes={"autorisatieregel/context": "Medicatie", "interactie": "vraag & antwoord <1>"}
)
ENROLMENT = Inschrijftoken(bsn=BSN)
MANDATE = Mandaattoken(context="Medicatie")
CONTENTS: Mapping[str, Content] = {content.kind.name: content for content in (TRANSACTION, ENROLMENT, MANDATE)}

NAMES = {"saml": "urn:oasis:names:tc:SAML:2.0:assertion", "ds": "http://www.w3.org/2000/09/xmldsig#"}


@functools.cache
def pki() -> UZITestPKI:
    return UZITestPKI("production", pool=KeyPool.shared(), now=ISSUED)


@functools.cache
def doctor() -> PassContents:
    """A general practitioner's pass, type Z."""
    return pki().pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")


@functools.cache
def worker() -> PassContents:
    """An employee's pass, type N."""
    return pki().pass_(FATIMA_EL_AMRANI, DE_LINDE, "N")


@functools.cache
def issuer() -> ZorgIDTestIssuer:
    return ZorgIDTestIssuer(now=ISSUED)


@dataclass(frozen=True)
class Key:
    """A key that can sign, in this process, with its certificate."""

    private: rsa.RSAPrivateKey
    certificate: bytes

    @property
    def signer(self) -> SoftwareSigner:
        return SoftwareSigner(self.private)

    @property
    def pem(self) -> bytes:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public_pem(self) -> bytes:
        key = x509.load_der_x509_certificate(self.certificate).public_key()
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_of(contents: PassContents, usage: str) -> Key:
    return Key(contents.keys[Usage(usage)], contents.certificates[Usage(usage)])


def signed(content: Content, contents: PassContents | None = None, **options: Any) -> bytes:
    """A token by the pass of the doctor, or another."""
    key = key_of(contents or doctor(), content.kind.usage)
    return sign_token(content, key.signer, key.certificate, **{"at": NOW, **options})


@functools.cache
def token(kind: str) -> bytes:
    """One sound token of each kind."""
    return signed(CONTENTS[kind])


@functools.cache
def passes() -> CertificateVerifier:
    return CertificateVerifier(pki().trust("Z", "N"), CRLs(lambda certificate: [pki().crl(certificate, NOW)]))


@functools.cache
def smartcards() -> SmartcardVerifier:
    """The CA of the ZORG-ID Smartcards, whose CRLs are empty."""
    authority = issuer().authority
    trust = TrustStore(anchors=authority.chain[-1:], intermediates=authority.chain[:-1], policies=POLICIES)
    until = NOW + timedelta(days=1)
    crls = {der: authority.sign_crl((), 1, NOW, until, root=der == authority.chain[-1]) for der in authority.chain}
    return SmartcardVerifier(trust, CRLs(lambda certificate: [crls[certificate]]))


def verified(data: bytes, kind: type[Any], **options: Any) -> VerifiedToken[Any]:
    return verify_token(data, kind, **{"passes": passes(), "at": NOW, "used": None, **options})


class Linked:
    """A portal's records of one card, whose holder acts for one organisation."""

    def __init__(self, acting: Acting, *, listens: bool = True) -> None:
        self.acting, self.listens = acting, listens

    def acting_for(self, card: PresentedCard, /, *, ura: str | None, at: datetime, used: bool) -> Link:
        if card.uzi_number != FATIMA_EL_AMRANI.uzi_number or (self.listens and ura != self.acting.ura):
            raise NotLinkedError(ura=ura)
        return Link(ura=self.acting.ura, organisation="", role=self.acting.role, person_id="1", card_serial=card.serial)

    def require_admitted(self, ura: str, /) -> None:
        """Not asked."""
        raise AssertionError


# --- changing tokens -----------------------------------------------------------------------------------------


def parsed(data: bytes) -> Any:
    return etree.fromstring(data)


def dumped(root: Any) -> bytes:
    return bytes(etree.tostring(root))


def one(root: Any, path: str) -> Any:
    (found,) = root.xpath(path, namespaces=NAMES)
    return found


def changed(data: bytes, change: Callable[[Any], object]) -> bytes:
    root = parsed(data)
    change(root)
    return dumped(root)


# --- xmlsec1, which signs and verifies with other people's code ------------------------------------------------

xmlsec1 = pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed (Debian: xmlsec1)")
_ID = "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"


def xmlsec(folder: Path, action: str, data: bytes, key: bytes, option: str) -> subprocess.CompletedProcess[bytes]:
    (folder / "token.xml").write_bytes(data)
    (folder / "key.pem").write_bytes(key)
    command = ["xmlsec1", action, option, str(folder / "key.pem"), *_ID, str(folder / "token.xml")]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def xmlsec_verifies(folder: Path, data: bytes, key: Key) -> bool:
    return xmlsec(folder, "--verify", data, key.public_pem, "--pubkey-pem").returncode == 0


def xmlsec_signs(folder: Path, data: bytes, key: Key) -> bytes:
    """A token with this content, its signature made by xmlsec1."""
    done = xmlsec(folder, "--sign", emptied(data), key.pem, "--privkey-pem")
    assert done.returncode == 0, done.stderr
    return done.stdout


def emptied(data: bytes) -> bytes:
    """A token as a template to be signed: digest and signature are empty."""
    return re.sub(rb"(<ds:(DigestValue|SignatureValue)>)[^<]*", rb"\1", data)


def resigned(data: bytes, key: Key | None = None) -> bytes:
    """The token signed again after it was changed, by hand: digest and signature over whatever now stands there."""
    root = parsed(data)
    signature = one(root, "/*/ds:Signature")
    bare = parsed(data)
    out = one(bare, "/*/ds:Signature")
    out.getprevious().tail = (out.getprevious().tail or "") + (out.tail or "")  # only the element goes
    bare.remove(out)
    digest = hashlib.sha256(etree.tostring(bare, method="c14n", exclusive=True)).digest()
    one(signature, "ds:SignedInfo/ds:Reference/ds:DigestValue").text = base64.b64encode(digest).decode()
    octets = etree.tostring(one(signature, "ds:SignedInfo"), method="c14n", exclusive=True)
    private = (key or key_of(doctor(), "authenticity")).private
    value = private.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    one(signature, "ds:SignatureValue").text = base64.b64encode(value).decode()
    return dumped(root)
