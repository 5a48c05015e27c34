"""Writes rows of texts and days as an Excel workbook of one sheet."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from importlib import import_module
from typing import IO, Final

from mentorcert.errors import InvalidInputError, MentorcertError
from mentorcert.imports.tabular import MAX_SHEET_ROWS
from mentorcert.translatable import LazyText

Cell = str | date

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MAX_TEXT: Final = 32_767


class UnwritableTextError(MentorcertError):
    """A text of the registry holds a character that an Excel file cannot."""


def write_xlsx(rows: Iterable[Sequence[Cell]], file: IO[bytes]) -> None:
    """Write the workbook; a row is on the disk as soon as it comes. Texts are never formulas or links.

    Raises UnwritableTextError, InvalidInputError.
    """
    # Only here: it takes as long to import as all the rest together.
    xlsxwriter = import_module("xlsxwriter")
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        day_format = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet("mentorcert")
        for number, row in enumerate(rows):
            if number == MAX_SHEET_ROWS:
                raise InvalidInputError(
                    LazyText("{} has more than {} rows.", "mentorcert.xlsx", MAX_SHEET_ROWS)
                )
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, column, cell, day_format)
                elif _CONTROL.search(cell):
                    # The text itself may be somebody's name.
                    raise UnwritableTextError(hint="Export as CSV, and correct the text in the registry.")
                elif cell:
                    sheet.write_string(number, column, cell[:_MAX_TEXT])
