"""CRLs: what is believed, what is refused, and what a chain's revocation comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from der_certificates import ES256, algorithm, seq, tlv
from pki_world import END, NOW, Node, make
from zorgid_card.errors import (
    CertificateError,
    CertificateMalformedError,
    OnHoldError,
    RevocationUnknownError,
    RevokedError,
    SignatureError,
)
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.revocation import CRL, CRLs, CRLSource, RevokedEntry

HOUR = timedelta(hours=1)
REASONS = [
    "unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
    "certificateHold", "privilegeWithdrawn", "aACompromise",
]  # fmt: skip


@dataclass
class Scene:
    root: Node
    ca: Node
    leaf: Node

    @property
    def chain(self) -> tuple[Certificate, ...]:
        return tuple(Certificate.parse(node.der) for node in (self.leaf, self.ca, self.root))

    def lists(
        self, of_ca: Iterable[bytes | CRL], of_root: Iterable[bytes | CRL] | None = None
    ) -> Callable[[bytes], Iterable[bytes | CRL]]:
        known = {self.ca.der: of_ca, self.root.der: [sign(self.root)] if of_root is None else of_root}
        return lambda issuer: known[issuer]


@pytest.fixture(scope="module")
def scene() -> Scene:
    root = make("Root")
    ca = make("CA", root, path_length=0)
    return Scene(root, ca, make("Leaf", ca, ca=False, usages=("digital_signature",)))


def sign(
    issuer: Node,
    *revoked: tuple[int, str],
    number: int = 1,
    start: datetime = NOW - HOUR,
    end: datetime = NOW + HOUR,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    entry_extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    digest: hashes.SHA224 | hashes.SHA256 | None = None,
) -> bytes:
    builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, start, end)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    for serial, reason in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - HOUR)
        if reason != "unspecified":
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags(reason)), critical=False)
        for value, critical in entry_extensions:
            entry = entry.add_extension(value, critical)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, digest or hashes.SHA256()).public_bytes(Encoding.DER)


def check_revocation(chain: Sequence[Certificate], source: CRLSource, at: datetime, *, leaf_only: bool = False) -> None:
    CRLs(source, leaf_only=leaf_only).check(chain, at)


def parsed(node: Node) -> Certificate:
    return Certificate.parse(node.der)


def serial(node: Node) -> int:
    return node.certificate.serial_number


# --- a chain ---------------------------------------------------------------------------------------------------------


def test_crd_1_a_chain_that_is_on_no_list_passes(scene: Scene) -> None:
    check_revocation(scene.chain, scene.lists([sign(scene.ca, (12345, "keyCompromise"))]), NOW)


@pytest.mark.parametrize("reason", REASONS)
def test_a_revoked_leaf_is_refused_with_reason_and_date(scene: Scene, reason: str) -> None:
    with pytest.raises(RevokedError) as refused:
        check_revocation(scene.chain, scene.lists([sign(scene.ca, (serial(scene.leaf), reason))]), NOW)
    assert refused.value.reason == reason
    assert refused.value.since == "2026-05-31T23:00:00Z"
    assert refused.value.serial == f"{serial(scene.leaf):x}"
    assert isinstance(refused.value, OnHoldError) is (reason == "certificateHold")


def test_a_revoked_ca_is_refused_unless_the_leaf_alone_is_asked_for(scene: Scene) -> None:
    source = scene.lists([sign(scene.ca)], [sign(scene.root, (serial(scene.ca), "cACompromise"))])
    with pytest.raises(RevokedError):
        check_revocation(scene.chain, source, NOW)
    check_revocation(scene.chain, source, NOW, leaf_only=True)


def test_the_newest_list_decides(scene: Scene) -> None:
    held = sign(scene.ca, (serial(scene.leaf), "certificateHold"), number=2)
    before = sign(scene.ca, number=1, start=NOW - 2 * HOUR)
    same_moment = sign(scene.ca, number=1)
    for lists in ([held, before], [before, held], [same_moment, held], [held, same_moment, b"garbage"]):
        with pytest.raises(OnHoldError):
            check_revocation(scene.chain, scene.lists(lists), NOW)
    resumed = sign(scene.ca, number=3)
    check_revocation(scene.chain, scene.lists([held, resumed]), NOW)


@pytest.mark.parametrize("reason", ["keyCompromise", "certificateHold"])
def test_crd_5_what_a_newer_list_revokes_is_revoked_though_that_list_is_stale(scene: Scene, reason: str) -> None:
    entry, stale = (serial(scene.leaf), reason), {"start": NOW - HOUR, "end": NOW - timedelta(minutes=1)}
    older = sign(scene.ca, number=1, start=NOW - 2 * HOUR)
    newer = sign(scene.ca, entry, number=2, **stale)  # type: ignore[arg-type]
    delta = sign(scene.ca, entry, number=2, extensions=[(x509.DeltaCRLIndicator(1), True)], **stale)  # type: ignore[arg-type]
    twin = sign(scene.ca, entry, number=1, start=NOW - 2 * HOUR)
    backwards = sign(scene.ca, entry, number=2, start=NOW - 3 * HOUR)
    for other in (newer, delta, twin, backwards):
        for lists in ([older, other], [other, older]):
            with pytest.raises(RevokedError):
                check_revocation(scene.chain, scene.lists(lists), NOW)
    released = sign(scene.ca, number=3)
    check_revocation(scene.chain, scene.lists([older, newer, delta, released]), NOW)


UNUSABLE: list[tuple[str, Callable[[Scene], list[bytes]], str]] = [
    ("none", lambda scene: [], "missing"),
    ("stale", lambda scene: [sign(scene.ca, end=NOW - timedelta(seconds=1))], "stale"),
    ("of tomorrow", lambda scene: [sign(scene.ca, start=NOW + timedelta(minutes=6))], "not yet valid"),
    ("of another issuer", lambda scene: [sign(make("Other"))], "issuer"),
    ("of another key", lambda scene: [sign(make("CA"))], "certificate.signature"),
    ("garbage", lambda scene: [b"garbage"], ""),
    ("delta", lambda scene: [sign(scene.ca, extensions=[(x509.DeltaCRLIndicator(1), True)])], "delta"),
]


@pytest.mark.parametrize(("lists", "reason"), [row[1:] for row in UNUSABLE], ids=[row[0] for row in UNUSABLE])
def test_without_a_usable_list_nothing_is_known(
    scene: Scene, lists: Callable[[Scene], list[bytes]], reason: str
) -> None:
    with pytest.raises(RevocationUnknownError) as refused:
        check_revocation(scene.chain, scene.lists(lists(scene)), NOW)
    assert not reason or refused.value.reason == reason
    assert refused.value.retryable


def test_a_clock_five_minutes_off_is_forgiven(scene: Scene) -> None:
    check_revocation(scene.chain, scene.lists([sign(scene.ca, start=NOW + timedelta(minutes=5))]), NOW)


def test_a_chain_of_one_proves_nothing(scene: Scene) -> None:
    with pytest.raises(RevocationUnknownError):
        check_revocation(scene.chain[-1:], scene.lists([]), NOW)


def test_a_parsed_list_can_be_kept(scene: Scene) -> None:
    kept = CRL.parse(sign(scene.ca, (serial(scene.leaf), "keyCompromise")))
    for _ in range(2):
        with pytest.raises(RevokedError):
            check_revocation(scene.chain, scene.lists([kept]), NOW)
    with pytest.raises(RevocationUnknownError):  # kept, but not kept for ever
        check_revocation(scene.chain, scene.lists([kept]), NOW + 2 * HOUR)


def test_a_list_signed_with_a_weak_digest_is_not_believed(scene: Scene) -> None:
    with pytest.raises(SignatureError):
        CRL.parse(sign(scene.ca, digest=hashes.SHA224())).verify(parsed(scene.ca))


# --- one list --------------------------------------------------------------------------------------------------------


def test_a_list_is_read_from_der_and_pem(scene: Scene) -> None:
    der = sign(scene.ca, (7, "superseded"), number=9)
    for data in (der, x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)):
        crl = CRL.parse(data)
        crl.verify(parsed(scene.ca))
        assert (crl.number, crl.this_update, crl.next_update) == (9, NOW - HOUR, NOW + HOUR)
        assert crl.entries == {7: RevokedEntry(7, NOW - HOUR, "superseded")}


def test_another_certificate_of_the_same_key_verifies_too(scene: Scene) -> None:
    again = make("CA", scene.root, key=scene.ca.key)
    CRL.parse(sign(scene.ca)).verify(parsed(again))


def test_who_may_not_sign_lists_is_not_believed(scene: Scene) -> None:
    only_certificates = make("CA", scene.root, key=scene.ca.key, usages=("key_cert_sign",))
    with pytest.raises(RevocationUnknownError):
        CRL.parse(sign(scene.ca)).verify(parsed(only_certificates))


def test_another_key_of_the_same_name_is_not_believed(scene: Scene) -> None:
    with pytest.raises(SignatureError):
        CRL.parse(sign(make("CA"))).verify(parsed(scene.ca))


CRITICAL = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
PARTIAL = x509.IssuingDistributionPoint(
    full_name=None, relative_name=None, only_contains_user_certs=True, only_contains_ca_certs=False,
    only_some_reasons=None, indirect_crl=False, only_contains_attribute_certs=False,
)  # fmt: skip


def in_the_first_year(ca: Node) -> bytes:
    """A list of the year 1, which is minutes from a moment before all years; nobody has signed it."""
    moment = tlv(0x18, b"00010101000000Z")
    dates, algorithm_of = moment + tlv(0x18, b"99991231235959Z"), algorithm(ES256)
    issued = seq(tlv(0x02, b"\x01"), algorithm_of, ca.certificate.subject.public_bytes(), dates)
    return seq(issued, algorithm_of, tlv(0x03, b"\x00", b"signature"))


MALFORMED: list[tuple[str, Callable[[Node], bytes]]] = [
    ("removeFromCRL in a full list", lambda ca: sign(ca, (7, "removeFromCRL"))),
    ("a partial list that hides it", lambda ca: sign(ca, extensions=[(PARTIAL, False)])),
    ("a critical extension", lambda ca: sign(ca, extensions=[(CRITICAL, True)])),
    ("a critical entry extension", lambda ca: sign(ca, (7, "superseded"), entry_extensions=[(CRITICAL, True)])),
    (
        "an indirect entry",
        lambda ca: sign(
            ca, (7, "superseded"), entry_extensions=[(x509.CertificateIssuer([x509.DNSName("other")]), True)]
        ),
    ),
    ("empty", lambda _: b""),
    ("a certificate", lambda ca: ca.der),
    ("cut off", lambda ca: sign(ca)[:-1]),
    ("octets behind it", lambda ca: sign(ca) + b"\x00"),
    ("of the first year", in_the_first_year),
]


@pytest.mark.parametrize("make_list", [row[1] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_lists_that_are_refused(scene: Scene, make_list: Callable[[Node], bytes]) -> None:
    with pytest.raises(CertificateMalformedError):
        CRL.parse(make_list(scene.ca))


def test_of_two_entries_the_one_for_good_counts(scene: Scene) -> None:
    for reasons in (("certificateHold", "keyCompromise"), ("keyCompromise", "certificateHold")):
        crl = CRL.parse(sign(scene.ca, *((7, reason) for reason in reasons)))
        assert crl.entries[7].reason == "keyCompromise"


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_octets_changed_at_random_are_not_believed(data: st.DataObject) -> None:
    """A changed list is refused as malformed, or its signature no longer verifies, or it says the very same."""
    der = bytearray(KEPT)
    place = data.draw(st.integers(0, len(der) - 1))
    der[place] ^= data.draw(st.integers(1, 255))
    try:
        crl = CRL.parse(bytes(der))
        crl.verify(parsed(KEPT_ISSUER))
    except CertificateError:
        return
    assert crl.entries == CRL.parse(KEPT).entries  # the count of unused bits of the signature may be 0 or 1
    assert (crl.this_update, crl.next_update) == (NOW - HOUR, NOW + HOUR)


KEPT_ISSUER = make("CA", end=END)
KEPT = sign(KEPT_ISSUER, (7, "keyCompromise"), (8, "certificateHold"))


def test_many_entries_are_read_once(scene: Scene) -> None:
    entries = [
        x509.RevokedCertificateBuilder().serial_number(n).revocation_date(NOW - HOUR).build() for n in range(1, 5000)
    ]
    builder = x509.CertificateRevocationListBuilder(scene.ca.certificate.subject, NOW - HOUR, NOW + HOUR, [], entries)
    crl = CRL.parse(builder.sign(scene.ca.key, hashes.SHA256()).public_bytes(Encoding.DER))
    assert len(crl.entries) == 4999
    crl.status(5000)
    with pytest.raises(RevokedError):
        crl.status(4999)


def test_a_moment_without_a_time_zone_is_not_judged(scene: Scene) -> None:
    with pytest.raises(Exception, match="time zone"):
        CRL.parse(sign(scene.ca)).require_fresh(datetime.now(UTC).replace(tzinfo=None))
