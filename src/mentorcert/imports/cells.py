"""What a cell of a mentor file may say, and how the same value is written into a cell."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal

from mentorcert.translatable import LazyText

Language = Literal["nb", "en"]
Cell = str | date | int

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
UNLIMITED: dict[Language, str] = {"nb": "ubegrenset", "en": "unlimited"}
YES: dict[Language, str] = {"nb": "ja", "en": "yes"}
NO: dict[Language, str] = {"nb": "nei", "en": "no"}
LIST_SEPARATOR = "|"
PERIOD_SEPARATOR = ".."

_UNLIMITED_WORDS = frozenset({*UNLIMITED.values()})
_YES_WORDS = frozenset({*YES.values(), "j", "y", "true", "sann", "1", "x"})
_NO_WORDS = frozenset({*NO.values(), "n", "false", "usann", "0", ""})
_ISO_DAY = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII)
_NORWEGIAN_DAY = re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})", re.ASCII)
# What spreadsheets write for a number of many digits, for a line end, and for a day without its format.
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE | re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ESCAPED = re.compile(r"_x[0-9A-F]{4}_", re.IGNORECASE)
_DAY_NUMBER = re.compile(r"\d{5}(?:[.,]\d+)?", re.ASCII)
# What stands in a name where a letter was lost on the way.
_LOST_LETTER = re.compile(r"(?<=[^\W\d_])[?¿¾¯®†›√∏](?=[^\W\d_])")
_TOTALS = frozenset(
    {
        "sum",
        "summer",
        "totalt",
        "total",
        "totals",
        "i alt",
        "tilsammen",
        "til sammen",
        "delsum",
        "subtotal",
        "antall",
    }
)
# What Excel leaves alone: a whole number of few digits, or a word that is no month and no truth value.
_PLAIN_NUMBER = re.compile(r"0|[1-9][0-9]{0,10}|[A-Za-zÀ-ž][0-9A-Za-zÀ-ž_-]*")
_TAKEN_FOR_ANOTHER = re.compile(
    r"(jan|feb|mar|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cs])|(true|false|sann|usann)$", re.IGNORECASE
)
_EXCEL_ERROR = re.compile(r"#(N/A|REF!|NAME\?|VALUE!|VERDI!|DIV/0!|NULL!|NUM!|I/T)")
# A spreadsheet takes a cell that begins so for a formula or a command.
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # the last four are the full-width forms
_APOSTROPHE = "'"


class CellError(ValueError):
    """The cell does not say what its column needs; the arguments are the reason and what to do."""

    def __init__(self, reason: LazyText, advice: LazyText) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Period:
    """A past period of a certification, in days.

    `ends` is the last valid day, `date.max` for a period without end, None where the type's rule decides.
    """

    starts: date
    ends: date | None


def escape_formula(text: str) -> str:
    """Write a text so that no spreadsheet runs it; `original` gives it back, but for the space around it."""
    text = text.strip()
    return _APOSTROPHE + text if text.startswith((*_FORMULA_STARTS, _APOSTROPHE)) else text


def escape_number(text: str) -> str:
    """Write a number so that no spreadsheet takes it for another one, or for a day; `read_number` undoes it.

    A text that begins with an apostrophe stays as it is in every spreadsheet; `="00123"` would be a formula.
    """
    text = text.strip()
    is_kept = _PLAIN_NUMBER.fullmatch(text) and not _TAKEN_FOR_ANOTHER.match(text)
    return text if is_kept else _APOSTROPHE + text


def escape_phone(text: str) -> str:
    """Write a telephone number so that no spreadsheet takes its zeros away; `read_phone` undoes it."""
    return escape_number(text) if text.isdecimal() else escape_formula(text)


def escape_if_formula(cell: str) -> str:
    """Return the cell as it is, but one that a spreadsheet would run as `escape_formula` writes it."""
    return escape_formula(cell) if cell.strip().startswith(_FORMULA_STARTS) else cell


def original(cell: str) -> str:
    """Take off the apostrophe that `escape_formula` put on, and the space around the text."""
    text = cell.strip()
    if text.startswith(_APOSTROPHE) and text[1:].startswith((*_FORMULA_STARTS, _APOSTROPHE)):
        return text[1:]
    return text


def read_text(cell: str) -> str:
    """Return the text of a cell, perhaps empty. Raises CellError for what no person writes."""
    text = original(cell)
    if _CONTROL.search(text):
        raise CellError(
            LazyText("it contains a control character"), LazyText("delete the invisible character")
        )
    if _ESCAPED.search(text):
        raise CellError(
            LazyText("it contains “{}”, which stands for a character that cannot be seen", "_x000D_"),
            LazyText("delete it"),
        )
    if _EXCEL_ERROR.fullmatch(text):
        raise CellError(
            LazyText("it is an error value of the spreadsheet"),
            LazyText("correct the formula, or type the value"),
        )
    return text


def read_required_text(cell: str) -> str:
    """Return the text of a cell that may not be empty. Raises CellError."""
    if text := read_text(cell):
        return text
    raise CellError(LazyText("it is empty"), LazyText("fill it in"))


def read_optional_text(cell: str) -> str | None:
    """Return the text of a cell, None where it is empty. Raises CellError."""
    return read_text(cell) or None


def read_number(cell: str) -> str:
    """Return a number, without the apostrophe that `escape_number` or a person put on. Raises CellError."""
    text, written = read_required_text(cell), cell.strip()
    if written.startswith(_APOSTROPHE) and len(written) > 1:
        return written[1:]
    _refuse_scientific(text)
    return text


def read_name(cell: str) -> str:
    """Return a person's name. Raises CellError."""
    text = read_required_text(cell)
    if lost := _LOST_LETTER.search(text):
        raise CellError(
            LazyText("it contains “{}”, where a letter seems to have been lost", lost[0]),
            LazyText("write the name as it is"),
        )
    return text


def _unescaped(text: str) -> str:
    """Take off the apostrophe that `escape_number` put before a code; names keep theirs."""
    code = text.removeprefix(_APOSTROPHE)
    return code if " " not in code and code and escape_number(code) != code else text


def read_code(cell: str) -> str | None:
    """Return a code or a name, None where the cell is empty. Raises CellError."""
    return _unescaped(read_text(cell)) or None


def read_phone(cell: str) -> str | None:
    """Return the telephone number, None where the cell is empty. Raises CellError."""
    text = _unescaped(read_text(cell))
    _refuse_scientific(text)
    return text or None


def is_total(cell: str) -> bool:
    """Return whether the cell begins a row of sums."""
    return original(cell).strip(" :").casefold() in _TOTALS


def _refuse_scientific(text: str) -> None:
    if _SCIENTIFIC.fullmatch(text):
        raise CellError(
            LazyText("the spreadsheet shortened a number of many digits"),
            LazyText("format the column as text, and type the number again"),
        )


def read_list(cell: str) -> list[str]:
    """Return the items of a cell separated by `|`, each once, in their order. Raises CellError."""
    items = (item.strip() for item in _unescaped(read_text(cell)).split(LIST_SEPARATOR))
    return list(dict.fromkeys(item for item in items if item))


def read_consent(cell: str) -> bool:
    """Return whether the cell says yes; an empty one says no. Raises CellError."""
    word = read_text(cell).casefold()
    if word in _YES_WORDS:
        return True
    if word in _NO_WORDS:
        return False
    raise CellError(
        LazyText("it is neither yes nor no"),
        LazyText("write ja or nei, yes or no, true or false, 1 or 0, or x for yes"),
    )


def read_day(cell: str) -> date:
    """Return the day written as yyyy-mm-dd or dd.mm.yyyy. Raises CellError."""
    text = read_text(cell)
    if _DAY_NUMBER.fullmatch(text):
        raise CellError(
            LazyText("it is a number, as a spreadsheet keeps a day without its format"),
            LazyText("format the column as a date, or write the day as 31.12.2026"),
        )
    match = _ISO_DAY.fullmatch(text) or _NORWEGIAN_DAY.fullmatch(text)
    if match is None:
        raise CellError(
            LazyText("it is not a day") if text else LazyText("it is empty"),
            LazyText("write a day as 31.12.2026 or 2026-12-31, the year in full"),
        )
    try:
        day = date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        raise CellError(LazyText("the calendar has no such day"), LazyText("look the day up")) from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise CellError(
            LazyText("it lies outside {} to {}", FIRST_DAY.year, LAST_DAY.year),
            LazyText("look for a typing error in the year"),
        )
    return day


def read_last_valid_day(cell: str) -> date | None:
    """Return the last valid day, `date.max` for unlimited, None where the cell is empty. Raises CellError."""
    text = read_text(cell)
    if text.casefold() in _UNLIMITED_WORDS:
        return date.max
    return read_day(text) if text else None


def read_periods(cell: str) -> list[Period]:
    """Return the past periods of a cell, in the order of their days. Raises CellError.

    A period is `first day..last valid day`, or the day of issue alone; `|` stands between two.
    """
    periods = []
    for item in read_list(cell):
        first, separator, last = item.partition(PERIOD_SEPARATOR)
        try:
            period = Period(read_day(first), read_last_valid_day(last))
        except CellError as error:
            raise CellError(LazyText("“{}”: {}", item, error.reason), error.advice) from None
        if separator and period.ends is None:
            raise CellError(
                LazyText("“{}”: nothing stands after {}", item, PERIOD_SEPARATOR),
                LazyText("write the last valid day there"),
            )
        if period.ends is not None and period.ends < period.starts:
            raise CellError(
                LazyText("“{}” ends before it begins", item),
                LazyText("write the first day before the last one"),
            )
        periods.append(period)
    periods.sort(key=lambda period: period.starts)
    for earlier, later in pairwise(periods):
        if earlier.starts == later.starts:
            raise CellError(LazyText("two periods begin on {}", earlier.starts), LazyText("keep one of them"))
    return periods


def write_day(day: date, language: Language) -> str:
    """Write a day as the language's spreadsheets do."""
    return f"{day:%d.%m.%Y}" if language == "nb" else day.isoformat()


def as_texts(row: Iterable[Cell], language: Language) -> list[str]:
    """Return the cells of a row as CSV holds them: days in words of the language's spreadsheets."""
    return [write_day(cell, language) if isinstance(cell, date) else str(cell) for cell in row]


def write_last_valid_day(day: date | None, language: Language) -> str:
    """Write a last valid day; None means that there is no end."""
    return UNLIMITED[language] if day is None else write_day(day, language)


def write_consent(consent: bool, language: Language) -> str:
    """Write yes or no."""
    return (YES if consent else NO)[language]


def write_periods(periods: Iterable[tuple[date, date | None]], language: Language) -> str:
    """Write past periods, each its first day and its last valid one (None: no end)."""
    return f" {LIST_SEPARATOR} ".join(
        f"{write_day(starts, language)}{PERIOD_SEPARATOR}{write_last_valid_day(ends, language)}"
        for starts, ends in periods
    )
