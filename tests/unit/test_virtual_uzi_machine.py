"""The simulated UZI pass answers every octet string, and its tries obey a model."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from uzi_card import PIN, PUK, SELECT_APPLICATION, choose, coded, command, opened, powered, sign, status, sw, verify
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, LAYOUTS
from zorgid_card.testkit.uzi_profile import Usage

INSTRUCTIONS = (0x20, 0x22, 0x24, 0x2A, 0x2C, 0x84, 0x88, 0xA4, 0xB0, 0xB2, 0xC0)


@st.composite
def commands(draw: st.DrawFn) -> bytes:
    """Commands near those that the card knows."""
    cla = draw(st.sampled_from((0x00, 0x10, 0x0C, 0x80)) | st.integers(0, 255))
    header = bytes([cla, draw(st.sampled_from(INSTRUCTIONS)), draw(st.integers(0, 255)), draw(st.integers(0, 255))])
    data = draw(st.binary(max_size=40))
    le = draw(st.sampled_from((b"", b"\0", b"\x10")))
    return header + (bytes([len(data)]) + data if data else b"") + le


@settings(max_examples=60, deadline=None)
@given(
    layout=st.sampled_from((LAYOUT_A, LAYOUT_B)),
    sent=st.lists(st.binary(max_size=300) | commands(), max_size=20),
)
def test_no_octets_make_the_card_raise(layout: object, sent: list[bytes]) -> None:
    card = opened(layout)  # type: ignore[arg-type]
    for one in sent:
        answer = card.transmit(one)
        assert 2 <= len(answer) <= 65538
        assert answer[-2] >> 4 in {6, 9}


class Tries(RuleBasedStateMachine):
    """PIN, PUK and the signature key's right to one signature, against a model of five numbers."""

    card: VirtualUZIPass

    @initialize(layout=st.sampled_from(sorted(LAYOUTS)))
    def start(self, layout: str) -> None:
        self.card = powered(LAYOUTS[layout])
        self.pin, self.puk = PIN, PUK
        self.left = {"pin": 3, "puk": 3}
        self.verified = self.fresh = False
        self.enter()

    def enter(self) -> None:
        assert sw(self.card, SELECT_APPLICATION) == 0x9000

    def spend(self, which: str, right: bool) -> int:
        """What the model says a try is answered with."""
        if self.left[which] == 0:
            return 0x6983
        self.left[which] = 3 if right else self.left[which] - 1
        return 0x9000 if right else 0x63C0 | self.left[which]

    @rule(right=st.booleans())
    def verify(self, right: bool) -> None:
        expected = self.spend("pin", right)
        assert verify(self.card, self.pin if right else b"00000000") == expected
        if expected != 0x6983:
            self.verified = self.fresh = right

    @rule(right=st.booleans(), new=st.sampled_from((b"111222", b"33334444")))
    def change(self, right: bool, new: bytes) -> None:
        old = self.pin if right else bytes(reversed(self.pin))
        data = coded(self.card, old) + coded(self.card, new)
        expected = self.spend("pin", right)
        assert sw(self.card, command(0x24, 0, self.card.layout.pin, data)) == expected
        if expected == 0x9000:
            self.pin = new
        elif expected != 0x6983:
            self.verified = self.fresh = False

    @rule(right=st.booleans(), new=st.sampled_from((b"555666", b"77778888")))
    def unblock(self, right: bool, new: bytes) -> None:
        data = coded(self.card, self.puk if right else b"00000000") + coded(self.card, new)
        expected = self.spend("puk", right)
        assert sw(self.card, command(0x2C, 0, self.card.layout.pin, data)) == expected
        if expected == 0x9000:
            self.pin, self.left["pin"] = new, 3

    @rule()
    def reset(self) -> None:
        self.card.reset()
        self.verified = self.fresh = False
        self.enter()

    @rule(usage=st.sampled_from((Usage.AUTHENTICITY, Usage.SIGNATURE)))
    def sign(self, usage: Usage) -> None:
        assert choose(self.card, usage) == 0x9000
        allowed = self.fresh if usage is Usage.SIGNATURE else self.verified
        assert sign(self.card)[1] == (0x9000 if allowed else 0x6982)
        if usage is Usage.SIGNATURE:
            self.fresh = False

    @invariant()
    def the_card_tells_what_the_model_knows(self) -> None:
        if not hasattr(self, "left"):
            return
        assert self.card.tries_left == (self.left["pin"], self.left["puk"])
        left = self.left["pin"]
        expected = 0x9000 if self.verified else (0x63C0 | left if left else 0x6983)
        assert status(self.card) == expected


TestTries = Tries.TestCase
TestTries.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
