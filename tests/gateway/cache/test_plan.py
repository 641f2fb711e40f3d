"""The plan that variables and the file make."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.cache.plan import CachePlan, Mode
from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.config_file import parse_sections
from twisted_aigate.gateway.tree import read_cache_plan
from twisted_aigate.kernel.redis import RedisAddress
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import Configuration, SettingsError, read_settings


def plan(file: dict[str, Any] | None = None, **variables: str) -> CachePlan:
    environment = {"LITELLM_MASTER_KEY": "sk-test", **variables}
    sections = {"litellm_settings": file or {}}
    return read_cache_plan(Configuration(read_settings(environment), environment, sections))


class ModeTests(SynchronousTestCase):
    def test_who_says_nothing_has_it_for_calls_that_ask(self) -> None:
        self.assertIs(plan().mode, Mode.OPT_IN)

    def test_the_file(self) -> None:
        off = {"cache": True, "cache_params": {"mode": "default_off"}}
        self.assertIs(plan({"cache": True}).mode, Mode.ON)
        self.assertIs(plan(off).mode, Mode.OPT_IN)
        self.assertIs(plan({"cache": False}).mode, Mode.OFF)

    def test_the_variable_wins(self) -> None:
        self.assertIs(plan({"cache": True}, CACHE="off").mode, Mode.OFF)
        self.assertIs(plan({"cache": False}, CACHE="on").mode, Mode.ON)


class PlanTests(SynchronousTestCase):
    def test_ttl(self) -> None:
        said = {"cache_params": {"ttl": 30}}
        self.assertEqual([plan().ttl, plan(said).ttl], [600, 30])
        self.assertEqual(plan(said, CACHE_TTL="1h").ttl, 3600)
        self.assertEqual(plan(said, CACHE_TTL="0").ttl, 0)

    def test_tasks(self) -> None:
        never = {Task.SPEECH, Task.TRANSCRIPTION, Task.IMAGE}
        self.assertEqual(plan().tasks & never, set())
        self.assertIn(Task.MESSAGES, plan().tasks)
        named = {"cache_params": {"supported_call_types": ["acompletion", "embedding"]}}
        self.assertEqual(plan(named).tasks, {Task.CHAT, Task.EMBEDDING})

    def test_namespace(self) -> None:
        self.assertEqual(plan({"cache_params": {"namespace": "n"}}).namespace, "n")

    def test_what_is_not_supported_is_named(self) -> None:
        params = {"type": "s3", "s3_bucket_name": "b", "supported_call_types": ["aspeech"]}
        _, unsupported = parse_sections({"litellm_settings": {"cache_params": params}})
        self.assertEqual(
            unsupported,
            [
                "litellm_settings.cache_params.s3_bucket_name",
                "litellm_settings.cache_params.supported_call_types: aspeech",
                "litellm_settings.cache_params.type: s3",
            ],
        )


class RedisTests(SynchronousTestCase):
    def test_in_memory(self) -> None:
        self.assertFalse(plan({"cache": True}).shared)
        self.assertFalse(plan({"cache_params": {"type": "local"}}, REDIS_URL="redis://r").shared)

    def test_in_the_redis_that_is_shared(self) -> None:
        for file in ({}, {"cache_params": {"type": "redis"}}):
            made = plan(file, REDIS_URL="redis://r")
            self.assertEqual((made.shared, made.redis), (True, None))

    def test_in_one_of_its_own(self) -> None:
        params = {"type": "redis", "host": "h", "port": "7000", "password": "p", "ssl": True}
        expected = RedisAddress("h", 7000, tls=True, password=Secret("p"))
        self.assertEqual(plan({"cache_params": params}).redis, expected)
        url = {"type": "redis", "url": "redis://h/2"}
        self.assertEqual(plan({"cache_params": url}).redis, RedisAddress("h", database=2))

    def test_in_litellms_own_variables(self) -> None:
        made = plan({"cache_params": {"type": "redis"}}, REDIS_HOST="h", REDIS_PORT="7000")
        self.assertEqual(made.redis, RedisAddress("h", 7000))

    def test_in_none(self) -> None:
        for params in ({"type": "redis"}, {"type": "redis", "url": "http://secret"}):
            with self.assertRaises(SettingsError) as raised:
                plan({"cache_params": params})
            self.assertIn("cache_params", str(raised.exception))
            self.assertNotIn("secret", str(raised.exception))
