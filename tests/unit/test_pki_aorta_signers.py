"""Who signs AORTA tokens, and with which card: all else is refused before a PIN is asked (AUT-4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from aorta_signers import URA, attribute, refused, text
from aorta_world import (
    ACTING,
    BSN,
    ENROLMENT,
    MANDATE,
    NOW,
    TRANSACTION,
    Key,
    Linked,
    doctor,
    issuer,
    key_of,
    pki,
    signed,
    smartcards,
    verified,
    worker,
)
from card_scripts import powered
from world import PRACTICE, World, card_pin
from zorgid_card.cards import CardKind, PINRequest, open_card
from zorgid_card.errors import (
    CertificateExpiredError,
    CertificateNotYetValidError,
    CertificateUsageError,
    NotLinkedError,
    OrganisationMismatchError,
    PassTypeError,
    ProofError,
    TokenConditionsError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.pki.aorta import (
    DEFAULT,
    Acting,
    Content,
    Inschrijftoken,
    Lifetime,
    Mandaattoken,
    Profile,
    Transactietoken,
    VerifiedToken,
    sign_token,
    sign_with_card,
)
from zorgid_card.pki.aorta.names import read_issuer_serial
from zorgid_card.pki.aorta.sign import _CardKey
from zorgid_card.pki.identity import ZorgIDIdentity
from zorgid_card.pki.profile import POLICIES
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.trust import TrustStore
from zorgid_card.pki.verifier import SmartcardVerifier
from zorgid_card.ports.registry import CardLink, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, FRONT_DESK
from zorgid_card.testkit.zorgid import PIN as SMARTCARD_PIN
from zorgid_card.workflows.policy import CreationPolicy
from zorgid_card.workflows.registry_links import RegistryLinks


@pytest.mark.parametrize(
    ("content", "usage"),
    [
        (TRANSACTION, "signature"),
        (ENROLMENT, "signature"),
        (MANDATE, "authenticity"),
        (TRANSACTION, "confidentiality"),
    ],
)
def test_aut_4_another_key_of_the_pass_is_refused_before_the_pin(content: Content, usage: str) -> None:
    error = refused(content, key_of(doctor(), usage))
    assert isinstance(error, CertificateUsageError)
    assert error.usage == usage


def test_aut_4_an_employee_gives_no_mandate() -> None:
    error = refused(MANDATE, key_of(worker(), "signature"))
    assert isinstance(error, PassTypeError)
    assert (error.found, error.expected) == ("N", "Z")


def test_aut_4_a_pass_of_nobody_signs_no_token() -> None:
    contents = pki().pass_(FRONT_DESK, DE_LINDE, "M")
    assert isinstance(refused(TRANSACTION, key_of(contents, "authenticity")), PassTypeError)


def test_aut_4_identity_and_organisation_are_the_certificates() -> None:
    key = key_of(doctor(), "authenticity")
    assert isinstance(
        refused(TRANSACTION, key, acting=Acting(ura="90000999", role="01.015")), OrganisationMismatchError
    )
    assert isinstance(refused(TRANSACTION, key, acting=Acting(ura="90000123", role="01.016")), UsageError)
    signed(TRANSACTION, acting=Acting(ura="90000123", role="01.015"))


def test_aut_4_anothers_certificate_is_refused_before_the_pin() -> None:
    mixed = Key(key_of(worker(), "authenticity").private, key_of(doctor(), "authenticity").certificate)
    assert refused(TRANSACTION, mixed).reason == "certificate"


def test_aut_4_only_rsa_with_pkcs1_and_sha_256_signs() -> None:
    assert refused(TRANSACTION, key_of(doctor(), "authenticity"), "PS256").reason == "algorithm"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 2, 28, tzinfo=UTC), CertificateNotYetValidError),
        (datetime(2029, 3, 2, tzinfo=UTC), CertificateExpiredError),
    ],
)
def test_aut_4_an_expired_pass_is_refused_before_the_pin(at: datetime, expected: type[ZorgIDError]) -> None:
    assert isinstance(refused(TRANSACTION, key_of(doctor(), "authenticity"), at=at), expected)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    assert refused(TRANSACTION, key_of(doctor(), "authenticity"), at=datetime(2026, 6, 1)).reason == "naive time"


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1), timedelta(minutes=15, seconds=1)])
def test_aut_4_a_lifetime_beyond_the_policy_is_refused(lifetime: timedelta) -> None:
    assert refused(TRANSACTION, key_of(doctor(), "authenticity"), lifetime=lifetime).reason == "lifetime"


def test_aut_4_a_mandate_ends_with_its_certificate() -> None:
    at = datetime(2029, 2, 1, tzinfo=UTC)
    data = signed(MANDATE, at=at)
    assert attribute(data, "/*/saml:Conditions/@NotOnOrAfter") == "2029-03-01T00:00:01Z"
    assert attribute(signed(ENROLMENT, at=at), "/*/saml:Conditions/@NotOnOrAfter") > "2030"


def test_aut_4_the_profile_is_the_callers_to_change() -> None:
    profile = Profile(
        audience="urn:test",
        patient="urn:IIroot:2.16.840.1.113883.2.4.6.3:IIext:",
        professional="uzi:",
        context="context",
        lifetimes={**DEFAULT.lifetimes, "mandaattoken": Lifetime(timedelta(days=1), timedelta(days=2))},
    )
    assert text(signed(ENROLMENT, profile=profile), "//saml:NameID").endswith(f"2.4.6.3:IIext:{BSN}")
    data = signed(MANDATE, profile=profile)
    assert text(data, "//saml:Issuer") == "uzi:900000015"
    assert verified(data, Mandaattoken, profile=profile).content.context == "Medicatie"
    with pytest.raises(TokenConditionsError, match="somebody else"):
        verified(data, Mandaattoken, profile=Profile(professional="uzi:", context="context"))
    assert (
        refused(MANDATE, key_of(doctor(), "signature"), profile=profile, lifetime=timedelta(days=3)).reason
        == "lifetime"
    )


def test_what_the_card_signs_must_verify() -> None:
    key = key_of(doctor(), "authenticity")

    class Lies:
        public_key = key.signer.public_key
        algorithm = "RS256"

        def sign(self, data: bytes, /) -> bytes:
            return key.signer.sign(data + b" ")

    with pytest.raises(ProofError):
        sign_token(TRANSACTION, Lies(), key.certificate, at=NOW)


def test_aut_4_a_card_makes_no_other_signature_than_aortas() -> None:
    key = _CardKey(key_of(doctor(), "authenticity").signer)
    for padding_, digest in (
        (padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()),
        (padding.PKCS1v15(), hashes.SHA1()),
    ):
        with pytest.raises(UsageError):
            key.sign(b"", padding=padding_, algorithm=digest)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Acting(ura="9000012", role="01.015"),
        lambda: Acting(ura="90000123", role="01015"),
        lambda: Mandaattoken(context="x", ura="x0000123"),
        lambda: Mandaattoken(context=""),
    ],
)
def test_what_is_not_of_its_form_makes_no_token(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        make()


@pytest.mark.parametrize("name", ["2.5.4.9=" + "x" * 2000, "2.5.4.97=#020101", "2.5.4.97=#0c02ff", "", "x", "CN", "=x"])
def test_an_issuers_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(ZorgIDError) as caught:
        read_issuer_serial(name, "1")
    assert caught.value.details["reason"] == "issuer name"


@pytest.mark.parametrize("bsn", ["999911121", "99991112", "000000000", "９９９９１１１２０", "999911120 ", ""])
def test_a_number_that_cannot_be_a_bsn_is_refused_and_not_told(bsn: str) -> None:
    with pytest.raises(UsageError) as caught:
        Inschrijftoken(bsn=bsn)
    assert not bsn or bsn not in str(caught.value)


@pytest.mark.parametrize(
    "attributes", [{"": "x"}, {"x": ""}, {"x": " y"}, {"x": "a\nb"}, {"x": "\x7f"}, {"x": "y" * 1001}, {"x\ud800": "y"}]
)
def test_what_xml_would_change_is_no_attribute(attributes: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Transactietoken(attributes=attributes)
    with pytest.raises(UsageError):
        Transactietoken(attributes={str(number): "x" for number in range(33)})


# --- from the card -------------------------------------------------------------------------------------------


def asked(pin: bytes, requests: list[PINRequest]) -> Callable[[PINRequest], Secret]:
    def provide(request: PINRequest) -> Secret:
        requests.append(request)
        return Secret.of(pin)

    return provide


@pytest.mark.parametrize(
    ("contents", "contents_of"),
    [(TRANSACTION, doctor), (TRANSACTION, worker), (ENROLMENT, doctor), (ENROLMENT, worker), (MANDATE, doctor)],
)
def test_aut_4_a_uzi_pass_signs_and_its_pin_is_asked_once(
    contents: Content, contents_of: Callable[[], PassContents]
) -> None:
    _, link = powered(VirtualUZIPass(contents_of()))
    requests: list[PINRequest] = []
    data = sign_with_card(contents, open_card(link), asked(DEFAULT_PIN, requests), at=NOW)  # type: ignore[arg-type]
    assert len(requests) == 1
    found = verified(data, type(contents))
    assert found.identity.uzi_number == contents_of().holder.uzi_number


def test_aut_4_the_signature_key_asks_its_pin_each_time() -> None:
    _, link = powered(VirtualUZIPass(doctor()))
    card: Any = open_card(link)
    requests: list[PINRequest] = []
    for _ in range(3):
        verified(sign_with_card(MANDATE, card, asked(DEFAULT_PIN, requests), at=NOW), Mandaattoken)
    assert len(requests) == 3


def test_aut_4_a_pass_that_may_not_sign_is_not_asked_for_its_pin() -> None:
    _, link = powered(VirtualUZIPass(worker()))
    requests: list[PINRequest] = []
    with pytest.raises(PassTypeError):
        sign_with_card(MANDATE, open_card(link), asked(DEFAULT_PIN, requests), at=NOW)  # type: ignore[arg-type]
    assert requests == []


@pytest.mark.parametrize("content", [TRANSACTION, ENROLMENT], ids=["transactietoken", "inschrijftoken"])
def test_aut_4_a_zorgid_smartcard_signs_with_the_registrys_word(content: Content) -> None:
    _, link = powered(issuer().card(FATIMA_EL_AMRANI, algorithm="RSA2048"))
    card: Any = open_card(link)
    assert card.kind is CardKind.ZORGID
    requests: list[PINRequest] = []
    data = sign_with_card(content, card, asked(SMARTCARD_PIN, requests), at=NOW, acting=ACTING)
    assert len(requests) == 1
    assert text(data, "//saml:AuthnContextClassRef") == "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"
    assert text(data, "//saml:Issuer") == URA
    found = verified(data, type(content), smartcards=smartcards(), links=Linked(ACTING))
    assert isinstance(found.identity, ZorgIDIdentity)
    assert (found.ura, found.role) == (ACTING.ura, ACTING.role)
    for options, error in (
        ({}, "not accepted"),
        ({"smartcards": smartcards()}, "no records"),
        ({"smartcards": smartcards(), "links": Linked(Acting(ura="90000999", role="00.000"))}, "linked"),
    ):
        with pytest.raises(ZorgIDError, match=error):
            verified(data, type(content), **options)


def test_aut_4_a_zorgid_smartcard_without_the_registrys_word_or_with_an_ec_key_is_not_asked() -> None:
    _, link = powered(issuer().card(FATIMA_EL_AMRANI, algorithm="RSA2048"))
    requests: list[PINRequest] = []
    provide: Any = asked(SMARTCARD_PIN, requests)
    card: Any = open_card(link)
    with pytest.raises(NotLinkedError):
        sign_with_card(TRANSACTION, card, provide, at=NOW)
    with pytest.raises(UsageError, match="no certificate"):
        sign_with_card(MANDATE, card, provide, at=NOW, acting=ACTING)
    with pytest.raises(CertificateUsageError):
        sign_token(MANDATE, card.signer("authenticity", provide), card.certificates()["authenticity"], at=NOW)
    _, link = powered(issuer().card(FATIMA_EL_AMRANI, algorithm="ECCP256"))
    card = open_card(link)
    with pytest.raises(UsageError, match="RSA"):
        sign_with_card(TRANSACTION, card, provide, at=NOW, acting=ACTING)
    assert requests == []


def test_aut_4_a_card_made_by_a_portal_signs_for_whom_it_is_linked_to(tmp_path: Path) -> None:
    world = World(tmp_path, creation=CreationPolicy(key_algorithm="RSA2048"))
    world.validated()
    made = world.create(world.worker())
    card, acting = world.card(), Acting(ura=PRACTICE.ura, role="00.000")
    judge = SmartcardVerifier(
        TrustStore(world.authority.chain[-1:], world.authority.chain[:-1], policies=POLICIES), CRLs(world.revocation)
    )

    def judged(at: datetime) -> VerifiedToken[Transactietoken]:
        token_ = sign_with_card(TRANSACTION, card, card_pin, at=at, acting=acting)  # type: ignore[arg-type]
        links = RegistryLinks(world.registry)
        return verified(token_, Transactietoken, at=at, smartcards=judge, links=links)

    found = judged(world.now)
    assert (found.identity.uzi_number, found.ura, found.role) == ("900000022", PRACTICE.ura, "00.000")
    with world.registry.begin() as unit:
        assert unit.get(SmartCard, made.serial).last_used_at == world.now
        for link in list(unit.find(CardLink, card_serial=made.serial)):
            unit.remove(link)
    with pytest.raises(NotLinkedError):
        judged(world.now)


def test_aut_4_a_registry_that_answers_for_another_organisation_is_not_heard() -> None:
    _, link = powered(issuer().card(FATIMA_EL_AMRANI, algorithm="RSA2048"))
    data = sign_with_card(ENROLMENT, open_card(link), asked(SMARTCARD_PIN, []), at=NOW, acting=ACTING)  # type: ignore[arg-type]
    with pytest.raises(ZorgIDError) as caught:
        verified(
            data,
            Inschrijftoken,
            smartcards=smartcards(),
            links=Linked(Acting(ura="90000999", role="00.000"), listens=False),
        )
    assert caught.value.details == {"field": "Issuer"}


def test_aut_4_in_a_zorgid_smartcards_role_the_registry_has_the_last_word() -> None:
    _, link = powered(issuer().card(FATIMA_EL_AMRANI, algorithm="RSA2048"))
    card: Any = open_card(link)
    claimed = Acting(ura=ACTING.ura, role="01.015")
    data = sign_with_card(TRANSACTION, card, asked(SMARTCARD_PIN, []), at=NOW, acting=claimed)
    with pytest.raises(ZorgIDError) as caught:
        verified(data, Transactietoken, smartcards=smartcards(), links=Linked(ACTING))
    assert caught.value.details == {"field": "NameID"}
