"""That a key is on the card which is being made (CRD-7): attested by its maker, or generated over the portal's own channel.

A channel's commands go through the card side, a message at a time, and nothing secret is kept in between: what is wrapped is a
script, and to go on after an answer the script is played again from its beginning with the answers so far. It says the same each
time, because the session keys follow from the card's static keys, the host challenge and the card's answer to it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from zorgid_card.cards.profile import DIALECTS, CardProfile, Factory
from zorgid_card.codec.apdu import CommandAPDU, ResponseAPDU
from zorgid_card.errors import MessageError, NotFoundError, ResidencyError, SessionError
from zorgid_card.pki.attestation import verify_attestation
from zorgid_card.pki.signing import key_algorithm
from zorgid_card.ports.registry import IssuedCertificate, SmartCard
from zorgid_card.protocol import iso7816, piv
from zorgid_card.secret import Secret
from zorgid_card.workflows import channel, organisation
from zorgid_card.workflows.creation_messages import OfferCard, Relay, RelayCommands, RenewCard, RequestCertificates
from zorgid_card.workflows.policy import ATTESTED, CHANNEL, POSSESSION_ONLY, SLOTS
from zorgid_card.workflows.portal import Context

Commands: TypeAlias = Sequence[CommandAPDU]
Script: TypeAlias = Generator[tuple[bytes, ...], tuple[bytes, ...], tuple[ResponseAPDU, ...]]
"""Yields what the card is to be given, is sent what it answered, returns the answers to the batch."""


# --- which way ---------------------------------------------------------------------------------------------------------


def choose(context: Context, offer: OfferCard | RenewCard) -> tuple[str, bool]:
    """How this card is to prove that its keys are on it, and whether it is made over a channel.

    Raises:
        ResidencyError: ``reason`` is ``policy``: by nothing that the policy accepts; ``channel_keys``: it is made over a channel
            only, and no key of its maker's batch is there.
    """
    profile = profile_of(offer.dialect)
    factory, accepted = factory_of(profile), context.services.policy.creation.residency
    over = offer.channel and factory.channel is not None and _keys_known(context, offer.serial)
    if factory.channel is not None and factory.channel.administers and not over:
        raise ResidencyError("no key of its maker's batch is here", reason="channel_keys", serial=offer.serial)
    if over and CHANNEL in accepted:
        return CHANNEL, True
    if factory.attestation and ATTESTED in accepted:
        return ATTESTED, over
    if POSSESSION_ONLY in accepted:
        return POSSESSION_ONLY, over
    raise ResidencyError("no accepted proof that the key will be on the card", reason="policy")


def profile_of(dialect: str) -> CardProfile:
    """What is known of a dialect.

    Raises:
        MessageError: nothing.
    """
    if dialect not in DIALECTS:
        raise MessageError("a dialect that is not known here", field="dialect")
    return DIALECTS[dialect]


def factory_of(profile: CardProfile) -> Factory:
    """The values of its blanks; raises as :func:`profile_of`."""
    if profile.factory is None:
        raise MessageError("no card that is made here", field="dialect")
    return profile.factory


def _keys_known(context: Context, serial: str) -> bool:
    try:
        enc, mac = _channel_keys(context, serial)
    except NotFoundError:
        return False
    enc.wipe()
    mac.wipe()
    return True


def _channel_keys(context: Context, serial: str) -> tuple[Secret, Secret]:
    if context.services.channels is None:
        raise NotFoundError("no batch keys", what="batch key")
    return context.services.channels.channel(serial)


# --- the relay ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Phase:
    """What one relay is for: the batch, and what to do with the card's answers."""

    batch: Callable[[Context], Commands]
    ended: Callable[[Context, tuple[ResponseAPDU, ...]], tuple[bytes, ...]]


def relay(context: Context, message: Relay) -> RelayCommands:
    """One turn of a relay: the script is played with all that the card has answered so far.

    Raises:
        ResidencyError: ``reason`` is ``channel``: these are not this card's answers.
        SessionError: nothing is relayed to this card now.
    """
    if not context.facts["channel"]:
        raise SessionError("this card is not made over a channel", reason="order")
    challenge, answers = _played(context, message)
    script = _script(context, challenge, _phase(context).batch)
    try:
        commands = next(script)
        for answer in answers:
            commands = script.send(answer)
    except StopIteration as ended:
        context.facts.pop("relay")
        return RelayCommands(commands=(), done=True, public_keys=_phase(context).ended(context, ended.value))
    finally:
        script.close()
    context.facts["relay"] = json.dumps([challenge.hex(), [[one.hex() for one in answer] for answer in answers]])
    return RelayCommands(commands=commands, done=False, public_keys=())


def _played(context: Context, message: Relay) -> tuple[bytes, list[tuple[bytes, ...]]]:
    """The host challenge, and the answers so far."""
    if not message.responses:
        context.facts["relay"] = ""
        return secrets.token_bytes(channel.CHALLENGE), []
    if not context.facts.get("relay"):
        raise SessionError("no relay was begun", reason="order")
    challenge, kept = json.loads(context.facts["relay"])
    answers = [tuple(bytes.fromhex(one) for one in answer) for answer in kept]
    return bytes.fromhex(challenge), [*answers, message.responses]


def _script(context: Context, challenge: bytes, batch: Callable[[Context], Commands]) -> Script:
    """Open the channel, administer, give the batch."""
    factory = factory_of(profile_of(context.facts["dialect"]))
    rules = factory.channel
    if rules is None:
        raise SessionError("this dialect has no channel", reason="order")
    opened = yield (channel.initialize_update(challenge),)
    if len(opened) != 1:
        raise ResidencyError("not one answer", reason="channel")
    enc, mac = _channel_keys(context, context.facts["card"])
    with enc, mac, channel.CardChannel.open((enc, mac), challenge, opened[0], rules) as card:
        before: Commands = ()
        if not rules.administers:
            with present_key(context) as key:
                of = context.facts.get("present_algorithm", factory.administration_algorithm), key
                (asked,) = card.unwrap((yield card.wrap(channel.administration_challenge(*of))))
                before = channel.administration_answer(*of, asked)
        answers = card.unwrap((yield card.wrap((*before, *batch(context)))))
        return answers[len(before) :]


def present_key(context: Context) -> Secret:
    """Key 9B as it is before this card is written: the maker's, or in a renewal the card's own."""
    facts = context.facts
    if not facts.get("present"):
        return Secret.of(factory_of(profile_of(facts["dialect"])).administration_key)
    algorithm, generation = facts["present_algorithm"], int(facts["present"])
    return context.services.administration.derive(facts["card"], algorithm, generation)


def _phase(context: Context) -> _Phase:
    if context.session.state == "issued":
        return _Phase(_writing, _written)
    factory = factory_of(profile_of(context.facts["dialect"]))
    if context.facts["renew"] and factory.reset is None and not context.facts.get("emptied"):
        return _Phase(_emptying, _emptied)
    return _Phase(_generating, _generated)


def _emptying(context: Context) -> Commands:
    profile = profile_of(context.facts["dialect"])
    factory = factory_of(profile)
    return (
        *channel.empty(factory, sorted(SLOTS)),
        *channel.set_retries(factory, profile.pin_tries, profile.puk_tries),
    )


def _emptied(context: Context, answers: tuple[ResponseAPDU, ...]) -> tuple[bytes, ...]:
    context.facts["emptied"] = "yes"
    return ()


def _generating(context: Context) -> Commands:
    """Codes as the maker left them, where that can be made sure of; tries; keys. In a renewal the codes are the holder's: keys."""
    policy, factory = context.services.policy.creation, factory_of(profile_of(context.facts["dialect"]))
    keys = [one for slot in policy.slots for one in channel.generate(slot, policy.algorithm_of(slot))]
    if context.facts.get("present"):
        return keys
    commands = [] if factory.set_reference is None else [*channel.reset_codes(factory)]
    if policy.pin_tries is not None and policy.puk_tries is not None:
        if factory.set_reference is None:
            commands.append(channel.command_of(iso7816.verify(piv.PIN, Secret.of(factory.pin))))
        commands += channel.set_retries(factory, policy.pin_tries, policy.puk_tries)
    return (*commands, *keys)


def _generated(context: Context, answers: tuple[ResponseAPDU, ...]) -> tuple[bytes, ...]:
    policy = context.services.policy.creation
    last = answers[-len(policy.slots) :]
    pairs = zip(last, policy.slots, strict=True)
    keys = tuple(channel.generated(answer, policy.algorithm_of(slot)) for answer, slot in pairs)
    context.facts["keys"] = _text(keys)
    return keys


def _writing(context: Context) -> Commands:
    """What a finished card holds, and last its own administration key: from then on the maker's opens nothing."""
    policy, facts = context.services.policy.creation, context.facts
    ders = [base64.b64decode(text) for text in facts["certificates"].split()]
    certificates = dict(zip(policy.slots, ders, strict=True))
    card = context.unit.get(SmartCard, facts["card"])
    algorithm = policy.administration_algorithm
    key = context.services.administration.derive(card.serial, algorithm, card.key_generation)
    return (
        *channel.write(certificates, bytes.fromhex(facts["guid"]), date.fromisoformat(facts["expires"])),
        *channel.set_administration_key(factory_of(profile_of(facts["dialect"])), algorithm, key),
    )


def _written(context: Context, answers: tuple[ResponseAPDU, ...]) -> tuple[bytes, ...]:
    context.facts["written"] = "yes"
    return ()


def _text(keys: Sequence[bytes]) -> str:
    return " ".join(base64.b64encode(key).decode() for key in keys)


# --- the judgement -----------------------------------------------------------------------------------------------------


def require_resident(context: Context, message: RequestCertificates, keys: Sequence[bytes]) -> str:
    """These keys are on the card, as the policy wants it shown; they are new, and of the wanted algorithms.

    Args:
        context: of the session, in which the way was chosen.
        message: holds the attestations.
        keys: SubjectPublicKeyInfo of the requests, whose signatures are verified.

    Returns:
        the firmware: as it was attested, or else as the card side told it.

    Raises:
        ResidencyError: ``reason``.
    """
    policy, facts = context.services.policy.creation, context.facts
    if len(keys) != len(policy.slots) or len(set(keys)) != len(keys):
        raise ResidencyError("not a key for each slot", reason="key")
    if facts["channel"] and _text(keys) != facts.get("keys"):
        raise ResidencyError("not the keys that were generated over the channel", reason="key")
    for slot, key in zip(policy.slots, keys, strict=True):
        if key_algorithm(key) != policy.algorithm_of(slot):
            raise ResidencyError(f"a key of {policy.algorithm_of(slot)} is wanted", reason="algorithm")
        certified = context.unit.find(IssuedCertificate, key_hash=hashlib.sha256(key).digest())
        if any(issued.serial not in facts.get("pending", "").split() for issued in certified):
            raise ResidencyError("this key has been certified before", reason="used")
    return _attested(context, message, keys) if facts["residency"] == ATTESTED else facts["firmware"]


def _attested(context: Context, message: RequestCertificates, keys: Sequence[bytes]) -> str:
    """Each key was generated on this card, for its slot, and wants the PIN; on a firmware that the policy wants."""
    services, policy = context.services, context.services.policy.creation
    if len(message.attestations) != len(keys):
        raise ResidencyError("not an attestation for each key", reason="malformed")
    firmware = ""
    for slot, key, attestation in zip(policy.slots, keys, message.attestations, strict=True):
        firmware = verify_attestation(
            attestation,
            message.intermediate,
            services.makers,
            public_key=key,
            slot=slot,
            at=context.now,
            serial=context.facts["card"],
        ).firmware
    if organisation.numbers_of(firmware) < organisation.numbers_of(policy.minimum_firmware):
        raise ResidencyError(f"firmware {firmware} is too old", reason="firmware")
    return firmware
