"""Images, moderation, translations, rerank and lists of models, with the vendors' own clients."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import anthropic
import cohere
import openai
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.media import PNG, png
from tests.end_to_end.provider import API_KEY, FakeProvider
from tests.end_to_end.server import MASTER_KEY, Server
from tests.end_to_end.vendors import KEY, FakeVendors

_CONFIG = """
router_settings: {{num_retries: 1, cooldown_time: 0, fallbacks: [{{down: [spare]}}]}}
model_list:
  - {{model_name: plain, litellm_params: {{{openai}/plain, {base}}}}}
  - {{model_name: guard, litellm_params: {{{openai}/guard-1, {base}}}, model_info: {{mode: moderation}}}}
  - {{model_name: flaky, litellm_params: {{{openai}/status-500, {base}}}}}
  - {{model_name: flaky, litellm_params: {{{openai}/plain, {base}}}}}
  - {{model_name: down, litellm_params: {{{openai}/status-503, {base}}}}}
  - {{model_name: spare, litellm_params: {{{openai}/plain, {base}}}}}
  - {{model_name: jina, litellm_params: {{model: jina_ai/plain, {base}}}}}
  - {{model_name: cohere, litellm_params: {{model: cohere/rerank-v3.5, {vendors}}}}}
  - {{model_name: cohere-down, litellm_params: {{model: cohere/status-429, {vendors}}}}}
"""  # noqa: E501
_DOCUMENTS = ["the sea is blue", "a cat sleeps", "a dog and a cat play"]


def _file(name: str, data: bytes) -> tuple[str, bytes, str]:
    return (name, data, "image/png")


class EndpointsTests(SynchronousTestCase):
    """A server in front of fakes that check what they are sent."""

    provider: FakeProvider
    vendors: FakeVendors
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.provider, cls.vendors = FakeProvider(), FakeVendors()
        config = _CONFIG.format(
            openai="model: openai",
            base=f"api_base: {json.dumps(cls.provider.base)}, api_key: {API_KEY}",
            vendors=f"api_base: {json.dumps(cls.vendors.url)}, api_key: {KEY}",
        )
        cls.server = Server(config).wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.provider.stop()
        cls.vendors.stop()

    def setUp(self) -> None:
        self.provider.requests.clear()
        self.client = openai.OpenAI(
            base_url=f"{self.server.url}/v1", api_key=MASTER_KEY, max_retries=0
        )
        self.addCleanup(self.client.close)

    def tearDown(self) -> None:
        self.assertEqual(self.provider.problems, [])
        self.assertEqual(self.vendors.problems, [])

    def sent(self) -> Any:
        """The newest request that reached OpenAI's fake: its path and its body."""
        path, _, body = self.provider.requests[-1]
        return path, body

    def test_generate(self) -> None:
        """Images are made as they were asked for."""
        answer = self.client.images.generate(
            model="plain", prompt="A cat", n=2, size="1024x1024", quality="low"
        )
        self.assertEqual(len(answer.data), 2)
        self.assertTrue(base64.b64decode(answer.data[1].b64_json).startswith(PNG))
        self.assertEqual(answer.usage.total_tokens, 8)
        asked = {"prompt": "A cat", "n": 2, "size": "1024x1024", "quality": "low"}
        self.assertEqual(self.sent(), ("/v1/images/generations", {"model": "plain", **asked}))

    def test_generate_streamed(self) -> None:
        """Partial images arrive before the one that is whole."""
        stream = self.client.images.generate(
            model="plain", prompt="A cat", stream=True, partial_images=2
        )
        events = list(stream)
        self.assertEqual(
            [event.type for event in events],
            ["image_generation.partial_image"] * 2 + ["image_generation.completed"],
        )
        self.assertEqual(base64.b64decode(events[1].b64_json), png(100_001))

    def test_edit(self) -> None:
        """Two images and a mask reach the provider whole."""
        images = [png(300_000), png(5)]
        answer = self.client.images.edit(
            model="plain",
            prompt="A hat",
            image=[_file("a.png", images[0]), _file("b.png", images[1])],
            mask=_file("mask.png", png(70_000)),
            n=3,
        )
        self.assertEqual(len(answer.data), 3)
        path, form = self.sent()
        self.assertEqual(path, "/v1/images/edits")
        self.assertEqual((form["image[]"], form["mask"]), (images, png(70_000)))
        self.assertEqual((form["model"], form["prompt"], form["n"]), ("plain", "A hat", "3"))
        self.client.images.edit(model="plain", prompt="A hat", image=_file("a.png", images[1]))
        self.assertEqual(self.sent()[1]["image"], images[1])

    def test_variation(self) -> None:
        """An image is varied."""
        answer = self.client.images.create_variation(model="plain", image=_file("a.png", png(9)))
        self.assertEqual(len(answer.data), 1)

    def test_moderation(self) -> None:
        """Texts and parts are judged, by the model of that mode where none is named."""
        answer = self.client.moderations.create(input=["I love you", "I kill you"])
        self.assertEqual([each.flagged for each in answer.results], [False, True])
        self.assertIs(answer.results[1].categories.self_harm, True)
        self.assertEqual(self.sent()[1]["model"], "guard-1")
        part: Any = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
        self.client.moderations.create(model="plain", input=[part])
        self.assertEqual(self.sent(), ("/v1/moderations", {"model": "plain", "input": [part]}))

    def test_translation(self) -> None:
        """A sound reaches the provider, and what it says comes back in English."""
        sound = io.BytesIO(b"RIFF" + bytes(100_000))
        sound.name = "a.wav"
        answer = self.client.audio.translations.create(model="plain", file=sound, temperature=0.5)
        self.assertEqual(answer.text, "100004 bytes in English")
        self.assertEqual(self.sent()[1]["temperature"], "0.5")

    def test_extra_headers(self) -> None:
        """extra_headers of a form become header fields too, and mock_response answers."""
        more = {"extra_headers": {"X-Mine": "1", "Authorization": "Bearer stolen"}}
        image = _file("a.png", png(9))
        self.client.images.edit(model="plain", prompt="x", image=image, extra_body=more)
        _, fields, form = self.provider.requests[-1]
        self.assertEqual((fields["x-mine"], set(form)), ("1", {"model", "prompt", "image"}))
        self.assertEqual(fields["authorization"], f"Bearer {API_KEY}")
        mocked = {"mock_response": {"data": [{"url": "https://example.com/cat.png"}]}}
        answer = self.client.images.generate(model="plain", prompt="x", extra_body=mocked)
        self.assertEqual(answer.data[0].url, "https://example.com/cat.png")
        self.assertEqual(len(self.provider.requests), 1)

    def test_forms_are_tried_again(self) -> None:
        """By another deployment, and by a fallback: each is sent all of the file."""
        image = png(300_000)
        for model, tries in (("flaky", (1, 2)), ("flaky", (1, 2)), ("down", (3,))):
            self.provider.requests.clear()
            answer = self.client.images.edit(
                model=model, prompt="x", image=_file("a.png", image), timeout=30
            )
            self.assertEqual(len(answer.data), 1)
            forms = [form for _, _, form in self.provider.requests]
            self.assertIn(len(forms), tries)
            self.assertEqual(forms[-1]["model"], "plain")
            self.assertTrue(all(form["image"] == image for form in forms))

    def test_rerank(self) -> None:
        """Cohere's client is answered by whoever ranks, and by Cohere in its own words."""
        client = cohere.ClientV2(api_key=MASTER_KEY, base_url=self.server.url)
        for model in ("plain", "jina"):
            ranked = client.rerank(model=model, query="cat dog", documents=_DOCUMENTS, top_n=2)
            self.assertEqual([each.index for each in ranked.results], [2, 1])
            self.assertEqual(ranked.results[0].relevance_score, 1.0)
            asked = {"query": "cat dog", "documents": _DOCUMENTS, "top_n": 2}
            self.assertEqual(self.sent(), ("/v1/rerank", {"model": "plain", **asked}))
        ranked = client.rerank(model="cohere", query="cat", documents=_DOCUMENTS, top_n=2)
        self.assertEqual([each.index for each in ranked.results], [2, 1])
        self.assertEqual(ranked.meta.billed_units.search_units, 1)
        self.assertEqual(self.vendors.fields["authorization"], f"Bearer {KEY}")
        with self.assertRaises(cohere.errors.TooManyRequestsError):
            once: Any = {"max_retries": 0}
            client.rerank(
                model="cohere-down", query="cat", documents=_DOCUMENTS, request_options=once
            )
        with self.assertRaises(cohere.errors.BadRequestError):
            client.rerank(model="cohere", query="cat", documents=[])

    def test_anthropic_models(self) -> None:
        """Anthropic's client pages through the models, both ways, and asks for one."""
        client = anthropic.Anthropic(base_url=self.server.url, api_key=MASTER_KEY, max_retries=0)
        self.addCleanup(client.close)
        names = ["plain", "guard", "flaky", "down", "spare", "jina", "cohere", "cohere-down"]
        names.append("default")
        for limit in (1, 4, 9, 20):
            self.assertEqual([model.id for model in client.models.list(limit=limit)], names)
        before = client.models.list(limit=2, before_id="spare")
        self.assertEqual([model.id for model in before.data], ["flaky", "down"])
        self.assertEqual([model.id for model in before.get_next_page().data], ["plain", "guard"])
        model = client.models.retrieve("guard")
        self.assertEqual((model.type, model.display_name), ("model", "guard"))
        with self.assertRaises(anthropic.NotFoundError):
            client.models.retrieve("nothing")
