"""The simulated UZI pass, command by command: SELECT, READ BINARY, READ RECORD, and what the files say (ISO/IEC 7816-4, -15)."""

from __future__ import annotations

import pytest

from uzi_card import SELECT_APPLICATION, contents, layouts, objects, opened, place, powered, read, send, sw, verify
from zorgid_card.testkit import pkcs15_files as p15
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_layout import LAYOUT_A, LAYOUT_B, Layout
from zorgid_card.testkit.uzi_profile import Usage


def test_ef_dir_leads_to_the_application() -> None:
    card = powered(LAYOUT_A)
    assert sw(card, "00A4000C022F00") == 0x9000
    entry, status = send(card, "00B0000000")
    assert status == 0x9000
    assert entry[:16] == bytes.fromhex("611D4F0CA000000063504B43532D3135")
    assert entry[-6:] == bytes.fromhex("51043F005015")


def test_ef_dir_of_records() -> None:
    card = powered(LAYOUT_B)
    fcp = send(card, "00A40004022F0000")[0]
    assert bytes.fromhex("82050501001F01") in fcp  # linear, variable size, TLV; 31 bytes at most; one record
    assert sw(card, "00B0000000") == 0x6981
    record, status = send(card, "00B2010400")
    assert status == 0x9000
    assert record[-6:] == bytes.fromhex("51043F00DF20")
    assert sw(card, "00B2020400") == 0x6A83
    assert sw(card, "00B2000400") == 0x6A86
    assert send(card, "00B201F400") == (record, 0x9000)  # by short identifier 1E


@pytest.mark.parametrize(("template", "p2"), [(0x6F, "00"), (0x62, "04")])
def test_select_answers_control_information(template: int, p2: str) -> None:
    card = powered()
    data, status = send(card, f"00A404{p2}0CA000000063504B43532D313500")
    assert status == 0x9000
    assert data == bytes([template, 24]) + bytes.fromhex("820138 83025015 840CA000000063504B43532D3135 8A0105")
    data, status = send(card, f"00A402{p2}02503100")
    assert data[0] == template
    assert bytes.fromhex("820101") in data
    assert bytes.fromhex("83025031") in data
    assert bytes.fromhex("880188") in data  # short identifier 11


@pytest.mark.parametrize(
    ("selects", "expected"),
    [
        (["00A40000023F00"], 0x9000),
        (["00A4000C"], 0x9000),
        (["00A4000C025015"], 0x9000),
        (["00A4000C025015", "00A4000C025031"], 0x9000),
        (["00A4000C025015", "00A4000C022F00"], 0x9000),  # a child of the parent
        (["00A4000C025015", "00A4000C023F00"], 0x9000),
        (["00A4000C025031"], 0x6A82),  # not below the master file
        (["00A4010C025015"], 0x9000),
        (["00A4010C022F00"], 0x6A82),  # an EF is no DF
        (["00A4020C022F00"], 0x9000),
        (["00A4020C025015"], 0x6A82),
        (["00A4080C0450155031"], 0x9000),
        (["00A4080C063F0050155031"], 0x6A82),  # the path from the master file does not name it
        (["00A4080C0450155099"], 0x6A82),
        (["00A4080C0450315031"], 0x6A82),
        (["00A4080C0650155031 2F00"], 0x6A82),  # nothing lies below an EF
        (["00A4080C0350154A"], 0x6A87),
        (["00A4010C025015", "00A4090C025031"], 0x9000),
        (["00A4010C025015", "00A4030C"], 0x9000),
        (["00A4030C"], 0x6A82),  # the master file has no parent
        (["00A4030C025015"], 0x6A87),
        (["00A4040C05A000000063"], 0x9000),  # a right-truncated name
        (["00A4040C0CA000000063504B43532D3136"], 0x6A82),
        (["00A4000C0150"], 0x6A87),
        (["00A4050C025015"], 0x6A86),
        (["00A4000F025015"], 0x6A86),
        (["00A40002025015"], 0x6A86),
    ],
)
def test_select(selects: list[str], expected: int) -> None:
    card = powered()
    *first, last = selects
    for one in first:
        assert sw(card, one) == 0x9000
    assert sw(card, last) == expected


def test_failed_select_changes_nothing() -> None:
    card = opened()
    assert sw(card, "00A4020C025031") == 0x9000
    before = send(card, "00B0000000")
    assert sw(card, "00A4020C025099") == 0x6A82
    assert send(card, "00B0000000") == before


def test_read_binary_past_the_end() -> None:
    a, b = opened(LAYOUT_A), opened(LAYOUT_B)
    size = len(read(a, bytes.fromhex("50155032")))
    assert send(a, f"00B00000{size + 1:02X}")[1] == 0x6282
    assert sw(a, f"00B0{size:04X}00") == 0x6B00
    whole = read(b, bytes.fromhex("DF205032"))
    assert sw(b, f"00B00000{len(whole) + 1:02X}") == 0x6C00 | len(whole)
    assert send(b, f"00B00000{len(whole):02X}") == (whole, 0x9000)


def test_read_binary_by_short_identifier() -> None:
    card = opened()
    by_path = read(card, bytes.fromhex("50155031"))
    assert send(card, "00B0910000")[0] == by_path[:256]
    assert send(card, "00B0910500")[0] == by_path[5:261]
    assert sw(card, "00B0820000") == 0x6A82
    assert sw(card, "00B0F10000") == 0x6A86


@layouts
def test_no_command_reads_a_key(layout: Layout) -> None:
    card = opened(layout)
    assert verify(card) == 0x9000
    secret = contents("Z").keys[Usage.SIGNATURE].private_numbers().p.to_bytes(128, "big")
    for identifier in range(layout.first_file, layout.first_file + 32):
        path = layout.df.to_bytes(2, "big") + identifier.to_bytes(2, "big")
        if sw(card, b"\x00\xa4\x08\x0c\x04" + path) == 0x9000:
            data, _ = send(card, "00B0000000")
            assert secret[:16] not in data
    key_file = objects(card)[p15.PRIVATE_KEYS][0].at(3, 0, 0, 0).content[-2:]
    assert sw(card, SELECT_APPLICATION) == 0x9000
    assert bytes.fromhex("820108") in send(card, b"\x00\xa4\x02\x04\x02" + key_file + b"\x00")[0]
    assert sw(card, "00B0000000") == 0x6982


@layouts
@pytest.mark.parametrize("kind", ["Z", "M"])
def test_directory_files_list_all_keys_and_certificates(layout: Layout, kind: str) -> None:
    listed = objects(opened(layout, kind))
    count = len(contents(kind).certificates)
    assert [len(listed[kind_]) for kind_ in (p15.PRIVATE_KEYS, p15.CERTIFICATES, p15.AUTHENTICATION)] == [
        count,
        count,
        2,
    ]
    assert len(listed[layout.ca_kind]) == 3
    assert len(listed.get(p15.PUBLIC_KEYS, [])) == (count if layout.public_keys else 0)


@layouts
def test_certificates_are_where_the_directory_says(layout: Layout) -> None:
    card = opened(layout)
    listed = objects(card)
    own, chain = listed[p15.CERTIFICATES], listed[layout.ca_kind]
    expected = [*contents("Z").certificates.values(), *contents("Z").chain]
    found = [place(card, entry.at(2, 0, 0)) for entry in (*own, *chain)]
    assert found == expected


@layouts
def test_only_the_signature_key_wants_consent_for_each_use(layout: Layout) -> None:
    entries = objects(opened(layout))[p15.PRIVATE_KEYS]
    assert [len(entry.at(0).children) for entry in entries] == [3, 4, 3]  # label, flags, authId, userConsent
    assert entries[1].at(0, 3).number == 1


def test_key_usage_bits() -> None:
    usages = [entry.at(1, 1).bits for entry in objects(opened())[p15.PRIVATE_KEYS]]
    assert usages == [[2], [9], [1, 5]]


@layouts
def test_pin_objects_say_reference_lengths_and_padding(layout: Layout) -> None:
    pin, puk = objects(opened(layout))[p15.AUTHENTICATION]
    attributes = pin.at(2, 0).children
    kind = 1 if layout.pin_format.digits_only else 2
    assert [part.number for part in attributes[1:6]] == [kind, 6, 8, 8, layout.pin]
    assert pin.at(0, 2).content == puk.at(1, 0).content  # what unblocks the PIN is the PUK
    assert 6 in puk.at(2, 0, 0).bits
    assert (5 in attributes[0].bits) is (layout.pin_format.pad is not None)


def test_object_names_the_subject_of_the_key() -> None:
    subject = objects(opened())[p15.PRIVATE_KEYS][0].at(2, 0)
    assert b"Jan de Vries" in subject.content


@layouts
def test_a_card_can_hold_a_certificate_that_went_bad(layout: Layout) -> None:
    card = VirtualUZIPass(contents("Z"), layout=layout, stored={Usage.SIGNATURE: b"\x30\x03bad"})
    card.power_on()
    listed = objects(card)[p15.CERTIFICATES]
    found = [place(card, entry.at(2, 0, 0)) for entry in listed]
    certificates = contents("Z").certificates
    assert found == [certificates[Usage.AUTHENTICITY], b"\x30\x03bad", certificates[Usage.CONFIDENTIALITY]]


@pytest.mark.parametrize(
    ("numbers", "der"),
    [((), "030100"), ((0,), "03020780"), ((1, 5), "03020244"), ((9,), "0303060040"), ((7,), "03020001")],
)
def test_named_bits_are_der(numbers: tuple[int, ...], der: str) -> None:
    assert p15.bits(*numbers).hex() == der  # X.690, 11.2.2


@pytest.mark.parametrize(("value", "der"), [(0, "020100"), (127, "02017f"), (128, "02020080"), (2048, "02020800")])
def test_integers_are_der(value: int, der: str) -> None:
    assert p15.integer(value).hex() == der
