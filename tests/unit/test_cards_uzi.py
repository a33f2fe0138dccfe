"""Using a UZI pass: both layouts of the simulated pass, found by reading."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from card_scripts import Instructions, ScriptedChannel, powered
from zorgid_card.cards import CardKind, LastTry, PINRequest, TryState, UZIPass, open_card
from zorgid_card.cards.access import Tries
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    CardRemovedError,
    CertificateMalformedError,
    CryptogramError,
    LastTryError,
    NotOfferedError,
    PINBlockedError,
    PINNeededError,
    PINPolicyError,
    PUKBlockedError,
    UsageError,
    WrongPINError,
    WrongPUKError,
)
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import LAYOUTS
from zorgid_card.testkit.uzi_profile import Function, Person, Subscriber, Usage

PIN, NEW_PIN, WRONG_PIN = b"271828", b"6543210", b"111111"
PUK, NEW_PUK, WRONG_PUK = b"31415926", b"8765432", b"11111111"
HOLDER = Person("Zoë", "Amrani", "900000022", prefixes="el", birth_date=date(1985, 6, 7))
SUBSCRIBER = Subscriber("Huisartsenpraktijk De Linde", "90000123")


@pytest.fixture(scope="module")
def pki() -> UZITestPKI:
    return UZITestPKI("production", pool=KeyPool.shared())


@pytest.fixture(scope="module")
def contents(pki: UZITestPKI) -> PassContents:
    return pki.pass_(HOLDER, SUBSCRIBER, "N")


@pytest.fixture(params=sorted(LAYOUTS))
def simulated(request: pytest.FixtureRequest, contents: PassContents) -> VirtualUZIPass:
    return VirtualUZIPass(contents, layout=LAYOUTS[request.param], pin=PIN, puk=PUK)


@pytest.fixture
def card(simulated: VirtualUZIPass) -> UZIPass:
    _, link = powered(simulated)
    found = open_card(link)
    assert isinstance(found, UZIPass)
    return found


def secret(value: bytes) -> Secret:
    return Secret.of(value)


def a_provider(value: bytes, asked: list[PINRequest] | None = None) -> Callable[[PINRequest], Secret]:
    def provide(request: PINRequest) -> Secret:
        if asked is not None:
            asked.append(request)
        return secret(value)

    return provide


def public_key(der: bytes) -> rsa.RSAPublicKey:
    key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def test_the_certificates_are_found_by_their_use(card: UZIPass, contents: PassContents) -> None:
    assert card.kind is CardKind.UZI_PASS
    assert card.certificates() == {str(usage): der for usage, der in contents.certificates.items()}
    assert card.authentication_certificate() == card.certificates()["authenticity"]
    assert sorted(card.chain()) == sorted(contents.chain)


def test_a_pass_of_type_m_has_no_signature(pki: UZITestPKI) -> None:
    contents = pki.pass_(Function("Balie", "900000033"), SUBSCRIBER, "M")
    for layout in LAYOUTS.values():
        _, link = powered(VirtualUZIPass(contents, layout=layout, pin=PIN, puk=PUK))
        card = UZIPass(link)
        assert set(card.certificates()) == {"authenticity", "confidentiality"}
        with pytest.raises(UsageError):
            card.sign("signature", b"x", "RS256", a_provider(PIN))
        assert card.sign("authenticity", b"x", "RS256", a_provider(PIN))


@pytest.mark.parametrize("usage", ["authenticity", "signature"])
@pytest.mark.parametrize("size", [256, 384, 512])
def test_aut_3_sign(card: UZIPass, usage: str, size: int) -> None:
    digest = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}[size]
    made = card.sign(usage, b"the data", f"RS{size}", a_provider(PIN))
    public_key(card.certificates()[usage]).verify(made, b"the data", padding.PKCS1v15(), digest)


def test_aut_3_signer(card: UZIPass) -> None:
    signer = card.authentication_signer(a_provider(PIN))
    assert signer.algorithm == "RS256"
    key = public_key(card.authentication_certificate())
    key.verify(signer.sign(b"x"), b"x", padding.PKCS1v15(), hashes.SHA256())


def test_aut_3_decipher(card: UZIPass) -> None:
    cryptogram = public_key(card.certificates()["confidentiality"]).encrypt(b"a session key", padding.PKCS1v15())
    assert card.decipher(cryptogram, a_provider(PIN)) == b"a session key"
    for damaged in (bytes(256), cryptogram[:-1]):
        with pytest.raises(CryptogramError):
            card.decipher(damaged, a_provider(PIN))


def test_the_signature_key_wants_its_pin_each_time(simulated: VirtualUZIPass) -> None:
    reader, _ = powered(simulated)
    notes = Instructions(reader.connect())
    card = UZIPass(Link(notes))
    asked: list[PINRequest] = []
    card.verify_pin(secret(PIN))
    for number in (1, 2):
        card.sign("signature", b"x", "RS256", a_provider(PIN, asked))
        assert len(asked) == number
        assert [header[1] for header in notes.headers[-2:]] == [0x20, 0x2A]
    with pytest.raises(PINNeededError):
        card.sign("signature", b"x", "RS256")


def test_the_authenticity_key_wants_its_pin_once(card: UZIPass) -> None:
    asked: list[PINRequest] = []
    for _ in range(3):
        card.sign("authenticity", b"x", "RS256", a_provider(PIN, asked))
    assert len(asked) == 1
    assert (asked[0].minimum, asked[0].maximum, asked[0].retrying) == (6, 8, False)


def test_no_pin_is_asked_for_while_others_are_kept_off(card: UZIPass) -> None:
    asked: list[PINRequest] = []
    with card.session(), pytest.raises(UsageError, match="outside a session"):
        card.sign("authenticity", b"x", "RS256", a_provider(PIN, asked))
    assert asked == []


def test_algorithms_that_a_pass_does_not_have(card: UZIPass, simulated: VirtualUZIPass) -> None:
    for algorithm in ("ES256", "none"):
        with pytest.raises(UsageError):
            card.sign("authenticity", b"x", algorithm, a_provider(WRONG_PIN))
    with pytest.raises(NotOfferedError):
        card.sign("authenticity", b"x", "PS256", a_provider(WRONG_PIN))
    with pytest.raises(UsageError):
        card.sign("server", b"x", "RS256", a_provider(WRONG_PIN))
    assert simulated.tries_left == (3, 3)


def test_pin_2_change_the_pin(card: UZIPass, simulated: VirtualUZIPass) -> None:
    card.change_pin(secret(PIN), secret(NEW_PIN))
    card.verify_pin(secret(NEW_PIN))
    card.log_out()
    with pytest.raises(WrongPINError) as caught:
        card.change_pin(secret(PIN), secret(NEW_PIN))
    assert caught.value.tries_left == 2
    assert simulated.tries_left == (2, 3)


def test_pin_3_unblock_and_pin_4_change_the_puk(card: UZIPass, simulated: VirtualUZIPass) -> None:
    card.change_puk(secret(PUK), secret(NEW_PUK))
    for left in (2, 1, 0):
        with pytest.raises(WrongPINError) as caught:
            card.verify_pin(secret(WRONG_PIN), last_try_allowed=True)
        assert caught.value.tries_left == left
    with pytest.raises(PINBlockedError):
        card.verify_pin(secret(PIN), last_try_allowed=True)
    with pytest.raises(WrongPUKError) as wrong:
        card.unblock_pin(secret(PUK), secret(NEW_PIN))
    assert wrong.value.tries_left == 2
    card.unblock_pin(secret(NEW_PUK), secret(NEW_PIN))
    assert simulated.tries_left == (3, 3)
    card.verify_pin(secret(NEW_PIN))


def test_pin_1_the_last_try_is_spent_on_the_users_word_only(card: UZIPass, simulated: VirtualUZIPass) -> None:
    for _ in range(2):
        with pytest.raises(WrongPINError):
            card.verify_pin(secret(WRONG_PIN))
        with pytest.raises(WrongPUKError):
            card.unblock_pin(secret(WRONG_PUK), secret(NEW_PIN))
    assert card.tries() == card.puk_tries() == Tries(TryState.FINAL, 1)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: card.verify_pin(secret(PIN)),
        lambda: card.change_pin(secret(PIN), secret(NEW_PIN)),
        lambda: card.unblock_pin(secret(PUK), secret(NEW_PIN)),
        lambda: card.change_puk(secret(PUK), secret(NEW_PUK)),
        lambda: card.sign("signature", b"x", "RS256", a_provider(PIN)),
    )
    for attempt in attempts:
        with pytest.raises(LastTryError) as caught:
            attempt()
        assert caught.value.tries_left == 1
    assert simulated.tries_left == (1, 1)
    card.sign("signature", b"x", "RS256", lambda request: LastTry(Secret.of(PIN)))
    assert simulated.tries_left == (3, 1)


def test_pin_5_three_wrong_puks_kill_the_pass(card: UZIPass) -> None:
    for _ in range(3):
        with pytest.raises(WrongPUKError):
            card.unblock_pin(secret(WRONG_PUK), secret(NEW_PIN), last_try_allowed=True)
    assert card.puk_tries().state is TryState.LOCKED
    with pytest.raises(PUKBlockedError):
        card.unblock_pin(secret(PUK), secret(NEW_PIN), last_try_allowed=True)


def test_pin_5_a_new_pin_of_a_wrong_length_spends_no_try(card: UZIPass, simulated: VirtualUZIPass) -> None:
    attempts: tuple[Callable[[], object], ...] = (
        lambda: card.change_pin(secret(WRONG_PIN), secret(b"12345")),
        lambda: card.unblock_pin(secret(WRONG_PUK), secret(b"123456789")),
        lambda: card.change_puk(secret(WRONG_PUK), secret(b"12345")),
    )
    for attempt in attempts:
        with pytest.raises(PINPolicyError):
            attempt()
    assert simulated.tries_left == (3, 3)


def test_a_pass_that_is_taken_out_is_told(simulated: VirtualUZIPass) -> None:
    reader, link = powered(simulated)
    card = UZIPass(link)
    card.certificates()
    reader.remove()
    with pytest.raises(CardRemovedError):
        card.sign("authenticity", b"x", "RS256", a_provider(PIN))


def test_a_local_pin_listed_with_bit_8_clear_is_found(contents: PassContents) -> None:
    """The description says 01 and local; the card knows it as 81 (ISO/IEC 7816-4, 11.6.6)."""
    simulated = VirtualUZIPass(contents, layout=LAYOUTS["A"], pin=PIN, puk=PUK)
    reader, _ = powered(simulated)
    channel = reader.connect()
    changed: list[bytes] = []

    def answer(raw: bytes) -> bytes:
        found = channel.transmit(raw)
        for encoded in (bytes.fromhex("80020081"), bytes.fromhex("80020082")):
            if encoded in found:
                changed.append(encoded)
                found = found.replace(encoded, encoded[:3] + bytes([encoded[3] & 0x7F]))
        return found

    card = UZIPass(Link(ScriptedChannel(answer)))
    assert card.tries() == Tries.known(3)
    assert changed
    card.verify_pin(secret(PIN))
    assert card.sign("signature", b"x", "RS256", a_provider(PIN))


@pytest.mark.parametrize("octet", [(4, 0x31), (12, 0x05)], ids=["no sequence", "no version"])
def test_a_broken_certificate_leaves_the_pass_usable(contents: PassContents, octet: tuple[int, int]) -> None:
    """Who verifies the certificate says what is wrong with it; its key is found by its own description."""
    good, (at, value) = contents.certificates[Usage.AUTHENTICITY], octet
    broken = good[:at] + bytes((value,)) + good[at + 1 :]
    reader, _ = powered(VirtualUZIPass(contents, layout=LAYOUTS["A"], pin=PIN, puk=PUK))
    channel = reader.connect()
    card = UZIPass(Link(ScriptedChannel(lambda raw: channel.transmit(raw).replace(good[:40], broken[:40]))))
    assert card.authentication_certificate() == broken
    assert card.sign("authenticity", b"x", "RS256", a_provider(PIN))
    with pytest.raises(CertificateMalformedError):
        card.authentication_signer(a_provider(PIN))


def test_an_application_selected_by_another_program_is_left_again(simulated: VirtualUZIPass) -> None:
    reader, link = powered(simulated)
    card = UZIPass(link)
    card.certificates()
    other = reader.connect()
    other.transmit(bytes.fromhex("00A4000C023F00"))
    other.transmit(bytes.fromhex("00A4000C022F00"))
    assert card.sign("signature", b"x", "RS256", a_provider(PIN))
