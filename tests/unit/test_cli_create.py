"""``zorgid-card create`` against ``zorgid-card demo-portal``, two processes and TLS between them (CRD-4 to CRD-10)."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import load_der_x509_certificate

from demo_portal import PROGRAM, demo_portal
from terminal import Terminal
from zorgid_card.adapters.journal import SQLiteJournal
from zorgid_card.adapters.seam import HTTPSSeam
from zorgid_card.cli.app import run
from zorgid_card.cli.create.trial import SimulatedPlace
from zorgid_card.cli.demo.holder import KeepingHolder, unseen
from zorgid_card.errors import DeclinedError, TransportError
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.uzi import DEFAULT_PIN
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.session import PortalClient

NEW_PIN = b"271828"


@dataclass
class Tried:
    """The portal that anybody may start, and the cards beside it."""

    origin: str
    directory: Path
    number: int = 0

    @property
    def next(self) -> str:
        """A reader whose card is blank."""
        self.number += 1
        return f"{self.number:02d}"

    def options(self, *more: str, journal: str = "journal.db") -> list[str]:
        places = ["--portal", self.origin, "--ca", str(self.directory / "tls.pem")]
        cards = ["--simulated", str(self.directory / "cards"), "--journal", str(self.directory / journal)]
        return ["create", *places, *cards, "--lang", "en", *more]

    def later(self, command: str, *more: str) -> list[str]:
        """What comes after a card was made."""
        return [command, *self.options(*more)[1:]]

    def card(self, place: str) -> VirtualPIVCard:
        return VirtualPIVCard.load(self.directory / "cards" / place / "card.json")


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    with demo_portal(tmp_path_factory.mktemp("portal") / "kept", 12) as portal:
        assert portal.origin in portal.told
        assert "zorgid-card create --portal" in portal.told
        yield Tried(portal.origin, portal.directory)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_crd_10_a_card_is_made_and_each_step_told_as_json(tried: Tried, capfd: pytest.CaptureFixture[str]) -> None:
    place = tried.next
    assert run(tried.options("--reader", place, "--json")) == 0
    out, err = capfd.readouterr()
    told = lines(out)
    assert [one["cue"] for one in told if one["event"] == "cue"] == ["insert-pass", "remove-pass", "insert-blank"]
    steps = list(dict.fromkeys(one["step"] for one in told if one["event"] == "progress"))
    assert steps == ["generate", "certify", "write", "pin", "verify", "puk", "activate"]
    (made,) = (one for one in told if one["event"] == "made")
    assert told[-1] == {"event": "end", "made": 1, "failed": 0, "ok": True}
    assert made["reader"] == f"Simulated Reader {place}"
    certificate = load_der_x509_certificate(base64.b64decode(made["certificates"][0]))
    assert "Fatima" in certificate.subject.rfc4514_string()
    assert str(tried.card(place).serial) == made["serial"]
    assert "Fatima Zohra el Amrani" in err


def test_crd_5_a_card_that_is_in_use_is_refused_with_its_exit_code(
    tried: Tried, capfd: pytest.CaptureFixture[str]
) -> None:
    before = (tried.directory / "cards/01/card.json").read_bytes()
    assert run(tried.options("--reader", "01", "--json")) == 4
    told = lines(capfd.readouterr().out)
    (failed,) = (one for one in told if one["event"] == "failed")
    assert failed["error"]["code"] in ("card.not_blank", "portal.card_in_use")
    assert told[-1]["ok"] is False
    assert json.loads((tried.directory / "cards/01/card.json").read_bytes()) == json.loads(before)


def test_crd_10_several_readers_have_a_line_each_and_the_total_is_told(
    tried: Tried, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = tried.next, tried.next
    assert run(tried.options("--reader", first, "--reader", second)) == 0
    out = capfd.readouterr().out
    for place in (first, second):
        assert re.search(rf"Reader {place}: +\d+% Generating the key", out)
        assert re.search(rf"Reader {place}: 100% Done: \d+ is active", out)
    assert "2 made, 0 failed." in out


def test_a_portal_that_is_not_there_is_told_with_what_to_do(
    tried: Tried, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zorgid_card.adapters.seam.FIRST_PAUSE", 60)
    options = tried.options("--reader", "12", "--json")
    options[options.index(tried.origin)] = "https://localhost:9"
    assert run(options) == 7
    out, err = capfd.readouterr()
    (failed,) = (one for one in lines(out) if one["event"] == "failed")
    assert failed["error"]["code"] == "portal.unreachable"
    assert "check the address and the connection" in err


@pytest.mark.parametrize(
    ("options", "code"),
    [(["--portal", "http://localhost"], 3), (["--path", "x"], 3), (["--all-readers", "--reader", "01"], 3)],
)
def test_what_cannot_be_meant_is_told_as_json_too(
    tried: Tried, options: list[str], code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(tried.options(*options, "--json")) == code
    (told,) = lines(capfd.readouterr().out)
    assert (told["event"], told["ok"]) == ("end", False)


def test_a_directory_without_cards_names_the_command_that_lays_them(
    tried: Tried, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = tried.options()
    options[options.index("--simulated") + 1] = str(tmp_path)
    assert run(options) == 8
    assert "demo-portal" in capfd.readouterr().err


def test_crd_8_simulated_cards_are_renewed_and_made_blank_by_whoever_tries_it(
    tried: Tried, capfd: pytest.CaptureFixture[str]
) -> None:
    place = tried.next
    assert run(tried.options("--reader", place)) == 0
    before = tried.card(place)
    capfd.readouterr()
    assert run(tried.later("renew", "--reader", place, "--json")) == 0
    told = json.loads(capfd.readouterr().out)
    renewed = tried.card(place)
    assert (told["ok"], told["made_anew"], told["serial"]) == (True, False, str(before.serial))
    assert base64.b64decode(told["certificates"][0]) in renewed._state.objects[0x5FC105]
    assert renewed.pin == before.pin
    assert run(tried.later("reset", "--reader", place)) == 0
    capfd.readouterr()
    assert tried.card(place).pin == b"123456"
    assert run(tried.later("renew", "--reader", place, "--json")) != 0
    told = json.loads(capfd.readouterr().out)
    assert (told["ok"], told["error"]["code"]) == (False, "card.wrong_card")


# --- at a terminal ----------------------------------------------------------------------------------------------------


def hidden(terminal: Terminal, prompt: str, secret: bytes) -> None:
    terminal.expect(prompt)
    assert not terminal.echoes
    terminal.answer(secret)


def up_to_the_puk(terminal: Terminal) -> bytes:
    """A person makes a card, until the PUK is on the screen; returns it."""
    terminal.expect(r"access to your UZI pass\? \[y/n\] ")
    terminal.answer(b"y")
    hidden(terminal, "PIN of the card in the reader: ", DEFAULT_PIN)
    terminal.expect(r"data of your pass right\? \[y/n\] ")
    terminal.answer(b"y")
    born = terminal.expect(r"was born on (\d\d-\d\d-\d{4})")[1]
    terminal.expect(r"Birth date \(dd-mm-yyyy\): ")
    terminal.answer(born)
    hidden(terminal, r"New PIN \(6 to \d+ digits\): ", NEW_PIN)
    hidden(terminal, "The same PIN once more: ", NEW_PIN)
    terminal.expect("PUK, shown once")
    shown = terminal.expect(r"(\d{4}) (\d{4})")
    terminal.expect(r"press Enter")
    return shown[1] + shown[2]


def type_back(terminal: Terminal, puk: bytes, *, wrong: bool = False) -> None:
    terminal.answer(b"")
    asked = terminal.expect(r"Digits (\d), (\d) and (\d) of what you wrote down: ")
    part = bytes(puk[int(asked[number]) - 1] for number in (1, 2, 3))
    terminal.answer(bytes(57 - digit + 48 for digit in part) if wrong else part)


def test_crd_9_a_person_makes_a_card_at_the_terminal_and_types_part_of_the_puk_back(tried: Tried) -> None:
    place = tried.next
    terminal = Terminal([*PROGRAM, *tried.options("--reader", place, "--interactive")])
    puk = up_to_the_puk(terminal)
    type_back(terminal, puk, wrong=True)
    shown = terminal.expect(r"(\d{4}) (\d{4})")
    assert shown[1] + shown[2] == puk
    terminal.expect(r"press Enter")
    type_back(terminal, puk)
    terminal.expect("is active")
    assert terminal.end() == 0
    assert NEW_PIN not in terminal.shown
    kept = json.loads((tried.directory / "cards" / place / "card.json").read_bytes())
    assert bytes.fromhex(kept["puk"]["value"]) == puk
    assert puk not in (tried.directory / "journal.db").read_bytes()


def test_crd_7_a_person_renews_a_simulated_card_with_its_own_pin(tried: Tried) -> None:
    place = tried.next
    assert run(tried.options("--reader", place)) == 0
    terminal = Terminal([*PROGRAM, *tried.later("renew", "--reader", place, "--interactive")])
    terminal.expect("Press Enter")
    terminal.answer(b"")
    terminal.expect(r"access to your UZI pass\? \[y/n\] ")
    terminal.answer(b"y")
    hidden(terminal, "PIN of the card in the reader: ", DEFAULT_PIN)
    terminal.expect(r"data of your pass right\? \[y/n\] ")
    terminal.answer(b"y")
    born = terminal.expect(r"was born on (\d\d-\d\d-\d{4})")[1]
    terminal.expect(r"Birth date \(dd-mm-yyyy\): ")
    terminal.answer(born)
    for _ in range(2):
        terminal.expect("Press Enter")
        terminal.answer(b"")
    told = terminal.expect(r"The simulated card has PIN (\d{6})")[1]
    assert told == tried.card(place).pin
    hidden(terminal, "PIN of the card in the reader: ", told)
    terminal.expect("is renewed")
    assert terminal.end() == 0


def test_crd_8_ctrl_c_gives_the_card_up_and_the_next_time_it_is_made_anew(tried: Tried) -> None:
    place = tried.next
    terminal = Terminal([*PROGRAM, *tried.options("--reader", place, "--interactive")])
    up_to_the_puk(terminal)
    time.sleep(0.5)  # the prompt is shown a moment before it is read; nobody is quicker
    assert terminal.interrupt() == 130
    again = Terminal([*PROGRAM, *tried.options("--reader", place)])
    again.expect(r"May it be emptied\?")
    again.expect("is active")
    assert again.end() == 0


def test_crd_8_a_process_that_was_killed_leaves_a_card_that_is_made_anew(tried: Tried) -> None:
    place = tried.next
    terminal = Terminal([*PROGRAM, *tried.options("--reader", place, "--interactive", journal="killed.db")])
    up_to_the_puk(terminal)
    os.kill(terminal._pid, signal.SIGKILL)
    terminal.end()
    with SQLiteJournal(tried.directory / "killed.db") as journal:
        (making,) = journal.unfinished()
    assert (making.step, making.done, making.commit != b"") == ("puk", False, True)
    again = Terminal([*PROGRAM, *tried.options("--reader", place, journal="killed.db")])
    again.expect("nearly finished")
    again.expect("is active")
    assert again.end() == 0


class Unheard:
    """The portal, but for the commit."""

    def __init__(self, seam: HTTPSSeam) -> None:
        self._seam = seam
        self.origin = seam.origin

    def ask(self, request: bytes) -> bytes:
        if b'"commit-card"' in request:
            raise TransportError("lost", reason="broken")
        return self._seam.ask(request)


def test_crd_8_a_card_of_which_only_the_commit_is_missing_is_finished_first(
    tried: Tried, capfd: pytest.CaptureFixture[str]
) -> None:
    place, other = tried.next, tried.next
    cards = SimulatedPlace.load(tried.directory / "cards" / place)
    holder = KeepingHolder(unseen())
    holder.sit(cards.uzi_pass.contents.holder, DEFAULT_PIN)  # type: ignore[arg-type]
    holder.cue = cards.move  # type: ignore[method-assign]
    with SQLiteJournal(tried.directory / "unheard.db") as journal:
        seam = Unheard(HTTPSSeam(tried.origin, ca=tried.directory / "tls.pem"))
        creation = CardCreation(cards.reader, PortalClient(seam), holder, journal)
        with pytest.raises(DeclinedError):
            creation.run(platform="Linux", client_version="0.1")
    cards.keep()
    assert run(tried.options("--reader", other, "--json", journal="unheard.db")) == 0
    told = lines(capfd.readouterr().out)
    made = [one["serial"] for one in told if one["event"] == "made"]
    assert made == [str(tried.card(place).serial), str(tried.card(other).serial)]
    with SQLiteJournal(tried.directory / "unheard.db") as journal:
        assert journal.unfinished() == ()
