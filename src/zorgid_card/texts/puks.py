# ruff: noqa: E501
"""The sentences of ``puk`` and ``recover``."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "puk.asked": Text(
        "De pukcode van kaart {serial} is aangevraagd. Een administrator, niet uzelf, geeft hem vrij met ‘zorgid-card puk release’.",
        "The PUK of card {serial} is asked for. An administrator other than you releases it by ‘zorgid-card puk release’.",
    ),
    "puk.released": Text(
        "De verzegelde pukcode van kaart {serial} staat in {path}, voor de sleutelbeheerder. De kaart is geblokkeerd totdat de pashouder een andere pukcode heeft.",
        "The sealed PUK of card {serial} is in {path}, for the key officer. The card is blocked until its holder has another PUK.",
    ),
    "puk.one_of": Text(
        "Het herstel van deze kaart is onderbroken: een van {total} pukcodes is de juiste. Dit is nummer {number}.",
        "The recovery of this card was interrupted: one of {total} PUKs is the right one. This is number {number}.",
    ),
    "puk.opened": Text(
        "De pashouder herstelt kaart {serial} hiermee, met zijn UZI-pas, door ‘zorgid-card recover’; daarna is deze pukcode waardeloos.",
        "The holder recovers card {serial} with it, and with the UZI pass, by ‘zorgid-card recover’; then this PUK is worthless.",
    ),
    "puk.reset": Text(
        "De pukcode van kaart {serial} is die van de fabrikant, die iedereen kent. De kaart is geblokkeerd totdat de pashouder hem herstelt met ‘zorgid-card recover’.",
        "The PUK of card {serial} is its maker's, which everybody knows. The card is blocked until its holder recovers it by ‘zorgid-card recover’.",
    ),
    "keys.key_passphrase": Text("Wachtzin van de sleutel: ", "Passphrase of the key: "),
    "recover.at": Text("ZORG-ID Smartcard herstellen bij {origin}.", "Recovering a ZORG-ID Smartcard at {origin}."),
    "recover.done": Text(
        "Klaar: kaart {serial} heeft een nieuwe pincode, en een pukcode die alleen u kent. Een beheerder van uw organisatie kan hem nu deblokkeren.",
        "Done: card {serial} has a new PIN, and a PUK that only you know. A manager of your organisation can unblock it now.",
    ),
    "error.portal.not_allowed:puk": Text(
        "Anderen dan de pashouder kennen de pukcode van deze kaart, of kunnen die kennen; laat de pashouder hem eerst herstellen met ‘zorgid-card recover’.",
        "Others than its holder know this card's PUK, or may know it; have the holder recover it first, by ‘zorgid-card recover’.",
    ),
}
