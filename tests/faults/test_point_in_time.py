"""A restore to a point in time by pgBackRest, as documented, and what has to be said after it."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from psycopg.conninfo import conninfo_to_dict

from mentorcert.db import migrate
from mentorcert.db.connection import Connection, connect
from tests.portal.sending import certified
from tests.support import command, processes
from tests.support.registry import Organisation, fetch, set_up
from tests.support.servers import as_user, debian_15, needs_debian_15, new_folder
from tests.support.sessions import wait_until

_PROGRAM: Final = Path("/usr/bin/pgbackrest")
_SECTION: Final = "### To a point in time"


@needs_debian_15
@pytest.mark.skipif(not _PROGRAM.exists(), reason="Debian's pgbackrest is not installed")
@pytest.mark.pg15
def test_back_to_the_moment_before_a_withdrawal() -> None:
    configuration, making, restoring = documented()
    folder = new_folder("mentorcert-pgbackrest-")
    as_postgres = as_user("postgres")
    file, journal = folder / "pgbackrest.conf", folder / "journal"
    environment = {**os.environ, "PGBACKREST_CONFIG": str(file)}
    archive = f"pgbackrest --config={file} --stanza=registry archive-push %p"
    try:
        with debian_15(archive_mode="on", archive_command=archive) as server:
            database = server.database_url("postgres")
            with connect(database, autocommit=True) as conn:
                data = Path(fetch(conn, "show data_directory"))
                port = conninfo_to_dict(server.url)["port"]
                file.write_text(
                    re.sub(
                        "pg1-path=.*",
                        f"pg1-path={data}\npg1-user=postgres\npg1-port={port}\npg1-socket-path={data.parent}",
                        configuration,
                    )
                    .replace("/var/lib/pgbackrest", str(folder / "repository"))
                    .replace(
                        "[global]",
                        f"[global]\nlog-path={folder}\nlock-path={folder}\nlog-level-console=error",
                    )
                )
                if as_postgres:
                    processes.run("chown", "-R", "postgres", folder)

                def shell(script: str) -> None:
                    processes.run(*as_postgres, "bash", "-ec", script, env=environment, cwd=folder)

                list(migrate.migrate(conn, migrate.read()))
                organisation = set_up(conn)
                stays, withdraws = certified(organisation, "1"), certified(organisation, "2")
                shell(making)
                # A backup ends at a whole second, and serves a moment after it.
                ended = fetch(conn, "select date_trunc('second', clock_timestamp())")
                wait_until(
                    lambda: fetch(conn, "select clock_timestamp() - %s > interval '2 seconds'", ended),
                    "the second of the backup",
                )
                certified(organisation, "3")
                moment = fetch(conn, "select clock_timestamp()::text")
                withdraw(organisation, withdraws)
                certified(organisation, "4")
                settings = {"database_url": database, "MENTORCERT_JOURNAL": str(journal)}
                assert command.run("journal", **settings).returncode == 0
                fetch(conn, "select pg_switch_wal()")
            control = [*as_postgres, str(server.binaries / "pg_ctl"), "-D", str(data), "-w", "-s"]
            options = (data / "postmaster.opts").read_text().partition(" ")[2].strip()
            processes.run(*control, "stop", "-m", "fast", cwd=data)
            shell(re.sub("--target='[^']*'", f"--target='{moment}'", restoring))
            processes.run(
                *control, "-l", str(data / "log"), "-o", options, "start", cwd=data.parent, env=environment
            )
            with connect(database, autocommit=True) as conn:
                wait_until(lambda: not fetch(conn, "select pg_is_in_recovery()"), "the recovery to end")
                assert numbers(conn) == ["1", "2", "3"], "as it was at the moment"
                done = command.run("restored", "--reason", "back to noon", "--json", **settings)
                assert done.returncode == 0, done.stderr
                assert [one["id"] for one in json.loads(done.stdout)["repeated"]] == [str(withdraws)]
                assert numbers(conn) == ["1", "3"], "who withdrew since is withdrawn again"
                held = command.run("doctor", **settings)
                assert (held.returncode, "no notice is held" in held.stdout) == (1, True)
                assert fetch(conn, "select count(*) from mentorcert.peer_mentors where id = %s", stays) == 1
    finally:
        shutil.rmtree(folder)


def documented() -> tuple[str, str, str]:
    """Return the configuration, how a backup is made and how it is restored."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    section = text.split(_SECTION)[1].split("\n### ")[0]
    configuration, making, restoring = re.findall("```text\n(.*?)```", section, re.DOTALL)
    return configuration, making, restoring


def withdraw(organisation: Organisation, mentor: UUID) -> None:
    with organisation.as_admin() as conn:
        conn.execute("select public.set_listing_consent(%s, false, 'in_writing')", (mentor,))


def numbers(conn: Connection) -> list[str]:
    """Return the numbers of those who are listed."""
    query = (
        "select string_agg(mentor.external_id, ' ' order by mentor.external_id) from public.listed_peer_mentors as listed"
        " join mentorcert.peer_mentors as mentor on mentor.id = listed.peer_mentor_id"
    )
    return str(fetch(conn, query)).split()
