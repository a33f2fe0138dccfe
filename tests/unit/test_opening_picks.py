"""``open_card`` picks how a card is driven by itself, and when it cannot, it says all that was tried."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import softhsm
from softhsm import certificate, private_key
from zorgid_card import adapters
from zorgid_card.adapters import pcsc, pkcs11
from zorgid_card.adapters.pkcs11 import PKCS11Module
from zorgid_card.cards import PIVCard, TokenCard, UZIPass
from zorgid_card.cli import app
from zorgid_card.errors import CardNotSupportedError, ReaderBusyError
from zorgid_card.opening import open_card
from zorgid_card.pki.signing import verify_signature
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import ATR, VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES
from zorgid_card.texts import Language, Texts

MODULE = softhsm.module()
needs_softhsm = pytest.mark.skipif(MODULE is None, reason="SoftHSM is not installed (Debian package softhsm2)")
UNKNOWN_ATR = bytes.fromhex("3B8001")


@pytest.fixture(scope="module")
def contents() -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ZORGID_PKCS11", raising=False)
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(tmp_path)))


@pytest.fixture
def token(contents: PassContents) -> str:
    """A token of this very pass in SoftHSM; gives the name of its slot, as of a reader."""
    objects = [certificate(bytes([at]), der) for at, der in enumerate(contents.certificates.values(), 1)]
    objects += [private_key(bytes([at]), key) for at, key in enumerate(contents.keys.values(), 1)]
    return filled(*objects)


def filled(*objects: softhsm.Attributes) -> str:
    softhsm.initialise("UZI-pas")
    with PKCS11Module(MODULE) as module:
        (info,) = (one for one in module.tokens() if one.label == "UZI-pas")
    softhsm.fill(str(MODULE), info.slot, objects)
    return info.reader


def in_reader(name: str, card: VirtualCard) -> SimulatedReader:
    reader = SimulatedReader(name)
    reader.insert(card)
    return reader


def unknown(name: str = "Reader 00") -> SimulatedReader:
    """A card that answers every command with a refusal, as one that only its middleware knows may."""
    return in_reader(name, VirtualCard(UNKNOWN_ATR))


def refused(reader: SimulatedReader, **options: object) -> CardNotSupportedError:
    with pytest.raises(CardNotSupportedError) as told, open_card(reader, **options):  # type: ignore[arg-type]
        pass
    return told.value


# --- the card is found a way ------------------------------------------------------------------------------------------


@needs_softhsm
def test_a_card_that_only_its_middleware_knows_is_driven_through_that(token: str) -> None:
    with open_card(unknown(token), middleware=MODULE) as card:
        assert isinstance(card, TokenCard)
        signer = card.authentication_signer(lambda _: Secret.of(softhsm.PIN))
        verify_signature(signer.public_key, signer.algorithm, b"text", signer.sign(b"text"))


@needs_softhsm
def test_the_environment_names_the_middleware(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZORGID_PKCS11", str(MODULE))
    with open_card(unknown(token)) as card:
        assert isinstance(card, TokenCard)


@needs_softhsm
def test_a_pass_goes_through_its_middleware_where_that_shows_it(token: str, contents: PassContents) -> None:
    reader = in_reader(token, VirtualUZIPass(contents))
    with open_card(reader, middleware=MODULE) as card:
        assert isinstance(card, TokenCard)
    for options in ({"middleware": None}, {"exclusive": True}, {"observer": lambda *_: None}):
        with open_card(reader, **{"middleware": MODULE, **options}) as card:  # type: ignore[arg-type]
            assert isinstance(card, UZIPass)


@needs_softhsm
def test_a_pass_whose_middleware_does_not_show_it_is_driven_directly_and_the_log_says_why(
    token: str, contents: PassContents, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "zorgid_card.opening")
    with open_card(in_reader("Another reader", VirtualUZIPass(contents)), middleware=MODULE) as card:
        assert isinstance(card, UZIPass)
        assert card.sign("authenticity", b"x", pin=lambda _: Secret.of(b"123456"))
    assert token not in caplog.text
    assert "Another reader" in caplog.text


def test_a_pass_without_any_middleware_is_driven_directly(contents: PassContents) -> None:
    with open_card(in_reader("Reader 00", VirtualUZIPass(contents))) as card:
        assert isinstance(card, UZIPass)


def test_no_middleware_is_looked_for_where_a_card_of_ours_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(*_: object) -> None:
        raise AssertionError("the middleware was looked for")

    monkeypatch.setattr(pkcs11, "find_module", looked)
    with open_card(in_reader("Reader 00", Maker.create().blank())) as card:
        assert isinstance(card, PIVCard)


@needs_softhsm
def test_the_card_is_let_go_of_before_its_middleware_is_asked(token: str, contents: PassContents) -> None:
    """A middleware that wants the card for itself gets it."""
    reader = in_reader(token, VirtualUZIPass(contents))
    with open_card(reader, middleware=MODULE) as card:
        assert isinstance(card, TokenCard)
        reader.connect(exclusive=True).close()
    with open_card(reader, middleware=None), pytest.raises(ReaderBusyError):
        reader.connect(exclusive=True)


@needs_softhsm
def test_inspect_looks_at_a_card_that_only_its_middleware_knows(
    token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = unknown(token)
    monkeypatch.setattr(pcsc, "readers", lambda: [reader])
    monkeypatch.setenv("ZORGID_PKCS11", str(MODULE))
    app.run(["inspect", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["card"]["applications"]) == ("uzi-pass", ["PKCS#11"])
    assert len(told["certificates"]) == 3


# --- the card is not found a way --------------------------------------------------------------------------------------


def say(error: CardNotSupportedError, language: Language) -> str:
    return Texts(language).error(error)


def test_without_a_middleware_the_error_says_what_the_card_is_and_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(adapters.pkcs11.library, "usual_places", lambda: [tmp_path / "libaetpkss.so.3"])
    error = refused(unknown())
    assert (error.state, error.module) == ("no middleware", "SafeSign")
    assert str(tmp_path / "libaetpkss.so.3") in str(error)
    assert "cannot be used" in str(error)
    assert "SafeSign" in say(error, Language.NL)
    assert "install SafeSign" in say(error, Language.EN)


def broken(directory: Path) -> str:
    (directory / "softhsm2.conf").write_text(f"directories.tokendir = {directory}/nowhere\n")
    return "Reader 00"


@needs_softhsm
@pytest.mark.parametrize(
    ("prepare", "state", "said"),
    [
        (lambda _: "Reader 00", "no token", "shows no card in this reader"),
        (broken, "middleware failed", "does not work"),
    ],
    ids=["no token", "middleware failed"],
)
def test_a_middleware_that_does_not_help_is_named_with_the_reason(
    prepare: Callable[[Path], str], state: str, said: str, tmp_path: Path
) -> None:
    error = refused(unknown(prepare(tmp_path)), middleware=MODULE)
    assert (error.state, error.module) == (state, str(MODULE))
    assert said in say(error, Language.EN)
    assert str(MODULE) in say(error, Language.NL)


@needs_softhsm
def test_a_token_of_nothing_we_know_is_named(contents: PassContents) -> None:
    name = filled(certificate(b"\x01", contents.chain[-1]))
    error = refused(unknown(name), middleware=MODULE)
    assert error.state == "other token"
    assert "neither a UZI pass nor a ZORG-ID Smartcard" in say(error, Language.EN)


def test_a_pass_that_cannot_be_read_is_called_one_and_its_middleware_named() -> None:
    error = refused(in_reader("Reader 00", VirtualCard(ATR)), middleware="/nowhere/libaetpkss.so.3")
    assert "the answer to reset of a UZI pass, which only its middleware can read" in str(error)
    assert "/nowhere/libaetpkss.so.3" in str(error)
    assert "SafeSign" in say(error, Language.NL)


def test_a_file_that_is_no_module_is_told(tmp_path: Path) -> None:
    path = tmp_path / "module.so"
    path.write_text("no library")
    error = refused(unknown(), middleware=path)
    assert (error.state, error.module) == ("no middleware", str(path))


def test_where_no_middleware_is_wanted_the_card_is_refused_as_it_was_found() -> None:
    assert refused(unknown(), middleware=None).details.keys() == {"reason", "advice"}
