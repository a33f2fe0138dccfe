"""A blocked PIN whose PUK its holder does not have any more (PIN-3): out of escrow, or reset over the portal's secure channel.

Either way the card is suspended meanwhile, and ends with a PIN that its holder has just chosen and a PUK that nobody else has seen.
Which dialect can what, and why nothing of it is typed from a telephone, is in docs/pin.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from zorgid_card.cards.profile import DIALECTS, ChannelRules, Factory
from zorgid_card.errors import NotOfferedError
from zorgid_card.ports.keys import ChannelKeys
from zorgid_card.ports.registry import Registry, SmartCard
from zorgid_card.secret import Secret
from zorgid_card.workflows import audit, channel
from zorgid_card.workflows.escrow import Escrow
from zorgid_card.workflows.holder import Holder
from zorgid_card.workflows.management import Management
from zorgid_card.workflows.pin import PINCard, PINPolicy, change_puk, check_new_pin, new_puk, unblock_pin

Relayed: TypeAlias = Callable[[Sequence[bytes]], Sequence[bytes]]
"""Carries command APDUs to the card and its answers back: :meth:`zorgid_card.cards.ZorgIDCard.relay`, over whatever network."""


def recover(
    card: PINCard,
    serial: str,
    puk: Secret,
    holder: Holder,
    *,
    policy: PINPolicy | None = None,
    escrow: Escrow | None = None,
) -> None:
    """The card side: the holder chooses a PIN with a PUK that others know or knew, which is changed at once (PIN-3, PIN-4).

    Args:
        card: in the reader.
        serial: the card's.
        puk: out of escrow, or the public one that :class:`PUKReset` has set.
        holder: at the desk.
        policy: of the new PIN.
        escrow: takes the new PUK, where the card side is configured for it.

    Raises:
        DeclinedError: the holder does not want it; asked of the escrow or the PIN, nothing was tried.
        PINMismatchError, PINPolicyError: the new PIN is refused; nothing was tried.
        WrongPUKError, PUKBlockedError: the card refuses the PUK.
    """
    if escrow is not None:
        escrow.announce(holder)
    policy = policy or PINPolicy()
    first, second = holder.new_pin(policy)
    with first, second:
        check_new_pin(first, second, policy)
        unblock_pin(card, puk, first, second, policy=policy, last_try_allowed=True)
    with new_puk() as fresh:
        holder.show_puk(fresh)
        if escrow is not None:
            escrow.take(serial, fresh)
        change_puk(card, puk, fresh, fresh, last_try_allowed=True)


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

        Then the holder runs :func:`recover` there, and a manager unblocks the card.

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
        with enc, mac:
            self._over_channel((enc, mac), factory, rules, relay)
        with self._registry.begin() as unit:
            audit.record(unit, self._clock(), person, ura, "puk.reset", serial, reason.strip())

    def _over_channel(self, keys: tuple[Secret, Secret], factory: Factory, rules: ChannelRules, relay: Relayed) -> None:
        challenge = secrets.token_bytes(channel.CHALLENGE)
        answers = relay([channel.initialize_update(challenge)])
        with channel.CardChannel.open(keys, challenge, answers[0] if answers else b"", rules) as opened:
            opened.unwrap(relay(opened.wrap(channel.reset_puk(factory))))


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
