"""What runs on the embedded server alone: its subject is a process, a client or HTTP, and its SQL runs elsewhere on all."""

from typing import Final

import pytest

# By the beginning of a test's name: what runs the same SQL on every server.
ELSEWHERE: Final = {
    "tests/acceptance/test_examples.py::test_the_national_organisation_by_the_command": (
        "tests/acceptance/test_examples.py::test_the_example_goes_in_once_and_comes_back"
    ),
    "tests/integration/test_audit_access.py::test_bad_files": (
        "tests/integration/test_audit_access.py::test_supabases_log"
    ),
    "tests/integration/test_exporting.py::test_the_command": (
        "tests/integration/test_exporting.py::test_a_copy_exports_the_same_bytes"
    ),
    "tests/integration/test_import_problems.py::test_the_command": "tests/integration/test_importing.py",
    "tests/portal/test_journal_places.py": "tests/portal/test_journal.py",
    "tests/portal/test_monitoring_commands.py": "tests/portal/test_monitoring.py",
    "tests/portal/test_receiver.py": "tests/portal/test_inbox.py",
    "tests/portal/test_receiver_command.py": "tests/portal/test_inbox.py",
    "tests/portal/test_reconciliation_command.py": "tests/portal/test_reconciliation.py",
    "tests/portal/test_replay.py::test_the_commands": "tests/portal/test_modes.py",
    "tests/portal/test_status_command.py": "tests/portal/test_health.py",
    "tests/portal/test_worker_process.py": "tests/portal/test_worker.py",
    # The rules that a client meets; with one, tests/supabase/test_client_js.py goes to both versions.
    "tests/supabase/test_client_errors.py": "tests/integration/test_pgtap.py",
    "tests/supabase/test_client_python": "tests/oracle/test_worlds.py",
    "tests/web/": "tests/integration",
}


def is_left_out(item: pytest.Item, server: str) -> bool:
    """Return whether this is a run of such a test on another server."""
    return server != "pg18" and item.nodeid.startswith(tuple(ELSEWHERE))
