"""The client, on a real Redis that is slow, ends and comes back."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from random import Random

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.ssl import trustRootFromCertificates

from tests.kernel.redis.case import RedisCase
from tests.support.authority import Authority
from tests.support.logs import record_log, text_of
from tests.support.ports import free_port
from twisted_aigate.kernel.redis import (
    RedisRefused,
    RedisUnavailable,
    Script,
    Subscriptions,
)
from twisted_aigate.kernel.secrets import Secret

_TWICE = Script("redis.call('INCRBY', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[1])")


class CommandTests(RedisCase):
    async def test_values_of_any_bytes(self) -> None:
        redis = await self.client()
        value = bytes(range(256)) * 10_000
        await redis.command(b"SET", b"\x00key", value)
        self.assertEqual(await redis.command(b"GET", b"\x00key"), value)
        self.assertIsNone(await redis.command(b"GET", b"other"))

    async def test_many_at_once(self) -> None:
        redis = await self.client()
        counted = await gatherResults([redis.command(b"INCR", b"n") for _ in range(1000)])
        self.assertEqual(counted, list(range(1, 1001)))

    async def test_databases_are_apart(self) -> None:
        first, second = await self.client(), await self.client(database=1)
        await first.command(b"SET", b"k", b"v")
        self.assertIsNone(await second.command(b"GET", b"k"))

    async def test_a_script_is_sent_once(self) -> None:
        redis = await self.client()
        self.assertEqual(await redis.run(_TWICE, [b"n"], [5]), 6)
        self.assertEqual(await redis.run(_TWICE, [b"n"], [5]), 12)
        statistics = await redis.command(b"INFO", b"commandstats")
        assert isinstance(statistics, bytes)
        self.assertIn(b"cmdstat_eval:calls=1,", statistics)

    async def test_a_failing_script_is_told(self) -> None:
        redis = await self.client()
        with self.assertRaises(RedisRefused):
            await redis.run(Script("return redis.call('NONSENSE')"), [], [])


class PasswordTests(RedisCase):
    settings = {"requirepass": "sesame"}

    async def test_right(self) -> None:
        redis = await self.client(password=Secret("sesame"))
        self.assertEqual(await redis.command(b"PING"), b"PONG")

    async def test_wrong(self) -> None:
        events = record_log(self)
        redis = await self.client(username="default", password=Secret("swordfish"))
        self.assertFalse(redis.is_up)
        self.assertIn("WRONGPASS", text_of(events))
        self.assertNotIn("swordfish", text_of(events))


class DownTests(RedisCase):
    async def test_down_at_the_start(self) -> None:
        self.server.kill()
        events = record_log(self)
        redis = await self.client()
        with self.assertRaises(RedisUnavailable):
            await redis.command(b"PING")
        self.server.start()
        await self.until(lambda: redis.is_up)
        self.assertEqual(await redis.command(b"PING"), b"PONG")
        warned = [event for event in events if event["log_level"].name in ("warn", "error")]
        self.assertEqual(len(warned), 1)
        self.assertIn("is up again", text_of(events))

    async def test_ends_and_comes_back(self) -> None:
        redis = await self.client()
        self.server.pause()
        waiting = redis.command(b"PING")
        self.server.kill()
        with self.assertRaises(RedisUnavailable):
            await waiting
        self.assertFalse(redis.is_up)
        self.server.start()
        await self.until(lambda: redis.is_up)
        self.assertEqual(await redis.command(b"PING"), b"PONG")

    async def test_a_silent_one_is_down(self) -> None:
        redis = await self.client()
        self.server.pause()
        with self.assertRaises(RedisUnavailable):
            await redis.command(b"PING")
        with self.assertRaises(RedisUnavailable):
            await redis.command(b"PING")
        self.server.resume()
        await self.until(lambda: redis.is_up)

    async def test_stopped(self) -> None:
        redis = await self.client()
        self.server.pause()
        waiting = redis.command(b"PING")
        self.addCleanup(waiting.addErrback, lambda _: None)
        await redis.stop()
        for answer in (waiting, redis.command(b"PING")):
            with self.assertRaises(RedisUnavailable):
                await answer

    async def test_stopped_while_it_tries(self) -> None:
        self.server.kill()
        redis = await self.client()
        await redis.stop()
        self.assertFalse(redis.is_up)


class TLSTests(RedisCase):
    def setUp(self) -> None:
        self.authority = Authority()
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        folder.chmod(0o755)
        file = folder / "certificate.pem"
        file.write_bytes(self.authority.issue_pem("localhost"))
        self.port = free_port()
        self.settings = {
            "bind": "127.0.0.1",
            "tls_port": str(self.port),
            "tls_cert_file": str(file),
            "tls_key_file": str(file),
            "tls_auth_clients": "no",
            "tls_ca_cert_file": str(file),
        }
        super().setUp()

    async def test_a_certificate_of_a_trusted_authority_is_taken(self) -> None:
        from twisted.internet import ssl

        root = trustRootFromCertificates([self.authority.root])
        real = ssl.optionsForClientTLS
        self.patch(ssl, "optionsForClientTLS", lambda name: real(name, trustRoot=root))
        redis = await self.client(path=None, port=self.port, tls=True)
        self.assertEqual(await redis.command(b"PING"), b"PONG")

    async def test_a_certificate_of_an_unknown_authority_is_refused(self) -> None:
        events = record_log(self)
        redis = await self.client(path=None, port=self.port, tls=True)
        self.assertFalse(redis.is_up)
        self.assertIn("certificate verify failed", text_of(events))


class SubscriptionTests(RedisCase):
    async def test_messages_are_heard_again_after_a_restart(self) -> None:
        heard: list[bytes] = []
        redis = await self.client()
        subscriptions = Subscriptions(
            self.reactor, self.server.address, Random(1), {b"news": heard.append}
        )
        self.addCleanup(lambda: Deferred.fromCoroutine(subscriptions.stop()))
        await subscriptions.start()
        self.assertEqual(await redis.command(b"PUBLISH", b"news", b"one\x00"), 1)
        await self.until(lambda: heard)
        self.server.kill()
        self.server.start()

        async def publish() -> bool:
            try:
                return await redis.command(b"PUBLISH", b"news", b"two") == 1
            except RedisUnavailable:
                return False

        while not await publish():
            await self.until(lambda: redis.is_up)
        await self.until(lambda: len(heard) > 1)
        self.assertEqual(heard, [b"one\x00", b"two"])
