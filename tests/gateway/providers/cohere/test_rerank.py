"""Reranking: LiteLLM's request and answer, over version 2 of Cohere's API."""

from __future__ import annotations

import json
import typing
from typing import Any

from cohere.v2.client import V2Client
from cohere.v2.types.v2rerank_response import V2RerankResponse

from tests.gateway.providers.case import KEY, ProviderCase, response
from tests.support.vendor_types import problems
from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.cohere.provider import CohereProvider
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.upstream import Upstream

_SAID: dict[str, Any] = {
    "id": "r1",
    "results": [
        {"index": 1, "relevance_score": 0.75},
        {"index": 0, "relevance_score": 0.125},
    ],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
}
_HINTS = typing.get_type_hints(V2Client.rerank)


class RerankTests(ProviderCase):
    """What is asked, and what comes back."""

    name = "cohere"
    model = "rerank-v3.5"

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        return CohereProvider(upstream, self.clock)

    def rank(self, said: Any = _SAID, **fields: Any) -> Any:
        """The answer to a call."""
        asked = {"query": "q", "documents": ["a", "b"], **fields}
        return self.answer(said, task=Task.RERANK, **asked)

    def body(self, **fields: Any) -> Any:
        """What a call sends, less what every call does; it is what Cohere's API takes."""
        self.rank(**fields)
        sent = self.sent()
        self.assertEqual(sent.target, "/v2/rerank")
        self.assertEqual(sent.fields["authorization"], f"Bearer {KEY}")
        body = sent.body
        for name, value in body.items():
            self.assertEqual(problems(value, _HINTS[name], name), [])
        self.assertEqual((body.pop("model"), body.pop("query")), (self.model, "q"))
        return body

    def test_answer(self) -> None:
        """The documents are back beside their scores, unless they are not wanted."""
        V2RerankResponse.model_validate(_SAID)
        answer = self.rank()
        results = [
            {"index": 1, "relevance_score": 0.75, "document": {"text": "b"}},
            {"index": 0, "relevance_score": 0.125, "document": {"text": "a"}},
        ]
        self.assertEqual(answer, {**_SAID, "results": results})
        self.assertEqual(self.rank(return_documents=False), _SAID)
        whole = {"text": "a", "title": "t"}
        answer = self.rank(documents=[whole, "b"])
        self.assertEqual(answer["results"][1]["document"], whole)

    def test_request(self) -> None:
        """Texts go as they are, and fields of Cohere's own; what is ours does not."""
        self.assertEqual(
            self.body(top_n=2, max_tokens_per_doc=9, return_documents=True),
            {"documents": ["a", "b"], "top_n": 2, "max_tokens_per_doc": 9},
        )

    def test_structured_documents(self) -> None:
        """Objects are ranked as YAML, by the fields that are to rank."""
        document = {"title": "Grüße", "text": "b", "year": 1}
        for fields, sent in (
            ({}, "title: Grüße\ntext: b\nyear: 1\n"),
            ({"rank_fields": ["title", "year"]}, "title: Grüße\nyear: 1\n"),
            ({"rank_fields": ["text"]}, "b"),
        ):
            body = self.body(documents=["a", document], **fields)
            self.assertEqual(body["documents"], ["a", sent])

    def test_unsupported(self) -> None:
        """What version 2 has no counterpart for is refused, or dropped if so configured."""
        error = self.refusal(task=Task.RERANK, query="q", documents=["a"], max_chunks_per_doc=3)
        self.assertEqual((error.status, error.param), (400, "max_chunks_per_doc"))
        error = self.refusal(task=Task.RERANK, query={"image": "x"}, documents=["a"])
        self.assertEqual((error.status, error.param), (400, "query"))
        deployment = self.deployment(drop_params=True)
        self.rank(deployment=deployment, max_chunks_per_doc=3, odd=1)
        self.assertEqual(set(self.sent().body), {"model", "query", "documents"})

    def test_bad_answers(self) -> None:
        """An answer of another form, or about a document that there is not, is none."""
        for results in (None, [{}], *([{"index": n, "relevance_score": 1}] for n in (-1, 2))):
            asking = self.ask(task=Task.RERANK, query="q", documents=["a", "b"])
            self.respond(response(json.dumps({"results": results}).encode()))
            error = self.failureResultOf(asking, GatewayError).value
            self.assertEqual((error.status, error.code), (502, "bad_answer"))
