"""Watches the sync while a process runs: one cached reading for all readers, and findings in the log."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import monotonic
from typing import Final

from prometheus_client import Metric
from prometheus_client.registry import Collector

from mentorcert import logs, loops
from mentorcert.db import migrate
from mentorcert.db.connection import Connection
from mentorcert.db.rows import mapped_errors
from mentorcert.errors import DatabaseUnreachableError, MentorcertError, MigrationError
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.monitoring import expiry, health
from mentorcert.portal.monitoring.checks import Finding, run_checks
from mentorcert.portal.monitoring.health import Figures, Snapshot
from mentorcert.portal.monitoring.metrics import Metrics

WATCH_S: Final = 60.0
REPEAT_S: Final = 15 * 60.0

Connect = Callable[[], AbstractContextManager[Connection]]

_LEVELS: Final = {"error": logging.ERROR, "warning": logging.WARNING, "notice": logging.INFO}


@dataclass(frozen=True, slots=True)
class Reading:
    """A snapshot, or why there is none: `database_unreachable`, `database_fails`, `not_migrated`."""

    snapshot: Snapshot | None
    trouble: str | None
    read_at: float

    @property
    def errors(self) -> list[str]:
        """The codes of all errors."""
        if self.snapshot is None:
            return [self.trouble or ""]
        return sorted({one.code for one in run_checks(self.snapshot) if one.severity == "error"})


class HealthCache:
    """Reads the health at most once in `keep_s` seconds, for any number of readers and threads."""

    def __init__(self, connect: Connect, *, keep_s: float = 3.0) -> None:
        self._connect, self._keep_s = connect, keep_s
        self._lock = threading.Lock()
        self._reading: Reading | None = None
        self._figures: Mapping[str, Figures] = {}
        self._figures_at = float("-inf")

    def read(self) -> Reading:
        """Return a reading not older than `keep_s`; a failure to read is cached too."""
        with self._lock:
            if self._reading is None or monotonic() - self._reading.read_at >= self._keep_s:
                self._reading = self._read()
            return self._reading

    def figures(self) -> Mapping[str, Figures]:
        """Return counts not older than `keep_s`; empty where the database can't be read, as a reading says."""
        with self._lock:
            if monotonic() - self._figures_at >= self._keep_s:
                self._figures, self._figures_at = self._read_figures(), monotonic()
            return self._figures

    def _read_figures(self) -> Mapping[str, Figures]:
        try:
            with mapped_errors(), self._connect() as conn:
                return health.figures(conn)
        except MentorcertError as error:
            logs.event("portal_health_unreadable", level=logging.ERROR, error=error)
            return {}

    def _read(self) -> Reading:
        snapshot, trouble = None, None
        try:
            with mapped_errors(), self._connect() as conn:
                if migrate.pending(conn, migrate.read()):
                    trouble = "not_migrated"
                else:
                    snapshot = health.read(conn)
        except MigrationError:
            trouble = "not_migrated"
        except MentorcertError as error:
            trouble = (
                "database_unreachable" if isinstance(error, DatabaseUnreachableError) else "database_fails"
            )
            logs.event("portal_health_unreadable", level=logging.ERROR, error=error)
        return Reading(snapshot, trouble, monotonic())


class FindingLogger:
    """Logs each finding when it begins and ends, and an error again every REPEAT_S seconds.

    Also stores the expiry dates of this process's secrets, as soon as the database can be reached.
    """

    def __init__(
        self, health_cache: HealthCache, connect: Connect, configurations: Iterable[Configuration]
    ) -> None:
        self._health_cache, self._connect = health_cache, connect
        self._unnoted = list(configurations)
        self._logged_at: dict[tuple[str, str | None], float] = {}

    def check_once(self) -> None:
        """Check once; a failure to read is logged by the reading."""
        if self._unnoted:
            self._note()
        snapshot = self._health_cache.read().snapshot
        if snapshot is None:
            return
        found = {(one.code, one.organisation): one for one in run_checks(snapshot)}
        for key, one in found.items():
            age_s = monotonic() - self._logged_at.get(key, float("-inf"))
            if age_s >= (REPEAT_S if one.severity == "error" else float("inf")):
                self._log(one)
                self._logged_at[key] = monotonic()
        for key in self._logged_at.keys() - found.keys():
            code, organisation = key
            logs.event("portal_finding_gone", level=logging.WARNING, code=code, organisation=organisation)
            del self._logged_at[key]

    def run_forever(self, stop: threading.Event) -> None:
        """Check every WATCH_S seconds until `stop` is set."""

        def work() -> float:
            self.check_once()
            return WATCH_S

        loops.run_forever(work, stop, failed="portal_health_unreadable", retry_s=WATCH_S)

    def _note(self) -> None:
        try:
            with mapped_errors(), self._connect() as conn:
                expiry.note(conn, self._unnoted)
            self._unnoted = []
        except MentorcertError as error:
            logs.event("portal_secrets_not_noted", level=logging.ERROR, error=error)

    @staticmethod
    def _log(finding: Finding) -> None:
        logs.event(
            "portal_finding",
            level=_LEVELS[finding.severity],
            code=finding.code,
            organisation=finding.organisation,
            what=finding.what,
        )


class HealthMetrics(Collector):
    """What is read of the health, as metrics."""

    def __init__(self, health_cache: HealthCache) -> None:
        self._health_cache = health_cache

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; without a snapshot only `mentorcert_up 0`."""
        snapshot = self._health_cache.read().snapshot
        yield from Metrics(snapshot, self._health_cache.figures() if snapshot else {}).collect()


def watching(
    health_cache: HealthCache, connect: Connect, configurations: Iterable[Configuration]
) -> AbstractContextManager[None]:
    """Log findings in a thread while the block runs."""
    return loops.in_threads(FindingLogger(health_cache, connect, configurations).run_forever)
