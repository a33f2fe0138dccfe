"""The simulated UZI pass, command by command: power, PIN and PUK, keys (ISO/IEC 7816-4, -8)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from uzi_card import (
    PIN,
    PUK,
    SELECT_APPLICATION,
    SHA256_INFO,
    chained,
    choose,
    coded,
    command,
    contents,
    layouts,
    opened,
    powered,
    public,
    send,
    sign,
    status,
    sw,
    verify,
)
from zorgid_card.codec import atr as answers
from zorgid_card.errors import StorageError
from zorgid_card.testkit.rsa_operations import recover
from zorgid_card.testkit.uzi import ATR, OLDER_ATR, VirtualUZIPass
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, Layout
from zorgid_card.testkit.uzi_profile import Usage

# --- answer to reset, power ----------------------------------------------------------------------


@pytest.mark.parametrize("atr", [ATR, OLDER_ATR])
def test_atr_is_a_real_passes_and_says_t1(atr: bytes) -> None:
    assert answers.ATR.parse(atr).protocols == (1,)


def test_without_power_there_is_no_answer() -> None:
    card = VirtualUZIPass(contents("Z"))
    assert sw(card, SELECT_APPLICATION) == 0x6F00


@layouts
def test_reset_forgets_what_was_verified_and_selected(layout: Layout) -> None:
    card = opened(layout)
    assert verify(card) == 0x9000
    assert choose(card, Usage.AUTHENTICITY) == 0x9000
    card.reset()
    assert sw(card, "00B0000000") == 0x6986
    assert sw(card, SELECT_APPLICATION) == 0x9000
    assert status(card) == 0x63C3
    assert sign(card)[1] == 0x6985


# --- PIN and PUK -----------------------------------------------------------------------------------


@layouts
def test_three_wrong_pins_block_and_the_puk_unblocks(layout: Layout) -> None:
    card = opened(layout)
    assert [verify(card, b"000000") for _ in range(4)] == [0x63C2, 0x63C1, 0x63C0, 0x6983]
    assert verify(card) == 0x6983
    assert status(card) == 0x6983
    unblock = command(0x2C, 0, layout.pin, coded(card, PUK) + coded(card, b"654321"))
    assert sw(card, unblock) == 0x9000
    assert verify(card) == 0x63C2
    assert verify(card, b"654321") == 0x9000
    assert card.tries_left == (3, 3)


@layouts
def test_three_wrong_puks_are_the_end(layout: Layout) -> None:
    card = opened(layout)
    wrong = command(0x2C, 0, layout.pin, coded(card, b"00000000") + coded(card, b"654321"))
    assert [sw(card, wrong) for _ in range(4)] == [0x63C2, 0x63C1, 0x63C0, 0x6983]
    right = command(0x2C, 0, layout.pin, coded(card, PUK) + coded(card, b"654321"))
    assert sw(card, right) == 0x6983
    assert verify(card) == 0x9000  # the PIN itself was never blocked


@layouts
def test_right_pin_restores_the_tries(layout: Layout) -> None:
    card = opened(layout)
    assert verify(card, b"000000") == 0x63C2
    assert status(card) == 0x63C2
    assert verify(card) == 0x9000
    assert status(card) == 0x9000
    assert verify(card, b"000000") == 0x63C2
    assert status(card) == 0x63C2  # a wrong PIN ends what the right one opened


@layouts
def test_log_out(layout: Layout) -> None:
    card = opened(layout)
    assert verify(card) == 0x9000
    assert sw(card, command(0x20, 0xFF, layout.pin, b"")) == 0x9000
    assert status(card) == 0x63C3


@layouts
def test_change_pin(layout: Layout) -> None:
    card = opened(layout)
    wrong = command(0x24, 0, layout.pin, coded(card, b"000000") + coded(card, b"24682468"))
    assert sw(card, wrong) == 0x63C2
    change = command(0x24, 0, layout.pin, coded(card, PIN) + coded(card, b"24682468"))
    assert sw(card, change) == 0x9000
    assert verify(card) == 0x63C2
    assert verify(card, b"24682468") == 0x9000
    assert sw(card, command(0x24, 1, layout.pin, coded(card, b"13571357"))) == 0x9000
    assert verify(card, b"13571357") == 0x9000


@layouts
def test_change_without_old_pin_wants_it_verified(layout: Layout) -> None:
    card = opened(layout)
    assert sw(card, command(0x24, 1, layout.pin, coded(card, b"13571357"))) == 0x6982


@layouts
def test_change_puk(layout: Layout) -> None:
    card = opened(layout)
    assert sw(card, command(0x24, 0, layout.puk, coded(card, PUK) + coded(card, b"11223344"))) == 0x9000
    assert sw(card, command(0x2C, 1, layout.pin, coded(card, b"11223344"))) == 0x9000


@layouts
def test_unblock_with_a_verified_puk(layout: Layout) -> None:
    card = opened(layout)
    assert sw(card, command(0x2C, 3, layout.pin, b"")) == 0x6982
    assert sw(card, command(0x20, 0, layout.puk, coded(card, PUK))) == 0x9000
    for _ in range(3):
        verify(card, b"000000")
    assert sw(card, command(0x2C, 3, layout.pin, b"")) == 0x9000
    assert sw(card, command(0x2C, 2, layout.pin, coded(card, b"445566"))) == 0x9000
    assert verify(card, b"445566") == 0x9000
    assert sw(card, command(0x2C, 4, layout.pin, b"")) == 0x6A86
    assert sw(card, command(0x2C, 1, layout.puk, coded(card, PUK))) == 0x6A88


@pytest.mark.parametrize(
    ("layout", "value"),
    [
        (LAYOUT_A, b"12345\0\0\0"),
        (LAYOUT_A, b"123456"),
        (LAYOUT_A, b"12345a\0\0"),
        (LAYOUT_A, b"123456\xff\xff"),
        (LAYOUT_B, b"12345"),
        (LAYOUT_B, b"123456789"),
        (LAYOUT_B, b"12345\x07"),
    ],
)
def test_what_cannot_be_a_pin_costs_no_try(layout: Layout, value: bytes) -> None:
    card = opened(layout)
    assert sw(card, command(0x20, 0, layout.pin, value)) == 0x6A80
    assert sw(card, command(0x24, 0, layout.pin, coded(card, PIN) + value)) == 0x6A80
    assert card.tries_left == (3, 3)


def test_references_and_parameters_that_are_not_there() -> None:
    card = opened(LAYOUT_A)
    assert sw(card, "00200099") == 0x6A88
    assert sw(card, "00200181") == 0x6A86
    assert sw(card, command(0x24, 2, 0x81, b"x" * 16)) == 0x6A86
    assert sw(card, "00A4000C023F00") == 0x9000
    assert sw(card, "00200081") == 0x6A88  # a local reference outside its application


def test_local_pin_is_forgotten_outside_the_application_and_a_global_one_is_not() -> None:
    local, worldwide = opened(LAYOUT_A), opened(LAYOUT_B)
    for card, expected in ((local, 0x63C3), (worldwide, 0x9000)):
        assert verify(card) == 0x9000
        assert sw(card, "00A4000C023F00") == 0x9000
        assert sw(card, SELECT_APPLICATION) == 0x9000
        assert status(card) == expected


# --- keys ------------------------------------------------------------------------------------------


@layouts
def test_authenticity_key_signs_any_number_of_times_after_one_pin(layout: Layout) -> None:
    card = opened(layout)
    assert choose(card, Usage.AUTHENTICITY) == 0x9000
    assert sign(card)[1] == 0x6982
    assert verify(card) == 0x9000
    for data in (b"one", b"two"):
        signature, status_ = sign(card, data)
        assert status_ == 0x9000
        public("Z", Usage.AUTHENTICITY).verify(signature, data, padding.PKCS1v15(), hashes.SHA256())


@layouts
def test_signature_key_wants_the_pin_for_each_signature(layout: Layout) -> None:
    card = opened(layout)
    assert verify(card) == 0x9000
    assert choose(card, Usage.SIGNATURE) == 0x9000
    signature, status_ = sign(card)
    assert status_ == 0x9000
    public("Z", Usage.SIGNATURE).verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())
    assert sign(card)[1] == 0x6982
    assert status(card) == 0x9000  # the PIN stays verified for the other keys
    assert verify(card) == 0x9000
    assert sign(card)[1] == 0x9000


@layouts
def test_decipher(layout: Layout) -> None:
    card = opened(layout)
    cryptogram = public("Z", Usage.CONFIDENTIALITY).encrypt(b"session key", padding.PKCS1v15())
    assert choose(card, Usage.CONFIDENTIALITY, 0xB8) == 0x9000
    assert chained(card, b"\x2a\x80\x86", b"\0" + cryptogram)[1] == 0x6982
    assert verify(card) == 0x9000
    assert chained(card, b"\x2a\x80\x86", b"\0" + cryptogram) == (b"session key", 0x9000)
    assert chained(card, b"\x2a\x80\x84", cryptogram) == (b"session key", 0x9000)
    assert chained(card, b"\x2a\x80\x86", cryptogram)[1] == 0x6A80  # no padding indicator
    assert chained(card, b"\x2a\x80\x84", cryptogram[:-1] + bytes([cryptogram[-1] ^ 1]))[1] == 0x6A80
    assert chained(card, b"\x2a\x80\x84", b"\xff" * 256)[1] == 0x6A80


@pytest.mark.parametrize(
    ("block", "plain"),
    [
        (b"\x00\x02" + b"\x11" * 8 + b"\x00" + b"m" * 245, b"m" * 245),
        (b"\x00\x02" + b"\x11" * 253 + b"\x00", b""),
        (b"\x00\x02" + b"\x11" * 7 + b"\x00" + b"m" * 246, None),  # RFC 8017, 7.2.2: at least 8 octets
        (b"\x00\x02" + b"\x11" * 254, None),
        (b"\x00\x01" + b"\xff" * 8 + b"\x00" + b"m" * 245, None),
    ],
)
def test_padding_of_a_cryptogram_is_checked(block: bytes, plain: bytes | None) -> None:
    numbers = public("Z", Usage.CONFIDENTIALITY).public_numbers()
    cryptogram = pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(256, "big")
    assert recover(contents("Z").keys[Usage.CONFIDENTIALITY], cryptogram) == plain


@layouts
def test_internal_authenticate(layout: Layout) -> None:
    card = opened(layout)
    challenge = SHA256_INFO + hashlib.sha256(b"challenge").digest()
    reference = layout.key_references[Usage.AUTHENTICITY]
    assert sw(card, command(0x88, 0, 0, challenge) + b"\0") == 0x6985
    assert sw(card, command(0x88, 0, reference, challenge) + b"\0") == 0x6982
    assert verify(card) == 0x9000
    signature, status_ = send(card, command(0x88, 0, 0, challenge) + b"\0")
    assert status_ == 0x9000
    public("Z", Usage.AUTHENTICITY).verify(signature, b"challenge", padding.PKCS1v15(), hashes.SHA256())
    assert sw(card, command(0x88, 0, layout.key_references[Usage.SIGNATURE], challenge)) == 0x6985
    assert sw(card, command(0x88, 0x77, reference, challenge)) == 0x6A86


@layouts
def test_manage_security_environment(layout: Layout) -> None:
    card = opened(layout)
    reference = bytes([0x84, 1, layout.key_references[Usage.AUTHENTICITY]])
    right_algorithm = bytes([0x80, 1, layout.algorithm_reference])
    assert sw(card, command(0x22, 0x41, 0xB6, right_algorithm + reference)) == 0x9000
    assert sw(card, command(0x22, 0x41, 0xB6, b"\x80\x01\x77" + reference)) == 0x6A88
    assert sw(card, command(0x22, 0x41, 0xB6, b"\x84\x01\x77")) == 0x6A88
    assert sw(card, command(0x22, 0x41, 0xB6, b"\x83\x01\x77")) == 0x6A80  # a public key's reference
    assert sw(card, command(0x22, 0x41, 0xB6, b"\x84\x05\x77")) == 0x6A80
    assert sw(card, command(0x22, 0x41, 0xB6, b"\x81\x02\x50\x99" + reference)) == 0x6A88
    assert sw(card, command(0x22, 0x41, 0xB6, b"\x81\x02\x50\x31" + reference)) == 0x9000
    assert sw(card, command(0x22, 0x41, 0xB7, reference)) == 0x6A86
    assert sw(card, command(0x22, 0x81, 0xB6, reference)) == 0x6A86
    assert choose(card, Usage.CONFIDENTIALITY, 0xB6) == 0x6985
    assert choose(card, Usage.SIGNATURE, 0xB8) == 0x6985
    assert verify(card) == 0x9000
    assert sign(card)[1] == 0x9000  # failed SETs left the environment as it was
    assert sw(card, "0022F301") == 0x9000
    assert sign(card)[1] == 0x6985
    assert sw(card, "0022F302") == 0x6A86


@layouts
def test_keys_are_known_in_their_application_only(layout: Layout) -> None:
    card = powered(layout)
    assert choose(card, Usage.AUTHENTICITY) == 0x6A88


def test_m_pass_has_no_signature_key() -> None:
    card = opened(kind="M")
    assert choose(card, Usage.SIGNATURE) == 0x6A88
    assert choose(card, Usage.AUTHENTICITY) == 0x9000


def test_the_card_signs_what_fits_and_pads_it() -> None:
    card = opened()
    assert verify(card) == 0x9000
    assert choose(card, Usage.AUTHENTICITY) == 0x9000
    numbers = public("Z", Usage.AUTHENTICITY).public_numbers()
    signature, status_ = send(card, command(0x2A, 0x9E, 0x9A, b"raw") + b"\0")
    assert status_ == 0x9000
    opened_block = pow(int.from_bytes(signature, "big"), numbers.e, numbers.n).to_bytes(256, "big")
    assert opened_block == b"\x00\x01" + b"\xff" * 250 + b"\x00raw"
    assert send(card, command(0x2A, 0x9E, 0x9A, b"x" * 245) + b"\0")[1] == 0x9000
    assert send(card, command(0x2A, 0x9E, 0x9A, b"x" * 246) + b"\0")[1] == 0x6700
    assert sw(card, "002A9E9A") == 0x6700
    assert sw(card, "002A9E9B00") == 0x6A86


def test_without_le_the_signature_waits_for_get_response() -> None:
    card = opened()
    assert verify(card) == 0x9000
    assert choose(card, Usage.AUTHENTICITY) == 0x9000
    answer = card.transmit(command(0x2A, 0x9E, 0x9A, b"raw"))
    assert answer == b"\x61\x00"
    assert len(send(card, "00C0000000")[0]) == 256


def test_get_challenge() -> None:
    card = powered()
    first, status_ = send(card, "0084000010")
    assert (len(first), status_) == (16, 0x9000)
    assert send(card, "0084000010")[0] != first
    assert sw(card, "0084010010") == 0x6A86


def test_unknown_commands_and_classes() -> None:
    card = powered()
    assert sw(card, "00D60000") == 0x6D00
    assert sw(card, "80A4000C023F00") == 0x6E00
    assert sw(card, "00C00000000000") == 0x6700
    assert sw(card, "00A4040000000CA000000063504B43532D31350000") == 0x6700  # no extended length
    assert sw(powered(extended=True), "00A4040000000CA000000063504B43532D31350000") == 0x9000


# --- keeping ---------------------------------------------------------------------------------------


@layouts
def test_saved_card_goes_on_where_it_was(layout: Layout, tmp_path: Path) -> None:
    card = opened(layout)
    verify(card, b"000000")
    sw(card, command(0x24, 0, layout.puk, coded(card, PUK) + coded(card, b"11223344")))
    path = tmp_path / "pass.json"
    card.save(path)
    assert path.stat().st_mode & 0o077 == 0
    again = VirtualUZIPass.load(path)
    assert again.layout is layout
    assert again.tries_left == (2, 3)
    assert again.contents.certificates == contents("Z").certificates
    again.power_on()
    assert sw(again, SELECT_APPLICATION) == 0x9000
    assert sw(again, command(0x2C, 1, layout.pin, coded(again, b"11223344"))) == 0x9000


@pytest.mark.parametrize("damage", [('left": 3', 'left": 9'), ('"layout": "A"', '"layout": "Q"'), ("{", "[")])
def test_damaged_file_is_a_storage_error(damage: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "pass.json"
    powered().save(path)
    path.write_text(path.read_text().replace(*damage))
    with pytest.raises(StorageError):
        VirtualUZIPass.load(path)
    with pytest.raises(StorageError):
        VirtualUZIPass.load(tmp_path / "none")


def test_impossible_pin_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="6 to 8"):
        VirtualUZIPass(contents("Z"), pin=b"123")


def test_repr_tells_nothing_secret() -> None:
    card = powered()
    shown = repr(card) + repr(card.contents)
    assert "123456" not in shown
    assert "PrivateKey" not in shown
