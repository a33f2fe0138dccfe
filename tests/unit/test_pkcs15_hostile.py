"""Directory files that were made to harm: typed errors, and never more commands than an honest card takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from card_scripts import ScriptedChannel, files
from pkcs15_card import (
    AID,
    a_certificate,
    a_key,
    a_pin,
    absolute_card,
    card_info,
    path,
    sequence,
    utf8,
)
from uzi_card import contents as issued
from zorgid_card.cards import UZIPass
from zorgid_card.codec.link import Link
from zorgid_card.codec.tlv import encode
from zorgid_card.errors import CardResponseError, PINPolicyError, TLVError, ZorgIDError
from zorgid_card.protocol import pkcs15
from zorgid_card.protocol.iso7816 import Coding, Padding
from zorgid_card.protocol.pkcs15 import MAX_COMMANDS, Kind, Layout
from zorgid_card.protocol.pkcs15_objects import DataContainer, PublicKey, SecretKey
from zorgid_card.secret import Secret
from zorgid_card.testkit.uzi_profile import Usage

Card = dict[str, bytes]
APPLICATION = "3F005015"


def channel_of(contents: Card) -> ScriptedChannel:
    return ScriptedChannel(files(contents, aids={AID: APPLICATION}))


def outcome(contents: Card) -> tuple[Layout | ZorgIDError, int]:
    """What discovery comes to, with all certificates and every kind of object read; and how many commands it took."""
    channel = channel_of(contents)
    link = Link(channel)
    try:
        layout = link.run(pkcs15.discover())
        for kind in Kind:
            link.run(pkcs15.objects(layout, kind))
        for certificate in layout.certificates:
            link.run(pkcs15.read_certificate(layout, certificate))
    except ZorgIDError as error:
        return error, len(channel.sent)
    return layout, len(channel.sent)


def odf(*entries: tuple[int, bytes]) -> bytes:
    return b"".join(encode(tag, content) for tag, content in entries)


def changed(file: str, content: bytes) -> Card:
    contents = absolute_card()
    contents[APPLICATION + file] = content
    return contents


A_LIST = path(APPLICATION + "4402")
BIG = b"\x30\x82\x7f\xf0" + bytes(0x7FF0)


@pytest.mark.parametrize(
    ("contents", "kinds"),
    [
        # a directory file that is another kind's
        (changed("5031", odf((0xA0, path(APPLICATION + "4402")))), (TLVError,)),
        (changed("5031", odf((0xA8, path(APPLICATION + "4401")))), (TLVError,)),
        # more directory files than a card has, each the same and each another
        (
            changed("5031", odf(*((0xA4, path(APPLICATION + f"{0x4500 + at:04X}")) for at in range(40)))),
            (CardResponseError,),
        ),
        # thousands of entries
        (changed("4402", a_certificate(b"\x45", path("4D01")) * 300), (CardResponseError, TLVError)),
        (changed("5031", odf((0xA4, A_LIST)) * 2000), (CardResponseError,)),
        # giant lengths
        (changed("4402", BIG), (TLVError, CardResponseError)),
        (changed("4402", b"\x30\x84\x7f\xff\xff\xff"), (TLVError,)),
        (changed("5031", odf((0xA4, path(APPLICATION + "4402", 0x7FFF, 0x7FFF)))), (TLVError, CardResponseError)),
        (changed("4402", a_certificate(b"\x45", path(APPLICATION + "4D01", 0, 0x7FFF))), (CardResponseError,)),
        # wrong tags where the standard has others
        (changed("4401", encode(0x31, a_key(b"\x45", where=path("4B01")))), (TLVError,)),
        (changed("4404", sequence(sequence(), sequence(), encode(0xA1, encode(0x31)))), (TLVError,)),
        (changed("5032", encode(0x30, encode(0x04, b"no version"))), (TLVError,)),
        (changed("4402", a_certificate(b"\x45", encode(0x05))), (TLVError, CardResponseError)),
        # nested without end
        (changed("4402", b"\x30\x80" * 4000), (TLVError,)),
        (changed("4401", b"\x30\x82\x20\x00" * 1000), (TLVError,)),
        # paths of no form
        (changed("5031", odf((0xA4, sequence(encode(0x04, bytes(9)))))), (TLVError, CardResponseError)),
        (changed("5031", odf((0xA4, sequence(encode(0x04, b"\x07"))))), (TLVError,)),
        (changed("5031", odf((0xA4, sequence(encode(0x04, bytes(18)))))), (TLVError,)),
    ],
)
def test_what_was_made_to_harm_is_a_typed_error_within_bounds(
    contents: Card, kinds: tuple[type[ZorgIDError], ...]
) -> None:
    found, commands = outcome(contents)
    assert isinstance(found, ZorgIDError), found
    assert isinstance(found, kinds) or found.code == "card.status", repr(found)
    assert commands <= 2 * MAX_COMMANDS


def test_a_directory_file_that_is_ef_odf_itself_holds_nothing() -> None:
    found, commands = outcome(changed("5031", odf((0xA4, path(APPLICATION + "5031")))))
    assert isinstance(found, Layout)
    assert found.certificates == ()
    assert commands < 30


def test_a_directory_file_named_a_thousand_times_is_read_once() -> None:
    contents = absolute_card()
    plain, commands = outcome(contents)
    contents[APPLICATION + "5031"] = contents[APPLICATION + "5031"].rstrip(b"\xff") + odf((0xA4, A_LIST)) * 20
    again, more = outcome(contents)
    assert isinstance(plain, Layout)
    assert isinstance(again, Layout)
    assert again.certificates == plain.certificates
    assert more <= commands + 1


def test_a_card_that_answers_anything_with_another_file_ends_the_search() -> None:
    """Every SELECT succeeds, every READ gives 256 bytes more: the description never ends."""

    def endless(raw: bytes) -> bytes:
        if raw[1] == 0xB0:
            return odf((0xA4, A_LIST)).ljust(256, b"\xff") + b"\x90\x00"
        return b"\x90\x00"

    channel = ScriptedChannel(endless)
    with pytest.raises(ZorgIDError):
        Link(channel).run(pkcs15.discover())
    assert len(channel.sent) <= MAX_COMMANDS + 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=2, max_size=258), min_size=1, max_size=60))
def test_any_answers_end_the_search_with_a_typed_error_or_a_layout(answers: list[bytes]) -> None:
    left = iter(answers)
    channel = ScriptedChannel(lambda _: next(left, b"\x6f\x00"))
    with suppress(ZorgIDError):
        UZIPass(Link(channel)).certificates()
    assert len(channel.sent) <= 2 * MAX_COMMANDS


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(absolute_card())), st.binary(max_size=600))
def test_any_contents_of_any_file_are_typed_errors_within_bounds(file: str, content: bytes) -> None:
    contents = absolute_card()
    contents[file] = content
    _, commands = outcome(contents)
    assert commands <= 2 * MAX_COMMANDS


# --- what the standard allows, and few cards use ----------------------------------------------------------------------


def test_several_applications_the_first_with_keys_counts() -> None:
    contents = absolute_card()
    empty = {f"3F00DF02{file}": content for file, content in {"5031": b"", "5032": card_info()}.items()}
    first = encode(0x61, encode(0x4F, bytes.fromhex("E828BD080F01")), encode(0x51, bytes.fromhex("3F00DF02")))
    other = encode(0x61, encode(0x4F, bytes.fromhex("D27600012401")), encode(0x51, bytes.fromhex("3F00DF09")))
    contents["3F002F00"] = other + first + contents["3F002F00"]
    found, _ = outcome({**contents, **empty})
    assert isinstance(found, Layout)
    assert (found.application.label, len(found.keys)) == ("RSA DSI", 1)


def test_a_description_elsewhere_is_found_where_ef_dir_says() -> None:
    contents = absolute_card()
    contents["3F0050154320"] = contents.pop(APPLICATION + "5031")  # where the vector of RSA Laboratories has it
    found, _ = outcome(contents)
    assert isinstance(found, Layout)
    assert len(found.keys) == 1


def test_an_application_of_another_name_is_known_by_its_description() -> None:
    contents = absolute_card()
    described = encode(0x73, path(APPLICATION + "5031"))
    contents["3F002F00"] = encode(
        0x61, encode(0x4F, bytes.fromhex("A000000999")), encode(0x51, bytes.fromhex(APPLICATION)), described
    )
    found, _ = outcome(contents)
    assert isinstance(found, Layout)
    assert found.application.aid == bytes.fromhex("A000000999")


def test_every_kind_of_directory_file_is_read() -> None:
    contents = absolute_card()
    attributes = (sequence(utf8("object")), sequence(encode(0x04, b"\x45"), encode(0x03, b"\x01\x02")))
    public = sequence(
        *attributes, encode(0xA1, sequence(encode(0xA0, encode(0x04, b"a key")), encode(0x02, b"\x08\x00")))
    )
    curve = encode(0xA0, b"".join((*attributes, encode(0xA1, sequence(path("4D01"))))))
    secret = encode(0xAF, b"".join((*attributes, encode(0xA1, sequence(path("4B02"))))))
    data = sequence(sequence(utf8("photo")), sequence(utf8("app")), encode(0xA1, path("4D01")))
    entries = ((0xA1, public + curve), (0xA2, public), (0xA3, secret), (0xA7, data))
    contents[APPLICATION + "5031"] = contents[APPLICATION + "5031"].rstrip(b"\xff") + odf(
        *((tag, encode(0xA0, content)) for tag, content in entries)
    )
    link = Link(channel_of(contents))
    layout = link.run(pkcs15.discover())
    keys = link.run(pkcs15.objects(layout, Kind.PUBLIC_KEYS))
    assert [(key.kind, key.value.direct) for key in keys if isinstance(key, PublicKey)] == [
        ("RSA", encode(0x04, b"a key")),
        ("EC", None),
    ]
    (trusted,) = link.run(pkcs15.objects(layout, Kind.TRUSTED_PUBLIC_KEYS))
    assert isinstance(trusted, PublicKey)
    assert trusted.trusted
    (hidden,) = link.run(pkcs15.objects(layout, Kind.SECRET_KEYS))
    assert isinstance(hidden, SecretKey)
    (photo,) = link.run(pkcs15.objects(layout, Kind.DATA_CONTAINERS))
    assert isinstance(photo, DataContainer)
    assert (photo.label, photo.application) == ("photo", "app")
    assert link.run(pkcs15.read(layout, photo.value)) == contents[APPLICATION + "4D01"]


def test_a_certificate_given_directly_and_one_that_is_not_on_the_card() -> None:
    contents = absolute_card()
    real = issued("Z").certificates[Usage.AUTHENTICITY]
    direct = a_certificate(b"\x45", encode(0xA0, real))
    url = sequence(
        sequence(utf8("url")), sequence(encode(0x04, b"\x46")), encode(0xA1, sequence(encode(0x16, b"http://x")))
    )
    contents[APPLICATION + "4402"] = direct + url
    link = Link(channel_of(contents))
    layout = link.run(pkcs15.discover())
    found = [one for one in layout.certificates if one.kind is Kind.CERTIFICATES]
    assert link.run(pkcs15.read_certificate(layout, found[0])) == real
    with pytest.raises(CardResponseError):
        link.run(pkcs15.read_certificate(layout, found[1]))


def test_a_certificate_that_is_not_x509_and_a_key_guarded_by_no_password_are_passed_over() -> None:
    contents = absolute_card()
    contents[APPLICATION + "4402"] += encode(0xA1, encode(0x04, b"spki")) + encode(
        0xA5, encode(0x04, b"card verifiable")
    )
    contents[APPLICATION + "4404"] += encode(0xA0, encode(0x04, b"a fingerprint")) + encode(
        0xA1, encode(0x04, b"a key")
    )
    found, _ = outcome(contents)
    assert isinstance(found, Layout)
    assert (len(found.certificates), len(found.pins)) == (2, 1)


def test_a_file_of_a_short_identifier_is_read() -> None:
    contents = absolute_card()
    contents[APPLICATION + "5031"] = odf((0xA4, sequence(encode(0x04, b"\x88"))))  # short identifier 11
    listed, channel = contents[APPLICATION + "4402"], channel_of(contents)
    plain = channel.answer

    def answer(raw: bytes) -> bytes:
        if raw[1] == 0xB0 and raw[2] == 0x91:
            return listed[:256] + b"\x90\x00"
        return plain(raw)

    channel.answer = answer
    layout = Link(channel).run(pkcs15.discover())
    assert [one.identifier for one in layout.certificates] == [b"\x45"]


def test_a_qualified_path_leads_where_its_identifiers_do() -> None:
    contents = absolute_card()
    contents[APPLICATION + "5031"] = odf((0xA4, sequence(encode(0x04, bytes.fromhex(APPLICATION + "4402" + "08")))))
    found, _ = outcome(contents)
    assert isinstance(found, Layout)
    assert len(found.certificates) == 1


def test_who_guards_a_key_may_stand_in_its_access_rules() -> None:
    contents = absolute_card()
    rules = sequence(
        sequence(encode(0x03, b"\x05\x20"), encode(0x04, b"\x01"))
    )  # execute: the PIN with this identifier
    old, new = encode(0x04, b"\x01"), rules
    key = a_key(b"\x45", where=path(APPLICATION + "4B01"))
    common = sequence(utf8("key"), encode(0x03, b"\x06\xc0"))
    guarded = sequence(utf8("key"), encode(0x03, b"\x06\xc0"), old)
    assert key[2:].startswith(guarded)
    contents[APPLICATION + "4401"] = sequence(sequence(common[2:], new), key[2 + len(guarded) :])
    found, _ = outcome(contents)
    assert isinstance(found, Layout)
    assert found.keys[0].auth_id == b"\x01"


# --- how a PIN becomes bytes ------------------------------------------------------------------------------------------


def block_of(padding: Padding, digits: str) -> bytes:
    with padding.coded(Secret.of(digits.encode())).expose() as octets:
        return bytes(octets)


@given(st.text("0123456789", min_size=4, max_size=12))
def test_a_coded_pin_is_its_digits_and_nothing_else(digits: str) -> None:
    bcd = block_of(Padding(8, 0xFF, Coding.BCD), digits).hex()
    assert bcd.rstrip("f") == digits
    assert len(bcd) == len(digits) + len(digits) % 2
    half = block_of(Padding(12, 0xFF, Coding.HALF_NIBBLE), digits)
    assert [octet >> 4 for octet in half] == [0xF] * len(digits)
    assert "".join(str(octet & 0xF) for octet in half) == digits
    format_2 = block_of(Padding(8, 0xFF, Coding.ISO_9564_2), digits).hex()
    assert (format_2[0], int(format_2[1], 16), format_2[2:].rstrip("f")) == ("2", len(digits), digits)


@given(st.binary(min_size=1, max_size=12).filter(lambda value: not value.isdigit()), st.sampled_from(list(Coding)[1:]))
def test_what_is_not_digits_is_not_coded(pin: bytes, coding: Coding) -> None:
    with pytest.raises(PINPolicyError):
        Padding(8, 0xFF, coding).coded(Secret.of(pin))


@pytest.mark.parametrize("change", [lambda pin: pin.replace(b"\x0a\x01\x01", b"\x0a\x01\x09"), lambda pin: pin[:-3]])
def test_a_pin_of_an_unknown_type_or_cut_off_is_a_typed_error(change: Callable[[bytes], bytes]) -> None:
    found, _ = outcome(changed("4404", change(a_pin())))
    assert isinstance(found, TLVError)
