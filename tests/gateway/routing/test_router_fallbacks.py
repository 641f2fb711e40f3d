"""Models in place of others."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from tests.gateway.routing.router_case import (
    RouterCase,
    deployment,
    failure,
    refused,
    too_long,
)
from twisted_aigate.gateway.deployments import Limits
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.policy import Policy

_NAMES = ("m", "b", "c", "d", "large", "tolerant")
_ALL = [deployment(name if name != "m" else "a", name) for name in _NAMES]


class FallbackTests(RouterCase):
    """From one model name to the next."""

    def test_kinds_of_failure(self) -> None:
        """Each kind has its own chain."""
        for error, expected in (
            (failure(500), "b"),
            (failure(401), "b"),
            (failure(429, 3600), "b"),
            (too_long(), "large"),
            (refused(), "tolerant"),
        ):
            with self.subTest(error):
                self.setUp()
                self.make(
                    *_ALL,
                    num_retries=0,
                    fallbacks={"m": ("b",)},
                    context_window_fallbacks={"m": ("large",)},
                    content_policy_fallbacks={"m": ("tolerant",)},
                )
                self.fails("a", error)
                answer = self.successResultOf(self.route())
                self.assertEqual((answer.deployment.model, answer.fallbacks), (expected, 1))
                self.assertEqual(answer.deployment.model_name, expected)
                self.assertIdle()

    def test_wrong_calls(self) -> None:
        """They fall back to nothing."""
        self.make(*_ALL, fallbacks={"m": ("b",)}, default_fallbacks=("c",))
        for status in (400, 402, 405, 413, 422):
            self.fails("a", failure(status))
            self.assertEqual(self.failureResultOf(self.route()).value.status, status)
        self.assertEqual(set(self.asked), {"a"})

    def test_after_the_retries(self) -> None:
        """First the tries, then the next model; all tries are counted."""
        self.make(*_ALL, num_retries=2, fallbacks={"m": ("b", "c")})
        self.fails("a", failure(500), times=3)
        self.fails("b", failure(500), times=3)
        answer = self.answer()
        self.assertEqual(self.asked, ["a"] * 3 + ["b"] * 3 + ["c"])
        self.assertEqual((answer.retries, answer.fallbacks), (4, 2))
        self.assertIdle()

    def test_none_available(self) -> None:
        """Limits and cooldowns fall back too, without asking."""
        self.make(
            deployment("a", limits=Limits(rpm=0)), deployment("b", "b"), fallbacks={"m": ("b",)}
        )
        self.assertEqual(self.successResultOf(self.route()).deployment.model, "b")
        self.assertEqual(self.asked, ["b"])

    def test_all_fail(self) -> None:
        """The error of the model that was asked for."""
        self.make(*_ALL, num_retries=0, fallbacks={"m": ("b", "c")})
        self.fails("a", failure(503))
        self.fails("b", failure(400))
        self.fails("c", too_long())
        self.assertEqual(self.failureResultOf(self.route()).value.status, 503)
        self.assertEqual(self.asked, ["a", "b", "c"])
        self.assertIdle()

    def test_cycles(self) -> None:
        """Each name is asked once, whatever chains say of each other."""
        self.make(*_ALL, num_retries=0, fallbacks={"m": ("m", "b", "b"), "b": ("m",)})
        self.fails("a", failure(500), times=9)
        self.fails("b", failure(500), times=9)
        self.failureResultOf(self.route(), GatewayError)
        self.assertEqual(self.asked, ["a", "b"])

    def test_unknown_names(self) -> None:
        """They are passed over, and do not count against the most."""
        self.make(
            *_ALL, num_retries=0, max_fallbacks=1, fallbacks={"m": ("no", "neither", "b", "c")}
        )
        self.fails("a", failure(500))
        answer = self.successResultOf(self.route())
        self.assertEqual((answer.deployment.model, answer.fallbacks), ("b", 1))

    def test_most(self) -> None:
        """No more of them than may be."""
        self.make(*_ALL, num_retries=0, max_fallbacks=2, fallbacks={"m": ("b", "c", "d")})
        for name in "abcd":
            self.fails(name, failure(500))
        self.failureResultOf(self.route(), GatewayError)
        self.assertEqual(self.asked, ["a", "b", "c"])

    def test_star_and_default(self) -> None:
        """For those without an entry of their own."""
        for policy in ({"fallbacks": {"*": ("b",)}}, {"default_fallbacks": ("b",)}):
            self.setUp()
            self.make(*_ALL, num_retries=0, **policy)
            for name in ("a", "c"):
                self.fails(name, failure(500))
            self.assertEqual(self.successResultOf(self.route("m")).deployment.model, "b")
            self.assertEqual(self.successResultOf(self.route("c")).deployment.model, "b")
            self.fails("b", failure(500))
            self.assertEqual(self.failureResultOf(self.route("b")).value.status, 500)

    def test_long_wait_where_another_may_answer(self) -> None:
        """With a fallback left, nobody waits longer than without being asked to."""
        self.make(*_ALL, fallbacks={"m": ("b",)})
        self.fails("a", failure(429, 9))
        self.fails("b", failure(429, 9))
        answer = self.answer()
        self.assertEqual(self.asked, ["a", "b", "b"])
        self.assertEqual(self.times[0], self.times[1])
        self.assertEqual(answer.deployment.model, "b")

    def test_short_wait_where_another_may_answer(self) -> None:
        """A short one is waited for."""
        self.make(*_ALL, fallbacks={"m": ("b",)})
        self.fails("a", failure(429, 2))
        self.assertEqual(self.answer().fallbacks, 0)

    def test_caller_leaves(self) -> None:
        """While a fallback is asked."""
        self.make(*_ALL, num_retries=0, fallbacks={"m": ("b",)})
        cancelled: list[object] = []
        self.fails("a", failure(500))
        self.fails("b", Deferred(cancelled.append))
        call = self.route()
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.assertEqual((len(cancelled), self.asked), (1, ["a", "b"]))
        self.assertIdle()

    def test_all_that_may_answer(self) -> None:
        """Fallbacks of all kinds; of another configuration, its own."""
        self.make(*_ALL, fallbacks={"m": ("b", "gone")}, context_window_fallbacks={"m": ("large",)})
        for _ in range(2):
            names = {each.model_name for each in self.router.reachable("m")}
            self.assertEqual(names, {"m", "b", "large"})
        self.router.replace(self.router.catalogue, Policy(default_fallbacks=("c",)))
        names = {each.model_name for each in self.router.reachable("m")}
        self.assertEqual(names, {"m", "c"})
        with self.assertRaises(GatewayError):
            self.router.reachable("none")
