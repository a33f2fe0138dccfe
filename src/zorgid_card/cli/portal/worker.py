"""One worker of ``zorgid-card portal``: ``python -m zorgid_card.cli.portal.worker SOCKET PLAN READY``, numbers of descriptors. What
comes at the second is the plan on one line, and the passphrase on the next; it ends when the parent does."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from zorgid_card.cli.options import guarded, texts_of
from zorgid_card.cli.portal.logs import log_to_stderr
from zorgid_card.cli.portal.plan import Opened, Plan
from zorgid_card.secret import Secret


def main(listening: int, wanted: int, told: int) -> None:
    """Open the portal and serve it until SIGTERM."""
    plan = Plan.from_json("".join(_line(wanted)))
    with Secret.from_descriptor(wanted) as passphrase:
        threading.Thread(target=_outlive_nobody, args=(wanted,), daemon=True).start()
        opened = Opened.of(plan, passphrase)

    def ready() -> None:
        os.write(told, b"1")
        os.close(told)

    try:
        with suppress(KeyboardInterrupt):
            opened.serve(socket.socket(fileno=listening), ready)
    finally:
        opened.registry.close()


def _outlive_nobody(descriptor: int) -> None:
    """Stop when the parent has ended, however that was: nobody would replace this worker, or stop it."""
    if not os.read(descriptor, 1):
        os.kill(os.getpid(), signal.SIGTERM)


def _line(descriptor: int) -> Iterator[str]:
    """Octet by octet: what follows is not to come into a buffer."""
    while (octet := os.read(descriptor, 1)) not in (b"", b"\n"):
        yield octet.decode("ascii")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    log_to_stderr()
    with suppress(KeyboardInterrupt):
        sys.exit(guarded(texts_of(None), partial(main, *map(int, sys.argv[1:4]))))
