"""Tries, waits, and deployments that are left alone."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from tests.gateway.routing.router_case import OK, RouterCase, deployment, failure, too_long
from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.deployments import Catalogue, Deployment, Limits
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.policy import Policy, Strategy
from twisted_aigate.gateway.routing.router import Answer


class OneDeploymentTests(RouterCase):
    """Tries of the same."""

    def setUp(self) -> None:
        super().setUp()
        self.make(deployment("a"))

    def test_answered(self) -> None:
        """At once."""
        answer = self.successResultOf(self.route())
        self.assertIs(answer.result.body, OK.body)
        self.assertEqual((answer.deployment.model, answer.retries, answer.fallbacks), ("a", 0, 0))
        self.assertIdle()

    def test_tried_again(self) -> None:
        """What another try may mend, with waits that grow."""
        for status in (408, 409, 429, 500, 502, 503, 504, 529):
            with self.subTest(status):
                self.setUp()
                self.fails("a", failure(status), times=3)
                answer = self.answer()
                self.assertEqual((answer.retries, self.asked), (3, ["a"] * 4))
                waits = [b - a for a, b in zip(self.times, self.times[1:], strict=False)]
                for wait, most in zip(waits, (0.5, 1, 2), strict=True):
                    self.assertTrue(most * 0.75 <= wait <= most + 0.11, waits)
                self.assertIdle()

    def test_never_tried_again(self) -> None:
        """What is wrong stays wrong."""
        for status in (400, 401, 402, 403, 404, 405, 413, 422):
            with self.subTest(status):
                self.setUp()
                self.fails("a", failure(status))
                self.assertEqual(self.failureResultOf(self.route()).value.status, status)
                self.assertEqual(self.asked, ["a"])
                self.assertIdle()

    def test_given_up(self) -> None:
        """After num_retries, with the provider's own error."""
        for retries in (0, 1, 3):
            with self.subTest(retries):
                self.setUp()
                self.make(deployment("a"), num_retries=retries)
                self.fails("a", failure(500), times=9)
                self.assertEqual(self.error().message, "status 500")
                self.assertEqual(len(self.asked), retries + 1)
                self.assertIdle()

    def test_retry_after(self) -> None:
        """The provider is asked when it wants to be, and meanwhile nobody else asks it."""
        self.fails("a", failure(429, 7))
        call = self.route()
        self.clock.advance(3)
        error = self.error()
        self.assertEqual((error.status, error.code), (429, "no_deployment_available"))
        self.assertEqual(error.retry_after, 4)
        self.finish(call)
        self.assertEqual(self.successResultOf(call).retries, 1)
        self.assertTrue(7 <= self.times[1] - self.times[0] <= 7.6)
        self.assertIdle()

    def test_short_retry_after(self) -> None:
        """It is not kept from its next try by a cooldown that it has not earned."""
        self.fails("a", failure(503, 1), times=3)
        self.assertEqual(self.answer().retries, 3)
        self.assertLess(self.times[-1] - self.times[0], 5)

    def test_long_retry_after(self) -> None:
        """Longer than anyone waits."""
        self.fails("a", failure(429, 61))
        self.assertEqual(self.failureResultOf(self.route()).value.retry_after, 61)
        self.assertEqual(self.asked, ["a"])
        self.assertEqual(self.error().retry_after, 61)

    def test_fewest_seconds(self) -> None:
        """C{retry_after} of the policy."""
        self.make(deployment("a"), retry_after=4)
        self.fails("a", failure(500))
        self.answer()
        self.assertGreaterEqual(self.times[1] - self.times[0], 4)

    def test_cooldown(self) -> None:
        """One failure more than allowed: the error is its own, then nobody asks it for a while."""
        self.make(deployment("a"), default_fallbacks=("other",))
        self.fails("a", failure(500), times=4)
        self.assertEqual(self.error().status, 500)
        error = self.failureResultOf(self.route(), GatewayError).value
        self.assertEqual((error.status, error.retry_after), (429, 5))
        self.assertEqual(len(self.asked), 4)
        self.clock.advance(5)
        self.answer()
        self.assertEqual(len(self.asked), 5)
        self.assertIdle()

    def test_cooldown_before_the_last_try(self) -> None:
        """There is nothing to wait for: the provider's own error, at once."""
        self.make(deployment("a"), allowed_fails=0, default_fallbacks=("other",))
        self.fails("a", failure(500))
        self.assertEqual(self.failureResultOf(self.route()).value.status, 500)
        self.assertIdle()

    def test_no_cooldown_without_another(self) -> None:
        """Where nothing else can be asked, a model that failed is asked all the same."""
        self.fails("a", failure(500), times=12)
        for _ in range(3):
            self.assertEqual(self.error().status, 500)
        self.answer()

    def test_wrong_calls_do_not_count(self) -> None:
        """A caller's mistakes cool nothing down."""
        for _ in range(10):
            for error in (failure(400), failure(422), too_long()):
                self.fails("a", error)
                self.failureResultOf(self.route(), GatewayError)
        self.answer()

    def test_limits(self) -> None:
        """At a limit: a 429 that says when."""
        self.clock.advance(20)
        for limits, wait in ((Limits(rpm=1), 40), (Limits(tpm=5), 40), (Limits(max_parallel=1), 1)):
            with self.subTest(limits):
                self.make(deployment("a", limits=limits))
                waiting: Deferred[Result] = Deferred()
                usage = b'{"usage":{"total_tokens":5}}'
                self.fails("a", waiting if limits.max_parallel else Result(usage))
                call = self.route()
                error = self.failureResultOf(self.route(), GatewayError).value
                self.assertEqual((error.status, error.retry_after), (429, wait))
                if limits.max_parallel:
                    waiting.callback(OK)
                    self.successResultOf(self.route())
                self.successResultOf(call)
                self.assertIdle()

    def test_what_runs_here_and_is_full(self) -> None:
        """It is not waited for, is asked by the next call, and another stands in for it."""
        here = Deployment("m", "local", "a")
        self.make(here, allowed_fails=0)
        for _ in range(5):
            self.fails("a", failure(429, 5, "queue_full"))
            error = self.failureResultOf(self.route(), GatewayError).value
            self.assertEqual((error.code, error.retry_after), ("queue_full", 5))
        self.successResultOf(self.route())
        self.make(here, deployment("b", "b"), default_fallbacks=("b",))
        self.fails("a", failure(429, 5, "queue_full"))
        self.assertEqual(self.successResultOf(self.route()).deployment.model, "b")
        self.assertIdle()

    def test_unknown_model(self) -> None:
        """Nobody is asked."""
        self.assertEqual(self.error("nothing").code, "model_not_found")

    def test_fault_of_ours(self) -> None:
        """It is neither tried again nor kept, and no call stays in hand."""
        self.fails("a", ZeroDivisionError())
        self.failureResultOf(self.route(), ZeroDivisionError)
        self.assertEqual(self.asked, ["a"])
        self.assertIdle()

    def test_caller_leaves(self) -> None:
        """While it is asked, and while the next try is waited for."""
        cancelled: list[object] = []
        self.fails("a", Deferred(cancelled.append))
        call = self.route()
        self.assertEqual(self.in_flight(), [1])
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.assertEqual(len(cancelled), 1)
        self.assertIdle()
        self.fails("a", failure(500))
        call = self.route()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.assertIdle()
        self.answer()

    def test_other_catalogue_meanwhile(self) -> None:
        """A call in hand goes on, and the new deployments begin at nothing."""
        waiting: Deferred[Result] = Deferred()
        self.fails("a", waiting)
        call = self.route()
        self.router.replace(Catalogue([deployment("b")]), Policy())
        self.assertEqual(self.answer().deployment.model, "b")
        self.router.replace(Catalogue([deployment("a")]), Policy())
        waiting.callback(OK)
        self.assertEqual(self.successResultOf(call).deployment.model, "a")
        self.assertIdle()


class NobodyElseTests(RouterCase):
    """A deployment that alone can answer."""

    def route(self, model: str = "m") -> Deferred[Answer]:
        """Begin a call of C{a}, beside which there is C{b}."""
        only = self.router.catalogue.find("m")[0]
        return Deferred.fromCoroutine(self.router.route_to(only, self.ask))

    def setUp(self) -> None:
        super().setUp()
        self.make(deployment("a"), deployment("b"), fallbacks={"m": ("other",)})

    def test_tried_again(self) -> None:
        self.fails("a", failure(500), times=2)
        self.assertEqual((self.answer().deployment.model, self.asked), ("a", ["a"] * 3))
        self.assertIdle()

    def test_fails(self) -> None:
        """Neither another deployment nor another model is asked."""
        self.fails("a", failure(500), times=4)
        self.assertEqual((self.error().status, self.asked), (500, ["a"] * 4))
        self.assertIdle()


class SeveralDeploymentsTests(RouterCase):
    """Tries of others."""

    def setUp(self) -> None:
        super().setUp()
        self.make(deployment("a"), deployment("b"))

    def test_the_other_is_asked_first(self) -> None:
        """Whatever the strategy prefers, one that has failed at this call comes last."""
        for strategy in Strategy:
            with self.subTest(strategy):
                self.setUp()
                self.make(deployment("a"), deployment("b"), strategy=strategy)
                # The fastest, the idlest and the least used of the two is the one that is down.
                self.router.states.of(deployment("b")).answered(self.clock.seconds(), 9)
                self.router.states.end(self.router.states.begin(deployment("b")), 100)
                self.fails("a", failure(502), times=100)
                for _ in range(3):
                    answer = self.successResultOf(self.route())
                    self.assertEqual(answer.deployment.model, "b")
                self.assertIdle()

    def test_no_wait_for_the_other(self) -> None:
        """It need not wait, even if the first one asks for a day."""
        for retry_after in (None, 86_400):
            self.setUp()
            self.fails("a", failure(429, retry_after), times=9)
            self.fails("b", failure(429, retry_after), times=9)
            call = self.route()
            self.assertEqual(sorted(self.asked), ["a", "b"])
            call.cancel()
            self.failureResultOf(call)

    def test_rounds(self) -> None:
        """When all have failed they are asked again, after a wait."""
        self.fails("a", failure(500))
        self.fails("b", failure(500), times=9)
        answer = self.answer()
        self.assertEqual(answer.deployment.model, "a")
        self.assertIn(answer.retries, (2, 3))
        self.assertEqual(sorted(self.asked[:2]), ["a", "b"])
        self.assertEqual(self.times[0], self.times[1])
        self.assertLess(self.times[1], self.times[2])

    def test_the_first_who_may_be_asked_again(self) -> None:
        """Of two who want to be left alone, the one that wants it shorter."""
        self.fails("a", failure(429, 30))
        self.fails("b", failure(429, 2))
        answer = self.answer()
        self.assertEqual(answer.deployment.model, "b")
        self.assertTrue(2 <= self.times[-1] - self.times[0] <= 2.6)

    def test_refused_key(self) -> None:
        """It is not asked again, neither by this call nor by the next ones."""
        for status in (401, 403, 404):
            with self.subTest(status):
                self.setUp()
                self.fails("a", failure(status), times=9)
                for _ in range(5):
                    self.assertEqual(self.successResultOf(self.route()).deployment.model, "b")
                self.assertLessEqual(self.asked.count("a"), 1)
                self.clock.advance(5)

    def test_all_refuse_the_key(self) -> None:
        """The last one's error; no try is repeated."""
        self.fails("a", failure(401))
        self.fails("b", failure(403))
        self.assertIn(self.failureResultOf(self.route()).value.status, (401, 403))
        self.assertEqual(sorted(self.asked), ["a", "b"])
        self.assertIdle()

    def test_refused_key_and_failure(self) -> None:
        """The one whose key is refused takes no tries from the other."""
        self.fails("a", failure(401))
        self.fails("b", failure(500), times=9)
        self.assertIn(self.error().status, (401, 500))
        self.assertLessEqual(self.asked.count("a"), 1)
        self.assertGreaterEqual(self.asked.count("b"), 3)

    def test_refused_key_and_none_left(self) -> None:
        """What the call itself saw, not that others are at their limits."""
        self.make(deployment("a"), deployment("b", limits=Limits(rpm=0)))
        self.fails("a", failure(401))
        self.assertEqual(self.failureResultOf(self.route()).value.status, 401)

    def test_the_same_twice(self) -> None:
        """Two entries that differ by their key alone are two deployments."""
        self.make(deployment("a"), deployment("a"))
        ids = [each.id for each in self.router.catalogue]
        self.assertEqual(len(set(ids)), 2)
        self.fails("a", failure(401))
        self.assertEqual(self.successResultOf(self.route()).retries, 1)

    def test_alias(self) -> None:
        """By another name it is the same deployment."""
        limited = deployment("a", limits=Limits(rpm=1))
        self.router.replace(Catalogue([limited], {"alias": "m"}), Policy())
        self.successResultOf(self.route("alias"))
        self.assertEqual(self.error("m").code, "no_deployment_available")

    def test_silent_one_is_not_the_fastest(self) -> None:
        """One that timed out counts as that slow, and is not preferred as one that is unknown."""
        waiting: Deferred[Result] = Deferred()
        self.fails("a", waiting)
        self.router.states.of(deployment("b")).answered(self.clock.seconds(), 1)
        call = self.route()
        self.assertEqual(self.asked, ["a"])
        self.clock.advance(30)
        waiting.errback(failure(504))
        self.assertEqual(self.successResultOf(call).deployment.model, "b")
        for _ in range(20):
            self.assertEqual(self.answer().deployment.model, "b")

    def test_many_at_once(self) -> None:
        """However calls end, none stays in hand."""
        self.make(deployment("a"), allowed_fails=99)
        waiting: list[Deferred[Result]] = [Deferred() for _ in range(40)]
        self.fails("a", *waiting)
        calls = [self.route() for _ in waiting]
        self.assertEqual(self.in_flight(), [40])
        for number, (each, call) in enumerate(zip(waiting, calls, strict=True)):
            if number % 4 == 0:
                each.callback(OK)
            elif number % 4 == 1:
                each.errback(failure(400))
            elif number % 4 == 2:
                call.cancel()
            else:
                each.errback(failure(500))
        for call in calls:
            self.finish(call)
            call.addErrback(lambda failure: failure.trap(GatewayError, CancelledError))
        self.assertTrue(all(call.called for call in calls))
        self.assertIdle()
