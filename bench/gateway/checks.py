"""Whether a contender answers right: asked once before it is loaded."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping

from bench.common.http import Answer, fetch
from bench.common.processes import Unusable
from bench.gateway.payloads import TEXT, WORD, Flavour, request_body


def _text_of_stream(body: str) -> str:
    events = [event for event in body.split("\n\n") if event.strip()]
    if not events or events[-1].strip() != "data: [DONE]":
        raise ValueError("it does not end with [DONE]")
    text = ""
    for event in events[:-1]:
        choices = json.loads(event.strip().removeprefix("data: "))["choices"]
        text += (choices[0]["delta"].get("content") or "") if choices else ""
    return text


def _fault(flavour: Flavour, answer: Answer) -> str | None:
    body = answer.body.decode("utf-8", "replace")
    if answer.status != 200:
        return f"status {answer.status}: {body[:300]}"
    media_type = "text/event-stream" if flavour.streams else "application/json"
    if not answer.content_type.startswith(media_type):
        return f"media type {answer.content_type!r}"
    try:
        if flavour.streams:
            text, wanted = _text_of_stream(body), WORD * flavour.chunks
        else:
            text, wanted = json.loads(body)["choices"][0]["message"]["content"], TEXT
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        return f"{error!r} in {body[-300:]!r}"
    # LiteLLM drops white space at the end of a stream's text.
    return None if text.rstrip() == wanted.rstrip() else f"the text is {text[:200]!r}"


def checked_answer(port: int, path: str, headers: Mapping[str, str], flavour: Flavour) -> Answer:
    """
    Ask once.

    @return: The answer, which is right.
    @raise Unusable: It is not.
    """
    try:
        answer = fetch(port, "POST", path, headers, request_body(flavour).encode("utf-8"))
    except (OSError, http.client.HTTPException) as error:
        raise Unusable(f"{flavour.value}: no answer: {error!r}") from None
    fault = _fault(flavour, answer)
    if fault is not None:
        raise Unusable(f"{flavour.value}: the answer is wrong: {fault}")
    return answer
