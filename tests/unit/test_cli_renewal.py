"""``zorgid-card renew``, ``reset`` and ``create --replace`` on a simulated reader, with the portal in the process."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from renewal_world import CardHolder, card_of, holder_of, made, works, world_with
from world import World
from zorgid_card.cli.app import run
from zorgid_card.cli.create import command, later
from zorgid_card.testkit.piv import VirtualPIVCard

At = Callable[..., int]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_with(tmp_path)


@pytest.fixture
def at(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> At:
    """Run a command where this person sits."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    for module in (later, command):
        monkeypatch.setattr(module, "seam_of", lambda options: world.portal)
    monkeypatch.setattr(later, "readers_of", lambda options: [world.reader])

    def run_at(holder: CardHolder, *arguments: str) -> int:
        monkeypatch.setattr(later, "TerminalHolder", lambda *given: holder)
        monkeypatch.setattr(command, "_desks", lambda *given: [command._Desk(world.reader, holder, holder.cue)])
        options = ("--portal", "https://portal.example", "--journal", str(tmp_path / "journal.db"), "--lang", "en")
        return run([*arguments, *options])

    return run_at


def test_crd_7_renew_says_that_the_codes_stay_and_as_data_which_card(
    world: World, at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    before, card = made(world, "nist")
    assert at(holder_of(world, card), "renew") == 0
    assert f"card {before.serial} is renewed" in capsys.readouterr().out
    world.reader.remove()
    assert at(holder_of(world, card), "renew", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["serial"], told["ok"], told["made_anew"]) == (before.serial, True, False)
    works(world, card, world.card().certificate() or b"")


def test_crd_5_renew_of_what_is_no_card_in_use_is_refused_and_told_as_data(
    world: World, at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    blank: VirtualPIVCard = world.maker.blank()
    assert at(holder_of(world, blank), "renew", "--json") != 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["error"]["code"]) == (False, "card.wrong_card")


def test_crd_8_reset_makes_a_card_blank(world: World, at: At, capsys: pytest.CaptureFixture[str]) -> None:
    before, card = made(world, "yubico")
    assert at(holder_of(world, card), "reset") == 0
    assert f"card {before.serial} is blank" in capsys.readouterr().out
    world.card().require_blank()
    assert card_of(world, before.serial).state == "revoked"


def test_crd_8_create_replaces_a_lost_card(world: World, at: At, capsys: pytest.CaptureFixture[str]) -> None:
    before, _ = made(world, "yubico")
    blank = world.maker.blank()
    assert at(holder_of(world, blank), "create", "--replace", "lost") == 0, capsys.readouterr()
    assert card_of(world, before.serial).state == "revoked"
    assert card_of(world, str(blank._state.number)).state == "active"


def test_crd_8_which_card_is_replaced_is_asked_with_why(
    world: World, at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    assert at(holder_of(world, world.maker.blank()), "create", "--replaced-card", "1") != 0
    assert "--replace" in capsys.readouterr().err
