"""The person at the terminal: asked until the answer can be used, shown the PUK on a terminal only."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import threading
from collections.abc import Callable
from datetime import date

import pytest
from rich.console import Console

from zorgid_card.cards.access import LastTry, PINRequest, Tries
from zorgid_card.cli.console import TerminalHolder, TerminalKeyboard
from zorgid_card.cli.display import Display, console
from zorgid_card.errors import DeclinedError, PINPolicyError, UsageError, WrongPINError
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.texts import Language, Texts
from zorgid_card.workflows.holder import Cue, Progress, Question, Step
from zorgid_card.workflows.pin import PINPolicy


class Typed:
    """A keyboard whose answers are known; remembers what was asked."""

    def __init__(self, *answers: str | bytes) -> None:
        self.answers = list(answers)
        self.prompts: list[str] = []

    def line(self, prompt: str, /) -> str:
        self.prompts.append(prompt)
        if not self.answers:
            raise DeclinedError
        answer = self.answers.pop(0)
        assert isinstance(answer, str)
        return answer

    def secret(self, prompt: str, /) -> Secret:
        self.prompts.append(prompt)
        answer = self.answers.pop(0)
        assert isinstance(answer, bytes)
        return Secret.of(answer)


def at_the_desk(*answers: str | bytes, language: Language = Language.NL) -> tuple[TerminalHolder, Typed, io.StringIO]:
    out, keyboard = io.StringIO(), Typed(*answers)
    return TerminalHolder(Display(Console(file=out, width=80), Texts(language)), keyboard), keyboard, out


def request(tries: Tries, what: Credential = Credential.PIN, *, digits: bool = True) -> PINRequest:
    return PINRequest(what=what, tries=tries, reference=0x80, minimum=6, maximum=8, digits=digits, retrying=False)


def content(secret: Secret | LastTry) -> bytes:
    assert isinstance(secret, Secret)
    with secret.expose() as octets:
        return bytes(octets)


def test_a_pin_is_asked_with_its_tries() -> None:
    holder, keyboard, out = at_the_desk(b"271828")
    assert content(holder.pin(request(Tries.known(2)))) == b"271828"
    assert "Pogingen over: 2" in out.getvalue()
    assert "Pincode" in keyboard.prompts[0]
    assert "271828" not in out.getvalue() + "".join(keyboard.prompts)


@pytest.mark.parametrize("tries", [Tries.known(1), Tries.UNKNOWN], ids=["final", "unknown"])
def test_pin_1_a_last_or_unknown_try_needs_the_persons_word(tries: Tries) -> None:
    holder, keyboard, _ = at_the_desk("n", b"271828")
    with pytest.raises(DeclinedError) as caught:
        holder.pin(request(tries))
    assert caught.value.reason == "last-try"
    assert keyboard.answers == [b"271828"], "the PIN was not even asked"
    holder, _, _ = at_the_desk("j", b"271828")
    given = holder.pin(request(tries))
    assert isinstance(given, LastTry), "the person's word goes with the PIN to the card"
    assert content(given.secret) == b"271828"


WRONG_FORMS = [b"", b"1", b"1234", b"abcdef", b"123456789", b"1" * 200]


@pytest.mark.parametrize("wrong", WRONG_FORMS, ids=len)
@pytest.mark.parametrize(
    ("language", "sentence"),
    [(Language.NL, "6 tot 8 cijfers; er is geen poging gebruikt"), (Language.EN, "6 to 8 digits; no try was spent")],
)
def test_what_cannot_be_a_pin_is_told_and_asked_again(wrong: bytes, language: Language, sentence: str) -> None:
    holder, keyboard, out = at_the_desk(wrong, b"271828", language=language)
    assert content(holder.pin(request(Tries.known(2)))) == b"271828"
    assert sentence in " ".join(out.getvalue().split())
    assert len(keyboard.prompts) == 2
    holder, _, out = at_the_desk(wrong, b"87654321", language=language)
    holder.pin(request(Tries.known(2), Credential.PUK))
    assert "PUK" in out.getvalue().upper()


def test_a_pin_of_characters_is_taken_where_the_card_takes_it() -> None:
    holder, _, out = at_the_desk(b"abc", b"abcdef")
    assert content(holder.pin(request(Tries.known(2), digits=False))) == b"abcdef"
    assert "6 tot 8 tekens; er is geen poging gebruikt" in " ".join(out.getvalue().split())


def test_more_than_fits_is_no_pin_either() -> None:
    holder, keyboard, out = at_the_desk(b"271828")
    answers = iter([PINPolicyError(rule="length")])

    def secret(prompt: str, /) -> Secret:
        for error in answers:
            raise error
        return Secret.of(b"271828")

    keyboard.secret = secret  # type: ignore[method-assign]
    assert content(holder.pin(request(Tries.known(2)))) == b"271828"
    assert "geen poging gebruikt" in out.getvalue()


def test_a_chosen_pin_has_a_sentence_of_its_own() -> None:
    holder, _, out = at_the_desk()
    holder.refused(PINPolicyError(rule="length", minimum=6, maximum=8))
    assert "kies een pincode van 6 tot 8 cijfers" in " ".join(out.getvalue().split())


def test_a_birth_date_is_asked_until_it_is_one() -> None:
    holder, _, out = at_the_desk("31-31-1980", "", "morgen", "31-12-1980")
    assert holder.birth_date() == date(1980, 12, 31)
    assert out.getvalue().count("geen geboortedatum") == 3


@pytest.mark.parametrize(("language", "yes", "no"), [(Language.NL, "j", "n"), (Language.EN, "y", "N")])
def test_a_question_shows_its_facts_and_wants_yes_or_no(language: Language, yes: str, no: str) -> None:
    question = Question("organisation-data", (("organisation", "De Linde"), ("ura", "90000123")))
    holder, _, out = at_the_desk("", "misschien", yes, language=language)
    holder.confirm(question)
    assert "De Linde" in out.getvalue()
    assert "90000123" in out.getvalue()
    holder, _, _ = at_the_desk(no, language=language)
    with pytest.raises(DeclinedError) as caught:
        holder.confirm(question)
    assert caught.value.reason == "organisation-data"


def test_what_a_pass_says_cannot_steer_the_terminal() -> None:
    holder, _, out = at_the_desk("j")
    holder.confirm(Question("pass-data", (("name", "\x1b]0;evil\x07[red]Jan[/red]"),)))
    assert "\x1b" not in out.getvalue()
    assert "[red]Jan[/red]" in out.getvalue()


def test_crd_6_a_new_pin_is_asked_twice() -> None:
    holder, keyboard, _ = at_the_desk(b"314159", b"314158")
    assert [content(pin) for pin in holder.new_pin(PINPolicy())] == [b"314159", b"314158"]
    assert "6 tot 8" in keyboard.prompts[0]


def test_refusals_cues_and_progress_are_shown() -> None:
    holder, _, out = at_the_desk()
    holder.refused(WrongPINError(tries_left=2))
    holder.cue(Cue.INSERT_BLANK)
    holder.progress(Progress(step=Step.GENERATE, share=0.25, seconds_left=None))
    shown = " ".join(out.getvalue().split())
    assert "pogingen over: 2" in shown
    assert "Haal hem er niet uit tot het proces is afgerond" in shown
    assert "25% Sleutel maken op de kaart" in shown


def test_crd_9_without_a_terminal_the_puk_is_not_shown_at_all() -> None:
    holder, _, out = at_the_desk("bewaard")
    with pytest.raises(UsageError):
        holder.show_puk(Secret.of(b"86420975"))
    assert "8642" not in out.getvalue()


def on_a_terminal(action: Callable[[Display], None]) -> str:
    """What a terminal gets to see while ``action`` runs."""
    leader, follower = pty.openpty()
    seen: list[bytes] = []
    camera = threading.Thread(target=_watch, args=(leader, seen))
    camera.start()
    with os.fdopen(follower, "w") as file:
        screen = Console(file=file, force_terminal=True, width=80, highlight=False, color_system=None)
        action(Display(screen, Texts(Language.NL)))
    camera.join(10)
    os.close(leader)
    return b"".join(seen).decode()


def _watch(leader: int, seen: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # the other end was closed
        while octets := os.read(leader, 65536):
            seen.append(octets)


class Copyist(Typed):
    """Types back what is asked of the PUK that it wrote down."""

    def __init__(self, puk: str, *answers: str | bytes) -> None:
        super().__init__(*answers)
        self._puk = puk

    def secret(self, prompt: str, /) -> Secret:
        if self.answers:
            return super().secret(prompt)
        self.prompts.append(prompt)
        return Secret.of("".join(self._puk[int(at) - 1] for at in re.findall(r"\d", prompt)).encode())


def test_crd_9_the_puk_is_kept_when_part_of_it_is_typed_back_and_is_off_the_screen_by_then() -> None:
    keyboard = Copyist("86420975", "s", "", b"8642", "")
    seen = on_a_terminal(lambda display: TerminalHolder(display, keyboard).show_puk(Secret.of(b"86420975")))
    assert not keyboard.answers
    assert "niet de gevraagde cijfers" in seen
    screens = re.findall("\x1b\\[[?]1049h(.*?)\x1b\\[[?]1049l(.*?)(?=\x1b\\[[?]1049h|$)", seen, re.DOTALL)
    assert len(screens) == 2, "shown again after what was typed wrongly"
    for shown, after in screens:
        assert shown.index("8642") < shown.index("0975"), "on the alternate screen, which leaves no trace"
        assert "8642" not in after
    assert "acht zes vier twee" in screens[0][0]
    assert "nul negen zeven vijf" in screens[0][0]


def test_pin_7_into_a_log_the_puk_does_not_go() -> None:
    out = io.StringIO()
    Display(Console(file=out, width=80), Texts(Language.NL)).puk(Secret.of(b"86420975"))
    assert "8642" not in out.getvalue()
    assert "••••••••" in out.getvalue()


def test_progress_on_a_terminal_is_a_bar_that_goes_away() -> None:
    def work(display: Display) -> None:
        display.progress("Sleutel maken", 0.0, 12.2)
        display.progress("Kaart activeren", 0.5, 1.2)
        display.pause()

    seen = on_a_terminal(work)
    assert "Sleutel maken (nog 13 s)" in seen
    assert "Kaart activeren (nog 2 s)" in seen


def test_progress_goes_on_where_it_was_after_something_else_was_shown() -> None:
    def work(display: Display) -> None:
        for done in range(3, 6):
            display.progress(f"Stap {done}", done / 10)
            display.pause()

    seen = on_a_terminal(work)
    assert "30%" in seen
    assert " 0%" not in seen


def test_questions_need_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("j\n"))
    with pytest.raises(UsageError, match="terminal"):
        TerminalKeyboard().line("? ")


def test_a_console_is_at_most_80_columns_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert console().width == 80
    monkeypatch.setenv("COLUMNS", "60")
    assert console().width == 60
