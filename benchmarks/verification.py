"""A certificate's bytes to an identity, and a log-in's token to an identity beside what OpenSSL allows for its signatures."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from statistics import median, quantiles
from typing import Any, NamedTuple

import identities
import material
from asn1crypto.x509 import Certificate
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import load_der_public_key
from harness import Case, Result
from identities import World

from zorgid_card.pki.hierarchy import KEY_USAGES, KNOWN, find_pass
from zorgid_card.pki.identity import read_uzi_identity
from zorgid_card.pki.roles import role_name
from zorgid_card.pki.signing import ecdsa_der
from zorgid_card.pki.trust import CASignatures
from zorgid_card.pki.verifier import CertificateVerifier
from zorgid_card.pki.web_eid import signed_input, verify_token

KINDS = ("RSA", "P-256")
MODES: tuple[CASignatures, ...] = ("cached", "uncached")
SHARE, SPEED_UP = 0.7, 1.9
_ROUNDS = 9
_SECONDS = 0.5

skipped: list[str] = []

# --- san ------------------------------------------------------------------------------------------------------------

_UZI = re.compile(r"([0-9.]+)-(1)-([0-9]{9})-([ZNMS])-([0-9]{8})-([0-9]{2}\.[0-9]{3})-([0-9]{8})")
_USAGE_BITS = {
    "digital_signature": "digital_signature",
    "non_repudiation": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
}


def _names(name: Any) -> dict[str, str]:
    return {pair["type"].dotted: pair["value"].native for relative in name.chosen for pair in relative}


def asn1crypto_identity(der: bytes) -> dict[str, Any]:
    """The same fields and agreements with asn1crypto: whoever writes this decodes no more than is needed for them."""
    tbs = Certificate.load(der)["tbs_certificate"]
    issuer, subject = _names(tbs["issuer"]), _names(tbs["subject"])
    extensions = {item["extn_id"].native: item["extn_value"].parsed for item in tbs["extensions"]}
    others = {
        name.chosen["type_id"].dotted: name.chosen["value"].parsed
        for name in extensions["subject_alt_name"]
        if name.name == "other_name"
    }
    found = find_pass(KNOWN, issuer["2.5.4.3"])
    match = _UZI.fullmatch(others["2.5.5.5"].native)
    if issuer["2.5.4.10"] != "CIBG" or found is None or match is None or others["2.5.5.5"].tag != 22:
        raise SystemExit("not a UZI certificate")
    hierarchy, profile = found
    oid_ca, _, number, letter, ura, role, agb = match.groups()
    (usage,) = {profile.policies[one["policy_identifier"].dotted] for one in extensions["certificate_policies"]}
    bits = {_USAGE_BITS[name] for name in extensions["key_usage"].native}
    agree = letter == profile.pass_type and oid_ca == profile.oid_ca and bits == KEY_USAGES[usage]
    if not agree or others["1.3.6.1.4.1.311.20.2.3"].native != f"{number}@{ura}" or subject["2.5.4.5"] != number:
        raise SystemExit("contradicts itself")
    return {
        "uzi_number": number,
        "pass_type": letter,
        "ura": ura,
        "role": role,
        "role_name": role_name(role),
        "agb": None if agb == "00000000" else agb,
        "organisation": subject["2.5.4.10"],
        "given_names": subject["2.5.4.42"],
        "surname": subject["2.5.4.4"],
        "common_name": subject["2.5.4.3"],
        "title": subject["2.5.4.12"],
        "oid_ca": oid_ca,
        "environment": hierarchy.environment,
        "usage": usage,
        "not_before": tbs["validity"]["not_before"].native,
        "not_after": tbs["validity"]["not_after"].native,
        "issuer_cn": issuer["2.5.4.3"],
        "certificate": der,
    }


def san() -> Iterator[Case]:
    """Bytes of an authenticity certificate to whom it names."""
    der = material.certificate()
    if asn1crypto_identity(der) != read_uzi_identity(der)._asdict():
        raise SystemExit("the two ways read different identities")
    yield Case("san", lambda: read_uzi_identity(der), "asn1crypto", lambda: asn1crypto_identity(der), least=20)


# --- login-verify ---------------------------------------------------------------------------------------------------


def _log_in(verifier: CertificateVerifier, one: identities.LogIn) -> object:
    certificate = verify_token(one.token, origin=identities.ORIGIN, nonce=one.nonce)
    return verifier.verify(certificate, at=identities.AT)


def _count(world: World, verifier: CertificateVerifier) -> Counter[str]:
    """The verifications that one log-in does, by algorithm as ``openssl speed`` names it; calls of ``cryptography`` are watched."""
    seen: Counter[str] = Counter()

    def watch(_: object, event: str, called: Any) -> None:
        key = getattr(called, "__self__", None)
        if event == "c_call" and called.__name__ == "verify" and hasattr(key, "key_size"):
            seen[f"{'ecdsap' if hasattr(key, 'curve') else 'rsa'}{key.key_size}"] += 1

    _log_in(verifier, world.log_ins[0])  # what is judged once is judged now
    sys.setprofile(watch)
    try:
        _log_in(verifier, world.log_ins[1])
    finally:
        sys.setprofile(None)
    return seen


class _Signed(NamedTuple):
    """What ``cryptography`` is given at one log-in; ``scheme``: what a key's ``verify`` takes behind signature and data."""

    scheme: tuple[Any, ...]
    certified: bytes
    tbs: bytes
    spki: bytes
    signature: bytes
    data: bytes


def _signed(one: identities.LogIn) -> _Signed:
    token = json.loads(one.token)
    leaf, algorithm = Certificate.load(base64.b64decode(token["unverifiedCertificate"])), token["algorithm"]
    signature, data = base64.b64decode(token["signature"]), signed_input(identities.ORIGIN, one.nonce, algorithm)
    scheme: tuple[Any, ...] = (padding.PKCS1v15(), hashes.SHA256())
    if algorithm == "ES256":
        signature, scheme = ecdsa_der(signature, algorithm), (ec.ECDSA(hashes.SHA256()),)
    tbs, spki = leaf["tbs_certificate"].dump(), leaf.public_key.dump()
    return _Signed(scheme, leaf["signature_value"].native, tbs, spki, signature, data)


def _cryptography_alone(world: World) -> Callable[[], float]:
    """Microseconds of processor time for the two verifications of a *cached* log-in alone, the CA's key loaded before."""
    ca: Any = load_der_public_key(Certificate.load(world.chain[0]).public_key.dump())
    prepared = [_signed(one) for one in world.log_ins]

    def measure() -> float:
        count, start = 0, time.process_time()
        while (taken := time.process_time() - start) < _SECONDS:
            for scheme, certified, tbs, spki, signature, data in prepared:
                ca.verify(certified, tbs, *scheme)
                key: Any = load_der_public_key(spki)
                key.verify(signature, data, *scheme)
            count += len(prepared)
        return taken / count * 1e6

    return measure


def _openssl_speed(algorithm: str) -> float:
    """Microseconds of processor time that OpenSSL takes for one verification, measured for a second."""
    done = subprocess.run(["openssl", "speed", "-seconds", "1", algorithm], capture_output=True, text=True, check=True)
    return 1e6 / float(done.stdout.split()[-1])


def _ours(world: World, verifier: CertificateVerifier) -> float:
    """Microseconds of processor time for one log-in, each of another leaf than the one before."""
    count, start = 0, time.process_time()
    while (taken := time.process_time() - start) < _SECONDS:
        for one in world.log_ins:
            _log_in(verifier, one)
        count += len(world.log_ins)
    return taken / count * 1e6


def login_verify() -> Iterator[Result]:
    """Token to identity, on one core and on two."""
    if shutil.which("openssl") is None:
        skipped.append("login-verify: openssl is not installed")
        return
    worlds = {kind: identities.world(kind) for kind in KINDS}
    made = {(kind, mode): worlds[kind].verifier(mode) for kind in KINDS for mode in MODES}
    done = {key: _count(worlds[key[0]], verifier) for key, verifier in made.items()}
    allowed: dict[str, list[float]] = {name: [] for name in sorted({name for one in done.values() for name in one})}
    taken: dict[tuple[str, CASignatures], list[float]] = {key: [] for key in made}
    alone = {kind: _cryptography_alone(worlds[kind]) for kind in KINDS}
    floor: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(_ROUNDS):  # in turns
        for name, times in allowed.items():
            times.append(_openssl_speed(name))
        for key, verifier in made.items():
            taken[key].append(_ours(worlds[key[0]], verifier))
        for kind, measure in alone.items():
            floor[kind].append(measure())
    for (kind, mode), verifications in done.items():
        yield _share(f"login-verify, {kind}, {mode}", verifications, allowed, taken[kind, mode], SHARE)
    for kind, times in floor.items():
        name = f"login-verify, {kind}, cached: cryptography alone"
        yield _share(name, done[kind, "cached"], allowed, times, None)
    if len(os.sched_getaffinity(0)) < 2:
        skipped.append("login-verify on two cores: there is one")
        return
    for kind in KINDS:
        yield from _scaling(kind, made[kind, "cached"])


def _share(
    name: str, verifications: Counter[str], allowed: Mapping[str, list[float]], taken: list[float], least: float | None
) -> Result:
    sums = [sum(count * allowed[one][turn] for one, count in verifications.items()) for turn in range(len(taken))]
    shares = [most / ours for most, ours in zip(sums, taken, strict=True)]
    tenths = quantiles(shares, n=10)
    peer = "openssl speed: " + " + ".join(f"{count} {one}" for one, count in sorted(verifications.items()))
    case = Case(name, _nothing, peer, _nothing, least=least)
    return Result(case, median(taken), median(sums), median(shares), tenths[0], tenths[-1])


def _nothing() -> None:
    """What was measured is not done again."""


def _work(world: World, verifier: CertificateVerifier, barrier: Barrier | None = None) -> int:
    """How many log-ins are done until the time is up."""
    if barrier is not None:
        barrier.wait()
    count, end = 0, time.monotonic() + 2 * _SECONDS
    while time.monotonic() < end:
        for one in world.log_ins:
            _log_in(verifier, one)
        count += len(world.log_ins)
    return count


_Workers = Callable[[int], int]
_inherited: tuple[World, CertificateVerifier] | None = None


def _process(barrier: Barrier, counts: Any) -> None:
    if _inherited is not None:
        counts.put(_work(*_inherited, barrier))


def _processes(workers: int) -> int:
    """Forked, as a portal's workers are, after everything was made."""
    context = multiprocessing.get_context("fork")
    barrier, counts = context.Barrier(workers), context.SimpleQueue()
    running = [context.Process(target=_process, args=(barrier, counts)) for _ in range(workers)]
    for one in running:
        one.start()
    total = sum(counts.get() for _ in running)
    for one in running:
        one.join()
    return total


def _threads(workers: int) -> int:
    if _inherited is None:
        return 0
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(_work, *_inherited) for _ in range(workers)]
        return sum(one.result() for one in running)


def _scaling(kind: str, verifier: CertificateVerifier) -> Iterator[Result]:
    """How many more log-ins two workers do in the same time than one; in turns. ``ours``, ``peers``: time for one log-in."""
    global _inherited  # noqa: PLW0603  # what a forked process finds
    _inherited = identities.world(kind), verifier
    for name, run_with, least in (("two processes", _processes, SPEED_UP), ("two threads", _threads, None)):
        counts = [(run_with(1), run_with(2)) for _ in range(_ROUNDS)]
        ratios = [two / one for one, two in counts]
        tenths = quantiles(ratios, n=10)
        seconds = 2 * _SECONDS * 1e6
        case = Case(f"login-verify, {kind}, cached, {name}", _nothing, "one of them", _nothing, least=least)
        two, one = (median(seconds / count for count in column) for column in (
            [both for _, both in counts], [single for single, _ in counts]
        ))  # fmt: skip
        yield Result(case, two, one, median(ratios), tenths[0], tenths[-1])


GROUPS = (san, login_verify)
