"""A call to a model, and what comes back: no HTTP, no provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from threading import Lock
from typing import BinaryIO

import msgspec
from attrs import evolve, field, frozen
from twisted.web.iweb import IBodyProducer

from twisted_aigate.gateway.cache.controls import NONE, Controls
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.wishes import NO_WISHES, Wishes


class Task(Enum):
    """What is asked of a model; the value is the path of OpenAI's, Anthropic's or Cohere's API."""

    CHAT = "/chat/completions"
    COMPLETION = "/completions"
    EMBEDDING = "/embeddings"
    SPEECH = "/audio/speech"
    TRANSCRIPTION = "/audio/transcriptions"
    TRANSLATION = "/audio/translations"
    IMAGE = "/images/generations"
    IMAGE_EDIT = "/images/edits"
    IMAGE_VARIATION = "/images/variations"
    MODERATION = "/moderations"
    RERANK = "/rerank"
    MESSAGES = "/messages"
    REALTIME = "/realtime"
    REALTIME_CLIENT = "/realtime/client_secrets"
    REALTIME_SESSION = "/realtime/sessions"
    RESPONSES = "/responses"


MockResponse = str | list[float] | dict[str, msgspec.Raw]
"""Text, a vector, or a whole answer: what stands for a model's own depends on the task."""


@frozen
class Call:
    """
    A call whose request is a JSON object.

    @ivar task: What is asked.
    @ivar model: The model's name as the caller wrote it.
    @ivar fields: The request's fields, each in the text that it came in; the gateway's own
        (C{extra_headers}, C{mock_response}, C{fallbacks}, …) are taken out.
    @ivar body: The request as it came, when C{fields} says nothing else; otherwise C{None}.
    @ivar stream: The caller wants events.
    @ivar extra_headers: Header fields for the provider.
    @ivar mock_response: What to answer in place of a model.
    @ivar protocol_headers: The caller's own header fields that belong to the protocol that it
        speaks, for a provider that speaks it too.
    @ivar cache: What is asked of the cache.
    @ivar checked: Whether its answer must fit the schema that it asks for; C{None}: as configured.
    @ivar wishes: How the caller wants it to be routed.
    """

    task: Task
    model: str
    fields: dict[str, msgspec.Raw]
    body: bytes | None = None
    stream: bool = False
    extra_headers: tuple[tuple[bytes, bytes], ...] = ()
    mock_response: MockResponse | None = None
    protocol_headers: tuple[tuple[bytes, bytes], ...] = ()
    cache: Controls = NONE
    checked: bool | None = None
    wishes: Wishes = NO_WISHES

    def with_defaults(self, defaults: Mapping[str, msgspec.Raw]) -> Call:
        """The call with these fields where it has none of the name."""
        if all(name in self.fields for name in defaults):
            return self
        return evolve(self, fields={**defaults, **self.fields}, body=None)

    def body_for(self, model: str) -> bytes:
        """
        The request for a provider that knows the model as C{model}.

        What came is passed on as it is when nothing in it changes; otherwise only the model's
        name is written anew, and the other fields' text is copied.
        """
        if self.body is not None and model == self.model:
            return self.body
        return msgspec.json.encode({**self.fields, "model": model})


@frozen
class Upload:
    """
    A file that came with a request, on disk.

    @ivar name: The form's field that it came in.
    @ivar file: Open for reading; closed, and its disk space freed, when the request is over.
    @ivar filename: The client's name for it.
    @ivar content_type: The client's media type for it.
    @ivar size: Bytes.
    """

    name: str
    file: BinaryIO
    filename: str
    content_type: str
    size: int
    _reading: Lock = field(factory=Lock, init=False, eq=False, repr=False)

    def read(self, start: int, size: int) -> bytes:
        """
        A piece of it; this blocks.

        Readers don't disturb each other: that of a call which has just failed may still be at it
        when the next call's begins.

        @return: At most C{size} bytes; none at its end.
        """
        with self._reading:
            self.file.seek(start)
            return self.file.read(size)


@frozen
class FormCall:
    """
    A call whose request is a form with files.

    @ivar task: What is asked.
    @ivar model: The model's name as the caller wrote it.
    @ivar fields: The form's other fields, in order; a name may come more than once.
    @ivar uploads: Its files, in order; a name may come more than once.
    @ivar stream: The caller wants events.
    @ivar extra_headers: Header fields for the provider.
    @ivar mock_response: What to answer in place of a model.
    """

    task: Task
    model: str
    fields: tuple[tuple[str, str], ...]
    uploads: tuple[Upload, ...]
    stream: bool = False
    extra_headers: tuple[tuple[bytes, bytes], ...] = ()
    mock_response: MockResponse | None = None


@frozen
class Result:
    """
    What a model answered.

    @ivar body: All of it, or a push producer that makes it as it comes.
    @ivar content_type: Its media type.
    @ivar headers: What the provider says of it, for the caller.
    @ivar describe: Makes an error for the caller of what the body fails with.
    """

    body: bytes | IBodyProducer
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())
    describe: Callable[[Exception], GatewayError] | None = None

    @property
    def is_json(self) -> bool:
        """It is one JSON value."""
        return self.content_type.startswith(b"application/json")

    @property
    def is_events(self) -> bool:
        """It is a stream of server-sent events."""
        return self.content_type.startswith(EVENT_STREAM)

    def drop(self) -> None:
        """Want nothing of the body."""
        if not isinstance(self.body, bytes):
            self.body.stopProducing()

    def described(self, error: Exception) -> GatewayError:
        """What the body failed with, for the caller."""
        if isinstance(error, GatewayError):
            return error
        if self.describe is not None:
            return self.describe(error)
        return GatewayError(502, "The model's answer broke off.", code="connection_broken")
