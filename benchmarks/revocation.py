"""What it costs to tell what is revoked: OCSP answers beside what the machine can sign, and CRLs beside ``cryptography``'s own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from harness import Case, Result, run

from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.pki.authority import Authority, new_serial
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.crl_builder import Period, sign_list
from zorgid_card.pki.ocsp_responder import Questions, Responder, compose
from zorgid_card.pki.signing import dump_public_key
from zorgid_card.ports.registry import IssuedCertificate
from zorgid_card.secret import Secret
from zorgid_card.workflows.ocsp_service import OCSPService

SHARE, STOCK, CRL_SHARE = 0.8, 20, 1 / 3
CERTIFICATES, ENTRIES = 500, 100_000
_ROUNDS, _SECONDS = 15, 0.3

skipped: list[str] = []


def _portal(place: Path, now: datetime) -> tuple[Authority, SQLRegistry, list[int]]:
    """A CA, and a registry with certificates; every tenth is on hold."""
    authority = Authority.create(place / "ca", Secret.of(b"passphrase"), now=now - timedelta(days=1))
    registry = SQLRegistry(f"sqlite:///{place / 'registry.db'}")
    registry.create()
    serials = [new_serial() for _ in range(CERTIFICATES)]
    with registry.begin() as unit:
        for number, serial in enumerate(serials):
            held = number % 10 == 0
            unit.add(
                IssuedCertificate(
                    serial=f"{serial:x}", card_serial=str(number), der=b"", key_hash=b"", status="hold" if held else "good",
                    reason="certificateHold" if held else None, changed_at=now, commit_by=None, not_after=now + timedelta(days=9),
                )
            )  # fmt: skip
    return authority, registry, serials


def _service(
    authority: Authority, registry: SQLRegistry, key: ec.EllipticCurvePrivateKey, now: datetime
) -> OCSPService:
    certificate = authority.certify_responder(dump_public_key(key.public_key()), not_before=now - timedelta(hours=1))
    issuer = Certificate.parse(authority.certificate)
    return OCSPService(registry, Responder(issuer, key, Certificate.parse(certificate)))


def _openssl_signing() -> float:
    """Microseconds of processor time that OpenSSL takes for one signature with P-256, measured for a second."""
    command = ["openssl", "speed", "-seconds", "1", "ecdsap256"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return 1e6 / float(done.stdout.split()[-2])


def _each(work: Callable[[], Any]) -> float:
    """Microseconds of processor time for one."""
    count, start = 0, time.process_time()
    while (taken := time.process_time() - start) < _SECONDS:
        for _ in range(200):
            work()
        count += 200
    return taken / count * 1e6


def _share(name: str, peer: str, limits: list[float], taken: list[float], least: float | None) -> Result:
    shares = [limit / ours for limit, ours in zip(limits, taken, strict=True)]
    tenths = quantiles(shares, n=10)
    case = Case(name, _nothing, peer, _nothing, least=least)
    return Result(case, median(taken), median(limits), median(shares), tenths[0], tenths[-1])


def _nothing() -> None:
    """What was measured is not done again."""


def _on_the_fly(service: OCSPService, questions: list[bytes], key: ec.EllipticCurvePrivateKey) -> Iterator[Result]:
    """Beside the signature alone, by OpenSSL's own measure and as Python reaches it; in turns."""
    following, scheme, data = cycle(questions), ec.ECDSA(hashes.SHA256()), bytes(250)
    ours: list[float] = []
    openssl: list[float] = []
    alone: list[float] = []
    for _ in range(_ROUNDS):
        ours.append(_each(lambda: service.answer(next(following))))
        alone.append(_each(lambda: key.sign(data, scheme)))
        if shutil.which("openssl"):
            openssl.append(_openssl_signing())
    name = "revocation: OCSP answer with nonce"
    yield _share(name, "P-256 signature, cryptography", alone, ours, SHARE)
    if openssl:
        yield _share(name, "openssl speed: P-256 signature", openssl, ours, None)
    else:
        skipped.append("revocation beside openssl speed: openssl is not installed")


def _require(works: bool, what: str) -> None:
    if not works:
        raise SystemExit(f"the benchmark is wrong: {what}")


def revocation() -> Iterator[Case | Result]:
    """OCSP on the fly, from stock and of certificates asked about for the first time; a CRL of 100,000 entries."""
    now = datetime.now(UTC).replace(microsecond=0)
    key = ec.generate_private_key(ec.SECP256R1())
    with tempfile.TemporaryDirectory() as place:
        authority, registry, serials = _portal(Path(place), now)
        service = _service(authority, registry, key, now)
        asked = [service.responder.certificate_id(serial) for serial in serials]
        plain = [compose(Questions((one,), None)) for one in asked]
        with_nonce = [compose(Questions((one,), os.urandom(32))) for one in asked]
        told = [ocsp.load_der_ocsp_response(service.answer(question).der) for question in plain + with_nonce]
        held = sum(next(iter(one.responses)).certificate_status is ocsp.OCSPCertStatus.REVOKED for one in told)
        _require(held == 2 * CERTIFICATES // 10, "OCSP answers")
        yield from _on_the_fly(service, with_nonce, key)
        again, anew = cycle(plain), cycle(with_nonce)
        name = "revocation: OCSP answer from stock"
        yield run(
            Case(
                name,
                lambda: service.answer(next(again)),
                "signed on the fly",
                lambda: service.answer(next(anew)),
                STOCK,
            )
        )
        unknown = iter(range(10**9))

        def first_asked() -> object:
            return service.answer(
                compose(Questions((service.responder.certificate_id(1 << 100 | next(unknown)),), None))
            )

        name = "revocation: OCSP answer, asked for the first time (SQLite)"
        yield run(Case(name, first_asked, "signed on the fly", lambda: service.answer(next(anew)), rounds=_ROUNDS))
        registry.close()
        yield _whole_list(authority, now)


def _whole_list(authority: Authority, now: datetime) -> Case:
    """From serial numbers, dates and reasons to octets; the peer is given its own objects, made beforehand."""
    entries = [
        (new_serial(), now - timedelta(minutes=number), "keyCompromise" if number % 2 else "certificateHold")
        for number in range(ENTRIES)
    ]
    issuer, key = x509.load_der_x509_certificate(authority.certificate), authority._issuing_key
    builder = x509.CertificateRevocationListBuilder(
        issuer.subject, now, now + timedelta(days=2), [], [_revoked(*entry) for entry in entries]
    ).add_extension(x509.CRLNumber(1), critical=False)
    period = Period.of(now, now + timedelta(days=2))

    def ours() -> bytes:
        return sign_list(issuer, key, entries, 1, period)

    def theirs() -> bytes:
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)

    crl = x509.load_der_x509_crl(ours())
    same = [entry.serial_number for entry in crl] == [entry.serial_number for entry in x509.load_der_x509_crl(theirs())]
    _require(same and crl.is_signature_valid(issuer.public_key()), "the CRL")  # type: ignore[arg-type]
    name = "revocation: CRL of 100,000 entries"
    return Case(name, ours, "cryptography, sign and serialise", theirs, CRL_SHARE, rounds=_ROUNDS)


def _revoked(serial: int, since: datetime, reason: str) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since)
    return builder.add_extension(x509.CRLReason(x509.ReasonFlags(reason)), critical=False).build()


GROUPS = (revocation,)
