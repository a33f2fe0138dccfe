"""What the tests of AORTA tokens ask of a token and of a signer."""

from __future__ import annotations

from typing import Any

import pytest

from aorta_world import (
    CONTENTS,
    NOW,
    Key,
    one,
    parsed,
)
from zorgid_card.errors import (
    ZorgIDError,
)
from zorgid_card.pki.aorta import (
    Content,
    sign_token,
)

KINDS = pytest.mark.parametrize("kind", sorted(CONTENTS))

HOLDER_OF_KEY = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"
SENDER_VOUCHES = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
URA = "urn:IIroot:2.16.528.1.1007.3.3:IIext:90000123"


def text(data: bytes, path: str) -> str:
    return str(one(parsed(data), path).text)


def attribute(data: bytes, path: str) -> str:
    return str(one(parsed(data), path))


class NeverSigns:
    """A card that must not be asked."""

    def __init__(self, key: Key, algorithm: str = "RS256") -> None:
        self.public_key = key.signer.public_key
        self.algorithm = algorithm

    def sign(self, data: bytes, /) -> bytes:
        raise AssertionError("the PIN would have been asked")


def refused(content: Content, key: Key, algorithm: str = "RS256", **options: Any) -> ZorgIDError:
    with pytest.raises(ZorgIDError) as caught:
        sign_token(content, NeverSigns(key, algorithm), key.certificate, **{"at": NOW, **options})
    return caught.value
