"""Plans and profiles of the UZI register become signed DER here, the one place that calls the builders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import ClassVar

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from zorgid_card.testkit.uzi_profile import LEAVES, CAProfile, Environment, Usage, leaf_urls
from zorgid_card.testkit.uzi_tamper import LeafPlan

QC_STATEMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")

_ATTRIBUTES = {
    "country": NameOID.COUNTRY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "organisation": NameOID.ORGANIZATION_NAME,
    "organization_identifier": NameOID.ORGANIZATION_IDENTIFIER,
    "department": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "title": NameOID.TITLE,
    "surname": NameOID.SURNAME,
    "given_names": NameOID.GIVEN_NAME,
    "serial_number": NameOID.SERIAL_NUMBER,
    "common_name": NameOID.COMMON_NAME,
}
_PRINTABLE = {"country", "serial_number"}

_USAGE_NAMES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


def name(pairs: Iterable[tuple[str, str]]) -> x509.Name:
    """A distinguished name with one attribute in each RDN, in this order (RFC 5280, 4.1.2.4)."""
    return x509.Name([_attribute(attribute, text) for attribute, text in pairs])


def _attribute(attribute: str, text: str) -> x509.NameAttribute[str]:
    kind = _ASN1Type.PrintableString if attribute in _PRINTABLE else _ASN1Type.UTF8String
    return x509.NameAttribute(_ATTRIBUTES[attribute], text, kind)


def ca_name(profile: CAProfile) -> x509.Name:
    """The subject of a CA."""
    pairs = [("country", "NL"), ("organisation", profile.organisation)]
    if profile.organization_identifier:
        pairs.append(("organization_identifier", profile.organization_identifier))
    return name([*pairs, ("common_name", profile.common_name)])


def key_usage(usages: Iterable[str]) -> x509.KeyUsage:
    """A KeyUsage extension with just these bits (RFC 5280, 4.2.1.3)."""
    chosen = set(usages)
    bits = {usage: usage in chosen for usage in _USAGE_NAMES}
    return x509.KeyUsage(**bits, encipher_only=False, decipher_only=False)


def _key_identifier(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key)


def _authority(key: rsa.RSAPublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier(_key_identifier(key).digest, None, None)


def _crl_points(url: str) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)])


def _access(certificate_url: str, ocsp_url: str = "") -> x509.AuthorityInformationAccess:
    found = [(AuthorityInformationAccessOID.CA_ISSUERS, certificate_url)]
    if ocsp_url:
        found.append((AuthorityInformationAccessOID.OCSP, ocsp_url))
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(method, x509.UniformResourceIdentifier(url)) for method, url in found]
    )


def _extended(usages: Iterable[str]) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([x509.ObjectIdentifier(usage) for usage in usages])


class _Statement(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [("id", core.ObjectIdentifier), ("info", core.Any, {"optional": True})]


class _Statements(core.SequenceOf):  # type: ignore[misc]
    _child_spec = _Statement


def _statements(*pairs: tuple[str, core.Asn1Value | None]) -> x509.UnrecognizedExtension:
    found = [{"id": oid} if info is None else {"id": oid, "info": info} for oid, info in pairs]
    return x509.UnrecognizedExtension(QC_STATEMENTS, bytes(_Statements(found).dump()))


class _OIDs(core.SequenceOf):  # type: ignore[misc]
    _child_spec = core.ObjectIdentifier


def _qc_issuer() -> x509.UnrecognizedExtension:
    """The statement of the register's own CAs: semantics of a legal person (ETSI EN 319 412-1, 5.1)."""
    return _statements(("1.3.6.1.5.5.7.11.2", _OIDs(["0.4.0.194121.1.2"])))


def _qc_leaf() -> x509.UnrecognizedExtension:
    """The statements of a qualified signature (ETSI EN 319 412-5, 4.2): compliance, QSCD, type."""
    return _statements(
        ("0.4.0.1862.1.1", None), ("0.4.0.1862.1.4", None), ("0.4.0.1862.1.6", _OIDs(["0.4.0.1862.1.6.1"]))
    )


def _ca_policies(profile: CAProfile) -> x509.CertificatePolicies:
    last = len(profile.policies) - 1
    return x509.CertificatePolicies(
        [
            x509.PolicyInformation(x509.ObjectIdentifier(oid), [profile.cps] if index == last else None)
            for index, oid in enumerate(profile.policies)
        ]
    )


Extension = tuple[x509.ExtensionType, bool]


def _ca_extensions(profile: CAProfile, key: rsa.RSAPublicKey, issuer_key: rsa.RSAPublicKey) -> Iterable[Extension]:
    builders: Mapping[str, Callable[[], Extension]] = {
        "access": lambda: (_access(profile.certificate_url), False),
        "subject_key": lambda: (_key_identifier(key), False),
        "basic_constraints": lambda: (x509.BasicConstraints(True, profile.path_length), True),
        "authority_key": lambda: (_authority(issuer_key), False),
        "qc_issuer": lambda: (_qc_issuer(), False),
        "policies": lambda: (_ca_policies(profile), False),
        "crl": lambda: (_crl_points(profile.crl_url), False),
        "key_usage": lambda: (key_usage(("key_cert_sign", "crl_sign")), True),
        "extended_key_usage": lambda: (_extended(profile.extended_key_usages), False),
    }
    return (builders[extension]() for extension in profile.extensions)


def _leaf_extensions(
    plan: LeafPlan,
    environment: Environment,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    issuer_key: rsa.RSAPublicKey,
) -> Iterable[Extension]:
    profile = LEAVES[environment][plan.pass_type]
    certificate_url, crl_url = leaf_urls(environment, plan.pass_type)
    alternative: list[x509.GeneralName] = [x509.DNSName(dns) for dns in plan.dns_names]
    alternative += [x509.OtherName(x509.ObjectIdentifier(oid), value) for oid, value in plan.names]
    if alternative:
        yield x509.SubjectAlternativeName(alternative), False
    yield _access(certificate_url, profile.ocsp_url), False
    yield _key_identifier(key), False
    yield x509.BasicConstraints(False, None), True
    yield _authority(issuer_key), False
    if plan.usage is Usage.SIGNATURE and environment is Environment.PRODUCTION:
        yield _qc_leaf(), False
    notice = x509.UserNotice(None, profile.notice)
    policy = x509.PolicyInformation(x509.ObjectIdentifier(plan.policy), [profile.cps, notice])
    yield x509.CertificatePolicies([policy]), False
    yield _crl_points(crl_url), False
    yield key_usage(plan.key_usages), True
    yield _extended(plan.extended_key_usages), False


def _sign(builder: x509.CertificateBuilder, extensions: Iterable[Extension], issuer_key: rsa.RSAPrivateKey) -> bytes:
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.DER)


def _start(
    subject: x509.Name, issuer: x509.Name, serial: int, validity: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(serial)
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
    )


def sign_ca(
    profile: CAProfile,
    issuer: CAProfile,
    *,
    key: rsa.RSAPublicKey,
    issuer_key: rsa.RSAPrivateKey,
    serial: int,
    validity: tuple[datetime, datetime],
) -> bytes:
    """Certify a CA's key; DER."""
    builder = _start(ca_name(profile), ca_name(issuer), serial, validity).public_key(key)
    return _sign(builder, _ca_extensions(profile, key, issuer_key.public_key()), issuer_key)


def sign_leaf(
    plan: LeafPlan,
    environment: Environment,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    issuer: CAProfile,
    issuer_key: rsa.RSAPrivateKey,
) -> bytes:
    """Sign what the plan says; DER."""
    builder = _start(name(plan.subject), ca_name(issuer), plan.serial, (plan.not_before, plan.not_after))
    extensions = _leaf_extensions(plan, environment, key, issuer_key.public_key())
    return _sign(builder.public_key(key), extensions, issuer_key)


def sign_crl(
    issuer: CAProfile,
    issuer_key: rsa.RSAPrivateKey,
    number: int,
    validity: tuple[datetime, datetime],
    entries: Mapping[int, tuple[datetime, x509.ReasonFlags]],
) -> bytes:
    """A full CRL (RFC 5280, 5) of the entries serial -> (since, reason); DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca_name(issuer))
        .last_update(validity[0])
        .next_update(validity[1])
        .add_extension(_authority(issuer_key.public_key()), False)
        .add_extension(x509.CRLNumber(number), False)
    )
    for serial, (since, reason) in sorted(entries.items()):
        builder = builder.add_revoked_certificate(_entry(serial, since, reason))
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.DER)


def _entry(serial: int, since: datetime, reason: x509.ReasonFlags) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since)
    if reason is not x509.ReasonFlags.unspecified:  # RFC 5280, 5.3.1: then it should be absent
        builder = builder.add_extension(x509.CRLReason(reason), False)
    return builder.build()
