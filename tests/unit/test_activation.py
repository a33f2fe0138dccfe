"""One-time activation: how a new pass is told and activated, and what its holder is told of one that was activated before."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from card_scripts import ScriptedChannel, powered
from terminal import given
from uzi_card import contents
from zorgid_card.adapters import pcsc
from zorgid_card.cards import UZI, Activation, ActivationRule, Card, PIVCard, UZIPass, open_card
from zorgid_card.cli import activate as command
from zorgid_card.cli import app
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    AlreadyActivatedError,
    LastTryError,
    NotActivatedError,
    NotOfferedError,
    WrongPINError,
)
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_layout import EVERY_LAYOUT, LAYOUT_A, Layout

PIN, WRONG_PIN = b"123456", b"111111"
layouts = pytest.mark.parametrize("layout", [EVERY_LAYOUT[name] for name in "ABD"], ids=["A", "B", "D"])


def new_pass(layout: Layout = LAYOUT_A) -> VirtualUZIPass:
    return VirtualUZIPass(contents("Z"), layout=layout, activated=False)


def opened(simulated: VirtualUZIPass) -> UZIPass:
    card = open_card(powered(simulated)[1])
    assert isinstance(card, UZIPass)
    return card


def ask(_: object) -> Secret:
    return Secret.of(PIN)


@layouts
def test_a_new_pass_is_activated_once_with_its_pin(layout: Layout) -> None:
    simulated = new_pass(layout)
    card = opened(simulated)
    assert card.activation is Activation.NEEDED
    card.activate(Secret.of(PIN))
    assert (card.activation, simulated.activated) == (Activation.DONE, True)
    assert card.sign("authenticity", b"x", pin=ask)
    with pytest.raises(AlreadyActivatedError):
        card.activate(Secret.of(PIN))
    assert opened(simulated).activation is Activation.DONE


@layouts
def test_using_a_key_of_a_new_pass_says_that_it_is_to_be_activated(layout: Layout) -> None:
    card = opened(new_pass(layout))
    with pytest.raises(NotActivatedError):
        card.sign("authenticity", b"x", pin=ask)
    with pytest.raises(NotActivatedError):
        card.decipher(bytes(256), ask)


def test_a_wrong_pin_activates_nothing_and_is_told() -> None:
    simulated = new_pass()
    card = opened(simulated)
    for left in (2, 1):
        with pytest.raises(WrongPINError) as wrong:
            card.activate(Secret.of(WRONG_PIN))
        assert wrong.value.tries_left == left
    with pytest.raises(LastTryError):
        card.activate(Secret.of(PIN))
    assert (simulated.activated, simulated.tries_left) == (False, (1, 3))


def test_a_pass_that_was_activated_is_told_before_any_try() -> None:
    simulated = VirtualUZIPass(contents("Z"))
    with pytest.raises(AlreadyActivatedError):
        opened(simulated).activate(Secret.of(WRONG_PIN))
    assert simulated.tries_left == (3, 3)


def test_the_state_is_kept_with_the_card(tmp_path: Path) -> None:
    path = tmp_path / "pass.json"
    new_pass().save(path)
    again = VirtualUZIPass.load(path)
    assert not again.activated
    assert opened(again).activation is Activation.NEEDED


def test_how_a_card_shows_it_is_data() -> None:
    """Another rule: no flag, and VERIFY itself answers 6984 until the pass is activated."""
    reader, _ = powered(VirtualUZIPass(contents("Z")))
    channel = reader.connect()

    def unusable(raw: bytes) -> bytes:
        return bytes.fromhex("6984") if raw[1] == 0x20 else channel.transmit(raw)

    card = UZIPass(Link(ScriptedChannel(unusable)), replace(UZI, activation=ActivationRule(flag=False)))
    assert card.activation is Activation.UNKNOWN
    with pytest.raises(NotActivatedError):
        card.tries()
    with pytest.raises(NotActivatedError):
        card.sign("authenticity", b"x", pin=ask)


def test_the_first_verify_may_be_what_activates() -> None:
    simulated = new_pass()
    card = UZIPass(powered(simulated)[1], replace(UZI, activation=ActivationRule(flag=False, command=b"")))
    card.activate(Secret.of(PIN))
    assert not simulated.activated, "this card is activated by a command, which the rule did not name"


def test_cards_that_need_none_say_so() -> None:
    cards: tuple[Card, ...] = (
        PIVCard(powered(Maker.create().blank())[1]),
        UZIPass(powered(VirtualUZIPass(contents("Z")))[1], replace(UZI, activation=None)),
    )
    for card in cards:
        assert card.activation is Activation.NONE
        with pytest.raises(NotOfferedError):
            card.activate(Secret.of(WRONG_PIN))


# --- on the command line ----------------------------------------------------------------------------------------------


class Typed:
    """A keyboard whose answers are known."""

    def __init__(self, *answers: str | bytes) -> None:
        self.answers = list(answers)

    def line(self, prompt: str, /) -> str:
        answer = self.answers.pop(0)
        assert isinstance(answer, str), prompt
        return answer

    def secret(self, prompt: str, /) -> Secret:
        answer = self.answers.pop(0)
        assert isinstance(answer, bytes), prompt
        return Secret.of(answer)


class Desk:
    """The command line with a pass in the only reader, and a person who types."""

    def __init__(self, simulated: VirtualUZIPass, monkeypatch: pytest.MonkeyPatch) -> None:
        reader = SimulatedReader("Reader 00")
        reader.insert(simulated)
        self._patch = monkeypatch
        monkeypatch.setattr(pcsc, "readers", lambda: [reader])

    def run(self, arguments: str, *answers: str | bytes, lang: str = "en") -> int:
        keyboard = Typed(*answers)
        self._patch.setattr(command, "TerminalKeyboard", lambda: keyboard)
        code = app.run([*arguments.split(), "--lang", lang])
        assert keyboard.answers == []
        return code


def test_the_holder_activates_a_new_pass(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    simulated = new_pass()
    desk = Desk(simulated, monkeypatch)
    assert desk.run("pin status") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Activated not yet, as the pass says" in told
    assert "zorgid-card activate" in told
    assert desk.run("inspect --json") in (0, 6)
    assert json.loads(capsys.readouterr().out)["card"]["activation"] == "needed"
    assert desk.run("activate", PIN) == 0
    assert "is activated and ready for use" in " ".join(capsys.readouterr().out.split())
    assert simulated.activated
    assert desk.run("pin status --json") == 0
    assert json.loads(capsys.readouterr().out)["activation"] == "done"


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "if you did not, do not use it"), ("nl", "hebt u dat niet gedaan, gebruik hem dan niet")]
)
def test_a_pass_activated_before_is_explained_and_no_pin_is_asked(
    lang: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Desk(VirtualUZIPass(contents("Z")), monkeypatch).run("activate", lang=lang) == 4
    assert said in capsys.readouterr().err


def test_a_program_gives_the_pin_of_activation_through_a_descriptor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated = new_pass()
    desk = Desk(simulated, monkeypatch)
    assert desk.run(f"activate --codes-fd {given(WRONG_PIN)}") == 3
    assert desk.run(f"activate --codes-fd {given()}") == 3
    assert not simulated.activated
    assert desk.run(f"activate --codes-fd {given(PIN)}") == 0
    assert simulated.activated


def test_a_wrong_pin_at_activation_is_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    simulated = new_pass()
    assert Desk(simulated, monkeypatch).run("activate", WRONG_PIN) == 3
    assert "tries left: 2" in capsys.readouterr().err
    assert not simulated.activated


def test_inspect_tells_of_a_pass_about_to_expire(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(VirtualUZIPass(contents("Z")), monkeypatch)
    end = datetime(2029, 3, 1, tzinfo=UTC)
    for at, said in (
        (end.replace(month=2, day=20), "expires in 9 days"),
        (end.replace(year=2030), "expired on 2029-03-01"),
    ):
        desk.run(f"inspect --at {at.date()}")
        assert said in " ".join(capsys.readouterr().out.split())
    desk.run("inspect --at 2027-01-01")
    assert "expire" not in capsys.readouterr().out
