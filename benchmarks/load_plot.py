"""The run of ``make load`` as SVG: what was done in each second, and how long it took; with the moment of the kill."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from statistics import median
from typing import Any, Protocol

_WIDTH, _LEFT, _RIGHT, _TOP, _HEIGHT, _GAP = 1000, 70, 20, 60, 200, 70
_COLOURS = {
    "ZORG-ID Smartcard, P-256": "#0b6e4f",
    "UZI pass, RSA-2048": "#1f6feb",
    "change signed on the phone": "#b7791f",
    "phone log-in": "#7a5195",
    "page": "#7b8794",
    "log-out": "#c08497",
}
_TEXT, _FAINT, _KILL = "#1f2933", "#d9dee3", "#c0392b"


class Done(Protocol):
    """Something that somebody did."""

    @property
    def what(self) -> str: ...
    @property
    def begun(self) -> float: ...
    @property
    def ended(self) -> float: ...


def plot(done: Sequence[Done], begun: float, killed: dict[str, float], path: Path) -> None:
    """Draw it.

    Args:
        done: by everybody.
        begun: when it began, on the clock of ``done``.
        killed: ``at`` and ``replaced``, in seconds since then.
        path: of the SVG.
    """
    seconds = int(max(one.ended for one in done) - begun) + 1
    counts: dict[str, list[float]] = {}
    waits: dict[str, list[list[float]]] = {}
    for one in done:
        at = int(one.ended - begun)
        counts.setdefault(one.what, [0.0] * seconds)[at] += 1
        waits.setdefault(one.what, [[] for _ in range(seconds)])[at].append(one.ended - one.begun)
    medians = {what: [median(each) if each else None for each in kind] for what, kind in waits.items()}
    bottom = _TOP + 2 * _HEIGHT + _GAP
    parts = [
        *_chart(_TOP, "done in each second", seconds, counts, killed),
        *_chart(_TOP + _HEIGHT + _GAP, "median of how long it took, s", seconds, medians, killed),
        *_legend(counts, bottom + 40),
    ]
    title = "make load: what was done in each second, and how long it took"
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 76}" font-family="sans-serif" role="img">'
        f'<title>{title}</title><rect width="{_WIDTH}" height="{bottom + 76}" fill="#ffffff"/>'
        + _text(12, 24, title, size=15)
        + "".join(parts)
        + "</svg>\n",
        encoding="utf-8",
    )


def _chart(top: float, name: str, seconds: int, lines: dict[str, Any], killed: dict[str, float]) -> list[str]:
    most = max((value for line in lines.values() for value in line if value is not None), default=1) or 1

    def x(second: float) -> float:
        return _LEFT + second / max(1, seconds - 1) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return top + _HEIGHT - value / most * (_HEIGHT - 10)

    parts = [_text(_LEFT, top - 8, name)]
    for step in range(5):
        value = most * step / 4
        parts.append(
            f'<line x1="{_LEFT}" y1="{y(value):.1f}" x2="{_WIDTH - _RIGHT}" y2="{y(value):.1f}" stroke="{_FAINT}"/>'
        )
        parts.append(_text(_LEFT - 8, y(value) + 4, f"{value:.3g}", anchor="end", size=10))
    for second in range(0, seconds, 10):
        parts.append(_text(x(second), top + _HEIGHT + 16, f"{second} s", anchor="middle", size=10))
    for when, told in (("at", "worker killed"), ("replaced", "")):
        at = x(killed[when])
        parts.append(
            f'<line x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{top + _HEIGHT}" stroke="{_KILL}" stroke-dasharray="4 3"/>'
        )
        parts.append(_text(at - 4, top + 12, told, anchor="end", size=10))
    for what, line in lines.items():
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(line) if value is not None)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{_COLOURS[what]}" stroke-width="1.6"/>')
    return parts


def _legend(lines: dict[str, Any], y: float) -> list[str]:
    parts = []
    for number, what in enumerate(lines):
        x = _LEFT + number % 3 * 300
        line = y + number // 3 * 20
        parts.append(f'<rect x="{x}" y="{line - 10}" width="14" height="10" fill="{_COLOURS[what]}"/>')
        parts.append(_text(x + 20, line, what))
    return parts


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{_TEXT}">{escape(text)}</text>'
    )
