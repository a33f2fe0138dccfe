"""The certificate profile of a ZORG-ID Smartcard, as data. Ours: the real one is not public
(docs/certificate-profile.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from cryptography.x509.oid import ExtendedKeyUsageOID

ARC = "2.25.90819709214569302958764045813210256923"
"""Object identifiers of this library hang under a UUID (ITU-T X.667), which needs no registration."""

IDENTITY_OID = f"{ARC}.2.1"
"""type-id of the otherName that holds the person: ``[0] EXPLICIT IA5String "1-<UZI number>"``."""

IDENTITY_VERSION = "1"

SMARTCARD_LOGON = "1.3.6.1.4.1.311.20.2.2"
"""Purpose for Windows log-on; not in the profiles by default, because it needs a UPN of somebody's
directory.
"""

DOCUMENT_SIGNING = "1.3.6.1.4.1.311.10.3.12"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateProfile:
    """What the certificates of one slot have in common; change a part with :func:`dataclasses.replace`.

    Args:
        name: the usage: ``authenticity``, ``signature`` or ``confidentiality``.
        slot: PIV key reference (SP 800-73-5 part 1, table 4b).
        key_usage: the bits of keyUsage, by ``cryptography``'s names, for an RSA key.
        key_usage_ec: the same for a key on a curve.
        extended_key_usage: purposes, dotted.
        policy: certificate policy.
        validity: how long a certificate is valid unless told otherwise; never longer than its CA.
        identity_oid: type-id of the otherName with the person.
        crl_url: cRLDistributionPoints; None leaves the extension out.
        issuer_url: caIssuers of authorityInfoAccess; None leaves it out.
        ocsp_url: OCSP of authorityInfoAccess; None leaves it out.
    """

    name: str
    slot: int
    key_usage: frozenset[str]
    key_usage_ec: frozenset[str]
    extended_key_usage: tuple[str, ...]
    policy: str
    validity: timedelta = timedelta(days=3 * 365)
    identity_oid: str = IDENTITY_OID
    crl_url: str | None = "http://crl.zorgid.example/issuing.crl"
    issuer_url: str | None = "http://crl.zorgid.example/issuing.cer"
    ocsp_url: str | None = None


AUTHENTICITY = CertificateProfile(
    name="authenticity",
    slot=0x9A,
    key_usage=frozenset({"digital_signature"}),
    key_usage_ec=frozenset({"digital_signature"}),
    extended_key_usage=(ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string,),
    policy=f"{ARC}.1.1",
)
"""9A, PIV Authentication: logging in, and AORTA tokens."""

SIGNATURE = CertificateProfile(
    name="signature",
    slot=0x9C,
    key_usage=frozenset({"content_commitment"}),
    key_usage_ec=frozenset({"content_commitment"}),
    extended_key_usage=(ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string, DOCUMENT_SIGNING),
    policy=f"{ARC}.1.2",
)
"""9C, Digital Signature: the PIN is asked right before each signature."""

CONFIDENTIALITY = CertificateProfile(
    name="confidentiality",
    slot=0x9D,
    key_usage=frozenset({"key_encipherment", "data_encipherment"}),
    key_usage_ec=frozenset({"key_agreement"}),
    extended_key_usage=(ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string,),
    policy=f"{ARC}.1.3",
)
"""9D, Key Management: decrypting."""

PROFILES: Mapping[int, CertificateProfile] = {p.slot: p for p in (AUTHENTICITY, SIGNATURE, CONFIDENTIALITY)}
"""The profiles by slot."""

POLICIES: Mapping[str, frozenset[str]] = {p.name: frozenset({p.policy}) for p in PROFILES.values()}
"""What :class:`~zorgid_card.pki.trust.TrustStore` takes to judge ZORG-ID certificates."""
