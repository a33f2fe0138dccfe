"""Cards that answer what they should not: only typed errors come out, and after bounded work."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from card_scripts import ScriptedChannel, Tampered, powered
from piv_card import SELECT, administer, put, sw
from zorgid_card.cards import PIVCard, Tries, UZIPass, ZorgIDCard, detect, open_card
from zorgid_card.cards.profile import PLAIN_PIV
from zorgid_card.codec.apdu import INS
from zorgid_card.codec.link import Link
from zorgid_card.errors import CardNotSupportedError, TransportError, WrongCardError, WrongPINError, ZorgIDError
from zorgid_card.ports.card import Channel, Octets
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUTS
from zorgid_card.testkit.uzi_profile import Person, Subscriber

MAKER = Maker.create()
PIN = b"123456"
MOST = 20_000
"""More physical commands than any of these operations may need: a file of 32 KiB has 128 parts, a card 64 certificates."""

Doors = tuple[Callable[[Link], object], ...]

DOORS: Doors = (
    detect,
    lambda link: ZorgIDCard(link).require_blank(),
    lambda link: ZorgIDCard(link).inventory(),
    lambda link: ZorgIDCard(link).tries(),
    lambda link: ZorgIDCard(link).key(),
    lambda link: ZorgIDCard(link).attestation_intermediate(),
    lambda link: ZorgIDCard(link).factory_reset(),
    lambda link: ZorgIDCard(link).authenticate_administration(Secret.of(bytes(24))),
    lambda link: PIVCard(link, PLAIN_PIV).certificate(),
    lambda link: PIVCard(link, PLAIN_PIV).sign(0x9A, b"x", "RS256", lambda _: Secret.of(PIN)),
    lambda link: UZIPass(link).certificates(),
    lambda link: UZIPass(link).sign("authenticity", b"x", "RS256", lambda _: Secret.of(PIN)),
)


def knock(door: Callable[[Link], object], link: Link) -> None:
    with contextlib.suppress(ZorgIDError):
        door(link)
    assert link.count < MOST


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(DOORS),
    st.lists(st.binary(min_size=2, max_size=260), min_size=1, max_size=8),
    st.sampled_from([b"", b"\x90\x00", b"\x61\x10", b"\x63\xc2", b"\x62\x82"]),
)
def test_random_answers(door: Callable[[Link], object], answers: list[bytes], sw: bytes) -> None:
    """The same few answers over and over, whatever is asked."""
    count = 0

    def answer(_: bytes) -> bytes:
        nonlocal count
        count += 1
        return answers[count % len(answers)] + sw

    knock(door, Link(ScriptedChannel(answer)))


@pytest.mark.parametrize("raw", ["", "90", "9000", "6110", "6C10", "63C1", "300090 00", "7F" * 40, "53820FFF9000"])
@pytest.mark.parametrize("door", DOORS)
def test_one_answer_to_everything(door: Callable[[Link], object], raw: str) -> None:
    knock(door, Link(ScriptedChannel(lambda _: bytes.fromhex(raw))))


@pytest.fixture(scope="module")
def contents() -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared())
    return pki.pass_(
        Person("Jan", "Vries", "900000011", birth_date=date(1971, 2, 3)), Subscriber("De Linde", "90000123"), "N"
    )


CHANGES = st.one_of(
    st.just(lambda raw: b""),
    st.just(lambda raw: raw[:-1]),
    st.just(lambda raw: raw[len(raw) // 2 :]),
    st.just(lambda raw: raw[:-2] * 2 + raw[-2:]),
    st.just(lambda raw: raw[-2:]),
    st.tuples(st.integers(0, 300), st.integers(1, 255)).map(
        lambda change: (
            lambda raw: bytes(
                octet ^ (change[1] if at == change[0] % max(len(raw), 1) else 0) for at, octet in enumerate(raw)
            )
        )
    ),
    st.binary(max_size=300).map(lambda other: lambda _: other),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(1, 130), change=CHANGES, layout=st.sampled_from(sorted(LAYOUTS)))
def test_a_pass_with_one_answer_changed(
    contents: PassContents, at: int, change: Callable[[bytes], bytes], layout: str
) -> None:
    _, link = powered(VirtualUZIPass(contents, layout=LAYOUTS[layout], pin=PIN))
    tampered = Link(Tampered(link.channel, at, change))
    try:
        card = open_card(tampered)
        assert isinstance(card, UZIPass)
        card.certificates()
        card.sign("signature", b"x", "RS256", lambda _: Secret.of(PIN))
    except ZorgIDError:
        pass
    assert tampered.count < MOST


@settings(max_examples=150, deadline=None)
@given(at=st.integers(1, 90), change=CHANGES)
def test_a_blank_with_one_answer_changed(at: int, change: Callable[[bytes], bytes]) -> None:
    _, link = powered(MAKER.blank())
    tampered = Link(Tampered(link.channel, at, change))
    card = ZorgIDCard(tampered)
    try:
        card.require_blank()
        with card.session():
            card.authenticate_administration(card.factory_secrets()[2])
            card.generate(0x9A, "ECCP256")
            card.write_certificate(0x9A, card.attest(0x9A))
        assert card.sign(0x9A, b"x", "ES256", lambda _: Secret.of(PIN))
        assert card.certificate()
    except ZorgIDError:
        pass
    assert tampered.count < MOST


def test_an_endless_answer_is_not_followed() -> None:
    channel = ScriptedChannel(lambda _: b"\x00" * 256 + b"\x61\x00")
    with pytest.raises(CardNotSupportedError):
        open_card(Link(channel))
    assert len(channel.sent) < MOST


@dataclass
class Breaking:
    """A channel that breaks at one command, after the card has acted on it."""

    channel: Channel
    at: int
    sent: list[bytes] = field(default_factory=list)

    @property
    def atr(self) -> bytes:
        return self.channel.atr

    def transmit(self, command: Octets, /) -> bytes:
        self.sent.append(bytes(command))
        answer = self.channel.transmit(command)
        if len(self.sent) == self.at:
            raise TransportError
        return answer

    def transaction(self) -> AbstractContextManager[None]:
        return self.channel.transaction()

    def close(self, *, reset: bool = False) -> None:
        self.channel.close(reset=reset)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_a_broken_transport_is_told_and_no_try_is_sent_again(contents: PassContents, layout: str) -> None:
    """The exchange breaks at each command in turn, until the operation comes to its end."""
    for at in range(1, 200):
        simulated = VirtualUZIPass(contents, layout=LAYOUTS[layout], pin=PIN)
        reader, _ = powered(simulated)
        broken = Breaking(reader.connect(), at)
        try:
            UZIPass(Link(broken)).sign("signature", b"x", "RS256", lambda _: Secret.of(b"000000"))
        except TransportError:
            assert len(broken.sent) == at
            assert sum(raw[1] == INS.VERIFY and len(raw) > 5 for raw in broken.sent) <= 1
        except WrongPINError:
            assert simulated.tries_left == (2, 3)
            return
    pytest.fail("the operation never came to its end")


def test_pin_1_cards_with_an_empty_certificate_are_not_taken_for_each_other() -> None:
    first, other = (MAKER.blank() for _ in range(2))
    for card in (first, other):
        card.power_on()
        assert (sw(card, SELECT), administer(card)) == (0x9000, 0x9000)
        assert put(card, "5FC105", bytes.fromhex("7000710100FE00")) == 0x9000
    reader, link = powered(first)
    used = PIVCard(link)
    assert used.certificates() == {}
    reader.swap(other)
    with pytest.raises(WrongCardError):
        used.verify_pin(Secret.of(b"999999"))
    assert PIVCard(Link(reader.connect())).tries() == Tries.known(3)
