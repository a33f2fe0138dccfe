"""Finding keys, certificates and PINs by ISO/IEC 7816-15, on cards of files that are made here."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from card_scripts import ScriptedChannel, files
from pkcs15_card import (
    AID,
    CERTIFICATE,
    ISSUER,
    RSA_LABORATORIES_DIR,
    a_certificate,
    a_pin,
    absolute_card,
    path,
    relative_card,
    sequence,
)
from zorgid_card.codec.link import Link
from zorgid_card.codec.tlv import encode
from zorgid_card.errors import CardNotSupportedError, CardResponseError, TLVError, ZorgIDError
from zorgid_card.protocol import asn1, pkcs15
from zorgid_card.protocol.iso7816 import Padding


def discover(contents: dict[str, bytes], **names: str) -> pkcs15.Layout:
    link = Link(ScriptedChannel(files(contents, aids=names.get("aids"))))  # type: ignore[arg-type]
    return link.run(pkcs15.discover())


def test_the_eid_profile_of_rsa_laboratories_is_found() -> None:
    link = Link(ScriptedChannel(files({"3F002F00": RSA_LABORATORIES_DIR, "3F0050155031": b""})))
    (application,) = link.run(pkcs15.applications())
    where = pkcs15.Path(bytes.fromhex("3F0050154320"))
    assert application == pkcs15.Application(bytes.fromhex(AID), "RSA DSI", bytes.fromhex("3F005015"), odf=where)


def test_a_layout_with_absolute_paths() -> None:
    contents = absolute_card()
    link = Link(ScriptedChannel(files(contents)))
    layout = link.run(pkcs15.discover())
    (key,), (pin,) = layout.keys, layout.pins
    assert (key.identifier, key.reference, key.bits, key.user_consent) == (b"\x45", 0x11, 2048, 1)
    assert key.usage == {2, 9}
    assert layout.pin(key.auth_id) is pin
    assert [info.card_reference for info in layout.algorithms(key, 1)] == [0x02]
    assert [info.card_reference for info in layout.algorithms(key, 5)] == [0x02]
    assert layout.algorithms(key, 4) == []
    assert layout.serial == b"\x12\x34"
    assert [certificate.authority for certificate in layout.certificates] == [False, True]
    read = [link.run(pkcs15.read_certificate(layout, certificate)) for certificate in layout.certificates]
    assert read == [CERTIFICATE, ISSUER]


def test_a_layout_with_relative_paths_below_a_name() -> None:
    link = Link(ScriptedChannel(files(relative_card(), aids={AID: "3F00DF20"})))
    layout = link.run(pkcs15.discover())
    assert layout.application.path is None
    assert [link.run(pkcs15.read_certificate(layout, found)) for found in layout.certificates] == [CERTIFICATE, ISSUER]
    (key,), (pin,) = layout.keys, layout.pins
    assert (key.reference, pin.reference) == (0x85, 0x81)
    assert layout.place(key.path) == b""
    assert layout.place(pin.path) == bytes.fromhex("DF20")


def test_a_card_without_ef_dir_is_entered_by_name() -> None:
    contents = relative_card()
    del contents["3F002F00"]
    link = Link(ScriptedChannel(files(contents, aids={AID: "3F00DF20"})))
    assert len(link.run(pkcs15.discover()).certificates) == 2


def test_a_path_that_leads_nowhere_gives_way_to_the_name() -> None:
    contents = relative_card()
    contents["3F002F00"] = RSA_LABORATORIES_DIR
    link = Link(ScriptedChannel(files(contents, aids={AID: "3F00DF20"})))
    assert link.run(pkcs15.discover()).application.path is None


def test_another_card_is_not_one() -> None:
    other = encode(0x61, encode(0x4F, b"\xa0\x00\x00\x00\x01"))
    for contents in ({"3F002F00": other}, {"3F002F00": b""}, {"3F001234": b""}):
        with pytest.raises(CardNotSupportedError):
            discover(contents)


def test_pin_attributes() -> None:
    def pin(entry: bytes) -> pkcs15.PIN:
        contents = absolute_card()
        contents["3F0050154404"] = entry
        return discover(contents).pins[0]

    plain = pin(a_pin())
    assert (plain.minimum, plain.stored_length, plain.maximum, plain.local, plain.unblocking) == (6, 12, 8, True, False)
    assert plain.padding == Padding(None, 0x00)
    assert plain.puk_id == b"\x02"
    assert pin(a_pin(flags="024C")).padding == Padding(12, 0x00)
    assert pin(a_pin(flags="010E")).unblocking
    assert pin(a_pin(reference=b"\x81")).reference == 0x81
    assert pin(a_pin(reference=b"\x03")).reference == 0x03
    with pytest.raises(TLVError):
        pin(a_pin(reference=b"\x01\x00"))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("3F0050154401", sequence(sequence())),
        ("3F0050154401", b"\x30\x05\x01"),
        ("3F0050154402", a_certificate(b"\x45", encode(0x30, encode(0x04, b"\x3f")))),
        ("3F0050154402", a_certificate(b"\x45", path("3F00" * 9))),
        ("3F0050154402", b"".join(a_certificate(bytes([at]), path("4D01")) for at in range(65))),
        ("3F0050154404", a_pin(flags="09FF")),
        ("3F0050155031", encode(0xA0, encode(0x04, b"?"))),
        ("3F0050155032", sequence(encode(0x04, b"no version"))),
    ],
)
def test_a_malformed_directory_file_is_a_typed_error(file: str, content: bytes) -> None:
    contents = absolute_card()
    contents[file] = content
    with pytest.raises((TLVError, CardResponseError)):
        discover(contents)


@pytest.mark.parametrize(
    "content", [b"", b"\x30", b"\x30\x80\x00\x00", b"\x30\x82\x40\x00", b"\x04\x01a", b"\x30\x83\x00\x00\x01a"]
)
def test_a_file_without_a_certificate_is_a_typed_error(content: bytes) -> None:
    contents = absolute_card()
    contents["3F0050154D01"] = content
    link = Link(ScriptedChannel(files(contents)))
    layout = link.run(pkcs15.discover())
    with pytest.raises((TLVError, CardResponseError)):
        link.run(pkcs15.read_certificate(layout, layout.certificates[0]))


@given(st.binary(max_size=40))
def test_asn1_numbers_and_bits_are_typed_errors_or_right(raw: bytes) -> None:
    parsers: tuple[Callable[[bytes], object], ...] = (
        lambda value: asn1.integer(value, 0, 100),
        asn1.reference,
        asn1.bits,
        asn1.first_object,
        asn1.objects,
    )
    for parse in parsers:
        try:
            parse(raw)
        except (TLVError, CardResponseError):
            continue


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(absolute_card())), st.data())
def test_hostile_files_give_typed_errors_and_bounded_work(file: str, data: st.DataObject) -> None:
    contents = absolute_card()
    good = bytearray(contents[file])
    for at in data.draw(st.lists(st.integers(0, max(len(good) - 1, 0)), max_size=4)):
        good[at] = data.draw(st.integers(0, 255))
    contents[file] = bytes(good)
    channel = ScriptedChannel(files(contents))
    link = Link(channel)
    try:
        layout = link.run(pkcs15.discover())
        for certificate in layout.certificates:
            link.run(pkcs15.read_certificate(layout, certificate))
    except ZorgIDError:
        pass
    assert len(channel.sent) < 500
