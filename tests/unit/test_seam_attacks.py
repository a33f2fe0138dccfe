"""Attacks across the seam: a card side that sends what it should not, a portal that answers what it should not."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from renewal_world import holder_of, made, renewal, works, world_with
from world import DESKTOP, World
from zorgid_card.codec.scp03 import SCP03, StaticKeys
from zorgid_card.errors import EnrolmentPendingError, FetchError, MessageError, SecureChannelError, StorageError
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.revocation import Revocation
from zorgid_card.protocol import iso7816, piv
from zorgid_card.secret import Secret
from zorgid_card.testkit.scp03 import ChannelKeys
from zorgid_card.workflows import channel, issuance
from zorgid_card.workflows.creation_messages import (
    CardAccepted,
    CertificatesIssued,
    Relay,
    RelayCommands,
)
from zorgid_card.workflows.messages import Message, Refusal, canonical, from_json, parse, to_json
from zorgid_card.workflows.organisation import CREATE
from zorgid_card.workflows.portal import Portal
from zorgid_card.workflows.renewal import CardRenewal
from zorgid_card.workflows.sealing import public_key
from zorgid_card.workflows.session import OpenSession


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.validated()
    return world


class Lying:
    """A portal that changes what the true one answers."""

    def __init__(self, portal: Portal, lie: Callable[[Message], Message]) -> None:
        self._portal, self._lie, self.origin = portal, lie, portal.origin

    def ask(self, request: bytes) -> bytes:
        return canonical(to_json(self._lie(from_json(parse(self._portal.ask(request))))))


# --- a hostile card side ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("oid", ["2a8648ce3d030107", "2a8648ce3d0201"])
def test_pin_7_a_recipient_with_a_key_that_nobody_knows_is_a_typed_error(oid: str) -> None:
    """Of another curve, and of another kind."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    known = bytes.fromhex(oid)
    assert known in der
    with pytest.raises(MessageError):
        public_key(der.replace(known, known[:-1] + b"\x77"))


@pytest.mark.parametrize("field", ["session", "platform"])
def test_text_that_not_every_registry_can_keep_is_refused_before_it_is_looked_for(world: World, field: str) -> None:
    """PostgreSQL has no U+0000: what fails there, fails after the CA was asked, as often as somebody likes."""
    client = world.client()
    envelope = parse(client.seal(OpenSession(purpose=CREATE, session_key=client._key.public_key, **DESKTOP)))
    body = envelope["body"]
    assert isinstance(body, dict)
    changed = {"session": {**envelope, "session": "\0"}, "platform": {**envelope, "body": {**body, "platform": "\0"}}}
    answer = from_json(parse(world.portal.ask(canonical(changed[field]))))
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.error().details["field"]) == ("encoding.message", field)


class Slow:
    """The register's responder: while it is asked, another session is opened."""

    def __init__(self, world: World, inner: Revocation) -> None:
        self._world, self._inner = world, inner
        self.answered: list[str] = []

    def check(self, chain: Sequence[Certificate], at: datetime) -> None:
        other = threading.Thread(target=self._opens)
        other.start()
        other.join()
        self._inner.check(chain, at)

    def _opens(self) -> None:
        try:
            self._world.client().open(CREATE, **DESKTOP)
            self.answered.append("served")
        except Exception as error:  # whatever it is, the test tells it
            self.answered.append(repr(error))


def test_crd_1_while_the_register_is_asked_whether_a_pass_is_revoked_others_are_served(world: World) -> None:
    """It is asked at the authentication and at the issuance, and may take long to answer."""
    slow = Slow(world, world.services.uzi_revocation)
    world.services = replace(world.services, uzi_revocation=slow)
    world.portal = world._portal()
    world.create(world.worker())
    assert slow.answered == ["served", "served"]


class Watched:
    """A portal of which all answers are kept."""

    def __init__(self, portal: Portal, then: Callable[[Message], object]) -> None:
        self._portal, self._then, self.origin = portal, then, portal.origin
        self.answers = b""

    def ask(self, request: bytes) -> bytes:
        answer = self._portal.ask(request)
        self.answers += answer
        self._then(from_json(parse(answer)))
        return answer


class AwayCA:
    """A CA that cannot be reached; all else is the true one's."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def issue(self, *_: object, **__: object) -> bytes:
        raise FetchError(f"{INTERNAL}: no connection", reason="unreachable", url=INTERNAL)


INTERNAL = "https://ca.internal.example:8443/.well-known/est/simpleenroll"


@pytest.mark.parametrize("fails", ["CA", "key store"])
def test_a_card_side_is_not_told_where_the_portals_ca_and_keys_are(
    world: World, caplog: pytest.LogCaptureFixture, fails: str
) -> None:
    """The portal's own log is."""
    if fails == "CA":
        world.services = replace(world.services, authority=AwayCA(world.authority))
    lost = world.directory / "master.key"

    def then(answer: Message) -> None:
        if fails == "key store" and isinstance(answer, CertificatesIssued):
            lost.unlink()

    seam = Watched(Portal(world.services, {CREATE: issuance.STEPS}), then)
    with pytest.raises((FetchError, StorageError)) as told:
        world.creation(world.worker(), seam).run(**DESKTOP)
    secret = INTERNAL if fails == "CA" else str(lost)
    assert told.value.details["reason"]
    assert secret.encode() not in seam.answers
    assert secret in caplog.text


# --- a hostile portal -------------------------------------------------------------------------------------------------


def test_crd_7_a_portal_that_wants_to_be_asked_again_after_any_number_of_seconds_is_given_up(world: World) -> None:
    """The number has four hundred digits."""
    later = Refusal(code="fetch.pending", message="later", names=("retry_after",), values=("1" + "0" * 400,))

    def lie(answer: Message) -> Message:
        return later if isinstance(answer, CertificatesIssued) else answer

    with pytest.raises(EnrolmentPendingError):
        world.creation(world.worker(), Lying(world.portal, lie)).run(**DESKTOP)


PUBLIC = bytes(range(0x40, 0x50))


class Intruder:
    """A portal that has no key of a card in use; over a channel it wants to spend the tries of its PIN."""

    def __init__(self, portal: Portal, *, knows: bool) -> None:
        self._portal, self._knows, self.origin = portal, knows, portal.origin
        self._challenge = secrets.token_bytes(8)

    def ask(self, request: bytes) -> bytes:
        message = from_json(parse(request)["body"])
        answer: Message = (
            self._next(message.responses) if isinstance(message, Relay) else from_json(parse(self._portal.ask(request)))
        )
        return canonical(to_json(replace(answer, channel=True) if isinstance(answer, CardAccepted) else answer))

    def _next(self, responses: tuple[bytes, ...]) -> RelayCommands:
        commands = (channel.initialize_update(self._challenge),)
        if not self._knows:
            commands += (bytes.fromhex("8482330010") + bytes(16),)
        elif responses and len(responses) == 1:
            commands = self._guesses(responses[0][:-2])
        return RelayCommands(commands=commands, done=False, public_keys=())

    def _guesses(self, update: bytes) -> tuple[bytes, ...]:
        opened = SCP03(StaticKeys(Secret.of(PUBLIC), Secret.of(PUBLIC)), self._challenge, update)
        guess = channel.command_of(iso7816.verify(piv.PIN, Secret.of(b"999999")))
        return (opened.authenticate().encode(), opened.wrap(guess).encode())


def test_crd_9_a_portal_gets_no_channel_to_a_card_whose_channel_keys_everybody_knows(tmp_path: Path) -> None:
    """Such are the keys with which tokens of the Yubico dialect are sold. A true portal uses none of them either."""
    world = world_with(tmp_path)
    card = world.maker.blank(channel=ChannelKeys(PUBLIC, PUBLIC))
    before = world.create(world.worker(card))
    world.reader.remove()
    with pytest.raises(SecureChannelError):
        renewal(world, holder_of(world, card), client=world.client(Intruder(world.portal, knows=True))).run(**DESKTOP)
    works(world, card, before.certificate)


def test_crd_7_a_portal_that_does_not_know_the_channels_keys_is_refused_once(tmp_path: Path) -> None:
    """Cards count how often EXTERNAL AUTHENTICATE was wrong, and end up opening no channel to anybody."""
    world = world_with(tmp_path)
    before, card = made(world, "yubico over a channel")
    seen: list[bytes] = []
    creation = CardRenewal(
        world.reader,
        world.client(Intruder(world.portal, knows=False)),
        holder_of(world, card),
        world.journal,
        observer=lambda command, *_: seen.append(bytes(command)),
        card_timeout=1,
    )
    with pytest.raises(MessageError):
        creation.run(**DESKTOP)
    assert len([command for command in seen if command[:2] == b"\x84\x82"]) == 1
    works(world, card, before.certificate)


@pytest.mark.parametrize("dialect", ["yubico", "nist"])
def test_crd_9_in_a_renewal_a_portal_that_has_the_cards_key_gets_no_hold_of_its_pin_and_puk(
    tmp_path: Path, dialect: str
) -> None:
    """Setting the tries would try the maker's PIN on the card, and set PIN and PUK to the maker's."""
    world = world_with(tmp_path)
    before, card = made(world, dialect)

    def lie(answer: Message) -> Message:
        return replace(answer, pin_tries=3, puk_tries=3) if isinstance(answer, CardAccepted) else answer

    holder = holder_of(world, card)
    with pytest.raises(MessageError):
        renewal(world, holder, client=world.client(Lying(world.portal, lie))).run(**DESKTOP)
    assert card._state.pin.left == card._state.pin.tries
    works(world, card, before.certificate)
