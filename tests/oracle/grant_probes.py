"""What the role of an actor tries with every column, and with what is not for clients at all."""

from collections.abc import Iterator, Mapping
from typing import Final

from mentorcert.access.model import qualified
from mentorcert.access.rules import INSERT_COLUMNS, OPEN_TABLES, UPDATE_COLUMNS, Reach
from mentorcert.db.connection import Connection
from tests.oracle.comparison import AS_DONE, DONE, Probe, closed_table
from tests.oracle.table_probes import REFUSED
from tests.support.registry import rows

Columns = dict[str, list[str]]

# Of these, people read rows (supabase/tests/database says which), but for a column.
_READ_IN_PART: Final[Mapping[str, str]] = {
    "change_batches": "",
    "disabled_endpoints": "reason",
    "extensions": "",
    "form_drafts": "",
    "invitations": "",
    "job_runs": "",
    "letters": "",
    "nights": "",
    "task_rows": "",
    "tasks": "file",
}


def columns(conn: Connection, *schemas: str) -> Columns:
    """Return the columns of every table and view of the schemas, by its qualified name."""
    return dict(
        rows(
            conn,
            """
            select
              class.relnamespace::regnamespace || '.' || class.relname,
              array_agg(attribute.attname order by attribute.attnum)
            from pg_catalog.pg_class as class
            join pg_catalog.pg_attribute as attribute on attribute.attrelid = class.oid
            where class.relnamespace::regnamespace::text = any(%s) and class.relkind in ('r', 'p', 'v', 'm', 'f')
              and attribute.attnum > 0 and not attribute.attisdropped
            group by class.relnamespace, class.relname
            order by class.relname
            """,
            list(schemas),
        )
    )


def probes(within: Reach, exposed: Columns, private: Columns) -> Iterator[Probe]:
    """Yield what the actor tries with each column of the exposed schemas and each table of the private one."""
    signed_in = within.actor.user_id is not None
    for name, names in exposed.items():
        table = name.partition(".")[2]
        is_view = name != qualified(table)
        for column in names:
            is_insertable = column in INSERT_COLUMNS.get(table, ())
            # A generated column takes its default only; without the right no row comes of it.
            inserted = "select null where false" if is_insertable else "values (default)"
            open_commands = {
                f"select {column} from {name} where false": signed_in or table in OPEN_TABLES,
                f"insert into {name} ({column}) {inserted}": signed_in and is_insertable,
                f"update {name} set {column} = default where false": signed_in
                and column in UPDATE_COLUMNS.get(table, ()),
            }
            for statement, granted in open_commands.items():
                if is_view and not statement.startswith("select"):
                    continue
                yield Probe(
                    name if is_view else table, f"{statement.partition(' ')[0]} the column {column}",
                    statement, DONE if granted else REFUSED, afterwards=AS_DONE,
                    saying="" if granted else closed_table(within, name, "view" if is_view else "table"),
                )  # fmt: skip
    for table in private:
        _, _, name = table.partition(".")
        closed_column = _READ_IN_PART.get(name, "")
        granted = signed_in and name in _READ_IN_PART and not closed_column
        yield Probe(
            table, "select", f"select {closed_column} from {table} where false",
            DONE if granted else REFUSED, afterwards=AS_DONE,
            saying="" if granted else closed_table(within, table),
        )  # fmt: skip
