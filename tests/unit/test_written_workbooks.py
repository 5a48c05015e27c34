"""Workbooks are written through files of their own, of which none stays."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mentorcert.errors import InvalidInputError
from mentorcert.imports.workbook import Sheet, write_xlsx
from mentorcert.translatable import LazyText


def test_rows_that_cannot_be_read_leave_no_file_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def unreadable() -> Iterator[list[str]]:
        raise InvalidInputError(LazyText("The filter of the list cannot be read. Open the list again."))
        yield []

    with pytest.raises(InvalidInputError):
        write_xlsx([Sheet("mentorcert", unreadable())], io.BytesIO())
    write_xlsx([Sheet("mentorcert", [])], io.BytesIO())
    assert list(tmp_path.iterdir()) == []
