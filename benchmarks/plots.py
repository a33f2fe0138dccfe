"""Bar charts as SVG, by hand: one line for each comparison, on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import log10
from pathlib import Path

from harness import Result

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 1000, 480, 90, 26, 64
_OURS, _PEER, _LEAST, _TEXT, _FAINT = "#0b6e4f", "#9aa5b1", "#c0392b", "#1f2933", "#d9dee3"


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}"'
        f' fill="{_TEXT}">{escape(text)}</text>'
    )


def _bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height}" rx="2" fill="{colour}"/>'


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}×" if ratio >= 100 else f"{ratio:.3g}×"


def _duration(microseconds: float) -> str:
    for factor, unit in ((1e6, "s"), (1e3, "ms"), (1, "µs")):
        if microseconds >= factor:
            return f"{microseconds / factor:g} {unit}"
    return f"{microseconds * 1000:g} ns"


class _Scale:
    """Logarithmic, from a power of ten to a power of ten."""

    def __init__(self, values: Sequence[float]) -> None:
        self.low = int(log10(min(values)) // 1)
        self.high = int(-(-log10(max(values)) // 1))

    def at(self, value: float) -> float:
        return _LEFT + (log10(value) - self.low) / (self.high - self.low) * (_WIDTH - _LEFT - _RIGHT)

    def grid(self, bottom: float, label: Callable[[float], str]) -> list[str]:
        lines = []
        for power in range(self.low, self.high + 1):
            x = self.at(10.0**power)
            lines.append(f'<line x1="{x:.1f}" y1="{_TOP - 8}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{_FAINT}"/>')
            lines.append(_text(x, _TOP - 14, label(10.0**power), anchor="middle", size=10))
        return lines


def _document(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" font-family="sans-serif" role="img">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{_WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
        + _text(12, 24, title, size=15, weight="bold")
        + "".join(parts)
        + "</svg>\n"
    )


def ratios(results: Sequence[Result], path: Path) -> None:
    """How many times faster ours is; a red mark where it was to be at least."""
    scale = _Scale([1.0, *(result.ratio for result in results)])
    bottom = _TOP + _ROW * len(results)
    parts = scale.grid(bottom, _times)
    for row, result in enumerate(results):
        y = _TOP + _ROW * row
        parts.append(_text(_LEFT - 8, y + 15, f"{result.case.name} · {result.case.peer_name}", anchor="end"))
        start, end = sorted((scale.at(1.0), scale.at(result.ratio)))
        parts.append(_bar(start, y + 4, end - start, _ROW - 10, _OURS))
        if result.case.least is not None:
            parts.append(_bar(scale.at(result.case.least) - 1, y + 1, 2, _ROW - 4, _LEAST))
        parts.append(_text(end + 6, y + 15, _times(result.ratio)))
    path.write_text(_document("Peer's time, or count, over ours (red: to reach)", bottom + 12, parts), encoding="utf-8")


def times(results: Sequence[Result], path: Path) -> None:
    """Microseconds of each side; what was counted is not drawn."""
    results = [result for result in results if result.case.unit == "µs"]
    scale = _Scale([value for result in results for value in (result.ours, result.peers)])
    bottom = _TOP + _ROW * len(results)
    parts = scale.grid(bottom, _duration)
    for row, result in enumerate(results):
        y, left = _TOP + _ROW * row, scale.at(10.0**scale.low)
        parts.append(_text(_LEFT - 8, y + 15, f"{result.case.name} · {result.case.peer_name}", anchor="end"))
        parts.append(_bar(left, y + 2, scale.at(result.ours) - left, 10, _OURS))
        parts.append(_bar(left, y + 13, scale.at(result.peers) - left, 9, _PEER))
    path.write_text(_document("Time of one (green: ours, grey: the peer)", bottom + 12, parts), encoding="utf-8")
