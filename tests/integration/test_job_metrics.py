"""The figures of nights, notices and tasks, as a monitor of the worker sees them."""

from datetime import date
from functools import partial

import pytest
from prometheus_client import CollectorRegistry
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection, connect
from mentorcert.operations import job_metrics, nightly
from mentorcert.operations.job_metrics import FIGURES, JobMetrics
from tests.support.registry import set_up

OSLO = {"time_zone": "Europe/Oslo"}


@pytest.fixture
def figures(database: str, monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    """As the login role of the jobs reads them."""
    monkeypatch.setattr(job_metrics, "_KEEP_S", 0)
    url = make_conninfo(database, user="mentorcert_jobs")
    registry = CollectorRegistry()
    registry.register(JobMetrics(partial(connect, url, autocommit=True), sends_notices=True))
    return registry


def test_a_night(conn: Connection, figures: CollectorRegistry) -> None:
    def value(name: str) -> float | None:
        return figures.get_sample_value(
            f"mentorcert_nightly_{name}", {} if name == "overdue_seconds" else OSLO
        )

    assert (value("overdue_seconds"), value("last_success_timestamp_seconds")) == (0, None), "nobody is there"
    organisation = set_up(conn)
    organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31))
    overdue = value("overdue_seconds")
    assert overdue is not None
    assert 0 <= overdue < 25 * 3600
    nightly.run(conn)
    assert (value("overdue_seconds"), value("last_expired"), value("failed")) == (0, 1, 0)
    duration, at = value("last_duration_seconds"), value("last_success_timestamp_seconds")
    assert duration is not None
    assert 0 <= duration < 60
    assert at is not None
    conn.execute("update mentorcert_private.nights set local_day = local_day - 2")
    overdue = value("overdue_seconds")
    assert overdue is not None
    assert 23 * 3600 <= overdue < 50 * 3600
    conn.execute("update mentorcert_private.nights set finished_at = null, error = 'no'")
    assert (value("failed"), value("last_success_timestamp_seconds")) == (1, None)


def test_notices_and_tasks(conn: Connection, figures: CollectorRegistry) -> None:
    organisation = set_up(conn)
    value = figures.get_sample_value
    names = [name for name, (label, _) in FIGURES.items() if label is None]
    assert {name: value(f"mentorcert_{name}") for name in names if "overdue" not in name} == {
        "notices_sending": 0, "notices_oldest_sending_seconds": 0, "notices_failed": 0,
        "tasks_oldest_queued_seconds": 0, "tasks_failed": 0,
    }  # fmt: skip
    mentor = organisation.mentor()
    conn.execute(
        "insert into mentorcert_private.notice_mails (organisation_id, kind, peer_mentor_id, claimed_at)"
        " values (%s, 'reminder', %s, now() - interval '2 hours')",
        (organisation.id, mentor),
    )
    conn.execute(
        "insert into mentorcert_private.job_runs (job, organisation_id, local_day, as_of, started_at, error)"
        " values ('notices', %s, current_date, now(), now(), 'no mail server')",
        (organisation.id,),
    )
    conn.execute(
        "insert into mentorcert_private.tasks (organisation_id, requested_by, kind, created_at)"
        " select %s, %s, 'export', now() - interval '10 minutes'",
        (organisation.id, organisation.admin),
    )
    assert (value("mentorcert_notices_sending"), value("mentorcert_notices_failed")) == (1, 1)
    oldest, queued = (
        value("mentorcert_notices_oldest_sending_seconds"),
        value("mentorcert_tasks_oldest_queued_seconds"),
    )
    assert oldest == pytest.approx(7200, abs=120)
    assert queued == pytest.approx(600, abs=120)
    assert (
        value("mentorcert_tasks", {"state": "queued"}),
        value("mentorcert_tasks", {"state": "running"}),
    ) == (1, 0)
    conn.execute(
        "update mentorcert_private.tasks set state = 'failed', started_at = now(), finished_at = now(), error = '{}'"
    )
    assert (value("mentorcert_tasks_failed"), value("mentorcert_tasks", {"state": "queued"})) == (1, 0)


def test_who_sends_no_notices_waits_for_none(conn: Connection, database: str) -> None:
    set_up(conn)
    registry = CollectorRegistry()
    registry.register(JobMetrics(partial(connect, database, autocommit=True), sends_notices=False))
    assert registry.get_sample_value("mentorcert_up") == 1
    assert registry.get_sample_value("mentorcert_notices_overdue_seconds") is None


def test_every_figure_is_shown(conn: Connection) -> None:
    set_up(conn)
    nightly.run(conn)
    found = {name for (name,) in conn.execute("select distinct name from mentorcert_private.job_figures()")}
    assert found == set(FIGURES)


def test_without_the_database_it_says_so() -> None:
    registry = CollectorRegistry()
    away = "postgresql://nobody@127.0.0.1:9/nowhere"
    registry.register(JobMetrics(partial(connect, away), sends_notices=True))
    assert registry.get_sample_value("mentorcert_up") == 0
    assert registry.get_sample_value("mentorcert_nightly_overdue_seconds") is None
