"""Charts: pictures without script or references, the same each time, whatever is written in them."""

import base64
import re

import pytest

from mentorcert.web.rendering import charts

_LABELS = [f"m{number}" for number in range(24)]
_ATTACK = "</text><script>alert(1)</script>&\"'"


def svg_of(image: str) -> str:
    kind, _, data = image.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return base64.b64decode(data).decode()


@pytest.mark.parametrize(
    "image",
    [
        charts.bars(_LABELS, [number % 7 for number in range(24)]),
        charts.bars(_LABELS, [0] * 24),
        charts.bars([_ATTACK, *_LABELS[1:]], [1] * 24),
        charts.lines(_LABELS, [(f"{_ATTACK} {number}", [24 - number] * 24) for number in range(9)]),
        charts.lines(_LABELS, [("nobody", [0] * 24)]),
    ],
    ids=["bars", "bars of nothing", "bars of an attacker", "lines of an attacker", "lines of nothing"],
)
def test_picture(image: str) -> None:
    svg = svg_of(image)
    tags = set(re.findall(r"<(\w+)", svg))
    assert tags <= {"svg", "defs", "style", "g", "rect", "path", "text"}
    assert re.findall(r"(?:href|src|url|@import|\son\w+=)", svg) == []
    assert "@media (prefers-color-scheme: dark)" in svg
    assert "2026" not in svg  # pygal notes the day of drawing


def test_same_each_time() -> None:
    series = [("one", range(24)), ("two", range(24, 0, -1))]
    assert charts.lines(_LABELS, series) == charts.lines(_LABELS, series)
    assert charts.bars(_LABELS, range(24)) == charts.bars(_LABELS, range(24))


def test_bars_stand_on_whole_numbers() -> None:
    texts = re.findall(r"<text[^>]*>(\d[^<]*)</text>", svg_of(charts.bars(_LABELS, [1] * 24)))
    assert texts == ["0", "1"]


def test_as_many_lines_as_can_be_told_apart() -> None:
    series = [(f"line {number}", [number] * 24) for number in range(charts.LINES + 3)]
    svg = svg_of(charts.lines(_LABELS, series))
    assert svg.count('class="line reactive') == charts.LINES
    assert len(set(re.findall(r"stroke-dasharray: ([^}]+) }", svg))) == charts.LINES
