"""Which deployments go first, and how often a failure is tried again."""

from __future__ import annotations

from attrs import evolve

from tests.gateway.routing.router_case import RouterCase, deployment, failure
from twisted_aigate.gateway.deployments import Limits


class OrderTests(RouterCase):
    """Deployments with a rank."""

    def setUp(self) -> None:
        super().setUp()
        self.make(
            deployment("last"),
            evolve(deployment("second"), order=2),
            evolve(deployment("first", limits=Limits(rpm=2)), order=1),
        )

    def test_lowest_first(self) -> None:
        """The next is for when it is at its limits."""
        for _ in range(4):
            self.answer()
        self.assertEqual(self.asked, ["first", "first", "second", "second"])

    def test_failure(self) -> None:
        """A call that failed goes on to the next."""
        self.fails("first", failure(500))
        self.fails("second", failure(500))
        self.assertEqual(self.answer().deployment.model, "last")
        self.assertEqual(self.asked, ["first", "second", "last"])


class RetriesTests(RouterCase):
    """Numbers of tries."""

    def tries(self, status: int, own: int | None = None, **policy: object) -> int:
        """How often a deployment that always fails is asked."""
        self.setUp()
        self.make(evolve(deployment("a"), num_retries=own), **policy)
        self.fails("a", failure(status), times=20)
        self.error()
        return len(self.asked)

    def test_by_the_deployment(self) -> None:
        """Its own number wins over the router's."""
        self.assertEqual(self.tries(500, own=0, num_retries=3), 1)
        self.assertEqual(self.tries(500, own=2, num_retries=0), 3)

    def test_by_the_failure(self) -> None:
        """The policy's wins over both: the model's, then the router's."""
        policy = {
            "num_retries": 5,
            "retries": {"TimeoutError": 0, "Default": 2},
            "group_retries": {"m": {"RateLimitError": 1}, "other": {"TimeoutError": 4}},
        }
        for status, tries in ((408, 1), (504, 1), (429, 2), (500, 3), (503, 3)):
            self.assertEqual(self.tries(status, 3, **policy), tries, status)
        self.assertEqual(self.tries(500, num_retries=1, retries={"TimeoutError": 5}), 2)

    def test_never_what_is_wrong(self) -> None:
        """No number has a call made again that is itself wrong."""
        self.assertEqual(self.tries(400, retries={"Default": 5}), 1)


class WildcardTests(RouterCase):
    """A deployment that is one of many names."""

    def test_unknown_model(self) -> None:
        """That its provider knows no such model is nothing against the others."""
        for wildcard, available in ((None, False), ("x/*", True)):
            self.setUp()
            found = evolve(deployment("a"), wildcard=wildcard)
            router = self.make(found, deployment("b"), allowed_fails=0)
            self.fails("a", failure(404))
            self.fails("b", failure(404))
            self.error()
            self.assertIs(router.states.available([found]) == [found], available)
            self.setUp()
            router = self.make(found, deployment("b"), allowed_fails=0)
            self.fails("a", failure(401))
            self.fails("b", failure(401))
            self.error()
            self.assertFalse(router.states.available([found]))
