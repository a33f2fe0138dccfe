"""The kinds of AORTA token, as values: what each says, and what the guides fix or leave open about it.

The sources of every rule, and their grades, stand in docs/aorta-tokens.md. What is not public there is data here, in
:class:`Profile`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import ClassVar, Final, TypeAlias

from zorgid_card.errors import UsageError

SMARTCARD_PKI: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
"""How the holder of a UZI pass proved who they are (SAML 2.0 Authentication Context, 3.4.14)."""

X509: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"
"""How the holder of a ZORG-ID certificate did (3.4.7)."""

HOLDER_OF_KEY: Final = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"
SENDER_VOUCHES: Final = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"

MAX_ATTRIBUTES: Final = 32
MAX_ATTRIBUTE: Final = 1000
"""Characters of an attribute's name, and of its value."""

_URA: Final = re.compile(r"[0-9]{8}", re.ASCII)
_BSN: Final = re.compile(r"[0-9]{9}", re.ASCII)
_ROLE: Final = re.compile(r"[0-9]{2}\.[0-9]{3}", re.ASCII)
# What XML 1.0 (2.2) can carry, less the control characters that canonicalisation or a parser would change.
_TEXT: Final = re.compile(r"[ -\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells one kind of token from another.

    Attributes:
        name: the guide's word for it.
        usage: of the key that signs: ``authenticity`` or ``signature``.
        pass_types: the passes that may sign it.
        smartcards: whether a ZORG-ID Smartcard may.
        method: of its SubjectConfirmation.
        confirmed: whether that names the signer's certificate.
        authenticated: whether it says how the signer proved who they are (AuthnStatement).
        within_certificate: whether it ends no later than the certificate.
    """

    name: str
    usage: str
    pass_types: frozenset[str]
    smartcards: bool
    method: str
    confirmed: bool
    authenticated: bool
    within_certificate: bool


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a kind of token holds: unless told otherwise, and at most."""

    usual: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What may have to be changed: values that AORTA's guides fix, and those that are assumed here where they are not public.

    Attributes:
        organisation: what stands before a URA.
        professional: what stands before the UZI number of who gives a mandate (assumed).
        patient: what stands before a BSN (assumed: nothing).
        audience: who the token is for: the ZIM of the LSP.
        context: the attribute that names the rule or context of a mandate.
        lifetimes: by kind; that of the transactietoken and of the mandaattoken are assumed.
    """

    organisation: str = "urn:IIroot:2.16.528.1.1007.3.3:IIext:"
    professional: str = "urn:IIroot:2.16.528.1.1007.3.1:IIext:"
    patient: str = ""
    audience: str = "urn:IIroot:2.16.840.1.113883.2.4.6.6:IIext:1"
    context: str = "autorisatieregel/context"
    lifetimes: Mapping[str, Lifetime] = field(
        default_factory=lambda: MappingProxyType(
            {
                "transactietoken": Lifetime(timedelta(minutes=5), timedelta(minutes=15)),
                # 18 months are 546 to 550 days.
                "inschrijftoken": Lifetime(timedelta(days=546), timedelta(days=550)),
                "mandaattoken": Lifetime(timedelta(days=365), timedelta(days=3 * 366)),
            }
        )
    )


DEFAULT: Final = Profile()
"""The profile as documented."""


def _attributes(given: Mapping[str, str]) -> Mapping[str, str]:
    if len(given) > MAX_ATTRIBUTES:
        raise UsageError(f"{len(given)} attributes, at most {MAX_ATTRIBUTES} are carried", reason="attributes")
    for name, value in given.items():
        require_text(name, "attribute")
        require_text(value, name[:40])
    return MappingProxyType(dict(given))


def require_text(value: str, what: str) -> None:
    """Raise unless ``value`` survives XML unchanged: 1 to 1000 characters, no control characters, no white space around it.

    Raises:
        UsageError: it does not.
    """
    if not 0 < len(value) <= MAX_ATTRIBUTE or not _TEXT.fullmatch(value) or value != value.strip():
        raise UsageError(f"{what}: not a text that a token can carry", reason="text", what=what)


def require_ura(ura: str) -> None:
    """Raise unless ``ura`` has the form of a URA: 8 digits.

    Raises:
        UsageError: it has not.
    """
    if not _URA.fullmatch(ura):
        raise UsageError("a URA has 8 digits", reason="ura")


def require_bsn(bsn: str) -> None:
    """Raise unless ``bsn`` is 9 digits that pass the check that every BSN passes (weights 9 to 2 and -1, modulo 11).

    Raises:
        UsageError: it is not. The number itself is not told.
    """
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    valid = _BSN.fullmatch(bsn) and bsn != "0" * 9
    if not valid or sum(weight * int(digit) for weight, digit in zip(weights, bsn, strict=True)) % 11:
        raise UsageError("not a BSN", reason="bsn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """For which organisation, and in which role, the holder of a ZORG-ID Smartcard acts: the registry's word (AUT-2), for the
    certificate holds neither.
    """

    ura: str
    role: str

    def __post_init__(self) -> None:
        require_ura(self.ura)
        if not _ROLE.fullmatch(self.role):
            raise UsageError("a role has the form NN.NNN", reason="role")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transactietoken:
    """Who sends a message to AORTA, and what it is about: signed with the authenticity key, used once.

    Attributes:
        attributes: what ties it to the message, by name, as the guide of the interface asks.
    """

    kind: ClassVar[Kind] = Kind(
        name="transactietoken",
        usage="authenticity",
        pass_types=frozenset({"Z", "N"}),
        smartcards=True,
        method=HOLDER_OF_KEY,
        confirmed=True,
        authenticated=True,
        within_certificate=True,
    )
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "attributes", _attributes(self.attributes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inschrijftoken:
    """That a patient is enrolled with an organisation and their BSN was validated there: signed with the authenticity key.

    Attributes:
        bsn: the patient's, 9 digits; not in the repr.
        attributes: more, by name, where a guide asks for it.
    """

    kind: ClassVar[Kind] = Kind(
        name="inschrijftoken",
        usage="authenticity",
        pass_types=frozenset({"Z", "N"}),
        smartcards=True,
        method=SENDER_VOUCHES,
        confirmed=True,
        authenticated=True,
        within_certificate=False,
    )
    bsn: str = field(repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_bsn(self.bsn)
        object.__setattr__(self, "attributes", _attributes(self.attributes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandaattoken:
    """That a health-care professional lets others of an organisation act in their name: signed with the signature key.

    Attributes:
        context: the rule or context for which the mandate holds.
        ura: the organisation within which it holds. None: that of the pass; of a guest it is another (the guide recommends the
            URA of the organisation's server certificate).
        attributes: more, by name, where a guide asks for it.
    """

    kind: ClassVar[Kind] = Kind(
        name="mandaattoken",
        usage="signature",
        pass_types=frozenset({"Z"}),
        smartcards=False,
        method=SENDER_VOUCHES,
        confirmed=False,
        authenticated=False,
        within_certificate=True,
    )
    context: str
    ura: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_text(self.context, "context")
        if self.ura is not None:
            require_ura(self.ura)
        object.__setattr__(self, "attributes", _attributes(self.attributes))


Content: TypeAlias = Transactietoken | Inschrijftoken | Mandaattoken
"""What a token says."""

KINDS: Final[Mapping[str, type[Content]]] = MappingProxyType(
    {kind.kind.name: kind for kind in (Transactietoken, Inschrijftoken, Mandaattoken)}
)
"""The kinds by name."""
