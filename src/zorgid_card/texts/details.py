"""Details of errors in words: what a library, a system or a portal says in a code, as people read it.

A key is ``detail.<code of the error>.<name>:<value>``, or ``detail.<name>:<value>`` for whatever error.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping

from zorgid_card.texts.text import Text

_WORDS = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "read_only",
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.EISDIR: "directory",
    errno.EEXIST: "exists",
    errno.EIO: "io",
    errno.ENAMETOOLONG: "name",
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timeout",
}
_SYSTEM = {os.strerror(number): word for number, word in _WORDS.items()}
_NUMBERED = re.compile(r"\[Errno (\d+)\]")


def word_of(reason: str) -> str:
    """The word for what the operating system says; anything else as it is."""
    numbered = _NUMBERED.match(reason)
    return _WORDS.get(int(numbered[1]), reason) if numbered else _SYSTEM.get(reason, reason)


def _of(code: str, /, **words: Text) -> dict[str, Text]:
    return {f"detail.{code}.reason:{name.replace('__', ' ')}": text for name, text in words.items()}


_RECOGNISED = {
    f"detail.why:{text.en}": text
    for text in (
        Text("certificaat 9A draagt een ZORG-ID-identiteit", "its certificate 9A carries a ZORG-ID identity"),
        Text(
            "een PIV-kaart waaraan niet te lezen is of hij leeg is",
            "a PIV card that cannot be shown to be blank by reading",
        ),
        Text("een PIV-kaart in gebruik", "a PIV card in use"),
        Text("een PIV-kaart zoals de fabriek hem levert", "a PIV card in factory state"),
        Text("de ATR van een UZI-pas, en PKCS#15", "the answer to reset of a UZI pass, and PKCS#15"),
        Text(
            "de ATR van een UZI-pas, die alleen met haar middleware te lezen is",
            "the answer to reset of a UZI pass, which only its middleware can read",
        ),
        Text("een certificaat met een UZI-identiteit", "a certificate with a UZI identity"),
        Text("geen toepassing PIV en geen PKCS#15", "neither a PIV application nor one of PKCS#15 is on the card"),
        Text(
            "een toepassing PKCS#15, maar zonder certificaat van het UZI-register",
            "a PKCS#15 application, but no certificate of the UZI register in it",
        ),
        Text("de kaart antwoordt onzin", "the card answers nonsense"),
    )
}
"""How a card was recognised, by what :attr:`zorgid_card.cards.Detected.why` says before its colon."""

_SYSTEM_REASONS = {
    "detail.reason:full": Text("de schijf is vol", "the disk is full"),
    "detail.reason:denied": Text("geen toestemming", "no permission"),
    "detail.reason:read_only": Text("alleen lezen", "read-only"),
    "detail.reason:missing": Text("niet aanwezig", "not there"),
    "detail.reason:directory": Text("een map", "a directory"),
    "detail.reason:exists": Text("bestaat al", "exists already"),
    "detail.reason:io": Text("leesfout of schrijffout van de schijf", "the disk failed to read or write"),
    "detail.reason:name": Text("de naam is te lang", "the name is too long"),
    "detail.reason:refused": Text("geweigerd", "refused"),
    "detail.reason:timeout": Text("geen antwoord op tijd", "no answer in time"),
    "detail.reason:closed": Text("al gesloten", "closed already"),
    "detail.reason:unplugged": Text("de paslezer is losgekoppeld", "the reader was unplugged"),
    "detail.reason:unsettled": Text("de paslezer komt niet tot rust", "the reader does not settle"),
    "detail.reason:length": Text("verkeerde lengte", "wrong length"),
    "detail.reason:truncated": Text("afgebroken", "cut off"),
}

_RESIDENCY = _of(
    "certificate.residency",
    malformed=Text("het bewijs is onleesbaar", "the proof cannot be read"),
    signature=Text("de handtekening van het bewijs klopt niet", "the proof's signature does not verify"),
    chain=Text("de maker van de kaart is niet erkend", "the card's maker is not recognised"),
    expired=Text("het bewijs is verlopen", "the proof has expired"),
    slot=Text("het bewijs is van een andere sleutelplaats", "the proof is of another key slot"),
    key=Text("het bewijs is van een andere sleutel", "the proof is of another key"),
    serial=Text("het bewijs is van een andere kaart", "the proof is of another card"),
    pin_policy=Text("de sleutel vraagt niet om de pincode", "the key does not ask for the PIN"),
    policy=Text("dit soort bewijs wordt niet aanvaard", "this kind of proof is not accepted"),
    algorithm=Text("een ander soort sleutel dan gevraagd", "another kind of key than was asked"),
    firmware=Text("de firmware van de kaart is te oud of onbekend", "the card's firmware is too old or not known"),
    used=Text("voor deze sleutel is al een certificaat uitgegeven", "this key was certified before"),
)

_SESSION = _of(
    "portal.session",
    signature=Text("een bericht is niet echt", "a message is not genuine"),
    unknown=Text("onbekend bij het portaal", "not known to the portal"),
    expired=Text("verlopen", "expired"),
    order=Text("berichten in verkeerde volgorde", "messages out of order"),
    replay=Text("een bericht kwam twee keer, met andere inhoud", "a message came twice, with other contents"),
    closed=Text("niet geopend", "not open"),
    clock=Text("de klok van de telefoon loopt niet gelijk", "the phone's clock is not right"),
    refused=Text("op de telefoon geweigerd", "refused on the phone"),
    certificates=Text("te veel certificaten gemaakt", "too many certificates were made"),
)

_PAIRING = _of(
    "portal.pairing",
    expired=Text("de QR-code is verlopen", "the QR code has expired"),
    used=Text("de QR-code is al gebruikt", "the QR code was used before"),
    mac=Text("de QR-code is niet door dit portaal gemaakt", "the QR code was not made by this portal"),
    code=Text("de codes zijn niet gelijk", "the codes differ"),
    unknown=Text("de telefoon is onbekend", "the phone is not known"),
    key=Text("de sleutel van de telefoon klopt niet", "the phone's key is not right"),
    csr=Text("de aanvraag van de telefoon klopt niet", "the phone's request is not right"),
    portal=Text("dit is niet het portaal van de QR-code", "this is not the portal of the QR code"),
    order=Text("scan eerst de QR-code", "scan the QR code first"),
    refused=Text("op de telefoon geweigerd", "refused on the phone"),
    linked=Text("al gekoppeld", "linked already"),
    blocked=Text("de telefoon is geblokkeerd", "the phone is blocked"),
    revoked=Text("de telefoon is ingetrokken", "the phone is revoked"),
)

_FETCHING = {
    "host": Text("dit adres mag niet worden gevraagd", "this host may not be asked"),
    "url": Text("dat is geen webadres", "that is no address of http or https"),
    "unreachable": Text("geen verbinding", "no connection"),
    "tls": Text("het TLS-certificaat klopt niet", "its TLS certificate does not verify"),
    "contents": Text("het antwoord is onleesbaar", "the answer cannot be read"),
    "timeout": Text("geen antwoord op tijd", "no answer in time"),
    "broken": Text("het antwoord brak af", "the answer broke off"),
    "http__status": Text("de server meldt een fout", "the server reports an error"),
    "redirect": Text("de server verwijst door", "the server redirects"),
    "content__type": Text("het antwoord is van een ander soort", "the answer is of another type"),
    "encoding": Text("het antwoord is ingepakt", "the answer is compressed"),
    "too__big": Text("het antwoord is te groot", "the answer is too big"),
}

_PORTAL = {
    **_of(
        "portal.unreachable",
        timeout=Text("geen antwoord op tijd", "no answer in time"),
        connection=Text("geen verbinding", "no connection"),
    ),
    **_of(
        "portal.answer",
        redirect=Text("er wordt doorverwezen", "it redirects"),
        status=Text("een andere status", "another status"),
        type=Text("het antwoord is geen JSON", "the answer is not JSON"),
        length=Text("het antwoord is te lang", "the answer is too long"),
        encoding=Text("het antwoord is ingepakt", "the answer is compressed"),
        nonce=Text("er is geen uitdaging", "there is no challenge"),
        origin=Text("het antwoord komt van elders", "the answer is from elsewhere"),
    ),
}

_CERTIFICATES = {
    **_of(
        "certificate.revocation_unknown",
        missing=Text("er is geen intrekkingslijst", "there is no revocation list"),
        issuer=Text("de lijst is van een andere uitgever", "the list is of another issuer"),
        keyUsage=Text("de uitgever mag geen lijst tekenen", "the issuer may not sign a list"),
        stale=Text("de lijst is verouderd", "the list is stale"),
        not__yet__valid=Text("de lijst geldt nog niet", "the list is not valid yet"),
        no__issuer=Text("de uitgever is onbekend", "the issuer is not known"),
        **_FETCHING,
        malformed=Text("het antwoord is onleesbaar", "the answer cannot be read"),
        rollback=Text("de server geeft een oudere stand dan eerder", "the server gives an older state than before"),
        scope=Text("de lijst gaat niet over dit certificaat", "the list is not about this certificate"),
        delta=Text("de aanvulling past niet op de lijst", "the delta does not fit the list"),
        unknown=Text("de uitgever kent dit certificaat niet", "the responder does not know this certificate"),
        responder=Text("het antwoord is niet van de uitgever", "the answer is not signed for the issuer"),
        nonce=Text("het antwoord hoort bij een andere vraag", "the answer is to another question"),
        producedAt=Text(
            "het antwoord is op een onmogelijk moment ondertekend", "the answer was signed at an impossible time"
        ),
        certID=Text("het antwoord gaat over een ander certificaat", "the answer is about another certificate"),
        responses=Text("het antwoord gaat niet over één certificaat", "the answer is not about one certificate"),
        ocsp__status=Text("de server weigert een antwoord", "the responder declines to answer"),
    ),
    **_of("fetch", **_FETCHING),
    "detail.certificate.revocation_unknown.reason:certificate.signature": Text(
        "de handtekening van de uitgever klopt niet", "the issuer's signature does not verify"
    ),
    **_of(
        "certificate.untrusted",
        no__pinned__root=Text(
            "geen vastgelegde root bij de CA-certificaten", "no pinned root among the CA certificates"
        ),
        too__many__intermediates=Text("te veel CA-certificaten", "too many CA certificates"),
        no__issuing__CA=Text("het CA-certificaat van de uitgever ontbreekt", "the issuing CA's certificate is missing"),
        signature=Text(
            "de handtekening is niet van de uitgever die erin staat", "the signature is not by the issuer it names"
        ),
        key__identifier=Text(
            "het noemt een andere sleutel dan die van zijn uitgever", "it names another key than its issuer's"
        ),
        policy=Text("uitgegeven onder ander beleid", "issued under another policy"),
        purpose__of__the__CA=Text("de uitgever mag dit niet uitgeven", "its issuer may not issue this"),
        weak__key=Text("de sleutel is te zwak", "the key is too weak"),
        weak__signature=Text("het algoritme van de handtekening is te zwak", "the signature's algorithm is too weak"),
        critical__extension=Text("er staat iets verplichts in dat onbekend is", "something critical in it is unknown"),
        serial__number=Text("het serienummer klopt niet", "its serial number is malformed"),
        not__a__CA=Text("het is niet van een CA", "it is not that of a CA"),
        path__length=Text("er staan te veel CA's onder", "too many CAs stand below it"),
        path__too__long=Text("de keten is te lang", "the chain is too long"),
        name__constraints=Text("de uitgever mag deze naam niet uitgeven", "the issuer may not issue this name"),
    ),
    **_of(
        "certificate.uzi_field",
        count=Text("verkeerd aantal", "wrong number of them"),
        contradiction=Text("spreekt de rest tegen", "contradicts the rest"),
        not__of__its__form=Text("verkeerde vorm", "not of its form"),
    ),
    **_of(
        "certificate.revoked",
        keyCompromise=Text("sleutel gestolen of uitgelekt", "key stolen or leaked"),
        cACompromise=Text("uitgever onbetrouwbaar geworden", "issuer compromised"),
        affiliationChanged=Text("gegevens gewijzigd", "affiliation changed"),
        superseded=Text("vervangen", "superseded"),
        cessationOfOperation=Text("niet meer in gebruik", "no longer in use"),
        privilegeWithdrawn=Text("bevoegdheid ingetrokken", "privilege withdrawn"),
        certificateHold=Text("tijdelijk", "for the time being"),
        unspecified=Text("zonder reden", "no reason given"),
    ),
}

_USAGE = _of(
    "user.usage",
    algorithm=Text("het algoritme past niet", "the algorithm does not suit"),
    slot=Text("die sleutelplaats is er niet", "there is no such key slot"),
    usage=Text("dat gebruik van een sleutel is onbekend", "that use of a key is not known"),
    path=Text("een pad bij een portaal begint met /", "a path at a portal begins with /"),
    ura=Text("een URA heeft 8 cijfers", "a URA has 8 digits"),
    contact_email=Text("dat is geen e-mailadres", "that is no e-mail address"),
    cause=Text("die oorzaak van intrekking is onbekend", "that cause of revocation is not known"),
    limit=Text("zo veel regels kan niet", "not that many rows"),
    role=Text("die rol is er niet", "there is no such role"),
    uzi_number=Text("een UZI-nummer heeft 9 cijfers", "a UZI number has 9 digits"),
)

_FOUND = {
    "detail.card.wrong_card.found:zorgid": Text("een ZORG-ID Smartcard", "a ZORG-ID Smartcard"),
    "detail.card.wrong_card.found:blank": Text("een lege ZORG-ID Smartcard", "a blank ZORG-ID Smartcard"),
    "detail.card.wrong_card.found:piv": Text("een andere kaart", "another card"),
    "detail.found:uzi-pass": Text("een UZI-pas", "a UZI pass"),
    "detail.found:zorgid": Text(
        "een ZORG-ID Smartcard die al in gebruik is", "a ZORG-ID Smartcard that is in use already"
    ),
    "detail.found:piv": Text("een andere kaart die al in gebruik is", "another card that is in use already"),
    "detail.found:unknown": Text("een onbekende kaart", "an unknown card"),
    "detail.expected:uzi-pass": Text("een UZI-pas", "a UZI pass"),
    "detail.expected:zorgid": Text("een ZORG-ID Smartcard", "a ZORG-ID Smartcard"),
    "detail.expected:blank": Text("een lege ZORG-ID Smartcard", "a blank ZORG-ID Smartcard"),
}

_STATES = {
    "detail.state:unknown": Text("onbekend", "unknown"),
    "detail.state:filed": Text("aangevraagd, nog niet goedgekeurd", "requested, not approved yet"),
    "detail.state:rejected": Text("afgewezen", "rejected"),
    "detail.state:approved": Text("goedgekeurd, nog niet gevalideerd", "approved, not validated yet"),
    "detail.state:validated": Text("gevalideerd", "validated"),
    "detail.state:suspended": Text("geblokkeerd", "suspended"),
    "detail.state:active": Text("actief", "active"),
    "detail.state:revoked": Text("ingetrokken", "revoked"),
    "detail.state:scrapped": Text("afgedankt", "scrapped"),
    "detail.state:abandoned": Text("niet afgemaakt", "abandoned"),
    "detail.state:creating": Text("in aanmaak", "being made"),
    "detail.state:blocked": Text("geblokkeerd", "blocked"),
    "detail.state:hold": Text("geblokkeerd", "on hold"),
    "detail.state:good": Text("geldig", "valid"),
    "detail.state:offered": Text("QR-code getoond", "QR code shown"),
    "detail.state:linked": Text("gekoppeld", "linked"),
    "detail.state:linking": Text("wordt gekoppeld", "being linked"),
    "detail.state:expired": Text("verlopen", "expired"),
}

_THINGS = {
    "detail.what:card": Text("kaart", "card"),
    "detail.what:certificate": Text("certificaat", "certificate"),
    "detail.what:mobile": Text("telefoon", "phone"),
    "detail.what:MobileID": Text("telefoon", "phone"),
    "detail.what:organisation": Text("organisatie", "organisation"),
    "detail.what:Organisation": Text("organisatie", "organisation"),
    "detail.what:request": Text("aanvraag", "request"),
    "detail.what:Request": Text("aanvraag", "request"),
    "detail.what:SmartCard": Text("kaart", "card"),
    "detail.what:Person": Text("persoon", "person"),
    "detail.what:Membership": Text("persoon bij deze organisatie", "person at this organisation"),
    "detail.what:log-in": Text("inlogverzoek", "log-in"),
    "detail.what:challenge": Text("inlogverzoek", "log-in challenge"),
    "detail.usage:authenticity": Text("authenticiteitscertificaat", "authenticity certificate"),
    "detail.usage:signature": Text("handtekeningcertificaat", "signature certificate"),
    "detail.usage:confidentiality": Text("vertrouwelijkheidscertificaat", "confidentiality certificate"),
    "detail.usage:server": Text("servercertificaat", "server certificate"),
    "detail.action:phone": Text("een telefoon koppelen", "link a phone"),
    "detail.action:register": Text("als administrator registreren", "register as administrator"),
    "detail.action:appoint": Text("iemand een rol geven", "give somebody a role"),
    "detail.action:administrator": Text(
        "alleen voor een administrator, en één blijft er altijd", "for an administrator only, and one always remains"
    ),
    "detail.action:manager": Text("alleen voor een beheerder", "for a manager only"),
    "detail.action:approve-uzi-number": Text("een UZI-nummer goedkeuren", "approve a UZI number"),
    "detail.action:card.block": Text("deze kaart blokkeren", "block this card"),
    "detail.action:card.unblock": Text("deze kaart deblokkeren", "unblock this card"),
    "detail.action:card.revoke": Text("deze kaart intrekken", "revoke this card"),
}

TEXTS: Mapping[str, Text] = {
    **_SYSTEM_REASONS,
    **_RESIDENCY,
    **_SESSION,
    **_PAIRING,
    **_PORTAL,
    **_CERTIFICATES,
    **_USAGE,
    **_FOUND,
    **_STATES,
    **_THINGS,
    **_RECOGNISED,
}
