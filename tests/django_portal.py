"""The Django project of docs/build-your-own-portal.md, served by gunicorn over TLS, with simulated cards and phones for it."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from docs_examples import example
from https_portal import certificate
from pki_world import make
from portal_examples import SETTINGS, TRUST, WSGI
from proxies import free_port
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.pki import UZITestPKI

PAGE = "docs/build-your-own-portal.md"
PLACES = ("/etc/portal", "/var/lib/portal", "/run/credentials/portal")
MORE_SETTINGS = """
from pathlib import Path

ALLOWED_HOSTS = ["*"]

BASE_DIR = Path(__file__).parents[1]
INSTALLED_APPS.append("django.contrib.staticfiles")
STATIC_URL = "/static/"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"context_processors": [
    "django.template.context_processors.request"]}}]
"""
MORE_URLS = """
from django.contrib.staticfiles.views import serve
from django.urls import re_path

urlpatterns.append(re_path(r"^static/(?P<path>.*)$", serve, {"insecure": True}))  # a web server's affair
"""


@dataclass
class DjangoPortal:
    """The running project, and the cards that may come to it; here, or where a certificate of somebody else says."""

    directory: Path
    host: str = "localhost"
    address: str = "127.0.0.1"
    tls: tuple[Path, Path, Path] | None = None
    """PEM files: the CA's certificate, the server's, its key."""
    port: int = field(default_factory=free_port)
    pki: UZITestPKI = field(
        default_factory=lambda: UZITestPKI(pool=KeyPool.shared(), now=datetime.now(UTC) - timedelta(days=30))
    )
    maker: Maker = field(default_factory=Maker.create)

    @property
    def origin(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def ca(self) -> Path:
        return self.tls[0] if self.tls else self.directory / "ca.pem"

    @property
    def registry(self) -> SQLRegistry:
        return SQLRegistry.file(self.directory / "registry.db")

    def lay(self) -> None:
        """The project's files, as the page has them, and what they name in this directory."""
        if self.tls is None:
            self._lay_certificate()
        else:
            whole = self.tls[1].read_text() + self.tls[2].read_text()
            (self.directory / "server.pem").write_text(whole)
            (self.directory / "tls.pem").write_text(self.tls[1].read_text())
        (self.directory / "passphrase").write_bytes(b"correct horse battery staple\n")
        for name, files in {"uzi-ca": self._chains(), "makers": [self.maker.root]}.items():
            (self.directory / name).mkdir()
            for number, der in enumerate(files):
                (self.directory / name / f"{number}.cer").write_bytes(der)
        (self.directory / "uzi-crl").mkdir()
        for number, issuer in enumerate(self._chains()):
            (self.directory / f"uzi-crl/{number}.crl").write_bytes(self.pki.crl(issuer, datetime.now(UTC)))
        self._lay_project()

    def _lay_certificate(self) -> None:
        root = make("Root of the test's TLS")
        self.ca.write_bytes(root.certificate.public_bytes(Encoding.PEM))
        certificate(self.host, self.directory, root).rename(self.directory / "server.pem")
        text = (self.directory / "server.pem").read_text()
        (self.directory / "tls.pem").write_text(text[text.index("-----BEGIN CERTIFICATE") :])

    def _chains(self) -> list[bytes]:
        """Each CA once, the root last."""
        chains = [*self.pki.chain("Z"), *self.pki.chain("N")]
        return [*dict.fromkeys(der for der in chains if der != self.pki.root("Z")), self.pki.root("Z")]

    def _lay_project(self) -> None:
        project = self.directory / "project"
        for name in ("portal", "templates", "static"):
            (project / name).mkdir(parents=True)
        base = SETTINGS.format(database=str(self.directory / "django.db")) + MORE_SETTINGS
        views = (
            example(PAGE, "views")
            .replace("\nCSP = ", f"\n{TRUST}\n\nCSP = ", 1)
            .replace("TrustStore.production(", "trust(")
        )
        views = re.sub(r"OnlineRevocation\(.*?\)\)", f'CRLFolder(Path("{self.directory}/uzi-crl"))', views)
        files = {
            "portal/__init__.py": "",
            "portal/settings.py": base + example(PAGE, "settings"),
            "portal/zorgid.py": views.replace("    OnlineRevocation,\n", "    CRLFolder,\n"),
            "portal/urls.py": example(PAGE, "urls") + MORE_URLS,
            "portal/wsgi.py": WSGI,
            "static/portal.js": example(PAGE, "script"),
            "templates/filed.html": "<p>{{ ura }}</p>",
            "templates/refused.html": "<p data-code>{{ code }}</p><p>{{ said }}</p>",
        }
        files |= {f"templates/{name}.html": example(PAGE, name) for name in ("home", "journey", "phone", "cards")}
        for name, text in files.items():
            here = re.sub("|".join(PLACES), str(self.directory), text)
            (project / name).write_text(here.replace("https://portal.example", self.origin))

    @contextmanager
    def serving(self) -> Iterator[None]:
        """gunicorn, with two workers."""
        project = self.directory / "project"
        here = {"DJANGO_SETTINGS_MODULE": "portal.settings", "PYTHONPATH": str(project), "HOME": str(self.directory)}
        environment = {**os.environ, **here}
        migrate = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
        self.registry.create()
        subprocess.run(migrate, env=environment, cwd=project, check=True)
        server = ["--certfile", str(self.directory / "server.pem"), "--keyfile", str(self.directory / "server.pem")]
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "portal.wsgi",
            "--bind",
            f"{self.address}:{self.port}",
            "--workers",
            "2",
        ]
        process = subprocess.Popen([*command, *server], env=environment, cwd=project)
        try:
            self._await()
            yield
        finally:
            process.terminate()
            process.wait(20)

    def _await(self) -> None:
        for _ in range(600):
            try:
                assert self.browser().get("/").status_code == 200
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("gunicorn does not serve")

    def browser(self) -> httpx.Client:
        """One browser, with its cookies."""
        context = ssl.create_default_context(cafile=self.ca)
        return httpx.Client(base_url=self.origin, verify=context, trust_env=False, headers={"Origin": self.origin})


_FORM = re.compile(r'<form method="post"(?: action="([^"]*)")?>(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def send(browser: httpx.Client, page: httpx.Response, action: str, **entered: str) -> httpx.Response:
    """Fill in the form of that action, send it, and follow where it leads."""
    forms = {unescape(found[1] or page.url.path): found[2] for found in _FORM.finditer(page.text)}
    fields = {name: unescape(value) for name, value in _FIELD.findall(forms[action])}
    referer = {"Referer": str(page.url)}
    return browser.post(action, data={**fields, **entered}, headers=referer, follow_redirects=True)


def log_in(browser: httpx.Client, page: httpx.Response, token: str) -> httpx.Response:
    """As the page's script does."""
    secret = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert secret is not None
    body: dict[str, Any] = {"token": json.loads(token)}
    headers = {"X-CSRFToken": secret[1], "Referer": str(page.url)}
    return browser.post("/log-in/card", json=body, headers=headers)
