"""The demonstration: runs whole, proves what it shows, fails loudly where something is not as it must be, leaks nothing."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from cryptography import x509

from demo_person import Person, sat_down, screen
from zorgid_card.cli import app
from zorgid_card.cli.demo import acts, run
from zorgid_card.cli.demo.holder import InteractiveHolder, KeepingHolder, ScriptedHolder
from zorgid_card.cli.demo.openssl import Judge
from zorgid_card.cli.demo.stage import DemonstrationError, DemonstrationStoppedError, Stage
from zorgid_card.cli.demo.world import PASSPHRASE, World
from zorgid_card.errors import (
    BirthDateError,
    CardRemovedError,
    DeclinedError,
    OnHoldError,
    PINBlockedError,
    RevokedError,
    StorageError,
    UsageError,
)
from zorgid_card.pki.authority import Authority
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.revocation import CRL
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi import DEFAULT_PIN
from zorgid_card.testkit.uzi_profile import FATIMA_EL_AMRANI, JAN_DE_VRIES
from zorgid_card.texts import Language, Texts
from zorgid_card.workflows.holder import Progress, Question, Step
from zorgid_card.workflows.management import Acting, Operator

pytestmark = pytest.mark.usefixtures("quick_keys")

RULES = {
    *(f"ORG-{n}" for n in range(1, 9)),
    *(f"CRD-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 9, 10)),
    "AUT-1",
    "AUT-2",
    *(f"ADM-{n}" for n in (1, 2, 3, 4)),
}


def content(secret: Secret) -> bytes:
    with secret.expose() as octets:
        return bytes(octets)


@dataclass
class Played:
    out: str
    directory: Path
    pin: bytes
    puk: bytes
    digits: bytes


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    directory = tmp_path_factory.mktemp("demo")
    display, out = screen()
    desk = KeepingHolder(display)
    run.play(display, desk, directory, "ECCP256")
    return Played(out.getvalue(), directory, content(desk.chosen), content(desk.puk), content(desk.digits()))


def test_all_six_acts_are_played_and_every_rule_of_the_issue_is_shown(played: Played) -> None:
    assert [line[0] for line in played.out.splitlines() if re.match(r"\d · ", line)] == list("123456")
    assert set(re.findall(r"[A-Z]{3}-\d+", played.out)) >= RULES
    assert "Gelukt! De ZORG-ID Smartcard is aangemaakt, u kunt aan de slag!" in " ".join(played.out.split())


def test_the_summary_counts_steps_apdus_and_time(played: Played) -> None:
    rows = re.findall(r"^ +(?:\d .+?|Totaal) +(\d+) +(\d+) +(\d+\.\d) s *$", played.out, re.MULTILINE)
    counts = [(int(steps), int(apdus)) for steps, apdus, _ in rows]
    assert len(counts) == 7
    assert counts[-1] == (sum(steps for steps, _ in counts[:-1]), sum(apdus for _, apdus in counts[:-1]))
    assert counts[-1][0] == played.out.count("✓")
    transcript = (played.directory / "transcript.jsonl").read_text().splitlines()
    assert counts[-1][1] == sum("command" in json.loads(line) for line in transcript), (
        "the links and the reader counted the same"
    )
    assert float(rows[-1][2]) < 60


def test_what_is_kept_is_whole(played: Played) -> None:
    directory = played.directory
    with Secret.of(PASSPHRASE) as passphrase:
        authority = Authority.open(directory / "ca", passphrase)
    crl = CRL.parse((directory / "crl.der").read_bytes())
    crl.verify(Certificate.parse(authority.certificate))
    assert f"CRL nummer {crl.number} gepubliceerd: kaart erop, voorgoed" in " ".join(played.out.split())
    card = x509.load_pem_x509_certificate((directory / "certificates" / "card.pem").read_bytes())
    with pytest.raises(RevokedError) as caught:
        crl.status(card.serial_number)
    assert type(caught.value) is RevokedError
    pem = (directory / "crl.pem").read_text().splitlines()
    assert base64.b64decode("".join(pem[1:-1])) == (directory / "crl.der").read_bytes()
    with sqlite3.connect(directory / "registry.db") as database:
        assert database.execute("select state from zorgid_smart_card").fetchall() == [("revoked",)]
    assert {"phone-qr.svg", "phone-qr.png", "master.key"} <= {path.name for path in directory.iterdir()}


def test_pin_7_neither_pin_nor_puk_nor_digits_are_in_anything_that_was_kept(played: Played) -> None:
    secrets = {played.puk, played.pin + b"\xff\xff", DEFAULT_PIN + b"\xff\xff", DEFAULT_PIN + bytes(2)}
    secrets |= {secret.hex().encode() for secret in secrets} | {secret.hex().upper().encode() for secret in secrets}
    files = [path for path in played.directory.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        octets = path.read_bytes()
        assert not [secret for secret in secrets if secret in octets], path
    for line in (played.directory / "transcript.jsonl").read_text().splitlines():
        exchange = json.loads(line)
        for name in ("command", "response") if "command" in exchange else ():
            octets = bytes.fromhex(exchange[name])
            assert not [s for s in (played.pin, played.puk, played.digits) if s in octets]
            assert octets[1] not in (0x20, 0x24, 0x2C) or name == "response" or not octets[5:].strip(b"\xff")
    assert played.puk.decode() not in played.out.replace(" ", "")
    assert not re.search(rf"\b({played.pin.decode()}|{played.digits.decode()})\b", played.out)


def test_no_birth_date_is_kept_in_clear(played: Played) -> None:
    dates = [person.birth_date for person in (JAN_DE_VRIES, FATIMA_EL_AMRANI)]
    forms = [form.encode() for d in dates for form in (d.isoformat(), d.strftime("%d-%m-%Y"), d.strftime("%Y%m%d"))]
    for path in played.directory.rglob("*"):
        if path.is_file():
            octets = path.read_bytes()
            assert not [form for form in forms if form in octets or form.hex().encode() in octets], path


def test_the_demo_command_in_english_with_rsa(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep = tmp_path / "kept"
    assert app.run(["demo", "--lang", "en", "--keep", str(keep), "--no-color", "--key-algorithm", "RSA2048"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "Key generated on the card (RSA2048)" in told.out
    assert "\x1b" not in told.out
    assert all(len(line.rstrip()) <= 80 for line in told.out.splitlines())
    if shutil.which("openssl"):
        assert told.out.count("openssl verify -crl_check: certificate revoked") == 2
        assert told.out.count("openssl verify -crl_check: certificate valid") == 1
    assert app.run(["demo", "--keep", str(keep)]) == 3, "an earlier demonstration is not written over"
    assert "niet leeg" in capsys.readouterr().err


# --- what must not go well, must not look well -----------------------------------------------------------------------


@pytest.fixture
def arranged(tmp_path: Path) -> acts.Play:
    display, _ = screen(Language.EN)
    return acts.Play(World.build(tmp_path, "ECCP256"), Stage(display), ScriptedHolder(display))


def up_to_manage(play: acts.Play) -> None:
    for act in (acts.request, acts.register, acts.create):
        act(play)


def test_without_openssl_it_says_so_and_goes_on(
    arranged: acts.Play, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    up_to_manage(arranged)
    acts.manage(arranged)
    out = arranged.stage.display.console.file
    assert isinstance(out, io.StringIO)
    assert out.getvalue().count("openssl is not installed here") == 3


def test_a_block_that_does_not_block_ends_it(arranged: acts.Play, monkeypatch: pytest.MonkeyPatch) -> None:
    up_to_manage(arranged)
    monkeypatch.setattr(Acting, "block", lambda self, serial, reason: self.show(serial).card)
    with pytest.raises(DemonstrationError):
        acts.manage(arranged)


def test_a_blocked_card_that_logs_in_ends_it(arranged: acts.Play, monkeypatch: pytest.MonkeyPatch) -> None:
    up_to_manage(arranged)
    monkeypatch.setattr(acts, "_log_in_again", lambda play: None)
    with pytest.raises(DemonstrationError, match=r"certificate\.on_hold"):
        acts.manage(arranged)


def test_a_refusal_of_another_kind_is_no_proof() -> None:
    stage = Stage(screen()[0])
    stage.act("manage")
    with pytest.raises(OnHoldError), stage.refusal(RevokedError, "manage.log-in.revoked"):
        raise OnHoldError


@pytest.mark.parametrize(
    "script",
    [
        "echo 'verify OK'; echo 'card.pem: OK'",
        "echo 'verify failure'; exit 1",
        "exit 0",
    ],
    ids=["always-good", "never-good", "silent"],
)
def test_an_openssl_that_disagrees_ends_it(
    script: str, arranged: acts.Play, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    up_to_manage(arranged)
    assert arranged.made is not None
    program = tmp_path / "bin" / "openssl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    arranged.stage.act("manage")
    judge = Judge(arranged.world, arranged.stage, arranged.made.certificate)
    operator = arranged.world.portal.management.acting_as(Operator("desk"))  # who has no phone to sign with
    operator.block(arranged.made.serial, "lost")
    with pytest.raises(DemonstrationError):
        judge.expect("certificateHold", "ADM-2")


def test_codes_that_differ_are_not_confirmed_by_the_script() -> None:
    desk = ScriptedHolder(screen()[0])
    desk.phone_shows("123456")
    desk.confirm(Question("compare-code", (("code", "123456"),)))
    with pytest.raises(DeclinedError):
        desk.confirm(Question("compare-code", (("code", "123457"),)))


def test_a_failure_ends_the_command_with_one_sentence_and_leaves_no_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def full(self: World) -> bytes:
        raise StorageError("disk full", reason="No space left on device")

    monkeypatch.setattr(World, "publish", full)
    assert app.run(["demo", "--lang", "en"]) == 8
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert "The disk is full" in told.err
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["demo", "--keep", "/dev/null/demo"]) in (3, 8)
    assert capsys.readouterr().err.count("\n") == 1


def test_an_interruption_leaves_no_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def interrupted(self: World) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(World, "publish", interrupted)
    assert app.run(["demo"]) == 130
    assert list(tmp_path.iterdir()) == []


# --- a person at the desk --------------------------------------------------------------------------------------------


def test_a_person_types_and_chooses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    display, out = screen(Language.EN)
    person = Person(display.texts)
    person.out = out
    desk = InteractiveHolder(display, person)
    monkeypatch.setattr(desk, "show_puk", lambda puk: None)  # wants a real terminal; has its own test
    run.play(display, desk, tmp_path, "ECCP256")
    shown = " ".join(out.getvalue().split())
    assert "has PIN 123456" in shown
    assert "no birth date" in shown
    assert "The two PINs differ" in shown
    assert "Unblocking a revoked card is refused" in shown


def counted(out: str) -> int:
    return int(re.findall(r"(?:Total|Totaal) +(\d+)", out)[-1])


WRONG = b"271828"


@pytest.mark.parametrize("on_new_card", [False, True], ids=["pass", "card"])
def test_pin_1_the_last_try_with_the_persons_word_goes_on(on_new_card: bool, tmp_path: Path, played: Played) -> None:
    desk, person, out = sat_down({"Try all the same": ["y"]}, [WRONG, WRONG])
    person.on_new_card = on_new_card
    run.play(desk._display, desk, tmp_path, "ECCP256")
    shown = " ".join(out.getvalue().split())
    assert "Wrong PIN (tries left: 1)" in shown
    assert "Unblocking a revoked card is refused" in shown
    assert counted(out.getvalue()) == counted(played.out), "what went wrong on the way does not count"


@pytest.mark.parametrize("on_new_card", [False, True], ids=["pass", "card"])
def test_pin_1_the_last_try_spent_on_a_wrong_pin_blocks_it(on_new_card: bool, tmp_path: Path) -> None:
    desk, person, out = sat_down({"Try all the same": ["y"]}, [WRONG, WRONG, WRONG])
    person.on_new_card = on_new_card
    with pytest.raises(PINBlockedError):
        run.play(desk._display, desk, tmp_path, "ECCP256")
    assert out.getvalue().count("Wrong PIN") == 2


def test_pin_1_the_last_try_is_not_spent_without_it(tmp_path: Path) -> None:
    desk, _, out = sat_down({"Try all the same": ["n"], "Do this part again": ["n"]}, [WRONG, WRONG])
    with pytest.raises(DemonstrationStoppedError):
        run.play(desk._display, desk, tmp_path, "ECCP256")
    assert "no try was spent" in " ".join(out.getvalue().split())
    assert "Summary" in out.getvalue()


def test_a_wrong_pin_is_not_told_as_done(tmp_path: Path) -> None:
    desk, _, out = sat_down({"Try again": ["n"]}, [WRONG])
    with pytest.raises(DemonstrationStoppedError):
        run.play(desk._display, desk, tmp_path, "ECCP256")
    assert "PIN entered" not in out.getvalue()
    assert "Access to the UZI pass granted" in out.getvalue()


def test_a_wrong_birth_date_is_not_told_as_done(tmp_path: Path) -> None:
    display, out = screen(Language.EN)
    world = World.build(tmp_path, "ECCP256")
    play = acts.Play(world, Stage(display), ScriptedHolder(display))
    for act in (acts.request, acts.register):
        act(play)
    told = out.getvalue().count("Birth date entered and accepted")
    assert told == 1
    desk = ScriptedHolder(display)
    desk.birth_date = lambda: date(1999, 9, 9)  # type: ignore[method-assign]
    acts.create(play)
    again = acts.Play(world, Stage(display), desk)
    again.stage.act("create")
    with pytest.raises(BirthDateError):
        acts.create(again)
    assert out.getvalue().count("Birth date entered and accepted") == 2


@pytest.mark.parametrize(
    ("question", "still"),
    [
        ("access to your UZI pass", "Card revoked"),
        ("data of the organisation right", "Card revoked"),
        ("become administrator", "Card revoked"),
        ("show the same code", "Card revoked"),
        ("Block this card", "Card revoked"),
        ("Unblock this card", "Card revoked"),
        ("Revoke this card", "Logging in works again"),
    ],
)
def test_a_no_offers_to_go_on(question: str, still: str, tmp_path: Path, played: Played) -> None:
    desk, _, out = sat_down({question: ["n"]})
    run.play(desk._display, desk, tmp_path, "ECCP256")
    shown = " ".join(out.getvalue().split())
    assert still in shown
    part = "this card" in question
    assert ("You leave this out" in shown) is part
    assert part or counted(out.getvalue()) == counted(played.out)


def test_a_no_that_is_meant_ends_with_the_summary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    desk, _, out = sat_down({"access to your UZI pass": ["n"], "Do this part again": ["n"]})
    with pytest.raises(DemonstrationStoppedError) as caught:
        run.play(desk._display, desk, tmp_path, "ECCP256")
    assert "Summary" in out.getvalue()
    assert "You have stopped the demonstration" in Texts(Language.EN).error(caught.value)


def test_crd_8_a_torn_card_that_is_not_put_in_again_is_told_truly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk, _, out = sat_down({"Do you want to try again?": ["n"]})
    torn = iter([True])
    keep = desk.progress

    def progress(progress: Progress) -> None:
        keep(progress)
        if progress.step is Step.PIN and next(torn, False):
            raise CardRemovedError

    monkeypatch.setattr(desk, "progress", progress)
    run.play(desk._display, desk, tmp_path, "ECCP256")
    shown = " ".join(out.getvalue().split())
    assert "half-made ZORG-ID Smartcard is now on the card; nothing that was issued for it stays valid" in shown
    assert "put the card in again later" in shown
    assert "The card that was left half made was emptied" in shown, "done again, at the person's wish"


def test_the_digits_of_the_phone_have_sentences_of_their_own() -> None:
    answers = iter([b"12345", b"271828", b"1", b"271828"])
    display, out = screen(Language.NL)
    person = Person(display.texts)
    person.secret = lambda prompt, /: Secret.of(next(answers))  # type: ignore[method-assign]
    desk = InteractiveHolder(display, person)
    desk.choose_digits()
    assert "kies zes cijfers" in " ".join(out.getvalue().split())
    desk.digits()
    assert "voer uw zes cijfers in" in " ".join(out.getvalue().split())
    assert "6 tot 6" not in out.getvalue()


# --- what is kept ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["what?", "a#b", "100%25", "my demo", "mode=ro&x", "ünïcode"])
def test_any_name_can_be_kept_in(name: str, tmp_path: Path) -> None:
    directory = tmp_path / name
    directory.mkdir()
    world = World.build(directory, "ECCP256")
    world.close()
    assert (directory / "registry.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_empty_name_is_no_directory(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["demo", "--keep", ""]) == 2
    assert "the name is empty" in capsys.readouterr().err


def test_an_unfinished_demonstration_says_what_it_leaves_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: World) -> bytes:
        raise StorageError("disk full", reason="full")

    monkeypatch.setattr(World, "publish", full)
    assert app.run(["demo", "--lang", "en", "--keep", str(tmp_path / "kept")]) == 8
    told = " ".join(capsys.readouterr().out.split())
    assert "was not finished; left behind in" in told
    assert "registry.db" in told

    def nothing(directory: Path, key_algorithm: str) -> World:
        raise StorageError("disk full", reason="full")

    monkeypatch.setattr(World, "build", nothing)
    assert app.run(["demo", "--lang", "en", "--keep", str(tmp_path / "other")]) == 8
    assert "left behind" not in capsys.readouterr().out
    assert not (tmp_path / "other").exists()


def test_interactive_without_a_terminal_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert app.run(["demo", "--interactive", "--lang", "en"]) == 3
    assert "terminal" in capsys.readouterr().err


def test_a_usage_error_is_not_retried() -> None:
    display, _ = screen()
    play = acts.Play.__new__(acts.Play)
    play.desk = ScriptedHolder(display)
    calls: list[int] = []

    def wrong() -> None:
        calls.append(1)
        raise UsageError("no", reason="x")

    with pytest.raises(UsageError):
        play.attempt(wrong)
    assert calls == [1]
