"""
The models that are in the list without a line of configuration: a group for each provider.

A group is on when its switch (C{GROQ=1}) or its provider's key is set, and off with C{GROQ=0}. The
makers' own groups have the names that their own clients use; whoever serves others' models has its
name in front. An entry of C{model_list} takes the place of the model here that has its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import Factory, frozen


@frozen
class ShippedModel:
    """
    A model.

    @ivar name: What callers ask for.
    @ivar model: What the provider calls it.
    @ivar mode: What it is for, as in LiteLLM's C{model_info}.
    @ivar info: What else C{model_info} would say.
    """

    name: str
    model: str
    mode: str = "chat"
    info: Mapping[str, Any] = Factory(dict)


@frozen
class ShippedGroup:
    """
    The models of a provider.

    @ivar provider: Its name, and that of its switch.
    @ivar variable: The environment variable that turns them on by itself.
    @ivar models: The one first that C{default} is to be.
    """

    provider: str
    variable: str
    models: tuple[ShippedModel, ...]

    def is_on(self, switch: bool | None, environment: Mapping[str, str]) -> bool:
        """
        Whether its models are in the list.

        @param switch: What its switch says.
        """
        return bool(environment.get(self.variable)) if switch is None else switch


def _thinking(most: int) -> dict[str, Any]:
    return {"supports_reasoning": True, "max_output_tokens": most}


def _reading(most: int) -> dict[str, Any]:
    return {**_thinking(most), "supports_pdf_input": True}


_CLAUDE = _reading(128_000)
_GPT = _reading(128_000)
_GEMINI = _reading(65_536)
_EMBEDDING = "embedding"
_TRANSCRIPTION = "audio_transcription"
_SPEECH = "audio_speech"
_IMAGES = "image_generation"
_MODERATION = "moderation"
_RERANK = "rerank"

SHIPPED = (
    ShippedGroup(
        "anthropic",
        "ANTHROPIC_API_KEY",
        (
            ShippedModel("claude-sonnet-5-5", "claude-sonnet-5-5", info=_CLAUDE),
            ShippedModel("claude-opus-5-5", "claude-opus-5-5", info=_CLAUDE),
            ShippedModel("claude-haiku-5-5", "claude-haiku-5-5", info=_CLAUDE),
            ShippedModel("claude-haiku-4-5", "claude-haiku-4-5", info=_reading(64_000)),
        ),
    ),
    ShippedGroup(
        "openai",
        "OPENAI_API_KEY",
        (
            ShippedModel("gpt-6.1-sol", "gpt-6.1-sol", info=_GPT),
            ShippedModel("gpt-6.1-terra", "gpt-6.1-terra", info=_GPT),
            ShippedModel("gpt-6-luna", "gpt-6-luna", info=_GPT),
            ShippedModel("gpt-5.4-mini", "gpt-5.4-mini", info=_GPT),
            ShippedModel("text-embedding-3-small", "text-embedding-3-small", _EMBEDDING),
            ShippedModel("text-embedding-3-large", "text-embedding-3-large", _EMBEDDING),
            ShippedModel("gpt-transcribe", "gpt-transcribe", _TRANSCRIPTION),
            ShippedModel("whisper-1", "whisper-1", _TRANSCRIPTION),
            ShippedModel("gpt-4o-mini-tts", "gpt-4o-mini-tts", _SPEECH),
            ShippedModel("gpt-image-2.5-flare", "gpt-image-2.5-flare", _IMAGES),
            ShippedModel("gpt-image-2.5-sunburst", "gpt-image-2.5-sunburst", _IMAGES),
            ShippedModel("gpt-image-1-mini", "gpt-image-1-mini", _IMAGES),
            ShippedModel("omni-moderation-latest", "omni-moderation-latest", _MODERATION),
        ),
    ),
    ShippedGroup(
        "gemini",
        "GEMINI_API_KEY",
        (
            ShippedModel("gemini-3.8-flash", "gemini-3.8-flash", info=_GEMINI),
            ShippedModel("gemini-4-argon", "gemini-4-argon", info=_reading(1_048_576)),
            ShippedModel("gemini-3.5-flash-lite", "gemini-3.5-flash-lite", info=_GEMINI),
            ShippedModel("gemini-embedding-001", "gemini-embedding-001", _EMBEDDING),
            ShippedModel("gemini-3.1-flash-lite-image", "gemini-3.1-flash-lite-image", _IMAGES),
        ),
    ),
    ShippedGroup(
        "mistral",
        "MISTRAL_API_KEY",
        (
            ShippedModel("mistral-medium", "mistral-medium-latest"),
            ShippedModel("mistral-large", "mistral-large-latest"),
            ShippedModel("mistral-small", "mistral-small-latest"),
            ShippedModel("mistral-codestral", "codestral-latest"),
            ShippedModel("mistral-ministral-8b", "ministral-8b-latest"),
            ShippedModel("mistral-embed", "mistral-embed", _EMBEDDING),
            ShippedModel("mistral-voxtral-mini", "voxtral-mini-latest", _TRANSCRIPTION),
        ),
    ),
    ShippedGroup(
        "cohere",
        "COHERE_API_KEY",
        (
            ShippedModel("cohere-command-a-plus", "command-a-plus-05-2026", info=_thinking(64_000)),
            ShippedModel("cohere-command-a", "command-a-03-2025"),
            ShippedModel("cohere-command-r7b", "command-r7b-12-2024"),
            ShippedModel("cohere-embed-v4", "embed-v4.0", _EMBEDDING),
            ShippedModel("cohere-embed-multilingual-v3", "embed-multilingual-v3.0", _EMBEDDING),
            ShippedModel("cohere-rerank-v5-pro", "rerank-v5.0-pro", _RERANK),
            ShippedModel("cohere-rerank-v3.5", "rerank-v3.5", _RERANK),
        ),
    ),
    ShippedGroup(
        "groq",
        "GROQ_API_KEY",
        (
            ShippedModel("groq-gpt-oss-120b", "openai/gpt-oss-120b", info=_thinking(65_536)),
            ShippedModel("groq-gpt-oss-20b", "openai/gpt-oss-20b", info=_thinking(65_536)),
            ShippedModel("groq-qwen3.8-27b", "qwen/qwen3.8-27b"),
            ShippedModel("groq-whisper-large-v3-turbo", "whisper-large-v3-turbo", _TRANSCRIPTION),
            ShippedModel("groq-whisper-large-v3", "whisper-large-v3", _TRANSCRIPTION),
            ShippedModel("groq-orpheus", "canopylabs/orpheus-v1-english", _SPEECH),
        ),
    ),
    ShippedGroup(
        "cerebras",
        "CEREBRAS_API_KEY",
        (
            ShippedModel("cerebras-gpt-oss-120b", "gpt-oss-120b", info=_thinking(32_768)),
            ShippedModel("cerebras-qwen-3.8-27b", "qwen-3.8-27b"),
            ShippedModel("cerebras-gemma-4-31b", "gemma-4-31b"),
        ),
    ),
    ShippedGroup(
        "openrouter",
        "OPENROUTER_API_KEY",
        (
            ShippedModel("openrouter-auto", "openrouter/auto"),
            ShippedModel("openrouter-claude-sonnet-5.5", "anthropic/claude-sonnet-5.5"),
            ShippedModel("openrouter-deepseek-v4-pro", "deepseek/deepseek-v4-pro"),
            ShippedModel("openrouter-llama-3.3-70b", "meta-llama/llama-3.3-70b-instruct"),
        ),
    ),
    ShippedGroup(
        "huggingface",
        "HUGGINGFACE_API_KEY",
        (
            ShippedModel("huggingface-gpt-oss-120b", "openai/gpt-oss-120b"),
            ShippedModel("huggingface-gpt-oss-20b", "openai/gpt-oss-20b"),
            ShippedModel("huggingface-llama-3.3-70b", "meta-llama/Llama-3.3-70B-Instruct"),
            ShippedModel("huggingface-deepseek-v3.1", "deepseek-ai/DeepSeek-V3.1"),
        ),
    ),
    ShippedGroup(
        "ollama",
        "OLLAMA_API_BASE",
        (
            ShippedModel("ollama-llama3.2", "llama3.2"),
            ShippedModel("ollama-qwen3", "qwen3"),
            ShippedModel("ollama-gpt-oss-20b", "gpt-oss:20b"),
            ShippedModel("ollama-nomic-embed-text", "nomic-embed-text", _EMBEDDING),
        ),
    ),
    ShippedGroup(
        "speaches",
        "SPEACHES_API_BASE",
        (
            ShippedModel("speaches-whisper-small", "Systran/faster-whisper-small", _TRANSCRIPTION),
            ShippedModel(
                "speaches-whisper-large-v3", "Systran/faster-whisper-large-v3", _TRANSCRIPTION
            ),
            ShippedModel("speaches-kokoro", "speaches-ai/Kokoro-82M-v1.0-ONNX", _SPEECH),
        ),
    ),
)
"""The groups; of several that are on the first one's first chat model is C{default}."""


_MODES = {(group.provider, model.model): model.mode for group in SHIPPED for model in group.models}


def known_mode(provider: str, model: str) -> str:
    """
    What a provider's model is for, where nobody says it.

    @param model: What the provider calls it.
    """
    return _MODES.get((provider, model), "chat")
