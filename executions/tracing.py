"""Traces by OpenTelemetry, where somebody wants them: a span for each run and each of its nodes, of what is durable.

Ids follow from those of the rows, so the spans of a run are one trace whichever workers made them: the trace's id is the
run's. Threads make and send them: a collector that is slow or away costs spans, never time of a run.
"""

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.conf import settings

import agentflow
from executions.engine.status import Status
from executions.ledger import Batch, Ending, Ledger, NodeRow

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

logger = logging.getLogger(__name__)

#: Transactions that wait to be made into spans; further ones are not traced.
MOST_WAITING = 10_000
#: What sending the rest may take when the worker ends.
CLOSE_SECONDS = 3.0
#: The standard's own variables say where to send, too.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SPAN_BITS = 64


def is_wanted() -> bool:
    """Whether the environment says where traces go."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return bool(settings.OTLP_ENDPOINT or any(os.environ.get(name) for name in ENDPOINTS))


def started(worker: str) -> "Traces | None":
    """Running traces; None, and nothing of OpenTelemetry imported, unless they are wanted."""
    if not is_wanted():
        return None
    try:
        return Traces(worker)
    except ImportError as error:
        logger.warning("no traces: %s", error, extra={"action": "traces_missing"})
        return None


class _Ended(NamedTuple):
    """What one transaction ended of one execution."""

    execution: UUID
    graph: int
    nodes: Sequence[NodeRow]
    ending: Ending | None


class _Ids:
    """OpenTelemetry's generator of ids, which gives the ones that are to come next."""

    trace = span = 0

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        return self.span

    def is_trace_id_random(self) -> bool:
        return False


class Traces:
    """Makes spans in a thread; OpenTelemetry's own thread sends them in batches, as its `OTEL_BSP_…` variables say."""

    def __init__(self, worker: str) -> None:
        self._ids = _Ids()
        self._tracer, self._shut_down = _provided(worker, self._ids)
        self._queue: SimpleQueue[_Ended | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def take(self, written: Iterable[tuple[Ledger, Batch]]) -> None:
        """This is durable now."""
        for ledger, batch in written:
            nodes = [row for row in batch.nodes if row.ended_at is not None and row.status is not Status.SKIPPED]
            if (nodes or batch.ending) and self._queue.qsize() < MOST_WAITING:
                self._queue.put(_Ended(ledger.execution, ledger.graph, nodes, batch.ending))

    def close(self) -> None:
        """Send the rest, if that is soon done."""
        self._queue.put(None)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while (ended := self._queue.get()) is not None:
            try:
                self._trace(ended)
            except Exception:
                logger.exception("not traced", extra={"action": "trace_failed", "execution": str(ended.execution)})
        self._shut_down()

    def _trace(self, ended: _Ended) -> None:
        self._ids.trace = ended.execution.int
        for row in ended.nodes:
            self._ids.span = _short(row.id)
            self._node(row, _short(ended.execution))
        if ended.ending is not None:
            self._ids.span = _short(ended.execution)
            self._execution(ended, ended.ending)

    def _node(self, row: NodeRow, parent: int) -> None:
        from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

        sampled = TraceFlags(TraceFlags.SAMPLED)
        above = NonRecordingSpan(SpanContext(self._ids.trace, parent, is_remote=True, trace_flags=sampled))
        begun_at = row.started_at or row.ended_at
        span = self._tracer.start_span(
            row.block, set_span_in_context(above), attributes=_attributes(row), start_time=_nanoseconds(begun_at)
        )
        _end(span, row.status, (row.error or {}).get("message", ""), row.ended_at)

    def _execution(self, ended: _Ended, ending: Ending) -> None:
        from opentelemetry.context import Context

        attributes: dict[str, Any] = {"agentflow.execution": str(ended.execution), "agentflow.graph": ended.graph}
        attributes |= {"agentflow.status": ending.status.value, "agentflow.reason": ending.reason}
        span = self._tracer.start_span(
            "execution", Context(), attributes=attributes, start_time=_nanoseconds(ending.started_at)
        )
        _end(span, ending.status, (ending.error or {}).get("detail", ""), ending.ended_at)


def _provided(worker: str, ids: Any) -> "tuple[Tracer, Any]":
    """A tracer whose spans are sent, and how to end that."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    about = {"service.version": agentflow.__version__, "service.instance.id": worker}
    if "OTEL_SERVICE_NAME" not in os.environ:
        about["service.name"] = "agentflow"
    endpoint = f"{settings.OTLP_ENDPOINT.rstrip('/')}/v1/traces" if settings.OTLP_ENDPOINT else None
    provider = TracerProvider(ALWAYS_ON, Resource.create(about), shutdown_on_exit=False, id_generator=ids)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    return provider.get_tracer("agentflow", agentflow.__version__), provider.shutdown


def _attributes(row: NodeRow) -> dict[str, Any]:
    found: dict[str, Any] = {
        "agentflow.node": row.node,
        "agentflow.block": row.block,
        "agentflow.status": row.status.value,
    }
    found |= {"agentflow.attempt": row.attempt, "agentflow.ordinal": row.ordinal}
    if row.path:
        found["agentflow.path"] = list(row.path)
    if row.reused or row.pinned:
        found["agentflow.taken_over"] = True
    return found


def _end(span: "Span", status: Status, message: str, at: datetime | None) -> None:
    from opentelemetry.trace import StatusCode

    if status is Status.COMPLETED:
        span.set_status(StatusCode.OK)
    elif status is Status.FAILED:
        span.set_status(StatusCode.ERROR, message)
    span.end(_nanoseconds(at))


def _short(id: UUID) -> int:
    """The random half of an id, as long as that of a span."""
    return id.int & ((1 << SPAN_BITS) - 1)


def _nanoseconds(moment: datetime | None) -> int | None:
    return round(moment.timestamp() * 1_000_000) * 1_000 if moment else None
