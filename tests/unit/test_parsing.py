"""A file is read in a process of its own, which has bounds and can be ended."""

import threading

import pytest

from mentorcert.imports import limits
from mentorcert.imports.parsing import CancelledParsingError, Parsing
from mentorcert.imports.tabular import UnreadableFileError, parse
from tests.support.mentor_file import content, row

SLOW = content(*(row(str(number)) for number in range(200_000)))


def test_it_is_read_as_in_this_process() -> None:
    data = content(row(), row("2"))
    assert Parsing("mentors.csv", data).read() == parse("mentors.csv", data)


def test_what_cannot_be_read_is_said_with_its_hint() -> None:
    with pytest.raises(UnreadableFileError, match="is a PDF") as caught:
        Parsing("mentors.csv", b"%PDF-1.7").read()
    assert caught.value.hint


def test_too_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PARSING_MEMORY_BYTES", 200 * 2**20)
    with pytest.raises(UnreadableFileError, match="more time or memory"):
        Parsing("mentors.csv", SLOW).read()


def test_too_much_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PARSING_S", 0.05)
    with pytest.raises(UnreadableFileError, match="more time or memory"):
        Parsing("mentors.csv", SLOW).read()


def test_it_is_cancelled_while_it_reads() -> None:
    parsing = Parsing("mentors.csv", SLOW)
    cancelling = threading.Timer(0.1, parsing.cancel)
    cancelling.start()
    with pytest.raises(CancelledParsingError):
        parsing.read()
    cancelling.join()


def test_it_is_cancelled_before_it_begins() -> None:
    parsing = Parsing("mentors.csv", SLOW)
    parsing.cancel()
    with pytest.raises(CancelledParsingError):
        parsing.read()
