"""Days as people write them: 28.11.2026, 28/11-26, 28. november 2026, 28 November 2026, 2026-11-28."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from babel import Locale

_NUMBERS: Final = re.compile(r"(\d{1,2})[./ -]+(\d{1,2})[./ -]+(\d{4}|\d\d)\.?")
_NAMED: Final = re.compile(r"(\d{1,2})\.? ?([a-zæøå]+)\.?,? (\d{4}|\d\d)")
_ISO: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
# As POSIX reads a year of two digits.
_CENTURY_TURNS: Final = 69


def _months() -> Mapping[str, int]:
    return {
        name.rstrip(".").casefold(): number
        for language in ("nb", "en", "en_GB")
        for width in ("wide", "abbreviated")
        for number, name in Locale.parse(language).months["format"][width].items()
    }


# Babel's and dateutil's own parsers take more than days, and swap day and month where that makes one.
_MONTHS: Final = _months()


def read_day(text: str) -> date:
    """Return the day that a text names, the day before the month; raises ValueError for what is none."""
    plain = " ".join(text.split()).casefold()
    if found := _ISO.fullmatch(plain):
        return date(int(found[1]), int(found[2]), int(found[3]))
    if found := _NUMBERS.fullmatch(plain):
        return date(_year(found[3]), int(found[2]), int(found[1]))
    if (found := _NAMED.fullmatch(plain)) and found[2] in _MONTHS:
        return date(_year(found[3]), _MONTHS[found[2]], int(found[1]))
    raise ValueError("this is no day")


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) > len("26"):
        return year
    return year + (1900 if year >= _CENTURY_TURNS else 2000)
