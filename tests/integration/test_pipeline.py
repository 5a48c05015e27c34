"""Requests in a pipeline: what is sent ahead comes together, and errors rise where they belong, also through a pooler."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest

from mentorcert.db import rows
from mentorcert.db.connection import acting_as, claims_of, commit_and_go_on, pool
from mentorcert.db.pipeline import PipelineConnection
from mentorcert.errors import DatabaseError, FailedTransactionError


@pytest.fixture
def lent(database: str) -> Iterator[PipelineConnection]:
    """A connection of a pool, as a request has it."""
    with pool(database, max_size=1) as connections, connections.connection() as conn:
        yield conn


def one(conn: PipelineConnection, query: str) -> object:
    return rows.fetch_one(conn, object, query)


def test_a_transaction_ends_with_its_user(lent: PipelineConnection) -> None:
    user = uuid4()
    for _ in range(3):
        with lent.pipeline(), acting_as(lent, user):
            sent = [rows.ahead(rows.fetch_one, lent, int, f"select {number}") for number in range(5)]
            assert one(lent, "select auth.uid()") == user
            assert [answer.value for answer in sent] == list(range(5))
        assert one(lent, "select session_user = current_user and auth.uid() is null") is True


def test_what_fails_in_a_savepoint_is_undone_alone(lent: PipelineConnection) -> None:
    def fail(ask: Callable[[PipelineConnection, str], object]) -> None:
        with rows.mapped_errors(), lent.transaction():
            rows.send(lent, "select set_config('tests.kept', 'no', true)")
            ask(lent, "select 1 / 0")

    with lent.pipeline(), acting_as(lent, uuid4()):
        rows.send(lent, "select set_config('tests.kept', 'yes', true)")
        assert one(lent, "select 1") == 1
        for ask in (rows.send, rows.execute):
            with pytest.raises(DatabaseError):
                fail(ask)
            with lent.transaction() as savepoint:
                rows.send(lent, "select set_config('tests.kept', 'no', true)")
                raise psycopg.Rollback(savepoint)
            assert one(lent, "select current_setting('tests.kept')") == "yes"


def test_a_swallowed_error_is_no_success(lent: PipelineConnection) -> None:
    def swallow() -> None:
        with lent.pipeline(), acting_as(lent, uuid4()):
            for error in (DatabaseError, FailedTransactionError):
                with pytest.raises(error):
                    one(lent, "select 1 / 0")

    with pytest.raises(FailedTransactionError):
        swallow()
    assert one(lent, "select 1") == 1


def test_what_fails_at_the_end_rises_there(lent: PipelineConnection) -> None:
    def fail() -> None:
        with lent.pipeline(), acting_as(lent, uuid4()):
            assert one(lent, "select 1") == 1
            rows.send(lent, "select 1 / 0")

    with pytest.raises(psycopg.Error):
        fail()
    lent.rollback()  # as the pool does
    assert one(lent, "select 1") == 1


def test_thousands_are_read_page_by_page(lent: PipelineConnection) -> None:
    with lent.pipeline(), acting_as(lent, uuid4()):
        numbers = rows.stream(lent, int, "select number from generate_series(1, 2500) as number")
        assert list(numbers) == list(range(1, 2501))


def test_after_what_was_undone_the_rest_is_kept(lent: PipelineConnection) -> None:
    with lent.pipeline(), acting_as(lent, uuid4(), role="postgres"):
        assert one(lent, "select 1") == 1
        with pytest.raises(DatabaseError), rows.mapped_errors(), lent.transaction():
            one(lent, "select 1 / 0")
        rows.send(lent, "create table public.kept ()")
    assert one(lent, "select to_regclass('public.kept') is not null") is True


def test_after_a_swallowed_error_nothing_is_kept(lent: PipelineConnection) -> None:
    def swallow() -> None:
        with lent.pipeline(), acting_as(lent, uuid4(), role="postgres"):
            rows.send(lent, "create table public.lost ()")
            with pytest.raises(DatabaseError):
                one(lent, "select 1 / 0")
            rows.send(lent, "create table public.lost ()")

    with pytest.raises(psycopg.Error):
        swallow()
    lent.rollback()  # as the pool does
    assert one(lent, "select to_regclass('public.lost') is null") is True


def test_what_is_committed_on_the_way_is_kept(lent: PipelineConnection) -> None:
    claims = claims_of(uuid4(), role="postgres")

    def fail() -> None:
        with lent.pipeline(), acting_as(lent, claims):
            rows.send(lent, "create table public.kept ()")
            commit_and_go_on(lent, claims)
            assert one(lent, "select auth.uid()::text") == claims["sub"]
            rows.send(lent, "create table public.lost ()")
            one(lent, "select 1 / 0")

    with pytest.raises(DatabaseError):
        fail()
    assert one(lent, "select to_regclass('public.kept') is not null") is True
    assert one(lent, "select to_regclass('public.lost') is null and auth.uid() is null") is True


def test_what_failed_is_not_committed_on_the_way(lent: PipelineConnection) -> None:
    claims = claims_of(uuid4())

    def swallow() -> None:
        with lent.pipeline(), acting_as(lent, claims):
            with pytest.raises(DatabaseError):
                one(lent, "select 1 / 0")
            commit_and_go_on(lent, claims)

    with pytest.raises(FailedTransactionError):
        swallow()
    assert one(lent, "select auth.uid() is null") is True
