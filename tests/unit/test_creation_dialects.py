"""Both dialects of blanks, all ways of proving residency, several keys, and many cards at once (CRD-5 to CRD-10)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from world import CARD_PIN, DESKTOP, ScriptedHolder, World
from zorgid_card.cards import ZorgIDCard, open_card
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardScrappedError,
    DeclinedError,
    EnrolmentPendingError,
    MessageError,
    NotBlankError,
    ResidencyError,
    SecureChannelError,
    SessionError,
    UsageError,
    ZorgIDError,
)
from zorgid_card.pki.csr import build_csr
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.registry import IssuedCertificate, Session, SmartCard
from zorgid_card.protocol import globalplatform
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.scp03 import ChannelKeys
from zorgid_card.workflows import bench
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.creation_messages import (
    CardAccepted,
    CardActive,
    CertificatesIssued,
    CommitCard,
    OfferCard,
    Relay,
    RelayCommands,
    RequestCertificates,
)
from zorgid_card.workflows.holder import Progress, Step
from zorgid_card.workflows.messages import canonical, from_json, parse, to_json
from zorgid_card.workflows.pin import PINPolicy
from zorgid_card.workflows.policy import CreationPolicy

BOTH = frozenset({"attested", "channel"})
ALL = (0x9A, 0x9C, 0x9D)


def world_with(directory: Path, **policy: Any) -> World:
    world = World(directory, creation=CreationPolicy(key_algorithm="ECCP256", **{"residency": BOTH, **policy}))
    world.validated()
    return world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_with(tmp_path)


def blank_of(world: World, dialect: str) -> VirtualPIVCard:
    if dialect == "nist":
        return world.nist_blank()
    blank = world.maker.blank(diversified=dialect == "yubico over a channel")
    if dialect == "yubico over a channel":
        world.deliver(blank)
    return blank


DIALECTS = pytest.mark.parametrize("dialect", ["yubico", "yubico over a channel", "nist"])


def records(world: World, kind: type) -> list[Any]:
    with world.registry.begin() as unit:
        return list(unit.find(kind))


def usable(world: World) -> None:
    card = world.card()
    card.verify_pin(Secret.of(CARD_PIN))
    signature = card.signer("authenticity", lambda _: Secret.of(CARD_PIN)).sign(b"x")
    assert signature


# --- what is made ------------------------------------------------------------------------------------------------------


@DIALECTS
@pytest.mark.parametrize("slots", [(0x9A,), ALL])
def test_crd_7_every_dialect_gets_the_keys_of_the_policy_and_all_its_certificates_live_and_die_together(
    tmp_path: Path, dialect: str, slots: tuple[int, ...]
) -> None:
    world = world_with(tmp_path, slots=slots, confidentiality_kept_by="escrow")
    administrator = world.register().person
    made = world.create(world.worker(blank_of(world, dialect)))
    (card,) = records(world, SmartCard)
    assert (card.state, card.residency) == ("active", "attested" if dialect == "yubico" else "channel")
    assert card.dialect == dialect.split(maxsplit=1)[0]
    assert [c.status for c in records(world, IssuedCertificate)] == ["good"] * len(slots)
    assert tuple(world.card().certificates().values()) == made.certificates
    usable(world)
    manager = world.management.acting_as(administrator, "90000123")
    for change, status in ((manager.block, "hold"), (manager.unblock, "good"), (manager.revoke, "revoked")):
        change(made.serial, "because")
        assert [c.status for c in records(world, IssuedCertificate)] == [status] * len(slots)


@DIALECTS
def test_crd_7_the_makers_administration_key_does_not_work_afterwards(world: World, dialect: str) -> None:
    made = world.create(world.worker(blank_of(world, dialect)))
    card, algorithm = world.card(), "AES192"
    factory = card.factory_secrets()[2]
    with card.session(), pytest.raises(ZorgIDError):
        card.authenticate_administration(factory, algorithm)
    (record,) = records(world, SmartCard)
    with card.session():
        card.authenticate_administration(world.keys.derive(made.serial, algorithm, record.key_generation), algorithm)


def test_crd_7_over_a_channel_the_administration_key_never_comes_to_the_card_side(world: World) -> None:
    seen: list[bytes] = []
    world.creation(world.worker(world.nist_blank()), Watching(world, seen)).run(**DESKTOP)
    kinds = {parse(one).get("kind") for one in seen}
    assert "relay-commands" in kinds
    assert "administration-key" not in kinds


@DIALECTS
def test_crd_9_tries_of_pin_and_puk_are_the_policys(tmp_path: Path, dialect: str) -> None:
    world = world_with(tmp_path, pin_tries=5, puk_tries=4)
    world.create(world.worker(blank_of(world, dialect)))
    assert world.presented_piv()._state.pin.left == 5
    assert world.presented_piv()._state.puk.left == 4
    usable(world)


@DIALECTS
def test_crd_8_a_revoked_card_is_made_anew_with_another_chuid(world: World, dialect: str) -> None:
    administrator = world.register().person
    blank = blank_of(world, dialect)
    first = world.create(world.worker(blank))
    before = world.presented_piv()._state.objects[0x5FC102]
    world.management.acting_as(administrator, "90000123").revoke(first.serial, "left")
    holder = world.worker(blank)
    second = world.create(holder)
    assert Step.EMPTY in holder.steps
    assert first.certificate != second.certificate
    assert world.presented_piv()._state.objects[0x5FC102] != before
    assert sorted(c.status for c in records(world, IssuedCertificate)) == ["good", "revoked"]
    usable(world)


@DIALECTS
def test_crd_5_a_card_in_use_is_left_untouched(world: World, tmp_path: Path, dialect: str) -> None:
    used = blank_of(world, dialect)
    world.create(world.worker(used))
    used.save(tmp_path / "card")
    before = (tmp_path / "card").read_bytes()
    with pytest.raises(NotBlankError):
        world.create(world.worker(used))
    used.save(tmp_path / "card")
    assert (tmp_path / "card").read_bytes() == before


def test_crd_8_a_card_of_a_dialect_without_a_way_back_is_scrapped_and_never_taken_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank, holder = world.nist_blank(), world.worker()
    holder.blank, holder.declines = blank, {"puk"}
    with pytest.raises(DeclinedError):
        world.create(holder)
    stuck = property(lambda self: replace(self.card.profile.factory, set_reference=None))
    monkeypatch.setattr(bench.Bench, "factory", stuck)
    with pytest.raises(CardScrappedError):
        world.create(world.worker(blank))
    assert [card.state for card in records(world, SmartCard)] == ["scrapped"]
    assert [c.status for c in records(world, IssuedCertificate)] == ["revoked"]
    monkeypatch.undo()
    with pytest.raises(CardScrappedError):
        world.create(world.worker(blank))


# --- policy ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("slots", {"slots": (0x9C,)}),
        ("slots", {"slots": (0x9A, 0x9E)}),
        ("slots", {"slots": (0x9A, 0x9A)}),
        ("confidentiality_kept_by", {"slots": (0x9A, 0x9D)}),
        ("confidentiality_kept_by", {"slots": (0x9A, 0x9D), "confidentiality_kept_by": "hope"}),
        ("key_algorithm", {"key_algorithm": "RSA1024"}),
        ("key_algorithm", {"key_algorithms": {0x9C: "DSA"}}),
        ("residency", {"residency": frozenset()}),
        ("residency", {"residency": frozenset({"word of honour"})}),
        ("pin", {"pin": PINPolicy(minimum=4)}),
        ("pin_tries", {"pin_tries": 5}),
        ("pin_tries", {"pin_tries": 0, "puk_tries": 3}),
        ("puk_tries", {"pin_tries": 3, "puk_tries": 16}),
        ("validity", {"validity": timedelta(0)}),
    ],
)
def test_crd_7_a_policy_that_no_card_can_have_is_refused(field: str, values: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        CreationPolicy(**values)
    assert caught.value.details["reason"] == field


def test_crd_7_possession_only_is_refused_by_default(tmp_path: Path) -> None:
    assert "possession-only" not in CreationPolicy().residency
    world = World(tmp_path, creation=CreationPolicy(key_algorithm="ECCP256", residency=frozenset({"channel"})))
    world.validated()
    with pytest.raises(ResidencyError) as caught:
        world.create(world.worker())  # a card whose batch key the portal has not
    assert caught.value.details["reason"] == "policy"
    assert records(world, SmartCard) == []


def test_crd_7_possession_only_is_recorded_where_the_policy_takes_it(tmp_path: Path) -> None:
    world = world_with(tmp_path, residency=frozenset({"possession-only"}))
    world.create(world.worker())
    assert [card.residency for card in records(world, SmartCard)] == ["possession-only"]


def test_crd_7_without_the_batchs_key_a_card_of_the_nist_dialect_is_refused_untouched(
    world: World, tmp_path: Path
) -> None:
    blank = world.maker.nist_blank()
    blank.save(tmp_path / "card")
    before = (tmp_path / "card").read_bytes()
    with pytest.raises(ResidencyError) as caught:
        world.create(world.worker(blank))
    assert caught.value.details["reason"] == "channel_keys"
    blank.save(tmp_path / "card")
    assert (tmp_path / "card").read_bytes() == before


# --- a hostile card side, over a channel -------------------------------------------------------------------------------


class Watching:
    """The way to the portal, with somebody on it who may change what is said there."""

    def __init__(self, world: World, seen: list[bytes] | None = None) -> None:
        self.world, self.origin = world, world.portal.origin
        self.seen = [] if seen is None else seen

    def ask(self, request: bytes) -> bytes:
        answer = self.world.portal.ask(request)
        self.seen.append(answer)
        return answer


def hostile(world: World, blank: VirtualPIVCard, change: Any) -> None:
    """Make the card with a card side that changes messages; no certificate may come of it."""
    client = world.client()
    ask = client.ask

    def changed(message: Any, expected: Any) -> Any:
        return ask(change(message), expected)

    client.ask = changed  # type: ignore[method-assign]
    with pytest.raises((ResidencyError, SecureChannelError)) as caught:
        CardCreation(world.reader, client, world.worker(blank), world.journal, card_timeout=1).run(**DESKTOP)
    assert caught.value.details["reason"] in {"channel", "key", "public keys"}
    assert records(world, IssuedCertificate) == []


def test_crd_7_a_software_key_gets_no_certificate_over_a_channel(world: World) -> None:
    software = build_csr(SoftwareSigner.generate("ES256"))
    hostile(
        world,
        world.nist_blank(),
        lambda m: replace(m, csrs=(software,)) if isinstance(m, RequestCertificates) else m,
    )


def test_crd_7_a_key_generated_beside_the_channel_gets_no_certificate(world: World) -> None:
    """The card side swaps the key for that of a second card."""
    seen: list[RequestCertificates] = []
    client = world.client()
    ask = client.ask
    client.ask = lambda m, e: ask(seen.append(m) or m if isinstance(m, RequestCertificates) else m, e)  # type: ignore[func-returns-value,method-assign]
    CardCreation(world.reader, client, world.worker(world.maker.blank()), world.journal).run(**DESKTOP)
    before = len(records(world, IssuedCertificate))
    client = world.client()
    again = client.ask
    client.ask = lambda m, e: again(seen[0] if isinstance(m, RequestCertificates) else m, e)  # type: ignore[method-assign]
    with pytest.raises(ResidencyError):
        CardCreation(world.reader, client, world.worker(world.nist_blank()), world.journal).run(**DESKTOP)
    assert len(records(world, IssuedCertificate)) == before


@pytest.mark.parametrize("answer", range(5))
def test_crd_7_a_tampered_answer_of_the_relay_ends_it(world: World, answer: int) -> None:
    """One octet of the answer to INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, the two codes, GENERATE."""
    counted = iter(range(100))

    def change(message: Any) -> Any:
        if not isinstance(message, Relay) or not message.responses:
            return message
        changed = [_flipped(one) if next(counted) == answer else one for one in message.responses]
        return replace(message, responses=tuple(changed))

    hostile(world, world.nist_blank(), change)


def _flipped(answer: bytes) -> bytes:
    middle = len(answer) // 2
    return answer[:middle] + bytes([answer[middle] ^ 1]) + answer[middle + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        lambda answers: answers[:-1],
        lambda answers: (*answers, answers[-1]),
        lambda answers: answers[::-1],
        lambda answers: (*answers[:-1], b"\x90\x00"),
        lambda answers: tuple(b"\x6f\x00" for _ in answers),
    ],
)
def test_crd_7_answers_that_are_missing_doubled_or_made_up_end_it(world: World, change: Any) -> None:
    hostile(
        world,
        world.nist_blank(),
        lambda m: replace(m, responses=change(m.responses)) if isinstance(m, Relay) and len(m.responses) > 1 else m,
    )


def test_crd_7_another_sessions_answers_are_worth_nothing(world: World) -> None:
    blank, seen = world.nist_blank(), list[tuple[bytes, ...]]()
    holder = world.worker(blank)
    holder.declines = {"puk"}
    client = world.client()
    ask = client.ask

    def recorded(message: Any, expected: Any) -> Any:
        if isinstance(message, Relay) and message.responses:
            seen.append(message.responses)
        return ask(message, expected)

    client.ask = recorded  # type: ignore[method-assign]
    with pytest.raises(DeclinedError):
        CardCreation(world.reader, client, holder, world.journal, card_timeout=1).run(**DESKTOP)
    issued = len(records(world, IssuedCertificate))
    played = iter(seen)
    client = world.client()
    again = client.ask

    def replayed(message: Any, expected: Any) -> Any:
        if isinstance(message, Relay) and message.responses:
            message = Relay(responses=next(played))
        return again(message, expected)

    client.ask = replayed  # type: ignore[method-assign]
    with pytest.raises(ResidencyError):
        CardCreation(world.reader, client, world.worker(blank), world.journal, card_timeout=1).run(**DESKTOP)
    assert len(records(world, IssuedCertificate)) == issued


def test_crd_7_a_blank_without_scp03_in_a_batch_whose_key_is_known_is_attested(world: World) -> None:
    blank = world.maker.blank()
    world.deliver(blank)
    made = world.create(world.worker(blank))
    assert [card.residency for card in records(world, SmartCard)] == ["attested"]
    assert world.card().certificate() == made.certificate


def test_crd_7_whether_a_card_speaks_scp03_is_read_and_no_key_is_tried(world: World) -> None:
    for blank, speaks in (
        (world.maker.blank(), False),
        (world.maker.blank(diversified=True), True),
        (world.maker.blank(administration="3DES", diversified=True), False),
        (world.maker.nist_blank(), True),
    ):
        world.reader.remove()
        world.reader.insert(blank)
        card = open_card(Link(world.reader.connect()))
        card = ZorgIDCard(card.link, card.profile, kind=card.kind)
        before = blank._state.number, blank._state.pin, blank._state.puk
        assert card.secure_channel is speaks
        card.require_blank()
        assert before == (blank._state.number, blank._state.pin, blank._state.puk)


@pytest.mark.parametrize("keys", [ChannelKeys(), ChannelKeys(bytes(16), bytes(16))])
def test_crd_7_a_simulator_with_public_keys_is_no_card(
    world: World, monkeypatch: pytest.MonkeyPatch, keys: ChannelKeys
) -> None:
    """The portal sees that by itself: this card side does not look."""
    monkeypatch.setattr(globalplatform, "require_own_keys", lambda *_: None)
    fake = world.maker.nist_blank(channel=keys)
    world.deliver(fake)
    hostile(world, fake, lambda m: m)


def test_crd_7_a_second_card_that_is_put_in_midway_answers_for_nobody(world: World) -> None:
    first, second = world.nist_blank(), world.maker.nist_blank()

    class Swapping(ScriptedHolder):
        def progress(self, progress: Progress) -> None:
            super().progress(progress)
            if progress.step is Step.GENERATE and self.reader.card is first:
                self.reader.remove()
                self.reader.insert(second)

    holder = Swapping(world.reader, world.worker_pass, first)
    holder.declines = {"insert-again"}
    with pytest.raises(DeclinedError):
        world.create(holder)
    assert [c for c in records(world, IssuedCertificate) if c.status != "revoked"] == []
    world.reader.insert(second)
    world.card().require_blank()


def test_crd_7_the_portal_wraps_for_one_card_only(world: World) -> None:
    """What is meant for the card that was offered is relayed to a second one of the same batch."""
    first, second = world.nist_blank(), world.nist_blank()
    seen: list[tuple[bytes, ...]] = []

    def change(message: Any) -> Any:
        if isinstance(message, Relay) and message.responses and not seen:
            seen.append(message.responses)
            channel = SimulatedReader()
            channel.insert(second)
            opened = channel.connect()
            opened.transmit(bytes.fromhex("00A4040009A00000030800001000"))
            return replace(message, responses=(opened.transmit(bytes.fromhex("8050000008") + bytes(8) + b"\x00"),))
        return message

    hostile(world, first, change)


@pytest.mark.parametrize("message", ["request", "commit"])
def test_crd_7_what_belongs_to_the_channel_cannot_be_left_out(world: World, message: str) -> None:
    """A certificate without GENERATE over the channel, a commit without the writing."""
    blank = world.nist_blank()
    client = world.client()
    client.open("create-card", **DESKTOP)
    CardCreation(world.reader, client, world.worker(blank), world.journal, card_timeout=1).identify()
    serial = str(blank._state.number)
    offer = OfferCard(serial=serial, dialect="nist", firmware="1.0", found="blank", channel=True)
    client.ask(offer, CardAccepted)
    signer = SoftwareSigner.generate("ES256")
    if message == "request":
        request = RequestCertificates(csrs=(build_csr(signer),), attestations=(), intermediate=b"")
        with pytest.raises(ResidencyError):
            client.ask(request, CertificatesIssued)
        assert records(world, IssuedCertificate) == []
        return
    world.reader.remove()
    world.reader.insert(blank)
    card, responses, asked = world.card(), (), None
    while asked is None or not asked.done:
        asked = client.ask(Relay(responses=responses), RelayCommands)
        responses = card.relay(asked.commands) if asked.commands else ()
    key = card.new_key_signer(0x9A, "ECCP256", asked.public_keys[0], lambda _: Secret.of(b"123456"))
    request = RequestCertificates(csrs=(build_csr(key),), attestations=(), intermediate=b"")
    issued = client.ask(request, CertificatesIssued)
    assert len(issued.certificates) == 1
    with pytest.raises(ZorgIDError, match="not written"):
        client.ask(CommitCard(algorithm="ES256", signature=b"x"), CardActive)
    assert [c.status for c in records(world, IssuedCertificate)] == ["hold"]


def test_crd_7_a_portal_without_end_is_left(world: World) -> None:
    class Endless(Watching):
        def ask(self, request: bytes) -> bytes:
            if from_json(parse(request)["body"]).kind == "relay":
                first = super().ask(request)
                answer = from_json(parse(first))
                self.last = answer if isinstance(answer, RelayCommands) else self.last
                return canonical(to_json(replace(self.last, done=False)))
            return super().ask(request)

    with pytest.raises(ZorgIDError):
        world.creation(world.worker(world.nist_blank()), Endless(world)).run(**DESKTOP)
    assert [c for c in records(world, IssuedCertificate) if c.status == "good"] == []


def test_crd_7_no_secret_is_kept_at_the_portal_between_messages(world: World) -> None:
    """The session's facts hold a challenge, answers and public keys; the same relay is played by a portal that was restarted."""
    facts: list[str] = []

    class Restarting(Watching):
        def ask(self, request: bytes) -> bytes:
            self.world.portal = type(self.world.portal)(self.world.services, self.world.portal._purposes)
            answer = super().ask(request)
            with self.world.registry.begin() as unit:
                facts.extend(s.data for s in unit.find(Session))
            return answer

    blank = world.nist_blank()
    enc, mac = world.keys.channel(str(blank._state.number))
    world.creation(world.worker(blank), Restarting(world)).run(**DESKTOP)
    usable(world)
    with enc.expose() as first, mac.expose() as second:
        assert not any(bytes(key).hex() in text for key in (first, second) for text in facts)


# --- progress, and many at once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["yubico", "nist"])
def test_crd_7_key_generation_shows_that_it_lives(world: World, dialect: str) -> None:
    blank = blank_of(world, dialect)
    answer, alive = blank.transmit, threading.Event()

    def slow(command: bytes) -> bytes:
        if bench_is_generating(holder) and command[1] in (0x47, 0x82):
            assert alive.wait(30), "nobody was told that the card is busy"
        return answer(command)

    class Patient(ScriptedHolder):
        def progress(self, progress: Progress) -> None:
            super().progress(progress)
            if [beat.step for beat in self.beats].count(Step.GENERATE) >= 4:
                alive.set()

    holder = Patient(world.reader, world.worker_pass, blank)
    blank.transmit = slow  # type: ignore[method-assign]  # a test stands between reader and card
    world.create(holder)
    assert alive.is_set()


def bench_is_generating(holder: ScriptedHolder) -> bool:
    return bool(holder.steps) and holder.steps[-1] is Step.GENERATE


def test_crd_7_progress_tells_share_and_time_left_once_there_is_a_history(world: World) -> None:
    first, second = world.worker(), world.worker()
    world.create(first)
    assert {beat.seconds_left for beat in first.beats} == {None}
    world.create(second)
    left = [beat.seconds_left for beat in second.beats]
    assert all(seconds is not None and seconds >= 0 for seconds in left)
    for holder in (first, second):
        shares = [beat.share for beat in holder.beats]
        assert shares[0] < 0.01
        assert shares == sorted(shares)
        assert shares[-1] < 1


def test_crd_7_sixteen_cards_are_made_at_once_in_one_process(world: World) -> None:
    def one(number: int) -> str:
        reader = SimulatedReader(f"Reader {number}")
        passes = world.pki_person("Worker", f"Number{chr(65 + number)}", f"9000001{number:02d}")
        blank = blanks[number]
        holder = ScriptedHolder(reader, passes, blank)
        return CardCreation(reader, world.client(), holder, world.journal, card_timeout=60).run(**DESKTOP).serial

    blanks = [blank_of(world, "nist" if number % 2 else "yubico") for number in range(16)]
    with ThreadPoolExecutor(16) as executor:
        serials = list(executor.map(one, range(16)))
    assert len(set(serials)) == 16
    assert {card.serial: card.state for card in records(world, SmartCard)} == dict.fromkeys(serials, "active")
    assert world.journal.unfinished() == ()


def test_crd_7_a_card_that_attests_is_still_given_its_administration_key_over_a_channel(tmp_path: Path) -> None:
    world = world_with(tmp_path, residency=frozenset({"attested"}))
    seen: list[bytes] = []
    blank = blank_of(world, "yubico over a channel")
    world.creation(world.worker(blank), Watching(world, seen)).run(**DESKTOP)
    assert [card.residency for card in records(world, SmartCard)] == ["attested"]
    assert "administration-key" not in {parse(one).get("kind") for one in seen}


def test_crd_8_who_interrupts_a_busy_card_waits_for_its_answer_and_nothing_stays_valid(world: World) -> None:
    class Impatient(ScriptedHolder):
        def progress(self, progress: Progress) -> None:
            super().progress(progress)
            if [beat.step for beat in self.beats].count(Step.WRITE) == 2:
                interrupted.set()
                raise KeyboardInterrupt

    interrupted, after = threading.Event(), list[int]()
    blank = world.maker.blank()
    answer = blank.transmit

    def slow(command: bytes) -> bytes:
        if holder.steps and holder.steps[-1] is Step.WRITE:
            after.append(command[1])
            assert interrupted.wait(30)
        return answer(command)

    holder = Impatient(world.reader, world.worker_pass, blank)
    blank.transmit = slow  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.create(holder)
    assert len(after) <= 2
    assert [c.status for c in records(world, IssuedCertificate)] == ["revoked"]
    blank.transmit = answer  # type: ignore[method-assign]
    world.create(world.worker(blank))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.lists(st.binary(max_size=40), max_size=4), max_size=3))
def test_crd_7_whatever_is_said_to_come_from_the_card_is_refused_with_a_typed_error(
    world: World, answers: list[list[bytes]]
) -> None:
    """One world for all examples: each is a session of its own, for a card of its own."""
    client, blank = world.client(), world.nist_blank()
    client.open("create-card", **DESKTOP)
    CardCreation(world.reader, client, world.worker(blank), world.journal, card_timeout=1).identify()
    serial = str(blank._state.number)
    client.ask(OfferCard(serial=serial, dialect="nist", firmware="1", found="blank", channel=True), CardAccepted)
    client.ask(Relay(responses=()), RelayCommands)
    for responses in answers:
        with suppress(MessageError, ResidencyError, SessionError):
            asked = client.ask(Relay(responses=tuple(responses)), RelayCommands)
            assert not responses or not asked.done
    assert records(world, IssuedCertificate) == []


def test_crd_7_a_ca_that_issues_later_is_asked_again_with_the_same_request(world: World) -> None:
    class Slow:
        def __init__(self) -> None:
            self.asked: list[bytes] = []

        def __getattr__(self, name: str) -> Any:
            return getattr(world.authority, name)

        def issue(self, *given: Any, **named: Any) -> bytes:
            self.asked.append(named["request"])
            if len(self.asked) < 3:
                raise EnrolmentPendingError(retry_after=0)
            return world.authority.issue(*given, **named)

    slow = Slow()
    object.__setattr__(world.services, "authority", slow)
    world.create(world.worker())
    assert len(slow.asked) == 3
    assert len(set(slow.asked)) == 1
