"""The public list is kept without compiling its query, which a server with jit would do for each change."""

import psycopg

from mentorcert.db.connection import Connection
from tests.support.servers import on_debian_15

_SETTINGS = (
    "jit = on",
    "jit_above_cost = 0",
    "auto_explain.log_min_duration = 0",
    "auto_explain.log_analyze = on",
    "auto_explain.log_nested_statements = on",
    "auto_explain.log_level = notice",
)


@on_debian_15
def test_keeping_the_public_list_compiles_nothing(conn: Connection) -> None:
    plans: list[str] = []

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        plans.append(diagnostic.message_primary or "")

    conn.execute("load 'auto_explain'")
    for setting in _SETTINGS:
        conn.execute(f"set {setting}".encode())
    conn.add_notice_handler(note)

    conn.execute("select * from mentorcert_private.derived_listing(array[gen_random_uuid()])")
    assert any("JIT:" in plan for plan in plans), "this server compiles nothing"
    plans.clear()

    conn.execute("select mentorcert_private.refresh_listing(array[gen_random_uuid()])")
    of_the_list = [
        plan for plan in plans if "derived_listing(" in plan and "select mentorcert" not in plan.lower()
    ]
    assert of_the_list
    assert not [plan for plan in of_the_list if "JIT:" in plan]
