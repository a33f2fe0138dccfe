"""A program in the place of a pinentry: absent, dead, silent, endless, or lying. And what lies in memory after an honest one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_scanner import forms_of_digits, in_memory
from pinentry_person import Person
from zorgid_card.adapters import pinentry
from zorgid_card.adapters.pinentry import MAX_LINE, Dialog, Pinentry, description, escaped, place_of
from zorgid_card.agent.pinentry_holder import PinentryHolder
from zorgid_card.errors import CancelledError, DeclinedError, PinentryError, PINFormError, ZorgIDError
from zorgid_card.secret import Secret
from zorgid_card.texts import Language, Texts
from zorgid_card.workflows.holder import Question

QUESTION = Dialog(text="Wie?\n100 % zeker", title="T", prompt="P", ok="O", cancel="C", again="A", differ="D")
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Says = Callable[[bytes], Pinentry]


def program(directory: Path, script: str) -> Path:
    path = directory / "asks"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def polite(directory: Path) -> list[str]:
    """What is said to one that answers OK to all."""
    path = program(
        directory, f'echo "OK hello"; while read -r line; do echo "$line" >> {directory}/heard; echo OK; done'
    )
    with Pinentry(str(path)).open(QUESTION) as conversation:
        conversation.confirm()
    return (directory / "heard").read_text().splitlines()


@pytest.fixture
def says(tmp_path: Path) -> Says:
    """A program that agrees to all that is set, and then says these."""
    (tmp_path / "before").write_bytes(b"OK hello\n" + b"OK\n" * (len(polite(tmp_path)) - 1))
    path = program(tmp_path, f"cat {tmp_path}/before {tmp_path}/after; exec cat > /dev/null")

    def say(octets: bytes) -> Pinentry:
        (tmp_path / "after").write_bytes(octets)
        return Pinentry(str(path))

    return say


def asked(program: Pinentry) -> bytes:
    with program.open(QUESTION) as conversation, conversation.ask() as secret, secret.expose() as octets:
        return bytes(octets)


def test_it_is_told_where_the_person_is_as_gnupg_tells_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment = {"GPG_TTY": "/dev/pts/9", "TERM": "xterm", "LANG": "nl_NL.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}
    assert place_of(environment) == {
        "ttyname": "/dev/pts/9",
        "ttytype": "xterm",
        "lc-ctype": "nl_NL.UTF-8",
        "lc-messages": "en_GB.UTF-8",
    }
    monkeypatch.setenv("GPG_TTY", "/dev/pts/9999")
    heard = polite(tmp_path)
    assert {"OPTION no-grab", "OPTION ttyname=/dev/pts/9999", "SETTIMEOUT 0"} <= set(heard)
    assert "SETDESC Wie?%0A100 %25 zeker" in heard
    assert not any("cache" in line for line in heard), "no PIN is kept by somebody else"
    assert heard[-1] == "CONFIRM"


FORGED = "J. de Vries" + " " * 48 + "Portaal: https://bank.example"
LONG = "https://portal.example-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.evil.example"


def test_aut_1_no_value_is_so_long_that_its_rest_looks_like_a_line_of_its_own(tmp_path: Path) -> None:
    polite(tmp_path)
    holder = PinentryHolder(Pinentry(str(tmp_path / "asks")), Texts(Language.NL), origin=LONG)
    holder.confirm(Question("log-in", (("name", FORGED), ("origin", LONG))))
    told = next(line for line in reversed((tmp_path / "heard").read_text().splitlines()) if line.startswith("SETDESC"))
    lines = told.removeprefix("SETDESC ").split("%0A")
    begun = [line for line in lines if line and not line.startswith("    ")]
    assert [line[:14] for line in begun] == ["Op verzoek van", "Wilt u hier in", "Naam: J. de Vr", "Portaal: https"]
    assert "    Portaal: https://bank.example" in lines


def test_one_that_is_not_installed_says_so() -> None:
    with pytest.raises(PinentryError) as caught:
        Pinentry("no-such-pinentry").open(QUESTION)
    assert caught.value.details == {"reason": "missing", "program": "no-such-pinentry"}


def test_without_display_and_terminal_it_says_so() -> None:
    if shutil.which("pinentry-curses") is None:
        pytest.skip("pinentry-curses is not installed")
    with pytest.raises(PinentryError) as caught:
        asked(Pinentry("pinentry-curses", options={"ttyname": "/dev/no-such-terminal"}))
    assert caught.value.reason == "display"


@pytest.mark.parametrize("script", ["exit 3", "echo OK; exit 3", "echo OK; kill -SEGV $$"])
def test_one_that_dies_says_so(tmp_path: Path, script: str) -> None:
    with pytest.raises(PinentryError) as caught:
        asked(Pinentry(str(program(tmp_path, script))))
    assert caught.value.reason == "died"


def test_one_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinentry, "_PATIENCE", 0.2)
    with pytest.raises(PinentryError) as caught:
        asked(Pinentry(str(program(tmp_path, "exec sleep 1000"))))
    assert caught.value.reason == "silent"


def test_one_that_will_not_go_is_made_to(says: Says, tmp_path: Path) -> None:
    says(b"")
    path = program(tmp_path, f"trap '' TERM; cat {tmp_path}/before; while :; do sleep 0.05; done")
    with Pinentry(str(path)).open(QUESTION) as conversation:
        conversation.cancel()
        with pytest.raises(CancelledError):
            conversation.ask()


@pytest.mark.parametrize("signal", ["INT", "HUP", "TERM"])
def test_one_whose_window_was_closed_is_a_no(says: Says, tmp_path: Path, signal: str) -> None:
    says(b"")
    path = program(tmp_path, f"cat {tmp_path}/before; kill -{signal} $$")
    with pytest.raises(DeclinedError):
        asked(Pinentry(str(path)))


@pytest.mark.parametrize(
    ("octets", "entered"),
    [
        (b"D 123456\nOK\n", b"123456"),
        (b"D 123\nD 456\nOK\n", b"123456"),
        (b"# a comment\nS PIN_REPEATED\nD 12%25%0a\r\nOK done\r\n", b"12%\n"),
        (b"INQUIRE QUALITY x\nD 1\nOK\n", b"1"),
        (b"OK\n", b""),
        (b"D " + b"9" * 256 + b"\nOK\n", b"9" * 256),
    ],
)
def test_what_was_entered_arrives(says: Says, octets: bytes, entered: bytes) -> None:
    assert asked(says(octets)) == entered


@pytest.mark.parametrize(
    ("octets", "kind", "reason"),
    [
        (b"ERR 83886179 Operation cancelled\n", DeclinedError, None),
        (b"D 123456\nERR 99\n", DeclinedError, None),
        (b"ERR 83886194\n", DeclinedError, None),
        (b"ERR 83918950 ENOTTY\n", PinentryError, "display"),
        (b"ERR 83886381\n", PinentryError, "small"),
        (b"ERR 1\n", PinentryError, "refused"),
        (b"ERR 0\n", PinentryError, "protocol"),
        (b"ERR -99\n", PinentryError, "protocol"),
        (b"ERR 99999999999999999999\n", PinentryError, "protocol"),
        (b"ERR\n", PinentryError, "protocol"),
        (b"OKAY\n", PinentryError, "protocol"),
        (b"\n", PinentryError, "protocol"),
        (b"D %zz\nOK\n", PinentryError, "protocol"),
        (b"D 1%4\nOK\n", PinentryError, "protocol"),
        (b"# more\n" * 200, PinentryError, "protocol"),
        (b"D " + b"1" * MAX_LINE + b"\nOK\n", PinentryError, "protocol"),
        (b"D " + b"1" * 257 + b"\nOK\n", PINFormError, None),
        (b"D " + b"1" * 200 + b"\nD " + b"1" * 57 + b"\nOK\n", PINFormError, None),
    ],
)
def test_what_is_no_answer_is_told_as_what_it_is(
    says: Says, octets: bytes, kind: type[ZorgIDError], reason: str | None
) -> None:
    with pytest.raises(kind) as caught:
        asked(says(octets))
    assert caught.value.details.get("reason") == reason


@FEW
@given(st.one_of(st.binary(max_size=1200), st.text(alphabet="DOKERSINQU #%0129aF\n\r", max_size=120).map(str.encode)))
def test_whatever_it_says_is_a_pin_or_an_error_of_ours(says: Says, octets: bytes) -> None:
    try:
        entered = asked(says(octets + b"\nERR 99\n"))
    except ZorgIDError:
        return
    assert len(entered) <= 256


@given(st.text(max_size=400), st.integers(20, MAX_LINE))
def test_a_line_is_one_line_of_at_most_its_length(text: str, limit: int) -> None:
    told = escaped(text, limit)
    assert len(told) <= limit
    assert told.decode().isprintable()
    if not told.endswith("…".encode()):
        shown = re.sub("%(25|0A)", lambda found: {"25": "%", "0A": "\n"}[found[1]], told.decode())
        assert len(shown) == len(text)


@given(st.text(max_size=2000), st.text("0123456789", min_size=1, max_size=32))
def test_crd_9_the_digits_stand_below_whatever_the_text_is(text: str, digits: str) -> None:
    line = bytes(description(text, Secret.of(digits.encode())))
    assert len(line) <= MAX_LINE
    told, _, shown = line.decode().rpartition("%0A%0A")
    assert told.startswith("SETDESC ")
    assert shown == "".join(f" {digits[at : at + 4]}" for at in range(0, len(digits), 4)) + "\n"


ASKS = """
import sys
from zorgid_card.adapters.pinentry import Dialog, Pinentry
from zorgid_card.secret import Secret
program = Pinentry("pinentry-tty", options={"ttyname": sys.argv[1], "ttytype": "xterm"})
with Secret.from_descriptor(0) as puk, program.open(Dialog(text="Keep", ok="Kept", cancel="No", shown=puk)) as shows:
    shows.confirm()
with program.open(Dialog(text="Asked", prompt="PIN:")) as asks, asks.ask() as pin:
    assert len(pin) == 8
print("done", flush=True)
sys.stdin.read()
"""


def test_pin_7_nothing_of_pin_and_puk_is_left_in_memory() -> None:
    if shutil.which("pinentry-tty") is None:
        pytest.skip("pinentry-tty is not installed")
    pin, puk = Secret.random_digits(8), Secret.random_digits(8)
    with pin.expose() as first, puk.expose() as second:
        codes = {"PIN": bytes(first), "PUK": bytes(second)}
    with Person("tty") as person:
        child = subprocess.Popen(
            [sys.executable, "-c", ASKS, person.options["ttyname"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(codes["PUK"] + b"\n")
        child.stdin.flush()
        person.expect(f"{codes['PUK'][:4].decode()} {codes['PUK'][4:].decode()}")
        person.agree(b"k")
        person.expect("PIN:")
        person.enter(codes["PIN"])
        assert child.stdout.readline() == b"done\n"
        left = in_memory(child.pid, {name: forms_of_digits(code) for name, code in codes.items()})
        child.communicate()
    assert left == []
