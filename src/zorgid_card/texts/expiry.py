"""A card about to expire."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "expiry.soon": Text(
        "Deze kaart verloopt over {days} dagen, op {date}; vraag op tijd een nieuwe aan.",
        "This card expires in {days} days, on {date}; apply for a new one in time.",
    ),
    "expiry.tomorrow": Text(
        "Deze kaart verloopt over een dag, op {date}; vraag een nieuwe aan.",
        "This card expires in a day, on {date}; apply for a new one.",
    ),
    "expiry.today": Text(
        "Deze kaart verloopt binnen een dag, op {date}; vraag een nieuwe aan.",
        "This card expires within a day, on {date}; apply for a new one.",
    ),
    "expiry.expired": Text(
        "Deze kaart is verlopen op {date} en niet meer te gebruiken; vraag een nieuwe aan.",
        "This card expired on {date} and cannot be used any more; apply for a new one.",
    ),
}
