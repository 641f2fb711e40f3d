"""
Reranking by Cohere's API: LiteLLM's request and answer, over version 2.

Source: https://docs.cohere.com/v2/reference/rerank, https://docs.litellm.ai/docs/rerank
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.calls import Call
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.chats.exchange import Exchange
from twisted_aigate.gateway.providers.chats.models import decoded
from twisted_aigate.gateway.providers.cohere.request import target_of
from twisted_aigate.gateway.providers.parameters import Fields, unsupported

_KNOWN = ("model", "query", "documents", "top_n", "return_documents", "rank_fields")
_OF_VERSION_1 = "max_chunks_per_doc"

_Document = str | dict[str, Any]


class _Request(Struct):
    query: str
    documents: list[_Document]
    top_n: int | None = None
    return_documents: bool | None = None
    rank_fields: list[str] | None = None


class _Ranked(Struct, omit_defaults=True):
    index: int
    relevance_score: float
    document: dict[str, Any] | None = None
    relevant_spans: msgspec.Raw = msgspec.Raw()


class _Response(Struct, omit_defaults=True):
    results: list[_Ranked]
    id: str | None = None
    meta: dict[str, msgspec.Raw] | None = None


_requests = msgspec.json.Decoder(_Request)
_responses = msgspec.json.Decoder(_Response)


def rerank_exchange(deployment: Deployment, call: Call) -> Exchange:
    """See L{twisted_aigate.gateway.providers.chats.exchange.Translate}."""
    wanted = decoded(_requests, call.body_for(call.model))
    body: dict[str, object] = {
        "model": deployment.model,
        "query": wanted.query,
        "documents": [_text(each, wanted.rank_fields) for each in wanted.documents],
        **_own_fields(deployment, call),
    }
    if wanted.top_n is not None:
        body["top_n"] = wanted.top_n

    def answer(said: bytes) -> bytes:
        response = _responses.decode(said)
        if wanted.return_documents is not False:
            for each in response.results:
                each.document = _returned(wanted.documents, each.index)
        return msgspec.json.encode(response)

    return Exchange(target_of(deployment, "/v2/rerank"), body, answer)


def _own_fields(deployment: Deployment, call: Call) -> Fields:
    own: Fields = {}
    for name, value in call.fields.items():
        if name in _KNOWN or name in deployment.drop_parameters or deployment.drop_params:
            continue
        if name == _OF_VERSION_1:
            raise unsupported(deployment, name)
        own[name] = value
    return own


def _text(document: _Document, fields: list[str] | None) -> str:
    """Version 2 ranks texts; of what is more, it wants YAML."""
    if isinstance(document, str):
        return document
    ranked = {name: each for name, each in document.items() if fields is None or name in fields}
    if list(ranked) == ["text"] and isinstance(ranked["text"], str):
        return ranked["text"]
    return msgspec.yaml.encode(ranked).decode("utf-8")


def _returned(documents: list[_Document], index: int) -> dict[str, Any]:
    if not 0 <= index < len(documents):
        raise msgspec.ValidationError(f"There is no document {index}")
    document = documents[index]
    return {"text": document} if isinstance(document, str) else document
