"""Making a ZORG-ID Smartcard, the card side (CRD-1 to CRD-10).

Every step is *probe, do, verify*. The order is such that nothing valid exists before the card works: the certificate is issued
on hold, written, read back; the PIN is set; a signature made with it on the card verifies; the PUK is shown, acknowledged, and
written as the last write; only then the commit message activates. Whatever fails on the way, the portal is told, and revokes
what it issued; if it cannot be told, it revokes by itself when the commit does not come in time.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from zorgid_card.cards import CardKind, PIVCard, ZorgIDCard, open_channel
from zorgid_card.codec.link import Observer
from zorgid_card.errors import (
    CardNotSupportedError,
    CardRemovedError,
    CardResetError,
    CertificateError,
    MessageError,
    NoCardError,
    NotBlankError,
    PINMismatchError,
    PINPolicyError,
    ProofError,
    TransportError,
    WrongCardError,
    ZorgIDError,
)
from zorgid_card.pki.csr import build_csr
from zorgid_card.pki.statement import CARD_PROOF, sign_statement, verify_statement
from zorgid_card.ports.card import Channel, Reader
from zorgid_card.secret import Secret
from zorgid_card.workflows.creation_messages import (
    AbandonCard,
    AdministrationKey,
    CardAbandoned,
    CardAccepted,
    CardActive,
    CertificateIssued,
    CommitCard,
    FetchAdministrationKey,
    MatchPerson,
    OfferCard,
    PersonMatched,
    RequestCertificate,
    proof_fields,
)
from zorgid_card.workflows.holder import Cue, Holder, Question, Step
from zorgid_card.workflows.organisation import CREATE
from zorgid_card.workflows.pin import PINPolicy, check_new_pin
from zorgid_card.workflows.sealing import ADMINISTRATION_KEY, Receiver
from zorgid_card.workflows.session import PortalClient
from zorgid_card.workflows.uzi_desk import authenticate, present_pass

SLOT = 0x9A
"""Key reference of a ZORG-ID Smartcard's authenticity key."""

ALGORITHMS = frozenset({"RSA2048", "RSA3072", "ECCP256", "ECCP384"})
PIN_SHORTEST, PIN_LONGEST = 6, 8

_OURS = frozenset({SLOT})
_GUID = 16
_PIN_ROUNDS = 3
_PUK_DIGITS = 8
_TORN = (CardRemovedError, CardResetError, NoCardError, TransportError, WrongCardError)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished card."""

    serial: str
    certificate: bytes
    user_name: str
    ura: str


class CardCreation:
    """One holder's way from a valid UZI pass to a working ZORG-ID Smartcard.

    Args:
        reader: the slot in which pass and blank are put, one after the other.
        client: a session with the portal that is not open yet.
        holder: the person at the desk.
        observer: sees every physical APDU, masked.
    """

    def __init__(
        self,
        reader: Reader,
        client: PortalClient,
        holder: Holder,
        *,
        observer: Observer | None = None,
        card_timeout: float | None = None,
    ) -> None:
        self._reader = reader
        self._client = client
        self._holder = holder
        self._observer = observer
        self._timeout = card_timeout

    def run(self, *, platform: str, client_version: str) -> Made:
        """All of it; a card that is pulled or torn may be put in again and is made anew, in the same session (CRD-8).

        Raises:
            ZorgIDError: what stands in the way; nothing that was issued stays valid.
        """
        self._client.open(CREATE, platform=platform, client_version=client_version)
        self.identify()
        self.change_cards()
        while True:
            try:
                return self.make()
            except _TORN as error:
                self._holder.refused(error)
                self._holder.confirm(Question("insert-again"))
                self._holder.cue(Cue.INSERT_AGAIN)
                self._reader.wait(present=True, timeout=self._timeout)

    def identify(self) -> PersonMatched:
        """The pass proves who makes the card: certificate, session key, birth date (CRD-1, CRD-2, CRD-4).

        Raises:
            CertificateError: the pass is expired, revoked, or of another chain.
            PassTypeError, OrganisationUnknownError, BirthDateError: the portal refuses.
        """
        with present_pass(self._reader, self._holder, observer=self._observer, timeout=self._timeout) as card:
            authenticate(card, self._client, self._holder)
        return self._client.ask(MatchPerson(birth_date=self._holder.birth_date()), PersonMatched)

    def change_cards(self) -> None:
        """The pass out, the blank in (CRD-5)."""
        self._holder.cue(Cue.REMOVE_PASS)
        self._reader.wait(present=False, timeout=self._timeout)
        self._holder.cue(Cue.INSERT_BLANK)
        self._reader.wait(present=True, timeout=self._timeout)

    def make(self) -> Made:
        """Make the card in the reader (CRD-5 to CRD-10).

        Raises:
            NotBlankError: it is another card; it was left untouched.
            ZorgIDError: anything else; what was issued is revoked.
        """
        channel = self._reader.connect(exclusive=True)
        try:
            card = _personalisable(channel, self._observer)
            offer = OfferCard(
                serial=card.serial, dialect=card.profile.name, firmware=card.firmware, found=card.kind.value
            )
            accepted = self._client.ask(offer, CardAccepted)
            try:
                certificate, proof = self._personalise(card, offer.serial, accepted)
            except BaseException as error:
                self._abandon(error)
                raise
            active = self._commit(proof)
            return Made(offer.serial, certificate, active.user_name, active.ura)
        finally:
            channel.close(reset=True)

    def _personalise(self, card: ZorgIDCard, serial: str, accepted: CardAccepted) -> tuple[bytes, CommitCard]:
        """Everything but the commit; returns the certificate and the proof that the card is finished."""
        _require_sound(accepted)
        if accepted.reset:
            self._empty(card, serial)
        card.require_blank()
        pin, puk, administration = card.factory_secrets()
        with pin, puk, administration, self._choose_pin(accepted) as chosen:
            self._step(Step.GENERATE, 0)
            request = self._generate(card, accepted, pin, administration)
            self._step(Step.CERTIFY, 1)
            issued = self._client.ask(request, CertificateIssued)
            self._step(Step.WRITE, 2)
            self._write(card, serial, accepted, issued, administration)
            self._step(Step.PIN, 3)
            card.change_pin(pin, chosen)
            self._step(Step.VERIFY, 4)
            proof = self._prove(card, serial, accepted, issued, chosen)
            self._step(Step.PUK, 5)
            self._set_puk(card, puk)
        return issued.certificate, proof

    def _empty(self, card: ZorgIDCard, serial: str) -> None:
        """Reset a card that was left half made, or whose certificate is dead; with the holder's word, who is told what is on it.

        The portal's word alone is not enough: a card that holds anything which this library does not make is left untouched.

        Raises:
            NotBlankError: it holds something else.
        """
        inventory = card.inventory()
        if not (inventory.keys <= _OURS and inventory.certificates <= _OURS):
            raise NotBlankError("the card holds what this library did not make", found=card.kind.value)
        certificate = card.certificate(SLOT)
        named = () if certificate is None else (("certificate", _name_in(certificate)),)
        self._holder.confirm(Question("empty-card", (("serial", serial), *named)))
        card.factory_reset()

    def _commit(self, proof: CommitCard) -> CardActive:
        """The card is finished: there is nothing to abandon any more, only an answer to wait for.

        Raises:
            DeclinedError: the person does not want to ask again. What the portal did not hear of, it revokes by itself.
        """
        self._step(Step.ACTIVATE, 6)
        while True:
            try:
                return self._client.ask(proof, CardActive)
            except TransportError as error:
                self._holder.refused(error)
                self._holder.confirm(Question("ask-again"))

    def _step(self, step: Step, done: int) -> None:
        self._holder.progress(step, done, len(Step))

    def _choose_pin(self, accepted: CardAccepted) -> Secret:
        policy = PINPolicy(minimum=accepted.pin_minimum, maximum=accepted.pin_maximum)
        for _ in range(_PIN_ROUNDS - 1):
            try:
                return self._chosen(policy)
            except (PINMismatchError, PINPolicyError) as error:
                self._holder.refused(error)
        return self._chosen(policy)

    def _chosen(self, policy: PINPolicy) -> Secret:
        first, second = self._holder.new_pin(policy)
        with second:
            try:
                check_new_pin(first, second, policy)
            except (PINMismatchError, PINPolicyError):
                first.wipe()
                raise
        return first

    def _generate(
        self, card: ZorgIDCard, accepted: CardAccepted, pin: Secret, administration: Secret
    ) -> RequestCertificate:
        slot = accepted.slot
        with card.session():
            card.authenticate_administration(administration)
            card.generate(slot, accepted.key_algorithm)
            attestation, intermediate = card.attest(slot), card.attestation_intermediate()
        csr = build_csr(card.signer(slot, lambda _: pin))
        return RequestCertificate(csr=csr, attestation=attestation, intermediate=intermediate)

    def _write(
        self, card: ZorgIDCard, serial: str, accepted: CardAccepted, issued: CertificateIssued, administration: Secret
    ) -> None:
        """The card's own administration key, then its objects; each is read back by the card's own methods."""
        algorithm = accepted.administration_algorithm
        receiver = Receiver()
        fetched = self._client.ask(FetchAdministrationKey(recipient=receiver.public), AdministrationKey)
        with receiver.open(fetched.sealed, ADMINISTRATION_KEY, card=serial) as key, card.session():
            card.authenticate_administration(administration)
            card.set_administration_key(key, algorithm)
            card.authenticate_administration(key, algorithm)
            card.write_certificate(accepted.slot, issued.certificate)
            card.write_chuid(accepted.guid, accepted.expires)
            card.write_ccc()

    def _prove(
        self, card: ZorgIDCard, serial: str, accepted: CardAccepted, issued: CertificateIssued, pin: Secret
    ) -> CommitCard:
        """A signature made with the chosen PIN verifies with the certificate on the card: the commit point."""
        written = card.certificate(accepted.slot) or b""
        if written != issued.certificate:
            raise ProofError("the certificate read back is not the one issued")
        certificate = x509.load_der_x509_certificate(written)
        fields = proof_fields(
            session=self._client.session,
            origin=self._client.origin,
            serial=serial,
            certificate_serial=f"{certificate.serial_number:x}",
        )
        signer = card.signer(accepted.slot, lambda _: pin)
        signed = sign_statement(signer, CARD_PROOF, **fields)
        try:
            verify_statement(written, CARD_PROOF, fields, signed.signature, signed.algorithm)
        except CertificateError as error:
            raise ProofError("the card's signature does not verify with its certificate") from error
        return CommitCard(algorithm=signed.algorithm, signature=signed.signature)

    def _set_puk(self, card: ZorgIDCard, factory: Secret) -> None:
        with Secret.random_digits(_PUK_DIGITS) as puk:
            self._holder.show_puk(puk)
            card.change_puk(factory, puk)

    def _abandon(self, error: BaseException) -> None:
        code = error.code if isinstance(error, ZorgIDError) else "interrupted"
        # The first error is the one to tell; if the portal cannot be reached, it revokes by itself in time.
        with suppress(ZorgIDError):
            self._client.ask(AbandonCard(code=code), CardAbandoned)


def _require_sound(accepted: CardAccepted) -> None:
    """What the portal wants is what this library makes: the card side obeys no other (SP 800-73-5 part 1, table 4b).

    Raises:
        MessageError: it is not.
    """
    if accepted.slot != SLOT:
        raise MessageError("a ZORG-ID Smartcard's key is 9A", field="slot")
    if accepted.key_algorithm not in ALGORITHMS:
        raise MessageError("not an algorithm for a ZORG-ID Smartcard", field="key_algorithm")
    if len(accepted.guid) != _GUID:
        raise MessageError("a GUID has 16 octets", field="guid")
    if not PIN_SHORTEST <= accepted.pin_minimum <= accepted.pin_maximum <= PIN_LONGEST:
        raise MessageError("a PIN has 6 to 8 digits", field="pin_minimum")


def _name_in(certificate: bytes) -> str:
    """Whose certificate this claims to be, for a person to see; nothing is decided by it."""
    try:
        names = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return "?"
    return str(names[0].value) if names else "?"


def _personalisable(channel: Channel, observer: Observer | None) -> ZorgIDCard:
    """The card, if it is one that may become a ZORG-ID Smartcard: a blank, or one that the portal may know as left half made.

    Raises:
        NotBlankError: another card; ``found`` says what. It was only read.
    """
    try:
        card = open_channel(channel, observer=observer)
    except CardNotSupportedError as error:
        raise NotBlankError(f"not a blank ZORG-ID Smartcard: {error}", found=CardKind.UNKNOWN.value) from error
    if isinstance(card, ZorgIDCard) and card.profile.factory is not None:
        return card
    if isinstance(card, PIVCard) and card.profile.factory is not None:
        return ZorgIDCard(card.link, card.profile, kind=card.kind)
    raise NotBlankError("not a blank ZORG-ID Smartcard", found=card.kind.value)
