"""The simulated card of the NIST dialect, driven by hand: SP 800-73-5 alone, and the rest over the channel."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from hypothesis import given, settings
from hypothesis import strategies as st

from piv_card import SELECT, administer, get, key_maker, p256_key, put, send, sw, verify
from scp03_card import static
from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU
from zorgid_card.codec.scp03 import SCP03, SecurityLevel
from zorgid_card.errors import StorageError
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.nist import VirtualNISTCard
from zorgid_card.testkit.piv import VirtualPIVCard

MAKER = Maker.create()
SELECT_MANAGER = "00A4040008A00000015100000000"
CHALLENGE = bytes(range(8))
GENERATE = "0047009A05AC0380011100"
NEW_PIN = "0024FF8008353535353535FFFF"
NEW_PUK = "0024FF81083535353535353535"
NEW_KEY = "00240A9B1C301A8018" + "5A" * 24
PUT_CHUID = "00DB3FFF095C035FC10253023400"
LIMITS = "00DB3F0012 6810 A006860105870104 A106830104840103"
ADMINISTRATIVE = [GENERATE, NEW_PIN, NEW_PUK, NEW_KEY, PUT_CHUID, LIMITS]


def blank() -> VirtualNISTCard:
    card = MAKER.nist_blank(key_maker=key_maker, extended=False)
    card.power_on()
    return card


class Channel:
    """A channel by hand: each command wrapped by itself."""

    def __init__(self, card: VirtualNISTCard, level: SecurityLevel = SecurityLevel.FULL) -> None:
        assert card.channel_keys is not None
        self.card = card
        assert sw(card, SELECT) == 0x9000
        data, status = send(card, b"\x80\x50\x00\x00\x08" + CHALLENGE + b"\x00")
        assert status == 0x9000
        self.host = SCP03(static(card.channel_keys), CHALLENGE, data)
        assert sw(card, self.host.authenticate(level).encode()) == 0x9000

    def send(self, command: str | bytes) -> tuple[bytes, int]:
        raw = bytes.fromhex(command) if isinstance(command, str) else command
        wrapped = self.host.wrap(CommandAPDU.parse(raw))
        return self.host.unwrap(ResponseAPDU(*send(self.card, wrapped.encode())))

    def sw(self, command: str | bytes) -> int:
        return self.send(command)[1]


@pytest.mark.parametrize("command", ADMINISTRATIVE)
def test_nothing_is_administered_without_the_channel_not_even_under_key_9b(command: str) -> None:
    card = blank()
    assert sw(card, SELECT) == 0x9000
    assert sw(card, command) == 0x6982
    assert administer(card) == 0x9000
    assert sw(card, command) == 0x6982
    assert verify(card) == 0x9000
    assert sw(card, command) == 0x6982


@pytest.mark.parametrize("command", ADMINISTRATIVE)
def test_the_channel_administers_if_it_encrypts(command: str) -> None:
    assert Channel(blank()).sw(command) == 0x9000
    assert Channel(blank(), SecurityLevel.C_MAC | SecurityLevel.C_DECRYPTION).sw(command) == 0x9000
    for level in (SecurityLevel.C_MAC, SecurityLevel.C_MAC | SecurityLevel.R_MAC):
        assert Channel(blank(), level).sw(command) == 0x6982


@pytest.mark.parametrize("instruction", ["F6", "F7", "F8", "F9", "FA", "FB", "FD", "FE", "FF"])
def test_none_of_yubicos_instructions_is_there(instruction: str) -> None:
    card = blank()
    for parameters in ("0000", "0080", "9A00", "FFFF"):
        assert sw(card, f"00{instruction}{parameters}00") == 0x6D00
    channel = Channel(card)
    assert channel.sw(f"00{instruction}000000") == 0x6D00
    assert channel.sw("0047009A08AC06800111AA010100") == 0x6A80


def test_codes_and_key_are_set_without_the_old_ones() -> None:
    card = blank()
    for _ in range(3):
        assert verify(card, b"000000\xff\xff") & 0xFFF0 == 0x63C0
    assert verify(card) == 0x6983
    channel = Channel(card)
    assert [channel.sw(command) for command in (NEW_PIN, NEW_PUK, NEW_KEY)] == [0x9000] * 3
    assert sw(card, SELECT) == 0x9000
    assert verify(card, b"555555\xff\xff") == 0x9000
    assert sw(card, b"\x00\x2c\x00\x80\x10" + b"5" * 8 + b"123456\xff\xff") == 0x9000
    assert administer(card) == 0x6982
    assert administer(card, b"\x5a" * 24) == 0x9000


def test_the_key_may_have_another_algorithm_and_has_its_length() -> None:
    card = blank()
    for algorithm, length in (("03", 24), ("08", 16), ("0A", 24), ("0C", 32)):
        key = bytes(range(length))
        element = bytes([0x30, length + 2, 0x80, length]) + key
        command = bytes.fromhex(f"0024{algorithm}9B") + bytes([len(element)]) + element
        assert Channel(card).sw(command) == 0x9000
        assert sw(card, SELECT) == 0x9000
        assert administer(card, key, int(algorithm, 16)) == 0x9000
        short = bytes([0x30, length + 1, 0x80, length - 1]) + key[1:]
        assert Channel(card).sw(command[:4] + bytes([len(short)]) + short) == 0x6A80
    for wrong in (
        "0024059B03300180",
        "00240A9B020000",
        "00240A9B1C811A8018" + "5A" * 24,
        "0024FF9B1C301A8018" + "5A" * 24,
    ):
        assert Channel(card).sw(wrong) in {0x6A80, 0x6A86}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("6810 A006860105870104 A106830104840103", (5, 4)),
        ("6808 A006 86010F 87010E", (15, 3)),
        ("6808 A106 830101 840100", (3, 1)),
        ("6808 A006 860105 870105", None),
        ("6808 A006 860110 870101", None),
        ("6808 A006 860100 870100", None),
        ("6808 A006 870104 860105", None),
        ("6805 A003 860105", None),
        ("6808 A206 860105 870104", None),
        ("6810 A106830104840103 A006860105870104", None),
        ("6800", None),
        ("6408 A006 860105 870104", None),
    ],
)
def test_limits_hold_at_once_or_nothing_changes(limits: str, expected: tuple[int, int] | None) -> None:
    card = blank()
    channel = Channel(card)
    data = bytes.fromhex(limits)
    status = channel.sw(b"\x00\xdb\x3f\x00" + bytes([len(data)]) + data)
    assert status == (0x6A80 if expected is None else 0x9000)
    tries = expected or (3, 3)
    assert (card._state.pin.left, card._state.puk.left) == tries
    assert sw(card, SELECT) == 0x9000
    assert sw(card, "0020008000") == 0x63C0 | tries[0]
    assert verify(card) == 0x9000  # the codes stay


def test_a_pin_is_digits_also_when_it_is_set_over_the_channel() -> None:
    channel = Channel(blank())
    for wrong in ("0024FF80083535353535FFFFFF", "0024FF800841414141414141FF", "0024FF8007353535353535FF", "0024FF80"):
        assert channel.sw(wrong) == 0x6A80
    assert channel.sw("0024FF9C08353535353535FFFF") == 0x6A88
    assert channel.sw("0024018008353535353535FFFF") == 0x6A86


@settings(max_examples=100)
@given(
    p1=st.sampled_from([0x03, 0x08, 0x0A, 0x0C, 0xFF, 0x00, 0x11]), p2=st.integers(0, 255), data=st.binary(max_size=60)
)
def test_no_administrative_command_makes_the_card_fail(p1: int, p2: int, data: bytes) -> None:
    channel = Channel(blank())
    for head in (bytes([0x00, 0x24, p1, p2]), b"\x00\xdb\x3f\x00", b"\x00\xdb\x3f\xff", bytes([0x00, 0x47, 0x00, p2])):
        status = channel.sw(head + (bytes([len(data)]) + data if data else b"") + b"\x00")
        assert status != 0x6F00
        assert status == 0x9000 or 0x6300 <= status < 0x6F00


def test_what_a_card_holder_does_is_the_standards() -> None:
    card = blank()
    point = p256_key(Channel(card).send(GENERATE)[0])
    assert sw(card, SELECT) == 0x9000
    sign = bytes.fromhex("0087119A267C24820081 20") + bytes(32) + b"\x00"
    assert sw(card, sign) == 0x6982
    assert verify(card) == 0x9000
    signature, status = send(card, sign)
    assert status == 0x9000
    assert point.public_numbers().curve.name == "secp256r1"
    assert signature[:1] == b"\x7c"
    assert get(card, "5FC102") == (b"", 0x6A82)
    assert put(card, "5FC102", b"") == 0x6982
    assert sw(card, "00240080 10 313233343536FFFF 343536373839FFFF") == 0x9000
    assert sw(card, "002C0080 10 3132333435363738 313233343536FFFF") == 0x9000


# --- the card manager


def test_the_card_manager_tells_of_the_card_without_a_key() -> None:
    card = blank()
    assert sw(card, SELECT_MANAGER) == 0x9000
    cplc, status = send(card, "80CA9F7F00")
    assert status == 0x9000
    assert (cplc[:3].hex(), len(cplc)) == ("9f7f2a", 45)
    number = int.from_bytes(cplc[3:5] + cplc[19:21] + cplc[15:19], "big")
    assert number == card.serial
    assert tuple(cplc[11:13]) == (1, 10)
    recognised, status = send(card, "80CA006600")
    assert status == 0x9000
    assert bytes.fromhex("640b06092a864886fc6b040360") in recognised
    assert sw(card, "80CA004500") == 0x6A88
    assert sw(card, "80F28002024F0000") == 0x6D00
    assert sw(card, "81CA9F7F00") == 0x6881
    assert sw(card, SELECT) == 0x9000
    assert sw(card, "80CA9F7F00") == 0x6E00


# --- chains


def test_a_chain_has_all_its_parts_from_one_channel() -> None:
    """A part in clear, or of an earlier channel, before the portal's own: the card takes the portal's alone."""
    theirs = bytes.fromhex("5C035FC102530234005C035FC10253")
    for earlier in (False, True):
        card = blank()
        if earlier:
            first = Channel(card).host.wrap(CommandAPDU(0x10, 0xDB, 0x3F, 0xFF, theirs))
            assert sw(card, first.encode()) == 0x9000
        else:
            assert sw(card, b"\x10\xdb\x3f\xff" + bytes([len(theirs)]) + theirs) == 0x9000
        data, status = send(card, b"\x80\x50\x00\x00\x08" + CHALLENGE + b"\x00")
        assert status == 0x9000
        assert card.channel_keys is not None
        host = SCP03(static(card.channel_keys), CHALLENGE, data)
        assert sw(card, host.authenticate().encode()) == 0x9000
        answer = send(card, host.wrap(CommandAPDU.parse(bytes.fromhex(PUT_CHUID))).encode())
        assert host.unwrap(ResponseAPDU(*answer)).sw == 0x9000
        assert sw(card, SELECT) == 0x9000
        assert get(card, "5FC102")[0].hex() == "53023400"


def test_parts_are_put_together_and_each_is_answered_with_a_mac() -> None:
    card = blank()
    channel = Channel(card)
    body = bytes.fromhex("5C035FC105 538203E8") + bytes(1000)
    cut = [body[start : start + 200] for start in range(0, len(body), 200)]
    for index, part in enumerate(cut):
        cla = 0x00 if index == len(cut) - 1 else 0x10
        answer = send(card, channel.host.wrap(CommandAPDU(cla, 0xDB, 0x3F, 0xFF, part)).encode())
        assert len(answer[0]) == 8
        assert channel.host.unwrap(ResponseAPDU(*answer)) == (b"", 0x9000)
    assert sw(card, SELECT) == 0x9000
    assert get(card, "5FC105")[0] == bytes.fromhex("538203E8") + bytes(1000)


def test_a_command_in_clear_ends_the_channel() -> None:
    card = blank()
    channel = Channel(card)
    assert sw(card, "0020008000") == 0x6982
    assert channel.sw("0020008000") == 0x6982


# --- keeping it


def test_a_kept_card_is_the_same_card(tmp_path: Path) -> None:
    card, path = blank(), tmp_path / "card.json"
    Channel(card).send(GENERATE)
    card.save(path)
    again = VirtualNISTCard.load(path, key_maker=key_maker, extended=False)
    again.power_on()
    assert (again.serial, again.channel_keys) == (card.serial, card.channel_keys)
    assert Channel(again).sw(PUT_CHUID) == 0x9000
    with pytest.raises(StorageError):
        VirtualPIVCard.load(path)
    MAKER.blank().save(path)
    with pytest.raises(StorageError):
        VirtualNISTCard.load(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"enc": "', '"enc": "00'),
        ('"batch": 1', '"batch": 65536'),
        ('"fabricator": ', '"fabricator": -'),
        ('"enc"', '"else"'),
    ],
)
def test_a_damaged_file_is_refused(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    blank().save(path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(StorageError):
        VirtualNISTCard.load(path)


def test_a_maker_has_batches_and_each_card_its_own_keys(tmp_path: Path) -> None:
    maker = Maker.create()
    first, second = maker.nist_blank(), maker.nist_blank()
    maker.save(tmp_path / "maker.json")
    again = Maker.load(tmp_path / "maker.json")
    assert again.channel_keys(first.serial) == first.channel_keys != second.channel_keys
    yubico = again.blank(diversified=True)
    assert yubico.channel_keys == again.channel_keys(yubico.serial)
    again.new_batch()
    third = again.nist_blank(serial=second.serial & 0xFFFFFFFF)
    assert third.serial != second.serial
    assert again.channel_keys(second.serial) != second.channel_keys


def test_the_channel_keys_are_those_of_sp_800_108_by_another_implementation() -> None:
    for length in (16, 24, 32):
        maker = Maker.create()
        maker.batch_key = bytes(range(length))
        keys = maker.channel_keys(3051751701811899649)
        for use, value in (("ENC", keys.enc), ("MAC", keys.mac)):
            kdf = KBKDFCMAC(
                algorithm=algorithms.AES,
                mode=Mode.CounterMode,
                length=length,
                rlen=4,
                llen=4,
                location=CounterLocation.BeforeFixed,
                label=f"zorgid-card SCP03 {use} AES{8 * length}".encode(),
                context=b"3051751701811899649",
                fixed=None,
            )
            assert kdf.derive(maker.batch_key) == value
