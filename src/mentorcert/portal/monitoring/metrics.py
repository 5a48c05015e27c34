"""The health of the sync as Prometheus metrics."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mentorcert.metrics import up
from mentorcert.portal.monitoring.checks import run_checks
from mentorcert.portal.monitoring.health import ConnectionHealth, Figures, Snapshot

STATES: Final = ("held", "pending", "retry", "dead", "in_sync")
BREAKERS: Final = ("closed", "open")
DRIFT: Final = ("listed_but_expired", "missing", "stale", "unknown_there", "duplicate")

_P: Final = "mentorcert_portal"
_DAY_S: Final = 86400.0

Sample = tuple[tuple[str, ...], float]


class Metrics(Collector):
    """The metrics of one snapshot; without one only `mentorcert_up 0`."""

    def __init__(self, snapshot: Snapshot | None, figures: Mapping[str, Figures]) -> None:
        self._snapshot, self._figures = snapshot, figures

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        of = self._snapshot
        yield up(is_there=of is not None)
        if of is None:
            return
        connected = [one for one in of.connections if one.adapter is not None]
        yield from _per_organisation(connected)
        yield from _counts(
            [self._figures[one.organisation] for one in connected if one.organisation in self._figures]
        )
        yield from _reconciliations(of)
        yield _gauge(
            f"{_P}_worker_heartbeat_age_seconds",
            "Age of the latest worker heartbeat; +Inf where there is none.",
            (),
            [((), of.worker_silent_s)],
        )
        yield _gauge(
            f"{_P}_secret_expires_timestamp_seconds",
            "When a secret expires.",
            ("organisation", "place"),
            [((one.organisation, one.place), one.expires_s) for one in of.secrets],
        )
        yield _gauge(
            f"{_P}_inbox_messages",
            "Messages of the portal by state.",
            ("organisation", "state"),
            [((one.organisation, one.state), one.messages) for one in of.messages],
        )
        found = {(one.organisation or "", one.code, one.severity) for one in run_checks(of)}
        yield _gauge(
            f"{_P}_finding",
            "What is wrong now, by its code in docs/portal/alerts.md.",
            ("organisation", "code", "severity"),
            [(labels, 1) for labels in sorted(found)],
        )


def _per_organisation(connected: list[ConnectionHealth]) -> Iterator[Metric]:
    def each(value_of: Callable[[ConnectionHealth], float | None]) -> list[Sample]:
        return [((one.organisation,), value) for one in connected if (value := value_of(one)) is not None]

    yield _gauge(
        f"{_P}_oldest_unconfirmed_removal_seconds",
        "Age of the oldest unconfirmed removal, in whatever mode; 0: none.",
        ("organisation",),
        each(lambda one: one.oldest_removal_s or 0.0),
    )
    yield _gauge(
        f"{_P}_days_in_capture",
        "Days that the connection has been in capture mode.",
        ("organisation",),
        each(lambda one: (one.mode_s or 0.0) / _DAY_S if one.mode == "capture" else None),
    )
    yield _gauge(
        f"{_P}_breaker",
        "1 for the breaker's state, 0 for the others.",
        ("organisation", "state"),
        [((one.organisation, state), one.breaker == state) for one in connected for state in BREAKERS],
    )


def _counts(figures: list[Figures]) -> Iterator[Metric]:
    yield _gauge(
        f"{_P}_rows",
        "Peer mentors by the state of their sync.",
        ("organisation", "state"),
        [((one.organisation, state), one.rows_by_state.get(state, 0)) for one in figures for state in STATES],
    )
    attempts = CounterMetricFamily(
        f"{_P}_attempts", "Attempts to send to the portal.", labels=("organisation", "outcome")
    )
    for one in figures:
        for outcome, number in sorted(one.attempts_by_outcome.items()):
            attempts.add_metric((one.organisation, outcome), number)
    yield attempts


def _reconciliations(snapshot: Snapshot) -> Iterator[Metric]:
    yield _gauge(
        f"{_P}_last_reconciliation_timestamp_seconds",
        "When the portal was last compared; absent: never.",
        ("organisation", "scope"),
        [
            ((one.organisation, scope), at.timestamp())
            for one in snapshot.reconciliations
            for scope, at in (("full", one.full_at), ("recent", one.recent_at))
            if at is not None
        ],
    )
    yield _gauge(
        f"{_P}_drift",
        "Peer mentors that the portal showed wrongly, by the last comparison.",
        ("organisation", "kind"),
        [
            ((one.organisation, kind), one.drift.get(kind, 0))
            for one in snapshot.reconciliations
            # Unknown is not zero.
            if one.full_at or one.recent_at or one.drift
            for kind in DRIFT
        ],
    )


def _gauge(name: str, text: str, labels: tuple[str, ...], samples: list[Sample]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family
