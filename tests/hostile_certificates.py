"""The catalogue of hostile certificates: each one has one fault, and says how it is refused.

All stand in a copy of the TEST hierarchy (its names, object identifiers and policies; keys of our own). ``openssl`` and
``certvalidator`` tell whether those accept the chain, asked as a careful user would (tests/unit/test_hostile_certificates.py);
where one does, ``why`` says in a sentence how that comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from der_certificates import (
    AKI,
    BC,
    CP,
    EKU,
    EMAIL,
    ES256,
    KU,
    NC,
    RS1,
    RS256,
    RS_MD5,
    SERVER_AUTH,
    Key,
    Plan,
    basic_constraints,
    key_id,
    key_usage,
    name,
    oid,
    other_name,
    policies,
    purposes,
    seq,
    sign,
    spki,
    tlv,
)
from hostile_world import (
    ANY_PURPOSE,
    ATTRIBUTES,
    AUTHENTICITY,
    CRL_POINTS,
    POINTS,
    PRODUCTION_POLICY,
    SIGNATURE,
    UNKNOWN,
    URA,
    UZI_NAME,
    UZI_NUMBER,
    Chain,
    World,
    ca_name,
    key_ids,
    permitted,
    san,
    upn,
    uzi_name,
    uzi_text,
)


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """One row. ``code`` and ``reason``: of the refusal (``reason``: the field, where the error names one, or the subject)."""

    name: str
    make: Callable[[World], Chain]
    code: str
    reason: str
    openssl: bool = False
    certvalidator: bool = False
    why: str = ""
    """How it comes that others accept it."""


FIELD, MALFORMED, UNTRUSTED, USAGE = (
    f"certificate.{kind}" for kind in ("uzi_field", "malformed", "untrusted", "usage")
)
EXPIRED, NOT_YET = "certificate.expired", "certificate.not_yet_valid"

THE_REGISTERS_OWN = (
    "What stands in the UZI otherName, the UPN and the subject is the register's own business; path "
    "validation does not read it."
)
NO_KEY_USAGE = "RFC 5280 lets a leaf go without keyUsage, and then anything is allowed; the register never issues one."
NO_PURPOSE = "Without extendedKeyUsage anything is allowed (RFC 5280, 4.2.1.12); the register never issues one."
EVERY_POLICY = "anyPolicy is in every set of policies (RFC 5280, 6.1.3 d 2); a pass names its own."
EXPONENT = "They ask how long a key is, not for its exponent; FIPS 186-5 wants more than 2^16."
P_224 = "P-224 has the 112 bits of security that level 2 of openssl asks, and certvalidator asks nothing of curves."
K1 = "The curve is strong enough, but no card of this field has it; the fewer curves, the fewer ways in."
ADVISED = "They know the extension; RFC 5280 only advises against marking it critical, and cryptography's verifier refuses it."
NO_MEANING = "They know the extension; it has no meaning on a leaf, so they pass it over."
SERIAL = "They use the serial number for revocation only, where any number will do."
BEHIND = "It decodes the fields that it knows, and does not look behind them."
NO_LIMIT = "They set no limit; a certificate of a pass has 2 KiB, and what is longer is refused before it is read."


def _identity_rows() -> Iterator[Hostile]:
    def row(label: str, reason: str, make: Callable[[World], Plan]) -> Hostile:
        return Hostile(
            name=label, make=lambda w: w.under(make(w)), code=FIELD, reason=reason,
            openssl=True, certvalidator=True, why=THE_REGISTERS_OWN,
        )  # fmt: skip

    def text(label: str, reason: str, value: str) -> Hostile:
        return row(label, reason, lambda w: w.named(text=value))

    yield text("SAN of 6 fields", "subjectAltName", uzi_text().rpartition("-")[0])
    yield text("SAN of 8 fields", "subjectAltName", uzi_text() + "-0")
    yield text("SAN version 2", "version", uzi_text(version="2"))
    yield text("UZI number of 8 digits", "uzi_number", uzi_text(number="90001652"))
    yield replace(
        text("UZI number of Arabic-Indic digits", "subjectAltName", uzi_text(number="٩٠٠٠١٦٥٢٨")), certvalidator=False
    )
    yield text("pass type in lower case", "pass_type", uzi_text(kind="z"))
    yield text("pass type N under the CA of Z", "pass_type", uzi_text(kind="N", role="00.000"))
    yield text("OID CA of production", "oid_ca", uzi_text(oid_ca="2.16.528.1.1003.1.3.5.5.2"))
    yield text("URA of 7 digits", "ura", uzi_text(ura="9000038"))
    yield text("role with a letter", "role", uzi_text(role="01.O00"))
    yield text("role 00.000 on a zorgverlenerpas", "role", uzi_text(role="00.000"))
    yield text("AGB code of 9 digits", "agb", uzi_text(agb="000000000"))
    yield text("newline after the AGB code", "agb", uzi_text() + "\n")
    yield row("SAN as UTF8String", "subjectAltName", lambda w: w.leaf.with_(san(upn(), uzi_name(uzi_text(), 0x0C))))
    yield row(
        "two UZI otherNames", "subjectAltName",
        lambda w: w.leaf.with_(san(upn(), uzi_name(uzi_text()), uzi_name(uzi_text(ura="90000001")))),
    )  # fmt: skip
    yield row("no UZI otherName", "subjectAltName", lambda w: w.leaf.with_(san(upn())))
    yield row("no UPN", "upn", lambda w: w.leaf.with_(san(uzi_name(uzi_text()))))
    yield row("two UPNs", "upn", lambda w: w.leaf.with_(san(upn(), upn(), uzi_name(uzi_text()))))
    yield row("UPN of another", "upn", lambda w: w.leaf.with_(san(upn(f"900016529@{URA}"), uzi_name(uzi_text()))))
    yield row(
        "UPN of another organisation", "upn",
        lambda w: w.leaf.with_(san(upn(f"{UZI_NUMBER}@90000001"), uzi_name(uzi_text()))),
    )  # fmt: skip
    yield row("subject's serialNumber of another", "serialNumber", lambda w: w.named(subject={"2.5.4.5": "900016529"}))
    yield row(
        "two common names", "common_name",
        lambda w: replace(w.leaf, subject=name(*ATTRIBUTES, ("2.5.4.3", "Piet de Boer"))),
    )  # fmt: skip
    yield row("keyUsage with more bits", "keyUsage", lambda w: w.leaf.with_(key_usage(0, 1)))
    yield row(
        "two policies of the pass", "certificatePolicies", lambda w: w.leaf.with_(policies(AUTHENTICITY, SIGNATURE))
    )


def _leaf_rows() -> Iterator[Hostile]:
    def row(
        label: str, code: str, reason: str, make: Callable[[World], Plan], *,
        openssl: bool = False, certvalidator: bool = False, why: str = "",
    ) -> Hostile:  # fmt: skip
        return Hostile(
            name=label, make=lambda w: w.under(make(w)), code=code, reason=reason,
            openssl=openssl, certvalidator=certvalidator, why=why,
        )  # fmt: skip

    # usage and policy
    yield row("no keyUsage", USAGE, "keyUsage", lambda w: w.leaf.without(KU), openssl=True,
              why=NO_KEY_USAGE)  # fmt: skip
    yield row("keyUsage of a signature certificate", USAGE, "keyUsage", lambda w: w.leaf.with_(key_usage(1)))
    yield row("no extendedKeyUsage", USAGE, "extendedKeyUsage", lambda w: w.leaf.without(EKU), openssl=True,
              why=NO_PURPOSE)  # fmt: skip
    yield row("extendedKeyUsage without clientAuth", USAGE, "extendedKeyUsage", lambda w: w.leaf.with_(purposes(EMAIL)))
    yield row("extendedKeyUsage serverAuth alone, critical", USAGE, "extendedKeyUsage",
              lambda w: w.leaf.with_(purposes(SERVER_AUTH, critical=True)))  # fmt: skip
    yield row("anyExtendedKeyUsage alone", USAGE, "extendedKeyUsage", lambda w: w.leaf.with_(purposes(ANY_PURPOSE)))
    yield row("policy of a signature certificate", UNTRUSTED, "policy", lambda w: w.leaf.with_(policies(SIGNATURE)))
    yield row(
        "policy of production under a TEST CA", UNTRUSTED, "policy", lambda w: w.leaf.with_(policies(PRODUCTION_POLICY))
    )
    yield row("no policy", UNTRUSTED, "policy", lambda w: w.leaf.without(CP))
    yield row("anyPolicy on a leaf", UNTRUSTED, "policy", lambda w: w.leaf.with_(policies("2.5.29.32.0")), openssl=True,
              certvalidator=True, why=EVERY_POLICY)  # fmt: skip
    # dates
    yield row(
        "expired leaf", EXPIRED, "Jan test-90014548", lambda w: replace(w.leaf, end=datetime(2026, 5, 31, tzinfo=UTC))
    )
    yield row(
        "leaf not valid yet",
        NOT_YET,
        "Jan test-90014548",
        lambda w: replace(w.leaf, start=datetime(2026, 6, 2, tzinfo=UTC)),
    )
    # keys and signatures
    yield row("RSA key of 1024 bits", UNTRUSTED, "weak key",
              lambda w: replace(w.leaf, public=spki(rsa.generate_private_key(65537, 1024))), certvalidator=True,
              why="certvalidator judges the keys that signed a certificate, and the leaf's own signs none.")  # fmt: skip
    yield row("RSA key with exponent 3", UNTRUSTED, "weak key",
              lambda w: replace(w.leaf, public=spki(rsa.generate_private_key(3, 2048))), openssl=True, certvalidator=True,
              why=EXPONENT)  # fmt: skip
    yield row("key on P-224", UNTRUSTED, "weak key",
              lambda w: replace(w.leaf, public=spki(ec.generate_private_key(ec.SECP224R1()))), openssl=True,
              certvalidator=True, why=P_224)  # fmt: skip
    yield row("key on secp256k1", UNTRUSTED, "weak key",
              lambda w: replace(w.leaf, public=spki(ec.generate_private_key(ec.SECP256K1()))), openssl=True,
              certvalidator=True, why=K1)  # fmt: skip
    yield row("signed with SHA-1", UNTRUSTED, "weak signature", lambda w: replace(w.leaf, algorithm=RS1))
    yield row("signed with MD5", UNTRUSTED, "weak signature", lambda w: replace(w.leaf, algorithm=RS_MD5))
    yield row(
        "signature by another key of the pass's own",
        UNTRUSTED,
        "signature",
        lambda w: replace(w.leaf, key=w.key("leaf")),
    )
    yield row(
        "algorithm outside unlike inside",
        MALFORMED,
        "signatureAlgorithm",
        lambda w: replace(w.leaf, signed="1.2.840.113549.1.1.12"),
    )
    yield row(
        "ECDSA named for an RSA signature", MALFORMED, "signatureAlgorithm", lambda w: replace(w.leaf, signed=ES256)
    )
    yield row("authorityKeyIdentifier of another key", UNTRUSTED, "key identifier",
              lambda w: w.leaf.with_((AKI, False, seq(tlv(0x80, bytes(20))))))  # fmt: skip
    # form
    yield row(
        "unknown critical extension",
        UNTRUSTED,
        "critical extension",
        lambda w: w.leaf.and_((UNKNOWN, True, b"\x05\x00")),
    )
    yield row(
        "critical cRLDistributionPoints",
        UNTRUSTED,
        "critical extension",
        lambda w: w.leaf.and_((CRL_POINTS, True, POINTS)),
        openssl=True,
        certvalidator=True,
        why=ADVISED,
    )
    yield row("nameConstraints on a leaf", UNTRUSTED, "critical extension",
              lambda w: w.leaf.and_((NC, True, permitted(w.root_name))),
              openssl=True, certvalidator=True, why=NO_MEANING)  # fmt: skip
    yield row("negative serial number", MALFORMED, "serialNumber", lambda w: replace(w.leaf, serial=b"\x02\x01\x81"),
              openssl=True, certvalidator=True, why=SERIAL)  # fmt: skip
    yield row("serial number 0", UNTRUSTED, "serial number", lambda w: replace(w.leaf, serial=b"\x02\x01\x00"),
              openssl=True, certvalidator=True, why=SERIAL)  # fmt: skip
    yield row("serial number of 33 octets", MALFORMED, "serialNumber",
              lambda w: replace(w.leaf, serial=tlv(0x02, b"\x7f" * 33)), openssl=True, certvalidator=True,
              why=SERIAL)  # fmt: skip
    yield row("the same extension twice", MALFORMED, "extensions", lambda w: w.leaf.and_(key_usage(0)), certvalidator=True,
              why="certvalidator takes the last of two equal extensions; RFC 5280, 4.2 forbids the second.")  # fmt: skip
    yield row("X.509 version 1", MALFORMED, "version", lambda w: replace(w.leaf, version=None))
    yield row("octets after the certificate", MALFORMED, "certificate", lambda w: replace(w.leaf, trailer=b"\x05\x00"),
              openssl=True,
              why="openssl takes one certificate out of the PEM and leaves what follows it.")  # fmt: skip
    yield row("empty issuer", UNTRUSTED, "no issuing CA", lambda w: replace(w.leaf, issuer=seq()))
    yield row("of more than 64 KiB", MALFORMED, "certificate",
              lambda w: w.leaf.and_((UNKNOWN, False, tlv(0x04, bytes(70_000)))), openssl=True, certvalidator=True,
              why=NO_LIMIT)  # fmt: skip


def _chain_rows() -> Iterator[Hostile]:
    no_ca = "not a CA"
    yield Hostile(name="BER: indefinite length", make=_indefinite, code=MALFORMED, reason="certificate",
                  openssl=True, certvalidator=True, why="They read BER where DER is asked (RFC 5280, 4.1).")  # fmt: skip
    yield Hostile(
        name="octets after the IA5String", code=MALFORMED, reason="subjectAltName",
        make=lambda w: w.under(
            w.leaf.with_(san(upn(), other_name(UZI_NAME, tlv(0x16, uzi_text().encode()) + b"\x05\x00")))
        ),
    )  # fmt: skip
    yield Hostile(
        name="octets after the value of an otherName", code=MALFORMED, reason="subjectAltName",
        certvalidator=True, why=BEHIND,
        make=lambda w: w.under(
            w.leaf.with_(san(upn(), tlv(0xA0, oid(UZI_NAME), tlv(0xA0, tlv(0x16, uzi_text().encode())), b"\x05\x00")))
        ),
    )  # fmt: skip
    yield Hostile(name="signature of another certificate", make=_swapped, code=UNTRUSTED, reason="signature")
    yield Hostile(name="one bit of the holder's name changed", make=_renamed, code=UNTRUSTED, reason="signature")
    yield Hostile(
        name="truncated",
        make=lambda w: Chain(w.leaf.der()[:-9], [w.z, w.level_2]),
        code=MALFORMED,
        reason="certificate",
    )
    yield Hostile(name="CA without CA bit", make=lambda w: w.with_z(w.z_plan.with_(basic_constraints(ca=False))),
                  code=UNTRUSTED, reason=no_ca)  # fmt: skip
    yield Hostile(
        name="CA without basicConstraints", make=lambda w: w.with_z(w.z_plan.without(BC)), code=UNTRUSTED, reason=no_ca
    )
    yield Hostile(
        name="CA without keyUsage", make=lambda w: w.with_z(w.z_plan.without(KU)), code=UNTRUSTED, reason=no_ca,
        certvalidator=True, why="certvalidator asks for keyCertSign only where keyUsage is there (RFC 5280, 6.1.4 n).",
    )  # fmt: skip
    yield Hostile(name="CA without keyCertSign", make=lambda w: w.with_z(w.z_plan.with_(key_usage(0, 6))),
                  code=UNTRUSTED, reason=no_ca)  # fmt: skip
    yield Hostile(name="path longer than level 2 allows", code=UNTRUSTED, reason="path length",
                  make=lambda w: w.with_level_2(w.level_2_plan.with_(basic_constraints(ca=True, path_length=0))))  # fmt: skip
    yield Hostile(name="a pass that issues passes", make=_leaf_as_ca, code=UNTRUSTED, reason=no_ca)
    yield Hostile(
        name="the CA itself as a pass", make=lambda w: Chain(w.z, [w.level_2]), code="certificate.not_uzi", reason=""
    )
    yield Hostile(name="CA under the policies of another", code=UNTRUSTED, reason="policy",
                  make=lambda w: w.with_z(w.z_plan.with_(policies("2.16.528.1.1007.99.12"))))  # fmt: skip
    yield Hostile(
        name="CA under no policy", make=lambda w: w.with_z(w.z_plan.without(CP)), code=UNTRUSTED, reason="policy"
    )
    yield Hostile(name="CA for e-mail alone", make=lambda w: w.with_z(w.z_plan.and_(purposes(EMAIL))),
                  code=UNTRUSTED, reason="purpose of the CA", certvalidator=True,
                  why="RFC 5280 gives a CA's extendedKeyUsage no meaning for its leaves; browsers, openssl and we do.")  # fmt: skip
    yield Hostile(name="CA limited to other names", code=UNTRUSTED, reason="name constraints",
                  make=lambda w: w.with_z(w.z_plan.and_((NC, True, permitted(name(("2.5.4.6", "BE")))))))  # fmt: skip
    yield Hostile(name="CA limited to other names, not critical", code=UNTRUSTED, reason="name constraints",
                  make=lambda w: w.with_z(w.z_plan.and_((NC, False, permitted(name(("2.5.4.6", "BE")))))))  # fmt: skip
    yield Hostile(name="CA with an unknown critical extension", code=UNTRUSTED, reason="critical extension",
                  make=lambda w: w.with_z(w.z_plan.and_((UNKNOWN, True, b"\x05\x00"))))  # fmt: skip
    yield Hostile(name="expired CA", code=EXPIRED, reason="TEST UZI-register Zorgverlener CA G3",
                  make=lambda w: w.with_z(replace(w.z_plan, end=datetime(2026, 5, 31, tzinfo=UTC))))  # fmt: skip
    yield Hostile(name="CA not valid yet", code=NOT_YET, reason="TEST Zorg CSP Level 2 Persoon CA G3",
                  make=lambda w: w.with_level_2(replace(w.level_2_plan, start=datetime(2026, 6, 2, tzinfo=UTC))))  # fmt: skip
    yield Hostile(name="CA signed with SHA-1", code=UNTRUSTED, reason="weak signature",
                  make=lambda w: w.with_z(replace(w.z_plan, algorithm=RS1)))  # fmt: skip
    yield Hostile(name="CA with an RSA key of 1024 bits", code=UNTRUSTED, reason="weak key",
                  make=lambda w: _with_ca_key(w, rsa.generate_private_key(65537, 1024)))  # fmt: skip
    yield Hostile(name="CA with exponent 3", code=UNTRUSTED, reason="weak key", openssl=True, certvalidator=True,
                  make=lambda w: _with_ca_key(w, rsa.generate_private_key(3, 2048)),
                  why=EXPONENT)  # fmt: skip
    yield Hostile(name="CA with a key on P-224", code=UNTRUSTED, reason="weak key", openssl=True, certvalidator=True,
                  make=lambda w: _with_ca_key(w, ec.generate_private_key(ec.SECP224R1()), ES256),
                  why=P_224)  # fmt: skip
    yield Hostile(name="self-signed CA of the same name", make=_self_signed_ca, code=UNTRUSTED, reason="no pinned root")
    yield Hostile(
        name="root of the same name and key identifier", make=_false_root, code=UNTRUSTED, reason="no pinned root"
    )
    yield Hostile(
        name="no CA certificates", make=lambda w: Chain(w.leaf.der(), []), code=UNTRUSTED, reason="no issuing CA"
    )
    yield Hostile(
        name="no CA of level 2", make=lambda w: Chain(w.leaf.der(), [w.z]), code=UNTRUSTED, reason="no issuing CA"
    )
    yield Hostile(name="17 CA certificates", make=lambda w: Chain(w.leaf.der(), [w.z, w.level_2] + [w.z] * 15),
                  code=UNTRUSTED, reason="too many intermediates", openssl=True, certvalidator=True,
                  why="They take all that they are given; a card has two or three.")  # fmt: skip
    yield Hostile(name="a pass of Z under the CA of N", make=_other_ca, code=FIELD, reason="pass_type",
                  openssl=True, certvalidator=True, why=THE_REGISTERS_OWN)  # fmt: skip
    yield Hostile(name="a CA that is not of the register", make=_foreign_ca, code=FIELD, reason="issuer",
                  openssl=True, certvalidator=True, why=THE_REGISTERS_OWN)  # fmt: skip
    yield Hostile(name="self-signed pass", code=UNTRUSTED, reason="no pinned root",
                  make=lambda w: w.under(replace(w.leaf, issuer=w.leaf.subject, key=w.key("leaf")).without(AKI)))  # fmt: skip


def _indefinite(w: World) -> Chain:
    der = w.leaf.der()
    header = 4  # 30 82 and two octets of length
    return Chain(b"\x30\x80" + der[header:] + b"\0\0", [w.z, w.level_2])


def _swapped(w: World) -> Chain:
    other = replace(w.leaf, serial=b"\x02\x01\x07")
    return Chain(w.leaf.put_together(w.leaf.tbs(), sign(other.key, other.tbs(), RS256)), [w.z, w.level_2])


def _renamed(w: World) -> Chain:
    return Chain(w.leaf.der().replace(b"Jan test", b"Jaa test"), [w.z, w.level_2])


def _leaf_as_ca(w: World) -> Chain:
    below = replace(
        w.leaf, issuer=w.leaf.subject, subject=w.named(subject={"2.5.4.42": "Piet"}).subject, key=w.key("leaf")
    )
    below = below.with_((AKI, False, seq(tlv(0x80, key_id(w.leaf.public)))))
    return Chain(below.der(), [w.leaf.der(), w.z, w.level_2])


def _with_ca_key(w: World, key: Key, algorithm: str = RS256) -> Chain:
    ski, aki = key_ids(spki(key), spki(w.key("level-2")))
    plan = replace(w.z_plan, public=spki(key)).with_(ski, aki)
    leaf = replace(w.leaf, key=key, algorithm=algorithm).with_((AKI, False, seq(tlv(0x80, key_id(spki(key))))))
    return Chain(leaf.der(), [plan.der(), w.level_2])


def _self_signed_ca(w: World) -> Chain:
    false = spki(w.key("false"))
    plan = replace(w.z_plan, issuer=w.z_name, public=false, key=w.key("false")).with_(*key_ids(false, false))
    leaf = replace(w.leaf, key=w.key("false")).with_((AKI, False, seq(tlv(0x80, key_id(false)))))
    return Chain(leaf.der(), [plan.der(), w.level_2])


def _false_root(w: World) -> Chain:
    """All of the hierarchy anew under a root that has the true one's name and key identifier, and another key."""
    key = w.key("false")
    level_2 = replace(w.level_2_plan, key=key)
    root = replace(w.root_plan, public=spki(key), key=key)
    return Chain(w.leaf.der(), [w.z, level_2.der(), root.der()])


def _other_ca(w: World) -> Chain:
    plan = replace(w.leaf, issuer=w.n_name, key=w.key("n")).with_(
        (AKI, False, seq(tlv(0x80, key_id(spki(w.key("n"))))))
    )
    return Chain(plan.der(), [w.n_plan.der(), w.level_2])


def _foreign_ca(w: World) -> Chain:
    subject = ca_name("Another CA G3")
    return Chain(replace(w.leaf, issuer=subject).der(), [replace(w.z_plan, subject=subject).der(), w.level_2])


CATALOGUE: tuple[Hostile, ...] = (*_identity_rows(), *_leaf_rows(), *_chain_rows())
"""Every hostile certificate and chain."""
