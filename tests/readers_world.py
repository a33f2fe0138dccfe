"""A PC/SC library whose readers come and go as the test says (tests/stubs/readers_stub.c), and what must hold of its events."""

from __future__ import annotations

import ctypes
import gc
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zorgid_card.adapters.pcsc import Change, Held, ReaderEvent, SlotState
from zorgid_card.testkit.card import VirtualCard

SOURCE = Path(__file__).parent / "stubs" / "readers_stub.c"
NO_SERVICE, SERVICE_STOPPED, INVALID_HANDLE, COMM_ERROR = 0x8010001D, 0x8010001E, 0x80100003, 0x80100013
LOST = (NO_SERVICE, SERVICE_STOPPED, INVALID_HANDLE, COMM_ERROR)

CALLS = (
    *("establish", "release", "list", "look", "connect", "reconnect"),
    *("disconnect", "begin", "end", "status", "transmit", "control"),
)

_STATES = {Held.NOTHING: 0x10, Held.CARD: 0x20, Held.MUTE: 0x220}
_TRANSMIT = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(ctypes.c_ubyte), ctypes.c_ulong, ctypes.POINTER(ctypes.c_ubyte)
)


def compile_library(directory: Path) -> Path:
    library = directory / "libreaders.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-pthread", "-o", library, SOURCE], check=True)
    return library


class World:
    """The readers, as they truly are. Each world is a copy of the library: another file has variables of its own."""

    def __init__(self, compiled: Path, directory: Path) -> None:
        self.path = str(shutil.copy(compiled, directory))
        self._library = ctypes.CDLL(self.path)
        self.readers: dict[str, SlotState] = {}
        self.running = True
        self._callback: object = None

    def __getitem__(self, name: str) -> int:
        return ctypes.c_uint32.in_dll(self._library, f"world_{name}").value

    def __setitem__(self, name: str, value: int) -> None:
        ctypes.c_uint32.in_dll(self._library, f"world_{name}").value = value

    @property
    def visible(self) -> dict[str, SlotState]:
        return dict(self.readers) if self.running else {}

    def plug(self, reader: str, held: Held = Held.NOTHING, atr: bytes = b"") -> None:
        self.readers[reader] = SlotState(held=held, atr=atr)
        self._library.world_plug(reader.encode(), _STATES[held], atr, len(atr))

    def unplug(self, reader: str) -> None:
        del self.readers[reader]
        self._library.world_unplug(reader.encode())

    def put(self, reader: str, held: Held, atr: bytes = b"", unseen: int = 0) -> None:
        """What the slot holds from now on; ``unseen``: how many cards came and went before that, uncounted by it."""
        before = self.readers[reader]
        steps = unseen + ((before.held is Held.NOTHING) is not (held is Held.NOTHING))
        self.readers[reader] = SlotState(held=held, atr=atr, counter=(before.counter + steps) % 0x10000)
        self._library.world_card(reader.encode(), _STATES[held], atr, len(atr), steps)

    def stop(self) -> None:
        self.running = False
        self.readers = {name: SlotState(held=state.held, atr=state.atr) for name, state in self.readers.items()}
        self._library.world_service(0)

    def start(self) -> None:
        self.running = True
        self._library.world_service(1)

    def calls(self) -> dict[str, int]:
        """How often each call was made until now."""
        return {call: self[f"calls_{call}"] for call in CALLS}

    def serve(self, transmit: Callable[[str, bytes], bytes]) -> None:
        """Answer what is sent to cards."""

        def answer(reader: bytes, command: ctypes.Array[ctypes.c_ubyte], length: int, response: int) -> int:
            answered = transmit(reader.decode(), bytes(command[:length]))
            ctypes.memmove(response, answered, len(answered))
            return len(answered)

        self._callback = _TRANSMIT(answer)
        ctypes.c_void_p.in_dll(self._library, "world_transmit").value = ctypes.cast(
            self._callback, ctypes.c_void_p
        ).value


class Desk:
    """Readers that hold simulated cards."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cards: dict[str, VirtualCard] = {}
        world.serve(lambda reader, command: self.cards[reader].transmit(command))

    def put(self, reader: str, card: VirtualCard) -> None:
        if reader not in self.world.readers:
            self.world.plug(reader)
        card.power_on()
        self.cards[reader] = card
        self.world.put(reader, Held.CARD, card.atr)


class Follower:
    """What a program knows that hears the events alone; it fails at one that cannot follow what it heard before."""

    def __init__(self) -> None:
        self.slots: dict[str, Held] = {}
        self.counters: dict[str, int] = {}
        self.heard: list[ReaderEvent] = []
        self.unseen = 0

    def hear(self, events: Iterable[ReaderEvent]) -> None:
        for event in events:
            self.heard.append(event)
            self._hear(event)
            self.counters[event.reader] = event.counter

    def _hear(self, event: ReaderEvent) -> None:
        if event.change is Change.READER_ADDED:
            assert event.reader not in self.slots, f"added twice: {self.heard}"
            self.slots[event.reader] = Held.NOTHING
            return
        assert event.reader in self.slots, f"of an unknown reader: {self.heard}"
        held = self.slots[event.reader]
        if event.change is Change.READER_REMOVED:
            assert held is Held.NOTHING, f"a card was still in it: {self.heard}"
            del self.slots[event.reader]
        elif event.change is Change.CARD_REMOVED:
            assert held is not Held.NOTHING, f"removed twice: {self.heard}"
            self.slots[event.reader] = Held.NOTHING
        elif event.change is Change.CARD_INSERTED:
            assert held is not Held.CARD, f"inserted twice: {self.heard}"
            self.slots[event.reader] = Held.CARD
        elif event.change is Change.CARD_MUTE:
            assert held is not Held.MUTE, f"mute twice: {self.heard}"
            self.slots[event.reader] = Held.MUTE
        else:
            self.unseen += 1

    def agrees_with(self, truth: dict[str, SlotState]) -> bool:
        return self.slots == {name: state.held for name, state in truth.items()}


def our_threads() -> list[str]:
    """Threads that the library started and that still run."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("zorgid_card")]


def tasks() -> int:
    """Threads of this process as the system counts them."""
    return len(list(Path("/proc/self/task").iterdir()))


@contextmanager
def sound_world(compiled: Path, directory: Path) -> Iterator[World]:
    """A world of which nothing is left in the end: no thread, no context, no card, nobody who waits."""
    world = World(compiled, directory)
    threads = tasks()
    yield world
    gc.collect()
    assert our_threads() == []
    deadline = time.monotonic() + 20
    while tasks() != threads and time.monotonic() < deadline:
        time.sleep(0.001)  # a thread that has ended is a moment longer with the system
    assert tasks() == threads
    assert world["contexts"] == world["cards"] == world["waiting"] == 0
