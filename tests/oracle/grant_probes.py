"""What the role of an actor tries with every column, and with what is not for clients at all."""

from collections.abc import Iterator, Mapping
from typing import Final

from mentorcert.access.rules import INSERT_COLUMNS, OPEN_TABLES, UPDATE_COLUMNS, Reach
from mentorcert.db.connection import Connection
from tests.oracle.comparison import AS_DONE, DONE, Probe, closed
from tests.oracle.table_probes import REFUSED
from tests.support.registry import rows

Columns = dict[str, list[str]]

# Of these, administrators read rows (supabase/tests/database says which), but for a column.
_READ_IN_PART: Final[Mapping[str, str]] = {
    "disabled_endpoints": "reason",
    "extensions": "",
    "job_runs": "",
    "task_rows": "",
    "tasks": "file",
}


def columns(conn: Connection, schema: str) -> Columns:
    """Return the columns of every table and view of a schema."""
    return dict(
        rows(
            conn,
            """
            select class.relname, array_agg(attribute.attname order by attribute.attnum)
            from pg_catalog.pg_class as class
            join pg_catalog.pg_attribute as attribute on attribute.attrelid = class.oid
            where class.relnamespace = %s::regnamespace and class.relkind in ('r', 'p', 'v', 'm', 'f')
              and attribute.attnum > 0 and not attribute.attisdropped
            group by class.relname
            order by class.relname
            """,
            schema,
        )
    )


def probes(within: Reach, public: Columns, private: Columns) -> Iterator[Probe]:
    """Yield what the actor tries with each column of the schema `public` and each table of `private`."""
    signed_in = within.actor.user_id is not None
    for table, names in public.items():
        for column in names:
            open_commands = {
                f"select {column} from public.{table} where false": signed_in or table in OPEN_TABLES,
                f"insert into public.{table} ({column}) select null where false": signed_in
                and column in INSERT_COLUMNS.get(table, ()),
                f"update public.{table} set {column} = null where false": signed_in
                and column in UPDATE_COLUMNS.get(table, ()),
            }
            for statement, granted in open_commands.items():
                yield Probe(
                    table, f"{statement.partition(' ')[0]} the column {column}",
                    statement, DONE if granted else REFUSED, afterwards=AS_DONE,
                    saying="" if granted else closed(f"table {table}"),
                )  # fmt: skip
    for table in private:
        closed_column = _READ_IN_PART.get(table, "")
        granted = signed_in and table in _READ_IN_PART and not closed_column
        yield Probe(
            f"mentorcert_private.{table}", "select", f"select {closed_column} from mentorcert_private.{table} where false",
            DONE if granted else REFUSED, afterwards=AS_DONE,
            saying="" if granted else closed(f"table {table}" if signed_in else "schema mentorcert_private"),
        )  # fmt: skip
