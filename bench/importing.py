"""The import of a mentor file, against the COPY of the same rows alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import aiosql

from bench.measure import Notify, Result, compare, in_turns
from mentorcert.db.connection import Connection
from mentorcert.imports import importing, tabular
from mentorcert.imports.columns import HEADINGS

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

AIM: Final = 4.0
ORGANISATION: Final = "organisation-0"
TYPES: Final = ("course", "confidentiality", "conversation", "first-aid")
CHAPTERS: Final = 50
TABLES: Final = ("mentors", "chapters", "certifications", "listing")
IMPORT, COPY_OF_WRITTEN, COPY_OF_READ = "import_file", "COPY into the tables", "COPY of the cells"


def measure(conn: Connection, rows: int, file_rows: int, rounds: int, notify: Notify) -> Iterator[Result]:
    """Time the import of `file_rows` new certifications, all of it rolled back, by `rows` that are there.

    The steps of the import stand in rows of their own, beside the same COPY.
    """
    notify(f"import of {file_rows:,} rows by {rows:,}")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "mentors.csv"
        file.write_bytes(_file(file_rows))
        written = _written_by(conn, file)
        cells = file.read_text("utf-8-sig").encode()
        steps: dict[str, list[float]] = {}

        def import_file() -> float:
            ends: dict[str, float] = {}
            with conn.transaction(force_rollback=True):
                started = perf_counter()
                importing.import_file(
                    conn, file, ORGANISATION, progress=lambda step, *_: ends.update({step: perf_counter()})
                )
                seconds = perf_counter() - started
            for step, end in ends.items():
                steps.setdefault(step, []).append(end - started)
                started = end
            return seconds

        def copy_written() -> float:
            with conn.transaction(force_rollback=True):
                _QUERIES.lift_triggers(conn)
                started = perf_counter()
                for table, content in written.items():
                    _copy(conn, getattr(_QUERIES, f"copy_{table}").sql, content)
                return perf_counter() - started

        def copy_read() -> float:
            with conn.transaction(force_rollback=True):
                started = perf_counter()
                _QUERIES.create_cells(conn)
                _copy(conn, _QUERIES.copy_cells.sql, cells)
                return perf_counter() - started

        timings = {IMPORT: import_file, COPY_OF_WRITTEN: copy_written, COPY_OF_READ: copy_read}
        seconds = in_turns(timings, rounds)
    yield compare(
        seconds,
        IMPORT,
        COPY_OF_WRITTEN,
        benchmark="import",
        rows=rows,
        case=f"{file_rows:,} rows",
        aim=AIM,
        note=f"{COPY_OF_READ}: {median(seconds[COPY_OF_READ]):.3f} s",
    )
    for step, of_step in steps.items():
        yield compare(
            {**seconds, step: of_step},
            step,
            COPY_OF_WRITTEN,
            benchmark="import",
            rows=rows,
            case="of which",
        )


def _file(rows: int) -> bytes:
    """Write a file of new people with four certifications each, as Norwegian Excel would."""
    today = datetime.now(UTC).date()
    records = [
        [
            f"bench-{number}",
            f"Mentor Number {number}",
            f"bench.{number}@example.org",
            f"+47 00 {number:06}",
            f"L{number % CHAPTERS}",
            "ja" if number % 3 == 0 else "nei",
            TYPES[row % len(TYPES)],
            f"{today - timedelta(days=1 + row % 700):%d.%m.%Y}",
            "",
            "",
        ]
        for row in range(rows)
        for number in (row // len(TYPES),)
    ]
    return tabular.write_csv(
        [[names["nb"] for names in HEADINGS.values()], *records], tabular.NORWEGIAN_EXCEL
    )


def _written_by(conn: Connection, file: Path) -> dict[str, bytes]:
    """Return what the import of the file writes, as COPY puts it out, by table."""
    with conn.transaction(force_rollback=True):
        report = importing.import_file(conn, file, ORGANISATION)
        assert report.is_written, report.problems[:3]
        return {table: _copied_out(conn, table) for table in TABLES}


def _copied_out(conn: Connection, table: str) -> bytes:
    query = getattr(_QUERIES, f"written_{table}").sql
    with conn.cursor() as cursor, cursor.copy(f"copy ({query}) to stdout") as copy:
        return b"".join(copy)


def _copy(conn: Connection, statement: str, content: bytes) -> None:
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(content)
