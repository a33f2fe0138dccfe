"""A card about to expire: when its holder is told, and what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zorgid_card.cards.expiry import ExpiryState, expiry_of
from zorgid_card.cli.display import Display, console
from zorgid_card.cli.expiry import expiry_as_json, tell_expiry
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES
from zorgid_card.texts import Language, Texts

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2029, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def certificates() -> list[bytes]:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=START)
    later = pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", not_after=END + timedelta(days=400))
    return [
        *later.certificates.values(),
        *pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", not_after=END).certificates.values(),
    ]


def of_no_version(certificate: bytes) -> bytes:
    """The certificate, as of a version that X.509 does not have."""
    return certificate.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"), 1)


@pytest.mark.parametrize(
    ("before", "state", "days"),
    [
        (timedelta(days=61), ExpiryState.GOOD, 61),
        (timedelta(days=60), ExpiryState.SOON, 60),
        (timedelta(days=1, seconds=5), ExpiryState.SOON, 1),
        (timedelta(0), ExpiryState.SOON, 0),
        (timedelta(seconds=-1), ExpiryState.EXPIRED, 0),
    ],
)
def test_the_first_certificate_to_end_counts(
    certificates: list[bytes], before: timedelta, state: ExpiryState, days: int
) -> None:
    found = expiry_of([b"not a certificate", *certificates], END - before)
    assert found is not None
    assert (found.not_after, found.state, found.days_left) == (END, state, days)


def test_what_cannot_be_read_expires_at_no_time_that_is_known(certificates: list[bytes]) -> None:
    assert expiry_of([b"\x30\x00"], START) is None
    assert expiry_of([of_no_version(certificates[0])], START) is None
    assert expiry_as_json(None) is None


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (90, ""),
        (30, "expires in 30 days, on 2029-03-01"),
        (1, "expires in a day"),
        (0, "expires within a day"),
        (-3, "expired on 2029-03-01"),
    ],
)
def test_the_holder_is_told_in_time_and_not_before(
    certificates: list[bytes], before: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    at = END - timedelta(days=before)
    tell_expiry(Display(console(), Texts(Language.EN)), certificates, at)
    shown = " ".join(capsys.readouterr().out.split())
    assert (said in shown) if said else (shown == "")
    tell_expiry(Display(console(), Texts(Language.EN)), certificates, at, err=True)
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
