"""Traces: the id that a caller's `traceparent` names, and spans of OpenTelemetry where a collector is set."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from mentorcert.errors import SettingError

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from mentorcert.settings import Settings

# W3C Trace Context; whatever else is sent is ignored.
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_tracers: list["Tracer"] = []


@dataclass(frozen=True, slots=True)
class Trace:
    """A request or a job that goes on; `id` is for the log, None where nobody traces it."""

    id: str | None
    _span: "Span | None" = None

    def end(self, name: str, error: bool = False, **attributes: str | int) -> None:
        """Give it its name and its attributes, none of which may be personal."""
        if self._span is not None:
            self._span.update_name(name)
            self._span.set_attributes({key.replace("__", "."): value for key, value in attributes.items()})
            if error:
                from opentelemetry.trace import StatusCode  # noqa: PLC0415 - of the extra

                self._span.set_status(StatusCode.ERROR)


@contextmanager
def traced(name: str, traceparent: str = "", *, is_server: bool = False) -> Iterator[Trace]:
    """Trace the block, as a part of the trace that a header names."""
    given = _TRACEPARENT.fullmatch(traceparent)
    if not _tracers:
        yield Trace(given[1] if given else None)
        return
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - of the extra
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    # Of what callers send nothing else is taken: no baggage, no state of other systems.
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent} if given else {})
    with _tracers[-1].start_as_current_span(
        name,
        context if given else None,
        SpanKind.SERVER if is_server else SpanKind.INTERNAL,
        # An error's text may quote a row.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield Trace(f"{span.get_span_context().trace_id:032x}", span)


@contextmanager
def exported(settings: "Settings", service: str, version: str) -> Iterator[None]:
    """Send the spans of the block to the collector that is set; raises SettingError without the extra `otel`."""
    if settings.traces_url is None:
        yield
        return
    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter") is None:
        raise SettingError(
            "MENTORCERT_TRACES_URL needs OpenTelemetry.",
            hint="Install it with `pip install 'mentorcert[otel]'`.",
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    with tracing(
        BatchSpanProcessor(OTLPSpanExporter(settings.traces_url, timeout=5)),
        settings.traces_ratio,
        service,
        version,
    ):
        yield


@contextmanager
def tracing(processor: Any, ratio: float, service: str, version: str) -> Iterator[None]:
    """Have spans of the block processed, this part of all traces, whatever a caller's flags say."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - of the extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased  # noqa: PLC0415

    provider = TracerProvider(
        sampler=TraceIdRatioBased(ratio),
        resource=Resource({"service.name": f"mentorcert {service}", "service.version": version}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(processor)
    _tracers.append(provider.get_tracer("mentorcert", version))
    try:
        yield
    finally:
        _tracers.pop()
        provider.shutdown()
