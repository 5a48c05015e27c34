"""Planning, applying, checking and removing the mapping by which a project's tables feed the registry."""

from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MentorcertError
from mentorcert.organisations.hierarchy import generation
from mentorcert.organisations.hierarchy.mapping import Mapping, MappingFileError

_QUERIES: Final = rows.beside(__file__)

ADVICE: Final = "Feed it again: `mentorcert hierarchy apply` with the mapping file; what is refused is corrected in your tables."
ROW_ADVICE: Final = (
    "Correct the row in your table, which feeds it at once, or the mapping file, and apply it."
)

_SHOWN: Final = 10
_OURS: Final = ("mentorcert.", "mentorcert_")
_INSTANTS: Final = {"timestamp with time zone", "date"}


class HierarchyNotAppliedError(MentorcertError):
    """No mapping is applied: the organisations, chapters and roles are entered in the registry."""


class HierarchyLostError(MentorcertError):
    """A table that fed the registry was dropped, and with it what compares and feeds."""


class OpenTablesError(MentorcertError):
    """Clients may write a table without row-level security, from which rights follow."""


class EndsOthersError(MentorcertError):
    """The registry has what the project's tables do not have, and it would end."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What the registry does not say as the project's tables do; `action` would feed it."""

    part: str
    action: Literal["add", "change", "end"]
    what: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A row of the project that is left out, or fed with a remark; `row` is its key."""

    part: str
    table_name: str
    row: str
    problem: str
    is_left_out: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """What the registry refused when it was fed."""

    step: str
    key: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Writer:
    """A client that may write a column from which rights follow."""

    table_name: str
    column_name: str
    role: str
    is_under_rls: bool


@dataclass(frozen=True, slots=True)
class Report:
    """How the registry stands to the project's tables."""

    differences: list[Difference]
    problems: list[Problem]
    failures: list[Failure] = field(default_factory=list)

    @property
    def is_fed(self) -> bool:
        """Whether the registry says what the tables say, with no row left out."""
        return not self.differences and not any(problem.is_left_out for problem in self.problems)


@dataclass(frozen=True, slots=True)
class _Column:
    table_name: str
    column_name: str
    type: str
    is_under_rls: bool
    has_own_cast: bool


def script(conn: Connection, mapping: Mapping) -> str:
    """Return the SQL that `apply` runs. Raises MappingFileError where the mapping does not fit the tables."""
    return generation.script(mapping, _checked_types(conn, mapping))


def plan(conn: Connection, mapping: Mapping) -> tuple[Report, list[Writer]]:
    """Return what `apply` would change, and who may write what rights follow from.

    Nothing is changed, and no table locked. Raises as `script` does.
    """
    types = _checked_types(conn, mapping)
    with conn.transaction(force_rollback=True):
        if is_applied(conn):
            _run(conn, generation.ASIDE)
        _run(conn, generation.views(mapping, types))
        report = Report(*_compared(conn))
    return report, _writers(conn, mapping)


def apply(
    conn: Connection, mapping: Mapping, *, end_others: bool = False, open_tables: bool = False
) -> tuple[Report, Report]:
    """Set the triggers and feed everything, in one transaction; return what differed before, and what still does.

    Raises EndsOthersError where something of the registry would end and `end_others` is false, OpenTablesError
    where clients write a table without row-level security and `open_tables` is false, and as `script` does.
    """
    with conn.transaction():
        before, writers = plan(conn, mapping)
        opened = sorted({writer.table_name for writer in writers if not writer.is_under_rls})
        if opened and not open_tables:
            raise OpenTablesError(
                f"Clients may write any row of {', '.join(opened)}, and so make themselves an administrator here.",
                hint="Enable row-level security there, with policies; or let it be so: --open-tables.",
            )
        ending = [difference for difference in before.differences if difference.action == "end"]
        if ending and not end_others:
            listed = "\n  ".join(f"{one.part}: {one.what}" for one in ending[:_SHOWN])
            more = f"\n  and {len(ending) - _SHOWN} more" if len(ending) > _SHOWN else ""
            raise EndsOthersError(
                f"The registry has what your tables do not have; it would end:\n  {listed}{more}",
                hint="Enter it in your tables, or end it: --end-others.",
            )
        _run(conn, script(conn, mapping))
        return before, _report(conn)


def check(conn: Connection) -> Report:
    """Return how the registry stands to the project's tables.

    Raises HierarchyNotAppliedError, and HierarchyLostError where a table was dropped.
    """
    if not is_applied(conn):
        raise HierarchyNotAppliedError(
            hint="`mentorcert hierarchy apply` sets it up: docs/existing_project.md."
        )
    return _report(conn)


def remove(conn: Connection) -> None:
    """Take the triggers away; what was fed stays, and is entered in the registry from then on.

    Raises HierarchyNotAppliedError.
    """
    if not is_applied(conn):
        raise HierarchyNotAppliedError(hint="There is nothing to take away.")
    with conn.transaction():
        _run(conn, generation.REMOVAL)


def is_applied(conn: Connection) -> bool:
    """Return whether a mapping is applied in this database."""
    return rows.fetch_one(conn, bool, _QUERIES.is_applied)


def _run(conn: Connection, statements: str) -> None:
    rows.send(conn, statements)


def wrong(conn: Connection) -> list[str]:
    """Return, for the doctor, what differs and which rows are left out; nothing where no mapping is applied."""
    if not is_applied(conn):
        return []
    try:
        report = _report(conn)
    except HierarchyLostError as lost:
        return [str(lost)]
    return [
        *(f"{one.part}: {one.what} should be fed ({one.action})" for one in report.differences),
        *(f"{one.step} {one.key}: {one.reason}" for one in report.failures),
        *(f"{one.table_name} {one.row}: {one.problem}" for one in report.problems if one.is_left_out),
    ]


def _report(conn: Connection) -> Report:
    if not rows.fetch_one(conn, bool, _QUERIES.is_whole):
        raise HierarchyLostError(
            "The registry is not fed: a table that fed it was dropped, and what compares it went along.",
            hint="Say in the mapping file which table it is now: `mentorcert hierarchy apply`.",
        )
    return Report(*_compared(conn), rows.fetch_all(conn, Failure, _QUERIES.failures))


def _compared(conn: Connection) -> tuple[list[Difference], list[Problem]]:
    return (
        rows.fetch_all(conn, Difference, _QUERIES.differences),
        rows.fetch_all(conn, Problem, _QUERIES.problems),
    )


def _writers(conn: Connection, mapping: Mapping) -> list[Writer]:
    columns = sorted(
        {(source.table, column) for _, source in mapping.sources() for column in source.columns().values()}
    )
    return rows.fetch_all(
        conn,
        Writer,
        _QUERIES.writers,
        tables=[generation.identifier(table).as_string() for table, _ in columns],
        names=[table for table, _ in columns],
        columns=[column for _, column in columns],
    )


def _checked_types(conn: Connection, mapping: Mapping) -> generation.Types:
    tables = sorted({source.table for _, source in mapping.sources()})
    found = rows.fetch_all(
        conn,
        _Column,
        _QUERIES.columns,
        tables=[generation.identifier(table).as_string() for table in tables],
        names=tables,
    )
    types = {(column.table_name, column.column_name): column.type for column in found}
    used = {(source.table, column) for _, source in mapping.sources() for column in source.columns().values()}
    hidden = {one.table_name for one in found if one.is_under_rls}
    cast = [one for one in found if one.has_own_cast and (one.table_name, one.column_name) in used]
    faults = [
        *dict.fromkeys(_faults(mapping, types)),
        *(
            f"{table}: its policies hide rows from {conn.info.user}, and what is hidden would end;"
            " connect as its owner, or as a role with bypassrls"
            for table in sorted(hidden)
        ),
        *(
            f"{one.table_name}.{one.column_name}: its type {one.type} has a cast to text of its own,"
            " which the registry would run with the rights of its owner"
            for one in cast
        ),
    ]
    if faults:
        raise MappingFileError(
            "The mapping does not fit the database:\n  " + "\n  ".join(faults),
            hint="Names are written as in `select table_schema, table_name, column_name from information_schema.columns`."
            " A view has no triggers, so it cannot feed.",
        )
    return types


def _faults(mapping: Mapping, types: generation.Types) -> list[str]:
    known = {table for table, _ in types}
    faults = []
    keys = {
        "organisation": mapping.organisations,
        "chapter": mapping.chapters,
        "parent": mapping.chapters,
        "peer_mentor": mapping.peer_mentors,
    }
    for part, source in mapping.sources():
        if source.table.startswith(_OURS):
            faults.append(f"{part}: {source.table} is the registry's own")
            continue
        if source.table not in known:
            faults.append(f"{part}: there is no table {source.table}")
            continue
        for use, column in source.columns().items():
            kind = types.get((source.table, column))
            of = keys.get(use)
            wanted = of and types.get((of.table, of.id))
            if kind is None:
                faults.append(f"{part}.{use}: {source.table} has no column {column}")
            elif use == "user" and kind != "uuid":
                faults.append(
                    f"{part}.user: {source.table}.{column} is {kind}; it must be a uuid, the id in auth.users"
                )
            elif use == "ends_at" and kind not in _INSTANTS:
                faults.append(
                    f"{part}.ends_at: {source.table}.{column} is {kind}; it must be timestamptz or date"
                )
            elif of and wanted and kind != wanted:
                faults.append(
                    f"{part}.{use}: {source.table}.{column} is {kind}, but {of.table}.{of.id} is {wanted}"
                )
    return faults
