"""``zorgid-card login`` at a portal behind real TLS, and ``verify-token`` (AUT-1, AUT-2)."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from https_portal import HTTPSPortal, answer, https_portal
from terminal import Terminal, given
from zorgid_card.adapters import pcsc
from zorgid_card.cli import app, login
from zorgid_card.errors import DeclinedError
from zorgid_card.pki.revocation import CRLs
from zorgid_card.recipes import open_login
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import Person, Subscriber

PIN = b"271828"
NONCE = base64.b64encode(bytes(range(32))).decode()
WORKER = Person("Zoë", "Amrani", "900000022", prefixes="el")
PRACTICE = Subscriber("Huisartsenpraktijk De Linde", "90000123")


class Typed:
    """A keyboard whose answers are known."""

    def __init__(self, *answers: str | bytes) -> None:
        self.answers, self.prompts = list(answers), []

    def line(self, prompt: str, /) -> str:
        answer = self.answers.pop(0) if self.answers else None
        if not isinstance(answer, str):
            raise DeclinedError
        return answer

    def secret(self, prompt: str, /) -> Secret:
        answer = self.answers.pop(0)
        assert isinstance(answer, bytes)
        return Secret.of(answer)


@dataclass
class Desk:
    """A portal, and a reader with a pass before it, at the clock's own time."""

    pki: UZITestPKI
    card: VirtualUZIPass
    reader: SimulatedReader
    portal: HTTPSPortal
    patch: pytest.MonkeyPatch

    def run(self, *arguments: str, answers: tuple[str | bytes, ...] = ()) -> int:
        typed = Typed(*answers)
        self.patch.setattr(login, "keyboard", lambda: typed)
        code = app.run([*arguments, "--lang", "en"])
        assert typed.answers == []
        return code

    def log_in(self, *more: str, answers: tuple[str | bytes, ...] = ("y", PIN)) -> int:
        return self.run("login", "--origin", self.portal.address, "--ca", str(self.portal.ca), *more, answers=answers)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    pki = UZITestPKI(pool=KeyPool.shared())
    card = VirtualUZIPass(pki.pass_(WORKER, PRACTICE, "N"), pin=PIN)
    reader = SimulatedReader("Reader 00")
    reader.insert(card)
    monkeypatch.setattr(pcsc, "readers", lambda: [reader])
    with https_portal(tmp_path) as portal:
        portal.door = open_login(portal.address, trust=pki.trust("N"), revocation=CRLs(pki.crl_source))
        yield Desk(pki, card, reader, portal, monkeypatch)


def test_aut_1_the_whole_log_in(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.log_in() == 0
    told = capsys.readouterr().out
    assert "PIN, tries left" in told
    assert f"You are logged in at {desk.portal.address}." in told
    for value in ("Zoë el Amrani", "900000022", "Huisartsenpraktijk De Linde", "90000123"):
        assert value in told
    assert told.index("Portal") < told.index("You are logged in")


def test_aut_1_as_data(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.log_in("--json") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["ok"], found["origin"], found["kind"]) == (True, desk.portal.address, "uzi-pass")
    assert found["tries"] == {"state": "known", "left": 3}
    assert found["expiry"]["state"] == "good"
    assert found["portal"]["common_name"] == "Zoë el Amrani"
    assert desk.portal.address in err  # what is asked is told aside


def test_aut_1_a_program_gives_the_pin_through_a_descriptor(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.log_in("--json", "--yes", "--codes-fd", str(given(PIN)), answers=()) == 0
    assert json.loads(capsys.readouterr().out)["portal"]["common_name"] == "Zoë el Amrani"
    assert desk.log_in("--json", "--codes-fd", str(given(PIN)), answers=()) == 3, "nobody is asked"
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "user.usage"
    assert desk.card.tries_left[0] == 3


def test_aut_1_who_does_not_want_to_signs_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.log_in("--json", answers=("n",)) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "user.declined"
    assert [path for path, _, _ in desk.portal.seen] == ["/auth/challenge"]


def test_a_pass_about_to_expire_is_told_of(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    end = datetime.now(UTC) + timedelta(days=10, hours=1)
    desk.card = VirtualUZIPass(desk.pki.pass_(WORKER, PRACTICE, "N", not_after=end), pin=PIN)
    desk.reader.swap(desk.card)
    assert desk.log_in() == 0
    assert "expires in 10 days" in capsys.readouterr().out
    assert desk.log_in("--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["expiry"]["days_left"] == 10
    assert "expires in 10 days" in " ".join(err.split())


def test_aut_1_a_portal_of_another_certificate_is_not_asked(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("login", "--origin", desk.portal.address, "--json") == 7
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "portal.tls"
    assert desk.portal.seen == []


@pytest.mark.parametrize("origin", ["http://localhost", "https://localhost/login", "localhost"])
def test_aut_1_an_address_that_is_no_origin(desk: Desk, capsys: pytest.CaptureFixture[str], origin: str) -> None:
    assert desk.run("login", "--origin", origin) == 3
    assert "https://host" in capsys.readouterr().err


def test_aut_2_what_the_portal_refuses_is_said_in_ones_own_language(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.pki.revoke(desk.card.contents)
    assert desk.log_in("--json") == 6
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "certificate.revoked"
    assert error["message"].endswith(".")


def test_pin_1_a_wrong_pin_logs_nobody_in(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.log_in("--json", answers=("y", b"999999")) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["details"]["tries_left"]) == ("user.wrong_pin", 2)
    assert [path for path, _, _ in desk.portal.seen] == ["/auth/challenge"]


def test_aut_1_a_card_is_let_go_of_before_the_token_is_handed_in(desk: Desk) -> None:
    channels: list[int] = []

    def failing(request: BaseHTTPRequestHandler) -> None:
        channels.append(len(desk.reader._open))
        answer(request, 500, {})

    desk.portal.faults["/auth/login"] = failing
    assert desk.log_in() == 7
    assert channels == [0]


# --- for developers --------------------------------------------------------------------------------------------------


def token(desk: Desk, capsys: pytest.CaptureFixture[str], origin: str = "https://portal.example") -> str:
    assert desk.run("login", "--origin", origin, "--nonce", NONCE, answers=(PIN,)) == 0
    out, err = capsys.readouterr()
    assert "for developers only" in err
    assert origin in err
    return out


@pytest.fixture
def authorities(desk: Desk, tmp_path: Path) -> list[str]:
    """The CA files and CRLs of the pass, as arguments."""
    chain = desk.pki.chain("N")
    found = []
    for number, der in enumerate(chain[:-1]):
        path = tmp_path / f"ca{number}.cer"
        path.write_bytes(der)
        found.append(str(path))
    root = tmp_path / "root.pem"
    root.write_bytes(x509.load_der_x509_certificate(chain[-1]).public_bytes(Encoding.PEM))
    for number, der in enumerate(chain):
        (tmp_path / f"{number}.crl").write_bytes(desk.pki.crl(der))
        found += ["--crl", str(tmp_path / f"{number}.crl")]
    return [*found, "--root", str(root), "--environment", "production"]


def test_aut_1_a_developers_token_is_printed_with_a_warning_and_verifies(
    desk: Desk, authorities: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token.json"
    file.write_text(token(desk, capsys))
    asked = ["verify-token", str(file), "--origin", "https://portal.example", "--nonce", NONCE, *authorities]
    assert desk.run(*asked) == 0
    out, err = capsys.readouterr()
    assert "Zoë el Amrani" in out
    assert "Revocation was checked." in out
    assert "--root" in err
    assert desk.run(*asked, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["who"]["uzi_number"], found["revocation"]) == ("900000022", "good")


def test_aut_1_a_developers_origin_is_an_origin(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("login", "--origin", "https://portal.example/", "--nonce", NONCE) == 9
    assert capsys.readouterr().out == ""


CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "another origin": ({"--origin": "https://other.example"}, 6, "certificate.signature"),
    "another nonce": ({"--nonce": "A" * 44}, 6, "certificate.signature"),
    "another environment": ({"--environment": "test"}, 6, "certificate."),
    "before the pass": ({"--at": "2019-01-01"}, 6, "certificate.not_yet_valid"),
    "after the pass": ({"--at": "2040-01-01"}, 6, "certificate.expired"),
    "no origin": ({"--origin": "portal"}, 9, "encoding.message"),
    "no date": ({"--at": "yesterday"}, 3, "user.usage"),
}


@pytest.mark.parametrize("case", CASES)
def test_aut_2_what_does_not_hold_is_said(
    desk: Desk, authorities: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    file = tmp_path / "token.json"
    file.write_text(token(desk, capsys))
    changes, code, error = CASES[case]
    options = {"--origin": "https://portal.example", "--nonce": NONCE} | changes
    arguments = [part for pair in options.items() for part in pair]
    assert desk.run("verify-token", str(file), *authorities, *arguments, "--json") == code
    out = capsys.readouterr().out
    if error != "user.usage":  # the command line itself is told on standard error
        assert json.loads(out)["error"]["code"].startswith(error)


def test_aut_2_a_revoked_pass_and_one_of_which_it_cannot_be_told(
    desk: Desk, authorities: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token.json"
    file.write_text(token(desk, capsys))
    asked = ["verify-token", str(file), "--origin", "https://portal.example", "--nonce", NONCE, "--json"]
    without = [part for part in authorities if part != "--crl" and not part.endswith(".crl")]
    assert desk.run(*asked, *without) == 0
    assert json.loads(capsys.readouterr().out)["revocation"] == "not judged"
    assert desk.run(*asked, *without, "--crl", str(tmp_path / "2.crl")) == 6
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "certificate.revocation_unknown"
    desk.pki.revoke(desk.card.contents, at=datetime.now(UTC) - timedelta(hours=1))
    (tmp_path / "0.crl").write_bytes(desk.pki.crl(desk.pki.chain("N")[0]))
    assert desk.run(*asked, *authorities) == 6
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "certificate.revoked"


@pytest.mark.parametrize("octets", [b"", b"\xff" * 200, b"{}", b"[" * 9000, b'{"format": 1}' + b" " * 100])
def test_files_that_hold_no_token(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str], octets: bytes
) -> None:
    file = tmp_path / "token.json"
    file.write_bytes(octets)
    asked = ["--origin", "https://portal.example", "--nonce", NONCE, "--environment", "test", "--json"]
    assert desk.run("verify-token", str(file), *asked) == 9
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "encoding.message"


def test_a_file_too_large_for_a_token(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token.json").write_bytes(b"x" * 50_000)
    asked = ["--origin", "https://portal.example", "--nonce", NONCE]
    assert desk.run("verify-token", str(tmp_path / "token.json"), *asked) == 8
    assert "too large to be what is asked for" in capsys.readouterr().err


def test_a_file_that_is_not_there(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--origin", "https://portal.example", "--nonce", NONCE, "--environment", "test"]
    assert desk.run("verify-token", str(tmp_path / "absent"), *asked) == 8
    assert capsys.readouterr().err


@pytest.mark.parametrize(("origin", "shown"), [
    ("https://portal.example", "https://portal.example"),
    ("https://xn--zrg-gna.example:8443", "https://xn--zrg-gna.example:8443 (zórg.example)"),
    ("https://xn--zrg-gna.example", "https://xn--zrg-gna.example (zórg.example)"),
])  # fmt: skip
def test_an_international_origin_is_shown_as_it_is_signed_and_as_it_reads(origin: str, shown: str) -> None:
    assert login.spoken_origin(origin) == shown


PROGRAM = """
import sys
from datetime import UTC, datetime
from zorgid_card.adapters import pcsc
from zorgid_card.cli import app
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
import json
reader = SimulatedReader("Reader 00")
reader.insert(VirtualUZIPass(PassContents.of_record(json.load(open(sys.argv[1]))), pin=b"271828"))
pcsc.readers = lambda: [reader]
sys.exit(app.run(sys.argv[2:]))
"""


def test_aut_1_at_a_terminal_of_its_own_in_dutch(desk: Desk, tmp_path: Path) -> None:
    """As a person does it: the PIN is not shown, and standard output is a file."""
    (tmp_path / "pass.json").write_text(json.dumps(desk.card.contents.record()))
    (tmp_path / "program.py").write_text(PROGRAM)
    out = tmp_path / "out.json"
    command = f"exec {sys.executable} {tmp_path}/program.py {tmp_path}/pass.json login --json --lang nl"
    terminal = Terminal(["sh", "-c", f"{command} --origin {desk.portal.address} --ca {desk.portal.ca} > {out}"])
    terminal.expect("pogingen over")
    terminal.expect("Wilt u hier inloggen")
    terminal.answer(b"j")
    terminal.expect("[Pp]incode")
    terminal.answer(PIN)
    assert terminal.end() == 0
    assert PIN not in terminal.shown
    assert json.loads(out.read_text())["portal"]["uzi_number"] == "900000022"


def test_aut_1_the_example_of_the_card_side_logs_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "login.md").read_text()
    source = text.split("<!-- example: door -->\n```python\n")[1].split("```")[0]
    monkeypatch.setattr(Secret, "from_terminal", lambda prompt: Secret.of(PIN))
    shown: list[str] = []
    names: dict[str, Any] = {"input": lambda prompt: shown.append(prompt) or "y", "ca": desk.portal.ca}
    exec(source.replace('HTTPSDoor("https://portal.example")', f'HTTPSDoor("{desk.portal.address}", ca=ca)'), names)
    assert names["who"]["uzi_number"] == "900000022"
    assert desk.portal.address in shown[0]
