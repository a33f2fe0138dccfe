# ruff: noqa: E501
"""What `zorgid-card sign`, `verify-signature` and `decrypt` say."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

TEXTS: Mapping[str, Text] = {
    "document.reading": Text("Het bestand wordt gelezen (MB)", "Reading the file (MB)"),
    "document.octets": Text("{size} bytes", "{size} bytes"),
    "fact.file": Text("Bestand", "File"),
    "fact.size": Text("Grootte", "Size"),
    "fact.sha256": Text("SHA-256", "SHA-256"),
    "fact.certificate-serial": Text("Certificaatnummer", "Certificate number"),
    "fact.form": Text("Vorm", "Form"),
    "fact.key": Text("Sleutel", "Key"),
    "fact.out": Text("Handtekening in", "Signature to"),
    "fact.signed-at": Text("Ondertekend op", "Signed at"),
    "fact.judged-at": Text("Beoordeeld op", "Judged at"),
    "fact.revocation": Text("Intrekking", "Revocation"),
    "question.sign-document": Text("Wilt u dit bestand ondertekenen?", "Do you want to sign this file?"),
    "sign.form.cms": Text("CMS, los van het bestand (CAdES-B)", "CMS, detached (CAdES-B)"),
    "sign.form.jws": Text("JWS van type {typ}", "JWS of type {typ}"),
    "sign.key.signature": Text(
        "handtekening: dit is uw wil, als met de hand getekend", "signature: this is your will, as if signed by hand"
    ),
    "sign.key.authenticity": Text("authenticiteit: dit komt van u", "authenticity: this comes from you"),
    "sign.done": Text("Ondertekend: {path}", "Signed: {path}"),
    "signature.holds": Text("De handtekening klopt.", "The signature holds."),
    "signature.key.signature": Text("handtekening: de wil van de ondertekenaar", "signature: the signatory's will"),
    "signature.key.authenticity": Text("authenticiteit: wie het stuurde", "authenticity: who sent it"),
    "signature.no_time": Text("niet vermeld", "not stated"),
    "decrypt.done": Text("Ontsleuteld: {path} ({size} bytes)", "Decrypted: {path} ({size} bytes)"),
    "error.encoding.cms": Text(
        "Dit bestand is geen bericht of handtekening in CMS zoals hier wordt aanvaard[[ ({field})]]; controleer of het het juiste bestand is, en vraag de afzender anders om een nieuw.",
        "This file is no message or signature in CMS of the form that is accepted here[[ ({field})]]; check that it is the right file, else ask the sender for another.",
    ),
    "error.encoding.jws": Text(
        "Dit is geen JWS zoals hier wordt aanvaard[[ ({field})]]; controleer het bestand en --type, en vraag de afzender anders om een nieuwe.",
        "This is no JWS of the form that is accepted here[[ ({field})]]; check the file and --type, else ask the sender for another.",
    ),
    "error.encoding.recipient": Text(
        "Dit bericht kan niet met deze kaart worden geopend; gebruik de kaart waarvoor het is versleuteld, of vraag de afzender het voor deze kaart te versleutelen.",
        "This message cannot be opened with this card; use the card that it was encrypted for, or ask the sender to encrypt it for this one.",
    ),
    "error.encoding.decryption": Text(
        "Dit bericht kan niet worden ontsleuteld; vraag de afzender om een nieuw.",
        "This message cannot be decrypted; ask the sender for another.",
    ),
    "error.certificate.signature:content": Text(
        "Deze handtekening hoort bij een andere inhoud: het bestand is veranderd, of het is een ander bestand; vraag de ondertekenaar erom.",
        "This signature belongs to other content: the file was changed, or it is another file; ask the signatory for it.",
    ),
    "error.certificate.signature:certificate": Text(
        "De handtekening is gebonden aan een ander certificaat dan erbij zit; vertrouw haar niet en vraag de ondertekenaar om een nieuwe.",
        "The signature is bound to another certificate than the one that came along; do not rely on it, and ask the signatory for another.",
    ),
    "error.certificate.signature:signing time": Text(
        "De handtekening zegt dat zij later is gezet dan nu; controleer de klok van deze computer en die van de ondertekenaar.",
        "The signature says that it was made later than now; check the clock of this computer, and the signatory's.",
    ),
    "error.storage:changed": Text(
        "Het bestand[[ {path}]] is veranderd terwijl ermee werd gewerkt; er is niets ondertekend: begin opnieuw.",
        "The file[[ {path}]] changed while it was worked with; nothing was signed: start again.",
    ),
    "error.storage:length": Text(
        "Het bestand[[ {path}]] is te groot om te zijn wat hier gevraagd wordt; controleer of het het juiste is.",
        "The file[[ {path}]] is too large to be what is asked for here; check that it is the right one.",
    ),
    "error.storage:too large": Text(
        "Het bestand[[ {path}]] is te groot voor deze vorm; gebruik --cms voor grote bestanden.",
        "The file[[ {path}]] is too large for this form; use --cms for large files.",
    ),
    "error.user.usage:type": Text(
        "Een JWS heeft altijd een type; noem het met --type, bijvoorbeeld --type vnd.example.order+json.",
        "A JWS always has a type; name it with --type, such as --type vnd.example.order+json.",
    ),
    "error.user.usage:no type": Text(
        "Alleen een JWS heeft een type; laat --type weg of kies --jws.",
        "Only a JWS has a type; leave out --type, or choose --jws.",
    ),
    "error.user.usage:usage": Text(
        "Deze kaart heeft daarvoor geen sleutel[[ ({usage})]]; kies een andere met --usage, of gebruik een kaart die haar heeft (een pas niet op naam heeft geen handtekening).",
        "This card has no key for that[[ ({usage})]]; choose another with --usage, or use a card that has one (a pass without a name has no signature key).",
    ),
}
