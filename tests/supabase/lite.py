"""Supabase Lite, which serves a database to the official clients as PostgREST and Supabase Auth would."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final
from uuid import UUID

import httpx2
import jwt
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from mentorcert.db.connection import Connection, connect
from mentorcert.db.migrate import migrate, read
from tests.support import processes
from tests.support.processes import DEADLINE_S
from tests.support.servers import Server, free_port
from tests.support.sessions import wait_until

ROOT: Final = Path(__file__).parents[2]
_PROGRAM: Final = ROOT / "node_modules" / ".bin" / "lite"
_IS_MISSING: Final = not _PROGRAM.exists() or shutil.which("node") is None

# CI is set by every service that runs tests for others to rely on: there, nothing is left out.
needs_lite = pytest.mark.skipif(
    _IS_MISSING and "CI" not in os.environ,
    reason="Supabase Lite is not installed: it needs Node.js 20 and `npm ci`",
)
PASSWORD: Final = token_urlsafe()
PUBLISHABLE_KEY: Final = f"sb_publishable_{token_urlsafe()}"
JWT_SECRET: Final = token_urlsafe(48)

_CONFIG: Final = """
[api]
port = {port}
schemas = ["public", "mentorcert"]

[db]
driver = "postgres"
url = "postgresql://lite:any@{host}:{db_port}/{dbname}?sslmode=disable"

[db.migrations]
enabled = false

[auth]
enabled = true
jwt_secret = "{jwt_secret}"
jwt_expiry = 3600
enable_signup = true
publishable_key = "{publishable_key}"

[auth.email]
enable_signup = true
enable_confirmations = false
"""


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
    """A running Lite; `url` is what clients are given."""

    url: str

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


@cache
def _sql(expression: str) -> str:
    script = f"import * as lite from '@supabase/lite'; console.log(lite.{expression})"
    node = ["node", "--input-type=module", "--eval", script]
    return processes.run(*node, cwd=ROOT).stdout


def helper_functions() -> str:
    """Return the SQL of auth.uid(), auth.role(), auth.email() and auth.jwt() as Lite defines them."""
    return _sql("SUPABASE_AUTH_HELPERS_SQL")


def lay_auth(conn: Connection) -> None:
    """Lay the schema `auth` as Lite has it, owned by the role under which Lite connects.

    At its first request Lite grants `anon` and `authenticated` all rights on all tables. As a role that
    owns no table of ours it has none to give: like PostgREST, it can only become one of the clients' roles.
    """
    if conn.execute("select from pg_catalog.pg_roles where rolname = 'lite'").fetchone() is None:
        conn.execute("create role lite login noinherit in role anon, authenticated, service_role")
    conn.execute(sql.SQL("grant create on database {} to lite").format(sql.Identifier(conn.info.dbname)))
    conn.execute("create schema auth authorization lite")
    conn.execute("grant usage on schema auth to anon, authenticated, service_role")
    with conn.transaction():
        conn.execute("set local role lite")
        conn.execute(f"{_sql('getAuthSchemaSql()')}; {helper_functions()}".encode())


def let_lite_in(conn: Connection) -> None:
    """Give Lite one right on each table and schema: without any, its grants are errors and not warnings."""
    for schema in ("public", "mentorcert", "mentorcert_private", "mentorcert_portal"):
        name = sql.Identifier(schema)
        conn.execute(sql.SQL("grant usage on schema {} to lite").format(name))
        conn.execute(sql.SQL("grant references on all tables in schema {} to lite").format(name))
        conn.execute(sql.SQL("grant usage on all sequences in schema {} to lite").format(name))


@contextmanager
def new_database(server: Server) -> Iterator[str]:
    """Lend a database with Lite's schema `auth` and all our migrations; needs the roles to be there."""
    with server.new_database() as url:
        with connect(url, autocommit=True) as conn:
            lay_auth(conn)
            list(migrate(conn, read()))
            let_lite_in(conn)
        yield url


@contextmanager
def serving(server: Server, database: str, folder: Path) -> Iterator[Lite]:
    """Run Lite on a database, with its files and its log in a folder; fails where it does not come up."""
    port = free_port()
    at = conninfo_to_dict(server.tcp_url(str(conninfo_to_dict(database)["dbname"])))
    config = _CONFIG.format(
        port=port,
        host=at["host"],
        db_port=at["port"],
        dbname=at["dbname"],
        jwt_secret=JWT_SECRET,
        publishable_key=PUBLISHABLE_KEY,
    )
    (folder / "supabase").mkdir()
    (folder / "supabase" / "config.toml").write_text(config)
    log = folder / "log"
    with log.open("w") as output:
        process = processes.Child(
            [_PROGRAM, "--no-telemetry", "start", "--no-admin"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "DO_NOT_TRACK": "1", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"

    def is_healthy() -> bool:
        assert process.poll() is None, f"Lite ended:\n{log.read_text()}"
        try:
            return httpx2.get(
                f"{url}/auth/v1/health", headers={"apikey": PUBLISHABLE_KEY}, timeout=DEADLINE_S
            ).is_success
        except httpx2.TransportError:
            return False

    try:
        wait_until(is_healthy, f"Lite to be healthy; its log: {log}")
        yield Lite(url)
    finally:
        # It keeps nothing that is worth an orderly end.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
