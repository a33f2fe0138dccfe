"""Who sits at the demonstration's desk, and the screen that they read."""

from __future__ import annotations

import io
import re

from rich.console import Console

from zorgid_card.cli.demo.holder import InteractiveHolder
from zorgid_card.cli.demo.stage import Stage
from zorgid_card.cli.display import Display
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi import DEFAULT_PIN
from zorgid_card.texts import TEXTS, Language, Texts


def screen(language: Language = Language.NL) -> tuple[Display, io.StringIO]:
    out = io.StringIO()
    return Display(Console(file=out, width=80), Texts(language)), out


class Person:
    """Answers by what is asked for; gets some of it wrong the first time."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._wrong = {"ask.birth_date": "30-02-1970", "demo.ask.new_digits": b"12345", "ask.new_pin": b"123456"}
        self.stage: Stage | None = None

    def _key(self, prompt: str) -> str:
        keys = (
            "ask.birth_date",
            "demo.ask.number",
            "demo.ask.digits",
            "demo.ask.new_digits",
            "ask.new_pin",
            "ask.new_pin.again",
            "ask.pin",
        )
        starts = {key: getattr(TEXTS[key], self._texts.language.value).split("{")[0].strip() for key in keys}
        return next((key for key, start in starts.items() if prompt.strip().startswith(start)), "confirm")

    def line(self, prompt: str, /) -> str:
        key = self._key(prompt)
        if key in self._wrong:
            return str(self._wrong.pop(key))
        if key == "ask.birth_date":
            shown = self.shown()
            return re.findall(r"born on (\d\d-\d\d-\d{4})", shown)[-1]
        if key == "demo.ask.number":
            return re.findall(r"shows the number (\d\d)", self.shown())[-1]
        return "y" if "[y/n]" in prompt else ""

    def secret(self, prompt: str, /) -> Secret:
        key = self._key(prompt)
        if key in self._wrong:
            return Secret.of(bytes(self._wrong.pop(key)))  # type: ignore[arg-type]
        if key in ("demo.ask.digits", "demo.ask.new_digits"):
            return Secret.of(b"271828")
        if key == "ask.pin" and "that you have just chosen" not in self.shown()[-400:]:
            return Secret.of(DEFAULT_PIN)
        return Secret.of(b"86420975")

    def shown(self) -> str:
        return self.out.getvalue()

    out: io.StringIO


class Scripted(Person):
    """Answers some prompts by a list first; what is left is answered as ever."""

    def __init__(self, texts: Texts, lines: dict[str, list[str]], pins: list[bytes] | None = None) -> None:
        super().__init__(texts)
        self._wrong = {}
        self._lines, self._pins = lines, pins or []

    def line(self, prompt: str, /) -> str:
        for part, answers in self._lines.items():
            if part in prompt and answers:
                return answers.pop(0)
        return super().line(prompt)

    def secret(self, prompt: str, /) -> Secret:
        new = "that you have just chosen" in self.shown()[-400:]
        if self._key(prompt) == "ask.pin" and self._pins and new is self.on_new_card:
            return Secret.of(self._pins.pop(0))
        return super().secret(prompt)

    on_new_card = False


def sat_down(
    lines: dict[str, list[str]] | None = None, pins: list[bytes] | None = None
) -> tuple[InteractiveHolder, Scripted, io.StringIO]:
    display, out = screen(Language.EN)
    person = Scripted(display.texts, lines or {}, pins)
    person.out = out
    desk = InteractiveHolder(display, person)
    desk.show_puk = lambda puk: None  # type: ignore[method-assign]  # wants a real terminal; has its own test
    return desk, person, out
