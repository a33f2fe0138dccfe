"""The sentences of ``create`` and ``demo-portal``."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "create.at": Text(
        "ZORG-ID Smartcard aanmaken bij {origin}, in {readers}.",
        "Making a ZORG-ID Smartcard at {origin}, in {readers}.",
    ),
    "create.idle": Text("wacht", "waiting"),
    "create.again": Text("nog eens", "once more"),
    "create.insert-pass": Text("UZI-pas erin", "UZI pass in"),
    "create.remove-pass": Text("UZI-pas eruit", "UZI pass out"),
    "create.insert-blank": Text("lege kaart erin, en laten zitten", "blank card in, and leave it there"),
    "create.insert-again": Text("dezelfde kaart er weer in", "the same card in again"),
    "create.reader": Text("Paslezer {reader}", "Reader {reader}"),
    "create.made": Text("Klaar: {serial} is actief, van {user_name}", "Done: {serial} is active, {user_name}'s"),
    "create.total": Text("{made} gemaakt, {failed} mislukt.", "{made} made, {failed} failed."),
    "question.finish-card": Text(
        "Deze kaart was bijna klaar toen het vorige keer ophield. Hebt u hem bij u, om hem af te maken?",
        "This card was nearly finished when it ended last time. Is it at hand, to be finished?",
    ),
    "error.user.declined:finish-card": Text(
        "De kaart is niet afgemaakt; zonder hem af te maken wordt hij niet geldig.",
        "The card was not finished; it will not be valid until it is.",
    ),
    "error.user.usage:trace-one": Text(
        "--trace schrijft de APDU's van één paslezer op; kies hem met --reader.",
        "--trace writes the APDUs of one reader; choose it with --reader.",
    ),
    "error.user.usage:path": Text(
        "Dit is geen pad bij een portaal[[: {value}]]; het begint met een schuine streep, zoals /card-side.",
        "This is no path at a portal[[: {value}]]; it begins with a slash, such as /card-side.",
    ),
    "error.storage:cards": Text(
        "In {path} staan geen gesimuleerde kaarten; geef de map die zorgid-card demo-portal noemt.",
        "There are no simulated cards in {path}; give the directory that zorgid-card demo-portal names.",
    ),
    "portal.making": Text(
        "Een portaal met registratie, CA en {count} gesimuleerde passen wordt gemaakt…",
        "A portal with registry, CA and {count} simulated passes is being made…",
    ),
    "portal.ready": Text("Het portaal luistert op {origin}.", "The portal listens at {origin}."),
    "portal.try": Text(
        "Maak kaarten in een ander venster, vernieuw ze, of maak ze weer leeg:",
        "Make cards in another window, renew them, or make them blank again:",
    ),
    "portal.stop": Text("Ctrl-C beëindigt het.", "Ctrl-C ends it."),
    "portal.stopped": Text("Het portaal is gesloten.", "The portal is closed."),
}
