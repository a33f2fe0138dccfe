"""The revocation index: it says what cryptography reads in the same CRL, and refuses what it cannot vouch for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from zorgid_card.codec.revoked import RevokedIndex, RevokedSerial
from zorgid_card.errors import CertificateMalformedError, StorageError

KEY = ec.derive_private_key(0x5EED, ec.SECP256R1())
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CODES = {
    x509.ReasonFlags.unspecified: 0, x509.ReasonFlags.key_compromise: 1, x509.ReasonFlags.ca_compromise: 2,
    x509.ReasonFlags.affiliation_changed: 3, x509.ReasonFlags.superseded: 4,
    x509.ReasonFlags.cessation_of_operation: 5, x509.ReasonFlags.certificate_hold: 6,
    x509.ReasonFlags.privilege_withdrawn: 9, x509.ReasonFlags.aa_compromise: 10,
}  # fmt: skip

serials = st.one_of(st.integers(1, 300), st.integers(1, 2**64 + 2), st.integers(1, 2**159 - 1))
dates = st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
entries_lists = st.lists(
    st.tuples(serials, dates, st.sampled_from([None, *CODES])), max_size=40, unique_by=lambda e: e[0]
)
Entry = tuple[int, datetime, x509.ReasonFlags | None]


def sign(entries: list[Entry]) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")])
    revoked = []
    for serial, since, reason in entries:
        builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since)
        if reason is not None:
            builder = builder.add_extension(x509.CRLReason(reason), critical=False)
        revoked.append(builder.build())
    made = x509.CertificateRevocationListBuilder(name, BEGIN, BEGIN + timedelta(days=1), (), revoked)
    return made.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def read_by_cryptography(der: bytes) -> dict[int, tuple[int, int]]:
    """The twin: serial to reason and date; what is not in a full list raises."""
    known = {}
    for entry in x509.load_der_x509_crl(der):
        code = 0
        for extension in entry.extensions:
            if isinstance(extension.value, x509.CRLReason):
                code = CODES[extension.value.reason]
        known[entry.serial_number] = code, int(entry.revocation_date_utc.timestamp())
    return known


@given(entries_lists)
def test_it_says_what_cryptography_reads(entries: list[Entry]) -> None:
    der = sign(entries)
    index, expected = RevokedIndex.build(der), read_by_cryptography(der)
    assert len(index) == len(expected)
    assert {entry.serial: (entry.reason, entry.since) for entry in index} == expected
    for serial, outcome in expected.items():
        assert index.find(serial) == outcome
        assert index.find(serial + 1) == expected.get(serial + 1)
        assert index.find(serial - 1) == expected.get(serial - 1)
        assert (serial in index, (serial ^ 1) in index) == (True, (serial ^ 1) in expected)


SAMPLE = sign([(5, BEGIN, None), (2**100, BEGIN, x509.ReasonFlags.certificate_hold)])


@settings(max_examples=500)
@given(st.data())
def test_of_a_damaged_crl_it_never_says_other_than_cryptography(data: st.DataObject) -> None:
    der = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    try:
        index = RevokedIndex.build(bytes(der))
    except CertificateMalformedError:
        return
    try:
        expected = read_by_cryptography(bytes(der))
    except (ValueError, KeyError, x509.InvalidVersion):
        return
    assert {entry.serial: (entry.reason, entry.since) for entry in index} == expected


@pytest.mark.parametrize("serial", [0, -1, -(2**80), 2**160, 2**500, 2**64 - 1, 2**159])
def test_a_serial_of_any_size_may_be_asked_for(serial: int) -> None:
    assert RevokedIndex.build(SAMPLE).find(serial) is None
    assert serial not in RevokedIndex.build(SAMPLE)


def test_what_is_no_number_is_a_type_error() -> None:
    index = RevokedIndex.build(SAMPLE)
    assert "5" not in index
    with pytest.raises(TypeError):
        index.find("5")  # type: ignore[arg-type]


def test_serials_that_share_a_bucket_are_told_apart() -> None:
    """More entries than a bucket would ever hold by chance, all next to each other."""
    many: list[Entry] = [(serial, BEGIN + timedelta(seconds=serial), None) for serial in range(1, 3001)]
    index = RevokedIndex.build(sign(many[::2]))
    assert [serial for serial, _, _ in many if serial in index] == [serial for serial, _, _ in many[::2]]
    assert index.find(1001) == (0, int(BEGIN.timestamp()) + 1001)


@pytest.mark.parametrize("data", [b"", b"0\x00", SAMPLE[:-1], SAMPLE + b"\x00", b"garbage"])
def test_what_is_no_crl_is_refused_with_the_reason(data: bytes) -> None:
    with pytest.raises(CertificateMalformedError) as refused:
        RevokedIndex.build(data)
    assert refused.value.reason


def test_a_saved_index_is_mapped_and_says_the_same(tmp_path: Path) -> None:
    index, path = RevokedIndex.build(SAMPLE), tmp_path / "ca.index"
    index.save(path)
    loaded = RevokedIndex.load(path)
    assert sorted(loaded) == sorted(index) == [
        RevokedSerial(5, 0, int(BEGIN.timestamp())),
        RevokedSerial(2**100, 6, int(BEGIN.timestamp())),
    ]  # fmt: skip
    assert loaded.find(2**100) == (6, int(BEGIN.timestamp()))
    assert [file.name for file in tmp_path.iterdir()] == ["ca.index"]


@given(st.data())
def test_a_file_that_was_tampered_with_is_refused_or_in_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("index") / "ca.index"
    RevokedIndex.build(SAMPLE).save(path)
    changed = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed[: data.draw(st.sampled_from([len(changed), len(changed) - 1, at]))])
    try:
        index = RevokedIndex.load(path)
    except StorageError:
        return
    assert 32 <= at < 96  # date, reason or serial of a record: nothing but a signature could tell
    assert all(index.find(entry.serial) == (entry.reason, entry.since) for entry in index)


def test_no_file_and_no_place_to_write_are_storage_errors(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        RevokedIndex.load(tmp_path / "none")
    with pytest.raises(StorageError):
        RevokedIndex.build(SAMPLE).save(tmp_path / "none" / "index")
    (tmp_path / "empty").touch()
    with pytest.raises(StorageError):
        RevokedIndex.load(tmp_path / "empty")
