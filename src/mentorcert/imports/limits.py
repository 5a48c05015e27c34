"""How large a file of mentors, and what it unpacks to, may be; docs/records.md lists these."""

from typing import Final

MAX_BYTES: Final = 64 * 2**20
MAX_UNPACKED_BYTES: Final = 256 * 2**20
# Of a workbook that people wrote, one byte unpacks to about ten; of one that is a trap, to a thousand.
MAX_UNPACKED_RATIO: Final = 100
SMALL_BYTES: Final = 2**20
MAX_MEMBERS: Final = 1_000  # files inside a workbook
MAX_COLUMNS: Final = 100
# What Excel itself takes; a file may claim to begin at row a thousand million.
MAX_SHEET_ROWS: Final = 2**20
MAX_SHEET_CELLS: Final = 2_000_000
# A million rows of the columns that there are: a sheet takes fifty times the time to read.
MAX_CSV_CELLS: Final = 10_000_000
MAX_SHARED_STRINGS: Final = 1_000_000
MAX_SHEETS: Final = 50
MAX_RECORDS: Final = 1_000_000
MAX_CELL_CHARACTERS: Final = 32_767
MAX_RECORD_CHARACTERS: Final = 1_000_000
MAX_TITLE_ROWS: Final = 20  # above the headings

PARSING_MEMORY_BYTES: Final = 2 * 2**30
PARSING_S: Final = 120.0
