# The hot paths of the C core, bound by hand in native/hot/.
from collections.abc import Callable, Collection
from typing import Any, final

from zorgid_card.ports.card import Octets

@final
class Index:
    def __new__(
        cls,
        data: Octets,
        /,
        *,
        der: bool = False,
        descend: Collection[int] = (),
        opaque: Collection[int] = (),
        padding: bool = False,
    ) -> Index: ...
    def first(self, *path: int) -> bytes: ...
    def optional(self, *path: int) -> bytes | None: ...
    def all(self, *path: int) -> list[bytes]: ...
    def items(self, *path: int) -> list[tuple[int, bytes]]: ...

@final
class Carrier:
    cancelled: bool
    def __new__(
        cls, transport: Callable[[Octets], bytes] | Octets | Any, card: int = ..., protocol: int = ..., /
    ) -> Carrier: ...
    @property
    def count(self) -> int: ...
    @property
    def refused(self) -> bool: ...
    def transmit(self, command: Octets, /) -> Any: ...
    def exchange(
        self, cla: int, ins: int, p1: int, p2: int, data: Octets, ne: int, form: int, fills: Any, /
    ) -> tuple[bytes, int] | tuple[int, int, int]: ...

@final
class Messaging:
    def __new__(cls, page: Any, piv: bool, /) -> Messaging: ...
    def wrap(
        self, cla: int, ins: int, p1: int, p2: int, data: Octets, ne: int, form: int, /
    ) -> tuple[int, bytes, int | None, bool] | int: ...
    def unwrap(self, data: Octets, sw: int, /) -> tuple[bytes, int] | int: ...

@final
class Revoked:
    def __new__(cls, index: Any, /) -> Revoked: ...
    def find(self, serial: int, /) -> tuple[int, int] | None: ...
