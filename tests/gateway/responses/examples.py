"""Requests and answers for the tests of the Responses API."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from openai.types.responses import Response, ResponseStreamEvent

from tests.support.vendor_types import problems
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.responses.answer import Asked, Drafted
from twisted_aigate.gateway.responses.items import raw_items
from twisted_aigate.gateway.responses.models import ResponsesRequest
from twisted_aigate.gateway.responses.request import chat_request
from twisted_aigate.gateway.responses.tools import functions_of

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": True,
}


def request(**fields: Any) -> ResponsesRequest:
    """A request with these fields, by way of JSON."""
    body = json.dumps({"model": "m", "input": "Hello", **fields})
    return msgspec.json.decode(body, type=ResponsesRequest)


def chat(deployment: Deployment | None = None, **fields: Any) -> dict[str, Any]:
    """The chat request that a request with these fields makes."""
    made, to = request(**fields), deployment or Deployment("m", "openai", "upstream-m")
    return chat_request(made, raw_items(made.input), functions_of(made, to), to)


def messages(*items: Any) -> Any:
    """The chat's messages that these items make."""
    return chat(input=list(items))["messages"]


def drafted(**fields: Any) -> Drafted:
    """The response in the making to a request with these fields."""
    made = request(**fields)
    functions = functions_of(made, Deployment("m", "openai", "upstream-m"))
    return Drafted(Asked(made, functions, lambda: 77, lambda: 1000.5))


def checked(response: dict[str, Any]) -> dict[str, Any]:
    """A response that OpenAI's own client has a type for, less what changes from one to another."""
    # The API sends what the client has no name for.
    known = {name: value for name, value in response.items() if name != "store"}
    found = problems(known, Response)
    assert not found, found
    return response


def checked_events(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events that OpenAI's own client has types for, numbered in order."""
    for number, event in enumerate(events):
        assert event["sequence_number"] == number, event
        known = dict(event)
        if "response" in known:
            known["response"] = {**checked(known["response"])}
            del known["response"]["store"]
        found = problems(known, ResponseStreamEvent)
        assert not found, found
    return events
