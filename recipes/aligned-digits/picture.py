"""Line charts side by side in one SVG that is readable on light and on dark pages."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, log10
from typing import Final
from xml.sax.saxutils import escape

Curves = Mapping[str, Sequence[float]]

# Of one chart: its size, and the room around the lines for words.
WIDTH: Final = 350
HEIGHT: Final = 250
LEFT, RIGHT, TOP, BOTTOM = 40, 20, 36, 46
STYLE: Final = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title, .name { font-weight: 600 }
  .grid { stroke: #d1d9e0 }
  .curve { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  polyline.c0 { stroke: #bf3989 } text.c0 { fill: #bf3989 }
  polyline.c1 { stroke: #0969da } text.c1 { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #d1d7e0 }
    .grid { stroke: #3d444d }
    polyline.c0 { stroke: #f778ba } text.c0 { fill: #f778ba }
    polyline.c1 { stroke: #58a6ff } text.c1 { fill: #58a6ff }
  }
"""


def draw(charts: Mapping[str, Curves]) -> str:
    """An SVG with a chart for each title. All curves run from the first network to the second."""
    width = WIDTH * len(charts)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}"'
    lines = [f'{head} role="img">', f"<title>{escape('; '.join(charts))}</title>", f"<style>{STYLE}</style>"]
    for number, (title, curves) in enumerate(charts.items()):
        lines += [f'<g transform="translate({number * WIDTH} 0)">', *_chart(title, curves), "</g>"]
    return "\n".join([*lines, "</svg>\n"])


def _chart(title: str, curves: Curves) -> Iterator[str]:
    values = [value for curve in curves.values() for value in curve]
    ticks = _ticks(min(values), max(values))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def height(value: float) -> float:
        return bottom - (value - ticks[0]) / (ticks[-1] - ticks[0]) * (bottom - TOP)

    yield _text(LEFT, 18, title, "title")
    for tick in ticks:
        y = height(tick)
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(LEFT - 6, y + 4, f"{tick:g}", anchor="end")
    yield _text(LEFT, bottom + 18, "first network")
    yield _text((LEFT + right) / 2, bottom + 36, "share of the second in the mean", anchor="middle")
    yield _text(right, bottom + 18, "second network", anchor="end")
    for number, (name, curve) in enumerate(curves.items()):
        across = [LEFT + index / (len(curve) - 1) * (right - LEFT) for index in range(len(curve))]
        points = " ".join(f"{x:.1f},{height(value):.1f}" for x, value in zip(across, curve, strict=True))
        yield f'<polyline class="curve c{number}" points="{points}"/>'
        # Where the curve bends away from its ends, so that it never crosses its own name.
        middle = curve[len(curve) // 2]
        y = height(middle) + (18 if middle < curve[0] else -9)
        yield _text((LEFT + right) / 2, y, name, f"name c{number}", anchor="middle")


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from at most the lowest value to at least the highest, about five of them."""
    rough = (high - low or 1) / 4
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [round(step * index, 10) for index in range(floor(low / step), ceil(high / step) + 1)]


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'
