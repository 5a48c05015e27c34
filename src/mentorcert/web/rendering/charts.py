"""Charts as pictures made on the server: SVG without script, readable in both themes, with their numbers."""

import base64
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree as ET

import pygal
from pygal.style import Style

# For plug-ins pygal puts a finder of old among Python's own, which each later import then warns of.
sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("pygal")]

_WIDTH: Final = 960
_HEIGHT: Final = 400
# After Okabe and Ito, for any kind of colour vision: darker on light paper, lighter on dark paper.
# Lines differ by their dashes as well.
_LIGHT: Final = ("#0b5d57", "#b34700", "#0072b2", "#8a3a72", "#5c5c00", "#333333")
_DARK: Final = ("#7fd3c6", "#f0a868", "#7cc4f0", "#e0a3cc", "#e5dc6a", "#dddddd")
_DASHES: Final = ("none", "9 5", "2 4", "12 4 2 4", "5 3", "16 6")
LINES: Final = len(_LIGHT)
# Comments hold the day of drawing; script, tooltips and titles are for an SVG that is part of the page.
_LEFT_OUT: Final = {ET.Comment, "script", "style", "title", "desc"}

_STYLE: Final = """
text { font: 14px system-ui, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif }
text { fill: #1c2524; stroke: none }
.background, .nofill { fill: none }
.axis text { text-anchor: middle }
.axis.y text { text-anchor: end }
.axis.x text[transform] { text-anchor: start }
.axis path { fill: none; stroke: #d5dad7 }
.axis .major.line { stroke: #52605e }
.axis.x .guide.line, .axis.x path.line { stroke: none }
.series path { fill: none; stroke-width: 3 }
.series .dot { stroke: none }
"""
_DARK_STYLE: Final = """
text { fill: #e8eeec }
.axis path { stroke: #36433f }
.axis .major.line { stroke: #a8b5b2 }
"""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A row of the table beside a chart: what of, the page that says more, a number for each column."""

    label: str
    path: str | None
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: `image` is a data URI for <img>, `headings` are of the table, that of the labels first."""

    title: str
    alt: str
    image: str
    headings: Sequence[str]
    rows: Sequence[Numbers]


def bars(labels: Sequence[str], values: Sequence[int]) -> str:
    """Draw one bar for each label; return a data URI."""
    chart = pygal.Bar(**_options(values, show_legend=False))
    chart.x_labels = list(labels)
    chart.add("", list(values))
    return _draw(chart)


def lines(labels: Sequence[str], series: Sequence[tuple[str, Sequence[int]]]) -> str:
    """Draw a line for each of at most LINES series of one value a label; return a data URI."""
    every = [value for _, values in series for value in values]
    chart = pygal.Line(
        **_options(
            every, show_dots=False, legend_at_bottom=True, legend_at_bottom_columns=3, margin_bottom=45
        )
    )
    chart.x_labels = list(labels)
    for name, values in series[:LINES]:
        chart.add(name, list(values))
    return _draw(chart)


def _options(values: Sequence[int], **further: Any) -> dict[str, Any]:
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        # Sizes alone, by which the room for texts is reckoned; the looks are those below.
        "style": Style(label_font_size=14, major_label_font_size=14, legend_font_size=14),
        "js": (),
        "no_prefix": True,
        "x_label_rotation": 45,
        "truncate_legend": 40,
        "range": (0, max(1, *values)),
        "order_min": 0,
        "max_scale": 6,
        # For the end of the last slanted label.
        "margin_right": 40,
        **further,
    }


def _draw(chart: pygal.Graph) -> str:
    root = chart.render_tree()
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in _LEFT_OUT or "tooltip-overlay" in child.get("class", ""):
                parent.remove(child)
    style = ET.SubElement(root.find("defs"), "style")
    in_the_dark = f"@media (prefers-color-scheme: dark) {{{_DARK_STYLE}{_colours(_DARK)}}}"
    style.text = _STYLE + _colours(_LIGHT) + in_the_dark
    return f"data:image/svg+xml;base64,{base64.b64encode(ET.tostring(root)).decode()}"


def _colours(colours: Sequence[str]) -> str:
    return "".join(
        f".color-{number} {{ fill: {colour} }}"
        f".color-{number} path {{ stroke: {colour}; stroke-dasharray: {_DASHES[number]} }}"
        for number, colour in enumerate(colours)
    )
