"""Chromium with an extension that speaks as Web eID's does, and what a page of a portal says to it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, Playwright

from zorgid_card.agent.browsers import System, install

CHROMIUM = "/usr/bin/chromium"
_EXTENSION = Path(__file__).parent / "web_eid_extension"
_ASK = """
(asked) => new Promise((resolve) => {
  const wanted = new RegExp(`^${asked.action}-(success|failure)$|^web-eid:given-up$`);
  window.addEventListener("message", ({ data }) => { if (wanted.test(data?.action)) resolve(data); });
  setTimeout(() => resolve({ action: "no answer" }), 300000);
  window.postMessage(asked, window.origin);
})
"""
_ASK_LATER = "(asked) => { window.postMessage(asked, window.origin); }"


def extension(directory: Path) -> tuple[Path, str]:
    """A copy of the extension with a key, and the identifier that it has by that (SHA-256, in letters from a to p)."""
    key = rsa.generate_private_key(65537, 2048).public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    copy = directory / "extension"
    shutil.copytree(_EXTENSION, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "key": base64.b64encode(octets).decode()}))
    name = "".join("abcdefghijklmnop"[int(digit, 16)] for digit in hashlib.sha256(octets).hexdigest()[:32])
    return copy, name


@contextmanager
def browser(
    playwright: Playwright, home: Path, command: Sequence[str], *, environment: Mapping[str, str], known: bool = True
) -> Iterator[Page]:
    """A page in a browser that has the extension, which finds the host.

    Args:
        playwright: drives the browser.
        home: the user's directory.
        command: the host; gets ``--extension`` and the identifier.
        environment: beside the process's own.
        known: whether the manifest names the extension.
    """
    where, name = extension(home)
    system = System(home=home)
    install(system, ["chromium"], [*command, "--extension", name], [name] if known else [])
    context = playwright.chromium.launch_persistent_context(
        home / ".config/chromium",
        executable_path=CHROMIUM,
        args=["--headless=new", "--no-sandbox", f"--disable-extensions-except={where}", f"--load-extension={where}"],
        ignore_default_args=["--disable-extensions"],
        ignore_https_errors=True,
        env={**os.environ, **environment},
    )
    try:
        if not context.service_workers:
            context.wait_for_event("serviceworker")
        yield context.pages[0]
    finally:
        context.close()


def ask(page: Page, action: str, **given: Any) -> dict[str, Any]:
    """What the page gets for a message of Web eID's library."""
    found: dict[str, Any] = page.evaluate(_ASK, {"action": f"web-eid:{action}", **given})
    return found


def begin(page: Page, action: str, **given: Any) -> None:
    """The message alone: the answer is not waited for."""
    page.evaluate(_ASK_LATER, {"action": f"web-eid:{action}", **given})
