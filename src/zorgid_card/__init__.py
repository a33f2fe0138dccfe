"""The smart cards of Dutch health care: UZI passes and ZORG-ID Smartcards, from APDU to issuance and revocation.

The names below are the recipes: what most portals and vendors need. The rooms behind them are public too:

* :mod:`zorgid_card.cards`, :mod:`zorgid_card.protocol`, :mod:`zorgid_card.codec`: the card, its commands, its bytes;
* :mod:`zorgid_card.pki`: identities, chains, revocation, attestation, a CA;
* :mod:`zorgid_card.workflows`: registration, creation, log-in, PIN management, administration;
* :mod:`zorgid_card.adapters`: PC/SC, pyscard, PKCS#11, SQL, a key store;
* :mod:`zorgid_card.testkit`: simulated cards, passes, readers and phones;
* :mod:`zorgid_card.errors`: every error, by who erred.

A name is imported when it is first used, so that ``import zorgid_card`` costs nothing that a program does not need.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true by its name; `typing` alone would be most of this import's time
if TYPE_CHECKING:
    from typing import Any

    from zorgid_card.adapters.pcsc import Change, ReaderEvent, readers, watch_readers
    from zorgid_card.adapters.sql import SQLRegistry
    from zorgid_card.cards.access import LastTry, OnKeypad, PINRequest
    from zorgid_card.cards.kinds import CardKind
    from zorgid_card.errors import ZorgIDError
    from zorgid_card.middleware import open_token
    from zorgid_card.opening import find_reader, open_card
    from zorgid_card.pki.hierarchy import UZI_G3, UZI_TEST_G3, Hierarchy
    from zorgid_card.pki.identity import UZIIdentity, read_uzi_identity
    from zorgid_card.pki.tls import UNIX_SOCKET, TLSProxy, identity_from_tls
    from zorgid_card.pki.trust import TrustStore, read_certificates
    from zorgid_card.pki.verifier import CertificateVerifier
    from zorgid_card.recipes import CRLFolder, OnlineRevocation, PortalSide, open_login, open_portal
    from zorgid_card.secret import Secret
    from zorgid_card.texts import explain
    from zorgid_card.waiting import wait_for_card
    from zorgid_card.workflows.card_side import answer_challenge, log_in
    from zorgid_card.workflows.creation import CardCreation
    from zorgid_card.workflows.documents import decrypt, sign_document, sign_message
    from zorgid_card.workflows.log_in import LoggedIn, LogIn
    from zorgid_card.workflows.management import Management, Operator
    from zorgid_card.workflows.pairing import PortalIdentity
    from zorgid_card.workflows.policy import CreationPolicy, PhonePolicy, Policy
    from zorgid_card.workflows.registration import Registration
    from zorgid_card.workflows.revocation_policy import Grace, RevocationPolicy
    from zorgid_card.workflows.session import PortalClient

__all__ = [
    "UNIX_SOCKET",
    "UZI_G3",
    "UZI_TEST_G3",
    "CRLFolder",
    "CardCreation",
    "CardKind",
    "CertificateVerifier",
    "Change",
    "CreationPolicy",
    "Grace",
    "Hierarchy",
    "LastTry",
    "LogIn",
    "LoggedIn",
    "Management",
    "OnKeypad",
    "OnlineRevocation",
    "Operator",
    "PINRequest",
    "PhonePolicy",
    "Policy",
    "PortalClient",
    "PortalIdentity",
    "PortalSide",
    "ReaderEvent",
    "Registration",
    "RevocationPolicy",
    "SQLRegistry",
    "Secret",
    "TLSProxy",
    "TrustStore",
    "UZIIdentity",
    "ZorgIDError",
    "answer_challenge",
    "decrypt",
    "explain",
    "find_reader",
    "identity_from_tls",
    "log_in",
    "open_card",
    "open_login",
    "open_portal",
    "open_token",
    "read_certificates",
    "read_uzi_identity",
    "readers",
    "sign_document",
    "sign_message",
    "wait_for_card",
    "watch_readers",
]

_HOME = {
    "Change": "adapters.pcsc",
    "ReaderEvent": "adapters.pcsc",
    "readers": "adapters.pcsc",
    "watch_readers": "adapters.pcsc",
    "SQLRegistry": "adapters.sql",
    "LastTry": "cards.access",
    "OnKeypad": "cards.access",
    "PINRequest": "cards.access",
    "CardKind": "cards.kinds",
    "explain": "texts",
    "ZorgIDError": "errors",
    "UZI_G3": "pki.hierarchy",
    "UZI_TEST_G3": "pki.hierarchy",
    "Hierarchy": "pki.hierarchy",
    "TrustStore": "pki.trust",
    "read_certificates": "pki.trust",
    "CertificateVerifier": "pki.verifier",
    "UZIIdentity": "pki.identity",
    "read_uzi_identity": "pki.identity",
    "UNIX_SOCKET": "pki.tls",
    "TLSProxy": "pki.tls",
    "identity_from_tls": "pki.tls",
    "CRLFolder": "recipes",
    "OnlineRevocation": "recipes",
    "PortalSide": "recipes",
    "find_reader": "opening",
    "open_card": "opening",
    "open_login": "recipes",
    "open_portal": "recipes",
    "wait_for_card": "waiting",
    "open_token": "middleware",
    "Secret": "secret",
    "LogIn": "workflows.log_in",
    "LoggedIn": "workflows.log_in",
    "answer_challenge": "workflows.card_side",
    "log_in": "workflows.card_side",
    "CardCreation": "workflows.creation",
    "decrypt": "workflows.documents",
    "sign_document": "workflows.documents",
    "sign_message": "workflows.documents",
    "Management": "workflows.management",
    "Operator": "workflows.management",
    "PortalIdentity": "workflows.pairing",
    "CreationPolicy": "workflows.policy",
    "PhonePolicy": "workflows.policy",
    "Policy": "workflows.policy",
    "Registration": "workflows.registration",
    "Grace": "workflows.revocation_policy",
    "RevocationPolicy": "workflows.revocation_policy",
    "PortalClient": "workflows.session",
}


def __getattr__(name: str) -> Any:
    """Import a recipe when it is first used (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  # as above

    try:
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "sqlalchemy":
            raise
        advice = "SQLAlchemy is missing; install it: pip install 'zorgid-card[sql]'"
        raise ModuleNotFoundError(advice, name=error.name) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
