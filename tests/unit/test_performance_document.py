"""docs/performance.md shows the figures that `make bench` kept, and no others."""

from dataclasses import replace
from pathlib import Path

from bench import document
from bench.document import Run
from bench.measure import Result, Storage

SLOW = Result("nightly", 600, "300 due", "run_nightly", 2.0, 1.9, "bare update", 1.0, 0.9, aim=1.3)
RUN = Run("PostgreSQL 18", "2026-01-01", "a machine", [Storage(600, 60_000, 600_000)], [SLOW])


def test_the_document_is_that_of_the_figures() -> None:
    assert document.DOCUMENT.read_text("utf-8") == document.render(document.read())


def test_a_run_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page.md"
    document.keep(replace(RUN, day="2025-01-01"), figures=figures, document=page)
    document.keep(replace(RUN, server="PostgreSQL 15"), figures=figures, document=page)
    document.keep(RUN, figures=figures, document=page)
    assert [(run.server, run.day) for run in document.read(figures)] == [
        ("PostgreSQL 18", "2026-01-01"),
        ("PostgreSQL 15", "2026-01-01"),
    ]
    assert page.read_text("utf-8") == document.render(document.read(figures))


def test_figures_of_what_was_not_measured_stay(tmp_path: Path) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page.md"
    document.keep(RUN, figures=figures, document=page)
    alone = replace(SLOW, benchmark="health")
    for _ in range(2):
        document.keep(
            replace(RUN, day="2026-01-02", storage=[], results=[alone]), figures=figures, document=page
        )
    (kept,) = document.read(figures)
    assert kept.day == "2026-01-01 and 2026-01-02"
    assert (kept.storage, kept.results) == (RUN.storage, [*RUN.results, alone])


def test_figures_of_another_size_stay(tmp_path: Path) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page.md"
    many = replace(RUN, storage=[Storage(6000, 1, 2)], results=[replace(SLOW, rows=6000)])
    for run in (RUN, many, many):
        document.keep(run, figures=figures, document=page)
    (kept,) = document.read(figures)
    assert (kept.storage, kept.results) == ([*RUN.storage, *many.storage], [*RUN.results, *many.results])


def test_what_misses_its_aim_says_so() -> None:
    assert "| 2.00 s = 2.00 **misses** |" in document.render([RUN])
    assert (
        "misses**"
        not in document.render([replace(RUN, results=[replace(SLOW, seconds=1.2)])]).split(
            "misses** its aim", 1
        )[1]
    )


def test_short_is_good_enough_where_an_aim_says_so() -> None:
    assert not replace(SLOW, aim_s=2.5).misses_aim
    assert replace(SLOW, aim_s=1.5).misses_aim
    assert replace(SLOW, aim=None, aim_s=1.5).misses_aim


def test_sizes_stand_side_by_side() -> None:
    runs = [replace(RUN, results=[SLOW, replace(SLOW, rows=6000, case="3,000 due", seconds=1.25)])]
    (line,) = [line for line in document.render(runs).splitlines() if "run_nightly" in line]
    assert line == "| run_nightly | bare update | 1.3 | 2.00 s = 2.00 **misses** | 1.25 s = 1.25 |"
    assert "| PostgreSQL 18 | 600 | 100 | 1,000 |" in document.render(runs)
