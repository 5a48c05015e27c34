"""One record of a file as it was written, before anything is known of its columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mentorcert.translatable import LazyText


@dataclass(frozen=True, slots=True)
class CellFault:
    """Why a cell can't be believed, and what to do."""

    reason: LazyText
    advice: LazyText


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the line on which it begins (from 1; in a sheet, the row) and its cells.

    `faults` and `dates` are places of cells: what the file itself shows to be wrong, and what the spreadsheet
    holds as a date.
    """

    line: int
    cells: tuple[str, ...]
    faults: Mapping[int, CellFault] = field(default_factory=dict)
    dates: frozenset[int] = frozenset()
