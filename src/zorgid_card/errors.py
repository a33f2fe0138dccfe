"""Every error that the library raises, split by who erred.

* :class:`CardError`: the card refused, or answered nonsense.
* :class:`ReaderError`: no reader, no card, the card was pulled, the transport broke.
* :class:`UserError`: a wrong PIN, two PINs that differ, a wrong birth date.
* :class:`CertificateError`: a certificate, CRL or chain that cannot be relied on.
* :class:`PortalError`: the portal refuses: a rule of the organisation, the session or the registry.
* :class:`StorageError`: the registry or a file could not be read or written.
* :class:`FetchError`: a server on the network did not answer, or not as it should.
* :class:`EncodingError`: bytes that are not what the standard says they must be.

Each class has a stable :attr:`~ZorgIDError.code` (the key under which the Dutch and English sentence for people stands, and
what crosses the seam between card side and portal side) and :attr:`~ZorgIDError.retryable`: can the same call help a moment
later, or after the person did what the sentence says? ``details`` hold public values only: never a PIN, a PUK or a key.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

Detail: TypeAlias = "str | int | None"


class ZorgIDError(Exception):
    """Root of all errors of this library."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    counted: ClassVar[bool] = False
    """The portal keeps what it wrote before raising this: a try that was spent stays spent."""
    _by_code: ClassVar[dict[str, type[ZorgIDError]]] = {}

    def __init__(self, message: str = "", /, **details: Detail) -> None:
        super().__init__(message or self._told(details))
        self.details: dict[str, Detail] = details

    @classmethod
    def _told(cls, details: dict[str, Detail]) -> str:
        """What the class is, without what its details are; and the details."""
        sentence = (cls.__doc__ or cls.code).splitlines()[0].partition("``")[0].rstrip(" .;:")
        known = ", ".join(f"{name}: {value}" for name, value in details.items() if value is not None)
        return f"{sentence} ({known})" if known else sentence

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        known = ZorgIDError._by_code.setdefault(cls.code, cls)
        if known is not cls and "code" in cls.__dict__:
            raise TypeError(f"error code {cls.code!r} is taken by {known.__name__}")

    def __getattr__(self, name: str) -> Detail:
        try:
            return self.__dict__["details"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(name) from None

    @staticmethod
    def of(code: str, message: str, details: dict[str, Detail]) -> ZorgIDError:
        """The error that ``code`` names, as it came over the seam; an unknown code becomes a :class:`PortalError`."""
        return ZorgIDError._by_code.get(code, PortalError)(message, **details)


# --- bytes -----------------------------------------------------------------------------------------------------------


class EncodingError(ZorgIDError):
    """These bytes are not what the standard says they must be."""

    code = "encoding"


class APDUError(EncodingError):
    """Not a command or response APDU of ISO/IEC 7816-4; ``reason`` says what, ``offset`` where."""

    code = "encoding.apdu"


class TLVError(EncodingError):
    """Not BER-TLV (or DER where DER is asked); ``reason`` says what, ``offset`` where."""

    code = "encoding.tlv"


class ATRError(EncodingError):
    """Not an answer to reset of ISO/IEC 7816-3; ``reason`` says what, ``offset`` where."""

    code = "encoding.atr"


class TLVMissingError(TLVError):
    """A data object that must be there is not; ``path`` names its tags in hexadecimal."""

    code = "encoding.tlv.missing"


class MessageError(EncodingError):
    """A message between card side and portal side that does not follow the protocol; ``field`` names what."""

    code = "encoding.message"


class CMSError(EncodingError):
    """Not CMS (RFC 5652) of the form that is accepted here; ``field`` names where, ``reason`` says what."""

    code = "encoding.cms"


class JWSError(EncodingError):
    """Not a JWS (RFC 7515) of the form that is accepted here; ``field`` names where, ``reason`` says what."""

    code = "encoding.jws"


class RecipientError(EncodingError):
    """Encrypted for other keys than this one, or in a way that its card cannot take off; ``reason``."""

    code = "encoding.recipient"


class DecryptionError(EncodingError):
    """Encrypted for this key, but what comes out is nothing; why is not told, lest it help to guess what is inside."""

    code = "encoding.decryption"


class SAMLError(EncodingError):
    """Not a SAML assertion of the form that AORTA asks for; ``reason`` says what, ``element`` where."""

    code = "encoding.saml"


# --- card ------------------------------------------------------------------------------------------------------------


class CardError(ZorgIDError):
    """The card refused, or answered what the standard does not allow."""

    code = "card"


class StatusWordError(CardError):
    """The card answered with a status word that ``operation`` does not expect; ``sw`` keeps it raw (ISO/IEC 7816-4, 5.6)."""

    code = "card.status"

    def __init__(self, message: str = "", /, **details: Detail) -> None:
        sw = details.get("sw")
        shown = f"{sw:04X}" if isinstance(sw, int) else "????"
        super().__init__(message or f"{details.get('operation', 'command')}: card answered {shown}", **details)


class CardResponseError(CardError):
    """The card's answer cannot be what was asked for: wrong length, wrong structure, an endless chain."""

    code = "card.response"


class SecureChannelError(CardError):
    """The secure channel to the card is not, or no longer, to be trusted: a wrong MAC, other keys; ``reason``. It is closed."""

    code = "card.secure_channel"


class CardNotSupportedError(CardError):
    """No application that this library knows was found on the card."""

    code = "card.unsupported"


class NotBlankError(CardError):
    """The card is not a blank ZORG-ID Smartcard; it was left untouched. ``found`` says what it is."""

    code = "card.not_blank"
    retryable = True


class CardUnfinishedError(CardError):
    """The card was left half made, and cannot be finished without the pass; ``reason``: unsealed, puk, changed, origin."""

    code = "card.unfinished"
    retryable = True


class CardScrappedError(CardError):
    """The card was left half made and cannot be made a blank again; its certificates are revoked, it is to be destroyed."""

    code = "card.scrapped"


class WrongCardError(CardError):
    """Another card than the one expected is in the reader; it was left untouched. ``expected``, ``found``."""

    code = "card.wrong_card"
    retryable = True


class ProofError(CardError):
    """What the card wrote or signed does not verify when read back."""

    code = "card.proof"


class MiddlewareError(CardError):
    """The card's middleware (a PKCS#11 module) refused or failed; ``reason`` names its return value, ``operation``."""

    code = "card.middleware"


class NotOfferedError(CardError):
    """The card, or its middleware, does not offer this; the program that came with it may. ``operation``, ``reason``."""

    code = "card.not_offered"


class CryptogramError(CardError):
    """The key does not decipher this: it was encrypted to another, or is damaged. ``reason``."""

    code = "card.cryptogram"


class NotActivatedError(CardError):
    """The pass must be activated by its holder, once, before its keys can be used."""

    code = "card.not_activated"


class AlreadyActivatedError(CardError):
    """The pass was activated before: one whose holder did not do so must not be used."""

    code = "card.already_activated"


# --- reader ----------------------------------------------------------------------------------------------------------


class ReaderError(ZorgIDError):
    """The reader or the way to it failed."""

    code = "reader"
    retryable = True


class PCSCUnavailableError(ReaderError):
    """The PC/SC service of this computer is missing or not running; ``reason`` says which, ``advice`` what to do."""

    code = "reader.pcsc"


class NoReaderError(ReaderError):
    """No card reader is connected (or none of the name asked for)."""

    code = "reader.none"


class NoCardError(ReaderError):
    """No card is in the reader, or none came in time."""

    code = "reader.no_card"


class CardRemovedError(ReaderError):
    """The card was taken out before the work was done."""

    code = "reader.card_removed"


class CardResetError(ReaderError):
    """Another program reset the card; what was selected and verified is lost."""

    code = "reader.card_reset"


class ReaderBusyError(ReaderError):
    """Another program holds the card."""

    code = "reader.busy"


class TransportError(ReaderError):
    """The exchange with the reader broke; whether the card acted on the command is unknown."""

    code = "reader.transport"


class MiddlewareMissingError(ReaderError):
    """The card's middleware (a PKCS#11 module) is not installed, or cannot be loaded; ``reason``, ``path``."""

    code = "reader.middleware"


# --- user ------------------------------------------------------------------------------------------------------------


class UserError(ZorgIDError):
    """Something that the person entered or chose."""

    code = "user"
    retryable = True


class WrongPINError(UserError):
    """Wrong PIN; ``tries_left`` tells how many tries remain (None: the card does not say)."""

    code = "user.wrong_pin"


class WrongPUKError(UserError):
    """Wrong PUK; ``tries_left`` tells how many tries remain (None: the card does not say)."""

    code = "user.wrong_puk"


class PINBlockedError(UserError):
    """The PIN is blocked; it can be unblocked with the PUK."""

    code = "user.pin_blocked"
    retryable = False


class PUKBlockedError(UserError):
    """The PUK is blocked; the card cannot be used any more."""

    code = "user.puk_blocked"
    retryable = False


class LastTryError(UserError):
    """One try is left (or an unknown number); it is spent only on the person's explicit word. ``tries_left``."""

    code = "user.last_try"


class PINMismatchError(UserError):
    """The two PINs entered differ."""

    code = "user.pin_mismatch"


class PINPolicyError(UserError):
    """The PIN does not obey the policy; ``rule`` names which (:class:`zorgid_card.workflows.pin.Rule`)."""

    code = "user.pin_policy"


class PINNeededError(UserError):
    """The key wants the PIN, and nobody was there to be asked for it. ``operation``, ``sw`` where a card said so."""

    code = "user.pin_needed"
    retryable = True


class PINFormError(UserError):
    """What was entered cannot be this card's PIN: ``minimum`` to ``maximum`` characters. No try was spent."""

    code = "user.pin_form"


class BirthDateError(UserError):
    """The data do not match what is registered. Which of them differs is not told (ORG-8)."""

    code = "user.birth_date"
    counted = True


class TooManyTriesError(UserError):
    """Too many tries today for this pass (ORG-8)."""

    code = "user.too_many_tries"
    retryable = False


class DeclinedError(UserError):
    """The person did not confirm; nothing was changed."""

    code = "user.declined"


class KeypadTimeoutError(UserError):
    """No PIN was entered on the reader's keypad in time; no try was spent."""

    code = "user.keypad_timeout"


class PinentryError(UserError):
    """The program that asks for the PIN (a pinentry) cannot ask; ``reason``: missing, display, small, died, silent, protocol,
    refused; ``program``, ``number``."""

    code = "user.pinentry"


class CancelledError(UserError):
    """Stopped between two commands to the card, as was asked."""

    code = "user.cancelled"


class UsageError(UserError):
    """A command line or a value that cannot be used as given; ``reason`` says why."""

    code = "user.usage"


# --- certificates ----------------------------------------------------------------------------------------------------


class CertificateError(ZorgIDError):
    """A certificate, a CRL or a chain that cannot be relied on."""

    code = "certificate"


class CertificateMalformedError(CertificateError):
    """Not a certificate, CSR or CRL, or a field of it is malformed; ``field`` and ``reason``."""

    code = "certificate.malformed"


class NotUZIError(CertificateError):
    """A sound certificate, but not one of the UZI register."""

    code = "certificate.not_uzi"


class NotZorgIDError(CertificateError):
    """A sound certificate, but not one of a ZORG-ID Smartcard; ``issuer``."""

    code = "certificate.not_zorgid"


class UZIFieldError(CertificateError):
    """A UZI certificate whose subjectAltName is malformed or contradicts the rest; ``field`` names where."""

    code = "certificate.uzi_field"


class CertificateExpiredError(CertificateError):
    """A certificate of the chain has expired; ``subject``, ``not_after`` (ISO 8601, UTC)."""

    code = "certificate.expired"


class CertificateNotYetValidError(CertificateError):
    """A certificate of the chain is not valid yet; ``subject``, ``not_before`` (ISO 8601, UTC)."""

    code = "certificate.not_yet_valid"


class UntrustedError(CertificateError):
    """No chain leads from the certificate to a pinned root, or it breaks a rule; ``reason``, and ``subject`` of who breaks it."""

    code = "certificate.untrusted"


class CertificateUsageError(CertificateError):
    """The certificate may not be used for this; ``usage``, ``reason``."""

    code = "certificate.usage"


class HierarchyError(CertificateError):
    """A file that describes a hierarchy of CAs does not say what it must; ``field``, ``reason``."""

    code = "certificate.hierarchy"


class RevokedError(CertificateError):
    """The certificate is revoked; ``serial``, ``reason``, ``since``."""

    code = "certificate.revoked"


class OnHoldError(RevokedError):
    """The certificate is on hold (blocked), and may come back; ``serial``, ``since``."""

    code = "certificate.on_hold"


class RevocationUnknownError(CertificateError):
    """Whether the certificate is revoked cannot be told: no CRL, a stale one, or one of another issuer; ``reason``."""

    code = "certificate.revocation_unknown"
    retryable = True


class SignatureError(CertificateError):
    """A signature does not verify."""

    code = "certificate.signature"


class TokenHolderError(CertificateError):
    """A token that names another holder or organisation than the certificate it is signed with; ``field``."""

    code = "certificate.token_holder"


class CertificateIssuedError(CertificateError):
    """The certificate that the CA issued is not the one that was asked for; ``field``. It is not used."""

    code = "certificate.issued"


class ResidencyError(CertificateError):
    """The key is not proven to be on this card (CRD-7); ``reason``."""

    code = "certificate.residency"


# --- portal ----------------------------------------------------------------------------------------------------------


class PortalError(ZorgIDError):
    """The portal refuses."""

    code = "portal"


class SessionError(PortalError):
    """The session is unknown, expired, out of order, or not signed by its own key; ``reason``."""

    code = "portal.session"
    retryable = True


class ReplayError(PortalError):
    """Used before, or used with other contents: a challenge, QR code or idempotency key serves once; ``what``."""

    code = "portal.replay"


class TokenConditionsError(PortalError):
    """A token that is not meant for here or for now; ``reason``: expired, early, lifetime, audience, disagreement."""

    code = "portal.token_conditions"


class PassTypeError(PortalError):
    """This type of pass may not be used here; ``found``, ``expected``."""

    code = "portal.pass_type"


class OrganisationUnknownError(PortalError):
    """The organisation is not registered, or its registration is not complete; ``ura``, ``state``."""

    code = "portal.organisation_unknown"


class OrganisationMismatchError(PortalError):
    """The pass is of another organisation than the one approved; ``ura``, ``expected``."""

    code = "portal.organisation_mismatch"


class ClientTooOldError(PortalError):
    """The client program is older than the portal accepts; ``found``, ``needed``."""

    code = "portal.client_too_old"


class PlatformError(PortalError):
    """Cards cannot be created on this platform (CRD-14); ``platform``."""

    code = "portal.platform"


class OtherPersonError(PortalError):
    """The registered person with this UZI number is somebody else, or adopting a new UZI number needs approval (ORG-8)."""

    code = "portal.other_person"
    counted = True


class OneMeansError(PortalError):
    """One person has a ZORG-ID Smartcard or a mobile ID, not both (CRD-12)."""

    code = "portal.one_means"


class AnotherPersonError(PortalError):
    """Somebody else's card signed than that of the person who is logged in."""

    code = "portal.another_person"
    retryable = True


class PortalUnreachableError(PortalError):
    """The portal cannot be reached, or did not answer in time; ``origin``, ``reason``."""

    code = "portal.unreachable"
    retryable = True


class PortalTLSError(PortalError):
    """The portal's TLS certificate does not verify: whoever answers may be somebody else; ``origin``, ``reason``."""

    code = "portal.tls"


class PortalAnswerError(PortalError):
    """What answers is no log-in as Web eID's: a redirect, another status, another form; ``origin``, ``reason``, ``status``."""

    code = "portal.answer"


class NotLinkedError(PortalError):
    """The person or the card is not linked to this organisation; ``ura``."""

    code = "portal.not_linked"


class NotAllowedError(PortalError):
    """The person's role does not allow this; ``action``."""

    code = "portal.not_allowed"


class NotFoundError(PortalError):
    """There is no such request, organisation, person, card or phone; ``what``."""

    code = "portal.not_found"


class TransitionError(PortalError):
    """The state does not allow this; ``what``, ``state``, ``event``."""

    code = "portal.transition"


class PairingError(PortalError):
    """The phone could not be linked; ``reason``: expired, used, mac, csr, key, code, unknown, portal, order, log-in."""

    code = "portal.pairing"


class PhoneDigitsError(PortalError):
    """The six digits are wrong; ``tries_left``."""

    code = "portal.phone_digits"
    counted = True
    retryable = True


class PhoneNumberError(PortalError):
    """The number entered on the phone is not the one that the portal's page shows; this log-in is over (ORG-7)."""

    code = "portal.phone_number"
    counted = True
    retryable = True


class PhoneLimitError(PortalError):
    """Phones are asked too often, of this name or by this client; ``retry_after`` seconds."""

    code = "portal.phone_limit"
    retryable = True


class RateLimitError(PortalError):
    """The same is asked of the portal's pages too often by one client; ``retry_after`` seconds."""

    code = "portal.rate_limit"
    retryable = True


class NotLoggedInError(PortalError):
    """Nobody is logged in, in this browser session; ``reason``: none, idle, over, renewed."""

    code = "portal.not_logged_in"
    retryable = True


class FormError(PortalError):
    """What came was not sent by a page of this browser session; ``reason``: origin, token, site."""

    code = "portal.form"
    retryable = True


class NotSignedError(PortalError):
    """This change wants the phone's signature over just this: none that is fresh was found; ``action``. Nothing was changed."""

    code = "portal.not_signed"
    retryable = True


class CommitLateError(PortalError):
    """The card was finished too late: its certificates are revoked, and it must be made anew with the pass."""

    code = "portal.commit_late"


class CardInUseError(PortalError):
    """A live certificate exists for this card; it is not blank; ``serial``."""

    code = "portal.card_in_use"


class NotAProxyError(PortalError):
    """The request did not come from one of the portal's own proxies, whose headers alone are believed; ``peer``."""

    code = "portal.not_a_proxy"


class NoClientCertificateError(PortalError):
    """The TLS connection was made without a client certificate; ``header`` is where it would stand."""

    code = "portal.no_client_certificate"
    retryable = True


class TLSHeaderError(PortalError):
    """What a header says of the TLS connection cannot be relied on; ``header``, ``reason``."""

    code = "portal.tls_header"


# --- storage ---------------------------------------------------------------------------------------------------------


class StorageError(ZorgIDError):
    """The registry or a file could not be read or written; ``reason``. Nothing was changed."""

    code = "storage"
    retryable = True


class PassphraseError(StorageError):
    """The passphrase does not open the key."""

    code = "storage.passphrase"


class HSMError(StorageError):
    """The hardware security module with the portal's keys cannot be reached, or refuses; ``reason``, ``operation``."""

    code = "storage.hsm"


class AuditError(StorageError):
    """The audit log is not what was written, or what was signed; ``findings``, and of the first ``what``, ``chain``, ``number``."""

    code = "storage.audit"
    retryable = False


# --- network ---------------------------------------------------------------------------------------------------------


class FetchError(ZorgIDError):
    """A server on the network did not answer, or not as it should; ``reason``, ``url``."""

    code = "fetch"
    retryable = True


class EnrolmentPendingError(FetchError):
    """The CA will issue the certificate later: the same request is to be sent again after ``retry_after`` seconds; ``url``."""

    code = "fetch.pending"
