"""`mentorcert up --examples` in an empty home: everything from nothing, and a second time no change."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mentorcert.db.migrate import read
from tests.command import run

# Of the ledger only what stays: a second run of the same night stamps it anew.
EVERYTHING = """
import json, sys
from pathlib import Path
from mentorcert.db import embedded
from mentorcert.db.connection import connect

conn = connect(embedded.start(Path(sys.argv[1])), autocommit=True)
tables = conn.execute('''
  select format('%I.%I', schemaname, tablename) from pg_catalog.pg_tables
  where schemaname in ('public', 'private', 'auth', 'supabase_migrations') order by 1
''').fetchall()
print(json.dumps({
  table: conn.execute(f'''
    select count(*), md5(coalesce(string_agg(content, ',' order by content), ''))
    from (
      select (to_jsonb(stored) - array['as_of', 'started_at', 'finished_at'])::text as content
      from {table} as stored
    ) as contents
  ''').fetchone()
  for (table,) in tables
}))
"""


def everything(home: Path) -> dict[str, Any]:
    """Return number and digest of the rows of every table."""
    said = subprocess.run(
        [sys.executable, "-c", EVERYTHING, home], check=True, stdout=subprocess.PIPE, text=True
    )
    content: dict[str, Any] = json.loads(said.stdout)
    return content


def test_from_nothing_and_then_once_more(tmp_path: Path) -> None:
    def up(*options: str) -> str:
        said = run("up", *options, database_url="", MENTORCERT_HOME=str(tmp_path))
        assert (said.returncode, said.stderr) == (0, "")
        return said.stdout

    first = up("--examples")
    for expected in (
        "PostgreSQL 18",
        f"{len(read())} applied",
        "hom: 600 peer mentors",
        "apen-samtale: ",
        "certifications expired tonight",
        "left the public list",
        "2 organisations",
        "Landsforeningen for Hørsel og Mestring",
        "on the public list",
        "expire within 30 days",
        "expire within 60 days",
        "expire within 90 days",
        "seconds",
        "mentorcert doctor",
        "nightly --dry-run",
    ):
        assert expected in first
    before = everything(tmp_path)
    assert before["public.peer_mentors"][0] > 600
    assert before["private.job_runs"][0] == 2

    second = up("--examples")
    assert "all are applied already" in second
    assert second.count("is there already; kept as it is") == 2
    assert "0 certifications expired tonight, 0 peer mentors left the public list" in second
    assert everything(tmp_path) == before
    up()
    assert everything(tmp_path) == before


def test_without_examples_it_says_how_to_begin(tmp_path: Path) -> None:
    said = run("up", database_url="", MENTORCERT_HOME=str(tmp_path))
    assert (said.returncode, said.stderr) == (0, "")
    assert "There is no organisation yet" in said.stdout
    assert "up --examples" in said.stdout
