"""Path validation: the real chains of the UZI register, and small chains with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki_world import END, NOW, START, Node, make, shared, test_chain
from zorgid_card.errors import (
    CertificateExpiredError,
    CertificateMalformedError,
    CertificateNotYetValidError,
    CertificateUsageError,
    UntrustedError,
    UsageError,
)
from zorgid_card.pki._x509 import fingerprint
from zorgid_card.pki.hierarchy import KNOWN, UZI_G3, UZI_TEST_G3
from zorgid_card.pki.trust import MAX_CANDIDATES, TrustStore
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage

AT_2019 = datetime(2019, 2, 1, tzinfo=UTC)
LEAF = "uzi-test-card/authenticity.cer"


# --- the real chains -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("usage", ["authenticity", "signature", "confidentiality"])
def test_the_real_test_pass_verifies_in_2019(usage: str) -> None:
    chain = TrustStore.of([UZI_TEST_G3], test_chain()).verify(
        shared(f"uzi-test-card/{usage}.cer"), at=AT_2019, usage=usage
    )
    assert len(chain) == 4
    assert chain[-1].fingerprint in UZI_TEST_G3.roots


def test_crd_1_the_real_test_pass_is_refused_today_with_subject_and_date() -> None:
    with pytest.raises(CertificateExpiredError) as refused:
        TrustStore.of(KNOWN, test_chain()).verify(shared(LEAF), at=datetime.now(UTC), usage="authenticity")
    assert refused.value.subject == "Jan test-90014548"
    assert refused.value.not_after == "2020-07-12T11:39:08Z"
    assert "Jan test-90014548" in str(refused.value)


def test_the_real_test_pass_is_refused_before_its_time() -> None:
    with pytest.raises(CertificateNotYetValidError) as refused:
        TrustStore.of(KNOWN, test_chain()).verify(
            shared(LEAF), at=datetime(2017, 7, 1, tzinfo=UTC), usage="authenticity"
        )
    assert refused.value.not_before == "2017-07-13T11:39:08Z"


def test_a_test_pass_is_not_trusted_in_production() -> None:
    with pytest.raises(UntrustedError):
        TrustStore.of([UZI_G3], test_chain()).verify(shared(LEAF), at=AT_2019, usage="authenticity")


def test_a_missing_intermediate_leaves_no_chain() -> None:
    issuing, _, root = test_chain()
    with pytest.raises(UntrustedError):
        TrustStore.of(KNOWN, [issuing, root]).verify(shared(LEAF), at=AT_2019, usage="authenticity")


@pytest.mark.parametrize("year", ["", "20190418_"])
@pytest.mark.parametrize("name", ["Zorgverlener", "Medewerker_op_naam"])
def test_the_real_production_cas_lead_to_the_pinned_root(year: str, name: str) -> None:
    """The 2017 and the 2019 certificate of one key: a leaf of that key would verify with either."""
    issuing = shared(f"uzi-ca/{year}UZI-register_{name}_CA_G3.cer")
    domain, root = shared("uzi-ca/DomOrganisatiePersoonCA-G3.cer"), shared("uzi-ca/RootCA-G3.cer")
    anchors = TrustStore.of([UZI_G3], [root, domain, issuing])
    assert anchors.anchors == (root,)
    with pytest.raises(CertificateUsageError):  # a CA is no holder
        anchors.verify(issuing, at=NOW, usage="authenticity")


def test_either_certificate_of_a_ca_that_was_certified_twice_will_do() -> None:
    pki = UZITestPKI(pool=KeyPool.shared(), now=NOW)
    leaf = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015").certificates[Usage.AUTHENTICITY]
    first = pki.chain("Z")
    second = (pki.certify_again("Z"), *first[1:])
    hierarchy = UZI_G3.with_root(first[-1])
    for certificates in (first, second, (*first, *second)):
        assert TrustStore.of([hierarchy], certificates).verify(leaf, at=NOW, usage="authenticity")[0].der == leaf
    expired = pki.certify_again("Z", (NOW - timedelta(days=900), NOW - timedelta(days=1)))
    both = TrustStore.of([hierarchy], (expired, *first)).verify(leaf, at=NOW, usage="authenticity")
    assert both[1].der == first[0]


# --- small chains ----------------------------------------------------------------------------------------------------


class Chain:
    """Root, CA and leaf; each part can be replaced."""

    def __init__(self, **ca: object) -> None:
        self.root = make("Root", path_length=None)
        self.ca = make("CA", self.root, **({"path_length": 0, "policies": ("1.2.3",)} | ca))  # type: ignore[arg-type]
        self.leaf = self.make_leaf()

    def make_leaf(self, **leaf: object) -> Node:
        given = {"ca": False, "usages": ("digital_signature",), "policies": ("1.2.3",)} | leaf
        return make("Leaf", self.ca, **given)  # type: ignore[arg-type]

    def trust(self, **options: object) -> TrustStore:
        return TrustStore([self.root.der], [self.ca.der], **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def test_a_sound_chain_verifies_and_is_returned_leaf_to_root(chain: Chain) -> None:
    expected = (chain.leaf.der, chain.ca.der, chain.root.der)
    found = chain.trust().verify(chain.leaf.der, at=NOW, usage="authenticity")
    assert tuple(link.der for link in found) == expected
    bare = TrustStore([chain.root.der])
    offered = [b"garbage", chain.leaf.der, chain.ca.der]
    assert bare.verify(chain.leaf.der, intermediates=offered, at=NOW, usage="authenticity") == found


def test_pins_choose_among_the_anchors(chain: Chain) -> None:
    pin = fingerprint(chain.root.der)
    for pins in ({pin}, {pin.lower()}, {"00" * 32, pin}):
        assert chain.trust(pins=pins).verify(chain.leaf.der, at=NOW, usage="authenticity")
    with pytest.raises(UntrustedError) as refused:
        chain.trust(pins={"00" * 32}).verify(chain.leaf.der, at=NOW, usage="authenticity")
    assert refused.value.reason == "no pinned root"


def test_the_ends_of_the_validity_are_valid(chain: Chain) -> None:
    for at in (START, END):
        chain.trust().verify(chain.leaf.der, at=at, usage="authenticity")
    with pytest.raises(CertificateExpiredError):
        chain.trust().verify(chain.leaf.der, at=END + timedelta(seconds=1), usage="authenticity")
    with pytest.raises(CertificateNotYetValidError):
        chain.trust().verify(chain.leaf.der, at=START - timedelta(seconds=1), usage="authenticity")


def test_an_expired_ca_is_named() -> None:
    old = Chain(end=datetime(2025, 1, 1, tzinfo=UTC))
    with pytest.raises(CertificateExpiredError) as refused:
        old.trust().verify(old.leaf.der, at=NOW, usage="authenticity")
    assert (refused.value.subject, refused.value.not_after) == ("CA", "2025-01-01T00:00:00Z")


def test_expired_is_not_said_of_a_chain_that_leads_nowhere(chain: Chain) -> None:
    with pytest.raises(UntrustedError):
        TrustStore([make("Root").der], [chain.ca.der]).verify(
            chain.leaf.der, at=END + timedelta(days=1), usage="authenticity"
        )


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
BROKEN_CAS: list[tuple[str, dict[str, object]]] = [
    ("no basicConstraints", {"ca": None}),
    ("no CA", {"ca": False}),
    ("may not sign certificates", {"usages": ("crl_sign",)}),
    ("unknown critical extension", {"extensions": [(UNKNOWN, True)]}),
    ("policy of others", {"policies": ("1.2.4",)}),
    ("no policy", {"policies": ()}),
]  # fmt: skip


@pytest.mark.parametrize("ca", [row[1] for row in BROKEN_CAS], ids=[row[0] for row in BROKEN_CAS])
def test_a_ca_that_may_not_issue_is_refused(ca: dict[str, object]) -> None:
    broken = Chain(**ca)
    with pytest.raises(UntrustedError):
        broken.trust(policies={"authenticity": ["1.2.3"]}).verify(broken.leaf.der, at=NOW, usage="authenticity")


def test_a_ca_with_any_policy_may_issue() -> None:
    broad = Chain(policies=("2.5.29.32.0",))
    assert broad.trust(policies={"authenticity": ["1.2.3"]}).verify(broad.leaf.der, at=NOW, usage="authenticity")


@pytest.mark.parametrize(
    "value", [UNKNOWN, x509.PolicyConstraints(0, None), x509.InhibitAnyPolicy(0)], ids=lambda v: v.oid.dotted_string
)
def test_a_leaf_with_a_critical_extension_that_is_not_known_is_refused(chain: Chain, value: x509.ExtensionType) -> None:
    leaf = chain.make_leaf(extensions=[(value, True)])
    with pytest.raises(UntrustedError):
        chain.trust().verify(leaf.der, at=NOW, usage="authenticity")
    assert chain.trust().verify(chain.make_leaf(extensions=[(UNKNOWN, False)]).der, at=NOW, usage="authenticity")


def test_a_critical_policy_that_is_judged_is_no_hindrance(chain: Chain) -> None:
    policies = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), None)])
    leaf = chain.make_leaf(policies=(), extensions=[(policies, True)])
    assert chain.trust(policies={"authenticity": ["1.2.3"]}).verify(leaf.der, at=NOW, usage="authenticity")


def test_a_leaf_with_any_policy_asserts_none_of_ours(chain: Chain) -> None:
    leaf = chain.make_leaf(policies=("2.5.29.32.0",))
    with pytest.raises(UntrustedError):
        chain.trust(policies={"authenticity": ["1.2.3"]}).verify(leaf.der, at=NOW, usage="authenticity")


def test_a_store_that_is_told_no_policies_judges_none() -> None:
    for ca, leaf in ((("1.2.3",), ("1.2.4",)), ((), ("1.2.4",)), (("1.2.3",), ()), ((), ())):
        free = Chain(policies=ca)
        assert free.trust().verify(free.make_leaf(policies=leaf).der, at=NOW, usage="authenticity")


def test_a_usage_without_policies_is_refused(chain: Chain) -> None:
    with pytest.raises(UntrustedError):
        chain.trust(policies={"signature": ["1.2.3"]}).verify(chain.leaf.der, at=NOW, usage="authenticity")


def test_a_path_longer_than_the_ca_allows_is_refused(chain: Chain) -> None:
    below = make("Below", chain.ca, policies=("1.2.3",))
    leaf = make("Leaf", below, ca=False, usages=("digital_signature",), policies=("1.2.3",))
    with pytest.raises(UntrustedError):
        chain.trust().verify(leaf.der, intermediates=[below.der], at=NOW, usage="authenticity")


def test_a_signature_of_another_key_of_the_same_name_is_refused(chain: Chain) -> None:
    impostor = make("CA", chain.root)
    leaf = make("Leaf", impostor, ca=False, usages=("digital_signature",))
    with pytest.raises(UntrustedError):
        chain.trust().verify(leaf.der, at=NOW, usage="authenticity")


def test_a_root_that_only_the_other_side_offers_is_not_trusted(chain: Chain) -> None:
    root = make("Root")
    leaf = make("Leaf", root, ca=False, usages=("digital_signature",))
    with pytest.raises(UntrustedError):
        chain.trust().verify(leaf.der, intermediates=[root.der], at=NOW, usage="authenticity")


def test_a_leaf_that_is_itself_a_root_is_refused() -> None:
    lone = make("Lone", ca=False, usages=("digital_signature",))
    with pytest.raises(UntrustedError):
        TrustStore([lone.der]).verify(lone.der, at=NOW, usage="authenticity")


def test_a_weak_key_in_the_chain_is_refused() -> None:
    weak = make("CA", key=rsa.generate_private_key(65537, 1024))
    leaf = make("Leaf", weak, ca=False, usages=("digital_signature",))
    with pytest.raises(UntrustedError):
        TrustStore([weak.der]).verify(leaf.der, at=NOW, usage="authenticity")


USAGES: list[tuple[str, dict[str, object], str | None]] = [
    ("plain", {}, None),
    ("clientAuth", {"purposes": [ExtendedKeyUsageOID.CLIENT_AUTH]}, None),
    ("serverAuth only", {"purposes": [ExtendedKeyUsageOID.SERVER_AUTH]}, "authenticity"),
    ("nonRepudiation only", {"usages": ("content_commitment",)}, "authenticity"),
    ("no keyUsage", {"usages": None}, "authenticity"),
    ("a CA", {"ca": True, "usages": ("digital_signature", "key_cert_sign")}, "authenticity"),
]


@pytest.mark.parametrize(("leaf", "refused"), [row[1:] for row in USAGES], ids=[row[0] for row in USAGES])
def test_usages_of_the_leaf(chain: Chain, leaf: dict[str, object], refused: str | None) -> None:
    der = chain.make_leaf(**leaf).der
    if refused is None:
        chain.trust().verify(der, at=NOW, usage="authenticity")
        return
    with pytest.raises(CertificateUsageError) as error:
        chain.trust().verify(der, at=NOW, usage="authenticity")
    assert error.value.usage == refused


@pytest.mark.parametrize(
    ("usage", "bit"),
    [
        ("signature", "content_commitment"),
        ("confidentiality", "key_encipherment"),
        ("confidentiality", "key_agreement"),
    ],
)
def test_other_usages_verify(chain: Chain, usage: str, bit: str) -> None:
    der = chain.make_leaf(usages=(bit,)).der
    assert chain.trust().verify(der, at=NOW, usage=usage)


def test_bounds(chain: Chain) -> None:
    offered = [chain.ca.der] * (MAX_CANDIDATES + 1)
    with pytest.raises(UntrustedError) as refused:
        chain.trust().verify(chain.leaf.der, intermediates=offered, at=NOW, usage="authenticity")
    assert refused.value.reason == "too many intermediates"
    many = [make("CA", chain.root, key=chain.ca.key, path_length=0).der for _ in range(MAX_CANDIDATES)]
    assert chain.trust().verify(chain.leaf.der, intermediates=many, at=NOW, usage="authenticity")


def test_a_long_chain_of_equals_ends_in_an_error() -> None:
    """Every CA has one name and one key, so each could have issued each: the search is bounded all the same."""
    root = make("Same", key_ids=False)
    same = [make("Same", root, key=root.key, key_ids=False).der for _ in range(30)]
    leaf = make("Leaf", root, ca=False, usages=("digital_signature",), key_ids=False)
    with pytest.raises(UntrustedError):
        TrustStore([make("Other").der]).verify(leaf.der, intermediates=same, at=NOW, usage="authenticity")


def test_what_cannot_be_judged(chain: Chain) -> None:
    with pytest.raises(UsageError):
        chain.trust().verify(chain.leaf.der, at=datetime(2026, 1, 1), usage="authenticity")
    for beyond in (
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=5))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
    ):
        with pytest.raises(UsageError):
            chain.trust().verify(chain.leaf.der, at=beyond, usage="authenticity")
    for at, error in ((datetime.min, CertificateNotYetValidError), (datetime.max, CertificateExpiredError)):
        with pytest.raises(error):
            chain.trust().verify(chain.leaf.der, at=at.replace(tzinfo=UTC), usage="authenticity")
    with pytest.raises(UsageError):
        chain.trust().verify(chain.leaf.der, at=NOW, usage="anything")
    with pytest.raises(CertificateMalformedError):
        chain.trust().verify(b"garbage", at=NOW, usage="authenticity")
    with pytest.raises(CertificateMalformedError):
        TrustStore([b"garbage"])


@pytest.mark.parametrize("encode", [lambda node: node.der, lambda node: node.certificate.public_bytes(Encoding.PEM)])
def test_der_and_pem_alike(chain: Chain, encode: Callable[[Node], bytes]) -> None:
    found = TrustStore([encode(chain.root)], [encode(chain.ca)]).verify(
        encode(chain.leaf), at=NOW, usage="authenticity"
    )
    assert found[0].der == chain.leaf.der
