"""docs/testing-with-cards.md is a project that runs: a scratch one, beside the library as it is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from zorgid_card.testkit import pytest_plugin

PAGE = Path(__file__).parents[2] / "docs" / "testing-with-cards.md"
EXAMPLES = dict(re.findall(r"<!-- example: (\w+\.py) -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL))


def write(directory: Path) -> None:
    for name, source in EXAMPLES.items():
        (directory / name).write_text(source)


def run(directory: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "--rootdir", ".", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHONPATH"))}
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return done.stdout + done.stderr


def test_the_pages_examples_pass_in_a_project_of_their_own(tmp_path: Path) -> None:
    write(tmp_path)
    written = sum(source.count("\ndef test_") for source in EXAMPLES.values())
    told = run(tmp_path)
    outcome = told.splitlines()[-1]
    passed = re.search(r"(\d+) passed", outcome)
    assert passed is not None, told
    assert "failed" not in outcome, told
    assert "error" not in outcome, told
    skipped = re.search(r"(\d+) skipped", outcome)
    assert int(passed[1]) + int(skipped[1] if skipped else 0) == written
    assert int(passed[1]) >= written - 1, told
    if skipped:
        assert re.search(r"SKIPPED.*(pcscd|vpcd)", told), "the reason is told"


def test_without_the_plugin_nothing_of_ours_is_in_a_test_run(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\ndef test_plain():\n    import zorgid_card\n    assert not [m for m in sys.modules if 'testkit' in m]\n"
    )
    assert "1 passed" in run(tmp_path)


def test_importing_the_library_does_not_import_pytest() -> None:
    program = "import sys, zorgid_card.recipes, zorgid_card.testkit.pcscd; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


def test_the_page_names_every_fixture_and_there_is_no_other() -> None:
    names = {name for name, value in vars(pytest_plugin).items() if type(value).__name__ == "FixtureFunctionDefinition"}
    assert len(names) > 8
    table = PAGE.read_text().split("| fixture |")[1].split("\n\n")[0]
    named = {name for row in table.splitlines()[1:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert names - named == {"uzi_pass_contents"}
    assert named <= names


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_no_example_is_longer_than_a_screen_is_wide(name: str) -> None:
    assert max(map(len, EXAMPLES[name].splitlines())) <= 120
