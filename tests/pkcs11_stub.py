"""A PKCS#11 module that does as it is told: it lies, fails at each call, changes its mind (tests/stubs/pkcs11_stub.c)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from zorgid_card.cards import LastTry, PINRequest, TokenCard
from zorgid_card.cards.token import open_token_card
from zorgid_card.secret import Secret

SOURCE = Path(__file__).parent / "stubs" / "pkcs11_stub.c"
CALLS = [
    *("initialize", "finalize", "slots", "slot", "token", "mechanisms", "open", "close", "session", "login", "logout"),
    *(
        "find_init",
        "find",
        "find_final",
        "attribute",
        "sign_init",
        "sign",
        "decrypt_init",
        "decrypt",
        "set_pin",
        "init_pin",
    ),
]
HUGE = (1 << 64) - 1
PIN, PUK = b"271828", b"87654321"
FINAL, LOCKED, LOW, PROTECTED, SO_FINAL, SO_LOCKED = 0x20000, 0x40000, 0x10000, 0x100, 0x200000, 0x400000
READY = 0x40C  # initialised, with a PIN, log-in required


class Stub:
    """The stub's variables."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.library = ctypes.CDLL(str(path))

    def __getitem__(self, name: str) -> int:
        return ctypes.c_ulong.in_dll(self.library, f"stub_{name}").value

    def __setitem__(self, name: str, value: int) -> None:
        ctypes.c_ulong.in_dll(self.library, f"stub_{name}").value = value

    def array(self, name: str) -> ctypes.Array[ctypes.c_ulong]:
        return (ctypes.c_ulong * len(CALLS)).in_dll(self.library, f"stub_{name}")

    def fail(self, call: str, code: int, times: int = 1, passing: int = 0) -> None:
        place = CALLS.index(call)
        self.array("code")[place], self.array("times")[place], self.array("passing")[place] = code, times, passing

    def calls(self, call: str) -> int:
        return self.array("calls")[CALLS.index(call)]

    def fill(self, name: str, value: bytes) -> None:
        ctypes.memmove(ctypes.addressof(ctypes.c_ubyte.in_dll(self.library, f"stub_{name}")), value, len(value))
        with suppress(ValueError):
            self[f"{name}_length"] = len(value)

    def octets(self, name: str) -> bytes:
        return ctypes.string_at(
            ctypes.addressof(ctypes.c_ubyte.in_dll(self.library, f"stub_{name}")), self[f"{name}_length"]
        )

    def unlist(self, function: int) -> None:
        base = ctypes.addressof(ctypes.c_ubyte.in_dll(self.library, "stub_list")) + ctypes.sizeof(ctypes.c_void_p)
        (ctypes.c_void_p * 68).from_address(base)[function] = None

    def reset(self) -> None:
        for name in ("code", "times", "passing"):
            ctypes.memset(self.array(name), 0, ctypes.sizeof(self.array(name)))


def pin(_: PINRequest) -> Secret:
    return Secret.of(PIN)


def knowingly(_: PINRequest) -> LastTry:
    return LastTry(Secret.of(PIN))


USES: dict[str, Callable[[TokenCard], object]] = {
    "open": lambda card: open_token_card(card._token),
    "tries": lambda card: card.tries(),
    "sign": lambda card: card.sign("authenticity", b"text", pin=knowingly),
    "decipher": lambda card: card.decipher(bytes(256), knowingly, usage="authenticity"),
    "change_pin": lambda card: card.change_pin(Secret.of(PIN), Secret.of(b"654321"), last_try_allowed=True),
    "unblock_pin": lambda card: card.unblock_pin(Secret.of(PUK), Secret.of(b"654321"), last_try_allowed=True),
    "change_puk": lambda card: card.change_puk(Secret.of(PUK), Secret.of(b"12345678"), last_try_allowed=True),
    "log_out": lambda card: card.log_out(),
}
uses = pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
