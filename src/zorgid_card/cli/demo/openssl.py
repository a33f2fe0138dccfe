"""A second opinion: what ``openssl`` says of the CRL and of the card's certificate."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from zorgid_card.cli.demo.stage import DemonstrationError, Stage
from zorgid_card.cli.demo.world import World
from zorgid_card.pki.certificate import Certificate
from zorgid_card.pki.revocation import CRL

_TIMEOUT = 20.0
_REVOKED = "certificate revoked"


@dataclass(frozen=True, slots=True)
class OpenSSL:
    """The program, and the files that it judges.

    Args:
        program: its path.
        roots: PEM file of the root.
        chain: PEM file of the root and the issuing CA.
        certificate: PEM file of the card's certificate.
    """

    program: str
    roots: Path
    chain: Path
    certificate: Path

    @classmethod
    def find(cls, roots: Path, chain: Path, certificate: Path) -> OpenSSL | None:
        """The program with these files; None where it is not installed."""
        program = shutil.which("openssl")
        return None if program is None else cls(program, roots, chain, certificate)

    def entries(self, crl: Path) -> int:
        """Verify a CRL's signature and count its entries.

        Raises:
            DemonstrationError: openssl does not verify it.
        """
        asked = ("crl", "-in", str(crl), "-inform", "DER", "-CAfile", str(self.chain), "-noout", "-text", "-verify")
        output = self._run(*asked)
        if "verify OK" not in output:
            raise DemonstrationError(f"openssl crl: {_first(output)}")
        return output.count("Serial Number:")

    def require_good(self, crl: Path) -> None:
        """The certificate verifies with this CRL (PEM).

        Raises:
            DemonstrationError: openssl says otherwise.
        """
        output = self._verify(crl)
        if not output.rstrip().endswith(": OK"):
            raise DemonstrationError(f"openssl verify: {_first(output)}")

    def require_revoked(self, crl: Path) -> None:
        """The certificate is refused because of this CRL (PEM); openssl tells no difference between hold and revoked.

        Raises:
            DemonstrationError: openssl says otherwise.
        """
        output = self._verify(crl)
        if _REVOKED not in output:
            raise DemonstrationError(f"openssl verify: {_first(output)}")

    def _verify(self, crl: Path) -> str:
        trusted = ("-CAfile", str(self.roots), "-untrusted", str(self.chain))
        return self._run("verify", "-crl_check", "-CRLfile", str(crl), *trusted, str(self.certificate))

    def _run(self, *arguments: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603  # a program found on PATH, arguments of our own
                (self.program, *arguments),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DemonstrationError(f"openssl: {error}") from error
        return done.stdout + done.stderr


def _first(output: str) -> str:
    return (output.strip().splitlines() or ["?"])[0][:200]


class Judge:
    """After each change: publish the CRL, see that it says what it must, and have openssl say the same.

    Args:
        world: publishes.
        stage: where it is shown.
        certificate: the card's, DER; its files lie in ``certificates/`` already.
    """

    def __init__(self, world: World, stage: Stage, certificate: bytes) -> None:
        self._world = world
        self._stage = stage
        self._serial = x509.load_der_x509_certificate(certificate).serial_number
        here = world.directory / "certificates"
        self._openssl = OpenSSL.find(here / "root.pem", here / "chain.pem", here / "card.pem")

    def expect(self, reason: str | None, rule: str) -> None:
        """Publish, and require the card's certificate to be on the list with this reason; None: not on it.

        Raises:
            DemonstrationError: the list or openssl says otherwise.
        """
        crl = CRL.parse(self._world.publish())
        crl.verify(Certificate.parse(self._world.portal.services.authority.certificate))
        entry = crl.entries.get(self._serial)
        if (entry and entry.reason) != reason:
            raise DemonstrationError(f"the CRL says {entry}, not {reason}")
        name = {None: "none", "certificateHold": "hold"}.get(reason, "revoked")
        said = self._stage.texts(f"manage.crl.entries.{name}", reason=reason)
        self._stage.done("manage.crl", rule, number=crl.number, entries=said)
        if self._openssl:
            self._ask(self._openssl, len(crl.entries), revoked=reason is not None)
        else:
            self._stage.display.say("manage.openssl.absent", "yellow")

    def _ask(self, openssl: OpenSSL, expected: int, *, revoked: bool) -> None:
        directory = self._world.directory
        entries = openssl.entries(directory / "crl.der")
        if entries != expected:
            raise DemonstrationError(f"openssl crl: {entries} entries, expected {expected}")
        self._stage.done("manage.openssl.crl", entries=entries)
        if revoked:
            openssl.require_revoked(directory / "crl.pem")
            self._stage.done("manage.openssl.revoked")
        else:
            openssl.require_good(directory / "crl.pem")
            self._stage.done("manage.openssl.good")
