"""Hierarchies as data, the store that pins their roots, what it keeps, and the verifier's order."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hostile_world as hostile
from der_certificates import AKI, NC, SAN, oid, pem, policies, seq, tlv
from hostile_world import NOW, World
from pki_world import SHARED, shared, test_chain
from zorgid_card.errors import (
    CertificateExpiredError,
    CertificateMalformedError,
    CertificateNotYetValidError,
    CertificateUsageError,
    HierarchyError,
    NotUZIError,
    PassTypeError,
    RevokedError,
    StorageError,
    UntrustedError,
    UZIFieldError,
    ZorgIDError,
)
from zorgid_card.pki import trust as trust_module
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.hierarchy import KNOWN, PRODUCTION, TEST, UZI_G3, UZI_TEST_G3, Hierarchy
from zorgid_card.pki.trust import MAX_FILES, TrustStore, read_certificates
from zorgid_card.pki.verifier import CertificateVerifier

AT_2019 = datetime(2019, 2, 1, tzinfo=UTC)
USAGES = ("authenticity", "signature", "confidentiality")
FILES = resources.files("zorgid_card.pki") / "hierarchies"
TOML = (FILES / "uzi-g3.toml").read_text()


@pytest.fixture(scope="module")
def world() -> World:
    return World()


class Good:
    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        pass


def verified(store: TrustStore, world: World, leaf: bytes | None = None, *, at: datetime = NOW) -> tuple[str, ...]:
    chain = store.verify(leaf or world.leaf.der(), intermediates=[world.z, world.level_2], at=at, usage="authenticity")
    return tuple(link.common_name for link in chain)


def root_only(world: World, **options: object) -> TrustStore:
    return TrustStore.of([UZI_TEST_G3.with_root(world.root)], [world.root], **options)  # type: ignore[arg-type]


# --- the real data ---------------------------------------------------------------------------------------------------


def card_of_2017(usage: str) -> bytes:
    return shared(f"uzi-test-card/{usage}.cer")


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize("asked", USAGES)
def test_aut_2_each_certificate_of_the_real_test_card_serves_its_own_purpose_only(usage: str, asked: str) -> None:
    verifier = CertificateVerifier(TrustStore.test(test_chain()), Good())
    if usage == asked:
        identity = verifier.verify(card_of_2017(usage), usage=asked, at=AT_2019)
        assert (identity.uzi_number, identity.usage, identity.environment) == ("900016528", usage, "test")
        return
    with pytest.raises(CertificateUsageError):
        verifier.verify(card_of_2017(usage), usage=asked, at=AT_2019)


@pytest.mark.parametrize("signatures", ["cached", "uncached"])
def test_crd_1_the_real_test_card_is_valid_from_its_first_day_to_its_last(signatures: str) -> None:
    store = TrustStore.test(test_chain(), ca_signatures=signatures)  # type: ignore[arg-type]
    verifier, leaf = CertificateVerifier(store, Good()), card_of_2017("authenticity")
    first, last = datetime(2017, 7, 13, 11, 39, 8, tzinfo=UTC), datetime(2020, 7, 12, 11, 39, 8, tzinfo=UTC)
    for _ in range(2):  # the path is kept after the first time
        assert verifier.verify(leaf, at=first).not_after == last
        assert verifier.verify(leaf, at=last)
        with pytest.raises(CertificateNotYetValidError) as early:
            verifier.verify(leaf, at=datetime(2017, 7, 13, tzinfo=UTC))
        with pytest.raises(CertificateExpiredError) as late:
            verifier.verify(leaf, at=last + timedelta(seconds=1))
        assert (early.value.not_before, late.value.not_after) == ("2017-07-13T11:39:08Z", "2020-07-12T11:39:08Z")
        assert early.value.subject == late.value.subject == "Jan test-90014548"


def test_a_card_brings_its_whole_chain_root_included() -> None:
    chain = TrustStore.test().verify(
        card_of_2017("signature"), intermediates=test_chain(), at=AT_2019, usage="signature"
    )
    assert chain[-1].fingerprint in UZI_TEST_G3.roots
    with pytest.raises(UntrustedError):
        TrustStore.production().verify(
            card_of_2017("signature"), intermediates=test_chain(), at=AT_2019, usage="signature"
        )


def test_the_real_production_cas_of_the_folder_are_twins_of_one_key() -> None:
    shared("uzi-ca/RootCA-G3.cer")
    certificates = [Certificate.parse(der) for der in read_certificates(SHARED / "uzi-ca")]
    store = TrustStore.production(one.der for one in certificates)
    assert [Certificate.parse(root).fingerprint for root in store.anchors] == sorted(UZI_G3.roots)
    issuing = [one for one in certificates if one.common_name.startswith("UZI-register")]
    assert len(issuing) == 4
    assert len({one.spki for one in issuing}) == len({one.subject for one in issuing}) == 2
    assert all(set(one.policies) == set(UZI_G3.passes[0].policies) for one in issuing)


# --- paths that are kept ---------------------------------------------------------------------------------------------


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """One entry for each path that was looked for."""
    done: list[object] = []

    def counted(*arguments: object) -> object:
        done.append(arguments)
        return real(*arguments)  # type: ignore[arg-type]

    real = trust_module.build_path
    monkeypatch.setattr(trust_module, "build_path", counted)
    return done


def test_a_path_is_looked_for_once(world: World, searches: list[object]) -> None:
    store = root_only(world)
    for serial in range(1, 5):
        verified(store, world, replace(world.leaf, serial=tlv(2, bytes((serial,)))).der())
    assert len(searches) == 1


def test_a_kept_path_serves_no_leaf_whose_cas_are_not_at_hand(world: World) -> None:
    store = root_only(world)
    verified(store, world)
    with pytest.raises(UntrustedError) as refused:
        store.verify(world.leaf.der(), at=NOW, usage="authenticity")
    assert refused.value.reason == "no issuing CA"
    with pytest.raises(UntrustedError):
        store.verify(world.leaf.der(), intermediates=[world.z], at=NOW, usage="authenticity")


def test_a_bad_signature_costs_no_search_where_the_issuer_is_known(world: World, searches: list[object]) -> None:
    store = root_only(world)
    verified(store, world)
    for _ in range(3):
        with pytest.raises(UntrustedError) as refused:
            verified(store, world, replace(world.leaf, key=world.key("leaf")).der())
        assert refused.value.reason == "signature"
    assert len(searches) == 1


def test_bogus_cas_fill_nothing(world: World) -> None:
    store = root_only(world)
    verified(store, world)
    for number in range(1, 40):
        false = replace(world.z_plan, key=world.key("leaf"), serial=tlv(2, bytes((number,))))
        chain = store.verify(
            world.leaf.der(), intermediates=[false.der(), world.z, world.level_2], at=NOW, usage="authenticity"
        )
        assert chain[1].der == world.z
    assert len(store._paths) == 1


def test_paths_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_module, "MAX_PATHS", 2)
    store = root_only(world)
    for number in range(1, 6):
        twin = replace(world.z_plan, serial=tlv(2, bytes((number,)))).der()
        store.verify(world.leaf.der(), intermediates=[twin, world.level_2], at=NOW, usage="authenticity")
        assert len(store._paths) <= 2


def test_both_certificates_of_a_ca_will_do_and_the_one_that_is_valid_is_taken(world: World) -> None:
    old = replace(world.z_plan, end=datetime(2026, 1, 1, tzinfo=UTC), serial=b"\x02\x01\x05").der()
    store = TrustStore.of([UZI_TEST_G3.with_root(world.root)], [world.root, world.level_2, old, world.z])
    leaf = world.leaf.der()
    for at, issuer in ((datetime(2025, 6, 1, tzinfo=UTC), None), (NOW, world.z), (NOW, world.z)):
        chain = store.verify(leaf, at=at, usage="authenticity")
        assert issuer is None or chain[1].der == issuer
    with pytest.raises(CertificateExpiredError) as refused:
        TrustStore.of([UZI_TEST_G3.with_root(world.root)], [world.root, world.level_2, old]).verify(
            leaf, at=NOW, usage="authenticity"
        )
    assert refused.value.subject == "TEST UZI-register Zorgverlener CA G3"


def test_a_path_that_was_kept_expires_with_its_cas(world: World) -> None:
    leaf = replace(world.leaf, end=datetime(2035, 1, 1, tzinfo=UTC)).der()
    store = root_only(world)
    verified(store, world, leaf)
    with pytest.raises(CertificateExpiredError) as refused:
        verified(store, world, leaf, at=datetime(2031, 1, 1, tzinfo=UTC))
    assert refused.value.subject == "TEST UZI-register Zorgverlener CA G3"


def test_uncached_verifies_the_signatures_of_cas_each_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    real = Certificate.require_signed_by

    def count(certificate: Certificate, issuer: Certificate) -> None:
        counted.append(certificate.common_name)
        real(certificate, issuer)

    monkeypatch.setattr(Certificate, "require_signed_by", count)
    for mode, expected in (("cached", 1), ("uncached", 3)):
        store = root_only(world, ca_signatures=mode)
        verified(store, world)
        counted.clear()
        verified(store, world)
        assert len(counted) == expected, mode


def test_a_policy_that_the_ca_does_not_assert_is_refused_though_the_register_knows_it(world: World) -> None:
    """RFC 5280, 6.1.3 d: the sets of a path are intersected; that of a CA for M does not cover Z's policy."""
    narrow = world.z_plan.with_(policies("2.16.528.1.1007.99.214")).der()
    store = TrustStore.of([UZI_TEST_G3.with_root(world.root)], [world.root, world.level_2, narrow])
    for _ in range(2):
        with pytest.raises(UntrustedError) as refused:
            store.verify(world.leaf.der(), at=NOW, usage="authenticity")
        assert refused.value.reason == "policy"


def test_under_name_constraints_each_leaf_is_judged_by_the_whole_verifier(world: World, searches: list[object]) -> None:
    limit = seq(tlv(0xA0, seq(tlv(0x82, b"ziekenhuis.example"))))
    limited = world.z_plan.and_((NC, True, limit)).der()
    store = TrustStore.of([UZI_TEST_G3.with_root(world.root)], [world.root, world.level_2, limited])
    inside, outside = (
        world.leaf.with_(hostile.san(hostile.upn(), hostile.uzi_name(hostile.uzi_text()), tlv(0x82, host))).der()
        for host in (b"www.ziekenhuis.example", b"www.elders.example")
    )
    for number in range(1, 4):
        assert store.verify(inside, at=NOW, usage="authenticity")
        assert len(searches) == 1 + number
    with pytest.raises(UntrustedError) as refused:
        store.verify(outside, at=NOW, usage="authenticity")
    assert refused.value.reason == "name constraints"


def test_an_address_in_the_subject_does_not_get_past_name_constraints(world: World) -> None:
    """RFC 5280, 4.2.1.10: without subjectAltName they hold for emailAddress in the subject."""
    limited = world.z_plan.and_((NC, True, seq(tlv(0xA0, seq(tlv(0x81, b"ziekenhuis.example")))))).der()
    store = TrustStore.of([UZI_TEST_G3.with_root(world.root)], [world.root, world.level_2, limited])
    elsewhere = seq(tlv(0x31, seq(oid("1.2.840.113549.1.9.1"), tlv(0x16, b"jan@elders.example"))))
    bare = replace(world.leaf.without(SAN), subject=elsewhere)
    with pytest.raises(UntrustedError) as refused:
        store.verify(bare.der(), at=NOW, usage="authenticity")
    assert refused.value.reason == "name constraints"
    assert store.verify(world.leaf.without(SAN).der(), at=NOW, usage="authenticity")


def test_threads_share_a_store(world: World) -> None:
    store, failures = root_only(world), []
    forged = replace(world.leaf, key=world.key("leaf")).der()

    def work() -> None:
        try:
            for _ in range(50):
                assert len(verified(store, world)) == 4
                with pytest.raises(UntrustedError):
                    verified(store, world, forged)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_successor_of_another_key_and_name_is_one_more_file(world: World, tmp_path: Path) -> None:
    """Generations side by side: passes of the old one and of the new one verify with one store."""
    text = (FILES / "uzi-test-g3.toml").read_text().replace("TEST UZI-register G3", "TEST UZI-register G4")
    text = text.replace("Zorgverlener CA G3", "Zorgverlener CA G4").replace(*_pin(world.root))
    (tmp_path / "uzi-g4.toml").write_text(text)
    fourth = Hierarchy.load(tmp_path / "uzi-g4.toml")
    name = hostile.ca_name("TEST UZI-register Zorgverlener CA G4")
    issuing = replace(world.z_plan, subject=name).der()
    store = TrustStore.test([world.root, world.level_2, issuing, *test_chain()], more=[fourth])
    verifier = CertificateVerifier(store, Good())
    assert verifier.verify(replace(world.leaf, issuer=name).der(), at=NOW).issuer_cn.endswith("G4")
    assert verifier.verify(card_of_2017("authenticity"), at=AT_2019).issuer_cn.endswith("G3")


def _pin(root: bytes) -> tuple[str, str]:
    return next(iter(UZI_TEST_G3.roots)), Certificate.parse(root).fingerprint


# --- hierarchies as data ---------------------------------------------------------------------------------------------


def test_the_packaged_hierarchies_are_those_of_the_register() -> None:
    assert (PRODUCTION, TEST) == ((UZI_G3,), (UZI_TEST_G3,))
    assert {profile.pass_type for one in KNOWN for profile in one.passes} == set("ZNMS")
    assert {p.pass_type for p in UZI_G3.passes if p.assumed} == set()
    assert {p.pass_type for p in UZI_TEST_G3.passes if p.assumed} == {"M", "S"}
    roots = {root for one in KNOWN for root in one.roots}
    assert roots == {
        "3C4FB0B95AB8B30032F432B86F535FE172C185D0FD39865837CF36187FA6F428",
        "66311CB10C39060B92B699B38887FD2BEF18BA9FDAF99336196DA0C38D90E79F",
    }


WRONG: list[tuple[str, str, str]] = [
    ('environment = "production"', 'environment = "staging"', "environment"),
    ('name = "UZI-register G3"\n', "", "name"),
    ('name = "UZI-register G3"', "name = 3", "name"),
    ("3C4F", "3C4", "root 1: sha256"),
    ('type = "M"', 'type = "X"', "pass 3: type"),
    ('issuers = ["UZI-register Zorgverlener CA G3"]', "issuers = []", "pass 1: issuers"),
    ('issuers = ["UZI-register Zorgverlener CA G3"]', 'issuers = [""]', "pass 1: issuers"),
    ('oid_ca = "2.16.528.1.1003.1.3.5.5.2"', 'oid_ca = "9.1"', "pass 1: oid_ca"),
    ('server = "2.16.528.1.1003.1.2.8.6"', 'mail = "2.16.528.1.1003.1.2.8.6"', "pass 4: policies.mail"),
    ('server = "2.16.528.1.1003.1.2.8.6"', "", "pass 4: policies"),
    ("[[root]]", "[[roots]]", "roots"),
    ("[[pass]]", "[[pass", "file"),
]


@pytest.mark.parametrize(("old", "new", "field"), WRONG, ids=[f"{row[2]} {row[1][:20]}" for row in WRONG])
def test_a_hierarchy_file_with_one_fault_is_refused_with_its_place(
    old: str, new: str, field: str, tmp_path: Path
) -> None:
    assert old in TOML
    (tmp_path / "own.toml").write_text(TOML.replace(old, new, 1))
    with pytest.raises(HierarchyError) as refused:
        Hierarchy.load(tmp_path / "own.toml")
    assert refused.value.field == field


def test_a_hierarchy_file_that_cannot_be_read_or_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        Hierarchy.load(tmp_path / "none.toml")
    (tmp_path / "long.toml").write_text("#" * 70_000)
    with pytest.raises(HierarchyError):
        Hierarchy.load(tmp_path / "long.toml")


FILE_CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(str.encode),
    st.integers(0, len(TOML)).map(lambda n: TOML[:n].encode()),
)


@given(FILE_CONTENTS)
def test_whatever_the_file_says_only_typed_errors_come_out(data: bytes) -> None:
    try:
        found = Hierarchy.parse(data)
    except HierarchyError:
        return
    assert found.roots
    assert found.passes


# --- certificates from files -----------------------------------------------------------------------------------------


def test_certificates_come_from_files_and_folders_der_or_pem(world: World, tmp_path: Path) -> None:
    (tmp_path / "a.cer").write_bytes(world.root)
    (tmp_path / "b.pem").write_text(pem([world.level_2, world.z]))
    (tmp_path / "notes.txt").write_text("no certificate")
    assert read_certificates(tmp_path) == [world.root, world.level_2, world.z]
    assert read_certificates(tmp_path / "b.pem", tmp_path / "a.cer") == [world.level_2, world.z, world.root]
    with pytest.raises(StorageError):
        read_certificates(tmp_path / "none.cer")
    (tmp_path / "c.pem").write_text("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
    with pytest.raises(CertificateMalformedError):
        read_certificates(tmp_path)
    (tmp_path / "c.pem").write_bytes(b"hello")
    with pytest.raises(CertificateMalformedError) as named:
        read_certificates(tmp_path)
    assert named.value.path == str(tmp_path / "c.pem")
    for number in range(MAX_FILES):
        (tmp_path / f"{number}.der").write_bytes(world.root)
    with pytest.raises(StorageError):
        read_certificates(tmp_path)


# --- the verifier's order --------------------------------------------------------------------------------------------


class Revoked:
    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        raise RevokedError("revoked", serial=chain[0].serial_hex)


def test_aut_2_the_first_rule_in_the_documented_order_that_fails_is_told(world: World) -> None:
    """A certificate with every fault there is loses them one by one."""
    verifier = CertificateVerifier(root_only(world), Revoked(), pass_types=("N",))
    sound = world.leaf
    stranger = replace(sound, issuer=world.level_2_name).with_(hostile.san(hostile.upn()))
    steps: list[tuple[bytes, type[ZorgIDError]]] = [
        (b"\x30\x03\x02\x01", CertificateMalformedError),
        (stranger.with_(hostile.key_usage(1)).der(), NotUZIError),
        (
            replace(world.named(text="x"), key=world.key("leaf")).with_(hostile.key_usage(1)).der(),
            CertificateUsageError,
        ),
        (replace(world.named(text="x"), key=world.key("leaf")).der(), UntrustedError),
        (world.named(text="x").der(), UZIFieldError),
        (sound.der(), PassTypeError),
    ]
    for leaf, error in steps:
        with pytest.raises(error) as refused:
            verifier.verify(leaf, at=NOW, intermediates=[world.z, world.level_2])
        assert type(refused.value) is error
    with pytest.raises(RevokedError):
        CertificateVerifier(root_only(world), Revoked()).verify(
            sound.der(), at=NOW, intermediates=[world.z, world.level_2]
        )


def test_an_error_writes_no_second_line_into_a_log(world: World) -> None:
    forged = replace(
        world.named(subject={"2.5.4.3": "Jan\nINFO log-in of Piet\x1b[0m" + "x" * 900}), key=world.key("leaf")
    )
    with pytest.raises(UntrustedError) as refused:
        CertificateVerifier(root_only(world), Good()).verify(
            forged.der(), at=NOW, intermediates=[world.z, world.level_2]
        )
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


def test_a_root_vouches_for_the_cas_of_its_own_generation_only(world: World) -> None:
    """The root of one environment's copy issues under the names of the other's: its own generation does not know them."""
    own = replace(
        UZI_TEST_G3,
        name="own",
        roots=frozenset({Certificate.parse(world.root).fingerprint}),
        passes=UZI_TEST_G3.passes[1:],
    )
    verifier = CertificateVerifier(TrustStore.test([world.root, world.level_2, world.z], more=[own]), Good())
    with pytest.raises(UZIFieldError) as refused:
        verifier.verify(world.leaf.der(), at=NOW)
    assert refused.value.field == "issuer"
    both = CertificateVerifier(
        TrustStore.test([world.root, world.level_2, world.z], more=[replace(own, passes=UZI_TEST_G3.passes)]), Good()
    )
    assert both.verify(world.leaf.der(), at=NOW).pass_type == "Z"


def test_a_certificate_of_production_is_no_identity_for_a_store_of_test(world: World) -> None:
    """A store reads identities by its own generations only."""
    other = hostile.ca_name("UZI-register Zorgverlener CA G3")
    issuing = replace(world.z_plan, subject=other).der()
    leaf = replace(world.leaf, issuer=other).der()
    with pytest.raises(UZIFieldError) as refused:
        CertificateVerifier(root_only(world), Good()).verify(leaf, at=NOW, intermediates=[issuing, world.level_2])
    assert refused.value.field == "issuer"


def test_the_key_identifier_of_a_level_above_counts_too(world: World) -> None:
    wrong = world.z_plan.with_((AKI, False, seq(tlv(0x80, bytes(20)))))
    with pytest.raises(UntrustedError) as refused:
        root_only(world).verify(
            world.leaf.der(), intermediates=[wrong.der(), world.level_2], at=NOW, usage="authenticity"
        )
    assert refused.value.reason == "key identifier"


def test_the_example_of_the_documentation_runs(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "trust.md").read_text()
    source = text.partition("<!-- example: trust -->\n```python\n")[2].partition("```")[0]
    (tmp_path / "root.cer").write_bytes(world.root)
    monkeypatch.setattr(trust_module, "PRODUCTION", (UZI_TEST_G3.with_root(world.root),))
    names: dict[str, object] = {
        "revocation": Good(), "certificate": world.leaf.der(), "chain_from_the_card": [world.z, world.level_2],
    }  # fmt: skip
    source = source.replace("/etc/zorgid/uzi-ca", str(tmp_path)).replace(
        "datetime.now(UTC)", "datetime(2026, 6, 1, tzinfo=UTC)"
    )
    exec(source, names)
    assert names["who"].uzi_number == "900016528"  # type: ignore[attr-defined]


def test_the_form_of_a_hierarchy_file_in_the_documentation_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "trust.md").read_text()
    sample = text.partition("```toml\n")[2].partition("```")[0].replace('sha256 = "…"', f'sha256 = "{"0" * 64}"')
    assert Hierarchy.parse(sample.encode()).passes[0].assumed == "…"
