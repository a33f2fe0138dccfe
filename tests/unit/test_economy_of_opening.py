"""How many commands it takes to open a card of each kind, to say whose it is, and to sign (docs/economy.md)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from card_scripts import powered
from met_cards import PIN, a_card
from zorgid_card.cards import ZorgIDCard, open_card
from zorgid_card.codec.link import Link
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.scp03 import ChannelKeys
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_layout import LAYOUTS
from zorgid_card.testkit.uzi_profile import DE_LINDE, FRONT_DESK, JAN_DE_VRIES


def a_pass(letter: str, layout: str, **options: bytes) -> VirtualUZIPass:
    pki = UZITestPKI("test", pool=KeyPool.shared(), now=datetime(2026, 3, 1, tzinfo=UTC))
    person, role = {"Z": (JAN_DE_VRIES, "01.015"), "N": (JAN_DE_VRIES, "00.000"), "M": (FRONT_DESK, "00.000")}[letter]
    return VirtualUZIPass(pki.pass_(person, DE_LINDE, letter, role), layout=LAYOUTS[layout], **options)  # type: ignore[arg-type]


def somebodys() -> VirtualPIVCard:
    """A PIV card of the same maker, with a PIN of its holder's."""
    card = Maker.create().blank()
    _, link = powered(card)
    ZorgIDCard(link).change_pin(Secret.of(b"123456"), Secret.of(PIN))
    return card


OPENING: dict[str, tuple[Callable[[], VirtualCard], int, int, int | None]] = {
    "ZORG-ID Smartcard": (a_card, 6, 6, None),
    "PIV card in use": (somebodys, 5, 5, None),
    "PIV card without a dialect": (lambda: Maker.create().blank(dialect=False, channel=ChannelKeys()), 7, 7, None),
    "blank": (lambda: Maker.create().blank(), 54, 54, None),
    "blank, NIST dialect": (lambda: Maker.create().nist_blank(), 33, 33, None),
    "UZI pass Z, layout A": (lambda: a_pass("Z", "A"), 18, 27, 35),
    "UZI pass N, layout A": (lambda: a_pass("N", "A"), 18, 27, 35),
    "UZI pass M, layout A": (lambda: a_pass("M", "A"), 17, 26, 34),
    "UZI pass Z, layout B": (lambda: a_pass("Z", "B"), 20, 29, 37),
    "UZI pass N, layout B": (lambda: a_pass("N", "B"), 20, 29, 37),
    "UZI pass M, layout B": (lambda: a_pass("M", "B"), 20, 29, 37),
}


@pytest.mark.parametrize("name", sorted(OPENING))
def test_opening_a_card_takes_no_more_than(name: str) -> None:
    """docs/economy.md gives these numbers."""
    make, opened, identified, signed = OPENING[name]
    reader, _ = powered(make())
    link = Link(reader.connect())
    card = open_card(link)
    assert link.count <= opened
    if opened != identified or name == "ZORG-ID Smartcard":
        card.authentication_certificate()
    assert link.count <= identified
    if signed is not None:
        card.authentication_signer(lambda _: Secret.of(b"123456")).sign(b"text")
        assert link.count <= signed


@pytest.mark.parametrize("layout", "AB")
def test_a_signature_with_a_pass_takes_eight_and_a_second_while_the_pin_holds_six(layout: str) -> None:
    reader, _ = powered(a_pass("Z", layout))
    link = Link(reader.connect())
    signer = open_card(link).authentication_signer(lambda _: Secret.of(b"123456"))
    for most in (8, 6):
        before = link.count
        signer.sign(b"text")
        assert link.count - before <= most
