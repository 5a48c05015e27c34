"""The database's errors become errors of our tree, by SQLSTATE and constraint, without a row's values."""

import inspect

import psycopg
import pytest

from mentorcert import errors
from mentorcert.db.connection import Connection, connect

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.MentorcertError)
]


def raise_in_database(
    conn: Connection, code: str, constraint: str, message: str = "said by the rule"
) -> psycopg.Error:
    """Raise an error as the registry's own functions do."""
    statement = (
        f"do $$ begin raise exception '{message}'"
        f" using errcode = '{code}', constraint = '{constraint}', hint = 'do this', detail = 'Kari'; end $$"
    )
    with pytest.raises(psycopg.Error) as caught:
        conn.execute(statement.encode())
    return caught.value


def test_the_docstring_is_the_default_message() -> None:
    assert [kind for kind in TREE if not kind.__doc__ or str(kind()) != kind.__doc__] == []
    assert [kind for kind in TREE if kind("another").args != ("another",)] == []


RULES = [
    ("MC001", "certification_transition", errors.TransitionError),
    ("MC002", "certification_type_known", errors.UnknownTypeError),
    ("MC003", "certification_date_order", errors.DateOrderError),
    ("MC003", "certification_expires_at_midnight", errors.ExpiryNotMidnightError),
    ("MC003", "certification_issued_at_not_future", errors.IssuedInFutureError),
    ("MC003", "certification_renewal_after_issue", errors.RenewalBeforeIssueError),
    ("MC003", "yet_unheard_of", errors.DateError),
    ("MC004", "certification_reason_required", errors.ReasonRequiredError),
    ("MC005", "certification_history_append_only", errors.HistoryAppendOnlyError),
    ("MC006", "certification_change_revertible", errors.NotRevertibleError),
    ("MC007", "organisations_slug_immutable", errors.ImmutableColumnError),
    ("MC008", "batch_size", errors.InvalidArgumentError),
    ("MC009", "chapters_no_cycle", errors.ChapterCycleError),
]
OTHERS = [
    ("42501", errors.MissingRightError),
    ("23505", errors.DuplicateError),
    ("23503", errors.UnknownReferenceError),
    ("23514", errors.ValueRejectedError),
    ("23502", errors.ValueRejectedError),
    ("55P03", errors.LockTimeoutError),
    ("40P01", errors.ConflictError),
    ("40001", errors.ConflictError),
    ("42P01", errors.NotMigratedError),
    ("57P01", errors.DatabaseUnreachableError),
    ("22P02", errors.DatabaseError),
    ("22003", errors.ValueRejectedError),
    ("22004", errors.ValueRejectedError),
    ("22023", errors.ValueRejectedError),
    ("2201W", errors.ValueRejectedError),
    ("54001", errors.ValueRejectedError),
    ("0A000", errors.ValueRejectedError),
    ("25006", errors.ReadOnlyServerError),
    ("53100", errors.DiskFullError),
    ("53200", errors.LaterError),
    ("53300", errors.NoConnectionLeftError),
    ("57014", errors.StatementTimeoutError),
    ("22008", errors.ValueRejectedError),
    ("22P05", errors.ValueRejectedError),
]


def test_errors_of_the_database(conn: Connection) -> None:
    for code, constraint, rule in RULES:
        error = errors.from_postgres(raise_in_database(conn, code, constraint))
        assert type(error) is rule
        assert (error.code, error.constraint, error.hint) == (code, constraint, "do this")
        assert str(error) == f"{rule.__doc__} (SQLSTATE {code}, constraint {constraint}): said by the rule"
    for code, other in OTHERS:
        error = errors.from_postgres(raise_in_database(conn, code, "some_key", "Kari Nordmann"))
        assert (type(error), error.code) == (other, code)
        assert "Kari" not in f"{error} {error.hint}", "the server's words are kept out"
    overruled = errors.from_postgres(raise_in_database(conn, "23505", "certification_date_order"))
    assert type(overruled) is errors.DuplicateError, "a constraint's name does not overrule the SQLSTATE"


def test_real_ones_have_a_next_step(conn: Connection, database: str) -> None:
    for prepare, statement, kind in (
        (
            "set local role mentorcert_jobs",
            "select full_name from mentorcert.peer_mentors",
            errors.NotGrantedError,
        ),
        ("set transaction read only", "delete from mentorcert.chapters", errors.ReadOnlyServerError),
        ("set local statement_timeout = '1ms'", "select pg_sleep(10)", errors.StatementTimeoutError),
        ("set local lock_timeout = '1ms'", "lock table mentorcert.chapters", errors.LockTimeoutError),
        ("select 1", "select make_date(2026, 13, 1)", errors.ValueRejectedError),
    ):
        with connect(database) as holder:
            holder.execute("lock table mentorcert.chapters in access share mode")
            with pytest.raises(psycopg.Error) as caught, conn.transaction():
                conn.execute(f"{prepare}; {statement}".encode())
        error = errors.from_postgres(caught.value)
        assert type(error) is kind
        assert error.hint


def test_a_lost_connection_is_unreachable() -> None:
    assert type(errors.from_postgres(psycopg.OperationalError("gone"))) is errors.DatabaseUnreachableError
