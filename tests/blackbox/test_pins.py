"""PIN and PUK by other people's programs, on both kinds of card; what a try costs is read off the card."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from made_card import tries_left
from opensc import SETCOS, OpenSC
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, Layout
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES

pytestmark = pytest.mark.blackbox

Insert = Callable[[VirtualCard], str]


@pytest.fixture(scope="module")
def contents() -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")


@pytest.fixture(params=[LAYOUT_A, LAYOUT_B, None], ids=["UZI-A", "UZI-B", "PIV"])
def card(request: pytest.FixtureRequest) -> VirtualCard:
    layout: Layout | None = request.param
    if layout is None:
        return Maker.create().blank()
    contents: PassContents = request.getfixturevalue("contents")
    return VirtualUZIPass(contents, layout=layout, pin=b"123456", puk=b"12345678")


@pytest.fixture
def reader(card: VirtualCard, insert: Insert) -> str:
    return insert(card)


@pytest.fixture
def opensc(tmp_path: Path) -> OpenSC:
    return OpenSC(tmp_path, SETCOS)


def left(card: VirtualCard) -> tuple[int | None, int | None]:
    """Tries left of PIN and PUK: the pass's own counters, or what the PIV card tells through PC/SC."""
    return card.tries_left if isinstance(card, VirtualUZIPass) else tries_left()


def log_in(opensc: OpenSC, pin: str, *, fails: bool = False) -> None:
    told = opensc.pkcs11("--login", "--pin", pin, "--list-objects", "--type", "privkey", fails=fails)
    assert not fails or "CKR_PIN" in told


def test_pin_2_by_pkcs11_tool(card: VirtualCard, reader: str, opensc: OpenSC) -> None:
    change = ("--login", "--change-pin")
    assert "successfully changed" in opensc.pkcs11(*change, "--pin", "123456", "--new-pin", "87654321")
    log_in(opensc, "123456", fails=True)
    assert left(card) == (2, 3)
    opensc.pkcs11(*change, "--pin", "123456", "--new-pin", "111111", fails=True)
    assert left(card) == (1, 3)
    log_in(opensc, "87654321")
    assert left(card) == (3, 3)


def test_pin_2_and_3_by_pkcs15_tool(card: VirtualCard, reader: str, opensc: OpenSC) -> None:
    tool = ("pkcs15-tool", "--reader", reader, "--auth-id", "01")
    opensc.run(*tool, "--change-pin", "--pin", "123456", "--new-pin", "654321")
    for tries in (2, 1, 0):
        opensc.run(*tool, "--change-pin", "--pin", "123456", "--new-pin", "111111", fails=True)
        assert left(card) == (tries, 3)
    opensc.run(*tool, "--change-pin", "--pin", "654321", "--new-pin", "111111", fails=True)
    unblock = (*tool, "--unblock-pin", "--new-pin", "222222")
    opensc.run(*unblock, "--puk", "00000000", fails=True)
    assert left(card) == (0, 2)
    opensc.run(*unblock, "--puk", "12345678")
    assert left(card) == (3, 3)
    log_in(opensc, "222222")


def test_pin_3_by_pkcs11_tool(card: VirtualCard, reader: str, opensc: OpenSC) -> None:
    for _ in range(3):
        log_in(opensc, "999999", fails=True)
    assert left(card) == (0, 3)
    log_in(opensc, "123456", fails=True)
    unlock = ("--unlock-pin", "--new-pin", "222222")
    opensc.pkcs11(*unlock, "--puk", "00000000", fails=True)
    assert left(card) == (0, 2)
    assert "successfully changed" in opensc.pkcs11(*unlock, "--puk", "12345678")
    assert left(card) == (3, 3)
    log_in(opensc, "222222")


def test_pin_3_by_a_security_officer_of_pkcs11(card: VirtualCard, reader: str, tmp_path: Path) -> None:
    opensc = OpenSC(tmp_path, SETCOS, unblock="init_pin_in_so_session")
    officer = ("--login", "--login-type", "so", "--init-pin", "--new-pin", "333333")
    if not isinstance(card, VirtualUZIPass):  # VERIFY of the PUK, which PIV has not (SP 800-73-5 part 2, 3.2.1)
        assert "C_Login" in opensc.pkcs11(*officer, "--so-pin", "12345678", fails=True)
        assert left(card) == (3, 3)
        return
    opensc.pkcs11(*officer, "--so-pin", "00000000", fails=True)
    assert left(card) == (3, 2)
    assert "successfully initialized" in opensc.pkcs11(*officer, "--so-pin", "12345678")
    assert left(card) == (3, 3)
    log_in(opensc, "333333")
