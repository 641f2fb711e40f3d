"""
Providers that speak OpenAI's API: one entry each.

The name is the prefix of C{litellm_params.model} in a LiteLLM configuration.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class OpenAIShaped:
    """
    A provider.

    @ivar base_url: Where its API is; C{None}: the deployment must say C{api_base}.
    @ivar key_variable: The environment variable that holds its key.
    @ivar base_variable: The environment variable that overrides the base URL, if there is one.
    @ivar refuses: Fields of OpenAI's API that it answers with an error; for requests that are made
        here, since a caller's own fields travel on as they came.
    """

    base_url: str | None
    key_variable: str
    base_variable: str | None = None
    refuses: frozenset[str] = frozenset()


OPENAI_SHAPED = {
    "openai": OpenAIShaped("https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_API_BASE"),
    "groq": OpenAIShaped("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "cerebras": OpenAIShaped("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "openrouter": OpenAIShaped("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "huggingface": OpenAIShaped("https://router.huggingface.co/v1", "HUGGINGFACE_API_KEY"),
    "mistral": OpenAIShaped(
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        refuses=frozenset(("stream_options", "user")),
    ),
    "deepseek": OpenAIShaped("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "together_ai": OpenAIShaped("https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    "fireworks_ai": OpenAIShaped("https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"),
    "xai": OpenAIShaped("https://api.x.ai/v1", "XAI_API_KEY"),
    "perplexity": OpenAIShaped("https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    "ollama": OpenAIShaped("http://localhost:11434/v1", "OLLAMA_API_KEY", "OLLAMA_API_BASE"),
    "ollama_chat": OpenAIShaped("http://localhost:11434/v1", "OLLAMA_API_KEY", "OLLAMA_API_BASE"),
    "hosted_vllm": OpenAIShaped(None, "HOSTED_VLLM_API_KEY", "HOSTED_VLLM_API_BASE"),
    "lm_studio": OpenAIShaped(
        "http://localhost:1234/v1", "LM_STUDIO_API_KEY", "LM_STUDIO_API_BASE"
    ),
}
