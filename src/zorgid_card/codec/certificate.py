"""X.509 v3 certificates (RFC 5280, 4) as the C core reads them: whole, strictly, and each part made when it is asked for.

``zc.h`` says what is checked. Object identifiers are dotted text (``"2.5.29.32.0"``).
"""

from __future__ import annotations

from typing import NoReturn

from zorgid_card._native import Certificate as DecodedCertificate
from zorgid_card._native import reason
from zorgid_card.errors import CertificateMalformedError

__all__ = ["DecodedCertificate"]


def _malformed(status: int, field: str) -> NoReturn:
    """What :class:`DecodedCertificate` raises for octets that are not a certificate."""
    why = reason(status)
    raise CertificateMalformedError(f"malformed {field}: {why}", field=field, reason=why)
