"""Every migration may be run twice, alone and all in sequence, and changes nothing the second time."""

import re

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mentorcert.db.connection import connect
from mentorcert.db.migrate import migrate, read
from tests.support import processes
from tests.support.servers import Server

# pg_dump shields its output by a key that is another one each time.
_KEY = re.compile(r"^\\(un)?restrict .*\n", re.MULTILINE)
# A grant that is made again comes last: the order of those of one object means nothing.
_GRANTS = re.compile(r"(?:^(?:GRANT|REVOKE) .*;\n)+", re.MULTILINE)


def dump(server: Server, url: str, *options: str) -> str:
    # Never through a pooler: pg_dump has settings for its session.
    target = make_conninfo(server.url, dbname=conninfo_to_dict(url)["dbname"])
    command = [str(server.binaries / "pg_dump"), *options, "--dbname", target]
    return _GRANTS.sub(
        lambda grants: "".join(sorted(grants[0].splitlines(keepends=True))),
        _KEY.sub("", processes.run(*command).stdout),
    )


def test_each_file_alone(server: Server, empty_database: str) -> None:
    migrations = read()
    with connect(empty_database, autocommit=True) as conn:
        for number, migration in enumerate(migrations, 1):
            list(migrate(conn, migrations[:number]))
            before = dump(server, empty_database, "--schema-only")
            with conn.transaction():
                conn.execute(migration.sql.encode())
            assert dump(server, empty_database, "--schema-only") == before, migration.path.name


def test_all_in_sequence(server: Server, database: str) -> None:
    before = dump(server, database)
    assert "create policy" in before.lower()
    with connect(database, autocommit=True) as conn:
        for migration in read():
            with conn.transaction():
                conn.execute(migration.sql.encode())
    assert dump(server, database) == before
