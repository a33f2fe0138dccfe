"""JWS (AUT-3): jwcrypto and joserfc verify ours, we verify theirs, and no confusion of keys, algorithms or types passes."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey, RSAKey
from jwcrypto import jwk
from jwcrypto import jws as jwcrypto_jws

from signing_world import NOW, WHO, Judge, ca, holder, root, signer
from zorgid_card.errors import CertificateError, JWSError, SignatureError, UsageError, ZorgIDError
from zorgid_card.pki import jws
from zorgid_card.pki.jws import MAX_HEADER, MAX_PAYLOAD, VerifiedJWS
from zorgid_card.pki.signing import ecdsa_raw

TYPE = "vnd.example.order+json"
PAYLOAD = json.dumps({"medicijn": "amoxicilline", "aantal": 21}).encode()
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


def made(algorithm: str = "RS256", **others: Any) -> str:
    chosen = {"typ": TYPE, "chain": [ca().der], **others}
    return jws.sign(signer(algorithm), holder(algorithm).der, PAYLOAD, **chosen)


kept = functools.cache(made)


def verified(token: str, judge: Judge | None = None, **others: Any) -> VerifiedJWS:
    return jws.verify(token, **{"typ": TYPE, "judge": judge or Judge(), "at": NOW, **others})


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(token: str) -> dict[str, Any]:
    return dict(json.loads(decoded(token.split(".", maxsplit=1)[0])))


def pem(algorithm: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = holder(algorithm).key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(algorithm: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return holder(algorithm).key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def roomy(algorithm: str) -> joserfc_jws.JWSRegistry:
    """joserfc takes headers of 512 characters, unless it is told that there are certificates in them."""
    registry = joserfc_jws.JWSRegistry(algorithms=[algorithm])
    registry.max_header_length = MAX_HEADER
    return registry


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_aut_3_other_libraries_verify_ours(algorithm: str) -> None:
    token = made(algorithm)
    theirs = jwcrypto_jws.JWS()
    theirs.allowed_algs = list(ALGORITHMS)
    theirs.deserialize(token, jwk.JWK.from_pem(pem(algorithm)))
    assert theirs.payload == PAYLOAD
    key = ECKey.import_key(pem(algorithm)) if algorithm.startswith("ES") else RSAKey.import_key(pem(algorithm))
    found = joserfc_jws.deserialize_compact(token, key, registry=roomy(algorithm))
    assert found.payload == PAYLOAD
    assert found.protected["typ"] == TYPE
    assert [base64.b64decode(one) for one in found.protected["x5c"]] == [holder(algorithm).der, ca().der]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_aut_3_we_verify_other_libraries(algorithm: str) -> None:
    x5c = [base64.b64encode(der).decode() for der in (holder(algorithm).der, ca().der)]
    protected = {"alg": algorithm, "typ": TYPE, "x5c": x5c, "kid": "1"}
    theirs = jwcrypto_jws.JWS(PAYLOAD)
    theirs.allowed_algs = list(ALGORITHMS)
    theirs.add_signature(jwk.JWK.from_pem(private_pem(algorithm)), protected=json.dumps(protected))
    judge = Judge()
    found = verified(theirs.serialize(compact=True), judge)
    assert found.payload == PAYLOAD
    assert found.header["kid"] == "1"
    assert found.signatory.identity is WHO
    assert found.signatory.algorithm == algorithm
    assert judge.asked == [(found.signatory.certificate, "signature", NOW, [ca().der])]
    private = private_pem(algorithm)
    key = ECKey.import_key(private) if algorithm.startswith("ES") else RSAKey.import_key(private)
    other = joserfc_jws.serialize_compact(protected, PAYLOAD, key, registry=roomy(algorithm))
    assert verified(other).payload == PAYLOAD


def test_aut_3_detached_the_payload_is_put_back_by_anybody() -> None:
    token = made(detached=True)
    head, body, tail = token.split(".")
    assert body == ""
    assert verified(token, payload=PAYLOAD).payload == PAYLOAD
    theirs = jwcrypto_jws.JWS()
    theirs.deserialize(f"{head}.{encoded(PAYLOAD)}.{tail}", jwk.JWK.from_pem(pem("RS256")))
    with pytest.raises(SignatureError):
        verified(token, payload=PAYLOAD + b" ")
    with pytest.raises(SignatureError):
        verified(token)  # an empty payload was not signed
    with pytest.raises(JWSError):
        verified(made(), payload=PAYLOAD)


def test_aut_3_a_type_is_none_other() -> None:
    with pytest.raises(JWSError, match="typ"):
        verified(made(), typ="vnd.example.referral+json")
    with pytest.raises(JWSError, match="typ"):
        verified(made(), typ=TYPE.upper())
    for bad in ("", " ", "a b", "x" * 128, "é", "a\n"):
        with pytest.raises(JWSError):
            made(typ=bad)


def test_aut_3_the_key_is_chosen_by_its_user() -> None:
    judge = Judge()
    verified(made(), judge, usage="authenticity")
    assert judge.asked[0][1] == "authenticity"
    with pytest.raises(UsageError):
        verified(made(), usage="server")


def test_aut_3_what_is_not_of_its_form_is_not_signed() -> None:
    for name in ("alg", "typ", "x5c", "crit", "b64", "jwk", "jku", "x5u", "x5t#S256"):
        with pytest.raises(JWSError):
            made(header={name: "x"})
    for header in ({"a": object()}, {"a": float("nan")}, {"a": "\ud800"}, {"a": "x" * MAX_HEADER}):
        with pytest.raises(JWSError):
            made(header=header)
    with pytest.raises(JWSError, match="issuer"):
        made(chain=[root().der])
    with pytest.raises(JWSError, match="payload"):
        jws.sign(signer(), holder().der, bytes(MAX_PAYLOAD + 1), typ=TYPE)
    with pytest.raises(UsageError):
        jws.sign(signer("ES256"), holder("ES384").der, PAYLOAD, typ=TYPE)
    with pytest.raises(CertificateError):
        jws.sign(signer(), b"none", PAYLOAD, typ=TYPE)


# --- confused --------------------------------------------------------------------------------------------


def forged(change: Callable[[dict[str, Any]], None], algorithm: str = "RS256", sign: bool = True) -> str:
    """Ours with a header that was changed, and signed anew."""
    head, body, tail = kept(algorithm).split(".")
    header = header_of(head)
    change(header)
    head = encoded(json.dumps(header).encode())
    if sign:
        signature = signer(algorithm).sign(f"{head}.{body}".encode())
        tail = encoded(ecdsa_raw(signature, algorithm) if algorithm.startswith("ES") else signature)
    return f"{head}.{body}.{tail}"


def b64(der: bytes) -> str:
    return base64.b64encode(der).decode()


def pem_of(der: str) -> bytes:
    return x509.load_der_x509_certificate(base64.b64decode(der)).public_bytes(Encoding.PEM)


HEADERS: dict[str, tuple[Callable[[dict[str, Any]], Any], type[ZorgIDError]]] = {
    "none": (lambda h: h.update(alg="none"), SignatureError),
    "None": (lambda h: h.update(alg="None"), SignatureError),
    "HS256": (lambda h: h.update(alg="HS256"), SignatureError),
    "no alg": (lambda h: h.pop("alg"), JWSError),
    "alg is a list": (lambda h: h.update(alg=["RS256"]), JWSError),
    "ES256 of an RSA key": (lambda h: h.update(alg="ES256"), SignatureError),
    "RS1": (lambda h: h.update(alg="RS1"), SignatureError),
    "PS256 over RS256": (lambda h: h.update(alg="PS256"), SignatureError),
    "no type": (lambda h: h.pop("typ"), JWSError),
    "type JWT": (lambda h: h.update(typ="JWT"), JWSError),
    "type is a number": (lambda h: h.update(typ=1), JWSError),
    "crit": (lambda h: h.update(crit=["exp"], exp=1), JWSError),
    "empty crit": (lambda h: h.update(crit=[]), JWSError),
    "b64": (lambda h: h.update(b64=False, crit=["b64"]), JWSError),
    "jku": (lambda h: h.update(jku="https://evil.example/keys"), JWSError),
    "x5u": (lambda h: h.update(x5u="https://evil.example/x"), JWSError),
    "jwk": (lambda h: h.update(jwk={"kty": "oct", "k": "AAAA"}), JWSError),
    "NaN": (lambda h: h.update(x=float("nan")), JWSError),
    "more than any number": (lambda h: h.update(x=float("inf")), JWSError),
    "half a letter": (lambda h: h.update(x="\ud800"), JWSError),
    "an algorithm that no encoding has": (lambda h: h.update(alg="\ud800"), JWSError),
    "x5c in PEM": (lambda h: h.update(x5c=[b64(pem_of(h["x5c"][0]))]), CertificateError),
    "no x5c": (lambda h: h.pop("x5c"), JWSError),
    "empty x5c": (lambda h: h.update(x5c=[]), JWSError),
    "x5c is text": (lambda h: h.update(x5c=h["x5c"][0]), JWSError),
    "x5c of numbers": (lambda h: h.update(x5c=[1]), JWSError),
    "x5c not base64": (lambda h: h.update(x5c=["!"]), JWSError),
    "x5c no certificate": (lambda h: h.update(x5c=[b64(b"no")]), CertificateError),
    "x5c the other way": (lambda h: h["x5c"].reverse(), JWSError),
    "x5c with a stranger": (lambda h: h["x5c"].append(b64(holder("ES256").der)), JWSError),
    "x5c of another": (
        lambda h: h["x5c"].__setitem__(0, b64(holder("PS256", "digital_signature").der)),
        SignatureError,
    ),
    "x5c too long": (lambda h: h.update(x5c=[*h["x5c"], *[b64(ca().der)] * 20]), JWSError),
    "x5t of another": (
        lambda h: h.update({"x5t#S256": encoded(hashlib.sha256(ca().der).digest())}),
        SignatureError,
    ),
}


@pytest.mark.parametrize("fault", HEADERS)
def test_aut_3_a_header_with_one_fault_is_refused(fault: str) -> None:
    change, error = HEADERS[fault]
    with pytest.raises(ZorgIDError) as told:
        verified(forged(change))
    assert isinstance(told.value, error)


def test_aut_3_what_is_only_forged_and_right_is_accepted() -> None:
    right = encoded(hashlib.sha256(holder().der).digest())
    assert verified(forged(lambda header: header.update({"x5t#S256": right, "iat": 1}))).header["iat"] == 1
    assert verified(forged(lambda header: header["x5c"].pop())).signatory.identity is WHO


def test_aut_3_a_public_key_is_no_shared_secret() -> None:
    header = encoded(json.dumps({**header_of(kept()), "alg": "HS256"}).encode())
    signed = f"{header}.{encoded(PAYLOAD)}"
    for secret in (pem("RS256"), holder().der, base64.b64encode(holder().der)):
        token = f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"
        with pytest.raises(SignatureError, match="unknown"):
            verified(token)


@pytest.mark.parametrize("algorithm", ["ES256", "ES384"])
def test_aut_3_ecdsa_is_raw_and_whole(algorithm: str) -> None:
    head, body, tail = made(algorithm).split(".")
    raw = decoded(tail)
    for wrong in (signer(algorithm).sign(f"{head}.{body}".encode()), raw[1:], raw + b"\0", bytes(len(raw)), b""):
        with pytest.raises((SignatureError, JWSError)):
            verified(f"{head}.{body}.{encoded(wrong)}")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "é.é.é",
        "\ud800.a.b",
        kept() + "=",
        kept() + "\n",
        kept().replace(".", ".=", 1),
        "e30." + kept().split(".", 1)[1],
        encoded(b"[1]") + "." + kept().split(".", 1)[1],
        encoded(b"[" * 20_000) + "." + kept().split(".", 1)[1],
        encoded(b'{"alg":"RS256","alg":"none"}') + "." + kept().split(".", 1)[1],
        encoded(b"\xff") + "." + kept().split(".", 1)[1],
        "A" * (MAX_HEADER + 1) + "." + kept().split(".", 1)[1],
        kept() + "A" * 2000,
        kept().rsplit(".", 1)[0].replace(".", ".é") + "." + kept().rsplit(".", 1)[1],
    ],
    ids=lambda text: f"{text[:12]!a}",
)
def test_aut_3_what_is_no_jws_is_refused(token: str) -> None:
    with pytest.raises(JWSError):
        verified(token)


def test_aut_3_base64url_has_one_encoding() -> None:
    head, body, tail = kept().split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(tail) % 4
    other = tail[:-1] + alphabet[alphabet.index(tail[-1]) + 1]
    assert decoded(other) == decoded(tail)
    with pytest.raises(JWSError, match="left over"):
        verified(f"{head}.{body}.{other}")


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_aut_3_no_mutated_token_is_accepted_or_crashes(data: st.DataObject) -> None:
    token = kept(data.draw(st.sampled_from(["RS256", "ES256"])))
    at = data.draw(st.integers(0, len(token) - 1))
    new = token[:at] + data.draw(st.characters()) + token[at + data.draw(st.integers(0, 3)) :]
    if new == token:
        return
    with pytest.raises(ZorgIDError):
        verified(new)
