"""An agent that says what a script says, over a real websocket: for the pages' modules, without cards.

A script is a list: a mapping is sent; ``Wanted`` is received, and must fit; a number closes the connection with that code. ``$id``
in what is sent is the id of the step that was started last.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

HELLO = {"type": "hello", "version": "0.1.0", "protocol": 1, "paired": True}


@dataclass(frozen=True)
class Wanted:
    """What the page must say next: at least these fields."""

    fields: Mapping[str, Any]


Script: TypeAlias = Sequence["Mapping[str, Any] | Wanted | int | str"]


@dataclass
class FakeAgent:
    """Serves one script to a path; what did not fit is kept, for the test to look at."""

    port: int = 0
    scripts: dict[str, Script] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def address(self, name: str) -> str:
        """Where this script is played."""
        return f"ws://127.0.0.1:{self.port}/{name}"

    def play(self, connection: ServerConnection) -> None:
        """Play the script of the path, to its end, then wait for the page to go."""
        assert connection.request is not None
        name, step = connection.request.path.strip("/"), ""
        script = self.scripts[name]
        try:
            for line in script:
                if isinstance(line, int):
                    connection.close(line)
                elif isinstance(line, str):
                    connection.send(line)
                elif isinstance(line, Wanted):
                    found = json.loads(connection.recv())
                    step = found.get("id", step)
                    if not line.fields.items() <= found.items():
                        self.wrong.append(f"{name}: {found} where {dict(line.fields)} was wanted")
                else:
                    connection.send(json.dumps({**line, **({"id": step} if line.get("id") == "$id" else {})}))
            for late in connection:
                self.wrong.append(f"{name}: {late!r} at the end")
        except ConnectionClosed as error:
            if line is not script[-1]:
                self.wrong.append(f"{name}: {error} at {line}")


@contextmanager
def fake_agent(scripts: Mapping[str, Script]) -> Iterator[FakeAgent]:
    """One that listens on a port of this computer."""
    agent = FakeAgent(scripts=dict(scripts))
    with serve(agent.play, "127.0.0.1", 0) as server:
        agent.port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield agent
        server.shutdown()
    thread.join(10)
