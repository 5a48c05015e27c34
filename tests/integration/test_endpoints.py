"""Switching endpoints off and on, on the command line, and what the code makes of the error."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess

import psycopg
import pytest

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.errors import EndpointDisabledError, from_postgres
from mentorcert.operations import nightly
from tests.support.cases import in_turn
from tests.support.registry import let_end, set_up, today

Run = Callable[..., CompletedProcess[str]]


def listed(run: Run) -> dict[str, dict[str, object]]:
    return {row["endpoint"]: row for row in json.loads(run("endpoint", "list", "--json").stdout)}


def test_off_and_on(conn: Connection, database: str, mentorcert: Run) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor(), last_day=today(conn, 200))
    assert {row["enabled"] for row in listed(mentorcert).values()} == {True}

    # A transaction that is open already meets it with its next statement.
    with connect(database, autocommit=True) as other, acting_as(other, organisation.admin):
        assert len(repository.page(other).rows) == 1
        done = mentorcert("endpoint", "disable", "certifications", "--reason", "A policy gap")
        assert (done.returncode, done.stderr) == (0, "")
        with pytest.raises(EndpointDisabledError) as refused, other.transaction():
            repository.page(other)
        assert (refused.value.code, refused.value.constraint) == ("MC010", "endpoint_enabled")
        assert "gap" not in str(refused.value)

    off = listed(mentorcert)["certifications"]
    assert (off["enabled"], off["reason"]) == (False, "A policy gap")
    assert "A policy gap" in mentorcert("endpoint", "list").stdout
    let_end(conn, certification)
    assert [day.expired for day in nightly.run(conn)] == [1], "the nightly run goes on"

    assert "on: certifications" in mentorcert("endpoint", "enable", "certifications").stdout
    assert "it was on" in mentorcert("endpoint", "enable", "certifications").stdout
    with organisation.as_admin():
        assert len(repository.page(conn).rows) == 1
    log = json.loads(mentorcert("audit", "log", "--json").stdout)
    switches = [
        (entry["action"], entry["row_id"]) for entry in log if entry["table_name"] == "disabled_endpoints"
    ]
    assert switches == [("delete", "certifications"), ("insert", "certifications")]


def test_a_new_reason(conn: Connection, mentorcert: Run) -> None:
    for reason in ("One", "Another"):
        assert mentorcert("endpoint", "disable", "public_list", "--reason", reason).returncode == 0
    assert conn.execute("select reason from mentorcert_private.disabled_endpoints").fetchall() == [
        ("Another",)
    ]


@in_turn(
    ("arguments", "message"),
    [
        (("disable", "everything", "--reason", "x"), "Endpoints are audit_log, certifications, memberships,"),
        (("disable", "certifications", "--reason", "  "), "Say why, for colleagues, with --reason."),
        (("disable", "certifications"), "Missing option '--reason'"),
        (("enable", "everything"), "There is no endpoint 'everything'"),
    ],
)
def test_bad_input(mentorcert: Run, conn: Connection, arguments: tuple[str, ...], message: str) -> None:
    refused = mentorcert("endpoint", *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert conn.execute("select from mentorcert_private.disabled_endpoints").fetchall() == []


def test_doctor_reports_it(conn: Connection, mentorcert: Run) -> None:
    set_up(conn)
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('memberships', 'x')"
    )
    findings = json.loads(mentorcert("doctor", "--json").stdout)
    (finding,) = (one for one in findings if one["check"] == "every endpoint is switched on")
    assert (finding["state"], finding["found"]) == ("notice", "memberships: x")


def test_the_text_of_the_error(conn: Connection) -> None:
    organisation = set_up(conn)
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'secret')"
    )
    with pytest.raises(psycopg.Error) as raised, organisation.as_admin():
        conn.execute("select * from public.certifications_page()")
    error = from_postgres(raised.value)
    assert isinstance(error, EndpointDisabledError)
    assert "secret" not in f"{error} {error.hint} {raised.value}"
