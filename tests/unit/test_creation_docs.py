"""docs/creation.md and docs/renewal.md show what the tables say; docs/interruptions.md names every step and every error of an
interruption, and says what is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diagrams import ANSWERS, PICTURES
from zorgid_card.texts import TEXTS
from zorgid_card.workflows.holder import Step
from zorgid_card.workflows.issuance import STEPS

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"


@pytest.mark.parametrize(("page", "name"), [(page, name) for page in PICTURES for name in PICTURES[page]])
def test_the_pictures_are_drawn_from_the_tables(page: str, name: str) -> None:
    picture = f"```mermaid\n{PICTURES[page][name]()}\n```"
    assert picture in (DOCS / page).read_text(encoding="utf-8"), f"docs/{page} wants:\n{picture}"


def test_no_picture_is_there_that_is_not_drawn() -> None:
    for page, pictures in PICTURES.items():
        assert (DOCS / page).read_text(encoding="utf-8").count("```mermaid") == len(pictures)


def test_every_message_of_the_table_has_an_answer() -> None:
    assert {kind for _, kind in STEPS} == set(ANSWERS)


def test_crd_8_every_step_and_every_ending_has_a_line_in_interruptions() -> None:
    text = (DOCS / "interruptions.md").read_text(encoding="utf-8")
    assert [step for step in Step if f"`{step}`" not in text] == []
    for code in ("card.unfinished", "card.scrapped", "portal.commit_late", "card.not_blank", "card.wrong_card"):
        assert f"`{code}`" in text


def test_crd_8_what_the_person_is_said_to_see_in_interruptions_is_what_they_see() -> None:
    page = " ".join((DOCS / "interruptions.md").read_text(encoding="utf-8").split())
    quoted = re.findall(r'"([^"]+)"', page)
    said = {text.en for text in TEXTS.values()}
    assert len(quoted) >= 4
    assert [quote for quote in quoted if not any(sentence.startswith(quote) for sentence in said)] == []


def test_every_rule_of_creation_and_codes_is_named_by_a_test() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    rules = [*(f"crd_{number}" for number in range(1, 15)), *(f"pin_{number}" for number in range(1, 8))]
    assert [rule for rule in rules if not re.search(rf"def test_(?:\w+_)?{rule}_[a-z]", source)] == []
