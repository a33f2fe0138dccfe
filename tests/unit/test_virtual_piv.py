"""The simulated PIV card, command by command: status words and access rules of SP 800-73-5 part 2."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from zorgid_card.errors import StorageError
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_keys import Algorithm, PrivateKey, make_key
from zorgid_card.testkit.piv_state import Reference

PIN, PUK = b"123456\xff\xff", b"12345678"
FACTORY_KEY = bytes(range(1, 9)) * 3
SELECT = "00A404000BA00000030800001000010000"
GENERATE_P256 = "00470000{slot}05AC0380011100"
MAKER = Maker.create()


@functools.cache
def key_maker(algorithm: Algorithm) -> PrivateKey:
    return make_key(algorithm)


def send(card: VirtualPIVCard, command: str | bytes) -> tuple[bytes, int]:
    """One command with its GET RESPONSEs, by hand: not with the library's own link."""
    answer = card.transmit(bytes.fromhex(command) if isinstance(command, str) else command)
    data, sw = answer[:-2], int.from_bytes(answer[-2:], "big")
    while sw >> 8 == 0x61:
        answer = card.transmit(bytes([0x00, 0xC0, 0, 0, sw & 0xFF]))
        data, sw = data + answer[:-2], int.from_bytes(answer[-2:], "big")
    return data, sw


def sw(card: VirtualPIVCard, command: str | bytes) -> int:
    return send(card, command)[1]


def verify(card: VirtualPIVCard, pin: bytes = PIN) -> int:
    return sw(card, b"\x00\x20\x00\x80\x08" + pin)


def administer(card: VirtualPIVCard, key: bytes = FACTORY_KEY, algorithm: int = 0x0A) -> int:
    """The administration key by challenge (part 2, A.1)."""
    data, status = send(card, bytes([0, 0x87, algorithm, 0x9B, 4, 0x7C, 2, 0x81, 0, 0]))
    if status != 0x9000:
        return status
    cipher = (TripleDES if algorithm == 3 else AES)(key)
    encryptor = Cipher(cipher, ECB()).encryptor()
    response = encryptor.update(data[4:]) + encryptor.finalize()
    size = len(response)
    return sw(card, bytes([0, 0x87, algorithm, 0x9B, size + 4, 0x7C, size + 2, 0x82, size]) + response)


def put(card: VirtualPIVCard, tag: str, content: bytes) -> int:
    tag_bytes = bytes.fromhex(tag)
    body = bytes([0x5C, len(tag_bytes)]) + tag_bytes + bytes([0x53, len(content)]) + content
    return sw(card, b"\x00\xdb\x3f\xff" + bytes([len(body)]) + body)


def get(card: VirtualPIVCard, tag: str) -> tuple[bytes, int]:
    tag_bytes = bytes.fromhex(tag)
    return send(card, b"\x00\xcb\x3f\xff" + bytes([len(tag_bytes) + 2, 0x5C, len(tag_bytes)]) + tag_bytes + b"\0")


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


# --- keys


def generate(card: VirtualPIVCard, slot: int, algorithm: int, policies: bytes = b"") -> bytes:
    body = b"\x80\x01" + bytes([algorithm]) + policies
    body = b"\xac" + bytes([len(body)]) + body
    data, status = send(card, bytes([0, 0x47, 0, slot, len(body)]) + body + b"\0")
    assert status == 0x9000, hex(status)
    assert data[:2] == b"\x7f\x49"
    return data


def p256_key(answer: bytes) -> ec.EllipticCurvePublicKey:
    assert answer[:5] == bytes.fromhex("7F49438641")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), answer[5:])


def sign(card: VirtualPIVCard, slot: int, algorithm: int, block: bytes, tag: int = 0x81) -> tuple[bytes, int]:
    inner = b"\x82\x00" + bytes([tag]) + _length(len(block)) + block
    body = b"\x7c" + _length(len(inner)) + inner
    header = bytes([0, 0x87, algorithm, slot, 0]) + len(body).to_bytes(2, "big")
    return send(card, header + body + b"\0\0")


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    return b"\x81" + bytes([size]) if size < 0x100 else b"\x82" + size.to_bytes(2, "big")


@pytest.mark.parametrize(
    ("command", "authenticated", "status"),
    [
        ("0047009A05AC0380011100", False, 0x6982),
        ("0047009B05AC0380011100", True, 0x6A86),
        ("0047019A05AC0380011100", True, 0x6A86),
        ("0047009A05AC0380010600", True, 0x6A80),
        ("0047009A05AC0381011100", True, 0x6A80),
        ("0047009A038001110000", True, 0x6700),
        ("0047009A0380011100", True, 0x6A80),
        ("0047009A08AC06800111AA010900", True, 0x6A80),
        ("0047009A00", True, 0x6A80),
    ],
)
def test_generate_is_refused(card: VirtualPIVCard, command: str, authenticated: bool, status: int) -> None:
    if authenticated:
        assert administer(card) == 0x9000
    assert sw(card, command) == status
    assert sw(card, "00F7009A00") == 0x6A88


def test_generated_p256_key_signs_after_the_pin(administered: VirtualPIVCard) -> None:
    public = p256_key(generate(administered, 0x9A, 0x11))
    digest = bytes(range(32))
    assert sign(administered, 0x9A, 0x11, digest)[1] == 0x6982
    assert verify(administered) == 0x9000
    for _ in range(2):
        answer, status = sign(administered, 0x9A, 0x11, digest)
        assert status == 0x9000
        public.verify(answer[4:], digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    assert sign(administered, 0x9A, 0x14, digest)[1] == 0x6A86
    assert sign(administered, 0x9A, 0x11, bytes(33))[1] == 0x6A80
    assert sign(administered, 0x9A, 0x11, b"")[1] == 0x6A80


@pytest.mark.parametrize(
    "template",
    [
        "8120" + "11" * 32,  # nothing asked for
        "820101" + "8120" + "11" * 32,
        "8200" + "8120" + "11" * 32 + "8120" + "22" * 32,
        "8200" + "8120" + "11" * 32 + "8000",
        "8200" + "8120" + "11" * 32 + "850104",
        "8200",
        "",
    ],
)
def test_a_template_that_is_no_request_to_sign(administered: VirtualPIVCard, template: str) -> None:
    generate(administered, 0x9E, 0x11)
    body = bytes.fromhex(template)
    assert sw(administered, bytes([0, 0x87, 0x11, 0x9E, len(body) + 2, 0x7C, len(body)]) + body + b"\0") == 0x6A80


def test_rsa_private_operation_is_raw(administered: VirtualPIVCard) -> None:
    answer = generate(administered, 0x9A, 0x07)
    modulus = int.from_bytes(answer[9:265], "big")
    public = rsa.RSAPublicNumbers(65537, modulus).public_key()
    assert verify(administered) == 0x9000
    block = b"\x00\x01" + b"\xff" * 202 + b"\x00" + bytes.fromhex("3031300D060960864801650304020105000420") + bytes(32)
    answer, status = sign(administered, 0x9A, 0x07, block)
    assert status == 0x9000
    public.verify(answer[-256:], bytes(32), padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    anything = (modulus - 2).to_bytes(256, "big")
    answer, status = sign(administered, 0x9A, 0x07, anything)
    assert (status, pow(int.from_bytes(answer[-256:], "big"), 65537, modulus)) == (0x9000, modulus - 2)
    assert sign(administered, 0x9A, 0x07, modulus.to_bytes(256, "big"))[1] == 0x6A80
    assert sign(administered, 0x9A, 0x07, bytes(255))[1] == 0x6A80


def test_9c_wants_the_pin_right_before_each_use(administered: VirtualPIVCard) -> None:
    generate(administered, 0x9C, 0x11)
    digest = bytes(32)
    assert sign(administered, 0x9C, 0x11, digest)[1] == 0x6982
    assert verify(administered) == 0x9000
    assert sign(administered, 0x9C, 0x11, digest)[1] == 0x9000
    assert sign(administered, 0x9C, 0x11, digest)[1] == 0x6982
    assert verify(administered) == 0x9000
    assert sw(administered, "00FD000000") == 0x9000
    assert sign(administered, 0x9C, 0x11, digest)[1] == 0x6982  # not right before
    assert verify(administered) == 0x9000
    assert sign(administered, 0x9C, 0x11, bytes(40))[1] == 0x6A80
    assert sign(administered, 0x9C, 0x11, digest)[1] == 0x6982  # a failed use is a use


@pytest.mark.parametrize(
    ("policy", "before", "once", "twice"),
    [(1, 0x9000, 0x9000, 0x9000), (2, 0x6982, 0x9000, 0x9000), (3, 0x6982, 0x9000, 0x6982)],
)
def test_pin_policies_can_be_chosen(
    administered: VirtualPIVCard, policy: int, before: int, once: int, twice: int
) -> None:
    generate(administered, 0x9D, 0x11, b"\xaa\x01" + bytes([policy]))
    assert sign(administered, 0x9D, 0x11, bytes(32))[1] == before
    assert verify(administered) == 0x9000
    assert sign(administered, 0x9D, 0x11, bytes(32))[1] == once
    assert sign(administered, 0x9D, 0x11, bytes(32))[1] == twice


def test_9e_needs_no_pin(administered: VirtualPIVCard) -> None:
    generate(administered, 0x9E, 0x11)
    assert sign(administered, 0x9E, 0x11, bytes(32))[1] == 0x9000


@pytest.mark.parametrize(
    ("slot", "status"), [(0x9D, 0x9000), (0x82, 0x9000), (0x9A, 0x6A80), (0x9C, 0x6A80), (0x9E, 0x6A80)]
)
def test_key_agreement_is_for_key_management_keys(administered: VirtualPIVCard, slot: int, status: int) -> None:
    public = p256_key(generate(administered, slot, 0x11))
    mine = ec.generate_private_key(ec.SECP256R1())
    numbers = mine.public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    assert verify(administered) == 0x9000
    answer, found = sign(administered, slot, 0x11, point, tag=0x85)
    assert found == status
    if status == 0x9000:
        assert answer[4:] == mine.exchange(ec.ECDH(), public)
    assert verify(administered) == 0x9000
    bad = point[:-1] + bytes([point[-1] ^ 1])
    assert sign(administered, slot, 0x11, bad, tag=0x85)[1] == 0x6A80


@pytest.mark.parametrize("slot", [0x9B, 0xF9, 0x00, 0x96, 0x04])
def test_no_other_slot_signs(administered: VirtualPIVCard, slot: int) -> None:
    assert verify(administered) == 0x9000
    assert sign(administered, slot, 0x11, bytes(32))[1] == 0x6A86
    assert sign(administered, 0x9A, 0x11, bytes(32))[1] == 0x6A80  # an empty slot


# --- attestation and the rest of the dialect


def test_crd_7_attestation_leads_to_the_maker_and_only_for_generated_keys(administered: VirtualPIVCard) -> None:
    public = p256_key(generate(administered, 0x9A, 0x11))
    answer, status = send(administered, "00F99A0000")
    assert status == 0x9000
    certificate = x509.load_der_x509_certificate(answer)
    stored = get(administered, "5FFF01")[0]
    intermediate = x509.load_der_x509_certificate(stored[8:-5])
    certificate.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(x509.load_der_x509_certificate(MAKER.root))
    assert certificate.public_key() == public
    values = {e.oid.dotted_string.rpartition(".")[2]: e.value.public_bytes() for e in certificate.extensions}
    assert values["3"] == bytes([5, 7, 1])
    assert values["7"][:1] == b"\x02"
    assert int.from_bytes(values["7"][2:], "big") == administered.serial
    assert values["8"] == bytes([2, 1])
    scalar = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
    assert sw(administered, bytes.fromhex("00FE119A220620") + scalar) == 0x9000
    assert sw(administered, "00F99A0000") == 0x6A80
    assert sw(administered, "00F99C0000") == 0x6A88
    assert sw(administered, "00F9F90000") == 0x6A86


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("00FE119A220620" + "01" * 32, 0x6982),
        ("00FFFFFF1B0A9B18" + "11" * 24, 0x6982),
        ("00FA0505", 0x6982),
        ("00FB0000", 0x6985),
        ("00F6FF9A", 0x6982),
        ("00F700FF00", 0x6A88),
        ("00FD010000", 0x6A86),
    ],
)
def test_the_dialect_keeps_strangers_out(card: VirtualPIVCard, command: str, status: int) -> None:
    assert sw(card, command) == status


@pytest.mark.parametrize(
    "command",
    [
        "00FE119A210620" + "01" * 31,
        "00FE119A220620" + "FF" * 32,
        "00FE119A220620" + "00" * 32,
        "00FE079A0601010302010500",
        "00FE119A00",
        "00FFFFFF1B0C9B18" + "11" * 24,
        "00FFFFFF1B0B9B18" + "11" * 24,
        "00FFFFFF00",
    ],
)
def test_malformed_keys_change_nothing(administered: VirtualPIVCard, command: str) -> None:
    assert sw(administered, command) in {0x6A80, 0x6700}
    assert sw(administered, "00F7009A00") == 0x6A88
    assert administer(administered) == 0x9000


def test_set_tries_wants_both_and_gives_factory_values(administered: VirtualPIVCard) -> None:
    assert sw(administered, "00FA0504") == 0x6982
    assert sw(administered, b"\x00\x24\x00\x80\x10" + PIN + b"24681357") == 0x9000
    assert sw(administered, "00FA0004") == 0x6A86
    assert sw(administered, "00FA0504") == 0x9000
    assert sw(administered, "00200080") == 0x63C5
    assert verify(administered) == 0x9000
    assert send(administered, "00F7008100")[0] == bytes.fromhex("0101FF05010106020404")


def test_move_and_delete_a_key(administered: VirtualPIVCard) -> None:
    generate(administered, 0x9A, 0x11)
    before = send(administered, "00F7009A00")
    assert sw(administered, "00F6829A") == 0x9000
    assert send(administered, "00F7008200") == before
    assert sw(administered, "00F7009A00") == 0x6A88
    assert sw(administered, "00F69AF9") == 0x6A86
    assert sw(administered, "00F6FF82") == 0x9000
    assert sw(administered, "00F6FF82") == 0x6A88


def test_reset_gives_a_blank_card_again(administered: VirtualPIVCard) -> None:
    generate(administered, 0x9A, 0x11)
    assert put(administered, "5FC102", b"x") == 0x9000
    assert sw(administered, bytes.fromhex("00FFFFFF230C9B20") + bytes(32)) == 0x9000
    for _ in range(3):
        verify(administered, b"000000\xff\xff")
    assert sw(administered, "00FB0000") == 0x6985
    for _ in range(3):
        sw(administered, b"\x00\x2c\x00\x80\x10" + b"0" * 8 + PIN)
    assert sw(administered, "00FB0000") == 0x9000
    assert get(administered, "5FC102")[1] == 0x6A82
    assert sw(administered, "00F7009A00") == 0x6A88
    assert put(administered, "5FC102", b"x") == 0x6982
    assert administer(administered) == 0x9000
    assert verify(administered) == 0x9000
    generate(administered, 0x9A, 0x11)
    assert sw(administered, "00F99A0000") == 0x9000  # the attestation key stays


# --- files


def test_a_card_resumes_from_its_file(administered: VirtualPIVCard, tmp_path: Path) -> None:
    generate(administered, 0x9A, 0x11)
    generate(administered, 0x9D, 0x07)
    verify(administered, b"000000\xff\xff")
    path = tmp_path / "card.json"
    administered.save(path)
    assert path.stat().st_mode & 0o077 == 0
    again = VirtualPIVCard.load(path)
    again.power_on()
    for command in ("00F7009A00", "00F7009D00", "00F7008000", "00F7009B00", "00F8000000", "00CB3FFF055C035FFF0100"):
        assert send(again, command) == send(administered, command)
    assert put(again, "5FC102", b"x") == 0x6982


@pytest.mark.parametrize("content", ["", "{}", "[]", "[" * 100_000, '{"format": "x"}'])
def test_a_file_that_is_no_card_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "card.json"
    path.write_text(content)
    with pytest.raises(StorageError):
        VirtualPIVCard.load(path)
    with pytest.raises(StorageError):
        Maker.load(path)


def test_a_damaged_card_file_is_refused(card: VirtualPIVCard, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    card.save(path)
    text = path.read_text()
    for old, new in (
        ('"left": 3', '"left": 99'),
        ('"AES192"', '"ROT13"'),
        ('"serial"', '"cereal"'),
        ('"private": "30', '"private": "zz'),
    ):
        path.write_text(text.replace(old, new))
        with pytest.raises(StorageError):
            VirtualPIVCard.load(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(card: VirtualPIVCard, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        card.save(tmp_path / "missing" / "card.json")


def test_a_maker_resumes_from_its_file(tmp_path: Path) -> None:
    maker = Maker.create(first_serial=7)
    assert maker.blank().serial == 7
    maker.save(tmp_path / "maker.json")
    again = Maker.load(tmp_path / "maker.json")
    card = again.blank()
    assert (again.root, card.serial) == (maker.root, 8)


def test_a_blocked_reference_never_matches() -> None:
    blocked = Reference(PIN, tries=3, left=0)
    assert not blocked.matches(PIN)
    assert blocked.left == 0


def test_no_secret_in_a_repr(card: VirtualPIVCard) -> None:
    shown = (
        repr(card)
        + repr(card._state)
        + repr(card._state.pin)
        + repr(card._state.keys)
        + repr(card._state.administration)
    )
    assert "123456" not in shown
    assert FACTORY_KEY.hex() not in shown
    assert repr(FACTORY_KEY) not in shown
