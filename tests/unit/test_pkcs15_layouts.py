"""Cards of ISO/IEC 7816-15 that use what the standard leaves free: layouts C and D of the simulated pass, quirks as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from card_scripts import Instructions, ScriptedChannel, files, powered
from pkcs15_card import AID, a_pin, absolute_card, path
from zorgid_card.cards import UZI, LastTry, OnKeypad, PINRequest, UZIPass, open_card
from zorgid_card.codec.link import Link
from zorgid_card.errors import (
    NotOfferedError,
    PINFormError,
    PINPolicyError,
    StatusWordError,
    UsageError,
    WrongPINError,
)
from zorgid_card.pki.signing import verify_signature
from zorgid_card.protocol import pkcs15
from zorgid_card.protocol.operations import SIGNATURE_TEMPLATE, Dialect
from zorgid_card.protocol.pkcs15 import Kind
from zorgid_card.protocol.pkcs15_objects import PINType
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_layout import EVERY_LAYOUT, LAYOUT_A, LAYOUT_B, LAYOUT_C, LAYOUT_D, Layout
from zorgid_card.testkit.uzi_profile import DE_LINDE, JAN_DE_VRIES, Usage

PIN, PUK, SIGNATURE_PIN, NEW_PIN, WRONG_PIN = b"123456", b"87654321", b"654321", b"2718281", b"111111"
SELECT, VERIFY, MSE, PSO, INTERNAL_AUTHENTICATE = 0xA4, 0x20, 0x22, 0x2A, 0x88


@pytest.fixture(scope="module")
def contents() -> dict[bool, PassContents]:
    pki = UZITestPKI("production", pool=KeyPool.shared(), now=datetime.now(UTC))
    return {
        curve: pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", "01.015", curve=ec.SECP256R1() if curve else None)
        for curve in (False, True)
    }


Make = Callable[..., tuple[UZIPass, VirtualUZIPass, Instructions]]


@pytest.fixture
def make(contents: dict[bool, PassContents]) -> Make:
    def made(layout: Layout, **profile: object) -> tuple[UZIPass, VirtualUZIPass, Instructions]:
        simulated = VirtualUZIPass(contents[layout.curve], layout=layout)
        notes = Instructions(powered(simulated)[0].connect())
        return UZIPass(Link(notes), replace(UZI, **profile)), simulated, notes  # type: ignore[arg-type]

    return made


class Person:
    """Knows a PIN, and counts how often it is asked."""

    def __init__(self, pin: bytes = PIN) -> None:
        self.pin = pin
        self.asked: list[PINRequest] = []

    def __call__(self, request: PINRequest) -> Secret:
        self.asked.append(request)
        return Secret.of(self.pin)


def sign(card: UZIPass, usage: str, person: Person, algorithm: str | None = None) -> None:
    signer = card.signer(usage, person, algorithm=algorithm)
    verify_signature(signer.public_key, signer.algorithm, b"text", signer.sign(b"text"))


# --- how a key is used ------------------------------------------------------------------------------------------------


def test_a_key_that_is_for_internal_authenticate_alone_is_found_out_and_remembered(make: Make) -> None:
    card, _, notes = make(LAYOUT_C)
    person = Person()
    sign(card, "authenticity", person)
    assert [header[1] for header in notes.headers if header[1] in (MSE, PSO, INTERNAL_AUTHENTICATE)] == [
        MSE,
        MSE,
        INTERNAL_AUTHENTICATE,
    ]
    sent = len(notes.headers)
    sign(card, "authenticity", person)
    assert [one for one in notes.after(sent) if one != SELECT] == [VERIFY, MSE, INTERNAL_AUTHENTICATE]


def test_an_algorithm_whose_identifier_means_internal_authenticate_is_used_so_at_once(make: Make) -> None:
    oid = LAYOUT_C.algorithms[0].oid
    card, _, notes = make(LAYOUT_C, dialect=Dialect(authenticating=frozenset({oid})))
    sign(card, "authenticity", Person())
    assert [header[1] for header in notes.headers if header[1] in (MSE, PSO, INTERNAL_AUTHENTICATE)] == [
        MSE,
        INTERNAL_AUTHENTICATE,
    ]


@pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_D], ids=["A", "D"])
def test_a_dialect_may_leave_the_keys_file_unselected(layout: Layout, make: Make) -> None:
    card, _, notes = make(layout, dialect=Dialect(select_key=False))
    person = Person(SIGNATURE_PIN if layout.signature_pin else PIN)
    card.certificates()
    sent = len(notes.headers)
    sign(card, "signature", person)
    selected = [header for header in notes.headers[sent:] if header[1] == SELECT]
    assert len(selected) == (2 if layout is LAYOUT_A else 4), (
        "the application each time, and the directory where it is another"
    )


def test_a_dialect_may_decipher_without_the_padding_indicator(make: Make) -> None:
    card, _, notes = make(LAYOUT_A, dialect=Dialect(padding_indicator=False))
    key = x509.load_der_x509_certificate(card.certificates()["confidentiality"]).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert card.decipher(key.encrypt(b"a key", padding.PKCS1v15()), Person()) == b"a key"
    assert notes.headers[-1][1:] == bytes([PSO, 0x80, 0x84])


def test_a_dialect_without_internal_authenticate_leaves_such_a_key_alone(make: Make) -> None:
    card, simulated, _ = make(LAYOUT_C, dialect=Dialect(signing=(SIGNATURE_TEMPLATE,)))
    with pytest.raises(StatusWordError):
        sign(card, "authenticity", Person(WRONG_PIN))
    assert simulated.tries_left == (3, 3), "what MANAGE SECURITY ENVIRONMENT refuses costs no try"


def test_the_card_is_not_asked_for_what_it_says_it_cannot(make: Make) -> None:
    card, _, notes = make(LAYOUT_D)
    card.certificates()
    sent = len(notes.headers)
    with pytest.raises(UsageError):
        card.sign("signature", b"x", "ES256", Person())
    for layout in (LAYOUT_A, LAYOUT_B):
        with pytest.raises(NotOfferedError):
            make(layout)[0].sign("authenticity", b"x", "PS256", Person(WRONG_PIN))
    assert notes.after(sent) == []


def test_one_pin_may_allow_several_uses_and_then_is_asked_for_again(make: Make) -> None:
    """userConsent 3: three signatures, and no fourth."""
    card, _, _ = make(LAYOUT_C)
    person = Person()
    counts = []
    for _ in range(7):
        sign(card, "authenticity", person)
        counts.append(len(person.asked))
    assert counts == [1, 1, 1, 2, 2, 2, 3]


def test_uses_that_another_program_made_are_noticed(make: Make) -> None:
    card, simulated, _ = make(LAYOUT_C)
    person = Person()
    sign(card, "authenticity", person)
    simulated._application._session.uses[Usage.AUTHENTICITY] = 0  # as if another program had signed twice
    sign(card, "authenticity", person)
    assert len(person.asked) == 2
    assert simulated.tries_left == (3, 3)


def test_a_local_pin_in_a_directory_of_its_own_guards_the_signature_alone(make: Make) -> None:
    card, simulated, _ = make(LAYOUT_D)
    with pytest.raises(WrongPINError) as wrong:
        sign(card, "signature", Person(PIN))
    assert wrong.value.tries_left == 2
    assert (simulated.tries_left, simulated.signature_tries_left) == ((3, 3), 2)
    sign(card, "signature", Person(SIGNATURE_PIN), "PS256")
    sign(card, "authenticity", Person(PIN))
    assert simulated.signature_tries_left == 3
    labels = {pin.label: sorted(pin.usages) for pin in card.pins()}
    assert labels == {"PIN": ["authenticity", "confidentiality"], "Handtekening-PIN": ["signature"]}


def test_keys_and_certificates_of_several_directory_files_are_found(
    make: Make, contents: dict[bool, PassContents]
) -> None:
    card, _, _ = make(LAYOUT_D)
    assert card.certificates() == {str(usage): der for usage, der in contents[False].certificates.items()}
    kinds = [directory.kind for directory in card.layout.directories]
    assert kinds.count(Kind.PRIVATE_KEYS) == kinds.count(Kind.CERTIFICATES) == 2
    assert len(card.objects(Kind.PRIVATE_KEYS)) == 3
    assert card.objects(Kind.PUBLIC_KEYS) == card.objects(Kind.DATA_CONTAINERS) == []
    assert len(make(LAYOUT_B)[0].objects(Kind.PUBLIC_KEYS)) == 3


@pytest.mark.parametrize("name", "ABCD")
def test_opened_by_itself(name: str, contents: dict[bool, PassContents]) -> None:
    layout = EVERY_LAYOUT[name]
    card = open_card(powered(VirtualUZIPass(contents[layout.curve], layout=layout))[1])
    assert isinstance(card, UZIPass)
    assert len(card.chain()) == 3


@pytest.mark.parametrize("directory", ["3F00", "3F005015", "3F00DF77"])
def test_a_local_pin_is_asked_for_in_its_own_directory_and_nowhere_else(directory: str) -> None:
    """The master file is the application's parent: to have selected the application is not to be there."""
    contents = absolute_card()
    contents["3F0050154404"] = a_pin(extra=path(directory))
    contents["3F00DF770001"] = b"something"
    answer, current, asked = files(contents, aids={AID: "3F005015"}), [""], list[str]()

    def card(raw: bytes) -> bytes:
        if raw[1] == VERIFY:
            asked.append(current[0])
            return bytes.fromhex("63C3")
        found = answer(raw)
        if raw[1] == SELECT and found.endswith(b"\x90\x00"):
            name = raw[5 : 5 + raw[4]].hex().upper()
            current[0] = {0x04: "3F005015", 0x08: "3F00" + name}.get(raw[2], name)
        return found

    uzi_pass = UZIPass(Link(ScriptedChannel(card)))
    for _ in range(2):
        assert uzi_pass.tries("signature").left == 3
        with uzi_pass.session():
            uzi_pass.tries("signature")
            uzi_pass.objects(Kind.PRIVATE_KEYS)
            uzi_pass.tries("signature")
    assert set(asked) == {directory}


# --- how a PIN is sent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "usage", "pin", "kind", "block"),
    [
        (LAYOUT_C, "authenticity", PIN, PINType.BCD, "123456FF"),
        (LAYOUT_D, "authenticity", PIN, PINType.HALF_NIBBLE_BCD, "F1F2F3F4F5F6FFFF"),
        (LAYOUT_D, "signature", SIGNATURE_PIN, PINType.ISO_9564_1, "26654321FFFFFFFF"),
        (LAYOUT_A, "authenticity", PIN, PINType.ASCII_NUMERIC, "3132333435360000"),
        (LAYOUT_B, "authenticity", PIN, PINType.UTF8, "313233343536"),
    ],
    ids=["BCD", "half nibble", "ISO 9564", "ASCII", "UTF-8"],
)
def test_a_pin_is_coded_as_the_card_says(
    layout: Layout, usage: str, pin: bytes, kind: PINType, block: str, contents: dict[bool, PassContents]
) -> None:
    channel = powered(VirtualUZIPass(contents[layout.curve], layout=layout))[0].connect()
    sent: list[bytes] = []

    def noted(raw: bytes) -> bytes:
        sent.append(raw)
        return channel.transmit(raw)

    card = UZIPass(Link(ScriptedChannel(noted)))
    found = card.layout.pin(next(key.auth_id for key in card.layout.keys if key.identifier == _key(card, usage)))
    assert found is not None
    assert found.type is kind
    card.verify_pin(Secret.of(pin), usage=usage)
    (verify,) = (raw for raw in sent if raw[1] == VERIFY and len(raw) > 5)
    assert verify[5:].hex().upper() == block


def _key(card: UZIPass, usage: str) -> bytes:
    return card._usage(usage).key.identifier


@pytest.mark.parametrize("layout", [LAYOUT_C, LAYOUT_D], ids=["C", "D"])
def test_pin_2_and_pin_3_with_a_coded_pin(layout: Layout, make: Make) -> None:
    card, simulated, _ = make(layout)
    card.change_pin(Secret.of(PIN), Secret.of(NEW_PIN))
    card.verify_pin(Secret.of(NEW_PIN))
    for _ in range(3):
        with pytest.raises(WrongPINError):
            card.verify_pin(Secret.of(WRONG_PIN), last_try_allowed=True)
    card.unblock_pin(Secret.of(PUK), Secret.of(PIN))
    card.change_puk(Secret.of(PUK), Secret.of(b"13579246"))
    card.verify_pin(Secret.of(PIN))
    assert simulated.tries_left == (3, 3)


def test_what_cannot_be_coded_costs_no_try(make: Make) -> None:
    card, simulated, _ = make(LAYOUT_C)
    with pytest.raises(PINFormError):
        card.sign("authenticity", b"x", pin=lambda _: Secret.of(b"letter"))
    with pytest.raises(PINPolicyError):
        card.verify_pin(Secret.of(b"letter"))
    with pytest.raises(UsageError) as told:
        card.verify_pin(OnKeypad())
    assert told.value.reason == "keypad"
    assert simulated.tries_left == (3, 3)


def test_pin_1_the_last_try_of_the_signature_pin(make: Make) -> None:
    card, simulated, _ = make(LAYOUT_D)
    for _ in range(2):
        with pytest.raises(WrongPINError):
            card.verify_pin(Secret.of(WRONG_PIN), usage="signature")
    person = Person(SIGNATURE_PIN)
    card.sign("signature", b"x", pin=lambda request: LastTry(person(request)))
    assert (person.asked[0].tries.left, simulated.signature_tries_left) == (1, 3)


# --- a description that leads to the wrong reference ------------------------------------------------------------------


def described(
    simulated: VirtualUZIPass, change: Callable[[pkcs15.Layout, pkcs15.PIN, pkcs15.PIN], pkcs15.Layout]
) -> UZIPass:
    """The card as its description would be if it were changed; its commands do what they did."""
    link = powered(simulated)[1]
    found = link.run(pkcs15.discover())
    pin, puk = (next(one for one in found.pins if one.unblocking is unblocking) for unblocking in (False, True))
    return UZIPass(link, layout=change(found, pin, puk))


GUARDED_BY_THE_PUK: dict[str, Callable[[pkcs15.Layout, pkcs15.PIN, pkcs15.PIN], pkcs15.Layout]] = {
    "its identifier": lambda found, _, puk: replace(
        found, keys=tuple(replace(key, auth_id=puk.auth_id) for key in found.keys)
    ),
    "its reference": lambda found, pin, puk: replace(found, pins=(replace(pin, reference=puk.reference), puk)),
    "its reference without bit 8": lambda found, pin, puk: replace(
        found, pins=(replace(pin, reference=puk.reference & 0x7F), puk)
    ),
}


@pytest.mark.parametrize("change", GUARDED_BY_THE_PUK.values(), ids=GUARDED_BY_THE_PUK)
def test_pin_5_no_pin_is_tried_where_the_card_knows_its_puk(
    contents: dict[bool, PassContents], change: Callable[[pkcs15.Layout, pkcs15.PIN, pkcs15.PIN], pkcs15.Layout]
) -> None:
    """Three wrong PUKs kill a pass for good."""
    simulated, person = VirtualUZIPass(contents[False], layout=LAYOUT_A), Person()
    card = described(simulated, change)
    with pytest.raises(UsageError):
        card.sign("authenticity", b"x", pin=person)
    with pytest.raises(UsageError):
        card.verify_pin(Secret.of(PIN))
    assert (person.asked, simulated.tries_left) == ([], (3, 3))


def test_of_two_pins_of_one_identifier_the_puk_is_not_taken(contents: dict[bool, PassContents]) -> None:
    simulated = VirtualUZIPass(contents[False], layout=LAYOUT_A)
    card = described(
        simulated, lambda found, pin, puk: replace(found, pins=(replace(puk, auth_id=pin.auth_id), pin, puk))
    )
    sign(card, "authenticity", Person())
    assert simulated.tries_left == (3, 3)


def test_pin_4_a_puk_is_not_tried_where_the_card_knows_its_pin(contents: dict[bool, PassContents]) -> None:
    simulated = VirtualUZIPass(contents[False], layout=LAYOUT_A)
    card = described(simulated, lambda found, pin, puk: replace(found, pins=(replace(pin, puk_id=pin.auth_id), puk)))
    card.change_puk(Secret.of(PUK), Secret.of(b"13579246"))
    card.unblock_pin(Secret.of(b"13579246"), Secret.of(NEW_PIN))
    assert simulated.tries_left == (3, 3)
