"""What OpenSSL, pyhanko-certvalidator and we make of our CRLs and OCSP answers about a certificate in each state."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import ExpiredError, PathValidationError, RevokedError, ValidationError

from openssl_ca import openssl
from publication_world import ONE, SHARDED, Publications
from zorgid_card import errors
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl import CRL
from zorgid_card.pki.ocsp import Answer, Question
from zorgid_card.pki.revocation import CRLs

STATES = {
    "good": ("good", "good"),
    "on hold": ("certificateHold", "certificateHold"),
    "resumed": ("good", "good"),
    "revoked": ("keyCompromise", "keyCompromise"),
    "revoked while on hold": ("superseded", "superseded"),
    "unknown": ("good", "unknown"),
    "expired": ("expired", "good"),
}
"""What its CRLs, and its OCSP answer, say of a certificate; CRLs know nothing of what their CA has not issued."""


@dataclass
class Published:
    """One portal: certificates in all states, the lists as they were before the last changes, and as they are."""

    world: Publications
    place: Path
    certificates: dict[str, Certificate]
    before: dict[str, bytes]

    @property
    def issuer_der(self) -> bytes:
        return self.world.authority.certificate

    def lists(self, certificate: Certificate, form: str) -> list[bytes]:
        """The full list for this certificate; or an older one and the delta on it."""
        named = certificate.crl_urls[0].rpartition("/")[2]
        full, delta = ("crl.der", "delta-crl.der") if named == "all.crl" else (named, named.replace(".", "-delta."))
        return [self.world.files[full]] if form == "full" else [self.before[full], self.world.files[delta]]

    def pem(self, name: str, der: bytes) -> Path:
        path = self.place / f"{name}.pem"
        made = x509.load_der_x509_crl(der) if name.startswith("list") else x509.load_der_x509_certificate(der)
        path.write_bytes(made.public_bytes(Encoding.PEM))
        return path


@pytest.fixture(scope="module", params=["one list", "shards"])
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    world = Publications(ONE if request.param == "one list" else SHARDED)
    certificates = {
        name: world.issue(expired=name == "expired", registered=name != "unknown", serial=(1 << 100) + number)
        for number, name in enumerate(STATES)
    }
    for name in ("resumed", "revoked while on hold"):
        world.change(certificates[name], "block")
    world.lists.refresh()
    before = dict(world.files)
    world.forward(minutes=1)
    world.change(certificates["on hold"], "block")
    world.change(certificates["resumed"], "release")
    world.change(certificates["revoked"], "revoke")
    world.change(certificates["revoked while on hold"], "revoke", "superseded")
    world.lists.refresh()
    yield Published(world, tmp_path_factory.mktemp("states"), certificates, before)
    world.store.close()


every_state = pytest.mark.parametrize("state", STATES)
both_forms = pytest.mark.parametrize("form", ["full", "delta"])


@both_forms
@every_state
def test_we_say_of_our_lists(published: Published, state: str, form: str) -> None:
    certificate = published.certificates[state]
    chain = certificate, published.world.issuer
    check = CRLs(lambda issuer: published.lists(certificate, form), leaf_only=True)
    expected = STATES[state][0]
    if expected in ("good", "expired"):
        check.check(chain, published.world.now)
        return
    with pytest.raises(errors.RevokedError) as refused:
        check.check(chain, published.world.now)
    assert refused.value.details["reason"] == expected
    assert isinstance(refused.value, errors.OnHoldError) is (expected == "certificateHold")


@both_forms
@every_state
def test_openssl_verify_says_the_same(published: Published, state: str, form: str) -> None:
    certificate = published.certificates[state]
    files = [published.pem(f"list {n}", der) for n, der in enumerate(published.lists(certificate, form))]
    options = ["-use_deltas"] if form == "delta" else []
    options += [part for file in files for part in ("-CRLfile", file)]
    try:
        said = openssl(
            "verify", "-crl_check", *options, "-CAfile", published.pem("root", published.world.authority.root),
            "-untrusted", published.pem("ca", published.world.authority.certificate),
            published.pem("leaf", certificate.der),
        )  # fmt: skip
    except AssertionError as refused:
        said = str(refused)
    told = {"good": "leaf.pem: OK", "expired": "certificate has expired"}.get(STATES[state][0], "certificate revoked")
    assert told in said


@both_forms
@every_state
def test_certvalidator_says_the_same(published: Published, state: str, form: str) -> None:
    certificate = published.certificates[state]
    # where a list names deltas, it wants one, also beside a list that is as new
    lists = {*published.lists(certificate, form), *published.lists(certificate, "delta")[1:]}
    said = judged(published, certificate, crls=list(lists))
    assert said == {"good": "good", "expired": "expired"}.get(STATES[state][0], "revoked")


@every_state
def test_certvalidator_says_the_same_of_the_ocsp_answer(published: Published, state: str) -> None:
    certificate = published.certificates[state]
    question = Question(certificate, published.world.issuer)
    said = judged(published, certificate, ocsps=[published.world.ocsp.answer(question.der).der])
    expected = "expired" if state == "expired" else STATES[state][1]
    assert said.partition(":")[0] == {state: state for state in ("good", "expired")}.get(
        expected, "not told" if expected == "unknown" else "revoked"
    )


def judged(published: Published, certificate: Certificate, **information: list[bytes]) -> str:
    """What pyhanko-certvalidator says of a certificate when it has nothing but this information about the leaf."""
    root, ca, leaf = (
        asn1.Certificate.load(bytes(der))
        for der in (published.world.authority.root, published.world.authority.certificate, certificate.der)
    )
    root_crl = published.world.lists.of_root()
    crls = [root_crl, *information.get("crls", [])]
    context = ValidationContext(
        trust_roots=[root], other_certs=[ca], crls=crls, ocsps=information.get("ocsps"), revocation_mode="require"
    )
    validator = CertificateValidator(leaf, [ca], context)
    try:
        asyncio.run(validator.async_validate_usage({"digital_signature"}))
    except ExpiredError:
        return "expired"
    except RevokedError:
        return "revoked"
    except (PathValidationError, ValidationError) as error:
        return f"not told: {error}"
    return "good"


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@every_state
def test_openssl_ocsp_says_the_same(published: Published, state: str, digest: str) -> None:
    certificate, place = published.certificates[state], published.place
    root, ca = published.pem("root", published.world.authority.root), published.pem("ca", published.issuer_der)
    which = (f"-{digest}", "-issuer", ca, "-cert", published.pem("leaf", certificate.der))
    request, answer = place / "request.der", place / "answer.der"
    openssl("ocsp", *which, "-reqout", request, "-nonce")
    answer.write_bytes(published.world.ocsp.answer(request.read_bytes()).der)
    said = openssl("ocsp", "-reqin", request, "-respin", answer, "-CAfile", root, "-verify_other", ca, "-text")
    expected = STATES[state][1]
    assert "Response verify OK" in said
    assert "WARNING: no nonce" not in said
    told = expected if expected in ("good", "unknown") else "revoked"
    assert f"Cert Status: {told}" in said
    if told == "revoked":
        assert f"Revocation Reason: {expected}" in said


@every_state
def test_we_say_of_our_answers(published: Published, state: str) -> None:
    for digest in ("SHA1", "SHA256"):
        question = Question(published.certificates[state], published.world.issuer, b"n" * 32, digest)  # type: ignore[arg-type]
        answer = Answer.parse(published.world.ocsp.answer(question.der).der)
        answer.verify(question, published.world.now)
        expected = STATES[state][1]
        if expected == "good":
            answer.status()
            continue
        kind = errors.RevocationUnknownError if expected == "unknown" else errors.RevokedError
        with pytest.raises(kind) as refused:
            answer.status()
        assert refused.value.details["reason"] == expected


def test_a_resumed_certificate_is_in_deltas_alone(published: Published) -> None:
    """Structurally: removeFromCRL stands in no full list, and in a delta for what is on hold no more (RFC 5280, 5.3.1)."""
    resumed = published.certificates["resumed"].serial
    found = set()
    for name, der in (published.before | {f"new {name}": der for name, der in published.world.files.items()}).items():
        crl = x509.load_der_x509_crl(der)
        delta = any(isinstance(item.value, x509.DeltaCRLIndicator) for item in crl.extensions)
        reasons = {entry.serial_number: reason_of(entry) for entry in crl}
        assert delta == ("delta" in name)
        if not delta:
            assert x509.ReasonFlags.remove_from_crl not in reasons.values()
        if name.startswith("new") and resumed in reasons:
            found.add((delta, reasons[resumed]))
    assert found == {(True, x509.ReasonFlags.remove_from_crl)}


def reason_of(entry: x509.RevokedCertificate) -> x509.ReasonFlags:
    flags = [item.value.reason for item in entry.extensions if isinstance(item.value, x509.CRLReason)]
    return flags[0] if flags else x509.ReasonFlags.unspecified


def test_openssl_reads_each_list(published: Published) -> None:
    ca = published.pem("ca", published.issuer_der)
    for name, der in published.world.files.items():
        if name != "root-crl.der":
            path = published.pem("list", der)
            text = openssl("crl", "-in", path, "-noout", "-text", "-CAfile", ca)
            assert "verify OK" in text
            full = "delta" not in name
            assert ("Delta CRL Indicator: critical" in text) is not full
            assert ("Freshest CRL" in text) is full
            sharded = name not in ("crl.der", "delta-crl.der")
            assert ("Issuing Distribution Point: critical" in text) is sharded
            assert ("Only User Certificates" in text) is sharded


def test_certificates_name_their_shard_and_its_deltas(published: Published) -> None:
    for certificate in published.certificates.values():
        (url,) = certificate.crl_urls
        (crl,) = [CRL.parse(der) for der in published.lists(certificate, "full")]
        crl.require_covers(certificate)
        assert crl.freshest == (url.replace(".crl", "-delta.crl"),)
        extensions = x509.load_der_x509_certificate(certificate.der).extensions
        freshest = extensions.get_extension_for_class(x509.FreshestCRL).value
        assert [point.full_name[0].value for point in freshest if point.full_name] == [*crl.freshest]
