"""What was known at a moment that has passed is settled, whatever transaction ends later."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mentorcert.db.connection import Connection, connect
from tests.support.registry import fetch, rows, set_up, today

SESSIONS = 3
STEPS = st.lists(
    st.tuples(
        st.integers(0, SESSIONS - 1),
        st.sampled_from(["begin", "change", "change", "night", "commit", "roll back", "ask", "ask"]),
        st.integers(0, 1),
    ),
    min_size=6,
    max_size=30,
)

CHANGE = """
    update public.peer_mentor_certifications
    set status = case when status = 'suspended' then 'active' else 'suspended' end where id = %s
"""
NIGHT = "select * from mentorcert_private.expire_due_certifications(now())"


def ask(conn: Connection, certification: UUID, known_at: datetime) -> bool | None:
    """Ask whether it was valid a moment ago by what was known then; None while that is not settled."""
    try:
        valid: bool = fetch(
            conn, "select public.certification_as_of(%s, %s, %s)", certification, known_at, known_at
        )
    except psycopg.errors.LockNotAvailable:
        return None
    return valid


def step(session: Connection, action: str, certification: UUID) -> None:
    """Do one thing in a session, in its transaction if there is one; what would wait is left undone."""
    if action == "begin" and session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        session.execute("begin")
    elif action == "commit":
        session.execute("commit")
    elif action == "roll back":
        session.execute("rollback")
    elif action in ("change", "night"):
        in_transaction = session.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        if in_transaction:
            session.execute("savepoint step")
        try:
            session.execute(
                CHANGE if action == "change" else NIGHT, (certification,) if action == "change" else ()
            )
        except psycopg.errors.LockNotAvailable:
            if in_transaction:
                session.execute("rollback to step")


@pytest.mark.parametrize("mode", ["jsonb", "events"])
def test_an_answer_about_the_past_never_changes(conn: Connection, database: str, mode: str) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    certifications = [
        organisation.certify(mentor, issued=today(conn, -90), last_day=today(conn, 90)),
        organisation.certify(mentor, "half", issued=today(conn, -90), last_day=today(conn, -1)),
    ]
    if mode == "events":
        conn.execute("select mentorcert_private.switch_history_to_events()")
    with ExitStack() as stack:
        sessions = [stack.enter_context(connect(database, autocommit=True)) for _ in range(SESSIONS)]
        for session in sessions:
            session.execute("set lock_timeout = '5ms'")

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(STEPS)
        def run(steps: list[tuple[int, str, int]]) -> None:
            answers: list[tuple[UUID, datetime, bool]] = []
            for number, action, which in steps:
                certification = certifications[which]
                if action == "ask":
                    moment: datetime = fetch(conn, "select clock_timestamp()")
                    if (answer := ask(conn, certification, moment)) is not None:
                        answers.append((certification, moment, answer))
                else:
                    step(sessions[number], action, certification)
            for session in sessions:
                session.execute("commit")
            for certification, moment, answer in answers:
                assert ask(conn, certification, moment) is answer
            for certification in certifications:
                recorded = [
                    datetime.fromisoformat(moment)
                    for (moment,) in rows(
                        conn,
                        "select entry ->> 'recorded_at' from public.certification_history(%s) as entry",
                        certification,
                    )
                ]
                assert all(earlier < later for earlier, later in pairwise(recorded))

        run()


def test_a_running_change_leaves_earlier_knowledge_settled(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(
        organisation.mentor(), issued=today(conn, -90), last_day=today(conn, 90)
    )
    conn.execute(CHANGE, (certification,))
    now: datetime = fetch(conn, "select clock_timestamp()")
    with connect(database) as other:
        other.execute(CHANGE, (certification,))
        assert ask(conn, certification, now) is None
        assert ask(conn, certification, now - timedelta(days=1)) is False  # nothing was known yet
        assert fetch(conn, "select public.certification_as_of(%s, now())", certification) is False
        other.rollback()
    assert ask(conn, certification, now) is False


def test_who_waited_for_a_row_learns_of_it_later(conn: Connection, database: str) -> None:
    """The transaction that began first and wrote last records the later time."""
    organisation = set_up(conn)
    certification = organisation.certify(
        organisation.mentor(), issued=today(conn, -90), last_day=today(conn, 90)
    )
    with connect(database) as early, connect(database, autocommit=True) as late:
        early.execute("select 1")
        late.execute(CHANGE, (certification,))
        early.execute(CHANGE, (certification,))
        early.commit()
    recorded = rows(
        conn, "select entry ->> 'recorded_at' from public.certification_history(%s) as entry", certification
    )
    assert recorded == sorted(recorded)
    assert len(set(recorded)) == len(recorded)
