"""A blocked PIN whose PUK its holder does not have any more (PIN-3): out of escrow, or reset over the portal's secure channel.

Either way the card is suspended meanwhile, and ends with a PIN that its holder has just chosen and a PUK that nobody else has seen.
Which dialect can what, and why nothing of it is typed from a telephone, is in docs/pin.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from zorgid_card.cards import CardKind, TryState, ZorgIDCard
from zorgid_card.cards.access import PINRequest, spoken
from zorgid_card.cards.profile import DIALECTS, ChannelRules, Factory
from zorgid_card.errors import LastTryError, MessageError, NotOfferedError, WrongCardError, WrongPUKError
from zorgid_card.pki.statement import CARD_RECOVERY, sign_statement
from zorgid_card.ports.keys import ChannelKeys
from zorgid_card.ports.registry import Registry, SmartCard
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.secret import Secret
from zorgid_card.workflows import audit, channel
from zorgid_card.workflows.creation import CardCreation
from zorgid_card.workflows.creation_messages import (
    CardRecovered,
    CardToRecover,
    ChangePUK,
    RecoverCard,
    recovery_fields,
)
from zorgid_card.workflows.escrow import Escrow
from zorgid_card.workflows.holder import Cue
from zorgid_card.workflows.management import Management
from zorgid_card.workflows.organisation import CREATE
from zorgid_card.workflows.pin import PUK_DIGITS, PINPolicy, change_puk, new_puk
from zorgid_card.workflows.policy import AUTHENTICITY, PIN_LONGEST, PIN_SHORTEST

Relayed: TypeAlias = Callable[[Sequence[bytes]], Sequence[bytes]]
"""Carries command APDUs to the card and its answers back: :meth:`zorgid_card.cards.ZorgIDCard.relay`, over whatever network."""


class CardRecovery(CardCreation):
    """The card side: one holder's way from a card whose PUK others know back to one that is theirs alone (PIN-3, PIN-4).

    Arguments as :class:`CardCreation`. The pass shows who is there; the PUK is typed at the desk, or is the maker's.
    """

    def run_recovery(self, *, platform: str, client_version: str) -> CardRecovered:
        """All of it; a manager unblocks the card afterwards. What is interrupted is begun anew, with the PUK that the card has.

        Raises:
            NotFoundError: the person has no such card.
            TransitionError: nobody else knows its PUK; or others have got to know it once more meanwhile.
            WrongCardError: no ZORG-ID Smartcard.
            UsageError: the portal wants the PUK sealed for a key that is not pinned here; nothing was tried.
            PINMismatchError, PINPolicyError, DeclinedError: no PIN was chosen; nothing was tried.
            LastTryError: one try of the PUK is left (or an unknown number), and the holder does not say that it may be spent.
            WrongPUKError, PUKBlockedError: the card refuses the PUK.
        """
        self._client.open(CREATE, platform=platform, client_version=client_version)
        self.identify()
        self._change_to(Cue.INSERT_CARD)
        with self._card() as card:
            if card.kind is not CardKind.ZORGID:
                raise WrongCardError(expected=CardKind.ZORGID.value, found=card.kind.value)
            return self._recovered(card, card.serial)

    def _recovered(self, card: ZorgIDCard, serial: str) -> CardRecovered:
        wanted = self._client.ask(RecoverCard(serial=serial), CardToRecover)
        policy = _policy(wanted)
        self._escrow = Escrow.wanted(wanted.key_officer, self._officer, self._client)
        if self._escrow is not None:
            self._escrow.announce(self._holder)
        with self._choose_pin(policy) as pin:
            with self._unblocked(card, pin, makers=wanted.reset) as puk:
                self._change_puk(card, serial, puk)
            return self._tell_changed(card, pin)

    def _unblocked(self, card: ZorgIDCard, pin: Secret, *, makers: bool) -> Secret:
        """The PIN is set with the PUK that the card has; the maker's is tried first where the portal has set that."""
        if makers:
            try:
                return _unblock(card, *self._makers_puk(card), pin)
            except (WrongPUKError, LastTryError) as error:  # interrupted before, perhaps when the card had its new one
                self._holder.refused(error)
        return _unblock(card, *self._typed_puk(card), pin)

    def _change_puk(self, card: ZorgIDCard, serial: str, puk: Secret) -> None:
        """Drawn, shown, acknowledged, kept by the portal where that is the policy, written."""
        with new_puk() as fresh:
            self._holder.show_puk(fresh)
            if self._escrow is not None:
                self._escrow.take(serial, fresh)
            change_puk(card, puk, fresh, fresh, last_try_allowed=True)  # it was right just now: all tries are there

    def _makers_puk(self, card: ZorgIDCard) -> tuple[Secret, bool]:
        """The one that the portal has set, with all its tries; an unknown number of them is taken for that."""
        pin, puk, administration = card.factory_secrets()
        with pin, administration:
            return puk, card.puk_tries().state is not TryState.FINAL

    def _typed_puk(self, card: ZorgIDCard) -> tuple[Secret, bool]:
        tries = card.puk_tries()
        tries.require(Credential.PUK, last_try_allowed=True)
        request = PINRequest(
            what=Credential.PUK,
            tries=tries,
            reference=0,
            minimum=PUK_DIGITS,
            maximum=PUK_DIGITS,
            digits=True,
            retrying=False,
        )
        return spoken(self._holder.pin(request))

    def _tell_changed(self, card: ZorgIDCard, pin: Secret) -> CardRecovered:
        """The card's own signature, made with the PIN that was set just now, shows who says that its PUK is another."""
        fields = recovery_fields(session=self._client.session, origin=self._client.origin, serial=card.serial)
        signed = sign_statement(card.signer(AUTHENTICITY, lambda _: pin), CARD_RECOVERY, **fields)
        told = ChangePUK(algorithm=signed.algorithm, signature=signed.signature)
        return self._client.ask(told, CardRecovered)


def _unblock(card: ZorgIDCard, puk: Secret, last_try_allowed: bool, pin: Secret) -> Secret:
    """Gives the PUK that was right; one that was not is wiped."""
    try:
        card.unblock_pin(puk, pin, last_try_allowed=last_try_allowed)
    except BaseException:
        puk.wipe()
        raise
    return puk


def _policy(wanted: CardToRecover) -> PINPolicy:
    """What the portal wants of a PIN, as far as a card can have it; raises MessageError."""
    if not PIN_SHORTEST <= wanted.pin_minimum <= wanted.pin_maximum <= PIN_LONGEST:
        raise MessageError("not a PIN of a ZORG-ID Smartcard", field="pin_minimum")
    return PINPolicy(minimum=wanted.pin_minimum, maximum=wanted.pin_maximum)


# --- the portal --------------------------------------------------------------------------------------------------------


class PUKReset:
    """The portal side: sets a card's PUK to its maker's public value, over a channel whose keys the portal alone has.

    Args:
        registry: the portal's store.
        management: of the same store; what it refuses a person is refused here.
        keys: of the blanks' makers.
        clock: gives the time, UTC.
    """

    def __init__(
        self,
        registry: Registry,
        management: Management,
        keys: ChannelKeys,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._registry = registry
        self._management = management
        self._keys = keys
        self._clock = clock

    def reset(self, person: str, ura: str, serial: str, relay: Relayed, reason: str) -> None:
        """Reset the PUK of the card at the other end, which is suspended first: with a public PUK nobody is to be let in by it.

        Then the holder recovers the card (:class:`CardRecovery`), and a manager unblocks it, which cannot be done before.

        Args:
            person: a manager of the card's organisation, who has made sure that its holder is there.
            ura: the organisation.
            serial: the card's.
            relay: to the card.
            reason: for the record.

        Raises:
            NotAllowedError, NotFoundError, TransitionError, UsageError: as for blocking the card.
            NotOfferedError: cards of this dialect set no PUK without the old one; nothing was changed.
            ResidencyError: it is not this card that answers, or it refused; the card stays suspended.
        """
        manager = self._management.acting_as(person, ura)
        card = manager.own(serial, "puk.reset").card
        factory, rules = _administered(card)
        if card.state != "suspended":
            manager.block(serial, reason)
        enc, mac = self._keys.channel(serial)
        with enc, mac, self._opened((enc, mac), rules, relay) as opened:
            manager.disclose_puk(serial, "reset", reason)  # before the card hears of it, whatever becomes of its answer
            opened.unwrap(relay(opened.wrap(channel.reset_puk(factory))))
        with self._registry.begin() as unit:
            audit.record(unit, self._clock(), person, ura, "puk.reset", serial, reason.strip())

    def _opened(self, keys: tuple[Secret, Secret], rules: ChannelRules, relay: Relayed) -> channel.CardChannel:
        challenge = secrets.token_bytes(channel.CHALLENGE)
        answers = relay([channel.initialize_update(challenge)])
        return channel.CardChannel.open(keys, challenge, answers[0] if answers else b"", rules)


def _administered(card: SmartCard) -> tuple[Factory, ChannelRules]:
    """The dialect of a card whose codes the portal can set.

    Raises:
        NotOfferedError: there is no way.
    """
    profile = DIALECTS.get(card.dialect)
    factory = profile.factory if profile is not None else None
    if factory is None or factory.set_reference is None or factory.channel is None or not factory.channel.administers:
        raise NotOfferedError(
            "this dialect sets no code without the old one", operation="reset codes", reason="dialect"
        )
    return factory, factory.channel
