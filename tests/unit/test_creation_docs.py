"""docs/creation.md shows what the tables say; docs/interruptions.md names every step and every error of an interruption."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagrams import ANSWERS, PICTURES
from zorgid_card.workflows.holder import Step
from zorgid_card.workflows.issuance import STEPS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_the_pictures_are_drawn_from_the_tables(name: str) -> None:
    picture = f"```mermaid\n{PICTURES[name]()}\n```"
    assert picture in (DOCS / "creation.md").read_text(encoding="utf-8"), f"docs/creation.md wants:\n{picture}"


def test_every_message_of_the_table_has_an_answer() -> None:
    assert {kind for _, kind in STEPS} == set(ANSWERS)


def test_crd_8_every_step_and_every_ending_has_a_line_in_interruptions() -> None:
    text = (DOCS / "interruptions.md").read_text(encoding="utf-8")
    assert [step for step in Step if f"`{step}`" not in text] == []
    for code in ("card.unfinished", "card.scrapped", "portal.commit_late", "card.not_blank", "card.wrong_card"):
        assert f"`{code}`" in text
