"""LangChain's classes for OpenAI's models, with nothing set but the base and the key."""

from __future__ import annotations

import json
from typing import Any

from tests.end_to_end.client_case import WEATHER, ClientCase
from tests.end_to_end.scripted import Turn
from tests.end_to_end.server import MASTER_KEY

_PERSON = {
    "title": "person",
    "description": "A person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


class LangChainTests(ClientCase):
    """What chains do with a model."""

    def setUp(self) -> None:
        super().setUp()
        # It takes a second to import.
        from langchain_openai import ChatOpenAI, OpenAIEmbeddings

        self.options: dict[str, Any] = {
            "base_url": f"{self.server.url}/v1",
            "api_key": MASTER_KEY,
            "max_retries": 0,
        }
        self.chat = ChatOpenAI(model="chat", **self.options)
        self.embeddings_class = OpenAIEmbeddings

    def test_invoke(self) -> None:
        self.scripted.script.append(Turn("Hello yourself."))
        answer = self.chat.invoke([("system", "Be brief."), ("human", "Hello")])
        self.assertEqual(answer.content, "Hello yourself.")
        self.assertEqual(answer.usage_metadata["total_tokens"], 150)
        roles = [message["role"] for message in self.scripted.requests[0]["messages"]]
        self.assertEqual(roles, ["system", "user"])

    def test_stream(self) -> None:
        self.scripted.script.append(Turn("Piece by piece."))
        pieces = list(self.chat.stream("Hello"))
        self.assertGreater(len(pieces), 3)
        self.assertEqual("".join(piece.content for piece in pieces), "Piece by piece.")

    def test_tools(self) -> None:
        """Called, whole and streamed, and told what came of it."""
        turn = Turn(calls=(("get_weather", {"city": "Tbilisi"}),))
        self.scripted.script += [turn, turn, Turn("Sunny.")]
        model = self.chat.bind_tools([WEATHER])
        asked = model.invoke("How is the weather in Tbilisi?")
        [call] = asked.tool_calls
        self.assertEqual((call["name"], call["args"]), ("get_weather", {"city": "Tbilisi"}))
        streamed, *rest = model.stream("And now?")
        for piece in rest:
            streamed += piece
        self.assertEqual(streamed.tool_calls[0]["args"], call["args"])
        result = {"role": "tool", "tool_call_id": call["id"], "content": "25 degrees"}
        answer = model.invoke([("human", "How is the weather?"), asked, result])
        self.assertEqual(answer.content, "Sunny.")

    def test_structured_output(self) -> None:
        """By a schema, and by a function."""
        ada = {"name": "Ada", "age": 36}
        self.scripted.script += [Turn(json.dumps(ada)), Turn(calls=(("person", ada),))]
        for method in ("json_schema", "function_calling"):
            model = self.chat.with_structured_output(_PERSON, method=method)
            self.assertEqual(model.invoke("Who was it?"), ada)
        first, second = self.scripted.requests
        self.assertEqual(first["response_format"]["type"], "json_schema")
        self.assertEqual(second["tools"][0]["function"]["name"], "person")

    def test_embeddings(self) -> None:
        model = self.embeddings_class(
            model="embed", check_embedding_ctx_length=False, **self.options
        )
        self.assertEqual(model.embed_query("cat"), [0.25, -0.5])
        self.assertEqual(model.embed_documents(["cat"]), [[0.25, -0.5]])
