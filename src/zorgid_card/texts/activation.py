"""One-time activation of a pass."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "activation": Text("Geactiveerd", "Activated"),
    "activation.none": Text("niet nodig", "not needed"),
    "activation.needed": Text("nog niet, volgens de pas", "not yet, as the pass says"),
    "activation.done": Text("ja, volgens de pas", "yes, as the pass says"),
    "activation.unknown": Text("onbekend", "unknown"),
    "activation.do": Text(
        "Activeer de pas één keer met uw pincode (zorgid-card activate); tot dan werkt hij niet.",
        "Activate the pass once with your PIN (zorgid-card activate); until then it does not work.",
    ),
    "activation.is_done": Text(
        "Uw pas is geactiveerd en klaar voor gebruik. Dit hoeft maar één keer.",
        "Your pass is activated and ready for use. This is needed once only.",
    ),
    "activation.about": Text(
        "Een nieuwe pas wordt één keer geactiveerd, door de pashouder zelf.",
        "A new pass is activated once, by its holder in person.",
    ),
}
