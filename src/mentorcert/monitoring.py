"""The addresses of a process for its operator, at a port of their own: `/metrics`, `/healthz` and `/readyz`."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from mentorcert import http_server, logs, metrics

ANSWER_S: Final = 3.0

T = TypeVar("T")


class Each(Generic[T]):
    """Asks several databases at once; while one has not answered it is not asked again, and nobody waits for it."""

    def __init__(self, asks: Mapping[str, Callable[[], T]]) -> None:
        self._asks, self._lock = asks, threading.Lock()
        self._asked: dict[str, Future[T]] = {}

    def answers(self, within_s: float | None = None) -> dict[str, T | None]:
        """Return what each answers, None where it does not within the bound; raises what asking raises."""
        with self._lock:
            for name, ask in self._asks.items():
                if (before := self._asked.get(name)) is None or before.done():
                    self._asked[name] = self._ask(name, ask)
            asked = dict(self._asked)
        wait(asked.values(), ANSWER_S if within_s is None else within_s)
        return {name: one.result() if one.done() else None for name, one in asked.items()}

    @staticmethod
    def _ask(name: str, ask: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()

        def run() -> None:
            try:
                with logs.of_database(name):
                    future.set_result(ask())
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is read
                future.set_exception(error)

        # The process does not wait for it either.
        threading.Thread(target=run, daemon=True).start()
        return future


class MetricsOfEach(Collector):
    """The metrics of several databases, with the label `database`; of one that does not answer `mentorcert_up 0`."""

    def __init__(self, collectors: Mapping[str, Collector]) -> None:
        def ask(collector: Collector) -> Callable[[], list[Metric]]:
            return lambda: list(collector.collect())

        self._each = Each({name: ask(one) for name, one in collectors.items()})

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, each once."""
        families: dict[str, Metric] = {}
        for name, found in self._each.answers().items():
            for family in found if found is not None else [metrics.up(is_there=False)]:
                all_of = families.setdefault(family.name, family)
                samples = [one._replace(labels={"database": name, **one.labels}) for one in family.samples]
                all_of.samples = samples if all_of is family else [*all_of.samples, *samples]
        yield from families.values()


def readiness(troubles: Mapping[str, Sequence[str] | None]) -> tuple[int, dict[str, Any]]:
    """Return the status and the document of `/readyz` for the databases of a process; None: it does not answer.

    One that is away is no reason to restart the process, or to hold up a release, while the others are served.
    """
    errors = {name: ["no_answer"] if found is None else list(found) for name, found in troubles.items()}
    if set(errors) == {""}:
        return (503 if errors[""] else 200), {"status": "error" if errors[""] else "ok", "errors": errors[""]}
    wrong = [name for name, found in errors.items() if found]
    status = "error" if len(wrong) == len(errors) else "degraded" if wrong else "ok"
    return (503 if status == "error" else 200), {"status": status, "databases": errors}


@contextmanager
def served(
    host: str,
    port: int | None,
    collectors: Iterable[Collector] = (),
    ready: Mapping[str, Callable[[], Sequence[str]]] | None = None,
) -> Iterator[int | None]:
    """Serve in a thread; yields the port, for 0 a free one, and for None nothing is served.

    `ready` returns for each database the reasons why the process cannot do its work; without it there is no `/readyz`.
    Raises InvalidInputError for an address that cannot be taken.
    """
    if port is None:
        yield None
        return
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.get("/metrics")
    def show_metrics() -> Response:
        return Response(metrics.exposition(collectors), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    if ready is not None:
        each = Each(ready)

        @app.get("/readyz")
        def readyz(database: str | None = None) -> JSONResponse:
            found = each.answers()
            if database is not None:
                found = {"": found.get(database, ["unknown_database"])}
            status, document = readiness(found)
            return JSONResponse(document, status)

    with http_server.in_thread(app, host, port) as at:
        yield at
