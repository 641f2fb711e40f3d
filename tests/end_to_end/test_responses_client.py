"""The openai client's C{responses} against a real server: translated, untouched, mixed."""

from __future__ import annotations

import json
from typing import Any

import openai
from pydantic import BaseModel
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.end_to_end.job_client import JobClient
from tests.end_to_end.key_client import KeyClient
from tests.end_to_end.provider import API_KEY
from tests.end_to_end.responses_server import FakeResponses
from tests.end_to_end.scripted import ScriptedProvider, Turn
from tests.end_to_end.server import MASTER_KEY, Server
from tests.end_to_end.vendors import KEY, TEXT, FakeVendors
from tests.gateway.responses.examples import WEATHER, checked_events
from twisted_aigate.gateway.local.table import LOCAL_MODELS

_LOCAL = "local-smollm2-135m"
_STRICT: Any = {
    **WEATHER,
    "parameters": {
        **WEATHER["parameters"],
        "required": ["city"],
        "additionalProperties": False,
    },
}


class _Capital(BaseModel):
    city: str
    people: int


def _entry(name: str, model: str, base: str, key: str = API_KEY, **info: str) -> dict[str, Any]:
    params = {"model": model, "api_base": base, "api_key": key, "timeout": 5}
    return {"model_name": name, "litellm_params": params, "model_info": info}


class ResponsesCase(SynchronousTestCase):
    """
    A gateway in front of a provider of chats, two that serve the API, and Anthropic.

    C{unsure} falls back from a chat to one that serves the API.
    """

    @classmethod
    def setUpClass(cls) -> None:
        cls.chats = ScriptedProvider()
        cls.one, cls.two = FakeResponses("one"), FakeResponses("two")
        cls.vendors = FakeVendors()
        v1 = f"{cls.one.url}/v1"
        entries = [
            _entry("plain", "openai/plain", cls.chats.base),
            _entry("unsure", "openai/plain", cls.chats.base),
            _entry("native", "openai/up-native", v1, mode="responses"),
            _entry("breaks", "openai/breaks", v1, mode="responses"),
            _entry("status-400", "openai/status-400", v1, mode="responses"),
            _entry("azure", "azure/my-gpt", cls.two.url),
            _entry("claude", "anthropic/claude-sonnet-4-5", cls.vendors.url, KEY),
        ]
        routing = {
            "num_retries": 0,
            "cooldown_time": 0,
            "fallbacks": [{"unsure": ["native"]}],
        }
        config = json.dumps({"model_list": entries, "router_settings": routing})
        cls.server = Server(config).wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        for each in (cls.chats, cls.one, cls.two, cls.vendors):
            each.stop()

    def setUp(self) -> None:
        self.chats.script.clear()
        self.chats.requests.clear()
        for fake in (self.one, self.two):
            fake.requests.clear()
        self.client = openai.OpenAI(
            base_url=f"{self.server.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=30
        )
        self.addCleanup(self.client.close)

    def tearDown(self) -> None:
        self.assertEqual([*self.one.problems, *self.two.problems, *self.vendors.problems], [])

    def create(self, model: str = "plain", **fields: Any) -> Any:
        """A response."""
        return self.client.responses.create(**{"model": model, "input": "Hello", **fields})

    def stream(self, model: str = "plain", **fields: Any) -> Any:
        """A streamed response, each of whose events has the client's own form."""
        events = list(self.create(model, stream=True, **fields))
        as_sent = [event.to_dict(mode="json", exclude_unset=True) for event in events]
        checked_events(as_sent)
        return events[-1].response


class TranslatedTests(ResponsesCase):
    """Over chats."""

    def test_plain(self) -> None:
        self.chats.script.append(Turn("Hello there.", thought="Hm.", finish="length"))
        response = self.create(instructions="Be brief.", max_output_tokens=20)
        self.assertEqual(response.output_text, "Hello there.")
        self.assertEqual(response.output[0].content[0].text, "Hm.")
        self.assertEqual(response.incomplete_details.reason, "max_output_tokens")
        self.assertEqual(response.usage.input_tokens_details.cached_tokens, 100)
        messages = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
        ]
        sent = {"model": "plain", "messages": messages, "max_tokens": 20}
        self.assertEqual(self.chats.requests, [sent])

    def test_conversation(self) -> None:
        """Gone on from, streamed and not; listed, found again, and forgotten."""
        self.chats.script += [Turn("One."), Turn("Two."), Turn("Three.")]
        first = self.create(input="1")
        second = self.stream(input="2", previous_response_id=first.id)
        third = self.create(input="3", previous_response_id=second.id)
        self.assertEqual(third.output_text, "Three.")
        said = [each["content"] for each in self.chats.requests[-1]["messages"]]
        self.assertEqual(said, ["1", "One.", "2", "Two.", "3"])
        self.assertEqual(self.client.responses.retrieve(second.id), second)
        [item] = self.client.responses.input_items.list(second.id)
        self.assertEqual(item.content[0].text, "2")
        self.client.responses.delete(first.id)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(first.id)
        with self.assertRaises(openai.NotFoundError) as caught:
            self.create(previous_response_id=third.id)
        self.assertEqual(caught.exception.code, "previous_response_not_found")

    def test_many_items(self) -> None:
        """The client turns the pages."""
        self.chats.script.append(Turn("x"))
        items = [{"role": "user", "content": str(number)} for number in range(50)]
        response = self.create(input=items)
        listed = list(self.client.responses.input_items.list(response.id, limit=20, order="asc"))
        self.assertEqual([each.content[0].text for each in listed], [str(n) for n in range(50)])

    def test_tools(self) -> None:
        """Calls side by side, and their results, by the items and by the id."""
        calls = (("get_weather", {"city": "Tbilisi"}), ("get_weather", {"city": "Kyōto"}))
        for streamed in (False, True):
            with self.subTest(streamed=streamed):
                self.chats.requests.clear()
                self.chats.script += [Turn("Let me look.", "Hm.", calls, mixed=True)]
                self.chats.script += [Turn("Sunny."), Turn("Sunny.")]
                make = self.stream if streamed else self.create
                response = make(tools=[_STRICT], tool_choice="required")
                found = [each for each in response.output if each.type == "function_call"]
                cities = [json.loads(each.arguments)["city"] for each in found]
                self.assertEqual(cities, ["Tbilisi", "Kyōto"])
                results = [
                    {"type": "function_call_output", "call_id": each.call_id, "output": "sun"}
                    for each in found
                ]
                by_id = make(input=results, previous_response_id=response.id, tools=[_STRICT])
                given = [{"role": "user", "content": "Hello"}, *response.output, *results]
                by_items = make(input=given, tools=[_STRICT])
                self.assertEqual((by_id.output_text, by_items.output_text), ("Sunny.", "Sunny."))
                asked, one, other = self.chats.requests
                self.assertEqual(asked["tool_choice"], "required")
                self.assertEqual(one["messages"], other["messages"])
                roles = [each["role"] for each in one["messages"]]
                self.assertEqual(roles, ["user", "assistant", "tool", "tool"])

    def test_structured_output(self) -> None:
        """A model of pydantic's goes out as a schema and comes back filled."""
        self.chats.script.append(Turn('{"city": "Tbilisi", "people": 1}'))
        response = self.client.responses.parse(model="plain", input="x", text_format=_Capital)
        self.assertEqual(response.output_parsed, _Capital(city="Tbilisi", people=1))
        form = self.chats.requests[0]["response_format"]
        self.assertEqual((form["type"], form["json_schema"]["strict"]), ("json_schema", True))

    def test_the_clients_own_stream(self) -> None:
        """What it puts together is what the server kept."""
        calls = (("get_weather", {"city": "Tbilisi"}),)
        self.chats.script.append(Turn("Hello there.", "Hm.", calls))
        with self.client.responses.stream(model="plain", input="x", tools=[_STRICT]) as stream:
            said = "".join(each.delta for each in stream if each.type.endswith("text.delta"))
            response = stream.get_final_response()
        self.assertEqual(said, "Hm.Hello there.")
        kept = self.client.responses.retrieve(response.id)
        self.assertEqual(kept.output_text, response.output_text)
        self.assertEqual([each.id for each in kept.output], [each.id for each in response.output])

    def test_stream_breaks_off(self) -> None:
        """The response fails, with what there is of it, and nothing is kept."""
        self.chats.script.append(Turn("Hello there.", breaks=True))
        failed = self.stream()
        self.assertEqual((failed.status, failed.error.code), ("failed", "server_error"))
        self.assertIn("No answer from openai", failed.error.message)
        self.assertEqual(failed.output_text, "Hello there.")
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(failed.id)

    def test_errors(self) -> None:
        """Each is what the client has an exception for."""
        for status, fields in (
            (400, {"tools": [{"type": "web_search"}]}),
            (400, {"background": True}),
            (404, {"model": "nothing"}),
            (404, {"previous_response_id": "resp_nothing"}),
            (500, {}),
        ):
            with self.assertRaises(openai.APIStatusError) as caught:
                self.create(**fields)
            self.assertEqual(caught.exception.status_code, status)

    def test_client_leaves(self) -> None:
        """When the client leaves, the provider sees the call cancelled."""
        self.chats.endless = True
        self.addCleanup(setattr, self.chats, "endless", False)
        self.chats.script.append(Turn("Hello"))
        stream = self.create(stream=True)
        next(iter(stream))
        stream.close()
        self.client.close()
        self.assertTrue(self.chats.gone.wait(10))

    def test_anthropic(self) -> None:
        """A provider with a language of its own, tools and all."""
        for make in (self.create, self.stream):
            self.assertEqual(make("claude").output_text, TEXT)
            response = make("claude", tools=[_STRICT])
            [call] = response.output
            self.assertEqual(json.loads(call.arguments), {"city": "Paris"})
            result = {"type": "function_call_output", "call_id": call.call_id, "output": "sun"}
            after = make("claude", input=[result], previous_response_id=response.id)
            self.assertEqual(after.output_text, TEXT)

    def test_job(self) -> None:
        """A response is made later, and kept as any other."""
        self.chats.script.append(Turn("Later."))
        jobs = JobClient(self.server)
        job = jobs.take("/v1/responses", b'{"model": "plain", "input": "x"}')
        jobs.wait(job)
        status, body = jobs.call("GET", f"/q/__jobs/{job}/content")
        self.assertEqual(status, 200)
        found = self.client.responses.retrieve(json.loads(body)["id"])
        self.assertEqual(found.output_text, "Later.")

    def test_another_key(self) -> None:
        """A key's responses are that key's alone, and count as its calls."""
        keys = KeyClient(self.server)
        owner, other = keys.generate(), keys.generate()
        self.chats.script += [Turn("Mine."), Turn("More.")]
        asked = {"model": "plain", "input": "x"}
        status, made = keys.request("POST", "/v1/responses", asked, owner)
        self.assertEqual(status, 200)
        path = f"/v1/responses/{made['id']}"
        for key, wanted in ((owner, 200), (other, 404), (MASTER_KEY, 404)):
            self.assertEqual(keys.request("GET", path, key=key)[0], wanted)
        after = {**asked, "previous_response_id": made["id"]}
        self.assertEqual(keys.request("POST", "/v1/responses", after, other)[0], 404)
        self.assertEqual(keys.request("POST", "/v1/responses", after, owner)[0], 200)
        rows = keys.wait_for_rows(owner, 2)
        self.assertEqual({row["prompt_tokens"] for row in rows}, {120})

    def test_restart(self) -> None:
        """What is kept outlives the server."""
        self.chats.script += [Turn("One."), Turn("Two.")]
        first = self.create(input="1")
        self.assertEqual(self.server.terminate(), 0)
        self.server.start()
        self.server.wait_until_up()
        self.assertEqual(self.create(previous_response_id=first.id).output_text, "Two.")


class NativeTests(ResponsesCase):
    """Where the provider serves the API itself."""

    def test_untouched(self) -> None:
        """What only OpenAI has reaches it, and comes back."""
        tools: Any = [{"type": "web_search"}]
        response = self.create("native", tools=tools, background=True, include=["x"][:0])
        self.assertEqual(response.output_text, "I am one.")
        self.assertEqual((response.model, response.odd), ("up-native-2026", 1.5))
        [(_, path, body)] = self.one.requests
        self.assertEqual(path, "/v1/responses")
        sent = {"model": "up-native", "input": "Hello", "tools": tools, "background": True}
        self.assertEqual(body, {**sent, "include": []})

    def test_stream(self) -> None:
        """Byte for byte."""
        asked = {"model": "native", "input": "x", "stream": True}
        status, answer = JobClient(self.server).call(
            "POST", "/v1/responses", json.dumps(asked).encode()
        )
        self.assertEqual((status, answer), (200, self.one.streamed))

    def test_what_it_keeps(self) -> None:
        """It is asked for it."""
        for made in (self.create("native"), list(self.create("native", stream=True))[-1].response):
            self.assertEqual(self.client.responses.retrieve(made.id).id, made.id)
            [item] = self.client.responses.input_items.list(made.id)
            self.assertEqual(item.id, "msg_in")
            self.assertEqual(self.client.responses.cancel(made.id).status, "cancelled")
            after = self.create("native", previous_response_id=made.id)
            self.assertEqual(after.previous_response_id, made.id)
            self.client.responses.delete(made.id)
            self.assertNotIn(made.id, self.one.kept)
            with self.assertRaises(openai.NotFoundError):
                self.client.responses.retrieve(made.id)

    def test_azure(self) -> None:
        """At its own path, in its version, with the deployment's name in the body."""
        response = self.create("azure")
        self.client.responses.retrieve(response.id, include=["reasoning.encrypted_content"])
        version = "api-version=2025-04-01-preview"
        (_, made, body), (_, found, _) = self.two.requests
        self.assertEqual((made, body["model"]), (f"/openai/responses?{version}", "my-gpt"))
        self.assertTrue(found.startswith(f"/openai/responses/{response.id}?{version}&include"))

    def test_after_a_fallback(self) -> None:
        """The one that answered is asked, though the first is up again."""
        response = self.create("unsure")
        self.assertEqual(response.output_text, "I am one.")
        self.chats.script.append(Turn("I am up."))
        after = self.create("unsure", previous_response_id=response.id)
        self.assertEqual(after.output_text, "I am one.")
        self.assertEqual(self.client.responses.retrieve(response.id).id, response.id)

    def test_from_one_to_another(self) -> None:
        """What is kept here goes on anywhere; what a provider keeps, only there."""
        self.chats.script.append(Turn("One.", "Hm."))
        first = self.create(input="1")
        second = self.create("native", input="2", previous_response_id=first.id)
        sent = self.one.requests[-1][2]["input"]
        self.assertEqual([each["role"] for each in sent], ["user", "assistant", "user"])
        for model in ("plain", "azure"):
            with self.assertRaises(openai.BadRequestError):
                self.create(model, previous_response_id=second.id)

    def test_errors(self) -> None:
        with self.assertRaises(openai.BadRequestError) as caught:
            self.create("status-400")
        self.assertEqual(caught.exception.message.count("openai: asked"), 1)

    def test_stream_breaks_off(self) -> None:
        """It ends in the API's own event for that."""
        *_, delta, error = list(self.create("breaks", stream=True))
        self.assertEqual((delta.type, error.type), ("response.output_text.delta", "error"))
        self.assertEqual(error.sequence_number, delta.sequence_number + 1)
        self.assertIn("No answer from openai", error.message)


class LocalModelTests(SynchronousTestCase):
    """An embedded model behind the same API."""

    def test_answers(self) -> None:
        """It answers, whole and streamed alike, goes on, and calls what it has to call."""
        missing = [name for entry in LOCAL_MODELS for name in entry.missing()]
        if missing:
            raise SkipTest(f"not installed: {missing}; run: make local-models")
        server = Server(LOCAL_MODELS="1")
        self.addCleanup(server.stop)
        server.wait_until_up()
        client = openai.OpenAI(base_url=server.url, api_key=MASTER_KEY, timeout=120)
        self.addCleanup(client.close)
        asked: Any = {"model": _LOCAL, "input": "What is the capital of France?", "temperature": 0}
        whole = client.responses.create(**asked)
        self.assertIn("Paris", whole.output_text)
        *_, last = client.responses.create(**asked, stream=True, top_logprobs=1)
        self.assertEqual(last.response.output_text, whole.output_text)
        self.assertGreater(len(last.response.output[0].content[0].logprobs), 0)
        after = client.responses.create(
            model=_LOCAL, input="And of Italy?", previous_response_id=whole.id, temperature=0
        )
        self.assertGreater(after.usage.input_tokens, whole.usage.input_tokens)
        called = client.responses.create(
            model=_LOCAL,
            input="What is the weather in Paris?",
            tools=[_STRICT],
            tool_choice={"type": "function", "name": "get_weather"},
        )
        self.assertEqual(list(json.loads(called.output[0].arguments)), ["city"])
