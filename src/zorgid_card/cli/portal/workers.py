"""Several processes that serve one portal: each opens it anew, gets the listening socket and the passphrase from their parent, and
is replaced when it dies.

They are programs of their own, not forks: what is kept in locked memory does not survive a fork.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from zorgid_card.cli.portal.plan import Plan
from zorgid_card.errors import StorageError
from zorgid_card.secret import Secret

_PAUSE: Final = 1.0
"""Seconds before a worker that died is replaced."""
_POLL: Final = 0.5
_STOP: Final = 20.0
_START: Final = 60.0


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    ready: int
    """Read end of a pipe: a byte comes when it serves."""
    life: int
    """Write end of a pipe: the worker stops when it is closed, also by the end of this process, whatever that was."""

    def close(self) -> None:
        """The pipes."""
        os.close(self.ready)
        os.close(self.life)


def supervise(
    plan: Plan, passphrase: Secret, listening: socket.socket, number: int, ready: Callable[[list[int]], None]
) -> None:
    """Serve with ``number`` workers until KeyboardInterrupt.

    Args:
        plan: for each of them.
        passphrase: goes to each over a pipe.
        listening: shared by them.
        number: how many.
        ready: called with their process ids when all serve.

    Raises:
        StorageError: one does not start; it has said why.
    """
    workers: list[_Worker] = []
    try:
        for _ in range(number):
            workers.append(_start(plan, passphrase, listening))
        for worker in workers:
            _await(worker)
        ready([worker.process.pid for worker in workers])
        while True:
            time.sleep(_POLL)
            for place, worker in enumerate(workers):
                if worker.process.poll() is not None:
                    time.sleep(_PAUSE)
                    worker.close()
                    workers[place] = _start(plan, passphrase, listening)
    finally:
        _stop(workers)


def _start(plan: Plan, passphrase: Secret, listening: socket.socket) -> _Worker:
    ready, told = os.pipe()
    wanted, given = os.pipe()
    try:
        arguments = [str(descriptor) for descriptor in (listening.fileno(), wanted, told)]
        process = subprocess.Popen(  # noqa: S603  # this program
            [sys.executable, "-m", "zorgid_card.cli.portal.worker", *arguments],
            stdin=subprocess.DEVNULL,
            pass_fds=(listening.fileno(), wanted, told),
            start_new_session=True,  # Ctrl-C is the parent's, who stops them in order
        )
        os.write(given, plan.to_json().encode() + b"\n")
        with passphrase.expose() as octets:
            os.write(given, octets)
        os.write(given, b"\n")
    finally:
        for descriptor in (told, wanted):
            os.close(descriptor)
    return _Worker(process, ready, given)


def _await(worker: _Worker) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(worker.ready, selectors.EVENT_READ)
        if not selector.select(_START) or not os.read(worker.ready, 1):
            raise StorageError("a worker does not start", reason="worker")


def _stop(workers: list[_Worker]) -> None:
    for worker in workers:
        with suppress(ProcessLookupError):
            worker.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _STOP
    for worker in workers:
        try:
            worker.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()
        worker.close()
