"""The list of models in the form of Anthropic's API, in memory."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from anthropic.types import ModelInfo

from tests.gateway.routes_case import AUTHORIZED, RoutesCase
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.routing.policy import Policy

_ANTHROPIC = {**AUTHORIZED, "anthropic-version": "2023-06-01"}
_NAMES = [f"m{number:02}" for number in range(25)]


class AnthropicListingTests(RoutesCase):
    """What a caller gets that says which version of Anthropic's API it speaks."""

    def setUp(self) -> None:
        super().setUp()
        info = {"display_name": "Mine", "max_input_tokens": 7, "max_output_tokens": 5}
        named = [Deployment("m00", "openai", "m", info=info)]
        plain = [Deployment(name, "openai", "m") for name in _NAMES[1:]]
        self.gateway.router.replace(Catalogue([*named, *plain]), Policy())

    def page(self, **query: object) -> tuple[list[str], Any]:
        """The ids of a part of the list, and the whole answer."""
        path = f"/v1/models?{urlencode(query)}"
        response, answer = self.request("GET", path, headers=_ANTHROPIC)
        self.assertEqual(response.code, 200)
        ids = [each["id"] for each in answer["data"]]
        ends = (ids[0], ids[-1]) if ids else (None, None)
        self.assertEqual((answer["first_id"], answer["last_id"]), ends)
        return ids, answer

    def test_models(self) -> None:
        """Each has Anthropic's form, in the list and alone."""
        _, answer = self.page()
        first, second = answer["data"][:2]
        ModelInfo.model_validate(first)
        self.assertEqual(
            (first["display_name"], first["max_input_tokens"], first["max_tokens"]), ("Mine", 7, 5)
        )
        self.assertEqual((second["display_name"], second["max_tokens"]), ("m01", None))
        _, alone = self.request("GET", "/v1/models/m00", headers=_ANTHROPIC)
        self.assertEqual(alone, first)

    def test_pages(self) -> None:
        """A page is what comes after an id, or before one, and says whether there is more."""
        for query, ids, more in (
            ({}, _NAMES[:20], True),
            ({"limit": 25}, _NAMES, False),
            ({"limit": 24}, _NAMES[:24], True),
            ({"after_id": "m19"}, _NAMES[20:], False),
            ({"after_id": "m19", "limit": 2}, _NAMES[20:22], True),
            ({"after_id": "m24"}, [], False),
            ({"before_id": "m03"}, _NAMES[:3], False),
            ({"before_id": "m03", "limit": 2}, _NAMES[1:3], True),
            ({"before_id": "m00"}, [], False),
        ):
            with self.subTest(query):
                found, answer = self.page(**query)
                self.assertEqual((found, answer["has_more"]), (ids, more))

    def test_errors(self) -> None:
        """They are Anthropic's."""
        for path, status, kind in (
            ("/v1/models?limit=0", 400, "invalid_request_error"),
            ("/v1/models?limit=1001", 400, "invalid_request_error"),
            ("/v1/models?limit=x", 400, "invalid_request_error"),
            ("/v1/models?after_id=none", 400, "invalid_request_error"),
            ("/v1/models?after_id=m01&before_id=m03", 400, "invalid_request_error"),
            ("/v1/models/none", 404, "not_found_error"),
        ):
            with self.subTest(path):
                response, answer = self.request("GET", path, headers=_ANTHROPIC)
                self.assertEqual((response.code, answer["error"]["type"]), (status, kind))
        key = {**_ANTHROPIC, "Authorization": "Bearer wrong"}
        response, answer = self.request("GET", "/models", headers=key)
        self.assertEqual((response.code, answer["type"]), (401, "error"))

    def test_openai(self) -> None:
        """Whoever does not say so gets OpenAI's form, all of it."""
        _, answer = self.request("GET", "/v1/models?limit=2")
        self.assertEqual((answer["object"], len(answer["data"])), ("list", 25))
