"""
The providers that are asked over HTTP: one entry each.

The name is the prefix of C{litellm_params.model} in a LiteLLM configuration.
"""

from __future__ import annotations

from twisted_aigate.gateway.providers.further import FURTHER
from twisted_aigate.gateway.providers.remote import OpenAIShaped, Remote

OPENAI_SHAPED = {
    "openai": OpenAIShaped(
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        "OPENAI_API_BASE",
        more_base_variables=("OPENAI_BASE_URL",),
        responses=True,
        realtime=True,
    ),
    "groq": OpenAIShaped(
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        "GROQ_API_BASE",
        refuses=frozenset(("logprobs", "top_logprobs", "logit_bias", "web_search_options")),
    ),
    "cerebras": OpenAIShaped(
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
        "CEREBRAS_API_BASE",
        refuses=frozenset(("frequency_penalty", "presence_penalty", "logit_bias")),
    ),
    "openrouter": OpenAIShaped(
        "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "OPENROUTER_API_BASE", ("OR_API_KEY",)
    ),
    "huggingface": OpenAIShaped(
        "https://router.huggingface.co/v1", "HUGGINGFACE_API_KEY", None, ("HF_TOKEN",)
    ),
    "mistral": OpenAIShaped(
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "MISTRAL_API_BASE",
        refuses=frozenset(
            (
                "stream_options", "user", "seed", "logprobs", "top_logprobs", "logit_bias",
                "max_completion_tokens", "metadata", "service_tier", "store", "modalities",
                "audio", "verbosity", "safety_identifier", "web_search_options",
            )
        ),
    ),
    "deepseek": OpenAIShaped(
        "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "DEEPSEEK_API_BASE"
    ),
    "together_ai": OpenAIShaped(
        "https://api.together.xyz/v1", "TOGETHERAI_API_KEY", "TOGETHER_AI_API_BASE",
        ("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"),
    ),
    "fireworks_ai": OpenAIShaped(
        "https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY", "FIREWORKS_API_BASE",
        ("FIREWORKS_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    ),
    "xai": OpenAIShaped("https://api.x.ai/v1", "XAI_API_KEY", "XAI_API_BASE", realtime=True),
    "perplexity": OpenAIShaped(
        "https://api.perplexity.ai",
        "PERPLEXITYAI_API_KEY",
        "PERPLEXITY_API_BASE",
        ("PERPLEXITY_API_KEY",),
        refuses=frozenset(
            ("tools", "tool_choice", "parallel_tool_calls", "n", "logit_bias", "seed", "stop")
        ),
    ),
    "jina_ai": OpenAIShaped(
        "https://api.jina.ai/v1", "JINA_AI_API_KEY", "JINA_AI_API_BASE"
    ),
    "ollama": OpenAIShaped(
        "http://localhost:11434/v1", "OLLAMA_API_KEY", "OLLAMA_API_BASE", path="/v1"
    ),
    "ollama_chat": OpenAIShaped(
        "http://localhost:11434/v1", "OLLAMA_API_KEY", "OLLAMA_API_BASE", path="/v1"
    ),
    "speaches": OpenAIShaped(
        "http://localhost:8000/v1", "SPEACHES_API_KEY", "SPEACHES_API_BASE", realtime=True
    ),
    "hosted_vllm": OpenAIShaped(
        None, "HOSTED_VLLM_API_KEY", "HOSTED_VLLM_API_BASE", realtime=True
    ),
    "lm_studio": OpenAIShaped(
        "http://localhost:1234/v1", "LM_STUDIO_API_KEY", "LM_STUDIO_API_BASE"
    ),
    **FURTHER,
}  # fmt: skip

OTHER_SHAPED = {
    "anthropic": Remote("https://api.anthropic.com", "ANTHROPIC_API_KEY", "ANTHROPIC_API_BASE"),
    "gemini": Remote(
        "https://generativelanguage.googleapis.com/v1beta",
        "GEMINI_API_KEY",
        "GEMINI_API_BASE",
        ("GOOGLE_API_KEY",),
    ),
    "cohere": Remote(
        "https://api.cohere.com", "COHERE_API_KEY", "COHERE_API_BASE", ("CO_API_KEY",)
    ),
    "azure": OpenAIShaped(None, "AZURE_API_KEY", "AZURE_API_BASE", responses=True),
    "azure_ai": OpenAIShaped(None, "AZURE_AI_API_KEY", "AZURE_AI_API_BASE"),
}
"""Those that speak a language of their own, or OpenAI's at other paths."""

REMOTE: dict[str, Remote] = {**OPENAI_SHAPED, **OTHER_SHAPED}
"""All of them."""


def entry_of(provider: str) -> str:
    """The name under which a provider is kept: one of them speaks OpenAI's API to all that do."""
    return "openai" if provider in OPENAI_SHAPED else provider
