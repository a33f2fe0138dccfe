"""The command line as a whole: one sentence and an exit code for each kind of error, and what it says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zorgid_card import errors
from zorgid_card.cli import app
from zorgid_card.cli.failures import EXIT_CODES, exit_code
from zorgid_card.errors import ZorgIDError
from zorgid_card.texts import Language, Texts

EN = Texts(Language.EN)


@pytest.mark.parametrize("kind", ZorgIDError._by_code.values(), ids=lambda kind: kind.code)
def test_every_error_has_the_exit_code_of_who_erred(
    kind: type[ZorgIDError], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise kind

    code = app.guarded(EN, fail)
    parent = next((parent for parent in EXIT_CODES if issubclass(kind, parent)), None)
    assert code == (EXIT_CODES[parent] if parent else 1)
    assert code != 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.startswith("zorgid-card: ")


def test_exit_codes_are_stable() -> None:
    samples = {
        errors.WrongPINError: 3,
        errors.NotBlankError: 4,
        errors.NoReaderError: 5,
        errors.CertificateExpiredError: 6,
        errors.SessionError: 7,
        errors.StorageError: 8,
        errors.TLVError: 9,
        errors.ZorgIDError: 1,
    }
    assert {kind: exit_code(kind()) for kind in samples} == samples


def test_an_interruption_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert app.guarded(EN, interrupted) == 130
    assert "Interrupted" in capsys.readouterr().err


def test_our_own_bugs_are_not_dressed_up_as_errors_of_others() -> None:
    with pytest.raises(ZeroDivisionError):
        app.guarded(EN, lambda: 1 // 0)


def test_help_tells_the_commands_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for word in ("demo", "inspect", "simulate", "6 certificate", "130 interrupted"):
        assert word in shown


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["nonsense"], ["simulate"], ["simulate", "creditcard"], ["demo", "--lang", "fr"]]
)
def test_a_wrong_command_line_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [("click", [], "cli"), ("rich", ["demo"], "cli"), ("segno", ["demo"], "cli"), ("sqlalchemy", ["demo"], "cli,sql")],
)
def test_without_an_extra_one_sentence_says_what_to_install(module: str, arguments: list[str], extra: str) -> None:
    program = f"import sys; sys.modules[{module!r}] = None; from zorgid_card.cli.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr == f"zorgid-card: {module} is missing; install it: pip install 'zorgid-card[{extra}]'\n"


def test_inspect_and_simulate_do_without_sqlalchemy(tmp_path: Path) -> None:
    program = "import sys; sys.modules['sqlalchemy'] = None; from zorgid_card.cli.__main__ import main; main()"
    arguments = [sys.executable, "-c", program, "inspect", str(tmp_path / "absent.pem")]
    assert subprocess.run(arguments, capture_output=True, timeout=60, check=False).returncode == 8
