"""Replacement, renewal and reset of ZORG-ID Smartcards (CRD-5 to CRD-14), on both dialects, with faults at every step."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from renewal_world import (
    CardHolder,
    Process,
    card_of,
    holder_of,
    made,
    nothing_valid,
    records,
    renewal,
    statuses,
    works,
    world_with,
)
from world import DESKTOP, NOW, PRACTICE, ScriptedHolder, World
from zorgid_card.errors import (
    CardUnfinishedError,
    CertificateExpiredError,
    CommitLateError,
    DeclinedError,
    FetchError,
    NotBlankError,
    NotFoundError,
    RevokedError,
    SignatureError,
    TransitionError,
    WrongPINError,
    ZorgIDError,
)
from zorgid_card.ports.registry import (
    CardLink,
    IssuedCertificate,
)
from zorgid_card.testkit.faults import Fault, FaultyReader, Kind
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.workflows.creation import Made
from zorgid_card.workflows.holder import Cue, Step

DIALECTS = pytest.mark.parametrize("dialect", ["yubico", "yubico over a channel", "nist"])
TWO = pytest.mark.parametrize("dialect", ["yubico", "nist"])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_with(tmp_path)


# --- renewal ----------------------------------------------------------------------------------------------------------


@DIALECTS
def test_crd_7_a_renewed_card_has_new_keys_and_certificates_and_its_holders_pin_and_puk(
    world: World, dialect: str
) -> None:
    before, card = made(world, dialect)
    puk = bytes(card._state.puk.value)
    holder = holder_of(world, card)
    after = renewal(world, holder).run(**DESKTOP)
    assert after.certificate != before.certificate
    assert holder.steps == [Step.GENERATE, Step.CERTIFY, Step.WRITE, Step.VERIFY, Step.ACTIVATE]
    assert bytes(card._state.puk.value) == puk
    assert "new-pin" not in holder.asked
    works(world, card, after.certificate)
    assert statuses(world, after.serial)[before.certificate] == "revoked"
    assert [c.reason for c in records(world, IssuedCertificate) if c.der == before.certificate] == ["superseded"]
    assert [link.ura for link in records(world, CardLink)] == [PRACTICE.ura]
    assert world.journal.unfinished() == ()


@pytest.mark.parametrize("dialect", ["yubico", "yubico over a channel"])
def test_crd_7_a_renewed_card_gets_its_administration_key_of_the_newest_generation(world: World, dialect: str) -> None:
    _, card = made(world, dialect)
    world.keys.rotate()
    after = renewal(world, holder_of(world, card)).run(**DESKTOP)
    assert card_of(world, after.serial).key_generation == 2
    presented = world.card()
    with presented.session(), pytest.raises(ZorgIDError):
        presented.authenticate_administration(world.keys.derive(after.serial, "AES192", 1))
    with presented.session():
        presented.authenticate_administration(world.keys.derive(after.serial, "AES192", 2))
    world.now += timedelta(days=60)
    again = renewal(world, holder_of(world, card)).run(**DESKTOP)
    works(world, card, again.certificate)


@TWO
def test_crd_7_all_keys_of_the_policy_are_renewed(tmp_path: Path, dialect: str) -> None:
    world = world_with(tmp_path, slots=(0x9A, 0x9C), confidentiality_kept_by="escrow")
    _, card = made(world, dialect)
    after = renewal(world, holder_of(world, card)).run(**DESKTOP)
    assert len(after.certificates) == 2
    assert sorted(statuses(world, after.serial).values()) == ["good", "good", "revoked", "revoked"]
    assert tuple(world.card().certificates().values()) == after.certificates


def test_crd_1_without_a_valid_pass_nothing_is_renewed(world: World) -> None:
    before, card = made(world, "yubico")
    world.pki.revoke(world.worker_pass.contents, at=NOW)
    with pytest.raises(RevokedError):
        renewal(world, holder_of(world, card)).run(**DESKTOP)
    works(world, card, before.certificate)


def test_crd_7_somebody_elses_card_is_not_renewed_and_not_found(world: World) -> None:
    before, card = made(world, "yubico")
    other = CardHolder(world.reader, world.pki_person("Anna", "Bakker", "900000033"), card)
    other.born = other.born.replace(year=1990)
    with pytest.raises(NotFoundError):
        renewal(world, other).run(**DESKTOP)
    works(world, card, before.certificate)


def test_adm_2_a_blocked_card_is_not_renewed(world: World) -> None:
    administrator = world.register().person
    _, card = made(world, "yubico")
    world.management.acting_as(administrator, PRACTICE.ura).block(str(card._state.number), "lost")
    with pytest.raises(TransitionError):
        renewal(world, holder_of(world, card)).run(**DESKTOP)
    assert card_of(world, str(card._state.number)).state == "suspended"


def test_crd_5_an_expired_card_is_made_anew_by_its_holder_alone(tmp_path: Path) -> None:
    world = world_with(tmp_path, validity=timedelta(days=90))
    before, card = made(world, "yubico")
    world.now += timedelta(days=90)
    with pytest.raises(CertificateExpiredError):
        renewal(world, holder_of(world, card)).run(**DESKTOP)
    world.reader.remove()
    stranger = ScriptedHolder(world.reader, world.pki_person("Anna", "Bakker", "900000033"), card)
    with pytest.raises(NotBlankError):
        world.create(stranger)
    after = world.create(holder_of(world, card))
    works(world, card, after.certificate)
    assert statuses(world, after.serial)[before.certificate] == "revoked"


def test_pin_1_a_wrong_pin_renews_nothing_and_the_card_stays_active(world: World) -> None:
    before, card = made(world, "yubico")
    with pytest.raises(WrongPINError):
        renewal(world, holder_of(world, card, card_pin=b"135790")).run(**DESKTOP)
    works(world, card, before.certificate)


def test_crd_7_a_signature_of_an_earlier_proof_restores_no_card(world: World) -> None:
    """A card side that has overwritten the keys sends again what the old ones signed."""
    _, card = made(world, "yubico")
    client = Replaying(world)
    with suppress(ZorgIDError):
        renewal(world, holder_of(world, card), client=client).run(**DESKTOP)
    assert isinstance(client.refused, SignatureError)


class Replaying:
    """A client that asks for the present key, and then shows the old keys' signature again."""

    def __init__(self, world: World) -> None:
        self._client = world.client()
        self._shown: Any = None
        self.refused: ZorgIDError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def ask(self, message: Any, expected: Any) -> Any:
        if message.kind == "renew-card":
            self._shown = message, expected
        if message.kind == "request-certificates" and self.refused is None:
            with pytest.raises(ZorgIDError) as caught:
                self._client.ask(*self._shown)
            self.refused = caught.value
        return self._client.ask(message, expected)


def test_adm_4_a_card_that_is_revoked_while_it_is_renewed_stays_revoked(world: World) -> None:
    administrator = world.register().person
    _, card = made(world, "yubico")
    serial = str(card._state.number)
    manager = world.management.acting_as(administrator, PRACTICE.ura)

    class Meddling(Replaying):
        def ask(self, message: Any, expected: Any) -> Any:
            if message.kind == "request-certificates":
                manager.revoke(serial, "stolen")
            return self._client.ask(message, expected)

    with pytest.raises(TransitionError):
        renewal(world, holder_of(world, card), client=Meddling(world)).run(**DESKTOP)
    nothing_valid(world, card)


# --- renewal, interrupted ---------------------------------------------------------------------------------------------


STRIDE = int(os.environ.get("RENEWAL_STRIDE", "13"))
"""A fault at every so many commands, or calls; with 1 at all of them, which takes minutes."""


class Marking(CardHolder):
    """Notes how many commands were sent before the card came into the reader."""

    before = 0

    def cue(self, cue: Cue) -> None:
        if cue is Cue.INSERT_CARD:
            self.before = self.reader.count  # type: ignore[attr-defined]
        super().cue(cue)


def commands_of(world: World, dialect: str) -> range:
    """The numbers of the commands that a renewal sends to the card."""
    _, card = made(world, dialect)
    counted = FaultyReader(world.reader)  # type: ignore[arg-type]
    holder = Marking(counted, world.worker_pass, card)
    renewal(world, holder, reader=counted).run(**DESKTOP)
    world.reader.remove()
    return range(holder.before + 1, counted.count + 1)


def valid(world: World, card: VirtualPIVCard) -> list[bytes]:
    return [der for der, status in statuses(world, str(card._state.number)).items() if status == "good"]


def ended_well(world: World, card: VirtualPIVCard, before: Made) -> str:
    """Active with the old, active with the new, or nothing valid; which of them."""
    serial = str(card._state.number)
    if card_of(world, serial).state != "active":
        nothing_valid(world, card)
        return "nothing"
    (good,) = valid(world, card)
    works(world, card, good)
    return "old" if good == before.certificate else "new"


def calls_of(world: World, dialect: str) -> int:
    _, card = made(world, dialect)
    process = Process(world, holder_of(world, card), 10**6, after=False)
    assert process.run() is not None
    return process.calls


@TWO
def test_crd_8_killed_at_whatever_call_of_a_renewal_a_fresh_process_ends_with_a_working_card(
    world: World, dialect: str
) -> None:
    calls = calls_of(world, dialect)
    for at in range(4, calls + 1, STRIDE):
        before, card = made(world, dialect)
        assert Process(world, holder_of(world, card), at, after=bool(at % 2)).run() is None
        world.reader.remove()
        with suppress(CardUnfinishedError, CommitLateError):
            for making in world.journal.unfinished():
                renewal(world, holder_of(world, card)).resume(making)
        world.reader.remove()
        if before.certificate in valid(world, card) or not valid(world, card):
            again = renewal(world, holder_of(world, card)).run(**DESKTOP)
            works(world, card, again.certificate)
        else:
            (finished,) = valid(world, card)
            works(world, card, finished)
        world.reader.remove()
        assert world.journal.unfinished() == ()


@TWO
def test_crd_8_killed_in_a_renewal_and_never_resumed_no_certificate_without_its_key_is_valid_after_the_deadline(
    world: World, dialect: str
) -> None:
    calls = calls_of(world, dialect)
    endings = set()
    for at in (*range(2, calls, STRIDE), calls):
        before, card = made(world, dialect)
        Process(world, holder_of(world, card), at, after=True).run()
        world.reader.remove()
        world.now += timedelta(minutes=16)
        world.revocation.current()
        endings.add(ended_well(world, card, before))
        world.reader.remove()
    assert endings == {"old", "nothing", "new"}


@TWO
@pytest.mark.parametrize("kind", Kind)
def test_crd_8_a_card_torn_at_any_command_of_a_renewal_is_renewed_or_made_anew_in_the_same_session(
    world: World, dialect: str, kind: Kind
) -> None:
    commands, ways = commands_of(world, dialect), set()
    assert len(commands) > 20
    for at in commands[::STRIDE]:
        _, card = made(world, dialect)
        reader = FaultyReader(world.reader, Fault(at=at, kind=kind, after=bool(at % 2)))  # type: ignore[arg-type]
        holder = holder_of(world, card)
        after = renewal(world, holder, reader=reader).run(**DESKTOP)
        works(world, card, after.certificate)
        ways.add("new-pin" in holder.asked)
        world.reader.remove()
    assert ways == {False, True}


@TWO
def test_crd_8_a_card_torn_in_a_renewal_and_given_up_has_its_old_keys_or_nothing_valid(
    world: World, dialect: str
) -> None:
    endings = set()
    for at in commands_of(world, dialect)[::STRIDE]:
        before, card = made(world, dialect)
        reader = FaultyReader(world.reader, Fault(at=at, after=True))  # type: ignore[arg-type]
        holder = holder_of(world, card, declines={"insert-again"})
        with suppress(DeclinedError):
            renewal(world, holder, reader=reader).run(**DESKTOP)
        endings.add(ended_well(world, card, before))
        world.reader.remove()
    assert endings == {"old", "nothing"}


@TWO
@pytest.mark.parametrize(
    ("refused", "ending"), [("present", "old"), ("request-certificates", "nothing"), ("commit-card", "nothing")]
)
def test_crd_8_a_renewal_that_the_portal_refuses_leaves_the_old_keys_where_they_still_are(
    world: World, dialect: str, refused: str, ending: str
) -> None:
    before, card = made(world, dialect)
    present = "relay" if dialect == "nist" else "fetch-present-key"
    client = Failing(world, present if refused == "present" else refused)
    with pytest.raises(FetchError):
        renewal(world, holder_of(world, card), client=client).run(**DESKTOP)
    assert ended_well(world, card, before) == ending


class Failing(Replaying):
    """A client whose messages of one kind are refused."""

    def __init__(self, world: World, kind: str) -> None:
        super().__init__(world)
        self._kind = kind

    def ask(self, message: Any, expected: Any) -> Any:
        if message.kind == self._kind:
            raise FetchError("no answer", reason="test")
        return self._client.ask(message, expected)

    def seal(self, message: Any) -> bytes:
        if message.kind == self._kind:
            raise FetchError("no answer", reason="test")
        return bytes(self._client.seal(message))
