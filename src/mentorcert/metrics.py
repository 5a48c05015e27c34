"""What a process measures of itself, as Prometheus metrics; labels have few values, and none comes from outside."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg_pool import ConnectionPool

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"

_REQUESTS: Final = Counter(
    "mentorcert_http_requests",
    "Requests by method, template of the route (`other`: none) and status (0: broken off).",
    ("method", "route", "status"),
)
_DURATIONS: Final = Histogram(
    "mentorcert_http_request_duration_seconds",
    "How long requests take until the answer is sent.",
    ("method", "route"),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
WAITING: Final = Gauge("mentorcert_requests_waiting", "Requests that wait for a connection to the database.")
REFUSED: Final = Counter(
    "mentorcert_requests_refused", "Requests that were refused since all connections were lent out."
)
BUILD: Final = Gauge("mentorcert_build_info", "1, with the version and the process.", ("version", "service"))


def count_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count a request and its duration."""
    method = method if method in METHODS else OTHER
    _REQUESTS.labels(method, route or OTHER, status).inc()
    _DURATIONS.labels(method, route or OTHER).observe(seconds)


class PoolMetrics(Collector):
    """The state of pools of connections, by name."""

    def __init__(self, pools: dict[str, ConnectionPool[Any]]) -> None:
        self._pools = pools

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        connections = GaugeMetricFamily(
            "mentorcert_pool_connections",
            "Connections to the database: idle; used: lent, or being opened.",
            labels=("pool", "state"),
        )
        most = GaugeMetricFamily("mentorcert_pool_max_connections", "The size of the pool.", labels=("pool",))
        waiting = GaugeMetricFamily(
            "mentorcert_pool_waiting", "Threads that wait for a connection.", labels=("pool",)
        )
        counters = {
            key: CounterMetricFamily(f"mentorcert_pool_{name}", text, labels=("pool",))
            for key, name, text in (
                ("requests_errors", "timeouts", "Requests for a connection that were not met in time."),
                ("connections_errors", "failed_connections", "Attempts to connect that failed."),
                ("connections_lost", "lost_connections", "Connections that broke while they were lent."),
            )
        }
        for name, pool in self._pools.items():
            found = pool.get_stats()
            idle = found.get("pool_available", 0)
            connections.add_metric((name, "idle"), idle)
            connections.add_metric((name, "used"), found.get("pool_size", 0) - idle)
            most.add_metric((name,), found.get("pool_max", 0))
            waiting.add_metric((name,), found.get("requests_waiting", 0))
            for key, family in counters.items():
                family.add_metric((name,), found.get(key, 0))
        yield from (connections, most, waiting, *counters.values())


def up(*, is_there: bool) -> Metric:
    """Return the metric that says whether a database could be read."""
    return GaugeMetricFamily("mentorcert_up", "Whether the database could be read.", float(is_there))


def exposition(collectors: Iterable[Collector] = ()) -> bytes:
    """Return the metrics of the process, and those of the collectors, in Prometheus's text format."""
    registry = CollectorRegistry()
    for one in collectors:
        registry.register(one)
    return generate_latest(REGISTRY) + generate_latest(registry)
