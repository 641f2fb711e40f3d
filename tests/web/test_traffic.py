"""What is counted of requests."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import TIMEOUT, Handlers, Wire, get, head, make_site, render_plain_error
from twisted_aigate.kernel.figures import Distribution
from twisted_aigate.web.site import Tree


class TrafficTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        router = self.handlers.router
        other = Tree(b"other", router, render_plain_error, None, frozenset(), TIMEOUT)
        self.site = make_site(self.clock, router, others=[other])
        self.wire = Wire(self.site, self.clock)

    def requests(self) -> dict[tuple[str, ...], object]:
        """How many, by tree, method and status."""
        return dict(next(self.site.traffic.families("root")).samples)

    def seconds(self, tree: str) -> Distribution:
        """How long those of a tree took."""
        _, seconds, _ = self.site.traffic.families("root")
        value = dict(seconds.samples)[(tree,)]
        assert isinstance(value, Distribution)
        return value

    def test_requests_are_counted_by_what_they_were(self) -> None:
        self.wire.send(get() * 2 + get("/nothing") + get("/other/hello"))
        self.wire.send(head("HEAD", "/hello"))
        self.assertEqual(
            self.requests(),
            {
                ("root", "GET", "2xx"): 2,
                ("root", "GET", "4xx"): 1,
                ("other", "GET", "2xx"): 1,
                ("root", "HEAD", "2xx"): 1,
            },
        )

    def test_methods_that_clients_invent_are_one(self) -> None:
        for method in ("PURGE", "TRACE", "LOCK"):
            Wire(self.site, self.clock).send(head(method, "/hello"))
        self.assertEqual({method for _, method, _ in self.requests()}, {"other"})

    def test_how_long_it_took(self) -> None:
        self.wire.send(get("/wait"))
        self.clock.advance(3)
        self.assertEqual(self.requests(), {})
        self.handlers.gates[0].callback(None)
        counted = self.seconds("root")
        self.assertEqual((counted.count, counted.total), (1, 3.0))
        self.assertEqual((dict(counted.buckets)[2.5], dict(counted.buckets)[5.0]), (0, 1))

    def test_who_leaves_is_the_clients_fault(self) -> None:
        self.wire.send(get("/wait"))
        self.assertEqual(self.site.connections, 1)
        self.wire.transport.lose()
        self.assertEqual(self.requests(), {("root", "GET", "4xx"): 1})
        self.assertEqual(self.site.connections, 0)

    def test_what_is_no_request_is_counted_apart(self) -> None:
        self.wire.send(b"nonsense\r\n\r\n")
        *_, refused = self.site.traffic.families("root")
        self.assertEqual(dict(refused.samples), {("root",): 1})
        self.assertEqual(self.requests(), {})
