"""Where a portal tells its keeper what went wrong: standard error, a line for each."""

from __future__ import annotations

import logging


def log_to_stderr() -> None:
    """Warnings and worse, with the time; nothing that a request held."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)  # the loggers' own levels are whoever's who configures them
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for name in ("zorgid_card", "uvicorn"):
        logging.getLogger(name).addHandler(handler)
