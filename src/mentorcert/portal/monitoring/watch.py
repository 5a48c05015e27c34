"""Watches the sync for as long as a process lives: one reading for all who ask, and findings in the log."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Final

import psycopg

from mentorcert import logs
from mentorcert.db import migrate
from mentorcert.db.connection import Connection
from mentorcert.errors import DatabaseUnreachableError, MentorcertError, MigrationError, from_postgres
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.monitoring import expiry, health
from mentorcert.portal.monitoring.checks import Finding, findings
from mentorcert.portal.monitoring.health import Snapshot

WATCH_S: Final = 60.0
REPEAT_S: Final = 15 * 60.0

Connect = Callable[[], AbstractContextManager[Connection]]

_LEVELS: Final = {"error": logging.ERROR, "warning": logging.WARNING, "notice": logging.INFO}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read; or, without a snapshot, why nothing could be: `database_unreachable`, `not_migrated`."""

    snapshot: Snapshot | None
    trouble: str | None
    read_at: float

    @property
    def errors(self) -> list[str]:
        """The codes of all that is an error."""
        if self.snapshot is None:
            return [self.trouble or ""]
        return sorted({one.code for one in findings(self.snapshot) if one.severity == "error"})


class Monitor:
    """Reads how things stand, at most once in `keep_s` seconds, however many ask, in whatever threads."""

    def __init__(self, connect: Connect, *, keep_s: float = 3.0) -> None:
        self._connect, self._keep_s = connect, keep_s
        self._lock = threading.Lock()
        self._reading: Reading | None = None

    def read(self) -> Reading:
        """Return what is known, never older than `keep_s`; that the database is away is known too."""
        with self._lock:
            if self._reading is None or monotonic() - self._reading.read_at >= self._keep_s:
                self._reading = self._read()
            return self._reading

    def _read(self) -> Reading:
        snapshot, trouble = None, None
        try:
            with self._connect() as conn:
                if migrate.pending(conn, migrate.read()):
                    trouble = "not_migrated"
                else:
                    snapshot = health.read(conn)
        except MigrationError:
            trouble = "not_migrated"
        except (psycopg.Error, MentorcertError) as error:
            known = from_postgres(error) if isinstance(error, psycopg.Error) else error
            trouble = (
                "database_unreachable" if isinstance(known, DatabaseUnreachableError) else "database_fails"
            )
            logs.event("portal_health_unreadable", level=logging.ERROR, error=error)
        return Reading(snapshot, trouble, monotonic())


class Watch:
    """Logs each finding when it comes and when it goes, and an error again every REPEAT_S seconds.

    First it notes when the secrets of this process's connections expire, as soon as the database lets it.
    """

    def __init__(self, monitor: Monitor, connect: Connect, configurations: Iterable[Configuration]) -> None:
        self._monitor, self._connect = monitor, connect
        self._unnoted = list(configurations)
        self._said: dict[tuple[str, str | None], float] = {}

    def look(self) -> None:
        """Look once; where nothing can be read, the reading has logged that."""
        if self._unnoted:
            self._note()
        snapshot = self._monitor.read().snapshot
        if snapshot is None:
            return
        found = {(one.code, one.organisation): one for one in findings(snapshot)}
        for key, one in found.items():
            said_s = monotonic() - self._said.get(key, float("-inf"))
            if said_s >= (REPEAT_S if one.severity == "error" else float("inf")):
                self._say(one)
                self._said[key] = monotonic()
        for key in self._said.keys() - found.keys():
            code, organisation = key
            logs.event("portal_finding_gone", level=logging.WARNING, code=code, organisation=organisation)
            del self._said[key]

    def keep_looking(self, stop: threading.Event, every_s: float = WATCH_S) -> None:
        """Look every so many seconds, until told to stop."""
        while True:
            self.look()
            if stop.wait(every_s):
                return

    def _note(self) -> None:
        try:
            with self._connect() as conn:
                expiry.note(conn, self._unnoted)
            self._unnoted = []
        except (psycopg.Error, MentorcertError) as error:
            logs.event("portal_secrets_not_noted", level=logging.ERROR, error=error)

    @staticmethod
    def _say(one: Finding) -> None:
        logs.event(
            "portal_finding",
            level=_LEVELS[one.severity],
            code=one.code,
            organisation=one.organisation,
            what=one.what,
        )


@contextmanager
def watched(connect: Connect, configurations: Iterable[Configuration]) -> Iterator[Monitor]:
    """Let a thread watch while the block runs; yields the monitor that others may ask too."""
    monitor, stop = Monitor(connect), threading.Event()
    watch = Watch(monitor, connect, configurations)
    thread = threading.Thread(target=watch.keep_looking, args=(stop,))
    thread.start()
    try:
        yield monitor
    finally:
        stop.set()
        thread.join()
