"""Few APDUs: a card met before is not read again, and no stranger's try is ever spent (issue "Economy")."""

from __future__ import annotations

from pathlib import Path

import pytest

from card_scripts import powered
from met_cards import OTHER_PIN, LoggedIn, NotingReader, Person, a_card, personalise, sign_in, tries_left
from piv_card import get, send, verify
from world import CARD_PIN, World
from zorgid_card import recipes
from zorgid_card.cards import CardMemory, PIVCard, Tries, TryState
from zorgid_card.codec.apdu import INS
from zorgid_card.errors import (
    CardResetError,
    LastTryError,
    PINBlockedError,
    ProofError,
    WrongCardError,
    WrongPINError,
)
from zorgid_card.ports.card import Octets
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.scp03 import ISSUER_SECURITY_DOMAIN, ChannelKeys
from zorgid_card.workflows.card_side import log_in

SAME = ["SELECT", "VERIFY?", "VERIFY", "GENERAL AUTHENTICATE"]
AGAIN = ["SELECT", "CHUID", "VERIFY?", "VERIFY", "GENERAL AUTHENTICATE"]


def chunks(card: VirtualPIVCard) -> int:
    """In how many parts of 256 bytes the certificate is read."""
    return -(-len(get(card, "5FC105")[0]) // 256)


def assert_first_time(found: LoggedIn, card: VirtualPIVCard) -> None:
    """Five, and the certificate's chunks: fewer where it is read by extended length."""
    assert len(found.notes) - found.notes.count("[") * 2 <= 5 + chunks(card) == 5 + 5
    order = [name for name in found.commands if name != "GET RESPONSE"]
    assert order[-6:] == ["SELECT", "CHUID", "GET DATA", *AGAIN[2:]]


@pytest.fixture
def card() -> VirtualPIVCard:
    return a_card()


@pytest.fixture
def reader(card: VirtualPIVCard) -> NotingReader:
    found = NotingReader()
    found.insert(card)
    return found


@pytest.fixture
def memory() -> CardMemory:
    return CardMemory()


def move(reader: SimulatedReader, card: VirtualCard | None = None) -> None:
    """Take the card out, and put it or another one in."""
    taken = reader.remove()
    assert taken is not None
    reader.insert(card or taken)


# --- how many -----------------------------------------------------------------------------------------------------


def test_log_in_takes_four_five_and_the_certificate(
    reader: NotingReader, card: VirtualPIVCard, memory: CardMemory
) -> None:
    assert_first_time(sign_in(reader, memory), card)
    assert sign_in(reader, memory).commands == SAME
    assert sign_in(reader, memory).commands == SAME
    move(reader)
    assert sign_in(reader, memory).commands == AGAIN
    assert sign_in(reader, memory).commands == SAME


def test_without_a_memory_it_is_the_certificate_and_five_each_time(reader: NotingReader, card: VirtualPIVCard) -> None:
    """The number of tries is read before the PIN is asked, and again before it is tried."""
    for _ in range(2):
        person = Person()
        found = sign_in(reader, None, person)
        assert len(found.commands) <= 5 + chunks(card)
        assert found.commands[-4:] == ["VERIFY?", *AGAIN[2:]]
        assert person.asked[0].tries == Tries.known(3)


def test_a_reader_that_does_not_count_costs_the_chuid_each_time(card: VirtualPIVCard, memory: CardMemory) -> None:
    class Plain(NotingReader):
        insertion = None  # type: ignore[assignment]

    class Unsure(NotingReader):
        def insertion(self) -> None:
            return None

    for kind in (Plain, Unsure):
        reader = kind()
        reader.insert(card)
        sign_in(reader, memory)
        assert sign_in(reader, memory).commands == AGAIN


def test_aut_1_a_portal_accepts_what_was_signed_with_a_card_met_before(tmp_path: Path) -> None:
    reader, memory = NotingReader(), CardMemory()
    world = World(tmp_path, reader=reader)
    world.validated()
    world.create(world.worker())
    move(reader)
    counts = []
    for number in range(3):
        nonce = world.log_in.challenge("browser")
        reader.notes.clear()
        with recipes.open_card(reader, memory=memory) as card:
            signer = card.authentication_signer(Person(CARD_PIN))
            token = log_in(signer, card.authentication_certificate(), origin="https://portal.example", nonce=nonce)
            counts.append(sum(note not in "[]" for note in reader.notes))
        assert world.log_in.verify(token, binding="browser").uzi_number == "900000022"
        if number == 1:
            move(reader)
    assert isinstance(world.reader.card, VirtualPIVCard)
    assert counts[0] <= 5 + chunks(world.reader.card)
    assert counts[1:] == [4, 5]


# --- the PIN ------------------------------------------------------------------------------------------------------


def test_the_counter_is_read_and_the_pin_tried_in_one_transaction(reader: NotingReader, memory: CardMemory) -> None:
    """And nothing is held while the PIN is asked."""
    person = Person(meanwhile=lambda: reader.notes.append("asked"))
    assert sign_in(reader, memory, person).notes[-7:] == ["]", "asked", "[", *AGAIN[2:], "]"]
    assert sign_in(reader, memory, person).notes == ["asked", "[", *SAME, "]"]


def test_pin_1_the_tries_told_are_those_last_read(reader: NotingReader, memory: CardMemory) -> None:
    person = Person()
    sign_in(reader, memory, person)
    with pytest.raises(WrongPINError):
        sign_in(reader, memory, Person(OTHER_PIN))
    sign_in(reader, memory, person)
    sign_in(reader, memory, person)
    assert [request.tries for request in person.asked] == [Tries.UNREAD, Tries.known(2), Tries.known(3)]


def test_pin_1_the_last_try_is_asked_for_again_when_it_was_not_told(
    reader: NotingReader, card: VirtualPIVCard, memory: CardMemory
) -> None:
    """Another program spends tries while the PIN is asked."""

    def spend() -> None:
        while tries_left(card) > 1:
            verify(card, OTHER_PIN + b"\xff\xff")

    sign_in(reader, memory)
    person = Person(meanwhile=spend)
    with pytest.raises(LastTryError) as caught:
        sign_in(reader, memory, person)
    assert caught.value.tries_left == 1
    assert [request.tries.state for request in person.asked] == [TryState.KNOWN, TryState.FINAL]
    assert tries_left(card) == 1
    person = Person(word=True)
    sign_in(reader, memory, person)
    assert person.asked[0].tries.state is TryState.FINAL
    assert tries_left(card) == 3


def test_pin_1_a_first_time_with_one_try_left_asks_for_the_persons_word(
    reader: NotingReader, card: VirtualPIVCard, memory: CardMemory
) -> None:
    card.power_on()
    for _ in range(2):
        verify(card, OTHER_PIN + b"\xff\xff")
    person = Person()
    with pytest.raises(LastTryError):
        sign_in(reader, memory, person)
    assert [request.tries.state for request in person.asked] == [TryState.UNREAD, TryState.FINAL]
    assert tries_left(card) == 1


def test_a_blocked_pin_is_known_before_it_is_asked_for_again(
    reader: NotingReader, card: VirtualPIVCard, memory: CardMemory
) -> None:
    card.power_on()
    for _ in range(3):
        verify(card, OTHER_PIN + b"\xff\xff")
    person = Person()
    for _ in range(2):
        with pytest.raises(PINBlockedError):
            sign_in(reader, memory, person)
    assert [request.tries.state for request in person.asked] == [TryState.UNREAD, TryState.LOCKED]


# --- another card -------------------------------------------------------------------------------------------------


def test_another_card_with_the_same_answer_to_reset_is_read_and_not_tried(
    reader: NotingReader, card: VirtualPIVCard, memory: CardMemory
) -> None:
    stranger = a_card(OTHER_PIN)
    assert stranger.atr == card.atr
    mine = sign_in(reader, memory)
    move(reader, stranger)
    theirs = sign_in(reader, memory, Person(OTHER_PIN))
    assert theirs.certificate != mine.certificate
    assert_first_time(theirs, stranger)
    assert tries_left(stranger) == 3
    move(reader, card)
    found = sign_in(reader, memory)
    assert (found.certificate, found.commands) == (mine.certificate, AGAIN)


@pytest.mark.parametrize("met", [False, True])
def test_a_card_changed_while_the_pin_is_asked_keeps_its_tries(
    reader: NotingReader, memory: CardMemory, met: bool
) -> None:
    stranger = a_card(OTHER_PIN)
    if met:
        sign_in(reader, memory)
    with pytest.raises(WrongCardError):
        sign_in(reader, memory, Person(meanwhile=lambda: move(reader, stranger)))
    assert tries_left(stranger) == 3


def test_a_card_changed_between_connecting_and_counting_keeps_its_tries(
    reader: NotingReader, card: VirtualPIVCard, memory: CardMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number is asked when the card is connected, so one that came in between does not answer as the other."""
    stranger = a_card(OTHER_PIN)
    sign_in(reader, memory)
    counted = reader.insertion

    def late() -> int | None:
        move(reader, stranger)
        return counted()

    monkeypatch.setattr(reader, "insertion", late)
    with pytest.raises(CardResetError) as told:
        sign_in(reader, memory)
    assert told.value.reason == "inserted"
    assert tries_left(stranger) == 3
    monkeypatch.setattr(reader, "insertion", counted)
    assert_first_time(sign_in(reader, memory, Person(OTHER_PIN)), stranger)
    assert tries_left(stranger) == 3


def test_two_readers_of_one_name_are_two(reader: NotingReader, memory: CardMemory) -> None:
    """Simulated readers number their insertions so that no two agree."""
    other = NotingReader()
    other.insert(a_card(OTHER_PIN))
    assert other.name == reader.name
    assert sign_in(reader, memory).certificate != sign_in(other, memory, Person(OTHER_PIN)).certificate


# --- other contents -----------------------------------------------------------------------------------------------


def test_a_card_with_another_chuid_is_read_again(
    reader: NotingReader, card: VirtualPIVCard, memory: CardMemory
) -> None:
    before = sign_in(reader, memory)
    taken = reader.remove()
    assert taken is card
    renewed = personalise(card)
    reader.insert(card)
    after = sign_in(reader, memory)
    assert after.certificate == renewed != before.certificate
    assert_first_time(after, card)


@pytest.mark.parametrize("renewed", [False, True])
def test_a_key_replaced_in_the_reader_gives_no_token_and_is_read_anew(
    reader: NotingReader,
    card: VirtualPIVCard,
    memory: CardMemory,
    renewed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another program makes a new key while the card stays where it is; with its CHUID renewed or not."""
    guid = None if renewed else bytes(range(16))
    personalise(card, guid=guid)
    sign_in(reader, memory)
    with monkeypatch.context() as elsewhere:  # not in this process, whose memories would be told
        elsewhere.setattr("zorgid_card.cards.zorgid.contents_change", lambda _: None)
        fresh = personalise(card, guid=guid)
    with pytest.raises(ProofError):
        sign_in(reader, memory)
    assert memory.size == 0
    assert sign_in(reader, memory).certificate == fresh
    assert tries_left(card) == 3


def test_a_certificate_renewed_for_the_same_key_is_shown_at_the_next_log_in(
    reader: NotingReader, card: VirtualPIVCard, memory: CardMemory
) -> None:
    """This process renews it, elsewhere than in a card opened with that memory; the card stays in its reader."""
    before = sign_in(reader, memory).certificate
    renewed = personalise(card, guid=bytes(range(16)), key=False)
    assert memory.size == 0
    assert sign_in(reader, memory).certificate == renewed != before


def test_what_this_library_writes_is_not_remembered(
    reader: NotingReader, card: VirtualPIVCard, memory: CardMemory
) -> None:
    sign_in(reader, memory)
    with recipes.open_card(reader, memory=memory) as opened:
        assert isinstance(opened, PIVCard)
        old = opened.authentication_certificate()
        with opened.session():
            opened.authenticate_administration(opened.factory_secrets()[2])  # type: ignore[attr-defined]
            opened.write_certificate(0x9A, old[:-1] + b"\x00")  # type: ignore[attr-defined]
        assert opened.authentication_certificate() == old[:-1] + b"\x00"
    assert memory.size == 0


# --- other programs -----------------------------------------------------------------------------------------------


def test_another_application_selected_while_the_pin_is_asked_gets_no_pin(memory: CardMemory) -> None:
    card = a_card(channel=ChannelKeys())
    reader = NotingReader()
    reader.insert(card)
    name = ISSUER_SECURITY_DOMAIN
    command = bytes([0x00, 0xA4, 0x04, 0x00, len(name)]) + name + b"\x00"
    person = Person(meanwhile=lambda: send(card, command))
    assert sign_in(reader, memory, person).notes[-7:] == ["[", "VERIFY?", *SAME, "]"]
    assert tries_left(card) == 3


def test_a_reset_between_log_ins_costs_nothing(reader: NotingReader, memory: CardMemory) -> None:
    sign_in(reader, memory)
    reader.reset()
    assert sign_in(reader, memory).commands == SAME


@pytest.mark.parametrize("met", [False, True])
def test_a_reset_while_the_pin_is_asked_is_survived(card: VirtualPIVCard, memory: CardMemory, met: bool) -> None:
    reader = NotingReader()
    reader.insert(card)
    if met:
        sign_in(reader, memory)
    person = Person(meanwhile=reader.reset)
    assert sign_in(reader, memory, person).commands[-4:] == SAME
    assert len(person.asked) == 1


def test_a_reset_after_the_try_is_not_survived_silently(card: VirtualPIVCard, memory: CardMemory) -> None:
    """From the try on nothing is sent again: a wrong PIN would cost two."""

    class Resetting(NotingReader):
        armed = False

        def _transmit(self, epoch: tuple[int, int], command: Octets) -> bytes:
            answer = super()._transmit(epoch, command)
            if self.armed and bytes(command)[1] == 0x20 and len(command) > 5:
                self.reset()
            return answer

    reader = Resetting()
    reader.insert(card)
    sign_in(reader, memory)
    reader.armed = True
    with pytest.raises(CardResetError):
        sign_in(reader, memory)
    assert reader.notes.count("VERIFY") == 1


def test_cards_that_share_a_guid_of_zeros_are_read_each_time(memory: CardMemory) -> None:
    reader = NotingReader()
    mine, theirs = a_card(guid=bytes(16)), a_card(OTHER_PIN, guid=bytes(16))
    reader.insert(mine)
    before = sign_in(reader, memory).certificate
    move(reader, theirs)
    assert sign_in(reader, memory, Person(OTHER_PIN)).certificate != before
    assert (tries_left(theirs), memory.size) == (3, 0)


def test_pin_1_another_application_with_a_pin_of_the_same_reference_never_gets_it() -> None:
    """Another program selects it while the PIN is asked, on a card of which it is not known what else is on it."""
    simulated, other, tried = a_card(), bytes.fromhex("A000000397425446590201"), list[bytes]()
    transmit, selected = simulated.transmit, False

    def two_applications(command: Octets) -> bytes:
        nonlocal selected
        raw = bytes(command)
        if raw[1] == INS.SELECT:
            selected = other in raw
        if not selected:
            return transmit(command)
        if raw[1] == INS.VERIFY and len(raw) > 5:
            tried.append(raw)
        return bytes.fromhex("9000" if raw[1] == INS.SELECT else "63C3")

    simulated.transmit = two_applications  # type: ignore[method-assign]  # a second application
    reader, link = powered(simulated)
    bystander = reader.connect()
    person = Person(meanwhile=lambda: bystander.transmit(b"\x00\xa4\x04\x00" + bytes([len(other)]) + other))
    assert PIVCard(link).sign(0x9A, b"data", "ES256", person)
    assert len(person.asked) == 1
    assert not tried
