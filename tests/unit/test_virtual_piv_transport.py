"""The card's transport and application selection, with applications made for the purpose (ISO/IEC 7816-4)."""

from __future__ import annotations

from zorgid_card.codec.apdu import SW, CommandAPDU, ResponseAPDU
from zorgid_card.testkit.card import Refused, VirtualCard


class Echo:
    """Answers with the command's data, and notes what happens to it."""

    def __init__(self, aid: str) -> None:
        self.aid = bytes.fromhex(aid)
        self.events: list[str] = []

    def select(self, command: CommandAPDU) -> ResponseAPDU:
        if command.data and not self.aid.startswith(command.data):
            raise Refused(SW.NOT_FOUND)
        self.events.append("select")
        return ResponseAPDU(self.aid, SW.OK)

    def deselect(self) -> None:
        self.events.append("deselect")

    def reset(self) -> None:
        self.events.append("reset")

    def process(self, command: CommandAPDU) -> ResponseAPDU:
        return ResponseAPDU(command.data, SW.OK)


def card_with(*applications: Echo, default: Echo | None = None) -> VirtualCard:
    card = VirtualCard(b"\x3b\x00", applications, default=default)
    card.power_on()
    return card


def sent(card: VirtualCard, command: str) -> str:
    return card.transmit(bytes.fromhex(command)).hex().upper()


def test_nothing_is_selected_at_first() -> None:
    card = card_with(Echo("A000000001"))
    assert sent(card, "00100000") == "6D00"
    assert sent(card, "00A40000023F00") == "6A82"
    assert sent(card, "00A4040000") == "6A82"


def test_selection_by_name_moves_between_applications() -> None:
    first, second = Echo("A00000000101"), Echo("A00000000102")
    card = card_with(first, second)
    assert sent(card, "00A4040005A00000000100") == "A000000001019000"
    assert sent(card, "00A4040006A0000000010100") == "A000000001019000"
    assert first.events == ["reset", "select", "select"]
    assert sent(card, "00A4040006A0000000010300") == "6A82"
    assert first.events == ["reset", "select", "select"]
    assert sent(card, "00A4040006A0000000010200") == "A000000001029000"
    assert first.events[-1] == "deselect"
    card.reset()
    assert second.events[-1] == "reset"
    assert sent(card, "00100000") == "6D00"


def test_a_partial_name_finds_one_after_the_other() -> None:
    card = card_with(Echo("A00000000101"), Echo("A00000000102"))
    assert sent(card, "00A4040205A00000000100") == "A000000001019000"
    assert sent(card, "00A4040205A00000000100") == "A000000001029000"
    assert sent(card, "00A4040205A00000000100") == "6A82"
    assert sent(card, "00A4040105A00000000100") == "6A81"
    assert sent(card, "00A4040C05A00000000100") == "A000000001019000"


def test_the_default_application_gets_what_nobody_else_wants() -> None:
    files, other = Echo("A000000063"), Echo("A000000001")
    card = card_with(other, default=files)
    assert sent(card, "0010000002ABCD00") == "ABCD9000"
    assert sent(card, "00A4040005A00000006300") == "A0000000639000"
    assert sent(card, "00A4040005A00000000100") == "A0000000019000"
    assert files.events == ["reset", "select", "deselect"]
    assert sent(card, "00A4040000") == "A0000000639000"
    assert other.events[-1] == "deselect"


def test_without_le_the_data_wait_for_get_response() -> None:
    card = card_with(default=Echo("A000000001"))
    assert sent(card, "0010000003AABBCC") == "6103"
    assert sent(card, "00C0000002") == "AABB6101"
    assert sent(card, "00C0000000") == "CC9000"
    assert sent(card, "00C0000000") == "6985"


def test_a_long_answer_says_6100_until_less_than_256_are_left() -> None:
    card = card_with(default=Echo("A000000001"))
    sent(card, "10100000FF" + "11" * 255)
    sent(card, "10100000FF" + "22" * 255)
    first = sent(card, "0010000064" + "33" * 100 + "00")
    assert (len(first), first[-4:]) == (2 * 258, "6100")
    second = sent(card, "00C0000000")
    assert (len(second), second[-4:]) == (2 * 258, "6162")
    assert sent(card, "00C0000062") == "33" * 98 + "9000"


def test_a_chain_of_another_command_begins_anew() -> None:
    card = card_with(default=Echo("A000000001"))
    assert sent(card, "1010000002AAAA") == "9000"
    assert sent(card, "1012000002BBBB") == "9000"
    assert sent(card, "0012000002CCCC00") == "BBBBCCCC9000"
    assert sent(card, "1010000002AAAA") == "9000"
    assert sent(card, "00C0000000") == "6985"
    assert sent(card, "0010000002DDDD00") == "DDDD9000"


def test_the_first_part_of_a_chain_drops_what_is_left_of_an_answer() -> None:
    card = card_with(default=Echo("A000000001"))
    assert sent(card, "0010000003AABBCC01") == "AA6102"
    assert sent(card, "1010000001DD") == "9000"
    assert sent(card, "00C0000000") == "6985"
