"""Traces: what a collector is sent, and that nothing waits for it."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SpanStatus

from agentflow import checks
from executions.engine.status import Status
from executions.models import Execution, NodeExecution
from tests import factories
from tests.executions.hosting import ended, hosting, run, started
from tests.faults.workers import ROOT, environment
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]

NODES = {
    "a": ("core.value", {"value": [1, 2]}),
    "each": ("logic.for_each", {}),
    "wait": ("core.delay", {"seconds": 0.01}),
}
LINKS = "a.value -> each.items; each.item -> wait.value"

#: Threads of ours and of OpenTelemetry.
SENDERS = ("traces", "OtelBatch")


class Collector(ThreadingHTTPServer):
    """Takes spans; `open` unset: takes the requests and never answers."""

    daemon_threads = True

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.open = threading.Event()
        self.open.set()
        super().__init__(("127.0.0.1", 0), Handler)

    def take(self, body: bytes) -> None:
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {a.value.string_value for a in of_resource.resource.attributes if a.key == "service.name"}
            self.spans += [span for of_scope in of_resource.scope_spans for span in of_scope.spans]

    def of(self, execution: Execution) -> list[Span]:
        return [span for span in self.spans if span.trace_id == execution.pk.bytes]


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.open.wait(30)
        if self.path == "/v1/traces":
            self.server.take(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector on this machine that the worker sends to."""
    with Collector() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        monkeypatch.setattr("django.conf.settings.OTLP_ENDPOINT", f"http://127.0.0.1:{made.server_port}/")
        yield made
        made.open.set()
        until(lambda: not any(thread.name.startswith(SENDERS) for thread in threading.enumerate()))
        made.shutdown()


def attributes(span: Span) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def test_run_is_a_trace_with_a_span_for_each_node(collector: Collector) -> None:
    alice = factories.user("alice")
    with hosting():
        execution = run(alice, NODES, LINKS)
    spans = collector.of(execution)
    (root,) = [span for span in spans if not span.parent_span_id]
    assert (root.name, attributes(root)["agentflow.status"]) == ("execution", "completed")
    nodes = [span for span in spans if span is not root]
    assert {span.parent_span_id for span in nodes} == {root.span_id}
    assert sorted(span.name for span in nodes) == ["core.delay", "core.delay", "core.value", "logic.for_each"]
    assert {span.span_id for span in nodes} == {row.pk.bytes[8:] for row in NodeExecution.objects.all()}
    assert all(root.start_time_unix_nano <= span.start_time_unix_nano <= root.end_time_unix_nano for span in nodes)
    waits = [span for span in nodes if span.name == "core.delay"]
    assert all(span.end_time_unix_nano - span.start_time_unix_nano >= 10_000_000 for span in waits)
    assert sorted(next(iter(attributes(span)["agentflow.path"].values)).int_value for span in waits) == [0, 1]
    assert collector.services == {"agentflow"}


def test_failure_is_told(collector: Collector) -> None:
    alice = factories.user("alice")
    with hosting():
        execution = run(alice, {"bad": ("core.fail", {"message": "no luck"})})
    root, bad = sorted(collector.of(execution), key=lambda span: len(span.parent_span_id))
    assert (bad.status.code, bad.status.message) == (SpanStatus.STATUS_CODE_ERROR, "no luck")
    assert (root.status.code, attributes(root)["agentflow.reason"]) == (SpanStatus.STATUS_CODE_ERROR, "node")


def test_run_that_changes_its_worker_stays_one_trace(collector: Collector) -> None:
    alice = factories.user("alice")
    with hosting():
        execution = started(alice, {"a": ("core.value", {"value": 1}), "wait": ("core.delay", {"seconds": 0.6})})
        until(lambda: NodeExecution.objects.filter(execution=execution, node="a", status=Status.COMPLETED).exists())
        until(lambda: NodeExecution.objects.filter(execution=execution, node="wait", status=Status.RUNNING).exists())
    assert [span.name for span in collector.of(execution)] == ["core.value"]
    with hosting():
        ended(execution)
    assert sorted(span.name for span in collector.of(execution)) == ["core.delay", "core.value", "execution"]


def test_nothing_waits_for_a_collector_that_hangs(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.tracing.CLOSE_SECONDS", 0.2)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    collector.open.clear()
    alice = factories.user("alice")
    with hosting():
        for _ in range(5):
            run(alice, NODES, LINKS)
        stopping_at = time.monotonic()
    assert time.monotonic() - stopping_at < 5
    assert not collector.spans


def test_without_a_collector_nothing_of_ours_is_imported() -> None:
    program = (
        "import sys, django; django.setup();"
        "from executions import host, tracing; assert tracing.started('w') is None;"
        "sys.exit(any(name.startswith('opentelemetry.exporter') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], env=environment(), cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({}, False),
    ],
)
def test_standard_variables_turn_traces_on_and_off(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(checks, "find_spec", lambda _name: None)
    assert [message.id for message in checks.traces_can_be_sent()] == (["agentflow.W002"] if wanted else [])
