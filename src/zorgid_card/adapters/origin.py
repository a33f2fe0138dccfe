"""The origin of an address, as a browser writes it (RFC 6454, 6.2; WHATWG URL, host parsing).

A browser makes many spellings one: capitals, international names, the default port, zeros in an IPv6 address. The signature is over
that one. Spellings that no person has a use for, such as an IPv4 address as one number, are refused instead of read.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

from zorgid_card.errors import UsageError

MAX_ADDRESS = 300
"""Characters of an address."""

_PORT = 443
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NETLOC = re.compile(r"(\[[0-9A-Fa-f:.]*\]|[^\[\]:@%]+)(:[0-9]*)?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


def origin_of(address: str) -> str:
    """The origin of an ``https`` address that has nothing but a host and perhaps a port.

    Args:
        address: such as ``https://Portal.example:443/``.

    Returns:
        ``https://host`` or ``https://host:port``: lower case, international names in punycode, without the default port.

    Raises:
        UsageError: it is another kind of address; ``reason`` is ``origin``.
    """
    parts, port = _split(address)
    if parts.scheme.lower() != "https":
        _refuse(address, "only https tells who answers")
    if _NETLOC.fullmatch(parts.netloc) is None:
        _refuse(address, "not a host, or more than that")
    if parts.path not in ("", "/") or "?" in address or "#" in address:
        _refuse(address, "path, query and fragment are no part of an origin")
    host = _ipv6(address, parts.hostname) if "[" in parts.netloc else _name(address, parts.hostname or "")
    return f"https://{host}" if port in (None, _PORT) else f"https://{host}:{port}"


def spoken_origin(origin: str) -> str:
    """The origin as it is signed, and for an international name how it reads."""
    if "xn--" not in origin:
        return origin
    labels = origin.partition("//")[2].rpartition(":")[0] or origin.partition("//")[2]
    try:
        read = ".".join(label.encode().decode("idna") for label in labels.split("."))
    except UnicodeError:
        return origin
    return f"{origin} ({read})"


def _split(address: str) -> tuple[SplitResult, int | None]:
    if len(address) > MAX_ADDRESS or not address.isprintable() or "\\" in address or " " in address:
        _refuse(address, "not an address")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        _refuse(address, "not an address")
    if port == 0:
        _refuse(address, "no port")
    return parts, port


def _ipv6(address: str, host: str | None) -> str:
    """RFC 5952, and an IPv4-mapped one in hexadecimal, as the WHATWG writes it."""
    try:
        found = ipaddress.IPv6Address(host or "")
    except ValueError:
        _refuse(address, "not an IPv6 address")
    mapped = found.ipv4_mapped
    if mapped is None:
        return f"[{found.compressed}]"
    return f"[::ffff:{int(mapped) >> 16:x}:{int(mapped) & 0xFFFF:x}]"


def _name(address: str, host: str) -> str:
    name = host.lower() if host.isascii() and "xn--" not in host.lower() else _punycode(address, host)
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(address, name)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        _refuse(address, "not a host's name")
    return name


def _ipv4(address: str, host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        _refuse(address, "not an IPv4 address of four numbers")


def _punycode(address: str, host: str) -> str:
    """UTS #46, non-transitional, as browsers do it; what IDNA 2008 does not allow is refused."""
    import idna  # noqa: PLC0415  # httpx brings it

    try:
        return idna.encode(host, uts46=True, std3_rules=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        _refuse(address, "not an international name")


def _refuse(address: str, why: str) -> NoReturn:
    raise UsageError(
        f"{address[:MAX_ADDRESS]!r} is not the address of a portal: {why}", reason="origin", value=address[:80]
    )
