"""The test issuer's cards are what a portal's workflows leave: the same objects, the same answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from world import WORKER, World
from zorgid_card import open_card
from zorgid_card.cards import CardKind, ZorgIDCard
from zorgid_card.codec.link import Link
from zorgid_card.errors import ProofError, StatusWordError
from zorgid_card.pki.identity import read_zorgid_identity
from zorgid_card.protocol import piv
from zorgid_card.protocol.iso7816 import select
from zorgid_card.secret import Secret
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_objects import CCC, CHUID, DISCOVERY
from zorgid_card.testkit.reader import SimulatedReader
from zorgid_card.testkit.zorgid import PIN, PUK, ZorgIDTestIssuer

VARYING = {CHUID: [slice(29, 45), slice(47, 55)], CCC: [slice(9, 23)]}  # GUID and expiry; card number


def objects(card: VirtualPIVCard) -> dict[int, bytes]:
    reader = SimulatedReader()
    reader.insert(card)
    link = Link(reader.connect())
    link.run(select(piv.AID))
    found = {tag: link.run(piv.get_data(tag)) for tag in (CHUID, CCC, DISCOVERY)}
    masked = {}
    for tag, content in found.items():
        octets = bytearray(content or b"")
        for part in VARYING.get(tag, []):
            octets[part] = bytes(len(octets[part]))
        masked[tag] = bytes(octets)
    return masked


def test_it_is_what_the_workflows_make(tmp_path: Path, zorgid_issuer: ZorgIDTestIssuer) -> None:
    world = World(tmp_path)
    world.validated()
    blank = world.maker.blank()
    world.create(world.worker(blank))
    made = zorgid_issuer.card(WORKER)
    assert objects(made) == objects(blank)
    certificates = []
    for card in (made, blank):
        reader = SimulatedReader()
        reader.insert(card)
        with open_card(reader) as opened:
            assert isinstance(opened, ZorgIDCard)
            assert opened.kind is CardKind.ZORGID
            certificates.append(opened.authentication_certificate())
    ours, theirs = (x509.load_der_x509_certificate(der) for der in certificates)
    assert ours.subject == theirs.subject
    assert [e.oid for e in ours.extensions] == [e.oid for e in theirs.extensions]
    identities = [read_zorgid_identity(der) for der in certificates]
    assert identities[0].uzi_number == identities[1].uzi_number == WORKER.uzi_number


@pytest.mark.parametrize("algorithm", ["ECCP256", "ECCP384", "RSA2048"])
def test_its_key_signs_and_its_codes_work(zorgid_issuer: ZorgIDTestIssuer, algorithm: str) -> None:
    reader = SimulatedReader()
    reader.insert(zorgid_issuer.card(WORKER, algorithm=algorithm))
    with open_card(reader) as card:
        assert (card.tries().left, card.puk_tries().left) == (3, 3)
        certificate = x509.load_der_x509_certificate(card.authentication_certificate())
        signature = card.authentication_signer(lambda _: Secret.of(PIN)).sign(b"data")
        card.unblock_pin(Secret.of(PUK), Secret.of(b"271828"))
        card.verify_pin(Secret.of(b"271828"))
        assert isinstance(card, ZorgIDCard)
        factory = card.factory_secrets()[2]
        with pytest.raises((StatusWordError, ProofError)):
            card.authenticate_administration(factory)
    certificate.verify_directly_issued_by(x509.load_der_x509_certificate(zorgid_issuer.authority.certificate))
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, b"data", padding.PKCS1v15(), SHA256())
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        digest = SHA256() if key.curve.name == "secp256r1" else SHA384()
        key.verify(signature, b"data", ec.ECDSA(digest))
