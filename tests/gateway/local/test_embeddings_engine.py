"""The embeddings engine, in a real worker process."""

from __future__ import annotations

import base64
import struct
from typing import Any

from tests.gateway.local.engine_case import EngineTestCase, dot
from twisted_aigate.gateway.local.protocol import Cancel, Done


class EmbeddingsTests(EngineTestCase):
    """Embeddings."""

    engines = ("embeddings",)

    def embed(self, **request: object) -> Any:
        """The answer to an embeddings request."""
        return self.workers["embeddings"].run("embedding", **{"model": "m", **request}).json

    def vectors(self, *texts: str, **request: object) -> list[list[float]]:
        """The vectors of these texts."""
        return [each["embedding"] for each in self.embed(input=texts, **request)["data"]]

    def test_meaning(self) -> None:
        """A cat is nearer to a kitten than to a tax; vectors have length 1."""
        cat, kitten, tax = self.vectors(
            "The cat sat on the mat.", "A kitten rests on a rug.", "Income tax is due in April."
        )
        self.assertEqual(len(cat), 384)
        self.assertAlmostEqual(dot(cat, cat), 1.0, places=4)
        self.assertGreater(dot(cat, kitten), dot(cat, tax) + 0.05)

    def test_shape(self) -> None:
        """OpenAI's shape; tokens are counted, and more text has more of them."""
        answer = self.embed(input="hello")
        self.assertEqual(set(answer), {"object", "data", "model", "usage"})
        [entry] = answer["data"]
        self.assertEqual((entry["object"], entry["index"], answer["model"]), ("embedding", 0, "m"))
        tokens = answer["usage"]["prompt_tokens"]
        more = self.embed(input=["hello", "hello"])
        self.assertEqual([each["index"] for each in more["data"]], [0, 1])
        self.assertEqual(more["usage"]["prompt_tokens"], 2 * tokens)

    def test_base64(self) -> None:
        """Base64 holds the same floats, little-endian, 32 bits each."""
        [floats] = self.vectors("hello")
        [entry] = self.embed(input="hello", encoding_format="base64", dimensions=384)["data"]
        values = struct.unpack("<384f", base64.b64decode(entry["embedding"]))
        self.assertLess(max(abs(a - b) for a, b in zip(values, floats, strict=True)), 1e-6)

    def test_input_type(self) -> None:
        """A passage is embedded otherwise than a query, which is the default."""
        default, query, passage = (
            self.vectors("hello", **kind)[0]  # type: ignore[arg-type]
            for kind in ({}, {"input_type": "query"}, {"input_type": "passage"})
        )
        self.assertEqual(default, query)
        self.assertLess(dot(query, passage), 0.999)

    def test_long_text_is_not_cut(self) -> None:
        """What stands behind the model's window of 512 tokens still counts."""
        filler = "word " * 600
        one, other = self.vectors(filler + "cat " * 300, filler + "taxes " * 300)
        self.assertLess(dot(one, other), 0.99)

    def test_order(self) -> None:
        """Over several batches, each text keeps its place."""
        texts = [f"number {number}" for number in range(20)]
        many = self.vectors(*texts)
        [alone] = self.vectors(texts[13])
        self.assertGreater(dot(many[13], alone), 0.9999)

    def test_bad_requests(self) -> None:
        """What is not for this model is refused, saying why."""
        for request, param in (
            ({}, "input"),
            ({"input": ""}, "input"),
            ({"input": []}, "input"),
            ({"input": ["a", ""]}, "input"),
            ({"input": {"a": 1}}, "input"),
            ({"input": ["a"] * 2049}, "input"),
            ({"input": "word " * 9000}, "input"),
            ({"input": "a", "dimensions": 256}, "dimensions"),
            ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ):
            failure = self.workers["embeddings"].run("embedding", **request).failure  # type: ignore[arg-type]
            self.refused(failure, param)

    def test_token_numbers(self) -> None:
        """Another model's tokens are refused, naming the remedy."""
        for tokens in ([1, 2, 3], [[1, 2], [3]]):
            failure = self.workers["embeddings"].run("embedding", input=tokens).failure
            self.refused(failure, "input")
            self.assertIn("check_embedding_ctx_length=False", failure.message)

    def test_cancel_and_queue(self) -> None:
        """A running job stops between batches; one that waits ends at once, and never runs."""
        worker = self.workers["embeddings"]
        running = worker.start("embedding", input=["some text " * 50] * 400)
        waiting = worker.start("embedding", input="hello")
        worker.send(Cancel(waiting))
        worker.send(Cancel(running))
        answers = worker.collect(running, waiting)
        self.assertEqual({answer.failure.status for answer in answers.values()}, {499})
        worker.send(Cancel(running))  # over already: ignored
        self.assertIsInstance(worker.run("embedding", input="hello").end, Done)
