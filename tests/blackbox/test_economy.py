"""How many APDUs a log-in takes over a real pcscd, counted at the card; and a stranger put in, whose tries stay what they were."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from met_cards import OTHER_PIN, PIN, Person, a_card, tries_left
from zorgid_card import recipes
from zorgid_card.adapters import pcsc
from zorgid_card.cards import CardMemory, PIVCard
from zorgid_card.errors import ReaderError, WrongCardError
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.vpcd import VPCDCard

pytestmark = pytest.mark.blackbox

SECONDS = 30


class Counting(VPCDCard):
    """Counts the command APDUs that reach the card."""

    count = 0

    def _answer(self, message: bytes) -> bytes | None:
        self.count += len(message) > 1
        return super()._answer(message)


def reader() -> pcsc.PCSCReader:
    return next(found for found in pcsc.readers() if found.name == "Virtual PCD 00 00")


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "pcscd did not notice"
        time.sleep(0.05)


@contextmanager
def inserted(card: VirtualCard) -> Iterator[Counting]:
    """The card in the first slot, until pcscd has seen it go."""
    serving = Counting(card)
    serving.start()
    try:
        wait_until(lambda: reader().insertion() is not None)
        yield serving
    finally:
        serving.stop()
        wait_until(lambda: reader().insertion() is None)


def sign_in(served: Counting, memory: CardMemory, person: Person | None = None) -> tuple[bytes, int]:
    """The certificate shown, whose key made the signature, and how many APDUs the card saw."""
    before = served.count
    with recipes.open_card(reader(), memory=memory) as card:
        assert isinstance(card, PIVCard)
        certificate = card.authentication_certificate()
        signature = card.authentication_signer(person or Person()).sign(b"nonce")
        count = served.count - before
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signature, b"nonce", ec.ECDSA(hashes.SHA256()))
    return certificate, count


def test_four_in_the_same_insertion_and_five_in_another(pcscd: None) -> None:
    card, memory = a_card(), CardMemory()
    with inserted(card) as served:
        certificate, count = sign_in(served, memory)
        assert count <= 5 + -(-(len(certificate) + 12) // 256)
        assert [sign_in(served, memory) for _ in range(2)] == [(certificate, 4)] * 2
    with inserted(card) as served:
        assert sign_in(served, memory) == (certificate, 5)
        assert sign_in(served, memory) == (certificate, 4)


def test_a_stranger_put_in_is_read_and_not_tried(pcscd: None) -> None:
    card, stranger, memory = a_card(), a_card(OTHER_PIN), CardMemory()
    with inserted(card) as served:
        mine, _ = sign_in(served, memory)
    with inserted(stranger) as served:
        theirs, _ = sign_in(served, memory, Person(OTHER_PIN))
        assert theirs != mine
    assert tries_left(stranger) == 3
    with inserted(card) as served:
        assert sign_in(served, memory) == (mine, 5)


def test_a_card_changed_while_the_pin_is_asked_keeps_its_tries(pcscd: None) -> None:
    card, stranger, memory = a_card(), a_card(OTHER_PIN), CardMemory()
    others: list[Counting] = []
    with inserted(card) as served:
        sign_in(served, memory)

        def change() -> None:
            served.stop()
            wait_until(lambda: reader().insertion() is None)
            others.append(Counting(stranger))
            others[0].start()
            wait_until(lambda: reader().insertion() is not None)

        try:
            with pytest.raises((ReaderError, WrongCardError)):
                sign_in(served, memory, Person(meanwhile=change))
        finally:
            for other in others:
                other.stop()
    assert tries_left(stranger) == 3


def test_another_program_at_the_card_does_not_break_it(pcscd: None) -> None:
    """OpenSC reads the card between log-ins, and resets it while the PIN is asked."""
    if shutil.which("opensc-tool") is None:
        pytest.skip("opensc-tool is not installed")
    card, memory = a_card(), CardMemory()

    def opensc(*arguments: str) -> None:
        done = subprocess.run(
            ["opensc-tool", "--reader", "0", *arguments], capture_output=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr

    with inserted(card) as served:
        certificate, _ = sign_in(served, memory)
        opensc("--name", "--serial")
        assert sign_in(served, memory) == (certificate, 4)
        person = Person(PIN, meanwhile=lambda: opensc("--reset=cold"))
        before = served.count
        found, _ = sign_in(served, memory, person)
        assert found == certificate
        assert served.count > before
        assert len(person.asked) == 1
    assert tries_left(card) == 3
