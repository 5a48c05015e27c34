"""The migration files: their names, their statements, and whether they are what was applied."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlparse

from mentorcert import package_files
from mentorcert.errors import MigrationNameError

_FILE_NAME = re.compile(r"([0-9]+)_(.+)\.sql")
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*(\w*)", re.DOTALL)
_BETWEEN_STATEMENTS = re.compile(r"[\s;]*")
_NO_TRANSACTION = re.compile(r"^-- mentorcert: no transaction$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file; `version` and `name` are the parts of its file name."""

    version: str
    name: str
    path: Path
    sql: str

    def statements(self) -> list[str]:
        """Return the statements as the Supabase CLI stores them: comments kept, without the semicolon."""
        return list(_split(self.sql))

    def placed_statements(self) -> Iterator[tuple[int, str]]:
        """Yield each statement with its position in the file."""
        end = 0
        for statement in self.statements():
            start = self.sql.index(statement, end)
            end = start + len(statement)
            yield start, statement

    @property
    def runs_in_transaction(self) -> bool:
        """Whether it runs in one transaction: all do but those that say `-- mentorcert: no transaction`."""
        return _NO_TRANSACTION.search(self.sql) is None


def read(folder: Path | None = None) -> list[Migration]:
    """Return the migration files of a folder, by default the package's own, in the order of their versions.

    Raises MigrationNameError.
    """
    found: dict[str, Migration] = {}
    for path in sorted((folder or package_files.migrations()).glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None or match[1] in found:
            raise MigrationNameError(f"{MigrationNameError.__doc__} Found: {path}")
        found[match[1]] = Migration(match[1], match[2], path, path.read_text("utf-8-sig"))
    return [found[version] for version in sorted(found)]


@cache
def _split(sql: str) -> tuple[str, ...]:
    """Split it once: that takes as long as it takes PostgreSQL to run it."""
    return tuple(text for text in sqlparse.split(sql, strip_semicolon=True) if text)


def line_of(sql: str, position: int) -> int:
    """Return the line of the first thing that is neither white space nor comment from `position` on."""
    match = _FIRST_WORD.match(sql, position)
    return sql.count("\n", 0, match.start(1) if match else position) + 1


def first_word(statement: str) -> str:
    """Return the first word that stands in no comment, in small letters; empty where there is none."""
    match = _FIRST_WORD.match(statement)
    return match[1].lower() if match else ""


def is_made_of(sql: str, statements: list[str]) -> bool:
    """Return whether the file is these statements in this order, with nothing else between them.

    So it does not matter who split it, or how.
    """
    position = 0
    for statement in statements:
        text = statement.replace("\r\n", "\n").strip()
        position = _skip(sql, position)
        if not sql.startswith(text, position):
            return False
        position += len(text)
    return _skip(sql, position) == len(sql)


def _skip(sql: str, position: int) -> int:
    match = _BETWEEN_STATEMENTS.match(sql, position)
    return match.end() if match else position
