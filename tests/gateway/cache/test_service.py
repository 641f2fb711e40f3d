"""The cache in front of the gateway, in memory and with a clock of the test's own."""

from __future__ import annotations

from random import Random
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.gateway.accounts import NOW, FakeAccounts
from tests.gateway.fakes import FakeProvider, make_cache, make_call
from tests.support.streams import HandFed, RecordingConsumer
from tests.support.threads import HeldThreads
from twisted_aigate.gateway.cache.controls import Controls
from twisted_aigate.gateway.cache.plan import Mode
from twisted_aigate.gateway.callers import MASTER, Caller, with_key
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import DONE, EVENT_STREAM, event
from twisted_aigate.gateway.keys.models import KeyLimits, VirtualKey
from twisted_aigate.gateway.providers.interface import IActs
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.routing.router import Router
from twisted_aigate.gateway.schemas.service import Schemas
from twisted_aigate.gateway.service import Gateway

_ONE, _TWO = event(b'{"choices":[]}'), event(b'{"choices":[{}]}')

_PRICES = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}


@implementer(IActs)
class ActingProvider(FakeProvider):
    """One whose answers are deeds."""


class CacheCase(SynchronousTestCase):
    mode = Mode.ON

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.accounts = FakeAccounts(self.clock, "sk-master")
        self.addCleanup(self.accounts.database.close)
        self.provider = FakeProvider()
        self.actor = ActingProvider()
        catalogue = Catalogue(
            [
                Deployment("m", "openai", "m"),
                Deployment("other", "openai", "other"),
                Deployment("priced", "openai", "x", info=_PRICES),
                Deployment("mocked", "openai", "x", mock_response="I am no model"),
                Deployment("acts", "actor", "a"),
                Deployment("may-act", "openai", "b"),
            ]
        )
        policy = Policy(num_retries=0, cooldown_time=0.0, fallbacks={"may-act": ("acts",)})
        router = Router(catalogue, policy, self.clock, Random(1))
        self.cache = make_cache(self.clock, self.mode)
        providers = {"openai": self.provider, "actor": self.actor}
        kept: Any = None
        threads: Any = HeldThreads()
        schemas = Schemas(threads)
        self.gateway = Gateway(
            router, providers, self.accounts.meter, kept, schemas, self.clock, self.cache
        )

    def ask(self, call: Call | None = None, caller: Caller = MASTER) -> Deferred[Result]:
        call = make_call() if call is None else call
        return Deferred.fromCoroutine(self.gateway.call(caller, call))

    def key_of(self, answer: Deferred[Result]) -> bytes | None:
        """The key that a response says it has been kept under."""
        return dict(self.successResultOf(answer).headers).get(b"x-litellm-cache-key")

    def hit(self, call: Call | None = None, caller: Caller = MASTER) -> bool:
        return self.key_of(self.ask(call, caller)) is not None

    def with_cache(self, **controls: Any) -> Call:
        return evolve(make_call(), cache=Controls(**controls))


class KeepingTests(CacheCase):
    """Answers that are kept."""

    def test_the_same_again(self) -> None:
        first = self.successResultOf(self.ask())
        self.provider.answer = Result(b"another")
        again = self.successResultOf(self.ask())
        self.assertEqual(again.body, first.body)
        self.assertEqual(again.content_type, first.content_type)
        self.assertEqual(len(self.provider.calls), 1)
        headers = dict(again.headers)
        self.assertEqual(headers[b"x-litellm-model-id"], dict(first.headers)[b"x-litellm-model-id"])
        self.assertNotIn(b"x-litellm-attempted-retries", headers)

    def test_every_task(self) -> None:
        for task in (Task.CHAT, Task.COMPLETION, Task.EMBEDDING, Task.RERANK):
            self.assertEqual([self.hit(make_call(task)) for _ in range(2)], [False, True])
        self.assertEqual([self.hit(make_call(Task.SPEECH)) for _ in range(2)], [False, False])

    def test_messages_are_kept_as_they_were_answered(self) -> None:
        chat = b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}'
        self.provider.answer = Result(chat)
        message = {"role": "user", "content": "Hello"}
        call = make_call(Task.MESSAGES, messages=[message], max_tokens=5)
        first = self.successResultOf(self.ask(call)).body
        assert isinstance(first, bytes)
        self.assertIn(b'"type":"message"', first)
        self.assertEqual(self.successResultOf(self.ask(call)).body, first)
        self.assertEqual(len(self.provider.calls), 1)

    def test_ten_minutes_long(self) -> None:
        self.assertFalse(self.hit())
        self.clock.advance(599)
        self.assertTrue(self.hit())
        self.clock.advance(1)
        self.assertFalse(self.hit())

    def test_callers_do_not_get_each_others(self) -> None:
        self.assertFalse(self.hit(caller=Caller("a")))
        self.assertFalse(self.hit(caller=Caller("b")))
        self.assertTrue(self.hit(caller=Caller("a")))

    def test_who_may_not_use_the_model_any_more_gets_nothing(self) -> None:
        self.hit(caller=Caller("a"))
        refused = self.ask(caller=Caller("a", frozenset(("other",))))
        self.assertEqual(self.failureResultOf(refused, GatewayError).value.status, 403)

    def test_errors_are_not_kept(self) -> None:
        self.provider.answer = GatewayError(400, "no")
        for _ in range(2):
            self.failureResultOf(self.ask(), GatewayError)
        self.assertEqual(len(self.provider.calls), 2)
        self.provider.answer = Result(b"{}")
        self.assertFalse(self.hit())

    def test_mocks_are_neither_kept_nor_looked_for(self) -> None:
        self.hit()
        self.assertFalse(self.hit(evolve(make_call(), mock_response="Hi")))
        self.assertEqual([self.hit(make_call(model="mocked")) for _ in range(2)], [False, False])

    def test_deeds_are_done_each_time(self) -> None:
        for model in ("acts", "may-act"):
            self.assertEqual([self.hit(make_call(model=model)) for _ in range(2)], [False, False])
        self.assertEqual(len(self.actor.calls), 2)

    def test_deeds_are_not_shared(self) -> None:
        self.actor.answer = Deferred()
        for _ in range(2):
            self.ask(make_call(model="acts"))
        self.assertEqual(len(self.actor.calls), 2)


class ControlTests(CacheCase):
    """What a call can ask."""

    def test_no_cache(self) -> None:
        """It asks anew, and what it gets is what is kept from then on."""
        self.hit()
        self.provider.answer = Result(b"newer")
        self.assertFalse(self.hit(self.with_cache(no_cache=True)))
        self.assertEqual(self.successResultOf(self.ask()).body, b"newer")

    def test_no_cache_waits_for_no_other(self) -> None:
        self.provider.answer = Deferred()
        self.ask()
        self.ask(self.with_cache(no_cache=True))
        self.assertEqual(len(self.provider.calls), 2)

    def test_no_store(self) -> None:
        self.assertFalse(self.hit(self.with_cache(no_store=True)))
        self.assertFalse(self.hit())
        self.assertTrue(self.hit(self.with_cache(no_store=True)))

    def test_ttl(self) -> None:
        self.hit(self.with_cache(ttl=5))
        self.clock.advance(4)
        self.assertTrue(self.hit())
        self.clock.advance(1)
        self.assertFalse(self.hit(self.with_cache(ttl=0)))
        self.assertFalse(self.hit())

    def test_s_maxage(self) -> None:
        self.hit()
        self.clock.advance(10)
        self.assertTrue(self.hit(self.with_cache(s_maxage=10)))
        self.assertFalse(self.hit(self.with_cache(s_maxage=9)))
        self.assertTrue(self.hit(self.with_cache(s_maxage=9)))

    def test_namespaces(self) -> None:
        self.hit()
        self.assertFalse(self.hit(self.with_cache(namespace="n")))
        key = self.key_of(self.ask(self.with_cache(namespace="n")))
        assert key is not None
        self.assertTrue(key.startswith(b"n:"))


class OptInTests(CacheCase):
    mode = Mode.OPT_IN

    def test_only_who_asks_for_it(self) -> None:
        asked = self.with_cache(use_cache=True)
        calls = (make_call(), make_call(), asked, make_call(), asked)
        self.assertEqual([self.hit(each) for each in calls], [False, False, False, False, True])


class OffTests(CacheCase):
    mode = Mode.OFF

    def test_not_even_who_asks_for_it(self) -> None:
        asked = self.with_cache(use_cache=True)
        self.assertEqual([self.hit(asked), self.hit(asked)], [False, False])


class SharingTests(CacheCase):
    """Calls that are the same at the same time."""

    def test_one_call_for_all(self) -> None:
        self.provider.answer = answer = Deferred()
        asked = [self.ask() for _ in range(50)]
        self.assertEqual(len(self.provider.calls), 1)
        answer.callback(Result(b"{}"))
        for each in asked:
            self.assertEqual(self.successResultOf(each).body, b"{}")
        self.assertTrue(self.hit())

    def test_an_error_is_for_all(self) -> None:
        self.provider.answer = answer = Deferred()
        asked = [self.ask() for _ in range(3)]
        answer.errback(GatewayError(429, "enough", retry_after=7))
        for each in asked:
            error = self.failureResultOf(each, GatewayError).value
            self.assertEqual((error.status, error.retry_after), (429, 7))
        self.provider.answer = Result(b"{}")
        self.assertFalse(self.hit())

    def test_one_who_leaves_leaves_the_others(self) -> None:
        self.provider.answer = answer = Deferred()
        asked = [self.ask() for _ in range(3)]
        asked[0].cancel()
        self.failureResultOf(asked[0], CancelledError)
        answer.callback(Result(b"{}"))
        for each in asked[1:]:
            self.assertEqual(self.successResultOf(each).body, b"{}")

    def test_the_last_who_leaves_cancels_the_call(self) -> None:
        cancelled: list[object] = []
        self.provider.answer = Deferred(cancelled.append)
        asked = [self.ask() for _ in range(2)]
        for each in asked:
            self.assertEqual(cancelled, [])
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.assertEqual(len(cancelled), 1)
        self.provider.answer = Result(b"{}")
        self.assertFalse(self.hit())

    def test_one_who_leaves_when_another_is_told(self) -> None:
        self.provider.answer = answer = Deferred()
        first, second = self.ask(), self.ask()
        first.addCallback(lambda _: second.cancel())
        answer.callback(Result(b"{}"))
        self.failureResultOf(second, CancelledError)

    def test_callers_do_not_share(self) -> None:
        self.provider.answer = Deferred()
        self.ask(caller=Caller("a"))
        self.ask(caller=Caller("b"))
        self.assertEqual(len(self.provider.calls), 2)

    def test_it_is_kept_if_one_of_them_wants_it(self) -> None:
        for keeps in (False, True):
            self.setUp()
            self.provider.answer = answer = Deferred()
            self.ask(self.with_cache(no_store=True))
            self.ask(self.with_cache(no_store=not keeps))
            answer.callback(Result(b"{}"))
            self.provider.answer = Result(b"{}")
            self.assertEqual(self.hit(), keeps)


class AccountTests(CacheCase):
    """What calls cost that nobody was asked for."""

    _CHAT = (
        b'{"choices":[{"message":{"content":"Hi"}}],'
        b'"usage":{"prompt_tokens":1000,"completion_tokens":1000}}'
    )

    def spent(self) -> list[tuple[bool, bool]]:
        """Of each call: whether it was answered by the cache, and whether it cost something."""
        return [(row.cache_hit, row.spend > 0) for row in self.accounts.rows()]

    def test_a_hit_is_written_down_and_costs_nothing(self) -> None:
        self.provider.answer = Result(self._CHAT)
        for _ in range(2):
            answer = self.successResultOf(self.ask(make_call(model="priced")))
            self.clock.advance(1)
        self.assertEqual(dict(answer.headers)[b"x-litellm-response-cost"], b"0.0")
        self.assertEqual(self.spent(), [(False, True), (True, False)])

    def test_one_call_is_paid_once(self) -> None:
        self.provider.answer = answer = Deferred()
        asked = [self.ask(make_call(model="priced")) for _ in range(3)]
        answer.callback(Result(self._CHAT))
        costs = [dict(self.successResultOf(each).headers) for each in asked]
        self.assertEqual(
            [float(each[b"x-litellm-response-cost"]) > 0 for each in costs], [True, False, False]
        )
        self.assertEqual(sorted(self.spent()), [(False, True), (True, False), (True, False)])

    def test_it_is_paid_though_who_asked_first_has_left(self) -> None:
        self.provider.answer = answer = Deferred()
        first, second = [self.ask(make_call(model="priced")) for _ in range(2)]
        first.addErrback(lambda _: None)
        first.cancel()
        answer.callback(Result(self._CHAT))
        self.successResultOf(second)
        self.assertEqual(sorted(self.spent()), [(False, True), (True, False)])

    def test_hits_count_for_a_keys_limits(self) -> None:
        key = VirtualKey("hash", "sk-...", 0.0, 0.0, limits=KeyLimits(rpm=2))
        for _ in range(2):
            self.successResultOf(self.ask(caller=with_key(key)))
        refused = self.ask(caller=with_key(key))
        self.assertEqual(self.failureResultOf(refused, GatewayError).value.status, 429)

    def test_who_is_refused_a_shared_stream_holds_nothing(self) -> None:
        source = HandFed()
        self.provider.answer = Result(source, EVENT_STREAM)
        key = VirtualKey("hash", "sk-...", 0.0, 0.0, limits=KeyLimits(rpm=1))
        first, second = [self.ask(make_call(stream=True), with_key(key)) for _ in range(2)]
        source.feed(_ONE)
        self.failureResultOf(second, GatewayError)
        body = self.successResultOf(first).body
        assert not isinstance(body, bytes)
        body.stopProducing()
        self.assertEqual(source.calls[-1], "stop")


class StreamTests(CacheCase):
    """Streams, recorded and shared."""

    def setUp(self) -> None:
        super().setUp()
        self.source = HandFed()
        self.provider.answer = Result(self.source, EVENT_STREAM)
        self.call = make_call(stream=True)

    def read(self) -> tuple[RecordingConsumer, Deferred[None]]:
        body = self.successResultOf(self.asked.pop(0)).body
        assert not isinstance(body, bytes)
        consumer = RecordingConsumer()
        return consumer, body.startProducing(consumer)

    def begin(self, count: int) -> None:
        """Have that many ask, and the first event come."""
        self.asked = [self.ask(self.call) for _ in range(count)]
        self.source.feed(_ONE)

    def test_recorded_and_replayed(self) -> None:
        self.begin(1)
        consumer, done = self.read()
        self.source.feed(_TWO)
        self.source.feed(DONE)
        self.source.done.callback(None)
        self.successResultOf(done)
        again = self.successResultOf(self.ask(self.call))
        self.assertEqual(again.body, consumer.data)
        self.assertEqual(again.body, _ONE + _TWO + DONE)
        self.assertTrue(again.is_events)
        # Whoever wants it whole asks something else.
        self.provider.answer = Result(b"{}")
        self.assertFalse(self.hit())

    def test_shared_from_wherever_one_joins(self) -> None:
        self.begin(2)
        readers = [self.read(), self.read()]
        self.source.feed(_TWO)
        self.asked.append(self.ask(self.call))
        readers.append(self.read())
        self.source.feed(DONE)
        self.source.done.callback(None)
        for consumer, done in readers:
            self.assertEqual(consumer.data, _ONE + _TWO + DONE)
            self.successResultOf(done)
        self.assertEqual(len(self.provider.calls), 1)

    def test_half_a_stream_is_not_kept(self) -> None:
        self.begin(1)
        consumer, done = self.read()
        self.source.done.errback(ConnectionError())
        self.successResultOf(done)
        self.assertIn(b'"error"', consumer.data)
        self.assertNotIn(b"x-litellm-cache-key", self.next_headers())

    def test_what_the_last_has_left_is_not_kept(self) -> None:
        self.begin(2)
        for _ in range(2):
            _, done = self.read()
            done.addErrback(lambda _: None)
            done.cancel()
        self.assertEqual(self.source.calls[-1], "stop")
        self.assertNotIn(b"x-litellm-cache-key", self.next_headers())

    def test_who_left_before_the_stream_began_holds_nothing(self) -> None:
        self.begin(2)
        for asked in self.asked:
            body = self.successResultOf(asked).body
            assert not isinstance(body, bytes)
            body.stopProducing()
        self.assertEqual(self.source.calls[-1], "stop")

    def next_headers(self) -> dict[bytes, bytes]:
        """Of the answer to the next who asks, whom the provider has to answer."""
        self.source = HandFed()
        self.provider.answer = Result(self.source, EVENT_STREAM)
        asked = self.ask(self.call)
        self.source.feed(_ONE)
        return dict(self.successResultOf(asked).headers)
