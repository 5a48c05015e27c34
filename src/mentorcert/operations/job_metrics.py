"""How the jobs of the registry stand, read from the database as Prometheus metrics."""

import logging
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mentorcert import logs, metrics
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MentorcertError

_QUERIES: Final = rows.beside(__file__)
_KEEP_S: Final = 5.0

# Each figure of the database, the label of its values, and what it says.
FIGURES: Final = {
    "nightly_overdue_seconds": (None, "For how long a nightly run has been due; 0: none is."),
    "nightly_last_success_timestamp_seconds": ("time_zone", "When a nightly run was last done."),
    "nightly_last_duration_seconds": ("time_zone", "How long the last nightly run took."),
    "nightly_last_expired": ("time_zone", "How many certifications the last local day expired."),
    "nightly_failed": ("time_zone", "1 where the last nightly run failed."),
    "notices_overdue_seconds": (None, "For how long notices have been due; 0: none are."),
    "notices_sending": (None, "Mails that were claimed, and whose result is not known yet."),
    "notices_oldest_sending_seconds": (None, "Age of the oldest of them; above an hour it is uncertain."),
    "notices_failed": (None, "Organisations whose latest run of the notices failed, within two days."),
    "tasks": ("state", "Imports and exports that are queued or running."),
    "tasks_oldest_queued_seconds": (None, "Age of the oldest that is queued; 0: none is."),
    "tasks_failed": (None, "Imports and exports that failed within a day."),
}

_OF_SENDERS: Final = "notices_overdue_seconds"


class JobMetrics(Collector):
    """The figures of all organisations, read at most once in five seconds; without the database `mentorcert_up 0`.

    Where this process sends no notices, nobody waits for them.
    """

    def __init__(self, connect: Callable[[], Connection], *, sends_notices: bool) -> None:
        self._connect, self._sends_notices = connect, sends_notices
        self._lock = threading.Lock()
        self._found: list[tuple[str, str | None, float]] | None = None
        self._found_at = float("-inf")

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        found = self._read()
        yield metrics.up(is_there=found is not None)
        for figure, (label, text) in FIGURES.items():
            if found is None or (figure == _OF_SENDERS and not self._sends_notices):
                continue
            family = GaugeMetricFamily(f"mentorcert_{figure}", text, labels=[label] if label else [])
            for name, of, value in found:
                if name == figure:
                    family.add_metric([of or ""] if label else [], value)
            yield family

    def _read(self) -> list[tuple[str, str | None, float]] | None:
        with self._lock:
            if monotonic() - self._found_at >= _KEEP_S:
                try:
                    with rows.mapped_errors(), self._connect() as conn:
                        self._found = rows.fetch_all(conn, tuple[str, str | None, float], _QUERIES.figures)
                except MentorcertError as error:
                    logs.event("job_metrics_unreadable", level=logging.ERROR, error=error)
                    self._found = None
                self._found_at = monotonic()
            return self._found
