"""How hypothesis runs here: a slow machine fails no test. In CI it does so by itself."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

if "CI" not in os.environ:
    settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("steady")
