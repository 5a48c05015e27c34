"""What charts show, and the scale of their axis; `parts/charts.html` draws them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, Literal

# As many as the stylesheet has colours and dashes for.
LINES: Final = 6
_MAX_STEPS: Final = 6


@dataclass(frozen=True, slots=True)
class Numbers:
    """A row of the table beside a chart: what of, the page that says more, a number for each column."""

    label: str
    path: str | None
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart of names with a value for each label; `headings` are of the table, that of the labels first.

    A label has a `slot` of the width: words need more than months.
    """

    kind: Literal["bars", "lines"]
    title: str
    alt: str
    labels: Sequence[str]
    series: Sequence[tuple[str, Sequence[int]]]
    headings: Sequence[str]
    rows: Sequence[Numbers]
    slot: int = 40

    @property
    def ticks(self) -> Sequence[int]:
        """Whole numbers from 0 to the largest value or just above it, in steps of 1, 2, 5, 10, 20 …."""
        largest = max((value for _, values in self.series for value in values), default=0) or 1
        steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
        step = next(step for step in steps if step * _MAX_STEPS >= largest)
        return range(0, largest + step, step)
