"""The generated parts of docs/; `python -m tests.support.generated_docs` writes them again."""

import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import psycopg
from prometheus_client import REGISTRY, Metric
from psycopg import sql
from pydantic_core import PydanticUndefined
from typer.core import TyperGroup
from typer.main import get_group

from mentorcert.access.model import qualified
from mentorcert.cli import app
from mentorcert.cli.lazy import LazyCommand
from mentorcert.db.connection import Connection, connect
from mentorcert.errors import from_postgres
from mentorcert.metrics import PoolMetrics
from mentorcert.operations.job_metrics import FIGURES
from mentorcert.portal.monitoring.alerts import KINDS, SEVERITIES
from mentorcert.portal.monitoring.health import Snapshot
from mentorcert.portal.monitoring.metrics import Metrics
from mentorcert.settings import Settings
from tests.support.login_roles import LOGIN_ROLES, executable, memberships, reachable
from tests.support.servers import embedded_18

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
_SECTION = "<!-- generated: {} -->\n\n{}\n\n<!-- end of generated -->"

# What stands in a policy, and whose reach it is: peer mentor, coordinator, administrator, anon.
_REACH: Final = {
    "administered_organisation_id()": ("", "", "organisation", ""),
    "coordinated_chapter_ids()": ("", "chapters", "", ""),
    "coordinated_peer_mentor_ids()": ("", "chapters", "", ""),
    "own_peer_mentor_ids()": ("own", "own", "own", ""),
    "auth.uid()": ("own", "own", "own", ""),
    "get_user_organisation_id()": ("organisation",) * 3 + ("",),
    "listed_until > now()": ("running leases",) * 4,
    "FROM peer_mentor_certifications": ("as the certification",) * 3 + ("",),
}
_RAISE = re.compile(r"errcode\s*=\s*'(\w{5})'.*?constraint\s*=\s*(format\('[^']*'|'[^']*'|\w+)", re.DOTALL)
_VIOLATED = re.compile(r"violated\s*:=\s*'(\w+)'")


def markdown_table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def command_tree() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command, by its words, as its group lists it."""

    def within(group: TyperGroup, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        for name, command in group.commands.items():
            yield (*words, name), command
            itself = command.real if isinstance(command, LazyCommand) else command
            if isinstance(itself, TyperGroup):
                yield from within(itself, (*words, name))

    root = get_group(app)
    yield (), root
    yield from within(root, ())


def commands() -> str:
    parts = []
    for words, _ in command_tree():
        with (
            patch("typer.core.HAS_RICH", new=False),
            patch.dict("os.environ", COLUMNS="80"),
            redirect_stdout(io.StringIO()) as shown,
        ):
            app([*words, "--help"], prog_name="mentorcert", standalone_mode=False)
        parts.append(f"## {' '.join(('mentorcert', *words))}\n\n```text\n{shown.getvalue().strip()}\n```")
    return "\n\n".join(parts)


def settings() -> str:
    rows = []
    for field in Settings.model_fields.values():
        is_empty = field.default in (None, PydanticUndefined)
        default = "empty" if is_empty else f"`{field.default}`"
        rows.append((f"`{field.validation_alias}`", default, str(field.description)))
    return markdown_table(("variable", "default", "meaning"), rows)


def alerts() -> str:
    """Every finding of the portal sync, the worst first."""
    ordered = sorted(KINDS.items(), key=lambda one: (SEVERITIES.index(one[1].severity), one[0]))
    rows = [(f"`{code}`", kind.severity, kind.when, kind.advice) for code, kind in ordered]
    return markdown_table(("code", "severity", "when", "what to do"), rows)


def metrics() -> str:
    """Every metric, as Prometheus names it."""
    rows = [(_metric(family), family.documentation) for family in Metrics(Snapshot(()), {}).collect()]
    return markdown_table(("metric", "meaning"), rows)


def _metric(family: Metric) -> str:
    return f"`{family.name}{'_total' if family.type == 'counter' else ''}`"


def process_metrics() -> str:
    """Every metric of a process, and of the jobs."""
    families = [*REGISTRY.collect(), *PoolMetrics({}).collect()]
    rows = [
        (_metric(family), "all" if "build" in family.name else "`serve`", family.documentation)
        for family in families
        if family.name.startswith("mentorcert_")
    ]
    rows += [(f"`mentorcert_{name}`", "`worker`", text) for name, (_, text) in FIGURES.items()]
    return markdown_table(("metric", "of", "meaning"), sorted(rows))


def access(conn: Connection) -> str:
    """Who may do what with which rows and columns, from the policies and the grants themselves."""
    reach: dict[tuple[str, str], tuple[set[str], ...]] = defaultdict(lambda: (set(), set(), set(), set()))
    policies = """
        select
          policy.tablename, policy.cmd,
          coalesce(within.qual, concat(policy.qual, ' ', policy.with_check)), policy.roles::text[]
        from pg_catalog.pg_policies as policy
        -- Where a restrictive policy says what is within reach, that is what is read.
        left join pg_catalog.pg_policies as within
          on within.tablename = policy.tablename and policy.cmd = 'SELECT'
          and within.permissive = 'RESTRICTIVE' and within.policyname ~ 'within reach'
        where policy.schemaname in ('public', 'mentorcert') and policy.permissive = 'PERMISSIVE'
          and policy.roles && '{anon,authenticated}'
    """
    for table, verb, expression, roles in conn.execute(policies):
        found = [whose for fragment, whose in _REACH.items() if fragment in expression]
        # Whatever else these ask makes them narrower.
        for narrow in ("auth.uid()", "FROM peer_mentor_certifications"):
            if narrow in expression:
                found = [_REACH[narrow]]
        if len(found) > 1:
            found = [whose for whose in found if whose != _REACH["get_user_organisation_id()"]]
        assert found, f"no words for the policy of {table} for {verb}: {expression}"
        assert ("anon" in roles) == any(whose[3] for whose in found), (table, roles)
        for whose in found:
            for words, of in zip(whose, reach[table, verb], strict=True):
                of.update({words} - {""})
    rows = []
    for table, verb in sorted(reach, key=lambda row: (row[0], _ORDER.index(row[1]))):
        # The wider reach contains the others.
        cells = (
            "organisation" if "organisation" in of else ", ".join(sorted(of)) for of in reach[table, verb]
        )
        rows.append(
            (f"`{table}`", verb.lower(), *(cell or "–" for cell in cells), _columns(conn, table, verb))
        )
    heading = ("table", "command", "peer mentor", "coordinator", "administrator", "anon", "columns")
    return markdown_table(heading, rows)


_ORDER: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "ALL")


def _columns(conn: Connection, table: str, verb: str) -> str:
    granted = conn.execute(
        """
        select
          array_agg(attname::text order by attnum)
            filter (where has_column_privilege('authenticated', attrelid, attnum, %(verb)s)),
          count(*)
        from pg_catalog.pg_attribute
        where attrelid = %(table)s::regclass and attnum > 0 and not attisdropped
        """,
        {"table": qualified(table), "verb": verb},
    ).fetchone()
    assert granted is not None
    names, total = granted
    return "all" if len(names or []) == total else ", ".join(f"`{name}`" for name in names or [])


def login_roles(conn: Connection) -> str:
    """What each login role may do, in words whose every function and table the catalogue confirms."""
    rows = []
    for name, role in LOGIN_ROLES.items():
        granted = (memberships(conn, name), executable(conn, name), reachable(conn, name))
        assert granted == (role.becomes, role.may_execute(), role.may_read()), (name, granted)
        rows.append((f"`{name}`", role.process, role.gives, role.not_given))
    return markdown_table(("login role", "for", "its password gives", "and not"), rows)


def errors(conn: Connection) -> str:
    """Every error that a function of the database raises by name, and what Python makes of it."""
    sources = """
        select prosrc from pg_catalog.pg_proc
        where pronamespace in ('public'::regnamespace, 'mentorcert'::regnamespace, 'mentorcert_private'::regnamespace)
    """
    by_trigger = r"""
        select 'MC005', split_part(encode(tgargs, 'escape'), '\000', 1) from pg_catalog.pg_trigger
        where tgfoid = 'mentorcert_private.reject_change'::regproc
    """
    pairs = {*conn.execute(by_trigger)}
    for (source,) in conn.execute(sources):
        for state, constraint in _RAISE.findall(source):
            if constraint.startswith("format"):
                pairs.add((state, _placeholders(constraint)))
            elif constraint.startswith("'"):
                pairs.add((state, constraint.strip("'")))
            else:
                pairs.update((state, name) for name in _VIOLATED.findall(source))
    rows = []
    for state, constraint in sorted(pairs):
        error = type(from_postgres(_raised(conn, state, constraint)))
        rows.append((f"`{state}`", f"`{constraint}`", f"`{error.__name__}`", str(error.__doc__)))
    return markdown_table(("SQLSTATE", "constraint", "in Python", "meaning"), rows)


def _placeholders(call: str) -> str:
    """The names that `format` makes: the first place is the table's, the second the column's."""
    template = call.removeprefix("format('").rstrip("'")
    names = ["<table>", "<column>"]
    return template.replace("%s", "{}").format(*names[: template.count("%s")])


def _raised(conn: Connection, state: str, constraint: str) -> psycopg.Error:
    raising = sql.SQL("do $$ begin raise exception using errcode = {}, constraint = {}; end $$")
    try:
        conn.execute(raising.format(state, constraint))
    except psycopg.Error as error:
        return error
    raise AssertionError(state)


SECTIONS: Final[dict[tuple[str, str], Callable[[Connection], str]]] = {
    ("commands.md", "commands"): lambda _: commands(),
    ("operations.md", "settings"): lambda _: settings(),
    ("deployment.md", "metrics"): lambda _: process_metrics(),
    ("access.md", "access"): access,
    ("access.md", "login roles"): login_roles,
    ("access.md", "errors"): errors,
    ("portal/alerts.md", "alerts"): lambda _: alerts(),
    ("portal/alerts.md", "metrics"): lambda _: metrics(),
}


def section(file: str, name: str) -> str:
    """The generated part as the file has it now."""
    match = _pattern(name).search((DOCS / file).read_text("utf-8"))
    assert match, f"docs/{file} has no part generated: {name}"
    return match[1].strip()


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(f"<!-- generated: {name} -->(.*?)<!-- end of generated -->", re.DOTALL)


def main() -> None:
    """Write every generated part again, from a database of its own."""
    with (
        embedded_18() as server,
        server.migrated_template() as database,
        connect(server.database_url(database), autocommit=True) as conn,
    ):
        for (file, name), generate in SECTIONS.items():
            path = DOCS / file
            before, after = _pattern(name).split(path.read_text("utf-8"))[::2]
            path.write_text(before + _SECTION.format(name, generate(conn)) + after, "utf-8")


if __name__ == "__main__":
    main()
