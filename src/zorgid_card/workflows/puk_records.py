"""PUKs, the portal side: one that is sealed for a key officer is kept, and one that others knew is changed (PIN-3, PIN-4).

The portal never sees a PUK. What it knows is whether others than its holder may have got to know it
(:attr:`~zorgid_card.ports.registry.SmartCard.puk_disclosed`): as long as that stands, nobody unblocks the card, and it stands until
the holder, who is there with pass, card and a new PIN, says that another one was written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from zorgid_card.errors import SessionError, TransitionError
from zorgid_card.pki.statement import CARD_RECOVERY, verify_statement
from zorgid_card.ports.registry import EscrowedPUK, IssuedCertificate, SmartCard
from zorgid_card.workflows import card_records, organisation, succession
from zorgid_card.workflows.authentication import session_identity
from zorgid_card.workflows.creation_messages import (
    CardRecovered,
    CardToRecover,
    ChangePUK,
    EscrowPUK,
    PUKEscrowed,
    RecoverCard,
    recovery_fields,
)
from zorgid_card.workflows.portal import Context, Steps


def escrow_puk(context: Context, message: EscrowPUK) -> PUKEscrowed:
    """Keep the sealed PUK that the card of this session gets next.

    In a recovery the one before stays until the card has the new one: an interruption leaves either of them on it.
    """
    if not context.facts.get("escrow"):
        raise SessionError("no PUK is kept here", reason="order")
    serial = context.facts["card"]
    if context.session.state == "issued":
        card_records.card_of_session(context)
    known = _kept(context)
    if known is not None and context.session.state == "recovering":
        context.unit.replace(replace(known, pending=message.sealed))
    else:
        (context.unit.add if known is None else context.unit.replace)(_new(serial, message.sealed, context))
    context.facts["escrowed"] = card_records.yes(flag=True)
    card_records.audited(context, "puk.keep", serial)
    return PUKEscrowed()


def _new(serial: str, sealed: bytes, context: Context) -> EscrowedPUK:
    return EscrowedPUK(
        card_serial=serial, sealed=sealed, kept_at=context.now, asked_by=None, reason=None, released_at=None
    )


def _kept(context: Context) -> EscrowedPUK | None:
    return next(context.unit.find(EscrowedPUK, card_serial=context.facts["card"]), None)


def require_escrowed(context: Context) -> None:
    """Where the policy is that the PUK is kept, it is, before the card serves; raises SessionError."""
    if context.facts.get("escrow") and not context.facts.get("escrowed"):
        raise SessionError("the PUK is not kept yet", reason="order")


def recover_card(context: Context, message: RecoverCard) -> CardToRecover:
    """PIN-3: a card of this person's whose PUK others know, or may know, is at hand.

    Raises:
        NotFoundError: the person has no such card.
        TransitionError: nobody else knows its PUK, as far as the portal can tell; or it is not suspended.
    """
    organisation.registered(context.unit, session_identity(context).ura)
    card = succession.own_card(context, message.serial)
    if card.state != "suspended" or card.puk_disclosed is None:
        raise TransitionError("there is nothing to recover", what="card", state=card.state, event="recover")
    policy = context.services.policy.creation
    context.facts.update(
        card=card.serial,
        disclosed=card.puk_disclosed,
        escrow=card_records.yes(bool(policy.key_officer)),
        escrowed="",
    )
    return CardToRecover(
        reset=card.puk_disclosed.startswith("reset:"),
        key_officer=policy.key_officer,
        pin_minimum=policy.pin.minimum,
        pin_maximum=policy.pin.maximum,
    )


def change_puk(context: Context, message: ChangePUK) -> CardRecovered:
    """PIN-4: the card's PUK is its holder's alone. What others got to know of it is of no use any more.

    Raises:
        TransitionError: it has become known once more since the recovery began, or the card is not suspended any more.
        SignatureError: it is not the card that signed.
    """
    require_escrowed(context)
    card = succession.own_card(context, context.facts["card"])
    if card.state != "suspended" or card.puk_disclosed != context.facts["disclosed"]:
        raise TransitionError("its PUK has become known once more", what="card", state=card.state, event="recover")
    fields = recovery_fields(session=context.session.id, origin=context.session.origin, serial=card.serial)
    issued = context.unit.get(IssuedCertificate, card.certificate_serial)
    verify_statement(issued.der, CARD_RECOVERY, fields, message.signature, message.algorithm)
    _settle(context, card)
    card_records.audited(context, "puk.change", card.serial)
    return CardRecovered(serial=card.serial, state=card.state)


def _settle(context: Context, card: SmartCard) -> None:
    context.unit.replace(replace(card, puk_disclosed=None))
    kept = _kept(context)
    if kept is None:
        return
    if context.facts["escrowed"]:
        context.unit.replace(_new(card.serial, kept.pending or kept.sealed, context))
    else:
        context.unit.remove(kept)


STEPS: Final[Steps] = {
    ("issued", EscrowPUK): (escrow_puk, "issued"),
    ("matched", RecoverCard): (recover_card, "recovering"),
    ("recovering", RecoverCard): (recover_card, "recovering"),
    ("recovering", EscrowPUK): (escrow_puk, "recovering"),
    ("recovering", ChangePUK): (change_puk, "matched"),
}
"""What may be said of a PUK (:data:`zorgid_card.workflows.issuance.STEPS`)."""
