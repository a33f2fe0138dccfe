"""SCP03, the off-card end: published sessions, and wrapping apart from sending."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU, SecretField
from zorgid_card.codec.scp03 import SCP03, SecurityLevel, StaticKeys
from zorgid_card.errors import SecureChannelError
from zorgid_card.secret import Secret

SESSIONS = json.loads((Path(__file__).parents[1] / "vectors/scp03.json").read_text())["sessions"]


def channel_of(session: dict[str, Any]) -> SCP03:
    keys = StaticKeys(*(Secret.of(bytes.fromhex(session[name])) for name in ("enc", "mac")))
    challenge = CommandAPDU.parse(bytes.fromhex(session["initialize_update"])).data
    return SCP03(keys, challenge, bytes.fromhex(session["answer"]))


@pytest.fixture(params=SESSIONS, ids=lambda session: f"AES{session['key_bits']}-{session['level']}")
def session(request: pytest.FixtureRequest) -> dict[str, Any]:
    loaded: dict[str, Any] = request.param
    return loaded


def test_published_sessions(session: dict[str, Any]) -> None:
    channel = channel_of(session)
    level = SecurityLevel(int(session["level"], 16))
    assert channel.authenticate(level).encode().hex() == session["external_authenticate"]
    assert channel.level == level
    for index, command in enumerate(session["commands"]):
        wrapped = channel.wrap(CommandAPDU.parse(bytes.fromhex(command["plain"])))
        expected = CommandAPDU.parse(bytes.fromhex(command["wrapped"]))
        # With R-MAC there is always an answer to ask for; the recording host left Le away where the plain command had none.
        le = 0 if SecurityLevel.R_MAC in level else expected.le
        assert wrapped == CommandAPDU(*_header(expected), expected.data, le)
        if index == 0:
            answer = ResponseAPDU.parse(bytes.fromhex(session["first_response"]["wrapped"]))
            assert channel.unwrap(answer).encode().hex() == session["first_response"]["plain"]


def _header(command: CommandAPDU) -> tuple[int, int, int, int]:
    return command.cla, command.ins, command.p1, command.p2


def test_a_changed_answer_closes_the_channel_for_good() -> None:
    channel = channel_of(SESSIONS[2])
    channel.authenticate()
    channel.wrap(CommandAPDU.parse(bytes.fromhex(SESSIONS[2]["commands"][0]["plain"])))
    raw = bytearray.fromhex(SESSIONS[2]["first_response"]["wrapped"])
    raw[3] ^= 1
    with pytest.raises(SecureChannelError, match="MAC"):
        channel.unwrap(ResponseAPDU.parse(raw))
    assert channel.level == SecurityLevel(0)
    with pytest.raises(SecureChannelError, match="no secure channel"):
        channel.wrap(CommandAPDU(0, 0xCB, 0x3F, 0xFF))


def test_other_keys_are_told_apart() -> None:
    session = SESSIONS[2] | {"mac": SESSIONS[2]["enc"]}
    with pytest.raises(SecureChannelError, match="other keys"):
        channel_of(session)


def test_another_protocol_is_refused() -> None:
    answer = SESSIONS[2]["answer"]
    with pytest.raises(SecureChannelError, match="protocol"):
        channel_of(SESSIONS[2] | {"answer": answer[:22] + "02" + answer[24:]})


def test_keys_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        channel_of(SESSIONS[0] | {"mac": SESSIONS[3]["mac"]})


def test_a_closed_channel_shows_no_keys() -> None:
    channel = channel_of(SESSIONS[2])
    channel.authenticate()
    channel.close()
    channel.close()
    assert repr(channel) == "<SCP03>"
    with pytest.raises(SecureChannelError):
        channel.wrap(CommandAPDU(0, 0xCB, 0x3F, 0xFF))


@pytest.mark.parametrize("level", [SecurityLevel.C_MAC, SecurityLevel.C_MAC | SecurityLevel.R_MAC])
def test_a_secret_is_not_wrapped_where_it_would_stay_readable(level: SecurityLevel) -> None:
    channel = channel_of(SESSIONS[0])
    channel.authenticate(level)
    command = CommandAPDU(0, 0x20, 0, 0x80, b"\xff" * 8, secrets=(SecretField(0, Secret.of(b"314159")),))
    with pytest.raises(ValueError, match="encrypting"):
        channel.wrap(command)


def test_a_wrapped_secret_is_the_wrapped_plain_command() -> None:
    one, two = channel_of(SESSIONS[2]), channel_of(SESSIONS[2])
    one.authenticate()
    two.authenticate()
    template = CommandAPDU(0, 0x20, 0, 0x80, b"\xff" * 8, secrets=(SecretField(0, Secret.of(b"314159")),))
    assert one.wrap(template) == two.wrap(CommandAPDU(0, 0x20, 0, 0x80, b"314159\xff\xff"))


def test_what_cannot_be_wrapped_leaves_the_channel_as_it_was() -> None:
    one, two = channel_of(SESSIONS[2]), channel_of(SESSIONS[2])
    one.authenticate()
    two.authenticate()
    with pytest.raises(ValueError, match="cannot be wrapped"):
        one.wrap(CommandAPDU(0x0C, 0xCB, 0x3F, 0xFF))
    with pytest.raises(ValueError, match="cannot be wrapped"):
        one.wrap(CommandAPDU(0, 0xDB, 0x3F, 0xFF, bytes(65530)))
    assert one.wrap(CommandAPDU(0, 0xCB, 0x3F, 0xFF)) == two.wrap(CommandAPDU(0, 0xCB, 0x3F, 0xFF))
