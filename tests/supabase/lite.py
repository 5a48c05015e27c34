"""Supabase Lite, which serves a database to the official clients as PostgREST and Supabase Auth would."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final
from uuid import UUID

import httpx2
import jwt
import pytest
from psycopg.conninfo import conninfo_to_dict

from mentorcert.db.connection import Connection, connect
from mentorcert.db.migrate import migrate, read
from mentorcert.development import auth_schema, lite
from mentorcert.errors import MissingProgramError
from tests.support.processes import DEADLINE_S
from tests.support.servers import Server, free_port


def _is_missing() -> bool:
    try:
        lite.find()
    except MissingProgramError:
        return True
    return False


# CI is set by every service that runs tests for others to rely on: there, nothing is left out.
needs_lite = pytest.mark.skipif(
    _is_missing() and "CI" not in os.environ,
    reason="Supabase Lite is not installed: it needs Node.js 20 and `npm ci`",
)
PASSWORD: Final = token_urlsafe()
PUBLISHABLE_KEY: Final = f"sb_publishable_{token_urlsafe()}"
JWT_SECRET: Final = token_urlsafe(48)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in."""

    user_id: UUID
    token: str
    refresh_token: str

    def with_claims(self, **claims: Any) -> "Session":
        """Return the session with more claims in its token.

        Supabase Auth writes `app_metadata` and `user_metadata` into every token; Lite writes neither.
        """
        return replace(self, token=jwt.encode(self.claims() | claims, JWT_SECRET, "HS256"))

    def claims(self) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(self.token, JWT_SECRET, ["HS256"], audience="authenticated")
        return claims


@dataclass(frozen=True, slots=True)
class Lite:
    """A running Lite; `url` is what clients are given, `codes` the last one that each address was mailed."""

    url: str
    codes: dict[str, str]

    def sign_up(self, email: str, **user_metadata: Any) -> Session:
        body = {"email": email, "password": PASSWORD, "data": user_metadata}
        return self._session("signup", body)

    def sign_in(self, email: str) -> Session:
        return self._session("token?grant_type=password", {"email": email, "password": PASSWORD})

    def _session(self, path: str, body: dict[str, Any]) -> Session:
        answer = httpx2.post(
            f"{self.url}/auth/v1/{path}", json=body, headers={"apikey": PUBLISHABLE_KEY}, timeout=DEADLINE_S
        )
        answer.raise_for_status()
        session = answer.json()
        return Session(UUID(session["user"]["id"]), session["access_token"], session["refresh_token"])


def helper_functions() -> str:
    """Return the SQL of auth.uid(), auth.role(), auth.email() and auth.jwt() as Lite defines them."""
    return lite.auth_schema(lite.find()).functions


def lay_auth(conn: Connection) -> None:
    """Lay the schema `auth` as Lite has it."""
    auth_schema.lay(conn, lite.auth_schema(lite.find()))


@contextmanager
def new_database(server: Server) -> Iterator[str]:
    """Lend a database with Lite's schema `auth` and all our migrations; needs the roles to be there."""
    with server.new_database() as url:
        with connect(url, autocommit=True) as conn:
            lay_auth(conn)
            list(migrate(conn, read()))
            auth_schema.let_in(conn)
        yield url


@contextmanager
def serving(server: Server, database: str, folder: Path) -> Iterator[Lite]:
    """Run Lite on a database, with its log in a folder; fails where it does not come up."""
    at = conninfo_to_dict(server.tcp_url(str(conninfo_to_dict(database)["dbname"])))
    options = {"host": at["host"], "port": int(str(at["port"])), "database": at["dbname"], "user": "lite"}
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    keys = lite.Keys(PUBLISHABLE_KEY, JWT_SECRET)
    codes: dict[str, str] = {}
    with lite.running(
        lite.find(),
        options,
        lite.config(keys, url, signup=True),
        {"host": "127.0.0.1", "port": port},
        log=folder / "log",
        mailed=codes.__setitem__,
    ):
        yield Lite(url, codes)
