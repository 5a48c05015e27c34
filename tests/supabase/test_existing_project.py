"""A project's own app goes on through the Data API as before, when the registry has come beside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mentorcert.db.connection import connect
from mentorcert.db.migrate import migrate, read
from mentorcert.development import auth_schema
from tests.supabase import lite
from tests.supabase.lite import PUBLISHABLE_KEY, Lite, Session, needs_lite
from tests.support import existing_project
from tests.support.existing_project import ALFA
from tests.support.processes import DEADLINE_S
from tests.support.servers import Server, on_embedded_18

pytestmark = [needs_lite, on_embedded_18]

# What the app asks for, in this order, and leaves behind as it was.
REQUESTS = [
    ("GET", "organisations?select=name", None),
    # Named, since Lite takes foreign keys by the names of tables without their schemas; PostgREST does not.
    ("GET", "chapters?select=name,organisations!chapters_organisation_id_fkey(name)&order=name", None),
    ("POST", "chapters", {"organisation_id": ALFA, "name": "Alfa Bergen"}),
    ("PATCH", "chapters?name=eq.Alfa Bergen", {"name": "Alfa Bergen vest"}),
    ("GET", "chapter_names?order=name", None),
    ("GET", "profiles?select=full_name", None),
    ("GET", "memberships?select=role", None),
    ("POST", "rpc/colleagues", {}),
    ("POST", "rpc/get_user_organisation_id", {}),
    ("POST", "rpc/greeting", {}),
]


@pytest.fixture
def project(server: Server, template: str) -> Iterator[str]:
    """A database with the project, as Lite serves it."""
    with server.new_database() as url, connect(url, autocommit=True) as conn:
        lite.lay_auth(conn)
        existing_project.lay(conn)
        auth_schema.let_in(conn, ("private",))
        yield url


def use(running: Lite, session: Session) -> list[tuple[int, Any]]:
    headers = {"apikey": PUBLISHABLE_KEY, "Authorization": f"Bearer {session.token}"}
    with httpx2.Client(base_url=f"{running.url}/rest/v1/", headers=headers, timeout=DEADLINE_S) as client:
        answers = [client.request(method, path, json=body) for method, path, body in REQUESTS]
    return [(answer.status_code, answer.json() if answer.content else None) for answer in answers]


def test_its_app_sees_no_difference(server: Server, project: str, tmp_path: Path) -> None:
    with connect(project, autocommit=True) as conn:
        with lite.serving(server, project, folder(tmp_path, "before")) as running:
            session = running.sign_up("kari@example.org")
            conn.execute("insert into public.profiles values (%s, %s, 'Kari')", [session.user_id, ALFA])
            before = use(running, session)
        conn.execute("delete from public.chapters where name like 'Alfa Bergen%'")
        list(migrate(conn, read()))
        auth_schema.let_in(conn)
        with lite.serving(server, project, folder(tmp_path, "after")) as running:
            assert use(running, session) == before
            listed = httpx2.get(
                f"{running.url}/rest/v1/listed_peer_mentors",
                headers={"apikey": PUBLISHABLE_KEY},
                timeout=DEADLINE_S,
            )
            assert (listed.status_code, listed.json()) == (200, [])
    assert [status for status, _ in before] == [200, 200, 201, 204, 200, 200, 403, 200, 200, 200]
    assert before[7][1] == ["Kari"]


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made
