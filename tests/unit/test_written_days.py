"""A day is read however people write it, and nothing else is taken for one."""

from datetime import date

import pytest

from mentorcert.web.rendering.templating import environment
from mentorcert.web.written_days import read_day

DAY = date(2026, 11, 8)


@pytest.mark.parametrize(
    "text",
    [
        "8.11.2026", "08.11.2026", "8.11.26", "8. 11. 2026", "8/11/2026", "8/11-2026", "8/11-26", "8-11-2026",
        "8 11 2026", "2026-11-08", "8. november 2026", "8 November 2026", "8. nov. 2026", "8. NOV 26",
        " 8\xa0November\xa02026 ",
    ],
)  # fmt: skip
def test_ways_of_writing_a_day(text: str) -> None:
    assert read_day(text) == DAY


def test_months_of_both_languages() -> None:
    assert read_day("1. mai 2026") == read_day("1 May 2026") == date(2026, 5, 1)
    assert read_day("1. des. 98") == read_day("1 Dec 1998") == date(1998, 12, 1)
    assert read_day("5 Sept 2026") == read_day("5. september 2026") == date(2026, 9, 5)


@pytest.mark.parametrize(
    "text",
    ["soon", "", "31.11.2026", "11/28/2026", "2026-13-01", "8.11", "8.11.026", "8. brumaire 2026", "2026",
     "20261108", "8.11.2026 10:00", "٨.١١.٢٠٢٦x"],
)  # fmt: skip
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError, match=r"day|month"):
        read_day(text)


def test_what_a_page_writes_can_be_typed_again_and_is_not_broken_over_lines() -> None:
    written = {language: environment(language).filters["day"](DAY) for language in ("nb", "en")}
    assert written == {"nb": "08.11.2026", "en": "8\xa0November\xa02026"}
    assert {read_day(text) for text in written.values()} == {DAY}
