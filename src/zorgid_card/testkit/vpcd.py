"""A simulated card behind vpcd, the virtual reader driver of pcscd, for other people's programs.

Wire: two bytes of length, big-endian, and the payload, both ways; the card connects as the client. Payloads of one byte
control the card: 00 power off, 01 power on, 02 reset (no answer), 04 get ATR (answered with it). All else is a command APDU.
https://frankmorgner.github.io/vsmartcard/virtualsmartcard/api.html
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from zorgid_card.errors import TransportError
from zorgid_card.testkit.bystander import Bystander
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.script import Script, TornError

PORT = 35963
POWER_OFF, POWER_ON, RESET, GET_ATR = 0x00, 0x01, 0x02, 0x04
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class VPCDCard:
    """Serves a card to a vpcd slot from a thread of its own; a context manager that starts and stops it.

    Args:
        card: the card; it should be used by nobody else meanwhile.
        host: where vpcd listens.
        port: 35963 for vpcd's first slot, 35964 for the second.
        script: slows the card, or has it torn out.
    """

    def __init__(
        self, card: VirtualCard, host: str = "127.0.0.1", port: int = PORT, *, script: Script | None = None
    ) -> None:
        self._card = card
        self._script = script or Script()
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self, timeout: float = 5.0) -> None:
        """Connect, which inserts the card; vpcd notices within half a second.

        Raises:
            TransportError: nobody listens there within ``timeout`` seconds, or the connection broke at once.
        """
        try:
            connection = socket.create_connection(self._address, timeout=timeout)
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise TransportError(
                f"no virtual reader (vpcd) answers at {self._address[0]}:{self._address[1]}",
                reason=str(error),
            ) from error
        self._socket = connection
        self._thread = threading.Thread(target=self._serve, args=(connection,), name="vpcd card", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Disconnect, which takes the card out; returns when the thread has ended."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self.wait()
        self._socket = self._thread = None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the card is no longer served (vpcd went away, or :meth:`stop`); tells whether that is so."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def __enter__(self) -> VPCDCard:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self, connection: socket.socket) -> None:
        """Answer until the other side goes away."""
        with connection, contextlib.suppress(OSError, EOFError, TornError):
            while True:
                size = int.from_bytes(_receive(connection, 2), "big")
                answer = self._answer(_receive(connection, size))
                if answer is not None:
                    connection.sendall(len(answer).to_bytes(2, "big") + answer)
        self._card.power_off()

    def _answer(self, message: bytes) -> bytes | None:
        if len(message) != 1:
            return self._script.carry(self._card, message)
        if message[0] == GET_ATR:
            return self._card.atr
        if message[0] == POWER_ON:
            self._card.power_on()
        elif message[0] == POWER_OFF:
            self._card.power_off()
        elif message[0] == RESET:
            self._card.reset()
        return None


class VPCDSlot:
    """A slot of vpcd whose cards a script moves (:class:`zorgid_card.testkit.script.Slot`).

    What is done is done when PC/SC has seen it: vpcd looks every 0.4 s, and what happens between two looks nobody can see.

    Args:
        port: where vpcd listens for this slot's card.
        name: the reader's name as PC/SC gives it.
        host: where vpcd listens.
    """

    def __init__(self, port: int = PORT, name: str = "Virtual PCD 00 00", host: str = "127.0.0.1") -> None:
        self.port = port
        self._name = name
        self._host = host
        self._script = Script()
        self._seen = Bystander(name)
        self._serving: VPCDCard | None = None
        self._card: VirtualCard | None = None

    @property
    def name(self) -> str:
        """The reader's name as PC/SC gives it."""
        return self._name

    @property
    def card(self) -> VirtualCard | None:
        """The card in the slot, if any."""
        serving = self._serving
        return None if serving is None or serving.wait(0) else self._card

    def insert(self, card: VirtualCard, /) -> None:
        """Put a card in; one that is there is taken out first.

        Raises:
            TransportError: no vpcd listens.
            NoCardError: PC/SC did not see the card.
        """
        if self._serving is not None:
            self.remove()
        self._card, self._serving = card, VPCDCard(card, self._host, self.port, script=self._script)
        self._serving.start()
        self._seen.wait(present=True)

    def remove(self) -> VirtualCard | None:
        """Take the card out, in the middle of whatever is going on; returns it, without power.

        Raises:
            NoCardError: PC/SC did not see it go.
        """
        moved = self._serving is not None
        card = self.pull()
        if moved:
            self._seen.wait(present=False)
        return card

    def pull(self) -> VirtualCard | None:
        """Take the card out, and wait for nobody to see it."""
        card, serving = self.card, self._serving
        self._card = self._serving = None
        if serving is not None:
            serving.stop()
        return card

    def swap(self, card: VirtualCard, /) -> VirtualCard | None:
        """Take the card out and put another in; returns the one that was taken out."""
        before = self.remove()
        self.insert(card)
        return before

    def reset(self) -> None:
        """Reset the card through PC/SC, as another program might.

        Raises:
            TransportError: there is none, or somebody has it alone.
        """
        self._seen.reset()

    def slow(self, seconds: float, /) -> None:
        """Let each command take this much longer from now on; 0 ends that."""
        self._script.slow(seconds)

    def tear(self, *, after: int = 0, done: bool = False) -> None:
        """Pull the card out by and by (:meth:`zorgid_card.testkit.script.Slot.tear`)."""
        self._script.tear(after=after, done=done)


def _receive(connection: socket.socket, size: int) -> bytes:
    """Exactly ``size`` bytes; acknowledged at once, for Linux otherwise waits 40 ms for something to send along."""
    received = bytearray()
    while len(received) < size:
        if _QUICKACK is not None:
            connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        part = connection.recv(size - len(received))
        if not part:
            raise EOFError
        received += part
    return bytes(received)
