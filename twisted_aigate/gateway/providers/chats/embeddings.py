"""Embeddings: OpenAI's request taken apart, and its answer put together."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.calls import Call
from twisted_aigate.gateway.chat.tokens import tokens_of_text
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.chats.exchange import Exchange, Translate
from twisted_aigate.gateway.providers.chats.models import decoded
from twisted_aigate.gateway.providers.parameters import Fields

_KNOWN = ("model", "input", "encoding_format", "dimensions", "user")


class EmbeddingRequest(Struct):
    """A request; C{input_type} is what most models beside OpenAI's tell texts apart by."""

    input: str | list[str]
    encoding_format: str | None = None
    dimensions: int | None = None
    input_type: str | None = None

    @property
    def texts(self) -> list[str]:
        """What is to be embedded."""
        return [self.input] if isinstance(self.input, str) else self.input


class Embeddings(Protocol):
    """A provider's embeddings."""

    def request(
        self, deployment: Deployment, wanted: EmbeddingRequest, own: Fields
    ) -> tuple[bytes, dict[str, object]]:
        """
        The path that they are asked at, and the body.

        @param own: The fields that go to the provider as they came.
        """

    def vectors(self, body: bytes) -> tuple[list[list[float]], int | None]:
        """
        The vectors of an answer, and the tokens that they took; C{None}: it does not say.

        @raise msgspec.MsgspecError: It is not of the provider's form.
        """


_decoder = msgspec.json.Decoder(EmbeddingRequest)


def translate_embeddings(embeddings: Embeddings) -> Translate:
    """How a provider's embeddings are asked for."""

    def translate(deployment: Deployment, call: Call) -> Exchange:
        wanted = _read(call)
        target, body = embeddings.request(deployment, wanted, _own_fields(deployment, call))

        def answer(said: bytes) -> bytes:
            vectors, tokens = embeddings.vectors(said)
            return _answer(call, wanted, vectors, tokens)

        return Exchange(target, body, answer)

    return translate


def _read(call: Call) -> EmbeddingRequest:
    """
    The request of a call.

    @raise GatewayError: 400: it has tokens in place of texts, or is of another form.
    """
    try:
        return decoded(_decoder, call.body_for(call.model))
    except GatewayError as error:
        if error.param is not None and error.param.startswith("input"):
            error.message = f"Texts are taken, and no tokens: {error.message}"
        raise


def _own_fields(deployment: Deployment, call: Call) -> Fields:
    """The fields of a request that go to the provider as they came."""
    return {
        name: value
        for name, value in call.fields.items()
        if name not in _KNOWN
        and name != "input_type"
        and name not in deployment.drop_parameters
        and not deployment.drop_params
    }


def _answer(
    call: Call,
    request: EmbeddingRequest,
    vectors: Sequence[Sequence[float]],
    tokens: int | None,
) -> bytes:
    """
    The answer.

    @param tokens: What it took; C{None}: the provider does not say, and it is estimated.
    """
    if tokens is None:
        tokens = sum(map(tokens_of_text, request.texts))
    return msgspec.json.encode(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": _encoded(vector, request)}
                for index, vector in enumerate(vectors)
            ],
            "model": call.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _encoded(vector: Sequence[float], request: EmbeddingRequest) -> Any:
    if request.encoding_format != "base64":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
