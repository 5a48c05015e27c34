"""What a logged SQL statement shows: settings that say who acts, ids that it names, what its rows mean."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from mentorcert.access.model import Actor
from mentorcert.access.rules import OPEN_TABLES

Parameters = Mapping[int, str | None]

_UUID: Final = re.compile(
    r"(?<![0-9a-f-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f-])", re.IGNORECASE
)
_WORD: Final = re.compile(r"\w+")
_VALUE: Final = r"(\$\d+|null|'(?:[^']|'')*')(?:::\w+)?"
_SET_CONFIG: Final = re.compile(
    rf"set_config\(\s*{_VALUE}\s*,\s*{_VALUE}\s*,\s*(true|false|\$\d+)(?:::\w+)?\s*\)", re.IGNORECASE
)
_SET: Final = re.compile(
    r"(?:^|;)\s*(?:set\s+(?:(local|session)\s+)?(?!transaction|time|session)([\w.\"]+)\s*(?:=|\bto\b|\s)\s*"
    r"('(?:[^']|'')*'|[\w.\"]+)|(?:reset|discard)\s+(role|all))\s*(?=;|$)",
    re.IGNORECASE,
)
_MAY_SET: Final = re.compile(r"set_config|(?:^|;)\s*(?:set|reset|discard)\b", re.IGNORECASE)
# One row comes back even if none was found, or the rows are those that were not named.
_ROW_COUNT_SAYS_NOTHING: Final = re.compile(
    r";\s*\S|pgrst_source|\b(?:count|exists|coalesce|(?:json|jsonb|array|string)_agg|min|max|sum|not)\b|<>|!=",
    re.IGNORECASE,
)
_OWNERS: Final = frozenset({"service_role", "postgres", "supabase_admin"})


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that a statement made, for the transaction or for the session."""

    name: str
    value: str
    is_local: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """What is left to judge of a statement once the settings are taken out of it."""

    settings: list[Setting]
    ids: frozenset[UUID]
    objects: frozenset[str]
    """Of the objects asked about, those that it mentions."""
    rest: str
    """Its text without the settings; parameters may stand in it, so it is nobody's to print."""

    @property
    def shows_rows(self) -> bool:
        """Whether its row count says that the named row came back."""
        return len(self.ids) == 1 and not _ROW_COUNT_SAYS_NOTHING.search(self.rest)


def read(text: str, parameters: Parameters, objects: frozenset[str]) -> Statement:
    """Take a statement apart; `objects` are the names of tables and functions worth knowing of."""
    settings: list[Setting] = []
    used: set[int] = set()

    def value(written: str) -> str:
        if written.startswith("$"):
            used.add(int(written[1:]))
            return parameters.get(int(written[1:])) or ""
        return "" if written.lower() == "null" else written.strip("\"'").replace("''", "'")

    may_set = _MAY_SET.search(text) is not None
    for name, content, is_local in _SET_CONFIG.findall(text) if may_set else ():
        settings.append(Setting(value(name).lower(), value(content), value(is_local)[:1].lower() == "t"))
    for scope, name, content, reset in _SET.findall(text) if may_set else ():
        if reset:
            settings.append(Setting(reset.lower(), "", is_local=False))
        else:
            settings.append(Setting(value(name).lower(), value(content), scope.lower() == "local"))
    rest = _SET.sub(" ", _SET_CONFIG.sub(" ", text)) if settings else text
    ids = uuids([rest, *(content or "" for number, content in parameters.items() if number not in used)])
    return Statement(settings, ids, objects.intersection(_WORD.findall(rest.lower())), rest)


def uuids(texts: Iterable[str]) -> frozenset[UUID]:
    """Return every uuid that stands in the texts."""
    return frozenset(UUID(found) for text in texts for found in _UUID.findall(text))


def is_public(objects: Iterable[str]) -> bool:
    """Whether these are objects that anybody may read."""
    return OPEN_TABLES.issuperset(objects)


def actor(settings: Mapping[str, str]) -> Actor | None:
    """Return on whose behalf Postgres acts with these settings; None for nobody, or for an owner."""
    try:
        claims = json.loads(settings.get("request.jwt.claims") or "{}", parse_int=str)
    except (ValueError, RecursionError):
        # PostgreSQL reads deeper JSON. Then it counts as somebody without any organisation.
        claims = {}
    role = settings.get("role", "")
    subject = settings.get("request.jwt.claim.sub") or (
        claims.get("sub") if isinstance(claims, dict) else None
    )
    if role in _OWNERS or (role in {"", "none"} and not subject):
        return None
    found = uuids([str(subject or "")])
    return Actor(next(iter(found), None))
