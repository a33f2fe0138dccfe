"""The test PKI issues what the UZI register issues: the same octets but for keys, numbers and dates."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import crl, pem
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from zorgid_card.errors import NotFoundError, StorageError
from zorgid_card.pki.roles import PROFESSIONS, SPECIALISMS
from zorgid_card.testkit import uzi_tamper as tamper
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import PassContents, UZITestPKI
from zorgid_card.testkit.uzi_profile import (
    DE_LINDE,
    FATIMA_EL_AMRANI,
    FRONT_DESK,
    JAN_DE_VRIES,
    RENEE_DANIELS,
    Environment,
    PassType,
    Person,
    Subscriber,
    Usage,
)

SHARED = Path(os.environ.get("ZORGID_SHARED_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

real = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the real certificates are not at {SHARED} (set ZORGID_SHARED_DATA)"
)


@pytest.fixture(scope="module")
def pool() -> KeyPool:
    return KeyPool.shared()


@pytest.fixture(scope="module")
def pki(pool: KeyPool) -> UZITestPKI:
    return UZITestPKI(Environment.PRODUCTION, pool=pool, now=NOW)


@pytest.fixture(scope="module")
def test_pki(pool: KeyPool) -> UZITestPKI:
    return UZITestPKI(Environment.TEST, pool=pool, now=NOW)


@pytest.fixture(scope="module")
def jan(pki: UZITestPKI) -> PassContents:
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")


def load(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def san(der: bytes) -> list[tuple[str, bytes]]:
    names = load(der).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [(name.type_id.dotted_string, name.value) for name in names if isinstance(name, x509.OtherName)]


def masked(der: bytes, *, dates: bool = False) -> list[bytes]:
    """The signed part, field by field in DER, without what differs by right: keys, numbers, perhaps dates."""
    tbs = asn1.Certificate.load(der)["tbs_certificate"]
    same = ["version", "signature", "issuer", "subject", *([] if dates else ["validity"])]
    found = [tbs[name].dump() for name in same]
    found.append(tbs["subject_public_key_info"]["algorithm"].dump())
    for extension in tbs["extensions"]:
        raw = extension.dump()
        identifiers = {"key_identifier", "authority_key_identifier"}
        found.append(raw[:-20] if extension["extn_id"].native in identifiers else raw)
    return found


def read(path: Path) -> bytes:
    raw = path.read_bytes()
    return bytes(pem.unarmor(raw)[2]) if pem.detect(raw) else raw


# --- against the register's own certificates ------------------------------------------------------


@real
@pytest.mark.parametrize("usage", [Usage.AUTHENTICITY, Usage.SIGNATURE, Usage.CONFIDENTIALITY])
def test_leaf_is_octet_for_octet_the_registers(test_pki: UZITestPKI, usage: Usage) -> None:
    theirs = read(SHARED / "uzi-test-card" / f"{usage}.cer")
    certificate = load(theirs)
    ours = test_pki.pass_(
        Person("Jan", "test-90014548", "900016528"),
        Subscriber("Tést Zorginstelling 03", "90000382"),
        "Z",
        "01.000",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    ).certificates[usage]
    assert masked(ours) == masked(theirs)


@real
@pytest.mark.parametrize(
    ("environment", "letter", "level", "file"),
    [
        ("test", "Z", 0, "uzi-test-card/test-uzi-register-zorgverlener-ca-g3.cer"),
        ("test", "Z", 1, "uzi-test-card/test-zorg-csp-level-2-persoon-ca-g3.cer"),
        ("test", "Z", 2, "uzi-test-card/test-zorg-csp-root-ca-g3.cer"),
        ("test", "N", 0, "uzi-ca/test_uzi-register_medewerker_op_naam_ca_g3.cer"),
        ("production", "Z", 0, "uzi-ca/UZI-register_Zorgverlener_CA_G3.cer"),
        ("production", "Z", 1, "uzi-ca/DomOrganisatiePersoonCA-G3.cer"),
        ("production", "Z", 2, "uzi-ca/RootCA-G3.cer"),
        ("production", "N", 0, "uzi-ca/UZI-register_Medewerker_op_naam_CA_G3.cer"),
    ],
)
def test_ca_is_octet_for_octet_the_registers(
    pki: UZITestPKI, test_pki: UZITestPKI, environment: str, letter: str, level: int, file: str
) -> None:
    ours = (pki if environment == "production" else test_pki).chain(letter)[level]
    assert masked(ours, dates=True) == masked(read(SHARED / file), dates=True)


@real
def test_masking_hides_no_more_than_it_says(test_pki: UZITestPKI) -> None:
    """The comparison above can fail: one letter of difference shows."""
    theirs = read(SHARED / "uzi-test-card" / "authenticity.cer")
    assert masked(theirs) != masked(theirs.replace(b"Zorginstelling 03", b"Zorginstelling 04"))
    assert masked(theirs) != masked(theirs.replace(b"\x16\x3d2.16", b"\x0c\x3d2.16"))


# --- what the facts say -----------------------------------------------------------------------------


def test_production_san_has_64_characters_and_upn_comes_first(jan: PassContents) -> None:
    upn, uzi = san(jan.certificates[Usage.AUTHENTICITY])
    assert upn == ("1.3.6.1.4.1.311.20.2.3", b"\x0c\x12900000015@90000123")
    text = b"2.16.528.1.1003.1.3.5.5.2-1-900000015-Z-90000123-01.015-01012345"
    assert len(text) == 64
    assert uzi == ("2.5.5.5", b"\x16\x40" + text)


@pytest.mark.parametrize("usage", [Usage.SIGNATURE, Usage.CONFIDENTIALITY])
def test_only_authenticity_certificates_have_a_upn(jan: PassContents, usage: Usage) -> None:
    assert [oid for oid, _ in san(jan.certificates[usage])] == ["2.5.5.5"]


def test_subject_order_and_string_types(jan: PassContents) -> None:
    subject = asn1.Certificate.load(jan.certificates[Usage.AUTHENTICITY]).subject.chosen
    found = [(rdn[0]["type"].native, type(rdn[0]["value"].chosen).__name__) for rdn in subject]
    assert found == [
        ("country_name", "PrintableString"),
        ("organization_name", "UTF8String"),
        ("title", "UTF8String"),
        ("surname", "UTF8String"),
        ("given_name", "UTF8String"),
        ("serial_number", "PrintableString"),
        ("common_name", "UTF8String"),
    ]


def test_employee_pass_has_no_title_and_keeps_accents(pki: UZITestPKI) -> None:
    contents = pki.pass_(RENEE_DANIELS, DE_LINDE, "N")
    subject = load(contents.certificates[Usage.AUTHENTICITY]).subject
    assert not subject.get_attributes_for_oid(x509.NameOID.TITLE)
    assert subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value == "Renée Zoë Daniëls"
    assert b"-900000039-N-90000123-00.000-00000000" in san(contents.certificates[Usage.SIGNATURE])[0][1]


def test_pass_without_a_name_has_two_certificates_and_names_a_function(pki: UZITestPKI) -> None:
    contents = pki.pass_(FRONT_DESK, DE_LINDE, "M")
    assert set(contents.certificates) == {Usage.AUTHENTICITY, Usage.CONFIDENTIALITY} == set(contents.keys)
    subject = load(contents.certificates[Usage.AUTHENTICITY]).subject
    assert [a.oid._name for a in subject] == [
        "countryName",
        "organizationName",
        "organizationalUnitName",
        "serialNumber",
        "commonName",
    ]
    policies = [
        load(der).extensions.get_extension_for_class(x509.CertificatePolicies).value
        for der in contents.certificates.values()
    ]
    oids = [policy[0].policy_identifier.dotted_string for policy in policies]
    assert oids == ["2.16.528.1.1003.1.2.5.4", "2.16.528.1.1003.1.2.5.5"]


def test_server_certificate(pki: UZITestPKI) -> None:
    contents = pki.server("linde.example", DE_LINDE, "900000053")
    certificate = load(contents.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["linde.example"]
    assert b"-900000053-S-90000123-" in san(contents.certificate)[0][1]
    assert contents.key.public_key() == certificate.public_key()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [(Environment.PRODUCTION, {Usage.SIGNATURE}), (Environment.TEST, set())],
)
def test_qc_statements_on_production_signature_certificates_only(
    pki: UZITestPKI, test_pki: UZITestPKI, environment: Environment, expected: set[Usage]
) -> None:
    issuer = pki if environment is Environment.PRODUCTION else test_pki
    contents = issuer.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N")
    oid = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
    found = {u for u, der in contents.certificates.items() if oid in {e.oid for e in load(der).extensions}}
    assert found == expected


def test_every_role_can_be_issued_with_its_title(pki: UZITestPKI) -> None:
    roles = [*SPECIALISMS, *(f"{code}.000" for code in PROFESSIONS)]
    assert len(roles) > 60
    for role in roles[::10]:  # each costs three signatures
        contents = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", role)
        title = load(contents.certificates[Usage.AUTHENTICITY]).subject.get_attributes_for_oid(x509.NameOID.TITLE)
        assert title[0].value == (SPECIALISMS.get(role) or PROFESSIONS[role[:2]])


def test_validity_is_three_years_and_can_be_set(pki: UZITestPKI, jan: PassContents) -> None:
    certificate = load(jan.certificates[Usage.AUTHENTICITY])
    assert certificate.not_valid_before_utc == NOW
    assert certificate.not_valid_after_utc == NOW.replace(year=2029)
    expired = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", not_before=NOW - timedelta(days=1200))
    assert load(expired.certificates[Usage.SIGNATURE]).not_valid_after_utc < NOW
    soon = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", not_after=NOW + timedelta(days=3))
    assert load(soon.certificates[Usage.SIGNATURE]).not_valid_after_utc == NOW + timedelta(days=3)


def test_keys_belong_to_their_certificates(jan: PassContents) -> None:
    for usage, der in jan.certificates.items():
        signature = jan.keys[usage].sign(b"text", padding.PKCS1v15(), hashes.SHA256())
        public = load(der).public_key()
        public.verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr, call-arg]
    assert len({key.private_numbers().p for key in jan.keys.values()}) == 3


def test_the_same_ca_certified_again_keeps_key_and_identifier(pool: KeyPool) -> None:
    pki = UZITestPKI("production", pool=pool, now=NOW)
    first = pki.chain("Z")[0]
    second = pki.certify_again("Z")
    assert first != second
    assert load(first).public_key() == load(second).public_key()
    assert pki.chain("Z")[0] == second


# --- openssl agrees --------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr


def to_pem(path: Path, *ders: bytes, kind: str = "CERTIFICATE") -> str:
    path.write_bytes(b"".join(pem.armor(kind, der) for der in ders))
    return str(path)


def openssl_verify(pki: UZITestPKI, contents: PassContents, tmp_path: Path, *options: str) -> str:
    issuing, intermediate, root = contents.chain
    return run(
        "verify",
        "-attime",
        str(int(NOW.timestamp())),
        "-x509_strict",
        *options,
        "-CAfile",
        to_pem(tmp_path / "root.pem", root),
        "-untrusted",
        to_pem(tmp_path / "chain.pem", issuing, intermediate),
        "-CRLfile",
        to_pem(tmp_path / "crls.pem", *pki.crls(NOW).values(), kind="X509 CRL"),
        to_pem(tmp_path / "leaf.pem", contents.certificates[Usage.AUTHENTICITY]),
    )


@pytest.mark.parametrize("environment", list(Environment))
def test_openssl_follows_hold_release_and_revocation(pool: KeyPool, tmp_path: Path, environment: Environment) -> None:
    pki = UZITestPKI(environment, pool=pool, now=NOW)
    contents = pki.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N")
    assert openssl_verify(pki, contents, tmp_path, "-crl_check_all").endswith("leaf.pem: OK\n")
    pki.hold(contents)
    assert "certificate revoked" in openssl_verify(pki, contents, tmp_path, "-crl_check_all")
    pki.release(contents)
    assert openssl_verify(pki, contents, tmp_path, "-crl_check_all").endswith("leaf.pem: OK\n")
    pki.revoke(contents.certificates[Usage.AUTHENTICITY])
    pki.release(contents)
    assert "certificate revoked" in openssl_verify(pki, contents, tmp_path, "-crl_check_all")


def test_crl_says_reason_number_and_48_hours(pool: KeyPool) -> None:
    pki = UZITestPKI("production", pool=pool, now=NOW)
    contents = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")
    pki.hold(contents)
    first, second = (crl.CertificateList.load(pki.crl(contents.chain[0])) for _ in range(2))
    entries = first["tbs_cert_list"]["revoked_certificates"]
    assert {entry.crl_reason_value.native for entry in entries} == {"certificate_hold"}
    serials = {load(der).serial_number for der in contents.certificates.values()}
    assert {entry["user_certificate"].native for entry in entries} == serials
    assert (second.crl_number_value.native, first.crl_number_value.native) == (2, 1)
    tbs = first["tbs_cert_list"]
    assert tbs["next_update"].native - tbs["this_update"].native == timedelta(hours=48)


def test_crl_is_signed_by_the_issuing_ca(pki: UZITestPKI, jan: PassContents) -> None:
    issuing, intermediate, _ = jan.chain
    key = load(issuing).public_key()
    assert x509.load_der_x509_crl(pki.crl(issuing)).is_signature_valid(key)  # type: ignore[arg-type]
    assert not x509.load_der_x509_crl(pki.crl(intermediate)).is_signature_valid(key)  # type: ignore[arg-type]


def test_foreign_issuers_have_no_crl_here(pki: UZITestPKI, test_pki: UZITestPKI) -> None:
    foreign = test_pki.chain("N")[0]
    assert list(pki.crl_source(foreign)) == []
    with pytest.raises(NotFoundError):
        pki.crl(foreign)
    with pytest.raises(NotFoundError):
        pki.revoke(test_pki.pass_(FRONT_DESK, DE_LINDE, "M"))


def test_every_crl_is_where_the_certificates_say(pki: UZITestPKI, jan: PassContents) -> None:
    published = pki.crls()
    for der in (*jan.certificates.values(), *jan.chain[:-1]):
        points = load(der).extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        name = points[0].full_name
        assert name is not None
        issuer = x509.load_der_x509_crl(published[name[0].value]).issuer
        assert issuer == load(der).issuer


# --- malformed on purpose ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (tamper.san_fields(6), "2.16.528.1.1003.1.3.5.5.2-1-900000015-Z-90000123-01.015"),
        (tamper.san_fields(8), "2.16.528.1.1003.1.3.5.5.2-1-900000015-Z-90000123-01.015-01012345-0"),
        (tamper.san_field(3, "N"), "2.16.528.1.1003.1.3.5.5.2-1-900000015-N-90000123-01.015-01012345"),
        (
            tamper.san_field(2, "90000001X"),
            "2.16.528.1.1003.1.3.5.5.2-1-90000001X-Z-90000123-01.015-01012345",
        ),
    ],
)
def test_tampered_text(pki: UZITestPKI, change: tamper.Tamper, expected: str) -> None:
    contents = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", tamper=change)
    assert san(contents.certificates[Usage.AUTHENTICITY])[1][1][2:] == expected.encode()


def names_of(pki: UZITestPKI, change: tamper.Tamper) -> list[tuple[str, bytes]]:
    contents = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", tamper=change)
    return san(contents.certificates[Usage.AUTHENTICITY])


def test_tampered_names(pki: UZITestPKI) -> None:
    assert names_of(pki, tamper.utf8_san)[1][1][0] == 0x0C
    assert names_of(pki, tamper.raw_san(b"\x02\x01\x05"))[1][1] == b"\x02\x01\x05"
    assert [oid for oid, _ in names_of(pki, tamper.no_uzi_name)] == [tamper.UPN]
    assert [oid for oid, _ in names_of(pki, tamper.no_upn)] == [tamper.UZI_NAME]
    assert [oid for oid, _ in names_of(pki, tamper.upn_last)] == [tamper.UZI_NAME, tamper.UPN]
    twice = names_of(pki, tamper.uzi_name_twice)
    assert [oid for oid, _ in twice] == [tamper.UPN, tamper.UZI_NAME, tamper.UZI_NAME]
    assert twice[1][1] != twice[2][1]


def test_tampered_issuer_subject_usage(pki: UZITestPKI, tmp_path: Path) -> None:
    wrong = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", tamper=tamper.issued_by(PassType.EMPLOYEE))
    issuer = load(wrong.certificates[Usage.AUTHENTICITY]).issuer.rfc4514_string()
    assert "Medewerker op naam" in issuer
    change = tamper.only(Usage.SIGNATURE, tamper.subject("serial_number", "900000016"))
    partly = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", tamper=change)
    numbers = [
        load(der).subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)[0].value
        for der in partly.certificates.values()
    ]
    assert numbers == ["900000015", "900000016", "900000015"]
    bare = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", tamper=tamper.subject("title", None))
    assert "Huisarts" not in str(load(bare.certificates[Usage.AUTHENTICITY]).subject.rdns[2])
    all_uses = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", tamper=tamper.key_usages("key_agreement"))
    usage = load(all_uses.certificates[Usage.SIGNATURE]).extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.value.key_agreement
    assert not usage.value.content_commitment


# --- keeping ---------------------------------------------------------------------------------------


def test_saved_pki_goes_on_where_it_was(tmp_path: Path, pool: KeyPool) -> None:
    pki = UZITestPKI("test", pool=pool, now=NOW)
    contents = pki.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N")
    pki.hold(contents)
    before = pki.crl(contents.chain[0])
    pki.save(tmp_path / "pki")
    again = UZITestPKI.load(tmp_path / "pki", now=NOW)
    assert again.chain("N") == contents.chain
    assert again.chain("Z") == pki.chain("Z")[:0] + again.chain("Z")
    after = crl.CertificateList.load(again.crl(contents.chain[0]))
    old = crl.CertificateList.load(before)
    assert after.crl_number_value.native == old.crl_number_value.native + 1
    assert after["tbs_cert_list"]["revoked_certificates"].dump() == old["tbs_cert_list"]["revoked_certificates"].dump()
    assert again.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N").card_number != contents.card_number


def test_key_file_is_the_owners_alone(tmp_path: Path, pool: KeyPool) -> None:
    UZITestPKI("test", pool=pool).save(tmp_path)
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: (d / "pki.json").unlink(),
        lambda d: (d / "pki.json").write_text("{}"),
        lambda d: (d / "pki.json").write_text("[1]"),
        lambda d: (d / "keys.json").write_text("not JSON"),
    ],
)
def test_damaged_files_are_a_storage_error(tmp_path: Path, pool: KeyPool, damage: Callable[[Path], object]) -> None:
    UZITestPKI("test", pool=pool).save(tmp_path)
    damage(tmp_path)
    with pytest.raises(StorageError):
        UZITestPKI.load(tmp_path)


def test_contents_survive_a_record(jan: PassContents) -> None:
    again = PassContents.of_record(jan.record())
    assert again.certificates == jan.certificates
    assert again.holder == jan.holder
    assert again.keys[Usage.SIGNATURE].private_numbers() == jan.keys[Usage.SIGNATURE].private_numbers()
    with pytest.raises(StorageError):
        PassContents.of_record({**jan.record(), "pass_type": "Q"})


def test_no_key_in_a_repr(jan: PassContents, pki: UZITestPKI, pool: KeyPool) -> None:
    shown = repr(jan) + repr(pki) + repr(pool)
    assert "PrivateKey" not in shown
    assert "keys=" not in shown


def test_pool_gives_the_same_key_for_the_same_name(tmp_path: Path) -> None:
    pool = KeyPool(tmp_path / "keys.json")
    first = pool.key("a", 1024).private_numbers()
    assert pool.key("b", 1024).private_numbers() != first
    assert KeyPool(tmp_path / "keys.json").key("a", 1024).private_numbers() == first
