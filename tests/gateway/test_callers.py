"""Who may use what."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.callers import CLAUDE_CODE, MASTER, Caller, with_key
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.models import VirtualKey
from twisted_aigate.gateway.routes.callers import masters_only

_CATALOGUE = Catalogue(
    [
        Deployment("m", "openai", "x"),
        Deployment("claude", "anthropic", "y"),
        Deployment("openai/gpt", "openai", "z"),
    ]
)


def _key(*models: str) -> VirtualKey:
    return VirtualKey("hash", "sk-...abcd", 0.0, 0.0, models=models, aliases={"gpt": "m"})


class CallerTests(SynchronousTestCase):
    def test_the_master_may_use_all(self) -> None:
        MASTER.check("anything", _CATALOGUE)
        self.assertTrue(MASTER.may_use("anything", _CATALOGUE))

    def test_others_may_use_what_they_are_given(self) -> None:
        caller = Caller("a", frozenset(("m",)))
        caller.check("m", _CATALOGUE)
        with self.assertRaises(GatewayError) as raised:
            caller.check("claude", _CATALOGUE)
        self.assertEqual(raised.exception.status, 403)
        self.assertEqual(raised.exception.code, "key_model_access_denied")

    def test_keys_without_models_may_use_all(self) -> None:
        for models in ((), ("all-proxy-models",), ("*", "m")):
            self.assertTrue(with_key(_key(*models)).may_use("claude", _CATALOGUE), models)

    def test_patterns_are_of_names_and_of_providers(self) -> None:
        caller = with_key(_key("openai/*"))
        allowed = [name for name in _CATALOGUE.names if caller.may_use(name, _CATALOGUE)]
        self.assertEqual(allowed, ["m", "openai/gpt"])
        self.assertFalse(caller.may_use("unknown", _CATALOGUE))
        self.assertTrue(with_key(_key("cl*")).may_use("claude", _CATALOGUE))

    def test_a_keys_own_names_of_models(self) -> None:
        caller = with_key(_key())
        self.assertEqual((caller.alias("gpt"), caller.alias("other")), ("m", "other"))
        self.assertEqual(MASTER.alias("gpt"), "gpt")

    def test_what_is_the_masters_alone(self) -> None:
        def ask(caller: Caller) -> Deferred[Caller]:
            request: Any = None
            only = masters_only(lambda request: caller)
            return Deferred.fromCoroutine(only(request))

        self.assertIs(self.successResultOf(ask(MASTER)), MASTER)
        refused = self.failureResultOf(ask(CLAUDE_CODE), GatewayError).value
        self.assertEqual(refused.status, 403)
