"""The file system of a simulated card: dedicated and elementary files, SELECT, READ BINARY, READ RECORD.

Written from ISO/IEC 7816-4:2020, 7.2 (structures), 7.4 (FCP, FCI), 11.2 (SELECT), 11.3 (data units), 11.4
(records). Files are read here, never written: a pass is personalised before it reaches its holder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from zorgid_card.codec import tlv
from zorgid_card.codec.apdu import SW, CommandAPDU, ResponseAPDU
from zorgid_card.testkit.card import Refused

MF = 0x3F00
SW_INCOMPATIBLE = 0x6981  # command incompatible with file structure
SW_LENGTH_AND_P1P2 = 0x6A87  # Nc inconsistent with P1-P2

_BY_ID, _CHILD_DF, _CHILD_EF, _PARENT, _BY_NAME, _PATH_FROM_MF, _PATH_FROM_DF = 0, 1, 2, 3, 4, 8, 9
_FCI, _FCP, _NOTHING = 0x00, 0x04, 0x0C
_SHORT_EF = 0x80
_RECORD_NUMBER = 0x04
_ACTIVATED = b"\x05"


@dataclass(slots=True, eq=False)
class EF:
    """An elementary file: transparent, of linear records of variable size, or internal (keys; never read)."""

    id: int
    content: bytes = b""
    records: tuple[bytes, ...] = ()
    short_id: int | None = None
    internal: bool = False

    @property
    def size(self) -> int:
        """Number of data bytes in the file."""
        return len(self.content) or sum(map(len, self.records))

    def _descriptor(self) -> bytes:
        if self.internal:
            return b"\x08"
        if not self.records:
            return b"\x01"
        # linear, variable size, TLV structure; data coding byte; greatest record size; number of records
        return b"\x05\x01" + max(map(len, self.records)).to_bytes(2, "big") + bytes([len(self.records)])

    def control_parameters(self) -> bytes:
        """The data objects of its FCP template (7.4.3)."""
        parts = [
            tlv.encode(0x80, self.size.to_bytes(2, "big")),
            tlv.encode(0x82, self._descriptor()),
            tlv.encode(0x83, self.id.to_bytes(2, "big")),
        ]
        if self.short_id is not None:
            parts.append(tlv.encode(0x88, bytes([self.short_id << 3])))
        return b"".join((*parts, tlv.encode(0x8A, _ACTIVATED)))


@dataclass(slots=True, eq=False)
class DF:
    """A dedicated file, which may be an application with a name (its AID)."""

    id: int
    name: bytes = b""
    children: tuple[DF | EF, ...] = ()
    parent: DF | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Tell the children whose they are."""
        for child in self.children:
            if isinstance(child, DF):
                child.parent = self

    def child(self, identifier: int) -> DF | EF | None:
        """The file directly below with this identifier."""
        return next((child for child in self.children if child.id == identifier), None)

    def short(self, short_id: int) -> EF | None:
        """The elementary file directly below with this short identifier."""
        return next((c for c in self.children if isinstance(c, EF) and c.short_id == short_id), None)

    def descendants(self) -> Iterator[DF]:
        """This file and all dedicated files below."""
        yield self
        for child in self.children:
            if isinstance(child, DF):
                yield from child.descendants()

    def lies_in(self, other: DF) -> bool:
        """Whether this file is ``other`` or somewhere below it."""
        return self is other or (self.parent is not None and self.parent.lies_in(other))

    def control_parameters(self) -> bytes:
        """The data objects of its FCP template (7.4.3)."""
        name = tlv.encode(0x84, self.name) if self.name else b""
        identifier = tlv.encode(0x83, self.id.to_bytes(2, "big"))
        return tlv.encode(0x82, b"\x38") + identifier + name + tlv.encode(0x8A, _ACTIVATED)


class FileSystem:
    """The files with what is selected: a current DF always, a current EF perhaps.

    Args:
        root: the master file.
        exact: answer a READ BINARY that asks for more than there is with 6Cxx instead of data and 6282.
    """

    def __init__(self, root: DF, *, exact: bool = False) -> None:
        self._root = root
        self._exact = exact
        self.current: DF = root
        self._file: EF | None = None

    def reset(self) -> None:
        """Select the master file, as after a reset (7.3.1)."""
        self.current, self._file = self._root, None

    def renew(self, root: DF, current: int) -> None:
        """Take other contents, as a card does that changes its own files; a directory of the master file is current then."""
        found = root.child(current)
        self._root, self.current, self._file = root, found if isinstance(found, DF) else root, None

    def select(self, command: CommandAPDU) -> ResponseAPDU:
        """SELECT (11.2.2): by identifier, path, parent or name; what is selected changes only on success."""
        if command.p2 not in {_FCI, _FCP, _NOTHING}:
            raise Refused(SW.WRONG_P1P2)
        found, parent = self._find(command.p1, command.data)
        if isinstance(found, DF):
            self.current, self._file = found, None
        else:
            self.current, self._file = parent, found
        if command.p2 == _NOTHING or command.le is None:
            return ResponseAPDU(b"", SW.OK)
        template = 0x6F if command.p2 == _FCI else 0x62
        return ResponseAPDU(tlv.encode(template, found.control_parameters()), SW.OK)

    def _find(self, how: int, data: bytes) -> tuple[DF | EF, DF]:
        """The file meant, and the DF that becomes current with it."""
        if how == _BY_NAME:
            found = self._by_name(data)
            return found, found
        if how == _PARENT:
            if data:
                raise Refused(SW_LENGTH_AND_P1P2)
            above = _there(self.current.parent)
            return above, above
        if how in {_PATH_FROM_MF, _PATH_FROM_DF}:
            return _walk(self._root if how == _PATH_FROM_MF else self.current, data)
        if how in {_BY_ID, _CHILD_DF, _CHILD_EF}:
            return self._by_identifier(how, data)
        raise Refused(SW.WRONG_P1P2)

    def _by_name(self, name: bytes) -> DF:
        if not name:
            raise Refused(SW_LENGTH_AND_P1P2)
        named = (df for df in self._root.descendants() if df.name and df.name.startswith(name))
        return _there(next(named, None))

    def _by_identifier(self, how: int, data: bytes) -> tuple[DF | EF, DF]:
        """The order of search (7.3.2): the current DF's children, its parent, the parent's children."""
        if how == _BY_ID and not data:
            return self._root, self._root
        if len(data) != 2:
            raise Refused(SW_LENGTH_AND_P1P2)
        identifier = int.from_bytes(data, "big")
        if how != _BY_ID:
            wanted = DF if how == _CHILD_DF else EF
            child = self.current.child(identifier)
            if not isinstance(child, wanted):
                raise Refused(SW.NOT_FOUND)
            return child, child if isinstance(child, DF) else self.current
        if identifier == MF:
            return self._root, self._root
        for place in filter(None, (self.current, self.current.parent)):
            child = place.child(identifier) or (place if place.id == identifier else None)
            if child is not None:
                return child, child if isinstance(child, DF) else place
        raise Refused(SW.NOT_FOUND)

    def exists(self, path: bytes) -> bool:
        """Whether a path from the master file (with its identifier) or the current DF leads to a file."""
        whole = path.startswith(MF.to_bytes(2, "big"))
        try:
            _walk(self._root if whole else self.current, path[2:] if whole else path)
        except Refused:
            return False
        return True

    def read_binary(self, command: CommandAPDU) -> ResponseAPDU:
        """READ BINARY (11.3.3), even instruction: offset to 32,767, or short identifier and offset to 255."""
        file, offset = self._addressed(command.p1, command.p2)
        if file.internal or file.records:
            raise Refused(SW_INCOMPATIBLE if file.records else SW.SECURITY_STATUS)
        if command.data:
            raise Refused(SW.WRONG_LENGTH)
        if offset >= len(file.content):
            raise Refused(SW.WRONG_OFFSET)
        part = file.content[offset : offset + (command.le or 256)]
        return self._limited(part, command.le)

    def _addressed(self, p1: int, p2: int) -> tuple[EF, int]:
        if p1 & _SHORT_EF:
            if p1 & 0x60:
                raise Refused(SW.WRONG_P1P2)
            file = self.current.short(p1 & 0x1F)
            if file is None:
                raise Refused(SW.NOT_FOUND)
            self._file = file
            return file, p2
        if self._file is None:
            raise Refused(SW.NO_CURRENT_FILE)
        return self._file, p1 << 8 | p2

    def _limited(self, part: bytes, asked: int | None) -> ResponseAPDU:
        """Le zero or absent means all there is; a greater number than that is told (5.6, 6282 and 6Cxx)."""
        if not asked or asked <= len(part):
            return ResponseAPDU(part, SW.OK)
        if self._exact:
            raise Refused(0x6C00 | len(part) & 0xFF)
        return ResponseAPDU(part, SW.WARNING_END_OF_FILE)

    def read_record(self, command: CommandAPDU) -> ResponseAPDU:
        """READ RECORD (11.4.3) of one record by its number, of the current file or a short identifier's."""
        if command.p2 & 0x07 != _RECORD_NUMBER or command.p1 == 0:
            raise Refused(SW.WRONG_P1P2)
        short_id = command.p2 >> 3
        file, _ = self._addressed(_SHORT_EF | short_id if short_id else 0, 0)
        if not file.records:
            raise Refused(SW_INCOMPATIBLE)
        if command.p1 > len(file.records):
            raise Refused(SW.RECORD_NOT_FOUND)
        record = file.records[command.p1 - 1]
        return self._limited(record[: command.le or 256], command.le)


def _there(found: DF | None) -> DF:
    if found is None:
        raise Refused(SW.NOT_FOUND)
    return found


def _walk(start: DF, path: bytes) -> tuple[DF | EF, DF]:
    """Follow a path of identifiers downwards (7.3.2)."""
    if not path or len(path) % 2:
        raise Refused(SW_LENGTH_AND_P1P2)
    place, found = start, None
    for identifier in _identifiers(path):
        if found is not None:
            if not isinstance(found, DF):
                raise Refused(SW.NOT_FOUND)
            place = found
        found = place.child(identifier)
        if found is None:
            raise Refused(SW.NOT_FOUND)
    if found is None:
        raise Refused(SW.NOT_FOUND)
    return (found, found) if isinstance(found, DF) else (found, place)


def _identifiers(path: bytes) -> Iterable[int]:
    return (int.from_bytes(path[i : i + 2], "big") for i in range(0, len(path), 2))
