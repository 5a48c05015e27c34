"""What an import reads of the registry: those of whom its file speaks, however many others are stored."""

from collections import Counter
from pathlib import Path

from mentorcert.db.connection import Connection
from mentorcert.imports import importing
from tests.support.large_registry import LOOKUPS
from tests.support.mentor_file import content, row

ROWS = 40
# Each of them is found by each step and each trigger that has to do with a person.
READ_FOR_A_ROW = 30


def _read(conn: Connection) -> Counter[str]:
    """Return the rows that this session has read of each table, as far as they are not reported yet."""
    return Counter(
        dict(
            conn.execute(
                "select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_catalog.pg_stat_xact_user_tables"
                " where schemaname in ('public', 'mentorcert', 'mentorcert_private', 'mentorcert_portal')"
                " and relname <> all(%s)",
                (list(LOOKUPS),),
            ).fetchall()
        )
    )


def test_an_import_reads_only_the_people_of_its_file(large: Connection, tmp_path: Path) -> None:
    known = [
        row(str(n), name=f"Mentor {n}", certification_type="type-1", issued="2026-02-01")
        for n in range(1, 11)
    ]
    new = [
        row(f"new-{n}", name=f"New {n}", chapters="7", certification_type="type-1", issued="2026-02-01")
        for n in range(ROWS - len(known))
    ]
    file = tmp_path / "mentors.csv"
    file.write_bytes(content(*known, *new))
    with large.transaction(force_rollback=True):
        before = _read(large)
        report = importing.import_file(large, file, "organisation-1", skip_bad=True, dry_run=True)
        assert report.counts is not None
        assert report.counts.mentors_added == len(new)
        read = _read(large) - before
    assert read["peer_mentors"] > 0
    assert {table: rows for table, rows in read.items() if rows > READ_FOR_A_ROW * ROWS} == {}
