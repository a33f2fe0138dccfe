"""The certificate decoder beside cryptography's: what both read they read alike, and what cryptography refuses is refused here."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st

from pki_world import shared
from zorgid_card.codec.text import decode_base64
from zorgid_card.errors import CertificateError, CertificateMalformedError, SignatureError
from zorgid_card.pki.certificate import KEY_USAGES, Certificate
from zorgid_card.pki.signing import ALGORITHMS, rsa_padding, verify_with
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import DE_LINDE, FRONT_DESK, JAN_DE_VRIES, RENEE_DANIELS

KEY = ec.derive_private_key(0x5EED, ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Jan")])
BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)


def build(
    *extensions: tuple[x509.ExtensionType, bool], key: Any = KEY, subject: x509.Name = NAME, **signing: Any
) -> bytes:
    builder = x509.CertificateBuilder(NAME, subject, key.public_key(), 0x1234, BEGIN, END)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    signer = signing.pop("signer", KEY)
    return builder.sign(signer, signing.pop("digest", hashes.SHA256()), **signing).public_bytes(Encoding.DER)


def of_the_register() -> list[bytes]:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=BEGIN)
    passes = [
        pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015"),
        pki.pass_(RENEE_DANIELS, DE_LINDE, "N"),
        pki.pass_(FRONT_DESK, DE_LINDE, "M"),
    ]
    server = pki.server("linde.example", DE_LINDE, "900000053")
    found = [der for one in passes for der in (*one.certificates.values(), *one.chain)]
    return [*found, server.certificate, *server.chain]


URI = x509.UniformResourceIdentifier
OTHERS = [
    build(),
    build(
        (x509.BasicConstraints(True, 3), True),
        (x509.KeyUsage(False, False, False, False, True, True, True, True, False), True),
        (x509.NameConstraints([x509.DNSName("nl")], None), True),
        (
            x509.UnrecognizedExtension(ObjectIdentifier("2.25.340282366920938463463374607431768211375.1"), b"\x05\x00"),
            True,
        ),
        (x509.PolicyConstraints(0, None), True),
    ),
    build(
        (x509.SubjectAlternativeName([x509.DNSName("a.nl"), URI("urn:x"), x509.DirectoryName(NAME)]), True),
        (x509.AuthorityKeyIdentifier(b"key", [x509.DirectoryName(NAME)], 77), False),
        (
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ObjectIdentifier("1.2.840.113549.1.9.16.3.1")]),
            False,
        ),
        (
            x509.CRLDistributionPoints(
                [
                    x509.DistributionPoint([URI("http://a/1"), URI("ldap://a")], None, None, None),
                    x509.DistributionPoint([URI("http://a/2")], None, frozenset([x509.ReasonFlags.superseded]), None),
                    x509.DistributionPoint([URI("http://a/3")], None, None, [x509.DirectoryName(NAME)]),
                    x509.DistributionPoint(None, x509.RelativeDistinguishedName(list(NAME)), None, None),
                ]
            ),
            False,
        ),
        subject=x509.Name(
            [
                x509.RelativeDistinguishedName(
                    [x509.NameAttribute(NameOID.COMMON_NAME, "Å"), x509.NameAttribute(NameOID.SERIAL_NUMBER, "1")]
                ),
                x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "two")]),
            ]
        ),
    ),
    build(key=ec.derive_private_key(5, ec.SECP384R1()), digest=hashes.SHA512()),
]
CORPUS = [*of_the_register(), *OTHERS]


# --- the twin ----------------------------------------------------------------------------------------------------------


def twin(der: bytes) -> dict[str, Any]:
    """What cryptography reads; whatever it raises is a refusal."""
    them = x509.load_der_x509_certificate(der)
    values = {type(item.value): item.value for item in them.extensions}
    if them.version is not x509.Version.v3:
        raise ValueError("version")
    _ = them.signature_algorithm_parameters
    usage, purposes = values.get(x509.KeyUsage), values.get(x509.ExtendedKeyUsage)
    constraints = values.get(x509.BasicConstraints)
    names = list(values.get(x509.SubjectAlternativeName, ()))
    points = values.get(x509.CRLDistributionPoints, ())
    urls = [n for p in points if not p.reasons and not p.crl_issuer for n in p.full_name or ()]
    authority, subject_key = values.get(x509.AuthorityKeyIdentifier), values.get(x509.SubjectKeyIdentifier)
    return {
        "tbs": them.tbs_certificate_bytes,
        "signature": them.signature,
        "serial": them.serial_number,
        "issuer": them.issuer.public_bytes(),
        "subject": them.subject.public_bytes(),
        "subject_attributes": texts(them.subject),
        "issuer_attributes": texts(them.issuer),
        "not_before": them.not_valid_before_utc,
        "not_after": them.not_valid_after_utc,
        "key_usage": None if usage is None else bits(usage),
        "extended_key_usage": None if purposes is None else tuple(one.dotted_string for one in purposes),
        "policies": tuple(p.policy_identifier.dotted_string for p in values.get(x509.CertificatePolicies, ())),
        "is_ca": constraints is not None and constraints.ca,
        "path_length": None if constraints is None else constraints.path_length,
        "subject_key_identifier": None if subject_key is None else subject_key.digest,
        "authority_key_identifier": None if authority is None else authority.key_identifier,
        "crl_urls": tuple(n.value for n in urls if isinstance(n, URI)),
        "dns_names": tuple(n.value for n in names if isinstance(n, x509.DNSName)),
        "uris": tuple(n.value for n in names if isinstance(n, URI)),
        "fingerprint": them.fingerprint(hashes.SHA256()).hex().upper(),
        "others": [(n.type_id.dotted_string, n.value) for n in names if isinstance(n, x509.OtherName)],
        "extensions": {item.oid.dotted_string: item.critical for item in them.extensions},
    }


def texts(name: x509.Name) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for item in name:
        if isinstance(item.value, str):
            found[item.oid.dotted_string] = (*found.get(item.oid.dotted_string, ()), item.value)
    return found


def bits(usage: x509.KeyUsage) -> frozenset[str]:
    only = {"encipher_only", "decipher_only"} if not usage.key_agreement else set()
    return frozenset(name for name in KEY_USAGES if name not in only and getattr(usage, name))


def require_agreement(der: bytes) -> bool:
    """Whether it is a certificate here; if so, cryptography reads the same in it."""
    try:
        ours = Certificate.parse(der)
    except CertificateMalformedError:
        return False
    theirs = twin(der)
    for type_id, value in theirs.pop("others"):
        assert value in ours.other_names(type_id)
    critical = theirs.pop("extensions")
    assert all(critical[oid] for oid in ours.unknown_critical)
    assert all(ours.extension(oid) is not None for oid in critical)
    for name, value in theirs.items():
        assert getattr(ours, name) == value, name
    return True


@pytest.mark.parametrize("der", CORPUS, ids=range(len(CORPUS)))
def test_what_both_read_they_read_alike(der: bytes) -> None:
    assert require_agreement(der)


@pytest.mark.parametrize(
    "file", ["uzi-test-card/authenticity.cer", "uzi-test-card/signature.cer", "uzi-ca/RootCA-G3.cer"]
)
def test_the_register_s_own_are_read_alike(file: str) -> None:
    assert require_agreement(Certificate.parse(shared(file)).der)


UNREAD = ("2.5.29.30", "2.5.29.32", *(f"2.5.29.{arc}" for arc in (9, 16, 18, 33, 36, 46, 54)), "1.3.6.1.5.5.7.1.11")
"""Extensions of whose inside cryptography sees more: nameConstraints; the notices to people in certificatePolicies; and those
that are not read here, which are refused where they are critical.
"""
HEADER = 16
"""Octets in which the OID of one of those stands before its value."""


def without_unread(changed: bytes, before: bytes) -> bytes:
    """Without the changes that lie in one of UNREAD, or in a key."""
    ours, der = Certificate.parse(changed), bytearray(changed)
    for value in (ours.spki, *filter(None, map(ours.extension, UNREAD))):
        start, end = changed.find(value), changed.find(value) + len(value)
        der[start - HEADER : end] = before[start - HEADER : end]
    return bytes(der)


@settings(max_examples=4000, deadline=None)
@given(data=st.data())
def test_what_cryptography_refuses_is_refused(data: st.DataObject) -> None:
    """Octets changed at random. Where cryptography refuses and we do not, the fault lies in one of UNREAD, or
    in a key of another kind: without the changes in there both read the same.
    """
    before = data.draw(st.sampled_from(CORPUS))
    der = bytearray(before)
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.integers(0, len(der) - 1))
        der[place] = data.draw(st.one_of(st.integers(0, 255), st.just(der[place] ^ 1), st.just(der[place] ^ 0x80)))
    try:
        require_agreement(bytes(der))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        require_agreement(without_unread(bytes(der), before))


# --- refused ------------------------------------------------------------------------------------------------------------


def swap(old: bytes, new: bytes, der: bytes = OTHERS[2]) -> bytes:
    assert der.count(old) >= 1
    return der.replace(old, new)


NUMBER, LETTER = bytes.fromhex("30080603550405130131"), bytes.fromhex("300906035504030c02c385")
"""The attributes of the relative name in OTHERS[2] that has two, in their order."""

FAULTS: list[tuple[str, bytes, str]] = [
    ("version 1", swap(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x00"), "version"),
    ("version 4", swap(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03"), "version"),
    ("a negative serial number", swap(b"\x02\x02\x12\x34", b"\x02\x02\x92\x34"), "serialNumber"),
    ("a month 13", swap(b"260101000000Z", b"261301000000Z"), "validity"),
    ("no Z", swap(b"260101000000Z", b"2601010000000"), "validity"),
    ("GeneralizedTime before 2050", swap(b"20600101000000Z", b"20400101000000Z"), "validity"),
    ("UTF-8 cut short", swap("Å".encode(), b"\xc3A"), "subject"),
    ("a NUL in a name", swap(b"\x0c\x03two", b"\x0c\x03t\x00o"), "subject"),
    ("a NUL in a dNSName", swap(b"\x82\x04a.nl", b"\x82\x04a\x00nl"), "subjectAltName"),
    ("a set out of order", swap(NUMBER + LETTER, LETTER + NUMBER), "subject"),
    ("an empty keyUsage", swap(b"\x03\x02\x00\x0f", b"\x03\x02\x00\x00", OTHERS[1]), "keyUsage"),
    ("cA that is neither", swap(b"\x01\x01\xff\x02\x01\x03", b"\x01\x01\x01\x02\x01\x03", OTHERS[1]), "basicConstraints"),
    ("signature algorithms that differ", OTHERS[0][::-1].replace(b"\x02\x03\x04", b"\x03\x03\x04", 1)[::-1], "signatureAlgorithm"),
    ("octets behind it", OTHERS[0] + b"\0", "certificate"),
    ("cut off", OTHERS[0][:-1], "certificate"),
]  # fmt: skip


@pytest.mark.parametrize(("der", "field"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_fault_is_refused_by_field(der: bytes, field: str) -> None:
    with pytest.raises(CertificateMalformedError) as refused:
        Certificate.parse(der)
    assert refused.value.details["field"] == field


# --- keys and signatures -----------------------------------------------------------------------------------------------


def test_a_key_that_is_not_accepted_is_refused_when_it_is_asked_for() -> None:
    weak = Certificate.parse(build(key=rsa.generate_private_key(65537, 1024)))
    other = Certificate.parse(build(key=ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))))
    curve = Certificate.parse(build(key=ec.derive_private_key(7, ec.SECP256K1())))
    exponent = Certificate.parse(build(key=rsa.generate_private_key(3, 2048)))
    for certificate in (weak, other, curve, exponent):
        with pytest.raises(CertificateMalformedError):
            _ = certificate.public_key


def test_a_point_off_the_curve_is_no_key() -> None:
    spki = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    certificate = Certificate.parse(OTHERS[0].replace(spki, spki[:-1] + bytes([spki[-1] ^ 1])))
    with pytest.raises(CertificateMalformedError):
        _ = certificate.public_key


def pss(salt: int, digest: hashes.HashAlgorithm, mask: hashes.HashAlgorithm) -> bytes:
    key = KeyPool.shared().key("differential")
    return build(key=key, signer=key, digest=digest, rsa_padding=padding.PSS(padding.MGF1(mask), salt))


def test_pss_is_named_only_with_the_parameters_of_jose() -> None:
    good = Certificate.parse(pss(32, hashes.SHA256(), hashes.SHA256()))
    assert good.signature_algorithm == "PS256"
    good.require_signed_by(good)
    for der in (pss(20, hashes.SHA256(), hashes.SHA256()), pss(32, hashes.SHA256(), hashes.SHA384())):
        other = Certificate.parse(der)
        assert other.signature_algorithm == "1.2.840.113549.1.1.10"
        with pytest.raises(SignatureError):
            other.require_signed_by(other)


def test_signatures_are_verified_with_the_issuer_s_key() -> None:
    certificate = Certificate.parse(OTHERS[0])
    certificate.require_signed_by(Certificate.parse(OTHERS[2]))  # the same key
    with pytest.raises(SignatureError):
        certificate.require_signed_by(Certificate.parse(OTHERS[3]))
    with pytest.raises(SignatureError):
        certificate.require_signed_by(Certificate.parse(CORPUS[0]))
    changed = Certificate.parse(OTHERS[0].replace(b"Jan", b"Jon"))
    with pytest.raises(SignatureError):
        changed.require_signed_by(certificate)


# --- a value ------------------------------------------------------------------------------------------------------------


def keys() -> dict[str, Any]:
    pool = KeyPool.shared()
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    made = {name: ec.derive_private_key(0x5EED, curve) for name, curve in curves.items()}
    return made | {"RSA": pool.key("signs", 2048), "RSA for PSS": pool.key("signs", 2048)}


def for_pss(der: bytes) -> bytes:
    """The same certificate, whose key says id-RSASSA-PSS without parameters: as strong, but not a plain RSA key to the decoder."""
    read = asn1_x509.Certificate.load(der)
    algorithm = read["tbs_certificate"]["subject_public_key_info"]["algorithm"]
    algorithm["algorithm"] = "rsassa_pss"
    algorithm["parameters"] = None
    return bytes(read.dump(force=True))


def outcome(work: Callable[[], None]) -> object:
    try:
        work()
    except CertificateError as error:
        return type(error), str(error), error.details
    return None


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "none", "RS1"])
@pytest.mark.parametrize("name", ["P-256", "P-384", "P-521", "RSA", "RSA for PSS"])
def test_a_certificate_s_key_verifies_what_the_key_alone_verifies(name: str, algorithm: str) -> None:
    key = keys()[name]
    der = for_pss(build(key=key)) if name == "RSA for PSS" else build(key=key)
    certificate = Certificate.parse(der)
    family = "ES" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS"
    fitting = [a for a in ALGORITHMS.values() if a.family != "ES"] if family == "RS" else [ALGORITHMS["ES256"]]
    signatures = [
        key.sign(b"data", ec.ECDSA(a.digest)) if family == "ES" else key.sign(b"data", rsa_padding(a), a.digest)
        for a in fitting
    ]
    for signature in [*signatures, signatures[0][1:], b"", b"\0" + signatures[0], bytes(len(signatures[0]))]:
        ours = outcome(partial(certificate.require_signature, algorithm, b"data", signature))
        theirs = outcome(partial(verify_with, certificate.public_key, algorithm, b"data", signature))
        assert ours == theirs


def test_a_certificate_is_a_value() -> None:
    one, other = Certificate.parse(OTHERS[0]), Certificate.parse(bytearray(OTHERS[0]))
    assert one == other
    assert hash(one) == hash(other)
    assert one not in (Certificate.parse(OTHERS[1]), OTHERS[0])
    assert Certificate.parse(one) is one
    assert pickle.loads(pickle.dumps(one)) == one
    assert one.public_key is one.public_key
    for name in ("der", "serial", "fresh"):
        with pytest.raises(AttributeError):
            setattr(one, name, 5)


def test_names_without_cn_are_shown_whole() -> None:
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tést"), x509.NameAttribute(NameOID.COUNTRY_NAME, "NL")]
    )
    certificate = Certificate.parse(build(subject=subject))
    assert (certificate.common_name, certificate.issuer_common_name) == ("2.5.4.10=Tést, 2.5.4.6=NL", "Jan")


# --- base64 -------------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=100))
def test_base64_is_read(data: bytes) -> None:
    assert decode_base64(base64.b64encode(data).decode()) == data


@given(st.text(alphabet="AB/+=\n é-_Qg", max_size=12))
def test_base64_has_one_form(text: str) -> None:
    found = decode_base64(text)
    assert found is None or base64.b64encode(found).decode() == text


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_random_octets_give_typed_errors(data: bytes) -> None:
    with pytest.raises(CertificateError):
        Certificate.parse(data)
