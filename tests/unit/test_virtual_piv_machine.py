"""The simulated PIV card under arbitrary input, and its PIN and PUK counters against a model."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard

MAKER = Maker.create()
SHARED = MAKER.blank()
SHARED.power_on()

INSTRUCTIONS = [0x20, 0x24, 0x2C, 0x47, 0x87, 0xA4, 0xC0, 0xCB, 0xDB, *range(0xF6, 0x100)]
REFERENCES = [0x00, 0x80, 0x81, 0x82, 0x9A, 0x9B, 0x9C, 0x9D, 0xF9, 0xFF]
TEMPLATES = [0x7C, 0xAC, 0x5C, 0x53, 0x7E, 0x80, 0x81, 0x82, 0x85, 0x9B]


def number(card: VirtualPIVCard, command: bytes) -> int:
    return int.from_bytes(card.transmit(command)[-2:], "big")


def tlv(tag: int, value: bytes) -> bytes:
    return bytes([tag, len(value)]) + value


objects = st.recursive(
    st.binary(max_size=20),
    lambda inner: st.builds(
        tlv, st.sampled_from(TEMPLATES), st.lists(inner, max_size=3).map(b"".join).map(lambda v: v[:100])
    ),
    max_leaves=4,
)
likely = st.builds(
    lambda cla, ins, p1, p2, data, le: bytes([cla, ins, p1, p2, len(data)]) + data + le,
    st.sampled_from([0x00, 0x10]),
    st.sampled_from(INSTRUCTIONS),
    st.sampled_from([0x00, 0x03, 0x04, 0x07, 0x0A, 0x11, 0x3F, 0x9A, 0xFF]),
    st.sampled_from(REFERENCES),
    objects.map(lambda value: value[:255]),
    st.sampled_from([b"", b"\0"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=300), likely), max_size=12))
def test_no_input_raises_and_none_unlocks(commands: list[bytes]) -> None:
    SHARED.reset()
    for command in commands:
        answer = SHARED.transmit(command)
        assert 2 <= len(answer) <= 65_538
    # neither PIN nor administration key was ever given, so nothing that needs them works
    assert number(SHARED, bytes.fromhex("00CB3FFF055C035FC10900")) == 0x6982
    assert number(SHARED, bytes.fromhex("0047009A05AC0380011100")) == 0x6982
    assert number(SHARED, bytes.fromhex("00DB3FFF085C035FC10253012A")) == 0x6982
    assert number(SHARED, bytes.fromhex("0020008000")[:4]) & 0xFFF0 == 0x63C0


SCALAR = bytes.fromhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")  # RFC 6979, A.2.5
HOLDERS_PIN = b"86420864"


def unlocked() -> VirtualPIVCard:
    """A card with a key that we know in each slot, its PIN known to nobody but us, and everything authenticated."""
    key = ec.derive_private_key(int.from_bytes(SCALAR, "big"), ec.SECP256R1())
    card = MAKER.blank(key_maker=lambda algorithm: key)
    card.power_on()
    data = card.transmit(bytes.fromhex("00870A9B047C02810000"))[4:-2]
    encryptor = Cipher(AES(bytes(range(1, 9)) * 3), ECB()).encryptor()
    response = encryptor.update(data) + encryptor.finalize()
    assert number(card, bytes.fromhex("00870A9B147C128210") + response) == 0x9000
    for slot in (0x9A, 0x9C, 0x9D, 0x9E, 0x82):
        assert number(card, bytes([0, 0x47, 0, slot, 5, 0xAC, 3, 0x80, 1, 0x11, 0])) == 0x9000
    assert number(card, b"\x00\x24\x00\x80\x10" + b"123456\xff\xff" + HOLDERS_PIN) == 0x9000
    return card


@settings(max_examples=100, deadline=None)
@given(st.lists(likely, max_size=12))
def test_private_key_and_pin_never_leave_even_for_the_administrator(commands: list[bytes]) -> None:
    card = unlocked()
    for command in commands:
        answer = card.transmit(command)
        while answer[-2] == 0x61:
            answer = answer[:-2] + card.transmit(bytes([0, 0xC0, 0, 0, answer[-1]]))
        assert SCALAR not in answer
        assert HOLDERS_PIN not in answer


pins = st.sampled_from([b"123456\xff\xff", b"87654321", b"000000\xff\xff"])
puks = st.sampled_from([b"12345678", b"99999999"])


class Counters(RuleBasedStateMachine):
    """PIN and PUK: what every command must answer is told by a model of a dozen lines."""

    @initialize()
    def insert(self) -> None:
        self.card = MAKER.blank()
        self.card.power_on()
        self.pin, self.puk = b"123456\xff\xff", b"12345678"
        self.pin_left = self.puk_left = 3
        self.verified = False

    def _try_pin(self, value: bytes) -> int:
        if self.pin_left == 0:
            return 0x6983
        if value == self.pin:
            self.pin_left, self.verified = 3, True
            return 0x9000
        self.pin_left, self.verified = self.pin_left - 1, False
        return 0x63C0 | self.pin_left

    def _try_puk(self, value: bytes) -> int:
        if self.puk_left == 0:
            return 0x6983
        self.puk_left = 3 if value == self.puk else self.puk_left - 1
        return 0x9000 if value == self.puk else 0x63C0 | self.puk_left

    @rule(value=pins)
    def verify(self, value: bytes) -> None:
        assert number(self.card, b"\x00\x20\x00\x80\x08" + value) == self._try_pin(value)

    @rule(old=pins, new=pins)
    def change_pin(self, old: bytes, new: bytes) -> None:
        expected = self._try_pin(old)
        assert number(self.card, b"\x00\x24\x00\x80\x10" + old + new) == expected
        self.pin = new if expected == 0x9000 else self.pin

    @rule(old=puks, new=puks)
    def change_puk(self, old: bytes, new: bytes) -> None:
        expected = self._try_puk(old)
        assert number(self.card, b"\x00\x24\x00\x81\x10" + old + new) == expected
        self.puk = new if expected == 0x9000 else self.puk

    @rule(puk=puks, new=pins)
    def unblock(self, puk: bytes, new: bytes) -> None:
        alive = self.puk_left > 0
        expected = self._try_puk(puk)
        assert number(self.card, b"\x00\x2c\x00\x80\x10" + puk + new) == expected
        if expected == 0x9000:
            self.pin, self.pin_left = new, 3
        elif alive:
            self.verified = False

    @rule()
    def log_out(self) -> None:
        assert number(self.card, bytes.fromhex("0020FF80")) == 0x9000
        self.verified = False

    @rule()
    def reset(self) -> None:
        self.card.reset()
        self.verified = False

    @precondition(lambda self: self.pin_left == 0 and self.puk_left == 0)
    @rule()
    def factory_reset(self) -> None:
        assert number(self.card, bytes.fromhex("00FB0000")) == 0x9000
        self.pin, self.puk, self.pin_left, self.puk_left, self.verified = b"123456\xff\xff", b"12345678", 3, 3, False

    @precondition(lambda self: self.pin_left > 0 or self.puk_left > 0)
    @rule()
    def no_factory_reset(self) -> None:
        assert number(self.card, bytes.fromhex("00FB0000")) == 0x6985

    @invariant()
    def status_is_as_modelled(self) -> None:
        if hasattr(self, "card"):
            expected = 0x9000 if self.verified else 0x63C0 | self.pin_left
            assert number(self.card, bytes.fromhex("00200080")) == expected
            tries = self.card.transmit(bytes.fromhex("00F7008100"))
            assert tries[-3] == self.puk_left


Counters.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestCounters = Counters.TestCase
