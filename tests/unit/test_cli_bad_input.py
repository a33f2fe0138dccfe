"""What bad input gets, each item of the issue's list: one clear sentence with what to do, in both languages, and an exit code.

Where a command can come to it, it does; the rest goes through the door that every command has.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from zorgid_card import errors
from zorgid_card.adapters import pcsc
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.cli import app
from zorgid_card.cli.demo import acts
from zorgid_card.cli.demo.holder import ScriptedHolder
from zorgid_card.cli.demo.stage import Stage
from zorgid_card.cli.demo.world import World
from zorgid_card.cli.display import Display
from zorgid_card.cli.failures import about, exit_code
from zorgid_card.errors import ZorgIDError
from zorgid_card.secret import Secret
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, Subscriber
from zorgid_card.texts import Language, Texts
from zorgid_card.workflows.holder import Question

pytestmark = pytest.mark.usefixtures("quick_keys")

NL, EN = Texts(Language.NL), Texts(Language.EN)

RAW = "validation failed: candidates exhausted [Errno 28]"
"""What a parser or system says: not for people who read Dutch."""

CASES: list[tuple[str, Callable[[], ZorgIDError], dict[str, str], int, str, str]] = [
    ("wrong-pin", lambda: errors.WrongPINError(tries_left=2), {}, 3, "pogingen over: 2", "tries left: 2"),
    ("wrong-pin-last", lambda: errors.WrongPINError(tries_left=0), {}, 3, "nu geblokkeerd", "is blocked now"),
    ("pin-form", lambda: errors.PINFormError(minimum=6, maximum=8), {}, 3, "6 tot 8 cijfers", "no try was spent"),
    ("pin-blocked", errors.PINBlockedError, {}, 3, "zorgid-card pin unblock", "zorgid-card pin unblock"),
    ("last-try", lambda: errors.LastTryError(tries_left=1), {}, 3, "nog maar één poging", "Only one try is left"),
    ("pins-differ", errors.PINMismatchError, {}, 3, "twee keer dezelfde", "the same PIN twice"),
    ("run-pin", lambda: errors.PINPolicyError(rule="run"), {}, 3, "te gemakkelijk te raden", "too easy to guess"),
    ("wrong-birth-date", errors.BirthDateError, {}, 3, "controleer de geboortedatum", "check the birth date"),
    (
        "expired-pass",
        lambda: errors.CertificateExpiredError(subject="Jan", not_after="2020-07-12T00:00:00Z"),
        {"card": "uzi-pass"},
        6,
        "UZI-pas is verlopen op 2020-07-12",
        "UZI pass expired on 2020-07-12",
    ),
    (
        "revoked-pass",
        lambda: errors.RevokedError(since="2026-01-02T00:00:00Z", reason="keyCompromise"),
        {"card": "uzi-pass"},
        6,
        "UZI-pas is ingetrokken sinds 2026-01-02 (sleutel gestolen of uitgelekt)",
        "apply to the UZI register",
    ),
    (
        "revoked-card",
        lambda: errors.RevokedError(reason="superseded"),
        {"card": "zorgid"},
        6,
        "Deze ZORG-ID Smartcard is ingetrokken (vervangen)",
        "make a new card with your UZI pass",
    ),
    (
        "held-pass",
        errors.OnHoldError,
        {"card": "uzi-pass"},
        6,
        "contact op met het UZI-register",
        "contact the UZI reg",
    ),
    (
        "held-card",
        errors.OnHoldError,
        {"card": "zorgid"},
        6,
        "een administrator van uw organisatie",
        "an administrator",
    ),
    ("wrong-type", lambda: errors.PassTypeError(found="N", expected="Z"), {}, 7, "van type Z", "of type Z"),
    (
        "another-card-for-the-pass",
        lambda: errors.WrongCardError(expected="uzi-pass", found="zorgid"),
        {},
        4,
        "geen UZI-pas maar een ZORG-ID Smartcard; er is niets op veranderd: plaats uw eigen UZI-pas",
        "no UZI pass but a ZORG-ID Smartcard",
    ),
    (
        "blank-for-the-pass",
        lambda: errors.WrongCardError(expected="uzi-pass", found="blank"),
        {},
        4,
        "geen UZI-pas maar een lege ZORG-ID Smartcard",
        "no UZI pass but a blank ZORG-ID Smartcard",
    ),
    (
        "ura-not-registered",
        lambda: errors.OrganisationUnknownError(ura="90000123", state="unknown"),
        {},
        7,
        "vraag een vertegenwoordiger",
        "ask a representative",
    ),
    (
        "ura-without-a-request",
        lambda: errors.OrganisationUnknownError(ura="90000123", state="unknown"),
        {"purpose": "register"},
        7,
        "dien een aanvraag in",
        "file a request",
    ),
    (
        "ura-suspended",
        lambda: errors.OrganisationUnknownError(ura="90000123", state="suspended"),
        {"purpose": "register"},
        7,
        "neem contact op met ZORG-ID",
        "contact ZORG-ID",
    ),
    (
        "ura-not-the-one-approved",
        lambda: errors.OrganisationMismatchError(ura="90000123", expected="90000456"),
        {},
        7,
        "een pas van de goedgekeurde organisatie",
        "a pass of the approved organisation",
    ),
    ("not-blank", lambda: errors.NotBlankError(found="uzi-pass"), {}, 4, "maar een UZI-pas", "but a UZI pass"),
    (
        "software-key",
        lambda: errors.ResidencyError(reason="chain"),
        {},
        6,
        "de maker van de kaart is niet erkend",
        "the card's maker is not recognised",
    ),
    (
        "software-key-raw",
        lambda: errors.ResidencyError(reason=RAW),
        {},
        6,
        "erkende leverancier",
        "recognised supplier",
    ),
    ("used-key", lambda: errors.ResidencyError(reason="used"), {}, 6, "al een certificaat", "certified before"),
    ("no-reader", errors.NoReaderError, {}, 5, "sluit een paslezer aan", "connect a reader"),
    ("no-card", errors.NoCardError, {}, 5, "plaats de kaart", "put the card in"),
    ("card-removed", errors.CardRemovedError, {}, 5, "plaats dezelfde kaart opnieuw", "put the same card in again"),
    ("atr", lambda: errors.ATRError(reason=RAW), {}, 9, "maak de chip schoon", "clean the chip"),
    (
        "corrupt-certificate",
        lambda: errors.CertificateMalformedError(field="certificate", reason=RAW),
        {},
        6,
        "controleer of dit het juiste bestand",
        "check that this is the right file",
    ),
    ("untrusted", lambda: errors.UntrustedError(reason=RAW), {}, 6, "ontbrekende CA-certificaten", "missing CA"),
    (
        "session",
        lambda: errors.SessionError(reason="certificates"),
        {},
        7,
        "te vaak een kaart begonnen",
        "begun too often",
    ),
    ("session-expired", lambda: errors.SessionError(reason="expired"), {}, 7, "is verlopen", "has expired"),
    ("pairing", lambda: errors.PairingError(reason="mac"), {}, 7, "niet door dit portaal", "not made by this portal"),
    ("full", lambda: errors.StorageError(reason="full"), {}, 8, "maak ruimte vrij", "make room"),
    ("full-os", lambda: errors.StorageError(reason="No space left on device"), {}, 8, "maak ruimte vrij", "make room"),
    (
        "full-errno",
        lambda: errors.StorageError(reason="[Errno 28] No space left on device: '/x'"),
        {},
        8,
        "maak ruimte vrij",
        "make room",
    ),
    ("denied", lambda: errors.StorageError(reason="Permission denied"), {}, 8, "controleer de rechten", "permissions"),
    ("open-directory", lambda: errors.StorageError(reason="permissions"), {}, 8, "chmod go-w", "chmod go-w"),
    ("locked", lambda: errors.StorageError(reason="locked"), {}, 8, "zo dadelijk opnieuw", "in a moment"),
    ("read-only", lambda: errors.StorageError(reason="read_only"), {}, 8, "niet worden geschreven", "writable"),
    ("corrupt", lambda: errors.StorageError(reason="corrupt"), {}, 8, "reservekopie", "backup"),
    ("io", lambda: errors.StorageError(reason="io"), {}, 8, "controleer de schijf", "check the disk"),
    ("missing", lambda: errors.StorageError(reason="missing"), {}, 8, "controleer de naam", "check its name"),
    (
        "torn-and-left",
        lambda: errors.DeclinedError(reason="insert-again"),
        {},
        3,
        "half aangemaakte",
        "nothing that was issued for it stays valid",
    ),
    ("not-asked-again", lambda: errors.DeclinedError(reason="ask-again"), {}, 3, "trekt het portaal hem", "revokes it"),
]


@pytest.mark.parametrize(("make", "known", "code", "nl", "en"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_each_gets_one_sentence_and_its_exit_code(
    make: Callable[[], ZorgIDError],
    known: dict[str, str],
    code: int,
    nl: str,
    en: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for texts, words in ((NL, nl), (EN, en)):

        def fail() -> None:
            with about(**known):
                raise make()

        assert app.guarded(texts, fail) == code
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.count("\n") == 1
        assert words in told.err
        assert ". " not in told.err
        if texts is NL:
            assert "candidates exhausted" not in told.err
            assert "Errno" not in told.err
            assert not re.search(r"\b(the|space|failed|not)\b", told.err)


def test_what_a_parser_says_stays_in_the_details() -> None:
    error = errors.UntrustedError(f"no chain: {RAW}", reason=RAW)
    assert RAW not in NL.error(error)
    assert RAW in EN.error(error)
    assert error.details["reason"] == RAW


# --- through the commands --------------------------------------------------------------------------------------------


def demo(change: Callable[[acts.Play], None], language: Language, tmp_path: Path) -> tuple[int, str]:
    """A demonstration in which something is wrong, as the command would end."""
    texts = Texts(language)
    told: list[ZorgIDError] = []

    def play() -> None:
        display = Display(Console(file=(tmp_path / "out").open("w"), width=80), texts)
        world = World.build(tmp_path, "ECCP256")
        with ExitStack() as stack:
            stack.callback(world.close)
            shared = acts.Play(world, Stage(display), ScriptedHolder(display))
            change(shared)
            for act in acts.ACTS:
                act(shared)

    try:
        play()
    except ZorgIDError as error:
        told.append(error)
    assert told
    return exit_code(told[0]), texts.error(told[0])


def wrong_pin(play: acts.Play) -> None:
    sit = play.desk.sit
    play.desk.sit = lambda person, pin: sit(person, b"271828")  # type: ignore[method-assign]


def wrong_type(play: acts.Play) -> None:
    pki = play.world.pki
    normal = pki.pass_
    pki.pass_ = lambda *given, **more: normal(FATIMA_EL_AMRANI, DE_LINDE, "N")  # type: ignore[method-assign]


def other_organisation(play: acts.Play) -> None:
    pki = play.world.pki
    normal = pki.pass_
    other = Subscriber("Elders", "90000999")
    pki.pass_ = lambda *given, **more: normal(given[0], other, *given[2:], **more)  # type: ignore[method-assign]


def not_blank(play: acts.Play) -> None:
    contents = play.world.pki.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N")
    other = SimpleNamespace(blank=lambda: VirtualUZIPass(contents), root=play.world.maker.root)
    object.__setattr__(play.world, "maker", other)


def other_maker(play: acts.Play) -> None:
    object.__setattr__(play.world.portal.services, "makers", ())


def chosen(first: bytes, second: bytes) -> Callable[[acts.Play], None]:
    def change(play: acts.Play) -> None:
        play.desk.new_pin = lambda policy: (Secret.of(first), Secret.of(second))  # type: ignore[method-assign]

    return change


def pulled_at(question: str) -> Callable[[acts.Play], None]:
    """The pass is pulled at a prompt of the registration."""

    def change(play: acts.Play) -> None:
        confirm = play.desk.confirm

        def pull(asked: Question) -> None:
            confirm(asked)
            if asked.code == question:
                play.world.reader.remove()

        play.desk.confirm = pull  # type: ignore[assignment,method-assign]

    return change


def full_registry(play: acts.Play) -> None:
    registry = play.world.portal.services.registry
    assert isinstance(registry, SQLRegistry)

    def begin() -> None:
        raise errors.StorageError("the registry cannot be used (full)", reason="full")

    registry.begin = begin  # type: ignore[assignment,method-assign]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (wrong_pin, 3, {"nl": "pogingen over: 2", "en": "tries left: 2"}),
        (wrong_type, 7, {"nl": "van type Z", "en": "of type Z"}),
        (other_organisation, 7, {"nl": "dien een aanvraag in", "en": "file a request"}),
        (not_blank, 4, {"nl": "maar een UZI-pas", "en": "but a UZI pass"}),
        (other_maker, 6, {"nl": "de maker van de kaart is niet erkend", "en": "maker is not recognised"}),
        (chosen(b"271828", b"271829"), 3, {"nl": "niet gelijk", "en": "differ"}),
        (chosen(b"123456", b"123456"), 3, {"nl": "te gemakkelijk", "en": "too easy"}),
        (chosen(b"1234", b"1234"), 3, {"nl": "kies een pincode van 6 tot 8", "en": "choose a PIN of 6 to 8"}),
        (pulled_at("grant-access"), 5, {"nl": "te vroeg", "en": "too early"}),
        (pulled_at("consent-administrator"), 5, {"nl": "te vroeg", "en": "too early"}),
        (full_registry, 8, {"nl": "maak ruimte vrij", "en": "make room"}),
    ],
)
def test_the_demonstration_ends_so(
    change: Callable[[acts.Play], None], code: int, words: dict[str, str], language: Language, tmp_path: Path
) -> None:
    found, sentence = demo(change, language, tmp_path)
    assert found == code
    assert words[language.value] in sentence


def test_without_a_request_the_advice_is_to_file_one(tmp_path: Path) -> None:
    display = Display(Console(file=(tmp_path / "out").open("w"), width=80), EN)
    world = World.build(tmp_path, "ECCP256")
    play = acts.Play(world, Stage(display), ScriptedHolder(display))
    with pytest.raises(errors.OrganisationUnknownError) as caught:
        acts.register(play)
    world.close()
    assert "file a request with ZORG-ID" in EN.error(caught.value)


@pytest.mark.parametrize(("language", "words"), [("nl", "sluit een paslezer aan"), ("en", "connect a reader")])
def test_no_reader(
    language: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pcsc, "readers", list)
    for command in (["inspect"], ["pin", "change"], ["pin", "unblock"], ["pin", "change-puk"]):
        assert app.run([*command, "--lang", language]) == 5
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(("language", "words"), [("nl", "plaats de kaart"), ("en", "put the card in")])
def test_no_card(
    language: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pcsc, "readers", lambda: [SimulatedReader("Reader 00")])
    for command in (
        ["inspect"],
        ["inspect", "Reader 00"],
        ["pin", "change"],
        ["pin", "change-puk", "--reader", "Reader 00"],
    ):
        assert app.run([*command, "--lang", language]) == 5
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(("language", "words"), [("nl", "juiste bestand"), ("en", "right file")])
def test_a_corrupt_certificate(language: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "card.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n")
    assert app.run(["inspect", str(path), "--lang", language]) == 6
    told = capsys.readouterr().err
    assert words in told
    assert language == "en" or "error" not in told


# --- output that cannot be written -----------------------------------------------------------------------------------


def zorgid_card(*arguments: str, stdout: int, language: str = "en_US") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zorgid_card.cli", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "LC_ALL": language},
    )


COMMANDS = [["--help"], ["inspect", "{}"], ["inspect", "{}", "--json"], ["demo", "--lang", "en"]]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    from zorgid_card.testkit.maker import Maker

    path = tmp_path / "root.cer"
    path.write_bytes(Maker.create().root)
    return path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_under_the_output_is_one_sentence(arguments: list[str], certificate: Path) -> None:
    with open("/dev/full", "w") as full:
        done = zorgid_card(*(part.format(certificate) for part in arguments), stdout=full.fileno())
    assert done.returncode == 8
    assert done.stderr == "zorgid-card: The output cannot be written (the disk is full); send it where there is room.\n"


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_closed_pipe_is_quiet(arguments: list[str], certificate: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = zorgid_card(*(part.format(certificate) for part in arguments), stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
