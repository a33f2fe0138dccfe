"""The binding by hand keeps nothing: each of its calls, well and badly used, leaves as much memory as it found."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from scp03_card import pair
from zorgid_card._native import (
    Carrier,
    Certificate,
    Index,
    base64,
    ffi,
    revoked,
    unwrap,
    web_eid,
    wrap,
)
from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU
from zorgid_card.codec.scp03 import SCP03, SecurityLevel
from zorgid_card.testkit.scp03 import ChannelKeys

TLV = bytes.fromhex("300A020101300502010204 00".replace(" ", ""))
COMMAND = CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(600), le=0)
ROUNDS = 300


def failing(raw: bytes) -> bytes:
    raise OSError("the card is gone")


def opened() -> SCP03:
    return pair(ChannelKeys(), SecurityLevel.FULL, 8)[0]


OPEN, CLOSED = opened(), opened()
CLOSED.close()
CARRIER = Carrier()
TREE = Index(TLV[:12])


def exchange(*changed: Any) -> Callable[[], Any]:
    """An exchange whose arguments are these, and the usual ones for the rest."""
    usual = (COMMAND, 0, None, None, lambda raw: b"\x90\x00", ResponseAPDU)
    return lambda: CARRIER.exchange(*(changed + usual[len(changed) :]))


def wrapping(made: memoryview, command: CommandAPDU) -> Callable[[], Any]:
    """Both directions, of objects made anew; what is unwrapped is no answer, and ends the channel."""
    begin = bytes(made)

    def both() -> None:
        made[:] = begin
        wrap(made, command._replace(data=bytes(bytearray(command.data))))
        unwrap(made, ResponseAPDU(bytes(bytearray(2000)), 0x9000))

    return both


TOKEN = '{"unverifiedCertificate":"QUJDRA==","algorithm":"ES256","signature":"MDEy","format":"web-eid:1"}'
HELD = Certificate((Path(__file__).parents[2] / "native/fuzz/corpus/certificate/uzi").read_bytes())
PARTS = [name for name in dir(Certificate) if not name.startswith("_") and not callable(getattr(HELD, name))]

CALLS: dict[str, Callable[[], Any]] = {
    "index": lambda: Index(TLV[:12], descend=[0x53], opaque=(0x71,), der=True, padding=True),
    "index, not TLV": lambda: Index(TLV[:5]),
    "index, no bytes": lambda: Index(5),  # type: ignore[arg-type]
    "index, wrong tags": lambda: Index(TLV[:12], descend=[0x53], opaque=["x"]),  # type: ignore[list-item]
    "index, unknown keyword": lambda: Index(TLV[:12], other=1),  # type: ignore[call-arg]
    "index, many objects": lambda: Index(b"\x05\x00" * 300),
    "first": lambda: TREE.first(0x30, 0x02),
    "first, none": lambda: TREE.first(0x30, 0x04),
    "first, no number": lambda: TREE.first("x"),  # type: ignore[arg-type]
    "optional": lambda: TREE.optional(0x30, 0x05),
    "all": lambda: TREE.all(0x30, 0x02),
    "items": lambda: TREE.items(0x30),
    "items, none": lambda: TREE.items(0x31),
    "certificate": lambda: Certificate(bytearray(HELD.der)),
    "certificate, cut off": lambda: Certificate(HELD.der[:-1]),
    "certificate, no bytes": lambda: Certificate(5),  # type: ignore[arg-type]
    "certificate, a keyword": lambda: Certificate(der=HELD.der),  # type: ignore[call-arg]
    **{f"certificate, {name}": lambda name=name: getattr(HELD, name) for name in PARTS},
    "other_names": lambda: HELD.other_names("2.5.5.5"),
    "other_names, no text": lambda: HELD.other_names(5),  # type: ignore[arg-type]
    "uzi_texts": lambda: HELD.uzi_texts(0x16),
    "uzi_texts, another type": lambda: HELD.uzi_texts(0x0C),
    "uzi_texts, no tag": lambda: HELD.uzi_texts("x"),  # type: ignore[arg-type]
    "extension": lambda: HELD.extension("2.5.29.15"),
    "extension, none": lambda: HELD.extension("1.2.3"),
    "extension, no text": lambda: HELD.extension(b""),  # type: ignore[arg-type]
    "web_eid": lambda: web_eid(TOKEN),
    "web_eid, a certificate that is not base64": lambda: web_eid(TOKEN.replace("QUJDRA==", "QUJDRA")),
    "web_eid, a signature that is not base64": lambda: web_eid(TOKEN.replace("MDEy", "MDE")),
    "web_eid, not": lambda: web_eid(TOKEN[:-1]),
    "web_eid, half a surrogate": lambda: web_eid("\ud800"),
    "web_eid, no text": lambda: web_eid(b"{}"),  # type: ignore[arg-type]
    "revoked, too few arguments": lambda: revoked(b"x"),  # type: ignore[call-arg]
    "base64": lambda: base64("QUJDRA=="),
    "base64, not": lambda: base64("QUJDRA"),
    "base64, no text": lambda: base64(b"QQ=="),  # type: ignore[arg-type]
    "carrier": Carrier,
    "carrier, no library": lambda: Carrier(b"x", 1, 2),
    "exchange": exchange(),
    "exchange, extended": exchange(COMMAND, 2),
    "exchange, the function raises": exchange(COMMAND, 0, None, None, failing),
    "exchange, no bytes come back": exchange(COMMAND, 0, None, None, lambda raw: 5),
    "exchange, a short answer": exchange(COMMAND, 0, None, None, lambda raw: b""),
    "exchange, too long an answer": exchange(COMMAND, 0, None, None, lambda raw: bytes(70000)),
    "exchange, no card": exchange(COMMAND, 0, None, None, None),
    "exchange, no command": exchange((1, 2)),
    "exchange, a header byte too large": exchange(COMMAND._replace(p1=256)),
    "exchange, data that are none": exchange(COMMAND._replace(data=None)),
    "exchange, a form that is none": exchange(COMMAND, 3),
    "exchange, no channel": exchange(COMMAND, 0, bytearray(5)),
    "exchange, a channel that cannot be written": exchange(COMMAND, 0, bytes(5)),
    "exchange, secrets to Python": exchange(COMMAND, 0, None, b""),
    "exchange, no type": exchange(COMMAND, 0, None, None, failing, 5),
    "exchange, too few arguments": lambda: CARRIER.exchange(COMMAND),  # type: ignore[call-arg]
    "exchange, secured": exchange(COMMAND, 0, CLOSED.page),
    "transmit, no card": lambda: CARRIER.transmit(b"\x00\xa4\x04\x00"),
    "wrap and unwrap": wrapping(OPEN.page, COMMAND),
    "wrap and unwrap, long, no Le": wrapping(OPEN.page, CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(5000))),
    "carrier of no card": lambda: Carrier(bytearray(int(ffi.sizeof("zc_pcsc"))), 1, 2).transmit(bytearray(4)),
    "wrap, no command": lambda: wrap(CLOSED.page, 5),  # type: ignore[type-var]
    "unwrap, no response": lambda: unwrap(CLOSED.page, (1,)),
    "revoked, no index": lambda: revoked(bytearray(5), bytes(bytearray(20))),
    "revoked, no bytes": lambda: revoked(b"x", 1),  # type: ignore[arg-type]
}


def grown_by(call: Callable[[], Any]) -> int:
    """Bytes by which memory grew over many calls."""

    def many() -> None:
        for _ in range(ROUNDS):
            with suppress(Exception):
                call()
        gc.collect()

    many()
    tracemalloc.start()
    many()
    before = tracemalloc.get_traced_memory()[0]
    many()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_call_keeps_nothing(call: Callable[[], Any]) -> None:
    """What a call keeps it keeps each time; what somebody else in the process allocates meanwhile does not come three times."""
    assert any(grown_by(call) < ROUNDS * 8 for _ in range(3))


def test_no_reference_is_lost_or_kept() -> None:
    """Objects that are there for good give no sign in memory: their counts do."""
    none, empty, fine = None, (), b"\x90\x00"
    command = CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(600))
    channel = opened()
    begin = bytes(channel.page)
    counted = (none, empty, fine, True, False, command, command.data, CommandAPDU, ResponseAPDU, CARRIER)
    before = [sys.getrefcount(one) for one in counted]
    for _ in range(ROUNDS):
        channel.page[:] = begin
        assert isinstance(wrap(channel.page, command), CommandAPDU)
        CARRIER.exchange(command, 0, None, None, lambda raw: fine, ResponseAPDU)
    after = [sys.getrefcount(one) for one in counted]
    moved = [abs(b - a) for a, b in zip(before, after, strict=True)]
    assert max(moved) < ROUNDS // 2, moved


def test_a_named_tuple_is_what_its_constructor_makes() -> None:
    """Its hash too: Python 3.14 keeps a tuple's hash in it."""
    wrapped = wrap(opened().page, COMMAND)
    assert isinstance(wrapped, CommandAPDU)
    assert CommandAPDU(*wrapped) == wrapped
    assert hash(CommandAPDU(*wrapped)) == hash(wrapped)
    answer = CARRIER.exchange(COMMAND, 0, None, None, lambda raw: b"\x90\x00", ResponseAPDU)
    assert {answer} == {ResponseAPDU(b"", 0x9000)}


def test_a_function_that_never_ends_is_a_python_error() -> None:
    def again(raw: bytes) -> bytes:
        CARRIER.exchange(COMMAND, 0, None, None, again, ResponseAPDU)
        return b""

    with pytest.raises(RecursionError):
        again(b"")


def test_what_is_not_what_is_needed_is_a_typed_error() -> None:
    with pytest.raises(TypeError, match="CommandAPDU"):
        exchange((1, 2))()
    with pytest.raises(ValueError, match=r"range|outside"):
        exchange(COMMAND._replace(p1=256))()
    with pytest.raises(ValueError, match="channel"):
        exchange(COMMAND, 0, bytearray(5))()
    with pytest.raises(BufferError):
        exchange(COMMAND, 0, bytes(5))()
    with pytest.raises(ValueError, match="secrets"):
        exchange(COMMAND, 0, None, b"")()
    with pytest.raises(ValueError, match="tuples"):
        exchange(COMMAND, 0, None, None, failing, int)()
    with pytest.raises(ValueError, match="keywords"):
        Carrier(pcsc=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="ResponseAPDU"):
        unwrap(opened().page, (1,))
    with pytest.raises(OSError, match="gone"):
        exchange(COMMAND, 0, None, None, failing)()
