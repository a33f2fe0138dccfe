"""The sentences of dialogs that a pinentry shows, and of what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "pinentry.title": Text("ZORG-ID", "ZORG-ID"),
    "pinentry.asks": Text("Op verzoek van {origin}", "Asked by {origin}"),
    "pinentry.pin": Text("Pincode:", "PIN:"),
    "pinentry.puk": Text("Pukcode:", "PUK:"),
    "pinentry.new_pin": Text("Nieuwe pincode:", "New PIN:"),
    "pinentry.digits": Text("Cijfers:", "Digits:"),
    "pinentry.date": Text("Datum:", "Date:"),
    "pinentry.again": Text("Nog een keer:", "Once more:"),
    "pinentry.differ": Text("Deze twee zijn niet gelijk.", "These two are not the same."),
    "pinentry.wrong": Text("Dit was niet de pincode van deze kaart.", "That was not the PIN of this card."),
    "pinentry.ok": Text("OK", "OK"),
    "pinentry.yes": Text("Ja", "Yes"),
    "pinentry.no": Text("Nee", "No"),
    "pinentry.cancel": Text("Annuleren", "Cancel"),
    "pinentry.written": Text("Opgeschreven", "Written down"),
    "pinentry.show_puk": Text(
        "Dit is de pukcode van uw kaart. Schrijf hem op en bewaar hem: hij wordt niet nog eens getoond. "
        "Zonder pukcode kan een geblokkeerde pincode niet worden hersteld.",
        "This is the PUK of your card. Write it down and keep it: it is not shown again. "
        "Without the PUK a blocked PIN cannot be reset.",
    ),
    "error.user.pinentry": Text(
        "Het programma dat om de pincode vraagt werkt niet[[ (fout {number})]]; probeer het opnieuw.",
        "The program that asks for the PIN does not work[[ (error {number})]]; try again.",
    ),
    "error.user.pinentry:missing": Text(
        "Het programma {program}, dat om de pincode vraagt, is niet geïnstalleerd; installeer pinentry (Linux: pinentry-gnome3, "
        "pinentry-qt of pinentry-curses; macOS: pinentry-mac; Windows: Gpg4win), of start de agent met --prompt terminal.",
        "The program {program}, which asks for the PIN, is not installed; install pinentry (Linux: pinentry-gnome3, "
        "pinentry-qt or pinentry-curses; macOS: pinentry-mac; Windows: Gpg4win), or start the agent with --prompt terminal.",
    ),
    "error.user.pinentry:display": Text(
        "Het programma dat om de pincode vraagt vindt geen scherm en geen terminal[[ (fout {number})]]; start de agent binnen uw "
        "bureaubladsessie of, met pinentry-curses, in een terminal (zet GPG_TTY op de uitvoer van tty).",
        "The program that asks for the PIN finds no display and no terminal[[ (error {number})]]; start the agent within your "
        "desktop session or, with pinentry-curses, in a terminal (set GPG_TTY to the output of tty).",
    ),
    "error.user.pinentry:small": Text(
        "Het venster is te klein om de vraag te tonen; maak het groter en probeer het opnieuw.",
        "The window is too small to show the question; enlarge it and try again.",
    ),
    "error.user.pinentry:died": Text(
        "Het programma dat om de pincode vraagt is onverwacht gestopt[[ ({number})]]; probeer het opnieuw, of kies een ander met "
        "--pinentry.",
        "The program that asks for the PIN ended unexpectedly[[ ({number})]]; try again, or choose another with --pinentry.",
    ),
    "error.user.pinentry:silent": Text(
        "Het programma dat om de pincode vraagt antwoordt niet; probeer het opnieuw, of kies een ander met --pinentry.",
        "The program that asks for the PIN does not answer; try again, or choose another with --pinentry.",
    ),
    "error.user.pinentry:protocol": Text(
        "Wat met --pinentry is gekozen, antwoordt niet als een pinentry; kies een ander programma.",
        "What --pinentry names does not answer as a pinentry; choose another program.",
    ),
}
