"""The examples of docs/aorta-tokens.md are programs that run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zorgid_card.errors import ReplayError
from zorgid_card.pki.trust import TrustStore
from zorgid_card.secret import Secret
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass

pytest.importorskip("signxml", reason="signxml is not installed (extra saml)")

PAGE = (Path(__file__).parents[2] / "docs" / "aorta-tokens.md").read_text()


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_aut_4_a_card_makes_a_token_and_it_is_judged(
    card_reader: SimulatedReader,
    uzi_pass: VirtualUZIPass,
    uzi_pki: UZITestPKI,
    uzi_trust: TrustStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Secret, "from_terminal", lambda prompt: Secret.of(DEFAULT_PIN))
    card_reader.insert(uzi_pass)
    names = {"trust": uzi_trust, "crl_source": uzi_pki.crl_source}
    exec(example("sign"), names)
    exec(example("verify"), names)
    assert capsys.readouterr().out == "900000015 90000123 01.015 {'autorisatieregel/context': '...'}\n"
    with pytest.raises(ReplayError):
        exec(example("verify").replace("used = IDsInMemory()", ""), names)
