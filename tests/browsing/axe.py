"""axe-core on a page: what keeps people with a keyboard, a screen reader or weak eyes from using it.

It is evaluated over the debugger's protocol, which the page's Content Security Policy does not reach: that stays as it is.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

from playwright.sync_api import Page

_SCRIPT = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page as it is now: a line for each rule and element; all rules that it has on by itself."""
    if not page.evaluate("() => typeof axe === 'object'"):
        page.evaluate(_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return [
        f"{page.url}: {rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]
