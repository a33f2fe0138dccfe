"""A copy of the TEST hierarchy, and plans of its certificates to depart from: what the hostile ones are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import rsa

from der_certificates import (
    AKI,
    CLIENT_AUTH,
    EMAIL,
    SAN,
    SKI,
    Extension,
    Plan,
    basic_constraints,
    key_id,
    key_usage,
    name,
    other_name,
    policies,
    purposes,
    seq,
    spki,
    tlv,
)
from zorgid_card.testkit.keys import KeyPool

NOW = datetime(2026, 6, 1, tzinfo=UTC)
START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
CA_START, CA_END = datetime(2017, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)

UZI_NUMBER, URA = "900016528", "90000382"
OID_CA = "2.16.528.1.1007.99.217"
AUTHENTICITY, SIGNATURE = "2.16.528.1.1007.99.211", "2.16.528.1.1007.99.212"
PERSONS = (AUTHENTICITY, SIGNATURE, "2.16.528.1.1007.99.213")
PRODUCTION_POLICY = "2.16.528.1.1003.1.2.5.1"
UPN, UZI_NAME = "1.3.6.1.4.1.311.20.2.3", "2.5.5.5"
MS_DOCUMENT = "1.3.6.1.4.1.311.10.3.12"
ANY_PURPOSE = "2.5.29.37.0"
UNKNOWN = "1.3.6.1.4.1.55555.1.1"
CRL_POINTS = "2.5.29.31"
POINTS = seq(seq(tlv(0xA0, tlv(0xA0, tlv(0x86, b"http://crl.example/a.crl")))))
ATTRIBUTES = (
    ("2.5.4.6", "NL"), ("2.5.4.10", "Tést Zorginstelling 03"), ("2.5.4.12", "Arts"), ("2.5.4.4", "test-90014548"),
    ("2.5.4.42", "Jan"), ("2.5.4.5", UZI_NUMBER), ("2.5.4.3", "Jan test-90014548"),
)  # fmt: skip


def uzi_text(**changed: str) -> str:
    fields = {"oid_ca": OID_CA, "version": "1", "number": UZI_NUMBER, "kind": "Z", "ura": URA, "role": "01.000"}
    return "-".join((fields | {"agb": "00000000"} | changed).values())


def uzi_name(text: str, tag: int = 0x16) -> bytes:
    return other_name(UZI_NAME, tlv(tag, text.encode()))


def upn(text: str = f"{UZI_NUMBER}@{URA}") -> bytes:
    return other_name(UPN, tlv(0x0C, text.encode()))


def san(*names: bytes, critical: bool = False) -> Extension:
    return SAN, critical, seq(*names)


def ca_name(text: str) -> bytes:
    return name(("2.5.4.6", "NL"), ("2.5.4.10", "CIBG"), ("2.5.4.97", "NTRNL-50000535"), ("2.5.4.3", text))


def key_ids(public: bytes, issuer: bytes) -> tuple[Extension, Extension]:
    return (SKI, False, tlv(0x04, key_id(public))), (AKI, False, seq(tlv(0x80, key_id(issuer))))


class World:
    """The sound hierarchy: root, level 2, the issuing CAs of Z and N, and plans to depart from."""

    root_name = name(("2.5.4.6", "NL"), ("2.5.4.10", "CIBG"), ("2.5.4.3", "TEST Zorg CSP Root CA G3"))
    level_2_name = name(("2.5.4.6", "NL"), ("2.5.4.10", "CIBG"), ("2.5.4.3", "TEST Zorg CSP Level 2 Persoon CA G3"))
    z_name = ca_name("TEST UZI-register Zorgverlener CA G3")
    n_name = ca_name("TEST UZI-register Medewerker op naam CA G3")

    @staticmethod
    def key(label: str) -> rsa.RSAPrivateKey:
        return KeyPool.shared().key(f"hostile/{label}")

    def ca_plan(self, label: str, subject: bytes, above: str, issuer: bytes, path_length: int | None = None) -> Plan:
        public = spki(self.key(label))
        asserted = () if label == above else (policies(*PERSONS),)
        return Plan(
            issuer=issuer, subject=subject, public=public, key=self.key(above), start=CA_START, end=CA_END,
            extensions=(
                basic_constraints(ca=True, path_length=path_length), key_usage(5, 6), *asserted,
                *key_ids(public, spki(self.key(above))),
            ),
        )  # fmt: skip

    @cached_property
    def root_plan(self) -> Plan:
        return self.ca_plan("root", self.root_name, "root", self.root_name)

    @cached_property
    def level_2_plan(self) -> Plan:
        return self.ca_plan("level-2", self.level_2_name, "root", self.root_name)

    @cached_property
    def z_plan(self) -> Plan:
        return self.ca_plan("z", self.z_name, "level-2", self.level_2_name, 0)

    @cached_property
    def n_plan(self) -> Plan:
        return self.ca_plan("n", self.n_name, "level-2", self.level_2_name, 0)

    @cached_property
    def root(self) -> bytes:
        return self.root_plan.der()

    @cached_property
    def level_2(self) -> bytes:
        return self.level_2_plan.der()

    @cached_property
    def z(self) -> bytes:
        return self.z_plan.der()

    @cached_property
    def leaf(self) -> Plan:
        """The sound leaf: an authenticity certificate of type Z."""
        public = spki(self.key("leaf"))
        return Plan(
            issuer=self.z_name, subject=name(*ATTRIBUTES), public=public, key=self.key("z"), start=START, end=END,
            extensions=(
                san(upn(), uzi_name(uzi_text())), basic_constraints(ca=False), policies(AUTHENTICITY), key_usage(0),
                purposes(CLIENT_AUTH, EMAIL, MS_DOCUMENT), *key_ids(public, spki(self.key("z"))),
            ),
        )  # fmt: skip

    def named(self, *, text: str | None = None, subject: dict[str, str] | None = None) -> Plan:
        """The leaf with another UZI otherName or another subject."""
        attributes = tuple((kind, (subject or {}).get(kind, value)) for kind, value in ATTRIBUTES)
        plan = replace(self.leaf, subject=name(*attributes))
        return plan if text is None else plan.with_(san(upn(), uzi_name(text)))

    def under(self, plan: Plan) -> Chain:
        """A leaf with the sound CAs above it."""
        return Chain(plan.der(), [self.z, self.level_2])

    def with_z(self, plan: Plan) -> Chain:
        """The sound leaf under a faulty issuing CA."""
        return Chain(self.leaf.der(), [plan.der(), self.level_2])

    def with_level_2(self, plan: Plan) -> Chain:
        """The sound leaf and issuing CA under a faulty CA of level 2."""
        return Chain(self.leaf.der(), [self.z, plan.der()])


@dataclass(frozen=True)
class Chain:
    """A leaf and what is sent with it."""

    leaf: bytes
    intermediates: list[bytes]


def permitted(directory: bytes) -> bytes:
    """The value of nameConstraints that permit this directory name alone."""
    return seq(tlv(0xA0, seq(tlv(0xA4, directory))))
