"""The portal's end of a secure channel (GlobalPlatform SCP03) to the card that is being made (CRD-7).

The card side relays opaque commands and answers; nobody on the way reads, changes, adds or drops one unseen. No secret is kept
between two messages: the session keys follow from the static keys, the host challenge and the card's answer to INITIALIZE
UPDATE. So a whole batch is wrapped at once, and when the answers come the same channel is opened again, the same batch wrapped
again, and each answer's R-MAC verified::

    challenge = secrets.token_bytes(CHALLENGE)             # kept, with the answer; neither is secret
    relay([initialize_update(challenge)])                  # -> answer
    channel = CardChannel.open(keys, challenge, answer, rules)
    relay(channel.wrap(generate(0x9A, "ECCP256")))         # -> answers
    channel.wrap(generate(0x9A, "ECCP256"))                # after a restart: the same keys, challenge, answer and commands
    key = generated(channel.unwrap(answers)[0], "ECCP256")
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from zorgid_card.cards import objects
from zorgid_card.cards.profile import ChannelRules, Factory
from zorgid_card.codec.apdu import SW, CommandAPDU, ResponseAPDU
from zorgid_card.codec.exchange import PhysicalCommands
from zorgid_card.codec.link import Exchange
from zorgid_card.codec.scp03 import SCP03, SecurityLevel, StaticKeys
from zorgid_card.codec.tlv import Index
from zorgid_card.errors import CardError, Detail, EncodingError, NotOfferedError, ResidencyError
from zorgid_card.protocol import globalplatform, piv
from zorgid_card.protocol.administration import administration_algorithm, authenticate_one_way
from zorgid_card.secret import Secret

CHALLENGE: Final = 8
"""Length of a host challenge in bytes; it is random and never used before."""

_PART: Final = 239
"""Most data of one wrapped command in short form: 240 encrypted, of which padding takes one, and 8 of MAC."""
_PHYSICAL: Final = 255
_CHAINED: Final = 0x10
_OK: Final = b"\x90\x00"


def initialize_update(host_challenge: bytes) -> bytes:
    """INITIALIZE UPDATE, for the card side to relay: with it a channel begins.

    Args:
        host_challenge: :data:`CHALLENGE` random bytes.
    """
    return command_of(globalplatform.initialize_update(host_challenge)).encode()


@dataclass(frozen=True, slots=True)
class _Step:
    """One command that was wrapped, and how many physical ones it became."""

    command: CommandAPDU
    physical: int
    last: bool
    """Its answer is the logical command's."""


class CardChannel:
    """A channel whose card has shown that it knows the static keys. It serves one thread; :meth:`close` it, or use ``with``.

    Batches may follow one another: :meth:`wrap`, :meth:`unwrap`, :meth:`wrap`... To go on after a restart, do the same again
    with the same commands and answers. Other commands want another channel: two batches for one place in it must never exist.
    """

    def __init__(self, keys: StaticKeys, host_challenge: bytes, update: bytes, rules: ChannelRules) -> None:
        """See :meth:`open`."""
        self._rules = rules
        self._wrapping = SCP03(keys, host_challenge, update)
        self._judging = SCP03(keys, host_challenge, update)
        self._awaited: list[_Step] = []

    @classmethod
    def open(
        cls, keys: tuple[Secret, Secret], host_challenge: bytes, answer: bytes, rules: ChannelRules
    ) -> CardChannel:
        """Judge the card's answer to INITIALIZE UPDATE.

        Args:
            keys: the card's own static keys, ENC and MAC, diversified by its hardware serial.
            host_challenge: as sent.
            answer: the response APDU, status word included.
            rules: of the card's dialect.

        Raises:
            ResidencyError: ``reason`` is ``channel``: the card has other keys, speaks another protocol or has refused; or
                the keys are public ones.
        """
        enc, mac = keys
        if _is_public(enc) or _is_public(mac):
            raise _failed("the card's channel keys are public test keys")
        try:
            update = ResponseAPDU.parse(answer).require(SW.OK, operation="initialize update")
            return cls(StaticKeys(enc, mac), host_challenge, update, rules)
        except (CardError, EncodingError) as error:
            raise _failed(f"no channel to this card: {error}") from error

    def wrap(self, commands: Sequence[CommandAPDU]) -> tuple[bytes, ...]:
        """A batch, as short command APDUs for the card side to relay as they are; the first begins with EXTERNAL AUTHENTICATE.

        Args:
            commands: logical ones; what their secrets hold must live until :meth:`unwrap`.
        """
        wrapped: list[bytes] = []
        if not self._wrapping.level:
            wrapped.append(self._wrapping.authenticate(SecurityLevel.FULL).encode())
        for command in commands:
            parts = self._parts(command)
            for part in parts:
                physical = _physical(self._wrapping.wrap(part))
                self._awaited.append(_Step(part, len(physical), part is parts[-1]))
                wrapped += physical
        return tuple(wrapped)

    def _parts(self, command: CommandAPDU) -> tuple[CommandAPDU, ...]:
        """What is wrapped by itself: the whole command, or in other dialects each part of a chain."""
        data = command.data
        if not self._rules.by_part or len(data) <= _PART:
            return (command,)
        if command.secrets:
            raise ValueError("a command with secrets is not cut")
        cut = [data[start : start + _PART] for start in range(0, len(data), _PART)]
        chained = [command._replace(cla=command.cla | _CHAINED, data=part, le=None) for part in cut[:-1]]
        return (*chained, command._replace(data=cut[-1]))

    def unwrap(self, responses: Sequence[bytes]) -> tuple[ResponseAPDU, ...]:
        """The card's answers to the batch wrapped last: every R-MAC is verified, every command was done.

        Args:
            responses: one response APDU to each command of the batch.

        Returns:
            one answer to each logical command, EXTERNAL AUTHENTICATE aside; its status word is 9000.

        Raises:
            ResidencyError: ``reason`` is ``channel``: an answer is not the card's, is missing, or there are too many; or the card
                has refused, as ``sw`` says, for which nobody vouches. The channel is closed.
        """
        try:
            answers = tuple(self._unwrap(deque(responses)))
        except (CardError, EncodingError, IndexError) as error:
            self.close()
            raise _failed(f"these are not the card's answers to these commands: {error}") from error
        except ResidencyError:
            self.close()
            raise
        self._awaited.clear()
        return answers

    def _unwrap(self, responses: deque[bytes]) -> Iterator[ResponseAPDU]:
        if not self._judging.level:
            _require_bare(responses.popleft())
            self._judging.authenticate(SecurityLevel.FULL)
        for step in self._awaited:
            self._judging.wrap(step.command)
            for _ in range(step.physical - 1):
                _require_bare(responses.popleft())
            answer = self._judging.unwrap(ResponseAPDU.parse(responses.popleft()))
            if answer.sw != SW.OK:
                raise _failed(f"the card answered {answer.sw:04X}", sw=answer.sw)
            if step.last:
                yield answer
            elif answer.data:
                raise _failed("an answer within a chain")
        if responses:
            raise _failed("more answers than commands")

    def close(self) -> None:
        """Wipe the session keys; closing twice is fine."""
        self._wrapping.close()
        self._judging.close()

    def __enter__(self) -> CardChannel:
        """The channel itself; it is closed when the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _failed(why: str, **details: Detail) -> ResidencyError:
    return ResidencyError(why, reason="channel", **details)


def _require_bare(answer: bytes) -> None:
    """To EXTERNAL AUTHENTICATE, or within a chain that was cut after wrapping: a status word, for which nobody vouches."""
    if answer != _OK:
        raise _failed("the card refused", sw=int.from_bytes(answer[-2:], "big"))


def _is_public(key: Secret) -> bool:
    with key.expose() as octets:
        return any(hmac.compare_digest(octets, public[: len(octets)]) for public in globalplatform.PUBLIC_KEYS)


def _physical(wrapped: CommandAPDU) -> list[bytes]:
    """The command as short ones; more than 255 bytes go as a chain (ISO/IEC 7816-4, 5.3.3)."""
    exchange = PhysicalCommands(wrapped)
    commands = [bytes(exchange.waiting or b"")]
    while len(commands) * _PHYSICAL < len(wrapped.data):
        exchange.feed(_OK)
        commands.append(bytes(exchange.waiting or b""))
    return commands


# --- what goes into a batch --------------------------------------------------------------------------------------


def command_of(exchange: Exchange[Any]) -> CommandAPDU:
    """The first command of an exchange, which is not gone on with."""
    command = next(exchange)
    exchange.close()
    return command


def generate(slot: int, algorithm: str) -> tuple[CommandAPDU, ...]:
    """Generate a key pair; :func:`generated` judges the answer.

    Args:
        slot: key reference: 9A, 9C, 9D, 9E or 82 to 95.
        algorithm: RSA2048, RSA3072, ECCP256 or ECCP384.
    """
    return (command_of(piv.generate(slot, piv.key_algorithm(algorithm))),)


def generated(answer: ResponseAPDU, algorithm: str) -> bytes:
    """The public key in an answer that :meth:`CardChannel.unwrap` vouches for: SubjectPublicKeyInfo, DER.

    Raises:
        ResidencyError: ``reason`` is ``channel``: it is no key of this algorithm.
    """
    try:
        return piv.decode_public_key(Index(answer.data).first(0x7F49), piv.key_algorithm(algorithm))
    except (CardError, EncodingError) as error:
        raise _failed(f"the card's answer is no key: {error}") from error


def write(certificates: Mapping[int, bytes], guid: bytes, expiry: date) -> tuple[CommandAPDU, ...]:
    """Write what a finished card holds: certificates (by key reference, DER), CHUID, CCC and the discovery object."""
    contents = {piv.certificate_object(slot): piv.encode_certificate(der) for slot, der in certificates.items()}
    contents |= {piv.CHUID: objects.chuid(guid, expiry), piv.CCC: objects.ccc(guid[:14])}
    contents |= {piv.DISCOVERY: objects.discovery()}
    return tuple(command_of(piv.put_data(tag, content)) for tag, content in contents.items())


def set_administration_key(factory: Factory, algorithm: str, key: Secret) -> tuple[CommandAPDU, ...]:
    """Set key 9B; over the channel it crosses the card side encrypted."""
    return (command_of(factory.set_administration_key(administration_algorithm(algorithm), key)),)


def set_retries(factory: Factory, pin: int, puk: int) -> tuple[CommandAPDU, ...]:
    """Set the tries of PIN and PUK, 1 to 15; some dialects put both back to the factory values, and want the PIN verified."""
    return (command_of(factory.set_retries(pin, puk)),)


def reset_codes(factory: Factory) -> tuple[CommandAPDU, ...]:
    """Set PIN and PUK to the public factory values, whatever they are, and their counters back.

    Raises:
        NotOfferedError: the dialect cannot do it.
    """
    codes = ((piv.PIN, factory.pin), (piv.PUK, factory.puk))
    return tuple(_set_code(factory, reference, code) for reference, code in codes)


def reset_puk(factory: Factory) -> tuple[CommandAPDU, ...]:
    """Set the PUK alone to the public factory value, and its counter back; raises as :func:`reset_codes`."""
    return (_set_code(factory, piv.PUK, factory.puk),)


def _set_code(factory: Factory, reference: int, code: bytes) -> CommandAPDU:
    if factory.set_reference is None:
        raise NotOfferedError(
            "this dialect sets no code without the old one", operation="reset codes", reason="dialect"
        )
    return command_of(factory.set_reference(reference, Secret.of(code)))


def empty(factory: Factory, slots: Collection[int]) -> tuple[CommandAPDU, ...]:
    """What makes a card blank again whose dialect has no reset: codes and key 9B as the maker left them, nothing written.

    Retry limits that were changed are set back by :func:`set_retries`. A key cannot be taken away: in its place a new one is
    generated, which nobody certifies.

    Args:
        factory: the dialect.
        slots: keys that may be on the card.

    Raises:
        NotOfferedError: the dialect sets no code without the old one; it has a reset.
    """
    keys = [command for slot in slots for command in generate(slot, "ECCP256")]
    written = (*(piv.certificate_object(slot) for slot in slots), piv.CHUID, piv.CCC)
    emptied = [command_of(piv.put_data(tag, b"")) for tag in written]
    key = Secret.of(factory.administration_key)
    administration = set_administration_key(factory, factory.administration_algorithm, key)
    return (*reset_codes(factory), *keys, *emptied, *administration)


def administration_challenge(algorithm: str, key: Secret) -> tuple[CommandAPDU, ...]:
    """Where the channel alone does not administer: ask for a challenge for key 9B, in a batch of its own."""
    return (command_of(authenticate_one_way(administration_algorithm(algorithm), key)),)


def administration_answer(algorithm: str, key: Secret, answer: ResponseAPDU) -> tuple[CommandAPDU, ...]:
    """The answer to the card's challenge, which begins the next batch.

    Args:
        algorithm: of the key: 3DES, AES128, AES192 or AES256.
        key: the present key 9B.
        answer: what :meth:`CardChannel.unwrap` gave for :func:`administration_challenge`.

    Raises:
        ResidencyError: ``reason`` is ``channel``: it is no challenge.
    """
    exchange = authenticate_one_way(administration_algorithm(algorithm), key)
    next(exchange)
    try:
        return (exchange.send(answer),)
    except (CardError, EncodingError) as error:
        raise _failed(f"the card's answer is no challenge: {error}") from error
    finally:
        exchange.close()
