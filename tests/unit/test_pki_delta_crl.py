"""Delta CRLs and lists of a limited scope (RFC 5280, 5.2.4 to 5.2.6, 6.3.3): what is put on what, and what it means then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from openssl_ca import OpenSSLCA, now, openssl, write_pem
from pki_world import NOW, Node, make
from zorgid_card.errors import (
    CertificateMalformedError,
    OnHoldError,
    RevocationUnknownError,
    RevokedError,
    SignatureError,
)
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CRL
from zorgid_card.pki.revocation import CRLs

HOUR = timedelta(hours=1)
CA = make("CA", make("Root"))
ISSUER = Certificate.parse(CA.der)
Extension = tuple[x509.ExtensionType, bool]


def sign(
    *revoked: tuple[int, str],
    number: int | None = 10,
    start: datetime = NOW - HOUR,
    end: datetime = NOW + HOUR,
    extensions: Iterable[Extension] = (),
    issuer: Node = CA,
) -> CRL:
    entries = []
    for serial, reason in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(start)
        entries.append(entry.add_extension(x509.CRLReason(x509.ReasonFlags(reason)), critical=False).build())
    builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, start, end, [], entries)
    added = list(extensions) if number is None else [(x509.CRLNumber(number), False), *extensions]
    for value, critical in added:
        builder = builder.add_extension(value, critical)
    return CRL.parse(builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER))


def delta(*revoked: tuple[int, str], base: int = 10, number: int | None = 12, **options: object) -> CRL:
    extensions = (*options.pop("extensions", ()), (x509.DeltaCRLIndicator(base), True))  # type: ignore[misc]
    return sign(*revoked, number=number, extensions=extensions, **options)  # type: ignore[arg-type]


def point(critical: bool = True, **changes: object) -> Extension:
    fields: dict[str, object] = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False, "only_contains_ca_certs": False,
        "only_some_reasons": None, "indirect_crl": False, "only_contains_attribute_certs": False,
    }  # fmt: skip
    return x509.IssuingDistributionPoint(**(fields | changes)), critical  # type: ignore[arg-type]


def uri(text: str) -> list[x509.UniformResourceIdentifier]:
    return [x509.UniformResourceIdentifier(text)]


def leaf(*urls: str, ca: bool = False) -> Certificate:
    points = x509.CRLDistributionPoints([x509.DistributionPoint(uri(url), None, None, None) for url in urls])
    return Certificate.parse(make("Leaf", CA, ca=ca, extensions=[(points, False)] if urls else ()).der)


# --- what a delta changes --------------------------------------------------------------------------------------------


def test_a_delta_adds_changes_and_removes() -> None:
    base = sign((1, "keyCompromise"), (2, "certificateHold"), (3, "certificateHold"), (4, "superseded"))
    updated = base.with_delta(delta((2, "removeFromCRL"), (3, "keyCompromise"), (5, "certificateHold")))
    updated.verify(ISSUER)
    updated.status(2)
    for serial, error in ((1, RevokedError), (3, RevokedError), (4, RevokedError), (5, OnHoldError)):
        with pytest.raises(error) as refused:
            updated.status(serial)
        assert type(refused.value) is error
    assert {serial: entry.reason for serial, entry in updated.entries.items()} == {
        1: "keyCompromise", 3: "keyCompromise", 4: "superseded", 5: "certificateHold",
    }  # fmt: skip
    assert len(updated.entries) == 4
    with pytest.raises(OnHoldError):  # the list itself is what it was
        base.status(2)


def test_an_updated_list_is_as_fresh_as_its_delta() -> None:
    base = sign(start=NOW - 48 * HOUR, end=NOW - 24 * HOUR)
    with pytest.raises(RevocationUnknownError):
        base.require_fresh(NOW)
    updated = base.with_delta(delta())
    updated.require_fresh(NOW)
    assert (updated.number, updated.this_update, updated.next_update) == (12, NOW - HOUR, NOW + HOUR)
    with pytest.raises(RevocationUnknownError):
        updated.require_fresh(NOW + 2 * HOUR)


STATES = st.dictionaries(st.integers(1, 30), st.sampled_from(["keyCompromise", "certificateHold"]), max_size=20)


@settings(max_examples=60, deadline=None)
@given(before=STATES, after=STATES)
def test_a_delta_on_its_base_says_what_a_new_full_list_would_and_takes_back_nothing_for_good(
    before: dict[int, str], after: dict[int, str]
) -> None:
    changed = [(serial, reason) for serial, reason in after.items() if before.get(serial) != reason]
    removed = [(serial, "removeFromCRL") for serial in before if serial not in after]
    updated = sign(*before.items()).with_delta(delta(*changed, *removed))
    final = after | {serial: reason for serial, reason in before.items() if reason == "keyCompromise"}
    assert {serial: entry.reason for serial, entry in updated.entries.items()} == final
    assert len(updated.entries) == len(final)
    for serial in range(1, 31):
        try:
            updated.status(serial)
        except RevokedError as error:
            assert error.reason == final[serial]
        else:
            assert serial not in final


# --- what does not fit -----------------------------------------------------------------------------------------------

MISFITS: list[tuple[str, Callable[[], tuple[CRL, CRL]]]] = [
    ("a base older than the delta's", lambda: (sign(number=9), delta(base=10))),
    ("a base as new as the delta", lambda: (sign(number=12), delta(number=12))),
    ("a base newer than the delta", lambda: (sign(number=13), delta(number=12))),
    ("a base without a number", lambda: (sign(number=None), delta())),
    ("another issuer", lambda: (sign(issuer=make("Other")), delta())),
    ("another scope", lambda: (sign(extensions=[point(only_contains_user_certs=True)]), delta())),
    ("a full list for a delta", lambda: (sign(), sign(number=12))),
    ("a delta for a base", lambda: (delta(number=11), delta())),
]


@pytest.mark.parametrize("pair", [row[1] for row in MISFITS], ids=[row[0] for row in MISFITS])
def test_what_does_not_belong_together_is_not_put_together(pair: Callable[[], tuple[CRL, CRL]]) -> None:
    base, change = pair()
    with pytest.raises(RevocationUnknownError) as refused:
        base.with_delta(change)
    assert refused.value.reason == "delta"


def test_a_delta_of_another_key_of_the_same_name_is_not_believed() -> None:
    updated = sign().with_delta(delta(issuer=make("CA")))
    with pytest.raises(SignatureError):
        updated.verify(ISSUER)


def test_from_a_delta_alone_nothing_follows() -> None:
    with pytest.raises(RevocationUnknownError) as refused:
        delta((1, "keyCompromise")).status(2)
    assert refused.value.reason == "delta"


HTTP = x509.FreshestCRL([x509.DistributionPoint(uri("http://crl.example/delta.crl"), None, None, None)])
MALFORMED: list[tuple[str, Callable[[], CRL]]] = [
    ("removeFromCRL in a full list", lambda: sign((1, "removeFromCRL"))),
    ("an indicator that is not critical", lambda: sign(extensions=[(x509.DeltaCRLIndicator(1), False)])),
    ("a delta without a number", lambda: delta(number=None)),
    ("a delta before its base", lambda: delta(base=13)),
    ("a delta with deltas of its own", lambda: delta(extensions=[(HTTP, False)])),
    ("a scope that is not critical", lambda: sign(extensions=[point(critical=False, only_contains_user_certs=True)])),
    ("an indirect list", lambda: sign(extensions=[point(indirect_crl=True)])),
    ("attribute certificates", lambda: sign(extensions=[point(only_contains_attribute_certs=True)])),
    (
        "some reasons only",
        lambda: sign(extensions=[point(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise}))]),
    ),
]


@pytest.mark.parametrize("make_list", [row[1] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_lists_that_are_refused(make_list: Callable[[], CRL]) -> None:
    with pytest.raises(CertificateMalformedError):
        make_list()


def test_a_full_list_tells_where_its_deltas_are() -> None:
    assert sign(extensions=[(HTTP, False)]).freshest == ("http://crl.example/delta.crl",)


# --- whom a list covers ----------------------------------------------------------------------------------------------

HERE, ELSEWHERE = "http://crl.example/1.crl", "http://crl.example/2.crl"
COVERS: list[tuple[str, list[Extension], Certificate, bool]] = [
    ("all", [], leaf(), True),
    ("holders: a holder", [point(only_contains_user_certs=True)], leaf(), True),
    ("holders: a CA", [point(only_contains_user_certs=True)], leaf(ca=True), False),
    ("CAs: a CA", [point(only_contains_ca_certs=True)], leaf(ca=True), True),
    ("CAs: a holder", [point(only_contains_ca_certs=True)], leaf(), False),
    ("its point", [point(full_name=uri(HERE))], leaf(HERE), True),
    ("one of its points", [point(full_name=uri(HERE))], leaf(ELSEWHERE, HERE), True),
    ("another point", [point(full_name=uri(HERE))], leaf(ELSEWHERE), False),
    ("a point, and the certificate names none", [point(full_name=uri(HERE))], leaf(), False),
    ("a point that is no URI", [point(full_name=[x509.DNSName("crl.example")])], leaf(HERE), False),
]


@pytest.mark.parametrize(("extensions", "certificate", "covered"), [r[1:] for r in COVERS], ids=[r[0] for r in COVERS])
def test_a_list_speaks_for_whom_it_covers(extensions: list[Extension], certificate: Certificate, covered: bool) -> None:
    crl = sign(extensions=extensions)
    check = CRLs(lambda issuer: [crl], leaf_only=True)
    if covered:
        check.check((certificate, ISSUER), NOW)
        return
    with pytest.raises(RevocationUnknownError) as refused:
        check.check((certificate, ISSUER), NOW)
    assert refused.value.reason == "scope"


# --- lists at hand ---------------------------------------------------------------------------------------------------


def test_of_lists_and_deltas_at_hand_the_newest_that_fit_decide() -> None:
    holder = leaf()
    held, gone = (holder.serial, "certificateHold"), (holder.serial, "removeFromCRL")
    base, older, newer = sign(held), delta(gone, number=11), delta(gone, number=12, start=NOW)
    for lists in ([base, newer], [newer, older, base]):
        CRLs(lambda issuer, lists=lists: lists, leaf_only=True).check((holder, ISSUER), NOW)  # type: ignore[misc]
    again = delta(held, number=13, start=NOW + timedelta(minutes=1))
    for lists in ([base], [base, newer, again]):
        with pytest.raises(OnHoldError):
            CRLs(lambda issuer, lists=lists: lists, leaf_only=True).check((holder, ISSUER), NOW)  # type: ignore[misc]


# --- a second opinion ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["good", "held", "released", "revoked in the delta"])
def test_openssl_says_the_same_of_its_own_delta(tmp_path: Path, state: str) -> None:
    root = make("Root")
    holder = make("Leaf", root, ca=False)
    records = OpenSSLCA(root, tmp_path / "ca")
    records.issued(holder)
    if state in ("held", "released"):
        records.revoke(holder, "holdInstruction,holdInstructionNone")
    base = records.crl(number=1, extensions="freshestCRL = URI:http://crl.example/delta.crl")
    if state == "released":
        records.revoke(holder, "removeFromCRL")
    elif state == "revoked in the delta":
        records.revoke(holder)
    change = records.crl(number=2, extensions="2.5.29.27 = critical,ASN1:INTEGER:1")
    said = openssl_verify(tmp_path, root, holder, base, change)
    check = CRLs(lambda issuer: [base, change], leaf_only=True)
    chain = (Certificate.parse(holder.der), Certificate.parse(root.der))
    if state in ("good", "released"):
        check.check(chain, now())
        assert said.endswith("leaf.pem: OK\n")
        return
    with pytest.raises(RevokedError) as refused:
        check.check(chain, now())
    assert isinstance(refused.value, OnHoldError) is (state == "held")
    assert "certificate revoked" in said


def openssl_verify(place: Path, root: Node, holder: Node, *lists: bytes) -> str:
    names = []
    for number, der in enumerate(lists):
        path = place / f"{number}.crl"
        path.write_bytes(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM))
        names += ["-CRLfile", path]
    trusted, _ = write_pem(root, place, "root")
    leaf_file, _ = write_pem(holder, place, "leaf")
    options = ("-crl_check", "-use_deltas", "-extended_crl", "-CAfile", trusted)
    try:
        return openssl("verify", *options, *names, leaf_file)
    except AssertionError as refused:
        return str(refused)


def test_openssl_lets_a_full_list_remove_and_we_do_not(tmp_path: Path) -> None:
    """It takes removeFromCRL in a full list for a certificate in good standing."""
    root = make("Root")
    holder = make("Leaf", root, ca=False)
    records = OpenSSLCA(root, tmp_path / "ca")
    records.revoke(holder, "removeFromCRL")
    full = records.crl()
    trusted, _ = write_pem(root, tmp_path, "root")
    leaf_file, _ = write_pem(holder, tmp_path, "leaf")
    (tmp_path / "full.crl").write_bytes(x509.load_der_x509_crl(full).public_bytes(Encoding.PEM))
    said = openssl("verify", "-crl_check", "-CAfile", trusted, "-CRLfile", tmp_path / "full.crl", leaf_file)
    assert said.endswith("leaf.pem: OK\n")
    with pytest.raises(CertificateMalformedError):
        CRL.parse(full)
