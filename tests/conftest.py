"""How hypothesis runs here: a slow machine fails no test. In CI it does so by itself.

And what is there when the tests begin, modules and tests, is for good: many a test asks for a collection of garbage, and looking
through all that again would take it a tenth of a second or more.
"""

from __future__ import annotations

import gc
import os

from hypothesis import HealthCheck, settings


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


if "CI" not in os.environ:
    settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("steady")
