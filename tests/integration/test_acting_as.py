"""Acting as a user: rights and claims hold for one transaction, whatever happens in it."""

from uuid import uuid4

import psycopg
import pytest

from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import FailedTransactionError, OpenTransactionError

WHO = "select current_user::text, auth.uid(), auth.role(), auth.jwt() -> 'app_metadata' ->> 'organisation_id'"


def test_sets_role_and_claims_and_resets_them(conn: Connection) -> None:
    user, organisation = uuid4(), uuid4()
    with acting_as(conn, user, organisation_id=organisation):
        assert conn.execute(WHO).fetchone() == ("authenticated", user, "authenticated", str(organisation))
    assert conn.execute(WHO).fetchone() == ("postgres", None, None, None)


def test_resets_the_role_after_an_error(conn: Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting_as(conn, uuid4()):
        conn.execute("create table public.never_made ()")
    assert conn.execute(WHO).fetchone() == ("postgres", None, None, None)


def test_anonymous_has_no_user_id(conn: Connection) -> None:
    with acting_as(conn, None, role="anon"):
        assert conn.execute(WHO).fetchone() == ("anon", None, "anon", None)


def test_the_change_is_committed(conn: Connection) -> None:
    user = uuid4()
    with acting_as(conn, user, role="postgres"):
        conn.execute("insert into auth.users (id) values (%s)", (user,))
    assert conn.execute("select count(*) from auth.users where id = %s", (user,)).fetchone() == (1,)


def test_nested_use_is_refused(conn: Connection) -> None:
    with acting_as(conn, uuid4()):
        with pytest.raises(OpenTransactionError, match="open transaction"), acting_as(conn, uuid4()):
            pass
        assert conn.execute("select current_user::text").fetchone() == ("authenticated",)


def test_an_open_transaction_is_refused(conn: Connection) -> None:
    with conn.transaction(), pytest.raises(OpenTransactionError), acting_as(conn, uuid4()):
        pass


def test_a_swallowed_error_is_not_taken_for_success(conn: Connection) -> None:
    with pytest.raises(FailedTransactionError), acting_as(conn, uuid4()), pytest.raises(psycopg.Error):
        conn.execute("select 1 / 0")
    assert conn.execute("select current_user::text").fetchone() == ("postgres",)


def test_all_claims_of_a_token_reach_the_policies(conn: Connection) -> None:
    claims = {"sub": str(uuid4()), "role": "authenticated", "aal": "aal2", "amr": [{"method": "totp"}]}
    with acting_as(conn, claims):
        assert conn.execute("select auth.jwt(), current_user::text").fetchone() == (claims, "authenticated")
    assert conn.execute(WHO).fetchone() == ("postgres", None, None, None)
