"""The PKCS#11 adapter against a module that lies, fails at each call and changes its mind: typed errors, nothing left open."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uzi_card import contents
from zorgid_card._native import ffi, lib
from zorgid_card.adapters.pkcs11 import PKCS11Module, PKCS11Token, find_module, usual_places
from zorgid_card.cards import LastTry, OnKeypad, PINProvider, PINRequest, TokenCard, Tries, TryState
from zorgid_card.cards.token import open_token_card
from zorgid_card.errors import (
    CardError,
    CardNotSupportedError,
    CardRemovedError,
    CardResetError,
    CardResponseError,
    DeclinedError,
    LastTryError,
    MiddlewareError,
    MiddlewareMissingError,
    NoCardError,
    NotOfferedError,
    PINBlockedError,
    PINFormError,
    PINNeededError,
    PINPolicyError,
    PUKBlockedError,
    TransportError,
    UsageError,
    WrongCardError,
    WrongPINError,
    WrongPUKError,
    ZorgIDError,
)
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi_profile import Usage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is built for ELF")

SOURCE = Path(__file__).parents[1] / "stubs" / "pkcs11_stub.c"
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


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("stub") / "libpkcs11_stub.so"
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


@pytest.fixture
def stub(compiled: Path, tmp_path: Path) -> Iterator[Stub]:
    """A copy for each test: another file is another library, with variables of its own."""
    stub = Stub(Path(shutil.copy(compiled, tmp_path)))
    modulus = contents("Z").keys[Usage.AUTHENTICITY].public_key().public_numbers().n
    stub.fill("certificate", contents("Z").certificates[Usage.AUTHENTICITY])
    stub.fill("modulus", modulus.to_bytes(256, "big"))
    yield stub
    gc.collect()
    assert (stub["sessions"], stub["initialised"]) == (0, 0)


@pytest.fixture
def module(stub: Stub) -> Iterator[PKCS11Module]:
    with PKCS11Module(stub.path) as opened:
        yield opened


@pytest.fixture
def token(module: PKCS11Module) -> Iterator[PKCS11Token]:
    opened = module.open(0)
    yield opened
    opened.close()


@pytest.fixture
def card(token: PKCS11Token) -> TokenCard:
    return open_token_card(token)


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


@uses
def test_as_long_as_the_module_is_honest_everything_works(card: TokenCard, use: Callable[[TokenCard], object]) -> None:
    use(card)


@pytest.mark.parametrize("call", [call for call in CALLS if call not in ("initialize", "finalize")])
def test_an_error_at_each_call_is_a_typed_one(stub: Stub, card: TokenCard, call: str) -> None:
    for use in USES.values():
        for code in (0x5, 0x30, 0xB3, 0x150, 0xDEADBEEF, HUGE):
            before = stub.calls(call)
            stub.fail(call, code, times=1000)
            told = _told(use, card)
            reached = stub.calls(call) > before
            assert told is None or reached
            assert told is not None or not reached or call in ("find_final", "close")
            stub.reset()
            use(card)


def _told(use: Callable[[TokenCard], object], card: TokenCard) -> ZorgIDError | None:
    try:
        use(card)
    except ZorgIDError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0x05, MiddlewareError),
        (0x30, TransportError),
        (0x32, CardRemovedError),
        (0x50, DeclinedError),
        (0x54, NotOfferedError),
        (0xA0, WrongPINError),
        (0xA1, PINPolicyError),
        (0xA2, PINFormError),
        (0xA4, PINBlockedError),
        (0xB3, CardResetError),
        (0xE0, NoCardError),
        (0xE1, CardNotSupportedError),
        (0x101, MiddlewareError),
        (0x103, NotOfferedError),
        (0xDEADBEEF, MiddlewareError),
    ],
)
def test_what_a_return_value_means_when_logging_in(
    stub: Stub, card: TokenCard, code: int, expected: type[ZorgIDError]
) -> None:
    stub.fail("login", code, times=2)
    with pytest.raises(ZorgIDError) as told:
        card.verify_pin(Secret.of(PIN))
    assert type(told.value) is expected
    assert "CKR" in str(told.value.reason)


def test_what_a_return_value_means_for_the_puk_and_for_a_new_pin(stub: Stub, card: TokenCard) -> None:
    new = Secret.of(b"654321")
    for code, expected in ((0xA0, WrongPUKError), (0xA4, PUKBlockedError), (0x103, NotOfferedError)):
        stub.fail("login", code)
        with pytest.raises(expected):
            card.unblock_pin(Secret.of(PUK), new, last_try_allowed=True)
    for code, policy in ((0xA2, "length"), (0xA1, None)):
        stub.fail("init_pin", code)
        with pytest.raises(PINPolicyError) as told:
            card.unblock_pin(Secret.of(PUK), new, last_try_allowed=True)
        assert told.value.details.get("rule") == policy
        stub.fail("set_pin", code)
        with pytest.raises(PINPolicyError):
            card.change_pin(Secret.of(PIN), new)
    for call in ("init_pin", "login"):  # OpenSC presents the PUK with the new PIN only
        stub.fail(call, 0xA0)
        with pytest.raises(WrongPUKError):
            card.unblock_pin(Secret.of(PUK), new, last_try_allowed=True)
    stub.fail("set_pin", 0xA0)
    with pytest.raises(WrongPUKError):
        card.change_puk(Secret.of(PUK), Secret.of(b"12345678"), last_try_allowed=True)
    assert stub["state"] == 0, "nobody stays the security officer"


def test_functions_that_are_not_there_are_not_offered(stub: Stub, card: TokenCard) -> None:
    stub.unlist(10)
    with pytest.raises(NotOfferedError) as told:
        card.unblock_pin(Secret.of(PUK), Secret.of(b"654321"))
    assert told.value.operation == "set PIN"
    stub["mechanisms"] = 0
    for use in (USES["sign"], USES["decipher"]):
        with pytest.raises(NotOfferedError):
            use(card)


@pytest.mark.parametrize("kind", [0x3, 0x11, 0x80, 0x100, 0x102, 0x120, 0x202])
def test_lengths_that_an_attribute_cannot_have(stub: Stub, card: TokenCard, kind: int) -> None:
    use = USES["open" if kind in (0x3, 0x11, 0x80) else "sign"]
    for length in (1 << 20, HUGE - 1, HUGE, 1 << 63):
        stub["lie_type"], stub["lie_length"] = kind, length
        with pytest.raises(CardResponseError) as told:
            use(card)
        assert told.value.reason == "length"


def test_an_attribute_longer_than_there_is_room_for(stub: Stub, token: PKCS11Token) -> None:
    stub["certificate_length"] = 40000
    with pytest.raises(CardResponseError):
        token.certificates()


@pytest.mark.parametrize("code", [0x11, 0x12])
def test_attributes_that_are_not_there(stub: Stub, token: PKCS11Token, code: int) -> None:
    stub.fail("attribute", code, times=1000)
    assert token.certificates() == []
    (key,) = token.keys()
    assert (key.kind, key.identifier, key.modulus, key.always_authenticate) == ("other", b"", b"", False)


def test_a_number_of_three_bytes(stub: Stub, card: TokenCard) -> None:
    stub["lie_type"], stub["lie_length"] = 0x100, 3
    with pytest.raises(CardResponseError):
        card.sign("authenticity", b"text", pin=pin)


@pytest.mark.parametrize("length", [0, 1, 255, 257, 1024, 1025, 1 << 32, HUGE])
def test_lengths_of_what_comes_out(stub: Stub, card: TokenCard, length: int) -> None:
    stub["output_length"] = length
    with pytest.raises(CardResponseError):
        USES["sign"](card)
    if length <= 1024:
        assert USES["decipher"](card) == bytes(length)
        return
    with pytest.raises(CardResponseError):
        USES["decipher"](card)


@pytest.mark.parametrize("name", ["slots", "slots_fetched", "mechanisms"])
@pytest.mark.parametrize("count", [2000, 1 << 32, HUGE])
def test_counts_that_cannot_be(stub: Stub, module: PKCS11Module, card: TokenCard, name: str, count: int) -> None:
    stub[name] = count
    with pytest.raises(CardResponseError) as told:
        USES["sign"](card) if name == "mechanisms" else module.tokens()
    assert told.value.reason == "count"


def test_a_list_that_keeps_growing(stub: Stub, module: PKCS11Module) -> None:
    stub["growing"] = 1
    with pytest.raises(CardResponseError) as told:
        module.tokens()
    assert told.value.reason == "unsettled"


def test_no_slot_and_a_card_that_goes_while_it_is_looked_for(stub: Stub, module: PKCS11Module) -> None:
    stub["slots_fetched"] = 0
    assert module.tokens() == []
    stub["slots"] = stub["slots_fetched"] = 3
    stub.fail("token", 0xE0)
    assert len(module.tokens()) == 2
    stub["flags"] = 0
    assert module.tokens() == []


@pytest.mark.parametrize("told", [33, HUGE])
def test_more_objects_than_were_asked_for(stub: Stub, token: PKCS11Token, told: int) -> None:
    stub["told"] = told
    with pytest.raises(CardResponseError):
        token.certificates()
    assert stub.calls("find_final") == 1


def test_objects_without_end(stub: Stub, token: PKCS11Token) -> None:
    stub["told"] = 32
    stub["objects"] = 1 << 40
    with pytest.raises(CardResponseError):
        token.certificates()
    stub["told"] = 0
    stub["objects"] = 200
    assert len(token.certificates()) == 200


def test_what_a_token_calls_itself_cannot_steer_a_terminal(stub: Stub, module: PKCS11Module) -> None:
    stub.fill("label", b"\x1b[2J\r\n\x00\xff\xfe".ljust(32))
    (info,) = module.tokens()
    assert info.label.isprintable()


def test_pin_lengths_that_cannot_be_leave_those_of_the_profile(stub: Stub, module: PKCS11Module) -> None:
    for minimum, maximum in ((HUGE, 0), (0, 0), (9, 200), (200, 300)):
        stub["pin_minimum"], stub["pin_maximum"] = minimum, maximum
        card = open_token_card(module.open(0))
        assert (card.profile.pin_minimum, card.profile.pin_maximum) == (6, 8)
    stub["pin_minimum"], stub["pin_maximum"] = 7, HUGE
    card = open_token_card(module.open(0))
    assert (card.profile.pin_minimum, card.profile.pin_maximum) == (7, 8)


@pytest.mark.parametrize(
    ("flags", "state", "left"),
    [
        (0, TryState.KNOWN, None),
        (LOW, TryState.LOW, None),
        (FINAL, TryState.FINAL, 1),
        (FINAL | LOW, TryState.FINAL, 1),
        (LOCKED, TryState.LOCKED, 0),
        (LOCKED | FINAL | LOW, TryState.LOCKED, 0),
        (0xFFFF_FFFF_0080_0000, TryState.KNOWN, None),
    ],
)
def test_pin_1_tries_by_the_tokens_flags(
    stub: Stub, card: TokenCard, flags: int, state: TryState, left: int | None
) -> None:
    stub["flags"] = READY | flags
    assert (card.tries().state, card.tries().left) == (state, left)
    stub["flags"] = READY | (flags << 4 & HUGE)
    assert (card.puk_tries().state, card.puk_tries().left) == (state, left)


@uses
def test_pin_1_a_last_try_is_not_spent_unasked_and_a_locked_pin_not_at_all(
    stub: Stub, card: TokenCard, use: Callable[[TokenCard], object]
) -> None:
    stub["always"] = 1
    for flags, expected in ((FINAL | SO_FINAL, LastTryError), (LOCKED | SO_LOCKED, (PINBlockedError, PUKBlockedError))):
        stub["flags"] = READY | flags
        for spend in (
            lambda: card.verify_pin(Secret.of(PIN)),
            lambda: card.sign("authenticity", b"text", pin=pin),
            lambda: card.decipher(bytes(256), pin, usage="authenticity"),
            lambda: card.change_pin(Secret.of(PIN), Secret.of(b"654321")),
            lambda: card.unblock_pin(Secret.of(PUK), Secret.of(b"654321")),
            lambda: card.change_puk(Secret.of(PUK), Secret.of(b"12345678")),
        ):
            with pytest.raises(expected):
                spend()
    assert stub.calls("login") == stub.calls("set_pin") == 0
    stub["flags"] = READY | FINAL | SO_FINAL
    use(card)


def test_pin_1_a_wrong_pin_that_leaves_no_mark_makes_the_tries_unknown(stub: Stub, card: TokenCard) -> None:
    stub["wrong"] = 1
    with pytest.raises(WrongPINError):
        card.verify_pin(Secret.of(PIN))
    assert card.tries().state is TryState.UNKNOWN
    with pytest.raises(LastTryError):
        card.verify_pin(Secret.of(PIN))
    stub["wrong"] = 0
    card.verify_pin(Secret.of(PIN), last_try_allowed=True)
    assert card.tries().state is TryState.KNOWN


def test_pin_1_a_wrong_puk_that_leaves_no_mark_makes_the_tries_unknown(stub: Stub, card: TokenCard) -> None:
    """The last try of a PUK is the end of the card."""
    stub["wrong"] = 1
    puk, new = Secret.of(PUK), Secret.of(b"654321")
    with pytest.raises(WrongPUKError):
        card.unblock_pin(puk, new)
    assert card.puk_tries().state is TryState.UNKNOWN
    assert card.tries().state is TryState.KNOWN
    for spend in (lambda: card.unblock_pin(puk, new), lambda: card.change_puk(puk, Secret.of(b"87654321"))):
        with pytest.raises(LastTryError):
            spend()
    assert stub.calls("login") == 1
    stub["wrong"] = 0
    card.unblock_pin(puk, new, last_try_allowed=True)
    assert card.puk_tries().state is TryState.KNOWN


@pytest.mark.parametrize(("flags", "left"), [(FINAL, 1), (LOCKED, 0), (LOW, None)])
def test_pin_1_a_wrong_pin_tells_what_is_left(stub: Stub, card: TokenCard, flags: int, left: int | None) -> None:
    stub["wrong"] = 1
    stub["flags"] = READY | flags
    with pytest.raises(ZorgIDError) as told:
        card._token.login(Secret.of(PIN))
    assert isinstance(told.value, WrongPINError)
    assert told.value.tries_left == left


def on_keypad(asked: list[PINRequest], *, knowingly: bool = False) -> PINProvider:
    def provide(request: PINRequest) -> Secret | LastTry:
        asked.append(request)
        return LastTry(OnKeypad()) if knowingly else OnKeypad()

    return provide


def test_pin_6_where_the_pin_is_entered_at_the_reader_the_module_gets_none(stub: Stub, card: TokenCard) -> None:
    stub["flags"] = READY | PROTECTED
    stub["always"] = 1
    assert card.keypad is not None
    asked: list[PINRequest] = []
    card.sign("authenticity", b"text", pin=on_keypad(asked))
    assert [request.keypad for request in asked] == [True]
    assert (stub["pin_pointer"], stub["pin_length"], stub.calls("login")) == (0, 0, 2)


def test_pin_6_without_anybody_who_tells_the_person_to_the_reader_does_not_ask(stub: Stub, card: TokenCard) -> None:
    stub["flags"] = READY | PROTECTED
    with pytest.raises(PINNeededError):
        card.sign("authenticity", b"text")
    assert stub.calls("login") == 0


def test_pin_6_a_last_try_at_the_reader_wants_the_persons_word(stub: Stub, card: TokenCard) -> None:
    stub["flags"] = READY | PROTECTED | FINAL
    asked: list[PINRequest] = []
    with pytest.raises(LastTryError):
        card.sign("authenticity", b"text", pin=on_keypad(asked))
    assert stub.calls("login") == 0
    card.sign("authenticity", b"text", pin=on_keypad(asked, knowingly=True))
    assert [request.tries for request in asked] == [Tries.known(1)] * 2
    with pytest.raises(LastTryError):
        card.verify_pin(OnKeypad())
    card.verify_pin(OnKeypad(), last_try_allowed=True)
    assert stub.calls("login") == 2


def test_pin_6_an_unknown_try_at_the_reader_wants_the_persons_word(stub: Stub, card: TokenCard) -> None:
    """The module hides its flags: after a wrong PIN nobody knows how many are left."""
    stub["flags"], stub["wrong"] = READY | PROTECTED, 1
    with pytest.raises(WrongPINError):
        card.verify_pin(OnKeypad())
    stub["wrong"] = 0
    asked: list[PINRequest] = []
    with pytest.raises(LastTryError):
        card.sign("authenticity", b"text", pin=on_keypad(asked))
    card.sign("authenticity", b"text", pin=on_keypad(asked, knowingly=True))
    assert [(request.tries, request.retrying) for request in asked] == [(Tries.UNKNOWN, True)] * 2


def test_pin_6_what_is_entered_a_second_time_at_the_reader_is_another_try(stub: Stub, card: TokenCard) -> None:
    """The PIN was right at log-in; the one that the key wants is entered anew, and the tries are looked at anew."""
    stub["flags"] = READY | PROTECTED
    stub["always"] = 1

    class Finally(PKCS11Token):
        def login(self, pin: Secret | None, *, so: bool = False) -> None:
            super().login(pin, so=so)
            stub["flags"] |= FINAL

    card._token.__class__ = Finally
    with pytest.raises(LastTryError):
        card.sign("authenticity", b"text", pin=on_keypad([]))
    assert stub.calls("login") == 1


CHANGES: dict[str, Callable[[TokenCard, Secret, Secret], None]] = {
    "change_pin": TokenCard.change_pin,
    "unblock_pin": TokenCard.unblock_pin,
    "change_puk": TokenCard.change_puk,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_pin_6_pin_and_puk_are_changed_at_the_reader(
    stub: Stub, card: TokenCard, change: Callable[[TokenCard, Secret, Secret], None]
) -> None:
    with pytest.raises(UsageError) as refused:
        change(card, OnKeypad(), OnKeypad())
    assert refused.value.reason == "keypad"
    stub["flags"] = READY | PROTECTED
    for old, new in ((OnKeypad(), Secret.of(PIN)), (Secret.of(PUK), OnKeypad())):
        with pytest.raises(UsageError, match="both"):
            change(card, old, new)
    assert stub.calls("login") + stub.calls("set_pin") + stub.calls("init_pin") == 0
    stub["new_pointer"] = stub["pin_pointer"] = 1
    change(card, OnKeypad(), OnKeypad())
    assert (stub["pin_pointer"], stub["new_pointer"]) == (0, 0)


def test_pin_6_a_token_whose_reader_does_not_ask_says_so(stub: Stub, card: TokenCard) -> None:
    assert card.keypad is None
    asked: list[PINRequest] = []
    with pytest.raises(UsageError) as refused:
        card.sign("authenticity", b"text", pin=on_keypad(asked))
    assert refused.value.reason == "keypad"
    assert [request.keypad for request in asked] == [False]
    assert stub.calls("login") == 0


def test_the_module_gets_a_pointer_on_the_secrets_own_page(stub: Stub, token: PKCS11Token) -> None:
    with Secret.of(PIN) as secret:
        token.login(secret)
        assert stub["pin_pointer"] == int(ffi.cast("uintptr_t", secret._pointer.bytes))
        assert stub.octets("pin") == PIN
        assert lib.zc_secret_check(secret._pointer) == lib.ZC_OK
    with pytest.raises(ValueError, match="wiped"):
        token.login(secret)


def test_a_key_that_always_asks_is_given_the_pin_between_init_and_sign(stub: Stub, card: TokenCard) -> None:
    stub["always"] = 1
    card.sign("authenticity", b"text", pin=pin)
    assert stub["user"] == 2  # CKU_CONTEXT_SPECIFIC
    assert stub.calls("login") == 2


@pytest.mark.parametrize("code", [0xB3, 0xB0, 0x32, 0xE0])
def test_after_a_session_was_lost_the_next_operation_opens_another(stub: Stub, card: TokenCard, code: int) -> None:
    card.verify_pin(Secret.of(PIN))
    opened = stub.calls("open")
    stub.fail("sign_init", code)
    with pytest.raises(ZorgIDError):
        card.sign("authenticity", b"text", pin=pin)
    card.sign("authenticity", b"text", pin=pin)
    assert stub.calls("open") == opened + 1
    assert stub.calls("login") == 2


def test_another_card_is_not_taken_for_the_one_before(stub: Stub, card: TokenCard) -> None:
    stub.fail("sign_init", 0x32)
    with pytest.raises(CardRemovedError):
        card.sign("authenticity", b"text", pin=pin)
    stub.fill("serial", b"0002")
    logins = stub.calls("login")
    with pytest.raises(WrongCardError) as told:
        card.sign("authenticity", b"text", pin=pin)
    assert told.value.found == "UZI-pas 0002"
    with pytest.raises(WrongCardError):
        card.verify_pin(Secret.of(PIN))
    assert stub.calls("login") == logins


def test_a_token_that_cannot_be_written_is_read(stub: Stub, module: PKCS11Module) -> None:
    stub.fail("open", 0xE2)
    card = open_token_card(module.open(0))
    assert stub["session_flags"] == 4
    assert card.certificates()


def test_a_module_without_locks_gets_one_call_at_a_time(stub: Stub) -> None:
    stub.fail("initialize", 0xA)
    with PKCS11Module(stub.path) as module:
        assert stub["arguments"] == 0
        cards = [open_token_card(module.open(0)) for _ in range(4)]
        stub["flags"] = 0x408  # no log-in required
        threads = [
            threading.Thread(target=lambda card=card: [card.sign("authenticity", b"x") for _ in range(50)])
            for card in cards
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert stub.calls("sign") == 200
    assert stub["overlaps"] == 0


def test_a_module_that_somebody_else_initialised_stays_so(stub: Stub) -> None:
    stub.fail("initialize", 0x191)
    with PKCS11Module(stub.path) as module:
        module.open(0).close()
    assert stub.calls("finalize") == 0


def test_a_module_that_does_not_start_can_be_tried_again(stub: Stub) -> None:
    stub.fail("initialize", 0x5)
    with pytest.raises(MiddlewareError):
        PKCS11Module(stub.path)
    PKCS11Module(stub.path).close()
    assert stub.calls("finalize") == 1


def test_a_token_that_was_closed_is_not_opened_again(stub: Stub, token: PKCS11Token, card: TokenCard) -> None:
    token.close()
    token.close()
    opened = stub.calls("open")
    for use in USES.values():
        with pytest.raises(CardRemovedError, match="closed"):
            use(card)
    assert stub.calls("open") == opened


def test_a_child_forked_while_a_thread_is_at_work_does_not_wait_for_it(stub: Stub, token: PKCS11Token) -> None:
    inside, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with token.alone():
            inside.set()
            ended.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(60)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        code = 1
        with suppress(BaseException):
            token.close()
            try:
                token.info()
            except CardRemovedError:
                code = 0
        os._exit(code)
    ended.set()
    thread.join(60)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_nobody_closed_is_closed_when_it_is_collected(stub: Stub) -> None:
    module = PKCS11Module(stub.path)
    token = module.open(0)
    token.login(Secret.of(PIN))
    del token
    gc.collect()
    assert (stub["sessions"], stub.calls("logout")) == (0, 1)
    del module
    gc.collect()
    assert stub["initialised"] == 0


def test_a_token_that_cannot_be_opened_leaves_nothing_open(stub: Stub, module: PKCS11Module) -> None:
    for call in ("slot", "token", "open"):
        stub.fail(call, 0x5)
        with pytest.raises(MiddlewareError):
            module.open(0)
    assert stub["sessions"] == 0


def test_what_is_no_module_is_refused(stub: Stub, tmp_path: Path) -> None:
    text, other = tmp_path / "text.so", tmp_path / "other.so"
    text.write_text("no library")
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", other], check=True)
    for path, reason in ((tmp_path / "missing", "not found"), (text, "cannot be loaded"), (other, "cannot be loaded")):
        with pytest.raises(MiddlewareMissingError) as told:
            PKCS11Module(path)
        assert told.value.reason == reason
    version = ctypes.c_ubyte.in_dll(stub.library, "stub_list")
    for major, reason in ((0, "gives no functions"), (255, "gives no functions"), (1, "is of another version")):
        version.value = major
        with pytest.raises(MiddlewareMissingError) as told:
            PKCS11Module(stub.path)
        assert told.value.reason == reason
    version.value = 2


def test_safesign_is_looked_for_at_its_usual_places(tmp_path: Path) -> None:
    assert all(place.is_absolute() and "aetpkss" in place.name for place in usual_places())
    with pytest.raises(MiddlewareMissingError, match="aetpkss"):
        find_module(places=[tmp_path / "libaetpkss.so.3"])
    (tmp_path / "libaetpkss.so.3").touch()
    assert find_module(places=[tmp_path / "nothing", tmp_path / "libaetpkss.so.3"]) == tmp_path / "libaetpkss.so.3"


lies = st.fixed_dictionaries(
    {},
    optional={
        "flags": st.integers(0, HUGE),
        "state": st.integers(0, 5),
        "slots": st.integers(0, HUGE) | st.integers(0, 70),
        "slots_fetched": st.integers(0, HUGE) | st.integers(0, 70),
        "mechanisms": st.integers(0, HUGE) | st.integers(0, 2000),
        "objects": st.integers(0, 300),
        "told": st.integers(0, 40) | st.integers(0, HUGE),
        "lie_type": st.sampled_from([0x3, 0x11, 0x80, 0x100, 0x102, 0x120, 0x202]),
        "lie_length": st.integers(0, HUGE) | st.integers(0, 300),
        "certificate_length": st.integers(0, 40000),
        "identifier_length": st.integers(0, 300),
        "modulus_length": st.integers(0, 2000),
        "key_type": st.integers(0, HUGE) | st.integers(0, 4),
        "always": st.integers(0, 255),
        "output_length": st.integers(0, HUGE) | st.integers(0, 1100),
        "wrong": st.integers(0, 1),
        "pin_minimum": st.integers(0, HUGE),
        "pin_maximum": st.integers(0, HUGE),
    },
)
failures = st.lists(
    st.tuples(
        st.sampled_from(CALLS[2:]),
        st.sampled_from([0x5, 0x11, 0x12, 0x30, 0x32, 0x54, 0xA0, 0xA2, 0xA4, 0xB3, 0xE0, 0x100, 0x101, 0x104, 0x150])
        | st.integers(1, HUGE),
        st.integers(1, 3),
        st.integers(0, 5),
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lies=lies, failures=failures, order=st.permutations(list(USES.values())))
def test_whatever_the_module_says_there_are_typed_errors_only(
    compiled: Path,
    tmp_path_factory: pytest.TempPathFactory,
    lies: dict[str, int],
    failures: list[tuple[str, int, int, int]],
    order: list[Callable[[TokenCard], object]],
) -> None:
    stub = _shared(compiled)
    for name, value in HONEST.items():
        stub[name] = value
    stub.reset()
    with PKCS11Module(stub.path) as module:
        token = module.open(0)
        card = open_token_card(token)
        for name, value in lies.items():
            stub[name] = value
        for call, code, times, passing in failures:
            stub.fail(call, code, times, passing)
        for use in (*order, lambda _: module.tokens()):
            with suppress(ZorgIDError):
                use(card)
        stub.reset()
        token.close()
        assert stub["sessions"] == 0
    assert stub["initialised"] == 0


HONEST = {
    "flags": READY,
    "state": 0,
    "slots": 1,
    "slots_fetched": 1,
    "mechanisms": 4,
    "objects": 1,
    "told": 0,
    "lie_type": 0xFFFFFFFF,
    "identifier_length": 1,
    "modulus_length": 256,
    "key_type": 0,
    "always": 0,
    "output_length": 256,
    "wrong": 0,
    "pin_minimum": 4,
    "pin_maximum": 12,
}


def _shared(compiled: Path) -> Stub:
    stub = Stub(compiled)
    modulus = contents("Z").keys[Usage.AUTHENTICITY].public_key().public_numbers().n
    stub.fill("certificate", contents("Z").certificates[Usage.AUTHENTICITY])
    stub.fill("modulus", modulus.to_bytes(256, "big"))
    return stub


def test_a_card_error_names_the_key_that_is_missing(stub: Stub, card: TokenCard) -> None:
    stub.fill("modulus", b"\x99" * 256)
    with pytest.raises(CardError, match="no key"):
        card.sign("authenticity", b"text", pin=pin)
