"""The parts of the soak: a portal and workers as processes, and changes to the registry."""

import random
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, count, takewhile
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from mentorcert.db.connection import Connection, connect
from mentorcert.portal.reconciliation import restores
from mentorcert_staging.options import DEMO_CLIENT_ID, DEMO_CLIENT_KEY, DEMO_WEBHOOK_KEY
from tests.portal.wire import Wire
from tests.support.command import start
from tests.support.registry import Organisation, consent_again, fetch, rows

_PAUSE_S: Final = 0.05
_TARGETS: Final = {
    "webhook": """
adapter = "webhook"
url = "{url}/webhook"
state_url = "{url}/state.json"
[[auth]]
method = "hmac"
keys = [{{ secret = "file:{folder}/key", expires = "never" }}]
""",
    "dataverse": """
adapter = "dataverse"
url = "{url}"
table = "hlf_peermentors"
key = "hlf_mentorcertid"
[target.columns]
version = "hlf_mentorversion"
epoch = "hlf_mentorepoch"
status = "hlf_status"
listed = "hlf_listed"
listed_until = "hlf_listeduntil"
effective_at = "hlf_effectiveat"
[[auth]]
method = "oauth2"
token_url = "{url}/tenant/oauth2/v2.0/token"
client_id = "{client_id}"
client_secret = {{ secret = "file:{folder}/client", expires = "never" }}
scope = "{url}/.default"
""",
}


def connection_file(folder: Path, adapter: str, url: str) -> Path:
    """Write the configuration of a connection to a staging portal; return the file."""
    (folder / "key").write_text(DEMO_WEBHOOK_KEY)
    (folder / "client").write_text(DEMO_CLIENT_KEY)
    target = _TARGETS[adapter].format(url=url, folder=folder, client_id=DEMO_CLIENT_ID)
    file = folder / f"{url.rpartition(':')[2]}.toml"
    file.write_text(f'organisation = "demo"\n[target]{target}')
    return file


@contextmanager
def staging_process(folder: Path, *options: str) -> Iterator[str]:
    """Serve a staging portal in a process of its own, on a SQLite file; yield its URL."""
    file = folder / "portal.sqlite"
    command = ("--port", "0", "--no-limits", *options)
    with start(*command, "--database", file, database_url="", module="mentorcert_staging") as process:
        found = re.search(r"http://\S+:\d+", process.line())
        assert found, "the staging portal did not start"
        yield found[0]


class WorkerProcess:
    """A worker at the end of a wire; it can be killed, and is replaced then."""

    def __init__(self, wire: Wire, file: Path, database: str) -> None:
        self.wire = wire
        self._file, self._database = file, database
        self.start()

    def start(self) -> None:
        """Start it, or one in its place."""
        self._process = start(
            "portal", "worker", "--connection", self._file, "--lease", "2", "--batch", "4",
            "--concurrency", "2", database_url=self._database, MENTORCERT_LOG="ERROR",
        )  # fmt: skip

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def kill(self) -> None:
        """Kill it with SIGKILL, and return when it is dead."""
        self._process.kill()
        self._process.communicate()

    def stall(self) -> None:
        """Stop it in the middle of what it does."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on where it was stopped."""
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Have it end by itself, as SIGTERM asks; who was just being started ends by the signal."""
        self._process.terminate()
        _, logged = self._process.communicate()
        assert self._process.returncode in {0, -signal.SIGTERM}, logged


@contextmanager
def workers(laid: list[Wire], folder: Path, adapter: str, database: str) -> Iterator[list[WorkerProcess]]:
    """Start a worker at each wire, and leave none behind."""
    running = [WorkerProcess(wire, connection_file(folder, adapter, wire.url), database) for wire in laid]
    try:
        yield running
    finally:
        for worker in running:
            worker.kill()


Change = Callable[[UUID], Any]


@dataclass
class Changes:
    """Somebody who changes peer mentors, each of whom has one certification, as a seed has it."""

    organisation: Organisation
    mentors: list[UUID]
    seed: int
    done: Counter[str]

    def make(self, database: str, stop: threading.Event) -> None:
        """Make one change after the other, with little pauses, until stopped."""
        dice = random.Random(self.seed)
        with connect(database, autocommit=True) as conn:
            mine = replace(self, organisation=replace(self.organisation, conn=conn))
            changes: dict[str, tuple[int, Change]] = {
                "suspend": (4, mine._suspend),
                "reinstate": (6, mine._reinstate),
                "renew": (6, mine._renew),
                "expire": (3, mine._expire_soon),
                "consent": (6, mine._consent),
                "extend": (4, lambda mentor: mine._extend(mentor, dice.randint(30, 400))),
                "night": (2, mine._night),
                "erase": (0, mine._erase),
            }
            weights = [weight for weight, _ in changes.values()]
            # Each once, so that none is missing, and from then on at random.
            steps = chain(
                ((name, self.mentors[0]) for name in changes),
                ((dice.choices([*changes], weights)[0], dice.choice(self.mentors[1:])) for _ in count()),
            )
            for name, mentor in takewhile(lambda _step: not stop.wait(_PAUSE_S), steps):
                try:
                    changes[name][1](mentor)
                    self.done[name] += 1
                except psycopg.Error as error:
                    # The registry may refuse it: a second renewal on one day, or what is suspended already.
                    if not (error.sqlstate or "").startswith("MC"):
                        raise

    def _call(self, function: str, mentor: UUID) -> None:
        with self.organisation.as_admin() as acting:
            acting.execute(
                f"select public.{function} from public.peer_mentor_certifications where peer_mentor_id = %s",
                (mentor,),
            )

    def _renew(self, mentor: UUID) -> None:
        self._call("renew_certification(id)", mentor)

    def _suspend(self, mentor: UUID) -> None:
        self._call("suspend_certification(id, 'a reason')", mentor)

    def _reinstate(self, mentor: UUID) -> None:
        self._call("reinstate_certification(id)", mentor)

    def _extend(self, mentor: UUID, days: int) -> None:
        self.organisation.conn.execute(
            "update public.peer_mentor_certifications"
            " set expires_at = mentorcert_private.day_starts(mentorcert_private.day_of(now(), %(zone)s) + %(days)s, %(zone)s)"
            " where peer_mentor_id = %(mentor)s",
            {"mentor": mentor, "days": days, "zone": self.organisation.time_zone},
        )

    def _consent(self, mentor: UUID) -> None:
        conn = self.organisation.conn
        given = fetch(conn, "select listing_consent from mentorcert.peer_mentors where id = %s", mentor)
        consent_again(conn, mentor, given=not given)

    def _expire_soon(self, mentor: UUID) -> None:
        """Let a certification, renewed a year ago, end in a moment: else it would take until midnight."""
        conn = self.organisation.conn
        with conn.transaction():
            conn.execute("set local session_replication_role = replica")
            conn.execute(
                """
                with ending as (
                  update public.peer_mentor_certifications
                  set
                    issued_at = mentorcert_private.day_starts(mentorcert_private.day_of(now(), %(zone)s) - 365, %(zone)s),
                    expires_at = date_trunc('second', now()) + interval '2 seconds'
                  where peer_mentor_id = %(mentor)s
                  returning peer_mentor_id, expires_at
                )
                update public.listed_peer_mentors as listed set listed_until = ending.expires_at
                from ending where listed.peer_mentor_id = ending.peer_mentor_id
                """,
                {"mentor": mentor, "zone": self.organisation.time_zone},
            )
            conn.execute("select mentorcert_portal.enqueue_sync(array[%s]::uuid[])", (mentor,))

    def _night(self, _mentor: UUID) -> None:
        self.organisation.conn.execute("select mentorcert_private.expire_due_certifications(now())")

    def _erase(self, mentor: UUID) -> None:
        self.organisation.conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (mentor,))


def decide_all(conn: Connection) -> None:
    """Decide about what the portal holds newer: the registry is right, but for an erasure, which is repeated."""
    for difference in restores.differences(conn):
        # Of an erased peer mentor the portal's list says nothing; its answer does.
        if difference.there.get("status") == "erased":
            conn.execute(
                "select mentorcert_private.erase_peer_mentor(id) from mentorcert.peer_mentors"
                " where id = %s and erased_at is null",
                (difference.peer_mentor_id,),
            )
        restores.decide(conn, difference.id, "ours", "soaked")


def outcomes_of(organisation: Organisation) -> Counter[str]:
    """Return how often each outcome was logged."""
    found = rows(
        organisation.conn, "select outcome, count(*) from mentorcert_portal.attempts group by outcome"
    )
    return Counter(dict(found))
