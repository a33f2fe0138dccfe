# The hot paths of the C core, bound by hand in native/hot/.
from collections.abc import Callable, Collection
from typing import Any, TypeVar, final

from zorgid_card.ports.card import Octets

Named = TypeVar("Named", bound=tuple[Any, ...])

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
    cancelled: int
    protocol: int
    def __new__(cls, pcsc: Any = ..., card: int = ..., protocol: int = ..., /) -> Carrier: ...
    @property
    def count(self) -> int: ...
    @property
    def refused(self) -> int: ...
    def transmit(self, command: Octets, /) -> Any: ...
    def exchange(
        self,
        command: tuple[Any, ...],
        form: int,
        page: Any,
        fills: Any,
        function: Callable[[bytes], Octets] | None,
        type: type[Named],
        /,
    ) -> Named | tuple[int, int]: ...

def wrap(page: Any, command: Named, /) -> Named | int: ...
def unwrap(page: Any, response: Named, /) -> Named | int: ...
def revoked(index: Any, serial: bytes, /) -> tuple[int, int] | None: ...
