"""Fixtures for projects that test their own code with simulated cards (docs/testing-with-cards.md).

Switched on in the top ``conftest.py`` of a project: ``pytest_plugins = ["zorgid_card.testkit.pytest_plugin"]``. It is not loaded by
itself, so that installing the library changes nobody's test runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from zorgid_card.pki.trust import TrustStore
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.nist import VirtualNISTCard
from zorgid_card.testkit.pcscd import PrivatePCSCD, private_pcscd, why_not
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.script import Slot
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, JAN_DE_VRIES, PassType
from zorgid_card.testkit.zorgid import ZorgIDTestIssuer

# --- readers in the process


@pytest.fixture
def card_reader(monkeypatch: pytest.MonkeyPatch) -> SimulatedReader:
    """An empty simulated reader, and the only one that the code under test finds on this computer."""
    reader = SimulatedReader()
    monkeypatch.setattr("zorgid_card.adapters.pcsc.readers", lambda: [reader])
    return reader


# --- cards


@pytest.fixture(scope="session")
def uzi_pki() -> UZITestPKI:
    """A PKI like the UZI register's: issues passes, revokes them, gives CRLs."""
    return UZITestPKI(pool=KeyPool.shared())


@pytest.fixture(scope="session")
def uzi_trust(uzi_pki: UZITestPKI) -> TrustStore:
    """What a portal under test trusts in the place of the real register; its revocation is ``CRLs(uzi_pki.crl_source)``."""
    return uzi_pki.trust()


@pytest.fixture(scope="session")
def uzi_pass_contents(uzi_pki: UZITestPKI) -> PassContents:
    """Keys and certificates of ``uzi_pass``."""
    return uzi_pki.pass_(JAN_DE_VRIES, DE_LINDE, PassType.PROFESSIONAL, role="01.015", title="Huisarts")


@pytest.fixture
def uzi_pass(uzi_pass_contents: PassContents) -> VirtualUZIPass:
    """A UZI pass of a general practitioner, its PIN :data:`zorgid_card.testkit.uzi.DEFAULT_PIN`; new for each test."""
    return VirtualUZIPass(uzi_pass_contents)


@pytest.fixture(scope="session")
def card_maker() -> Maker:
    """The maker of blank cards; ``card_maker.root`` is what a portal takes for ``makers``."""
    return Maker.create()


@pytest.fixture
def blank_card(card_maker: Maker) -> VirtualPIVCard:
    """A blank ZORG-ID Smartcard, in factory state."""
    return card_maker.blank()


@pytest.fixture
def nist_blank_card(card_maker: Maker) -> VirtualNISTCard:
    """A blank ZORG-ID Smartcard of the NIST dialect; ``card_maker.channel_keys(card.serial)`` are its keys for SCP03."""
    return card_maker.nist_blank()


@pytest.fixture(scope="session")
def zorgid_issuer(card_maker: Maker) -> ZorgIDTestIssuer:
    """Issues ZORG-ID Smartcards; ``zorgid_issuer.authority`` is their CA."""
    return ZorgIDTestIssuer(maker=card_maker)


@pytest.fixture
def zorgid_smartcard(zorgid_issuer: ZorgIDTestIssuer) -> VirtualPIVCard:
    """A ZORG-ID Smartcard that was made, its PIN :data:`zorgid_card.testkit.zorgid.PIN`; new for each test."""
    return zorgid_issuer.card(FATIMA_EL_AMRANI)


# --- readers of a real PC/SC service, for other people's programs


@pytest.fixture(scope="session")
def pcscd() -> Iterator[PrivatePCSCD]:
    """A pcscd of our own with two empty virtual slots; ``pcscd.resized(8)`` has more for a while. Skipped where it cannot run."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with private_pcscd() as daemon:
        yield daemon


@pytest.fixture
def virtual_reader(pcscd: PrivatePCSCD) -> Iterator[Slot]:
    """The first slot of that pcscd, empty, and emptied afterwards."""
    slot = pcscd.slots[0]
    yield slot
    slot.slow(0)
    slot.remove()


@pytest.fixture
def insert(pcscd: PrivatePCSCD) -> Iterator[Callable[[VirtualCard], str]]:
    """Puts a card into the next free slot of that pcscd and gives the reader's name; it is taken out at the end."""

    def put(card: VirtualCard) -> str:
        free = next((slot for slot in pcscd.slots if slot.card is None), None)
        assert free is not None, f"there are {len(pcscd.slots)} slots"  # noqa: S101  # of a test
        free.insert(card)
        return free.name

    yield put
    for slot in pcscd.slots:
        slot.remove()
