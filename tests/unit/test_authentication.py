"""Log-in with a UZI pass or a ZORG-ID Smartcard (AUT-1, AUT-2), verified against chain, revocation and registry."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from world import NOW, ORIGIN, World, card_token, pass_pin, pass_token
from zorgid_card.errors import (
    CertificateExpiredError,
    CertificateUsageError,
    NotLinkedError,
    OnHoldError,
    PassTypeError,
    ReplayError,
    RevocationUnknownError,
    RevokedError,
    SignatureError,
    UntrustedError,
    ZorgIDError,
)
from zorgid_card.pki.revocation import CRLs
from zorgid_card.pki.statement import SESSION, sign_statement
from zorgid_card.ports.registry import CardLink, Membership, Person
from zorgid_card.recipes import registry_log_in


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


def test_aut_2_a_uzi_pass_gives_its_holders_identity(world: World) -> None:
    token = pass_token(world, world.log_in.challenge("browser"))
    who = world.log_in.verify(token, binding="browser")
    assert (who.means, who.uzi_number, who.common_name) == ("uzi-pass", "900000022", "Zoë el Amrani")
    assert (who.ura, who.organisation, who.role, who.agb) == ("90000123", "Huisartsenpraktijk De Linde", "00.000", None)


@pytest.mark.parametrize("key", ["ECCP256", "ECCP384", "RSA2048"])
def test_aut_2_a_zorgid_card_gives_the_person_and_the_registry_the_rest(tmp_path: Path, key: str) -> None:
    from zorgid_card.workflows.policy import CreationPolicy

    world = World(tmp_path, creation=CreationPolicy(key_algorithm=key))
    world.validated()
    made = world.create(world.worker())
    who = world.log_in.verify(card_token(world, world.log_in.challenge("browser")), binding="browser")
    assert (who.means, who.uzi_number, who.card_serial) == ("zorgid-smartcard", "900000022", made.serial)
    assert (who.ura, who.organisation) == ("90000123", "Huisartsenpraktijk De Linde")


def test_aut_1_a_challenge_serves_once(world: World) -> None:
    token = pass_token(world, world.log_in.challenge("browser"))
    world.log_in.verify(token, binding="browser")
    with pytest.raises(ReplayError):
        world.log_in.verify(token, binding="browser")


def test_aut_1_a_failed_try_uses_the_challenge_up(world: World) -> None:
    token = pass_token(world, world.log_in.challenge("browser"))
    with pytest.raises(ZorgIDError):
        world.log_in.verify(token.replace("a", "b"), binding="browser")
    with pytest.raises(ReplayError):
        world.log_in.verify(token, binding="browser")


def test_aut_1_a_challenge_expires(world: World) -> None:
    token = pass_token(world, world.log_in.challenge("browser"))
    world.now += timedelta(minutes=5)
    with pytest.raises(ReplayError):
        world.log_in.verify(token, binding="browser")


def test_aut_1_a_challenge_is_of_one_browser_session(world: World) -> None:
    nonce = world.log_in.challenge("victim")
    world.log_in.challenge("attacker")
    with pytest.raises(SignatureError):
        world.log_in.verify(pass_token(world, nonce), binding="attacker")


def test_aut_1_a_token_for_another_origin_is_worth_nothing(world: World) -> None:
    token = pass_token(world, world.log_in.challenge("browser"), origin="https://evil.example")
    with pytest.raises(SignatureError):
        world.log_in.verify(token, binding="browser")


def test_aut_1_a_statement_is_no_log_in(world: World) -> None:
    nonce = world.log_in.challenge("browser")
    token = json.loads(pass_token(world, nonce))
    fields = {"session": nonce, "origin": ORIGIN, "expires": "x", "key": "y"}
    signed = sign_statement(world.presented().signer("authenticity", pass_pin), SESSION, **fields)
    token["signature"] = base64.b64encode(signed.signature).decode()
    with pytest.raises(SignatureError):
        world.log_in.verify(json.dumps(token), binding="browser")


def test_aut_2_the_signature_certificate_cannot_log_in(world: World) -> None:
    token = json.loads(pass_token(world, world.log_in.challenge("browser")))
    signature = world.presented().certificates()["signature"]
    token["unverifiedCertificate"] = base64.b64encode(signature).decode()
    with pytest.raises(CertificateUsageError):
        world.log_in.verify(json.dumps(token), binding="browser")


def test_aut_2_an_expired_pass(world: World) -> None:
    world.now = NOW + timedelta(days=3 * 365)
    token = pass_token(world, world.log_in.challenge("browser"))
    with pytest.raises(CertificateExpiredError):
        world.log_in.verify(token, binding="browser")


def test_aut_2_a_revoked_pass(world: World) -> None:
    world.pki.revoke(world.worker_pass.contents, at=NOW - timedelta(hours=1))
    token = pass_token(world, world.log_in.challenge("browser"))
    with pytest.raises(RevokedError):
        world.log_in.verify(token, binding="browser")


def test_aut_2_a_pass_whose_revocation_cannot_be_told(world: World) -> None:
    services = replace(world.services, uzi_revocation=CRLs(lambda issuer: []))
    token = pass_token(world, world.log_in.challenge("browser"))
    with pytest.raises(RevocationUnknownError):
        registry_log_in(services, world.revocation).verify(token, binding="browser")


def test_aut_2_a_pass_of_a_type_that_the_policy_refuses(world: World) -> None:
    services = replace(world.services, policy=replace(world.services.policy, login_pass_types=frozenset("Z")))
    token = pass_token(world, world.log_in.challenge("browser"))
    with pytest.raises(PassTypeError):
        registry_log_in(services, world.revocation).verify(token, binding="browser")


def test_aut_2_a_card_of_another_ca(world: World, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other", own_ca=True)
    other.validated()
    other.create(other.worker())
    token = card_token(other, world.log_in.challenge("browser"))
    with pytest.raises(UntrustedError):
        world.log_in.verify(token, binding="browser")


def test_adm_2_a_blocked_card_cannot_log_in_adm_3_until_unblocked_adm_4_nor_ever_once_revoked(world: World) -> None:
    administrator = world.register().person
    made = world.create(world.worker())
    manager = world.management.acting_as(administrator, "90000123")
    manager.block(made.serial, "kwijt")
    with pytest.raises(OnHoldError):
        world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")
    manager.unblock(made.serial, "gevonden")
    world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")
    manager.revoke(made.serial, "uit dienst")
    with pytest.raises(RevokedError) as caught:
        world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")
    assert not isinstance(caught.value, OnHoldError)


def test_adm_2_the_registry_refuses_a_blocked_card_even_beside_an_old_crl(world: World) -> None:
    administrator = world.register().person
    made = world.create(world.worker())
    old = {issuer: world.revocation(issuer) for issuer in world.authority.chain}
    stale = registry_log_in(world.services, CRLs(lambda issuer: old[issuer]))
    world.management.acting_as(administrator, "90000123").block(made.serial, "kwijt")
    with pytest.raises(OnHoldError):
        stale.verify(card_token(world, stale.challenge("b")), binding="b")


def test_crd_11_an_unlinked_person_is_refused(world: World) -> None:
    world.create(world.worker())
    with pytest.raises(NotLinkedError):
        world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b", ura="90000999")
    with world.registry.begin() as unit:
        for link in list(unit.find(CardLink)):
            unit.remove(link)
    with pytest.raises(NotLinkedError):
        world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")


def test_crd_13_a_guest_link_ends(world: World) -> None:
    world.create(world.worker())
    with world.registry.begin() as unit:
        person = next(unit.find(Person))
        for member in list(unit.find(Membership, person_id=person.id)):
            unit.replace(replace(member, until=NOW + timedelta(days=1)))
    world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")
    world.now += timedelta(days=1)
    with pytest.raises(NotLinkedError):
        world.log_in.verify(card_token(world, world.log_in.challenge("b")), binding="b")
