"""Answers that must fit a schema, by a real server with the variable that says so."""

from __future__ import annotations

import openai
from pydantic import BaseModel
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.provider import config
from tests.end_to_end.scripted import ScriptedProvider, Turn
from tests.end_to_end.server import MASTER_KEY, Server

_HELLO = [{"role": "user", "content": "Who was it?"}]
_ADA = Turn('{"name": "Ada", "age": 36}')
_NOBODY = Turn('{"name": "Ada"}')


class Person(BaseModel):
    """What is asked for."""

    name: str
    age: int


class JSONSchemaTests(SynchronousTestCase):
    """The openai client, whose own parsing would fail on an answer that does not fit."""

    def setUp(self) -> None:
        self.scripted = ScriptedProvider()
        self.addCleanup(self.scripted.stop)
        text = config(self.scripted.base, "chat").replace("num_retries: 0", "num_retries: 1")
        self.server = Server(text, ENABLE_JSON_SCHEMA_VALIDATION="1")
        self.addCleanup(self.server.stop)
        self.server.wait_until_up()
        self.client = openai.OpenAI(base_url=self.server.url, api_key=MASTER_KEY, max_retries=0)
        self.addCleanup(self.client.close)

    def test_answers(self) -> None:
        """One that does not fit is asked for again; none that fits is an error that says why."""
        self.scripted.script += [_NOBODY, _ADA]
        answer = self.client.chat.completions.with_raw_response.parse(
            model="chat", messages=_HELLO, response_format=Person
        )
        self.assertEqual(answer.headers["x-litellm-attempted-retries"], "1")
        self.assertEqual(answer.parse().choices[0].message.parsed, Person(name="Ada", age=36))
        self.scripted.script += [_NOBODY, _NOBODY]
        with self.assertRaises(openai.InternalServerError) as caught:
            self.client.chat.completions.parse(
                model="chat", messages=_HELLO, response_format=Person
            )
        self.assertEqual(caught.exception.status_code, 502)
        self.assertEqual(caught.exception.code, "json_schema_validation_error")
        self.assertIn("'age' is a required property", str(caught.exception))
        self.scripted.script.append(_NOBODY)
        answer = self.client.chat.completions.with_raw_response.create(
            model="chat",
            messages=_HELLO,
            response_format={"type": "json_object"},
        )
        self.assertEqual(answer.parse().choices[0].message.content, _NOBODY.text)
