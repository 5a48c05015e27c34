"""Charts: SVG in the page with real text, a scale of whole numbers, whatever is written in them."""

import re
from collections.abc import Sequence

import pytest
from markupsafe import escape

from mentorcert.web.rendering.charts import LINES, Figure
from mentorcert.web.rendering.templating import environment

_LABELS = [f"m{number} 27" for number in range(24)]
_ATTACK = "</text><script>alert(1)</script>&\"'"


def bars(values: Sequence[int], labels: Sequence[str] = _LABELS) -> Figure:
    return Figure("bars", "Title", "Alt", labels, [("", values)], [], [])


def lines(*series: tuple[str, Sequence[int]]) -> Figure:
    return Figure("lines", "Title", "Alt", _LABELS, series, [], [])


def html_of(figure: Figure) -> str:
    return str(environment("en").get_template("parts/charts.html").module.chart(figure))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "figure",
    [
        bars([number % 7 for number in range(24)]),
        bars([0] * 24),
        bars([1] * 24, [_ATTACK, *_LABELS[1:]]),
        lines(*((f"{_ATTACK} {number}", [24 - number] * 24) for number in range(LINES))),
        lines(("nobody", [0] * 24)),
    ],
    ids=["bars", "bars of nothing", "bars of an attacker", "lines of an attacker", "lines of nothing"],
)
def test_picture(figure: Figure) -> None:
    html = html_of(figure)
    assert 'role="img" aria-label="Alt"' in html
    tags = set(re.findall(r"<(\w+)", html[: html.index("<details")]))
    drawn = {"svg", "line", "rect", "polyline", "text", "tspan"}
    assert tags <= drawn | {"figure", "figcaption", "div", "ul", "li"}
    # The policy of the pages takes no style but the stylesheet's.
    assert re.findall(r"(?:href|src|url|style|@import|\son\w+)=", html) == []


def test_each_label_stands_under_its_bar() -> None:
    html = html_of(bars(range(24)))
    found = re.findall(r'<rect x="([^"]+)".* width="([^"]+)"', html)
    middles = [float(x) + float(width) / 2 for x, width in found]
    labels = [float(x) for x in re.findall(r'<tspan x="([^"]+)">m', html)]
    assert len(labels) == 24
    assert labels == middles


@pytest.mark.parametrize(
    ("largest", "ticks"),
    [(0, [0, 1]), (1, [0, 1]), (6, [0, 1, 2, 3, 4, 5, 6]), (7, [0, 2, 4, 6, 8]), (31, [0, 10, 20, 30, 40])],
)
def test_ticks_are_whole_numbers(largest: int, ticks: list[int]) -> None:
    figure = bars([0, largest])
    assert list(figure.ticks) == ticks
    assert re.findall(r'class="tick"[^>]*>(\d+)<', html_of(figure)) == list(map(str, ticks))


def test_lines_are_named_and_each_its_own() -> None:
    html = html_of(lines(*((f"line <{number}>", [number] * 24) for number in range(LINES))))
    for number in range(1, LINES + 1):
        assert html.count(f'class="series-{number}"') == 2
        assert f"</svg> {escape(f'line <{number - 1}>')}</li>" in html
