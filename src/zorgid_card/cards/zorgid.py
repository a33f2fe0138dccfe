"""Making and managing a ZORG-ID Smartcard: a PIV card of ours, on a blank whose dialect its profile
describes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from zorgid_card.cards import objects
from zorgid_card.cards.access import CardSigner, PINProvider
from zorgid_card.cards.detect import detection
from zorgid_card.cards.inventory import Inventory, take_inventory
from zorgid_card.cards.kinds import CardKind
from zorgid_card.cards.memory import Recognised, contents_change
from zorgid_card.cards.piv import PIVCard
from zorgid_card.cards.piv_keys import Key
from zorgid_card.cards.profile import YUBICO_PIV, CardProfile, Factory
from zorgid_card.codec.apdu import SW, CommandAPDU, ResponseAPDU
from zorgid_card.codec.link import Exchange, Link
from zorgid_card.errors import (
    APDUError,
    CardError,
    MessageError,
    NotBlankError,
    NotOfferedError,
    PINBlockedError,
    ProofError,
    PUKBlockedError,
    WrongPINError,
    WrongPUKError,
)
from zorgid_card.protocol import globalplatform, iso7816, piv, yubico
from zorgid_card.protocol.administration import (
    AdministrationAlgorithm,
    administration_algorithm,
    administration_algorithm_of,
    authenticate_administration,
)
from zorgid_card.secret import Secret

_MAX_TRIES = 255
_SECURE_MESSAGING, _PROPRIETARY_MESSAGING = 0x0C, 0x04

T = TypeVar("T")


class ZorgIDCard(PIVCard):
    """A ZORG-ID Smartcard, or a blank that becomes one.

    What needs the administration key needs it authenticated in the same :meth:`~PIVCard.session`::

        with card.session():
            card.authenticate_administration(key)
            public_key = card.generate(0x9A, "RSA2048")

    Args:
        link: to the card.
        profile: its dialect, limits and factory values; None: the card is asked when it matters.
        kind: what :func:`zorgid_card.cards.detect.detect` found it to be.
        met: what was read of it already, to log in with.
    """

    def __init__(
        self,
        link: Link,
        profile: CardProfile | None = YUBICO_PIV,
        *,
        kind: CardKind = CardKind.ZORGID,
        met: Recognised | None = None,
    ) -> None:
        """Take the link; nothing is sent yet."""
        super().__init__(link, profile, kind=kind, met=met)
        self._administered = False
        self._channel_open = False

    @property
    def _needs_reset(self) -> bool:
        return self._administered

    @property
    def serial(self) -> str:
        """Hardware serial number, decimal."""
        return self._told_by(self._factory.serial())

    @property
    def firmware(self) -> str:
        """Version of the firmware or the operating system, such as ``5.7.1``."""
        return self._told_by(self._factory.firmware())

    @property
    def secure_channel(self) -> bool:
        """Whether a portal may open its channel to this card: its dialect has one, and the card manager tells so, without a key."""
        factory = self.profile.factory
        return factory is not None and factory.channel is not None and self._told_by(globalplatform.speaks_scp03())

    def _told_by(self, exchange: Exchange[T]) -> T:
        """What the card says of itself, for which some dialects select another application."""
        with self.session():
            try:
                return self._link.run(exchange)
            finally:
                self._selected = self._entered = False

    # --- is it blank? -------------------------------------------------------------------------------------

    def require_blank(self) -> None:
        """The card is in factory state, as far as reading tells; whatever it is, no counter changes (CRD-5).

        Raises:
            NotBlankError: ``found`` is ``uzi-pass``, ``zorgid``, ``piv`` or ``unknown``; ``why`` says what
                was seen.
        """
        with self._alone():
            found = detection(self._link)
            self._selected = False
        if found.kind is not CardKind.BLANK:
            raise NotBlankError(
                f"this is not a blank ZORG-ID Smartcard: {found.why}", found=found.kind.value, why=found.why
            )

    def inventory(self) -> Inventory:
        """What is on the card, read without PIN or key: for resuming a creation that was broken off
        (CRD-8).
        """
        with self.session():
            return self._link.run(take_inventory(self.profile))

    # --- the administration key ---------------------------------------------------------------------------

    def factory_puk(self) -> bool | None:
        """Whether the PUK is the maker's, as the card tells without a try; None where it does not."""
        with self.session():
            told = self._link.run(yubico.metadata(piv.PUK)) if self.profile.metadata else None
        return None if told is None else told.default

    def authenticate_administration(self, key: Secret, algorithm: str | None = None) -> None:
        """Authenticate with the administration key 9B; it holds until the end of the :meth:`session`.

        Args:
            key: 16, 24 or 32 bytes, as its algorithm has.
            algorithm: 3DES, AES128, AES192 or AES256; None asks the card, or else the profile.

        Raises:
            StatusWordError: the card refuses the key.
            ProofError: the card does not know the key.
        """
        with self.session():
            chosen = self._administration_algorithm() if algorithm is None else administration_algorithm(algorithm)
            self._administered = True
            self._link.run(authenticate_administration(chosen, key))

    def set_administration_key(self, key: Secret, algorithm: str | None = None) -> None:
        """Set a new administration key; the present one is authenticated. The key crosses to the card in
        clear.

        Args:
            key: 16, 24 or 32 bytes, as its algorithm has.
            algorithm: None keeps the present one.

        Raises:
            NotOfferedError: the portal's channel administers this card.
        """
        self._require_here("set administration key")
        with self.session():
            chosen = self._administration_algorithm() if algorithm is None else administration_algorithm(algorithm)
            self._link.run(self._factory.set_administration_key(chosen, key))

    def _administration_algorithm(self) -> AdministrationAlgorithm:
        told = self._link.run(yubico.metadata(piv.ADMINISTRATION)) if self.profile.metadata else None
        if told is not None and told.algorithm is not None:
            return administration_algorithm_of(told.algorithm)
        return administration_algorithm(self._factory.administration_algorithm)

    @property
    def _factory(self) -> Factory:
        profile = self.profile
        if profile.factory is None:
            raise CardError(f"cards of profile {profile.name!r} cannot be made by this library")
        return profile.factory

    def _require_here(self, operation: str) -> None:
        """The card side administers a card of this dialect, under key 9B.

        Raises:
            NotOfferedError: the portal does, over a channel (:mod:`zorgid_card.workflows.channel`).
        """
        factory = self.profile.factory
        if factory is not None and factory.channel is not None and factory.channel.administers:
            raise NotOfferedError("this card is made over the portal's channel", operation=operation, reason="channel")

    def _require_attestation(self) -> None:
        if not self._factory.attestation:
            raise NotOfferedError("this kind of card attests nothing", operation="attest", reason="dialect")

    def factory_secrets(self) -> tuple[Secret, Secret, Secret]:
        """PIN, PUK and administration key that a blank has from its maker; they are public."""
        factory = self._factory
        return Secret.of(factory.pin), Secret.of(factory.puk), Secret.of(factory.administration_key)

    def _changes(self) -> None:
        """The contents are about to change: what was read before is not relied on, in whatever memory."""
        self._forget()
        contents_change(self._link.channel.atr)

    # --- the portal's channel -----------------------------------------------------------------------------

    def relay(self, commands: Sequence[bytes]) -> tuple[bytes, ...]:
        """Carry the portal's commands to the card, and its answers back, in one transaction (CRD-7).

        They are opaque: INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, and once the card has accepted that one, what goes over the
        channel. Anything else is refused, so that who has not the card's keys reaches nothing of it: there are cards that take a
        command under secure messaging as a plain one where no channel is open. The channel ends with the next other operation.

        Args:
            commands: short command APDUs.

        Returns:
            response APDUs, put together where they came in parts; after the first that is not 9000 nothing more is sent.

        Raises:
            MessageError: a command that is no part of an open channel; it was not sent.
            SecureChannelError: the card's channel keys are public ones: whoever asks need not be the portal that knows them.
        """
        parsed = [_relayable(raw) for raw in commands]
        answers: list[bytes] = []
        self._changes()
        self._administered = True
        with self._alone():
            for command in parsed:
                response = self._relayed(command)
                answers.append(response.encode())
                if response.sw != SW.OK:
                    break
        return tuple(answers)

    def _relayed(self, command: CommandAPDU) -> ResponseAPDU:
        step = command.cla, command.ins
        if step == globalplatform.INITIALIZE_UPDATE:
            self._make_current()
        elif step != globalplatform.EXTERNAL_AUTHENTICATE and not self._channel_open:
            raise MessageError("no channel to this card is open", field="commands")
        self._selected = False
        was_open, self._channel_open = self._channel_open, False
        response = self._link.transmit(command)
        if step == globalplatform.INITIALIZE_UPDATE:
            globalplatform.require_own_keys(command.data, response.data)
        opened = was_open or step == globalplatform.EXTERNAL_AUTHENTICATE
        self._channel_open = opened and response.sw == SW.OK
        return response

    def _select(self) -> None:
        self._channel_open = False
        super()._select()

    # --- making -------------------------------------------------------------------------------------------

    def generate(self, slot: int, algorithm: str, *, pin_policy: int | None = None) -> bytes:
        """Generate a key pair on the card; the key that was in ``slot`` is lost. Needs the administration
        key.

        Args:
            slot: key reference: 9A, 9C, 9D, 9E or 82 to 95.
            algorithm: RSA2048, RSA3072, ECCP256 or ECCP384; RSA may take a minute.
            pin_policy: 1 never, 2 once, 3 always; None leaves the card's own for the slot.

        Returns:
            the public key, SubjectPublicKeyInfo DER; that it is on this card is shown by :meth:`attest`.

        Raises:
            NotOfferedError: the portal's channel administers this card.
        """
        self._require_here("generate")
        piv.certificate_object(slot)
        chosen = piv.key_algorithm(algorithm)
        self._changes()
        with self.session():
            return self._link.run(piv.generate(slot, chosen, pin_policy))

    def new_key_signer(self, slot: int, algorithm: str, public_key: bytes, pin: PINProvider) -> CardSigner:
        """A key that was just generated, of which no certificate tells yet; see :meth:`signer`.

        Args:
            slot: its reference.
            algorithm: as it was generated.
            public_key: SubjectPublicKeyInfo, DER, as :meth:`generate` or the portal told.
            pin: asked for the PIN.
        """
        policy = yubico.PIN_ALWAYS if slot == piv.SIGNATURE else yubico.PIN_ONCE
        return self._signer(Key(slot, piv.key_algorithm(algorithm), public_key, policy), pin)

    def attest(self, slot: int = piv.AUTHENTICATION) -> bytes:
        """The card's statement that the key in ``slot`` was generated on it; a certificate, DER.

        Raises:
            NotOfferedError: the dialect has no such statement.
        """
        self._require_attestation()
        with self.session():
            return self._link.run(yubico.attest(slot))

    def attestation_intermediate(self) -> bytes:
        """The certificate of the card's attestation key (slot F9), DER.

        Raises:
            NotOfferedError: the dialect has no such key.
            CardError: the card has none.
        """
        self._require_attestation()
        with self.session():
            content = self._link.run(piv.get_data(yubico.ATTESTATION_CERTIFICATE))
        if content is None:
            raise CardError("the card has no attestation certificate", slot=yubico.ATTESTATION)
        return piv.decode_certificate(content)

    def write_certificate(self, slot: int, der: bytes) -> None:
        """Write the certificate of ``slot`` and read it back. Needs the administration key.

        Raises:
            NotOfferedError: the portal's channel administers this card; so with all that is written.
            ProofError: what is read back differs.
        """
        self._write(piv.certificate_object(slot), piv.encode_certificate(der))

    def write_chuid(self, guid: bytes, expiry: date) -> None:
        """Write the CHUID and read it back; ``guid`` is 16 random bytes, new whenever the card's contents
        change.
        """
        self._write(piv.CHUID, objects.chuid(guid, expiry))

    def write_ccc(self) -> None:
        """Write a Card Capability Container with a random card number and read it back."""
        self._write(piv.CCC, objects.ccc())

    def write_discovery(self) -> None:
        """Write the discovery object, unless the card has it already, and read it back."""
        with self.session():
            if self._link.run(piv.get_data(piv.DISCOVERY)) != objects.discovery():
                self._write(piv.DISCOVERY, objects.discovery())

    def _write(self, tag: int, content: bytes) -> None:
        self._require_here("write")
        self._changes()
        with self.session():
            self._link.run(piv.put_data(tag, content))
            if self._link.run(piv.get_data(tag)) != content:
                raise ProofError(f"object {tag:X} reads back differently from what was written", object=tag)

    def set_retries(self, pin: int, puk: int) -> None:
        """Set the number of tries of PIN and PUK, 1 to 15; **both get their factory values back**.

        Needs the administration key authenticated and the PIN verified, in the same session.

        Raises:
            NotOfferedError: the portal's channel administers this card.
        """
        self._require_here("set retries")
        with self.session():
            self._link.run(self._factory.set_retries(pin, puk))

    def factory_reset(self) -> None:
        """Wipe the card: **every key and certificate on it is lost for good**, PIN, PUK and 9B are the
        factory's again.

        The card resets only when PIN and PUK are blocked, so all tries of both are spent first. Never call
        this for a card that may be somebody else's.

        Raises:
            NotOfferedError: the dialect has no reset; nothing was tried.
            CardError: the tries do not run out, or the card refuses the reset.
        """
        reset = self._factory.reset
        if reset is None:
            raise NotOfferedError("this kind of card has no reset", operation="reset", reason="dialect")
        self._changes()
        with (
            Secret.random_digits(self._limits.pin_maximum) as pin,
            Secret.random_digits(self._limits.puk_maximum) as puk,
            self.session(),
        ):
            self._exhaust(lambda: iso7816.verify(piv.PIN, pin))
            self._exhaust(lambda: iso7816.reset_retry_counter(piv.PIN, puk, pin))
            self._link.run(reset())
            self._selected = False

    def _exhaust(self, attempt: Callable[[], Exchange[None]]) -> None:
        for _ in range(_MAX_TRIES):
            try:
                self._link.run(attempt())
            except (PINBlockedError, PUKBlockedError):
                return
            except (WrongPINError, WrongPUKError):
                continue
        raise CardError("the tries of PIN or PUK do not run out; the card was not reset")


def _relayable(raw: bytes) -> CommandAPDU:
    """INITIALIZE UPDATE, or a command under secure messaging."""
    try:
        command = CommandAPDU.parse(raw)
    except APDUError as error:
        raise MessageError("not a command APDU", field="commands") from error
    begins = (command.cla, command.ins) == globalplatform.INITIALIZE_UPDATE
    if command.extended or not (begins or command.cla & _SECURE_MESSAGING == _PROPRIETARY_MESSAGING):
        raise MessageError("not a command of a secure channel", field="commands")
    return command
