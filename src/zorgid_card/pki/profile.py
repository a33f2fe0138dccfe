"""The certificate profile of a ZORG-ID Smartcard, as data. Ours: the real one is not public
(docs/certificate-profile.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.x509.oid import ExtendedKeyUsageOID

from zorgid_card.ports.authority import CertificateProfile

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


AUTHENTICITY = CertificateProfile(
    name="authenticity",
    slot=0x9A,
    key_usage=frozenset({"digital_signature"}),
    key_usage_ec=frozenset({"digital_signature"}),
    extended_key_usage=(ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string,),
    policy=f"{ARC}.1.1",
    identity_oid=IDENTITY_OID,
)
"""9A, PIV Authentication: logging in, and AORTA tokens."""

SIGNATURE = CertificateProfile(
    name="signature",
    slot=0x9C,
    key_usage=frozenset({"content_commitment"}),
    key_usage_ec=frozenset({"content_commitment"}),
    extended_key_usage=(ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string, DOCUMENT_SIGNING),
    policy=f"{ARC}.1.2",
    identity_oid=IDENTITY_OID,
)
"""9C, Digital Signature: the PIN is asked right before each signature."""

CONFIDENTIALITY = CertificateProfile(
    name="confidentiality",
    slot=0x9D,
    key_usage=frozenset({"key_encipherment", "data_encipherment"}),
    key_usage_ec=frozenset({"key_agreement"}),
    extended_key_usage=(ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string,),
    policy=f"{ARC}.1.3",
    identity_oid=IDENTITY_OID,
)
"""9D, Key Management: decrypting."""

PROFILES: Mapping[int, CertificateProfile] = {p.slot: p for p in (AUTHENTICITY, SIGNATURE, CONFIDENTIALITY)}
"""The profiles by slot."""

POLICIES: Mapping[str, frozenset[str]] = {p.name: frozenset({p.policy}) for p in PROFILES.values()}
"""What :class:`~zorgid_card.pki.trust.TrustStore` takes to judge ZORG-ID certificates."""
