"""Looks for codes and keys in another process's memory, in its core dump and in files: from outside, by what is there alone."""

from __future__ import annotations

import base64
import ctypes
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

FINDER = Path(__file__).with_name("stubs") / "finder.c"

_MAP = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r(.)\S+ \S+ \S+ (\S+) *(.*)")
_CHUNK = 1 << 16
_LONGEST = 256


def forms_of_digits(code: bytes) -> dict[str, bytes]:
    """How a PIN or PUK may lie in memory.

    Packed, eight digits are four octets, which chance may bring: those are looked for with their neighbours.
    """
    text = code.decode()
    packed = bytes.fromhex(text + "f" * (len(text) % 2))
    swapped = bytes(octet >> 4 | (octet & 15) << 4 for octet in packed)
    forms = {
        "characters": code,
        "characters, backwards": code[::-1],
        "UTF-16": text.encode("utf-16-le"),
        "UTF-16, big-endian": text.encode("utf-16-be"),
        "UTF-32": text.encode("utf-32-le"),
        "hex": code.hex().encode(),
        "PIN block of format 2": bytes([0x20 | len(text)]) + packed + b"\xff",
        # as this Python has them; another version's form would be found by chance only
        "a Python int": struct.pack("<qI", 1 if sys.version_info < (3, 12) else 1 << 3, int(text)),
    }
    for name, half in (("packed", packed), ("packed, nibbles swapped", swapped)):
        forms |= {f"{name}, FF": half + b"\xff\xff", f"{name}, zeros": half + bytes(4)}
    return forms | {f"base64 of {name}": part for name, part in _base64(code)}


def forms_of_octets(key: bytes) -> dict[str, bytes]:
    """How a key may lie in memory; a part of it is enough."""
    half = len(key) // 2
    return {
        "octets": key,
        "first half": key[:half],
        "second half": key[half:],
        "hex": key.hex().encode(),
        "HEX": key.hex().upper().encode(),
        "UTF-16 of hex": key.hex().encode("utf-16-le"),
    } | {f"base64 of {name}": part for name, part in _base64(key)}


def _base64(octets: bytes) -> Iterator[tuple[str, bytes]]:
    """At each of three places in a base64 text; only the characters that are those of these octets alone."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + octets)
        first = (before * 8 + 5) // 6
        last = (before + len(octets)) * 8 // 6
        yield f"octets at {before}", text[first:last]
        if text[first:last] != (other := text[first:last].translate(bytes.maketrans(b"+/", b"-_"))):
            yield f"octets at {before}, for URLs", other


Wanted = Mapping[str, Mapping[str, bytes]]
"""Forms by the name of what has them."""


def in_memory(pid: int, wanted: Wanted, *, whole: bool = True) -> list[str]:
    """What is found in any readable memory of a process: its name, its form, and where.

    Args:
        pid: of the process, which holds still.
        wanted: what is looked for.
        whole: also where the process cannot write, as in the code of libraries.
    """
    found = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            part = _MAP.match(line)
            if part is None or part[4] in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
                continue
            if not whole and part[2] == "-" and part[3] != "0":
                continue
            start, end = int(part[1], 16), int(part[2], 16)
            found += [f"{what} in {part[4] or 'memory'}" for what in _in_part(memory.fileno(), start, end, wanted)]
    return sorted(set(found))


def _in_part(memory: int, start: int, end: int, wanted: Wanted) -> Iterator[str]:
    for at in range(start, end, _CHUNK):
        with suppress(OSError):  # a guard page
            yield from in_octets(os.pread(memory, min(_CHUNK + _LONGEST, end - at), at), wanted)


def in_octets(octets: bytes, wanted: Wanted) -> list[str]:
    """What is found in these."""
    told = [f"{name} as {form}" for name, forms in wanted.items() for form in forms]
    patterns = [pattern for forms in wanted.values() for pattern in forms.values()]
    lengths, found = (ctypes.c_uint32 * len(patterns))(*map(len, patterns)), bytearray(len(patterns))
    marks = (ctypes.c_uint8 * len(patterns)).from_buffer(found)
    failed = _finder()(octets, len(octets), b"".join(patterns), lengths, len(patterns), marks)
    assert not failed, "too many patterns, or too short"
    return [what for what, is_there in zip(told, found, strict=True) if is_there]


@cache
def _finder() -> Callable[..., int]:
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "finder.so"
        subprocess.run(
            ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, FINDER], check=True
        )
        find: Any = ctypes.CDLL(str(library)).find_all
    size = ctypes.c_size_t
    find.argtypes = (ctypes.c_char_p, size, ctypes.c_char_p, ctypes.c_void_p, size, ctypes.c_void_p)
    return find


def in_files(directory: Path, wanted: Wanted) -> list[str]:
    """What is found in any file below a directory."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return sorted({f"{what} in {path.name}" for path in files for what in in_octets(path.read_bytes(), wanted)})


def in_core(core: bytes, wanted: Wanted) -> list[str]:
    """What is found in a core dump."""
    return sorted(in_octets(core, wanted))
