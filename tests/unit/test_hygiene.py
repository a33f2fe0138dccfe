"""PIN-7 from outside: a card side in a process of its own is looked through after each workflow, and in the core that it leaves.

Its card, its reader's keypad and its portal live here, in the test's process, which alone knows the codes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hygiene_desk import CardSideProcess, unusual
from memory_scanner import forms_of_digits, forms_of_octets, in_core, in_files, in_memory

pytestmark = pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux's /proc")

WAYS = ("prompt", "bytearray", "keypad")
TASKS = ("log_in", "sign traced", "wrong", "refuse", "change_pin", "unblock traced", "change_puk")


@pytest.fixture
def start(tmp_path: Path) -> Callable[[str], CardSideProcess]:
    def begin(way: str) -> CardSideProcess:
        return CardSideProcess(tmp_path, way).begin()

    return begin


def test_the_scanner_finds_what_is_planted_in_every_form(start: Callable[[str], CardSideProcess]) -> None:
    side = start("bytearray")
    code, key = unusual(), os.urandom(24)
    forms = {"code": forms_of_digits(code), "key": forms_of_octets(key)}
    assert in_memory(side.pid, forms) == []
    for name, each in forms.items():
        for form, planted in each.items():
            side.planted = [planted]
            side.run("plant")
            found = " ".join(in_memory(side.pid, {name: {form: planted}}))
            assert f"{name} as {form} in" in found
            side.run("forget")
    side.planted = [code.ljust(8, b"\xff"), code + b"\0"]
    side.run("plant")
    assert any("as characters" in told for told in in_memory(side.pid, forms))
    assert any("as characters" in told for told in in_core(side.end(), forms))


def look_through(side: CardSideProcess, after: str, *, whole: bool = False) -> None:
    found = side.left(whole=whole)
    assert not found, f"after {after}: {found}"


@pytest.mark.parametrize("way", WAYS)
def test_pin_7_no_code_and_no_key_is_left_behind(start: Callable[[str], CardSideProcess], way: str) -> None:
    side = start(way)
    if way == "keypad":  # a card is made with codes from a keyboard
        side.made_here()
    else:
        side.run("create")
        look_through(side, "create")
    for task in TASKS:
        side.run(task)
        look_through(side, task)
    look_through(side, "all", whole=True)
    assert side.left_in(side.end()) == [], "in the core"
    assert not in_files(side.directory.parent, side.wanted())
    assert {"log.txt", "exception.txt", "trace.jsonl"} <= {path.name for path in side.directory.iterdir()}


@pytest.mark.parametrize(("way", "dialect"), [("prompt", "nist"), ("bytearray", "yubico"), ("keypad", "nist")])
def test_pin_7_no_code_and_no_key_is_left_behind_by_renewal_recovery_and_reset(
    tmp_path: Path, way: str, dialect: str
) -> None:
    side = CardSideProcess(tmp_path, way, dialect=dialect, escrow=way != "keypad").begin()
    tasks = ["renew traced", "log_in", "reset traced"]
    if way == "keypad":  # a card is made, and a PUK replaced, with codes from a keyboard
        side.made_here()
    else:
        side.run("create traced")
        look_through(side, "create")
        tasks[-1:] = ["recover traced", "unblock", "reset traced"]
    side.world.keys.rotate()
    for task in tasks:
        if "recover" in task:
            side.know_puk(disclosed=True)
        side.run(task)
        look_through(side, task)
        if "recover" in task:
            side.know_puk(disclosed=False)
    assert len([name for name in side.wanted() if "administration" in name]) == 2, "before the renewal, and after it"
    assert side.left_in(side.end()) == [], "in the core"
    assert not in_files(side.directory.parent, side.wanted())
    assert side.blank._state.administration.value == side._makers_key, "it was made blank again"


@pytest.mark.parametrize("way", ["prompt", "bytearray", "descriptor"])
def test_pin_7_a_core_dumped_while_a_pin_is_on_its_way_does_not_hold_it(
    start: Callable[[str], CardSideProcess], way: str
) -> None:
    side = start(way)
    side.world.reader.insert(side.world.worker_pass)
    side.codes["pin"] = side.codes["pass-pin"]
    side.serve(lambda kind, data: kind == b"T" and data[1] == 0x20 and len(data) > 5, "log_in")
    assert any("pin as" in told for told in side.left()), "it is there"
    assert side.left_in(side.end()) == []


@pytest.mark.parametrize("moment", [b"SET", b"PUT", b"PUK"])
def test_pin_7_a_core_dumped_while_a_card_is_made_holds_no_code_and_no_key(
    start: Callable[[str], CardSideProcess], moment: bytes
) -> None:
    side = start("descriptor")
    instructions = {b"SET": 0xFF, b"PUT": 0xDB, b"PUK": 0x24}
    side.serve(lambda kind, data: kind == b"T" and data[1] == instructions[moment], "create")
    wanted = dict(side.wanted())
    key = side.world.keys.derive(str(side.blank.serial), "AES192")
    with key, key.expose() as octets:
        wanted["administration key"] = forms_of_octets(bytes(octets))
    assert in_core(side.end(), wanted) == []
