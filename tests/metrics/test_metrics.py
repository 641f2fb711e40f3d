"""C{/metrics}: who may read it, and that Prometheus can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.answers import Answer
from tests.support.edge import TIMEOUT, Handlers, Wire, get, make_site
from tests.support.threads import HeldThreads
from twisted_aigate.kernel.figures import Family, Histogram, gauge
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.metrics.routes import metrics_routes
from twisted_aigate.metrics.service import Metrics
from twisted_aigate.web.off import render_json_error
from twisted_aigate.web.site import Tree

_TOKEN = "Authorization: Bearer scrape-token"
_OPEN = "Accept: application/openmetrics-text; version=1.0.0"


class _Source:
    def __init__(self, *families: Family, error: Exception | None = None) -> None:
        self._families = families
        self._error = error

    async def figures(self) -> Sequence[Family]:
        if self._error is not None:
            raise self._error
        return self._families


def _hits(model: str, count: int) -> Family:
    return Family("aigate_hits", "counter", "Hits.", [((model,), count)], ("model",))


def _seconds() -> Family:
    histogram = Histogram((0.5, 1.0))
    for value in (0.1, 0.7, 30.0):
        histogram.observe(value)
    return Family("aigate_seconds", "histogram", "S.", [((), histogram.distribution())])


class MetricsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sources: dict[str, Any] = {
            "one": _Source(_hits('odd "name"\\\n', 3), _seconds()),
            "two": _Source(_hits("plain", 4), gauge("aigate_things", "Things.", 2.5)),
        }
        threads: Any = HeldThreads()
        metrics = Metrics(self.sources, threads)
        router = metrics_routes(metrics, [Secret("sk-master"), Secret("scrape-token")])
        tree = Tree(b"metrics", router, render_json_error, None, frozenset(), TIMEOUT)
        self.site = make_site(self.clock, Handlers().router, others=[tree])

    def get(self, *lines: str, path: str = "/metrics") -> Answer:
        wire = Wire(self.site, self.clock)
        wire.send(get(path, *lines))
        return wire.answer()

    def values(self, metrics: Iterator[Metric]) -> dict[Any, float]:
        """Each sample of ours."""
        return {
            (sample.name, *sample.labels.values()): sample.value
            for metric in metrics
            for sample in metric.samples
            if sample.name.startswith("aigate_")
        }

    def test_prometheus_can_read_it(self) -> None:
        answer = self.get(_TOKEN)
        self.assertEqual(answer.field("content-type"), "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(
            self.values(parse_text(answer.body.decode())),
            {
                ("aigate_hits_total", 'odd "name"\\\n'): 3.0,
                ("aigate_hits_total", "plain"): 4.0,
                ("aigate_seconds_bucket", "0.5"): 1.0,
                ("aigate_seconds_bucket", "1.0"): 2.0,
                ("aigate_seconds_bucket", "+Inf"): 3.0,
                ("aigate_seconds_count",): 3.0,
                ("aigate_seconds_sum",): 30.8,
                ("aigate_things",): 2.5,
                ("aigate_figures_failed", "one"): 0.0,
                ("aigate_figures_failed", "two"): 0.0,
            },
        )

    def test_the_process_is_in_it(self) -> None:
        names = {metric.name for metric in parse_text(self.get(_TOKEN).body.decode())}
        self.assertLessEqual({"process_resident_memory_bytes", "process_open_fds"}, names)

    def test_a_family_of_two_sources_is_one(self) -> None:
        self.assertEqual(self.get(_TOKEN).body.count(b"# TYPE aigate_hits_total counter"), 1)

    def test_in_the_newer_format_too(self) -> None:
        answer = self.get(_TOKEN, _OPEN)
        self.assertIn("application/openmetrics-text", answer.field("content-type") or "")
        self.assertEqual(
            self.values(parse_open(answer.body.decode())),
            self.values(parse_text(self.get(_TOKEN).body.decode())),
        )

    def test_a_source_that_fails_takes_no_other_with_it(self) -> None:
        self.sources["one"] = _Source(error=RuntimeError("the database is down"))
        values = self.values(parse_text(self.get(_TOKEN).body.decode()))
        self.assertEqual(values["aigate_figures_failed", "one"], 1.0)
        self.assertEqual(values["aigate_things",], 2.5)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_the_master_key_opens_it_and_others_do_not(self) -> None:
        self.assertEqual(self.get("Authorization: Bearer sk-master", path="/metrics/").status, 200)
        for lines in ((), ("Authorization: Bearer sk-other",), ("Authorization: Basic eDp5",)):
            answer = self.get(*lines)
            self.assertEqual(answer.status, 401)
            self.assertIn("Bearer", answer.field("www-authenticate") or "")
            self.assertNotIn(b"aigate_", answer.body)
