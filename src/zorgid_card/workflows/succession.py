"""What comes after a person's first card, the portal side: a card in the place of another, new keys on the same card, and its end.

All of it happens in a session that a UZI pass has authenticated (CRD-1), for cards of that pass's person alone:

* **replacement**: the card that is made in this session takes the place of another, which is revoked or suspended at its commit,
  and never before;
* **renewal**: a card that shows that it has its keys gets new ones. They are generated where the old ones are, so a card that
  is given leave for that is ``renewing``, its certificates on hold, until it has shown new keys, or the old ones again;
* **retirement**: a card is revoked because its holder says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from zorgid_card.errors import (
    CertificateExpiredError,
    CommitLateError,
    MessageError,
    NotFoundError,
    SessionError,
    TransitionError,
)
from zorgid_card.pki.revocation import ON_HOLD
from zorgid_card.pki.statement import CARD_RENEWAL, verify_statement
from zorgid_card.ports.registry import CardLink, IssuedCertificate, SmartCard
from zorgid_card.workflows import card_records, organisation, people, residency, revocation_list
from zorgid_card.workflows.authentication import session_identity
from zorgid_card.workflows.creation_messages import (
    AdministrationKey,
    CardAccepted,
    CardsListed,
    CardToGo,
    FetchPresentKey,
    ListCards,
    RenewCard,
    ReplaceCard,
    RetireCard,
    renewal_fields,
)
from zorgid_card.workflows.policy import SUSPEND
from zorgid_card.workflows.portal import Context, Steps
from zorgid_card.workflows.sealing import ADMINISTRATION_KEY, seal
from zorgid_card.workflows.states import move

CAUSES: Final = {
    "lost": "keyCompromise",
    "stolen": "keyCompromise",
    "broken": "superseded",
    "unused": "cessationOfOperation",
}
"""Why a holder gives a card up, and what the CRL says of it (RFC 5280, 5.3.1)."""

_LIVE: Final = ("active", "renewing", "suspended")
_MOST: Final = 50


# --- which cards ------------------------------------------------------------------------------------------------------


def list_cards(context: Context, message: ListCards) -> CardsListed:
    """The person's cards that are of use still, or may be again."""
    unit = context.unit
    found = [card for card in unit.find(SmartCard, person_id=context.facts["person"]) if card.state in _LIVE][:_MOST]
    return CardsListed(
        serials=tuple(card.serial for card in found),
        states=tuple(card.state for card in found),
        ends=tuple(unit.get(IssuedCertificate, card.certificate_serial).not_after for card in found),
    )


def own_card(context: Context, serial: str) -> SmartCard:
    """A card of this person that is of use still; somebody else's is not found, just as what does not exist."""
    card = next(context.unit.find(SmartCard, serial=serial), None)
    if card is None or card.person_id != context.facts["person"] or card.state not in _LIVE:
        raise NotFoundError("this person has no such card", what="SmartCard")
    return card


def _cause(code: str) -> str:
    if code not in CAUSES:
        raise MessageError("no such cause", field="cause")
    return CAUSES[code]


# --- replacement ------------------------------------------------------------------------------------------------------


def replace_card(context: Context, message: ReplaceCard) -> CardToGo:
    """CRD-8: remember which card the new one replaces; nothing becomes of it before the commit."""
    card = own_card(context, message.serial)
    context.facts.update(replaces=card.serial, cause=_cause(message.cause))
    suspends = context.services.policy.creation.replaced == SUSPEND
    return CardToGo(serial=card.serial, state="suspended" if suspends else "revoked")


def succeed(context: Context, card: SmartCard) -> None:
    """CRD-10, CRD-11, CRD-13: at the commit of ``card``, what it replaces goes, and it serves where that did."""
    facts, policy = context.facts, context.services.policy.creation
    if facts.get("replaces", "") in ("", card.serial):
        return
    old = next(context.unit.find(SmartCard, serial=facts["replaces"]), None)
    if (
        old is None or old.person_id != card.person_id or old.state not in _LIVE
    ):  # somebody else's, or revoked meanwhile
        return
    if policy.replacement_links:
        for link in list(context.unit.find(CardLink, card_serial=old.serial)):
            if people.is_current(link.until, context.now):
                card_records.link(context.unit, card.serial, link.ura, link.until, context.now)
    if policy.replaced == SUSPEND and old.state in ("active", "suspended"):
        _suspend(context, old, card)
    else:
        _revoke(context, old, facts["cause"], f"replaced by {card.serial}")


def _suspend(context: Context, old: SmartCard, new: SmartCard) -> None:
    if old.state == "suspended":
        return
    context.unit.replace(replace(old, state=move("card", old.state, "block"), reason=f"replaced by {new.serial}"))
    revocation_list.change_all(context.unit, old.serial, "block", ON_HOLD, context.now)
    card_records.audited(context, "card.block", old.serial, why=f"replaced by {new.serial}")


def _revoke(context: Context, card: SmartCard, cause: str, why: str) -> None:
    context.unit.replace(replace(card, state=move("card", card.state, "revoke"), reason=why))
    revocation_list.change_all(context.unit, card.serial, "revoke", cause, context.now)
    card_records.audited(context, "card.revoke", card.serial, why=why, cause=cause)


# --- retirement -------------------------------------------------------------------------------------------------------


def retire_card(context: Context, message: RetireCard) -> CardToGo:
    """The holder gives a card up: it is revoked at once, whatever becomes of the rest of this session."""
    card = own_card(context, message.serial)
    _revoke(context, card, _cause(message.cause), f"by its holder: {message.cause}")
    return CardToGo(serial=card.serial, state="revoked")


# --- renewal ----------------------------------------------------------------------------------------------------------


def renew_card(context: Context, message: RenewCard) -> CardAccepted:
    """CRD-5, CRD-7: a card of this person's shows that it has its keys: what was begun on it is over, and it may get new ones.

    Raises:
        NotFoundError: the person has no such card.
        TransitionError: it is blocked.
        CertificateExpiredError, CommitLateError: it is to be made anew.
        SignatureError: the card has not its key.
    """
    identity = session_identity(context)
    organisation.registered(context.unit, identity.ura)
    card_records.require_one_means(context)
    card = own_card(context, message.serial)
    if card.state != "renewing":
        move("card", card.state, "renew")
    _require_keys(context, card, message)
    if card.state == "renewing":
        context.unit.replace(replace(card, state=move("card", card.state, "keep")))
        revocation_list.change_all(context.unit, card.serial, "release", None, context.now)
    message = replace(message, dialect=card.dialect)  # which the card tells less well once it is in use
    how, over_channel = residency.choose(context, message)
    return card_records.accept(
        context,
        message,
        how,
        over_channel,
        found="zorgid",
        renewal="yes",
        present=str(card.key_generation),
        present_algorithm=message.administration_algorithm or context.services.policy.creation.administration_algorithm,
    )


def _require_keys(context: Context, card: SmartCard, message: RenewCard) -> None:
    issued = context.unit.get(IssuedCertificate, card.certificate_serial)
    if issued.not_after <= context.now:
        raise CertificateExpiredError(not_after=issued.not_after.isoformat())
    if issued.commit_by is not None and issued.commit_by <= context.now:
        raise CommitLateError(serial=card.serial)
    fields = renewal_fields(
        session=context.session.id,
        origin=context.session.origin,
        serial=card.serial,
        after=bytes.fromhex(context.facts.get("guid", "")),
    )
    verify_statement(issued.der, CARD_RENEWAL, fields, message.signature, message.algorithm)


def overwriting(context: Context) -> None:
    """From here on the card's old keys may be overwritten. If it shows neither new ones nor the old in time, it is revoked."""
    if not context.facts.get("renewal"):
        return
    card = own_card(context, context.facts["card"])
    if card.state == "renewing":
        return
    deadline = context.now + context.services.policy.creation.commit_within
    context.unit.replace(replace(card, state=move("card", card.state, "renew")))
    revocation_list.change_all(context.unit, card.serial, "block", ON_HOLD, context.now, commit_by=deadline)
    card_records.audited(context, "card.renew", card.serial, certificate=card.certificate_serial)


def require_renewing(context: Context) -> None:
    """A card that is being renewed was not revoked meanwhile; raises TransitionError."""
    if not context.facts.get("renewal"):
        return
    state = context.unit.get(SmartCard, context.facts["card"]).state
    if state != "renewing":
        raise TransitionError("the card is not being renewed any more", what="card", state=state, event="renew")


def renews(context: Context, card: SmartCard) -> bool:
    """Whether this card has perhaps lost its keys in a renewal of this session."""
    return card.state == "renewing" and card.person_id == context.facts["person"] and bool(context.facts.get("renewal"))


def present_key(context: Context, message: FetchPresentKey) -> AdministrationKey:
    """The administration key that the card has had so far, to which new keys can be generated."""
    facts = context.facts
    if not facts.get("renewal") or facts["channel"]:
        raise SessionError("this card's present key is not wanted here", reason="order")
    if context.session.state == "offered":
        overwriting(context)
    with residency.present_key(context) as key:
        return AdministrationKey(sealed=seal(message.recipient, key, ADMINISTRATION_KEY, card=facts["card"]))


STEPS: Final[Steps] = {
    ("matched", ListCards): (list_cards, "matched"),
    ("matched", ReplaceCard): (replace_card, "matched"),
    ("matched", RetireCard): (retire_card, "matched"),
    ("matched", RenewCard): (renew_card, "offered"),
    ("offered", RenewCard): (renew_card, "offered"),
    ("offered", FetchPresentKey): (present_key, "offered"),
    ("issued", FetchPresentKey): (present_key, "issued"),
}
"""What may be said besides making a first card (:data:`zorgid_card.workflows.issuance.STEPS`)."""
