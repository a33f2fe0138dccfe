"""The library holds no opinion on a portal's web framework, database or session (AUT-5)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs_examples import ROOT

SOURCE = ROOT / "src/zorgid_card"
_WEB = """
aiohttp asgiref beaker blacksheep bottle cherrypy daphne django falcon fastapi flask gunicorn hypercorn itsdangerous jinja2 litestar
pydantic pyramid quart redis robyn sanic starlette tornado twisted uvicorn webob werkzeug
"""
WEB = frozenset(_WEB.split())
SERVERS = {"http.server", "http.cookies", "wsgiref", "xmlrpc", "socketserver"}
"""Parts of the standard library that serve pages or keep sessions."""
KNOWN = {"smartcard": "pyscard", "sqlalchemy": "SQLAlchemy", "idna": "httpx", "markupsafe": "Jinja2"}
"""Where a module's name is not its package's, and what a declared package is known to bring."""


def imported(file: Path) -> Iterator[str]:
    """Every module that a file imports, at whatever depth."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


IMPORTS = {file.relative_to(SOURCE): set(imported(file)) for file in SOURCE.rglob("*.py")}


PORTAL = "web"
"""The room, and the extra, of the reference portal: it is a portal, and nothing below knows of it (the layers of import-linter)."""


def declared(*, without: str = "") -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *(line for extra in extras if extra != without for line in extras[extra])]
    return {re.split(r"[^A-Za-z0-9_-]", line)[0].lower() for line in listed}


def test_aut_5_no_web_framework_and_no_session_library_is_imported_outside_the_reference_portal() -> None:
    assert len(IMPORTS) > 150
    for file, names in IMPORTS.items():
        if file.parts[0] != PORTAL:
            assert {name.partition(".")[0] for name in names}.isdisjoint(WEB), file
    assert declared(without=PORTAL).isdisjoint(WEB)


def test_aut_5_nothing_but_the_simulations_serves() -> None:
    """And the command of the OCSP responder, which is no portal: it has a protocol of its own, and neither pages nor sessions."""
    for file, names in IMPORTS.items():
        if file.parts[0] != "testkit" and file.parts[:2] != ("cli", "demo") and file != Path("cli/ocsp_server.py"):
            assert not any(name == part or name.startswith(f"{part}.") for name in names for part in SERVERS), file


def test_aut_5_every_package_that_is_imported_is_declared() -> None:
    own = {"zorgid_card", "pytest", *sys.stdlib_module_names}  # pytest loads the plugin for it by itself
    for file, names in IMPORTS.items():
        for package in {name.partition(".")[0] for name in names} - own:
            assert KNOWN.get(package, package).lower() in declared(), (file, package)


@pytest.mark.parametrize(("package", "rooms"), [("sqlalchemy", {"adapters"}), ("httpx", {"adapters"})])
def test_aut_5_databases_and_networks_are_met_in_adapters_alone(package: str, rooms: set[str]) -> None:
    users = {
        file.parts[0] for file, names in IMPORTS.items() if any(name.partition(".")[0] == package for name in names)
    }
    assert users == rooms


def test_aut_5_a_door_is_opened_without_any_of_them() -> None:
    """What is loaded for a log-in at a portal that brings its own store, and for one over TLS."""
    program = """
import sys
from zorgid_card import CertificateVerifier, TLSProxy, TrustStore, explain, identity_from_tls, open_login
class Lists:
    def check(self, chain, at): ...
open_login("https://portal.example", trust=TrustStore.test(), revocation=Lists()).challenge("session")
print(*sorted(name.partition(".")[0] for name in sys.modules), sep="\\n")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "zorgid_card" in loaded
    assert loaded.isdisjoint(WEB | {"sqlalchemy", "httpx", "click", "rich", "segno", "smartcard"})
