"""
What an answer says that it took, in any of the forms that answers have.

OpenAI's chats, completions, embeddings and images, its Responses and Realtime APIs and
transcriptions, and
Anthropic's messages; DeepSeek's and Groq's ways to say the same, and the units that rerankers bill.
Sources: https://platform.openai.com/docs/api-reference, https://docs.anthropic.com/en/api/messages
and https://docs.cohere.com/reference/rerank
"""

from __future__ import annotations

import msgspec
from attrs import define


class _Cached(msgspec.Struct):
    audio_tokens: float | None = None


class _Details(msgspec.Struct):
    cached_tokens: float | None = None
    audio_tokens: float | None = None
    cached_tokens_details: _Cached | None = None


class _CacheCreation(msgspec.Struct):
    ephemeral_1h_input_tokens: float | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    total_tokens: float | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None
    input_token_details: _Details | None = None
    output_token_details: _Details | None = None
    cache_read_input_tokens: float | None = None
    cache_creation_input_tokens: float | None = None
    cache_creation: _CacheCreation | None = None
    seconds: float | None = None


class _Within(msgspec.Struct):
    usage: _Usage | None = None


class _Billed(msgspec.Struct):
    search_units: float | None = None


class _Meta(msgspec.Struct):
    billed_units: _Billed | None = None


class _Answer(msgspec.Struct):
    usage: _Usage | None = None
    message: _Within | None = None
    response: _Within | None = None
    x_groq: _Within | None = None
    duration: float | None = None
    meta: _Meta | None = None


class _UsageAlone(msgspec.Struct):
    usage: _Usage | None = None


_MOST = 10**12
"""More tokens than any answer takes; a column of the database holds sums of it."""

_answer = msgspec.json.Decoder(_Answer)
_usage_alone = msgspec.json.Decoder(_UsageAlone)


@define
class Usage:
    """
    What an answer took; C{None}: it has not said.

    @ivar prompt: Tokens that were read, all of them.
    @ivar completion: Tokens that were written, thoughts among them.
    @ivar cache_read: Those of the prompt that came out of a cache.
    @ivar cache_write: Those of it that were put into one.
    @ivar cache_write_hour: Those of these that stay there for an hour.
    @ivar prompt_audio: Those of it that are sound.
    @ivar completion_audio: Those that were written that are sound.
    @ivar seconds: How long the sound was.
    @ivar searches: Searches that a reranker bills.
    @ivar is_final: It has said all: what a message begins with is not the last word.
    """

    prompt: int | None = None
    completion: int | None = None
    cache_read: int = 0
    cache_write: int = 0
    cache_write_hour: int = 0
    prompt_audio: int = 0
    completion_audio: int = 0
    seconds: float | None = None
    searches: int | None = None
    is_final: bool = False

    @property
    def total(self) -> int:
        """All tokens that it has said."""
        return (self.prompt or 0) + (self.completion or 0)

    def read(self, document: bytes) -> None:
        """
        Take what an answer, or an event of a stream, says; the last word counts.

        @param document: JSON; what is none says nothing.
        """
        try:
            answer: _Answer | _UsageAlone = _answer.decode(document)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Some field of the same name is another thing.
            try:
                answer = _usage_alone.decode(document)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return
        said = answer.usage
        if isinstance(answer, _Answer):
            for within in (answer.message, answer.response, answer.x_groq):
                if said is None and within is not None:
                    said = within.usage
            if answer.duration is not None:
                self.seconds = answer.duration
            if answer.meta is not None and answer.meta.billed_units is not None:
                self.searches = _whole(answer.meta.billed_units.search_units)
        if said is not None:
            self._take(said)
            self.is_final = not (isinstance(answer, _Answer) and answer.message is not None)

    def _take(self, said: _Usage) -> None:
        if said.seconds is not None:
            self.seconds = said.seconds
        told = (said.prompt_tokens, said.completion_tokens, said.input_tokens, said.output_tokens)
        if said.total_tokens is not None and told == (None,) * 4:
            # Of embeddings and rankings some tell the sum alone: all of it was read.
            self.prompt, self.completion = _whole(said.total_tokens), 0
        elif said.prompt_tokens is not None or said.completion_tokens is not None:
            self._take_openai(said)
        elif said.input_tokens_details is None and said.total_tokens is None:
            self._take_anthropic(said)
        else:
            self._take_responses(said)

    def _take_openai(self, said: _Usage) -> None:
        prompt, completion = _whole(said.prompt_tokens) or 0, _whole(said.completion_tokens)
        if completion is None:
            total = _whole(said.total_tokens)
            completion = 0 if total is None else max(0, total - prompt)
        self.prompt, self.completion = prompt, completion
        details = said.prompt_tokens_details
        cached = None if details is None else details.cached_tokens
        self.cache_read = _whole(said.prompt_cache_hit_tokens if cached is None else cached) or 0
        self.cache_write = _whole(said.cache_creation_input_tokens) or 0
        self._take_audio(details, said.completion_tokens_details)

    def _take_responses(self, said: _Usage) -> None:
        self.prompt = _whole(said.input_tokens) or 0
        self.completion = _whole(said.output_tokens) or 0
        # The Realtime API has the same by names of its own.
        details = said.input_tokens_details or said.input_token_details
        self.cache_read = 0 if details is None else _whole(details.cached_tokens) or 0
        self._take_audio(details, said.output_tokens_details or said.output_token_details)

    def _take_audio(self, read: _Details | None, written: _Details | None) -> None:
        if read is not None:
            cached = read.cached_tokens_details or _Cached()
            # Sound that came out of a cache is counted as that.
            sound = (_whole(read.audio_tokens) or 0) - (_whole(cached.audio_tokens) or 0)
            self.prompt_audio = max(0, sound)
        if written is not None:
            self.completion_audio = _whole(written.audio_tokens) or 0

    def _take_anthropic(self, said: _Usage) -> None:
        # Of a prompt it counts what the caches have apart, and its last event may leave it out.
        before = (self.prompt or 0) - self.cache_read - self.cache_write
        fresh = _whole(said.input_tokens)
        read, written = said.cache_read_input_tokens, said.cache_creation_input_tokens
        self.cache_read = self.cache_read if read is None else _whole(read) or 0
        self.cache_write = self.cache_write if written is None else _whole(written) or 0
        if said.cache_creation is not None:
            self.cache_write_hour = _whole(said.cache_creation.ephemeral_1h_input_tokens) or 0
        fresh = max(0, before) if fresh is None else fresh
        if self.prompt is not None or said.input_tokens is not None:
            self.prompt = fresh + self.cache_read + self.cache_write
        if said.output_tokens is not None:
            self.completion = _whole(said.output_tokens)


def _whole(number: float | None) -> int | None:
    return None if number is None else min(max(0, int(number)), _MOST)
