"""What the portal's notices say, in Dutch and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("nl", "en")

_Words = tuple[str, str]

LETTERS: Final[Mapping[str, Mapping[str, _Words]]] = {
    "request.approve": {
        "nl": (
            "Uw aanvraag voor {organisation} is goedgekeurd",
            "Beste {contact},\n\n"
            "De aanvraag om {organisation} (URA {ura}) te registreren is verwerkt en goedgekeurd.\n\n"
            "Toelichting: {reason}\n\n"
            "U kunt de organisatie nu registreren. Houd uw UZI-pas (zorgverlenerpas), paslezer en smartphone bij de hand.\n\n"
            "Dit bericht is automatisch verstuurd.",
        ),
        "en": (
            "Your request for {organisation} has been approved",
            "Dear {contact},\n\n"
            "The request to register {organisation} (URA {ura}) has been processed, and approved.\n\n"
            "Explanation: {reason}\n\n"
            "You can register the organisation now. Have your UZI pass (type Z), a card reader and your smartphone at hand.\n\n"
            "This message was sent automatically.",
        ),
    },
    "request.reject": {
        "nl": (
            "Uw aanvraag voor {organisation} is afgewezen",
            "Beste {contact},\n\n"
            "De aanvraag om {organisation} (URA {ura}) te registreren is verwerkt en afgewezen.\n\n"
            "Reden: {reason}\n\n"
            "Is dit niet terecht, of is de reden verholpen, dien dan een nieuwe aanvraag in.\n\n"
            "Dit bericht is automatisch verstuurd.",
        ),
        "en": (
            "Your request for {organisation} has been rejected",
            "Dear {contact},\n\n"
            "The request to register {organisation} (URA {ura}) has been processed, and rejected.\n\n"
            "Reason: {reason}\n\n"
            "If that is not right, or no longer holds, file a new request.\n\n"
            "This message was sent automatically.",
        ),
    },
}
"""Subject and body, by kind and language."""


def written(kind: str, language: str, values: Mapping[str, str]) -> _Words:
    """Subject and body; raises KeyError for an unknown kind, or where a value is missing."""
    subject, body = LETTERS[kind][language]
    return subject.format_map(values), body.format_map(values)
