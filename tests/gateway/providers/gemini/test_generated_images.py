"""Images that the Gemini API makes, asked for and answered as OpenAI's."""

from __future__ import annotations

import base64
import json
from typing import Any

from google.genai import types
from openai.types.images_response import ImagesResponse

from tests.gateway.providers.case import ProviderCase, response
from tests.gateway.providers.gemini.test_request import FakeFetch
from tests.support.vendor_types import problems
from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.gemini.provider import GeminiProvider
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.upstream import Upstream

_PNG = base64.b64encode(b"\x89PNG").decode()
_USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 20, "thoughtsTokenCount": 7}


def _image(data: str = _PNG, mime_type: str = "image/png", **more: Any) -> dict[str, Any]:
    return {"inlineData": {"data": data, "mimeType": mime_type}, **more}


def _response(*parts: dict[str, Any], reason: str = "STOP") -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}
    made = {"candidates": [candidate], "usageMetadata": _USAGE}
    types.GenerateContentResponse.model_validate(made)
    return made


class GeneratedImagesTests(ProviderCase):
    """What is asked, and what comes back."""

    name = "gemini"
    model = "gemini-image"
    path = "/v1beta"

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        return GeminiProvider(upstream, FakeFetch(), self.clock)

    def config(self, **fields: Any) -> dict[str, Any]:
        """The C{imageConfig} of a call."""
        body = self.request(task=Task.IMAGE, prompt="A cat", **fields)
        config = body["generationConfig"]
        image: dict[str, Any] = config.pop("imageConfig", {})
        self.assertEqual(problems(image, types.ImageConfig), [])
        self.assertEqual(problems(config, types.GenerationConfig), [])
        self.assertEqual(problems(body["contents"], list[types.Content]), [])
        self.assertEqual(config, {"responseModalities": ["IMAGE"]})
        self.assertEqual(body["contents"], [{"role": "user", "parts": [{"text": "A cat"}]}])
        return image

    def test_sizes(self) -> None:
        """A size is a ratio of the API's that is near, and how large."""
        for size, ratio, larger in (
            ("1024x1024", "1:1", None),
            ("1536x1024", "3:2", None),
            ("1024x1536", "2:3", None),
            ("1792x1024", "16:9", None),
            ("1024x1792", "9:16", None),
            ("2048x2048", "1:1", "2K"),
            ("3840x2160", "16:9", "2K"),
            ("4096x4096", "1:1", "4K"),
        ):
            with self.subTest(size):
                image = {"aspectRatio": ratio, **({"imageSize": larger} if larger else {})}
                self.assertEqual(self.config(size=size), image)
        for nothing in ({}, {"size": "auto"}, {"size": None}):
            self.assertEqual(self.config(**nothing), {})
        deployment = self.deployment(drop_params=True)
        self.assertEqual(self.config(deployment=deployment, size="4000x1000"), {})

    def test_sizes_that_there_are_not(self) -> None:
        """They are refused, and no other is made in their place."""
        for size in ("4000x1000", "9000x9000", "large", "0x5", "1024x1024x3"):
            error = self.refusal(task=Task.IMAGE, prompt="x", size=size)
            self.assertEqual((error.status, error.param), (400, "size"))

    def test_parameters(self) -> None:
        """What asks for nothing is left out, OpenAI's others are refused or dropped."""
        for name, value in (
            ("n", 2), ("quality", "high"), ("style", "vivid"), ("background", "transparent"),
            ("output_format", "webp"), ("output_compression", 50), ("response_format", "url"),
            ("stream", True), ("moderation", "low"),
        ):  # fmt: skip
            error = self.refusal(task=Task.IMAGE, prompt="x", **{name: value})
            self.assertEqual((error.code, error.param), ("unsupported_parameter", name))
        dropping = self.deployment(drop_params=True)
        error = self.refusal(dropping, task=Task.IMAGE, prompt="x", stream=True)
        self.assertEqual(error.param, "stream")
        self.assertEqual(self.config(deployment=dropping, n=2, quality="high", odd=1), {})
        neutral = {
            "n": 1, "quality": "auto", "background": "auto", "response_format": "b64_json",
            "stream": False, "user": "u", "moderation": "auto", "output_format": None,
        }  # fmt: skip
        self.assertEqual(self.config(**neutral), {})
        settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
        body = self.request(task=Task.IMAGE, prompt="x", safetySettings=settings)
        self.assertEqual(body["safetySettings"], settings)

    def test_answer(self) -> None:
        """The images that are the answer, none of those that were thought."""
        self.clock.advance(1_800_000_000)
        said = _response(_image("dGhvdWdodA==", thought=True), {"text": "Here."}, _image())
        answer = self.answer(said, task=Task.IMAGE, prompt="x")
        self.assertEqual(self.sent().target, "/v1beta/models/gemini-image:generateContent")
        ImagesResponse.model_validate(answer, strict=True)
        self.assertEqual(answer.pop("created"), 1_800_000_000)
        self.assertEqual(
            answer,
            {
                "data": [{"b64_json": _PNG}],
                "output_format": "png",
                "usage": {
                    "input_tokens": 10,
                    "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
                    "output_tokens": 27,
                    "total_tokens": 37,
                },
            },
        )
        del said["usageMetadata"]
        answer = self.answer(said, task=Task.IMAGE, prompt="x")
        self.assertNotIn("usage", answer)

    def test_without_images(self) -> None:
        """A refusal is known as such; any other answer without an image is none."""
        blocked = {"promptFeedback": {"blockReason": "SAFETY"}}
        policy, bad = (400, "content_policy_violation"), (502, "bad_answer")
        for said, expected in (
            (blocked, policy),
            (_response(reason="IMAGE_SAFETY"), policy),
            (_response({"text": "No."}), bad),
            (_response(reason="MAX_TOKENS"), bad),
            ({}, bad),
            ([], bad),
        ):
            with self.subTest(said):
                asking = self.ask(task=Task.IMAGE, prompt="x")
                self.respond(response(json.dumps(said).encode()))
                error = self.failureResultOf(asking, GatewayError).value
                self.assertEqual((error.status, error.code), expected)
