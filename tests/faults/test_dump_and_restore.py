"""A dump is restored whole, also by the embedded server and by another version of PostgreSQL; half of one is noticed."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from mentorcert.db import embedded
from mentorcert.db.connection import connect
from mentorcert.db.migrate import pending, read
from mentorcert.errors import IncompleteRestoreError
from tests.portal.sending import certified
from tests.support import command, processes
from tests.support.registry import fetch, join, set_up
from tests.support.servers import DEBIAN_15, EMBEDDED_18, SERVERS, Server, embedded_18


@pytest.mark.parametrize(
    ("server", "into"),
    [
        pytest.param("pg18", "pg18", id="18-18"),
        pytest.param("pg15", "pg18", id="15-18", marks=DEBIAN_15.marks),
        pytest.param("pg15", "pg15", id="15-15", marks=DEBIAN_15.marks),
    ],
    indirect=["server"],
)
def test_a_dump_is_restored_by_the_same_version_and_a_newer_one(
    server: Server, into: str, database: str, tmp_path: Path
) -> None:
    """With the programs of each, as documented; then the registry is said to be restored, and is well."""
    dump = tmp_path / "mentorcert.dump"
    with connect(database, autocommit=True) as conn:
        organisation = set_up(conn)
        certified(organisation)
        join(organisation, uuid4(), "org_admin")
    processes.run(
        server.binaries / "pg_dump", "--format", "custom", "--no-toast-compression", "--file", dump, database
    )  # fmt: skip
    with SERVERS[into]() as other, other.migrated_template(), other.new_database() as restored:
        processes.run(other.binaries / "pg_restore", "--exit-on-error", "--dbname", restored, dump)
        for arguments in (
            ("migrate", "--harden-database"),
            ("restored", "--reason", "The dump"),
            ("nightly",),
            ("notices", "--release", "--reason", "The dump is of today"),
        ):
            done = command.run(*arguments, database_url=restored)
            assert done.returncode == 0, done.stderr
        doctor = command.run("doctor", "--json", database_url=restored)
        found = [finding for finding in json.loads(doctor.stdout) if finding["state"] == "wrong"]
        assert [finding["check"] for finding in found] == []
        with connect(restored, autocommit=True) as conn:
            assert pending(conn, read()) == []
            assert fetch(conn, "select count(*) from public.listed_peer_mentors") == 1


@pytest.mark.parametrize("server", [EMBEDDED_18, DEBIAN_15], indirect=True)
def test_what_was_dumped_is_restored_into_the_embedded_server(database: str, tmp_path: Path) -> None:
    programs, dump = embedded.binaries(), tmp_path / "mentorcert.dump"
    with connect(database, autocommit=True) as conn:
        certified(set_up(conn))
    processes.run(
        str(programs / "pg_dump"),
        "--format",
        "custom",
        "--no-toast-compression",
        "--file",
        str(dump),
        database,
    )
    # The roles belong to the server: they are there once anything is migrated on it.
    with embedded_18() as other, other.migrated_template(), other.new_database() as restored:
        processes.run(str(programs / "pg_restore"), "--exit-on-error", "--dbname", restored, str(dump))
        with connect(restored, autocommit=True) as conn:
            assert pending(conn, read()) == []
            assert fetch(conn, "select count(*) from public.listed_peer_mentors") == 1
        hardened = command.run("migrate", "--harden-database", database_url=restored)
        assert hardened.returncode == 0, hardened.stderr
        assert command.run("restored", "--reason", "The dump", database_url=restored).returncode == 0
    with embedded_18() as other, other.migrated_template(), other.new_database() as half:
        processes.run(
            str(programs / "pg_restore"), "--section", "pre-data", "--exclude-schema", "mentorcert_portal",
            "--dbname", half, str(dump), check=False,
        )  # fmt: skip
        processes.run(
            str(programs / "pg_restore"), "--data-only", "--schema", "supabase_migrations", "--dbname", half,
            str(dump), check=False,
        )  # fmt: skip
        with connect(half, autocommit=True) as conn, pytest.raises(IncompleteRestoreError):
            pending(conn, read())
