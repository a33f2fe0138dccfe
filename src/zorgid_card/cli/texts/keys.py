# ruff: noqa: E501
"""The portal's keys and its CA."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.cli.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "keys.passphrase": Text("Wachtzin van de sleutelbewaarplaats: ", "Passphrase of the key store: "),
    "keys.new_passphrase": Text("Nieuwe wachtzin voor de sleutelbewaarplaats: ", "New passphrase for the key store: "),
    "keys.again": Text("Dezelfde wachtzin nogmaals: ", "The same passphrase once more: "),
    "keys.hsm_pin": Text("PIN van de HSM-partitie: ", "PIN of the HSM's token: "),
    "keys.batch_key": Text("Batchsleutel, hexadecimaal: ", "Batch key, in hexadecimal: "),
    "keys.master": Text("Moedersleutel, generatie", "Master key, generation"),
    "keys.made": Text("Gemaakt", "Made"),
    "keys.use": Text("Voor", "For"),
    "keys.newest": Text("nieuwe kaarten", "new cards"),
    "keys.older": Text("kaarten die hem al hebben", "cards that have it"),
    "keys.batch": Text("Batch", "Batch"),
    "keys.unknown": Text("onbekend", "not told"),
    "keys.created": Text("De sleutelbewaarplaats is gemaakt.", "The key store is made."),
    "keys.rotated": Text(
        "Nieuwe kaarten krijgen voortaan een sleutel van generatie {generation}; kaarten van eerdere generaties houden de hunne tot zij worden vernieuwd.",
        "New cards get a key of generation {generation} from now on; cards of earlier generations keep theirs until they are renewed.",
    ),
    "keys.added": Text(
        "De batchsleutel is bewaard; vergelijk de controlewaarde {check} met die van de leverancier.",
        "The batch key is kept; compare the check value {check} with the maker's.",
    ),
    "error.user.usage:hex": Text(
        "Dit is geen sleutel: voer 32, 48 of 64 hexadecimale cijfers in.",
        "This is no key: enter 32, 48 or 64 hexadecimal digits.",
    ),
    "error.user.usage:passphrases": Text(
        "De twee wachtzinnen verschillen; er is niets gemaakt, begin opnieuw.",
        "The two passphrases differ; nothing was made, begin anew.",
    ),
    "error.user.usage:store": Text(
        "Noem een sleutelbestand, of met --hsm en --token een HSM.",
        "Name a key file, or an HSM by --hsm and --token.",
    ),
    "error.user.usage:overlap": Text(
        "Voor een deel van deze serienummers is er al een batchsleutel; bekijk met ‘zorgid-card keys show’ welke.",
        "A batch key for some of these serial numbers is there already; see which by ‘zorgid-card keys show’.",
    ),
    "error.user.usage:batch": Text(
        "Een batch heeft serienummers van één lengte, van het eerste tot en met het laatste; controleer beide.",
        "A batch has serial numbers of one length, from the first to the last; check both.",
    ),
    "error.storage.hsm:missing": Text(
        "In de HSM staat deze sleutel niet; maak de sleutelbewaarplaats eerst met ‘zorgid-card keys create’.",
        "This key is not in the HSM; make the key store first, by ‘zorgid-card keys create’.",
    ),
    "error.storage.hsm:extractable": Text(
        "Een sleutel in de HSM zou hem kunnen verlaten en wordt niet gebruikt; maak er een die dat niet kan.",
        "A key in the HSM could leave it, and is not used; make one that cannot.",
    ),
    "error.storage.hsm:twice": Text(
        "Twee sleutels in de HSM hebben dezelfde naam; verwijder met het gereedschap van de HSM de sleutel die niemand gebruikt.",
        "Two keys in the HSM have one name; remove the one that nobody uses, by the HSM's own tool.",
    ),
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
