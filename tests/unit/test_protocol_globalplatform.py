"""The card manager's data and the administrative commands, against octets that others have published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_scripts import drive, powered, refuse
from zorgid_card.cards import CardKind, detect
from zorgid_card.codec.apdu import SW, CommandAPDU, ResponseAPDU
from zorgid_card.codec.link import Link
from zorgid_card.errors import CardError, CardResponseError, EncodingError, StatusWordError, UsageError
from zorgid_card.protocol import globalplatform, openfips201
from zorgid_card.protocol.administration import administration_algorithm
from zorgid_card.secret import Secret
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.nist import CardManager

CPLC = "9F7F2A4250327212916181070080390106C2BB1D3C000081480000814800000000000000000000000000000000"
"""Of a real card, shown in Oracle's Java Card forum ("question about CPLC Data been read by using Get Data command", 2009)."""

CARD_DATA = {
    # GlobalPlatformPro's tests: a JCOP card with SCP02, and one with SCP03 and SCP80
    "664C734A06072A864886FC6B01600C060A2A864886FC6B02020101630906072A864886FC6B03640B06092A864886FC6B040215"
    "650B06092B8510864864020103660C060A2B060104012A026E0102": {0x02},
    "6657735506072A864886FC6B01600B06092A864886FC6B020202630906072A864886FC6B03640B06092A864886FC6B040370"
    "640B06092A864886FC6B048000650A06082A864886FC6B0504660C060A2B060104012A026E0103": {0x03, 0x80},
    # a trace of Securo.GlobalPlatform's, with SCP03
    "663F733D06072A864886FC6B01600C060A2A864886FC6B02020201630906072A864886FC6B03640B06092A864886FC6B040360"
    "660C060A2B060104012A026E0102": {0x03},
}


def octets(commands: list[CommandAPDU]) -> str:
    """A command as it crosses, its secret in place."""
    (command,) = commands
    data = bytearray(command.data)
    for offset, secret in command.secrets:
        with secret.expose() as exposed:
            data[offset : offset + len(secret)] = exposed
    return command._replace(data=bytes(data), secrets=()).encode().hex().upper()


def test_production_data_of_a_real_card() -> None:
    told, sent = drive(globalplatform.production_data(), (CPLC, 0x9000))
    assert (told.fabricator, told.batch, told.serial) == (0x4250, 0x1D3C, 0x0106C2BB)
    assert told.firmware == "7.0"
    assert told.number == str(0x4250_1D3C_0106_C2BB)
    assert octets(sent) == "80CA9F7F00"


@pytest.mark.parametrize("data", ["", "9F7F00", CPLC[:-2], "9F7F29" + "00" * 41, "9F7F2B" + "00" * 43, "660100"])
def test_production_data_of_another_form_are_refused(data: str) -> None:
    assert isinstance(refuse(globalplatform.production_data(), (data, 0x9000)), CardError | EncodingError)


def test_no_card_has_a_number_of_more_than_twenty_digits() -> None:
    most = "9F7F2A" + "FF" * 42
    told, _ = drive(globalplatform.production_data(), (most, 0x9000))
    assert told.number == str(2**64 - 1)
    assert len(told.number) == 20


@pytest.mark.parametrize("data", CARD_DATA)
def test_secure_channels_of_real_cards(data: str) -> None:
    told, sent = drive(globalplatform.secure_channels(), (data, 0x9000))
    assert told == CARD_DATA[data]
    assert octets(sent) == "80CA006600"


@given(data=st.binary(max_size=80))
def test_whatever_a_card_manager_tells_ends_in_an_answer_or_a_typed_error(data: bytes) -> None:
    for exchange in (globalplatform.secure_channels(), globalplatform.production_data()):
        next(exchange)
        try:
            exchange.send(ResponseAPDU(data, SW.OK))
        except StopIteration as done:
            assert done.value is not None
        except (CardResponseError, EncodingError):
            pass


def test_a_card_manager_that_is_not_there_or_refuses_is_no_error() -> None:
    scp03 = next(data for data, found in CARD_DATA.items() if 3 in found)
    scp02 = next(data for data, found in CARD_DATA.items() if 2 in found)
    assert drive(globalplatform.card_manager(), ("", 0x6A82))[0] is None
    assert drive(globalplatform.card_manager(), ("", 0x9000), ("", 0x6A88))[0] is None
    assert drive(globalplatform.card_manager(), ("", 0x9000), (scp02, 0x9000))[0] is None
    assert drive(globalplatform.card_manager(), ("", 0x9000), (scp03, 0x9000), ("", 0x6A88))[0] is None
    found, _ = drive(globalplatform.card_manager(), ("", 0x9000), (scp03, 0x9000), (CPLC, 0x9000))
    assert found is not None


def test_a_globalplatform_card_without_piv_is_not_ours() -> None:
    state = Maker.create().nist_state()
    reader, _ = powered(VirtualCard(bytes.fromhex("3B8001"), [CardManager(state, 0x60)]))
    assert detect(Link(reader.connect())).kind is CardKind.UNKNOWN


def test_codes_are_set_as_openfips201_shows_it() -> None:
    """Appendix - NIST Compliant Profile, 4: PIN to 123456, PUK to 12345678."""
    _, sent = drive(openfips201.set_reference(0x80, Secret.of(b"123456")), ("", 0x9000))
    assert octets(sent) == "0024FF8008313233343536FFFF"
    _, sent = drive(openfips201.set_reference(0x81, Secret.of(b"12345678")), ("", 0x9000))
    assert octets(sent) == "0024FF81083132333435363738"


def test_key_9b_is_set_as_the_published_asn_1_has_it() -> None:
    key = Secret.of(bytes(range(16)))
    _, sent = drive(openfips201.set_administration_key(administration_algorithm("AES128"), key), ("", 0x9000))
    assert octets(sent) == "0024089B1430128010" + bytes(range(16)).hex().upper()
    with pytest.raises(UsageError):
        next(openfips201.set_administration_key(administration_algorithm("AES256"), key))


def test_limits_are_elements_of_openfips201s_configuration_in_its_order() -> None:
    """Appendix - NIST Compliant Profile, 3 has them among all others: 86 01 06 87 01 05, and 83 01 06 84 01 05."""
    _, sent = drive(openfips201.set_retries(6, 6), ("", 0x9000))
    assert octets(sent) == "00DB3F00126810A006860106870105A106830106840105"


def test_a_refusal_keeps_its_status_word() -> None:
    error = refuse(openfips201.set_retries(3, 3), ("", 0x6982))
    assert isinstance(error, StatusWordError)
    assert error.sw == 0x6982
