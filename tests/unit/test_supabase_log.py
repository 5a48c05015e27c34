"""The reader of Supabase's API log: each shape of an export, and what a request's outcome is."""

import csv
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from mentorcert.access import supabase_log
from mentorcert.access.access_log import Coverage, Named
from mentorcert.errors import LogFileError

OBJECTS = frozenset({"peer_mentors", "listed_peer_mentors", "renew_certification"})
USER, ROW = UUID(int=0xA1), UUID(int=0xB2)
TIME = "2026-11-23T12:15:59.466000+00:00"
MICROSECONDS = 1795436159466000


def nested(**changes: Any) -> dict[str, Any]:
    """Return a record as the older Logs API answers it: every level in a list, time in microseconds."""
    value: dict[str, Any] = {
        "method": "GET", "path": "/rest/v1/peer_mentors", "search": f"?select=*&id=eq.{ROW}",
        "role": "authenticated", "subject": str(USER), "range": "0-0/*", "status": 200, **changes,
    }  # fmt: skip
    payload = {"role": value["role"], "subject": value["subject"]}
    sb = {"auth_user": value["subject"], "jwt": [{"authorization": [{"payload": [payload]}]}]}
    request = {"method": value["method"], "path": value["path"], "search": value["search"], "sb": [sb]}
    response = {"status_code": value["status"], "headers": [{"content_range": value["range"]}]}
    return {
        "id": str(uuid4()),
        "timestamp": MICROSECONDS,
        "event_message": "GET | 200 | somebody@example.org",
        "metadata": [{"request": [request], "response": [response]}],
    }


def flat() -> dict[str, str]:
    """Return the attributes as the newer Logs API has them, all text."""
    return {
        "request.method": "GET",
        "request.path": "/rest/v1/peer_mentors",
        "request.search": f"?select=*&id=eq.{ROW}",
        "request.sb.auth_user": str(USER),
        "request.sb.jwt.authorization.payload.role": "authenticated",
        "response.status_code": "200",
        "response.headers.content_range": "0-0/*",
    }


def read(path: Path, text: str) -> tuple[list[Named], Coverage]:
    path.write_text(text)
    coverage = Coverage()
    return list(supabase_log.read(path, OBJECTS, coverage)), coverage


def as_csv(record: dict[str, Any]) -> str:
    """Return a CSV file of one record, objects as JSON in their cells."""
    cells = {
        name: json.dumps(cell) if isinstance(cell, (dict, list)) else cell for name, cell in record.items()
    }
    lines: list[str] = []

    class Sink:
        def write(self, text: str) -> None:
            lines.append(text)

    writer = csv.DictWriter(Sink(), list(cells))
    writer.writeheader()
    writer.writerow(cells)
    return "".join(lines)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return tmp_path / "export"


NEW = {"timestamp": "2026-11-23T12:15:59.466000", "log_attributes": flat()}
COLUMNS = {
    "timestamp": TIME, "method": "GET", "path": "/rest/v1/peer_mentors", "search": f"?id=eq.{ROW}",
    "auth_user": str(USER), "status_code": "200", "content_range": "0-0/*",
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([nested()]),
        json.dumps([nested()], indent=2),
        json.dumps({"result": [nested()], "error": None}),
        json.dumps({"result": [nested()], "error": None}, indent=2),
        json.dumps(nested()) + "\n\n",
        json.dumps([NEW]),
        json.dumps(NEW) + "\n",
        as_csv(nested()),
        as_csv(NEW),
        "\ufeff" + as_csv(COLUMNS),
    ],
)
def test_shapes_of_an_export(export: Path, text: str) -> None:
    named, coverage = read(export, text)
    assert named == [Named(TIME, USER, ROW, "rows", "record 1")]
    assert (coverage.records, coverage.requests) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "rows"),
        ({"range": "*/*"}, "none"),
        ({"range": "*/0"}, "none"),
        ({"range": None}, "unknown"),
        ({"range": None, "status": 403}, "none"),
        ({"search": f"?id=neq.{ROW}"}, "unknown"),
        ({"search": f"?id=not.eq.{ROW}"}, "unknown"),
        ({"search": f"?select=*,chapters(*)&chapters.id=eq.{ROW}"}, "unknown"),
        ({"search": f"?id=in.%28{ROW}%29"}, "unknown"),
        ({"path": "/rest/v1/rpc/renew_certification", "search": f"?certification_id={ROW}"}, "unknown"),
    ],
)
def test_what_came_back(export: Path, changes: dict[str, Any], outcome: str) -> None:
    named, _ = read(export, json.dumps([nested(**changes)]))
    assert [(one.row_id, one.outcome) for one in named] == [(ROW, outcome)]


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "/auth/v1/token"},
        {"path": "/rest/v1/listed_peer_mentors"},
        {"path": "/rest/v1/somebody_elses_table"},
        {"method": "OPTIONS"},
        {"role": "service_role"},
        {"search": None},
    ],
)
def test_what_is_no_access(export: Path, changes: dict[str, Any]) -> None:
    assert read(export, json.dumps([nested(**changes)]))[0] == []


def test_without_a_login_it_is_anon(export: Path) -> None:
    (one,), _ = read(export, json.dumps([nested(subject=None, role="anon")]))
    assert one.user_id is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no record"),
        ("[]", "no record"),
        ("[{]", "neither JSON"),
        ('{"a": 1}\n{', "lacks a timestamp"),
        ("just some text\nand more\n", "record 1: it lacks a timestamp"),
        ("timestamp,path\nyesterday,/rest/v1/x\n", "record 1: it lacks a timestamp"),
        (f"timestamp\n{TIME}\n", "record 1: it lacks request.path"),
        ("[1]", "record 1"),
    ],
)
def test_what_is_no_export(export: Path, text: str, said: str) -> None:
    with pytest.raises(LogFileError, match=said) as raised:
        read(export, text)
    assert raised.value.hint
    assert str(export) in str(raised.value)
