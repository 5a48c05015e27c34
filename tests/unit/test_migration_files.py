"""Migration files: their names, their statements, and whether they are what was applied."""

from pathlib import Path

import pytest

from mentorcert.db.migration_files import Migration, is_made_of, read
from mentorcert.errors import MigrationNameError

SQL = """\
-- What this is; and for whom.
create table public.things (note text default 'a;b', "odd;name" int); /* ; */

create function public.f() returns text language plpgsql as $function$
declare
  n int := 1;
begin
  case when n = 1 then null; end case;
  return $$;$$;
end;
$function$;
create function public.g() returns int language sql begin atomic
  select case when true then 1 end;
  select 2;
end;
do $$ begin perform 1; exception when others then null; end $$;
create trigger t before insert on public.things for each row execute function public.f();
select E'it\\'s; one';
-- the end
"""


def test_statements_are_split_as_postgres_would() -> None:
    starts = [
        statement.split("\n")[-1][:20]
        for statement in Migration("1", "test", Path("1_test.sql"), SQL).statements()
    ]
    assert starts == [
        "create table public.",
        "$function$",
        "end",
        "do $$ begin perform ",
        "create trigger t bef",
        "select E'it\\'s; one'",
        "-- the end",
    ]


def test_every_file_is_made_of_its_statements() -> None:
    split = [(migration, migration.statements()) for migration in read()]
    assert split
    assert [one.path.name for one, statements in split if not statements] == []
    assert sum(len(statements) > 1 for _, statements in split) > len(split) // 2
    assert [one.path.name for one, statements in split if not is_made_of(one.sql, statements)] == []


@pytest.mark.parametrize(
    "stored",
    [
        ["select 1", "select 'a  b'"],
        ["select 1;\r\n\r\nselect 'a  b';"],
        ["\n select 1", "", "select 'a  b' "],
    ],
    ids=["split", "whole, from Windows", "trimmed otherwise"],
)
def test_another_way_of_splitting_is_the_same_file(stored: list[str]) -> None:
    assert is_made_of("select 1;\n\nselect 'a  b';\n", stored)


@pytest.mark.parametrize(
    "stored",
    [
        ["select 1"],
        ["select 'a  b'", "select 1"],
        ["select 1", "select 'a b'"],
        ["select 1", "select 'a  b'", "select 2"],
    ],
    ids=["one fewer", "another order", "white space inside a text", "one more"],
)
def test_other_statements_are_another_file(stored: list[str]) -> None:
    assert not is_made_of("select 1;\n\nselect 'a  b';\n", stored)


def test_files_come_in_the_order_of_their_versions(tmp_path: Path) -> None:
    for name in ("20260102_b.sql", "20260101_a_c.sql", "notes.txt"):
        (tmp_path / name).write_text("select 1;")
    assert [(found.version, found.name) for found in read(tmp_path)] == [
        ("20260101", "a_c"),
        ("20260102", "b"),
    ]


@pytest.mark.parametrize("names", [("first.sql",), ("1_a.sql", "1_b.sql")], ids=["no version", "twice"])
def test_a_file_name_must_be_clear(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(MigrationNameError, match=names[-1]):
        read(tmp_path)
