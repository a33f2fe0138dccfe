"""The pages' portals as they are deployed: workers behind a proxy, and a pass in a reader or a browser before it (AUT-1, AUT-2)."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from docs_examples import example
from made_card import FIRST, need, wait_for_card
from portal_examples import WORKER, Register, django_project, fastapi_source
from proxies import PROGRAMS, free_port, front, key_and_certificate, place, running
from world import PASS_PIN
from zorgid_card import Secret, find_reader, open_card
from zorgid_card.adapters.portal import HTTPSDoor
from zorgid_card.errors import NotLinkedError, RevokedError
from zorgid_card.testkit.uzi import VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import Usage
from zorgid_card.testkit.vpcd import VPCDCard
from zorgid_card.workflows.card_side import answer_challenge

pytestmark = pytest.mark.blackbox
pytest.importorskip("fastapi")
pytest.importorskip("django")
httpx = pytest.importorskip("httpx")

USERS = """
import sys

import django
from django.core.management import call_command

django.setup()
call_command("migrate", verbosity=0)
from django.contrib.auth import get_user_model

get_user_model().objects.create(username=sys.argv[1])
"""


@dataclass
class Deployed:
    """The portal, and where people find it."""

    register: Register
    origin: str
    directory: Path

    @property
    def ca(self) -> Path:
        return self.directory / "site-ca.pem"

    def over_tls(self, holder: PassContents | None, headers: Mapping[str, str]) -> tuple[int, str]:
        """A browser that shows a pass in the handshake, or none, presses the button: status, and name or code."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if holder is not None:
            context.load_cert_chain(key_and_certificate(self.directory / "client.pem", holder))
        with httpx.Client(verify=context, base_url=self.origin, trust_env=False) as browser:
            assert browser.get("/auth/challenge").status_code == 200
            csrf = {"X-CSRFToken": browser.cookies.get("csrftoken", "")}
            answer = browser.post("/auth/tls", json={}, headers={"Origin": self.origin} | csrf | headers)
            told = answer.json()
            if answer.status_code == 200:
                assert browser.get("/me").json()["uzi_number"] == WORKER.uzi_number
            return answer.status_code, told.get("name") or told["code"]


def with_fastapi(register: Register, directory: Path, origin: str, socket: Path) -> tuple[list[str], Mapping[str, str]]:
    (directory / "portal.py").write_text(fastapi_source(register, origin))
    command = [sys.executable, "-m", "uvicorn", "portal:app", "--uds", str(socket), "--no-proxy-headers"]
    return [*command, "--workers", "2"], {}


def with_django(register: Register, directory: Path, origin: str, socket: Path) -> tuple[list[str], Mapping[str, str]]:
    project = {"PYTHONPATH": str(django_project(register, origin)), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    subprocess.run([sys.executable, "-c", USERS, WORKER.uzi_number], env=os.environ | project, check=True, timeout=60)
    command = [sys.executable, "-m", "gunicorn", "portal.wsgi", "--bind", f"unix:{socket}", "--umask", "0"]
    return [*command, "--workers", "2"], project | {"HOME": str(directory)}


WAYS = [(with_fastapi, "nginx"), (with_django, "apache"), (with_django, "haproxy")]


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: f"{way[0].__name__}-{way[1]}")
def portal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    framework, proxy = request.param
    assert proxy in PROGRAMS
    register = Register(tmp_path_factory.mktemp("register"))
    with place(register.pki, "localhost") as directory:
        port = free_port()
        origin, socket = f"https://localhost:{port}", directory / "portal.sock"
        command, environment = framework(register, directory, origin, socket)
        server = running(command, directory / "portal.log", str(socket), cwd=directory, env=os.environ | environment)
        with server, front(proxy, directory, port, socket):
            socket.chmod(0o666)
            yield Deployed(register, origin, directory)


def log_in(portal: Deployed, holder: PassContents) -> str:
    """What the card side does, with the pass in a reader; the name that the portal gives."""
    shown: list[str] = []
    with in_the_reader(holder), HTTPSDoor(portal.origin, ca=portal.ca) as door:
        with open_card(find_reader(FIRST)) as card:
            signer = card.authentication_signer(lambda request: Secret.of(PASS_PIN))
            token = answer_challenge(door, signer, card.authentication_certificate(), confirm=shown.append)
        assert shown == [portal.origin]
        return str(door.log_in(token)["name"])


@contextmanager
def in_the_reader(holder: PassContents) -> Iterator[None]:
    try:
        with VPCDCard(VirtualUZIPass(holder, pin=PASS_PIN)):
            wait_for_card()
            yield
    finally:
        find_reader(FIRST).wait(present=False, timeout=10)


def test_aut_1_a_pass_in_a_reader_logs_in_at_the_deployed_portal(portal: Deployed, pcscd: None) -> None:
    for _ in range(2):  # challenges of one worker, answered at whichever
        assert log_in(portal, portal.register.worker) == "Zoë el Amrani"


def test_aut_2_the_card_side_is_told_why_it_is_refused(portal: Deployed, pcscd: None) -> None:
    with pytest.raises(NotLinkedError):
        log_in(portal, portal.register.stranger)
    portal.register.revoke(portal.register.second)
    with pytest.raises(RevokedError):
        log_in(portal, portal.register.second)


def test_aut_2_the_same_portal_takes_a_pass_from_the_handshake(portal: Deployed) -> None:
    """Over the Unix socket neither server tells a peer's address, and X-Forwarded-For is nobody's word."""
    spoofed = {"X-Forwarded-For": "10.0.0.5"}
    assert portal.over_tls(portal.register.worker, spoofed) == (200, "Zoë el Amrani")
    assert portal.over_tls(None, spoofed) == (403, "portal.no_client_certificate")


@pytest.mark.parametrize(
    "name", ["X-SSL-Client-Cert", "X_SSL_Client_Cert", "X-SSL_Client-Cert", "Client-Cert", "Client_Cert"]
)
def test_aut_2_the_deployed_portal_takes_no_clients_word_for_a_certificate(portal: Deployed, name: str) -> None:
    der = portal.register.worker.certificates[Usage.AUTHENTICITY]
    text = base64.b64encode(der).decode()
    forged = {name: f":{text}:" if name.startswith("Client") else text, "X_SSL_Client_Verify": "SUCCESS"}
    status, told = portal.over_tls(None, forged)
    assert status == 403
    assert told in ("portal.no_client_certificate", "portal.tls_header")


SIGN = """
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.web_eid import make_token

both = Path(sys.argv[1]).read_bytes()
certificate = x509.load_pem_x509_certificate(both).public_bytes(Encoding.DER)
print(make_token(SoftwareSigner(load_pem_private_key(both, None)), certificate, sys.argv[2], sys.argv[3]))
"""
BROWSER = """
import { spawnSync } from "node:child_process";

const [python, sign, holder, origin] = process.argv.slice(2);
const authenticate = async (nonce, { lang }) => {
  if (lang !== "nl") throw new Error("the page's language");
  return JSON.parse(spawnSync(python, ["-c", sign, holder, origin, nonce], { encoding: "utf-8" }).stdout);
};
const jar = new Map();
const elements = { "#said": {}, "#log-in": { addEventListener(_, handler) { this.click = handler; } } };
const document = {
  documentElement: { lang: "" },
  get cookie() { return jar.has("csrftoken") ? `csrftoken=${jar.get("csrftoken")}` : ""; },
  querySelector: (id) => elements[id],
};
const send = globalThis.fetch;
const fetch = async (path, options = {}) => {
  const cookie = [...jar].map((pair) => pair.join("=")).join("; ");
  const answer = await send(origin + path, { ...options, headers: { ...options.headers, Origin: origin, Cookie: cookie } });
  for (const line of answer.headers.getSetCookie()) {
    const [pair] = line.split(";");
    jar.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
  }
  return answer;
};
"""
"""What a browser and its extension are to the page's script, in a few lines of Node.js."""


@pytest.mark.parametrize("who", ["worker", "stranger"])
def test_aut_1_the_pages_own_script_logs_in(portal: Deployed, tmp_path: Path, who: str) -> None:
    need("node")
    script = example("docs/portal.md", "page").partition('<script type="module">')[2].partition("</script>")[0]
    script = script.replace('import { authenticate } from "/static/web-eid.js";', "")
    assert "import" not in script
    program = tmp_path / "page.mjs"
    program.write_text(
        BROWSER + script + 'await elements["#log-in"].click();\nconsole.log(elements["#said"].textContent);\n'
    )
    holder = key_and_certificate(tmp_path / "holder.pem", getattr(portal.register, who))
    environment = os.environ | {"NODE_EXTRA_CA_CERTS": str(portal.ca)}
    command = ["node", str(program), sys.executable, SIGN, str(holder), portal.origin]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert ("Zoë el Amrani" if who == "worker" else "niet aan deze organisatie gekoppeld") in done.stdout, done
