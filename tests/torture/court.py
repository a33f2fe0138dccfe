"""The way to the judge: a simulated card behind vpcd for as long as the court sits, and the judge's process beside it.

What is in vpcd's slot is exchanged without the reader seeing it, as after a reset: to put a card in takes vpcd half a second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from made_card import MODULES
from torture.desk import CARDS, Trial
from world import CARD_PIN, ORIGIN
from zorgid_card.errors import ZorgIDError
from zorgid_card.ports.card import Octets
from zorgid_card.testkit.bystander import Bystander
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.piv import ATR
from zorgid_card.testkit.piv_state import PIVState, save_state
from zorgid_card.testkit.vpcd import VPCDCard

JUDGE = Path(__file__).with_name("judge.py")
_CONFIGURATION = """app default {{
  ignored_readers = {ignored};
  reader_driver pcsc {{ max_send_size = 255; max_recv_size = 256; }}
  framework pkcs15 {{ use_file_caching = no; }}
}}
app opensc-pkcs11 {{
  pkcs11 {{ user_pin_unblock_style = set_pin_in_unlogged_session; }}
}}
"""


class Exchangeable(VirtualCard):
    """A card whose contents are exchanged in the reader."""

    def __init__(self) -> None:
        super().__init__(ATR)
        self._inside: VirtualCard = VirtualCard(ATR)

    def put(self, card: VirtualCard) -> None:
        card.power_on()
        self._inside = card

    def power_on(self) -> bytes:
        return self._inside.power_on()

    def power_off(self) -> None:
        self._inside.power_off()

    def reset(self) -> bytes:
        return self._inside.reset()

    def transmit(self, raw: Octets, /) -> bytes:
        return self._inside.transmit(raw)


class Stand:
    """The process that serves the slot: threads are no company for the desk, which forks."""

    def __init__(self, port: int, file: Path) -> None:
        self._file = file
        self._connection, there = Pipe()
        self._process = os.fork()
        if self._process == 0:
            self._connection.close()
            _serve(there, port, file)
        there.close()

    def put(self, dialect: str, state: PIVState) -> None:
        """Have a copy of this card in the slot."""
        save_state(state, self._file)
        self._connection.send(dialect)
        self._connection.recv()

    def close(self) -> None:
        """Take the card out."""
        self._connection.close()
        os.waitpid(self._process, 0)


def _serve(connection: Connection, port: int, file: Path) -> NoReturn:
    try:
        card = Exchangeable()
        with VPCDCard(card, port=port), suppress(EOFError):
            while True:
                card.put(CARDS[connection.recv()].load(file))
                connection.send(True)
    finally:
        os._exit(0)


class Court:
    """A slot of vpcd, and a judge who sees it alone.

    Args:
        directory: for its files.
        anchors: the portal's CA certificates, PEM.
        port: of the slot.
        name: of its reader.
        others: readers that are not its own.
    """

    def __init__(self, directory: Path, anchors: Path, port: int, name: str, others: Sequence[str]) -> None:
        self._directory, self._anchors = directory, anchors
        directory.mkdir()
        self._stand = Stand(port, directory / "card.json")
        self._seen = Bystander(name)
        self._seen.wait(present=True)
        configuration = directory / "opensc.conf"
        configuration.write_text(_CONFIGURATION.format(ignored=", ".join(f'"{other}"' for other in others) or '""'))
        module = next(path for path in MODULES if Path(path).exists())
        self._judge = subprocess.Popen(
            [sys.executable, "-I", "-S", str(JUDGE), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENSC_CONF": str(configuration)},
        )

    def close(self) -> None:
        """The judge goes home."""
        assert self._judge.stdin is not None
        self._judge.stdin.close()
        self._judge.wait()
        self._stand.close()
        self._seen.wait(present=False)  # who comes next must not meet this card

    def judge(self, trial: Trial, when: str, kept: str = "") -> dict[str, Any]:
        """What the judge says of a run as it stands; the card that is tried is a copy."""
        log_in = trial.portal.publish(trial.directory)
        self._stand.put(trial.dialect, trial.state)
        browser = f"judge: {when}"
        case = {
            "directory": str(trial.directory),
            "anchors": str(self._anchors),
            "at": int(trial.portal.now.timestamp()),
            "pin": CARD_PIN.decode(),
            "paper": trial.paper.puks,
            "kept": kept,
            "told": trial.told,
            "when": when,
            "origin": ORIGIN,
            "nonce": log_in.challenge(browser),
            "has_reset": True,
        }
        answer = self._say(case)
        if "log_in" in answer:
            try:
                log_in.verify(answer["log_in"], binding=browser)
            except ZorgIDError as error:
                answer = self._say(f"{error.code}: {error}")
            else:
                answer = self._say("")
        return answer

    def _say(self, value: object) -> dict[str, Any]:
        assert self._judge.stdin is not None
        assert self._judge.stdout is not None
        self._judge.stdin.write(json.dumps(value) + "\n")
        self._judge.stdin.flush()
        answer: dict[str, Any] = json.loads(self._judge.stdout.readline())
        return answer
