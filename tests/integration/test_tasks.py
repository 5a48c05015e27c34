"""What an administrator asks for is done: a preview, the import that it confirms, an export."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import (
    EndpointDisabledError,
    InvalidArgumentError,
    MissingRightError,
)
from mentorcert.imports import tabular
from mentorcert.imports.tasks import requests, runner
from mentorcert.translatable import say
from tests.support.command import Mentorcert
from tests.support.mentor_file import row, snapshot
from tests.support.registry import Organisation, fetch, join, rows, set_up, today
from tests.support.tasks import FILE_NAME, confirm, preview, task, work

GOOD = [
    row(certification_type="basic", issued="2026-01-01"),
    row("2", name="Ola Prøve", email="ola@example.org", certification_type="pledge", issued="2026-01-01"),
]
BAD = row("3", certification_type="nonsense", issued="2026-01-01")


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


def read(organisation: Organisation, task_id: UUID, **options: Any) -> list[tuple[Any, ...]]:
    """Return line, verdict, and the results for person and certification."""
    with organisation.as_admin() as conn:
        found = requests.task_rows(conn, task_id, **options)
    return [(one.line, one.verdict, one.person, one.certification) for one in found]


def acting(conn: Connection, user: UUID, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    with acting_as(conn, user):
        return call(conn, *arguments, **options)


def test_a_file_is_previewed_confirmed_and_imported(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    previewed = preview(organisation, *GOOD, GOOD[0])
    waiting = task(organisation, previewed)
    assert (waiting.kind, waiting.state, waiting.file_name) == ("import_preview", "queued", FILE_NAME)
    assert work(database)
    done = task(organisation, previewed)
    assert (done.state, done.error) == ("done", None)
    assert done.result == {
        "rows": 3, "lines_bad": 0, "lines_left_out": 0, "lines_with_warnings": 0,
        "lines_added": 3, "lines_changed": 0, "lines_clearing": 0, "lines_unchanged": 0,
        "mentors": 2, "mentors_added": 2, "mentors_changed": 0, "chapters_entered": 2, "chapters_left": 0,
        "certifications_added": 2, "certifications_changed": 0,
    }  # fmt: skip
    assert read(organisation, previewed) == [
        (2, "added", "added", "added"),
        (3, "added", "added", "added"),
        (4, "added", "added", "repeated"),
    ]
    assert snapshot(conn) == []

    imported = confirm(organisation, previewed)
    assert work(database)
    written = task(organisation, imported)
    assert (written.state, written.preview_id, written.result) == ("done", previewed, done.result)
    assert fetch(conn, "select count(*) from public.peer_mentor_certifications") == 2
    assert fetch(conn, "select count(*) from mentorcert_private.tasks where file is not null") == 0
    assert not work(database)


def test_the_preview_says_the_result_of_each_row(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    previewed = preview(organisation, *GOOD)
    work(database)
    confirm(organisation, previewed)
    work(database)
    again = preview(
        organisation,
        GOOD[0],
        row("2", name="Ola Nordmann", certification_type="pledge", issued="2026-01-01"),
        row("4", certification_type="basic", issued="2026-01-01"),
        row("5", email="no\x01body"),
        row("5", email="kari@example.org", certification_type="pledge", issued="2026-01-01"),
    )
    work(database)
    assert read(organisation, again) == [
        (2, "unchanged", "unchanged", "unchanged"),
        (3, "changed", "changed", "unchanged"),
        (4, "added", "added", "added"),
        (5, "bad", "added", None),
        (6, "left_out", "added", "added"),
    ]
    assert read(organisation, again, choice="problems") == read(organisation, again)[3:]
    assert read(organisation, again, choice="changed") == read(organisation, again)[1:2]
    assert read(organisation, again, after=3, size=1) == read(organisation, again)[2:3]
    with organisation.as_admin():
        (bad, *_) = requests.task_rows(conn, again, choice="problems")
        (unlimited, *_) = requests.task_rows(conn, again, choice="changed")
        (added, *_) = requests.task_rows(conn, again, choice="added")
    (problem,) = bad.problems
    assert (problem.column, problem.value) == ("E-post", "no\x01body")
    assert say(problem.reason, str.upper) == "IT CONTAINS A CONTROL CHARACTER"
    assert (unlimited.is_unlimited, unlimited.expires, unlimited.held_expires) == (True, None, None)
    assert (str(added.issued), str(added.expires), added.held_expires) == ("2026-01-01", "2027-01-01", None)


def test_what_changes_is_what_the_preview_said(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    mentor = organisation.mentor("1")
    organisation.certify(mentor, issued=today(conn, -300), last_day=today(conn, 30))
    said = row(
        name="Person 1", email="", phone="", certification_type="basic", issued=f"{today(conn):%d.%m.%Y}"
    )
    previewed = preview(organisation, said)
    work(database)
    with organisation.as_admin():
        (one,) = requests.task_rows(conn, previewed)
    assert (one.verdict, one.person, one.certification) == ("changed", "unchanged", "changed")
    assert (one.held_issued, one.held_expires) == (today(conn, -300), today(conn, 30))
    work_id = confirm(organisation, previewed)
    work(database)
    result = task(organisation, work_id).result
    assert result is not None
    assert (result["mentors_changed"], result["certifications_changed"]) == (0, 1)
    held = fetch(
        conn,
        "select mentorcert_private.day_of(expires_at, 'Europe/Oslo') - 1 from public.peer_mentor_certifications",
    )
    assert held == one.expires


def test_bad_rows_are_left_out_only_by_choice(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    previewed = preview(organisation, *GOOD, BAD, row("=1+1", name="-2", email="nobody"))
    work(database)
    with organisation.as_admin():
        file = requests.result_file(conn, previewed)
    assert file.name == f"{FILE_NAME}.bad.csv"
    saved = tabular.parse(file.name, file.content)
    assert [record.cells[:2] for record in saved.records] == [("3", "Kari Prøve"), ("'=1+1", "'-2")]
    with pytest.raises(InvalidArgumentError) as refused:
        confirm(organisation, previewed)
    assert refused.value.constraint == "task_preview_good"
    imported = confirm(organisation, previewed, skip_bad=True)
    work(database)
    done = task(organisation, imported)
    assert done.result is not None
    assert (done.state, done.result["lines_left_out"], done.result["mentors_added"]) == ("done", 2, 2)
    with organisation.as_admin():
        assert requests.result_file(conn, imported).content == file.content


def test_a_preview_is_confirmed_once(conn: Connection, database: str, organisation: Organisation) -> None:
    previewed = preview(organisation, *GOOD)
    with pytest.raises(InvalidArgumentError):
        confirm(organisation, previewed)
    work(database)
    confirm(organisation, previewed)
    with pytest.raises(InvalidArgumentError) as refused:
        confirm(organisation, previewed)
    assert refused.value.constraint == "task_preview_usable"


def test_a_registry_that_was_changed_since_is_left_alone(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    mentor = organisation.mentor("1")
    previewed = preview(organisation, *GOOD)
    work(database)
    organisation.certify(mentor, issued=today(conn, -1), last_day=today(conn, 700))
    before = snapshot(conn)
    imported = confirm(organisation, previewed)
    work(database)
    failed = task(organisation, imported)
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error["kind"] == "RegistryChangedError"
    assert [one[1] for one in read(organisation, imported)] == ["bad", "added"]
    assert snapshot(conn) == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (b"PK\x03\x04 no workbook", "{} is not an Excel workbook that can be read."),
        (b"\x00", "{}, line {}: the text is neither wholly {} nor wholly Windows-1252."),
        (b"a;b\n1;2", "{}, line {}: {}."),
    ],
)
def test_an_unreadable_file_fails_with_a_reason(
    conn: Connection, database: str, organisation: Organisation, file: bytes, text: str
) -> None:
    previewed = preview(organisation, file=file)
    work(database)
    failed = task(organisation, previewed)
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error["kind"] == "UnreadableFileError"
    assert failed.error["text"]["template"] == text
    assert FILE_NAME in say(failed.error["text"], str)
    assert failed.error["hint"]
    assert fetch(conn, "select file is null from mentorcert_private.tasks")


@pytest.mark.parametrize(("format_", "language"), [("csv", "nb"), ("csv", "en"), ("xlsx", "nb")])
def test_an_export_holds_the_organisation(
    conn: Connection, database: str, organisation: Organisation, format_: Any, language: Any
) -> None:
    organisation.mentor("=1+1")
    set_up(conn, "other").mentor("foreign")
    with organisation.as_admin():
        id_ = requests.request_export(conn, format_=format_, language=language)
    work(database)
    assert task(organisation, id_).state == "done"
    with organisation.as_admin():
        file = requests.result_file(conn, id_)
    assert file.name == f"demo.{format_}"
    table = tabular.parse(file.name, file.content)
    assert [record.cells[0] for record in table.records] == ["'=1+1"]


def test_files_are_limited_and_tasks_are_three(conn: Connection, organisation: Organisation) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        preview(organisation, file=b"a" * (20 * 2**20 + 1))
    assert refused.value.constraint == "task_file_size"
    ids = [preview(organisation, *GOOD) for _ in range(3)]
    with pytest.raises(InvalidArgumentError) as refused:
        preview(organisation, *GOOD)
    assert refused.value.constraint == "task_open_limit"
    preview(set_up(conn, "other"), *GOOD)
    with organisation.as_admin():
        requests.cancel(conn, ids[0])
    preview(organisation, *GOOD)


def test_cancelling_leaves_nothing_but_the_fact(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    waiting, done = preview(organisation, *GOOD), preview(organisation, *GOOD)
    conn.execute(
        "update mentorcert_private.tasks set created_at = now() - interval '1 minute' where id = %s", (done,)
    )
    work(database)
    with organisation.as_admin():
        requests.cancel(conn, waiting)
        requests.cancel(conn, done)
    assert not work(database)
    kept = "select state, file is null, file_name is null, contents_deleted_at is null from mentorcert_private.tasks"
    assert set(rows(conn, kept)) == {("cancelled", True, True, False)}
    assert rows(conn, "select * from mentorcert_private.task_rows") == []
    with pytest.raises(InvalidArgumentError), organisation.as_admin():
        requests.cancel(conn, done)


def test_what_is_done_cannot_be_cancelled(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    with organisation.as_admin():
        id_ = requests.request_export(conn, format_="csv", language="nb")
    work(database)
    with pytest.raises(InvalidArgumentError) as refused, organisation.as_admin():
        requests.cancel(conn, id_)
    assert refused.value.constraint == "task_open"


def test_others_do_not_see_confirm_or_cancel(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    other = set_up(conn, "other")
    coordinator, mentor = uuid4(), uuid4()
    join(organisation, coordinator, "coordinator", organisation.chapter)
    join(organisation, mentor, "peer_mentor")
    previewed = preview(organisation, *GOOD)
    work(database)
    for user in (other.admin, coordinator, mentor, uuid4()):
        attempt = partial(acting, conn, user)

        assert attempt(requests.task_rows, previewed) == []
        assert attempt(requests.recent, "import_preview") == []
        for call, options in (
            (requests.get, {}),
            (requests.result_file, {}),
            (requests.cancel, {}),
            (requests.request_import, {"skip_bad": True}),
        ):
            with pytest.raises(MissingRightError):
                attempt(call, previewed, *(("import_preview",) if call is requests.get else ()), **options)
        if user != other.admin:
            with pytest.raises(MissingRightError):
                attempt(requests.request_export, format_="csv", language="nb")
            with pytest.raises(MissingRightError):
                attempt(requests.request_preview, "file.csv", b"x")
    assert task(organisation, previewed).state == "done"


def test_with_the_endpoint_switched_off_nothing_is_asked_for_or_read(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    previewed = preview(organisation, *GOOD)
    work(database)
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('peer_mentors', 'test')"
    )
    for call in (
        lambda: task(organisation, previewed),
        lambda: read(organisation, previewed),
        lambda: confirm(organisation, previewed),
        lambda: preview(organisation, *GOOD),
    ):
        with pytest.raises(EndpointDisabledError):
            call()


def test_who_is_no_administrator_any_more_imports_nothing(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    previewed = preview(organisation, *GOOD)
    work(database)
    confirm(organisation, previewed)
    conn.execute("update mentorcert.memberships set ended_at = now()")
    work(database)
    assert (
        fetch(conn, "select error ->> 'kind' from mentorcert_private.tasks where kind = 'import'")
        == "RequesterGoneError"
    )
    assert snapshot(conn) == []


def test_contents_go_after_a_day_and_tasks_after_three_months(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    previewed = preview(organisation, *GOOD, BAD)
    work(database)
    failed = preview(organisation, file=b"x")
    work(database)
    waiting = preview(organisation, *GOOD)

    def age(by: timedelta) -> int:
        conn.execute(
            "update mentorcert_private.tasks set created_at = created_at - %(by)s, finished_at = finished_at - %(by)s",
            {"by": by},
        )
        return runner.tidy(conn)

    assert age(timedelta(hours=23)) == 0
    assert age(timedelta(hours=2)) == 3
    assert rows(conn, "select * from mentorcert_private.task_rows") == []
    left = rows(conn, "select file, file_name, result_file, error -> 'text' from mentorcert_private.tasks")
    assert set(left) == {(None, None, None, None)}
    done = task(organisation, previewed)
    assert done.result is not None
    assert done.result["rows"] == 3
    assert task(organisation, failed).error == {"kind": "UnreadableFileError"}
    assert task(organisation, waiting).error == {"kind": "AbandonedTaskError"}
    assert age(timedelta(days=90)) == 0
    assert rows(conn, "select * from mentorcert_private.tasks") == []


def test_who_asked_stands_in_the_audit_log(conn: Connection, organisation: Organisation) -> None:
    id_ = preview(organisation, *GOOD)
    (entry,) = rows(
        conn, "select row_id, action, actor, after from mentorcert.audit_log where table_name = 'tasks'"
    )
    assert entry[:2] == (str(id_), "insert")
    assert entry[2]["user_id"] == str(organisation.admin)
    assert entry[3]["kind"] == "import_preview"
    assert FILE_NAME not in json.dumps(entry[3])


def test_doctor_reports_tasks_that_nobody_works(
    conn: Connection, organisation: Organisation, mentorcert: Mentorcert
) -> None:
    preview(organisation, *GOOD)
    assert runner.waiting(conn) == []
    conn.execute("update mentorcert_private.tasks set created_at = now() - interval '6 minutes'")
    assert runner.waiting(conn) == [("demo", 1)]
    found = json.loads(mentorcert("doctor", "--json").stdout)
    (finding,) = [one for one in found if "imports and exports" in one["check"]]
    assert (finding["state"], finding["found"]) == ("wrong", "demo: 1")
