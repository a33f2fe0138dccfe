"""Modules, tokens and sessions as they come and go: lost, forked, closed, collected, not there."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from pkcs11_stub import PIN, USES, Stub, pin
from zorgid_card._native import ffi, lib
from zorgid_card.adapters.pkcs11 import PKCS11Module, PKCS11Token, find_module, usual_places
from zorgid_card.cards import TokenCard
from zorgid_card.cards.token import open_token_card
from zorgid_card.errors import (
    CardError,
    CardRemovedError,
    MiddlewareError,
    MiddlewareMissingError,
    WrongCardError,
    ZorgIDError,
)
from zorgid_card.secret import Secret

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stub is built for ELF")


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


def test_a_card_error_names_the_key_that_is_missing(stub: Stub, card: TokenCard) -> None:
    stub.fill("modulus", b"\x99" * 256)
    with pytest.raises(CardError, match="no key"):
        card.sign("authenticity", b"text", pin=pin)
