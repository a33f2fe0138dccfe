"""The examples in the documents: the block that follows ``<!-- example: name -->``, as it stands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def example(page: str, name: str) -> str:
    """One block of a page under the project's root."""
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert found is not None, f"{page} has no example {name!r}"
    return found[1]
