"""The SQL by which a project's tables feed the registry, made from the mapping."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Final, LiteralString

from psycopg import sql

from mentorcert.organisations.hierarchy.mapping import (
    Chapters,
    Mapping,
    Memberships,
    Organisations,
    PeerMentorChapters,
    PeerMentors,
    Source,
)

SCHEMA: Final = "mentorcert_hierarchy"

REMOVAL: Final = (
    f"drop schema if exists {SCHEMA} cascade;\n"
    "alter table mentorcert.memberships enable trigger keep_an_administrator;\n"
)
"""Its triggers on both sides depend on functions of the schema, and go with it."""

ASIDE: Final = f"alter schema {SCHEMA} rename to {SCHEMA}_before;"
"""Makes room for the views of a plan without a lock on any table; rolled back with them."""

_FIRST: Final = f"""\
-- Made by mentorcert hierarchy apply from the mapping file. Run it as one transaction, as the owner of the tables.

{REMOVAL}"""
_BEGINNING: Final = f"""
create schema {SCHEMA};
comment on schema {SCHEMA} is
  'How tables of the project feed the registry; made from the mapping file, for nobody but its owner.';

-- What is canonical already is most of it, and the general way takes a hundred times as long. PostgreSQL puts it inline.
create function {SCHEMA}.line(value text)
returns text
language sql
immutable
as $$
  select case when value ~ '^[!-~À-ÖØ-öø-ÿ]+( [!-~À-ÖØ-öø-ÿ]+)*$' then value else mentorcert_private.canonical_line(value) end
$$;
comment on function {SCHEMA}.line(text) is 'A text as the registry keeps it: mentorcert_private.canonical_line.';
"""
# Also what default privileges of the project give.
REVOKING: Final = "".join(
    f"revoke {right} schema {SCHEMA} from public, anon, authenticated, service_role;\n"
    for right in ("all on", "all on all tables in", "execute on all functions in")
)

# What no hand changes, by part; null columns of the mapping stay the registry's own.
_FED_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "organisations": ("name",),
    "chapters": ("parent_id", "code", "name", "retired_on", "retired_reason", "merged_into_id"),
    "peer_mentors": ("external_id", "full_name", "left_on", "left_reason"),
    "peer_mentor_chapters": ("ended_at",),
    "memberships": ("ended_at",),
}

_FIRST_STEPS: Final = {
    "peer_mentors": "left_peer_mentors",
    "peer_mentor_chapters": "ended_peer_mentor_chapters",
    "memberships": "ended_memberships",
}

_NOT_MAPPED: Final[dict[str, LiteralString]] = {
    "peer_mentors": """select
  null::text as source, null::text as source_key, null::uuid as id, null::uuid as organisation_id, null::text as number,
  null::text as full_name, null::uuid as user_id, null::text as email, null::text as phone
where false""",
    "peer_mentor_chapters": """select
  null::text as source, null::text as source_key, null::uuid as peer_mentor_id, null::uuid as chapter_id,
  null::timestamptz as ends_at
where false""",
}

_TRIGGERS: Final = """create function {function}()
returns trigger
language plpgsql
security definer -- who writes the table may not feed the registry
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' then
    begin
      -- As the text of a row: a single column may have a cast of its type's owner, who would run it as this one's.
      if not exists (select row({columns})::text from old_rows except all select row({columns})::text from new_rows) then
        return null;
      end if;
    exception when undefined_column then
      null; -- renamed since, which the views follow
    end;
  end if;
  perform mentorcert_hierarchy.feed_or_note({step});
  return null;
end
$$;
comment on function {function}() is {comment};
create trigger feed_registry_on_insert after insert on {table}
for each statement execute function {function}();
create trigger feed_registry_on_update after update on {table}
referencing old table as old_rows new table as new_rows
for each statement execute function {function}();
create trigger feed_registry_on_delete after delete on {table}
for each statement execute function {function}();
create trigger feed_registry_on_truncate after truncate on {table}
for each statement execute function {function}();
"""

Types = dict[tuple[str, str], str]
"""The type of each column of the project, by table and name."""


def views(mapping: Mapping, types: Types) -> str:
    """Return the script that makes the schema with its views: what could be fed, and what differs."""
    parts = [
        sql.SQL(_BEGINNING),
        *_views(mapping, types),
        sql.SQL("create view {}.fed_columns as select {};\n").format(
            sql.Identifier(SCHEMA), _fed_columns(mapping)
        ),
        sql.SQL(_text("judging.sql")),
    ]
    return "\n".join(part.as_string() for part in parts)


def script(mapping: Mapping, types: Types) -> str:
    """Return the whole script: it makes the views and functions, feeds everything, and sets the triggers."""
    parts = [
        sql.SQL(_text("feeding.sql")),
        *_triggers(mapping),
        # The role of the last administrator ends in the project's tables, whose word counts.
        sql.SQL(
            "alter table mentorcert.memberships disable trigger keep_an_administrator;\n"
            if "org_admin" in mapping.fed_roles()
            else ""
        ),
        sql.SQL(f"{REVOKING}select {SCHEMA}.feed();\n"),
        *_guards(mapping),
    ]
    return "\n".join((_FIRST, views(mapping, types), *(part.as_string() for part in parts)))


def _text(name: str) -> LiteralString:
    text: LiteralString = files(__package__).joinpath(name).read_text("utf-8")
    return text


def identifier(table: str) -> sql.Identifier:
    """Return a table of the mapping, schema.table, as it is written in SQL."""
    return sql.Identifier(*table.split("."))


class _Columns:
    """Expressions on the columns of a source."""

    def __init__(self, mapping: Mapping, source: Source, types: Types) -> None:
        self._mapping, self._source, self._types = mapping, source, types

    def _column(self, name: str) -> sql.Composed:
        return sql.SQL("source.{}").format(sql.Identifier(name))

    def text(self, name: str | None) -> sql.Composable:
        return sql.SQL("{}::text").format(self._column(name)) if name else sql.SQL("null::text")

    def line(self, name: str | None) -> sql.Composable:
        """Return a text as the registry keeps it."""
        return sql.SQL("mentorcert_hierarchy.line({})").format(self.text(name))

    def uuid(self, name: str | None) -> sql.Composable:
        return self._column(name) if name else sql.SQL("null::uuid")

    def key(self, name: str | None, of: Source | None) -> sql.Composable:
        """Return the key of a row of `of`: a uuid as it is; of another type, a uuid that always comes out the same."""
        if name is None or of is None:
            return sql.SQL("null::uuid")
        if self._types[self._source.table, name] == "uuid":
            return self._column(name)
        return sql.SQL("md5({} || {})::uuid").format(sql.Literal(f"{of.table}:"), self.text(name))

    def end(self, name: str | None) -> sql.Composable:
        """Return from when a row no longer holds: of a date, the midnight that begins it; infinity is no end."""
        if name is None:
            return sql.SQL("null::timestamptz")
        zone = sql.Literal(self._mapping.organisations.time_zone)
        instant: sql.Composable = self._column(name)
        if self._types[self._source.table, name] == "date":
            instant = sql.SQL("({}::timestamp at time zone {})").format(instant, zone)
        return sql.SQL("nullif({}, 'infinity')").format(instant)

    def source_key(self, *names: str | None) -> sql.Composable:
        columns = [self.text(name) for name in names if name]
        return sql.SQL("concat_ws(' ', {})").format(sql.SQL(", ").join(columns))

    def counted(self) -> sql.Composable:
        conditions = [
            sql.SQL("{} in ({})").format(self.text(column), sql.SQL(", ").join(map(sql.Literal, words)))
            for column, words in self._source.where.items()
        ]
        return sql.SQL(" where ") + sql.SQL(" and ").join(conditions) if conditions else sql.SQL("")


def _views(mapping: Mapping, types: Types) -> Iterator[sql.Composable]:
    for part in _FED_COLUMNS:
        selects: list[sql.Composable] = [
            _select(mapping, source, types) for of, source in mapping.sources() if of == part
        ]
        yield sql.SQL("create view {}.{} as\n{};\n").format(
            sql.Identifier(SCHEMA),
            sql.Identifier(f"theirs_{part}"),
            sql.SQL("\nunion all\n").join(selects or [sql.SQL(_NOT_MAPPED[part])]),
        )


def _select(mapping: Mapping, source: Source, types: Types) -> sql.Composed:
    of = _Columns(mapping, source, types)
    columns: dict[str, sql.Composable]
    match source:
        case Organisations():
            columns = {
                "source_key": of.source_key(source.id),
                "id": of.key(source.id, source),
                "slug": of.line(source.slug or source.id),
                "name": of.line(source.name),
                "time_zone": sql.Literal(source.time_zone),
            }
        case Chapters():
            columns = {
                "source_key": of.source_key(source.id),
                "id": of.key(source.id, source),
                "organisation_id": of.key(source.organisation, mapping.organisations),
                "parent_id": of.key(source.parent, source),
                "code": of.line(source.code or source.id),
                "name": of.line(source.name),
            }
        case Memberships():
            columns = {
                "source_key": of.source_key(source.user, source.organisation, source.chapter),
                "user_id": of.uuid(source.user),
                "has_organisation": sql.Literal(source.organisation is not None),
                "organisation_id": of.key(source.organisation, mapping.organisations),
                "chapter_id": of.key(source.chapter, mapping.chapters),
                "word": of.text(source.role),
                "role": _role(of, source),
                "ends_at": of.end(source.ends_at),
            }
        case PeerMentors():
            columns = {
                "source_key": of.source_key(source.id),
                "id": of.key(source.id, source),
                "organisation_id": of.key(source.organisation, mapping.organisations),
                "number": of.line(source.number or source.id),
                "full_name": of.line(source.full_name),
                "user_id": of.uuid(source.user),
                "email": sql.SQL("nullif(mentorcert_private.canonical_email({}), '')").format(
                    of.text(source.email)
                ),
                "phone": sql.SQL("nullif({}, '')").format(of.line(source.phone)),
            }
        case PeerMentorChapters():
            columns = {
                "source_key": of.source_key(source.peer_mentor, source.chapter),
                "peer_mentor_id": of.key(source.peer_mentor, mapping.peer_mentors),
                "chapter_id": of.key(source.chapter, mapping.chapters),
                "ends_at": of.end(source.ends_at),
            }
        case _:
            raise TypeError(source)
    columns = {"source": sql.SQL("{}::text").format(sql.Literal(source.table)), **columns}
    listed = [
        sql.SQL("{} as {}").format(expression, sql.Identifier(name)) for name, expression in columns.items()
    ]
    # OFFSET keeps the planner from writing an expression out wherever its column is used.
    return sql.SQL("(select\n  {}\nfrom {} as source{}\noffset 0)").format(
        sql.SQL(",\n  ").join(listed), identifier(source.table), of.counted()
    )


def _role(of: _Columns, source: Memberships) -> sql.Composable:
    if source.role_of_all:
        return sql.Literal(source.role_of_all)
    words = [
        sql.SQL("when {} then {}").format(sql.Literal(word), sql.Literal(role))
        for word, role in source.roles.items()
    ]
    return sql.SQL("case coalesce({}, '') {} end").format(of.text(source.role), sql.SQL(" ").join(words))


def _fed_columns(mapping: Mapping) -> sql.Composable:
    people = mapping.peer_mentors
    values = {
        "roles": sql.SQL("array[{}]").format(sql.SQL(", ").join(map(sql.Literal, mapping.fed_roles()))),
        "peer_mentors": sql.Literal(people is not None),
        "users": sql.Literal(people is not None and people.user is not None),
        "emails": sql.Literal(people is not None and people.email is not None),
        "phones": sql.Literal(people is not None and people.phone is not None),
        "peer_mentor_chapters": sql.Literal(mapping.peer_mentor_chapters is not None),
    }
    return sql.SQL(", ").join(
        sql.SQL("{} as {}").format(value, sql.Identifier(name)) for name, value in values.items()
    )


def _triggers(mapping: Mapping) -> Iterator[sql.Composable]:
    """Yield, for each table, a function that feeds by the first step that it concerns and those after it, and its triggers."""
    by_table: dict[str, list[tuple[str, Source]]] = {}
    for part, source in mapping.sources():
        by_table.setdefault(source.table, []).append((part, source))
    for number, (table, sources) in enumerate(by_table.items(), 1):
        columns = sorted({column for _, source in sources for column in source.columns().values()})
        values = {
            "function": sql.Identifier(SCHEMA, f"feed_from_table_{number}"),
            "table": identifier(table),
            "step": sql.Literal(_FIRST_STEPS.get(sources[0][0], sources[0][0])),
            "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
            "comment": sql.Literal(f"Feeds the registry from {table}, if anything that is fed has changed."),
        }
        yield sql.SQL(_TRIGGERS).format(**values)


def _guards(mapping: Mapping) -> Iterator[sql.Composable]:
    """Yield the triggers by which the registry refuses to change what is fed, naming the tables that feed it."""
    tables: dict[str, list[str]] = {}
    for part, source in mapping.sources():
        if source.table not in tables.setdefault(part, []):
            tables[part].append(source.table)
    people = mapping.peer_mentors
    optional = {"user_id": people.user, "email": people.email, "phone": people.phone} if people else {}
    for part, fed_by in tables.items():
        columns = [
            *_FED_COLUMNS[part],
            *(name for name, column in optional.items() if column and part == "peer_mentors"),
        ]
        condition = (
            sql.SQL(" when (new.role in ({}))").format(
                sql.SQL(", ").join(map(sql.Literal, mapping.fed_roles()))
            )
            if part == "memberships"
            else sql.SQL("")
        )
        yield sql.SQL(
            "create trigger reject_hand_edit before insert or update of {columns} on mentorcert.{part}\n"
            "for each row{condition} execute function {schema}.reject_hand_edit({tables});\n"
        ).format(
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            part=sql.Identifier(part),
            condition=condition,
            schema=sql.Identifier(SCHEMA),
            tables=sql.Literal(", ".join(fed_by)),
        )
