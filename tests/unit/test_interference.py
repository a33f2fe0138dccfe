"""Cards of one answer to reset are used while others reset, exchange and use them at random: whose tries are spent, and on what?"""

from __future__ import annotations

import random
import sys
from contextlib import suppress
from functools import cache

import pytest

from met_cards import PIN, a_card, tries_left
from pcsc_stub import Stub
from zorgid_card.adapters.pcsc import readers
from zorgid_card.cards import CardMemory, Insertion, PINRequest, ZorgIDCard, let_go, open_channel
from zorgid_card.cards.certificates import public_key_of
from zorgid_card.codec.apdu import INS
from zorgid_card.codec.link import Link
from zorgid_card.errors import CardResetError, SignatureError, ZorgIDError
from zorgid_card.pki.signing import verify_signature
from zorgid_card.ports.card import Channel
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.reader import SimulatedReader

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is a libpcsclite")

SELECT, OTHER = bytes.fromhex("00A4040005A00000030800"), bytes.fromhex("00A4040008A000000151000000")
TRIED_WRONG, LOGGED_OUT, STATUS = (
    bytes.fromhex("0020008008393939393939FFFF"),
    bytes.fromhex("0020FF80"),
    b"\0\x20\0\x80",
)
USES = (INS.VERIFY, INS.CHANGE_REFERENCE_DATA, INS.GENERAL_AUTHENTICATE)
WRONG = b"777777"
TORN = bytes(70000)  # longer than any answer: SCardTransmit fails


@cache
def cards() -> dict[bytes, VirtualPIVCard]:
    """Two cards by their certificate."""
    found: dict[bytes, VirtualPIVCard] = {}
    for card in (a_card(), a_card()):
        reader = SimulatedReader()
        reader.insert(card)
        found[ZorgIDCard(Link(reader.connect())).authentication_certificate()] = card
    return found


class World:
    """A reader, two cards, people and programs; it notes what must not be."""

    def __init__(self, stub: Stub, seed: int) -> None:
        self.random = random.Random(seed)
        self.stub = stub
        self.rate = self.random.choice([0.0, 0.02, 0.05, 0.15])
        self.pair = list(cards().values())
        self.present: VirtualPIVCard | None = self.pair[0]
        self.owner: VirtualPIVCard | None = None
        self.tried = self.given = 0
        self.wrongs: list[str] = []
        self._under_way = False
        for card in self.pair:
            card._state.pin.left = 3
        stub.hold(self.pair[0])
        stub["state"] = 0x20
        stub.on_call(self._called)
        stub.answer = self._answered  # type: ignore[method-assign]  # the test stands between reader and card

    def _called(self, call: str, slot: int) -> int:
        if not self._under_way and self.random.random() < self.rate:
            self.interfere()
        return 0

    def _answered(self, slot: int, command: bytes) -> bytes:
        card = self.stub.cards[slot]
        assert isinstance(card, VirtualPIVCard)
        if command[1] in USES and len(command) > 5:
            if self.owner not in (None, card):
                self.wrongs.append(f"{command[1]:02X} went to another card")
            if command[1] == INS.VERIFY and tries_left(card) == 1:
                self.wrongs.append("a last try was spent unasked")
            self.tried += command[1] == INS.VERIFY
        chance = self.random.random()
        answer = TORN if chance < self.rate / 4 else card.transmit(command)
        return TORN if chance < self.rate / 2 else answer

    def interfere(self) -> None:
        """Somebody does something, in whatever moment this is."""
        self._under_way = True
        what = self.random.choice(["reset", "exchange", "exchange, reset", "reset, exchange", "pull", "use"])
        if what.startswith("reset") and self.present:
            self.stub.reset()
        if "exchange" in what:
            self.put(self.pair[self.present is self.pair[0]])
        if what == "exchange, reset":
            self.stub.reset()
        if what == "pull":
            self.put(None)
        if what == "use" and self.present and not self.stub["transactions"]:
            self._used(self.present)
        self._under_way = False

    def _used(self, card: VirtualPIVCard) -> None:
        command = self.random.choice([OTHER, LOGGED_OUT, TRIED_WRONG])
        card.transmit(SELECT)
        if command != TRIED_WRONG or tries_left(card) > 1:
            card.transmit(command)

    def put(self, card: VirtualPIVCard | None) -> None:
        """Pull the card, and put this one in."""
        if self.present is not None:
            self.stub.remove()
        self.present = card
        if card is not None:
            self.stub.insert(card)

    def pin(self, request: PINRequest) -> Secret:
        """What a person answers, after a while."""
        self.given += 1
        if self.stub["transactions"]:
            self.wrongs.append("a transaction was held over a prompt")
        if self.random.random() < 0.3:
            self.interfere()
        if self.random.random() < 0.1:
            raise RuntimeError("the window was closed")
        return Secret.of(self.random.choice([PIN, PIN, PIN, WRONG]))

    def opened(self, channel: Channel, memory: CardMemory) -> ZorgIDCard | None:
        reader = readers(library=self.stub.path)[0]
        insertion = Insertion(reader.name, self.random.choice([reader.insertion(), None]))
        with suppress(ZorgIDError):
            card = open_channel(channel, memory=self.random.choice([memory, None]), insertion=insertion)
            if isinstance(card, ZorgIDCard):
                self.owner = cards()[card.authentication_certificate()]
                card.ask_again = self.random.random() < 0.5
                return card
        return None

    def use(self, card: ZorgIDCard) -> None:
        """One operation: no more tries than PINs were given for it."""
        tried, given, explicit = self.tried, self.given, 0
        what = self.random.choice(["verify", "log in", "log in", "sign", "tries", "session", "cancel"])
        with suppress(ZorgIDError, RuntimeError):
            if what == "verify":
                explicit = 1
                card.verify_pin(Secret.of(self.random.choice([PIN, WRONG])))
            elif what == "log in":
                self._verify(card.authentication_signer(self.pin).sign(b"x"))
            elif what == "sign":
                self._verify(card.sign(0x9A, b"x", "ES256", self.pin))
            elif what == "session":
                explicit = 2
                self._in_one_session(card)
            else:
                {"tries": card.tries, "cancel": card.link.cancel}[what]()
        if self.tried - tried > explicit + self.given - given:
            self.wrongs.append(f"{what}: a PIN was sent twice")
        if self.stub["transactions"]:
            self.wrongs.append(f"{what}: a transaction was left open")

    def _in_one_session(self, card: ZorgIDCard) -> None:
        with card.session():
            for _ in range(2):
                with suppress(ZorgIDError):
                    card.verify_pin(Secret.of(PIN))
                    self._verify(card.sign(0x9A, b"x", "ES256"))

    def _verify(self, signature: bytes) -> None:
        certificate = next(der for der, card in cards().items() if card is self.owner)
        try:
            verify_signature(public_key_of(certificate)[0], "ES256", b"x", signature)
        except SignatureError:
            self.wrongs.append("a signature of another key")


@pytest.mark.parametrize("seed", range(60))
def test_pin_1_whatever_others_do_no_try_is_spent_on_another_card_or_twice_or_as_the_last(
    stub: Stub, seed: int
) -> None:
    world, memory = World(stub, seed), CardMemory()
    for _ in range(12):
        for card in world.pair:
            card._state.pin.left = max(card._state.pin.left, world.random.choice([1, 3]))
        world.owner = None
        if world.present is None:
            world.put(world.random.choice(world.pair))
        try:
            channel = readers(library=stub.path)[0].connect()
        except ZorgIDError:
            continue
        found = world.opened(channel, memory)
        if found is not None:
            for _ in range(world.random.randrange(1, 5)):
                world.use(found)
        world.rate, rate = 0.0, world.rate
        let_go(channel, found)
        world.rate = rate
        if world.present is not None and world.present is world.owner:
            assert world.present.transmit(STATUS)[-2:] != b"\x90\x00", "the PIN stayed verified"
        assert world.wrongs == []


def test_pin_1_a_card_exchanged_while_it_is_opened_is_not_taken_for_the_one_of_that_insertion(stub: Stub) -> None:
    """A program that tries again brings the insertion that it asked for before."""
    world, memory = World(stub, 0), CardMemory()
    world.rate = 0.0
    first, second = world.pair
    world.put(first)
    reader = readers(library=stub.path)[0]
    channel = reader.connect()
    let_go(channel, open_channel(channel, memory=memory, insertion=Insertion(reader.name, reader.insertion())))
    channel, insertion = reader.connect(), Insertion(reader.name, reader.insertion())
    assert memory.inserted(insertion, channel.atr) is not None
    world.put(second)
    memory._extended.clear()  # which is looked at first
    card = None
    for _ in range(2):
        with suppress(CardResetError):
            card = open_channel(channel, memory=memory, insertion=insertion)
    assert card is not None
    assert cards()[card.authentication_certificate()] is second
    let_go(channel, card)
