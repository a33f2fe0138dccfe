"""The simulated PIV card's keys, the maker's dialect and its files (SP 800-73-5 part 2; Yubico)."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from piv_card import (
    FACTORY_KEY,
    MAKER,
    PIN,
    administer,
    generate,
    get,
    key_maker,
    p256_key,
    put,
    send,
    sign,
    sw,
    verify,
)
from zorgid_card.errors import StorageError
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_state import Reference


@pytest.fixture
def card() -> VirtualPIVCard:
    made = MAKER.blank(key_maker=key_maker)
    made.power_on()
    return made


@pytest.fixture
def administered(card: VirtualPIVCard) -> VirtualPIVCard:
    assert administer(card) == 0x9000
    return card


# --- keys


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
