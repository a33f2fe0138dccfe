"""docs/audit.md: its commands are run, its examples work, its table is the code's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from audit_world import Log
from docs_examples import ROOT, example
from management_world import CARD, World
from registry_world import NOW, URA, registry
from zorgid_card.adapters.audit_files import FileAuditKey
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.secret import Secret
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.workflows.audit_verification import FINDINGS
from zorgid_card.workflows.health import health
from zorgid_card.workflows.management import Operator

PAGE = "docs/audit.md"


def functions(name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(compile(example(PAGE, name), f"{PAGE}: {name}", "exec"), found)
    return found


def run_as_written(commands: str, directory: Path) -> None:
    tools = directory / "bin"
    tools.mkdir()
    command = tools / "zorgid-card"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m zorgid_card.cli "$@"\n')
    command.chmod(0o755)
    subprocess.run(
        ["bash", "-ec", commands.replace("zorgid-card db erase-person", "zorgid-card db erase-person --yes")],
        cwd=directory,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "DB": f"sqlite:///{directory}/registry.db"},
        check=True,
        capture_output=True,
        timeout=120,
    )


def test_the_commands_run_as_written(tmp_path: Path) -> None:
    store = SQLRegistry.file(tmp_path / "registry.db")
    store.create()
    Log(store).write(3)
    store.close()
    run_as_written(example(PAGE, "commands"), tmp_path)
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 3
    assert len((tmp_path / "heads.jsonl").read_text().splitlines()) == 1


def test_erasing_and_tidying_run_as_written(tmp_path: Path) -> None:
    store = SQLRegistry.file(tmp_path / "registry.db")
    store.create()
    world = World(store)
    operator = world.management.acting_as(Operator(name="Ria"), URA)
    operator.revoke(CARD, "left")
    operator.unlink("holder0", "left")
    store.close()
    run_as_written(example(PAGE, "tidy").replace("zoe.amrani.900000022", "holder0.900000200"), tmp_path)


def test_signing_and_verifying_works_as_written(tmp_path: Path) -> None:
    log = Log(registry())
    log.write(4)
    FileAuditKey.create(tmp_path / "audit.key")
    verified = functions("verify")["sign_and_verify"](log.store, tmp_path / "audit.key", tmp_path / "heads.jsonl")
    assert verified.proven == 4


def test_an_outbox_is_made_as_written() -> None:
    assert functions("outbox")["outbox_of"](registry(), Secret.take(bytearray(b"password"))).deliver() == 0


def test_metrics_are_written_as_written() -> None:
    pki = UZITestPKI()

    class Portal:
        def health(self, **more: Any) -> Any:
            return health(registry(), NOW, **more)

    certificate = pki.chain()[0]
    told = functions("health")["metrics"](Portal(), pki.crl(certificate, NOW), certificate)
    assert 'zorgid_crl_left_seconds{about="fetched"} 172800' in told


def test_every_finding_is_on_the_page() -> None:
    page = (ROOT / PAGE).read_text()
    assert re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE)[: len(FINDINGS)] == list(FINDINGS)
