"""What all workers have counted (`totals`), as Prometheus metrics."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from executions.gauges import Counts
from executions.histogram import ROWS, SECONDS

PREFIX = "agentflow_"


class Counter(NamedTuple):
    """A number that grows."""

    text: str
    labels: tuple[str, ...] = ()


class Spread(NamedTuple):
    """A histogram."""

    text: str
    labels: tuple[str, ...] = ()
    bounds: Sequence[float] = SECONDS


#: By the name in `Counts`.
COUNTERS = {
    "executions_ended": Counter("Executions that ended.", ("status", "reason")),
    "node_executions": Counter("Node executions that ended.", ("status", "block")),
    "cost_usd": Counter("Dollars that node executions have cost.", ("block",)),
    "engine_seconds": Counter("Time in which engines decided what comes next."),
    "loop_seconds": Counter("Processor time of the workers' event loops."),
    "lease_renewals": Counter("Renewals of leases by hosting workers."),
    "recoveries": Counter("Executions that a lost worker had, that were handed over, that were taken up.", ("kind",)),
}
HISTOGRAMS = {
    "execution_seconds": Spread("From an execution's first start to its end."),
    "execution_wait_seconds": Spread("How long an execution was queued until a worker took it."),
    "node_seconds": Spread("From a node execution's start to its end, with waits and further tries.", ("block",)),
    "node_wait_seconds": Spread("How long a node execution was ready before it started."),
    "flush_seconds": Spread("One transaction of a recorder."),
    "flush_rows": Spread("Rows that it wrote.", bounds=ROWS),
}


def families(counts: Counts) -> Iterator[Metric]:
    """Every metric; one without labels is there from the start."""
    for name, counter in COUNTERS.items():
        yield _counter(f"{PREFIX}{name}", counter, counts.get(name, {}))
    for name, spread in HISTOGRAMS.items():
        yield histogram(f"{PREFIX}{name}", spread, counts.get(name, {}))


def _counter(name: str, counter: Counter, values: Mapping[str, float]) -> Metric:
    metric = CounterMetricFamily(name, counter.text, labels=counter.labels)
    for key, value in (values or ({} if counter.labels else {"": 0})).items():
        metric.add_metric(_labels(counter.labels, key), value)
    return metric


def histogram(name: str, spread: Spread, values: Mapping[str, Sequence[float]]) -> Metric:
    """`values` by labels, each as `Histogram.as_json` gives them."""
    metric = HistogramMetricFamily(name, spread.text, labels=spread.labels)
    for key, value in (values or ({} if spread.labels else {"": [0]})).items():
        buckets, total = _buckets(spread.bounds, value)
        metric.add_metric(_labels(spread.labels, key), buckets=buckets, sum_value=total)
    return metric


def _labels(names: Sequence[str], key: str) -> list[str]:
    return key.split("|", len(names) - 1) if names else []


def _buckets(bounds: Sequence[float], value: Sequence[float]) -> tuple[list[Any], float]:
    """Cumulated, as Prometheus wants them; workers of an older release may know fewer bounds."""
    total, *numbers = value
    numbers += [0] * (len(bounds) + 1 - len(numbers))
    cumulated = list(accumulate(numbers[1:]))
    named = [(str(float(bound)), number) for bound, number in zip(bounds, cumulated, strict=True)]
    return [*named, ("+Inf", cumulated[-1] + numbers[0])], total
