"""``--online``: the register's own addresses, as they stand in the certificates, are asked over HTTP (AUT-2).

They lead to a web server in this network namespace, by a hosts file that only the command sees.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, Usage

pytestmark = pytest.mark.blackbox

SECONDS = 60
HTTP = 80


@pytest.fixture(scope="module")
def pki() -> UZITestPKI:
    return UZITestPKI("production", pool=KeyPool.shared())


@pytest.fixture
def contents(pki: UZITestPKI) -> PassContents:
    return pki.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N")


@contextmanager
def serving(lists: dict[str, bytes]) -> Iterator[list[str]]:
    """Answers for all hosts of these addresses; gives what was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = f"http://{self.headers['Host']}{self.path}"
            asked.append(address)
            octets = lists.get(address)
            self.send_response(200 if octets else 404)
            self.send_header("Content-Type", "application/pkix-crl")
            self.send_header("Content-Length", str(len(octets or b"")))
            self.end_headers()
            self.wfile.write(octets or b"")

        def log_message(self, format: str, *args: Any) -> None:  # its own word
            pass

    try:
        server = ThreadingHTTPServer(("127.0.0.1", HTTP), Handler)
    except OSError as error:
        pytest.skip(f"port {HTTP} cannot be had: {error}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()


def verify(pki: UZITestPKI, contents: PassContents, lists: dict[str, bytes], directory: Path) -> tuple[int, Any, str]:
    """What the command says of the pass's certificate."""
    file, root, hosts = directory / "pass.pem", directory / "root.pem", directory / "hosts"
    chain = (contents.certificates[Usage.AUTHENTICITY], *contents.chain)
    for path, ders in ((file, chain), (root, (pki.root(),))):
        path.write_bytes(b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in ders))
    names = {urlsplit(address).hostname for address in lists} | {"ocsp.uzi-register.nl"}
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in names))
    command = (
        f"exec {sys.executable} -m zorgid_card.cli verify-certificate {file} --root {root} --online --json --lang en"
    )
    bound = ["unshare", "--mount", "sh", "-c", f"mount --bind {hosts} /etc/hosts && {command}"]
    done = subprocess.run(bound, capture_output=True, text=True, timeout=SECONDS, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_aut_2_the_register_is_asked_whether_a_pass_is_revoked(
    pki: UZITestPKI, contents: PassContents, tmp_path: Path
) -> None:
    lists = pki.crls()
    with serving(lists) as asked:
        code, found, told = verify(pki, contents, lists, tmp_path)
        assert (code, found["checks"]["revocation"]) == (0, "holds"), found
        assert "The issuer is asked" in told
        assert set(asked) >= {address for address in lists if "medewerker_op_naam" in address}
        pki.revoke(contents)
        lists |= pki.crls()
        code, found, _ = verify(pki, contents, lists, tmp_path)
        assert (code, found["checks"]["revocation"], found["error"]["code"]) == (6, "refused", "certificate.revoked")


def test_aut_2_where_nobody_answers_nothing_holds(pki: UZITestPKI, contents: PassContents, tmp_path: Path) -> None:
    code, found, told = verify(pki, contents, pki.crls(), tmp_path)
    assert (code, found["verdict"]) == (6, "refused")
    assert all(line.startswith("zorgid-card: ") for line in told.splitlines()), told
    assert (found["error"]["code"], found["error"]["details"]["reason"]) == (
        "certificate.revocation_unknown",
        "unreachable",
    )
