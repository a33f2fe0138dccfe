"""Using a UZI pass: the keys of a card with PKCS#15 (ISO/IEC 7816-15)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from zorgid_card.cards.access import (
    CardSigner,
    LastTry,
    PINProvider,
    PINRequest,
    spoken,
)
from zorgid_card.cards.activation import Activation
from zorgid_card.cards.certificates import public_key_of
from zorgid_card.cards.contents import KeyOnCard
from zorgid_card.cards.keys import (
    AUTHENTICITY,
    CONFIDENTIALITY,
    check_signature,
    chosen_algorithm,
    point_of,
    require_cryptogram,
    unpadded,
    usual_algorithm,
)
from zorgid_card.cards.kinds import CardKind
from zorgid_card.cards.pkcs15 import PKCS15Card
from zorgid_card.cards.profile import UZI, CardProfile
from zorgid_card.codec.apdu import SW
from zorgid_card.codec.link import Exchange, Link
from zorgid_card.errors import (
    CardError,
    NotActivatedError,
    StatusWordError,
)
from zorgid_card.protocol import operations
from zorgid_card.protocol.iso7816 import Credential
from zorgid_card.protocol.pkcs15 import PIN, Layout
from zorgid_card.protocol.pkcs15_ways import Form, Way, agreeing_ways, deciphering_way, signing_ways
from zorgid_card.protocol.signature import SignatureAlgorithm
from zorgid_card.secret import Secret

_NO_SUCH_WAY: Final = (
    SW.WRONG_DATA,
    SW.FUNC_NOT_SUPPORTED,
    SW.NOT_FOUND,
    SW.WRONG_P1P2,
    SW.REF_NOT_FOUND,
    SW.CONDITIONS,
)
"""With what MANAGE SECURITY ENVIRONMENT refuses a key or an algorithm for a template."""

T = TypeVar("T")


class UZIPass(PKCS15Card):
    """A pass of the UZI register (:class:`zorgid_card.cards.Card`), or any other card that follows ISO/IEC 7816-15.

    Every operation is a transaction of its own; see :meth:`session` for several. A pass of type M has no key for ``signature``.

    Args:
        link: to the card.
        profile: limits of PIN and PUK, and what the standard leaves open.
        layout: what is where, if it was found already.
    """

    def __init__(self, link: Link, profile: CardProfile = UZI, *, layout: Layout | None = None) -> None:
        """Take the link; nothing is sent yet."""
        super().__init__(link, profile, layout=layout)
        self._ways: dict[tuple[bytes, tuple[Way, ...]], Way] = {}
        """Which of several ways is the card's."""

    @property
    def kind(self) -> CardKind:
        """Always :attr:`CardKind.UZI_PASS`."""
        return CardKind.UZI_PASS

    def sign(
        self,
        usage: str,
        data: bytes,
        algorithm: str | SignatureAlgorithm | None = None,
        pin: PINProvider | None = None,
    ) -> bytes:
        """Hash and sign ``data`` with the key of ``usage`` (AUT-3); see :meth:`zorgid_card.cards.Card.sign`.

        By COMPUTE DIGITAL SIGNATURE or INTERNAL AUTHENTICATE, as the card's description and its answers tell. The PIN is asked for
        when it is not verified, or when as many uses as it allows (userConsent) were made; where it allows a single one, it is
        verified directly before that, in one transaction.
        """
        found, layout = self._usage(usage), self._contents().layout
        kind = found.algorithm
        chosen = chosen_algorithm(algorithm, kind)
        ways = signing_ways(layout, found.key, chosen, self._profile.dialect)

        def make(way: Way) -> Exchange[bytes]:
            given = way.form.of(chosen, data, kind.bits)
            return operations.internal_authenticate(given) if way.authenticates else operations.pso_sign(given)

        return check_signature(self._use(found, ways, make, pin), kind)

    def decipher(self, cryptogram: bytes, pin: PINProvider | None = None, *, usage: str = CONFIDENTIALITY) -> bytes:
        """Decipher with the confidentiality key (AUT-3); see :meth:`zorgid_card.cards.Card.decipher`."""
        found = self._usage(usage)
        kind = found.algorithm
        require_cryptogram(cryptogram, kind)
        way = deciphering_way(self._contents().layout, found.key)
        plain = self._decipher(found, way, cryptogram, pin)
        return unpadded(plain, kind) if way.form is Form.BLOCK or len(plain) == kind.octets else plain

    def decipher_raw(self, cryptogram: bytes, pin: PINProvider | None = None, *, usage: str = CONFIDENTIALITY) -> bytes:
        """The bare RSA operation (AUT-3); see :meth:`zorgid_card.cards.Card.decipher_raw`."""
        found = self._usage(usage)
        require_cryptogram(cryptogram, found.algorithm)
        way = deciphering_way(self._contents().layout, found.key, Form.BLOCK)
        return self._decipher(found, way, cryptogram, pin).rjust(found.algorithm.octets, b"\0")

    def _decipher(self, found: KeyOnCard, way: Way, cryptogram: bytes, pin: PINProvider | None) -> bytes:
        indicator = self._profile.dialect.padding_indicator
        return self._use(found, [way], lambda _: operations.pso_decipher(cryptogram, indicator=indicator), pin)

    def key_agreement(self, peer: bytes, pin: PINProvider | None = None, *, usage: str = CONFIDENTIALITY) -> bytes:
        """Elliptic-curve Diffie-Hellman (AUT-3); see :meth:`zorgid_card.cards.Card.key_agreement`."""
        found = self._usage(usage)
        point = point_of(peer, found.algorithm)
        ways = agreeing_ways(self._contents().layout, found.key)
        return self._use(found, ways, lambda _: operations.agree(point, self._profile.dialect.agreement), pin)

    def _use(
        self,
        found: KeyOnCard,
        ways: Sequence[Way],
        make: Callable[[Way], Exchange[bytes]],
        provider: PINProvider | None,
    ) -> bytes:
        """MSE SET, VERIFY, and the operation directly after it; the PIN's directory comes first where it is another."""

        def work(given: LastTry | Secret | None) -> bytes:
            with self.session():
                elsewhere = found.pin is not None and not self._is_beside(found.pin, found)
                if given is not None and found.pin is not None and elsewhere:
                    self._verify(found.pin, *spoken(given))
                way = self._set(found, tuple(ways))
                if given is not None and found.pin is not None and not elsewhere:
                    self._verify(found.pin, *spoken(given))
                self._uses[found.key.identifier] = max(self._uses.get(found.key.identifier, 0) - 1, 0)
                return self._activated(lambda: self._link.run(make(way)))

        return self._use_key(provider, lambda surely: self._request(found, surely), work)

    def _is_beside(self, pin: PIN, found: KeyOnCard) -> bool:
        """Whether the PIN is known where the key is."""
        layout = self._contents().layout
        place = layout.place(found.key.path)
        return not pin.local or layout.place(pin.path) in (place, place[:-2])

    def _set(self, found: KeyOnCard, ways: tuple[Way, ...]) -> Way:
        """Choose the key (MANAGE SECURITY ENVIRONMENT) in the first way that the card takes, or the one it took before."""
        key, place = found.key, self._contents().layout.place(found.key.path)
        if self._profile.dialect.select_key or self._directory != place[:-2]:
            self._go(place)
        known = self._ways.get((key.identifier, ways))
        for way in ways if known is None else (known,):
            exchange = operations.mse_set(way.template, key.reference, way.algorithm, file=key.path.value)
            try:
                self._link.run(exchange)
            except StatusWordError as error:
                if way is ways[-1] or error.sw not in _NO_SUCH_WAY:
                    raise
                continue
            self._ways[key.identifier, ways] = way
            return way
        raise CardError("the card takes the key in no way")  # not reached: the last way raises

    def _activated(self, operation: Callable[[], T]) -> T:
        """Do it; what a pass that is not activated answers is called by its name.

        Raises:
            NotActivatedError: the pass is to be activated first.
        """
        rule = self._profile.activation
        try:
            return operation()
        except StatusWordError as error:
            if rule is None or error.sw not in rule.refusals or self.activation is not Activation.NEEDED:
                raise
            raise NotActivatedError(sw=error.sw) from error

    def _request(self, found: KeyOnCard, surely: bool = False) -> PINRequest | None:
        """None when the PIN is not needed now, unless it is to be asked for ``surely``."""
        pin, consent = found.pin, found.key.user_consent
        if pin is None:
            return None
        with self.session():
            _, status = self._status(pin)
        lasting = consent is None or (consent > 1 and self._uses.get(found.key.identifier, 0) > 0)
        if status.verified and lasting and not surely:
            return None
        return PINRequest(
            what=Credential.PIN,
            tries=self._told(status),
            reference=found.key.reference or 0,
            minimum=pin.minimum,
            maximum=pin.maximum,
            digits=pin.digits,
            retrying=self._last_was_wrong,
            keypad=not pin.digits and self.keypad is not None,
        )

    def signer(
        self,
        usage: str = AUTHENTICITY,
        pin: PINProvider | None = None,
        *,
        algorithm: str | None = None,
    ) -> CardSigner:
        """The key of ``usage`` as a :class:`~zorgid_card.ports.card.Signer`; ``pin`` is asked at each
        signature that wants it.
        """
        public_key, kind = public_key_of(self._usage(usage).certificate)
        name = algorithm or usual_algorithm(kind)
        return CardSigner(
            public_key,
            name,
            lambda data: self.sign(usage, data, name, pin),
        )

    def authentication_signer(self, pin: PINProvider) -> CardSigner:
        """The key one logs in with: the authenticity key."""
        return self.signer(AUTHENTICITY, pin)
