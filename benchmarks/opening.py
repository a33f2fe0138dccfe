"""How many APDUs it takes to open each kind of card, to have its certificate, and to sign; written into docs/economy.md.

The numbers depend on the cards' contents alone, so a run prints what the last one did; tests hold them to it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from zorgid_card.cards import CardMemory, Insertion, ZorgIDCard, open_card
from zorgid_card.cli.simulate import Options, obtain
from zorgid_card.codec.link import Link
from zorgid_card.errors import CardError, UsageError
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.scp03 import ChannelKeys
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_layout import LAYOUTS
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, FRONT_DESK, JAN_DE_VRIES

DOCUMENT = Path(__file__).parents[1] / "docs" / "economy.md"
MARKS = ("<!-- opening: begin -->\n", "<!-- opening: end -->\n")
_NONE = "–"

Row = tuple[str, str, str, str]


def _row(name: str, card: VirtualCard, pin: bytes | None, memory: CardMemory | None = None, number: int = 0) -> Row:
    """What was sent until the card is open, its certificate is there, and a signature is made."""
    reader = SimulatedReader()
    reader.insert(card)
    channel = reader.connect()
    link = Link(channel)
    opened = open_card(link, memory, Insertion("reader", number))
    counts = [str(link.count)]
    try:
        opened.authentication_certificate()
        counts.append(str(link.count))
        if pin is not None:
            opened.authentication_signer(lambda _: Secret.of(pin)).sign(b"data")
            counts.append(str(link.count))
    except (CardError, UsageError):
        pass  # a card without a certificate
    channel.close(reset=True)
    first, second, third = [*counts, _NONE, _NONE][:3]
    return name, first, second, third


def _pass(letter: str, layout: str) -> VirtualUZIPass:
    pki = UZITestPKI("test", pool=KeyPool.shared(), now=datetime(2026, 3, 1, tzinfo=UTC))
    holder, role = {
        "Z": (JAN_DE_VRIES, "01.015"),
        "N": (FATIMA_EL_AMRANI, "00.000"),
        "M": (FRONT_DESK, "00.000"),
    }[letter]
    return VirtualUZIPass(pki.pass_(holder, DE_LINDE, letter, role), layout=LAYOUTS[layout])


def _in_use() -> VirtualCard:
    card = Maker.create().blank()
    reader = SimulatedReader()
    reader.insert(card)
    ZorgIDCard(Link(reader.connect())).change_pin(Secret.of(b"123456"), Secret.of(b"654321"))
    return card


def _zorgid() -> list[Row]:
    made, memory = obtain(Options(kind="zorgid", key_algorithm="ECCP256")), CardMemory()
    return [
        _row("ZORG-ID Smartcard, nothing remembered", made.card, made.pin),
        _row("ZORG-ID Smartcard, first time", made.card, made.pin, memory, 1),
        _row("ZORG-ID Smartcard, met before, same insertion", made.card, made.pin, memory, 1),
        _row("ZORG-ID Smartcard, met before, put in again", made.card, made.pin, memory, 2),
    ]


def table() -> str:
    """As Markdown."""
    others: dict[str, Callable[[], VirtualCard]] = {
        "blank": lambda: Maker.create().blank(),
        "blank, NIST dialect": lambda: Maker.create().nist_blank(),
        "PIV card in use (another PIN)": _in_use,
        "PIV card without Yubico's dialect": lambda: Maker.create().blank(dialect=False, channel=ChannelKeys()),
    }
    rows = [*_zorgid(), *(_row(name, make(), None) for name, make in others.items())]
    rows += [
        _row(f"UZI pass {letter}, layout {layout}", _pass(letter, layout), DEFAULT_PIN)
        for letter in "ZNM"
        for layout in "AB"
    ]
    lines = ["| card | open | with its certificate | with a signature |", "|---|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def main() -> None:
    """Print the table, and put it into the document."""
    made = table()
    print(made)
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    DOCUMENT.write_text(f"{before}{MARKS[0]}{made}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
