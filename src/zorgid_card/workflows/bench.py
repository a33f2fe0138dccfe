"""The steps of making a card, as a table of *probe, do, verify* (CRD-6 to CRD-10); the card side's hands.

:data:`EMPTYING` makes sure of a blank, :data:`PREPARING` makes a card of it that has proven to work, :data:`FINISHING` gives it its
PUK. Before the last lies the commit point: the message that activates the card is sealed, and kept in the journal. What is torn
before is made anew; what is torn after can be finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from cryptography import x509
from cryptography.x509.oid import NameOID

from zorgid_card.cards import CardKind, ZorgIDCard
from zorgid_card.cards.access import PINProvider
from zorgid_card.cards.certificates import public_key_of
from zorgid_card.cards.profile import Factory
from zorgid_card.errors import (
    CardError,
    CardScrappedError,
    CardUnfinishedError,
    CertificateError,
    EnrolmentPendingError,
    MessageError,
    NotBlankError,
    PINPolicyError,
    ProofError,
    StatusWordError,
    WrongPUKError,
)
from zorgid_card.pki.csr import build_csr
from zorgid_card.pki.statement import CARD_PROOF, sign_statement, verify_statement
from zorgid_card.ports.journal import Journal, Making
from zorgid_card.secret import Secret
from zorgid_card.workflows.course import Course
from zorgid_card.workflows.creation_messages import (
    AdministrationKey,
    CardAbandoned,
    CardAccepted,
    CertificatesIssued,
    CommitCard,
    FetchAdministrationKey,
    FetchPresentKey,
    Relay,
    RelayCommands,
    RequestCertificates,
    ScrapCard,
    proof_fields,
)
from zorgid_card.workflows.escrow import Escrow
from zorgid_card.workflows.holder import Holder, Question, Step
from zorgid_card.workflows.messages import canonical, from_json, parse, to_json
from zorgid_card.workflows.pin import new_puk
from zorgid_card.workflows.policy import (
    ADMINISTRATION_ALGORITHMS,
    ALGORITHMS,
    ATTESTED,
    AUTHENTICITY,
    MOST_TRIES,
    PIN_LONGEST,
    PIN_SHORTEST,
    RESIDENCY,
    SLOTS,
)
from zorgid_card.workflows.sealing import ADMINISTRATION_KEY, Receiver
from zorgid_card.workflows.session import PortalClient

T = TypeVar("T")

_GUID: Final = 16
_PATIENCE: Final = 600.0
"""Seconds for which a CA is waited for in all; the session ends not long after."""
_PENDING_SECONDS: Final = 30.0
_SHORTEST_WAIT: Final = 0.2
_DONE: Final = b"\x90\x00"
_ROUNDS: Final = 16
"""Batches of one relay, at most: what asks for more is no portal."""


@dataclass(slots=True)
class Bench:
    """One card in the making, and what is at hand for it."""

    card: ZorgIDCard
    client: PortalClient
    holder: Holder
    journal: Journal
    course: Course
    making: Making
    resumed: bool = False
    """The making was begun before, and the card has been out of hand since."""
    accepted: CardAccepted | None = None
    escrow: Escrow | None = None
    """Takes the PUK, where the portal's policy and the card side's configuration are that it does."""
    chosen: Secret | None = None
    """The PIN that the holder has chosen."""
    pin: PINProvider | None = None
    """Of a card that is being renewed: asks its holder for its PIN. None: the card has its maker's codes and key."""
    public_keys: tuple[bytes, ...] = ()
    proofs: tuple[tuple[bytes, ...], bytes] = field(default=((), b""))
    """Attestations, and the certificate of the key that signed them."""

    @property
    def wanted(self) -> CardAccepted:
        """What the portal wants made."""
        if self.accepted is None:
            raise MessageError("nothing was accepted", field="kind")
        return self.accepted

    @property
    def issued(self) -> CertificatesIssued:
        """What the portal has issued."""
        return issued_of(self.making)

    @property
    def factory(self) -> Factory:
        """The blank's values and dialect."""
        factory = self.card.profile.factory
        if factory is None:
            raise NotBlankError("not a blank ZORG-ID Smartcard", found=self.card.kind.value)
        return factory

    def busy(self, work: Callable[[], T]) -> T:
        """Work that may keep the card busy for long; the holder sees that it goes on."""
        return self.course.busy(work, self.card.link.cancel)

    def note(self, **changes: object) -> None:
        """Keep in the journal how far the making has come."""
        self.making = replace(self.making, **changes)  # type: ignore[arg-type]  # its fields
        self.journal.write(self.making)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: ``probe`` tells whether it is done already, ``do`` does it, ``verify`` raises unless it was done."""

    step: Step
    probe: Callable[[Bench], bool]
    do: Callable[[Bench], None]
    verify: Callable[[Bench], None]


def carry_out(bench: Bench, stages: Sequence[Stage]) -> None:
    """The stages, in their order, each begun and ended in the journal."""
    for stage in stages:
        if stage.probe(bench):
            continue
        bench.note(step=stage.step.value, done=False)
        bench.course.begin(stage.step)
        stage.do(bench)
        stage.verify(bench)
        bench.making = replace(bench.making, done=True)
        bench.journal.write(bench.making, took=bench.course.took)


def issued_of(making: Making) -> CertificatesIssued:
    """What the portal has issued, as the journal keeps it.

    Raises:
        MessageError: it keeps something else.
    """
    message = from_json(parse(making.issued))
    if (
        not isinstance(message, CertificatesIssued)
        or len(message.slots) != len(message.certificates)
        or not message.slots
    ):
        raise MessageError("the journal holds something else", field="kind")
    return message


def require_sound(accepted: CardAccepted) -> None:
    """What the portal wants is what this library makes: the card side obeys no other (SP 800-73-5 part 1, table 4b).

    Raises:
        MessageError: it is not.
    """
    slots, count = accepted.slots, len(accepted.slots)
    tries = (accepted.pin_tries, accepted.puk_tries)
    for name, sound in (
        ("slots", AUTHENTICITY in slots and set(slots) <= SLOTS and len(set(slots)) == count),
        ("algorithms", len(accepted.algorithms) == count and set(accepted.algorithms) <= ALGORITHMS),
        ("requests", len(accepted.requests) == count),
        ("residency", accepted.residency in RESIDENCY),
        ("administration_algorithm", accepted.administration_algorithm in ADMINISTRATION_ALGORITHMS),
        ("guid", len(accepted.guid) == _GUID),
        ("pin_minimum", PIN_SHORTEST <= accepted.pin_minimum <= accepted.pin_maximum <= PIN_LONGEST),
        ("pin_tries", tries == (0, 0) or all(1 <= number <= MOST_TRIES for number in tries)),
    ):
        if not sound:
            raise MessageError(f"not what a ZORG-ID Smartcard is made with: {name}", field=name)


def _never(bench: Bench) -> bool:
    """What the stage does is always done anew."""
    return False


def _nothing(bench: Bench) -> None:
    """The stage's own commands verify what they do."""


# --- the portal's channel ----------------------------------------------------------------------------------------------


def relay(bench: Bench) -> tuple[bytes, ...]:
    """Carry what the portal says to the card, and back, until the portal has done what it wants; returns its public keys.

    Raises:
        ResidencyError: the portal does not believe the card, or the card refused.
        MessageError: the portal goes on for ever, or after the card has refused.
    """
    responses: tuple[bytes, ...] = ()
    for _ in range(_ROUNDS):
        asked = bench.client.ask(Relay(responses=responses), RelayCommands)
        if asked.done:
            return asked.public_keys
        if responses and responses[-1][-2:] != _DONE:  # a card that was asked often in vain opens no channel any more
            raise MessageError("the portal goes on after the card has refused", field="commands")
        responses = bench.card.relay(asked.commands)
    raise MessageError("the portal does not come to an end", field="done")


# --- EMPTY -------------------------------------------------------------------------------------------------------------


def _is_blank(bench: Bench) -> bool:
    if bench.wanted.renew:
        return False
    bench.card.require_blank()
    return True


def _empty(bench: Bench) -> None:
    """With the holder's word, who is told what is on it. The portal's word alone is not enough: a card that holds anything which
    this library does not make is left untouched.

    Raises:
        NotBlankError: it holds something else.
        CardScrappedError: its dialect has no way back to a blank.
    """
    card = bench.card
    inventory, ours = card.inventory(), SLOTS if card.kind is CardKind.ZORGID else frozenset(bench.wanted.slots)
    if not inventory.keys | inventory.certificates <= ours:
        raise NotBlankError("the card holds what this library did not make", found=card.kind.value)
    certificate = card.certificate(AUTHENTICITY)
    named = () if certificate is None else (("certificate", _name_in(certificate)),)
    with bench.course.asking():
        bench.holder.confirm(Question("empty-card", (("serial", bench.making.serial), *named)))
    if bench.factory.reset is not None:
        bench.busy(card.factory_reset)
    elif bench.factory.set_reference is not None:
        bench.busy(lambda: relay(bench))
    else:
        bench.client.ask(ScrapCard(), CardAbandoned)
        raise CardScrappedError(serial=bench.making.serial)


def _name_in(certificate: bytes) -> str:
    """Whose certificate this claims to be, for a person to see; nothing is decided by it."""
    try:
        names = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, x509.InvalidVersion):
        return "?"
    return str(names[0].value) if names else "?"


# --- GENERATE, CERTIFY -------------------------------------------------------------------------------------------------


def _generate(bench: Bench) -> None:
    make = (lambda: relay(bench)) if bench.wanted.channel else (lambda: _generated_here(bench))
    bench.public_keys = bench.busy(make)


@contextmanager
def _administered(bench: Bench) -> Iterator[Secret]:
    """A session in which the card's present administration key is authenticated, and its maker's PIN."""
    card = bench.card
    pin, puk, makers = card.factory_secrets()
    if bench.pin is None:
        administration = makers
    else:
        receiver = Receiver()
        fetched = bench.client.ask(FetchPresentKey(recipient=receiver.public), AdministrationKey)
        administration = receiver.open(fetched.sealed, ADMINISTRATION_KEY, card=bench.making.serial)
    with pin, puk, makers, administration, card.session():
        card.authenticate_administration(administration)
        yield pin


def _generated_here(bench: Bench) -> tuple[bytes, ...]:
    card, wanted = bench.card, bench.wanted
    with _administered(bench) as pin:
        if wanted.pin_tries:
            card.verify_pin(pin)
            card.set_retries(wanted.pin_tries, wanted.puk_tries)
        pairs = zip(wanted.slots, wanted.algorithms, strict=True)
        return tuple(card.generate(slot, algorithm) for slot, algorithm in pairs)


def _require_keys(bench: Bench) -> None:
    if len(bench.public_keys) != len(bench.wanted.slots):
        raise ProofError("not as many keys as were wanted")


def _attest(bench: Bench) -> None:
    if bench.wanted.residency == ATTESTED:
        card = bench.card
        with card.session():
            attestations = tuple(card.attest(slot) for slot in bench.wanted.slots)
            bench.proofs = attestations, card.attestation_intermediate()


def _certify(bench: Bench) -> None:
    """Each key signs its request: that shows possession, and what shows residency goes with it."""
    _attest(bench)
    pin, puk, administration = bench.card.factory_secrets()
    with pin, puk, administration:
        csrs = tuple(
            build_csr(bench.card.new_key_signer(slot, algorithm, key, bench.pin or (lambda _: pin)), template)
            for slot, algorithm, key, template in zip(
                bench.wanted.slots, bench.wanted.algorithms, bench.public_keys, bench.wanted.requests, strict=True
            )
        )
    attestations, intermediate = bench.proofs
    request = RequestCertificates(csrs=csrs, attestations=attestations, intermediate=intermediate)
    issued = _asked(bench, request)
    bench.note(issued=canonical(to_json(issued)))


def _asked(bench: Bench, request: RequestCertificates) -> CertificatesIssued:
    """What a CA wants to be asked again for later, it is asked again for (RFC 7030, 4.2.3), by the same message."""
    patience = _PATIENCE
    while True:
        try:
            return bench.busy(lambda: bench.client.ask(request, CertificatesIssued))
        except EnrolmentPendingError as pending:
            told = pending.details.get("retry_after")
            after = max(told if isinstance(told, int) else _PENDING_SECONDS, _SHORTEST_WAIT)
            if after > patience:  # whatever number the portal says
                raise
            patience -= after
            bench.course.wait(after)


def _require_issued(bench: Bench) -> None:
    """Each certificate is for its key."""
    issued = bench.issued
    if issued.slots != bench.wanted.slots or len(issued.certificates) != len(bench.public_keys):
        raise MessageError("not the certificates that were asked for", field="certificates")
    for der, public_key in zip(issued.certificates, bench.public_keys, strict=True):
        try:
            certified = public_key_of(der)[0]
        except (CardError, CertificateError) as error:
            raise MessageError("no certificate", field="certificates") from error
        if certified != public_key:
            raise MessageError("a certificate for another key", field="certificates")


# --- WRITE, PIN, VERIFY ------------------------------------------------------------------------------------------------


def _write(bench: Bench) -> None:
    write = (lambda: relay(bench)) if bench.wanted.channel else (lambda: _written_here(bench))
    bench.busy(write)


def _written_here(bench: Bench) -> tuple[bytes, ...]:
    """The card's objects, each read back by the card's own methods, then its own administration key, which is tried."""
    card, wanted = bench.card, bench.wanted
    algorithm = wanted.administration_algorithm
    receiver = Receiver()
    fetched = bench.client.ask(FetchAdministrationKey(recipient=receiver.public), AdministrationKey)
    own = receiver.open(fetched.sealed, ADMINISTRATION_KEY, card=bench.making.serial)
    with own as key, _administered(bench):
        for slot, der in zip(wanted.slots, bench.issued.certificates, strict=True):
            card.write_certificate(slot, der)
        card.write_chuid(wanted.guid, wanted.expires)
        card.write_ccc()
        with suppress(StatusWordError):  # where the card makes it by itself, it cannot be written
            card.write_discovery()
        card.set_administration_key(key, algorithm)
        card.authenticate_administration(key, algorithm)
    return ()


def require_written(bench: Bench) -> None:
    """The certificates read back are those that were issued.

    Raises:
        ProofError: they are not.
    """
    issued = bench.issued
    for slot, der in zip(issued.slots, issued.certificates, strict=True):
        if bench.card.certificate(slot) != der:
            raise ProofError("the certificate read back is not the one issued", slot=slot)


def _set_pin(bench: Bench) -> None:
    pin, puk, administration = bench.card.factory_secrets()
    with pin, puk, administration:
        bench.card.change_pin(pin, _chosen(bench))


def _chosen(bench: Bench) -> Secret:
    if bench.chosen is None:
        raise PINPolicyError("no PIN was chosen")
    return bench.chosen


def _prove(bench: Bench) -> None:
    """A signature made with the chosen PIN verifies with the certificate on the card: the commit point. The commit is sealed."""
    card, pin = bench.card, bench.pin or (lambda _: _chosen(bench))
    certificate = card.certificate(AUTHENTICITY) or b""
    fields = proof_fields(
        session=bench.making.session,
        origin=bench.making.origin,
        serial=bench.making.serial,
        certificates=bench.issued.certificates,
    )
    signed = sign_statement(card.signer(AUTHENTICITY, pin), CARD_PROOF, **fields)
    try:
        verify_statement(certificate, CARD_PROOF, fields, signed.signature, signed.algorithm)
    except CertificateError as error:
        raise ProofError("the card's signature does not verify with its certificate") from error
    commit = CommitCard(algorithm=signed.algorithm, signature=signed.signature)
    bench.making = replace(bench.making, commit=bench.client.seal(commit))


# --- PUK ---------------------------------------------------------------------------------------------------------------


def puk_written(bench: Bench) -> bool:
    """Whether a PUK that was shown here is the card's: one is, if it is no more the maker's, as the card tells, or else by one try,
    which is never made twice. Before any was shown, whoever set another is not the holder.

    Raises:
        CardUnfinishedError: the try was spent before, and what it told is lost.
    """
    if not (bench.resumed and bench.making.step == Step.PUK):
        return False
    if bench.making.done:
        return True
    told = bench.card.factory_puk()
    if told is not None:
        return not told
    if bench.making.puk_tried:
        raise CardUnfinishedError(reason="puk", serial=bench.making.serial)
    bench.note(puk_tried=True)
    with Secret.of(bench.factory.puk) as puk:
        try:
            bench.card.change_puk(puk, puk, last_try_allowed=True)
        except WrongPUKError:
            return True
    return False


def _set_puk(bench: Bench) -> None:
    """Drawn, shown, acknowledged, written. One that was shown before, and is not the card's, is crossed out first."""
    escrow = bench.escrow
    with new_puk() as puk, Secret.of(bench.factory.puk) as factory:
        with bench.course.asking():
            if bench.making.puk_shown:
                bench.holder.confirm(Question("cross-out-puk"))
            if escrow is not None:
                escrow.announce(bench.holder)
            bench.note(puk_shown=True)
            bench.holder.show_puk(puk)
        if escrow is not None:
            escrow.take(bench.making.serial, puk)
            bench.note(commit=bench.client.seal_again(bench.making.commit))
        bench.card.change_puk(factory, puk, last_try_allowed=True)


def _require_puk(bench: Bench) -> None:
    if bench.card.factory_puk() is True:
        raise ProofError("the PUK still is the maker's")


EMPTYING: Final = (Stage(Step.EMPTY, _is_blank, _empty, lambda bench: bench.card.require_blank()),)
"""From the card in the reader to a blank."""

PREPARING: Final = (
    Stage(Step.GENERATE, _never, _generate, _require_keys),
    Stage(Step.CERTIFY, _never, _certify, _require_issued),
    Stage(Step.WRITE, _never, _write, require_written),
    Stage(Step.PIN, _never, _set_pin, _nothing),
    Stage(Step.VERIFY, _never, _prove, _nothing),
)
"""From a blank, and a PIN that was chosen, to a card that works: its end seals the commit."""

RENEWING: Final = tuple(stage for stage in PREPARING if stage.step is not Step.PIN)
"""From a card in use to one with new keys, whose PIN and PUK stay its holder's: its end seals the commit."""

FINISHING: Final = (Stage(Step.PUK, puk_written, _set_puk, _require_puk),)
"""The last write on the card. What follows is :attr:`Step.ACTIVATE`, which needs no card."""
