"""The commands of Web eID's browser extension (its native application's interface, version 2), done with the cards of this library.

``authenticate`` makes a Web eID authentication token (AUT-1), ``get-signing-certificate`` and ``sign`` have a digest signed
(:mod:`zorgid_card.agent.hash_signing`), ``quit`` does nothing. The origin in them is the extension's, which has it from the
browser. The person is asked by the agent's own windows; the page gets a result or an error.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from zorgid_card.adapters.origin import spoken_origin
from zorgid_card.agent import hash_signing
from zorgid_card.agent.native_messaging import Browser, Command
from zorgid_card.agent.page_holder import problem
from zorgid_card.cards import Card, CardKind
from zorgid_card.codec.text import decode_base64
from zorgid_card.errors import (
    CancelledError,
    CardNotSupportedError,
    DeclinedError,
    MessageError,
    NoCardError,
    NoReaderError,
    PINFormError,
    ReaderBusyError,
    UsageError,
    WrongCardError,
    WrongPINError,
    ZorgIDError,
)
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.web_eid import NONCE_LENGTH, make_token, require_origin, signed_input
from zorgid_card.texts import Language, Texts
from zorgid_card.workflows.holder import Holder, Question

CANCELLED: Final = "ERR_WEBEID_USER_CANCELLED"
INVALID: Final = "ERR_WEBEID_NATIVE_INVALID_ARGUMENT"
FATAL: Final = "ERR_WEBEID_NATIVE_FATAL"

_ORIGIN_LENGTH: Final = 255
_HELD: Final = (CardKind.UZI_PASS, CardKind.ZORGID)
"""Cards with which a person logs in."""
_MENDED: Final = (NoReaderError, NoCardError, WrongCardError, CardNotSupportedError, ReaderBusyError)
"""What the person can put right at the reader."""
T = TypeVar("T")


class Prompts(Holder, Protocol):
    """A person who is asked, and whose window can be taken away."""

    def cancel(self) -> None:
        """Take it away; what asks raises CancelledError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What stands beside the host.

    Attributes:
        card: opens the card in the only reader with one; raises as :func:`zorgid_card.opening.open_card`.
        prompts: gives the windows, for a portal's origin.
        texts: in the person's language, where the page names none of ours.
        signing: gives the origins that may have digests signed; raises StorageError where the list cannot be relied on.
    """

    card: Callable[[], AbstractContextManager[Card]]
    prompts: Callable[[str, Texts], Prompts]
    texts: Texts
    signing: Callable[[], Collection[str]] = frozenset


def serve(browser: Browser, desk: Desk) -> None:
    """Do the command, and answer it; the version was said. That the extension has gone is no error."""
    with suppress(OSError):
        answer = _answered(browser, desk)
        if answer is not None:
            browser.say(answer)


def _answered(browser: Browser, desk: Desk) -> Mapping[str, Any] | None:
    texts = desk.texts
    try:
        command = browser.command()
        if command is None:
            return None
        task = Task(command, desk)
        texts = task.texts
        with browser.watched(task.stop):
            return task.run()
    except ZorgIDError as error:
        return failure(error, texts)


def failure(error: ZorgIDError, texts: Texts) -> dict[str, Any]:
    """An error as the extension, and so the page, knows it: without names of this computer's files."""
    if isinstance(error, DeclinedError | CancelledError):
        return {"error": {"code": CANCELLED, "message": "User cancelled"}}
    code = INVALID if isinstance(error, MessageError) else FATAL
    return {"error": {"code": code, "message": problem(error, texts).message}}


class Task:
    """One command.

    Args:
        command: from the extension.
        desk: what it is done with.

    Raises:
        MessageError: it is no command, or its arguments are not of their form.
    """

    def __init__(self, command: Command, desk: Desk) -> None:
        known = _COMMANDS.get(command.name)
        if known is None:
            raise MessageError("unknown command", field="command")
        self._act, names = known
        self._given = dict(command.arguments)
        self.texts = _texts(self._given.pop("lang", None), desk.texts)
        if self._given.keys() != set(names):
            raise MessageError("the command has other arguments", field="arguments")
        self._desk = desk
        self._stopped = threading.Event()
        self._prompts: Prompts | None = None

    def stop(self) -> None:
        """Nobody waits for the answer any more; from any thread."""
        self._stopped.set()
        if self._prompts is not None:
            self._prompts.cancel()

    def run(self) -> dict[str, Any]:
        """Do it; its result.

        Raises:
            ZorgIDError: what stood in the way.
        """
        return self._act(self)

    def quit(self) -> dict[str, Any]:
        """Nothing: the extension wanted the version."""
        return {}

    def authenticate(self) -> dict[str, Any]:
        """A token for this portal's challenge, once the person has seen which portal it is (AUT-1)."""
        origin, nonce = self._origin(), self._text("challengeNonce", NONCE_LENGTH[1])
        signed_input(origin, nonce, "RS256")  # before anybody is asked
        with self._asked(origin) as prompts:
            prompts.confirm(Question("log-in", (("origin", spoken_origin(origin)),)))

            def log_in(card: Card) -> dict[str, Any]:
                signer = card.authentication_signer(prompts.pin)
                token = make_token(signer, card.authentication_certificate(), origin, nonce)
                found: dict[str, Any] = json.loads(token)
                return found

            return self._with_card(prompts, log_in)

    def certificate(self) -> dict[str, Any]:
        """The certificate of the card's signature key, once the person agrees that this portal sees it."""
        origin = self._origin()
        hash_signing.require_allowed(origin, self._desk.signing())
        with self._asked(origin) as prompts:
            certificate = self._with_card(prompts, hash_signing.signing_certificate)
            prompts.confirm(Question("signing-certificate", _named(certificate)))
        functions = hash_signing.functions_of(certificate)
        return {
            "certificate": _base64(certificate),
            "supportedSignatureAlgorithms": [hash_signing.algorithm(certificate, name) for name in functions],
        }

    def sign(self) -> dict[str, Any]:
        """The signature under a digest, once the person has seen who asks for it."""
        origin, function = self._origin(), self._text("hashFunction", 8)
        digest, certificate = self._octets("hash"), self._octets("certificate")
        hash_signing.require_digest(digest, function)
        hash_signing.require_allowed(origin, self._desk.signing())
        with self._asked(origin) as prompts:

            def sign(card: Card) -> bytes:
                if hash_signing.signing_certificate(card) != certificate:
                    raise WrongCardError(expected="signing-card", found=card.kind.value)
                if not agreed:
                    shown = (("hash-function", function), ("hash", digest.hex()))
                    prompts.confirm(Question("sign-hash", _named(certificate) + shown))
                    agreed.append(True)
                return hash_signing.sign(card, certificate, digest, function, prompts.pin)

            agreed: list[bool] = []
            signature = self._with_card(prompts, sign)
        return {
            "signature": _base64(signature),
            "signatureAlgorithm": hash_signing.algorithm(certificate, function),
        }

    # --- the person ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _asked(self, origin: str) -> Iterator[Prompts]:
        self._prompts = prompts = self._desk.prompts(origin, self.texts)
        if self._stopped.is_set():
            raise CancelledError
        yield prompts

    def _with_card(self, prompts: Prompts, act: Callable[[Card], T]) -> T:
        """Until it is done, or the person gives up: another card may be put in, and a wrong PIN be entered again."""
        while True:
            try:
                with self._desk.card() as card:
                    if card.kind not in _HELD:
                        raise WrongCardError(expected="pin-card", found=card.kind.value)
                    return _with_pin(prompts, card, act)
            except (*_MENDED, UsageError) as error:
                if isinstance(error, UsageError) and error.details.get("reason") != "ambiguous":
                    raise
                prompts.refused(error)
            prompts.confirm(Question("card-again"))

    # --- arguments ----------------------------------------------------------------------------------------------------

    def _text(self, name: str, longest: int) -> str:
        found = self._given.get(name)
        if not isinstance(found, str) or not 0 < len(found) <= longest:
            raise MessageError("missing, no text, or too long", field=name)
        return found

    def _octets(self, name: str) -> bytes:
        text = self._text(name, _BASE64_LENGTH)
        octets = decode_base64(text) if text.isascii() else None
        if octets is None:
            raise MessageError("not base64", field=name)
        return octets

    def _origin(self) -> str:
        origin = self._text("origin", _ORIGIN_LENGTH)
        require_origin(origin)
        return origin


_BASE64_LENGTH: Final = 8000

_COMMANDS: Final[Mapping[str, tuple[Callable[[Task], dict[str, Any]], tuple[str, ...]]]] = {
    "quit": (Task.quit, ()),
    "authenticate": (Task.authenticate, ("challengeNonce", "origin")),
    "get-signing-certificate": (Task.certificate, ("origin",)),
    "sign": (Task.sign, ("hash", "hashFunction", "certificate", "origin")),
}


def _with_pin(prompts: Prompts, card: Card, act: Callable[[Card], T]) -> T:
    """A wrong PIN is told, and asked again; the card counts."""
    while True:
        try:
            return act(card)
        except (WrongPINError, PINFormError) as error:
            prompts.refused(error)


def _texts(lang: object, usual: Texts) -> Texts:
    """In the page's language, where it is one of ours."""
    if lang is not None and not (isinstance(lang, str) and len(lang) <= 35):
        raise MessageError("no language", field="lang")
    return Texts(Language(lang)) if lang in frozenset(Language) else usual


def _named(certificate: bytes) -> tuple[tuple[str, str], ...]:
    return (("name", Certificate.from_der(certificate).common_name),)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
