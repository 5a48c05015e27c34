"""Writes rows of texts and days as an Excel workbook of one sheet."""

from collections.abc import Iterable, Sequence
from datetime import date
from importlib import import_module
from typing import IO, Final

from mentorcert.errors import InvalidInputError
from mentorcert.imports.limits import MAX_SHEET_ROWS
from mentorcert.translatable import LazyText

Cell = str | date

_MAX_TEXT: Final = 32_767


def write_xlsx(rows: Iterable[Sequence[Cell]], file: IO[bytes]) -> None:
    """Write the workbook; a row is on the disk as soon as it comes. Texts are never formulas or links.

    Raises InvalidInputError.
    """
    # Only here: it takes as long to import as all the rest together.
    xlsxwriter = import_module("xlsxwriter")
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        day_format = book.add_format({"num_format": "yyyy-mm-dd"})
        # Also when somebody goes on typing there, 00123 stays 00123.
        text_format = book.add_format({"num_format": "@"})
        sheet = book.add_worksheet("mentorcert")
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        for number, row in enumerate(rows):
            if number == MAX_SHEET_ROWS:
                raise InvalidInputError(
                    LazyText("{} has more than {} rows.", "mentorcert.xlsx", MAX_SHEET_ROWS)
                )
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, column, cell, day_format)
                elif cell:
                    sheet.write_string(number, column, cell[:_MAX_TEXT], text_format)
