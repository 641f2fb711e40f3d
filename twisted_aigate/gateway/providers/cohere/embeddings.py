"""Embeddings of Cohere's API."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.chats.embeddings import EmbeddingRequest
from twisted_aigate.gateway.providers.cohere.request import target_of
from twisted_aigate.gateway.providers.parameters import Fields

_TYPES = {"query": "search_query", "passage": "search_document"}
"""C{input_type}, as our own models have it; other words are Cohere's own."""

_DEFAULT_TYPE = "search_document"
"""What LiteLLM says where nothing is said, as the API asks for a word."""


class _Vectors(Struct):
    # Cohere's name for the type of their numbers.
    floats: list[list[float]] = msgspec.field(name="float")


class _Billed(Struct):
    input_tokens: float | None = None


class _Meta(Struct):
    billed_units: _Billed | None = None


class _Response(Struct):
    embeddings: _Vectors
    meta: _Meta | None = None


_decoder = msgspec.json.Decoder(_Response)


class CohereEmbeddings:
    """See L{twisted_aigate.gateway.providers.chats.embeddings.Embeddings}."""

    def request(
        self, deployment: Deployment, wanted: EmbeddingRequest, own: Fields
    ) -> tuple[bytes, dict[str, object]]:
        """The path and the body."""
        kind = wanted.input_type or _DEFAULT_TYPE
        body: dict[str, object] = {
            "model": deployment.model,
            "texts": wanted.texts,
            "input_type": _TYPES.get(kind, kind),
            "embedding_types": ["float"],
            **own,
        }
        if wanted.dimensions is not None:
            body["output_dimension"] = wanted.dimensions
        return target_of(deployment, "/v2/embed"), body

    def vectors(self, body: bytes) -> tuple[list[list[float]], int | None]:
        """The vectors, and the tokens that they took."""
        said = _decoder.decode(body)
        billed = said.meta.billed_units if said.meta is not None else None
        tokens = billed.input_tokens if billed is not None else None
        return said.embeddings.floats, None if tokens is None else int(tokens)
