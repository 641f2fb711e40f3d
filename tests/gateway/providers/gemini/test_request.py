"""Chats as contents: what is sent, held against the types of Google's own client."""

from __future__ import annotations

import base64
from typing import Any

from google.genai import types
from twisted.internet.defer import Deferred

from tests.gateway.providers.case import KEY, USER, ProviderCase
from tests.support.vendor_types import problems
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.gemini.provider import GeminiProvider
from twisted_aigate.gateway.providers.gemini.schema import openapi_schema
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.upstream import Upstream
from twisted_aigate.http_client.guarded import FetchFailed
from twisted_aigate.http_client.messages import Fields

_TYPES: dict[str, Any] = {
    "contents": list[types.Content],
    "systemInstruction": types.Content,
    "tools": list[types.Tool],
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
    "safetySettings": list[types.SafetySetting],
}
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG64 = base64.b64encode(_PNG).decode()
_OLD = "gemini-2.5-flash"
_NO_SIGNATURE = base64.b64encode(b"skip_thought_signature_validator").decode()
_WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
_TOOL = {"type": "function", "function": _WEATHER}


def _call(call_id: str, name: str = "f", **more: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": '{"a":1}'}
    return {"id": call_id, "type": "function", "function": function, **more}


class FakeFetch:
    """Fetches what it is told to."""

    def __init__(self) -> None:
        self.content: bytes | FetchFailed | Deferred[bytes] = _PNG
        self.urls: list[str] = []

    async def fetch(self, url: str, most: int, timeout: float, fields: Fields = ()) -> bytes:
        """See L{twisted_aigate.gateway.providers.gemini.images.Fetch}."""
        self.urls.append(url)
        if isinstance(self.content, FetchFailed):
            raise self.content
        return await self.content if isinstance(self.content, Deferred) else self.content


class RequestTests(ProviderCase):
    """Requests."""

    name = "gemini"
    model = "gemini-3.8-flash"
    path = "/v1beta"

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        self.fetch = FakeFetch()
        return GeminiProvider(upstream, self.fetch, self.clock)

    def body(self, deployment: Deployment | None = None, **fields: Any) -> Any:
        """The body of a request, which Google's client could have sent."""
        body = self.request(deployment, **fields)
        for name, value in body.items():
            self.assertEqual(problems(value, _TYPES[name], name), [])
        return body

    def config(self, deployment: Deployment | None = None, **fields: Any) -> Any:
        """C{generationConfig}."""
        return self.body(deployment, **fields).get("generationConfig")

    def parts(self, *content: Any) -> Any:
        """The parts of a user's content."""
        [made] = self.body(messages=[{"role": "user", "content": list(content)}])["contents"]
        return made["parts"]

    def old(self) -> Deployment:
        """A deployment of a model before Gemini 3."""
        return self.deployment(model=_OLD)

    def test_head(self) -> None:
        """The path and the key, streamed and not."""
        for stream, method in (
            (False, "generateContent"),
            (True, "streamGenerateContent?alt=sse"),
        ):
            self.ask(stream=stream).addErrback(lambda _: None)
            sent = self.sent()
            self.assertEqual(sent.target, f"/v1beta/models/{self.model}:{method}")
            self.assertEqual(sent.fields["x-goog-api-key"], KEY)
            self.assertNotIn("stream", sent.body)

    def test_plain(self) -> None:
        """The least that a chat can be."""
        contents = [{"role": "user", "parts": [{"text": "Hello"}]}]
        self.assertEqual(self.body(), {"contents": contents})

    def test_parts(self) -> None:
        """Each kind of part."""
        data = f"data:image/png;base64,{_PNG64}"
        inline = {"inlineData": {"mimeType": "image/png", "data": _PNG64}}
        for part, made in (
            ({"type": "text", "text": "Hi"}, {"text": "Hi"}),
            ({"type": "image_url", "image_url": {"url": data}}, inline),
            ({"type": "image_url", "image_url": data}, inline),
            ({"type": "image_url", "image_url": "https://example.com/a"}, inline),
            (
                {"type": "input_audio", "input_audio": {"data": _PNG64, "format": "wav"}},
                {"inlineData": {"mimeType": "audio/wav", "data": _PNG64}},
            ),
            (
                {
                    "type": "file",
                    "file": {"file_data": data.replace("image/png", "application/pdf")},
                },
                {"inlineData": {"mimeType": "application/pdf", "data": _PNG64}},
            ),
            (
                {"type": "file", "file": {"file_id": "https://x/files/1", "filename": "a.pdf"}},
                {"fileData": {"fileUri": "https://x/files/1", "mimeType": "application/pdf"}},
            ),
            (
                {"type": "image_url", "image_url": "gs://b/a.png"},
                {"fileData": {"fileUri": "gs://b/a.png"}},
            ),
        ):
            with self.subTest(part):
                self.assertEqual(self.parts(part, {"type": "text", "text": ""}), [made])

    def test_images_elsewhere(self) -> None:
        """They are fetched, each once; one that is not to be had, or no image, is a 400."""
        part = {"type": "image_url", "image_url": "https://example.com/a"}
        self.assertEqual(len(self.parts(part, part)), 2)
        self.assertEqual(self.fetch.urls, ["https://example.com/a"])
        messages = [{"role": "user", "content": [part]}]
        for content, said in ((FetchFailed("not there"), "not there"), (b"<html>", "no image")):
            self.fetch.content = content
            error = self.failureResultOf(self.ask(messages=messages), GatewayError).value
            self.assertEqual((error.status, error.param), (400, "messages"))
            self.assertIn(said, error.message)
        fetching: Deferred[bytes] = Deferred()
        self.fetch.content = fetching
        asking = self.ask(messages=messages)
        asking.addErrback(lambda _: None)
        asking.cancel()
        self.assertTrue(fetching.called)

    def test_turns(self) -> None:
        """Roles, neighbours, system messages, calls and their results."""
        messages = [
            {"role": "system", "content": "One"},
            *USER,
            {"role": "user", "content": "there"},
            {"role": "developer", "content": "Two"},
            {
                "role": "assistant",
                "content": "Well",
                "tool_calls": [_call("c1__thought__c2ln"), _call("c2", "g")],
            },
            {"role": "tool", "tool_call_id": "c1__thought__c2ln", "content": '{"x": 1}'},
            {"role": "tool", "tool_call_id": "c2", "content": "cold"},
            {"role": "assistant", "content": "", "tool_calls": [_call("c3")]},
            {"role": "tool", "tool_call_id": "c3", "content": [{"type": "text", "text": "[1]"}]},
        ]
        body = self.body(messages=messages)
        self.assertEqual(body["systemInstruction"], {"parts": [{"text": "One"}, {"text": "Two"}]})

        def called(name: str, call_id: str) -> dict[str, Any]:
            return {"name": name, "args": {"a": 1}, "id": call_id}

        def result(name: str, call_id: str, said: Any) -> dict[str, Any]:
            return {"functionResponse": {"name": name, "id": call_id, "response": said}}

        self.assertEqual(
            body["contents"],
            [
                {"role": "user", "parts": [{"text": "Hello"}, {"text": "there"}]},
                {
                    "role": "model",
                    "parts": [
                        {"text": "Well"},
                        {"functionCall": called("f", "c1"), "thoughtSignature": "c2ln"},
                        {"functionCall": called("g", "c2")},
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        result("f", "c1", {"x": 1}),
                        result("g", "c2", {"output": "cold"}),
                    ],
                },
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": called("f", "c3"), "thoughtSignature": _NO_SIGNATURE}
                    ],
                },
                {"role": "user", "parts": [result("f", "c3", {"output": "[1]"})]},
            ],
        )
        older = self.body(self.old(), messages=messages)["contents"]
        self.assertEqual(older[3]["parts"], [{"functionCall": {"name": "f", "args": {"a": 1}}}])
        self.assertNotIn("id", older[4]["parts"][0]["functionResponse"])

    def test_signature_of_google(self) -> None:
        """A signature is read where Google's own OpenAI-shaped API puts it."""
        call = _call("c1", extra_content={"google": {"thought_signature": "c2ln"}})
        body = self.body(messages=[*USER, {"role": "assistant", "tool_calls": [call]}])
        self.assertEqual(body["contents"][1]["parts"][0]["thoughtSignature"], "c2ln")

    def test_tools(self) -> None:
        """Functions, Google's own tools, and the choice among them."""
        made = {
            "name": "get_weather",
            "description": "The weather in a city",
            "parameters": {
                "type": "OBJECT",
                "properties": {"city": {"type": "STRING"}},
                "required": ["city"],
            },
        }
        bare = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        body = self.body(tools=[_TOOL, bare, {"googleSearch": {}}])
        self.assertEqual(
            body["tools"],
            [
                {"functionDeclarations": [made, {"name": "f", "description": "f"}]},
                {"googleSearch": {}},
            ],
        )
        self.assertNotIn("toolConfig", body)
        for choice, config in (
            ("auto", {"mode": "AUTO"}),
            ("required", {"mode": "ANY"}),
            ("none", {"mode": "NONE"}),
            (
                {"type": "function", "function": {"name": "f"}},
                {"mode": "ANY", "allowedFunctionNames": ["f"]},
            ),
        ):
            body = self.body(tools=[_TOOL], tool_choice=choice)
            self.assertEqual(body["toolConfig"], {"functionCallingConfig": config})

    def test_config(self) -> None:
        """Everything that has a counterpart."""
        self.assertEqual(
            self.config(
                temperature=0.5, top_p=0.9, top_k=3, max_tokens=5, stop="x", n=2, seed=7,
                presence_penalty=0.1, frequency_penalty=0.2, logprobs=True, top_logprobs=2,
            ),
            {
                "temperature": 0.5, "topP": 0.9, "topK": 3, "maxOutputTokens": 5,
                "stopSequences": ["x"], "candidateCount": 2, "seed": 7, "presencePenalty": 0.1,
                "frequencyPenalty": 0.2, "responseLogprobs": True, "logprobs": 2,
            },
        )  # fmt: skip
        self.assertEqual(self.config(max_completion_tokens=6)["maxOutputTokens"], 6)
        harm = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}
        self.assertEqual(self.body(safetySettings=[harm])["safetySettings"], [harm])

    def test_response_format(self) -> None:
        """JSON, by a schema or without."""
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        json_type = {"responseMimeType": "application/json"}
        self.assertEqual(
            self.config(response_format=form), {**json_type, "responseJsonSchema": schema}
        )
        self.assertEqual(self.config(response_format={"type": "json_object"}), json_type)
        self.assertIsNone(self.config(response_format={"type": "text"}))

    def test_thinking(self) -> None:
        """A level for Gemini 3 and later, a budget before."""
        for model, fields, config in (
            (self.model, {"reasoning_effort": "high"},
             {"includeThoughts": True, "thinkingLevel": "HIGH"}),
            (self.model, {"reasoning_effort": "minimal"},
             {"includeThoughts": True, "thinkingLevel": "LOW"}),
            (self.model, {"reasoning_effort": "none"},
             {"includeThoughts": False, "thinkingLevel": "LOW"}),
            (self.model, {"thinking": {"type": "enabled", "budget_tokens": 5}},
             {"includeThoughts": True}),
            ("gemini-flash-latest", {"reasoning_effort": "max"},
             {"includeThoughts": True, "thinkingLevel": "HIGH"}),
            (_OLD, {"reasoning_effort": "low"},
             {"includeThoughts": True, "thinkingBudget": 1024}),
            (_OLD, {"reasoning_effort": "none"},
             {"includeThoughts": False, "thinkingBudget": 0}),
            ("gemini-2.5-pro", {"reasoning_effort": "disable"},
             {"includeThoughts": False, "thinkingBudget": 128}),
            (_OLD, {"thinking": {"type": "enabled", "budget_tokens": 5}},
             {"includeThoughts": True, "thinkingBudget": 5}),
            (_OLD, {"thinking": {"type": "disabled"}},
             {"includeThoughts": False, "thinkingBudget": 0}),
        ):  # fmt: skip
            with self.subTest((model, fields)):
                made = self.config(self.deployment(model=model), **fields)
                self.assertEqual(made, {"thinkingConfig": config})

    def test_refused(self) -> None:
        """What no request can be, with the place of it."""
        two = {"tools": [_TOOL, _TOOL], "parallel_tool_calls": False}
        for place, fields in (
            ("parallel_tool_calls", two),
            ("tool_choice", {"tools": [_TOOL], "tool_choice": "sometimes"}),
            ("tool_choice", {"tools": [_TOOL], "tool_choice": {"type": "function"}}),
            ("reasoning_effort", {"reasoning_effort": "heroic"}),
            ("logit_bias", {"logit_bias": {"1": 2}}),
            ("messages.0.role", {"messages": [{"role": "narrator", "content": "x"}]}),
            (
                "messages.0.content.0",
                {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            ),
            (
                "messages.0.content.0",
                {"messages": [{"role": "user", "content": [
                    {"type": "file", "file": {"file_data": "AAAA"}}]}]},
            ),
        ):  # fmt: skip
            with self.subTest(place):
                error = self.refusal(**fields)
                self.assertEqual((error.status, error.param), (400, place))
        self.body(self.deployment(drop_params=True), **two)
        self.body(tools=[_TOOL], parallel_tool_calls=False)


class SchemaTests(ProviderCase):
    """JSON schemas as functions take them."""

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        return GeminiProvider(upstream, FakeFetch(), self.clock)

    def test_table(self) -> None:
        """What becomes of each part of a schema, and that Google's client knows it."""
        for schema, made in (
            ({}, {"type": "STRING"}),
            ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
            ({"type": "string", "format": "uri"}, {"type": "STRING"}),
            ({"type": "string", "enum": ["a", "", None]}, {"type": "STRING", "enum": ["a"]}),
            ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
            ({"type": "integer", "enum": [1, 2]}, {"type": "INTEGER"}),
            ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
            (
                {"type": ["string", "integer"], "title": "T"},
                {"title": "T", "anyOf": [
                    {"title": "T", "type": "STRING"}, {"title": "T", "type": "INTEGER"}]},
            ),
            (
                {"anyOf": [{"type": "number"}, {"type": "null"}], "description": "d"},
                {"type": "NUMBER", "nullable": True, "description": "d"},
            ),
            (
                {"oneOf": [{"type": "number"}, {"type": "boolean"}]},
                {"anyOf": [{"type": "NUMBER"}, {"type": "BOOLEAN"}]},
            ),
            (
                {"type": "array", "items": {"type": "integer"}, "maxItems": 3, "uniqueItems": True},
                {"type": "ARRAY", "items": {"type": "INTEGER"}, "maxItems": 3},
            ),
            ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
            (
                {"properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a", "b"],
                 "$defs": {"A": {"type": "integer", "minimum": 1}}},
                {"type": "OBJECT", "properties": {"a": {"type": "INTEGER", "minimum": 1}},
                 "required": ["a"]},
            ),
            (
                {"allOf": [{"$ref": "#/$defs/A"}, {"properties": {"b": {"type": "string"}}}],
                 "$defs": {"A": {"type": "object", "properties": {"a": {"type": "integer"}},
                                 "required": ["a"]}}},
                {"type": "OBJECT",
                 "properties": {"a": {"type": "INTEGER"}, "b": {"type": "STRING"}},
                 "required": ["a"]},
            ),
        ):  # fmt: skip
            with self.subTest(schema):
                found = openapi_schema(schema)
                self.assertEqual(found, made)
                self.assertEqual(problems(found, types.Schema), [])

    def test_endless(self) -> None:
        """A schema that refers to itself ends all the same."""
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
        found = openapi_schema({"$ref": "#/$defs/Node", "$defs": {"Node": node}})
        self.assertEqual(problems(found, types.Schema), [])
        self.assertEqual(openapi_schema({"$ref": "#/$defs/None"}), {"type": "STRING"})
        turned = {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}
        self.assertEqual(openapi_schema({"$ref": "#/$defs/A", "$defs": turned}), {"type": "OBJECT"})
