"""Calls whose answers must fit a schema."""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.fakes import make_call
from tests.gateway.routes_case import RoutesCase
from tests.support.streams import HandFed
from tests.support.threads import HeldThreads
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.schemas.service import Schemas

_SCHEMA = {"type": "object", "required": ["city"]}


def _format(schema: object = _SCHEMA) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


def _answer(*contents: object) -> bytes:
    choices = [{"message": {"content": content}} for content in contents]
    return msgspec.json.encode({"choices": choices})


class SchemasTests(SynchronousTestCase):
    """Which answers are checked, and how."""

    def setUp(self) -> None:
        self.threads = HeldThreads()
        self.schemas = Schemas(self.threads)  # type: ignore[arg-type]

    def check(self, call: Call, result: Result) -> Deferred[Result]:
        async def run() -> Result:
            checker = await self.schemas.checker(call)
            return result if checker is None else await self.schemas.checked(result, checker)

        return Deferred.fromCoroutine(run())

    def error(self, call: Call, body: bytes = b"{}") -> GatewayError:
        error = self.failureResultOf(self.check(call, Result(body)), GatewayError).value
        assert isinstance(error, GatewayError)
        return error

    def test_fits(self) -> None:
        """The answer comes as it is; choices without a text are none that could not fit."""
        call = make_call(response_format=_format())
        for body in (_answer('{"city": "x"}'), _answer(None, []), b'{"choices":[{}]}', b"{}"):
            result = self.successResultOf(self.check(call, Result(body)))
            self.assertEqual(result.body, body)

    def test_does_not_fit(self) -> None:
        """Any choice may be at fault."""
        call = make_call(response_format=_format())
        for body in (_answer("{}"), _answer('{"city": 1}', "{}"), _answer("text"), b"nothing"):
            error = self.error(call, body)
            self.assertEqual((error.status, error.code), (502, "json_schema_validation_error"))
        self.assertIn("'city' is a required property", self.error(call, _answer("{}")).message)

    def test_not_checked(self) -> None:
        """Streams, other formats, other calls."""
        schema = _format()
        for call in (
            make_call(response_format=schema, stream=True),
            make_call(response_format={"type": "json_object"}),
            make_call(response_format=None),
            make_call(response_format=7),
            make_call(response_format={"type": "json_schema"}),
            make_call(response_format={"type": "json_schema", "json_schema": {}}),
            make_call(),
            make_call(Task.COMPLETION, response_format=schema),
        ):
            result = Result(b"anything")
            self.assertIs(self.successResultOf(self.check(call, result)), result)

    def test_uncheckable(self) -> None:
        """A schema that is none is the caller's fault, before or after the answer."""
        for schema in ({"type": "strange"}, {"$ref": "#/none"}, {"const": "x" * 300_000}):
            error = self.error(make_call(response_format=_format(schema)), _answer("1"))
            self.assertEqual(
                (error.status, error.param, error.code),
                (400, "response_format", "invalid_json_schema"),
            )

    def test_made_once(self) -> None:
        """The same schema is not read again, and those of long ago are forgotten."""
        calls = [make_call(response_format=_format({"const": n})) for n in range(40)]

        def checker(call: Call) -> object:
            return self.successResultOf(Deferred.fromCoroutine(self.schemas.checker(call)))

        first, second = checker(calls[0]), checker(calls[1])
        self.assertIs(checker(calls[0]), first)
        for call in calls[2:33]:
            checker(call)
        self.assertIs(checker(calls[0]), first)
        self.assertIsNot(checker(calls[1]), second)

    def test_body_that_comes(self) -> None:
        """It is waited for; what it fails with is told, and who leaves ends it."""
        call = make_call(response_format=_format())
        source = HandFed()
        checking = self.check(call, Result(source))
        source.feed(_answer('{"city": 1}'))
        self.assertNoResult(checking)
        source.done.callback(None)
        self.assertEqual(self.successResultOf(checking).body, _answer('{"city": 1}'))
        source = HandFed()
        checking = self.check(call, Result(source, describe=lambda error: GatewayError(504, "x")))
        source.done.errback(ValueError())
        self.assertEqual(self.failureResultOf(checking, GatewayError).value.status, 504)
        source = HandFed()
        source.done = Deferred(lambda _: source.stopProducing())
        checking = self.check(call, Result(source))
        checking.cancel()
        self.failureResultOf(checking, CancelledError)
        self.assertEqual(source.calls, ["start", "stop"])

    def test_work_is_done_in_threads(self) -> None:
        """The reactor neither reads schemas nor checks answers."""
        self.threads.held = True
        checking = self.check(make_call(response_format=_format()), Result(_answer('{"city":1}')))
        for _ in range(2):
            self.assertNoResult(checking)
            self.threads.work()
        self.successResultOf(checking)


class RoutedTests(RoutesCase):
    """As calls see it."""

    def setUp(self) -> None:
        super().setUp()
        self.use(enable_json_schema_validation=True)
        self.chat = {
            "model": "m",
            "messages": [{"role": "user", "content": "x"}],
            "response_format": _format(),
        }

    def use(self, **policy: Any) -> None:
        deployments = [Deployment("m", "openai", "upstream-m"), Deployment("n", "openai", "n")]
        policy = {"num_retries": 0, "fallbacks": {"m": ("n",)}, **policy}
        self.gateway.router.replace(Catalogue(deployments), Policy(**policy))

    def test_falls_back(self) -> None:
        """Another model may know better, and the first is as good as before."""
        answers = {"upstream-m": _answer("{}"), "n": _answer('{"city": "x"}')}

        async def call(deployment: Deployment, call: Call) -> Result:
            return Result(answers[deployment.model])

        self.provider.call = call  # type: ignore[method-assign]
        for _ in range(9):
            response, answer = self.post("/v1/chat/completions", self.chat)
            self.assertEqual(answer, msgspec.json.decode(answers["n"]))
            fallbacks = response.headers.getRawHeaders("x-litellm-attempted-fallbacks")
            self.assertEqual(fallbacks, ["1"])
        [first] = self.gateway.catalogue.find("m")
        self.assertTrue(self.gateway.router.states.available([evolve(first)]))

    def test_fails(self) -> None:
        """The error says what is wrong."""
        self.provider.answer = Result(_answer("{}"))
        response, answer = self.post("/v1/chat/completions", self.chat)
        self.assertEqual(response.code, 502)
        self.assertEqual(answer["error"]["code"], "json_schema_validation_error")

    def test_asked_for_by_the_request(self) -> None:
        """Its own field wins, and does not travel on."""
        self.provider.answer = Result(_answer("{}"))
        for configured, asked, status in (
            (True, False, 200), (False, True, 502), (False, None, 200), (True, None, 502)
        ):  # fmt: skip
            self.use(enable_json_schema_validation=configured)
            fields = {} if asked is None else {"enable_json_schema_validation": asked}
            response, _ = self.post("/v1/chat/completions", {**self.chat, **fields})
            self.assertEqual(response.code, status)
            sent = self.provider.calls[-1][1]
            assert isinstance(sent, Call)
            self.assertNotIn("enable_json_schema_validation", sent.fields)
