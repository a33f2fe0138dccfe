# ruff: noqa: E501
"""The portal's keys and its CA."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

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
    "keys.passphrase_changed": Text(
        "De wachtzin is gewijzigd[[, ook die van de CA in {ca}]]. Start portalen die ermee werken opnieuw, met de nieuwe; bewaar van nu af de nieuwe reservekopie.",
        "The passphrase is changed[[, that of the CA in {ca} too]]. Start the portals that work with it again, with the new one; keep a new backup from now on.",
    ),
    "question.retire-key": Text(
        "Er is geen registratie genoemd: kaarten met een sleutel van deze generatie zijn daarna niet meer te beheren. Moet de moedersleutel weg?",
        "No registry was named: cards with a key of this generation cannot be managed afterwards. Is the master key to go?",
    ),
    "keys.retired": Text(
        "De moedersleutel van generatie {generation} is weg; in oudere reservekopieën staat hij nog.",
        "The master key of generation {generation} is gone; older backups have it still.",
    ),
    "error.user.declined:retire-key": Text(
        "De moedersleutel is gebleven; noem met --db de registratie van het portaal om te zien of er nog kaarten mee zijn.",
        "The master key has stayed; name the portal's registry with --db to see whether cards have it.",
    ),
    "error.user.usage:generation": Text(
        "Nog {count} kaart(en) hebben een sleutel van deze generatie; er is niets veranderd: vernieuw die kaarten eerst, of maak ze opnieuw.",
        "{count} card(s) still have a key of this generation; nothing was changed: renew those cards first, or make them anew.",
    ),
    "error.user.usage:newest": Text(
        "Nieuwe kaarten krijgen hun sleutel van deze generatie; maak eerst een nieuwe met ‘zorgid-card keys rotate’.",
        "New cards get their key from this generation; make a new one first, by ‘zorgid-card keys rotate’.",
    ),
    "error.user.usage:hsm-passphrase": Text(
        "De PIN van een HSM wijzigt u met het gereedschap van de HSM zelf; noem hier een sleutelbestand.",
        "The PIN of an HSM is changed by the HSM's own tool; name a key file here.",
    ),
    "error.user.usage:fork": Text(
        "Een geheim is geopend vóór het proces zich splitste en is daarna leeg; open sleutels en wachtwoorden in het proces dat ze gebruikt, dus in elke worker.",
        "A secret was opened before the process forked, and is empty since; open keys and passwords in the process that uses them, in each worker.",
    ),
    "error.storage:fork": Text(
        "De sleutelbewaarplaats is geopend vóór het proces zich splitste; open haar in het proces dat haar gebruikt, dus in elke worker (bij gunicorn: zonder --preload).",
        "The key store was opened before the process forked; open it in the process that uses it, in each worker (with gunicorn: without --preload).",
    ),
    "error.storage:replaced": Text(
        "De sleutelbewaarplaats[[ {path}]] is vervangen of heeft een andere wachtzin; start het portaal opnieuw, met de wachtzin van nu.",
        "The key store[[ {path}]] was replaced or has another passphrase; start the portal again, with the present passphrase.",
    ),
    "error.storage:older": Text(
        "Er staat een oudere sleutelbewaarplaats[[ in {path}]] dan het portaal kende; zet de nieuwste terug.",
        "An older key store than the portal knew lies[[ in {path}]]; put the newest back.",
    ),
    "error.storage:lock": Text(
        "Een ander programma wijzigt[[ {path}]] op dit moment; probeer het straks opnieuw.",
        "Another program is changing[[ {path}]] at this moment; try again later.",
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
