# ruff: noqa: E501
"""The portal's registry, as its keeper sees it."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "db.created": Text(
        "De registratie is gemaakt, met schema {version}.", "The registry is made, with schema {version}."
    ),
    "db.upgraded": Text(
        "De registratie is van schema {before} naar {version} gebracht, met alles wat erin staat.",
        "The registry was brought from schema {before} to {version}, with all that is in it.",
    ),
    "db.current": Text(
        "De registratie heeft schema {version} al; er is niets gewijzigd.",
        "The registry has schema {version} already; nothing was changed.",
    ),
    "db.sealing": Text("Persoonsgegevens opnieuw versleutelen", "Encrypting personal data anew"),
    "db.rotated": Text(
        "Persoonsgegevens worden voortaan versleuteld met sleutel {generation}; dat is gedaan voor {sealed} gegevens. Haal oudere sleutels later weg met ‘zorgid-card db retire-keys’.",
        "Personal data are encrypted with key {generation} from now on; {sealed} records have been. Remove older keys later, by ‘zorgid-card db retire-keys’.",
    ),
    "db.retired": Text(
        "Alleen sleutel {generation} is er nog; kopieën van de database van voor de wisseling zijn niet meer te lezen.",
        "Only key {generation} is left; copies of the database from before the change can no longer be read.",
    ),
    "error.user.usage:db": Text(
        "Deze database kan niet worden gebruikt; geef bijvoorbeeld sqlite:////pad/registry.db of, met psycopg geïnstalleerd (pip install zorgid-card[postgresql]), postgresql+psycopg://gebruiker@server/naam.",
        "This database cannot be used; give for example sqlite:////path/registry.db or, with psycopg installed (pip install zorgid-card[postgresql]), postgresql+psycopg://user@server/name.",
    ),
    "error.user.usage:data_keys": Text(
        "Noem met --data-keys het bestand met de sleutels van de persoonsgegevens.",
        "Name the file with the keys of the personal data, by --data-keys.",
    ),
    "error.user.usage:text": Text(
        "In deze tekst staat een teken dat niet kan worden bewaard; haal het weg.",
        "There is a character in this text that cannot be stored; remove it.",
    ),
    "error.user.usage:after": Text(
        "Deze bladzijde is er niet; begin bij de eerste.", "There is no such page; begin with the first."
    ),
    "error.storage:version": Text(
        "De registratie heeft een ander schema dan deze versie van zorgid-card; breng een oudere bij met ‘zorgid-card db upgrade’, of gebruik voor een nieuwere een nieuwere zorgid-card.",
        "The registry has another schema than this version of zorgid-card; bring an older one up by ‘zorgid-card db upgrade’, or use a newer zorgid-card for a newer one.",
    ),
    "error.storage:no_keys": Text(
        "De sleutels van de persoonsgegevens ontbreken; noem het bestand met --data-keys of leg het terug naast de database.",
        "The keys of the personal data are missing; name the file by --data-keys, or put it back beside the database.",
    ),
    "error.storage:keys": Text(
        "De persoonsgegevens zijn met een andere sleutel versleuteld, of gewijzigd; gebruik het sleutelbestand dat bij deze database hoort.",
        "The personal data were encrypted with another key, or changed; use the key file that belongs to this database.",
    ),
}
