"""Requests to Anthropic's Messages API: what is wrong with them, what they say, what to answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.end_to_end.anthropic_steps import Say, Step, StructuredOutput, UseTool

_RUN = "RUN: "
_REMINDER = "<system-reminder>"


def problems_of(body: Any) -> Iterator[str]:
    """Why the API would refuse a request."""
    if not isinstance(body, dict):
        yield "the body is no object"
        return
    if not (isinstance(body.get("model"), str) and body["model"]):
        yield "model is no name"
    if type(body.get("max_tokens")) is not int or body["max_tokens"] < 1:
        yield "max_tokens is no positive integer"
    for tool in body.get("tools", ()):
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            yield f"a tool without a name: {tool!r:.200}"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "messages is no list of messages"
        return
    malformed = [problem for message in messages for problem in _malformed(message)]
    yield from malformed
    if not malformed:
        yield from _order(messages)


def _malformed(message: Any) -> Iterator[str]:
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant", "system"):
        yield f"no message: {message!r:.200}"
        return
    for block in _blocks(message):
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str):
            yield f"no content block: {block!r:.200}"
        elif kind == "text" and not (isinstance(block.get("text"), str) and block["text"]):
            yield f"a text block without text: {block!r:.200}"
        elif kind == "tool_result" and not isinstance(block.get("tool_use_id"), str):
            yield f"a tool_result without a tool_use_id: {block!r:.200}"
        elif kind == "tool_use" and not (
            isinstance(block.get("id"), str) and isinstance(block.get("input"), dict)
        ):
            yield f"a tool_use without id or input: {block!r:.200}"


def _order(messages: list[Any]) -> Iterator[str]:
    """Each use of a tool is followed by its result, and by no other's."""
    spoken = [message for message in messages if message["role"] != "system"]
    if not spoken or spoken[0]["role"] != "user":
        yield "the first message is not the user's"
    wanted: set[str] = set()
    for message in spoken:
        given = [block["tool_use_id"] for block in _of(message, "tool_result")]
        if sorted(given) != sorted(wanted):
            yield f"tool_result for {sorted(given)} after tool_use of {sorted(wanted)}"
        wanted = {block["id"] for block in _of(message, "tool_use")}
    if wanted:
        yield f"no tool_result for {sorted(wanted)}"


def _blocks(message: dict[str, Any]) -> list[Any]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else [content]


def _of(message: dict[str, Any], kind: str) -> list[Any]:
    return [block for block in _blocks(message) if block["type"] == kind]


def prompts(body: dict[str, Any]) -> list[str]:
    """What the user said, message by message, without what the CLI adds and what tools gave."""
    said = []
    for message in body["messages"]:
        if message["role"] == "user":
            texts = [block["text"] for block in _of(message, "text")]
            texts = [text for text in texts if not text.startswith(_REMINDER)]
            if texts:
                said.append("\n".join(texts))
    return said


def tool_results(body: dict[str, Any]) -> list[str]:
    """What the tools gave that were used last; nothing if the user has said something since."""
    last = [message for message in body["messages"] if message["role"] != "system"][-1]
    return [_text(block.get("content", "")) for block in _of(last, "tool_result")]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)


def tool_names(body: dict[str, Any]) -> set[str]:
    """The tools that it offers."""
    return {tool["name"] for tool in body.get("tools", ())}


def default_step(body: dict[str, Any]) -> Step:
    """The answer to what no script is for: a command that is asked for, or an echo."""
    results = tool_results(body)
    said = prompts(body)
    prompt = said[-1] if said else ""
    structured = [tool for tool in body.get("tools", ()) if tool["name"] == "StructuredOutput"]
    if not results and _RUN in prompt and "Bash" in tool_names(body):
        command = prompt.partition(_RUN)[2].partition("\n")[0].strip()
        return UseTool("Bash", {"command": command, "description": "As asked"})
    if structured and not _has_used(body, "StructuredOutput"):
        return StructuredOutput(_example(structured[0]["input_schema"], prompt))
    return Say("\n".join(results) or f"You said: {prompt}")


def _has_used(body: dict[str, Any], name: str) -> bool:
    spoken = [message for message in body["messages"] if message["role"] != "system"]
    return len(spoken) > 1 and any(use["name"] == name for use in _of(spoken[-2], "tool_use"))


def _example(schema: dict[str, Any], text: str) -> Any:
    """A value that the plain sort of schema takes."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _example(inner, text) for name, inner in properties.items()}
    if kind == "array":
        return [_example(schema.get("items", {"type": "string"}), text)]
    plain = {"string": text, "integer": 42, "number": 4.2, "boolean": True}
    return plain.get(kind)
