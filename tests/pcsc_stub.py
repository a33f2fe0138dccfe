"""The stub PC/SC library (tests/stubs/pcsc_stub.c) in Python's hands: its variables, and simulated cards in its slots."""

from __future__ import annotations

import ctypes
import gc
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from zorgid_card.adapters.pcsc import forget_insertions
from zorgid_card.testkit.card import VirtualCard

SOURCE: Final = Path(__file__).parent / "stubs" / "pcsc_stub.c"
CALLS: Final = (
    *("establish", "release", "list", "wait", "connect", "reconnect", "disconnect"),
    *("begin", "end", "status", "transmit", "control"),
)
RESET_CARD, REMOVED_CARD, NOT_TRANSACTED, SHARING_VIOLATION = 0x80100068, 0x80100069, 0x80100016, 0x8010000B
INSUFFICIENT_BUFFER, INVALID_PARAMETER = 0x80100008, 0x80100004

Hook = Callable[[str, int], int]
Control = Callable[[int, int, bytes], tuple[int, bytes]]

_Octets = ctypes.POINTER(ctypes.c_uint8)
_Size = ctypes.POINTER(ctypes.c_uint32)
_u32 = ctypes.c_uint32
_CARD = ctypes.CFUNCTYPE(_u32, _u32, _Octets, _u32, _Octets, _Size)
_POWER = ctypes.CFUNCTYPE(None, _u32, _u32)
_HOOK = ctypes.CFUNCTYPE(_u32, _u32, _u32)
_CONTROL = ctypes.CFUNCTYPE(_u32, _u32, _u32, _Octets, _u32, _Octets, _Size)


def compile_stub(directory: Path) -> Path:
    """The library, built from its source."""
    library = directory / "libpcsc_stub.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-pthread", "-o", library, SOURCE], check=True)
    return library


@contextmanager
def fresh_stub(compiled: Path, directory: Path) -> Iterator[Stub]:
    """A copy of its own: another file is another library, with variables of its own. Nothing may be left open in it."""
    stub = Stub(Path(shutil.copy(compiled, directory)))
    stub.respond(b"\x90\x00")
    yield stub
    forget_insertions()  # the one context that is kept for good: insertions are counted within it
    gc.collect()
    assert (stub["contexts"], stub["cards"], stub["transactions"]) == (0, 0, 0)


class Stub:
    """The stub's variables, and what is in its slots."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._library = ctypes.CDLL(self.path)
        self._kept: dict[str, Any] = {}
        self.cards: dict[int, VirtualCard] = {}

    def __getitem__(self, name: str) -> int:
        return _u32.in_dll(self._library, f"stub_{name}").value

    def __setitem__(self, name: str, value: int) -> None:
        _u32.in_dll(self._library, f"stub_{name}").value = value

    def _array(self, name: str) -> ctypes.Array[ctypes.c_uint32]:
        return (_u32 * len(CALLS)).in_dll(self._library, f"stub_{name}")

    def address(self, name: str) -> int:
        return ctypes.addressof(ctypes.c_char.in_dll(self._library, f"stub_{name}"))

    def fail(self, call: str, code: int, times: int = 1, *, passing: int = 0) -> None:
        """The call answers ``code`` for ``times`` times, after it went well ``passing`` times."""
        index = CALLS.index(call)
        self._array("code")[index] = code
        self._array("times")[index] = times
        self._array("pass")[index] = passing

    def calls(self, call: str) -> int:
        return self._array("calls")[CALLS.index(call)]

    def respond(self, response: bytes) -> None:
        self._fill("response", response)

    def _fill(self, name: str, octets: bytes) -> None:
        ctypes.memmove(self.address(name), octets, len(octets))
        self[f"{name}_length"] = len(octets)

    @property
    def command(self) -> bytes:
        return ctypes.string_at(self.address("command"), self["command_length"])

    # --- simulated cards, and what happens to them

    def readers(self, count: int) -> None:
        """So many readers are there."""
        self._fill("readers", b"".join(b"Stub Reader %02d 00\0" % slot for slot in range(count)) + b"\0")

    def hold(self, *cards: VirtualCard) -> None:
        """Put the cards into the slots, from the first on; the ATR is the first one's."""
        self.cards = dict(enumerate(cards))
        for card in cards:
            card.power_on()
        self._fill("atr", cards[0].atr)
        self._point("card", _CARD(self._transmit))
        self._point("power", _POWER(self._power))

    def _point(self, name: str, function: Any) -> None:
        self._kept[name] = function
        ctypes.memmove(self.address(name), ctypes.byref(function), ctypes.sizeof(ctypes.c_void_p))

    def _transmit(self, slot: int, command: Any, length: int, response: Any, size: Any) -> int:
        answer = self.answer(slot, ctypes.string_at(command, length))
        if len(answer) > size[0]:
            return INSUFFICIENT_BUFFER
        ctypes.memmove(response, answer, len(answer))
        size[0] = len(answer)
        return 0

    def answer(self, slot: int, command: bytes) -> bytes:
        """What the card in ``slot`` answers; a test may put something before it."""
        return self.cards[slot].transmit(command)

    def _power(self, slot: int, disposition: int) -> None:
        card = self.cards[slot]
        card.power_off()
        if disposition == 1:
            card.power_on()

    def on_call(self, hook: Hook | None) -> None:
        """``hook`` is told of each call on a slot before it is done, and may answer it with a code of PC/SC's (0: go on)."""
        self._point("hook", _HOOK() if hook is None else _HOOK(lambda call, slot: hook(CALLS[call], slot)))

    def on_control(self, control: Control) -> None:
        """The reader's own functions: given slot, control code and data, a code of PC/SC's and data."""

        def answer(slot: int, code: int, data: Any, length: int, out: Any, size: Any) -> int:
            status, octets = control(slot, code, ctypes.string_at(data, length) if length else b"")
            if len(octets) > size[0]:
                return INSUFFICIENT_BUFFER
            ctypes.memmove(out, octets, len(octets))
            size[0] = len(octets)
            return status

        self._point("control", _CONTROL(answer))

    def reset(self, slot: int = 0) -> None:
        """Another program resets the card."""
        self._library.stub_reset(_u32(slot))

    def remove(self, slot: int = 0) -> None:
        """Somebody pulls the card."""
        self._library.stub_remove(_u32(slot))

    def insert(self, card: VirtualCard, slot: int = 0) -> None:
        """Somebody puts a card in."""
        self.cards[slot] = card
        card.power_on()
        self._library.stub_insert(_u32(slot))


def over_t0(card: VirtualCard, *, correcting: bool = True) -> Callable[[int, bytes], bytes]:
    """What a card of T=0 answers: APDUs put together from the header and P3 (ISO/IEC 7816-3:2006, 12.2); it tells the right
    length (6Cxx) where another was asked for, and gives the answer only to that.
    """
    waiting: list[tuple[bytes, bytes]] = []

    def answer(_slot: int, command: bytes) -> bytes:
        if waiting and command[:4] == waiting[0][0] and command[4] == len(waiting[0][1]) - 2:
            return waiting.pop()[1]
        waiting.clear()
        # P3 = 00 of a command that takes data is an empty data field: only the instruction tells (VERIFY, ...)
        response = card.transmit(command[:4] if len(command) == 5 and command[1] in {0x20, 0x24, 0x2C} else command)
        data = response[:-2]
        if correcting and len(command) == 5 and data and command[1] != 0xC0 and command[4] != len(data) & 0xFF:
            waiting.append((command[:4], response))
            return bytes([0x6C, len(data) & 0xFF])
        return response

    return answer
