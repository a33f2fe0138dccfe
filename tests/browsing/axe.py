"""axe-core on a page: what keeps people with a keyboard, a screen reader or weak eyes from using it.

It is evaluated over the debugger's protocol, which the page's Content Security Policy does not reach: that stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

from playwright.sync_api import Page

_SCRIPT = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_RUN = """async (rules) => {
  // the only rule for what WCAG 2.2 has added; axe-core leaves it off
  const all = { rules: { "target-size": { enabled: true } } };
  const chosen = rules.length ? { runOnly: { type: "rule", values: rules } } : all;
  return (await axe.run(document, { resultTypes: ["violations"], ...chosen })).violations;
}"""


def violations(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe-core finds on the page as it is now: a line for each rule and element.

    Args:
        page: as it is now.
        rules: some of axe-core's; none: all of WCAG 2.2 AA, and what it calls best practice.
    """
    if not page.evaluate("() => typeof axe === 'object'"):
        page.evaluate(_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(_RUN, list(rules))
    return [
        f"{page.url}: {rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]
