"""A card whose PUK others know ends as its holder's alone, or cannot be unblocked, wherever its recovery is cut (PIN-3, PIN-4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recovery_world import KEY, NEW, Known, Owner
from world import CARD_PIN, DESKTOP, PRACTICE
from zorgid_card.errors import (
    LastTryError,
    NotAllowedError,
    NotFoundError,
    PINPolicyError,
    SessionError,
    SignatureError,
    TransitionError,
    UsageError,
    WrongCardError,
    WrongPUKError,
    ZorgIDError,
)
from zorgid_card.ports.registry import AuditEvent, EscrowedPUK, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.testkit.faults import Fault, FaultyReader, Kind
from zorgid_card.workflows.creation_messages import CardToRecover, ChangePUK, RecoverCard
from zorgid_card.workflows.escrow import EscrowRoom, open_sealed
from zorgid_card.workflows.holder import Cue
from zorgid_card.workflows.recovery import CardRecovery

WAYS = pytest.mark.parametrize("how", ["escrow", "reset"])


@WAYS
def test_pin_3_a_card_whose_puk_others_know_is_its_holders_alone_again_and_only_then_unblocked(
    tmp_path: Path, how: str
) -> None:
    known = Known(tmp_path, how)
    known.disclose()
    assert known.card.state == "suspended"
    with pytest.raises(NotAllowedError):
        known.unblock()
    holder = known.recover()
    assert ("type-puk" in holder.asked) is (how == "escrow"), "the maker's is typed by nobody"
    assert not known.works_with(known.disclosed)
    assert known.works_with(holder.puk)
    known.world.card().verify_pin(Secret.of(NEW))
    known.unblock()
    assert known.card.state == "active"
    with known.world.registry.begin() as unit:
        told = {event.action for event in unit.find(AuditEvent, subject=known.serial)}
        escrowed = [*unit.find(EscrowedPUK)]
    assert {"card.block", "puk.disclose", "puk.change", "card.unblock"} <= told
    if how == "escrow":
        assert {"puk.ask", "puk.release", "puk.keep"} <= told
        with open_sealed(KEY, known.serial, escrowed[0].sealed) as puk, puk.expose() as digits:
            assert bytes(digits) == holder.puk
        assert (escrowed[0].asked_by, escrowed[0].released_at, escrowed[0].pending) == (None, None, None)


# --- cut at every step


class Cut:
    """A way to the portal that breaks at its n-th message of the recovery, for good."""

    def __init__(self, portal: Any, at: int, *, heard: bool) -> None:
        self._portal, self.at, self.heard, self.origin, self.count = portal, at, heard, portal.origin, 0
        self._last = b""

    def ask(self, request: bytes, /) -> bytes:
        self.count += request != self._last
        self._last = request
        if self.count > self.at or (self.count == self.at and not self.heard):
            raise OSError("cut")
        answer: bytes = self._portal.ask(request)
        if self.count == self.at:
            raise OSError("cut")
        return answer


def attempts(known: Known) -> Iterator[Callable[[], Owner]]:
    """A recovery that is cut, for each command of the card and for each message to the portal, before and after it acted."""
    counted = FaultyReader(known.world.reader)  # type: ignore[arg-type]
    seam, holder = Cut(known.world.portal, 10**6, heard=True), known.owner(counted)
    began: list[int] = []
    insert = holder.cue

    def cue(asked: Cue) -> None:
        if asked is Cue.INSERT_CARD:
            began.append(counted.count)
        insert(asked)

    holder.cue = cue  # type: ignore[method-assign]
    known.recovery(holder, counted, seam).run_recovery(**DESKTOP)
    known.puk = holder.puk
    assert counted.count - began[0] > 10
    for at in range(began[0] + 1, counted.count + 1):
        for after in (False, True):
            reader = FaultyReader(known.world.reader, Fault(at, Kind.REMOVE, after=after))  # type: ignore[arg-type]
            yield lambda reader=reader: attempt(known, reader, known.world.portal)  # type: ignore[misc]
    for number in range(1, seam.count + 1):
        for heard in (False, True):
            way = Cut(known.world.portal, number, heard=heard)
            yield lambda way=way: attempt(known, known.world.reader, way)  # type: ignore[misc]


def attempt(known: Known, reader: Any, seam: Any) -> Owner:
    holder = known.owner(reader)
    with suppress(ZorgIDError):
        known.recovery(holder, reader, seam).run_recovery(**DESKTOP)
    return holder


@WAYS
def test_wherever_a_recovery_is_cut_a_card_whose_puk_others_know_cannot_be_unblocked(tmp_path: Path, how: str) -> None:
    """And whoever goes on with the PUK that the card then has, old or new, ends with a card in use."""
    known = Known(tmp_path, how)
    known.disclose()
    cuts, endings = 0, set[tuple[bool, bool]]()
    for cut in attempts(known):
        if known.card.puk_disclosed is None:
            known.unblock()
            known.disclose()
        known.world.reader.remove()
        holder = cut()
        cuts += 1
        others_know, banned = known.works_with(known.disclosed), known.card.puk_disclosed is not None
        assert banned or not others_know, "it could be unblocked with a PUK that others know"
        endings.add((others_know, banned))
        if not others_know:
            known.puk = holder.puk
        if banned:
            with pytest.raises(NotAllowedError):
                known.unblock()
            known.recover()
        known.unblock()
        known.disclose()
    assert cuts > 40
    assert endings == {(True, True), (False, True), (False, False)}


# --- what is not a recovery


def test_a_puk_that_became_known_once_more_meanwhile_is_not_taken_for_changed(tmp_path: Path) -> None:
    known = Known(tmp_path, "escrow")
    known.disclose()
    holder = known.owner()
    show = holder.show_puk

    def released_meanwhile(puk: Secret) -> None:
        show(puk)
        known.disclose()

    holder.show_puk = released_meanwhile  # type: ignore[method-assign]
    known.world.reader.remove()
    with pytest.raises(TransitionError):
        known.recovery(holder).run_recovery(**DESKTOP)
    with pytest.raises(NotAllowedError):
        known.unblock()


def test_both_puks_are_released_of_a_card_whose_recovery_was_cut(tmp_path: Path) -> None:
    known = Known(tmp_path, "escrow")
    known.disclose()
    known.world.reader.remove()
    holder = known.owner()
    holder.pulls_when_asked = "puk"
    with suppress(ZorgIDError):
        known.recovery(holder).run_recovery(**DESKTOP)
    room = EscrowRoom(known.world.registry, known.world.management, lambda: known.world.now)
    found = []
    for sealed in room.release(known.administrator, PRACTICE.ura, known.serial):
        with open_sealed(KEY, known.serial, sealed) as puk, puk.expose() as digits:
            found.append(bytes(digits))
    assert found == [known.disclosed, holder.puk]


def test_a_card_that_nobody_else_knows_the_puk_of_is_not_recovered(tmp_path: Path) -> None:
    known = Known(tmp_path, "reset")
    known.world.reader.remove()
    with pytest.raises(TransitionError):
        known.recovery(known.owner()).run_recovery(**DESKTOP)
    known.world.card().verify_pin(Secret.of(CARD_PIN))


def test_nobody_recovers_a_card_of_somebody_else(tmp_path: Path) -> None:
    known = Known(tmp_path, "reset")
    known.disclose()
    known.world.reader.remove()
    other = known.owner()
    other.passes = known.world.pki_person("Piet", "Bakker", "900000033")
    with pytest.raises(NotFoundError):
        known.recovery(other).run_recovery(**DESKTOP)
    assert known.works_with(known.disclosed)


def test_a_uzi_pass_in_the_place_of_the_card_is_left_alone(tmp_path: Path) -> None:
    known = Known(tmp_path, "reset")
    known.disclose()
    known.world.reader.remove()
    holder = known.owner()
    holder.blank = known.world.maker.blank()
    with pytest.raises(WrongCardError):
        known.recovery(holder).run_recovery(**DESKTOP)


def test_pin_1_a_try_of_an_unknown_number_is_spent_on_the_persons_word_alone(tmp_path: Path) -> None:
    known = Known(tmp_path, "reset")
    known.disclose()
    holder = known.recover()  # the maker's is no more: it is tried, and the holder's is asked
    with known.world.registry.begin() as unit:
        unit.replace(replace(unit.get(SmartCard, known.serial), puk_disclosed="reset:again"))
    known.world.reader.remove()
    again = known.owner()
    again.word = False
    with pytest.raises(LastTryError):
        known.recovery(again).run_recovery(**DESKTOP)
    assert isinstance(again.errors[0], WrongPUKError)
    assert known.works_with(holder.puk)


def test_crd_6_the_birth_date_is_no_new_pin(tmp_path: Path) -> None:
    known = Known(tmp_path, "escrow")
    known.disclose()
    known.world.reader.remove()
    holder = known.owner()
    holder.pins = [(b"07061985", b"07061985")]
    with pytest.raises(PINPolicyError) as caught:
        known.recovery(holder).run_recovery(**DESKTOP)
    assert caught.value.details["rule"] == "birth-date"
    assert known.works_with(known.disclosed)


def test_an_officer_who_is_not_pinned_here_gets_no_puk_of_a_recovery_either(tmp_path: Path) -> None:
    known = Known(tmp_path, "escrow")
    known.disclose()
    known.world.reader.remove()
    world = known.world
    recovery = CardRecovery(world.reader, world.client(), known.owner(), world.journal, card_timeout=1)
    with pytest.raises(UsageError):
        recovery.run_recovery(**DESKTOP)
    assert known.works_with(known.disclosed)


@pytest.mark.parametrize("escrowing", [False, True])
def test_the_word_that_a_puk_was_changed_is_taken_from_the_card_alone(tmp_path: Path, escrowing: bool) -> None:
    """Nor is it taken before the new one was sealed, where that is the policy."""
    known = Known(tmp_path, "escrow" if escrowing else "reset")
    known.disclose()
    known.world.reader.remove()
    recovery = known.recovery(known.owner())
    client = recovery._client
    client.open("create-card", **DESKTOP)
    recovery.identify()
    client.ask(RecoverCard(serial=known.serial), CardToRecover)
    with pytest.raises(SessionError if escrowing else SignatureError):
        client.ask(ChangePUK(algorithm="ES256", signature=b"\x30\x06\x02\x01\x01\x02\x01\x01"), Any)  # type: ignore[arg-type]
    assert known.card.puk_disclosed is not None
