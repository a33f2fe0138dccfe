"""The log of APDUs: off and free unless asked for, masked when it is on."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from world import CARD_PIN, PASS_PIN, World
from zorgid_card import open_card
from zorgid_card._native import Carrier
from zorgid_card.codec.trace import observed
from zorgid_card.errors import CardNotSupportedError
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.reader import SimulatedChannel, SimulatedReader

NAME = "zorgid_card.apdu"


class InCore(SimulatedChannel):
    """A channel whose commands the C core carries by itself, as that of PC/SC; no card is connected, and it counts who asked."""

    whole = 0
    carrier = Carrier()

    def failed(self, status: int, code: int) -> NoReturn:
        InCore.whole += 1
        raise CardNotSupportedError("nothing is here", reason="nothing")


@pytest.fixture
def reader() -> SimulatedReader:
    made = SimulatedReader()
    made.insert(Maker.create().blank())
    return made


def test_setting_the_level_is_all_it_takes(reader: SimulatedReader, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, NAME)
    with open_card(reader) as card:
        card.verify_pin(Secret.of(b"123456"))
    lines = [record.getMessage() for record in caplog.records if record.name == NAME]
    assert any(line.startswith("00A40400") for line in lines)
    assert all(" -> " in line for line in lines)
    assert any(line.startswith("0020008008FFFFFFFFFFFFFFFF -> 9000 (") for line in lines)
    assert not [line for line in lines if b"123456".hex() in line]


def test_a_given_observer_sees_the_same(reader: SimulatedReader, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, NAME)
    seen: list[tuple[bytes, bytes, float]] = []
    with open_card(reader, observer=lambda *event: seen.append(event)) as card:
        card.tries()
    assert len(seen) == len([record for record in caplog.records if record.name == NAME])


def test_it_is_off_by_default(reader: SimulatedReader, caplog: pytest.LogCaptureFixture) -> None:
    with open_card(reader) as card:
        card.tries()
    assert not [record for record in caplog.records if record.name == NAME]


@pytest.mark.parametrize(("level", "in_core"), [(logging.INFO, True), (logging.DEBUG, False)])
def test_while_it_is_off_commands_stay_whole_in_the_core(
    reader: SimulatedReader,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    level: int,
    in_core: bool,
) -> None:
    caplog.set_level(level, NAME)
    monkeypatch.setattr(InCore, "whole", 0)
    monkeypatch.setattr("zorgid_card.testkit.reader.SimulatedChannel", InCore)
    with suppress(CardNotSupportedError), open_card(reader):
        pass
    assert (InCore.whole > 0) is in_core
    assert (observed(None) is None) is in_core


def test_pin_7_registration_and_creation_are_logged_without_any_code(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, NAME)
    world = World(tmp_path)
    world.approve()
    world.register()
    world.create(world.worker())
    told = "\n".join(record.getMessage() for record in caplog.records if record.name == NAME)
    assert told.count("\n") > 50
    for secret in (CARD_PIN, PASS_PIN, b"12345678"):
        assert secret.hex().upper() not in told
