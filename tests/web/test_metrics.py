"""The metrics of the pages: what is counted, under which labels, and where they are shown."""

from collections.abc import Callable

import httpx2
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from mentorcert import metrics, monitoring
from mentorcert.traces import tracing
from mentorcert.web import services
from tests.support.processes import DEADLINE_S
from tests.support.registry import Organisation
from tests.support.sessions import wait_until
from tests.web.conftest import Site

Found = dict[tuple[str, ...], float]


def samples(text: str) -> Found:
    """Every sample by its name and the values of its labels, in the order of the labels' names."""
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


@pytest.fixture
def found(site: Site) -> Callable[[], Found]:
    shared = site.app.state.services
    collector = metrics.PoolMetrics({"pages": shared.pool})
    return lambda: samples(metrics.exposition([collector]).decode())


def test_requests_are_counted_by_template(
    site: Site, organisation: Organisation, found: Callable[[], Found]
) -> None:
    before = found()
    client = site.client(organisation.admin)
    mentor = organisation.mentor()
    client.get(f"/mentors/{mentor}")
    client.get("/no-such-page")
    client.request("BREW", "/me")
    client.get("/healthz")
    after = found()

    def more(*key: str) -> float:
        return after[key] - before.get(key, 0)

    counted = [key for key in after if key[0] == "mentorcert_http_requests_total"]
    (page,) = [key for key in counted if "mentors" in key[2] and more(*key)]
    assert page[1:] == ("GET", "/mentors/{mentor_id}", "200")
    assert more("mentorcert_http_requests_total", "GET", "other", "404") == 1
    assert more("mentorcert_http_requests_total", "GET", "/healthz", "200") == 1
    assert more("mentorcert_http_request_duration_seconds_count", "GET", "/healthz") == 1
    assert not [
        key for key in after if "BREW" in key or str(mentor) in "".join(key) or "no-such-page" in "".join(key)
    ]


def test_what_callers_send_makes_no_new_labels(site: Site, found: Callable[[], Found]) -> None:
    client = site.client()
    client.get("/healthz/0")
    client.request("X0", "/y0")
    known = found().keys()
    for number in range(1, 20):
        client.get(f"/healthz/{number}", headers={"host": f"h{number}", "user-agent": f"u{number}"})
        client.request(f"X{number}", f"/y{number}")
    assert found().keys() == known


def test_the_pool_is_seen(site: Site, found: Callable[[], Found], monkeypatch: pytest.MonkeyPatch) -> None:
    pool = site.app.state.services.pool
    with pool.connection():
        seen = found()
        # Another one may be opened meanwhile.
        assert seen["mentorcert_pool_connections", "pages", "used"] in {1, 2}
        assert seen["mentorcert_pool_max_connections", "pages"] == 10
    wait_until(lambda: found()["mentorcert_pool_connections", "pages", "used"] == 0, "the connection back")
    before = found()["mentorcert_requests_refused_total",]
    monkeypatch.setattr(services, "_LONGEST_WAIT_S", 0.01)
    limiter = services.ConnectionLimiter(0)
    monkeypatch.setattr(site.app.state.services.limiter, "_free", limiter._free)
    assert site.client().get("/").status_code == 503
    assert found()["mentorcert_requests_refused_total",] > before


def test_they_are_shown_at_a_port_of_their_own(site: Site) -> None:
    assert site.client().get("/metrics").status_code == 404
    reasons = ["database_unreachable"]
    with (
        monitoring.served("127.0.0.1", 0, ready={"": lambda: reasons}) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S) as client,
    ):
        answer = client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert ("python_info" in answer.text, "mentorcert_http_requests" in answer.text) == (True, True)
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").json() == {"status": "error", "errors": reasons}
        reasons.clear()
        assert client.get("/readyz").status_code == 200


def test_a_request_is_a_span_that_names_nobody(site: Site, organisation: Organisation) -> None:
    exporter = InMemorySpanExporter()
    given = "4bf92f3577b34da6a3ce929d0e0e4736"
    with tracing(SimpleSpanProcessor(exporter), 1.0, "serve", "1.2"):
        answer = site.client(organisation.admin).get(
            "/certifications?name=Kari",
            headers={"traceparent": f"00-{given}-00f067aa0ba902b7-01", "baggage": "a=Kari"},
        )
    assert answer.status_code == 200
    (span,) = exporter.get_finished_spans()
    assert span.name == "GET /certifications"
    assert span.attributes == {
        "http.request.method": "GET", "http.route": "/certifications", "http.response.status_code": 200,
    }  # fmt: skip
    assert (context := span.get_span_context()) is not None
    assert f"{context.trace_id:032x}" == given
    text = span.to_json()
    assert not [word for word in ("Kari", str(organisation.admin), "testclient") if word in text]
