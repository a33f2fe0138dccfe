"""UZI and ZORG-ID identities read from certificates: the real TEST pass, every malformation, and octets changed at random."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from pki_world import make, shared
from zorgid_card.codec.tlv import encode
from zorgid_card.errors import (
    CertificateError,
    CertificateMalformedError,
    MessageError,
    NotUZIError,
    NotZorgIDError,
    UZIFieldError,
)
from zorgid_card.pki.hierarchy import UZI_G3, UZI_TEST_G3
from zorgid_card.pki.identity import UZIIdentity, ZorgIDIdentity, read_uzi_identity, read_zorgid_identity
from zorgid_card.pki.profile import IDENTITY_OID, POLICIES
from zorgid_card.pki.roles import NO_ROLE, PROFESSIONS, SPECIALISMS, role_name
from zorgid_card.testkit import uzi_tamper
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import (
    DE_LINDE,
    FATIMA_EL_AMRANI,
    FRONT_DESK,
    JAN_DE_VRIES,
    RENEE_DANIELS,
    Environment,
    PassType,
    Usage,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def pool() -> KeyPool:
    return KeyPool.shared()


@pytest.fixture(scope="module", params=list(Environment), ids=str)
def pki(request: pytest.FixtureRequest, pool: KeyPool) -> UZITestPKI:
    return UZITestPKI(request.param, pool=pool, now=NOW)


@pytest.fixture(scope="module")
def production(pool: KeyPool) -> UZITestPKI:
    return UZITestPKI(Environment.PRODUCTION, pool=pool, now=NOW)


def to_pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


# --- the real TEST pass ----------------------------------------------------------------------------------------------


def test_aut_2_the_real_test_pass_is_read() -> None:
    pem = shared("uzi-test-card/authenticity.cer")
    assert read_uzi_identity(pem) == UZIIdentity(
        uzi_number="900016528",
        pass_type="Z",
        ura="90000382",
        role="01.000",
        role_name="Arts",
        agb=None,
        organisation="Tést Zorginstelling 03",
        given_names="Jan",
        surname="test-90014548",
        common_name="Jan test-90014548",
        title="Arts",
        oid_ca="2.16.528.1.1007.99.217",
        environment="test",
        usage="authenticity",
        not_before=datetime(2017, 7, 13, 11, 39, 8, tzinfo=UTC),
        not_after=datetime(2020, 7, 12, 11, 39, 8, tzinfo=UTC),
        issuer_cn="TEST UZI-register Zorgverlener CA G3",
        certificate=x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER),
    )


@pytest.mark.parametrize("usage", ["signature", "confidentiality"])
def test_the_other_certificates_of_the_real_pass_differ_in_usage_and_dates(usage: str) -> None:
    first = read_uzi_identity(shared("uzi-test-card/authenticity.cer"))
    other = read_uzi_identity(shared(f"uzi-test-card/{usage}.cer"))
    assert other.usage == usage
    own = ("usage", "not_before", "not_after", "certificate")
    assert other._replace(**{name: getattr(first, name) for name in own}) == first


def test_pem_and_der_are_read_alike() -> None:
    pem = shared("uzi-test-card/authenticity.cer")
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    assert read_uzi_identity(der) == read_uzi_identity(pem)


@pytest.mark.parametrize("file", ["uzi-ca/RootCA-G3.cer", "uzi-test-card/test-uzi-register-zorgverlener-ca-g3.cer"])
def test_a_ca_of_the_hierarchy_is_not_a_pass(file: str) -> None:
    with pytest.raises(NotUZIError):
        read_uzi_identity(shared(file))


# --- every type of the test PKI --------------------------------------------------------------------------------------


def test_every_type_of_pass_is_read(pki: UZITestPKI) -> None:
    doctor = read_uzi_identity(pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015").certificates[Usage.AUTHENTICITY])
    assert (doctor.pass_type, doctor.role, doctor.role_name, doctor.title) == ("Z", "01.015", "Huisarts", "Huisarts")
    assert (doctor.surname, doctor.common_name, doctor.agb) == ("de Vries", "Jan de Vries", "01012345")
    assert doctor.environment == pki.environment.value
    worker = read_uzi_identity(pki.pass_(RENEE_DANIELS, DE_LINDE, "N").certificates[Usage.SIGNATURE])
    assert (worker.pass_type, worker.role, worker.role_name, worker.title) == ("N", NO_ROLE, None, None)
    assert (worker.given_names, worker.usage, worker.agb) == ("Renée Zoë", "signature", None)
    desk = read_uzi_identity(pki.pass_(FRONT_DESK, DE_LINDE, "M").certificates[Usage.CONFIDENTIALITY])
    assert (desk.pass_type, desk.given_names, desk.surname, desk.common_name) == ("M", None, None, "Balie")
    server = read_uzi_identity(pki.server("linde.example", DE_LINDE, "900000053").certificate)
    assert (server.pass_type, server.usage, server.common_name) == ("S", "server", "linde.example")


def test_a_hierarchy_that_was_not_asked_for_is_not_read(production: UZITestPKI) -> None:
    der = production.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N").certificates[Usage.AUTHENTICITY]
    assert read_uzi_identity(der, hierarchies=[UZI_G3]).environment == "production"
    with pytest.raises(UZIFieldError) as refused:
        read_uzi_identity(der, hierarchies=[UZI_TEST_G3])
    assert refused.value.field == "issuer"


# --- malformed -------------------------------------------------------------------------------------------------------

TAMPERED: list[tuple[str, uzi_tamper.Tamper, str]] = [
    ("no UZI name", uzi_tamper.no_uzi_name, "subjectAltName"),
    ("two UZI names", uzi_tamper.uzi_name_twice, "subjectAltName"),
    ("UTF8String", uzi_tamper.utf8_san, "subjectAltName"),
    ("six fields", uzi_tamper.san_fields(6), "subjectAltName"),
    ("eight fields", uzi_tamper.san_fields(8), "subjectAltName"),
    ("empty", uzi_tamper.san_text(lambda _: ""), "subjectAltName"),
    ("not ASCII", uzi_tamper.san_text(lambda text: text + "é"), "subjectAltName"),
    ("octet string", uzi_tamper.raw_san(b"\x04\x03abc"), "subjectAltName"),
    ("sequence", uzi_tamper.raw_san(b"\x30\x05\x16\x03abc"), "subjectAltName"),
    ("OID CA of another type", uzi_tamper.san_field(0, "2.16.528.1.1003.1.3.5.5.3"), "oid_ca"),
    ("OID CA of the other environment", uzi_tamper.san_field(0, "2.16.528.1.1007.99.217"), "oid_ca"),
    ("OID CA no OID", uzi_tamper.san_field(0, "2.16..1"), "oid_ca"),
    ("version 2", uzi_tamper.san_field(1, "2"), "version"),
    ("UZI number of 8 digits", uzi_tamper.san_field(2, "90000001"), "uzi_number"),
    ("UZI number of 10 digits", uzi_tamper.san_field(2, "9000000015"), "uzi_number"),
    ("UZI number with a letter", uzi_tamper.san_field(2, "90000001a"), "uzi_number"),
    ("UZI number with a line break", uzi_tamper.san_field(2, "90000001\n"), "uzi_number"),
    ("another UZI number", uzi_tamper.san_field(2, "900000099"), "upn"),
    ("pass type X", uzi_tamper.san_field(3, "X"), "pass_type"),
    ("pass type N under the Z CA", uzi_tamper.san_field(3, "N"), "pass_type"),
    ("Z under the N CA", uzi_tamper.issued_by("N"), "pass_type"),
    ("Z under a CA that is not the register's issuing one", uzi_tamper.issued_by("persons"), "issuer"),
    ("URA of 7 digits", uzi_tamper.san_field(4, "9000012"), "ura"),
    ("another URA", uzi_tamper.san_field(4, "90000999"), "upn"),
    ("role without specialism", uzi_tamper.san_field(5, "01"), "role"),
    ("role 00 on Z", uzi_tamper.san_field(5, "00.000"), "role"),
    ("AGB of 7 digits", uzi_tamper.san_field(6, "0101234"), "agb"),
    ("no UPN", uzi_tamper.no_upn, "upn"),
    ("serialNumber of somebody else", uzi_tamper.subject("serial_number", "900000099"), "serialNumber"),
    ("no serialNumber", uzi_tamper.subject("serial_number", None), "serialNumber"),
    ("no organisation", uzi_tamper.subject("organisation", None), "organisation"),
    ("no surname", uzi_tamper.subject("surname", None), "surname"),
    ("no given names", uzi_tamper.subject("given_names", None), "given_names"),
    ("no CN", uzi_tamper.subject("common_name", None), "common_name"),
    ("no title on Z", uzi_tamper.subject("title", None), "title"),
    ("key usage of a signature certificate", uzi_tamper.key_usages("content_commitment"), "keyUsage"),
    ("key usage with one too many", uzi_tamper.key_usages("digital_signature", "key_agreement"), "keyUsage"),
    (
        "policy of the other environment",
        lambda plan: replace(plan, policy="2.16.528.1.1007.99.211"),
        "certificatePolicies",
    ),
    ("policy of another usage", lambda plan: replace(plan, policy="2.16.528.1.1003.1.2.5.2"), "keyUsage"),
]


@pytest.mark.parametrize(("tamper", "field"), [row[1:] for row in TAMPERED], ids=[row[0] for row in TAMPERED])
def test_a_malformed_uzi_certificate_is_refused_by_field(
    production: UZITestPKI, tamper: uzi_tamper.Tamper, field: str
) -> None:
    contents = production.pass_(
        JAN_DE_VRIES, DE_LINDE, "Z", "01.015", tamper=uzi_tamper.only(Usage.AUTHENTICITY, tamper)
    )
    with pytest.raises(UZIFieldError) as refused:
        read_uzi_identity(contents.certificates[Usage.AUTHENTICITY])
    assert refused.value.field == field


def test_a_role_on_an_employee_pass_is_refused(production: UZITestPKI) -> None:
    contents = production.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N", tamper=uzi_tamper.san_field(5, "01.015"))
    with pytest.raises(UZIFieldError) as refused:
        read_uzi_identity(contents.certificates[Usage.AUTHENTICITY])
    assert refused.value.field == "role"


@pytest.mark.parametrize("tamper", [uzi_tamper.utf8_san, uzi_tamper.no_upn], ids=["UTF8String", "no UPN"])
def test_the_lenient_switch_accepts_what_third_party_test_cas_make(
    production: UZITestPKI, tamper: uzi_tamper.Tamper
) -> None:
    contents = production.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N", tamper=tamper)
    der = contents.certificates[Usage.AUTHENTICITY]
    with pytest.raises(UZIFieldError):
        read_uzi_identity(der)
    assert read_uzi_identity(der, lenient=True).uzi_number == FATIMA_EL_AMRANI.uzi_number


def test_the_order_of_the_names_does_not_matter(production: UZITestPKI) -> None:
    contents = production.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N", tamper=uzi_tamper.upn_last)
    assert read_uzi_identity(contents.certificates[Usage.AUTHENTICITY]).pass_type == PassType.EMPLOYEE


def test_a_sound_certificate_of_somebody_else_is_not_uzi() -> None:
    with pytest.raises(NotUZIError):
        read_uzi_identity(make("somebody", ca=False, usages=("digital_signature",)).der)


GARBAGE: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("empty", lambda _: b""),
    ("text", lambda _: b"not a certificate"),
    ("cut off", lambda der: der[:-1]),
    ("octets behind it", lambda der: der + b"\x00"),
    ("too long", lambda der: der + bytes(64 * 1024)),
    ("two in one PEM file", lambda der: to_pem(der) * 2),
    (
        "PEM of something else",
        lambda _: b"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n",
    ),
    ("PEM of nothing", lambda _: b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
]


@pytest.mark.parametrize("spoil", [row[1] for row in GARBAGE], ids=[row[0] for row in GARBAGE])
def test_garbage_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(CertificateMalformedError):
        read_uzi_identity(spoil(make("somebody", ca=False).der))


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_octets_changed_at_random_give_an_identity_or_a_typed_error(data: st.DataObject) -> None:
    """Whatever is changed: no other exception, and no other holder than the one in subject *and* subjectAltName."""
    der = bytearray(base64.b64decode(b"".join(shared("uzi-test-card/authenticity.cer").splitlines()[1:-1])))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(der) - 1))
        kind = data.draw(st.sampled_from(["set", "delete", "insert"]))
        if kind == "set":
            der[place] = data.draw(st.integers(0, 255))
        elif kind == "delete":
            del der[place]
        else:
            der.insert(place, data.draw(st.integers(0, 255)))
    try:
        identity = read_uzi_identity(bytes(der))
    except CertificateError:
        return
    assert len(identity.uzi_number) == 9
    assert identity.pass_type == "Z"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_octets_give_typed_errors(data: bytes) -> None:
    with pytest.raises(CertificateError):
        read_uzi_identity(data)


# --- roles -----------------------------------------------------------------------------------------------------------


def test_roles() -> None:
    assert role_name("01.000") == "Arts"
    assert role_name("01.015") == "Huisarts"
    assert role_name("01.999") == "Arts"
    assert role_name(NO_ROLE) is None
    assert all(code[:2] in PROFESSIONS and len(code) == 6 for code in SPECIALISMS)


# --- ZORG-ID ---------------------------------------------------------------------------------------------------------


def zorgid(
    *names: x509.GeneralName, subject: dict[str, str] | None = None, policies: tuple[str, ...] | None = None
) -> bytes:
    parts = {"GN": "Jan", "SN": "de Vries", "serialNumber": "900000015", "CN": "Jan de Vries"} | (subject or {})
    text = ",".join(
        f"{'2.5.4.42' if k == 'GN' else '2.5.4.4' if k == 'SN' else '2.5.4.5' if k == 'serialNumber' else k}={v}"
        for k, v in parts.items()
        if v
    )
    san = [(x509.SubjectAlternativeName(list(names)), False)] if names else []
    chosen = tuple(POLICIES["authenticity"]) if policies is None else policies
    return make(
        "x",
        ca=False,
        usages=("digital_signature",),
        policies=chosen,
        extensions=san,
        subject=x509.Name.from_rfc4514_string(text),
    ).der


def person(text: str, tag: int = 0x16) -> x509.OtherName:
    return x509.OtherName(x509.ObjectIdentifier(IDENTITY_OID), encode(tag, text.encode()))


GUID = x509.UniformResourceIdentifier("urn:uuid:00112233-4455-6677-8899-aabbccddeeff")


def test_a_zorgid_certificate_names_the_person_only() -> None:
    identity = read_zorgid_identity(zorgid(person("1-900000015"), GUID))
    assert (identity.uzi_number, identity.given_names, identity.surname) == ("900000015", "Jan", "de Vries")
    assert identity.guid == bytes.fromhex("00112233445566778899aabbccddeeff")
    assert identity.usage == "authenticity"
    assert not hasattr(identity, "ura")


@pytest.mark.parametrize(
    ("der", "field"),
    [
        (lambda: zorgid(person("1-900000015"), person("1-900000015"), GUID), "subjectAltName"),
        (lambda: zorgid(person("1-900000015", 0x0C), GUID), "subjectAltName"),
        (lambda: zorgid(person("900000015"), GUID), "subjectAltName"),
        (lambda: zorgid(person("2-900000015"), GUID), "uzi_number"),
        (lambda: zorgid(person("1-90000001"), GUID), "uzi_number"),
        (lambda: zorgid(person("1-900000099"), GUID), "serialNumber"),
        (lambda: zorgid(person("1-900000015")), "guid"),
        (lambda: zorgid(person("1-900000015"), GUID, GUID), "guid"),
        (lambda: zorgid(person("1-900000015"), GUID, subject={"GN": ""}), "given_names"),
        (lambda: zorgid(person("1-900000015"), GUID, policies=("1.2.3",)), "certificatePolicies"),
        (lambda: zorgid(person("1-900000015"), GUID, policies=()), "certificatePolicies"),
    ],
)
def test_a_malformed_zorgid_certificate_is_refused_by_field(der: Callable[[], bytes], field: str) -> None:
    with pytest.raises(CertificateMalformedError) as refused:
        read_zorgid_identity(der())
    assert refused.value.field == field


def test_a_certificate_of_somebody_else_is_not_zorgid() -> None:
    with pytest.raises(NotZorgIDError):
        read_zorgid_identity(shared("uzi-test-card/authenticity.cer"))


# --- as JSON, and for FHIR -------------------------------------------------------------------------------------------


def test_an_identity_comes_back_from_json(pki: UZITestPKI) -> None:
    for contents in (pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015"), pki.pass_(FRONT_DESK, DE_LINDE, "M")):
        identity = read_uzi_identity(contents.certificates[Usage.AUTHENTICITY])
        assert UZIIdentity.from_json(identity.to_json()) == identity
    holder = read_zorgid_identity(zorgid(person("1-900000015"), GUID))
    assert ZorgIDIdentity.from_json(holder.to_json()) == holder


def test_json_shows_what_a_portal_needs() -> None:
    shown = read_uzi_identity(shared("uzi-test-card/authenticity.cer")).to_dict()
    certificate = base64.b64decode(shown.pop("certificate"))
    assert x509.load_der_x509_certificate(certificate).serial_number == 0x102EEAE84E94DB65
    assert shown == {
        "uzi_number": "900016528", "pass_type": "Z", "ura": "90000382", "role": "01.000", "role_name": "Arts",
        "agb": None, "organisation": "Tést Zorginstelling 03", "given_names": "Jan", "surname": "test-90014548",
        "common_name": "Jan test-90014548", "title": "Arts", "oid_ca": "2.16.528.1.1007.99.217", "environment": "test",
        "usage": "authenticity", "not_before": "2017-07-13T11:39:08Z", "not_after": "2020-07-12T11:39:08Z",
        "issuer_cn": "TEST UZI-register Zorgverlener CA G3",
        "fhir_identifiers": [
            {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "90000382", "resource": "Organization"},
            {"system": "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers", "value": "900016528", "resource": "Practitioner"},
            {"system": "http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "value": "01.000", "resource": "PractitionerRole"},
        ],
    }  # fmt: skip


def test_fhir_identifiers_say_whose_they_are(pki: UZITestPKI) -> None:
    def kinds(der: bytes) -> dict[str, str]:
        found = read_uzi_identity(der).fhir_identifiers
        return {item.system.rpartition("/")[2]: item.resource for item in found}

    doctor = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015").certificates[Usage.AUTHENTICITY]
    assert kinds(doctor) == {
        "ura": "Organization",
        "uzi-nr-pers": "Practitioner",
        "uzi-rolcode": "PractitionerRole",
        "agb-z": "Practitioner",
    }
    desk = pki.pass_(FRONT_DESK, DE_LINDE, "M").certificates[Usage.AUTHENTICITY]
    assert kinds(desk).keys() <= {"ura", "agb-z"}
    assert kinds(pki.server("linde.example", DE_LINDE, "900000053").certificate)["uzi-nr-sys"] == "Device"


CHANGES: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("another number", lambda it: it.update(uzi_number="900000001"), "uzi_number"),
    ("another organisation", lambda it: it.update(ura="90000001"), "ura"),
    ("a role", lambda it: it.update(role="01.015"), "role"),
    ("a later end", lambda it: it.update(not_after="2099-01-01T00:00:00Z"), "not_after"),
    ("a number that is no text", lambda it: it.update(ura=90000382), "ura"),
    ("an identifier left out", lambda it: it["fhir_identifiers"].pop(), "fhir_identifiers"),
    ("a field left out", lambda it: it.pop("agb"), "agb"),
    ("a field more", lambda it: it.update(admin=True), "admin"),
    ("no certificate", lambda it: it.pop("certificate"), "identity"),
    ("base64 with a blank", lambda it: it.update(certificate=" " + it["certificate"]), "identity"),
]


@pytest.mark.parametrize(("change", "field"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_json_that_says_another_thing_than_its_certificate_is_refused(
    change: Callable[[dict[str, Any]], object], field: str
) -> None:
    shown = read_uzi_identity(shared("uzi-test-card/authenticity.cer")).to_dict()
    change(shown)
    with pytest.raises(MessageError) as refused:
        UZIIdentity.from_json(json.dumps(shown))
    assert refused.value.details["field"] == field


def test_the_wording_of_a_role_may_change_between_versions() -> None:
    identity = read_uzi_identity(shared("uzi-test-card/authenticity.cer"))
    assert UZIIdentity.from_json(json.dumps(identity.to_dict() | {"role_name": "Dokter"})) == identity


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "{}", '{"certificate":5}', '{"certificate":"é"}', "[" * 50_000, "x" * 100_001]
)
def test_other_json_is_no_identity(text: str) -> None:
    with pytest.raises(MessageError):
        UZIIdentity.from_json(text)


def test_json_with_somebody_elses_certificate_is_refused() -> None:
    other = base64.b64encode(make("somebody", ca=False, usages=("digital_signature",)).der).decode()
    shown = read_uzi_identity(shared("uzi-test-card/authenticity.cer")).to_dict()
    with pytest.raises(NotUZIError):
        UZIIdentity.from_json(json.dumps(shown | {"certificate": other}))


def test_an_identity_does_not_change(pki: UZITestPKI) -> None:
    identity = read_uzi_identity(pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015").certificates[Usage.AUTHENTICITY])
    with pytest.raises(AttributeError):
        identity.ura = "90000001"  # type: ignore[misc]
    assert identity.certificate.hex() not in repr(identity)
