"""Writes rows of texts, days and whole numbers as an Excel workbook."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import IO

from mentorcert.errors import InvalidInputError
from mentorcert.imports.cells import Cell
from mentorcert.imports.limits import MAX_CELL_CHARACTERS, MAX_SHEET_ROWS
from mentorcert.translatable import LazyText


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet; `widths` are of columns that wait for somebody to type, and `days` those that get days."""

    title: str
    rows: Iterable[Sequence[Cell]]
    widths: Sequence[int] = ()
    days: frozenset[int] = frozenset()


def write_xlsx(sheets: Iterable[Sheet], file: IO[bytes]) -> None:
    """Write the workbook; a row is on the disk as soon as it comes. Texts are never formulas or links.

    Raises InvalidInputError.
    """
    # Only here: it takes as long to import as all the rest together.
    xlsxwriter = import_module("xlsxwriter")
    with (
        # Its file of a sheet without any row is left behind: where the rows cannot be read, too.
        TemporaryDirectory(prefix="mentorcert-") as folder,
        xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder}) as book,
    ):
        day_format = book.add_format({"num_format": "yyyy-mm-dd"})
        # Also when somebody goes on typing there, 00123 stays 00123.
        text_format = book.add_format({"num_format": "@"})
        for content in sheets:
            sheet = book.add_worksheet(content.title)
            sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
            for column, width in enumerate(content.widths):
                sheet.set_column(column, column, width, day_format if column in content.days else text_format)
            for number, row in enumerate(content.rows):
                if number == MAX_SHEET_ROWS:
                    raise InvalidInputError(
                        LazyText("{} has more than {} rows.", "mentorcert.xlsx", MAX_SHEET_ROWS)
                    )
                for column, cell in enumerate(row):
                    if isinstance(cell, date):
                        sheet.write_datetime(number, column, cell, day_format)
                    elif isinstance(cell, int):
                        sheet.write_number(number, column, cell)
                    elif cell:
                        sheet.write_string(number, column, cell[:MAX_CELL_CHARACTERS], text_format)
