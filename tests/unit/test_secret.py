"""A secret shows its length and nothing else, and is gone when it is said to be."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zorgid_card.errors import PINMismatchError, PINPolicyError, UsageError
from zorgid_card.secret import CAPACITY, Secret

PIN = b"314159"


def test_taking_wipes_the_source() -> None:
    source = bytearray(PIN)
    secret = Secret.take(source)
    assert source == bytearray(6)
    with secret.expose() as view:
        assert view == PIN


def test_taking_too_much_wipes_it_all_the_same() -> None:
    source = bytearray(b"7" * (CAPACITY + 1))
    with pytest.raises(ValueError, match="0 to 256 bytes"):
        Secret.take(source)
    assert not any(source)


def test_taking_a_part_wipes_the_part() -> None:
    source = bytearray(b"ab314159")
    assert len(Secret.take(memoryview(source)[2:])) == 6
    assert source == b"ab" + bytes(6)


def test_what_cannot_be_wiped_is_not_taken() -> None:
    with pytest.raises(BufferError):
        Secret.take(memoryview(PIN))


def test_nothing_but_the_length_is_shown() -> None:
    secret = Secret.of(PIN)
    assert repr(secret) == str(secret) == f"{secret}" == f"{secret:>20}" == "Secret(6 bytes)"
    assert len(secret) == 6
    assert bool(Secret.of(b""))


@pytest.mark.parametrize("use", [bytes, hash, list, pickle.dumps, copy.copy, copy.deepcopy, lambda s: s == s])
def test_it_cannot_be_copied_compared_or_iterated(use: object) -> None:
    with pytest.raises(TypeError):
        use(Secret.of(PIN))  # type: ignore[operator]


def test_the_view_is_read_only_and_ends_with_the_block() -> None:
    with Secret.of(PIN).expose() as view:
        assert view.readonly
    with pytest.raises(ValueError, match="released"):
        view[0]


def test_a_part_of_the_view_that_outlives_everything_shows_zeros() -> None:
    with Secret.of(PIN) as secret, secret.expose() as view:
        part = view[2:4]
    del secret
    gc.collect()
    assert bytes(part) == b"\x00\x00"


def test_a_wiped_secret_refuses_every_use() -> None:
    secret, other = Secret.of(PIN), Secret.of(PIN)
    with secret:
        pass
    secret.wipe()
    uses = [
        lambda: secret.expose().__enter__(),
        lambda: secret.require_equal(other),
        lambda: other.require_equal(secret),
        lambda: secret.check_digits(6, 8),
        secret.__enter__,
        lambda: secret.locked,
    ]
    for use in uses:
        with pytest.raises(ValueError, match="wiped"):
            use()
    assert repr(secret) == "Secret(6 bytes)"


def test_equal_secrets_pass_and_others_raise() -> None:
    Secret.of(PIN).require_equal(Secret.of(PIN))
    for other in (b"314158", b"3141590", b"31415", b""):
        with pytest.raises(PINMismatchError):
            Secret.of(PIN).require_equal(Secret.of(other))


@pytest.mark.parametrize(
    ("data", "rule"),
    [(b"12345", "length"), (b"123456789", "length"), (b"12345a", "digits"), (b"12345\xff", "digits")],
)
def test_digits_are_checked_in_place(data: bytes, rule: str) -> None:
    Secret.of(PIN).check_digits(6, 8)
    with pytest.raises(PINPolicyError) as caught:
        Secret.of(data).check_digits(6, 8)
    assert caught.value.rule == rule


def test_random_secrets_differ_and_digits_are_digits() -> None:
    with pytest.raises(PINMismatchError):
        Secret.random(24).require_equal(Secret.random(24))
    Secret.random_digits(8).check_digits(8, 8)
    seen = set()
    with Secret.random_digits(256).expose() as view:
        seen |= set(view)
    assert seen <= set(b"0123456789")
    assert len(seen) == 10  # one is missing once in 5 * 10^10


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_page_is_locked_not_dumped_and_empty_in_a_child() -> None:
    def flagged() -> set[str]:
        maps = Path("/proc/self/smaps").read_text(encoding="ascii")
        return {flags for flags in re.findall(r"VmFlags: (.*)", maps) if {"dd", "wf"} <= set(flags.split())}

    secret = Secret.of(PIN)
    assert flagged()
    if secret.locked:
        assert any("lo" in flags.split() for flags in flagged())
    child = os.fork()
    if child == 0:
        try:
            secret.check_digits(6, 6)
        except UsageError as error:
            os._exit(0 if error.reason == "fork" else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    secret.check_digits(6, 6)


ASK_FOR_IT = """
from zorgid_card.secret import Secret
Secret.from_terminal("PIN: ").require_equal(Secret.of(b"314159"))
"""

USE_IT = """
from zorgid_card.codec.apdu import CommandAPDU, SecretField
from zorgid_card.codec.link import Link
from zorgid_card.secret import Secret

class Channel:
    def transmit(self, command, /):
        return b"\\x63\\xC2"

secret = Secret.from_terminal("PIN: ")
command = CommandAPDU(0, 0x20, 0, 0x80, b"\\xff" * 24, secrets=(SecretField(0, secret),))
Link(Channel(), observer=lambda *event: repr(event)).transmit(command)
print(repr(command))
secret.check_digits(24, 24)
input("used")
secret.wipe()
input("wiped")
"""


def copies_in(process: int, needle: bytes) -> int:
    found = 0
    maps = Path(f"/proc/{process}/maps").read_text(encoding="utf-8").splitlines()
    with Path(f"/proc/{process}/mem").open("rb", 0) as memory:
        for fields in (line.split() for line in maps):
            if fields[1].startswith("rw"):
                start, end = (int(part, 16) for part in fields[0].split("-"))
                memory.seek(start)
                found += memory.read(end - start).count(needle)
    return found


def read_until(terminal: int, text: bytes) -> bytes:
    shown = b""
    while text not in shown:
        shown += os.read(terminal, 1000)
    return shown


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and makes a pseudo-terminal")
def test_a_pin_read_and_sent_leaves_no_copy_in_the_process() -> None:
    digits = "".join(str(byte % 10) for byte in os.urandom(24)).encode()
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", USE_IT])
    read_until(terminal, b"PIN: ")
    os.write(terminal, digits + b"\n")
    shown = read_until(terminal, b"used")
    assert copies_in(child, digits) == 1  # the secret itself
    os.write(terminal, b"\n")
    shown += read_until(terminal, b"wiped")
    assert copies_in(child, digits) == 0
    assert digits not in shown
    os.write(terminal, b"\n")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(terminal)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and makes a pseudo-terminal")
@pytest.mark.parametrize(
    ("keys", "code", "message"),
    [
        (b"314159\n", 0, ""),
        (b"\x03", 1, "KeyboardInterrupt"),
        (b"\x04", 1, "DeclinedError"),
        (b"1" * 300 + b"\n", 1, "PINPolicyError"),
    ],
)
def test_a_pin_is_read_from_the_terminal(keys: bytes, code: int, message: str) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASK_FOR_IT])
    shown = read_until(terminal, b"PIN: ")
    os.write(terminal, keys)
    try:
        while more := os.read(terminal, 1000):
            shown += more
    except OSError:
        pass
    os.close(terminal)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert b"314159" not in shown.split(b"Traceback")[0]
    assert message.encode() in shown
    assert (ended != 0) == (code != 0)


def test_without_a_terminal_it_says_so() -> None:
    program = "from zorgid_card.secret import Secret; Secret.from_terminal('PIN: ')"
    done = subprocess.run(
        [sys.executable, "-c", program], start_new_session=True, capture_output=True, text=True, check=False
    )
    assert "UsageError" in done.stderr
    assert "no terminal" in done.stderr


# --- PIN blocks


@given(pin=st.binary(min_size=1, max_size=12), width=st.integers(0, 12), filler=st.integers(0, 255))
def test_a_padded_block_is_the_pin_and_filler(pin: bytes, width: int, filler: int) -> None:
    if len(pin) > width:
        with pytest.raises(PINPolicyError):
            Secret.of(pin).padded(width, filler)
        return
    with Secret.of(pin).padded(width, filler) as block, block.expose() as view:
        assert bytes(view) == pin.ljust(width, bytes([filler]))


@given(pin=st.text("0123456789", min_size=4, max_size=12))
def test_format_2_holds_length_digits_and_f(pin: str) -> None:
    with Secret.of(pin.encode()).format_2() as block, block.expose() as view:
        assert bytes(view).hex() == f"2{len(pin):x}{pin}".ljust(16, "f")


@pytest.mark.parametrize(("pin", "rule"), [(b"123", "length"), (b"1234567890123", "length"), (b"12a4", "digits")])
def test_what_has_no_format_2(pin: bytes, rule: str) -> None:
    with pytest.raises(PINPolicyError) as refused:
        Secret.of(pin).format_2()
    assert refused.value.rule == rule


# --- from a library, and from a descriptor


@given(st.binary(max_size=256))
def test_what_is_seized_is_wiped_where_it_lay(data: bytes) -> None:
    fresh = bytes(bytearray(data))
    with Secret.seize(fresh) as secret, secret.expose() as octets:
        assert bytes(octets) == data
    assert fresh == (bytes(len(data)) if len(data) > 1 else data)


def piped(octets: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, octets)
    os.close(writing)
    return reading


def test_each_code_is_a_line_of_the_descriptor_and_the_next_stays_there() -> None:
    descriptor = piped(b"31415926\n271828\r\n\n161803")
    for expected in (b"31415926", b"271828", b"", b"161803"):
        with Secret.from_descriptor(descriptor) as secret, secret.expose() as octets:
            assert bytes(octets) == expected
    with pytest.raises(UsageError) as told:
        Secret.from_descriptor(descriptor)
    assert told.value.details["reason"] == "descriptor"
    os.close(descriptor)


def test_what_is_no_descriptor_or_no_code_is_told() -> None:
    descriptor = piped(b"")
    os.close(descriptor)
    with pytest.raises(UsageError):
        Secret.from_descriptor(descriptor)
    with pytest.raises(PINPolicyError):
        Secret.from_descriptor(piped(b"1" * 300 + b"\n"))
