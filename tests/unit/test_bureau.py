"""Cards at many readers at once: independent of each other, whatever goes wrong at one of them (CRD-4 to CRD-10)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from docs_examples import example
from seam_world import Served
from world import CARD_PIN, DESKTOP, ScriptedHolder, World
from zorgid_card.adapters import pcsc
from zorgid_card.adapters.seam import HTTPSSeam
from zorgid_card.cards.zorgid import ZorgIDCard
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    BirthDateError,
    CancelledError,
    DeclinedError,
    NoCardError,
    NotBlankError,
    PlatformError,
    TransportError,
)
from zorgid_card.ports.registry import IssuedCertificate, Person, SmartCard
from zorgid_card.ports.seam import Seam
from zorgid_card.secret import Secret
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.workflows.bureau import Bureau, Outcome, Place
from zorgid_card.workflows.holder import Cue, Progress, Step

BORN = date(1970, 1, 1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


@dataclass
class Sitting(ScriptedHolder):
    """A person at one of the readers; ``before_puk`` is done when their PUK is shown."""

    born: date = BORN
    before_puk: Callable[[], object] = lambda: None
    waits: threading.Event = field(default_factory=threading.Event)

    def show_puk(self, puk: Secret) -> None:
        self.before_puk()
        super().show_puk(puk)

    def cue(self, cue: Cue) -> None:
        self.waits.set()
        super().cue(cue)


def place(world: World, number: int) -> tuple[Place, Sitting]:
    reader = SimulatedReader(f"Reader {number:02d}")
    uzi_pass = world.pki_person(f"Naam{number}", "Bakker", str(900000100 + number))
    holder = Sitting(reader, uzi_pass, world.maker.blank())
    return Place(reader, holder), holder


def bureau(world: World, seam: Callable[[], Seam] | None = None, card_timeout: float | None = 20) -> Bureau:
    return Bureau(seam or (lambda: world.portal), world.journal, card_timeout=card_timeout, **DESKTOP)


def all_made(making: Bureau, places: list[Place], *, again: bool = False) -> dict[str, list[Outcome]]:
    """What came of each reader."""
    outcomes: dict[str, list[Outcome]] = {}
    with making:
        for end in making.begin(places, lambda one: outcomes.setdefault(one.reader, []).append(one), again=again):
            end.result(120)
    return outcomes


def active(world: World) -> set[str]:
    """Serials of the cards that are active, each of them with a valid certificate."""
    with world.registry.begin() as unit:
        cards = [card for card in unit.find(SmartCard) if card.state == "active"]
        good = {issued.card_serial for issued in unit.find(IssuedCertificate) if issued.status == "good"}
    assert good == {card.serial for card in cards}
    return good


def test_crd_10_sixteen_cards_are_made_at_once_for_sixteen_people(world: World) -> None:
    """No PUK is shown before sixteen are: one creation that waited for another would wait for ever."""
    together = threading.Barrier(16)
    sitting = [place(world, number) for number in range(16)]
    for _, holder in sitting:
        holder.before_puk = lambda: together.wait(100)
    outcomes = all_made(bureau(world), [one for one, _ in sitting])
    made = {one.made.serial: one.made for (one,) in outcomes.values() if one.made is not None}
    assert len(made) == len({card.user_name for card in made.values()}) == 16
    assert active(world) == set(made)
    with world.registry.begin() as unit:
        assert len(list(unit.find(Person))) == 16
    for _, holder in sitting:
        ZorgIDCard(Link(holder.reader.connect()), None).verify_pin(Secret.of(CARD_PIN))


def test_crd_8_what_goes_wrong_at_one_reader_is_that_readers_alone(world: World) -> None:
    (sound, _), (torn, torn_holder), (wrong, wrong_holder), (foreign, foreign_holder), (empty, empty_holder) = (
        place(world, number) for number in range(5)
    )
    torn_holder.pulls_at, torn_holder.declines = Step.WRITE, {"insert-again"}
    wrong_holder.born = date(1990, 9, 9)
    with world.registry.begin() as unit:
        unit.add(
            Person(
                id="known",
                uzi_number="900000102",
                user_name="naam2.bakker",
                given_names="Naam2",
                surname="Bakker",
                birth_date=BORN,
                role_code="00.000",
            )
        )
    foreign_holder.blank = world.pki_person("Iemand", "Anders", "900000199")
    empty_holder.cue = lambda cue: None  # type: ignore[method-assign]  # nobody puts a card in
    outcomes = all_made(bureau(world, card_timeout=3), [sound, torn, wrong, foreign, empty])
    errors = {reader: type(one.error) for reader, (one,) in outcomes.items()}
    assert errors == {
        "Reader 00": type(None),
        "Reader 01": DeclinedError,
        "Reader 02": BirthDateError,
        "Reader 03": NotBlankError,
        "Reader 04": NoCardError,
    }
    (made,) = outcomes["Reader 00"]
    assert made.made is not None
    assert active(world) == {made.made.serial}


class Ours(Exception):
    """A fault of a program."""


def test_crd_8_a_fault_of_the_program_itself_ends_one_place_and_is_not_hidden(world: World) -> None:
    sitting = [place(world, number) for number in range(3)]

    def fault() -> None:
        raise Ours

    sitting[1][1].before_puk = fault
    outcomes: list[Outcome] = []
    with bureau(world) as making:
        ends = making.begin([one for one, _ in sitting], outcomes.append)
        ends[0].result(60)
        ends[2].result(60)
        with pytest.raises(Ours):
            ends[1].result(60)
    assert {one.reader for one in outcomes} == {"Reader 00", "Reader 02"}
    assert active(world) == {one.made.serial for one in outcomes if one.made is not None}


class Gone:
    """A way to the portal that breaks for good at a message."""

    def __init__(self, world: World, at: int) -> None:
        self._portal, self._left = world.portal, at
        self.origin = world.portal.origin

    def ask(self, request: bytes) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise TransportError("gone", reason="broken")
        return self._portal.ask(request)


def test_crd_8_a_way_that_breaks_for_one_session_breaks_no_other(world: World) -> None:
    sitting = [place(world, number) for number in range(3)]
    for _, holder in sitting:
        holder.declines = {"portal-again"}
    ways: list[Seam] = [world.portal, Gone(world, 5), world.portal]
    outcomes = all_made(bureau(world, ways.pop), [one for one, _ in sitting])
    failed = [one.error for (one,) in outcomes.values() if one.error is not None]
    assert len(failed) == 1
    assert len(active(world)) == 2


def test_crd_14_where_nobody_may_make_cards_each_place_ends_at_once(world: World) -> None:
    making = Bureau(lambda: world.portal, world.journal, platform="Darwin", client_version="0.1")
    sitting = [place(world, number) for number in range(2)]
    outcomes = all_made(making, [one for one, _ in sitting], again=True)
    assert [type(one.error) for ones in outcomes.values() for one in ones] == [PlatformError, PlatformError]


def test_crd_4_the_next_person_comes_to_the_same_reader_until_it_is_told_to_stop(world: World) -> None:
    (one, first), (_, second) = place(world, 0), place(world, 1)
    second.reader = first.reader
    told: list[Outcome] = []
    with bureau(world, card_timeout=None) as making:

        def next_person(outcome: Outcome) -> None:
            told.append(outcome)
            if len(told) == 1:
                first.passes, first.blank = second.passes, second.blank
                first.reader.remove()  # the finished card is taken out
            else:
                making.stop()

        (end,) = making.begin([one], next_person, again=True)
        end.result(60)
    assert [type(outcome.error) for outcome in told] == [type(None), type(None)]
    assert len(active(world)) == 2


def test_crd_8_told_to_stop_each_place_gives_up_what_is_not_finished(world: World) -> None:
    """One waits for a pass, one shows its PUK, one is finished."""
    (waiting, waiter), (showing, shower), (done, _) = (place(world, number) for number in range(3))
    waiter.cue = lambda cue: waiter.waits.set()  # type: ignore[method-assign]
    making, finished = bureau(world, card_timeout=None), threading.Event()
    shown = threading.Event()

    def show() -> None:
        shown.set()
        making._stopped.wait(60)

    shower.before_puk = show
    outcomes: dict[str, Outcome] = {}

    def told(outcome: Outcome) -> None:
        outcomes[outcome.reader] = outcome
        if outcome.reader == "Reader 02":
            finished.set()

    with making:
        ends = making.begin([waiting, showing, done], told)
        assert waiter.waits.wait(60)
        assert shown.wait(60)
        assert finished.wait(60)
        making.stop()
        for end in ends:
            end.result(60)
    assert type(outcomes["Reader 00"].error) is CancelledError
    made = outcomes["Reader 02"].made
    assert made is not None
    if outcomes["Reader 01"].made is None:
        assert active(world) == {made.serial}
    else:  # its PUK had been acknowledged: it was as good as finished
        assert len(active(world)) == 2


def test_crd_8_a_finished_card_is_activated_though_all_is_to_stop(world: World) -> None:
    one, holder = place(world, 0)
    making = bureau(world)
    tell = holder.progress

    def stop_at_the_end(progress: Progress) -> None:
        tell(progress)
        if progress.step is Step.ACTIVATE:
            making.stop()

    holder.progress = stop_at_the_end  # type: ignore[method-assign]
    outcomes = all_made(making, [one])
    assert outcomes["Reader 00"][0].made is not None
    assert len(active(world)) == 1


def test_crd_10_four_readers_over_https_to_one_portal(world: World, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    (tmp_path / "tls").mkdir()
    serving = Served(tmp_path / "tls", world.reopened, ("500 after", "", "broken off", "", "doubled"))
    world.moved(serving.address)
    with serving:
        sitting = [place(world, number) for number in range(4)]
        outcomes = all_made(
            bureau(world, lambda: HTTPSSeam(serving.address, ca=serving.ca)), [one for one, _ in sitting]
        )
    assert [type(one.error) for (one,) in outcomes.values()] == [type(None)] * 4
    assert len(active(world)) == 4


def test_the_documented_bureau_makes_a_card_at_every_reader(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sitting = [place(world, number) for number in range(2)]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pcsc, "readers", lambda: [one.reader for one, _ in sitting])
    monkeypatch.setattr("zorgid_card.adapters.seam.HTTPSSeam", lambda address: world.portal)
    source = example("docs/creating.md", "bureau").replace(", again=True", "").replace("1.0", "0.1")
    holders = {one.reader: holder for one, holder in sitting}
    exec(source, {"my_holder_at": holders.__getitem__})
    assert {line.split()[-1] for line in capsys.readouterr().out.splitlines()} == active(world)
    assert len(active(world)) == 2
