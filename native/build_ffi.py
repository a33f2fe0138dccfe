# SPDX-License-Identifier: Apache-2.0
"""Write the C source of the extension ``zorgid_card._zc`` from native/include/zc.h.

The declarations between the header's two "cffi" marks are the binding: there is no second list that could
drift. Usage: python build_ffi.py HEADER OUTPUT.c
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cffi

_MARKED = re.compile(r"/\* cffi: begin \*/(.*?)/\* cffi: end \*/", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def declarations(header: str) -> str:
    """The marked parts of the header as cffi reads C: no comments (one after #define would be its value), no ZC_API."""
    return _COMMENT.sub("", "\n".join(_MARKED.findall(header))).replace("ZC_API ", "")


def main(header: str, output: str) -> None:
    """Emit the extension's C source."""
    ffi = cffi.FFI()
    ffi.cdef(declarations(Path(header).read_text(encoding="utf-8")))
    ffi.set_source("zorgid_card._zc", '#include "zc.h"\n', py_limited_api=True)
    ffi.emit_c_code(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
