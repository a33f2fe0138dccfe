"""The embedded CA: what it issues, what it signs, what ``openssl`` says of both, and what happens when a file fails."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pki_world import NOW
from zorgid_card.errors import (
    CertificateMalformedError,
    CertificateUsageError,
    OnHoldError,
    PassphraseError,
    RevokedError,
    StorageError,
    UsageError,
)
from zorgid_card.pki import _keyfile, profile
from zorgid_card.pki.authority import Authority, new_serial
from zorgid_card.pki.identity import read_zorgid_identity
from zorgid_card.pki.revocation import CRL, CRLs, RevokedEntry
from zorgid_card.pki.signing import SoftwareSigner, dump_public_key
from zorgid_card.pki.trust import TrustStore
from zorgid_card.ports.authority import SubjectData
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool

JAN = SubjectData(uzi_number="900000015", given_names="Zoë Renée", surname="de Vries", common_name="Zoë Renée de Vries")
GUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff").bytes
PASSPHRASE = b"correct horse battery staple"


def passphrase() -> Secret:
    return Secret.of(PASSPHRASE)


@pytest.fixture(scope="module", autouse=True)
def _fewer_rounds() -> object:
    """The rounds of the key's protection cost half a second a file; one test below looks at the real number."""
    patch = pytest.MonkeyPatch()
    patch.setattr(_keyfile, "ROUNDS", 1000)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority") / "ca"


@pytest.fixture(scope="module")
def authority(directory: Path) -> Authority:
    return Authority.create(directory, passphrase(), now=NOW)


@pytest.fixture(scope="module")
def card() -> SoftwareSigner:
    return SoftwareSigner.generate("ES256")


def issue(
    authority: Authority,
    key: SoftwareSigner,
    kind: profile.CertificateProfile = profile.AUTHENTICITY,
    **changed: object,
) -> bytes:
    given: dict[str, object] = {"serial": new_serial(), "not_before": NOW, "guid": GUID} | changed
    return authority.issue(kind, JAN, key.public_key, **given)  # type: ignore[arg-type]


def openssl(*arguments: str, ok: bool = True) -> str:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode == 0) is ok, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


# --- what is issued --------------------------------------------------------------------------------------------------


def test_crd_7_a_certificate_holds_the_profile_field_for_field(authority: Authority, card: SoftwareSigner) -> None:
    serial = new_serial()
    certificate = x509.load_der_x509_certificate(issue(authority, card, serial=serial))
    assert certificate.subject.rfc4514_string(
        {NameOID.SURNAME: "SN", NameOID.GIVEN_NAME: "GN", NameOID.SERIAL_NUMBER: "serialNumber"}
    ) == ("CN=Zoë Renée de Vries,serialNumber=900000015,GN=Zoë Renée,SN=de Vries,C=NL")
    printable, utf8 = "PrintableString", "UTF8String"
    assert [a._type.name for a in certificate.subject] == [printable, utf8, utf8, printable, utf8]
    assert certificate.serial_number == serial
    assert certificate.not_valid_before_utc == NOW
    assert certificate.not_valid_after_utc == NOW + timedelta(days=3 * 365)
    found = {item.oid._name: (item.critical, item.value) for item in certificate.extensions}
    assert {name for name, (critical, _) in found.items() if critical} == {"basicConstraints", "keyUsage"}
    assert set(found) == {
        "basicConstraints", "keyUsage", "subjectAltName", "cRLDistributionPoints", "authorityInfoAccess",
        "subjectKeyIdentifier", "authorityKeyIdentifier", "certificatePolicies", "extendedKeyUsage",
    }  # fmt: skip
    assert list(found["extendedKeyUsage"][1]) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    san = found["subjectAltName"][1]
    assert [type(name) for name in san] == [x509.OtherName, x509.UniformResourceIdentifier]
    assert san[1].value == "urn:uuid:00112233-4455-6677-8899-aabbccddeeff"
    ca = x509.load_der_x509_certificate(authority.certificate)
    digest = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert found["authorityKeyIdentifier"][1].key_identifier == digest
    identity = read_zorgid_identity(certificate.public_bytes(Encoding.DER))
    assert (identity.uzi_number, identity.guid, identity.usage) == (JAN.uzi_number, GUID, "authenticity")
    assert identity.serial == f"{serial:x}"


@pytest.mark.parametrize(
    "kind", [profile.AUTHENTICITY, profile.SIGNATURE, profile.CONFIDENTIALITY], ids=lambda p: p.name
)
@pytest.mark.parametrize("algorithm", ["RSA", "EC"])
def test_each_profile_verifies_for_its_own_usage_only(
    authority: Authority, card: SoftwareSigner, kind: profile.CertificateProfile, algorithm: str
) -> None:
    key = card if algorithm == "EC" else SoftwareSigner(KeyPool.shared().key("authority/card"))
    der = issue(authority, key, kind)
    trust = TrustStore([authority.root], [authority.certificate], policies=profile.POLICIES)
    for usage in profile.POLICIES:
        if usage == kind.name:
            chain = trust.verify(der, at=NOW, usage=usage)
            assert [link.der for link in chain] == [der, *authority.chain]
        else:
            with pytest.raises(CertificateUsageError):
                trust.verify(der, at=NOW, usage=usage)


def test_the_profile_is_configurable(authority: Authority, card: SoftwareSigner) -> None:
    own = replace(
        profile.AUTHENTICITY, policy="1.2.3.4", crl_url=None, issuer_url=None, ocsp_url="http://ocsp.example",
        extended_key_usage=(*profile.AUTHENTICITY.extended_key_usage, profile.SMARTCARD_LOGON), identity_oid="1.2.3.5",
    )  # fmt: skip
    der = issue(authority, card, own)
    certificate = x509.load_der_x509_certificate(der)
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [item.access_location.value for item in access] == ["http://ocsp.example"]
    assert read_zorgid_identity(der, identity_oid="1.2.3.5", profiles=[own]).usage == "authenticity"


def test_the_validity_never_passes_the_cas(authority: Authority, card: SoftwareSigner) -> None:
    limit = x509.load_der_x509_certificate(authority.certificate).not_valid_after_utc
    late = limit - timedelta(days=10)
    for end in (None, limit + timedelta(days=1)):
        certificate = x509.load_der_x509_certificate(issue(authority, card, not_before=late, not_after=end))
        assert certificate.not_valid_after_utc == limit
    early = x509.load_der_x509_certificate(issue(authority, card, not_before=NOW - timedelta(minutes=1)))
    assert early.not_valid_before_utc == NOW
    for start, end in ((limit, None), (NOW, NOW), (NOW - timedelta(days=2), NOW - timedelta(days=1))):
        with pytest.raises(UsageError):
            issue(authority, card, not_before=start, not_after=end)


@pytest.mark.parametrize("serial", [0, -1, 1, 1 << 159, (1 << 64) - 1])
def test_serial_numbers_that_are_refused(authority: Authority, card: SoftwareSigner, serial: int) -> None:
    with pytest.raises(UsageError):
        issue(authority, card, serial=serial)


def test_serial_numbers_are_random_positive_and_fit() -> None:
    drawn = {new_serial() for _ in range(200)}
    assert len(drawn) == 200
    assert all(64 < serial.bit_length() <= 159 for serial in drawn)
    assert max(drawn).bit_length() > 150


def test_keys_that_are_refused(authority: Authority) -> None:
    keys = [ec.generate_private_key(ec.SECP192R1()).public_key(), ec.generate_private_key(ec.SECP256K1()).public_key()]
    for spki in (*(dump_public_key(key) for key in keys), b"", b"\x30\x00"):
        with pytest.raises(CertificateMalformedError):
            authority.issue(profile.AUTHENTICITY, JAN, spki, serial=new_serial(), not_before=NOW, guid=GUID)
    with pytest.raises(UsageError):
        authority.issue(
            profile.AUTHENTICITY,
            JAN,
            SoftwareSigner.generate().public_key,
            serial=new_serial(),
            not_before=NOW,
            guid=b"",
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uzi_number", "90000001"),
        ("uzi_number", "90000001٣"),
        ("surname", ""),
        ("surname", "x" * 65),
        ("common_name", " x"),
        ("given_names", "a\nb"),
    ],
)
def test_subject_data_that_are_refused(field: str, value: str) -> None:
    with pytest.raises(CertificateMalformedError) as refused:
        replace(JAN, **{field: value})
    assert refused.value.field == field


# --- revocation, with openssl as the judge ---------------------------------------------------------------------------


def crl(authority: Authority, *entries: RevokedEntry, number: int = 1, root: bool = False) -> bytes:
    now = datetime.now(UTC)
    return authority.sign_crl(entries, number, now, now + timedelta(hours=48), root=root)


def test_adm_2_to_4_openssl_agrees_at_each_state(tmp_path: Path) -> None:
    """Good, on hold, good again, revoked: what this library says and what ``openssl verify -crl_check`` says."""
    now = datetime.now(UTC)
    authority = Authority.create(tmp_path / "ca", passphrase(), now=now - timedelta(days=1))
    serial = new_serial()
    leaf = authority.issue(
        profile.AUTHENTICITY,
        JAN,
        SoftwareSigner.generate().public_key,
        serial=serial,
        not_before=now - timedelta(hours=1),
        guid=GUID,
    )
    for name, der in (("leaf", leaf), ("ca", authority.certificate), ("root", authority.root)):
        pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
        (tmp_path / f"{name}.pem").write_bytes(pem)
    chain = TrustStore([authority.root], [authority.certificate]).verify(leaf, at=now, usage="authenticity")
    hold = RevokedEntry(serial, now, "certificateHold")
    gone = RevokedEntry(serial, now, "keyCompromise")
    steps = [((), None), ((hold,), OnHoldError), ((), None), ((gone,), RevokedError)]
    for number, (entries, error) in enumerate(steps, start=1):
        lists = {
            authority.certificate: crl(authority, *entries, number=number),
            authority.root: crl(authority, root=True),
        }
        judged = _openssl_judges(tmp_path, lists[authority.certificate], lists[authority.root], good=error is None)
        assert ("certificate revoked" in judged) is (error is not None)
        kept = {issuer: [der] for issuer, der in lists.items()}
        if error is None:
            CRLs(kept.__getitem__).check(chain, now)
            continue
        with pytest.raises(error) as refused:
            CRLs(kept.__getitem__).check(chain, now)
        assert type(refused.value) is error
        assert refused.value.serial == f"{serial:x}"


def _openssl_judges(tmp_path: Path, issuing: bytes, root: bytes, *, good: bool) -> str:
    for name, der in (("crl", issuing), ("rootcrl", root)):
        (tmp_path / f"{name}.pem").write_bytes(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM))
    shown = openssl("crl", "-in", str(tmp_path / "crl.pem"), "-CAfile", str(tmp_path / "ca.pem"), "-noout", "-text")
    assert "verify OK" in shown
    assert "X509v3 CRL Number" in shown
    assert "X509v3 Authority Key Identifier" in shown
    (tmp_path / "crls.pem").write_bytes((tmp_path / "crl.pem").read_bytes() + (tmp_path / "rootcrl.pem").read_bytes())
    return openssl(
        "verify", "-x509_strict", "-crl_check_all", "-CRLfile", str(tmp_path / "crls.pem"), "-CAfile", str(tmp_path / "root.pem"),
        "-untrusted", str(tmp_path / "ca.pem"), "-purpose", "sslclient", str(tmp_path / "leaf.pem"), ok=good,
    )  # fmt: skip


def test_reasons_are_kept_and_unspecified_is_left_out(authority: Authority) -> None:
    entries = [
        RevokedEntry(new_serial(), NOW, reason)
        for reason in ("unspecified", "keyCompromise", "certificateHold", "superseded")
    ]
    der = crl(authority, *entries, number=7)
    parsed = CRL.parse(der)
    assert parsed.number == 7
    assert parsed.entries == {entry.serial: entry for entry in entries}
    first = x509.load_der_x509_crl(der).get_revoked_certificate_by_serial_number(entries[0].serial)
    assert first is not None
    assert not list(first.extensions)


@pytest.mark.parametrize("reason", ["removeFromCRL", "because", "AACompromise "])
def test_reasons_that_are_refused(authority: Authority, reason: str) -> None:
    with pytest.raises(UsageError):
        crl(authority, RevokedEntry(new_serial(), NOW, reason))


def test_crls_that_are_refused(authority: Authority) -> None:
    twice = RevokedEntry(new_serial(), NOW)
    with pytest.raises(UsageError):
        crl(authority, twice, twice)
    with pytest.raises(UsageError):
        authority.sign_crl([], 1, NOW, NOW)
    with pytest.raises(UsageError):
        authority.sign_crl([], -1, NOW, NOW + timedelta(hours=1))


def test_a_crl_of_many_entries_is_made_in_linear_time(authority: Authority) -> None:
    entries = [RevokedEntry(serial, NOW, "superseded") for serial in range(1 << 100, (1 << 100) + 20_000)]
    assert len(CRL.parse(crl(authority, *entries)).entries) == 20_000


# --- the directory ---------------------------------------------------------------------------------------------------


def test_the_files_are_the_owners_and_the_keys_are_encrypted(authority: Authority, directory: Path) -> None:
    assert sorted(os.listdir(directory)) == ["issuing.cert.pem", "issuing.key.pem", "root.cert.pem", "root.key.pem"]
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in ("root", "issuing"):
        key = (directory / f"{name}.key.pem").read_bytes()
        assert key.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        file = str(directory / f"{name}.key.pem")
        assert "PRIVATE" in openssl("pkey", "-in", file, "-passin", f"pass:{PASSPHRASE.decode()}")
        openssl("pkey", "-in", file, "-passin", "pass:wrong", ok=False)


def test_the_keys_protection_has_many_rounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_keyfile, "ROUNDS", 600_000)
        (tmp_path / "key.pem").write_bytes(_keyfile.encrypt_key(key, passphrase()))
    assert f"{600_000:06X}" in openssl("asn1parse", "-in", str(tmp_path / "key.pem"))


def test_it_opens_again_and_signs_as_before(authority: Authority, directory: Path, card: SoftwareSigner) -> None:
    again = Authority.open(directory, passphrase())
    assert again.chain == authority.chain
    leaf = issue(again, card)
    assert TrustStore([authority.root], [authority.certificate]).verify(leaf, at=NOW, usage="authenticity")
    assert "key" not in repr(again)


@pytest.mark.parametrize("wrong", [b"wrong", b"", PASSPHRASE + b"x", PASSPHRASE[:-1]])
def test_a_wrong_passphrase_opens_nothing(authority: Authority, directory: Path, wrong: bytes) -> None:
    with pytest.raises(PassphraseError) as refused:
        Authority.open(directory, Secret.of(wrong))
    assert PASSPHRASE.decode() not in str(refused.value)


def test_an_empty_passphrase_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(PassphraseError):
        Authority.create(tmp_path / "ca", Secret.of(b""), now=NOW)
    assert not list(tmp_path.iterdir())


def test_an_existing_ca_is_not_overwritten(authority: Authority, directory: Path) -> None:
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(StorageError):
        Authority.create(directory, passphrase(), now=NOW)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        Authority.create(tmp_path / "missing" / "ca", passphrase(), now=NOW)
    with pytest.raises(StorageError):
        Authority.open(tmp_path / "missing", passphrase())


@pytest.mark.parametrize("after", [0, 1, 2, 3])
@pytest.mark.parametrize("existing", [True, False])
def test_a_full_disk_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, after: int, existing: bool
) -> None:
    directory = tmp_path / "ca"
    if existing:
        directory.mkdir()
    calls = 0

    def full(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError) as refused:
        Authority.create(directory, passphrase(), now=NOW)
    assert refused.value.reason == os.strerror(errno.ENOSPC)
    assert directory.exists() is existing
    assert not existing or not list(directory.iterdir())


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("root.key.pem", b""),
        ("issuing.key.pem", b"-----BEGIN PRIVATE KEY-----\n"),
        ("issuing.cert.pem", b"garbage"),
        ("root.cert.pem", bytes(100_000)),
    ],
)
def test_damaged_files_are_told(
    authority: Authority, directory: Path, tmp_path: Path, file: str, content: bytes
) -> None:
    damaged = Path(shutil.copytree(directory, tmp_path / "ca"))
    (damaged / file).write_bytes(content)
    with pytest.raises(StorageError):
        Authority.open(damaged, passphrase())


def test_key_and_certificate_of_different_cas_are_told(authority: Authority, directory: Path, tmp_path: Path) -> None:
    mixed = Path(shutil.copytree(directory, tmp_path / "ca"))
    shutil.copy(directory / "root.cert.pem", mixed / "issuing.cert.pem")
    with pytest.raises(StorageError) as refused:
        Authority.open(mixed, passphrase())
    assert refused.value.reason == "mismatch"
