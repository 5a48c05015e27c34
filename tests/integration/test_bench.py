"""The benchmarks run, on a registry so small that their figures mean nothing."""

import json
from io import StringIO

from rich.console import Console

from bench import data, delivery, health, pages, report
from bench.__main__ import Benchmark, run
from mentorcert.db.connection import connect
from tests.supabase import lite
from tests.support.servers import Server, on_debian_15, on_embedded_18

ROLES = {"peer mentor", "coordinator of 1", "coordinator of 3", "coordinator of 25", "administrator"}


def test_every_benchmark_runs_and_leaves_the_registry_as_it_was(server: Server, empty_database: str) -> None:
    messages: list[str] = []
    results = list(
        run(empty_database, 800, messages.append, file_rows=40, changed=60, read_rounds=1, write_rounds=1)
    )
    measured = {(result.benchmark, result.case, result.what) for result in results}
    assert {case for benchmark, case, _ in measured if benchmark == "row"} == ROLES
    assert {case for benchmark, case, what in measured if what == "page_by_function"} == ROLES
    assert {case for benchmark, case, _ in measured if benchmark == "count"} == ROLES
    assert {what for benchmark, _, what in measured if benchmark == "nightly"} == {
        "expire_due_certifications",
        "run_nightly",
    }
    assert {what for benchmark, _, what in measured if benchmark == "marking"} == {
        "run_nightly",
        "one update",
    }
    assert {what for benchmark, _, what in measured if benchmark == "changes"} == {
        "preview of renewals",
        "renewals",
        "extension",
        "reversal",
    }
    steps = {what for benchmark, case, what in measured if case == "of which"}
    assert steps == {"reading", "copying", "checking", "writing"}
    assert all(result.seconds > 0 and result.reference_s > 0 for result in results)
    assert messages
    with connect(empty_database) as conn:
        kept = conn.execute(
            "select count(*), count(*) filter (where status = 'active')"
            " from public.peer_mentor_certifications"
        ).fetchone()
    assert kept == (800, 800)

    output = StringIO()
    report.as_table("PostgreSQL", results, Console(file=output, width=200))
    assert "run_nightly" in output.getvalue()
    assert len(json.loads(report.as_json("PostgreSQL", results))["results"]) == len(results)


def test_the_health_of_all_portals(empty_database: str) -> None:
    (result,) = health.measure(empty_database, 3, 300, 1, lambda _: None)
    assert (result.what, result.rows) == ("health of all portals", 300)
    assert result.aim_s == health.AIM_S


def test_a_worker_sends_everybody(empty_database: str) -> None:
    (result,) = delivery.measure(empty_database, 20, 1, lambda _: None)
    assert (result.what, result.rows) == ("worker", 20)


@on_embedded_18
@lite.needs_lite
def test_the_lists_over_http(server: Server, template: str) -> None:
    with lite.new_database(server) as url:
        with connect(url, autocommit=True) as owner:
            data.fill(owner, 800, lambda _: None)
        results = list(pages.measure(server, url, 800, 1, lambda _: None, requests=4))
    assert {(result.case, result.what, result.reference) for result in results} == {
        (case, what, reference)
        for case in ("coordinator's list", "public list")
        for what in ("page", "document")
        for reference in ("bare", "lite")
    } | {
        ("public list", "page", "static file"),
        *(
            ("administrator", f"overview, {when}", "static file")
            for when in ("nothing changed", "after a change")
        ),
    }
    assert all(result.aim or result.aim_s for result in results)


@on_debian_15
def test_the_statements_of_a_nightly_run_are_as_many_for_more_rows(server: Server) -> None:
    notes = []
    for rows in (80, 800):
        with server.new_database() as url:
            results = run(url, rows, lambda _: None, benchmarks=(Benchmark.NIGHTLY,), write_rounds=1)
            notes.append({result.what: result.note for result in results})
    assert notes[0] == notes[1]
    assert all("statements" in note for note in notes[0].values())
