"""
The providers that are asked over HTTP: one entry each.

The name is the prefix of C{litellm_params.model} in a LiteLLM configuration.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Remote:
    """
    A provider that is asked over HTTP.

    @ivar base_url: Where its API is; C{None}: the deployment must say C{api_base}.
    @ivar key_variable: The environment variable that holds its key.
    @ivar base_variable: The environment variable that overrides the base URL, if there is one.
    """

    base_url: str | None
    key_variable: str
    base_variable: str | None = None


@frozen
class OpenAIShaped(Remote):
    """
    One that speaks OpenAI's API.

    @ivar responses: It serves the Responses API too. Only at its own address: at another there may
        be anything that speaks of chats, and C{model_info} says what it has.
    @ivar refuses: Fields of OpenAI's API that it answers with an error. They are left out of what
        is made here, and of a caller's own with C{drop_params}.
    @ivar realtime: It speaks the Realtime API too.
    """

    refuses: frozenset[str] = frozenset()
    responses: bool = False
    realtime: bool = False


OPENAI_SHAPED = {
    "openai": OpenAIShaped(
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        "OPENAI_API_BASE",
        responses=True,
        realtime=True,
    ),
    "groq": OpenAIShaped(
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        refuses=frozenset(("logprobs", "top_logprobs", "logit_bias", "web_search_options")),
    ),
    "cerebras": OpenAIShaped(
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
        refuses=frozenset(("frequency_penalty", "presence_penalty", "logit_bias")),
    ),
    "openrouter": OpenAIShaped("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "huggingface": OpenAIShaped("https://router.huggingface.co/v1", "HUGGINGFACE_API_KEY"),
    "mistral": OpenAIShaped(
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        refuses=frozenset(
            (
                "stream_options", "user", "seed", "logprobs", "top_logprobs", "logit_bias",
                "max_completion_tokens", "metadata", "service_tier", "store", "modalities",
                "audio", "verbosity", "safety_identifier", "web_search_options",
            )
        ),
    ),
    "deepseek": OpenAIShaped("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "together_ai": OpenAIShaped("https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    "fireworks_ai": OpenAIShaped("https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"),
    "xai": OpenAIShaped("https://api.x.ai/v1", "XAI_API_KEY", realtime=True),
    "perplexity": OpenAIShaped(
        "https://api.perplexity.ai",
        "PERPLEXITYAI_API_KEY",
        refuses=frozenset(
            ("tools", "tool_choice", "parallel_tool_calls", "n", "logit_bias", "seed", "stop")
        ),
    ),
    "jina_ai": OpenAIShaped(
        "https://api.jina.ai/v1", "JINA_AI_API_KEY", "JINA_AI_API_BASE"
    ),
    "ollama": OpenAIShaped("http://localhost:11434/v1", "OLLAMA_API_KEY", "OLLAMA_API_BASE"),
    "ollama_chat": OpenAIShaped("http://localhost:11434/v1", "OLLAMA_API_KEY", "OLLAMA_API_BASE"),
    "speaches": OpenAIShaped(
        "http://localhost:8000/v1", "SPEACHES_API_KEY", "SPEACHES_API_BASE", realtime=True
    ),
    "hosted_vllm": OpenAIShaped(
        None, "HOSTED_VLLM_API_KEY", "HOSTED_VLLM_API_BASE", realtime=True
    ),
    "lm_studio": OpenAIShaped(
        "http://localhost:1234/v1", "LM_STUDIO_API_KEY", "LM_STUDIO_API_BASE"
    ),
}  # fmt: skip

OTHER_SHAPED = {
    "anthropic": Remote("https://api.anthropic.com", "ANTHROPIC_API_KEY", "ANTHROPIC_API_BASE"),
    "gemini": Remote(
        "https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY", "GEMINI_API_BASE"
    ),
    "cohere": Remote("https://api.cohere.com", "COHERE_API_KEY", "COHERE_API_BASE"),
    "azure": OpenAIShaped(None, "AZURE_API_KEY", "AZURE_API_BASE", responses=True),
}
"""Those that speak a language of their own, or OpenAI's at other paths."""

REMOTE: dict[str, Remote] = {**OPENAI_SHAPED, **OTHER_SHAPED}
"""All of them."""


def entry_of(provider: str) -> str:
    """The name under which a provider is kept: one of them speaks OpenAI's API to all that do."""
    return "openai" if provider in OPENAI_SHAPED else provider
