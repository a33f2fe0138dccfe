"""``zorgid-card pin change``, ``unblock`` and ``change-puk``: on both kinds of card, one try at most, none unasked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from terminal import given
from zorgid_card.adapters import pcsc
from zorgid_card.cards import CardKind, Tries, open_card
from zorgid_card.cli import app
from zorgid_card.cli.codes import change, status
from zorgid_card.cli.simulate import Options, Simulated, obtain
from zorgid_card.codec.link import Link
from zorgid_card.errors import DeclinedError, WrongPINError
from zorgid_card.secret import Secret
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.replay import ReplayReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.texts import TEXTS

NEW, OTHER = b"271828", b"31415926"


class Typed:
    """A keyboard whose answers are known."""

    def __init__(self, *answers: str | bytes) -> None:
        self.answers = list(answers)

    def _next(self) -> str | bytes:
        if not self.answers:
            raise DeclinedError
        return self.answers.pop(0)

    def line(self, prompt: str, /) -> str:
        answer = self._next()
        assert isinstance(answer, str), prompt
        return answer

    def secret(self, prompt: str, /) -> Secret:
        answer = self._next()
        assert isinstance(answer, bytes), prompt
        return Secret.of(answer)


@pytest.fixture(scope="module")
def made() -> dict[str, Simulated]:
    return {kind: obtain(Options(kind=kind, key_algorithm="ECCP256")) for kind in ("zorgid", "uzi-n", "blank")}


class Desk:
    """A reader with a card whose PIN and PUK are as they were made, and a command line before it."""

    def __init__(self, simulated: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pin, self.puk = simulated.pin, simulated.puk
        self.reader = SimulatedReader("Reader 00")
        self.reader.insert(simulated.card)
        self._patch = monkeypatch
        monkeypatch.setattr(pcsc, "readers", lambda: [self.reader])

    def run(self, command: str, *answers: str | bytes) -> int:
        keyboard = Typed(*answers)
        self._patch.setattr(change, "TerminalKeyboard", lambda: keyboard)
        code = app.run([*command.split(), "--lang", "en"])
        assert keyboard.answers == []
        return code

    def tries(self) -> tuple[int | None, int | None]:
        channel = self.reader.connect()
        try:
            card = open_card(Link(channel))
            return card.tries().left, card.puk_tries().left
        finally:
            channel.close(reset=True)

    def give_back(self, pin: bytes) -> None:
        """The card gets the PIN that it was made with, which is one that the command refuses."""
        channel = self.reader.connect()
        try:
            open_card(Link(channel)).change_pin(Secret.of(pin), Secret.of(self.pin))
        finally:
            channel.close(reset=True)

    def verify(self, pin: bytes) -> None:
        channel = self.reader.connect()
        try:
            open_card(Link(channel)).verify_pin(Secret.of(pin))
        finally:
            channel.close(reset=True)


@pytest.fixture(params=["zorgid", "uzi-n"])
def desk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made: dict[str, Simulated] = request.getfixturevalue("made")
    path = tmp_path / "card.json"
    made[request.param].card.save(path)
    return Desk(obtain(Options(kind=request.param, state=path)), monkeypatch)


def test_pin_2_the_pin_is_changed(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("pin change", desk.pin, NEW, NEW) == 0
    told = capsys.readouterr().out
    assert re.search(r"PIN, tries left +3\n +PUK, tries left +3\n", told)
    assert "The PIN is changed" in told
    desk.verify(NEW)
    with pytest.raises(WrongPINError):
        desk.verify(desk.pin)
    assert not [code for code in (desk.pin, NEW) if code.decode() in told]


def test_pin_3_a_blocked_pin_is_unblocked_with_the_puk(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert desk.run("pin change", OTHER, NEW, NEW) == 3
    assert "tries left: 1" in capsys.readouterr().err
    assert desk.run("pin change --reader Reader", "y", OTHER, NEW, NEW) == 3
    told = capsys.readouterr()
    assert "blocked" in told.err
    assert desk.tries()[0] == 0
    assert desk.run("pin change") == 3, "blocked: nothing is asked"
    assert "set a new PIN with the PUK" in capsys.readouterr().err
    assert desk.run("pin unblock --reader -", desk.puk, NEW, NEW) == 0
    assert "not blocked any more" in capsys.readouterr().out
    desk.verify(NEW)


def test_pin_4_the_puk_is_changed(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        desk.run(
            "pin change-puk --choose",
            desk.puk,
            b"8642097",
            b"8642097",
            b"86420975",
            b"86420976",
            b"86420975",
            b"86420975",
        )
        == 0
    )
    shown = " ".join(capsys.readouterr().out.split())
    assert "This PUK is not allowed; choose 8 digits" in shown
    assert "The two PUKs differ" in shown
    assert "The PUK is changed" in shown
    assert desk.run("pin unblock", desk.puk, NEW, NEW) == 3
    assert "Wrong PUK (tries left: 2)" in capsys.readouterr().err
    assert desk.run("pin unblock", b"86420975", NEW, NEW) == 0


def test_pin_1_the_last_try_is_the_persons_to_spend(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert desk.run("pin change", OTHER, NEW, NEW) == 3
    assert desk.run("pin change", "n") == 3
    assert "no try was spent" in capsys.readouterr().err
    assert desk.tries()[0] == 1
    assert desk.run("pin change", "y", desk.pin, NEW, NEW) == 0
    desk.verify(NEW)
    for _ in range(2):
        assert desk.run("pin change-puk --choose", OTHER, b"86420975", b"86420975") == 3
    assert desk.run("pin change-puk", "n") == 3
    assert desk.tries()[1] == 1


def test_pin_1_the_status_tells_the_tries_and_what_to_do(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    def status(*arguments: str) -> str:
        assert desk.run(" ".join(("pin status", *arguments))) == 0
        return " ".join(capsys.readouterr().out.split())

    told = status()
    assert "PIN, tries left 3 PUK, tries left 3 The PIN can be used." in told
    for code, said in ((OTHER, "2"), (OTHER, "1 (last try) PUK, tries left 3 One try is left")):
        assert desk.run("pin change", code, NEW, NEW) == 3
        capsys.readouterr()
        assert f"PIN, tries left {said}" in status("--reader", "reader")
    assert desk.run("pin change", "y", OTHER, NEW, NEW) == 3
    capsys.readouterr()
    assert "PIN, tries left 0 (blocked)" in status()
    assert "set a new one with the PUK (zorgid-card pin unblock)" in status()
    for answers in ((OTHER,), (OTHER,), ("y", OTHER)):
        assert desk.run("pin change-puk --choose", *answers, b"86420975", b"86420975") == 3
        capsys.readouterr()
        told = status()
    assert "PUK, tries left 0 (blocked) PIN and PUK are blocked: have" in told
    assert ("UZI register" in told) is isinstance(desk.reader.card, VirtualUZIPass)
    assert desk.tries() == (0, 0)


def test_the_status_as_data(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert desk.run("pin change-puk --choose", OTHER, b"86420975", b"86420975") == 3
    capsys.readouterr()
    assert desk.run("pin status --json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told.pop("kind") in ("uzi-pass", "zorgid")
    assert [(advice["code"], advice["message"][:11]) for advice in told.pop("advice")] == [
        ("pin.known", "The PIN can"),
        ("puk.final", "One try is "),
    ]
    assert told.pop("activation") == ("done" if isinstance(desk.reader.card, VirtualUZIPass) else "none")
    assert told.pop("expiry")["state"] == "good"
    assert told == {
        "reader": "Reader 00",
        "pin": {"state": "known", "left": 3},
        "puk": {"state": "final", "left": 1},
        "other_pins": [],
        "ok": True,
        "error": None,
    }
    desk.reader.remove()
    assert desk.run("pin status --json") == 5
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["error"]["code"]) == (False, "reader.no_card")


def test_a_blank_has_a_status_too(
    made: dict[str, Simulated], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Desk(made["blank"], monkeypatch).run("pin status") == 0
    assert "blank ZORG-ID Smartcard in Reader 00" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("pin", "puk", "expected"),
    [
        (Tries.known(3), Tries.known(3), ["status.pin.known"]),
        (Tries.LOW, Tries.LOW, ["status.pin.low", "status.puk.low"]),
        (Tries.UNKNOWN, Tries.UNKNOWN, ["status.pin.unknown"]),
        (Tries.known(0), Tries.known(1), ["status.pin.locked", "status.puk.final"]),
        (Tries.known(1), Tries.known(0), ["status.pin.final", "status.puk.locked"]),
        (Tries.known(0), Tries.known(0), ["status.both.locked"]),
    ],
)
def test_what_to_do_follows_from_what_is_left(pin: Tries, puk: Tries, expected: list[str]) -> None:
    assert status.advices(CardKind.PIV_OTHER, pin, puk) == expected
    assert set(expected) <= TEXTS.keys()


# --- for programs


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    return shown


def test_a_program_gives_codes_through_a_descriptor_and_reads_the_outcome(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.run(f"pin change --json --codes-fd {given(desk.pin, NEW)}") == 0
    changed = told(capsys)
    assert (changed["done"], changed["pin"]["left"], changed["ok"]) == ("code.pin_changed", 3, True)
    desk.verify(NEW)
    assert desk.run(f"pin unblock --json --codes-fd {given(desk.puk, b'86420975')}") == 0
    assert desk.run(f"pin change-puk --codes-fd {given(desk.puk, b'86420975')}") == 0
    capsys.readouterr()
    assert desk.run(f"pin unblock --json --codes-fd {given(desk.puk, NEW)}") == 3
    error = told(capsys)["error"]
    assert (error["code"], error["details"]["tries_left"]) == ("user.wrong_puk", 2)
    assert desk.tries() == (3, 2)


@pytest.mark.parametrize(
    ("codes", "code", "rule"),
    [
        ((), "user.usage", None),
        ((b"27",), "user.pin_form", None),
        ((OTHER,), "user.usage", None),
        ((OTHER, b"123456"), "user.pin_policy", "run"),
        ((OTHER, b"112233"), "user.pin_policy", "common"),
        ((OTHER, b"271"), "user.pin_policy", "length"),
        ((b"2" * 300,), "user.pin_form", None),
    ],
)
def test_what_a_program_gives_wrongly_is_not_asked_again_and_costs_no_try(
    desk: Desk, codes: tuple[bytes, ...], code: str, rule: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.run(f"pin change --json --codes-fd {given(*codes)}") == 3
    error = told(capsys)["error"]
    assert (error["code"], error["details"].get("rule")) == (code, rule)
    assert desk.tries() == (3, 3)


def test_pin_1_a_program_says_explicitly_that_the_last_try_may_be_spent(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert desk.run(f"pin change --codes-fd {given(OTHER, NEW)}") == 3
    capsys.readouterr()
    assert desk.run(f"pin change --json --codes-fd {given(desk.pin, NEW)}") == 3
    assert told(capsys)["error"]["code"] == "user.last_try", "there is nobody to ask"
    assert desk.tries()[0] == 1
    assert desk.run(f"pin change --last-try --codes-fd {given(desk.pin, NEW)}") == 0
    assert desk.tries()[0] == 3


def test_pin_5_a_dead_puk_leads_to_what_is_to_be_done(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        assert desk.run(f"pin unblock --last-try --codes-fd {given(OTHER, NEW)}") == 3
    capsys.readouterr()
    assert desk.run(f"pin unblock --last-try --codes-fd {given(desk.puk, NEW)}") == 3
    advice = capsys.readouterr().err
    assert ("UZI register" if isinstance(desk.reader.card, VirtualUZIPass) else "administrator revoke it") in advice


# --- with --trace


@pytest.mark.parametrize("command", ["pin status", "pin change", "inspect"])
def test_pin_7_a_trace_is_written_and_replays(
    desk: Desk,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "trace.jsonl"
    answers = (desk.pin, NEW, NEW) if command == "pin change" else ()
    code = desk.run(f"{command} --trace {path}", *answers)
    told = capsys.readouterr()
    text = path.read_text()
    assert text.count("command") >= 4
    assert not [secret for secret in (desk.pin, NEW, desk.puk) if secret.hex() in text]
    replayed = ReplayReader.open(path, "Reader 00")
    monkeypatch.setattr(pcsc, "readers", lambda: [replayed])
    assert desk.run(command, *answers) == code
    assert capsys.readouterr() == told
    replayed.require_finished()


def test_a_trace_that_cannot_be_opened_stops_before_the_card_is_touched(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("pin change", "pin status", "inspect"):
        assert desk.run(f"{command} --trace {tmp_path}/missing/trace.jsonl") == 8
        told = capsys.readouterr()
        assert "There is no such file" in told.err
        assert not told.out
    assert desk.tries() == (3, 3)


def test_a_trace_that_cannot_be_finished_loses_no_outcome(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("pin change --trace /dev/full", desk.pin, NEW, NEW) == 8
    told = capsys.readouterr()
    assert "The PIN is changed." in told.out
    assert "The trace is incomplete" in told.err
    assert "what was done with the card counts" in told.err
    desk.verify(NEW)
    assert desk.run("pin change --trace /dev/full", OTHER, NEW, NEW) == 3, "the card's own error comes first"
    errors = capsys.readouterr().err.splitlines()
    assert ["incomplete" in line for line in errors] == [True, False]
    assert "Wrong PIN (tries left: 2)" in errors[1]


def test_a_name_and_a_reader_are_too_much(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("inspect Reader --reader Reader") == 3
    assert "leave one of them out" in capsys.readouterr().err


def test_what_is_refused_beforehand_costs_no_try(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    refused = (NEW, OTHER, b"123456", b"123456", b"1234", b"1234", b"abcdef", b"abcdef")
    assert desk.run("pin change", b"1234", b"", OTHER, *refused) == 3, "Ctrl-D after that"
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.count("no try was spent") == 2
    assert "The two PINs differ" in shown
    assert "too easy to guess" in shown
    assert "choose a PIN of 6 to 8 digits" in shown
    assert desk.tries() == (3, 3)


def test_a_blank_is_left_alone(
    made: dict[str, Simulated], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(made["blank"], monkeypatch)
    assert desk.run("pin change") == 4
    assert "neither a UZI pass nor a ZORG-ID Smartcard but a blank ZORG-ID Smartcard" in capsys.readouterr().err


def test_readers_that_are_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(pcsc, "readers", lambda: [SimulatedReader("Reader 00")])
    assert app.run(["pin", "change", "--reader", "Other", "--lang", "nl"]) == 5
    assert "met de naam Other" in capsys.readouterr().err
    assert app.run(["pin", "change-puk", "--lang", "nl"]) == 5
    assert "Er zit geen kaart in de paslezer" in capsys.readouterr().err
    assert app.run(["pin", "unblock", "--reader", "", "--lang", "nl"]) == 5
    assert "geen naam" in capsys.readouterr().err


def test_without_a_terminal_nothing_is_asked() -> None:
    program = (
        "import sys; from zorgid_card.cli.console import TerminalKeyboard\n"
        "from zorgid_card.errors import UsageError\n"
        "try: TerminalKeyboard().secret('? ')\n"
        "except UsageError as error: sys.exit(error.reason == 'terminal' and 7)"
    )
    done = subprocess.run([sys.executable, "-c", program], start_new_session=True, timeout=60, check=False)
    assert done.returncode == 7


@pytest.mark.parametrize("command", ["change", "unblock"])
@pytest.mark.parametrize("kind", ["zorgid", "uzi-n"])
def test_pin_2_pin_3_the_birth_date_is_no_new_pin_where_it_is_told(
    made: dict[str, Simulated],
    kind: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk = Desk(made[kind], monkeypatch)
    present = desk.pin if command == "change" else desk.puk
    born, good = b"070685", NEW
    assert desk.run(f"pin {command} --birth-date 7-6-1985", present, born, born, good, good) == 0
    assert "birth date" in " ".join(capsys.readouterr().out.split())
    desk.verify(good)
    desk.give_back(good)


@pytest.mark.parametrize("text", ["31-2-1985", "tomorrow", "1-1-2999"])
def test_a_birth_date_that_is_none_is_refused_before_any_card_is_looked_for(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["pin", "change", "--birth-date", text]) == 2
    assert "--birth-date" in capsys.readouterr().err
