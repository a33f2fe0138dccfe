"""A sound AORTA token and an evil one, and what tells refusals apart: what the hostile tokens are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aorta_world import (
    CONTENTS,
    NAMES,
    etree,
    one,
    parsed,
    resigned,
    token,
    verified,
)
from zorgid_card.errors import ZorgIDError
from zorgid_card.pki.aorta import Transactietoken

SAML, DS = NAMES["saml"], NAMES["ds"]

Change = Callable[[Any], object]
Refusal = tuple[str, str]
"""An error's code, and the detail that tells it from others of the code."""


def refusal(data: bytes, kind: type[Any] = Transactietoken, **options: Any) -> Refusal:
    with pytest.raises(ZorgIDError) as caught:
        verified(data, kind, **options)
    details = caught.value.details
    told = details.get("reason") or details.get("field") or details.get("found") or details.get("usage") or ""
    element = details.get("element")
    return caught.value.code, f"{told} {element}" if element else str(told)


def saml(reason: str) -> Refusal:
    return "encoding.saml", reason


def element(name: str, text: str = "", namespace: str = SAML, **attributes: str) -> Any:
    made = etree.Element(f"{{{namespace}}}{name}", attributes)
    made.text = text or None
    return made


def sound() -> Any:
    return parsed(token("transactietoken"))


def evil(identifier: str = "token_evil") -> Any:
    """The sound token, saying that somebody else signed."""
    root = sound()
    root.set("ID", identifier)
    one(root, "saml:Subject/saml:NameID").text = "900000022:01.015"
    return root


def replaced(old: bytes, new: bytes) -> bytes:
    data = token("transactietoken")
    assert old in data
    return data.replace(old, new, 1)


INFO = "/*/ds:Signature/ds:SignedInfo"
NAME_ID = "/*/saml:Subject/saml:NameID"
CONDITIONS = "/*/saml:Conditions"
CONFIRMED = "/*/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData/ds:KeyInfo/ds:X509Data"
NAMED = "/*/ds:Signature/ds:KeyInfo/ds:X509Data"


def signed_over(data: bytes) -> bytes:
    """Signed again where there is something to sign; what has no signature to fill is refused before one is looked at."""
    try:
        return resigned(data)
    except ValueError:
        return data


KINDS: dict[str, type[Any]] = {name: type(content) for name, content in CONTENTS.items()}
