"""Two other judges of the same chains, asked as a careful user would: ``openssl verify`` and pyhanko-certvalidator."""

from __future__ import annotations

import asyncio
import subprocess
import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from asn1crypto import x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError, ValidationError
from pyhanko_certvalidator.policy_decl import DisallowWeakAlgorithmsPolicy, PKIXValidationParams

from der_certificates import pem


def openssl(
    leaf: bytes, intermediates: Sequence[bytes], root: bytes, *, at: datetime, policy: str, folder: Path
) -> str:
    """What ``openssl verify`` says against the chain; nothing if it accepts it."""
    for name, certificates in (("leaf", [leaf]), ("between", intermediates), ("root", [root])):
        (folder / f"{name}.pem").write_text(pem(certificates))
    command = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", "root.pem", "-purpose", "sslclient"]
    command += ["-auth_level", "2", "-x509_strict", "-policy", policy, "-explicit_policy"]
    command += ["-attime", str(int(at.timestamp()))]
    command += [*(["-untrusted", "between.pem"] if intermediates else []), "leaf.pem"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return ""
    return done.stderr.strip() or done.stdout.strip() or "refused"


def certvalidator(leaf: bytes, intermediates: Sequence[bytes], root: bytes, *, at: datetime, policy: str) -> str:
    """What pyhanko-certvalidator says against the chain; nothing if it accepts it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            asyncio.run(_validated(leaf, intermediates, root, at, policy))
    except (PathBuildingError, PathValidationError, ValidationError) as error:
        return str(error)
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:  # over octets it did not expect
        return f"{type(error).__name__}: {error}"
    return ""


async def _validated(leaf: bytes, intermediates: Sequence[bytes], root: bytes, at: datetime, policy: str) -> None:
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(root)],
        other_certs=[x509.Certificate.load(one) for one in intermediates],
        moment=at,
        allow_fetching=False,
        revocation_mode="soft-fail",
        algorithm_usage_policy=DisallowWeakAlgorithmsPolicy(),
    )
    validator = CertificateValidator(
        x509.Certificate.load(leaf, strict=True),
        validation_context=context,
        pkix_params=PKIXValidationParams(user_initial_policy_set=frozenset({policy}), initial_explicit_policy=True),
    )
    await validator.async_validate_usage({"digital_signature"}, {"client_auth"})
