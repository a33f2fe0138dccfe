"""Every sentence for people: both languages, every error, nothing left unsaid, nothing hostile let through."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import zorgid_card
from zorgid_card import cli, workflows
from zorgid_card.cards import CardKind, Detected, TryState
from zorgid_card.cli.demo.narration import CREATE, REGISTER
from zorgid_card.errors import NotBlankError, PINPolicyError, StatusWordError, UsageError, WrongPINError, ZorgIDError
from zorgid_card.texts import TEXTS, Language, Texts, placeholders, required
from zorgid_card.workflows.holder import Cue, Step
from zorgid_card.workflows.states import CARD

for module in pkgutil.walk_packages(zorgid_card.__path__, "zorgid_card."):
    if not module.name.endswith(("__main__", "migrations.env")):  # Alembic runs the latter
        importlib.import_module(module.name)

CODES = sorted(ZorgIDError._by_code)
NL, EN = Texts(Language.NL), Texts(Language.EN)


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_say_the_same_with_the_same_values(key: str) -> None:
    text = TEXTS[key]
    assert text.nl.strip()
    assert text.en.strip()
    assert placeholders(text.nl.replace("[[", "").replace("]]", "")) == placeholders(
        text.en.replace("[[", "").replace("]]", "")
    )
    assert required(text.nl) == required(text.en)
    for template in text:
        assert template.count("[[") == template.count("]]")


@pytest.mark.parametrize("code", CODES)
def test_every_error_code_has_a_sentence_of_its_own(code: str) -> None:
    assert f"error.{code}" in TEXTS


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("texts", [NL, EN], ids=["nl", "en"])
def test_an_error_without_details_is_one_sentence_with_what_to_do(texts: Texts, code: str) -> None:
    sentence = texts.error(ZorgIDError.of(code, "said in English", {}))
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "{" not in sentence
    assert "[" not in sentence
    assert re.search(r"[;:]", sentence), "what to do stands behind a semicolon or a colon"


@pytest.mark.parametrize("key", [key for key in TEXTS if key.startswith("error.")])
def test_every_sentence_of_an_error_is_one_sentence(key: str) -> None:
    for template in TEXTS[key]:
        assert template.endswith(".")
        assert ". " not in template


def test_details_are_filled_in() -> None:
    assert "pogingen over: 2" in NL.error(WrongPINError(tries_left=2))
    assert "pogingen" not in NL.error(WrongPINError(tries_left=None))
    assert "een UZI-pas" in NL.error(NotBlankError(found="uzi-pass"))
    assert "6 tot 8" in NL.error(PINPolicyError(rule="length", minimum=6, maximum=8))
    assert "easy to guess" in EN.error(PINPolicyError(rule="run"))
    assert "6A82" in EN.error(StatusWordError(operation="SELECT", sw=0x6A82))


def test_a_variant_whose_values_are_missing_is_not_taken() -> None:
    assert EN.error(UsageError("what was wrong", reason="ambiguous")) == (
        "This cannot be used as given: what was wrong; see zorgid-card --help."
    )


def test_what_a_card_or_the_network_says_cannot_steer_the_terminal() -> None:
    sentence = EN.error(NotBlankError(found="\x1b[2J{evil}\r\n\u202e[bold]"))
    assert sentence.isprintable()
    assert "{evil}" in sentence  # as text, not as a placeholder
    assert len(EN.error(NotBlankError(found="x" * 100_000))) < 1000


def test_a_class_without_a_code_of_its_own_gets_the_sentence_of_its_parent() -> None:
    class Special(WrongPINError):
        pass

    assert EN.error(Special(tries_left=1)) == EN.error(WrongPINError(tries_left=1))


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "nl_NL.UTF-8"}, "nl"),
        ({"LANG": "nl_BE"}, "nl"),
        ({"LANG": "de_DE"}, "en"),
        ({"LANG": "nl_NL", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "nl_NL"}, "nl"),
        ({"LC_ALL": "", "LANG": "nl"}, "nl"),
    ],
)
def test_the_language_is_that_of_the_environment(environment: dict[str, str], language: str) -> None:
    assert Language.of_environment(environment) == language


def sources(package: object) -> str:
    root = Path(str(package.__file__)).parent  # type: ignore[attr-defined]
    return "\n".join(path.read_text() for path in root.rglob("*.py") if "texts" not in path.parts)


def test_every_key_that_is_used_is_there() -> None:
    used = set(re.findall(r"""(?:say|texts|_texts|stage\.done|_secret)\(\s*"([a-z_.:-]+)\"""", sources(cli)))
    used |= set(re.findall(r"""refusal\(\w+, "([a-z_.-]+)\"""", sources(cli)))
    used |= {f"question.{code}" for code in re.findall(r"""Question\(\s*"([a-z-]+)\"""", sources(workflows))}
    facts = re.findall(r"""(?<!move)\("([a-z-]+)", (?:known\.|code\)|card\.serial|birth_date|f")""", sources(workflows))
    used |= {f"fact.{name}" for name in facts}
    used |= {f"cue.{cue}" for cue in Cue} | {f"step.{step}" for step in Step} | {f"create.step.{step}" for step in Step}
    used |= {f"kind.{kind}" for kind in CardKind} | {f"tries.{state}" for state in TryState}
    used |= {f"state.{state}" for state in {*CARD.values(), *(state for state, _ in CARD)}}
    used |= {f"register.{step}" for step in REGISTER} | {f"create.{step}" for step in CREATE}
    assert len(used) > 120
    assert used - TEXTS.keys() == set()


def test_how_a_card_was_recognised_is_told_in_both_languages() -> None:
    source = Path(inspect.getfile(Detected)).read_text()
    said = re.findall(r'"((?:the|an?|its|neither) [^"{]{12,}?)(?:: \{[^"]*)?"', source)
    assert len(said) == 10
    for why in said:
        assert NL.detail("why", why) != why
        assert EN.detail("why", why) == why
