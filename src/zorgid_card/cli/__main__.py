"""``zorgid-card`` and ``python -m zorgid_card.cli``."""

from __future__ import annotations

import sys

_EXTRAS = {"click": "cli", "rich": "cli", "segno": "cli", "sqlalchemy": "cli,sql"}


def main() -> None:
    """Run the command line; a missing extra is told in one sentence, exit code 2."""
    try:
        from zorgid_card.cli.app import run, settled  # noqa: PLC0415  # only here can it be told which extra is missing

        code = settled(run(sys.argv[1:]))
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        extra = _EXTRAS.get(missing)
        if extra is None:
            raise
        print(f"zorgid-card: {missing} is missing; install it: pip install 'zorgid-card[{extra}]'", file=sys.stderr)
        code = 2
    sys.exit(code)


if __name__ == "__main__":
    main()
