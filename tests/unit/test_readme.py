"""The README's examples are programs that run, and its claims about imports hold."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from asn1crypto import cms

import zorgid_card
from world import CARD_PIN, ORIGIN, PASS_PIN, World
from zorgid_card.adapters import pcsc
from zorgid_card.cli.app import run
from zorgid_card.pki.hierarchy import UZI_G3
from zorgid_card.recipes import open_login
from zorgid_card.secret import Secret
from zorgid_card.workflows.card_side import log_in
from zorgid_card.workflows.log_in import LoggedIn

ROOT = Path(__file__).parents[2]


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world")
    world.validated()
    monkeypatch.setattr(pcsc, "readers", lambda: [world.reader])
    return world


def typed(pin: bytes) -> Callable[[str], Secret]:
    return lambda prompt: Secret.of(pin)


def test_aut_2_the_portals_example_logs_a_pass_in(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "uzi-crl"
    folder.mkdir()
    for number, issuer in enumerate(world.pki.chain("N")):
        (folder / f"{number}.crl").write_bytes(world.pki.crl(issuer, world.now))
    (folder / "broken.crl").write_bytes(b"not a CRL")
    monkeypatch.setattr(Secret, "from_terminal", typed(b"passphrase"))
    monkeypatch.setattr("zorgid_card.recipes.datetime", _At(world))
    world.reader.insert(world.worker_pass)
    source = example("portal").replace("/var/lib/uzi-crl", str(folder)).replace("/var/lib/portal", str(tmp_path))
    before, after = source.split("who =")
    names = {
        "tls_key_fingerprint": bytes(32),
        "uzi_ca_certificates": world.pki.chain("N"),
        "browser_session": "browser",
        "UZI_G3": UZI_G3,
    }
    before = before.replace("TrustStore.production(", SIMULATED)
    exec(before, names)
    names["token"] = pass_token(world, str(names["nonce"]))
    exec("who =" + after, names)
    assert capsys.readouterr().out == "Zoë el Amrani Huisartsenpraktijk De Linde 90000123 00.000\n"
    assert UZI_G3.roots  # the example itself pins the real roots


def test_aut_5_the_door_alone_logs_a_pass_in(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, issuer in enumerate(world.pki.chain("N")):
        (tmp_path / f"{number}.crl").write_bytes(world.pki.crl(issuer, world.now))
    monkeypatch.setattr(zorgid_card, "open_login", partial(open_login, clock=lambda: world.now))
    source = example("login").replace("/var/lib/uzi-crl", str(tmp_path)).replace("TrustStore.production(", SIMULATED)
    names = {
        "UZI_G3": UZI_G3, "uzi_ca_certificates": world.pki.chain("N"), "browser_session": "b", "remote_address": "192.0.2.1",
        "session": {},
    }  # fmt: skip
    before, after = source.split("who =")
    exec(before, names)
    world.reader.insert(world.worker_pass)
    names["token"] = pass_token(world, str(names["nonce"]))
    exec("who =" + after, names)
    assert capsys.readouterr().out == "Zoë el Amrani Huisartsenpraktijk De Linde 90000123 00.000\n"
    assert LoggedIn.from_json(names["session"]["who"]) == names["who"]


SIMULATED = "TrustStore.of([UZI_G3.with_root(uzi_ca_certificates[-1])], "


class _At:
    """The clock of the example's portal, set to the world's."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self, zone: object) -> object:
        return self._world.now


def pass_token(world: World, nonce: str) -> str:
    card = world.presented()
    signer = card.authentication_signer(lambda request: Secret.of(PASS_PIN))
    return log_in(signer, card.authentication_certificate(), origin=ORIGIN, nonce=nonce)


def test_aut_3_the_vendors_example_signs_with_a_pass(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Secret, "from_terminal", typed(PASS_PIN))
    world.reader.insert(world.worker_pass)
    names = {"nonce": world.log_in.challenge("browser")}
    exec(example("vendor").replace("https://portal.example", ORIGIN), names)
    assert capsys.readouterr().out == "Zoë el Amrani 900000022 None tries left: 3\n"
    assert asn1crypto_type(bytes(names["signature"])) == "signed_data"
    assert world.log_in.verify(str(names["token"]), binding="browser").uzi_number == "900000022"


def asn1crypto_type(der: bytes) -> str:
    return str(cms.ContentInfo.load(der, strict=True)["content_type"].native)


def test_the_commands_of_the_readme_exist(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (ROOT / "README.md").read_text()
    made = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", readme, re.MULTILINE):
        assert re.search(rf"^{target}:", made, re.MULTILINE)
    lines = re.findall(r"^zorgid-card (.*)$", readme, re.MULTILINE)
    commands = {line.split()[0] for line in lines} | set(re.findall(r"\bpin [a-z-]+", " ".join(lines)))
    assert {"readers", "inspect", "pin status", "pin change-puk"} <= commands
    for command in commands:
        assert run([*command.split(), "--help"]) == 0, command
    for path in re.findall(r"\]\(([\w/.-]+)\)", readme):
        assert (ROOT / path).exists(), path


def test_importing_the_library_imports_no_extra() -> None:
    program = "import sys, zorgid_card; print(*sorted(sys.modules), sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"sqlalchemy", "httpx", "lxml", "signxml", "click", "rich", "segno", "cryptography", "asn1crypto", "cffi"}
    assert heavy.isdisjoint(loaded)
    assert "zorgid_card" in loaded


def test_a_missing_extra_is_named() -> None:
    program = "import sys; sys.modules['sqlalchemy'] = None; import zorgid_card; zorgid_card.SQLRegistry"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "pip install 'zorgid-card[sql]'" in done.stderr
    program = "import sys; sys.modules['httpx'] = None; import zorgid_card.adapters.portal"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "pip install 'zorgid-card[http]'" in done.stderr


def test_every_recipe_is_there_and_documented() -> None:
    for name in zorgid_card.__all__:
        assert (getattr(zorgid_card, name).__doc__ or "").strip(), name
    assert set(zorgid_card.__all__) <= set(dir(zorgid_card))
    with pytest.raises(AttributeError):
        zorgid_card.no_such_recipe  # noqa: B018


def test_pin_7_no_example_holds_a_pin() -> None:
    readme = (ROOT / "README.md").read_bytes()
    assert CARD_PIN not in readme
    assert PASS_PIN not in readme
