"""The simulated PIV card, command by command: transport, PIN and PUK, data, administration (SP 800-73-5 part 2)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from piv_card import (
    FACTORY_KEY,
    MAKER,
    PIN,
    PUK,
    SELECT,
    administer,
    get,
    key_maker,
    put,
    send,
    sw,
    verify,
)
from zorgid_card.testkit.piv import VirtualPIVCard


@pytest.fixture
def card() -> VirtualPIVCard:
    made = MAKER.blank(key_maker=key_maker)
    made.power_on()
    return made


@pytest.fixture
def administered(card: VirtualPIVCard) -> VirtualPIVCard:
    assert administer(card) == 0x9000
    return card


# --- transport


def test_without_power_the_card_answers_nothing_useful() -> None:
    made = MAKER.blank()
    assert made.transmit(bytes.fromhex(SELECT)) == b"\x6f\x00"


def test_select_gives_the_property_template_for_full_and_truncated_name(card: VirtualPIVCard) -> None:
    full, status = send(card, SELECT)
    assert status == 0x9000
    assert full[0] == 0x61
    assert bytes.fromhex("4F0BA000000308000010000100") in full
    assert bytes.fromhex("79074F05A000000308") in full
    assert send(card, "00A4040009A0000003080000100000") == (full, 0x9000)
    assert sw(card, "00A404000CA0000003080000100001000100") == 0x6A82
    assert sw(card, "00A4040005A00000015100") == 0x6A82


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("00A40000023F00", 0x6A82),  # no master file; gpg's scdaemon gives up on anything else
        ("00B0000000", 0x6D00),
        ("0084000008", 0x6D00),
        ("80CB3FFF055C035FC10200", 0x6E00),
        ("01A40400", 0x6881),
        ("40A40400", 0x6881),
        ("0CCB3FFF055C035FC10200", 0x6882),
        ("20A40400", 0x6E00),
        ("FFA40400", 0x6E00),
        ("00", 0x6700),
        ("", 0x6700),
        ("00200080FF01", 0x6700),
        ("00C0000000", 0x6985),
        ("00C0010000", 0x6A86),
    ],
)
def test_what_the_card_has_not(card: VirtualPIVCard, command: str, status: int) -> None:
    assert sw(card, command) == status


def test_long_answers_come_in_parts_and_another_command_drops_the_rest(card: VirtualPIVCard) -> None:
    first = card.transmit(bytes.fromhex("00CB3FFF055C035FFF0100"))
    assert len(first) == 258
    assert first[-2] == 0x61
    rest = card.transmit(bytes([0, 0xC0, 0, 0, 10]))
    assert len(rest) == 12
    assert rest[-2] == 0x61
    assert sw(card, "00FD000000") == 0x9000
    assert card.transmit(bytes.fromhex("00C0000000")) == b"\x69\x85"


def test_without_le_the_data_come_at_once_as_with_le_00(card: VirtualPIVCard) -> None:
    assert card.transmit(bytes.fromhex("00F80000")) == card.transmit(bytes.fromhex("00F8000000"))
    assert card.transmit(bytes.fromhex("00F8000002")).hex()[-4:] == "6102"
    assert len(card.transmit(bytes.fromhex("00C00000"))) == 4


def test_extended_length_is_a_property_of_the_card() -> None:
    command = bytes.fromhex("00CB3FFF0000055C035FFF010000")
    takes, refuses = MAKER.blank(), MAKER.blank(extended=False)
    takes.power_on()
    refuses.power_on()
    assert takes.transmit(command)[-2:] == b"\x90\x00"
    assert len(takes.transmit(command)) > 258
    assert refuses.transmit(command) == b"\x67\x00"


def test_a_chain_is_put_together_and_an_interrupted_one_has_no_effect(administered: VirtualPIVCard) -> None:
    assert sw(administered, "10DB3FFF095C035FC1025305AABB") == 0x9000
    assert sw(administered, "00DB3FFF03CCDDEE") == 0x9000
    assert get(administered, "5FC102") == (bytes.fromhex("5305AABBCCDDEE"), 0x9000)
    assert sw(administered, "10DB3FFF095C035FC10253051111") == 0x9000
    assert sw(administered, "00FD000000") == 0x9000
    assert sw(administered, "00DB3FFF03222222") == 0x6A80
    assert get(administered, "5FC102") == (bytes.fromhex("5305AABBCCDDEE"), 0x9000)


def test_an_endless_chain_is_refused(card: VirtualPIVCard) -> None:
    part = b"\x10\xdb\x3f\xff\xff" + bytes(255)
    answers = [card.transmit(part) for _ in range(70)]
    assert b"\x67\x00" in answers


# --- PIN and PUK


def test_verify_and_its_retries_query(card: VirtualPIVCard) -> None:
    assert sw(card, "00200080") == 0x63C3
    assert verify(card, b"654321\xff\xff") == 0x63C2
    assert sw(card, "00200080") == 0x63C2
    assert verify(card) == 0x9000
    assert sw(card, "00200080") == 0x9000
    assert sw(card, "0020FF80") == 0x9000
    assert sw(card, "00200080") == 0x63C3


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("00200000", 0x6A88),
        ("0020000008313233343536FFFF", 0x6A88),
        ("00200081083132333435363738", 0x6A88),
        ("00200096", 0x6A88),
        ("00200098", 0x6A88),
        ("00200180", 0x6A86),
        ("0020FF8008313233343536FFFF", 0x6A80),
        ("0020008006313233343536", 0x6A80),
        ("0024000010" + "31" * 16, 0x6A88),
        ("0024018010" + "31" * 16, 0x6A86),
        ("002400800F" + "31" * 15, 0x6A80),
        ("002C008110" + "31" * 16, 0x6A88),
        ("002C00800F" + "31" * 15, 0x6A80),
    ],
)
def test_references_and_forms_that_cost_no_try(card: VirtualPIVCard, command: str, status: int) -> None:
    assert sw(card, command) == status
    assert sw(card, "00200080") == 0x63C3
    assert send(card, "00F7008100")[0][-2:] == b"\x03\x03"


def test_a_wrong_pin_ends_what_was_verified_and_the_last_one_blocks(card: VirtualPIVCard) -> None:
    assert verify(card) == 0x9000
    wrong = b"000000\xff\xff"
    assert [verify(card, wrong) for _ in range(4)] == [0x63C2, 0x63C1, 0x63C0, 0x6983]
    assert verify(card) == 0x6983
    assert sw(card, "00200080") == 0x63C0
    assert sw(card, b"\x00\x24\x00\x80\x10" + PIN + PIN) == 0x6983


@pytest.mark.parametrize(
    "malformed", [b"12345\xff\xff\xff", b"12345a\xff\xff", b"\xff" * 8, b"123456\x00\x00", b"1234567\x00"]
)
def test_a_new_pin_is_six_to_eight_digits(card: VirtualPIVCard, malformed: bytes) -> None:
    assert sw(card, b"\x00\x24\x00\x80\x10" + PIN + malformed) == 0x6A80
    assert sw(card, b"\x00\x2c\x00\x80\x10" + PUK + malformed) == 0x6A80
    assert sw(card, "00200080") == 0x63C3
    assert verify(card) == 0x9000


def test_a_refused_new_pin_leaves_counters_as_they_were(card: VirtualPIVCard) -> None:
    assert verify(card, b"000000\xff\xff") == 0x63C2
    assert sw(card, b"\x00\x24\x00\x80\x10" + PIN + b"\xff" * 8) == 0x6A80
    assert sw(card, "00200080") == 0x63C2
    assert sw(card, b"\x00\x2c\x00\x80\x10" + b"0" * 8 + PIN) == 0x63C2
    assert sw(card, b"\x00\x2c\x00\x80\x10" + PUK + b"\xff" * 8) == 0x6A80
    assert send(card, "00F7008100")[0][-2:] == b"\x03\x02"


def test_change_pin_verifies_it_and_change_puk_takes_any_bytes(card: VirtualPIVCard) -> None:
    new = b"24681357"
    assert sw(card, b"\x00\x24\x00\x80\x10" + b"0" * 8 + new) == 0x63C2
    assert sw(card, b"\x00\x24\x00\x80\x10" + PIN + new) == 0x9000
    assert sw(card, "00200080") == 0x9000
    assert verify(card) == 0x63C2
    assert sw(card, b"\x00\x24\x00\x81\x10" + PUK + bytes(8)) == 0x9000
    assert sw(card, b"\x00\x2c\x00\x80\x10" + bytes(8) + PIN) == 0x9000
    assert verify(card) == 0x9000


def test_pin_5_unblock_by_puk_and_the_puk_blocks_too(card: VirtualPIVCard) -> None:
    for _ in range(3):
        verify(card, b"000000\xff\xff")
    assert verify(card) == 0x6983
    assert sw(card, b"\x00\x2c\x00\x80\x10" + PUK + PIN) == 0x9000
    assert sw(card, "00200080") == 0x63C3  # the PIN's security status is not set by this command
    statuses = [sw(card, b"\x00\x2c\x00\x80\x10" + b"0" * 8 + PIN) for _ in range(4)]
    assert statuses == [0x63C2, 0x63C1, 0x63C0, 0x6983]
    assert sw(card, b"\x00\x24\x00\x81\x10" + PUK + PUK) == 0x6983


@pytest.mark.parametrize("how", ["reset", "power", "log out"])
def test_security_status_is_lost(card: VirtualPIVCard, how: str) -> None:
    assert verify(card) == 0x9000
    assert administer(card) == 0x9000
    assert put(card, "5FC109", b"\x01\x00") == 0x9000
    assert sw(card, SELECT) == 0x9000
    assert get(card, "5FC109")[1] == 0x9000  # selecting it anew changes nothing (part 2, 3.1.1)
    if how == "reset":
        card.reset()
    elif how == "power":
        card.power_off()
        card.power_on()
    else:
        assert sw(card, "0020FF80") == 0x9000
    assert get(card, "5FC109")[1] == 0x6982
    assert put(card, "5FC109", b"\x02\x00") == (0x9000 if how == "log out" else 0x6982)


# --- data objects


def test_discovery_object_says_pin_only(card: VirtualPIVCard) -> None:
    assert get(card, "7E") == (bytes.fromhex("7E124F0BA0000003080000100001005F2F024000"), 0x9000)


@pytest.mark.parametrize("tag", ["5FC103", "5FC108", "5FC109", "5FC121", "5FC123"])
def test_personal_data_want_the_pin(administered: VirtualPIVCard, tag: str) -> None:
    assert get(administered, tag)[1] == 0x6982
    assert put(administered, tag, b"secret") == 0x9000
    assert get(administered, tag)[1] == 0x6982
    assert verify(administered) == 0x9000
    assert get(administered, tag) == (b"\x53\x06secret", 0x9000)


@pytest.mark.parametrize(
    "tag", ["5FC102", "5FC107", "5FC105", "5FC101", "5FC10A", "5FC10B", "5FC10C", "5FC120", "5FC122"]
)
def test_public_data_are_free_to_read_and_the_administrators_to_write(card: VirtualPIVCard, tag: str) -> None:
    assert get(card, tag)[1] == 0x6A82
    assert put(card, tag, b"x") == 0x6982
    assert verify(card) == 0x9000
    assert put(card, tag, b"x") == 0x6982  # the PIN is not the administrator
    assert administer(card) == 0x9000
    assert put(card, tag, b"x") == 0x9000
    card.reset()
    assert get(card, tag) == (b"\x53\x01x", 0x9000)
    assert administer(card) == 0x9000
    assert put(card, tag, b"") == 0x9000
    assert get(card, tag)[1] == 0x6A82


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("00CB3F00055C035FC10200", 0x6A86),
        ("00CB3FFF055C035FC2FF00", 0x6A82),
        ("00CB3FFF035C035F00", 0x6A80),
        ("00CB3FFF0453025FC100", 0x6A80),
        ("00CB3FFF00", 0x6A80),
    ],
)
def test_get_data_that_asks_for_nothing(card: VirtualPIVCard, command: str, status: int) -> None:
    assert sw(card, command) == status


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("00DB3F00085C035FC10253012A", 0x6A86),
        ("00DB3FFF085C035FC2FF53012A", 0x6A81),
        ("00DB3FFF055C035FC102", 0x6A80),
        ("00DB3FFF0353012A", 0x6A80),
        ("00DB3FFF095C035FC10253012A00", 0x6A80),
        ("00DB3FFF065C017E53012A", 0x6A80),
        ("00DB3FFF147E124F0BA0000003080000100001005F2F026010", 0x6A81),  # a global PIN, which it has not
    ],
)
def test_put_data_that_is_refused(administered: VirtualPIVCard, command: str, status: int) -> None:
    assert sw(administered, command) == status
    assert get(administered, "5FC102")[1] == 0x6A82


def test_put_data_of_the_discovery_object_in_its_own_template(administered: VirtualPIVCard) -> None:
    assert sw(administered, "00DB3FFF147E124F0BA0000003080000100001005F2F024000") == 0x9000


def test_memory_ends(administered: VirtualPIVCard) -> None:
    def write(tag: int, size: int) -> int:
        body = bytes.fromhex(f"5C035F{tag:04X}5382{size:04X}") + bytes(size)
        header = b"\x00\xdb\x3f\xff\x00" + len(body).to_bytes(2, "big")
        return sw(administered, header + body)

    assert write(0xC102, 3063) == 0x9000
    assert write(0xC102, 3064) == 0x6A84
    statuses = {write(0xC10D + index, 3063) for index in range(20)}
    assert statuses == {0x9000, 0x6A84}


# --- administration key


@pytest.mark.parametrize(("profile", "algorithm"), [("AES192", 0x0A), ("3DES", 0x03)])
def test_administration_by_challenge(profile: str, algorithm: int) -> None:
    card = MAKER.blank(administration=profile)
    card.power_on()
    assert put(card, "5FC102", b"x") == 0x6982
    assert administer(card, bytes(24), algorithm) == 0x6982
    assert administer(card, FACTORY_KEY, 0x03 if algorithm == 0x0A else 0x0A) == 0x6A86
    assert put(card, "5FC102", b"x") == 0x6982
    assert administer(card, FACTORY_KEY, algorithm) == 0x9000
    assert put(card, "5FC102", b"x") == 0x9000
    assert administer(card, bytes(24), algorithm) == 0x6982
    assert put(card, "5FC102", b"x") == 0x6982  # a failed authentication ends an earlier one (part 2, 2.4.2)


def _witness(card: VirtualPIVCard) -> tuple[bytes, bytes]:
    """A fresh witness, decrypted, and a challenge of our own."""
    data, status = send(card, "00870A9B047C02800000")
    assert status == 0x9000
    decryptor = Cipher(AES(FACTORY_KEY), ECB()).decryptor()
    return decryptor.update(data[4:]) + decryptor.finalize(), bytes(range(16))


def test_administration_by_mutual_witness(card: VirtualPIVCard) -> None:
    witness, challenge = _witness(card)
    command = bytes.fromhex("00870A9B267C248010") + witness + b"\x81\x10" + challenge + b"\0"
    data, status = send(card, command)
    assert status == 0x9000
    encryptor = Cipher(AES(FACTORY_KEY), ECB()).encryptor()
    assert data == bytes.fromhex("7C128210") + encryptor.update(challenge)
    assert put(card, "5FC102", b"x") == 0x9000


def test_a_wrong_witness_gives_nothing_and_serves_once(card: VirtualPIVCard) -> None:
    witness, challenge = _witness(card)
    wrong = bytes.fromhex("00870A9B267C248010") + bytes(16) + b"\x81\x10" + challenge + b"\0"
    right = bytes.fromhex("00870A9B267C248010") + witness + b"\x81\x10" + challenge + b"\0"
    assert send(card, wrong) == (b"", 0x6982)
    assert send(card, right) == (b"", 0x6982)
    assert put(card, "5FC102", b"x") == 0x6982


def test_a_witness_does_not_serve_as_a_challenge(card: VirtualPIVCard) -> None:
    witness, _ = _witness(card)
    assert sw(card, bytes.fromhex("00870A9B147C128210") + witness) == 0x6982
    assert put(card, "5FC102", b"x") == 0x6982


def test_another_command_ends_an_authentication_begun(card: VirtualPIVCard) -> None:
    witness, challenge = _witness(card)
    assert sw(card, "00FD000000") == 0x9000
    assert sw(card, bytes.fromhex("00870A9B267C248010") + witness + b"\x81\x10" + challenge + b"\0") == 0x6982


def test_the_default_algorithm_is_the_keys_own(card: VirtualPIVCard) -> None:
    first, second = send(card, "0087009B047C02810000"), send(card, "0087009B047C02810000")
    assert first[0][:4] == second[0][:4] == bytes.fromhex("7C128110")
    assert first != second
    assert administer(card, algorithm=0x00) == 0x9000


def test_the_card_encrypts_no_challenge_for_strangers(card: VirtualPIVCard) -> None:
    assert send(card, "00870A9B167C148200" + "8110" + "00" * 16 + "00") == (b"", 0x6A80)
    assert sw(card, "00870A9B027C0000") == 0x6A80
    assert sw(card, "00870A9B00") == 0x6A80
