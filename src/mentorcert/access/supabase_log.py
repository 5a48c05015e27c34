"""Reads from an export of Supabase's API log (`edge_logs`) who named which ids in a request's address."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO
from urllib.parse import unquote_plus
from uuid import UUID

from mentorcert.access.access_log import Coverage, Named, Outcome
from mentorcert.access.statements import is_public, uuids
from mentorcert.errors import LogFileError
from mentorcert.progress import Progress, silent

_REST: Final = "/rest/v1/"
_RPC: Final = "rpc/"
_SUBJECTS: Final = ("request.sb.auth_user", "request.sb.jwt.authorization.payload.subject")
_ROLE: Final = "request.sb.jwt.authorization.payload.role"
_KEY_ROLE: Final = "request.sb.jwt.apikey.payload.role"
_KEY_PREFIX: Final = "request.sb.apikey.apikey.prefix"
# `?id=eq.…` and no other filter on an id, and nothing embedded: then the count is of the named row.
_NAMES_ROW: Final = re.compile(r"(?:^|&)\w+=eq\.[0-9a-f-]{36}(?=&|$)", re.IGNORECASE)
_FIELDS: Final = (
    "timestamp", "request.method", "request.path", "request.search", "response.status_code",
    "response.headers.content_range", *_SUBJECTS, _ROLE, _KEY_ROLE, _KEY_PREFIX,
)  # fmt: skip
_FIRST_REFUSAL: Final = 400
_REPORTED_EVERY: Final = 1_000

Fields = Mapping[str, str]


def read(
    path: Path, objects: frozenset[str], coverage: Coverage, *, progress: Progress = silent
) -> Iterator[Named]:
    """Yield which ids users named in requests for `objects`; bodies of requests are not in this log.

    JSON array, JSON lines, `{"result": […]}` or CSV, with nested `metadata`, `log_attributes`, or columns of
    their own. `coverage` is filled meanwhile. Raises LogFileError where the file is no such export.
    """
    for number, record in _records(path, progress):
        fields = _flat(record)
        at = _time(fields)
        if at is None or not fields["request.path"]:
            raise LogFileError(
                f"{path}, record {number}: it lacks {'request.path' if at else 'a timestamp'}.",
                hint="Export timestamp, and metadata or log_attributes, of source edge_logs.",
            )
        coverage.records += 1
        if _is_a_users(fields):
            coverage.requests += 1
            for user_id, row_id, outcome in _named(fields, objects):
                yield Named(at, user_id, row_id, outcome, f"record {number}")
    if not coverage.records:
        raise LogFileError(
            f"{path}: the export has no record.", hint="Widen the time range of the query in the dashboard."
        )


def _named(fields: Fields, objects: frozenset[str]) -> Iterator[tuple[UUID | None, UUID, Outcome]]:
    asked = fields["request.path"].removeprefix(_REST).removeprefix(_RPC).strip("/")
    if asked not in objects or is_public({asked}):
        return
    search = unquote_plus(fields["request.search"]).removeprefix("?")
    ids = uuids([search])
    outcome = _outcome(fields, shows_rows=len(ids) == 1 and bool(_NAMES_ROW.search(search)))
    for row_id in ids:
        yield _subject(fields), row_id, outcome


def _subject(fields: Fields) -> UUID | None:
    return next(iter(uuids(fields[name] for name in _SUBJECTS)), None)


def _is_a_users(fields: Fields) -> bool:
    role = fields[_ROLE] or fields[_KEY_ROLE]
    is_owners = role == "service_role" or (
        _subject(fields) is None and fields[_KEY_PREFIX].startswith("sb_secret_")
    )
    return (
        fields["request.path"].startswith(_REST) and fields["request.method"] != "OPTIONS" and not is_owners
    )


def _outcome(fields: Fields, *, shows_rows: bool) -> Outcome:
    status = fields["response.status_code"]
    rows = fields["response.headers.content_range"].partition("/")[0]
    if rows == "*" or (status.isdigit() and int(status) >= _FIRST_REFUSAL):
        return "none"
    return "rows" if rows and shows_rows else "unknown"


def _time(fields: Fields) -> str | None:
    """Return the time with its zone; numbers are microseconds, and text without a zone is in UTC."""
    written = fields["timestamp"]
    try:
        at = (
            datetime.fromtimestamp(int(written) / 1_000_000, UTC)
            if written.isdigit()
            else datetime.fromisoformat(written)
        )
    except (ValueError, OverflowError, OSError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _records(path: Path, progress: Progress) -> Iterator[tuple[int, Any]]:
    size = path.stat().st_size
    with path.open("rb") as binary:
        first = binary.peek().lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        file = io.TextIOWrapper(binary, "utf-8-sig", newline="")
        try:
            if first == b"[":
                records: Iterator[Any] = iter(json.load(file))
            elif first == b"{":
                records = _objects(file)
            else:
                csv.field_size_limit(2**31 - 1)
                records = csv.DictReader(file)
            for number, record in enumerate(records, start=1):
                if number % _REPORTED_EVERY == 0:
                    progress("bytes read", binary.tell(), size)
                yield number, record
        except (ValueError, RecursionError, csv.Error):
            raise LogFileError(
                f"{path}: this is neither JSON, nor JSON lines, nor CSV.",
                hint="Export the query's result in the dashboard, or save what the Logs API answers.",
            ) from None
    progress("bytes read", size, size)


def _objects(file: TextIO) -> Iterator[Any]:
    """Yield one object a line, or, where the file is one answer of the Logs API, those in its `result`."""
    first = file.readline()
    try:
        record = json.loads(first)
    except ValueError:
        record = json.loads(first + file.read())
    if "result" in record:
        yield from record["result"]
        return
    yield record
    for line in file:
        if line.strip():
            yield json.loads(line)


def _flat(record: Any) -> Fields:
    """Return the fields that matter by their dotted names; a column may have the last part as its name."""
    found: dict[str, str] = {}

    def visit(name: str, value: Any) -> None:
        if name in {"metadata", "log_attributes"} and isinstance(value, str) and value[:1] in {"{", "["}:
            visit(name, json.loads(value))
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                visit(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(value, list):
            for inner in value:
                visit(name, inner)
        elif value is not None:
            found[name.removeprefix("metadata.").removeprefix("log_attributes.")] = str(value)

    visit("", record)
    return {name: found.get(name) or found.get(name.rpartition(".")[2], "") for name in _FIELDS}
