"""What card is this? By reading alone: a refused card is left as it was (CRD-5)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from card_scripts import Instructions, ScriptedChannel, files, powered
from zorgid_card.cards import NIST_PIV, CardKind, PIVCard, TryState, UZIPass, ZorgIDCard, detect, open_card
from zorgid_card.cards.objects import fasc_n
from zorgid_card.cards.profile import YUBICO_PIV_3DES, ZORGID_IDENTITY
from zorgid_card.codec.apdu import CommandAPDU
from zorgid_card.codec.link import Link
from zorgid_card.codec.scp03 import StaticKeys
from zorgid_card.codec.tlv import encode
from zorgid_card.errors import CardNotSupportedError, NotBlankError, WrongPINError
from zorgid_card.pki.profile import IDENTITY_OID
from zorgid_card.ports.card import Channel
from zorgid_card.protocol import openfips201, piv
from zorgid_card.protocol.globalplatform import open_channel as open_secure
from zorgid_card.protocol.iso7816 import select
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_messaging import CS2, MessagingKey
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.scp03 import ChannelKeys
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_layout import LAYOUTS
from zorgid_card.testkit.uzi_profile import Person, Subscriber
from zorgid_card.workflows.channel import command_of

MAKER = Maker.create()
READING = {0xA4, 0xB0, 0xB2, 0xC0, 0xCA, 0xCB, 0xF7, 0xFD}
"""SELECT, READ BINARY, READ RECORD, GET RESPONSE, GET DATA (GlobalPlatform's too), and the dialect's metadata and version."""
COUNTER = bytes.fromhex("00200080")
"""VERIFY without data, which tells the counter and compares nothing."""


def a_pass(**options: object) -> VirtualUZIPass:
    holder = Person("Jan", "Vries", "900000011", prefixes="de", birth_date=date(1971, 2, 3))
    contents = UZITestPKI("test", pool=KeyPool.shared()).pass_(
        holder, Subscriber("Huisartsenpraktijk De Linde", "90000123"), "Z", role="01.015"
    )
    return VirtualUZIPass(contents, **options)  # type: ignore[arg-type]


def used(change: Callable[[ZorgIDCard], object]) -> VirtualCard:
    """A blank to which something was done."""
    blank = MAKER.blank()
    _, link = powered(blank)
    card = ZorgIDCard(link)
    with card.session():
        card.authenticate_administration(card.factory_secrets()[2])
        change(card)
    return blank


def nist(*commands: CommandAPDU, pin: bytes = b"") -> VirtualCard:
    """A blank of the NIST dialect to which its portal did something; then a wrong PIN was tried."""
    blank = MAKER.nist_blank()
    keys = blank.channel_keys
    reader, _ = powered(blank)
    link = Link(reader.connect(), extended=True)
    assert keys is not None
    link.run(select(piv.AID))
    link.secure = link.run(open_secure(StaticKeys(Secret.of(keys.enc), Secret.of(keys.mac))))
    for command in commands:
        link.transmit(command)
    if pin:
        link.transmit(CommandAPDU(0x00, 0x20, 0x00, 0x80, pin.ljust(8, b"\xff")))
    return blank


def written(tag: int, content: bytes) -> CommandAPDU:
    return command_of(piv.put_data(tag, content))


def zorgid_certificate() -> bytes:
    """Any certificate with the identity of a ZORG-ID Smartcard."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    identity = x509.OtherName(x509.ObjectIdentifier(ZORGID_IDENTITY), encode(0x16, b"1-900000022"))
    return (
        x509.CertificateBuilder(name, name, key.public_key(), 5)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([identity]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def write_certificate(card: ZorgIDCard) -> None:
    card.write_certificate(0x9A, zorgid_certificate())


def change_pin(card: ZorgIDCard) -> None:
    card.change_pin(Secret.of(b"123456"), Secret.of(b"654321"))


def spend(card: ZorgIDCard) -> None:
    change_pin(card)
    with pytest.raises(WrongPINError):
        card.verify_pin(Secret.of(b"111111"))


REFUSED: dict[str, tuple[Callable[[], VirtualCard], CardKind]] = {
    "UZI pass, layout A": (lambda: a_pass(layout=LAYOUTS["A"]), CardKind.UZI_PASS),
    "UZI pass, layout B, unknown ATR": (
        lambda: a_pass(layout=LAYOUTS["B"], atr=bytes.fromhex("3B80800101")),
        CardKind.UZI_PASS,
    ),
    "used ZORG-ID card": (lambda: used(write_certificate), CardKind.ZORGID),
    "another certificate": (lambda: used(lambda card: card.write_certificate(0x9E, b"\x30\x00")), CardKind.PIV_OTHER),
    "a broken certificate": (lambda: used(lambda card: card.write_certificate(0x9A, b"\x30\x05")), CardKind.PIV_OTHER),
    "a key": (lambda: used(lambda card: card.generate(0x82, "ECCP256")), CardKind.PIV_OTHER),
    "another PIN": (lambda: used(change_pin), CardKind.PIV_OTHER),
    "a spent try": (lambda: used(spend), CardKind.PIV_OTHER),
    "another PUK": (
        lambda: used(lambda card: card.change_puk(Secret.of(b"12345678"), Secret.of(b"87654321"))),
        CardKind.PIV_OTHER,
    ),
    "another administration key": (
        lambda: used(lambda card: card.set_administration_key(Secret.random(24))),
        CardKind.PIV_OTHER,
    ),
    "another administration algorithm": (
        lambda: used(lambda card: card.set_administration_key(Secret.random(32), "AES256")),
        CardKind.PIV_OTHER,
    ),
    "a CHUID": (
        lambda: used(lambda card: card.write_chuid(secrets.token_bytes(16), date(2029, 1, 1))),
        CardKind.PIV_OTHER,
    ),
    "NIST dialect: used ZORG-ID card": (
        lambda: nist(written(0x5FC105, piv.encode_certificate(zorgid_certificate()))),
        CardKind.ZORGID,
    ),
    "NIST dialect: another certificate": (
        lambda: nist(written(0x5FC101, piv.encode_certificate(b"\x30\x00"))),
        CardKind.PIV_OTHER,
    ),
    "NIST dialect: a broken certificate": (
        lambda: nist(written(0x5FC105, piv.encode_certificate(b"\x30\x05"))),
        CardKind.PIV_OTHER,
    ),
    "NIST dialect: a CHUID": (lambda: nist(written(piv.CHUID, b"\x34\x00")), CardKind.PIV_OTHER),
    "NIST dialect: a spent try": (lambda: nist(pin=b"111111"), CardKind.PIV_OTHER),
    "NIST dialect: other limits": (
        lambda: nist(command_of(openfips201.set_retries(5, 5))),
        CardKind.PIV_OTHER,
    ),
    "PIV without a dialect": (lambda: MAKER.blank(dialect=False), CardKind.PIV_OTHER),
    "PIV without a dialect, with a channel": (
        lambda: MAKER.blank(dialect=False, channel=ChannelKeys()),
        CardKind.PIV_OTHER,
    ),
    "PIV with secure messaging": (
        lambda: MAKER.blank(dialect=False, messaging=MessagingKey.create(ec.generate_private_key(ec.SECP256R1()), CS2)),
        CardKind.PIV_OTHER,
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_crd_5_any_other_card_is_refused_and_left_untouched(name: str) -> None:
    make, kind = REFUSED[name]
    card = make()
    reader, _ = powered(card)
    notes = Instructions(reader.connect())
    before = counters(card)
    with pytest.raises(NotBlankError) as caught:
        ZorgIDCard(Link(notes)).require_blank()
    assert caught.value.found == kind.value
    assert counters(card) == before
    assert only_reads(notes)


def only_reads(notes: Instructions) -> bool:
    return all(header[1] in READING or header == COUNTER for header in notes.headers)


def counters(card: VirtualCard) -> object:
    """As the card keeps them, and what it holds besides."""
    if isinstance(card, VirtualUZIPass):
        return card.tries_left
    assert isinstance(card, VirtualPIVCard)
    state = card._state
    return state.pin.left, state.puk.left, dict(state.objects), sorted(state.keys)


def test_a_blank_of_the_nist_dialect_is_found_by_reading_alone() -> None:
    card = MAKER.nist_blank()
    reader, _ = powered(card)
    before, notes = counters(card), Instructions(reader.connect())
    found = detect(Link(notes))
    assert (found.kind, found.profile) == (CardKind.BLANK, NIST_PIV)
    assert only_reads(notes)
    assert counters(card) == before
    opened = open_card(Link(reader.connect()))
    assert isinstance(opened, ZorgIDCard)
    opened.require_blank()
    assert (opened.kind, opened.serial, opened.firmware) == (CardKind.BLANK, str(card.serial), "1.10")
    assert opened.factory_puk() is None
    assert opened.puk_tries().state is TryState.UNKNOWN


def test_a_used_card_of_the_nist_dialect_is_known_as_one() -> None:
    reader, _ = powered(REFUSED["NIST dialect: used ZORG-ID card"][0]())
    card = open_card(Link(reader.connect()))
    assert isinstance(card, ZorgIDCard)
    assert card.profile is NIST_PIV
    assert card.inventory().certificates == {0x9A}
    assert card.tries().left == 3


@pytest.mark.parametrize("told", ["6A88", "6D00", "660073009000", "66097307640506032A03049000", "FFFF9000"])
def test_a_card_manager_that_does_not_tell_of_scp03_makes_no_blank(told: str) -> None:
    """Nor does one that answers nonsense: it is a PIV card all the same, and its application is selected again afterwards."""
    reader, _ = powered(MAKER.nist_blank())
    channel = reader.connect()
    other = ScriptedChannel(
        lambda raw: bytes.fromhex(told) if raw[:4] == bytes.fromhex("80CA0066") else channel.transmit(raw)
    )
    assert detect(Link(other)).kind is CardKind.PIV_OTHER
    with pytest.raises(NotBlankError):
        ZorgIDCard(Link(other)).require_blank()
    assert open_card(Link(other)).tries().left == 3


@pytest.mark.parametrize("cplc", ["6A88", "9F7F009000", "9F7F29" + "00" * 41 + "9000", "9000", "9F7F9000"])
def test_a_card_without_production_data_is_no_blank(cplc: str) -> None:
    reader, _ = powered(MAKER.nist_blank())
    channel = reader.connect()
    other = ScriptedChannel(
        lambda raw: bytes.fromhex(cplc) if raw[:4] == bytes.fromhex("80CA9F7F") else channel.transmit(raw)
    )
    assert detect(Link(other)).kind is CardKind.PIV_OTHER


@pytest.mark.parametrize("default", ["yes", "no"])
def test_whether_the_puk_is_the_makers_is_told_where_there_is_metadata(default: str) -> None:
    _, link = powered(MAKER.blank() if default == "yes" else REFUSED["another PUK"][0]())
    assert ZorgIDCard(link).factory_puk() is (default == "yes")


@pytest.mark.parametrize("administration", ["AES192", "3DES"])
def test_a_blank_is_a_blank_and_opens_as_one(administration: str) -> None:
    reader, _ = powered(MAKER.blank(administration=administration))
    notes = Instructions(reader.connect())
    found = detect(Link(notes))
    assert found.kind is CardKind.BLANK
    assert only_reads(notes)
    card = open_card(Link(reader.connect()))
    assert isinstance(card, ZorgIDCard)
    assert card.kind is CardKind.BLANK
    assert (card.profile is YUBICO_PIV_3DES) is (administration == "3DES")


def test_open_card_gives_what_the_card_is() -> None:
    for make, kind, cls in (
        (a_pass, CardKind.UZI_PASS, UZIPass),
        (REFUSED["used ZORG-ID card"][0], CardKind.ZORGID, ZorgIDCard),
        (REFUSED["another PIN"][0], CardKind.PIV_OTHER, PIVCard),
    ):
        _, link = powered(make())
        card = open_card(link)
        assert type(card) is cls
        assert card.kind is kind


def test_firmware_without_metadata_cannot_be_shown_to_be_blank() -> None:
    """Every GET METADATA is refused as old firmware does."""
    reader, _ = powered(MAKER.blank())
    channel = reader.connect()
    old = ScriptedChannel(lambda raw: b"\x6d\x00" if raw[1] == 0xF7 else channel.transmit(raw))
    found = detect(Link(old))
    assert found.kind is CardKind.PIV_OTHER
    assert "blank" in found.why
    with pytest.raises(NotBlankError):
        ZorgIDCard(Link(old)).require_blank()


def test_a_pkcs15_card_that_is_no_uzi_pass_is_not_supported() -> None:
    directory = encode(0x61, encode(0x4F, bytes.fromhex("A000000063504B43532D3135")), encode(0x51, b"\x3f\x00\x50\x15"))
    channel = ScriptedChannel(files({"3F002F00": directory, "3F0050155031": b""}))
    found = detect(Link(channel))
    assert found.kind is CardKind.UNKNOWN
    with pytest.raises(CardNotSupportedError) as caught:
        open_card(Link(channel))
    assert caught.value.reason == found.why


@pytest.mark.parametrize("sw", ["6A82", "6D00", "6E00", "6F00", "6999"])
def test_a_card_that_refuses_everything_is_not_supported(sw: str) -> None:
    channel = ScriptedChannel(lambda _: bytes.fromhex(sw))
    with pytest.raises(CardNotSupportedError):
        open_card(Link(channel))
    with pytest.raises(NotBlankError) as caught:
        ZorgIDCard(Link(channel)).require_blank()
    assert caught.value.found == "unknown"


def only(aid: bytes, channel: Channel | None = None) -> Callable[[bytes], bytes]:
    """A card on which SELECT by name finds nothing but this; what is left goes to ``channel``'s card."""
    choose = bytes([0x00, 0xA4, 0x04, 0x00, len(aid)]) + aid + b"\x00"

    def answer(raw: bytes) -> bytes:
        if raw[1] == 0xA4 and raw != choose:
            return b"\x6a\x82"
        return b"\x90\x00" if channel is None else channel.transmit(raw)

    return answer


@pytest.mark.parametrize(
    ("aid", "name"),
    [("A000000116DB00", "Common Access Card"), ("D27600012401", "OpenPGP"), ("A0000002471001", "travel document")],
)
def test_a_card_put_in_by_mistake_is_called_by_its_name(aid: str, name: str) -> None:
    channel = ScriptedChannel(only(bytes.fromhex(aid)))
    found = detect(Link(channel))
    assert (found.kind, found.profile) == (CardKind.UNKNOWN, None)
    assert name in found.why
    assert {raw[1] for raw in channel.sent} <= READING


def test_a_piv_card_that_knows_only_nists_name_is_used_by_that_name() -> None:
    """Against SP 800-73-5 part 2, 3.1.1, but there are such cards."""
    reader, _ = powered(MAKER.blank())
    channel = ScriptedChannel(only(bytes.fromhex("A000000308"), reader.connect()))
    card = open_card(Link(channel))
    assert card.kind is CardKind.BLANK
    assert card.tries().left == 3
    card.verify_pin(Secret.of(b"123456"))


def test_our_mark_is_the_one_of_the_certificate_profile() -> None:
    assert ZORGID_IDENTITY == IDENTITY_OID


def test_fasc_n_is_the_one_that_cards_without_an_agency_carry() -> None:
    """The value that yubico-piv-tool and others write."""
    assert fasc_n().hex() == "d4e739da739ced39ce739d836858210842108421c84210c3eb"
