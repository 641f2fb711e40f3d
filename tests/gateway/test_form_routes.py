"""The gateway's routes whose requests are forms, in memory."""

from __future__ import annotations

from typing import Any

from tests.gateway.accounts import NOW
from tests.gateway.routes_case import AUTHORIZED, RoutesCase
from twisted_aigate.gateway.calls import FormCall
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.http_client import Origin

_FILE = b'name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--\r\n'
_MODEL = b'name="model"\r\n\r\nm\r\n'


class FormRoutesTests(RoutesCase):
    """Forms with sounds and images."""

    def form(self, *parts: bytes) -> dict[str, Any]:
        """A form of these parts, as the arguments of a request."""
        body = b"".join(b"--b\r\nContent-Disposition: form-data; " + part for part in parts)
        headers = {**AUTHORIZED, "Content-Type": "multipart/form-data; boundary=b"}
        return {"data": body + b"--b--\r\n", "headers": headers}

    def test_transcription(self) -> None:
        """The file and the fields reach the provider, in whatever order they came."""
        file, model = _FILE, _MODEL
        language = b'name="language"\r\n\r\nen\r\n'
        for parts in ((file, model, language), (language, model, file)):
            response, _ = self.request("POST", "/v1/audio/transcriptions", **self.form(*parts))
            self.assertEqual(response.code, 200)
            call = self.provider.calls[-1][1]
            assert isinstance(call, FormCall)
            self.assertEqual(call.fields, (("language", "en"),))
            self.assertEqual(self.provider.files[-1], b"RIFF\r\n--")
            (upload,) = call.uploads
            self.assertEqual((upload.name, upload.filename, upload.size), ("file", "a.wav", 8))
            self.assertTrue(upload.file.closed)
        self.assertEqual(
            self.request("POST", "/audio/transcriptions", **self.form(model))[1]["error"]["param"],
            "file",
        )
        self.assertEqual(
            self.request("POST", "/audio/transcriptions", **self.form(file))[1]["error"]["param"],
            "model",
        )

    def test_form_with_images(self) -> None:
        """Several files under one name, and a mask, reach the provider in order."""
        parts = [
            b'name="%b"; filename="%b"\r\nContent-Type: image/png\r\n\r\n%b\r\n' % each
            for each in (
                (b"image[]", b"a.png", b"first"),
                (b"image[]", b"b.png", b"second"),
                (b"mask", b"m.png", b"third"),
            )
        ]
        fields = [b'name="model"\r\n\r\nm\r\n', b'name="prompt"\r\n\r\np\r\n']
        response, _ = self.request("POST", "/v1/images/edits", **self.form(*parts, *fields))
        self.assertEqual(response.code, 200)
        self.assertEqual(self.provider.files, [b"first", b"second", b"third"])
        call = self.provider.calls[-1][1]
        assert isinstance(call, FormCall)
        self.assertEqual(call.fields, (("prompt", "p"),))
        self.assertEqual(
            [(each.name, each.filename) for each in call.uploads],
            [("image[]", "a.png"), ("image[]", "b.png"), ("mask", "m.png")],
        )
        self.assertTrue(all(each.file.closed for each in call.uploads))

    def test_mocked_images(self) -> None:
        """A mock of images is an answer, as an object or as its JSON; of a sound it is text."""
        asked = {"model": "m", "prompt": "x"}
        for mock in (
            {"data": [{"url": "u"}], "created": 7},
            '{"data": [{"url": "u"}], "created": 7}',
        ):
            _, answer = self.post("/images/generations", {**asked, "mock_response": mock})
            self.assertEqual(answer, {"data": [{"url": "u"}], "created": 7})
        _, answer = self.post("/images/generations", {**asked, "mock_response": {"data": []}})
        self.assertEqual(answer["created"], NOW)
        for more in ({"mock_response": "a cat"}, {"mock_response": {"data": []}, "stream": True}):
            response, answer = self.post("/images/generations", {**asked, **more})
            self.assertEqual((response.code, answer["error"]["param"]), (400, "mock_response"))
        file = b'name="file"; filename="a.wav"\r\n\r\nRIFF\r\n'
        model, text, stream = (
            f'name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in (("model", "m"), ("mock_response", "Hi"), ("stream", "true"))
        )
        path = "/audio/translations"
        _, answer = self.request("POST", path, **self.form(file, model, text))
        self.assertEqual(answer, {"text": "Hi"})
        path = "/audio/transcriptions"
        response, _ = self.request("POST", path, **self.form(file, model, text, stream))
        self.assertEqual(response.code, 400)
        self.assertEqual(self.provider.calls, [])

    def test_model_left_to_us(self) -> None:
        """An image may be edited, or varied, by whichever model there is."""
        image = b'name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nPNG\r\n'
        prompt = b'name="prompt"\r\n\r\np\r\n'
        painter = Deployment("painter", "openai", "painter", mode="image_generation")
        editor = Deployment("editor", "openai", "editor", mode="image_edit")
        for deployments, path, model in (
            ((painter,), "/images/edits", "painter"),
            ((painter, editor), "/images/edits", "editor"),
            ((editor, painter), "/images/variations", "painter"),
        ):
            self.gateway.router.replace(Catalogue(deployments), Policy())
            self.assertEqual(self.request("POST", path, **self.form(image, prompt))[0].code, 200)
            self.assertEqual(self.provider.calls[-1][0].model, model)
        response, answer = self.request("POST", "/audio/translations", **self.form(_FILE))
        self.assertEqual((response.code, answer["error"]["param"]), (400, "model"))

    def test_tried_again(self) -> None:
        """Each try, and each fallback, is sent the file from its beginning."""
        origin = Origin("http", "upstream.test", 80)
        deployments = [
            Deployment(name, "openai", model, origin)
            for name, model in (("m", "bad-1"), ("m", "bad-2"), ("other", "good"))
        ]
        policy = Policy(
            num_retries=1, allowed_fails=0, cooldown_time=5, fallbacks={"m": ("other",)}
        )
        self.gateway.router.replace(Catalogue(deployments), policy)
        self.provider.fails = {"bad-1", "bad-2"}
        for asked in ({"bad-1", "bad-2", "good"}, {"good"}):
            self.provider.calls.clear()
            self.provider.files.clear()
            path = "/audio/translations"
            response, _ = self.request("POST", path, **self.form(_FILE, _MODEL))
            self.assertEqual(response.code, 200)
            self.assertEqual({each.model for each, _ in self.provider.calls}, asked)
            self.assertEqual(self.provider.files, [b"RIFF\r\n--"] * len(asked))
