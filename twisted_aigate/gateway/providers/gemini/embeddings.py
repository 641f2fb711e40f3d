"""Embeddings of the Gemini API."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.chats.embeddings import EmbeddingRequest
from twisted_aigate.gateway.providers.gemini.request import target_of
from twisted_aigate.gateway.providers.parameters import Fields

_TASKS = {"query": "RETRIEVAL_QUERY", "passage": "RETRIEVAL_DOCUMENT"}
"""C{input_type}, as our own models have it; other words are the API's own."""


class _Vector(Struct):
    values: list[float]


class _Usage(Struct, rename="camel"):
    prompt_token_count: int | None = None


class _Response(Struct, rename="camel"):
    embeddings: list[_Vector]
    usage_metadata: _Usage | None = None


_decoder = msgspec.json.Decoder(_Response)


class GeminiEmbeddings:
    """See L{twisted_aigate.gateway.providers.chats.embeddings.Embeddings}."""

    def request(
        self, deployment: Deployment, wanted: EmbeddingRequest, own: Fields
    ) -> tuple[bytes, dict[str, object]]:
        """All texts at once; C{own} are further fields of each of them."""
        each: dict[str, object] = {"model": f"models/{deployment.model}", **own}
        if wanted.dimensions is not None:
            each["outputDimensionality"] = wanted.dimensions
        if wanted.input_type is not None:
            each["taskType"] = _TASKS.get(wanted.input_type, wanted.input_type.upper())
        contents = [{"parts": [{"text": text}]} for text in wanted.texts]
        requests = [{**each, "content": content} for content in contents]
        return target_of(deployment, "batchEmbedContents"), {"requests": requests}

    def vectors(self, body: bytes) -> tuple[list[list[float]], int | None]:
        """The vectors, and the tokens that they took."""
        said = _decoder.decode(body)
        usage = said.usage_metadata
        tokens = usage.prompt_token_count if usage is not None else None
        return [each.values for each in said.embeddings], tokens
