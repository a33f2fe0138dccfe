# ruff: noqa: E501
"""The sentences of ``login`` and ``verify-token``."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "question.log-in": Text("Wilt u hier inloggen?", "Do you want to log in here?"),
    "fact.origin": Text("Portaal", "Portal"),
    "login.done": Text("U bent ingelogd bij {origin}.", "You are logged in at {origin}."),
    "login.common_name": Text("Naam", "Name"),
    "login.uzi_number": Text("UZI-nummer", "UZI number"),
    "login.organisation": Text("Organisatie", "Organisation"),
    "login.ura": Text("URA", "URA"),
    "login.role": Text("Rol", "Role"),
    "login.developer": Text(
        "LET OP: alleen voor ontwikkelaars. Wie dit token krijgt, logt daarmee als u in bij {origin}, zonder dat is nagegaan wie het vraagt.",
        "TAKE CARE: for developers only. Whoever gets this token logs in with it as you at {origin}, and nobody checked who asks for it.",
    ),
    "token.good": Text(
        "Dit token is goed: deze persoon heeft het ondertekend.", "This token is good: this person signed it."
    ),
    "judging.revocation.good": Text("De intrekking is gecontroleerd.", "Revocation was checked."),
    "judging.revocation.not judged": Text(
        "LET OP: of het certificaat is ingetrokken, is niet gecontroleerd; geef de lijsten met --crl, of vraag het de uitgever met --online.",
        "TAKE CARE: whether the certificate is revoked was not checked; give the lists with --crl, or ask the issuer with --online.",
    ),
    "judging.asking": Text(
        "De uitgever wordt gevraagd of het certificaat is ingetrokken …",
        "The issuer is asked whether the certificate is revoked …",
    ),
    "token.smartcard": Text(
        "Een ZORG-ID Smartcard noemt geen organisatie: voor wie de houder optreedt, weet het portaal.",
        "A ZORG-ID Smartcard names no organisation: the portal knows for whom its holder acts.",
    ),
    "judging.root": Text(
        "LET OP: er wordt ook een wortel vertrouwd die niet van het UZI-register is (--root).",
        "TAKE CARE: a root that is not the UZI register's is trusted too (--root).",
    ),
    "error.user.usage:httpx": Text(
        "Hiervoor ontbreekt httpx; installeer het met: pip install 'zorgid-card[http]'.",
        "httpx is missing for this; install it: pip install 'zorgid-card[http]'.",
    ),
    "error.user.usage:origin": Text(
        "Dit is geen adres van een portaal[[: {value}]]; geef het als https://host of https://host:poort, zonder iets erachter.",
        "This is no address of a portal[[: {value}]]; give it as https://host or https://host:port, with nothing behind it.",
    ),
    "error.portal.replay:challenge": Text(
        "Deze inlogpoging geldt niet meer: ze is al gebruikt of verlopen; begin opnieuw met inloggen.",
        "This log-in does not hold any more: it was used before or has expired; start logging in again.",
    ),
}
