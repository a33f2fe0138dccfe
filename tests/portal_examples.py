"""The portals of docs/portal-fastapi.md and docs/portal-django.md, as the pages show them, with this test's places and roots."""

from __future__ import annotations

import json
import sys
import types
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from docs_examples import example
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.pki.web_eid import make_token
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import DE_LINDE, Person, Subscriber, Usage

ORIGIN = "https://portal.example"
WORKER = Person("Zoë", "Amrani", "900000022", prefixes="el")
COLLEAGUE = Person("Jan", "Vries", "900000011", prefixes="de")
STRANGER = Person("Piet", "Elders", "900000033")
TRUST = """
def trust(certificates):
    from dataclasses import replace

    from zorgid_card import UZI_G3

    simulated = replace(UZI_G3, roots=frozenset())
    return TrustStore.of([simulated.with_root(certificates[-1])], certificates)
"""
"""In the place of :meth:`TrustStore.production`, which pins the real register's roots."""
ELSEWHERE = Subscriber("Apotheek De Eik", "90000456")


@dataclass
class Register:
    """A register that issues passes and publishes CRLs into a folder, now."""

    directory: Path
    pki: UZITestPKI = field(
        default_factory=lambda: UZITestPKI(pool=KeyPool.shared(), now=datetime.now(UTC) - timedelta(days=30))
    )

    def __post_init__(self) -> None:
        for name in ("uzi-ca", "uzi-crl"):
            (self.directory / name).mkdir()
        for number, der in enumerate(self.pki.chain("N")):
            (self.directory / f"uzi-ca/{number}.cer").write_bytes(der)
        self.worker = self.pki.pass_(WORKER, DE_LINDE, "N")
        self.second = self.pki.pass_(WORKER, DE_LINDE, "N")
        self.colleague = self.pki.pass_(COLLEAGUE, DE_LINDE, "N")
        self.stranger = self.pki.pass_(STRANGER, ELSEWHERE, "N")
        self.publish()

    def publish(self) -> None:
        for number, issuer in enumerate(self.pki.chain("N")):
            (self.directory / f"uzi-crl/{number}.crl").write_bytes(self.pki.crl(issuer, datetime.now(UTC)))

    def revoke(self, holder: PassContents) -> None:
        self.pki.revoke(holder, at=datetime.now(UTC))
        self.publish()

    def hold(self, holder: PassContents) -> None:
        self.pki.hold(holder, at=datetime.now(UTC))
        self.publish()

    def silence(self) -> None:
        for file in (self.directory / "uzi-crl").iterdir():
            file.unlink()

    def here(self, source: str) -> str:
        """An example with its places under this directory, this register's roots, and its CRLs from a folder."""
        assert "TrustStore.production(" in source
        return (
            source.replace("\ndoor = ", f"\n{TRUST}\n\ndoor = ", 1)
            .replace("TrustStore.production(", "trust(")
            .replace('OnlineRevocation(Path("/var/cache/portal/uzi"))', f'CRLFolder(Path("{self.directory}/uzi-crl"))')
            .replace("OnlineRevocation", "CRLFolder")
            .replace("/etc/portal", str(self.directory))
            .replace("/var/lib/portal", str(self.directory))
        )


def token(holder: PassContents, nonce: str, origin: str = ORIGIN) -> dict[str, Any]:
    """What the card of a pass makes of a challenge."""
    signer = SoftwareSigner(holder.keys[Usage.AUTHENTICITY])
    found: dict[str, Any] = json.loads(make_token(signer, holder.certificates[Usage.AUTHENTICITY], origin, nonce))
    return found


def fastapi_source(register: Register, origin: str = ORIGIN) -> str:
    """The example as a module, log-in over TLS included."""
    page = "docs/portal-fastapi.md"
    source = register.here(example(page, "fastapi")) + "\n\n" + example(page, "fastapi-tls")
    return source.replace(ORIGIN, origin)


def fastapi_worker(register: Register, name: str = "portal") -> types.ModuleType:
    """One worker process's module."""
    worker = types.ModuleType(name)
    sys.modules[name] = worker  # FastAPI looks annotations up there
    exec(fastapi_source(register), worker.__dict__)
    return worker


SETTINGS = """
SECRET_KEY = "for a test"
ALLOWED_HOSTS = ["portal.example", "localhost"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "portal.urls"
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {database!r}}}}}
USE_TZ = True
"""
WSGI = """
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
"""


def django_project(register: Register, origin: str = ORIGIN) -> Path:
    """The project's directory, to be put on the path."""
    page, project = "docs/portal-django.md", register.directory / "project" / "portal"
    project.mkdir(parents=True)
    base = SETTINGS.format(database=str(register.directory / "django.db"))
    urls = example(page, "django-urls").replace("]\n", '    path("auth/tls", card.log_in_over_tls),\n]\n')
    card = register.here(example(page, "django")) + "\n\n" + example(page, "django-tls")
    settings = base + example(page, "django-settings")
    for name, text in {"__init__": "", "settings": settings, "urls": urls, "card": card, "wsgi": WSGI}.items():
        (project / f"{name}.py").write_text(text.replace(ORIGIN, origin))
    return project.parent
