# ruff: noqa: E501
"""The sentences of the phone's page."""

from __future__ import annotations

from collections.abc import Mapping

from zorgid_card.texts.text import Text

_PAGE = {
    "title": Text("Uw telefoon bij het portaal", "Your phone at the portal"),
    "app_name": Text("ZORG-ID op deze telefoon", "ZORG-ID on this phone"),
    "app_short": Text("ZORG-ID", "ZORG-ID"),
    "no_script": Text(
        "Deze pagina werkt alleen met JavaScript; zet het aan voor deze website.",
        "This page needs JavaScript; allow it for this website.",
    ),
    "loading": Text("Een ogenblik…", "One moment…"),
    "offline": Text(
        "Het portaal is niet bereikbaar; de pagina blijft het proberen. Controleer uw internetverbinding.",
        "The portal cannot be reached; this page keeps trying. Check your internet connection.",
    ),
    "clock": Text(
        "De klok van deze telefoon loopt niet gelijk: bij het portaal is het {now}. Zet datum en tijd op automatisch.",
        "This phone's clock is wrong: at the portal it is {now}. Set date and time to automatic.",
    ),
    "unsupported.title": Text("Dit kan niet in deze browser", "Not possible in this browser"),
    "unsupported.text": Text(
        "Deze browser kan geen sleutel voor u bewaren. Open de pagina in een gewoon venster (geen privévenster) van een recente browser.",
        "This browser cannot keep a key for you. Open the page in an ordinary window (not a private one) of a recent browser.",
    ),
    "broken.title": Text("De pagina werkt niet meer", "The page has stopped working"),
    "broken.text": Text(
        "Er ging iets mis in deze browser, bijvoorbeeld doordat de opslag gewist is. Laad de pagina opnieuw.",
        "Something went wrong in this browser, for example because its storage was cleared. Load the page again.",
    ),
}

_WELCOME = {
    "welcome.title": Text("Deze telefoon is nog niet gekoppeld", "This phone is not linked yet"),
    "welcome.text": Text(
        "Met een gekoppelde telefoon logt u in bij het portaal en keurt u wijzigingen goed.",
        "With a linked phone you log in to the portal and approve changes.",
    ),
    "welcome.how": Text("Zo koppelt u hem", "How to link it"),
    "welcome.step1": Text(
        "Meld u op een computer met paslezer aan met uw UZI-pas. Het portaal toont dan één keer een QR-code.",
        "On a computer with a reader, sign in with your UZI pass. The portal then shows a QR code, once.",
    ),
    "welcome.step2": Text(
        "Richt de camera van deze telefoon op de QR-code en open de link.",
        "Point this phone's camera at the QR code and open the link.",
    ),
    "welcome.step3": Text(
        "Kies zes cijfers, en typ de code van de telefoon over op de computer.",
        "Choose six digits, and copy the phone's code to the computer.",
    ),
    "paste.title": Text("Ik heb de link gekopieerd", "I have copied the link"),
    "paste.text": Text(
        "Opent de camera een andere browser dan deze? Laat de camera de link kopiëren in plaats van openen, en plak hem hier.",
        "Does the camera open another browser than this one? Have the camera copy the link instead of opening it, and paste it here.",
    ),
    "paste.label": Text("Link van de QR-code", "Link of the QR code"),
    "paste.submit": Text("Verder", "Continue"),
}

_CHOOSE = {
    "choose.title": Text("Koppel deze telefoon", "Link this phone"),
    "choose.text": Text(
        "U koppelt deze telefoon aan {origin}. Begin alleen als u de QR-code zelf op het scherm van uw computer ziet.",
        "You link this phone to {origin}. Only begin if you see the QR code on your own computer's screen.",
    ),
    "choose.digits": Text("Kies zes cijfers", "Choose six digits"),
    "choose.digits.hint": Text(
        "Onthoud ze: u hebt ze nodig bij elke keer inloggen. Ze worden nergens bewaard; vergeten betekent opnieuw koppelen, met uw UZI-pas.",
        "Remember them: you need them for every log-in. They are kept nowhere; if you forget them you link anew, with your UZI pass.",
    ),
    "choose.again": Text("Dezelfde zes cijfers nog een keer", "The same six digits once more"),
    "choose.device": Text("Naam van deze telefoon", "This phone's name"),
    "choose.device.hint": Text(
        "Zo herkent u hem in het portaal; u mag dit leeg laten.",
        "By it you know the phone in the portal; may be empty.",
    ),
    "choose.submit": Text("Voeg ID toe", "Add ID"),
    "choose.cancel": Text("Niet koppelen", "Do not link"),
    "show_digits": Text("Toon de cijfers", "Show the digits"),
    "working": Text("Even geduld, dit kan enkele seconden duren…", "Please wait, this may take some seconds…"),
    "entered.six": Text("Voer zes cijfers in.", "Enter six digits."),
    "entered.same": Text(
        "De twee invoeren zijn niet gelijk; voer beide keren dezelfde zes cijfers in.",
        "The two entries differ; enter the same six digits twice.",
    ),
    "entered.two": Text(
        "Voer het getal van twee cijfers in dat op de pagina van het portaal staat.",
        "Enter the two-digit number that the portal's page shows.",
    ),
    "entered.device": Text("De naam mag hoogstens 40 tekens lang zijn.", "The name may be 40 characters at most."),
}

_LINKING = {
    "linking.title": Text("Typ deze code op de computer", "Type this code on the computer"),
    "linking.text": Text(
        "De pagina van het portaal op uw computer vraagt om deze code. Ziet u daar een andere code, klik daar dan op nee en begin opnieuw.",
        "The portal's page on your computer asks for this code. If it shows another code, say no there and begin anew.",
    ),
    "linking.wait": Text(
        "Wacht op de bevestiging op de computer. Laat deze pagina open.",
        "Waiting for the confirmation on the computer. Leave this page open.",
    ),
    "linking.leave": Text("Naar uw ID’s", "To your IDs"),
    "linked.title": Text("De telefoon is gekoppeld", "The phone is linked"),
    "linked.text": Text(
        "Klik op de computer op ‘volgende’. Vanaf nu logt u in met deze telefoon. Onthoud uw zes cijfers voor toekomstige sessies.",
        "Click ‘next’ on the computer. From now on you log in with this phone. Remember your six digits for future sessions.",
    ),
    "linked.install": Text(
        "Zet deze pagina met het menu van uw browser op het beginscherm of bij uw favorieten; u hebt haar bij elke keer inloggen nodig.",
        "Put this page on the home screen or among your bookmarks by your browser's menu; you need it for every log-in.",
    ),
    "linked.bookmark": Text(
        "Zet deze pagina in deze browser bij uw favorieten, niet op het beginscherm: daar is deze ID niet. Open haar elke week, anders wist de browser de ID.",
        "Bookmark this page in this browser, and do not put it on the home screen: this ID is not there. Open it every week, or the browser wipes the ID.",
    ),
    "kept.not": Text(
        "Deze browser belooft niet dat hij de ID bewaart; gebruik de pagina regelmatig.",
        "This browser does not promise to keep the ID; use the page regularly.",
    ),
}

_IDS = {
    "ids.title": Text("Uw ID’s op deze telefoon", "Your IDs on this phone"),
    "ids.wait": Text(
        "Er wordt niets gevraagd. Laat deze pagina open als u inlogt of iets wijzigt op de computer.",
        "Nothing is asked. Leave this page open while you log in or change something on the computer.",
    ),
    "id.new": Text("Nieuwe ID, toegevoegd op {since}", "New ID, added on {since}"),
    "id.known": Text("{person}, {organisation}", "{person}, {organisation}"),
    "state.linking": Text(
        "Wacht op de bevestiging op de computer; code: {code}", "Waiting for the computer's confirmation; code: {code}"
    ),
    "state.linked": Text("Gekoppeld", "Linked"),
    "state.linked.low": Text(
        "Gekoppeld; pogingen over voor de zes cijfers: {tries}", "Linked; tries left for the six digits: {tries}"
    ),
    "state.blocked": Text(
        "Geblokkeerd. Een administrator kan deze ID deblokkeren; of koppel opnieuw met uw UZI-pas.",
        "Blocked. An administrator can unblock this ID; or link anew with your UZI pass.",
    ),
    "state.revoked": Text(
        "Ingetrokken. Koppel opnieuw met uw UZI-pas; deze ID kan weg.",
        "Revoked. Link anew with your UZI pass; this ID can go.",
    ),
    "state.expired": Text(
        "Verlopen: de computer heeft niet op tijd bevestigd. Vraag met uw UZI-pas een nieuwe QR-code aan; deze ID kan weg.",
        "Expired: the computer did not confirm in time. Get a new QR code with your UZI pass; this ID can go.",
    ),
    "state.unknown": Text(
        "Het portaal kent deze ID niet meer. Koppel opnieuw met uw UZI-pas; deze ID kan weg.",
        "The portal does not know this ID any more. Link anew with your UZI pass; this ID can go.",
    ),
    "remove": Text("Verwijder", "Remove"),
    "remove.of": Text("Verwijder {id}", "Remove {id}"),
    "remove.title": Text("Deze ID verwijderen?", "Remove this ID?"),
    "remove.text": Text(
        "De sleutel van {id} wordt van deze telefoon gewist. U kunt er daarna niet meer mee inloggen; koppelen kan alleen opnieuw met uw UZI-pas.",
        "The key of {id} is wiped from this phone. You cannot log in with it any more; linking anew takes your UZI pass.",
    ),
    "remove.yes": Text("Verwijder de ID", "Remove the ID"),
    "remove.no": Text("Behoud de ID", "Keep the ID"),
    "forgotten.title": Text("Zes cijfers vergeten?", "Forgotten your six digits?"),
    "forgotten.text": Text(
        "Ze zijn nergens op te vragen. Meld u op de computer aan met uw UZI-pas en scan de nieuwe QR-code met deze telefoon; de oude ID vervalt dan.",
        "They cannot be looked up anywhere. Sign in on the computer with your UZI pass, and scan the new QR code with this phone; the old ID ends then.",
    ),
    "lost.title": Text("Telefoon kwijt of weg te doen?", "Phone lost, or to be given away?"),
    "lost.text": Text(
        "Laat een administrator de telefoon in het portaal blokkeren of intrekken. Doet u hem weg, verwijder de ID dan ook hier.",
        "Have an administrator block or revoke the phone in the portal. If you give it away, remove the ID here too.",
    ),
}

_ASKED = {
    "asked.log_in": Text("Wilt u inloggen?", "Do you want to log in?"),
    "asked.change": Text("Wilt u deze wijziging ondertekenen?", "Do you want to sign this change?"),
    "asked.strange": Text("Dit kan deze telefoon niet ondertekenen", "This phone cannot sign this"),
    "asked.until": Text("Tot {time}.", "Until {time}."),
    "asked.not_you": Text("Vraagt u dit niet zelf? Weiger het dan.", "Not asked by you? Then refuse it."),
    "asked.number": Text("Getal op de pagina van het portaal", "Number on the portal's page"),
    "asked.digits": Text("Uw zes cijfers", "Your six digits"),
    "asked.approve": Text("Keur goed", "Approve"),
    "asked.refuse": Text("Weiger", "Refuse"),
    "asked.empty": Text("(leeg)", "(empty)"),
    "problem.statement": Text(
        "Het portaal vraagt iets dat deze pagina niet kent. Zij tekent het niet; laad de pagina opnieuw als het weer gebeurt.",
        "The portal asks for something that this page does not know. It does not sign it; reload the page if it happens again.",
    ),
    "problem.action": Text(
        "Het portaal vraagt om een wijziging die deze pagina niet kent. Zij tekent haar niet.",
        "The portal asks for a change that this page does not know. It does not sign it.",
    ),
    "problem.foreign": Text(
        "Dit is niet voor deze ID of van een ander portaal. De pagina tekent het niet; meld dit aan uw administrator.",
        "This is not for this ID, or from another portal. The page does not sign it; tell your administrator.",
    ),
}

_DONE = {
    "done.approved": Text("Goedgekeurd", "Approved"),
    "done.approved.text": Text("Ga verder op de computer.", "Continue on the computer."),
    "done.refused": Text("Geweigerd", "Refused"),
    "done.refused.text": Text(
        "Het portaal doet niets. Hebt u dit niet zelf gevraagd, meld het dan aan uw administrator.",
        "The portal does nothing. If you did not ask for this, tell your administrator.",
    ),
    "done.over": Text("Dit staat niet meer open", "This is not open any more"),
    "done.over.text": Text(
        "Het is verlopen, of elders al beantwoord. Begin zo nodig opnieuw op de computer.",
        "It has expired, or was answered elsewhere. Begin anew on the computer if need be.",
    ),
    "done.failed": Text("Het is niet gelukt", "It did not work"),
    "next": Text("Verder", "Continue"),
    "again": Text("Probeer opnieuw", "Try again"),
    "failed.qr": Text(
        "Dit is geen QR-code voor het koppelen van een telefoon.", "This is no QR code for linking a phone."
    ),
    "failed.version": Text(
        "Deze QR-code is van een andere versie; laad de pagina opnieuw en vraag een nieuwe QR-code aan.",
        "This QR code is of another version; reload the page and get a new QR code.",
    ),
    "failed.origin": Text(
        "Deze QR-code is van een ander portaal; open de link zelf.",
        "This QR code is of another portal; open the link itself.",
    ),
    "failed.used": Text(
        "Deze QR-code is al door een andere telefoon gebruikt. Was u dat niet? Klik dan op de computer op nee: iemand anders kan hem van uw scherm hebben gelezen. Vraag met uw UZI-pas een nieuwe aan.",
        "This QR code was used by another phone. Was that not you? Then say no on the computer: somebody may have read it off your screen. Get a new one with your UZI pass.",
    ),
    "failed.expired": Text(
        "Deze QR-code is verlopen. Vraag met uw UZI-pas een nieuwe aan.",
        "This QR code has expired. Get a new one with your UZI pass.",
    ),
    "failed.pairing": Text(
        "Het portaal neemt deze QR-code niet aan. Vraag met uw UZI-pas een nieuwe aan.",
        "The portal does not take this QR code. Get a new one with your UZI pass.",
    ),
    "failed.digits": Text(
        "De zes cijfers zijn onjuist; pogingen over: {tries}. Begin op de computer opnieuw.",
        "The six digits are wrong; tries left: {tries}. Begin anew on the computer.",
    ),
    "failed.blocked": Text(
        "De zes cijfers zijn te vaak onjuist ingevoerd: deze ID is geblokkeerd. Een administrator kan hem deblokkeren; of koppel opnieuw met uw UZI-pas.",
        "The six digits were wrong too often: this ID is blocked. An administrator can unblock it; or link anew with your UZI pass.",
    ),
    "failed.number": Text(
        "Dat is niet het getal op de pagina van het portaal. Begin op de computer opnieuw.",
        "That is not the number on the portal's page. Begin anew on the computer.",
    ),
    "failed.late": Text(
        "U was te laat. Begin op de computer opnieuw.", "You were too late. Begin anew on the computer."
    ),
    "failed.state": Text(
        "Deze ID is intussen geblokkeerd of ingetrokken.", "This ID was blocked or revoked meanwhile."
    ),
    "failed.connection": Text(
        "Het portaal antwoordt niet. Controleer uw internetverbinding en probeer het opnieuw.",
        "The portal does not answer. Check your internet connection, and try again.",
    ),
    "failed.answer": Text(
        "Het portaal geeft een antwoord dat deze pagina niet begrijpt. Laad de pagina opnieuw; meld het als het blijft.",
        "The portal gives an answer that this page does not understand. Reload the page; report it if that does not help.",
    ),
    "failed.other": Text(
        "Het portaal kan dit nu niet doen ({code}). Probeer het later opnieuw.",
        "The portal cannot do this now ({code}). Try again later.",
    ),
}

TEXTS: Mapping[str, Text] = {
    f"web.phone.{name}": text
    for part in (_PAGE, _WELCOME, _CHOOSE, _LINKING, _IDS, _ASKED, _DONE)
    for name, text in part.items()
}
