"""The leaf's judge beside ``cryptography``'s whole verifier, over varied chains: it accepts nothing that the other refuses."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from der_certificates import (
    AKI,
    BC,
    CLIENT_AUTH,
    CP,
    EKU,
    EMAIL,
    KU,
    NC,
    SAN,
    SKI,
    Extension,
    Plan,
    basic_constraints,
    key_usage,
    oid,
    policies,
    purposes,
    seq,
    spki,
    tlv,
)
from hostile_world import AUTHENTICITY, CA_END, CA_START, END, NOW, START, Chain, World, permitted
from zorgid_card.errors import CertificateError
from zorgid_card.pki.hierarchy import UZI_TEST_G3
from zorgid_card.pki.trust import TrustStore

WORLD = World()
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

STRICTER = {
    "certificate.usage", "certificate.malformed", "not a CA", "policy", "weak key", "serial number", "key identifier",
    "critical extension", "purpose of the CA", "name constraints",
}  # fmt: skip
"""What we refuse and a verifier of paths does not: it is told no usage and no policy, and takes
any exponent and identifier, and a CA without keyUsage.
"""

URL = seq(seq(tlv(0xA0, tlv(0xA0, tlv(0x86, b"http://crl.example/a.crl")))))
ACCESS = seq(seq(oid("1.3.6.1.5.5.7.48.1"), tlv(0x86, b"http://ocsp.example")))
OTHERS = {
    "2.5.29.31": URL,
    "2.5.29.46": URL,
    "2.5.29.18": seq(tlv(0x82, b"issuer.example")),
    "1.3.6.1.5.5.7.1.1": ACCESS,
    "1.3.6.1.5.5.7.1.3": seq(seq(oid("0.4.0.1862.1.1"))),
    "2.5.29.36": seq(tlv(0x80, b"\0")),
    "2.5.29.54": tlv(0x02, b"\0"),
    "2.5.29.16": seq(tlv(0x80, b"20250101000000Z")),
    "1.3.6.1.4.1.55555.1.1": b"\x05\x00",
    NC: permitted(WORLD.root_name),
}
"""Extensions that a leaf may bear besides, with a value of theirs."""

moments = st.sampled_from(
    [NOW, START, START - SECOND, END, END + SECOND, CA_START, CA_END, CA_END + SECOND, datetime(2017, 6, 1, tzinfo=UTC)]
)
added = st.lists(st.tuples(st.sampled_from(sorted(OTHERS)), st.booleans()), max_size=1, unique_by=lambda pair: pair[0])
dropped = st.sets(st.sampled_from([SAN, KU, EKU, BC, CP, AKI, SKI]), max_size=1)
turned = st.sets(st.sampled_from([SAN, KU, EKU, BC, CP, AKI, SKI]), max_size=2)
"""Extensions whose criticality is turned over."""

EC_KEY = ec.generate_private_key(ec.SECP256R1())
SEC_KEY = ec.generate_private_key(ec.SECP521R1())


def varied(plan: Plan, more: list[tuple[str, bool]], less: set[str], turn: set[str]) -> Plan:
    kept = [(k, critical != (k in turn), value) for k, critical, value in plan.extensions if k not in less]
    fresh: list[Extension] = [(kind, critical, OTHERS[kind]) for kind, critical in more]
    return replace(plan, extensions=(*kept, *fresh))


@st.composite
def leaves(draw: st.DrawFn) -> Plan:
    plan = WORLD.leaf
    changes = {
        "serial": st.sampled_from(
            [b"\x02\x00", b"\x02\x01\x00", b"\x02\x01\x81", tlv(2, b"\x7f" * 20), tlv(2, b"\x7f" * 21)]
        ),
        "subject": st.sampled_from([seq(), WORLD.z_name, WORLD.root_name]),
        "issuer": st.sampled_from([seq(), WORLD.n_name, WORLD.level_2_name]),
        "public": st.sampled_from([spki(EC_KEY), spki(SEC_KEY), spki(WORLD.key("z"))]),
        "key": st.sampled_from([WORLD.key("leaf"), WORLD.key("n"), WORLD.key("level-2")]),
        "signed": st.sampled_from(["1.2.840.113549.1.1.12", "1.2.840.113549.1.1.5"]),
        "start": st.sampled_from([NOW, NOW + SECOND]),
        "end": st.sampled_from([NOW, NOW - SECOND, CA_END + DAY]),
        "version": st.sampled_from([None, b"\xa0\x03\x02\x01\x01"]),
    }
    for field in draw(st.sets(st.sampled_from(sorted(changes)), max_size=1)):
        plan = replace(plan, **{field: draw(changes[field])})
    others = [key_usage(0, 1), key_usage(5), purposes(EMAIL), purposes(CLIENT_AUTH, critical=True), basic_constraints(ca=True),
              basic_constraints(ca=False, path_length=0), policies("1.2.3", AUTHENTICITY, critical=True)]  # fmt: skip
    plan = plan.with_(*draw(st.lists(st.sampled_from(others), max_size=1)))
    return varied(plan, draw(added), draw(dropped), draw(turned))


@st.composite
def authorities(draw: st.DrawFn, plan: Plan) -> Plan:
    """A CA, mostly sound."""
    if draw(st.integers(0, 4)):
        return plan
    others = [basic_constraints(ca=True, path_length=0), basic_constraints(ca=True, path_length=1), basic_constraints(ca=False),
              key_usage(6), key_usage(5), (NC, True, permitted(seq())), (NC, True, permitted(WORLD.root_name))]  # fmt: skip
    plan = plan.with_(*draw(st.lists(st.sampled_from(others), max_size=1)))
    plan = replace(
        plan, **draw(st.sampled_from([{}, {"end": NOW - SECOND}, {"start": NOW + SECOND}, {"key": WORLD.key("n")}]))
    )
    return varied(plan, draw(added), draw(st.sets(st.sampled_from([KU, BC, CP, AKI, SKI]), max_size=1)), draw(turned))


def whole_verifier(chain: Chain, at: datetime) -> bool:
    """Whether ``cryptography`` takes the chain, told nothing but what ADR 0003 tells it of CAs and leaves."""
    ca = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, _ANY, None)
    ca = ca.may_be_present(x509.KeyUsage, _ANY, _cert_sign).may_be_present(x509.ExtendedKeyUsage, _ANY, None)
    ca = ca.may_be_present(x509.CertificatePolicies, _ANY, None)
    ee = ExtensionPolicy.permit_all().may_be_present(x509.KeyUsage, _ANY, None)
    ee = ee.may_be_present(x509.SubjectAlternativeName, _ANY, None).may_be_present(x509.ExtendedKeyUsage, _ANY, None)
    ee = ee.may_be_present(x509.CertificatePolicies, _ANY, None)
    builder = PolicyBuilder().store(Store([x509.load_der_x509_certificate(WORLD.root)])).time(at).max_chain_depth(6)
    verifier = builder.extension_policies(ca_policy=ca, ee_policy=ee).build_client_verifier()
    try:
        between = [x509.load_der_x509_certificate(der) for der in chain.intermediates]
        verifier.verify(x509.load_der_x509_certificate(chain.leaf), between)
    except (VerificationError, ValueError, x509.InvalidVersion):
        return False
    return True


_ANY = x509.verification.Criticality.AGNOSTIC


def _cert_sign(_: object, __: object, value: x509.KeyUsage | None) -> None:
    if value is not None and not value.key_cert_sign:
        raise ValueError("no keyCertSign")


STORE = TrustStore.of([UZI_TEST_G3.with_root(WORLD.root)], [WORLD.root])


def ours(chain: Chain, at: datetime) -> str:
    """Nothing if a store that knows the sound path accepts the chain; else why not."""
    STORE.verify(WORLD.leaf.der(), intermediates=[WORLD.z, WORLD.level_2], at=NOW, usage="authenticity")
    try:
        STORE.verify(chain.leaf, intermediates=chain.intermediates, at=at, usage="authenticity")
    except CertificateError as error:
        whole = error.code in ("certificate.usage", "certificate.malformed")
        return str(error.code if whole else error.details.get("reason") or error.code)
    return ""


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(leaf=leaves(), z=authorities(WORLD.z_plan), level_2=authorities(WORLD.level_2_plan), at=moments)
def test_aut_2_nothing_is_accepted_that_the_whole_verifier_refuses(
    leaf: Plan, z: Plan, level_2: Plan, at: datetime
) -> None:
    chain = Chain(leaf.der(), [z.der(), level_2.der()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cryptography, over serial numbers
        refused, accepted = ours(chain, at), whole_verifier(chain, at)
    assert accepted or refused, "accepted what the whole verifier refuses"
    if accepted and refused:
        assert refused in STRICTER, refused
