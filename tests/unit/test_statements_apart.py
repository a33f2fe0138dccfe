"""One key, many statements (docs/statements.md): whatever one key signed as one kind is refused as every other kind.

Each kind is made with one and the same key, that of one pass. Then, for each two kinds: the signature of the one is put into
what the other's verifier takes, once beside what that verifier expects, and once with the very octets that were signed wherever the
form lets a sender choose them.
"""

from __future__ import annotations

import ast
import base64
import functools
import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms as asn1
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

import zorgid_card
from signing_world import Judge, replaced, tlv
from zorgid_card.errors import ZorgIDError
from zorgid_card.pki import cms, jws, statement, web_eid
from zorgid_card.pki.aorta import Inschrijftoken, Transactietoken
from zorgid_card.pki.aorta import sign as aorta_sign
from zorgid_card.pki.aorta import verify as aorta_verify
from zorgid_card.pki.csr import build_csr, verify_csr
from zorgid_card.pki.identity import read_uzi_identity
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.statement import DOMAIN, REQUIRED, encode
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ORIGIN, NONCE = "https://portal.example", base64.b64encode(bytes(32)).decode()
TEXT = b"text"


@functools.cache
def pass_() -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime(2026, 3, 1, tzinfo=UTC))
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", role="01.015")


def certificate() -> bytes:
    return pass_().certificates[Usage.AUTHENTICITY]


class Recorder(SoftwareSigner):
    """The pass's key; it keeps what it signed."""

    def __init__(self) -> None:
        super().__init__(pass_().keys[Usage.AUTHENTICITY])
        self.signed: list[tuple[bytes, bytes]] = []

    def sign(self, data: bytes, /) -> bytes:
        signature = super().sign(data)
        self.signed.append((data, signature))
        return signature


@dataclass(frozen=True)
class Made:
    """What a key signed as one kind."""

    octets: bytes
    signature: bytes
    artefact: Any


class Kind(ABC):
    """One kind of statement: how it is made, and every way to hand another's signature to its verifier."""

    def make(self) -> Made:
        signer = Recorder()
        artefact = self._make(signer)
        [(octets, signature)] = signer.signed
        return Made(octets, signature, artefact)

    @abstractmethod
    def _make(self, signer: SoftwareSigner) -> Any: ...

    @abstractmethod
    def verify(self, artefact: Any) -> object: ...

    @abstractmethod
    def with_signature(self, right: Any, signature: bytes) -> Any:
        """What this kind's verifier takes, right but for the signature."""

    def with_octets(self, right: Any, made: Made) -> Any:
        """What it takes, with these octets as what was signed; where nothing can be chosen, the signature alone."""
        return self.with_signature(right, made.signature)


ALL_FIELDS = {name: f"value of {name}" for name in sorted(frozenset[str]().union(*REQUIRED.values()))}
"""Of all kinds together, so that nothing but the kind tells two statements apart."""


class Statement(Kind):
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.fields: dict[str, Any] = ALL_FIELDS

    def _make(self, signer: SoftwareSigner) -> bytes:
        return statement.sign_statement(signer, self.kind, **self.fields).signature

    def verify(self, artefact: bytes) -> None:
        statement.verify_statement(certificate(), self.kind, self.fields, artefact, "RS256")

    def with_signature(self, right: bytes, signature: bytes) -> bytes:
        return signature


class WebEID(Kind):
    def _make(self, signer: SoftwareSigner) -> str:
        return web_eid.make_token(signer, certificate(), ORIGIN, NONCE)

    def verify(self, artefact: str) -> object:
        return web_eid.verify_token(artefact, origin=ORIGIN, nonce=NONCE)

    def with_signature(self, right: str, signature: bytes) -> str:
        return json.dumps({**json.loads(right), "signature": base64.b64encode(signature).decode()})


class JWS(Kind):
    def __init__(self, typ: str) -> None:
        self.typ = typ

    def _make(self, signer: SoftwareSigner) -> str:
        return jws.sign(signer, certificate(), TEXT, typ=self.typ)

    def verify(self, artefact: str) -> object:
        return jws.verify(artefact, typ=self.typ, judge=Judge(), at=NOW, usage="authenticity")

    def with_signature(self, right: str, signature: bytes) -> str:
        return f"{right.rpartition('.')[0]}.{encoded(signature)}"

    def with_octets(self, right: str, made: Made) -> str:
        return f"{made.octets.decode('latin-1')}.{encoded(made.signature)}"


class CMS(Kind):
    def _make(self, signer: SoftwareSigner) -> bytes:
        return cms.sign_detached(signer, certificate(), TEXT, signing_time=NOW)

    def verify(self, artefact: bytes) -> object:
        return cms.verify_detached(artefact, TEXT, judge=Judge(), at=NOW, usage="authenticity")

    def with_signature(self, right: bytes, signature: bytes) -> bytes:
        old = asn1.ContentInfo.load(right)["content"]["signer_infos"][0]["signature"].dump()
        return replaced(right, old, tlv(0x04, signature))

    def with_octets(self, right: bytes, made: Made) -> bytes:
        signed = self.with_signature(right, made.signature)
        old = asn1.ContentInfo.load(signed)["content"]["signer_infos"][0]["signed_attrs"].dump()
        as_is = b"\xa0" + made.octets[1:] if made.octets[:1] == b"\x31" else tlv(0xA0, made.octets)
        return replaced(signed, old, as_is)


class AORTA(Kind):
    def __init__(self, content: Transactietoken | Inschrijftoken) -> None:
        self.content = content

    def _make(self, signer: SoftwareSigner) -> bytes:
        return aorta_sign.sign_token(self.content, signer, certificate(), at=NOW)

    def verify(self, artefact: bytes) -> object:
        return aorta_verify.verify_token(artefact, type(self.content), passes=Passes(), at=NOW, used=None)

    def with_signature(self, right: bytes, signature: bytes) -> bytes:
        value = base64.b64encode(signature)
        return re.sub(rb"(SignatureValue>)[^<]+", rb"\g<1>" + value, right)

    def with_octets(self, right: bytes, made: Made) -> bytes:
        signed = self.with_signature(right, made.signature)
        return re.sub(rb"<ds:SignedInfo.*</ds:SignedInfo>", lambda _: made.octets, signed, flags=re.DOTALL)


class Passes:
    """Judges nothing, and reads who it is."""

    def verify(self, found: bytes, **_: Any) -> Any:
        return read_uzi_identity(found)


class CSR(Kind):
    """A certification request: not the pass's to sign, but a card's key signs one when the card is made."""

    def _make(self, signer: SoftwareSigner) -> bytes:
        return build_csr(signer)

    def verify(self, artefact: bytes) -> object:
        return verify_csr(artefact)

    def with_signature(self, right: bytes, signature: bytes) -> bytes:
        old = tlv(0x03, b"\0" + x509.load_der_x509_csr(right).signature)
        return replaced(right, old, tlv(0x03, b"\0" + signature))

    def with_octets(self, right: bytes, made: Made) -> bytes:
        signed = self.with_signature(right, made.signature)
        return replaced(signed, x509.load_der_x509_csr(right).tbs_certrequest_bytes, made.octets)


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


KINDS: dict[str, tuple[Kind, bytes]] = {
    **{kind: (Statement(kind), DOMAIN + kind.encode() + b"\n") for kind in sorted(REQUIRED)},
    "web-eid": (WebEID(), b""),
    "jws order": (JWS("vnd.example.order"), b"eyJ"),
    "jws referral": (JWS("vnd.example.referral"), b"eyJ"),
    "cms": (CMS(), b"\x31"),
    "transactietoken": (AORTA(Transactietoken()), b"<"),
    "inschrijftoken": (AORTA(Inschrijftoken(bsn="123456782")), b"<"),
    "csr": (CSR(), b"\x30"),
}
"""Every kind, and the octets that what is signed begins with."""


@functools.cache
def made(name: str) -> Made:
    return KINDS[name][0].make()


def test_every_kind_of_statement_is_in_the_matrix() -> None:
    assert KINDS.keys() >= REQUIRED.keys()


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_verifies_as_itself(name: str) -> None:
    kind, right = KINDS[name][0], made(name)
    kind.verify(right.artefact)
    kind.verify(kind.with_signature(right.artefact, right.signature))
    kind.verify(kind.with_octets(right.artefact, right))


@pytest.mark.parametrize(("signed", "taken"), list(permutations(KINDS, 2)), ids=lambda name: name.replace(" ", "-"))
def test_no_kind_is_accepted_as_another(signed: str, taken: str) -> None:
    kind, right, other = KINDS[taken][0], made(taken), made(signed)
    for artefact in (
        alike(other.artefact, right.artefact),
        kind.with_signature(right.artefact, other.signature),
        kind.with_octets(right.artefact, other),
    ):
        with pytest.raises(ZorgIDError):
            kind.verify(artefact)


def alike(artefact: str | bytes, right: str | bytes) -> str | bytes:
    """The same, as text or octets, as the verifier takes it."""
    if isinstance(right, str):
        return artefact if isinstance(artefact, str) else artefact.decode("latin-1")
    return artefact if isinstance(artefact, bytes) else artefact.encode()


@pytest.mark.parametrize("name", KINDS)
def test_what_is_signed_begins_with_its_kind(name: str) -> None:
    """The first octets tell the kinds apart; those of a Web eID log-in are a digest, and it has a length of its own."""
    signed, beginning = made(name).octets, KINDS[name][1]
    if name == "web-eid":
        assert len(signed) == 64
        return
    assert signed.startswith(beginning)
    others = {other for _, other in KINDS.values() if other and other != beginning}
    assert not [other for other in others if signed.startswith(other)]
    assert len(signed) > 64


def test_only_the_makers_of_statements_have_a_card_sign() -> None:
    """Whatever else calls a signer would have something signed that this matrix does not know."""
    root = Path(zorgid_card.__file__).parent
    callers = set()
    for path in (path for path in root.rglob("*.py") if path.parent.name != "testkit"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sign":
                name = ast.unparse(node.func.value)
                if name.rpartition(".")[2].strip("_") in ("signer", "card"):
                    callers.add(str(path.relative_to(root)))
    makers = {f"pki/{name}.py" for name in ("statement", "web_eid", "jws", "cms", "csr", "aorta/sign")}
    assert callers == makers | {
        "cards/piv.py",  # checks another's signature
        "hazardous.py",  # bare digests
        "workflows/audit_heads.py",  # a portal's own key, which signs nothing else
    }


FIELD = st.one_of(st.text(max_size=40), st.integers(-(2**53) + 1, 2**53 - 1))


@given(st.sampled_from(sorted(REQUIRED)), st.data())
def test_no_field_makes_a_statement_another_kind(kind: str, data: st.DataObject) -> None:
    """Whatever stands in the fields: three lines, the first two of which are the domain and the kind."""
    fields = {name: data.draw(FIELD) for name in REQUIRED[kind]}
    try:
        octets = encode(kind, fields)
    except ZorgIDError:
        return
    assert octets.split(b"\n")[:2] == [DOMAIN.strip(), kind.encode()]
    assert octets.count(b"\n") == 3


@given(st.text(max_size=60), st.binary(max_size=60))
def test_no_payload_makes_a_jws_another_kind(typ: str, payload: bytes) -> None:
    signer = Recorder()
    try:
        jws.sign(signer, certificate(), payload, typ=typ)
    except ZorgIDError:
        assert signer.signed == []
        return
    assert signer.signed[0][0].startswith(b"eyJhbGciOiJSUzI1NiIsInR5cCI6I")  # {"alg":"RS256","typ":"


@given(st.binary(max_size=100))
def test_no_content_makes_a_cms_another_kind(content: bytes) -> None:
    signer = Recorder()
    cms.sign_detached(signer, certificate(), content, signing_time=NOW)
    assert signer.signed[0][0].startswith(b"\x31\x81")
    assert len(signer.signed[0][0]) > 128
