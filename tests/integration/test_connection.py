"""Connections: to what is configured, without prepared statements, and with an error that says where."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from mentorcert.db.connection import Connection, connect, database_url, pool
from mentorcert.errors import DatabaseUnreachableError
from mentorcert.settings import Settings


def test_the_configured_database_is_the_default(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database)
    with connect() as conn:
        assert conn.info.dbname in empty_database


def test_nothing_is_prepared_on_the_server(conn: Connection) -> None:
    for _ in range(10):
        conn.execute("select %s::int", (1,))
    assert conn.execute("select count(*) from pg_catalog.pg_prepared_statements").fetchone() == (0,)


def test_a_pool_prepares_nothing_and_replaces_the_dead(empty_database: str) -> None:
    with pool(empty_database, max_size=1) as connections:
        with connections.connection() as conn:
            for _ in range(10):
                conn.execute("select %s::int", (1,))
            assert conn.execute("select count(*) from pg_catalog.pg_prepared_statements").fetchone() == (0,)
            pid = conn.info.backend_pid
        with connect(empty_database, autocommit=True) as other:
            other.execute("select pg_catalog.pg_terminate_backend(%s, 5000)", (pid,))
        with connections.connection() as conn:
            assert conn.execute("select 1").fetchone() == (1,)


def test_an_unreachable_database_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachableError) as caught:
        connect(f"postgresql://admin:tiger@/mentors?host={tmp_path}")
    assert str(tmp_path) in str(caught.value)
    assert "tiger" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_given_url_starts_no_server(empty_database: str, tmp_path: Path) -> None:
    given = Settings(DATABASE_URL=SecretStr(empty_database), MENTORCERT_HOME=tmp_path)
    assert database_url(given) == empty_database
    assert list(tmp_path.iterdir()) == []
