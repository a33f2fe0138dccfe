"""Files, PINs and signatures of ISO/IEC 7816-4 and -8: what is sent, and what comes of each status word."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_scripts import drive, refuse
from zorgid_card.codec.apdu import ResponseAPDU
from zorgid_card.codec.link import Exchange
from zorgid_card.errors import (
    CardResponseError,
    PINBlockedError,
    PINPolicyError,
    PUKBlockedError,
    StatusWordError,
    WrongPINError,
    WrongPUKError,
    ZorgIDError,
)
from zorgid_card.protocol import iso7816, operations
from zorgid_card.protocol.iso7816 import Credential, Padding
from zorgid_card.secret import Secret

PIN = Secret.of(b"123456")
PUK = Secret.of(b"12345678")


# --- files ----------------------------------------------------------------------------------------------


def test_select_file_asks_for_control_parameters_by_path_from_the_master_file() -> None:
    size, sent = drive(iso7816.select_file(bytes.fromhex("3F0050154401")), ("6204 8002 0123", 0x9000))
    assert size == 0x123
    assert sent[0].encode().hex() == "00a40804045015440100"


def test_select_file_walks_where_the_card_knows_no_paths() -> None:
    answers = [("", 0x6A86), ("", 0x6A86), ("", 0x9000), ("", 0x9000), ("6F048002002A", 0x9000)]
    size, sent = drive(iso7816.select_file(bytes.fromhex("3F0050154401")), *answers)
    assert size == 42
    assert [(command.p1, command.data.hex()) for command in sent] == [
        (0x08, "50154401"),
        (0x08, "50154401"),
        (0x00, "3f00"),
        (0x00, "5015"),
        (0x00, "4401"),
    ]


def test_a_file_that_is_not_there_is_not_walked_to() -> None:
    error = refuse(iso7816.select_file(bytes.fromhex("3F002F00")), ("", 0x6A82))
    assert isinstance(error, StatusWordError)
    assert error.sw == 0x6A82


def test_a_card_cannot_claim_a_file_of_any_size() -> None:
    assert isinstance(refuse(iso7816.select_below(b"\x50\x31"), ("62058003FFFFFF", 0x9000)), CardResponseError)


def test_read_binary_goes_on_in_parts_of_256() -> None:
    content, sent = drive(
        iso7816.read_binary_all(600, start=16), ("AA" * 256, 0x9000), ("BB" * 256, 0x9000), ("CC" * 88, 0x9000)
    )
    assert content == b"\xaa" * 256 + b"\xbb" * 256 + b"\xcc" * 88
    assert [(command.p1, command.p2, command.le) for command in sent] == [(0, 16, 0), (1, 16, 0), (2, 16, 88)]


@pytest.mark.parametrize(
    ("size", "answers", "length"),
    [
        (None, [("AA" * 256, 0x9000), ("", 0x6B00)], 256),
        (None, [("AA" * 256, 0x9000), ("BB" * 4, 0x6282)], 260),
        (None, [("AA" * 256, 0x9000), ("BB" * 4, 0x9000)], 260),
        (None, [("", 0x6B00)], 0),
        (300, [("AA" * 256, 0x9000), ("BB", 0x6282)], 257),
        (300, [("AA" * 10, 0x9000), ("BB" * 246, 0x9000), ("CC" * 44, 0x9000)], 300),
        (0, [], 0),
    ],
)
def test_read_binary_ends_where_the_file_ends(size: int | None, answers: list[tuple[str, int]], length: int) -> None:
    content, _ = drive(iso7816.read_binary_all(size), *answers)
    assert len(content) == length


def test_read_binary_is_bounded_whatever_the_card_does() -> None:
    assert isinstance(refuse(iso7816.read_binary_all(2000), *[("AA", 0x9000)] * 1024), CardResponseError)
    assert isinstance(refuse(iso7816.read_binary_all(4), ("AA" * 5, 0x9000)), CardResponseError)
    assert isinstance(refuse(iso7816.read_binary_all(4), ("", 0x6B00)), StatusWordError)


def test_read_records_ends_at_the_last_and_at_a_limit() -> None:
    assert drive(iso7816.read_records(), ("61", 0x9000), ("62", 0x9000), ("", 0x6A83))[0] == [b"a", b"b"]
    assert len(drive(iso7816.read_records(limit=3), *[("61", 0x9000)] * 3)[0]) == 3


# --- PIN and PUK ----------------------------------------------------------------------------------------


def test_pin_7_a_pin_is_a_template_and_a_reference_never_bytes() -> None:
    _, sent = drive(iso7816.verify(0x80, PIN), ("", 0x9000))
    assert (sent[0].ins, sent[0].p1, sent[0].p2) == (0x20, 0x00, 0x80)
    assert sent[0].data == b"\xff" * 8
    assert sent[0].secrets[0].offset == 0
    assert sent[0].secrets[0].secret is PIN
    assert "123456" not in repr(sent[0])


def test_change_and_reset_fill_two_fields() -> None:
    new = Secret.of(b"654321")
    _, sent = drive(iso7816.change_reference_data(0x80, PIN, new), ("", 0x9000))
    assert (sent[0].ins, sent[0].p2, len(sent[0].data)) == (0x24, 0x80, 16)
    assert [field.offset for field in sent[0].secrets] == [0, 8]
    _, sent = drive(
        iso7816.reset_retry_counter(0x81, PUK, new, puk_padding=Padding(None), padding=Padding(12, 0)), ("", 0x9000)
    )
    assert (sent[0].ins, sent[0].p2, len(sent[0].data)) == (0x2C, 0x81, 20)
    assert sent[0].data[8:] == bytes(12)


def test_a_pin_that_does_not_fit_spends_no_try() -> None:
    for exchange in (
        iso7816.verify(0x80, Secret.of(b"123456789")),
        iso7816.verify(0x80, Secret.of(b"")),
        iso7816.change_reference_data(0x80, PIN, Secret.of(b"123456789")),
    ):
        with pytest.raises(PINPolicyError) as caught:
            next(exchange)
        assert caught.value.rule == "length"


@pytest.mark.parametrize("which", ["verify", "change", "reset", "change puk"])
def test_pin_1_status_words_become_errors_with_tries_left(which: str) -> None:
    def exchange() -> Exchange[None]:
        return {
            "verify": lambda: iso7816.verify(0x80, PIN),
            "change": lambda: iso7816.change_reference_data(0x80, PIN, PIN),
            "reset": lambda: iso7816.reset_retry_counter(0x80, PUK, PIN),
            "change puk": lambda: iso7816.change_reference_data(0x81, PUK, PUK, credential=Credential.PUK),
        }[which]()

    wrong, blocked = (
        (WrongPINError, PINBlockedError) if which in ("verify", "change") else (WrongPUKError, PUKBlockedError)
    )
    for sw, left in ((0x63C2, 2), (0x63C0, 0), (0x63CF, 15), (0x6300, None)):
        error = refuse(exchange(), ("", sw))
        assert type(error) is wrong
        assert error.tries_left == left
    assert type(refuse(exchange(), ("", 0x6983))) is blocked
    odd = refuse(exchange(), ("", 0x6A80))
    assert isinstance(odd, StatusWordError)
    assert odd.sw == 0x6A80


@pytest.mark.parametrize(
    ("sw", "status"),
    [
        (0x9000, (True, None)),
        (0x63C3, (False, 3)),
        (0x63C0, (False, 0)),
        (0x6983, (False, 0)),
        (0x6300, (False, None)),
    ],
)
def test_pin_1_status_costs_no_try(sw: int, status: tuple[bool, int | None]) -> None:
    found, sent = drive(iso7816.verify_status(0x80), ("", sw))
    assert tuple(found) == status
    assert (sent[0].data, sent[0].p1) == (b"", 0)


def test_log_out_is_verify_ff() -> None:
    _, sent = drive(iso7816.log_out(0x80), ("", 0x9000))
    assert sent[0].encode().hex() == "0020ff80"
    assert isinstance(refuse(iso7816.log_out(0x80), ("", 0x6A86)), StatusWordError)


# --- keys -----------------------------------------------------------------------------------------------


def test_aut_3_signing_and_deciphering_commands() -> None:
    _, sent = drive(operations.mse_set(operations.SIGNATURE_TEMPLATE, 0x91, 0x02), ("", 0x9000))
    assert sent[0].encode().hex() == "002241b606800102840191"
    _, sent = drive(operations.mse_set(operations.CONFIDENTIALITY_TEMPLATE, 0x03), ("", 0x9000))
    assert sent[0].encode().hex() == "002241b803840103"
    signature, sent = drive(operations.pso_sign(b"info"), ("01020304", 0x9000))
    assert signature == b"\x01\x02\x03\x04"
    assert sent[0].encode().hex() == "002a9e9a04696e666f00"
    plain, sent = drive(operations.pso_decipher(b"crypto"), ("6869", 0x9000))
    assert plain == b"hi"
    assert sent[0].encode().hex() == "002a8086070063727970746f00"


def test_a_plain_text_that_is_too_long_is_refused() -> None:
    assert isinstance(refuse(operations.pso_decipher(b"cr"), ("010203", 0x9000)), CardResponseError)
    assert isinstance(refuse(operations.pso_sign(b"info"), ("", 0x6982)), StatusWordError)


@given(st.binary(max_size=300), st.integers(0, 0xFFFF), st.integers(0, 5))
def test_hostile_answers_give_typed_errors_only(raw: bytes, sw: int, which: int) -> None:
    exchanges: tuple[Callable[[], Exchange[object]], ...] = (
        lambda: iso7816.select_file(bytes.fromhex("3F0050154401")),
        lambda: iso7816.read_binary_all(None),
        lambda: iso7816.read_binary_all(5000),
        iso7816.read_records,
        lambda: iso7816.verify_status(0x80),
        lambda: operations.pso_decipher(bytes(16)),
    )
    exchange = exchanges[which]()
    try:
        next(exchange)
        for _ in range(1100):
            exchange.send(ResponseAPDU(raw, sw))
    except (ZorgIDError, StopIteration):
        return
    pytest.fail("the exchange does not end")
