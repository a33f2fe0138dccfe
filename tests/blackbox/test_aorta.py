"""AORTA tokens from cards in a real pcscd; xmlsec1, which shares no code with us, verifies them (AUT-4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aorta_world import (
    ACTING,
    CONTENTS,
    NOW,
    Key,
    doctor,
    issuer,
    key_of,
    smartcards,
    verified,
    worker,
    xmlsec1,
    xmlsec_verifies,
)
from zorgid_card import PINRequest, Secret, find_reader, open_card
from zorgid_card.pki.aorta import Acting, Inschrijftoken, Transactietoken, sign_with_card
from zorgid_card.pki.identity import ZorgIDIdentity
from zorgid_card.testkit.card import VirtualCard
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_contents import PassContents
from zorgid_card.testkit.uzi_profile import FATIMA_EL_AMRANI
from zorgid_card.testkit.zorgid import PIN

pytestmark = [pytest.mark.blackbox, xmlsec1]

Insert = Callable[[VirtualCard], str]


class Asked:
    """A PIN provider that counts."""

    def __init__(self, pin: bytes) -> None:
        self.pin, self.times = pin, 0

    def __call__(self, request: PINRequest) -> Secret:
        self.times += 1
        return Secret.of(self.pin)


@pytest.mark.parametrize(
    ("contents", "kinds"),
    [(doctor, ["transactietoken", "inschrijftoken", "mandaattoken"]), (worker, ["transactietoken", "inschrijftoken"])],
    ids=["Z", "N"],
)
def test_aut_4_a_pass_in_a_reader_signs_what_xmlsec1_verifies(
    contents: Callable[[], PassContents], kinds: list[str], insert: Insert, tmp_path: Path
) -> None:
    name = insert(VirtualUZIPass(contents()))
    for kind in kinds:
        content, pin = CONTENTS[kind], Asked(DEFAULT_PIN)
        with open_card(find_reader(name)) as card:
            token = sign_with_card(content, card, pin, at=NOW)
        assert pin.times == 1
        assert xmlsec_verifies(tmp_path, token, key_of(contents(), content.kind.usage))
        assert verified(token, type(content)).identity.uzi_number == contents().holder.uzi_number


class Linked:
    def require(self, identity: ZorgIDIdentity, ura: str, role: str | None, /) -> Acting:
        return ACTING


@pytest.mark.parametrize("kind", [Transactietoken, Inschrijftoken])
def test_aut_4_a_zorgid_smartcard_in_a_reader_signs_what_xmlsec1_verifies(
    kind: type[Any], insert: Insert, tmp_path: Path
) -> None:
    name, pin = insert(issuer().card(FATIMA_EL_AMRANI, algorithm="RSA2048")), Asked(PIN)
    with open_card(find_reader(name)) as card:
        certificate = card.certificates()["authenticity"]
        token = sign_with_card(CONTENTS[kind.kind.name], card, pin, at=NOW, acting=ACTING)
    assert pin.times == 1
    assert xmlsec_verifies(tmp_path, token, Key(key_of(worker(), "authenticity").private, certificate))
    assert verified(token, kind, smartcards=smartcards(), registry=Linked()).ura == ACTING.ura
