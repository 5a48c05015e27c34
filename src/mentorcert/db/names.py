"""The names that migration files make or replace, read from their text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

OWN_SCHEMAS: Final = frozenset({"mentorcert", "mentorcert_private", "mentorcert_portal"})

_NAME: Final = r'(?P<name>[^\s(;"]+|"[^"]+")'
_FLAGS: Final = re.IGNORECASE | re.MULTILINE
# Statements start a line, also in a block of PL/pgSQL; what stands in the body of a function makes nothing yet.
_BODY: Final = re.compile(r"(?P<do>\bdo\s+)?(?P<quote>\$\w*\$).*?(?P=quote)", re.IGNORECASE | re.DOTALL)
_CREATE: Final = re.compile(
    r"^\s*create\s+(?:or\s+replace\s+)?(?:(?:unique|unlogged|materialized|recursive)\s+)*"
    rf"(?P<kind>[a-z]+)\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?{_NAME}(?P<rest>[^;]*)",
    _FLAGS,
)
_COMMENT: Final = re.compile(
    rf"^\s*comment\s+on\s+(?P<kind>function|operator|role)\s+{_NAME}\s*(?P<arguments>\([^)]*\))?", _FLAGS
)
_ON_TABLE: Final = re.compile(r"\bon\s+(?:only\s+)?(?P<table>[\w.]+)", _FLAGS)
_KEY: Final = re.compile(r"\bconstraint\s+(?P<name>\w+)\s+(?:primary\s+key|unique|exclude)\b", _FLAGS)
_SCHEDULE: Final = re.compile(
    r"\bschedule\(%L[^']*', 'cron', '(?P<name>[^']+)', '[^']*', '(?P<command>[^']+)'"
)
_CHANGE: Final = re.compile(
    r"^\s*(?:create(?:\s+or\s+replace)?|alter|drop)\s+(?:(?:unlogged|materialized)\s+)*"
    r"(?:schema|table|view|function|type|domain|sequence|operator)\s+(?:if\s+(?:not\s+)?exists\s+)?(?P<schema>\w+)\b",
    _FLAGS,
)
_GRANT: Final = re.compile(r"^\s*grant\b[^;]*\bto\s+mentorcert_\w+", _FLAGS)
_OF_A_TABLE: Final = frozenset({"policy", "trigger"})


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """Something that a file makes: its kind in SQL's words, or `cron job`, and its qualified name."""

    kind: str
    name: str
    """A function's and an operator's has the types of its arguments."""
    file: str
    """Version and name of the file that makes it first."""
    command: str | None = None
    """What a cron job runs."""


def made(files: Iterable[tuple[str, str]]) -> list[Name]:
    """Return every name that these files (version and name, text) make or replace, each once.

    Triggers and policies belong to their tables, and are named only where those are somebody else's.
    """
    found: dict[tuple[str, str], Name] = {}
    for file, text in files:
        for kind, name, command in _made_by(text):
            found.setdefault((kind, name), Name(kind, name, file, command))
    described = {name.partition("(")[0] for kind, name in found if "(" in name}
    tables = {name for kind, name in found if kind in ("table", "view")}
    return sorted(
        name
        for name in found.values()
        if name.name not in described
        and not (name.kind in _OF_A_TABLE and name.name.rpartition(" on ")[-1] in tables)
    )


def changes_ours(statements: Iterable[str]) -> bool:
    """Return whether a statement makes, changes or removes something in a schema of ours, or grants to our roles."""
    texts = [_without_bodies(text) for text in statements]
    return any(
        _GRANT.search(text) or any(found["schema"].lower() in OWN_SCHEMAS for found in _CHANGE.finditer(text))
        for text in texts
    )


def _without_bodies(text: str) -> str:
    return _BODY.sub(lambda body: body[0] if body["do"] else "", text)


def _made_by(text: str) -> Iterator[tuple[str, str, str | None]]:
    for job in _SCHEDULE.finditer(text):
        yield "cron job", job["name"], job["command"]
    text = _without_bodies(text)
    for match in _COMMENT.finditer(text):
        # The types of the arguments stand here without their names.
        yield match["kind"].lower(), match["name"] + _types(match["arguments"]), None
    for match in _CREATE.finditer(text):
        kind, name = match["kind"].lower(), match["name"].strip('"')
        if kind in _OF_A_TABLE or kind == "index":
            on = _ON_TABLE.search(match["rest"])
            table = on["table"] if on else ""
            # An index lies in the schema of its table.
            yield (
                kind,
                f"{table.rpartition('.')[0]}.{name}" if kind == "index" else f"{name} on {table}",
                None,
            )
            continue
        yield kind, name, None
        if kind == "table":
            for key in _KEY.finditer(match["rest"]):
                yield "index", f"{name.rpartition('.')[0]}.{key['name']}", None


def _types(arguments: str | None) -> str:
    return f"({' '.join(arguments[1:-1].split())})" if arguments else ""
