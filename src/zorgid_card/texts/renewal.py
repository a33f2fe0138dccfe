"""The sentences of ``renew``, ``reset`` and ``create --replace``."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "cue.insert-card": Text(
        "Stop uw ZORG-ID Smartcard in de paslezer. Haal hem er niet uit tot het proces is afgerond!",
        "Put your ZORG-ID Smartcard into the reader. Do not take it out until the process has finished!",
    ),
    "create.insert-card": Text("ZORG-ID Smartcard erin, en laten zitten", "ZORG-ID Smartcard in, and leave it there"),
    "question.retire-card": Text(
        "Deze kaart is in gebruik en van u. Hij wordt ingetrokken en gewist, en is daarna leeg. Weet u het zeker?",
        "This card is in use, and yours. It will be revoked and emptied, and is blank afterwards. Are you sure?",
    ),
    "renew.at": Text("ZORG-ID Smartcard verlengen bij {origin}.", "Renewing a ZORG-ID Smartcard at {origin}."),
    "renew.done": Text(
        "Klaar: kaart {serial} is verlengd, van {user_name}. Pincode en pukcode zijn gebleven wat ze waren.",
        "Done: card {serial} is renewed, {user_name}'s. PIN and PUK are what they were.",
    ),
    "renew.anew": Text(
        "Klaar: kaart {serial} is opnieuw aangemaakt, van {user_name}, met een nieuwe pincode en pukcode.",
        "Done: card {serial} was made anew, {user_name}'s, with a new PIN and PUK.",
    ),
    "reset.at": Text("ZORG-ID Smartcard leegmaken bij {origin}.", "Making a ZORG-ID Smartcard blank at {origin}."),
    "reset.done": Text("Klaar: kaart {serial} is leeg.", "Done: card {serial} is blank."),
    "state.renewing": Text("wordt verlengd", "being renewed"),
    "detail.state:renewing": Text("wordt verlengd", "being renewed"),
    "error.user.declined:retire-card": Text(
        "De kaart is niet ingetrokken en niet gewist; hij werkt zoals daarvoor.",
        "The card was neither revoked nor emptied; it works as before.",
    ),
    "error.user.usage:which-card": Text(
        "U hebt meer dan één kaart[[: {serials}]]; zeg met --replaced-card welke wordt vervangen.",
        "You have more than one card[[: {serials}]]; say with --replaced-card which is to be replaced.",
    ),
    "error.user.usage:replaced-card": Text(
        "--replaced-card hoort bij --replace; zeg daarmee waarom de kaart wordt vervangen.",
        "--replaced-card goes with --replace; say with that why the card is replaced.",
    ),
}
