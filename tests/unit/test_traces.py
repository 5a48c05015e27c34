"""Traces: what is taken of a caller's header, and what leaves the process."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mentorcert import traces
from mentorcert.errors import SettingError
from mentorcert.settings import Settings
from mentorcert.traces import exported, traced, tracing

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{ID}-00f067aa0ba902b7-01"
WRONG = (
    "",
    "0" * 10_000,
    GIVEN + "0" * 10_000,
    GIVEN.upper(),
    f"{GIVEN}\n",
    f" {GIVEN}",
    f"01-{ID}-00f067aa0ba902b7-01",
    f"00-{'0' * 32}-00f067aa0ba902b7-01",
    f"00-{ID}-{'0' * 16}-01",
    f"00-{ID}-00f067aa0ba902b7-01-more",
)


def test_the_id_of_a_caller_is_taken_without_opentelemetry() -> None:
    with traced("request", GIVEN) as trace:
        assert trace.id == ID
        trace.end("GET /")
    for wrong in WRONG:
        with traced("request", wrong) as trace:
            assert trace.id is None, wrong


def test_a_span_is_part_of_the_callers_trace() -> None:
    exporter = InMemorySpanExporter()
    with tracing(SimpleSpanProcessor(exporter), 1.0, "serve", "1.2"):
        with traced("request", GIVEN, is_server=True) as trace, traced("nightly run") as inner:
            assert trace.id == inner.id == ID
            trace.end("GET /me", http__route="/me")
        for wrong in WRONG:
            with traced("request", wrong, is_server=True) as trace:
                assert trace.id not in {None, ID}
    inner_span, outer, *others = exporter.get_finished_spans()
    assert (outer.name, outer.attributes) == ("GET /me", {"http.route": "/me"})
    assert outer.parent is not None
    assert f"{outer.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert (context := outer.get_span_context()) is not None
    assert inner_span.parent is not None
    assert inner_span.parent.span_id == context.span_id
    assert [span.parent for span in others] == [None] * len(WRONG)
    assert outer.resource.attributes["service.name"] == "mentorcert serve"


def test_an_error_is_not_quoted() -> None:
    exporter = InMemorySpanExporter()
    with (
        tracing(SimpleSpanProcessor(exporter), 1.0, "serve", "1.2"),
        pytest.raises(ValueError, match="Kari"),
        traced("nightly run"),
    ):
        raise ValueError("Kari Nordmann")
    (span,) = exporter.get_finished_spans()
    assert "Kari" not in span.to_json()


def test_a_caller_does_not_decide_what_is_traced() -> None:
    """Its flag says that it is sampled, and the part of all is none."""
    exporter = InMemorySpanExporter()
    with tracing(SimpleSpanProcessor(exporter), 0.0, "serve", "1.2"), traced("request", GIVEN) as trace:
        assert trace.id == ID
    assert exporter.get_finished_spans() == ()


def test_a_collector_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTORCERT_TRACES_URL", "http://127.0.0.1:9/v1/traces")
    monkeypatch.setattr(traces, "find_spec", lambda _name: None)
    with pytest.raises(SettingError, match="needs OpenTelemetry"), exported(Settings(), "serve", "1.2"):
        pass
