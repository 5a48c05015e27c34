"""`mentorcert audit access`: by our own log, and by an export of Supabase's API log."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mentorcert.access import access_log
from mentorcert.access.model import qualified
from mentorcert.cli import instants
from mentorcert.db.connection import Connection, acting_as
from mentorcert.db.rows import mapped_errors
from mentorcert.errors import InvalidInputError, UnseenRowsError
from tests.support.command import Mentorcert
from tests.support.registry import Organisation, fetch, set_up


@pytest.fixture
def one(conn: Connection) -> Organisation:
    return set_up(conn, "one")


@pytest.fixture
def other(conn: Connection) -> Organisation:
    return set_up(conn, "other")


def answered(conn: Connection, user: UUID, *organisations: UUID) -> None:
    """Log that a user was answered with rows of these organisations."""
    with acting_as(conn, user):
        conn.execute(
            "select mentorcert_private.log_access('/mentors', %s::uuid[], 'req-1')", (list(organisations),)
        )


def leak(conn: Connection) -> None:
    """Have the database show everybody's: else it refuses the answer, and there is nothing to log."""
    conn.execute("create policy leak on mentorcert.organisations for select to authenticated using (true)")


def accesses(mentorcert: Mentorcert, *arguments: str | Path, exit_code: int = 0) -> list[dict[str, Any]]:
    done = mentorcert("audit", "access", "--json", *arguments)
    assert done.returncode == exit_code, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["accesses"]
    return found


def test_our_own_log(
    one: Organisation, other: Organisation, conn: Connection, mentorcert: Mentorcert
) -> None:
    answered(conn, one.admin, one.id)
    answered(conn, one.admin)
    assert accesses(mentorcert) == []
    with pytest.raises(UnseenRowsError), mapped_errors():
        answered(conn, one.admin, one.id, other.id)
    leak(conn)
    answered(conn, one.admin, one.id, other.id)
    (access,) = accesses(mentorcert, exit_code=1)
    assert access.pop("at")
    assert access == {
        "user_id": str(one.admin), "organisations": ["one"], "what": "/mentors", "row_id": None,
        "row_organisation_id": str(other.id), "row_organisation": "other", "outcome": "rows",
        "place": "request req-1",
    }  # fmt: skip
    assert f"{one.admin} (member of one): /mentors" in mentorcert("audit", "access").stdout


def test_since(one: Organisation, other: Organisation, conn: Connection, mentorcert: Mentorcert) -> None:
    leak(conn)
    answered(conn, one.admin, other.id)
    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        conn.execute("update mentorcert_private.access_log set recorded_at = '2026-01-10 12:00Z'")
    for since, found in (
        ("2026-01-10", 1),
        ("2026-01-10T12:00", 1),
        ("2026-01-10T12:00+01:00", 1),
        ("2026-01-10T13:00:01+01:00", 0),
        ("2026-01-11", 0),
        ("90m", 0),
        ("2w", 0),
    ):
        assert len(access_log.logged(conn, instants.since(since))) == found
    assert len(accesses(mentorcert, "--since", "2026-01-10", exit_code=1)) == 1
    assert accesses(mentorcert, "--since", "2026-01-11") == []
    for since in ("soon", "7y", "2026-13-01", "-7d"):
        with pytest.raises(InvalidInputError, match=since):
            instants.since(since)
    done = mentorcert("audit", "access", "--since=-7d")
    assert (done.returncode, "-7d" in done.stderr) == (2, True)


def request(user: UUID, search: str, content_range: str) -> dict[str, Any]:
    return {
        "timestamp": "2999-11-23T12:15:59.466000",
        "log_attributes": {
            "request.method": "GET",
            "request.path": "/rest/v1/peer_mentor_certifications",
            "request.search": search,
            "request.sb.auth_user": str(user),
            "response.status_code": "200",
            "response.headers.content_range": content_range,
        },
    }


def test_supabases_log(
    one: Organisation, other: Organisation, mentorcert: Mentorcert, tmp_path: Path
) -> None:
    own, foreign = one.certify(one.mentor()), other.certify(other.mentor())
    export = tmp_path / "export.json"
    requests = [request(one.admin, f"?id=eq.{own}", "0-0/*"), request(one.admin, f"?id=eq.{foreign}", "*/*")]
    export.write_text(json.dumps(requests))
    assert accesses(mentorcert, "--supabase-log", export) == []
    (attempt,) = accesses(mentorcert, "--supabase-log", export, "--attempts")
    assert (attempt["row_id"], attempt["outcome"], attempt["place"]) == (str(foreign), "none", "record 2")

    export.write_text(json.dumps([*requests, request(one.admin, f"?organisation_id=eq.{other.id}", "0-9/*")]))
    (leak,) = accesses(mentorcert, "--supabase-log", export, exit_code=1)
    assert (leak["what"], leak["row_id"], leak["place"]) == ("organisations", str(other.id), "record 3")
    assert (leak["organisations"], leak["row_organisation"]) == (["one"], "other")
    done = mentorcert("audit", "access", "--supabase-log", export)
    assert "3 records, 3 requests of users" in done.stdout
    assert "id=eq" not in done.stdout + done.stderr


def test_every_kind_of_row_is_known(
    one: Organisation, other: Organisation, mentorcert: Mentorcert, conn: Connection, tmp_path: Path
) -> None:
    other.certify(other.mentor())
    tables = (
        "organisations", "chapters", "certification_types", "memberships", "peer_mentors",
        "peer_mentor_chapters", "peer_mentor_certifications",
    )  # fmt: skip
    ids = {}
    for table in tables:
        column = "id" if table == "organisations" else "organisation_id"
        ids[table] = fetch(conn, f"select id from {qualified(table)} where {column} = %s limit 1", other.id)
    export = tmp_path / "export.json"
    export.write_text(json.dumps([request(one.admin, f"?id=eq.{id_}", "0-0/*") for id_ in ids.values()]))
    found = accesses(mentorcert, "--supabase-log", export, exit_code=1)
    assert {access["what"]: access["row_id"] for access in found} == {t: str(id_) for t, id_ in ids.items()}


def test_bad_files(mentorcert: Mentorcert, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("hello")
    for option in ("--csvlog", "--supabase-log"):
        done = mentorcert("audit", "access", option, wrong)
        assert done.returncode == 2
        assert str(wrong) in done.stderr
        assert "hint:" in done.stderr
        assert mentorcert("audit", "access", option, tmp_path / "absent").returncode == 2


def test_a_log_without_a_user_is_noted(mentorcert: Mentorcert, tmp_path: Path) -> None:
    export = tmp_path / "export.csv"
    export.write_text("timestamp,path\n2026-11-23T12:00:00Z,/auth/v1/token\n")
    done = mentorcert("audit", "access", "--supabase-log", export)
    assert done.returncode == 0
    assert "it has no request of a user" in done.stderr
