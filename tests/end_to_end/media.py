"""
What OpenAI's API answers beside chats, held against its client's types.

A form's fields are text: their names are held against the types, and its files are checked.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import typing_extensions
from openai.types.audio.translation_create_params import TranslationCreateParams
from openai.types.image_create_variation_params import ImageCreateVariationParams
from openai.types.image_edit_params import (
    ImageEditParamsNonStreaming,
    ImageEditParamsStreaming,
)
from openai.types.image_gen_completed_event import ImageGenCompletedEvent
from openai.types.image_gen_partial_image_event import ImageGenPartialImageEvent
from openai.types.image_generate_params import (
    ImageGenerateParamsNonStreaming,
    ImageGenerateParamsStreaming,
)
from openai.types.images_response import ImagesResponse
from openai.types.moderation import Categories
from openai.types.moderation_create_params import ModerationCreateParams
from openai.types.moderation_create_response import ModerationCreateResponse

from tests.support.vendor_types import problems

PNG = b"\x89PNG\r\n\x1a\n"
_USAGE = {
    "input_tokens": 3,
    "input_tokens_details": {"text_tokens": 3, "image_tokens": 0},
    "output_tokens": 5,
    "total_tokens": 8,
}


def png(size: int) -> bytes:
    """What begins as an image does, of so many bytes."""
    return PNG + bytes(range(256)) * (size // 256 + 1)


def _form_problems(body: dict[str, Any], kind: Any, *files: str) -> list[str]:
    hints = typing_extensions.get_type_hints(kind)
    names = [name.removesuffix("[]") for name in body]
    found = [f"{name}: not known" for name in names if name not in hints]
    found += [f"{name}: missing" for name in kind.__required_keys__ if name not in names]
    for name, value in body.items():
        is_file = name.removesuffix("[]") in files
        each = value if isinstance(value, list) else [value]
        if not all(isinstance(one, bytes if is_file else str) for one in each):
            found.append(f"{name}: {'no file' if is_file else 'no text'}")
        elif is_file and files != ("file",) and not all(one.startswith(PNG) for one in each):
            found.append(f"{name}: no image")
    return found


def _generation_problems(body: dict[str, Any]) -> list[str]:
    streams = body.get("stream") is True
    kind = ImageGenerateParamsStreaming if streams else ImageGenerateParamsNonStreaming
    return problems(body, kind)


def _edit_problems(body: dict[str, Any]) -> list[str]:
    streams = body.get("stream") == "true"
    kind = ImageEditParamsStreaming if streams else ImageEditParamsNonStreaming
    return _form_problems(body, kind, "image", "mask")


def _images(body: dict[str, Any]) -> dict[str, Any]:
    count = int(body.get("n") or 1)
    data = [{"b64_json": base64.b64encode(PNG + bytes([n])).decode()} for n in range(count)]
    answer = {"created": 1, "data": data, "usage": _USAGE}
    ImagesResponse.model_validate(answer)
    return answer


def image_events(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a streamed image: those that are on the way, and the one that is whole."""
    like = {"background": "opaque", "output_format": "png", "quality": "low", "size": "1024x1024"}
    made = [
        {
            "type": "image_generation.partial_image",
            "b64_json": base64.b64encode(png(100_000 + number)).decode(),
            "partial_image_index": number,
            "created_at": 1,
            **like,
        }
        for number in range(body["partial_images"])
    ]
    whole = {
        "type": "image_generation.completed",
        "b64_json": base64.b64encode(PNG).decode(),
        "created_at": 1,
        "usage": _USAGE,
        **like,
    }
    for event in made:
        ImageGenPartialImageEvent.model_validate(event)
    ImageGenCompletedEvent.model_validate(whole)
    return [*made, whole]


_CATEGORIES = [field.alias or name for name, field in Categories.model_fields.items()]


def _moderation(body: dict[str, Any]) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    results = [
        {
            "flagged": "kill" in str(text),
            "categories": dict.fromkeys(_CATEGORIES, "kill" in str(text)),
            "category_scores": dict.fromkeys(_CATEGORIES, 0.5),
            "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
        }
        for text in texts
    ]
    answer = {"id": "modr-1", "model": body["model"], "results": results}
    ModerationCreateResponse.model_validate(answer)
    return answer


def _ranked(body: dict[str, Any]) -> dict[str, Any]:
    """As Jina answers: the documents that share words with the query first."""
    words = set(body["query"].lower().split())
    shared = [len(words & set(each.lower().split())) for each in body["documents"]]
    order = sorted(range(len(shared)), key=lambda index: -shared[index])
    results = [
        {"index": index, "relevance_score": shared[index] / len(words)}
        for index in order[: body.get("top_n")]
    ]
    usage = {"total_tokens": 9}
    return {"model": body["model"], "object": "list", "usage": usage, "results": results}


Problems = Callable[[dict[str, Any]], list[str]]
Answer = Callable[[dict[str, Any]], dict[str, Any]]

ENDPOINTS: dict[str, tuple[Problems, Answer]] = {
    "/v1/audio/translations": (
        lambda body: _form_problems(body, TranslationCreateParams, "file"),
        lambda body: {"text": f"{len(body['file'])} bytes in English"},
    ),
    "/v1/images/generations": (_generation_problems, _images),
    "/v1/images/edits": (_edit_problems, _images),
    "/v1/images/variations": (
        lambda body: _form_problems(body, ImageCreateVariationParams, "image"),
        _images,
    ),
    "/v1/moderations": (lambda body: problems(body, ModerationCreateParams), _moderation),
    "/v1/rerank": (lambda body: [], _ranked),
}
"""By their paths: what is wrong with a request, and its answer."""
