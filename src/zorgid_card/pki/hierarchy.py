"""The hierarchies of the UZI register, as data: pinned roots, issuing CAs, OID CA, certificate policies.

Sources: CIBG, *CA model, Pasmodel, Certificaat- en CRL-profielen Zorg CSP* v9.4, and the certificates
themselves. Several generations live side by side; a successor is one more :class:`Hierarchy` in the tuple
given to the functions that take one. What is **not public** and here by inference from its neighbours is
marked "assumed": replace it with :func:`dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from zorgid_card.pki import _x509
from zorgid_card.pki.chain import Trust

ISSUER_ORGANISATION = "CIBG"
"""O of every issuing CA of the register. The policies above are shared with other issuers of PKIoverheid;
this name is not.
"""

PROFESSIONAL = frozenset({"Z"})
"""The types of pass that name a profession."""

PERSONAL = frozenset({"Z", "N"})
"""The types of pass that name a person."""

KEY_USAGES: Mapping[str, frozenset[str]] = {
    "authenticity": frozenset({"digital_signature"}),
    "signature": frozenset({"content_commitment"}),
    "confidentiality": frozenset({"key_encipherment", "data_encipherment"}),
    "server": frozenset({"digital_signature", "key_encipherment"}),
}
"""The exact keyUsage of each kind of certificate, by ``cryptography``'s names of the bits."""


@dataclass(frozen=True, slots=True)
class PassProfile:
    """One type of pass in one hierarchy.

    Args:
        pass_type: Z, N, M or S.
        oid_ca: first field of the subjectAltName.
        issuers: CNs of the issuing CAs.
        policies: certificate policy to usage.
    """

    pass_type: str
    oid_ca: str
    issuers: frozenset[str]
    policies: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One generation of one environment (``production`` or ``test``); ``roots`` are SHA-256 fingerprints,
    upper case.
    """

    name: str
    environment: str
    roots: frozenset[str]
    passes: tuple[PassProfile, ...]

    def with_root(self, certificate: bytes) -> Hierarchy:
        """The same hierarchy under one more root, such as that of a test PKI that mirrors the register's
        names.

        Raises:
            CertificateMalformedError: ``certificate`` is not a certificate.
        """
        pin = _x509.fingerprint(_x509.der(_x509.load_certificate(certificate)))
        return replace(self, roots=self.roots | {pin})


def find_pass(hierarchies: Iterable[Hierarchy], issuer: str) -> tuple[Hierarchy, PassProfile] | None:
    """The hierarchy and the pass type that the CN of an issuing CA stands for; None when it is no CA of the
    register.
    """
    for hierarchy in hierarchies:
        for profile in hierarchy.passes:
            if issuer in profile.issuers:
                return hierarchy, profile
    return None


def trust(hierarchies: Iterable[Hierarchy], certificates: Iterable[bytes]) -> Trust:
    """What is trusted: the roots among ``certificates`` that are pinned, with the rest to choose
    intermediates from.

    The library pins roots by fingerprint and takes the certificates themselves from the card or from the
    user.

    Args:
        hierarchies: whose leaves are accepted. A portal in production gives production's only.
        certificates: CA certificates, DER or PEM, in any order.

    Raises:
        CertificateMalformedError: one of them is not a certificate.
    """
    accepted = tuple(hierarchies)
    pins = frozenset[str]().union(*(hierarchy.roots for hierarchy in accepted))
    known = [_x509.der(_x509.load_certificate(data)) for data in certificates]
    policies: dict[str, set[str]] = {}
    for profile in (profile for hierarchy in accepted for profile in hierarchy.passes):
        for policy, usage in profile.policies.items():
            policies.setdefault(usage, set()).add(policy)
    anchors = [data for data in known if _x509.fingerprint(data) in pins]
    return Trust(anchors, [data for data in known if data not in anchors], pins, policies)


def _persons(base: str) -> dict[str, str]:
    return {f"{base}1": "authenticity", f"{base}2": "signature", f"{base}3": "confidentiality"}


def _anonymous(base: str) -> dict[str, str]:
    return {f"{base}4": "authenticity", f"{base}5": "confidentiality"}


_STATE_POLICY = "2.16.528.1.1003.1.2.5."
_STATE_OID_CA = "2.16.528.1.1003.1.3.5.5."
_TEST = "2.16.528.1.1007.99."

UZI_G3 = Hierarchy(
    "UZI-register G3",
    "production",
    frozenset({"3C4FB0B95AB8B30032F432B86F535FE172C185D0FD39865837CF36187FA6F428"}),
    (
        PassProfile(
            "Z",
            f"{_STATE_OID_CA}2",
            frozenset({"UZI-register Zorgverlener CA G3"}),
            _persons(_STATE_POLICY),
        ),
        PassProfile(
            "N",
            f"{_STATE_OID_CA}3",
            frozenset({"UZI-register Medewerker op naam CA G3"}),
            _persons(_STATE_POLICY),
        ),
        PassProfile(
            "M",
            f"{_STATE_OID_CA}4",
            frozenset({"UZI-register Medewerker niet op naam CA G3"}),
            _anonymous(_STATE_POLICY),
        ),
        PassProfile(
            "S",
            f"{_STATE_OID_CA}5",
            frozenset({"UZI-register Private Server CA G1"}),
            {"2.16.528.1.1003.1.2.8.6": "server"},
        ),
    ),
)
"""Production. The root is *Staat der Nederlanden Root CA - G3*; that of S (*Private Root CA - G1*) is not
among the sources.
"""

UZI_TEST_G3 = Hierarchy(
    "TEST UZI-register G3",
    "test",
    frozenset({"66311CB10C39060B92B699B38887FD2BEF18BA9FDAF99336196DA0C38D90E79F"}),
    (
        PassProfile("Z", f"{_TEST}217", frozenset({"TEST UZI-register Zorgverlener CA G3"}), _persons(f"{_TEST}21")),
        PassProfile(
            "N",
            f"{_TEST}218",
            frozenset({"TEST UZI-register Medewerker op naam CA G3"}),
            _persons(f"{_TEST}21"),
        ),
        # OID CA and policies of M are assumed: the numbers between N's and S's, and after those of persons.
        PassProfile(
            "M",
            f"{_TEST}219",
            frozenset({"TEST UZI-register Medewerker niet op naam CA G3"}),
            _anonymous(f"{_TEST}21"),
        ),
        # OID CA and policy of S come from third-party code.
        PassProfile(
            "S",
            f"{_TEST}2110",
            frozenset({"TEST UZI-register Private Server CA G1"}),
            {f"{_TEST}12": "server"},
        ),
    ),
)
"""TEST. The root is *TEST Zorg CSP Root CA G3*."""

KNOWN: tuple[Hierarchy, ...] = (UZI_G3, UZI_TEST_G3)
"""Every hierarchy whose certificates can be read. Which of them are *trusted* is for the caller of
:func:`trust` to say.
"""
