"""``open_card`` over a real pcscd with a real PKCS#11 module beside it (OpenSC's); and a new pass activated at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opensc import OpenSC
from terminal import Terminal
from zorgid_card import open_card
from zorgid_card.cards import PIVCard, TokenCard, UZIPass
from zorgid_card.pki.signing import verify_signature
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES

pytestmark = pytest.mark.blackbox

Insert = Callable[[VirtualCard], str]
COMMAND = (sys.executable, "-m", "zorgid_card.cli")
PIN = b"123456"


@pytest.fixture(scope="module")
def contents() -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")


@pytest.fixture
def middleware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """OpenSC's module in the place of SafeSign's, told by configuration to drive the pass."""
    opensc = OpenSC(tmp_path)
    monkeypatch.setenv("OPENSC_CONF", opensc.environment["OPENSC_CONF"])
    monkeypatch.setenv("ZORGID_PKCS11", str(opensc._module))
    return str(opensc._module)


@pytest.mark.parametrize("named", [True, False], ids=["a reader", "the only reader with a card"])
def test_a_pass_goes_through_the_middleware_that_shows_it_in_that_reader(
    insert: Insert, contents: PassContents, middleware: str, named: bool
) -> None:
    simulated = VirtualUZIPass(contents)
    reader = insert(simulated)
    with open_card(reader if named else None) as card:
        assert isinstance(card, TokenCard)
        assert card.reader == reader
        signer = card.authentication_signer(lambda _: Secret.of(PIN))
        verify_signature(signer.public_key, signer.algorithm, b"text", signer.sign(b"text"))
    with open_card(reader, middleware=None) as card:
        assert isinstance(card, UZIPass)
        assert card.sign("authenticity", b"text", pin=lambda _: Secret.of(PIN))
    assert simulated.tries_left == (3, 3)


def test_a_card_of_ours_never_does(insert: Insert, middleware: str) -> None:
    reader = insert(Maker.create().blank())
    with open_card(reader) as card:
        assert isinstance(card, PIVCard)


def test_a_new_pass_is_activated_at_a_terminal_and_once_only(
    insert: Insert, contents: PassContents, tmp_path: Path
) -> None:
    simulated = VirtualUZIPass(contents, activated=False)
    reader, trace = insert(simulated), tmp_path / "trace.jsonl"
    terminal = Terminal([*COMMAND, "activate", "--reader", reader, "--trace", str(trace), "--lang", "nl"])
    terminal.expect("Pincode van de kaart.*: ")
    assert not terminal.echoes
    terminal.answer(PIN)
    assert terminal.end() == 0
    assert "geactiveerd en klaar voor gebruik" in " ".join(terminal.text.split())
    assert simulated.activated
    assert PIN.hex() not in trace.read_text()
    again = Terminal([*COMMAND, "activate", "--reader", reader, "--lang", "nl"])
    assert again.end() == 4
    assert "laat hem meteen intrekken bij het UZI-register" in " ".join(again.text.split())
