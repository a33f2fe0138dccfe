# ruff: noqa: E501
"""The portal's keys and its CA."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.cli.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "error.storage.hsm": Text(
        "De HSM met de sleutels van het portaal is niet bereikbaar of weigert[[ ({reason})]]; er is niets veranderd; controleer of hij aanstaat, met partitie en sleutels, en probeer het opnieuw.",
        "The HSM with the portal's keys cannot be reached or refuses[[ ({reason})]]; nothing was changed; check that it is on, with partition and keys, and try again.",
    ),
    "error.fetch.pending": Text(
        "De CA geeft het certificaat later uit; probeer het opnieuw[[ na {retry_after} seconden]].",
        "The CA issues the certificate later; try again[[ after {retry_after} seconds]].",
    ),
    "error.certificate.issued": Text(
        "De CA heeft een ander certificaat uitgegeven dan was gevraagd[[ (veld {field})]]; het wordt niet gebruikt; meld dit aan de beheerder van de CA.",
        "The CA issued another certificate than was asked for[[ (field {field})]]; it is not used; report this to whoever runs the CA.",
    ),
}
