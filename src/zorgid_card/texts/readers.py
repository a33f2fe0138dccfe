"""What `zorgid-card readers` says."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "readers.none": Text("Er is geen paslezer aangesloten.", "No card reader is connected."),
    "readers.watching": Text(
        "Paslezers en kaarten worden gevolgd. Stop met Ctrl-C.", "Readers and cards are watched. Stop with Ctrl-C."
    ),
    "readers.head.reader": Text("Paslezer", "Reader"),
    "readers.head.slot": Text("Inhoud", "Slot"),
    "readers.head.atr": Text("ATR", "ATR"),
    "readers.slot.nothing": Text("leeg", "empty"),
    "readers.slot.card": Text("kaart", "card"),
    "readers.slot.mute": Text("kaart die niet antwoordt", "card that does not answer"),
    "readers.reader-added": Text("{reader}: paslezer aangesloten", "{reader}: reader connected"),
    "readers.reader-removed": Text("{reader}: paslezer weg", "{reader}: reader gone"),
    "readers.card-inserted": Text("{reader}: kaart erin[[ ({atr})]]", "{reader}: card in[[ ({atr})]]"),
    "readers.card-removed": Text("{reader}: kaart eruit", "{reader}: card out"),
    "readers.card-mute": Text(
        "{reader}: de kaart antwoordt niet; zit hij goed om?",
        "{reader}: the card does not answer; is it in the right way up?",
    ),
    "readers.changed-unseen": Text(
        "{reader}: er zijn ongezien kaarten gewisseld", "{reader}: cards came and went unseen"
    ),
}
