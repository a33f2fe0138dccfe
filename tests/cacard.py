"""libcacard's virtual card on standard input and output, in a process of its own: NSS may be started only once in one.

Each line is ``on``, ``off``, or a command APDU in hexadecimal; each is answered by a line: ATR, nothing, response APDU.
"""

from __future__ import annotations

import ctypes
import sys

MOST = 65536


def main(options: str) -> None:
    try:
        library = ctypes.CDLL("libcacard.so.0")
    except OSError:
        sys.stdout.write("missing\n")
        return
    library.vcard_emul_options.restype = library.vreader_get_reader_by_name.restype = ctypes.c_void_p
    assert library.vcard_emul_init(ctypes.c_void_p(library.vcard_emul_options(options.encode()))) == 0
    reader = ctypes.c_void_p(library.vreader_get_reader_by_name(b"Virtual Card"))
    assert library.vreader_card_is_present(reader) == 0
    tell("ready")
    for line in sys.stdin:
        tell(answer(library, reader, line.strip()).hex())


def answer(library: ctypes.CDLL, reader: ctypes.c_void_p, line: str) -> bytes:
    space, length = ctypes.create_string_buffer(MOST), ctypes.c_int(MOST)
    if line == "on":
        length.value = 64  # libcacard takes it for the room in its own ATR
        status = library.vreader_power_on(reader, space, ctypes.byref(length))
    elif line == "off":
        status, length.value = library.vreader_power_off(reader), 0
    else:
        command = bytes.fromhex(line)
        status = library.vreader_xfr_bytes(reader, command, len(command), space, ctypes.byref(length))
    assert status == 0
    return space.raw[: length.value]


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
