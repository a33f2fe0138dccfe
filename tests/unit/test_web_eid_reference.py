"""The tokens with which Web eID's reference validator tests itself: what it accepts, so do we; what it refuses, so do we."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zorgid_card.errors import ZorgIDError
from zorgid_card.pki.web_eid import verify_token

FILE = Path(__file__).parents[1] / "vectors" / "web_eid_reference.json"
VECTORS: list[dict[str, Any]] = json.loads(FILE.read_text())["vectors"]
GOOD = [vector for vector in VECTORS if vector["refused"] is None]
BAD = [vector for vector in VECTORS if vector["refused"] is not None]


def name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_aut_2_what_the_reference_accepts(vector: dict[str, Any]) -> None:
    """Form, usage and signature. The chains lead to roots of other countries, which no portal of ours pins."""
    certificate = verify_token(vector["token"], origin=vector["origin"], nonce=vector["nonce"])
    assert certificate.common_name


@pytest.mark.parametrize("vector", BAD, ids=name)
def test_aut_2_what_the_reference_refuses(vector: dict[str, Any]) -> None:
    with pytest.raises(ZorgIDError) as error:
        verify_token(vector["token"], origin=vector["origin"], nonce=vector["nonce"])
    assert error.value.code == vector["refused"]
    assert vector["about"].items() <= error.value.details.items()


def test_the_reference_and_we_agree_on_every_kind_of_card() -> None:
    assert {json.loads(vector["token"])["algorithm"] for vector in GOOD} == {"ES384", "RS256"}
    assert len(BAD) == 10


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_aut_2_a_good_one_is_of_its_own_origin_and_nonce_alone(vector: dict[str, Any]) -> None:
    others = {"origin": "https://portal.example"}, {"nonce": "A" * 44}
    for other in others:
        with pytest.raises(ZorgIDError) as error:
            verify_token(vector["token"], **({"origin": vector["origin"], "nonce": vector["nonce"]} | other))
        assert error.value.code == "certificate.signature"
