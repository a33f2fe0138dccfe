"""Making a ZORG-ID Smartcard, the card side (CRD-1 to CRD-10).

Every step is *probe, do, verify*. The order is such that nothing valid exists before the card works: the certificate is issued
on hold, written, read back; the PIN is set; a signature made with it on the card verifies; the PUK is shown, acknowledged, and
written as the last write; only then the commit message activates. Whatever fails on the way, the portal is told, and revokes
what it issued; if it cannot be told, it revokes by itself when the commit does not come in time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from cryptography import x509

from zorgid_card.cards.access import PINRequest
from zorgid_card.cards.profile import YUBICO_PIV, CardProfile
from zorgid_card.cards.zorgid import ZorgIDCard
from zorgid_card.codec.link import Link, Observer
from zorgid_card.errors import (
    CardRemovedError,
    CardResetError,
    CertificateError,
    DeclinedError,
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
from zorgid_card.pki.statement import sign_statement, verify_statement
from zorgid_card.ports.card import Reader
from zorgid_card.secret import Secret
from zorgid_card.workflows.creation_messages import (
    PROOF,
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
from zorgid_card.workflows.session import PortalClient
from zorgid_card.workflows.uzi_desk import authenticate, present_pass

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
        profile: the dialect of the blanks.
        observer: sees every physical APDU, masked.
    """

    def __init__(
        self,
        reader: Reader,
        client: PortalClient,
        holder: Holder,
        *,
        profile: CardProfile = YUBICO_PIV,
        observer: Observer | None = None,
        card_timeout: float | None = None,
    ) -> None:
        self._reader = reader
        self._client = client
        self._holder = holder
        self._profile = profile
        self._observer = observer
        self._timeout = card_timeout
        self._factory_pin: Callable[[PINRequest], Secret] = lambda _: profile.factory_pin.secret()

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
            card = ZorgIDCard(Link(channel, observer=self._observer), self._profile)
            accepted = self._offer(card)
            try:
                return self._personalise(card, accepted)
            except BaseException as error:
                self._abandon(error)
                raise
        finally:
            channel.close(reset=True)

    def _offer(self, card: ZorgIDCard) -> CardAccepted:
        blank = True
        try:
            card.require_blank()
        except NotBlankError as error:
            # Half made by an earlier attempt, perhaps: that the portal knows, by the serial.
            if error.details.get("found") != "zorgid":
                raise
            blank = False
        offer = OfferCard(serial=card.serial, dialect=self._profile.dialect, firmware=card.firmware, blank=blank)
        return self._client.ask(offer, CardAccepted)

    def _personalise(self, card: ZorgIDCard, accepted: CardAccepted) -> Made:
        if accepted.reset:
            self._holder.confirm(Question("empty-card", (("serial", card.serial),)))
            card.factory_reset()
            card.require_blank()
        with self._choose_pin(accepted) as pin:
            self._step(Step.GENERATE, 0)
            request = self._generate(card, accepted)
            self._step(Step.CERTIFY, 1)
            issued = self._client.ask(request, CertificateIssued)
            self._step(Step.WRITE, 2)
            self._write(card, accepted, issued)
            self._step(Step.VERIFY, 3)
            self._read_back(card, accepted, issued)
            self._step(Step.PIN, 4)
            with self._profile.factory_pin.secret() as factory:
                card.change_pin(factory, pin)
            proof = self._prove(card, accepted, issued, pin)
        self._step(Step.PUK, 5)
        self._set_puk(card)
        self._step(Step.ACTIVATE, 6)
        active = self._client.ask(proof, CardActive)
        return Made(card.serial, issued.certificate, active.user_name, active.ura)

    def _step(self, step: Step, done: int) -> None:
        self._holder.progress(step, done, len(Step))

    def _choose_pin(self, accepted: CardAccepted) -> Secret:
        policy = PINPolicy(minimum=accepted.pin_minimum, maximum=accepted.pin_maximum)
        for round_ in range(1, _PIN_ROUNDS + 1):
            first, second = self._holder.new_pin(policy)
            with second:
                try:
                    check_new_pin(first, second, policy)
                except (PINMismatchError, PINPolicyError) as error:
                    first.wipe()
                    if round_ == _PIN_ROUNDS:
                        raise
                    self._holder.refused(error)
                else:
                    return first
        raise DeclinedError

    def _generate(self, card: ZorgIDCard, accepted: CardAccepted) -> RequestCertificate:
        slot = accepted.slot
        self._factory_administration(card)
        card.generate(slot, accepted.key_algorithm)
        return RequestCertificate(
            csr=build_csr(card.signer(slot, self._factory_pin)),
            attestation=card.attest(slot),
            intermediate=card.attestation_intermediate(),
        )

    def _factory_administration(self, card: ZorgIDCard) -> None:
        with self._profile.factory_administration_key.secret() as key:
            card.authenticate_administration(key, self._profile.administration_algorithm)

    def _write(self, card: ZorgIDCard, accepted: CardAccepted, issued: CertificateIssued) -> None:
        algorithm = self._profile.administration_algorithm
        fetched = self._client.ask(FetchAdministrationKey(algorithm=algorithm), AdministrationKey)
        with fetched.key as key:
            # The portal has been asked since the last command: authenticate anew.
            self._factory_administration(card)
            card.set_administration_key(key)
            card.authenticate_administration(key, algorithm)
        card.write_certificate(accepted.slot, issued.certificate)
        card.write_chuid(accepted.guid, accepted.expires)
        card.write_ccc()

    def _read_back(self, card: ZorgIDCard, accepted: CardAccepted, issued: CertificateIssued) -> None:
        if card.certificate(accepted.slot) != issued.certificate:
            raise ProofError("the certificate read back is not the one written")

    def _prove(
        self, card: ZorgIDCard, accepted: CardAccepted, issued: CertificateIssued, pin: Secret
    ) -> CommitCard:
        """A signature made with the chosen PIN verifies with the certificate on the card: the commit point."""
        certificate = x509.load_der_x509_certificate(issued.certificate)
        fields = proof_fields(
            session=self._client.session,
            serial=card.serial,
            certificate_serial=f"{certificate.serial_number:x}",
        )
        signer = card.signer(accepted.slot, lambda _: pin.copy())
        signed = sign_statement(signer, PROOF, fields)
        try:
            verify_statement(signer.public_key, PROOF, fields, signed.signature, signed.algorithm)
        except CertificateError as error:
            raise ProofError("the card's signature does not verify with its certificate") from error
        return CommitCard(algorithm=signed.algorithm, signature=signed.signature)

    def _set_puk(self, card: ZorgIDCard) -> None:
        with Secret.random_digits(_PUK_DIGITS) as puk, self._profile.factory_puk.secret() as factory:
            self._holder.show_puk(puk)
            card.change_puk(factory, puk)

    def _abandon(self, error: BaseException) -> None:
        code = error.code if isinstance(error, ZorgIDError) else "interrupted"
        # The first error is the one to tell; if the portal cannot be reached, it revokes by itself in time.
        with suppress(ZorgIDError):
            self._client.ask(AbandonCard(code=code), CardAbandoned)
