"""*Aanmaken ZORG-ID Smartcard*, as the manual has it, and what can be done with the card then (CRD-1 to CRD-10, PIN-2 to PIN-4)."""

from __future__ import annotations

import pytest

from browsing import story

pytestmark = pytest.mark.blackbox


def test_crd_10_the_card_is_made_and_has_the_pin_and_puk_that_its_holder_knows(made: story.Made) -> None:
    assert made.serial == str(made.card.serial)
    assert made.card.pin == made.pin
    assert made.card.puk == made.puk
