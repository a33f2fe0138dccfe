# The compiled extension: written by cffi from native/include/zc.h, which documents every function.
from typing import Any

ffi: Any
lib: Any
