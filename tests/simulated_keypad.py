"""A reader with a keypad, for the stub PC/SC library: written from PC/SC part 10, not from the adapter.

The digits that a person presses are given to it; the PIN goes from here to the simulated card, and through nothing of ours.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

VERIFY, MODIFY, PROPERTIES, TLV_PROPERTIES = 0x06, 0x07, 0x0A, 0x12
GET_FEATURES = 0x42000000 + 3400
CODES = {VERIFY: 0x42330006, MODIFY: 0x42330007, PROPERTIES: 0x4233000A, TLV_PROPERTIES: 0x42330012}
CANCEL, NOTHING = "cancel", "nothing"
UNSUPPORTED = 0x80100016


@dataclass
class SimulatedKeypad:
    """What the person presses, entry by entry; and what the reader was asked."""

    card: Callable[[bytes], bytes]
    presses: list[str] = field(default_factory=list)
    features: Sequence[int] = (VERIFY, MODIFY, PROPERTIES, TLV_PROPERTIES)
    display: bool = True
    tlv: bytes = b""
    asked: list[bytes] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    structure: dict[str, int] = field(default_factory=dict)

    def __call__(self, _slot: int, code: int, data: bytes) -> tuple[int, bytes]:
        if code == GET_FEATURES:
            return 0, b"".join(struct.pack(">BBI", tag, 4, CODES[tag]) for tag in self.features)
        if code == CODES[PROPERTIES]:
            return 0, struct.pack("=HBB", 0x0210 if self.display else 0, 0x07, 0)
        if code == CODES[TLV_PROPERTIES]:
            return 0, self.tlv
        if code in (CODES[VERIFY], CODES[MODIFY]):
            self.asked.append(data)
            return 0, self._verify(data) if code == CODES[VERIFY] else self._modify(data)
        return UNSUPPORTED, b""

    def _verify(self, data: bytes) -> bytes:
        head = struct.Struct("=BBBBBHBBHB3sI")
        names = "timeout timeout2 format block length_format limits validation messages language index"
        *values, teo, size = head.unpack_from(data)
        command = self._common(dict(zip(names.split(), values, strict=True)), teo, data[head.size :], size)
        entered = self._press()
        if isinstance(entered, bytes):
            return entered
        return self._send(command, [(0, entered)])

    def _modify(self, data: bytes) -> bytes:
        head = struct.Struct("=BBBBBBBHBBBHBBB3sI")
        names = (
            "timeout timeout2 format block length_format old new limits confirm validation messages language "
            "index1 index2 index3"
        )
        *values, teo, size = head.unpack_from(data)
        command = self._common(dict(zip(names.split(), values, strict=True)), teo, data[head.size :], size)
        assert self.structure["confirm"] == 0x03
        pins: list[str] = []
        for _ in range(3):
            entered = self._press()
            if isinstance(entered, bytes):
                return entered
            pins.append(entered)
        if pins[1] != pins[2]:
            return b"\x64\x02"
        return self._send(command, [(self.structure["old"], pins[0]), (self.structure["new"], pins[1])])

    def _common(self, structure: dict[str, int], teo: bytes, command: bytes, size: int) -> bytes:
        self.structure = structure
        assert len(command) == size, "ulDataLength"
        assert teo == bytes(3)
        assert structure["format"] == 0x82, "bytes, at 0, left justified, ASCII"
        assert structure["length_format"] == 0
        assert structure["messages"] == (0 if not self.display else 3 if "confirm" in structure else 1)
        assert structure["validation"] == 0x02
        assert structure["block"] & 0xF0 == 0, "no length within the PIN block"
        return command

    def _press(self) -> str | bytes:
        entered = self.presses.pop(0) if self.presses else NOTHING
        if entered in (CANCEL, NOTHING):
            return b"\x64\x01" if entered == CANCEL else b"\x64\x00"
        fewest, most = divmod(self.structure["limits"], 256)
        return entered if fewest <= len(entered) <= most else b"\x64\x03"

    def _send(self, command: bytes, pins: list[tuple[int, str]]) -> bytes:
        header, body = command[:4], bytearray(command[5:])
        assert command[4] == len(body)
        for offset, pin in pins:
            octets = pin.encode("ascii")
            if self.structure["block"] == 0:
                body += octets
            else:
                assert len(octets) <= self.structure["block"]
                body[offset : offset + len(octets)] = octets
        self.sent.append(header + bytes([len(body)]) + bytes(body))
        return self.card(self.sent[-1])
