"""A program that leaves no core dump: for those in whose buffers a PIN is on its way (PIN-7)."""

from __future__ import annotations

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def forbid() -> None:
    """From now on this process is never dumped, nor looked into by other programs of its user.

    Linux by ``prctl(PR_SET_DUMPABLE, 0)``, which also holds where dumps go to a program; other systems of POSIX by the limit of 0
    octets. Windows writes none unless it was told to for this very program.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    elif sys.platform != "win32":
        import resource  # noqa: PLC0415  # not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
