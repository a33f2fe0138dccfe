"""The certificate profiles of the UZI register, as data for the test PKI.

Sources: CIBG, *CA model, Pasmodel, Certificaat- en CRL-profielen Zorg CSP* v9.4; *CPS UZI-register* v10.3;
the register's own TEST certificates. Assumptions, because it is **not public** or was not at hand: all TEST
numbers and names of pass types M and S, the intermediate CAs above M and S, the production user notice and
the addresses of the production statement and CA certificates in leaves, which QC statements a production
signature certificate carries.

The client has tables of its own; this file shares none of them: a slip in one shows up against the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Environment(StrEnum):
    """Which of the two hierarchies a certificate belongs to."""

    PRODUCTION = "production"
    TEST = "test"


class PassType(StrEnum):
    """The fourth field of the UZI subjectAltName."""

    PROFESSIONAL = "Z"
    EMPLOYEE = "N"
    ANONYMOUS = "M"
    SERVER = "S"


class Usage(StrEnum):
    """What a certificate of the register is for."""

    AUTHENTICITY = "authenticity"
    SIGNATURE = "signature"
    CONFIDENTIALITY = "confidentiality"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscriber (abonnee) of the register: a health-care provider with its URA of 8 digits."""

    name: str
    ura: str
    agb: str = "00000000"


@dataclass(frozen=True, slots=True)
class Person:
    """The holder of a Z or N pass. ``birth_date`` is not in the certificates; the portal asks for it."""

    given_names: str
    surname: str
    uzi_number: str
    prefixes: str = ""
    birth_date: date = date(1970, 1, 1)
    agb: str = "00000000"

    @property
    def full_surname(self) -> str:
        """Prefixes and birth name: the subject's SN."""
        return f"{self.prefixes} {self.surname}".strip()

    @property
    def common_name(self) -> str:
        """Given names, prefixes and birth name: the subject's CN."""
        return f"{self.given_names} {self.full_surname}"


@dataclass(frozen=True, slots=True)
class Function:
    """What an M pass names instead of a person: a function, perhaps of a department."""

    name: str
    uzi_number: str
    department: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CAProfile:
    """One certification authority: names, addresses and the extensions of its certificate in their order."""

    id: str
    issuer: str
    organisation: str
    common_name: str
    extensions: tuple[str, ...]
    organization_identifier: str = ""
    policies: tuple[str, ...] = ()
    cps: str = ""
    extended_key_usages: tuple[str, ...] = ()
    certificate_url: str = ""
    crl_url: str = ""
    path_length: int | None = None

    @property
    def is_root(self) -> bool:
        """Whether this CA signs its own certificate."""
        return self.issuer == self.id


@dataclass(frozen=True, slots=True)
class LeafProfile:
    """What all certificates of one pass type in one environment have in common."""

    oid_ca: str
    policies: Mapping[Usage, str]
    cps: str
    notice: str
    ocsp_url: str


CIBG = "CIBG"
CIBG_IDENTIFIER = "NTRNL-50000535"

CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
DOCUMENT_SIGNING = "1.3.6.1.4.1.311.10.3.12"
FILE_ENCRYPTION = "1.3.6.1.4.1.311.10.3.4"

KEY_USAGES: Mapping[Usage, tuple[str, ...]] = {
    Usage.AUTHENTICITY: ("digital_signature",),
    Usage.SIGNATURE: ("content_commitment",),
    Usage.CONFIDENTIALITY: ("key_encipherment", "data_encipherment"),
    Usage.SERVER: ("digital_signature", "key_encipherment"),
}

EXTENDED_KEY_USAGES: Mapping[Usage, tuple[str, ...]] = {
    Usage.AUTHENTICITY: (CLIENT_AUTH, EMAIL_PROTECTION, DOCUMENT_SIGNING),
    Usage.SIGNATURE: (EMAIL_PROTECTION, DOCUMENT_SIGNING),
    Usage.CONFIDENTIALITY: (EMAIL_PROTECTION, FILE_ENCRYPTION),
    Usage.SERVER: (SERVER_AUTH, CLIENT_AUTH),
}

USAGES: Mapping[PassType, tuple[Usage, ...]] = {
    PassType.PROFESSIONAL: (Usage.AUTHENTICITY, Usage.SIGNATURE, Usage.CONFIDENTIALITY),
    PassType.EMPLOYEE: (Usage.AUTHENTICITY, Usage.SIGNATURE, Usage.CONFIDENTIALITY),
    PassType.ANONYMOUS: (Usage.AUTHENTICITY, Usage.CONFIDENTIALITY),
    PassType.SERVER: (Usage.SERVER,),
}

_STATE_ROOT = ("basic_constraints", "key_usage", "subject_key")
_STATE_DOMAIN = ("basic_constraints", "policies", "key_usage", "authority_key", "crl", "subject_key")
_TEST_ROOT = ("subject_key", "basic_constraints", "key_usage")
_TEST_DOMAIN = ("subject_key", "basic_constraints", "authority_key", "policies", "crl", "key_usage")
_ISSUING = (
    "access",
    "subject_key",
    "basic_constraints",
    "authority_key",
    "policies",
    "crl",
    "key_usage",
    "extended_key_usage",
)
_ISSUING_QUALIFIED = (*_ISSUING[:4], "qc_issuer", *_ISSUING[4:])

_STATE = "Staat der Nederlanden"
_STATE_CPS = "https://cps.pkioverheid.nl"
_TEST_CPS = "https://acceptatie.zorgcsp.nl/cps/uzi-register.html"
_TEST_BASE = "http://www.uzi-register-test.nl"
_BASE = "http://www.csp.uzi-register.nl"

_ISSUING_NAMES = {
    PassType.PROFESSIONAL: "UZI-register Zorgverlener CA G3",
    PassType.EMPLOYEE: "UZI-register Medewerker op naam CA G3",
    PassType.ANONYMOUS: "UZI-register Medewerker niet op naam CA G3",
    PassType.SERVER: "UZI-register Private Server CA G1",
}


@dataclass(frozen=True, slots=True)
class _Domain:
    """A root and the intermediate below it, above the issuing CAs of some pass types."""

    ids: tuple[str, str]
    names: tuple[str, str]
    test_names: tuple[str, str]
    files: tuple[str, str]
    policies: tuple[str, ...]
    test_policies: tuple[str, ...]
    usages: tuple[str, ...]
    letters: tuple[PassType, ...]


_PERSONS = _Domain(
    ids=("root", "persons"),
    names=("Staat der Nederlanden Root CA - G3", "Staat der Nederlanden Organisatie Persoon CA - G3"),
    test_names=("TEST Zorg CSP Root CA G3", "TEST Zorg CSP Level 2 Persoon CA G3"),
    files=("Root", "DomOrganisatiePersoon"),
    policies=tuple(f"2.16.528.1.1003.1.2.5.{n}" for n in (1, 2, 3)),
    test_policies=tuple(f"2.16.528.1.1007.99.21{n}" for n in (1, 2, 3)),
    usages=(CLIENT_AUTH, EMAIL_PROTECTION, DOCUMENT_SIGNING, FILE_ENCRYPTION, OCSP_SIGNING),
    letters=(PassType.PROFESSIONAL, PassType.EMPLOYEE),
)
_SERVICES = _Domain(
    ids=("root", "services"),
    names=("Staat der Nederlanden Root CA - G3", "Staat der Nederlanden Organisatie Services CA - G3"),
    test_names=("TEST Zorg CSP Root CA G3", "TEST Zorg CSP Level 2 Services CA G3"),
    files=("Root", "DomOrganisatieServices"),
    policies=tuple(f"2.16.528.1.1003.1.2.5.{n}" for n in (4, 5)),
    test_policies=tuple(f"2.16.528.1.1007.99.21{n}" for n in (4, 5)),
    usages=_PERSONS.usages,
    letters=(PassType.ANONYMOUS,),
)
_PRIVATE = _Domain(
    ids=("private-root", "private-services"),
    names=("Staat der Nederlanden Private Root CA - G1", "Staat der Nederlanden Private Services CA - G1"),
    test_names=("TEST Zorg CSP Private Root CA G1", "TEST Zorg CSP Level 2 Private Services CA G1"),
    files=("PrivateRoot", "DomPrivateServices"),
    policies=("2.16.528.1.1003.1.2.8.6",),
    test_policies=("2.16.528.1.1007.99.12",),
    usages=(SERVER_AUTH, CLIENT_AUTH, OCSP_SIGNING),
    letters=(PassType.SERVER,),
)
_DOMAINS = (_PERSONS, _SERVICES, _PRIVATE)


def _slug(common_name: str) -> str:
    return common_name.lower().replace(" ", "_")


def _production_cas(domain: _Domain) -> Iterator[CAProfile]:
    """Root, intermediate and issuing CAs as the certificates of 2013 and 2017 are made up."""
    generation = domain.names[0][-2:]
    urls = [f"http://crl.pkioverheid.nl/{file}LatestCRL-{generation}.crl" for file in domain.files]
    root, intermediate = domain.ids
    yield CAProfile(id=root, issuer=root, organisation=_STATE, common_name=domain.names[0], extensions=_STATE_ROOT)
    yield CAProfile(
        id=intermediate,
        issuer=root,
        organisation=_STATE,
        common_name=domain.names[1],
        extensions=_STATE_DOMAIN,
        policies=domain.policies,
        cps=_STATE_CPS,
        crl_url=urls[0],
    )
    for letter in domain.letters:
        yield CAProfile(
            id=letter,
            issuer=intermediate,
            organisation=CIBG,
            organization_identifier=CIBG_IDENTIFIER,
            common_name=_ISSUING_NAMES[letter],
            extensions=_ISSUING_QUALIFIED if domain is _PERSONS else _ISSUING,
            policies=domain.policies,
            cps=_STATE_CPS,
            extended_key_usages=domain.usages,
            certificate_url=f"http://cert.pkioverheid.nl/{domain.files[1]}CA-{generation}.cer",
            crl_url=urls[1],
            path_length=0,
        )


def _test_cas(domain: _Domain) -> Iterator[CAProfile]:
    """Root, intermediate and issuing CAs as the TEST certificates of 2017 are made up."""
    slugs = [_slug(common_name) for common_name in domain.test_names]
    root, intermediate = domain.ids
    yield CAProfile(id=root, issuer=root, organisation=CIBG, common_name=domain.test_names[0], extensions=_TEST_ROOT)
    yield CAProfile(
        id=intermediate,
        issuer=root,
        organisation=CIBG,
        common_name=domain.test_names[1],
        extensions=_TEST_DOMAIN,
        policies=domain.test_policies,
        cps=_TEST_CPS,
        crl_url=f"{_TEST_BASE}/cdp/{slugs[0]}.crl",
    )
    for letter in domain.letters:
        yield CAProfile(
            id=letter,
            issuer=intermediate,
            organisation=CIBG,
            organization_identifier=CIBG_IDENTIFIER,
            common_name=f"TEST {_ISSUING_NAMES[letter]}",
            extensions=_ISSUING,
            policies=domain.test_policies,
            cps=_TEST_CPS,
            extended_key_usages=domain.usages,
            certificate_url=f"{_TEST_BASE}/cacerts/{slugs[1]}.cer",
            crl_url=f"{_TEST_BASE}/cdp/{slugs[1]}.crl",
            path_length=0,
        )


CAS: Mapping[Environment, Mapping[str, CAProfile]] = {
    Environment.PRODUCTION: {ca.id: ca for domain in _DOMAINS for ca in _production_cas(domain)},
    Environment.TEST: {ca.id: ca for domain in _DOMAINS for ca in _test_cas(domain)},
}

_NOTICE = (
    "Certificaat uitsluitend gebruiken ten behoeve van de TEST van het UZI-register. "
    "Het UZI-register is in geen geval aansprakelijk voor eventuele schade."
)
# Not public in full: the production wording is kept recognisable as ours.
_PRODUCTION_NOTICE = (
    "Nagebootst certificaat uit een proefopstelling; niet uitgegeven door het UZI-register en nergens geldig."
)

_OIDS_CA = {
    Environment.PRODUCTION: {
        PassType.PROFESSIONAL: "2.16.528.1.1003.1.3.5.5.2",
        PassType.EMPLOYEE: "2.16.528.1.1003.1.3.5.5.3",
        PassType.ANONYMOUS: "2.16.528.1.1003.1.3.5.5.4",
        PassType.SERVER: "2.16.528.1.1003.1.3.5.5.5",
    },
    Environment.TEST: {
        PassType.PROFESSIONAL: "2.16.528.1.1007.99.217",
        PassType.EMPLOYEE: "2.16.528.1.1007.99.218",
        PassType.ANONYMOUS: "2.16.528.1.1007.99.219",
        PassType.SERVER: "2.16.528.1.1007.99.2110",
    },
}


def _leaf(environment: Environment, letter: PassType) -> LeafProfile:
    test = environment is Environment.TEST
    return LeafProfile(
        oid_ca=_OIDS_CA[environment][letter],
        policies=dict(zip(USAGES[letter], CAS[environment][letter].policies, strict=True)),
        cps=_TEST_CPS if test else "https://www.zorgcsp.nl/cps/uzi-register.html",
        notice=_NOTICE if test else _PRODUCTION_NOTICE,
        ocsp_url="http://ocsp.uzi-register-test.nl" if test else "http://ocsp.uzi-register.nl",
    )


LEAVES: Mapping[Environment, Mapping[PassType, LeafProfile]] = {
    environment: {letter: _leaf(environment, letter) for letter in PassType} for environment in Environment
}


def leaf_urls(environment: Environment, letter: PassType) -> tuple[str, str]:
    """The addresses that a leaf names: its issuer's certificate and its issuer's CRL."""
    slug = _slug(CAS[environment][letter].common_name)
    base = _TEST_BASE if environment is Environment.TEST else _BASE
    return f"{base}/cacerts/{slug}.cer", f"{base}/cdp/{slug}.crl"


def crl_url(environment: Environment, ca: str) -> str:
    """The address at which the CRL *of* this CA is published, as the certificates below it say."""
    if ca in {*PassType}:
        return leaf_urls(environment, PassType(ca))[1]
    return next(below.crl_url for below in CAS[environment].values() if below.issuer == ca != below.id)


DE_LINDE = Subscriber("Huisartsenpraktijk De Linde", "90000123")
JAN_DE_VRIES = Person("Jan", "Vries", "900000015", "de", date(1968, 4, 12), "01012345")
FATIMA_EL_AMRANI = Person("Fatima Zohra", "Amrani", "900000027", "el", date(1991, 9, 30))
RENEE_DANIELS = Person("Renée Zoë", "Daniëls", "900000039", "", date(1984, 2, 29))
FRONT_DESK = Function("Balie", "900000041", "Huisartsenzorg")
