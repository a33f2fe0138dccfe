"""OCSP answers, made by OpenSSL's responder: what is believed, and what is refused with which reason (RFC 6960, 3.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from openssl_ca import OpenSSLCA, now, openssl, write_pem
from pki_world import END, START, Node, make, shared
from zorgid_card.errors import (
    CertificateError,
    CertificateMalformedError,
    OnHoldError,
    RevocationUnknownError,
    RevokedError,
    SignatureError,
)
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.freshness import Freshness
from zorgid_card.pki.ocsp import Answer, NoncePolicy, Question, is_not_checked

NONCE = bytes(range(32))
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
OCSP_SIGNING = (ExtendedKeyUsageOID.OCSP_SIGNING,)
NO_CHECK = [(x509.OCSPNoCheck(), False)]


@dataclass
class Scene:
    ca: Node
    leaf: Node
    records: OpenSSLCA

    def question(self, **changes: object) -> Question:
        asked = Question(Certificate.parse(self.leaf.der), Certificate.parse(self.ca.der), NONCE)
        return replace(asked, **changes)  # type: ignore[arg-type]

    def responder(self, issuer: Node | None = None, **options: object) -> Node:
        given: dict[str, object] = {
            "ca": None, "usages": ("digital_signature",), "purposes": OCSP_SIGNING, "extensions": NO_CHECK,
        } | options  # fmt: skip
        return make("Responder", issuer or self.ca, **given)  # type: ignore[arg-type]

    def answer(self, question: Question | None = None, *options: object, signer: Node | None = None) -> Answer:
        return Answer.parse(self.records.answer((question or self.question()).der, *options, signer=signer))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    ca = make("CA", make("Root"))
    made = Scene(ca, make("Leaf", ca, ca=False, usages=("digital_signature",)), OpenSSLCA(ca, tmp_path / "ca"))
    made.records.issued(made.leaf)
    return made


def fresh(answer: Answer, at: datetime | None = None) -> None:
    Freshness(answer.this_update, answer.next_update, timedelta(hours=1), MINUTE).require(at or now())


# --- the question ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digest", ["SHA1", "SHA256"])
def test_openssl_reads_the_question_as_its_own(scene: Scene, tmp_path: Path, digest: str) -> None:
    ours, theirs = tmp_path / "ours.der", tmp_path / "theirs.der"
    ours.write_bytes(scene.question(digest=digest, nonce=None).der)
    leaf, _ = write_pem(scene.leaf, tmp_path, "leaf")
    ca, _ = write_pem(scene.ca, tmp_path, "ca-again")
    openssl("ocsp", f"-{digest.lower()}", "-issuer", ca, "-cert", leaf, "-no_nonce", "-reqout", theirs)
    assert ours.read_bytes() == theirs.read_bytes()


def test_the_question_carries_the_nonce(scene: Scene) -> None:
    request = ocsp.load_der_ocsp_request(scene.question().der)
    assert request.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == NONCE


def test_the_real_test_pass_is_named_by_the_key_its_issuer_has() -> None:
    issuer = shared("uzi-test-card/test-uzi-register-zorgverlener-ca-g3.cer")
    asked = Question(Certificate.parse(shared("uzi-test-card/authenticity.cer")), Certificate.parse(issuer))
    request = ocsp.load_der_ocsp_request(asked.der)
    identifier = x509.SubjectKeyIdentifier.from_public_key(Certificate.parse(issuer).public_key).digest
    assert (request.issuer_key_hash, request.serial_number) == (identifier, asked.certificate.serial)
    assert request.issuer_name_hash == hashlib.sha1(Certificate.parse(issuer).subject).digest()
    assert asked.certificate.ocsp_urls == ("http://ocsp.uzi-register-test.nl",)


# --- answers that are believed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("digest", ["SHA1", "SHA256"])
@pytest.mark.parametrize("options", [(), ("-resp_key_id",)], ids=["by name", "by key"])
def test_good_signed_by_the_ca_itself(scene: Scene, digest: str, options: tuple[str, ...]) -> None:
    question = scene.question(digest=digest)
    answer = scene.answer(question, *options)
    answer.verify(question, now())
    fresh(answer)
    answer.status()
    assert answer.responder is None


@pytest.mark.parametrize("options", [(), ("-resp_key_id",)], ids=["by name", "by key"])
@pytest.mark.parametrize("key", ["EC", "RSA"])
def test_good_signed_by_a_responder_of_the_ca(scene: Scene, options: tuple[str, ...], key: str) -> None:
    signer = scene.responder(key=rsa.generate_private_key(65537, 2048) if key == "RSA" else None)
    answer = scene.answer(None, *options, signer=signer)
    answer.verify(scene.question(), now())
    answer.status()
    assert answer.responder == Certificate.parse(signer.der)
    assert is_not_checked(answer.responder)


def test_a_responder_that_the_ca_does_not_exempt_is_told_apart(scene: Scene) -> None:
    answer = scene.answer(signer=scene.responder(extensions=()))
    answer.verify(scene.question(), now())
    assert answer.responder is not None
    assert not is_not_checked(answer.responder)


@pytest.mark.parametrize(
    ("reason", "error"),
    [("keyCompromise", RevokedError), ("certificateHold", OnHoldError), ("superseded", RevokedError)],
)
def test_aut_2_revoked_with_reason_and_date(scene: Scene, reason: str, error: type[RevokedError]) -> None:
    stored = "holdInstruction,holdInstructionNone" if reason == "certificateHold" else reason
    scene.records.revoke(scene.leaf, stored)
    answer = scene.answer()
    answer.verify(scene.question(), now())
    with pytest.raises(RevokedError) as refused:
        answer.status()
    assert type(refused.value) is error
    assert (refused.value.reason, refused.value.since) == (reason, "2026-11-01T00:00:00Z")
    assert refused.value.serial == f"{scene.leaf.certificate.serial_number:x}"


def test_a_certificate_that_the_responder_does_not_know_is_refused_for_that(scene: Scene) -> None:
    stranger = make("Stranger", scene.ca, ca=False)
    question = scene.question(certificate=Certificate.parse(stranger.der))
    answer = scene.answer(question)
    answer.verify(question, now())
    with pytest.raises(RevocationUnknownError) as refused:
        answer.status()
    assert refused.value.reason == "unknown"


# --- the nonce -------------------------------------------------------------------------------------------------------

NONCES: list[tuple[bytes | None, bytes | None, NoncePolicy, bool]] = [
    (NONCE, NONCE, "required", True),
    (NONCE, None, "required", False),
    (NONCE, bytes(32), "required", False),
    (None, None, "required", False),
    (NONCE, NONCE, "if-given", True),
    (NONCE, None, "if-given", True),
    (NONCE, bytes(32), "if-given", False),
    (None, None, "none", True),
    (None, bytes(32), "none", True),
]


@pytest.mark.parametrize(("sent", "answered", "policy", "believed"), NONCES)
def test_what_each_policy_asks_of_the_nonce(
    scene: Scene, sent: bytes | None, answered: bytes | None, policy: NoncePolicy, believed: bool
) -> None:
    answer = scene.answer(scene.question(nonce=answered))  # OpenSSL repeats the nonce that it was sent
    assert answer.nonce == answered
    if believed:
        answer.verify(scene.question(nonce=sent), now(), nonce=policy)
        return
    with pytest.raises(RevocationUnknownError) as refused:
        answer.verify(scene.question(nonce=sent), now(), nonce=policy)
    assert refused.value.reason == "nonce"


# --- answers that are refused ----------------------------------------------------------------------------------------


def sibling(scene: Scene) -> Node:
    """A CA below the same CA, with the purpose that the register's CAs have: it answers for nobody."""
    return scene.responder(ca=True, usages=("digital_signature", "key_cert_sign"))


SIGNERS: list[tuple[str, Callable[[Scene], Node]]] = [
    ("of another CA", lambda scene: scene.responder(make("Other"))),
    ("of another CA of the same name", lambda scene: scene.responder(make("CA"))),
    ("without the purpose", lambda scene: scene.responder(purposes=())),
    ("of another purpose", lambda scene: scene.responder(purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,))),
    ("that may not sign", lambda scene: scene.responder(usages=("key_encipherment",))),
    ("expired", lambda scene: scene.responder(end=START + timedelta(days=9))),
    ("not yet valid", lambda scene: scene.responder(start=END - timedelta(days=9))),
    ("a CA", sibling),
    ("signed by itself", lambda scene: make("CA", purposes=OCSP_SIGNING, usages=("digital_signature",))),
    ("with a critical extension", lambda scene: scene.responder(extensions=[(UNKNOWN, True)])),
]
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


@pytest.mark.parametrize("signer", [row[1] for row in SIGNERS], ids=[row[0] for row in SIGNERS])
def test_who_is_no_responder_of_the_ca_is_not_believed(scene: Scene, signer: Callable[[Scene], Node]) -> None:
    answer = scene.answer(signer=signer(scene))
    with pytest.raises(CertificateError) as refused:
        answer.verify(scene.question(), now())
    assert isinstance(refused.value, SignatureError) or refused.value.reason == "responder"


def test_an_answer_without_its_signers_certificate_is_not_believed(scene: Scene) -> None:
    answer = scene.answer(None, "-resp_no_certs", signer=scene.responder())
    with pytest.raises(RevocationUnknownError) as refused:
        answer.verify(scene.question(), now())
    assert refused.value.reason == "responder"


def test_a_wrong_signature_is_not_believed(scene: Scene) -> None:
    answer = scene.answer(None, "-badsig")
    with pytest.raises(SignatureError):
        answer.verify(scene.question(), now())


def test_sha_1_is_no_signature(scene: Scene) -> None:
    with pytest.raises(SignatureError):
        scene.answer(None, "-rmd", "sha1")


def test_an_answer_about_another_certificate_or_issuer_is_not_believed(scene: Scene) -> None:
    other = scene.question(certificate=Certificate.parse(make("Other leaf", scene.ca, ca=False).der))
    digest = scene.question(digest="SHA256")
    for asked in (other, digest):
        with pytest.raises(RevocationUnknownError) as refused:
            scene.answer(asked).verify(scene.question(), now())
        assert refused.value.reason == "certID"


def test_an_answer_about_two_certificates_is_not_believed(scene: Scene, tmp_path: Path) -> None:
    request = tmp_path / "two.der"
    ca, _ = write_pem(scene.ca, tmp_path, "ca-again")
    leaf, _ = write_pem(scene.leaf, tmp_path, "leaf")
    other, _ = write_pem(make("Other leaf", scene.ca, ca=False), tmp_path, "other")
    openssl("ocsp", "-issuer", ca, "-cert", leaf, "-cert", other, "-reqout", request)
    with pytest.raises(RevocationUnknownError) as refused:
        Answer.parse(scene.records.answer(request.read_bytes()))
    assert refused.value.reason == "responses"


@pytest.mark.parametrize("status", [s for s in ocsp.OCSPResponseStatus if s is not ocsp.OCSPResponseStatus.SUCCESSFUL])
def test_a_responder_that_declines_is_told_so(status: ocsp.OCSPResponseStatus) -> None:
    with pytest.raises(RevocationUnknownError) as refused:
        Answer.parse(ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER))
    assert refused.value.reason == "ocsp status"
    assert refused.value.status == status.name.lower().replace("_", " ")


# --- how fresh -------------------------------------------------------------------------------------------------------


def dated(scene: Scene, this: datetime, following: datetime | None) -> Answer:
    """An answer with dates of any kind; OpenSSL's are those of now."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        scene.leaf.certificate,
        scene.ca.certificate,
        hashes.SHA1(),
        ocsp.OCSPCertStatus.GOOD,
        this,
        following,
        None,
        None,
    )
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, scene.ca.certificate).sign(
        scene.ca.key, hashes.SHA256()
    )
    return Answer.parse(signed.public_bytes(Encoding.DER))


@pytest.mark.parametrize(
    ("this", "following", "reason"),
    [
        (timedelta(minutes=-59), timedelta(hours=1), None),
        (timedelta(minutes=-59), None, None),
        (timedelta(minutes=-61), timedelta(hours=1), "stale"),
        (timedelta(minutes=-59), timedelta(seconds=-5), "stale"),
        (timedelta(seconds=50), timedelta(hours=1), None),
        (timedelta(seconds=90), timedelta(hours=1), "not yet valid"),
    ],
)
def test_the_window_of_an_answer(
    scene: Scene, this: timedelta, following: timedelta | None, reason: str | None
) -> None:
    at = now().replace(microsecond=0)
    answer = dated(scene, at + this, None if following is None else at + following)
    answer.verify(scene.question(nonce=None), at, nonce="none")
    if reason is None:
        fresh(answer, at)
        return
    with pytest.raises(RevocationUnknownError) as refused:
        fresh(answer, at)
    assert refused.value.reason == reason


def test_no_moment_of_judgement_is_too_late_to_be_judged() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    dates = Freshness(START, START + timedelta(hours=1), timedelta(hours=1), timedelta(minutes=5))
    assert dates.overdue(last) > timedelta(days=365)


def test_an_answer_of_yesterday_is_of_no_use_today_and_todays_of_none_for_yesterday(scene: Scene) -> None:
    answer = scene.answer()
    for moment, reason in ((now() + timedelta(days=1), "stale"), (now() - timedelta(days=1), "not yet valid")):
        with pytest.raises(RevocationUnknownError) as refused:
            fresh(answer, moment)
        assert refused.value.reason == reason


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_answer_signed_before_what_it_says_or_after_now_is_not_believed(scene: Scene, minutes: int) -> None:
    at = now()
    answer = dated(scene, at + (10 * MINUTE if minutes < 0 else -DAY), None)  # signed now
    with pytest.raises(RevocationUnknownError) as refused:
        answer.verify(scene.question(nonce=None), at - timedelta(minutes=max(minutes, 0)), nonce="none")
    assert refused.value.reason == "producedAt"


# --- octets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("octets", [b"", b"\x30", b"garbage", bytes(70_000), b"\x30\x03\x0a\x01\x00"])
def test_what_is_no_answer_is_refused(octets: bytes) -> None:
    with pytest.raises(CertificateMalformedError):
        Answer.parse(octets)


def test_nothing_hides_behind_an_answer(scene: Scene) -> None:
    der = scene.records.answer(scene.question().der)
    with pytest.raises(CertificateMalformedError):
        Answer.parse(der + b"\x00")


CA = make("CA")
LEAF = make("Leaf", CA, ca=False)
ASKED = Question(Certificate.parse(LEAF.der), Certificate.parse(CA.der), None)
SIGNED = (
    ocsp.OCSPResponseBuilder()
    .add_response(LEAF.certificate, CA.certificate, hashes.SHA1(), ocsp.OCSPCertStatus.REVOKED, START, END, START, None)
    .responder_id(ocsp.OCSPResponderEncoding.NAME, CA.certificate)
    .sign(CA.key, hashes.SHA256())
    .public_bytes(Encoding.DER)
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_octets_changed_at_random_are_not_believed(data: st.DataObject) -> None:
    """A changed answer is refused, or it says the very same; nothing but typed errors comes out."""
    der = bytearray(SIGNED)
    der[data.draw(st.integers(0, len(der) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        answer = Answer.parse(bytes(der))
        answer.verify(ASKED, START + MINUTE, nonce="none")
    except CertificateError:
        return
    with pytest.raises(RevokedError):
        answer.status()
    assert (answer.this_update, answer.next_update) == (START, END)
