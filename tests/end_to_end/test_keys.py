"""Virtual keys on a real server, with real clients."""

from __future__ import annotations

import itertools
import json
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import anthropic
import openai
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.job_client import JobClient
from tests.end_to_end.key_client import KeyClient, priced
from tests.end_to_end.provider import FakeProvider, config
from tests.end_to_end.server import Server
from tests.support.postgresql import new_database
from tests.support.redis import RedisServer
from tests.support.waiting import eventually

_HELLO = [{"role": "user", "content": "Hello"}]
_COST = Decimal("0.0013")
"""Of an answer of the provider's: 3 tokens read, 5 written."""

_CONFIG = {"prompt": 0.0001, "completion": 0.0002}
_MODELS = ("plain", "slow", "endless", "status-400")


def _spend(rows: list[dict[str, float]]) -> Decimal:
    return sum((Decimal(str(row["spend"])) for row in rows), Decimal())


class _KeysCase(SynchronousTestCase):
    """A server in front of a provider whose work has a price, for all tests of a class."""

    variables: dict[str, str] = {}
    provider: FakeProvider
    server: Server
    client: KeyClient

    @classmethod
    def setUpClass(cls) -> None:
        cls.provider = FakeProvider()
        cls.addClassCleanup(cls.provider.stop)
        cls.server = cls.start_server()
        cls.client = KeyClient(cls.server)

    @classmethod
    def start_server(cls) -> Server:
        """A server."""
        text = priced(config(cls.provider.base, *_MODELS), **_CONFIG)
        server = Server(text, RATELIMIT_QUEUE="off", **cls.variables)
        cls.addClassCleanup(server.stop)
        return server.wait_until_up()

    def openai(self, key: str) -> openai.OpenAI:
        """OpenAI's client with a key."""
        client = openai.OpenAI(base_url=f"{self.server.url}/v1", api_key=key, max_retries=0)
        self.addCleanup(client.close)
        return client


class ClientTests(_KeysCase):
    """Calls with a key."""

    def test_openai(self) -> None:
        """The client works as with the master key, for the key's models alone."""
        key = self.client.generate(models=["plain"], max_budget=1, rpm_limit=10)
        client = self.openai(key)
        raw = client.chat.completions.with_raw_response.create(
            model="plain", messages=_HELLO, max_tokens=10
        )
        self.assertEqual(raw.parse().usage.total_tokens, 8)
        self.assertEqual(Decimal(raw.headers["x-litellm-response-cost"]), _COST)
        self.assertEqual(raw.headers["x-ratelimit-remaining-requests"], "9")
        self.assertEqual([model.id for model in client.models.list()], ["plain"])
        with self.assertRaises(openai.PermissionDeniedError) as raised:
            client.chat.completions.create(model="slow", messages=_HELLO)
        self.assertEqual(raised.exception.code, "key_model_access_denied")
        (row,) = self.client.wait_for_rows(key, 1)
        self.assertEqual((row["model_group"], row["total_tokens"]), ("plain", 8))
        self.assertEqual(row["request_id"], raw.headers["x-litellm-call-id"])
        self.assertEqual(Decimal(str(self.client.info(key)["spend"])), _COST)

    def test_anthropic(self) -> None:
        """The key in x-api-key."""
        key = self.client.generate()
        with anthropic.Anthropic(base_url=self.server.url, api_key=key, max_retries=0) as client:
            message = client.messages.create(model="plain", max_tokens=10, messages=_HELLO)
        self.assertEqual(message.usage.output_tokens, 5)
        (row,) = self.client.wait_for_rows(key, 1)
        self.assertEqual((row["call_type"], row["completion_tokens"]), ("/messages", 5))

    def test_stream(self) -> None:
        """A stream that does not say what it takes is measured."""
        key = self.client.generate(max_budget=5)
        stream = self.openai(key).chat.completions.create(
            model="plain", messages=_HELLO, stream=True
        )
        self.assertEqual(len(list(stream)), 5)
        (row,) = self.client.wait_for_rows(key, 1)
        self.assertEqual(row["completion_tokens"], 3)

    def test_who_leaves_a_stream(self) -> None:
        """What came is paid, the rest is not made, and nothing stays held."""
        key = self.client.generate(max_budget=5, max_parallel_requests=1)
        stream = self.openai(key).chat.completions.create(
            model="endless", messages=_HELLO, stream=True
        )
        for _ in range(10):
            next(iter(stream))
        stream.close()
        self.assertTrue(self.provider.gone.wait(10))
        (row,) = self.client.wait_for_rows(key, 1)
        self.assertGreaterEqual(row["completion_tokens"], 5)
        self.assertLess(row["completion_tokens"], 500)
        self.assertEqual(self.client.chat(key, "plain", max_tokens=1000)[0], 200)

    def test_limits(self) -> None:
        """OpenAI's client raises its own error, and is told when to come back."""
        key = self.client.generate(rpm_limit=1)
        # Whatever the time, one of three calls is in the same minute as another.
        answers = [self.client.chat(key, "plain") for _ in range(3)]
        refused = [said for status, said in answers if status == 429]
        self.assertTrue(refused)
        self.assertEqual(refused[0]["error"]["code"], "rate_limit_exceeded")

    def test_jobs(self) -> None:
        """A key's jobs are its own, and paid by it."""
        key = self.client.generate(max_budget=1)
        other = self.client.generate()
        jobs = JobClient(self.server)
        chat = {"model": "plain", "max_tokens": 10, "messages": _HELLO}
        body = json.dumps(chat).encode()
        job_id = jobs.take("/v1/chat/completions", body, Authorization=f"Bearer {key}")
        self.assertEqual(jobs.wait(job_id)["status"], "completed")
        for owner, status in ((key, 200), (other, 404)):
            path = f"/q/__jobs/{job_id}/content"
            said = jobs.call("GET", path, Authorization=f"Bearer {owner}")
            self.assertEqual(said[0], status)
        self.assertEqual(_spend(self.client.wait_for_rows(key, 1)), _COST)


class ReportTests(_KeysCase):
    """What all keys have spent."""

    def test_by_key_by_model_and_by_day(self) -> None:
        key = self.client.generate(key_alias="alice", user_id="u")
        for model in ("plain", "plain", "status-400"):
            self.client.chat(key, model)
        self.client.wait_for_rows(key, 2)
        total = self.client.request("GET", "/global/spend")[1]
        self.assertEqual(Decimal(str(total["spend"])), 2 * _COST)
        (by_key,) = self.client.request("GET", "/global/spend/keys")[1]
        self.assertEqual((by_key["key_alias"], by_key["requests"]), ("alice", 2))
        (by_model,) = self.client.request("GET", "/global/spend/models")[1]
        self.assertEqual((by_model["model"], by_model["total_tokens"]), ("plain", 16))
        (by_day,) = self.client.request("GET", "/global/spend/logs")[1]
        self.assertEqual(by_day["total_spend"], total["spend"])
        dates = f"start_date={by_day['date']}&end_date={by_day['date']}"
        (summed,) = self.client.request("GET", f"/spend/logs?{dates}")[1]
        self.assertEqual(summed["users"], {"u": total["spend"]})
        rows = self.client.request("GET", f"/spend/logs?{dates}&summarize=false&user_id=u")[1]
        self.assertEqual(len(rows), 2)
        request_id = rows[0]["request_id"]
        self.assertEqual(len(self.client.request("GET", f"/spend/logs?request_id={request_id}")[1]),
                         1)  # fmt: skip
        self.assertEqual(self.client.request("GET", "/spend/logs?start_date=soon")[0], 400)

    def test_health_checks_cost_nothing(self) -> None:
        before = self.client.request("GET", "/spend/logs")[1]
        self.client.request("GET", "/health")
        self.assertEqual(self.client.request("GET", "/health/readiness")[1]["db"], "connected")
        time.sleep(0.6)
        self.assertEqual(self.client.request("GET", "/spend/logs")[1], before)


class BudgetTests(_KeysCase):
    """Two hundred calls at once, with money for ten."""

    def spend_all(self, clients: list[KeyClient], **fields: int) -> Counter[int]:
        """Make the calls; how many had which status."""
        key = self.client.generate(max_budget=float(10 * _COST))

        def call(number: int) -> int:
            status, said = clients[number % len(clients)].chat(key, "plain", **fields)
            if status != 200:
                self.assertEqual(said["error"]["type"], "budget_exceeded", said)
            return status

        with ThreadPoolExecutor(50) as pool:
            statuses = Counter(pool.map(call, range(200)))
        rows = self.client.wait_for_rows(key, statuses[200])
        self.assertEqual(_spend(rows), statuses[200] * _COST)
        self.assertLessEqual(_spend(rows), 10 * _COST)
        self.assertEqual(Decimal(str(self.client.info(key)["spend"])), _spend(rows))
        return statuses

    def test_one_process(self) -> None:
        statuses = self.spend_all([self.client], max_tokens=5)
        self.assertEqual(set(statuses), {200, 400})

    def test_answers_of_untold_length(self) -> None:
        statuses = self.spend_all([self.client])
        self.assertEqual(set(statuses), {200, 400})


class TwoProcessesTests(BudgetTests):
    """The same over two processes that share PostgreSQL."""

    other: KeyClient

    @classmethod
    def setUpClass(cls) -> None:
        cls.variables = {"DATABASE_URL": new_database()}
        super().setUpClass()
        cls.other = KeyClient(cls.start_server())

    def test_two_processes(self) -> None:
        statuses = self.spend_all([self.client, self.other], max_tokens=5)
        self.assertEqual(set(statuses), {200, 400})

    def test_a_block_reaches_the_other_soon(self) -> None:
        key = self.client.generate()
        self.assertEqual(self.other.chat(key, "plain")[0], 200)
        self.client.request("POST", "/key/block", {"key": key})
        self.assertEqual(self.client.chat(key, "plain")[0], 401)
        eventually(lambda: self.other.chat(key, "plain")[0] == 401, "it does not hear of it", 12)


class SharedLimitsTests(_KeysCase):
    """Two processes with one PostgreSQL and one Redis."""

    other: KeyClient

    @classmethod
    def setUpClass(cls) -> None:
        redis = RedisServer()
        cls.addClassCleanup(redis.close)
        cls.variables = {"DATABASE_URL": new_database(), "REDIS_URL": redis.url}
        super().setUpClass()
        cls.other = KeyClient(cls.start_server())

    def test_they_count_together(self) -> None:
        clients = [self.client, self.other]
        key = self.client.generate(rpm_limit=100)
        left = []
        for number in range(10):
            client = clients[number % 2]
            self.assertEqual(client.chat(key, "plain")[0], 200)
            left.append(int(client.fields["x-ratelimit-remaining-requests"]))
        # A minute may have ended in between.
        steps = [before - after for before, after in itertools.pairwise(left)]
        self.assertGreaterEqual(steps.count(1), len(steps) - 1, left)


class EndingTests(_KeysCase):
    """Servers that end while calls are made."""

    def call_until_refused(self, key: str) -> tuple[list[float], list[threading.Thread]]:
        """Make calls from some threads; when each was answered, and the threads."""
        answered: list[float] = []

        def work() -> None:
            client = KeyClient(self.server)
            while True:
                try:
                    status, _ = client.chat(key, "plain", max_tokens=5)
                except OSError:
                    return
                if status == 200:
                    answered.append(time.monotonic())

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(answered) >= 200, lambda: self.server.log, 120)
        return answered, threads

    def rows_after_restart(self, key: str) -> list[dict[str, float]]:
        """What is kept."""
        self.server.start()
        self.server.wait_until_up()
        rows = self.client.rows(key)
        spend = Decimal(str(self.client.info(key)["spend"]))
        self.assertEqual(spend, _spend(rows))
        return rows

    def test_a_graceful_stop_loses_none(self) -> None:
        key = self.client.generate(max_budget=1000)
        answered, threads = self.call_until_refused(key)
        self.assertEqual(self.server.terminate(), 0)
        for thread in threads:
            thread.join()
        self.assertGreaterEqual(len(self.rows_after_restart(key)), len(answered))

    def test_a_kill_loses_a_second_at_the_most(self) -> None:
        key = self.client.generate(max_budget=1000)
        answered, threads = self.call_until_refused(key)
        killed = time.monotonic()
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()
        for thread in threads:
            thread.join()
        rows = self.rows_after_restart(key)
        self.assertGreaterEqual(len(rows), sum(at < killed - 1 for at in answered))
        # What the dead server held is free.
        self.assertEqual(self.client.chat(key, "plain", max_tokens=1_000_000)[0], 200)
