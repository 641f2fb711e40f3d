"""
The requests of OpenAI's API as typed models: what is checked before a call is made.

Each model names the fields that the gateway itself reads and those whose type every provider
agrees on. Fields that are not named here travel on as they came.
Source: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from twisted_aigate.gateway.cache.controls import CacheField

NonEmpty = Annotated[str, Meta(min_length=1)]
ExtraHeaders = dict[str, str]
Count = Annotated[int, Meta(ge=1)]
Compression = Annotated[int, Meta(ge=0, le=100)]
PartialImages = Annotated[int, Meta(ge=0)]
MOST_RETRIES = 100
Retries = Annotated[int, Meta(ge=0, le=MOST_RETRIES)]
Seconds = Annotated[float, Meta(gt=0)]
Temperature = Annotated[float, Meta(ge=0)]


class Message(Struct):
    """One message of a conversation; C{content} is text or a list of typed parts."""

    role: NonEmpty
    content: str | list[dict[str, Raw]] | None = None


class StreamOptions(Struct):
    """What a stream carries beside its chunks."""

    include_usage: bool | None = None


class FallbackModel(Struct):
    """A model to ask in place of another; of its other fields none has an effect."""

    model: NonEmpty


class BaseRequest(Struct, kw_only=True):
    """What every call has; where a model need not be named, the gateway knows one."""

    model: NonEmpty | None = None
    extra_headers: ExtraHeaders | None = None
    cache: CacheField | None = None
    fallbacks: list[NonEmpty | FallbackModel] | None = None
    num_retries: Retries | None = None
    timeout: Seconds | None = None


class CallRequest(BaseRequest, kw_only=True):
    """What a call has whose model must be named."""

    model: NonEmpty


class GenerationRequest(CallRequest):
    """What calls that generate text have."""

    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    user: str | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    mock_response: str | None = None


class ChatRequest(GenerationRequest, kw_only=True):
    """C{POST /chat/completions}."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    max_completion_tokens: int | None = None
    tools: list[dict[str, Raw]] | None = None
    tool_choice: str | dict[str, Raw] | None = None
    response_format: dict[str, Raw] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    enable_json_schema_validation: bool | None = None


class CompletionRequest(GenerationRequest, kw_only=True):
    """C{POST /completions}; a prompt may be text, tokens, or a list of either."""

    prompt: str | list[Any]
    logprobs: int | None = None


class EmbeddingRequest(CallRequest, kw_only=True):
    """C{POST /embeddings}; an input may be text, tokens, or a list of either."""

    input: str | list[Any]
    encoding_format: str | None = None
    dimensions: int | None = None
    user: str | None = None
    mock_response: list[float] | None = None


class SpeechRequest(CallRequest, kw_only=True):
    """C{POST /audio/speech}."""

    input: str
    voice: str | dict[str, Raw] | None = None
    response_format: str | None = None
    speed: float | None = None
    instructions: str | None = None


class ImageRequest(BaseRequest, kw_only=True):
    """C{POST /images/generations}."""

    prompt: NonEmpty
    n: Count | None = None
    stream: bool | None = None
    size: str | None = None
    quality: str | None = None
    style: str | None = None
    background: str | None = None
    response_format: str | None = None
    output_format: str | None = None
    output_compression: Compression | None = None
    partial_images: PartialImages | None = None
    user: str | None = None
    mock_response: str | dict[str, Raw] | None = None


class ModerationRequest(BaseRequest, kw_only=True):
    """C{POST /moderations}; an input is text, a list of texts, or of typed parts."""

    input: str | list[str | dict[str, Raw]]


class RerankRequest(CallRequest, kw_only=True):
    """
    C{POST /rerank}: Cohere's, which Jina, vLLM and others share.

    Source: https://docs.cohere.com/reference/rerank, https://docs.litellm.ai/docs/rerank
    """

    query: str | dict[str, Raw]
    documents: Annotated[list[str | dict[str, Raw]], Meta(min_length=1)]
    top_n: Count | None = None
    return_documents: bool | None = None
    rank_fields: list[str] | None = None
