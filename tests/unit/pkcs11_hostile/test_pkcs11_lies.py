"""The PKCS#11 adapter against a module that lies and fails at each call: typed errors, nothing left open."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pkcs11_stub import CALLS, HUGE, PIN, PUK, READY, USES, Stub, pin, uses
from uzi_card import contents
from zorgid_card.adapters.pkcs11 import PKCS11Module, PKCS11Token
from zorgid_card.cards import TokenCard
from zorgid_card.cards.token import open_token_card
from zorgid_card.errors import (
    CardNotSupportedError,
    CardRemovedError,
    CardResetError,
    CardResponseError,
    DeclinedError,
    MiddlewareError,
    NoCardError,
    NotOfferedError,
    PINBlockedError,
    PINFormError,
    PINPolicyError,
    PUKBlockedError,
    TransportError,
    WrongPINError,
    WrongPUKError,
    ZorgIDError,
)
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi_profile import Usage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is built for ELF")


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
