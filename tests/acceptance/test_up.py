"""`mentorcert up --examples` in an empty home: everything from nothing, and a second time no change."""

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from mentorcert.db.migrate import read
from tests.support import processes
from tests.support.command import run
from tests.support.servers import on_embedded_18

# Of the ledger only what stays: a second run of the same night stamps it again.
EVERYTHING = """
import json, sys
from pathlib import Path
from mentorcert.db import embedded
from mentorcert.db.connection import connect

conn = connect(embedded.start(Path(sys.argv[1])), autocommit=True)
tables = conn.execute('''
  select format('%I.%I', schemaname, tablename) from pg_catalog.pg_tables
  where schemaname in ('public', 'mentorcert', 'mentorcert_private', 'auth', 'supabase_migrations')
    -- Each time the portal goes live, and back, is logged; and a server process notes who calls.
    and tablename not in ('audit_log', 'callers')
  order by 1
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
    said = processes.run(sys.executable, "-c", EVERYTHING, home)
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
        "in 2 organisations",
        "Landsforeningen for Hørsel og Mestring",
        "on the public list",
        "expire within 30 days",
        "expire within 60 days",
        "expire within 90 days",
        "seconds",
        "mentorcert doctor",
        "nightly --dry-run",
        "600 peer mentors are held, nothing is sent",
        "is off its list",
        "is back",
        "mentorcert-staging --port",
    ):
        assert expected in first
    assert shown_at_both(first) == on_the_public_list(first)
    before = everything(tmp_path)
    assert before["mentorcert.peer_mentors"][0] > 600
    assert before["mentorcert_private.nights"][0] == 1
    assert before["mentorcert_private.courses"][0] == 8
    assert before["mentorcert_private.renewal_requests"][0] == 6

    second = up("--examples")
    assert "all are applied already" in second
    assert second.count("is there already; kept as it is") == 2
    assert "0 certifications expired tonight, 0 peer mentors left the public list" in second
    # No history grows by looking at the portal a second time.
    assert "0 messages" in second
    assert "portal: suspend one" not in second
    assert shown_at_both(second) == on_the_public_list(second)
    assert everything(tmp_path) == before
    up()
    assert everything(tmp_path) == before


def shown_at_both(said: str) -> int:
    """How many peer mentors the portal and the registry both show, as the command says."""
    (number,) = re.findall(r"public list = ours: the same (\d+)", said)
    return int(number)


def on_the_public_list(said: str) -> int:
    """How many of the portal's organisation, the last one, are on the public list by the registry's count."""
    (line,) = re.findall(r"on the public list.*", said)
    return int(re.findall(r"\d+", line)[-1])


@on_embedded_18
def test_the_portal_of_the_examples(database: str, tmp_path: Path) -> None:
    def run_it(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(*arguments, database_url=database, MENTORCERT_HOME=str(tmp_path))

    first = run_it("up", "--examples")
    assert "600 messages" in first.stdout
    assert run_it("portal", "status").returncode == 0

    # As many as before, but not the same: the portal forgets one and shows another.
    (remembered,) = (tmp_path / "portal").glob("*.sqlite")
    with sqlite3.connect(remembered) as portal:
        portal.execute(
            "update hlf_peermentors "
            "set hlf_listed = 1 - hlf_listed, hlf_listeduntil = '2999-01-01T00:00:00Z' "
            "where rowid in (select min(rowid) from hlf_peermentors group by hlf_listed)"
        )
    portal.close()
    differs = run_it("up", "--examples")
    assert differs.returncode == 1
    assert "1 are missing, 1 should not be there" in differs.stderr

    # A portal that has lost its memory is sent everything again.
    remembered.unlink()
    again = run_it("up", "--examples")
    assert (again.returncode, again.stderr) == (0, "")
    assert "600 messages" in again.stdout
    assert shown_at_both(again.stdout) == on_the_public_list(again.stdout)

    # Somebody has plans of their own with it.
    assert run_it("portal", "mode", "hom", "paused", "--reason", "Mine now").returncode == 0
    last = run_it("up", "--examples")
    assert (last.returncode, last.stderr) == (0, "")
    assert "hom has a connection of its own, in paused; left unchanged" in last.stdout
    assert "messages" not in last.stdout


def test_without_examples_it_says_how_to_begin(tmp_path: Path) -> None:
    said = run("up", database_url="", MENTORCERT_HOME=str(tmp_path))
    assert (said.returncode, said.stderr) == (0, "")
    assert "There is no organisation yet" in said.stdout
    assert "up --examples" in said.stdout
