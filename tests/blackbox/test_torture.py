"""The torture of card creation (``make torture``): that it sees what goes wrong, and that one run can be made again by its name."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from torture import judge
from torture.cuts import HOWS, Counts, Cut, Run, remakings, renewals, seeded, singles
from torture.desk import Shared
from torture.runner import Outcome, Runner, runner
from zorgid_card.testkit.pcscd import PrivatePCSCD

pytestmark = pytest.mark.blackbox

KEYS = "ECCP256"
COUNTS = Counts(apdu=200, journal=17, portal=12, person=8)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    return Shared(tmp_path_factory.mktemp("shared"), KEYS)


@pytest.fixture
def broken(shared: Shared, pcscd: PrivatePCSCD, tmp_path: Path) -> Iterator[Callable[[str], Runner]]:
    """A runner whose journal or portal is broken on purpose."""
    with runner(shared, tmp_path / "runner", pcscd, 0) as judged:

        def breaking(what: str) -> Runner:
            judged.broken = what
            return judged

        yield breaking


def losses(judged: Runner, dialect: str, place: str, how: str) -> list[Outcome]:
    """What is lost when every journal write, or every message, is cut in this way."""
    counts = judged.count(dialect)
    runs = [Run.single(dialect, KEYS, Cut(place, at, how)) for at in range(1, counts.of(place) + 1)]
    return [outcome for run in runs for outcome in judged.run(run) if outcome.loss]


@pytest.mark.parametrize("dialect", ["yubico", "nist"])
def test_crd_8_a_journal_that_writes_a_steps_end_before_the_step_loses_the_puk(
    broken: Callable[[str], Runner], dialect: str
) -> None:
    found = losses(broken("end-before-step"), dialect, "journal", "after")
    assert found
    assert all("PUK" in outcome.why and outcome.run.endswith("resumed") for outcome in found)


def test_crd_8_a_journal_that_forgets_the_sealed_commit_loses_a_finished_card(broken: Callable[[str], Runner]) -> None:
    found = losses(broken("forgets-commit"), "yubico", "journal", "after")
    assert found
    assert all("only the commit was missing" in outcome.why for outcome in found)


@pytest.mark.parametrize("dialect", ["yubico", "nist"])
def test_crd_10_a_portal_that_releases_before_the_commit_has_certificates_without_cards(
    broken: Callable[[str], Runner], dialect: str
) -> None:
    found = losses(broken("releases-before-commit"), dialect, "portal", "kill-after")
    assert {outcome.run.rpartition("/")[2] for outcome in found} == {"never", "resumed"}
    assert all("is valid" in outcome.why for outcome in found if outcome.run.endswith("never"))


@pytest.mark.parametrize("dialect", ["yubico", "nist"])
def test_crd_10_a_portal_that_releases_before_the_commit_loses_a_card_that_is_renewed(
    broken: Callable[[str], Runner], dialect: str
) -> None:
    counts = broken("").count_renewal(dialect)
    judged = broken("releases-before-commit")
    cuts = (Cut("portal", at, "kill-after") for at in range(1, counts.portal + 1))
    found = [one for cut in cuts for one in judged.run(Run.renewed(dialect, KEYS, cut)) if one.loss]
    assert "never" in {outcome.run.rpartition("/")[2] for outcome in found}
    assert all("is valid" in outcome.why for outcome in found if outcome.run.endswith("never"))


def test_crd_8_a_portal_that_forgets_the_deadline_leaves_certificates_on_hold(broken: Callable[[str], Runner]) -> None:
    found = losses(broken("forgets-deadline"), "yubico", "portal", "kill-after")
    assert found
    assert all("on hold" in outcome.why and outcome.run.endswith("never") for outcome in found)


@pytest.mark.parametrize(("place", "how"), [("journal", "after"), ("portal", "kill-after")])
def test_a_sound_journal_and_portal_lose_nothing_there(broken: Callable[[str], Runner], place: str, how: str) -> None:
    assert losses(broken(""), "yubico", place, how) == []


# --- the judge, and the names of runs


def test_the_judge_shares_no_code_with_what_it_judges() -> None:
    tree = ast.parse(Path(judge.__file__).read_text())
    named = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    named += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in named} <= sys.stdlib_module_names


def test_a_run_is_made_again_by_its_name() -> None:
    single, anew = singles("nist", KEYS, COUNTS), remakings("nist", KEYS, COUNTS, COUNTS)
    for run in (
        *single,
        *anew,
        *renewals("nist", KEYS, COUNTS),
        *(seeded(seed, ("yubico-channel", KEYS)) for seed in range(50)),
    ):
        for name, then in zip(run.names, run.then, strict=True):
            again = Run.parse(name, {"nist": COUNTS})
            assert (again.lives, again.names, again.then) == (run.lives, (name,), (then,))


@pytest.mark.parametrize("name", ["", "yubico/ECCP256/apdu-1-kill", "gemalto/ECCP256/apdu-1-kill-before/never"])
def test_what_names_no_run_is_refused(name: str) -> None:
    with pytest.raises(SystemExit, match="not"):
        Run.parse(name, {})


def test_every_place_is_cut_in_every_way() -> None:
    names = [name for run in singles("nist", KEYS, COUNTS) for name in run.names]
    assert len(names) == len(set(names)) == 2 * (200 * 6 + 17 * 3 + 12 * 13 + 8 * 4)
    assert str(Cut.parse("journal-3-during")) == "journal-3-during"


def test_in_turns_every_place_is_cut_and_two_dialects_differ() -> None:
    cuts = [{str(run.lives[0].cuts[0]) for run in singles(one, KEYS, COUNTS, turns=3)} for one in ("yubico", "nist")]
    for each in cuts:
        assert {tuple(cut.split("-")[:2]) for cut in each} == {
            (place, str(at))
            for place in ("apdu", "journal", "portal", "person")
            for at in range(1, COUNTS.of(place) + 1)
        }
        assert {Cut.parse(cut).how for cut in each} == {how for hows in HOWS.values() for how in hows}
    assert cuts[0].isdisjoint(cuts[1])
