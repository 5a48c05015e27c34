"""`supabase/schema.sql`, `preflight.sql` and `seed.sql`: `make schema` writes them, `make check` compares them."""

import re
import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mentorcert.db import migrate, preflight
from tests.support.generated_docs import ROOT
from tests.support.generated_seed import seed
from tests.support.processes import run
from tests.support.servers import Server, embedded_18

FILE: Final = ROOT / "supabase" / "schema.sql"
PREFLIGHT: Final = ROOT / "supabase" / "preflight.sql"
SEED: Final = ROOT / "supabase" / "seed.sql"

_HEAD: Final = """\
-- What the migrations make: the current definition of everything, by object. Written by `make schema`.
--
-- To be read, not run: it leaves out who owns what, rows, and what the server's build decides.

"""
# Not the migrations' own: what stands in for Supabase, and the ledger.
_OPTIONS: Final = (
    "--schema-only",
    "--no-owner",
    "--exclude-schema=auth",
    "--exclude-schema=supabase_migrations",
)
_ENTRY: Final = re.compile(
    r"^--\n-- Name: (?P<name>.+); Type: (?P<type>[A-Z ]+); Schema: (?P<schema>\S+); Owner: .*\n--\n\n",
    re.MULTILINE,
)
# The default privileges are the database's own; a server built without lz4 compresses otherwise.
_LEFT_OUT: Final = re.compile(r"^(?:ALTER DEFAULT PRIVILEGES|.* SET COMPRESSION ).*\n+", re.MULTILINE)
_COLUMN_GRANT: Final = re.compile(r"GRANT (\w+)\((\w+)\)(?:,(.+))? ON TABLE (\S+) TO (\S+);")
# In the order in which the server has made the roles.
_ROLES: Final = re.compile(r"(?<= TO )\w+(?:, \w+)+(?= (?:USING|WITH CHECK) )")
# Of a view over one table, some servers write the table before each column.
_VIEW_OF_ONE: Final = re.compile(r"^CREATE VIEW [^;]*?\n   FROM \S+ (?P<table>\w+);$", re.MULTILINE)
_TABLE: Final = re.compile(r" (?:ON|TABLE) \w+\.(\w+)")


def schema(server: Server, database: str) -> str:
    """Return the definition of a migrated database, the same on every server."""
    # Never through a pooler: pg_dump has settings for its session.
    target = make_conninfo(server.url, dbname=conninfo_to_dict(database)["dbname"])
    dump = run(server.binaries / "pg_dump", *_OPTIONS, "--dbname", target).stdout
    dump = _ROLES.sub(lambda roles: ", ".join(sorted(roles[0].split(", "))), _LEFT_OUT.sub("", dump))
    dump = _VIEW_OF_ONE.sub(lambda view: re.sub(rf"\b{view['table']}\.(?=\w)", "", view[0]), dump)
    entries = sorted(_entries(dump), key=lambda entry: entry[0])
    parts = ["\n".join(_merged(text for _, text in group)) for _, group in groupby(entries, lambda e: e[0])]
    return _HEAD + "\n\n".join(parts) + "\n"


def _entries(dump: str) -> Iterator[tuple[tuple[str, bool, str], str]]:
    """Yield the statements of a dump, each with its place: the schema, functions last, the object."""
    headers = [*_ENTRY.finditer(dump)]
    ends = [
        *(header.start() for header in headers[1:]),
        dump.index("--\n-- PostgreSQL database dump complete"),
    ]
    for header, end in zip(headers, ends, strict=True):
        if text := dump[header.end() : end].strip():
            name = _object(header["name"], header["type"], text)
            schema = name if header["schema"] == "-" else header["schema"]
            # Arguments are named here and not there: what shares a name stands together.
            yield (schema, "(" in name, "" if name == schema else name.partition("(")[0]), text


def _object(name: str, kind: str, text: str) -> str:
    """Return the table, function or schema that an entry of the dump belongs to."""
    if kind in ("COMMENT", "ACL"):
        kind, _, name = name.partition(" ")
        return name if kind == "FUNCTION" else name.rpartition(" ON ")[-1].partition(".")[0]
    if kind in ("INDEX", "SEQUENCE") and (table := _TABLE.search(text)):
        return table[1]
    return name if kind == "FUNCTION" else name.partition(" ")[0]


def _merged(statements: Iterator[str]) -> Iterator[str]:
    """Yield statements, one GRANT by columns of a table to a role in place of one for each column."""
    grants: dict[tuple[str, str], dict[str, list[str]]] = {}
    for statement in statements:
        lines = statement.splitlines()
        by_column = [match for line in lines if (match := _COLUMN_GRANT.fullmatch(line))]
        if len(by_column) < len(lines):
            yield statement
            continue
        for match in by_column:
            privilege, column, more, table, role = match.groups()
            granted = grants.setdefault((table, role), {})
            for word in (privilege, *(re.findall(r"(\w+)\(", more) if more else ())):
                granted.setdefault(word, []).append(column)
    for (table, role), granted in grants.items():
        what = ", ".join(
            f"{privilege}({', '.join(columns)})" for privilege, columns in sorted(granted.items())
        )
        yield f"GRANT {what} ON TABLE {table} TO {role};"


def preflight_script() -> str:
    """Return the script that looks at the names before the migrations run, as plain SQL."""
    return preflight.script(migrate.made_by(migrate.read()))


def main() -> None:
    """Write the files, or compare them with `--check`, from a database of its own."""
    with embedded_18() as server, server.migrated_template() as database:
        texts = {
            FILE: schema(server, server.database_url(database)),
            PREFLIGHT: preflight_script(),
            SEED: seed(),
        }
    for file, text in texts.items():
        if "--check" not in sys.argv:
            file.write_text(text, "utf-8")
        elif file.read_text("utf-8") != text:
            sys.exit(f"{file.relative_to(ROOT)} is not what the migrations make: run `make schema`")


if __name__ == "__main__":
    main()
