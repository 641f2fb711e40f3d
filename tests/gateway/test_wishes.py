"""What a caller says of the way that its call takes."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from tests.gateway.accounting.test_meter import MeterCase
from tests.gateway.fakes import make_call
from tests.gateway.routes_case import AUTHORIZED
from tests.gateway.routing.router_case import RouterCase, deployment, failure, too_long
from tests.gateway.test_key_routes import KeyRoutesCase
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.wishes import Wishes
from twisted_aigate.http_client import Origin

_CHAT = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


class RequestTests(KeyRoutesCase):
    """From the request to the provider."""

    more = (
        Deployment("other", "openai", "upstream-other"),
        Deployment("third", "openai", "third"),
        Deployment("far", "openai", "far", Origin("http", "upstream.test", 80)),
    )

    def test_fallbacks(self) -> None:
        """Those of the request are asked, in order, and no provider hears of them."""
        self.provider.fails = {"upstream-m", "upstream-other"}
        wished = {"fallbacks": ["nobody-knows-it", "other", {"model": "third"}], "seed": 1}
        response, _ = self.post("/chat/completions", {**_CHAT, **wished})
        self.assertEqual(response.code, 200)
        asked = [each.model for each, _ in self.provider.calls]
        self.assertEqual(asked, ["upstream-m", "upstream-other", "third"])
        self.assertEqual(set(self.provider.calls[-1][1].fields), {"model", "messages", "seed"})
        self.assertEqual(response.headers.getRawHeaders("x-litellm-attempted-fallbacks"), ["2"])

    def test_fallbacks_that_a_key_may_not_use(self) -> None:
        key = self.generate(models=["m"], aliases={"mine": "m"})["key"]
        response, error = self.chat(key, fallbacks=["other"])
        self.assertEqual((response.code, error["error"]["param"]), (403, "model"))
        self.assertEqual(self.provider.calls, [])
        response, _ = self.chat(key, fallbacks=["mine"])
        self.assertEqual(response.code, 200)

    def test_retries_and_timeout(self) -> None:
        """In the body, or else in the head."""
        for fields, more, expected in (
            ({"num_retries": 2, "timeout": 7}, {}, (3, 7)),
            ({}, {"x-litellm-num-retries": "1", "x-litellm-timeout": "2.5"}, (2, 2.5)),
            ({"num_retries": 0, "timeout": 7}, {"x-litellm-num-retries": "1"}, (1, 7)),
            ({}, {}, (1, 600)),
        ):
            self.provider.calls.clear()
            self.provider.fails = {"far"}
            answer = self.client.request(
                "POST",
                "http://test/chat/completions",
                headers={**AUTHORIZED, **more},
                json={**_CHAT, "model": "far", **fields},
            )
            for _ in range(100):
                self.clock.advance(1)
            self.client.flush()
            self.assertEqual(self.successResultOf(answer).code, 500)
            tried, _ = self.provider.calls[-1]
            self.assertEqual((len(self.provider.calls), tried.timeout), expected)
            self.assertEqual(tried.stream_timeout, expected[1])

    def test_what_is_no_wish(self) -> None:
        for fields, more in (
            ({"fallbacks": "other"}, {}),
            ({"fallbacks": [{"name": "other"}]}, {}),
            ({"fallbacks": ["other"] * 21}, {}),
            ({"num_retries": -1}, {}),
            ({"timeout": 0}, {}),
            ({}, {"x-litellm-timeout": "soon"}),
            ({}, {"x-litellm-num-retries": "inf"}),
            ({}, {"x-litellm-num-retries": "1e9"}),
        ):
            headers = {**AUTHORIZED, **more}
            response, error = self.post("/chat/completions", {**_CHAT, **fields}, headers=headers)
            self.assertEqual(response.code, 400, (fields, more))
            self.assertIn(next(iter({**fields, **more})), error["error"]["message"])
        self.assertEqual(self.provider.calls, [])


class RoutingTests(RouterCase):
    """What the router makes of them."""

    def routed(self, wishes: Wishes) -> list[str]:
        """Who is asked."""
        self.asked.clear()
        call: Deferred[Any] = Deferred.fromCoroutine(self.router.route("m", self.ask, wishes))
        self.finish(call)
        call.addErrback(lambda _: None)
        return self.asked

    def test_they_win_over_the_configuration(self) -> None:
        names = ("m", "b", "c", "long")
        self.make(
            *(deployment(name, name) for name in names),
            num_retries=1,
            allowed_fails=100,
            fallbacks={"m": ("b",)},
            context_window_fallbacks={"m": ("long",)},
        )
        for wishes, failures, expected in (
            (Wishes(), 2, ["m", "m", "b"]),
            (Wishes(fallbacks=("c",)), 2, ["m", "m", "c"]),
            (Wishes(fallbacks=()), 2, ["m", "m"]),
            (Wishes(num_retries=0), 1, ["m", "b"]),
            (Wishes(num_retries=3), 4, ["m"] * 4 + ["b"]),
        ):
            self.script["m"].clear()
            self.fails("m", failure(500), times=failures)
            self.assertEqual(self.routed(wishes), expected)
        self.fails("m", too_long())
        self.assertEqual(self.routed(Wishes(fallbacks=("c",))), ["m", "long"])


class MoneyTests(MeterCase):
    """What they may cost."""

    def test_a_wished_fallback_is_held_for(self) -> None:
        """A key that could not pay it is refused before anyone is asked."""
        alice = self.key(max_budget=1.0)
        call = make_call(messages=[{"role": "user", "content": "x"}], max_tokens=10)
        dear = self.start(alice, evolve(call, wishes=Wishes(fallbacks=("dear",))))
        self.assertEqual(self.failureResultOf(dear, GatewayError).value.code, "budget_exceeded")
        self.assertEqual(self.provider.calls, [])
        self.successResultOf(self.start(alice, evolve(call, wishes=Wishes(fallbacks=("free",)))))
        self.assertEqual(len(self.provider.calls), 1)
