"""Signatures by name, keys that are accepted, and certification requests."""

from __future__ import annotations

import copy
import pickle
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from pki_world import name
from zorgid_card.errors import CertificateError, CertificateMalformedError, SignatureError
from zorgid_card.pki.csr import build_csr, request_template, require_template, verify_csr
from zorgid_card.pki.naming import alternative_names, subject_name
from zorgid_card.pki.profile import AUTHENTICITY
from zorgid_card.pki.signing import (
    ALGORITHMS,
    SoftwareSigner,
    algorithm_for,
    ecdsa_der,
    ecdsa_raw,
    load_public_key,
    verify_signature,
)
from zorgid_card.ports.authority import SubjectData
from zorgid_card.ports.card import Signer
from zorgid_card.testkit.keys import KeyPool

NAMES = list(ALGORITHMS)
GUID = bytes(range(16))
ZOE = SubjectData(uzi_number="900000015", given_names="Zoë Renée", surname="de Vries", common_name="Zoë de Vries")


@pytest.fixture(scope="module")
def signers() -> dict[str, SoftwareSigner]:
    key = KeyPool.shared().key("signing")
    return {n: SoftwareSigner(key, n) if n[0] != "E" else SoftwareSigner.generate(n) for n in NAMES}


def spki(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("made", NAMES)
@pytest.mark.parametrize("asked", NAMES)
def test_a_signature_verifies_under_its_own_name_only(
    signers: dict[str, SoftwareSigner], made: str, asked: str
) -> None:
    signer: Signer = signers[made]
    signature = signer.sign(b"data")
    if made == asked:
        verify_signature(signer.public_key, asked, b"data", signature)
        for data, changed in (
            (b"date", signature),
            (b"data", signature[:-1]),
            (b"data", b""),
            (b"data", signature + b"\x00"),
        ):
            with pytest.raises(SignatureError):
                verify_signature(signer.public_key, asked, data, changed)
        return
    with pytest.raises(SignatureError):
        verify_signature(signer.public_key, asked, b"data", signature)


@pytest.mark.parametrize("unknown", ["none", "", "HS256", "rs256"])
def test_unknown_algorithms_are_refused(signers: dict[str, SoftwareSigner], unknown: str) -> None:
    with pytest.raises(SignatureError):
        verify_signature(signers["ES256"].public_key, unknown, b"", b"")
    with pytest.raises(SignatureError):
        SoftwareSigner.generate(unknown)


def test_the_default_algorithm_follows_the_key(signers: dict[str, SoftwareSigner]) -> None:
    assert [algorithm_for(signers[n].public_key) for n in ("PS512", "ES256", "ES384", "ES512")] == [
        "RS256",
        "ES256",
        "ES384",
        "ES512",
    ]


WEAK: dict[str, Callable[[], object]] = {
    "RSA-1024": lambda: rsa.generate_private_key(65537, 1024).public_key(),
    "RSA with exponent 3": lambda: rsa.generate_private_key(3, 2048).public_key(),
    "Ed25519": lambda: ed25519.Ed25519PrivateKey.generate().public_key(),
    "DSA": lambda: dsa.generate_private_key(1024).public_key(),
    "P-224": lambda: ec.generate_private_key(ec.SECP224R1()).public_key(),
    "brainpool": lambda: ec.generate_private_key(ec.BrainpoolP256R1()).public_key(),
}


@pytest.mark.parametrize("kind", WEAK)
def test_keys_that_are_refused(kind: str) -> None:
    with pytest.raises(CertificateMalformedError) as refused:
        load_public_key(spki(WEAK[kind]()))
    assert refused.value.field == "publicKey"


@given(st.binary(max_size=120))
def test_random_octets_are_no_key(data: bytes) -> None:
    with pytest.raises(CertificateMalformedError):
        load_public_key(data)


@given(st.integers(1, 2**256 - 1), st.integers(1, 2**256 - 1))
def test_ecdsa_forms_convert_both_ways(r: int, s: int) -> None:
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert ecdsa_raw(ecdsa_der(raw, "ES256"), "ES256") == raw


@pytest.mark.parametrize(
    "der", [b"", b"\x30\x00", ecdsa_der(b"\xff" * 96, "ES384"), b"\x30\x06\x02\x01\xff\x02\x01\x01"]
)
def test_what_is_no_ecdsa_signature_of_this_size(der: bytes) -> None:
    with pytest.raises(SignatureError):
        ecdsa_raw(der, "ES256")


def test_a_software_key_stays_where_it_is(signers: dict[str, SoftwareSigner]) -> None:
    signer = signers["ES256"]
    assert repr(signer) == "SoftwareSigner(ES256)"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(signer)
    with pytest.raises(SignatureError):
        SoftwareSigner(ec.generate_private_key(ec.SECP256R1()), "RS256")


# --- certification requests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", NAMES)
def test_crd_7_a_request_is_signed_by_its_key(
    signers: dict[str, SoftwareSigner], algorithm: str, tmp_path: Path
) -> None:
    signer = signers[algorithm]
    template = request_template(AUTHENTICITY, ZOE, GUID)
    request = build_csr(signer, template)
    assert verify_csr(request) == signer.public_key
    require_template(request, template)
    parsed = x509.load_der_x509_csr(request)
    assert parsed.subject == subject_name(ZOE)
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names == alternative_names(AUTHENTICITY, ZOE, GUID)
    if program := shutil.which("openssl"):
        path = tmp_path / "request.der"
        path.write_bytes(request)
        ran = subprocess.run(
            [program, "req", "-inform", "DER", "-in", str(path), "-verify", "-noout"],
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr


def test_crd_7_a_request_that_says_something_else_is_refused(signers: dict[str, SoftwareSigner]) -> None:
    said = request_template(AUTHENTICITY, ZOE, GUID)
    other = request_template(AUTHENTICITY, replace(ZOE, uzi_number="900000023"), GUID)
    for request in (build_csr(signers["ES256"], other), build_csr(signers["ES256"])):
        with pytest.raises(CertificateMalformedError) as caught:
            require_template(request, said)
        assert caught.value.reason == "contents"


@given(
    template=st.binary(max_size=300) | st.binary().map(lambda tail: request_template(AUTHENTICITY, ZOE, GUID) + tail)
)
def test_a_hostile_template_makes_a_sound_request_or_a_typed_error(template: bytes) -> None:
    with suppress(CertificateMalformedError):
        assert verify_csr(build_csr(KEPT_SIGNER, template)) == KEPT_SIGNER.public_key


def test_a_request_needs_no_subject(signers: dict[str, SoftwareSigner]) -> None:
    request = build_csr(signers["ES256"])
    assert verify_csr(request) == signers["ES256"].public_key
    assert not list(x509.load_der_x509_csr(request).subject)


def test_a_request_of_another_key_is_refused(signers: dict[str, SoftwareSigner]) -> None:
    class Impostor:
        public_key = signers["ES256"].public_key
        algorithm = "ES256"

        def sign(self, data: bytes, /) -> bytes:
            return SoftwareSigner.generate("ES256").sign(data)

    with pytest.raises(SignatureError):
        verify_csr(build_csr(Impostor()))


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x30\x00", bytes(17_000)])
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(CertificateMalformedError):
        verify_csr(data)


def test_requests_with_octets_behind_or_a_weak_key_are_refused(signers: dict[str, SoftwareSigner]) -> None:
    with pytest.raises(CertificateMalformedError):
        verify_csr(build_csr(signers["ES256"]) + b"\x00")
    weak = rsa.generate_private_key(65537, 1024)
    request = x509.CertificateSigningRequestBuilder().subject_name(name("x")).sign(weak, hashes.SHA256())
    with pytest.raises(CertificateMalformedError):
        verify_csr(request.public_bytes(Encoding.DER))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_requests_changed_at_random_name_no_other_key(data: st.DataObject) -> None:
    der = bytearray(KEPT)
    place = data.draw(st.integers(0, len(der) - 1))
    der[place] ^= data.draw(st.integers(1, 255))
    try:
        assert verify_csr(bytes(der)) == KEPT_SIGNER.public_key
    except CertificateError:
        return


KEPT_SIGNER = SoftwareSigner.generate("ES256")
KEPT = build_csr(KEPT_SIGNER)
