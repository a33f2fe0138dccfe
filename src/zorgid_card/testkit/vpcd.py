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
from zorgid_card.testkit.card import VirtualCard

PORT = 35963
POWER_OFF, POWER_ON, RESET, GET_ATR = 0x00, 0x01, 0x02, 0x04
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class VPCDCard:
    """Serves a card to a vpcd slot from a thread of its own; a context manager that starts and stops it.

    Args:
        card: the card; it should be used by nobody else meanwhile.
        host: where vpcd listens.
        port: 35963 for vpcd's first slot, 35964 for the second.
    """

    def __init__(self, card: VirtualCard, host: str = "127.0.0.1", port: int = PORT) -> None:
        self._card = card
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
        with connection, contextlib.suppress(OSError, EOFError):
            while True:
                size = int.from_bytes(_receive(connection, 2), "big")
                answer = self._answer(_receive(connection, size))
                if answer is not None:
                    connection.sendall(len(answer).to_bytes(2, "big") + answer)
        self._card.power_off()

    def _answer(self, message: bytes) -> bytes | None:
        if len(message) != 1:
            return self._card.transmit(message)
        if message[0] == GET_ATR:
            return self._card.atr
        if message[0] == POWER_ON:
            self._card.power_on()
        elif message[0] == POWER_OFF:
            self._card.power_off()
        elif message[0] == RESET:
            self._card.reset()
        return None


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
