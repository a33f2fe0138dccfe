"""Making and managing a ZORG-ID Smartcard, on simulated blanks of a maker."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from card_scripts import Instructions, Tampered, powered
from zorgid_card.cards import CardKind, PINRequest, PIVCard, TryState, ZorgIDCard, open_card
from zorgid_card.cards.access import Tries
from zorgid_card.cards.profile import PLAIN_PIV
from zorgid_card.codec.apdu import INS
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardError,
    CardRemovedError,
    CardResetError,
    LastTryError,
    NotBlankError,
    PINBlockedError,
    PINNeededError,
    PINPolicyError,
    ProofError,
    PUKBlockedError,
    StatusWordError,
    UsageError,
    WrongPINError,
    WrongPUKError,
)
from zorgid_card.ports.card import Channel
from zorgid_card.secret import Secret
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.reader import SimulatedReader

MAKER = Maker.create()
PIN, NEW_PIN, WRONG_PIN = b"123456", b"654321", b"111111"
PUK, NEW_PUK, WRONG_PUK = b"12345678", b"87654321", b"11111111"


@pytest.fixture
def reader() -> SimulatedReader:
    found = SimulatedReader()
    found.insert(MAKER.blank())
    return found


@pytest.fixture
def card(reader: SimulatedReader) -> ZorgIDCard:
    return ZorgIDCard(Link(reader.connect()))


def secret(value: bytes) -> Secret:
    return Secret.of(value)


def factory_key(card: ZorgIDCard) -> Secret:
    return card.factory_secrets()[2]


def a_provider(value: bytes, asked: list[PINRequest] | None = None) -> Callable[[PINRequest], Secret]:
    def provide(request: PINRequest) -> Secret:
        if asked is not None:
            asked.append(request)
        return secret(value)

    return provide


def generated(card: ZorgIDCard, *slots: int, algorithm: str = "ECCP256") -> list[bytes]:
    with card.session():
        card.authenticate_administration(factory_key(card))
        return [card.generate(slot, algorithm) for slot in slots]


# --- making -------------------------------------------------------------------------------------------------------


def test_crd_5_a_blank_is_told_by_reading(card: ZorgIDCard) -> None:
    card.require_blank()
    assert card.serial.isdigit()
    assert card.firmware == "5.7.1"
    with card.session():
        card.require_blank()
        assert card.inventory().used == ()
    assert card.tries() == card.puk_tries() == Tries.known(3)


@pytest.mark.parametrize("administration", ["AES192", "3DES"])
def test_crd_7_a_card_is_made(administration: str) -> None:
    _, link = powered(MAKER.blank(administration=administration))
    card = open_card(link)
    assert isinstance(card, ZorgIDCard)
    assert card.kind is CardKind.BLANK
    new_key = Secret.random(24)
    with card.session():
        card.authenticate_administration(factory_key(card))
        public_key = card.generate(0x9A, "ECCP256")
        card.set_administration_key(new_key)
        card.authenticate_administration(new_key)
        card.write_certificate(0x9A, card.attest(0x9A))
        card.write_chuid(secrets.token_bytes(16), date(2029, 12, 31))
        card.write_ccc()
        card.write_discovery()
    attestation = x509.load_der_x509_certificate(card.attest(0x9A))
    assert attestation.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == public_key
    attestation.verify_directly_issued_by(x509.load_der_x509_certificate(card.attestation_intermediate()))
    assert card.certificate() is not None
    assert card.public_key() == public_key


@pytest.mark.parametrize("algorithm", ["RSA2048", "ECCP256", "ECCP384"])
def test_crd_7_what_is_generated_signs(card: ZorgIDCard, algorithm: str) -> None:
    (public_key,) = generated(card, 0x9A, algorithm=algorithm)
    signer = card.signer(0x9A, a_provider(PIN))
    assert signer.public_key == public_key
    key = load_der_public_key(public_key)
    made = signer.sign(b"data")
    if isinstance(key, rsa.RSAPublicKey):
        assert signer.algorithm == "RS256"
        key.verify(made, b"data", padding.PKCS1v15(), hashes.SHA256())
        pss = padding.PSS(padding.MGF1(hashes.SHA512()), 64)
        key.verify(card.sign(0x9A, b"data", "PS512", a_provider(PIN)), b"data", pss, hashes.SHA512())
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert signer.algorithm == {256: "ES256", 384: "ES384"}[key.key_size]
        key.verify(made, b"data", ec.ECDSA(hashes.SHA256() if key.key_size == 256 else hashes.SHA384()))


def test_aut_3_key_agreement_is_the_other_sides(card: ZorgIDCard) -> None:
    (public_key,) = generated(card, 0x9D)
    other = ec.generate_private_key(ec.SECP256R1())
    theirs = other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ours = load_der_public_key(public_key)
    assert isinstance(ours, ec.EllipticCurvePublicKey)
    assert card.key_agreement(theirs, a_provider(PIN)) == other.exchange(ec.ECDH(), ours)
    for bad in (b"", ec.generate_private_key(ec.SECP384R1()).public_key()):
        der = bad if isinstance(bad, bytes) else bad.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(UsageError):
            card.key_agreement(der, a_provider(PIN))


def test_a_write_without_the_administration_key_changes_nothing(card: ZorgIDCard) -> None:
    with pytest.raises(StatusWordError) as caught:
        card.write_certificate(0x9A, b"\x30\x00")
    assert caught.value.sw == 0x6982
    with pytest.raises(StatusWordError):
        card.generate(0x9A, "ECCP256")
    card.require_blank()


def test_a_wrong_administration_key_is_refused(card: ZorgIDCard) -> None:
    with pytest.raises(StatusWordError):
        card.authenticate_administration(Secret.random(24))
    with pytest.raises(UsageError):
        card.authenticate_administration(Secret.random(16))


def test_what_reads_back_differently_is_not_written() -> None:
    """The card says that it wrote, and gives something else: the answer to the GET DATA after the PUT DATA is changed."""
    for at in range(1, 40):
        _, link = powered(MAKER.blank())
        notes = Instructions(
            Tampered(link.channel, at, lambda raw: raw[:4] + b"\x00" + raw[5:] if len(raw) > 12 else raw)
        )
        card = ZorgIDCard(Link(notes))
        try:
            with card.session():
                card.authenticate_administration(factory_key(card), "AES192")
                card.write_chuid(bytes(16), date(2029, 12, 31))
        except ProofError:
            if notes.headers[-1][1] == 0xCB:
                return
        except CardError:
            continue
    pytest.fail("no changed answer was noticed")


def test_crd_8_factory_reset_gives_a_blank(card: ZorgIDCard) -> None:
    generated(card, 0x9A, 0x9C)
    card.change_pin(secret(PIN), secret(NEW_PIN))
    with pytest.raises(NotBlankError):
        card.require_blank()
    card.factory_reset()
    card.require_blank()
    card.verify_pin(secret(PIN))


def test_set_retries(card: ZorgIDCard) -> None:
    with card.session():
        card.authenticate_administration(factory_key(card))
        card.verify_pin(secret(PIN))
        card.set_retries(5, 4)
    assert (card.tries(), card.puk_tries()) == (Tries.known(5), Tries.known(4))


def test_a_plain_piv_card_cannot_be_made(card: ZorgIDCard, reader: SimulatedReader) -> None:
    reader.remove()
    with pytest.raises(CardError):
        ZorgIDCard(Link(reader_with(MAKER.blank()).connect()), PLAIN_PIV).factory_secrets()


def reader_with(card: VirtualPIVCard) -> SimulatedReader:
    found = SimulatedReader()
    found.insert(card)
    return found


# --- PIN and PUK --------------------------------------------------------------------------------------------------


def test_pin_2_change_the_pin(card: ZorgIDCard) -> None:
    card.change_pin(secret(PIN), secret(NEW_PIN))
    card.verify_pin(secret(NEW_PIN))
    with pytest.raises(WrongPINError) as caught:
        card.verify_pin(secret(PIN))
    assert caught.value.tries_left == 2


def test_pin_3_unblock_with_the_puk_and_pin_4_change_the_puk(card: ZorgIDCard) -> None:
    card.change_puk(secret(PUK), secret(NEW_PUK))
    for _ in range(3):
        with pytest.raises(WrongPINError):
            card.verify_pin(secret(WRONG_PIN), last_try_allowed=True)
    with pytest.raises(PINBlockedError):
        card.verify_pin(secret(PIN), last_try_allowed=True)
    with pytest.raises(WrongPUKError) as caught:
        card.unblock_pin(secret(PUK), secret(NEW_PIN))
    assert caught.value.tries_left == 2
    card.unblock_pin(secret(NEW_PUK), secret(NEW_PIN))
    card.verify_pin(secret(NEW_PIN))
    assert card.puk_tries() == Tries.known(3)


def test_pin_1_the_last_try_is_spent_on_the_users_word_only(card: ZorgIDCard) -> None:
    for _ in range(2):
        with pytest.raises(WrongPINError):
            card.verify_pin(secret(WRONG_PIN))
    assert card.tries() == Tries(TryState.FINAL, 1)
    asked: list[PINRequest] = []
    generated(card, 0x9A)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: card.verify_pin(secret(PIN)),
        lambda: card.change_pin(secret(PIN), secret(NEW_PIN)),
        lambda: card.sign(0x9A, b"x", "ES256", a_provider(PIN, asked)),
    )
    for attempt in attempts:
        with pytest.raises(LastTryError) as caught:
            attempt()
        assert caught.value.tries_left == 1
    assert asked[0].tries.state is TryState.FINAL
    assert asked[0].retrying
    assert card.tries().left == 1
    card.verify_pin(secret(PIN), last_try_allowed=True)
    assert card.tries() == Tries.known(3)


def test_pin_1_an_unknown_counter_is_treated_as_the_last(reader: SimulatedReader) -> None:
    """A card without metadata does not tell the PUK's counter."""
    card = PIVCard(Link(reader.connect()), PLAIN_PIV)
    assert card.puk_tries() == Tries.UNKNOWN
    attempts: tuple[Callable[[], object], ...] = (
        lambda: card.unblock_pin(secret(PUK), secret(NEW_PIN)),
        lambda: card.change_puk(secret(PUK), secret(NEW_PUK)),
    )
    for attempt in attempts:
        with pytest.raises(LastTryError) as caught:
            attempt()
        assert caught.value.tries_left is None
    card.unblock_pin(secret(PUK), secret(NEW_PIN), last_try_allowed=True)
    card.verify_pin(secret(NEW_PIN))


def test_pin_5_three_wrong_puks_end_it(card: ZorgIDCard) -> None:
    for left in (2, 1, 0):
        with pytest.raises(WrongPUKError) as caught:
            card.unblock_pin(secret(WRONG_PUK), secret(NEW_PIN), last_try_allowed=True)
        assert caught.value.tries_left == left
    assert card.puk_tries().state is TryState.LOCKED
    with pytest.raises(PUKBlockedError):
        card.unblock_pin(secret(PUK), secret(NEW_PIN), last_try_allowed=True)


def test_pin_5_a_new_pin_of_a_wrong_length_spends_no_try(card: ZorgIDCard) -> None:
    attempts: tuple[Callable[[], object], ...] = (
        lambda: card.change_pin(secret(WRONG_PIN), secret(b"12345")),
        lambda: card.unblock_pin(secret(WRONG_PUK), secret(b"123456789")),
        lambda: card.change_puk(secret(WRONG_PUK), secret(b"1234567")),
        lambda: card.verify_pin(secret(b"123456789")),
    )
    for attempt in attempts:
        with pytest.raises(PINPolicyError):
            attempt()
    assert (card.tries(), card.puk_tries()) == (Tries.known(3), Tries.known(3))


def test_log_out_forgets_the_pin(card: ZorgIDCard) -> None:
    generated(card, 0x9A)
    with card.session():
        card.verify_pin(secret(PIN))
        assert card.sign(0x9A, b"x", "ES256")
        card.log_out()
        with pytest.raises(PINNeededError):
            card.sign(0x9A, b"x", "ES256")


# --- the PIN and the keys -----------------------------------------------------------------------------------------


def test_9c_verifies_the_pin_directly_before_each_signature(reader: SimulatedReader) -> None:
    notes = Instructions(reader.connect())
    card = ZorgIDCard(Link(notes))
    generated(card, 0x9C)
    asked: list[PINRequest] = []
    card.verify_pin(secret(PIN))
    for number in (1, 2):
        card.sign(0x9C, b"x", "ES256", a_provider(PIN, asked))
        assert len(asked) == number
        assert [header[1] for header in notes.headers[-2:]] == [0x20, 0x87]
    with pytest.raises(PINNeededError):
        card.sign(0x9C, b"x", "ES256")


def test_9a_asks_for_the_pin_once_while_it_stays_verified(card: ZorgIDCard) -> None:
    generated(card, 0x9A)
    asked: list[PINRequest] = []
    for _ in range(3):
        card.sign(0x9A, b"x", "ES256", a_provider(PIN, asked))
    assert len(asked) == 1


def test_no_pin_is_asked_for_while_others_are_kept_off(card: ZorgIDCard) -> None:
    generated(card, 0x9A)
    asked: list[PINRequest] = []
    with card.session(), pytest.raises(UsageError, match="outside a session"):
        card.sign(0x9A, b"x", "ES256", a_provider(PIN, asked))
    assert asked == []


def test_9e_never_asks(card: ZorgIDCard) -> None:
    generated(card, 0x9E)
    asked: list[PINRequest] = []
    card.sign(0x9E, b"x", "ES256", a_provider(WRONG_PIN, asked))
    assert asked == []


def test_the_pin_is_asked_outside_the_transaction(reader: SimulatedReader) -> None:
    class Watched:
        def __init__(self, channel: Channel) -> None:
            self.channel, self.depth = channel, 0
            self.atr, self.transmit, self.close = channel.atr, channel.transmit, channel.close

        @contextmanager
        def transaction(self) -> Iterator[None]:
            with self.channel.transaction():
                self.depth += 1
                yield
                self.depth -= 1

    watched = Watched(reader.connect())
    card = ZorgIDCard(Link(watched))
    generated(card, 0x9C)
    depths: list[int] = []

    def provide(_: PINRequest) -> Secret:
        depths.append(watched.depth)
        return secret(PIN)

    card.sign(0x9C, b"x", "ES256", provide)
    assert depths == [0]


def test_a_provider_that_declines_spends_nothing(card: ZorgIDCard) -> None:
    generated(card, 0x9A)

    def provide(_: PINRequest) -> Secret:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        card.sign(0x9A, b"x", "ES256", provide)
    assert card.tries() == Tries.known(3)


def test_a_wrong_pin_is_tried_once_and_told_at_the_next_question(card: ZorgIDCard) -> None:
    generated(card, 0x9A)
    asked: list[PINRequest] = []
    for retrying in (False, True):
        with pytest.raises(WrongPINError):
            card.sign(0x9A, b"x", "ES256", a_provider(WRONG_PIN, asked))
        assert asked[-1].retrying is retrying
    assert [request.tries.left for request in asked] == [3, 2]


def test_an_algorithm_that_does_not_suit_the_key_is_refused_before_the_pin(card: ZorgIDCard) -> None:
    generated(card, 0x9A)
    for algorithm in ("RS256", "ES384", "none"):
        with pytest.raises(UsageError):
            card.sign(0x9A, b"x", algorithm, a_provider(WRONG_PIN))
    with pytest.raises(CardError):
        card.sign(0x9D, b"x", "ES256", a_provider(WRONG_PIN))
    assert card.tries() == Tries.known(3)


def test_a_card_without_metadata_is_used_by_its_certificate(card: ZorgIDCard, reader: SimulatedReader) -> None:
    (public_key,) = generated(card, 0x9A)
    with card.session():
        card.authenticate_administration(factory_key(card))
        card.write_certificate(0x9A, card.attest(0x9A))
    plain = PIVCard(Link(reader.connect()), PLAIN_PIV)
    signer = plain.authentication_signer(a_provider(PIN))
    assert signer.public_key == public_key
    assert plain.authentication_certificate() == card.certificate(0x9A)
    key = load_der_public_key(public_key)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signer.sign(b"x"), b"x", ec.ECDSA(hashes.SHA256()))
    assert plain.tries() == Tries.known(3)


def test_a_card_without_certificate_cannot_log_in(card: ZorgIDCard) -> None:
    with pytest.raises(UsageError):
        card.authentication_certificate()
    assert card.certificate(0x9C) is None


# --- reset and removal --------------------------------------------------------------------------------------------


def test_after_a_reset_by_another_program_the_next_session_selects_again(reader: SimulatedReader) -> None:
    notes = Instructions(reader.connect())
    card = ZorgIDCard(Link(notes))
    generated(card, 0x9A)
    with card.session():
        card.verify_pin(secret(PIN))
        reader.reset()
        for _ in range(2):
            with pytest.raises(CardResetError):
                card.sign(0x9A, b"x", "ES256")
    sent = len(notes.headers)
    with pytest.raises(PINNeededError):
        card.sign(0x9A, b"x", "ES256")
    assert notes.after(sent)[0] == INS.SELECT
    card.sign(0x9A, b"x", "ES256", a_provider(PIN))


def test_a_card_that_is_gone_is_told(card: ZorgIDCard, reader: SimulatedReader) -> None:
    reader.remove()
    attempts: tuple[Callable[[], object], ...] = (card.tries, card.require_blank, lambda: card.verify_pin(secret(PIN)))
    for attempt in attempts:
        with pytest.raises(CardRemovedError):
            attempt()
