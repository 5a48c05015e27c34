"""Looks at every name that the migrations make or replace, before anything is written: what is theirs stays."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

import psycopg
from psycopg.rows import class_row

from mentorcert.db import names
from mentorcert.db.connection import Connection
from mentorcert.errors import MigrationFailedError, NameTakenError

_FUNCTION: Final = Path(__file__).with_suffix(".sql")
_SCRIPT_HEAD: Final = """\
-- For those who copy the migrations into a project of their own: run this before `supabase db push`. It stops with an error
-- where a name of ours is somebody else's already, and lists what else is there. Written by `make schema`.
--
-- psql "$DATABASE_URL" --single-transaction --set ON_ERROR_STOP=1 --file preflight.sql

"""
_SCRIPT_TAIL: Final = """
do $$
declare
  taken constant text := (
    select string_agg(format('%s %s: %s', found.kind, found.name, found.reason), e'\\n')
    from pg_temp.examine_names((select made.names from pg_temp.made)) as found
    where found.state = 'in_the_way'
  );
begin
  if taken is not null then
    raise exception using errcode = '42710', message = 'names that the registry needs are taken', detail = taken,
      hint = 'Rename what is in the way; nothing has been changed.';
  end if;
end
$$;

select found.* from pg_temp.examine_names((select made.names from pg_temp.made)) as found where found.state <> 'free';
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a name is before the migrations run, and why it may not be used, or what using theirs means."""

    kind: str
    name: str
    state: Literal["free", "ours", "fits", "in_the_way"]
    reason: str | None


def examine(conn: Connection, made: Iterable[names.Name]) -> list[Finding]:
    """Return what each name is now; changes nothing. Raises MigrationFailedError."""
    try:
        with conn.transaction(force_rollback=True), conn.cursor(row_factory=class_row(Finding)) as cursor:
            conn.execute(_FUNCTION.read_bytes())
            return cursor.execute("select * from pg_temp.examine_names(%s)", [_as_json(made)]).fetchall()
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationFailedError(
            f"The names in the database could not be read: {error.diag.message_primary}.",
            code=error.sqlstate,
            hint="Migrate as the owner of the database, on Supabase as `postgres`.",
        ) from None


def require_free(findings: Iterable[Finding]) -> None:
    """Raise NameTakenError where a name is somebody else's and cannot be used as it is."""
    if taken := [
        f"{found.kind} {found.name}: {found.reason}" for found in findings if found.state == "in_the_way"
    ]:
        raise NameTakenError(
            "\n".join([str(NameTakenError.__doc__), *taken]),
            hint="Change what is in the way; nothing of the database has been changed.",
        )


def script(made: Iterable[names.Name]) -> str:
    """Return the same as plain SQL, for the Supabase SQL editor and psql."""
    literal = _as_json(made).replace("'", "''").replace("}, {", "},\n{")
    table = f"\ndrop table if exists pg_temp.made;\ncreate temporary table made as select '\n{literal}\n'::jsonb as names;\n"
    return _SCRIPT_HEAD + _FUNCTION.read_text("utf-8") + table + _SCRIPT_TAIL


def _as_json(made: Iterable[names.Name]) -> str:
    return json.dumps([{key: value for key, value in asdict(name).items() if value} for name in made])
