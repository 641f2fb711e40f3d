"""
Figures as text that Prometheus reads.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from twisted_aigate.kernel.figures import Distribution, Family


class _Families(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        metrics: dict[str, Metric] = {}
        for family in self._families:
            metric = metrics.get(family.name)
            if metric is None:
                metric = metrics[family.name] = _empty(family)
            for labels, value in family.samples:
                _add(metric, labels, value)
        return iter(metrics.values())


def _empty(family: Family) -> Metric:
    if family.kind == "counter":
        return CounterMetricFamily(family.name, family.help, labels=family.labels)
    if family.kind == "gauge":
        return GaugeMetricFamily(family.name, family.help, labels=family.labels)
    return HistogramMetricFamily(family.name, family.help, labels=family.labels)


def _add(metric: Metric, labels: tuple[str, ...], value: float | Distribution) -> None:
    if isinstance(metric, HistogramMetricFamily):
        assert isinstance(value, Distribution)
        buckets = [(repr(bound), float(count)) for bound, count in value.buckets]
        metric.add_metric(labels, [*buckets, ("+Inf", float(value.count))], value.total)
    elif isinstance(metric, CounterMetricFamily | GaugeMetricFamily):
        assert not isinstance(value, Distribution)
        metric.add_metric(labels, value)


def expose(families: Iterable[Family], accept: str) -> tuple[bytes, str]:
    """
    Write figures, and those of this process. It blocks: the process is looked at in C{/proc}.

    @param families: Those of one name become one.
    @param accept: The C{Accept} field of who asks.
    @return: The text and its media type.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
