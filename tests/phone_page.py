"""The phone's page in node: its own modules, with the browser's storage in memory; and a portal over HTTP for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from docs_examples import ROOT
from zorgid_card.adapters.seam_server import answer_http
from zorgid_card.ports.phone import PATH
from zorgid_card.ports.seam import Seam

MODULES = ROOT / "src/zorgid_card/web/static/phone"
NODE = shutil.which("node")


class NotDone(Exception):
    """What the page's modules threw, by kind."""

    def __init__(self, kind: str, what: Any, details: Any) -> None:
        super().__init__(kind, what, details)
        self.kind, self.what, self.details = kind, what, details


class NodePhone:
    """The modules in a process of their own, which does one thing after the other."""

    def __init__(self, directory: Path) -> None:
        modules = directory / "phone"
        shutil.copytree(MODULES, modules)
        (modules / "package.json").write_text('{"type": "module"}')
        driver = Path(__file__).with_name("phone_page.mjs")
        self._process = subprocess.Popen(
            [str(NODE), str(driver), str(modules)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __call__(self, do: str, **given: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **given}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "value" in answer:
            return answer["value"]
        kind = next(iter(answer))
        assert kind != "bug", answer
        raise NotDone(kind, answer[kind], answer.get("details"))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(timeout=20) == 0


@contextmanager
def served(seam: Seam) -> Iterator[str]:
    """The portal's door for phones over HTTP; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == PATH
            assert "Cookie" not in self.headers
            answer = answer_http(seam, "POST", self.headers.get("Content-Type", ""), body)
            self.send_response(answer.status)
            for name, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
