"""Calls on their way through accounting."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.accounts import NOW, FakeAccounts
from tests.gateway.fakes import FakeProvider, make_call
from tests.gateway.messages.examples import chunk, stream
from tests.support.streams import HandFed, RecordingConsumer
from tests.support.threads import HeldThreads
from twisted_aigate.gateway.accounting import ledger
from twisted_aigate.gateway.accounting.holds import budget_holds
from twisted_aigate.gateway.callers import MASTER, Caller, with_key
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.keys.records import virtual_keys
from twisted_aigate.gateway.keys.requests import GenerateKey, UpdateKey
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.routing.router import Router
from twisted_aigate.gateway.schemas.service import Schemas
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.kernel.units import HOUR, MINUTE

_PRICES = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01}
_KEY = "sk-0123456789abcdef"
_HELLO = [{"role": "user", "content": "Hello"}]
_ANSWER = Result(b'{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}')
_COST = 60_000_000
"""Of the answer: 10 tenths of a cent and 5 cents."""


class MeterCase(SynchronousTestCase):
    """A gateway whose model has prices."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.accounts = FakeAccounts(self.clock, "sk-master-0123456789")
        self.addCleanup(self.accounts.database.close)
        self.provider = FakeProvider()
        self.provider.answer = _ANSWER
        deployments = [
            Deployment("m", "openai", "x", info=_PRICES),
            Deployment("dear", "openai", "d", info={"output_cost_per_token": 1.0}),
            Deployment("free", "local", "f"),
            Deployment("falls", "openai", "y", info=_PRICES),
        ]
        policy = Policy(num_retries=0, fallbacks={"falls": ("dear",)})
        router = Router(Catalogue(deployments), policy, self.clock, Random(1))
        providers: Any = {"openai": self.provider, "local": self.provider}
        threads: Any = HeldThreads()
        kept: Any = None
        meter = self.accounts.meter
        self.gateway = Gateway(router, providers, meter, kept, Schemas(threads), self.clock)

    def key(self, **fields: Any) -> Caller:
        """Whoever has a new key."""
        made = Deferred.fromCoroutine(self.accounts.keys.generate(GenerateKey(**fields)))
        return with_key(self.successResultOf(made)[1])

    def start(self, caller: Caller, call: Call) -> Deferred[Result]:
        """Begin a call."""
        return Deferred.fromCoroutine(self.gateway.call(caller, call))

    def call(self, caller: Caller, **fields: Any) -> Result:
        """What a chat comes to."""
        fields = {"messages": _HELLO, "max_tokens": 10, **fields}
        return self.successResultOf(self.start(caller, make_call(**fields)))

    def refused(self, caller: Caller, **fields: Any) -> GatewayError:
        """How a chat fails."""
        fields = {"messages": _HELLO, "max_tokens": 10, **fields}
        started = self.start(caller, make_call(**fields))
        error = self.failureResultOf(started, GatewayError).value
        assert isinstance(error, GatewayError)
        return error

    def spend(self) -> int:
        """What the only key has spent."""
        return int(self.accounts.column(virtual_keys.c.spend)[0])

    def reserved(self) -> int:
        """What is held for it."""
        return int(self.accounts.column(virtual_keys.c.reserved)[0])


class WritingTests(MeterCase):
    """What is written down."""

    def test_a_call_of_the_master(self) -> None:
        call = evolve(make_call(messages=_HELLO, user="bob\0"))
        result = self.successResultOf(self.start(MASTER, call))
        self.assertEqual(dict(result.headers)[b"x-litellm-response-cost"], b"0.06")
        (row,) = self.accounts.rows()
        self.assertEqual((row.api_key, row.model, row.model_group), ("master", "openai/x", "m"))
        self.assertEqual((row.prompt_tokens, row.completion_tokens, row.spend), (10, 5, _COST))
        self.assertEqual((row.call_type, row.end_user), ("/chat/completions", "bob"))

    def test_what_is_no_text(self) -> None:
        fields = {"user": msgspec.Raw(b'"\xff"'), "max_tokens": msgspec.Raw(b'"\xff"')}
        call = make_call(messages=_HELLO)
        call = evolve(call, fields={**call.fields, **fields})
        self.successResultOf(self.start(self.key(max_budget=100), call))
        (row,) = self.accounts.rows()
        self.assertIsNone(row.end_user)

    def test_a_call_of_a_key(self) -> None:
        caller = self.key(user_id="u", team_id="t")
        headers = dict(self.call(caller).headers)
        self.assertEqual(headers[b"x-litellm-key-spend"], b"0.06")
        (row,) = self.accounts.rows()
        self.assertEqual((row.api_key, row.user_id, row.team_id), (caller.id, "u", "t"))
        self.assertEqual(self.spend(), _COST)

    def test_what_fails_costs_nothing(self) -> None:
        caller = self.key(max_budget=1)
        self.provider.answer = GatewayError(400, "no")
        self.refused(caller)
        self.assertEqual((self.accounts.rows(), self.spend(), self.reserved()), ([], 0, 0))

    def test_the_deployment_that_answers_is_paid(self) -> None:
        failed = [Deferred[Result](), Deferred[Result]()]
        self.provider.answer = failed[0]
        started = self.start(MASTER, make_call(model="falls", messages=_HELLO))
        self.provider.answer = failed[1]
        failed[0].errback(GatewayError(500, "down"))
        failed[1].callback(_ANSWER)
        self.successResultOf(started)
        (row,) = self.accounts.rows()
        self.assertEqual((row.model, row.model_group, row.spend), ("openai/d", "falls", 5 * 10**9))

    def test_an_answer_that_says_nothing_is_measured(self) -> None:
        self.provider.answer = Result(b'{"choices":[{"message":{"content":"12345678"}}]}')
        self.call(MASTER)
        (row,) = self.accounts.rows()
        self.assertEqual((row.prompt_tokens, row.completion_tokens), (9, 2))

    def test_answers_out_of_a_cache_cost_nothing(self) -> None:
        caller = self.key(rpm_limit=1)
        call = make_call(messages=_HELLO)
        hit = self.accounts.meter.admit_hit
        self.successResultOf(Deferred.fromCoroutine(hit(caller, call, "id")))
        (row,) = self.accounts.rows()
        self.assertEqual((row.cache_hit, row.spend, row.model_id), (True, 0, "id"))
        self.failureResultOf(Deferred.fromCoroutine(hit(caller, call, "id")), GatewayError)

    def test_answers_out_of_a_cache_are_for_who_has_money_left(self) -> None:
        caller = self.key(max_budget=0.06, budget_duration="1h")
        assert caller.key is not None
        spent = Caller(caller.id, key=evolve(caller.key, spend=_COST))
        call = make_call(messages=_HELLO)
        hit = self.accounts.meter.admit_hit
        self.successResultOf(Deferred.fromCoroutine(hit(caller, call, "id")))
        refused = Deferred.fromCoroutine(hit(spent, call, "id"))
        error = self.failureResultOf(refused, GatewayError).value
        self.assertEqual((error.status, error.code), (400, "budget_exceeded"))
        self.clock.advance(HOUR)
        self.successResultOf(Deferred.fromCoroutine(hit(spent, call, "id")))

    def test_what_calls_took_is_summed_up_by_model(self) -> None:
        self.call(MASTER)
        self.call(MASTER)
        self.call(MASTER, model="free")
        hit = self.accounts.meter.admit_hit(MASTER, make_call(messages=_HELLO), "id")
        self.successResultOf(Deferred.fromCoroutine(hit))
        self.provider.answer = GatewayError(400, "no")
        self.refused(MASTER)
        self.refused(MASTER, model="made-up")
        families = {family.name: family for family in self.accounts.meter.tally.families()}
        self.assertEqual(
            {name: dict(family.samples) for name, family in families.items()},
            {
                "aigate_model_calls": {("m",): 3, ("free",): 1},
                "aigate_model_tokens": {
                    ("m", "prompt"): 20,
                    ("m", "completion"): 10,
                    ("m", "cached"): 0,
                    ("free", "prompt"): 10,
                    ("free", "completion"): 5,
                    ("free", "cached"): 0,
                },
                "aigate_model_cost_dollars": {("m",): 0.12, ("free",): 0.0},
                "aigate_model_cache_hits": {("m",): 1, ("free",): 0},
            },
        )

    def test_a_database_that_is_down_is_waited_for(self) -> None:
        caller = self.key()
        self.accounts.database.refuse = [DatabaseUnavailable("down")] * 3
        self.call(caller)
        self.clock.pump([1.0] * 5)
        self.assertEqual((len(self.accounts.rows()), self.spend()), (1, _COST))

    def test_what_may_be_kept_already_is_not_kept_twice(self) -> None:
        caller = self.key(max_budget=5)
        self.call(caller)
        self.accounts.database.lose = [DatabaseUnavailable("lost the answer")]
        self.clock.pump([1.0] * 5)
        self.assertEqual(len(self.accounts.rows()), 1)
        self.assertEqual((self.spend(), self.reserved()), (_COST, 0))

    def test_it_is_not_waited_for_without_end(self) -> None:
        self.patch(ledger, "_MOST_WAITING", 3)
        self.patch(ledger, "_MOST_OF_BATCH", 2)
        for _ in range(4):
            self.call(MASTER)
        self.assertEqual(len(self.accounts.rows()), 2)

    def test_one_that_cannot_be_kept_takes_no_other_with_it(self) -> None:
        self.call(MASTER)
        self.call(MASTER)
        self.accounts.database.refuse = [ValueError("a batch"), ValueError("its first")]
        self.assertEqual(len(self.accounts.rows()), 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_stopping_keeps_what_waits(self) -> None:
        self.call(MASTER)
        self.successResultOf(Deferred.fromCoroutine(self.accounts.stop()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.accounts.rows()), 1)


class StreamTests(MeterCase):
    """Answers that come as they are made."""

    def begin(self, caller: Caller, **fields: Any) -> tuple[HandFed, Any, Deferred[None]]:
        """Begin a stream; its source, what the caller takes it by, and its end."""
        source = HandFed()
        self.provider.answer = Result(source, EVENT_STREAM)
        started = self.start(caller, make_call(messages=_HELLO, stream=True, **fields))
        source.feed(stream(chunk({"content": "12345678"}), done=False))
        body = self.successResultOf(started).body
        assert not isinstance(body, bytes)
        return source, body, body.startProducing(RecordingConsumer())

    def test_its_usage_is_its_cost(self) -> None:
        source, _, done = self.begin(self.key(max_budget=100))
        self.assertEqual(self.accounts.rows(), [])
        source.feed(b'data: {"usage":{"prompt_tokens":10,"completion_tokens":5}}\n\n')
        source.done.callback(None)
        self.successResultOf(done)
        (row,) = self.accounts.rows()
        self.assertEqual((row.spend, self.spend(), self.reserved()), (_COST, _COST, 0))

    def test_who_leaves_pays_for_what_came(self) -> None:
        _, body, _ = self.begin(self.key(max_budget=100, max_parallel_requests=1))
        body.stopProducing()
        (row,) = self.accounts.rows()
        self.assertEqual((row.completion_tokens, row.spend), (2, 9 * 10**6 + 2 * 10**7))
        self.assertEqual(self.reserved(), 0)

    def test_it_is_in_hand_until_its_end(self) -> None:
        caller = self.key(max_parallel_requests=1)
        source, _, _ = self.begin(caller)
        self.assertEqual(self.refused(caller).code, "rate_limit_exceeded")
        source.done.callback(None)
        self.provider.answer = _ANSWER
        self.call(caller)

    def test_its_tokens_count(self) -> None:
        caller = self.key(tpm_limit=11)
        source, _, _ = self.begin(caller)
        source.done.callback(None)
        self.assertEqual(self.refused(caller).status, 429)

    def test_a_message_over_a_chat_is_paid_as_the_chat(self) -> None:
        source = HandFed()
        self.provider.answer = Result(source, EVENT_STREAM)
        call = make_call(Task.MESSAGES, messages=_HELLO, stream=True, max_tokens=10)
        started = self.start(MASTER, call)
        source.feed(stream(chunk({"content": "x"}), done=False))
        body = self.successResultOf(started).body
        assert not isinstance(body, bytes)
        body.startProducing(RecordingConsumer())
        source.feed(b'data: {"usage":{"prompt_tokens":10,"completion_tokens":5}}\n\n')
        source.done.callback(None)
        (row,) = self.accounts.rows()
        self.assertEqual((row.call_type, row.spend), ("/messages", _COST))


class BudgetTests(MeterCase):
    """Budgets."""

    def test_keys_without_a_budget_touch_no_database(self) -> None:
        caller = self.key()
        self.accounts.database.refuse = [AssertionError()]
        self.call(caller)
        self.accounts.database.refuse.clear()

    def test_the_most_that_a_call_can_cost_is_held(self) -> None:
        caller = self.key(max_budget=1)
        waiting: Deferred[Result] = Deferred()
        self.provider.answer = waiting
        self.start(caller, make_call(messages=_HELLO, max_tokens=50))
        self.assertEqual(self.reserved(), 18 * 10**6 + 50 * 10**7)
        self.assertEqual(self.refused(caller, max_tokens=50).code, "budget_exceeded")
        waiting.callback(_ANSWER)
        self.accounts.rows()
        self.assertEqual((self.spend(), self.reserved()), (_COST, 0))
        self.assertEqual(self.accounts.column(budget_holds.c.id), [])

    def test_over_budget(self) -> None:
        caller = self.key(max_budget=0.25)
        for _ in range(2):
            self.call(caller)
            self.accounts.rows()
        error = self.refused(caller, max_tokens=20)
        self.assertEqual((error.status, error.code), (400, "budget_exceeded"))
        self.assertTrue(error.message.startswith("Budget has been exceeded!"))
        self.assertEqual(self.refused(self.key(max_budget=0)).code, "budget_exceeded")

    def test_an_answer_of_untold_length_takes_what_is_left(self) -> None:
        caller = self.key(max_budget=1)
        waiting: Deferred[Result] = Deferred()
        self.provider.answer = waiting
        self.start(caller, make_call(messages=_HELLO))
        self.assertEqual(self.reserved(), 10**9)
        self.assertEqual(self.refused(caller, max_tokens=1).code, "budget_exceeded")

    def test_what_a_fallback_may_cost_is_held(self) -> None:
        caller = self.key(max_budget=5)
        self.assertEqual(self.refused(caller, model="falls").code, "budget_exceeded")
        self.call(caller)

    def test_models_that_are_free_need_no_hold(self) -> None:
        self.call(self.key(max_budget=1), model="free")
        self.assertEqual((self.spend(), self.reserved()), (0, 0))

    def test_who_leaves_while_it_is_held_holds_nothing(self) -> None:
        caller = self.key(max_budget=1, max_parallel_requests=1)
        self.accounts.database.threads.held = True
        started = self.start(caller, make_call(messages=_HELLO))
        started.addErrback(lambda _: None)
        started.cancel()
        self.accounts.database.threads.work_off()
        self.accounts.database.threads.held = False
        self.assertEqual(self.reserved(), 0)
        self.call(caller)

    def test_a_new_period_begins(self) -> None:
        caller = self.key(max_budget=0.15, budget_duration="1h")
        self.call(caller)
        self.accounts.rows()
        self.refused(caller)
        self.clock.advance(HOUR)
        self.call(caller)
        self.accounts.rows()
        self.assertEqual(self.spend(), _COST)
        (reset,) = self.accounts.column(virtual_keys.c.budget_reset_at)
        self.assertEqual(reset, NOW + 2 * HOUR)

    def test_a_budget_that_is_taken_away_meanwhile(self) -> None:
        caller = self.key(key=_KEY, max_budget=0.01)
        self.refused(caller)
        update = self.accounts.keys.update(UpdateKey(_KEY, max_budget=None))
        self.successResultOf(Deferred.fromCoroutine(update))
        self.call(caller)


class UpkeepTests(MeterCase):
    """What is done from time to time."""

    def start_accounts(self, accounts: FakeAccounts) -> None:
        """Start it, and stop it at the end."""
        self.successResultOf(Deferred.fromCoroutine(accounts.start()))
        self.addCleanup(lambda: Deferred.fromCoroutine(accounts.stop()))

    def hold(self) -> None:
        """Have a call in hand that holds all of a budget."""
        caller = self.key(max_budget=1)
        self.provider.answer = Deferred()
        self.start(caller, make_call(messages=_HELLO))
        self.assertEqual(self.reserved(), 10**9)

    def test_a_server_that_is_back_frees_what_it_held(self) -> None:
        self.hold()
        self.start_accounts(FakeAccounts(self.clock, "sk-master", self.accounts.database))
        self.assertEqual(self.reserved(), 0)

    def test_others_free_what_a_dead_server_held(self) -> None:
        self.hold()
        other = FakeAccounts(self.clock, "sk-master", self.accounts.database, node="other")
        self.start_accounts(other)
        self.assertEqual(self.reserved(), 10**9)
        self.clock.pump([MINUTE] * 3)
        self.assertEqual(self.reserved(), 0)

    def test_a_long_call_stays_held(self) -> None:
        self.start_accounts(self.accounts)
        other = FakeAccounts(self.clock, "sk-master", self.accounts.database, node="other")
        self.start_accounts(other)
        self.hold()
        self.clock.pump([MINUTE / 4] * 40)
        self.assertEqual(self.reserved(), 10**9)

    def test_budgets_begin_anew_by_themselves(self) -> None:
        self.start_accounts(self.accounts)
        self.call(self.key(max_budget=1, budget_duration="1h"))
        self.accounts.rows()
        self.assertEqual(self.spend(), _COST)
        self.clock.pump([MINUTE] * 62)
        self.assertEqual(self.spend(), 0)

    def test_old_rows_are_forgotten_and_sums_stay(self) -> None:
        kept = FakeAccounts(self.clock, "sk-master", self.accounts.database, retention=HOUR)
        self.start_accounts(kept)
        self.call(MASTER)
        self.assertEqual(len(self.accounts.rows()), 1)
        self.clock.pump([MINUTE] * 125)
        self.assertEqual(self.accounts.rows(), [])
        rows = self.database_rows("SELECT requests, spend FROM spend_daily")
        self.assertEqual(rows, [(1, _COST)])

    def database_rows(self, statement: str) -> list[Any]:
        """What a statement finds."""
        found = self.accounts.database.now(
            lambda connection: connection.exec_driver_sql(statement).all()
        )
        return [tuple(row) for row in found]
