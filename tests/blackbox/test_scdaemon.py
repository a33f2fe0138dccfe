"""GnuPG's scdaemon, which looks at every card it finds, beside the library: nobody is confused, nothing is tried.

The scdaemon of Debian 12 (2.2) has no application for PIV and says so; it reads the PKCS #15 of a UZI pass. It signs with
neither: for a pass it pads the hash itself and sends extended lengths unasked (docs/other-cards.md).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from made_card import FIRST, made_card, need, opensc_module, run, tries_left, wait_for_card
from world import CARD_PIN
from zorgid_card import find_reader, open_card
from zorgid_card.errors import ReaderBusyError
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import ATR, VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, Layout
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage

pytestmark = pytest.mark.blackbox

Insert = Callable[[VirtualCard], str]
SCDAEMON = Path("/usr/lib/gnupg/scdaemon")
SERIAL = "3730303030303031"


class GnuPG:
    """gpg, its agent and scdaemon with a home of their own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def configure(self, *options: str) -> None:
        lines = ["disable-ccid", "pcsc-driver libpcsclite.so.1", *options]
        (self.home / "scdaemon.conf").write_text("".join(f"{line}\n" for line in lines))

    def run(self, *command: str | Path, fails: bool = False) -> str:
        return run(*command, env={"GNUPGHOME": str(self.home)}, fails=fails)

    def card(self, *commands: str) -> str:
        """What scdaemon answers; the last line is OK or ERR."""
        return self.run("gpg-connect-agent", *commands, "/bye")

    def stop(self, what: str = "scdaemon") -> None:
        self.run("gpgconf", "--kill", what)


@pytest.fixture
def gnupg() -> Iterator[GnuPG]:
    need("gpg", "gpg-connect-agent", "gpgconf")
    if not SCDAEMON.exists():
        pytest.skip("scdaemon is not installed (Debian package scdaemon)")
    with tempfile.TemporaryDirectory(prefix="gpg") as home:  # short: it holds sockets
        gnupg = GnuPG(Path(home))
        gnupg.configure("pcsc-shared")
        yield gnupg
        gnupg.stop("all")


@pytest.fixture
def present(insert: Insert) -> Insert:
    """Inserts a card, and waits until every program can see it."""

    def put(card: VirtualCard) -> str:
        reader = insert(card)
        wait_for_card()
        return reader

    return put


@pytest.fixture(scope="module")
def jan() -> PassContents:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    return pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015")


@pytest.fixture
def opensc(tmp_path: Path) -> dict[str, str]:
    """None of OpenSC's drivers claims a UZI pass, so one is named (see test_uzi_card)."""
    configuration = tmp_path / "opensc.conf"
    configuration.write_text(f'app default {{ card_atr {ATR.hex(":")} {{ driver = "MaskTech"; }} }}')
    return {"OPENSC_CONF": str(configuration)}


def test_gpg_and_a_zorgid_smartcard(pcscd: None, gnupg: GnuPG, tmp_path: Path) -> None:
    with made_card("RSA2048", tmp_path):
        knows_piv = "piv:" in gnupg.card("SCD GETINFO app_list")
        shown = gnupg.run("gpg", "--card-status", fails=not knows_piv)
        assert ("Application type .: PIV" if knows_piv else "OpenPGP card not available") in shown
        for command in ("SCD SERIALNO", "SCD LEARN --force"):
            assert (gnupg.card(command).splitlines()[-1] == "OK") is knows_piv
        assert tries_left() == (3, 3)
        login = ("pkcs11-tool", "--module", opensc_module(), "--login", "--pin", CARD_PIN.decode())
        assert "No errors" in run(*login, "--test")
        gnupg.card("SCD SERIALNO")
        assert tries_left() == (3, 3)


def test_scdaemon_reads_a_uzi_pass(present: Insert, gnupg: GnuPG, jan: PassContents, tmp_path: Path) -> None:
    present(VirtualUZIPass(jan, layout=LAYOUT_A))
    shown = gnupg.run("gpg", "--card-status")
    assert f"Application ID ...: {SERIAL}" in shown
    assert "Application type .: PKCS#15" in shown
    learnt = gnupg.card("SCD LEARN --force").splitlines()
    assert "S CHV-STATUS 3 3" in learnt
    assert sum(line.startswith("S KEYPAIRINFO") for line in learnt) == 3
    names = {Usage.AUTHENTICITY: "Authenticiteit", Usage.SIGNATURE: "Handtekening"}
    for usage, label in {**names, Usage.CONFIDENTIALITY: "Vertrouwelijkheid"}.items():
        (reference,) = (line.split()[3] for line in learnt if line.startswith("S CERTINFO") and line.endswith(label))
        read = tmp_path / label
        gnupg.card(f"/datafile {read}", f"SCD READCERT {reference}")
        assert read.read_bytes() == jan.certificates[usage]
    assert tries_left() == (3, 3)


@pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])
def test_after_scdaemon_a_uzi_pass_is_as_before(
    present: Insert, gnupg: GnuPG, opensc: dict[str, str], jan: PassContents, layout: Layout
) -> None:
    reader = present(VirtualUZIPass(jan, layout=layout))
    assert f"S SERIALNO {SERIAL}" in gnupg.card("SCD SERIALNO")
    assert "S CHV-STATUS 3 3" in gnupg.card("SCD LEARN --force")
    assert tries_left() == (3, 3)
    with open_card(find_reader(FIRST)) as card:
        assert card.authentication_certificate() == jan.certificates[Usage.AUTHENTICITY]
    assert f"UZI-pas {jan.card_number}" in run("pkcs15-tool", "--reader", reader, "--list-info", env=opensc)
    assert f"S SERIALNO {SERIAL}" in gnupg.card("SCD SERIALNO")


def test_a_card_that_scdaemon_holds_is_busy_until_it_lets_go(present: Insert, gnupg: GnuPG, jan: PassContents) -> None:
    gnupg.configure()  # as delivered: it connects to the card exclusively
    present(VirtualUZIPass(jan, layout=LAYOUT_A))
    assert f"S SERIALNO {SERIAL}" in gnupg.card("SCD SERIALNO")
    with pytest.raises(ReaderBusyError), open_card(find_reader(FIRST)):
        pass
    gnupg.stop()
    assert tries_left_at_last() == (3, 3)


def tries_left_at_last() -> tuple[int | None, int | None]:
    """When the other program has let go: gpgconf does not wait until scdaemon has ended."""
    end = time.monotonic() + 10
    while True:
        try:
            return tries_left()
        except ReaderBusyError:
            assert time.monotonic() < end, "scdaemon does not let go"
            time.sleep(0.05)
