"""A file is read in a process of its own, which has bounds and can be ended."""

import threading
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import pytest

from mentorcert.cli import imports as cli
from mentorcert.imports import importing, limits, parsing, tabular
from mentorcert.imports.parsing import CancelledParsingError, Parsing
from mentorcert.imports.tabular import UnreadableFileError, parse
from tests.support.mentor_file import content, row
from tests.support.processes import DEADLINE_S


@cache
def slow() -> bytes:
    """Return a file that takes a while, made in the process that reads it first."""
    return content(*(row(str(number)) for number in range(200_000)))


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
        Parsing("mentors.csv", slow()).read()


def test_too_much_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PARSING_S", 0.05)
    with pytest.raises(UnreadableFileError, match="more time or memory"):
        Parsing("mentors.csv", slow()).read()


def test_it_is_cancelled_while_it_reads() -> None:
    reading = Parsing("mentors.csv", slow())
    cancelling = threading.Timer(0.1, reading.cancel)
    cancelling.start()
    with pytest.raises(CancelledParsingError):
        reading.read()
    cancelling.join(DEADLINE_S)


def test_it_is_cancelled_before_it_begins() -> None:
    reading = Parsing("mentors.csv", slow())
    reading.cancel()
    with pytest.raises(CancelledParsingError):
        reading.read()


def test_the_command_reads_within_the_bounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    read_by: list[object] = []

    def import_file(*_: object, read: object, **__: object) -> None:
        read_by.append(read)
        raise CancelledParsingError

    monkeypatch.setattr(importing, "import_file", import_file)
    monkeypatch.setattr(cli, "connect", lambda **_: nullcontext())
    with pytest.raises(CancelledParsingError):
        cli.import_(tmp_path / "mentors.csv", organisation="demo")
    assert read_by == [parsing.read]


def test_a_file_is_read_within_the_bounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "mentors.csv"
    file.write_bytes(content(row()))
    assert parsing.read(file) == tabular.read(file)
    monkeypatch.setattr(limits, "PARSING_S", 0.001)
    with pytest.raises(UnreadableFileError, match=r"mentors\.csv takes more time or memory"):
        parsing.read(file)
