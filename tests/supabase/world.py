"""Two organisations with everybody who may ask something of them, signed up through Supabase Auth."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import httpx
from supabase import Client, ClientOptions, create_client

from mentorcert.access import snapshot
from mentorcert.access.model import Actor
from mentorcert.access.model import World as Model
from mentorcert.db.connection import Connection, connect
from tests.supabase import lite
from tests.supabase.lite import Lite, Session
from tests.support.registry import Organisation, join, let_end, set_up, today
from tests.support.servers import Server

# Who asks: everybody who has signed up; the person in two organisations, by what the token names; and nobody.
PEOPLE: Final = (
    "north_admin",
    "south_admin",
    "coordinator",
    "coordinator_of_oslo",
    "mentor",
    "both",
    "former",
    "stranger",
)
ACTORS: Final = (*PEOPLE, "both_in_north", "both_in_south", "both_elsewhere", "anon")
_OF_SOUTH: Final = ("both_of_south", "nils")


@dataclass(frozen=True)
class World:
    """What runs, and the ids of what is in it, by name; `sessions` are those of everybody but `anon`."""

    lite: Lite
    conn: Connection
    http: httpx.Client
    north: Organisation
    south: Organisation
    chapters: dict[str, UUID]
    mentors: dict[str, UUID]
    certifications: dict[str, UUID]
    sessions: dict[str, Session]
    claimed: dict[str, UUID]

    def client(self, actor: str) -> Client:
        """Return the official client, signed in as the actor."""
        options = ClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=self.http)
        client = create_client(self.lite.url, lite.PUBLISHABLE_KEY, options)
        if actor != "anon":
            client.postgrest.auth(self.sessions[actor].token)
        return client

    @contextmanager
    def acting(self, actor: str) -> Iterator[Connection]:
        """Run one transaction as the Data API runs it for the actor, undone at its end."""
        claims = {"role": "anon"} if actor == "anon" else self.sessions[actor].claims()
        with self.conn.transaction(force_rollback=True):
            self.conn.execute(
                "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true),"
                " set_config('request.jwt.claim.sub', %s, true)",  # all that auth.uid() of Lite reads
                (json.dumps(claims), claims["role"], claims.get("sub", "")),
            )
            yield self.conn

    def actor(self, actor: str) -> Actor:
        """Return the actor as the model knows it."""
        if actor == "anon":
            return Actor()
        return Actor(self.sessions[actor].user_id, self.claimed.get(actor))

    def model(self) -> Model:
        """Return all rows as they are at this moment, for the model to judge."""
        return snapshot.everything(self.conn)

    def organisation_of(self, mentor: str) -> Organisation:
        return self.south if mentor in _OF_SOUTH else self.north

    def newcomer(self, like: str) -> UUID:
        """Add a peer mentor whom no other test looks at, in the same chapters as the named one."""
        mentor, organisation = uuid4(), self.organisation_of(like)
        self.conn.execute(
            "insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name)"
            " values (%s, %s, %s, 'Somebody')",
            (mentor, organisation.id, mentor),
        )
        self.conn.execute(
            "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
            " select organisation_id, %s, chapter_id from mentorcert.peer_mentor_chapters"
            " where peer_mentor_id = %s",
            (mentor, self.mentors[like]),
        )
        return mentor


@contextmanager
def inhabited(server: Server, folder: Path) -> Iterator[World]:
    """Run Lite, with its log in a folder, on a database with two organisations."""
    with (
        lite.new_database(server) as url,
        lite.serving(server, url, folder) as running,
        connect(url, autocommit=True) as conn,
        httpx.Client(timeout=30) as http,
    ):
        sessions = {name: running.sign_up(f"{name}@example.org") for name in PEOPLE}
        yield _settle(running, conn, http, sessions)


def _settle(running: Lite, conn: Connection, http: httpx.Client, sessions: dict[str, Session]) -> World:
    """Found north (county over two local chapters; Oslo beside them) and south, and give everybody a part."""
    north, south = set_up(conn, "north"), set_up(conn, "south")
    chapters = {"oslo": north.chapter, "south_oslo": south.chapter}
    for name, parent in (("county", None), ("local", "county"), ("other_local", "county")):
        chapters[name] = uuid4()
        conn.execute(
            "insert into mentorcert.chapters (id, organisation_id, parent_id, code, name)"
            " values (%s, %s, %s, %s, %s)",
            (chapters[name], north.id, chapters[parent] if parent else None, name, name),
        )
    mentors = {
        name: _mentor(
            conn, organisation, name, sessions.get(login), [chapters[chapter] for chapter in within]
        )
        for name, organisation, login, within in (
            ("kari", north, "mentor", ["local"]),
            ("per", north, "", ["other_local", "oslo"]),
            ("liv", north, "", ["oslo"]),
            ("ola", north, "coordinator_of_oslo", ["local"]),
            ("eva", north, "", ["oslo"]),
            ("both_of_north", north, "both", ["oslo"]),
            ("both_of_south", south, "both", ["south_oslo"]),
            ("nils", south, "", ["south_oslo"]),
        )
    }
    certifications = {}
    for name, mentor in mentors.items():
        organisation = south if name in _OF_SOUTH else north
        for kind, last_day in (("basic", today(conn, 200)), ("pledge", None)):
            certifications[f"{name}_{kind}"] = organisation.certify(
                mentor, kind, issued=today(conn, -100), last_day=last_day
            )
    for name, organisation, role, chapter in (
        ("north_admin", north, "org_admin", None),
        ("south_admin", south, "org_admin", None),
        ("coordinator", north, "coordinator", "county"),
        ("coordinator_of_oslo", north, "coordinator", "oslo"),
        ("coordinator_of_oslo", north, "peer_mentor", None),
        ("mentor", north, "peer_mentor", None),
        ("both", north, "peer_mentor", None),
        ("both", south, "org_admin", None),
        ("former", north, "org_admin", None),
    ):
        join(organisation, sessions[name].user_id, role, chapters[chapter] if chapter else None)
    conn.execute(
        "update mentorcert.memberships set ended_at = now() where user_id = %s", (sessions["former"].user_id,)
    )
    let_end(conn, certifications["eva_basic"])
    # As the move of the histories does first: the table of events is not empty, whatever holds the histories.
    conn.execute("select mentorcert_private.copy_histories_to_events(null, 1000)")
    claimed = {"both_in_north": north.id, "both_in_south": south.id, "both_elsewhere": uuid4()}
    for name, organisation_id in claimed.items():
        sessions[name] = sessions["both"].with_claims(app_metadata={"organisation_id": str(organisation_id)})
    return World(running, conn, http, north, south, chapters, mentors, certifications, sessions, claimed)


def _mentor(
    conn: Connection, organisation: Organisation, name: str, login: Session | None, chapters: list[UUID]
) -> UUID:
    mentor = uuid4()
    conn.execute(
        "insert into mentorcert.peer_mentors"
        " (id, organisation_id, external_id, user_id, full_name, listing_consent)"
        " values (%s, %s, %s, %s, %s, true)",
        (mentor, organisation.id, name, login.user_id if login else None, name),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
            " values (%s, %s, %s)",
            [(organisation.id, mentor, chapter) for chapter in chapters],
        )
    return mentor
