"""The Responses API through the routes, in memory."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.gateway.fakes import FakeProvider
from tests.gateway.messages.examples import chunk, events_of, stream
from tests.gateway.responses.examples import checked, checked_events
from tests.gateway.routes_case import RoutesCase
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.providers.interface import IResponsesProvider
from twisted_aigate.gateway.responses.asks import KeptAsk
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.kernel.secrets import Secret

_CHAT = Result(b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{}}')
_STREAMED = Result(stream(chunk({"content": "Hi"}), chunk({}, "stop")), EVENT_STREAM)
_NATIVE = Result(b'{"id": "resp_native", "odd":[1.50]}')


@implementer(IResponsesProvider)
class _Provider(FakeProvider):
    def __init__(self) -> None:
        super().__init__()
        self.answer = _CHAT
        self.asked: list[tuple[str, KeptAsk]] = []

    async def ask_kept(self, deployment: Deployment, ask: KeptAsk) -> Result:
        """See L{IResponsesProvider}."""
        self.asked.append((deployment.id, ask))
        if ask.response_id == "resp_gone":
            raise GatewayError(404, "gone")
        return Result(b'{"kept": "there"}')


def _deployment(name: str, key: str = "k", **more: Any) -> Deployment:
    info = {"id": f"id-{name}"}
    return Deployment(name, "openai", f"up-{name}", api_key=Secret(key), info=info, **more)


class ResponsesCase(RoutesCase):
    """
    Models of three kinds.

    C{chat} is asked over chats; C{native}, C{sibling} (with the same key) and C{other} serve the
    API themselves.
    """

    def setUp(self) -> None:
        super().setUp()
        self.openai = _Provider()
        self.replace()
        self.gateway._providers = {"openai": self.openai}

    def replace(self, **fallbacks: tuple[str, ...]) -> None:
        """Have models fall back to these."""
        deployments = [
            _deployment("chat"),
            _deployment("native", serves_responses=True),
            _deployment("sibling", serves_responses=True),
            _deployment("other", "k2", serves_responses=True),
            _deployment("mocked", serves_responses=True, mock_response="I am no model"),
        ]
        policy = Policy(num_retries=0, fallbacks=fallbacks)
        self.gateway.router.replace(Catalogue(deployments), policy)

    def create(self, model: str = "chat", **fields: Any) -> Any:
        """A response's body."""
        return self.post("/v1/responses", {"model": model, "input": "Hello", **fields})[1]

    def refusal(self, status: int, **fields: Any) -> Any:
        """The error in place of a response."""
        response, body = self.post("/v1/responses", {"model": "chat", "input": "x", **fields})
        self.assertEqual(response.code, status, body)
        return body["error"]

    @property
    def sent(self) -> Call:
        """The last call of the provider."""
        call = self.openai.calls[-1][1]
        assert isinstance(call, Call)
        return call

    def body(self) -> Any:
        """What the last call sent."""
        return json.loads(self.sent.body_for("up"))


class TranslatedTests(ResponsesCase):
    """Over chats."""

    def test_whole(self) -> None:
        response = checked(self.create(instructions="i", metadata={"a": "b"}))
        self.assertEqual(response["output"][0]["content"][0]["text"], "Hi")
        self.assertEqual((response["status"], response["model"]), ("completed", "chat"))
        self.assertIs(self.sent.task, Task.CHAT)
        self.assertEqual(self.body()["messages"][0], {"role": "system", "content": "i"})

    def test_streamed(self) -> None:
        self.openai.answer = _STREAMED
        events = checked_events(events_of(self.create(stream=True)))
        self.assertEqual(events[-1]["type"], "response.completed")
        _, found = self.request("GET", f"/responses/{events[-1]['response']['id']}")
        self.assertEqual(found, events[-1]["response"])

    def test_a_whole_answer_in_place_of_a_stream(self) -> None:
        events = checked_events(events_of(self.create(stream=True)))
        self.assertEqual(events[-1]["type"], "response.completed")

    def test_mocked(self) -> None:
        """A mock is no provider, whatever it stands for."""
        response = self.create("mocked")
        self.assertEqual(response["output"][0]["content"][0]["text"], "I am no model")
        response = self.create("native", mock_response="own")
        self.assertEqual(response["output"][0]["content"][0]["text"], "own")
        self.assertEqual(self.openai.calls, [])

    def test_goes_on(self) -> None:
        """From what is kept, but for the instructions."""
        first = self.create(instructions="i")
        second = self.create(previous_response_id=first["id"], input="More")
        self.assertEqual(second["previous_response_id"], first["id"])
        third = self.create(previous_response_id=second["id"], input=[])
        self.assertEqual(third["status"], "completed")
        said = [("user", "Hello"), ("assistant", "Hi"), ("user", "More"), ("assistant", "Hi")]
        messages = self.body()["messages"]
        self.assertEqual([(each["role"], each["content"]) for each in messages], said)

    def test_what_it_goes_on_from_is_paid_for(self) -> None:
        """A budget holds what all of the conversation can cost."""
        first = self.create(input="Something long")
        admitted: list[Call] = []
        admit = self.accounts.meter.admit

        def admitting(caller: Caller, call: Call, reachable: Any) -> Any:
            admitted.append(call)
            return admit(caller, call, reachable)

        self.patch(self.accounts.meter, "admit", admitting)
        self.create(previous_response_id=first["id"], input="More")
        [call] = admitted
        for said in (b"Something long", b"Hi", b"More"):
            self.assertIn(said, bytes(call.fields["input"]))

    def test_goes_on_at_a_provider_that_serves_the_api(self) -> None:
        """It is sent the whole conversation, since it does not know it."""
        first = self.create()
        self.openai.answer = _NATIVE
        self.create("native", previous_response_id=first["id"], input="More", odd=1)
        body = self.body()
        self.assertEqual((body["odd"], "previous_response_id" in body), (1, False))
        self.assertEqual([each["role"] for each in body["input"]], ["user", "assistant", "user"])

    def test_kept(self) -> None:
        """It, its input and its end."""
        response = self.create(input=[{"role": "user", "content": str(n)} for n in range(3)])
        path = f"/v1/responses/{response['id']}"
        self.assertEqual(self.request("GET", path)[1], response)
        _, page = self.request("GET", f"{path}/input_items?limit=2")
        texts = [item["content"][0]["text"] for item in page["data"]]
        self.assertEqual((texts, page["has_more"]), (["2", "1"], True))
        self.assertEqual(page["last_id"], page["data"][1]["id"])
        _, page = self.request("GET", f"{path}/input_items?after={page['last_id']}")
        self.assertEqual(page["data"][0]["content"][0]["text"], "0")
        self.assertIs(page["has_more"], False)
        _, page = self.request("GET", f"{path}/input_items?order=asc")
        self.assertEqual(page["data"][0]["content"][0]["text"], "0")
        _, deleted = self.request("DELETE", path)
        self.assertEqual(deleted, {"id": response["id"], "object": "response", "deleted": True})
        for method in ("GET", "DELETE"):
            found, body = self.request(method, path)
            self.assertEqual((found.code, body["error"]["code"]), (404, "response_not_found"))

    def test_what_is_kept_has_not(self) -> None:
        path = f"/responses/{self.create()['id']}"
        for method, rest, said in (
            ("POST", "/cancel", "DELETE /q/__jobs/"),
            ("GET", "?stream=true", "streamed"),
            ("GET", "/input_items?limit=0", "limit"),
            ("GET", "/input_items?limit=x", "limit"),
            ("GET", "/input_items?after=x", "'x'"),
        ):
            response, body = self.request(method, path + rest)
            self.assertEqual(response.code, 400)
            self.assertIn(said, body["error"]["message"])

    def test_not_kept(self) -> None:
        for answer, fields in ((_CHAT, {}), (_NATIVE, {"model": "native"})):
            self.openai.answer = answer
            response = self.create(store=False, **fields)
            found, _ = self.request("GET", f"/responses/{response['id']}")
            self.assertEqual(found.code, 404)

    def test_another_callers(self) -> None:
        """It is as if it were not there."""
        response = self.create()
        ask = KeptAsk(b"GET", response["id"])

        async def find() -> Result:
            return await self.gateway.kept_response(Caller("another"), ask)

        failure = self.failureResultOf(Deferred.fromCoroutine(find()), GatewayError)
        self.assertEqual(failure.value.status, 404)

    def test_refused(self) -> None:
        """In OpenAI's form, with what is wrong."""
        error = self.refusal(404, previous_response_id="resp_none")
        self.assertEqual(error["code"], "previous_response_not_found")
        self.assertEqual(self.refusal(400, input=5)["param"], "input")
        self.assertIn("web_search", self.refusal(400, tools=[{"type": "web_search"}])["message"])
        self.assertIn("/q/", self.refusal(400, background=True)["message"])
        self.assertEqual(self.refusal(404, model="none")["param"], "model")
        self.openai.answer = Result(b'{"error": {"message": "no"}}')
        self.assertIn("no.", self.refusal(502)["message"])
        self.openai.answer = Result(b"x")
        self.refusal(502)
        response, _ = self.post("/responses", {}, headers={"Authorization": "Bearer x"})
        self.assertEqual(response.code, 401)

    def test_nested_deeply(self) -> None:
        """However deep it is nested, it is answered or refused as wrong."""
        for head, tail in (
            (b'"tools":[{"type":"function","name":"f","parameters":', b"}]"),
            (b'"text":{"format":{"type":"json_schema","name":"n","schema":', b"}}"),
            (b'"stream":true,"tools":[{"type":"function","name":"f","parameters":', b"}]"),
        ):
            statuses = set()
            for depth in (10, *range(400, 1000, 11)):
                nested = b'{"a":' * depth + b"{}" + b"}" * depth
                body = b'{"model":"chat","input":"x",%b%b%b}' % (head, nested, tail)
                response, _ = self.request("POST", "/responses", data=body)
                statuses.add(response.code)
            self.assertEqual(statuses, {200, 400})


class NativeTests(ResponsesCase):
    """Where the provider serves the API itself."""

    def setUp(self) -> None:
        super().setUp()
        self.openai.answer = _NATIVE

    def test_untouched(self) -> None:
        """What came is what it gets, and what it answers is what is answered."""
        given = {"input": [{"type": "item_reference", "id": "x"}], "background": True, "odd": [1.5]}
        given |= {"tools": [{"type": "web_search"}], "previous_response_id": None}
        response, _ = self.post("/v1/responses", {"model": "native", **given})
        self.assertIs(self.sent.task, Task.RESPONSES)
        self.assertEqual(self.body(), {"model": "up", **given})
        self.assertEqual(response.headers.getRawHeaders("x-litellm-model-id"), ["id-native"])
        body = b'event: x\ndata: {"response": {"id": "resp_s"}}\n\n'
        self.openai.answer = Result(body, EVENT_STREAM)
        self.assertEqual(self.create("native", stream=True), body)
        self.assertEqual(self.request("GET", "/responses/resp_s")[0].code, 200)

    def test_one_in_the_background_is_for_who_has_no_budget(self) -> None:
        """Its end, and so its cost, nobody here sees."""
        self.openai.answer = _NATIVE
        asked = {"model": "native", "input": "x", "background": True}
        for budget, status in ((5, 400), (None, 200)):
            _, made = self.post("/key/generate", {"max_budget": budget})
            headers = {"Authorization": f"Bearer {made['key']}"}
            response, body = self.post("/v1/responses", asked, headers=headers)
            self.assertEqual(response.code, status, body)
        self.assertEqual(len(self.openai.calls), 1)

    def test_kept_by_who_made_it(self) -> None:
        """It is asked for what it keeps, as it came, and told what to forget."""
        self.create("native")
        path = "/v1/responses/resp_native"
        for method, rest in (
            ("GET", "?include%5B%5D=x&stream=true"),
            ("GET", "/input_items?limit=7"),
            ("POST", "/cancel"),
            ("DELETE", ""),
        ):
            _, body = self.request(method, path + rest)
            self.assertEqual(body, {"kept": "there"})
        asked = [(each.method, each.of, each.query) for _, each in self.openai.asked]
        self.assertEqual(
            asked,
            [
                (b"GET", "", b"include%5B%5D=x&stream=true"),
                (b"GET", "/input_items", b"limit=7"),
                (b"POST", "/cancel", b""),
                (b"DELETE", "", b""),
            ],
        )
        self.assertEqual({each for each, _ in self.openai.asked}, {"id-native"})
        self.assertEqual(self.request("GET", path)[0].code, 404)

    def test_health(self) -> None:
        """What has the mode is tried by the API itself, and keeps nothing."""
        self.gateway.router.replace(
            Catalogue([_deployment("native", serves_responses=True, mode="responses")]), Policy()
        )
        _, body = self.request("GET", "/health")
        self.assertEqual(body["healthy_count"], 1)
        self.assertIs(self.sent.task, Task.RESPONSES)
        self.assertIs(self.body()["store"], False)

    def test_unknown_and_gone(self) -> None:
        """Of what was not made here nobody is asked; what is gone there is gone."""
        found, _ = self.request("GET", "/responses/resp_strange")
        self.assertEqual((found.code, self.openai.asked), (404, []))
        self.openai.answer = Result(b'{"id": "resp_gone"}')
        self.create("native")
        self.assertEqual(self.request("GET", "/responses/resp_gone")[0].code, 404)
        self.gateway.router.replace(Catalogue([_deployment("chat")]), Policy())
        self.assertEqual(self.request("GET", "/responses/resp_gone")[0].code, 404)

    def test_goes_on_there(self) -> None:
        """With the id, which it knows; another model of the same key may too, no other."""
        self.create("native")
        for model in ("native", "sibling"):
            self.create(model, previous_response_id="resp_native")
            self.assertEqual(self.openai.calls[-1][0].id, f"id-{model}")
            self.assertEqual(self.body()["previous_response_id"], "resp_native")
        for model in ("other", "chat"):
            error = self.refusal(400, model=model, previous_response_id="resp_native")
            self.assertEqual(error["param"], "previous_response_id")

    def test_after_a_fallback(self) -> None:
        """Whoever made it is asked, though the model's own deployment is up again."""
        self.replace(chat=("native",))
        answers = [GatewayError(500, "down"), _NATIVE]

        async def call(deployment: Deployment, call: Call) -> Result:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        self.patch(self.openai, "call", call)
        self.create("chat")
        self.patch(self.openai, "call", FakeProvider.call.__get__(self.openai))
        self.create("chat", previous_response_id="resp_native")
        self.assertEqual(self.openai.calls[-1][0].id, "id-native")
        self.request("GET", "/responses/resp_native")
        self.assertEqual(self.openai.asked[-1][0], "id-native")

    def test_no_fallback_from_who_keeps_it(self) -> None:
        """Nobody else knows what it goes on from."""
        self.replace(native=("chat",))
        self.create("native")
        self.openai.answer = GatewayError(500, "down")
        count = len(self.openai.calls)
        self.refusal(500, model="native", previous_response_id="resp_native")
        self.assertEqual(len(self.openai.calls), count + 1)
