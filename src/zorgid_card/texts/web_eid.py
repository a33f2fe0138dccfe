# ruff: noqa: E501
"""The sentences of Web eID's native-messaging host."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "question.card-again": Text(
        "Plaats uw UZI-pas of ZORG-ID Smartcard in de paslezer. Verder?",
        "Put your UZI pass or ZORG-ID Smartcard into the reader. Go on?",
    ),
    "question.signing-certificate": Text(
        "Mag dit portaal zien wie u bent, om u iets te laten ondertekenen?",
        "May this portal see who you are, to have you sign something?",
    ),
    "question.sign-hash": Text(
        "Dit portaal vraagt uw handtekening onder een document. Het document zelf is hier niet te zien, alleen de hash ervan: "
        "onderteken alleen als u het portaal vertrouwt. Ondertekenen?",
        "This portal asks for your signature under a document. The document itself cannot be seen here, only its hash: "
        "sign only if you trust the portal. Sign?",
    ),
    "fact.hash": Text("Hash", "Hash"),
    "fact.hash-function": Text("Hashfunctie", "Hash function"),
    "detail.expected:signing-card": Text(
        "de kaart waarvan het portaal het certificaat heeft", "the card whose certificate the portal has"
    ),
    "web_eid.installed": Text(
        "De Web eID-extensie werkt nu met dit programma; herstart de browser als hij al open was.",
        "The Web eID extension works with this program now; restart the browser if it was open.",
    ),
    "web_eid.removed": Text(
        "De Web eID-extensie werkt niet meer met dit programma.",
        "The Web eID extension does not work with this program any more.",
    ),
    "error.user.usage:caller": Text(
        "Dit programma wordt door een browser gestart voor de Web eID-extensie, en niet door iets anders; zie docs/web-eid.md.",
        "This program is started by a browser for the Web eID extension, and by nothing else; see docs/web-eid.md.",
    ),
    "error.user.usage:extension": Text(
        "Dit is geen naam van een browserextensie[[: {value}]]; Chromium heeft 32 letters van a tot p, Firefox {{…}} of naam@domein.",
        "This is no name of a browser's extension[[: {value}]]; Chromium has 32 letters from a to p, Firefox {{…}} or name@domain.",
    ),
    "error.user.usage:hash-signing": Text(
        "Deze computer laat {origin} geen documenten ondertekenen; de beheerder kan het portaal daarvoor toelaten.",
        "This computer lets {origin} have no documents signed; its administrator can allow the portal to.",
    ),
    "error.user.usage:web-eid": Text(
        "Een ander programma ({value}) bedient hier de Web eID-extensie; geef --replace om dat over te nemen.",
        "Another program ({value}) serves the Web eID extension here; give --replace to take that over.",
    ),
    "error.user.usage:browser": Text(
        "Voor deze browser is op dit systeem niet bekend waar het manifest hoort; zie docs/web-eid.md.",
        "Where the manifest belongs for this browser is not known on this system; see docs/web-eid.md.",
    ),
}
