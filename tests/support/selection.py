"""Which tests a run leaves out, and why: those of other servers, and what has its proof elsewhere."""

from typing import Final

import pytest

from tests.support import one_server, pooler
from tests.support.servers import SERVERS

DEFAULT: Final = "pg18"

# By the beginning of a test's name, and why it is slow: `make test` leaves these out.
SLOW: Final = {
    "tests/acceptance/test_docs.py::test_every_block_runs": "types every document, in processes",
    "tests/acceptance/test_image.py": "builds the image from Debian, and runs it",
    "tests/acceptance/test_main_job.py": "processes, from nothing to a renewal",
    "tests/acceptance/test_up.py": "processes, and the examples of whole organisations",
    "tests/acceptance/test_wheel.py": "builds the wheel and installs it",
    "tests/faults/": "processes that are killed, servers that go away, the soak",
    "tests/integration/test_bench.py": "the measurements, on many rows",
    "tests/integration/test_hierarchy_mutations.py": "a database for each guard",
    "tests/oracle/test_mutants.py": "the whole oracle for each policy and grant",
    "tests/portal/test_several_databases.py": "processes",
    "tests/portal/test_worker_process.py": "processes",
    "tests/supabase/test_cli.py": "Supabase's command line",
    "tests/supabase/test_dev": "processes, and the examples of whole organisations",
    "tests/supabase/test_lint.py": "Supabase's command line and advisors",
    "tests/web/api/test_fuzz.py": "every operation with generated requests",
    "tests/web/browser/": "a browser",
}

_LEFT_OUT: Final = pytest.StashKey[dict[str, int]]()
_HAS_POOLED_TWIN: Final = pytest.StashKey[bool]()


def why_left_out(item: pytest.Item) -> str:
    """Return why a test is left out of this run; empty where it is not.

    Each test belongs to one server, those without any to the default: a run of each of the servers runs
    every test once. Behind the pooler is the same PostgreSQL 15: a run of all goes to it through the pooler where it can.
    """
    chosen: list[str] = item.config.getoption("--server") or [DEFAULT]
    server = _server(item)
    if "all" not in chosen and server not in chosen:
        return f"of the server {server}: --server {server}"
    if pooler.is_left_out(item, server):
        return "that have no place behind a pooler: LEFT_OUT in tests/support/pooler.py"
    if one_server.is_left_out(item, server):
        return "about a process, client or page, its SQL runs elsewhere: ELSEWHERE in tests/support/one_server.py"
    if "all" in chosen and item.stash.get(_HAS_POOLED_TWIN, False):
        return "of pg15 that run on it through the pooler: --server pg15"
    return ""


def mark_slow(items: list[pytest.Item]) -> None:
    """Mark what `SLOW` names."""
    for item in items:
        if item.nodeid.startswith(tuple(SLOW)):
            item.add_marker("slow")


def mark_pooled_twins(items: list[pytest.Item]) -> None:
    """Note at each test of PostgreSQL 15 whether it also runs through the pooler."""
    if not pooler.is_installed():
        return
    pooled = {item.nodeid for item in items if not pooler.is_left_out(item, "pooled")}
    for item in items:
        item.stash[_HAS_POOLED_TWIN] = (
            "pg15" in item.nodeid and item.nodeid.replace("pg15", "pooled") in pooled
        )


def is_of_all(config: pytest.Config) -> bool:
    """Return whether a run has all tests, or all of the pages, but for slow ones and those of other servers."""
    is_default = not {DEFAULT, "all"}.isdisjoint(config.getoption("--server") or [DEFAULT])
    return is_default and not config.option.keyword and {*config.option.file_or_dir} <= {"tests", "tests/web"}


def left_out(config: pytest.Config) -> dict[str, int]:
    """Return how many tests of this run are left out, by the reason."""
    return config.stash.setdefault(_LEFT_OUT, {})


def count(item: pytest.Item) -> None:
    """Note that a test is left out, by this module or by `-m` and `-k`."""
    chosen = item.config.option
    by_option = f"by -m {chosen.markexpr!r} -k {chosen.keyword!r}"
    is_slow = item.get_closest_marker("slow") and "not slow" in chosen.markexpr
    slow = "that are slow: SLOW in tests/support/selection.py, -m slow" if is_slow else ""
    why = why_left_out(item) or slow or by_option
    noted = left_out(item.config)
    noted[why] = noted.get(why, 0) + 1


def _server(item: pytest.Item) -> str:
    return next((name for name in SERVERS if item.get_closest_marker(name)), DEFAULT)
