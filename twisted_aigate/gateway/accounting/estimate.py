"""
How much work a call was, where its answer does not say, and the most that it can become.

Tokens are estimated by size, as in L{twisted_aigate.gateway.chat.tokens}: one for every 4 bytes
of JSON, pictures and documents in it apart. The most is one for every 2: hardly a text has more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from attrs import frozen

from twisted_aigate.gateway.accounting.prices import Amounts
from twisted_aigate.gateway.accounting.reader import UsageReader
from twisted_aigate.gateway.calls import Call, FormCall, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.kernel.units import KB

AnyCall = Call | FormCall

_PROMPT_FIELDS = (
    "messages", "system", "prompt", "input", "instructions", "tools", "functions", "query",
    "documents",
)  # fmt: skip
_LIMITS: Mapping[Task, tuple[str, ...]] = {
    Task.CHAT: ("max_tokens", "max_completion_tokens"),
    Task.COMPLETION: ("max_tokens",),
    Task.MESSAGES: ("max_tokens",),
    Task.RESPONSES: ("max_output_tokens",),
}
"""The tasks that write, and where each says how much; elsewhere a provider may not heed it."""

_COUNTS = ("n", "best_of")
_PICTURES = (Task.IMAGE, Task.IMAGE_EDIT, Task.IMAGE_VARIATION)

_LINK = re.compile(rb'"(?:url|image_url|file_url)"\s*:\s*"http')
"""A picture or document that the provider fetches."""

_BASE64 = re.compile(rb"[A-Za-z0-9+/=_-]{2048,}")
_BASE64_LEAST = 2048
_IMAGE = 1600
"""Tokens of a picture, or of a page or two of a document of as many bytes as the next."""
_IMAGE_BYTES = 66 * KB

_USUAL_BYTES = 4
_FEWEST_BYTES = 2
_MADE_IMAGE = 6500
"""Tokens of a picture that is made, or read closely to be changed, where such have their price."""
_MADE_ROUGHLY = {"low": 420, "medium": 1600}
"""The same of one of a lower C{quality}. Source: https://platform.openai.com/docs/pricing"""

_UNTOLD_OUTPUT = 4096
"""Tokens that an answer may have when neither the caller nor the configuration says."""

_USUAL_BYTES_OF_SECOND = 16_000
_FEWEST_BYTES_OF_SECOND = 2_000
"""Of sound: 128 and 16 kbit/s."""

_HEARD_SECOND = 10
_WRITTEN_SECOND = 10
_SPOKEN_CHARACTER = 1.5
"""
Tokens of a second of sound that is heard, the most that is written of one, and those of sound
that a character becomes, where they have their price.
Source: https://platform.openai.com/docs/pricing
"""

_MOST_COUNT = 10**9
"""Of tokens or answers that a call may ask for."""

_DIGITS = 3
"""Of a number of pictures; no provider makes more."""

_number = msgspec.json.Decoder(int)
_text = msgspec.json.Decoder(str)


@frozen
class Most:
    """
    The most that a call can become.

    @ivar amounts: How much work.
    @ivar said: The caller said so; otherwise it is a guess, and the answer may end long before.
    """

    amounts: Amounts
    said: bool


def most_of(call: AnyCall, output: int) -> Most:
    """
    The most that a call can become.

    @param output: The most tokens that an answer has when the caller says nothing of it.
    """
    if not isinstance(call, Call):
        return Most(_most_of_form(call), said=True)
    amounts = _of_request(call)
    amounts.prompt = _tokens_of_prompt(call.fields, _FEWEST_BYTES)
    if call.task not in _LIMITS:
        amounts.completion = _made(_said(call, "quality")) * amounts.images
        return Most(amounts, said=True)
    limits = [limit for name in _LIMITS[call.task] if (limit := _count(call, name)) is not None]
    output = max(limits) if limits else output
    amounts.completion = output * max(_count(call, name) or 1 for name in _COUNTS)
    return Most(amounts, said=bool(limits))


def _most_of_form(call: FormCall) -> Amounts:
    seconds, pictures = _sound(call) / _FEWEST_BYTES_OF_SECOND, _pictures(call)
    text = sum(len(value.encode("utf-8")) for _, value in call.fields)
    amounts = Amounts(seconds=seconds, images=pictures)
    amounts.prompt = -(-text // _FEWEST_BYTES)
    if pictures:
        amounts.prompt += _MADE_IMAGE * len(call.uploads)
    amounts.prompt_audio = _HEARD_SECOND * seconds
    made = _made(dict(call.fields).get("quality", ""))
    amounts.completion = made * pictures + _WRITTEN_SECOND * seconds
    return amounts


def most_output(deployment: Deployment) -> int:
    """The most tokens that a deployment's answer has, as far as is known."""
    for name in ("max_output_tokens", "max_tokens"):
        value = deployment.info.get(name)
        if isinstance(value, int) and value > 0:
            return value
    return _UNTOLD_OUTPUT


def tokens_of(call: AnyCall, reader: UsageReader) -> tuple[int, int]:
    """
    The tokens that a call took: read and written.

    @param reader: What has read the answer.
    """
    usage = reader.usage
    prompt, completion = usage.prompt, usage.completion
    if prompt is None:
        prompt = 0
        if isinstance(call, Call) and call.task is not Task.SPEECH:
            prompt = _tokens_of_prompt(call.fields, _USUAL_BYTES)
    # A stream that was left may have told of its prompt alone, and of the answer's beginning.
    return prompt, max(completion or 0, 0 if usage.is_final else reader.written)


def amounts_of(call: AnyCall, reader: UsageReader, prompt: int, completion: int) -> Amounts:
    """
    How much work a call was.

    @param prompt: The tokens that it read, of L{tokens_of}.
    @param completion: Those that it wrote.
    """
    usage = reader.usage
    amounts = _of_request(call) if isinstance(call, Call) else Amounts(images=_pictures(call))
    apart = usage.cache_read + usage.cache_write + usage.prompt_audio
    amounts.prompt = max(0, prompt - apart)
    amounts.cache_read = usage.cache_read
    amounts.cache_write = max(0, usage.cache_write - usage.cache_write_hour)
    amounts.cache_write_hour = usage.cache_write_hour
    amounts.prompt_audio = usage.prompt_audio
    amounts.completion = max(0, completion - usage.completion_audio)
    amounts.completion_audio = usage.completion_audio or amounts.completion_audio
    if usage.searches is not None:
        amounts.requests = usage.searches
    if usage.seconds is not None:
        amounts.seconds = usage.seconds
    elif not isinstance(call, Call):
        amounts.seconds = _sound(call) / _USUAL_BYTES_OF_SECOND
    return amounts


def _of_request(call: Call) -> Amounts:
    """What the request itself tells of the work."""
    amounts = Amounts()
    if call.task is Task.SPEECH:
        amounts.characters = len(_said(call, "input"))
        amounts.completion_audio = _SPOKEN_CHARACTER * amounts.characters
    elif call.task in _PICTURES:
        amounts.images = _count(call, "n") or 1
    return amounts


def _sound(call: FormCall) -> int:
    """Bytes of the sound that is to be heard."""
    is_sound = call.task in (Task.TRANSCRIPTION, Task.TRANSLATION)
    return sum(upload.size for upload in call.uploads) if is_sound else 0


def _pictures(call: FormCall) -> int:
    if call.task not in _PICTURES:
        return 0
    said = dict(call.fields).get("n", "1")
    return int(said) if said.isdecimal() and len(said) <= _DIGITS else 1


def _made(quality: str) -> int:
    return _MADE_ROUGHLY.get(quality, _MADE_IMAGE)


def _tokens_of_prompt(fields: Mapping[str, msgspec.Raw], bytes_of_token: int) -> int:
    tokens = 0
    for name in _PROMPT_FIELDS:
        raw = fields.get(name)
        if raw is None:
            continue
        text = bytes(raw)
        size = len(text)
        if size > _BASE64_LEAST:
            for found in _BASE64.finditer(text):
                length = found.end() - found.start()
                size -= length
                tokens += _IMAGE * -(-length // _IMAGE_BYTES)
        tokens += -(-size // bytes_of_token) + _IMAGE * len(_LINK.findall(text))
    return tokens


def _count(call: Call, name: str) -> int | None:
    raw = call.fields.get(name)
    try:
        return None if raw is None else min(max(0, _number.decode(raw)), _MOST_COUNT)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _said(call: Call, name: str) -> str:
    raw = call.fields.get(name)
    try:
        return "" if raw is None else _text.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
