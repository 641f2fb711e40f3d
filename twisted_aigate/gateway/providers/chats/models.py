"""A chat request of OpenAI's API: all of it that is translated."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.parameters import Fields

_T = TypeVar("_T")

CacheControl = dict[str, Any]


class ImageURL(Struct):
    """Where an image is: at an address, or in a data URL."""

    url: str
    detail: str | None = None


class File(Struct):
    """A file: in a data URL, or by a name that the provider knows it by."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Audio(Struct):
    """A sound in base64."""

    data: str
    format: str


class Part(Struct):
    """A part of a content."""

    type: str
    text: str = ""
    refusal: str = ""
    image_url: str | ImageURL | None = None
    file: File | None = None
    input_audio: Audio | None = None
    cache_control: CacheControl | None = None


class Function(Struct):
    """What is called."""

    name: str = ""
    arguments: str | None = None


class ToolCall(Struct):
    """A call of a tool; C{extra_content} is where Google's API keeps what goes with it."""

    id: str = ""
    function: Function = msgspec.field(default_factory=Function)
    cache_control: CacheControl | None = None
    extra_content: dict[str, Any] | None = None

    def input(self, where: str) -> dict[str, Any]:
        """
        The arguments.

        @raise GatewayError: 400: they are no JSON object.
        """
        try:
            return _arguments.decode(self.function.arguments or "{}")
        except msgspec.MsgspecError as error:
            raise GatewayError(
                400, f"{where}: the arguments of a call are no JSON object: {error}.", param=where
            ) from None


_arguments = msgspec.json.Decoder(dict[str, Any])


class Message(Struct):
    """A message."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str = ""
    name: str | None = None
    reasoning_content: str | None = None
    thinking_blocks: list[dict[str, Any]] | None = None
    cache_control: CacheControl | None = None

    @property
    def parts(self) -> list[Part]:
        """The content; text by itself is one part."""
        if isinstance(self.content, str):
            return [Part("text", self.content)]
        return self.content or []

    @property
    def text(self) -> str:
        """The parts that are text."""
        return "".join(part.text or part.refusal for part in self.parts)


class JSONSchema(Struct):
    """The schema that an answer is to keep."""

    schema: dict[str, Any] | None = None
    name: str = "answer"
    strict: bool | None = None


class ResponseFormat(Struct):
    """The form that an answer is to have."""

    type: str
    json_schema: JSONSchema | None = None

    @property
    def schema(self) -> dict[str, Any] | None:
        """The schema, if it is to keep one."""
        return self.json_schema.schema if self.json_schema is not None else None


class FunctionTool(Struct):
    """A function that the model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class StreamOptions(Struct):
    """What a stream carries beside its chunks."""

    include_usage: bool | None = None


class Chat(Struct):
    """A chat."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    n: int | None = None
    seed: int | None = None
    user: str | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None

    @property
    def limit(self) -> int | None:
        """The most tokens of the answer."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stops(self) -> list[str] | None:
        """The stop sequences."""
        return [self.stop] if isinstance(self.stop, str) else self.stop

    @property
    def effort(self) -> str | None:
        """How hard the model is to think; OpenAI's Responses API has it in an object."""
        effort = self.reasoning_effort
        return effort.get("effort") if isinstance(effort, dict) else effort


_decoder = msgspec.json.Decoder(Chat)


def read_chat(fields: Fields) -> Chat:
    """
    The chat of a request's fields.

    @raise GatewayError: 400: one is not of OpenAI's form.
    """
    return decoded(_decoder, msgspec.json.encode(fields))


def decoded(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    """
    A request of its form.

    @raise GatewayError: 400: it is not.
    """
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        said, _, place = str(error).partition(" - at `$.")
        raise GatewayError(400, f"{said}.", param=place.rstrip("`") or None) from None


def function_of(tool: dict[str, Any], where: str) -> FunctionTool | None:
    """
    The function that a tool is; C{None}: it is one of the provider's own.

    @raise GatewayError: 400: it is no function of OpenAI's form.
    """
    if tool.get("type") != "function":
        return None
    try:
        return msgspec.convert(tool.get("function"), FunctionTool)
    except msgspec.ValidationError as error:
        raise GatewayError(400, f"{where}: {error}.", param=where) from None


def unreadable_part(where: str, what: str, provider: str) -> GatewayError:
    """A part of a message that a provider cannot read."""
    return GatewayError(400, f"{where}: {provider} cannot read {what}.", param=where)
